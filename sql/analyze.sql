--
-- ANALYZE: the number of rows from the list, a sample of its rows.
--
\pset format unaligned
\pset tuples_only
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

-- A column whose type refuses a value fails the whole, and says which it is.
CREATE FOREIGN TABLE odd (phone_id text, imei smallint) SERVER cph OPTIONS (resource 'phones');
SELECT regexp_replace(failure('ANALYZE odd'), '[0-9a-f]{15,32}', 'X', 'g');
DROP FOREIGN TABLE odd;
\! test/service log $CPH_TEST_PORT >/dev/null
SET client_min_messages = warning;
DROP SCHEMA analyzed CASCADE;
DROP FUNCTION IF EXISTS estimate(text);
