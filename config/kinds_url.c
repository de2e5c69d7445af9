/*
 * The kind of `post`: http://HOST[:PORT][/PATH], https://…, or http://unix:/PATH/OF/SOCKET[:/PATH].
 * Only the form is checked; what it reaches is for the worker to find out.
 */
#include "base/url.h"
#include "config/kinds.h"
#include "config/kinds_text.h"
#include "config/reading.h"

#define PORT_MAX 65535

static bool is_one_word(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f)
			return false;
	return true;
}

/* What stands between the scheme and the path, without a user. */
static const char *check_host(const char *host, size_t length)
{
	const char *bracket = *host == '[' ? memchr(host, ']', length) : NULL;
	const char *from = bracket ? bracket : host;
	const char *colon = memchr(from, ':', length - (size_t)(from - host));
	size_t name = colon ? (size_t)(colon - host) : length;
	if (name == 0 || (*host == '[' && !bracket))
		return "the host is missing";
	if (!colon)
		return NULL;
	char *end;
	long port = strtol(colon + 1, &end, 10);
	bool is_number = end == host + length && colon[1] >= '0' && colon[1] <= '9';
	return is_number && port > 0 && port <= PORT_MAX ? NULL
							 : "the port is no number from 1 to 65535";
}

/* Answers the mistake, or NULL. It holds nothing of the URL, which may have a password. */
static const char *check(const char *url)
{
	static const char unix_prefix[] = "http://unix:";
	if (!is_one_word(url))
		return "a blank or control character stands in it; write it as %20 and the like";
	if (strncmp(url, unix_prefix, sizeof unix_prefix - 1) == 0)
		return url[sizeof unix_prefix - 1] == '/' ? NULL
							  : "the socket's path has to be absolute: "
							    "http://unix:/run/app.sock:/work";
	const char *host = strstr(url, "://") + 3;
	size_t length = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', length);
	size_t user = at ? (size_t)(at + 1 - host) : 0;
	return check_host(host + user, length - user);
}

static const char *find_user(const char *url, size_t *length)
{
	const char *host = strstr(url, "://") + 3;
	const char *at = memrchr(host, '@', strcspn(host, "/?#"));
	*length = at ? (size_t)(at - host) : 0;
	return host;
}

static bool read_url(struct reading *reading)
{
	struct filled filled;
	struct arena *arena = &reading->loading->arena;
	size_t length;
	if (!reading_own_text(reading, &filled))
		return false;
	if (strncmp(filled.text, "http://", 7) != 0 && strncmp(filled.text, "https://", 8) != 0)
		return reading_unexpected(reading, &reading->at, reading->node);
	const char *mistake = check(filled.text);
	if (mistake)
		return reading_fault(reading, "%s", mistake);
	const char *user = find_user(filled.text, &length);
	/* A password that stands in the file itself is not shown either. */
	if (length > 0 && !filled.is_filled) {
		filled.shown = arena_print(
			arena, "%.*s***%s", (int)(user - filled.text), filled.text, user + length);
		filled.is_filled = true;
	}
	return kinds_keep_text(reading, &filled);
}

const struct kind kind_url = {
	.noun = "http://HOST[:PORT][/PATH], https://… or http://unix:/SOCKET:/PATH",
	.read = read_url,
	.equal = kinds_equal_text,
	.show = kinds_show_text,
	.drop = kinds_drop_text,
};
