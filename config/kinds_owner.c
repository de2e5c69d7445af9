/*
 * Kinds for users and groups: names that the databases of the machine must know (passwd(5),
 * group(5), or what nsswitch.conf(5) puts in their place). They are looked up here, once, so that
 * nothing has to be asked between fork and exec.
 */
#include "config/kinds.h"
#include "config/reading.h"
#include "config/units.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>

#define FIRST_ROOM 1024
#define MOST_ROOM  (1024 * 1024)
#define GROUPS_MAX 65536 /* NGROUPS_MAX of Linux */

/* A row of a database with the texts that it points to; the room grows as getpwnam_r(3) asks. */
struct room {
	char *bytes;
	size_t size;
};

static bool wants_more(struct room *room, int answer)
{
	if (answer != ERANGE || room->size >= MOST_ROOM)
		return false;
	room->size *= 2;
	room->bytes = xrealloc(room->bytes, room->size);
	return true;
}

static void make_room(struct room *room)
{
	*room = (struct room){ xcalloc(1, FIRST_ROOM), FIRST_ROOM };
}

/* NULL where nobody has this name; a number is looked up where it is no name. */
static const struct passwd *find_user(const char *text, struct passwd *row, struct room *room)
{
	struct passwd *found = NULL;
	int64_t number;
	while (wants_more(room, getpwnam_r(text, row, room->bytes, room->size, &found)))
		continue;
	if (!found && units_parse_integer(text, 10, &number) && number >= 0 && number < UINT32_MAX)
		while (wants_more(
			room, getpwuid_r((uid_t)number, row, room->bytes, room->size, &found)))
			continue;
	return found;
}

static bool find_group(const char *text, gid_t *out)
{
	struct room room;
	struct group row, *found = NULL;
	int64_t number;
	make_room(&room);
	while (wants_more(&room, getgrnam_r(text, &row, room.bytes, room.size, &found)))
		continue;
	const bool is_number = !found && units_parse_integer(text, 10, &number) && number >= 0 &&
			       number < UINT32_MAX;
	while (is_number &&
		wants_more(&room, getgrgid_r((gid_t)number, &row, room.bytes, room.size, &found)))
		continue;
	if (found)
		*out = found->gr_gid;
	free(room.bytes);
	return found != NULL;
}

static void list_groups(struct config_user *user)
{
	int count = 0;
	getgrouplist(user->login, user->gid, NULL, &count);
	if (count <= 0 || count > GROUPS_MAX)
		count = GROUPS_MAX;
	user->groups = xcalloc((size_t)count, sizeof *user->groups);
	if (getgrouplist(user->login, user->gid, user->groups, &count) < 0)
		count = 0;
	user->group_count = (size_t)count;
}

static bool read_user(struct reading *reading)
{
	struct filled filled;
	struct passwd row;
	struct room room;
	if (!reading_own_text(reading, &filled))
		return false;
	make_room(&room);
	const struct passwd *found = find_user(filled.text, &row, &room);
	if (found) {
		struct config_user *user = reading_field(reading->key, reading->base);
		*user = (struct config_user){ .name = xstrdup(filled.text),
			.uid = found->pw_uid,
			.gid = found->pw_gid,
			.login = xstrdup(found->pw_name),
			.home = xstrdup(found->pw_dir),
			.shell = xstrdup(*found->pw_shell ? found->pw_shell : "/bin/sh") };
		list_groups(user);
		if (filled.is_filled)
			reading->origin->shown = reading_json(filled.shown);
	}
	free(room.bytes);
	return found || reading_fault(reading, "this machine has no user %s",
				faults_quote(&reading->loading->arena, filled.shown));
}

static bool equal_texts(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool equal_ids(const gid_t *a, size_t a_count, const gid_t *b, size_t b_count)
{
	return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * sizeof *a) == 0);
}

/* The database may have changed under the same name. */
static bool equal_user(const struct key *key, const void *base, const void *other)
{
	const struct config_user *a = reading_field_of(key, base);
	const struct config_user *b = reading_field_of(key, other);
	return !a->name == !b->name && a->uid == b->uid && a->gid == b->gid &&
	       equal_texts(a->login, b->login) && equal_texts(a->home, b->home) &&
	       equal_texts(a->shell, b->shell) &&
	       equal_ids(a->groups, a->group_count, b->groups, b->group_count);
}

static json_t *show_user(const struct key *key, const void *base)
{
	const struct config_user *user = reading_field_of(key, base);
	return user->name ? reading_json(user->name) : json_null();
}

static void drop_user(const struct key *key, void *base)
{
	struct config_user *user = reading_field(key, base);
	free(user->name);
	free(user->login);
	free(user->home);
	free(user->shell);
	free(user->groups);
	*user = (struct config_user){ 0 };
}

static bool read_group(const struct reading *reading, const struct where *at,
	const struct node *node, struct config_groups *groups)
{
	struct filled filled;
	gid_t id;
	if (!reading_text(reading, at, node, &filled))
		return false;
	if (!find_group(filled.text, &id))
		return faults_add(&reading->loading->faults, at, "this machine has no group %s",
			faults_quote(&reading->loading->arena, filled.shown));
	groups->names[groups->count] = xstrdup(filled.shown);
	groups->ids[groups->count++] = id;
	return true;
}

static void drop_groups(const struct key *key, void *base)
{
	struct config_groups *groups = reading_field(key, base);
	for (size_t i = 0; i < groups->count; i++)
		free(groups->names[i]);
	free(groups->names);
	free(groups->ids);
	*groups = (struct config_groups){ 0 };
}

/* One text is a list of one. */
static bool read_groups(struct reading *reading)
{
	const struct node *node = reading->node;
	struct config_groups *groups = reading_field(reading->key, reading->base);
	const bool is_list = node->kind == NODE_LIST;
	if (node->kind == NODE_MAP || node_is_null(node))
		return reading_unexpected(reading, &reading->at, node);
	const size_t count = is_list ? node->count : 1;
	if (count > GROUPS_MAX)
		return reading_fault(reading, "more than %d groups", GROUPS_MAX);
	groups->names = xcalloc(count + 1, sizeof *groups->names);
	groups->ids = xcalloc(count + 1, sizeof *groups->ids);
	if (!is_list)
		return read_group(reading, &reading->at, node, groups);
	bool is_whole = true;
	for (size_t i = 0; i < count; i++) {
		struct where at =
			faults_inside(&reading->loading->arena, &reading->at, &node->entries[i]);
		is_whole &= read_group(reading, &at, node->entries[i].value, groups);
	}
	return is_whole;
}

static bool equal_groups(const struct key *key, const void *base, const void *other)
{
	const struct config_groups *a = reading_field_of(key, base);
	const struct config_groups *b = reading_field_of(key, other);
	return !a->names == !b->names && equal_ids(a->ids, a->count, b->ids, b->count);
}

static json_t *show_groups(const struct key *key, const void *base)
{
	const struct config_groups *groups = reading_field_of(key, base);
	if (!groups->names)
		return json_null();
	json_t *list = json_array();
	for (size_t i = 0; i < groups->count; i++)
		json_array_append_new(list, reading_json(groups->names[i]));
	return list;
}

const struct kind kind_user = {
	.noun = "a user",
	.read = read_user,
	.equal = equal_user,
	.show = show_user,
	.drop = drop_user,
};
const struct kind kind_groups = {
	.noun = "a list of groups",
	.read = read_groups,
	.equal = equal_groups,
	.show = show_groups,
	.drop = drop_groups,
};
