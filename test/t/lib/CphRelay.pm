# CphRelay: a link that dies without a word: a relay of TCP connections to a port.
#
#   my $relay = CphRelay->new($gateway->port);
#   ... OPTIONS (endpoint 'https://localhost:' . $relay->port) ...
#   $relay->silence;          # what there is, is dead; new connections work
#   $relay->stats->{connections}
#
# test/simulator/relay.py says what it does.  It ends with the object.
#
# Copyright (c) 2026, the cph_fdw developers

package CphRelay;

use strict;
use warnings FATAL => 'all';

use Carp;
use File::Basename;
use IPC::Open2;
use JSON::PP;

# Starts one that passes on to a port of this machine.
sub new
{
	my ($class, $to) = @_;

	my $pid = open2(my $output, my $input, 'python3',
		dirname($ENV{CPH_TEST_SERVICE}) . '/simulator/relay.py', $to);
	my $port = readline $output;
	croak 'the relay does not start' unless defined $port;
	chomp $port;
	return bless { pid => $pid, input => $input, output => $output, port => $port }, $class;
}

sub port
{
	my ($self) = @_;
	return $self->{port};
}

# Gives a command; returns what has come of it, a hash.
sub command
{
	my ($self, @words) = @_;

	print { $self->{input} } "@words\n";
	$self->{input}->flush;
	my $line = readline $self->{output};
	croak "@words: the relay has ended" unless defined $line;
	my $done = decode_json($line);
	croak "@words: $done->{error}" if exists $done->{error};
	return $done;
}

# Nothing passes any more: 'all' connections that there are, the 'idle' ones, or
# 'new' ones.  Returns { silenced => n, vanished => whether packets are dropped }.
sub silence
{
	my ($self, $which) = @_;
	return $self->command('silence', $which // 'all');
}

# Takes that back.
sub speak
{
	my ($self) = @_;
	return $self->command('speak');
}

# Ends all connections: with RST, or with FIN.
sub reset
{
	my ($self) = @_;
	return $self->command('reset');
}

sub close
{
	my ($self) = @_;
	return $self->command('close');
}

# { connections => ever, open => n, silent => n, received => bytes, sent => bytes }
sub stats
{
	my ($self) = @_;
	return $self->command('stats');
}

sub DESTROY
{
	my ($self) = @_;
	local ($@, $!, $?);
	CORE::close $self->{input};
	waitpid $self->{pid}, 0;
	return;
}

1;
