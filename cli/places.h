#pragma once
/* Where a configuration's store and broker are, checked without asking them. */
#include "config/config.h"

/* INVALID, with the sentence to show, where a URL can't be right in this build. */
bool places_check(const struct config *config, struct error *err);
