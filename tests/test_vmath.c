/*
 * The inline elementary functions against references of higher precision: each
 * function, in f32 and f64, at four widths, for every target that this machine can run.
 *
 * `rows` is the statement of what each function promises: the interval that matters
 * most for it and its bounds in units in the last place. Operands are special values,
 * numbers from the interval, and random bit patterns. Results of one target must not
 * depend on the width: a row in registers and its tail give the same numbers.
 *
 *     test_vmath                      the test
 *     test_vmath NAME                 one row, with the worst cases found
 *     test_vmath --exhaustive [NAME]  all 2^32 operands of each unary function in f32
 */
#include "tests/support/vmath_kernel.h"
#include "tests/support/vmath_reference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef bool domain(double a, bool is_f64);

struct row {
  const char *name;
  lj_vmath_unary *unary;
  lj_vmath_binary *binary;
  lj_reference *reference;
  double low, high; /* operands of interest; a's, for two operands */
  double ulps_f32, ulps_f64;
  double floor_f32, floor_f64; /* smaller results are judged by the unit of this one */
  domain *domain; /* where the function means something; NULL: everywhere */
};

/* Subnormal results may be 0, so their operands are left out. */
static bool gives_0_or_normal(double a, bool is_f64)
{
  double last = is_f64 ? -708.396418532264 : -87.33654, first_0 = is_f64 ? -750 : -110;
  return isnan(a) || (a <= 0 && a >= last) || a <= first_0;
}

static bool is_positive_normal(double a, bool is_f64)
{
  return a >= (is_f64 ? 0x1p-1022 : 0x1p-126) && !isinf(a);
}

#define ROW(name, unary, binary, low, high, ...)                                       \
  {#name, unary, binary, lj_ref_##name, low, high, __VA_ARGS__}
#define UNARY(name, low, high, ...)                                                    \
  ROW(name, lj_vmath_##name, NULL, low, high, __VA_ARGS__)
#define BINARY(name, low, high, ...)                                                   \
  ROW(name, NULL, lj_vmath_##name, low, high, __VA_ARGS__)

/* clang-format off */
static const struct row rows[] = {
    /*    name             operands      f32  f64  ulp, and floors */
    UNARY(exp,             -10, 10,      1.5, 1.5, 0, 0, NULL),
    UNARY(exp_nonpositive, -10, 0,       1.5, 1.5, 0, 0, gives_0_or_normal),
    UNARY(exp2,            -10, 10,      1.5, 1.5, 0, 0, NULL),
    UNARY(expm1,           -5, 5,        2,   2,   0, 0, NULL),
    UNARY(log,             0.3, 3,       1.5, 1.5, 0, 0, NULL),
    UNARY(log_positive,    0.3, 3,       1.5, 1.5, 0, 0, is_positive_normal),
    UNARY(log2,            0.3, 3,       2,   2,   0, 0, NULL),
    UNARY(log10,           0.3, 3,       2,   2,   0, 0, NULL),
    UNARY(log1p,           -0.9, 2,      2,   2,   0, 0, NULL),
    UNARY(tanh,            -4, 4,        2,   2,   0, 0, NULL),
    UNARY(sigmoid,         -20, 20,      2,   2,   0, 0, NULL),
    UNARY(softplus,        -20, 20,      2,   2,   0, 0, NULL),
    UNARY(log_sigmoid,     -20, 20,      2,   2,   0, 0, NULL),
    UNARY(erf,             -4, 4,        2,   2,   0, 0, NULL),
    UNARY(erfc,            -4, 10,       1,   6,   0, 0, NULL),
    UNARY(norm_cdf,        -10, 5,       1,   6,   0, 0, NULL),
    UNARY(log_ndtr,        -10, 5,       1,   6,   0, 0, NULL),
    UNARY(lgamma,          -6, 12,       1,   6,   0, 1, NULL),
    UNARY(digamma,         -6, 12,       1,   16,  0, 1, NULL),
    UNARY(trigamma,        -6, 12,       1,   6,   0, 0, NULL),
    UNARY(sqrt,            0, 10,        0.5, 0.5, 0, 0, NULL),
    UNARY(rsqrt,           0, 10,        1.5, 1.5, 0, 0, NULL),
    UNARY(floor,           -10, 10,      0,   0,   0, 0, NULL),
    UNARY(ceil,            -10, 10,      0,   0,   0, 0, NULL),
    UNARY(round,           -10, 10,      0,   0,   0, 0, NULL),
    UNARY(trunc,           -10, 10,      0,   0,   0, 0, NULL),
    BINARY(pow,            0, 3,         1,   1.5, 0, 0, NULL),
    BINARY(xlogy,          0, 2,         2,   2,   0, 0, NULL),
    BINARY(logaddexp,      -4, 4,        2,   2,   1, 1, NULL),
};
/* clang-format on */

/* ---- operands -------------------------------------------------------------------- */

enum { SPECIALS = 64, COUNT = 64 * 1024 }; /* COUNT is a multiple of every width */

struct operands {
  bool is_f64;
  void *a, *b, *y, *first; /* [COUNT] float or double */
  long double *reference;
};

static double get(const void *array, size_t i, bool is_f64)
{
  return is_f64 ? ((const double *)array)[i] : (double)((const float *)array)[i];
}

static void set(void *array, size_t i, bool is_f64, double value)
{
  if (is_f64)
    ((double *)array)[i] = value;
  else
    ((float *)array)[i] = (float)value;
}

static uint64_t next_random(uint64_t *state)
{
  *state += 0x9e3779b97f4a7c15; /* splitmix64 */
  uint64_t z = *state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

static double uniform(uint64_t *state)
{
  return (double)(next_random(state) >> 11) * 0x1p-53;
}

static double random_bits(uint64_t *state, bool is_f64)
{
  uint64_t bits = next_random(state);
  uint32_t narrow = (uint32_t)bits;
  double wide;
  float single;
  memcpy(&wide, &bits, sizeof wide);
  memcpy(&single, &narrow, sizeof single);
  return is_f64 ? wide : (double)single;
}

/* Both signs of: zero, the ends of the subnormal and normal numbers, infinity, NaN,
 * small integers and halves with their neighbours, and the places where exp, tanh and
 * the like change their method or overflow. */
static double special(int i, bool is_f64)
{
  static const double both[] = {0,
                                INFINITY,
                                NAN,
                                1,
                                2,
                                0.5,
                                1.5,
                                2.5,
                                3,
                                10,
                                100,
                                0.1,
                                0.55,
                                88.72284,
                                89,
                                104,
                                709.782712893384,
                                710,
                                746,
                                1e6};
  double tiny = is_f64 ? 0x1p-1074 : 0x1p-149, small = is_f64 ? 0x1p-1022 : 0x1p-126;
  double big = is_f64 ? 0x1.fffffffffffffp1023 : 0x1.fffffep127;
  double unit = is_f64 ? 0x1p-52 : 0x1p-23;
  const double own[] = {tiny,     small,    small - tiny,    big,
                        unit,     1 + unit, 1 - unit,        0.5 - unit,
                        1 / unit, 2 / unit, 0.5 / unit + 0.5};
  int kinds = (int)(LJ_COUNT(both) + LJ_COUNT(own));
  int kind = i / 2 % kinds;
  double value =
      kind < (int)LJ_COUNT(both) ? both[kind] : own[kind - (int)LJ_COUNT(both)];
  return i & 1 ? -value : value;
}

static void fill(struct operands *to, const struct row *row)
{
  bool wide = to->is_f64;
  uint64_t state = 42;
  for (int i = 0; i < COUNT; i++) {
    bool near = i & 1;
    double a = row->low + (row->high - row->low) * uniform(&state);
    double b = near ? 4 * uniform(&state) - 1 : random_bits(&state, wide);
    if (!near)
      a = random_bits(&state, wide);
    if (i < SPECIALS * SPECIALS) {
      a = i < SPECIALS ? special(i, wide) : special(i / SPECIALS, wide);
      b = special(i % SPECIALS, wide);
      if (!row->binary && i >= SPECIALS)
        a = random_bits(&state, wide);
    }
    while (row->domain && !row->domain(a, wide))
      a = row->low + (row->high - row->low) * uniform(&state);
    set(to->a, (size_t)i, wide, a);
    set(to->b, (size_t)i, wide, b);
  }
  for (size_t i = 0; i < COUNT; i++)
    to->reference[i] = row->reference(get(to->a, i, wide), get(to->b, i, wide));
}

static void allocate(struct operands *operands)
{
  operands->a = malloc(COUNT * sizeof(double));
  operands->b = malloc(COUNT * sizeof(double));
  operands->y = malloc(COUNT * sizeof(double));
  operands->first = malloc(COUNT * sizeof(double));
  operands->reference = malloc(COUNT * sizeof(long double));
  assert_true(operands->a && operands->b && operands->y && operands->first &&
              operands->reference);
}

static void release(struct operands *operands)
{
  free(operands->a);
  free(operands->b);
  free(operands->y);
  free(operands->first);
  free(operands->reference);
}

/* ---- the test -------------------------------------------------------------------- */

static bool verbose;

static void compile(const struct lj_target *target, const struct row *row, bool is_f64,
                    struct lj_vmath_code *code)
{
  struct lj_trap trap;
  if (setjmp(trap.escape))
    fail_msg("%s for %s: %s", row->name, target->name, trap.message);
  lj_vmath_compile(target, row->unary, row->binary, is_f64, &trap, code);
}

/* Compare y with the reference; the number of operands beyond the bound. */
static int judge(const struct operands *o, const struct row *row,
                 const struct lj_target *target, const struct lj_vmath_code *code)
{
  double worst = 0, bound = o->is_f64 ? row->ulps_f64 : row->ulps_f32;
  size_t at = 0;
  int bad = 0;
  for (size_t i = 0; i < COUNT; i++) {
    double y = get(o->y, i, o->is_f64),
           floor = o->is_f64 ? row->floor_f64 : row->floor_f32;
    double error = lj_ulps(y, o->reference[i], floor, o->is_f64);
    bad += error > bound;
    if (error > worst) {
      worst = error;
      at = i;
    }
  }
  if (bad || verbose)
    print_message("%-12s %s %-8s %3u instructions, %.3f ulp (bound %g, %d beyond) at "
                  "%a %a: %a, not %La\n",
                  row->name, o->is_f64 ? "f64" : "f32", target->name,
                  code->instructions, worst, bound, bad, get(o->a, at, o->is_f64),
                  get(o->b, at, o->is_f64), get(o->y, at, o->is_f64), o->reference[at]);
  return bad;
}

static int count_differences(const struct operands *o)
{
  int differences = 0;
  for (size_t i = 0; i < COUNT; i++) {
    double y = get(o->y, i, o->is_f64), first = get(o->first, i, o->is_f64);
    differences += y != first && (y == y || first == first);
  }
  return differences;
}

static int check(const struct row *row, const struct lj_target *target,
                 struct operands *operands)
{
  struct lj_vmath_code code;
  compile(target, row, operands->is_f64, &code);
  int bad = 0;
  for (int i = 0; i < LJ_VMATH_WIDTHS; i++) {
    code.kernels[i](operands->a, operands->b, operands->y, COUNT);
    if (i == 0) {
      bad = judge(operands, row, target, &code);
      memcpy(operands->first, operands->y, COUNT * sizeof(double));
    }
    int differences = count_differences(operands);
    if (differences)
      print_message("%s %s %s: %d results at %u lanes differ from those at one\n",
                    row->name, operands->is_f64 ? "f64" : "f32", target->name,
                    differences, code.widths[i]);
    bad += differences;
  }
  lj_code_release(code.code);
  return bad;
}

/* ---- targets and names ----------------------------------------------------------- */

enum { MAX_TARGETS = 3 };

/* NULL where the name means nothing on this architecture or the code would not run. */
static struct lj_target *open_target(const char *name)
{
  struct lj_trap trap;
  if (setjmp(trap.escape))
    return NULL;
  struct lj_target *target = lj_target_create(name, NULL, &trap);
  if (target->runs_here)
    return target;
  lj_target_release(target);
  return NULL;
}

static void open_targets(struct lj_target *targets[MAX_TARGETS])
{
  targets[0] = open_target("baseline");
  targets[1] = open_target("avx2");
  targets[2] = open_target("avx512");
}

static void close_targets(struct lj_target *targets[MAX_TARGETS])
{
  for (int i = 0; i < MAX_TARGETS; i++)
    lj_target_release(targets[i]);
}

static int check_row(const struct row *row)
{
  struct lj_target *targets[MAX_TARGETS];
  struct operands operands;
  int bad = 0;
  open_targets(targets);
  allocate(&operands);
  for (int wide = 0; wide < 2; wide++) {
    operands.is_f64 = wide;
    fill(&operands, row);
    for (int i = 0; i < MAX_TARGETS; i++)
      bad += targets[i] ? check(row, targets[i], &operands) : 0;
  }
  release(&operands);
  close_targets(targets);
  return bad;
}

/* One cmocka test for each row, which it finds in its state. */
static void test_row(void **state)
{
  assert_int_equal(check_row(*state), 0);
}

static int run_rows(void)
{
  struct CMUnitTest tests[LJ_COUNT(rows)];
  for (size_t i = 0; i < LJ_COUNT(rows); i++)
    tests[i] =
        (struct CMUnitTest){rows[i].name, test_row, NULL, NULL, (void *)&rows[i]};
  return _cmocka_run_group_tests("vmath", tests, LJ_COUNT(rows), NULL, NULL);
}

/* ---- on demand ------------------------------------------------------------------- */

static void look_at(const char *name)
{
  verbose = true;
  for (size_t i = 0; i < LJ_COUNT(rows); i++)
    if (strcmp(rows[i].name, name) == 0)
      check_row(&rows[i]);
}

/* The worst of one row so far. */
struct worst {
  double error;
  float at;
  int64_t beyond; /* operands beyond the bound */
};

/* One block of operands: f32 against our own f64, which is fast and which the test
 * above has measured; what looks bad is judged again by the long double reference. So
 * is every 61st operand whatever it looks like, because some functions compute f32 by
 * the very code of f64 and would agree with it in being wrong. */
static void judge_block(const struct row *row, const float *a, const float *y,
                        const double *near, size_t count, size_t phase,
                        struct worst *worst)
{
  for (size_t i = 0; i < count; i++) {
    float rounded = (float)near[i];
    bool sampled = i % 61 == phase;
    if (!sampled && memcmp(&rounded, &y[i], sizeof rounded) == 0)
      continue;
    double error = sampled ? INFINITY : lj_ulps((double)y[i], near[i], 0, false);
    if (error > 0.9 * row->ulps_f32)
      error = lj_ulps((double)y[i], row->reference((double)a[i], 0), 0, false);
    worst->beyond += error > row->ulps_f32;
    if (error > worst->error) {
      worst->error = error;
      worst->at = a[i];
    }
  }
}

static struct worst sweep(const struct row *row, const struct lj_vmath_code code[2])
{
  enum { BLOCK = 4096 };
  static float a[BLOCK], y[BLOCK];
  static double wide_a[BLOCK], near[BLOCK];
  struct worst worst = {0, 0, 0};
  for (uint64_t start = 0; start < UINT64_C(1) << 32; start += BLOCK) {
    for (uint32_t i = 0; i < BLOCK; i++) {
      uint32_t bits = (uint32_t)start + i;
      memcpy(&a[i], &bits, sizeof bits);
      wide_a[i] = (double)a[i];
    }
    code[0].kernels[LJ_VMATH_WIDTHS - 1](a, NULL, y, BLOCK);
    code[1].kernels[LJ_VMATH_WIDTHS - 1](wide_a, NULL, near, BLOCK);
    judge_block(row, a, y, near, BLOCK, start / BLOCK % 61, &worst);
  }
  return worst;
}

static int sweep_row(const struct row *row)
{
  struct lj_target *targets[MAX_TARGETS];
  int bad = 0;
  open_targets(targets);
  for (int i = 0; i < MAX_TARGETS; i++) {
    struct lj_vmath_code code[2];
    if (!targets[i])
      continue;
    for (int wide = 0; wide < 2; wide++)
      compile(targets[i], row, wide, &code[wide]);
    struct worst worst = sweep(row, code);
    print_message("%-12s %-8s %.3f ulp at %a (bound %g, %lld beyond)\n", row->name,
                  targets[i]->name, worst.error, (double)worst.at, row->ulps_f32,
                  (long long)worst.beyond);
    fflush(stdout);
    bad += worst.beyond > 0;
    for (int wide = 0; wide < 2; wide++)
      lj_code_release(code[wide].code);
  }
  close_targets(targets);
  return bad;
}

static int run_exhaustive(const char *name)
{
  int bad = 0;
  for (size_t i = 0; i < LJ_COUNT(rows); i++)
    if (rows[i].unary && !rows[i].domain && (!name || strcmp(rows[i].name, name) == 0))
      bad += sweep_row(&rows[i]);
  return bad;
}

int main(int argc, char **argv)
{
  if (argc > 1 && strcmp(argv[1], "--exhaustive") == 0)
    return run_exhaustive(argc > 2 ? argv[2] : NULL) != 0;
  if (argc > 1)
    return look_at(argv[1]), 0;
  return run_rows();
}
