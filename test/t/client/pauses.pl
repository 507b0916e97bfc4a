# A backend that gets to its requests late: nothing is forgotten, and no answer
# taken for one that did not come.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphSession;
use CphTest;
use Test::More;

# A clock that is slow to look at.
my ($node, $built) = CphTest::node_with('slow_clock.c');
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
