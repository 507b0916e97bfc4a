"""Random queries on the lists of which no order is documented.

What is compared is the answer alone; which filters are sent, and how many requests, is told by tests of SQL.
"""

from .clauses import Clause, Value, quote

#: list -> the column that names its rows, and how rows of another list are joined with it: their table, and
#: the columns.
LISTS = {
    "phone_models": ("phone_model_name", ("cph_phones", "phone_model_name", "phone_model_name")),
    "images": ("image_id", ("cph_phones", "image_id", "image_id")),
    "encode_servers": ("encode_server_id", ("cph_servers", "server_id", "server_id")),
    "bandwidths": ("band_width_id", ("picks", "n", "band_width_size / 100")),
}

INTEGERS = ["0", "1", "2", "3", "4", "5", "6", "7", "100", "1014", "-1", "99", None]
TEXTS = ["no such", "", "share", "private", "public", "a b/c", "image-1", "0" * 32, None]


class Lists:
    """Makes clauses and queries out of a random generator and a world."""

    def __init__(self, rng, world, shapes):
        self.rng = rng
        self.world = world
        self.shapes = shapes

    def value(self, table, column):
        """A value of a column, or one that it might have had."""
        rng = self.rng
        text = rng.choice(self.world.rows[table.resource]).get(column.field)
        if column.type in ("integer", "bigint"):
            text = rng.choice([text, text, text, rng.choice(INTEGERS)])
            return Value("NULL::integer" if text is None else f"({text})", column.type)
        if column.type == "text":
            return Value(quote(rng.choice([text, text, text, rng.choice(TEXTS)])) + "::text", "text")
        return Value(quote(rng.choice([text, text, "infinity", "1960-01-01", None])) + "::timestamptz", "timestamptz")

    def clause(self, table):
        rng = self.rng
        column = rng.choice([each for each in table.columns if each.type != "jsonb"] +
                            3 * [each for each in table.columns if each.name in
                                 ("status", "type", "image_type", "image_id", "image_name", "server_id", "create_time")])
        templates = ["{c} = {0}"] * 4 + ["{c} IN ({0}, {1})", "{0} = {c}", "{c} <> {0}", "{c} IS NULL", "{c} IS NOT NULL",
                                         "{c} > {0}", "{c} <= {0}", "{c} BETWEEN {0} AND {1}", "({c} = {0} OR {c} = {1})",
                                         "({c} = {0} OR {c} IS NULL)", "{c} IS NOT DISTINCT FROM {0}", "NOT {c} = {0}"]
        if column.type == "text":
            templates += ["{c} LIKE {0}", "{c} LIKE left({0}, 4) || '%'", "{c} ^@ {0}", "upper({c}) = {0}"]
        if column.type == "timestamp with time zone":
            templates += ["{c} >= {0}", "{c} < {0}", "{c} > {0}"] * 2
        template = rng.choice(templates)
        values = tuple(self.value(table, column) for _ in range(2))
        return Clause(template, column.name, values[:template.count("{") - template.count("{c}")]
                      if "{1}" in template else values[:1] if "{0}" in template else ())

    def statements(self):
        """The statements of a query, how many columns of its answer are in order, and the whole that LIMIT cuts."""
        rng = self.rng
        table = self.world.table("cph_" + rng.choice(list(LISTS)))
        name, (other, theirs, ours) = LISTS[table.resource]
        clauses = [self.clause(table) for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 3]))]
        values = [value for clause in clauses for value in clause.values]
        where = self.shapes.where(table, clauses)
        form = rng.choice(["rows"] * 4 + ["count"] * 3 + ["group", "order", "join", "lateral", "semi", "twice"])
        if form == "rows":
            limit = self.shapes.limit() if rng.random() < 0.5 else None

            def text(shown, window):
                sql = f"SELECT * FROM {table.name}{self.shapes.where(table, clauses, '', shown)}"
                return sql + (f" LIMIT {window[0]}" + (f" OFFSET {window[1]}" if window[1] else "") if window else "")

            whole = text(None, None) if limit else None
            if rng.random() < 0.4:
                return self.shapes.prepare(text, values, limit), 0, whole
            return (text(None, limit),), 0, whole
        if form == "count":
            output = rng.choice(["count(*)", "count(*)", "count(*)", f"count({name})", f"count(*), min({name})"])
            return (f"SELECT {output} FROM {table.name}{where}",), 0, None
        if form == "group":
            key = rng.choice([each.name for each in table.columns if each.type != "jsonb"])
            return (f"SELECT {key}, count(*), min({name}) FROM {table.name}{where} GROUP BY {key}",), 0, None
        if form == "order":
            key = rng.choice([each.name for each in table.columns if each.type != "jsonb"])
            return (f"SELECT {key}, {name} FROM {table.name}{where} ORDER BY {key} {rng.choice(['', 'DESC'])}, {name}"
                    f" LIMIT {rng.choice([1, 5, 20, 1000])} OFFSET {rng.choice([0, 0, 3, 50])}",), 2, None
        if form == "join":
            join = rng.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN"])
            return (f"SELECT o.{theirs}, l.* FROM {other} AS o {join} (SELECT * FROM {table.name}{where}) AS l"
                    f" ON o.{theirs} = l.{ours}",), 0, None
        if form == "lateral":
            return (f"SELECT o.n, l.n FROM picks AS o, LATERAL (SELECT count(*) AS n FROM {table.name}"
                    f"{where}{' AND' if where else ' WHERE'} {rng.choice(['status = o.status', f'{ours} = o.{theirs}'])}) AS l"
                    if table.field("status") and other == "picks" else
                    f"SELECT o.n, l.n FROM picks AS o, LATERAL (SELECT {name} AS n FROM {table.name}{where}"
                    f" ORDER BY {name} LIMIT o.n % 4) AS l",), 0, None
        if form == "semi":
            return (f"SELECT {name} FROM {table.name}{where}{' AND' if where else ' WHERE'} {rng.choice(['', 'NOT '])}EXISTS"
                    f" (SELECT FROM {other} AS o WHERE o.{theirs} = {table.name}.{ours})",), 0, None
        return (f"SELECT a.{name} FROM {table.name} AS a JOIN {table.name} AS b USING ({name})"
                f" UNION ALL SELECT {name} FROM {table.name}{where}",), 0, None
