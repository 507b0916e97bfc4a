# A request for a token goes the way of every other: it is counted, tried
# again, throttled and interrupted as they are, and holds up nobody else.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphLogin;
use CphTest;
use Test::More;

my $region = 'cn-north-4';
my %user = (
	iam_domain => 'Company',
	iam_user => 'User',
	iam_password => 'password-of-the-user');
my $service = CphTest::service(
	phones => 450,
	servers => 20,
	project => "$CphTest::PROJECT=$region",
	user => [ join '/', @user{qw(iam_domain iam_user iam_password)} ]);
my $other = CphTest::service(servers => 20);
my $node = CphTest::node();
CphLogin::install($node);
CphTest::attach(
	$node, $service,
	mapping => \%user,
	server => { iam_endpoint => $service->url, region => $region, max_retries => 2 });
$node->safe_psql('postgres', 'CREATE SCHEMA other');
CphTest::attach($node, $other, name => 'other', schema => 'other');
my $servers = 'SELECT server_id FROM cph_servers';
my $tokens = 'auth/tokens';

# What EXPLAIN (ANALYZE) says of the first scan of a session, which has no token.
sub counted
{
	CphTest::forget($node);
	return $node->safe_psql('postgres',
		"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) $servers");
}

foreach my $project ('given', 'told by the token')
{
	$node->safe_psql('postgres', 'ALTER SERVER cph OPTIONS (DROP project_id)')
	  if $project ne 'given';

	# Counted.
	like(counted(), qr/CPH Requests: 2\n.*CPH Retries: 0/s, "counted: project $project");
	$service->fault('status', status => 503, times => 1, match => $tokens);
	like(counted(), qr/CPH Requests: 3\n.*CPH Retries: 1/s, 'with its retries');
	$service->clear;
	my $stderr;
	foreach my $limit (1, 2)
	{
		CphTest::forget($node);
		$node->psql('postgres', "SET cph_fdw.max_requests = $limit; $servers", stderr => \$stderr);
		is($stderr =~ /the statement would send more than 1 request\b/ ? 1 : 2,
			$limit, "cph_fdw.max_requests = $limit");
	}

	# The rows of another service come while it is waited for.
	CphTest::forget($node);
	$service->fault('stall', match => $tokens);
	is( $node->safe_psql('postgres', qq{
			SET statement_timeout = '10s';
			SELECT count(server_id) FROM ($servers UNION ALL SELECT server_id FROM other.cph_servers LIMIT 20) AS x}),
		'20', 'a scan that waits for a token holds up no other');
	$service->clear;

	# A token that its scan does not wait for any more is there for another, and
	# asked for once.
	CphTest::forget($node);
	$service->entries;
	$service->fault('latency', ms => 300, match => $tokens);
	is( $node->safe_psql('postgres', q{
			SET statement_timeout = '20s';
			SELECT (SELECT count(*) FROM (SELECT phone_id FROM cph_phones
			                              UNION ALL SELECT '' LIMIT 1) AS early),
			       (SELECT count(server_name) FROM cph_servers)}),
		'1|20', 'a scan that ends early holds up no other');
	is(scalar(grep { /POST/ } $service->log), 1, '... and its token is used');
	$service->clear;
}

# Throttled as all are: waited for, with a notice, no longer than
# throttle_timeout.
my ($stdout, $stderr);
CphTest::forget($node);
$service->fault('rate', n => 0, retry_after => 7, times => 1, match => $tokens);
$node->psql('postgres', $servers, stdout => \$stdout, stderr => \$stderr);
like($stderr, qr/NOTICE:  waiting for server "cph", which is throttling/, 'a notice');
is(scalar(() = $stdout =~ /^.+$/mg), 20, '... and the rows');
$node->safe_psql('postgres', "ALTER SERVER cph OPTIONS (ADD throttle_timeout '3')");
$service->fault('rate', n => 0, retry_after => 7, times => 1, match => $tokens);
CphLogin::fails($node, 'throttled for too long', $servers,
	'53400 could not get a token for server "cph"');
$service->clear;

# A scan goes on with the one whose token it waits for, and an error of a request
# that this sends costs neither of them its turn.
$node->safe_psql('postgres',
	"ALTER SERVER cph OPTIONS (ADD max_server_requests '1', SET throttle_timeout '180')");
$service->fault('latency', ms => 500, match => $tokens);
$node->psql('postgres', q{
	\set ON_ERROR_STOP off
	SET statement_timeout = '2s';
	BEGIN;
	DECLARE a CURSOR FOR SELECT server_id FROM other.cph_servers UNION ALL SELECT server_id FROM cph_servers;
	FETCH 1 FROM a;
	SAVEPOINT s;
	SET LOCAL cph_fdw.max_requests = 1;
	SELECT (SELECT count(server_name) FROM other.cph_servers), (SELECT count(phone_name) FROM cph_phones);
	ROLLBACK TO s;
	SELECT count(phone_name) FROM cph_phones;
	MOVE ALL FROM a;
	\echo :ROW_COUNT}, stdout => \$stdout, stderr => \$stderr);
like($stderr, qr/\A[^\n]*more than 1 request\b(?!.*ERROR)/s, 'an error in what a scan waits for');
like($stdout, qr/^450\n39$/m, '... leaves a turn to both');
$service->clear;

# Seen from outside, and ended at once.
my $named = $node->safe_psql('postgres', 'SHOW server_version_num') >= 170000;
foreach my $case ([ 'CphToken', 'stall' ], [ 'CphBackoff', 'status', status => 503, retry_after => 3 ])
{
	my ($event, @fault) = @$case;
	my $session = $node->background_psql('postgres', on_error_stop => 0);

	CphTest::forget($node);
	$service->fault(@fault, match => $tokens);
	$session->query_until(qr/begun/, "\\echo begun\n$servers;\n");
	ok( $node->poll_query_until('postgres', sprintf(
				q{SELECT wait_event_type = 'Extension' AND wait_event = '%s'
				    FROM pg_stat_activity WHERE query LIKE '%s%%'},
				$named ? $event : 'Extension', $servers)),
		"wait event $event");
	ok( $node->poll_query_until('postgres',
			"SELECT bool_and(pg_terminate_backend(pid, 2000)) FROM pg_stat_activity WHERE query LIKE '$servers%'"),
		'... ended at once');
	$session->{run}->finish;
	$service->clear;
}

$node->stop;
done_testing();
