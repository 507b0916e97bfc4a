
# Tokens and refusals of one user mapping are known to all its sessions: one
# asks, one is refused.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphLogin;
use CphSession;
use CphShared;
use CphTest;
use Test::More;
use Time::HiRes qw(sleep);

my %user = %CphLogin::USER;
my $service = CphTest::service(phones => 100, servers => 20, %CphLogin::KNOWN);
my $node = CphTest::node(conf => "restart_after_crash = on\n");
CphLogin::install($node);
CphTest::attach(
	$node, $service,
	mapping => \%user,
	server => { iam_endpoint => $service->url });
my $right = CphTest::shared() ? 1 : 50;
my $count = q{DO $$BEGIN ASSERT (SELECT count(*) FROM cph_servers) = 20; END$$};

# How many requests of the log begin with a text.
sub sent
{
	my ($text, @log) = @_;
	return scalar grep { /^\Q$text\E/ } @log ? @log : $service->log;
}

# Fifty sessions that start at once.
$service->fault('latency', ms => 300, match => 'auth/tokens');
CphShared::sessions($node, 50, $count, 'fifty sessions have their answer');
is(sent('POST'), $right, 'by one token');
CphShared::sessions($node, 50, $count, 'fifty more have theirs');
is(sent('POST'), CphTest::shared() ? 0 : 50, 'without another one');

# A token that is refused, when all have used it, is renewed once.
my $gate = CphSession->new($node);
$gate->run('SELECT pg_advisory_lock(1)');
my $run = CphShared::start($node, 20, "$count; SELECT pg_advisory_lock_shared(1); $count");
$node->poll_query_until('postgres', q{SELECT count(*) = 20 FROM pg_stat_activity WHERE wait_event = 'advisory'});
$service->control('DELETE', '/_control/tokens');
$gate->quit;
is(scalar CphShared::finish($run), 0, 'sessions whose token is refused go on');
is(sent('POST'), CphTest::shared() ? 1 : 40, 'with one other token');

# One that ends is renewed before, by a tenth of its life, once.
$service->set(token_lifetime => 8);
$node->safe_psql('postgres', q{SELECT cph_fdw_disconnect('cph')});
$service->entries;
CphShared::sessions($node, 20, "$count; SELECT pg_sleep(0.4);", 'sessions that outlive a token', 25);
my @entries = $service->entries;
my @asked = sort { $a <=> $b } map { $_->{method} eq 'POST' ? $_->{start} : () } @entries;
is(scalar(grep { $_->{status} == 401 } @entries), 0, '... none of which is refused');
if (CphTest::shared())
{
	cmp_ok(scalar @asked, '>', 1, '... ask for another one');
	my @early = grep { $asked[$_] - $asked[ $_ - 1 ] < 7 } 1 .. $#asked;
	is(scalar @early, 0, '... once in each life of one: after '
		  . join(', ', map { sprintf '%.1f s', $asked[$_] - $asked[0] } 1 .. $#asked));
}
else
{
	cmp_ok(scalar @asked, '>', 20, '... ask for another one each');
}
$service->set(token_lifetime => undef);

# Another mapping, another server: another token, asked for once.
foreach my $change (
	q{ALTER SERVER cph OPTIONS (ADD fetch_size '10')},
	q{ALTER SERVER cph OPTIONS (DROP fetch_size)},
	CphLogin::mapping(%user, iam_user => 'reports'),
	'DROP USER MAPPING FOR CURRENT_USER SERVER cph')
{
	$node->safe_psql('postgres', "SET client_min_messages = warning; $change");
	$node->safe_psql('postgres', CphLogin::mapping(%user)) if $change =~ /cph$/;
	CphShared::sessions($node, 10, $count, $change);
	is(sent('POST'), CphTest::shared() ? 1 : 10, '... another token');
}
$node->safe_psql('postgres', q{SELECT cph_fdw_disconnect('cph')});
$service->entries;
CphShared::sessions($node, 2, $count, 'after a disconnect');
is(sent('POST'), CphTest::shared() ? 1 : 2, '... another token');

# A mapping altered while fifty sessions read.
$service->fault('latency', ms => 100, match => 'servers');
$run = CphShared::start($node, 50, $count, 6);
sleep 0.5;
foreach my $size (10, 11, 12)
{
	my $verb = $size == 10 ? 'ADD' : 'SET';
	$node->safe_psql('postgres', "ALTER SERVER cph OPTIONS ($verb fetch_size '$size')");
	$node->safe_psql('postgres',
		"ALTER USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (SET iam_password 'a-password')");
	sleep 0.1;
}
is(scalar CphShared::finish($run), 0, 'all read on while their mapping is altered');
$service->clear;

# What is not to be shared.
CphShared::sessions($node, 5, "SET cph_fdw.share_tokens = off; $count; $count", 'not shared');
is(sent('POST'), 5, 'each session has a token of its own');

# Whoever asks, and is ended: the next one takes over.
foreach my $ended ('pg_cancel_backend(%d)', 'pg_terminate_backend(%d)')
{
	$node->safe_psql('postgres', q{SELECT cph_fdw_disconnect('cph')});
	$service->fault('stall', match => 'auth/tokens', times => 1);
	my $first = CphShared::start($node, 1, $count);
	$node->poll_query_until('postgres',
		q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '^DO' AND wait_event_type = 'Extension'});
	my $second = CphShared::start($node, 3, $count);
	$node->poll_query_until('postgres',
		q{SELECT count(*) = 4 FROM pg_stat_activity WHERE query ~ '^DO' AND wait_event_type = 'Extension'})
	  if CphTest::shared();
	is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT waits_for, ',') FROM cph_fdw_stat_progress}),
		'', 'what has asked for nothing is not shown');
	$node->safe_psql('postgres', 'SELECT ' . sprintf($ended,
			$node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity
				WHERE query ~ '^DO' ORDER BY backend_start LIMIT 1})));
	is(scalar CphShared::finish($first), 1, "$ended of whoever asks");
	is(scalar CphShared::finish($second), 0, '... the others have a token');
	is(sent('POST'), CphTest::shared() ? 2 : 4, '... that one of them asked for');
	$service->clear;
}

# Refusals: of a password, of a key.
my $failure = q{SELECT failure('SELECT server_id FROM cph_servers')};
CphLogin::login($node, %user, iam_password => 'another-password');
$service->entries;
CphShared::sessions($node, CphTest::shared() ? 50 : 5, $failure, 'a wrong password');
is(sent('POST'), CphTest::shared() ? 1 : 5, '... is sent once');
CphLogin::login($node, access_key => 'AKIDEXAMPLE', secret_key => 'another-secret-key');
$service->entries;
CphShared::sessions($node, CphTest::shared() ? 50 : 2, $failure, 'a wrong key');
is(sent('GET'), CphTest::shared() ? 1 : 2, '... signs once');
like($node->safe_psql('postgres', $failure),
	qr/That was at 20\d\d-.*It is not sent again for another \w+ seconds, unless the user mapping is changed\./,
	'the error tells when it was refused') if CphTest::shared();
$service->entries;
CphLogin::login($node, access_key => 'AKIDEXAMPLE', secret_key => 'a-secret-key');
CphShared::sessions($node, 20, $count, 'the right key');

# A backend that is killed while it asks: the server starts anew.
CphLogin::login($node, %user);
$service->clear;
$service->fault('stall', match => 'auth/tokens', times => 1);
$run = CphShared::start($node, 1, $count);
$node->poll_query_until('postgres',
	q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '^DO' AND wait_event_type = 'Extension'});
my $pid = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE query ~ '^DO'});
CphShared::crash($node, $run, $pid);
CphShared::sessions($node, 10, $count, 'after a crash');
is(sent('POST'), CphTest::shared() ? 2 : 11, 'one of them asks');

done_testing();
