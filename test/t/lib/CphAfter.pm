# CphAfter: that nothing is left behind by what a test has done to a backend.
#
#   CphAfter::nothing_left($node, $service, 'pg_terminate_backend');
#
# To be called when the backend has ended, or has closed its connections.
#
# Copyright (c) 2026, the cph_fdw developers

package CphAfter;

use strict;
use warnings FATAL => 'all';

use CphTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

# What PostgreSQL writes of a resource that was not given back, and of worse.
my $bad = qr/leak|not closed|still referenced|TRAP:|PANIC|by signal (?:6|11)|too many dynamic/;

my %seen;

# Waits until the service has a number of requests in flight; dies if not.
sub wait_for_requests
{
	my ($service, $number) = @_;

	for (1 .. 600)
	{
		return
		  if $service->stats->{in_flight} >= $number;
		sleep 0.05;
	}
	die 'the requests do not come';
}

# Passes if the service has no connection, the next query is right, and the
# server's log has no word of anything left behind since the last call.
sub nothing_left
{
	my ($node, $service, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$service->clear;
	my $open;
	for (1 .. 200)
	{
		$open = $service->stats->{open_connections};
		last if $open == 0;
		sleep 0.05;
	}
	is($open, 0, "$name: no connection is left");
	CphTest::same(
		$node,
		'SELECT phone_id, phone_name, status FROM cph_phones',
		name => "$name: the next query");
	my $log = slurp_file($node->logfile, $seen{ $node->name } // 0);
	$seen{ $node->name } = -s $node->logfile;
	my @lines = grep { /$bad/ } split /\n/, $log;
	is("@lines", '', "$name: nothing in the log");
	return;
}

1;
