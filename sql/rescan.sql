--
-- A scan that is read again with nothing changed is sent once.
--
\pset format unaligned
\pset tuples_only
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
\! test/service log $CPH_TEST_PORT >/dev/null
SELECT same('SELECT a.phone_id, b.phone_id FROM cph_phones a JOIN cph_phones b ON a.imei < b.imei WHERE a.status = 8 AND b.status = 7');
\! test/service log $CPH_TEST_PORT | sort | uniq -c
-- Rows that are kept on disk.
SET work_mem = '64kB';
SELECT same('SELECT n, (SELECT sum(hashtext(p::text)) FROM cph_phones p WHERE length(p.phone_name) > n) FROM generate_series(1, 4) AS n');
RESET work_mem;
\! test/service log $CPH_TEST_PORT | wc -l | tr -d ' '
-- One that ends early goes on in the next.
SELECT same('SELECT n, (SELECT p.phone_id FROM cph_phones p WHERE p.imei > '''' ORDER BY create_time DESC, phone_id OFFSET n LIMIT 1) FROM generate_series(1, 4) AS n');
\! test/service log $CPH_TEST_PORT | sort | uniq -c
-- A changed parameter counts, also between rows that were kept.
SELECT same('SELECT s.n, t.n, (SELECT count(p.imei) FROM cph_phones p WHERE p.status = s.n) FROM generate_series(6, 8) AS s (n), generate_series(1, 3) AS t (n)');
\! test/service log $CPH_TEST_PORT | sort | uniq -c
-- One that only what is checked here depends on does not.
SELECT same('SELECT n, (SELECT count(p.imei) FROM cph_phones p WHERE p.status = 8 AND length(p.phone_name) + p.volume_mode > n) FROM generate_series(10, 14) AS n');
SELECT same('SELECT v.*, (SELECT count(p.imei) FROM cph_phones p WHERE p.status = v.s AND length(p.phone_name) + p.volume_mode > v.t) FROM (VALUES (6, 10), (6, 11), (7, 11), (7, 12), (7, 13)) AS v (s, t)');
\! test/service log $CPH_TEST_PORT | sort | uniq -c
-- Once it is known that it is read again, it is kept after a change, too.
SELECT same('SELECT v.s, x.* FROM (VALUES (6), (7), (8)) AS v (s), LATERAL (SELECT t, p.imei FROM generate_series(10, 14) AS t LEFT JOIN cph_phones p ON p.status = v.s AND length(p.phone_name) + p.volume_mode > t OFFSET 0) AS x');
\! test/service log $CPH_TEST_PORT | sort | uniq -c
-- A count is asked for once as well.
SELECT same('SELECT n, (SELECT count(*) + n FROM cph_phones HAVING count(*) > 300 * n) FROM generate_series(1, 5) AS n');
SELECT same('SELECT s, n, (SELECT count(*) + n FROM cph_phones WHERE status = s) FROM (VALUES (8, 1), (8, 2), (6, 2)) AS v (s, n)');
\! test/service log $CPH_TEST_PORT | sort | uniq -c
-- What has ended stays so.
BEGIN;
DECLARE c CURSOR FOR SELECT a.n, count(b.phone_id) FROM (VALUES (1), (2), (3)) AS a (n), cph_phones b WHERE b.status = 8 GROUP BY 1 ORDER BY 1;
FETCH ALL FROM c;
FETCH ALL FROM c;
COMMIT;
\! test/service log $CPH_TEST_PORT | sort | uniq -c
-- A value that the service calls invalid says nothing of the next ones.
\! test/service fault $CPH_TEST_PORT status status=400 error_code=CPS.0025 'match=phone_name=mobile-000015&'
SELECT same('SELECT n.name, p.phone_id FROM (VALUES (''mobile-000012''), (''mobile-000015''), (''mobile-000014''), (''no-such-phone'')) AS n (name), LATERAL (SELECT phone_id FROM cph_phones WHERE phone_name = n.name OFFSET 0) AS p');
\! test/service ctl $CPH_TEST_PORT DELETE fault >/dev/null
\! test/service log $CPH_TEST_PORT
