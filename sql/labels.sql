--
-- Labels of statuses, as functions and as filters.
--
SELECT s AS status, cph_phone_status(s), cph_server_status(s)
  FROM generate_series(-10, 15) AS s
 WHERE cph_phone_status(s) IS NOT NULL OR cph_server_status(s) IS NOT NULL;
SELECT cph_phone_status(NULL), cph_server_status(2147483647), cph_phone_status(-2147483648);
SELECT proname, provolatile, proisstrict, proparallel FROM pg_proc WHERE proname LIKE 'cph\_%\_status' ORDER BY 1;
CREATE INDEX ON local_phones (cph_phone_status(status));

\pset format unaligned
\pset tuples_only
-- It begins with nothing known, whatever other sessions have found out.
SELECT cph_fdw_disconnect('cph');
\! test/service log $CPH_TEST_PORT >/dev/null
SELECT clause, request('SELECT * FROM cph_phones WHERE ' || clause), same('SELECT * FROM cph_phones WHERE ' || clause) FROM (VALUES
  ('cph_phone_status(status) = ''frozen'''), ('''abnormal'' = cph_phone_status(status)'),
  ('cph_phone_status(status) IN (''frozen'', ''abnormal'')'),
  ('cph_phone_status(status) = ''frozen'' OR cph_phone_status(status) = ''reset failed'''),
  ('cph_phone_status(status) = ''no such label'''), ('cph_phone_status(status) = NULL'),
  ('cph_phone_status(status) = ''frozen'' AND type = 0')) AS v (clause);
\! test/service log $CPH_TEST_PORT
-- Of "creating" one status is no filter's value; the other functions are not this table's.
SELECT clause, request('SELECT * FROM cph_phones WHERE ' || clause), same('SELECT * FROM cph_phones WHERE ' || clause) FROM (VALUES
  ('cph_phone_status(status) = ''creating'''), ('cph_phone_status(status) <> ''running'''),
  ('cph_phone_status(type) = ''creating'''), ('cph_server_status(status) = ''frozen'''),
  ('cph_phone_status(status) LIKE ''froz%''')) AS v (clause);
\! test/service log $CPH_TEST_PORT | sort | uniq -c
SELECT clause, request('SELECT * FROM cph_servers WHERE ' || clause), same('SELECT * FROM cph_servers WHERE ' || clause) FROM (VALUES
  ('cph_server_status(status) = ''normal'''), ('cph_server_status(status) = ''creating'''),
  ('cph_phone_status(status) = ''frozen''')) AS v (clause);
\! test/service log $CPH_TEST_PORT

-- To plan a clause loads no library.
CREATE FUNCTION label_elsewhere(integer) RETURNS text LANGUAGE c IMMUTABLE STRICT
AS '$libdir/cph_fdw', 'cph_phone_status';
UPDATE pg_proc SET probin = '$libdir/no_such_library' WHERE proname = 'label_elsewhere';
CREATE TABLE pruned (status integer, type integer) PARTITION BY LIST (type);
CREATE TABLE pruned_1 PARTITION OF pruned FOR VALUES IN (1);
CREATE FOREIGN TABLE pruned_0 PARTITION OF pruned FOR VALUES IN (0) SERVER cph OPTIONS (resource 'phones');
SET plan_cache_mode = force_generic_plan;
PREPARE pruned (integer) AS SELECT status FROM pruned WHERE type = $1 AND label_elsewhere(status) = 'frozen';
EXECUTE pruned (2);
RESET plan_cache_mode;
DEALLOCATE pruned;
DROP TABLE pruned;
DROP FUNCTION label_elsewhere;
