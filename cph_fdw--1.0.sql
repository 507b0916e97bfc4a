/* cph_fdw--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION cph_fdw" to load this file. \quit

CREATE FUNCTION cph_fdw_handler()
RETURNS fdw_handler
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT;

CREATE FUNCTION cph_fdw_validator(text[], oid)
RETURNS void
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT;

CREATE FOREIGN DATA WRAPPER cph_fdw
  HANDLER cph_fdw_handler
  VALIDATOR cph_fdw_validator;

COMMENT ON FOREIGN DATA WRAPPER cph_fdw
  IS 'lists of a cloud phone service';

CREATE FUNCTION cph_fdw_version()
RETURNS text
AS 'MODULE_PATHNAME'
LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION cph_fdw_version()
  IS 'version of the library';

-- The documented labels of the column status, for reports.

CREATE FUNCTION cph_phone_status(integer)
RETURNS text
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION cph_phone_status(integer)
  IS 'documented label of a phone''s status';

CREATE FUNCTION cph_server_status(integer)
RETURNS text
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION cph_server_status(integer)
  IS 'documented label of a server''s status';

-- The connections of this backend, as postgres_fdw has them.

CREATE FUNCTION cph_fdw_get_connections(OUT server_name text, OUT valid boolean)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION cph_fdw_get_connections()
  IS 'open connections of this session';

CREATE FUNCTION cph_fdw_disconnect(name)
RETURNS boolean
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION cph_fdw_disconnect(name)
  IS 'close this session''s connections to a server, and forget what it has shown';

CREATE FUNCTION cph_fdw_disconnect_all()
RETURNS boolean
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION cph_fdw_disconnect_all()
  IS 'close all of this session''s connections, and forget what their servers have shown';

-- Is everything set up, and what does the service do that its documents leave
-- open?

CREATE FUNCTION cph_fdw_check(server name,
  OUT item text, OUT status text, OUT detail text)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION cph_fdw_check(name)
  IS 'test a server, and find out what the service does';

-- What servers were asked, and what they are asked now; own rows, as those of
-- pg_stat_activity, or all for pg_read_all_stats.

CREATE FUNCTION cph_fdw_stat_get_servers(
  OUT database name, OUT server name, OUT "user" name,
  OUT requests bigint, OUT retries bigint, OUT throttled bigint,
  OUT failed bigint, OUT timed_out bigint, OUT rows bigint, OUT bytes bigint,
  OUT tokens bigint, OUT repairs bigint, OUT connections bigint,
  OUT cached bigint, OUT waited_ms double precision,
  OUT since timestamp with time zone)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION cph_fdw_stat_get_servers()
  IS 'rows of the view cph_fdw_stat_servers';

CREATE VIEW cph_fdw_stat_servers AS
  SELECT * FROM cph_fdw_stat_get_servers();

COMMENT ON VIEW cph_fdw_stat_servers
  IS 'what servers were asked since when, by whom';

GRANT SELECT ON cph_fdw_stat_servers TO PUBLIC;

CREATE FUNCTION cph_fdw_stat_reset(server name DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME'
LANGUAGE C VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION cph_fdw_stat_reset(name)
  IS 'begin the statistics of a server of this database, or of all, anew';

REVOKE ALL ON FUNCTION cph_fdw_stat_reset(name) FROM PUBLIC;

CREATE FUNCTION cph_fdw_stat_get_progress(
  OUT pid integer, OUT server text, OUT resource text, OUT request text,
  OUT pages bigint, OUT rows bigint, OUT rows_expected bigint,
  OUT in_flight integer, OUT waits_for text,
  OUT started_at timestamp with time zone)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION cph_fdw_stat_get_progress()
  IS 'rows of the view cph_fdw_stat_progress';

CREATE VIEW cph_fdw_stat_progress AS
  SELECT * FROM cph_fdw_stat_get_progress();

COMMENT ON VIEW cph_fdw_stat_progress
  IS 'how far the scans of all sessions are';

GRANT SELECT ON cph_fdw_stat_progress TO PUBLIC;
