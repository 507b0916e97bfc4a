--
-- The tables are for reading: PostgreSQL refuses anything else itself, and
-- nothing is sent for it.
--
\pset format unaligned
\pset tuples_only
SELECT command, result FROM unnest(ARRAY[
  'INSERT INTO cph_phones (phone_id) VALUES (''a'')',
  'UPDATE cph_phones SET status = 8',
  'UPDATE cph_phones SET status = 8 WHERE phone_id = ''a''',
  'DELETE FROM cph_phones',
  'DELETE FROM cph_servers WHERE status = 2',
  'MERGE INTO cph_phones USING local_phones l ON l.phone_id = cph_phones.phone_id WHEN MATCHED THEN DELETE',
  'TRUNCATE cph_phones',
  'CREATE INDEX ON cph_phones (phone_id)']) AS command, failure(command) AS result;
COPY cph_phones (phone_id) FROM STDIN;
\.
SELECT is_insertable_into, pg_relation_is_updatable('cph_phones'::regclass, false) FROM information_schema.tables WHERE table_name = 'cph_phones';
\! test/service log $CPH_TEST_PORT

-- Reading for a change elsewhere is reading.
CREATE TEMP TABLE kept AS SELECT phone_id FROM cph_phones WHERE status = 8 LIMIT 5;
INSERT INTO kept SELECT phone_id FROM cph_phones WHERE status = 6 LIMIT 5 RETURNING phone_id = (SELECT phone_id FROM local_phones WHERE status = 6);
\! test/service log $CPH_TEST_PORT
DELETE FROM kept USING cph_phones p WHERE p.phone_id = kept.phone_id AND p.status = 8;
UPDATE kept SET phone_id = p.phone_name FROM cph_phones p WHERE p.phone_id = kept.phone_id AND p.status = 6;
SELECT count(*) FROM kept;
COPY (SELECT status FROM cph_phones WHERE status = 6) TO STDOUT;
\! test/service log $CPH_TEST_PORT | sort | uniq -c
-- A read-only transaction reads.
BEGIN READ ONLY;
SELECT same('SELECT phone_id FROM cph_phones WHERE status = 8');
COMMIT;
\! test/service log $CPH_TEST_PORT
