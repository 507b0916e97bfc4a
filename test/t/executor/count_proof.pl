# count(*) is right whatever the service counts, also when the list changes
# between two queries of a session.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphLogin;
use CphSession;
use CphTest;
use Test::More;

my $other = 'fedcba98765432100123456789abcdef';
my ($node, $service) = CphTest::setup(
	phones => 1500,
	project => CphLogin::several('project', $CphTest::PROJECT, $other));
my $session = CphSession->new($node);

sub number_with
{
	my ($status) = @_;
	return $session->run("SELECT count(*) FROM cph_phones WHERE status = $status");
}

# A service that counts all phones, whatever is asked for: each proof holds as
# long as all phones match, and shows nothing of what the number is.
foreach my $known (0, 1)
{
	$session->run("SELECT cph_fdw_disconnect('cph')");
	$service->reset(phones => 1500);
	$service->set(count => 'all');
	$service->control('POST', '/_control/update',
		{ list => 'phones', index => 0, n => 1500, set => { status => 2 } });
	$session->run('SELECT count(*) FROM cph_phones') if $known;
	is(number_with(2), 1500, 'all phones match');
	$service->control('POST', '/_control/insert',
		{ list => 'phones', n => 1, fields => { status => 2 } });
	is(number_with(2), 1501, 'one more does');
	is(number_with(2), 1501, 'and still does');
	$service->control('POST', '/_control/update',
		{ list => 'phones', index => 0, n => 600, set => { status => 8 } });
	is(number_with(2), 901, 'then fewer do');
	is(number_with(8), 600, 'and others another filter');
}

# A service that counts the rows of each page: a filter that has as many rows
# as a page is proved, which says nothing of another one.
$session->run("SELECT cph_fdw_disconnect('cph')");
$service->reset(phones => 1500);
$service->set(count => 'page');
my $rows = $session->run('SELECT count(*) FROM local_phones WHERE status = 8');
$node->safe_psql('postgres', "ALTER SERVER cph OPTIONS (ADD fetch_size '$rows')");
foreach my $status (8, 7, 8, 2)
{
	is(number_with($status), $session->run("SELECT count(*) FROM local_phones WHERE status = $status"),
		"status $status of a service that counts pages");
}
$node->safe_psql('postgres', 'ALTER SERVER cph OPTIONS (DROP fetch_size)');

# A service that counts what is asked for is believed, once it has shown that.
$session->run("SELECT cph_fdw_disconnect('cph')");
$service->reset(phones => 1500);
my $statuses = 'SELECT c.s, (SELECT count(*) FROM cph_phones p WHERE p.status = c.s)
                  FROM (VALUES (2), (8), (7), (6), (3), (4)) AS c (s)';
$service->log;
$session->run($statuses) for 1 .. 2;
cmp_ok(scalar($service->log), '<=', 2 * 6 + 4, 'a request for each status, and four to begin with');
$session->run('SELECT count(*) FROM cph_phones WHERE status = 2');
cmp_ok(scalar($service->log), '<=', 2, 'one to see that it is not the number of all phones');
$session->run($statuses);
is(scalar($service->log), 6, 'a request for each status');

# What it has shown for one project is remembered beside another's.
$session->run("CREATE FOREIGN TABLE others (status integer) SERVER cph
	OPTIONS (resource 'phones', project_id '$other')");
my $both = 'SELECT (SELECT count(*) FROM cph_phones WHERE status = 2), (SELECT count(*) FROM others WHERE status = 2)';
(my $others = $statuses) =~ s/cph_phones/others/;
foreach my $query ($others, $statuses, 'SELECT count(*) FROM others', 'SELECT count(*) FROM cph_phones')
{
	$session->run($query) for 1 .. 2;
}
$session->run($_) for $others, $statuses;
my $two = $session->run('SELECT count(*) FROM local_phones WHERE status = 2');
$service->log;
is($session->run($both), "$two|$two", 'two projects');
is(scalar($service->log), 2, '... a request for each');

done_testing();
