/* Replacing the binary: the side of the new one; see takeover.h. */
#include "supervisor/takeover.h"

#include "base/jsontext.h"
#include "supervisor/handover.h"
#include "supervisor/logring.h"
#include "supervisor/pools.h"
#include "supervisor/slots.h"
#include "supervisor/state.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const phases[] = {
	[TAKEOVER_IS_REHEARSAL] = TAKEOVER_REHEARSAL,
	[TAKEOVER_IS_EXEC] = TAKEOVER_EXEC,
};

enum takeover_phase takeover_phase(void)
{
	const char *value = getenv(TAKEOVER_VARIABLE);
	for (size_t i = TAKEOVER_IS_REHEARSAL; value && i < ARRAY_SIZE(phases); i++) {
		size_t length = strlen(phases[i]);
		if (strncmp(value, phases[i], length) == 0 && value[length] == ':')
			return (enum takeover_phase)i;
	}
	return TAKEOVER_IS_NONE;
}

static bool read_state(int fd, json_t **out, struct error *err)
{
	struct stat status;
	if (fstat(fd, &status) != 0)
		return error_set(err, ERROR_INVALID, "%s: %s", TAKEOVER_VARIABLE, strerror(errno));
	size_t size = (size_t)status.st_size;
	OWNED(free) char *text = xmalloc(size + 1);
	if (pread(fd, text, size, 0) != (ssize_t)size)
		return error_set(err, ERROR_INVALID, "%s: it can't be read", TAKEOVER_VARIABLE);
	return jsontext_parse(text, size, out, err);
}

bool takeover_read(enum takeover_phase *phase, json_t **state, struct error *err)
{
	*phase = takeover_phase();
	*state = NULL;
	if (*phase == TAKEOVER_IS_NONE)
		return true;
	OWNED_FD int fd = atoi(strchr(getenv(TAKEOVER_VARIABLE), ':') + 1);
	unsetenv(TAKEOVER_VARIABLE);
	int whose = *phase == TAKEOVER_IS_EXEC ? getpid() : getppid();
	if (!read_state(fd, state, err))
		return error_wrap(err, "the state");
	return handover_check(*state, whose, err);
}

static char *copy_text(const json_t *state, const char *key)
{
	return xstrdup(jsontext_member(state, key));
}

static bool map_shared(
	struct supervisor *supervisor, const struct handover_descriptors *given, struct error *err)
{
	supervisor->board_fd = given->board;
	supervisor->bells_fd = given->bells;
	return scoreboard_attach(given->board, false, &supervisor->board, err) &&
	       bells_attach(&supervisor->bells, given->bells, err) &&
	       log_ring_adopt(given->log_ring, given->log_bell, &supervisor->ring, err);
}

bool takeover_open_shared(struct supervisor *supervisor, const json_t *state, struct error *err)
{
	struct handover_descriptors given;
	if (!handover_read_descriptors(state, &given, err))
		return false;
	handover_set_inherited(&given, false);
	supervisor->lifeline_read = given.lifeline_read;
	supervisor->lifeline_write = given.lifeline_write;
	supervisor->lock_fd = given.lock;
	supervisor->socket_path = copy_text(state, "socket_path");
	supervisor->lock_path = copy_text(state, "lock_path");
	supervisor->cgroup = copy_text(state, "cgroup");
	if (!supervisor->socket_path || !supervisor->lock_path)
		return error_set(err, ERROR_INVALID, "the state names no control socket");
	if (!map_shared(supervisor, &given, err))
		return false;
	log_ring_attach(supervisor->ring);
	slots_init(supervisor);
	return true;
}

bool takeover_rehearse(struct supervisor *supervisor, const json_t *state, struct error *err)
{
	struct handover_descriptors given;
	if (!handover_read_descriptors(state, &given, err) ||
		!scoreboard_attach(given.board, true, &supervisor->board, err))
		return false;
	supervisor->board_fd = given.board;
	slots_init(supervisor);
	pools_create(supervisor);
	return handover_restore(supervisor, state, err);
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat first, second;
	return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
	       first.st_ino == second.st_ino;
}

/* As the kernel has it, without its mark of a file that was replaced. Owned. */
static char *read_link(void)
{
	static const char mark[] = " (deleted)";
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
	if (length <= 0)
		return NULL;
	path[length] = '\0';
	size_t end = sizeof mark - 1;
	if ((size_t)length > end && strcmp(path + length - end, mark) == 0)
		path[(size_t)length - end] = '\0';
	return xstrdup(path);
}

char *takeover_find_binary(void)
{
	/* The path that was given to execve(2), with its symbolic links: an upgrade may turn them.
	 */
	unsigned long given = getauxval(AT_EXECFN);
	OWNED(free) char *here = getcwd(NULL, 0);
	if (!given || !here)
		return read_link();
	const char *path = (const char *)given;
	OWNED(free) char *whole = path[0] == '/' ? xstrdup(path) : xprintf("%s/%s", here, path);
	return is_same_file(whole, "/proc/self/exe") ? GIVE(whole) : read_link();
}
