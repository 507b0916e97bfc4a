
# Versions: what a release promises holds among the files that name one.
#
# - META.json is what the PGXN Meta Spec 1.0.0 wants.
# - A minor version has an upgrade script: from each version there ever was a
#   path leads to the default one, and PostgreSQL takes it.
# - A patch changes the binary only: the scripts of a release stay as
#   packaging/released has them.
# - The archive that make dist writes is whole.
#
# - packaging/build-deb tells root at once that the tests do not run.
#
# Each complaint is proved by a copy of the files that deserves it.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphTest;
use Digest::SHA;
use File::Basename;
use File::Copy;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = $ENV{TESTDIR};
my $SEMVER = qr/^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:-[A-Za-z][-0-9A-Za-z]*)?$/;

# --- META.json --------------------------------------------------------------

my $full_text = sub { !ref $_[0] && length $_[0] };
my $texts = sub {
	my @list = ref $_[0] eq 'ARRAY' ? @{ $_[0] } : $_[0];
	return @list && !grep { !$full_text->($_) } @list;
};
my %LICENSE = map { $_ => 1 } qw(agpl_3 apache_1_1 apache_2_0 artistic_1
  artistic_2 bsd freebsd gfdl_1_2 gfdl_1_3 gpl_1 gpl_2 gpl_3 lgpl_2_1 lgpl_3_0
  mit mozilla_1_0 mozilla_1_1 openssl perl_5 postgresql qpl_1_0 ssleay sun zlib
  open_source restricted unrestricted unknown);

# What the specification wants of each field: whether it must be there, and how
# it must look.  Names of one's own begin with X_.
my %FIELDS = (
	name => [ 1, sub { $_[0] =~ m{^[^\s/\\:[:cntrl:]]{2,}$} } ],
	abstract => [ 1, $full_text ],
	version => [ 1, sub { $_[0] =~ $SEMVER } ],
	maintainer => [ 1, $texts ],
	license => [ 1, sub { ref $_[0] ? ref $_[0] eq 'HASH' : $LICENSE{ $_[0] } } ],
	provides => [ 1, sub { ref $_[0] eq 'HASH' && %{ $_[0] } } ],
	'meta-spec' => [ 1, sub { ref $_[0] eq 'HASH' && $_[0]{version} =~ /^1\.0\.\d+$/ } ],
	description => [ 0, $full_text ],
	generated_by => [ 0, $full_text ],
	tags => [ 0, $texts ],
	no_index => [ 0, sub { ref $_[0] eq 'HASH' } ],
	prereqs => [ 0, \&are_prereqs ],
	release_status => [ 0, sub { $_[0] =~ /^(stable|testing|unstable)$/ } ],
	resources => [ 0, sub { ref $_[0] eq 'HASH' } ]);

# Phases of relations of names with the least version, 0 for any.
sub are_prereqs
{
	my ($phases) = @_;

	foreach my $phase (keys %$phases)
	{
		return 0 unless $phase =~ /^(configure|build|test|runtime|develop)$/;
		foreach my $relation (keys %{ $phases->{$phase} })
		{
			return 0
			  unless $relation =~ /^(requires|recommends|suggests|conflicts)$/;
			return 0
			  if grep { $_ ne '0' && $_ !~ $SEMVER }
			  values %{ $phases->{$phase}{$relation} };
		}
	}
	return 1;
}

sub meta_complaints
{
	my ($directory, $meta) = @_;

	my @complaints;
	foreach my $field (sort keys %FIELDS)
	{
		my ($required, $check) = @{ $FIELDS{$field} };
		if (!defined $meta->{$field})
		{
			push @complaints, "META.json has no $field" if $required;
		}
		elsif (!$check->($meta->{$field}))
		{
			push @complaints, "META.json: $field is not valid";
		}
	}
	push @complaints, map { "META.json: unknown field $_" }
	  grep { !$FIELDS{$_} && !/^[Xx]_/ } sort keys %$meta;
	while (my ($name, $it) = each %{ $meta->{provides} // {} })
	{
		push @complaints, "META.json: $name is of another version"
		  unless ($it->{version} // '') eq ($meta->{version} // '');
		push @complaints, map { "META.json: $name has no $_" }
		  grep { !defined $it->{$_} || !-e "$directory/$it->{$_}" }
		  qw(file docfile);
	}
	return @complaints;
}

# --- The files that name a version ------------------------------------------

sub first_match
{
	my ($file, $pattern) = @_;
	return slurp_file($file) =~ $pattern ? $1 : "(none in $file)";
}

# The versions from which the scripts lead to one, that one included.
sub leading_to
{
	my ($target, @scripts) = @_;

	my %leads = ($target => 1);
	for (my $known = 0; $known < keys %leads;)
	{
		$known = keys %leads;
		/^cph_fdw--(.+?)--(.+)\.sql$/ && $leads{$2} && ($leads{$1} = 1)
		  foreach @scripts;
	}
	return %leads;
}

sub complaints
{
	my ($directory) = @_;

	my $meta = decode_json(slurp_file("$directory/META.json"));
	my @complaints = meta_complaints($directory, $meta);
	my $default = first_match("$directory/cph_fdw.control", qr/^default_version = '(.*)'$/m);
	my $newest = first_match("$directory/CHANGELOG.md", qr/^## (\S+)/);
	my $package = first_match("$directory/packaging/debian/changelog", qr/^cph-fdw \((\S+)-[^-]*\)/);

	# The default version is that of the minor release.
	push @complaints, "META.json is not of $default"
	  unless $meta->{version} =~ /^\Q$default\E\.\d+(-|$)/;
	push @complaints, "the Debian package is of $package"
	  unless $package eq $meta->{version};
	push @complaints, "CHANGELOG.md is of $newest"
	  unless "$newest.0" eq $meta->{version} || $newest eq $meta->{version};

	# Upgrades.
	my @scripts = map { basename $_ } glob "$directory/cph_fdw--*.sql";
	my %leads = leading_to($default, @scripts);
	my %versions = map { $_ => 1 } map { /^cph_fdw--(.+)\.sql$/; split /--/, $1 } @scripts;
	push @complaints, "there is no cph_fdw $default" unless $versions{$default};
	push @complaints, map { "$_ cannot be upgraded" }
	  grep { !$leads{$_} } sort keys %versions;

	# Releases: those that the change log gives a date.
	my %kept = slurp_file("$directory/packaging/released") =~ /^(?!#)(\S+)\s+(\S+)$/mg;
	foreach my $version (slurp_file("$directory/CHANGELOG.md") =~ /^## (\d+\.\d+)\S* (?!\(unreleased\))/mg)
	{
		push @complaints, map { "packaging/released lacks $_" }
		  grep { !$kept{$_} && /--\Q$version\E\.sql$/ } @scripts;
	}
	foreach my $script (sort keys %kept)
	{
		my $path = "$directory/$script";
		push @complaints, "$script is not as released"
		  unless -e $path
		  && Digest::SHA->new(256)->addfile($path)->hexdigest eq $kept{$script};
	}
	return @complaints;
}

# --- Copies that deserve a complaint ----------------------------------------

# Changes a file of a copy.
sub edit
{
	my ($file, $from, $to) = @_;

	my $text = slurp_file($file);
	die "$file has no $from" unless $text =~ s/$from/$to/g;
	unlink $file;
	append_to_file($file, $text);
	return;
}

# A copy of the files, changed, has just these complaints.
sub complains
{
	my ($name, $change, @expected) = @_;

	my $copy = PostgreSQL::Test::Utils::tempdir();
	mkdir "$copy/$_" foreach qw(packaging packaging/debian);
	copy("$top/$_", "$copy/$_") or die "$_: $!"
	  foreach qw(META.json README.md CHANGELOG.md cph_fdw.control
		packaging/released packaging/debian/changelog),
	  map { basename $_ } glob "$top/cph_fdw--*.sql";
	$change->($copy);
	is_deeply([ complaints($copy) ], \@expected, $name);
	return;
}

# Makes a copy one of version 9.1, whose upgrade is still to be written.
sub next_minor
{
	my ($copy) = @_;

	edit("$copy/META.json", qr/"version": "\d+\.\d+\.\d+"(?!\s*\},\s*"tags")/, '"version": "9.1.0"');
	edit("$copy/cph_fdw.control", qr/'\d+\.\d+'/, q{'9.1'});
	edit("$copy/CHANGELOG.md", qr/\A/, "## 9.1 (unreleased)\n\n");
	edit("$copy/packaging/debian/changelog", qr/\A/, "cph-fdw (9.1.0-1) x; urgency=low\n\n");
	return;
}

my $default = first_match("$top/cph_fdw.control", qr/^default_version = '(.*)'$/m);
is_deeply([ complaints($top) ], [], 'no complaint of the files');
complains('nor of a copy', sub { });
complains('a minor version without a script', \&next_minor,
	'there is no cph_fdw 9.1',
	map { "$_ cannot be upgraded" } sort map { /--(.*)\.sql/; split /--/, $1 } glob "$top/cph_fdw--?.?.sql");
complains('and with one',
	sub { next_minor(@_); append_to_file("$_[0]/cph_fdw--$default--9.1.sql", '') });
complains('a package of another version',
	sub { edit("$_[0]/packaging/debian/changelog", qr/\(\d/, '(7') },
	'the Debian package is of 7.0.0');
complains('a release whose scripts are not kept',
	sub { edit("$_[0]/CHANGELOG.md", qr/^## \Q$default\E .*/, "## $default (2030-01-01)") },
	"packaging/released lacks cph_fdw--$default.sql");
complains('a script that a patch changes',
	sub { append_to_file("$_[0]/packaging/released", "cph_fdw--$default.sql 0\n") },
	"cph_fdw--$default.sql is not as released");
complains('what the specification does not allow',
	sub {
		edit("$_[0]/META.json", qr/"postgresql"/, '"mine"');
		edit("$_[0]/META.json", qr/"abstract"/, '"abstrakt"');
		edit("$_[0]/META.json", qr/"15\.0\.0"/, '"15"');
		edit("$_[0]/META.json", qr/cph_fdw--/, 'sql/cph_fdw--');
	},
	'META.json has no abstract',
	'META.json: license is not valid',
	'META.json: prereqs is not valid',
	'META.json: unknown field abstrakt',
	'META.json: cph_fdw has no file');

# --- PostgreSQL takes the way -----------------------------------------------

my ($node, $service) = CphTest::setup(attach => { copies => 0 });
my $extensions = `pg_config --sharedir`;
chomp $extensions;
$extensions .= '/extension';

is($node->safe_psql('postgres', q{
	SELECT source FROM pg_extension_update_paths('cph_fdw') JOIN pg_available_extensions ON name = 'cph_fdw'
	 WHERE target = default_version AND path IS NULL}), '', 'PostgreSQL finds a path from each version');

my $upgrade = "$extensions/cph_fdw--$default--9.1.sql";
append_to_file($upgrade, q{
	CREATE FUNCTION cph_fdw_of_the_test() RETURNS text LANGUAGE c AS 'MODULE_PATHNAME', 'cph_fdw_version';});
$node->safe_psql('postgres', 'CREATE VIEW running AS SELECT phone_id FROM cph_phones WHERE status = 2');
my $before = $node->safe_psql('postgres', 'SELECT count(*) FROM running');
my ($status, undef, $errors) = $node->psql('postgres', q{ALTER EXTENSION cph_fdw UPDATE TO '9.1'});
unlink $upgrade;
is($status, 0, 'an upgrade runs') or diag $errors;
is($node->safe_psql('postgres', q{SELECT cph_fdw_of_the_test() = cph_fdw_version()}), 't', 'and brings its function');
is($node->safe_psql('postgres', 'SELECT count(*) FROM running'), $before, 'what was built on the tables is there');
$node->stop;

# --- The archive ------------------------------------------------------------

my $meta = decode_json(slurp_file("$top/META.json"));
my $prefix = "$meta->{name}-$meta->{version}";

# Writes the archive and unpacks it in a directory.
sub unpack_archive
{
	my ($directory) = @_;
	my $archive = "$directory/$prefix.zip";

	delete local @ENV{qw(MAKEFLAGS MAKELEVEL)};
	system_log('make', '-s', '-C', $top, 'dist', "DIST=$directory");
	ok(-e $archive, "make dist writes $prefix.zip");
	system_log('python3', '-m', 'zipfile', '-e', $archive, $directory) == 0
	  or die 'it cannot be read';
	is_deeply([ complaints("$directory/$prefix") ], [], 'its files agree');
	return;
}

# The names of the files below a directory, sorted.
sub files_of
{
	my ($directory) = @_;

	return join '', sort map { s{^\./}{}r } `cd $directory && find . -type f`;
}

SKIP:
{
	skip 'git is missing', 3 if system('command -v git >/dev/null') != 0;

	my $scratch = PostgreSQL::Test::Utils::tempdir();
	local %ENV = (%ENV, GIT_DIR => "$scratch/git", GIT_WORK_TREE => $top, GIT_CONFIG_GLOBAL => '/dev/null');
	system_log('git', '-C', $top, @$_) == 0
	  or die "git: $?"
	  foreach [qw(init -q)], [qw(add -A)],
	  [qw(-c user.name=test -c user.email=test@example.org commit -q -m test)];
	unpack_archive($scratch);
	is(files_of("$scratch/$prefix"), join('', sort `cd $top && git ls-files`), 'and it has each file');
}

# A tree that is no checkout.
{
	my $scratch = PostgreSQL::Test::Utils::tempdir();
	local $ENV{GIT_DIR} = "$scratch/none";
	unpack_archive($scratch);
	my $files = files_of("$scratch/$prefix");
	like($files, qr{^src/cph_fdw\.c$}m, 'and it has the source');
	unlike($files, qr/\.(?:o|so)$/m, 'but nothing that a build left');
}

# --- The package of Debian --------------------------------------------------

# Runs packaging/build-deb as one whom id calls by this number, with an option
# that there is not: whoever gets so far is shown the usage.
sub build_deb
{
	my ($uid, $options) = @_;
	my $scratch = PostgreSQL::Test::Utils::tempdir();

	append_to_file("$scratch/id", "#!/bin/sh\necho $uid\n");
	chmod 0755, "$scratch/id";
	local $ENV{PATH} = "$scratch:$ENV{PATH}";
	local $ENV{DEB_BUILD_OPTIONS} = $options;
	return run_command([ "$top/packaging/build-deb", '-x' ]);
}

foreach my $case ([ 0, 'terse' ], [ 0, 'terse nocheck' ], [ 1000, '' ])
{
	my ($uid, $options) = @$case;
	my ($stdout, $stderr) = build_deb($uid, $options);
	my $refused = $uid == 0 && $options !~ /nocheck/;

	is("$stdout$stderr" =~ /the tests do not run as root: be an ordinary user, or set DEB_BUILD_OPTIONS=nocheck/ ? 1 : 0,
		$refused ? 1 : 0, "build-deb as user $uid, options '$options'");
	is($stdout =~ /^packaging\/build-deb \[--check\]/m ? 1 : 0, $refused ? 0 : 1, '... goes on or not');
}

done_testing();
