/* Credentials as endpoints answer them, JSON and XML: pure, and fuzzed. See aws_look.h. */
#include "brokers/aws_look.h"

#include <stdio.h>
#include <time.h>

int64_t aws_time_parse(const char *text)
{
	struct tm parts = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
	if (!rest)
		return 0;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	/* "Z", or as some write it "+00:00". */
	if (strcmp(rest, "Z") != 0 && strcmp(rest, "+00:00") != 0 && strcmp(rest, "+0000") != 0)
		return 0;
	return (int64_t)timegm(&parts) * 1000;
}

/* Headers are made of them: what would break out of one is refused. */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text == 0x7f)
			return false;
	return true;
}

static bool keep(const char *id, const char *secret, const char *token, const char *expiration,
	struct aws_keys *out, struct error *err)
{
	if (!id || !*id || !secret || !*secret || !is_plain(id) || !is_plain(secret) ||
		(token && !is_plain(token)))
		return error_set(err, ERROR_UNAVAILABLE, "the reply has no whole credentials");
	int64_t expires_at_ms = expiration ? aws_time_parse(expiration) : 0;
	if (expiration && expires_at_ms <= 0)
		return error_set(err, ERROR_UNAVAILABLE, "the reply's Expiration is no time");
	*out = (struct aws_keys){
		.id = xstrdup(id),
		.secret = xstrdup(secret),
		.token = token && *token ? xstrdup(token) : NULL,
		.expires_at_ms = expires_at_ms,
	};
	return true;
}

bool aws_keys_parse_json(const char *text, size_t length, struct aws_keys *out, struct error *err)
{
	OWNED(json) json_t *reply = NULL;
	struct error fault;
	/* The parser's own words may quote a secret. */
	if (!jsontext_parse(text, length, &reply, &fault) || !json_is_object(reply))
		return error_set(err, ERROR_UNAVAILABLE, "the reply is not a JSON object");
	const char *code = jsontext_member(reply, "Code");
	if (code && strcmp(code, "Success") != 0)
		return error_set(err, ERROR_UNAVAILABLE, "the reply says \"%.60s\"", code);
	return keep(jsontext_member(reply, "AccessKeyId"),
		jsontext_member(reply, "SecretAccessKey"), jsontext_member(reply, "Token"),
		jsontext_member(reply, "Expiration"), out, err);
}

static char entity(const char **at)
{
	static const struct {
		const char *text;
		char character;
	} entities[] = {
		{ "&amp;", '&' },
		{ "&lt;", '<' },
		{ "&gt;", '>' },
		{ "&quot;", '"' },
		{ "&apos;", '\'' },
	};
	for (size_t i = 0; i < ARRAY_SIZE(entities); i++) {
		size_t length = strlen(entities[i].text);
		if (strncmp(*at, entities[i].text, length) == 0) {
			*at += length;
			return entities[i].character;
		}
	}
	return *(*at)++;
}

char *aws_xml_find(const char *text, const char *element)
{
	OWNED(free) char *open = xprintf("<%s>", element);
	OWNED(free) char *shut = xprintf("</%s>", element);
	const char *from = strstr(text, open);
	const char *end = from ? strstr(from, shut) : NULL;
	if (!end)
		return NULL;
	from += strlen(open);
	char *out = xmalloc((size_t)(end - from) + 1);
	size_t length = 0;
	while (from < end)
		out[length++] = entity(&from);
	out[length] = '\0';
	return out;
}

bool aws_keys_parse_xml(const char *text, size_t length, struct aws_keys *out, struct error *err)
{
	/* Up to a NUL, which XML can't have. */
	(void)length;
	const char *place = strstr(text, "<Credentials>");
	if (!place)
		return error_set(err, ERROR_UNAVAILABLE, "the reply has no Credentials");
	OWNED(free) char *id = aws_xml_find(place, "AccessKeyId");
	OWNED(free) char *secret = aws_xml_find(place, "SecretAccessKey");
	OWNED(free) char *token = aws_xml_find(place, "SessionToken");
	OWNED(free) char *expiration = aws_xml_find(place, "Expiration");
	bool is_good = keep(id, secret, token, expiration, out, err);
	if (secret)
		explicit_bzero(secret, strlen(secret));
	return is_good;
}
