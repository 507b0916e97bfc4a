# Links that die without a word: a firewall forgets kept connections, and what
# is sent on them vanishes.  That costs a statement one time-out at most,
# whatever the number of connections, of requests in flight and of scans.
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
use Time::HiRes qw(time);

# The seconds of a time-out, and what a query may take beyond it.
my $TIMEOUT = 2;
my $BEYOND = 3;

my %brisk = (request_timeout => $TIMEOUT, max_retries => 0, fetch_size => 20);
my $service = CphTest::service(phones => 450);
my $behind = CphTest::service(phones => 450);	# the gateway, whose links live
my $node = CphTest::node();
CphTest::attach($node, $service, server => \%brisk);
my ($gateway, $relay);
if ($gateway = CphGateway->new($behind->port))
{
	$relay = CphRelay->new($gateway->port);
	CphTest::attach($node, $behind, name => 'h2', schema => 'h2', copies => 0,
		server => \%brisk)
	  if $node->safe_psql('postgres', 'CREATE SCHEMA h2') eq '';
	$gateway->attach($node, name => 'h2', port => $relay->port);
}

# Ends what there is of the link between a schema's server and its service.
sub silence
{
	my ($schema) = @_;
	return $schema eq 'h2' ? $relay->silence : $service->silence;
}

# Passes if a query has the right rows soon, without an error or a notice.  What
# is dead then comes to life again, so that the other side sees that it is not
# used: a port that it still thinks of cannot be used again.
sub survives
{
	my ($session, $query, $rows, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($session->run($query), $rows, $name);
	is($session->error, '', '... without an error');
	cmp_ok($session->seconds, '<', $TIMEOUT + $BEYOND, '... soon');
	$_->speak foreach $service, $relay // ();
	return;
}

foreach my $schema ('public', $gateway ? 'h2' : ())
{
	my $server = $schema eq 'public' ? 'cph' : $schema;
	foreach my $concurrency (1, 4, 16, 32)
	{
		$node->safe_psql('postgres',
			"ALTER SERVER $server OPTIONS ("
			  . ($concurrency == 1 ? 'ADD' : 'SET')
			  . " max_concurrent_requests '$concurrency')");
		my $session = CphSession->new($node);
		my $query = "SELECT count(imei) FROM $schema.cph_phones";
		my $where = "$server, $concurrency requests at once";
		is($session->run($query), 450, "$where: a query opens connections");
		cmp_ok(silence($schema)->{silenced}, '>', 0, '... which die');
		survives($session, $query, 450, "$where: dead connections");
		survives($session, $query, 450, '... and none is left');
		cmp_ok($session->seconds, '<', $TIMEOUT, '... to wait for');
		$session->quit;
	}
}

# Several scans of a statement share what one of them has found out, and sessions
# do not wait for each other.  For each number of requests at once there are
# servers of their own, of all kinds of link: two to one service, one over TLS,
# one over HTTP/2.
my $directory = PostgreSQL::Test::Utils::tempdir();
my ($secure, $authority);
if (CphLogin::have_openssl())
{
	$authority = CphLogin::authority($directory, 'authority');
	$secure = CphTest::service(phones => 450,
		tls => CphLogin::certificate($directory, 'service', 'authority', 'IP:127.0.0.1', -1, 30));
}
my @kinds = ('one', 'two', $secure ? 'tls' : (), $gateway ? 'http2' : ());
my (@sessions, @appends);
foreach my $concurrency (1, 4, 16, 32)
{
	foreach my $kind (@kinds)
	{
		my $name = "$kind$concurrency";
		$node->safe_psql('postgres', "CREATE SCHEMA $name");
		CphTest::attach($node, $kind eq 'tls' ? $secure : $kind eq 'http2' ? $behind : $service,
			name => $name, schema => $name, copies => 0,
			server => { %brisk, max_concurrent_requests => $concurrency, async_capable => 'true',
				$kind eq 'tls' ? (sslrootcert => $authority) : () });
		$gateway->attach($node, name => $name, port => $relay->port) if $kind eq 'http2';
	}
	push @sessions, CphSession->new($node);
	push @appends, rows(map { "$_$concurrency.cph_phones" } @kinds);
}

# A query for the number of rows, and for what is in them.
sub rows
{
	return 'SELECT count(*), sum(hashtext(phone_id || imei)::bigint) FROM ('
	  . join(' UNION ALL ', map { "SELECT phone_id, imei FROM $_" } @_) . ') p';
}

# Sets an option of all servers of the kinds.
sub set_all
{
	my ($option) = @_;
	$node->safe_psql('postgres', join '', map {
		my $kind = $_;
		map { "ALTER SERVER $kind$_ OPTIONS (SET $option);" } 1, 4, 16, 32 } @kinds);
	return;
}

# Ends all links that there are; returns how many.
sub silence_all
{
	my $silenced = 0;
	$silenced += $_->silence->{silenced} foreach $service, $secure // (), $relay // ();
	return $silenced;
}

# Passes if each session has the right rows of its query, all at once, after the
# links have died; running: while the queries run.
sub survive
{
	my ($sessions, $queries, $rows, $name, %options) = @_;
	my @services = ($service, $secure // (), $gateway ? $behind : ());

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_deeply([ map { $sessions->[$_]->run($queries->[$_]) } 0 .. $#$sessions ],
		[ ($rows) x @$sessions ], "$name: queries open connections");
	if ($options{running})
	{
		$_->fault('latency', ms => 800) foreach @services;
	}
	else
	{
		cmp_ok(silence_all(), '>=', @$sessions, '... which die');
	}
	$sessions->[$_]->start($queries->[$_]) foreach 0 .. $#$sessions;
	my $dead = time;
	if ($options{running})
	{
		Time::HiRes::sleep(1);
		cmp_ok(silence_all(), '>=', @$sessions, '... which die meanwhile');
		$dead = time;
		$_->clear foreach @services;
	}
	is_deeply([ wait_for($sessions, $dead) ], [ ($rows) x @$sessions ], '... each has its rows');
	cmp_ok($_->ended, '>', $dead + $TIMEOUT - 1.5, '... after a wait') foreach @$sessions;
	return;
}

# Passes if what was started in each session ends soon after the links have died,
# without an error; returns what it prints.  Then they come to life again.
sub wait_for
{
	my ($sessions, $dead) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @found = map { $_->finish } @$sessions;
	is(join('', map { $_->error } @$sessions), '', '... without an error');
	cmp_ok($_->ended, '<', $dead + $TIMEOUT + $BEYOND, '... soon') foreach @$sessions;
	$_->speak foreach $service, $secure // (), $relay // ();
	return @found;
}

my $all = $node->safe_psql('postgres', rows(('local_phones') x @kinds));
my $alone = $node->safe_psql('postgres', rows('local_phones'));
survive(\@sessions, \@appends, $all, '1, 4, 16 and 32 requests at once, asynchronous Append');
set_all(q{async_capable 'false'});
survive(\@sessions, \@appends, $all, '... Append');

# Eight sessions.
my @more = map { CphSession->new($node) } 1 .. 4;
survive([ @sessions, @more ],
	[ map { my $kind = $_; map { rows("$kind$_.cph_phones") } 1, 4, 16, 32 } 'one', $secure ? 'tls' : 'two' ],
	$alone, 'eight sessions');
$_->quit foreach @more;

# Links that die while scans run: where an answer had come before, a time-out is a
# failure.
set_all(q{async_capable 'true'});
set_all(q{max_retries '1'});
survive(\@sessions, \@appends, $all, 'running scans below Append', running => 1);
survive(\@sessions, [ map { rows("one$_.cph_phones") } 1, 4, 16, 32 ], $alone, 'running scans', running => 1);

# Cursors: their requests are in flight, or one has paused.  Their pages are more
# than what is read ahead.
set_all(q{fetch_size '5'});
my @tables = map { my $kind = $_; map { "$kind$_.cph_phones" } 1, 4, 16, 32 } 'one', $gateway ? 'http2' : ();
push @sessions, map { CphSession->new($node) } 5 .. @tables;
$sessions[$_]->run("BEGIN; DECLARE c CURSOR FOR SELECT phone_id FROM $tables[$_]") foreach 0 .. $#sessions;
my @fetched = map { $_->run('FETCH 30 FROM c') } @sessions;
foreach my $pause (0, $TIMEOUT + 1.5)
{
	cmp_ok(silence_all(), '>=', @tables, "connections die, cursors pause for $pause seconds");
	Time::HiRes::sleep($pause);
	my $dead = time;
	$_->start($pause ? 'FETCH ALL FROM c' : 'FETCH 200 FROM c') foreach @sessions;
	my @more = wait_for(\@sessions, $dead);
	$fetched[$_] .= "\n$more[$_]" foreach 0 .. $#sessions;
}
my $ids = $node->safe_psql('postgres', 'SELECT phone_id FROM local_phones ORDER BY phone_id COLLATE "C"');
is_deeply([ map { join "\n", sort split /\n/ } @fetched ], [ ($ids) x @sessions ], '... have each row once');
is(join('', map { $_->state('COMMIT') } @sessions), '', '... to their end');
$_->quit foreach @sessions;
my $session = CphSession->new($node);

# Where new connections are not to be had either, there is an error, in time.
SKIP:
{
	skip 'there is no gateway', 3 unless $gateway;
	is($session->run('SELECT count(imei) FROM h2.cph_phones'), 450, 'a query');
	$relay->silence($_) foreach 'all', 'new';
	is($session->state('SELECT count(imei) FROM h2.cph_phones'),
		'HV00N', 'no new connection either');
	cmp_ok($session->seconds, '<', 2 * $TIMEOUT + $BEYOND, '... two time-outs');
	$relay->speak;
}

# Where not even TCP acknowledges what is sent, connect_timeout is enough.
foreach my $schema ('public', $gateway ? 'h2' : ())
{
	my $server = $schema eq 'public' ? 'cph' : $schema;
	my $query = "SELECT count(imei) FROM $schema.cph_phones";
	$session->run("ALTER SERVER $server OPTIONS (SET request_timeout '60', ADD connect_timeout '$TIMEOUT', SET max_retries '0')");
	is($session->run($query), 450, "$server: a query");
	SKIP:
	{
		skip 'packets cannot be dropped here', 6 unless silence($schema)->{vanished};
		survives($session, $query, 450, '... over a link that loses packets');
		survives($session, $query, 450, '... and the next one');
	}
	$session->run("ALTER SERVER $server OPTIONS (SET request_timeout '$TIMEOUT')");
}

# A connection that has been idle for long is not used again.
$node->safe_psql('postgres', q{ALTER SERVER cph OPTIONS (ADD keepalive_idle '1')});
is($session->run('SELECT count(imei) FROM cph_phones'), 450, 'a query');
my $before = $service->stats->{connections};
Time::HiRes::sleep(2.5);
$service->silence;
is($session->run('SELECT count(imei) FROM cph_phones LIMIT 1'), 450, 'after an idle time');
cmp_ok($session->seconds, '<', 1.5, '... without a wait');
is($session->error, '', '... or an error');
cmp_ok($service->stats->{connections}, '>', $before, '... on new connections');

done_testing();
