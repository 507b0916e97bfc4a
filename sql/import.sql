--
-- IMPORT FOREIGN SCHEMA.
--
CREATE SCHEMA imported;
IMPORT FOREIGN SCHEMA cph FROM SERVER cph INTO imported;
\d imported.cph_phones
\d imported.cph_servers
\d imported.cph_phone_models
SELECT failure('IMPORT FOREIGN SCHEMA cph FROM SERVER cph INTO imported');
DROP FOREIGN TABLE imported.cph_phones, imported.cph_servers, imported.cph_phone_models;

IMPORT FOREIGN SCHEMA cph LIMIT TO (cph_servers) FROM SERVER cph INTO imported;
SELECT relname FROM pg_class WHERE relnamespace = 'imported'::regnamespace ORDER BY 1;
DROP FOREIGN TABLE imported.cph_servers;

IMPORT FOREIGN SCHEMA cph EXCEPT (cph_servers, cph_phone_models) FROM SERVER cph INTO imported;
SELECT relname FROM pg_class WHERE relnamespace = 'imported'::regnamespace ORDER BY 1;
DROP FOREIGN TABLE imported.cph_phones;

SELECT failure('IMPORT FOREIGN SCHEMA cph LIMIT TO (cph_tablets) FROM SERVER cph INTO imported');
SELECT failure('IMPORT FOREIGN SCHEMA public FROM SERVER cph INTO imported');
SELECT failure('IMPORT FOREIGN SCHEMA cph FROM SERVER cph INTO imported OPTIONS (a ''b'')');
SELECT relname FROM pg_class WHERE relnamespace = 'imported'::regnamespace ORDER BY 1;

-- Names that need quotes.
CREATE SERVER "Ze ""server""" FOREIGN DATA WRAPPER cph_fdw OPTIONS (region 'cn-north-4');
IMPORT FOREIGN SCHEMA cph LIMIT TO (cph_phones) FROM SERVER "Ze ""server""" INTO imported;
SELECT srvname FROM pg_foreign_table JOIN pg_foreign_server s ON s.oid = ftserver
 WHERE ftrelid = 'imported.cph_phones'::regclass;
-- Neither planning nor importing sends anything, or needs a credential.
SELECT plan('SELECT * FROM imported.cph_phones');
\set VERBOSITY terse
DROP SERVER "Ze ""server""" CASCADE;
DROP SCHEMA imported;
\! test/service log $CPH_TEST_PORT
