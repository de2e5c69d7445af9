/*
 * libFuzzer target of what a web server answers: any status, headers and body. By hand:
 *   CC=clang meson setup build-fuzz -Dfuzzers=true -Db_sanitize=address,undefined -Db_lundef=false
 *   ninja -C build-fuzz tests/fuzz_reply && build-fuzz/tests/fuzz_reply -max_total_time=60
 */
#include "base/http.h"
#include "base/jsontext.h"
#include "workers/runner_parts.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The first two bytes are the status, the first NUL after them parts headers and body. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size < 2)
		return 0;
	OWNED(free) char *text = xstrndup((const char *)bytes + 2, size - 2);
	const size_t headers = strlen(text);
	const size_t rest = size - 2 > headers ? size - 2 - headers - 1 : 0;
	OWNED(free) char *body = xcalloc(rest + 1, 1);
	memcpy(body, bytes + size - rest, rest);
	const struct http_reply reply = { .status = (bytes[0] << 8 | bytes[1]) % 1000,
		.headers = text,
		.body = body,
		.length = rest };
	struct run_result result = { .retry_in_ms = -1 };
	reply_judge(&reply, 784887151000, &result);
	assert(result.status == RUN_DONE || result.message);
	assert(result.retry_in_ms >= -1);
	OWNED(json) json_t *value = NULL;
	assert(!result.result ||
		jsontext_parse(result.result, strlen(result.result), &value, NULL));
	run_result_finish(&result);
	return 0;
}
