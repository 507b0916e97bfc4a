
# How many requests a query takes, with 20,000 phones and 200 a page.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use Test::More;

my ($node, $service) = CphTest::setup(phones => 20_000, servers => 200);
my $phones = 'GET /v1/PROJECT/cloud-phone/phones';
$node->safe_psql(
	'postgres', q{
	CREATE VIEW running_cph_phones AS SELECT * FROM cph_phones WHERE status = 2;
	CREATE VIEW running_local_phones AS SELECT * FROM local_phones WHERE status = 2;
	CREATE TABLE ten AS SELECT server_id FROM local_servers LIMIT 10;
	ANALYZE ten;});
my ($server, $time) = map { $node->safe_psql('postgres', $_) }
  ('SELECT min(server_id) FROM local_servers',
	'SELECT create_time FROM local_phones OFFSET 499 LIMIT 1');
my ($stopped, $abnormal) = map {
	$node->safe_psql('postgres', "SELECT count(*) FROM local_phones WHERE status = $_")
} 8, -7;

# What takes saw last.
my @requests;

# Passes if the query takes so many requests at most, and answers as a copy.
sub takes
{
	my ($most, $query, %options) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$service->entries;
	CphTest::same($node, $query, %options);
	@requests = $service->log;
	cmp_ok(scalar(@requests), '<=', $most, "requests: $query")
	  or diag join "\n", @requests;
	return;
}

takes(101, 'SELECT count(imei), count(DISTINCT phone_id) FROM cph_phones');

# One request of just the rows that are wanted.
foreach my $case (
	[ 'SELECT * FROM cph_phones LIMIT 10', 'limit=10&offset=0' ],
	[ 'SELECT * FROM cph_phones LIMIT 10 OFFSET 5000', 'limit=10&offset=5000' ],
	[ 'SELECT * FROM cph_phones WHERE status = 2 LIMIT 10', 'limit=10&offset=0&status=2' ],
	[ 'SELECT create_time FROM cph_phones ORDER BY create_time DESC LIMIT 10', 'limit=10&offset=0' ],
	[ 'SELECT * FROM running_cph_phones LIMIT 10', 'limit=10&offset=0&status=2' ],
	[ 'SELECT EXISTS (SELECT FROM cph_phones)', 'limit=1&offset=0' ],
	[ 'SELECT count(*) FROM cph_phones', 'limit=1&offset=0' ])
{
	CphTest::sends($node, $service, $case->[0], [ "$phones?$case->[1] 200" ]);
}

# One request of a page.
takes(1, $_)
  foreach (
	'SELECT max(create_time) FROM cph_phones',
	q{SELECT * FROM cph_phones WHERE phone_name = 'mobile-000012'},
	q{SELECT * FROM cph_phones WHERE phone_name LIKE 'mobile-00012%'},
	"SELECT * FROM cph_phones WHERE server_id = '$server'",
	q{SELECT * FROM cph_phones WHERE cph_phone_status(status) = 'frozen'},
	q{SELECT * FROM cph_phones WHERE imei LIKE '%5' LIMIT 5});

takes(2, 'SELECT count(*) FROM cph_phones WHERE status = 2');
takes(int($stopped / 199) + int($abnormal / 199) + 4,
	'SELECT * FROM cph_phones WHERE status IN (8, -7)');
takes(4, "SELECT * FROM cph_phones WHERE create_time >= '$time'");
takes(10, 'SELECT * FROM ten JOIN cph_phones USING (server_id)');

# A time itself is both bounds, also that of a phone compared as a row, as those do
# who page by keys; values beside a list of values are more of it.
{
	my ($newest, $early, $late) = map {
		$node->safe_psql('postgres', "SELECT create_time, phone_id FROM local_phones ORDER BY 1 DESC, 2 DESC OFFSET $_ LIMIT 1")
	} 0, 19, 19_979;
	my ($early_time, $early_id) = split /\|/, $early;
	my ($late_time, $late_id) = split /\|/, $late;
	my ($newest_time) = split /\|/, $newest;
	my $paged = 'ORDER BY create_time DESC, phone_id DESC LIMIT 20';
	takes(2, $_)
	  foreach (
		"SELECT * FROM cph_phones WHERE create_time = '$newest_time'",
		"SELECT * FROM cph_phones WHERE create_time = '$early_time'",
		'SELECT * FROM cph_phones WHERE create_time = (SELECT max(create_time) FROM cph_phones)',
		"SELECT * FROM cph_phones WHERE (create_time, phone_id) > ('$early_time', '$early_id')");
	takes(2, "SELECT phone_id FROM cph_phones WHERE (create_time, phone_id) < ('$early_time', '$early_id') $paged",
		ordered => 1);

	# Where the rows stand is sought, in 100 pages; of those behind the page there some
	# may be asked for ahead.
	takes(10, "SELECT * FROM cph_phones WHERE (create_time, phone_id) < ('$late_time', '$late_id')");
	takes(10, "SELECT * FROM cph_phones WHERE create_time = '$late_time'");
	takes(10 + 4, "SELECT * FROM cph_phones WHERE create_time = '$time'");

	takes(2 * 3, 'SELECT phone_id FROM cph_phones WHERE status = 3 OR status IN (4, -7)');
	my %sent = map { m/status=(-?\d+)/ ? ($1 => 1) : (all => 1) } @requests;
	is(join(' ', sort keys %sent), '-7 3 4', 'one filter for each value');
}

# None at all.
takes(0, $_, rows => 0)
  foreach (
	'SELECT * FROM cph_phones WHERE false',
	'SELECT * FROM cph_phones WHERE server_id = NULL',
	'SELECT * FROM cph_phones LIMIT 0');
$service->entries;
$node->safe_psql('postgres',
	'EXPLAIN (VERBOSE) SELECT * FROM cph_phones WHERE status = 2 LIMIT 10; PREPARE p AS SELECT * FROM cph_phones');
is(scalar($service->log), 0, 'EXPLAIN and PREPARE');

done_testing();
