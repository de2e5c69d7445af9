#pragma once
/* How much work a store has done so far, for tests that compare what an act costs. */
#include "stores/store.h"

/*
 * By the scheme of the URL: steps of SQLite's machine (sqlite3_stmt_status), commands that scripts
 * have called in Redis (INFO commandstats), rows and index entries that PostgreSQL has read and
 * written (its statistics). 0 for another store.
 */
int64_t work_count(struct store *store, const char *url);
/* What was deleted before is still in PostgreSQL's indexes, and would be counted. */
void work_clean(struct store *store, const char *url);
