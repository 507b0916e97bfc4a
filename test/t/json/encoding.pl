
# A database that is not in UTF-8: what has a place in its encoding arrives and
# is asked for in UTF-8; what has none is an error of that value alone.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use Test::More;

# Of fifty phones or more the eighth from the end has a name in Chinese.
my $service = CphTest::service(phones => 60, servers => 3);
my $node = CphTest::node();
my $url = $service->url;
my $chinese = '%E6%89%8B%E6%9C%BA-000007';
$node->safe_psql('postgres',
	q{CREATE DATABASE latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
$node->safe_psql(
	'latin1', qq{
	CREATE EXTENSION cph_fdw;
	CREATE SERVER cph FOREIGN DATA WRAPPER cph_fdw
	  OPTIONS (endpoint '$url', project_id '$CphTest::PROJECT');
	CREATE USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (token '$CphTest::TOKEN');
	IMPORT FOREIGN SCHEMA cph FROM SERVER cph INTO public;});
my $session = $node->background_psql('latin1', on_error_stop => 0);

sub answer
{
	my ($query) = @_;
	return $session->query($query);
}

is(answer('SHOW server_encoding'), 'LATIN1', 'the database is in LATIN1');
$session->query("\\set VERBOSITY verbose");
answer('SELECT phone_name FROM cph_phones');
like(
	$session->{stderr},
	qr/ERROR:  22P05: character with byte sequence 0xe6 0x89 0x8b in encoding "UTF8" has no equivalent in encoding "LATIN1"\n.*CONTEXT:  column "phone_name" of foreign table "cph_phones", phone_id "[0-9a-f]{32}"/s,
	'a name in Chinese is an error');
$session->{stderr} = '';
is(answer('SELECT count(phone_id) FROM cph_phones'),
	'60', 'the other columns can be read');
is(answer(q{SELECT count(*) FROM cph_phones WHERE phone_name LIKE 'mobile-00003%'}),
	'10', 'so can the names beside it');

# What does have a place goes both ways.
$service->control(
	'POST',
	'/_control/update',
	{   list => 'phones',
		where => { phone_name => 'mobile-000030' },
		set => { phone_name => "caf\x{e9}-30" }
	});
$service->entries;
is( answer(
		q{SELECT length(phone_name), ascii(substr(phone_name, 4, 1)) FROM cph_phones
		  WHERE phone_name = convert_from('\x636166e92d3330', 'LATIN1')}),
	'7|233',
	'a name with an accent');
is_deeply(
	[ $service->log ],
	['GET /v1/PROJECT/cloud-phone/phones?limit=200&offset=0&phone_name=caf%C3%A9-30 200'],
	'is asked for in UTF-8');

# A text of the service within an error message.
$service->fault('status', status => 400, error_msg => "\x{624b}\x{673a}", error_code => 'CPS.0100');
answer('SELECT phone_id FROM cph_phones');
like($session->{stderr}, qr/error code CPS\.0100, "\?{6}"/,
	'an error message in Chinese does not become another error');

# So it is with the id in the context of an error of a value.
$service->clear;
$service->control(
	'POST',
	'/_control/update',
	{   list => 'phones',
		where => { phone_name => "\x{624b}\x{673a}-000007" },
		set => { phone_id => "caf\x{e9}-\x{624b}" }
	});
$session->{stderr} = '';
answer('SELECT phone_name FROM cph_phones');
like($session->{stderr}, qr/ERROR:  22P05: .*CONTEXT:  column "phone_name" of foreign table "cph_phones", phone_id "caf\?\?-\?\?\?"\n/s,
	'an id in Chinese does not either');
$session->quit;

done_testing();
