# CphService: a simulated service, started and steered by a TAP test.
#
#   my $service = CphService->new(phones => 5000, token => 'secret');
#   $service->set(count => 'absent');
#   $service->fault('status', status => 503, times => 2);
#   my @requests = $service->log;
#   $service->control('POST', '/_control/insert', { list => 'phones', n => 3 });
#
# test/service --help says what it can do; what has no method here is a control
# path.  It ends with the object, and whatever happens with this process.
#
# Copyright (c) 2026, the cph_fdw developers

package CphService;

use strict;
use warnings FATAL => 'all';

use Carp;
use File::Basename;
use HTTP::Tiny;
use IPC::Open3;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

# Starts one.  Options are those of test/service without the dashes; a list gives
# an option several times or several values: tls => [ $cert, $key ].
sub new
{
	my ($class, %options) = @_;

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
	}, $class;
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

# Sends a request over TLS, which HTTP::Tiny has no modules for everywhere.
sub ask
{
	my ($self, $method, $path, $content) = @_;

	my $program = <<'END';
import json, ssl, sys, urllib.error, urllib.request
method, url, content = sys.argv[1:]
request = urllib.request.Request(url, content.encode() or None, method=method)
try:
    answer = urllib.request.urlopen(request, context=ssl._create_unverified_context())
except urllib.error.HTTPError as error:
    answer = error
print(json.dumps({"status": answer.status, "success": answer.status < 300, "content": answer.read().decode(),
                  "headers": {name.lower(): value for name, value in answer.headers.items()}}))
END
	open(my $output, '-|', 'python3', '-c', $program, $method, $self->url . $path, $content // '')
	  or croak "python3: $!";
	return JSON::PP->new->decode(join '', readline $output);
}

# Sends a request to a control path and returns what it answers, decoded if it
# is JSON.  Dies if the service refuses it.
sub control
{
	my ($self, $method, $path, $body) = @_;

	my $content = $body ? encode_json($body) : undef;
	my $answer = $self->{scheme} eq 'https' ? $self->ask($method, $path, $content) :
	  HTTP::Tiny->new(timeout => 600)->request($method, $self->url . $path,
		{ defined $content ? (content => $content) : () });
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

# Changes settings: how the service takes what its documents leave open.
sub set
{
	my ($self, %settings) = @_;
	return $self->control('POST', '/_control/set', \%settings);
}

# Adds a fault: $service->fault('status', status => 503, times => 2).
sub fault
{
	my ($self, $kind, %arguments) = @_;
	return $self->control('POST', '/_control/fault',
		{ kind => $kind, %arguments });
}

# Settings, faults and the log as at the start; the data stays.
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

# What the service counts: a hash with open_connections, in_flight and others.
sub stats
{
	my ($self) = @_;
	return $self->control('GET', '/_control/stats');
}

# Nothing passes any more on the connections that there are ('all'), the 'idle'
# ones of them, or none can be made ('new'), without a word to the other side.
# Returns { silenced => n, vanished => ... }: false where packets are acknowledged
# and not read, since this system does not let them be dropped.
sub silence
{
	my ($self, $which) = @_;
	return $self->control('POST', '/_control/silence', { which => $which // 'all' });
}

# Takes that back.
sub speak
{
	my ($self) = @_;
	return $self->control('DELETE', '/_control/silence');
}

# Closes the idle connections; with a status, say 408, that is sent first.
sub disconnect
{
	my ($self, $status) = @_;
	return $self->control('POST', '/_control/disconnect', { status => $status // 0 });
}

# From here on the service knows which rows were there, for judge.
sub mark
{
	my ($self) = @_;
	return $self->control('POST', '/_control/mark');
}

# What is to be said of the ids that a scan returned which began after mark: a
# hash, whose lists lost, twice and strange are empty if it returned each row that
# stayed once.  The filters are those of the scan, as in a URL.
sub judge
{
	my ($self, $list, $filters, @ids) = @_;
	return $self->control('POST', "/_control/judge/$list?$filters",
		{ ids => \@ids });
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

1;
