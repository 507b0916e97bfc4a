
# A list of any length is read in the memory of a few pages.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use Test::More;

my $many = 100_000;
my ($node, $service) = CphTest::setup(phones => 1000);
my $session = $node->background_psql('postgres');
my $pid = $session->query_safe('SELECT pg_backend_pid()');

# The most that the backend has had in memory so far, in kB.
sub peak
{
	open(my $status, '<', "/proc/$pid/status") or return undef;
	my ($peak) = map { /^VmHWM:\s+([0-9]+) kB/ ? $1 : () } <$status>;
	return $peak;
}

my $scan = q{COPY (SELECT * FROM cph_phones) TO '/dev/null'};
$session->query_safe($scan);
my $small = peak();
$service->reset(phones => $many);
$session->query_safe($scan);
is(scalar($service->log), 503, "a scan of $many phones is 503 requests");
SKIP:
{
	skip 'there is no /proc', 1 unless defined $small;
	my $grown = peak() - $small;
	cmp_ok($grown, '<', 16 * 1024,
		"it takes $grown kB more than a scan of 1,000 ($small kB)");
}

# So is a list in many parts: what a part had in memory goes with it.
sub peak_of
{
	my ($values) = @_;
	my $statement =
	  "COPY (SELECT * FROM cph_phones WHERE server_id IN ($values)) TO '/dev/null'";

	$session->quit;
	$session = $node->background_psql('postgres');
	$pid = $session->query_safe('SELECT pg_backend_pid()');
	# the size of the list, by which the planner decides
	$session->query_safe('SELECT count(*) FROM cph_phones');
	$session->query_safe($statement);
	return peak();
}

$service->reset(phones => 60_000, servers => 290);
CphTest::copies($node, $service);
my $one = $node->safe_psql('postgres', 'SELECT quote_literal(min(server_id)) FROM local_servers');
my $all = $node->safe_psql('postgres',
	q{SELECT string_agg(quote_literal(server_id), ', ') FROM local_servers});
my $of_one = peak_of($one);
$service->entries;
my $of_all = peak_of($all);
my @requests = $service->log;
cmp_ok(scalar(grep { /server_id=/ } @requests), '>=', 290, '290 servers are 290 parts');
SKIP:
{
	skip 'there is no /proc', 1 unless defined $of_one;
	my $grown = $of_all - $of_one;
	# a sanitizer keeps what was freed for a while, and room around all
	cmp_ok($grown, '<', ($ENV{LIB_UNDER} ? 32 : 8) * 1024,
		"290 parts of a list take $grown kB more than one ($of_one kB)");
}
$session->quit;

$service->reset(phones => $many);
CphTest::copies($node, $service);

# Each phone is returned once, as it is.
is( $node->safe_psql(
		'postgres', q{
		SELECT count(c.phone_id), count(DISTINCT c.phone_id),
		       count(*) FILTER (WHERE c.* IS DISTINCT FROM l.*)
		FROM cph_phones c FULL JOIN local_phones l USING (phone_id)}),
	"$many|$many|0",
	'each phone is returned once');

done_testing();
