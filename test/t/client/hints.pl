# What the hint of an error says where the cause can be told: who asks to wait,
# whether a port speaks TLS, what the host follows from.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphLogin;
use CphTest;
use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

my ($node, $service) = CphTest::setup(servers => 20);
CphLogin::install($node);
my $port = $service->port;
my $servers = 'SELECT server_id FROM cph_servers';

sub server
{
	my ($options) = @_;
	$node->safe_psql('postgres', "SET client_min_messages = error; ALTER SERVER cph OPTIONS ($options)");
	return;
}
server(q{ADD max_retries '0', ADD connect_timeout '5', ADD throttle_timeout '10'});

# Too long to wait.
foreach my $case ([ 429, '53400 server "cph" is throttling' ], [ 503, 'HV000 server "cph" failed to answer' ])
{
	my ($status, $message) = @$case;
	$service->fault('status', status => $status, retry_after => 300);
	CphLogin::fails($node, "$status, and to wait for long", $servers, $message,
		'HINT The service asks to wait for N seconds; the option "throttle_timeout" of the server allows 10.');
	$service->clear;
}

# A web page.
foreach my $status (200, 404, 502)
{
	$service->fault('body', status => $status, text => "\n<!DOCTYPE html><html><body>Log in here</body></html>");
	CphLogin::fails($node, "a web page, $status", $servers,
		'HINT The answer is a web page: a proxy or gateway in between sent it, or the option "endpoint" of the server names another service.');
	$service->clear;
}

# TLS where there is none, and none where there is.
# A small system has no authorities, which would be found out first.
my $openssl = CphLogin::have_openssl();
my $directory = PostgreSQL::Test::Utils::tempdir();
server("ADD sslrootcert '" . CphLogin::authority($directory, 'ours') . "'") if $openssl;
my $no_tls = 'HINT The port may not speak TLS: see the option "endpoint" of the server.';
my $web = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die "listen: $!";
my $child = fork // die "fork: $!";
if ($child == 0)
{
	$SIG{TERM} = 'DEFAULT';
	while (my $client = $web->accept)
	{
		sysread $client, my $greeting, 5;
		syswrite $client, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
		close $client;
	}
	POSIX::_exit(0);
}
server("SET endpoint 'https://127.0.0.1:" . $web->sockport . "'");
CphLogin::fails($node, 'a port that answers without TLS', $servers, 'HV00N could not establish a secure connection to server "cph"', $no_tls);
kill 'TERM', $child;
waitpid $child, 0;
server("SET endpoint 'https://127.0.0.1:$port', SET connect_timeout '1'");
CphLogin::fails($node, 'a port that waits for more', $servers, 'HV00N server "cph" did not answer in time',
	qr/^HINT The (?:host may not be reachable from here, or the )?port may not speak TLS: see the option "endpoint" of the server\.$/);
SKIP:
{
	skip 'no openssl here', 1 unless $openssl;
	my $secure = CphTest::service(servers => 1,
		tls => CphLogin::certificate($directory, 'right', 'ours', 'IP:127.0.0.1', -1, 30));
	server("SET endpoint 'http://127.0.0.1:" . $secure->port . "'");
	CphLogin::fails($node, 'a port with TLS', $servers, 'HV00L the answer of server "cph" broke off',
		'HINT If the port speaks TLS, the option "endpoint" of the server is to begin with "https://".');
}

server('DROP sslrootcert') if $openssl;

# A host that there is not.
server(q{DROP endpoint, ADD region 'cn-nort-4'});
my $found = CphLogin::failures($node, $servers);
SKIP:
{
	skip 'somebody answers for all names here', 1 unless $found =~ /Could not resolve|could not connect/;
	like($found, qr/^HINT The host follows from the option "region" of the server, which is "cn-nort-4"\.$/m,
		'a region that there is not');
}

# A file of authorities that is not there: said at once, and by whom it is read.
my $stderr;
$node->psql('postgres', q{ALTER SERVER cph OPTIONS (ADD sslrootcert '/no/such/file.pem')}, stderr => \$stderr);
like($stderr, qr/WARNING:  could not open the file that option "sslrootcert" names: No such file or directory\nDETAIL:  It is read by the operating system's user "\w+"\.\nHINT:  .*ca-certificates/, 'a missing file of authorities');
my $unreadable = "$directory/unreadable.pem";
system('touch', $unreadable) == 0 && chmod(0, $unreadable) or die $unreadable;
$node->psql('postgres', "BEGIN; ALTER SERVER cph OPTIONS (SET sslrootcert '$unreadable')", stderr => \$stderr);
my $user = getpwuid $>;
like($stderr, qr/WARNING:  could not open the file that option "sslrootcert" names: Permission denied\nDETAIL:  It is read by the operating system's user "\Q$user\E"\./, 'one that may not be read');
server(qq{ADD endpoint 'https://127.0.0.1:$port'});
CphLogin::fails($node, '... and when it is used', $servers,
	'HV00N could not establish a secure connection to server "cph"', qr/^HINT The option "sslrootcert" of the server names/);

$node->stop;
done_testing();
