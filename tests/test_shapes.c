/*
 * Shapes, axes, views and dtypes: the kernel gives what the interpreter gives.
 *
 * Each row is a text with the sizes its names may take; the small sizes take lanes across
 * samples, the large ones lanes along the row. Every input is also differentiated by, if it
 * is floating point, the ones without a batch included.
 */
#include "lossjit.h"
#include "tests/support/trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_INPUTS 4
#define MAX_BATCH 37

struct row {
  const char *text;
  double tolerance; /* relative to the largest value, f32; 0: 1e-5 */
};

static const struct row rows[] = {
    /* ranks and axes */
    {"y_pred: f32[batch, n, 3]; sum(square(y_pred), axis=1)", 0},
    {"y_pred: f32[batch, n, 3]; sum(square(y_pred), axis=2)", 0},
    {"y_pred: f32[batch, 3, n]; sum(max(y_pred, axis=1), axis=-1)", 0},
    {"y_pred: f32[batch, 3, n]; sum(softmax(y_pred, axis=1)*[[1], [2], [3]], axis=[1, 2])", 0},
    {"y_pred: f32[batch, 2, n, 2]; mean(y_pred*y_pred, axis=[1, 3])", 0},
    {"y_pred: f32[batch, 2, n, 2]; sum(logsumexp(y_pred, axis=2), axis=[1, 2])", 0},
    {"y_pred: f32[batch, n]; sum(y_pred, axis=-1, keepdims=True)*y_pred", 0},
    {"y_pred: f32[batch, 1, n]; w: f32[n]; sum(y_pred*w, axis=[1, 2])", 0},
    {"y_pred: f32[batch, n, 1]; sum(tanh(y_pred), axis=[1, 2])", 0},
    {"y_pred: f32[batch]; square(y_pred)*2", 0},
    {"y_pred: f32[batch, 1]; sum(exp(y_pred), axis=1)", 0},
    {"y_pred: f32[batch, 4]; sum(y_pred[:, 2:2], axis=1) + sum(y_pred, axis=1)", 0},
    {"y_pred: f32[batch, 60]; max(y_pred[:, 60:], axis=1) + y_pred[:, 0]", 0},
    /* views */
    {"y_pred: f32[batch, n]; sum(y_pred[:, ::-1]*y_pred, axis=1)", 0},
    {"y_pred: f32[batch, n]; sum(square(y_pred[:, 1:] - y_pred[:, :-1]), axis=1)", 0},
    {"y_pred: f32[batch, 9]; sum(exp(y_pred[:, ::2]), axis=1)", 0},
    {"y_pred: f32[batch, 71]; sum(exp(y_pred[:, ::2]), axis=1)", 0},
    {"y_pred: f32[batch, 7]; sum(y_pred[:, -1:0:-2], axis=1) + y_pred[:, -1]", 0},
    {"y_pred: f32[batch, 90]; sum(tanh(y_pred)[:, -1:0:-3], axis=1) + y_pred[:, -1]", 0},
    {"y_pred: f32[batch, n]; d = y_pred[:, :, None] - y_pred[:, None, :];"
     " sum(d*sigmoid(d), axis=[1, 2])", 0},
    {"y_pred: f32[batch, n, 3]; sum(y_pred[..., 0]*y_pred[..., 2], axis=1)", 0},
    {"y_pred: f32[batch, n, 3]; t = transpose(y_pred, [0, 2, 1]); sum(t[:, 1], axis=1)", 0},
    {"y_pred: f32[batch, 2, n]; flip(y_pred, axis=1)*y_pred", 0},
    {"y_pred: f32[batch, n]; pad(y_pred, 1, 2, axis=1)*3", 0},
    {"y_pred: f32[batch, n]; s = softmax(y_pred, axis=1); sum(square(s[:, 1:]), axis=1)", 0},
    /* without a batch */
    {"y_pred: f32[batch, n]; w: f32[n]; sum(y_pred*exp(w), axis=1) + sum(abs(w))", 0},
    {"y_pred: f32[batch, n]; w: f32[2, n]; sum(y_pred*w[1], axis=1)/sum(square(w))", 0},
    {"y_pred: f32[batch, n]; s: f32[]; s*sum(y_pred, axis=1)", 0},
    /* the whole batch */
    {"y_pred: f32[batch, n]; m = mean(y_pred, axis=0); sum(square(y_pred - m), axis=1)", 0},
    {"y_pred: f32[batch, n]; v = var(y_pred, axis=0); sum(y_pred/sqrt(v + 1), axis=1)", 1e-4},
    {"y_pred: f32[batch, n]; y_true: f32[batch, n];"
     " sum(square(y_pred - y_true))/sum(square(y_true))", 0},
    {"y_pred: f32[batch, n]; sum(y_pred, axis=1)/max(abs(y_pred))", 0},
    {"y_pred: f32[batch, n]; sum(sum(y_pred, axis=0)*[2]*sum(exp(y_pred), axis=0))", 1e-4},
    {"y_pred: f32[batch, n]; where(all(y_pred > -9), sum(y_pred, axis=1), 0)", 0},
    {"y_pred: f32[batch, n]; where(any(y_pred > 9), 1, 2)*sum(y_pred, axis=1)", 0},
    {"y_pred: f32[batch, n]; min(y_pred, axis=0)*y_pred", 0},
    {"y_pred: f32[batch, n]; shape(y_pred)[0]*sum(y_pred, axis=1)", 0},
    /* labels, integers, truth values */
    {"y_pred: f32[batch, n]; y_true: i64[batch]; gather(exp(y_pred), y_true)", 0},
    {"y_pred: f32[batch, n]; y_true: i32[batch]; gather(y_pred, y_true)", 0},
    {"y_pred: f32[batch, 3, n]; y_true: i64[batch, 3]; sum(gather(y_pred, y_true), axis=1)", 0},
    {"y_pred: f32[batch, n, 3]; y_true: i64[batch, 3];"
     " sum(gather(y_pred, y_true, axis=1), axis=1)", 0},
    {"y_pred: f32[batch, n]; y_true: i64[batch]; gather(softmax(y_pred, axis=1), y_true)", 0},
    {"y_pred: f32[batch, n]; y_true: i64[batch];"
     " sum(y_pred*one_hot(y_true, shape(y_pred)[1]), axis=1)", 0},
    {"y_pred: f32[batch, n]; k: i32[batch, n]; sum(y_pred*k, axis=1)", 0},
    {"y_pred: f32[batch, n]; k: i64[n]; sum(y_pred*(k % 3), axis=1)", 0},
    {"y_pred: f32[batch, n]; m: bool[batch, n]; sum(where(m, y_pred, 0), axis=1)", 0},
    {"y_pred: f32[batch, n]; m: bool[batch, n]; y_pred[:, 0]*sum(cast(m), axis=1)", 0},
    {"y_pred: f32[batch, n]; m: bool[batch]; where(m, sum(y_pred, axis=1), y_pred[:, 0])", 0},
    {"y_pred: f32[batch, n]; sum(y_pred*arange(shape(y_pred)[1]), axis=1)", 0},
    /* f64 beside f32 */
    {"y_pred: f32[batch, n]; y_true: f64[batch, n]; sum(square(y_pred - y_true), axis=1)", 0},
    {"y_pred: f64[batch, n]; y_true: f32[n]; sum(exp(y_pred)*y_true, axis=1)", 0},
};

static const int64_t sizes[] = {1, 2, 3, 5, 16, 33, 70};
static const char *const targets[] = {"host", "avx2", "baseline"};
static const int64_t batches[] = {1, 16, 37};

/* ---- one kernel with its memory -------------------------------------------------- */

struct setup {
  lossjit_engine *engine;
  lossjit_loss *loss;
  lossjit_kernel *kernel;
  lossjit_input inputs[MAX_INPUTS];
  size_t input_count, gradient_count;
};

static lossjit_status compile(struct setup *s, const struct row *row, const char *target,
                              int64_t n)
{
  const lossjit_engine_options engine = {.target = target,
                                         .backend_path = LOSSJIT_TEST_BACKEND};
  lossjit_compile_options options = {.result = LOSSJIT_ELEMENTWISE};
  const char *names[MAX_INPUTS];
  lossjit_diagnostics *diagnostics;
  lossjit_status status;

  assert_int_equal(lossjit_engine_create(&engine, &s->engine), LOSSJIT_OK);
  if (lossjit_compile(s->engine, row->text, &options, &s->loss, &diagnostics) != LOSSJIT_OK)
    fail_msg("%s\n%s", row->text, lossjit_diagnostics_text(diagnostics));
  s->input_count = lossjit_loss_input_count(s->loss);
  s->gradient_count = 0;
  for (size_t i = 0; i < s->input_count; i++) {
    lossjit_dtype dtype = lossjit_loss_input(s->loss, i)->dtype;
    if (dtype == LOSSJIT_F32 || dtype == LOSSJIT_F64)
      names[s->gradient_count++] = lossjit_loss_input(s->loss, i)->name;
  }
  lossjit_loss *first = s->loss; /* the names are its own */
  options.gradients = names;
  options.gradient_count = s->gradient_count;
  status = lossjit_compile(s->engine, row->text, &options, &s->loss, &diagnostics);
  if (status != LOSSJIT_OK) { /* an input the value does not depend on smoothly */
    lossjit_diagnostics_release(diagnostics);
    options.gradients = NULL;
    options.gradient_count = 0;
    assert_int_equal(lossjit_compile(s->engine, row->text, &options, &s->loss, NULL),
                     LOSSJIT_OK);
    s->gradient_count = 1;
  }
  lossjit_loss_release(first);
  for (size_t i = 0; i < s->input_count; i++) {
    s->inputs[i] = *lossjit_loss_input(s->loss, i);
    for (int32_t axis = 0; axis < s->inputs[i].rank; axis++)
      if (s->inputs[i].sizes[axis] == LOSSJIT_ANY)
        s->inputs[i].sizes[axis] = n;
  }
  status = lossjit_loss_specialize(
      s->loss, &(lossjit_specialization){.inputs = s->inputs, .input_count = s->input_count},
      &s->kernel, &diagnostics);
  if (status == LOSSJIT_INVALID) {
    lossjit_diagnostics_release(diagnostics);
    return status; /* no such slice at this size: the checker's business */
  }
  if (status != LOSSJIT_OK) {
    char error[200];
    lossjit_engine_error(s->engine, error, sizeof error);
    fail_msg("%s at n = %d: %s", row->text, (int)n, error);
  }
  return status;
}

static void release(struct setup *s)
{
  lossjit_kernel_release(s->kernel);
  lossjit_loss_release(s->loss);
  lossjit_engine_release(s->engine);
  memset(s, 0, sizeof *s);
}

static size_t count_elements(const lossjit_input *input, int64_t batch)
{
  size_t count = 1;

  for (int32_t axis = 0; axis < input->rank; axis++)
    count *= (size_t)(input->sizes[axis] == LOSSJIT_BATCH ? batch : input->sizes[axis]);
  return count;
}

static void *fill(const lossjit_input *input, size_t count, int64_t n, unsigned *seed)
{
  unsigned char *memory = test_calloc(count + 1, 8);

  for (size_t i = 0; i < count; i++) {
    *seed = *seed * 1664525u + 1013904223u;
    unsigned draw = *seed >> 8;
    switch (input->dtype) {
    case LOSSJIT_F32: ((float *)memory)[i] = (float)draw / 4e6f - 2; break;
    case LOSSJIT_F64: ((double *)memory)[i] = draw / 4e6 - 2; break;
    case LOSSJIT_I32: ((int32_t *)memory)[i] = (int32_t)(draw % (unsigned)n); break;
    case LOSSJIT_I64: ((int64_t *)memory)[i] = draw % (unsigned)n; break;
    case LOSSJIT_BOOL: memory[i] = draw & 1; break;
    }
  }
  return memory;
}

static double element(lossjit_dtype dtype, const void *memory, size_t i)
{
  return dtype == LOSSJIT_F64 ? ((const double *)memory)[i]
                              : (double)((const float *)memory)[i];
}

static void compare(const struct row *row, const char *what, int64_t n, int64_t batch,
                    const char *target, lossjit_dtype dtype, const void *got,
                    const void *expected, size_t count)
{
  double tolerance = row->tolerance > 0 ? row->tolerance : 1e-5, scale = 1e-3;

  for (size_t i = 0; i < count; i++) {
    double value = fabs(element(dtype, expected, i));
    if (isfinite(value) && value > scale)
      scale = value;
  }
  for (size_t i = 0; i < count; i++) {
    double a = element(dtype, got, i), b = element(dtype, expected, i);
    bool same = a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance * scale;
    if (!same)
      fail_msg("%s\n%s: n %d, batch %d, target %s, element %zu: %.9g, expected %.9g",
               row->text, what, (int)n, (int)batch, target, i, a, b);
  }
}

/* ---- one call both ways ---------------------------------------------------------- */

static void call_both(struct setup *s, const struct row *row, const char *target, int64_t n,
                      int64_t batch)
{
  const lossjit_input *output = lossjit_loss_output(s->loss);
  lossjit_input result = *output;
  lossjit_array inputs[MAX_INPUTS], gradients[2][MAX_INPUTS];
  void *losses[2];
  double values[2];
  unsigned seed = 7;

  for (int32_t axis = 0; axis < result.rank; axis++)
    if (result.sizes[axis] == LOSSJIT_ANY)
      result.sizes[axis] = 2 * n + 8; /* room for any slice of it */
  size_t count = count_elements(&result, batch);
  for (size_t i = 0; i < s->input_count; i++)
    inputs[i] = (lossjit_array){
        fill(&s->inputs[i], count_elements(&s->inputs[i], batch), n, &seed), 0};
  for (int way = 0; way < 2; way++) {
    losses[way] = test_calloc(count + 1, 8);
    for (size_t i = 0; i < s->gradient_count; i++) {
      size_t of = lossjit_loss_gradient_input(s->loss, i);
      gradients[way][i] = (lossjit_array){
          test_calloc(count_elements(&s->inputs[of], batch) + 1, 8), 0};
    }
    lossjit_call call = {.batch = batch, .inputs = inputs, .reduction = LOSSJIT_MEAN,
                         .loss = {losses[way], 0}, .gradients = gradients[way],
                         .value = &values[way]};
    assert_int_equal(way ? lossjit_kernel_interpret(s->kernel, &call)
                         : lossjit_kernel_call(s->kernel, &call),
                     LOSSJIT_OK);
  }
  compare(row, "value", n, batch, target, LOSSJIT_F64, &values[0], &values[1], 1);
  compare(row, "loss", n, batch, target, output->dtype, losses[0], losses[1], count);
  for (size_t i = 0; i < s->gradient_count; i++) {
    size_t of = lossjit_loss_gradient_input(s->loss, i);
    compare(row, s->inputs[of].name, n, batch, target, s->inputs[of].dtype,
            gradients[0][i].data, gradients[1][i].data,
            count_elements(&s->inputs[of], batch));
    test_free(gradients[0][i].data);
    test_free(gradients[1][i].data);
  }
  for (size_t i = 0; i < s->input_count; i++)
    test_free(inputs[i].data);
  test_free(losses[0]);
  test_free(losses[1]);
}

static void kernels_agree_with_the_interpreter(void **state)
{
  const struct row *row = *state;

  for (size_t t = 0; t < sizeof targets / sizeof *targets; t++)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      struct setup s = {0};
      if (!test_target_runs(targets[t]) || (t > 0 && i % 3 != t % 3))
        continue; /* the other targets see a third of the sizes each */
      if (compile(&s, row, targets[t], sizes[i]) == LOSSJIT_OK)
        for (size_t b = 0; b < sizeof batches / sizeof *batches; b++)
          call_both(&s, row, targets[t], sizes[i], batches[b]);
      release(&s);
    }
}

int main(void)
{
  struct CMUnitTest tests[sizeof rows / sizeof *rows];

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    tests[i] = (struct CMUnitTest){rows[i].text, kernels_agree_with_the_interpreter, NULL,
                                   NULL, (void *)&rows[i]};
  return cmocka_run_group_tests_name("shapes", tests, NULL, NULL);
}
