#pragma once
/* Whether a program of an argv is there, for warnings. */
#include "config/config.h"

/* As execvpe(3) would find it: a name with a slash as it is, another one in the PATH of env, else
 * in reeve's own. */
bool program_is_there(const char *name, const struct config_environment *env);
