# Pages, counts and orders that are not as the documents say: the right answer
# or an error, and requests as few as that takes.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphTest;
use Test::More;

my ($node, $service) = CphTest::setup(
	phones => 450,
	attach => { server => { fetch_size => 50, max_concurrent_requests => 8 } });
my $session = CphSession->new($node);
my $all = 'SELECT phone_id, status FROM cph_phones';
my $phones = 'GET /v1/PROJECT/cloud-phone/phones';

# What count says proves nothing.
foreach my $count (
	'all', 'page', 'absent', 'null', 'negative', 'string', 'huge',
	0, 1, 50, 51, 449, 451, 100_000)
{
	$service->set(count => $count);
	CphTest::same($node, $all, name => "count: $count");
	CphTest::same($node, "$all WHERE status = 2", name => "count: $count, filtered");
}
$service->set(count => 'huge');
CphTest::same($node, $all, name => 'a count that is no number of rows');
$service->clear;

# Pages shorter than asked for.
foreach my $rows (2, 3, 17, 49)
{
	foreach my $count ('filtered', 'absent', 100_000)
	{
		$service->set(page_cap => $rows, count => $count);
		CphTest::same($node, $all, name => "pages of $rows, count: $count");
	}
}
$service->set(page_cap => 1);
is($session->state($all), 'HV000', 'pages of one row');
$service->clear;

# Orders that are none.
$service->set(unsorted => JSON::PP::true);
is($session->state($all), 'HV000', 'pages that are not newest first');
like($session->error, qr/HINT: .*enable_order_pushdown/, '... have a hint');
$node->safe_psql('postgres',
	q{ALTER SERVER cph OPTIONS (ADD enable_order_pushdown 'false')});
CphTest::same($node, $all, name => 'pages backwards, and no order relied on');
$node->safe_psql('postgres', 'ALTER SERVER cph OPTIONS (DROP enable_order_pushdown)');
$service->clear;

# Filters that do nothing lose no row, and add none.
$service->set(filters_ignored => ['status']);
CphTest::same($node, "$all WHERE status = 8");
CphTest::same($node, "$all WHERE status IN (2, 8)");

# ... not even where the rows that the service skipped were to meet them.
$service->reset(phones => 450, ties => 0);
$service->set(filters_ignored => [ 'status', 'type', 'server_id' ]);
CphTest::copies($node, $service);
foreach my $where ('status = 2', 'type = 0', 'status = 2 AND type = 0',
	q{server_id = (SELECT server_id FROM local_phones LIMIT 1)})
{
	CphTest::same(
		$node,
		"SELECT phone_id FROM cph_phones WHERE $where ORDER BY create_time DESC LIMIT 1 OFFSET $_",
		ordered => 1) foreach 1, 5, 10, 12;
	CphTest::same(
		$node,
		"SELECT create_time FROM cph_phones WHERE $where ORDER BY create_time DESC OFFSET 9",
		ordered => 1);
}
CphTest::same(
	$node,
	"SELECT phone_id FROM cph_phones WHERE status = 2 ORDER BY create_time DESC LIMIT 1 OFFSET $_",
	ordered => 1) foreach 60, 100, 150, 200, 240;
$service->clear;

# Until it is known that a filter filters, an offset's page shows what is above it;
# afterwards a row is asked for as a row.
my $deep = 'SELECT phone_id FROM cph_phones WHERE status = 2 ORDER BY create_time DESC LIMIT 1 OFFSET 120';
$service->entries;
$session->run($deep);
is_deeply([ $service->log ], ["$phones?limit=50&offset=71&status=2 200"],
	'an offset, before the filter is known');
$session->run("SELECT count(*) FROM cph_phones WHERE status = $_") foreach 2, 8, 2, -7, 2;
$service->entries;
$session->run($deep);
is_deeply([ $service->log ], ["$phones?limit=1&offset=120&status=2 200"],
	'an offset, once the filter is known');

# Items that cannot be told from each other, in a list of several pages.
foreach my $field ('phone_id', 'create_time')
{
	$service->set(drop_fields => [$field]);
	is($session->state('SELECT phone_name FROM cph_phones'),
		'HV00L', "no $field in a list of several pages");
	CphTest::same($node, 'SELECT phone_name FROM cph_phones WHERE status = 8');
}

# ... or in several lists of one page: a row that two values find is one.
my $names = q{SELECT phone_name FROM cph_phones WHERE phone_name IN ('mobile-00000', 'mobile-000003')};
$service->set(drop_fields => ['phone_id']);
is($session->state($names), 'HV00L', 'no phone_id where two values may find a row');
$service->set(drop_fields => ['create_time']);
CphTest::same($node, $names);
$service->clear;

# An item array that is missing is an error, also of a list without rows.
foreach my $form ('null', 'absent')
{
	$service->set(item_key => $form);
	is($session->state($all), 'HV00L', "item array: $form");
}
$service->clear;

# Nothing is asked ahead before a row beyond the first page is wanted.
$service->entries;
$session->run("BEGIN; DECLARE c CURSOR FOR $all; FETCH 50 FROM c");
is_deeply([ $service->log ], ["$phones?limit=50&offset=0 200"],
	'a page of rows is one request');
$session->run('FETCH 1 FROM c');
$service->fault('latency', ms => 200);
$session->run('FETCH 49 FROM c');
is( scalar(grep { /offset=(49|98|147|196|245|294|343|392) / } $service->log),
	8, 'one row more opens the window');
$session->run('ROLLBACK');
$service->clear;

# So it is where the first row wanted had to be sought.
my $older = 'create_time < (SELECT min(create_time) + 0.5 * (max(create_time) - min(create_time)) FROM local_phones)';
$session->run("BEGIN; DECLARE c CURSOR FOR $all WHERE $older; FETCH 1 FROM c");
my @sought = $service->log;
is(scalar(grep { /limit=50&/ } @sought), 2, 'the first page, and the one that was sought')
  or diag join "\n", @sought;
$session->run('ROLLBACK');

# As many in flight as the option says, not more.
$service->fault('latency', ms => 50);
$session->run('SELECT count(phone_name) FROM cph_phones');
is($service->stats->{max_in_flight},
	8, 'eight requests in flight');
$node->safe_psql('postgres',
	'ALTER SERVER cph OPTIONS (SET max_concurrent_requests \'2\')');
$service->entries;
$session->run('SELECT count(phone_name) FROM cph_phones');
is($service->stats->{max_in_flight}, 2, 'two');

# A limit that no number of rows reaches does not hinder it.
$service->entries;
$service->fault('latency', ms => 20);
$session->run("SELECT phone_name FROM cph_phones LIMIT 9223372036854775807 OFFSET 1");
is($service->control('GET', '/_control/stats')->{max_in_flight},
	2, 'the largest limit, with an offset');
CphTest::same($node,
	'SELECT phone_id FROM cph_phones LIMIT 9223372036854775807 OFFSET 1');
$service->clear;
$service->fault('latency', ms => 50);

# So it is with the first pages of many streams.
$service->entries;
$session->run(
	'SELECT count(phone_name) FROM cph_phones WHERE status IN (2, 3, 4, 6, 7, 8, -5, -6, -7, -8, -9)');
is($service->stats->{max_in_flight},
	2, 'two, of many streams');

$service->clear;

# A phone that changes from one value of a filter to another is not returned
# by both of their streams.
foreach my $values ('8, 2', '2, 8')
{
	$service->reset(phones => 450);
	$service->control('POST', '/_control/update',
		{ list => 'phones', where => { status => 8 }, set => { status => 2 }, after => 4 });
	my $rows = $session->run(
		"SELECT count(*) > 300, count(*) = count(DISTINCT phone_id) FROM (SELECT phone_id FROM cph_phones WHERE status IN ($values)) AS p");
	is($rows, 't|t', "status IN ($values), while all of one change");
}

# Among rows of one time, those that come again and again cost one repair: pages
# then begin with enough of the rows that were read to show that none is missed.
$service->reset(phones => 450, ties => 1);
$service->control('POST', '/_control/insert', { list => 'phones', after => $_ })
  foreach 1, 3, 5, 7;
like(
	$session->run('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT phone_name FROM cph_phones'),
	qr/CPH Page Repairs: 1\n/,
	'a list that goes on to change');

# A list without rows may not go without its item array either.
$service->reset(phones => 0);
is($session->run('SELECT count(phone_name) FROM cph_phones'), '0', 'an empty list');
foreach my $form ('null', 'absent')
{
	$service->set(empty => $form);
	is($session->state($all), 'HV00L', "item array of an empty list: $form");
}

done_testing();
