/*
 * What the checker refuses and what it says: each diagnostic with its code, the part of
 * the text under the caret, what the message must mention, and the fix. Every text here
 * has exactly one thing to say about it, unless the test is about several.
 */
#include "tests/check_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct row {
  const char *text, *declared;
  const char *code;
  const char *at;      /* the part of the text it points at */
  const char *says;    /* in the message, notes or fix; NULL: nothing special */
  const char *replace; /* the fix's replacement; NULL: none */
};

static void describe(struct lj_check_session *s, const struct row *row,
                     const char *what)
{
  fail_msg("%s\n%s:\n%s", row->text, what, lj_check_session_text(s));
}

static void check_row(const struct row *row)
{
  struct lj_check_session s;
  const lossjit_diagnostic *said;
  size_t length = strlen(row->at);

  lj_check_session_run(&s, row->text, row->declared);
  said = lossjit_diagnostics_get(s.list, 0);
  if (!said || lossjit_diagnostics_count(s.list) != 1)
    describe(&s, row, "not exactly one diagnostic");
  if (strcmp(said->code, row->code) != 0)
    describe(&s, row, "another code");
  if (said->span.end - said->span.begin != length ||
      strncmp(row->text + said->span.begin, row->at, length) != 0)
    describe(&s, row, "another place");
  if (row->says && !strstr(lj_check_session_text(&s), row->says))
    describe(&s, row, "does not say what it should");
  if (!said->replacement != !row->replace ||
      (row->replace && strcmp(said->replacement, row->replace) != 0))
    describe(&s, row, said->replacement ? said->replacement : "no replacement");
  lj_check_session_end(&s);
}

static void check_all(const struct row *rows, size_t count)
{
  for (size_t i = 0; i < count; i++)
    check_row(&rows[i]);
}

#define CHECK_ALL(rows) check_all(rows, LJ_COUNT(rows))

/* ---- the contract ---------------------------------------------------------------- */

static void test_ignored_prediction(void **state)
{
  static const struct row rows[] = {
      {"mean(square(y_true - y_true), axis=-1)", "", "LJ0401",
       "mean(square(y_true - y_true), axis=-1)", "never mentions 'y_pred'", NULL},
      {"n = shape(y_pred)[-1]; sum(y_true, axis=-1)/n", "", "LJ0401",
       "sum(y_true, axis=-1)/n", "not in the result", NULL},
      {"1.0", "", "LJ0401", "1.0", NULL, NULL},
  };

  (void)state;
  CHECK_ALL(rows);
}

static void test_dead_gradient(void **state)
{
  static const struct row rows[] = {
      {"mean(round(y_pred), axis=-1)", "", "LJ0402", "mean(round(y_pred), axis=-1)",
       "round lets none through", NULL},
      {"mean(cast(y_pred > 0), axis=-1)", "", "LJ0402",
       "mean(cast(y_pred > 0), axis=-1)", "greater lets none through", NULL},
      {"mean(stop_gradient(y_pred)*y_true, axis=-1)", "", "LJ0402",
       "mean(stop_gradient(y_pred)*y_true, axis=-1)", "stop_gradient", NULL},
  };

  (void)state;
  CHECK_ALL(rows);
}

static void test_missing_axis(void **state)
{
  static const struct row rows[] = {
      {"mean(square(y_pred - y_true))", "", "LJ0403", "mean(square(y_pred - y_true))",
       "shape (batch, n)", ", axis=-1)"},
      {"1 + 2*sum(y_pred)", "y_pred:f32:B,2,3", "LJ0403", "sum(y_pred)", "axis=[1, 2]",
       ", axis=[1, 2])"},
      {"mean(square(y_pred))", "y_pred:f32:B", "LJ0403", "mean(square(y_pred))",
       "leave out mean()", "square(y_pred)"},
      {"sum(y_pred, axis=[0, 1])", "", "LJ0403", "sum(y_pred, axis=[0, 1])",
       "inner dimensions only: axis=-1", NULL},
      {"dice(y_true, y_pred)", "", "LJ0403", "dice(y_true, y_pred)",
       "dice() reduces shape (batch, n) over the batch", ", axis=-1)"},
  };

  (void)state;
  CHECK_ALL(rows);
}

static void test_not_per_sample(void **state)
{
  static const struct row rows[] = {
      {"square(y_pred - y_true)", "y_pred:f32:B,2 y_true:f32:B,2", "LJ0404",
       "square(y_pred - y_true)", "(batch, 2)",
       "mean(square(y_pred - y_true), axis=-1)"},
      {"square(y_pred)", "y_pred:f32:B,2,3", "LJ0404", "square(y_pred)",
       "(batch, 2, 3)", "mean(square(y_pred), axis=[1, 2])"},
      {"mean(y_pred, axis=0)", "", "LJ0404", "mean(y_pred, axis=0)",
       "the batch is reduced here", NULL},
      {"result: scalar; square(y_pred)", "", "LJ0408", "square(y_pred)", "(batch, n)",
       "mean(square(y_pred))"},
      {"sum(y_pred)", "y_pred:f32:3", "LJ0405", "y_pred", "no input has a batch", NULL},
  };

  (void)state;
  CHECK_ALL(rows);
}

static void test_result_and_input_types(void **state)
{
  struct lj_check_session s;

  (void)state;
  lj_check_session_begin(&s, "y_pred > 0", "y_pred:f32:B");
  s.request.no_gradient = true;
  assert_false(lj_check_session_check(&s));
  assert_string_equal(lossjit_diagnostics_get(s.list, 0)->code, "LJ0407");
  assert_string_equal(lossjit_diagnostics_get(s.list, 0)->replacement,
                      "cast(y_pred > 0)");
  lj_check_session_end(&s);
  check_row(&(struct row){"y_pred*0.5", "y_pred:i64:B", "LJ0406", "y_pred", "it is i64",
                          NULL});
}

/* ---- shapes ---------------------------------------------------------------------- */

static void test_batch_broadcast(void **state)
{
  static const struct row rows[] = {
      {"mean(square(y_pred - y_true), axis=-1)", "y_pred:f32:B,1 y_true:f32:B",
       "LJ0305", "y_pred - y_true", "(batch, 1) and (batch,)", "y_true[:, None]"},
      {"square(y_pred - y_true)", "y_pred:f32:B,1 y_true:f32:B", "LJ0305",
       "y_pred - y_true", "a dimension of size 1", "y_pred[:, 0]"},
      {"mean(square(y_pred - y_true), axis=-1)", "y_pred:f32:B,3 y_true:f32:B",
       "LJ0305", "y_pred - y_true", "a dimension of size 3", "y_true[:, None]"},
      {"mean((y_true + 1)*y_pred, axis=-1)", "y_pred:f32:B,3 y_true:f32:B", "LJ0305",
       "(y_true + 1)*y_pred", "(batch,) and (batch, 3)", "(y_true + 1)[:, None]"},
      {"y_pred*[0.3, 0.7]", "y_pred:f32:B", "LJ0305", "y_pred*[0.3, 0.7]",
       "a dimension of size 2", "y_pred[:, None]"},
      {"y_pred + w", "y_pred:f32:B,3 w:f32:1,3", "LJ0305", "y_pred + w", NULL, "w[0]"},
      {"mean_squared_error(y_true, y_pred)", "y_pred:f32:B,1 y_true:f32:B", "LJ0305",
       "mean_squared_error(y_true, y_pred)", "in the definition of mean_squared_error",
       "y_true[:, None]"},
      {"y_true: f32[batch]; y_pred: f32[batch, n]; sum(y_pred*y_true, axis=-1)", "",
       "LJ0305", "y_pred*y_true", "a dimension of size n", "y_true[:, None]"},
  };

  (void)state;
  CHECK_ALL(rows);
}

static void test_shape_mismatch(void **state)
{
  static const struct row rows[] = {
      {"y_pred: f32[batch, 2]; sum(y_pred*[0.3, 0.3, 0.4], axis=1)", "", "LJ0304",
       "y_pred*[0.3, 0.3, 0.4]", "the list has 3 elements; 2 are needed", NULL},
      {"sum(y_pred*[1, 2]*[1, 2, 3], axis=1)", "", "LJ0304", "y_pred*[1, 2]*[1, 2, 3]",
       "'n' is 2 because of this", NULL},
      {"sum(y_pred*[1, 2], axis=1) + sum(y_pred*[1, 2, 3], axis=1)", "", "LJ0306",
       "y_pred*[1, 2, 3]", "size 'n' is both 2 and 3", NULL},
      {"sum(y_pred[:, 1:]*y_pred, axis=1)", "", "LJ0304", "y_pred[:, 1:]*y_pred",
       "(batch, n-1) and (batch, n)", NULL},
      {"sum(y_pred*[v, w], axis=-1)", "v:f32:3 w:f32:2", "LJ0304", "[v, w]",
       "(3,) and (2,)", NULL},
      {"sum(y_pred*[1, w], axis=-1)", "w:f32:2", "LJ0304", "[1, w]", "() and (2,)",
       NULL},
      {"gather(y_pred, y_true)", "y_pred:f32:B,4,3 y_true:i64:B", "LJ0304",
       "gather(y_pred, y_true)", "the indices need shape (batch, 4)", NULL},
  };

  (void)state;
  CHECK_ALL(rows);
}

static void test_axes_and_indices(void **state)
{
  static const struct row rows[] = {
      {"sum(y_pred, axis=2)", "", "LJ0307", "2", "(batch, n)", NULL},
      {"sum(y_pred, axis=[1, -1])", "", "LJ0308", "-1", NULL, NULL},
      {"sum(y_pred, axis=a)", "a=1", "LJ0312", "a", "an axis", NULL},
      {"sum(y_pred, axis=1.0)", "", "LJ0312", "1.0", NULL, NULL},
      {"sum(y_pred, keepdims=2)", "", "LJ0210", "2", "True or False", NULL},
      {"y_pred[:, 2]", "y_pred:f32:B,2", "LJ0309", "2", "size 2", NULL},
      {"y_pred[:, -3]", "y_pred:f32:B,2", "LJ0309", "-3", NULL, NULL},
      {"y_pred[:, 0, 0]", "", "LJ0310", "y_pred[:, 0, 0]", "3 indices", NULL},
      {"y_pred[:, [0]]", "", "LJ0311", "[0]", NULL, NULL},
      {"y_pred[:, y_true]", "y_pred:f32:B,3 y_true:i64:B", "LJ0311", "y_true", "gather",
       NULL},
      {"y_pred[:, y_pred > 0]", "", "LJ0311", "y_pred > 0", "where", NULL},
      {"y_pred[:, ::0]", "", "LJ0311", "0", "a step of 0", NULL},
      {"y_pred[..., ..., 0]", "", "LJ0311", "0", "a second ...", NULL},
      {"y_pred[:, ::2]", "", "LJ0313", "::2", "size n", NULL},
      {"y_pred[:, a]", "a=1", "LJ0312", "a", "an index", NULL},
      {"shape(y_pred)[2]", "", "LJ0309", "2", NULL, NULL},
      {"y_pred[:, None, None, None, None, None, None, None]", "", "LJ0317",
       "y_pred[:, None, None, None, None, None, None, None]", "9", NULL},
      {"squeeze(y_pred, axis=1)", "y_pred:f32:B,3", "LJ0210", "1", "another size",
       NULL},
      {"sum(y_pred*[[1, 2], [3]], axis=-1)", "", "LJ0318", "[3]", "2 and 1", NULL},
      {"sum(y_pred*[[1, 2], 3], axis=-1)", "", "LJ0318", "[[1, 2], 3]", NULL, NULL},
  };

  (void)state;
  CHECK_ALL(rows);
}

static void test_types(void **state)
{
  static const struct row rows[] = {
      {"where(y_true, y_pred, 0)", "y_pred:f32:B y_true:f32:B", "LJ0315", "y_true",
       "where()", "(y_true != 0)"},
      {"where((y_true > 0) & y_pred, y_pred, 0)", "y_pred:f32:B y_true:f32:B", "LJ0315",
       "y_pred", "'&' needs", "(y_pred != 0)"},
      {"any(y_pred)*y_pred", "y_pred:f32:B", "LJ0315", "y_pred", "any()", NULL},
      {"-(y_pred > 0)*y_pred", "y_pred:f32:B", "LJ0314", "(y_pred > 0)",
       "true or false", "cast(y_pred > 0)"},
      {"gather(y_pred, y_true)", "y_pred:f32:B,3 y_true:f32:B", "LJ0316", "y_true",
       "y_true: i64[batch];", NULL},
      {"one_hot(y_pred > 0, 3)*y_pred", "", "LJ0316", "y_pred > 0", "cast(x, i64)",
       NULL},
      {"y_pred + None", "", "LJ0314", "None", "None", NULL},
      {"cast(y_pred, f16)", "", "LJ0301", "f16", "the types are f32", NULL},
      {"w: f3[n]; sum(y_pred*w, axis=-1)", "", "LJ0301", "f3", NULL, "f32"},
  };

  (void)state;
  CHECK_ALL(rows);
}

/* ---- names and calls ------------------------------------------------------------- */

static void test_names(void **state)
{
  static const struct row rows[] = {
      {"mean(square(y_prd - y_true), axis=-1)", "", "LJ0201", "y_prd", "did you mean",
       "y_pred"},
      {"sum(y_pred*wieght, axis=-1)", "weight:f32:3", "LJ0201", "wieght", NULL,
       "weight"},
      {"sum(y_pred*zzz, axis=-1)", "", "LJ0201", "zzz", "declare it", NULL},
      {"sum(y_pred/n, axis=-1)", "", "LJ0201", "n", NULL, NULL},
      {"maen(y_pred, axis=-1)", "", "LJ0202", "maen", NULL, "mean"},
      {"hubr(y_true, y_pred)", "", "LJ0202", "hubr", NULL, "huber"},
      {"a = f(y_pred); def f(x) = x; sum(a, axis=-1)", "", "LJ0202", "f",
       "defined only here", NULL},
      {"def f(x) = f(x); f(sum(y_pred, axis=-1))", "", "LJ0206", "f", NULL, NULL},
      {"delta(sum(y_pred, axis=-1))", "delta=1", "LJ0208", "delta", NULL, "delta*"},
      {"huber", "", "LJ0209", "huber", "huber(...)", NULL},
      {"def f(a, a) = a; f(1, y_pred[:, 0])", "", "LJ0207", "a", NULL, NULL},
  };

  (void)state;
  CHECK_ALL(rows);
}

static void test_arguments(void **state)
{
  static const struct row rows[] = {
      {"where(y_pred > 0, y_pred)", "", "LJ0211", "where(y_pred > 0, y_pred)", "'y'",
       NULL},
      {"square(y_pred, y_true)", "", "LJ0212", "y_true",
       "square() takes one argument (x), not 2", "square(y_pred - y_true)"},
      {"sum(y_pred, 1, True, 2)", "", "LJ0212", "2",
       "at most 3 arguments (x, axis, keepdims)", NULL},
      {"sum(y_pred, axs=1)", "", "LJ0213", "axs", NULL, "axis"},
      {"sum(y_pred, 1, axis=1)", "", "LJ0214", "1", NULL, NULL},
      {"huber(y_pred)", "", "LJ0211", "huber(y_pred)", "'y_pred'", NULL},
      {"arange(0)*y_pred", "", "LJ0210", "0", "at least 1", NULL},
      {"transpose(y_pred, [1, 1])", "", "LJ0210", "[1, 1]", "each axis once", NULL},
      {"pad(y_pred, 0-1, 0)", "", "LJ0210", "pad(y_pred, 0-1, 0)", NULL, NULL},
  };

  (void)state;
  CHECK_ALL(rows);
}

static void test_declarations(void **state)
{
  static const struct row rows[] = {
      {"w: f32[2]; w: f32[3]; sum(y_pred*w, axis=-1)", "", "LJ0203", "w",
       "declared here", NULL},
      {"w: f32[2]; sum(y_pred*w, axis=-1)", "w:f64:2", "LJ0203", "w", "f64[2]", NULL},
      {"w: f32[2]; sum(y_pred*w, axis=-1)", "w:f32:3", "LJ0203", "w", "f32[3]", NULL},
      {"w: f32[m]; v: f32[m]; sum(y_pred*w*v, axis=-1)", "w:f32:3 v:f32:2", "LJ0306",
       "m", "both 3 and 2", NULL},
      {"w: f32[n, batch]; sum(y_pred, axis=-1)*sum(w)", "", "LJ0302", "batch",
       "first dimension", NULL},
      {"w: f32[0]; sum(y_pred, axis=-1)*sum(w)", "", "LJ0302", "0", NULL, NULL},
      {"w: f32[n]; sum(y_pred, axis=-1)", "", "LJ0204", "w", NULL, NULL},
      {"e = y_true; sum(y_pred, axis=-1)", "", "LJ0205", "e", NULL, NULL},
      {"d: f32 = sum(y_true); d*sum(y_pred, axis=-1)", "", "LJ0303", "sum(y_true)",
       NULL, NULL},
      {"result: smaple; sum(y_pred, axis=-1)", "", "LJ0215", "smaple", NULL, "sample"},
      {"result: any; result: any; y_pred", "", "LJ0216", "result: any", NULL, NULL},
  };

  (void)state;
  CHECK_ALL(rows);
}

/* ---- what is not there, and limits ----------------------------------------------- */

static void test_unsupported(void **state)
{
  static const struct row rows[] = {
      {"sum(y_pred @ transpose(w), axis=-1)", "y_pred:f32:B,3 w:f32:2,3", "LJ0504", "@",
       "sum(x*w, axis=-1)", NULL},
      {"sum(sort(y_pred, axis=-1), axis=-1)", "", "LJ0504", "sort", "sorting", NULL},
      {"y_pred[0:2]", "", "LJ0504", "0:2", "slicing the batch", NULL},
      {"y_pred[0]", "", "LJ0504", "0", "picking one sample", ":, 0"},
      {"sum(y_pred[:, None] - y_pred[None, :], axis=1)", "y_pred:f32:B", "LJ0504",
       "y_pred[None, :]", "pairing the samples", NULL},
      {"transpose(y_pred)", "", "LJ0504", "transpose(y_pred)", "pairing", NULL},
      {"flip(y_pred, axis=0)", "", "LJ0504", "flip(y_pred, axis=0)", NULL, NULL},
      {"arange(shape(y_pred)[0])*y_pred", "y_pred:f32:B", "LJ0504",
       "arange(shape(y_pred)[0])", NULL, NULL},
      {"gather(y_pred, y_true, axis=0)", "y_pred:f32:B,3 y_true:i64:3", "LJ0504",
       "gather(y_pred, y_true, axis=0)", NULL, NULL},
      {"[y_pred, y_pred]", "y_pred:f32:B", "LJ0504", "[y_pred, y_pred]", "stacking",
       NULL},
  };

  (void)state;
  CHECK_ALL(rows);
}

/* Mistakes that do not depend on each other are all reported, each once. */
static void test_several_mistakes(void **state)
{
  struct lj_check_session s;

  (void)state;
  lj_check_session_run(&s,
                       "a = maen(y_pred, axis=1); b = sum(y_pred, axis=7);"
                       "a + a + b + y_prd + sort(y_pred, axsi=1)",
                       "");
  assert_int_equal(lossjit_diagnostics_count(s.list), 4);
  lj_check_session_end(&s);
}

static void test_limits(void **state)
{
  struct lj_check_session s;
  char text[4000] = "def f0(x) = x*x + 1;";

  (void)state;
  /* 2^40 calls, were they all expanded */
  for (int i = 1; i <= 40; i++)
    snprintf(text + strlen(text), 100, "def f%d(x) = f%d(f%d(x));", i, i - 1, i - 1);
  strcat(text, "f40(sum(y_pred, axis=-1))");
  lj_check_session_run(&s, text, "");
  assert_int_equal(lossjit_diagnostics_count(s.list), 1);
  assert_string_equal(lossjit_diagnostics_get(s.list, 0)->code, "LJ0502");
  lj_check_session_end(&s);

  strcpy(text, "def f0(x) = x;");
  for (int i = 1; i <= 80; i++)
    snprintf(text + strlen(text), 100, "def f%d(x) = f%d(x);", i, i - 1);
  strcat(text, "f80(sum(y_pred, axis=-1))");
  lj_check_session_run(&s, text, "");
  assert_string_equal(lossjit_diagnostics_get(s.list, 0)->code, "LJ0503");
  lj_check_session_end(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ignored_prediction),
      cmocka_unit_test(test_dead_gradient),
      cmocka_unit_test(test_missing_axis),
      cmocka_unit_test(test_not_per_sample),
      cmocka_unit_test(test_result_and_input_types),
      cmocka_unit_test(test_batch_broadcast),
      cmocka_unit_test(test_shape_mismatch),
      cmocka_unit_test(test_axes_and_indices),
      cmocka_unit_test(test_types),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_arguments),
      cmocka_unit_test(test_declarations),
      cmocka_unit_test(test_unsupported),
      cmocka_unit_test(test_several_mistakes),
      cmocka_unit_test(test_limits),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
