/*
 * Folding and simplifying: what the rules do, what they must leave alone, and that
 * values stay the same bit for bit, also at zeros of either sign, infinities and NaN.
 *
 * Texts go through the checker, which builds without folding, and lj_simplify; what
 * comes out is compared as text. x and y are f64[batch], a is f64[batch, 3], i is
 * i64[batch].
 */
#include "compiler/fold.h"
#include "tests/check_session.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DECLARED "x:f64:B y:f64:B a:f64:B,3 w:f64:3 i:i64:B k:i32:B p=0.5"

struct row {
  const char *text, *expected;
};

/* A text as a graph that has been checked and nothing more; the trap is armed. */
static void open_text(struct lj_check_session *s, const char *text)
{
  lj_check_session_begin(s, text, DECLARED);
  s->request.result = LOSSJIT_ELEMENTWISE;
  s->request.default_dtype = LJ_F64;
  s->request.no_gradient = true;
  lj_check_session_check(s);
  if (!s->good)
    fail_msg("%s\n%s", text, lj_check_session_text(s));
}

static const char *simplified(struct lj_check_session *s)
{
  struct lj_text text = {.arena = &s->arena};

  lj_simplify(&s->checked.graph, &s->checked.value, 1);
  lj_graph_print(&text, &s->checked.graph, s->checked.value, false);
  return text.text;
}

static void expect_rows(const struct row *rows, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    struct lj_check_session s;
    open_text(&s, rows[i].text);
    if (setjmp(s.trap.escape))
      fail_msg("%s\n%s", rows[i].text, s.trap.message);
    const char *found = simplified(&s);
    if (strcmp(found, rows[i].expected) != 0)
      fail_msg("%s\ngives    %s\nexpected %s", rows[i].text, found, rows[i].expected);
    lj_check_session_end(&s);
  }
}

/* ---- what the rules do ----------------------------------------------------------- */

static void constants_fold_in_f64(void **state)
{
  static const struct row rows[] = {
      {"x*(2 + 3)", "5*x"},
      {"x + (0.1 + 0.2)", "x + 0.30000000000000004"},
      {"x + 1/3", "x + 1/3"},
      {"x + 2*pi", "x + 2*pi"},
      {"x + sqrt(2*pi)", "x + sqrt(2*pi)"},
      {"x + log(2)", "x + log(2)"},
      {"x*log(0)", "-inf*x"},
      {"x*where(True, 2, 3)", "2*x"},
      {"a*(2*[0.3, 0.7, 1])", "a*[0.6, 1.4, 2]"},
      {"a*[1, 2, 3][::-1]", "a*[3, 2, 1]"},
      {"a*[[1, 2, 3], [4, 5, 6]][1]", "a*[4, 5, 6]"},
      {"x*[1, 2, 3][1]", "2*x"},
      {"a*where([0.5, 2, 3] > 1, 1, 0)", "a*[0, 1, 1]"},
  };

  (void)state;
  expect_rows(rows, LJ_COUNT(rows));
}

static void identities_vanish(void **state)
{
  static const struct row rows[] = {
      {"-(-x)", "x"},         {"x - 0", "x"},
      {"x + -0.0", "x"},      {"1*x", "x"},
      {"x*1.0", "x"},         {"x/1", "x"},
      {"x/-1", "-x"},         {"-1*x", "-x"},
      {"x**1", "x"},          {"x**2", "square(x)"},
      {"x**0 + y", "1 + y"},  {"x**-1", "1/x"},
      {"x*x", "square(x)"},   {"x + x", "2*x"},
      {"maximum(x, x)", "x"}, {"square(-x)", "square(x)"},
      {"abs(-x)", "abs(x)"},  {"abs(square(x))", "square(x)"},
      {"cast(x, f64)", "x"},  {"cast(cast(x > 0, i32), f64)", "cast(x > 0, f64)"},
  };

  (void)state;
  expect_rows(rows, LJ_COUNT(rows));
}

static void signs_and_powers_of_two_move(void **state)
{
  static const struct row rows[] = {
      {"x + -y", "x - y"},
      {"-x + y", "y - x"},
      {"x - -y", "x + y"},
      {"x + -2*y", "x - 2*y"},
      {"-x*-y", "x*y"},
      {"x*-y", "-x*y"},
      {"x/-y", "-x/y"},
      {"x*2", "2*x"},
      {"-(3*x)", "-3*x"},
      {"2*(0.5*x)", "x"},
      {"2*(3*x)", "6*x"},
      {"x*(2*y)", "2*x*y"},
      {"(2*x)/y", "2*x/y"},
      {"x/4", "0.25*x"},
      {"2*(p*x)", "2*p*x"},
      {"2*(x*y)*4", "8*x*y"},
      {"2*(a*[0.3, 0.7, 1])", "a*[0.6, 1.4, 2]"},
      {"sum(-a, axis=1)", "-sum(a, axis=-1)"},
      {"mean(2*a, axis=1)", "2*mean(a, axis=-1)"},
  };

  (void)state;
  expect_rows(rows, LJ_COUNT(rows));
}

static void truth_is_folded(void **state)
{
  static const struct row rows[] = {
      {"where(x > 0, y, y)", "y"},
      {"where(~(x > 0), x, y)", "where(x > 0, y, x)"},
      {"where(x > 0, where(x > 0, x, 3), y)", "where(x > 0, x, y)"},
      {"where(x > 0, x, where(x > 0, 3, y))", "where(x > 0, x, y)"},
      {"where(x > 0, where(y > 0, x, 0), 0)", "where((x > 0) & (y > 0), x, 0)"},
      {"where(~~(x > 0), x, y)", "where(x > 0, x, y)"},
      {"where((x > 0) & (x > 0), x, y)", "where(x > 0, x, y)"},
      {"where((x > 0) | ~(x > 0), x, y)", "x"},
      {"where((x > 0) & False, x, y)", "y"},
      {"where((x > 0) & ((x > 0) | (y > 0)), x, y)", "where(x > 0, x, y)"},
      {"where(~(x == 0), x, y)", "where(x != 0, x, y)"},
      {"where(x > 0, cast(1, f64), 0)", "cast(x > 0, f64)"},
      {"where(sqrt(square(x) + 1) == 0, 0, y)", "y"},
      {"where(maximum(x, 1e-7) != 0, y, 0)", "y"},
  };

  (void)state;
  expect_rows(rows, LJ_COUNT(rows));
}

static void views_move_to_the_leaves(void **state)
{
  static const struct row rows[] = {
      {"exp(a)[:, 0]", "exp(a[:, 0])"},
      {"(a + w)[:, 1:]", "a[:, 1:] + w[1:]"},
      {"(a*x[:, None])[:, 1]", "a[:, 1]*x"},
      {"(-exp(a))[:, ::-1]", "-exp(a[:, ::-1])"},
      {"a[:, 1:][:, 0]", "a[:, 1]"},
      {"a[:, ::-1][:, ::-1]", "a"},
      {"a[:, None][:, 0]", "a"},
      {"sum(a[:, :, None]*w, axis=2)[:, 1]", "sum(a[:, 1:2]*w, axis=-1)"},
      {"softmax(a[:, :, None]*w, axis=2)[:, 1]", "softmax(a[:, 1:2]*w, axis=-1)"},
      /* what repeats is computed once, and repeated only where it has to be */
      {"exp(broadcast_to(x[:, None], [shape(x)[0], 3]))",
       "broadcast_to(exp(x[:, None]), [shape(x)[0], 3])"},
      {"a + broadcast_to(w, shape(a))", "a + w"},
      {"sum(broadcast_to(x[:, None], [shape(x)[0], 3]), axis=1)", "3*x"},
      {"mean(broadcast_to(x[:, None], [shape(x)[0], 3]), axis=1)", "x"},
      {"sum(x[:, None], axis=1)", "x"},
      {"max(x[:, None], axis=1)", "x"},
      {"(sum(a, axis=1, keepdims=True)/3)[:, 0]", "sum(a, axis=-1)/3"},
  };

  (void)state;
  expect_rows(rows, LJ_COUNT(rows));
}

/* Requirement 6: what a view shares with other uses must not be computed again. */
static void new_axes_stay_outside(void **state)
{
  static const struct row rows[] = {
      {"exp(x)[:, None]*a", "exp(x)[:, None]*a"},
      {"a*exp(a[:, 0])[:, None]", "a*exp(a[:, 0])[:, None]"},
      {"exp(a)[:, None, 0]*a", "exp(a[:, 0])[:, None]*a"},
  };

  (void)state;
  expect_rows(rows, LJ_COUNT(rows));
}

static void stability_rewrites(void **state)
{
  static const struct row rows[] = {
      {"log(softmax(a))", "log_softmax(a, axis=-1)"},
      {"log(softmax(a)[:, 0])", "log_softmax(a, axis=-1)[:, 0]"},
      {"log(gather(softmax(a), i))", "gather(log_softmax(a, axis=-1), i)"},
      {"exp(log_softmax(a))", "softmax(a, axis=-1)"},
      {"log(sigmoid(x))", "log_sigmoid(x)"},
      {"log(1 - sigmoid(x))", "log_sigmoid(-x)"},
      {"log(1 + exp(x))", "softplus(x)"},
      {"log1p(exp(-x))", "softplus(-x)"},
      {"log(1 + x)", "log1p(x)"},
      {"log(1 - x)", "log1p(-x)"},
      {"exp(x) - 1", "expm1(x)"},
      {"1 - exp(-x)", "-expm1(-x)"},
      {"log(exp(x))", "x"},
      {"log(sum(exp(a), axis=1))", "logsumexp(a, axis=-1)"},
      {"log(sum(exp(a), axis=1, keepdims=True))*a",
       "logsumexp(a, axis=-1, keepdims=True)*a"},
      {"x*log(x)", "xlogy(x, x)"},
      {"1/x*y", "y/x"},
      {"1/sum(a, axis=1, keepdims=True)*a", "1/sum(a, axis=-1, keepdims=True)*a"},
      {"1/(x/y)", "y/x"},
  };

  (void)state;
  expect_rows(rows, LJ_COUNT(rows));
}

static void every_rewrite_says_what_it_does(void **state)
{
  (void)state;
  for (const struct lj_stable_rewrite *r = lj_stable_rewrites; r->name; r++) {
    assert_non_null(r->from);
    assert_non_null(r->to);
    assert_non_null(r->apply);
    for (const struct lj_stable_rewrite *other = lj_stable_rewrites; other < r; other++)
      assert_string_not_equal(r->name, other->name);
  }
}

/* ---- what they leave alone ------------------------------------------------------- */

static void what_is_not_exact_stays(void **state)
{
  static const struct row rows[] = {
      {"0*x", "0*x"},
      {"x + 0", "x + 0"},
      {"x - x", "x - x"},
      {"0 - x", "0 - x"},
      {"x/x", "x/x"},
      {"x/3", "x/3"},
      {"x**0.5", "power(x, 0.5)"},
      {"3*(5*x)", "3*(5*x)"},
      {"0.3*(x*y)", "0.3*(x*y)"},
      {"where(~(x < y), x, y)", "where(x < y, y, x)"},
      {"-(x - y)", "-(x - y)"},
      {"exp(log(x))", "exp(log(x))"},
      {"log(sum(exp(a - max(a, axis=1, keepdims=True)), axis=1))",
       "log(sum(exp(a - max(a, axis=-1, keepdims=True)), axis=-1))"},
      {"cast(k)*0.5/2", "0.25*cast(k, f64)"},
      {"cast(cast(x, f32), f64)", "cast(cast(x, f32), f64)"},
  };

  (void)state;
  expect_rows(rows, LJ_COUNT(rows));
}

/* ---- values ---------------------------------------------------------------------- */

#define BATCH 60

/* Numbers of all kinds; the same for every text. */
static double sample(int at)
{
  static const double special[] = {0,         -0.0, 1,   -1, INFINITY,
                                   -INFINITY, NAN,  0.5, -3, 1e-3};
  const int count = (int)LJ_COUNT(special);

  return at % 3 ? special[at * 7 % count] : 4 * sin(at * 12.9898);
}

static const double *values(struct lj_check_session *s, lj_id root)
{
  static double data[5][3 * BATCH];
  const struct lj_graph *graph = &s->checked.graph;
  const double *inputs[8] = {0};
  int64_t symbols[8] = {0, BATCH};
  double parameters[4] = {0.5};

  for (uint32_t i = 0; i < graph->input_count; i++) {
    bool integer = lj_dtype_is_integer((enum lj_dtype)graph->inputs[i].dtype);
    for (int at = 0; at < 3 * BATCH; at++)
      data[i][at] = integer ? at % 3 : sample(at + 11 * (int)i);
    inputs[i] = data[i];
  }
  struct lj_evaluation with = {.graph = graph,
                               .batch = BATCH,
                               .inputs = inputs,
                               .parameters = parameters,
                               .symbol_values = symbols};
  return lj_evaluate(&s->arena, &with, root, NULL);
}

static bool same(double a, double b)
{
  if (isnan(a) || isnan(b))
    return isnan(a) && isnan(b);
  return a == b && signbit(a) == signbit(b);
}

/* Every rule of the exact kind in some text, nested so that rules meet. */
static void values_stay_the_same_bit_for_bit(void **state)
{
  static const char *const texts[] = {
      "-(-x) + y*1 - 0",
      "x + -y",
      "-x + y",
      "-x*-y + x*-y - -y",
      "x + -2*y - -3*x",
      "2*(0.5*x) + x*(2*y) + (2*x)/y",
      "x/4 + x/-1 + 2*(3*x)",
      "-(3*x)/(-y)",
      "x**1 + y**2 + x**0 + y**-1",
      "square(-x) + abs(-y) + abs(abs(x)) + x*x + y + y",
      "maximum(x, x) + minimum(x, 0)*2",
      "2*(a*[0.3, 0.7, 1]) + a*(2*[1, 2, 3])",
      "where(x > 0, where(x > 0, x, 3), where(x > 0, 3, y))",
      "where(~(x < y), x, y) + where((x > 0) & (y > 0) | ~(x > 0), x, y)",
      "where(x > 0, where(y > 0, x, 0), 0)",
      "where(x > 0, 1, 0) + where(x > 0, 0, 1)*y",
      "where(sqrt(square(x) + 1) == 0, 0, y)",
      "where(i == k, -2, 0) + square(x)",
      "exp(a)[:, 0] + (a + w)[:, 1:][:, ::-1][:, 0]",
      "(a*x[:, None] + w)[:, 1] + max(a, axis=1)[:, None][:, 0]",
      "max(a[:, :, None]*w, axis=2)[:, 1]",
      "exp(broadcast_to(x[:, None], [shape(x)[0], 3]))*a",
      "cast(i)*2/4 + cast(cast(x > 0, i32), f64)",
      "p*(2*x) + (p*x)*-4 + -p*y",
      "a/2*[1, 2, 4]*2",
  };

  (void)state;
  for (size_t i = 0; i < LJ_COUNT(texts); i++) {
    struct lj_check_session s;
    open_text(&s, texts[i]);
    if (setjmp(s.trap.escape))
      fail_msg("%s\n%s", texts[i], s.trap.message);
    const double *before = values(&s, s.checked.value);
    simplified(&s);
    const double *after = values(&s, s.checked.value);
    const struct lj_node *node = lj_node_at(&s.checked.graph, s.checked.value);
    int64_t count = BATCH * (node->rank == 2 ? node->shape[1].offset : 1);
    for (int64_t at = 0; at < count; at++)
      if (!same(before[at], after[at]))
        fail_msg("%s\nelement %d was %g and is %g", texts[i], (int)at, before[at],
                 after[at]);
    lj_check_session_end(&s);
  }
}

/* Simplifying twice does nothing the second time. */
static void simplifying_is_done_once(void **state)
{
  static const char *const texts[] = {
      "2*(a*[0.3, 0.7, 1])*x[:, None]*-1",
      "mean(square(a - w), axis=1)[:, None]*softmax(a)",
      "where(x > 0, where(y > 0, log(softmax(a)[:, 0]), 0), 0)",
      "(-a)[:, None] - 2*(x[:, None, None]*-exp(-a)[:, None])",
  };

  (void)state;
  for (size_t i = 0; i < LJ_COUNT(texts); i++) {
    struct lj_check_session s;
    open_text(&s, texts[i]);
    if (setjmp(s.trap.escape))
      fail_msg("%s\n%s", texts[i], s.trap.message);
    lj_simplify(&s.checked.graph, &s.checked.value, 1);
    lj_id once = s.checked.value;
    lj_simplify(&s.checked.graph, &s.checked.value, 1);
    assert_int_equal(once, s.checked.value);
    lj_check_session_end(&s);
  }
}

/* t*t, 40 times over, is 2^40 paths but 40 nodes; and a view is moved only so far. */
static void views_of_shared_and_deep_parts_stay_cheap(void **state)
{
  static const struct {
    const char *step;
    int times;
  } rows[] = {{"t = t*sigmoid(t);", 40},
              {"t = t[:, ::-1]*t;", 40},
              {"t = softmax(t);", 3000},
              {"t = sigmoid(t);", 3000}};

  (void)state;
  for (size_t i = 0; i < LJ_COUNT(rows); i++) {
    size_t length = strlen(rows[i].step);
    char *text = calloc(1, length * (size_t)rows[i].times + 40);
    strcpy(text, "t = a;");
    for (int k = 0; k < rows[i].times; k++)
      strcpy(text + 6 + length * (size_t)k, rows[i].step);
    strcat(text, "t[:, 0]");
    struct lj_check_session s;
    open_text(&s, text);
    if (setjmp(s.trap.escape))
      fail_msg("%s: %s", rows[i].step, s.trap.message);
    lj_simplify(&s.checked.graph, &s.checked.value, 1);
    assert_in_range(s.checked.graph.node_count, rows[i].times, 20 * rows[i].times);
    lj_check_session_end(&s);
    free(text);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(constants_fold_in_f64),
      cmocka_unit_test(identities_vanish),
      cmocka_unit_test(signs_and_powers_of_two_move),
      cmocka_unit_test(truth_is_folded),
      cmocka_unit_test(views_move_to_the_leaves),
      cmocka_unit_test(new_axes_stay_outside),
      cmocka_unit_test(stability_rewrites),
      cmocka_unit_test(every_rewrite_says_what_it_does),
      cmocka_unit_test(what_is_not_exact_stays),
      cmocka_unit_test(values_stay_the_same_bit_for_bit),
      cmocka_unit_test(simplifying_is_done_once),
      cmocka_unit_test(views_of_shared_and_deep_parts_stay_cheap),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
