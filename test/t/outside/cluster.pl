
# Foreign tables as the rest of PostgreSQL has them: dumped and restored, joined
# to rows that change meanwhile, read on a standby.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($node, $service) = CphTest::setup(node => { conf => "wal_level = replica\nmax_wal_senders = 4\n" });

sub query
{
	my ($query, $database) = @_;
	return $node->safe_psql($database // 'postgres', $query);
}

# --- Dump and restore -------------------------------------------------------

query(q{
	ALTER SERVER cph OPTIONS (ADD max_concurrent_requests '2', ADD fetch_size '50');
	CREATE ROLE reader;
	GRANT USAGE ON FOREIGN SERVER cph TO reader;
	CREATE USER MAPPING FOR reader SERVER cph OPTIONS (access_key 'it''s', secret_key 'a"key"\''and-more');
	CREATE SCHEMA kept;
	CREATE FOREIGN TABLE kept.phones (
		gone integer,
		"id" text OPTIONS (field 'phone_id') NOT NULL,
		status integer CHECK (status < 100),
		"order" text OPTIONS (field 'metadata.order_id')
	) SERVER cph OPTIONS (resource 'phones', fetch_size '20');
	ALTER FOREIGN TABLE kept.phones DROP COLUMN gone;
	COMMENT ON FOREIGN TABLE kept.phones IS 'phones';
	CREATE VIEW kept.running AS SELECT id FROM kept.phones WHERE cph_phone_status(status) = 'running';
	CREATE MATERIALIZED VIEW kept.statuses AS SELECT status, count(*) FROM kept.phones GROUP BY 1;
	DROP TABLE local_phones, local_servers;
	CREATE DATABASE restored;});
my $path = PostgreSQL::Test::Utils::tempdir();

# What pg_dump writes of a database, without what is another each time.
sub dump_of
{
	my ($database) = @_;

	$node->command_ok([ 'pg_dump', '--file', "$path/$database.sql", $node->connstr($database) ],
		"$database is dumped");
	return join '', grep { !/^(--|\\(un)?restrict )/ } split /^/, slurp_file("$path/$database.sql");
}

$service->log;
my $dump = dump_of('postgres');
is_deeply([ $service->log ], [], 'a dump sends nothing');
like($dump, qr/CREATE SERVER cph .*fetch_size '50'/s, 'it has the server');
like($dump, qr/CREATE USER MAPPING FOR reader .*a"key"/s, 'and the mappings');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$path/postgres.sql", $node->connstr('restored') ],
	'it is restored');
is(dump_of('restored'), $dump, 'and is the same again');
foreach my $query ('TABLE kept.phones', 'TABLE kept.running', 'SELECT * FROM kept.statuses ORDER BY 1', 'TABLE cph_servers')
{
	is(query($query, 'restored'), query($query), "$query after the restore");
}
$node->command_ok([ 'pg_dump', '--format', 'custom', '--file', "$path/all", $node->connstr('postgres') ], 'custom format');
query(q{CREATE DATABASE again});
$node->command_ok([ 'pg_restore', '--exit-on-error', '--dbname', $node->connstr('again'), "$path/all" ], 'is restored');
is(dump_of('again'), $dump, 'and is the same');
$service->log;
$node->command_ok([ 'pg_dump', '--include-foreign-data', 'cph', '--data-only', '--table', 'cph_servers',
		'--file', "$path/data.sql", $node->connstr('postgres') ], 'rows are dumped where that is asked for');
is(scalar(grep { /^server-\d/ } split /^/, slurp_file("$path/data.sql")), 20, 'all of them');
query(q{DROP SCHEMA kept CASCADE; DROP USER MAPPING FOR reader SERVER cph;
	ALTER SERVER cph OPTIONS (DROP fetch_size)});

# --- Rows that change meanwhile ---------------------------------------------

query(q{CREATE TABLE assets (n integer, phone_id text, status integer, note text)});
my $one = CphSession->new($node);
my $other = CphSession->new($node);

# Runs a command that waits for a row that another session has changed, lets
# that one commit, and returns the table of assets.
sub meanwhile
{
	my ($change, $command, @settings) = @_;

	query(q{
		TRUNCATE assets;
		INSERT INTO assets
		SELECT row_number() OVER (ORDER BY phone_id), phone_id, status, ''
		  FROM (SELECT phone_id, status FROM cph_phones LIMIT 4) AS p;
		ANALYZE assets;});
	$one->run('BEGIN');
	$one->run($change);
	$other->run(join ';', 'RESET ALL', map { "SET $_" } @settings);
	$other->{psql}->query_until(qr/started/, "\\echo started\n$command;\n");
	$node->poll_query_until('postgres',
		"SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = " . $other->pid)
	  or die 'the command does not wait';
	$one->run('COMMIT');
	$other->run('SELECT 1');
	return query(q{SELECT string_agg(n || note, ' ' ORDER BY n) FROM assets});
}

my $join = q{UPDATE assets a SET note = a.note || '+' FROM cph_phones p WHERE p.phone_id = a.phone_id AND p.status = a.status};
foreach my $settings ([], [ 'enable_hashjoin = off', 'enable_mergejoin = off' ], [ 'enable_hashjoin = off', 'enable_nestloop = off' ])
{
	my $how = "(@$settings)";

	is(meanwhile(q{UPDATE assets SET note = '*' WHERE n = 2}, $join, @$settings), '1+ 2*+ 3+ 4+',
		"a row that still meets the join $how");
	is(meanwhile(q{UPDATE assets SET status = -1 WHERE n = 2}, $join, @$settings), '1+ 2 3+ 4+',
		"a row that no longer does $how");
}
is(meanwhile(q{DELETE FROM assets WHERE n = 2}, $join), '1+ 3+ 4+', 'a row that is gone');
is( meanwhile(q{UPDATE assets SET phone_id = 'x' WHERE n = 2},
		q{UPDATE assets a SET note = coalesce(p.status::text, '-') FROM assets b LEFT JOIN cph_phones p ON p.phone_id = b.phone_id
		   WHERE b.n = a.n AND a.phone_id <> 'x'}),
	query(q{SELECT string_agg(n || CASE WHEN n = 2 THEN '' ELSE status::text END, ' ' ORDER BY n) FROM assets}),
	'a clause of the local table alone, over an outer join');
is( meanwhile(q{UPDATE assets SET note = '*' WHERE n = 2},
		q{DELETE FROM assets a USING cph_phones p WHERE p.phone_id = a.phone_id AND p.status = a.status AND a.note = ''}),
	'2*', 'DELETE');
is( meanwhile(q{UPDATE assets SET note = '*' WHERE n = 2},
		q{WITH locked AS (SELECT a.n FROM assets a JOIN cph_phones p ON p.phone_id = a.phone_id AND p.status = a.status FOR UPDATE OF a)
		  UPDATE assets SET note = note || '!' WHERE n IN (SELECT n FROM locked)}),
	'1! 2*! 3! 4!', 'FOR UPDATE of the local table');
is( meanwhile(q{UPDATE assets SET note = '*' WHERE n = 2},
		q{UPDATE assets a SET note = a.note || (SELECT count(*) FROM cph_phones p WHERE p.phone_id = a.phone_id AND p.status = a.status)}),
	'11 2*1 31 41', 'a subquery');

$_->quit foreach $one, $other;

# --- A hot standby ----------------------------------------------------------

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
query(q{CREATE TABLE later AS SELECT phone_id FROM cph_phones LIMIT 5;
	CREATE VIEW newest AS SELECT phone_id FROM cph_phones ORDER BY create_time DESC LIMIT 5; ANALYZE cph_servers});
$node->wait_for_catchup($standby, 'replay', $node->lsn('write'));
foreach my $query (
	'SELECT count(*) FROM cph_phones',
	'SELECT * FROM cph_phones WHERE status = 8',
	'SELECT s.server_name, count(p) FROM cph_servers s LEFT JOIN cph_phones p USING (server_id) GROUP BY 1 ORDER BY 1',
	'SELECT n.phone_id, l.phone_id FROM newest n FULL JOIN later l USING (phone_id)')
{
	is($standby->safe_psql('postgres', $query), query($query), "on the standby: $query");
}
is($standby->safe_psql('postgres', q{SELECT pg_is_in_recovery(), count(*) FROM cph_servers}), 't|20', 'it is one');
like($standby->safe_psql('postgres', q{SELECT string_agg(status, ' ') FROM cph_fdw_check('cph')}), qr/^ok/, 'the check runs there');
like( $standby->safe_psql('postgres', q{
	BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
	DECLARE c SCROLL CURSOR FOR SELECT phone_id FROM cph_phones;
	MOVE 250 FROM c;
	FETCH BACKWARD 0 FROM c;
	COMMIT;
	SELECT count(*) FROM cph_fdw_get_connections();}), qr/^[0-9a-f]{32}\n1$/, 'a cursor there');
query(q{ALTER SERVER cph OPTIONS (SET max_concurrent_requests '1', ADD region 'the-region')});
$node->wait_for_catchup($standby, 'replay', $node->lsn('write'));
is($standby->safe_psql('postgres', q{SELECT 'region=the-region' = ANY (srvoptions) FROM pg_foreign_server}), 't', 'options follow');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM cph_phones}), '1000', 'and it still reads');
$standby->promote;
is($standby->safe_psql('postgres', q{ANALYZE cph_phones; SELECT count(*) FROM cph_phones}), '1000', 'after its promotion');
$standby->stop;

# A transaction that only reads, and one that sees one moment of the tables.
foreach my $mode ('READ ONLY', 'ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE', 'ISOLATION LEVEL REPEATABLE READ')
{
	is(query("BEGIN $mode; SELECT count(*) FROM cph_phones; SELECT count(phone_id) FROM cph_phones; COMMIT"),
		"1000\n1000", $mode);
}

$node->stop;
done_testing();
