/*
 * The contract of stores/store.h, run over one backend: `contract_store memory:`. A backend is
 * right where every sentence holds.
 */
#include "tests/contract.h"

#include <CUnit/Basic.h>
#include <stdio.h>

static const struct contract_part *const parts[] = {
	&contract_leases,
	&contract_returns,
	&contract_commits,
	&contract_births,
	&contract_gates,
	&contract_limits,
	&contract_many,
	&contract_jobs,
	&contract_cancel,
	&contract_lists,
	&contract_cleanup,
	&contract_bell,
	&contract_fleet,
	&contract_schedules,
	&contract_outbox,
	&contract_dispatch,
	&contract_adopt,
	&contract_lines,
	&contract_mend,
	&contract_places,
	&contract_work,
	&contract_random,
};

static bool add_part(const struct contract_part *part)
{
	CU_pSuite suite = CU_add_suite_with_setup_and_teardown(
		part->name, NULL, NULL, contract_begin, contract_end);
	for (size_t i = 0; suite && i < part->count; i++)
		if (!CU_add_test(suite, part->tests[i].name, part->tests[i].run))
			return false;
	return suite != NULL;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: contract_store memory:|sqlite:|redis:|postgres:\n");
		return 2;
	}
	contract_set_url(argv[1]);
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!add_part(parts[i])) {
			fprintf(stderr, "cannot add %s: %s\n", parts[i]->name, CU_get_error_msg());
			return 1;
		}
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	int failed = CU_get_number_of_failures() > 0 || CU_get_number_of_tests_run() == 0;
	CU_cleanup_registry();
	return failed;
}
