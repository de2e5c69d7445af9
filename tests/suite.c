/* CUnit suites from a table; see suite.h. */
#include "tests/suite.h"

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>

int suite_many(int all, int quick)
{
	const char *is_quick = getenv("REEVE_TEST_QUICK");
	return is_quick && *is_quick ? quick : all;
}

int suite_run(const char *name, const struct suite_test *tests, size_t count)
{
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	CU_pSuite suite = CU_add_suite(name, NULL, NULL);
	for (size_t i = 0; i < count; i++)
		if (!suite || !CU_add_test(suite, tests[i].name, tests[i].run)) {
			fprintf(stderr, "%s: cannot add %s\n", name, tests[i].name);
			return 1;
		}
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	/* CUnit does not set the exit code by itself. */
	int failed = CU_get_number_of_failures() > 0 || CU_get_number_of_tests_run() == 0;
	CU_cleanup_registry();
	return failed;
}
