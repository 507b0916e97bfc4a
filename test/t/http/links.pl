# Links that die without a word: a firewall forgets kept connections, and what
# is sent on them vanishes.  That costs a statement one time-out at most,
# whatever the number of connections, of requests in flight and of scans.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphGateway;
use CphRelay;
use CphSession;
use CphTest;
use Test::More;
use Time::HiRes qw(time);

# The seconds of a time-out, and what a query may take beyond it.
my $TIMEOUT = 2;
my $BEYOND = 3;

my %brisk = (request_timeout => $TIMEOUT, max_retries => 0, fetch_size => 20);
my $service = CphTest::service(phones => 450);
my $behind = CphTest::service(phones => 450);	# the gateway, whose links live
my $node = CphTest::node();
CphTest::attach($node, $service, server => \%brisk);
my ($gateway, $relay);
if ($gateway = CphGateway->new($behind->port))
{
	$relay = CphRelay->new($gateway->port);
	CphTest::attach($node, $behind, name => 'h2', schema => 'h2', copies => 0,
		server => \%brisk)
	  if $node->safe_psql('postgres', 'CREATE SCHEMA h2') eq '';
	$gateway->attach($node, name => 'h2', port => $relay->port);
}
CphTest::attach($node, $service, name => 'other', schema => 'other', copies => 0,
	server => \%brisk)
  if $node->safe_psql('postgres', 'CREATE SCHEMA other') eq '';

# Ends what there is of the link between a schema's server and its service.
sub silence
{
	my ($schema) = @_;
	return $schema eq 'h2' ? $relay->silence : $service->silence;
}

# Passes if a query has the right rows soon, without an error or a notice.  What
# is dead then comes to life again, so that the other side sees that it is not
# used: a port that it still thinks of cannot be used again.
sub survives
{
	my ($session, $query, $rows, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($session->run($query), $rows, $name);
	is($session->error, '', '... without an error');
	cmp_ok($session->seconds, '<', $TIMEOUT + $BEYOND, '... soon');
	$_->speak foreach $service, $relay // ();
	return;
}

foreach my $schema ('public', $gateway ? 'h2' : ())
{
	my $server = $schema eq 'public' ? 'cph' : $schema;
	foreach my $concurrency (1, 4, 16, 32)
	{
		$node->safe_psql('postgres',
			"ALTER SERVER $server OPTIONS ("
			  . ($concurrency == 1 ? 'ADD' : 'SET')
			  . " max_concurrent_requests '$concurrency')");
		my $session = CphSession->new($node);
		my $query = "SELECT count(imei) FROM $schema.cph_phones";
		my $where = "$server, $concurrency requests at once";
		is($session->run($query), 450, "$where: a query opens connections");
		cmp_ok(silence($schema)->{silenced}, '>', 0, '... which die');
		survives($session, $query, 450, "$where: dead connections");
		survives($session, $query, 450, '... and none is left');
		cmp_ok($session->seconds, '<', $TIMEOUT, '... to wait for');

		# A cursor that paused, and one whose requests are in flight: where an
		# answer had come before, a time-out is a failure.
		$session->run("ALTER SERVER $server OPTIONS (SET max_retries '1')");
		$session->run("BEGIN; DECLARE c CURSOR FOR SELECT phone_id FROM $schema.cph_phones");
		$session->run('MOVE 30 FROM c');
		silence($schema);
		survives($session, 'MOVE 200 FROM c', '', "$where: under a cursor");
		silence($schema);
		$session->run("SELECT pg_sleep($TIMEOUT + 1.5)");
		survives($session, 'MOVE ALL FROM c', '', "$where: a cursor that paused");
		is($session->state('COMMIT'), '', '... to its end');
		$session->run("ALTER SERVER $server OPTIONS (SET max_retries '0')");
		$session->quit;
	}
}

# Several scans share what one of them has found out.
foreach my $async ('true', 'false')
{
	my $session = CphSession->new($node);
	my $query = 'SELECT count(imei), count(DISTINCT phone_id) FROM ('
	  . join(' UNION ALL ', map { "SELECT * FROM $_.cph_phones" } 'public', 'other', $gateway ? 'h2' : ())
	  . ') p';
	my $rows = ($gateway ? 1350 : 900) . '|450';
	$session->run("ALTER SERVER $_ OPTIONS (ADD async_capable '$async')")
	  foreach $async eq 'true' ? ('cph', 'other', $gateway ? 'h2' : ()) : ();
	$session->run("ALTER SERVER $_ OPTIONS (SET async_capable '$async')")
	  foreach 'cph', 'other', $gateway ? 'h2' : ();
	is($session->run($query), $rows, "several servers below Append, asynchronous: $async");
	silence($_) foreach 'public', $gateway ? 'h2' : ();
	survives($session, $query, $rows, '... with dead connections');
	survives($session, $query, $rows, '... and none is left');
	cmp_ok($session->seconds, '<', $TIMEOUT, '... to wait for');
	$session->quit;
}

# A link that dies while its scan runs.
my $session = CphSession->new($node);
$node->safe_psql('postgres', q{ALTER SERVER cph OPTIONS (SET max_concurrent_requests '4', SET max_retries '1')});
$service->fault('latency', ms => 200);
my $scan = $node->background_psql('postgres', on_error_stop => 0);
my $start = time;
$scan->query_until(qr/begun/,
	"\\echo begun\nSELECT count(imei) FROM cph_phones;\n\\echo ended\n");
Time::HiRes::sleep(0.5);
cmp_ok($service->silence->{silenced}, '>', 0, 'connections die');
like($scan->query('SELECT 1'), qr/450/, '... under a running scan');
cmp_ok(time - $start, '>', $TIMEOUT, '... which waits');
cmp_ok(time - $start, '<', $TIMEOUT + $BEYOND + 1, '... not for long');
$scan->quit;
$service->clear;

# Where new connections are not to be had either, there is an error, in time.
SKIP:
{
	skip 'there is no gateway', 3 unless $gateway;
	is($session->run('SELECT count(imei) FROM h2.cph_phones'), 450, 'a query');
	$relay->silence($_) foreach 'all', 'new';
	is($session->state('SELECT count(imei) FROM h2.cph_phones'),
		'HV00N', 'no new connection either');
	cmp_ok($session->seconds, '<', 2 * $TIMEOUT + $BEYOND, '... two time-outs');
	$relay->speak;
}

# Where not even TCP acknowledges what is sent, connect_timeout is enough.
foreach my $schema ('public', $gateway ? 'h2' : ())
{
	my $server = $schema eq 'public' ? 'cph' : $schema;
	my $query = "SELECT count(imei) FROM $schema.cph_phones";
	$session->run("ALTER SERVER $server OPTIONS (SET request_timeout '60', ADD connect_timeout '$TIMEOUT', SET max_retries '0')");
	is($session->run($query), 450, "$server: a query");
	SKIP:
	{
		skip 'packets cannot be dropped here', 6 unless silence($schema)->{vanished};
		survives($session, $query, 450, '... over a link that loses packets');
		survives($session, $query, 450, '... and the next one');
	}
	$session->run("ALTER SERVER $server OPTIONS (SET request_timeout '$TIMEOUT')");
}

# A connection that has been idle for long is not used again.
$node->safe_psql('postgres', q{ALTER SERVER cph OPTIONS (ADD keepalive_idle '1')});
is($session->run('SELECT count(imei) FROM cph_phones'), 450, 'a query');
my $before = $service->stats->{connections};
Time::HiRes::sleep(2.5);
$service->silence;
is($session->run('SELECT count(imei) FROM cph_phones LIMIT 1'), 450, 'after an idle time');
cmp_ok($session->seconds, '<', 1.5, '... without a wait');
is($session->error, '', '... or an error');
cmp_ok($service->stats->{connections}, '>', $before, '... on new connections');

done_testing();
