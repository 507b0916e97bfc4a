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
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

COMMENT ON FUNCTION cph_phone_status(integer)
  IS 'documented label of a phone''s status';

CREATE FUNCTION cph_server_status(integer)
RETURNS text
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

COMMENT ON FUNCTION cph_server_status(integer)
  IS 'documented label of a server''s status';

-- What the service documents of its lists.

CREATE FUNCTION cph_fdw_lists(
  OUT resource text, OUT table_name text, OUT description text)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT STABLE PARALLEL SAFE ROWS 6;

COMMENT ON FUNCTION cph_fdw_lists()
  IS 'lists of the service that can be read';

CREATE FUNCTION cph_fdw_fields(resource text,
  OUT field text, OUT type text, OUT description text, OUT filtered text)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT STABLE PARALLEL SAFE ROWS 20;

COMMENT ON FUNCTION cph_fdw_fields(text)
  IS 'fields of a list, what they mean and how clauses on them are sent';

-- The extension may be in any schema, and moved to another.
CREATE PROCEDURE cph_fdw_comment(schema name)
LANGUAGE plpgsql AS
$comment$
DECLARE
  command text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname OPERATOR(pg_catalog.=) schema) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_schema_name',
      MESSAGE = pg_catalog.format('schema "%s" does not exist', schema);
  END IF;
  FOR command IN EXECUTE pg_catalog.replace($query$
    WITH listed AS (
      SELECT c.oid, c.relname, o.option_value AS resource
        FROM pg_catalog.pg_foreign_table AS t
        JOIN pg_catalog.pg_class AS c ON c.oid = t.ftrelid
        JOIN pg_catalog.pg_foreign_server AS s ON s.oid = t.ftserver
        JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
        JOIN pg_catalog.pg_proc AS h ON h.oid = w.fdwhandler AND h.proname = 'cph_fdw_handler'
       CROSS JOIN pg_catalog.pg_options_to_table(t.ftoptions) AS o
       WHERE c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1)
         AND o.option_name = 'resource')
    SELECT pg_catalog.format('COMMENT ON FOREIGN TABLE %I.%I IS %L', $1, t.relname, l.description)
      FROM listed AS t JOIN {extension}.cph_fdw_lists() AS l USING (resource)
     WHERE pg_catalog.obj_description(t.oid, 'pg_class') IS NULL
    UNION ALL
    SELECT pg_catalog.format('COMMENT ON COLUMN %I.%I.%I IS %L', $1, t.relname, a.attname, f.description)
      FROM listed AS t
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
     CROSS JOIN {extension}.cph_fdw_fields(t.resource) AS f
     WHERE f.field = coalesce((SELECT option_value FROM pg_catalog.pg_options_to_table(a.attfdwoptions)
                                WHERE option_name = 'field'), a.attname::text)
       AND pg_catalog.col_description(t.oid, a.attnum) IS NULL
    $query$, '{extension}',
    (SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension AS e
       JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
      WHERE e.extname OPERATOR(pg_catalog.=) 'cph_fdw')) USING schema
  LOOP
    EXECUTE command;
  END LOOP;
END
$comment$;

COMMENT ON PROCEDURE cph_fdw_comment(name)
  IS 'comment the foreign tables of a schema, and their columns, where they have no comment';

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

CREATE FUNCTION cph_fdw_cache_clear(server name DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME'
LANGUAGE C VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION cph_fdw_cache_clear(name)
  IS 'forget the answers of a server of this database, or of all, that may be used again';

REVOKE ALL ON FUNCTION cph_fdw_cache_clear(name) FROM PUBLIC;

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
