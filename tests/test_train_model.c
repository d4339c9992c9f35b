/*
 * Building networks: layers, weights, what may go wrong and that it can be mended.
 */
#include "lossjit_train.h"
#include "tests/support/trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

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

static lossjit_model *create(lossjit_engine *engine, int64_t inputs, uint64_t seed)
{
  lossjit_model *model;
  lossjit_model_options options = {.seed = seed};
  assert_int_equal(lossjit_model_create(engine, inputs, &options, &model), LOSSJIT_OK);
  return model;
}

static lossjit_weights weights_of(const lossjit_model *model, size_t layer)
{
  lossjit_weights weights;
  assert_int_equal(lossjit_model_layer(model, layer, &weights), LOSSJIT_OK);
  return weights;
}

/* ---- layers ---------------------------------------------------------------------- */

static void test_shapes(void **state)
{
  lossjit_model *model = create(*state, 5, 0);
  assert_int_equal(lossjit_model_output_size(model), 5);
  assert_int_equal(lossjit_model_add_dense(model, 3, "relu"), LOSSJIT_OK);
  lossjit_dense last = {.units = 2, .no_bias = 1};
  assert_int_equal(lossjit_model_add_layer(model, &last), LOSSJIT_OK);
  assert_int_equal(lossjit_model_layer_count(model), 2);
  assert_int_equal(lossjit_model_input_size(model), 5);
  assert_int_equal(lossjit_model_output_size(model), 2);
  assert_int_equal(lossjit_model_parameter_count(model), 5 * 3 + 3 + 3 * 2);
  lossjit_weights first = weights_of(model, 0);
  assert_int_equal(first.inputs, 5);
  assert_int_equal(first.units, 3);
  assert_string_equal(first.activation, "relu");
  assert_string_equal(weights_of(model, 1).activation, "linear");
  assert_null(weights_of(model, 1).bias);
  assert_int_equal(lossjit_model_layer(model, 2, &first), LOSSJIT_ARGUMENT);
  assert_null(first.kernel);
  lossjit_model_release(model);
}

static void test_many_layers(void **state)
{
  lossjit_model *model = create(*state, 2, 0);
  for (int i = 0; i < 40; i++)
    assert_int_equal(lossjit_model_add_dense(model, 2 + i % 3, NULL), LOSSJIT_OK);
  for (size_t i = 0; i < 40; i++)
    assert_int_equal(weights_of(model, i).units, 2 + i % 3);
  lossjit_model_release(model);
}

static void test_summary(void **state)
{
  lossjit_model *model = create(*state, 5, 0);
  lossjit_model_add_dense(model, 50, "relu");
  lossjit_model_add_dense(model, 2, NULL);
  static const char full[] = "dense  (batch, 5) -> (batch, 50)  relu  300\n"
                             "dense  (batch, 50) -> (batch, 2)  linear  102\n"
                             "402 parameters\n";
  char text[256];
  lossjit_model_summary(model, text, sizeof text);
  assert_string_equal(text, full);
  for (size_t size = 1; size < sizeof full; size++) {
    memset(text, '#', sizeof text);
    lossjit_model_summary(model, text, size);
    assert_int_equal(strlen(text), size - 1);
    assert_memory_equal(text, full, size - 1);
    assert_int_equal(text[size], '#');
  }
  lossjit_model_summary(model, text, 0);
  lossjit_model_release(model);
}

/* A prediction worked out by hand: relu(x K + b), row-major throughout. */
static void test_forward(void **state)
{
  lossjit_model *model = create(*state, 2, 0);
  assert_int_equal(lossjit_model_add_dense(model, 3, "relu"), LOSSJIT_OK);
  lossjit_weights weights = weights_of(model, 0);
  memcpy(weights.kernel, ((float[]){1, 2, 3, 4, 5, 6}), 6 * sizeof(float));
  memcpy(weights.bias, ((float[]){0.5f, -20, 0}), 3 * sizeof(float));
  float y_pred[6];
  assert_int_equal(lossjit_model_predict(model, 2, (float[]){1, 2, -1, 0}, y_pred),
                   LOSSJIT_OK);
  assert_memory_equal(y_pred, ((float[]){9.5f, 0, 15, 0, 0, 0}), sizeof y_pred);
  lossjit_model_release(model);
}

/* ---- initial weights ------------------------------------------------------------- */

static void check_uniform(lossjit_engine *engine, lossjit_initializer initializer,
                          double limit)
{
  lossjit_model *model = create(engine, 64, 3);
  lossjit_dense layer = {.units = 100, .kernel_initializer = initializer};
  assert_int_equal(lossjit_model_add_layer(model, &layer), LOSSJIT_OK);
  lossjit_weights weights = weights_of(model, 0);
  double sum = 0, squares = 0, largest = 0;
  for (int i = 0; i < 6400; i++) {
    double w = weights.kernel[i];
    sum += w;
    squares += w * w;
    largest = fmax(largest, fabs(w));
  }
  assert_true(largest <= limit && largest >= 0.99 * limit);
  assert_true(fabs(sum / 6400) <= 0.03 * limit); /* 4 deviations of the mean */
  assert_true(fabs(squares / 6400 - limit * limit / 3) <= 0.02 * limit * limit);
  for (int i = 0; i < 100; i++)
    assert_true(weights.bias[i] == 0);
  lossjit_model_release(model);
}

static void test_initializers(void **state)
{
  check_uniform(*state, LOSSJIT_GLOROT_UNIFORM, sqrt(6.0 / 164));
  check_uniform(*state, LOSSJIT_HE_UNIFORM, sqrt(6.0 / 64));
  check_uniform(*state, LOSSJIT_ZEROS, 0);
}

static void test_seed_of_weights(void **state)
{
  float kernels[3][12];
  const uint64_t seeds[] = {7, 7, 8};
  for (int i = 0; i < 3; i++) {
    lossjit_model *model = create(*state, 3, seeds[i]);
    lossjit_model_add_dense(model, 4, NULL);
    memcpy(kernels[i], weights_of(model, 0).kernel, sizeof kernels[i]);
    lossjit_model_release(model);
  }
  assert_memory_equal(kernels[0], kernels[1], sizeof kernels[0]);
  assert_memory_not_equal(kernels[0], kernels[2], sizeof kernels[0]);
}

/* ---- mistakes -------------------------------------------------------------------- */

/* A layer that cannot be made leaves the model as it was, also its random numbers. */
static void test_failed_layer_changes_nothing(void **state)
{
  lossjit_model *one = create(*state, 3, 1), *two = create(*state, 3, 1);
  assert_int_equal(lossjit_model_add_dense(one, 4, "no_such_thing"), LOSSJIT_INVALID);
  assert_non_null(strstr(lossjit_model_error(one), "no_such_thing"));
  assert_int_equal(lossjit_model_layer_count(one), 0);
  assert_int_equal(lossjit_model_add_dense(one, 4, "relu"), LOSSJIT_OK);
  assert_string_equal(lossjit_model_error(one), "");
  assert_int_equal(lossjit_model_add_dense(two, 4, "relu"), LOSSJIT_OK);
  assert_memory_equal(weights_of(one, 0).kernel, weights_of(two, 0).kernel,
                      12 * sizeof(float));
  lossjit_model_release(one);
  lossjit_model_release(two);
}

static void refuse_activation(lossjit_model *model, const char *activation,
                              const char *part)
{
  assert_int_equal(lossjit_model_add_dense(model, 4, activation), LOSSJIT_INVALID);
  if (!strstr(lossjit_model_error(model), part))
    fail_msg("'%s' is not in: %s", part, lossjit_model_error(model));
}

static void test_wrong_activations(void **state)
{
  lossjit_model *model = create(*state, 3, 0);
  refuse_activation(model, "relu(y_pred", "activation:1:");
  refuse_activation(model, "rleu", "relu");
  refuse_activation(model, "sum(y_pred, axis=-1)", "must have the shape");
  refuse_activation(model, "y_pred[:, 1:]", "must have the shape");
  refuse_activation(model, "y_pred + y_true", "y_true");
  refuse_activation(model, "round(y_pred)", "round");
  assert_int_equal(lossjit_model_layer_count(model), 0);
  lossjit_model_release(model);
}

static void test_wrong_layers(void **state)
{
  lossjit_model *model = create(*state, 3, 0);
  assert_int_equal(lossjit_model_add_dense(model, 0, NULL), LOSSJIT_ARGUMENT);
  assert_string_equal(lossjit_model_error(model),
                      "a layer has 1 to 16777216 units, not 0");
  assert_int_equal(lossjit_model_add_dense(model, INT64_MAX, NULL), LOSSJIT_ARGUMENT);
  assert_int_equal(lossjit_model_add_layer(model, NULL), LOSSJIT_ARGUMENT);
  lossjit_dense layer = {.units = 1, .kernel_initializer = (lossjit_initializer)9};
  assert_int_equal(lossjit_model_add_layer(model, &layer), LOSSJIT_ARGUMENT);
  assert_int_equal(lossjit_model_add_dense(NULL, 1, NULL), LOSSJIT_ARGUMENT);
  assert_int_equal(lossjit_model_add_dense(model, 2, NULL), LOSSJIT_OK);
  assert_int_equal(lossjit_model_compile(model, "mean_squared_error", NULL, NULL, 0),
                   LOSSJIT_OK);
  assert_int_equal(lossjit_model_add_dense(model, 1, NULL), LOSSJIT_ARGUMENT);
  assert_string_equal(lossjit_model_error(model),
                      "the model is compiled: layers come before that");
  lossjit_model_release(model);
}

static void refuse_loss(lossjit_model *model, const char *loss, const char *part)
{
  assert_int_equal(lossjit_model_compile(model, loss, NULL, NULL, 0), LOSSJIT_INVALID);
  if (!strstr(lossjit_model_error(model), part))
    fail_msg("'%s' is not in: %s", part, lossjit_model_error(model));
}

static void test_wrong_losses(void **state)
{
  lossjit_model *model = create(*state, 3, 0);
  assert_int_equal(lossjit_model_compile(model, "mean_squared_error", NULL, NULL, 0),
                   LOSSJIT_ARGUMENT);
  assert_string_equal(lossjit_model_error(model), "the model has no layers");
  assert_int_equal(lossjit_model_add_dense(model, 2, NULL), LOSSJIT_OK);
  refuse_loss(model, "mean_squared_eror", "mean_squared_error");
  refuse_loss(model, "square(y_pred - y_true)", "axis");
  refuse_loss(model, "mean(y_true, axis=-1)", "y_pred");
  refuse_loss(model, "w: f32[batch, 2]; mean(y_pred * w, axis=-1)",
              "input 'w' is neither y_pred nor y_true");
  refuse_loss(model, "y_pred: f64[batch, 2]; mean(y_pred, axis=-1)",
              "input 'y_pred' must be f32");
  const char *const metric = "accurcy", *const none = NULL;
  assert_int_equal(lossjit_model_compile(model, "mean_squared_error", NULL, &metric, 1),
                   LOSSJIT_INVALID);
  assert_int_equal(lossjit_model_compile(model, "mean_squared_error", NULL, &none, 1),
                   LOSSJIT_ARGUMENT);
  assert_int_equal(lossjit_model_compile(model, NULL, NULL, NULL, 0), LOSSJIT_ARGUMENT);
  float x[3] = {0};
  lossjit_data data = {.rows = 1, .x = x, .y = x};
  assert_int_equal(lossjit_model_fit(model, &data, NULL), LOSSJIT_ARGUMENT);
  assert_string_equal(lossjit_model_error(model),
                      "the model is not compiled: call lossjit_model_compile first");
  assert_int_equal(lossjit_model_compile(model, "mean_squared_error", NULL, NULL, 0),
                   LOSSJIT_OK);
  assert_int_equal(lossjit_model_fit(model, &data, NULL), LOSSJIT_OK);
  lossjit_model_release(model);
}

/* What the sizes of the data have to say is said when there is data. */
static void test_sizes_that_do_not_go_together(void **state)
{
  lossjit_model *model = create(*state, 3, 0);
  assert_int_equal(lossjit_model_add_dense(model, 3, NULL), LOSSJIT_OK);
  float x[3] = {0};
  lossjit_data data = {.rows = 1, .x = x, .y = x};
  const char *weighted = "sum(square(y_pred - y_true) * [0.3, 0.7], axis=1)";
  assert_int_equal(lossjit_model_compile(model, weighted, NULL, NULL, 0), LOSSJIT_OK);
  assert_int_equal(lossjit_model_fit(model, &data, NULL), LOSSJIT_INVALID);
  assert_non_null(strstr(lossjit_model_error(model), "[0.3, 0.7]"));
  data.target_size = -1;
  assert_int_equal(lossjit_model_fit(model, &data, NULL), LOSSJIT_ARGUMENT);
  lossjit_model_release(model);
}

static void test_wrong_creation(void **state)
{
  lossjit_model *model = (void *)1;
  assert_int_equal(lossjit_model_create(NULL, 1, NULL, &model), LOSSJIT_ARGUMENT);
  assert_null(model);
  assert_int_equal(lossjit_model_create(*state, 0, NULL, &model), LOSSJIT_ARGUMENT);
  assert_int_equal(lossjit_model_create(*state, 1, NULL, NULL), LOSSJIT_ARGUMENT);
  lossjit_model_release(NULL);
  assert_string_equal(lossjit_model_error(NULL), "no model");
  assert_int_equal(lossjit_model_layer_count(NULL), 0);
  assert_null(lossjit_model_history(NULL));
}

static void test_metric_names(void **state)
{
  lossjit_model *model = create(*state, 3, 0);
  lossjit_model_add_dense(model, 2, NULL);
  const char *const metrics[] = {"accuracy", "mean(abs(y_pred - y_true), axis=-1)"};
  assert_int_equal(lossjit_model_compile(model, "mean_squared_error", NULL, metrics, 2),
                   LOSSJIT_OK);
  assert_int_equal(lossjit_model_metric_count(model), 2);
  for (size_t i = 0; i < 2; i++)
    assert_string_equal(lossjit_model_metric_name(model, i), metrics[i]);
  assert_null(lossjit_model_metric_name(model, 2));
  assert_int_equal(lossjit_model_history(model)->ending, LOSSJIT_NOT_FITTED);
  lossjit_model_release(model);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shapes),
      cmocka_unit_test(test_many_layers),
      cmocka_unit_test(test_summary),
      cmocka_unit_test(test_forward),
      cmocka_unit_test(test_initializers),
      cmocka_unit_test(test_seed_of_weights),
      cmocka_unit_test(test_failed_layer_changes_nothing),
      cmocka_unit_test(test_wrong_activations),
      cmocka_unit_test(test_wrong_layers),
      cmocka_unit_test(test_wrong_losses),
      cmocka_unit_test(test_sizes_that_do_not_go_together),
      cmocka_unit_test(test_wrong_creation),
      cmocka_unit_test(test_metric_names),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
