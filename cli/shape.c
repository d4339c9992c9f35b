/*
 * --shape NAME=B,n: the shape of an input for which there is no data.
 *
 * As with data, arrays whose leading size is that of y_pred are led by the batch. Where
 * the batch size does not matter, the word `batch` may stand for it.
 */
#include "cli/command.h"
#include "cli/terminal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool parse_sizes(const char *text, struct cli_array *array)
{
  array->rank = 0;
  if (*text == '\0')
    return true; /* NAME= is an array of rank 0 */
  for (;;) {
    if (array->rank == LOSSJIT_MAX_RANK)
      return false;
    int64_t *size = &array->sizes[array->rank++];
    char *behind;
    if (array->rank == 1 && strncmp(text, "batch", 5) == 0) {
      *size = LOSSJIT_BATCH;
      behind = (char *)text + 5;
    } else {
      errno = 0;
      *size = strtoll(text, &behind, 10);
      if (behind == text || *size < 0 || errno)
        return false;
    }
    if (*behind == '\0')
      return true;
    if (*behind != ',')
      return false;
    text = behind + 1;
  }
}

/* Could any machine hold such an array, of one sample if the batch is open? */
static bool is_possible(const struct cli_array *array)
{
  int64_t count = 1;
  for (int32_t k = 0; k < array->rank; k++)
    if (array->sizes[k] > 0 &&
        (__builtin_mul_overflow(count, array->sizes[k], &count) ||
         count > CLI_SIZE_LIMIT))
      return false;
  return true;
}

bool cli_shapes(struct cli *cli, lossjit_dtype dtype, struct cli_input **inputs,
                size_t *count)
{
  *count = 0;
  *inputs = CLI_NEW_ARRAY(&cli->pool, struct cli_input, cli->given_count);
  for (size_t i = 0; i < cli->given_count; i++) {
    char *name;
    const char *sizes;
    struct cli_array array = {.dtype = LOSSJIT_I64, .loose = true};
    if (strcmp(cli->given[i].option->name, "shape") != 0)
      continue;
    if (!cli_split_name(cli, cli->given[i].value, &name, &sizes) ||
        !parse_sizes(sizes, &array)) {
      cli_usage(cli, "--shape %s: expected NAME=B,n,... as in y_pred=64,10",
                cli->given[i].value);
      return false;
    }
    if (!is_possible(&array)) {
      cli_usage(cli, "--shape %s: an array of shape %s is too large",
                cli->given[i].value,
                cli_shape_text(&cli->pool, array.rank, array.sizes));
      return false;
    }
    cli_input_from_array(&(*inputs)[(*count)++], name, &array, dtype);
  }
  return true;
}
