--
-- Several services as one table: constants of a table, partitions, inheritance
-- and unions.  Both servers are the same service here.
--
\pset format unaligned
\pset tuples_only
\getenv port CPH_TEST_PORT
\set endpoint 'http://127.0.0.1:' :port
CREATE SERVER west FOREIGN DATA WRAPPER cph_fdw
  OPTIONS (endpoint :'endpoint', project_id '0123456789abcdef0123456789abcdef', max_concurrent_requests '1');
CREATE USER MAPPING FOR CURRENT_USER SERVER west OPTIONS (token 'the-token');
CREATE TABLE all_cph_phones (server text, phone_id text, status integer, create_time timestamptz) PARTITION BY LIST (server);
CREATE FOREIGN TABLE east_phones (server text OPTIONS (field '@server'),
  phone_id text, status integer, create_time timestamptz) SERVER cph OPTIONS (resource 'phones');
CREATE FOREIGN TABLE west_phones (server text OPTIONS (field '@server'),
  phone_id text, status integer, create_time timestamptz) SERVER west OPTIONS (resource 'phones');
ALTER TABLE all_cph_phones ATTACH PARTITION east_phones FOR VALUES IN ('cph');
ALTER TABLE all_cph_phones ATTACH PARTITION west_phones FOR VALUES IN ('west');
CREATE VIEW all_local_phones AS
SELECT server, phone_id, status, create_time FROM local_phones, unnest('{cph,west}'::text[]) AS server;
-- One scan after the other, so that the log has them in order.
SET enable_async_append = off;
\! test/service log $CPH_TEST_PORT >/dev/null

-- A partition that cannot have rows is not asked.
SELECT same('SELECT * FROM all_cph_phones WHERE server = ''west'' AND status = 8');
SELECT same('SELECT * FROM all_cph_phones WHERE server = ''north''');
SELECT same('SELECT * FROM all_cph_phones WHERE status = 8');
\! test/service log $CPH_TEST_PORT
-- A constant's clause is decided before anything is sent, also without partitions.
SELECT count(*) FROM west_phones WHERE server = (SELECT 'cph') AND status = 8;
SELECT count(*) FROM west_phones WHERE server = (SELECT 'west') AND status = 8;
\! test/service log $CPH_TEST_PORT
-- Limits stay above; the order of the lists is merged, not sorted.
SELECT same('SELECT create_time FROM all_cph_phones ORDER BY create_time DESC LIMIT 5', true);
SELECT plan('SELECT create_time FROM all_cph_phones ORDER BY create_time DESC LIMIT 5');
\! test/service log $CPH_TEST_PORT
SELECT same('SELECT count(*) FROM (SELECT phone_id FROM all_cph_phones OFFSET 1990) AS p');
SELECT same('SELECT count(*), max(create_time) FROM all_cph_phones WHERE status = 8');
SET enable_partitionwise_aggregate = on;
SELECT same('SELECT server, count(*) FROM all_cph_phones WHERE status = 8 GROUP BY server');
SELECT same('SELECT count(*) FROM all_cph_phones WHERE status = 8');
RESET enable_partitionwise_aggregate;
\! test/service log $CPH_TEST_PORT | sort | uniq -c

\set VERBOSITY terse
DROP VIEW all_local_phones;
DROP TABLE all_cph_phones;
DROP USER MAPPING FOR CURRENT_USER SERVER west;
DROP SERVER west;
