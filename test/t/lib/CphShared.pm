
# CphShared: many sessions of a server at once, and the requests that they send.
#
#   CphShared::sessions($node, 50, $sql);    # in each of 50 sessions at once
#   my $run = CphShared::start($node, 50, $sql);  # the same, and go on meanwhile
#   CphShared::finish($run);
#   CphShared::crash($node, $run, $pid);   # kill the backend that does it
#   CphShared::most_in_time(\@entries), CphShared::most_in_flight(\@entries)
#       # of the requests that the service's log has
#
# Copyright (c) 2026, the cph_fdw developers

package CphShared;

use strict;
use warnings FATAL => 'all';

use CphTest;
use File::Basename;
use IPC::Run;
use List::Util qw(max);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $script = 0;

# Begins to run SQL commands in so many sessions at once, each of them so many
# times (default 1).  Returns what finish wants.
sub start
{
	my ($node, $sessions, $sql, $times) = @_;

	my $file = "$PostgreSQL::Test::Utils::tmp_check/" . basename($0, '.pl') . ++$script . '.sql';
	unlink $file;				# of an earlier run of the same test
	append_to_file($file, $sql =~ s/\s+/ /gr . "\n");
	my $run = { output => '' };
	$run->{harness} = IPC::Run::start(
		[
			'pgbench', '-n', '-c', $sessions, '-j', 2, '-t', $times // 1,
			'-f', $file, $node->connstr('postgres')
		],
		'>', \$run->{output}, '2>&1');
	return $run;
}

# Waits for the end.  Returns the number of sessions that failed, and, in a
# list, what pgbench said, too.
sub finish
{
	my ($run) = @_;

	IPC::Run::finish($run->{harness});
	my $failed = () = $run->{output} =~ /client \d+ (?:script \d+ )?aborted/g;
	note $run->{output};
	return wantarray ? ($failed, $run->{output}) : $failed;
}

# Kills the backend that runs what was started, and waits until the server, which
# starts anew, takes sessions again.
sub crash
{
	my ($node, $run, $pid) = @_;
	my $written = -s $node->logfile;
	my $seen = '';

	kill 'KILL', $pid;
	finish($run);
	foreach (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		# before the server has seen it, it may take a session, which it ends then
		$seen ||= slurp_file($node->logfile, $written) =~ /reinitializing/;
		return if $seen &&
			system_log('psql', '-X', '-q', '-c', '', $node->connstr('postgres')) == 0;
		sleep 0.1;
	}
	die 'the server does not come back';
}

# Passes if so many sessions can run the commands at once.
sub sessions
{
	my ($node, $sessions, $sql, $name, $times) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(scalar finish(start($node, $sessions, $sql, $times)), 0, $name);
}

# The most of these requests that began within so many seconds, default one.
sub most_in_time
{
	my ($entries, $seconds) = @_;
	my @starts = sort { $a <=> $b } map { $_->{start} } @$entries;
	my $first = 0;
	my $most = 0;

	foreach my $i (0 .. $#starts)
	{
		$first++ while $starts[$i] - $starts[$first] >= ($seconds // 1);
		$most = max($most, $i - $first + 1);
	}
	return $most;
}

# The most of these requests that were in flight at once.  One whose session was
# ended is, for the service, until it sees that nobody waits for the answer; by
# then another session may have its turn.
sub most_in_flight
{
	my ($entries) = @_;
	my @ended = grep { $_->{bytes} == 0 } @$entries;

	return max(
		map {
			my $start = $_->{start};
			$_->{in_flight} - grep {
				$_->{start} < $start && $_->{end} >= $start && $_->{end} < $start + 0.1
			} @ended
		} @$entries);
}

1;
