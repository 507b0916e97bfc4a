
# Connections are kept from query to query of a backend.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphGateway;
use CphLogin;
use CphRelay;
use CphSession;
use CphTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($node, $service) = CphTest::setup(phones => 1000);
my $session = $node->background_psql('postgres', on_error_stop => 0);

# The connections that the service has seen since it started.
sub connections
{
	return $service->stats->{connections};
}

my $before = connections();
$session->query_safe('SELECT phone_id FROM cph_phones LIMIT 3') for 1 .. 5;
$session->query_safe('SELECT server_id FROM cph_servers');
$session->query_safe('SELECT count(*) FROM cph_phones');
is(connections() - $before, 1, 'seven queries, one connection');

# A scan of several pages has four at most at once; they are kept as well.
$session->query_safe('SELECT max(imei) FROM cph_phones') for 1 .. 6;
cmp_ok(connections() - $before, '<=', 4, 'six scans, four connections');

# Two scans at once in one query do not share a connection, but keep theirs.
$session->query_safe(
	q{SELECT count(*) FROM cph_phones p JOIN cph_servers s USING (server_id) WHERE p.imei < 'x'})
  for 1 .. 6;
cmp_ok(connections() - $before, '<=', 8, 'six joins, eight connections');

# What is kept does not outlive an error, a rolled back part, or the service's
# closing it: the next query works, without a failed request.
$session->query('SELECT 1 / (length(imei) - 15) FROM cph_phones');
like($session->{stderr}, qr/division by zero/, 'an error');
$session->{stderr} = '';
$session->query_safe('BEGIN; DECLARE c CURSOR FOR SELECT phone_id FROM cph_phones;'
	  . ' SAVEPOINT s; FETCH 250 FROM c; ROLLBACK TO s');
is($session->query_safe('SELECT count(imei) FROM cph_phones'),
	'1000', 'after a part of a transaction was rolled back');
$session->query_safe('ROLLBACK');
is($session->query_safe('SELECT count(imei) FROM cph_phones'),
	'1000', 'after a cursor was dropped half-read');
$service->disconnect;
$service->entries;
is($session->query_safe('SELECT count(imei) FROM cph_phones LIMIT 1'),
	'1000', 'after the service closed the connections');
is(scalar(grep { !/ 200$/ } $service->log), 0, 'no request failed');

# A cursor of before a change goes on with its own, and closes no other.
$session->query_safe('BEGIN; DECLARE c CURSOR FOR SELECT phone_id FROM cph_phones; FETCH 1 FROM c;'
	  . q{ALTER SERVER cph OPTIONS (ADD connect_timeout '9')});
$before = connections();
$session->query_safe('SELECT count(server_name) FROM cph_servers') for 1 .. 5;
is(connections() - $before, 1, 'five queries beside an old cursor, one connection');
$session->query_safe('COMMIT');

# Connections end with the backend.
$session->quit;
ok( $node->poll_query_until(
		'postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE query LIKE '%cph_phones%' AND pid <> pg_backend_pid()}),
	'the backend has gone');
my $open;
for (1 .. 100)
{
	$open = $service->stats->{open_connections};
	last if $open == 0;
	select undef, undef, undef, 0.1;
}
is($open, 0, 'no connection is left open');

# Fifty queries in a row: one connection, and over TLS one handshake.  Fifty whole
# scans: four at most, or over HTTP/2 one; all are made by the first.
SKIP:
{
	skip 'no openssl here', 9 unless CphLogin::have_openssl();
	my $directory = PostgreSQL::Test::Utils::tempdir();
	my $authority = CphLogin::authority($directory, 'authority');
	my $certificate = CphLogin::certificate($directory, 'service', 'authority',
		'IP:127.0.0.1', -1, 30);
	my $secure = CphTest::service(phones => 1000, tls => $certificate);
	$node->safe_psql('postgres', 'CREATE SCHEMA tls');
	CphTest::attach($node, $secure, name => 'tls', schema => 'tls', copies => 0,
		server => { sslrootcert => $authority });
	my $fifty = CphSession->new($node);
	foreach my $case ([ $service, 'public', 0 ], [ $secure, 'tls', 1 ])
	{
		my ($from, $schema, $handshakes) = @$case;
		my $start = $from->stats;
		$fifty->run("SELECT phone_id FROM $schema.cph_phones LIMIT 5") for 1 .. 50;
		my $end = $from->stats;
		is_deeply([ map { $end->{$_} - $start->{$_} } 'connections', 'handshakes' ],
			[ 1, $handshakes ], "$schema: fifty queries, one connection");
		my $found = join ' ', map { $fifty->run("SELECT count(imei) FROM $schema.cph_phones") } 1 .. 50;
		is($found, join(' ', (1000) x 50), '... fifty scans');
		$end = $from->stats;
		my $connections = $end->{connections} - $start->{connections};
		cmp_ok($connections, '<=', 4, "... $connections connections");
		is($end->{handshakes} - $start->{handshakes}, $handshakes * $connections,
			'... as many handshakes, if it is TLS');
	}

	# What the relay counts are connections of TCP, refused or broken ones too.  The
	# gateway speaks TLS only, and a connection has one handshake: there can be no
	# more than these.
	my $gateway = CphGateway->new($service->port);
	skip 'there is no gateway', 1 unless $gateway;
	my $relay = CphRelay->new($gateway->port);
	$gateway->attach($node, port => $relay->port);
	$fifty->run('SELECT max(imei) FROM cph_phones') for 1 .. 50;
	is_deeply([ $gateway->seen, $relay->stats->{connections} ], [ 1, 'h2', 1 ],
		'HTTP/2: fifty scans, one connection of TCP, so one handshake');
}

done_testing();
