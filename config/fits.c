/* Keys of a queue that mean nothing beside its `type` or `post`: refused where they stand in the
 * queue itself, passed over where `defaults` brings them for others. */
#include "config/queues.h"
#include "config/section.h"

struct misfit {
	const char *name, *why;
};

static const struct misfit beside_post[] = {
	{ "run", "post stands in its place: keep one of the two" },
	{ "protocol", "belongs to run: with post a task is a request" },
	{ "around", "belongs to run: with post no program is started" },
	{ "heartbeat", "belongs to protocol stream: with post only timeout ends a request" },
	{ "limits.memory", "belongs to run: with post no program is started" },
};

/* A program is given no tasks: all that is said of tasks is about nothing. */
static const char *const of_tasks[] = { "protocol", "format", "timeout", "heartbeat", "lease",
	"retries.max", "retries.delay", "retries.factor", "retries.max_delay", "retries.jitter",
	"crashes", "failure_queue", "group", "priority", "batch", "rate", "max_working", "pull",
	"split.payload_key", "split.slice_size", "split.sample", "before", "after", "on_success",
	"on_failure", "validate", "post", "recycle.tasks", "scale.max_wait" };

bool fits_is_own(const struct section *section, const char *name)
{
	const struct where *at = section_place(section, name);
	return at->source && strncmp(at->path, "defaults.", 9) != 0;
}

static void refuse(const struct section *section, const char *name, const char *why)
{
	if (fits_is_own(section, name))
		faults_add(&section->loading->faults, section_place(section, name), "%s", why);
}

static void check_post(const struct section *section)
{
	const struct config_queue *queue = section->base;
	if (!queue->post)
		return;
	if (queue->type != QUEUE_HANDLER)
		refuse(section, "post", "belongs to type handler");
	for (size_t i = 0; i < ARRAY_SIZE(beside_post); i++)
		refuse(section, beside_post[i].name, beside_post[i].why);
}

static void check_program(const struct section *section)
{
	const struct config_queue *queue = section->base;
	for (size_t i = 0; i < ARRAY_SIZE(of_tasks); i++)
		refuse(section, of_tasks[i],
			"means nothing with type program, which is given no tasks");
	if (queue->scale.strategy == SCALE_OFFERED)
		refuse(section, "scale.strategy",
			"with type program nothing is known of its tasks: depth or fixed");
	if (queue->scale.strategy == SCALE_DEPTH && !section->loading->config->broker_url)
		refuse(section, "scale.strategy",
			"depth is that of the broker's queue, and there is no broker: fixed");
}

/* A program in `defaults` is meant for handlers: a gate or a split has one only where it says so.
 */
static void drop_inherited_run(const struct section *section)
{
	struct config_queue *queue = section->base;
	bool has_own_work = queue->type == QUEUE_SYNC || queue->type == QUEUE_SPLIT;
	if (has_own_work && !fits_is_own(section, "run"))
		queue->run = (struct config_argv){ 0 };
}

void checks_fit(const struct section *section)
{
	const struct config_queue *queue = section->base;
	drop_inherited_run(section);
	if (queue->type == QUEUE_PROGRAM)
		check_program(section);
	else
		check_post(section);
}
