/* base/: time zones, cron expressions and opening hours, against the C library's own time and a
 * walk over every minute. */
#include "base/calendar.h"
#include "base/cron.h"
#include "base/hours.h"
#include "tests/suite.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define DAY_S CALENDAR_DAY_S

static int64_t utc(int year, int month, int day, int hour, int minute)
{
	return calendar_days((struct calendar_date){ year, month, day }) * DAY_S + hour * 3600 +
	       minute * 60;
}

static struct zone *open_zone(const char *name)
{
	struct zone *zone = NULL;
	struct error err = { 0 };
	if (!zone_open(name, &zone, &err))
		fprintf(stderr, "%s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(zone);
	return zone;
}

static struct cron parse(const char *text)
{
	struct cron cron = { 0 };
	struct error err = { 0 };
	if (!cron_parse(text, &cron, &err)) {
		fprintf(stderr, "%s: %s\n", text, err.text);
		CU_FAIL_FATAL("an expression that is good");
	}
	return cron;
}

/* The C library's zone, to compare with: this program has one thread. */
static void use_libc_zone(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

static int64_t libc_wall(int64_t at_s)
{
	time_t at = (time_t)at_s;
	struct tm tm;
	localtime_r(&at, &tm);
	return at_s + tm.tm_gmtoff;
}

static const char *const zones[] = { "UTC", "Europe/Madrid", "America/New_York",
	"Australia/Lord_Howe", "America/Santiago", "Pacific/Auckland", "Asia/Kolkata",
	"Africa/Cairo", "Africa/Casablanca", "America/Sao_Paulo", "Pacific/Apia", "Europe/Dublin",
	"Asia/Tehran", "America/St_Johns", "Pacific/Chatham", "Antarctica/Troll" };

static void the_calendar_goes_there_and_back(void)
{
	for (int64_t days = -200000; days < 400000; days += 13) {
		struct calendar_date date = calendar_date(days);
		CU_ASSERT_EQUAL(calendar_days(date), days);
		CU_ASSERT_TRUE(date.day <= calendar_month_length(date.year, date.month));
	}
	CU_ASSERT_EQUAL(calendar_weekday(calendar_days((struct calendar_date){ 2026, 11, 23 })), 1);
	CU_ASSERT_EQUAL(calendar_weekday(-1), 3);
	CU_ASSERT_EQUAL(calendar_day_of(-1), -1);
}

/* Twelve hours at a time (two weeks in the quick set) from 1970 to 2400, and each second round each
 * change until 2100. */
static void zones_agree_with_the_c_library(void)
{
	const int step_s = DAY_S / 2 * suite_many(1, 28) + 977;
	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		OWNED(zone) struct zone *zone = open_zone(zones[i]);
		use_libc_zone(zones[i]);
		int wrong = 0;
		for (int64_t at = 0; at < utc(2400, 1, 1, 0, 0); at += step_s)
			wrong += at + zone_offset(zone, at, NULL) != libc_wall(at);
		int64_t until = 0;
		while (zone_offset(zone, until, &until), until < utc(2100, 1, 1, 0, 0))
			for (int64_t at = until - 2; at < until + 2; at++)
				wrong += at + zone_offset(zone, at, NULL) != libc_wall(at);
		if (wrong)
			fprintf(stderr, "%s: %d times\n", zones[i], wrong);
		CU_ASSERT_EQUAL(wrong, 0);
	}
}

static void a_zone_that_is_missing_is_named(void)
{
	static const struct {
		const char *name;
		enum error_kind kind;
		const char *text;
	} rows[] = {
		{ "Europe/Madird", ERROR_NOT_FOUND, "no time zone \"Europe/Madird\"" },
		{ "Europe", ERROR_NOT_FOUND, "no time zone \"Europe\"" },
		{ "../../../etc/passwd", ERROR_INVALID, "expected a time zone such as" },
		{ "/etc/localtime", ERROR_INVALID, "expected a time zone such as" },
		{ "", ERROR_INVALID, "expected a time zone such as" },
		{ "tzdata.zi", ERROR_INVALID, "expected a time zone such as" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct zone *zone = NULL;
		struct error err = { 0 };
		CU_ASSERT_FALSE(zone_open(rows[i].name, &zone, &err));
		CU_ASSERT_EQUAL(err.kind, rows[i].kind);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, rows[i].text));
	}
	struct error err = { 0 };
	struct zone *zone = NULL;
	setenv("TZDIR", "/there/is/nothing", 1);
	CU_ASSERT_FALSE(zone_open("Europe/Madrid", &zone, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "install tzdata"));
	CU_ASSERT_TRUE(zone_open("UTC", &zone, &err));
	zone_close(zone);
	unsetenv("TZDIR");
}

static void write_file(const char *path, const char *bytes, size_t length)
{
	FILE *file = fopen(path, "w");
	if (!file || fwrite(bytes, 1, length, file) != length || fclose(file) != 0)
		abort();
}

/* Cut at each byte, and with each byte turned round: refused, or read, but never beyond its end. */
static void a_broken_file_is_refused(void)
{
	char folder[] = "/tmp/reeve-zones-XXXXXX", bytes[8192];
	if (!mkdtemp(folder))
		abort();
	OWNED(free) char *path = xprintf("%s/Zone", folder);
	FILE *whole = fopen("/usr/share/zoneinfo/Australia/Lord_Howe", "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
	size_t length = fread(bytes, 1, sizeof bytes, whole);
	fclose(whole);
	setenv("TZDIR", folder, 1);
	struct zone *zone = NULL;
	for (size_t cut = 0; cut < length; cut++) {
		struct error err = { 0 };
		write_file(path, bytes, cut);
		CU_ASSERT_FALSE(zone_open("Zone", &zone, &err));
		CU_ASSERT_EQUAL(err.kind, ERROR_INVALID);
	}
	for (size_t at = 0; at < length; at++) {
		bytes[at] = (char)~bytes[at];
		write_file(path, bytes, length);
		if (zone_open("Zone", &zone, NULL)) {
			zone_instant(zone, 0);
			zone_close(zone);
		}
		bytes[at] = (char)~bytes[at];
	}
	write_file(path, bytes, length);
	CU_ASSERT_TRUE_FATAL(zone_open("Zone", &zone, NULL));
	zone_close(zone);
	unsetenv("TZDIR");
	unlink(path);
	rmdir(folder);
}

/* The fields as a set of minutes, by the text of crontab(5) and not by bits. */
static bool matches(const struct cron *cron, int64_t wall_s)
{
	time_t wall = (time_t)wall_s;
	struct tm tm;
	gmtime_r(&wall, &tm);
	int length = calendar_month_length(tm.tm_year + 1900, tm.tm_mon + 1);
	bool by_date = (cron->days & 1u << tm.tm_mday) != 0 ||
		       (cron->from_last & 1u << (length - tm.tm_mday)) != 0;
	bool by_weekday =
		(cron->weekdays & 1u << tm.tm_wday) != 0 ||
		((cron->last_weekdays & 1u << tm.tm_wday) != 0 && tm.tm_mday + 7 > length);
	bool is_day = cron->needs_both ? by_date && by_weekday : by_date || by_weekday;
	return is_day && (cron->months & 1u << (tm.tm_mon + 1)) != 0 &&
	       (cron->hours & 1u << tm.tm_hour) != 0 &&
	       (cron->minutes & UINT64_C(1) << tm.tm_min) != 0;
}

/* Walks each minute of four days round a change, with the C library's clock: where hours are real,
 * what the clock shows counts; else each wall time counts when the clock shows it, or a later one,
 * for the first time. */
static void compare_with_a_walk(const char *text, const char *name, int64_t change_s)
{
	OWNED(zone) struct zone *zone = open_zone(name);
	struct cron cron = parse(text);
	use_libc_zone(name);
	int64_t begin_s = (change_s - 2 * DAY_S) / 60 * 60, end_s = begin_s + 4 * DAY_S;
	int64_t reached_s = libc_wall(begin_s), next_s = cron_next(&cron, zone, begin_s),
		last_s = -1;
	const int again_s = suite_many(420, 4200);
	int wrong = 0;
	for (int64_t at = begin_s + 60; at <= end_s; at += 60) {
		int64_t wall = libc_wall(at);
		bool is_due = cron.is_real && matches(&cron, wall);
		for (int64_t shown = reached_s + 60; !cron.is_real && shown <= wall; shown += 60)
			is_due |= matches(&cron, shown);
		reached_s = wall > reached_s ? wall : reached_s;
		wrong += is_due != (next_s == at);
		/* From any instant before it the next one is the same. */
		wrong += at % again_s == 0 &&
			 cron_next(&cron, zone, at - 1) != (is_due ? at : next_s);
		if (next_s == at) {
			next_s = cron_next(&cron, zone, at);
			last_s = at;
		}
	}
	if (last_s >= 0)
		wrong += cron_last(&cron, zone, begin_s, end_s) != last_s;
	else
		wrong += cron_last(&cron, zone, begin_s, end_s) != ZONE_NEVER;
	if (wrong)
		fprintf(stderr, "%s in %s: %d times\n", text, name, wrong);
	CU_ASSERT_EQUAL(wrong, 0);
}

static void both_changes_of_many_zones_are_as_a_walk_over_each_minute(void)
{
	static const char *const texts[] = { "1 0 * * *", "30 2 * * *", "15,45 1-3 * * *",
		"* 2 * * *", "10 * * * *", "*/20 */2 * * *", "0 0 * * *", "30 23,0 * * sun",
		"45 1 L,L-1 * *", "* * * * *", "0 1-5/2 * * *", "59 0-3 * * *" };
	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		OWNED(zone) struct zone *zone = open_zone(zones[i]);
		int64_t change_s = utc(2014, 12, 31, 0, 0), until_s;
		for (int changes = 0; changes < 2; changes++) {
			zone_offset(zone, change_s, &until_s);
			change_s =
				until_s < utc(2090, 1, 1, 0, 0) ? until_s : change_s + 77 * DAY_S;
			for (size_t t = 0; t < ARRAY_SIZE(texts); t++)
				compare_with_a_walk(texts[t], zones[i], change_s);
		}
	}
}

/* The day that Samoa left out: 30 December 2011. */
static void a_day_that_does_not_exist_is_the_next_instant(void)
{
	compare_with_a_walk("0 9 * * *", "Pacific/Apia", utc(2011, 12, 30, 10, 0));
	compare_with_a_walk("0 9 * * fri", "Pacific/Apia", utc(2011, 12, 30, 10, 0));
	compare_with_a_walk("0 */3 * * *", "Pacific/Apia", utc(2011, 12, 30, 10, 0));
}

static void changes_of_clocks_follow_the_stated_rule(void)
{
	static const struct {
		const char *text, *zone;
		int after[5], next[5]; /* UTC */
	} rows[] = {
		/* Spring: 02:30 does not exist, 03:00 is 01:00 UTC. */
		{ "30 2 * * *", "Europe/Madrid", { 2015, 3, 28, 12, 0 }, { 2015, 3, 29, 1, 0 } },
		{ "30 2 * * *", "Europe/Madrid", { 2015, 3, 29, 1, 0 }, { 2015, 3, 30, 0, 30 } },
		/* Autumn: the first 02:30. */
		{ "30 2 * * *", "Europe/Madrid", { 2015, 10, 24, 12, 0 }, { 2015, 10, 25, 0, 30 } },
		{ "30 2 * * *", "Europe/Madrid", { 2015, 10, 25, 0, 30 }, { 2015, 10, 26, 1, 30 } },
		/* Every hour is every real hour. */
		{ "30 * * * *", "Europe/Madrid", { 2015, 10, 25, 0, 30 }, { 2015, 10, 25, 1, 30 } },
		{ "30 * * * *", "Europe/Madrid", { 2015, 3, 29, 0, 30 }, { 2015, 3, 29, 1, 30 } },
		{ "0 */2 * * *", "Europe/Madrid", { 2015, 3, 28, 23, 0 }, { 2015, 3, 29, 2, 0 } },
		{ "0 */2 * * *", "Europe/Madrid", { 2015, 10, 25, 0, 0 }, { 2015, 10, 25, 1, 0 } },
		/* The example of the contract. */
		{ "1 0 * * *", "Europe/Madrid", { 2015, 3, 29, 0, 1 }, { 2015, 3, 29, 22, 1 } },
		{ "30 2 * * *", "America/New_York", { 2024, 3, 9, 12, 0 }, { 2024, 3, 10, 7, 0 } },
		{ "30 1 * * *", "America/New_York", { 2024, 11, 2, 12, 0 },
			{ 2024, 11, 3, 5, 30 } },
		{ "30 1 * * *", "America/New_York", { 2024, 11, 3, 5, 30 },
			{ 2024, 11, 4, 6, 30 } },
		/* Half an hour: 02:00 to 02:30 is left out, 01:30 to 02:00 comes twice. */
		{ "15 2 * * *", "Australia/Lord_Howe", { 2024, 10, 5, 12, 0 },
			{ 2024, 10, 5, 15, 30 } },
		{ "45 1 * * *", "Australia/Lord_Howe", { 2024, 4, 6, 12, 0 },
			{ 2024, 4, 6, 14, 45 } },
		{ "45 1 * * *", "Australia/Lord_Howe", { 2024, 4, 6, 14, 45 },
			{ 2024, 4, 7, 15, 15 } },
		{ "45 * * * *", "Australia/Lord_Howe", { 2024, 4, 6, 14, 45 },
			{ 2024, 4, 6, 15, 15 } },
		/* In the south, at midnight: 00:00 does not exist. */
		{ "0 0 * * *", "America/Santiago", { 2024, 9, 7, 12, 0 }, { 2024, 9, 8, 4, 0 } },
		{ "30 23 * * *", "America/Santiago", { 2024, 4, 6, 12, 0 }, { 2024, 4, 7, 2, 30 } },
		{ "30 23 * * *", "America/Santiago", { 2024, 4, 7, 2, 30 }, { 2024, 4, 8, 3, 30 } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(zone) struct zone *zone = open_zone(rows[i].zone);
		struct cron cron = parse(rows[i].text);
		const int *a = rows[i].after, *n = rows[i].next;
		int64_t next_s = cron_next(&cron, zone, utc(a[0], a[1], a[2], a[3], a[4]));
		if (next_s != utc(n[0], n[1], n[2], n[3], n[4]))
			fprintf(stderr, "row %zu: %s %s: %lld\n", i, rows[i].text, rows[i].zone,
				(long long)next_s);
		CU_ASSERT_EQUAL(next_s, utc(n[0], n[1], n[2], n[3], n[4]));
	}
}

static void expressions_mean_what_they_say(void)
{
	static const struct {
		const char *text;
		int after[5], next[5];
	} rows[] = {
		{ "*/5 * * * *", { 2026, 11, 23, 1, 52 }, { 2026, 11, 23, 1, 55 } },
		{ "5/15 * * * *", { 2026, 11, 23, 1, 36 }, { 2026, 11, 23, 1, 50 } },
		{ "0 9 * * mon-fri", { 2026, 11, 20, 9, 0 }, { 2026, 11, 23, 9, 0 } },
		{ "0 9 * * MON", { 2026, 11, 23, 9, 0 }, { 2026, 11, 30, 9, 0 } },
		{ "0 9 * * 7", { 2026, 11, 23, 9, 0 }, { 2026, 11, 29, 9, 0 } },
		{ "0 9 * * sat-sun", { 2026, 11, 28, 9, 0 }, { 2026, 11, 29, 9, 0 } },
		{ "0 9 * * 5-7", { 2026, 11, 23, 9, 0 }, { 2026, 11, 27, 9, 0 } },
		{ "0 0 1 jan,jul *", { 2026, 11, 23, 0, 0 }, { 2027, 1, 1, 0, 0 } },
		/* Leap days; 2100 is no leap year. */
		{ "0 0 29 2 *", { 2026, 11, 23, 0, 0 }, { 2028, 2, 29, 0, 0 } },
		{ "0 0 29 2 *", { 2096, 2, 29, 0, 0 }, { 2104, 2, 29, 0, 0 } },
		{ "0 0 L * *", { 2027, 1, 31, 0, 0 }, { 2027, 2, 28, 0, 0 } },
		{ "0 0 L 2 *", { 2027, 12, 1, 0, 0 }, { 2028, 2, 29, 0, 0 } },
		{ "0 0 L-2 * *", { 2027, 2, 1, 0, 0 }, { 2027, 2, 26, 0, 0 } },
		{ "0 0 l,15 * *", { 2026, 11, 15, 0, 0 }, { 2026, 11, 30, 0, 0 } },
		{ "0 0 * * friL", { 2026, 11, 23, 0, 0 }, { 2026, 11, 27, 0, 0 } },
		{ "0 0 * * 5L", { 2026, 11, 27, 0, 0 }, { 2026, 12, 25, 0, 0 } },
		{ "0 0 * * L5", { 2026, 11, 27, 0, 0 }, { 2026, 12, 25, 0, 0 } },
		{ "0 0 ? * 5L", { 2026, 11, 27, 0, 0 }, { 2026, 12, 25, 0, 0 } },
		/* Either of two day fields; both where one begins with a star. */
		{ "0 0 13 * fri", { 2026, 11, 23, 0, 0 }, { 2026, 11, 27, 0, 0 } },
		{ "0 0 13 * fri", { 2026, 12, 11, 0, 0 }, { 2026, 12, 13, 0, 0 } },
		{ "0 0 */2 * mon", { 2026, 11, 23, 0, 0 }, { 2026, 12, 7, 0, 0 } },
		{ "@daily", { 2026, 11, 23, 0, 0 }, { 2026, 11, 24, 0, 0 } },
		{ "@midnight", { 2026, 11, 23, 5, 0 }, { 2026, 11, 24, 0, 0 } },
		{ "@hourly", { 2026, 11, 23, 0, 5 }, { 2026, 11, 23, 1, 0 } },
		{ "@weekly", { 2026, 11, 23, 0, 0 }, { 2026, 11, 29, 0, 0 } },
		{ "@monthly", { 2026, 11, 23, 0, 0 }, { 2026, 12, 1, 0, 0 } },
		{ "@Yearly", { 2026, 11, 23, 0, 0 }, { 2027, 1, 1, 0, 0 } },
		{ "@annually", { 2026, 11, 23, 0, 0 }, { 2027, 1, 1, 0, 0 } },
	};
	OWNED(zone) struct zone *zone = open_zone("UTC");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cron cron = parse(rows[i].text);
		const int *a = rows[i].after, *n = rows[i].next;
		int64_t next_s = cron_next(&cron, zone, utc(a[0], a[1], a[2], a[3], a[4]));
		if (next_s != utc(n[0], n[1], n[2], n[3], n[4]))
			fprintf(stderr, "%s: %lld\n", rows[i].text, (long long)next_s);
		CU_ASSERT_EQUAL(next_s, utc(n[0], n[1], n[2], n[3], n[4]));
	}
	/* Six fields: the second in front. */
	struct cron cron = parse("*/20 59 23 31 12 *");
	int64_t at = utc(2026, 1, 1, 0, 0);
	static const int seconds[] = { 0, 20, 40 };
	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
		at = cron_next(&cron, zone, at);
		CU_ASSERT_EQUAL(at, utc(2026, 12, 31, 23, 59) + seconds[i]);
	}
	CU_ASSERT_EQUAL(cron_next(&cron, zone, at), utc(2027, 12, 31, 23, 59));
}

static void a_bad_expression_names_its_field(void)
{
	static const struct {
		const char *text, *fault;
	} rows[] = {
		{ "", "expected five fields" },
		{ "* * * *", "expected five fields" },
		{ "* * * * * * *", "expected five fields" },
		{ "60 * * * *", "the field minute takes 0 to 59" },
		{ "* 24 * * *", "the field hour takes 0 to 23" },
		{ "* * 0 * *", "the field day of the month takes 1 to 31" },
		{ "* * 32 * *", "the field day of the month takes 1 to 31" },
		{ "* * * 13 *", "the field month takes 1 to 12 or jan to dec" },
		{ "* * * * 8", "the field day of the week takes 0 to 7 or sun to sat" },
		{ "* * * foo *", "got \"foo\"" },
		{ "* * * january *", "got \"january\"" },
		{ "61 * * * * *", "the field second takes 0 to 59" },
		{ "*/0 * * * *", "got \"*/0\"" },
		{ "*/ * * * *", "got \"*/\"" },
		{ "1,,2 * * * *", "got \"\"" },
		{ "1- * * * *", "got \"1-\"" },
		{ "-1 * * * *", "got \"-1\"" },
		{ "99999999999 * * * *", "the field minute" },
		{ "L * * * *", "the field minute" },
		{ "* * L-31 * *", "got \"L-31\"" },
		{ "* * * * L", "and friL for the last Friday" },
		{ "* * 15W * *", "got \"15W\"" },
		{ "* 22-2 * * *", "the field hour counts backwards in \"22-2\"" },
		{ "0 0 30 2 *", "never comes" },
		{ "0 0 31 4,6 *", "never comes" },
		{ "0 0 L-29 2 *", "never comes" },
		{ "@reboot", "expected @yearly" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cron cron;
		struct error err = { 0 };
		CU_ASSERT_FALSE(cron_parse(rows[i].text, &cron, &err));
		if (!strstr(err.text, rows[i].fault))
			fprintf(stderr, "%s: %s\n", rows[i].text, err.text);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, rows[i].fault));
	}
	/* Beside a weekday the impossible date is only idle. */
	parse("0 0 30 2 mon");
}

/* Open at each minute as the wall clock of that day says, outside changes of clocks. */
static void hours_open_and_close_by_the_clock_of_their_zone(void)
{
	static const struct {
		struct hours hours;
		const char *zone;
		int at[5];
		bool is_open;
		int until[5]; /* year 0: never */
	} rows[] = {
		/* The contract's: 02:00 to 05:00 on Monday and Tuesday in Madrid. */
		{ { 120, 300, 0x06 }, "Europe/Madrid", { 2026, 11, 23, 0, 59 }, false,
			{ 2026, 11, 23, 1, 0 } },
		{ { 120, 300, 0x06 }, "Europe/Madrid", { 2026, 11, 23, 1, 0 }, true,
			{ 2026, 11, 23, 4, 0 } },
		{ { 120, 300, 0x06 }, "Europe/Madrid", { 2026, 11, 23, 4, 0 }, false,
			{ 2026, 11, 24, 1, 0 } },
		{ { 120, 300, 0x06 }, "Europe/Madrid", { 2026, 11, 24, 4, 0 }, false,
			{ 2026, 11, 30, 1, 0 } },
		/* Over midnight: the day is the one on which it opens. */
		{ { 1320, 360, 0x20 }, "UTC", { 2026, 11, 28, 5, 59 }, true,
			{ 2026, 11, 28, 6, 0 } },
		{ { 1320, 360, 0x20 }, "UTC", { 2026, 11, 27, 5, 59 }, false,
			{ 2026, 11, 27, 22, 0 } },
		/* All day on some days; all day on all days. */
		{ { 0, 1440, 0x41 }, "UTC", { 2026, 11, 28, 12, 0 }, true, { 2026, 11, 30, 0, 0 } },
		{ { 0, 0, 0x41 }, "UTC", { 2026, 11, 30, 0, 0 }, false, { 2026, 12, 5, 0, 0 } },
		{ { 480, 480, 0x7f }, "Asia/Tokyo", { 2026, 11, 28, 12, 0 }, true, { 0 } },
		{ { 0, 1440, 0x7f }, "Europe/Madrid", { 2026, 10, 25, 1, 30 }, true, { 0 } },
		/* Clocks go forward: 02:30 is 03:00 (01:00 UTC), and the window is shorter. */
		{ { 150, 300, 0x7f }, "Europe/Madrid", { 2015, 3, 29, 0, 59 }, false,
			{ 2015, 3, 29, 1, 0 } },
		{ { 150, 300, 0x7f }, "Europe/Madrid", { 2015, 3, 29, 1, 0 }, true,
			{ 2015, 3, 29, 3, 0 } },
		/* In the skipped hour as a whole: not that day. */
		{ { 125, 170, 0x7f }, "Europe/Madrid", { 2015, 3, 29, 0, 30 }, false,
			{ 2015, 3, 30, 0, 5 } },
		/* Clocks go back: from the first 02:00 on, and 03:00 comes after both. */
		{ { 120, 180, 0x7f }, "Europe/Madrid", { 2015, 10, 25, 1, 30 }, true,
			{ 2015, 10, 25, 2, 0 } },
		/* It closes at the first 02:30, and stays closed at the second 02:15. */
		{ { 60, 150, 0x7f }, "Europe/Madrid", { 2015, 10, 25, 0, 29 }, true,
			{ 2015, 10, 25, 0, 30 } },
		{ { 60, 150, 0x7f }, "Europe/Madrid", { 2015, 10, 25, 1, 15 }, false,
			{ 2015, 10, 26, 0, 0 } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		OWNED(zone) struct zone *zone = open_zone(rows[i].zone);
		const int *a = rows[i].at, *u = rows[i].until;
		int64_t until_s, expected = u[0] ? utc(u[0], u[1], u[2], u[3], u[4]) : ZONE_NEVER;
		bool is_open = hours_are_open(
			&rows[i].hours, zone, utc(a[0], a[1], a[2], a[3], a[4]), &until_s);
		if (is_open != rows[i].is_open || until_s != expected)
			fprintf(stderr, "row %zu: %d until %lld\n", i, is_open, (long long)until_s);
		CU_ASSERT_EQUAL(is_open, rows[i].is_open);
		CU_ASSERT_EQUAL(until_s, expected);
	}
}

/* Step by step through two years: what is told of the next change is what comes. */
static void hours_change_when_they_said(void)
{
	static const struct hours all[] = { { 120, 300, 0x7f }, { 1380, 150, 0x2a },
		{ 90, 105, 0x01 }, { 0, 720, 0x55 }, { 150, 150, 0x08 } };
	for (size_t z = 0; z < ARRAY_SIZE(zones); z++) {
		OWNED(zone) struct zone *zone = open_zone(zones[z]);
		for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
			int64_t at = utc(2024, 1, 1, 0, 0), until_s, end = utc(2026, 1, 1, 0, 0);
			while (at < end) {
				bool is_open = hours_are_open(&all[i], zone, at, &until_s);
				int64_t before_s, after_s;
				CU_ASSERT_TRUE_FATAL(until_s > at && until_s < ZONE_NEVER);
				CU_ASSERT_EQUAL(
					hours_are_open(&all[i], zone, until_s - 1, &before_s),
					is_open);
				CU_ASSERT_EQUAL(before_s, until_s);
				CU_ASSERT_EQUAL(
					hours_are_open(&all[i], zone, until_s, &after_s), !is_open);
				at = until_s;
			}
		}
	}
}

int main(void)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(the_calendar_goes_there_and_back),
		SUITE_TEST(zones_agree_with_the_c_library),
		SUITE_TEST(a_zone_that_is_missing_is_named),
		SUITE_TEST(a_broken_file_is_refused),
		SUITE_TEST(expressions_mean_what_they_say),
		SUITE_TEST(a_bad_expression_names_its_field),
		SUITE_TEST(changes_of_clocks_follow_the_stated_rule),
		SUITE_TEST(both_changes_of_many_zones_are_as_a_walk_over_each_minute),
		SUITE_TEST(a_day_that_does_not_exist_is_the_next_instant),
		SUITE_TEST(hours_open_and_close_by_the_clock_of_their_zone),
		SUITE_TEST(hours_change_when_they_said),
	};
	return suite_run("cron", tests, ARRAY_SIZE(tests));
}
