
# All sessions together ask a server no faster than its options say, and as it
# asks for patience.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphLogin;
use CphSession;
use CphShared;
use CphTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $service = CphTest::service(phones => 600, servers => 20);
my $node = CphTest::node(conf => "restart_after_crash = on\n");
CphLogin::install($node);
CphTest::attach($node, $service);
my $count = q{DO $$BEGIN ASSERT (SELECT count(*) FROM cph_servers) = 20; END$$};
my $scan = q{DO $$BEGIN ASSERT (SELECT count(DISTINCT phone_id) FROM cph_phones) = 600; END$$};

sub options
{
	my (%options) = @_;
	my $old = $node->safe_psql('postgres', q{SELECT string_agg('DROP ' || option_name, ', ')
		FROM pg_foreign_server, pg_options_to_table(srvoptions)
		WHERE option_name NOT IN ('endpoint', 'project_id')});
	my $new = join ', ', map { "ADD $_ '$options{$_}'" } sort keys %options;

	$node->safe_psql('postgres', 'ALTER SERVER cph OPTIONS (' . join(', ', grep { $_ } $old, $new) . ')');
	$service->entries;
	return;
}

# What the options may be.
foreach (
	[ 'max_requests_per_second', '0', 'HV024' ], [ 'max_requests_per_second', '-1', 'HV024' ],
	[ 'max_requests_per_second', 'many', 'HV024' ], [ 'max_requests_per_second', 'nan', 'HV024' ],
	[ 'max_server_requests', '0', 'HV024' ],
	[ 'max_requests_per_second', '0.5', '' ], [ 'max_server_requests', '10000', '' ])
{
	my ($name, $value, $state) = @$_;
	like($node->safe_psql('postgres',
			"SELECT failure(\$q\$ALTER SERVER cph OPTIONS (ADD $name '$value')\$q\$)"),
		$state ? qr/^$state invalid value/ : qr/^no error/, "$name '$value'");
}

# A rate.
my $sessions = CphTest::shared() ? 50 : 1;
options(max_requests_per_second => 40);
CphShared::sessions($node, $sessions, $count, 'a rate', 100 / $sessions);
my @entries = $service->entries;
is(scalar @entries, 100, '... all requests were sent');
my $most = CphShared::most_in_time(\@entries);
cmp_ok($most, '<=', 44, "... at most the rate in any second: $most");
cmp_ok($entries[-1]{start} - $entries[0]{start}, '<', 4, '... and not much less');

# One with a fraction: a request in 0.4 seconds, not in a third or a half of one.
options(max_requests_per_second => 2.5);
CphShared::sessions($node, CphTest::shared() ? 11 : 1, $count, 'a rate of 2.5',
	CphTest::shared() ? 1 : 11);
my @starts = sort { $a <=> $b } map { $_->{start} } $service->entries;
my @gaps = sort { $a <=> $b } map { $starts[$_] - $starts[ $_ - 1 ] } 1 .. $#starts;
is(scalar @starts, 11, '... all requests were sent');
cmp_ok($starts[-1] - $starts[0], '>=', 3.6, '... in 4 seconds');
cmp_ok($gaps[5], '>', 0.36, '... not faster');
cmp_ok($gaps[4], '<', 0.47, '... nor slower: ' . join(' ', map { sprintf '%.2f', $_ } @gaps));

# A bound, also when sessions are ended.
my $bound = 6;
options(max_server_requests => $bound, fetch_size => 100);
$service->fault('latency', ms => 30);
CphShared::sessions($node, CphTest::shared() ? 50 : 1, $scan, 'a bound');
cmp_ok(CphShared::most_in_flight([ $service->entries ]), '<=', $bound, '... holds at every moment');
my $run = CphShared::start($node, 50, $scan, CphTest::shared() ? 2 : 20);
ok($node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM cph_fdw_stat_progress WHERE waits_for = 'CphTurn'}),
	'... sessions wait for their turn') if CphTest::shared();
my $event = CphTest::needs_preload() ? 'Extension' : 'CphTurn';
ok($node->poll_query_until('postgres', qq{SELECT count(*) > 0
		FROM cph_fdw_stat_progress JOIN pg_stat_activity USING (pid)
		WHERE waits_for = 'CphTurn' AND wait_event_type = 'Extension' AND wait_event = '$event'}),
	"... and are seen to, as $event") if CphTest::shared();
$node->poll_query_until('postgres', q{SELECT count(*) >= 10 FROM pg_stat_activity WHERE query ~ '^DO'});
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid)
	FROM (SELECT pid FROM pg_stat_activity WHERE query ~ '^DO' ORDER BY pid LIMIT 10) s});
is(scalar CphShared::finish($run), 10, '... those that are not ended go on');
cmp_ok(CphShared::most_in_flight([ $service->entries ]), '<=', $bound, '... and it holds')
  if CphTest::shared();
$service->clear;

# First come, first served.
if (CphTest::shared())
{
	options(max_server_requests => 1, max_retries => 0);
	$service->fault('latency', ms => 500);
	my @runs;
	foreach my $limit (11 .. 15)
	{
		push @runs, CphShared::start($node, 1, "SELECT server_id FROM cph_servers LIMIT $limit");
		sleep 0.2;
	}
	CphShared::finish($_) foreach @runs;
	is(join(' ', map { $_->{target} =~ /limit=(\d+)/ } $service->entries),
		'11 12 13 14 15', 'first come, first served');

	# Who waits can be cancelled, and holds up nobody.
	$service->clear;
	$service->fault('stall', times => 1);
	my $first = CphShared::start($node, 1, $count);
	$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM cph_fdw_stat_progress});
	my $second = CphSession->new($node);
	is($second->state("SET statement_timeout = '300ms'; $count"), '57014', 'who waits is cancelled');
	cmp_ok($second->seconds, '<', 3, '... at once');
	my $third = CphShared::start($node, 3, $count);
	sleep 0.3;
	my $pid = $node->safe_psql('postgres', q{SELECT pid FROM cph_fdw_stat_progress});
	my $start = time;
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	is(scalar CphShared::finish($first), 1, 'who had the only turn is ended');
	is(scalar CphShared::finish($third), 0, '... and it is the turn of others');
	cmp_ok(time - $start, '<', 5, '... at once');

	# A cursor that nobody fetches from any more.
	options(max_server_requests => 1, fetch_size => 100);
	$service->clear;
	$second->run('SET statement_timeout = 0');
	is($second->state('BEGIN; DECLARE c CURSOR FOR SELECT phone_id FROM cph_phones; FETCH 150 FROM c'),
		'', 'a cursor with a request in flight');
	$start = time;
	CphShared::sessions($node, 2, $count, '... holds up others');
	cmp_ok(time - $start, '<', 15, '... not for long');
	is($second->state('FETCH ALL FROM c'), '', '... and goes on');
	$second->run('COMMIT');
}

# A session's own scan, which goes on only when the query behind each of its rows
# is done, does not hold that up.
options(max_server_requests => 1, fetch_size => 100);
my $looped = CphSession->new($node);
is($looped->state(q{DO $$
	DECLARE
		row record;
		rows int := 0;
		start timestamptz;
	BEGIN
		FOR row IN SELECT phone_id FROM cph_phones LOOP
			rows := rows + 1;
			CONTINUE WHEN rows % 50 <> 0;
			start := clock_timestamp();
			PERFORM count(*) FROM cph_servers;
			ASSERT clock_timestamp() - start < interval '2 s';
		END LOOP;
		ASSERT rows = 600;
	END$$}), '', 'a query for rows of a scan');
$looped->quit;

# What one session is told to wait, all do.
options();
$service->fault('rate', n => 0, retry_after => 2, times => 1);
my $first = CphShared::start($node, 1, $count);
sleep 0.5;
my $others = CphShared::start($node, CphTest::shared() ? 10 : 1, $count);
is(CphShared::finish($first) + CphShared::finish($others), 0, 'throttled');
@starts = sort { $a <=> $b } map { $_->{start} } $service->entries;
is(scalar @starts, CphTest::shared() ? 12 : 3, '... once');
cmp_ok($starts[1] - $starts[0], '>=', CphTest::shared() ? 1.9 : 0, '... for all');
$service->clear;

# A backend that is killed while it has a turn: the server starts anew.
options(max_server_requests => 1);
$service->fault('stall', times => 1);
$run = CphShared::start($node, 1, $count);
$node->poll_query_until('postgres',
	q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '^DO' AND wait_event_type = 'Extension'});
CphShared::crash($node, $run,
	$node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE query ~ '^DO'}));
CphShared::sessions($node, 10, $count, 'after a crash');

done_testing();
