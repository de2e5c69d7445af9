/*
 * libFuzzer target of what sqs:// reads: replies of SQS, of STS and of the agents that give out
 * credentials, the files of profiles, endpoints and URLs. The first byte chooses. By hand:
 *   CC=clang meson setup build-fuzz -Dfuzzers=true -Db_sanitize=address,undefined -Db_lundef=false
 * \ -Dc_args=-fsanitize=fuzzer-no-link ninja -C build-fuzz tests/fuzz_sqs &&
 * build-fuzz/tests/fuzz_sqs -max_total_time=60
 */
#include "brokers/aws_endpoint.h"
#include "brokers/aws_look.h"
#include "brokers/sqs.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void read_reply(const char *text, size_t length, int status)
{
	struct http_reply reply = { .status = status,
		.body = text,
		.length = length,
		.headers = status == 200 ? "" : text };
	OWNED(json) json_t *body = NULL;
	struct error err = { 0 };
	http_date_ms(&reply);
	enum sqs_verdict verdict = sqs_judge(&reply, &body, &err);
	assert((verdict == SQS_DONE) == (body != NULL));
	assert(body || (err.kind != ERROR_NONE && err.text[0]));
	if (!body)
		return;
	struct broker_messages messages;
	struct broker_depth depth;
	size_t index;
	if (sqs_read_messages(body, true, &messages, &err)) {
		for (size_t i = 0; i < messages.count; i++)
			assert(messages.rows[i].id && messages.rows[i].deliveries >= 0 &&
				messages.rows[i].body[messages.rows[i].length] == '\0');
		broker_messages_finish(&messages);
	}
	if (sqs_read_depth(body, &depth, &err))
		assert(depth.ready >= 0 && depth.in_flight >= 0 && depth.delayed >= 0);
	if (sqs_read_index(body, 10, &index))
		assert(index < 10);
}

static void check_keys(bool is_read, struct aws_keys *keys, const struct error *err)
{
	assert(is_read || err->kind == ERROR_UNAVAILABLE);
	if (!is_read)
		return;
	assert(keys->id[0] && keys->secret[0] && !strpbrk(keys->id, "\r\n"));
	assert(!keys->token || !strpbrk(keys->token, "\r\n"));
	aws_keys_finish(keys);
}

static void read_profiles(const char *text, size_t length)
{
	json_t *profiles = NULL;
	struct error err = { 0 };
	if (aws_profiles_parse(text, length, &profiles, &err))
		json_decref(profiles);
	else
		assert(err.kind == ERROR_INVALID);
}

static void read_places(const char *text)
{
	struct aws_endpoint endpoint;
	struct sqs_place place;
	struct error err = { 0 };
	char name[SQS_NAME_MAX + 1];
	if (aws_endpoint_read(text, &endpoint, &err)) {
		assert(!strpbrk(endpoint.url, "\r\n @") && endpoint.path[0] == '/');
		aws_endpoint_finish(&endpoint);
	}
	if (sqs_place_read(text, &place, &err)) {
		sqs_place_name(&place, text, name, &err);
		sqs_place_finish(&place);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct aws_keys keys;
	struct error err = { 0 };
	if (size == 0)
		return 0;
	OWNED(free) char *text = xstrndup((const char *)bytes + 1, size - 1);
	switch (bytes[0] % 6) {
	case 0:
		read_reply(text, size - 1, 200);
		break;
	case 1:
		read_reply(text, size - 1, 400);
		break;
	case 2:
		check_keys(aws_keys_parse_json(text, size - 1, &keys, &err), &keys, &err);
		break;
	case 3:
		check_keys(aws_keys_parse_xml(text, size - 1, &keys, &err), &keys, &err);
		break;
	case 4:
		read_profiles(text, size - 1);
		break;
	case 5:
		read_places(text);
		break;
	}
	return 0;
}
