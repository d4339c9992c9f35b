/*
 * Facts about generated code, read off the assembly: no golden listing, only what must hold
 * whatever LLVM prefers.
 */
#include "lossjit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *stage(const char *target, const char *text, int64_t n, lossjit_stage which)
{
  const lossjit_engine_options options = {.target = target,
                                          .backend_path = LOSSJIT_TEST_BACKEND};
  const lossjit_input shape = {"y_pred", LOSSJIT_F32, 2, {LOSSJIT_BATCH, n}};
  lossjit_engine *engine;
  lossjit_loss *loss;
  lossjit_kernel *kernel;
  char *result, *copy;

  assert_int_equal(lossjit_engine_create(&options, &engine), LOSSJIT_OK);
  assert_int_equal(lossjit_compile(engine, text, NULL, &loss, NULL), LOSSJIT_OK);
  assert_int_equal(lossjit_loss_specialize(
                       loss, &(lossjit_specialization){.inputs = &shape, .input_count = 1},
                       &kernel, NULL),
                   LOSSJIT_OK);
  assert_int_equal(lossjit_kernel_text(kernel, which, &result), LOSSJIT_OK);
  copy = strdup(result);
  lossjit_text_release(engine, result);
  lossjit_kernel_release(kernel);
  lossjit_loss_release(loss);
  lossjit_engine_release(engine);
  return copy;
}

static size_t occurrences(const char *text, const char *word)
{
  size_t count = 0;

  for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
    count++;
  return count;
}

#define WEIGHTED "sum(square(y_pred - y_true) * [0.3, 0.7], axis=1)"
#define CROSS_ENTROPY "-sum(y_true*log_softmax(y_pred, axis=-1), axis=-1)"

static void the_headline_is_packed_and_calls_nothing(void **state)
{
  static const char *const targets[] = {"avx512", "avx2", "baseline"};

  (void)state;
  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
    char *text = stage(targets[i], WEIGHTED, 2, LOSSJIT_STAGE_ASM);
    if (strstr(text, "xmm0")) { /* x86-64 */
      assert_true(occurrences(text, "mulps") > 0);
      assert_true(occurrences(text, "subps") > 0);
      assert_int_equal(occurrences(text, "subss"), 0);
    }
    assert_int_equal(occurrences(text, "call"), 0);
    free(text);
  }
}

/* Every elementary function is inline; nothing is left for a library to resolve. */
static void no_kernel_calls_anything(void **state)
{
  static const char *const texts[] = {
      CROSS_ENTROPY,
      "mean(softplus(y_pred) - y_true*y_pred, axis=-1)",
      "mean(power(abs(y_pred - y_true) + 1, 2.5), axis=-1)",
      "sum(erf(y_pred)*tanh(y_true) + lgamma(abs(y_pred) + 1), axis=-1)",
      "sum(log_ndtr(y_pred) + round(y_true) + floor(y_pred), axis=-1)",
      "sum(square(y_pred - y_true), axis=1)/sum(square(y_true))",
      "-gather(log_softmax(y_pred, axis=-1), y_true)",
  };
  static const char *const targets[] = {"avx512", "avx2", "baseline"};
  static const int64_t sizes[] = {3, 10, 100};

  (void)state;
  for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
    for (size_t i = 0; i < 3; i++) {
      char *text = stage(targets[i], texts[t], sizes[i], LOSSJIT_STAGE_ASM);
      assert_int_equal(occurrences(text, "\tcall"), 0);
      assert_int_equal(occurrences(text, "\tbl\t"), 0);
      free(text);
    }
}

static void short_rows_take_lanes_across_samples(void **state)
{
  char *plan = stage("avx512", CROSS_ENTROPY, 10, LOSSJIT_STAGE_PLAN);
  char *llvm = stage("avx512", CROSS_ENTROPY, 10, LOSSJIT_STAGE_LLVM);

  (void)state;
  assert_non_null(strstr(plan, "lanes across samples, 16 of f32"));
  assert_non_null(strstr(llvm, "<16 x float>"));
  assert_int_equal(occurrences(llvm, " = phi i64"), 1); /* one loop, over the samples */
  free(plan);
  free(llvm);
}

static void long_rows_take_three_passes_and_one_exponential(void **state)
{
  char *plan = stage("avx512", CROSS_ENTROPY, 1000, LOSSJIT_STAGE_PLAN);

  (void)state;
  assert_non_null(strstr(plan, "lanes along the row, 16 of f32"));
  assert_int_equal(occurrences(plan, "\n  pass "), 3);
  assert_int_equal(occurrences(plan, "keep   "), 1); /* the exponential is stored */
  free(plan);
}

static void one_sum_over_the_batch_takes_two_phases(void **state)
{
  char *plan = stage("avx512", "sum(square(y_pred - y_true), axis=1)/sum(square(y_true))", 8,
                     LOSSJIT_STAGE_PLAN);

  (void)state;
  assert_non_null(strstr(plan, "phase 1"));
  assert_null(strstr(plan, "phase 2"));
  free(plan);
}

static void labels_are_checked_before_anything_is_written(void **state)
{
  char *plan = stage("avx512", "-gather(log_softmax(y_pred, axis=-1), y_true)", 8,
                     LOSSJIT_STAGE_PLAN);
  const char *check = strstr(plan, "index out of range"), *store = strstr(plan, "store  loss");

  (void)state;
  assert_non_null(check);
  assert_true(check < store);
  free(plan);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_headline_is_packed_and_calls_nothing),
      cmocka_unit_test(no_kernel_calls_anything),
      cmocka_unit_test(short_rows_take_lanes_across_samples),
      cmocka_unit_test(long_rows_take_three_passes_and_one_exponential),
      cmocka_unit_test(one_sum_over_the_batch_takes_two_phases),
      cmocka_unit_test(labels_are_checked_before_anything_is_written),
  };

  return cmocka_run_group_tests_name("codegen", tests, NULL, NULL);
}
