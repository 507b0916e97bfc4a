
# The tables of a region from another node, through postgres_fdw: what is asked
# of the service is what a query at the node that holds the region would ask.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use Test::More;

my $hub = CphTest::node(name => 'hub');
plan skip_all => 'this PostgreSQL has no postgres_fdw'
  if $hub->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'}) eq '0';

# Two nodes hold a region each; the third asks both.
my %region = (north => 'cn-north-4', south => 'cn-south-1');
my (%node, %service);
foreach my $name (sort keys %region)
{
	$service{$name} = CphTest::service(seed => $name eq 'north' ? 1 : 2);
	$node{$name} = CphTest::node(name => $name);
	CphTest::attach($node{$name}, $service{$name},
		name => "cph_$name", server => { region => $region{$name}, max_retries => 0 });
	$node{$name}->safe_psql('postgres', q{
		ALTER FOREIGN TABLE cph_phones ADD region text OPTIONS (field '@region');
		ALTER TABLE local_phones ADD region text;
		ANALYZE cph_phones, cph_servers;});
	$node{$name}->safe_psql('postgres', "UPDATE local_phones SET region = '$region{$name}'");
	$node{$name}->safe_psql('postgres', q{
		CREATE VIEW cph_labels AS SELECT phone_id, cph_phone_status(status) AS label FROM cph_phones;
		CREATE VIEW local_labels AS SELECT phone_id, cph_phone_status(status) AS label FROM local_phones});
	$service{$name}->log;
}
# As the README has it.
$hub->safe_psql('postgres', 'CREATE EXTENSION postgres_fdw');
foreach my $name (sort keys %node)
{
	my ($host, $port) = ($node{$name}->host, $node{$name}->port);
	$hub->safe_psql('postgres', qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'postgres',
			use_remote_estimate 'true', async_capable 'true', fetch_size '1000');
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (user 'postgres');
		CREATE SCHEMA $name;
		IMPORT FOREIGN SCHEMA public LIMIT TO (cph_phones, cph_servers, cph_labels, local_phones, local_servers, local_labels) FROM SERVER $name INTO $name;});
}
$hub->safe_psql('postgres', qq{
	CREATE TABLE cph_phones (LIKE north.cph_phones) PARTITION BY LIST (region);
	ALTER TABLE cph_phones ATTACH PARTITION north.cph_phones FOR VALUES IN ('$region{north}');
	ALTER TABLE cph_phones ATTACH PARTITION south.cph_phones FOR VALUES IN ('$region{south}');
	CREATE VIEW local_phones AS TABLE north.local_phones UNION ALL TABLE south.local_phones;});

# Passes if a query at the hub gives what it gives of the copies, and the nodes
# ask for just that; -: nothing.
sub asks
{
	my ($query, $north, $south, @settings) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $set = join '', map { "SET $_;" } @settings;
	my ($found, $wanted) = map { join "\n", sort split /\n/, $hub->safe_psql('postgres', $set . $_) }
	  ($query, CphTest::on_copies($query) =~ s/cph_labels/local_labels/r);
	isnt($wanted, '', "rows: $query") unless $query =~ /LIMIT/;
	is($found, $wanted, $query);
	my %log = map {
		my $name = $_;
		$name => join ' ', map { m{cloud-phone/(\S+)} } sort $service{$name}->log
	} keys %service;
	is("$log{north} | $log{south}", "$north | $south", "requests: $query");
}

my $list = join ' ', sort map { "phones?limit=200&offset=$_" } 0, 199, 398, 597, 796, 995;

# A table of one node: clauses, limits, counts and joins are the node's to do.
asks(q{SELECT phone_id, imei FROM north.cph_phones WHERE status = 8}, 'phones?limit=200&offset=0&status=8', '');
asks(q{SELECT phone_id FROM north.cph_labels WHERE label = 'stopped'}, 'phones?limit=200&offset=0&status=8', '');
asks(q{SELECT phone_id FROM north.cph_phones WHERE phone_name LIKE 'mobile-0001%'}, 'phones?limit=200&offset=0&phone_name=mobile-0001', '');
asks(q{SELECT create_time FROM north.cph_phones ORDER BY create_time DESC LIMIT 10 OFFSET 500}, 'phones?limit=10&offset=500', '');
asks(q{SELECT count(*) FROM north.cph_phones}, 'phones?limit=1&offset=0', '');
asks(q{SELECT status, count(*) FROM north.cph_phones GROUP BY status}, $list, '');
asks(q{SELECT s.server_name, p.phone_id FROM north.cph_servers s JOIN north.cph_phones p USING (server_id) WHERE p.status = -7},
	'phones?limit=200&offset=0&status=-7 servers?limit=100&offset=0', '');
like($hub->safe_psql('postgres', q{EXPLAIN (VERBOSE, COSTS OFF) SELECT status, count(*) FROM north.cph_phones GROUP BY status}),
	qr/Relations: Aggregate on .*GROUP BY/s, 'groups are made at the node');
is($service{north}->log, 0, 'EXPLAIN asks the service for nothing, though it asks the node');
$hub->safe_psql('postgres', q{CREATE TABLE racks AS SELECT server_id, row_number() OVER () AS rack FROM north.cph_servers LIMIT 1; ANALYZE racks});
my $server = $hub->safe_psql('postgres', q{SELECT server_id FROM racks});
$service{north}->log;
asks(q{SELECT r.rack, p.phone_id FROM racks r JOIN north.cph_phones p USING (server_id)}, "phones?limit=200&offset=0&server_id=$server", '');

# Partitions over nodes: asked at once, or only the one that is meant; groups of
# a region are made at its node.
like($hub->safe_psql('postgres', q{EXPLAIN (COSTS OFF) SELECT imei FROM cph_phones}), qr/Append.*(?:Async Foreign Scan.*){2}/s,
	'the nodes are asked at once');
asks(q{SELECT phone_id, region FROM cph_phones WHERE status = 8}, ('phones?limit=200&offset=0&status=8') x 2);
asks(qq{SELECT phone_id FROM cph_phones WHERE region = '$region{south}' AND status = 8}, '', 'phones?limit=200&offset=0&status=8');
asks(q{SELECT region, count(*) FROM cph_phones GROUP BY region}, ('phones?limit=1&offset=0') x 2, 'enable_partitionwise_aggregate = on');
like($hub->safe_psql('postgres', q{SET enable_partitionwise_aggregate = on; EXPLAIN (VERBOSE, COSTS OFF) SELECT region, count(*) FROM cph_phones GROUP BY region}),
	qr/Append.*(?:Relations: Aggregate.*){2}/s, 'by region: at the nodes');
asks(q{SELECT sum(n) FROM (SELECT count(*) AS n FROM north.cph_phones UNION ALL SELECT count(*) FROM south.cph_phones) AS p},
	('phones?limit=1&offset=0') x 2);

# The reports of a node, installed there.
my $script = $node{north}->safe_psql('postgres', q{SELECT setting || '/extension/cph_reports.sql' FROM pg_config WHERE name = 'SHAREDIR'});
$node{north}->command_ok([ 'psql', '-X', '-q', '-f', $script, $node{north}->connstr('postgres') ], 'reports at a node');
$hub->safe_psql('postgres', q{
	CREATE SCHEMA north_reports;
	IMPORT FOREIGN SCHEMA cph_reports LIMIT TO (fleet_by_status, phones) FROM SERVER north INTO north_reports});
$service{north}->log;
is($hub->safe_psql('postgres', q{SELECT phones FROM north_reports.fleet_by_status WHERE status = 8 AND region = 'cn-north-4'}),
	$hub->safe_psql('postgres', q{SELECT count(*) FROM north.local_phones WHERE status = 8}), 'a report of a node');
is(scalar(grep { /limit=200&offset=0 / } $service{north}->log), 0, 'reads no list');

# ANALYZE, a cursor that is read in part, and no writing.
$hub->safe_psql('postgres', q{ANALYZE north.cph_phones});
is($hub->safe_psql('postgres', q{SELECT reltuples FROM pg_class WHERE oid = 'north.cph_phones'::regclass}), '1000', 'ANALYZE');
$service{north}->log;
$hub->safe_psql('postgres', q{ALTER SERVER north OPTIONS (SET fetch_size '100');
	BEGIN; DECLARE c CURSOR FOR SELECT imei FROM north.cph_phones; FETCH 50 FROM c; COMMIT;});
is(scalar($service{north}->log), 1, 'what is not fetched is not asked for');
my ($status, $output, $error) = $hub->psql('postgres', q{UPDATE north.cph_phones SET status = 8});
like($error, qr/cannot update|does not allow updates/, 'no writing');

# Errors say which node, and which region: of the service, and of the node.
$service{south}->fault('status', status => 503);
($status, $output, $error) = $hub->psql('postgres', q{\set VERBOSITY verbose
	SELECT count(imei) FROM cph_phones});
like($error, qr/HV000: server "cph_south" failed to answer.*DETAIL.*503/s, 'a region that is down');
$service{south}->clear;
$node{south}->stop;
($status, $output, $error) = $hub->psql('postgres', q{SELECT count(imei) FROM cph_phones});
like($error, qr/could not connect to server "south"/, 'a node that is down');
$service{north}->log;
asks(qq{SELECT phone_id FROM north.cph_phones WHERE region <> '$region{south}' AND status = 8}, 'phones?limit=200&offset=0&status=8', '');
$hub->safe_psql('postgres', q{ALTER TABLE cph_phones DETACH PARTITION south.cph_phones});
is($hub->safe_psql('postgres', q{SELECT count(*) FROM cph_phones}), '1000', 'and without it');

$node{north}->stop;
$hub->stop;
done_testing();
