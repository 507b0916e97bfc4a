# Where a service offers HTTP/2, requests share one connection.  A gateway stands
# in front of the simulated service for that; without one there is no test.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphGateway;
use CphSession;
use CphTest;
use Test::More;

my ($node, $service) = CphTest::setup(
	phones => 3000,
	attach => { server => { max_concurrent_requests => 8 } });
my $gateway = CphGateway->new($service->port)
  or plan skip_all => 'neither nginx nor nghttpx is installed';
$gateway->attach($node);

my $session = CphSession->new($node);
$service->fault('latency', ms => 30);
$service->entries;
is($session->run('SELECT count(phone_name), count(DISTINCT phone_id) FROM cph_phones'),
	'3000|3000', 'a scan');
is($session->error, '', '... without an error');
my ($most) = sort { $b <=> $a } map { $_->{in_flight} } $service->entries;
is($most, 8, 'eight requests in flight');
is_deeply([ $gateway->seen ], [ 1, 'h2' ], '... share one connection');
$session->run('SELECT count(phone_name) FROM cph_phones') for 1 .. 2;
is_deeply([ $gateway->seen ], [ 1, 'h2' ], '... which is kept');

# Faults are those of one request, and the others go on.
$service->fault('status', status => 503, times => 1, after => 3);
is($session->run('SELECT count(phone_name) FROM cph_phones'), '3000', 'a 503');
$service->fault('reset_body', times => 1, after => 3);
is($session->run('SELECT count(phone_name) FROM cph_phones'), '3000', 'a reset');
$service->clear;
my ($before) = $gateway->seen;

# Ends early, each time with requests in flight, and goes on with the same
# connection.  libcurl gives it up where the headers of an answer arrive that is
# no longer wanted, which is not so each time.
$service->fault('latency', ms => 30);
$session->run('SELECT phone_name FROM cph_phones WHERE imei <> \'\' LIMIT 300') for 1 .. 5;
is($session->run('SELECT count(phone_name) FROM cph_phones'), '3000', 'early ends');
my ($after) = $gateway->seen;
cmp_ok($after - $before, '<', 5, '... cost fewer connections than there were');

done_testing();
