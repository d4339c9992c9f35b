/*
 * The kernel handle: specialize a loss, call it, or have the interpreter do the call.
 *
 * A call is checked in full before anything is written, then handed to runtime/kernel.c.
 * The interpreter takes the same call: it evaluates the same graph, before the plan's
 * rewriting, in f64.
 */
#include "compiler/handles.h"
#include "compiler/passes.h"

#include <math.h>
#include <string.h>

/* ---- specializing ---------------------------------------------------------------- */

static const lossjit_input *find_input(const lossjit_loss *loss, const char *name)
{
  for (uint32_t i = 0; name && i < loss->input_count; i++)
    if (strcmp(loss->inputs[i].name, name) == 0)
      return &loss->inputs[i];
  return NULL;
}

static const lossjit_input *find_given(const lossjit_specialization *how, const char *name)
{
  for (size_t i = 0; i < how->input_count; i++)
    if (how->inputs[i].name && strcmp(how->inputs[i].name, name) == 0)
      return &how->inputs[i];
  return NULL;
}

/* The sizes given for an input; false if they are no sizes. */
static bool take_sizes(const lossjit_input *own, const lossjit_input *given,
                       lossjit_input *to)
{
  if (given->rank != own->rank || (given->dtype && given->dtype != own->dtype))
    return false;
  *to = *own;
  for (int32_t axis = 0; axis < own->rank; axis++) {
    to->sizes[axis] = given->sizes[axis];
    if (given->sizes[axis] < LOSSJIT_ANY)
      return false;
  }
  return true;
}

/* Names are the loss's own, so that variants outlive what the caller passed; inputs are in
 * the loss's order, so that equal variants compare equal. */
static bool fill_variant(const lossjit_loss *loss, const lossjit_specialization *how,
                         struct lj_variant *variant)
{
  memset(variant, 0, sizeof *variant);
  variant->outputs = how->outputs ? how->outputs : LOSSJIT_LOSS | LOSSJIT_GRADIENT;
  variant->weighting = how->weighting;
  variant->adjoint = how->adjoint != 0;
  if (loss->gradient_count == 0)
    variant->outputs &= ~LOSSJIT_GRADIENT;
  if (!(variant->outputs & LOSSJIT_GRADIENT))
    variant->adjoint = false;
  if (how->input_count > LJ_COUNT(variant->inputs) || (how->input_count && !how->inputs) ||
      (unsigned)how->weighting > LOSSJIT_ELEMENT_WEIGHT ||
      (how->outputs & ~(LOSSJIT_LOSS | LOSSJIT_GRADIENT | LOSSJIT_NO_VALUE)))
    return false;
  for (size_t i = 0; i < how->input_count; i++)
    if (!find_input(loss, how->inputs[i].name))
      return false;
  for (uint32_t i = 0; i < loss->input_count; i++) {
    const lossjit_input *given = find_given(how, loss->inputs[i].name);
    if (given && !take_sizes(&loss->inputs[i], given,
                             &variant->inputs[variant->input_count++]))
      return false;
  }
  return true;
}

static lossjit_status create_kernel(lossjit_loss *loss, struct lj_code_entry *entry,
                                    lossjit_kernel **result)
{
  const lossjit_allocator *allocator = &loss->engine->allocator;
  lossjit_kernel *kernel = allocator->resize(allocator->user, NULL, sizeof *kernel);
  lossjit_status status;

  if (!kernel)
    return LOSSJIT_NO_MEMORY;
  memset(kernel, 0, sizeof *kernel);
  atomic_flag_clear(&kernel->busy);
  kernel->entry = entry;
  status = lj_workspace_create(&entry->abi, allocator, &kernel->workspace);
  if (status != LOSSJIT_OK) {
    allocator->resize(allocator->user, kernel, 0);
    return status;
  }
  kernel->loss = lossjit_loss_retain(loss);
  *result = kernel;
  return LOSSJIT_OK;
}

lossjit_status lossjit_loss_specialize(lossjit_loss *loss, const lossjit_specialization *how,
                                       lossjit_kernel **kernel,
                                       lossjit_diagnostics **diagnostics)
{
  static const lossjit_specialization nothing;
  struct lj_variant variant;
  struct lj_code_entry *entry;
  lossjit_status status;

  if (kernel)
    *kernel = NULL;
  if (diagnostics)
    *diagnostics = NULL;
  if (!loss || !kernel || !fill_variant(loss, how ? how : &nothing, &variant))
    return LOSSJIT_ARGUMENT;
  status = lj_code_find(loss, &variant, &entry, diagnostics);
  return status == LOSSJIT_OK ? create_kernel(loss, entry, kernel) : status;
}

lossjit_status lossjit_kernel_share(lossjit_kernel *kernel, lossjit_kernel **shared)
{
  if (shared)
    *shared = NULL;
  if (!kernel || !shared)
    return LOSSJIT_ARGUMENT;
  return create_kernel(kernel->loss, kernel->entry, shared);
}

void lossjit_kernel_release(lossjit_kernel *kernel)
{
  lossjit_loss *loss;

  if (!kernel)
    return;
  loss = kernel->loss;
  lj_workspace_release(&kernel->workspace, &loss->engine->allocator);
  loss->engine->allocator.resize(loss->engine->allocator.user, kernel, 0);
  lossjit_loss_release(loss);
}

void lossjit_kernel_times(const lossjit_kernel *kernel, lossjit_compile_times *times)
{
  static const lossjit_compile_times none;

  if (times)
    *times = kernel ? kernel->entry->times : none;
}

/* ---- checking a call ------------------------------------------------------------- */

/* An array as the code takes it: a stride for batched ones, dense where none was given. */
static bool take_array(const struct lj_abi_shape *shape, const lossjit_array *array,
                       int64_t batch, bool needed, struct lj_abi_array *to)
{
  int64_t stride = array->row_stride ? array->row_stride : shape->sample_bytes;
  bool empty = shape->sample_bytes == 0 || (shape->batched && batch == 0);

  *to = (struct lj_abi_array){array->data, shape->batched ? stride : 0};
  if (needed && !array->data && !empty)
    return false;
  if (stride == INT64_MIN || stride % shape->alignment != 0)
    return false;
  if (shape->batched && batch > 1 && stride > -shape->sample_bytes &&
      stride < shape->sample_bytes)
    return false; /* rows would overlap */
  return !shape->batched || shape->sample_bytes == 0 ||
         batch < INT64_MAX / 2 / (stride < 0 ? -stride : stride);
}

static bool take_inputs(const struct lossjit_kernel *kernel, const lossjit_call *call,
                        struct lj_abi_array *inputs)
{
  const struct lj_code_entry *entry = kernel->entry;
  uint32_t user = kernel->loss->input_count;

  if (user && !call->inputs)
    return false;
  for (uint32_t i = 0; i < entry->abi.input_count; i++) {
    const lossjit_array *array = i < user                              ? &call->inputs[i]
                                 : (int32_t)i == entry->weight_input ? &call->weights
                                                                      : &call->adjoint;
    if (!take_array(&entry->abi.inputs[i], array, call->batch, true, &inputs[i]))
      return false;
  }
  return true;
}

static bool take_outputs(const struct lossjit_kernel *kernel, const lossjit_call *call,
                         struct lj_abi_array *outputs)
{
  const struct lj_code_entry *entry = kernel->entry;
  static const lossjit_array none;

  for (uint32_t i = 0; i < entry->abi.output_count; i++) {
    const lossjit_array *array = &call->loss;
    if ((int32_t)i != entry->loss_output)
      array = call->gradients ? &call->gradients[(int32_t)i - entry->first_gradient] : &none;
    if (!take_array(&entry->abi.outputs[i], array, call->batch, false, &outputs[i]))
      return false;
  }
  return true;
}

/* ---- the reduced value and its denominator --------------------------------------- */

static double weight_at(const struct lj_code_entry *entry, const struct lj_abi_array *array,
                        int64_t sample, int64_t element)
{
  const char *row = (const char *)array->data + sample * array->stride;

  return entry->result_dtype == LJ_F64 ? ((const double *)(const void *)row)[element]
                                       : (double)((const float *)(const void *)row)[element];
}

/* Sum of the weights, or number of those that are not zero, over all values of the result. */
static double count_weights(const struct lj_code_entry *entry,
                            const struct lj_abi_array *inputs, int64_t batch, bool sum)
{
  const struct lj_abi_array *array = &inputs[entry->weight_input];
  const struct lj_abi_shape *shape = &entry->abi.inputs[entry->weight_input];
  int64_t width = entry->result_dtype == LJ_F64 ? 8 : 4;
  int64_t count = shape->sample_bytes / width;
  double total = 0;

  for (int64_t i = 0; i < (shape->batched ? batch : 1); i++)
    for (int64_t k = 0; k < count; k++) {
      double weight = weight_at(entry, array, i, k);
      total += sum ? weight : weight != 0;
    }
  return count ? total * (double)(entry->result_count / count) : 0;
}

/* What the sum of the values is divided by; false for a reduction that does not fit. */
static bool find_denominator(const struct lj_code_entry *entry, const lossjit_call *call,
                             const struct lj_abi_array *inputs, double *denominator)
{
  int64_t values = entry->result_count * (entry->result_batched ? call->batch : 1);

  *denominator = 1;
  switch (call->reduction) {
  case LOSSJIT_NONE: case LOSSJIT_SUM: return true;
  case LOSSJIT_MEAN: *denominator = (double)values; return true;
  case LOSSJIT_BY_DENOMINATOR:
    *denominator = call->denominator;
    return call->denominator != 0;
  case LOSSJIT_MEAN_BY_WEIGHT: case LOSSJIT_MEAN_OVER_WEIGHTED:
    if (entry->weight_input < 0)
      return false;
    *denominator = count_weights(entry, inputs, call->batch,
                                 call->reduction == LOSSJIT_MEAN_BY_WEIGHT);
    if (*denominator == 0)
      *denominator = HUGE_VAL; /* nothing counts: value and gradient 0 */
    return true;
  }
  return false;
}

static void take_parameters(const struct lossjit_kernel *kernel, const lossjit_call *call,
                            double denominator, double *parameters)
{
  const lossjit_loss *loss = kernel->loss;

  for (uint32_t i = 0; i < loss->parameter_count; i++)
    parameters[i] = call->parameters ? call->parameters[i] : loss->parameter_defaults[i];
  if (kernel->entry->seed_parameter != UINT32_MAX)
    parameters[kernel->entry->seed_parameter] = 1 / denominator;
}

/* Can the reduced value be had? A loss without a batch axis is its own sum. */
static bool has_value(const struct lj_code_entry *entry)
{
  return !(entry->variant.outputs & LOSSJIT_NO_VALUE) &&
         (entry->abi.value_slot >= 0 || entry->loss_output >= 0);
}

static lossjit_status check_call(const lossjit_kernel *kernel, const lossjit_call *call)
{
  if (!kernel || !call || call->batch < 0)
    return LOSSJIT_ARGUMENT;
  if (call->value && !has_value(kernel->entry))
    return LOSSJIT_ARGUMENT;
  return LOSSJIT_OK;
}

static double read_element(enum lj_dtype dtype, const void *row, int64_t i)
{
  switch (dtype) {
  case LJ_F32: return ((const float *)row)[i];
  case LJ_F64: case LJ_WEAK_FLOAT: return ((const double *)row)[i];
  case LJ_I32: return ((const int32_t *)row)[i];
  case LJ_I64: case LJ_WEAK_INT: return (double)((const int64_t *)row)[i];
  default: return ((const unsigned char *)row)[i] != 0;
  }
}

/* Of a loss with a batch axis the code has summed them up; of any other they are few. */
static double sum_of_values(const struct lj_code_entry *entry, const struct lj_workspace *w)
{
  double sum = 0;

  if (entry->abi.value_slot >= 0)
    return w->totals[entry->abi.value_slot];
  for (int64_t i = 0; i < entry->result_count; i++)
    sum += read_element(entry->result_dtype, w->outputs[entry->loss_output].data, i);
  return sum;
}

/* ---- calling --------------------------------------------------------------------- */

static lossjit_status run(lossjit_kernel *kernel, const lossjit_call *call)
{
  struct lj_code_entry *entry = kernel->entry;
  struct lj_workspace *w = &kernel->workspace;
  const struct lj_kernel_code code = {&entry->abi, entry->phases, entry->finish};
  double denominator;
  int64_t bad_sample;
  lossjit_status status;

  if (!take_inputs(kernel, call, w->inputs) || !take_outputs(kernel, call, w->outputs) ||
      !find_denominator(entry, call, w->inputs, &denominator))
    return LOSSJIT_ARGUMENT;
  take_parameters(kernel, call, denominator, w->parameters);
  status = lj_kernel_run(&code, w, call->batch, &bad_sample);
  if (call->value && status == LOSSJIT_LABEL_RANGE)
    *call->value = (double)bad_sample;
  else if (call->value)
    *call->value = sum_of_values(entry, w) / denominator;
  return status;
}

lossjit_status lossjit_kernel_call(lossjit_kernel *kernel, const lossjit_call *call)
{
  lossjit_status status = check_call(kernel, call);

  if (status != LOSSJIT_OK)
    return status;
  if (!kernel->entry->code)
    return LOSSJIT_ARGUMENT;
  if (atomic_flag_test_and_set_explicit(&kernel->busy, memory_order_acquire))
    return LOSSJIT_BUSY;
  status = run(kernel, call);
  atomic_flag_clear_explicit(&kernel->busy, memory_order_release);
  return status;
}

/* ---- the interpreter ------------------------------------------------------------- */

static void write_element(enum lj_dtype dtype, void *row, int64_t i, double value)
{
  switch (dtype) {
  case LJ_F32: ((float *)row)[i] = (float)value; break;
  case LJ_F64: case LJ_WEAK_FLOAT: ((double *)row)[i] = value; break;
  case LJ_I32: ((int32_t *)row)[i] = (int32_t)value; break;
  case LJ_I64: case LJ_WEAK_INT: ((int64_t *)row)[i] = (int64_t)value; break;
  default: ((unsigned char *)row)[i] = value != 0; break;
  }
}

static const double *read_array(struct lj_arena *arena, const struct lj_input *input,
                                const struct lj_abi_shape *shape,
                                const struct lj_abi_array *array, int64_t batch)
{
  int64_t width = (int64_t)lossjit_dtype_size((lossjit_dtype)input->dtype);
  int64_t rows = shape->batched ? batch : 1, count = shape->sample_bytes / width;
  double *values = LJ_NEW_ARRAY(arena, double, (size_t)(rows * count) + 1);

  for (int64_t r = 0; r < rows; r++)
    for (int64_t i = 0; i < count; i++)
      values[r * count + i] = read_element(
          input->dtype, (const char *)array->data + r * array->stride, i);
  return values;
}

static void write_array(enum lj_dtype dtype, const struct lj_abi_shape *shape,
                        const struct lj_abi_array *array, int64_t batch,
                        const double *values)
{
  int64_t width = (int64_t)lossjit_dtype_size((lossjit_dtype)dtype);
  int64_t rows = shape->batched ? batch : 1, count = shape->sample_bytes / width;

  for (int64_t r = 0; array->data && r < rows; r++)
    for (int64_t i = 0; i < count; i++)
      write_element(dtype, (char *)array->data + r * array->stride, i,
                    values[r * count + i]);
}

/* Outputs of the build in the order of the code's description. */
static uint32_t output_nodes(const struct lj_build *build, const struct lj_variant *variant,
                             lj_id *nodes)
{
  uint32_t count = 0;

  if (variant->outputs & LOSSJIT_LOSS)
    nodes[count++] = build->loss;
  for (uint32_t i = 0; build->gradients && i < build->checked.wrt_count; i++)
    nodes[count++] = build->gradients[i];
  return count;
}

static double sum_array(const double *values, int64_t count)
{
  long double sum = 0;

  for (int64_t i = 0; i < count; i++)
    sum += values[i];
  return (double)sum;
}

static lossjit_status evaluate(lossjit_kernel *kernel, const lossjit_call *call,
                               struct lj_build *build, const struct lj_abi_array *inputs,
                               const struct lj_abi_array *outputs, double denominator)
{
  struct lj_code_entry *entry = kernel->entry;
  struct lj_graph *graph = &build->checked.graph;
  struct lj_arena *arena = &build->arena;
  const double **arrays = LJ_NEW_ARRAY(arena, const double *, graph->input_count + 1);
  double *parameters = LJ_NEW_ARRAY(arena, double, graph->parameter_count + 1);
  int64_t *symbols = LJ_NEW_ARRAY(arena, int64_t, graph->symbol_count + 2), bad = 0;
  lj_id *nodes = LJ_NEW_ARRAY(arena, lj_id, build->checked.wrt_count + 1);
  uint32_t count = output_nodes(build, &entry->variant, nodes);
  const double **values = LJ_NEW_ARRAY(arena, const double *, count + 1), *losses;

  for (uint32_t i = 0; i < graph->input_count; i++)
    arrays[i] = read_array(arena, &graph->inputs[i], &entry->abi.inputs[i], &inputs[i],
                           call->batch);
  take_parameters(kernel, call, denominator, parameters);
  symbols[LJ_SYMBOL_BATCH] = call->batch;
  const struct lj_evaluation with = {graph, call->batch, arrays, parameters, symbols};
  for (uint32_t i = 0; i < count; i++)
    if (!(values[i] = lj_evaluate(arena, &with, nodes[i], &bad)))
      return LOSSJIT_LABEL_RANGE;
  if (!(losses = lj_evaluate(arena, &with, build->loss, &bad)))
    return LOSSJIT_LABEL_RANGE;
  for (uint32_t i = 0; i < count; i++)
    write_array(lj_node_at(graph, nodes[i])->dtype, &entry->abi.outputs[i], &outputs[i],
                call->batch, values[i]);
  if (call->value)
    *call->value = sum_array(losses, entry->result_count *
                                         (entry->result_batched ? call->batch : 1)) /
                   denominator;
  return LOSSJIT_OK;
}

static lossjit_status interpret(lossjit_kernel *kernel, const lossjit_call *call,
                                struct lj_build *build)
{
  struct lj_code_entry *entry = kernel->entry;
  struct lj_abi_array *inputs =
      LJ_NEW_ARRAY(&build->arena, struct lj_abi_array, entry->abi.input_count + 1);
  struct lj_abi_array *outputs =
      LJ_NEW_ARRAY(&build->arena, struct lj_abi_array, entry->abi.output_count + 1);
  double denominator;

  if (!take_inputs(kernel, call, inputs) || !take_outputs(kernel, call, outputs) ||
      !find_denominator(entry, call, inputs, &denominator))
    return LOSSJIT_ARGUMENT;
  LJ_CHECK(&build->trap, lj_build_check(build, kernel->loss, &entry->variant) &&
                             lj_build_kernel(build, &entry->variant));
  return evaluate(kernel, call, build, inputs, outputs, denominator);
}

lossjit_status lossjit_kernel_interpret(lossjit_kernel *kernel, const lossjit_call *call)
{
  volatile lossjit_status status = check_call(kernel, call);
  const lossjit_allocator *allocator;
  struct lj_build *build;

  if (status != LOSSJIT_OK)
    return status;
  allocator = &kernel->loss->engine->allocator;
  build = allocator->resize(allocator->user, NULL, sizeof *build);
  if (!build)
    return LOSSJIT_NO_MEMORY;
  memset(build, 0, sizeof *build);
  if (setjmp(build->trap.escape) == 0) {
    lj_build_open(build, kernel->loss);
    status = interpret(kernel, call, build);
  } else {
    status = build->trap.status;
    lj_engine_fail(kernel->loss->engine, build->trap.message);
  }
  lj_build_close(build);
  allocator->resize(allocator->user, build, 0);
  return status;
}
