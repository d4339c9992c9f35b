/*
 * Numbers out of comma-separated text.
 *
 * A first line that does not begin with a number is a header and is skipped. One column
 * gives shape (rows,), several give (rows, columns): a single column is what a list of
 * labels or of targets looks like. "inf" and "nan" are numbers; an empty cell is a
 * mistake.
 */
#include "cli/data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct csv {
  struct cli_pool *pool;
  const char *at, *end;
  double *values;
  size_t count, capacity;
  int64_t rows, columns;
  int line;
  bool whole; /* all numbers so far are whole */
};

static void push(struct csv *csv, double value)
{
  if (csv->count == csv->capacity) {
    size_t capacity = csv->capacity ? csv->capacity * 2 : 256;
    double *larger = CLI_NEW_ARRAY(csv->pool, double, capacity);
    if (csv->count)
      memcpy(larger, csv->values, csv->count * sizeof *larger);
    csv->values = larger;
    csv->capacity = capacity;
  }
  csv->whole &= isfinite(value) && value == nearbyint(value) && fabs(value) < 0x1p53;
  csv->values[csv->count++] = value;
}

static void skip_blanks(struct csv *csv)
{
  while (csv->at < csv->end && strchr(" \t\r", *csv->at) && *csv->at)
    csv->at++;
}

/* One cell; false where it is not a number, then *at stands at its beginning. */
static bool cell(struct csv *csv)
{
  skip_blanks(csv);
  char *behind;
  const char *begin = csv->at;
  if (begin == csv->end || *begin == '\n')
    return false;
  double value = strtod(begin, &behind);
  if (behind == begin)
    return false;
  csv->at = behind;
  skip_blanks(csv);
  if (csv->at < csv->end && *csv->at != ',' && *csv->at != '\n') {
    csv->at = begin;
    return false;
  }
  push(csv, value);
  return true;
}

/* One line of cells, the line break included. */
static bool row(struct csv *csv, int64_t *columns)
{
  *columns = 0;
  for (;;) {
    if (!cell(csv))
      return false;
    ++*columns;
    if (csv->at == csv->end || *csv->at++ == '\n')
      return true;
  }
}

static void skip_line(struct csv *csv)
{
  const char *newline = memchr(csv->at, '\n', (size_t)(csv->end - csv->at));
  csv->at = newline ? newline + 1 : csv->end;
}

/* Read all rows into csv->values. */
static bool rows(struct csv *csv, struct cli_error *error)
{
  while (csv->at < csv->end) {
    const char *begin = csv->at;
    csv->line++;
    skip_blanks(csv);
    if (csv->at == csv->end || *csv->at == '\n') {
      skip_line(csv);
      continue;
    }
    int64_t columns;
    size_t count = csv->count;
    if (!row(csv, &columns)) {
      size_t length = strcspn(csv->at, ",\r\n");
      if (csv->rows || csv->line > 1 || columns > 0)
        return cli_fail(error, "line %d, column %lld: '%.*s' is not a number",
                        csv->line, (long long)columns + 1,
                        (int)(length > 40 ? 40 : length), csv->at);
      csv->count = count; /* a header */
      csv->whole = true;
      csv->at = begin;
      skip_line(csv);
      continue;
    }
    if (csv->rows && columns != csv->columns)
      return cli_fail(error, "line %d has %lld columns, those before it have %lld",
                      csv->line, (long long)columns, (long long)csv->columns);
    csv->columns = columns;
    csv->rows++;
  }
  return true;
}

bool cli_parse_csv(struct cli_pool *pool, const char *text, size_t length,
                   struct cli_array *array, struct cli_error *error)
{
  struct csv csv = {.pool = pool, .at = text, .end = text + length, .whole = true};
  if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
    csv.at += 3; /* spreadsheets put a byte order mark first */
  if (!rows(&csv, error))
    return false;
  int64_t sizes[2] = {csv.rows, csv.columns};
  struct cli_array reals;
  if (!cli_array_make(pool, &reals, LOSSJIT_F64, csv.columns > 1 ? 2 : 1, sizes, error))
    return false;
  if (csv.count)
    memcpy(reals.data, csv.values, csv.count * sizeof *csv.values);
  bool whole = csv.whole && csv.count > 0;
  if (!cli_array_convert(pool, &reals, whole ? LOSSJIT_I64 : LOSSJIT_F64, "data", array,
                         error))
    return false;
  array->loose = whole;
  return true;
}
