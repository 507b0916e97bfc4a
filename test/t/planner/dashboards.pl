
# What dashboards ask: phones and servers by status, and those of some statuses; the
# oldest, those since a time, and one by its id.  Counts, places and locations answer
# it in a handful of requests where they prove what they say; else the list is read.
# CPH_TEST_TRIALS=200 test/check dashboards tries each reading so often.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use Test::More;

my ($node, $service) = CphTest::setup(phones => 20_000, servers => 3_000);

# The number of pages that the rows of a query on the copies take.
sub pages
{
	my ($condition, $list) = @_;
	my $size = $list eq 'phones' ? 199 : 99;
	my $rows = $node->safe_psql('postgres',
		"SELECT coalesce(sum(greatest(1, ceil((n - 1) / $size.0))), 0) FROM (
			SELECT count(*) AS n FROM local_$list WHERE $condition GROUP BY status) AS s");
	return int $rows;
}

# Passes if the query takes so many requests at most of a session that begins with
# nothing known, and answers as a copy.
sub takes
{
	my ($most, $query) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	CphTest::forget($node);
	$service->entries;
	CphTest::same($node, $query);
	my @log = $service->log;
	cmp_ok(scalar(@log), '<=', $most, "requests: $query")
	  or diag join "\n", @log;
	return;
}

# Twelve values, the number of all before and after, and a proof, of which a
# session needs one; the values that may find others as well are read.
my $all = 15 - 1 + pages('status IN (0, 1)', 'phones');
my @grouped = (
	'SELECT status, count(*) FROM cph_phones GROUP BY status',
	'SELECT cph_phone_status(status), count(*) FROM cph_phones GROUP BY 1 HAVING count(*) > 50 ORDER BY 1',
	'SELECT DISTINCT status FROM cph_phones',
	'SELECT status > 2, count(*), sum(1), count(DISTINCT status) FROM cph_phones GROUP BY 1',
	'SELECT count(*) FROM cph_phones WHERE status <> 2',
	'SELECT count(*) FROM cph_phones WHERE status NOT IN (2, 8)',
	'SELECT count(*) FROM cph_phones WHERE status < 0',
	'SELECT count(*) FROM cph_phones WHERE status BETWEEN -9 AND -5',
	'SELECT count(*) FROM cph_phones WHERE status > 2',
	q{SELECT count(*) FROM cph_phones WHERE cph_phone_status(status) <> 'running'},
	'SELECT s, n FROM (SELECT status AS s, count(*) AS n FROM cph_phones GROUP BY 1) AS x WHERE n > 100');
my @told_apart = (
	'SELECT count(*) FILTER (WHERE status = 2) FROM cph_phones',
	'SELECT sum(CASE WHEN status = 2 THEN 1 ELSE 0 END), count(*) FROM cph_phones',
	'SELECT count(CASE WHEN status = 2 THEN 1 END), sum(1) FROM cph_phones');
my @of_some = (
	'SELECT phone_id, status FROM cph_phones WHERE status <> 2',
	'SELECT * FROM cph_phones WHERE status NOT IN (2, 8)',
	'SELECT phone_id FROM cph_phones WHERE status < 0',
	q{SELECT phone_id FROM cph_phones WHERE cph_phone_status(status) NOT IN ('running', 'stopped')});

# Times that are older than a tenth, a half and nine tenths of the phones, and ten ids.
sub some_of_fleet
{
	my @times = split /\n/, $node->safe_psql('postgres', q{SELECT quote_literal(create_time) FROM local_phones,
		(SELECT count(*) - 1 AS last FROM local_phones) AS n, unnest(ARRAY[0.1, 0.5, 0.9]) AS share
		WHERE phone_id = (SELECT phone_id FROM local_phones ORDER BY create_time DESC, phone_id OFFSET (share * last)::int LIMIT 1)
		ORDER BY create_time DESC});
	my @ids = split /\n/, $node->safe_psql('postgres',
		'SELECT quote_literal(phone_id) FROM local_phones ORDER BY md5(phone_id) LIMIT 10');
	return (@times, \@ids);
}

# The rest of the questions, for the fleet as it is: each the most requests that it
# takes at 20,000 phones, and a query.
sub more_questions
{
	my ($new, $middle, $old, $ids) = some_of_fleet();
	my $in = join ', ', @$ids;
	my $places = 2 * 7 + 4;

	return (
		[ 3, 'SELECT min(create_time) FROM cph_phones' ],
		[ 3, 'SELECT min(create_time), max(create_time) FROM cph_phones' ],
		[ 3, 'SELECT create_time FROM cph_phones ORDER BY create_time LIMIT 10' ],
		[ $places, "SELECT count(*) FROM cph_phones WHERE create_time >= $middle" ],
		[ $places, "SELECT count(*) FROM cph_phones WHERE create_time < $old" ],
		[ $places, "SELECT count(*) FROM cph_phones WHERE create_time BETWEEN $old AND $new" ],
		[ $places + 2, "SELECT count(*) FROM cph_phones WHERE status = 2 AND create_time BETWEEN $old AND $new" ],
		[ $places + 2, "SELECT count(*) FROM cph_phones WHERE status = 8 AND create_time >= $middle" ],
		[ 2 * 5 + 4, "SELECT count(*) FROM cph_servers WHERE create_time >= '2024-01-20'" ],
		[ 3, "SELECT phone_id, status FROM cph_phones WHERE phone_id = $ids->[0]" ],
		[ 20, "SELECT phone_id, status FROM cph_phones WHERE phone_id IN ($in)" ],
		[ 20, 'SELECT p.phone_id, p.status FROM tickets JOIN cph_phones p USING (phone_id)' ]);
}

$service->set(creating => 'all');
$node->safe_psql('postgres',
	'CREATE TABLE tickets AS SELECT phone_id FROM local_phones ORDER BY md5(phone_id) LIMIT 10; ANALYZE tickets; ANALYZE cph_servers');
takes(@$_) foreach more_questions();
takes($all, $_) foreach @grouped;
takes(4, $_) foreach @told_apart;
takes(6, 'SELECT count(*) FILTER (WHERE status = 2), count(*) FILTER (WHERE status IN (8, 7)), count(*) FROM cph_phones');
$node->safe_psql('postgres', 'ALTER FOREIGN TABLE cph_phones ALTER status SET NOT NULL');
takes(4, $told_apart[0]);
$node->safe_psql('postgres', 'ALTER FOREIGN TABLE cph_phones ALTER status DROP NOT NULL');
takes(5, q{SELECT CASE WHEN status = 2 THEN 'on' WHEN status IN (7, 8) THEN 'off' ELSE 'other' END, count(*) FROM cph_phones GROUP BY 1});
takes(1, 'SELECT sum(1) FROM cph_phones');
takes(1, 'SELECT count(*), sum(1), max(2) FROM cph_phones');
takes(4, 'SELECT status, count(*) FROM cph_phones WHERE status IN (8, 7) GROUP BY status');
my $again = pages('status IN (0, 1)', 'phones');
takes($all + $again + pages('status NOT IN (0, 1, 2)', 'phones'), $of_some[0]);
takes($all + $again + pages('status NOT IN (0, 1, 2, 8)', 'phones'), $of_some[1]);
takes($all + $again + pages('status < 0', 'phones'), $of_some[2]);
# The planner takes a list of servers for a short one, until it knows better.
$node->safe_psql('postgres', 'ANALYZE cph_servers');
takes(7 + 4 * pages('status IN (0, 1, 3, 4)', 'servers') + 4, $_)
  foreach ('SELECT status, count(*) FROM cph_servers GROUP BY status',
	'SELECT cph_server_status(status), count(*) FROM cph_servers GROUP BY 1');
takes(5, 'SELECT network_version, count(*) FROM cph_servers GROUP BY 1');

# In a session that has shown how it counts there are as many as values.
{
	my $query = $grouped[0];
	my $rows = $node->safe_psql('postgres', CphTest::on_copies("$query ORDER BY 1"));
	$service->entries;
	is( $node->safe_psql('postgres', "$query ORDER BY 1; SELECT 'then'; $query ORDER BY 1"),
		"$rows\nthen\n$rows",
		'one session');
	my @log = $service->log;
	cmp_ok(scalar(@log), '<=', $all + 13, 'requests of two queries of a session');
}

# A union of regions asks each of them.
$node->safe_psql('postgres', q{
	CREATE VIEW all_cph_phones AS SELECT 'a' AS region, * FROM cph_phones UNION ALL SELECT 'b', * FROM cph_phones;
	CREATE VIEW all_local_phones AS SELECT 'a' AS region, * FROM local_phones UNION ALL SELECT 'b', * FROM local_phones;});
$service->entries;
is( $node->safe_psql('postgres', 'SELECT region, status, count(*) FROM all_cph_phones GROUP BY 1, 2 ORDER BY 1, 2'),
	$node->safe_psql('postgres', 'SELECT region, status, count(*) FROM all_local_phones GROUP BY 1, 2 ORDER BY 1, 2'),
	'a union');
my @union = $service->log;
cmp_ok(scalar(@union), '<=', $all + 13, 'requests of a union');
$node->safe_psql('postgres', 'DROP VIEW all_cph_phones, all_local_phones');

# EXPLAIN says what is counted, how that is proved, and why not.
my $explained = $node->safe_psql('postgres', "EXPLAIN $grouped[0]");
like($explained, qr/CPH Counts: one per value of status, proved by the total/, 'EXPLAIN of every value');
like($node->safe_psql('postgres', "EXPLAIN $told_apart[0]"),
	qr/CPH Counts: the values of status that are told apart, and the total/, 'EXPLAIN of some values');
like($node->safe_psql('postgres', 'EXPLAIN SELECT sum(1) FROM cph_phones'),
	qr/CPH Counts: all rows/, 'EXPLAIN of all rows');
like($node->safe_psql('postgres', 'EXPLAIN VERBOSE SELECT imei, count(*) FROM cph_phones GROUP BY 1'),
	qr/CPH Not Counted: a column is wanted that no filter tells/, 'EXPLAIN says why not');
$node->safe_psql('postgres', q{ALTER SERVER cph OPTIONS (ADD enable_count_pushdown 'false')});
unlike($node->safe_psql('postgres', "EXPLAIN $grouped[0]"), qr/CPH Counts/, 'switched off');
$node->safe_psql('postgres', q{ALTER SERVER cph OPTIONS (DROP enable_count_pushdown)});

# A value that no row has is not looked at twice: it may be an error to.
is($node->safe_psql('postgres', 'SELECT count(phone_id) FROM cph_phones WHERE 100 / (status - 5) > 1000'),
	0, 'a clause that fails for a value that no row has');

# However the service is to be read, the answers are those of a copy.
sub all_same
{
	my ($name, @queries) = @_;
	CphTest::forget($node);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	CphTest::same($node, $_, name => "$name: $_") foreach @queries;
	return;
}
$service->reset(phones => 6_000, servers => 100);
CphTest::copies($node, $service);
my @readings = (
	[ 'own numbers' => () ],
	[ 'count of everything' => (count => 'all') ],
	[ 'no count' => (count => 'absent') ],
	[ 'count of the page' => (count => 'page') ],
	[ 'filters ignored' => (filters_ignored => ['status']) ],
	[ 'a value refused' => (invalid_filter => { status => 'CPS.0010' }) ]);
foreach my $reading (@readings)
{
	my ($name, %settings) = @$reading;
	$service->clear;
	$service->set(%settings) if %settings;
	all_same($name, @grouped, @told_apart, @of_some, map { $_->[1] } more_questions());
}

# Statuses that no document lists, and none at all; then a fleet of one status.
$service->clear;
$service->set(creating => 'all');
foreach my $status (99, undef)
{
	$service->control('POST', '/_control/update',
		{ list => 'phones', index => 30, n => 3, set => { status => $status } });
	CphTest::copies($node, $service);
	all_same(defined $status ? 'undocumented' : 'null', @grouped, @told_apart, @of_some,
		map { $_->[1] } more_questions());
}
$service->control('POST', '/_control/update',
	{ list => 'phones', index => 0, n => 6_000, set => { status => 2 } });
CphTest::copies($node, $service);
all_same('one status', @grouped, @told_apart);
foreach my $settings ({ count => 'page' }, { count => 'all' })
{
	$service->set(%$settings);
	all_same('one status, ' . $settings->{count}, @grouped, @told_apart);
}

# Phones swap their statuses after each request: the numbers stay.  Phones go and
# others come: none that stays is lost or found twice.
$service->reset(phones => 6_000);
CphTest::copies($node, $service);
$service->set(creating => 'all', swapped => 1);
CphTest::forget($node);
my $wanted = $node->safe_psql('postgres', CphTest::on_copies("$grouped[0] ORDER BY 1"));
my $trials = $ENV{CPH_TEST_TRIALS} // 20;
my $wrong = 0;
$wrong += $node->safe_psql('postgres', "$grouped[0] ORDER BY 1") ne $wanted
  for 1 .. $trials;
is($wrong, 0, 'numbers by status while phones swap them');
$service->set(creating => 'all', swapped => 2, replaced => 1);
my ($lost, $twice) = (0, 0);
for (1 .. $trials)
{
	$service->control('POST', '/_control/mark', {});
	my %found;
	$found{$_}++
	  foreach split /\n/, $node->safe_psql('postgres', 'SELECT phone_id FROM cph_phones WHERE status NOT IN (2, 8)');
	$twice += grep { $_ > 1 } values %found;
	foreach my $status (-9 .. -5, 0, 1, 3, 4, 6, 7)
	{
		my $stayed = $service->control('GET', "/_control/stayed/phones?status=$status");
		$lost += grep { !$found{$_} } @{ $stayed->{ids} };
	}
}
is($lost, 0, 'no phone is lost that had such a status all the time');
is($twice, 0, 'none is found twice');

# Numbers of what changes: a list that is counted or read at once has as many as stayed,
# or more, and no more than there ever were.  Each query has a column for each text of
# filters, statuses that it counts together.
my $few = $ENV{CPH_TEST_TRIALS} // 3;
my %statuses = (
	all => [ -9 .. -5, 0 .. 4, 6 .. 8 ],
	not_2 => [ -9 .. -5, 0, 1, 3, 4, 6 .. 8 ],
	below_0 => [ -9 .. -5 ],
	above_2 => [ 3, 4, 6 .. 8 ],
	some => [ -9 .. -5 ],
	off => [ 7, 8 ]);

# How many of a list stayed of some statuses, and how many there ever were; a row that
# changed from one of them to another is in ever twice, and may be found so.
sub limits_of
{
	my ($list, $values) = @_;
	my ($stayed, $ever) = (0, 0);
	foreach my $status (@$values)
	{
		my $of = "$list?status=$status";
		$stayed += $service->control('GET', "/_control/stayed/$of")->{count};
		$ever += $service->control('GET', "/_control/ever/$of")->{count};
	}
	return ($stayed, $ever);
}

my @counted = (
	[ 'SELECT count(*) FROM cph_phones WHERE status <> 2', 'not_2' ],
	[ 'SELECT count(*) FROM cph_phones WHERE status < 0', 'below_0' ],
	[ 'SELECT count(*) FROM cph_phones WHERE status > 2', 'above_2' ],
	[ 'SELECT count(*) FROM cph_phones WHERE status BETWEEN -9 AND -5', 'some' ],
	[ 'SELECT count(*) FILTER (WHERE status = 2), count(*) FILTER (WHERE status IN (7, 8)) FROM cph_phones', [2], 'off' ],
	[ 'SELECT sum(CASE WHEN status = 2 THEN 1 ELSE 0 END), count(*) FROM cph_phones', [2], 'all' ]);
foreach my $change ([ 'go and come' => (replaced => 1) ], [ 'swap their statuses' => (swapped => 2) ])
{
	my ($name, %settings) = @$change;
	$service->clear;
	$service->set(creating => 'all', %settings);
	my @outside;
	for my $trial (1 .. $few)
	{
		foreach my $case (@counted)
		{
			my ($query, @of) = @$case;
			$service->control('POST', '/_control/mark', {});
			my @found = split /\|/, $node->safe_psql('postgres', $query);
			foreach (0 .. $#of)
			{
				my ($stayed, $ever) = limits_of('phones', ref $of[$_] ? $of[$_] : $statuses{ $of[$_] });
				push @outside, "$query: $found[$_] is not from $stayed to $ever"
				  if $found[$_] < $stayed || $found[$_] > $ever;
			}
		}
	}
	is(scalar(@outside), 0, "numbers while phones $name") or diag join "\n", @outside;
}

# A status that some phone had all the time is shown, and none that no phone had.
$service->clear;
$service->set(creating => 'all', swapped => 2, replaced => 1);
my ($missing, $strange) = (0, 0);
for (1 .. $few)
{
	$service->control('POST', '/_control/mark', {});
	my %shown = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', 'SELECT DISTINCT status FROM cph_phones');
	foreach my $status (@{ $statuses{all} })
	{
		my ($stayed, $ever) = limits_of('phones', [$status]);
		$missing++ if $stayed && !$shown{$status};
		$strange++ if !$ever && $shown{$status};
	}
}
is("$missing $strange", '0 0', 'statuses while phones change them');

# Servers by status, of so many that they are counted.
$service->reset(phones => 100, servers => 3_000);
$node->safe_psql('postgres', 'ANALYZE cph_servers');
$service->set(creating => 'all', changing => 'servers', swapped => 2, replaced => 1);
my @servers;
for (1 .. $few)
{
	$service->control('POST', '/_control/mark', {});
	my %found = map { split /\|/ } split /\n/, $node->safe_psql('postgres', 'SELECT status, count(*) FROM cph_servers GROUP BY status');
	foreach my $status (0 .. 5, 8, 10 .. 13)
	{
		my ($stayed, $ever) = limits_of('servers', [$status]);
		my $number = $found{$status} // 0;
		push @servers, "$status: $number is not from $stayed to $ever" if $number < $stayed || $number > $ever;
	}
}
is(scalar(@servers), 0, 'servers by status while they change') or diag join "\n", @servers;

# Phones of a status between times; and some are joined with their ids, of which none
# that stays is missing.
$service->reset(phones => 6_000, servers => 100);
$node->safe_psql('postgres', 'ANALYZE cph_servers');
$service->set(creating => 'all', swapped => 2, replaced => 1);
my ($between, $joined, $doubled) = (0, 0, 0);
for (1 .. $few)
{
	CphTest::copies($node, $service);
	my ($new, $middle, $old, $ids) = some_of_fleet();
	my $among = "create_time BETWEEN $old AND $new";
	my @before = split /\n/, $node->safe_psql('postgres', "SELECT phone_id FROM local_phones WHERE $among");
	$service->control('POST', '/_control/mark', {});
	my $number = $node->safe_psql('postgres', "SELECT count(*) FROM cph_phones WHERE status = 8 AND $among");
	# Who comes is newer than all, so that all that were ever between were so before.
	my $judged = $service->control('POST', '/_control/judge/phones?status=8', { ids => [], among => \@before });
	$between++ if $number < $judged->{stayed} || $number > $judged->{ever};

	$node->safe_psql('postgres', 'TRUNCATE tickets; INSERT INTO tickets VALUES ' . join ', ', map { "($_)" } @$ids);
	$service->control('POST', '/_control/mark', {});
	my %found;
	$found{$_}++ foreach split /\n/, $node->safe_psql('postgres', 'SELECT phone_id FROM tickets JOIN cph_phones p USING (phone_id)');
	$judged = $service->control('POST', '/_control/judge/phones',
		{ ids => [ keys %found ], among => [ map { s/'//gr } @$ids ] });
	$joined += @{ $judged->{lost} } + @{ $judged->{strange} };
	$doubled += grep { $_ > 1 } values %found;
}
is($between, 0, 'phones of a status between times');
is("$joined $doubled", '0 0', 'phones joined by their ids');

# Phones by their ids, while others go and come.
($lost, $twice) = (0, 0);
for (1 .. $trials)
{
	CphTest::copies($node, $service);
	my ($new, $middle, $old, $ids) = some_of_fleet();
	$service->control('POST', '/_control/mark', {});
	my $in = join ', ', @$ids;
	my %found;
	$found{$_}++ foreach split /\n/, $node->safe_psql('postgres', "SELECT phone_id FROM cph_phones WHERE phone_id IN ($in)");
	my %stayed = map { $_ => 1 } @{ $service->control('GET', '/_control/stayed/phones')->{ids} };
	$lost += grep { $stayed{$_} && !$found{$_} } map { s/'//gr } @$ids;
	$twice += grep { $_ > 1 } values %found;
}
is($lost, 0, 'no phone that stays is lost by its id');
is($twice, 0, 'none is found twice by its id');

# All questions of some fleets, the shape of a large one, under each reading, some
# with phones of a status that no document lists, or of none, or with many of one time.
$node->safe_psql('postgres', q{ALTER SERVER cph OPTIONS (ADD fetch_size '20')});
$wrong = 0;
my $asked = 0;
foreach my $reading (@readings, [ 'rows of one time in any order' => (ties_shuffled => JSON::PP::true) ])
{
	my ($name, %settings) = @$reading;
	my $shuffled = $settings{ties_shuffled};
	$node->safe_psql('postgres', q{ALTER SERVER cph OPTIONS (ADD stable_ties 'false')}) if $shuffled;
	for my $trial (1 .. $trials / 10)
	{
		$service->reset(phones => 1200, servers => 30, seed => $trial, ties => $trial % 3 && !$shuffled ? 0.7 : 0.2);
		$service->set(%settings) if %settings;
		$service->control('POST', '/_control/update',
			{ list => 'phones', index => 17 * $trial % 1200, n => 2, set => { status => $trial % 4 ? 99 : undef } })
		  if $trial % 2;
		CphTest::copies($node, $service);
		my @queries = (@grouped, @told_apart, @of_some, map { $_->[1] } more_questions());
		my $ours = join '; ', map { "SELECT md5(string_agg(s::text, ',' ORDER BY s::text)) FROM ($_) AS s" } @queries;
		my @found = split /\n/, $node->safe_psql('postgres', $ours);
		my @wanted = split /\n/, $node->safe_psql('postgres', CphTest::on_copies($ours));
		$asked += @queries;
		foreach (0 .. $#queries)
		{
			next if ($found[$_] // '') eq ($wanted[$_] // '');
			diag "$name, seed $trial: $queries[$_]";
			$wrong++;
		}
	}
	$service->clear;
}
is($wrong, 0, "answers of $asked that are not those of a copy");

done_testing();
