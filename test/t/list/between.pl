# Rows between two times are counted by their places in the list: in few requests,
# right whatever the service leaves open, and while the list changes.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphTest;
use POSIX qw(ceil);
use Test::More;

my ($node, $service) = CphTest::setup(phones => 20_000, servers => 700);
my $session = CphSession->new($node);

# A time that is older than a share of the phones.
sub older_than
{
	my ($share) = @_;
	return $node->safe_psql('postgres',
		"SELECT quote_literal(create_time) FROM local_phones ORDER BY create_time DESC OFFSET $share * (SELECT count(*) - 1 FROM local_phones) LIMIT 1"
	);
}

# Passes if a condition counts what it does on the copy, in at most so many requests
# if that is given.
sub counts
{
	my ($condition, $most, %options) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $list = $options{list} // 'phones';
	my $query = "SELECT count(*) FROM cph_$list WHERE $condition";
	my $wanted = $session->run(CphTest::on_copies($query));
	$service->entries;
	my $found = $session->run($query);
	is($found . $session->error, $wanted, $query . ($options{name} // ''));
	my @log = $service->log;
	cmp_ok(scalar(@log), '<=', $most, "... in $most requests") or diag join "\n", @log
	  if defined $most;
	return;
}

my ($new, $middle, $old) = map { older_than($_) } 0.1, 0.5, 0.9;
my $one = ceil(log(20_000 / 200) / log(2)) + 2;
my $most = 2 * ceil(log(20_000 / 200) / log(2)) + 4;
$session->run('ANALYZE cph_phones, cph_servers');
counts("create_time >= $middle", $one);
counts("create_time > $middle", $one);
counts("create_time < $middle", $most);
counts("create_time <= $old", $most);
counts("create_time BETWEEN $old AND $new", $most);
counts("create_time >= $old AND create_time < $middle", $most);
counts("create_time > $middle AND create_time < $middle", 0);
counts("create_time = $middle");
counts("create_time >= '1999-01-01'");
counts("create_time >= '2999-01-01'");
counts("create_time < '1999-01-01'");
counts("create_time >= 'infinity'");
counts("create_time <= '-infinity'::timestamptz", 0);
counts("create_time < '-infinity'::timestamptz AND create_time < $middle", 0);
counts("create_time > 'infinity'", 0);
counts("create_time < $middle ::timestamptz::date");
# That a filter filters is to be shown once, by the number of all before and after.
counts("status = 2 AND create_time >= $middle", $one + 2);
counts("status = 2 AND create_time BETWEEN $old AND $new", $most);
counts("status IN (2, 8) AND create_time >= $middle");
counts("(create_time, phone_id) < ($new, 'x')");
counts("create_time >= $middle AND phone_name LIKE '%1'");
counts("create_time >= $middle", undef, list => 'servers');
counts("create_time BETWEEN $old AND $new", undef, list => 'servers');
my $explained = $session->run("EXPLAIN (VERBOSE) SELECT count(*) FROM cph_phones WHERE create_time >= $middle AND create_time < $new");
like($explained, qr/CPH Count: true/, 'the plan counts');
like($explained, qr/CPH Counts: by the places of create_time in the list/, 'it says by what');
like($explained, qr/EXACT: create_time >= '.*EXACT: create_time < '/s, 'and what it takes for exact');
$session->run('ALTER SERVER cph OPTIONS (ADD fdw_request_cost \'1\')');
like(
	$session->run("EXPLAIN (VERBOSE) SELECT count(*) FROM cph_servers WHERE create_time BETWEEN $old AND $new"),
	qr/CPH Not Counted: reading is expected to be cheaper/,
	'VERBOSE says why not');
$session->run('ALTER SERVER cph OPTIONS (DROP fdw_request_cost)');

# Whatever count says, and however long pages are.
my @conditions = (
	"create_time >= $middle",
	"create_time < $old",
	"status = 2 AND create_time BETWEEN $old AND $new");
foreach my $count ('all', 'page', 'absent', 'null', 0, 1, 19_999, 100_000)
{
	$service->set(count => $count);
	counts($_, undef, name => " (count: $count)") foreach @conditions;
}
$service->set(count => 'filtered', page_cap => 70);
counts($_, undef, name => ' (short pages)') foreach @conditions;
$service->clear;
foreach my $setting (
	[ filters_ignored => ['status'] ],
	[ filters_ignored => [ 'status', 'create_since' ] ],
	[ invalid_filter => { status => 'CPS.0010' } ],
	[ ties_shuffled => JSON::PP::true ])
{
	$session->run('SELECT cph_fdw_disconnect_all()');
	$service->set(@$setting);
	counts($_, undef, name => " ($setting->[0])")
	  foreach "create_time >= $middle", "status = 2 AND create_time >= $middle",
	  "status = 2 AND create_time BETWEEN $old AND $new";
	$service->clear;
}
$session->run('ALTER SERVER cph OPTIONS (ADD enable_order_pushdown \'false\')');
counts($_, undef, name => ' (no order)') foreach @conditions;
$session->run('ALTER SERVER cph OPTIONS (DROP enable_order_pushdown)');

# A filter that does nothing, where all rows around the places match by chance.
$service->reset(phones => 6000);
$service->control('POST', '/_control/update',
	{ list => 'phones', index => 0, n => 6000, set => { status => 2 } });
$service->control('POST', '/_control/update',
	{ list => 'phones', index => 1500, n => 100, set => { status => 8 } });
CphTest::copies($node, $service);
($new, $middle, $old) = map { older_than($_) } 0.1, 0.5, 0.9;
foreach my $ignored ([], ['status'])
{
	$session->run('SELECT cph_fdw_disconnect_all()');
	$service->set(filters_ignored => $ignored);
	counts($_, undef, name => " (ignored: @$ignored)")
	  foreach "status = 2 AND create_time >= $middle",
	  "status = 2 AND create_time BETWEEN $old AND $new",
	  "status = 2 AND create_time >= $new";
}
$service->clear;

# Many rows of one time.
$service->reset(phones => 6000, ties => 0.998);
CphTest::copies($node, $service);
($new, $middle, $old) = map { older_than($_) } 0.1, 0.5, 0.9;
counts($_)
  foreach "create_time >= $middle", "create_time > $middle",
  "create_time = $middle", "create_time BETWEEN $old AND $new";

# While the list changes, a count is one that it had meanwhile: phones between two
# times only go, and those that are newer only come.
my $wrong = 0;
my $trials = $ENV{CPH_TEST_TRIALS} // 20;
foreach my $scan (1 .. $trials)
{
	$session = CphSession->new($node) if $scan % 20 == 0;	# its time is limited
	$service->reset(phones => 5000, seed => $scan, ties => $scan % 2 ? 0.3 : 0.95);
	CphTest::copies($node, $service);
	($middle, $old) = map { older_than($_) } 0.5, 0.9;
	my $where = "create_time >= $old AND create_time < $middle";
	my $before = $node->safe_psql('postgres', "SELECT count(*) FROM local_phones WHERE $where");
	$service->set(replaced => 3);
	my $found = $session->run("SELECT count(*) FROM cph_phones WHERE $where");
	$service->set(replaced => 0);
	CphTest::copies($node, $service);
	my $after = $node->safe_psql('postgres', "SELECT count(*) FROM local_phones WHERE $where");
	$wrong++ unless $session->error eq '' && $found <= $before && $found >= $after;
}
is($wrong, 0, 'while phones are replaced');

done_testing();
