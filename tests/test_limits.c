/*
 * Losses at the limits: many inputs, many sums, long chains, and calls that no one should
 * make. Everything is computed right or refused; nothing breaks.
 */
#include "lossjit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct subject {
  lossjit_engine *engine;
  lossjit_loss *loss;
  lossjit_kernel *kernel;
};

/* LOSSJIT_INVALID must come with diagnostics. */
static lossjit_status open_subject(struct subject *s, const char *text,
                                   const lossjit_specialization *how)
{
  const lossjit_engine_options options = {.backend_path = LOSSJIT_TEST_BACKEND};
  const lossjit_compile_options any = {.result = LOSSJIT_ELEMENTWISE};
  lossjit_diagnostics *diagnostics;
  lossjit_status status;

  memset(s, 0, sizeof *s);
  assert_int_equal(lossjit_engine_create(&options, &s->engine), LOSSJIT_OK);
  status = lossjit_compile(s->engine, text, &any, &s->loss, &diagnostics);
  if (status == LOSSJIT_OK) {
    lossjit_diagnostics_release(diagnostics);
    status = lossjit_loss_specialize(s->loss, how, &s->kernel, &diagnostics);
  }
  if (status == LOSSJIT_INVALID)
    assert_true(lossjit_diagnostics_count(diagnostics) > 0);
  lossjit_diagnostics_release(diagnostics);
  return status;
}

static void close_subject(struct subject *s)
{
  lossjit_kernel_release(s->kernel);
  lossjit_loss_release(s->loss);
  lossjit_engine_release(s->engine);
}

/* A text made of `count` copies of a format with the copy's number in it. */
static char *repeated(const char *before, const char *format, int count, const char *after)
{
  char *text = malloc(strlen(before) + (size_t)count * (strlen(format) + 12) +
                      strlen(after) + 1);
  char *at = text + sprintf(text, "%s", before);

  for (int i = 0; i < count; i++)
    at += sprintf(at, format, i, i);
  strcpy(at, after);
  return text;
}

static void many_inputs_are_called_and_interpreted(void **state)
{
  char *text = repeated("y_pred: f32[batch]; ", "x%d: f32[batch]; ", 45, "y_pred");
  char *sum = repeated(text, " + x%d", 45, "");
  struct subject s;
  float ones[3] = {1, 1, 1}, result[3], gradient[3];
  lossjit_array inputs[46], gradients = {gradient, 0};

  (void)state;
  assert_int_equal(open_subject(&s, sum, NULL), LOSSJIT_OK);
  for (int i = 0; i < 46; i++)
    inputs[i] = (lossjit_array){ones, 0};
  const lossjit_call call = {.batch = 3, .inputs = inputs, .loss = {result, 0},
                             .gradients = &gradients};
  for (int way = 0; way < 2; way++) {
    assert_int_equal(way ? lossjit_kernel_interpret(s.kernel, &call)
                         : lossjit_kernel_call(s.kernel, &call),
                     LOSSJIT_OK);
    assert_true(result[2] == 46 && gradient[2] == 1);
  }
  close_subject(&s);
  free(text);
  free(sum);
}

static void long_chains_are_refused(void **state)
{
  char *text = repeated("y_pred: f32[batch]; a = y_pred; ", "a = abs(a*1.01 + %d);\n", 5000,
                        "a");
  struct subject s;

  (void)state;
  assert_int_equal(open_subject(&s, text, NULL), LOSSJIT_INVALID);
  close_subject(&s);
  free(text);
}

static void as_many_sums_as_one_likes(void **state)
{
  char *rows = repeated("y_pred: f32[batch, 100]; 0*y_pred[:, 0]",
                        " + sum(exp(0.0%d*y_pred), axis=1)", 40, "");
  char *batch = repeated("y_pred: f32[batch, 100]; y_pred[:, 0]",
                         " + sum(exp(0.0%d*y_pred))", 40, "");
  float *memory = calloc(5 * 100, sizeof(float)), result[2][5];
  float *gradient = calloc(5 * 100, sizeof(float));
  lossjit_array input = {memory, 0}, gradients = {gradient, 0};

  (void)state;
  for (int i = 0; i < 500; i++)
    memory[i] = (float)(i % 7) / 7;
  for (int which = 0; which < 2; which++) {
    struct subject s;
    assert_int_equal(open_subject(&s, which ? batch : rows, NULL), LOSSJIT_OK);
    for (int way = 0; way < 2; way++) {
      const lossjit_call call = {.batch = 5, .inputs = &input, .loss = {result[way], 0},
                                 .gradients = &gradients};
      assert_int_equal(way ? lossjit_kernel_interpret(s.kernel, &call)
                           : lossjit_kernel_call(s.kernel, &call),
                       LOSSJIT_OK);
    }
    for (int i = 0; i < 5; i++)
      assert_true(fabsf(result[0][i] - result[1][i]) <= 1e-5f * fabsf(result[1][i]));
    close_subject(&s);
  }
  free(rows);
  free(batch);
  free(memory);
  free(gradient);
}

static void a_gradient_without_a_batch_may_take_its_inputs_place(void **state)
{
  static const int64_t sizes[] = {4, 64};

  (void)state;
  for (int k = 0; k < 2; k++) {
    const char *names[] = {"w"};
    const lossjit_engine_options options = {.backend_path = LOSSJIT_TEST_BACKEND};
    const lossjit_compile_options by_w = {.gradients = names, .gradient_count = 1};
    const lossjit_input shape = {"w", LOSSJIT_F32, 1, {sizes[k]}};
    struct subject s;
    float w[64], y[3] = {1, 2, 3}, value;
    assert_int_equal(lossjit_engine_create(&options, &s.engine), LOSSJIT_OK);
    assert_int_equal(lossjit_compile(s.engine,
                                     "w: f32[n]; y_pred: f32[batch]; result: scalar;"
                                     "mean(square(y_pred)) + sum(w*w[::-1])",
                                     &by_w, &s.loss, NULL),
                     LOSSJIT_OK);
    assert_int_equal(
        lossjit_loss_specialize(
            s.loss, &(lossjit_specialization){.inputs = &shape, .input_count = 1},
            &s.kernel, NULL),
        LOSSJIT_OK);
    for (int i = 0; i < sizes[k]; i++)
      w[i] = (float)(i + 1);
    lossjit_array inputs[2] = {{w, 0}, {y, 0}}, gradient = {w, 0};
    if (strcmp(lossjit_loss_input(s.loss, 0)->name, "w") != 0) {
      inputs[0].data = y;
      inputs[1].data = w;
    }
    assert_int_equal(
        lossjit_kernel_call(s.kernel, &(lossjit_call){.batch = 3, .inputs = inputs,
                                                      .loss = {&value, 0},
                                                      .gradients = &gradient}),
        LOSSJIT_OK);
    for (int i = 0; i < sizes[k]; i++)
      assert_true(w[i] == 2 * (float)(sizes[k] - i));
    close_subject(&s);
  }
}

static void weights_of_zero_give_zero(void **state)
{
  const lossjit_specialization how = {.weighting = LOSSJIT_SAMPLE_WEIGHT};
  float memory[3] = {1, 2, 3}, weights[3] = {0, 0, 0}, gradient[3] = {9, 9, 9};
  lossjit_array input = {memory, 0}, gradients = {gradient, 0};
  struct subject s;
  double value = 9;

  (void)state;
  assert_int_equal(open_subject(&s, "y_pred: f32[batch]; square(y_pred)", &how), LOSSJIT_OK);
  assert_int_equal(
      lossjit_kernel_call(s.kernel, &(lossjit_call){.batch = 3, .inputs = &input,
                                                    .reduction = LOSSJIT_MEAN_BY_WEIGHT,
                                                    .weights = {weights, 0},
                                                    .gradients = &gradients,
                                                    .value = &value}),
      LOSSJIT_OK);
  assert_true(value == 0 && gradient[0] == 0 && gradient[2] == 0);
  close_subject(&s);
}

static void sizes_and_strides_that_are_none_are_refused(void **state)
{
  const lossjit_input negative = {"y_pred", LOSSJIT_F32, 2, {LOSSJIT_BATCH, -5}};
  const lossjit_input good = {"y_pred", LOSSJIT_F32, 2, {LOSSJIT_BATCH, 3}};
  lossjit_specialization how = {.inputs = &negative, .input_count = 1};
  float memory[64] = {0}, result[4];
  lossjit_array input = {memory, 13};
  struct subject s;

  (void)state;
  assert_int_equal(open_subject(&s, "y_pred: f32[batch, n]; sum(y_pred, axis=1)", &how),
                   LOSSJIT_ARGUMENT);
  close_subject(&s);
  how.inputs = &good;
  how.outputs = 64;
  assert_int_equal(open_subject(&s, "y_pred: f32[batch, n]; sum(y_pred, axis=1)", &how),
                   LOSSJIT_ARGUMENT);
  close_subject(&s);
  how.outputs = LOSSJIT_LOSS;
  assert_int_equal(open_subject(&s, "y_pred: f32[batch, n]; sum(y_pred, axis=1)", &how),
                   LOSSJIT_OK);
  const lossjit_call call = {.batch = 4, .inputs = &input, .loss = {result, 0}};
  assert_int_equal(lossjit_kernel_call(s.kernel, &call), LOSSJIT_ARGUMENT);
  input.row_stride = INT64_MIN;
  assert_int_equal(lossjit_kernel_call(s.kernel, &call), LOSSJIT_ARGUMENT);
  input.row_stride = 16;
  assert_int_equal(lossjit_kernel_call(s.kernel, &call), LOSSJIT_OK);
  close_subject(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(many_inputs_are_called_and_interpreted),
      cmocka_unit_test(long_chains_are_refused),
      cmocka_unit_test(as_many_sums_as_one_likes),
      cmocka_unit_test(a_gradient_without_a_batch_may_take_its_inputs_place),
      cmocka_unit_test(weights_of_zero_give_zero),
      cmocka_unit_test(sizes_and_strides_that_are_none_are_refused),
  };

  return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
