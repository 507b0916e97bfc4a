--
-- A filter belongs to a column's field, and needs a type that compares as the
-- field does.
--
\pset format unaligned
\pset tuples_only
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
