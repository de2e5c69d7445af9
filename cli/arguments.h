#pragma once
/*
 * The command line: a table of commands with their options, read by one parser. A mistake is one
 * sentence that names what was meant where that can be guessed.
 */
#include "base/error.h"
#include "base/memory.h"

#include <stddef.h>

#define ARGUMENTS_OPTIONS_MAX 8
#define ARGUMENTS_WORDS_ANY   1000000

struct option {
	const char *name;  /* "--payload" */
	const char *value; /* what the manual calls its value, or NULL for a flag */
	const char *help;
	char letter; /* 'f' for -f; 0: none */
};

struct arguments;
struct command {
	const char *name;
	const char *words; /* "WORKFLOW", "QUEUE [JSON|@FILE|-]", or "" */
	size_t words_min, words_max;
	const char *summary;
	struct option options[ARGUMENTS_OPTIONS_MAX]; /* ended by a NULL name */
	const char
		*slip; /* said of a word too many: "takes no queue (…); to hold a queue"; or NULL */
	const char *fix; /* the command that was meant, to be followed by that word */
	int (*run)(const struct arguments *arguments);
};

/* A word that is no command, and what to say of it. */
struct slip {
	const char *word, *sentence;
};

struct vocabulary {
	const struct command *const *commands; /* ended by NULL */
	const struct slip *slips;              /* ended by a NULL word */
};

/* Words and values are borrowed from argv. */
struct arguments {
	const struct command *command; /* NULL: none was named */
	const char *config_path;       /* of -c; or NULL */
	bool is_json, is_help, is_version;
	const char **words;
	size_t word_count;
	const char *values[ARGUMENTS_OPTIONS_MAX]; /* NULL: not given; "" for a flag */
};

/* Reads argv; INVALID with the sentence to show. */
bool arguments_parse(const struct vocabulary *vocabulary, int argc, char *const *argv,
	struct arguments *out, struct error *err);
void arguments_finish(struct arguments *arguments);

/* The value of an option of this command, or NULL where it was not given; "" for a flag. */
const char *arguments_option(const struct arguments *arguments, const char *name);
/* The word at this place, or NULL. */
const char *arguments_word(const struct arguments *arguments, size_t index);
