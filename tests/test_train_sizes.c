/*
 * Networks and targets that do not go together: what is refused, what is meant, and
 * what earns a warning.
 *
 * mean(square(y_pred - y_true), axis=-1) broadcasts: two outputs and one target would
 * train both outputs towards the same number, without a word.
 */
#include "lossjit_train.h"
#include "tests/support/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 6 };

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

struct row {
  int64_t units, targets;
  const char *loss, *metric; /* NULL: none */
  const char *message;       /* a part of it; NULL: accepted */
};

#define PINBALL "mean(maximum([0.1, 0.5, 0.9]*e, ([0.1, 0.5, 0.9] - 1)*e), axis=-1)"

static const struct row rows[] = {
    /* by name: as many outputs as targets */
    {1, 1, "mean_squared_error", NULL, NULL},
    {2, 1, "mean_squared_error", NULL,
     "loss 'mean_squared_error(y_true, y_pred)': the last layer has 2 outputs, but there "
     "is 1 target"},
    {1, 2, "mean_squared_error", NULL, "has 1 output, but there are 2 targets"},
    {2, 3, "mean_squared_error", NULL, "has 2 outputs, but there are 3 targets"},
    /* one column repeated along the other */
    {2, 1, "mean(square(y_pred - y_true), axis=-1)", NULL,
     "the last layer has 2 outputs, but there is 1 target; if the target is to be "
     "repeated, declare it: y_true: f32[batch, 1];"},
    {1, 2, "mean(square(y_pred - y_true), axis=-1)", NULL, "y_pred: f32[batch, 1];"},
    {2, 1, "sum(square(y_pred - y_true)*[0.3, 0.7], axis=1)", NULL,
     "y_true: f32[batch"},
    {1, 2, "sum(square(y_pred - y_true)*[0.3, 0.7], axis=1)", NULL,
     "y_pred: f32[batch"},
    {3, 1, "e = y_true - y_pred; " PINBALL, NULL, "3 outputs, but there is 1 target"},
    /* that is meant */
    {3, 1, "y_true: f32[batch, 1]; e = y_true - y_pred; " PINBALL, NULL, NULL},
    {3, 1, "e = y_true[:, :1] - y_pred; " PINBALL, NULL, NULL},
    {1, 2, "y_pred: f32[batch, 1]; mean(square(y_pred - y_true), axis=-1)", NULL, NULL},
    /* columns taken one by one */
    {2, 1, "s = y_pred[:, 1]; s + square(y_true[:, 0] - y_pred[:, 0])*exp(-s)", NULL,
     NULL},
    {1, 2, "y_true[:, 1]*square(y_pred[:, 0] - y_true[:, 0])", NULL, NULL},
    {1, 2,
     "y_pred: f32[batch, 1]; y_true: f32[batch, 2]; "
     "square(squeeze(y_pred, axis=-1) - y_true[:, 0])",
     NULL, NULL},
    {2, 3,
     "y_true: f32[batch, 3]; "
     "y_true[:, 2]*mean(square(y_pred - y_true[:, :2]), axis=-1)",
     NULL, NULL},
    {2, 1, "mean(square(y_pred), axis=-1)", NULL, NULL},
    /* metrics likewise */
    {2, 1, "square(y_true[:, 0] - y_pred[:, 0])", "mean_absolute_error",
     "metric 'mean_absolute_error(y_true, y_pred)': the last layer has 2 outputs"},
    {1, 1, "mean_squared_error", "accuracy",
     "'accuracy' counts right classes, 0 or 1, but y holds 2: for numbers take"},
};

static lossjit_status fit(lossjit_engine *engine, const struct row *row, char *message,
                          size_t size)
{
  static const float x[ROWS] = {1, 2, 3, 4, 5, 6};
  static const float y[ROWS * 3] = {1, 0, 2, 1, 0, 1, 1};
  lossjit_model *model;
  assert_int_equal(lossjit_model_create(engine, 1, NULL, &model), LOSSJIT_OK);
  assert_int_equal(lossjit_model_add_dense(model, row->units, NULL), LOSSJIT_OK);
  lossjit_status status =
      lossjit_model_compile(model, row->loss, NULL, &row->metric, row->metric != NULL);
  lossjit_data data = {.rows = ROWS, .x = x, .y = y, .target_size = row->targets};
  if (status == LOSSJIT_OK)
    status = lossjit_model_fit(model, &data, NULL);
  snprintf(message, size, "%s", lossjit_model_error(model));
  lossjit_model_release(model);
  return status;
}

static void test_outputs_and_targets(void **state)
{
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct row *row = &rows[i];
    char message[1024];
    lossjit_status status = fit(*state, row, message, sizeof message);
    if (status != (row->message ? LOSSJIT_INVALID : LOSSJIT_OK))
      fail_msg("%s: status %d: %s", row->loss, status, message);
    if (row->message && !strstr(message, row->message))
      fail_msg("%s: '%s' is not in: %s", row->loss, row->message, message);
  }
}

/* ---- probabilities --------------------------------------------------------------- */

#define FILES LOSSJIT_TEST_BINARY_DIR "/test_train_sizes"

static void write_file(const char *path, const char *text)
{
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  fputs(text, file);
  assert_int_equal(fclose(file), 0);
}

static void keep_warning(void *user, const char *line)
{
  snprintf(user, 400, "%s", line);
}

static void test_losses_over_probabilities(void **state)
{
  static const struct {
    const char *loss, *units, *activation, *warning; /* "": none */
  } cases[] = {
      {"categorical_crossentropy", "2", "linear",
       ": the last layer is linear; categorical_crossentropy takes probabilities: use "
       "activation softmax or categorical_crossentropy_from_logits"},
      {"sparse_categorical_crossentropy", "2", "tanh",
       ": the last layer is tanh; sparse_categorical_crossentropy takes probabilities: "
       "use activation softmax or sparse_categorical_crossentropy_from_logits"},
      {"categorical_focal_crossentropy", "2", "linear",
       ": the last layer is linear; categorical_focal_crossentropy takes probabilities: "
       "use activation softmax"},
      {"binary_crossentropy", "1", "linear",
       ": the last layer is linear; binary_crossentropy takes probabilities: use "
       "activation sigmoid or binary_crossentropy_from_logits"},
      {"categorical_crossentropy", "2", "softmax", ""},
      {"categorical_crossentropy", "2",
       "exp(y_pred)/sum(exp(y_pred), axis=1, keepdims=True)", ""},
      {"binary_crossentropy", "1", "sigmoid", ""},
      {"categorical_crossentropy_from_logits", "2", "linear", ""},
      {"mean_squared_error", "2", "linear", ""},
  };
  write_file(FILES ".csv", "a,b,kind\n9,1,x\n-9,2,y\n1,-9,x\n-1,-7,y\n");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[600], warning[400] = "";
    snprintf(text, sizeof text,
             "{\"data\": \"test_train_sizes.csv\", \"label\": \"kind\", \"loss\": "
             "\"%s\", \"layers\": [{\"units\": %s, \"activation\": \"%s\"}]}",
             cases[i].loss, cases[i].units, cases[i].activation);
    write_file(FILES ".json", text);
    lossjit_train_hooks hooks = {.warning = keep_warning, .user = warning};
    lossjit_train_error error;
    lossjit_model *model;
    if (lossjit_train_file(*state, FILES ".json", &hooks, &model, &error) != LOSSJIT_OK)
      fail_msg("%s", error.text);
    lossjit_model_release(model);
    assert_string_equal(*warning ? warning + strlen(FILES ".json") : "",
                        cases[i].warning);
  }
}

/* ---- overrides ------------------------------------------------------------------- */

static double last_loss(lossjit_engine *engine,
                        const lossjit_train_overrides *overrides, size_t *steps)
{
  lossjit_train_hooks hooks = {.overrides = overrides};
  lossjit_train_error error;
  lossjit_model *model;
  if (lossjit_train_file(engine, FILES ".json", &hooks, &model, &error) != LOSSJIT_OK)
    fail_msg("%s", error.text);
  const lossjit_history *history = lossjit_model_history(model);
  double loss = history->epochs[history->epoch_count - 1].loss;
  *steps = history->steps;
  lossjit_model_release(model);
  return loss;
}

static void test_overrides(void **state)
{
  static const char file[] =
      "{\"data\": \"test_train_sizes.csv\", \"inputs\": [\"a\"], \"targets\": [\"b\"], "
      "\"layers\": [{\"units\": 1}], \"loss\": \"mean_squared_error\", \"epochs\": %s}";
  char text[400];
  size_t steps;
  uint64_t seed = 0, other = 7;
  write_file(FILES ".csv", "a,b\n9,1\n-9,2\n1,-9\n-1,-7\n");
  snprintf(text, sizeof text, file, "3, \"batch_size\": 2, \"seed\": 7");
  write_file(FILES ".json", text);
  double wanted = last_loss(*state, NULL, &steps);
  assert_int_equal(steps, 6);
  snprintf(text, sizeof text, file, "9");
  write_file(FILES ".json", text);
  lossjit_train_overrides overrides = {.epochs = 3, .batch_size = 2, .seed = &other};
  assert_true(last_loss(*state, &overrides, &steps) == wanted);
  assert_int_equal(steps, 6);
  overrides.seed = &seed;
  assert_true(last_loss(*state, &overrides, &steps) != wanted);
  overrides.seed = &other;
  overrides.learning_rate = 0.1;
  assert_true(last_loss(*state, &overrides, &steps) != wanted);
  overrides.learning_rate = -1;
  lossjit_train_hooks hooks = {.overrides = &overrides};
  lossjit_train_error error;
  lossjit_model *model;
  assert_int_equal(lossjit_train_file(*state, FILES ".json", &hooks, &model, &error),
                   LOSSJIT_ARGUMENT);
  assert_string_equal(
      error.text, "optimizer adam: learning_rate is -1, it must be above 0 and finite");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_outputs_and_targets),
      cmocka_unit_test(test_losses_over_probabilities),
      cmocka_unit_test(test_overrides),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
