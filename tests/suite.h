#pragma once
/* A table of tests as one CUnit suite with a main's exit code. */
#include <CUnit/CUnit.h>
#include <stddef.h>

struct suite_test {
	const char *name;
	void (*run)(void);
};
#define SUITE_TEST(function)        \
	{                           \
#function, function \
	}

/* So many of something; fewer of it in the quick set (REEVE_TEST_QUICK, see tests/run.sh). */
int suite_many(int all, int quick);

/* Runs the tests in order, prints CUnit's summary, answers 1 where one failed or none ran. */
int suite_run(const char *name, const struct suite_test *tests, size_t count);
