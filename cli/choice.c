/* One word of several; see choice.h. */
#include "cli/choice.h"

#include "cli/nearest.h"

#include <stdio.h>
#include <string.h>

bool choice_read(const char *option, const char *text, const char *const *names, size_t count,
	int *out, struct error *err)
{
	*out = -1;
	for (size_t i = 0; text && i < count; i++)
		if (strcmp(text, names[i]) == 0)
			*out = (int)i;
	if (!text || *out >= 0)
		return true;
	const char *nearest = nearest_find(text, names, count);
	if (nearest)
		return error_set(
			err, ERROR_INVALID, "%s: no \"%.40s\"; nearest: %s", option, text, nearest);
	char all[160] = "";
	for (size_t i = 0; i < count; i++)
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "",
			names[i]);
	return error_set(err, ERROR_INVALID, "%s: no \"%.40s\"; there are %s", option, text, all);
}
