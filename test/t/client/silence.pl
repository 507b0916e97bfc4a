# A user who waits for long hears for what: an answer, a connection, a token, the
# next try; once a statement, and again when that changes.  And what is known of
# silence that has a reason: headers that are too long.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphGateway;
use CphLogin;
use CphRelay;
use CphSession;
use CphTest;
use Test::More;
use Time::HiRes;

my %user = (
	iam_domain => 'Company',
	iam_user => 'User',
	iam_password => 'password-of-the-user');
my ($node, $service) = CphTest::setup(
	phones => 100,
	project => "$CphTest::PROJECT=cn-north-4",
	user => [ join '/', @user{qw(iam_domain iam_user iam_password)} ],
	attach => { copies => 0, server => { request_timeout => 8, connect_timeout => 6, max_retries => 1 } });
my $session = CphSession->new($node);
my $query = 'SELECT count(imei) FROM cph_phones';
CphLogin::install($node);

# The notices of the last query of a session, each with its detail.
sub notices
{
	my $text = ($_[0] // $session)->error;
	$text =~ s/^LOCATION.*\n//mg;
	my @found = $text =~ /^.*NOTICE: +(?:00000: )?(.*\n.*)$/mg;
	s/\nDETAIL: +/: / foreach @found;
	return \@found;
}

# An answer that does not come: said once for each try.
is($session->run($query), 100, 'a query');
is_deeply(notices(), [], '... says nothing');
$service->fault('stall', where => 'headers');
is($session->state($query), 'HV00N', 'a service that answers nothing');
is_deeply(notices(),
	[
		'waiting for an answer of server "cph": This is try 1 of 2 at most.',
		'waiting for an answer of server "cph": This is try 2 of 2 at most.'
	],
	'... is waited for, as the user is told');
$service->clear;

# A list that comes slowly is progress.
$service->fault('latency', ms => 3000, times => 3);
is($session->run($query), 100, 'a slow answer');
is_deeply(notices(), [], '... is none to tell of');
$service->clear;

# The next try.
$service->fault('status', status => 503, retry_after => 7, times => 1);
is($session->run($query), 100, 'a service that asks for a pause');
is_deeply(notices(),
	['waiting for the next try at server "cph": This is try 2 of 2 at most.'], '... which is told');
$service->clear;

# A token, and then, in the same try, an answer; meanwhile, in another session and
# at another server, a turn.
$node->safe_psql('postgres', 'CREATE SCHEMA other');
CphTest::attach($node, $service, name => 'other', schema => 'other', copies => 0, mapping => \%user,
	server => { iam_endpoint => $service->url, region => 'cn-north-4', request_timeout => 10, max_retries => 2 });
my $other = CphSession->new($node);
$session->run(q{ALTER SERVER cph OPTIONS (ADD max_requests_per_second '0.1')});
is($session->run($query), 100, 'a turn is taken');
$service->fault('latency', ms => 6500, times => 1, match => 'auth/tokens');
$service->fault('latency', ms => 6500, times => 1, match => 'phones');
$other->start('SELECT count(imei) FROM other.cph_phones');
Time::HiRes::sleep(0.5);
$session->start('SELECT server_id FROM cph_servers LIMIT 1');
is($other->finish, 100, 'a token that comes late, and an answer that does');
is_deeply(notices($other),
	[
		'waiting for a token for server "other": This is try 1 of 3 at most.',
		'waiting for an answer of server "other": This is try 1 of 3 at most.'
	],
	'... are waited for, each as the user is told');
like($session->finish, qr{^\w+$}, 'a turn that comes late');
is_deeply(notices(), ['waiting for a turn at server "cph": This is try 1 of 2 at most.'],
	'... is waited for');
$session->run('ALTER SERVER cph OPTIONS (DROP max_requests_per_second)');
$other->quit;
$service->clear;

# A connection.
my $relay = CphRelay->new($service->port);
$session->run("ALTER SERVER cph OPTIONS (SET endpoint 'http://127.0.0.1:" . $relay->port . "', SET max_retries '0')");
$relay->silence('new');
is($session->state($query), 'HV00N', 'no connection');
is_deeply(notices(),
	['waiting for a connection to server "cph": This is try 1 of 1 at most.'],
	'... is waited for');
$relay->speak;

# A token that is too long for a gateway.
CphLogin::login($node, token => 'x' x 20000);
SKIP:
{
	my $gateway = CphGateway->new($service->port, header_limit => '8k');
	skip 'there is no gateway', 3 unless $gateway;
	$gateway->attach($node);
	CphLogin::fails($node, 'a token that a gateway does not take', $query,
		qr/HINT The headers of the request have 20\d\d\d bytes/);
}
$service->set(header_limit => 8192);
$session->run("ALTER SERVER cph OPTIONS (SET endpoint '" . $service->url . "')");
CphLogin::fails($node, '... or without TLS', $query,
	'HV00L the answer of server "cph" broke off', qr/HINT The headers of the request have 20\d\d\d bytes/);
CphLogin::login($node, token => $CphTest::TOKEN);
is($session->run($query), 100, 'a short one is taken');

done_testing();
