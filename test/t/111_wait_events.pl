# What a backend waits for can be seen in pg_stat_activity.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use Test::More;

my ($node, $service) = CphTest::setup(phones => 100);

# Extensions have wait events of their own from PostgreSQL 17 on.
my $named = $node->safe_psql('postgres', 'SHOW server_version_num') >= 170000;

# Runs a query that has to wait, and looks at what for.
sub waits_for
{
	my ($event, $name) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);

	$session->query_until(qr/begun/, "\\echo begun\nSELECT phone_id FROM cph_phones;\n");
	ok( $node->poll_query_until('postgres', sprintf(
				q{SELECT wait_event_type = 'Extension' AND wait_event = '%s'
				    FROM pg_stat_activity WHERE query LIKE 'SELECT phone_id%%'},
				$named ? $event : 'Extension')),
		$name);
	$node->safe_psql('postgres',
		q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT phone_id%'});
	$session->{run}->finish;
	$service->clear;
	return;
}

$service->fault('stall', where => 'start');
waits_for('CphRequest', 'an answer');
$service->fault('status', status => 503, retry_after => 60);
waits_for('CphBackoff', 'the next try');
$service->fault('status', status => 429, retry_after => 60);
waits_for('CphThrottle', 'a service that throttles');

$node->stop;
done_testing();
