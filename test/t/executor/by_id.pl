# A phone by its id: the service is asked where it is, and the list there gives
# the row.  Whatever does not answer that is looked for in the whole list.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphLogin;
use CphSession;
use CphTest;
use JSON::PP;
use Test::More;

my ($node, $service) = CphTest::setup(
	phones => 3000,
	servers => 40,
	key => 'AKBYID/secret-of-the-key',
	attach => { server => { fetch_size => 100 } });
my $session = CphSession->new($node);
my $list = 1 + int((3000 - 2) / 99);
my @ids = split /\n/, $session->run('SELECT phone_id FROM local_phones ORDER BY md5(phone_id) LIMIT 20');
my $one = $ids[0];
my $in = join ', ', map { "'$_'" } @ids[0 .. 9];
my $unknown = '0123456789abcdef' x 2;

# The number of requests for details and for pages since it was last asked for.
sub asked
{
	my @log = $service->log;
	return (scalar(grep { m{/phones/} } @log), scalar(grep { m{/phones\?} } @log));
}

# A query gives what it does on the copies, with so many requests for details,
# and at most so many pages.
sub asks
{
	my ($details, $pages, $query, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$name //= $query =~ s/[0-9a-f]{32}/ID/gr;
	my $expected = $session->run(CphTest::on_copies($query));
	asked();
	is($session->run($query), $expected, $name) or diag $session->error;
	my @asked = asked();
	is($asked[0], $details, '... details');
	cmp_ok($asked[1], '<=', $pages, "... at most $pages pages");
	return $expected;
}

# The forms of it: two requests for each phone, less where phones share a server.
isnt(asks(1, 1, "SELECT * FROM cph_phones WHERE phone_id = '$one'"), '', '... there is one');
asks(10, 10, "SELECT phone_id, status FROM cph_phones WHERE phone_id IN ($in) ORDER BY 1");
asks(2, 2, "SELECT phone_id FROM cph_phones WHERE phone_id = '$ids[1]' OR '$ids[2]' = phone_id ORDER BY 1");
asks(1, 1, "SELECT phone_id FROM cph_phones WHERE phone_id = ANY (ARRAY['$one', NULL, '$one'])");
asks(0, 0, 'SELECT phone_id FROM cph_phones WHERE phone_id = NULL::text');
asks(0, 0, "SELECT phone_id FROM cph_phones WHERE phone_id = (SELECT server_name FROM local_servers WHERE false)");
asks(1, 1, "SELECT phone_id FROM cph_phones WHERE phone_id = (SELECT max(phone_id) FROM local_phones)");
$session->run(q{PREPARE by_id (text[]) AS SELECT phone_id FROM cph_phones WHERE phone_id = ANY ($1) ORDER BY 1;
	SET plan_cache_mode = force_generic_plan});
asked();
is( $session->run("EXECUTE by_id (ARRAY[$in])"),
	join("\n", sort @ids[0 .. 9]), 'a prepared statement');
is_deeply([ (asked())[0] ], [10], '... details');
$session->run(q{CREATE VIEW of_phones AS SELECT phone_id AS id, status, create_time FROM cph_phones WHERE status <> 99;
	CREATE FOREIGN TABLE renamed (id varchar OPTIONS (field 'phone_id'), state integer OPTIONS (field 'status')) SERVER cph OPTIONS (resource 'phones')});
asked();
is($session->run("SELECT id FROM of_phones WHERE id = '$one'"), $one, 'through a view');
is($session->run("SELECT id FROM renamed WHERE id = '$one' AND state >= -9"), $one, 'another column');
is_deeply([asked()], [ 2, 2 ], '... two requests each');

# What else the query asks is checked here.
asks(1, 1, "SELECT phone_id FROM cph_phones WHERE phone_id = '$one' AND status = (SELECT status FROM local_phones WHERE phone_id = '$one')");
asks(1, 1, "SELECT phone_id FROM cph_phones WHERE phone_id = '$one' AND status = -5");
asks(1, 1, "SELECT phone_id FROM cph_phones WHERE phone_id = '$one' AND create_time < '2001-01-01'");
asks(1, 1, "SELECT count(*), max(imei) FROM cph_phones WHERE phone_id = '$one'");
asks(1, 1, "SELECT count(*) FROM cph_phones WHERE phone_id = '$one'");
asks(1, 1, "SELECT phone_id FROM cph_phones WHERE phone_id = '$one' LIMIT 1");
asks(10, 10, "SELECT phone_id FROM cph_phones WHERE phone_id IN ($in) ORDER BY create_time DESC, phone_id LIMIT 4");
asks(10, 10, "SELECT phone_id FROM cph_phones WHERE phone_id IN ($in) AND status IN (2, 8) ORDER BY create_time DESC, phone_id");
asks(1, 1, "SELECT EXISTS (SELECT FROM cph_phones WHERE phone_id = '$one')");
asks(1, 1, "SELECT phone_id FROM cph_phones WHERE phone_id = '$one' FOR UPDATE");
my $home = $session->run("SELECT server_id FROM local_phones WHERE phone_id = '$one'");
asks(0, 1, "SELECT phone_id FROM cph_phones WHERE phone_id = '$one' AND server_id = '$home'");
$session->run(q{CREATE FUNCTION own(text) RETURNS text STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN $1; END $$});
asks(1, 1, "SELECT phone_id FROM cph_phones WHERE phone_id = own('$one')");

# Joins: two requests for each row of the other side, which the list bounds.
$session->run(q{CREATE TABLE tickets AS SELECT row_number() OVER () AS n, phone_id FROM local_phones ORDER BY md5(phone_id) LIMIT 10;
	ANALYZE tickets});
asks(10, 10, 'SELECT n, p.status FROM tickets JOIN cph_phones p USING (phone_id) ORDER BY 1');
asks(10, 10, q{SELECT n, p.status FROM tickets LEFT JOIN cph_phones p ON p.phone_id = tickets.phone_id AND p.imei > '' ORDER BY 1});
asks(10, 10, 'SELECT n, (SELECT max(imei) FROM cph_phones p WHERE p.phone_id = t.phone_id) FROM tickets t ORDER BY 1');
asks(10, 10, 'SELECT n, g, p.imei FROM generate_series(1, 3) AS g, tickets t, LATERAL (SELECT imei FROM cph_phones p WHERE p.phone_id = t.phone_id OFFSET 0) AS p ORDER BY 1, 2');
asks(10, 10, 'SELECT phone_id FROM cph_phones WHERE phone_id IN (SELECT phone_id FROM tickets) ORDER BY 1');
$session->run(q{INSERT INTO tickets SELECT 10 + g, md5(g::text) FROM generate_series(1, 10) AS g});
cmp_ok((asks(11, 10 + $list, 'SELECT n, (SELECT max(imei) FROM cph_phones p WHERE p.phone_id = t.phone_id) FROM tickets t ORDER BY 1'))[0], 'ne', '', 'half of them are not there');
$session->run(q{CREATE TABLE everyone AS SELECT phone_id FROM local_phones; ANALYZE everyone});
asks(0, $list, 'SELECT count(p.imei) FROM everyone JOIN cph_phones p USING (phone_id)');

# What is not found is looked for in the list, or is said not to be there.
asks(1, $list, "SELECT phone_id FROM cph_phones WHERE phone_id = '$unknown'");
asks(2, $list, "SELECT phone_id FROM cph_phones WHERE phone_id IN ('$unknown', '$one')");
foreach my $filter ('status = 2', 'status IN (8, -7)', q{cph_phone_status(status) IN ('stopped', 'abnormal') AND type = 0})
{
	asks(1, $list, "SELECT phone_id FROM cph_phones WHERE phone_id = '$unknown' AND $filter");
	asks(2, $list, "SELECT phone_id FROM cph_phones WHERE phone_id IN ('$one', '$unknown') AND $filter");
	$session->run("SELECT phone_id FROM cph_phones WHERE phone_id = '$unknown' AND $filter");
	my @pages = grep { m{/phones\?} } $service->log;
	is(scalar(grep { /[&?]status=/ } @pages), scalar(@pages), "... the list is read with $filter");
}
foreach my $status (404, 400)
{
	$service->set(detail_not_found => $status, detail_unknown => [$one]);
	asks(1, $list, "SELECT phone_id FROM cph_phones WHERE phone_id = '$one'", "one that the list has, $status");
	$session->run(q{ALTER SERVER cph OPTIONS (ADD detail_not_found 'none')});
	asked();
	is($session->run("SELECT phone_id FROM cph_phones WHERE phone_id = '$one'"), '', 'not found means none');
	is_deeply([asked()], [ 1, 0 ], '... by one request');
	is($session->run("SELECT phone_id FROM cph_phones WHERE phone_id IN ('$one', '$ids[1]')"), $ids[1], '... of one of two');
	is_deeply([asked()], [ 2, 1 ], '... by three');
	$session->run(q{ALTER SERVER cph OPTIONS (DROP detail_not_found)});
}
$service->clear;

# Answers that do not say where it is, or say what is not so.
my $query = "SELECT phone_id FROM cph_phones WHERE phone_id = '$one'";
foreach my $setting (
	[ detail_drop_fields => ['server_id'] ],
	[ detail_set_fields => { server_id => '' } ],
	[ detail_set_fields => { server_id => 7 } ],
	[ detail_set_fields => { server_id => JSON::PP::null } ],
	[ detail_set_fields => { server_id => 'not a server' } ],
	[ detail_set_fields => { server_id => '0' x 32 } ],
	[ detail_set_fields => { server_id => $session->run("SELECT server_id FROM local_servers WHERE server_id <> '$home' LIMIT 1") } ],
	[ unpublished => ['detail'] ])
{
	$service->set(@$setting);
	asks(1, $list + 2, $query, "where it is not: $setting->[0]");
	$service->clear;
}
$service->fault('status', status => 400, error_code => 'CPS.0004', match => '/phones/');
asks(1, $list, $query, 'a malformed id, it says');
$service->clear;

# A phone that was deleted, or moved, since it was located.
$service->control('POST', '/_control/delete', { list => 'phones', ids => [ $ids[3] ] });
CphTest::copies($node, $service);
asks(1, $list, "SELECT phone_id FROM cph_phones WHERE phone_id = '$ids[3]'", 'deleted');
$service->set(detail_outlives => JSON::PP::true);
asks(1, $list + 1, "SELECT phone_id FROM cph_phones WHERE phone_id = '$ids[3]'", 'deleted, with a detail that is left');
$service->clear;

# No permission for details: that is remembered until the connection is closed.
$service->set(forbidden => ['detail']);
asks(1, $list, $query, 'no permission for details');
asks(0, $list, $query, '... which is remembered');
unlike($session->run("EXPLAIN $query"), qr/CPH Locator/, '... also by the planner');
$service->clear;
asks(0, $list, $query, '... for the connection');
$session->run("SELECT cph_fdw_disconnect('cph')");
asks(1, 1, $query, '... and not for the next');

# A signature is of the path with the id, and of no parameter.
CphLogin::login($node, access_key => 'AKBYID', secret_key => 'secret-of-the-key');
asks(1, 1, $query, 'a signed request');
CphLogin::login($node, token => $CphTest::TOKEN);

# Errors stay errors.
$session->run(q{ALTER SERVER cph OPTIONS (ADD max_retries '0')});
$service->fault('status', status => 503, match => '/phones/');
$session->run($query);
like($session->error, qr/server "cph" failed to answer\nDETAIL:  GET 127\.0\.0\.1:\d+\S+$one: HTTP status 503/, 'a failure');
$service->clear;
$service->fault('truncate', match => '/phones/');
$session->run($query);
like($session->error, qr/broke off/, 'an answer that breaks off');
$service->clear;
$service->fault('body', match => '/phones/', text => '{"server_id":');
$session->run($query);
like($session->error, qr/server "cph"/, 'an answer that is no JSON');
$service->clear;
$session->run(q{ALTER SERVER cph OPTIONS (DROP max_retries)});

# Only ids of the documented form become a part of a path.
foreach my $id ('../servers', 'a/b', 'a?b=c', 'a b', 'a%2e', 'a.b', "\x{e9}", 'x' x 65, '', '..', "a'b", '$')
{
	my $quoted = "'" . $id =~ s/'/''/gr . "'";
	utf8::encode($quoted);
	asks(0, $list, "SELECT phone_id FROM cph_phones WHERE phone_id = $quoted", 'not sent');
	asks(0, $list, "SELECT phone_id FROM cph_phones WHERE phone_id = (SELECT ${quoted}::text)", '... nor in a run');
}
asks(1, $list, q{SELECT phone_id FROM cph_phones WHERE phone_id = 'A_b-9'});

# A short list is read: that is fewer requests.
$service->reset(phones => 90, servers => 3);
CphTest::copies($node, $service);
$session->run('ANALYZE cph_phones');
asks(0, 1, 'SELECT phone_id FROM cph_phones WHERE phone_id = (SELECT max(phone_id) FROM local_phones)');

# EXPLAIN shows it.
$service->reset(phones => 3000, servers => 40);
$session->run('ANALYZE cph_phones');
asked();
like( $session->run("EXPLAIN SELECT * FROM cph_phones WHERE phone_id = '$one'"),
	qr{CPH Locator: GET /v1/$CphTest::PROJECT/cloud-phone/phones/$one for server_id}, 'EXPLAIN');
like( $session->run('EXPLAIN SELECT * FROM tickets t JOIN cph_phones p USING (phone_id)'),
	qr{CPH Locator: GET /v1/$CphTest::PROJECT/cloud-phone/phones/\{t\.phone_id\} for server_id}, '... of a join');
like( $session->run("EXPLAIN SELECT * FROM cph_phones WHERE phone_id IN ('a', 'b')"),
	qr{CPH Locator: GET \S+/phones/\(one per value of '\{a,b\}'::text\[\]\) for server_id}, '... of several');
is_deeply([asked()], [ 0, 0 ], '... and sends nothing');

done_testing();
