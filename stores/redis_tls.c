/* TLS for links to Redis; see the header. */
#include "stores/redis_tls.h"

#ifdef REEVE_REDIS_TLS
#include "base/library.h"

#include <hiredis/hiredis_ssl.h>

#define TEXT(word)  TEXT_(word)
#define TEXT_(word) #word

static int (*init_openssl)(void);
static int (*initiate)(redisContext *, redisSSLContext *);
static const char *(*explain)(redisSSLContextError);
static redisSSLContext *(*create_with)(redisSSLOptions *, redisSSLContextError *);

static const struct library_symbol symbols[] = {
	{ "redisInitOpenSSL", (void **)&init_openssl },
	{ "redisCreateSSLContextWithOptions", (void **)&create_with },
	{ "redisInitiateSSLWithContext", (void **)&initiate },
	{ "redisSSLContextGetError", (void **)&explain },
};

/* One context for the life of the process: sessions are not renewed, authorities are read once. */
static redisSSLContext *get_context(const struct redis_address *address, struct error *err)
{
	static redisSSLContext *context;
	const char *insecure = url_find(&address->url, "insecure");
	const char *ca = url_find(&address->url, "ca");
	redisSSLContextError cause = REDIS_SSL_CTX_NONE;
	if (context)
		return context;
	if (!init_openssl) {
		if (!library_load("libhiredis_ssl.so." TEXT(HIREDIS_SONAME), "libhiredis1.1.0",
			    symbols, ARRAY_SIZE(symbols), err))
			return NULL;
		init_openssl();
	}
	redisSSLOptions options = {
		.cacert_filename = ca ? ca : "/etc/ssl/certs/ca-certificates.crt",
		.server_name = address->url.hosts[0].name,
		.verify_mode = insecure && strcmp(insecure, "1") == 0 ? REDIS_SSL_VERIFY_NONE
								      : REDIS_SSL_VERIFY_PEER,
	};
	context = create_with(&options, &cause);
	if (!context)
		error_set(err, ERROR_UNAVAILABLE, "redis %s: TLS: %s", address->shown,
			explain(cause));
	return context;
}

bool redis_tls_begin(struct redis_wire *wire, struct error *err)
{
	redisSSLContext *context = get_context(wire->address, err);
	if (!context)
		return false;
	if (initiate(wire->context, context) != REDIS_OK)
		return error_set(err, ERROR_UNAVAILABLE, "redis %s: TLS: %s", wire->address->shown,
			wire->context->errstr);
	return true;
}
#else
bool redis_tls_begin(struct redis_wire *wire, struct error *err)
{
	return error_set(
		err, ERROR_INVALID, "redis %s: this build has no TLS", wire->address->shown);
}
#endif
