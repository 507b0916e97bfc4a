
# What a service has shown to one session is known to all of its user mapping:
# the first query of a new session plans and asks like the thousandth.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphShared;
use CphTest;
use Test::More;

my $service = CphTest::service(phones => 5000, servers => 40);
my $node = CphTest::node();
CphTest::attach($node, $service);
$node->safe_psql('postgres', qq{
	CREATE ROLE reader LOGIN;
	GRANT SELECT ON cph_phones TO reader;
	GRANT USAGE ON FOREIGN SERVER cph TO reader;
	CREATE USER MAPPING FOR reader SERVER cph OPTIONS (token '$CphTest::TOKEN')});

# How many requests a query sends in a session, an existing or a new one.
sub sends
{
	my ($query, $session) = @_;

	$service->entries;
	$session //= CphSession->new($node);
	$session->run($query);
	return scalar $service->log;
}

# The rows that a new session expects of a query.
sub estimate
{
	my ($query, $role) = @_;
	my ($rows) = $node->safe_psql('postgres',
		($role ? "SET ROLE $role; " : '') . "EXPLAIN $query") =~ /rows=(\d+)/;
	return $rows;
}

is($node->safe_psql('postgres', q{SELECT status || ' ' || detail FROM cph_fdw_check('cph') WHERE item = 'sessions'}),
	CphTest::shared() ? 'ok shared' : 'ok not shared', 'cph_fdw_check says which');

my $old = CphSession->new($node);
$old->run('SELECT count(*) FROM cph_phones');
foreach my $query (
	'SELECT count(*) FROM cph_phones WHERE status = 2',
	q{SELECT phone_id FROM cph_phones WHERE phone_name LIKE '%00%7'},)
{
	my $first = sends($query, $old);
	sends($query, $old);
	my $again = sends($query, $old);
	my $new = sends($query);

	cmp_ok($again, '<', $first, "$query: $first requests at first, then $again");
	is($new, CphTest::shared() ? $again : $first, '... of a new session, too');
}

# The planner knows sizes, of its own user's.
my $plan = 'SELECT * FROM cph_phones WHERE status = 8';
my $before = estimate($plan);
my $of_reader = estimate($plan, 'reader');
$old->run($plan);
my $rows = $node->safe_psql('postgres', 'SELECT count(*) FROM local_phones WHERE status = 8');
isnt($before, $rows, 'a new session expects a number of rows ...');
is(estimate($plan), CphTest::shared() ? $rows : $before, '... as another one has found them');
is(estimate($plan, 'reader'), $of_reader, '... but not another user');

# What is found out by one is known to one that is open.
my $other = CphSession->new($node);
my $count = 'SELECT count(*) FROM cph_phones WHERE type = 0';
$other->run('SELECT count(*) FROM cph_phones');
sends($count, $other) foreach 1 .. 2;
is(sends($count, $old), CphTest::shared() ? 1 : 2, 'a session that was open learns, too');

# To disconnect is to forget, for all, by a session that has asked and by one that has
# not.  The next one that asks may be new, or one that has known it.
my $count2 = 'SELECT count(*) FROM cph_phones WHERE status = 2';
foreach my $who ($old, CphSession->new($node))
{
	foreach my $next (undef, $other)
	{
		sends($_, $other) foreach 'SELECT count(*) FROM cph_phones', $count2, $count2;
		is(sends($count2, $other), 1, 'known');
		$who->run(q{SELECT cph_fdw_disconnect('cph')});
		is(sends($count2, $next) > 1 ? 'asked' : 'known',
			CphTest::shared() || !$next ? 'asked' : 'known', 'forgotten');
	}
}

# Fifty sessions that find out the same at the same time are right.
CphShared::sessions($node, 50, q{DO $$BEGIN
	ASSERT (SELECT count(*) FROM cph_phones WHERE status = 4)
	     = (SELECT count(*) FROM local_phones WHERE status = 4);
	ASSERT (SELECT count(*) FROM cph_phones WHERE status = 2)
	     = (SELECT count(*) FROM local_phones WHERE status = 2);
	END$$}, 'fifty sessions');

done_testing();
