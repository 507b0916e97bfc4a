
# Numbers of any size: a column of JSON keeps each as the service wrote it, and
# one that a column cannot hold is an error where that column is read, not
# elsewhere.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use Test::More;

my ($node, $service) = CphTest::setup(phones => 30, servers => 3);
$node->safe_psql('postgres', q{
	ALTER FOREIGN TABLE cph_phones
	  ADD COLUMN n_jsonb jsonb OPTIONS (field 'metadata.n'),
	  ADD COLUMN n_json json OPTIONS (field 'metadata.n'),
	  ADD COLUMN n_text text OPTIONS (field 'metadata.n'),
	  ADD COLUMN n_numeric numeric OPTIONS (field 'metadata.n'),
	  ADD COLUMN n_bigint bigint OPTIONS (field 'metadata.n'),
	  ADD COLUMN n_double float8 OPTIONS (field 'metadata.n')});

# Sets a field of the newest phone.
sub set_newest
{
	my ($field, $raw) = @_;

	$service->set(set_fields => [ { index => 0, field => $field, raw => "$raw" } ]);
	return;
}

# The newest phone's columns, or the error.
sub newest
{
	my ($columns) = @_;

	my ($status, $out, $error) = $node->psql('postgres',
		"\\set VERBOSITY sqlstate\nSELECT $columns FROM cph_phones ORDER BY create_time DESC LIMIT 1");
	return $error =~ /ERROR: +(\w+)/ ? $1 : $out;
}

my $name = $node->safe_psql('postgres', 'SELECT phone_name FROM local_phones LIMIT 1');
my $long = '1234567890' x 5;
foreach my $number (
	'9223372036854775807', '-9223372036854775808', '9223372036854775808',
	'-9223372036854775809', '18446744073709551615', '18446744073709551616',
	'123456789012345678', '1234567890123456789', $long, "-$long", '9' x 1000,
	'0', '-1', "0.$long", "$long.5", '12345678901234567890e00', '1.50', '1e5')
{
	my $shown = length $number > 60 ? '9999...' : $number;
	my $plain = $number =~ /e/ ? $node->safe_psql('postgres', "SELECT ${number}::numeric") : $number;
	my $fits = $node->safe_psql('postgres',
		"SELECT $number BETWEEN -9223372036854775808 AND 9223372036854775807") eq 't';
	(my $text = $number) =~ s/^(-?\d+)e00$/$1/;

	set_newest('metadata', qq({"n": $number, "more": [$number, $number]}));
	is(newest('n_jsonb'), $plain, "$shown in jsonb");
	is(newest(q(metadata->'more'->>1)), $plain, "$shown within jsonb");
	is(newest('n_json'), $text, "$shown in json");
	is(newest('n_text'), $text, "$shown as text");
	is(newest('n_numeric'), $plain, "$shown in numeric");
	is(newest('n_double = ' . ($number =~ /^9{1000}/ ? '1' : "'$number'::float8")),
		$number =~ /^9{1000}/ ? '22003' : 't', "$shown as a double");
	is(newest('n_bigint'), $fits ? $plain : '22003', "$shown in bigint")
	  unless $number =~ /[.e]/;
	is(newest('phone_name'), $name, "$shown: another column");
}

# Numbers on either side of every boundary between the pieces that are parsed.
my @numbers = map { my $digits = 17 + $_ % 9; ('7' x $digits) . $_ } 0 .. 9000;
my $array = '[' . join(', ', @numbers) . ']';
set_newest('metadata', $array);
is($node->safe_psql('postgres',
		"SELECT md5(metadata::text) FROM cph_phones WHERE phone_name = '$name' OR imei IS NULL"),
	$node->safe_psql('postgres', "SELECT md5('$array'::jsonb::text)"),
	'numbers of all lengths, many kilobytes');

# A status, and a count, that no number of ours is.
set_newest('status', $long);
is(newest('status'), '22003', 'a status out of range');
is(newest('phone_name'), $name, '... is no other column\'s matter');
is($node->safe_psql('postgres', "SELECT count(*) FROM cph_phones WHERE phone_name LIKE 'mobile%'"),
	'30', '... nor a count\'s');
$service->clear;
$service->set(count => 'huge');
is($node->safe_psql('postgres', 'SELECT count(*), count(imei) FROM cph_phones'), '30|30',
	'a count out of range is none');

done_testing();
