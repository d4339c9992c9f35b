/*
 * Matching a compiled loss with the data it is to be called with.
 *
 * Everything that could make a call wrong is found here, where the message can name the
 * input and both shapes: missing data, another rank or size, batches of different
 * length, values that the input's dtype cannot hold.
 */
#include "cli/reading.h"

#include <string.h>

char *cli_input_text(struct cli_pool *pool, const lossjit_input *input)
{
  return cli_format(pool, "%s %s%s", input->name, lossjit_dtype_name(input->dtype),
                    cli_shape_text(pool, input->rank, input->sizes));
}

static bool bind_sizes(struct cli_pool *pool, const lossjit_input *wanted,
                       const struct cli_array *array, struct cli_reading *reading,
                       lossjit_input *shape, struct cli_error *error)
{
  bool fits = wanted->rank == array->rank;
  for (int32_t k = 0; fits && k < array->rank; k++)
    fits = wanted->sizes[k] < 0 || wanted->sizes[k] == array->sizes[k];
  if (!fits)
    return cli_fail(error, "%s: the data has shape %s, the expression takes %s",
                    wanted->name, cli_shape_text(pool, array->rank, array->sizes),
                    cli_shape_text(pool, wanted->rank, wanted->sizes));
  for (int32_t k = 0; k < array->rank; k++) {
    if (wanted->sizes[k] != LOSSJIT_BATCH) {
      shape->sizes[k] = array->sizes[k];
      continue;
    }
    if (reading->batch != LOSSJIT_ANY && reading->batch != array->sizes[k])
      return cli_fail(error, "%s has %lld samples, inputs before it have %lld",
                      wanted->name, (long long)array->sizes[k],
                      (long long)reading->batch);
    reading->batch = array->sizes[k];
  }
  return true;
}

static bool bind_input(struct cli_pool *pool, const struct cli_request *request,
                       bool need_data, size_t i, struct cli_reading *reading,
                       struct cli_error *error)
{
  const lossjit_input *wanted = lossjit_loss_input(reading->loss, i);
  const struct cli_input *from = cli_find_input(request, wanted->name);
  reading->shapes[i] = *wanted;
  if (!from)
    return !need_data || cli_fail(error, "there is no data for %s (give %s=...)",
                                  cli_input_text(pool, wanted), wanted->name);
  if (!bind_sizes(pool, wanted, &from->array, reading, &reading->shapes[i], error))
    return false;
  return !from->array.data ||
         cli_array_convert(pool, &from->array, wanted->dtype, wanted->name,
                           &reading->arrays[i], error);
}

/* Parameters: the defaults, but for those that were given. */
static bool bind_parameters(struct cli_pool *pool, const struct cli_request *request,
                            struct cli_reading *reading, struct cli_error *error)
{
  size_t count = lossjit_loss_parameter_count(reading->loss);
  reading->parameters = CLI_NEW_ARRAY(pool, double, count);
  for (size_t i = 0; i < count; i++) {
    const char *name =
        lossjit_loss_parameter(reading->loss, i, &reading->parameters[i]);
    const struct cli_input *from = cli_find_input(request, name);
    if (!from || !from->array.data)
      continue;
    if (from->array.rank != 0)
      return cli_fail(error, "%s is one number, the data has shape %s", name,
                      cli_shape_text(pool, from->array.rank, from->array.sizes));
    reading->parameters[i] = cli_array_number(&from->array, 0);
  }
  return true;
}

bool cli_bind(struct cli_pool *pool, const struct cli_request *request, bool need_data,
              struct cli_reading *reading, struct cli_error *error)
{
  size_t count = lossjit_loss_input_count(reading->loss);
  reading->input_count = count;
  reading->shapes = CLI_NEW_ARRAY(pool, lossjit_input, count);
  reading->arrays = CLI_NEW_ARRAY(pool, struct cli_array, count);
  reading->batch = LOSSJIT_ANY;
  for (size_t i = 0; i < count; i++)
    if (!bind_input(pool, request, need_data, i, reading, error))
      return false;
  return bind_parameters(pool, request, reading, error);
}
