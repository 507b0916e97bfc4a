--
-- IMPORT FOREIGN SCHEMA.
--
CREATE SCHEMA imported;
IMPORT FOREIGN SCHEMA cph FROM SERVER cph INTO imported;
\d imported.cph_phones
\d imported.cph_servers
\d imported.cph_phone_models
\d imported.cph_images
\d imported.cph_encode_servers
\d imported.cph_bandwidths
SELECT failure('IMPORT FOREIGN SCHEMA cph FROM SERVER cph INTO imported');
-- Each column names its field, and so may have another name.
ALTER FOREIGN TABLE imported.cph_phones RENAME phone_name TO name;
SELECT plan('SELECT * FROM imported.cph_phones WHERE name = ''mobile-000007''');
SELECT count(name) FROM imported.cph_phones;
\! test/service log $CPH_TEST_PORT >/dev/null
SET client_min_messages = warning;
DROP SCHEMA imported CASCADE;
RESET client_min_messages;
CREATE SCHEMA imported;

-- LIMIT TO and EXCEPT take the name of a table or of a list.
IMPORT FOREIGN SCHEMA cph LIMIT TO (cph_servers) FROM SERVER cph INTO imported;
SELECT relname FROM pg_class WHERE relnamespace = 'imported'::regnamespace ORDER BY 1;
DROP FOREIGN TABLE imported.cph_servers;

IMPORT FOREIGN SCHEMA cph LIMIT TO (phones, encode_servers, cph_images) FROM SERVER cph INTO imported;
SELECT relname FROM pg_class WHERE relnamespace = 'imported'::regnamespace ORDER BY 1;
DROP FOREIGN TABLE imported.cph_phones, imported.cph_encode_servers, imported.cph_images;

IMPORT FOREIGN SCHEMA cph EXCEPT (cph_servers, phone_models, images, tablets, cph_encode_servers) FROM SERVER cph INTO imported;
SELECT relname FROM pg_class WHERE relnamespace = 'imported'::regnamespace ORDER BY 1;
DROP FOREIGN TABLE imported.cph_phones, imported.cph_bandwidths;

SELECT failure('IMPORT FOREIGN SCHEMA cph LIMIT TO (cph_phones, tablets) FROM SERVER cph INTO imported');
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
