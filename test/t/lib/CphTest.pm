
# CphTest: a simulated service and a server that reads it, for the TAP tests.
#
#   my ($node, $service) = CphTest::setup(phones => 1000, servers => 20);
#   CphTest::same($node, 'SELECT * FROM cph_phones WHERE status = 2');
#   CphTest::sends($node, $service, 'SELECT * FROM cph_phones LIMIT 10',
#       ['GET /v1/PROJECT/cloud-phone/phones?limit=10&offset=0 200']);
#   $service->control('POST', '/_control/fault', { kind => 'status', ... });
#
# setup is service, node and attach, which a test may also call one by one.
# test/service --help and its control paths say what a service can do.
#
# Copyright (c) 2026, the cph_fdw developers

package CphTest;

use strict;
use warnings FATAL => 'all';

use Carp;
use File::Basename;
use HTTP::Tiny;
use IPC::Open3;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our $PROJECT = '0123456789abcdef0123456789abcdef';
our $TOKEN = 'the-token-of-the-tests';

# --- The service ------------------------------------------------------------

# Starts a simulated service.  Options are those of test/service without the
# dashes; a list gives an option several times or several values:
#   CphTest::service(phones => 5000, seed => 7, tls => [ $cert, $key ])
# It ends with the object, and whatever happens with this process.
sub service
{
	my (%options) = @_;

	%options = (
		phones => 1000,
		servers => 20,
		seed => 1,
		project => $PROJECT,
		token => $TOKEN,
		%options);
	my @command = ($ENV{CPH_TEST_SERVICE}, '--port', 0, '--until-eof');
	foreach my $name (sort keys %options)
	{
		my $value = $options{$name};
		push @command, "--$name", ref $value ? @$value : $value;
	}

	my $log = "$PostgreSQL::Test::Utils::log_path/service_"
	  . basename($0, '.pl') . '.log';
	open(my $errors, '>>', $log) or croak "$log: $!";
	my $pid = open3(my $input, my $output, '>&' . fileno($errors), @command);
	my $port = readline $output;
	croak "test/service does not start: see $log" unless defined $port;
	chomp $port;
	note "service on port $port";

	return bless {
		pid => $pid,
		input => $input,
		output => $output,
		port => $port,
		scheme => $options{tls} ? 'https' : 'http'
	}, __PACKAGE__;
}

sub port
{
	my ($self) = @_;
	return $self->{port};
}

# The base URL, for the server option endpoint.
sub url
{
	my ($self) = @_;
	return "$self->{scheme}://127.0.0.1:$self->{port}";
}

# Sends a request to a control path and returns what it answers, decoded if it
# is JSON.  Dies if the service refuses it.
sub control
{
	my ($self, $method, $path, $body) = @_;

	my $http = HTTP::Tiny->new(timeout => 600, verify_SSL => 0);
	my $answer = $http->request($method, $self->url . $path,
		{ $body ? (content => encode_json($body)) : () });
	croak "$method $path: $answer->{status} $answer->{content}"
	  unless $answer->{success};
	return $answer->{content}
	  unless ($answer->{headers}{'content-type'} // '') =~ /json/;
	return JSON::PP->new->utf8->allow_nonref->decode($answer->{content});
}

# The requests since the last call, each as "METHOD TARGET STATUS", with the
# project's id as PROJECT and the parameters in alphabetical order.
sub log
{
	my ($self) = @_;

	return map {
		my $target = $_->{target};
		$target =~ s{^/v1/[^/]+/}{/v1/PROJECT/};
		join ' ', $_->{method}, $target, $_->{status} // '-';
	} $self->entries;
}

# The same with all that the service noted of each: hashes with the keys
# method, target, status, bytes, start, end, in_flight, connection, headers.
sub entries
{
	my ($self) = @_;

	my $entries = $self->control('GET', '/_control/log');
	$self->control('DELETE', '/_control/log');
	return @$entries;
}

# Changes readings: how the service takes what its documents leave open.
sub set
{
	my ($self, %readings) = @_;
	return $self->control('POST', '/_control/set', \%readings);
}

# Adds a fault: $service->fault('status', status => 503, times => 2).
sub fault
{
	my ($self, $kind, %arguments) = @_;
	return $self->control('POST', '/_control/fault',
		{ kind => $kind, %arguments });
}

# Readings, faults and the log as at the start; the data stays.
sub clear
{
	my ($self) = @_;
	return $self->control('POST', '/_control/clear');
}

# Makes the data anew: $service->reset(phones => 10).  Clears, too.
sub reset
{
	my ($self, %options) = @_;
	return $self->control('POST', '/_control/reset', \%options);
}

# A list in the text format of COPY, in the order that the service has it.
sub copy
{
	my ($self, $list) = @_;
	return $self->control('GET', "/_control/copy/$list");
}

# Ends the service; nothing listens on its port then.
sub stop
{
	my ($self) = @_;

	return unless defined $self->{pid};
	close $self->{input};
	local $?;
	waitpid $self->{pid}, 0;
	delete $self->{pid};
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local ($@, $!);
	$self->stop;
	return;
}

# --- The server -------------------------------------------------------------

# The superuser has one name, whoever runs the tests.
$ENV{PGUSER} = 'postgres';

# Starts a server of PostgreSQL with the extension in its database postgres.
# An option conf is added to postgresql.conf.
sub node
{
	my (%options) = @_;

	my $node = PostgreSQL::Test::Cluster->new($options{name} // 'main');
	$node->init(
		extra => [ '--encoding=UTF8', '--locale=C', '--username=postgres' ]);
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
