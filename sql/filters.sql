--
-- Filters: what of a clause is sent to the service, by operator and type, and
-- that the answer is that of a local copy.
--
CREATE FUNCTION where_phones(clause text, OUT sent text, OUT answer text) LANGUAGE sql AS
$$ SELECT request('SELECT * FROM cph_phones WHERE ' || clause),
          same('SELECT * FROM cph_phones WHERE ' || clause) $$;
CREATE FUNCTION where_servers(clause text, OUT sent text, OUT answer text) LANGUAGE sql AS
$$ SELECT request('SELECT * FROM cph_servers WHERE ' || clause),
          same('SELECT * FROM cph_servers WHERE ' || clause) $$;
\pset format unaligned
\pset tuples_only

-- Just the matching rows come back: one request each.
SELECT clause, w.* FROM (VALUES
  ('status = 8'), ('8 = status'), ('status = -7'), ('status = 8::smallint'), ('status = 8::bigint'),
  ('status = 8::numeric'), ('status = 8.00'), ('8::numeric = status'),
  ('status = 4 + 4'), ('status IN (8)'), ('status = ANY (''{8, NULL, 8}'')'),
  ('status IN (8, -7)'), ('status = 8 OR -7 = status'),
  ('server_id = ''13e42be41f16c2d92d36a161b96f4a5e'''),
  ('server_id = ''no-such-server'''), ('server_id = ''not, valid'''),
  ('server_id = ''13e42be41f16c2d92d36a161b96f4a5e''::varchar'),
  ('server_id = ''13e42be41f16c2d92d36a161b96f4a5e''::char(40)'),
  ('status = 8 AND type = 0'), ('status = 8 AND type = 1'), ('status = 8 AND imei LIKE ''%1%'''),
  ('status = 8 AND create_time < ''2024-02-10''')) AS v (clause), where_phones(clause) AS w;
\! test/service log $CPH_TEST_PORT
-- Values that only the run shows.  How a plan names them differs by version.
SELECT clause, w.answer FROM (VALUES
  ('status = (SELECT 8)'), ('status = (SELECT NULL::integer)'), ('status = ANY ((SELECT ''{8, 6}''::int[])::int[])'),
  ('server_id = (SELECT min(server_id) FROM local_servers)'),
  ('server_id = current_setting(''search_path'')')) AS v (clause), where_phones(clause) AS w;
\! test/service log $CPH_TEST_PORT

-- More than the matching rows may come back.
SELECT clause, w.* FROM (VALUES
  ('status = 1'), ('phone_name = ''mobile-000012'''), ('phone_name = ''手机-000007'''),
  ('phone_name = ''O''''Brien-000029'''), ('phone_name = ''mobile\000023'''),
  ('phone_name LIKE ''mobile-00001%'''), ('phone_name LIKE ''mobile-00001_'''),
  ('phone_name LIKE ''mobile\_00001%'''), ('phone_name LIKE ''mobile-100\%'''),
  ('phone_name LIKE ''mobile!_00001_'' ESCAPE ''!'''), ('phone_name LIKE ''mobile\\0000%'''),
  ('phone_name ^@ ''mobile-00001'''), ('starts_with(phone_name, ''mobile-00001'')'),
  ('phone_name ^@ ''mobile_'''), ('phone_name IN (''mobile-000012'', ''mobile 000017'')')) AS v (clause),
  where_phones(clause) AS w;
\! test/service log $CPH_TEST_PORT

-- The inside of a name is sent once the service has shown that it finds names by
-- it; two requests of one row each ask that.
SELECT clause, w.* FROM (VALUES
  ('phone_name LIKE ''%-00001%'''), ('phone_name LIKE ''%e-00001_'''), ('phone_name LIKE ''m%00001%''')) AS v (clause),
  where_phones(clause) AS w;
\! test/service log $CPH_TEST_PORT
-- It is asked by a part of the newest name without what may mean something else.
SELECT cph_fdw_disconnect('cph');
\! test/service ctl $CPH_TEST_PORT POST update '{"list": "phones", "index": 0, "set": {"phone_name": "cph_\u673a\u5668_a%b_\u673a"}}' >/dev/null
SELECT count(*) FROM cph_phones WHERE phone_name LIKE '%-00001%';
\! test/service log $CPH_TEST_PORT
-- Words' beginnings, of upper or lower case, are not taken for it.
SELECT cph_fdw_disconnect('cph');
\! test/service set $CPH_TEST_PORT names=words
\! test/service ctl $CPH_TEST_PORT POST update '{"list": "phones", "index": 0, "set": {"phone_name": "Mobile_mobile_1"}}' >/dev/null
SELECT count(*) FROM cph_phones WHERE phone_name LIKE '%obile-00001%';
\! test/service set $CPH_TEST_PORT names=null
SELECT cph_fdw_disconnect('cph');
\! test/service ctl $CPH_TEST_PORT POST update '{"list": "phones", "index": 0, "set": {"phone_name": "mobile-000999"}}' >/dev/null
\! test/service log $CPH_TEST_PORT

-- On servers.
SELECT clause, w.* FROM (VALUES
  ('status = 5'), ('status = 2'), ('status = 3'), ('status = 99'), ('network_version = ''v1'''),
  ('network_version = ''v3'''), ('phone_model_name = ''rx1.cp.c60.d10.e1v1'''),
  ('server_name = ''server-0007'''), ('server_name LIKE ''server-001%'''),
  ('server_model_name = ''physical.rx1.xlarge'''), ('create_time >= ''2024-02-29 UTC'''),
  ('create_time > ''infinity'''), ('create_time >= ''1969-01-01'''),
  ('create_time < ''2024-02-29 UTC'''), ('''2024-02-29 UTC'' < create_time')) AS v (clause), where_servers(clause) AS w;
\! test/service log $CPH_TEST_PORT

-- Nothing can match: nothing is sent.
SELECT clause, w.* FROM (VALUES
  ('false'), ('status = NULL'), ('NULL = status'), ('status = ANY (''{}'')'),
  ('status = ANY (NULL)'), ('server_id = NULL'), ('now() < ''2020-01-01'''),
  ('phone_name LIKE NULL'), ('create_time > NULL')) AS v (clause), where_phones(clause) AS w;
-- How the plan tells so of this one differs by version.
SELECT (where_phones('status = 8 AND status = 2')).answer;
\! test/service log $CPH_TEST_PORT

-- All of it is for PostgreSQL to check; the whole list is read.
SELECT clause, w.* FROM (VALUES
  ('status = 0'), ('status = 5'), ('status = 8.5'), ('status = 99999999999'), ('type = 1'), ('status IN (0, 8)'),
  ('status <> 2'), ('status > 7'), ('NOT status = 2'), ('status = type'), ('status = volume_mode + 7'),
  ('status IS NULL'), ('status IS NOT DISTINCT FROM 8'), ('status + 0 = 8'), ('status = 8 OR type = 1'),
  ('status NOT IN (2, 8)'), ('status = ALL (''{8}'')'),
  ('status = 8 + (random() * 0)::integer'), ('(status = 8) IS TRUE'),
  ('server_id = '''''), ('server_id < ''2'''), ('server_id || '''' = ''13e42be41f16c2d92d36a161b96f4a5e'''),
  ('phone_model_name = ''rx1.cp.c60.d10.e1v1'''),
  ('phone_name LIKE ''%'''), ('phone_name LIKE '''''), ('phone_name NOT LIKE ''mobile%'''),
  ('phone_name ILIKE ''mobile-00001%'''), ('phone_name ~ ''^mobile-00001'''),
  ('phone_name ^@ '''''), ('phone_name = ''''')) AS v (clause), where_phones(clause) AS w;
\! test/service log $CPH_TEST_PORT | sort | uniq -c
DROP FUNCTION where_phones, where_servers;
