--
-- What all other tests build on: the extension, a server, a user mapping, the
-- imported tables, local copies of the lists, and functions to compare with.
--
-- The simulated service listens on port CPH_TEST_PORT, and has other data from
-- here on, whatever it had; paths are relative to the source tree.
--
\! test/service reset $CPH_TEST_PORT phones=1000 servers=20 models=120 images=30 encode_servers=45 bandwidths=25 seed=1 ties=0.3 example=false
\! test/service ctl $CPH_TEST_PORT POST tokens '{"the-token": null}' >/dev/null
\getenv port CPH_TEST_PORT
\set endpoint 'http://127.0.0.1:' :port

CREATE EXTENSION cph_fdw;
SELECT cph_fdw_version();
-- From PostgreSQL 18 on the library also tells PostgreSQL its name and version.
SELECT to_regproc('pg_get_loaded_modules') IS NOT NULL AS tells \gset
\if :tells
SELECT version = cph_fdw_version() AS told FROM pg_get_loaded_modules()
 WHERE module_name = 'cph_fdw' \gset
\else
\set told t
\endif
\echo :told
CREATE SERVER cph FOREIGN DATA WRAPPER cph_fdw
  OPTIONS (endpoint :'endpoint', project_id '0123456789abcdef0123456789abcdef');
CREATE USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (token 'the-token');
IMPORT FOREIGN SCHEMA cph FROM SERVER cph INTO public;

-- Local copies.  A table that is filled in the transaction that makes it keeps
-- the order of the list.
BEGIN;
CREATE TABLE local_phones (LIKE cph_phones);
CREATE TABLE local_servers (LIKE cph_servers);
\copy local_phones FROM PROGRAM 'test/service copy $CPH_TEST_PORT phones'
\copy local_servers FROM PROGRAM 'test/service copy $CPH_TEST_PORT servers'
COMMIT;
ANALYZE local_phones, local_servers;

-- A command on the local copies instead.
CREATE FUNCTION on_copies(command text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT regexp_replace(command, 'cph_(phones|servers|phone_models|images|encode_servers|bandwidths)', 'local_\1', 'g') $$;

-- Runs a command as it is, and on the local copies.
CREATE FUNCTION on_both(command text) RETURNS void LANGUAGE plpgsql AS
$$
BEGIN
  EXECUTE command;
  EXECUTE on_copies(command);
END
$$;

-- The rows of a query, sorted unless their order counts.
CREATE FUNCTION rows_of(query text, ordered boolean) RETURNS text[] LANGUAGE plpgsql AS
$$
DECLARE
  found record;
  result text[] := '{}';
BEGIN
  FOR found IN EXECUTE query LOOP
    result := result || found::text;
  END LOOP;
  IF NOT ordered THEN
    result := ARRAY(SELECT line FROM unnest(result) AS line ORDER BY line COLLATE "C");
  END IF;
  RETURN result;
END
$$;

-- Compares the answer to a query with that on the local copies.
CREATE FUNCTION same(query text, ordered boolean DEFAULT false) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
  found text[] := rows_of(query, ordered);
  wanted text[] := rows_of(on_copies(query), ordered);
BEGIN
  IF found = wanted THEN
    RETURN format('same: %s rows', cardinality(found));
  END IF;
  RETURN format(E'%s rows instead of %s\nadded:  %s\nmissing: %s',
                cardinality(found), cardinality(wanted),
                ARRAY(SELECT unnest(found) EXCEPT ALL SELECT unnest(wanted) LIMIT 3),
                ARRAY(SELECT unnest(wanted) EXCEPT ALL SELECT unnest(found) LIMIT 3));
END
$$;

-- What EXPLAIN says of a query, without what is another each time.
CREATE FUNCTION plan(query text, options text DEFAULT 'COSTS OFF') RETURNS SETOF text
LANGUAGE plpgsql AS
$$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, query) LOOP
    line := regexp_replace(line, '127\.0\.0\.1:\d+', '127.0.0.1:PORT');
    line := regexp_replace(line, 'rows=(\d+)\.\d+', 'rows=\1');
    -- which side of a join's clause is the left one differs by version
    line := regexp_replace(line, '\((\w+\.\w+) = ([a-z]\w*)\)', '(\2 = \1)');
    RETURN NEXT regexp_replace(line, 'Bytes Received(.*) \d+', 'Bytes Received\1 N');
  END LOOP;
END
$$;

-- The requests that EXPLAIN announces, without offset and limit.
CREATE FUNCTION request(query text) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(substring(line FROM 'CPH Request: GET /v1/[^/]*/cloud-phone/(.*)'), ' ')
     FROM plan(query) AS line $$;

-- The error that a command ends in, if it does.
CREATE FUNCTION failure(command text) RETURNS SETOF text LANGUAGE plpgsql AS
$$
DECLARE
  message text;
  detail text;
  hint text;
  context text;
BEGIN
  EXECUTE command;
  RETURN NEXT 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
    hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
  RETURN NEXT SQLSTATE || ': ' || regexp_replace(message, '127\.0\.0\.1:\d+', '127.0.0.1:PORT');
  IF detail <> '' THEN
    detail := regexp_replace(detail, ' \(request [0-9a-f]+\)', '');
    RETURN NEXT '  detail: ' || regexp_replace(detail, '127\.0\.0\.1:\d+', '127.0.0.1:PORT');
  END IF;
  IF hint <> '' THEN
    RETURN NEXT '  hint: ' || hint;
  END IF;
  IF context LIKE 'column %' THEN
    RETURN NEXT '  context: ' || split_part(context, E'\n', 1);
  END IF;
END
$$;

-- The lists arrive whole.  The tests that follow read these as well.
\! test/service log $CPH_TEST_PORT
SELECT same('TABLE cph_phones', ordered => true);
\! test/service log $CPH_TEST_PORT | sort
SELECT same('TABLE cph_servers', ordered => true);
\! test/service log $CPH_TEST_PORT

-- From here on one request after the other, so that the log has them in order,
-- and none that is asked ahead and then not read.
ALTER SERVER cph OPTIONS (ADD max_concurrent_requests '1');
