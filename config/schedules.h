#pragma once
/* The schedules of all files. */
#include "config/keys.h"

/* Adds the schedules of one file to the configuration. The queues of all files are there already.
 */
void schedules_read(struct loading *loading, const struct node *root);
