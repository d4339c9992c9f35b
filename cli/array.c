/*
 * Arrays of the command: memory, elements, conversion between dtypes.
 *
 * Conversion refuses what it cannot hold instead of rounding it away silently: a label
 * of 0.5 or an f32 of 1e300 is a mistake in the data worth hearing about. Rounding to
 * the nearest f32 is what everybody expects and happens without a word.
 */
#include "cli/data.h"

#include <float.h>
#include <math.h>
#include <string.h>

bool cli_array_make(struct cli_pool *pool, struct cli_array *array, lossjit_dtype dtype,
                    int32_t rank, const int64_t *sizes, struct cli_error *error)
{
  int64_t count = 1;
  *array = (struct cli_array){.dtype = dtype, .rank = rank};
  for (int32_t i = 0; i < rank; i++)
    if (sizes[i] == 0)
      count = 0;
  for (int32_t i = 0; i < rank; i++) {
    array->sizes[i] = sizes[i];
    if (sizes[i] < 0 || sizes[i] > CLI_SIZE_LIMIT ||
        __builtin_mul_overflow(count, sizes[i], &count) || count > CLI_SIZE_LIMIT)
      return cli_fail(error, "an array of shape %s is too large",
                      cli_shape_text(pool, rank, sizes));
  }
  array->count = (size_t)count;
  array->data = cli_alloc_array(pool, lossjit_dtype_size(dtype), array->count);
  return true;
}

double cli_array_number(const struct cli_array *array, size_t i)
{
  switch (array->dtype) {
  case LOSSJIT_F32:
    return ((const float *)array->data)[i];
  case LOSSJIT_F64:
    return ((const double *)array->data)[i];
  case LOSSJIT_I32:
    return ((const int32_t *)array->data)[i];
  case LOSSJIT_I64:
    return (double)((const int64_t *)array->data)[i];
  default:
    return ((const uint8_t *)array->data)[i];
  }
}

void cli_array_set(struct cli_array *array, size_t i, double value)
{
  switch (array->dtype) {
  case LOSSJIT_F32:
    ((float *)array->data)[i] = (float)value;
    break;
  case LOSSJIT_F64:
    ((double *)array->data)[i] = value;
    break;
  case LOSSJIT_I32:
    ((int32_t *)array->data)[i] = (int32_t)value;
    break;
  case LOSSJIT_I64:
    ((int64_t *)array->data)[i] = (int64_t)value;
    break;
  default:
    ((uint8_t *)array->data)[i] = value != 0;
  }
}

/* NULL if `value` can be held, else what is wrong with it. */
static const char *misfit(lossjit_dtype dtype, double value)
{
  switch (dtype) {
  case LOSSJIT_F32:
    return isfinite(value) && isinf((float)value) ? "is too large for f32" : NULL;
  case LOSSJIT_F64:
    return NULL;
  case LOSSJIT_I32:
    if (value < INT32_MIN || value > INT32_MAX)
      return "is too large for i32";
    return value == nearbyint(value) ? NULL : "is not a whole number";
  case LOSSJIT_I64: /* 2^63 itself does not fit */
    if (value < (double)INT64_MIN || value >= -(double)INT64_MIN)
      return "is too large for i64";
    return value == nearbyint(value) ? NULL : "is not a whole number";
  default:
    return value == 0 || value == 1 ? NULL : "is neither 0 nor 1";
  }
}

bool cli_array_convert(struct cli_pool *pool, const struct cli_array *from,
                       lossjit_dtype dtype, const char *name, struct cli_array *to,
                       struct cli_error *error)
{
  if (from->dtype == dtype) {
    *to = *from;
    return true;
  }
  if (!cli_array_make(pool, to, dtype, from->rank, from->sizes, error))
    return false;
  for (size_t i = 0; i < from->count; i++) {
    double value = cli_array_number(from, i);
    const char *problem = misfit(dtype, value);
    if (problem)
      return cli_fail(error, "%s: element %zu, %.9g, %s", name, i, value, problem);
    cli_array_set(to, i, value);
  }
  return true;
}

char *cli_shape_text(struct cli_pool *pool, int32_t rank, const int64_t *sizes)
{
  char text[32 * LOSSJIT_MAX_RANK] = "";
  size_t used = 0;
  for (int32_t i = 0; i < rank && i < LOSSJIT_MAX_RANK; i++) {
    const char *comma = i ? ", " : "";
    if (sizes[i] == LOSSJIT_BATCH || sizes[i] == LOSSJIT_ANY)
      used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", comma,
                               sizes[i] == LOSSJIT_BATCH ? "batch" : "?");
    else
      used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld", comma,
                               (long long)sizes[i]);
  }
  return cli_format(pool, "(%s%s)", text, rank == 1 ? "," : "");
}
