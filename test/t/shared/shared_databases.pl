
# Databases whose servers have the same names: each has its own token, facts, pace
# and answers.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphShared;
use CphTest;
use Test::More;

my $service = CphTest::service(
	phones => 2000,
	servers => 20,
	user => 'Company/reports/a-password');
my $node = CphTest::node();
my %by;
foreach my $database ('postgres', 'other')
{
	$node->safe_psql('postgres', 'CREATE DATABASE other TEMPLATE template0') if $database eq 'other';
	$node->safe_psql($database, qq{
		CREATE EXTENSION IF NOT EXISTS cph_fdw;
		CREATE SERVER cph FOREIGN DATA WRAPPER cph_fdw OPTIONS (endpoint '@{[$service->url]}',
			iam_endpoint '@{[$service->url]}', project_id '$CphTest::PROJECT');
		CREATE USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (iam_domain 'Company',
			iam_user 'reports', iam_password 'a-password');
		IMPORT FOREIGN SCHEMA cph FROM SERVER cph INTO public;});
	$by{$database} = CphSession->new($node, $database);
}
$node->safe_psql('postgres', q{SELECT cph_fdw_disconnect('cph')});
$node->safe_psql('other', q{SELECT cph_fdw_disconnect('cph')});
$service->entries;

# The methods of the requests that a query sends in a session of a database.
sub sends
{
	my ($database, $query) = @_;

	$service->entries;
	is($by{$database}->state($query), '', "$database: $query");
	return join ' ', map { $_->{method} } $service->entries;
}

# Passes if such a query sends as many requests in either database, and then fewer.
sub apart
{
	my ($name, $query) = @_;
	my ($first, @more) = map { sends('postgres', $query) } 1 .. 3;

	cmp_ok(length $more[-1], '<', length $first, "$name: known to those who asked");
	is(sends('other', $query), $first, '... not to another database');
	is_deeply([ map { sends('other', $query) } 1, 2 ], \@more, '... until it has asked');
	return;
}

apart('a token', 'SELECT server_id FROM cph_servers');
sends($_, 'SELECT count(*) FROM cph_phones') foreach sort keys %by;
apart('facts', 'SELECT count(*) FROM cph_phones WHERE status = 2');
sends('other', q{SELECT cph_fdw_disconnect('cph')});
is(sends('postgres', 'SELECT server_id FROM cph_servers'), 'GET', 'what one forgets the other knows');
is(sends('other', 'SELECT server_id FROM cph_servers'), 'POST GET', '... and it asks');

$node->safe_psql($_, q{ALTER SERVER cph OPTIONS (ADD cache_ttl '1min')}) foreach sort keys %by;
sends($_, 'SELECT server_id FROM cph_servers') foreach sort keys %by;
apart('answers', 'SELECT phone_id FROM cph_phones');
sends('other', 'SELECT cph_fdw_cache_clear()');
is(sends('postgres', 'SELECT phone_id FROM cph_phones'), '', 'one is cleared, the other is there');

# The only turn at one server is not one at the other.
$node->safe_psql($_, q{ALTER SERVER cph OPTIONS (DROP cache_ttl, ADD max_server_requests '1')})
  foreach sort keys %by;
sends($_, 'SELECT server_id FROM cph_servers') foreach sort keys %by;
$service->fault('stall', times => 1);
my $run = CphShared::start($node, 1, 'DO $$BEGIN PERFORM count(*) FROM cph_servers; END$$');
$node->poll_query_until('postgres',
	q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '^DO' AND wait_event_type = 'Extension'});
$service->entries;
$by{other}->run("SET statement_timeout = '20s'");
is(sends('other', 'SELECT server_id FROM cph_servers'), 'GET', 'a turn is one of a database');
$by{postgres}->run("SET statement_timeout = '300ms'");
is($by{postgres}->state('SELECT server_id FROM cph_servers'),
	CphTest::shared() ? '57014' : '', '... in which it is waited for');
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^DO'});
CphShared::finish($run);

done_testing();
