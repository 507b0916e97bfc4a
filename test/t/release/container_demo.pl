
# The container's demo: runs to its end, leaves the tables to psql, and leaves
# nothing running.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $directory = PostgreSQL::Test::Utils::tempdir_short();
my $log = "$PostgreSQL::Test::Utils::log_path/container_demo_output.log";

delete @ENV{ grep { /^CPH_/ } keys %ENV };
$ENV{CPH_RUN} = $directory;
my $demo = IPC::Run::start([ "$ENV{TESTDIR}/packaging/entrypoint", 'demo' ],
	'<', '/dev/null', '>>', $log, '2>&1');

my $asked = 10 * $PostgreSQL::Test::Utils::timeout_default;
until (-e $log && slurp_file($log) =~ /Ask your own questions/)
{
	die 'the demo has ended: ' . slurp_file($log)
	  unless $demo->pumpable && $asked-- > 0;
	select undef, undef, undef, 0.1;
}

# What psql prints for a query.
sub psql
{
	my ($query) = @_;

	IPC::Run::run([ 'psql', '-XAtq', '-h', $directory, '-U', 'postgres', '-c', $query ],
		'<', \'', '>&', \my $output);
	chomp $output;
	return $output;
}

is(psql('SELECT count(*) FROM fleet'), 20000, 'psql reads the tables of the demo');
like(slurp_file($log), qr/GET .*limit=5&/, 'the demo showed what was asked');
unlike(slurp_file($log), qr/ERROR/, 'and had no error');
my $scratch = psql('SHOW data_directory');

$demo->signal('TERM');
$demo->finish;
like(psql('SELECT 1'), qr/No such file or directory/, 'PostgreSQL ends with the demo');
ok(!-e $scratch, 'and its data is gone');

done_testing();
