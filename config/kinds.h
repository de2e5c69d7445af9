#pragma once
/* The kinds of keys; what each accepts is in docs/configuration.md. */
#include "config/keys.h"

/* kinds_number.c: bounds and a word beside them */
extern const struct kind kind_count;    /* int */
extern const struct kind kind_amount;   /* int64_t */
extern const struct kind kind_duration; /* int64_t ms */
extern const struct kind kind_size;     /* size_t bytes */
extern const struct kind kind_mask;     /* int, octal */
extern const struct kind kind_time;     /* int minutes of the day: 00:00 to 24:00 */
extern const struct kind kind_boolean;
extern const struct kind kind_choice; /* an enum */
extern const struct kind kind_real;   /* double */

/* kinds_text.c: char * */
extern const struct kind kind_text;
extern const struct kind kind_path; /* made absolute */
extern const struct kind kind_log_target;
extern const struct kind kind_store;

/* kinds_broker.c */
extern const struct kind kind_broker;

/* kinds_url.c */
extern const struct kind kind_url; /* http:// or https:// */

/* kinds_list.c */
extern const struct kind kind_argv;
extern const struct kind kind_wrapper; /* argv, but never a text */
extern const struct kind kind_globs;
extern const struct kind kind_environment;

/* kinds_shape.c */
extern const struct kind kind_workers;
extern const struct kind kind_share;

/* kinds_intake.c */
extern const struct kind kind_rate; /* struct config_rate */
extern const struct kind kind_pull; /* struct config_pull */

/* kinds_place.c */
extern const struct kind kind_control;
extern const struct kind kind_workflows;

/* kinds_owner.c: looked up in the user and group databases */
extern const struct kind kind_user;
extern const struct kind kind_groups;

/* rules.c */
extern const struct kind kind_rules;

/* kinds_clock.c */
extern const struct kind kind_zone; /* const struct zone *, one of config.zones */
extern const struct kind kind_days; /* uint8_t, bit 0: Sunday */
extern const struct kind kind_cron; /* cron_text and cron of a schedule */

/* kinds_json.c: json_t * */
extern const struct kind kind_json;

/* kinds_outer.c */
extern const struct kind kind_outer; /* read elsewhere: queues, defaults, include */
extern const struct kind kind_later; /* refused: not supported yet */
