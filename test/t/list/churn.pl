# A list that changes while it is read is read exactly once.  test/bench/churn.py
# judges by what the service knows; here are a few scans of each kind, or as many
# as wanted: CPH_TEST_SCANS=200 LIB_STEP_SECONDS=9000 test/check churn
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

# Makes the scans and returns whether all passed, what was printed, and the errors.
sub scans
{
	my ($scans, @options) = @_;

	my @command = ('python3', $churn, '--scans', $ENV{CPH_TEST_SCANS} // $scans, @options);
	my $good = IPC::Run::run(\@command, '>', \my $output, '2>', \my $errors);
	note "@command[ 2 .. $#command ]\n$output";
	return ($good, $output, $errors);
}

# Passes if all scans did.
sub churn
{
	my ($name, @options) = @_;

	my ($good, $output, $errors) = scans(@options);
	ok($good, $name) or diag "$output$errors";
	return $output;
}

# Lost, twice, errors and scans, of the lines of a kind together.
sub sums
{
	my ($output, $kind) = @_;

	my ($lost, $twice, $errors, $scans) = (0, 0, 0, 0);
	foreach ($output =~ /^\Q$kind\E: .*$/mg)
	{
		my @fields = split ' ';
		$lost += $fields[-5];
		$twice += $fields[-4];
		$errors += $fields[-2];
		$scans += $fields[-6];
	}
	return ($lost, $twice, $errors, $scans);
}

my $output = churn('5 changes a request, 8 requests in flight',
	3, '--compare');
my ($lost, $twice) = sums($output, 'paging by offset');
cmp_ok($lost, '>', 0, 'paging by offset loses phones');
cmp_ok($twice, '>', 0, '... and returns some twice');

my @small = (2, qw(--phones 1000 --page 50));
churn('whatever the service reports and sends',
	@small, map { ('--reading', $_) } qw(count-all count-absent shuffled));
churn('a count of far more', @small, qw(--set count=1000000));
churn('pages of half of what is asked for', @small, qw(--set page_cap=25));
churn('a bounded start', @small, '--bounded');
churn('no order', @small, qw(--option enable_order_pushdown=false));
my @tied = (3, qw(--phones 600 --page 20 --ties 0.95));
churn("most rows of one time @$_", @tied, @$_) foreach [], ['--bounded'];

# Where half a page changes at each request, one scan in some hundreds gives up.
{
	my (undef, $output, $messages) = scans(@tied, qw(--set page_cap=10));
	my (undef, undef, $errors, $scans) = sums($output, 'plain');
	my ($failed) = $output =~ /(\d+) failed$/m;
	is($failed, $errors, 'most rows of one time, small pages') or diag $output;
	cmp_ok($errors, '<=', $scans / 9, "... $errors of $scans scans are not to be relied on")
	  or diag $messages;
}

# A number of rows that stays does not say that the rows do.  Groups of 1, 30 and
# 400 rows of one time.
foreach my $ties (0, 0.97, 0.9975)
{
	foreach my $change ('replaced=1', 'replaced=5', 'swapped=1', 'swapped=5')
	{
		foreach my $option ([], [qw(--option enable_order_pushdown=false)])
		{
			churn("$change, ties: $ties @$option",
				3, qw(--phones 1000 --page 100 --changes 0), @$option,
				'--ties' => $ties, '--set' => $change);
		}
	}
}

# The rows of many pages in a row were read before where a list without an order is
# read once more, after those that came to its beginning.
foreach my $of ([qw(--option enable_order_pushdown=false)], [qw(--list images)])
{
	churn("many pages of a list that is read once more: @$of",
		2, qw(--phones 2000 --page 20 --changes 0 --set replaced=1), @$of);
}

# Of the other lists only that of servers has an order, and not all have a total.
foreach my $list (qw(servers images encode_servers bandwidths phone_models))
{
	foreach my $how ([], [qw(--set added=last)], [qw(--changes 0 --set replaced=3)], [qw(--set count=absent)])
	{
		churn("$list @$how",
			2, '--list' => $list, qw(--phones 300 --page 30 --changes 3), @$how);
	}
}

# Where rows of one time are in another order on each page, that is seen; where no
# order is documented, these are all rows.  The fewer there are, the likelier
# is a page to show no disorder, and the scan to be right: so it is for one server's.
foreach my $case (
	[ 2 / 3 => qw(--ties 0.5) ],
	[ 9 / 10 => qw(--ties 0.97) ],
	[ 9 / 10 => qw(--list encode_servers) ],
	[ 9 / 10 => qw(--list phone_models) ])
{
	my ($share, @of) = @$case;
	my (undef, $output) = scans(3,
		qw(--phones 1000 --page 20 --changes 0 --set ties_shuffled=true), @of);
	my ($lost, $twice, $errors, $scans) = sums($output, 'plain');
	is("$lost $twice", '0 0', "no order of rows of one time: @of");
	cmp_ok($errors, '>=', $share * $scans, "... is an error, in most of $scans scans");
	cmp_ok($scans, '>', 0, '... of which there are some');
}

churn('one request at a time',
	2, qw(--phones 600 --page 20 --in-flight 1));
churn('small pages, many changes',
	2, qw(--phones 200 --page 5 --changes 3));

done_testing();
