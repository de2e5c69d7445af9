/* Words for the tests of doors, lines and gates that are mended; see contract.h. */
#include "tests/contract.h"

#include "base/clock.h"

#include <stdio.h>

static void finish_outgoing(void *block)
{
	outgoing_list_finish(block);
}

static void finish_gates(void *block)
{
	gate_list_finish(block);
}

void set_door(const char *queue, bool has_door)
{
	struct error err;
	check(store->ops->set_door(store, &queue, 1, has_door, &err), &err);
}

struct outgoing_list claim_as(const struct claim_request *request)
{
	struct outgoing_list list;
	struct error err;
	check(store->ops->claim_unsent(store, request, &list, &err), &err);
	return *(struct outgoing_list *)contract_keep(&list, sizeof list, finish_outgoing);
}

struct outgoing_list claim(const char *queue, size_t max)
{
	const struct claim_request request = { .queue = queue,
		.owner = OWNER,
		.claim_ms = LEASE_MS,
		.max = max,
		.with_payloads = true };
	return claim_as(&request);
}

void mark(const char *id, uint32_t dispatch)
{
	const struct sent sent = { id, dispatch };
	struct error err;
	check(store->ops->mark_sent(store, &sent, 1, &err), &err);
}

size_t send_all(const char *queue)
{
	size_t count = 0;
	struct outgoing_list list;
	while ((list = claim(queue, 10)).count > 0) {
		for (size_t i = 0; i < list.count; i++)
			mark(list.rows[i].id, list.rows[i].dispatch);
		count += list.count;
	}
	return count;
}

size_t resend(const char *queue, int64_t after_ms, size_t max)
{
	size_t count;
	struct error err;
	check(store->ops->resend(store, queue, after_ms, max, &count, &err), &err);
	return count;
}

enum adoption adopt(const struct arrival *arrival)
{
	enum adoption answer;
	struct error err;
	check(store->ops->adopt(store, arrival, 1, &answer, &err), &err);
	return answer;
}

enum adoption adopt_task(const char *queue, const char *task_id, const char *group)
{
	struct id message = new_id();
	return adopt(&(struct arrival){
		.queue = queue, .message_id = message.text, .task_id = task_id, .group = group });
}

enum adoption adopt_foreign(
	const char *queue, const char *message, const char *id, const char *group)
{
	return adopt(&(struct arrival){ .queue = queue,
		.message_id = message,
		.id = id,
		.name = queue,
		.payload = "{\"from\":\"afar\"}",
		.group = group });
}

const struct gate_list *list_gates(const struct waiting_gate *after, size_t limit)
{
	struct gate_list list;
	struct error err;
	check(store->ops->list_gates(store, after, limit, &list, &err), &err);
	return contract_keep(&list, sizeof list, finish_gates);
}

enum error_kind mend(const char *job_id, int64_t scope, const char *gate, int64_t pending)
{
	struct error err;
	return store->ops->mend_gate(store, job_id, scope, gate, pending, &err) ? ERROR_NONE
										: err.kind;
}

size_t purge(const char *name, bool dead, size_t limit)
{
	size_t deleted;
	struct error err;
	check(store->ops->purge(store, name, dead, limit, &deleted, &err), &err);
	return deleted;
}
