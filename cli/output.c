/*
 * Numbers, arrays and strings as text; see output.h.
 */
#include "cli/output.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers --------------------------------------------------------------------- */

const char *cli_number_text(lossjit_dtype dtype, double number,
                            char text[CLI_NUMBER_SIZE])
{
  if (isnan(number))
    return strcpy(text, "nan");
  if (isinf(number))
    return strcpy(text, number < 0 ? "-inf" : "inf");
  if (dtype != LOSSJIT_F32 && dtype != LOSSJIT_F64) {
    snprintf(text, CLI_NUMBER_SIZE, "%lld", (long long)number);
    return text;
  }
  /* 6 and 15 digits always survive, but for subnormal numbers; 9 and 17 always suffice
   * (FLT_DIG, FLT_DECIMAL_DIG and theirs for double). */
  bool subnormal = fabs(number) < (dtype == LOSSJIT_F32 ? FLT_MIN : DBL_MIN);
  int digits = subnormal ? 1 : dtype == LOSSJIT_F32 ? FLT_DIG : DBL_DIG;
  int most = dtype == LOSSJIT_F32 ? FLT_DECIMAL_DIG : DBL_DECIMAL_DIG;
  for (; digits <= most; digits++) {
    snprintf(text, CLI_NUMBER_SIZE, "%.*g", digits, number);
    if (dtype == LOSSJIT_F32 ? strtof(text, NULL) == (float)number
                             : strtod(text, NULL) == number)
      break;
  }
  return text;
}

/* ---- for people ------------------------------------------------------------------ */

#define SHOW_ALL 1000 /* arrays of up to so many elements are shown whole ... */
#define EDGE 3        /* ... of longer ones, so many at both ends of each axis */

struct table {
  FILE *file;
  const struct cli_array *array;
  bool cut;
  int width;
};

static bool hidden(const struct table *table, int32_t axis, int64_t i)
{
  int64_t size = table->array->sizes[axis];
  return table->cut && size > 2 * EDGE && i >= EDGE && i < size - EDGE;
}

/* Visit the elements that are shown; without a file, only measure their width. */
static void walk(struct table *table, int32_t axis, size_t offset, size_t count)
{
  char text[CLI_NUMBER_SIZE];
  const struct cli_array *array = table->array;
  if (axis == array->rank) {
    cli_number_text(array->dtype, cli_array_number(array, offset), text);
    if (table->file)
      fprintf(table->file, "%*s", table->width, text);
    else if ((int)strlen(text) > table->width)
      table->width = (int)strlen(text);
    return;
  }
  int64_t size = array->sizes[axis];
  size_t step = size ? count / (size_t)size : 0;
  bool innermost = axis + 1 == array->rank;
  if (table->file)
    fputc('[', table->file);
  for (int64_t i = 0; i < size; i++) {
    if (table->file && i > 0)
      fprintf(table->file, innermost ? ", " : ",\n%*s", innermost ? 0 : axis + 1, "");
    if (hidden(table, axis, i)) {
      if (table->file)
        fputs("...", table->file);
      i = size - EDGE - 1;
      continue;
    }
    walk(table, axis + 1, offset + (size_t)i * step, step);
  }
  if (table->file)
    fputc(']', table->file);
}

void cli_print_array(FILE *file, const struct cli_array *array)
{
  struct table table = {.array = array, .cut = array->count > SHOW_ALL};
  walk(&table, 0, 0, array->count);
  table.file = file;
  walk(&table, 0, 0, array->count);
  fputc('\n', file);
}

/* ---- JSON ------------------------------------------------------------------------ */

void cli_json_write_number(FILE *file, lossjit_dtype dtype, double number)
{
  char text[CLI_NUMBER_SIZE];
  cli_number_text(dtype, number, text);
  if (!isfinite(number))
    fprintf(file, "\"%s\"", text);
  else if ((dtype == LOSSJIT_F32 || dtype == LOSSJIT_F64) && !strpbrk(text, ".e"))
    fprintf(file, "%s.0", text);
  else
    fputs(text, file);
}

static void write_nested(FILE *file, const struct cli_array *array, int32_t axis,
                         size_t offset, size_t count)
{
  if (axis == array->rank) {
    cli_json_write_number(file, array->dtype, cli_array_number(array, offset));
    return;
  }
  size_t size = (size_t)array->sizes[axis], step = size ? count / size : 0;
  fputc('[', file);
  for (size_t i = 0; i < size; i++) {
    if (i)
      fputs(", ", file);
    write_nested(file, array, axis + 1, offset + i * step, step);
  }
  fputc(']', file);
}

void cli_json_write_array(FILE *file, const struct cli_array *array)
{
  write_nested(file, array, 0, 0, array->count);
}

/* Bytes of the UTF-8 character at `text`; 0 if there is none. */
static size_t character_length(const unsigned char *text)
{
  size_t length = text[0] < 0x80 ? 1 : text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
  if (text[0] >= 0x80 && (text[0] < 0xc2 || text[0] > 0xf4))
    return 0;
  for (size_t i = 1; i < length; i++)
    if ((text[i] & 0xc0) != 0x80)
      return 0;
  bool overlong =
      (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90);
  bool outside =
      (text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf4 && text[1] > 0x8f);
  return overlong || outside ? 0 : length;
}

void cli_json_write_string(FILE *file, const char *text)
{
  fputc('"', file);
  while (*text) {
    size_t length = character_length((const unsigned char *)text);
    unsigned char c = (unsigned char)*text;
    if (length == 0)
      fputs("\\ufffd", file);
    else if (c == '"' || c == '\\')
      fprintf(file, "\\%c", c);
    else if (c == '\n')
      fputs("\\n", file);
    else if (c < 0x20)
      fprintf(file, "\\u%04x", c);
    else
      fwrite(text, 1, length, file);
    text += length ? length : 1;
  }
  fputc('"', file);
}
