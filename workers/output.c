/* What handlers print; see output.h. */
#include "workers/output.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>

static const char *const stream_names[OUTPUT_STREAMS] = { "stdout", "stderr" };

void output_init(struct output *output)
{
	*output = (struct output){ .all.room = OUTPUT_KEPT, .errors.room = OUTPUT_ERRORS_KEPT };
}

static void keep(struct output_tail *tail, const char *bytes, size_t count)
{
	if (!tail->bytes)
		tail->bytes = xmalloc(tail->room);
	if (count > tail->room) {
		bytes += count - tail->room;
		count = tail->room;
	}
	const size_t first = count < tail->room - tail->at ? count : tail->room - tail->at;
	memcpy(tail->bytes + tail->at, bytes, first);
	memcpy(tail->bytes, bytes + first, count - first);
	tail->at = (tail->at + count) % tail->room;
	tail->used = tail->used + count < tail->room ? tail->used + count : tail->room;
}

/* Keeps no more of a line than the log will show, and counts the rest. */
static void extend_line(struct output_line *line, const char *bytes, size_t count)
{
	const size_t most = log_line_max();
	const size_t left = most > line->used ? most - line->used : 0;
	const size_t kept = count < left ? count : left;
	if (line->used + kept > line->room) {
		line->room = line->used + kept < 256 ? 256 : line->used + kept;
		line->bytes = xrealloc(line->bytes, line->room);
	}
	if (kept)
		memcpy(line->bytes + line->used, bytes, kept);
	line->used += kept;
	line->length += count;
}

static void log_whole_line(struct output *output, enum output_stream stream)
{
	struct output_line *line = &output->lines[stream];
	log_output(&output->subject, stream_names[stream], line->bytes ? line->bytes : "",
		line->length);
	line->used = line->length = 0;
}

void output_add(struct output *output, enum output_stream stream, const char *bytes, size_t count)
{
	keep(&output->all, bytes, count);
	if (stream == OUTPUT_ERR)
		keep(&output->errors, bytes, count);
	while (count > 0) {
		const char *end = memchr(bytes, '\n', count);
		const size_t part = end ? (size_t)(end - bytes) : count;
		extend_line(&output->lines[stream], bytes, part);
		if (!end)
			return;
		log_whole_line(output, stream);
		bytes += part + 1;
		count -= part + 1;
	}
}

void output_flush(struct output *output)
{
	for (int stream = 0; stream < OUTPUT_STREAMS; stream++)
		if (output->lines[stream].length > 0)
			log_whole_line(output, (enum output_stream)stream);
}

void output_restart(struct output *output)
{
	output->all.used = output->all.at = 0;
	output->errors.used = output->errors.at = 0;
}

void output_finish(struct output *output)
{
	free(output->all.bytes);
	free(output->errors.bytes);
	for (int stream = 0; stream < OUTPUT_STREAMS; stream++)
		free(output->lines[stream].bytes);
	output_init(output);
}

static void make_valid(char *text, size_t length)
{
	for (size_t i = 0; i < length;) {
		const size_t character = utf8_length(text + i, length - i);
		if (character == 0)
			text[i] = '?';
		i += character ? character : 1;
	}
}

static char *copy_tail(const struct output_tail *tail)
{
	char *text = xmalloc(tail->used + 1);
	const size_t older = tail->used < tail->room ? 0 : tail->room - tail->at;
	if (older)
		memcpy(text, tail->bytes + tail->at, older);
	if (tail->used > older)
		memcpy(text + older, tail->bytes, tail->used - older);
	text[tail->used] = '\0';
	size_t cut = 0; /* the rest of a character whose beginning is gone */
	while (older && cut < 3 && ((unsigned char)text[cut] & 0xc0) == 0x80)
		cut++;
	memmove(text, text + cut, tail->used + 1 - cut);
	make_valid(text, tail->used - cut);
	return text;
}

char *output_copy_all(const struct output *output)
{
	return copy_tail(&output->all);
}

char *output_copy_errors(const struct output *output)
{
	char *text = copy_tail(&output->errors);
	size_t length = strlen(text);
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		text[--length] = '\0';
	return text;
}
