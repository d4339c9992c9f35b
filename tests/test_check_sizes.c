/*
 * What the checker finds out by itself: sizes that are names, the shapes of what nobody
 * declared, labels, and the order of inputs. And what it does with declarations of the
 * caller, of which a kernel's sizes are one kind.
 */
#include "tests/check_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A text that is accepted, and the inputs it turns out to have. */
static void check_inputs(const char *text, const char *declared, const char *inputs)
{
  struct lj_check_session s;

  lj_check_session_begin(&s, text, declared);
  s.request.result = LOSSJIT_ELEMENTWISE;
  lj_check_session_check(&s);
  if (s.list)
    fail_msg("%s\n%s", text, lj_check_session_text(&s));
  assert_string_equal(lj_check_session_inputs(&s), inputs);
  lj_check_session_end(&s);
}

/* ---- sizes ----------------------------------------------------------------------- */

static void test_undeclared(void **state)
{
  (void)state;
  check_inputs("y_pred - y_true", "", "y_pred f32(batch, n); y_true f32(batch, n)");
  check_inputs("y_true - y_pred", "", "y_true f32(batch, n); y_pred f32(batch, n)");
  check_inputs("y_true - y_pred", "y_pred:f64:B,2,3",
               "y_true f64(batch, 2, 3); y_pred f64(batch, 2, 3)");
  check_inputs("y_pred: f64[batch]; y_true - y_pred", "",
               "y_pred f64(batch,); y_true f64(batch,)");
}

static void test_learned_sizes(void **state)
{
  (void)state;
  check_inputs("y_pred*[1, 2, 3]", "", "y_pred f32(batch, 3)");
  check_inputs("(y_pred - y_true)*[1, 2, 3]", "",
               "y_pred f32(batch, 3); y_true f32(batch, 3)");
  check_inputs("y_pred[:, 1:]*[1, 2]", "", "y_pred f32(batch, 3)");
  check_inputs("sum(pad(y_pred, 1, 1, step=2)*[1, 2, 3, 4, 5, 6, 7])", "",
               "y_pred f32(batch, 3)");
  check_inputs("w: f32[m]; y_pred: f32[batch, n]; y_pred*w*[1, 2]", "",
               "w f32(2,); y_pred f32(batch, 2)");
  check_inputs("w: f32[m]; v: f32[k]; sum(y_pred*w*v, axis=-1)", "w:f32:4",
               "w f32(4,); v f32(4,); y_pred f32(batch, 4)");
  check_inputs("w: f32[m]; y_pred[:, 1:]*w", "", "w f32(m,); y_pred f32(batch, m+1)");
  check_inputs("w: f32[m]; y_pred[:, 1:]*w*[1, 2]", "",
               "w f32(2,); y_pred f32(batch, 3)");
  check_inputs("sum(y_pred*softmax(w)*v)", "w:f32:? v:f32:?",
               "y_pred f32(batch, n); w f32(n,); v f32(n,)");
  check_inputs("y_pred*y_true", "y_pred:f32:B,? y_true:f32:B,?",
               "y_pred f32(batch, n); y_true f32(batch, n)");
}

/* A size of 1 repeats; it teaches nothing. */
static void test_ones_teach_nothing(void **state)
{
  (void)state;
  check_inputs("y_pred*[2.0]", "", "y_pred f32(batch, n)");
  check_inputs("y_pred - sum(y_pred, axis=-1, keepdims=True)", "",
               "y_pred f32(batch, n)");
}

/* A kernel's sizes come as declarations beside those of the text. */
static void test_sizes_of_a_kernel(void **state)
{
  (void)state;
  check_inputs("y_pred: f32[batch, n]; y_pred*y_true", "y_pred:f32:B,10",
               "y_pred f32(batch, 10); y_true f32(batch, 10)");
  check_inputs("y_pred: f32[batch, n]; w: f32[n]; y_pred*w", "y_pred:f32:B,10",
               "y_pred f32(batch, 10); w f32(10,)");
  check_inputs("y_pred: f32[batch, n]; w: f32[n]; y_pred*w", "w:f32:10",
               "y_pred f32(batch, 10); w f32(10,)");
  check_inputs("y_pred: f32[batch, 10]; y_pred", "y_pred:f32:B,?",
               "y_pred f32(batch, 10)");
}

/* ---- labels ---------------------------------------------------------------------- */

static void test_labels(void **state)
{
  (void)state;
  check_inputs("-gather(log_softmax(y_pred), y_true)", "",
               "y_pred f32(batch, n); y_true i64(batch,)");
  check_inputs("one_hot(y_true, 3)*y_pred", "",
               "y_true i64(batch,); y_pred f32(batch, 3)");
  check_inputs("cast(y_true[:, None] > arange(shape(y_pred)[1]))*y_pred", "",
               "y_true i64(batch,); y_pred f32(batch, n)");
  check_inputs("t = y_true; sparse_categorical_crossentropy(t, y_pred)", "",
               "y_true i64(batch,); y_pred f32(batch, n)");
  check_inputs("gather(y_pred, y_true)", "y_pred:f64:B,4,3",
               "y_pred f64(batch, 4, 3); y_true i64(batch, 4)");
  check_inputs("gather(y_pred, where(y_true >= 0, y_true, 0))", "",
               "y_pred f32(batch, n); y_true i64(batch,)");
  check_inputs("gather(y_pred, y_true)", "y_true:i32:B",
               "y_pred f32(batch, n); y_true i32(batch,)");
}

/* ---- inputs and parameters ------------------------------------------------------- */

static void test_order_of_inputs(void **state)
{
  (void)state;
  check_inputs("w: f32[n]; y_true*w - y_pred", "",
               "w f32(n,); y_true f32(batch, n); y_pred f32(batch, n)");
  check_inputs("b = v*y_pred; a*b", "a:f32: v:f32: unused:f32:B",
               "v f32(); y_pred f32(batch, n); a f32()");
}

static void test_parameters(void **state)
{
  struct lj_check_session s;
  const struct lj_graph *graph = &s.checked.graph;

  (void)state;
  lj_check_session_run(&s, "a: f32 = 1/4; c: f32 = 3.0; sum(a*b*c*y_pred, axis=-1)",
                       "b=2 c=5 unused=1");
  assert_true(s.good);
  assert_int_equal(graph->parameter_count, 3);
  assert_string_equal(graph->parameters[0].name, "a");
  assert_true(graph->parameters[0].value == 0.25);
  assert_string_equal(graph->parameters[1].name, "c"); /* the caller's default wins */
  assert_true(graph->parameters[1].value == 5);
  assert_string_equal(graph->parameters[2].name, "b");
  lj_check_session_end(&s);
}

static void test_gradients_asked_for(void **state)
{
  static const char *const names[] = {"w", "y_pred"};
  struct lj_check_session s;

  (void)state;
  lj_check_session_begin(&s, "sum(y_pred*w, axis=-1)", "w:f32:3");
  s.request.gradients = names;
  s.request.gradient_count = 2;
  assert_true(lj_check_session_check(&s));
  assert_int_equal(s.checked.wrt_count, 2);
  assert_int_equal(s.checked.wrt[0], s.checked.graph.inputs[1].node);
  assert_int_equal(s.checked.wrt[1], s.checked.graph.inputs[0].node);
  lj_check_session_end(&s);

  lj_check_session_begin(&s, "sum(y_pred, axis=-1)", "w:f32:3");
  s.request.gradients = names;
  s.request.gradient_count = 2;
  assert_false(lj_check_session_check(&s));
  assert_string_equal(lossjit_diagnostics_get(s.list, 0)->code, "LJ0401");
  lj_check_session_end(&s);
}

/* Undeclared inputs follow the default dtype; cast() follows them. */
static void test_default_dtype(void **state)
{
  struct lj_check_session s;

  (void)state;
  lj_check_session_begin(&s, "mean(cast(y_pred > 0)*y_pred, axis=-1)", "");
  s.request.default_dtype = LJ_F64;
  lj_check_session_check(&s);
  assert_string_equal(lj_check_session_result(&s), "f64(batch,)");
  lj_check_session_end(&s);
}

static void test_batch_of_the_result(void **state)
{
  struct lj_check_session s;

  (void)state;
  lj_check_session_run(&s, "sum(y_pred, axis=-1)", "");
  assert_false(s.checked.scalar_over_batch);
  lj_check_session_end(&s);
  lj_check_session_run(&s, "result: any; sum(y_pred, axis=0)", "");
  assert_true(s.checked.scalar_over_batch);
  assert_int_equal(s.checked.result, LOSSJIT_ELEMENTWISE);
  lj_check_session_end(&s);
}

/* Nodes made inside a prelude definition belong to the user's call. */
static void test_places_of_nodes(void **state)
{
  struct lj_check_session s;
  const struct lj_graph *graph = &s.checked.graph;
  const char *text = "2*huber(y_true, y_pred)";

  (void)state;
  lj_check_session_run(&s, text, "");
  assert_true(s.good);
  for (lj_id id = 1; id <= graph->node_count; id++) {
    assert_int_equal(graph->nodes[id].span.source, 0);
    if (graph->nodes[id].op == LJ_OP_WHERE)
      assert_int_equal(graph->nodes[id].span.begin, strstr(text, "huber") - text);
  }
  lj_check_session_end(&s);
}

/* Running out of memory anywhere leaves through the trap and loses nothing. */
static void test_starving(void **state)
{
  bool done = false;

  (void)state;
  for (long allow = 0; !done; allow++) {
    struct lj_check_session s;
    lj_check_session_begin(&s, "sum(huber(y_true, y_pred)*[a, 1], axis=-1) + y_prd",
                           NULL);
    s.hook.allow = allow;
    lj_check_session_check(&s);
    done = s.trapped == LOSSJIT_OK;
    if (!done)
      assert_int_equal(s.trapped, LOSSJIT_NO_MEMORY);
    lj_check_session_end(&s);
    assert_true(allow < 1000);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_undeclared),
      cmocka_unit_test(test_learned_sizes),
      cmocka_unit_test(test_ones_teach_nothing),
      cmocka_unit_test(test_sizes_of_a_kernel),
      cmocka_unit_test(test_labels),
      cmocka_unit_test(test_order_of_inputs),
      cmocka_unit_test(test_parameters),
      cmocka_unit_test(test_gradients_asked_for),
      cmocka_unit_test(test_default_dtype),
      cmocka_unit_test(test_batch_of_the_result),
      cmocka_unit_test(test_places_of_nodes),
      cmocka_unit_test(test_starving),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
