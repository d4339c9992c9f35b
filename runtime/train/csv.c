/*
 * CSV text as fields: a reader of bytes that knows its place, and one function per kind
 * of field.
 */
#include "runtime/train/csv.h"

#include <string.h>

/* ---- bytes ----------------------------------------------------------------------- */

void lj_csv_open(struct lj_csv *csv, const char *name, char separator, FILE *file,
                 const char *text, size_t length)
{
  csv->name = name;
  csv->separator = separator;
  csv->file = file;
  csv->next = file ? csv->block : text;
  csv->end = file ? csv->block : text + length;
  csv->line = csv->column = 1;
  csv->field_line = csv->field_column = 1;
  csv->in_row = false;
  csv->length = 0;
  csv->field[0] = 0;
}

/* The next byte without taking it; EOF at the end. */
static int peek(struct lj_csv *csv)
{
  if (csv->next == csv->end) {
    if (!csv->file)
      return EOF;
    size_t got = fread(csv->block, 1, sizeof csv->block, csv->file);
    csv->next = csv->block;
    csv->end = csv->block + got;
    if (!got)
      return EOF;
  }
  return (unsigned char)*csv->next;
}

static void take(struct lj_csv *csv)
{
  csv->next++;
  csv->column++;
}

/* Take a line end, be it LF, CR or CRLF. */
static void take_line_end(struct lj_csv *csv)
{
  bool carriage_return = peek(csv) == '\r';
  take(csv);
  if (carriage_return && peek(csv) == '\n')
    take(csv);
  csv->line++;
  csv->column = 1;
}

static bool is_line_end(int byte)
{
  return byte == '\n' || byte == '\r';
}

static bool is_blank(int byte)
{
  return byte == ' ' || byte == '\t';
}

/* ---- errors ---------------------------------------------------------------------- */

static lossjit_status fail_at(const struct lj_csv *csv, size_t line, size_t column,
                              lossjit_train_error *error, const char *what)
{
  return lj_train_fail(error, LOSSJIT_INVALID, "%s:%zu:%zu: %s", csv->name, line,
                       column, what);
}

lossjit_status lj_csv_fail(const struct lj_csv *csv, lossjit_train_error *error,
                           const char *format, ...)
{
  char what[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  return fail_at(csv, csv->field_line, csv->field_column, error, what);
}

/* ---- fields ---------------------------------------------------------------------- */

static lossjit_status keep(struct lj_csv *csv, int byte, lossjit_train_error *error)
{
  if (byte == 0)
    return fail_at(csv, csv->line, csv->column, error,
                   "a zero byte: this is not a text file");
  if (csv->length == LJ_CSV_LONGEST_FIELD)
    return lj_csv_fail(csv, error, "a field of more than %d bytes",
                       LJ_CSV_LONGEST_FIELD);
  csv->field[csv->length++] = (char)byte;
  return LOSSJIT_OK;
}

/* Line ends inside are kept as LF. */
static lossjit_status quoted_field(struct lj_csv *csv, lossjit_train_error *error)
{
  take(csv);
  for (;;) {
    int byte = peek(csv);
    if (byte == EOF)
      return lj_csv_fail(csv, error, "this quote is never closed");
    if (is_line_end(byte)) {
      LJ_TRAIN_TRY(keep(csv, '\n', error));
      take_line_end(csv);
      continue;
    }
    take(csv);
    if (byte == '"') {
      if (peek(csv) != '"')
        break;
      take(csv);
    }
    LJ_TRAIN_TRY(keep(csv, byte, error));
  }
  while (is_blank(peek(csv)) && peek(csv) != (unsigned char)csv->separator)
    take(csv);
  int after = peek(csv);
  if (after != EOF && after != (unsigned char)csv->separator && !is_line_end(after))
    return fail_at(csv, csv->line, csv->column, error,
                   "text after the closing quote of a field");
  return LOSSJIT_OK;
}

static lossjit_status plain_field(struct lj_csv *csv, lossjit_train_error *error)
{
  for (;;) {
    int byte = peek(csv);
    if (byte == EOF || byte == (unsigned char)csv->separator || is_line_end(byte))
      break;
    if (byte == '"')
      return fail_at(csv, csv->line, csv->column, error,
                     "a quote inside a field that does not begin with one");
    LJ_TRAIN_TRY(keep(csv, byte, error));
    take(csv);
  }
  while (csv->length && is_blank((unsigned char)csv->field[csv->length - 1]))
    csv->length--;
  return LOSSJIT_OK;
}

static lossjit_status read_field(struct lj_csv *csv, lossjit_train_error *error)
{
  while (is_blank(peek(csv)) && peek(csv) != (unsigned char)csv->separator)
    take(csv);
  csv->field_line = csv->line;
  csv->field_column = csv->column;
  csv->length = 0;
  csv->quoted = peek(csv) == '"';
  LJ_TRAIN_TRY(csv->quoted ? quoted_field(csv, error) : plain_field(csv, error));
  csv->field[csv->length] = 0;
  return LOSSJIT_OK;
}

/* ---- rows ------------------------------------------------------------------------ */

static void skip_byte_order_mark(struct lj_csv *csv)
{
  if (csv->line != 1 || csv->column != 1)
    return;
  peek(csv);
  if (csv->end - csv->next >= 3 && !memcmp(csv->next, "\xef\xbb\xbf", 3))
    csv->next += 3;
}

/* A line of blanks only is a blank line too, unless blanks separate. */
static void skip_blank_lines(struct lj_csv *csv)
{
  for (;;) {
    while (is_blank(peek(csv)) && peek(csv) != (unsigned char)csv->separator)
      take(csv);
    if (!is_line_end(peek(csv)))
      return;
    take_line_end(csv);
  }
}

static lossjit_status end_of_file(struct lj_csv *csv, lossjit_train_error *error)
{
  if (csv->file && ferror(csv->file))
    return fail_at(csv, csv->line, csv->column, error, "the file cannot be read");
  return LOSSJIT_OK;
}

lossjit_status lj_csv_next(struct lj_csv *csv, enum lj_csv_event *event,
                           lossjit_train_error *error)
{
  if (!csv->in_row) {
    skip_byte_order_mark(csv);
    skip_blank_lines(csv);
    *event = LJ_CSV_END;
    if (peek(csv) == EOF)
      return end_of_file(csv, error);
  } else {
    int byte = peek(csv);
    if (byte != (unsigned char)csv->separator) {
      csv->in_row = false;
      *event = LJ_CSV_ROW_END;
      if (is_line_end(byte))
        take_line_end(csv);
      return end_of_file(csv, error);
    }
    take(csv);
  }
  csv->in_row = true;
  *event = LJ_CSV_FIELD;
  return read_field(csv, error);
}
