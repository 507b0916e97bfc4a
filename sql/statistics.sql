--
-- What the planner takes for the size of a list and of a filter's rows, without
-- statistics: nothing is asked for it, but what was read is remembered.
--
\pset format unaligned
\pset tuples_only
-- It begins with nothing known, whatever other sessions have found out.
SELECT cph_fdw_disconnect('cph');
CREATE FUNCTION estimate(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO plan;
	RETURN statement || ': ' || (plan -> 0 -> 'Plan' ->> 'Plan Rows');
END $$;
CREATE FUNCTION estimates() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT estimate('SELECT * FROM cph_phones' || clause)
	  FROM (VALUES ('', 1), (' WHERE status = 2', 2), (' WHERE status = 8', 3),
				   (' WHERE status IN (2, 8)', 4), (' WHERE status = 8 AND type = 0', 5),
				   (' WHERE phone_name = ''mobile-000777''', 6), (' WHERE status = 7', 7)) AS v (clause, n)
	 ORDER BY n $$;
\! test/service log $CPH_TEST_PORT >/dev/null
-- Before anything was read there are defaults.
SELECT estimates();
\! test/service log $CPH_TEST_PORT
-- A page says how many rows there are, and a count does.
SELECT count(phone_id) FROM cph_phones;
SELECT estimate('SELECT * FROM cph_phones');
SELECT phone_id IS NOT NULL FROM cph_phones WHERE status = 2 LIMIT 1;
SELECT count(*) FROM cph_phones WHERE status = 8;
SELECT count(phone_id) FROM cph_phones WHERE status = 8 AND type = 0;
SELECT count(phone_id) FROM cph_phones WHERE phone_name = 'mobile-000777';
SELECT estimates();
-- A value that only the run shows leaves what others left on the whole.
PREPARE by_status(int) AS SELECT * FROM cph_phones WHERE status = $1;
SET plan_cache_mode = force_generic_plan;
SELECT estimate('EXECUTE by_status(2)');
RESET plan_cache_mode;
-- What is filtered here is not what the service counts.
SELECT estimate('SELECT * FROM cph_phones WHERE status = 2 AND imei IS NULL');
-- A service that counts all rows, whatever the filter, tells nothing of it.
\! test/service set $CPH_TEST_PORT count=all
SELECT cph_fdw_disconnect('cph');
SELECT count(phone_id) FROM cph_phones;
SELECT count(phone_id) FROM cph_phones WHERE status = 8;
SELECT estimate('SELECT * FROM cph_phones WHERE status = 8');
\! test/service clear $CPH_TEST_PORT
-- Statistics are better than what was seen: here they are of a larger list.
SELECT cph_fdw_disconnect('cph');
SELECT count(*) FROM cph_phones WHERE status = 8;
CREATE FOREIGN TABLE analyzed (phone_id text, status int) SERVER cph OPTIONS (resource 'phones');
ANALYZE analyzed;
UPDATE pg_class SET reltuples = 4000 WHERE relname = 'analyzed';
SELECT estimate('SELECT * FROM analyzed WHERE status = 8');
DROP FOREIGN TABLE analyzed;
DROP FUNCTION estimates(), estimate(text);
\connect -
--
-- ANALYZE: the number of rows from the list, a sample of its rows.
--
\! test/service log $CPH_TEST_PORT >/dev/null

-- Tables of its own, since other tests are of tables without statistics.
CREATE SCHEMA analyzed;
IMPORT FOREIGN SCHEMA cph FROM SERVER cph INTO analyzed;
SET search_path = analyzed, public;
-- What VERBOSE says of the list; the rest differs by version.
\setenv PGDATABASE :DBNAME
\setenv verbose '"$(${PG_CONFIG:-pg_config} --bindir)/psql" -Xq -c "SET search_path = analyzed" -c "SET default_statistics_target = $target" -c "ANALYZE VERBOSE $table" 2>&1 | grep "list of"'

-- A list that is no longer than the sample is read whole.
\! target=100 table=cph_servers; eval "$verbose"
SELECT reltuples FROM pg_class WHERE oid = 'cph_servers'::regclass;
ANALYZE cph_phones;
SELECT reltuples FROM pg_class WHERE oid = 'cph_phones'::regclass;
SELECT attname, f.n_distinct = l.n_distinct, f.null_frac = l.null_frac,
       f.most_common_vals::text = l.most_common_vals::text
  FROM pg_stats f JOIN pg_stats l USING (attname)
 WHERE f.tablename = 'cph_phones' AND l.tablename = 'local_phones' AND attname IN ('status', 'type', 'vnc_enable');
\! test/service log $CPH_TEST_PORT | cut -d '?' -f 1 | sort | uniq -c

-- Of a longer one pages at random places are read: 1 for its length, twice,
-- and 2 of the 5.
\! target=1 table='cph_phones (status)'; eval "$verbose"
SELECT reltuples FROM pg_class WHERE oid = 'cph_phones'::regclass;
\! test/service log $CPH_TEST_PORT | wc -l
ANALYZE cph_phones;

-- Estimates follow.
CREATE FUNCTION estimate(query text) RETURNS numeric LANGUAGE plpgsql AS
$$
DECLARE
  line text;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO line;
  RETURN (line::json -> 0 -> 'Plan' ->> 'Plan Rows')::numeric;
END
$$;
SELECT query, estimate(query) BETWEEN found / 3.0 AND found * 3 FROM (VALUES
  ('SELECT * FROM cph_phones', 1000),
  ('SELECT * FROM cph_phones WHERE status = 2', (SELECT count(*) FROM local_phones WHERE status = 2)),
  ('SELECT * FROM cph_phones WHERE status IN (7, 8)', (SELECT count(*) FROM local_phones WHERE status IN (7, 8))),
  ('SELECT * FROM cph_phones WHERE NOT vnc_enable', (SELECT count(*) FROM local_phones WHERE NOT vnc_enable)),
  ('SELECT * FROM cph_phones JOIN cph_servers USING (server_id)', 1000)) AS q (query, found);
\! test/service log $CPH_TEST_PORT >/dev/null

-- Where a plain list soon has enough rows, it is what is read, and EXPLAIN says
-- why no LIMIT was sent.
SELECT plan('SELECT phone_id FROM cph_phones WHERE status IN (2, 8) LIMIT 10', 'VERBOSE, COSTS OFF');

-- A value that will not be sent costs what the list does, not a request.
CREATE TABLE few AS SELECT v AS sent, 0 AS unsent FROM unnest(ARRAY[8, 8, 8, 7, 7]) AS v;
ANALYZE few;
SELECT plan('SELECT p.phone_id FROM few JOIN cph_phones p ON p.status = few.sent', 'COSTS OFF');
SELECT plan('SELECT p.phone_id FROM few JOIN cph_phones p ON p.status = few.unsent', 'COSTS OFF');
DROP TABLE few;

-- A column whose type refuses a value fails the whole, and says which it is.
CREATE FOREIGN TABLE odd (phone_id text, imei smallint) SERVER cph OPTIONS (resource 'phones');
SELECT regexp_replace(failure('ANALYZE odd'), '[0-9a-f]{15,32}', 'X', 'g');
DROP FOREIGN TABLE odd;
\! test/service log $CPH_TEST_PORT >/dev/null
SET client_min_messages = warning;
DROP SCHEMA analyzed CASCADE;
DROP FUNCTION IF EXISTS estimate(text);
