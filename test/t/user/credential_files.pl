
# Tokens and keys in files: read when they are needed, named by those who may,
# and never shown.
#
# Copyright (c) 2026, the cph_fdw developers

use strict;
use warnings FATAL => 'all';

use CphLogin;
use CphTest;
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;

my ($node, $service) = CphTest::setup(
	phones => 10,
	servers => 20,
	key => CphLogin::several(
		'key', 'AKEXAMPLE1/sk-example-one', 'AKEXAMPLE2/sk-example-two/st-example-two'));
CphLogin::install($node);

my $directory = PostgreSQL::Test::Utils::tempdir();
my $token_file = "$directory/a token's file";
my $keys_file = "$directory/credentials";
my $servers = 'SELECT server_id FROM cph_servers';
my $count = 'SELECT count(server_id) FROM cph_servers;';

# Replaces a file as a rotation does, in one step.
sub fill
{
	my ($path, $content) = @_;

	open(my $file, '>:raw', "$path.new") or die "$path.new: $!";
	print $file $content;
	close $file;
	rename "$path.new", $path or die "$path: $!";
	return;
}

# A token: the first line, without blanks around it.
foreach my $content (
	$CphTest::TOKEN, "$CphTest::TOKEN\n",
	"  $CphTest::TOKEN \t\r\nanother line\n", "\xEF\xBB\xBF$CphTest::TOKEN\r\n")
{
	fill($token_file, $content);
	CphLogin::login($node, token_file => $token_file);
	is($node->safe_psql('postgres', $count),
		20, 'token file: ' . $content =~ s/[^ -~]/?/gr);
}

# It is read at each use, and again after a refusal.
is( $node->safe_psql(
		'postgres', qq{
		$count
		\\! printf '%s\\n' wrong-token >'$directory/new' && mv '$directory/new' "$token_file"
		SELECT left(failure('$servers'), 5);
		SELECT left(failure('$servers'), 5);
		\\! printf '%s\\n' $CphTest::TOKEN >'$directory/new' && mv '$directory/new' "$token_file"
		$count}),
	"20\nHV00N\nHV00N\n20",
	'a changed file has its effect at once');

# Keys: a profile of an INI file.
my $ini = <<'END';
; the service's kits read this
[other]
ak = AKEXAMPLE2
sk : sk-example-two
security_token=st-example-two
project_id = 0123456789abcdef0123456789abcdef
iam_endpoint = https://iam.example.com

[basic]
# the usual one
ak=AKEXAMPLE1
sk = sk-example-one
security_token =
END
fill($keys_file, $ini =~ s/\n/\r\n/gr);
CphLogin::login($node, credentials_file => $keys_file);
is($node->safe_psql('postgres', $count), 20, 'the usual profile');
CphLogin::login($node, credentials_file => $keys_file, profile => 'other');
is($node->safe_psql('postgres', $count), 20, 'another profile');

# The project may come from there.
$node->safe_psql('postgres', 'ALTER SERVER cph OPTIONS (DROP project_id)');
is($node->safe_psql('postgres', $count), 20, 'it names the project');
CphLogin::login($node, credentials_file => $keys_file);
CphLogin::fails($node, 'a profile that names none',
	$servers, 'HV00J server "cph" names no project');
$node->safe_psql('postgres',
	"ALTER SERVER cph OPTIONS (ADD project_id '$CphTest::PROJECT')");

# A rotation within a session.
fill($keys_file, "[basic]\nak=AKEXAMPLE1\nsk=sk-example-wrong\n");
is( $node->safe_psql(
		'postgres', qq{
		SELECT failure('$servers') LIKE 'HV00N%credentials_file%';
		SELECT left(failure('$servers'), 5);
		\\! printf '[basic]\\nak=AKEXAMPLE2\\nsk=sk-example-two\\nsecurity_token=st-example-two' >'$directory/new' && mv '$directory/new' '$keys_file'
		$count}),
	"t\nHV00N\n20",
	'a rotation is one file');

# The service locks a key after a few wrong signatures: others that have come
# into the file are tried by one request, however well those before were received.
my $at_once = 'SELECT server_id FROM cph_servers UNION ALL SELECT phone_id FROM cph_phones';
$service->log;
is( $node->safe_psql(
		'postgres', qq{
		SELECT count(*) FROM ($at_once) AS l;
		\\! printf '[basic]\\nak=AKEXAMPLE2\\nsk=sk-example-wrong\\nsecurity_token=st-example-two' >'$directory/new' && mv '$directory/new' '$keys_file'
		SELECT left(failure('$at_once'), 5)}),
	"30\nHV00N",
	'keys that are wrong take the place of good ones');
is(scalar(grep { / 401$/ } $service->log), 1, '... and are sent once');

# What can be wrong with a file is told, but not what it holds.
sub broken
{
	my ($option, $content, $sqlstate, $message, $hint) = @_;

	my $path = $option eq 'token_file' ? $token_file : $keys_file;
	unlink $path;
	rmdir $path;
	if (ref $content) { $content->($path) }
	elsif (defined $content) { fill($path, $content) }
	is( CphLogin::failures($node, $servers),
		join("\n", "$sqlstate $message", $hint ? "HINT $hint" : ()), "$option: $message");
	return;
}

my $file = 'the file that option "token_file" names';
my $reader = sprintf(q{DETAIL It is read by the operating system's user "%s".}, scalar getpwuid($>));
CphLogin::login($node, token_file => $token_file);
broken('token_file', undef, '58P01', "could not read $file: No such file or directory\n$reader");
broken('token_file', sub { fill($_[0], $CphTest::TOKEN); chmod 0, $_[0] }, '42501', "could not read $file: Permission denied\n$reader");
broken('token_file', '', 'HV024', "$file has no token in its first line");
broken('token_file', "\n$CphTest::TOKEN\n", 'HV024', "$file has no token in its first line");
broken('token_file', 'two words', 'HV024', "$file has a first line that is no token");
broken('token_file', "t\xC3\xB6ken", 'HV024', "$file has a first line that is no token");
broken('token_file', "token\0more", 'HV024', "$file is not a text file");
broken('token_file', 'x' x 65537, 'HV024', "$file is larger than 64 kB");
broken('token_file', sub { mkdir $_[0] }, 'HV024', "$file is not a regular file");
broken('token_file', sub { system('mkfifo', $_[0]) }, 'HV024', "$file is not a regular file");

$file = 'the file that option "credentials_file" names';
CphLogin::login($node, credentials_file => $keys_file);
broken('credentials_file', undef, '58P01', "could not read $file: No such file or directory\n$reader");
broken('credentials_file', sub { fill($_[0], "[basic]\n"); chmod 0, $_[0] }, '42501', "could not read $file: Permission denied\n$reader");
broken('credentials_file', $_, 'HV024', "$file has no section [basic]",
	'It begins with a line that is the section\'s name in brackets.')
  foreach '', "ak=AKEXAMPLE1\nsk=secret\n";
broken('credentials_file', "[basics]\nak=AKEXAMPLE1\n[prod]\nak=A\n", 'HV024', "$file has no section [basic]",
	'It has [basics], [prod].  The option "profile" of the user mapping names the one to read.');
broken('credentials_file', "[basic]\nsk=secret\n", 'HV024', "$file lacks \"ak\" in section [basic]");
broken('credentials_file', "[basic]\nak=AKEXAMPLE1\nsk=\n", 'HV024', "$file lacks \"sk\" in section [basic]");
broken('credentials_file', "[basic]\nsecret\n", 'HV024',
	"$file has a line that is neither a section nor \"name = value\"");
broken('credentials_file', "[basic]\nak=A B\n", 'HV024', "$file has a malformed value of \"ak\"");
broken('credentials_file', 'x' x 65537, 'HV024', "$file is larger than 64 kB");

broken('credentials_file', "[basic]\nak=AKEXAMPLE1\nsk='secret'\n", 'HV024',
	"$file has a malformed value of \"sk\"", 'Values stand there without quotation marks.');
broken('credentials_file', "[basic]\nidp_id=a-provider\nid_token_file=/tmp/token\n", 'HV024',
	"$file names an identity provider in section [basic], which is not supported",
	'Supported are "ak" and "sk", with "security_token" for temporary ones.');

# Temporary keys, as the service gives them out, until their end.
fill($keys_file, "[Basic]\nak=x\n[basic]\nAK=AKEXAMPLE2\nSk=sk-example-two\nSECURITY_TOKEN=st-example-two\n");
CphLogin::login($node, credentials_file => $keys_file);
is($node->safe_psql('postgres', $count), 20, 'names in upper case');
my ($now, $later) = map { strftime('%Y-%m-%dT%H:%M:%S.000000Z', gmtime(time + $_)) } (0, 3600);
my %json = (
	'as metadata have them' =>
	  q({"credential": {"access": "AKEXAMPLE2", "secret": "sk-example-two", "securitytoken": "st-example-two", "expires_at": "%s"}}),
	'as containers have them' =>
	  q({"credentials": {"accessKeyId": "AKEXAMPLE2", "secretAccessKey": "sk-example-two", "securityToken": "st-example-two", "expiration": "%s"}}),
	'without an object around' =>
	  qq(\n{"access": "AKEXAMPLE2", "secret": "sk-example-two", "securitytoken": "st-example-two", "expires_at": "%s"}));
foreach my $shape (sort keys %json)
{
	fill($keys_file, sprintf $json{$shape}, $later);
	is($node->safe_psql('postgres', $count), 20, "temporary keys $shape");
}
$service->entries;
broken('credentials_file', sprintf($json{'as metadata have them'}, $now), 'HV024',
	"$file holds keys that ended at " . $node->safe_psql('postgres', "SELECT '$now'::timestamptz"),
	'It is read again at each use: whoever writes it has to write others before these end.');
is_deeply([ $service->log ], [], 'what has ended is not sent');
my $new = sprintf $json{'as metadata have them'}, $later;
is( $node->safe_psql('postgres', qq{
		SELECT left(failure('$servers'), 5);
		\\! printf '%s' '$new' >'$directory/new' && mv '$directory/new' '$keys_file'
		$count}),
	"HV024\n20", '... until others are there');
broken('credentials_file', '{"credential": {"access": "A"}}', 'HV024', "$file lacks \"secret\" in \"credential\"");
broken('credentials_file', '{"credential": "A"}', 'HV024', "$file lacks \"access\" in \"credential\"");
broken('credentials_file', '{"access": "A B", "secret": "B"}', 'HV024', "$file has a malformed value of \"ak\"");
broken('credentials_file', sprintf($json{'as metadata have them'}, 'soon'), 'HV024',
	"$file has a malformed value of \"expires_at\"", 'It is a time as 2026-01-31T12:00:00Z.');
fill($keys_file, '{"credential": ');
like(CphLogin::failures($node, $servers), qr/^HV024 \Q$file\E is not valid JSON: /, 'half a file');

# Who may name a file.  The server's log has its path, users do not.
my $errors = '';
$node->psql('postgres', $servers, stderr => \$errors);
unlike($errors, qr/\Q$keys_file\E/, 'the path is not in the error');
ok(slurp_file($node->logfile) =~ /DETAIL: .*The file is "\Q$keys_file\E"/, 'but in the log');
$node->safe_psql(
	'postgres', q{
	CREATE ROLE plain;
	CREATE ROLE reads_files IN ROLE pg_read_server_files;
	GRANT USAGE ON FOREIGN SERVER cph TO plain, reads_files;
	CREATE USER MAPPING FOR plain SERVER cph OPTIONS (token 'x');
	CREATE USER MAPPING FOR reads_files SERVER cph OPTIONS (token 'x')});
foreach my $option ('token_file', 'credentials_file')
{
	my $command = "ALTER USER MAPPING FOR CURRENT_USER SERVER cph OPTIONS (DROP token, ADD $option ''/etc/passwd'')";
	like($node->safe_psql('postgres', "SET ROLE plain; SELECT failure('$command')"),
		qr/^42501 permission denied to set option "$option"\nDETAIL Only a superuser or a member of the role pg_read_server_files/,
		"$option: not by anyone");
	# nor is anyone told whether there is such a file
	my ($stdout, $stderr);
	$node->psql('postgres', "SET ROLE plain; " . $command =~ s/''/'/gr =~ s/passwd/none/r, stderr => \$stderr);
	unlike($stderr, qr/WARNING|No such file/, "... or not there");
	$node->psql('postgres', "BEGIN; SET ROLE reads_files; " . $command =~ s/''/'/gr =~ s/passwd/none/r, stderr => \$stderr);
	like($stderr, qr/WARNING:  could not open the file that option "$option" names: No such file.*\nDETAIL:  It is read by the operating system's user "\w+"\./,
		'... a member is warned');
	is( $node->safe_psql('postgres',
			"BEGIN; SET ROLE reads_files; SELECT failure('$command'); ROLLBACK"),
		'no error', "$option: by a member of pg_read_server_files");
}

done_testing();
