/* The parser of the command line; see arguments.h. */
#include "cli/arguments.h"

#include "cli/nearest.h"

#include <ctype.h>
#include <string.h>

struct reading {
	const struct vocabulary *vocabulary;
	int argc, at; /* the next argument */
	char *const *argv;
	bool only_words; /* after "--" */
	struct arguments *out;
};

static const struct command *find_command(const struct vocabulary *vocabulary, const char *name)
{
	for (const struct command *const *at = vocabulary->commands; *at; at++)
		if (strcmp((*at)->name, name) == 0)
			return *at;
	return NULL;
}

static bool refuse_command(const struct vocabulary *vocabulary, const char *name, struct error *err)
{
	for (const struct slip *slip = vocabulary->slips; slip->word; slip++)
		if (strcmp(slip->word, name) == 0)
			return error_set(err, ERROR_INVALID, "%s", slip->sentence);
	const char *names[64];
	size_t count = 0;
	for (const struct command *const *at = vocabulary->commands; *at; at++)
		if (count < ARRAY_SIZE(names))
			names[count++] = (*at)->name;
	const char *nearest = nearest_find(name, names, count);
	if (nearest)
		return error_set(err, ERROR_INVALID, "no command \"%.60s\"; nearest: reeve %s",
			name, nearest);
	return error_set(err, ERROR_INVALID, "no command \"%.60s\"; reeve --help lists them", name);
}

static bool refuse_option(const struct command *command, const char *name, struct error *err)
{
	const char *names[ARGUMENTS_OPTIONS_MAX + 3] = { "--json", "--help", "-c" };
	size_t count = 3;
	for (const struct option *option = command->options; option->name; option++)
		names[count++] = option->name;
	const char *nearest = nearest_find(name, names, count);
	if (nearest)
		return error_set(err, ERROR_INVALID, "%s has no option %.60s; nearest: %s",
			command->name, name, nearest);
	return error_set(err, ERROR_INVALID, "%s has no option %.60s; reeve %s --help lists them",
		command->name, name, command->name);
}

/* Puts the option's place in *index; "--name=value" has *attached point at the value. */
static bool find_option(
	const struct command *command, const char *text, size_t *index, const char **attached)
{
	const char *equals = strchr(text, '=');
	size_t length = equals ? (size_t)(equals - text) : strlen(text);
	for (size_t i = 0; i < ARGUMENTS_OPTIONS_MAX && command->options[i].name; i++) {
		const struct option *option = &command->options[i];
		bool is_letter = option->letter && text[1] == option->letter && text[2] == '\0';
		bool is_name =
			strlen(option->name) == length && strncmp(option->name, text, length) == 0;
		if (!is_letter && !is_name)
			continue;
		*index = i;
		*attached = equals ? equals + 1 : NULL;
		return true;
	}
	return false;
}

static const char *next_argument(struct reading *reading)
{
	return reading->at < reading->argc ? reading->argv[reading->at++] : NULL;
}

static bool read_option(struct reading *reading, const char *text, struct error *err)
{
	const struct command *command = reading->out->command;
	if (!command)
		return error_set(err, ERROR_INVALID,
			"%.60s stands after its command: reeve COMMAND %.60s", text, text);
	size_t index;
	const char *value;
	if (!find_option(command, text, &index, &value))
		return refuse_option(command, text, err);
	const struct option *option = &command->options[index];
	if (!option->value && value)
		return error_set(err, ERROR_INVALID, "%s takes no value", option->name);
	if (option->value && !value)
		value = next_argument(reading);
	if (option->value && !value)
		return error_set(err, ERROR_INVALID, "%s needs a value: %s %s", option->name,
			option->name, option->value);
	reading->out->values[index] = option->value ? value : "";
	return true;
}

/* Options that every command has; false where it is none of them. */
static bool read_common(struct reading *reading, const char *text, bool *is_read, struct error *err)
{
	struct arguments *out = reading->out;
	const struct {
		const char *name;
		bool *set;
	} flags[] = { { "--json", &out->is_json }, { "--help", &out->is_help },
		{ "-h", &out->is_help }, { "--version", &out->is_version } };
	*is_read = true;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (strcmp(flags[i].name, text) == 0)
			return *flags[i].set = true;
	*is_read = strcmp(text, "-c") == 0;
	if (!*is_read)
		return true;
	out->config_path = next_argument(reading);
	return out->config_path || error_set(err, ERROR_INVALID, "-c needs a value: -c FILE");
}

static bool is_option(const struct reading *reading, const char *text)
{
	/* "-" is standard input, "-2" a number. */
	return !reading->only_words && text[0] == '-' && text[1] != '\0' &&
	       !isdigit((unsigned char)text[1]);
}

static bool read_argument(struct reading *reading, const char *text, struct error *err)
{
	struct arguments *out = reading->out;
	if (!reading->only_words && strcmp(text, "--") == 0)
		return reading->only_words = true;
	if (is_option(reading, text)) {
		bool is_read;
		if (!read_common(reading, text, &is_read, err))
			return false;
		return is_read || read_option(reading, text, err);
	}
	if (out->command) {
		out->words[out->word_count++] = text;
		return true;
	}
	out->command = find_command(reading->vocabulary, text);
	return out->command || refuse_command(reading->vocabulary, text, err);
}

static bool check_words(const struct arguments *arguments, struct error *err)
{
	const struct command *command = arguments->command;
	if (arguments->word_count < command->words_min)
		return error_set(err, ERROR_INVALID, "%s needs %s: reeve %s %s", command->name,
			command->words, command->name, command->words);
	if (arguments->word_count <= command->words_max)
		return true;
	const char *extra = arguments->words[command->words_max];
	if (command->slip)
		return error_set(err, ERROR_INVALID, "%s %s: reeve %s %.80s", command->name,
			command->slip, command->fix, extra);
	return error_set(err, ERROR_INVALID, "%s takes %s%s, not \"%.60s\" too", command->name,
		command->words[0] ? "only " : "no word", command->words, extra);
}

bool arguments_parse(const struct vocabulary *vocabulary, int argc, char *const *argv,
	struct arguments *out, struct error *err)
{
	struct arguments arguments = { .words = xcalloc((size_t)argc + 1, sizeof(char *)) };
	struct reading reading = {
		.vocabulary = vocabulary, .argc = argc, .at = 1, .argv = argv, .out = &arguments
	};
	const char *text;
	bool ok = true;
	while (ok && (text = next_argument(&reading)))
		ok = read_argument(&reading, text, err);
	if (ok && arguments.command && !arguments.is_help && !arguments.is_version)
		ok = check_words(&arguments, err);
	if (!ok) {
		arguments_finish(&arguments);
		return false;
	}
	*out = arguments;
	return true;
}

void arguments_finish(struct arguments *arguments)
{
	free(arguments->words);
	arguments->words = NULL;
}

const char *arguments_option(const struct arguments *arguments, const char *name)
{
	for (size_t i = 0; i < ARGUMENTS_OPTIONS_MAX && arguments->command->options[i].name; i++)
		if (strcmp(arguments->command->options[i].name, name) == 0)
			return arguments->values[i];
	return NULL;
}

const char *arguments_word(const struct arguments *arguments, size_t index)
{
	return index < arguments->word_count ? arguments->words[index] : NULL;
}
