--
-- What the lists and their fields are: cph_fdw_lists, cph_fdw_fields, and
-- cph_fdw_comment, which makes comments of that.
--
SELECT * FROM cph_fdw_lists();
SELECT * FROM cph_fdw_fields('phones');
SELECT field, filtered FROM cph_fdw_fields('servers') WHERE filtered <> 'not';
SELECT resource, field, type, filtered FROM cph_fdw_lists(), cph_fdw_fields(resource)
 WHERE resource NOT IN ('phones', 'servers') AND filtered <> 'not';
SELECT failure('SELECT * FROM cph_fdw_fields(''tablets'')');
SELECT count(*) FROM (SELECT * FROM cph_fdw_fields('cph_servers') INTERSECT SELECT * FROM cph_fdw_fields('servers')) AS the_same;
SELECT count(*) FROM cph_fdw_fields(NULL);
-- Each describes what IMPORT FOREIGN SCHEMA makes, in words that end nowhere.
SELECT l.table_name, f.field, f.type, format_type(atttypid, atttypmod)
  FROM cph_fdw_lists() AS l CROSS JOIN cph_fdw_fields(l.resource) WITH ORDINALITY AS f
  LEFT JOIN pg_attribute ON attrelid = l.table_name::regclass AND attname = f.field AND attnum = f.ordinality
 WHERE atttypid IS DISTINCT FROM f.type::regtype;
SELECT l.resource, count(*) = (SELECT count(*) FROM pg_attribute WHERE attrelid = l.table_name::regclass AND attnum > 0) AS all
  FROM cph_fdw_lists() AS l CROSS JOIN cph_fdw_fields(l.resource) GROUP BY l.resource, l.table_name ORDER BY 1;
SELECT f.description FROM cph_fdw_lists() AS l CROSS JOIN cph_fdw_fields(l.resource) AS f
 WHERE f.description !~ '^[a-zIV0-9]' OR f.description ~ '[.]$';

-- Comments: on what has none, by field; the schema and the extension's own are
-- any.
CREATE SCHEMA "Other one";
ALTER EXTENSION cph_fdw SET SCHEMA "Other one";
CREATE SCHEMA "To comment";
IMPORT FOREIGN SCHEMA cph LIMIT TO (phones, bandwidths) FROM SERVER cph INTO "To comment";
ALTER FOREIGN TABLE "To comment".cph_phones RENAME phone_name TO "Name";
ALTER FOREIGN TABLE "To comment".cph_phones DROP imei;
COMMENT ON COLUMN "To comment".cph_phones.status IS 'mine';
CREATE FOREIGN TABLE "To comment"."More" (imei text, status text OPTIONS (field 'type'), "where" text OPTIONS (field '@region'),
  order_id text OPTIONS (field 'metadata.order_id')) SERVER cph OPTIONS (resource 'phones');
CREATE TABLE "To comment".plain (imei text);
CALL "Other one".cph_fdw_comment('To comment');
CREATE VIEW comments AS
SELECT relname, attname, col_description(c.oid, attnum) AS comment
  FROM pg_class AS c LEFT JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
 WHERE relnamespace = '"To comment"'::regnamespace
 UNION ALL
SELECT relname, NULL, obj_description(oid, 'pg_class') FROM pg_class WHERE relnamespace = '"To comment"'::regnamespace
 ORDER BY 1, 2;
SELECT relname, attname, comment FROM comments WHERE relname <> 'cph_phones' OR attname IN ('Name', 'status', 'metadata');
-- Once more changes nothing.
CREATE TABLE before AS TABLE comments;
CALL "Other one".cph_fdw_comment('To comment');
TABLE before EXCEPT TABLE comments;
SELECT failure('CALL "Other one".cph_fdw_comment(''nowhere'')');
CALL "Other one".cph_fdw_comment('pg_catalog');
ALTER EXTENSION cph_fdw SET SCHEMA public;
SET client_min_messages = warning;
DROP VIEW comments;
DROP TABLE before;
DROP SCHEMA "To comment", "Other one" CASCADE;
RESET client_min_messages;
\! test/service log $CPH_TEST_PORT

-- A column that shows no field of the list is null in every row: a typo, a name
-- of the user's own, another list.  A scan says so once.
CREATE FOREIGN TABLE odd (statuss integer, "STATUS" integer, name text, imei text, order_id text OPTIONS (field 'metadata.order_id'),
  whole jsonb OPTIONS (field '$'), region text OPTIONS (field '@region'), server text, phone text OPTIONS (field 'phone_nam.x'), quite_another text)
  SERVER cph OPTIONS (resource 'phones');
ALTER FOREIGN TABLE odd DROP imei;
-- EXPLAIN without VERBOSE, and planning, say nothing.
SELECT plan('SELECT imei FROM cph_phones'), plan('SELECT statuss FROM odd');
SELECT plan('SELECT statuss FROM odd', 'COSTS OFF, VERBOSE');
SELECT count(*), count(statuss) FROM odd WHERE statuss = 2;
SELECT count(*) FROM odd;
SELECT count(*), count(name) FROM odd WHERE order_id IS NOT NULL;
-- Again if it has others, or in another session.
ALTER FOREIGN TABLE odd ALTER statuss OPTIONS (ADD field 'status');
SELECT count(*) > 900 AS most FROM odd WHERE statuss = 2;
ALTER FOREIGN TABLE odd OPTIONS (SET resource 'bandwidths');
SELECT count(*) FROM odd;
SELECT count(*) FROM odd;
\connect -
SELECT count(*) FROM odd;
SELECT item, status, detail FROM cph_fdw_check('cph') WHERE item LIKE 'table%';
ALTER FOREIGN TABLE odd OPTIONS (ADD field_check 'off');
SELECT plan('SELECT statuss FROM odd', 'COSTS OFF, VERBOSE');
\connect -
SELECT count(*) FROM odd;
SELECT item, status, detail FROM cph_fdw_check('cph') WHERE item LIKE 'table%';
SELECT failure('ALTER FOREIGN TABLE odd OPTIONS (SET field_check ''perhaps'')');
SELECT failure('ALTER SERVER cph OPTIONS (ADD field_check ''off'')');
DROP FOREIGN TABLE odd;
\! test/service log $CPH_TEST_PORT >/dev/null
