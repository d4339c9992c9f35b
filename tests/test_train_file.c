/*
 * Model files: the examples that come with lossjit, small files of every kind, and what
 * wrong ones are told.
 */
#include "lossjit_train.h"
#include "tests/alloc_hook.h"
#include "tests/support/trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER LOSSJIT_TEST_BINARY_DIR "/"
#define MODEL FOLDER "test_train_file.json"

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

static void write_file(const char *path, const char *text)
{
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  fputs(text, file);
  assert_int_equal(fclose(file), 0);
}

static void write_data(void)
{
  char text[4000], *at = text + sprintf(text, "a,b,t,kind\n");
  for (int i = 0; i < 40; i++)
    at += sprintf(at, "%d,%d,%g,%s\n", i % 7, i % 5, 0.5 * (i % 7) - i % 5,
                  i % 7 > 2 * (i % 5) ? "yes" : "no");
  write_file(FOLDER "test_train_file.csv", text);
}

static lossjit_model *trained(lossjit_engine *engine, const char *path)
{
  lossjit_model *model;
  lossjit_train_error error;
  if (lossjit_train_file(engine, path, NULL, &model, &error) != LOSSJIT_OK)
    fail_msg("%s", error.text);
  assert_string_equal(error.text, "");
  return model;
}

static const lossjit_epoch *last(const lossjit_model *model)
{
  const lossjit_history *history = lossjit_model_history(model);
  return &history->epochs[history->epoch_count - 1];
}

/* ---- the examples ---------------------------------------------------------------- */

static void test_auto_mpg(void **state)
{
  lossjit_model *model =
      trained(*state, LOSSJIT_TEST_SOURCE_DIR "/examples/auto_mpg.json");
  const lossjit_history *history = lossjit_model_history(model);
  assert_int_equal(history->training_rows + history->validation_rows, 392);
  assert_true(last(model)->val_loss <= 0.4 * history->epochs[0].val_loss);
  assert_true(lossjit_model_output_size(model) == 2);
  lossjit_model_release(model);
}

static void test_digits(void **state)
{
  lossjit_model *model =
      trained(*state, LOSSJIT_TEST_SOURCE_DIR "/examples/digits.json");
  const lossjit_history *history = lossjit_model_history(model);
  assert_int_equal(history->training_rows + history->validation_rows, 1797);
  assert_true(history->epoch_count <= 20);
  assert_string_equal(lossjit_model_metric_name(model, 0), "accuracy");
  assert_true(last(model)->val_metrics[0] >= 0.96);
  lossjit_model_release(model);
}

/* ---- small files ----------------------------------------------------------------- */

#define START "{\"data\": \"test_train_file.csv\", "
#define LAYER "\"layers\": [{\"units\": 1}], "

struct seen {
  size_t training, validation, epochs;
};

static void started(void *user, const lossjit_model *model, size_t training_rows,
                    size_t validation_rows)
{
  struct seen *seen = user;
  assert_int_equal(seen->epochs, 0);
  assert_int_equal(lossjit_model_layer_count(model), 1);
  seen->training = training_rows;
  seen->validation = validation_rows;
}

static int counted(void *user, const lossjit_progress *progress)
{
  struct seen *seen = user;
  seen->epochs++;
  assert_int_equal(progress->epochs, 3);
  return 0;
}

static void test_hooks(void **state)
{
  write_data();
  write_file(MODEL, START LAYER "\"inputs\": [\"b\", \"a\"], \"targets\": [\"t\"], "
                                "\"loss\": \"mean_squared_error\", \"epochs\": 3, "
                                "\"validation_split\": 0.2}");
  struct seen seen = {0};
  lossjit_train_hooks hooks = {.started = started, .progress = counted, .user = &seen};
  lossjit_model *model;
  assert_int_equal(lossjit_train_file(*state, MODEL, &hooks, &model, NULL), LOSSJIT_OK);
  assert_int_equal(seen.training, 32);
  assert_int_equal(seen.validation, 8);
  assert_int_equal(seen.epochs, 3);
  assert_int_equal(lossjit_model_input_size(model), 2);
  lossjit_model_release(model);
}

/* t = 0.5 a - b is linear: plain descent finds the weights, in the order of the inputs,
 * which are not standardized here. */
static void test_finds_the_line(void **state)
{
  write_data();
  write_file(MODEL,
             START LAYER "\"inputs\": [\"b\", \"a\"], \"targets\": [\"t\"], "
                         "\"loss\": \"mean_squared_error\", \"epochs\": 400, "
                         "\"batch_size\": 8, \"seed\": 3, \"metrics\": [], "
                         "\"optimizer\": {\"name\": \"sgd\", \"learning_rate\": 0.02, "
                         "\"momentum\": 0.5, \"nesterov\": true}}");
  lossjit_model *model = trained(*state, MODEL);
  lossjit_weights weights;
  lossjit_model_layer(model, 0, &weights);
  assert_true(fabsf(weights.kernel[0] + 1) < 1e-3f);
  assert_true(fabsf(weights.kernel[1] - 0.5f) < 1e-3f);
  assert_true(fabsf(*weights.bias) < 4e-3f);
  lossjit_model_release(model);
}

/* Without "inputs": every column but the target; the words of `kind` are the label. */
static void test_words_as_classes(void **state)
{
  static const char *const losses[] = {"categorical_crossentropy",
                                       "sparse_categorical_crossentropy"};
  write_data();
  for (int i = 0; i < 2; i++) {
    char text[400];
    snprintf(text, sizeof text,
             START "\"label\": \"kind\", \"loss\": \"%s\", \"epochs\": 60, "
                   "\"metrics\": [\"accuracy\"], \"standardize\": true, "
                   "\"layers\": [{\"units\": 8, \"activation\": \"tanh\", "
                   "\"kernel_initializer\": \"he_uniform\", \"use_bias\": true}, "
                   "{\"units\": 2, \"activation\": \"softmax\"}], "
                   "\"optimizer\": {\"name\": \"adam\", \"learning_rate\": 0.02}}",
             losses[i]);
    write_file(MODEL, text);
    lossjit_model *model = trained(*state, MODEL);
    assert_int_equal(lossjit_model_input_size(model), 3);
    assert_true(last(model)->metrics[0] >= 0.95);
    lossjit_model_release(model);
  }
}

/* Two classes may be one output, 0 or 1. */
static void test_one_output_for_two_classes(void **state)
{
  write_data();
  write_file(MODEL,
             START LAYER "\"label\": \"kind\", \"loss\": \"mean_squared_error\", "
                         "\"metrics\": [\"accuracy\"], \"epochs\": 100, "
                         "\"standardize\": [\"inputs\"], \"optimizer\": \"sgd\"}");
  lossjit_model *model = trained(*state, MODEL);
  assert_true(last(model)->metrics[0] >= 0.8);
  lossjit_model_release(model);
}

static void test_loss_in_a_file(void **state)
{
  write_data();
  write_file(FOLDER "test_train_file.loss", "mean(square(y_pred - y_true), axis=-1)");
  write_file(MODEL, START LAYER "\"inputs\": [\"a\"], \"targets\": [\"t\"], "
                                "\"loss\": \"@test_train_file.loss\"}");
  lossjit_model_release(trained(*state, MODEL));
}

static void test_same_seed_same_bits(void **state)
{
  write_data();
  write_file(MODEL, START LAYER "\"targets\": [\"t\"], \"inputs\": [\"a\", \"b\"], "
                                "\"loss\": \"mean_squared_error\", \"epochs\": 5, "
                                "\"validation_split\": 0.3, \"standardize\": true, "
                                "\"shuffle_before_split\": true, \"seed\": 12}");
  lossjit_model *one = trained(*state, MODEL), *two = trained(*state, MODEL);
  assert_true(last(one)->loss == last(two)->loss);
  assert_true(last(one)->val_loss == last(two)->val_loss);
  lossjit_model_release(one);
  lossjit_model_release(two);
}

/* ---- wrong files ----------------------------------------------------------------- */

#define GOOD                                                                           \
  "\"targets\": [\"t\"], \"inputs\": [\"a\"], \"loss\": \"mean_squared_error\""

static const struct {
  const char *text, *message; /* the message after the file's name */
} wrong[] = {
    {"{\n  \"data\": ,\n}", ":2:11: unexpected token near ','"},
    {"[]", ": the file must be a JSON object"},
    {"{}", ": the key \"data\" is missing"},
    {START GOOD "}", ": the key \"layers\" is missing"},
    {START LAYER "\"targets\": [\"t\"]}", ": the key \"loss\" is missing"},
    {START LAYER "\"loss\": \"x\"}", ": give \"targets\" or \"label\""},
    {START LAYER GOOD ", \"label\": \"kind\"}",
     ": give \"targets\" or \"label\", not both"},
    {START LAYER GOOD ", \"epoch\": 3}",
     ": epoch: unknown key; did you mean \"epochs\"?"},
    {START LAYER GOOD ", \"colour\": 3}", ": colour: unknown key"},
    {START GOOD ", \"layers\": [{\"unist\": 3}]}",
     ": layers[0].unist: unknown key; did you mean \"units\"?"},
    {START GOOD ", \"layers\": [{\"units\": 3}, {\"activation\": \"relu\"}]}",
     ": layers[1].units must be given"},
    {START GOOD ", \"layers\": [{\"units\": 2.5}]}",
     ": layers[0].units must be a whole number from 1 to 16777216"},
    {START GOOD ", \"layers\": [5]}",
     ": layers[0] must be an object like {\"units\": 10, \"activation\": \"relu\"}"},
    {START GOOD ", \"layers\": [{\"units\": 1, \"kernel_initializer\": \"normal\"}]}",
     ": layers[0].kernel_initializer must be \"glorot_uniform\", \"he_uniform\" or "
     "\"zeros\""},
    {START LAYER GOOD ", \"epochs\": 0}",
     ": epochs must be a whole number from 1 to 1000000000"},
    {START LAYER GOOD ", \"batch_size\": \"32\"}",
     ": batch_size must be a whole number from 1 to 16777216"},
    {START LAYER GOOD ", \"validation_split\": 1}",
     ": validation_split must be a number of at least 0 and below 1"},
    {START LAYER GOOD ", \"validation_split\": 0.99}",
     ": validation_split leaves no rows to train on"},
    {START LAYER GOOD ", \"seed\": -1}",
     ": seed must be a whole number that is not negative"},
    {START LAYER GOOD ", \"shuffle\": 1}", ": shuffle must be true or false"},
    {START LAYER GOOD ", \"standardize\": [\"input\"]}",
     ": standardize must be true, false, or a list of \"inputs\" and \"targets\""},
    {START LAYER GOOD ", \"optimizer\": \"adm\"}",
     ": optimizer must be the name of an optimizer: sgd, adam"},
    {START LAYER GOOD ", \"optimizer\": {\"learning_rate\": 1}}",
     ": optimizer.name must be the name of an optimizer: sgd, adam"},
    {START LAYER GOOD ", \"optimizer\": {\"name\": \"SGD\", \"lr\": 0.1}}",
     ": optimizer.lr: unknown key; did you mean \"learning_rate\"?"},
    {START LAYER GOOD ", \"optimizer\": {\"name\": \"Adam\", \"learning_rate\": 0}}",
     ": optimizer adam: learning_rate is 0, it must be above 0 and finite"},
    {START LAYER GOOD ", \"batch\": 8}",
     ": batch: unknown key; did you mean \"batch_size\"?"},
    {START LAYER GOOD ", \"optimizer\": {\"name\": \"sgd\", \"beta_1\": 1}}",
     ": optimizer.beta_1: unknown key"},
    {START LAYER GOOD ", \"optimizer\": {\"name\": \"adam\", \"learning_rat\": 1}}",
     ": optimizer.learning_rat: unknown key; did you mean \"learning_rate\"?"},
    {START LAYER GOOD ", \"optimizer\": {\"name\": \"sgd\", \"momentum\": 1}}",
     ": optimizer sgd: momentum is 1, it must be at least 0 and below 1"},
    {START LAYER "\"inputs\": [], \"targets\": [\"t\"], \"loss\": \"x\"}",
     ": inputs must be a list of texts that is not empty"},
    {START LAYER
     "\"label\": \"kind\", \"inputs\": [\"a\"], \"loss\": \"x\", \"seed\": 1, "
     "\"seed\": 2}",
     NULL},
    {START GOOD ", \"layers\": [{\"units\": 1, \"activation\": \"rleu\"}]}", NULL},
    {START LAYER "\"targets\": [\"t\"], \"inputs\": [\"a\"], \"loss\": \"@nowhere\"}",
     NULL},
    {START LAYER "\"targets\": [\"tt\"], \"inputs\": [\"a\"], \"loss\": \"x\"}", NULL},
    {START LAYER "\"targets\": [\"a\"], \"inputs\": [\"a\"], \"loss\": \"x\"}", NULL},
    {START LAYER "\"targets\": [\"t\"], \"loss\": \"mean_squared_error\"}", NULL},
    {"{\"data\": \"nowhere.csv\", " LAYER GOOD "}", NULL},
};

static void test_wrong_files(void **state)
{
  write_data();
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    lossjit_model *model = (void *)1;
    lossjit_train_error error;
    write_file(MODEL, wrong[i].text);
    assert_int_equal(lossjit_train_file(*state, MODEL, NULL, &model, &error),
                     LOSSJIT_INVALID);
    assert_null(model);
    assert_true(*error.text);
    if (wrong[i].message) {
      assert_memory_equal(error.text, MODEL, strlen(MODEL));
      assert_string_equal(error.text + strlen(MODEL), wrong[i].message);
    }
  }
}

static void refuse(lossjit_engine *engine, const char *text, const char *part)
{
  lossjit_model *model;
  lossjit_train_error error;
  write_file(MODEL, text);
  assert_int_equal(lossjit_train_file(engine, MODEL, NULL, &model, &error),
                   LOSSJIT_INVALID);
  if (!strstr(error.text, part))
    fail_msg("'%s' is not in: %s", part, error.text);
}

static void test_data_that_does_not_go_with_it(void **state)
{
  write_data();
  refuse(*state, START LAYER "\"targets\": [\"t\"], \"loss\": \"mean_squared_error\"}",
         "test_train_file.csv:2:7: column 'kind': 'no' is not a number");
  refuse(*state, START LAYER "\"label\": \"kin\", \"loss\": \"mean_squared_error\"}",
         "no column 'kin'; did you mean 'kind'?");
  refuse(*state,
         START "\"layers\": [{\"units\": 3}], \"label\": \"kind\", "
               "\"loss\": \"mean_squared_error\"}",
         "layers: the last layer has 3 units, but column 'kind' holds 2 classes");
  refuse(*state,
         START LAYER "\"inputs\": [\"a\"], \"targets\": [\"t\"], "
                     "\"loss\": \"sparse_categorical_crossentropy\"}",
         "takes class numbers: the data needs labels");
  refuse(*state,
         START LAYER "\"inputs\": [\"a\"], \"targets\": [\"t\"], "
                     "\"loss\": \"mean_squared_error\", \"optimizer\": "
                     "{\"name\": \"sgd\", \"learning_rate\": 1e30}, \"epochs\": 9}",
         "training: the loss became ");
}

static void test_wrong_calls(void **state)
{
  lossjit_model *model = (void *)1;
  lossjit_train_error error;
  assert_int_equal(lossjit_train_file(NULL, MODEL, NULL, &model, NULL),
                   LOSSJIT_ARGUMENT);
  assert_null(model);
  assert_int_equal(lossjit_train_file(*state, NULL, NULL, &model, NULL),
                   LOSSJIT_ARGUMENT);
  assert_int_equal(lossjit_train_file(*state, MODEL, NULL, NULL, NULL),
                   LOSSJIT_ARGUMENT);
  assert_int_equal(lossjit_train_file(*state, "/nowhere.json", NULL, &model, &error),
                   LOSSJIT_INVALID);
  assert_non_null(strstr(error.text, "/nowhere.json"));
}

static void test_out_of_memory(void **state)
{
  write_data();
  write_file(MODEL, START LAYER "\"inputs\": [\"a\"], \"targets\": [\"t\"], "
                                "\"loss\": \"mean_squared_error\", "
                                "\"standardize\": true}");
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  lossjit_train_hooks hooks = {.allocator = &hook.allocator};
  lossjit_status status = LOSSJIT_NO_MEMORY;
  long allowed = 0;
  for (; status != LOSSJIT_OK; allowed++) {
    lossjit_model *model;
    hook.allow = allowed;
    status = lossjit_train_file(*state, MODEL, &hooks, &model, NULL);
    assert_true(status == LOSSJIT_OK || status == LOSSJIT_NO_MEMORY);
    lossjit_model_release(model);
    assert_int_equal(hook.live, 0);
  }
  assert_true(allowed > 30);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_auto_mpg),
      cmocka_unit_test(test_digits),
      cmocka_unit_test(test_hooks),
      cmocka_unit_test(test_finds_the_line),
      cmocka_unit_test(test_words_as_classes),
      cmocka_unit_test(test_one_output_for_two_classes),
      cmocka_unit_test(test_loss_in_a_file),
      cmocka_unit_test(test_same_seed_same_bits),
      cmocka_unit_test(test_wrong_files),
      cmocka_unit_test(test_data_that_does_not_go_with_it),
      cmocka_unit_test(test_wrong_calls),
      cmocka_unit_test(test_out_of_memory),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
