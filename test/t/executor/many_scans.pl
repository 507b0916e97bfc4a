# More scans in a plan than there are descriptors for: those that are read one
# after the other need those of one, those below Append wait for each other,
# and those that must be open at once are an error that says what to do.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphAfter;
use CphSession;
use CphTest;
use Test::More;

# A third of what the server has left is for connections: here a few scans'.
my $scans = 40;
my ($node, $service) = CphTest::setup(
	phones => 250,
	servers => 3,
	node => { conf => "max_files_per_process = 150\njit = off\n" },
	attach => { server => { fetch_size => 50 } });
my $other = CphTest::service(phones => 120, seed => 2);
CphTest::attach($node, $other, name => 'other', schema => 'other', copies => 0)
  if $node->safe_psql('postgres', 'CREATE SCHEMA other') eq '';
$node->safe_psql('postgres', 'CREATE TABLE other.local_phones (LIKE cph_phones)');
my $session = CphSession->new($node);
$session->run('INSERT INTO other.local_phones SELECT * FROM other.cph_phones; ANALYZE local_phones; ANALYZE cph_phones');

# What a query gives of the lists, and of their copies; and that nothing is
# left in use.
sub same
{
	my ($name, $query, @settings) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$session->run("SET $_") foreach @settings;
	my @found = map { join "\n", sort split /\n/, $session->run($_) . $session->error } $query, CphTest::on_copies($query);
	is($found[0], $found[1], $name);
	$session->run('RESET ALL; SELECT cph_fdw_disconnect_all()');
	unlike($session->error, qr/WARNING/, "$name: nothing is in use");
	return;
}

# Scans of both services in turn, as parts of a query.
sub parts
{
	my ($format, $between) = @_;
	return join $between, map { my $n = $_; $format =~ s/TABLE/$n % 2 ? 'cph_phones' : 'other.cph_phones'/gre =~ s/NUMBER/$n/gr } 1 .. $scans;
}

my $union = parts("SELECT NUMBER AS n, phone_id FROM TABLE WHERE imei <> 'NUMBER'", ' UNION ALL ');
is(scalar(() = $session->run("EXPLAIN $union") =~ /Async Foreign Scan/g), $scans, 'scans at once');
same('at once', $union);
same('at once, rescanned', "SELECT g, x.* FROM generate_series(1, 2) AS g, LATERAL (SELECT n, count(*), min(phone_id) FROM ($union) AS u WHERE phone_id > g::text GROUP BY 1 OFFSET 0) AS x");
same('at once, slow', "SELECT n, count(*) FROM ($union) AS u GROUP BY 1") if $service->fault('latency', ms => 2);
$service->clear;
is(scalar(split /\n/, $session->run("SELECT * FROM ($union) AS u LIMIT 30")), 30, 'at once, left early');
same('one after the other', $union, 'enable_async_append = off');
same('some of each', "SELECT n FROM ($union) AS u JOIN cph_phones USING (phone_id) WHERE status = 8");
same('subqueries', 'SELECT ' . parts("(SELECT max(imei) FROM TABLE WHERE imei <> 'NUMBER')", ', '));
same('counts', 'SELECT ' . parts('(SELECT count(*) FROM TABLE WHERE status = NUMBER - 10)', ', '));
same('joins', 'SELECT count(*) FROM local_phones AS l ' . parts("JOIN (SELECT phone_id FROM cph_phones WHERE imei <> 'NUMBER') AS pNUMBER USING (phone_id)", ' '),
	'join_collapse_limit = 1', 'enable_hashjoin = off', 'enable_nestloop = off');
same('what is read whole by others', 'WITH ' . parts("wNUMBER AS MATERIALIZED (SELECT max(imei) FROM TABLE WHERE imei <> 'NUMBER')", ', ')
	  . parts('SELECT * FROM wNUMBER', ' UNION ALL '));

# An error in one of those that wait, or beside them.
$other->fault('status', status => 403, after => 10);
is($session->state($union), '42501', 'an error in one of them');
$other->clear;
$session->run('SET statement_timeout = 300');
$service->fault('stall', after => 20);
is($session->state($union), '57014', 'a cancel');
$service->clear;
$session->run('RESET ALL');
same('after them', $union);

# Scans that must be open at once.
foreach my $open (
	"SELECT count(*) FROM " . parts("(SELECT imei FROM TABLE WHERE imei <> 'NUMBER' LIMIT 1) AS pNUMBER", ', '),
	'BEGIN; ' . parts('DECLARE cNUMBER CURSOR FOR SELECT phone_id FROM TABLE', '; ') . '; ' . parts('FETCH 60 FROM cNUMBER', '; '))
{
	is($session->state($open), '53000', 'too many open scans are an error');
	like($session->error, qr/could not open a connection.*too many open files.*HINT: .*max_files_per_process/s, '... with a hint');
	$session->run('ROLLBACK');
	same('after it', 'SELECT phone_id, status FROM cph_phones');
}

$session->quit;
CphAfter::nothing_left($node, $service, 'in the end');
$node->stop;
done_testing();
