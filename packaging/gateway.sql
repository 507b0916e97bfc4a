-- What the container's gateway sets up: the database cph with the tables of the
-- service, and the role reader, as the environment of packaging/entrypoint says.
-- It runs at each start.  Options that the environment does not name, tables
-- and views of an administrator's own stay as they are.
SET client_min_messages = warning;
SELECT 'CREATE DATABASE cph'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'cph') \gexec
\connect cph
SET client_min_messages = warning;

\set region ''
\set endpoint ''
\set iam_endpoint ''
\set project_id ''
\set profile ''
\getenv region CPH_REGION
\getenv endpoint CPH_ENDPOINT
\getenv iam_endpoint CPH_IAM_ENDPOINT
\getenv project_id CPH_PROJECT_ID
\getenv profile CPH_PROFILE
\getenv credentials_file CPH_CREDENTIALS_FILE
\getenv token_file CPH_TOKEN_FILE
\set password `cat "$CPH_READER_PASSWORD_FILE"`

BEGIN;
CREATE EXTENSION IF NOT EXISTS cph_fdw;
ALTER EXTENSION cph_fdw UPDATE;

CREATE SERVER IF NOT EXISTS cph FOREIGN DATA WRAPPER cph_fdw;
SELECT format('ALTER SERVER cph OPTIONS (%s)', string_agg(
         CASE WHEN value = '' THEN format('DROP %I', name)
              WHEN option_name IS NULL THEN format('ADD %I %L', name, value)
              ELSE format('SET %I %L', name, value) END, ', '))
  FROM (VALUES ('region', :'region'), ('endpoint', :'endpoint'),
               ('iam_endpoint', :'iam_endpoint'), ('project_id', :'project_id'))
       AS wanted (name, value)
  LEFT JOIN (SELECT o.option_name
               FROM pg_foreign_server, pg_options_to_table(srvoptions) AS o
              WHERE srvname = 'cph') AS present ON option_name = name
 WHERE value <> '' OR option_name IS NOT NULL
HAVING count(*) > 0 \gexec

SELECT 'CREATE ROLE reader'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'reader') \gexec
ALTER ROLE reader LOGIN PASSWORD :'password';

-- The reader may use its mapping, but neither see nor change it.
SELECT format('DROP USER MAPPING IF EXISTS FOR %I SERVER cph', role),
       format('CREATE USER MAPPING FOR %I SERVER cph OPTIONS (%s)', role, (
         SELECT string_agg(format('%I %L', name, value), ', ')
           FROM (VALUES ('credentials_file', :'credentials_file'),
                        ('profile', :'profile'), ('token_file', :'token_file'))
                AS wanted (name, value)
          WHERE value <> ''))
  FROM unnest(ARRAY['postgres', 'reader']) AS role \gexec

CREATE SCHEMA IF NOT EXISTS cph;
SELECT 'IMPORT FOREIGN SCHEMA cph FROM SERVER cph INTO cph'
 WHERE to_regclass('cph.cph_phones') IS NULL
   AND to_regclass('cph.cph_servers') IS NULL \gexec
REVOKE ALL ON DATABASE cph FROM PUBLIC;
GRANT CONNECT ON DATABASE cph TO reader;
GRANT USAGE ON SCHEMA cph TO reader;
GRANT SELECT ON ALL TABLES IN SCHEMA cph TO reader;
COMMIT;
