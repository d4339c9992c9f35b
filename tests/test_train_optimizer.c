/*
 * Optimizers, step by step against numbers worked out by hand.
 *
 * The network is one weight without bias, the input 1 and the loss y_pred * y_true, so
 * that the gradient of each step is that row's y_true: the rows are the gradients that
 * the optimizer sees.
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

static lossjit_model *one_weight(lossjit_engine *engine)
{
  lossjit_model *model;
  lossjit_dense layer = {.units = 1, .no_bias = 1};
  assert_int_equal(lossjit_model_create(engine, 1, NULL, &model), LOSSJIT_OK);
  assert_int_equal(lossjit_model_add_layer(model, &layer), LOSSJIT_OK);
  return model;
}

/* The weight, from 1, after steps with these gradients. */
static double after(lossjit_engine *engine, const lossjit_optimizer *optimizer,
                    size_t steps, const float *gradients)
{
  static const float ones[] = {1, 1, 1, 1};
  lossjit_model *model = one_weight(engine);
  lossjit_weights weights;
  assert_int_equal(
      lossjit_model_compile(model, "sum(y_pred*y_true, axis=-1)", optimizer, NULL, 0),
      LOSSJIT_OK);
  lossjit_model_layer(model, 0, &weights);
  assert_null(weights.bias);
  *weights.kernel = 1;
  lossjit_data data = {.rows = steps, .x = ones, .y = gradients};
  lossjit_fit_options options = {.batch_size = 1, .no_shuffle = 1};
  if (lossjit_model_fit(model, &data, &options) != LOSSJIT_OK)
    fail_msg("%s", lossjit_model_error(model));
  double weight = *weights.kernel;
  lossjit_model_release(model);
  return weight;
}

static void check(double got, double expected)
{
  if (!(fabs(got - expected) <= 2e-7 * fabs(expected)))
    fail_msg("%.9g is not %.9g", got, expected);
}

static const float gradients[] = {1, 2, -3};

static void test_sgd(void **state)
{
  lossjit_optimizer sgd;
  lossjit_optimizer_init("sgd", &sgd);
  check(after(*state, &sgd, 1, gradients), 1 - 0.01);
  sgd.learning_rate = 0.1;
  check(after(*state, &sgd, 3, gradients), 1 - 0.1 - 0.2 + 0.3);
}

/* v = -0.1, then 0.9 * -0.1 - 0.2 = -0.29, then 0.9 * -0.29 + 0.3 = 0.039. */
static void test_momentum(void **state)
{
  lossjit_optimizer sgd;
  lossjit_optimizer_init("sgd", &sgd);
  sgd.learning_rate = 0.1;
  sgd.momentum = 0.9;
  check(after(*state, &sgd, 1, gradients), 0.9);
  check(after(*state, &sgd, 2, gradients), 0.61);
  check(after(*state, &sgd, 3, gradients), 0.649);
}

/* The same velocities; each step is 0.9 v - 0.1 g. */
static void test_nesterov(void **state)
{
  lossjit_optimizer sgd;
  lossjit_optimizer_init("sgd", &sgd);
  sgd.learning_rate = 0.1;
  sgd.momentum = 0.9;
  sgd.nesterov = 1;
  check(after(*state, &sgd, 1, gradients), 1 - 0.09 - 0.1);
  check(after(*state, &sgd, 2, gradients), 0.81 - 0.261 - 0.2);
  check(after(*state, &sgd, 3, gradients), 0.349 + 0.0351 + 0.3);
}

/* Nesterov without momentum is plain descent. */
static void test_nesterov_alone(void **state)
{
  lossjit_optimizer sgd;
  lossjit_optimizer_init("sgd", &sgd);
  sgd.nesterov = 1;
  check(after(*state, &sgd, 2, gradients), 1 - 0.03);
}

/* By the formulas of Keras 3 in double precision: rate 0.1 sqrt(1 - b2^t)/(1 - b1^t),
 * m += 0.1 (g - m), v += 0.001 (g^2 - v), w -= rate m / (sqrt(v) + 1e-7). */
static void test_adam(void **state)
{
  lossjit_optimizer adam;
  lossjit_optimizer_init("adam", &adam);
  check(after(*state, &adam, 1, gradients), 0.999000003);
  check(after(*state, NULL, 1, gradients), 0.999000003); /* Adam is the default */
  adam.learning_rate = 0.1;
  check(after(*state, &adam, 1, gradients), 0.900000316);
  check(after(*state, &adam, 2, gradients), 0.803482250);
  check(after(*state, &adam, 3, gradients), 0.810142146);
}

/* The state of an optimizer goes on over calls of fit and starts anew with compile. */
static void test_state_goes_on(void **state)
{
  lossjit_model *model = one_weight(*state);
  lossjit_optimizer sgd;
  lossjit_optimizer_init("sgd", &sgd);
  sgd.learning_rate = 0.1;
  sgd.momentum = 0.9;
  const char *loss = "sum(y_pred*y_true, axis=-1)";
  assert_int_equal(lossjit_model_compile(model, loss, &sgd, NULL, 0), LOSSJIT_OK);
  lossjit_weights weights;
  lossjit_model_layer(model, 0, &weights);
  *weights.kernel = 1;
  const float one = 1;
  for (int i = 0; i < 2; i++) {
    lossjit_data data = {.rows = 1, .x = &one, .y = &gradients[i]};
    assert_int_equal(lossjit_model_fit(model, &data, NULL), LOSSJIT_OK);
  }
  check(*weights.kernel, 0.61);
  assert_int_equal(lossjit_model_compile(model, loss, &sgd, NULL, 0), LOSSJIT_OK);
  check(*weights.kernel, 0.61);
  lossjit_data data = {.rows = 1, .x = &one, .y = &gradients[0]};
  assert_int_equal(lossjit_model_fit(model, &data, NULL), LOSSJIT_OK);
  check(*weights.kernel, 0.51);
  lossjit_model_release(model);
}

static void refuse(lossjit_engine *engine, const lossjit_optimizer *optimizer,
                   const char *message)
{
  lossjit_model *model = one_weight(engine);
  assert_int_equal(
      lossjit_model_compile(model, "mean_squared_error", optimizer, NULL, 0),
      LOSSJIT_ARGUMENT);
  assert_string_equal(lossjit_model_error(model), message);
  lossjit_model_release(model);
}

static void test_wrong_settings(void **state)
{
  lossjit_optimizer adam, sgd;
  assert_int_equal(lossjit_optimizer_init("adam", &adam), LOSSJIT_OK);
  assert_int_equal(lossjit_optimizer_init("sgd", &sgd), LOSSJIT_OK);
  sgd.beta_1 = 7; /* not sgd's: ignored */
  check(after(*state, &sgd, 1, gradients), 0.99);
  sgd.momentum = 1;
  refuse(*state, &sgd,
         "optimizer sgd: momentum is 1, it must be at least 0 and below 1");
  adam.learning_rate = 0;
  refuse(*state, &adam,
         "optimizer adam: learning_rate is 0, it must be above 0 and finite");
  adam.learning_rate = NAN;
  refuse(*state, &adam,
         "optimizer adam: learning_rate is nan, it must be above 0 and finite");
  adam = (lossjit_optimizer){.name = "adamw"};
  refuse(*state, &adam, "there is no optimizer 'adamw'");
  assert_int_equal(lossjit_optimizer_init("adamw", &adam), LOSSJIT_ARGUMENT);
  assert_int_equal(lossjit_optimizer_init(NULL, &adam), LOSSJIT_ARGUMENT);
  assert_int_equal(lossjit_optimizer_init("adam", NULL), LOSSJIT_ARGUMENT);
}

static void test_names(void **state)
{
  (void)state;
  assert_string_equal(lossjit_optimizer_name(0), "sgd");
  assert_string_equal(lossjit_optimizer_name(1), "adam");
  assert_null(lossjit_optimizer_name(2));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sgd),
      cmocka_unit_test(test_momentum),
      cmocka_unit_test(test_nesterov),
      cmocka_unit_test(test_nesterov_alone),
      cmocka_unit_test(test_adam),
      cmocka_unit_test(test_state_goes_on),
      cmocka_unit_test(test_wrong_settings),
      cmocka_unit_test(test_names),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
