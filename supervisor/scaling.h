#pragma once
/*
 * How many workers a queue should have: a pure function of what was seen, once a second. It reads
 * no clock, no file and no shared memory, so that bench/scaling drives it with invented loads.
 *
 * Terms of queueing theory: the offered load R is the mean number of workers that the arrivals keep
 * busy (Little: R = λ·S). √R workers more absorb its fluctuation (square-root staffing: Halfin and
 * Whitt, "Heavy-traffic limits for queues with many exponential servers", 1981).
 */
#include "config/config.h"

/* At most so long can the window of a queue become that keeps growing back. */
#define SCALING_WINDOW_MAX_MS 600000
#define SCALING_SLOTS         33 /* of the window, with the one that is being filled */
#define SCALING_ROOM_UNKNOWN  (-1)

/* Why the count is not another one; scaling_limit_names are for people. */
enum scaling_limit {
	SCALING_BY_LOAD, /* as many as the load needs */
	SCALING_BY_MIN,
	SCALING_BY_MAX,
	SCALING_BY_STEP,    /* more are needed, and come in the next seconds */
	SCALING_BY_WINDOW,  /* fewer are needed, but more were within the window */
	SCALING_BY_SLIGHT,  /* a step under 10 % with an empty queue is not worth it */
	SCALING_BY_WORKING, /* max_working */
	SCALING_BY_RATE,
	SCALING_BY_MEMORY,
	SCALING_BY_HOLD,      /* paused, or set by hand */
	SCALING_BY_BLINDNESS, /* nothing is measured */
	SCALING_LIMITS
};
extern const char *const scaling_limit_names[SCALING_LIMITS];

struct scaling_rules {
	struct config_scale scale;
	int min, max;
	int max_working;   /* 0: none */
	double rate_per_s; /* of starts of tasks; 0: none */
};

/* A host that serves the queue, by its last heartbeat. */
struct scaling_host {
	int capacity;   /* workers that it can run for this queue */
	int busy;       /* of them */
	bool is_absent; /* paused, closed or silent */
};

/* What is seen at one moment, over all reeves that serve the queue. */
struct scaling_sample {
	int64_t now_ms;   /* of any clock that only goes on */
	bool is_measured; /* depth is true by now */
	bool is_held;     /* the count is not ours to change just now */
	int workers;      /* those of this host that are meant to be there, starting ones too */
	int own_busy;     /* of this host, those that have a task now */
	int busy;         /* of all hosts */
	int64_t depth;    /* tasks that are due and may run; measured, so of up to a second ago */
	int64_t working;  /* tasks that are leased, measured at the same moment */
	uint64_t served;  /* attempts that have ended since the start, … */
	int64_t busy_ms;  /* … and the sum of their service times */
	int room;         /* workers that memory has room for beyond these; or UNKNOWN */
	/* The other hosts, in the order of all: those before this one as if they were one, and
	 * those behind it. What each of them keeps counts as its busy ones. */
	struct scaling_host before, behind;
};

/* What is remembered from second to second; begins as { 0 }. */
struct scaling_state {
	int64_t at_ms;
	bool has_begun, has_flow, knows_service;
	double busy;           /* mean over about 20 s */
	double service_s;      /* S */
	double arrivals_per_s; /* λ; noise can put it below 0 for a moment */
	uint64_t served;
	int64_t busy_ms;
	int64_t flow_at_ms, flow; /* arrivals since the start, at the last measurement */
	struct {
		int64_t since_ms;
		int highest;    /* recommendation */
	} slots[SCALING_SLOTS]; /* a ring */
	int newest, slot_count;
	int doublings; /* of the window */
	int64_t doubled_at_ms;
	bool has_shrunk;
	int64_t shrunk_at_ms;
};

struct scaling_advice {
	int desired;
	int needed;        /* before steps, window and memory */
	int needed_by_all; /* of all hosts; this one's share is `needed` */
	enum scaling_limit limit;
};

/* Learns from the sample and answers what the count should be from now on. */
struct scaling_advice scaling_step(const struct scaling_rules *rules,
	const struct scaling_sample *sample, struct scaling_state *state);

/* The window as it is now, with its doublings. */
int64_t scaling_window_ms(const struct scaling_rules *rules, const struct scaling_state *state);

/*
 * Splits a fleet-wide count: first what each host has busy, the rest in proportion to free
 * capacity. The same on every host that reads the same heartbeats in the same order. Absent hosts
 * get none; where the capacity of all is less than `wanted`, each gets its own.
 */
void scaling_split(int wanted, const struct scaling_host *hosts, size_t count, int *shares);
