/*
 * What SQS's answers mean: a table of its codes. Names with and without the namespaces of both
 * protocols are in use: "com.amazonaws.sqs#QueueDoesNotExist",
 * "AWS.SimpleQueueService.NonExistentQueue". See sqs.h.
 */
#include "brokers/sqs.h"

#include <stdio.h>

static const struct {
	const char *code;
	enum sqs_verdict verdict;
} codes[] = {
	{ "QueueDoesNotExist", SQS_NO_QUEUE },
	{ "NonExistentQueue", SQS_NO_QUEUE },
	{ "QueueNameExists", SQS_TAKEN },
	{ "QueueAlreadyExists", SQS_TAKEN },
	{ "QueueDeletedRecently", SQS_REPEAT },
	{ "OverLimit", SQS_REPEAT },
	{ "RequestThrottled", SQS_REPEAT },
	{ "RequestThrottledException", SQS_REPEAT },
	{ "Throttling", SQS_REPEAT },
	{ "ThrottlingException", SQS_REPEAT },
	{ "ThrottledException", SQS_REPEAT },
	{ "KmsThrottled", SQS_REPEAT },
	{ "TooManyRequestsException", SQS_REPEAT },
	{ "RequestLimitExceeded", SQS_REPEAT },
	{ "SlowDown", SQS_REPEAT },
	{ "PriorRequestNotComplete", SQS_REPEAT },
	{ "RequestTimeout", SQS_REPEAT },
	{ "RequestTimeoutException", SQS_REPEAT },
	{ "InternalError", SQS_REPEAT },
	{ "InternalFailure", SQS_REPEAT },
	{ "InternalServerError", SQS_REPEAT },
	{ "ServiceUnavailable", SQS_REPEAT },
	{ "ServiceUnavailableException", SQS_REPEAT },
	{ "ExpiredToken", SQS_KEYS_REFUSED },
	{ "ExpiredTokenException", SQS_KEYS_REFUSED },
	{ "InvalidClientTokenId", SQS_KEYS_REFUSED },
	{ "InvalidAccessKeyId", SQS_KEYS_REFUSED },
	{ "InvalidToken", SQS_KEYS_REFUSED },
	{ "InvalidSecurity", SQS_KEYS_REFUSED },
	{ "UnrecognizedClientException", SQS_KEYS_REFUSED },
	{ "UnrecognizedClient", SQS_KEYS_REFUSED },
	{ "MissingAuthenticationToken", SQS_KEYS_REFUSED },
	{ "MissingAuthenticationTokenException", SQS_KEYS_REFUSED },
	{ "AuthFailure", SQS_KEYS_REFUSED },
	{ "RequestExpired", SQS_KEYS_REFUSED },
	{ "RequestTimeTooSkewed", SQS_KEYS_REFUSED },
	{ "SignatureDoesNotMatch", SQS_KEYS_REFUSED },
	{ "InvalidSignatureException", SQS_KEYS_REFUSED },
	{ "AccessDenied", SQS_REFUSED },
	{ "AccessDeniedException", SQS_REFUSED },
};

static const char *without_namespace(const char *code)
{
	const char *hash = strrchr(code, '#');
	code = hash ? hash + 1 : code;
	const char *dot = strrchr(code, '.');
	return dot ? dot + 1 : code;
}

enum sqs_verdict sqs_judge_code(const char *code, int status)
{
	const char *name = code ? without_namespace(code) : "";
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (strcmp(codes[i].code, name) == 0)
			return codes[i].verdict;
	if (status >= 500 || status == 429 || status == 408)
		return SQS_REPEAT;
	return status == 401 || status == 403 ? SQS_KEYS_REFUSED : SQS_REFUSED;
}

void sqs_describe(char *out, size_t size, const char *code, const char *text)
{
	const char *name = code && *code ? without_namespace(code) : "no code";
	size_t length = text ? strcspn(text, "\r\n") : 0;
	length = length > 140 ? 140 : length;
	snprintf(out, size, "%.60s%s%.*s", name, length ? ": " : "", (int)length, text ? text : "");
	for (char *at = out; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
}

static const char *find_text(const json_t *reply)
{
	const char *text = jsontext_member(reply, "message");
	return text ? text : jsontext_member(reply, "Message");
}

/* The code stands in the body; in the emulated one of the older protocol before that, as
 * "CODE;Sender". */
static char *find_code(const struct http_reply *reply, const json_t *body)
{
	const char *type = jsontext_member(body, "__type");
	if (type)
		return xstrdup(type);
	OWNED(free) char *header = http_find_header(reply, "x-amzn-query-error");
	if (!header)
		header = http_find_header(reply, "x-amzn-errortype");
	return header ? xstrndup(header, strcspn(header, ";:")) : NULL;
}

enum sqs_verdict sqs_judge(const struct http_reply *reply, json_t **out, struct error *err)
{
	OWNED(json) json_t *body = NULL;
	struct error fault;
	bool is_json = jsontext_parse(reply->body, reply->length, &body, &fault);
	bool is_object = is_json && json_is_object(body);
	if (reply->status == 200 && is_object) {
		*out = GIVE(body);
		return SQS_DONE;
	}
	if (reply->status == 200) {
		/* What the parser says may quote a message's text. */
		error_set(err, ERROR_UNAVAILABLE, "the reply (%zu bytes) is not a JSON object",
			reply->length);
		return SQS_REPEAT;
	}
	OWNED(free) char *code = is_object ? find_code(reply, body) : find_code(reply, NULL);
	enum sqs_verdict verdict = sqs_judge_code(code, reply->status);
	char said[224];
	sqs_describe(said, sizeof said, code, is_object ? find_text(body) : NULL);
	enum error_kind kind = verdict == SQS_NO_QUEUE  ? ERROR_NOT_FOUND
			       : verdict == SQS_TAKEN   ? ERROR_CONFLICT
			       : verdict == SQS_REFUSED ? ERROR_INVALID
							: ERROR_UNAVAILABLE;
	error_set(err, kind, "%d %s", reply->status, said);
	return verdict;
}
