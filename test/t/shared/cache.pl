
# Answers that are used again: a table with cache_ttl asks once for what several
# queries, of several sessions, want within that time, and what they are given is
# what a scan would have been that took its time.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphShared;
use CphTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $service = CphTest::service(phones => 20000, servers => 50);
my $node = CphTest::node(conf => "restart_after_crash = on\n");
CphTest::attach($node, $service);
my $session = CphSession->new($node);

# How many requests a query sends in a session.
sub sends
{
	my ($query, $by) = @_;

	$service->entries;
	($by // $session)->run($query);
	return scalar $service->log;
}

# Passes if a query asks at first, and not again.
sub once
{
	my ($query, $least) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$session->run('SELECT cph_fdw_cache_clear()');
	my $asked = sends($query);
	my $rows = $session->run($query);
	is(scalar $service->log, 0, "$query: $asked requests, and none");
	cmp_ok($asked, '>=', $least, '... at first');
	CphTest::same($node, $query) if CphTest::shared();
	return;
}

# Has the options of the server be these; '' for one: as at first.
sub options
{
	my (%options) = @_;

	foreach my $name (sort keys %options)
	{
		my $value = $options{$name};
		my ($is) = $node->safe_psql('postgres', qq{SELECT 1 FROM pg_foreign_server,
			pg_options_to_table(srvoptions) WHERE srvname = 'cph' AND option_name = '$name'});
		my $how = $value eq '' ? ($is ? "DROP $name" : next) :
			($is ? 'SET' : 'ADD') . " $name '$value'";
		$node->safe_psql('postgres', "ALTER SERVER cph OPTIONS ($how)");
	}
	return;
}

# The seconds of processor time that a session has taken so far, of which a
# hundredth can be told.
sub busy
{
	my ($by) = @_;

	my ($user, $system) = (split ' ', slurp_file('/proc/' . $by->pid . '/stat'))[13, 14];
	return ($user + $system) / 100;
}

# The seconds that a query takes in a session, but for those in which the session
# would have gone on if the machine had had a processor for it.
sub seconds
{
	my ($by, $query) = @_;
	my $delayed = sub {
		my $file = '/proc/' . $by->pid . '/schedstat';
		return -e $file ? (split ' ', slurp_file($file))[1] / 1e9 : 0;
	};
	my $before = $delayed->();

	$by->run($query);
	return $by->seconds - ($delayed->() - $before);
}

# --- Ten reports -------------------------------------------------------------

my @reports = map { "SELECT $_, count(*) FROM cph_phones GROUP BY 1" }
	qw(phone_model_name image_id image_version server_id availability_zone
	   traffic_type volume_mode has_encrypt);
push @reports, 'SELECT count(DISTINCT imei), max(update_time) FROM cph_phones',
	q{SELECT count(*) FROM cph_phones WHERE phone_name ~ '99$'};

$service->fault('latency', ms => 50);
my %without = map { $_ => seconds($session, $_) } @reports;
is(scalar $service->log, 1010, 'ten reports send 1,010 requests');
options(cache_ttl => '1min');
my ($before_all, $later) = (0, 0);
foreach my $report (@reports)
{
	my $by = CphTest::shared() ? CphSession->new($node) : $session;
	# what else the machine does is not to be measured: nobody is waited for
	my $before = busy($by);
	my $in_all = seconds($by, $report);
	my $seconds = busy($by) - $before;
	# a sanitizer makes what the session does itself too slow to tell
	next if $report eq $reports[0] || $ENV{LIB_UNDER};
	$before_all += $without{$report};
	$later += $in_all;
	cmp_ok($seconds, '<', $without{$report} / 5, "$report is answered in "
		. sprintf('%.2f s, not %.3f', $seconds, $without{$report}));
}
# nor is anything waited for: all of them, by the clock
cmp_ok($later, '<', $before_all / 5, sprintf('in all in %.1f s, not %.1f', $later, $before_all))
  unless $ENV{LIB_UNDER};
is(scalar $service->log, 101, '... and 101 with a cache');
$service->clear;
CphTest::same($node, $_) foreach @reports;

# --- Ten at once -------------------------------------------------------------

sub clear
{
	$session->run('SELECT cph_fdw_cache_clear()');
	$service->entries;
	return;
}

if (CphTest::shared())
{
	# whoever comes first asks, and the others wait for it
	clear();
	$service->fault('latency', ms => 50);
	CphShared::sessions($node, 10, "$reports[0];", 'ten sessions at once');
	is(scalar $service->log, 101, '... send what one would');
	clear();
	CphShared::sessions($node, 10, 'SELECT count(*) FROM cph_phones WHERE status = 2;',
		'ten counts at once');
	cmp_ok(scalar $service->log, '<=', 4, '... too');

	# ... also below Append, beside another server
	$session->run('CREATE SCHEMA other');
	CphTest::attach($node, $service, name => 'cph2', schema => 'other', copies => 0,
		server => { cache_ttl => '1min' });
	clear();
	CphShared::sessions($node, 4, q{SELECT count(phone_id) FROM (SELECT phone_id FROM cph_phones
		UNION ALL SELECT phone_id FROM other.cph_phones) AS p;}, 'four sessions that append');
	# on a busy machine one may be taken for who has gone, and asked for again
	cmp_ok(scalar $service->log, '<=', 303, '... send what one would, not 808 requests');

	# Who is not fetched from is not waited for.
	clear();
	my $cursor = CphSession->new($node);
	$cursor->run('BEGIN; DECLARE c CURSOR FOR SELECT * FROM cph_phones; FETCH 300 FROM c');
	$session->run($reports[0]);
	cmp_ok($session->seconds, '<', 10, 'nor is an open cursor waited for');
	$cursor->run('COMMIT');

	# Two whose scans begin one reading after another, in opposite orders, do not
	# wait for each other.
	clear();
	$service->fault('latency', ms => 500);
	my @names = split /\n/, $node->safe_psql('postgres', 'SELECT server_id FROM local_phones
		GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 2');
	my @crossed = map { CphShared::start($node, 1, "SET statement_timeout = '60s';
		SELECT EXISTS (SELECT FROM cph_phones WHERE server_id = s AND phone_name <> s)
		FROM (VALUES ('$_->[0]'), ('$_->[1]')) AS v (s);") } \@names, [ reverse @names ];
	is(scalar CphShared::finish($_), 0, 'two readings in each order') foreach @crossed;
	$service->clear;
	$service->fault('latency', ms => 50);

	# If that one is ended, another one asks.
	clear();
	my $asks = CphSession->new($node);
	my $pid = $asks->pid;
	my $run = CphShared::start($node, 1, "$reports[0];");
	sleep 0.01 until $session->run('SELECT coalesce(max(pages), 0) FROM cph_fdw_stat_progress') > 10;
	my $others = CphShared::start($node, 5, "$reports[1];");
	sleep 0.01 until $session->run(q{SELECT count(*) FROM pg_stat_activity
		WHERE query ~ 'image_id' AND wait_event ~ 'CphAnswer|Extension'}) >= 5;
	$session->run(q{SELECT pg_terminate_backend(pid) FROM cph_fdw_stat_progress
		WHERE pages > 0 ORDER BY pages DESC LIMIT 1});
	is(scalar CphShared::finish($run), 1, 'a session that asks is ended');
	is(scalar CphShared::finish($others), 0, '... and those that wait go on');
	my $asked = () = $service->log;
	cmp_ok($asked, '<', 210, "... after $asked requests of both");
	CphTest::same($node, $reports[1]);

	# One killed, and nothing is half there when the server is up again.
	clear();
	$run = CphShared::start($node, 1, "$reports[0];");
	sleep 0.01 until $session->run('SELECT coalesce(max(pages), 0) FROM cph_fdw_stat_progress') > 10;
	my $killed = $session->run('SELECT pid FROM cph_fdw_stat_progress WHERE pages > 0');
	CphShared::crash($node, $run, $killed);
	$session = CphSession->new($node);
	$service->entries;
	CphTest::same($node, $reports[1]);
	is(scalar $service->log, 101, 'a reading of a session that was killed is not there');
	$service->clear;
}

# --- What is used again ------------------------------------------------------

$service->reset(phones => 2000);
CphTest::copies($node, $service);
once(@$_)
  foreach ['SELECT phone_id, phone_name FROM cph_phones', 11],
	['SELECT phone_id FROM cph_phones WHERE status = 2', 1],
	['SELECT phone_id, status FROM cph_phones WHERE status IN (4, -7)', 2],
	['SELECT phone_id FROM cph_phones ORDER BY create_time DESC LIMIT 10', 1],
	['SELECT phone_id FROM cph_phones ORDER BY create_time DESC LIMIT 1000', 5],
	['SELECT phone_id FROM cph_phones ORDER BY create_time DESC LIMIT 10 OFFSET 300', 1],
	['SELECT phone_id, status FROM cph_phones WHERE status IN (4, -7) ORDER BY create_time DESC LIMIT 10', 2],
	[q{SELECT count(*) FROM (SELECT FROM cph_phones WHERE phone_name ~ '.' LIMIT 500) AS p}, 3],
	[q{SELECT phone_id FROM cph_phones WHERE phone_name ~ '.' ORDER BY create_time DESC LIMIT 500}, 3],
	['SELECT count(*) FROM (SELECT FROM cph_phones WHERE status IN (8, 4, -7) LIMIT 2) AS p', 3],
	['SELECT count(*) FROM cph_phones', 1],
	['SELECT count(*) FROM cph_phones WHERE status = 4', 1],
	['SELECT count(*) FROM cph_phones WHERE status IN (4, -7)', 2],
	[q{SELECT count(*) FROM cph_phones WHERE create_time >= '2024-02-20'}, 2],
	[q{SELECT count(*) FROM cph_phones WHERE create_time < '2024-02-20'}, 2],
	['SELECT status, count(*) FROM cph_phones GROUP BY 1', 10],
	['SELECT count(*) FILTER (WHERE status = 4), count(*) FROM cph_phones', 2],
	[q{SELECT phone_id FROM cph_phones WHERE create_time >= (SELECT min(create_time)
		+ 0.9 * (max(create_time) - min(create_time)) FROM local_phones)}, 1],
	['SELECT server_id FROM cph_servers', 1];

# A count between other times is another one.
clear();
foreach my $operator ('>=', '<', '>')
{
	my $query = "SELECT count(*) FROM cph_phones WHERE create_time $operator '2024-02-20'";
	is($session->run($query), $session->run(CphTest::on_copies($query)), $query);
}

# What one has read is the beginning of what another reads; it is the same reading.
my $list = 'SELECT count(phone_id) FROM cph_phones';
clear();
$session->run("BEGIN; DECLARE c CURSOR FOR SELECT * FROM cph_phones; FETCH 500 FROM c; COMMIT");
my $rest = sends($list);
cmp_ok($rest, '<=', 8, "a reading is gone on with: $rest requests");
is(sends($list), 0, '... and kept whole');
my $plan = $session->run("EXPLAIN (ANALYZE, TIMING off) $list");
like($plan, qr/CPH Requests: 0$/m, 'EXPLAIN: no request');
like($plan, qr/CPH Cached Pages: 11$/m, '... so many pages');
my ($age) = $plan =~ /CPH Cached Age: ([0-9.]+) ms$/m;
cmp_ok($age, '>', 0, "... $age ms old");
$session->run(q{SELECT cph_fdw_stat_reset('cph')});
$session->run($list);
is($session->run(q{SELECT requests, cached FROM cph_fdw_stat_servers WHERE server = 'cph'}),
	'0|11', 'statistics');

# --- What is not -------------------------------------------------------------

# Passes if a query asks though its answer is there.
sub asks
{
	my ($name, $query, $by) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return cmp_ok(sends($query, $by), '>', 0, $name);
}

# A change is seen once the time is over, and before by who does not want to wait.
options(cache_ttl => '2');
clear();
my $start = time;
is($session->run('SELECT count(*) FROM cph_phones'), 2000, 'a count');
is($session->run("$list WHERE status = 2"), my $good = $node->safe_psql('postgres',
	'SELECT count(*) FROM local_phones WHERE status = 2'), 'a list');
$service->control('POST', '/_control/insert', { list => 'phones', n => 1, fields => { status => 2 } });
my @seen = map { $session->run($_) } 'SELECT count(*) FROM cph_phones', "$list WHERE status = 2";
is_deeply(\@seen, [ 2000, $good ], 'a change is not seen') if time - $start < 1.5;
$session->run('SET cph_fdw.cache = off');
is($session->run('SELECT count(*) FROM cph_phones'), 2001, 'off: it is seen');
$session->run('RESET cph_fdw.cache');
sleep 2.1;
is($session->run('SELECT count(*) FROM cph_phones'), 2001, 'when the time is over it is, too');
is($session->run("$list WHERE status = 2"), $good + 1, '... in a list');
options(cache_ttl => '1min');
$session->run($list);
$service->control('POST', '/_control/insert', { list => 'phones', n => 1 });
clear();
is($session->run($list), 2002, 'cleared: it is seen');
$session->run(q{SELECT cph_fdw_cache_clear('cph')});
asks('... of one server', $list);
like($session->run(q{SELECT cph_fdw_cache_clear('no')}) . $session->error, qr/"no" does not exist/,
	'... that is none');

# What was asked for before is not kept when it has come.
clear();
my $early = CphSession->new($node);
$early->run('BEGIN; DECLARE c CURSOR FOR SELECT * FROM cph_phones; FETCH 500 FROM c');
$service->control('POST', '/_control/insert', { list => 'phones', n => 1 });
clear();
$early->run('COMMIT');
is($session->run($list), 2003, 'nor is what was asked for before it was cleared');

# Where the truth is asked for, it is asked.
asks('ANALYZE', 'ANALYZE cph_phones');
asks('cph_fdw_check', q{SELECT * FROM cph_fdw_check('cph')});
foreach my $query ('SELECT phone_id FROM cph_phones ORDER BY create_time LIMIT 3',
	q{SELECT phone_name FROM cph_phones WHERE phone_id = (SELECT max(phone_id) FROM local_phones)})
{
	sends($query);
	asks("always asked: $query", $query);
}

# A table has its own.
$session->run(q{ALTER FOREIGN TABLE cph_phones OPTIONS (ADD cache_ttl '0')});
asks('a table without', $list) foreach 1 .. 2;
$session->run(q{ALTER FOREIGN TABLE cph_phones OPTIONS (DROP cache_ttl)});
is(sends($list), 0, '... and with');

# Another mapping, or the same with other options, or another user.
$service->control('POST', '/_control/tokens', { other => undef });
$session->run(q{ALTER USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (SET token 'other')});
asks('an altered mapping', $list);
is(sends($list), 0, '... has its own then');
$session->run(q{ALTER SERVER cph OPTIONS (ADD fetch_size '100')});
asks('an altered server', $list);
$session->run(q{ALTER SERVER cph OPTIONS (DROP fetch_size)});
$session->run(q{CREATE ROLE reader;
	GRANT SELECT ON cph_phones TO reader;
	GRANT USAGE ON FOREIGN SERVER cph TO reader;
	CREATE USER MAPPING FOR reader SERVER cph OPTIONS (token 'wrong')});
sends($list);
$session->run('SET ROLE reader');
is($session->state($list), 'HV00N', 'another user does not see it');
is($session->state('SELECT cph_fdw_cache_clear()'), '42501', '... nor clear it');
$session->run('RESET ROLE');
is(sends($list), 0, '... and the first one does');
$session->run('ALTER USER MAPPING FOR reader SERVER cph OPTIONS (SET token \'other\')');
$session->run('SET ROLE reader');
asks('nor by the same token', $list);
$session->run('RESET ROLE');

# What failed is not kept, nor what a service did not take.
clear();
$service->fault('status', status => 400, after => 5, times => 1);
is($session->state($list), 'HV000', 'a reading that fails');
is(sends($list), 11, '... is not kept');
$service->clear;

# --- Its size ----------------------------------------------------------------

sub size
{
	my ($size) = @_;

	$node->append_conf('postgresql.conf', "cph_fdw.cache_size = $size");
	$node->reload;
	$node->poll_query_until('postgres', "SHOW cph_fdw.cache_size", $size) or die 'no reload';
	sleep 0.01 until $session->run('SHOW cph_fdw.cache_size') eq $size;
	clear();
	return;
}

size('100kB');
is(sends($list) + sends($list), 22, 'what is too large is not kept');
my @small = map { "SELECT phone_id FROM cph_phones ORDER BY create_time DESC LIMIT $_" } 150 .. 159;
sends($_) foreach @small;
is(sends($small[-1]), 0, 'what is smaller is');
asks('... in the place of what is older', $small[0]);
size(0);
is(sends($small[0]) + sends($small[0]), 2, 'none');
size('8MB');

# --- A list that changes -----------------------------------------------------

# Whatever changed behind what is kept, and wherever that ends: a reading returns
# what was there since it began, once.
$service->set(churn => 5);
my ($lost, $twice, $pages) = (0, 0, 0);
foreach my $rows (150, 300, 500, 900, 1300, 1700)
{
	foreach my $how ('', q{ OPTIONS (ADD stable_ties 'false')}, q{ OPTIONS (ADD enable_order_pushdown 'false')})
	{
		$session->run("ALTER SERVER cph$how") if $how;
		clear();
		$service->mark;
		$session->run("BEGIN; DECLARE c CURSOR FOR SELECT * FROM cph_phones; FETCH $rows FROM c; COMMIT");
		$service->control('POST', '/_control/delete', { list => 'phones', index => 0, n => 20 });
		$service->control('POST', '/_control/insert', { list => 'phones', n => $rows % 70 });
		$service->control('POST', '/_control/delete', { list => 'phones', index => 250, n => 120 });
		$service->control('POST', '/_control/insert', { list => 'phones', n => 70 });
		my $ids = $session->run('SELECT phone_id FROM cph_phones');
		my $judged = $service->judge('phones', '', split /\n/, $ids);
		$lost += @{ $judged->{lost} } + @{ $judged->{strange} };
		$twice += @{ $judged->{twice} };
		is($session->error, '', "gone on behind $rows rows$how");
		$service->entries;
		is($session->run('SELECT phone_id FROM cph_phones'), $ids, '... and the same once more');
		is(scalar $service->log, 0, '... without a request');
		$session->run('ALTER SERVER cph' . ($how =~ s/ADD (\w+).*/DROP $1)/r)) if $how;
	}
}
is($lost, 0, 'none is lost');
is($twice, 0, 'none is there twice');
$service->clear;

# Several streams are of one moment: what was read of one alone is not used.
CphTest::copies($node, $service);
clear();
my $moved = $node->safe_psql('postgres', 'SELECT phone_id FROM local_phones WHERE status = 4 LIMIT 1');
$service->control('POST', '/_control/update', { list => 'phones', ids => [$moved], set => { status => -7 } });
$session->run('SELECT phone_id FROM cph_phones WHERE status = 4');
$service->control('POST', '/_control/update', { list => 'phones', ids => [$moved], set => { status => 4 } });
is($session->run(q{SELECT count(*) FROM (SELECT phone_id FROM cph_phones
	WHERE status IN (4, -7) OFFSET 0) AS p}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM local_phones WHERE status IN (4, -7)'),
	'several streams');

done_testing();
