# Hostile answers: whatever becomes of an answer on its way, one backend goes
# on with the right rows or a clear error.  All of them, under the sanitizers:
# CPH_TEST_ANSWERS=100000 LIB_STEP_SECONDS=7200 test/check --sanitize hostile_answers
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use File::Basename;
use PostgreSQL::Test::Utils;
use Test::More;

# Without retries, and with small limits, every failure is quick.
my %options = (
	max_retries => 0,
	connect_timeout => 5,
	request_timeout => 5,
	throttle_timeout => 0,
	max_response_size => '3MB');
my ($node, $service) =
  CphTest::setup(phones => 40, servers => 6, attach => { server => \%options });
$node->safe_psql('postgres', 'CREATE SCHEMA paged');
CphTest::attach(
	$node, $service,
	name => 'paged',
	schema => 'paged',
	copies => 0,
	server => { %options, fetch_size => 10 });

$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
my @more = map { $ENV{ 'CPH_TEST_' . uc } ? ("--$_", $ENV{ 'CPH_TEST_' . uc }) : () }
  qw(answers seed only);
my ($stdout, $stderr) =
  run_command([ 'python3', dirname(__FILE__) . '/hostile_answers.py', '--service', $service->port, @more ]);
note $stdout;
diag $stderr if $stderr ne '';
my ($failed) = $stdout =~ /^[0-9]+ passed, ([0-9]+) failed$/m;
is($failed, 0, 'every answer gave the right rows or a clear error')
  or diag $stdout;
my ($answers) = $stdout =~ /^([0-9]+) mutated answers/m;
cmp_ok($answers // 0, '>=', $ENV{CPH_TEST_ONLY} ? 1 : $ENV{CPH_TEST_ANSWERS} // 3000,
	'there were as many as wanted');
is($node->safe_psql('postgres', 'SELECT count(*) FROM cph_phones'),
	40, 'the server is alive');

done_testing();
