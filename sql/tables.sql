--
-- What else is expected of a foreign table: estimates of width, tableoid, whole
-- rows, columns that come and go, constraints, children.
--
\pset format unaligned
\pset tuples_only
\! test/service log $CPH_TEST_PORT >/dev/null

-- Width: from the types, and from the statistics once there are some.
CREATE FUNCTION width_of(query text) RETURNS integer LANGUAGE plpgsql AS
$$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN plan -> 0 -> 'Plan' ->> 'Plan Width';
END
$$;
CREATE FOREIGN TABLE narrow (phone_id text, status integer, phone_name varchar(7)) SERVER cph OPTIONS (resource 'phones');
ALTER FOREIGN TABLE narrow ALTER phone_name TYPE varchar(100);
SELECT width_of('SELECT status FROM narrow'), width_of('SELECT phone_id FROM narrow') = width_of('SELECT NULL::text');
ANALYZE narrow;
SELECT column_name, width_of('SELECT ' || column_name || ' FROM narrow') = avg_width
  FROM unnest('{phone_id,status,phone_name}'::text[]) AS column_name
  JOIN pg_stats ON tablename = 'narrow' AND attname = column_name
 ORDER BY 1;
SELECT width_of('TABLE narrow') BETWEEN 45 AND 60;
DROP FOREIGN TABLE narrow;
DROP FUNCTION width_of;
\! test/service log $CPH_TEST_PORT >/dev/null

-- tableoid and whole rows, also where the service does the LIMIT.
SELECT tableoid::regclass, phone_id = (SELECT phone_id FROM local_phones LIMIT 1 OFFSET 3) FROM cph_phones LIMIT 2 OFFSET 3;
SELECT tableoid = 'cph_phones'::regclass, count(*) FROM cph_phones WHERE status = 8 GROUP BY 1;
SELECT same('SELECT p FROM cph_phones p LIMIT 3 OFFSET 7', true);
SELECT same('SELECT p, p.status, p.tableoid IS NOT NULL FROM cph_phones p WHERE status = 8 ORDER BY create_time DESC LIMIT 3', true);
SELECT same('SELECT row_to_json(s) ->> ''server_name'' FROM cph_servers s WHERE s IS NOT NULL');
SELECT same('SELECT count(p), count(DISTINCT p.phone_id) FROM cph_phones p WHERE status = 8');
SELECT same('SELECT s, p.phone_id FROM cph_servers s LEFT JOIN cph_phones p ON p.server_id = s.server_id AND p.status = 8');
\! test/service log $CPH_TEST_PORT | sort | uniq -c

-- Columns that were dropped, in front and between, and added behind; each row
-- as it was.
CREATE FOREIGN TABLE changing (gone integer, phone_id text, status integer, also_gone text, server_id text)
  SERVER cph OPTIONS (resource 'phones');
CREATE VIEW over_changing AS SELECT * FROM (SELECT phone_id, status, server_id FROM changing) AS c;
PREPARE over_changing AS SELECT count(c), count(DISTINCT c.server_id), min(status) FROM changing c;
EXECUTE over_changing;
ALTER FOREIGN TABLE changing DROP COLUMN gone, DROP COLUMN also_gone;
SELECT count(*) FROM changing c JOIN local_phones l USING (phone_id) WHERE c = ROW(l.phone_id, l.status, l.server_id);
SELECT count(*) FROM over_changing c JOIN local_phones l USING (phone_id) WHERE c.status = l.status AND c.server_id = l.server_id;
ALTER FOREIGN TABLE changing ADD COLUMN type smallint, ADD COLUMN absent text DEFAULT 'no value';
SELECT count(*), count(c.absent) FROM changing c JOIN local_phones l USING (phone_id) WHERE c.type = l.type AND c.server_id = l.server_id;
SELECT c IS NOT DISTINCT FROM ROW(l.phone_id, l.status, l.server_id, l.type::smallint, NULL::text)
  FROM changing c JOIN local_phones l USING (phone_id) WHERE c.status = 6;
EXECUTE over_changing;
DEALLOCATE over_changing;
ALTER FOREIGN TABLE changing RENAME server_id TO home;
ALTER FOREIGN TABLE changing ALTER home OPTIONS (ADD field 'server_id');
SELECT count(DISTINCT home) FROM changing;
\! test/service log $CPH_TEST_PORT >/dev/null
SELECT request('SELECT home FROM changing WHERE home = ''a'' AND type = 0');
DROP FOREIGN TABLE changing CASCADE;
\! test/service log $CPH_TEST_PORT

-- CHECK constraints are taken for true: they exclude a table, and never filter.
CREATE FOREIGN TABLE checked (phone_id text NOT NULL, status integer CHECK (status < 5)) SERVER cph OPTIONS (resource 'phones');
SET constraint_exclusion = on;
SELECT count(*) FROM checked WHERE status > 5;
SELECT request('SELECT * FROM checked WHERE status > 5') IS NULL;
\! test/service log $CPH_TEST_PORT
SET constraint_exclusion = off;
SELECT same('SELECT count(*) FROM cph_phones WHERE status > 5') = 'same: 1 rows', count(*) > 0 FROM checked WHERE status > 5;
RESET constraint_exclusion;
DROP FOREIGN TABLE checked;

-- A column that is declared NOT NULL is checked as rows pass, if it is read.
CREATE FOREIGN TABLE checked (phone_id text, nothing text OPTIONS (field 'metadata.nothing') NOT NULL, imei text NOT NULL) SERVER cph OPTIONS (resource 'phones', field_check 'off');
SELECT count(imei) = count(*) FROM checked;
SELECT regexp_replace(failure('SELECT max(nothing) FROM checked'), '[0-9a-f]{32}', 'ID');
SELECT regexp_replace(failure('SELECT phone_id FROM checked WHERE nothing = $$x$$'), '[0-9a-f]{32}', 'ID');
DROP FOREIGN TABLE checked;
\! test/service log $CPH_TEST_PORT >/dev/null

-- System columns, which tools for versions of rows ask for.
SELECT xmin, xmax, cmin, cmax, ctid, tableoid::regclass FROM cph_phones LIMIT 1;
SELECT count(DISTINCT p.phone_id), min(xmin::text), bool_and(to_jsonb(p) ->> 'imei' = imei) FROM cph_phones p WHERE status IN (7, 8);
SELECT bool_and(p.xmin = '0') FROM generate_series(1, 3) AS n, LATERAL (SELECT xmin, phone_name FROM cph_phones WHERE length(phone_name) > n OFFSET 0) AS p;
\! test/service log $CPH_TEST_PORT >/dev/null

-- Partitions and children with the columns in another order, and more of them.
CREATE TABLE of_all (zone text, phone_id text, status integer, create_time timestamptz) PARTITION BY LIST (zone);
CREATE FOREIGN TABLE of_one (more integer, status integer, create_time timestamptz, gone text, zone text OPTIONS (field '@server'), phone_id text)
  SERVER cph OPTIONS (resource 'phones');
ALTER FOREIGN TABLE of_one DROP COLUMN more, DROP COLUMN gone;
ALTER TABLE of_all ATTACH PARTITION of_one FOR VALUES IN ('cph');
CREATE TABLE of_none PARTITION OF of_all FOR VALUES IN ('none');
INSERT INTO of_all VALUES ('none', 'a phone', 8, '2001-01-01');
\! test/service log $CPH_TEST_PORT >/dev/null
SELECT tableoid::regclass, a FROM of_all a WHERE status = 8 ORDER BY create_time LIMIT 1;
SELECT count(*) FROM of_all a JOIN local_phones l USING (phone_id) WHERE a IS NOT DISTINCT FROM ROW('cph', phone_id, l.status, l.create_time)::of_all;
SELECT a.phone_id = (SELECT phone_id FROM local_phones WHERE status = 8 LIMIT 1) FROM of_all a WHERE status = 8 ORDER BY create_time DESC LIMIT 1;
SELECT failure('INSERT INTO of_all VALUES (''cph'', ''a phone'', 8)');
SELECT failure('UPDATE of_all SET status = 1');
SELECT failure('DELETE FROM of_all WHERE zone = ''cph''');
SELECT failure('UPDATE of_all SET zone = ''cph'' WHERE zone = ''none''');
SELECT failure('TRUNCATE of_all');
UPDATE of_all SET status = 6 WHERE zone = 'none' RETURNING *;
COPY of_all (zone, phone_id) FROM STDIN;
cph	a phone
\.
DROP TABLE of_all;
CREATE TABLE parent (status integer, phone_id text);
CREATE FOREIGN TABLE child (phone_name text, phone_id text, status integer) SERVER cph OPTIONS (resource 'phones');
ALTER FOREIGN TABLE child INHERIT parent;
INSERT INTO parent VALUES (8, 'a phone');
SELECT count(*), count(p) FROM parent p JOIN local_phones l USING (phone_id) WHERE p.status = l.status;
SELECT count(*) FROM ONLY parent;
SELECT p FROM parent p WHERE status = 8 ORDER BY phone_id = 'a phone' DESC LIMIT 1;
SELECT failure('UPDATE parent SET status = 1');
ALTER TABLE parent ADD COLUMN imei text;
SELECT count(*) FROM parent p JOIN local_phones l USING (phone_id, imei);
ANALYZE parent;
SELECT reltuples FROM pg_class WHERE oid = 'parent'::regclass;
SELECT count(*) FROM pg_stats WHERE tablename = 'parent' AND inherited;
DROP TABLE parent CASCADE;
\! test/service log $CPH_TEST_PORT >/dev/null
\connect -
--
-- The tables are for reading: PostgreSQL refuses anything else itself, and
-- nothing is sent for it.
--
SELECT command, result FROM unnest(ARRAY[
  'INSERT INTO cph_phones (phone_id) VALUES (''a'')',
  'UPDATE cph_phones SET status = 8',
  'UPDATE cph_phones SET status = 8 WHERE phone_id = ''a''',
  'DELETE FROM cph_phones',
  'DELETE FROM cph_servers WHERE status = 2',
  'MERGE INTO cph_phones USING local_phones l ON l.phone_id = cph_phones.phone_id WHEN MATCHED THEN DELETE',
  'TRUNCATE cph_phones',
  'CREATE INDEX ON cph_phones (phone_id)']) AS command, failure(command) AS result;
COPY cph_phones (phone_id) FROM STDIN;
\.
SELECT is_insertable_into, pg_relation_is_updatable('cph_phones'::regclass, false) FROM information_schema.tables WHERE table_name = 'cph_phones';
\! test/service log $CPH_TEST_PORT

-- Reading for a change elsewhere is reading.
CREATE TEMP TABLE kept AS SELECT phone_id FROM cph_phones WHERE status = 8 LIMIT 5;
INSERT INTO kept SELECT phone_id FROM cph_phones WHERE status = 6 LIMIT 5 RETURNING phone_id = (SELECT phone_id FROM local_phones WHERE status = 6);
\! test/service log $CPH_TEST_PORT
DELETE FROM kept USING cph_phones p WHERE p.phone_id = kept.phone_id AND p.status = 8;
UPDATE kept SET phone_id = p.phone_name FROM cph_phones p WHERE p.phone_id = kept.phone_id AND p.status = 6;
SELECT count(*) FROM kept;
COPY (SELECT status FROM cph_phones WHERE status = 6) TO STDOUT;
\! test/service log $CPH_TEST_PORT | sort | uniq -c
-- A read-only transaction reads.
BEGIN READ ONLY;
SELECT same('SELECT phone_id FROM cph_phones WHERE status = 8');
COMMIT;
\! test/service log $CPH_TEST_PORT
