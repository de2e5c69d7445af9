/* What a program gets that takes our place; see successor.h. */
#include "supervisor/successor.h"

#include "base/jsontext.h"
#include "supervisor/handover.h"
#include "supervisor/state.h"
#include "supervisor/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The state in a memfd, which an exec keeps; −1 with errno. */
static int write_state(const struct supervisor *supervisor)
{
	OWNED(json) json_t *state = handover_write(supervisor);
	if (!state) {
		errno = EILSEQ;
		return -1;
	}
	OWNED(free) char *text = jsontext_print(state);
	size_t length = strlen(text);
	OWNED_FD int fd = memfd_create("reeve-handover", MFD_CLOEXEC);
	for (size_t done = 0; fd >= 0 && done < length;) {
		ssize_t wrote = write(fd, text + done, length - done);
		if (wrote < 0 && errno != EINTR)
			return -1;
		done += wrote > 0 ? (size_t)wrote : 0;
	}
	int written = fd;
	fd = -1;
	return written;
}

/* Our own command line: words that end with NUL. Owned; NULL with errno. */
static char *read_command_line(size_t *length)
{
	OWNED_FD int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	size_t room = 4096, used = 0;
	OWNED(free) char *text = xmalloc(room);
	for (;;) {
		ssize_t got = fd < 0 ? -1 : read(fd, text + used, room - 1 - used);
		if (got < 0)
			return NULL;
		if (got == 0)
			break;
		used += (size_t)got;
		if (used == room - 1)
			text = xrealloc(text, room *= 2);
	}
	text[used] = '\0';
	*length = used;
	return GIVE(text);
}

/* NULL-terminated, into the text. Owned. */
static char **split_words(char *text, size_t length)
{
	size_t count = 0, room = 0;
	char **words = NULL;
	for (size_t at = 0; at < length; at += strlen(text + at) + 1) {
		words = xgrow(words, count, &room, sizeof *words);
		words[count++] = text + at;
	}
	words = xgrow(words, count, &room, sizeof *words);
	words[count] = NULL;
	return words;
}

void successor_finish(struct successor *successor)
{
	memory_close_fd(&successor->state);
	free(successor->text);
	free(successor->words);
}

bool successor_prepare(const struct supervisor *supervisor, struct successor *successor)
{
	size_t length = 0;
	successor->state = write_state(supervisor);
	successor->text = read_command_line(&length);
	if (successor->state < 0 || !successor->text)
		return false;
	successor->words = split_words(successor->text, length);
	return true;
}

void successor_announce(const char *phase, int state)
{
	OWNED(free) char *value = xprintf("%s:%d", phase, state);
	fcntl(state, F_SETFD, 0);
	setenv(TAKEOVER_VARIABLE, value, 1);
}
