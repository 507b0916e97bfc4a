# What a kept connection holds that nobody asked for, and a load balancer's
# goodbye: neither becomes the answer to the next request.  Over HTTP/2 they cannot
# be: an answer has its stream's number, one for a stream that has ended is dropped,
# and a goodbye is a GOAWAY; what the service says unasked ends at the gateway.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphLogin;
use CphSession;
use CphTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my %brisk = (request_timeout => 5, max_retries => 0, fetch_size => 200);
my $node = CphTest::node();

# A service beside the first one, over TLS, if there is an openssl.
my $directory = PostgreSQL::Test::Utils::tempdir();
my %services = (plain => CphTest::service(phones => 150));
CphTest::attach($node, $services{plain}, server => \%brisk, copies => 0);
if (CphLogin::have_openssl())
{
	my $authority = CphLogin::authority($directory, 'authority');
	my $certificate = CphLogin::certificate($directory, 'service', 'authority',
		'IP:127.0.0.1', -1, 30);
	$services{tls} = CphTest::service(phones => 150, tls => $certificate);
	$node->safe_psql('postgres', 'CREATE SCHEMA tls');
	CphTest::attach($node, $services{tls}, name => 'tls', schema => 'tls',
		server => { %brisk, sslrootcert => $authority }, copies => 0);
}

foreach my $kind (sort keys %services)
{
	my $service = $services{$kind};
	my $schema = $kind eq 'tls' ? 'tls' : 'public';
	my $query = "SELECT count(phone_id) FROM $schema.cph_phones WHERE imei <> 'x'";
	my $session = CphSession->new($node);

	# An answer that comes with the one before it, or later, on an idle connection.
	foreach my $ms (0, 5, 100)
	{
		$service->fault('twice', ms => $ms);
		is($session->run($query), 150, "$kind: answered twice, after $ms ms");
		sleep 0.3;
		$service->clear;
		is($session->run($query), 150, '... the next query is right')
		  for 1 .. 3;
		is($session->error, '', '... without an error');
	}

	# Many idle connections, all with such an answer.
	$session->run("ALTER SERVER " . ($kind eq 'tls' ? 'tls' : 'cph')
		  . " OPTIONS (ADD max_concurrent_requests '16', SET fetch_size '20')");
	$service->fault('twice', ms => 50);
	$session->run($query);
	sleep 0.3;
	$service->clear;
	is($session->run($query), 150, "$kind: on every connection");
	is($session->error, '', '... without an error');

	# A load balancer says goodbye to connections that were idle for long.
	$service->disconnect(408);
	is($session->run($query), 150, "$kind: 408 on idle connections");
	is($session->error, '', '... without an error');

	# ... or just as the request is sent: then it is sent once more.
	$service->fault('status', status => 408, times => 1);
	is($session->run($query), 150, "$kind: 408 for a request on a kept connection");
	is($session->error, '', '... without an error');

	# On a new connection it is an answer, and counts as a failure.
	foreach my $status (408, 421, 425)
	{
		$session->run('SELECT cph_fdw_disconnect_all()');
		$service->clear;
		$service->fault('status', status => $status, times => 1);
		is($session->state($query), 'HV000', "$kind: $status on a new connection");
		$session->run("ALTER SERVER " . ($kind eq 'tls' ? 'tls' : 'cph') . " OPTIONS (SET max_retries '1')");
		$service->fault('status', status => $status, times => 1);
		is($session->run($query), 150, '... is tried again');
		my %connections = map { $_->{connection} => 1 } grep { ($_->{status} // 0) == $status } $service->entries;
		is(scalar(keys %connections), 2, '... on another connection') if $status != 425;
		$session->run("ALTER SERVER " . ($kind eq 'tls' ? 'tls' : 'cph') . " OPTIONS (SET max_retries '0')");
	}
	$session->quit;
}

done_testing();
