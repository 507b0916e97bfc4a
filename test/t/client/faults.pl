# Whatever the service does, a query ends with the right answer or a clear
# error, the next one in the same backend works, and nothing is left behind.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphTest;
use Test::More;

my ($node, $service) = CphTest::setup(
	phones => 450,
	attach => {
		server => {
			fetch_size => 100,
			max_retries => 0,
			request_timeout => 1,
			connect_timeout => 1
		}
	});
my $session = CphSession->new($node);
my $query = 'SELECT count(phone_name), count(DISTINCT phone_id) FROM cph_phones';
my $answer = '450|450';

# Faults and what becomes of a query: an SQLSTATE, or '' for the right answer.
# Some hit the first page, some one that is read ahead.
my @cases = (
	[ '', 'latency', ms => 20 ],
	[ '', 'drip', bps => 1_000_000 ],
	[ 'HV00N', 'drip', bps => 1000 ],
	[ 'HV00N', 'stall', where => 'start' ],
	[ 'HV00N', 'stall', where => 'headers' ],
	[ 'HV00N', 'stall', where => 'body' ],
	[ 'HV00N', 'stall', where => 'body', after => 2 ],
	[ 'HV00L', 'reset' ],
	[ 'HV00L', 'reset', after => 2 ],
	[ 'HV00L', 'reset_body' ],
	[ 'HV00L', 'reset_body', after => 3 ],
	[ 'HV00L', 'close' ],
	[ 'HV00L', 'truncate' ],
	[ 'HV00L', 'truncate', at => 10, after => 1 ],
	[ 'HV00L', 'wrong_length', by => -10 ],
	[ 'HV00N', 'wrong_length', by => 10 ],
	[ 'HV000', 'status', status => 500 ],
	[ 'HV000', 'status', status => 502 ],
	[ 'HV000', 'status', status => 503, after => 3 ],
	[ 'HV000', 'status', status => 504 ],
	[ 'HV000', 'status', status => 400, error_code => 'CPS.0002' ],
	[ 'HV000', 'status', status => 404 ],
	[ 'HV000', 'status', status => 418, shape => 'text' ],
	[ '42501', 'status', status => 403 ],
	[ '42501', 'status', status => 403, error_code => 'CPS.0006' ],
	[ 'HV000', 'redirect' ],
	[ 'HV00L', 'html' ],
	[ 'HV00L', 'garbage' ],
	[ 'HV00L', 'garbage', n => 3_000_000 ],
	[ 'HV00L', 'empty' ],
	[ 'HV00L', 'body', text => '[]' ],
	[ 'HV00L', 'body', text => '{"phones":[],"count":0} {}' ],
	[ 'HV00L', 'bad_gzip' ],
	[ 'HV00L', 'oversize', n => 9_000_000 ],
	[ 'HV00L', 'oversize', n => 9_000_000, after => 2 ],
	[ '', 'oversize', n => 1_000_000 ],
	[ 'HV00L', 'braces' ],
	[ 'HV00L', 'deep' ],
	[ 'HV00L', 'deep', n => 1_000_000 ],
	[ 'HV00L', 'invalid_utf8' ],
	[ '', 'big_number' ],
	[ 'HV00L', 'huge_header', n => 200_000 ]);

# Passes if the query ends as it should, and the next one is right again.
sub check
{
	my ($state, $kind, %arguments) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $name = join ' ', $kind, map { "$_=$arguments{$_}" } sort keys %arguments;
	$service->fault($kind, %arguments);
	my $rows = $session->run($query);
	my ($found) = $session->error =~ /ERROR: +([0-9A-Z]{5}):/;
	is($found // '', $state, "$name: " . ($state || 'no error'))
	  or diag $session->error;
	is($rows, $answer, "$name: the right answer") unless $state;
	like($session->error, qr/DETAIL:  GET 127\.0\.0\.1:/, "$name: detail")
	  if $state;
	$service->clear;
	is($session->run($query), $answer, "$name: next query")
	  or diag $session->error;
	return;
}

check(@$_) foreach @cases;

# What an answer says of itself is shown in UTF-8, without control characters,
# and of the request's id 64 bytes.  A header is bytes; JSON has escapes.
foreach my $case (
	[ 'control characters', "a\x1b[31m\x07b", 'a [31m b' ],
	[ 'control characters beyond ASCII', "a\xc2\x9b31mb", 'a  31mb' ],
	[ 'Latin-1', "caf\xe9", 'caf?' ],
	[ 'UTF-8, too long', "\xc3\xa9" x 40, "\xc3\xa9" x 32 ],
	[ 'UTF-8, cut within a character', 'x' . "\xc3\xa9" x 40, 'x' . "\xc3\xa9" x 31 ],
	[ 'JSON, cut within a character', undef, "\xe6\x89\x8b" x 21, '\u624b' x 40 ])
{
	my ($name, $header, $shown, $json) = @$case;
	$service->set(request_id => $header) if defined $header;
	$service->fault(
		'body',
		status => 500,
		text => defined $json ? qq({"error_code":"CPS.0001","request_id":"$json"}) : '');
	$session->run($query);
	my $error = $session->error;
	my ($found) = $error =~ /^DETAIL:  GET .* \(request (.*)\)\.$/m;
	is($found, $shown, "a request's id: $name") or diag $error;
	ok(utf8::decode($error) && $error !~ /[^\P{Cntrl}\n]/, '... in clean UTF-8');
	$service->clear;
	is($session->run($query), $answer, '... next query');
}

# A token that has expired, and is good again.  It is not tried again at once.
$service->control('POST', '/_control/tokens', { $CphTest::TOKEN => 0 });
is($session->state($query), 'HV00N', 'expired token');
$service->control('POST', '/_control/tokens', { $CphTest::TOKEN => undef });
$session->run('SELECT cph_fdw_disconnect_all()');
is($session->run($query), $answer, 'expired token: next query');

# No service at all, and one that is back.
my $endpoint = $service->url;
$node->safe_psql('postgres',
	q{ALTER SERVER cph OPTIONS (SET endpoint 'http://127.0.0.1:9')});
is($session->state($query), 'HV00N', 'nobody listens');
$node->safe_psql('postgres',
	q{ALTER SERVER cph OPTIONS (SET endpoint 'https://127.0.0.1:} . $service->port . q{')});
is($session->state($query), 'HV00N', 'no TLS there');
$node->safe_psql('postgres',
	"ALTER SERVER cph OPTIONS (SET endpoint '$endpoint')");
is($session->run($query), $answer, 'nobody listens: next query');

# What passes is tried again.
$node->safe_psql('postgres', q{ALTER SERVER cph OPTIONS (SET max_retries '2')});
foreach my $fault (
	[ 'reset' ], ['reset_body'], ['close'], ['truncate'], ['bad_gzip'],
	[ 'status', status => 500 ], [ 'status', status => 502 ],
	[ 'status', status => 503 ], [ 'status', status => 504 ],
	[ 'stall' ], [ 'wrong_length', by => 10 ])
{
	my ($kind, @arguments) = @$fault;
	$service->fault($kind, @arguments, times => 1, after => 1);
	is($session->run($query), $answer, "@$fault, once");
	$service->clear;
}

# Nothing is left behind.
$session->run('SELECT cph_fdw_disconnect_all()');
is($session->run('SELECT count(*) FROM cph_fdw_get_connections()'),
	'0', 'no connection is left');
is($service->stats->{open_connections},
	0, 'nor at the service');

done_testing();
