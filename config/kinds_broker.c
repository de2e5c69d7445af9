/*
 * The kind of `broker`: a URL whose form is checked here, so that a bad file is refused as a whole;
 * what only the broker's own library can tell is told when it is opened.
 */
#include "base/url.h"
#include "config/kinds.h"
#include "config/kinds_text.h"
#include "config/reading.h"

#define RESEND_DEFAULT_MS (INT64_C(15) * 60 * 1000)
#define RESEND_LEAST_MS   INT64_C(1000)
#define RESEND_MOST_MS    (INT64_C(14) * 24 * 3600 * 1000)
#define PREFIX_MAX        60 /* a queue of SQS has at most 80 characters in its name */

/* A mistake is one sentence without a word of the URL, which may hold a password. */
static const char *check_sqs(const struct url *url)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-";
	const char *prefix = url->path[0] ? url->path + 1 : "";
	if (url->user)
		return "keys do not belong into the URL: they come from the environment or the "
		       "machine's role";
	/* Without a region it is that of the environment. */
	if (url->host_count != 1 || url->hosts[0].port)
		return "expected a region, as in sqs://eu-west-1/prod-";
	if (prefix[strspn(prefix, letters)] || strlen(prefix) > PREFIX_MAX)
		return "expected a prefix of at most 60 letters, digits, _ and -";
	return NULL;
}

static const char *check_redis(const struct url *url)
{
	const char *database = url->path[0] ? url->path + 1 : "";
	bool is_socket = url->host_count == 1 && !*url->hosts[0].name && strchr(database, '/');
	if (url->host_count != 1)
		return "expected one host, as in redis://127.0.0.1:6379/0";
	if (is_socket)
		return NULL;
	if (database[strspn(database, "0123456789")] || strlen(database) > 5)
		return "expected the number of a database after the slash";
	return NULL;
}

static const struct scheme {
	const char *name;
	const char *(*check)(const struct url *url);
	const char *parameters[9]; /* NULL-terminated */
} schemes[] = {
	{ "sqs", check_sqs, { "endpoint", "create", "resend" } },
	{ "redis", check_redis, { "prefix", "db", "resend" } },
	{ "rediss", check_redis, { "prefix", "db", "resend", "ca", "cert", "key", "insecure" } },
};

static const struct scheme *find_scheme(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strcmp(schemes[i].name, name) == 0)
			return &schemes[i];
	return NULL;
}

static bool check_parameters(
	const struct reading *reading, const struct scheme *scheme, const struct url *url)
{
	for (size_t i = 0; i < url->parameter_count; i++) {
		const char *const *known = scheme->parameters;
		while (*known && strcmp(*known, url->parameters[i].key) != 0)
			known++;
		if (!*known)
			return reading_fault(reading, "%s has no parameter %s", scheme->name,
				faults_quote(&reading->loading->arena, url->parameters[i].key));
	}
	return true;
}

static bool read_resend(const struct reading *reading, const struct url *url, int64_t *out_ms)
{
	const char *text = url_find(url, "resend");
	int64_t ms = RESEND_DEFAULT_MS;
	if (text &&
		(!config_parse_duration(text, &ms) || ms < RESEND_LEAST_MS || ms > RESEND_MOST_MS))
		return reading_fault(
			reading, "resend: expected a duration from 1s to 14d, as in ?resend=15m");
	*out_ms = ms;
	return true;
}

static bool check(
	const struct reading *reading, const char *text, const struct url *url, int64_t *resend_ms)
{
	struct arena *arena = &reading->loading->arena;
	const struct scheme *scheme = find_scheme(url->scheme);
	if (!scheme)
		return reading_fault(reading, "expected %s, got %s",
			keys_expected(arena, reading->key), kinds_quote_scheme(arena, text));
	const char *mistake = scheme->check(url);
	if (mistake)
		return reading_fault(reading, "%s: %s", scheme->name, mistake);
	return check_parameters(reading, scheme, url) && read_resend(reading, url, resend_ms);
}

static bool read_broker(struct reading *reading)
{
	struct filled filled;
	struct url url;
	struct error err;
	struct config *config = reading->base;
	struct arena *arena = &reading->loading->arena;
	if (!reading_own_text(reading, &filled))
		return false;
	if (!strstr(filled.text, "://"))
		return reading_fault(reading, "expected %s, got %s",
			keys_expected(arena, reading->key),
			kinds_quote_scheme(arena, reading->node->text));
	if (!url_parse(filled.text, &url, &err))
		return reading_fault(reading, "%s", err.text);
	bool is_whole = check(reading, reading->node->text, &url, &config->broker_resend_ms);
	/* A password that stands in the file itself is not shown either. */
	if (url.password && !filled.is_filled) {
		OWNED(free) char *shown = url_show(filled.text);
		filled.shown = arena_copy(arena, shown, strlen(shown));
		filled.is_filled = true;
	}
	url_finish(&url);
	return is_whole && kinds_keep_text(reading, &filled);
}

const struct kind kind_broker = {
	.noun = "sqs://REGION/PREFIX or redis://HOST[:PORT][/DB]",
	.read = read_broker,
	.equal = kinds_equal_text,
	.show = kinds_show_text,
	.drop = kinds_drop_text,
};
