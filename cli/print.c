/* JSON on stdout; see print.h. */
#include "cli/print.h"

#include "base/jsontext.h"

#include <stdio.h>
#include <unistd.h>

static char *text_of(const json_t *value)
{
	return isatty(STDOUT_FILENO) ? jsontext_print_pretty(value) : jsontext_print(value);
}

void print_json(json_t *value)
{
	OWNED(free) char *text = text_of(value);
	puts(text);
	json_decref(value);
}

void print_list_add(struct print_list *list, json_t *value)
{
	OWNED(free) char *text = text_of(value);
	fputs(list->count++ ? ",\n" : "[", stdout);
	fputs(text, stdout);
	json_decref(value);
}

void print_list_end(const struct print_list *list)
{
	puts(list->count ? "]" : "[]");
}
