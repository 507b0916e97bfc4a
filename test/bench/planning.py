"""Time to plan, beside the same queries over local tables.

Copyright (c) 2026, the cph_fdw developers
"""

from common import Service, Session

#: Tables joined -> query; {0} is the schema.
QUERIES = {
    1: "SELECT * FROM {0}.cph_phones WHERE status = 2 AND server_id = 'x' ORDER BY create_time DESC LIMIT 10",
    2: "SELECT * FROM {0}.cph_phones a JOIN {0}.cph_servers b USING (server_id) WHERE a.status = 2",
    5: "SELECT * FROM {0}.cph_phones a JOIN {0}.cph_servers b ON b.server_id = a.server_id "
       "JOIN {0}.cph_phones c ON c.server_id = b.server_id "
       "JOIN {0}.cph_servers d ON d.phone_model_name = c.phone_model_name "
       "JOIN {0}.cph_phones e ON e.server_id = d.server_id WHERE a.status = 2 AND c.status = 3 AND e.phone_name = 'x'",
}

#: The median of the planning times of so many EXPLAINs, in microseconds.
MEDIAN = """
CREATE OR REPLACE FUNCTION planning(query text, plans integer) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    plan json;
    times double precision[] = '{}';
BEGIN
    FOR i IN 1 .. plans LOOP
        EXECUTE 'EXPLAIN (SUMMARY, FORMAT JSON) ' || query INTO plan;
        times = times || 1000 * (plan->0->>'Planning Time')::double precision;
    END LOOP;
    RETURN (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY time) FROM unnest(times) AS time);
END$$"""


def run(bench):
    plans = 20 if bench.quick else 1000
    service = Service(phones=20_000, servers=200)
    session = Session()
    session.attach_all("bench", service)
    session.do("DROP SCHEMA IF EXISTS here CASCADE", "CREATE SCHEMA here",
               "CREATE TABLE here.cph_phones AS SELECT * FROM bench.cph_phones",
               "CREATE TABLE here.cph_servers AS SELECT * FROM bench.cph_servers",
               *(f"ANALYZE {schema}.cph_{name}" for schema in ("bench", "here") for name in ("phones", "servers")),
               MEDIAN)
    service.forget()
    rows = []
    for tables, query in QUERIES.items():
        times = {"bench": [], "here": []}
        for _ in range(bench.rounds):
            for schema, each in times.items():
                each.append(float(session.value(f"SELECT planning($q${query.format(schema)}$q$, {plans})")))
        foreign, local = bench.median(times["bench"]), bench.median(times["here"])
        rows.append((tables, f"{foreign:.0f}", f"{local:.0f}", f"{(foreign - local) / tables:.0f}"))
        if tables == max(QUERIES):
            bench.report.most(f"µs more to plan, a foreign table of {tables}", (foreign - local) / tables, 50, ".0f")
    requests = service.stats()["requests"]
    bench.report.count(requests == 0)
    session.close()
    service.stop()
    bench.report.section(f"Planning, {plans:,} plans each",
                         f"Requests sent for it: {requests}.  Both kinds of table are analysed; local ones have no index.")
    bench.report.table(("tables joined", "µs, foreign tables", "µs, local tables", "more a table"), rows)
