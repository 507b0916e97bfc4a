
# psql: what it shows of the tables and the reports, its completion of their
# names, and cph_reports.sql where it cannot be run.  None asks the service.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my ($node, $service) = CphTest::setup(phones => 100, servers => 5, attach => { copies => 0 });
my $script = $node->safe_psql('postgres', q{SELECT setting || '/extension/cph_reports.sql' FROM pg_config WHERE name = 'SHAREDIR'});

# Runs the script with more options for psql; returns its status, output, errors.
sub run_script
{
	my ($database, @options) = @_;

	my $status = IPC::Run::run([ 'psql', '-X', @options, '-f', $script, $node->connstr($database) ],
		'>', \my $output, '2>', \my $errors);
	return ($status, $output, $errors);
}

# --- The script -------------------------------------------------------------

my ($status, $output, $errors) = run_script('postgres', '-v', 'servers=cph, nowhere');
ok(!$status, 'a server that there is not');
like($errors, qr/server "nowhere" does not exist/, 'is an error');
$node->safe_psql('postgres', q{CREATE DATABASE empty});
$node->safe_psql('empty', q{CREATE EXTENSION cph_fdw});
($status, $output, $errors) = run_script('empty');
ok(!$status, 'no server at all');
like($errors, qr/there is no server of cph_fdw to report on.*HINT:  Make one/s, 'is one too');
is($node->safe_psql($_, q{SELECT count(*) FROM pg_namespace WHERE nspname = 'cph_reports'}), '0', "and nothing is left in $_")
  foreach 'postgres', 'empty';
($status, $output, $errors) = run_script('postgres', '-v', 'servers= cph ');
is("$status$output$errors", "1cph_reports: views and snapshots of the servers cph\n", 'and where there is one, only what was made');

# --- What it shows ----------------------------------------------------------

$node->safe_psql('postgres', q{COMMENT ON FOREIGN TABLE cph_phones IS 'the phones'});
foreach (
	[ '\d+ cph_phones', qr/Foreign table "public.cph_phones".*create_time +\| timestamp with time zone.*Server: cph\n.*resource 'phones'/s ],
	[ '\det+', qr/cph_phones +\| cph +\| \(resource 'phones'\) +\| the phones/ ],
	[ '\det+ cph_reports.*', qr/phones_cph +\| cph +\| \(resource 'phones'\) +\| phones of the server cph/ ],
	[ '\d+ cph_reports.phones_cph', qr/order_id.*\(field 'metadata.order_id'\).*order by which it was bought/ ],
	[ '\d+ cph_reports.fleet_by_status', qr/status +\| integer.*status, as a number/ ],
	[ '\dv+ cph_reports.*', qr/latest_phones.*last good snapshot.*phones_by_server.*servers with their phones, now/s ],
	[ '\dt+ cph_reports.*', qr/phone_history.*phones of all snapshots/ ],
	[ '\df+ cph_reports.take_snapshot', qr/take_snapshot.*keep the rows of each server/s ],
	[ '\des+', qr/cph +\| postgres +\| cph_fdw .*project_id/ ],
	[ '\dx+ cph_fdw', qr/foreign-data wrapper cph_fdw/ ])
{
	my ($command, $shown) = @$_;
	like($node->safe_psql('postgres', $command, extra_params => [ '-P', 'format=aligned', '-P', 'tuples_only=off' ]), $shown, $command);
}

# --- Completion -------------------------------------------------------------

SKIP:
{
	skip 'no terminal can be had (in Debian: libio-pty-perl; and /dev/ptmx)', 1
	  unless eval { require IO::Pty; IO::Pty->new };

	my ($in, $out) = ('', '');
	local %ENV = (%ENV, TERM => 'xterm', PSQL_HISTORY => '/dev/null', INPUTRC => '/dev/null', LS_COLORS => '');
	my $timer = IPC::Run::timeout(20);
	my $psql = IPC::Run::start([ 'psql', '-X', '-P', 'pager=off', $node->connstr('postgres') ], '<pty<', \$in, '>pty>', \$out, $timer);

	# Types something and waits for what it becomes; then drops the line.
	my $completes = sub {
		my ($typed, $shown) = @_;

		$out = '';
		$in .= $typed;
		$timer->start(20);
		my $good = eval { IPC::Run::pump($psql) until $out =~ $shown; 1 };
		$in .= "\cU\\echo 'ne''xt'\n";
		$timer->start(20);
		eval { IPC::Run::pump($psql) until $out =~ /ne'xt/; 1 } or die 'psql is stuck';
		return $good;
	};
	if (!$completes->("SEL\t", qr/SELECT /))
	{
		$psql->kill_kill;
		skip 'this psql does not complete', 1;
	}
	ok($completes->(@$_), "completes $_->[0]") foreach (
		[ "SELECT * FROM cph_phone_\t", qr/cph_phone_models / ],
		[ "SELECT count(*) FROM cph_phones WHERE vnc\t", qr/vnc_enable / ],
		[ "SELECT * FROM cph_reports.fle\t", qr/cph_reports\.fleet_by_status / ],
		[ "CALL cph_reports.ta\t", qr/cph_reports\.take_snapshot/ ],
		[ "ALTER FOREIGN TABLE cph_s\t", qr/cph_servers / ],
		[ "\\det cph_phone_\t", qr/cph_phone_models / ],
		[ "ALTER SERVER c\t", qr/cph / ]);
	$in .= "\\q\n";
	$timer->start(20);
	IPC::Run::finish($psql);
}

is_deeply([ $service->log ], [], 'nothing is asked for');
$node->stop;
done_testing();
