/*
 * Expansion: what is left when composite row operators are replaced by their
 * definitions, and that values stay.
 */
#include "compiler/walk.h"
#include "tests/support/scene.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DECLARED "x:f64:B y:f64:B a:f64:B,3 i:i64:B"

static const char *expanded(struct scene *scene)
{
  struct lj_checked *checked = &scene->s.checked;
  struct lj_text text = {.arena = &scene->s.arena};

  lj_simplify(&checked->graph, &checked->value, 1);
  lj_expand(&checked->graph, &scene->rules, &checked->value, 1);
  lj_graph_print(&text, &checked->graph, checked->value, false);
  return text.text;
}

static void expansion_leaves_primitive_reductions(void **state)
{
  static const struct {
    const char *text, *expected;
  } rows[] = {
      {"mean(a, axis=1)", "sum(a, axis=-1)/3"},
      {"result: scalar; mean(a)", "sum(sum(a, axis=-1))/(3*shape(a)[0])"},
      {"result: scalar; sum(a)", "sum(sum(a, axis=-1))"},
      {"result: scalar; max(a)", "max(max(a, axis=-1))"},
      {"softmax(a)", "t1 = exp(a - max(a, axis=-1, keepdims=True));\n"
                     "t1/sum(t1, axis=-1, keepdims=True)"},
      {"stop_gradient(x)*y", "x*y"},
      {"mean(i)", "sum(cast(i, f32))/shape(i)[0]"},
  };

  (void)state;
  for (size_t i = 0; i < LJ_COUNT(rows); i++) {
    struct scene *scene = scene_open(rows[i].text, DECLARED);
    if (setjmp(scene->s.trap.escape))
      fail_msg("%s\n%s", rows[i].text, scene->s.trap.message);
    const char *found = expanded(scene);
    if (strcmp(found, rows[i].expected) != 0)
      fail_msg("%s\ngives    %s\nexpected %s", rows[i].text, found, rows[i].expected);
    scene_close(scene);
  }
}

/* softmax, log_softmax and logsumexp of one operand: one maximum, one sum, one exp. */
static void expansions_share_their_exponentials(void **state)
{
  struct scene *scene = scene_open(
      "softmax(a)*log_softmax(a) + logsumexp(a, axis=1, keepdims=True)", DECLARED);
  int exponentials = 0, reductions = 0;

  (void)state;
  if (setjmp(scene->s.trap.escape))
    fail_msg("%s", scene->s.trap.message);
  expanded(scene);
  const struct lj_checked *checked = &scene->s.checked;
  const bool *needed = lj_needed(&checked->graph, &checked->value, 1);
  for (lj_id id = 1; id <= checked->value; id++) {
    enum lj_op op = (enum lj_op)lj_node_at(&checked->graph, id)->op;
    exponentials += needed[id] && op == LJ_OP_EXP;
    reductions += needed[id] && lj_op_is_row(op);
  }
  assert_int_equal(exponentials, 1);
  assert_int_equal(reductions, 2);
  scene_close(scene);
}

/* Definitions mean what the interpreter computes from its own. */
static void expansion_keeps_values(void **state)
{
  static const char *const texts[] = {
      "mean(a, axis=1)*x",
      "softmax(a) + log_softmax(a)*a",
      "logsumexp(a, axis=0)*a",
      "softmax(a, axis=[0, 1])",
      "mean(a) + max(a)*min(a) - sum(a)*x",
      "cast(any(a > 0)) + cast(all(a > -1, axis=0))*a",
      "logsumexp(where(a > 0, a, -inf), axis=1)",
      "logsumexp(a*inf, axis=1)",
      "logsumexp(a - inf, axis=1)",
  };

  (void)state;
  for (size_t i = 0; i < LJ_COUNT(texts); i++) {
    struct scene *scene = scene_open(texts[i], DECLARED);
    struct lj_checked *checked = &scene->s.checked;
    lj_id before = checked->value;
    if (setjmp(scene->s.trap.escape))
      fail_msg("%s\n%s", texts[i], scene->s.trap.message);
    expanded(scene);
    scene_fill(scene, 3);
    struct lj_evaluation with = scene_data(scene);
    const double *old = lj_evaluate(&scene->s.arena, &with, before, NULL);
    const double *new = lj_evaluate(&scene->s.arena, &with, checked->value, NULL);
    for (int64_t at = 0; at < scene_count(scene, before); at++)
      if (!(fabs(old[at] - new[at]) <= 1e-14) && old[at] != new[at] && !isnan(old[at]))
        fail_msg("%s\nelement %d was %g and is %g", texts[i], (int)at, old[at],
                 new[at]);
    scene_close(scene);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(expansion_leaves_primitive_reductions),
      cmocka_unit_test(expansions_share_their_exponentials),
      cmocka_unit_test(expansion_keeps_values),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
