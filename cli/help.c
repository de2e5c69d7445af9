/* --help; see help.h. */
#include "cli/help.h"

#define LINE_CELLS   100
#define INDENT_CELLS 30

static void print_wrapped(const char *left, const char *text, FILE *file)
{
	int used = fprintf(file, "  %-*s", INDENT_CELLS - 2, left);
	if (used > INDENT_CELLS)
		fprintf(file, "\n%*s", INDENT_CELLS, "");
	size_t column = INDENT_CELLS;
	while (*text) {
		size_t length = strcspn(text, " ");
		if (column + length > LINE_CELLS) {
			fprintf(file, "\n%*s", INDENT_CELLS, "");
			column = INDENT_CELLS;
		}
		fprintf(file, "%.*s%s", (int)length, text, text[length] ? " " : "");
		column += length + 1;
		text += length + (text[length] == ' ');
	}
	fputc('\n', file);
}

void help_all(const struct vocabulary *vocabulary, FILE *file)
{
	fputs("usage: reeve [-c FILE] COMMAND [--json] \u2026\n\n", file);
	for (const struct command *const *at = vocabulary->commands; *at; at++) {
		OWNED(free) char *left = xprintf("%s %s", (*at)->name, (*at)->words);
		print_wrapped(left, (*at)->summary, file);
	}
	fputs("\nOptions of every command:\n", file);
	print_wrapped("-c FILE",
		"the configuration (default: ./reeve.yaml, then /etc/reeve/reeve.yaml)", file);
	print_wrapped("--json", "results as JSON", file);
	print_wrapped("--help, -h", "on a command: its options", file);
	print_wrapped("--version", "the version", file);
}

void help_command(const struct command *command, FILE *file)
{
	fprintf(file, "usage: reeve %s", command->name);
	if (command->words[0])
		fprintf(file, " %s", command->words);
	for (const struct option *option = command->options; option->name; option++)
		fprintf(file, " [%s%s%s]", option->name, option->value ? " " : "",
			option->value ? option->value : "");
	fprintf(file, "\n\n%s\n", command->summary);
	if (command->options[0].name)
		fputc('\n', file);
	for (const struct option *option = command->options; option->name; option++) {
		char letter[6] = "";
		if (option->letter)
			snprintf(letter, sizeof letter, "-%c, ", option->letter);
		OWNED(free)
		char *left = xprintf("%s%s%s%s", letter, option->name, option->value ? " " : "",
			option->value ? option->value : "");
		print_wrapped(left, option->help, file);
	}
}
