/* A fleet-wide count, split over hosts; see scaling.h. */
#include "supervisor/scaling.h"

/* What may be given to a host in a round: to what it has busy; then to what is free there. */
typedef int room(const struct scaling_host *host);

static int busy_room(const struct scaling_host *host)
{
	if (host->is_absent || host->capacity < 0 || host->busy < 0)
		return 0;
	return host->busy < host->capacity ? host->busy : host->capacity;
}

static int free_room(const struct scaling_host *host)
{
	return host->is_absent || host->capacity < 0 ? 0 : host->capacity - busy_room(host);
}

/*
 * In proportion to the rooms: a host's share is the step of floor(wanted · sum / total) from the
 * sum of the rooms before it to the sum with its own. So the shares add up to `wanted`, and none
 * is more than its room. Answers how many were given.
 */
static int deal(
	int wanted, const struct scaling_host *hosts, size_t count, room *room_of, int *shares)
{
	int64_t total = 0, sum = 0, given = 0;
	for (size_t i = 0; i < count; i++)
		total += room_of(&hosts[i]);
	if (wanted > total)
		wanted = (int)total;
	if (wanted <= 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		sum += room_of(&hosts[i]);
		int64_t until = wanted * sum / total;
		shares[i] += (int)(until - given);
		given = until;
	}
	return wanted;
}

void scaling_split(int wanted, const struct scaling_host *hosts, size_t count, int *shares)
{
	for (size_t i = 0; i < count; i++)
		shares[i] = 0;
	wanted -= deal(wanted, hosts, count, busy_room, shares);
	deal(wanted, hosts, count, free_room, shares);
}
