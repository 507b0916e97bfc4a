
# cph_fdw_check: what a server does, row by row, and what to do about it.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my ($node, $service) = CphTest::setup(phones => 9000, servers => 300, images => 150);

# The rows of the check that are not ok, or those of an item.
sub checked
{
	my $item = shift;
	my $where = $item ? "item = '$item'" : "status <> 'ok'";

	return $node->safe_psql('postgres',
		"SELECT item || ' ' || status || ' ' || detail FROM cph_fdw_check('cph') WHERE $where");
}

$service->log;
is(join("\n", grep { !/^\w+: filter create_since advice It takes seconds/ } split /\n/, checked()), '', 'all is well');
my $requests = scalar $service->log;
cmp_ok($requests, '<=', 40, 'at most 40 requests');

$service->set(names => 'prefix');
like(checked('phones: filter phone_name'), qr/ok It finds names by their beginning/, 'names by prefix');
$service->set(names => 'exact');
like(checked('phones: filter phone_name'), qr/differs .*name_filter 'exact'/, 'whole names');
$service->set(names => 'nocase');
like(checked('servers: filter server_name'), qr/inside, and does not distinguish/, 'no case');
$service->clear;

$service->set(time_unit => 'ms');
like(checked('servers: filter create_since'), qr/differs .*time_unit 'ms'/, 'milliseconds');
$service->clear;

$service->set(count => 'absent');
like(checked('phones: count'), qr/differs The answers have no count/, 'no count');
$service->set(count => 'all');
like(checked('phones: filter status'), qr/ok .*whether count follows is not to be seen/, 'count of all');
$service->clear;

$service->set(page_cap => 50);
like(checked('phones: largest page'), qr/differs A page has 50 rows .*fetch_size '50'/, 'short pages');
$service->clear;

$service->set(unsorted => JSON::PP::true);
like(checked('phones: newest first'), qr/differs .*enable_order_pushdown 'false'/, 'unsorted');
$service->clear;

$service->reset(phones => 500, servers => 20, ties => 0.9);
$service->set(ties_shuffled => JSON::PP::true);
like(checked('phones: stable ties'), qr/differs \d+ rows changed places: .*stable_ties 'false'/, 'shuffled ties');
$service->clear;

$service->set(filters_ignored => ['status']);
like(checked('phones: filter status'), qr/differs .*returns other rows too/, 'a filter that is ignored');
$service->clear;

$service->set(clock_shift => 3600);
like(checked('clock'), qr/differs .* 3\d\d\d seconds ahead of/, 'the clock');
$service->clear;

# Each advice can be followed, whether the option has another value or none, and
# is not given again.
$service->clear;
my @none = ('body', match => 'phone_name=', text => '{"request_id":"a","phones":[],"count":0}');
foreach my $case (
	[ 'phones: largest page', 'fetch_size', '50', '100', 'differs', { page_cap => 50 } ],
	[ 'phones: newest first', 'enable_order_pushdown', 'false', 'true', 'differs', { unsorted => JSON::PP::true } ],
	[ 'phones: stable ties', 'stable_ties', 'false', 'true', 'differs', { ties_shuffled => JSON::PP::true } ],
	[ 'phones: filter phone_name', 'name_filter', 'exact', 'substring', 'differs', { names => 'exact' } ],
	[ 'phones: filter phone_name', 'name_filter', 'off', 'exact', 'differs', {}, \@none ],
	[ 'servers: filter create_since', 'time_unit', 'ms', 's', 'differs', { time_unit => 'ms' } ],
	[ 'servers: filter create_since', 'time_unit', 's', 'ms', 'advice', {} ])
{
	my ($item, $option, $value, $other, $status, $settings, $fault) = @$case;
	$service->set(%$settings);
	$service->fault(@$fault) if $fault;
	foreach my $verb ('ADD', 'SET')
	{
		$node->safe_psql('postgres', "ALTER SERVER cph OPTIONS (SET $option '$other')") if $verb eq 'SET';
		my $advice = checked($item);
		my ($command) = $advice =~ /: (ALTER SERVER .*)\.$/;
		like($advice, qr/^$item $status /, "$option: an advice");
		is($command, "ALTER SERVER cph OPTIONS ($verb $option '$value')", "... to $verb");
		$node->psql('postgres', $command // '');
		like(checked($item), qr/^$item ok .*; the option "$option" says so\.$/, '... that was followed');
	}
	if ($value eq 'false')
	{
		$node->safe_psql('postgres', "ALTER SERVER cph OPTIONS (SET $option 'off')");
		like(checked($item), qr/^$item ok .*; the option "$option" says so\.$/, '... in other words');
	}
	$node->safe_psql('postgres', "ALTER SERVER cph OPTIONS (DROP $option)");
	$service->clear;
}

# A failure is a row, and the rest goes on; a credential that is refused is, too.
my $url = $service->url;
$node->safe_psql('postgres', qq{CREATE SERVER refused FOREIGN DATA WRAPPER cph_fdw OPTIONS (endpoint '$url', iam_endpoint '$url', region 'cn-north-4');
	CREATE USER MAPPING FOR CURRENT_USER SERVER refused OPTIONS (iam_user 'nobody', iam_password 'wrong', iam_domain 'none')});
my $refused = $node->safe_psql('postgres', q{SELECT item || ' ' || status || ' ' || detail FROM cph_fdw_check('refused')});
like($refused, qr/^phones: list failed could not get a token for server "refused": .*wrong/m, 'a refused credential');
like($refused, qr/^project unknown /m, '... tells no project');
unlike($refused, qr/^servers: /m, '... and the lists are not asked for one by one');
$node->safe_psql('postgres', qq{ALTER USER MAPPING FOR CURRENT_USER SERVER refused OPTIONS (DROP iam_user, DROP iam_password, DROP iam_domain, ADD token 'wrong');
	ALTER SERVER refused OPTIONS (ADD project_id '$CphTest::PROJECT')});
$refused = q{SELECT item || ' ' || status || ' ' || detail FROM cph_fdw_check('refused')};
like($node->safe_psql('postgres', $refused),
	qr/^phones: list failed server "refused" refused the credential[^\n]*  The token is wrong[^\n]*\nconnection ok .*^project ok /ms, 'a refused token, and what to do');
like($node->safe_psql('postgres', qq{SELECT count(*) FROM cph_fdw_check('refused'); $refused}),
	qr/^connection unknown Nothing was sent to 127.*^clock unknown No answer /ms, '... which is not sent again: that says nothing of the connection');

$service->fault('status', status => 403, error_code => 'CPS.0001', match => '/phones?');
like(checked('phones: list'), qr/failed server "cph" denied permission: GET /, 'no permission for one list');
like(checked('servers: list'), qr/ok /, 'the other one is there');
$service->clear;

$node->safe_psql('postgres', q{ALTER SERVER cph OPTIONS (ADD max_retries '0')});
$service->fault('reset');
like(checked('connection'), qr/failed No answer came from 127\.0\.0\.1:\d+\./, 'no answer');
$service->clear;

# So is a file that cannot be read, whether or not it is to tell the project.
my $file = "$PostgreSQL::Test::Utils::tmp_check/credentials";
$node->safe_psql('postgres', qq{CREATE SERVER of_file FOREIGN DATA WRAPPER cph_fdw OPTIONS (endpoint '$url', project_id '$CphTest::PROJECT');
	CREATE USER MAPPING FOR CURRENT_USER SERVER of_file OPTIONS (credentials_file '$file')});
sub of_file
{
	return $node->safe_psql('postgres', q{SELECT item || ' ' || status || ' ' || detail FROM cph_fdw_check('of_file')});
}
like(of_file(), qr/^credential failed could not read the file that option "credentials_file" names: No such file or directory: It is read by [^\n]*$/,
	'a file that is not there');
append_to_file($file, "[other]\nak = KEY\nsk = SECRET\n");
$node->safe_psql('postgres', 'ALTER SERVER of_file OPTIONS (DROP project_id)');
like(of_file(), qr/^credential failed the file that option "credentials_file" names has no section \[basic\]\.  It has \[other\]\.[^\n]*$/,
	'one that holds no keys');
$node->safe_psql('postgres', qq{ALTER USER MAPPING FOR CURRENT_USER SERVER of_file OPTIONS (DROP credentials_file, ADD token_file '$file.token')});
like(of_file(), qr/^credential failed could not read the file that option "token_file" names: /, 'nor a token');
append_to_file("$file.token", "$CphTest::TOKEN\n");
$node->safe_psql('postgres', "ALTER SERVER of_file OPTIONS (ADD project_id '$CphTest::PROJECT')");
like(of_file(), qr/^phones: list ok .*^connection ok /ms, '... and one that is there');

# Only who may use the server may check it.
$node->safe_psql('postgres', q{CREATE ROLE nobody_much LOGIN});
my ($status, $stdout, $stderr) =
  $node->psql('postgres', q{SET ROLE nobody_much; SELECT * FROM cph_fdw_check('cph')});
like($stderr, qr/permission denied for foreign server cph/, 'USAGE is asked for');

# Connections: listed, closed, and opened again.
is( $node->safe_psql('postgres', q{
	SELECT count(*) FROM cph_servers;
	SELECT * FROM cph_fdw_get_connections();
	SELECT cph_fdw_disconnect('cph');
	SELECT cph_fdw_disconnect('cph');
	SELECT count(*) FROM cph_fdw_get_connections();
	SELECT cph_fdw_disconnect_all();
	SELECT count(*) FROM cph_servers;
	SELECT cph_fdw_disconnect_all();
	SELECT cph_fdw_disconnect_all();}),
	"20\ncph|t\nt\nf\n0\nf\n20\nt\nf", 'connections');
($status, $stdout, $stderr) = $node->psql('postgres', q{
	BEGIN;
	DECLARE c CURSOR FOR SELECT phone_id FROM cph_phones;
	FETCH 1 FROM c;
	SELECT cph_fdw_disconnect('cph');
	ALTER SERVER cph OPTIONS (ADD connect_timeout '9');
	SELECT valid FROM cph_fdw_get_connections();
	MOVE ALL IN c;
	COMMIT;
	SELECT valid FROM cph_fdw_get_connections();
	SELECT count(*) FROM cph_servers;
	SELECT valid FROM cph_fdw_get_connections();});
like($stderr, qr/cannot close a connection to server "cph" because it is still in use/, 'one in use stays');
like($stdout, qr/^[0-9a-f]{32}\nf\nf\nf\n20\nt$/, 'and is no longer valid when the server changes');
($status, $stdout, $stderr) = $node->psql('postgres', q{SELECT cph_fdw_disconnect('no_such')});
like($stderr, qr/server "no_such" does not exist/, 'a server that is not there');

# Where nobody answers, it is enough to try once.
is( $node->safe_psql('postgres', qq{
	CREATE SERVER down FOREIGN DATA WRAPPER cph_fdw
	  OPTIONS (endpoint 'http://127.0.0.1:1', project_id '$CphTest::PROJECT', max_retries '0');
	CREATE USER MAPPING FOR CURRENT_USER SERVER down OPTIONS (token 'x');
	SELECT string_agg(item, ', ') FROM cph_fdw_check('down') WHERE status = 'failed';}),
	'phones: list, connection', 'no service');

# The budget of a statement.
$service->log;
($status, $stdout, $stderr) = $node->psql('postgres', q{
	\set VERBOSITY verbose
	SET cph_fdw.max_requests = 2;
	SELECT count(imei) FROM cph_phones;});
like($stderr, qr/ERROR:  54000: the statement would send more than 2 requests.*HINT:  .*cph_fdw\.max_requests/s,
	'too many requests');
cmp_ok(scalar($service->log), '<=', 2, 'no more were sent');
is( $node->safe_psql('postgres', q{
	SET cph_fdw.max_requests = 2;
	SELECT count(*) FROM cph_phones;
	SELECT count(*) FROM cph_phones;
	SELECT count(*) FROM cph_phones;}),
	"500\n500\n500", 'each statement has its own budget');

$node->stop;
done_testing();
