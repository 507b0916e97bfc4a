# Memory that runs out in libcurl, json-c or our library, at each allocation
# of a query in turn: an error, or the right answer; then the next query of the
# same backend is right.  The error says so, unless libcurl says something else:
# that it could not connect, send or read.  At every allocation up to the 2,000th,
# and under the sanitizers: CPH_TEST_EVERY=1 test/check --sanitize no_memory
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use File::Basename;
use PostgreSQL::Test::Utils;
use Test::More;

# Build the module, for the server alone.
my $here = dirname(__FILE__);
my $module = "$PostgreSQL::Test::Utils::tmp_check/no_memory.so";
my $pg_config = $ENV{PG_CONFIG} // 'pg_config';
my %config = map { chomp(my $value = `$pg_config --$_`); ($_ => $value) }
  qw(cc cppflags cflags includedir-server);
plan skip_all => 'memory cannot be made to run out on this system'
  if system("$config{cc} $config{cppflags} $config{cflags} -fPIC -shared -fno-builtin"
	  . " -I$config{'includedir-server'} -o $module $here/no_memory.c -ldl") != 0;
my $node;
{
	local $ENV{LD_PRELOAD} = $module;
	$node = CphTest::node();
}
my $service = CphTest::service(phones => 600, servers => 5);
CphTest::attach($node, $service,
	server => { fetch_size => 20, max_retries => 0 });
$node->safe_psql('postgres',
	"CREATE FUNCTION no_memory(bigint, bigint) RETURNS bigint LANGUAGE c AS '$module'");

# Each query gives one row.
my @queries = (
	q{SELECT md5(string_agg(p::text, '' ORDER BY phone_id)) FROM cph_phones p},
	q{SELECT md5(string_agg(s::text, '' ORDER BY server_id)) FROM cph_servers s},
	q{SELECT count(*) FROM cph_phones WHERE status = 2},
	q{SELECT count(imei) FROM cph_phones WHERE status IN (3, 4, 6)});
my %right = map { $_ => $node->safe_psql('postgres', CphTest::on_copies($_)) } @queries;

# What comes before a query: nothing of libcurl's is there, no connection is,
# all is.
my %befores = (
	new => '\c',
	cold => 'SELECT FROM cph_fdw_disconnect_all()',
	warm => 'SELECT');

# Runs a query with the memory running out at each of the given allocations,
# for so many allocations; returns how many there were at most.
sub run_out
{
	my ($name, $query, $times, @places) = @_;

	my $script = "\\set VERBOSITY terse\n";
	foreach my $place (@places)
	{
		$script .= join "\n",
		  "$befores{$name};",
		  "SELECT FROM no_memory($place, $times);",
		  "\\echo at $place",
		  "$query;",
		  '\echo state :SQLSTATE :LAST_ERROR_MESSAGE',
		  "SELECT 'calls ' || no_memory(-1, 0);",
		  '\echo then', "$query;\n";
	}
	my ($stdout, $stderr) = ('', '');
	my $status = $node->psql('postgres', $script, stdout => \$stdout,
		stderr => \$stderr, on_error_stop => 0, timeout => 600);
	my %seen;
	my ($at, $calls, $most) = ('', 0, 0);
	my (@wrong, $then);
	my ($done, $answered, $state) = (0, 0, '');
	foreach my $line (split /\n/, $stdout)
	{
		if ($line =~ /^at (\d+)$/) { ($at, $answered, $then) = ($1, 0, 0) }
		elsif ($line =~ /^state (\S+) (.*)$/)
		{
			$state = $1;
			$seen{"$1 $2"}++;
			push @wrong, "at $at: $line"
			  unless $state =~ /^(53200|HV00[0LN])$/ || ($state eq '00000' && $answered);
			# psql keeps the last error's message
			$seen{'right'}++ if $state eq '00000';
		}
		elsif ($line =~ /^calls (\d+)$/) { $most = $1 if $1 > $most }
		elsif ($line eq 'then') { $then = 1 }
		elsif ($line eq $right{$query}) { $then ? $done++ : $answered++ }
		elsif ($line =~ /\S/ && $line !~ /^You are now connected/)
		{
			push @wrong, "at $at: another answer" . ($then ? ' afterwards' : '');
		}
	}
	my $title = "$name, $times from " . scalar(@places) . " places: $query";
	is_deeply(\@wrong, [], $title) or diag join "\n", @wrong;
	is($done, scalar @places, "the next query is right: $title");
	is($status, 0, "no crash: $title") or diag $stderr;
	note "$most allocations";
	note "  $_: $seen{$_}" foreach sort keys %seen;
	return $most;
}

# The places at which it runs out: all up to a number, then some, up to the
# last allocation of the query or the 2,000th.
sub places
{
	my ($name, $query, $all) = @_;

	my $most = run_out($name, $query, 1, 1_000_000);
	$most = 2000 if $most > 2000;
	my $step = $ENV{CPH_TEST_EVERY} // 199;
	return grep { $_ < $all || $_ % $step == 0 || $_ == $most } 0 .. $most;
}

foreach my $query (@queries)
{
	my $full = $query eq $queries[0];
	my @places = places('cold', $query, $full ? 40 : 300);
	cmp_ok($places[-1], '>', 1000, 'there is much to fail') if $full;
	run_out('cold', $query, 1, @places);
	run_out('warm', $query, 1, places('warm', $query, $full ? 10 : 50));
	run_out('cold', $query, 1_000_000, places('cold', $query, 20));
}
run_out('new', $queries[3], 1, 0 .. 60);

done_testing();
