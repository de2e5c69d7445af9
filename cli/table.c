/* Aligned columns; see table.h. */
#include "cli/table.h"

#include "base/clock.h"
#include "base/jsontext.h"

#include <stdbool.h>
#include <string.h>
#include <wchar.h>

#define COLUMNS_MAX 16

struct table {
	size_t column_count;
	char *titles[COLUMNS_MAX];
	bool is_right[COLUMNS_MAX];
	size_t widths[COLUMNS_MAX];
	char **cells;
	size_t cell_count, cell_room;
	bool has_heading;
};

/* Bytes of the character at text and its cells; 0 cells mark what must not reach a terminal. */
static size_t measure(const char *text, size_t length, size_t *cells)
{
	mbstate_t state = { 0 };
	wchar_t character;
	size_t bytes = mbrtowc(&character, text, length, &state);
	*cells = 0;
	if (bytes == 0 || bytes > length)
		return 1;
	int width = wcwidth(character);
	*cells = width > 0 ? (size_t)width : 0;
	return bytes;
}

static size_t width_of(const char *text)
{
	size_t width = 0, length = strlen(text), cells;
	for (size_t at = 0; at < length; width += cells)
		at += measure(text + at, length - at, &cells);
	return width;
}

char *table_clean(const char *text, size_t width)
{
	size_t length = strlen(text), used = 0, out = 0, cells;
	char *clean = xmalloc(length + 4);
	for (size_t at = 0; at < length;) {
		size_t bytes = measure(text + at, length - at, &cells);
		if (width && used + (cells ? cells : 1) > width - 1 && at + bytes < length) {
			memcpy(clean + out, "\u2026", 3);
			out += 3;
			break;
		}
		if (cells)
			memcpy(clean + out, text + at, bytes);
		else
			clean[out] = '?';
		out += cells ? bytes : 1;
		used += cells ? cells : 1;
		at += bytes;
	}
	clean[out] = '\0';
	return clean;
}

struct table *table_create(const char *columns)
{
	struct table *table = xcalloc(1, sizeof *table);
	while (*columns && table->column_count < COLUMNS_MAX) {
		size_t column = table->column_count++;
		table->is_right[column] = *columns == '>';
		columns += table->is_right[column];
		size_t length = strcspn(columns, "|");
		table->titles[column] = xstrndup(columns, length);
		table->widths[column] = width_of(table->titles[column]);
		columns += length + (columns[length] == '|');
	}
	return table;
}

static void forget_rows(struct table *table)
{
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i]);
	table->cell_count = 0;
}

void table_destroy(struct table *table)
{
	forget_rows(table);
	free(table->cells);
	for (size_t i = 0; i < table->column_count; i++)
		free(table->titles[i]);
	free(table);
}

void table_add(struct table *table, const char *text)
{
	size_t column = table->cell_count % table->column_count;
	char *cell = table_clean(text && *text ? text : "-", 0);
	size_t width = width_of(cell);
	if (width > table->widths[column])
		table->widths[column] = width;
	table->cells =
		xgrow(table->cells, table->cell_count, &table->cell_room, sizeof *table->cells);
	table->cells[table->cell_count++] = cell;
}

void table_add_json(struct table *table, const json_t *value)
{
	OWNED(free) char *text = NULL;
	if (json_is_string(value))
		text = xstrdup(json_string_value(value));
	else if (json_is_real(value))
		text = xprintf("%.1f", json_real_value(value));
	else if (value && !json_is_null(value))
		text = jsontext_print(value);
	table_add(table, text);
}

void table_add_number(struct table *table, int64_t number)
{
	OWNED(free) char *text = xprintf("%lld", (long long)number);
	table_add(table, text);
}

void table_add_time(struct table *table, int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE] = "";
	if (wall_ms) {
		char *fraction = strchr(clock_format(wall_ms, text), '.');
		if (fraction)
			memcpy(fraction, "Z", 2);
	}
	table_add(table, text);
}

static void print_cell(const struct table *table, size_t column, const char *text, FILE *file)
{
	bool is_last = column + 1 == table->column_count;
	int padding = (int)(table->widths[column] - width_of(text));
	if (table->is_right[column])
		fprintf(file, "%*s%s", padding, "", text);
	else
		fprintf(file, "%s%*s", text, is_last ? 0 : padding, "");
	fputs(is_last ? "\n" : "  ", file);
}

void table_print(struct table *table, FILE *file)
{
	for (size_t i = 0; !table->has_heading && i < table->column_count; i++)
		print_cell(table, i, table->titles[i], file);
	table->has_heading = true;
	for (size_t i = 0; i < table->cell_count; i++)
		print_cell(table, i % table->column_count, table->cells[i], file);
	forget_rows(table);
}
