/* Keeps the keys that hold, and decides when to look for new ones; see the header. */
#include "brokers/aws_credentials.h"

#include "base/clock.h"
#include "base/ids.h"
#include "brokers/aws_look.h"

#define RENEW_BEFORE_MS (5 * 60 * 1000)
#define RENEW_JITTER_MS (60 * 1000)
#define RETRY_MS        (30 * 1000) /* of a renewal that failed, while the keys still hold */
#define HOLD_MARGIN_MS  (10 * 1000)
#define FILES_LOOK_MS   1000
#define SKEW_MS         (4 * 60 * 1000)

/* As botocore orders them; IAM Identity Center and credential_process are left out. */
static aws_provider *const providers[] = {
	aws_look_environment,
	aws_look_role,
	aws_look_web_identity,
	aws_look_shared,
	aws_look_config,
	aws_look_container,
	aws_look_instance,
};

struct aws_credentials {
	struct http *http;
	struct ev_loop *loop;
	struct aws_clock *clock;
	char *region;
	aws_on_keys *on_keys;
	void *context;
	struct aws_keys keys; /* id NULL: none */
	int64_t renew_at_ms;  /* steady; INT64_MAX: they do not end */
	struct aws_file_mark marks[AWS_FILES];
	int64_t files_looked_at_ms; /* steady */
	struct aws_look *look;
	struct ev_timer timer; /* begins a look */
};

int64_t aws_clock_ms(const struct aws_clock *clock)
{
	return clock_wall_ms() + clock->offset_ms;
}

bool aws_clock_correct(struct aws_clock *clock, int64_t date_ms)
{
	int64_t off_ms = date_ms - aws_clock_ms(clock);
	if (date_ms == 0 || (off_ms <= SKEW_MS && off_ms >= -SKEW_MS))
		return false;
	clock->offset_ms += off_ms;
	return true;
}

static void drop_look(struct aws_credentials *credentials)
{
	struct aws_look *look = credentials->look;
	credentials->look = NULL;
	if (!look)
		return;
	if (look->call)
		http_cancel(look->call);
	aws_files_finish(&look->files);
	aws_keys_finish(&look->keys);
	while (look->role_count > 0)
		free(look->roles[--look->role_count]);
	free(look->token);
	free(look->role);
	free(look);
}

static void begin_turn(struct aws_look *look)
{
	struct error err;
	if (look->turn < ARRAY_SIZE(providers)) {
		providers[look->turn](look);
		return;
	}
	error_set(&err, ERROR_UNAVAILABLE,
		"no AWS credentials: not in the environment, not in profile \"%.60s\", none from "
		"a container's endpoint, none from the instance's metadata",
		aws_profile_name());
	aws_look_fail(look, &err);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct aws_look *look = ((struct aws_credentials *)timer->data)->look;
	struct error err;
	if (aws_files_read(&look->files, &err))
		begin_turn(look);
	else
		aws_look_fail(look, &err);
}

static void begin_look(struct aws_credentials *credentials)
{
	if (credentials->look)
		return;
	struct aws_look *look = xcalloc(1, sizeof *look);
	*look = (struct aws_look){
		.owner = credentials,
		.http = credentials->http,
		.clock = credentials->clock,
		.region = credentials->region,
	};
	credentials->look = look;
	ev_timer_set(&credentials->timer, 0., 0.);
	ev_timer_start(credentials->loop, &credentials->timer);
}

/* Five minutes before the end and a little at random, so that not all hosts ask at once; keys that
 * live shorter, at half of their time. */
static int64_t renewal_of(const struct aws_credentials *credentials)
{
	if (credentials->keys.expires_at_ms == 0)
		return INT64_MAX;
	int64_t left_ms = credentials->keys.expires_at_ms - aws_clock_ms(credentials->clock);
	int64_t jitter_ms = (int64_t)(ids_random64() % RENEW_JITTER_MS);
	int64_t in_ms = left_ms - RENEW_BEFORE_MS - jitter_ms;
	return clock_steady_ms() + (in_ms > left_ms / 2 ? in_ms : left_ms / 2);
}

void aws_look_found(struct aws_look *look, struct aws_keys *keys)
{
	struct aws_credentials *credentials = look->owner;
	if (look->role_count > 0) {
		aws_keys_finish(&look->keys);
		look->keys = *keys;
		*keys = (struct aws_keys){ 0 };
		aws_sts_assume(look);
		return;
	}
	aws_keys_finish(&credentials->keys);
	credentials->keys = *keys;
	*keys = (struct aws_keys){ 0 };
	credentials->renew_at_ms = renewal_of(credentials);
	memcpy(credentials->marks, look->files.marks, sizeof credentials->marks);
	drop_look(credentials);
	credentials->on_keys(credentials->context, NULL);
}

void aws_look_pass(struct aws_look *look)
{
	struct error err;
	if (look->role_count == 0) {
		look->turn++;
		begin_turn(look);
		return;
	}
	error_set(&err, ERROR_INVALID, "AWS profile \"%.60s\": its credential_source has none",
		look->roles[look->role_count - 1]);
	aws_look_fail(look, &err);
}

void aws_look_fail(struct aws_look *look, const struct error *err)
{
	struct aws_credentials *credentials = look->owner;
	struct error copy = *err;
	if (credentials->renew_at_ms != INT64_MAX)
		credentials->renew_at_ms = clock_steady_ms() + RETRY_MS;
	memcpy(credentials->marks, look->files.marks, sizeof credentials->marks);
	drop_look(credentials);
	credentials->on_keys(credentials->context, &copy);
}

/* Rotation: whoever writes new keys into the files need not tell us. */
static bool have_files_changed(struct aws_credentials *credentials)
{
	int64_t now_ms = clock_steady_ms();
	struct aws_file_mark marks[AWS_FILES];
	if (now_ms - credentials->files_looked_at_ms < FILES_LOOK_MS)
		return false;
	credentials->files_looked_at_ms = now_ms;
	aws_files_mark(marks);
	return memcmp(marks, credentials->marks, sizeof marks) != 0;
}

const struct aws_keys *aws_credentials_find(struct aws_credentials *credentials)
{
	const struct aws_keys *keys = &credentials->keys;
	bool hold =
		keys->id && (keys->expires_at_ms == 0 || keys->expires_at_ms - HOLD_MARGIN_MS >
								 aws_clock_ms(credentials->clock));
	if (!hold || clock_steady_ms() >= credentials->renew_at_ms ||
		have_files_changed(credentials))
		begin_look(credentials);
	return hold ? keys : NULL;
}

void aws_credentials_refuse(struct aws_credentials *credentials, const char *id)
{
	if (credentials->keys.id && strcmp(credentials->keys.id, id) == 0)
		aws_keys_finish(&credentials->keys);
}

struct aws_credentials *aws_credentials_open(struct http *http, struct ev_loop *loop,
	const char *region, struct aws_clock *clock, aws_on_keys *on_keys, void *context)
{
	struct aws_credentials *credentials = xcalloc(1, sizeof *credentials);
	*credentials = (struct aws_credentials){
		.http = http,
		.loop = loop,
		.clock = clock,
		.region = xstrdup(region),
		.on_keys = on_keys,
		.context = context,
	};
	ev_timer_init(&credentials->timer, on_timer, 0., 0.);
	credentials->timer.data = credentials;
	return credentials;
}

void aws_credentials_close(struct aws_credentials *credentials)
{
	ev_timer_stop(credentials->loop, &credentials->timer);
	drop_look(credentials);
	aws_keys_finish(&credentials->keys);
	free(credentials->region);
	free(credentials);
}
