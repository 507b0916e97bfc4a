--
-- Prepared statements, through their generic plans, and cursors.
--
\pset format unaligned
\pset tuples_only
-- It begins with nothing known, whatever other sessions have found out.
SELECT cph_fdw_disconnect('cph');
SET plan_cache_mode = force_generic_plan;
SELECT on_both('PREPARE by_status_cph_phones(integer) AS SELECT phone_id FROM cph_phones WHERE status = $1');
SELECT on_both('PREPARE by_name_cph_phones(text) AS SELECT phone_id FROM cph_phones WHERE phone_name LIKE $1');
SELECT on_both('PREPARE by_any_cph_phones(integer[]) AS SELECT phone_id FROM cph_phones WHERE status = ANY ($1)');
SELECT on_both('PREPARE page_cph_phones(bigint, bigint) AS SELECT * FROM cph_phones LIMIT $1 OFFSET $2');
SELECT on_both('PREPARE page_by_cph_phones(integer, bigint, bigint) AS SELECT * FROM cph_phones WHERE status = $1 LIMIT $2 OFFSET $3');
SELECT on_both('PREPARE count_cph_phones(integer) AS SELECT count(*) FROM cph_phones WHERE status = $1');
SELECT on_both('PREPARE gate_cph_phones(integer) AS SELECT count(*) FROM cph_phones WHERE $1 = 1');
SELECT on_both('PREPARE gated_page_cph_phones(integer) AS SELECT phone_id FROM cph_phones WHERE $1 = 1 LIMIT 3');
SELECT on_both('PREPARE since_cph_phones(timestamptz) AS SELECT phone_id FROM cph_phones WHERE create_time >= $1');
\! test/service log $CPH_TEST_PORT

-- Streams, as many as the list seems to have pages.
SELECT n, same(format('EXECUTE by_any_cph_phones(%L)', n)) FROM unnest(ARRAY['{}', '{8}', '{8,-7,NULL,8}', '{NULL}']) AS n;
SELECT same('EXECUTE by_any_cph_phones(NULL)');
\! test/service log $CPH_TEST_PORT

SELECT plan('EXECUTE by_status_cph_phones(8)');
SELECT plan('EXECUTE page_by_cph_phones(8, 5, 10)');
SELECT n, same(format('EXECUTE by_status_cph_phones(%s)', n)) FROM unnest(ARRAY['8', 'NULL', '-7', '8']) AS n;
\! test/service log $CPH_TEST_PORT
-- Values that must not be sent, or have no match, in the same plan.
SELECT n, same(format('EXECUTE by_status_cph_phones(%s)', n)) FROM unnest('{0,99}'::text[]) AS n;
\! test/service log $CPH_TEST_PORT | sort | uniq -c
SELECT n, same(format('EXECUTE by_name_cph_phones(%L)', n)) FROM unnest(ARRAY['mobile-00001%', 'mobile-000012', '手机%', NULL]) AS n;
\! test/service log $CPH_TEST_PORT
SELECT n, same(format('EXECUTE by_name_cph_phones(%L)', n)) FROM unnest(ARRAY['', '%1']) AS n;
SELECT failure('EXECUTE by_name_cph_phones(''mobile\'')');
\! test/service log $CPH_TEST_PORT | sort | uniq -c

-- LIMIT and OFFSET.
SELECT n, same(format('EXECUTE page_cph_phones(%s)', n), true) FROM unnest(ARRAY['10, 500', 'NULL, 990', '3, NULL', '0, 0', '5, 1000']) AS n;
SELECT n, failure(format('EXECUTE page_cph_phones(%s)', n)) FROM unnest(ARRAY['-1, 0', '1, -1']) AS n;
SELECT n, same(format('EXECUTE page_by_cph_phones(%s)', n), true) FROM unnest(ARRAY['2, 10, 50', '8, 5, 20', 'NULL, 5, 0']) AS n;
\! test/service log $CPH_TEST_PORT
-- Where the value turns out not to be sendable, the scan filters and skips.
SELECT n, same(format('EXECUTE page_by_cph_phones(%s)', n), true) FROM unnest(ARRAY['0, 3, 0', '0, 3, 1', '99, 1, 1']) AS n;
\! test/service log $CPH_TEST_PORT | sort | uniq -c
-- An offset beyond what the service can count to.
SELECT same('EXECUTE page_cph_phones(10, 3000000000)');
\! test/service log $CPH_TEST_PORT | sort
SELECT same('EXECUTE page_cph_phones(9223372036854775807, 990)', true);
\! test/service log $CPH_TEST_PORT

-- count(*), gates and times.
SELECT n, same(format('EXECUTE count_cph_phones(%s)', n)) FROM unnest(ARRAY['8', 'NULL']) AS n;
SELECT n, same(format('EXECUTE gate_cph_phones(%s)', n)) FROM unnest(ARRAY['2', 'NULL']) AS n;
SELECT n, same(format('EXECUTE gated_page_cph_phones(%s)', n), true) FROM unnest(ARRAY['1', '2', 'NULL']) AS n;
SELECT n, same(format('EXECUTE since_cph_phones(%L)', n)) FROM unnest(ARRAY['2024-03-01 UTC', 'infinity', NULL]) AS n;
\! test/service log $CPH_TEST_PORT
SELECT same('EXECUTE count_cph_phones(0)');
SELECT same('EXECUTE gate_cph_phones(1)');
SELECT same('EXECUTE since_cph_phones(''-infinity'')');
\! test/service log $CPH_TEST_PORT | sort | uniq -c
DEALLOCATE ALL;
RESET plan_cache_mode;

-- Cursors.
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT phone_id = (SELECT phone_id FROM local_phones OFFSET 1 LIMIT 1) FROM cph_phones;
FETCH 2 FROM c;
FETCH BACKWARD 1 FROM c;
FETCH 1 FROM c;
MOVE ABSOLUTE 0 FROM c;
FETCH 2 FROM c;
DECLARE h CURSOR WITH HOLD FOR SELECT status FROM cph_phones WHERE status = 6;
COMMIT;
FETCH ALL FROM h;
CLOSE h;
\! test/service log $CPH_TEST_PORT
