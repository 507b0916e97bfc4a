--
-- The example answers of the service's documents come out as the rows they
-- show, field by field.
--
\! test/service reset $CPH_TEST_PORT example=true
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
\x
SELECT * FROM cph_phones;
SELECT * FROM cph_servers;
\x
-- The documents' fields that the tables do not declare can be had, too.
CREATE FOREIGN TABLE example_servers (item jsonb OPTIONS (field '$')) SERVER cph OPTIONS (resource 'servers');
SELECT jsonb_pretty(item) FROM example_servers;
DROP FOREIGN TABLE example_servers;
SELECT count(*) FROM cph_phones WHERE server_id = '88b8449b896f3a4f0ad57222dd91909';
SELECT count(*) FROM cph_phones WHERE server_id = '88b8449b896f3a4f0ad57222dd91900';
\! test/service reset $CPH_TEST_PORT example=false
