/*
 * lossjit bench: inputs to measure with, and the check that what was measured is right.
 *
 * The inputs suit the expression: shapes like that of y_pred where none were given,
 * labels within range, numbers for which the loss is finite if two simple ranges can do
 * that.
 */
#include "cli/bench.h"
#include "cli/terminal.h"

#include <math.h>
#include <string.h>

#define CHECK_ELEMENTS 65536 /* compared with the interpreter, which is slow */

/* ---- inputs ---------------------------------------------------------------------- */

/* Sizes nobody gave: those of y_pred along the same axis (y_true is nearly always like
 * it). Then compile again, with everything known. */
int cli_bench_complete_shapes(struct bench *bench)
{
  struct cli_request *request = &bench->request;
  const struct cli_input *model = cli_find_input(request, "y_pred");
  size_t count = bench->reading.input_count;
  struct cli_input *inputs =
      CLI_NEW_ARRAY(&bench->cli->pool, struct cli_input, request->input_count + count);
  size_t total = request->input_count;
  memcpy(inputs, request->inputs, total * sizeof *inputs);
  for (size_t i = 0; i < count; i++) {
    const lossjit_input *shape = &bench->reading.shapes[i];
    if (cli_find_input(request, shape->name))
      continue;
    struct cli_array array = {.dtype = shape->dtype, .rank = shape->rank};
    for (int32_t k = 0; k < shape->rank; k++) {
      bool open = shape->sizes[k] < 0;
      if (open && (!model || k >= model->array.rank))
        return cli_usage(bench->cli,
                         "the sizes of %s are not all known: give --shape "
                         "%s=B,...",
                         cli_input_text(&bench->cli->pool, shape), shape->name);
      array.sizes[k] = open ? model->array.sizes[k] : shape->sizes[k];
    }
    char *name = cli_copy(&bench->cli->pool, shape->name, strlen(shape->name));
    cli_input_from_array(&inputs[total++], name, &array, request->dtype);
  }
  request->inputs = inputs;
  request->input_count = total;
  return CLI_DONE;
}

/* Numbers without a pattern, the same in every run (xorshift64*, Vigna 2016). */
static double random_unit(uint64_t *state)
{
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return (double)((*state * 0x2545f4914f6cdd1dULL) >> 11) * 0x1p-53;
}

/* Labels lie below the last size of y_pred, floats between low and high. */
static void fill(struct bench *bench, double low, double high, bool zero_labels)
{
  const struct cli_input *model = cli_find_input(&bench->request, "y_pred");
  int32_t rank = model ? model->array.rank : 0;
  int64_t classes = rank > 1 ? model->array.sizes[rank - 1] : 2;
  uint64_t state = 88172645463325252ULL;
  for (size_t i = 0; i < bench->reading.input_count; i++) {
    struct cli_array *array = &bench->reading.arrays[i];
    bool is_float = array->dtype == LOSSJIT_F32 || array->dtype == LOSSJIT_F64;
    for (size_t k = 0; k < array->count; k++) {
      double unit = random_unit(&state);
      double label = zero_labels ? 0 : floor(unit * (double)classes);
      if (array->dtype == LOSSJIT_BOOL)
        label = unit < 0.5;
      cli_array_set(array, k, is_float ? low + unit * (high - low) : label);
    }
  }
}

int cli_bench_make_inputs(struct bench *bench)
{
  struct cli_reading *reading = &bench->reading;
  struct cli_error error;
  if (reading->batch < 1)
    return cli_usage(bench->cli, "the batch must be a number above 0, as in --shape "
                                 "y_pred=65536,2");
  for (size_t i = 0; i < reading->input_count; i++) {
    const lossjit_input *shape = &reading->shapes[i];
    int64_t sizes[LOSSJIT_MAX_RANK];
    for (int32_t k = 0; k < shape->rank; k++)
      sizes[k] = shape->sizes[k] == LOSSJIT_BATCH ? reading->batch : shape->sizes[k];
    if (!cli_array_make(&bench->cli->pool, &reading->arrays[i], shape->dtype,
                        shape->rank, sizes, &error)) {
      cli_report("%s: %s", shape->name, error.text);
      return CLI_WRONG;
    }
  }
  return CLI_DONE;
}

/* ---- checking -------------------------------------------------------------------- */

/* Close for the purpose of noticing a wrong kernel, not of judging its rounding. */
static bool agree(const struct cli_array *a, const struct cli_array *b)
{
  double tolerance = a->dtype == LOSSJIT_F32 ? 1e-4 : 1e-10, scale = 0;
  for (size_t i = 0; i < a->count; i++) {
    double value = fabs(cli_array_number(b, i));
    if (isfinite(value) && value > scale)
      scale = value;
  }
  for (size_t i = 0; i < a->count; i++) {
    double x = cli_array_number(a, i), y = cli_array_number(b, i);
    bool same = x == y || (isnan(x) && isnan(y));
    if (!same && !(fabs(x - y) <= tolerance * (fabs(y) + 1e-2 * scale)))
      return false;
  }
  return true;
}

static bool all_finite(const struct cli_outcome *outcome)
{
  for (size_t i = 0; i < outcome->loss.count; i++)
    if (!isfinite(cli_array_number(&outcome->loss, i)))
      return false;
  for (size_t k = 0; k < outcome->gradient_count; k++)
    for (size_t i = 0; i < outcome->gradients[k].count; i++)
      if (!isfinite(cli_array_number(&outcome->gradients[k], i)))
        return false;
  return true;
}

/* Fill the inputs so that the loss is finite, if one of two ranges makes it so: most
 * take any number, some want probabilities. Labels that are out of range become 0. */
lossjit_status cli_bench_choose_inputs(struct bench *bench)
{
  static const double ranges[][2] = {{-2, 2}, {0.05, 0.95}};
  bool zero_labels = false;
  lossjit_status status = LOSSJIT_OK;
  for (size_t i = 0; i < CLI_COUNT(ranges); i++) {
    fill(bench, ranges[i][0], ranges[i][1], zero_labels);
    status =
        cli_evaluate(&bench->cli->pool, &bench->evaluation, false, &bench->outcome);
    if (status == LOSSJIT_LABEL_RANGE && !zero_labels) {
      zero_labels = true;
      i--;
    } else if (status != LOSSJIT_OK || all_finite(&bench->outcome)) {
      break;
    }
  }
  return status;
}

/* The same loss by kernel and interpreter, on as many of the samples as is bearable. */
lossjit_status cli_bench_check(struct bench *bench)
{
  struct cli_pool pool = {0};
  struct cli_reading part = bench->reading;
  struct cli_evaluation evaluation = bench->evaluation;
  struct cli_outcome kernel, interpreter;
  int64_t per_sample = (int64_t)bench->elements / bench->reading.batch;
  int64_t limit = CHECK_ELEMENTS / (per_sample > 0 ? per_sample : 1);
  part.batch = limit < 1 ? 1 : limit < part.batch ? limit : part.batch;
  part.arrays = CLI_NEW_ARRAY(&pool, struct cli_array, part.input_count);
  for (size_t i = 0; i < part.input_count; i++) {
    part.arrays[i] = bench->reading.arrays[i];
    if (part.shapes[i].rank > 0 && part.shapes[i].sizes[0] == LOSSJIT_BATCH)
      part.arrays[i].sizes[0] = part.batch;
  }
  evaluation.reading = &part;
  lossjit_status status = cli_evaluate(&pool, &evaluation, false, &kernel);
  if (status == LOSSJIT_OK)
    status = cli_evaluate(&pool, &evaluation, true, &interpreter);
  bench->checked = status == LOSSJIT_OK && agree(&kernel.loss, &interpreter.loss);
  for (size_t i = 0; bench->checked && i < kernel.gradient_count; i++)
    bench->checked = agree(&kernel.gradients[i], &interpreter.gradients[i]);
  cli_pool_free(&pool);
  return status;
}
