# The oldest rows, from the end of the list: in few requests, whatever the service
# leaves open, and while the list changes.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphTest;
use Test::More;

my ($node, $service) = CphTest::setup(phones => 5000, servers => 150);
$node->safe_psql('postgres', 'ANALYZE cph_phones, cph_servers');
my $session = CphSession->new($node);

# Passes if a query gives what it does on the copy, in order, in at most so many
# requests, the first of a session.
sub asks
{
	my ($most, $query) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$service->entries;
	CphTest::same($node, $query, ordered => 1);
	my @log = $service->log;
	cmp_ok(scalar(@log), '<=', $most, "... in $most requests") or diag join "\n", @log;
	return;
}

my $oldest = 'SELECT create_time FROM cph_phones';
asks(2, 'SELECT min(create_time) FROM cph_phones');
asks(3, 'SELECT min(create_time), max(create_time) FROM cph_phones');
asks(2, "$oldest ORDER BY create_time LIMIT 10");
asks(2, "$oldest ORDER BY create_time NULLS FIRST LIMIT 10");
asks(2, "$oldest ORDER BY create_time OFFSET 5 LIMIT 10");
asks(4, "$oldest ORDER BY create_time LIMIT 300");
asks(2, "$oldest WHERE status = 2 ORDER BY create_time LIMIT 3");
asks(4, "$oldest WHERE phone_id LIKE '%a' ORDER BY create_time LIMIT 3");
asks(2, 'SELECT min(create_time) FROM cph_servers');
asks(2, 'SELECT phone_id FROM cph_phones ORDER BY create_time, phone_id LIMIT 10');
my $middle = '(SELECT create_time FROM local_phones ORDER BY create_time OFFSET 2500 LIMIT 1)';
asks(9, "$oldest WHERE create_time >= $middle ORDER BY create_time LIMIT 10");
asks(9, "$oldest WHERE create_time > $middle ORDER BY create_time LIMIT 10");
asks(2, "$oldest WHERE create_time < $middle ORDER BY create_time LIMIT 10");
asks(2, 'SELECT min(create_time) FROM cph_phones WHERE server_id = (SELECT min(server_id) FROM local_phones)');
like(
	$node->safe_psql('postgres', "EXPLAIN $oldest ORDER BY create_time LIMIT 10"),
	qr/CPH Order: create_time ASC/,
	'the plan says so');
unlike($node->safe_psql('postgres', "EXPLAIN $oldest ORDER BY create_time"),
	qr/ASC/, 'all rows are sorted instead');

# What count says proves nothing, and pages may be shorter.
my @queries = (
	"$oldest ORDER BY create_time LIMIT 10",
	"$oldest WHERE status = 2 ORDER BY create_time LIMIT 250",
	"$oldest WHERE create_time > $middle ORDER BY create_time LIMIT 10");
foreach my $count ('all', 'page', 'absent', 'null', 'huge', 0, 1, 4999, 5001, 100_000)
{
	$service->set(count => $count);
	CphTest::same($node, $_, ordered => 1, name => "$_ (count: $count)") foreach @queries;
}
foreach my $rows (2, 7, 150)
{
	$service->set(count => 'filtered', page_cap => $rows);
	CphTest::same($node, $_, ordered => 1, name => "$_ (pages of $rows)")
	  foreach $rows > 2 ? @queries : $queries[0];
}
$service->clear;
$service->set(filters_ignored => ['status']);
CphTest::same($node, $queries[1], ordered => 1, name => 'a filter that does nothing');
$service->clear;
$service->set(invalid_filter => { status => 'CPS.0010' });
CphTest::same($node, $queries[1], ordered => 1, name => 'a filter that is not taken');
$service->clear;
$service->set(unsorted => JSON::PP::true);
is($session->state($queries[0]), 'HV000', 'pages that are not newest first');
$service->clear;
$service->set(drop_fields => ['create_time']);
is($session->state($queries[0]), 'HV00L', 'rows without a time');
$service->clear;

# Rows of one time, more than a page holds, in any order.
foreach my $ties (0.9, 0.997)
{
	$service->reset(phones => 3000, servers => 3, ties => $ties);
	CphTest::copies($node, $service);
	foreach my $shuffled (JSON::PP::false, JSON::PP::true)
	{
		$service->set(ties_shuffled => $shuffled);
		last if $shuffled && $ties > 0.99;
		CphTest::same($node, "$oldest ORDER BY create_time LIMIT $_", ordered => 1)
		  foreach 1, 10, 500, 2900;
	}
	$service->clear;
}
$service->reset(phones => 0);
CphTest::copies($node, $service);
CphTest::same($node, q{SELECT coalesce(min(create_time)::text, 'none') FROM cph_phones});

# While the list changes, what stays is returned once: all that is older than the
# newest row returned.
my $lost = my $twice = 0;
foreach my $scan (1 .. $ENV{CPH_TEST_TRIALS} // 12)
{
	my $number = (30, 250, 1000)[ $scan % 3 ];
	$service->reset(phones => 1500, servers => 3, seed => $scan, ties => (0, 0.5, 0.95)[ $scan % 3 ]);
	CphTest::copies($node, $service);
	$service->mark;
	$service->set(($scan % 2 ? 'churn' : 'replaced') => 5);
	my $rows = $session->run(
		"SELECT phone_id, extract(epoch FROM create_time) FROM cph_phones ORDER BY create_time LIMIT $number");
	is($session->error, '', "scan $scan") or next;
	my %seen;
	my $newest = 0;
	foreach (split /\n/, $rows)
	{
		my ($id, $time) = split /\|/;
		$twice += $seen{$id}++ > 0;
		$newest = $time;
	}
	my $older = $node->safe_psql('postgres',
		"SELECT phone_id FROM local_phones WHERE extract(epoch FROM create_time) < $newest");
	my %stayed = map { $_ => 1 } @{ $service->control('GET', '/_control/stayed/phones')->{ids} };
	$lost += grep { $stayed{$_} && !$seen{$_} } split /\n/, $older;
}
is($lost, 0, 'no row that stays is lost');
is($twice, 0, 'none is returned twice');

done_testing();
