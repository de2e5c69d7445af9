#pragma once
/*
 * The configuration: one YAML file (and its includes) as one immutable struct. Every key is one row
 * of the table in config/keys.c: parser, default, range, manual, reload class. A reload builds a
 * new struct and swaps it; nobody changes one in place.
 */
#include "base/cron.h"
#include "base/error.h"
#include "base/hours.h"
#include "base/log.h"
#include "base/memory.h"

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

enum queue_type { QUEUE_HANDLER, QUEUE_SYNC, QUEUE_SPLIT, QUEUE_NOOP, QUEUE_PROGRAM };
enum queue_protocol { PROTOCOL_EXEC, PROTOCOL_STREAM };
enum queue_format { FORMAT_TASK, FORMAT_RAW, FORMAT_SQJOBS };
enum exit_on { EXIT_ON_NEVER, EXIT_ON_FATAL };
enum scale_strategy { SCALE_OFFERED, SCALE_DEPTH, SCALE_FIXED };
enum overlap { OVERLAP_SKIP, OVERLAP_QUEUE, OVERLAP_REPLACE, OVERLAP_ALLOW };
enum catch_up { CATCH_UP_SKIP, CATCH_UP_ONE, CATCH_UP_ALL };

struct config_origin; /* where a value came from */

#define CONFIG_NO_LIMIT (-1) /* a duration of `none` or `forever` */

/* argv of a program: NULL-terminated; count without the NULL. Empty (count 0): not configured. */
struct config_argv {
	char **words;
	size_t count;
};

struct config_environment {
	char **names; /* parallel arrays */
	char **values;
	size_t count;
};

/* Who programs run as; taken from the user database when the file is read. */
struct config_user {
	char *name; /* as in the file; NULL: reeve's own user */
	uid_t uid;
	gid_t gid;
	char *login, *home, *shell;
	gid_t *groups; /* supplementary ones, from the group database */
	size_t group_count;
};

/* Supplementary groups that stand in the file. */
struct config_groups {
	char **names; /* NULL-terminated; NULL: not configured */
	gid_t *ids;
	size_t count;
};

/* A resource limit of setrlimit(2), as soft and as hard limit. */
struct config_limit {
	int64_t value; /* bytes, a count, or ms; CONFIG_NO_LIMIT: unlimited */
	bool is_set;   /* false: inherited */
};

struct config_limits {
	int64_t memory; /* bytes, of a handler with all that it started; 0: none */
	struct config_limit nofile, nproc, core, cpu, fsize, stack;
};

/* When what keeps running is replaced, between tasks; 0: never. */
struct config_recycle {
	int64_t tasks;
	int64_t age_ms;
	int64_t memory; /* bytes */
};

struct config_retries {
	int max; /* 10 is 11 tries */
	int64_t delay_ms;
	double factor;
	int64_t max_delay_ms;
	bool jitter; /* the delay is uniform in [d/2, d] */
};

struct config_restart {
	int64_t delay_ms; /* of the first restart; then 100 ms, doubling */
	int64_t max_delay_ms;
	int64_t good_after_ms;
	int64_t probe_ms;
};

struct config_scale {
	enum scale_strategy strategy;
	int64_t max_wait_ms;     /* how long a ready task may wait where workers can be had */
	int64_t window_ms;       /* of the highest recommendation that holds workers */
	int messages_per_worker; /* of strategy depth */
};

/* At most `count` starts of tasks within any span of ms; count 0: no bound. */
struct config_rate {
	int64_t count, ms;
};

/* The queues that a pool takes tasks of. */
struct config_pull {
	char **names; /* NULL-terminated; NULL: its own name alone */
	int *weights; /* as many; NULL: in this order, a later one where all before have nothing */
	size_t count;
};

/* When workers work; always, where neither from nor to is there. */
struct config_hours {
	struct hours window;
	bool has_from, has_to;
	const struct zone *zone; /* one of config.zones */
};

struct config_queue {
	char *name;
	char *place; /* "reeve.yaml:12:5" of the queue's key */
	int workers_min, workers_max;
	struct config_scale scale;
	struct config_hours hours;
	enum queue_type type;
	enum queue_protocol protocol;
	enum queue_format format;
	struct config_argv run;
	char *post; /* a URL instead of a program; NULL: none */
	char *cwd;  /* absolute */
	struct config_user user;
	struct config_groups groups; /* in place of the user's own */
	int umask;                   /* -1: inherited */
	int nice;
	bool has_nice;
	int oom_score_adj;
	bool has_oom_score_adj;
	struct config_limits limits;
	struct config_recycle recycle;
	char *env_file;                /* absolute; NULL: none */
	struct config_environment env; /* env_file's rows first, then env's; each name once */
	char **pass_env;               /* NULL-terminated globs */
	int64_t timeout_ms;            /* CONFIG_NO_LIMIT: none */
	int64_t kill_after_ms;
	int64_t heartbeat_ms; /* 0: off */
	int64_t lease_ms;
	struct config_retries retries;
	int crashes; /* 0: never set aside */
	bool failure_queue;
	char *group; /* FIFO: "job", or the payload's key that names the message group */
	struct config_restart restart;
	enum exit_on exit_on;
	int64_t exit_after_ms;       /* in slow probe, before exit_on acts */
	int max_unavailable;         /* workers rolled at a time; 0: by percent */
	int max_unavailable_percent; /* of the pool, at least one worker; 0: by count */
	int priority;
	struct config_rate rate; /* of the queue, over all hosts */
	int max_working;         /* the same; 0: no bound */
	struct config_pull pull;
	int batch;
	char *split_payload_key; /* NULL unless type is split */
	int64_t split_slice_size;
	bool split_sample;
	struct config_argv before, after, around, on_success, on_failure;
	json_t *validate; /* object: Qyu's rules by name of the payload's key; never NULL */
	struct config_origin *origins; /* by row of the table of keys; for config_describe */
};

/* What starts by the clock: a job, or one task on a queue. */
struct config_schedule {
	char *name;
	char *place;    /* "reeve.yaml:12:5" of the schedule's key */
	char *workflow; /* or, NULL: */
	char *queue;
	char *task;      /* NULL: the queue's name */
	json_t *payload; /* never NULL */
	char *cron_text;
	struct cron cron;
	const struct zone *zone; /* one of config.zones */
	enum overlap overlap;
	enum catch_up catch_up;
	bool is_enabled;
	struct config_origin *origins; /* by row of the table of keys; for config_describe */
};

struct config {
	char *path; /* as given, made absolute */
	char *store_url;
	char *broker_url;         /* NULL: none */
	int64_t broker_resend_ms; /* of its ?resend; 0 without a broker */
	char **workflow_paths;    /* NULL-terminated, absolute files and folders that exist */
	char *control_path;       /* NULL: the default places */
	char *control_group;
	int64_t shutdown_grace_ms;
	int64_t retention_completed_ms; /* CONFIG_NO_LIMIT: forever */
	int64_t retention_failed_ms;
	int64_t retention_results_ms; /* CONFIG_NO_LIMIT: as long as the job */
	struct {
		enum log_level level;
		enum log_format format;
		char *to; /* NULL: stderr or the journal */
		size_t line_max_bytes;
	} log;
	char **secret_variables;     /* NULL-terminated: filled store, broker or http; kept from
					handlers */
	struct config_queue *queues; /* in the order of the file */
	size_t queue_count;
	struct config_schedule *schedules; /* in the order of the file */
	size_t schedule_count, schedule_room;
	struct zone **zones; /* that the file names, each once */
	size_t zone_count, zone_room;
	struct config_origin *origins; /* by row of the table of keys; for config_describe */
};

/* One mistake or warning: "reeve.yaml:12:5: queues.mail.workers: expected …". */
struct config_faults {
	char **lines;
	size_t count;
	char **warnings;
	size_t warning_count;
};

/*
 * Reads, merges and checks the file with its includes. All mistakes are collected in faults at
 * once; answers false (kind INVALID, text "N mistakes in FILE") where there is one. Warnings do not
 * make it fail. The caller owns *out and faults.
 */
bool config_load(
	const char *path, struct config **out, struct config_faults *faults, struct error *err);
/* The control socket that a file names, whatever mistakes it has elsewhere. Owned; NULL: none. */
char *config_find_control(const char *path);
void config_destroy(struct config *config);
/* True where the store is reached over a network: rings come from other hosts. */
bool config_has_remote_store(const struct config *config);
void config_faults_finish(struct config_faults *faults);

/* True where the number of workers follows the load between two bounds. */
bool config_scales(const struct config_queue *queue);

/* Whether the queue's hours are open at this instant (seconds since 1970), and until when that
 * holds (ZONE_NEVER). */
bool config_is_open(const struct config_queue *queue, int64_t at_s, int64_t *until_s);

/* NULL where no such queue is configured. Borrowed. */
const struct config_queue *config_find_queue(const struct config *config, const char *name);

/* The queues that a pool pulls: its own name where it has no `pull`. */
size_t config_pull_count(const struct config_queue *pool);
const char *config_pull_name(const struct config_queue *pool, size_t i);
bool config_pulls(const struct config_queue *pool, const char *queue);
/* Whose keys count for the queue of that name: those of the queue that is configured under it, else
 * those of the first pool that pulls it; NULL where no pool does. */
const struct config_queue *config_find_served(const struct config *config, const char *name);
/* All queues that some pool pulls, each once; begins with { 0 }. False: that was all. */
struct config_served {
	const char *name;
	const struct config_queue *queue; /* as config_find_served */
	size_t pool, place;               /* of the next */
};
bool config_next_served(const struct config *config, struct config_served *at);

/*
 * The effective configuration with, for each value, where it came from:
 * {"store": {"value": …, "from": "reeve.yaml:1:8" | "default"}, "queues": {NAME: {KEY: {…}}},
 * "schedules": the same}.
 * Keys nest as in the file: {"retries": {"max": {"value": 10, "from": "default"}}}. What ${…} put
 * into a text is shown as "***". Owned by the caller.
 */
json_t *config_describe(const struct config *config);

/* How a reload treats a queue that both configurations have. */
enum reload_class { RELOAD_NOTHING, RELOAD_LIVE, RELOAD_ROLL };
enum reload_class config_compare_queue(
	const struct config_queue *before, const struct config_queue *after);
/* True where a schedule was added, removed or changed: all their keys are live. */
bool config_compare_schedules(const struct config *before, const struct config *after);
/* True where a change outside the queues (store, retention, log …) means that all workers roll. */
bool config_compare_globals(const struct config *before, const struct config *after);

/* The default configuration file: ./reeve.yaml, then /etc/reeve/reeve.yaml; NULL if neither is
 * there. */
const char *config_default_path(void);

/* "250ms", "5s", "10m", "6h", "7d" to milliseconds; a bare number is refused except 0. */
bool config_parse_duration(const char *text, int64_t *out_ms);
/* "512K", "64M", "2G" or a bare number of bytes. */
bool config_parse_size(const char *text, int64_t *out_bytes);

/* [A-Za-z0-9_-]{1,80}, with ".fifo" allowed at the end. */
bool config_is_queue_name(const char *name);

MEMORY_DROP(config, struct config *, config_destroy)
