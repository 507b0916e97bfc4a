
# A scan of a whole list returns what the list holds, page by page.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use Test::More;

my ($node, $service) = CphTest::setup(phones => 450, servers => 20);

# Every column of every row, both ways.
foreach my $list ('phones', 'servers')
{
	is( $node->safe_psql(
			'postgres', qq{
			SELECT count(*)
			FROM (TABLE cph_$list EXCEPT ALL TABLE local_$list) AS extra}),
		'0',
		"no row of cph_$list is not in the list");
	is( $node->safe_psql(
			'postgres', qq{
			SELECT count(*)
			FROM (TABLE local_$list EXCEPT ALL TABLE cph_$list) AS missing}),
		'0',
		"no row of the list is not in cph_$list");
}

# In the order of the list, whatever the ties.
CphTest::same($node, 'SELECT * FROM cph_phones', ordered => 1, rows => 450);
CphTest::same($node, 'SELECT * FROM cph_servers', ordered => 1, rows => 20);

# Each page starts with the last row of the page before.
my $phones = 'GET /v1/PROJECT/cloud-phone/phones';
CphTest::sends($node, $service, 'SELECT phone_id FROM cph_phones',
	[
		"$phones?limit=200&offset=0 200",
		"$phones?limit=200&offset=199 200",
		"$phones?limit=200&offset=398 200"
	]);

# A list that fits one page is one request, an empty one too.
CphTest::sends($node, $service, 'SELECT server_id FROM cph_servers',
	['GET /v1/PROJECT/cloud-phone/servers?limit=100&offset=0 200']);
$service->reset(phones => 0);
CphTest::copies($node, $service);
CphTest::sends($node, $service, 'SELECT phone_id FROM cph_phones',
	["$phones?limit=200&offset=0 200"], rows => 0);

done_testing();
