# A query ends within 100 ms of being told to, whatever the service or the
# network is doing: the median of twenty.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphLogin;
use CphSession;
use CphTest;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time sleep);

my $times = $ENV{CPH_TEST_TIMES} // 20;
my $timeout = 50;

# A look-up that takes a minute, for the server alone.
my ($node, $built) = CphTest::node_with('slow_names.c');
my $service = CphTest::service(phones => 450);
CphTest::attach(
	$node, $service,
	copies => 0,
	server => { fetch_size => 50, throttle_timeout => 300, max_retries => 10 });

# Accepts connections, and says nothing.
my $silent = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1')
  or die "listen: $!";

# Does not even accept: its queue is full.
my $full = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
  or die "listen: $!";
my @fill = map {
	IO::Socket::INET->new(
		PeerAddr => '127.0.0.1',
		PeerPort => $full->sockport,
		Blocking => 0)
} 1 .. 8;

# Without authorities to trust no handshake begins; the machine may have none.
my $authority = CphLogin::have_openssl()
  ? CphLogin::authority(PostgreSQL::Test::Utils::tempdir(), 'authority') : undef;

# A server like cph at another place, and a table of it.
sub at
{
	my ($name, $endpoint) = @_;
	my $trust = $authority ? "sslrootcert '$authority'," : '';
	$node->safe_psql(
		'postgres', qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER cph_fdw OPTIONS (
			endpoint '$endpoint', project_id '$CphTest::PROJECT',
			$trust connect_timeout '60', max_retries '10');
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (token 'x');
		CREATE FOREIGN TABLE $name (phone_name text) SERVER $name
			OPTIONS (resource 'phones');});
	return;
}
at('unnamed', 'https://cph.slow.test');
at('unconnected', 'http://127.0.0.1:' . $full->sockport);
at('handshake', 'https://127.0.0.1:' . $silent->sockport);
at('closed', 'http://127.0.0.1:9');
$node->safe_psql(
	'postgres', q{
	CREATE FOREIGN TABLE again (phone_name text) SERVER cph
		OPTIONS (resource 'phones');
	CREATE VIEW twice AS SELECT phone_name FROM cph_phones
		UNION ALL SELECT phone_name FROM again;});

# A state: its name, a table to read, and faults.
my @states = (
	[ 'connecting', 'unconnected' ],
	[ 'TLS handshake', 'handshake' ],
	[ 'backing off, unconnected', 'closed' ],
	[ 'waiting', 'cph_phones', 'stall' ],
	[ 'waiting for a page read ahead', 'cph_phones', 'stall', after => 3 ],
	[ 'in the headers', 'cph_phones', 'stall', where => 'headers' ],
	[ 'in the body', 'cph_phones', 'stall', where => 'body' ],
	[ 'dripping', 'cph_phones', 'drip', bps => 1 ],
	[ 'backing off', 'cph_phones', 'status', status => 503, retry_after => 60 ],
	[ 'below Append', 'twice', 'stall' ],
	[ 'below Append, dripping', 'twice', 'drip', bps => 1 ],
	[ 'below Append, backing off', 'twice', 'status', status => 503, retry_after => 60 ],
	[ 'throttled', 'cph_phones', 'status', status => 429, retry_after => 60 ],
	[ 'below Append, throttled', 'twice', 'status', status => 429, retry_after => 60 ]);
unshift @states, [ 'looking up a name', 'unnamed' ] if $built;

my $session = CphSession->new($node);

# The middle one of some numbers.
sub median
{
	my @sorted = sort { $a <=> $b } @_;
	return $sorted[ @sorted / 2 ];
}

# How long after its statement_timeout a query ends, in ms.
sub overrun
{
	my ($table) = @_;

	my $rows = $session->run(
		"\\timing on\nSELECT count(phone_name) FROM $table;\n\\timing off");
	return ($session->error =~ /ERROR: +(\w+):/, ($rows =~ /Time: ([0-9.]+) ms/)[0] - $timeout);
}

# How long after a call of a function another session's query ends, in ms.  The
# call is of a session that is open: the start of one is not measured.
sub ended_by
{
	my ($function, $table) = @_;

	my $mine = CphSession->new($node);
	my $psql = $mine->{psql};
	$psql->query_until(qr/begun/,
		"\\echo begun\nSELECT count(phone_name) FROM $table;\n\\echo ended\n");
	sleep 0.1;
	my $pid = $mine->pid;
	my $start = time;
	$session->run("SELECT $function($pid)");
	my $busy = 1;
	while ($busy && time - $start < 10)
	{
		$busy = $session->run(
			"SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND state = 'active'");
	}
	my $ms = (time - $start) * 1000;
	eval { $mine->quit };
	return $ms;
}

foreach my $state (@states)
{
	my ($name, $table, $fault, %arguments) = @$state;

	$service->fault($fault, %arguments) if $fault;
	$session->run("SET statement_timeout = $timeout");
	my (%codes, @overruns);
	for (1 .. $times)
	{
		my ($code, $ms) = overrun($table);
		$codes{ $code // 'none' } = 1;
		push @overruns, $ms;
	}
	is(join(' ', sort keys %codes), '57014', "$name: SQLSTATE");
	my $median = median(@overruns);
	cmp_ok($median, '<', 100, sprintf('%s: ended %.1f ms late', $name, $median));
	note sprintf('%s: median %.1f ms, most %.1f ms', $name, $median, (sort { $b <=> $a } @overruns)[0]);
	$session->run('RESET statement_timeout');
	foreach my $function ('pg_cancel_backend', 'pg_terminate_backend')
	{
		my $ms = ended_by($function, $table);
		cmp_ok($ms, '<', 1000, sprintf('%s: %s, %.0f ms', $name, $function, $ms));
	}
	$service->clear;
}

# The SQLSTATE of a terminated query is in the log.
like(slurp_file($node->logfile), qr/terminating connection due to administrator command/,
	'terminated as usual');

# Nothing is left: the session's queries work, and its descriptors are few.
$session->run('SELECT cph_fdw_disconnect_all()');
is($session->run('SELECT count(phone_name) FROM twice'), '900', 'next query');
$session->run('SELECT cph_fdw_disconnect_all()');
my $open;
for (1 .. 50)
{
	$open = $service->stats->{open_connections};
	last if $open == 0;
	sleep 0.1;
}
is($open, 0, 'no connection is left open');

done_testing();
