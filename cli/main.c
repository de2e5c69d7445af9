/* reeve: reads the command line, runs the command, tells whether its output was written. */
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/say.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#define OWNED_ARGUMENTS __attribute__((cleanup(arguments_finish)))

/* A full disk behind stdout is no success. */
static int flush(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	say("standard output: %s", strerror(errno));
	return code ? code : EXIT_NEGATIVE;
}

int main(int argc, char **argv)
{
	/* For the widths of characters only; numbers and messages stay as they are. */
	setlocale(LC_CTYPE, "C.UTF-8");
	OWNED_ARGUMENTS struct arguments arguments = { 0 };
	struct error err = { 0 };
	if (!arguments_parse(&commands_vocabulary, argc, argv, &arguments, &err))
		return say_error(&err);
	if (arguments.is_version) {
		puts("reeve " REEVE_VERSION);
		return flush(EXIT_OK);
	}
	if (arguments.is_help && arguments.command)
		help_command(arguments.command, stdout);
	else if (arguments.is_help)
		help_all(&commands_vocabulary, stdout);
	if (arguments.is_help)
		return flush(EXIT_OK);
	if (!arguments.command)
		return say_misuse("no command; reeve --help lists them");
	return flush(arguments.command->run(&arguments));
}
