/*
 * The shared config and credentials files, and the environment:
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html. See aws_look.h.
 */
#include "brokers/aws_look.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

const char *aws_variable(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

bool aws_read_environment(struct aws_keys *out)
{
	const char *id = aws_variable("AWS_ACCESS_KEY_ID");
	const char *secret = aws_variable("AWS_SECRET_ACCESS_KEY");
	if (!id || !secret)
		return false;
	*out = (struct aws_keys){
		.id = xstrdup(id),
		.secret = xstrdup(secret),
		.token = xstrdup(aws_variable("AWS_SESSION_TOKEN")),
	};
	return true;
}

const char *aws_profile_name(void)
{
	const char *name = aws_variable("AWS_PROFILE");
	name = name ? name : aws_variable("AWS_DEFAULT_PROFILE");
	return name ? name : "default";
}

static char *path_of(enum aws_file file)
{
	static const struct {
		const char *variable, *name;
	} places[AWS_FILES] = {
		[AWS_FILE_CONFIG] = { "AWS_CONFIG_FILE", "config" },
		[AWS_FILE_SHARED] = { "AWS_SHARED_CREDENTIALS_FILE", "credentials" },
	};
	const char *given = aws_variable(places[file].variable);
	const char *home = aws_variable("HOME");
	if (given && strncmp(given, "~/", 2) == 0 && home)
		return xprintf("%s/%s", home, given + 2);
	if (given)
		return xstrdup(given);
	return home ? xprintf("%s/.aws/%s", home, places[file].name) : NULL;
}

static struct aws_file_mark mark_of(const struct stat *state)
{
	return (struct aws_file_mark){
		.modified_ns = (int64_t)state->st_mtim.tv_sec * 1000000000 + state->st_mtim.tv_nsec,
		.size = (int64_t)state->st_size,
		.inode = (int64_t)state->st_ino,
	};
}

void aws_files_mark(struct aws_file_mark marks[AWS_FILES])
{
	for (int file = 0; file < AWS_FILES; file++) {
		OWNED(free) char *path = path_of(file);
		struct stat state;
		bool is_there = path && stat(path, &state) == 0;
		marks[file] = is_there ? mark_of(&state) : (struct aws_file_mark){ 0 };
	}
}

static bool read_whole(int fd, size_t max, char **out, size_t *length)
{
	char *text = xmalloc(max + 1);
	ssize_t got;
	*length = 0;
	while ((got = read(fd, text + *length, max + 1 - *length)) > 0 && *length + got <= max)
		*length += (size_t)got;
	if (got != 0) {
		explicit_bzero(text, *length);
		free(text);
		errno = got > 0 ? EFBIG : errno;
		return false;
	}
	text[*length] = '\0';
	*out = xrealloc(text, *length + 1);
	return true;
}

bool aws_file_read(const char *path, size_t max, char **out, size_t *length, struct error *err)
{
	/* Without waiting for a writer, where it is a pipe. */
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && read_whole(fd, max, out, length))
		return true;
	enum error_kind kind = errno == EFBIG                        ? ERROR_INVALID
			       : errno == ENOENT || errno == ENOTDIR ? ERROR_NOT_FOUND
								     : ERROR_UNAVAILABLE;
	return error_set(err, kind, "%.120s: %s", path, strerror(errno));
}

static void trim(const char **from, const char **end)
{
	while (*from < *end && isspace((unsigned char)**from))
		(*from)++;
	while (*end > *from && isspace((unsigned char)(*end)[-1]))
		(*end)--;
}

/* "[profile NAME]", with or without quotes; the prefix belongs to the config file alone. */
static char *section_of(const char *from, const char *end)
{
	const char *shut = memchr(from, ']', (size_t)(end - from));
	if (!shut)
		return NULL;
	from++;
	trim(&from, &shut);
	if (shut - from > 8 && strncmp(from, "profile", 7) == 0 && isspace((unsigned char)from[7]))
		from += 8;
	trim(&from, &shut);
	if (shut - from >= 2 && (*from == '"' || *from == '\'') && shut[-1] == *from) {
		from++;
		shut--;
	}
	return xstrndup(from, (size_t)(shut - from));
}

static bool put_setting(json_t *section, const char *from, const char *end)
{
	const char *equals = memchr(from, '=', (size_t)(end - from));
	if (!equals)
		return false;
	const char *key_end = equals, *value = equals + 1;
	for (const char *at = value; at + 1 < end; at++)
		if (isspace((unsigned char)at[0]) && (at[1] == '#' || at[1] == ';')) {
			end = at;
			break;
		}
	trim(&from, &key_end);
	trim(&value, &end);
	OWNED(free) char *key = xstrndup(from, (size_t)(key_end - from));
	for (char *at = key; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	json_t *text = json_stringn(value, (size_t)(end - value));
	/* What is no UTF-8 is no setting of ours. */
	if (text)
		json_object_set_new(section, key, text);
	return *key != '\0';
}

static json_t *enter_section(json_t *profiles, const char *name)
{
	json_t *section = json_object_get(profiles, name);
	if (section)
		return section;
	section = json_object();
	return json_object_set_new(profiles, name, section) == 0 ? section : NULL;
}

static bool parse_line(json_t *profiles, json_t **section, const char *from, const char *end)
{
	/* Indented lines are the settings of a service, of no use here. */
	bool is_indented = from < end && isspace((unsigned char)*from);
	trim(&from, &end);
	if (from == end || *from == '#' || *from == ';' || (is_indented && *from != '['))
		return true;
	if (*from != '[')
		return *section ? put_setting(*section, from, end) : false;
	OWNED(free) char *name = section_of(from, end);
	*section = name ? enter_section(profiles, name) : NULL;
	return *section != NULL;
}

bool aws_profiles_parse(const char *text, size_t length, json_t **out, struct error *err)
{
	OWNED(json) json_t *profiles = json_object();
	json_t *section = NULL;
	const char *end = text + length;
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (int line = 1; text < end; line++) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		stop = stop ? stop : end;
		if (!parse_line(profiles, &section, text, stop))
			return error_set(err, ERROR_INVALID,
				"line %d: expected [PROFILE] or KEY = VALUE", line);
		text = stop + 1;
	}
	*out = GIVE(profiles);
	return true;
}

static bool read_file(enum aws_file file, json_t **out, struct error *err)
{
	OWNED(free) char *path = path_of(file);
	OWNED(free) char *text = NULL;
	size_t length;
	if (!path || !aws_file_read(path, AWS_FILE_MAX, &text, &length, err)) {
		*out = json_object();
		return !path || err->kind == ERROR_NOT_FOUND;
	}
	bool is_good = aws_profiles_parse(text, length, out, err);
	explicit_bzero(text, length);
	if (!is_good)
		*out = json_object();
	return is_good || error_wrap(err, "%.120s", path);
}

bool aws_files_read(struct aws_files *out, struct error *err)
{
	/* Marked before they are read: a change meanwhile is seen the next time. */
	aws_files_mark(out->marks);
	return read_file(AWS_FILE_CONFIG, &out->profiles[AWS_FILE_CONFIG], err) &&
	       read_file(AWS_FILE_SHARED, &out->profiles[AWS_FILE_SHARED], err);
}

void aws_files_finish(struct aws_files *files)
{
	for (int file = 0; file < AWS_FILES; file++)
		json_decref(files->profiles[file]);
	*files = (struct aws_files){ 0 };
}

const char *aws_profile_get(const struct aws_files *files, const char *profile, const char *key)
{
	for (int file = AWS_FILES - 1; file >= 0; file--) {
		const char *value =
			jsontext_member(json_object_get(files->profiles[file], profile), key);
		if (value && *value)
			return value;
	}
	return NULL;
}

char *aws_find_region(void)
{
	struct aws_files files = { 0 };
	struct error err;
	const char *region = aws_variable("AWS_REGION");
	region = region ? region : aws_variable("AWS_DEFAULT_REGION");
	if (!region && aws_files_read(&files, &err))
		region = aws_profile_get(&files, aws_profile_name(), "region");
	char *out = xstrdup(region);
	aws_files_finish(&files);
	return out;
}
