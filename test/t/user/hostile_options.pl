# Options, names and values that hold anything: refused when they are set, or
# of no harm when they are used.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphAfter;
use CphSession;
use CphTest;
use Test::More;

my ($node, $service) = CphTest::setup(phones => 250, servers => 3);
my $url = $service->url;
my $session = CphSession->new($node);

# --- Options ----------------------------------------------------------------

# What an option may hold.
my @values = (
	[ 'control characters', q{(SELECT string_agg(chr(n), '') FROM generate_series(1, 31) AS n) || chr(127)} ],
	[ 'a header', q{E'value\r\nX-Evil: 1'} ],
	[ 'percent signs', q{'%s%n%d%1$s%%00'} ],
	[ 'blanks', q{' a value '} ],
	[ 'quotes', q{E'it''s "quoted" \\\\ `too` ;--'} ],
	[ '100 kB', q{repeat('0123456789', 10240)} ],
	[ 'no ASCII', q{U&'\624B\673A\2028'} ],
	[ 'nothing', q{''} ],
	[ 'a large number', q{'99999999999999999999999999'} ],
	[ 'a path', q{'/../../../etc/passwd'} ],
	[ '2 MB', q{'/' || repeat((SELECT string_agg(md5(n::text), '') FROM generate_series(1, 512) AS n), 128)} ]);

# Each option, the object that has it, and the values that it may have.  All
# others are refused with HV024.
my $text = 'percent signs, blanks, quotes, 100 kB, no ASCII, a large number, a path';
my $ascii = 'percent signs, 100 kB, a large number, a path';
my %options = (
	'SERVER probe' => {
		endpoint => '', region => 'a large number', iam_endpoint => '', project_id => 'a large number',
		sslrootcert => join(', ', map { $_->[0] } @values), proxy => '', fetch_size => '', max_concurrent_requests => '',
		connect_timeout => '', request_timeout => '', max_retries => '', throttle_timeout => '',
		max_response_size => '', enable_order_pushdown => '', enable_limit_pushdown => '',
		enable_count_pushdown => '', name_filter => '', time_unit => '', stable_ties => '', detail_not_found => '',
		async_capable => '', fdw_request_cost => '', fdw_tuple_cost => ''
	},
	'FOREIGN TABLE probe' => { resource => '', project_id => 'a large number', fetch_size => '', async_capable => '' },
	'FOREIGN TABLE probe ALTER phone_id' => { field => 'control characters, a header, percent signs, blanks, quotes, 100 kB, no ASCII, a large number' },
	'USER MAPPING FOR CURRENT_USER SERVER probe' => {
		token => $ascii, token_file => 'a path', access_key => $ascii, credentials_file => 'a path',
		iam_user => $text, iam_password => $text, iam_domain => $text, profile => $text,
		proxy_user => $text, proxy_password => $text
	});

# Sets an option to a value, reads, and says what became of both; the object is
# made anew before.  What an error says is short, and shows no secret; of one
# that is too long it says so.
$session->run(q{
	CREATE FUNCTION try(object text, option text, value text, others text) RETURNS TABLE (set text, read text, fault text)
	LANGUAGE plpgsql AS $$
	DECLARE message text; detail text; hint text;
	BEGIN
		set := ''; read := ''; fault := '';
		BEGIN
			EXECUTE format('ALTER %s OPTIONS (%s %s %L)', object, others, option, value);
			BEGIN
				EXECUTE 'SELECT phone_id FROM probe LIMIT 3';
			EXCEPTION WHEN OTHERS THEN
				read := SQLSTATE;
				GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
			END;
			RAISE SQLSTATE 'XX999';
		EXCEPTION WHEN SQLSTATE 'XX999' THEN NULL;
		WHEN OTHERS THEN
			set := SQLSTATE;
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
		END;
		message := concat_ws(E'\n', message, detail, hint);
		IF octet_length(message) > 2000 THEN
			fault := 'long';
		ELSIF object LIKE 'USER%' AND length(value) > 5 AND strpos(message, value) > 0 AND option NOT LIKE '%\_file' THEN
			fault := 'shown';
		ELSIF object LIKE 'USER%' AND length(value) > 1048576 AND detail IS DISTINCT FROM 'The value is too long.' THEN
			fault := 'not called too long';
		END IF;
		RETURN NEXT;
	END $$});
$session->run(
	qq{CREATE SERVER probe FOREIGN DATA WRAPPER cph_fdw;
	   CREATE USER MAPPING FOR CURRENT_USER SERVER probe OPTIONS (token '$CphTest::TOKEN');
	   CREATE FOREIGN TABLE probe (phone_id text) SERVER probe OPTIONS (resource 'phones')});
$session->run(qq{ALTER SERVER probe OPTIONS (ADD endpoint '$url', ADD project_id '$CphTest::PROJECT')});
is($session->run('SELECT count(*) FROM probe'), '250', 'the probe reads');
$service->entries;

# What else has to be said with an option, for it to be taken at all.
my %others = (
	(map { $_ => 'SET' } 'resource', 'SERVER probe endpoint', 'SERVER probe project_id', 'token'),
	(map { $_ => 'DROP token, ADD' } 'token_file', 'credentials_file'),
	access_key => q{DROP token, ADD secret_key 'secret', ADD},
	profile => q{DROP token, ADD credentials_file '/nowhere', ADD},
	iam_user => q{DROP token, ADD iam_password 'p', ADD iam_domain 'd', ADD},
	iam_password => q{DROP token, ADD iam_user 'u', ADD iam_domain 'd', ADD},
	iam_domain => q{DROP token, ADD iam_user 'u', ADD iam_password 'p', ADD},
	proxy_password => q{ADD proxy_user 'u', ADD});
my (%states, %found);
foreach my $object (sort keys %options)
{
	foreach my $option (sort keys %{ $options{$object} })
	{
		my $others = $others{"$object $option"} // $others{$option} // 'ADD';
		my @taken;
		foreach my $value (@values)
		{
			my ($set, $read, $fault) = split /\|/,
			  $session->run("SELECT * FROM try('$object', '$option', $value->[1], \$\$$others\$\$)"), -1;
			diag("$object, $option, $value->[0]: " . $session->error) if $session->error ne '';
			push @taken, $value->[0] if $set eq '';
			$found{"$object, $option, $value->[0]: $fault"} = 1 if $fault ne '';
			$states{$set}++;
			$states{"read $read"}++;
		}
		is(join(', ', @taken), $options{$object}{$option}, "$object, $option: what is taken");
	}
}
# 54000 where PostgreSQL has no place for what would be taken: options of columns, 2 MB.
is(join(' ', sort grep { !/^read/ } keys %states), ' 54000 HV024', 'all others are refused with one SQLSTATE');
is($states{54000}, 1, '... but one');
# HV000 where libcurl refuses a value itself, which newer ones do not.
like(join(' ', sort map { /^read (.+)/ } keys %states), qr/^42501 58P01 (HV000 )?HV00J HV00N HV024$/, 'what reading then ends in');
is_deeply([ sort keys %found ], [], 'errors are short, show no secret, and say what is too long');
my @requests = $service->entries;
cmp_ok(scalar(@requests), '>', 20, 'some were used');
is(join("\n", grep { !m{^/v[13]/[A-Za-z0-9_/-]+(?:\?[A-Za-z0-9_=&%.~-]*)?$} } map { $_->{target} } @requests),
	'', 'no request has what a URL may not');
is(scalar(grep { grep { /evil/i } @{ $_->{headers} } } @requests), 0, 'no option is a header');

# --- Names ------------------------------------------------------------------

# Objects with any name, in plans, errors and functions.
my $odd = qq{a "quoted" %s %n 'name' \\ \xc3\xa9\n};
my $quoted = '"' . $odd =~ s/"/""/gr . '"';
$session->run(
	qq{CREATE SERVER $quoted FOREIGN DATA WRAPPER cph_fdw OPTIONS (endpoint '$url', project_id '$CphTest::PROJECT', max_retries '0');
	   CREATE USER MAPPING FOR CURRENT_USER SERVER $quoted OPTIONS (token '$CphTest::TOKEN');
	   CREATE SCHEMA $quoted;
	   IMPORT FOREIGN SCHEMA cph FROM SERVER $quoted INTO $quoted;
	   CREATE FOREIGN TABLE $quoted.$quoted ($quoted text OPTIONS (field 'phone_id'), number integer OPTIONS (field 'phone_name'),
	     "none%s" text OPTIONS (field 'a "b" %s.c'), server text OPTIONS (field '\@server')) SERVER $quoted OPTIONS (resource 'phones')});
is($session->error, '', 'names of any kind');
is($session->run(qq{SELECT count($quoted), count("none%s"), count(*) FILTER (WHERE server LIKE 'a "quoted" %') FROM $quoted.$quoted}),
	'250|0|250', '... are read through');
like($session->run(qq{EXPLAIN (VERBOSE, FORMAT JSON) SELECT $quoted FROM $quoted.$quoted WHERE $quoted = 'x'}),
	qr/"CPH Server": "a \\"quoted\\" %s %n 'name' /, '... and explained');
is($session->state(qq{SELECT number FROM $quoted.$quoted}), '22P02', 'an error of a value');
is($session->run(q{SELECT count(*) FROM cph_fdw_get_connections() WHERE server_name LIKE 'a "quoted"%'}), '1', 'a connection');
like($session->run(q{SELECT string_agg(status, ' ') FROM cph_fdw_check((SELECT srvname FROM pg_foreign_server WHERE srvname LIKE 'a "quoted"%'))}),
	qr/^ok/, 'the check');
$service->fault('status', status => 500, error_code => '%s%n', error_msg => '%s%n%d "quoted" {braces}');
is($session->state(qq{SELECT * FROM $quoted.$quoted}), 'HV000', 'an error of the service');
like($session->error, qr/server "a "quoted" %s %n 'name' .*%s%n%d "quoted" \{braces\}/s, '... is shown as it is');
$service->clear;
$session->run('SELECT cph_fdw_disconnect_all()');

# --- Long values ------------------------------------------------------------

# A gateway takes URLs of some kB: a value that makes one too long is not sent.
$service->entries;
foreach my $clause (
	q{phone_name = LONG}, q{phone_name <> 'x' AND phone_name LIKE LONG || '%'}, q{starts_with(phone_name, LONG)},
	q{server_id = LONG}, q{server_id IN (SELECT LONG FROM generate_series(1, 3))},
	q{server_id = ANY (ARRAY[LONG, 'x', (SELECT max(server_id) FROM local_servers)])},
	q{phone_name = ANY (ARRAY['mobile-000100', LONG])})
{
	foreach my $long (q{repeat('x', 102400)}, q{repeat(U&'\624B', 1000)}, q{repeat('%', 2000)})
	{
		my $query = "SELECT phone_id FROM cph_phones WHERE " . $clause =~ s/LONG/$long/gr;
		my @found = map { my $rows = $session->run($_); $rows . $session->error } $query, CphTest::on_copies($query);
		is($found[0], $found[1], $query);
	}
}
is($session->run("SELECT count(*) FROM cph_phones WHERE server_id = repeat('x', $_)"), '0', "$_ bytes") foreach 512, 513;
my @lengths = sort { $a <=> $b } map { length $_->{target} } $service->entries;
is($lengths[-1] > 512 && $lengths[-1] < 1024, 1, "the longest request has $lengths[-1] bytes");
$session->run('SELECT cph_fdw_disconnect_all()');
CphAfter::nothing_left($node, $service, 'in the end');

done_testing();
