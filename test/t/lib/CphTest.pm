
# CphTest: a simulated service and a server that reads it, for the TAP tests.
#
#   my ($node, $service) = CphTest::setup(phones => 1000, servers => 20);
#   CphTest::same($node, 'SELECT * FROM cph_phones WHERE status = 2');
#   CphTest::sends($node, $service, 'SELECT * FROM cph_phones LIMIT 10',
#       ['GET /v1/PROJECT/cloud-phone/phones?limit=10&offset=0 200']);
#   $service->fault('status', status => 503, times => 2);
#
# setup is service, node and attach, which a test may also call one by one.
# CphService says how a service is steered.
#
# Copyright (c) 2026, the cph_fdw developers

package CphTest;

use strict;
use warnings FATAL => 'all';

use CphService;
use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our $PROJECT = '0123456789abcdef0123456789abcdef';
our $TOKEN = 'the-token-of-the-tests';

# Starts a service that knows the project and the token: options as CphService
# has them, over 1,000 phones of 20 servers.
sub service
{
	my (%options) = @_;

	return CphService->new(
		phones => 1000,
		servers => 20,
		seed => 1,
		project => $PROJECT,
		token => $TOKEN,
		%options);
}

# --- The server -------------------------------------------------------------

# The superuser has one name, whoever runs the tests.
$ENV{PGUSER} = 'postgres';

# Whether the sessions of a server that node starts share what they know.
# CPH_TEST_ALONE in the environment: they do not, as where the library is not
# preloaded; the tests then expect what each session does by itself.
sub shared
{
	return !$ENV{CPH_TEST_ALONE};
}

# Whether this PostgreSQL has memory to share only for what it is started with.
sub needs_preload
{
	my ($version) = `"$ENV{PG_CONFIG}" --version` =~ /(\d+)/;
	return $version < 17;
}

# The settings of a server whose sessions share what they know.
sub sharing
{
	return "cph_fdw.shared_memory = '16MB'\n"
	  . (needs_preload() ? "shared_preload_libraries = 'cph_fdw'\n" : '');
}

# Starts a server of PostgreSQL with the extension in its database postgres.  An
# option conf is added to postgresql.conf.
sub node
{
	my (%options) = @_;

	my $node = PostgreSQL::Test::Cluster->new($options{name} // 'main');
	$node->init(
		extra => [ '--encoding=UTF8', '--locale=C', '--username=postgres' ]);
	$node->append_conf('postgresql.conf',
		shared() ? sharing() : 'cph_fdw.shared_memory = 0');
	$node->append_conf('postgresql.conf', $options{conf})
	  if defined $options{conf};
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION cph_fdw');
	return $node;
}

# The same with a C file that lies beside the test preloaded, for the server alone.
# The second value is false if there is no compiler for it; then nothing is.
sub node_with
{
	my ($file) = @_;

	my $library = "$PostgreSQL::Test::Utils::tmp_check/" . basename($file, '.c') . '.so';
	my $built = system_log('cc', '-shared', '-fPIC', '-o', $library,
		dirname((caller)[1]) . "/$file", '-ldl') == 0;
	local $ENV{LD_PRELOAD} = $built ? $library : $ENV{LD_PRELOAD} // '';
	return (node(), $built);
}

# The OPTIONS clause of a hash; '' if it is empty.
sub options
{
	my ($options) = @_;

	return '' unless %$options;
	return 'OPTIONS (' . join(
		', ',
		map {
			(my $value = $options->{$_}) =~ s/'/''/g;
			"$_ '$value'"
		} sort keys %$options) . ')';
}

# Makes the service's lists tables of the node: cph_phones and cph_servers, and
# local_phones and local_servers, which hold the same rows.  Options:
#   server, mapping    hashes of options, over endpoint, project_id and token
#   name               of the server, default cph
#   schema             that the tables are imported into, default public
#   copies             false: no local tables
# The log is empty afterwards.
sub attach
{
	my ($node, $service, %options) = @_;

	my $name = $options{name} // 'cph';
	my $server = options(
		{
			endpoint => $service->url,
			project_id => $PROJECT,
			%{ $options{server} // {} }
		});
	my $mapping = options($options{mapping} // { token => $TOKEN });
	my $schema = $options{schema} // 'public';
	$node->safe_psql(
		'postgres', qq{
		CREATE SERVER $name FOREIGN DATA WRAPPER cph_fdw $server;
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name $mapping;
		IMPORT FOREIGN SCHEMA cph FROM SERVER $name INTO $schema;});
	copies($node, $service, $schema) if $options{copies} // 1;
	$service->entries;
	return;
}

# Makes the local copies anew, after the service's rows have changed.  A table
# that is filled in the transaction that makes it keeps the order of the list.
sub copies
{
	my ($node, $service, $schema) = @_;

	$schema //= 'public';
	foreach my $list ('phones', 'servers')
	{
		my $rows = $service->copy($list);
		$node->safe_psql(
			'postgres', qq{
			SET client_min_messages = warning;
			SET client_encoding = 'UTF8';
			BEGIN;
			DROP TABLE IF EXISTS $schema.local_$list;
			CREATE TABLE $schema.local_$list (LIKE $schema.cph_$list);
			COPY $schema.local_$list FROM STDIN;
$rows\\.
COMMIT;
ANALYZE $schema.local_$list;});
	}
	return;
}

# Has all sessions forget what they know of the services of the superuser and of
# some roles: the next one begins with nothing known, whether they share it or not.
sub forget
{
	my ($node, @roles) = @_;

	$node->safe_psql('postgres', join "\n",
		map { "$_; SELECT cph_fdw_disconnect_all();" } 'RESET ROLE', map { "SET ROLE $_" } @roles);
	return;
}

# A service, a node and the tables: options of service; node, attach: hashes.
sub setup
{
	my (%options) = @_;

	my $of_node = delete $options{node} // {};
	my $of_attach = delete $options{attach} // {};
	my $service = service(%options);
	my $node = node(%$of_node);
	attach($node, $service, %$of_attach);
	return ($node, $service);
}

# --- Assertions -------------------------------------------------------------

# The query on the local copies, and on what is named after them.
sub on_copies
{
	my ($query) = @_;
	$query =~ s/cph_(phones|servers)/local_$1/g;
	return $query;
}

# Passes if the query gives the same rows as it does on the local copies, and
# at least one if it is to show anything: an option rows => 0 (or another
# number) says how many.  ordered => 1 compares the order too.
sub same
{
	my ($node, $query, %options) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $name = $options{name} // $query;
	my ($found, $wanted) =
	  map { [ split /\n/, $node->safe_psql('postgres', $_) ] }
	  ($query, on_copies($query));
	if (!$options{ordered})
	{
		$_ = [ sort @$_ ] foreach $found, $wanted;
	}
	if (defined $options{rows} && @$wanted != $options{rows})
	{
		fail($name);
		diag 'rows on the copy: ' . @$wanted . ", not $options{rows}";
		return 0;
	}
	if (!@$wanted && !defined $options{rows})
	{
		fail($name);
		diag 'the query gives no row on the copy either, and shows nothing';
		return 0;
	}
	return is_deeply($found, $wanted, $name);
}

# Passes if the query sends just these requests, in this order (sorted => 1: in
# any), and does what same does.
sub sends
{
	my ($node, $service, $query, $requests, %options) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $name = $options{name} // $query;
	$service->entries;
	my $good = same($node, $query, %options);
	my @log = $service->log;
	@log = sort @log if $options{sorted};
	return is_deeply(\@log, $requests, "requests: $name") && $good;
}

1;
