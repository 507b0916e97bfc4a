# Whatever is written in SQL: every byte in a clause's value, and options that
# hold anything.  What the service receives is that value or nothing, and the
# rows are those of a local copy.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphAfter;
use CphSession;
use CphTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $phones = 290;
my $service = CphTest::service(phones => $phones, servers => 3);
my $node = CphTest::node();

# --- The phones -------------------------------------------------------------

# Phone n - 1 of the list has the character n in its name; none has a name that
# Latin 1 has not.
foreach my $renamed ([ $phones - 8, 'mobile-000007' ], map { [ $_ - 1, 'x' . chr($_) . 'y' ] } 1 .. 255)
{
	$service->control('POST', '/_control/update',
		{ list => 'phones', index => $renamed->[0], set => { phone_name => $renamed->[1] } });
}

# --- Databases --------------------------------------------------------------

# A database in an encoding, with the tables and a copy of the phones.
sub database
{
	my ($encoding) = @_;

	my $name = lc $encoding;
	my $rows = $service->copy('phones');
	my $client = $encoding eq 'SQL_ASCII' ? 'SQL_ASCII' : 'UTF8';
	$node->safe_psql('postgres', "CREATE DATABASE $name ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	$node->safe_psql(
		$name, qq{
		SET client_encoding = '$client';
		CREATE EXTENSION cph_fdw;
		CREATE SERVER cph FOREIGN DATA WRAPPER cph_fdw
		  OPTIONS (endpoint '@{[$service->url]}', project_id '$CphTest::PROJECT', max_concurrent_requests '1');
		CREATE USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (token '$CphTest::TOKEN');
		IMPORT FOREIGN SCHEMA cph FROM SERVER cph INTO public;
		CREATE TABLE local_phones (LIKE cph_phones);
		COPY local_phones FROM STDIN;
$rows\\.
});
	return;
}

# --- Every byte in a value --------------------------------------------------

# What may be asked for of a value: what stands before a backslash, which the
# service might take for an escape; of a pattern what stands for itself.
my $whole = sub { $_[0] };
my $name = sub { $_[0] =~ s/\\.*//sr };
my $pattern = sub { $_[0] =~ s/[%_].*//sr =~ s/\\(.)/$1/sr };
my @clauses = (
	[ 'phone_name = v', $name ],
	[ "phone_name LIKE v || '%'", $pattern ],
	[ 'phone_name = ANY (ARRAY[v])', $name ],
	[ 'server_id = v', $whole ],
	[ 'v = phone_name::varchar', $name ],
	[ 'phone_name LIKE v', $pattern ],
	[ 'phone_name ^@ v', $name ],
	[ 'starts_with(phone_name, v)', $name ]);

# What a request's parameter says, as UTF-8; undef: it has none.
sub received
{
	my ($target) = @_;

	my ($value) = $target =~ /[?&](?:phone_name|server_id)=([^&]*)/ or return undef;
	return $value =~ s/%([0-9A-F]{2})/chr hex $1/ger;
}

# Passes if a clause over all values gives the rows that it gives on the copy,
# and the service is asked for nothing but these values.
sub every_value
{
	my ($database, $encoding, $values, $clause, $part) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $query = "SELECT n, (SELECT string_agg(phone_id, ' ' ORDER BY phone_id) FROM cph_phones WHERE $clause)"
	  . " FROM (SELECT n, $values AS v FROM generate_series(1, 255) AS n OFFSET 0) AS s";
	$service->entries;
	my ($found, $wanted) = map { $node->safe_psql($database, $_) } $query, CphTest::on_copies($query);
	my $name = "$encoding, $values, $clause";
	is($found, $wanted, $name);
	cmp_ok(scalar(() = $found =~ /\b[0-9a-f]{32}\b/g), '>=', $encoding eq 'SQL_ASCII' ? 64 : 253, "$name: rows")
	  if $clause !~ /server_id/;

	my @targets = map { $_->{target} } $service->entries;
	my @strange = grep { !m{^/v1/[0-9a-f]+/cloud-phone/phones\?[A-Za-z0-9_=&%.~-]*$} } @targets;
	is("@strange", '', "$name: only what a URL may have");
	my %sent = map { $_ => 1 } grep { defined } map { received($_) } @targets;
	my %may;
	foreach my $hex (split /\n/, $node->safe_psql($database,
			"SELECT encode(convert_to($values, '$encoding'), 'hex') FROM generate_series(1, 255) AS n"))
	{
		my $value = pack 'H*', $hex;
		utf8::encode($value) if $encoding eq 'LATIN1';
		$may{ $part->($value) } = 1 if utf8::decode(my $copy = $value);
	}
	is_deeply([ sort keys %sent ], [ sort keys %may ], "$name: just these are asked for");
	return;
}

my $values = "'x' || chr(n) || 'y'";
database($_) foreach 'UTF8', 'LATIN1', 'SQL_ASCII';
every_value('utf8', 'UTF8', $values, @$_) foreach @clauses;
every_value('latin1', 'LATIN1', $values, @$_) foreach @clauses[ 0 .. 3 ];
every_value('sql_ascii', 'SQL_ASCII', $values, @$_) foreach @clauses[ 0 .. 1 ];

# Two bytes that are one character, in a database that knows no characters.
every_value('sql_ascii', 'SQL_ASCII', "'x' || chr(194 + n / 64 % 2) || chr(128 + n % 64) || 'y'", @{ $clauses[0] });

done_testing();
