#pragma once
/*
 * What keepers remember of a schedule between its instants, and what follows from it at one moment:
 * pure. Instants are seconds since 1970.
 */
#include "config/config.h"
#include "stores/store.h"

#define SCHEDULE_LATE_S      60   /* an instant is missed where nobody was there for so long */
#define SCHEDULE_WAITING_MAX 1000 /* instants that wait for the end of the one before */

struct schedule_note {
	int64_t at_s;           /* up to here every instant is decided on */
	int64_t last_s;         /* the last that started something; 0: none yet */
	char id[STORE_ID_SIZE]; /* what it started; "" */
	int64_t *waiting;       /* instants that are to start when that has ended */
	size_t waiting_count;
	char *clock; /* cron and zone that at_s was worked out by */
	bool is_off; /* it was disabled when this was written */
};

void schedule_note_finish(struct schedule_note *note);
/* A text that is none gives an empty note: nothing is decided yet. */
void schedule_note_read(const char *text, struct schedule_note *out);
char *schedule_note_print(const struct schedule_note *note); /* owned */

/* Makes the note fit what the schedule is today; seen_s: since when it is known to be so here. What
 * came by another clock, or while it was off, was not missed. True where the note was changed. */
bool schedule_settle(
	const struct config_schedule *schedule, int64_t seen_s, struct schedule_note *note);

enum schedule_act {
	SCHEDULE_REST,  /* nothing until wake_s */
	SCHEDULE_NOTE,  /* only the note changes */
	SCHEDULE_START, /* start_s */
};
struct schedule_step {
	enum schedule_act act;
	int64_t start_s;    /* the instant that is started */
	bool replaces;      /* what was started before is cancelled first */
	int64_t left_out_s; /* an instant that is not started since the one before runs; 0: none */
	int64_t missed_s;   /* one that nobody was there for and is not made up for; 0: none */
	int64_t wake_s;     /* SCHEDULE_REST; ZONE_NEVER */
};
/* Whether what the schedule started last matters now: then the caller has to find out if it runs.
 */
bool schedule_minds(
	const struct config_schedule *schedule, const struct schedule_note *note, int64_t now_s);
/* One step at a time; the note becomes what has to be written with it. */
struct schedule_step schedule_decide(const struct config_schedule *schedule, int64_t now_s,
	bool is_running, struct schedule_note *note);
