/*
 * Trying the readings of the inputs; see reading.h.
 *
 * A reading is a number written with one digit per input: which dtype, and whether the
 * leading size is the batch. Counting up tries the dtypes before the shapes.
 */
#include "cli/reading.h"

#include <string.h>

#define TRY_LIMIT 64 /* readings tried: each costs a compile of the front end */

void cli_input_from_array(struct cli_input *input, const char *name,
                          const struct cli_array *array, lossjit_dtype float_dtype)
{
  *input = (struct cli_input){.name = name, .array = *array, .dtype_count = 2};
  bool is_float = array->dtype == LOSSJIT_F32 || array->dtype == LOSSJIT_F64;
  if (is_float)
    input->dtype_count = 1;
  input->dtypes[0] = is_float || array->loose ? float_dtype : array->dtype;
  input->dtypes[1] = array->loose ? array->dtype : float_dtype;
  if (strcmp(name, "y_pred") == 0) {
    input->dtypes[0] = float_dtype; /* what is differentiated is a float */
    input->dtype_count = 1;
    if (array->rank == 0) { /* one sample */
      input->array.rank = 1;
      input->array.sizes[0] = 1;
    }
  }
}

struct cli_input *cli_find_input(const struct cli_request *request, const char *name)
{
  for (size_t i = 0; i < request->input_count; i++)
    if (strcmp(request->inputs[i].name, name) == 0)
      return &request->inputs[i];
  return NULL;
}

size_t cli_error_count(const lossjit_diagnostics *diagnostics)
{
  size_t errors = 0, count = diagnostics ? lossjit_diagnostics_count(diagnostics) : 0;
  for (size_t i = 0; i < count; i++)
    errors += lossjit_diagnostics_get(diagnostics, i)->severity == LOSSJIT_ERROR;
  return errors;
}

/* ---- declarations ---------------------------------------------------------------- */

/* A plain number for a name that the text does not declare: a run-time parameter. */
static bool is_parameter(const struct cli_input *input)
{
  return input->array.rank == 0 && input->array.data && !input->declared;
}

static bool is_declared_here(const struct cli_input *input)
{
  return input->mentioned && !input->declared && !is_parameter(input);
}

/* The batch size as the data has it: y_pred's leading size, or that of the first
 * array. */
static int64_t guess_batch(const struct cli_request *request)
{
  const struct cli_input *input = cli_find_input(request, "y_pred");
  for (size_t i = 0; !input && i < request->input_count; i++)
    if (request->inputs[i].array.rank > 0 && !request->inputs[i].never_batch)
      input = &request->inputs[i];
  return input && input->array.rank > 0 ? input->array.sizes[0] : LOSSJIT_ANY;
}

/* y_true has one entry per sample, whatever its size is: binding finds it too short. */
static bool may_lead(const struct cli_input *input, int64_t batch)
{
  bool fits = input->array.sizes[0] == batch || strcmp(input->name, "y_true") == 0;
  return input->array.rank > 0 && !input->never_batch && fits;
}

/* Could an array that has as many rows as the batch also be meant without it? Only if
 * all its sizes are inner sizes of y_pred, as those of a weight per column are.
 * Anything more generous would turn the mistakes that the batch rule is there to catch,
 * such as y_true of (batch,) against y_pred of (batch, 1), into broadcasts. y_true is
 * never meant so. */
static bool may_do_without_batch(const struct cli_request *request,
                                 const struct cli_input *input)
{
  const struct cli_input *model = cli_find_input(request, "y_pred");
  if (!model || input == model || strcmp(input->name, "y_true") == 0)
    return false;
  for (int32_t k = 0; k < input->array.rank; k++) {
    bool found = false;
    for (int32_t i = 1; i < model->array.rank; i++)
      found |= model->array.sizes[i] == input->array.sizes[k];
    if (!found)
      return false;
  }
  return true;
}

static size_t shape_choices(const struct cli_request *request,
                            const struct cli_input *input, int64_t batch)
{
  return may_lead(input, batch) && may_do_without_batch(request, input) ? 2 : 1;
}

struct declarations {
  lossjit_input *inputs;
  size_t input_count;
  const char **parameters;
  double *defaults;
  size_t parameter_count;
};

/* Write the declarations of reading number `number`; false when there is no such. */
static bool declare(const struct cli_request *request, int64_t batch, size_t number,
                    struct declarations *to)
{
  to->input_count = to->parameter_count = 0;
  for (size_t i = 0; i < request->input_count; i++) {
    const struct cli_input *from = &request->inputs[i];
    if (from->mentioned && is_parameter(from)) {
      to->parameters[to->parameter_count] = from->name;
      to->defaults[to->parameter_count++] = cli_array_number(&from->array, 0);
    }
    if (!is_declared_here(from))
      continue;
    lossjit_input *input = &to->inputs[to->input_count++];
    *input = (lossjit_input){.name = from->name, .rank = from->array.rank};
    memcpy(input->sizes, from->array.sizes, sizeof input->sizes);
    input->dtype = from->dtypes[number % (size_t)from->dtype_count];
    number /= (size_t)from->dtype_count;
  }
  for (size_t i = 0, k = 0; i < request->input_count; i++) {
    const struct cli_input *from = &request->inputs[i];
    if (!is_declared_here(from))
      continue;
    size_t choices = shape_choices(request, from, batch);
    if (may_lead(from, batch) && number % choices == 0)
      to->inputs[k].sizes[0] = LOSSJIT_BATCH;
    number /= choices;
    k++;
  }
  return number == 0;
}

/* ---- compiling ------------------------------------------------------------------- */

static void compile_once(const struct cli_request *request,
                         const struct declarations *with, struct cli_reading *reading)
{
  lossjit_compile_options options = {
      .text_length = request->text->length,
      .file_name = request->text->name,
      .inputs = with->inputs,
      .input_count = with->input_count,
      .parameter_names = with->parameters,
      .parameter_defaults = with->defaults,
      .parameter_count = with->parameter_count,
      .gradients = request->gradients,
      .gradient_count = request->gradient_count,
      .result = request->result,
      .default_dtype = request->dtype,
      .no_gradient = request->no_gradient,
  };
  reading->status = lossjit_compile(request->engine, request->text->text, &options,
                                    &reading->loss, &reading->diagnostics);
}

/* Sizes that the text leaves open (`y_pred: f32[batch, n]`) are known from the data:
 * say so, in a second compile, so that the shape of the result is known too. */
static void close_sizes(const struct cli_request *request, struct declarations *with,
                        struct cli_reading *reading)
{
  bool open = false;
  for (size_t i = 0; i < lossjit_loss_input_count(reading->loss); i++) {
    const lossjit_input *input = lossjit_loss_input(reading->loss, i);
    const struct cli_input *from = cli_find_input(request, input->name);
    if (!from || !from->declared || from->array.rank != input->rank)
      continue;
    lossjit_input *to = &with->inputs[with->input_count++];
    *to = *input;
    to->name = from->name;
    for (int32_t k = 0; k < to->rank; k++) {
      open |= to->sizes[k] == LOSSJIT_ANY;
      if (to->sizes[k] == LOSSJIT_ANY)
        to->sizes[k] = from->array.sizes[k];
    }
  }
  if (!open)
    return;
  cli_reading_release(reading);
  compile_once(request, with, reading);
}

static void note_names(const struct cli_request *request)
{
  for (size_t i = 0; i < request->input_count; i++) {
    struct cli_input *input = &request->inputs[i];
    input->mentioned = cli_text_mentions(request->text, input->name);
    input->declared = cli_text_declares(request->text, input->name);
  }
}

bool cli_compile(struct cli_pool *pool, const struct cli_request *request,
                 struct cli_reading *reading)
{
  struct declarations with = {
      .inputs = CLI_NEW_ARRAY(pool, lossjit_input, request->input_count + 1),
      .parameters = CLI_NEW_ARRAY(pool, const char *, request->input_count + 1),
      .defaults = CLI_NEW_ARRAY(pool, double, request->input_count + 1),
  };
  *reading = (struct cli_reading){.status = LOSSJIT_INVALID};
  note_names(request);
  int64_t batch = guess_batch(request);
  size_t fewest = SIZE_MAX;
  for (size_t number = 0; number < TRY_LIMIT; number++) {
    struct cli_reading attempt = {0};
    if (!declare(request, batch, number, &with))
      break;
    compile_once(request, &with, &attempt);
    size_t errors = cli_error_count(attempt.diagnostics);
    if (attempt.status != LOSSJIT_INVALID || errors < fewest) {
      cli_reading_release(reading);
      *reading = attempt;
      fewest = errors;
    } else {
      cli_reading_release(&attempt);
    }
    if (reading->status != LOSSJIT_INVALID)
      break;
  }
  if (reading->status == LOSSJIT_OK)
    close_sizes(request, &with, reading);
  return reading->status == LOSSJIT_OK;
}

void cli_reading_release(struct cli_reading *reading)
{
  lossjit_loss_release(reading->loss);
  lossjit_diagnostics_release(reading->diagnostics);
  *reading = (struct cli_reading){.status = reading->status};
}
