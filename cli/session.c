/* Configuration and store of a command; see session.h. */
#include "cli/session.h"

#include "cli/say.h"

#include <stdio.h>

bool session_find_config(const struct arguments *arguments, const char **path, struct error *err)
{
	const char *found = arguments->config_path;
	if (!found)
		found = config_default_path();
	if (!found)
		return error_set(err, ERROR_INVALID,
			"no configuration: neither ./reeve.yaml nor /etc/reeve/reeve.yaml is there "
			"(-c FILE names another)");
	*path = found;
	return true;
}

static void print_faults(const struct config_faults *faults, bool is_loud)
{
	for (size_t i = 0; i < faults->count; i++)
		fprintf(stderr, "%s\n", faults->lines[i]);
	for (size_t i = 0; is_loud && i < faults->warning_count; i++)
		fprintf(stderr, "warning: %s\n", faults->warnings[i]);
}

bool session_open_config(
	const struct arguments *arguments, bool is_loud, struct session *session, int *code)
{
	struct error err = { 0 };
	struct config_faults faults = { 0 };
	struct session opened = { 0 };
	const char *path;
	bool ok = session_find_config(arguments, &path, &err) &&
		  config_load(path, &opened.config, &faults, &err);
	print_faults(&faults, is_loud || !ok);
	if (!ok)
		*code = faults.count ? EXIT_MISUSE : say_error(&err);
	config_faults_finish(&faults);
	if (ok)
		*session = opened;
	return ok;
}

bool session_open(const struct arguments *arguments, struct session *session, int *code)
{
	struct error err = { 0 };
	struct session opened = { 0 };
	if (!session_open_config(arguments, false, &opened, code))
		return false;
	if (!store_open(opened.config->store_url, NULL, &opened.store, &err)) {
		*code = say_error(&err);
		session_close(&opened);
		return false;
	}
	*session = opened;
	return true;
}

void session_close(struct session *session)
{
	if (session->store)
		store_close(session->store);
	if (session->config)
		config_destroy(session->config);
	*session = (struct session){ 0 };
}
