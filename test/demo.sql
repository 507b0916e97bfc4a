-- What test/demo shows, after demo-setup.sql.
SET timezone = 'UTC';
\set ECHO queries

\echo
\echo -- The newest phones.  LIMIT goes to the service.
SELECT phone_name, phone_model_name, cph_phone_status(status) AS state, create_time
  FROM cph_phones LIMIT 5;
\echo -- What the service was asked for that:
\! test/demo --requests

\echo
\echo -- Filters go to the service too: the phones of one server that do not run.
SELECT server_id FROM cph_servers WHERE status = 5 LIMIT 1 \gset
SELECT phone_name, status, cph_phone_status(status) AS state
  FROM cph_phones
 WHERE server_id = :'server_id' AND status <> 2
 ORDER BY phone_name LIMIT 5;
\! test/demo --requests

\echo
\echo -- EXPLAIN tells what will be asked, without asking.
EXPLAIN (COSTS OFF)
SELECT * FROM cph_phones WHERE status = 8 LIMIT 10 OFFSET 100;
\! test/demo --requests

\echo
\echo -- EXPLAIN ANALYZE tells what was: row 5,000 of 20,000 is one request away.
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF)
SELECT phone_name FROM cph_phones LIMIT 10 OFFSET 5000;
\! test/demo --requests

\echo
\echo -- A table of our own: who rents which server.
CREATE TABLE inventory (server_id text PRIMARY KEY, customer text, rack text);
INSERT INTO inventory
SELECT server_id,
       (ARRAY['Acme', 'Globex', 'Initech'])[1 + n % 3],
       'rack ' || 1 + n / 40
  FROM (SELECT server_id, row_number() OVER () - 1 AS n FROM cph_servers) AS s;
ANALYZE inventory;
\! test/demo --requests

\echo
\echo -- Joined with the phones: who has phones that are abnormal?
SELECT customer, rack, count(*) AS abnormal
  FROM cph_phones JOIN inventory USING (server_id)
 WHERE status = -7
 GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 5;
\! test/demo --requests

\echo
\echo -- A view for reports, which any tool can read.
CREATE VIEW fleet AS
SELECT i.customer, s.server_name, cph_server_status(s.status) AS server_state,
       p.phone_name, cph_phone_status(p.status) AS phone_state
  FROM cph_servers s
  JOIN cph_phones p USING (server_id)
  JOIN inventory i USING (server_id);
SELECT customer, count(DISTINCT server_name) AS servers, count(*) AS phones,
       count(*) FILTER (WHERE phone_state = 'running') AS running,
       count(*) FILTER (WHERE phone_state = 'stopped') AS stopped
  FROM fleet
 GROUP BY 1 ORDER BY 1;
\echo -- A whole list is read page by page.  Each page starts at the last row of the
\echo -- page before, so that no phone is missed while the list changes.
\! test/demo --requests

\echo
\echo -- How far is a long scan?  Anyone may look, from any session.
BEGIN;
DECLARE reading CURSOR FOR SELECT phone_name FROM cph_phones;
MOVE 3000 FROM reading;
SELECT resource, pages, rows, rows_expected FROM cph_fdw_stat_progress;
COMMIT;
\echo -- And what was this server asked since its sessions began?
SELECT server, "user", requests, rows, connections, failed FROM cph_fdw_stat_servers;
