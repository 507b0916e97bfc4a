
# Fifty sessions, ten of which are ended in the middle, and a server that starts
# anew because a backend was killed: what all sessions keep to, they keep to then.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphLogin;
use CphShared;
use CphTest;
use Test::More;
use Time::HiRes qw(sleep);

my $shared = CphTest::shared();
my ($rate, $bound) = $shared ? (60, 6) : (3, 6);
my $service = CphTest::service(phones => 600, servers => 20, %CphLogin::KNOWN);
my $node = CphTest::node(conf => "restart_after_crash = on\n");
CphLogin::install($node);
CphTest::attach(
	$node, $service,
	mapping => \%CphLogin::USER,
	server => {
		iam_endpoint => $service->url,
		fetch_size => 100,
		max_requests_per_second => $rate,
		max_server_requests => $bound
	});
$node->safe_psql('postgres', 'CREATE SCHEMA refused');
CphTest::attach(
	$node, $service,
	name => 'refused',
	schema => 'refused',
	copies => 0,
	mapping => { access_key => 'AKIDEXAMPLE', secret_key => 'another-secret-key' });
$node->safe_psql('postgres', q{SELECT cph_fdw_disconnect('cph')});
my $scan = q{DO $$BEGIN ASSERT
	(SELECT md5(string_agg(phone_id || status, ',' ORDER BY phone_id)) FROM cph_phones) =
	(SELECT md5(string_agg(phone_id || status, ',' ORDER BY phone_id)) FROM local_phones);
	END$$};
my $refused = q{DO $$BEGIN ASSERT
	failure('SELECT server_id FROM refused.cph_servers') LIKE 'HV00N %'; END$$};

# Has the service answer slowly at first, so that the bound is met, and then at
# once, so that the rate is.
sub slow_at_first
{
	$service->clear;
	$service->fault('latency', ms => 200, match => 'phones', times => 100);
	return;
}

# Passes if requests for phones kept to what the server's options say, and met it.
sub paced
{
	my ($when, @entries) = @_;
	my $most = CphShared::most_in_time(\@entries, 2);

	return unless $shared;		# each session does, by itself
	# fifty sessions are not all quick with what they may send
	cmp_ok($most, '<=', 1.1 * 2 * $rate, "$when: at most the rate in any two seconds: $most");
	cmp_ok($most, '>', $rate, '... which was met');
	is(CphShared::most_in_flight(\@entries), $bound, '... the bound is met and holds');
	return;
}

# Passes if there was one request for a token, and nothing was refused.
sub one_token
{
	my ($when, @entries) = @_;
	my @asked = grep { $_->{method} eq 'POST' } @entries;

	is(scalar @asked, $shared ? 1 : 50, "$when: token requests");
	is(scalar(grep { ($_->{status} // 200) >= 400 } @entries), 0, '... none is refused');
	return;
}

# Ends ten of the sessions that run a command; sparing => 1: not those that wait
# for the service, as the one does that asks for all.
sub end_ten
{
	my (%options) = @_;
	my $but = $options{sparing} ?
	  q{AND pid NOT IN (SELECT pid FROM cph_fdw_stat_progress WHERE waits_for = 'CphRequest')} : '';

	return $node->safe_psql('postgres', qq{SELECT count(pg_terminate_backend(pid)) FROM (
		SELECT pid FROM pg_stat_activity WHERE query ~ '^DO' AND state = 'active' $but
		ORDER BY pid LIMIT 10) AS s});
}

# --- Ten are ended -----------------------------------------------------------

slow_at_first();
my $run = CphShared::start($node, 50, $scan);
$node->poll_query_until('postgres', q{SELECT count(*) = 50 FROM pg_stat_activity WHERE query ~ '^DO'});
sleep 1;
is(end_ten(), 10, 'ten are ended');
is(scalar CphShared::finish($run), 10, '... and all others have the right answer');
my @entries = $service->entries;
one_token('ten are ended', @entries);
paced('ten are ended', @entries);

if ($shared)
{
	$service->clear;
	$service->fault('latency', ms => 2000, match => 'servers');
	$run = CphShared::start($node, 50, "$refused; SELECT pg_sleep(0.1); $refused");
	$node->poll_query_until('postgres', q{SELECT
		(SELECT count(*) = 50 FROM pg_stat_activity WHERE query ~ '^DO') AND
		(SELECT count(*) = 1 FROM cph_fdw_stat_progress WHERE waits_for = 'CphRequest')});
	is(end_ten(sparing => 1), 10, 'ten are ended of those that wait for a refusal');
	is(scalar CphShared::finish($run), 10, '... all others are told of it');
	is(scalar $service->log, 1, '... by one signature');
}

# --- One is killed -----------------------------------------------------------

slow_at_first();
$run = CphShared::start($node, 50, $scan);
$node->poll_query_until('postgres', q{SELECT count(*) = 50 FROM pg_stat_activity WHERE query ~ '^DO'});
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM cph_fdw_stat_progress WHERE waits_for = 'CphRequest'})
  if $shared;
CphShared::crash($node, $run, $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity
	LEFT JOIN cph_fdw_stat_progress USING (pid) WHERE query ~ '^DO'
	ORDER BY waits_for = 'CphRequest' DESC NULLS LAST LIMIT 1}));
slow_at_first();
CphShared::sessions($node, 50, $scan, 'after a crash fifty sessions have the right answer');
@entries = $service->entries;
one_token('after a crash', @entries);
paced('after a crash', @entries);
if ($shared)
{
	$service->clear;
	CphShared::sessions($node, 50, "$refused; $refused", 'what was refused');
	is(scalar $service->log, 1, '... is asked for once more, by one of them');
}

done_testing();
