#pragma once
/* The nearest known name to one that was mistyped. */
#include <stddef.h>

struct suggest {
	const char *typed;
	const char *nearest; /* NULL while nothing is near enough */
	size_t distance;
};

/* Offers one candidate; keep it valid until the end. */
void suggest_offer(struct suggest *suggest, const char *candidate);
