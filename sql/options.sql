--
-- Options: the values that each takes and refuses, wherever it may stand.
--
\pset format unaligned
\pset tuples_only
CREATE FUNCTION server_option(name text, value text) RETURNS SETOF text LANGUAGE sql AS
$$ SELECT failure(format('CREATE SERVER scratch FOREIGN DATA WRAPPER cph_fdw OPTIONS (%I %L);
                          DROP SERVER scratch', name, value)) $$;

-- The endpoint is a base URL, of https but for a loopback address.
SELECT value, result FROM (VALUES
  ('https://cph.example.com'), ('https://cph.example.com:8443/'), ('HTTPS://CPH.example.com'),
  ('http://127.0.0.1:8080'), ('http://[::1]:8080'), ('http://localhost'), ('https://10.0.0.1'),
  (''), ('cph.example.com'), ('ftp://cph.example.com'), ('https://'), ('https://:443'),
  ('https://cph.example.com:0'), ('https://cph.example.com:65536'), ('https://cph.example.com:x'),
  ('https://cph.example.com/v1'), ('https://cph.example.com?a=b'), ('https://cph.example.com#a'),
  ('https://user:secret@cph.example.com'), ('https://cph example.com'), ('https://[::1'),
  ('http://cph.example.com'), ('http://10.0.0.1'), ('http://127.0.0.1.example.com'),
  ('https://169.254.169.254'), ('https://2852039166'), ('https://0xa9.254.43518'),
  ('https://[fe80::1]'), ('https://[::ffff:169.254.169.254]')) AS v (value),
  server_option('endpoint', value) AS result;

-- Other options of a server.
SELECT name, value, result FROM (VALUES
  ('region', 'cn-north-4'), ('region', 'cn.north'), ('region', ''), ('region', 'CN'),
  ('project_id', '0123456789abcdef0123456789abcdef'), ('project_id', 'a/b'), ('project_id', ''),
  ('project_id', '..'), ('project_id', 'a?b'), ('project_id', repeat('a', 65)),
  ('fetch_size', '2'), ('fetch_size', '200'), ('fetch_size', '1'), ('fetch_size', '201'),
  ('fetch_size', '10 rows'), ('fetch_size', ''),
  ('max_concurrent_requests', '1'), ('max_concurrent_requests', '32'),
  ('max_concurrent_requests', '0'), ('max_concurrent_requests', '33'),
  ('connect_timeout', '1'), ('connect_timeout', '0'),
  ('request_timeout', '86400'), ('request_timeout', '86401'),
  ('keepalive_idle', '1'), ('keepalive_idle', '0'),
  ('max_retries', '0'), ('max_retries', '-1'), ('max_retries', '101'),
  ('throttle_timeout', '0'), ('throttle_timeout', '-1'),
  ('max_response_size', '64kB'), ('max_response_size', '1GB'), ('max_response_size', '0'),
  ('max_response_size', '2GB'), ('max_response_size', '8 apples'),
  ('enable_order_pushdown', 'off'), ('enable_order_pushdown', 'perhaps'),
  ('enable_limit_pushdown', '1'), ('enable_limit_pushdown', '2'),
  ('enable_count_pushdown', 'yes'), ('enable_count_pushdown', ''),
  ('stable_ties', 'false'), ('stable_ties', 'nil'),
  ('name_filter', 'substring'), ('name_filter', 'Exact'),
  ('time_unit', 'ms'), ('time_unit', 'seconds'),
  ('detail_not_found', 'none'), ('detail_not_found', 'error'),
  ('cache_ttl', '1min'), ('cache_ttl', '60'), ('cache_ttl', '0'), ('cache_ttl', '-1'), ('cache_ttl', '100ms'),
  ('cache_ttl', '2d'), ('cache_ttl', '1.5s'), ('cache_ttl', 'soon'), ('cache_ttl', '1 week'),
  ('fdw_request_cost', '12.5'), ('fdw_request_cost', '-1'), ('fdw_request_cost', 'NaN'),
  ('fdw_tuple_cost', '0'), ('fdw_tuple_cost', 'cheap')) AS v (name, value),
  server_option(name, value) AS result;

-- Of a table, a column and a user mapping.
CREATE FUNCTION table_options(options text) RETURNS SETOF text LANGUAGE sql AS
$$ SELECT failure(format('CREATE FOREIGN TABLE scratch (a text) SERVER cph %s;
                          DROP FOREIGN TABLE scratch', options)) $$;
SELECT options, result FROM (VALUES
  ('OPTIONS (resource ''phones'')'), ('OPTIONS (resource ''servers'', fetch_size ''50'')'),
  ('OPTIONS (resource ''phones'', project_id ''a-b_C'')'),
  (''), ('OPTIONS (fetch_size ''50'')'), ('OPTIONS (resource ''tablets'')'),
  ('OPTIONS (resource ''phones'', fetch_size ''1'')'),
  ('OPTIONS (resource ''phones'', cache_ttl ''30 s'')'), ('OPTIONS (resource ''phones'', cache_ttl ''30 rows'')'),
  ('OPTIONS (resource ''phones'', project_id ''../v2'')')) AS v (options),
  table_options(options) AS result;
SELECT failure('ALTER FOREIGN TABLE cph_phones OPTIONS (DROP resource)');
SELECT value, result FROM (VALUES
  ('metadata.order_id'), ('$'), (''), ('.a'), ('a.'), ('a..b'), ('@regoin')) AS v (value),
  failure(format('CREATE FOREIGN TABLE scratch (a text OPTIONS (field %L)) SERVER cph
                    OPTIONS (resource ''phones''); DROP FOREIGN TABLE scratch', value)) AS result;
CREATE ROLE regress_cph_user;
SELECT options, result FROM (VALUES
  ('OPTIONS (token ''abc'')'), (''), ('OPTIONS (token '''')'), ('OPTIONS (token ''a b'')'),
  ('OPTIONS (token E''a\nX-Evil: 1'')')) AS v (options),
  failure(format('CREATE USER MAPPING FOR regress_cph_user SERVER cph %s;
                  DROP USER MAPPING FOR regress_cph_user SERVER cph', options)) AS result;

-- A name that is unknown, or belongs elsewhere, is told with the nearest one.
SELECT command, result FROM (VALUES
  ('ALTER SERVER cph OPTIONS (fetchsize ''10'')'),
  ('ALTER SERVER cph OPTIONS (token ''abc'')'),
  ('CREATE SERVER scratch FOREIGN DATA WRAPPER cph_fdw OPTIONS (token ''abc'')'),
  ('ALTER SERVER cph OPTIONS (something_else_entirely ''x'')'),
  ('ALTER FOREIGN TABLE cph_phones OPTIONS (resorce ''phones'')'),
  ('ALTER FOREIGN TABLE cph_phones ALTER status OPTIONS (feild ''a'')'),
  ('ALTER USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (tokn ''x'')'),
  ('ALTER SERVER cph OPTIONS (URL ''x'')'), ('ALTER SERVER cph OPTIONS (host ''x'')'),
  ('ALTER SERVER cph OPTIONS (ak ''x'')'), ('ALTER SERVER cph OPTIONS (table_name ''x'')'),
  ('ALTER USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (ak ''x'')'),
  ('ALTER USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (sk ''x'')'),
  ('ALTER USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (user ''x'')'),
  ('ALTER USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (password ''x'')'),
  ('ALTER USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (region ''x'')'),
  ('ALTER FOREIGN TABLE cph_phones OPTIONS ("table" ''phones'')'),
  ('ALTER FOREIGN TABLE cph_phones OPTIONS (field ''a'')'),
  ('ALTER FOREIGN TABLE cph_phones ALTER status OPTIONS (column_name ''a'')'),
  ('CREATE FOREIGN DATA WRAPPER scratch VALIDATOR cph_fdw_validator OPTIONS (endpoint ''x'')'))
  AS v (command), failure(command) AS result;

-- What an ordinary user may name.
GRANT USAGE ON FOREIGN DATA WRAPPER cph_fdw TO regress_cph_user;
GRANT CREATE ON DATABASE :DBNAME TO regress_cph_user;
SET ROLE regress_cph_user;
SELECT name, value, result FROM (VALUES
  ('region', 'cn-north-4'),
  ('endpoint', 'https://cph.cn-north-4.myhuaweicloud.com'),
  ('endpoint', 'https://myhuaweicloud.com'),
  ('endpoint', 'https://cph.myhuaweicloud.com.example.com'),
  ('endpoint', 'https://notmyhuaweicloud.com'),
  ('endpoint', 'https://cph.example.com'),
  ('endpoint', 'http://cph.myhuaweicloud.com'),
  ('endpoint', 'https://127.0.0.1'),
  ('endpoint', 'http://localhost:8080'),
  ('endpoint', 'https://169.254.169.254'),
  ('sslrootcert', '/etc/ssl/private/a.pem')) AS v (name, value),
  server_option(name, value) AS result;
SELECT failure('SET cph_fdw.allowed_hosts = ''example.com''');
RESET ROLE;
SET cph_fdw.allowed_hosts = 'cph.example.com, .example.org';
SET ROLE regress_cph_user;
SELECT value, result FROM (VALUES
  ('https://cph.example.com'), ('https://x.example.org'), ('https://example.org'),
  ('https://cph.cn-north-4.myhuaweicloud.com')) AS v (value),
  server_option('endpoint', value) AS result;
RESET ROLE;
-- Names count as a whole, beyond the length of PostgreSQL's own, in upper or
-- lower case.
SELECT set_config('cph_fdw.allowed_hosts',
                  repeat('a', 60) || '.cph.Example.COM, .' || repeat('b', 63) || '.Example.org', false);
SET ROLE regress_cph_user;
SELECT host, result FROM (VALUES
  (repeat('a', 60) || '.cph.example.com'), (repeat('A', 60) || '.CPH.example.com'),
  (repeat('a', 60) || '.cph.example.net'), (repeat('a', 60) || '.cp'),
  ('x.' || repeat('b', 63) || '.example.org'), ('x.' || repeat('b', 63) || '.example.net'),
  ('x.' || repeat('b', 62)), (repeat('b', 63) || '.example.org')) AS v (host),
  server_option('endpoint', 'https://' || host) AS result;
RESET ROLE;
RESET cph_fdw.allowed_hosts;

-- What does not look like a project's ID may be its name, of which CREATE SERVER
-- warns; what does look like one is taken without a word.
CREATE SERVER scratch FOREIGN DATA WRAPPER cph_fdw OPTIONS (region 'cn-north-4', project_id 'cn-north-4');
DROP SERVER scratch;
CREATE SERVER scratch FOREIGN DATA WRAPPER cph_fdw OPTIONS (region 'cn-north-4', project_id '0123456789abcdef0123456789ABCDEF');
DROP SERVER scratch;

-- The owner counts when the server is used, and what is missing is told then.
\getenv port CPH_TEST_PORT
\set endpoint 'http://127.0.0.1:' :port
CREATE SERVER elsewhere FOREIGN DATA WRAPPER cph_fdw;
CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (token 'the-token');
CREATE FOREIGN TABLE elsewhere_phones (phone_id text) SERVER elsewhere OPTIONS (resource 'phones');
SELECT failure('SELECT * FROM elsewhere_phones');
ALTER SERVER elsewhere OPTIONS (endpoint :'endpoint');
SELECT failure('SELECT * FROM elsewhere_phones');
ALTER SERVER elsewhere OPTIONS (ADD project_id '0123456789abcdef0123456789abcdef');
SELECT failure('SELECT * FROM elsewhere_phones');
ALTER FOREIGN TABLE elsewhere_phones OPTIONS (ADD project_id 'no-such-project');
SELECT failure('SELECT * FROM elsewhere_phones LIMIT 1');
ALTER SERVER elsewhere OWNER TO regress_cph_user;
SELECT failure('SELECT * FROM elsewhere_phones');
-- Who has no user mapping is told what to do.
DROP USER MAPPING FOR PUBLIC SERVER elsewhere;
SELECT replace(line, current_user, 'NAME')
  FROM failure('SELECT * FROM elsewhere_phones') AS line;
\set VERBOSITY terse
DROP SERVER elsewhere CASCADE;
REVOKE CREATE ON DATABASE :DBNAME FROM regress_cph_user;
DROP OWNED BY regress_cph_user;
DROP ROLE regress_cph_user;
DROP FUNCTION server_option, table_options;
\! test/service log $CPH_TEST_PORT | sort
