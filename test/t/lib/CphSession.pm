# CphSession: one backend for many queries, whose errors are looked at too.
#
#   my $session = CphSession->new($node);
#   my $rows = $session->run('SELECT ...');       # what psql prints
#   my $state = $session->state('SELECT ...');    # '' or the SQLSTATE
#   $session->start('SELECT ...');                # and later, of several at once
#   my $rows = $session->finish;
#   $session->error                               # the last error, with all
#   $session->descriptors, $session->kilobytes    # of the backend, now
#
# Copyright (c) 2026, the cph_fdw developers

package CphSession;

use strict;
use warnings FATAL => 'all';

use Time::HiRes qw(time);

sub new
{
	my ($class, $node, $database) = @_;

	my $psql = $node->background_psql($database // 'postgres', on_error_stop => 0);
	# what has a limit is the time of a query, not of all of them
	$psql->set_query_timer_restart;
	$psql->query_safe('\set VERBOSITY verbose');
	$psql->query_safe('\set SHOW_CONTEXT never');
	return bless {
		psql => $psql,
		pid => $psql->query_safe('SELECT pg_backend_pid()')
	}, $class;
}

# Runs a query and returns what psql prints of its rows.
sub run
{
	my ($self, $query) = @_;

	my $start = time;
	$self->{psql}->{stderr} = '';
	my $rows = $self->{psql}->query($query);
	$self->{error} = $self->{psql}->{stderr};
	$self->{psql}->{stderr} = '';
	$self->{seconds} = time - $start;
	return $rows;
}

# Sends a query and does not wait for it; psql measures its time.
sub start
{
	my ($self, $query) = @_;

	$self->{psql}->{stderr} = '';
	$self->{started} = time;
	$self->{psql}->{stdin} .= "\\timing on\n$query;\n";
	$self->{psql}->{run}->pump_nb;
	return;
}

# Waits for the query of start, and returns what psql prints of its rows.
sub finish
{
	my ($self) = @_;

	my $rows = $self->{psql}->query('\timing off');
	$self->{error} = $self->{psql}->{stderr};
	$self->{psql}->{stderr} = '';
	$rows =~ s/^Time: ([0-9]+)[.,]?([0-9]*) ms.*\n?//m or die "no time in '$rows'";
	$self->{seconds} = "$1.$2" / 1000;
	chomp $rows;
	return $rows;
}

# When the query of start ended, at the latest.
sub ended
{
	my ($self) = @_;
	return $self->{started} + $self->{seconds};
}

# Runs a query and returns its SQLSTATE, '' if it did not fail.
sub state
{
	my ($self, $query) = @_;

	$self->run($query);
	my ($state) = $self->{error} =~ /ERROR: +([0-9A-Z]{5}):/;
	return $state // '';
}

# What psql wrote of errors and notices in the last query.
sub error
{
	my ($self) = @_;
	return $self->{error};
}

# How long the last query took.
sub seconds
{
	my ($self) = @_;
	return $self->{seconds};
}

sub pid
{
	my ($self) = @_;
	return $self->{pid};
}

# The backend's open descriptors; undef where there is no /proc.
sub descriptors
{
	my ($self) = @_;
	opendir(my $directory, "/proc/$self->{pid}/fd") or return undef;
	return scalar grep { !/^\./ } readdir $directory;
}

# What the backend has in memory, in kB; undef where there is no /proc.
sub kilobytes
{
	my ($self) = @_;
	open(my $status, '<', "/proc/$self->{pid}/status") or return undef;
	my ($size) = map { /^RssAnon:\s+([0-9]+) kB/ ? $1 : () } <$status>;
	return $size;
}

sub quit
{
	my ($self) = @_;
	return $self->{psql}->quit;
}

1;
