
# Whatever the service answers, or does not: one clear error, and the next
# query of the same backend works.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use JSON::PP;
use Test::More;

# Without retries, and with small limits, every failure is quick.
my ($node, $service) = CphTest::setup(
	phones => 30,
	servers => 3,
	attach => {
		server => {
			max_retries => 0,
			connect_timeout => 2,
			request_timeout => 2,
			throttle_timeout => 0,
			max_response_size => '12MB'
		}
	});
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe(
	q{
	CREATE FUNCTION failure(query text) RETURNS text LANGUAGE plpgsql AS
	$$
	DECLARE
	  message text;
	  detail text;
	  hint text;
	  context text;
	BEGIN
	  EXECUTE query;
	  RETURN 'no error';
	EXCEPTION WHEN OTHERS THEN
	  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
	    hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
	  RETURN concat_ws(E'\n', SQLSTATE || ' ' || message, nullif(detail, ''),
	    nullif('HINT ' || hint, 'HINT '),
	    CASE WHEN context LIKE 'column%' THEN split_part(context, E'\n', 1) END);
	END
	$$});

my $all = 'SELECT count(*), max(phone_name) FROM cph_phones';
my $unreadable = 'HV00L';
my $web_page = 'HINT The answer is a web page: a proxy or gateway in between sent it, or the option "endpoint" of the server names another service.';
my $page = 'GET HOST/v1/PROJECT/cloud-phone/phones?limit=200&offset=0';

# The query fails with just these lines; then, without the fault, it works in
# the same backend.
sub fails
{
	my ($name, $query, @lines) = @_;

	my $found = $session->query_safe("SELECT failure(\$q\$$query\$q\$)");
	my $port = $service->port;
	$found =~ s/127\.0\.0\.1:$port/HOST/g;
	$found =~ s/$CphTest::PROJECT/PROJECT/g;
	$found =~ s/ \(request [0-9a-f]+\)//g;
	$found =~ s/ at byte [0-9]+//;
	$found =~ s/offset=0: .*\.$/offset=0: (libcurl)./m
	  if grep { /libcurl/ } @lines;
	is($found, join("\n", @lines), $name);
	$service->clear;
	# A credential that was refused is not sent again for a minute, unless:
	$session->query_safe(q{SELECT cph_fdw_disconnect('cph')})
	  if $found =~ /refused the credential/;
	is($session->query_safe('SELECT count(*) FROM (TABLE cph_phones) AS p WHERE imei IS NOT NULL'),
		'30', "$name: and the next query works");
	return;
}

# The answer is an error.
my $denied = '42501 server "cph" denied permission';
$service->fault('status', status => 401, error_code => 'APIGW.0301', error_msg => 'decrypt token fail');
fails('status 401', $all,
	'HV00N server "cph" refused the credential',
	"$page: HTTP status 401, error code APIGW.0301, \"decrypt token fail\".",
	'HINT The token is wrong or has expired.  Set another by ALTER USER MAPPING ... OPTIONS (SET token ...).');
$service->fault('status', status => 403, error_code => 'CPS.0001', error_msg => 'No permission');
fails('status 403', $all, $denied,
	"$page: HTTP status 403, error code CPS.0001, \"No permission\".",
	'HINT The user needs permission for this list of the project.');
$service->fault('status', status => 403, error_code => 'CPS.0006', error_msg => 'op_restricted');
fails('status 403, in arrears', $all, $denied,
	"$page: HTTP status 403, error code CPS.0006, \"op_restricted\".",
	'HINT The account is in arrears.');
$service->fault('status', status => 404, shape => 'html');
fails('status 404', $all,
	'HV000 server "cph" does not know the list',
	"$page: HTTP status 404.",
	$web_page);
$service->fault('status', status => 500, error_code => 'CPS.0003', error_msg => "two\nlines");
fails('status 500', $all,
	'HV000 server "cph" failed to answer',
	"$page: HTTP status 500, error code CPS.0003, \"two lines\".");
$service->fault('status', status => 503);
fails('status 503 of a proxy', $all,
	'HV000 server "cph" failed to answer', "$page: HTTP status 503.", $web_page);
$service->fault('status', status => 429, shape => 'text');
fails('status 429', $all,
	'53400 server "cph" is throttling',
	"$page: HTTP status 429.",
	'HINT The option "throttle_timeout" of the server says for how long to wait.');
$service->fault('status', status => 418, error_msg => 'x' x 1000);
fails('another status', $all,
	'HV000 server "cph" answered with an error',
	"$page: HTTP status 418, error code APIGW.0201, \"" . 'x' x 512 . '".');
$service->fault('redirect', location => 'http://127.0.0.1:9/');
fails('a redirect', $all,
	'HV000 server "cph" redirects to another place',
	"$page: HTTP status 302.",
	'HINT Redirects are not followed, since a credential would go with them.');

# There is no answer, or not all of it.  What libcurl says of it is its own.
my $broken = "$unreadable the answer of server \"cph\" broke off";
$service->fault('stall', where => 'start');
fails('no answer in time', $all,
	'HV00N server "cph" did not answer in time',
	"$page: (libcurl).",
	'HINT The options "connect_timeout" and "request_timeout" of the server say how long to wait.');
$service->fault('truncate');
fails('a body cut off', $all, $broken, "$page: (libcurl).");
$service->fault('reset_body');
fails('a connection lost within the body',
	$all, $broken, "$page: (libcurl).");
$service->fault('close');
fails('a connection closed instead of an answer',
	$all, $broken, "$page: (libcurl).",
	'HINT If the port speaks TLS, the option "endpoint" of the server is to begin with "https://".');
$service->fault('bad_gzip');
fails('broken compression', $all, $broken, "$page: (libcurl).");
$service->fault('oversize', n => 13 * 1024 * 1024);
fails('a body over the limit', $all,
	"$unreadable the answer of server \"cph\" is too large",
	"$page: (libcurl).",
	'HINT The option "max_response_size" of the server bounds it.');
$service->fault('huge_header', n => 200000);
fails('a header over the limit', $all,
	"$unreadable the answer of server \"cph\" is too large",
	"$page: (libcurl).",
	'HINT The option "max_response_size" of the server bounds it.');

# The answer is no page.
my $no_page = "$unreadable the answer of server \"cph\" is not a page of the list";
$service->fault('html');
fails('HTML', $all, $no_page, "$page: HTTP status 200: not a JSON object.", $web_page);
$service->fault('garbage');
fails('random bytes', $all, $no_page, "$page: HTTP status 200: not UTF-8.");
$service->fault('empty');
fails('no body', $all, $no_page, "$page: HTTP status 200: empty.");
foreach my $case (
	[ '{"phones": [', 'ends within a value' ],
	[ '{"phones": {}}', 'no array "phones"' ],
	[ '{"phones": null}', 'no array "phones"' ],
	[ '{"count": 3}', 'no array "phones"' ],
	[ '[]', 'not a JSON object' ],
	[ '{"phones": [1]}', 'an element of "phones" is no object' ],
	[ '{"phones": []} {}', 'more than one value' ],
	[ '{"phones": [],}', 'a comma with nothing behind it' ],
	[ '{"phones": NaN}', 'not JSON' ],
	[ "{\"phones\": [\"a\tb\"]}", 'a control character within a string' ],
	[ '{"phones": [' . '{},' x 200 . '{}]}', 'more rows than asked for' ])
{
	my ($text, $reason) = @$case;

	$service->fault('body', text => $text);
	fails(substr($text, 0, 24), $all, $no_page, "$page: HTTP status 200: $reason.");
}
$service->set(item_key => 'absent');
fails('no item list', $all, $no_page,
	"$page: HTTP status 200: no array \"phones\".");
$service->fault('deep', n => 1000);
fails('nesting 1,000 deep', $all, $no_page,
	"$page: HTTP status 200: nesting too deep.");
$service->fault('braces', n => 8 * 1024 * 1024);
fails('8 MB of {},', $all, $no_page,
	"$page: HTTP status 200: more than 13800 values.");
$service->fault('invalid_utf8');
fails('invalid UTF-8', $all, $no_page, "$page: HTTP status 200: not UTF-8.");

# A value that its column does not take.
my $newest = $node->safe_psql('postgres',
	'SELECT phone_id FROM local_phones LIMIT 1');
my $where = 'of foreign table "cph_phones", phone_id "' . $newest . '"';
$service->fault('nul');
fails('an escaped NUL', $all,
	'22P05 unsupported Unicode escape sequence',
	'\u0000 cannot be converted to text.',
	"column \"phone_name\" $where");
foreach my $case (
	[ 'status', '"two"', '22P02 invalid input syntax for type integer: "two"' ],
	[ 'status', '2147483648', '22003 value "2147483648" is out of range for type integer' ],
	[ 'vnc_enable', '"perhaps"', '22P02 invalid input syntax for type boolean: "perhaps"' ],
	[ 'update_time', '"soon"', '22007 invalid input syntax for type timestamp with time zone: "soon"' ])
{
	my ($field, $raw, $message) = @$case;

	$service->set(
		set_fields => [ { index => 0, field => $field, raw => $raw } ]);
	fails("$field is $raw", "SELECT max($field) FROM (SELECT $field\::text FROM cph_phones) AS p",
		$message, "column \"$field\" $where");
}

# What a list of more than one page, and order, cannot do without.
$session->query_safe("ALTER SERVER cph OPTIONS (ADD fetch_size '10')");
$service->set(drop_fields => ['phone_id']);
fails('no phone_id', $all,
	"$unreadable an item in the answer of server \"cph\" has no valid \"phone_id\"",
	'It is item 1 of a page of the list "phones", whose paging relies on this field.');
$service->set(
	set_fields => [ { index => 3, field => 'create_time', raw => '"x"' } ]);
fails('no create_time', $all,
	"$unreadable an item in the answer of server \"cph\" has no valid \"create_time\"",
	'It is item 4 of a page of the list "phones", whose paging relies on this field.');
$service->set(unsorted => JSON::PP::true);
fails('another order', $all,
	'HV000 the list "phones" of server "cph" cannot be read reliably',
	'Item 2 of a page is newer than the one before it.',
	'HINT Set the option "enable_order_pushdown" of the server to false.');
$session->query_safe('ALTER SERVER cph OPTIONS (DROP fetch_size)');

# Without a service at the address; it is the last test of this one.
my $port = $service->port;
$service->stop;
my $found = $session->query_safe("SELECT failure('$all')");
like( $found,
	qr/^HV00N could not connect to server "cph"\nGET 127\.0\.0\.1:$port\/v1\S+: .+\.$/,
	'no service');
$session->quit;

done_testing();
