-- cph_reports.sql: reports over the lists of cph_fdw, for psql.
--
--   psql -f "$(pg_config --sharedir)/extension/cph_reports.sql" DATABASE
--   psql -v servers=north,south -f ...       only these foreign servers
--
-- It makes the schema cph_reports.  Without "servers" all foreign servers of
-- cph_fdw that the user may use are taken.  The user needs a mapping at each.  Run
-- it again when a server has come or is to be left out: views that others are
-- built on, and what was kept of the past, stay.
--
-- The column region is the server's option "region", or its name if it has none,
-- as a table's field @region has it; the column server is its name.  A region may
-- have several servers: one for each project.
--
-- Read from the service at each query:
--
--   phones, servers      the lists, flat: metadata and addresses are columns.
--                        The imei is left out, and so is never kept either
--   server_addresses     a row for each address of a server
--   fleet_by_status      phones by status, counted where that takes fewer
--                        requests than to read the list
--   phones_by_server     servers with their phones, capacity and addresses
--   servers_by_zone      servers by zone and model
--   age_of_phones        phones by the month they were created in
--   phones_by_image      phones by image and its version, with the image's age
--   encoders_by_server   servers with their encoding servers
--
-- Kept here, and read without a request:
--
--   CALL cph_reports.take_snapshot();            as often as wanted, by cron
--   CALL cph_reports.take_snapshot('90 days');   and forget what is older
--
--   latest_phones, latest_servers    the last good rows of each server
--   phone_changes, server_changes    what changed from one snapshot of a server
--                                    to the next
--   phone_history, server_history    all rows of all snapshots: plain tables
--   snapshots, regions               when each was taken; what failed since
--   capacities                       phones that a server can hold: see below
--
-- A server that cannot be read keeps its last good rows; take_snapshot warns,
-- notes it in regions, and goes on with the next.  (A materialized view would
-- fail as a whole instead, and ask the service when a dump is restored.)
--
-- How many phones a server can hold is in the list of phone models.  Fill that
-- in, or what you know better:
--
--   INSERT INTO cph_reports.capacities
--   SELECT phone_model_name, min(phone_capacity) FROM cph_phone_models
--    WHERE phone_capacity IS NOT NULL GROUP BY 1;
--
-- Readers need no mapping of their own:
--
--   GRANT USAGE ON SCHEMA cph_reports TO reader;
--   GRANT SELECT ON cph_reports.fleet_by_status, ... TO reader;
--
-- WHERE region = '...' asks that region alone, also when others are down, as does
-- WHERE server = '...'.  Where there are several, LIMIT with OFFSET and count(*) go
-- to the service only from a server's own tables: phones_SERVER and servers_SERVER.
--
-- The last two also read images and encoding servers, which a region may not have,
-- or which the credential may not list: they fail then, the others do not.
-- WHERE server <> '...' leaves such a server out, and asks it nothing.

\set cph_reports_stop :ON_ERROR_STOP
\set cph_reports_quiet :QUIET
\set ON_ERROR_STOP on
\set QUIET on
\if :{?servers}
\set cph_reports_servers :servers
\else
SELECT coalesce(string_agg(srvname, ',' ORDER BY srvname), '') AS cph_reports_servers
  FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = srvfdw
 WHERE fdwname = 'cph_fdw' AND has_server_privilege(s.oid, 'USAGE') \gset
\endif

BEGIN;
SET LOCAL client_min_messages = warning;
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'cph_fdw') THEN
    RAISE EXCEPTION 'the extension cph_fdw is not in this database'
      USING HINT = 'CREATE EXTENSION cph_fdw, or name the database that has it as the last argument of psql.';
  END IF;
END
$$;
-- The extension's functions, in whatever schema it is; all else is named in full.
SELECT set_config('search_path', quote_ident(nspname), true) AS cph_reports_path
  FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace
 WHERE extname = 'cph_fdw' \gset
CREATE SCHEMA IF NOT EXISTS cph_reports;

-- --- Regions ----------------------------------------------------------------

CREATE TABLE IF NOT EXISTS cph_reports.regions (
  region text NOT NULL,
  server text PRIMARY KEY,
  active boolean NOT NULL DEFAULT true,
  refreshed_at timestamptz,
  failed_at timestamptz,
  error text,
  detail text
);
COMMENT ON TABLE cph_reports.regions
  IS 'the foreign servers, each with its region, and how their last snapshots went';

UPDATE cph_reports.regions SET active = false WHERE active;
INSERT INTO cph_reports.regions (region, server)
SELECT coalesce((SELECT option_value FROM pg_foreign_server, pg_options_to_table(srvoptions)
                  WHERE srvname = name AND option_name = 'region'), name), name
  FROM (SELECT DISTINCT trim(name) AS name FROM string_to_table(:'cph_reports_servers', ',') AS name) AS servers
 WHERE name <> ''
ON CONFLICT (server) DO UPDATE SET active = true, region = excluded.region;

DO $$
DECLARE
  doubled text;
BEGIN
  IF NOT EXISTS (SELECT FROM cph_reports.regions WHERE active) THEN
    RAISE EXCEPTION 'there is no server of cph_fdw to report on'
      USING HINT = 'Make one with CREATE SERVER, or name some with -v servers=NAME,...';
  END IF;
  -- the tables of a server are named after it, as far as a name goes
  IF EXISTS (SELECT FROM cph_reports.regions GROUP BY ('encoders_' || server)::name HAVING count(*) > 1) THEN
    RAISE EXCEPTION 'the names of two servers begin with the same 54 bytes'
      USING HINT = 'Give one a shorter name with ALTER SERVER ... RENAME TO.';
  END IF;
  FOR doubled IN
    SELECT string_agg(format('"%s"', server), ', ' ORDER BY server)
      FROM cph_reports.regions JOIN pg_foreign_server ON srvname = server
     CROSS JOIN LATERAL (
        SELECT coalesce(max(rtrim(option_value, '/')) FILTER (WHERE option_name = 'endpoint'),
                        'https://cph.' || region || '.myhuaweicloud.com') AS place,
               max(option_value) FILTER (WHERE option_name = 'project_id') AS project_id
          FROM pg_options_to_table(srvoptions)) AS options
     WHERE active AND project_id IS NOT NULL
     GROUP BY place, project_id HAVING count(*) > 1
  LOOP
    RAISE WARNING 'servers of one endpoint and project: %', doubled
      USING DETAIL = 'The reports have each phone of theirs as often as there are servers.',
            HINT = 'Name the others and one of these with -v servers=NAME,...';
  END LOOP;
END
$$;

CREATE TABLE IF NOT EXISTS cph_reports.capacities (
  phone_model_name text PRIMARY KEY,
  capacity integer NOT NULL
);
COMMENT ON TABLE cph_reports.capacities
  IS 'how many phones of a flavour a server can hold: yours to fill';

-- --- The lists --------------------------------------------------------------

SELECT format($$
CREATE FOREIGN TABLE IF NOT EXISTS cph_reports.%I (
  phone_id text,
  phone_name text,
  status integer,
  type integer,
  server_id text,
  phone_model_name text,
  image_id text,
  image_version text,
  availability_zone text,
  traffic_type text,
  volume_mode integer,
  vnc_enable boolean,
  has_encrypt boolean,
  order_id text OPTIONS (field 'metadata.order_id'),
  product_id text OPTIONS (field 'metadata.product_id'),
  create_time timestamptz,
  update_time timestamptz
) SERVER %I OPTIONS (resource 'phones')$$, 'phones_' || server, server),
  format('COMMENT ON FOREIGN TABLE cph_reports.%I IS %L', 'phones_' || server,
         'phones of the server ' || server),
  format($$
CREATE FOREIGN TABLE IF NOT EXISTS cph_reports.%I (
  server_id text,
  server_name text,
  status integer,
  availability_zone text,
  server_model_name text,
  phone_model_name text,
  keypair_name text,
  vpc_id text,
  cidr text,
  vpc_cidr text,
  subnet_id text,
  subnet_cidr text,
  addresses jsonb,
  resource_project_id text,
  order_id text OPTIONS (field 'metadata.order_id'),
  product_id text OPTIONS (field 'metadata.product_id'),
  charging_mode integer OPTIONS (field 'metadata.charging_mode'),
  network_version text,
  enterprise_project_id text,
  create_time timestamptz,
  update_time timestamptz
) SERVER %I OPTIONS (resource 'servers')$$, 'servers_' || server, server),
  format('COMMENT ON FOREIGN TABLE cph_reports.%I IS %L', 'servers_' || server,
         'cloud phone servers of the server ' || server),
  format($$
CREATE FOREIGN TABLE IF NOT EXISTS cph_reports.%I (
  image_id text,
  image_name text,
  image_version text,
  image_type text,
  status integer,
  image_size bigint,
  src_project_id text,
  create_time timestamptz,
  update_time timestamptz
) SERVER %I OPTIONS (resource 'images')$$, 'images_' || server, server),
  format('COMMENT ON FOREIGN TABLE cph_reports.%I IS %L', 'images_' || server,
         'images of the server ' || server),
  format($$
CREATE FOREIGN TABLE IF NOT EXISTS cph_reports.%I (
  encode_server_id text,
  encode_server_name text,
  encode_server_ip text,
  encode_server_ipv6 text,
  server_id text,
  type integer,
  status integer
) SERVER %I OPTIONS (resource 'encode_servers')$$, 'encoders_' || server, server),
  format('COMMENT ON FOREIGN TABLE cph_reports.%I IS %L', 'encoders_' || server,
         'encoding servers of the server ' || server)
  FROM cph_reports.regions WHERE active ORDER BY server \gexec

-- --- Reports ----------------------------------------------------------------

-- Makes a view of a query for each server: {place} stands for the columns region
-- and server, {phones}, {servers}, {images} and {encoders} for its tables.  These
-- columns are constants, so that a server that a clause excludes is not even planned.
CREATE FUNCTION pg_temp.make_view(name text, comment text, query text)
RETURNS void LANGUAGE plpgsql AS
$$
DECLARE
  whole text;
BEGIN
  SELECT string_agg(
           replace(replace(replace(replace(replace(query,
             '{place}', format('%L::text AS region, %L::text AS server', region, server)),
             '{phones}', format('cph_reports.%I', 'phones_' || server)),
             '{servers}', format('cph_reports.%I', 'servers_' || server)),
             '{images}', format('cph_reports.%I', 'images_' || server)),
             '{encoders}', format('cph_reports.%I', 'encoders_' || server)),
           E'\nUNION ALL\n' ORDER BY region, server)
    INTO whole FROM cph_reports.regions WHERE active;
  EXECUTE format('CREATE OR REPLACE VIEW cph_reports.%I AS %s', name, whole);
  EXECUTE format('COMMENT ON VIEW cph_reports.%I IS %L', name, comment);
END
$$;

-- The addresses of a server: the documents call intranet_ip and access_ip
-- expired, in favour of server_ip and public_ip.
CREATE OR REPLACE FUNCTION cph_reports.server_ips(addresses jsonb)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$
  SELECT string_agg(coalesce(a ->> 'server_ip', a ->> 'intranet_ip'), ', ')
    FROM jsonb_path_query(addresses, '$[*]') AS a
$$;
COMMENT ON FUNCTION cph_reports.server_ips(jsonb)
  IS 'the private addresses of a server, as one text';

CREATE OR REPLACE FUNCTION cph_reports.public_ips(addresses jsonb)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$
  SELECT string_agg(coalesce(a ->> 'public_ip', a ->> 'access_ip'), ', ')
    FROM jsonb_path_query(addresses, '$[*]') AS a
$$;
COMMENT ON FUNCTION cph_reports.public_ips(jsonb)
  IS 'the public addresses of a server, as one text';

DO $make$
BEGIN
  PERFORM pg_temp.make_view('phones', 'phones of all regions, now', $$
    SELECT {place}, phone_id, phone_name, status,
           cph_phone_status(status) AS status_label, type, server_id,
           phone_model_name, image_id, image_version, availability_zone,
           traffic_type, volume_mode, vnc_enable, has_encrypt, order_id,
           product_id, create_time, update_time
      FROM {phones} $$);

  PERFORM pg_temp.make_view('servers', 'servers of all regions, now', $$
    SELECT {place}, server_id, server_name, status,
           cph_server_status(status) AS status_label, availability_zone,
           server_model_name, phone_model_name, keypair_name, vpc_id, cidr,
           vpc_cidr, subnet_id, subnet_cidr,
           cph_reports.server_ips(addresses) AS server_ips,
           cph_reports.public_ips(addresses) AS public_ips,
           resource_project_id, order_id, product_id, charging_mode,
           network_version, enterprise_project_id, create_time, update_time
      FROM {servers} $$);

  PERFORM pg_temp.make_view('server_addresses', 'addresses of servers, now', $$
    SELECT {place}, s.server_id, s.server_name, a.n::integer AS n,
           coalesce(address ->> 'server_ip', address ->> 'intranet_ip') AS server_ip,
           coalesce(address ->> 'public_ip', address ->> 'access_ip') AS public_ip
      FROM {servers} AS s
     CROSS JOIN jsonb_path_query(s.addresses, '$[*]') WITH ORDINALITY AS a (address, n) $$);

  PERFORM pg_temp.make_view('fleet_by_status', 'phones by status, now', $$
    SELECT {place}, status, cph_phone_status(status) AS status_label,
           count(*) AS phones
      FROM {phones}
     GROUP BY status $$);

  PERFORM pg_temp.make_view('phones_by_server', 'servers with their phones, now', $$
    SELECT {place}, s.server_id, s.server_name, s.status,
           cph_server_status(s.status) AS status_label, s.availability_zone,
           s.server_model_name, s.phone_model_name, c.capacity,
           count(p.phone_id) AS phones,
           count(p.phone_id) FILTER (WHERE p.status = 2) AS running,
           c.capacity - count(p.phone_id) AS free,
           cph_reports.server_ips(s.addresses) AS server_ips,
           cph_reports.public_ips(s.addresses) AS public_ips
      FROM {servers} AS s
      LEFT JOIN {phones} AS p ON p.server_id = s.server_id
      LEFT JOIN cph_reports.capacities AS c ON c.phone_model_name = s.phone_model_name
     GROUP BY s.server_id, s.server_name, s.status, s.availability_zone,
              s.server_model_name, s.phone_model_name, c.capacity, s.addresses $$);

  PERFORM pg_temp.make_view('servers_by_zone', 'servers by zone and flavour, now', $$
    SELECT {place}, availability_zone, server_model_name,
           phone_model_name, count(*) AS servers,
           count(*) FILTER (WHERE status = 5) AS normal,
           min(create_time) AS oldest, max(create_time) AS newest
      FROM {servers}
     GROUP BY availability_zone, server_model_name, phone_model_name $$);

  PERFORM pg_temp.make_view('age_of_phones', 'phones by the month of their creation, now', $$
    SELECT {place},
           date_trunc('month', create_time AT TIME ZONE 'UTC')::date AS month,
           count(*) AS phones, count(*) FILTER (WHERE status = 2) AS running,
           min(create_time) AS oldest, max(create_time) AS newest
      FROM {phones}
     GROUP BY 3 $$);

  -- A phone whose image is not listed, or that names none, counts too.
  PERFORM pg_temp.make_view('phones_by_image', 'phones by image and version, now', $$
    SELECT {place}, p.image_id, i.image_name, i.image_type, p.image_version,
           i.create_time AS image_created, now() - i.create_time AS image_age,
           p.phones, p.running
      FROM (SELECT image_id, image_version, count(*) AS phones,
                   count(*) FILTER (WHERE status = 2) AS running
              FROM {phones}
             GROUP BY image_id, image_version) AS p
      LEFT JOIN {images} AS i ON i.image_id = p.image_id $$);

  PERFORM pg_temp.make_view('encoders_by_server', 'servers with their encoding servers, now', $$
    SELECT {place}, s.server_id, s.server_name, s.status,
           cph_server_status(s.status) AS status_label, s.availability_zone,
           count(e.encode_server_id) AS encoders,
           count(e.encode_server_id) FILTER (WHERE e.status = 1) AS running,
           count(e.encode_server_id) FILTER (WHERE e.status = 2) AS abnormal,
           string_agg(e.encode_server_ip, ', ' ORDER BY e.encode_server_ip) AS encoder_ips
      FROM {servers} AS s
      LEFT JOIN {encoders} AS e ON e.server_id = s.server_id
     GROUP BY s.server_id, s.server_name, s.status, s.availability_zone $$);
END
$make$;

-- --- Snapshots --------------------------------------------------------------

CREATE TABLE IF NOT EXISTS cph_reports.snapshots (
  region text,
  server text,
  refreshed_at timestamptz,
  phones bigint NOT NULL,
  servers bigint NOT NULL,
  PRIMARY KEY (server, refreshed_at)
);
COMMENT ON TABLE cph_reports.snapshots IS 'the snapshots that were taken';

CREATE TABLE IF NOT EXISTS cph_reports.phone_history (
  refreshed_at timestamptz,
  LIKE cph_reports.phones,
  PRIMARY KEY (server, refreshed_at, phone_id)
);
COMMENT ON TABLE cph_reports.phone_history IS 'phones of all snapshots';

CREATE TABLE IF NOT EXISTS cph_reports.server_history (
  refreshed_at timestamptz,
  LIKE cph_reports.servers,
  PRIMARY KEY (server, refreshed_at, server_id)
);
COMMENT ON TABLE cph_reports.server_history IS 'servers of all snapshots';

CREATE OR REPLACE VIEW cph_reports.latest_phones AS
SELECT h.* FROM cph_reports.phone_history AS h
  JOIN cph_reports.regions AS r USING (server, refreshed_at);
COMMENT ON VIEW cph_reports.latest_phones
  IS 'phones as the last good snapshot of each server has them';

CREATE OR REPLACE VIEW cph_reports.latest_servers AS
SELECT h.* FROM cph_reports.server_history AS h
  JOIN cph_reports.regions AS r USING (server, refreshed_at);
COMMENT ON VIEW cph_reports.latest_servers
  IS 'servers as the last good snapshot of each server has them';

-- Each snapshot of a server but the first, with the one before it.
CREATE OR REPLACE VIEW cph_reports.snapshot_pairs AS
SELECT region, server, since, until
  FROM (SELECT region, server, refreshed_at AS until,
               lag(refreshed_at) OVER (PARTITION BY server ORDER BY refreshed_at) AS since
          FROM cph_reports.snapshots) AS s
 WHERE since IS NOT NULL;
COMMENT ON VIEW cph_reports.snapshot_pairs
  IS 'snapshots of a server, each with the one before it';

-- The fields of an item that differ from those of another, as a text.
CREATE OR REPLACE FUNCTION cph_reports.changed_fields(before jsonb, after jsonb)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$
  SELECT string_agg(key, ', ' ORDER BY key) FROM jsonb_each(after)
   WHERE value IS DISTINCT FROM before -> key
$$;
COMMENT ON FUNCTION cph_reports.changed_fields(jsonb, jsonb)
  IS 'names of the fields that differ between two items';

-- Makes phone_changes of phone_history, and server_changes likewise.  The rows
-- are compared field by field, and named as JSON only where they differ.
CREATE FUNCTION pg_temp.make_changes(item text)
RETURNS void LANGUAGE plpgsql AS
$make$
BEGIN
  EXECUTE replace(replace($$
    CREATE OR REPLACE VIEW cph_reports.{item}_changes AS
    SELECT pair.region, pair.server, pair.since, pair.until, d.*
      FROM cph_reports.snapshot_pairs AS pair
     CROSS JOIN LATERAL (
        SELECT {item}_id, coalesce(b.{item}_name, a.{item}_name) AS {item}_name,
               CASE WHEN a.server IS NULL THEN 'added'
                    WHEN b.server IS NULL THEN 'removed' ELSE 'changed' END AS change,
               a.status_label AS status_before, b.status_label AS status_after,
               CASE WHEN a.server = b.server
                    THEN cph_reports.changed_fields(to_jsonb(a), to_jsonb(b)) END AS fields
          FROM (SELECT {columns} FROM cph_reports.{item}_history
                 WHERE server = pair.server AND refreshed_at = pair.since) AS a
          FULL JOIN
               (SELECT {columns} FROM cph_reports.{item}_history
                 WHERE server = pair.server AND refreshed_at = pair.until) AS b
         USING ({item}_id)
         WHERE a IS DISTINCT FROM b) AS d $$,
    '{item}', item), '{columns}',
    (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
      WHERE attrelid = format('cph_reports.%I', item || 's')::regclass AND attnum > 0));
  EXECUTE format('COMMENT ON VIEW cph_reports.%I IS %L', item || '_changes',
    item || 's that came, went or changed from one snapshot of a server to the next');
END
$make$;
DO $$ BEGIN
  PERFORM pg_temp.make_changes('phone');
  PERFORM pg_temp.make_changes('server');
END $$;

-- Commits after each server, and so cannot be called within a transaction.
CREATE OR REPLACE PROCEDURE cph_reports.take_snapshot(keep interval DEFAULT NULL)
LANGUAGE plpgsql AS
$$
DECLARE
  here cph_reports.regions;
  taken timestamptz;
  phones bigint;
  servers bigint;
  message text;
  details text;
  taken_any boolean := false;
BEGIN
  FOR here IN SELECT * FROM cph_reports.regions WHERE active ORDER BY server LOOP
    taken := clock_timestamp();
    -- a snapshot is of now, whatever cache_ttl says
    PERFORM set_config('cph_fdw.cache', 'off', true);
    BEGIN
      EXECUTE format('INSERT INTO cph_reports.phone_history
                      SELECT $1, p.* FROM cph_reports.phones AS p WHERE server = %L', here.server) USING taken;
      GET DIAGNOSTICS phones = ROW_COUNT;
      EXECUTE format('INSERT INTO cph_reports.server_history
                      SELECT $1, s.* FROM cph_reports.servers AS s WHERE server = %L', here.server) USING taken;
      GET DIAGNOSTICS servers = ROW_COUNT;
      INSERT INTO cph_reports.snapshots VALUES (here.region, here.server, taken, phones, servers);
      UPDATE cph_reports.regions
         SET refreshed_at = taken, failed_at = NULL, error = NULL, detail = NULL
       WHERE server = here.server;
      taken_any := true;
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, details = PG_EXCEPTION_DETAIL;
      RAISE WARNING 'server "%" keeps its last good rows: %', here.server, message
        USING DETAIL = details;
      UPDATE cph_reports.regions
         SET failed_at = taken, error = message, detail = nullif(details, '')
       WHERE server = here.server;
    END;
    COMMIT;
  END LOOP;
  IF NOT taken_any THEN
    RAISE EXCEPTION 'no server could be read'
      USING HINT = 'The table cph_reports.regions says why.';
  END IF;
  IF keep IS NOT NULL THEN
    DELETE FROM cph_reports.phone_history AS h USING cph_reports.regions AS r
     WHERE h.server = r.server AND h.refreshed_at < least(r.refreshed_at, now() - keep);
    DELETE FROM cph_reports.server_history AS h USING cph_reports.regions AS r
     WHERE h.server = r.server AND h.refreshed_at < least(r.refreshed_at, now() - keep);
    DELETE FROM cph_reports.snapshots AS h USING cph_reports.regions AS r
     WHERE h.server = r.server AND h.refreshed_at < least(r.refreshed_at, now() - keep);
  END IF;
END
$$;
COMMENT ON PROCEDURE cph_reports.take_snapshot(interval)
  IS 'keep the rows of each server as they are now; forget those older than the interval';

-- --- What the columns mean --------------------------------------------------

-- A comment for each column, by its name; where a name means two things, by
-- the table's too.
SELECT format('COMMENT ON COLUMN cph_reports.%I.%I IS %L', relname, attname, comment)
  FROM (SELECT DISTINCT ON (c.oid, attnum) relname, attname, comment
          FROM (VALUES
            ('', 'region', 'region of the foreign server, or its name if it has none'),
            ('', 'server', 'name of the foreign server'),
            ('', 'phone_id', 'identifier of the phone'),
            ('', 'phone_name', 'name of the phone'),
            ('', 'server_id', 'identifier of the server'),
            ('', 'server_name', 'name of the server'),
            ('', 'status', 'status, as a number'),
            ('', 'status_label', 'status, in words'),
            ('', 'type', 'kind of phone: 0 common, 1 trial'),
            ('', 'phone_model_name', 'flavour of the phones'),
            ('', 'server_model_name', 'flavour of the server'),
            ('', 'image_id', 'image of the phone'),
            ('', 'image_version', 'version of the image'),
            ('', 'image_name', 'name of the image, if it is listed'),
            ('', 'image_type', 'private, or share: another project''s'),
            ('', 'image_size', 'size of the image, in bytes'),
            ('', 'image_created', 'when the image was created'),
            ('', 'image_age', 'time since then'),
            ('images_%', 'image_id', 'identifier of the image'),
            ('', 'src_project_id', 'project that shares the image'),
            ('', 'encode_server_id', 'identifier of the encoding server'),
            ('', 'encode_server_name', 'name of the encoding server'),
            ('', 'encode_server_ip', 'its address'),
            ('', 'encode_server_ipv6', 'its IPv6 address'),
            ('encoders_%', 'type', 'kind of encoding server: 0 server, 1 container'),
            ('', 'encoders', 'number of encoding servers'),
            ('encoders_by_server', 'running', 'number of encoding servers that run'),
            ('', 'abnormal', 'number of encoding servers in the status abnormal'),
            ('', 'encoder_ips', 'addresses of the encoding servers, with commas between'),
            ('', 'availability_zone', 'zone in which the server stands'),
            ('', 'traffic_type', 'route: direct, or routing by the encoding container'),
            ('', 'volume_mode', 'disk: 0 not independent, 1 independent'),
            ('', 'vnc_enable', 'is VNC on?'),
            ('', 'has_encrypt', 'are files encrypted?'),
            ('', 'order_id', 'order by which it was bought'),
            ('', 'product_id', 'product that was bought'),
            ('', 'charging_mode', 'how it is charged for, as a number'),
            ('', 'create_time', 'when it was created'),
            ('', 'update_time', 'when it was last changed'),
            ('', 'keypair_name', 'key pair for access to the phones'),
            ('', 'vpc_id', 'VPC of the server'),
            ('', 'cidr', 'addresses of the VPC'),
            ('', 'vpc_cidr', 'addresses of the VPC'),
            ('', 'subnet_id', 'subnet of the server'),
            ('', 'subnet_cidr', 'addresses of the subnet'),
            ('', 'addresses', 'addresses of the server, as the service has them'),
            ('', 'server_ips', 'private addresses, with commas between'),
            ('', 'public_ips', 'public addresses, with commas between'),
            ('', 'server_ip', 'private address'),
            ('', 'public_ip', 'public address'),
            ('', 'n', 'number of the address, from 1'),
            ('', 'resource_project_id', 'project of the server'),
            ('', 'network_version', 'v1: the service''s network, v2: your own'),
            ('', 'enterprise_project_id', 'enterprise project of the server'),
            ('', 'phones', 'number of phones'),
            ('', 'running', 'number of phones that run'),
            ('', 'servers', 'number of servers'),
            ('', 'normal', 'number of servers in the status normal'),
            ('', 'capacity', 'phones that the server can hold, by the table capacities'),
            ('', 'free', 'phones that the server can still take'),
            ('', 'month', 'first day of the month of creation, UTC'),
            ('', 'oldest', 'earliest creation'),
            ('', 'newest', 'latest creation'),
            ('', 'refreshed_at', 'when the snapshot was taken'),
            ('regions', 'refreshed_at', 'when the last good snapshot was taken'),
            ('', 'failed_at', 'when the last try failed, if none was good since'),
            ('', 'error', 'why it failed'),
            ('', 'detail', 'more of that: what was asked of whom, and the answer'),
            ('', 'active', 'is it read? (servers of the last run of cph_reports.sql)'),
            ('', 'since', 'when the earlier snapshot was taken'),
            ('', 'until', 'when the later snapshot was taken'),
            ('', 'change', 'added, removed or changed'),
            ('', 'status_before', 'status in the earlier snapshot'),
            ('', 'status_after', 'status in the later snapshot'),
            ('', 'fields', 'names of what changed'),
            ('fleet_by_status', 'status', 'status, as a number'),
            ('capacities', 'capacity', 'phones that a server can hold')
          ) AS word (relation, name, comment)
          JOIN pg_attribute ON attname = name AND attnum > 0 AND NOT attisdropped
          JOIN pg_class c ON c.oid = attrelid AND relkind IN ('r', 'v', 'f')
               AND (relation = '' OR relname LIKE relation)
         WHERE relnamespace = 'cph_reports'::regnamespace
         ORDER BY c.oid, attnum, relation DESC) AS comments \gexec

DROP FUNCTION pg_temp.make_view(text, text, text);
DROP FUNCTION pg_temp.make_changes(text);
SELECT format('cph_reports: views and snapshots of the servers %s', string_agg(server, ', ' ORDER BY server))
       AS cph_reports_made
  FROM cph_reports.regions WHERE active \gset
COMMIT;
\echo :cph_reports_made
\set ON_ERROR_STOP :cph_reports_stop
\set QUIET :cph_reports_quiet
