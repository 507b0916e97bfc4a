# CphGateway: what speaks HTTP/2 in front of a simulated service: nginx, or else
# nghttpx, behind TLS.
#
#   my $gateway = CphGateway->new($service->port)
#     or plan skip_all => 'neither nginx nor nghttpx is installed';
#   $gateway->attach($node);      # the server cph of CphTest goes through it
#   my ($connections, $protocols) = $gateway->seen;
#
# It ends with the object.
#
# Copyright (c) 2026, the cph_fdw developers

package CphGateway;

use strict;
use warnings FATAL => 'all';

use File::Basename;
use IO::Socket::INET;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep);

my $number = 0;

# Where a program is, or undef.
sub find
{
	my ($name) = @_;
	return (grep { -x } map { "$_/$name" } split(/:/, $ENV{PATH}), '/usr/sbin')[0];
}

# A port that is free at the moment.
sub free_port
{
	my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
	  or die "listen: $!";
	return $socket->sockport;
}

# Starts one in front of a port of this machine; undef if there is no program for
# it.  An option header_limit is what a request's headers may have, 64k by default;
# beyond it nginx closes the stream without a status.
sub new
{
	my ($class, $to, %options) = @_;

	my ($nginx, $nghttpx) = (find('nginx'), find('nghttpx'));
	return undef unless $nginx || $nghttpx;
	my $name = join '_', 'gateway', basename($0, '.pl'), ++$number;
	my $directory = "$PostgreSQL::Test::Utils::tmp_check/$name";
	mkdir $directory;
	my $self = bless {
		port => free_port(),
		certificate => "$directory/certificate.pem",
		key => "$directory/key.pem",
		log => "$PostgreSQL::Test::Utils::log_path/$name.log",
		directory => $directory,
		to => $to,
		header_limit => $options{header_limit} // '64k'
	}, $class;
	system_log('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
		'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj',
		'/CN=localhost', '-addext',
		'subjectAltName=DNS:localhost,IP:127.0.0.1',
		'-keyout', $self->{key}, '-out', $self->{certificate}) == 0
	  or die 'openssl makes no certificate';
	append_to_file($self->{log}, '');
	my @command = $nginx ? $self->nginx($nginx) : $self->nghttpx($nghttpx);
	$self->{process} = IPC::Run::start(\@command, '<', '/dev/null',
		'>', '/dev/null', '2>', "$directory/errors");
	for (1 .. 100)
	{
		last
		  if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
		sleep 0.1;
	}
	return $self;
}

# The command of each program.  Both keep their connections to the service, and
# write of each request its client's port, the protocol and the status.
sub nginx
{
	my ($self, $program) = @_;

	my $directory = $self->{directory};
	my $temporary = join '', map { "\t${_}_temp_path $directory;\n" }
	  qw(client_body proxy fastcgi uwsgi scgi);
	append_to_file("$directory/nginx.conf", <<"END");
daemon off;
master_process off;
pid $directory/pid;
error_log $directory/error.log;
events { worker_connections 1024; }
http {
$temporary
	log_format seen '\$remote_port \$server_protocol \$status';
	access_log $self->{log} seen;
	large_client_header_buffers 4 $self->{header_limit};
	keepalive_timeout 1h;
	keepalive_requests 1000000;
	proxy_read_timeout 1h;
	upstream service {
		server 127.0.0.1:$self->{to} max_fails=0;
		keepalive 64;
		keepalive_timeout 1h;
	}
	server {
		listen 127.0.0.1:$self->{port} ssl http2;
		ssl_certificate $self->{certificate};
		ssl_certificate_key $self->{key};
		location / {
			proxy_pass http://service;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host \$http_host;
		}
	}
}
END
	return ($program, '-p', $directory, '-c', "$directory/nginx.conf",
		'-e', "$directory/error.log");
}

sub nghttpx
{
	my ($self, $program) = @_;
	return (
		$program, '--conf=/dev/null', '--workers=1',
		"--frontend=127.0.0.1,$self->{port}", "--backend=127.0.0.1,$self->{to}",
		"--accesslog-file=$self->{log}",
		'--accesslog-format=$remote_port $alpn $status',
		'--errorlog-file=/dev/null', $self->{key}, $self->{certificate});
}

sub port
{
	my ($self) = @_;
	return $self->{port};
}

# The file of the certificate, which is its own authority: for localhost.
sub certificate
{
	my ($self) = @_;
	return $self->{certificate};
}

# Makes the server cph, or another one, go through it, or through the port of a
# relay in front of it.
sub attach
{
	my ($self, $node, %options) = @_;

	my $name = $options{name} // 'cph';
	my $port = $options{port} // $self->{port};
	$node->safe_psql('postgres',
		"ALTER SERVER $name OPTIONS (SET endpoint 'https://localhost:$port', ADD sslrootcert '$self->{certificate}')"
	);
	return;
}

# The number of connections that have carried a request, and the protocols that
# they had: 'h2', 'http/1.1' or both.
sub seen
{
	my ($self) = @_;

	my (%connections, %protocols);
	foreach (split /\n/, slurp_file($self->{log}))
	{
		my ($from, $protocol) = split ' ';
		$protocol = lc $protocol =~ s/^HTTP\/2(\.0)?$/h2/r;
		$connections{$from} = $protocols{$protocol} = 1;
	}
	return (scalar(keys %connections), join ' ', sort keys %protocols);
}

sub DESTROY
{
	my ($self) = @_;
	local ($@, $!, $?);
	$self->{process}->kill_kill(grace => 5) if $self->{process};
	return;
}

1;
