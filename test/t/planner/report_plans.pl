
# Reports over 50,000 phones and 500 servers, analysed: the planner's estimates
# are within a factor of 3 of the truth, and no plan that the planner takes with
# a join method switched off sends less than half the requests.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use JSON::PP;
use Test::More;

my $FACTOR = 3;
my @SWITCHES = qw(hashjoin mergejoin nestloop memoize material);

# Nodes that are looked through for the estimate of what is below them.
my $ABOVE = qr/^(Aggregate|Group|Sort|Incremental Sort|Limit|Unique|WindowAgg|Gather|Gather Merge|Result)$/;

my ($node, $service) = CphTest::setup(
	phones => 50000,
	servers => 500,
	attach => { copies => 0 });

# Local tables of what an administrator knows besides.
$node->safe_psql('postgres', q{
	CREATE TABLE all_servers AS SELECT server_id, server_name FROM cph_servers;
	CREATE TABLE racks AS
	SELECT server_id, 'rack ' || row_number() OVER () AS rack FROM all_servers ORDER BY md5(server_id) LIMIT 10;
	CREATE TABLE contracts AS
	SELECT n AS contract, server_id FROM all_servers CROSS JOIN generate_series(1, 2) AS n;
	CREATE TABLE users AS
	SELECT phone_id, 'user ' || row_number() OVER () AS name
	  FROM (SELECT phone_id FROM cph_phones WHERE status = 2 LIMIT 1000) AS p;
	ANALYZE racks, contracts, users;
	ANALYZE cph_phones;
	ANALYZE cph_servers;});
my $newest = $node->safe_psql('postgres', q{SELECT max(create_time) FROM cph_phones});
my $server = $node->safe_psql('postgres', q{SELECT min(server_id) FROM all_servers});

my @reports = (
	'fleet by status' => q{
		SELECT cph_phone_status(status), count(*) FROM cph_phones GROUP BY 1},
	'phones by server, with its capacity' => q{
		SELECT s.server_name, s.server_model_name, count(p.phone_id)
		  FROM cph_servers s LEFT JOIN cph_phones p USING (server_id) GROUP BY 1, 2},
	'phones of 10 servers of an inventory' => q{
		SELECT r.rack, p.phone_id, p.status FROM racks r JOIN cph_phones p USING (server_id)},
	'running phones of 10 servers of an inventory' => q{
		SELECT r.rack, count(*) FROM racks r JOIN cph_phones p USING (server_id) WHERE p.status = 2 GROUP BY 1},
	'phones of 1,000 contracts' => q{
		SELECT c.contract, p.phone_id FROM contracts c JOIN cph_phones p USING (server_id)},
	'phones of 1,000 users' => q{
		SELECT u.name, p.phone_name FROM users u JOIN cph_phones p USING (phone_id)},
	'servers of 10 racks' => q{
		SELECT r.rack, s.server_name FROM racks r JOIN cph_servers s USING (server_id)},
	'abnormal phones by zone' => q{
		SELECT s.availability_zone, count(*) FROM cph_phones p JOIN cph_servers s USING (server_id)
		 WHERE p.status IN (-7, -8) GROUP BY 1},
	'abnormal phones by server' => q{
		SELECT s.server_name, count(*) AS abnormal FROM cph_phones p JOIN cph_servers s USING (server_id)
		 WHERE p.status IN (-7, -8) GROUP BY 1},
	'phones not updated for a week' => qq{
		SELECT phone_id, update_time FROM cph_phones
		 WHERE update_time < timestamptz '$newest' - interval '1 week'},
	'age of the phones' => q{
		SELECT date_trunc('month', create_time), count(*) FROM cph_phones GROUP BY 1},
	'servers by zone and flavour' => q{
		SELECT availability_zone, server_model_name, count(*) FROM cph_servers GROUP BY 1, 2},
	'new phones since a date' => qq{
		SELECT phone_id, phone_name FROM cph_phones WHERE create_time >= timestamptz '$newest' - interval '30 days'},
	'phones of one server' => qq{
		SELECT phone_id, status FROM cph_phones WHERE server_id = '$server'},
	'phones of one server by its name' => q{
		SELECT p.phone_id FROM cph_servers s JOIN cph_phones p USING (server_id) WHERE s.server_name = 'server-0007'},
	'names by prefix' => q{
		SELECT phone_id FROM cph_phones WHERE phone_name LIKE 'mobile-01%'},
	'phones of several statuses' => q{
		SELECT phone_id, status FROM cph_phones WHERE status IN (6, 8, -7)},
	'count by status' => q{
		SELECT s, c.n FROM unnest('{2,6,8,-7,-8}'::integer[]) AS s,
		       LATERAL (SELECT count(*) AS n FROM cph_phones WHERE status = s) AS c},
	'servers without phones' => q{
		SELECT server_name FROM cph_servers s
		 WHERE NOT EXISTS (SELECT FROM cph_phones p WHERE p.server_id = s.server_id)},
	'servers with the most phones' => q{
		SELECT server_id, count(*) FROM cph_phones GROUP BY 1 ORDER BY 2 DESC LIMIT 10},
	'frozen phones with labels' => q{
		SELECT p.phone_name, cph_phone_status(p.status), s.server_name
		  FROM cph_phones p JOIN cph_servers s USING (server_id)
		 WHERE cph_phone_status(p.status) = 'frozen'},
	'running phones by server, with labels' => q{
		SELECT s.server_name, cph_phone_status(p.status), count(*)
		  FROM cph_phones p JOIN cph_servers s USING (server_id)
		 WHERE cph_phone_status(p.status) IN ('running', 'frozen') GROUP BY 1, 2},
	'phones that do not run' => q{
		SELECT phone_name, cph_phone_status(status) FROM cph_phones WHERE cph_phone_status(status) <> 'running'},
	'number of phones' => q{
		SELECT count(*) FROM cph_phones},
	'newest phones, far down' => q{
		SELECT * FROM cph_phones ORDER BY create_time DESC LIMIT 10 OFFSET 5000});

# Runs EXPLAIN and returns its top node; undef if it needs too many requests.
sub run_explain
{
	my ($query, $options, @settings) = @_;

	my ($status, $stdout, $stderr) = $node->psql('postgres',
		join('', map { "SET $_;\n" } @settings)
		  . "EXPLAIN ($options, FORMAT JSON) $query");
	return undef if $stderr =~ /more than \d+ requests/;
	die $stderr if $stderr ne '';
	return decode_json($stdout)->[0]{Plan};
}

# A plan as text, to be compared.
sub text_of
{
	return JSON::PP->new->canonical->encode($_[0]);
}

# The requests of a plan that ran.
sub requests
{
	my ($plan) = @_;

	my $sum = $plan->{'CPH Requests'} // 0;
	$sum += requests($_) foreach @{ $plan->{Plans} // [] };
	return $sum;
}

# The topmost scan or join of a plan.
sub topmost
{
	my ($plan) = @_;

	$plan = $plan->{Plans}[0] while $plan->{'Node Type'} =~ $ABOVE && $plan->{Plans};
	return $plan;
}

# The kinds of node of a plan, for the eye.
sub outline
{
	my ($plan) = @_;

	my @below = map { outline($_) } @{ $plan->{Plans} // [] };
	return $plan->{'Node Type'} . (@below ? '(' . join(', ', @below) . ')' : '');
}

sub ratio
{
	my ($plan) = @_;

	my ($estimate, $rows) = map { $_ < 1 ? 1 : $_ } ($plan->{'Plan Rows'}, $plan->{'Actual Rows'});
	return $estimate > $rows ? $estimate / $rows : $rows / $estimate;
}

while (my ($name, $query) = splice @reports, 0, 2)
{
	my $plan = run_explain($query, 'ANALYZE, TIMING OFF');
	my $top = topmost($plan);
	my $requests = requests($plan);
	my $ratio = ratio($top);

	note sprintf '%-45s estimate %d of %d (x%.1f), top %d of %d, %d requests, %s', $name,
	  $top->{'Plan Rows'}, $top->{'Actual Rows'}, $ratio, $plan->{'Plan Rows'},
	  $plan->{'Actual Rows'}, $requests, outline($plan);
	cmp_ok($ratio, '<=', $FACTOR, "$name: estimate");

	# A plan that needs less than half runs with less than half at its disposal.
	my %seen = (text_of(run_explain($query, 'COSTS OFF')) => 1);
	my @better;
	foreach my $switch (@SWITCHES)
	{
		my $off = "enable_$switch = off";

		next if $seen{ text_of(run_explain($query, 'COSTS OFF', $off)) }++;
		my $limit = int(($requests - 1) / 2);
		next if $limit < 1;
		my $other = run_explain($query, 'ANALYZE, TIMING OFF', $off, "cph_fdw.max_requests = $limit");
		next if !$other;
		push @better, sprintf '%s: %d requests, %s', $off, requests($other), outline($other);
	}
	is("@better", '', "$name: requests");
}

# A request for each of a few servers, or the whole list once: the planner goes
# over from one to the other where they cost the same.
my $whole = requests(run_explain('SELECT phone_id FROM cph_phones', 'ANALYZE, TIMING OFF'));
my %joins;
foreach my $n (10, $whole - 60, $whole - 15, $whole + 15, 2 * $whole - 10)
{
	$node->safe_psql('postgres', qq{
		DROP TABLE IF EXISTS some_servers;
		CREATE TABLE some_servers AS SELECT server_id FROM all_servers ORDER BY md5(server_id) LIMIT $n;
		ANALYZE some_servers});
	my $plan = run_explain('SELECT p.phone_id FROM some_servers JOIN cph_phones p USING (server_id)',
		'ANALYZE, TIMING OFF');
	my $least = $n < $whole ? $n : $whole;

	$joins{$plan->{'Node Type'}}++;
	cmp_ok(requests($plan), '<=', 1.1 * $least, "a join with $n servers: " . outline($plan));
}
is(scalar(keys %joins), 2, 'both ways are taken');

# What the planner cannot know of an expression, extended statistics tell it.
$node->safe_psql('postgres', q{
	CREATE STATISTICS months ON date_trunc('month', create_time) FROM cph_phones;
	ANALYZE cph_phones (create_time)});
cmp_ok( ratio(run_explain(q{SELECT date_trunc('month', create_time), count(*) FROM cph_phones GROUP BY 1}, 'ANALYZE, TIMING OFF')),
	'<=', $FACTOR, 'groups by an expression with statistics');

$node->stop;
done_testing();
