--
-- EXPLAIN: what will be asked, without asking; ANALYZE: what was.
--
\pset format unaligned
\pset tuples_only
SELECT plan('SELECT * FROM cph_phones WHERE status = 2 LIMIT 10 OFFSET 5000');
SELECT plan('SELECT phone_id FROM cph_phones WHERE status IN (8, -7) ORDER BY create_time DESC LIMIT 10');
SELECT plan('SELECT count(*) FROM cph_phones');
SELECT plan('SELECT * FROM cph_phones p JOIN local_servers s USING (server_id) WHERE s.server_name = ''server-0007''');
-- The class of each clause, and why LIMIT was not pushed.
SELECT plan('SELECT phone_id FROM cph_phones WHERE status = 8 AND type = 1 AND phone_name LIKE ''mobile%'' LIMIT 5', 'VERBOSE, COSTS OFF');
SELECT plan('SELECT phone_id FROM cph_phones WHERE status = 1 LIMIT 5', 'VERBOSE, COSTS OFF');
SELECT plan('SELECT phone_id FROM cph_phones WHERE status = 8 LIMIT 5', 'VERBOSE, COSTS OFF');
SELECT plan('SELECT count(*) FROM cph_phones WHERE status = 8', 'VERBOSE, COSTS OFF');
SELECT reason FROM unnest(ARRAY[
  'SELECT DISTINCT status FROM cph_phones LIMIT 5',
  'SELECT phone_id FROM cph_phones ORDER BY phone_id LIMIT 5',
  'SELECT phone_id FROM cph_phones LIMIT 5 FOR UPDATE',
  'SELECT generate_series(1, 2) FROM cph_phones LIMIT 5',
  'SELECT create_time FROM cph_phones ORDER BY create_time DESC FETCH FIRST 5 ROWS WITH TIES',
  'SELECT phone_id FROM cph_phones LIMIT random() * 5']) AS query,
  plan(query, 'VERBOSE, COSTS OFF') AS reason WHERE reason LIKE '%Not Pushed%';
\! test/service log $CPH_TEST_PORT

SELECT plan('SELECT phone_id FROM cph_phones WHERE status = 2 LIMIT 10 OFFSET 5', 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF');
SELECT plan('SELECT phone_id FROM cph_phones WHERE status = 8 AND type = 1', 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF');
SELECT plan('SELECT phone_id FROM cph_phones', 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF');
SELECT plan('SELECT count(*) FROM cph_phones WHERE status = 8', 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF');
SELECT plan('SELECT * FROM cph_phones LIMIT 0', 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF');
-- An answer that a filter is invalid was read: no request was dropped.
\! test/service set $CPH_TEST_PORT 'invalid_filter={"phone_name": "CPS.0025"}'
SELECT plan('SELECT phone_id FROM cph_phones WHERE phone_name = ''mobile-000012''', 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF');
\! test/service set $CPH_TEST_PORT invalid_filter=null

-- The other formats carry the same.
CREATE FUNCTION plan_json(query text, options text) RETURNS SETOF text LANGUAGE plpgsql AS
$$
DECLARE
  plan json;
BEGIN
  EXECUTE format('EXPLAIN (FORMAT JSON, COSTS OFF, %s) %s', options, query) INTO plan;
  RETURN QUERY SELECT key || ': ' || regexp_replace(value::text, '127\.0\.0\.1:\d+', '127.0.0.1:PORT')
                 FROM json_each(plan -> 0 -> 'Plan')
                WHERE key LIKE 'CPH%' AND key <> 'CPH Bytes Received';
  RETURN NEXT 'bytes: ' || ((plan -> 0 -> 'Plan' ->> 'CPH Bytes Received')::bigint > 1000);
END
$$;
SELECT plan_json('SELECT * FROM cph_phones WHERE status = 2 LIMIT 10 OFFSET 5', 'VERBOSE');
SELECT plan_json('SELECT * FROM cph_phones WHERE status = 2 LIMIT 10 OFFSET 5', 'ANALYZE, TIMING OFF, SUMMARY OFF');
SELECT plan_json('SELECT count(*) FROM cph_phones', 'VERBOSE');
DROP FUNCTION plan_json;
\! test/service log $CPH_TEST_PORT >/dev/null
