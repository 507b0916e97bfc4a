# Hundreds of faulty scans in one backend leave nothing behind.  By hand:
# CPH_TEST_SCANS=10000 test/check leaks
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphTest;
use Test::More;

my $scans = $ENV{CPH_TEST_SCANS} // 500;

my ($node, $service) = CphTest::setup(
	phones => 450,
	attach => {
		copies => 0,
		server => {
			fetch_size => 100,
			max_retries => 0,
			throttle_timeout => 1,
			max_response_size => '1MB'
		}
	});
my $session = CphSession->new($node);
my @faults = (
	[ 'reset', after => 1 ],
	[ 'reset_body', after => 1 ],
	[ 'close', after => 1 ],
	[ 'truncate', after => 2 ],
	[ 'wrong_length', by => -10 ],
	[ 'status', status => 500, after => 1 ],
	[ 'status', status => 503 ],
	[ 'status', status => 403 ],
	[ 'status', status => 429, retry_after => 60 ],
	[ 'redirect', after => 2 ],
	[ 'html' ],
	[ 'garbage', n => 50_000 ],
	[ 'empty', after => 1 ],
	[ 'bad_gzip' ],
	[ 'oversize', n => 1_200_000, after => 1 ],
	[ 'braces', n => 100_000, after => 1 ],
	[ 'deep', after => 1 ],
	[ 'invalid_utf8', after => 1 ],
	[ 'big_number', field => 'phone_name', raw => '"\u0000"', after => 1 ],
	[ 'huge_header', n => 150_000, after => 1 ]);
my @settings = (
	{ item_key => 'null' },
	{ unsorted => JSON::PP::true },
	{ ties_shuffled => JSON::PP::true },
	{ page_cap => 1 },
	{ churn => 3 });
my $each = 10;

# Scans that end in errors, caught one by one.  "after" counts from the
# fault's beginning, so that some end on their first page.
my $block = qq{
	DO \$\$
	DECLARE n bigint; failed int := 0;
	BEGIN
		FOR i IN 1 .. $each LOOP
			BEGIN
				SELECT count(phone_name) INTO n FROM cph_phones;
			EXCEPTION WHEN OTHERS THEN failed := failed + 1;
			END;
		END LOOP;
		RAISE NOTICE 'failed: %', failed;
	END \$\$};
my ($done, $failed) = (0, 0);
my (@first, @last);

# One round through all faults.
sub round
{
	foreach my $case (@faults, @settings)
	{
		ref $case eq 'HASH'
		  ? $service->set(%$case)
		  : $service->fault(@$case);
		$session->run($block);
		$failed += $1 if $session->error =~ /failed: ([0-9]+)/;
		$done += $each;
		$service->clear;
	}
	$session->run('SELECT count(phone_name) FROM cph_phones');
	return;
}

round();
@first = ($session->descriptors, $session->kilobytes);
while ($done < $scans)
{
	round();
	@last = ($session->descriptors, $session->kilobytes);
	note join ' ', $done, grep { defined } @last;
}
cmp_ok($failed, '>', $done * 0.7, "$failed of $done scans failed");
unlike($session->error, qr/ERROR/, 'the next query works');
SKIP:
{
	skip 'there is no /proc', 2 unless defined $first[0];
	cmp_ok($last[0], '<=', $first[0] + 8,    # connections that are kept for the next scan
		"descriptors: $first[0], in the end $last[0]");
	cmp_ok($last[1], '<', $first[1] + 2048,
		"memory: $first[1] kB, in the end $last[1] kB");
}
$session->run('SELECT cph_fdw_disconnect_all()');
is($service->stats->{open_connections},
	0, 'no connection is left');

done_testing();
