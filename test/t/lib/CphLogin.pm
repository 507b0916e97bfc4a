
# CphLogin: logging in in different ways, and what comes of it, for the TAP
# tests.
#
# Copyright (c) 2026, the cph_fdw developers

package CphLogin;

use strict;
use warnings FATAL => 'all';

use CphTest;
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;

# A user with a password, as the options of a mapping; and the options of a
# service that knows that user and a key.
our %USER = (iam_domain => 'Company', iam_user => 'reports', iam_password => 'a-password');
our %KNOWN = (key => 'AKIDEXAMPLE/a-secret-key', user => 'Company/reports/a-password');

# Adds the function failure(query), which returns the error that a query ends
# in: its SQLSTATE and message, its detail, its hint, each on a line.
sub install
{
	my ($node) = @_;

	$node->safe_psql(
		'postgres', q{
		CREATE FUNCTION failure(query text) RETURNS text LANGUAGE plpgsql AS
		$$
		DECLARE
		  message text;
		  detail text;
		  hint text;
		BEGIN
		  EXECUTE query;
		  RETURN 'no error';
		EXCEPTION WHEN OTHERS THEN
		  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT,
		    detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
		  detail := regexp_replace(detail, 'request [0-9a-f]{32}', 'request ID');
		  detail := regexp_replace(detail, '\d+ seconds', 'N seconds');
		  detail := regexp_replace(detail, '127.0.0.1:\d+', 'HOST');
		  detail := replace(detail, '0123456789abcdef0123456789abcdef', 'PROJECT');
		  hint := regexp_replace(hint, '\d+ seconds', 'N seconds');
		  RETURN concat_ws(E'\n', SQLSTATE || ' ' || message,
		    nullif('DETAIL ' || detail, 'DETAIL '), nullif('HINT ' || hint, 'HINT '));
		END
		$$});
	return;
}

# The command that gives the current user this mapping, a hash of options, at
# the server cph.
sub mapping
{
	my (%options) = @_;

	return 'DROP USER MAPPING IF EXISTS FOR CURRENT_USER SERVER cph; '
	  . 'CREATE USER MAPPING FOR CURRENT_USER SERVER cph '
	  . CphTest::options(\%options) . ';';
}

# Gives the current user this mapping.
sub login
{
	my ($node, %options) = @_;

	$node->safe_psql('postgres',
		'SET client_min_messages = warning; ' . mapping(%options));
	return;
}

# The errors that the queries end in, one after the other in one session.
sub failures
{
	my ($node, @queries) = @_;

	my $found = $node->safe_psql('postgres',
		join '', map { "SELECT failure(\$q\$$_\$q\$);\n" } @queries);
	return wantarray ? split(/\n(?=\w{5} )/, $found) : $found;
}

# Passes if the query fails with an error that has each of the lines, given as
# text or as patterns.
sub fails
{
	my ($node, $name, $query, @lines) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $found = failures($node, $query);
	my @missing = grep {
		my $line = $_;
		!grep { ref $line ? $_ =~ $line : $_ eq $line } split /\n/, $found
	} @lines;
	return is_deeply([@missing], [], $name) || diag "the error is: $found";
}

# Certificates in a directory, made by openssl.
sub have_openssl
{
	return system('openssl version >/dev/null 2>&1') == 0;
}

sub openssl
{
	my ($directory, $command) = @_;

	system("cd '$directory' && openssl $command >>openssl.log 2>&1") == 0
	  or die "openssl $command: see $directory/openssl.log";
	return;
}

# Makes an authority; returns the path of its certificate.
sub authority
{
	my ($directory, $name) = @_;

	openssl($directory, "req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=$name'"
		  . " -keyout $name.key -out $name.pem");
	return "$directory/$name.pem";
}

# Makes a certificate for the names, good from and until so many days from now;
# returns the paths of it and its key.
sub certificate
{
	my ($directory, $name, $authority, $names, $from, $until) = @_;

	my ($start, $end) = map { strftime('%Y%m%d000000Z', gmtime(time + 86400 * $_)) } ($from, $until);
	append_to_file("$directory/$name.txt", '');
	append_to_file("$directory/$name.serial", sprintf "%08X\n", rand 0xffffffff);
	append_to_file("$directory/$name.cnf", <<"END");
[ca]
default_ca = this
[this]
database = $name.txt
serial = $name.serial
new_certs_dir = .
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = $names
END
	openssl($directory, "req -newkey rsa:2048 -nodes -subj '/CN=$name' -keyout $name.key -out $name.csr");
	openssl($directory, "ca -batch -notext -config $name.cnf -cert $authority.pem -keyfile $authority.key"
		  . " -startdate $start -enddate $end -in $name.csr -out $name.pem");
	return [ "$directory/$name.pem", "$directory/$name.key" ];
}

# A key for test/service that appears several times: --NAME A --NAME B.
sub several
{
	my ($name, @values) = @_;

	my @list = map { ("--$name", $_) } @values;
	shift @list;
	return [@list];
}

1;
