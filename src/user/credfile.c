/*
 * credfile.c
 *		Files that hold a token or keys.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"
#include "lib/lib.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/fd.h"

/*
 * The largest file.  A token has up to 32 kB, an INI file with some tens of
 * profiles less.
 */
#define FILE_SIZE_MAX (64 * 1024)

/* The profile that the service's kits read. */
#define DEFAULT_PROFILE "basic"

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
			 errdetail_log("The file is \"%s\".", file->path)));
}

/* Raises the error that a file does not hold what it should. */
pg_noreturn static void
content_error(const CredFile *file, const char *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 errmsg("the file that option \"%s\" names %s",
					file->option, reason),
			 errdetail_log("The file is \"%s\".", file->path)));
}

/* Fills a buffer from a file; returns the bytes read. */
static Size
read_bytes(const CredFile *file, int fd, char *buffer, Size size)
{
	Size		length = 0;

	while (length < size)
	{
		ssize_t		got = read(fd, buffer + length, size - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			file_error(file);
		if (got == 0)
			break;
		length += got;
	}
	return length;
}

/*
 * Returns the content of a file, a secret.  Does not wait for a writer, should
 * the file be a pipe.
 */
static char *
read_content(const CredFile *file)
{
	char	   *content = cph_secret_alloc(FILE_SIZE_MAX + 2);
	int			fd = OpenTransientFile(file->path,
									   O_RDONLY | O_NONBLOCK | PG_BINARY);
	struct stat status;
	Size		length;

	if (fd < 0 || fstat(fd, &status) != 0)
		file_error(file);
	if (!S_ISREG(status.st_mode))
		content_error(file, "is not a regular file");
	length = read_bytes(file, fd, content, FILE_SIZE_MAX + 1);
	CloseTransientFile(fd);
	if (length > FILE_SIZE_MAX)
		content_error(file, psprintf("is larger than %d kB",
									 FILE_SIZE_MAX / 1024));
	if (memchr(content, '\0', length) != NULL)
		content_error(file, "is not a text file");
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
		content_error(&file, "has no token in its first line");
	if (cph_mapping_check_key(line) != NULL)
		content_error(&file, "has a first line that is no token");
	used->token = line;
}

/* Takes one line of a section: "name = value", of a name that is of use. */
static void
take_value(const CredFile *file, char *line, CphMappingOptions *used)
{
	char	   *value = strpbrk(line, "=:");

	if (value == NULL)
		content_error(file, "has a line that is neither a section nor \"name = value\"");
	*value++ = '\0';
	line = trim(line);
	value = trim(value);
	for (int i = 0; i < lengthof(ini_names); i++)
	{
		if (strcmp(ini_names[i].name, line) != 0 || *value == '\0')
			continue;
		if (cph_mapping_check_key(value) != NULL ||
			(strcmp(line, "project_id") == 0 && cph_check_project_id(value)))
			content_error(file, psprintf("has a malformed value of \"%s\"", line));
		*(char **) ((char *) used + ini_names[i].offset) = value;
	}
}

/* Takes the section of a profile from an INI file; false: there is none. */
static bool
take_section(const CredFile *file, char *rest, const char *profile,
			 CphMappingOptions *used)
{
	bool		found = false;
	bool		inside = false;
	char	   *line;

	while ((line = next_line(&rest)) != NULL)
	{
		if (*line == '\0' || *line == '#' || *line == ';')
			continue;
		if (*line == '[')
		{
			Size		length = strlen(profile);

			inside = strncmp(line + 1, profile, length) == 0 &&
				strcmp(line + 1 + length, "]") == 0;
			found |= inside;
		}
		else if (inside)
			take_value(file, line, used);
	}
	return found;
}

/*
 * Reads the keys of a profile (NULL: the usual one) from an INI file, into the
 * current context.
 */
void
cph_credfile_keys(const char *path, const char *profile, CphMappingOptions *used)
{
	CredFile	file = {"credentials_file", path};
	char	   *content = read_content(&file);

	if (profile == NULL)
		profile = DEFAULT_PROFILE;
	if (!take_section(&file, content, profile, used))
		content_error(&file, psprintf("has no section [%s]", profile));
	if (used->access_key == NULL || used->secret_key == NULL)
		content_error(&file, psprintf("lacks \"%s\" in section [%s]",
									  used->access_key ? "sk" : "ak",
									  profile));
}
