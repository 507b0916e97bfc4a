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
\connect -
--
-- LIMIT where something stands between it and the rows of the list: it stays
-- with PostgreSQL.
--
\! test/service log $CPH_TEST_PORT >/dev/null

-- WITH TIES may want more rows than it says.
SELECT plan('SELECT create_time FROM cph_phones ORDER BY create_time DESC FETCH FIRST 3 ROWS WITH TIES');
SELECT n, same(format('SELECT create_time FROM cph_phones ORDER BY create_time DESC FETCH FIRST %s ROWS WITH TIES', n), true)
  FROM generate_series(1, 8) AS n;
\! test/service log $CPH_TEST_PORT

-- Rows are locked above the scan.
SELECT plan('SELECT phone_id FROM cph_phones LIMIT 3 FOR UPDATE');
SELECT same('SELECT phone_id FROM cph_phones WHERE status = 8 LIMIT 3 FOR SHARE', true);
\! test/service log $CPH_TEST_PORT

-- A row of the list may become several, or none.
SELECT plan('SELECT phone_id, generate_series(1, 2) FROM cph_phones LIMIT 3');
SELECT same('SELECT phone_id, generate_series(1, 2) FROM cph_phones LIMIT 3', true);
SELECT same('SELECT phone_id, generate_series(1, status - 7) FROM cph_phones LIMIT 3', true);
SELECT same('SELECT generate_series(1, 2) FROM cph_phones ORDER BY create_time DESC LIMIT 3 OFFSET 1', true);
SELECT same('SELECT count(*) FROM (SELECT generate_series(1, 2) FROM cph_phones LIMIT 3) AS s', true);
\! test/service log $CPH_TEST_PORT

-- Window functions, DISTINCT and groups see all rows, unless order helps.
SELECT same('SELECT count(*) OVER (), length(phone_id) > 0 FROM cph_phones LIMIT 3');
SELECT same('SELECT lead(phone_id) OVER () FROM cph_phones WHERE status = 8 LIMIT 3');
SELECT same('SELECT DISTINCT status FROM cph_phones ORDER BY status LIMIT 3', true);
SELECT same('SELECT DISTINCT ON (status) status FROM cph_phones ORDER BY status LIMIT 3', true);
SELECT same('SELECT status, count(*) FROM cph_phones GROUP BY status ORDER BY status LIMIT 3', true);
SELECT same('SELECT DISTINCT type FROM cph_phones WHERE status = 8 ORDER BY 1 LIMIT 1 OFFSET 1', true);
\! test/service log $CPH_TEST_PORT | sort | uniq -c
SELECT same('SELECT create_time, rank() OVER (ORDER BY create_time DESC) FROM cph_phones LIMIT 3', true);
SELECT same('SELECT count(*) FROM cph_phones HAVING count(*) > 5000 LIMIT 1', true);
SELECT same('SELECT count(*) FROM cph_phones OFFSET 1');
\! test/service log $CPH_TEST_PORT

-- Another order is sorted here; the list's order is a part of a longer one.
SELECT same('SELECT phone_id FROM cph_phones ORDER BY phone_id LIMIT 3', true);
SELECT same('SELECT create_time FROM cph_phones ORDER BY create_time LIMIT 3', true);
SELECT same('SELECT update_time FROM cph_phones ORDER BY update_time DESC LIMIT 3', true);
\! test/service log $CPH_TEST_PORT | sort | uniq -c
SELECT same('SELECT phone_id FROM cph_phones ORDER BY create_time DESC, phone_id LIMIT 10', true);
\! test/service log $CPH_TEST_PORT

-- Several tables, or a fence.
SET enable_async_append = off;
SELECT same('(SELECT phone_id FROM cph_phones UNION ALL SELECT server_id FROM cph_servers) LIMIT 3', true);
SELECT same('(SELECT phone_id FROM cph_phones UNION ALL SELECT server_id FROM cph_servers) OFFSET 1010', true);
RESET enable_async_append;
SELECT same('SELECT count(*) FROM ((SELECT phone_id FROM cph_phones UNION ALL SELECT server_id FROM cph_servers) OFFSET 1010) AS u', true);
SELECT same('(SELECT status FROM cph_phones EXCEPT SELECT status FROM cph_servers) ORDER BY 1 LIMIT 3', true);
\! test/service log $CPH_TEST_PORT | sort | uniq -c
SELECT same('WITH p AS MATERIALIZED (SELECT phone_id FROM cph_phones) SELECT * FROM p LIMIT 3', true);
SELECT same('SELECT phone_id FROM (SELECT phone_id FROM cph_phones OFFSET 0) AS p LIMIT 3', true);
\! test/service log $CPH_TEST_PORT

-- A limit that is known before the scan, and one that is not.
SELECT same('SELECT phone_id FROM cph_phones LIMIT (SELECT count(*) FROM local_servers)', true);
SELECT same('SELECT phone_id FROM cph_phones LIMIT (random() * 0)::integer + 3', true);
\! test/service log $CPH_TEST_PORT

-- A limit is looked at even where no row is wanted.
SELECT failure('SELECT phone_id FROM cph_phones WHERE (SELECT 2) = 1 LIMIT 1 OFFSET -1');
SELECT failure('SELECT phone_id FROM local_phones WHERE (SELECT 2) = 1 LIMIT 1 OFFSET -1');
SELECT same('SELECT phone_id FROM cph_phones WHERE (SELECT 2) = 1 LIMIT 1');
\! test/service log $CPH_TEST_PORT
