/* Places a row of zone1970.tab: "+404251-0740023" (ISO 6709) to decimal degrees. */
#include "examples/stream.h"

/* ±DDMM, ±DDDMM, ±DDMMSS or ±DDDMMSS; degrees takes what is left of the digits. */
static double degrees(const char *text, size_t length)
{
	int seconds_digits = length >= 7 ? 2 : 0;
	size_t degree_digits = length - 1 - 2 - (size_t)seconds_digits;
	char part[4] = { 0 };
	memcpy(part, text + 1, degree_digits);
	double value = atoi(part);
	char two[3] = { text[1 + degree_digits], text[2 + degree_digits], 0 };
	value += atoi(two) / 60.0;
	if (seconds_digits) {
		char last[3] = { text[3 + degree_digits], text[4 + degree_digits], 0 };
		value += atoi(last) / 3600.0;
	}
	return text[0] == '-' ? -value : value;
}

static json_t *place(const json_t *envelope, const char **failure)
{
	const json_t *row = json_object_get(envelope, "payload");
	const char *zone = json_string_value(json_object_get(row, "zone"));
	const char *position = json_string_value(json_object_get(row, "position"));
	size_t latitude = position && *position ? 1 + strcspn(position + 1, "+-") : 0;
	size_t longitude = latitude ? strlen(position) - latitude : 0;
	if (!zone || latitude < 5 || latitude > 7 || longitude < 6 || longitude > 8) {
		*failure = "the row has no zone or no position";
		return NULL;
	}
	double north = degrees(position, latitude);
	double east = degrees(position + latitude, longitude);
	return json_pack("{s:s, s:f, s:f}", "zone", zone, "north", north, "east", east);
}

int main(void)
{
	return stream_serve(place);
}
