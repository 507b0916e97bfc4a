
# TLS: whom a credential is shown to.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphLogin;
use CphSession;
use CphTest;
use File::Copy;
use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'no openssl here' unless CphLogin::have_openssl();

my $directory = PostgreSQL::Test::Utils::tempdir();
my $servers = 'SELECT server_id FROM cph_servers';
my $tls_failed = 'HV00N could not establish a secure connection to server "cph"';

my $ours = CphLogin::authority($directory, 'ours');
my $theirs = CphLogin::authority($directory, 'theirs');
my %certificates = (
	right => CphLogin::certificate($directory, 'right', 'ours', 'IP:127.0.0.1, DNS:localhost', -1, 30),
	wrong_name => CphLogin::certificate($directory, 'wrong_name', 'ours', 'DNS:other.example.com', -1, 30),
	expired => CphLogin::certificate($directory, 'expired', 'ours', 'IP:127.0.0.1', -30, -1),
	future => CphLogin::certificate($directory, 'future', 'ours', 'IP:127.0.0.1', 10, 30));

my $node = CphTest::node();
CphLogin::install($node);

# The service with one certificate, and the authorities that the server trusts.
sub serve
{
	my ($certificate, $sslrootcert) = @_;

	my $service = CphTest::service(
		phones => 450,
		servers => 20,
		user => ['Company/user/password-of-user'],
		tls => $certificates{$certificate});
	my $options = CphTest::options(
		{
			endpoint => $service->url,
			iam_endpoint => $service->url,
			project_id => $CphTest::PROJECT,
			max_retries => 0,
			$sslrootcert ? (sslrootcert => $sslrootcert) : ()
		});
	$node->safe_psql(
		'postgres', qq{
		SET client_min_messages = warning;
		DROP SERVER IF EXISTS cph CASCADE;
		CREATE SERVER cph FOREIGN DATA WRAPPER cph_fdw $options;
		CREATE USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (token '$CphTest::TOKEN');
		IMPORT FOREIGN SCHEMA cph FROM SERVER cph INTO public;});
	return $service;
}

# What the service was asked: Perl may have no TLS, but its own program has.
sub asked
{
	my ($service) = @_;
	return `'$ENV{CPH_TEST_SERVICE}' log '@{[ $service->url ]}'`;
}

my $service = serve('right', $ours);
is($node->safe_psql('postgres', 'SELECT count(phone_id) FROM cph_phones'),
	450, 'right name, right authority');
like(asked($service), qr{^GET /v1/PROJECT/cloud-phone/phones\S* 200$}m, 'and requests are seen');
CphLogin::login($node, iam_domain => 'Company', iam_user => 'user',
	iam_password => 'password-of-user');
is($node->safe_psql('postgres', 'SELECT count(phone_id) FROM cph_phones'),
	450, 'tokens too');
$node->safe_psql('postgres', "ALTER SERVER cph OPTIONS (SET sslrootcert '$theirs')");
CphLogin::fails($node, 'another authority, for tokens', $servers,
	'HV00N could not establish a secure connection to server "cph"',
	qr/^HINT The option "sslrootcert"/);
CphLogin::login($node, token => $CphTest::TOKEN);

# In one session a connection is not used on after the option has changed.
is( $node->safe_psql(
		'postgres', qq{
		ALTER SERVER cph OPTIONS (SET sslrootcert '$ours');
		SELECT count(server_id) FROM cph_servers;
		ALTER SERVER cph OPTIONS (SET sslrootcert '$theirs');
		SELECT left(failure('$servers'), 5);
		ALTER SERVER cph OPTIONS (SET sslrootcert '$ours');
		SELECT count(server_id) FROM cph_servers}),
	"20\nHV00N\n20",
	'a changed authority has its effect at once');

foreach (
	[ 'right', undef, 'unknown authority' ],
	[ 'right', $theirs, 'another authority' ],
	[ 'right', "$directory/missing.pem", 'no file of authorities' ],
	[ 'wrong_name', $ours, 'wrong name' ],
	[ 'expired', $ours, 'expired certificate' ],
	[ 'future', $ours, 'certificate of the future' ])
{
	my ($certificate, $sslrootcert, $name) = @$_;
	my $service = serve($certificate, $sslrootcert);
	CphLogin::fails($node, $name, $servers, $tls_failed,
		qr/^DETAIL GET HOST.*: .*(SSL|certificate|CA|error setting|trust anchors)/i,
		$sslrootcert ? 'HINT The option "sslrootcert" of the server names the authorities to trust.'
		: qr/^HINT The authorities to trust are the system's, which the package ca-certificates holds, unless/);
	is(asked($service), '', 'and no request was sent');
}

# A file of authorities is read again when it has changed, within a session.
{
	my $rotating = "$directory/rotating.pem";
	copy($theirs, $rotating) or die "copy: $!";
	my $service = serve('right', $rotating);
	my $session = CphSession->new($node);
	my $query = 'SELECT count(server_id) FROM cph_servers';
	is($session->state($query), 'HV00N', 'before a rotation');
	copy($ours, "$rotating.new") or die "copy: $!";
	rename "$rotating.new", $rotating or die "rename: $!";
	is($session->run($query), 20, 'after it');
	is($session->error, '', '... without an error');
}

# Nothing that is not TLS answers for it, and no option switches it off.
my $plain = CphTest::service();
$node->safe_psql('postgres',
	'ALTER SERVER cph OPTIONS (ADD connect_timeout \'1\', SET endpoint \'https://127.0.0.1:'
	  . $plain->port . '\')');
CphLogin::fails($node, 'no TLS', $servers, qr/^HV00N/, qr/^DETAIL .*(SSL|timed out)/);
is(asked($plain), '', 'and no request was sent');

# The same where the other end speaks first, which libcurl sees at once.
my $listener = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
  or die "listen: $!";
pipe(my $heard, my $hears) or die "pipe: $!";
my $speaker = fork() // die "fork: $!";
if ($speaker == 0)
{
	alarm 60;
	my $client = $listener->accept;
	syswrite $client, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
	while (sysread $client, my $bytes, 65536)
	{
		syswrite $hears, $bytes;
	}
	POSIX::_exit(0);
}
close $hears;
$node->safe_psql('postgres',
	'ALTER SERVER cph OPTIONS (SET endpoint \'https://127.0.0.1:' . $listener->sockport . '\')');
CphLogin::fails($node, 'no TLS, an answer before the request', $servers,
	qr/^HV00N/, qr/^DETAIL .*SSL/);
my $said = do { local $/; readline $heard };
waitpid $speaker, 0;
like($said, qr/^\x16\x03/, 'a handshake was begun');
unlike($said, qr/GET|the-token/, 'and no request was sent');
CphLogin::fails($node, 'no TLS for another host',
	q{ALTER SERVER cph OPTIONS (SET endpoint 'http://cph.example.com')},
	'DETAIL Without TLS only a loopback address may be called.');

# Who may set it.
$node->safe_psql(
	'postgres', q{
	CREATE ROLE plain;
	GRANT USAGE ON FOREIGN DATA WRAPPER cph_fdw TO plain});
foreach my $option ("sslrootcert '/tmp/x'", "proxy 'http://127.0.0.1'")
{
	my ($name) = split / /, $option;
	my $found = $node->safe_psql('postgres',
		"SET ROLE plain; SELECT failure(\$q\$CREATE SERVER theirs FOREIGN DATA WRAPPER cph_fdw OPTIONS ($option)\$q\$)");
	is($found, "42501 permission denied to set option \"$name\"\nDETAIL Only a superuser may set it.",
		"$name is a superuser's");
}

done_testing();
