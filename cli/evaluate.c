/*
 * From bound data to loss, gradients and reduced value; see evaluate.h.
 */
#include "cli/evaluate.h"

#include <string.h>

void cli_result_shape(const struct cli_reading *reading, int32_t *rank, int64_t *sizes)
{
  const lossjit_input *result = lossjit_loss_output(reading->loss);
  *rank = result->rank;
  for (int32_t k = 0; k < result->rank; k++)
    sizes[k] = result->sizes[k] == LOSSJIT_BATCH ? reading->batch : result->sizes[k];
}

/* ---- weights --------------------------------------------------------------------- */

/* Strides, in elements, with which `from` repeats over the result's axes, aligned at
 * the first: weights of (batch,) go with a result of (batch, n), as in Keras. */
static bool weight_strides(const struct cli_array *from, int32_t rank,
                           const int64_t *sizes, int64_t *strides)
{
  int32_t from_rank = from->rank;
  while (from_rank > rank && from->sizes[from_rank - 1] == 1)
    from_rank--;
  if (from_rank > rank)
    return false;
  int64_t stride = 1;
  for (int32_t k = rank - 1; k >= 0; k--) {
    strides[k] = 0;
    if (k >= from_rank || from->sizes[k] == 1)
      continue;
    if (from->sizes[k] != sizes[k])
      return false;
    strides[k] = stride;
    stride *= from->sizes[k];
  }
  return true;
}

bool cli_expand_weights(struct cli_pool *pool, struct cli_evaluation *evaluation,
                        const struct cli_array *given, struct cli_error *error)
{
  int32_t rank;
  int64_t sizes[LOSSJIT_MAX_RANK], strides[LOSSJIT_MAX_RANK],
      index[LOSSJIT_MAX_RANK] = {0};
  cli_result_shape(evaluation->reading, &rank, sizes);
  if (rank == 0 || !weight_strides(given, rank, sizes, strides))
    return cli_fail(error,
                    "sample_weight has shape %s, which does not go with a result of "
                    "shape %s",
                    cli_shape_text(pool, given->rank, given->sizes),
                    cli_shape_text(pool, rank, sizes));
  struct cli_array *to = &evaluation->weights;
  lossjit_dtype dtype = lossjit_loss_output(evaluation->reading->loss)->dtype;
  if (!cli_array_make(pool, to, dtype, rank, sizes, error))
    return false;
  int64_t position = 0;
  for (size_t i = 0; i < to->count; i++) {
    cli_array_set(to, i, cli_array_number(given, (size_t)position));
    for (int32_t k = rank - 1; k >= 0; k--) {
      position += strides[k];
      if (++index[k] < sizes[k])
        break;
      position -= strides[k] * sizes[k];
      index[k] = 0;
    }
  }
  evaluation->weighting = rank == 1 ? LOSSJIT_SAMPLE_WEIGHT : LOSSJIT_ELEMENT_WEIGHT;
  return true;
}

/* ---- kernel and call ------------------------------------------------------------- */

lossjit_status cli_specialize(struct cli_evaluation *evaluation)
{
  struct cli_reading *reading = evaluation->reading;
  lossjit_specialization how = {
      .inputs = reading->shapes,
      .input_count = reading->input_count,
      .outputs = LOSSJIT_LOSS | (evaluation->want_gradients ? LOSSJIT_GRADIENT : 0u) |
                 (evaluation->no_value ? LOSSJIT_NO_VALUE : 0u),
      .weighting = evaluation->weighting,
  };
  lossjit_diagnostics *diagnostics = NULL;
  lossjit_status status =
      lossjit_loss_specialize(reading->loss, &how, &evaluation->kernel, &diagnostics);
  if (diagnostics) {
    lossjit_diagnostics_release(reading->diagnostics);
    reading->diagnostics = diagnostics;
  }
  return status;
}

static bool make_outcome(struct cli_pool *pool, const struct cli_evaluation *evaluation,
                         struct cli_outcome *outcome)
{
  const struct cli_reading *reading = evaluation->reading;
  struct cli_error error;
  int32_t rank;
  int64_t sizes[LOSSJIT_MAX_RANK];
  cli_result_shape(reading, &rank, sizes);
  lossjit_dtype dtype = lossjit_loss_output(reading->loss)->dtype;
  if (!cli_array_make(pool, &outcome->loss, dtype, rank, sizes, &error))
    return false;
  size_t count =
      evaluation->want_gradients ? lossjit_loss_gradient_count(reading->loss) : 0;
  outcome->gradient_count = count;
  outcome->gradients = CLI_NEW_ARRAY(pool, struct cli_array, count);
  outcome->gradient_names = CLI_NEW_ARRAY(pool, const char *, count);
  for (size_t i = 0; i < count; i++) {
    size_t input = lossjit_loss_gradient_input(reading->loss, i);
    const struct cli_array *array = &reading->arrays[input];
    outcome->gradient_names[i] = lossjit_loss_input(reading->loss, input)->name;
    if (!cli_array_make(pool, &outcome->gradients[i], array->dtype, array->rank,
                        array->sizes, &error))
      return false;
  }
  return true;
}

lossjit_status cli_evaluate(struct cli_pool *pool,
                            const struct cli_evaluation *evaluation, bool interpreter,
                            struct cli_outcome *outcome)
{
  const struct cli_reading *reading = evaluation->reading;
  *outcome = (struct cli_outcome){0};
  if (!make_outcome(pool, evaluation, outcome))
    return LOSSJIT_NO_MEMORY;
  lossjit_array *inputs = CLI_NEW_ARRAY(pool, lossjit_array, reading->input_count);
  for (size_t i = 0; i < reading->input_count; i++)
    inputs[i].data = reading->arrays[i].data;
  lossjit_array *gradients =
      CLI_NEW_ARRAY(pool, lossjit_array, outcome->gradient_count);
  for (size_t i = 0; i < outcome->gradient_count; i++)
    gradients[i].data = outcome->gradients[i].data;
  lossjit_call call = {
      .batch = reading->batch,
      .inputs = inputs,
      .parameters = reading->parameters,
      .reduction = evaluation->reduction,
      .denominator = evaluation->denominator,
      .weights = {.data = evaluation->weights.data},
      .loss = {.data = outcome->loss.data},
      .gradients = outcome->gradient_count ? gradients : NULL,
      .value = evaluation->no_value ? NULL : &outcome->value,
  };
  return interpreter ? lossjit_kernel_interpret(evaluation->kernel, &call)
                     : lossjit_kernel_call(evaluation->kernel, &call);
}
