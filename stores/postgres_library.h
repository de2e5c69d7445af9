#pragma once
/*
 * The functions of libpq that are used, called through a table: the library is opened by the
 * process that opens a store, so that all others pay nothing for it.
 */
#include "base/error.h"

#include <libpq-fe.h>

/* clang-format off */
#define POSTGRES_FUNCTIONS(X) \
	X(PQconnectStartParams) \
	X(PQconnectPoll) \
	X(PQfinish) \
	X(PQstatus) \
	X(PQsocket) \
	X(PQbackendPID) \
	X(PQerrorMessage) \
	X(PQsetnonblocking) \
	X(PQenterPipelineMode) \
	X(PQexitPipelineMode) \
	X(PQpipelineSync) \
	X(PQsendPrepare) \
	X(PQsendQueryPrepared) \
	X(PQsendQuery) \
	X(PQsendQueryParams) \
	X(PQflush) \
	X(PQconsumeInput) \
	X(PQisBusy) \
	X(PQgetResult) \
	X(PQclear) \
	X(PQresultStatus) \
	X(PQresultErrorField) \
	X(PQntuples) \
	X(PQgetvalue) \
	X(PQgetlength) \
	X(PQgetisnull) \
	X(PQnotifies) \
	X(PQfreemem) \
	X(PQsetNoticeProcessor) \
	X(PQconninfoParse) \
	X(PQconninfoFree)
/* clang-format on */

struct postgres_functions {
#define POSTGRES_FUNCTION(name) __typeof__(&name) name;
	POSTGRES_FUNCTIONS(POSTGRES_FUNCTION)
#undef POSTGRES_FUNCTION
};
extern struct postgres_functions pq; /* filled by postgres_load */

bool postgres_load(struct error *err);
