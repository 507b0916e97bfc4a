
# What programs do through the JDBC driver: test/drivers/Jdbc.java, which needs a
# Java that compiles, and the driver.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $driver = '/usr/share/java/postgresql.jar';
my $packages = 'in Debian: default-jdk-headless, libpostgresql-jdbc-java';
plan skip_all => "the JDBC driver is not there ($packages)" unless -e $driver;
plan skip_all => "no Java that compiles is there ($packages)"
  unless `java --list-modules 2>&1` =~ /^jdk\.compiler/m;

my ($node, $service) = CphTest::setup(
	node => { conf => "listen_addresses = '127.0.0.1'\n" },
	attach => { server => { max_retries => 0, max_concurrent_requests => 1 } });
$node->safe_psql('postgres', q{
	COMMENT ON FOREIGN TABLE cph_phones IS 'all phones';
	COMMENT ON COLUMN cph_phones.status IS 'a number'});

my ($output, $errors) = run_command([ 'java', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Duser.timezone=UTC',
		'-cp', $driver, "$ENV{TESTDIR}/test/drivers/Jdbc.java",
		'jdbc:postgresql://127.0.0.1:' . $node->port . '/postgres?user=postgres', $service->url ]);
foreach (split /\n/, $output)
{
	/^((?:not )?ok) - (.*)/ ? ok($1 eq 'ok', $2) : note $_;
}
like($output, qr/^# end$/m, 'all of them ran') or diag $errors;

$node->stop;
done_testing();
