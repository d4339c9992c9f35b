/*
 * The prelude against the libraries it takes its names from.
 *
 * tests/data/prelude.json holds each named loss, activation and metric with small
 * inputs, the value and the gradients that Keras, PyTorch or optax give for them in f64
 * (its `source`); tests/peers/pin.py writes it. Here kernel and interpreter have to
 * give the same numbers in f64 and f32, and no definition may be without a case.
 *
 * Inputs there are away from kinks. The conventions at kinks, the folding of truth
 * arguments, labels that are ignored or wrong, and logits of size 1e4 come below.
 */
#include "tests/support/trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define BATCH 2

static lossjit_engine *engine;
static json_t *pinned;

static const char *text_of(json_t *entry)
{
  return json_string_value(json_object_get(entry, "text"));
}

/* ---- from an entry to a trial ---------------------------------------------------- */

struct request {
  lossjit_input inputs[TEST_MAX_INPUTS];
  const char *gradients[TEST_MAX_INPUTS];
  lossjit_compile_options options;
};

static void declare(json_t *what, const char *name, lossjit_dtype dtype,
                    lossjit_input *input)
{
  json_t *shape = json_object_get(what, "shape"), *size;
  size_t axis;
  bool is_label = !strcmp(json_string_value(json_object_get(what, "dtype")), "i64");
  *input = (lossjit_input){name, is_label ? LOSSJIT_I64 : dtype, 0, {0}};
  json_array_foreach(shape, axis, size) input->sizes[input->rank++] =
      json_is_string(size) ? LOSSJIT_BATCH : json_integer_value(size);
}

static void read_request(json_t *entry, lossjit_dtype dtype, struct request *request)
{
  const char *result = json_string_value(json_object_get(entry, "result"));
  lossjit_compile_options *options = &request->options;
  const char *name;
  json_t *what;
  *request = (struct request){0};
  json_object_foreach(json_object_get(entry, "inputs"), name, what)
      declare(what, name, dtype, &request->inputs[options->input_count++]);
  json_object_foreach(json_object_get(entry, "gradients"), name, what)
      request->gradients[options->gradient_count++] = name;
  options->inputs = request->inputs;
  options->gradients = request->gradients;
  options->no_gradient = options->gradient_count == 0;
  options->result = !strcmp(result, "any")      ? LOSSJIT_ELEMENTWISE
                    : !strcmp(result, "scalar") ? LOSSJIT_SCALAR
                                                : LOSSJIT_PER_SAMPLE;
}

static void fill(struct test_array *array, json_t *values)
{
  json_t *value;
  size_t i;
  assert_int_equal(array->count, json_array_size(values));
  json_array_foreach(values, i, value)
      test_set(array, (int64_t)i, json_number_value(value));
}

static void fill_all(struct test_trial *trial, json_t *entry)
{
  json_t *inputs = json_object_get(entry, "inputs");
  for (size_t i = 0; i < trial->input_count; i++) {
    const char *name = lossjit_loss_input(trial->loss, i)->name;
    fill(&trial->inputs[i], json_object_get(json_object_get(inputs, name), "values"));
  }
  if (trial->has_adjoint)
    fill(&trial->adjoint, json_object_get(entry, "adjoint"));
}

/* ---- the numbers of the libraries ------------------------------------------------ */

/* Equal relative to the largest number of the array. */
static void check_close(json_t *entry, const char *what, const struct test_array *got,
                        json_t *expected)
{
  double allowed = got->dtype == LOSSJIT_F64 ? 1e-12 : 1e-5, most = 0;
  json_t *number;
  size_t i;
  assert_int_equal(got->count, json_array_size(expected));
  json_array_foreach(expected, i, number) most =
      fmax(most, fabs(json_number_value(number)));
  json_array_foreach(expected, i, number)
  {
    double a = test_get(got, (int64_t)i), b = json_number_value(number);
    if (!(fabs(a - b) <= allowed * fmax(most, 1e-3)))
      fail_msg("%s: %s[%zu] is %.14g, %s says %.14g", text_of(entry), what, i, a,
               json_string_value(json_object_get(entry, "source")), b);
  }
}

static void check_entry(json_t *entry, lossjit_dtype dtype)
{
  struct request request;
  struct test_trial trial;
  bool has_adjoint = json_object_get(entry, "adjoint") != NULL;
  read_request(entry, dtype, &request);
  test_trial_begin(&trial, test_compile(engine, text_of(entry), &request.options), 0,
                   has_adjoint, BATCH);
  fill_all(&trial, entry);
  test_trial_call(&trial, BATCH);
  for (int side = 0; side < TEST_SIDES; side++) {
    check_close(entry, "value", &trial.output[side], json_object_get(entry, "value"));
    for (size_t k = 0; k < trial.gradient_count; k++) {
      size_t by = lossjit_loss_gradient_input(trial.loss, k);
      const char *name = lossjit_loss_input(trial.loss, by)->name;
      check_close(entry, name, &trial.gradients[side][k],
                  json_object_get(json_object_get(entry, "gradients"), name));
    }
  }
  test_trial_end(&trial);
}

static void test_named_functions_equal_the_libraries_in_f64(void **state)
{
  json_t *entry;
  size_t i;
  (void)state;
  json_array_foreach(pinned, i, entry) check_entry(entry, LOSSJIT_F64);
}

static void test_named_functions_equal_the_libraries_in_f32(void **state)
{
  json_t *entry;
  size_t i;
  (void)state;
  json_array_foreach(pinned, i, entry) check_entry(entry, LOSSJIT_F32);
}

/* Does some text call `name`, as a word of its own? */
static bool is_pinned(const char *name)
{
  json_t *entry;
  size_t i, length = strlen(name);
  json_array_foreach(pinned, i, entry)
  {
    const char *text = text_of(entry), *at = text;
    for (; (at = strstr(at, name)); at += length)
      if (at[length] == '(' &&
          (at == text || !strchr("_abcdefghijklmnopqrstuvwxyz", at[-1])))
        return true;
  }
  return false;
}

static void test_every_definition_is_pinned_and_described(void **state)
{
  const lossjit_prelude_entry *entry;
  (void)state;
  for (size_t i = 0; (entry = lossjit_prelude(engine, i)); i++) {
    if (!is_pinned(entry->name))
      fail_msg("no case in tests/data/prelude.json calls %s", entry->name);
    assert_true(strlen(entry->summary) > 0);
    assert_null(strchr(entry->summary, '\n'));
  }
}

/* ---- what the arguments select --------------------------------------------------- */

static char *simplified(const char *text)
{
  lossjit_compile_options options = {.result = LOSSJIT_ELEMENTWISE};
  lossjit_loss *loss = test_compile(engine, text, &options);
  char *stage;
  assert_int_equal(lossjit_loss_text(loss, LOSSJIT_STAGE_SIMPLIFIED, &stage),
                   LOSSJIT_OK);
  lossjit_loss_release(loss);
  return stage;
}

/* Truth arguments and defaults leave nothing behind: `absent` is an operator of what
 * was not chosen. */
static void test_arguments_are_chosen_between_when_compiling(void **state)
{
  static const struct {
    const char *text, *absent;
  } rows[] = {
      {"relu(y_pred)", "multiply"},
      {"gelu(y_pred)", "tanh"},
      {"gelu(y_pred, approximate=True)", "norm_cdf"},
      {"smooth_labels(y_pred, 0)", "multiply"},
      {"binary_crossentropy(y_true, y_pred)", "softplus"},
      {"binary_crossentropy(y_true, y_pred, from_logits=True)", "clip"},
      {"binary_cross_entropy_with_logits(y_pred, y_true)", "where"},
      {"categorical_crossentropy(y_true, y_pred)", "log_softmax"},
      {"categorical_crossentropy(y_true, y_pred, from_logits=True)", "clip"},
      {"sparse_categorical_crossentropy(y_true, y_pred)", "log_softmax"},
      {"sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)", "clip"},
      {"cross_entropy(y_pred, y_true)", "sum"},
      {"cross_entropy(y_pred, y_true)", "multiply"},
      {"poisson_nll_loss(y_pred, y_true)", "log"},
      {"mse_loss(y_pred, y_true)", "multiply"},
      {"triplet_margin_loss(y_pred, y_true, y_true)", "power"},
      {"softmax_cross_entropy(y_pred, y_true)", "where"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char *stage = simplified(rows[i].text), word[32];
    snprintf(word, sizeof word, "= %s ", rows[i].absent);
    if (strstr(stage, word))
      fail_msg("%s still has %s:\n%s", rows[i].text, rows[i].absent, stage);
    lossjit_text_release(engine, stage);
  }
}

/* ---- single rows ----------------------------------------------------------------- */

#define MOST 8

struct row {
  const char *text;
  int count;
  double y_pred[MOST], y_true[MOST], gradient[MOST];
};

static struct test_trial row_trial(const char *text, lossjit_dtype dtype, int count,
                                   const double *y_pred, const double *y_true)
{
  const lossjit_input inputs[] = {{"y_pred", dtype, 2, {LOSSJIT_BATCH, count}},
                                  {"y_true", dtype, 2, {LOSSJIT_BATCH, count}}};
  lossjit_compile_options options = {
      .inputs = inputs, .input_count = 2, .result = LOSSJIT_ELEMENTWISE};
  struct test_trial trial;
  test_trial_begin(&trial, test_compile(engine, text, &options), 0, false, 1);
  for (size_t k = 0; k < trial.input_count; k++) {
    bool is_true = !strcmp(lossjit_loss_input(trial.loss, k)->name, "y_true");
    for (int i = 0; i < count; i++)
      test_set(&trial.inputs[k], i, is_true ? y_true[i] : y_pred[i]);
  }
  test_trial_call(&trial, 1);
  return trial;
}

static void test_conventions_at_kinks(void **state)
{
  static const struct row rows[] = {
      {"relu(y_pred)", 2, {0, -0.0}, {0}, {0, 0}},
      {"relu(y_pred, 0.5, 2, 1)", 2, {1, 2}, {0}, {0.5, 0}},
      {"relu6(y_pred)", 3, {0, 6, 5}, {0}, {0, 0, 1}},
      {"leaky_relu(y_pred)", 1, {0}, {0}, {0.2}},
      {"elu(y_pred)", 1, {0}, {0}, {1}},
      {"hard_tanh(y_pred)", 2, {-1, 1}, {0}, {0, 0}},
      {"hard_sigmoid(y_pred)", 2, {-3, 3}, {0}, {0, 0}},
      {"hard_shrink(y_pred)", 2, {-0.5, 0.5}, {0}, {0, 0}},
      {"soft_shrink(y_pred)", 2, {-0.5, 0.5}, {0}, {0, 0}},
      {"softsign(y_pred)", 3, {0, 1, -1}, {0}, {1, 0.25, 0.25}},
      {"mean_absolute_error(y_true, y_pred)", 2, {1, 2}, {1, 1}, {0, 0.5}},
      {"huber(y_true, y_pred)", 2, {0, 2}, {1, 1}, {-0.5, 0.5}},
      {"pinball(y_true, y_pred, 0.5)", 1, {1}, {1}, {0}},
      {"norm(y_pred, axis=-1)", 2, {0, 0}, {0}, {0, 0}},
      {"std(y_pred, axis=-1)", 2, {3, 3}, {0}, {0, 0}},
      {"cosine_similarity(y_true, y_pred)", 2, {0, 0}, {0, 0}, {0, 0}},
      {"binary_crossentropy(y_true, y_pred, True)", 1, {0}, {1}, {-0.5}},
      {"binary_cross_entropy_with_logits(y_pred, y_true, 1, 3)", 1, {0}, {1}, {-1.5}},
  };
  (void)state;
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    const struct row *row = &rows[r];
    struct test_trial trial =
        row_trial(row->text, LOSSJIT_F64, row->count, row->y_pred, row->y_true);
    for (int side = 0; side < TEST_SIDES; side++)
      for (int i = 0; i < row->count; i++)
        if (!(fabs(test_get(&trial.gradients[side][0], i) - row->gradient[i]) < 1e-15))
          fail_msg("%s at %g has gradient %g, not %g", row->text, row->y_pred[i],
                   test_get(&trial.gradients[side][0], i), row->gradient[i]);
    test_trial_end(&trial);
  }
}

/* Losses of logits: the loss for {x, -x} with labels {0, 1}, when x is 1e4 (and, by
 * symmetry of the gradients, how steep it is). */
static void test_extreme_logits(void **state)
{
  static const double logits[] = {1e4, -1e4}, labels[] = {0, 1};
  static const struct {
    const char *text;
    double value, first, second;
  } rows[] = {
      {"binary_crossentropy(y_true, y_pred, True)", 1e4, 0.5, -0.5},
      {"binary_cross_entropy_with_logits(y_pred, y_true)", 1e4, 0.5, -0.5},
      {"binary_cross_entropy_with_logits(y_pred, y_true, 1, 2)", 1.5e4, 0.5, -1},
      {"sigmoid_focal_loss(y_pred, y_true)", 1e4, 0.5, -0.5},
      {"categorical_crossentropy(y_true, y_pred, True)", 2e4, 1, -1},
      {"cross_entropy_with_probabilities(y_pred, y_true)", 2e4, 1, -1},
      {"softmax_cross_entropy(y_pred, y_true)", 2e4, 1, -1},
      {"soft_margin_loss(y_pred, 2*y_true - 1)", 1e4, 0.5, -0.5},
      {"multilabel_soft_margin_loss(y_pred, y_true)", 1e4, 0.5, -0.5},
      {"log_cosh(y_true, y_pred)", 1e4, 0.5, -0.5},
  };
  (void)state;
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct test_trial trial = row_trial(rows[r].text, LOSSJIT_F32, 2, logits, labels);
    double value = test_get(&trial.output[TEST_KERNEL], 0);
    double first = test_get(&trial.gradients[TEST_KERNEL][0], 0);
    double second = test_get(&trial.gradients[TEST_KERNEL][0], 1);
    if (!(fabs(value - rows[r].value) < 1 && fabs(first - rows[r].first) < 1e-6 &&
          fabs(second - rows[r].second) < 1e-6))
      fail_msg("%s is %g with gradient %g, %g", rows[r].text, value, first, second);
    test_trial_end(&trial);
  }
}

/* ---- labels ---------------------------------------------------------------------- */

/* The status of one call with these two labels, and its loss. */
static lossjit_status call_labels(const char *text, const int64_t *labels, float *loss)
{
  const lossjit_input inputs[] = {{"y_pred", LOSSJIT_F32, 2, {LOSSJIT_BATCH, 3}},
                                  {"y_true", LOSSJIT_I64, 1, {LOSSJIT_BATCH}}};
  lossjit_compile_options options = {.inputs = inputs, .input_count = 2};
  lossjit_loss *handle = test_compile(engine, text, &options);
  lossjit_specialization how = {.outputs = LOSSJIT_LOSS};
  lossjit_kernel *kernel;
  float logits[] = {1, 2, 3, 3, 2, 1};
  lossjit_array arrays[2];
  for (size_t i = 0; i < 2; i++)
    arrays[i].data = !strcmp(lossjit_loss_input(handle, i)->name, "y_pred")
                         ? (void *)logits
                         : (void *)labels;
  arrays[0].row_stride = arrays[1].row_stride = 0;
  assert_int_equal(lossjit_loss_specialize(handle, &how, &kernel, NULL), LOSSJIT_OK);
  double value;
  lossjit_call call = {
      .batch = 2, .inputs = arrays, .loss = {loss, 0}, .value = &value};
  lossjit_status status = lossjit_kernel_call(kernel, &call);
  lossjit_kernel_release(kernel);
  lossjit_loss_release(handle);
  return status;
}

static void test_labels_are_checked_unless_ignored(void **state)
{
  static const struct {
    const char *text;
    int64_t labels[2];
    lossjit_status status;
  } rows[] = {
      {"cross_entropy(y_pred, y_true)", {2, -100}, LOSSJIT_OK},
      {"cross_entropy(y_pred, y_true)", {2, -1}, LOSSJIT_LABEL_RANGE},
      {"cross_entropy(y_pred, y_true)", {2, 3}, LOSSJIT_LABEL_RANGE},
      {"cross_entropy(y_pred, y_true, ignore_index=3)", {2, 3}, LOSSJIT_OK},
      {"cross_entropy(y_pred, y_true, [1, 2, 3], 3, 0.1)", {2, 3}, LOSSJIT_OK},
      {"nll_loss(y_pred, y_true, ignore_index=-1)", {2, -1}, LOSSJIT_OK},
      {"sparse_categorical_crossentropy(y_true, y_pred)", {0, -1}, LOSSJIT_LABEL_RANGE},
      {"sparse_categorical_crossentropy(y_true, y_pred, True, -1)",
       {0, -1},
       LOSSJIT_OK},
  };
  (void)state;
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    float loss[2] = {-7, -7};
    if (call_labels(rows[r].text, rows[r].labels, loss) != rows[r].status)
      fail_msg("%s with label %d is not \"%s\"", rows[r].text, (int)rows[r].labels[1],
               lossjit_status_text(rows[r].status));
    assert_true(loss[1] == (rows[r].status == LOSSJIT_OK ? 0 : -7));
  }
}

/* ---- */

static int setup(void **state)
{
  (void)state;
  engine = test_engine(NULL);
  pinned = json_load_file(LOSSJIT_TEST_SOURCE_DIR "/tests/data/prelude.json", 0, NULL);
  return pinned ? 0 : -1;
}

static int teardown(void **state)
{
  (void)state;
  json_decref(pinned);
  lossjit_engine_release(engine);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_named_functions_equal_the_libraries_in_f64),
      cmocka_unit_test(test_named_functions_equal_the_libraries_in_f32),
      cmocka_unit_test(test_every_definition_is_pinned_and_described),
      cmocka_unit_test(test_arguments_are_chosen_between_when_compiling),
      cmocka_unit_test(test_conventions_at_kinks),
      cmocka_unit_test(test_extreme_logits),
      cmocka_unit_test(test_labels_are_checked_unless_ignored),
  };

  return cmocka_run_group_tests(tests, setup, teardown);
}
