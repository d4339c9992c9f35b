/*
 * Every row operator of the table (reductions, softmax and its kind): the compiled
 * kernel, value and gradient, against the f64 interpreter, along each axis that makes
 * a difference to the plan: the last, one in the middle, several, and the batch
 * itself.
 *
 * Half of the rows hold one special value (NaN, infinities, subnormals, ties), the
 * others are ordinary, so that one NaN does not hide the rest.
 */
#include "compiler/graph.h"
#include "tests/support/domain.h"
#include "tests/support/trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- what is reduced, and where -------------------------------------------------- */

struct shape {
  const char *sizes, *axis;
  int64_t row; /* reduced elements, without those counted by n and the batch */
  bool over_n, over_batch;
};

static const struct shape shapes[] = {
    {"[batch, n]", "-1", 1, true, false},
    {"[batch, n, 3]", "1", 1, true, false},
    {"[batch, 3, n]", "1", 3, false, false},
    {"[batch, 2, n]", "[1, 2]", 2, true, false},
    {"[batch, n]", "0", 1, false, true},
    {"[batch, n]", "None", 1, true, true},
};

/* The first shape is what losses are made of and gets all widths. */
static const struct setting {
  const char *target;
  lossjit_dtype dtype;
  size_t shape;
  int64_t n;
} settings[] = {
    {"host", LOSSJIT_F32, 0, 1},     {"host", LOSSJIT_F32, 0, 2},
    {"host", LOSSJIT_F32, 0, 3},     {"host", LOSSJIT_F32, 0, 10},
    {"host", LOSSJIT_F32, 0, 33},    {"host", LOSSJIT_F32, 0, 200},
    {"host", LOSSJIT_F64, 0, 1},     {"host", LOSSJIT_F64, 0, 10},
    {"host", LOSSJIT_F64, 0, 33},    {"avx512", LOSSJIT_F32, 0, 10},
    {"avx2", LOSSJIT_F32, 0, 3},     {"avx2", LOSSJIT_F64, 0, 2},
    {"avx2", LOSSJIT_F32, 0, 33},    {"baseline", LOSSJIT_F32, 0, 10},
    {"baseline", LOSSJIT_F64, 0, 3}, {"baseline", LOSSJIT_F32, 0, 33},
    {"host", LOSSJIT_F32, 1, 3},     {"host", LOSSJIT_F32, 1, 33},
    {"avx2", LOSSJIT_F64, 1, 10},    {"host", LOSSJIT_F32, 2, 10},
    {"host", LOSSJIT_F32, 2, 33},    {"host", LOSSJIT_F32, 3, 3},
    {"host", LOSSJIT_F64, 3, 33},    {"host", LOSSJIT_F32, 4, 3},
    {"baseline", LOSSJIT_F64, 4, 1}, {"avx2", LOSSJIT_F32, 4, 33},
    {"host", LOSSJIT_F32, 5, 3},     {"avx2", LOSSJIT_F32, 5, 10},
    {"host", LOSSJIT_F64, 5, 1},
};

static const int64_t batches[] = {0, 1, 3, 17, 1000};
#define MOST 1000

/* ---- the trial ------------------------------------------------------------------- */

static bool differentiable(enum lj_op op)
{
  const char *derivative = lj_op_table[op].derivative[0];
  return derivative && derivative[0] != LJ_NO_RULE[0];
}

static void write_text(char *text, size_t size, enum lj_op op,
                       const struct setting *setting)
{
  const struct shape *shape = &shapes[setting->shape];
  bool truth = lj_op_table[op].type == LJ_TYPE_LOGICAL;
  snprintf(text, size, "result: any; y_pred: %s%s; %s%s(y_pred, axis=%s)%s",
           lossjit_dtype_name(truth ? LOSSJIT_BOOL : setting->dtype), shape->sizes,
           truth ? "cast(" : "", lj_op_table[op].name, shape->axis, truth ? ")" : "");
}

/* What may stand in a row: not the largest and least numbers, with which the order of
 * operations decides whether something overflows or vanishes on the way. */
static double special(lossjit_dtype dtype, size_t turn)
{
  double value = test_special((enum lj_dtype)dtype, turn % test_special_count());
  bool extreme = isfinite(value) && value != 0 && fabs(log(fabs(value))) > 60;
  return extreme ? 4 : value;
}

/* Products of thousands of factors stay in range if these are near 1. */
static double draw(enum lj_op op, uint64_t *random)
{
  double value = test_uniform(random, -4, 4);
  return op == LJ_OP_PROD ? copysign(exp(value / 200), value) : value;
}

/* Blocks of `row` elements along memory stand for rows: near enough for other axes. */
static void fill(struct test_trial *trial, enum lj_op op, int64_t row)
{
  struct test_array *x = &trial->inputs[0];
  uint64_t random = 11;
  for (int64_t i = 0; i < x->count; i++) {
    double value = draw(op, &random);
    if (x->dtype == LOSSJIT_BOOL)
      value = test_uniform(&random, 0, 1) < 1.0 / (double)row;
    else if (i / row % 2 && i % row == i / row % row)
      value = special(x->dtype, (size_t)(i / row / 2));
    else if (i % 5 == 4)
      value = test_get(x, i - 1); /* a tie */
    test_set(x, i, value);
  }
  for (int64_t i = 0; i < trial->adjoint.count; i++)
    test_set(&trial->adjoint, i, test_uniform(&random, 0.5, 2) * (i % 3 ? 1 : -1));
}

/* A chain of sums of `terms` numbers below 4 may be off by some epsilons of each
 * partial sum; long sums are not one chain but flushed to f64, so that 256 terms bound
 * it. The gradients, of softmax and the like, are less than the adjoint, which is
 * below 2. A product rounds once per factor, which is relative. */
static void compare(const struct test_trial *trial, const char *text,
                    const char *target, const struct test_array arrays[TEST_SIDES],
                    const char *what, int64_t terms)
{
  double epsilon = arrays[0].dtype == LOSSJIT_F64 ? 0x1p-52 : 0x1p-23;
  double chain = terms < 256 ? (double)terms : 256;
  for (int64_t i = 0; i < arrays[0].count; i++) {
    double got = test_get(&arrays[TEST_KERNEL], i);
    double expected = test_get(&arrays[TEST_INTERPRETER], i);
    double ulps = test_ulps(arrays[0].dtype, got, expected);
    if (!(ulps <= 4 + (double)terms) &&
        !(fabs(got - expected) <= 2 * chain * sqrt(chain) * epsilon))
      fail_msg("%s, %s, n %d, batch %d: %s %d is %.9g, expected %.9g, %.4g ulp", text,
               target, (int)trial->open, (int)trial->batch, what, (int)i, got, expected,
               ulps);
  }
}

/* ---- one row operator ------------------------------------------------------------ */

static struct engine {
  const char *target;
  lossjit_engine *engine;
} engines[] = {{"host", NULL}, {"avx512", NULL}, {"avx2", NULL}, {"baseline", NULL}};

static int make_engines(void **state)
{
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(engines); i++)
    if (test_target_runs(engines[i].target))
      engines[i].engine = test_engine(engines[i].target);
  return 0;
}

static int release_engines(void **state)
{
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(engines); i++)
    lossjit_engine_release(engines[i].engine);
  return 0;
}

static lossjit_engine *engine_for(const char *target)
{
  for (size_t i = 0; i < LJ_COUNT(engines); i++)
    if (!strcmp(engines[i].target, target))
      return engines[i].engine;
  return NULL;
}

static void check_setting(enum lj_op op, const struct setting *setting)
{
  char text[256];
  const struct shape *shape = &shapes[setting->shape];
  lossjit_engine *engine = engine_for(setting->target);
  if (!engine)
    return;
  write_text(text, sizeof text, op, setting);
  struct test_trial trial;
  lossjit_compile_options options = {.no_gradient = !differentiable(op)};
  test_trial_begin(&trial, test_compile(engine, text, &options), setting->n,
                   differentiable(op), MOST);
  int64_t row = shape->row * (shape->over_n ? setting->n : 1);
  fill(&trial, op, row > 1 ? row : 2);
  for (size_t i = 0; i < LJ_COUNT(batches); i++) {
    int64_t terms = row * (shape->over_batch ? batches[i] : 1);
    test_trial_call(&trial, batches[i]);
    compare(&trial, text, setting->target, trial.output, "value", terms);
    if (trial.gradient_count) {
      struct test_array gradients[TEST_SIDES] = {trial.gradients[TEST_KERNEL][0],
                                                 trial.gradients[TEST_INTERPRETER][0]};
      compare(&trial, text, setting->target, gradients, "gradient", terms);
    }
  }
  test_trial_end(&trial);
}

static void kernel_matches_the_interpreter(void **state)
{
  enum lj_op op = (enum lj_op)(uintptr_t)*state;
  for (size_t i = 0; i < LJ_COUNT(settings); i++)
    check_setting(op, &settings[i]);
}

int main(void)
{
  static struct CMUnitTest tests[LJ_OP_COUNT];
  size_t count = 0;
  for (enum lj_op op = LJ_OP_FIRST_ROW; op < LJ_OP_COUNT; op++)
    tests[count++] =
        (struct CMUnitTest){lj_op_table[op].name, kernel_matches_the_interpreter, NULL,
                            NULL, (void *)(uintptr_t)op};
  return _cmocka_run_group_tests("row operators", tests, count, make_engines,
                                 release_engines);
}
