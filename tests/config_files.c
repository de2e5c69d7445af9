/* What the tests of config/ share; see config_files.h. */
#include "tests/config_files.h"

#include "base/memory.h"

#include <CUnit/CUnit.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/reeve-config-XXXXXX";

void files_enter(void)
{
	if (!mkdtemp(folder) || chdir(folder) < 0)
		abort();
}

static int remove_one(const char *path, const struct stat *at, int type, struct FTW *walk)
{
	(void)at;
	(void)type;
	(void)walk;
	return remove(path);
}

void files_leave(void)
{
	if (chdir("/") == 0)
		nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *files_folder(void)
{
	return folder;
}

void files_write(const char *path, const char *text)
{
	OWNED(free) char *copy = xstrdup(path);
	const char *parent = dirname(copy);
	if (strcmp(parent, ".") != 0)
		mkdir(parent, 0755);
	FILE *file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

static char *join(char *const *lines, size_t count)
{
	char *text = xstrdup("");
	for (size_t i = 0; i < count; i++) {
		char *longer = xprintf("%s%s%s", text, i ? "\n" : "", lines[i]);
		free(text);
		text = longer;
	}
	return text;
}

struct config *files_load(const char *yaml, char **mistakes)
{
	struct config *config = NULL;
	struct config_faults faults = { 0 };
	struct error err = { 0 };
	if (yaml)
		files_write("reeve.yaml", yaml);
	bool is_good = config_load("reeve.yaml", &config, &faults, &err);
	CU_ASSERT_EQUAL(is_good, faults.count == 0);
	CU_ASSERT_TRUE(is_good || err.kind == ERROR_INVALID);
	*mistakes = join(faults.lines, faults.count);
	config_faults_finish(&faults);
	return config;
}

struct config *files_load_good(const char *yaml)
{
	OWNED(free) char *mistakes = NULL;
	struct config *config = files_load(yaml, &mistakes);
	if (!config)
		fprintf(stderr, "\nnot expected:\n%s\n", mistakes);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	return config;
}

char *files_warnings(const char *yaml)
{
	struct config *config = NULL;
	struct config_faults faults = { 0 };
	files_write("reeve.yaml", yaml);
	CU_ASSERT_TRUE(config_load("reeve.yaml", &config, &faults, NULL));
	char *text = join(faults.warnings, faults.warning_count);
	config_faults_finish(&faults);
	config_destroy(config);
	return text;
}
