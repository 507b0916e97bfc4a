# Scans in subtransactions, exception blocks, cursors and beside parallel
# workers: the right rows, and nothing is left behind.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphAfter;
use CphSession;
use CphTest;
use Test::More;

my ($node, $service) = CphTest::setup(
	phones => 600,
	servers => 8,
	node => { conf => "max_prepared_transactions = 2\nshared_preload_libraries = 'cph_fdw'\n" },
	attach => { server => { fetch_size => 50, max_retries => 0 } });
my $session = CphSession->new($node);
my $all = $node->safe_psql('postgres', 'SELECT phone_id FROM local_phones');

# Passes if nothing is left of what the session did, transaction included.
sub clean
{
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$session->run('ROLLBACK');
	$session->run('SELECT cph_fdw_disconnect_all()');
	unlike($session->error, qr/WARNING/, "$name: no connection is in use");
	CphAfter::nothing_left($node, $service, $name);
	return;
}

# Runs commands and returns the ids among what they print.
sub ids
{
	return join "\n", map { grep { /^[0-9a-f]{32}$/ } split /\n/, $session->run($_) } @_;
}

# --- Savepoints -------------------------------------------------------------

my $declare = 'DECLARE c CURSOR FOR SELECT phone_id FROM cph_phones';
is(ids("BEGIN; $declare", 'FETCH 70 FROM c', 'SAVEPOINT s', 'FETCH 130 FROM c', 'ROLLBACK TO s', 'FETCH ALL FROM c', 'COMMIT'),
	$all, 'a cursor goes on behind what a savepoint took back');
is(ids('BEGIN; SAVEPOINT s', $declare, 'FETCH 70 FROM c', 'RELEASE s', 'FETCH 80 FROM c', 'SAVEPOINT t', 'FETCH ALL FROM c', 'COMMIT'),
	$all, 'a cursor outlives the subtransaction that made it');
clean('savepoints');

$session->run("BEGIN; SAVEPOINT s; $declare; FETCH 70 FROM c; ROLLBACK TO s");
is($session->state('FETCH 1 FROM c'), '34000', 'a cursor goes with its subtransaction');
clean('a cursor that was rolled back');

# An error within a fetch ends the cursor, and no other.
$session->run("BEGIN; $declare; DECLARE d CURSOR FOR SELECT phone_id FROM cph_phones WHERE imei <> ''");
my $before = ids('FETCH 60 FROM c', 'FETCH 60 FROM d');
$service->fault('status', status => 403, match => 'offset=441&');
is($session->state('SAVEPOINT s; FETCH 500 FROM c'), '42501', 'a fetch fails');
$service->clear;
is($session->state('ROLLBACK TO s; FETCH 1 FROM c'), '55000', '... after which the cursor is dead');
is(ids('ROLLBACK TO s; FETCH ALL FROM d'), join("\n", (split /\n/, $all)[ 60 .. 599 ]), '... but not the other');
clean('a fetch that failed');

# --- PL/pgSQL ---------------------------------------------------------------

# Errors of the query's own and of the service, within a scan that goes on.
my $function = q{
	CREATE FUNCTION %1$s_loop() RETURNS SETOF text LANGUAGE plpgsql AS $$
	DECLARE p record; n int; failed int := 0;
	BEGIN
		FOR p IN SELECT phone_id, status, server_id FROM %1$s_phones WHERE status <> 3 LOOP
			IF failed %% 3 < 2 AND p.status <> 2 THEN
				BEGIN
					SELECT count(imei) / (p.status - 8) INTO n FROM %1$s_phones
					 WHERE server_id = p.server_id;
					RETURN NEXT p.phone_id || ' ' || n;
				EXCEPTION WHEN division_by_zero THEN
					failed := failed + 1;
					RETURN NEXT p.phone_id || ' failed';
				END;
			ELSE
				RETURN NEXT p.phone_id;
			END IF;
		END LOOP;
	END $$};
$node->safe_psql('postgres', sprintf $function, $_) foreach 'cph', 'local';
my @both = map { $session->run("SELECT * FROM ${_}_loop()") } 'local', 'cph';
like($both[0], qr/ failed/, 'a loop has errors');
is($both[1], $both[0], '... and the right rows');
clean('a loop with errors');

# Errors that the wrapper raises itself, at every point of a scan, and the
# cancel of one within a block: the scan around them goes on.
my $around = q{
	DO $$
	DECLARE p record; q record; n int := 0; failed int := 0;
	BEGIN
		FOR p IN SELECT phone_id FROM cph_phones LOOP
			n := n + 1;
			IF n %% 40 = 1 THEN
				BEGIN
					FOR q IN SELECT server_id FROM cph_servers UNION ALL
					  SELECT imei FROM cph_phones WHERE type = 0 LOOP
						NULL;
					END LOOP;
				EXCEPTION WHEN %s THEN failed := failed + 1;
				END;
			END IF;
		END LOOP;
		RAISE NOTICE '%% rows, %% failed', n, failed;
	END $$};
foreach my $fault (
	[ 'insufficient_privilege', 'status', status => 403 ],
	[ 'fdw_error', 'redirect' ],
	[ 'SQLSTATE \'HV00L\'', 'html' ],
	[ 'SQLSTATE \'HV00L\'', 'truncate' ],
	[ 'fdw_error', 'status', status => 503 ])
{
	my ($condition, $kind, %arguments) = @$fault;

	$service->fault($kind, %arguments, match => 'type=0');
	$session->run(sprintf $around, $condition);
	like($session->error, qr/600 rows, 15 failed/, "$kind (@{[%arguments]}) within a scan");
	$service->clear;
}
clean('errors within a scan');
$service->fault('stall', match => 'type=0', after => 3, times => 1);
$session->run("SET statement_timeout = 1000");
$session->run(sprintf $around, 'query_canceled');
like($session->error, qr/600 rows, 1 failed/, 'a cancel within a scan');
$session->run('RESET statement_timeout');
clean('a cancel within a scan');

# An exception loop of scans that are all left before their end.
$session->run(q{
	DO $$
	BEGIN
		FOR i IN 1 .. 60 LOOP
			BEGIN
				PERFORM phone_id, 1 / (length(imei) - 15) FROM cph_phones UNION ALL
				  SELECT server_id, 1 FROM cph_servers;
			EXCEPTION WHEN division_by_zero THEN
				PERFORM phone_id FROM cph_phones LIMIT 1;
			END;
		END LOOP;
	END $$});
is($session->error, '', 'a loop of scans that end early');
clean('a loop of scans that end early');

# --- Cursors ----------------------------------------------------------------

foreach my $end ('SELECT 1 / 0', 'ROLLBACK', 'CLOSE ALL', 'PREPARE TRANSACTION \'gone\'; ROLLBACK PREPARED \'gone\'')
{
	$session->run('BEGIN; DECLARE a CURSOR FOR SELECT phone_id FROM cph_phones;'
		  . 'DECLARE b SCROLL CURSOR FOR SELECT phone_id FROM cph_phones p JOIN cph_servers USING (server_id);'
		  . 'DECLARE c CURSOR FOR SELECT phone_id FROM cph_phones UNION ALL SELECT server_id FROM cph_servers;'
		  . 'FETCH 60 FROM a; FETCH 60 FROM b; FETCH 60 FROM c');
	is($session->error, '', 'three cursors');
	$session->run($end);
	clean("three cursors, closed by $end");
}

$session->run('BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT phone_id FROM cph_phones');
is(ids('FETCH 130 FROM c', 'COMMIT', 'FETCH ALL FROM c', 'CLOSE c'), $all, 'a cursor WITH HOLD');
clean('a cursor WITH HOLD');
$session->run('BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT phone_id FROM cph_phones; FETCH 130 FROM c');
$service->fault('status', status => 403);
is($session->state('COMMIT'), '42501', 'one that cannot be read to its end at commit');
$service->clear;
is($session->state('FETCH 1 FROM c'), '34000', '... is none');
clean('a cursor that could not be held');

# --- Prepared transactions --------------------------------------------------

# Nothing of the service belongs to a transaction, so one may be prepared; what
# it has of the lists by then is its own.
$session->run(q{BEGIN; CREATE TABLE taken AS SELECT phone_id FROM cph_phones WHERE status = 2; PREPARE TRANSACTION 'taken'});
is($session->error, '', 'a transaction that has read is prepared');
clean('a prepared transaction');
is($session->run(q{COMMIT PREPARED 'taken'; SELECT count(*) FROM taken}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM local_phones WHERE status = 2'), '... and committed');
is($session->state(q{BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT phone_id FROM cph_phones; PREPARE TRANSACTION 'held'}),
	'0A000', 'one with a cursor WITH HOLD is refused');
clean('a transaction that was not prepared');

# --- Parallel workers -------------------------------------------------------

$session->run($_) foreach (
	q{CREATE TABLE events AS SELECT n, (SELECT array_agg(phone_id) FROM local_phones)[1 + n % 600] AS phone_id, n % 11 AS status FROM generate_series(1, 40000) AS n},
	'ANALYZE events',
	'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0');
foreach my $query (
	'SELECT p.status, count(*), sum(n) FROM events e JOIN cph_phones p USING (phone_id) GROUP BY 1 ORDER BY 1',
	q{SELECT count(*), sum(n) FROM events e WHERE cph_phone_status(status) = 'running' AND n > (SELECT count(imei) FROM cph_phones)},
	'SELECT count(*) FROM (SELECT phone_id FROM events WHERE n < 20000 UNION ALL SELECT phone_id FROM cph_phones) AS u',
	q{SELECT count(*) FROM events e WHERE EXISTS (SELECT FROM cph_phones p JOIN cph_phones q USING (server_id, imei) WHERE p.phone_id = e.phone_id AND q.status = 2)})
{
	my $plan = $session->run("EXPLAIN $query");
	like($plan, qr/Workers Planned/, "workers: $query");
	unlike($plan, qr/Parallel Foreign Scan/, '... which do not scan');
	is($session->run($query), $session->run(CphTest::on_copies($query)), '... the same');
}
# All of a query that may be is done by a worker.
$session->run('SET ' . ($node->pg_version < 16 ? 'force_parallel_mode' : 'debug_parallel_query') . ' = regress');
is($session->run('SELECT max(imei), cph_phone_status(max(status)) FROM cph_phones'),
	$session->run('SELECT max(imei), cph_phone_status(max(status)) FROM local_phones'), 'whatever may be done by a worker is');
$session->run('RESET ALL');
clean('parallel workers');

# --- One table more than once -----------------------------------------------

foreach my $query (
	'SELECT a.phone_id, b.phone_id FROM cph_phones a JOIN cph_phones b USING (imei)',
	'SELECT a.phone_id FROM cph_phones a WHERE NOT EXISTS (SELECT FROM cph_phones b WHERE b.server_id = a.server_id AND b.create_time > a.create_time)',
	q{(SELECT phone_id FROM cph_phones WHERE status = 8) UNION ALL SELECT phone_id FROM cph_phones WHERE phone_name LIKE 'mobile-00001%'},
	'SELECT (SELECT count(imei) FROM cph_phones), (SELECT max(imei) FROM cph_phones), (SELECT count(*) FROM cph_phones WHERE status = 8)')
{
	CphTest::same($node, $query);
}
clean('one table more than once');

$session->quit;
$node->stop;
done_testing();
