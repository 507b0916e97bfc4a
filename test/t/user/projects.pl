# A project that is not named: looked up once by the name of the region, with a
# key that may; otherwise one clear error.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphLogin;
use CphTest;
use PostgreSQL::Test::Utils;
use Test::More;

my %key = (access_key => 'AKEXAMPLE1', secret_key => 'sk-example-one');
my $service = CphTest::service(
	phones => 450,
	servers => 20,
	project => CphLogin::several('project', "$CphTest::PROJECT=cn-north-4",
		'fedcba98765432100123456789abcdef=eu-1', 'fedcba98765432100123456789abcdee=eu-1'),
	key => 'AKEXAMPLE1/sk-example-one');
my $node = CphTest::node();
CphLogin::install($node);
CphTest::attach($node, $service,
	mapping => \%key,
	server => { iam_endpoint => $service->url, region => 'cn-north-4', max_retries => 1 });
$node->safe_psql('postgres', 'ALTER SERVER cph OPTIONS (DROP project_id)');
my $servers = 'SELECT server_id FROM cph_servers';
my $get = 'GET /v1/PROJECT/cloud-phone/servers?limit=100&offset=0';
my $look_up = 'GET /v3/projects?name=cn-north-4';
my $none = 'HV00J server "cph" names no project';
my $hint = qr/^HINT Set the option "project_id" of the server or the foreign table\./;

# The requests that the commands send in one session, which knows no project at first.
sub requests
{
	my (@commands) = @_;

	CphTest::forget($node);
	$service->entries;
	$node->safe_psql('postgres', join("\n", map { "$_;" } 'SET client_min_messages = warning', @commands));
	return [ map { s/\Q$CphTest::PROJECT\E/PROJECT/r } $service->log ];
}

is_deeply(requests($servers, $servers), [ "$look_up 200", "$get 200", "$get 200" ], 'looked up once');
CphTest::same($node, 'SELECT * FROM cph_phones', rows => 450);
is(scalar(grep { /projects/ } @{ requests(join ' UNION ALL ', ($servers) x 8) }), 1, 'by eight scans, once');
is_deeply(requests($servers, "SELECT cph_fdw_disconnect('cph')", $servers),
	[ ("$look_up 200", "$get 200") x 2 ], 'forgotten with the connection');
is_deeply(requests("EXPLAIN $servers"), [], 'EXPLAIN looks up nothing');
like($node->safe_psql('postgres', "EXPLAIN $servers"), qr/\{project_id\}/, '... and does not know it');
$service->fault('status', status => 503, times => 1, match => 'v3/projects');
is_deeply(requests($servers), [ "$look_up 503", "$look_up 200", "$get 200" ], 'tried again as others');
$service->clear;
CphTest::forget($node);
$service->entries;
$node->safe_psql('postgres', $servers);
my @headers = map { join ' ', sort map { lc } @{ $_->{headers} } } $service->entries;
is(scalar(grep { /x-language/ } @headers), 2, 'every request asks for English');
unlike($headers[0], qr/x-project-id/, 'the look-up is of no project');
like($headers[1], qr/x-project-id/, 'the list is');

# A table or a file that names one needs no look-up, nor does a server.
my $file = PostgreSQL::Test::Utils::tempdir() . '/credentials';
append_to_file($file, "[basic]\nak=AKEXAMPLE1\nsk=sk-example-one\nproject_id=$CphTest::PROJECT\n");
chmod 0755, $file =~ s{/[^/]*$}{}r;
CphLogin::login($node, credentials_file => $file);
is_deeply(requests($servers), ["$get 200"], 'a file names the project');
CphLogin::login($node, %key);

# A wrong key is sent once, and is what the error is about.
CphLogin::login($node, %key, secret_key => 'sk-example-wrong');
CphLogin::fails($node, 'a wrong key', $servers,
	'HV00N server "cph" refused the credential', qr/^HINT The secret key/);
is_deeply(requests(map { "SELECT failure('$_')" } "$servers UNION ALL $servers", $servers),
	["$look_up 401"], '... is sent once');
CphLogin::login($node, %key);

# Who may not list projects, and a region that has none or several.
$service->fault('status', status => 403, shape => 'iam', match => 'v3/projects',
	error_msg => 'You are not authorized to perform the requested action: identity:list_projects');
CphLogin::fails($node, 'no permission to look up', $servers, $none, $hint,
	qr/^DETAIL GET HOST\/v3\/projects\?name=cn-north-4: HTTP status 403, .*identity:list_projects/);
$service->clear;
foreach ([ 'nowhere', 'no project has' ], [ 'eu-1', 'several projects have' ])
{
	my ($region, $reason) = @$_;
	$node->safe_psql('postgres', "ALTER SERVER cph OPTIONS (SET region '$region')");
	CphLogin::fails($node, $reason, $servers, $none, $hint,
		qr/^DETAIL GET HOST\/v3\/projects\?name=\Q$region\E: HTTP status 200: $reason the name of the region/);
}
$node->safe_psql('postgres', "ALTER SERVER cph OPTIONS (SET region 'cn-north-4')");
foreach my $body ('{}', '{"projects": [{}]}', '{"projects": [{"id": "../.."}]}', '[')
{
	$service->fault('body', status => 200, text => $body, match => 'v3/projects');
	CphLogin::fails($node, "an answer that is $body", $servers, $none, $hint);
	$service->clear;
}

# A token does not look up.
CphLogin::login($node, token => $CphTest::TOKEN);
CphLogin::fails($node, 'a token', $servers, $none);

$node->stop;
done_testing();
