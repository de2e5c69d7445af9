/*
 * libFuzzer target of what handlers send and print: any bytes, cut at any place, as message lines
 * and as output. By hand:
 *   CC=clang meson setup build-fuzz -Dfuzzers=true -Db_sanitize=address,undefined -Db_lundef=false
 *   ninja -C build-fuzz tests/fuzz_messages && build-fuzz/tests/fuzz_messages -max_total_time=60
 */
#include "base/jsontext.h"
#include "base/memory.h"
#include "workers/lines.h"
#include "workers/messages.h"
#include "workers/output.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_message(const char *line, size_t length)
{
	struct message message;
	struct error err = { 0 };
	if (message_is_blank(line, length))
		return;
	if (!message_parse(line, length, &message, &err)) {
		assert(err.kind == ERROR_INVALID && err.text[0] != '\0');
		return;
	}
	assert(message.fraction >= 0 && message.fraction <= 1);
	assert((message.kind == MESSAGE_SPAWN) == (message.children != NULL));
	assert((message.kind == MESSAGE_DONE) == (message.result != NULL));
	OWNED(free) char *text = message_copy_text(message.text);
	assert(!text || strlen(text) <= MESSAGES_TEXT_MAX);
	message_finish(&message);
}

static void feed_lines(const uint8_t *bytes, size_t size, size_t piece)
{
	struct lines lines = { 0 };
	const char *line;
	size_t length, room, total = 0;
	for (size_t at = 0; at < size;) {
		char *place = lines_reserve(&lines, &room);
		size_t count = size - at < piece ? size - at : piece;
		count = count < room ? count : room;
		memcpy(place, bytes + at, count);
		lines_added(&lines, count);
		at += count;
		while (lines_next(&lines, &line, &length)) {
			total += length + 1;
			check_message(line, length);
		}
		assert(!lines_is_too_long(&lines) || size > LINES_MAX);
	}
	line = lines_rest(&lines, &length);
	assert(total + length == size);
	check_message(line, length);
	lines_finish(&lines);
}

/* Whatever was printed, what is kept of it can stand in JSON. */
static void feed_output(const uint8_t *bytes, size_t size, size_t piece)
{
	struct output output;
	output_init(&output);
	for (size_t at = 0; at < size; at += piece)
		output_add(&output, at % 2 ? OUTPUT_OUT : OUTPUT_ERR, (const char *)bytes + at,
			size - at < piece ? size - at : piece);
	output_flush(&output);
	OWNED(free) char *all = output_copy_all(&output);
	OWNED(free) char *errors = output_copy_errors(&output);
	OWNED(json) json_t *first = json_string(all);
	OWNED(json) json_t *second = json_string(errors);
	assert(first && second);
	output_finish(&output);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size == 0)
		return 0;
	const size_t piece = (size_t)bytes[0] + 1;
	log_set_level(LOG_ERROR);
	feed_lines(bytes + 1, size - 1, piece);
	feed_output(bytes + 1, size - 1, piece * piece);
	return 0;
}
