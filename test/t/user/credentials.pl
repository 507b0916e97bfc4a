
# Tokens and signatures: what works, and what each refusal says.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphLogin;
use CphTest;
use Test::More;

my $other = 'ffffffffffffffffffffffffffffffff';
my ($node, $service) = CphTest::setup(
	phones => 450,
	servers => 20,
	key => CphLogin::several(
		'key', 'AKEXAMPLE1/sk-example-one', 'AKEXAMPLE2/sk-example-two/st-example-two'));
CphLogin::install($node);

my $query = 'SELECT count(phone_id) FROM cph_servers, cph_phones';
my $servers = 'SELECT server_id FROM cph_servers';
my $request = 'GET /v1/PROJECT/cloud-phone/servers?limit=100&offset=0';
my $detail = 'DETAIL GET HOST/v1/PROJECT/cloud-phone/servers?limit=100&offset=0: HTTP status';
my $wrong = 'error code APIGW.0301, "Incorrect IAM authentication information:';
my $refused = 'HV00N server "cph" refused the credential';
my %good = (access_key => 'AKEXAMPLE1', secret_key => 'sk-example-one');
my %temporary = (
	access_key => 'AKEXAMPLE2',
	secret_key => 'sk-example-two',
	security_token => 'st-example-two');

# Signatures: every request of a scan of several pages and of several streams
# has its own, whatever is in the query.
foreach my $mapping (\%good, \%temporary)
{
	CphLogin::login($node, %$mapping);
	CphTest::same($node, 'SELECT * FROM cph_phones', rows => 450);
	CphTest::same($node, 'SELECT * FROM cph_phones WHERE status IN (2, 3, 4, -7)');
	CphTest::same($node,
		q{SELECT * FROM cph_phones WHERE phone_name LIKE U&'a b_\4E2D+\0025%'},
		rows => 0);
}
my @headers = map { join ' ', sort map { lc } @{ $_->{headers} } } $service->entries;
is(scalar(grep { !/authorization .* x-project-id x-sdk-date/ } @headers),
	0, 'every request is signed');
is(scalar(grep { /x-auth-token/ } @headers), 0, 'none bears a token');

# A wrong key is refused once, and not sent again: not by the
# streams of one scan, not by several scans, not by the next statement.
CphLogin::login($node, %good, secret_key => 'sk-example-wrong');
$service->entries;
my @failures = CphLogin::failures($node,
	'SELECT * FROM cph_phones WHERE status IN (2, 3, 4, -7)',
	"$servers UNION ALL $servers UNION ALL SELECT phone_id FROM cph_phones",
	$servers);
is(scalar(@failures), 3, 'a wrong key is refused');
like($_, qr/^$refused\nDETAIL GET .*verify aksk signature fail/, 'with this error')
  foreach @failures;
like($failures[0], qr/^HINT The secret key or the security token is wrong/m,
	'the hint says what to set');
like(
	$failures[2],
	qr/It is not sent again for another N seconds, unless the user mapping is changed/,
	'the second time is told from the first');
is_deeply([ map { s/.* //r } $service->log ], ['401'], 'one request was sent');

# Nor is it sent twice while the first answer is waited for.
CphTest::forget($node);
$service->fault('latency', ms => 700);
CphLogin::failures($node,
	"$servers UNION ALL $servers UNION ALL SELECT phone_id FROM cph_phones");
is_deeply([ map { s/.* //r } $service->log ], ['401'], 'one request to a slow service');
$service->clear;

# Another mapping is sent at once, in the same session.
is( $node->safe_psql(
		'postgres',
		"SELECT left(failure('$servers'), 5); SET client_min_messages = warning; "
		  . CphLogin::mapping(%good)
		  . 'SELECT count(*) FROM cph_servers'),
	"HV00N\n20",
	'a changed mapping is sent');

# A first request that nobody waits for holds up no other: its scan has ended
# early, and may be read again.
is( $node->safe_psql(
		'postgres', qq{
		SET statement_timeout = '20s';
		SELECT (SELECT count(*) FROM (SELECT phone_id FROM cph_phones
		                              UNION ALL SELECT '' LIMIT 1) AS early),
		       (SELECT count(server_name) FROM cph_servers)}),
	'1|20',
	'a first request that nobody waits for');

# A key that the service does not know, and one that it has locked.  Neither is
# shown.
CphLogin::login($node, %good, access_key => 'AKUNKNOWN');
CphLogin::fails(
	$node, 'unknown key', $servers, $refused,
	"$detail 401, $wrong Get secretKey failed,ak:*********,err:ak not exist\" (request ID).",
	qr/^HINT The service does not know the access key/);
CphLogin::login($node, %good, secret_key => 'sk-example-wrong');
foreach (1 .. 6)
{
	CphTest::forget($node);
	CphLogin::failures($node, $servers);
}
CphLogin::login($node, %good);
CphLogin::fails(
	$node,
	'locked key',
	$servers,
	$refused,
	"$detail 401, $wrong AK access failed to reach the limit,forbidden\" (request ID).",
	'HINT The service has locked the access key after too many wrong signatures.  It unlocks it after five minutes.'
);
$service->control('POST', '/_control/unlock');

# A clock that is off.
CphTest::forget($node);
$service->set(clock_shift => 3600);
CphLogin::fails($node, 'a clock an hour behind',
	$servers, $refused, qr/^HINT This machine's clock is N seconds behind/);
$service->set(clock_shift => -3600);
CphTest::forget($node);
CphLogin::fails($node, 'a clock an hour ahead',
	$servers, $refused, qr/^HINT This machine's clock is N seconds ahead of/);
$service->set(clock_shift => 120);
CphTest::forget($node);
CphTest::same($node, 'SELECT * FROM cph_servers', name => 'two minutes do no harm');
CphLogin::login($node, %good, secret_key => 'sk-example-wrong');
CphLogin::fails($node, 'a wrong key and a clock two minutes behind',
	$servers, qr/^HINT The secret key .* clock is N seconds behind/);
$service->clear;

# Tokens.
CphLogin::login($node, token => $CphTest::TOKEN);
CphTest::same($node, 'SELECT * FROM cph_phones', rows => 450);
CphLogin::login($node, token => 'a-token-that-is-wrong');
CphLogin::fails($node, 'wrong token', $servers, $refused,
	"$detail 401, $wrong decrypt token fail\" (request ID).",
	qr/^HINT The token is wrong or has expired.  Set another by ALTER USER MAPPING/);
$service->control('POST', '/_control/tokens', { 'a-token-of-old' => 0 });
CphLogin::login($node, token => 'a-token-of-old');
CphLogin::fails(
	$node, 'expired token', $servers, $refused,
	qr/^DETAIL .*error code APIGW.0307/,
	qr/^HINT The token has expired, or is of another region/);
$service->control('POST', '/_control/tokens', { 'x' x 20000 => undef });
CphLogin::login($node, token => 'x' x 20000);
CphTest::same($node, 'SELECT * FROM cph_servers', name => 'a long token');

# What is echoed is masked, even where the text is cut.
CphLogin::login($node, token => 'a-token-that-is-echoed');
$service->fault(
	'status',
	status => 401,
	error_code => 'APIGW.0301',
	error_msg => 'token a-token-that-is-echoed and ' . 'x' x 460 . ' a-token-that-is-echoed');
my $echoed = CphLogin::failures($node, $servers);
like($echoed, qr/token \*{22} and x+ \*+"/, 'an echoed token is masked');
unlike($echoed, qr/a-token/, 'as is the part of it where the text ends');
$service->clear;

# No permission, and a project of another region or account.
CphLogin::login($node, %good);
$service->fault('status', status => 403, error_code => 'CPS.0001',
	error_msg => 'No permission to request resources.');
CphLogin::fails($node, 'no permission', $servers,
	'42501 server "cph" denied permission',
	'HINT The user needs permission for this list of the project.');
$service->clear;
$service->fault('status', status => 403, error_code => 'APIGW.0302',
	error_msg => 'blacklist');
CphLogin::fails($node, 'forbidden', $servers,
	'42501 server "cph" denied permission', qr/^HINT The user may lack permission/);
$service->clear;
$node->safe_psql('postgres', "ALTER SERVER cph OPTIONS (SET project_id '$other')");
foreach my $mapping (\%good, { token => $CphTest::TOKEN })
{
	CphLogin::login($node, %$mapping);
	CphLogin::fails($node, 'project of another region', $servers,
		'42501 server "cph" denied permission',
		qr/^DETAIL .*error code APIGW.0310/,
		qr/^HINT The project may be of another region or account/);
}

# A credential is for one host.
my $elsewhere = CphTest::service(phones => 1);
$node->safe_psql('postgres',
	"ALTER SERVER cph OPTIONS (SET project_id '$CphTest::PROJECT')");
$service->fault('redirect', location => $elsewhere->url . '/');
CphLogin::fails($node, 'redirect', $servers,
	'HV000 server "cph" redirects to another place',
	'HINT Redirects are not followed, since a credential would go with them.');
is_deeply([ $elsewhere->log ], [], 'nothing was sent there');
$service->clear;

# Hosts are signed as they are sent.
CphLogin::login($node, %temporary);
foreach my $host ('LOCALHOST', '127.1', '0x7f000001', '[::FFFF:127.0.0.1]')
{
	$node->safe_psql('postgres',
		"ALTER SERVER cph OPTIONS (SET endpoint 'HTTP://$host:" . $service->port . "/')");
	CphTest::same($node, 'SELECT * FROM cph_servers', name => "host $host");
}
SKIP:
{
	my $six = eval {
		CphTest::service(host => '::1', servers => 20, key => $temporary{access_key}
			  . '/sk-example-two/st-example-two')
	};
	skip 'no IPv6 here', 2 unless $six;
	foreach my $host ('[::1]', '[0:0:0:0:0:0:0:1]')
	{
		$node->safe_psql('postgres',
			"ALTER SERVER cph OPTIONS (SET endpoint 'http://$host:" . $six->port . "')");
		is($node->safe_psql('postgres', 'SELECT count(*) FROM cph_servers'),
			20, "host $host");
	}
	# its control paths are not at 127.0.0.1
}
$node->safe_psql('postgres',
	"ALTER SERVER cph OPTIONS (SET endpoint 'https://Cph.Example.COM:0443/')");
like($node->safe_psql('postgres', "EXPLAIN (COSTS OFF) $servers"),
	qr/cph \(cph\.example\.com\)/, 'the usual port is left out');

done_testing();
