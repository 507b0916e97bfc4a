
# Tokens that a user is given for a name and a password: asked for seldom,
# renewed in time, forgotten with the mapping.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphLogin;
use CphTest;
use Test::More;

# The service is its own token service.  The server names no project.
my $service = CphTest::service(
	phones => 450,
	servers => 20,
	project => CphLogin::several(
		'project', "$CphTest::PROJECT=cn-north-4", 'fedcba98765432100123456789abcdef=eu-1'),
	user => [q{Company "1"/J. Döe/p\w"d-of-the-user}]);
my %user = (
	iam_domain => 'Company "1"',
	iam_user => 'J. Döe',
	iam_password => 'p\w"d-of-the-user');
my $node = CphTest::node();
CphLogin::install($node);
CphTest::attach(
	$node, $service,
	mapping => \%user,
	server => {
		iam_endpoint => $service->url,
		region => 'cn-north-4',
		max_retries => 2
	});
my $port = $service->port;
my $shell = "\\! '$ENV{CPH_TEST_SERVICE}' ctl $port";
my $without_project = 'ALTER SERVER cph OPTIONS (DROP project_id);';
my $with_project = "ALTER SERVER cph OPTIONS (ADD project_id '$CphTest::PROJECT');";
my $servers = 'SELECT server_id FROM cph_servers';
my $get = 'GET /v1/PROJECT/cloud-phone/servers?limit=100&offset=0';
my $post = 'POST /v3/auth/tokens?nocatalog=true';
my $refused = 'HV00N could not get a token for server "cph"';

# The requests that the commands send in one session, which has no token at first.
sub requests
{
	my (@commands) = @_;

	CphTest::forget($node);
	$service->entries;
	$node->safe_psql('postgres',
		join("\n", 'SET client_min_messages = warning;', @commands) . "\n");
	return [ $service->log ];
}

# For a project by its ID, or for one by its region's name, which the answer
# then tells.
is_deeply(requests("$servers;", "$servers;"),
	[ "$post 201", "$get 200", "$get 200" ], 'one token for two statements');
$node->safe_psql('postgres', $without_project);
CphTest::same($node, 'SELECT * FROM cph_phones', rows => 450);
is_deeply(requests("EXPLAIN $servers;", "EXPLAIN (VERBOSE) $servers;"),
	[], 'EXPLAIN asks for none');
like($node->safe_psql('postgres', "EXPLAIN $servers"),
	qr/{project_id}/, 'and does not know the project');

# Several scans, several streams, a whole table: one token.
is(scalar(grep { /^POST/ }
		@{ requests(join(' UNION ALL ', ($servers) x 8) . ';',
			'SELECT * FROM cph_phones WHERE status IN (2, 3, 4, 6);') }),
	1, 'eight scans send one request for a token');

# A long token.
$service->set(token_length => 20000);
is_deeply(requests("$servers;"), [ "$post 201", "$get 200" ], 'a token of 20,000 characters');

# Another mapping or server, and a disconnect, forget the token.
foreach my $command (
	'ALTER SERVER cph OPTIONS (ADD fetch_size \'100\');',
	'ALTER SERVER cph OPTIONS (DROP fetch_size);',
	CphLogin::mapping(%user),
	'SELECT cph_fdw_disconnect(\'cph\');')
{
	is_deeply(
		requests("$servers;", $command, "$servers;"),
		[ "$post 201", "$get 200", "$post 201", "$get 200" ],
		"forgotten: " . substr $command, 0, 40);
}

# A cursor that was opened before that goes on with a token of its own.
$node->safe_psql('postgres', 'ALTER SERVER cph OPTIONS (ADD fetch_size \'200\')');
is( $node->safe_psql(
		'postgres', q{
		BEGIN;
		DECLARE c CURSOR FOR SELECT phone_id FROM cph_phones;
		MOVE 10 FROM c;
		ALTER SERVER cph OPTIONS (SET fetch_size '150');
		SELECT count(*) FROM cph_servers;
		MOVE ALL FROM c;
		COMMIT;
		SELECT 'done'}),
	"20\ndone",
	'a scan goes on while its mapping changes');

# A table of another project has its own token.
$node->safe_psql(
	'postgres', q{
	CREATE FOREIGN TABLE other (server_id text) SERVER cph
		OPTIONS (resource 'servers', project_id 'fedcba98765432100123456789abcdef')});
is_deeply(
	requests("$servers;", 'TABLE other;', "$servers;", 'TABLE other;'),
	[ "$post 201", "$get 200", "$post 201", "$get 200", "$get 200", "$get 200" ],
	'each project has its token');

# A token is renewed before it ends, so that no request is refused.
$service->set(token_lifetime => 2);
my $log = requests(
	q{DO $$
	BEGIN
	  FOR i IN 1 .. 40 LOOP
	    PERFORM count(*) FROM cph_servers;
	    PERFORM pg_sleep(0.2);
	  END LOOP;
	END $$;});
my $tokens = grep { $_ eq "$post 201" } @$log;
cmp_ok($tokens, '>', 3, "a session outlives $tokens tokens");
is(scalar(grep { / 401$/ } @$log), 0, 'none of them is refused');
$service->set(token_lifetime => undef, token_length => undef);

# One that is refused all the same is renewed once, by all that had it.
is_deeply(requests("$servers;", "$shell DELETE tokens >/dev/null", "$servers;"),
	[ "$post 201", "$get 200", "$get 401", "$post 201", "$get 200" ],
	'a refused token is renewed');
$log = requests("$servers;", "$shell DELETE tokens >/dev/null",
	'SELECT * FROM cph_phones WHERE status IN (2, 3, 4, 6);');
is(scalar(grep { /^POST/ } @$log), 2, 'by several streams, once');
$service->fault('status', status => 401, error_code => 'APIGW.0301',
	error_msg => 'no');
is_deeply(
	requests("SELECT failure('$servers');", "SELECT failure('$servers');"),
	[ "$post 201", "$get 401", "$post 201", "$get 401" ],
	'and no more than once');
CphLogin::fails($node, 'with this error', $servers,
	'HV00N server "cph" refused the credential',
	qr/^HINT The token service gave the token, but the service does not take it/);
$service->clear;

# What the token service refuses.
CphLogin::login($node, %user, iam_password => 'another-password');
my @failures = CphLogin::failures($node, $servers, $servers);
is($failures[0], join("\n", $refused,
	'DETAIL POST HOST/v3/auth/tokens?nocatalog=true: HTTP status 401, error code 401,'
	. ' "The username or password is wrong." (request ID).',
	'HINT The options "iam_user", "iam_password" and "iam_domain" of the user mapping are wrong, or the user may not log in.'),
	'wrong password');
like($failures[1], qr/It is not sent again for another N seconds/, 'is not sent again');
is(scalar(grep { /^POST/ } $service->log), 1, 'one request was sent');
CphLogin::login($node, %user, iam_password => 'wrong');
CphLogin::fails($node, 'a password that is a word of the message', $servers, $refused,
	qr/"The username or password is wrong\."/);
CphLogin::login($node, %user);
$node->safe_psql('postgres', "ALTER SERVER cph OPTIONS (SET region 'nowhere')");
CphLogin::fails($node, 'unknown project', $servers, $refused,
	qr/^DETAIL .*HTTP status 404, error code 404, "Could not find project: nowhere."/,
	qr/^HINT The service may not know the project or the region/);
$node->safe_psql('postgres', 'ALTER SERVER cph OPTIONS (DROP region)');
CphLogin::fails($node, 'neither project nor region', $servers,
	'HV00J server "cph" names neither a project nor a region');
$node->safe_psql('postgres',
	"$with_project ALTER SERVER cph OPTIONS (DROP iam_endpoint)");
CphLogin::fails($node, 'no token service', $servers,
	'HV00J server "cph" names no iam_endpoint',
	'HINT Set the option "region" or "iam_endpoint" of the server.');
$node->safe_psql('postgres',
	"ALTER SERVER cph OPTIONS (ADD iam_endpoint 'http://127.0.0.1:$port')");

# What it does wrong.
foreach (
	[ [ 'status', status => 503, times => 2 ],
		[ "$post 503", "$post 503", "$post 201", "$get 200" ] ],
	[ [ 'reset', times => 1 ], [ "$post -", "$post 201", "$get 200" ] ],
	[ [ 'rate', n => 0, retry_after => 1, times => 1 ],
		[ "$post 429", "$post 201", "$get 200" ] ])
{
	my ($fault, $wanted) = @$_;
	$service->fault(@$fault, match => 'auth/tokens');
	is_deeply(requests("$servers;"), $wanted, "tried again: $fault->[0]");
	$service->clear;
}

# Being throttled does not count as a failure.
$service->fault('rate', n => 0, retry_after => 0, times => 2, match => 'auth/tokens');
$service->fault('status', status => 503, after => 2, times => 2, match => 'auth/tokens');
is_deeply(requests("$servers;"),
	[ ("$post 429") x 2, ("$post 503") x 2, "$post 201", "$get 200" ],
	'tried again: two 429, and max_retries times more');
$service->clear;

# Nor is a failure waited out for longer than throttle_timeout.
my $errors = '';
CphTest::forget($node);
$service->entries;
$service->fault('status', status => 503, retry_after => 86400, match => 'auth/tokens');
$node->psql('postgres', "SET statement_timeout = '10s'; $servers", stderr => \$errors);
like($errors, qr/could not get a token for server "cph"/,
	'a failure with a wait that is too long is an error at once');
is_deeply([ $service->log ], ["$post 503"], '... after one request');
$service->clear;
foreach (
	[ [ 'status', status => 500, shape => 'iam', error_msg => 'broken' ],
		$refused, qr/^DETAIL .*500.*, after 3 tries/ ],
	[ [ 'status', status => 403, shape => 'iam', error_msg => 'You may not.' ],
		$refused, qr/^DETAIL .*403.*"You may not."/ ],
	[ [ 'redirect' ], $refused, qr/^HINT Redirects are not followed/ ],
	[ [ 'body', status => 201, text => '{}' ],
		'HV00L could not get a token for server "cph"',
		qr/^DETAIL .*no token in the header X-Subject-Token/ ],
	[ [ 'body', status => 200, text => '{}' ], $refused ],
	[ ['garbage'], $refused ],
	[ [ 'reset', times => 3 ], 'HV00L the answer of server "cph" broke off', qr/^HINT If the port speaks TLS, the option "iam_endpoint"/ ],
	[ [ 'status', status => 400, shape => 'iam', error_msg => 'echo p\w"d-of-the-user' ],
		$refused, qr/"echo \*{17}"/ ])
{
	my ($fault, @lines) = @$_;
	CphTest::forget($node);
	$service->fault(@$fault, match => 'auth/tokens');
	CphLogin::fails($node, "error: @$fault", $servers, @lines);
	$service->clear;
}

# A token service that does not answer can be waited for and be cancelled.
CphTest::forget($node);
$service->fault('stall', match => 'auth/tokens');
my $start = time;
$node->psql('postgres', "SET statement_timeout = 300; $servers", stderr => \$errors);
like($errors, qr/canceling statement due to statement timeout/, 'cancelled');
cmp_ok(time - $start, '<=', 2, 'at once');
$node->safe_psql('postgres', q{ALTER SERVER cph
	OPTIONS (ADD request_timeout '1', SET max_retries '0')});
CphLogin::fails($node, 'no answer in time', $servers,
	'HV00N server "cph" did not answer in time', qr/^DETAIL POST HOST\/v3\/auth\/tokens/,
	qr/^HINT The options "connect_timeout" and "request_timeout"/);
$service->clear;
$node->safe_psql('postgres',
	q{ALTER SERVER cph OPTIONS (SET iam_endpoint 'http://127.0.0.1:9')});
CphLogin::fails($node, 'no connection', $servers,
	'HV00N could not connect to server "cph"', qr/^DETAIL POST HOST\/v3\/auth\/tokens/,
	'HINT The option "iam_endpoint" of the server names the host that gives tokens.');

done_testing();
