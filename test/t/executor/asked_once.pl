# A scan that is read again sends nothing twice: not for a value that it has
# asked for, nor for one that cannot be asked for.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphTest;
use Test::More;

my ($node, $service) = CphTest::setup(
	phones => 1500,
	servers => 60,
	attach => { server => { fetch_size => 100 } });
my $session = CphSession->new($node);
$session->run(q{SET enable_hashjoin = off; SET enable_mergejoin = off;
	SET enable_material = off; SET enable_memoize = off;
	CREATE TABLE t AS SELECT id, (ARRAY[8, 2, 7, 0, 6])[id % 5 + 1] AS st FROM generate_series(1, 30) AS id;
	CREATE TABLE zeros AS SELECT id, 0 AS st FROM generate_series(1, 30) AS id;
	CREATE TABLE eights AS SELECT id, 8 AS st FROM generate_series(1, 30) AS id});

# What one reading of all phones takes, and of those that each status leaves.
my $list = 1 + int((1500 - 2) / 99);
my %pages;
foreach my $status (0, 2, 6, 7, 8)
{
	my $rows = $session->run("SELECT count(*) FROM local_phones WHERE status = $status");
	$pages{$status} = $rows < 2 ? 1 : 1 + int(($rows - 2) / 99);
}
my $each = $pages{2} + $pages{6} + $pages{7} + $pages{8};

# A query gives what it does on the copies, in at most so many requests.
sub asks
{
	my ($most, $query) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $expected = $session->run(CphTest::on_copies($query));
	$service->log;
	is($session->run($query), $expected, $query) or diag $session->error;
	cmp_ok(scalar($service->log), '<=', $most, "... in $most requests");
	return;
}

# Counts: of a value that is not sent, of several of them, of others.
asks($list, 'SELECT id, (SELECT count(*) FROM cph_phones p WHERE p.status = z.st) FROM zeros z ORDER BY 1');
asks($list + 4 + 4, 'SELECT id, (SELECT count(*) FROM cph_phones p WHERE p.status = t.st) FROM t ORDER BY 1');
asks(
	$list + 4 + 4 + 1,
	'SELECT server_id, (SELECT count(*) FROM cph_phones p WHERE p.status = s.status) FROM local_servers s ORDER BY 1');
asks(
	$list,
	q{SELECT n, (SELECT count(*) FROM cph_phones p WHERE p.status = n AND p.type = n + 1) FROM generate_series(20, 40) AS n});

# Rows: of one value, of several in turn, of values that are not sent.
asks($pages{8}, 'SELECT id, (SELECT max(imei) FROM cph_phones p WHERE p.status = e.st) FROM eights e ORDER BY 1');
asks($list + $each, 'SELECT id, (SELECT max(imei) FROM cph_phones p WHERE p.status = t.st) FROM t ORDER BY 1');
asks($list, 'SELECT n, (SELECT max(imei) FROM cph_phones p WHERE p.status = n) FROM generate_series(20, 40) AS n');
asks($list + $each, 'SELECT t.id, p.phone_id FROM t LEFT JOIN cph_phones p ON p.status = t.st AND p.imei > t.id::text ORDER BY 1, 2');

# Where the first row is enough, and where a later run goes on behind it.
asks($list + 4, 'SELECT id FROM t WHERE NOT EXISTS (SELECT FROM cph_phones p WHERE p.status = t.st) ORDER BY 1');
asks($list + $each, 'SELECT id FROM t WHERE NOT EXISTS (SELECT FROM cph_phones p WHERE p.status = t.st AND length(p.phone_name) * id > 60) ORDER BY 1');
asks($list + $each, 'SELECT id, phone_id FROM t, LATERAL (SELECT phone_id FROM cph_phones p WHERE p.status = t.st AND length(imei) + id > 0 ORDER BY create_time DESC, phone_id OFFSET id LIMIT 2) AS p ORDER BY 1, 2');

# Under a window the rows also depend on what is not sent.
asks(5 + $list, 'SELECT id, phone_id FROM t, LATERAL (SELECT phone_id FROM cph_phones p WHERE p.status = t.st ORDER BY create_time DESC LIMIT 2) AS p ORDER BY 1, 2');
asks(3 * $list, 'SELECT n, phone_id FROM (VALUES (0), (20), (0), (21)) AS v (n) LEFT JOIN LATERAL (SELECT phone_id FROM cph_phones p WHERE p.status = n ORDER BY create_time DESC LIMIT 2) AS p ON true ORDER BY 1, 2');

# More rows than memory is for go to disk, as do all of them.
$session->run("SET work_mem = '64kB'");
asks($list + $each, 'SELECT id, (SELECT sum(hashtext(p::text)) FROM cph_phones p WHERE p.status = t.st) FROM t ORDER BY 1');
$session->run('RESET work_mem');

# More values than are kept: each is asked for again, and nothing grows.
asks(
	2 * 60,
	q{SELECT n, s.server_id, (SELECT max(p.phone_id) FROM cph_phones p WHERE p.server_id = s.server_id)
	  FROM generate_series(1, 2) AS n, local_servers s ORDER BY 1, 2});

# A function that reads is called once for a request, and rows are compared with
# what it said then, whatever it would say for each of them.
$session->run(q{
	CREATE SEQUENCE calls;
	CREATE FUNCTION usual(integer DEFAULT 8) RETURNS integer STABLE LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM nextval('calls');
		RETURN (SELECT CASE WHEN count(imei) > 1 THEN $1 END FROM cph_phones WHERE status = $1);
	END $$;
	CREATE FUNCTION fickle() RETURNS integer STABLE LANGUAGE sql AS
		$$ SELECT CASE WHEN nextval('calls') % 2 = 0 THEN 8 ELSE 7 END $$;
	CREATE FUNCTION nothing() RETURNS integer STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
	CREATE FUNCTION times() RETURNS timestamptz STABLE LANGUAGE plpgsql AS
		$$ BEGIN PERFORM nextval('calls'); RETURN (SELECT max(create_time) - interval '9 days' FROM cph_phones); END $$;
	SET plan_cache_mode = force_generic_plan});

sub calls
{
	my ($most, $query, $copy) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$session->run("SELECT setval('calls', 1)");
	is($session->run($query), $session->run(CphTest::on_copies($copy)), $query) or diag $session->error;
	cmp_ok($session->run('SELECT last_value - 1 FROM calls'), '<=', $most, "... in $most calls");
	return;
}
my $like = 'SELECT phone_id FROM cph_phones WHERE status = 8';
calls(1, "$like AND status = usual() ORDER BY 1", "$like ORDER BY 1");
calls(1, 'SELECT phone_id FROM cph_phones WHERE usual() = status ORDER BY 1', "$like ORDER BY 1");
calls(2, 'SELECT phone_id FROM cph_phones WHERE status = usual() OR status = usual(7) ORDER BY 1', 'SELECT phone_id FROM cph_phones WHERE status IN (7, 8) ORDER BY 1');
calls(1, 'SELECT phone_id FROM cph_phones WHERE status = ANY (ARRAY[usual(), 7]) AND length(imei) > 0 ORDER BY 1', 'SELECT phone_id FROM cph_phones WHERE status IN (7, 8) ORDER BY 1');
calls(1, 'SELECT count(*) FROM cph_phones WHERE status = usual()', 'SELECT count(*) FROM cph_phones WHERE status = 8');
calls(1, 'SELECT phone_id FROM cph_phones WHERE status = usual() ORDER BY create_time DESC LIMIT 5', "$like ORDER BY create_time DESC LIMIT 5");
calls(1, 'SELECT phone_id FROM cph_phones WHERE status = usual() ORDER BY create_time DESC LIMIT 5 OFFSET 3', "$like ORDER BY create_time DESC LIMIT 5 OFFSET 3");
calls(1, 'SELECT phone_id FROM cph_phones WHERE status = fickle() ORDER BY 1', "$like ORDER BY 1");
calls(1, 'SELECT phone_id FROM cph_phones WHERE status = fickle() LIMIT 4', "$like ORDER BY create_time DESC LIMIT 4");
# (the planner asks twice how many rows these leave)
calls(3, 'SELECT phone_id FROM cph_phones WHERE create_time > times() ORDER BY 1', q{SELECT phone_id FROM cph_phones WHERE create_time > (SELECT max(create_time) - interval '9 days' FROM cph_phones) ORDER BY 1});
calls(3, q{SELECT phone_id FROM cph_phones WHERE (create_time, phone_id) < (times(), '8') ORDER BY 1}, q{SELECT phone_id FROM cph_phones WHERE (create_time, phone_id) < ((SELECT max(create_time) - interval '9 days' FROM cph_phones), '8') ORDER BY 1});
calls(0, 'SELECT count(imei) FROM cph_phones WHERE status = nothing()', 'SELECT 0');
calls(0, 'SELECT count(imei) FROM cph_phones WHERE status = nothing() OR status = 7', 'SELECT count(imei) FROM cph_phones WHERE status = 7');

# ... also of an outer row's value, of one that is not sent, and of a parameter.
calls(3, 'SELECT v, (SELECT max(imei) FROM cph_phones WHERE status = usual(v)) FROM (VALUES (8), (7), (8)) AS v (v)', 'SELECT v, (SELECT max(imei) FROM cph_phones WHERE status = v) FROM (VALUES (8), (7), (8)) AS v (v)');
calls(4, 'SELECT v, (SELECT max(imei) FROM cph_phones WHERE status = usual(v)) FROM (VALUES (0), (20), (8), (0)) AS v (v)', 'SELECT v, (SELECT max(imei) FROM cph_phones WHERE status = v) FROM (VALUES (0), (20), (8), (0)) AS v (v)');
$session->run(q{PREPARE given (integer, text) AS SELECT phone_id FROM cph_phones WHERE status = usual($1) AND (create_time, phone_id) < (times(), $2) ORDER BY 1});
calls(4, q{EXECUTE given (8, '8')}, q{SELECT phone_id FROM cph_phones WHERE status = 8 AND (create_time, phone_id) < ((SELECT max(create_time) - interval '9 days' FROM cph_phones), '8') ORDER BY 1});

# Of a comparison of rows only the first value is asked for: rows are compared
# anew with another value behind it.
$session->run(q{
	CREATE TABLE tied AS SELECT server_id, create_time, phone_id FROM local_phones WHERE create_time IN
		(SELECT create_time FROM local_phones GROUP BY server_id, create_time HAVING count(*) > 1);
	CREATE FUNCTION itself(timestamptz) RETURNS timestamptz STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN $1; END $$;
	CREATE FUNCTION tied_time(text) RETURNS timestamptz STABLE LANGUAGE plpgsql AS
		$$ BEGIN RETURN (SELECT max(create_time) FROM tied WHERE server_id = $1); END $$});
cmp_ok($session->run('SELECT count(*) FROM tied'), '>', 1, 'there are ties on a server');
foreach my $row ('(itself(t.create_time), t.phone_id)', '(tied_time(t.server_id), t.phone_id)',
	'(tied_time(t.server_id), (SELECT max(u.phone_id) FROM tied u WHERE u.phone_id < p.phone_id))')
{
	my $query = "SELECT t.phone_id, p.phone_id FROM tied t LEFT JOIN cph_phones p
	  ON p.server_id = t.server_id AND (p.create_time, p.phone_id) <= $row ORDER BY 1, 2";
	is($session->run($query), $session->run(CphTest::on_copies($query)), $query) or diag $session->error;
}

# What is locked is compared anew, where it may have changed meanwhile.
calls(1, "$like AND status = usual() ORDER BY 1 FOR UPDATE", "$like ORDER BY 1");

done_testing();
