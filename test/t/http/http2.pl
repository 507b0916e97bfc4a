# Where a service offers HTTP/2, requests share one connection.  nghttpx stands
# in front of the simulated service for that; without it there is no test.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphTest;
use IO::Socket::INET;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my ($nghttpx) = grep { -x } map { "$_/nghttpx" } split(/:/, $ENV{PATH}), '/usr/sbin';
plan skip_all => 'nghttpx is not installed' unless $nghttpx;

# A certificate, the proxy, and a port that is free at the moment.
my $directory = $PostgreSQL::Test::Utils::tmp_check;
my ($key, $certificate) = ("$directory/key.pem", "$directory/certificate.pem");
system_log('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
	'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj',
	'/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
	'-keyout', $key, '-out', $certificate) == 0
  or die 'openssl makes no certificate';
my ($node, $service) = CphTest::setup(
	phones => 3000,
	attach => { server => { max_concurrent_requests => 8 } });
my $port = do
{
	my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
	  or die "listen: $!";
	$socket->sockport;
};
my $log = "$PostgreSQL::Test::Utils::log_path/nghttpx.log";
my $proxy = IPC::Run::start(
	[
		$nghttpx, '--conf=/dev/null', '--workers=1', "--frontend=127.0.0.1,$port",
		'--backend=127.0.0.1,' . $service->port,
		"--accesslog-file=$log", '--accesslog-format=$remote_port $alpn $status',
		'--errorlog-file=/dev/null', $key, $certificate
	],
	'<', '/dev/null', '>', '/dev/null', '2>', '/dev/null');

END
{
	my $status = $?;
	if ($proxy) { $proxy->kill_kill; }
	$? = $status;
}
for (1 .. 100)
{
	last if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
	sleep 0.1;
}
$node->safe_psql('postgres',
	"ALTER SERVER cph OPTIONS (SET endpoint 'https://localhost:$port', ADD sslrootcert '$certificate')");

# The connections and protocols that the proxy has seen.
sub seen
{
	my %connections;
	my %protocols;
	foreach (split /\n/, slurp_file($log))
	{
		my ($from, $protocol) = split ' ';
		$connections{$from} = $protocols{$protocol} = 1;
	}
	return (scalar(keys %connections), join ' ', sort keys %protocols);
}

my $session = CphSession->new($node);
$service->fault('latency', ms => 30);
$service->entries;
is($session->run('SELECT count(phone_name), count(DISTINCT phone_id) FROM cph_phones'),
	'3000|3000', 'a scan');
is($session->error, '', '... without an error');
my ($most) = sort { $b <=> $a } map { $_->{in_flight} } $service->entries;
is($most, 8, 'eight requests in flight');
is_deeply([ seen() ], [ 1, 'h2' ], '... share one connection');
$session->run('SELECT count(phone_name) FROM cph_phones') for 1 .. 2;
is_deeply([ seen() ], [ 1, 'h2' ], '... which is kept');

# Faults are those of one request, and the others go on.
$service->fault('status', status => 503, times => 1, after => 3);
is($session->run('SELECT count(phone_name) FROM cph_phones'), '3000', 'a 503');
$service->fault('reset_body', times => 1, after => 3);
is($session->run('SELECT count(phone_name) FROM cph_phones'), '3000', 'a reset');
$service->clear;
my ($before) = seen();

# Ends early, each time with requests in flight, and goes on with the same
# connection.  libcurl gives it up where the headers of an answer arrive that is
# no longer wanted, which is not so each time.
$service->fault('latency', ms => 30);
$session->run('SELECT phone_name FROM cph_phones WHERE imei <> \'\' LIMIT 300') for 1 .. 5;
is($session->run('SELECT count(phone_name) FROM cph_phones'), '3000', 'early ends');
my ($after) = seen();
cmp_ok($after - $before, '<', 5, '... cost fewer connections than there were');

done_testing();
