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
