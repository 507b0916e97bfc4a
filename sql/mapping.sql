--
-- User mappings: exactly one whole way to log in, and values that can be one.
--
\pset format unaligned
\pset tuples_only
CREATE SERVER scratch FOREIGN DATA WRAPPER cph_fdw
  OPTIONS (endpoint 'https://cph.example.com', iam_endpoint 'https://iam.example.com');
CREATE FUNCTION mapping(options text) RETURNS SETOF text LANGUAGE sql AS
$$ SELECT failure(format('CREATE USER MAPPING FOR CURRENT_USER SERVER scratch %s;
                          DROP USER MAPPING FOR CURRENT_USER SERVER scratch',
                         'OPTIONS (' || nullif(options, '') || ')')) $$;

-- Whole ways.  A file that is not there is warned of, since it may come.
\set VERBOSITY terse
SELECT options, mapping(options) FROM (VALUES
  ($$token 't'$$), ($$token_file '/t'$$),
  ($$access_key 'a', secret_key 's'$$), ($$secret_key 's', access_key 'a', security_token 't'$$),
  ($$credentials_file '/c'$$), ($$credentials_file '/c', profile 'p'$$),
  ($$iam_user 'u', iam_password 'p', iam_domain 'd'$$),
  ($$token 't', proxy_user 'u'$$), ($$token 't', proxy_user 'u', proxy_password 'p'$$))
  AS v (options);
\set VERBOSITY default

-- None, a part of one, and parts of two.
SELECT options, mapping(options) FROM (VALUES
  (''), ($$proxy_user 'u'$$), ($$access_key 'a'$$), ($$secret_key 's'$$), ($$security_token 't'$$),
  ($$access_key 'a', security_token 't'$$), ($$profile 'p'$$),
  ($$iam_user 'u'$$), ($$iam_user 'u', iam_password 'p'$$), ($$iam_password 'p', iam_domain 'd'$$),
  ($$token 't', proxy_password 'p'$$),
  ($$token 't', token_file '/t'$$), ($$token 't', access_key 'a', secret_key 's'$$),
  ($$access_key 'a', secret_key 's', credentials_file '/c'$$), ($$token 't', profile 'p'$$),
  ($$token 't', security_token 't'$$), ($$access_key 'a', secret_key 's', iam_user 'u'$$))
  AS v (options);

-- Values.  They are not shown.
SELECT name, mapping(name || ' ' || quote_literal(value) || more) FROM (VALUES
  ('token', '', ''), ('token', 'with blank', ''), ('token', E'line\r\nX-Header: y', ''),
  ('token', U&'t\00F6ken', ''), ('secret_key', 'a b', ', access_key ''a'''),
  ('access_key', '', ', secret_key ''s'''), ('security_token', E'\t', ', access_key ''a'', secret_key ''s'''),
  ('token_file', 'relative/path', ''), ('token_file', '', ''), ('credentials_file', '~/c', ''),
  ('iam_user', '', ', iam_password ''p'', iam_domain ''d'''),
  ('iam_user', U&'D\00F6e, J.', ', iam_password ''p'', iam_domain ''d'''),
  ('iam_password', E'p\nq', ', iam_user ''u'', iam_domain ''d'''))
  AS v (name, value, more);
SELECT mapping($$tokn 't'$$);
SELECT mapping($$endpoint 'https://x'$$);

-- A mapping is checked as it will be.
CREATE USER MAPPING FOR CURRENT_USER SERVER scratch OPTIONS (token 't');
SELECT options, failure('ALTER USER MAPPING FOR CURRENT_USER SERVER scratch OPTIONS (' || options || ')')
  FROM (VALUES ($$DROP token$$), ($$ADD access_key 'a', ADD secret_key 's'$$),
    ($$DROP token, ADD access_key 'a'$$), ($$SET token ''$$), ($$SET token 'u'$$),
    ($$DROP token, ADD access_key 'a', ADD secret_key 's'$$)) AS v (options);

-- The server's part.
SELECT options, failure('ALTER SERVER scratch OPTIONS (' || options || ')')
  FROM (VALUES ($$SET iam_endpoint 'http://iam.example.com'$$), ($$SET iam_endpoint 'https://iam.example.com/v3'$$),
    ($$ADD proxy 'http://proxy.example.com:3128'$$), ($$SET proxy 'http://u:p@proxy.example.com'$$),
    ($$SET proxy 'proxy.example.com'$$), ($$SET proxy 'socks5://proxy.example.com'$$)) AS v (options);
SET client_min_messages = warning;
DROP SERVER scratch CASCADE;
