--
-- count(*): the service's own count, where it is proved to be that of the rows.
--
\pset format unaligned
\pset tuples_only
-- It begins with nothing known, whatever other sessions have found out.
SELECT cph_fdw_disconnect('cph');
SELECT plan('SELECT count(*) FROM cph_phones WHERE status = 8');
SELECT same('SELECT count(*) FROM cph_phones');
SELECT same('SELECT count(1), count(*) + 1, ''a'' FROM cph_phones HAVING count(*) > 5');
SELECT same('SELECT count(*) FROM cph_phones HAVING count(*) > 5000');
SELECT same('SELECT count(*) FROM cph_servers');
\! test/service log $CPH_TEST_PORT
-- With a filter the count is proved: by one page that has all rows, or by the one
-- at the list's end, until it was seen to be another than that of all rows.
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 8');
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 2');
SELECT same('SELECT count(*) FROM cph_phones WHERE type = 0');
\! test/service log $CPH_TEST_PORT
SELECT same('SELECT count(*) FROM cph_phones WHERE server_id = ''no-such-server''');
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 2');
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 6');
SELECT same('SELECT count(*) FROM cph_phones WHERE status IN (8, -7)');
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 8 AND status = 2');
\! test/service log $CPH_TEST_PORT
-- The rows are counted here, and the values seen.
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 1');
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 8 AND imei LIKE ''%1''');
SELECT same('SELECT count(type) FROM cph_phones WHERE status = 8');
SELECT same('SELECT count(has_encrypt) FROM cph_phones WHERE status = 8');
SELECT same('SELECT count(NULL) FROM cph_phones WHERE status = 8');
SELECT same('SELECT count(DISTINCT 1) FROM cph_phones WHERE status = 8');
SELECT same('SELECT count(DISTINCT type) FROM cph_phones WHERE status = 8');
SELECT same('SELECT count(*) FILTER (WHERE type = 0) FROM cph_phones WHERE status = 8');
SELECT same('SELECT count(*), sum(status) FROM cph_phones WHERE status = 8');
SELECT same('SELECT type, count(*) FROM cph_phones WHERE status = 8 GROUP BY type');
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 8 GROUP BY type');
SELECT same('SELECT count(*) FROM cph_phones WHERE server_id = ''no-such-server'' GROUP BY ''a''::text');
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 8 GROUP BY ()');
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 8 GROUP BY GROUPING SETS ((), ())');
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 8 GROUP BY GROUPING SETS ((), (type))');
SELECT same('SELECT count(*) FROM (SELECT FROM cph_phones WHERE status = 8 LIMIT 5) AS p');
SELECT same('SELECT generate_series(1, count(*)) FROM cph_phones WHERE status = -7');
\! test/service log $CPH_TEST_PORT | uniq -c
-- A clause without a column decides before anything is counted.
SELECT same('SELECT count(*) FROM cph_phones WHERE now() < ''2020-01-01''');
SELECT same('SELECT count(*) FROM cph_phones WHERE false');
\! test/service log $CPH_TEST_PORT

-- A count that is absent, of the page, of the whole list or a lie proves nothing;
-- after a disconnect, since what was proved is remembered.
SELECT cph_fdw_disconnect('cph');
\! test/service set $CPH_TEST_PORT count=absent
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 8'), same('SELECT count(*) FROM cph_servers');
SELECT cph_fdw_disconnect('cph');
\! test/service set $CPH_TEST_PORT count=page
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 8'), same('SELECT count(*) FROM cph_servers');
SELECT cph_fdw_disconnect('cph');
\! test/service set $CPH_TEST_PORT count=all
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 8'), same('SELECT count(*) FROM cph_servers');
SELECT cph_fdw_disconnect('cph');
\! test/service set $CPH_TEST_PORT count=negative
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 8'), same('SELECT count(*) FROM cph_servers');
SELECT cph_fdw_disconnect('cph');
\! test/service set $CPH_TEST_PORT count=19
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 8');
SELECT cph_fdw_disconnect('cph');
\! test/service set $CPH_TEST_PORT count=string
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 8'), same('SELECT count(*) FROM cph_servers');
-- A filter that the service ignores.
\! test/service clear $CPH_TEST_PORT
SELECT cph_fdw_disconnect('cph');
\! test/service set $CPH_TEST_PORT 'filters_ignored=["status"]'
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 8');
SELECT same('SELECT phone_id FROM cph_phones WHERE status = 8');
SELECT same('SELECT phone_id FROM cph_phones WHERE status = 8 LIMIT 5 OFFSET 2', true);
SELECT same('SELECT phone_id FROM cph_phones WHERE status IN (8, -7)');
SELECT same('SELECT create_time, phone_id FROM cph_phones WHERE status IN (8, -7) ORDER BY create_time DESC, phone_id', true);
\! test/service clear $CPH_TEST_PORT

-- Switched off.
\! test/service log $CPH_TEST_PORT >/dev/null
ALTER SERVER cph OPTIONS (ADD enable_count_pushdown 'false');
SELECT plan('SELECT count(*) FROM cph_phones WHERE status = 8');
SELECT same('SELECT count(*) FROM cph_phones WHERE status = 8');
\! test/service log $CPH_TEST_PORT
ALTER SERVER cph OPTIONS (DROP enable_count_pushdown);

-- A request for each value, as far as the list has more pages.
SELECT same('SELECT count(*) FROM cph_phones'), same('SELECT count(*) FROM cph_phones WHERE status IN (6, 7, 8, 3)');
\! test/service log $CPH_TEST_PORT
SELECT plan('SELECT count(*) FROM cph_phones WHERE status IN (2, 6, 7, 8, 3, 4, -5, -6)');
