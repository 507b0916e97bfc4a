\getenv port CPH_TEST_PORT
\getenv token DEMO_TOKEN
\getenv project DEMO_PROJECT
\set endpoint 'http://127.0.0.1:' :port
\set ECHO queries

\echo
\echo -- The set-up: an extension, a server, who asks, and the tables.
\echo -- (The real service needs a region and a project_id instead of the endpoint.)
CREATE EXTENSION cph_fdw;
CREATE SERVER cph FOREIGN DATA WRAPPER cph_fdw
  OPTIONS (endpoint :'endpoint', project_id :'project');
CREATE USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (token :'token');
IMPORT FOREIGN SCHEMA cph FROM SERVER cph INTO public;
