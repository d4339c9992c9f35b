/*
 * Numbers out of comma-separated text.
 *
 * A first line without anything that begins like a number is a header and is skipped;
 * one with a single such field is data, and a mistake where it is no number: "1O" must
 * not cost a row in silence. One column gives shape (rows,), several give (rows,
 * columns): a single column is what a list of labels or of targets looks like. Fields
 * may stand in quotes. "inf" and "nan" are numbers; an empty field is a mistake.
 */
#include "cli/data.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct csv {
  struct cli_pool *pool;
  const char *name; /* of the file */
  const char *at, *end, *line_begin;
  double *values;
  size_t count, capacity;
  int64_t rows, columns;
  int line;
  bool whole; /* all numbers so far are whole */
  struct cli_error *error;
};

/* A field without its quotes and the blanks around it. */
struct field {
  const char *text;
  size_t length;
};

/* The line is wrong at `place`. */
static bool fail_at(struct csv *csv, const char *place, const char *what)
{
  return cli_fail(csv->error, "%s:%d:%td: %s", csv->name, csv->line,
                  place - csv->line_begin + 1, what);
}

static bool fail_field(struct csv *csv, const struct field *field, const char *what)
{
  int shown = field->length > 40 ? 40 : (int)field->length;
  if (!field->length)
    return fail_at(csv, field->text, "there is no value");
  return cli_fail(csv->error, "%s:%d:%td: '%.*s' %s", csv->name, csv->line,
                  field->text - csv->line_begin + 1, shown, field->text, what);
}

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

/* ---- fields ---------------------------------------------------------------------- */

static bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct csv *csv)
{
  while (csv->at < csv->end && is_blank(*csv->at))
    csv->at++;
}

static bool at_separator(const struct csv *csv)
{
  return csv->at == csv->end || *csv->at == ',' || *csv->at == '\n';
}

static void trim(struct field *field)
{
  for (; field->length && is_blank(*field->text); field->length--)
    field->text++;
  while (field->length && is_blank(field->text[field->length - 1]))
    field->length--;
}

/* From behind the opening quote to behind the closing one; a pair of quotes is a
 * quote. */
static bool skip_quoted(struct csv *csv)
{
  const char *open = csv->at - 1;
  for (; csv->at < csv->end && *csv->at != '\n'; csv->at++) {
    if (*csv->at != '"')
      continue;
    if (csv->at + 1 == csv->end || csv->at[1] != '"') {
      csv->at++;
      return true;
    }
    csv->at++;
  }
  return fail_at(csv, open, "this quote is not closed in its line");
}

/* One field, up to the separator behind it. */
static bool read_field(struct csv *csv, struct field *field)
{
  skip_blanks(csv);
  field->text = csv->at;
  if (!at_separator(csv) && *csv->at == '"') {
    field->text = ++csv->at;
    if (!skip_quoted(csv))
      return false;
    field->length = (size_t)(csv->at - 1 - field->text);
    skip_blanks(csv);
    if (!at_separator(csv))
      return fail_at(csv, csv->at, "text after the closing quote of a field");
  } else {
    while (!at_separator(csv))
      csv->at++;
    field->length = (size_t)(csv->at - field->text);
  }
  trim(field);
  return true;
}

/* ---- numbers --------------------------------------------------------------------- */

static bool looks_like_number(const struct field *field)
{
  return field->length && strchr("0123456789+-.", *field->text) && *field->text;
}

/* strtod reads hexadecimal too, and more words; a column of numbers holds neither. */
static bool is_spelt_like_number(const struct field *field)
{
  static const char *const words[] = {"nan", "inf", "infinity"};
  size_t sign = field->length && (*field->text == '-' || *field->text == '+');
  for (size_t i = 0; i < CLI_COUNT(words); i++)
    if (field->length - sign == strlen(words[i]) &&
        strncasecmp(field->text + sign, words[i], field->length - sign) == 0)
      return true;
  return field->length && strspn(field->text, "0123456789+-.eE") >= field->length;
}

/* NULL if the field is a number, else what is wrong with it. */
static const char *read_number(const struct field *field, double *number)
{
  char *behind;
  errno = 0;
  *number = is_spelt_like_number(field) ? strtod(field->text, &behind) : 0;
  if (is_spelt_like_number(field) && behind == field->text + field->length)
    return errno == ERANGE && isinf(*number) ? "is too large for a number" : NULL;
  for (size_t i = 0; i < field->length; i++)
    if (field->text[i] && strchr(";\t |", field->text[i]))
      return "is not a number: the separator of columns is a comma";
  return "is not a number";
}

/* ---- lines ----------------------------------------------------------------------- */

/* Step over a separator; false where the line ends. */
static bool next_field(struct csv *csv)
{
  return csv->at < csv->end && *csv->at++ == ',';
}

static bool read_row(struct csv *csv)
{
  int64_t columns = 0;
  do {
    struct field field;
    double number;
    if (!read_field(csv, &field))
      return false;
    const char *problem = read_number(&field, &number);
    if (problem)
      return fail_field(csv, &field, problem);
    push(csv, number);
    columns++;
  } while (next_field(csv));
  if (csv->rows && columns != csv->columns)
    return cli_fail(csv->error,
                    "%s:%d:1: the row has %lld column%s, those before it have %lld",
                    csv->name, csv->line, (long long)columns, columns == 1 ? "" : "s",
                    (long long)csv->columns);
  csv->columns = columns;
  csv->rows++;
  return true;
}

/* Skip the first line if it is a header. */
static bool skip_header(struct csv *csv, bool *skipped)
{
  const char *begin = csv->at;
  bool all_numbers = true, some_like = false;
  do {
    struct field field;
    double number;
    if (!read_field(csv, &field))
      return false;
    all_numbers &= read_number(&field, &number) == NULL;
    some_like |= looks_like_number(&field);
  } while (next_field(csv));
  *skipped = !all_numbers && !some_like;
  if (!*skipped)
    csv->at = begin;
  return true;
}

/* Read all rows into csv->values. */
static bool read_rows(struct csv *csv)
{
  bool seen = false, header = false;
  while (csv->at < csv->end) {
    csv->line++;
    csv->line_begin = csv->at;
    skip_blanks(csv);
    if (csv->at == csv->end || *csv->at == '\n') {
      csv->at += csv->at < csv->end;
      continue;
    }
    if (!seen && !skip_header(csv, &header))
      return false;
    if ((seen || !header) && !read_row(csv))
      return false;
    seen = true;
  }
  if (!seen)
    return cli_fail(csv->error, "%s is empty", csv->name);
  return csv->rows ||
         cli_fail(csv->error, "%s: there is no row after the header", csv->name);
}

bool cli_parse_csv(struct cli_pool *pool, const char *name, const char *text,
                   size_t length, struct cli_array *array, struct cli_error *error)
{
  struct csv csv = {.pool = pool, .name = name, .at = text, .error = error};
  csv.end = text + length;
  csv.whole = true;
  if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
    csv.at += 3; /* spreadsheets put a byte order mark first */
  if (!read_rows(&csv))
    return false;
  int64_t sizes[2] = {csv.rows, csv.columns};
  struct cli_array reals;
  if (!cli_array_make(pool, &reals, LOSSJIT_F64, csv.columns > 1 ? 2 : 1, sizes, error))
    return false;
  memcpy(reals.data, csv.values, csv.count * sizeof *csv.values);
  if (!cli_array_convert(pool, &reals, csv.whole ? LOSSJIT_I64 : LOSSJIT_F64, name,
                         array, error))
    return false;
  array->loose = csv.whole;
  return true;
}
