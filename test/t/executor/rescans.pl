# Scans that begin anew, stay open or end early: the right rows, and nothing is
# left behind.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphTest;
use Test::More;

my ($node, $service) = CphTest::setup(
	phones => 1000,
	servers => 12,
	attach => { server => { fetch_size => 50, max_concurrent_requests => 8 } });
my $session = CphSession->new($node);
$session->run('SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off;');

# What a query gives of the lists, and of their copies, in the session.
sub same
{
	my ($query, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @found = map { join "\n", sort split /\n/, $session->run($_) }
	  ($query, CphTest::on_copies($query));
	isnt($found[1], '', 'rows: ' . ($name // $query));
	return is($found[0], $found[1], $name // $query) || diag $session->error;
}

# Rescans with another parameter, and with none.
my @rescans = (
	q{SELECT s.server_id, count(p.phone_name) FROM local_servers s
	  JOIN LATERAL (SELECT phone_name FROM cph_phones WHERE server_id = s.server_id) p ON true
	  GROUP BY 1},
	q{SELECT s.server_id, (SELECT max(imei) FROM cph_phones WHERE server_id = s.server_id)
	  FROM local_servers s},
	q{SELECT s.server_id, (SELECT count(imei) FROM cph_phones p WHERE p.imei > s.server_id)
	  FROM local_servers s WHERE server_name < 'z' LIMIT 5},
	q{SELECT a.n, count(p.imei) FROM generate_series(1, 5) AS a(n)
	  LEFT JOIN cph_phones p ON a.n = length(p.phone_name) - 12 GROUP BY 1},
	q{SELECT s.server_id FROM local_servers s
	  WHERE EXISTS (SELECT FROM cph_phones WHERE server_id = s.server_id AND imei LIKE '%7')});
same($_) foreach @rescans;

# Rescans while requests are in flight: the first rows are enough.
my $early = q{
	SELECT s.server_id, p.phone_id FROM local_servers s,
	LATERAL (SELECT phone_id FROM cph_phones WHERE imei <> s.server_id OFFSET 60 LIMIT 1) p};
same($early, 'rescans with requests in flight');
$service->fault('latency', ms => 10);
same($early, '... of a slow service');
$service->clear;

# Many of them in one query hold no more than one does.
my $many = q{
	SELECT count(p.phone_id) FROM generate_series(1, %d) AS a(n),
	LATERAL (SELECT phone_id FROM cph_phones WHERE imei <> n::text OFFSET 60 LIMIT 1) p};
is($session->run(sprintf $many, 5), '5', 'five rescans');
my $small = $session->kilobytes;
is($session->run(sprintf $many, 150), '150', 'many rescans');
is($session->error, '', '... without an error');
my ($open) = $service->stats->{open_connections};
cmp_ok($open, '<=', 12, "... and with $open connections");
SKIP:
{
	skip 'there is no /proc', 1 unless defined $small;
	cmp_ok($session->kilobytes, '<', $small + 4096, '... in little memory');
}

# Nothing is left behind by any of these.
sub leaks_nothing
{
	my ($name, $times, @queries) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @before;
	foreach my $round (0 .. $times)
	{
		$session->run($_) foreach @queries;
		@before = ($session->descriptors, $session->kilobytes) if $round == 2;
	}
  SKIP:
	{
		skip 'there is no /proc', 2 unless defined $before[0];
		cmp_ok($session->descriptors, '<=', $before[0] + 16, "$name: descriptors");
		cmp_ok($session->kilobytes, '<', $before[1] + 1500, "$name: memory");
	}
	my $open = $service->stats->{open_connections};
	cmp_ok($open, '<=', 40, "$name: $open connections");
	return;
}
leaks_nothing('rescans', 10, @rescans, $early);

# Early ends.
leaks_nothing(
	'LIMIT', 30,
	q{SELECT phone_id FROM cph_phones WHERE imei <> '' LIMIT 60},
	q{SELECT phone_id FROM cph_phones p WHERE EXISTS (SELECT FROM cph_servers s WHERE s.server_id = p.server_id) LIMIT 120});

# Errors within a scan, caught and not.
leaks_nothing(
	'errors', 30,
	q{SELECT 1 / (length(imei) - 15) FROM cph_phones},
	q{DO $$ BEGIN
		FOR i IN 1 .. 5 LOOP
			BEGIN
				PERFORM 1 / (length(imei) - 15) FROM cph_phones;
			EXCEPTION WHEN division_by_zero THEN NULL;
			END;
		END LOOP;
	  END $$});

# Savepoints.
leaks_nothing(
	'savepoints', 30,
	q{BEGIN; DECLARE a CURSOR FOR SELECT phone_id FROM cph_phones; SAVEPOINT s;
	  FETCH 120 FROM a; DECLARE b CURSOR FOR SELECT phone_id FROM cph_phones; FETCH 70 FROM b;
	  ROLLBACK TO s; FETCH 120 FROM a; SAVEPOINT t; SELECT 1 / 0; ROLLBACK TO t;
	  FETCH 120 FROM a; COMMIT});
$session->run(
	q{BEGIN; DECLARE a CURSOR FOR SELECT phone_id FROM cph_phones; FETCH 70 FROM a; SAVEPOINT s});
$session->run(q{FETCH 130 FROM a; ROLLBACK TO s});
is( scalar(split /\n/, $session->run('FETCH ALL FROM a')),
	800, 'a cursor goes on after a rollback to a savepoint');
$session->run('COMMIT');

# A cursor that stays open: the service drops its connections, the list moves.
$service->mark;
$session->run(q{BEGIN; DECLARE c CURSOR FOR SELECT phone_id FROM cph_phones});
my @read;
foreach my $round (1 .. 12)
{
	push @read, split /\n/, $session->run('FETCH 90 FROM c');
	$service->disconnect;
	$service->control('POST', '/_control/insert', { list => 'phones', n => 7 });
	$service->control('POST', '/_control/delete',
		{ list => 'phones', index => 20 * $round, n => 9 });
	$service->control('POST', '/_control/update',
		{ list => 'phones', index => 400, n => 3, set => { status => 8 } });
}
is($session->error, '', 'a cursor over a list that moves');
my $verdict = $service->judge('phones', '', @read);
is_deeply($verdict->{lost}, [], '... returns each phone that stayed');
is_deeply($verdict->{twice}, [], '... and none twice');
is_deeply($verdict->{strange}, [], '... nor one that was never there');
$session->run('COMMIT');
CphTest::copies($node, $service);

# Two cursors at once, a scan between, and one that is held.
$session->run(
	q{BEGIN; DECLARE a CURSOR WITH HOLD FOR SELECT phone_id FROM cph_phones;
	  DECLARE b SCROLL CURSOR FOR SELECT phone_id FROM cph_phones; FETCH 110 FROM a; FETCH 10 FROM b});
same('SELECT max(imei) FROM cph_phones', 'a scan between two cursors');
my $first = $session->run('FETCH 60 FROM b');
$session->run('MOVE ABSOLUTE 10 IN b');
is($session->run('FETCH 60 FROM b'), $first, 'a cursor goes back');
my $total = $session->run('SELECT count(*) FROM local_phones');
$session->run('COMMIT');
is( scalar(split /\n/, $session->run('FETCH ALL FROM a')),
	$total - 110, 'a cursor that is held');
$session->run('CLOSE a');

# A mapping that is made anew takes what the old one had with it.
my ($before, $after);
foreach my $round (0 .. 20)
{
	$session->run(
		qq{DROP USER MAPPING FOR CURRENT_USER SERVER cph;
		   CREATE USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (token '$CphTest::TOKEN')});
	$session->run('SELECT count(phone_name) FROM cph_phones');
	$after = $session->descriptors;
	$before = $after if $round == 1;
}
is($session->error, '', 'a mapping made anew');
SKIP:
{
	skip 'there is no /proc', 1 unless defined $before;
	cmp_ok($after, '<=', $before + 16, '... leaves no descriptors');
}

# More servers than a backend has descriptors for, each with connections.
$session->run(
	join ';', map {
		"CREATE SERVER s$_ FOREIGN DATA WRAPPER cph_fdw OPTIONS (endpoint '@{[$service->url]}', project_id '$CphTest::PROJECT', max_concurrent_requests '8', fetch_size '20');
		 CREATE USER MAPPING FOR CURRENT_USER SERVER s$_ OPTIONS (token '$CphTest::TOKEN');
		 CREATE FOREIGN TABLE s$_ (phone_name text) SERVER s$_ OPTIONS (resource 'phones')"
	} 1 .. 60);
my $errors = 0;
foreach my $number (1 .. 60)
{
	$session->run("SELECT count(phone_name) FROM s$number");
	$errors++ if $session->error ne '';
}
is($errors, 0, 'sixty servers') or diag $session->error;

# In the end nothing is open.
$session->run('SELECT cph_fdw_disconnect_all()');
is($session->run('SELECT count(*) FROM cph_fdw_get_connections()'),
	0, 'no connection is left');

done_testing();
