/*
 * Every elementwise row of the operator table: the compiled kernel, value and
 * gradient, against the f64 interpreter on the same numbers.
 *
 * The text, the operands and what is differentiated all come from the row, so that a
 * new row is tested by being there. Half of the operands are drawn from the row's
 * domain, half are special values in all combinations (zeros, NaN, infinities,
 * subnormals, the largest numbers, ties). `allowances` names the rows that need more
 * room than the default, each with its reason. Row operators are in
 * test_row_operators.c, derivatives against finite differences in test_derivatives.c.
 */
#include "compiler/graph.h"
#include "tests/support/domain.h"
#include "tests/support/trial.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- how far a kernel may be off ------------------------------------------------- */

/* In units in the last place of the dtype, or in epsilons, for rows that subtract what
 * was rounded: whichever allows more. Nothing is judged where the finite magnitude of
 * an operand is above `reach` or below 1/reach (for the value) or the same with
 * `gradient_reach`: there a rule leaves the range of f32 on the way to a result inside
 * it, which the interpreter, in f64, does not. */
struct allowance {
  enum lj_op op;
  double value, value_absolute, reach;
  double gradient, gradient_absolute, gradient_reach;
};

static const struct allowance normal = {LJ_OP_NONE, 4, 0, INFINITY, 16, 0, INFINITY};

static const struct allowance allowances[] = {
    /* -g*y/b: g*y overflows before b brings it back */
    {LJ_OP_DIVIDE, 4, 0, INFINITY, 16, 0, 1e30},
    /* a quotient near or above 2**24 leaves no rest in f32 */
    {LJ_OP_MOD, 4, 4, 1e3, 16, 0, 1e3},
    /* a**(b - 1) overflows for the least a */
    {LJ_OP_POWER, 4, 0, INFINITY, 16, 0, 1e30},
    /* a*log(10) overflows for the largest a */
    {LJ_OP_LOG10, 4, 0, INFINITY, 16, 0, 1e30},
    /* (1 - y)*(1 + y): y near 1 has lost the digits of 1 - y */
    {LJ_OP_TANH, 4, 0, INFINITY, 16, 4, INFINITY},
    /* the value crosses 0 where max(a, b) and the rest cancel; sigmoid(a - b) magnifies
     * the rounding of a difference of about 100 */
    {LJ_OP_LOGADDEXP, 4, 1, INFINITY, 64, 0, INFINITY},
    /* g*a overflows before b = inf takes it to 0 */
    {LJ_OP_XLOGY, 4, 0, INFINITY, 16, 0, 1e30},
    /* exp(-0.5*square(a) - y) magnifies the rounding of two numbers that nearly cancel,
     * each about a**2/2 */
    {LJ_OP_LOG_NDTR, 8, 0, INFINITY, 64, 0, 5},
    /* in f64 long series: the vector math promises 6 (digamma 16) ulps, and near
     * their zeros (1 and 2; 1.46) some epsilons */
    {LJ_OP_NORM_CDF, 8, 0, INFINITY, 16, 0, INFINITY},
    {LJ_OP_LGAMMA, 8, 1, INFINITY, 40, 16, INFINITY},
    {LJ_OP_DIGAMMA, 20, 8, INFINITY, 16, 0, INFINITY},
    {LJ_OP_TRIGAMMA, 8, 0, INFINITY, 0, 0, INFINITY},
};

static struct allowance allowance_of(enum lj_op op)
{
  for (size_t i = 0; i < LJ_COUNT(allowances); i++)
    if (allowances[i].op == op)
      return allowances[i];
  return normal;
}

/* ---- texts ----------------------------------------------------------------------- */

/* The names of a row's operands. A loss has to depend on y_pred, so the first operand
 * that carries a derivative is called that. */
struct operands {
  int count;
  const char *name[3];
  lossjit_dtype dtype[3];
  const char *differentiable[3];
  size_t differentiable_count;
};

static bool has_rule(const char *derivative)
{
  return derivative && derivative[0] != LJ_NO_RULE[0];
}

static struct operands operands_of(enum lj_op op, lossjit_dtype dtype)
{
  static const char *const others[] = {"a", "b", "c"};
  const struct lj_op_info *info = &lj_op_table[op];
  struct operands operands = {.count = info->arity};
  for (int o = 0; o < info->arity; o++) {
    bool truth =
        info->type == LJ_TYPE_LOGICAL || (info->type == LJ_TYPE_CHOICE && o == 0);
    bool rule = has_rule(info->derivative[o]) && dtype != LOSSJIT_I32;
    operands.dtype[o] = truth ? LOSSJIT_BOOL : dtype;
    operands.name[o] =
        rule && operands.differentiable_count == 0 ? "y_pred" : others[o];
    if (rule)
      operands.differentiable[operands.differentiable_count++] = operands.name[o];
  }
  return operands;
}

/* The result of a loss is a floating-point number; truth values and integers are made
 * into one. */
static bool needs_cast(enum lj_op op, const struct operands *operands)
{
  uint8_t type = lj_op_table[op].type;
  return type == LJ_TYPE_COMPARE || type == LJ_TYPE_LOGICAL || type == LJ_TYPE_TEST ||
         operands->dtype[operands->count - 1] == LOSSJIT_I32;
}

/* "result: any; y_pred: f32[batch, n]; ... NAME(y_pred, b)", with `before` and `after`
 * around the call. */
static void write_text(char *text, size_t size, enum lj_op op,
                       const struct operands *operands, const char *before,
                       const char *after)
{
  bool cast = needs_cast(op, operands);
  size_t at = (size_t)snprintf(text, size, "result: any; ");
  for (int o = 0; o < operands->count; o++)
    at += (size_t)snprintf(text + at, size - at, "%s: %s[batch, n]; ",
                           operands->name[o], lossjit_dtype_name(operands->dtype[o]));
  at += (size_t)snprintf(text + at, size - at, "%s%s%s(", before, cast ? "cast(" : "",
                         lj_op_table[op].name);
  for (int o = 0; o < operands->count; o++)
    at += (size_t)snprintf(text + at, size - at, "%s%s", o ? ", " : "",
                           operands->name[o]);
  snprintf(text + at, size - at, ")%s%s", cast ? ", f64)" : "", after);
}

static lossjit_loss *compile(lossjit_engine *engine, const char *text,
                             const struct operands *operands)
{
  lossjit_compile_options options = {
      .gradients = operands->differentiable_count ? operands->differentiable : NULL,
      .gradient_count = operands->differentiable_count,
      .no_gradient = operands->differentiable_count == 0};
  return test_compile(engine, text, &options);
}

/* ---- operands -------------------------------------------------------------------- */

/* All pairs of special values come by in turn; the third operand walks on its own. */
static double special_operand(lossjit_dtype dtype, int operand, size_t turn)
{
  size_t count = test_special_count();
  size_t step[] = {turn % count, turn / count % count, (turn * 7 + turn / 5) % count};
  return test_special((enum lj_dtype)dtype, step[operand]);
}

/* Odd elements are special where the dtype has special values. */
static bool is_special(const struct operands *operands, int64_t element)
{
  return element % 2 && operands->dtype[operands->count - 1] != LOSSJIT_BOOL &&
         operands->dtype[operands->count - 1] != LOSSJIT_I32;
}

static double draw(enum lj_op op, lossjit_dtype dtype, int o, uint64_t *random)
{
  double value = test_draw((enum lj_domain)lj_op_table[op].domain, o, random);
  if (dtype != LOSSJIT_I32)
    return value;
  value = nearbyint(3 * value);
  return o == 1 && lj_op_table[op].domain == LJ_DOMAIN_NONZERO && value == 0 ? 1
                                                                             : value;
}

/* Operand o of the row, with a tie to operand 0 now and then. */
static void fill(struct test_trial *trial, enum lj_op op,
                 const struct operands *operands)
{
  uint64_t random = 7;
  for (int64_t i = 0; i < trial->inputs[0].count; i++) {
    for (int o = 0; o < operands->count; o++) {
      struct test_array *array = &trial->inputs[o];
      double value = is_special(operands, i)
                         ? special_operand(array->dtype, o, (size_t)i / 2)
                         : draw(op, array->dtype, o, &random);
      if (i % 14 == 6 && o > 0 && array->dtype == trial->inputs[0].dtype)
        value = test_get(&trial->inputs[0], i);
      test_set(array, i, value);
    }
    test_set(&trial->adjoint, i, test_uniform(&random, 0.5, 2) * (i % 3 ? 1 : -1));
  }
}

/* ---- comparing ------------------------------------------------------------------- */

static void complain(const struct test_trial *trial, const char *text,
                     const char *target, const char *what, int64_t i, double got,
                     double expected, double ulps)
{
  double at[TEST_MAX_INPUTS] = {0};
  for (size_t o = 0; o < trial->input_count; o++)
    at[o] = test_get(&trial->inputs[o], i);
  fail_msg("%s, %s, n %d, batch %d, element %d at (%.9g, %.9g, %.9g):\n"
           "%s %.9g, expected %.9g, %.4g ulp",
           text, target, (int)trial->open, (int)trial->batch, (int)i, at[0], at[1],
           at[2], what, got, expected, ulps);
}

static bool within_reach(const struct test_trial *trial, int64_t i, double reach)
{
  for (size_t o = 0; o < trial->input_count; o++) {
    double size = fabs(test_get(&trial->inputs[o], i));
    if (size != 0 && isfinite(size) && (size > reach || size < 1 / reach))
      return false;
  }
  return true;
}

static void compare_values(const struct test_trial *trial, enum lj_op op,
                           const char *text, const char *target)
{
  struct allowance allowed = allowance_of(op);
  const struct test_array *values = trial->output;
  double epsilon = values->dtype == LOSSJIT_F32 ? 0x1p-23 : 0x1p-52;
  for (int64_t i = 0; i < values->count; i++) {
    double got = test_get(&values[TEST_KERNEL], i);
    double expected = test_get(&values[TEST_INTERPRETER], i);
    double ulps = test_ulps(values->dtype, got, expected);
    if (!(ulps <= allowed.value) &&
        !(fabs(got - expected) <= allowed.value_absolute * epsilon) &&
        within_reach(trial, i, allowed.reach))
      complain(trial, text, target, "value", i, got, expected, ulps);
  }
}

/* Gradients multiply partial results: one that is subnormal has lost digits, so what is
 * below the least normal number counts as equal. */
static void compare_gradients(const struct test_trial *trial, enum lj_op op,
                              const char *text, const char *target)
{
  struct allowance allowed = allowance_of(op);
  for (size_t k = 0; k < trial->gradient_count; k++) {
    const struct test_array *kernel = &trial->gradients[TEST_KERNEL][k];
    bool wide = kernel->dtype == LOSSJIT_F64;
    double absolute = allowed.gradient_absolute * (wide ? 0x1p-52 : 0x1p-23) +
                      (wide ? DBL_MIN : FLT_MIN);
    for (int64_t i = 0; i < kernel->count; i++) {
      double got = test_get(kernel, i);
      double expected = test_get(&trial->gradients[TEST_INTERPRETER][k], i);
      double ulps = test_ulps(kernel->dtype, got, expected);
      if (!(ulps <= allowed.gradient) && !(fabs(got - expected) <= absolute) &&
          within_reach(trial, i, allowed.gradient_reach))
        complain(trial, text, target, k ? "later gradient" : "first gradient", i, got,
                 expected, ulps);
    }
  }
}

static void compare(const struct test_trial *trial, enum lj_op op, const char *text,
                    const char *target)
{
  compare_values(trial, op, text, target);
  compare_gradients(trial, op, text, target);
}

/* ---- one row, all widths --------------------------------------------------------- */

static const int64_t batches[] = {0, 1, 3, 17, 1000};
#define MOST 1000

/* Row lengths by template: lanes across samples with transposes, and along the row. */
static const int64_t lengths[] = {1, 2, 3, 10, 33};

struct setting {
  const char *target;
  lossjit_dtype dtype;
  int64_t n;
};

/* One engine per target, made when the group starts. */
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
  lossjit_engine *engine = engine_for(setting->target);
  if (!engine)
    return;
  struct operands operands = operands_of(op, setting->dtype);
  write_text(text, sizeof text, op, &operands, "", "");
  struct test_trial trial;
  test_trial_begin(&trial, compile(engine, text, &operands), setting->n,
                   operands.differentiable_count > 0, MOST);
  fill(&trial, op, &operands);
  for (size_t i = 0; i < LJ_COUNT(batches); i++) {
    test_trial_call(&trial, batches[i]);
    compare(&trial, op, text, setting->target);
  }
  test_trial_end(&trial);
}

/* Every vector width here. "host" is one of the others where those exist. */
static void kernel_matches_the_interpreter(void **state)
{
  enum lj_op op = (enum lj_op)(uintptr_t)*state;
  for (size_t i = test_target_runs("avx2"); i < LJ_COUNT(engines); i++)
    for (size_t k = 0; k < LJ_COUNT(lengths); k++) {
      const char *target = engines[i].target;
      check_setting(op, &(struct setting){target, LOSSJIT_F32, lengths[k]});
      check_setting(op, &(struct setting){target, LOSSJIT_F64, lengths[k]});
    }
}

static void integers_stay_integers(void **state)
{
  enum lj_op op = (enum lj_op)(uintptr_t)*state;
  for (size_t i = test_target_runs("avx2"); i < LJ_COUNT(engines); i++)
    check_setting(op, &(struct setting){engines[i].target, LOSSJIT_I32, 3});
}

/* ---- where ----------------------------------------------------------------------- */

/* where(keep, NAME(...), 0.25): wherever `keep` is false, whatever the operands, the
 * value is 0.25 and the gradient exactly 0; elsewhere all is as without the guard. */
static void check_guarded(enum lj_op op, const struct setting *setting)
{
  char text[256];
  struct operands operands = operands_of(op, setting->dtype);
  write_text(text, sizeof text, op, &operands, "keep: bool[batch, n]; where(keep, ",
             ", 0.25)");
  struct test_trial trial;
  test_trial_begin(&trial, compile(engine_for("host"), text, &operands), setting->n,
                   true, MOST);
  fill(&trial, op, &operands);
  struct test_array *keep = &trial.inputs[operands.count];
  for (int64_t i = 0; i < keep->count; i++)
    test_set(keep, i, !is_special(&operands, i));
  test_trial_call(&trial, MOST);
  compare(&trial, op, text, "host");
  for (int64_t i = 0; i < keep->count; i++) {
    if (test_get(keep, i))
      continue;
    double value = test_get(&trial.output[TEST_KERNEL], i);
    if (value != 0.25)
      complain(&trial, text, "host", "value", i, value, 0.25, INFINITY);
    for (size_t k = 0; k < trial.gradient_count; k++) {
      double gradient = test_get(&trial.gradients[TEST_KERNEL][k], i);
      if (gradient != 0)
        complain(&trial, text, "host", "gradient", i, gradient, 0, INFINITY);
    }
  }
  test_trial_end(&trial);
}

static void the_branch_not_taken_leaves_no_trace(void **state)
{
  enum lj_op op = (enum lj_op)(uintptr_t)*state;
  check_guarded(op, &(struct setting){"host", LOSSJIT_F32, 3});
  check_guarded(op, &(struct setting){"host", LOSSJIT_F64, 1});
}

/* ---- the tests: one of each kind per row ----------------------------------------- */

static bool takes_integers(const struct lj_op_info *info)
{
  return info->type == LJ_TYPE_NUMBER || info->type == LJ_TYPE_COMPARE ||
         info->type == LJ_TYPE_CHOICE;
}

static char names[3 * LJ_OP_COUNT][64];

static void add(struct CMUnitTest *tests, size_t *count, enum lj_op op,
                const char *what, CMUnitTestFunction function)
{
  char *name = names[*count];
  snprintf(name, sizeof names[0], "%s: %s", lj_op_table[op].name, what);
  tests[(*count)++] =
      (struct CMUnitTest){name, function, NULL, NULL, (void *)(uintptr_t)op};
}

int main(void)
{
  static struct CMUnitTest tests[3 * LJ_OP_COUNT];
  size_t count = 0;
  for (enum lj_op op = LJ_OP_FIRST_ELEMENTWISE; op < LJ_OP_FIRST_ROW; op++) {
    const struct lj_op_info *info = &lj_op_table[op];
    add(tests, &count, op, "kernel and interpreter", kernel_matches_the_interpreter);
    if (takes_integers(info))
      add(tests, &count, op, "integers", integers_stay_integers);
    if (operands_of(op, LOSSJIT_F32).differentiable_count)
      add(tests, &count, op, "guarded", the_branch_not_taken_leaves_no_trace);
  }
  return _cmocka_run_group_tests("operators", tests, count, make_engines,
                                 release_engines);
}
