#pragma once
/*
 * The bodies of our children, as far as the supervisor sees them: they show a state, obey the
 * command, die. What a fake worker does is in its queue's name; the folder for its traces is
 * fake_home. Instead of workers/worker.c and workers/keeper.c, which the test does not link.
 */
#include <limits.h>

extern char fake_home[PATH_MAX];
