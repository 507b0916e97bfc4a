
# A proxy: named by a superuser, logged in at by the mapping, and never shown a
# credential of the service.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphLogin;
use CphTest;
use IO::Select;
use IO::Socket::INET;
use MIME::Base64;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'no openssl here' unless CphLogin::have_openssl();

my $directory = PostgreSQL::Test::Utils::tempdir();
my $ours = CphLogin::authority($directory, 'ours');
# The proxy: takes CONNECT from who logs in, and notes what it was asked.
my $login = encode_base64('proxy-user:proxy-password', '');
my $seen = "$directory/seen";
my $listen = IO::Socket::INET->new(
	Listen => 10,
	LocalAddr => '127.0.0.1') or die "no socket: $!";
my $proxy_port = $listen->sockport;

sub tunnel
{
	my ($client, $to) = @_;

	my $server = IO::Socket::INET->new(PeerAddr => $to) or return;
	syswrite $client, "HTTP/1.1 200 Connected\r\n\r\n";
	my $both = IO::Select->new($client, $server);
	while (my @ready = $both->can_read)
	{
		foreach my $from (@ready)
		{
			sysread($from, my $bytes, 65536) or return;
			syswrite $from == $client ? $server : $client, $bytes;
		}
	}
	return;
}

sub serve_one
{
	my ($client) = @_;

	my $head = '';
	while ($head !~ /\r\n\r\n/)
	{
		sysread($client, $head, 4096, length $head) or return;
	}
	append_to_file($seen, $head);
	if ($head !~ /^Proxy-Authorization: Basic \Q$login\E\r$/m)
	{
		syswrite $client, "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n"
		  . "Content-Length: 0\r\nConnection: close\r\n\r\n";
	}
	elsif ($head =~ /^CONNECT (\S+) /)
	{
		tunnel($client, $1);
	}
	return;
}

my $proxy = fork() // die "no process: $!";
if ($proxy == 0)
{
	$SIG{CHLD} = 'IGNORE';
	while (my $client = $listen->accept)
	{
		next if fork();
		serve_one($client);
		POSIX::_exit(0);
	}
	POSIX::_exit(0);
}

# Ends the proxy for sure: it holds what tells the service to end.
sub stop_proxy
{
	kill 'KILL', $proxy if $proxy;
	undef $proxy;
	return;
}
END { local $?; stop_proxy() }
close $listen;

my $service = CphTest::service(
	servers => 20,
	user => ['Company/user/password-of-user'],
	tls => CphLogin::certificate($directory, 'right', 'ours', 'IP:127.0.0.1', -1, 30));

# What the proxy was asked since the last call.
sub seen
{
	my $text = -e $seen ? slurp_file($seen) : '';
	unlink $seen;
	return $text;
}

my $node = CphTest::node();
CphLogin::install($node);
my $options = CphTest::options(
	{
		endpoint => $service->url,
		iam_endpoint => $service->url,
		project_id => $CphTest::PROJECT,
		sslrootcert => $ours,
		max_retries => 0,
		proxy => "http://127.0.0.1:$proxy_port"
	});
$node->safe_psql(
	'postgres', qq{
	CREATE SERVER cph FOREIGN DATA WRAPPER cph_fdw $options;
	IMPORT FOREIGN SCHEMA cph FROM SERVER cph INTO public;});
my $servers = 'SELECT server_id FROM cph_servers';
my %proxy_login = (proxy_user => 'proxy-user', proxy_password => 'proxy-password');

foreach my $mapping (
	{ token => $CphTest::TOKEN },
	{ iam_domain => 'Company', iam_user => 'user', iam_password => 'password-of-user' })
{
	CphLogin::login($node, %$mapping, %proxy_login);
	is($node->safe_psql('postgres', 'SELECT count(server_id) FROM cph_servers'),
		20, 'through the proxy: ' . join ' ', sort keys %$mapping);
	my $asked = seen();
	like($asked, qr/^CONNECT 127\.0\.0\.1:@{[ $service->port ]} /, 'by a tunnel');
	unlike($asked, qr/\Q$CphTest::TOKEN\E|Auth-Token|User-Agent: .*password|password-of-user/,
		'that is shown nothing');
}

# A wrong login, and none.
CphLogin::login($node, token => $CphTest::TOKEN, %proxy_login,
	proxy_password => 'wrong-proxy-password');
my $error = CphLogin::failures($node, $servers);
like($error, qr/^HV000 could not send a request to server "cph"\nDETAIL .*407/,
	'a wrong login at the proxy');
unlike($error, qr/proxy-password/, 'is not shown');
CphLogin::login($node, token => $CphTest::TOKEN);
CphLogin::fails($node, 'no login at the proxy', $servers, qr/^HV000/, qr/407/);

# A proxy of the environment is none.
$node->safe_psql('postgres', 'ALTER SERVER cph OPTIONS (DROP proxy)');
seen();
$ENV{$_} = "http://127.0.0.1:$proxy_port"
  foreach 'http_proxy', 'https_proxy', 'HTTPS_PROXY', 'ALL_PROXY';
$node->restart;
is($node->safe_psql('postgres', 'SELECT count(server_id) FROM cph_servers'),
	20, 'without the proxy');
is(seen(), '', 'whatever the environment says');

# A password in the proxy's URL would be shown.
CphLogin::fails($node, 'no password in a URL',
	q{ALTER SERVER cph OPTIONS (ADD proxy 'http://u:p@127.0.0.1:1')},
	'DETAIL The URL must not carry a user or a password.');

stop_proxy();
done_testing();
