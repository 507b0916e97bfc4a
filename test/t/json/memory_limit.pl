
# A backend that may take no more memory: a page that does not fit is an error
# that says so, however little is missing, and never a crash or half a row.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphTest;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'no /proc or no prlimit'
  if !-r '/proc/self/status' || system('prlimit --version >/dev/null 2>&1') != 0;

my ($node, $service) = CphTest::setup(phones => 400, servers => 3);
my $session = CphSession->new($node);
my $query = q{SELECT md5(string_agg(p::text, '' ORDER BY phone_id)) FROM cph_phones p};
my $right = $session->run($query);
my ($pid) = $session->run('SELECT pg_backend_pid()');
my ($kilobytes) = slurp_file("/proc/$pid/status") =~ /^VmSize:\s+(\d+) kB/m;

# From no room at all to more than enough: each page is a list of its own.
my ($failed, $answered) = (0, 0);
my @wrong;
for (my $room = 0; $room < 160; $room += $room < 8 ? 0.5 : 4)
{
	my $limit = int(($kilobytes + $room * 1024) * 1024);

	$service->fault('oversize', n => 3_000_000, times => 2);
	system_or_bail('prlimit', "--pid=$pid", "--as=$limit:");
	my $found = $session->run($query) // '';
	my ($state) = $session->error =~ /ERROR: +(\w+):/;
	system_or_bail('prlimit', "--pid=$pid", '--as=unlimited:');
	$service->clear;
	if ($found eq $right) { $answered++ }
	elsif (($state // '') eq '53200') { $failed++ }
	else { push @wrong, "$room MB: $found " . $session->error }
	push @wrong, "$room MB: another answer afterwards"
	  unless ($session->run($query) // '') eq $right;
}
is_deeply(\@wrong, [], 'the right answer, or out of memory');
cmp_ok($failed, '>', 3, 'there was too little memory');
cmp_ok($answered, '>', 3, 'there was enough');
is($session->run('SELECT pg_backend_pid()'), $pid, 'one backend');
done_testing();
