/* Structs as JSON objects; see fields.h. */
#include "supervisor/fields.h"

#include "base/memory.h"

#include <limits.h>

static json_t *write_list(const int64_t *numbers, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_integer(numbers[i]));
	return list;
}

static json_t *write_field(const struct field *field, const void *from)
{
	const void *at = (const char *)from + field->offset;
	switch (field->kind) {
	case FIELD_BOOL:
		return json_boolean(*(const bool *)at);
	case FIELD_INT:
		return json_integer(*(const int *)at);
	case FIELD_INT64:
		return field->size == sizeof(int64_t)
			       ? json_integer(*(const int64_t *)at)
			       : write_list(at, field->size / sizeof(int64_t));
	case FIELD_UINT64:
		return json_integer((json_int_t) * (const uint64_t *)at);
	case FIELD_DOUBLE:
		return json_real(*(const double *)at);
	case FIELD_TEXT:
		return json_string(at);
	}
	return NULL;
}

json_t *fields_write(const struct field *fields, size_t count, const void *from)
{
	json_t *object = json_object();
	for (size_t i = 0; i < count; i++)
		json_object_set_new(object, fields[i].name, write_field(&fields[i], from));
	return object;
}

/* What JSON can say of a number; false where it is none. */
static bool read_number(const json_t *value, int64_t least, int64_t most, int64_t *out)
{
	if (!json_is_integer(value) || json_integer_value(value) < least ||
		json_integer_value(value) > most)
		return false;
	*out = json_integer_value(value);
	return true;
}

static bool read_int(const json_t *value, int *out)
{
	int64_t number;
	if (!read_number(value, INT_MIN, INT_MAX, &number))
		return false;
	*out = (int)number;
	return true;
}

/* A list of another length is another version's: what both know is taken. */
static bool read_int64(const json_t *value, size_t count, int64_t *out)
{
	if (count == 1)
		return read_number(value, INT64_MIN, INT64_MAX, out);
	size_t given = json_array_size(value);
	for (size_t i = 0; i < count && i < given; i++)
		if (!read_number(json_array_get(value, i), INT64_MIN, INT64_MAX, &out[i]))
			return false;
	return json_is_array(value);
}

static bool read_uint64(const json_t *value, uint64_t *out)
{
	int64_t number;
	if (!read_number(value, INT64_MIN, INT64_MAX, &number))
		return false;
	*out = (uint64_t)number;
	return true;
}

static bool read_text(const json_t *value, size_t size, char *out)
{
	if (!json_is_string(value) || json_string_length(value) >= size)
		return false;
	memcpy(out, json_string_value(value), json_string_length(value) + 1);
	return true;
}

static bool read_field(const struct field *field, const json_t *value, void *to)
{
	void *at = (char *)to + field->offset;
	switch (field->kind) {
	case FIELD_BOOL:
		*(bool *)at = json_is_true(value);
		return json_is_boolean(value);
	case FIELD_INT:
		return read_int(value, at);
	case FIELD_INT64:
		return read_int64(value, field->size / sizeof(int64_t), at);
	case FIELD_UINT64:
		return read_uint64(value, at);
	case FIELD_DOUBLE:
		*(double *)at = json_number_value(value);
		return json_is_number(value);
	case FIELD_TEXT:
		return read_text(value, field->size, at);
	}
	return false;
}

bool fields_read(
	const struct field *fields, size_t count, const json_t *object, void *to, struct error *err)
{
	if (!json_is_object(object))
		return error_set(err, ERROR_INVALID, "expected an object");
	for (size_t i = 0; i < count; i++) {
		const json_t *value = json_object_get(object, fields[i].name);
		if (value && !read_field(&fields[i], value, to))
			return error_set(
				err, ERROR_INVALID, "\"%s\" can't be read", fields[i].name);
	}
	return true;
}
