
# Which user mapping a query uses: that of the user whose permission counts.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use Test::More;

my ($node, $service) = CphTest::setup(phones => 300);
my %tokens = (owner => 'token-of-the-owner', reader => 'token-of-the-reader');
$node->safe_psql(
	'postgres', qq{
	CREATE ROLE owner;
	CREATE ROLE reader;
	CREATE ROLE nobody_else;
	GRANT owner TO postgres;
	CREATE USER MAPPING FOR owner SERVER cph OPTIONS (token '$tokens{owner}');
	CREATE USER MAPPING FOR reader SERVER cph OPTIONS (token '$tokens{reader}');
	GRANT SELECT ON cph_phones TO owner, reader, nobody_else;
	GRANT CREATE ON SCHEMA public TO owner;
	SET ROLE owner;
	CREATE VIEW by_owner AS SELECT * FROM cph_phones;
	CREATE VIEW by_caller WITH (security_invoker) AS SELECT * FROM cph_phones;
	CREATE FUNCTION count_by_owner() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS
	\$\$ BEGIN RETURN (SELECT count(imei) FROM cph_phones); END \$\$;
	GRANT SELECT ON by_owner, by_caller TO PUBLIC;});

# Makes the token of one role valid, and of the other not, which nobody knows yet.
sub only_valid
{
	my ($whose) = @_;

	$service->control('POST', '/_control/tokens',
		{ map { $tokens{$_} => $_ eq $whose ? undef : 0 } keys %tokens });
	CphTest::forget($node, keys %tokens);
	return;
}

# Passes if the query, run by a role, works just while the token of another is
# valid.
sub logs_in_as
{
	my ($role, $query, $whose) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @errors;
	foreach my $valid (sort keys %tokens)
	{
		only_valid($valid);
		my ($status, $output, $errors) =
		  $node->psql('postgres', "SET ROLE $role; $query");
		push @errors, $valid if $errors =~ /refused the credential/;
		diag $errors if $errors && $errors !~ /refused the credential/;
	}
	is_deeply(\@errors, [ grep { $_ ne $whose } sort keys %tokens ],
		"$role uses the mapping of $whose: $query");
	return;
}

# A scan, a scan under LIMIT, and count(*), whose plan names no table.
foreach my $query (
	'SELECT phone_id FROM %s',
	'SELECT phone_id FROM %s LIMIT 3 OFFSET 5',
	'SELECT count(*) FROM %s WHERE status = 8',
	'SELECT phone_id FROM %s WHERE status = 8 UNION ALL SELECT phone_id FROM %1$s WHERE status = 7')
{
	logs_in_as('reader', sprintf($query, 'cph_phones'), 'reader');
	logs_in_as('reader', sprintf($query, 'by_owner'), 'owner');
	logs_in_as('nobody_else', sprintf($query, 'by_owner'), 'owner');
	logs_in_as('reader', sprintf($query, 'by_caller'), 'reader');
}
logs_in_as('reader', 'SELECT count_by_owner()', 'owner');
logs_in_as('nobody_else', 'SELECT count_by_owner()', 'owner');

# In one backend, for one user after the other, with one prepared statement.
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe('SET plan_cache_mode = force_generic_plan;'
	  . ' PREPARE newest AS SELECT phone_id FROM cph_phones LIMIT 1');
foreach my $role ('owner', 'reader', 'owner')
{
	only_valid($role);
	my ($newest) = $session->query("SET ROLE $role; EXECUTE newest");
	is($session->{stderr}, '', "EXECUTE as $role");
	$session->{stderr} = '';
}
$service->entries;

# Without a mapping, nothing is sent.
$session->query('SET ROLE nobody_else; EXECUTE newest');
like($session->{stderr}, qr/ERROR:  user mapping not found/, 'no mapping');
is(scalar($service->entries), 0, 'and no request');
$session->quit;

# Who has none is told what to do, by the check in a row.
my ($status, $stdout, $stderr) = $node->psql('postgres',
	'SET ROLE nobody_else; \set VERBOSITY verbose \\\\ SELECT imei FROM cph_phones');
like($stderr, qr/ERROR:  42704: user mapping not found for .*"nobody_else".*HINT:  Create a user mapping for the user, or grant SELECT on a view whose owner has one\./s,
	'no mapping');
$node->safe_psql('postgres', 'GRANT USAGE ON FOREIGN SERVER cph TO nobody_else');
is($node->safe_psql('postgres', q{SET ROLE nobody_else; SELECT * FROM cph_fdw_check('cph')}),
	'credential|failed|You have no user mapping for the server.  Create a user mapping for the user, or grant SELECT on a view whose owner has one.',
	'... in the check, a row');

done_testing();
