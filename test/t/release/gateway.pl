
# The container's gateway: what packaging/entrypoint makes of an empty volume
# and of one that was used before, read by a PostgreSQL without the extension.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $ENTRYPOINT = "$ENV{TESTDIR}/packaging/entrypoint";
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $directory = PostgreSQL::Test::Utils::tempdir_short();
my $log = "$PostgreSQL::Test::Utils::log_path/gateway_postgres.log";
my $service = CphTest::service();
my $gateway;

delete @ENV{ grep { /^CPH_/ && $_ ne 'CPH_TEST_SERVICE' } keys %ENV };
$ENV{PGPORT} = $port;
$ENV{CPH_DATA} = "$directory/volume";
$ENV{CPH_RUN} = "$directory/run";
mkdir "$directory/$_" foreach qw(volume run secrets);

# Puts a secret where the entry point finds it by its variable.
sub secret
{
	my ($variable, $content) = @_;

	$ENV{$variable} = "$directory/secrets/" . lc $variable;
	unlink $ENV{$variable};
	append_to_file($ENV{$variable}, "$content\n");
	return;
}

# The gateway refuses to start, and says why.
sub refuses
{
	my ($pattern, $name) = @_;

	IPC::Run::run([ $ENTRYPOINT, 'gateway' ], '<', \'', '>&', \my $output);
	isnt($?, 0, "$name: an error");
	like($output, $pattern, "$name: and its reason");
	return;
}

# Starts the gateway, and waits until it lets the network in.
sub start
{
	$gateway = IPC::Run::start(
		[ $ENTRYPOINT, 'gateway', '-c', 'listen_addresses=127.0.0.1' ],
		'<', '/dev/null', '>>', $log, '2>&1');
	foreach (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		die 'the gateway has ended: ' . slurp_file($log) unless $gateway->pumpable;
		return if system_log('pg_isready', '-q', '-h', '127.0.0.1') == 0;
		select undef, undef, undef, 0.1;
	}
	die 'the gateway does not start: ' . slurp_file($log);
}

sub stop
{
	return unless $gateway;
	$gateway->signal('INT');
	$gateway->finish;
	undef $gateway;
	return;
}

END
{
	local $?;
	stop();
}

# What psql prints for a command, errors included.
sub psql
{
	my ($where, $command) = @_;

	IPC::Run::run([ 'psql', '-XAtq', '-d', $where, '-c', $command ],
		'<', \'', '>&', \my $output);
	chomp $output;
	return $output;
}

# The same, by the administrator and over the network by the reader.
sub admin
{
	my ($database, $command) = @_;
	return psql("host=$ENV{CPH_RUN} user=postgres dbname=$database", $command);
}

sub reader
{
	my ($password, $command, $more) = @_;
	return psql(
		"host=127.0.0.1 user=reader password=$password dbname=cph " . ($more // ''),
		$command);
}

# --- What is missing --------------------------------------------------------

$ENV{CPH_TOKEN_FILE} = $ENV{CPH_CREDENTIALS_FILE} = "$directory/secrets/none";
refuses(qr/no password for the reader/, 'no password');
secret(CPH_READER_PASSWORD_FILE => q{pass'word});
refuses(qr/CPH_REGION or CPH_ENDPOINT/, 'no service');
$ENV{CPH_ENDPOINT} = $service->url;
refuses(qr/no credential/, 'no credential');
secret(CPH_TOKEN_FILE => 'a-token-to-come');
secret(CPH_CREDENTIALS_FILE => '[basic]');
refuses(qr/two credentials/, 'two credentials');
unlink $ENV{CPH_CREDENTIALS_FILE};
ok(!-e "$directory/volume/cluster", 'and the volume is left alone');

# --- An empty volume --------------------------------------------------------

$ENV{CPH_PROJECT_ID} = $CphTest::PROJECT;
secret(CPH_TOKEN_FILE => $CphTest::TOKEN);
start();
is(reader(q{pass\'word}, 'SELECT count(*) FROM cph.cph_phones'), 1000, 'the reader reads');
like(reader('password', 'SELECT 1'), qr/password authentication failed/, 'with its password alone');
like(reader(q{pass\'word}, 'SELECT 1', 'dbname=postgres'), qr/no pg_hba.conf entry/, 'that one database');
like(
	reader(q{pass\'word}, q{ALTER USER MAPPING FOR reader SERVER cph OPTIONS (SET token_file '/etc/hosts')}),
	qr/permission denied/, 'cannot change its mapping');
like(
	reader(q{pass\'word}, q{SELECT umoptions IS NULL FROM pg_user_mappings WHERE usename = 'reader'}),
	qr/^t$/, 'nor see it');
is(admin('cph', q{SELECT count(*) FROM cph_fdw_check('cph') WHERE status = 'failed'}), 0, 'the administrator checks the server');

# A PostgreSQL without the extension, as another database of the same; its
# password is in a file, so that the volume has no cause to hold it.
secret(PGPASSFILE => q{*:*:*:reader:pass'word});
chmod 0600, $ENV{PGPASSFILE};
admin('postgres', 'CREATE DATABASE managed');
is(admin('managed', qq{
	CREATE EXTENSION postgres_fdw;
	CREATE SERVER gateway FOREIGN DATA WRAPPER postgres_fdw
		OPTIONS (host '127.0.0.1', port '$port', dbname 'cph', passfile '$ENV{PGPASSFILE}');
	CREATE USER MAPPING FOR CURRENT_USER SERVER gateway OPTIONS (user 'reader');
	IMPORT FOREIGN SCHEMA cph FROM SERVER gateway INTO public}), '', 'postgres_fdw imports the tables');
$service->log;
cmp_ok(admin('managed', 'SELECT count(*) FROM cph_phones WHERE status = 8'), '>', 0, 'and reads them');
is_deeply(
	[ grep { !/status=8/ } $service->log ],
	[], 'through the gateway the filter reaches the service');

# --- A volume that was used before ------------------------------------------

admin('cph', q{ALTER SERVER cph OPTIONS (ADD fetch_size '50')});
admin('cph', 'CREATE VIEW kept AS SELECT phone_id FROM cph.cph_phones LIMIT 60');
admin('postgres', q{ALTER SYSTEM SET log_statement = 'all'});
stop();
$service->control('POST', '/_control/tokens', { 'the-next-token' => undef });
secret(CPH_TOKEN_FILE => 'the-next-token');
secret(CPH_READER_PASSWORD_FILE => 'the-next-password');
$ENV{CPH_TLS_CERT_FILE} = "$directory/secrets/tls_cert";
$ENV{CPH_TLS_KEY_FILE} = "$directory/secrets/tls_key";
system_log('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes',
	'-subj', '/CN=gateway', '-days', 2, '-keyout', $ENV{CPH_TLS_KEY_FILE},
	'-out', $ENV{CPH_TLS_CERT_FILE}) == 0
  or die 'there is no certificate';
chmod 0444, $ENV{CPH_TLS_KEY_FILE};
start();
like(reader(q{pass\'word}, 'SELECT 1'), qr/authentication failed/, 'the old password is none');
is(reader('the-next-password', 'SELECT count(*) FROM cph.cph_servers', 'sslmode=require'), 20, 'the new one reads, through TLS');
like(reader('the-next-password', 'SELECT 1', 'sslmode=disable'), qr/no encryption/, 'and not without');
$service->log;
is(admin('cph', 'SELECT count(*) FROM kept'), 60, "the administrator's view is there");
is_deeply([ grep { /limit=(\d+)/ && $1 > 50 } $service->log ], [], "and the server's option");
stop();

# --- Secrets ----------------------------------------------------------------

my $written = slurp_file($log);
like($written, qr/SELECT count/, 'statements were logged');
foreach my $secret ($CphTest::TOKEN, 'the-next-token', "pass'word", 'the-next-password')
{
	unlike($written, qr/\Q$secret\E/, "the log has no $secret");
	isnt(system_log('grep', '-rqF', $secret, "$directory/volume"), 0, "nor has the volume");
}

done_testing();
