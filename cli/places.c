/* Where store and broker are; see the header. */
#include "cli/places.h"

#include "brokers/broker.h"
#include "stores/store.h"

bool places_check(const struct config *config, struct error *err)
{
	return store_check_url(config->store_url, err) &&
	       (!config->broker_url || broker_check_url(config->broker_url, err));
}
