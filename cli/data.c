/*
 * DATA as it stands on the command line.
 */
#include "cli/data.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool ends_with(const char *text, const char *ending)
{
  size_t length = strlen(text), tail = strlen(ending);
  return length >= tail && strcmp(text + length - tail, ending) == 0;
}

static bool parse_json(struct cli_pool *pool, const char *text, size_t length,
                       struct cli_array *array, struct cli_error *error)
{
  json_t *value = cli_read_json(text, length, error);
  bool ok = value && cli_json_array(pool, value, array, error);
  json_decref(value);
  return ok;
}

/* The reader for a file is chosen by its name; what has no known ending is taken for
 * .npy, whose first bytes say whether it is one. */
static bool read_array_file(struct cli_pool *pool, const char *path,
                            struct cli_array *array, struct cli_error *error)
{
  char *bytes;
  size_t length;
  bool ok;
  struct cli_error inner;
  if (!cli_read_file(pool, path, CLI_DATA_LIMIT, &bytes, &length, error))
    return false;
  if (ends_with(path, ".csv"))
    return cli_parse_csv(pool, path, bytes, length, array, error);
  if (ends_with(path, ".json"))
    ok = parse_json(pool, bytes, length, array, &inner);
  else
    ok = cli_parse_npy(pool, bytes, length, array, &inner);
  return ok || cli_fail(error, "%s: %s", path, inner.text);
}

/* A plain number, also inf and nan. */
static bool parse_number(const char *text, double *number, bool *out_of_range)
{
  char *behind;
  errno = 0;
  *number = strtod(text, &behind);
  if (behind == text)
    return false;
  *out_of_range = errno == ERANGE && isinf(*number);
  return behind[strspn(behind, " \t\n")] == '\0';
}

bool cli_read_data(struct cli_pool *pool, const char *text, struct cli_array *array,
                   struct cli_error *error)
{
  double number;
  bool out_of_range = false;
  if (*text == '@')
    return read_array_file(pool, text + 1, array, error);
  if (!parse_number(text, &number, &out_of_range)) {
    if (text[strspn(text, " \t\n")] != '[')
      return cli_fail(error, "expected a number, a JSON array, @file.npy or @file.csv");
    return parse_json(pool, text, strlen(text), array, error);
  }
  if (out_of_range)
    return cli_fail(error, "%s is too large for a number", text);
  bool whole = number == nearbyint(number) && fabs(number) < 0x1p53;
  cli_array_make(pool, array, whole ? LOSSJIT_I64 : LOSSJIT_F64, 0, NULL, error);
  array->loose = whole;
  cli_array_set(array, 0, number);
  return true;
}
