/*
 * Training: order, batches, validation, history, endings; and that it learns.
 */
#include "lossjit_train.h"
#include "tests/alloc_hook.h"
#include "tests/support/trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 11, INPUTS = 2 };

/* Points of a smooth function of two numbers, and which side of a line they are on. */
struct sample {
  float x[ROWS * INPUTS], y[ROWS];
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
  for (int i = 0; i < ROWS; i++) {
    float a = sinf(2.1f * (float)i), b = cosf(0.9f * (float)i);
    sample.x[2 * i] = a;
    sample.x[2 * i + 1] = b;
    sample.y[i] = a - 2 * b + 0.5f;
    sample.labels[i] = a > b;
  }
  return sample;
}

static lossjit_data numbers(const struct sample *sample)
{
  return (lossjit_data){.rows = ROWS, .x = sample->x, .y = sample->y};
}

static lossjit_data classes(const struct sample *sample)
{
  return (lossjit_data){.rows = ROWS, .x = sample->x, .labels = sample->labels};
}

static lossjit_model *network(lossjit_engine *engine, uint64_t seed, int64_t outputs,
                              const char *activation, const char *loss,
                              const char *metric)
{
  lossjit_model *model;
  lossjit_model_options options = {.seed = seed};
  lossjit_optimizer adam;
  lossjit_optimizer_init("adam", &adam);
  adam.learning_rate = 0.02;
  assert_int_equal(lossjit_model_create(engine, INPUTS, &options, &model), LOSSJIT_OK);
  assert_int_equal(lossjit_model_add_dense(model, 8, "tanh"), LOSSJIT_OK);
  assert_int_equal(lossjit_model_add_dense(model, outputs, activation), LOSSJIT_OK);
  if (lossjit_model_compile(model, loss, &adam, &metric, metric != NULL) != LOSSJIT_OK)
    fail_msg("%s", lossjit_model_error(model));
  return model;
}

static lossjit_model *regression(lossjit_engine *engine, uint64_t seed)
{
  return network(engine, seed, 1, "linear", "mean_squared_error",
                 "mean_absolute_error");
}

static lossjit_model *classification(lossjit_engine *engine)
{
  return network(engine, 1, 2, "softmax", "sparse_categorical_crossentropy",
                 "accuracy");
}

static const lossjit_history *fit(lossjit_model *model, const lossjit_data *data,
                                  const lossjit_fit_options *options)
{
  if (lossjit_model_fit(model, data, options) != LOSSJIT_OK)
    fail_msg("%s", lossjit_model_error(model));
  return lossjit_model_history(model);
}

static const lossjit_epoch *last(const lossjit_model *model)
{
  const lossjit_history *history = lossjit_model_history(model);
  return &history->epochs[history->epoch_count - 1];
}

/* ---- it learns ------------------------------------------------------------------- */

static void test_learns_numbers(void **state)
{
  struct sample sample = make_sample();
  lossjit_data data = numbers(&sample);
  lossjit_model *model = regression(*state, 1);
  const lossjit_history *history =
      fit(model, &data, &(lossjit_fit_options){.epochs = 300, .batch_size = 4});
  assert_int_equal(history->ending, LOSSJIT_FINISHED);
  assert_true(history->epochs[0].loss > 0.5 && last(model)->loss < 1e-2);
  float y_pred[ROWS];
  assert_int_equal(lossjit_model_predict(model, ROWS, sample.x, y_pred), LOSSJIT_OK);
  for (int i = 0; i < ROWS; i++)
    assert_true(fabsf(y_pred[i] - sample.y[i]) < 0.4f);
  lossjit_model_release(model);
}

static void test_learns_classes(void **state)
{
  struct sample sample = make_sample();
  lossjit_data data = classes(&sample);
  lossjit_model *model = classification(*state);
  fit(model, &data, &(lossjit_fit_options){.epochs = 200});
  assert_true(last(model)->metrics[0] == 1);
  lossjit_model_release(model);
}

/* ---- the same bits --------------------------------------------------------------- */

static void run_seeded(lossjit_engine *engine, uint64_t weights_seed, uint64_t seed,
                       float *y_pred)
{
  struct sample sample = make_sample();
  lossjit_data data = numbers(&sample);
  lossjit_model *model = regression(engine, weights_seed);
  fit(model, &data, &(lossjit_fit_options){.epochs = 5, .batch_size = 4, .seed = seed});
  lossjit_model_predict(model, ROWS, sample.x, y_pred);
  lossjit_model_release(model);
}

static void test_seeds(void **state)
{
  float once[ROWS], again[ROWS], other_order[ROWS], other_weights[ROWS];
  run_seeded(*state, 1, 2, once);
  run_seeded(*state, 1, 2, again);
  run_seeded(*state, 1, 3, other_order);
  run_seeded(*state, 2, 2, other_weights);
  assert_memory_equal(once, again, sizeof once);
  assert_memory_not_equal(once, other_order, sizeof once);
  assert_memory_not_equal(once, other_weights, sizeof once);
}

/* ---- batches --------------------------------------------------------------------- */

/* 11 rows by 4 are three steps, and the short one weighs three rows: with a rate too
 * small to change anything the epoch's loss is the loss over all rows. */
static void test_partial_batch(void **state)
{
  struct sample sample = make_sample();
  lossjit_data data = numbers(&sample);
  lossjit_model *model = regression(*state, 1);
  lossjit_optimizer sgd;
  lossjit_optimizer_init("sgd", &sgd);
  sgd.learning_rate = 1e-30;
  const char *metric = "mean_absolute_error";
  lossjit_model_compile(model, "mean_squared_error", &sgd, &metric, 1);
  double whole, mean_error;
  assert_int_equal(lossjit_model_evaluate(model, &data, ROWS, &whole, &mean_error),
                   LOSSJIT_OK);
  fit(model, &data, &(lossjit_fit_options){.epochs = 2, .batch_size = 4});
  assert_int_equal(last(model)->steps, 3);
  assert_int_equal(lossjit_model_history(model)->steps, 6);
  assert_true(fabs(last(model)->loss - whole) < 1e-6 * whole);
  assert_true(fabs(last(model)->metrics[0] - mean_error) < 1e-6 * mean_error);
  for (size_t batch = 1; batch <= ROWS + 1; batch++) {
    double loss;
    assert_int_equal(lossjit_model_evaluate(model, &data, batch, &loss, NULL),
                     LOSSJIT_OK);
    assert_true(fabs(loss - whole) < 1e-6 * whole);
  }
  lossjit_model_release(model);
}

/* ---- validation ------------------------------------------------------------------ */

/* The last rows validate; they do not train: wild targets there leave the weights as
 * training on the first rows alone makes them. */
static void test_last_rows_validate(void **state)
{
  struct sample sample = make_sample();
  sample.y[8] = sample.y[9] = sample.y[10] = 1000;
  lossjit_data data = numbers(&sample), first = data;
  first.rows = 8; /* floor(11 * (1 - 0.25)) */
  lossjit_model *split = regression(*state, 1), *alone = regression(*state, 1);
  const lossjit_history *history =
      fit(split, &data, &(lossjit_fit_options){.epochs = 3, .validation_split = 0.25});
  fit(alone, &first, &(lossjit_fit_options){.epochs = 3});
  assert_int_equal(history->training_rows, 8);
  assert_int_equal(history->validation_rows, 3);
  assert_true(last(split)->loss == last(alone)->loss);
  assert_true(last(split)->val_loss > 1e5);
  assert_true(last(split)->val_metrics[0] > 900);
  assert_true(isnan(last(alone)->val_loss) && isnan(last(alone)->val_metrics[0]));
  lossjit_model_release(split);
  lossjit_model_release(alone);
}

/* The part drawn at random depends on the seed only, not on the epochs. */
static void test_random_rows_validate(void **state)
{
  struct sample sample = make_sample();
  sample.y[10] = 1000; /* the last row validates unless the rows were shuffled */
  lossjit_data data = numbers(&sample);
  int trained = 0;
  for (uint64_t seed = 0; seed < 12; seed++) {
    lossjit_model *model = regression(*state, 1);
    lossjit_fit_options options = {.epochs = 1, .validation_split = 0.25, .seed = seed};
    options.shuffle_before_split = 1;
    trained += fit(model, &data, &options)->epochs[0].loss > 1000;
    lossjit_model_release(model);
  }
  assert_true(trained > 3 && trained < 12);
}

static void test_validation_data(void **state)
{
  struct sample sample = make_sample();
  lossjit_data data = numbers(&sample);
  lossjit_model *model = regression(*state, 1);
  fit(model, &data, &(lossjit_fit_options){.epochs = 2, .validation_data = &data});
  double loss, error;
  assert_int_equal(lossjit_model_evaluate(model, &data, 0, &loss, &error), LOSSJIT_OK);
  assert_true(fabs(last(model)->val_loss - loss) < 1e-9);
  assert_true(fabs(last(model)->val_metrics[0] - error) < 1e-9);
  lossjit_model_release(model);
}

/* ---- progress and endings -------------------------------------------------------- */

struct seen {
  size_t calls, stop_at;
  char line[512];
};

static int watch(void *user, const lossjit_progress *progress)
{
  struct seen *seen = user;
  seen->calls++;
  assert_int_equal(progress->epoch->epoch, seen->calls);
  snprintf(seen->line, sizeof seen->line, "%s", progress->line);
  return seen->calls == seen->stop_at;
}

static void test_progress(void **state)
{
  struct sample sample = make_sample();
  lossjit_data data = classes(&sample);
  struct seen seen = {.stop_at = 4};
  lossjit_model *model = classification(*state);
  lossjit_fit_options options = {.epochs = 10, .progress = watch, .user = &seen};
  options.validation_split = 0.25;
  const lossjit_history *history = fit(model, &data, &options);
  assert_int_equal(history->ending, LOSSJIT_STOPPED);
  assert_int_equal(history->epoch_count, 4);
  assert_int_equal(seen.calls, 4);
  assert_memory_equal(seen.line, "epoch  4/10  loss ", 18);
  assert_non_null(strstr(seen.line, "  accuracy "));
  assert_non_null(strstr(seen.line, "  val_loss "));
  assert_non_null(strstr(seen.line, "  val_accuracy "));
  assert_null(strchr(seen.line, '\n'));
  lossjit_model_release(model);
}

static void test_not_finite(void **state)
{
  struct sample sample = make_sample();
  sample.y[5] = INFINITY;
  lossjit_data data = numbers(&sample);
  lossjit_model *model = regression(*state, 1);
  lossjit_fit_options options = {.epochs = 3, .batch_size = 2, .no_shuffle = 1};
  assert_int_equal(lossjit_model_fit(model, &data, &options), LOSSJIT_INVALID);
  assert_int_equal(lossjit_model_history(model)->ending, LOSSJIT_NOT_FINITE);
  assert_int_equal(lossjit_model_history(model)->epoch_count, 0);
  assert_string_equal(lossjit_model_error(model),
                      "the loss became infinite in epoch 1, step 3: a smaller "
                      "learning_rate or standardized inputs may help");
  options.allow_not_finite = 1;
  assert_int_equal(lossjit_model_fit(model, &data, &options), LOSSJIT_OK);
  assert_false(isfinite(last(model)->loss));
  lossjit_model_release(model);
}

/* The message names the caller's row, however the rows were shuffled; the weights are
 * as the last good step left them. */
static void test_label_out_of_range(void **state)
{
  struct sample sample = make_sample();
  sample.labels[6] = 2;
  lossjit_data data = classes(&sample);
  lossjit_model *model = classification(*state);
  assert_int_equal(lossjit_model_fit(model, &data, NULL), LOSSJIT_LABEL_RANGE);
  assert_string_equal(lossjit_model_error(model),
                      "row 6 (counted from 0): label 2 is outside 0..1");
  assert_int_equal(lossjit_model_history(model)->ending, LOSSJIT_FAILED);
  double loss;
  assert_int_equal(lossjit_model_evaluate(model, &data, 4, &loss, NULL),
                   LOSSJIT_LABEL_RANGE);
  assert_string_equal(lossjit_model_error(model),
                      "row 6 (counted from 0): label 2 is outside 0..1");
  sample.labels[6] = -1;
  assert_int_equal(lossjit_model_fit(model, &data, NULL), LOSSJIT_LABEL_RANGE);
  sample.labels[6] = 1;
  assert_int_equal(lossjit_model_fit(model, &data, NULL), LOSSJIT_OK);
  assert_string_equal(lossjit_model_error(model), "");
  lossjit_model_release(model);
}

/* ---- wrong calls ----------------------------------------------------------------- */

static void refuse(lossjit_model *model, const lossjit_data *data,
                   const lossjit_fit_options *options, const char *message)
{
  assert_int_equal(lossjit_model_fit(model, data, options), LOSSJIT_ARGUMENT);
  assert_string_equal(lossjit_model_error(model), message);
  assert_int_equal(lossjit_model_history(model)->ending, LOSSJIT_FAILED);
}

static void test_wrong_calls(void **state)
{
  struct sample sample = make_sample();
  lossjit_data data = numbers(&sample), none = {0};
  lossjit_model *model = regression(*state, 1);
  refuse(model, NULL, NULL, "the data has no x");
  refuse(model, &none, NULL, "the data has no x");
  none.x = sample.x;
  refuse(model, &none, NULL, "the data has no rows");
  lossjit_fit_options options = {.validation_split = 1};
  refuse(model, &data, &options,
         "fit: validation_split must be at least 0 and below 1");
  options.validation_split = NAN;
  refuse(model, &data, &options,
         "fit: validation_split must be at least 0 and below 1");
  options.validation_split = 0.99;
  refuse(model, &data, &options, "fit: validation_split leaves no rows to train on");
  options.validation_data = &data;
  refuse(model, &data, &options,
         "fit: validation_split and validation_data exclude each other");
  assert_int_equal(lossjit_model_fit(NULL, &data, NULL), LOSSJIT_ARGUMENT);
  lossjit_model_release(model);

  model = classification(*state);
  refuse(model, &data, NULL,
         "'sparse_categorical_crossentropy(y_true, y_pred)' takes class numbers: the "
         "data needs labels");
  lossjit_model_release(model);
}

/* ---- memory ---------------------------------------------------------------------- */

static lossjit_status whole_life(lossjit_engine *engine, struct lj_alloc_hook *hook,
                                 size_t epochs)
{
  struct sample sample = make_sample();
  lossjit_data data = numbers(&sample);
  lossjit_model_options options = {.allocator = &hook->allocator};
  const char *metric = "mean_absolute_error";
  lossjit_model *model;
  lossjit_status status = lossjit_model_create(engine, INPUTS, &options, &model);
  if (status == LOSSJIT_OK)
    status = lossjit_model_add_dense(model, 3, "tanh");
  if (status == LOSSJIT_OK)
    status = lossjit_model_add_dense(model, 1, NULL);
  if (status == LOSSJIT_OK)
    status = lossjit_model_compile(model, "mean_squared_error", NULL, &metric, 1);
  lossjit_fit_options fit_options = {.epochs = epochs, .batch_size = 3};
  fit_options.validation_split = 0.25;
  if (status == LOSSJIT_OK)
    status = lossjit_model_fit(model, &data, &fit_options);
  lossjit_model_release(model);
  return status;
}

static void test_out_of_memory(void **state)
{
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  lossjit_status status = LOSSJIT_NO_MEMORY;
  long allowed = 0;
  for (; status != LOSSJIT_OK; allowed++) {
    hook.allow = allowed;
    status = whole_life(*state, &hook, 1);
    assert_true(status == LOSSJIT_OK || status == LOSSJIT_NO_MEMORY);
    assert_int_equal(hook.live, 0);
  }
  assert_true(allowed > 20);
}

/* The history outgrows its first room: what callers read afterwards is all there. */
static void test_long_history(void **state)
{
  struct sample sample = make_sample();
  lossjit_data data = numbers(&sample);
  lossjit_model *model = regression(*state, 1);
  lossjit_fit_options options = {.epochs = 150, .validation_data = &data};
  const lossjit_history *history = fit(model, &data, &options);
  assert_int_equal(history->epoch_count, 150);
  for (size_t i = 0; i < 150; i++) {
    const lossjit_epoch *epoch = &history->epochs[i];
    assert_int_equal(epoch->epoch, i + 1);
    assert_true(epoch->metrics[0] > 0 && epoch->metrics[0] < 4);
    assert_true(epoch->val_metrics[0] > 0 && epoch->val_metrics[0] < 4);
    if (i > 0) /* one batch an epoch: what validated is what trains next */
      assert_true(fabs(epoch->loss - epoch[-1].val_loss) < 1e-5);
  }
  options = (lossjit_fit_options){.epochs = SIZE_MAX, .progress = watch};
  options.user = &(struct seen){.stop_at = 2};
  assert_int_equal(fit(model, &data, &options)->epoch_count, 2);
  lossjit_model_release(model);
}

/* As many allocations for nine epochs as for one. */
static void test_steps_do_not_allocate(void **state)
{
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  assert_int_equal(whole_life(*state, &hook, 1), LOSSJIT_OK);
  long one = hook.allocations;
  assert_int_equal(whole_life(*state, &hook, 9), LOSSJIT_OK);
  assert_int_equal(hook.allocations, 2 * one);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_learns_numbers),
      cmocka_unit_test(test_learns_classes),
      cmocka_unit_test(test_seeds),
      cmocka_unit_test(test_partial_batch),
      cmocka_unit_test(test_last_rows_validate),
      cmocka_unit_test(test_random_rows_validate),
      cmocka_unit_test(test_validation_data),
      cmocka_unit_test(test_progress),
      cmocka_unit_test(test_not_finite),
      cmocka_unit_test(test_label_out_of_range),
      cmocka_unit_test(test_wrong_calls),
      cmocka_unit_test(test_long_history),
      cmocka_unit_test(test_out_of_memory),
      cmocka_unit_test(test_steps_do_not_allocate),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
