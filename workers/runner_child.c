/* A started program and our ends of its pipes; see runner_parts.h. */
#include "workers/runner_parts.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES (16 * 1024)
#define FIRST_FD   3 /* the program's number of the channel, as REEVE_FD says */

/* Both sides of a pipe or socket, closed unless taken. */
struct ends {
	int ours, theirs;
};

static void drop_ends(const struct ends *ends)
{
	memory_close_fd(&ends->ours);
	memory_close_fd(&ends->theirs);
}
#define OWNED_ENDS __attribute__((cleanup(drop_ends)))

void outbox_add(struct outbox *outbox, const char *bytes, size_t count)
{
	union {
		const char *borrowed;
		void *base;
	} part = { .borrowed = bytes };
	outbox->parts[outbox->count++] = (struct iovec){ .iov_base = part.base, .iov_len = count };
}

enum outbox_state outbox_send(struct outbox *outbox, int fd)
{
	while (outbox->at < outbox->count) {
		struct iovec *part = &outbox->parts[outbox->at];
		ssize_t wrote = writev(fd, part, outbox->count - outbox->at);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return errno == EAGAIN ? OUTBOX_WAITING : OUTBOX_REFUSED;
		for (; wrote > 0 && (size_t)wrote >= part->iov_len; part++, outbox->at++)
			wrote -= (ssize_t)part->iov_len;
		if (wrote > 0) {
			part->iov_base = (char *)part->iov_base + wrote;
			part->iov_len -= (size_t)wrote;
		}
	}
	return OUTBOX_SENT;
}

void child_init(struct child *child)
{
	*child = (struct child){ .input = -1, .prints = { -1, -1 }, .channel = -1 };
	output_init(&child->output);
}

static bool is_open(struct ends *ends, const char *what, struct error *err)
{
	if (ends->ours >= 0 && ends->theirs >= 0)
		return true;
	return error_set(err, ERROR_UNAVAILABLE, "%s: %s", what, strerror(errno));
}

static bool open_pipe(struct ends *ends, bool we_write, struct error *err)
{
	int pair[2] = { -1, -1 };
	if (pipe2(pair, O_CLOEXEC) < 0)
		return is_open(ends, "pipe", err);
	ends->ours = pair[we_write ? 1 : 0];
	ends->theirs = process_lift_fd(pair[we_write ? 0 : 1]);
	return is_open(ends, "pipe", err);
}

static void make_non_blocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static bool open_channel(struct ends *ends, enum channel channel, struct error *err)
{
	int pair[2] = { -1, -1 };
	if (channel == CHANNEL_NONE)
		return true;
	if (channel == CHANNEL_PIPE)
		return open_pipe(ends, false, err);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return is_open(ends, "socketpair", err);
	ends->ours = pair[0];
	ends->theirs = process_lift_fd(pair[1]);
	make_non_blocking(ends->ours);
	return is_open(ends, "socketpair", err);
}

/* What fits into the pipe is written before the program runs: mostly that is all. */
static bool open_input(
	struct ends *ends, const char *input, struct outbox *unwritten, struct error *err)
{
	if (!input) {
		ends->theirs = process_lift_fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
		return ends->theirs >= 0 ||
		       error_set(err, ERROR_UNAVAILABLE, "/dev/null: %s", strerror(errno));
	}
	if (!open_pipe(ends, true, err))
		return false;
	make_non_blocking(ends->ours);
	*unwritten = (struct outbox){ 0 };
	outbox_add(unwritten, input, strlen(input));
	outbox_add(unwritten, "\n", 1);
	if (outbox_send(unwritten, ends->ours) != OUTBOX_WAITING) {
		close(ends->ours);
		ends->ours = -1;
	}
	return true;
}

static int take(int *fd)
{
	const int taken = *fd;
	*fd = -1;
	return taken;
}

/* Without root, a user that is our own is no change. */
static struct process_owner owner_of(const struct config_queue *queue)
{
	const struct config_user *user = &queue->user;
	const bool is_another = user->name && (geteuid() == 0 || user->uid != geteuid());
	struct process_owner owner = { .name = is_another ? user->name : NULL,
		.uid = user->uid,
		.gid = user->gid,
		.has_groups = is_another,
		.groups = user->groups,
		.group_count = user->group_count };
	if (queue->groups.names) {
		owner.has_groups = true;
		owner.groups = queue->groups.ids;
		owner.group_count = queue->groups.count;
	}
	return owner;
}

/* Programs open their standard output anew, as /dev/stderr say; a pipe that is not theirs would
 * refuse them. */
static void hand_over(const int fds[PROCESS_FDS], const struct process_owner *owner)
{
	for (int fd = 1; owner->name && fd < PROCESS_FDS; fd++)
		if (fds[fd] >= 0 && fchown(fds[fd], owner->uid, owner->gid) < 0)
			return; /* who may not do this may not change the user either */
}

static bool start_process(struct child *child, const struct runner *runner,
	const struct child_spec *spec, const int fds[PROCESS_FDS], struct error *err)
{
	const struct config_queue *queue = runner->queue;
	/* One slot, one group: a hook beside a stream handler leaves the handler's there. */
	const bool is_beside =
		child != &runner->stream.child && child_is_running(&runner->stream.child);
	struct process_plan plan = {
		.command = spec->command,
		.environment = spec->environment,
		.owner = owner_of(queue),
		.cwd = queue->cwd,
		.umask = queue->umask,
		.has_nice = queue->has_nice,
		.nice = queue->nice,
		.has_oom_score_adj = queue->has_oom_score_adj,
		.oom_score_adj = queue->oom_score_adj,
		.limits = runner->limits,
		.limit_count = runner->limit_count,
		.cgroup = spec->is_hook ? -1 : runner->cgroup.procs,
		.group = runner->slot && !is_beside ? &runner->slot->handler_group : NULL,
	};
	memcpy(plan.fds, fds, sizeof plan.fds);
	hand_over(fds, &plan.owner);
	return process_start(&plan, &child->process, err);
}

bool child_start(struct child *child, const struct runner *runner, const struct child_spec *spec,
	struct error *err)
{
	OWNED_ENDS struct ends in = { -1, -1 };
	OWNED_ENDS struct ends out = { -1, -1 };
	OWNED_ENDS struct ends errors = { -1, -1 };
	OWNED_ENDS struct ends channel = { -1, -1 };
	struct outbox unwritten = { 0 };
	if (!open_input(&in, spec->input, &unwritten, err) || !open_pipe(&out, false, err) ||
		!open_pipe(&errors, false, err) || !open_channel(&channel, spec->channel, err))
		return false;
	const int fds[PROCESS_FDS] = { in.theirs, out.theirs,
		errors.theirs, [FIRST_FD] = channel.theirs };
	if (!start_process(child, runner, spec, fds, err))
		return false;
	child->input = take(&in.ours);
	child->unwritten = unwritten;
	child->prints[OUTPUT_OUT] = take(&out.ours);
	child->prints[OUTPUT_ERR] = take(&errors.ours);
	child->channel = take(&channel.ours);
	child->is_confined = !spec->is_hook && runner->cgroup.procs >= 0;
	return true;
}

static void shut(int *fd)
{
	memory_close_fd(fd);
	*fd = -1;
}

void child_fill_poll(const struct child *child, struct pollfd fds[CHILD_FDS])
{
	fds[0] = (struct pollfd){ .fd = child->input, .events = POLLOUT };
	fds[1] = (struct pollfd){ .fd = child->prints[OUTPUT_OUT], .events = POLLIN };
	fds[2] = (struct pollfd){ .fd = child->prints[OUTPUT_ERR], .events = POLLIN };
}

static void read_output(struct child *child, enum output_stream stream)
{
	char part[READ_BYTES];
	const ssize_t got = read(child->prints[stream], part, sizeof part);
	if (got > 0)
		output_add(&child->output, stream, part, (size_t)got);
	else if (got == 0 || errno != EINTR)
		shut(&child->prints[stream]);
}

void child_serve(struct child *child, const struct pollfd fds[CHILD_FDS])
{
	if (fds[0].revents && outbox_send(&child->unwritten, child->input) != OUTBOX_WAITING)
		shut(&child->input);
	if (fds[1].revents)
		read_output(child, OUTPUT_OUT);
	if (fds[2].revents)
		read_output(child, OUTPUT_ERR);
}

size_t child_waiting_bytes(int fd)
{
	int count = 0;
	return fd >= 0 && ioctl(fd, FIONREAD, &count) == 0 && count > 0 ? (size_t)count : 0;
}

void child_drain_output(struct child *child)
{
	for (int stream = 0; stream < OUTPUT_STREAMS; stream++) {
		/* Counted once: a descendant that goes on printing can't hold us. */
		const size_t waiting = child_waiting_bytes(child->prints[stream]);
		for (size_t left = waiting; left > 0; left -= left < READ_BYTES ? left : READ_BYTES)
			if (child_waiting_bytes(child->prints[stream]) > 0)
				read_output(child, (enum output_stream)stream);
	}
}

void child_kill(struct child *child, const struct runner *runner)
{
	process_signal(&child->process, SIGKILL);
	if (runner->slot && runner->slot->handler_group == child->process.pid)
		atomic_store(&runner->slot->handler_group, 0);
}

void child_finish(struct child *child, const struct runner *runner, struct process_end *end)
{
	const struct child *handler = &runner->stream.child;
	const pid_t keep = child == handler ? 0 : handler->process.pid;
	child_kill(child, runner);
	if (child->is_confined)
		cgroup_kill(runner->cgroup.path);
	process_reap(&child->process, end);
	if (!process_sweep(keep))
		log_about(&child->output.subject, LOG_WARN,
			"processes that the handler left behind do not die");
	shut(&child->input);
	shut(&child->prints[OUTPUT_OUT]);
	shut(&child->prints[OUTPUT_ERR]);
	shut(&child->channel);
}
