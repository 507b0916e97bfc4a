# Several services at once below Append: as fast as one, and right.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphTest;
use Test::More;
use Time::HiRes qw(sleep);

my $node = CphTest::node();
my @services;
foreach my $number (1 .. 4)
{
	my $service = CphTest::service(
		phones => 5000,
		servers => 10,
		seed => $number);
	CphTest::attach(
		$node, $service,
		name => "cph$number",
		schema => "r$number",
		server => { max_concurrent_requests => 4 })
	  if $node->safe_psql('postgres', "CREATE SCHEMA r$number") eq '';
	push @services, $service;
}
my @regions = map { "r$_" } 1 .. 4;
my $columns = 'phone_id, phone_name, server_id, status, imei, create_time';
$node->safe_psql(
	'postgres',
	join(';',
		'CREATE VIEW cph_phones AS '
		  . join(' UNION ALL ', map { "SELECT $columns FROM $_.cph_phones" } @regions),
		'CREATE VIEW local_phones AS '
		  . join(' UNION ALL ', map { "SELECT $columns FROM $_.local_phones" } @regions),
		'CREATE TABLE cph_phones_parts (region text, phone_id text, imei text) PARTITION BY LIST (region)',
		map {
			"CREATE FOREIGN TABLE part_$_ PARTITION OF cph_phones_parts FOR VALUES IN ('cph$_') SERVER cph$_ OPTIONS (resource 'phones');"
			  . "ALTER FOREIGN TABLE part_$_ ALTER region OPTIONS (ADD field '\@server')"
		} 1 .. 4));
my $session = CphSession->new($node);

# What a query gives of the lists, and of their copies, in the session.
sub same
{
	my ($query) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @found = map { join "\n", sort split /\n/, $session->run($_) }
	  ($query, CphTest::on_copies($query));
	isnt($found[1], '', "rows: $query");
	return is($found[0], $found[1], $query) || diag $session->error;
}

like(
	$session->run('EXPLAIN SELECT count(imei) FROM cph_phones'),
	qr/Append.*(?:Async Foreign Scan.*){4}/s,
	'each is scanned without waiting for the others');
my @queries = (
	'SELECT count(imei), count(DISTINCT phone_id) FROM cph_phones',
	'SELECT phone_id, imei FROM cph_phones WHERE status = 8',
	'SELECT phone_id FROM cph_phones WHERE status IN (8, -7)',
	"SELECT phone_id FROM cph_phones WHERE imei LIKE '%77'");
same($_) foreach @queries;

# As fast as one of them, the faster of two tries.
my $one = q{SELECT count(imei) FROM r1.cph_phones};
my $four = q{SELECT count(imei) FROM cph_phones};
$session->run($_) foreach $one, $four;
$_->fault('latency', ms => 50) foreach @services;
my ($time_of_one, $time_of_four);
foreach (1 .. 3)
{
	$session->run($one);
	$time_of_one = $session->seconds
	  if !defined $time_of_one || $session->seconds < $time_of_one;
	$session->run($four);
	$time_of_four = $session->seconds
	  if !defined $time_of_four || $session->seconds < $time_of_four;
}
note sprintf('one: %.3f s, four: %.3f s', $time_of_one, $time_of_four);
SKIP:
{
	skip 'the library is instrumented, and slower than the services', 1
	  if $ENV{LIB_UNDER};
	cmp_ok($time_of_four, '<', 2 * $time_of_one, 'four take less than twice as long as one');
}

# Partitions, and only those that are meant.
$_->clear foreach @services;
same(q{SELECT count(imei) FROM cph_phones_parts})
  if $node->safe_psql('postgres',
	q{CREATE VIEW local_phones_parts AS SELECT phone_id, imei FROM local_phones}) eq '';
$_->entries foreach @services;
$session->run(q{SELECT count(imei) FROM cph_phones_parts WHERE region = 'cph2'});
is( join(' ', map { scalar($_->entries) > 0 ? 1 : 0 } @services),
	'0 1 0 0', 'a region is asked alone');

# Rescans below Append.
$session->run('SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off');
same(q{SELECT n, (SELECT count(imei) FROM cph_phones WHERE status = n) FROM unnest(ARRAY[8, -7, 4]) AS a(n)});
same(q{SELECT n, p.phone_id FROM generate_series(1, 3) AS a(n), LATERAL (SELECT phone_id FROM cph_phones WHERE imei <> n::text ORDER BY phone_id LIMIT 1) p});
$session->run(q{SELECT n, p.imei FROM generate_series(1, 20) AS a(n), LATERAL (SELECT imei FROM cph_phones WHERE imei <> n::text LIMIT 3) p});
is($session->error, '', 'rescans of scans that are not over');
same($queries[0]);

# LIMIT ends scans that are under way.
is( scalar(split /\n/, $session->run(q{SELECT imei FROM cph_phones WHERE imei <> '' LIMIT 900})),
	900, 'LIMIT');

# An error in one of them ends the query, and not the session.
foreach my $fault (
	[ '42501', 'status', status => 403 ],
	[ 'HV00L', 'html', after => 3 ],
	[ 'HV000', 'redirect', after => 5 ])
{
	my ($state, $kind, @arguments) = @$fault;
	$services[2]->fault($kind, @arguments);
	is($session->state($four), $state, "$kind in one of them");
	$services[2]->clear;
	same($queries[0]);
}

# What passes passes; what is told to the user is told here, too.
$services[1]->fault('status', status => 503, times => 2, after => 4);
same($queries[0]);
$services[1]->clear;
$services[3]->fault('status', status => 429, times => 1, retry_after => 6);
$session->run($four);
like($session->error, qr/NOTICE: .*throttling/, 'a notice');
$services[3]->clear;

# The backend sleeps while it waits.
$_->fault('latency', ms => 1000) foreach @services;
my @before = (times_of($session->pid));
$session->run(q{SELECT count(imei) FROM cph_phones WHERE status = 8});
my @after = (times_of($session->pid));
SKIP:
{
	skip 'there is no /proc', 1 unless defined $before[0];
	cmp_ok($after[0] - $before[0], '<', 30, 'it sleeps while it waits');
}
$_->clear foreach @services;

# The clock ticks that a process has used; undef where there is no /proc.
sub times_of
{
	my ($pid) = @_;
	open(my $file, '<', "/proc/$pid/stat") or return undef;
	my @fields = split ' ', (readline($file) =~ s/.*\) //r);
	return $fields[11] + $fields[12];
}

$session->run('SELECT cph_fdw_disconnect_all()');
is(join(' ', map { $_->stats->{open_connections} } @services),
	'0 0 0 0', 'no connection is left');

done_testing();
