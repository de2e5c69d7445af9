#pragma once
#include <stdbool.h>

/* Whether a command that Redis has refused with this text may succeed later; `meaning` becomes what
 * to tell, which lives as long as the text. */
bool redis_refusal_passes(const char *text, const char **meaning);
