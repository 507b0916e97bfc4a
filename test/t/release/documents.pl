# Every SQL block of the README and of the pages in docs runs, in their order and
# in one database, and says what the page says: the block without a language that
# follows it.  Every link leads to a page, and to a heading of it.  The README is
# short.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use IPC::Run;
use Test::More;

my $DATABASE = 'cph';
my $HOST = 'cph.cn-north-4.myhuaweicloud.com';

my $service = CphTest::service;
my $node = CphTest::node;
my $reports = $node->config_data('--sharedir') . '/extension/cph_reports.sql';

# Where a page names the public service, another node or a key, the
# simulated service, this node and a token take their place.
$node->safe_psql('postgres', qq{CREATE ROLE reader LOGIN; CREATE DATABASE $DATABASE});
$node->safe_psql(
	$DATABASE, sprintf(
		q{
CREATE SCHEMA cron;
CREATE FUNCTION cron.schedule(job text, plan text, command text) RETURNS bigint LANGUAGE sql RETURN 1;
CREATE FUNCTION simulate() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
	s record;
BEGIN
	FOR s IN SELECT srvname, fdwname, coalesce(srvoptions::text, '') AS options
	           FROM pg_foreign_server JOIN pg_foreign_data_wrapper w ON w.oid = srvfdw
	LOOP
		IF s.fdwname = 'cph_fdw' AND s.options NOT LIKE '%%endpoint=%%' THEN
			EXECUTE format('ALTER SERVER %%I OPTIONS (ADD endpoint %%L)', s.srvname, '%s');
		ELSIF s.options LIKE '%%example.com%%' THEN
			EXECUTE format('ALTER SERVER %%I OPTIONS (SET host %%L, ADD port %%L)', s.srvname, '%s', '%s');
		END IF;
	END LOOP;
	FOR s IN SELECT srvname FROM pg_user_mappings WHERE umoptions::text LIKE '%%secret_key=%%'
	LOOP
		EXECUTE format('ALTER USER MAPPING FOR CURRENT_USER SERVER %%I OPTIONS (DROP access_key, DROP secret_key, ADD token %%L)',
			s.srvname, '%s');
	END LOOP;
END $$;
CREATE EVENT TRIGGER simulate ON ddl_command_end WHEN TAG IN ('CREATE SERVER', 'CREATE USER MAPPING')
	EXECUTE FUNCTION simulate()},
		$service->url, $node->host, $node->port, $CphTest::TOKEN));

# Runs SQL, and returns what psql says, as a page would show it.
sub run_psql
{
	my ($sql) = @_;
	my ($authority) = $service->url =~ m{//(.*)};
	my ($said, $errors) = ('', '');

	IPC::Run::run(
		[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($DATABASE) ],
		'<', \$sql, '>', \$said, '2>', \$errors)
	  or return "$said$errors";
	$said =~ s/\Q$authority\E/$HOST/g;
	$said =~ s/[ \t]+$//mg;
	$said =~ s/\n+\z/\n/;
	return $said;
}

# The README may be read in ten minutes.
my $README_WORDS = 2000;

# Returns the text of a page, named from the top of the tree.
sub page
{
	my ($name) = @_;

	open(my $file, '<', "$ENV{TESTDIR}/$name") or die "$name: $!";
	local $/;
	return <$file>;
}

# Returns where a heading is linked to, as GitHub makes it.
sub anchor
{
	my ($heading) = @_;

	$heading = lc($heading) =~ s/[^\w\s-]//gr;
	return $heading =~ s/\s/-/gr;
}

# Complains of each link of a page that leads nowhere.
sub check_links
{
	my ($name) = @_;
	my $text = page($name) =~ s/^```.*?^```$//msgr;
	my ($here) = $name =~ m{^(.*/)?};
	my @broken;

	while ($text =~ /\]\(([^()\s]+)\)/g)
	{
		my ($path, $heading) = $1 =~ /^([^#]*)#?(.*)$/;

		next if $path =~ m{^https?://};
		my $target = $path eq '' ? $name : ($here // '') . $path;
		1 while $target =~ s{[^/]+/\.\./}{};
		push @broken, "$1 of $name"
		  if !-e "$ENV{TESTDIR}/$target"
		  || $heading ne ''
		  && !grep { anchor($_) eq $heading } page($target) =~ /^#+ (.*)$/mg;
	}
	is("@broken", '', "$name: its links");
}

my $prepared = 0;

# Runs the blocks of a page.
sub run_blocks
{
	my ($name) = @_;
	my $text = page($name);

	while ($text =~ /^```sql\n(.*?)^```\n(?:\n?```\n(.*?)^```\n)?/msg)
	{
		my ($sql, $expected) = ($1, $2);
		my ($first) = $sql =~ /^([^\n]*)/;

		if ($sql =~ /cph_reports/ && !$prepared++)
		{
			$node->command_ok([ 'psql', '-X', '-q', '-d', $node->connstr($DATABASE), '-f', $reports ], 'the reports are made');
			$node->safe_psql($DATABASE, 'GRANT USAGE ON SCHEMA cph_reports TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA cph_reports TO reader');
		}
		my $said = run_psql($sql);
		unlike($said, qr/ERROR:/, "$name: $first");
		is($said, $expected, "$name: $first: its answer") if defined $expected;
	}
}

# The pages in the order in which the README leads to them, and they to others.
sub pages_from
{
	my ($name, $seen) = @_;

	return if $seen->{$name}++;
	my @pages = grep { -e "$ENV{TESTDIR}/$_" }
	  map { "docs/$_" } page($name) =~ m{\]\((?:docs/)?(\w+\.md)[#)]}g;
	return ($name, map { pages_from($_, $seen) } @pages);
}

my @pages = pages_from('README.md', {});
my @all = map { s{.*/(docs/)}{$1}r } glob("$ENV{TESTDIR}/docs/*.md");

cmp_ok(scalar(split ' ', page('README.md')), '<=', $README_WORDS, 'the README is short');
is_deeply([ sort @pages[ 1 .. $#pages ] ], [ sort @all ], 'the README leads to each page');
for my $name (@pages)
{
	check_links($name);
	run_blocks($name);
}
ok($prepared, 'there were blocks to run');

# The tables that follow from the source do.
{
	local @ENV{qw(PGHOST PGPORT PGDATABASE)} = ($node->host, $node->port, $DATABASE);
	my ($said, $errors) = ('', '');
	IPC::Run::run([ "$ENV{TESTDIR}/docs/generate.py", '--check' ], '>', \$said, '2>', \$errors);
	is("$said$errors", '', 'the tables of the pages are those of the source');
}

# The pictures are drawn of what was measured.
{
	my $said = '';
	IPC::Run::run([ "$ENV{TESTDIR}/test/bench/plot.py", '--check' ], '>', \$said, '2>', \$said);
	is($said, '', 'the pictures are those of the measurements');
	IPC::Run::run([ "$ENV{TESTDIR}/docs/overview.py" ], '>', \$said);
	is($said, page('docs/overview.svg'), 'and the one of the README is as it is drawn');
}

$node->stop;
done_testing();
