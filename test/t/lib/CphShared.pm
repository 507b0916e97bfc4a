
# CphShared: a server whose sessions share what they know, and many of them.
#
#   my $node = CphShared::node();      # as CphTest::node, with shared memory
#   CphShared::shared()                # whether it has
#
# CPH_TEST_ALONE in the environment: it has none, as where the library is not
# preloaded; the tests then expect what each session does by itself.
#
# Copyright (c) 2026, the cph_fdw developers

package CphShared;

use strict;
use warnings FATAL => 'all';

use CphTest;

# Whether the sessions of a server that node starts share anything.
sub shared
{
	return !$ENV{CPH_TEST_ALONE};
}

# A server with the extension; conf is added to its settings.
sub node
{
	my (%options) = @_;

	my $conf = shared() ? "shared_preload_libraries = 'cph_fdw'\n"
	  : "cph_fdw.shared_memory = 0\n";
	return CphTest::node(%options, conf => $conf . ($options{conf} // ''));
}

1;
