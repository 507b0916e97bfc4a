--
-- cph_reports.sql, as it is installed: what the reports say, and what they ask
-- the service for; what is kept of the past, and what a region that is down
-- leaves of it.
--
\pset format unaligned
\pset tuples_only
\getenv port CPH_TEST_PORT
\set endpoint 'http://127.0.0.1:' :port
SET timezone = 'UTC';
\set destdir ''
\getenv destdir DESTDIR
SELECT :'destdir' || setting || '/extension/cph_reports.sql' AS script FROM pg_config WHERE name = 'SHAREDIR' \gset
CREATE FUNCTION equal(query text, wanted text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
  found text[] := rows_of(query, false);
  want text[] := rows_of(wanted, false);
BEGIN
  IF found = want THEN
    RETURN format('equal: %s rows', cardinality(found));
  END IF;
  RETURN format(E'added:  %s\nmissing: %s',
                ARRAY(SELECT unnest(found) EXCEPT ALL SELECT unnest(want) LIMIT 3),
                ARRAY(SELECT unnest(want) EXCEPT ALL SELECT unnest(found) LIMIT 3));
END
$$;
\! test/service log $CPH_TEST_PORT >/dev/null

-- All servers that there are; to make it sends nothing, nor does making it again.
\set ECHO none
\i :script
\i :script
\set ECHO all
\echo :ON_ERROR_STOP :QUIET
TABLE cph_reports.regions;
\! test/service log $CPH_TEST_PORT

-- By status: a short list is read.
\connect -
SELECT cph_fdw_disconnect('cph');
SET timezone = 'UTC';
SELECT * FROM cph_reports.fleet_by_status ORDER BY status;
\! test/service log $CPH_TEST_PORT
SELECT equal('TABLE cph_reports.fleet_by_status', $$
  SELECT 'cph', 'cph', status, cph_phone_status(status), count(*) FROM local_phones GROUP BY status $$);
SELECT count(*) FROM cph_reports.fleet_by_status WHERE region = 'no such region';
\! test/service log $CPH_TEST_PORT | grep -c .

-- The lists: filters, labels, limits and counts go on to the service.
SELECT phone_id, status_label, order_id FROM cph_reports.phones WHERE status_label = 'abnormal' AND order_id IS NOT NULL ORDER BY 1 LIMIT 2;
SELECT phone_name FROM cph_reports.phones ORDER BY create_time DESC LIMIT 2 OFFSET 500;
SELECT count(*) FROM cph_reports.phones WHERE status = 8;
SELECT server_name, status_label, server_ips, public_ips, charging_mode, order_id FROM cph_reports.servers WHERE server_name LIKE 'server-000%' AND server_ips LIKE '%,%' ORDER BY 1 LIMIT 2;
\! test/service log $CPH_TEST_PORT
SELECT count(*) FROM information_schema.columns WHERE table_schema = 'cph_reports' AND column_name IN ('imei', 'metadata');
SELECT equal('SELECT server_id, n, server_ip, public_ip FROM cph_reports.server_addresses', $$
  SELECT server_id, n::integer, a ->> 'server_ip', a ->> 'public_ip'
    FROM local_servers, jsonb_array_elements(addresses) WITH ORDINALITY AS a (a, n) $$);
-- Old names of addresses, and none at all.
SELECT cph_reports.server_ips(a), cph_reports.public_ips(a)
  FROM unnest('{"[{\"intranet_ip\": \"10.0.0.1\", \"access_ip\": \"1.2.3.4\"}, {\"server_ip\": \"10.0.0.2\"}]","[]","null","{\"server_ip\": \"10.0.0.3\"}"}'::jsonb[]) AS a;

-- Servers with their phones; one server is asked for alone.
INSERT INTO cph_reports.capacities VALUES ('rx1.cp.c60.d10.e1v1', 60);
\! test/service log $CPH_TEST_PORT >/dev/null
SELECT equal('SELECT region, server_id, status_label, capacity, phones, running, free, server_ips FROM cph_reports.phones_by_server', $$
  SELECT 'cph', server_id, cph_server_status(s.status), capacity, count(p), count(p) FILTER (WHERE p.status = 2),
         capacity - count(p), cph_reports.server_ips(addresses)
    FROM local_servers s LEFT JOIN local_phones p USING (server_id) LEFT JOIN cph_reports.capacities c ON c.phone_model_name = s.phone_model_name
   GROUP BY s.server_name, server_id, s.status, capacity, addresses $$);
\! test/service log $CPH_TEST_PORT | sort -u
SELECT server_name, phones, running FROM cph_reports.phones_by_server WHERE server_name = 'server-0007';
\! test/service log $CPH_TEST_PORT
SELECT equal('TABLE cph_reports.servers_by_zone', $$
  SELECT 'cph', 'cph', availability_zone, server_model_name, phone_model_name, count(*), count(*) FILTER (WHERE status = 5), min(create_time), max(create_time)
    FROM local_servers GROUP BY 3, 4, 5 $$);
SELECT equal('TABLE cph_reports.age_of_phones', $$
  SELECT 'cph', 'cph', date_trunc('month', create_time)::date, count(*), count(*) FILTER (WHERE status = 2), min(create_time), max(create_time)
    FROM local_phones GROUP BY 3 $$);
\! test/service log $CPH_TEST_PORT | sort -u

-- Phones by image: also those of an image that is not listed, or that name none.
CREATE TABLE local_images (LIKE cph_images);
CREATE TABLE local_encode_servers (LIKE cph_encode_servers);
\! test/service ctl $CPH_TEST_PORT POST delete '{"list": "images", "index": 2}' >/dev/null
\! test/service ctl $CPH_TEST_PORT POST update '{"list": "phones", "index": 3, "set": {"image_id": null}}' >/dev/null
\! test/service ctl $CPH_TEST_PORT POST delete '{"list": "encode_servers", "where": {"server_id": "43a9e630a2a432527694238d4b930e19"}}' >/dev/null
\copy local_images FROM PROGRAM 'test/service copy $CPH_TEST_PORT images'
\copy local_encode_servers FROM PROGRAM 'test/service copy $CPH_TEST_PORT encode_servers'
CREATE TABLE phones_then (LIKE cph_phones);
\copy phones_then FROM PROGRAM 'test/service copy $CPH_TEST_PORT phones'
SELECT equal('TABLE cph_reports.phones_by_image', $$
  SELECT 'cph', 'cph', p.image_id, image_name, image_type, p.image_version, i.create_time, now() - i.create_time,
         count(*), count(*) FILTER (WHERE p.status = 2)
    FROM phones_then p LEFT JOIN local_images i USING (image_id) GROUP BY 3, 4, 5, 6, 7 $$);
\! test/service log $CPH_TEST_PORT | sort -u
SELECT sum(phones), sum(phones) FILTER (WHERE image_id IS NULL) AS without, sum(phones) FILTER (WHERE image_id IS NOT NULL AND image_name IS NULL) > 0 AS unlisted,
       bool_and((image_name IS NULL) = (image_age IS NULL)) FROM cph_reports.phones_by_image;
\! test/service log $CPH_TEST_PORT >/dev/null

-- Servers with their encoding servers, if any; one that is named by its id is asked for alone.
SELECT equal('TABLE cph_reports.encoders_by_server', $$
  SELECT 'cph', 'cph', s.server_id, server_name, s.status, cph_server_status(s.status), availability_zone, count(e), count(e) FILTER (WHERE e.status = 1),
         count(e) FILTER (WHERE e.status = 2), string_agg(encode_server_ip, ', ' ORDER BY encode_server_ip)
    FROM local_servers s LEFT JOIN local_encode_servers e USING (server_id) GROUP BY 3, 4, 5, 6, 7 $$);
SELECT server_name, encoders FROM cph_reports.encoders_by_server WHERE server_id = '43a9e630a2a432527694238d4b930e19';
\! test/service log $CPH_TEST_PORT | sort
\! test/service reset $CPH_TEST_PORT
DROP TABLE local_images, local_encode_servers, phones_then;

-- Everything says what it is.
SELECT relname FROM pg_class WHERE relnamespace = 'cph_reports'::regnamespace AND relkind <> 'i' AND obj_description(oid, 'pg_class') IS NULL;
SELECT attrelid::regclass, attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
 WHERE relnamespace = 'cph_reports'::regnamespace AND relkind <> 'i' AND attnum > 0 AND col_description(attrelid, attnum) IS NULL;
SELECT col_description('cph_reports.fleet_by_status'::regclass, 3), col_description('cph_reports.phones'::regclass, 5);

-- Two servers, of one service here, which is told: one has a region.
CREATE SERVER west FOREIGN DATA WRAPPER cph_fdw
  OPTIONS (endpoint :'endpoint', region 'cn-west-3', project_id '0123456789abcdef0123456789abcdef', max_concurrent_requests '1', max_retries '0');
CREATE USER MAPPING FOR CURRENT_USER SERVER west OPTIONS (token 'the-token');
\setenv script :script
\setenv database :DBNAME
\! "$(${PG_CONFIG:-pg_config} --bindir)/psql" -Xq -f "$script" "$database" 2>&1 | sed 's/^psql:[^ ]* //'
SELECT region, server, active FROM cph_reports.regions ORDER BY 1;
SELECT region, sum(phones) FROM cph_reports.fleet_by_status GROUP BY 1 ORDER BY 1;
\! test/service log $CPH_TEST_PORT >/dev/null
SELECT count(*) FROM plan('SELECT phone_id FROM cph_reports.phones WHERE region = ''north''') AS line WHERE line LIKE '%Foreign%';
SELECT count(*) FROM cph_reports.phones WHERE region = 'cn-west-3' AND status = 8;
SELECT count(*) FROM cph_reports.phones_west WHERE status = 8;
\! test/service log $CPH_TEST_PORT
-- A region without a list, a credential without permission for one: what reads
-- these says so, unless that server is left out; the rest does without.
ALTER FOREIGN TABLE cph_reports.images_west OPTIONS (ADD fetch_size '50');
ALTER FOREIGN TABLE cph_reports.encoders_west OPTIONS (ADD fetch_size '50');
\! test/service fault $CPH_TEST_PORT status status=404 error_code=APIGW.0101 'match=encode-servers?limit=50&' >/dev/null
\! test/service fault $CPH_TEST_PORT status status=403 error_code=CPS.0001 'match=images?limit=50&' >/dev/null
SELECT failure('TABLE cph_reports.encoders_by_server');
SELECT failure('TABLE cph_reports.phones_by_image');
\! test/service log $CPH_TEST_PORT >/dev/null
SELECT sum(encoders) FROM cph_reports.encoders_by_server WHERE server <> 'west';
SELECT sum(phones) FROM cph_reports.phones_by_image WHERE region = 'cph';
\! test/service log $CPH_TEST_PORT | grep -c limit=50
SELECT sum(phones) FROM cph_reports.phones_by_server WHERE server = 'west';
\! test/service clear $CPH_TEST_PORT
-- A snapshot asks, also for what was read a short while ago.
ALTER SERVER cph OPTIONS (ADD cache_ttl '1h');
SELECT count(phone_id) > 0 FROM cph_reports.phones_cph;
\! test/service log $CPH_TEST_PORT | wc -l | tr -d ' '
SELECT count(phone_id) > 0 FROM cph_reports.phones_cph;
\! test/service log $CPH_TEST_PORT | wc -l | tr -d ' '
-- However the session writes times: CST is also America's.
SET timezone = 'Asia/Shanghai';
SET datestyle = 'SQL, DMY';
CALL cph_reports.take_snapshot();
RESET datestyle;
SET timezone = 'UTC';
\! test/service log $CPH_TEST_PORT | wc -l | tr -d ' '
ALTER SERVER cph OPTIONS (DROP cache_ttl);
SELECT region, server, phones, servers FROM cph_reports.snapshots ORDER BY 1;
SELECT equal($$SELECT phone_id, status_label, create_time, product_id FROM cph_reports.latest_phones WHERE server = 'west'$$,
             $$SELECT phone_id, cph_phone_status(status), create_time, metadata ->> 'product_id' FROM local_phones$$);
SELECT equal($$SELECT server_id, server_ips FROM cph_reports.latest_servers WHERE region = 'cph'$$,
             $$SELECT server_id, cph_reports.server_ips(addresses) FROM local_servers$$);
SELECT count(*) FROM cph_reports.phone_changes;
\! test/service log $CPH_TEST_PORT

-- Changes; and one of the regions is down: it keeps what it had.
\! test/service ctl $CPH_TEST_PORT POST update '{"list": "phones", "index": 0, "set": {"status": 6, "phone_name": "renamed"}}' >/dev/null
\! test/service ctl $CPH_TEST_PORT POST delete '{"list": "phones", "index": 1}' >/dev/null
\! test/service ctl $CPH_TEST_PORT POST insert '{"list": "phones", "fields": {"phone_id": "the-new-one", "phone_name": "new", "status": 1}}' >/dev/null
\! test/service ctl $CPH_TEST_PORT POST update '{"list": "servers", "index": 19, "set": {"status": 10, "addresses": []}}' >/dev/null
ALTER SERVER west OPTIONS (SET endpoint 'http://127.0.0.1:1');
\set VERBOSITY terse
CALL cph_reports.take_snapshot();
\set VERBOSITY default
SELECT region, phone_name, change, status_before, status_after, fields FROM cph_reports.phone_changes ORDER BY 3, 2;
SELECT region, server_name, change, status_before, status_after, fields FROM cph_reports.server_changes;
SELECT server, failed_at > refreshed_at, error, detail LIKE '%/cloud-phone/phones%' FROM cph_reports.regions ORDER BY 1;
SELECT region, count(*), count(*) FILTER (WHERE phone_name = 'new') FROM cph_reports.latest_phones GROUP BY 1 ORDER BY 1;
-- What asks only the other one still works; and all do without the one that is down.
SELECT count(*) FROM cph_reports.phones WHERE region = 'cph';
SELECT * FROM failure('SELECT count(*) FROM cph_reports.fleet_by_status') LIMIT 1;
\set servers cph
\set ECHO none
\i :script
\set ECHO all
SELECT count(*) FROM cph_reports.fleet_by_status;
CALL cph_reports.take_snapshot();
SELECT region, active, error IS NULL, detail IS NULL FROM cph_reports.regions ORDER BY 1;
SELECT region, count(*) FROM cph_reports.latest_phones GROUP BY 1 ORDER BY 1;
-- What is old goes, but for the last good rows.
CALL cph_reports.take_snapshot('0 s');
SELECT region, count(*), count(DISTINCT refreshed_at) FROM cph_reports.phone_history GROUP BY 1 ORDER BY 1;
SELECT region, count(*) FROM cph_reports.snapshots GROUP BY 1 ORDER BY 1;
-- None can be read.
ALTER SERVER cph OPTIONS (ADD max_retries '0');
\! test/service fault $CPH_TEST_PORT status status=503 >/dev/null
\set VERBOSITY terse
CALL cph_reports.take_snapshot();
SELECT region, active, error FROM cph_reports.regions ORDER BY 1;
\! test/service reset $CPH_TEST_PORT
ALTER SERVER cph OPTIONS (DROP max_retries);

-- Readers need no mapping.
CREATE ROLE cph_reader;
GRANT USAGE ON SCHEMA cph_reports TO cph_reader;
GRANT SELECT ON cph_reports.phones TO cph_reader;
SET ROLE cph_reader;
SELECT count(*) FROM cph_reports.phones;
SELECT count(*) FROM cph_reports.servers;
RESET ROLE;

-- The extension in another schema, and in none.
CREATE SCHEMA "else where";
ALTER EXTENSION cph_fdw SET SCHEMA "else where";
\set servers cph
\set ECHO none
\i :script
\set ECHO all
SELECT count(*) FROM cph_reports.phones WHERE status_label = 'abnormal';
ALTER EXTENSION cph_fdw SET SCHEMA public;
DROP SCHEMA "else where";
\! "$(${PG_CONFIG:-pg_config} --bindir)/psql" -Xq -f "$script" template1 2>&1 | sed 's/^psql:[^ ]* //'

-- Two names that are one as far as a table's name goes.
SELECT repeat('r', 54) || '1' AS one, repeat('r', 54) || '2' AS two \gset
CREATE SERVER :one FOREIGN DATA WRAPPER cph_fdw OPTIONS (region 'x', project_id '0123456789abcdef0123456789abcdef');
CREATE SERVER :two FOREIGN DATA WRAPPER cph_fdw OPTIONS (region 'y', project_id '0123456789abcdef0123456789abcdef');
\setenv servers :one,:two
\! "$(${PG_CONFIG:-pg_config} --bindir)/psql" -Xq -v servers="$servers" -f "$script" "$database" 2>&1 | sed 's/^psql:[^ ]* //' | head -n 2
DROP SERVER :one;
DROP SERVER :two;

SET client_min_messages = warning;
DROP SCHEMA cph_reports CASCADE;
DROP ROLE cph_reader;
DROP SERVER west CASCADE;
DROP FUNCTION equal;
\unset servers
