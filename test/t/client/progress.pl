# What a backend waits for, and how far it is, can be seen from outside.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphRelay;
use CphTest;
use Test::More;

my ($node, $service) = CphTest::setup(phones => 1000);

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
my $relay = CphRelay->new($service->port);
$relay->silence('new');
$node->safe_psql('postgres',
	q{ALTER SERVER cph OPTIONS (SET endpoint 'http://127.0.0.1:} . $relay->port . q{')});
waits_for('CphConnect', 'a connection');
$node->safe_psql('postgres',
	q{ALTER SERVER cph OPTIONS (SET endpoint '} . $service->url . q{')});
$service->fault('status', status => 503, retry_after => 60);
waits_for('CphBackoff', 'the next try');
$service->fault('status', status => 429, retry_after => 60);
waits_for('CphThrottle', 'a service that throttles');

# ANALYZE says how many pages of the list it has read of how many.
sub sampled
{
	my ($target, $pages, $name) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);

	# two requests ask for the length of the list, three bring pages
	$service->fault('stall', where => 'start', after => 5);
	$session->query_until(qr/begun/,
		"SET default_statistics_target = $target;\n\\echo begun\nANALYZE cph_phones (status);\n");
	ok( $node->poll_query_until('postgres', qq{
			SELECT sample_blks_total = $pages AND sample_blks_scanned BETWEEN 1 AND $pages - 1
			  FROM pg_stat_progress_analyze WHERE relid = 'cph_phones'::regclass}),
		$name);
	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid) FROM pg_stat_progress_analyze');
	$session->{run}->finish;
	$service->clear;
	return;
}

sampled(100, 6, 'a list that is read whole');
sampled(3, 5, 'a sample of pages');

# A scan says each page, to those who ask for it.
my ($status, $rows, $messages) = $node->psql('postgres',
	q{SET client_min_messages = debug1; SELECT count(phone_id) FROM cph_phones WHERE status = 2});
my @pages = $messages =~ /DEBUG:  server "cph": GET (\S+): \d+ rows$/mg;
my @sent = map { m{^GET (\S+) 200$} } $service->log;
is(scalar(@pages), scalar(@sent), 'a message for each page');
like($pages[0], qr{^/v1/[0-9a-f]+/cloud-phone/phones\?limit=200&offset=0&status=2$}, 'what was asked for');

$node->stop;
done_testing();
