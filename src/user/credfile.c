/*
 * credfile.c
 *		Files that hold a token or keys.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"
#include "lib/lib.h"
#include "json/json.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/fd.h"
#include "utils/timestamp.h"

/*
 * The largest file.  A token has up to 32 kB, an INI file with some tens of
 * profiles less.
 */
#define FILE_SIZE_MAX (64 * 1024)

/* The profile that the service's kits read. */
#define DEFAULT_PROFILE "basic"

/* The bytes of the names of sections that a hint tells; it may tell one more. */
#define OTHERS_BYTES 200

/* A file, and the option that names it. */
typedef struct CredFile
{
	const char *option;
	const char *path;
} CredFile;

/* The names of an INI file's values, and where they go. */
static const struct
{
	const char *name;
	size_t		offset;			/* in CphMappingOptions */
}			ini_names[] = {
	{"ak", offsetof(CphMappingOptions, access_key)},
	{"sk", offsetof(CphMappingOptions, secret_key)},
	{"security_token", offsetof(CphMappingOptions, security_token)},
	{"project_id", offsetof(CphMappingOptions, project_id)},
};

/* Raises the error that a file cannot be read, for errno. */
pg_noreturn static void
file_error(const CredFile *file)
{
	ereport(ERROR,
			(errcode_for_file_access(),
			 errmsg("could not read the file that option \"%s\" names: %m",
					file->option),
			 errdetail_internal("%s", cph_file_reader()),
			 errdetail_log("The file is \"%s\".  %s", file->path,
						   cph_file_reader())));
}

/* Raises the error that a file does not hold what it should.  hint: or NULL. */
pg_noreturn static void
content_error(const CredFile *file, const char *reason, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 errmsg("the file that option \"%s\" names %s",
					file->option, reason),
			 errdetail_log("The file is \"%s\".", file->path),
			 hint ? errhint("%s", hint) : 0));
}

/* Fills a buffer from a file; returns the bytes read, or -1 and errno. */
static ssize_t
read_bytes(int fd, char *buffer, Size size)
{
	Size		length = 0;

	while (length < size)
	{
		ssize_t		got = read(fd, buffer + length, size - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		length += got;
	}
	return length;
}

/*
 * Returns the content of a file, a secret.  Does not wait for a writer, should
 * the file be a pipe.  The file is closed before an error is raised.
 */
static char *
read_content(const CredFile *file)
{
	char	   *content = cph_secret_alloc(FILE_SIZE_MAX + 2);
	int			fd = OpenTransientFile(file->path,
									   O_RDONLY | O_NONBLOCK | PG_BINARY);
	struct stat status = {0};
	ssize_t		length = -1;
	int			saved_errno;

	if (fd >= 0 && fstat(fd, &status) == 0)
		length = S_ISREG(status.st_mode) ?
			read_bytes(fd, content, FILE_SIZE_MAX + 1) : 0;
	saved_errno = errno;
	if (fd >= 0)
		CloseTransientFile(fd);
	errno = saved_errno;
	if (length < 0)
		file_error(file);
	if (!S_ISREG(status.st_mode))
		content_error(file, "is not a regular file", NULL);
	if (length > FILE_SIZE_MAX)
		content_error(file, psprintf("is larger than %d kB",
									 FILE_SIZE_MAX / 1024), NULL);
	if (memchr(content, '\0', length) != NULL)
		content_error(file, "is not a text file", NULL);
	/* the mark that some editors begin UTF-8 with */
	return content + (strncmp(content, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0);
}

/* Cuts blanks off both ends of a text, in place; returns its beginning. */
static char *
trim(char *text)
{
	char	   *end = text + strlen(text);

	while (end > text && strchr(" \t\r\f\v", end[-1]) != NULL)
		*--end = '\0';
	return text + strspn(text, " \t\r\f\v");
}

/* Cuts the first line off the rest, in place; returns it trimmed, or NULL. */
static char *
next_line(char **rest)
{
	char	   *line = *rest;
	char	   *end;

	if (*line == '\0')
		return NULL;
	end = line + strcspn(line, "\n");
	*rest = *end ? end + 1 : end;
	*end = '\0';
	return trim(line);
}

/* Reads a token from the first line of a file, into the current context. */
void
cph_credfile_token(const char *path, CphMappingOptions *used)
{
	CredFile	file = {"token_file", path};
	char	   *rest = read_content(&file);
	char	   *line = next_line(&rest);

	if (line == NULL || *line == '\0')
		content_error(&file, "has no token in its first line", NULL);
	if (cph_check_key(line) != NULL)
		content_error(&file, "has a first line that is no token", NULL);
	used->token = line;
}

/* Raises the error that a value in a file is not what it should be. */
pg_noreturn static void
value_error(const CredFile *file, const char *name, const char *hint)
{
	content_error(file, psprintf("has a malformed value of \"%s\"", name), hint);
}

/* Takes a value by its name, if that is of use. */
static void
take_value(const CredFile *file, const char *name, char *value,
		   CphMappingOptions *used)
{
	for (int i = 0; i < lengthof(ini_names); i++)
	{
		if (pg_strcasecmp(ini_names[i].name, name) != 0 || *value == '\0')
			continue;
		if (strchr("\"'", *value) != NULL)
			value_error(file, name, "Values stand there without quotation marks.");
		if (cph_check_key(value) != NULL ||
			(ini_names[i].offset == offsetof(CphMappingOptions, project_id) &&
			 cph_check_project_id(value)))
			value_error(file, name, NULL);
		*(char **) ((char *) used + ini_names[i].offset) = value;
	}
}

/* A section of an INI file, as it is read. */
typedef struct Section
{
	const char *profile;		/* wanted */
	bool		found;
	bool		federated;		/* it names an identity provider */
	StringInfoData others;		/* names of others, for a hint */
} Section;

/* Takes the name of a section, "[name]"; returns whether it is wanted. */
static bool
take_name(Section *section, char *line)
{
	char	   *end = strchr(line, ']');

	if (end == NULL || end[1] != '\0')
		return false;
	if (strncmp(line + 1, section->profile, end - line - 1) == 0 &&
		section->profile[end - line - 1] == '\0')
		return section->found = true;
	if (section->others.len < OTHERS_BYTES)
		appendStringInfo(&section->others, "%s%s",
						 section->others.len > 0 ? ", " : "",
						 cph_message_text(line));
	return false;
}

/* Takes the section of a profile from an INI file. */
static void
take_section(const CredFile *file, char *rest, Section *section,
			 CphMappingOptions *used)
{
	bool		inside = false;
	char	   *line;

	while ((line = next_line(&rest)) != NULL)
	{
		char	   *value = strpbrk(line, "=:");

		if (*line == '\0' || *line == '#' || *line == ';')
			continue;
		if (*line == '[')
		{
			inside = take_name(section, line);
			continue;
		}
		if (!inside)
			continue;
		if (value == NULL)
			content_error(file, "has a line that is neither a section nor \"name = value\"",
						  NULL);
		*value++ = '\0';
		line = trim(line);
		section->federated |= pg_strcasecmp(line, "idp_id") == 0;
		take_value(file, line, trim(value), used);
	}
}

/* Reads the keys of a profile from an INI file. */
static void
read_ini(const CredFile *file, char *content, const char *profile,
		 CphMappingOptions *used)
{
	Section		section = {profile};

	initStringInfo(&section.others);
	take_section(file, content, &section, used);
	if (!section.found)
		content_error(file, psprintf("has no section [%s]", profile),
					  section.others.len == 0 ? "It begins with a line that is the section's name in brackets." :
					  psprintf("It has %s.  The option \"profile\" of the user mapping names the one to read.",
							   section.others.data));
	if (used->access_key != NULL && used->secret_key != NULL)
		return;
	if (section.federated)
		content_error(file, psprintf("names an identity provider in section [%s], which is not supported",
									 profile),
					  "Supported are \"ak\" and \"sk\", with \"security_token\" for temporary ones.");
	content_error(file, psprintf("lacks \"%s\" in section [%s]",
								 used->access_key ? "sk" : "ak", profile), NULL);
}

/*
 * Returns a member of the object of keys in a document, by one of the two names
 * that the service's interfaces give it; NULL: it has none that is a text.
 */
static char *
find_member(const CphJsonValue *document, const char *name, const char *other)
{
	static const char *const objects[] = {"credential.", "credentials.", ""};
	const char *text = NULL;

	for (int i = 0; text == NULL && i < 2 * lengthof(objects); i++)
		text = cph_json_text_at(document, psprintf("%s%s", objects[i / 2],
												   i % 2 ? other : name));
	return unconstify(char *, text);
}

/* Raises an error if keys have come to their end, as a file tells it. */
static void
check_end(const CredFile *file, const char *end)
{
	TimestampTz until;

	if (end == NULL)
		return;
	if (!cph_parse_time(end, &until))
		value_error(file, "expires_at", "It is a time as 2026-01-31T12:00:00Z.");
	if (until <= GetCurrentTimestamp())
		content_error(file, psprintf("holds keys that ended at %s",
									 timestamptz_to_str(until)),
					  "It is read again at each use: whoever writes it has to write others before these end.");
}

/*
 * Reads temporary keys as the service gives them out, from JSON.  What the
 * document has of them is wiped; what json-c had is not ours to wipe.
 */
static void
read_json(const CredFile *file, char *content, CphMappingOptions *used)
{
	const char *reason;
	CphJsonValue *document = cph_json_document(content, strlen(content),
											   &reason);
	char	   *values[lengthof(ini_names)] = {NULL};

	if (document == NULL)
		content_error(file, psprintf("is not valid JSON: %s", reason), NULL);
	check_end(file, find_member(document, "expires_at", "expiration"));
	values[0] = find_member(document, "access", "accessKeyId");
	values[1] = find_member(document, "secret", "secretAccessKey");
	values[2] = find_member(document, "securitytoken", "securityToken");
	if (values[0] == NULL || values[1] == NULL)
		content_error(file, psprintf("lacks \"%s\" in \"credential\"",
									 values[0] ? "secret" : "access"), NULL);
	for (int i = 0; i < lengthof(values); i++)
	{
		if (values[i] == NULL)
			continue;
		take_value(file, ini_names[i].name, cph_secret_copy(values[i]), used);
		cph_secret_wipe(values[i]);
	}
}

/*
 * Reads the keys of a profile (NULL: the usual one) from an INI file, or
 * temporary ones from one of JSON, into the current context.
 */
void
cph_credfile_keys(const char *path, const char *profile,
				  CphMappingOptions *used)
{
	CredFile	file = {"credentials_file", path};
	char	   *content = read_content(&file);

	if (content[strspn(content, " \t\r\n")] == '{')
		read_json(&file, content, used);
	else
		read_ini(&file, content, profile ? profile : DEFAULT_PROFILE, used);
}
