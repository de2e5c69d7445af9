/* Keys of a queue that mean nothing beside its `type` or `post`: refused where they stand in the
 * queue itself, passed over where `defaults` brings them for others. */
#include "config/queues.h"
#include "config/section.h"

static const struct {
	const char *name, *why;
} without_program[] = {
	{ "run", "post stands in its place: keep one of the two" },
	{ "protocol", "belongs to run: with post a task is a request" },
	{ "around", "belongs to run: with post no program is started" },
	{ "heartbeat", "belongs to protocol stream: with post only timeout ends a request" },
	{ "limits.memory", "belongs to run: with post no program is started" },
};

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

void checks_fit(const struct section *section)
{
	const struct config_queue *queue = section->base;
	if (!queue->post)
		return;
	if (queue->type != QUEUE_HANDLER)
		refuse(section, "post", "belongs to type handler");
	for (size_t i = 0; i < ARRAY_SIZE(without_program); i++)
		refuse(section, without_program[i].name, without_program[i].why);
}
