#pragma once
/* --help, from the same table that the command line is read by. */
#include "cli/arguments.h"

#include <stdio.h>

void help_all(const struct vocabulary *vocabulary, FILE *file);
void help_command(const struct command *command, FILE *file);
