
# Autovacuum analyzes a plain table that a foreign one inherits from, and asks the
# service for nothing; ANALYZE by hand does.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use Test::More;

my $service = CphTest::service(phones => 300, servers => 3);
my $node = CphTest::node(conf => q{
	autovacuum_naptime = 1
	autovacuum_analyze_threshold = 10
	log_autovacuum_min_duration = 0});
CphTest::attach($node, $service);
$node->safe_psql('postgres', q{
	CREATE TABLE all_phones (phone_id text, status integer);
	ALTER FOREIGN TABLE cph_phones INHERIT all_phones;
	INSERT INTO all_phones SELECT n, 2 FROM generate_series(1, 100) AS n;});
$service->entries;
ok($node->poll_query_until('postgres',
		q{SELECT autoanalyze_count > 0 FROM pg_stat_user_tables WHERE relname = 'all_phones'}),
	'autovacuum has analyzed the parent');
is_deeply([ $service->log ], [], 'and asked for nothing');
is($node->safe_psql('postgres', q{SELECT reltuples FROM pg_class WHERE relname = 'all_phones'}),
	'100', 'it has what is its own');
is($node->safe_psql('postgres', 'SELECT count(*) FROM all_phones'), '400', 'its child is read as ever');
$service->entries;
$node->safe_psql('postgres', 'ANALYZE all_phones');
cmp_ok(scalar $service->log, '>', 1, 'ANALYZE reads the child');

done_testing();
