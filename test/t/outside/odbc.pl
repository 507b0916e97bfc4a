
# What programs do through the ODBC driver: test/drivers/odbc.py, which needs the
# driver and unixODBC.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($driver) = glob '/usr/lib/*/odbc/psqlodbcw.so';
my $packages = 'in Debian: odbc-postgresql, unixodbc';
plan skip_all => "the ODBC driver is not there ($packages)" unless defined $driver;
plan skip_all => "unixODBC is not there ($packages)"
  if system('python3', '-c', 'import ctypes, sys
try: ctypes.CDLL("libodbc.so.2")
except OSError: sys.exit(1)');

my ($node, $service) = CphTest::setup(attach => { server => { max_retries => 0, max_concurrent_requests => 1 } });
my ($output, $errors) = run_command([ 'python3', "$ENV{TESTDIR}/test/drivers/odbc.py",
		"Driver=$driver;Servername=" . $node->host . ';Port=' . $node->port
		  . ';Database=postgres;Username=postgres;ConnSettings=SET+timezone+=+UTC;', $service->url ]);
foreach (split /\n/, $output)
{
	/^((?:not )?ok) - (.*)/ ? ok($1 eq 'ok', $2) : note $_;
}
like($output, qr/^# end$/m, 'all of them ran') or diag $errors;

$node->stop;
done_testing();
