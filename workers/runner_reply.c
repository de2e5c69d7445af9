/* What an HTTP reply means for the attempt; see runner_parts.h. Pure but for the time it is told.
 */
#include "workers/runner_parts.h"

#include "base/http.h"
#include "base/jsontext.h"
#include "workers/trace.h"

#include <stdio.h>
#include <time.h>

#define SHOWN_BYTES   4096 /* of a reply that is no success */
#define PHRASE_BYTES  80
#define RETRY_MOST_MS (7 * 24 * INT64_C(3600) * 1000) /* as retries.max_delay */
#define RETRY_MOST_S  (RETRY_MOST_MS / 1000)

static bool is_blank(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!strchr(" \t\r\n", text[i]))
			return false;
	return true;
}

/* JSON is the result, any other text is a string, nothing is null. */
static void take_result(const struct http_reply *reply, struct run_result *result)
{
	OWNED(json) json_t *value = NULL;
	struct error err;
	result->status = RUN_DONE;
	if (is_blank(reply->body, reply->length))
		return;
	if (!jsontext_parse(reply->body, reply->length, &value, &err)) {
		OWNED(free) char *text = trace_clean_bytes(reply->body, reply->length);
		value = json_string(text);
	}
	if (json_is_null(value))
		return;
	OWNED(free) char *text = jsontext_print(value);
	if (strlen(text) > JSONTEXT_PAYLOAD_MAX)
		verdict_broken(result, "the result is larger than 1 MiB");
	else
		result->result = GIVE(text);
}

/* The three forms of RFC 9110, 5.6.7; 0: it is none of them. */
static int64_t read_date_ms(const char *text)
{
	static const char *const forms[] = { "%a, %d %b %Y %H:%M:%S GMT",
		"%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y" };
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct tm parts = { 0 };
		const char *rest = strptime(text, forms[i], &parts);
		if (rest && !*rest)
			return (int64_t)timegm(&parts) * 1000;
	}
	return 0;
}

/* Retry-After in ms; −1: there is none that can be read. A date counts by the server's clock. */
static int64_t read_retry_ms(const struct http_reply *reply, int64_t now_ms)
{
	OWNED(free) char *text = http_find_header(reply, "Retry-After");
	if (!text)
		return -1;
	const size_t digits = strspn(text, "0123456789");
	if (digits > 0 && is_blank(text + digits, strlen(text + digits)))
		return digits > 9 || atoll(text) > RETRY_MOST_S ? RETRY_MOST_MS
								: atoll(text) * 1000;
	const int64_t at_ms = read_date_ms(text), server_ms = http_date_ms(reply);
	if (at_ms == 0)
		return -1;
	const int64_t left_ms = at_ms - (server_ms ? server_ms : now_ms);
	return left_ms < 0 ? 0 : left_ms > RETRY_MOST_MS ? RETRY_MOST_MS : left_ms;
}

/* "HTTP 500 Internal Server Error: the first of its body". Owned. */
static char *describe(const struct http_reply *reply, const char *what)
{
	const char *phrase = reply->headers + strcspn(reply->headers, " \r\n");
	phrase += strspn(phrase, " 0123456789");
	size_t length = strcspn(phrase, "\r\n");
	OWNED(free)
	char *cut = trace_clean_bytes(phrase, length < PHRASE_BYTES ? length : PHRASE_BYTES);
	size_t shown = reply->length < SHOWN_BYTES ? reply->length : SHOWN_BYTES;
	while (shown > 0 && strchr(" \t\r\n", reply->body[shown - 1]))
		shown--;
	OWNED(free) char *body = trace_clean_bytes(reply->body, shown);
	return xprintf("HTTP %d%s%s%s%s%s", reply->status, *cut ? " " : "", cut, what,
		*body ? ": " : "", body);
}

/* Which statuses mean what; the first row that fits. */
static const struct {
	int first, last;
	bool needs_retry_after, may_retry_after;
	enum run_status status;
	const char *what;
} meanings[] = {
	{ 300, 399, false, false, RUN_BROKEN, " (redirects are not followed)" },
	{ 429, 429, false, true, RUN_RETRY, "" },
	{ 503, 503, true, true, RUN_RETRY, "" },
	{ 400, 499, false, false, RUN_PERMANENT, "" },
	{ 500, 599, false, false, RUN_FAILED, "" },
	{ 0, 999, false, false, RUN_BROKEN, " (no status that ends a task)" },
};

void reply_judge(const struct http_reply *reply, int64_t now_ms, struct run_result *result)
{
	if (reply->status >= 200 && reply->status <= 299) {
		take_result(reply, result);
		return;
	}
	const int64_t retry_ms = read_retry_ms(reply, now_ms);
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
		if (reply->status < meanings[i].first || reply->status > meanings[i].last ||
			(meanings[i].needs_retry_after && retry_ms < 0))
			continue;
		result->status = meanings[i].status;
		result->message = describe(reply, meanings[i].what);
		result->retry_in_ms = meanings[i].may_retry_after ? retry_ms : -1;
		return;
	}
}
