--
-- Views, joins, subqueries, CTEs: the answer is that of a local copy, and the
-- requests are those that the scans below need.
--
\pset format unaligned
\pset tuples_only
-- It begins with nothing known, whatever other sessions have found out.
SELECT cph_fdw_disconnect('cph');
SELECT on_both('CREATE VIEW running_cph_phones AS SELECT * FROM cph_phones WHERE status = 2');
SELECT on_both('CREATE VIEW guarded_cph_phones WITH (security_barrier) AS SELECT * FROM cph_phones WHERE status = 2');
SELECT on_both('CREATE VIEW newest_cph_phones AS SELECT * FROM cph_phones ORDER BY create_time DESC');
\! test/service log $CPH_TEST_PORT >/dev/null

SELECT same('SELECT phone_id FROM running_cph_phones LIMIT 10', true);
SELECT same('SELECT phone_id FROM running_cph_phones LIMIT 10 OFFSET 300', true);
SELECT same('SELECT phone_id FROM running_cph_phones WHERE type = 0 LIMIT 10', true);
SELECT same('SELECT phone_id FROM running_cph_phones WHERE status = 8 LIMIT 10', true);
SELECT same('SELECT create_time FROM newest_cph_phones LIMIT 10', true);
\! test/service log $CPH_TEST_PORT
-- A barrier stops the limit.
SELECT plan('SELECT phone_id FROM guarded_cph_phones LIMIT 10 OFFSET 5');
SELECT same('SELECT phone_id FROM guarded_cph_phones WHERE imei LIKE ''%5'' LIMIT 3', true);
SELECT same('SELECT phone_id FROM guarded_cph_phones LIMIT 10 OFFSET 5', true);
\! test/service log $CPH_TEST_PORT
SELECT same('SELECT count(*) FROM guarded_cph_phones');
\! test/service log $CPH_TEST_PORT | sort

-- Existence is one request of a row; the newest row is one of a page.
SELECT same('SELECT EXISTS (SELECT 1 FROM cph_phones)');
SELECT same('SELECT EXISTS (SELECT 1 FROM cph_phones WHERE status = -7)');
SELECT same('SELECT max(create_time) FROM cph_phones');
\! test/service log $CPH_TEST_PORT

-- Joins.
SELECT same('SELECT p.phone_id, s.server_name FROM cph_phones p JOIN cph_servers s USING (server_id) WHERE p.status = 8');
SELECT same('SELECT p.phone_id, s.server_name FROM cph_phones p LEFT JOIN cph_servers s
               ON s.server_id = p.server_id AND s.network_version = ''v1'' WHERE p.status = -7');
SELECT same('SELECT p.phone_id FROM cph_phones p JOIN cph_servers s USING (server_id) WHERE p.status = -7 LIMIT 100');
SELECT same('SELECT p.phone_id, q.phone_id FROM cph_phones p JOIN cph_phones q USING (server_id) WHERE p.status = -7 AND q.status = -7');
SELECT same('SELECT count(*) FROM cph_phones p FULL JOIN cph_servers s ON p.server_id = s.server_id');
SELECT same('SELECT server_id FROM cph_servers s WHERE NOT EXISTS (SELECT FROM cph_phones p WHERE p.server_id = s.server_id AND p.status = 8)');
SELECT same('SELECT phone_id FROM cph_phones WHERE server_id IN (SELECT server_id FROM cph_servers WHERE server_name = ''server-0007'')');
\! test/service log $CPH_TEST_PORT | sort | uniq -c

-- A few local rows: a request for each, and none for a null.
SET enable_memoize = off;
CREATE TABLE few AS
SELECT n, server_id FROM (SELECT row_number() OVER () AS n, server_id FROM local_servers) AS s WHERE n <= 3
UNION ALL SELECT 4, NULL;
ANALYZE few;
SELECT plan('SELECT t.n, p.phone_id FROM few t JOIN cph_phones p USING (server_id)');
SELECT same('SELECT t.n, p.phone_id FROM few t JOIN cph_phones p USING (server_id)');
\! test/service log $CPH_TEST_PORT | cut -d '&' -f 1-2 | uniq -c
SELECT same('SELECT t.n, p.phone_id FROM few t LEFT JOIN LATERAL
               (SELECT * FROM cph_phones WHERE server_id = t.server_id LIMIT 2 OFFSET 1) p ON true');
\! test/service log $CPH_TEST_PORT | cut -d '&' -f 1-2 | uniq -c
SELECT same('SELECT n, (SELECT count(*) FROM cph_phones p WHERE p.server_id = t.server_id) FROM few t');
\! test/service log $CPH_TEST_PORT | cut -d '&' -f 1 | sort | uniq -c
-- The other side of a clause may be any expression of the outer row.
SELECT same('SELECT t.n, p.phone_id FROM few t JOIN cph_phones p ON p.status = t.n + 5 AND t.n < 4');
SELECT same('SELECT t.n, (SELECT min(phone_id) FROM cph_phones p WHERE p.status = t.n + 4) FROM few t');
\! test/service log $CPH_TEST_PORT | sort | uniq -c
DROP TABLE few;
SELECT on_both('DROP VIEW running_cph_phones, guarded_cph_phones, newest_cph_phones');
