#pragma once
/*
 * The table of keys: one row per key of the file, from which it is read, defaulted, checked,
 * described, compared on reload, and documented. A kind is what rows have in common: how a text
 * becomes the field.
 */
#include "config/config.h"
#include "config/fill.h"

/* Everything of one config_load. */
struct loading {
	struct arena arena;
	struct faults faults;
	struct config *config;
	struct fill_names secrets; /* variables that filled a secret key */
	size_t expanded;           /* nodes of all queues, `defaults` counted in each */
};

struct reading;
struct key;

struct kind {
	const char *noun; /* "a duration", for messages and manual; NULL: the row's range says it */
	size_t width;     /* bytes of a whole number's field */
	bool (*parse)(const char *text, int64_t *out);
	json_t *(*print)(const struct key *key, int64_t value);

	/* Reads node into the field; on failure a mistake is added and the field is as before. */
	bool (*read)(struct reading *reading);
	/* base: struct config or struct config_queue. */
	bool (*equal)(const struct key *key, const void *base, const void *other);
	json_t *(*show)(const struct key *key, const void *base); /* NULL: not shown */
	void (*drop)(const struct key *key, void *base);          /* NULL: nothing to free */
};

struct key {
	const char *name; /* "retries.max" */
	const struct kind *kind;
	size_t offset;             /* of the field */
	size_t flag;               /* of the bool that says the field is set; 0: none */
	const char *fallback;      /* as it would stand in the file; NULL: the field stays zero */
	const char *fallback_text; /* for the manual where fallback doesn't say it */
	int64_t low, high;
	const char *word; /* accepted beside the range, as word_value: "none" */
	int64_t word_value;
	const char *const *choices; /* NULL-terminated; the index is the value */
	const char *range;          /* for messages and manual where kind and bounds don't say it */
	enum reload_class reload;
	bool is_secret;     /* the variables that fill it are kept from handlers */
	const char *manual; /* one line */
};

/* One value on its way from the file into its field. */
struct reading {
	struct loading *loading;
	const struct key *key;
	struct where at;
	const struct node *node;
	void *base;
	struct config_origin *origin;
	bool is_partial; /* `defaults` alone: what is missing may stand in a queue */
};

struct config_origin {
	char *from;    /* "reeve.yaml:1:8"; NULL: the default */
	json_t *shown; /* instead of the value where that holds secrets; else NULL */
};

struct key_table {
	const struct key *rows;
	size_t count;
};
extern const struct key_table keys_global;
extern const struct key_table keys_queue;
extern const struct key_table keys_schedule;

/* The row of this name; NULL if there is none. */
const struct key *keys_find(const struct key_table *table, const char *name);

/* Frees what the rows' fields and the origins hold. */
void keys_drop(const struct key_table *table, void *base, struct config_origin *origins);

/* "a duration from 100ms to 30d or none". */
const char *keys_expected(struct arena *arena, const struct key *key);

/* The table as docs/configuration.md has it. Owned. */
char *keys_manual(void);
