/*
 * The gradient of whole networks by their weights, against finite differences.
 *
 * Central differences at h and h/2, combined so that the h^2 term cancels (Richardson);
 * what is left is the rounding of f32, a few 1e-6 over h. Networks use smooth
 * activations, because a difference across a kink is the derivative of neither side.
 */
#include "lossjit_train.h"
#include "tests/support/trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 7, INPUTS = 3, HIDDEN = 4, OUTPUTS = 2 };

struct sample {
  float x[ROWS * INPUTS], y[ROWS * OUTPUTS];
  int64_t labels[ROWS];
};

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

static struct sample make_sample(void)
{
  struct sample sample;
  for (int i = 0; i < ROWS * INPUTS; i++)
    sample.x[i] = sinf(1.3f * (float)i);
  for (int i = 0; i < ROWS; i++) {
    sample.labels[i] = i % 3 == 1;
    sample.y[2 * i] = (float)!sample.labels[i];
    sample.y[2 * i + 1] = (float)sample.labels[i];
  }
  return sample;
}

static lossjit_model *network(lossjit_engine *engine, const char *hidden,
                              const char *output, const char *loss)
{
  lossjit_model *model;
  lossjit_model_options options = {.seed = 5};
  assert_int_equal(lossjit_model_create(engine, INPUTS, &options, &model), LOSSJIT_OK);
  assert_int_equal(lossjit_model_add_dense(model, HIDDEN, hidden), LOSSJIT_OK);
  assert_int_equal(lossjit_model_add_dense(model, OUTPUTS, output), LOSSJIT_OK);
  if (lossjit_model_compile(model, loss, NULL, NULL, 0) != LOSSJIT_OK)
    fail_msg("%s", lossjit_model_error(model));
  return model;
}

static double loss_of(lossjit_model *model, const lossjit_data *data)
{
  double loss;
  if (lossjit_model_evaluate(model, data, ROWS, &loss, NULL) != LOSSJIT_OK)
    fail_msg("%s", lossjit_model_error(model));
  return loss;
}

static double slope(lossjit_model *model, const lossjit_data *data, float *weight,
                    float h)
{
  float before = *weight;
  *weight = before + h;
  double up = loss_of(model, data), above = *weight;
  *weight = before - h;
  double down = loss_of(model, data), below = *weight;
  *weight = before;
  return (up - down) / (above - below);
}

static void check_weights(lossjit_model *model, const lossjit_data *data,
                          float *weights, const float *gradient, int count,
                          const char *what)
{
  for (int i = 0; i < count; i++) {
    double wide = slope(model, data, &weights[i], 0x1p-5f);
    double narrow = slope(model, data, &weights[i], 0x1p-6f);
    double expected = (4 * narrow - wide) / 3;
    if (!(fabs(gradient[i] - expected) <= 2e-4 + 1e-3 * fabs(expected)))
      fail_msg("%s[%d]: %g is not %g", what, i, gradient[i], expected);
  }
}

static void check_gradient(lossjit_model *model, const lossjit_data *data)
{
  float kernels[2][HIDDEN * HIDDEN], biases[2][HIDDEN];
  lossjit_weights gradients[2] = {{.kernel = kernels[0], .bias = biases[0]},
                                  {.kernel = kernels[1], .bias = biases[1]}};
  double loss;
  if (lossjit_model_gradient(model, data, &loss, gradients) != LOSSJIT_OK)
    fail_msg("%s", lossjit_model_error(model));
  assert_true(fabs(loss - loss_of(model, data)) < 1e-6 * (1 + fabs(loss)));
  for (size_t i = 0; i < 2; i++) {
    lossjit_weights at;
    lossjit_model_layer(model, i, &at);
    check_weights(model, data, at.kernel, kernels[i], (int)(at.inputs * at.units),
                  "kernel");
    check_weights(model, data, at.bias, biases[i], (int)at.units, "bias");
  }
  lossjit_model_release(model);
}

static void test_squares(void **state)
{
  struct sample sample = make_sample();
  lossjit_data data = {.rows = ROWS, .x = sample.x, .y = sample.y};
  check_gradient(network(*state, "tanh", "linear",
                         "sum(square(y_pred - y_true) * [0.3, 0.7], axis=1)"),
                 &data);
}

static void test_two_linear_layers(void **state)
{
  struct sample sample = make_sample();
  lossjit_data data = {.rows = ROWS, .x = sample.x, .y = sample.y};
  check_gradient(network(*state, NULL, NULL, "mean_squared_error"), &data);
}

static void test_softmax_on_one_hot(void **state)
{
  struct sample sample = make_sample();
  lossjit_data data = {.rows = ROWS, .x = sample.x, .y = sample.y};
  check_gradient(network(*state, "tanh", "softmax", "categorical_crossentropy"), &data);
}

static void test_softmax_on_labels(void **state)
{
  struct sample sample = make_sample();
  lossjit_data data = {.rows = ROWS, .x = sample.x, .labels = sample.labels};
  check_gradient(network(*state, "tanh", "softmax", "sparse_categorical_crossentropy"),
                 &data);
}

/* An activation that is an expression, with its own kernels like any other. */
static void test_expression_as_activation(void **state)
{
  struct sample sample = make_sample();
  lossjit_data data = {.rows = ROWS, .x = sample.x, .y = sample.y};
  check_gradient(network(*state, "y_pred / (1 + exp(-1.5*y_pred))",
                         "y_pred - 0.1*square(y_pred)",
                         "mean(log(1 + square(y_pred - y_true)), axis=-1)"),
                 &data);
}

/* The gradient over all rows is the mean of the gradients over its parts. */
static void test_parts_add_up(void **state)
{
  struct sample sample = make_sample();
  lossjit_model *model = network(*state, "tanh", "linear", "mean_squared_error");
  float whole[INPUTS * HIDDEN], first[INPUTS * HIDDEN], rest[INPUTS * HIDDEN];
  lossjit_weights out[3][2] = {
      {{.kernel = whole}}, {{.kernel = first}}, {{.kernel = rest}}};
  const size_t starts[] = {0, 0, 2}, rows[] = {ROWS, 2, ROWS - 2};
  for (int i = 0; i < 3; i++) {
    lossjit_data data = {.rows = rows[i],
                         .x = sample.x + starts[i] * INPUTS,
                         .y = sample.y + starts[i] * OUTPUTS};
    assert_int_equal(lossjit_model_gradient(model, &data, NULL, out[i]), LOSSJIT_OK);
  }
  for (int i = 0; i < INPUTS * HIDDEN; i++)
    assert_true(fabs(ROWS * whole[i] - 2 * first[i] - (ROWS - 2) * rest[i]) < 1e-5);
  lossjit_model_release(model);
}

static void test_wrong_calls(void **state)
{
  struct sample sample = make_sample();
  lossjit_model *model = network(*state, "tanh", "linear", "mean_squared_error");
  lossjit_data data = {.rows = ROWS, .x = sample.x};
  double loss = 1;
  assert_int_equal(lossjit_model_gradient(NULL, &data, &loss, NULL), LOSSJIT_ARGUMENT);
  assert_true(loss == 0);
  assert_int_equal(lossjit_model_gradient(model, NULL, NULL, NULL), LOSSJIT_ARGUMENT);
  assert_int_equal(lossjit_model_gradient(model, &data, NULL, NULL), LOSSJIT_ARGUMENT);
  assert_string_equal(
      lossjit_model_error(model),
      "'mean_squared_error(y_true, y_pred)' compares with numbers: the data needs y");
  lossjit_model_release(model);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_squares),
      cmocka_unit_test(test_two_linear_layers),
      cmocka_unit_test(test_softmax_on_one_hot),
      cmocka_unit_test(test_softmax_on_labels),
      cmocka_unit_test(test_expression_as_activation),
      cmocka_unit_test(test_parts_add_up),
      cmocka_unit_test(test_wrong_calls),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
