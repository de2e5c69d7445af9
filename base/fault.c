/* Deaths at named steps, in test builds only; see fault.h. */
#include "base/fault.h"

#ifdef REEVE_FAULTS

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char own_role[32];
static int steps_seen;

void fault_set_role(const char *role)
{
	snprintf(own_role, sizeof own_role, "%s", role);
	steps_seen = 0;
}

int64_t fault_number(const char *variable, int64_t usual)
{
	const char *text = getenv(variable);
	return text ? atoll(text) : usual;
}

static bool may_die(void)
{
	const char *once = getenv("REEVE_DIE_ONCE");
	if (!once)
		return true;
	int fd = open(once, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	return fd >= 0;
}

void fault_step(const char *name)
{
	const char *wanted = getenv("REEVE_DIE_AT");
	if (!wanted)
		return;
	const char *slash = strchr(wanted, '/');
	if (slash) {
		if (strncmp(own_role, wanted, (size_t)(slash - wanted)) != 0)
			return;
		wanted = slash + 1;
	}
	size_t length = strcspn(wanted, ":");
	if (strlen(name) != length || strncmp(name, wanted, length) != 0)
		return;
	int nth = wanted[length] ? atoi(wanted + length + 1) : 1;
	if (++steps_seen == nth && may_die())
		kill(getpid(), SIGKILL);
}

#else
typedef int fault_has_no_steps; /* a translation unit may not be empty */
#endif
