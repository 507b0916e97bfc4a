--
-- One table over several regions, as the README has it: partitions by region;
-- what is asked of which; a region that is down, and how to go on without it.
-- All regions are the same service here.
--
\pset format unaligned
\pset tuples_only
\getenv port CPH_TEST_PORT
\set endpoint 'http://127.0.0.1:' :port
\set project 0123456789abcdef0123456789abcdef
CREATE SERVER north FOREIGN DATA WRAPPER cph_fdw OPTIONS (region 'cn-north-4', endpoint :'endpoint', project_id :'project');
CREATE SERVER east FOREIGN DATA WRAPPER cph_fdw OPTIONS (region 'cn-east-3', endpoint :'endpoint', project_id :'project', max_retries '0');
CREATE SERVER south FOREIGN DATA WRAPPER cph_fdw OPTIONS (region 'cn-south-1', endpoint :'endpoint', project_id :'project');
CREATE USER MAPPING FOR CURRENT_USER SERVER north OPTIONS (token 'the-token');
CREATE USER MAPPING FOR CURRENT_USER SERVER east OPTIONS (token 'the-token');
CREATE USER MAPPING FOR CURRENT_USER SERVER south OPTIONS (token 'the-token');

CREATE TABLE all_cph_phones (region text, phone_id text, phone_name text, server_id text, status integer, imei text, create_time timestamptz)
  PARTITION BY LIST (region);
CREATE FOREIGN TABLE north_phones PARTITION OF all_cph_phones FOR VALUES IN ('cn-north-4') SERVER north OPTIONS (resource 'phones');
CREATE FOREIGN TABLE east_phones PARTITION OF all_cph_phones FOR VALUES IN ('cn-east-3') SERVER east OPTIONS (resource 'phones');
CREATE FOREIGN TABLE south_phones PARTITION OF all_cph_phones FOR VALUES IN ('cn-south-1') SERVER south OPTIONS (resource 'phones');
ALTER FOREIGN TABLE north_phones ALTER region OPTIONS (ADD field '@region');
ALTER FOREIGN TABLE east_phones ALTER region OPTIONS (ADD field '@region');
ALTER FOREIGN TABLE south_phones ALTER region OPTIONS (ADD field '@region');
CREATE VIEW all_local_phones AS
SELECT region, phone_id, phone_name, server_id, status, imei, create_time
  FROM local_phones, unnest('{cn-north-4,cn-east-3,cn-south-1}'::text[]) AS region;
\! test/service log $CPH_TEST_PORT >/dev/null

-- All at once, each asked for what the clause leaves.
SELECT plan('SELECT region, phone_name FROM all_cph_phones WHERE status = 8');
SELECT same('SELECT * FROM all_cph_phones WHERE status = 8');
SELECT same('SELECT region, count(imei) FROM all_cph_phones WHERE status IN (8, -7) GROUP BY region');
\! test/service log $CPH_TEST_PORT | sort | uniq -c | sed 's/^ *//'
-- One region, two of three, none; known when it is planned, when it starts, and
-- row by row.
SELECT same('SELECT * FROM all_cph_phones WHERE region = ''cn-east-3'' AND status = 8');
SELECT same('SELECT * FROM all_cph_phones WHERE region <> ''cn-east-3'' AND status = 8');
SELECT same('SELECT * FROM all_cph_phones WHERE region = ''cn-west-1''');
\! test/service log $CPH_TEST_PORT | sort | uniq -c | sed 's/^ *//'
SET plan_cache_mode = force_generic_plan;
PREPARE by_region(text) AS SELECT count(imei) FROM all_cph_phones WHERE region = $1 AND status = 8;
EXECUTE by_region('cn-south-1');
EXECUTE by_region('cn-west-1');
\! test/service log $CPH_TEST_PORT
RESET plan_cache_mode;
SELECT r, (SELECT count(imei) FROM all_cph_phones WHERE region = r AND status = 8) FROM unnest('{cn-south-1,cn-west-1}'::text[]) AS r;
\! test/service log $CPH_TEST_PORT
-- Servers belong to regions: joined region by region.
SET enable_partitionwise_join = on;
CREATE TABLE all_cph_servers (region text, server_id text, server_name text) PARTITION BY LIST (region);
CREATE FOREIGN TABLE north_servers PARTITION OF all_cph_servers FOR VALUES IN ('cn-north-4') SERVER north OPTIONS (resource 'servers');
CREATE FOREIGN TABLE east_servers PARTITION OF all_cph_servers FOR VALUES IN ('cn-east-3') SERVER east OPTIONS (resource 'servers');
CREATE FOREIGN TABLE south_servers PARTITION OF all_cph_servers FOR VALUES IN ('cn-south-1') SERVER south OPTIONS (resource 'servers');
ALTER FOREIGN TABLE north_servers ALTER region OPTIONS (ADD field '@region');
ALTER FOREIGN TABLE east_servers ALTER region OPTIONS (ADD field '@region');
ALTER FOREIGN TABLE south_servers ALTER region OPTIONS (ADD field '@region');
CREATE VIEW all_local_servers AS
SELECT region, server_id, server_name FROM local_servers, unnest('{cn-north-4,cn-east-3,cn-south-1}'::text[]) AS region;
SELECT same('SELECT s.region, s.server_name, count(p.phone_id) FROM all_cph_servers s JOIN all_cph_phones p USING (region, server_id) WHERE p.status = -7 GROUP BY 1, 2');
\! test/service log $CPH_TEST_PORT | sort | uniq -c | sed 's/^ *//'
RESET enable_partitionwise_join;
-- A count of each region is one request each if it is asked for like that.
SELECT region, sum(phones) FROM (
  SELECT 'cn-north-4' AS region, count(*) AS phones FROM north_phones UNION ALL
  SELECT 'cn-east-3', count(*) FROM east_phones UNION ALL
  SELECT 'cn-south-1', count(*) FROM south_phones) AS p GROUP BY ROLLUP (region) ORDER BY 1;
\! test/service log $CPH_TEST_PORT | sort | uniq -c | sed 's/^ *//'

-- A region is down: the error says which one; what does not ask it goes on.
ALTER SERVER east OPTIONS (SET endpoint 'http://127.0.0.1:1');
SELECT * FROM failure('SELECT count(imei) FROM all_cph_phones') LIMIT 1;
SELECT same('SELECT * FROM all_cph_phones WHERE region <> ''cn-east-3'' AND status = 8');
-- So does all else, once it is detached; and it comes back.
ALTER TABLE all_cph_phones DETACH PARTITION east_phones;
SELECT region, count(*) FROM all_cph_phones GROUP BY region ORDER BY 1;
ALTER SERVER east OPTIONS (SET endpoint :'endpoint');
ALTER TABLE all_cph_phones ATTACH PARTITION east_phones FOR VALUES IN ('cn-east-3');
SELECT same('SELECT region, count(*) FROM all_cph_phones GROUP BY region');

SET client_min_messages = warning;
DROP VIEW all_local_phones, all_local_servers;
DROP TABLE all_cph_phones, all_cph_servers;
DROP SERVER north, east, south CASCADE;
\connect -
--
-- Several services as one table: constants of a table, partitions, inheritance
-- and unions.  Both servers are the same service here.
--
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

-- Partitions are joined with partitions: what one is asked for comes from another one.
CREATE TABLE wanted (server text, phone text, state integer) PARTITION BY LIST (server);
CREATE TABLE wanted_east PARTITION OF wanted FOR VALUES IN ('cph');
CREATE TABLE wanted_west PARTITION OF wanted FOR VALUES IN ('west');
INSERT INTO wanted SELECT server, phone_id, status FROM all_local_phones WHERE status IN (6, -7) ORDER BY phone_id LIMIT 4;
ANALYZE wanted;
SET enable_partitionwise_join = on;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SELECT same('SELECT phone_id FROM wanted JOIN all_cph_phones USING (server) WHERE status = state');
\! test/service log $CPH_TEST_PORT | sort | uniq -c
RESET enable_partitionwise_join;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;
DROP TABLE wanted;

\set VERBOSITY terse
DROP VIEW all_local_phones;
DROP TABLE all_cph_phones;
DROP USER MAPPING FOR CURRENT_USER SERVER west;
DROP SERVER west;

-- A server without a region is one by its name.
CREATE FOREIGN TABLE placed (region text OPTIONS (field '@region'), phone_id text) SERVER cph OPTIONS (resource 'phones');
SELECT DISTINCT region FROM placed;
SELECT count(*) FROM placed WHERE region = 'cn-north-4';
DROP FOREIGN TABLE placed;
