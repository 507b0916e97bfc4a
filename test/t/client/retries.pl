# What may pass is tried again, and a service that throttles gets its time.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphTest;
use Test::More;
use Time::HiRes qw(time sleep);

my ($node, $service) = CphTest::setup(
	phones => 450,
	attach => {
		server => {
			fetch_size => 50,
			max_concurrent_requests => 8,
			max_retries => 2,
			throttle_timeout => 30
		}
	});
my $session = CphSession->new($node);
my $one = 'SELECT phone_name FROM cph_phones LIMIT 1';
my $all = 'SELECT count(phone_name) FROM cph_phones';

sub option
{
	my ($name, $value) = @_;
	$node->safe_psql('postgres', "ALTER SERVER cph OPTIONS (SET $name '$value')");
	return;
}

# The tries of one query, as [status, seconds since the try before].
sub tries
{
	my ($query) = @_;

	$service->entries;
	$session->run($query);
	my $before;
	my @tries;
	foreach ($service->entries)
	{
		push @tries, [ $_->{status} // 0, defined $before ? $_->{start} - $before : 0 ];
		$before = $_->{end};
	}
	return @tries;
}

# Each try waits twice as long as the one before, less a random part.
my %waits;
foreach my $status (500, 502, 503, 504)
{
	$service->fault('status', status => $status, times => 2);
	my @tries = tries($one);
	is(join(' ', map { $_->[0] } @tries), "$status $status 200", "$status twice");
	is($session->error, '', '... and no error');
	cmp_ok($tries[1]->[1], '>', 0.120, 'the second try waits');
	cmp_ok($tries[2]->[1], '>', 0.245, 'the third one longer');
	$waits{ int($tries[1]->[1] * 1000) } = 1;
	$service->clear;
}
cmp_ok(scalar(keys %waits), '>', 1, 'waits differ');

# As often as the option says.
foreach my $retries (0, 1, 2)
{
	option(max_retries => $retries);
	$service->fault('status', status => 500);
	$service->entries;
	is($session->state($one), 'HV000', "max_retries $retries: an error");
	is(scalar($service->log), $retries + 1, '... after so many more tries');
	$retries > 0
	  ? like($session->error, qr/after @{[$retries + 1]} tries/, '... and says so')
	  : unlike($session->error, qr/tries/, '... and says nothing of them');
	$service->clear;
}
option(max_retries => 1);

# What cannot pass is not tried again.
foreach my $status (400, 403, 404, 405, 418)
{
	$service->fault('status', status => $status);
	my @tries = tries($one);
	is(scalar(@tries), 1, "$status is not tried again");
	$service->clear;
}

# Retry-After, as seconds and as a date.
$service->fault('status', status => 503, retry_after => 1, times => 1);
my @tries = tries($one);
cmp_ok($tries[1]->[1], '>=', 0.95, 'Retry-After of a 503, in seconds');
$service->clear;
$service->fault('status', status => 503, retry_after => 'date+2', times => 1);
@tries = tries($one);
cmp_ok($tries[1]->[1], '>=', 0.9, 'Retry-After of a 503, as a date');
$service->clear;

# EXPLAIN counts each try.
$service->fault('status', status => 500, times => 1);
like(
	$session->run("EXPLAIN (ANALYZE, TIMING OFF) $one"),
	qr/CPH Requests: 2\n.*CPH Retries: 1\n/s,
	'tries are counted');
$service->clear;

# A 429 says how long to wait, in its header or its text, or says nothing.
foreach my $case (
	[ 'seconds', 0.95, retry_after => 1 ],
	[ 'a date', 0.9, retry_after => 'date+2' ],
	[ 'its text', 0.95, error_code => 'APIG.0308',
		error_msg => 'The throttling threshold has been reached: policy ip over ratelimit,limit:1,time:1 second' ],
	[ 'nothing', 0.45, error_msg => 'Too many requests' ])
{
	my ($name, $least, %arguments) = @$case;
	$service->fault('status', status => 429, times => 1, %arguments);
	@tries = tries($one);
	is(join(' ', map { $_->[0] } @tries), '429 200', "429 with $name");
	cmp_ok($tries[1]->[1], '>=', $least, '... is waited for');
	$service->clear;
}

# Being throttled does not count as a failure.
$service->fault('status', status => 429, times => 3, retry_after => 0,
	error_msg => 'over ratelimit,limit:1,time:1 second');
$service->fault('status', status => 500, after => 3, times => 1);
@tries = tries($one);
is(join(' ', map { $_->[0] } @tries), '429 429 429 500 200',
	'three 429, and one retry after them');
$service->clear;

# After a 429 half as many are in flight, and more again after successes.
option(fetch_size => 5);
$service->fault('latency', ms => 30);
$service->fault('status', status => 429, after => 30, times => 1, retry_after => 1);
$service->entries;
is($session->run($all), '450', 'a 429 in the middle of a scan');
my @entries = $service->entries;
my ($at) = grep { ($entries[$_]->{status} // 0) == 429 } 0 .. $#entries;
my @after = @entries[ $at + 8 .. $at + 20 ];
my ($most) = sort { $b <=> $a } map { $_->{in_flight} } @after;
cmp_ok($most, '<=', 5, 'half as many are in flight');
my ($later) = sort { $b <=> $a } map { $_->{in_flight} } @entries[ -30 .. -10 ];
cmp_ok($later, '>', $most, 'and more again later');
$service->clear;
option(fetch_size => 50);

# All scans of the backend wait, not only the one that was told.
$service->fault('status', status => 429, times => 1, retry_after => 2);
$session->run('BEGIN');
$session->run('SET LOCAL statement_timeout = 300');
is($session->state($one), '57014', 'a scan is throttled');
$session->run('ROLLBACK');
$service->entries;
my $start = time;
$session->run('SELECT count(server_name) FROM cph_servers');
cmp_ok(time - $start, '>', 1, 'another one waits, too');
is(scalar($service->log), 1, '... and sends nothing meanwhile');
$service->clear;

# After five seconds the user is told, once.
$service->fault('status', status => 429, times => 1, retry_after => 6);
$session->run("$one; $one");
my $notices = () = $session->error =~ /NOTICE: .*throttling/g;
is($notices, 1, 'a notice');
$service->clear;

# In the end it is an error, and the next query works.
option(throttle_timeout => 2);
$service->fault('status', status => 429, error_msg => 'Too many requests');
is($session->state($all), '53400', 'throttled for too long');
cmp_ok($session->seconds, '<', 6, '... is an error in time');
$service->clear;
is($session->run($all), '450', 'next query');
$service->fault('status', status => 429, retry_after => 60);
is($session->state($all), '53400', 'a wait that is too long');
cmp_ok($session->seconds, '<', 2, '... is an error at once');
$service->clear;
is($session->run($all), '450', 'next query');
cmp_ok($session->seconds, '<', 5, '... does not wait for what the last one did not');

# Nor is a failure waited out for longer.
$service->fault('status', status => 503, retry_after => 60);
is($session->state($all), 'HV000', 'a failure with a wait that is too long');
cmp_ok($session->seconds, '<', 2, '... is an error at once');
$service->clear;

# So many requests a second, and no more.
option(throttle_timeout => 30);
$service->fault('rate', n => 30, seconds => 1, retry_after => 1);
option(fetch_size => 12);
is($session->run($all), '450', 'a service that allows 30 requests a second');
$service->clear;

# What came while the reader of a cursor took a break is not a failure.
option(fetch_size => 20);
option(max_retries => 0);
$node->safe_psql('postgres', "ALTER SERVER cph OPTIONS (ADD request_timeout '1')");
$service->fault('latency', ms => 50);
$session->run('BEGIN; DECLARE c CURSOR FOR SELECT phone_name FROM cph_phones');
$session->run('FETCH 70 FROM c');
$session->run('SELECT pg_sleep(3)');
is(scalar(split /\n/, $session->run('FETCH ALL FROM c')), 380, 'a break');
is($session->error, '', '... and no error');
$session->run('COMMIT');

done_testing();
