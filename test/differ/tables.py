"""The tables that are asked: foreign ones in schema f, and plain ones with the same rows in schema l.

Beside the two that IMPORT FOREIGN SCHEMA makes there are some with fewer columns, in another order, under
other names and of other types, so that a filter that follows the name of a column instead of its field,
or forgets its type, gives itself away.
"""

from typing import NamedTuple

from simulator.client import rows_of

INTEGERS = ("smallint", "integer", "bigint")
STRINGS = ("text", "character varying", "character varying(64)")


class Column(NamedTuple):
    name: str
    field: str
    type: str
    copy: str           # of the plain copy, from the columns of the imported table

    @property
    def family(self):
        """How the service compares it too; "" if it does not compare so."""
        if self.type in INTEGERS:
            return "integer"
        if self.type in STRINGS:
            return "string"
        return "time" if self.type == "timestamp with time zone" else ""


class Table(NamedTuple):
    name: str
    resource: str
    columns: tuple
    where: tuple = ()       # of a view: (field, value) that it filters by

    @property
    def id(self):
        return self.field("phone_id" if self.resource == "phones" else "server_id")

    @property
    def time(self):
        return self.field("create_time")

    def field_of(self, name):
        """The field that a column shows, or None."""
        return next((column.field for column in self.columns if column.name == name), None)

    def field(self, field):
        """The column that shows a field, or None."""
        return next((column for column in self.columns if column.field == field), None)


def column(name, type_, field=None, copy=None):
    field = field or name
    return Column(name, field, type_, copy or (field if type_ in STRINGS else f"{field}::{type_}"))


UTC = "create_time AT TIME ZONE 'UTC'"

OTHERS = (
    # Other names, another order; "status" is not the status.
    Table("few", "phones", (
        column("happened", "timestamp with time zone", "create_time"),
        column("state", "smallint", "status"),
        column("title", "character varying", "phone_name"),
        column("home", "character varying(64)", "server_id"),
        column("kind", "bigint", "type"),
        column("status", "integer", "volume_mode"),
        column("id", "text", "phone_id"),
        column("ordered", "text", "metadata.order_id", "metadata->>'order_id'"))),
    # Types that do not compare as the service does: all of it is local.
    Table("strange", "phones", (
        column("phone_id", "text"),
        column("status", "text", copy="status::text"),
        column("type", "numeric"),
        column("phone_name", "character(40)", copy="phone_name::character(40)"),
        column("create_time", "timestamp without time zone", copy=UTC),
        column("server_id", "name", copy="server_id::name"))),
    Table("racks", "servers", (
        column("model", "text", "phone_model_name"),
        column("phone_model_name", "text", "server_model_name"),
        column("label", "text", "server_name"),
        column("net", "character varying(64)", "network_version"),
        column("made", "timestamp with time zone", "create_time"),
        column("state", "bigint", "status"),
        column("rack", "text", "server_id"),
        column("charged", "integer", "metadata.charging_mode", "(metadata->>'charging_mode')::integer"))),
)

# Clauses that the planner must see through, or stop at.
VIEWS = """
CREATE VIEW {s}.running AS SELECT * FROM {s}.cph_phones WHERE status = 2;
CREATE VIEW {s}.guarded WITH (security_barrier) AS SELECT * FROM {s}.cph_phones WHERE status = 2;
"""

# What is joined with: values that there are, that there are not, and none.
PICKS = """
CREATE TABLE picks (n integer, server_id text, status integer, name text, since timestamptz);
INSERT INTO picks
SELECT n, CASE n % 7 WHEN 5 THEN repeat('0', 32) WHEN 6 THEN NULL ELSE s.server_id END,
       (ARRAY[2, 8, NULL, 0, 1, -7, 99, 7, 5])[1 + n % 9], p.phone_name, p.create_time
  FROM (SELECT server_id, row_number() OVER (ORDER BY server_id) AS n FROM l.cph_servers) AS s
  JOIN (SELECT phone_name, create_time, row_number() OVER (ORDER BY phone_id) AS n FROM l.cph_phones) AS p
 USING (n)
 WHERE n <= 20;
INSERT INTO picks SELECT n + 100, server_id, status, name, since FROM picks WHERE n <= 3;
INSERT INTO picks VALUES (200, '', 2, '', NULL);
ANALYZE picks;
CREATE FUNCTION own(anyelement) RETURNS anyelement STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN $1; END $$;
CREATE FUNCTION own_read(anyelement) RETURNS anyelement STABLE LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE WHEN EXISTS (SELECT FROM cph_bandwidths) THEN $1 END;
END $$;
"""

# Rows that are odd in some field, by their place in the list.
ODD = {
    "phones": {
        3: {"phone_name": None}, 4: {"phone_name": ""}, 5: {"phone_name": "%"}, 6: {"phone_name": "_"},
        8: {"phone_name": "\\"}, 9: {"phone_name": "mobile-0001"}, 10: {"phone_name": "MOBILE-0001"},
        12: {"phone_name": "a'b\"c"}, 14: {"phone_name": "手机"}, 15: {"phone_name": "手机-手机"},
        16: {"phone_name": "mobile-"}, 21: {"phone_name": "xmobile-0001"}, 22: {"phone_name": " mobile "},
        25: {"server_id": None}, 26: {"server_id": ""}, 27: {"status": None}, 28: {"status": 99},
        30: {"status": -1}, 31: {"type": None}, 32: {"type": 7}, 33: {"metadata": None},
        401: {"phone_name": "100%"}, 402: {"phone_name": "a_b"}, 403: {"phone_name": "a\\_b"},
        404: {"phone_name": "É"}, 405: {"phone_name": "é"}, 406: {"status": 0}, 407: {"status": 1}},
    "servers": {
        3: {"server_name": None}, 4: {"server_name": ""}, 5: {"status": 99}, 6: {"status": None},
        7: {"network_version": None}, 8: {"network_version": "v3"}, 9: {"network_version": ""},
        10: {"phone_model_name": None}, 11: {"phone_model_name": ""}, 12: {"server_name": "机-1"},
        13: {"server_name": "SERVER-1"}, 14: {"server_name": "server\\1"}},
    "phone_models": {2: {"status": None}, 3: {"status": 7}, 4: {"cpu": None}, 5: {"fps": None}},
    "images": {1: {"status": None}, 2: {"status": 9}, 3: {"image_type": "public"}, 4: {"image_name": None},
               5: {"image_name": ""}, 6: {"image_name": "机 1"}, 7: {"image_size": None}, 8: {"image_type": None}},
    "encode_servers": {1: {"type": None}, 2: {"type": 5}, 3: {"server_id": None}, 4: {"status": None},
                       5: {"status": 100}, 6: {"server_id": ""}},
    "bandwidths": {1: {"band_width_size": None}, 2: {"band_width_name": None}},
}


class World:
    """The lists as they are, and the tables over them.

    rows: list -> its rows, newest first, each a dict of text
    tables: those of schema f and l
    """

    def __init__(self):
        self.rows = {}
        self.tables = []

    def fill(self, service, reading, seed, phones, servers):
        """Makes the service's data, and reads it."""
        service.reset(**{"phones": phones, "servers": servers, "images": 130, "encode_servers": 230, "bandwidths": 25,
                         "seed": seed, "ties": 0.3, **reading.reset})
        for resource, changes in ODD.items():
            for index, fields in changes.items():
                service.control("POST", "update", list=resource, index=index, set=fields)
        service.set(**reading.settings)
        self.copies = {resource: service.copy(resource) for resource in ODD}

    def phones(self, service):
        """The rows of the list of phones as it is now."""
        return rows_of(service.copy(), [each.name for each in self.tables[0].columns])

    def read_again(self, service):
        """Reads the phones, which have changed, for values to ask for; the plain tables stay."""
        self.rows["phones"] = self.phones(service)

    def create(self, psql, service):
        """Makes the tables of both schemas and fills the plain ones."""
        def do(sql):
            answer = psql.run(sql)
            if answer.failed:
                raise SystemExit(f"{sql}\n{answer.sqlstate}: {answer.message}")
            return answer.rows

        do("CREATE EXTENSION cph_fdw")
        do(f"CREATE SERVER cph FOREIGN DATA WRAPPER cph_fdw OPTIONS "
           f"(endpoint 'http://127.0.0.1:{service.port}', project_id '{service.project}')")
        do(f"CREATE USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (token '{service.token}')")
        do("CREATE SCHEMA f; CREATE SCHEMA l")
        do("IMPORT FOREIGN SCHEMA cph FROM SERVER cph INTO f")
        for resource in self.copies:
            name = f"cph_{resource}"
            columns = tuple(column(*row) for row in do(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                f" WHERE attrelid = 'f.{name}'::regclass AND attnum > 0 ORDER BY attnum"))
            self.tables.append(Table(name, resource, columns))
            do(f"CREATE TABLE l.{name} (LIKE f.{name})")
            psql.send(f"\\copy l.{name} FROM pstdin\n{self.copies[resource]}\\.\n")
            self.rows[resource] = rows_of(self.copies[resource], [each.name for each in columns])
        for table in OTHERS:
            self.create_other(do, table)
        for schema in "f", "l":
            do(VIEWS.format(s=schema))
        phones = self.tables[0]
        self.tables += [Table("running", "phones", phones.columns, (("status", "2"),)),
                        Table("guarded", "phones", phones.columns, (("status", "2"),))]
        do(PICKS)
        for resource in self.copies:
            do(f"ANALYZE l.cph_{resource}")

    def create_other(self, do, table):
        definitions = ", ".join(f"{each.name} {each.type} OPTIONS (field '{each.field}')"
                                for each in table.columns)
        copies = ", ".join(f"{each.copy} AS {each.name}" for each in table.columns)
        do(f"CREATE FOREIGN TABLE f.{table.name} ({definitions}) SERVER cph"
           f" OPTIONS (resource '{table.resource}')")
        do(f"CREATE TABLE l.{table.name} (LIKE f.{table.name})")
        do(f"INSERT INTO l.{table.name} SELECT {copies} FROM l.cph_{table.resource}")
        self.tables.append(table)

    def table(self, name):
        return next(table for table in self.tables if table.name == name)
