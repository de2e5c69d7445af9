/* libcurl's functions by name; see the header. */
#include "base/http_library.h"

#include "base/library.h"
#include "base/memory.h"

#define FUNCTION(member)                                          \
	{                                                         \
		"curl_" #member, (void **)(void *)&library.member \
	}

bool http_library_load(struct http_library *out, struct error *err)
{
	struct http_library library = { 0 };
	const struct library_symbol symbols[] = {
		FUNCTION(global_init),
		FUNCTION(global_cleanup),
		FUNCTION(easy_init),
		FUNCTION(easy_setopt),
		FUNCTION(easy_getinfo),
		FUNCTION(easy_cleanup),
		FUNCTION(easy_strerror),
		FUNCTION(slist_append),
		FUNCTION(slist_free_all),
		FUNCTION(multi_init),
		FUNCTION(multi_setopt),
		FUNCTION(multi_add_handle),
		FUNCTION(multi_remove_handle),
		FUNCTION(multi_socket_action),
		FUNCTION(multi_assign),
		FUNCTION(multi_info_read),
		FUNCTION(multi_cleanup),
	};
	if (!library_load("libcurl.so.4", "libcurl4", symbols, ARRAY_SIZE(symbols), err))
		return false;
	*out = library;
	return true;
}
