/* The `logs` command; see logs.h. */
#include "supervisor/logs.h"

#include "base/clock.h"
#include "base/jsontext.h"
#include "supervisor/logring.h"
#include "supervisor/state.h"

#include <string.h>
#include <sys/eventfd.h>

#define STUCK_AGAIN_S 0.05

struct log_follower {
	struct log_follower *next;
	struct control_client *client;
	char *queue, *task; /* NULL: any */
	struct log_cursor cursor;
	bool goes_on; /* after what is there now */
	bool is_gone;
};

static bool is_wanted(const struct log_follower *follower, const struct log_entry *entry)
{
	return (!follower->queue || strcmp(follower->queue, entry->queue) == 0) &&
	       (!follower->task || strcmp(follower->task, entry->task) == 0);
}

static void send_line(struct log_follower *follower, const struct log_entry *entry)
{
	if (follower->cursor.has_missed)
		control_reply(follower->client, json_pack("{s:b, s:b}", "ok", 1, "missed", 1));
	follower->cursor.has_missed = false;
	if (!follower->is_gone && is_wanted(follower, entry))
		control_reply(
			follower->client, json_pack("{s:b, s:s}", "ok", 1, "line", entry->line));
}

/* Sends what there is; STUCK where a line is just being written. The client may vanish meanwhile.
 */
static enum log_read send_lines(struct supervisor *supervisor, struct log_follower *follower)
{
	OWNED(free) struct log_entry *entry = xmalloc(sizeof *entry);
	enum log_read read = LOG_READ_END;
	while (!follower->is_gone && (read = log_ring_read(supervisor->ring, &follower->cursor,
					      clock_steady_ms(), entry)) == LOG_READ_ENTRY)
		send_line(follower, entry);
	return read;
}

static void free_follower(struct log_follower *follower)
{
	free(follower->queue);
	free(follower->task);
	free(follower);
}

static void drop_gone(struct supervisor *supervisor)
{
	for (struct log_follower **place = &supervisor->logs.followers; *place;) {
		struct log_follower *follower = *place;
		if (!follower->is_gone) {
			place = &follower->next;
			continue;
		}
		*place = follower->next;
		free_follower(follower);
		log_ring_follow(supervisor->ring, -1);
	}
	if (!supervisor->logs.followers)
		ev_io_stop(supervisor->loop, &supervisor->logs.bell);
}

static void end_dump(struct log_follower *follower)
{
	control_reply(follower->client, json_pack("{s:b, s:b}", "ok", 1, "end", 1));
	follower->is_gone = true;
}

static void send_all(struct supervisor *supervisor)
{
	bool is_stuck = false;
	for (struct log_follower *each = supervisor->logs.followers; each; each = each->next) {
		enum log_read read = send_lines(supervisor, each);
		is_stuck |= read == LOG_READ_STUCK;
		if (read == LOG_READ_END && !each->goes_on && !each->is_gone)
			end_dump(each);
	}
	drop_gone(supervisor);
	ev_timer_stop(supervisor->loop, &supervisor->logs.again);
	if (is_stuck) {
		ev_timer_set(&supervisor->logs.again, STUCK_AGAIN_S, 0);
		ev_timer_start(supervisor->loop, &supervisor->logs.again);
	}
}

static void on_bell(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop, (void)events;
	eventfd_t ignored;
	eventfd_read(watcher->fd, &ignored);
	send_all(watcher->data);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	send_all(timer->data);
}

void logs_init(struct supervisor *supervisor)
{
	ev_io_init(&supervisor->logs.bell, on_bell, log_ring_bell(supervisor->ring), EV_READ);
	ev_init(&supervisor->logs.again, on_again);
	supervisor->logs.bell.data = supervisor->logs.again.data = supervisor;
}

void logs_finish(struct supervisor *supervisor)
{
	for (struct log_follower *each = supervisor->logs.followers; each; each = each->next)
		each->is_gone = true;
	drop_gone(supervisor);
	ev_timer_stop(supervisor->loop, &supervisor->logs.again);
}

void logs_serve(struct supervisor *supervisor, struct control_client *client, const json_t *request)
{
	struct log_follower *follower = xcalloc(1, sizeof *follower);
	follower->client = client;
	follower->queue = xstrdup(jsontext_member(request, "queue"));
	follower->task = xstrdup(jsontext_member(request, "task"));
	follower->next = supervisor->logs.followers;
	supervisor->logs.followers = follower;
	log_ring_follow(supervisor->ring, 1);
	follower->goes_on = json_is_true(json_object_get(request, "follow"));
	ev_io_start(supervisor->loop, &supervisor->logs.bell);
	send_all(supervisor);
}

void logs_forget_client(struct supervisor *supervisor, const struct control_client *client)
{
	for (struct log_follower *each = supervisor->logs.followers; each; each = each->next)
		if (each->client == client)
			each->is_gone = true;
}
