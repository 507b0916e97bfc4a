--
-- LIMIT and OFFSET: in every shape the answer is that of a local copy, and the
-- service is asked for no more than the shape allows.
--
\pset format unaligned
\pset tuples_only
\! test/service log $CPH_TEST_PORT >/dev/null

-- The service can do it: one request of just these rows.
SELECT same('SELECT * FROM cph_phones LIMIT 10', true);
SELECT same('SELECT * FROM cph_phones LIMIT 10 OFFSET 500', true);
SELECT same('SELECT * FROM cph_phones FETCH FIRST ROW ONLY', true);
SELECT same('SELECT * FROM cph_phones LIMIT 10 OFFSET 995', true);
SELECT same('SELECT * FROM cph_phones LIMIT 10 OFFSET 1000', true);
SELECT same('SELECT * FROM cph_phones OFFSET 900', true);
SELECT same('SELECT * FROM cph_phones LIMIT NULL OFFSET 900', true);
SELECT same('SELECT * FROM cph_phones WHERE status = 2 LIMIT 10 OFFSET 100', true);
SELECT same('SELECT * FROM cph_phones WHERE status = 2 AND type = 0 LIMIT 10', true);
SELECT same('SELECT * FROM cph_phones WHERE (SELECT 8) = status LIMIT 3', true);
SELECT same('SELECT create_time FROM cph_phones ORDER BY create_time DESC LIMIT 10', true);
SELECT same('SELECT create_time FROM cph_phones ORDER BY create_time DESC NULLS LAST LIMIT 10', true);
SELECT same('SELECT create_time FROM cph_phones ORDER BY 1 DESC LIMIT 10 OFFSET 500', true);
SELECT same('SELECT phone_id || status FROM (SELECT * FROM cph_phones OFFSET 3) AS p LIMIT 7', true);
SELECT same('WITH p AS (SELECT phone_id FROM cph_phones LIMIT 3 OFFSET 7) SELECT * FROM p', true);
SELECT same('SELECT server_id FROM cph_servers WHERE network_version = ''v1'' LIMIT 2', true);
\! test/service log $CPH_TEST_PORT
-- More rows than a page: the last page is no longer than what is missing.
SELECT same('SELECT * FROM cph_phones LIMIT 300 OFFSET 500', true);
\! test/service log $CPH_TEST_PORT
-- Streams of several values hold the rows that are skipped as well.
SELECT same('SELECT create_time FROM cph_phones WHERE status IN (8, -7) ORDER BY create_time DESC LIMIT 5 OFFSET 3', true);
\! test/service log $CPH_TEST_PORT
-- There may be as many of them as the list has pages; of those that are to be
-- merged only as many as can be under way.
SELECT same('SELECT phone_id FROM (SELECT * FROM cph_phones WHERE status IN (6, 7, 8, 3) LIMIT 700) AS p');
\! test/service log $CPH_TEST_PORT
SELECT plan('SELECT create_time FROM cph_phones WHERE status IN (6, 7, 8, 3) ORDER BY create_time DESC LIMIT 700', 'VERBOSE, COSTS OFF');
-- No row is wanted: no request.
SELECT same('SELECT * FROM cph_phones LIMIT 0');
SELECT same('SELECT * FROM cph_phones WHERE status = 2 LIMIT 0 OFFSET 5');
SELECT same('SELECT * FROM cph_phones LIMIT (SELECT 0)');
SELECT failure('SELECT * FROM cph_phones LIMIT -1');
SELECT failure('SELECT * FROM cph_phones OFFSET -1');
SELECT failure('SELECT * FROM cph_phones LIMIT 10 OFFSET (SELECT -1)');
SELECT failure('SELECT * FROM cph_phones LIMIT 1 / 0');
\! test/service log $CPH_TEST_PORT

-- A clause is not the service's alone: rows are dropped before they are counted.
SELECT same('SELECT * FROM cph_phones WHERE type = 1 LIMIT 5', true);
SELECT same('SELECT * FROM cph_phones WHERE type = 1 AND status = 2 LIMIT 5', true);
SELECT same('SELECT * FROM cph_phones WHERE imei LIKE ''%5'' LIMIT 5 OFFSET 3', true);
SELECT same('SELECT * FROM cph_phones WHERE phone_name LIKE ''mobile-00001%'' LIMIT 3 OFFSET 2', true);
SELECT same('SELECT * FROM cph_phones WHERE status = 8 AND status = (SELECT 8) LIMIT 3', true);
SELECT same('SELECT * FROM cph_phones WHERE create_time < ''2024-03-01'' LIMIT 3', true);
\! test/service log $CPH_TEST_PORT
-- A clause without a column is a gate above the scan.
SELECT same('SELECT * FROM cph_phones WHERE now() > ''2020-01-01'' LIMIT 5', true);
SELECT same('SELECT * FROM cph_phones WHERE now() < ''2020-01-01'' LIMIT 5');
SELECT same('SELECT * FROM cph_phones WHERE random() < 2 LIMIT 5', true);
\! test/service log $CPH_TEST_PORT

-- Switched off.
ALTER SERVER cph OPTIONS (ADD enable_limit_pushdown 'false');
SELECT plan('SELECT phone_id FROM cph_phones LIMIT 3 OFFSET 5', 'COSTS OFF, VERBOSE');
SELECT same('SELECT phone_id FROM cph_phones LIMIT 3 OFFSET 5', true);
\! test/service log $CPH_TEST_PORT
ALTER SERVER cph OPTIONS (DROP enable_limit_pushdown);
