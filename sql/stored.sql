--
-- Rows that stay: cursors, tables from queries, materialized views; the rows
-- below a security barrier; and the extension's update.
--
\pset format unaligned
\pset tuples_only
\! test/service log $CPH_TEST_PORT >/dev/null

-- A cursor reads on as far as it is asked to.
BEGIN;
DECLARE c CURSOR FOR SELECT row_number() OVER () AS n, phone_id = 'x' FROM cph_phones;
FETCH 2 FROM c;
MOVE 500 FROM c;
FETCH c;
FETCH BACKWARD 1 FROM c;
ROLLBACK;
\! test/service log $CPH_TEST_PORT
-- SCROLL goes back over what was read, and reads nothing twice.
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT row_number() OVER () AS n FROM cph_phones;
FETCH ABSOLUTE 300 FROM c;
FETCH RELATIVE -250 FROM c;
FETCH FIRST FROM c;
FETCH LAST FROM c;
FETCH BACKWARD 2 FROM c;
FETCH ABSOLUTE 300 FROM c;
COMMIT;
\! test/service log $CPH_TEST_PORT | wc -l
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT phone_id FROM cph_phones LIMIT 3 OFFSET 2;
CREATE TEMP TABLE seen (n serial, phone_id text);
MOVE ALL IN c;
DO $$ DECLARE c refcursor := 'c'; id text; BEGIN
  LOOP FETCH BACKWARD FROM c INTO id; EXIT WHEN NOT FOUND; INSERT INTO seen (phone_id) VALUES (id); END LOOP; END $$;
SELECT array_agg(phone_id ORDER BY n DESC) = (SELECT array_agg(phone_id) FROM (SELECT phone_id FROM local_phones LIMIT 3 OFFSET 2) AS l) FROM seen;
COMMIT;
DROP TABLE seen;
\! test/service log $CPH_TEST_PORT
-- WITH HOLD reads all at the commit, and outlives it.
BEGIN;
DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT row_number() OVER () AS n FROM cph_phones WHERE status = 8;
FETCH 1 FROM c;
COMMIT;
\! test/service log $CPH_TEST_PORT
FETCH 1 FROM c;
MOVE ALL IN c;
FETCH PRIOR FROM c;
CLOSE c;
\! test/service log $CPH_TEST_PORT

-- Tables and materialized views.
CREATE TABLE stored AS SELECT * FROM cph_phones WITH NO DATA;
\! test/service log $CPH_TEST_PORT
DROP TABLE stored;
CREATE TABLE stored AS SELECT * FROM cph_phones;
SELECT count(*) FROM (TABLE stored INTERSECT ALL TABLE local_phones) AS s;
DROP TABLE stored;
SELECT phone_id, status INTO stored FROM cph_phones WHERE status = 8 LIMIT 5;
SELECT count(*) FROM stored JOIN local_phones USING (phone_id, status);
DROP TABLE stored;
CREATE MATERIALIZED VIEW by_status AS SELECT status, count(*) AS phones FROM cph_phones GROUP BY 1;
SELECT count(*) FROM by_status JOIN (SELECT status, count(*) AS phones FROM local_phones GROUP BY 1) AS l USING (status, phones);
\! test/service log $CPH_TEST_PORT >/dev/null
REFRESH MATERIALIZED VIEW by_status;
CREATE UNIQUE INDEX ON by_status (status);
REFRESH MATERIALIZED VIEW CONCURRENTLY by_status;
SELECT sum(phones) FROM by_status;
\! test/service log $CPH_TEST_PORT | wc -l
-- A refresh that fails leaves what was there.
\! test/service fault $CPH_TEST_PORT status status=403 error_code=CPS.0001
SELECT split_part(failure('REFRESH MATERIALIZED VIEW CONCURRENTLY by_status'), ':', 1);
SELECT split_part(failure('REFRESH MATERIALIZED VIEW by_status'), ':', 1);
\! test/service clear $CPH_TEST_PORT
SELECT sum(phones) FROM by_status;
REFRESH MATERIALIZED VIEW by_status WITH NO DATA;
DROP MATERIALIZED VIEW by_status;
\! test/service log $CPH_TEST_PORT >/dev/null

-- A function that tells what it sees is shown no row that a barrier holds back,
-- be the clause above it sent to the service or not.
CREATE TABLE told (status integer);
CREATE FUNCTION tells(status integer) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
$$ BEGIN INSERT INTO told VALUES (status); RETURN true; END $$;
CREATE VIEW barred WITH (security_barrier) AS SELECT * FROM cph_phones WHERE status IN (6, 8);
CREATE VIEW barred_here WITH (security_barrier) AS SELECT * FROM cph_phones WHERE vnc_enable AND status = 8;
SELECT count(*) = (SELECT count(*) FROM local_phones WHERE status IN (6, 8)) FROM barred WHERE tells(status);
SELECT count(*) = (SELECT count(*) FROM local_phones WHERE vnc_enable AND status = 8) FROM barred_here WHERE tells(status) AND type >= 0;
SELECT count(*) > 0 FROM (SELECT FROM barred WHERE tells(status) LIMIT 3 OFFSET 1) AS b;
SELECT DISTINCT status FROM told ORDER BY 1;
-- Equality does not tell, and is sent past the barrier.
SELECT request('SELECT * FROM barred_here WHERE server_id = ''a''');
SELECT request('SELECT * FROM barred_here WHERE phone_name LIKE ''a%''');
DROP VIEW barred, barred_here;
DROP FUNCTION tells;
DROP TABLE told;
\! test/service log $CPH_TEST_PORT >/dev/null

-- The update to the version that is there.
ALTER EXTENSION cph_fdw UPDATE;
SELECT regexp_replace(failure('ALTER EXTENSION cph_fdw UPDATE TO ''no such'''), '"[0-9.]+"', 'VERSION');
SELECT extversion = cph_fdw_version() OR cph_fdw_version() LIKE extversion || '%' FROM pg_extension WHERE extname = 'cph_fdw';
