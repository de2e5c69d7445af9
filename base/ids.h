#pragma once
/* Identifiers: UUIDv7 for jobs and pushed tasks, random owners and nonces, a hash for names. */
#include <stdint.h>

#define IDS_UUID_SIZE  37
#define IDS_OWNER_SIZE 33

/* A UUID of version 7 (RFC 9562): sorts by the wall clock's millisecond, then at random. */
void ids_uuid7(char out[IDS_UUID_SIZE]);

/* 128 random bits as 32 hex digits: an owner id, never used again. */
void ids_owner(char out[IDS_OWNER_SIZE]);

/* 64 bits from the kernel's generator. */
uint64_t ids_random64(void);

/* FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/). */
uint32_t ids_fnv1a(const char *text);
