
# No secret leaves the user mapping: not in a plan, an EXPLAIN, an error, the
# server's log, or what other sessions see.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphLogin;
use CphTest;
use PostgreSQL::Test::Utils;
use Test::More;

# What must not be found.  The token service's tokens begin with MII.
my %secrets = (
	'fixed token' => 'sEcReT-token-fixed-0001',
	'token of a file' => 'sEcReT-token-file-0002',
	'secret key' => 'sEcReT-key-0003',
	'access key' => 'AKSECRET0004',
	'security token' => 'sEcReT-security-0005',
	'key of a file' => 'sEcReT-key-file-0006',
	'password' => 'sEcReT-password-0007',
	'proxy password' => 'sEcReT-proxy-0008');
my @patterns = ((map { quotemeta } values %secrets),
	'MII[\w+-]{20}', 'Signature=', 'X-Auth-Token:', 'X-Security-Token:');
my $any = join '|', @patterns;

my $directory = PostgreSQL::Test::Utils::tempdir();
append_to_file("$directory/token", "$secrets{'token of a file'}\n");
append_to_file("$directory/keys",
	"[basic]\nak = AKFILE0009\nsk = $secrets{'key of a file'}\n");
my %ways = (
	token => { token => $secrets{'fixed token'} },
	token_file => { token_file => "$directory/token" },
	keys => {
		access_key => $secrets{'access key'},
		secret_key => $secrets{'secret key'},
		security_token => $secrets{'security token'}
	},
	keys_file => { credentials_file => "$directory/keys" },
	password => {
		iam_domain => 'Company',
		iam_user => 'user',
		iam_password => $secrets{'password'}
	});

my $service = CphTest::service(
	phones => 450,
	servers => 20,
	token => CphLogin::several(
		'token', $CphTest::TOKEN, $secrets{'fixed token'}, $secrets{'token of a file'}),
	key => CphLogin::several(
		'key',
		"$secrets{'access key'}/$secrets{'secret key'}/$secrets{'security token'}",
		"AKFILE0009/$secrets{'key of a file'}"),
	user => ["Company/user/$secrets{'password'}"]);

# A server that writes all that it can.
my $auto_explain = -e `"$ENV{PG_CONFIG}" --pkglibdir` =~ s/\n//r . '/auto_explain.so';
my $node = CphTest::node(
	conf => q{
log_min_messages = debug5
log_min_error_statement = debug5
log_error_verbosity = verbose
log_statement = all
log_duration = on
log_parser_stats = on
debug_print_parse = on
debug_print_rewritten = on
debug_print_plan = on
} . (
		$auto_explain
		? q{
session_preload_libraries = 'auto_explain'
auto_explain.log_min_duration = 0
auto_explain.log_analyze = on
auto_explain.log_verbose = on
auto_explain.log_settings = on
auto_explain.log_nested_statements = on
}
		: ''));
CphLogin::install($node);
CphTest::attach(
	$node, $service,
	server => {
		iam_endpoint => $service->url,
		region => 'cn-north-4',
		max_retries => 0,
		request_timeout => 2
	});

# Sets a mapping as the README says, so that the log does not have it.
sub login
{
	my (%options) = @_;

	my $command = CphLogin::mapping(%options);
	$node->safe_psql(
		'postgres', qq{
		SET client_min_messages = warning;
		SET log_min_messages = fatal;
		SET log_statement = none;
		SET log_min_error_statement = panic;
		SET log_duration = off;
		SET log_parser_stats = off;
		SET debug_print_parse = off;
		SET debug_print_rewritten = off;
		SET debug_print_plan = off;
		SET track_activities = off;
		$command});
	return;
}

my $shown = '';

# Runs commands in one session, which logs in anew, and keeps all that it shows.
sub show
{
	my ($commands) = @_;

	my ($output, $errors) = ('', '');
	CphTest::forget($node);
	$node->psql(
		'postgres', "\\set VERBOSITY verbose\n\\set SHOW_CONTEXT always\n$commands",
		stdout => \$output,
		stderr => \$errors,
		on_error_stop => 0);
	$shown .= "$output\n$errors\n";
	return "$output\n$errors";
}

my $servers = 'SELECT server_id FROM cph_servers';
my $phones = q{SELECT * FROM cph_phones WHERE status IN (2, 3) AND phone_name LIKE 'p%'};
my @explains = map { "EXPLAIN (ANALYZE, VERBOSE, BUFFERS, SETTINGS, FORMAT $_) $phones;" }
  qw(TEXT XML JSON YAML);
my @faults = (
	[ 'status', status => 401, error_code => 'APIGW.0301', error_msg => 'no' ],
	[ 'status', status => 403, error_code => 'CPS.0001', error_msg => 'no' ],
	[ 'status', status => 404 ],
	[ 'status', status => 429, retry_after => 1000 ],
	[ 'status', status => 500 ],
	['redirect'], ['html'], ['garbage'], ['empty'], ['bad_gzip'], ['reset'],
	['oversize'], [ 'huge_header', n => 200_000 ], ['truncate'], ['deep'],
	[ 'stall', where => 'body' ]);

foreach my $way (sort keys %ways)
{
	login(%{ $ways{$way} }, proxy_user => 'proxy-user',
		proxy_password => $secrets{'proxy password'});
	show(
		join "\n",
		@explains,
		"PREPARE p AS $phones; EXECUTE p; SET plan_cache_mode = force_generic_plan; EXECUTE p;",
		'EXPLAIN (GENERIC_PLAN) EXECUTE p;',
		'TABLE pg_prepared_statements; TABLE pg_cursors;',
		'SELECT pid, query, state, wait_event FROM pg_stat_activity;',
		'SELECT * FROM pg_foreign_server; SELECT * FROM pg_foreign_table;',
		'SELECT * FROM cph_fdw_get_connections();',
		"SELECT * FROM cph_fdw_check('cph');",
		'SELECT name, level, ident FROM pg_backend_memory_contexts;');
	foreach my $fault (@faults)
	{
		my ($kind, @arguments) = @$fault;
		foreach my $match ('cloud-phone', 'auth/tokens')
		{
			next if $match ne 'cloud-phone' && $way ne 'password';
			$service->fault($kind, @arguments, match => $match);
			my $found = show("$servers;");
			like($found, qr/ERROR: /, "$way: $kind") if $match eq 'cloud-phone';
			$service->clear;
		}
	}

	# An answer that echoes what it was sent.
	foreach my $secret (values %{ $ways{$way} })
	{
		next if $secret !~ /$any/;
		$service->fault('status', status => 403, error_code => 'CPS.0001',
			error_msg => "echo: $secret");
		$service->fault('status', status => 400, shape => 'iam', match => 'auth/tokens',
			error_msg => "echo: $secret");
		like(show("$servers;"), qr/echo: \*+"/, "$way: an echo is masked");
		$service->clear;
	}
}

# What is refused when it is set is not shown either.
foreach my $options (
	"token '$secrets{'fixed token'} with a blank'",
	"token '$secrets{'fixed token'}', access_key '$secrets{'access key'}'",
	"access_key '$secrets{'access key'}', proxy_password '$secrets{'proxy password'}'",
	"iam_password '$secrets{'password'}'")
{
	my $command = "ALTER USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (DROP iam_user, DROP iam_domain, DROP iam_password, $options)";
	my $found = '';
	$node->psql(
		'postgres', qq{
		SET log_min_messages = fatal;
		SET log_statement = none;
		SET log_duration = off;
		SET log_min_error_statement = panic;
		$command},
		stderr => \$found);
	$found =~ s/^LINE.*//ms;
	$shown .= $found;
	like($found, qr/ERROR: /, 'refused when set');
}

# What another session sees of one that waits.
login(%{ $ways{token} });
$service->fault('stall');
my $waiting = $node->background_psql('postgres', on_error_stop => 0);
$waiting->query_until(qr/started/, "\\echo started\n$servers;\n");
$node->poll_query_until('postgres',
	"SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '$servers%' AND state = 'active'");
show('SELECT * FROM pg_stat_activity; SELECT * FROM pg_stat_statements;');
$node->safe_psql('postgres',
	"SELECT pg_log_backend_memory_contexts(pid) FROM pg_stat_activity WHERE query LIKE '$servers%' AND pid <> pg_backend_pid()");
$service->clear;
$waiting->quit;

# What a role that is not the mapping's user sees of it.
$shown .= $node->safe_psql('postgres', q{
	CREATE ROLE stranger;
	GRANT USAGE ON FOREIGN SERVER cph TO stranger;
	SET ROLE stranger;
	SELECT * FROM pg_user_mappings;
	SELECT * FROM information_schema.user_mapping_options});

# The search finds what it is to find.
sub finds
{
	my ($text) = @_;
	return join ', ', grep { $text =~ /$_/ } @patterns;
}

my $log = slurp_file($node->logfile);
cmp_ok(length $log, '>', 1_000_000, 'the log has everything');
like($log, qr/plan:/, 'even plans') if $auto_explain;
is(finds($log), '', 'no secret in the log');
is(finds($shown), '', 'no secret in what was shown');
is(finds(join "\n", $service->log), '', 'no secret in a URL');
foreach my $name (sort keys %secrets)
{
	show("SELECT '$secrets{$name}' AS planted;");
	ok($shown =~ /\Q$secrets{$name}\E/, "planted and found in what is shown: $name");
	ok(slurp_file($node->logfile) =~ /\Q$secrets{$name}\E/, "and in the log: $name");
}

done_testing();
