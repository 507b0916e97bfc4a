--
-- What the planner takes for the size of a list and of a filter's rows, without
-- statistics: nothing is asked for it, but what was read is remembered.
--
\pset format unaligned
\pset tuples_only
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
