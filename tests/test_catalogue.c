/*
 * The catalogue of losses that people use (tests/data/losses.json), as a user would
 * run it: every loss of class A, and those with labels that need nothing more than
 * gather and one_hot, compiled from its text and called.
 *
 *   - the kernel's loss, gradient and mean agree with the interpreter's, f32 and f64;
 *   - the gradient is that of finite differences of the interpreted loss;
 *   - the gradient as text is read back, compiled, and gives the same numbers.
 */
#include "tests/support/domain.h"
#include "tests/support/trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define BATCH 6
#define LARGE_BATCH 83 /* no multiple of any vector */

static lossjit_engine *engine;
static json_t *catalogue;

/* ---- which losses ---------------------------------------------------------------- */

/* Words of the language that not every loss of the classes B and C can do without. */
static const char *const beyond[] = {"arccos(", "cos(",  "sin(",    "take(", "concat(",
                                     "cumsum(", "sort(", "arange(", "@",     "[0:2]"};

static bool is_covered(json_t *loss)
{
  const char *text = json_string_value(json_object_get(loss, "expr"));
  if (!strcmp(json_string_value(json_object_get(loss, "fit")), "A"))
    return true;
  for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++)
    if (strstr(text, beyond[i]))
      return false;
  return strstr(text, "gather(") || strstr(text, "one_hot(");
}

/* Losses whose published gradient is not the derivative of the value, on purpose: a
 * scale that depends on y_pred is held fixed by stop_gradient. */
static bool holds_something_fixed(json_t *loss)
{
  const char *id = json_string_value(json_object_get(loss, "id"));
  return !strcmp(id, "mae_smooth_majorizer") || !strcmp(id, "quantile_smooth");
}

/* Epsilons of the largest value that a kernel may be off. */
static double steps_of(json_t *loss)
{
  const char *id = json_string_value(json_object_get(loss, "id"));
  /* the logarithm of a difference of two distribution functions that nearly cancel */
  return !strcmp(id, "aft_censored") ? 1024 : 64;
}

/* ---- from the catalogue to options ----------------------------------------------- */

#define MAX_PARAMETERS 8

struct setup {
  char text[2048];
  lossjit_input inputs[TEST_MAX_INPUTS];
  const char *kinds[TEST_MAX_INPUTS];
  const char *parameters[MAX_PARAMETERS];
  double defaults[MAX_PARAMETERS];
  lossjit_compile_options options;
};

/* "[B,H,3]" */
static void read_shape(const char *shape, lossjit_input *input)
{
  static const struct {
    char name;
    int64_t size;
  } sizes[] = {{'B', LOSSJIT_BATCH},
               {'C', 4},
               {'D', 3},
               {'N', 5},
               {'T', 6},
               {'H', 3},
               {'W', 4},
               {'K', 3},
               {'A', 5}};
  for (const char *at = shape + 1; *at && *at != ']'; at += strcspn(at, ",]")) {
    at += strspn(at, ", ");
    int64_t size = atoi(at);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
      if (*at == sizes[i].name)
        size = sizes[i].size;
    input->sizes[input->rank++] = size;
  }
}

static bool is_label(const char *kind)
{
  return !strcmp(kind, "i") || !strcmp(kind, "i6") || !strcmp(kind, "gid");
}

static void read_inputs(json_t *loss, lossjit_dtype dtype, struct setup *setup)
{
  const char *name;
  json_t *what;
  size_t count = 0;
  json_object_foreach(json_object_get(loss, "inputs"), name, what)
  {
    setup->kinds[count] = json_string_value(json_object_get(what, "kind"));
    setup->inputs[count] = (lossjit_input){
        name, is_label(setup->kinds[count]) ? LOSSJIT_I64 : dtype, 0, {0}};
    read_shape(json_string_value(json_object_get(what, "shape")),
               &setup->inputs[count++]);
  }
  setup->options.inputs = setup->inputs;
  setup->options.input_count = count;
}

/* Numbers with a point are parameters of the call; lists and whole numbers, which may
 * be sizes, are bindings in front of the text. */
static void read_hyperparameters(json_t *loss, struct setup *setup)
{
  const char *name;
  json_t *value;
  size_t count = 0;
  json_object_foreach(json_object_get(loss, "hyperparameters"), name, value)
  {
    if (json_is_real(value)) {
      setup->parameters[count] = name;
      setup->defaults[count++] = json_real_value(value);
      continue;
    }
    char *number = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    size_t at = strlen(setup->text);
    snprintf(setup->text + at, sizeof setup->text - at, "%s = %s; ", name, number);
    free(number);
  }
  setup->options.parameter_names = setup->parameters;
  setup->options.parameter_defaults = setup->defaults;
  setup->options.parameter_count = count;
}

static void read_loss(json_t *loss, lossjit_dtype dtype, struct setup *setup)
{
  const char *output = json_string_value(json_object_get(loss, "output"));
  *setup = (struct setup){0};
  read_inputs(loss, dtype, setup);
  read_hyperparameters(loss, setup);
  setup->options.result = !strcmp(output, "scalar")     ? LOSSJIT_SCALAR
                          : strncmp(output, "array", 5) ? LOSSJIT_PER_SAMPLE
                          : setup->inputs[0].rank == 1  ? LOSSJIT_PER_SAMPLE
                                                        : LOSSJIT_ELEMENTWISE;
  strncat(setup->text, json_string_value(json_object_get(loss, "expr")),
          sizeof setup->text - strlen(setup->text) - 1);
}

/* ---- data ------------------------------------------------------------------------ */

static double draw(const char *kind, uint64_t *random)
{
  static const struct {
    const char *kind;
    double low, high;
  } ranges[] = {{"f", -2, 2},      {"pos", 0.2, 3},    {"pos3", 3.2, 6},
                {"u", 0.05, 0.95}, {"cos", -0.9, 0.9}, {"p", 0.1, 1},
                {"lp", 0.1, 1}};
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
    if (!strcmp(kind, ranges[i].kind))
      return test_uniform(random, ranges[i].low, ranges[i].high);
  if (!strcmp(kind, "s"))
    return test_uniform(random, 0, 1) < 0.5 ? -1 : 1;
  if (!strcmp(kind, "cnt") || !strcmp(kind, "i6"))
    return floor(test_uniform(random, 0, 6));
  if (!strcmp(kind, "i"))
    return floor(test_uniform(random, 0, 4));
  if (!strcmp(kind, "gid"))
    return floor(test_uniform(random, 0, 3));
  return test_uniform(random, 0, 1) < 0.5; /* b, b1; oh and oh2 are set afterwards */
}

/* Rows of probabilities, their logarithms, one-hot rows: `n` elements `stride`
 * apart. */
static void finish_row(struct test_array *array, const char *kind, int64_t first,
                       int64_t n, int64_t stride, uint64_t *random)
{
  double sum = 0;
  int64_t hot = (int64_t)test_uniform(random, 0, (double)n);
  for (int64_t j = 0; j < n; j++)
    sum += test_get(array, first + j * stride);
  for (int64_t j = 0; j < n; j++) {
    double p = test_get(array, first + j * stride) / sum;
    test_set(array, first + j * stride,
             kind[0] == 'o'   ? j == hot
             : kind[0] == 'l' ? log(p)
                              : p);
  }
}

static void fill(struct test_array *array, const char *kind, const lossjit_input *input)
{
  uint64_t random = 1;
  for (const char *c = input->name; *c; c++) /* other data for every name */
    random = 31 * random + (unsigned char)*c;
  for (int64_t i = 0; i < array->count; i++)
    test_set(array, i, draw(kind, &random));
  bool along_one = input->rank == 3 && (!strcmp(kind, "oh2") || !strcmp(kind, "p"));
  int64_t stride = along_one ? input->sizes[2] : 1;
  int64_t n = input->rank > 1 ? input->sizes[along_one ? 1 : input->rank - 1] : 1;
  if (strcmp(kind, "p") && strcmp(kind, "lp") && strncmp(kind, "oh", 2))
    return;
  for (int64_t block = 0; block < array->count; block += n * stride)
    for (int64_t first = block; first < block + stride; first++)
      finish_row(array, kind, first, n, stride, &random);
}

static void fill_all(struct test_trial *trial, const struct setup *setup)
{
  for (size_t i = 0; i < trial->input_count; i++) {
    const lossjit_input *input = lossjit_loss_input(trial->loss, i);
    for (size_t k = 0; k < setup->options.input_count; k++)
      if (!strcmp(setup->inputs[k].name, input->name))
        fill(&trial->inputs[i], setup->kinds[k], input);
  }
}

/* ---- kernel and interpreter ------------------------------------------------------ */

static double largest(const struct test_array *array)
{
  double most = 0;
  for (int64_t i = 0; i < array->count; i++)
    most = fmax(most, fabs(test_get(array, i)));
  return most;
}

/* Equal up to `steps` epsilons of the largest value. */
static void check_close(const struct test_array *got, const struct test_array *expected,
                        double steps, const char *what)
{
  double epsilon = got->dtype == LOSSJIT_F64 ? 0x1p-52 : 0x1p-23;
  double allowed = steps * epsilon * largest(expected);
  assert_int_equal(got->count, expected->count);
  for (int64_t i = 0; i < got->count; i++) {
    double a = test_get(got, i), b = test_get(expected, i);
    if (!(fabs(a - b) <= allowed) && !(isnan(a) && isnan(b)))
      fail_msg("%s %d is %.9g, expected %.9g: off by %.3g of the largest", what, (int)i,
               a, b, fabs(a - b) / largest(expected));
  }
}

static void check_kernel(json_t *loss, lossjit_dtype dtype)
{
  struct setup setup;
  struct test_trial trial;
  read_loss(loss, dtype, &setup);
  test_trial_begin(&trial, test_compile(engine, setup.text, &setup.options), 0, false,
                   LARGE_BATCH);
  fill_all(&trial, &setup);
  double steps = steps_of(loss);
  const lossjit_reduction reductions[] = {LOSSJIT_NONE, LOSSJIT_SUM, LOSSJIT_MEAN};
  for (int i = 0; i < 3; i++) {
    trial.reduction = reductions[i];
    test_trial_call(&trial, i == 1 ? BATCH : LARGE_BATCH);
    check_close(&trial.output[TEST_KERNEL], &trial.output[TEST_INTERPRETER], steps,
                "loss");
    check_close(&trial.gradients[TEST_KERNEL][0], &trial.gradients[TEST_INTERPRETER][0],
                steps, "gradient");
    double epsilon = dtype == LOSSJIT_F64 ? 0x1p-52 : 0x1p-23;
    double scale = largest(&trial.output[TEST_INTERPRETER]) *
                   (reductions[i] == LOSSJIT_SUM ? BATCH : 1);
    assert_true(fabs(trial.value[TEST_KERNEL] - trial.value[TEST_INTERPRETER]) <=
                steps * epsilon * scale);
  }
  test_trial_end(&trial);
}

/* ---- finite differences ---------------------------------------------------------- */

static struct test_array interpreted_loss(struct test_trial *trial)
{
  test_trial_call(trial, BATCH);
  struct test_array loss = trial->output[TEST_INTERPRETER];
  trial->output[TEST_INTERPRETER] = (struct test_array){0};
  return loss;
}

/* Of the sum of the loss by element i of input `by`. */
static double difference(struct test_trial *trial, size_t by, int64_t i, double h)
{
  struct test_array *x = &trial->inputs[by];
  double at = test_get(x, i), sum = 0;
  test_set(x, i, at + h);
  struct test_array above = interpreted_loss(trial);
  test_set(x, i, at - h);
  struct test_array below = interpreted_loss(trial);
  test_set(x, i, at);
  for (int64_t k = 0; k < above.count; k++)
    sum += test_get(&above, k) - test_get(&below, k);
  test_array_free(&above);
  test_array_free(&below);
  return sum / (2 * h);
}

static void check_differences(json_t *loss)
{
  struct setup setup;
  struct test_trial trial;
  read_loss(loss, LOSSJIT_F64, &setup);
  test_trial_begin(&trial, test_compile(engine, setup.text, &setup.options), 0, false,
                   BATCH);
  fill_all(&trial, &setup);
  test_trial_call(&trial, BATCH);
  struct test_array gradient = trial.gradients[TEST_INTERPRETER][0];
  trial.gradients[TEST_INTERPRETER][0] = (struct test_array){0};
  size_t by = lossjit_loss_gradient_input(trial.loss, 0);
  int64_t judged = 0;
  for (int64_t i = 0; i < gradient.count; i++) {
    double coarse = difference(&trial, by, i, 1e-4);
    double fine = difference(&trial, by, i, 5e-5);
    double expected = (4 * fine - coarse) / 3, scale = 1e-3 + largest(&gradient);
    if (fabs(fine - coarse) > 1e-4 * scale)
      continue; /* a kink within reach: the estimate says nothing */
    judged++;
    if (!(fabs(test_get(&gradient, i) - expected) <= 1e-6 * scale))
      fail_msg("gradient %d is %.12g, differences say %.12g", (int)i,
               test_get(&gradient, i), expected);
  }
  if (judged * 10 < gradient.count * 8)
    fail_msg("only %d of %d elements could be judged", (int)judged,
             (int)gradient.count);
  test_array_free(&gradient);
  test_trial_end(&trial);
}

/* ---- the gradient as text -------------------------------------------------------- */

static void copy_inputs(struct test_trial *to, const struct test_trial *from)
{
  for (size_t i = 0; i < to->input_count; i++) {
    const char *name = lossjit_loss_input(to->loss, i)->name;
    size_t k = 0;
    while (k < from->input_count &&
           strcmp(lossjit_loss_input(from->loss, k)->name, name))
      k++;
    if (k == from->input_count)
      fail_msg("the gradient's text has an input %s", name);
    assert_int_equal(to->inputs[i].count, from->inputs[k].count);
    for (int64_t e = 0; e < to->inputs[i].count; e++)
      test_set(&to->inputs[i], e, test_get(&from->inputs[k], e));
  }
}

static void check_text(json_t *loss)
{
  struct setup setup;
  struct test_trial trial, again;
  char *text;
  read_loss(loss, LOSSJIT_F64, &setup);
  test_trial_begin(&trial, test_compile(engine, setup.text, &setup.options), 0, false,
                   BATCH);
  fill_all(&trial, &setup);
  test_trial_call(&trial, BATCH);
  assert_int_equal(lossjit_loss_text(trial.loss, LOSSJIT_STAGE_GRADIENT, &text),
                   LOSSJIT_OK);
  lossjit_compile_options options = setup.options; /* inputs and parameters as before */
  options.result = LOSSJIT_ELEMENTWISE;
  options.no_gradient = 1;
  test_trial_begin(&again, test_compile(engine, text, &options), 0, false, BATCH);
  copy_inputs(&again, &trial);
  test_trial_call(&again, BATCH);
  check_close(&again.output[TEST_INTERPRETER], &trial.gradients[TEST_INTERPRETER][0], 4,
              "gradient as text, interpreted,");
  check_close(&again.output[TEST_KERNEL], &trial.gradients[TEST_INTERPRETER][0],
              steps_of(loss), "gradient as text, compiled,");
  lossjit_text_release(engine, text);
  test_trial_end(&again);
  test_trial_end(&trial);
}

/* ---- the tests: one per loss ----------------------------------------------------- */

static void loss_is_right(void **state)
{
  json_t *loss = *state;
  check_kernel(loss, LOSSJIT_F32);
  check_kernel(loss, LOSSJIT_F64);
  if (!holds_something_fixed(loss))
    check_differences(loss);
  check_text(loss);
}

static int load(void)
{
  json_error_t error;
  catalogue =
      json_load_file(LOSSJIT_TEST_SOURCE_DIR "/tests/data/losses.json", 0, &error);
  if (!catalogue)
    fprintf(stderr, "losses.json:%d: %s\n", error.line, error.text);
  return catalogue ? 0 : 1;
}

int main(void)
{
  static struct CMUnitTest tests[256];
  size_t count = 0;
  if (load())
    return 1;
  for (size_t i = 0; i < json_array_size(catalogue); i++) {
    json_t *loss = json_array_get(catalogue, i);
    if (is_covered(loss))
      tests[count++] =
          (struct CMUnitTest){json_string_value(json_object_get(loss, "id")),
                              loss_is_right, NULL, NULL, loss};
  }
  engine = test_engine("host");
  int failed = _cmocka_run_group_tests("catalogue", tests, count, NULL, NULL);
  lossjit_engine_release(engine);
  json_decref(catalogue);
  return failed;
}
