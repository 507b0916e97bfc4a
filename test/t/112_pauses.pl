# A backend that gets to its requests late: nothing is forgotten, and no answer
# taken for one that did not come.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphTest;
use File::Basename;
use PostgreSQL::Test::Utils;
use Test::More;

# A clock that is slow to look at.
my $library = "$PostgreSQL::Test::Utils::tmp_check/slow_clock.so";
my $built = system_log('cc', '-shared', '-fPIC', '-o', $library,
	dirname(__FILE__) . '/slow_clock.c', '-ldl') == 0;
my $node;
{
	local $ENV{LD_PRELOAD} = $built ? $library : $ENV{LD_PRELOAD} // '';
	$node = CphTest::node();
}
my $service = CphTest::service(phones => 450);
CphTest::attach($node, $service, copies => 0);

# A try that becomes due while its call is gone on with is not forgotten.
SKIP:
{
	skip 'no compiler', 3 unless $built;
	my $session = CphSession->new($node);

	$session->run("SET statement_timeout = '10s'");
	foreach my $time (1 .. 3)
	{
		$service->fault('status', status => 503, times => 1);
		isnt($session->run('SELECT phone_name FROM cph_phones LIMIT 1'),
			'', "a try that is due, time $time");
		note sprintf('%.3f s', $session->seconds);
	}
	$session->quit;
}

done_testing();
