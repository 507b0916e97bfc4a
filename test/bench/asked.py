"""How many requests queries and reports take, beside the least that the interface allows.

The least is what someone would need who knows all data: pages full of just the rows that the service's filters
leave, without a row twice.  cph_fdw may need more where it does not know: each page but the first starts with the
last row of the page before, the end of a list may have to be seen, and a count that is filtered is proved once a
connection.

Copyright (c) 2026, the cph_fdw developers
"""

from typing import NamedTuple

from common import Service, Session

PHONES, SERVERS = 20_000, 200


class Query(NamedTuple):
    title: str
    sql: str
    least: str          # SQL over the copies
    more: str = "0"     # that it may take beyond that


def page_after_page(condition):
    """What the overlap of a stream's pages may add, and a last look."""
    return f"overlap(count(*)) FROM local_phones WHERE {condition}"


ALL = "pages(count(*)) FROM local_phones"
ALL_MORE = page_after_page("true")
# A count of each documented value of a status, and the pages of the phones that are being created.
VALUES = "11 + pages(count(*)) FROM local_phones WHERE status IN (0, 1)"
PROOF = "3"     # the number of all before and after, and once that a filter is counted
SERVERS_TOO = "2 + pages(count(*)) FROM local_phones"
SERVERS_MORE = "1 + overlap(count(*)) FROM local_phones"
ABNORMAL = ("(SELECT sum(pages(n)) FROM "
            "(SELECT count(*) AS n FROM local_phones WHERE status IN (-7, -8) GROUP BY status) x)")

QUERIES = [
    Query("all phones", "SELECT count(imei), count(DISTINCT phone_id) FROM cph_phones", ALL, ALL_MORE),
    Query("LIMIT", "SELECT * FROM cph_phones LIMIT 10", "1"),
    Query("LIMIT, OFFSET", "SELECT * FROM cph_phones LIMIT 10 OFFSET 5000", "1"),
    Query("status, LIMIT", "SELECT * FROM cph_phones WHERE status = 2 LIMIT 10", "1"),
    Query("newest", "SELECT create_time FROM cph_phones ORDER BY create_time DESC LIMIT 10", "1"),
    Query("through a view", "SELECT * FROM running_phones LIMIT 10", "1"),
    Query("EXISTS", "SELECT EXISTS (SELECT FROM cph_phones)", "1"),
    Query("number of phones", "SELECT count(*) FROM cph_phones", "1"),
    Query("newest time", "SELECT max(create_time) FROM cph_phones", "1"),
    Query("name", "SELECT * FROM cph_phones WHERE phone_name = 'mobile-000012'", "1"),
    Query("prefix of a name", "SELECT * FROM cph_phones WHERE phone_name LIKE 'mobile-00012%'", "1"),
    Query("phones of a server", "SELECT * FROM cph_phones WHERE server_id = :server", "1"),
    Query("label of a status", "SELECT * FROM cph_phones WHERE cph_phone_status(status) = 'frozen'",
          "pages(count(*)) FROM local_phones WHERE cph_phone_status(status) = 'frozen'"),
    Query("LIMIT under what is local", "SELECT * FROM cph_phones WHERE imei LIKE '%5' LIMIT 5", "1"),
    Query("number of a status", "SELECT count(*) FROM cph_phones WHERE status = 2", "1", "1"),
    Query("two statuses", "SELECT * FROM cph_phones WHERE status IN (8, -7)",
          "sum(pages(n)) FROM (SELECT count(*) AS n FROM local_phones WHERE status IN (8, -7) GROUP BY status) x",
          "sum(overlap(n)) FROM (SELECT count(*) AS n FROM local_phones WHERE status IN (8, -7) GROUP BY status) x"),
    Query("since a time", "SELECT * FROM cph_phones WHERE create_time >= :time",
          "pages(count(*)) FROM local_phones WHERE create_time >= :time", "1"),
    Query("join with 10 servers", "SELECT * FROM ten JOIN cph_phones USING (server_id)", "10"),
    Query("false", "SELECT * FROM cph_phones WHERE false", "0"),
    Query("NULL", "SELECT * FROM cph_phones WHERE server_id = NULL", "0"),
    Query("LIMIT 0", "SELECT * FROM cph_phones LIMIT 0", "0"),
    Query("EXPLAIN", "EXPLAIN (VERBOSE) SELECT * FROM cph_phones WHERE status = 2 LIMIT 10", "0"),
    Query("PREPARE", "PREPARE p AS SELECT * FROM cph_phones", "0"),
]

REPORTS = [
    Query("fleet by status", "SELECT cph_phone_status(status), count(*) FROM cph_phones GROUP BY 1", VALUES, PROOF),
    Query("phones that do not run", "SELECT count(*) FROM cph_phones WHERE status <> 2", VALUES, PROOF),
    Query("running phones, and all", "SELECT count(*) FILTER (WHERE status = 2), count(*) FROM cph_phones", "2", "1"),
    Query("phones by server, with its model", "SELECT s.server_name, s.server_model_name, count(p.phone_id) "
          "FROM cph_servers s LEFT JOIN cph_phones p USING (server_id) GROUP BY 1, 2", SERVERS_TOO, SERVERS_MORE),
    Query("phones of 10 racks", "SELECT r.rack, p.phone_id FROM racks r JOIN cph_phones p USING (server_id)", "10"),
    Query("running phones of 10 racks", "SELECT r.rack, count(*) FROM racks r JOIN cph_phones p USING (server_id) "
          "WHERE p.status = 2 GROUP BY 1", "10"),
    Query("abnormal phones by server", "SELECT s.server_name, count(*) FROM cph_phones p "
          "JOIN cph_servers s USING (server_id) WHERE p.status IN (-7, -8) GROUP BY 1", f"2 + {ABNORMAL}", "1"),
    Query("phones of 1,000 users", "SELECT u.name, p.phone_name FROM users u JOIN cph_phones p USING (phone_id)",
          ALL, ALL_MORE),
    Query("servers of 10 racks", "SELECT r.rack, s.server_name FROM racks r JOIN cph_servers s USING (server_id)",
          "2", "1"),
    Query("servers by zone and model", "SELECT availability_zone, server_model_name, count(*) FROM cph_servers "
          "GROUP BY 1, 2", "2", "1"),
    Query("phones since a date", "SELECT phone_id, phone_name FROM cph_phones "
          "WHERE create_time >= timestamptz :newest - interval '30 days'",
          "pages(count(*)) FROM local_phones WHERE create_time >= timestamptz :newest - interval '30 days'",
          "1 + overlap(count(*)) FROM local_phones WHERE create_time >= timestamptz :newest - interval '30 days'"),
    Query("phones of a server, by its name", "SELECT p.phone_id FROM cph_servers s JOIN cph_phones p USING (server_id) "
          "WHERE s.server_name = 'server-0007'", "2"),
    Query("names by prefix", "SELECT phone_id FROM cph_phones WHERE phone_name LIKE 'mobile-01%'",
          "pages(count(*)) FROM local_phones WHERE phone_name LIKE 'mobile-01%'",
          page_after_page("phone_name LIKE 'mobile-01%'")),
    Query("count by status, of 5", "SELECT s, c.n FROM unnest('{2,6,8,-7,-8}'::integer[]) AS s, "
          "LATERAL (SELECT count(*) AS n FROM cph_phones WHERE status = s) AS c", "5", "1"),
    Query("servers without phones", "SELECT server_name FROM cph_servers s WHERE NOT EXISTS "
          "(SELECT FROM cph_phones p WHERE p.server_id = s.server_id)", SERVERS_TOO, SERVERS_MORE),
    Query("servers with the most phones", "SELECT server_id, count(*) FROM cph_phones GROUP BY 1 "
          "ORDER BY 2 DESC LIMIT 10", ALL, ALL_MORE),
    Query("frozen phones, with servers", "SELECT p.phone_name, s.server_name FROM cph_phones p "
          "JOIN cph_servers s USING (server_id) WHERE cph_phone_status(p.status) = 'frozen'",
          "2 + pages(count(*)) FROM local_phones WHERE cph_phone_status(status) = 'frozen'", "1"),
]

# What an administrator knows besides, copies, and the arithmetic of pages.
SETUP = """
CREATE TABLE ten AS SELECT server_id FROM local_servers LIMIT 10;
CREATE TABLE racks AS SELECT server_id, 'rack ' || row_number() OVER () AS rack FROM local_servers
 ORDER BY md5(server_id) LIMIT 10;
CREATE TABLE users AS SELECT phone_id, 'user ' || row_number() OVER () AS name FROM local_phones
 WHERE status = 2 LIMIT 1000;
CREATE VIEW running_phones AS SELECT * FROM cph_phones WHERE status = 2;
CREATE FUNCTION pages(bigint) RETURNS bigint LANGUAGE SQL AS 'SELECT greatest(1, ($1 + 199) / 200)';
CREATE FUNCTION overlap(bigint) RETURNS bigint LANGUAGE SQL AS 'SELECT greatest(1, ($1 + 197) / 199) + 1 - pages($1)';
ANALYZE"""


def run(bench):
    service = Service(phones=PHONES, servers=SERVERS)
    service.set(creating="all")
    session = Session()
    session.attach_all("bench", service)
    copy_lists(session, service)
    session.do("SET search_path = bench, public", *SETUP.strip().split(";\n"))
    values = {"server": session.value("SELECT quote_literal(min(server_id)) FROM local_servers"),
              "time": session.value("SELECT quote_literal(create_time) FROM local_phones OFFSET 499 LIMIT 1"),
              "newest": session.value("SELECT quote_literal(max(create_time)) FROM local_phones")}
    for name, value in values.items():
        session.run(fr"\set {name} '{value.replace(chr(39), chr(39) * 2)}'")
    bench.report.section(f"Requests, {PHONES:,} phones and {SERVERS} servers",
                         "The least: full pages of just the rows that the service's filters leave.")
    for head, queries in (("query", QUERIES), ("report, lists analysed", REPORTS)):
        bench.report.table((head, "requests", "least"), [measure(bench, session, service, each) for each in queries])
        session.do("ANALYZE cph_phones", "ANALYZE cph_servers")
    session.close()
    service.stop()


def copy_lists(session, service):
    """Local copies of both lists, in the order of the lists."""
    for name in ("phones", "servers"):
        rows = service.copy(name)
        lines = session.feed("CREATE TABLE bench.local_{0} (LIKE bench.cph_{0});\n"
                             "COPY bench.local_{0} FROM STDIN;\n".format(name) + rows + "\\.\n")
        if lines:
            raise SystemExit("\n".join(lines))


def measure(bench, session, service, query):
    """A row of the table; whether the requests are as promised counts."""
    least = int(session.value(f"SELECT {query.least}"))
    most = least + int(session.value(f"SELECT {query.more}"))
    service.forget()
    lines = session.run(query.sql)
    if any(line.startswith("ERROR:") for line in lines):
        raise SystemExit("\n".join([query.sql, *lines]))
    found = service.stats()["requests"]
    bench.report.count(least <= found <= most)
    if not least <= found <= most:
        bench.report.text(f"**{query.title}: {found} requests, not {least} to {most}**")
    return query.title, found, least
