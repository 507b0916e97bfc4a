# Rows of one create_time that stand in another order on each page: never a
# short answer.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphTest;
use Test::More;

my ($node, $service) = CphTest::setup(phones => 10);
my $session = CphSession->new($node);

# The options of the server.
sub options
{
	my (%options) = @_;
	$node->safe_psql('postgres',
		join '', map { "ALTER SERVER cph OPTIONS (SET $_ '$options{$_}');" }
		  sort keys %options);
	return;
}

# New phones, whose ties are shuffled from then on.
sub shuffle
{
	my (%phones) = @_;
	$service->reset(%phones);
	CphTest::copies($node, $service);
	$service->set(ties_shuffled => JSON::PP::true);
	return;
}

$node->safe_psql('postgres',
	q{ALTER SERVER cph OPTIONS (ADD stable_ties 'true', ADD fetch_size '200', ADD enable_order_pushdown 'true')}
);

# Where the order of ties is relied on, an answer is right or an error.
my @queries = map { "SELECT phone_id FROM cph_phones WHERE $_" }
  ('true', 'status = 2', 'server_id = (SELECT min(server_id) FROM local_phones)');
my ($right, $wrong, $other) = (0, 0, 0);
foreach my $seed (1 .. 8)
{
	options(fetch_size => (200, 100, 50, 20)[ $seed % 4 ]);
	shuffle(phones => 400, servers => 3, seed => $seed, ties => 0.2 + $seed / 10);
	foreach my $count ('filtered', 'all', 'absent')
	{
		$service->set(count => $count);
		foreach my $query (@queries)
		{
			my $rows = $session->run($query);
			if ($session->error eq '')
			{
				my $short = $session->run("SELECT count(*) FROM (" . CphTest::on_copies($query) . ') AS l')
				  - (() = $rows =~ /^\w/mg);
				$short == 0 ? $right++ : $wrong++;
			}
			elsif ($session->error !~
				/ERROR: +HV000: .* cannot be read reliably.*HINT: .*stable_ties/s)
			{
				$other++;
				diag $session->error;
			}
		}
	}
}
is($wrong, 0, 'no answer is short');
is($other, 0, 'an error names the option');
cmp_ok($right, '<', 60, 'most scans are errors');

# Ties that fit a page are read whole, if the server is told so.
options(stable_ties => 'false', fetch_size => 200);
foreach my $seed (1, 2)
{
	shuffle(phones => 1000, servers => 3, seed => $seed, ties => 0.8);
	foreach my $count ('filtered', 'absent')
	{
		$service->set(count => $count);
		CphTest::same($node, $_, name => "$_ ($count, $seed)") foreach @queries;
	}
}
$service->set(count => 'filtered');
CphTest::same($node,
	'SELECT phone_id FROM cph_phones ORDER BY create_time DESC, phone_id LIMIT 300');

# Those that do not fit are read server by server, if these have as many rows as all
# of the list; what was read before is not returned twice.
sub in_parts
{
	my ($query, $most) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$service->entries;
	CphTest::same($node, $query);
	my @log = $service->log;
	my $parts = grep { /[?&]server_id=/ } @log;
	cmp_ok($parts, '>=', 18, "in parts: $query");
	cmp_ok(scalar(@log), '<=', $most, 'requests') or diag join "\n", @log;
	return;
}
options(fetch_size => 20);
foreach my $ties (1, 0.9)
{
	shuffle(phones => 180, servers => 18, ties => $ties);
	my $time = $node->safe_psql('postgres',
		q{SELECT to_char(create_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM local_phones ORDER BY create_time DESC OFFSET 60 LIMIT 1});
	$service->control('POST', '/_control/update',
		{ list => 'phones', index => 60, n => 80, set => { create_time => $time } });
	CphTest::copies($node, $service);
	# some of the list, its number and the proof of that; the servers; each; the number
	in_parts($_, 8 + 3 + 2 + 18 + 2)
	  foreach 'SELECT phone_id FROM cph_phones',
	  q{SELECT phone_id, status FROM cph_phones WHERE imei LIKE '%7%'},
	  'SELECT status, count(imei) FROM cph_phones WHERE status IN (0, 2, 3) OR imei IS NOT NULL GROUP BY 1';
}
like($node->safe_psql('postgres', 'EXPLAIN (ANALYZE, COSTS OFF) SELECT phone_id FROM cph_phones'),
	qr/CPH Parts: 18 values of server_id/, 'EXPLAIN of parts');
CphTest::same($node, 'SELECT count(*) FROM (SELECT phone_id FROM cph_phones LIMIT 150) AS p');
CphTest::same($node, $_)
  foreach 'SELECT phone_id FROM cph_phones UNION ALL SELECT phone_id FROM cph_phones WHERE imei IS NOT NULL',
  q{SELECT g, phone_id FROM generate_series(1, 3) AS g, LATERAL (SELECT phone_id FROM cph_phones WHERE imei <> g::text OFFSET 0) AS p},
  q{SELECT s.server_id, p.phone_id FROM local_servers s JOIN (SELECT * FROM cph_phones OFFSET 0) AS p USING (server_id)};

# The list of servers may be of one time as well, and more than a page is to have.
shuffle(phones => 240, servers => 40, ties => 1);
CphTest::same($node, 'SELECT phone_id FROM cph_phones', name => 'forty servers of one time');
shuffle(phones => 180, servers => 18, ties => 1);

# Not so where the number is not told, or is that of something else; where a phone is
# of a server that is not listed; nor where rows are wanted in order.
$service->set(count => $_),
  is($session->state('SELECT phone_id FROM cph_phones'), 'HV000', "a group of ties, count $_")
  foreach ('absent', 'page');
$service->set(count => 'filtered');
is($session->state('SELECT phone_id FROM cph_phones ORDER BY create_time DESC'),
	'HV000', 'a group of ties in order');
$service->control('POST', '/_control/update',
	{ list => 'phones', index => 9, n => 1, set => { server_id => '0123456789abcdef0123456789abcdef' } });
is($session->state('SELECT phone_id FROM cph_phones'), 'HV000', 'a phone of a server that is not listed');

# Nor where a server has no id.
shuffle(phones => 180, servers => 18, ties => 1);
$service->control('POST', '/_control/update', { list => 'servers', index => 3, n => 1, set => { server_id => undef } });
is($session->state('SELECT phone_id FROM cph_phones'), 'HV000', 'a server without an id');

# No phone is lost or found twice where phones go and come: at most it is an error.
my ($lost, $other_error) = (0, 0);
foreach (1 .. 12)
{
	$service->reset(phones => 180, servers => 18, ties => 1, seed => $_);
	$service->set(ties_shuffled => JSON::PP::true, replaced => 1);
	$service->control('POST', '/_control/mark', {});
	my @found = $session->run('SELECT phone_id FROM cph_phones') =~ /^\w+/mg;
	my $judged = $service->control('POST', '/_control/judge/phones', { ids => \@found });
	if ($session->error eq '')
	{
		$lost += @{ $judged->{lost} } + @{ $judged->{strange} } + @{ $judged->{twice} };
	}
	elsif ($session->error !~ /HV000/)
	{
		$other_error++;
	}
}
is("$lost $other_error", '0 0', 'a group of ties in a list that changes');

# An error has the ways out of it: larger pages, and a query that reads server by
# server however the planner would like to join.
shuffle(phones => 180, servers => 18, ties => 1);
$service->set(count => 'absent');
is($session->state('SELECT phone_id FROM cph_phones'),
	'HV000', 'a group of ties that is larger than a page');
like(
	$session->error,
	qr/More rows of one time follow each other than a page holds.*HINT: .*"fetch_size", which can be 200/s,
	'... hints to ask for larger pages');
my ($by_server) = $session->error =~ /in parts: (FROM .*)\.$/m;
CphTest::same($node, "SELECT t.phone_id $by_server");
options(fetch_size => 200);
CphTest::same($node, 'SELECT phone_id FROM cph_phones');
$service->set(count => 'filtered');
options(fetch_size => 20);
shuffle(phones => 60, servers => 1, ties => 1);
is( $session->state(
		'SELECT * FROM cph_phones WHERE server_id = (SELECT server_id FROM cph_servers)'),
	'HV000', 'a group of ties of one server');
unlike($session->error, qr/FROM cph_servers/, '... no hint to what was done');
shuffle(phones => 300, servers => 30, ties => 1);

# Stable ties are no matter, however many there are.
options(stable_ties => 'true');
$service->set(ties_shuffled => JSON::PP::false);
CphTest::same($node, 'SELECT phone_id FROM cph_phones', ordered => 1);

# Where nothing is relied on, all that is lost is found out by the count.
options(enable_order_pushdown => 'false', fetch_size => 20);
CphTest::same($node, 'SELECT phone_id FROM cph_phones');
$service->set(ties_shuffled => JSON::PP::true);
is($session->state('SELECT phone_id FROM cph_phones'),
	'HV000', 'a list without any order');

done_testing();
