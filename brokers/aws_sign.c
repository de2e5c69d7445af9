/* Signature Version 4; see the header. */
#include "brokers/aws_sign.h"

#include <assert.h>
#include <ctype.h>
#include <sha2.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#define ALGORITHM  "AWS4-HMAC-SHA256"
#define DAY_LENGTH 8

struct digest {
	uint8_t bytes[SHA256_DIGEST_LENGTH];
};

/* HMAC (RFC 2104) with SHA-256. */
static struct digest hmac(const void *key, size_t key_length, const char *text, size_t length)
{
	uint8_t inner[SHA256_BLOCK_LENGTH] = { 0 }, outer[SHA256_BLOCK_LENGTH];
	struct digest digest;
	SHA2_CTX context;
	if (key_length > sizeof inner) {
		SHA256Init(&context);
		SHA256Update(&context, key, key_length);
		SHA256Final(inner, &context);
	} else {
		memcpy(inner, key, key_length);
	}
	for (size_t i = 0; i < sizeof inner; i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	SHA256Init(&context);
	SHA256Update(&context, inner, sizeof inner);
	SHA256Update(&context, (const uint8_t *)text, length);
	SHA256Final(digest.bytes, &context);
	SHA256Init(&context);
	SHA256Update(&context, outer, sizeof outer);
	SHA256Update(&context, digest.bytes, sizeof digest.bytes);
	SHA256Final(digest.bytes, &context);
	explicit_bzero(inner, sizeof inner);
	explicit_bzero(outer, sizeof outer);
	explicit_bzero(&context, sizeof context);
	return digest;
}

static struct digest hmac_next(struct digest key, const char *text)
{
	struct digest next = hmac(key.bytes, sizeof key.bytes, text, strlen(text));
	explicit_bzero(&key, sizeof key);
	return next;
}

/* Lower case, without blanks around, runs of blanks as one. */
static void put_header(FILE *text, const struct http_header *header)
{
	for (const char *at = header->name; *at; at++)
		fputc(tolower((unsigned char)*at), text);
	fputc(':', text);
	const char *value = header->value + strspn(header->value, " \t");
	for (bool is_blank = false; *value; value++) {
		if (*value == ' ' || *value == '\t') {
			is_blank = true;
			continue;
		}
		if (is_blank)
			fputc(' ', text);
		is_blank = false;
		fputc(*value, text);
	}
	fputc('\n', text);
}

static void put_names(FILE *text, const struct http_header *headers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i)
			fputc(';', text);
		for (const char *at = headers[i].name; *at; at++)
			fputc(tolower((unsigned char)*at), text);
	}
}

/* Escapes all but unreserved characters and slashes: what was escaped before is so twice. */
static void put_path(FILE *text, const char *path)
{
	for (; *path; path++) {
		bool is_plain = isalnum((unsigned char)*path) || strchr("-._~/", *path);
		fprintf(text, is_plain ? "%c" : "%%%02X", (unsigned char)*path);
	}
}

static char *canonical(const struct aws_request *request, const struct http_header *sorted)
{
	char *out = NULL;
	size_t size;
	char hash[SHA256_DIGEST_STRING_LENGTH];
	FILE *text = open_memstream(&out, &size);
	if (!text)
		abort();
	fprintf(text, "%s\n", request->method);
	put_path(text, request->path);
	fputs("\n\n", text);
	for (size_t i = 0; i < request->header_count; i++)
		put_header(text, &sorted[i]);
	fputc('\n', text);
	put_names(text, sorted, request->header_count);
	SHA256Data((const uint8_t *)request->body, request->length, hash);
	fprintf(text, "\n%s", hash);
	if (fclose(text) != 0)
		abort();
	return out;
}

static int compare_headers(const void *left, const void *right)
{
	const struct http_header *a = left, *b = right;
	return strcasecmp(a->name, b->name);
}

static char *names_of(const struct http_header *sorted, size_t count)
{
	char *out = NULL;
	size_t size;
	FILE *text = open_memstream(&out, &size);
	if (!text)
		abort();
	put_names(text, sorted, count);
	if (fclose(text) != 0)
		abort();
	return out;
}

static struct digest signing_key(const char *secret, const char *day, const struct aws_scope *scope)
{
	OWNED(free) char *start = xprintf("AWS4%s", secret);
	struct digest key = hmac(start, strlen(start), day, strlen(day));
	explicit_bzero(start, strlen(start));
	key = hmac_next(key, scope->region);
	key = hmac_next(key, scope->service);
	return hmac_next(key, "aws4_request");
}

static void put_hex(const struct digest *digest, char out[SHA256_DIGEST_STRING_LENGTH])
{
	for (size_t i = 0; i < sizeof digest->bytes; i++)
		snprintf(out + 2 * i, 3, "%02x", digest->bytes[i]);
}

char *aws_sign(const struct aws_request *request, const struct aws_keys *keys,
	const struct aws_scope *scope, const char date[AWS_DATE_SIZE])
{
	assert(request->header_count <= AWS_HEADERS_MAX);
	struct http_header sorted[AWS_HEADERS_MAX];
	memcpy(sorted, request->headers, request->header_count * sizeof *sorted);
	qsort(sorted, request->header_count, sizeof *sorted, compare_headers);

	OWNED(free) char *text = canonical(request, sorted);
	char hash[SHA256_DIGEST_STRING_LENGTH];
	SHA256Data((const uint8_t *)text, strlen(text), hash);
	explicit_bzero(text, strlen(text));

	OWNED(free) char *day = xstrndup(date, DAY_LENGTH);
	OWNED(free)
	char *place = xprintf("%s/%s/%s/aws4_request", day, scope->region, scope->service);
	OWNED(free) char *to_sign = xprintf(ALGORITHM "\n%s\n%s\n%s", date, place, hash);
	struct digest signature = hmac_next(signing_key(keys->secret, day, scope), to_sign);
	put_hex(&signature, hash);
	OWNED(free) char *names = names_of(sorted, request->header_count);
	return xprintf(ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s", keys->id,
		place, names, hash);
}

void aws_date(int64_t wall_ms, char out[AWS_DATE_SIZE])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm parts;
	gmtime_r(&seconds, &parts);
	strftime(out, AWS_DATE_SIZE, "%Y%m%dT%H%M%SZ", &parts);
}

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void aws_keys_finish(struct aws_keys *keys)
{
	wipe(keys->id);
	wipe(keys->secret);
	wipe(keys->token);
	*keys = (struct aws_keys){ 0 };
}

struct aws_keys aws_keys_copy(const struct aws_keys *keys)
{
	return (struct aws_keys){
		.id = xstrdup(keys->id),
		.secret = xstrdup(keys->secret),
		.token = xstrdup(keys->token),
		.expires_at_ms = keys->expires_at_ms,
	};
}
