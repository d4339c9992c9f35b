/*
 * What the functions of the language mean to the checker, one by one: the dtype and
 * shape of their values, and not a word said about them.
 */
#include "tests/check_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
  SAMPLE = LOSSJIT_PER_SAMPLE,
  SCALAR = LOSSJIT_SCALAR,
  ANY = LOSSJIT_ELEMENTWISE
};

/* ---- functions and indices ------------------------------------------------------- */

static void test_axes(void **state)
{
  static const struct lj_check_row rows[] = {
      {"sum(y_pred)", "", SCALAR, "f32()"},
      {"sum(y_pred, axis=None)", "", SCALAR, "f32()"},
      {"sum(y_pred, -1)", "", SAMPLE, "f32(batch,)"},
      {"sum(y_pred, axis=(1, 2), keepdims=True)", "y_pred:f32:B,2,3", ANY,
       "f32(batch, 1, 1)"},
      {"sum(y_pred, axis=[])", "", ANY, "f32(batch, n)"},
      {"sum(y_pred, axis=2 - 1)", "", SAMPLE, "f32(batch,)"},
      {"k = 1; sum(y_pred, axis=[k, 1 + k])", "y_pred:f32:B,2,3", SAMPLE,
       "f32(batch,)"},
      {"mean(cast(y_pred > 0)*y_pred, axis=-1)", "", SAMPLE, "f32(batch,)"},
      {"softmax(y_pred)", "", ANY, "f32(batch, n)"},
      {"y_pred - sum(y_pred, axis=0, keepdims=True)", "", ANY, "f32(batch, n)"},
      {"log_softmax(y_pred, axis=0)", "", ANY, "f32(batch, n)"},
      {"expand_dims(y_pred, [1, 3])", "", ANY, "f32(batch, 1, n, 1)"},
      {"expand_dims(y_pred, -1)", "", ANY, "f32(batch, n, 1)"},
      {"squeeze(y_pred)", "y_pred:f32:B,1,3,1", ANY, "f32(batch, 3)"},
      {"squeeze(y_pred, axis=-1)", "y_pred:f32:B,1,3,1", ANY, "f32(batch, 1, 3)"},
      {"transpose(y_pred, [0, 2, 1])", "y_pred:f32:B,2,3", ANY, "f32(batch, 3, 2)"},
      {"sum(transpose(w)*y_pred, axis=[1, 2])", "y_pred:f32:B,3,2 w:f32:2,3", SAMPLE,
       "f32(batch,)"},
      {"flip(y_pred, axis=-1)", "", ANY, "f32(batch, n)"},
      {"pad(y_pred, 1, 2)", "", ANY, "f32(batch, n+3)"},
      {"pad(y_pred, 1, 0, step=2)", "y_pred:f32:B,3", ANY, "f32(batch, 6)"},
      {"pad(y_pred, 2, 2, axis=1, step=-1)", "y_pred:f32:B,3,4", ANY,
       "f32(batch, 3, 4)"},
      {"broadcast_to(y_pred[:, None, :], [shape(y_pred)[0], 5, shape(y_pred)[1]])", "",
       ANY, "f32(batch, 5, n)"},
      {"broadcast_to(w, shape(y_pred))*y_pred", "y_pred:f32:B,3 w:f32:3", ANY,
       "f32(batch, 3)"},
  };

  (void)state;
  lj_check_rows(rows, LJ_COUNT(rows));
}

static void test_indices(void **state)
{
  static const struct lj_check_row rows[] = {
      {"y_pred[:, 0]", "", SAMPLE, "f32(batch,)"},
      {"y_pred[:, -1]", "", SAMPLE, "f32(batch,)"},
      {"y_pred[..., 0]", "", SAMPLE, "f32(batch,)"},
      {"y_pred[:, shape(y_pred)[1] - 1]", "", SAMPLE, "f32(batch,)"},
      {"y_pred[:]", "", ANY, "f32(batch, n)"},
      {"y_pred[..., None]", "", ANY, "f32(batch, n, 1)"},
      {"y_pred[:, None, 0]", "", ANY, "f32(batch, 1)"},
      {"y_pred[:, 1:]", "", ANY, "f32(batch, n-1)"},
      {"y_pred[:, 1:-1]", "", ANY, "f32(batch, n-2)"},
      {"y_pred[:, -2:]", "", ANY, "f32(batch, 2)"},
      {"y_pred[:, ::-1]", "", ANY, "f32(batch, n)"},
      {"y_pred[:, :-1] - y_pred[:, 1:]", "", ANY, "f32(batch, n-1)"},
      {"y_pred[:, ::2]", "y_pred:f32:B,5", ANY, "f32(batch, 3)"},
      {"y_pred[:, 4:1:-2]", "y_pred:f32:B,5", ANY, "f32(batch, 2)"},
      {"y_pred[:, -100:100]", "y_pred:f32:B,5", ANY, "f32(batch, 5)"},
      {"y_pred[:, 100::-1]", "y_pred:f32:B,5", ANY, "f32(batch, 5)"},
      {"sum(y_pred[:, 3:2], axis=-1)", "y_pred:f32:B,5", SAMPLE, "f32(batch,)"},
      {"y_pred[:, 0, ...] + y_pred[..., 1, :]", "y_pred:f32:B,2,2", ANY,
       "f32(batch, 2)"},
  };

  (void)state;
  lj_check_rows(rows, LJ_COUNT(rows));
}

static void test_lists(void **state)
{
  static const struct lj_check_row rows[] = {
      {"sum(y_pred*[1, 2.5, -1/2], axis=-1)", "", SAMPLE, "f32(batch,)"},
      {"sum(y_pred*[[1, 2], [3, 4]], axis=[1, 2])", "y_pred:f32:B,2,2", SAMPLE,
       "f32(batch,)"},
      {"sum(where([True, False], y_pred, 0), axis=-1)", "", SAMPLE, "f32(batch,)"},
      {"w = [1, 2]; w[0]*sum(y_pred*w, axis=-1)", "", SAMPLE, "f32(batch,)"},
      {"sum(y_pred*[a, 1 - a], axis=-1)", "a=0.25", SAMPLE, "f32(batch,)"},
      {"sum(y_pred*[a], axis=-1)", "a=0.25 y_pred:f32:B,3", SAMPLE, "f32(batch,)"},
      {"sum(y_pred*[[a, 1], [2, a]], axis=[1, 2])", "a=0.25 y_pred:f32:B,2,2", SAMPLE,
       "f32(batch,)"},
      {"sum(y_pred*[v, w, v], axis=[1, 2])", "y_pred:f32:B,3,2 v:f32:2 w:f32:2", SAMPLE,
       "f32(batch,)"},
      {"sum(y_pred*arange(shape(y_pred)[1]), axis=-1)", "", SAMPLE, "f32(batch,)"},
  };

  (void)state;
  lj_check_rows(rows, LJ_COUNT(rows));
}

static void test_dtypes(void **state)
{
  static const struct lj_check_row rows[] = {
      {"y_pred*y_true", "y_pred:f32:B y_true:i64:B", SAMPLE, "f32(batch,)"},
      {"y_pred*y_true", "y_pred:f32:B y_true:f64:B", SAMPLE, "f64(batch,)"},
      {"y_pred + log(y_true)", "y_pred:f64:B y_true:i64:B", SAMPLE, "f64(batch,)"},
      {"y_pred*mean(y_true)", "y_pred:f64:B y_true:i64:B", SAMPLE, "f64(batch,)"},
      {"y_pred*0.5*a", "y_pred:f32:B a=2", SAMPLE, "f32(batch,)"},
      {"where(y_true > 0, 1, 0)*y_pred", "y_pred:f32:B y_true:f32:B", SAMPLE,
       "f32(batch,)"},
      {"(y_true > 0)*y_pred", "y_pred:f32:B y_true:f32:B", SAMPLE, "f32(batch,)"},
      {"cast(y_pred, f64)", "y_pred:f32:B", SAMPLE, "f64(batch,)"},
      {"cast(y_pred, float)", "y_pred:f32:B", SAMPLE, "f32(batch,)"},
      {"gather(y_pred, cast(y_true, i64))", "y_pred:f32:B,3 y_true:f32:B", SAMPLE,
       "f32(batch,)"},
      {"zeros_like(y_pred) + full_like(y_pred, 2) + ones_like(y_pred)*y_pred", "", ANY,
       "f32(batch, n)"},
  };

  (void)state;
  lj_check_rows(rows, LJ_COUNT(rows));
}

static void test_definitions(void **state)
{
  static const struct lj_check_row rows[] = {
      {"def f(a, b=2.0) = a*b; f(y_pred, b=3) + f(y_true)", "", ANY, "f32(batch, n)"},
      {"def f(a) = { b = square(a); b - a }; sum(f(y_pred), axis=-1)", "", SAMPLE,
       "f32(batch,)"},
      {"def f(x, axis=-1) = sum(x, axis=axis); f(y_pred)", "", SAMPLE, "f32(batch,)"},
      {"k = 2; def f(x) = k*x; k = 3; f(y_pred)*k", "", ANY, "f32(batch, n)"},
      {"def huber(a) = abs(a); huber(y_pred)", "", ANY, "f32(batch, n)"},
      {"mean = mean(y_pred, axis=-1); mean - mean(y_true, axis=-1)", "", SAMPLE,
       "f32(batch,)"},
      {"sum(y_pred, axis=-1)/batch", "", SAMPLE, "f32(batch,)"},
      {"y_pred: f32[batch, k]; sum(y_pred, axis=-1)/k", "", SAMPLE, "f32(batch,)"},
      {"result: any; y_pred", "", SAMPLE, "f32(batch, n)"},
      {"result: scalar; sum(y_pred)", "", SAMPLE, "f32()"},
      {"result: sample; sum(y_pred, axis=-1)", "", SCALAR, "f32(batch,)"},
  };

  (void)state;
  lj_check_rows(rows, LJ_COUNT(rows));
}

/* Metrics need no derivative, but are numbers. */
static void test_metrics(void **state)
{
  struct lj_check_session s;

  (void)state;
  lj_check_session_begin(&s, "mean(cast((y_pred > 0.5) == (y_true > 0.5)), axis=-1)",
                         "");
  s.request.no_gradient = true;
  assert_true(lj_check_session_check(&s));
  assert_int_equal(s.checked.wrt_count, 0);
  lj_check_session_end(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_axes),        cmocka_unit_test(test_indices),
      cmocka_unit_test(test_lists),       cmocka_unit_test(test_dtypes),
      cmocka_unit_test(test_definitions), cmocka_unit_test(test_metrics),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
