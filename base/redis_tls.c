/* TLS for connections to Redis; see the header. */
#include "base/redis_tls.h"

#ifdef REEVE_REDIS_TLS
#include "base/library.h"
#include "base/memory.h"

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

/* Made once for each address of the process and kept: sessions are not renewed, authorities are
 * read once. */
struct kept_context {
	struct kept_context *next;
	redisSSLContext *context;
	redisSSLOptions options; /* its texts are owned */
};

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_kept_for(const struct kept_context *kept, const redisSSLOptions *options)
{
	return kept->options.verify_mode == options->verify_mode &&
	       is_same(kept->options.cacert_filename, options->cacert_filename) &&
	       is_same(kept->options.cert_filename, options->cert_filename) &&
	       is_same(kept->options.private_key_filename, options->private_key_filename) &&
	       is_same(kept->options.server_name, options->server_name);
}

static bool load(struct error *err)
{
	if (init_openssl)
		return true;
	if (!library_load("libhiredis_ssl.so." TEXT(HIREDIS_SONAME), "libhiredis1.1.0", symbols,
		    ARRAY_SIZE(symbols), err))
		return false;
	init_openssl();
	return true;
}

static const char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static redisSSLContext *get_context(const struct redis_address *address, struct error *err)
{
	static struct kept_context *contexts;
	const char *insecure = url_find(&address->url, "insecure");
	const char *ca = url_find(&address->url, "ca");
	redisSSLContextError cause = REDIS_SSL_CTX_NONE;
	redisSSLOptions options = {
		.cacert_filename = ca ? ca : "/etc/ssl/certs/ca-certificates.crt",
		.cert_filename = url_find(&address->url, "cert"),
		.private_key_filename = url_find(&address->url, "key"),
		.server_name = redis_address_host(address),
		.verify_mode = insecure && strcmp(insecure, "1") == 0 ? REDIS_SSL_VERIFY_NONE
								      : REDIS_SSL_VERIFY_PEER,
	};
	for (struct kept_context *kept = contexts; kept; kept = kept->next)
		if (is_kept_for(kept, &options))
			return kept->context;
	redisSSLContext *context = load(err) ? create_with(&options, &cause) : NULL;
	if (!context && cause != REDIS_SSL_CTX_NONE)
		error_set(err, ERROR_UNAVAILABLE, "TLS: %s", explain(cause));
	if (!context)
		return NULL;
	struct kept_context *kept = xcalloc(1, sizeof *kept);
	*kept = (struct kept_context){ .next = contexts, .context = context, .options = options };
	kept->options.cacert_filename = copy(options.cacert_filename);
	kept->options.cert_filename = copy(options.cert_filename);
	kept->options.private_key_filename = copy(options.private_key_filename);
	kept->options.server_name = copy(options.server_name);
	contexts = kept;
	return context;
}

bool redis_tls_begin(
	redisContext *connection, const struct redis_address *address, struct error *err)
{
	redisSSLContext *context = get_context(address, err);
	if (!context)
		return false;
	if (initiate(connection, context) != REDIS_OK)
		return error_set(err, ERROR_UNAVAILABLE, "TLS: %s", connection->errstr);
	return true;
}
#else
bool redis_tls_begin(
	redisContext *connection, const struct redis_address *address, struct error *err)
{
	(void)connection, (void)address;
	return error_set(err, ERROR_INVALID, "this build has no TLS");
}
#endif
