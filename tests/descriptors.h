#pragma once
/* Workflows from short texts: JSON with ' for ". */
#include "base/jsontext.h"
#include "tests/suite.h"
#include "workflow/workflow.h"

#include <stdio.h>

/* The public example of Qyu's README (github.com/QyuTeam/qyu). */
#define QYU_EXAMPLE                                                                                \
	"{'starts':['ad:group:generate'],'tasks':{"                                                \
	"'ad:group:generate':{'queue':'ad-group-generate','starts':['ad:group:children:split']},"  \
	"'ad:group:children:split':{'queue':'ad-group-children-split',"                            \
	"'starts_manually':['ad:group:children:generate'],"                                        \
	"'starts_with_params':{'ad:group:sync:gate':{'nr_tasks':"                                  \
	"{'count':'ad:group:children:generate'}}}},"                                               \
	"'ad:group:children:generate':{'queue':'ad-group-children-generate'},"                     \
	"'ad:group:sync:gate':{'queue':'sync-adgroups','waits_for':{'ad:group:children:generate':" \
	"{'condition':{'param':'nr_tasks','function':'eq_completed'}}},"                           \
	"'starts':['campaign:package']},"                                                          \
	"'campaign:package':{'queue':'campaign-package'}}}"

static inline char *requote(const char *text, char from, char to)
{
	char *quoted = xstrdup(text);
	for (char *at = quoted; *at; at++)
		if (*at == from)
			*at = to;
	return quoted;
}

static inline json_t *read_json(const char *text)
{
	OWNED(free) char *quoted = requote(text, '\'', '"');
	struct error err = { 0 };
	json_t *value = NULL;
	if (!jsontext_parse(quoted, strlen(quoted), &value, &err))
		printf("%s: %s\n", text, err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(value);
	return value;
}

static inline struct workflow *make_workflow(const char *text)
{
	OWNED(json) json_t *descriptor = read_json(text);
	struct error err = { 0 };
	struct workflow *workflow = NULL;
	if (!workflow_create("test", descriptor, &workflow, NULL, &err))
		printf("\n%s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(workflow);
	return workflow;
}

/* Takes got over. */
static inline void check_text(char *got, const char *expected)
{
	bool is_same = strcmp(got, expected) == 0;
	CU_ASSERT_TRUE(is_same);
	const char *const lines[] = { "\n     got: ", got, "\nexpected: ", expected, "\n" };
	for (size_t i = 0; i < ARRAY_SIZE(lines) && !is_same; i++)
		fputs(lines[i], stdout);
	free(got);
}
