
# Signatures: every published example of the service's own kits and documents,
# and two for this service.  A module that is built for this test alone makes
# the functions of src/user/sign.c callable.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use File::Basename;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = CphTest::node();

# Build the module.
my $here = dirname(__FILE__);
my $module = PostgreSQL::Test::Utils::tempdir() . '/sign.so';
my $pg_config = $ENV{PG_CONFIG} // 'pg_config';
my %config = map { chomp(my $value = `$pg_config --$_`); ($_ => $value) }
  qw(cc cppflags cflags includedir-server);
system(
	"$config{cc} $config{cppflags} $config{cflags} -fPIC -shared"
	  . " -Wno-missing-prototypes"
	  . " -I$config{'includedir-server'} -I$here/../../../src -o $module $here/test_sign.c"
  ) == 0
  or die 'the module cannot be built';
chmod 0755, dirname($module), $module;
$node->safe_psql(
	'postgres', qq{
	CREATE FUNCTION test_signature(text, text, text, text, text[], text[], text, text)
		RETURNS text LANGUAGE c AS '$module';
	CREATE FUNCTION test_query(text[], text[]) RETURNS text LANGUAGE c AS '$module';
	CREATE FUNCTION test_date(bigint) RETURNS text LANGUAGE c AS '$module';
	CREATE FUNCTION test_mask(text, text) RETURNS text LANGUAGE c AS '$module';});

sub quoted
{
	return join ', ', map { s/'/''/gr =~ s/^(.*)$/'$1'/sr } @_;
}

# Passes if a request has this signature, and digest, if one is given.
sub signed
{
	my ($name, %request) = @_;

	my @headers = @{ $request{headers} };
	my @names = map { $headers[ 2 * $_ ] } 0 .. $#headers / 2;
	my @values = map { $headers[ 2 * $_ + 1 ] } 0 .. $#headers / 2;
	my $found = $node->safe_psql(
		'postgres',
		'SELECT test_signature('
		  . quoted(
			$request{method} // 'GET',
			$request{path},
			$request{query} // '',
			$request{body} // '')
		  . ', ARRAY['
		  . quoted(@names)
		  . '], ARRAY['
		  . quoted(@values) . '], '
		  . quoted($request{key} // 'SecretKey', $request{date}) . ')');
	my ($signed, $digest, $signature) = split / /, $found;
	is($signed, join(';', @names), "$name: signed headers");
	is($digest, $request{digest}, "$name: digest") if $request{digest};
	return is($signature, $request{signature}, "$name: signature");
}

my $date = '20191115T033655Z';
my $host = 'service.region.example.com';
my $vpcs = '/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs';
my $marker = 'limit=2&marker=13551d6b-755d-4757-b956-536f674975c0';

signed(
	'Java kit, with a query',
	path => $vpcs,
	query => $marker,
	headers => [ host => $host, 'x-sdk-date' => $date ],
	date => $date,
	signature =>
	  'fd95e7da6f695cfb4cabbb9d6b0968aec155bc576b064835282473539ae9ea1d');
signed(
	'Java kit, with a body',
	method => 'POST',
	path => '/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpc/123',
	body => '{"key":"value"}',
	headers => [ host => $host, 'x-sdk-date' => $date ],
	date => $date,
	signature =>
	  'b5649aa774f6cac7437631662f08815fc65c70e40e486df6db2436ce68902771');
signed(
	'Java kit, without a path',
	path => '',
	headers => [ host => 'example.com', 'x-sdk-date' => $date ],
	date => $date,
	signature =>
	  '919ad8b75d4ad49da0d377e63ee21c4a7a54b752f6bf2878b4adbe9c19927da6');

my @python = (
	path => '/resources',
	query => 'size=1',
	headers => [
		host => 'service.endpoint.myhuaweicloud.com',
		'x-sdk-date' => '20200608T023900Z'
	],
	date => '20200608T023900Z');
signed('Python kit', @python,
	signature =>
	  'cfb4171acec81de07d50e53d57eb77edd537414d66ddb1d7d780f128e12cd842');
signed(
	'Python kit, with a body', @python,
	method => 'POST',
	body => '{"name":"test","id":1}',
	signature =>
	  '436b1ac0a1ae03705934bb70ef2f2e09f7bfed2117d731a38235053199323a1f');

signed(
	'Go kit',
	path => '/path',
	query => 'limit=1',
	headers => [ 'x-sdk-date' => '20060102T150405Z' ],
	date => '20060102T150405Z',
	signature =>
	  '5a2ce64c865e0e6046321c6f3d5a77ba8413eeaf355c3166c03d58d02ac79624');
signed(
	'the documents',
	path => $vpcs,
	query => $marker,
	headers => [
		'content-type' => 'application/json',
		host => $host,
		'x-sdk-date' => $date
	],
	key => 'MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc',
	date => $date,
	digest =>
	  'b25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a',
	signature =>
	  '7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe');

# This service: what a scan sends.
my $project = '0123456789abcdef0123456789abcdef';
my $query = $node->safe_psql(
	'postgres', q{
	SELECT test_query(ARRAY['status', 'offset', 'phone_name', 'limit'],
		ARRAY['-7', '0', U&'a b_\4E2D+%', '200'])});
is($query, 'limit=200&offset=0&phone_name=a%20b_%E4%B8%AD%2B%25&status=-7',
	'a query of this service');
my @phones = (
	path => "/v1/$project/cloud-phone/phones",
	query => $query,
	date => '20250101T000000Z');
my @headers = (
	host => 'cph.cn-north-4.myhuaweicloud.com',
	'x-project-id' => $project,
	'x-sdk-date' => '20250101T000000Z');
signed(
	'this service', @phones,
	headers => [@headers],
	digest =>
	  '338f0be00f0229c4dcb60c3818ea5badf64a45d625c80e30083d7f9338bd380c',
	signature =>
	  'c18f7f7608cf085d8f1b567fb56640c8a8a1cc58f8a1cc148f51172436bb9655');
signed(
	'this service, with a security token', @phones,
	headers => [ @headers, 'x-security-token' => 'TempToken' ],
	digest =>
	  '33ed4edf479f226d54e883e4c33ec5c39637eb77598a6e4adfec512a651131d1',
	signature =>
	  '51f29cc432dcb5efcd6f3c0fcbddaacbd67d9b2c3799e1b4b46db2c3e1988cb8');

# The kits' example of a query.
is( $node->safe_psql(
		'postgres', q{
		SELECT test_query(
			ARRAY['path', 'test', 'limit', 'enable'],
			ARRAY['/a/b', U&'\4E00 (&=?!#%.*)', '1', 'true'])}
	),
	'enable=true&limit=1&path=%2Fa%2Fb&test=%E4%B8%80%20%28%26%3D%3F%21%23%25.%2A%29',
	'a query with characters of all kinds');

# Dates.
is($node->safe_psql('postgres', 'SELECT test_date(0)'),
	'19700101T000000Z', 'the first date');
is($node->safe_psql('postgres', 'SELECT test_date(1735689599)'),
	'20241231T235959Z', 'a date');

# Masks: whole, several, and what a text was cut in.
foreach (
	[ 'a s3cret and s3cret', 's3cret', 'a ****** and ******' ],
	[ 'cut in the s3cr', 's3cret', 'cut in the ****' ],
	[ 'ends with s', 's3cret', 'ends with s' ],
	[ 's3s3cret', 's3cret', 's3******' ],
	[ 'nothing of it', 's3cret', 'nothing of it' ],
	[ 'a b', 'a', 'a b' ],
	[ 'The password is wrong.', 'wrong', 'The password is wrong.' ])
{
	my ($text, $secret, $masked) = @$_;
	is( $node->safe_psql(
			'postgres', 'SELECT test_mask(' . quoted($text, $secret) . ')'),
		$masked, "masked: $text");
}

done_testing();
