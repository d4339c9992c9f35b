/*
 * A trial: one kernel called beside the reference interpreter on the same memory,
 * through the public API only.
 *
 *     lossjit_engine *engine = test_engine("avx2");
 *     lossjit_loss *loss = test_compile(engine, text, &options);   or the test fails
 *     struct test_trial trial;
 *     test_trial_begin(&trial, loss, 10, true, 17);   open sizes 10, at most 17 samples
 *     ... fill trial.inputs[...] and trial.adjoint with test_set ...
 *     test_trial_call(&trial, 17);
 *     ... compare trial.loss[TEST_KERNEL] with trial.loss[TEST_INTERPRETER] ...
 *     test_trial_end(&trial);
 *
 * Guard bytes behind every output catch a kernel that writes past its batch.
 */
#ifndef TESTS_TRIAL_H
#define TESTS_TRIAL_H

#include "lossjit.h"

#include <stdbool.h>

#define TEST_MAX_INPUTS 8

/* A dense array of any dtype that is filled and read as double. */
struct test_array {
  lossjit_dtype dtype;
  int64_t count;
  void *data;
};

void test_array_make(struct test_array *array, lossjit_dtype dtype, int64_t count);
void test_array_free(struct test_array *array);
double test_get(const struct test_array *array, int64_t index);
void test_set(struct test_array *array, int64_t index, double value); /* rounds */

/* Elements of an input or output for this batch, where open sizes are `open`. */
int64_t test_elements(const lossjit_input *shape, int64_t batch, int64_t open);

/* Distance in units in the last place of `dtype`; 0 for two NaNs, huge if only one is.
 * Infinity is one step beyond the largest number. */
double test_ulps(lossjit_dtype dtype, double got, double expected);

/* May kernels for this target run here? "host" and "baseline" always may. */
bool test_target_runs(const char *target);
lossjit_engine *test_engine(const char *target);
lossjit_loss *test_compile(lossjit_engine *engine, const char *text,
                           const lossjit_compile_options *options);

enum { TEST_KERNEL, TEST_INTERPRETER, TEST_SIDES };

struct test_trial {
  lossjit_loss *loss;
  lossjit_kernel *kernel;
  int64_t open, batch; /* batch: of the last call */
  bool has_adjoint;
  lossjit_reduction reduction;
  size_t input_count, gradient_count;
  struct test_array inputs[TEST_MAX_INPUTS], adjoint;
  struct test_array output[TEST_SIDES];
  struct test_array gradients[TEST_SIDES][TEST_MAX_INPUTS];
  double value[TEST_SIDES];
};

/* Specialise and allocate for at most `most` samples. Takes over the caller's
 * reference to `loss`. With `adjoint`, calls pass trial->adjoint (filled with ones to
 * begin with). */
void test_trial_begin(struct test_trial *trial, lossjit_loss *loss, int64_t open,
                      bool adjoint, int64_t most);
/* Call both; fails the test if either refuses or writes past the batch. */
void test_trial_call(struct test_trial *trial, int64_t batch);
void test_trial_end(struct test_trial *trial);

#endif
