/*
 * Kernel beside interpreter: see trial.h.
 */
#include "tests/support/trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- arrays ---------------------------------------------------------------------- */

#define GUARD_BYTES 256
#define GUARD 0xa5

void test_array_make(struct test_array *array, lossjit_dtype dtype, int64_t count)
{
  size_t bytes = lossjit_dtype_size(dtype) * (size_t)count;
  *array = (struct test_array){dtype, count, malloc(bytes + GUARD_BYTES)};
  assert_non_null(array->data);
  memset(array->data, 0, bytes);
  memset((char *)array->data + bytes, GUARD, GUARD_BYTES);
}

void test_array_free(struct test_array *array)
{
  free(array->data);
  *array = (struct test_array){0};
}

double test_get(const struct test_array *array, int64_t index)
{
  switch (array->dtype) {
  case LOSSJIT_F32:
    return ((float *)array->data)[index];
  case LOSSJIT_F64:
    return ((double *)array->data)[index];
  case LOSSJIT_I32:
    return ((int32_t *)array->data)[index];
  case LOSSJIT_I64:
    return (double)((int64_t *)array->data)[index];
  default:
    return ((uint8_t *)array->data)[index];
  }
}

void test_set(struct test_array *array, int64_t index, double value)
{
  switch (array->dtype) {
  case LOSSJIT_F32:
    ((float *)array->data)[index] = (float)value;
    break;
  case LOSSJIT_F64:
    ((double *)array->data)[index] = value;
    break;
  case LOSSJIT_I32:
    ((int32_t *)array->data)[index] = (int32_t)value;
    break;
  case LOSSJIT_I64:
    ((int64_t *)array->data)[index] = (int64_t)value;
    break;
  default:
    ((uint8_t *)array->data)[index] = value != 0;
  }
}

int64_t test_elements(const lossjit_input *shape, int64_t batch, int64_t open)
{
  int64_t count = 1;
  for (int32_t k = 0; k < shape->rank; k++) {
    int64_t size = shape->sizes[k];
    count *= size == LOSSJIT_BATCH ? batch : size == LOSSJIT_ANY ? open : size;
  }
  return count;
}

/* ---- distance -------------------------------------------------------------------- */

/* The place of a number among all of its dtype, counted from zero. */
static double place(lossjit_dtype dtype, double value)
{
  float narrow = (float)fabs(value);
  double wide = fabs(value);
  uint32_t narrow_bits;
  uint64_t wide_bits;
  memcpy(&narrow_bits, &narrow, sizeof narrow_bits);
  memcpy(&wide_bits, &wide, sizeof wide_bits);
  return copysign(dtype == LOSSJIT_F32 ? (double)narrow_bits : (double)wide_bits,
                  value);
}

double test_ulps(lossjit_dtype dtype, double got, double expected)
{
  if (isnan(got) || isnan(expected))
    return isnan(got) && isnan(expected) ? 0 : INFINITY;
  if (got == expected)
    return 0;
  if (dtype != LOSSJIT_F32 && dtype != LOSSJIT_F64)
    return INFINITY;
  double near = fabs(got - expected);
  double steps = fabs(place(dtype, got) - place(dtype, expected));
  /* Places of f64 do not fit a double exactly; neighbours are told apart by value. */
  if (dtype == LOSSJIT_F64 && isfinite(near) && steps < 0x1p20)
    return near / (nextafter(fabs(expected), INFINITY) - fabs(expected));
  return steps;
}

/* ---- engines and losses ---------------------------------------------------------- */

bool test_target_runs(const char *target)
{
#if defined(__x86_64__)
  if (!strcmp(target, "avx512"))
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  if (!strcmp(target, "avx2"))
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return !strcmp(target, "host") || !strcmp(target, "baseline");
}

lossjit_engine *test_engine(const char *target)
{
  lossjit_engine_options options = {.target = target,
                                    .backend_path = LOSSJIT_TEST_BACKEND};
  lossjit_engine *engine;
  assert_int_equal(lossjit_engine_create(&options, &engine), LOSSJIT_OK);
  return engine;
}

static void refuse(const char *text, lossjit_status status,
                   const lossjit_diagnostics *diagnostics)
{
  if (status != LOSSJIT_OK)
    fail_msg("%s\n%s: %s", text, lossjit_status_text(status),
             diagnostics ? lossjit_diagnostics_text(diagnostics) : "no diagnostics");
}

lossjit_loss *test_compile(lossjit_engine *engine, const char *text,
                           const lossjit_compile_options *options)
{
  lossjit_loss *loss = NULL;
  lossjit_diagnostics *diagnostics = NULL;
  lossjit_status status = lossjit_compile(engine, text, options, &loss, &diagnostics);
  refuse(text, status, diagnostics);
  lossjit_diagnostics_release(diagnostics);
  return loss;
}

/* ---- trials ---------------------------------------------------------------------- */

static lossjit_kernel *specialize(lossjit_loss *loss, int64_t open, bool adjoint)
{
  lossjit_input inputs[TEST_MAX_INPUTS];
  size_t count = lossjit_loss_input_count(loss);
  lossjit_kernel *kernel = NULL;
  lossjit_diagnostics *diagnostics = NULL;
  assert_in_range(count, 0, TEST_MAX_INPUTS);
  for (size_t i = 0; i < count; i++) {
    inputs[i] = *lossjit_loss_input(loss, i);
    for (int32_t k = 0; k < inputs[i].rank; k++)
      if (inputs[i].sizes[k] == LOSSJIT_ANY)
        inputs[i].sizes[k] = open;
  }
  lossjit_specialization how = {
      .inputs = inputs, .input_count = count, .adjoint = adjoint};
  lossjit_status status = lossjit_loss_specialize(loss, &how, &kernel, &diagnostics);
  refuse("specialize", status, diagnostics);
  lossjit_diagnostics_release(diagnostics);
  return kernel;
}

void test_trial_begin(struct test_trial *trial, lossjit_loss *loss, int64_t open,
                      bool adjoint, int64_t most)
{
  const lossjit_input *result = lossjit_loss_output(loss);
  *trial = (struct test_trial){.loss = loss,
                               .kernel = specialize(loss, open, adjoint),
                               .open = open,
                               .has_adjoint = adjoint,
                               .input_count = lossjit_loss_input_count(loss),
                               .gradient_count = lossjit_loss_gradient_count(loss)};
  for (size_t i = 0; i < trial->input_count; i++) {
    const lossjit_input *input = lossjit_loss_input(loss, i);
    test_array_make(&trial->inputs[i], input->dtype, test_elements(input, most, open));
  }
  test_array_make(&trial->adjoint, result->dtype, test_elements(result, most, open));
  for (int64_t i = 0; i < trial->adjoint.count; i++)
    test_set(&trial->adjoint, i, 1);
}

/* Outputs of exactly this batch, so that the guard stands right behind it. */
static void make_outputs(struct test_trial *trial, int side, int64_t batch)
{
  const lossjit_input *result = lossjit_loss_output(trial->loss);
  test_array_free(&trial->output[side]);
  test_array_make(&trial->output[side], result->dtype,
                  test_elements(result, batch, trial->open));
  for (size_t k = 0; k < trial->gradient_count; k++) {
    size_t by = lossjit_loss_gradient_input(trial->loss, k);
    const lossjit_input *input = lossjit_loss_input(trial->loss, by);
    test_array_free(&trial->gradients[side][k]);
    test_array_make(&trial->gradients[side][k], input->dtype,
                    test_elements(input, batch, trial->open));
  }
}

static void check_guard(const struct test_array *array)
{
  size_t bytes = lossjit_dtype_size(array->dtype) * (size_t)array->count;
  const unsigned char *guard = (const unsigned char *)array->data + bytes;
  for (int i = 0; i < GUARD_BYTES; i++)
    assert_int_equal(guard[i], GUARD);
}

static void call_side(struct test_trial *trial, int side, int64_t batch)
{
  lossjit_array inputs[TEST_MAX_INPUTS], gradients[TEST_MAX_INPUTS];
  make_outputs(trial, side, batch);
  for (size_t i = 0; i < trial->input_count; i++)
    inputs[i] = (lossjit_array){trial->inputs[i].data, 0};
  for (size_t k = 0; k < trial->gradient_count; k++)
    gradients[k] = (lossjit_array){trial->gradients[side][k].data, 0};
  lossjit_call call = {.batch = batch,
                       .inputs = inputs,
                       .reduction = trial->reduction,
                       .loss = {trial->output[side].data, 0},
                       .gradients = trial->gradient_count ? gradients : NULL,
                       .value = trial->reduction ? &trial->value[side] : NULL};
  if (trial->has_adjoint)
    call.adjoint = (lossjit_array){trial->adjoint.data, 0};
  lossjit_status status = side == TEST_KERNEL
                              ? lossjit_kernel_call(trial->kernel, &call)
                              : lossjit_kernel_interpret(trial->kernel, &call);
  if (status != LOSSJIT_OK)
    fail_msg("%s refused a batch of %d: %s",
             side == TEST_KERNEL ? "the kernel" : "the interpreter", (int)batch,
             lossjit_status_text(status));
  check_guard(&trial->output[side]);
  for (size_t k = 0; k < trial->gradient_count; k++)
    check_guard(&trial->gradients[side][k]);
}

void test_trial_call(struct test_trial *trial, int64_t batch)
{
  trial->batch = batch;
  for (int side = 0; side < TEST_SIDES; side++)
    call_side(trial, side, batch);
}

void test_trial_end(struct test_trial *trial)
{
  for (size_t i = 0; i < trial->input_count; i++)
    test_array_free(&trial->inputs[i]);
  test_array_free(&trial->adjoint);
  for (int side = 0; side < TEST_SIDES; side++) {
    test_array_free(&trial->output[side]);
    for (size_t k = 0; k < trial->gradient_count; k++)
      test_array_free(&trial->gradients[side][k]);
  }
  lossjit_kernel_release(trial->kernel);
  lossjit_loss_release(trial->loss);
}
