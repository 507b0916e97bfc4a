
# What servers were asked, and what they are asked now: both views, with the
# memory that sessions share and without.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphShared;
use CphTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $service = CphTest::service(phones => 1000);
my $node = CphTest::node();
my $of_cph = q{SELECT requests, retries, throttled, failed, rows, tokens, connections
	FROM cph_fdw_stat_servers WHERE server = 'cph'};

CphTest::attach($node, $service);

# Statistics: of another session, where there is shared memory.
my $first = CphSession->new($node);
my $second = CphSession->new($node);
is($second->run('SELECT count(*) FROM cph_fdw_stat_servers'), 0, 'nothing was asked yet');
$first->run('SELECT phone_id FROM cph_phones');
my $asked = scalar $service->log;
my $rows = 1000 + $asked - 1;
is($first->run($of_cph), "$asked|0|0|0|$rows|0|" . $first->run(q{
	SELECT connections FROM cph_fdw_stat_servers}), 'a session sees what it did');
cmp_ok($first->run('SELECT connections FROM cph_fdw_stat_servers'),
	'<=', 5, 'on connections that are kept');
cmp_ok($first->run('SELECT bytes FROM cph_fdw_stat_servers'), '>', 10000, 'bytes');
cmp_ok($first->run('SELECT waited_ms FROM cph_fdw_stat_servers'), '>', 0, 'waited');
is($first->run(q{SELECT database, server, "user", since BETWEEN now() - interval '1 min' AND now()
	FROM cph_fdw_stat_servers}), 'postgres|cph|postgres|t', 'whose they are');
$second->run('SELECT count(*) FROM cph_servers');
is($second->run('SELECT sum(requests) FROM cph_fdw_stat_servers'),
	CphTest::shared() ? $asked + 1 : 1, 'another session adds to the same');

# What goes wrong is counted.
$service->fault('status', status => 503, times => 1);
$service->fault('rate', n => 0, retry_after => 0, after => 1, times => 1);
$first->run('SELECT cph_fdw_stat_reset(\'cph\')');
$first->run('SELECT server_id FROM cph_servers');
is($first->run(q{SELECT requests, retries, throttled, failed FROM cph_fdw_stat_servers}),
	'3|2|1|0', 'tries, and answers that asked for patience');
$service->clear;
$service->fault('status', status => 500);
$first->run(q{ALTER SERVER cph OPTIONS (ADD max_retries '0')});
is($first->state('SELECT server_id FROM cph_servers'), 'HV000', 'an error ...');
is($first->run(q{SELECT requests, failed FROM cph_fdw_stat_servers}), '4|1', '... is counted');
$service->clear;
$service->fault('stall');
$first->run(q{ALTER SERVER cph OPTIONS (ADD request_timeout '1')});
is($first->state('SELECT server_id FROM cph_servers'), 'HV00N', 'a time-out ...');
is($first->run(q{SELECT requests, failed, timed_out FROM cph_fdw_stat_servers}),
	'5|2|1', '... is counted');
$service->clear;
$first->run(q{ALTER SERVER cph OPTIONS (DROP max_retries, DROP request_timeout)});

# Reset: of one server, of all, of none that there is.
$first->run('SELECT cph_fdw_stat_reset(\'another\')');
is($first->run('SELECT requests FROM cph_fdw_stat_servers'), 5, 'another server\'s reset');
$first->run('SELECT cph_fdw_stat_reset()');
is($first->run('SELECT requests, rows, bytes FROM cph_fdw_stat_servers'), '0|0|0', 'reset');

# Who sees what.
$node->safe_psql('postgres', qq{
	CREATE ROLE reader LOGIN; CREATE ROLE auditor LOGIN IN ROLE pg_read_all_stats;
	GRANT SELECT ON cph_servers TO reader;
	GRANT USAGE ON FOREIGN SERVER cph TO reader;
	CREATE USER MAPPING FOR reader SERVER cph OPTIONS (token '$CphTest::TOKEN')});
$first->run('SELECT count(*) FROM cph_servers');
my $both = q{SELECT count(*) FROM cph_servers;
	SELECT string_agg("user", ',' ORDER BY "user") FROM cph_fdw_stat_servers};
is($node->safe_psql('postgres', "SET ROLE reader; $both"), "20\nreader", 'own rows');
is($node->safe_psql('postgres', q{SET ROLE auditor;
	SELECT string_agg("user", ',' ORDER BY "user") FROM cph_fdw_stat_servers}),
	CphTest::shared() ? 'postgres,reader' : '', 'all rows with pg_read_all_stats');
my $error = '';
$node->psql('postgres', 'SET ROLE reader; SELECT cph_fdw_stat_reset()', stderr => \$error);
like($error, qr/permission denied for function cph_fdw_stat_reset/, 'not everyone resets');

# Two databases with servers of one name, and a server that is dropped.
if (CphTest::shared())
{
	$node->safe_psql('postgres', 'CREATE DATABASE other');
	$node->safe_psql('other', qq{
		CREATE EXTENSION cph_fdw;
		CREATE SERVER cph FOREIGN DATA WRAPPER cph_fdw
			OPTIONS (endpoint '@{[$service->url]}', project_id '$CphTest::PROJECT');
		CREATE USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (token '$CphTest::TOKEN');
		IMPORT FOREIGN SCHEMA cph FROM SERVER cph INTO public;
		SELECT count(*) FROM cph_servers;
		SELECT count(*) FROM cph_servers;
		SELECT cph_fdw_stat_reset('none')});
	is($node->safe_psql('other', q{SELECT database, requests FROM cph_fdw_stat_servers
		WHERE "user" = 'postgres' ORDER BY 1}), "other|2\npostgres|1",
		'each database has its own');
	$node->safe_psql('other', 'SELECT cph_fdw_stat_reset()');
	is($first->run(q{SELECT requests FROM cph_fdw_stat_servers
		WHERE database = 'postgres' AND "user" = 'postgres'}), 1,
		'a reset is of one database');
}

# A server that is dropped is not shown.
$node->safe_psql('postgres', qq{
	CREATE SERVER gone FOREIGN DATA WRAPPER cph_fdw OPTIONS (endpoint '@{[$service->url]}', project_id '$CphTest::PROJECT');
	CREATE USER MAPPING FOR CURRENT_USER SERVER gone OPTIONS (token '$CphTest::TOKEN');
	CREATE FOREIGN TABLE of_gone (server_id text) SERVER gone OPTIONS (resource 'servers')});
my $gone = q{SELECT count(*) FROM cph_fdw_stat_servers WHERE server = 'gone'};
is($first->run("SELECT count(*) FROM of_gone; $gone"), "20\n1", 'a server is asked');
$first->run('SET client_min_messages = warning; DROP SERVER gone CASCADE');
is($first->run($gone), 0, 'and gone');

# Progress: a long scan, as it is seen while it runs.
$service->fault('latency', ms => 100);
my $seen = q{SELECT server, resource, request, pages > 0 AND rows > 0 AND rows < 1000,
	rows_expected, in_flight, waits_for, pid = %d, started_at > now() - interval '1 min'
	FROM cph_fdw_stat_progress};
my $path = "/v1/$CphTest::PROJECT/cloud-phone/phones";
$first->run(q{ALTER SERVER cph OPTIONS (ADD fetch_size '50', ADD max_concurrent_requests '2')});
$first->run('BEGIN; DECLARE c CURSOR FOR SELECT phone_id FROM cph_phones; FETCH 120 FROM c');
my $row = (CphTest::shared() ? $second : $first)->run(sprintf $seen, $first->pid);
like($row, qr{^cph\|phones\|\Q$path\E\|t\|1000\|[012]\|(?:CphRequest)?\|t\|t$}, "seen: $row");
is($first->run('SELECT pages, rows FROM cph_fdw_stat_progress'), '3|148',
	'a row that pages have in common is counted once');
is($first->run('CLOSE c; SELECT count(*) FROM cph_fdw_stat_progress'), 0, 'and gone with its end');
$first->run('COMMIT');
$first->run(q{BEGIN; DECLARE c CURSOR FOR SELECT phone_id FROM cph_phones
	WHERE status IN (2, 3) ORDER BY create_time DESC; FETCH 1 FROM c});
my $expected = $node->safe_psql('postgres',
	'SELECT count(*) FROM local_phones WHERE status IN (2, 3)');
like($first->run('SELECT request, rows_expected FROM cph_fdw_stat_progress'),
	qr{^\Q$path\E\?status=[23]\|$expected$}, 'several streams: the rows of all');
my $reader = 'SET ROLE reader; SELECT count(*) FROM cph_fdw_stat_progress';
is($node->safe_psql('postgres', $reader), 0, 'not for others') if CphTest::shared();
$first->run('ROLLBACK');
is($first->run('SELECT count(*) FROM cph_fdw_stat_progress'), 0, 'gone with an abort');

# A session that is ended leaves nothing behind.
if (CphTest::shared())
{
	$first->run('BEGIN; DECLARE c CURSOR FOR SELECT phone_id FROM cph_phones; FETCH 1 FROM c');
	is($second->run('SELECT count(*) FROM cph_fdw_stat_progress'), 1, 'seen');
	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . $first->pid . ', 10000)');
	is($second->run('SELECT count(*) FROM cph_fdw_stat_progress'), 0,
		'gone with the session');
}

done_testing();
