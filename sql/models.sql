--
-- Phone models: a list of which no document names an order or a count.
--
\pset format unaligned
\pset tuples_only
BEGIN;
CREATE TABLE local_phone_models (LIKE cph_phone_models);
\copy local_phone_models FROM PROGRAM 'test/service copy $CPH_TEST_PORT phone_models'
COMMIT;
\! test/service log $CPH_TEST_PORT >/dev/null
CREATE FUNCTION estimate(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;

-- Read whole.  What shows its end is a page with the last row alone.
SELECT estimate('TABLE cph_phone_models');
SELECT same('TABLE cph_phone_models', true);
-- Its size is how many rows it had.
SELECT estimate('TABLE cph_phone_models');
SELECT same('SELECT phone_model_name FROM cph_phone_models WHERE status = 0', true);
SELECT estimate('SELECT * FROM cph_phone_models WHERE status = 0') = count(*)::text
  FROM local_phone_models WHERE status = 0;
ALTER FOREIGN TABLE cph_phone_models OPTIONS (ADD fetch_size '50');
SELECT same('TABLE cph_phone_models', true);
SELECT same('SELECT extend_spec::json #>> ''{extend_spec,gpu_count}'' FROM cph_phone_models WHERE fps = ''30'' AND dpi IS NOT NULL');
\! test/service log $CPH_TEST_PORT

-- status: both values are exact; no other is sent.
SELECT same('SELECT * FROM cph_phone_models WHERE status = 1', true);
SELECT same('SELECT * FROM cph_phone_models WHERE 0 = status', true);
SELECT same('SELECT * FROM cph_phone_models WHERE status = 0 AND memory > 3000');
SELECT same('SELECT * FROM cph_phone_models WHERE status IN (0, 1)');
SELECT same('SELECT * FROM cph_phone_models WHERE status = 2');
SELECT same('SELECT * FROM cph_phone_models WHERE status IN (0, 7)');
SELECT same('SELECT * FROM cph_phone_models WHERE phone_model_name = ''rx1.cp.c60.d10.e1v1''');
\! test/service log $CPH_TEST_PORT

-- LIMIT and OFFSET without ORDER BY ask for any rows: the service may choose
-- them.  With it they are chosen here, since the list has no order.
SELECT plan('SELECT phone_model_name FROM cph_phone_models WHERE status = 1 LIMIT 5 OFFSET 3', 'COSTS OFF, VERBOSE');
SELECT same('SELECT * FROM cph_phone_models WHERE status = 1 LIMIT 5 OFFSET 3', true);
SELECT same('SELECT * FROM cph_phone_models LIMIT 70 OFFSET 30', true);
SELECT same('SELECT * FROM cph_phone_models LIMIT 10 OFFSET 115', true);
-- Past the end: without a count only the whole list tells.
SELECT same('SELECT * FROM cph_phone_models LIMIT 10 OFFSET 500');
SELECT plan('SELECT phone_model_name FROM cph_phone_models ORDER BY phone_model_name LIMIT 5');
SELECT same('SELECT phone_model_name FROM cph_phone_models ORDER BY phone_model_name LIMIT 5', true);
SELECT same('SELECT phone_model_name FROM cph_phone_models WHERE cpu > 3 LIMIT 5', true);

-- Rows are counted here.
SELECT plan('SELECT count(*) FROM cph_phone_models WHERE status = 1');
SELECT same('SELECT count(*) FROM cph_phone_models');
SELECT same('SELECT count(*) FROM cph_phone_models WHERE status = 1');
SELECT same('SELECT image_label, status, count(*), sum(cpu) FROM cph_phone_models GROUP BY 1, 2');
\! test/service log $CPH_TEST_PORT

-- Joins.
SELECT same('SELECT image_label, m.status, count(*) FROM cph_phones JOIN cph_phone_models m USING (phone_model_name) GROUP BY 1, 2');
SELECT same('SELECT server_id, phone_model_name, cpu FROM cph_servers LEFT JOIN cph_phone_models m USING (phone_model_name)');
\! test/service log $CPH_TEST_PORT >/dev/null
SELECT same('SELECT s, m.phone_model_name FROM (VALUES (0), (1), (5), (0)) AS v (s), LATERAL (SELECT * FROM cph_phone_models WHERE status = s LIMIT 2) AS m');
\! test/service log $CPH_TEST_PORT

-- What is not documented: shorter pages, and a filter that is refused or ignored.
\! test/service set $CPH_TEST_PORT page_cap=40
SELECT same('TABLE cph_phone_models', true);
\! test/service set $CPH_TEST_PORT page_cap=0 'filters_ignored=["status"]'
SELECT same('SELECT * FROM cph_phone_models WHERE status = 0', true);
SELECT same('SELECT * FROM cph_phone_models WHERE status = 0 LIMIT 5 OFFSET 2', true);
SELECT same('SELECT * FROM cph_phone_models WHERE status IN (1, 0)');
\! test/service set $CPH_TEST_PORT filters_ignored=null 'invalid_filter={"status":"CPS.0010"}'
SELECT same('SELECT * FROM cph_phone_models WHERE status = 0', true);
SELECT same('SELECT * FROM cph_phone_models WHERE status = 0 LIMIT 5 OFFSET 2', true);
-- Rows that cannot be told apart, and rows that change places between pages.
\! test/service set $CPH_TEST_PORT invalid_filter=null 'drop_fields=["phone_model_name"]'
SELECT failure('SELECT cpu FROM cph_phone_models');
\! test/service set $CPH_TEST_PORT drop_fields=null ties_shuffled=true
SELECT failure('SELECT cpu FROM cph_phone_models');
SELECT item, status, regexp_replace(detail, '\d+ rows? ', 'N rows ') FROM cph_fdw_check('cph')
 WHERE item = 'phone_models: stable order';
\! test/service clear $CPH_TEST_PORT

-- ANALYZE reads it whole, and does not ask for a number that nobody tells.
ANALYZE cph_phone_models;
SELECT reltuples FROM pg_class WHERE oid = 'cph_phone_models'::regclass;
\! test/service log $CPH_TEST_PORT

-- cph_fdw_check asks what can be asked of it, and no more than 40 times of all.
SELECT item, status, regexp_replace(detail, '\d+ ms', 'N ms') FROM cph_fdw_check('cph') WHERE item LIKE 'phone_models:%';
\! test/service log $CPH_TEST_PORT | awk '/phone-models/; END { print NR <= 40 ? "40 at most" : NR }'

-- One name on several server models is several rows, and so are two models of
-- these names that differ otherwise.
\! test/service ctl $CPH_TEST_PORT POST insert '{"list": "phone_models", "fields": {"phone_model_name": "rx1.cp.c60.d10.e1v1", "server_model_name": "physical.other", "phone_model_version": 1}}' >/dev/null
\! test/service ctl $CPH_TEST_PORT POST insert '{"list": "phone_models", "fields": {"phone_model_name": "rx1.cp.c60.d10.e1v1", "server_model_name": "physical.other", "phone_model_version": 2}}' >/dev/null
SELECT phone_model_name, server_model_name FROM cph_phone_models WHERE phone_model_name = 'rx1.cp.c60.d10.e1v1' ORDER BY 2;
-- Each field but the status tells models apart, also one that is not known
-- here, of whatever kind; the order of the fields, or a null, does not.
\! for more in '"render_fps": 30' '"render_fps": 60' '"stream_fps": 60' '"disk": 1.5' '"disk": 2.5' '"new": true' '"new": false' '"new": {"a": 1}' '"new": {"a": 2}' '"new": ["a"]' '"new": "a"'; do test/service ctl $CPH_TEST_PORT POST insert '{"list": "phone_models", "fields": {"phone_model_name": "twin", "server_model_name": "physical.other", "resolution": null, "spec_code": null, "extend_spec": null, "image_label": null, "cpu": 1, "memory": 1, "disk": 1, "phone_capacity": 1, "product_type": 0, "phone_model_version": null, "dpi": null, "fps": null, "volume_mode": null, "render_fps": null, "stream_fps": null, '"$more"'}}'; done >/dev/null
SELECT count(*), count(DISTINCT render_fps), count(DISTINCT stream_fps) FROM cph_phone_models WHERE phone_model_name = 'twin';
\! for more in '"status": 0, "a": 1, "b": 2' '"status": 1, "b": 2, "a": 1' '"b": 2, "later": null, "a": 1'; do test/service ctl $CPH_TEST_PORT POST insert '{"list": "phone_models", "fields": {"phone_model_name": "one", "status": 1, "server_model_name": "physical.other", "resolution": null, "spec_code": null, "extend_spec": null, "image_label": null, "cpu": 1, "memory": 1, "disk": 1, "phone_capacity": 1, "product_type": 0, "phone_model_version": null, "dpi": null, "fps": null, "volume_mode": null, "render_fps": null, "stream_fps": null, '"$more"'}}'; done >/dev/null
SELECT count(*) FROM cph_phone_models WHERE phone_model_name = 'one';
\! for name in twin one; do test/service ctl $CPH_TEST_PORT POST delete '{"list": "phone_models", "where": {"phone_model_name": "'$name'"}}'; done >/dev/null; test/service log $CPH_TEST_PORT >/dev/null

-- Import.
CREATE SCHEMA imported;
IMPORT FOREIGN SCHEMA cph LIMIT TO (cph_phone_models) FROM SERVER cph INTO imported;
SELECT relname FROM pg_class WHERE relnamespace = 'imported'::regnamespace;
DROP FOREIGN TABLE imported.cph_phone_models;
IMPORT FOREIGN SCHEMA cph EXCEPT (cph_phone_models) FROM SERVER cph INTO imported;
SELECT relname FROM pg_class WHERE relnamespace = 'imported'::regnamespace ORDER BY 1;
SET client_min_messages = warning;
DROP SCHEMA imported CASCADE;
RESET client_min_messages;

-- A list that changes while it is read: what was there all the time is
-- returned once, by the names of the rows that were returned.
CREATE FUNCTION kept(stayed json) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text[] := ARRAY(SELECT phone_model_name FROM seen);
BEGIN
	RETURN format('%s stayed: lost %s, twice %s', stayed ->> 'count',
		(SELECT count(*) FROM json_array_elements_text(stayed -> 'ids') AS id WHERE id <> ALL (found)),
		cardinality(found) - (SELECT count(DISTINCT seen) FROM seen));
END $$;
ALTER FOREIGN TABLE cph_phone_models OPTIONS (SET fetch_size '20');
CREATE TABLE seen (phone_model_name text, server_model_name text, phone_model_version integer);
\set change `test/service ctl $CPH_TEST_PORT POST mark; test/service ctl $CPH_TEST_PORT POST delete '{"list": "phone_models", "index": 0, "n": 35, "after": 2}'; test/service ctl $CPH_TEST_PORT POST delete '{"list": "phone_models", "index": 60, "n": 25, "after": 6}'`
INSERT INTO seen SELECT phone_model_name, server_model_name, phone_model_version FROM cph_phone_models;
\! test/service log $CPH_TEST_PORT
\set stayed `test/service ctl $CPH_TEST_PORT GET stayed/phone_models`
SELECT kept(:'stayed');
\! test/service reset $CPH_TEST_PORT >/dev/null
DROP TABLE seen, local_phone_models;
DROP FUNCTION kept(json), estimate(text);
ALTER FOREIGN TABLE cph_phone_models OPTIONS (DROP fetch_size);
