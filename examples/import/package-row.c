/* Checks and measures one stanza of a Packages index: version, size, number of dependencies. */
#include "examples/stream.h"

#include <ctype.h>

/* [epoch:]upstream[-revision], as Debian policy 5.6.12 has it. */
static bool is_version(const char *version)
{
	const char *colon = strchr(version, ':');
	for (const char *c = version; colon && c < colon; c++)
		if (!isdigit((unsigned char)*c))
			return false;
	const char *upstream = colon ? colon + 1 : version;
	if (!isalnum((unsigned char)*upstream))
		return false;
	for (const char *c = upstream; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(".+-~:", *c))
			return false;
	return true;
}

static json_int_t count_dependencies(const char *list)
{
	if (!list || !*list)
		return 0;
	json_int_t count = 1;
	for (const char *c = list; *c; c++)
		count += *c == ',';
	return count;
}

static json_t *measure(const json_t *envelope, const char **failure)
{
	const json_t *row = json_object_get(envelope, "payload");
	const char *name = json_string_value(json_object_get(row, "Package"));
	const char *version = json_string_value(json_object_get(row, "Version"));
	const char *size = json_string_value(json_object_get(row, "Installed-Size"));
	if (!name || !version || !is_version(version)) {
		*failure = "the stanza has no package or no proper version";
		return NULL;
	}
	json_int_t dependencies =
		count_dependencies(json_string_value(json_object_get(row, "Depends")));
	return json_pack("{s:s, s:I, s:I}", "package", name, "kilobytes",
		(json_int_t)(size ? atoll(size) : 0), "dependencies", dependencies);
}

int main(void)
{
	return stream_serve(measure);
}
