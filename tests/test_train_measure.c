/*
 * Accuracy, metrics and predictions of networks whose weights are known.
 */
#include "lossjit_train.h"
#include "tests/support/trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int setup(void **state)
{
  *state = test_engine(NULL);
  return 0;
}

static int teardown(void **state)
{
  lossjit_engine_release(*state);
  return 0;
}

/* ---- accuracy -------------------------------------------------------------------- */

/* One linear layer that passes its inputs on: what is counted can be read off. */
static lossjit_model *identity(lossjit_engine *engine, int64_t size)
{
  lossjit_model *model;
  const char *metric = "accuracy";
  lossjit_weights weights;
  assert_int_equal(lossjit_model_create(engine, size, NULL, &model), LOSSJIT_OK);
  assert_int_equal(lossjit_model_add_dense(model, size, NULL), LOSSJIT_OK);
  lossjit_model_layer(model, 0, &weights);
  for (int64_t i = 0; i < size * size; i++)
    weights.kernel[i] = i % (size + 1) == 0;
  assert_int_equal(lossjit_model_compile(model, "mean_squared_error", NULL, &metric, 1),
                   LOSSJIT_OK);
  return model;
}

static double accuracy(lossjit_model *model, const lossjit_data *data)
{
  double loss, result;
  if (lossjit_model_evaluate(model, data, 3, &loss, &result) != LOSSJIT_OK)
    fail_msg("%s", lossjit_model_error(model));
  return result;
}

static void test_accuracy(void **state)
{
  const float x[] = {1, 2, 3, 3, 2, 1, 2, 2, 0, NAN, 1, 0}; /* 2, 0, 0 (tie), 1 */
  const float y[] = {0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0};   /* 2, 1, 0, 1 */
  const int64_t labels[] = {2, 0, 0, 0};
  lossjit_model *model = identity(*state, 3);
  lossjit_data data = {.rows = 4, .x = x, .y = y};
  assert_true(accuracy(model, &data) == 0.5); /* NaN spreads over its row of y_pred */
  data.labels = labels;
  assert_true(accuracy(model, &data) == 0.75);
  lossjit_model_release(model);
}

static void test_accuracy_of_one_output(void **state)
{
  const float x[] = {0.5f, 0.6f, -3, NAN}, y[] = {0, 1, 1, 0};
  const int64_t labels[] = {0, 1, 0, 0};
  lossjit_model *model = identity(*state, 1);
  lossjit_data data = {.rows = 4, .x = x, .y = y};
  assert_true(accuracy(model, &data) == 0.5);
  data.labels = labels;
  assert_true(accuracy(model, &data) == 0.75);
  lossjit_model_release(model);
}

/* ---- expressions ----------------------------------------------------------------- */

/* The mean over all rows, whatever the batches; a metric needs no useful gradient. */
static void test_expressions(void **state)
{
  const float x[] = {1, 2, 3, 4, 5}, y[] = {1, 1, 1, 4, 9};
  const char *const metrics[] = {"mean_absolute_error",
                                 "mean(where(y_pred > y_true, 1.0, 0.0), axis=-1)"};
  lossjit_model *model = identity(*state, 1);
  assert_int_equal(lossjit_model_compile(model, "mean_squared_error", NULL, metrics, 2),
                   LOSSJIT_OK);
  lossjit_data data = {.rows = 5, .x = x, .y = y};
  for (size_t batch = 1; batch <= 6; batch++) {
    double loss, values[2];
    if (lossjit_model_evaluate(model, &data, batch, &loss, values) != LOSSJIT_OK)
      fail_msg("%s", lossjit_model_error(model));
    assert_true(fabs(loss - (1 + 4 + 16) / 5.0) < 1e-6);
    assert_true(fabs(values[0] - (1 + 2 + 4) / 5.0) < 1e-6);
    assert_true(fabs(values[1] - 2 / 5.0) < 1e-6);
  }
  lossjit_model_release(model);
}

/* Loss and metric may see one target differently: as a number and as a class. */
static void test_numbers_and_labels_together(void **state)
{
  const float x[] = {0.2f, 0.8f, 0.7f, 0.3f}, y[] = {0, 1, 1, 0};
  const int64_t labels[] = {1, 1};
  const char *const metrics[] = {"sparse_categorical_crossentropy", "accuracy"};
  lossjit_model *model = identity(*state, 2);
  assert_int_equal(lossjit_model_compile(model, "mean_squared_error", NULL, metrics, 2),
                   LOSSJIT_OK);
  lossjit_data data = {.rows = 2, .x = x, .y = y, .labels = labels};
  double loss, values[2];
  assert_int_equal(lossjit_model_evaluate(model, &data, 0, &loss, values), LOSSJIT_OK);
  assert_true(fabs(loss - (0.04 + 0.09) / 2) < 1e-6);
  assert_true(fabs(values[0] + (log(0.8) + log(0.3)) / 2) < 1e-6);
  assert_true(values[1] == 0.5);
  lossjit_model_release(model);
}

/* ---- predictions ----------------------------------------------------------------- */

static void test_predict_any_count(void **state)
{
  float x[2 * 70], all[70], some[70];
  for (int i = 0; i < 2 * 70; i++)
    x[i] = sinf((float)i);
  lossjit_model *model;
  assert_int_equal(lossjit_model_create(*state, 2, NULL, &model), LOSSJIT_OK);
  assert_int_equal(lossjit_model_add_dense(model, 8, "tanh"), LOSSJIT_OK);
  assert_int_equal(lossjit_model_add_dense(model, 1, NULL), LOSSJIT_OK);
  assert_int_equal(lossjit_model_predict(model, 70, x, all), LOSSJIT_OK);
  const size_t counts[] = {1, 31, 32, 33, 64, 65};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    assert_int_equal(lossjit_model_predict(model, counts[i], x, some), LOSSJIT_OK);
    for (size_t k = 0; k < counts[i]; k++)
      assert_true(fabsf(all[k] - some[k]) < 1e-6f);
  }
  assert_int_equal(lossjit_model_predict(model, 0, NULL, NULL), LOSSJIT_OK);
  lossjit_model_release(model);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_accuracy),
      cmocka_unit_test(test_accuracy_of_one_output),
      cmocka_unit_test(test_expressions),
      cmocka_unit_test(test_numbers_and_labels_together),
      cmocka_unit_test(test_predict_any_count),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
