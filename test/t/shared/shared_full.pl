
# Memory that sessions share is full: each remembers for itself, and the log
# tells once.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphShared;
use CphTest;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'no memory is shared' unless CphTest::shared();

my $service = CphTest::service(phones => 10, servers => 5);
my $node = CphTest::node(conf => "cph_fdw.shared_memory = 1\n");
CphTest::attach($node, $service);

# A statement reads from many servers, each of which is remembered.
my $many = 500;
$node->safe_psql('postgres', qq{
	DO \$\$
	BEGIN
	  FOR i IN 1 .. $many LOOP
	    EXECUTE format('CREATE SERVER s%s FOREIGN DATA WRAPPER cph_fdw OPTIONS (endpoint %L, project_id %L)',
	      i, '@{[$service->url]}', '$CphTest::PROJECT');
	    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER s%s OPTIONS (token %L)',
	      i, '$CphTest::TOKEN');
	    EXECUTE format('CREATE FOREIGN TABLE t%s (server_id text) SERVER s%1\$s OPTIONS (resource %L)',
	      i, 'servers');
	  END LOOP;
	END \$\$});
my $read = qq{
	DO \$\$
	DECLARE
	  n bigint;
	BEGIN
	  FOR i IN 1 .. $many LOOP
	    EXECUTE format('SELECT count(*) FROM t%s', i) INTO n;
	    ASSERT n = 5;
	  END LOOP;
	END \$\$};
my $session = CphSession->new($node);
is($session->state($read), '', 'all are read');
is($session->run("SELECT sum(requests) FROM cph_fdw_stat_servers WHERE server ~ '^s[0-9]'"),
	$many, 'and counted');
my $other = $node->safe_psql('postgres', 'SELECT count(*) FROM cph_fdw_stat_servers');
cmp_ok($other, '>', 50, "others know of $other servers");
cmp_ok($other, '<', $many, '... not of all');
my $log = slurp_file($node->logfile);
my @told = $log =~ /LOG:  the memory that sessions share for foreign servers is full/g;
is(scalar @told, 1, 'told once');
is($node->safe_psql('postgres', 'SELECT count(*) FROM cph_servers'), 5, 'another session works');

# A reading that finds no room is not kept, and makes nothing else go.
my $known = 'SELECT count(*) FROM cph_fdw_stat_servers';
$service->reset(phones => 10000);
$node->safe_psql('postgres', q{ALTER SERVER cph OPTIONS (ADD cache_ttl '1min')});
my $list = 'SELECT count(phone_id) FROM cph_phones';
is($session->run($list), 10000, 'a list that is too large to be kept');
my $before = $node->safe_psql('postgres', $known);
is($node->safe_psql('postgres', $list), 10000, '... is read once more');
cmp_ok($node->safe_psql('postgres', $known), '>=', $before, '... and nobody is forgotten for it');

done_testing();
