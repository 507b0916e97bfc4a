# A backend that ends while requests are in flight takes them with it, however
# it ends; so does a transaction, and a server.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphAfter;
use CphSession;
use CphTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

# In a library that the postmaster has loaded nothing may be open before a fork.
my ($node, $service) = CphTest::setup(
	phones => 600,
	node => {
		conf => "shared_preload_libraries = 'cph_fdw'\nclient_connection_check_interval = '100ms'\n"
	},
	attach => { server => { fetch_size => 50 } });
$node->safe_psql(
	'postgres', q{
	CREATE FOREIGN TABLE again (phone_id text, imei text) SERVER cph OPTIONS (resource 'phones');
	CREATE VIEW twice AS SELECT imei FROM cph_phones UNION ALL SELECT imei FROM again;});

# A session that waits for the service in a query, with some pages read.
sub waiting
{
	my ($query, %fault) = @_;

	my $session = CphSession->new($node);
	$service->fault('stall', after => 3, %fault);
	$session->{psql}->query_until(qr/begun/, "\\echo begun\n$query;\n");
	CphAfter::wait_for_requests($service, 1);
	return $session;
}

# Passes if the backend is gone within a few seconds; ends the test if not.
sub gone
{
	my ($session, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $there;
	for (1 .. 100)
	{
		$there = kill 0, $session->pid;
		last if !$there;
		sleep 0.05;
	}
	ok(!$there, "$name: the backend ends") or die 'it does not';
	eval { $session->quit };
	return;
}

my %queries = (
	'a scan' => 'SELECT count(imei) FROM cph_phones',
	'below Append' => 'SELECT count(imei) FROM twice',
	'the inner side of a join' => q{SELECT count(p.imei) FROM local_servers s,
	  LATERAL (SELECT imei FROM cph_phones WHERE server_id = s.server_id) p},
	'within a function' => q{DO $$ BEGIN PERFORM imei FROM cph_phones;
	  EXCEPTION WHEN OTHERS THEN RAISE EXCEPTION 'not to be caught'; END $$});
my %ends = (
	'pg_terminate_backend' => sub {
		$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . $_[0]->pid . ')');
	},
	'a client that is gone' => sub { $_[0]->{psql}->{run}->kill_kill(grace => 0) },);
foreach my $how (sort keys %ends)
{
	foreach my $what (sort keys %queries)
	{
		my $session = waiting($queries{$what});
		$ends{$how}->($session);
		gone($session, "$how, $what");
		CphAfter::nothing_left($node, $service, "$how, $what");
	}
}

# Ways to end a query or a session that PostgreSQL has of its own.
my $session = CphSession->new($node);
$service->fault('stall', after => 3, where => 'body');
is($session->state("SET statement_timeout = 200; $queries{'below Append'}"),
	'57014', 'statement_timeout');
is($session->run('RESET statement_timeout; SELECT cph_fdw_disconnect_all()'),
	't', '... after which the session goes on');
CphAfter::nothing_left($node, $service, 'statement_timeout');
$session->quit;

foreach my $limit (
	[ 'idle_in_transaction_session_timeout', 'BEGIN; DECLARE c CURSOR FOR SELECT imei FROM cph_phones; FETCH 60 FROM c' ],
	[ 'idle_session_timeout', 'SELECT count(imei) FROM cph_phones' ])
{
	my ($setting, $queries) = @$limit;

	my $idle = CphSession->new($node);
	$idle->run("SET $setting = 200");
	$idle->run($queries);
	gone($idle, $setting);
	CphAfter::nothing_left($node, $service, $setting);
}
like(slurp_file($node->logfile), qr/FATAL: .*idle-in-transaction timeout/, 'it is that one');

# A client that leaves a transaction with cursors, of which one is waited for.
my $leaves = CphSession->new($node);
$leaves->run('BEGIN; DECLARE a CURSOR FOR SELECT imei FROM cph_phones; DECLARE b CURSOR WITH HOLD FOR SELECT imei FROM again; FETCH 60 FROM a; FETCH 60 FROM b');
$leaves->quit;
gone($leaves, 'open cursors');
CphAfter::nothing_left($node, $service, 'open cursors');

# The server's own end.
foreach my $mode ('fast', 'immediate')
{
	my @sessions = map { waiting($_) } @queries{ 'a scan', 'below Append' };
	my $start = time;
	$node->stop($mode);
	cmp_ok(time - $start, '<', 20, "pg_ctl stop -m $mode ends queries that wait");
	gone($_, "pg_ctl stop -m $mode") foreach @sessions;
	$node->start;
	CphAfter::nothing_left($node, $service, "pg_ctl stop -m $mode");
}

$node->stop;
done_testing();
