# A list that changes while it is read is read exactly once.  test/bench/churn.py
# judges by what the service knows; here are a few scans of each kind.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use File::Basename;
use IPC::Run;
use Test::More;

my $node = CphTest::node();
local %ENV = (
	%ENV,
	PGHOST => $node->host,
	PGPORT => $node->port,
	PGDATABASE => 'postgres');
my $churn = dirname($ENV{CPH_TEST_SERVICE}) . '/bench/churn.py';

# Passes if all scans did.
sub churn
{
	my ($name, @options) = @_;

	my $good = IPC::Run::run([ 'python3', $churn, @options ],
		'>', \my $output, '2>', \my $errors);
	note $output;
	ok($good, $name) or diag "$output$errors";
	return $output;
}

# Lost and twice, of the lines of a kind together.
sub sums
{
	my ($output, $kind) = @_;

	my ($lost, $twice) = (0, 0);
	foreach ($output =~ /^\Q$kind\E: .*$/mg)
	{
		my @fields = split ' ';
		$lost += $fields[-5];
		$twice += $fields[-4];
	}
	return ($lost, $twice);
}

my $output = churn('5 changes a request, 8 requests in flight',
	qw(--scans 3 --compare));
my ($lost, $twice) = sums($output, 'paging by offset');
cmp_ok($lost, '>', 0, 'paging by offset loses phones');
cmp_ok($twice, '>', 0, '... and returns some twice');

my @small = qw(--scans 2 --phones 1000 --page 50);
churn('whatever the service reports and sends',
	@small, map { ('--reading', $_) } qw(count-all count-absent shuffled));
churn('a count of far more', @small, qw(--set count=1000000));
churn('pages of half of what is asked for', @small, qw(--set page_cap=25));
churn('a bounded start', @small, '--bounded');
churn('no order', @small, qw(--option enable_order_pushdown=false));
# Where half a page changes at each request, an error is an answer too: fewer.
foreach my $how ([], [qw(--set page_cap=10 --changes 2)], ['--bounded'])
{
	churn("most rows of one time @$how",
		qw(--scans 3 --phones 600 --page 20 --ties 0.95), @$how);
}

# A number of rows that stays does not say that the rows do.
foreach my $ties (0, 0.97, 0.9975)
{
	foreach my $change ('replaced=1', 'replaced=5', 'swapped=5')
	{
		foreach my $option ([], [qw(--option enable_order_pushdown=false)])
		{
			churn("$change, ties: $ties @$option",
				qw(--scans 3 --phones 1000 --page 100 --changes 0), @$option,
				'--ties' => $ties, '--set' => $change);
		}
	}
}
churn('one request at a time',
	qw(--scans 2 --phones 600 --page 20 --in-flight 1));
churn('small pages, many changes',
	qw(--scans 2 --phones 200 --page 5 --changes 3));

done_testing();
