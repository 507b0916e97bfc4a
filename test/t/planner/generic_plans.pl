
# A prepared statement goes on through its generic plan, whatever is altered
# between two executions.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use Test::More;

my ($node, $service) = CphTest::setup(phones => 300);
my $phones = 'GET /v1/PROJECT/cloud-phone/phones';
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe(
	q{
	SET plan_cache_mode = force_generic_plan;
	PREPARE page (integer, bigint) AS SELECT phone_id FROM cph_phones WHERE status = $1 LIMIT $2;
	PREPARE number (integer) AS SELECT count(*) FROM cph_phones WHERE status = $1;
	PREPARE whole AS SELECT phone_id FROM cph_phones;});

# Passes if an execution gives so many rows and sends just these requests.
sub executes
{
	my ($name, $statement, $rows, @requests) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$service->entries;
	my @rows = split /\n/, $session->query_safe("EXECUTE $statement");
	is(scalar(@rows), $rows, "$name: $statement");
	is_deeply([ sort $service->log ], [ sort @requests ], "$name: its requests");
	return;
}

executes("time $_", 'page(2, 3)', 3, "$phones?limit=3&offset=0&status=2 200")
  for 1 .. 10;
executes('another value', 'page(8, 1)', 1, "$phones?limit=1&offset=0&status=8 200");

# The server.
$session->query_safe('ALTER SERVER cph OPTIONS (ADD fetch_size \'2\')');
executes('a smaller page', 'page(2, 3)', 3,
	"$phones?limit=2&offset=0&status=2 200", "$phones?limit=2&offset=1&status=2 200");
$session->query_safe('ALTER SERVER cph OPTIONS (DROP fetch_size, ADD enable_limit_pushdown \'off\','
	  . ' ADD enable_count_pushdown \'off\')');
like($session->query_safe('EXPLAIN (VERBOSE, COSTS OFF) EXECUTE page(2, 3)'),
	qr/CPH Limit Not Pushed: enable_limit_pushdown is off/, 'a switch takes effect in the plan');
my $eight = $node->safe_psql('postgres', 'SELECT count(*) FROM local_phones WHERE status = 8');
executes('count(*) is switched off', 'number(8)', 1, "$phones?limit=200&offset=0&status=8 200");
$session->query_safe('ALTER SERVER cph OPTIONS (DROP enable_limit_pushdown, DROP enable_count_pushdown)');
is($session->query_safe('EXECUTE number(8)'), $eight, 'count(*) is on again');

# Another service.
my $other = CphTest::service(phones => 250, seed => 2);
my ($here, $there) = ($service->url, $other->url);
$session->query_safe("ALTER SERVER cph OPTIONS (SET endpoint '$there')");
executes('another service', 'whole', 250);
is(scalar($other->log), 2, 'another service: has the requests');
$session->query_safe("ALTER SERVER cph OPTIONS (SET endpoint '$here')");

# The user mapping.
$service->control('POST', '/_control/tokens', { other => undef });
$session->query_safe('ALTER USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (SET token \'other\')');
executes('another token', 'page(2, 3)', 3, "$phones?limit=3&offset=0&status=2 200");
$service->control('POST', '/_control/tokens', { other => 0 });
$session->query('EXECUTE page(2, 3)');
like($session->{stderr}, qr/refused the credential/, 'the other token was used');
$session->{stderr} = '';
$session->query_safe('ALTER USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (SET token \'wrong\')');
$session->query('EXECUTE page(2, 3)');
like($session->{stderr}, qr/refused the credential/, 'a wrong token');
$session->{stderr} = '';
$session->query_safe(
	"ALTER USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (SET token '$CphTest::TOKEN')");
executes('the right token', 'page(2, 3)', 3, "$phones?limit=3&offset=0&status=2 200");

# The table.
$session->query_safe(q{ALTER FOREIGN TABLE cph_phones ALTER status OPTIONS (SET field 'type')});
executes('another field', 'page(0, 3)', 3, "$phones?limit=3&offset=0&type=0 200");
$session->query_safe('ALTER FOREIGN TABLE cph_phones ALTER status OPTIONS (DROP field)');
$session->query_safe('ALTER FOREIGN TABLE cph_phones OPTIONS (ADD fetch_size \'150\')');
executes('a smaller page of the table', 'whole', 300,
	map { "$phones?limit=150&offset=$_ 200" } 0, 149, 298);
$session->query_safe('ALTER FOREIGN TABLE cph_phones OPTIONS (DROP fetch_size)');

# An error in between, also within a part of a transaction.
$service->fault('status', status => 403);
$session->query('EXECUTE page(2, 3)');
like($session->{stderr}, qr/denied permission/, 'an error');
$session->{stderr} = '';
$service->clear;
executes('after an error', 'page(2, 3)', 3, "$phones?limit=3&offset=0&status=2 200");
$session->query_safe('BEGIN; SAVEPOINT s');
$session->query('SELECT 1 / 0');
$session->{stderr} = '';
$session->query_safe('ROLLBACK TO s');
executes('after a savepoint', 'page(2, 3)', 3, "$phones?limit=3&offset=0&status=2 200");
$session->query_safe('COMMIT');
$session->quit;

done_testing();
