--
-- The example answers of the service's documents come out as the rows they
-- show, field by field.
--
\! test/service reset $CPH_TEST_PORT example=true
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
\x
SELECT * FROM cph_phones;
SELECT * FROM cph_servers;
\x
-- The documents' fields that the tables do not declare can be had, too.
CREATE FOREIGN TABLE example_servers (item jsonb OPTIONS (field '$')) SERVER cph OPTIONS (resource 'servers');
SELECT jsonb_pretty(item) FROM example_servers;
DROP FOREIGN TABLE example_servers;
SELECT count(*) FROM cph_phones WHERE server_id = '88b8449b896f3a4f0ad57222dd91909';
SELECT count(*) FROM cph_phones WHERE server_id = '88b8449b896f3a4f0ad57222dd91900';
\! test/service reset $CPH_TEST_PORT example=false
\connect -
--
-- Columns: any subset of the fields, in any order, under any name and in any
-- type that takes the value.
--
CREATE FOREIGN TABLE some_phones (
  update_time timestamptz,
  id text OPTIONS (field 'phone_id'),
  status integer,
  gone text,
  "order" text OPTIONS (field 'metadata.order_id'),
  item jsonb OPTIONS (field '$'),
  status_text text OPTIONS (field 'status'),
  absent text OPTIONS (field 'no_such_field'),
  deeper text OPTIONS (field 'metadata.order_id.x'),
  through_string text OPTIONS (field 'phone_name.x')
) SERVER cph OPTIONS (resource 'phones');
ALTER FOREIGN TABLE some_phones DROP COLUMN gone, ADD COLUMN phone_name varchar(80);

-- Each row as the local copy has it.
SELECT count(*) AS wrong
  FROM some_phones s FULL JOIN local_phones l ON l.phone_id = s.id
 WHERE (s.update_time, s.status, s."order", s.item ->> 'imei', s.status_text)
       IS DISTINCT FROM
       (l.update_time, l.status, l.metadata ->> 'order_id', l.imei, l.status::text);
SELECT absent, deeper, through_string FROM some_phones WHERE id = (SELECT max(phone_id) FROM local_phones);
-- Without any column, the whole row, system columns, a column for a clause only.
SELECT count(*) FROM (SELECT FROM some_phones) AS s;
SELECT count(*), count(DISTINCT s::text), count(s.item) FROM some_phones s;
SELECT DISTINCT tableoid::regclass FROM some_phones;
SELECT failure('SELECT ctid FROM some_phones');
SELECT id = (SELECT phone_id FROM local_phones LIMIT 1) AS newest FROM some_phones WHERE item IS NOT NULL LIMIT 1;
SELECT count(*) FROM cph_phones WHERE right(imei, 1) = '5'
UNION ALL SELECT count(*) FROM local_phones WHERE right(imei, 1) = '5';
-- A value that its type refuses says where it is, if it is read at all.
ALTER FOREIGN TABLE some_phones ALTER phone_name TYPE varchar(8);
SELECT count(status), max(length(id)) FROM some_phones;
SELECT regexp_replace(failure('SELECT phone_name FROM some_phones'), '[0-9a-f]{32}', 'ID');
DROP FOREIGN TABLE some_phones;
\! test/service clear $CPH_TEST_PORT

-- What becomes of a value of the first phone in a column of each type.  An
-- empty string is NULL where the type is no string's.
CREATE FUNCTION as_type(type text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
  result text;
BEGIN
  EXECUTE format('CREATE FOREIGN TABLE scratch (x %s) SERVER cph OPTIONS (resource ''phones'', field_check ''off'')', type);
  EXECUTE 'SELECT format(''%s %s'', pg_typeof(x), coalesce(quote_literal(x::text), ''NULL'')) FROM scratch LIMIT 1' INTO result;
  EXECUTE 'DROP FOREIGN TABLE scratch';
  RETURN result;
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s %s', SQLSTATE, SQLERRM);
END
$$;
SET timezone = 'Asia/Shanghai';
SET datestyle = 'ISO, MDY';
\pset format unaligned
\pset tuples_only
\! test/service set $CPH_TEST_PORT 'set_fields=[{"index": 0, "field": "x", "raw": "\"\""}]'
SELECT as_type(type) FROM unnest('{text,varchar,varchar(3),char(3),integer,boolean,timestamptz,jsonb,json,uuid,text[],bytea,name}'::text[]) AS type;
\! test/service set $CPH_TEST_PORT 'set_fields=[{"index": 0, "field": "x", "raw": "null"}]'
SELECT as_type(type) FROM unnest('{text,integer,boolean,timestamptz,jsonb,json}'::text[]) AS type;
\! test/service set $CPH_TEST_PORT 'set_fields=[{"index": 0, "field": "x", "raw": "12"}]'
SELECT as_type(type) FROM unnest('{text,varchar(1),smallint,integer,bigint,numeric,"numeric(3,1)",real,boolean,timestamptz,jsonb,json,oid,char(4)}'::text[]) AS type;
\! test/service set $CPH_TEST_PORT 'set_fields=[{"index": 0, "field": "x", "raw": "9223372036854775807"}]'
SELECT as_type(type) FROM unnest('{text,integer,bigint,numeric,jsonb}'::text[]) AS type;
\! test/service set $CPH_TEST_PORT 'set_fields=[{"index": 0, "field": "x", "raw": "18446744073709551615"}]'
SELECT as_type(type) FROM unnest('{text,bigint,numeric,jsonb}'::text[]) AS type;
\! test/service set $CPH_TEST_PORT 'set_fields=[{"index": 0, "field": "x", "raw": "0.1000"}]'
SELECT as_type(type) FROM unnest('{text,integer,numeric,double precision,jsonb,json}'::text[]) AS type;
\! test/service set $CPH_TEST_PORT 'set_fields=[{"index": 0, "field": "x", "raw": "true"}]'
SELECT as_type(type) FROM unnest('{text,integer,boolean,jsonb}'::text[]) AS type;
\! test/service set $CPH_TEST_PORT 'set_fields=[{"index": 0, "field": "x", "raw": "[1, {\"a\": \"b/c\"}]"}]'
SELECT as_type(type) FROM unnest('{text,integer,integer[],jsonb,json}'::text[]) AS type;
\! test/service set $CPH_TEST_PORT 'set_fields=[{"index": 0, "field": "x", "raw": "\"手机 \\u624b\\n\\\"\""}]'
SELECT as_type(type) FROM unnest('{text,varchar(2),jsonb,json,char(7)}'::text[]) AS type;
-- A time without a zone is UTC, whatever the session's is.
\! test/service set $CPH_TEST_PORT 'set_fields=[{"index": 0, "field": "x", "raw": "\"2024-03-01T08:33:40\""}]'
SELECT as_type(type) FROM unnest('{timestamptz,timestamp,date,text,timestamptz(0)}'::text[]) AS type;
\! test/service set $CPH_TEST_PORT 'set_fields=[{"index": 0, "field": "x", "raw": "\"2024-03-01T08:33:40.123456Z\""}]'
SELECT as_type(type) FROM unnest('{timestamptz,timestamptz(0),timestamp,time}'::text[]) AS type;
\! test/service set $CPH_TEST_PORT 'set_fields=[{"index": 0, "field": "x", "raw": "\"2024-03-01 08:33:40+0130\""}]'
SELECT as_type(type) FROM unnest('{timestamptz,timestamptz(0)}'::text[]) AS type;
\! test/service set $CPH_TEST_PORT 'set_fields=[{"index": 0, "field": "x", "raw": "\"2024-02-30T00:00:00Z\""}]'
SELECT as_type('timestamptz');
\! test/service set $CPH_TEST_PORT 'set_fields=[{"index": 0, "field": "x", "raw": "\"yesterday\""}]'
SELECT as_type(type) FROM unnest('{timestamptz,timestamptz(0)}'::text[]) AS type;
DROP FUNCTION as_type;
\! test/service clear $CPH_TEST_PORT
