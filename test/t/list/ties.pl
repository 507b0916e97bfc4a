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

# Those that do not fit are an error, with the ways out of it: larger pages, and a
# query that reads server by server however the planner would like to join.
options(fetch_size => 20);
shuffle(phones => 180, servers => 18, ties => 1);
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
