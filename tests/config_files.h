#pragma once
/* What the tests of config/ share: files in a folder of their own, and what reading them gives. */
#include "config/config.h"

#include <stdbool.h>

/* Makes a new folder the working directory; files_leave removes it. */
void files_enter(void);
void files_leave(void);
void files_write(const char *path, const char *text);
/* The absolute path of the folder. */
const char *files_folder(void);

/* reeve.yaml with this text; NULL and its mistakes as one text, a line each, in *mistakes. Owned.
 */
struct config *files_load(const char *yaml, char **mistakes);
/* The same where no mistake is expected; a failed test otherwise. */
struct config *files_load_good(const char *yaml);
/* Warnings of the text, a line each. Owned. */
char *files_warnings(const char *yaml);
