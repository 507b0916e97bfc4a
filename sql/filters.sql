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
-- It begins with nothing known, whatever other sessions have found out.
SELECT cph_fdw_disconnect('cph');

-- Just the matching rows come back: one request each.
SELECT clause, w.* FROM (VALUES
  ('status = 8'), ('8 = status'), ('status = -7'), ('status = 8::smallint'), ('status = 8::bigint'),
  ('status = 8::numeric'), ('status = 8.00'), ('8::numeric = status'),
  ('status = 4 + 4'), ('status IN (8)'), ('status = ANY (''{8, NULL, 8}'')'),
  ('status IN (8, -7)'), ('status = 8 OR -7 = status'),
  ('status = 8 OR status IN (-7, 6)'), ('status IN (8, -7) OR 8 = status'),
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
  ('status = ANY ((SELECT ''{8, 6}''::int[])::int[]) OR status = (SELECT -7) OR status IN (8, 6)'),
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
\connect -
SELECT cph_fdw_disconnect('cph');
--
-- A filter belongs to a column's field, and needs a type that compares as the
-- field does.
--
CREATE DOMAIN small AS integer CHECK (VALUE < 100);
CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE FOREIGN TABLE typed_phones (
  server_id integer OPTIONS (field 'status'),
  home varchar(40) OPTIONS (field 'server_id'),
  home_char char(32) OPTIONS (field 'server_id'),
  home_any_case text OPTIONS (field 'server_id') COLLATE ignore_case,
  home_c text OPTIONS (field 'server_id') COLLATE "C",
  status_2 smallint OPTIONS (field 'status'),
  status_8 bigint OPTIONS (field 'status'),
  status_domain small OPTIONS (field 'status'),
  status_text text OPTIONS (field 'status'),
  status_numeric numeric OPTIONS (field 'status'),
  status_real real OPTIONS (field 'status'),
  named name OPTIONS (field 'phone_name'),
  label jsonb OPTIONS (field 'status'),
  made timestamp OPTIONS (field 'create_time'),
  made_seconds timestamptz(0) OPTIONS (field 'create_time'),
  made_at timestamptz OPTIONS (field 'create_time'),
  type_inside integer OPTIONS (field 'metadata.type'),
  server_status integer OPTIONS (field 'network_version')
) SERVER cph OPTIONS (resource 'phones');
CREATE VIEW typed_local AS
SELECT status AS server_id, server_id::varchar(40) AS home, server_id::char(32) AS home_char,
       server_id COLLATE ignore_case AS home_any_case, server_id COLLATE "C" AS home_c,
       status::smallint AS status_2, status::bigint AS status_8, status::small AS status_domain,
       status::text AS status_text, status::numeric AS status_numeric, status::real AS status_real,
       phone_name::name AS named, to_jsonb(status) AS label,
       create_time AT TIME ZONE 'UTC' AS made, create_time::timestamptz(0) AS made_seconds,
       create_time AS made_at, NULL::integer AS type_inside, NULL::integer AS server_status
  FROM local_phones;
CREATE FUNCTION typed(clause text, OUT sent text, OUT answer text) LANGUAGE plpgsql AS
$$
BEGIN
  sent := request('SELECT * FROM typed_phones WHERE ' || clause);
  answer := CASE WHEN rows_of('SELECT * FROM typed_phones WHERE ' || clause, false) =
                      rows_of('SELECT * FROM typed_local WHERE ' || clause, false)
                 THEN 'same' ELSE 'another' END;
END
$$;
SELECT clause, t.* FROM (VALUES
  ('server_id = 8'), ('status_2 = 8'), ('status_8 = 8'), ('status_8 = 8::smallint'), ('status_domain = 8'),
  ('status_2::integer = 8'), ('status_2::numeric = 8'), ('status_8::numeric = 8.0'), ('status_8 = 99999999999'),
  ('home = ''13e42be41f16c2d92d36a161b96f4a5e'''),
  ('home_c = ''13e42be41f16c2d92d36a161b96f4a5e'''),
  ('home_c = ''13e42be41f16c2d92d36a161b96f4a5e'' COLLATE "C"')) AS v (clause), typed(clause) AS t;
\! test/service log $CPH_TEST_PORT
SELECT clause, t.* FROM (VALUES
  ('home_char = ''13e42be41f16c2d92d36a161b96f4a5e'''),
  ('home_any_case = ''13E42BE41F16C2D92D36A161B96F4A5E'''),
  ('home = ''13E42BE41F16C2D92D36A161B96F4A5E'' COLLATE ignore_case'),
  ('status_text = ''8'''), ('status_numeric = 8'), ('status_real = 8'), ('label = ''8'''),
  ('server_id::text = ''8'''), ('named = ''mobile-000012'''),
  ('type_inside = 0'), ('server_status = 1'),
  ('made >= ''2024-02-29''')) AS v (clause), typed(clause) AS t;
\! test/service log $CPH_TEST_PORT | sort | uniq -c
-- Bounds of time stop the reading, by each type that compares with timestamptz.
SET timezone = 'Asia/Shanghai';
SELECT clause, t.* FROM (VALUES
  ('made_at >= ''2024-03-01'''), ('made_at > ''2024-03-01''::timestamp'), ('made_at >= ''2024-03-01''::date'),
  ('made_at >= ''infinity'''), ('''2024-03-01'' <= made_at')) AS v (clause), typed(clause) AS t;
\! test/service log $CPH_TEST_PORT
\set VERBOSITY terse
DROP FUNCTION typed;
DROP VIEW typed_local;
DROP FOREIGN TABLE typed_phones;
DROP COLLATION ignore_case;
DROP DOMAIN small;
