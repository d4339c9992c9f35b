/*
 * No NaN comes out of the branch not taken, in the first and the second derivative; and
 * the conventions at ties and kinks.
 *
 * What is compared is known on paper. Inputs are f64 and the same in every sample.
 */
#include "tests/support/scene.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- the branch not taken -------------------------------------------------------- */

/* Texts of x at values where the branch not taken is infinite or NaN; its derivative
 * there, and where it is taken, is known. z is 0 in every element, n is NaN. */
static const struct guarded {
  const char *text;
  double x[3], first[3], second[3];
} guarded[] = {
    {"where(x > 0, log(x), 0)", {-1, 0, 2}, {0, 0, 0.5}, {0, 0, -0.25}},
    {"where(x != 0, 1/x, 0)", {0, 1, 2}, {0, -1, -0.25}, {0, 2, 0.25}},
    {"where(x == 0, 0, 1/x)", {0, 1, 2}, {0, -1, -0.25}, {0, 2, 0.25}},
    {"where(x > 0, sqrt(x), x)", {-1, 0, 4}, {1, 1, 0.25}, {0, 0, -1.0 / 32}},
    {"where(x < 700, exp(x), x)", {0, 1000, 0}, {1, 1, 1}, {1, 0, 1}},
    {"where(x > 0, where(x < 10, log(x), square(x)), 0)",
     {-1, 1, 20},
     {0, 1, 40},
     {0, -1, 2}},
    {"where(x > 0, log(x)*sqrt(x), where(x < -5, 1/(x + 5), 0))",
     {-5, 0, 1},
     {0, 0, 1},
     {0, 0, 0}},
    {"where(x > 0, power(x, 0.5)*exp(1/x), 1)", {0, -1, -2}, {0, 0, 0}, {0, 0, 0}},
    {"where(isnan(x), 0, square(x - where(isnan(x), 0, x) + x))",
     {NAN, 1, 2},
     {0, 2, 4},
     {0, 2, 2}},
    {"cast(x > 0)*0 + where(x > 0, 1/x*x*x, 0)", {0, 1, 2}, {0, 1, 1}, {0, 0, 0}},
    /* the partner of x is what is not finite */
    {"where(z > 0, x*log(z), x)", {1, 2, 3}, {1, 1, 1}, {0, 0, 0}},
    {"where(isnan(n), x*x, x*n)", {1, 2, 3}, {2, 4, 6}, {2, 2, 2}},
    {"where(isnan(n), 3*x, square(x)/n)", {1, 2, 3}, {3, 3, 3}, {0, 0, 0}},
    /* maximum, clip and a mask introduce guards themselves */
    {"log(maximum(x, 1e-3))", {0, -1, 2}, {0, 0, 0.5}, {0, 0, -0.25}},
    {"maximum(x, 0)*where(x > 0, log(x), 0)", {0, -1, 1}, {0, 0, 1}, {0, 0, 1}},
    {"sqrt(clip(x, 1, 4))", {-1, 4, 9}, {0, 0.25, 0}, {0, -1.0 / 32, 0}},
    {"where(x > 0, lgamma(x), 0) + where(x > 0, 0, x)",
     {0, -1, 2},
     {1, 1, 0.42278433509846714},
     {0, 0, 0.6449340668482264}},
    /* elements that a view does not read */
    {"log(x)[:, 0:1]", {1, 0, -1}, {1, 0, 0}, {-1, 0, 0}},
    {"sqrt(x)[:, ::2]", {1, 0, 4}, {0.5, 0, 0.25}, {-0.25, 0, -1.0 / 32}},
    {"gather(log(x), i)", {2, 0, 0}, {0.5, 0, 0}, {-0.25, 0, 0}},
};

static void no_nan_out_of_the_branch_not_taken(void **state)
{
  (void)state;
  for (volatile size_t t = 0; t < LJ_COUNT(guarded); t++) {
    struct scene *scene =
        scene_open(guarded[t].text, "x:f64:B,3 z:f64:B,3 n:f64:B,3 i:i64:B");
    struct lj_checked *checked = &scene->s.checked;
    struct lj_graph *graph = &checked->graph;
    if (setjmp(scene->s.trap.escape))
      fail_msg("%s\n%s", guarded[t].text, scene->s.trap.message);
    lj_simplify(graph, &checked->value, 1);
    lj_id first = scene_derive(scene, checked->value, lj_integer(graph, 1), "x");
    lj_id second = scene_derive(scene, first, lj_integer(graph, 1), "x");
    for (uint32_t i = 0; i < graph->input_count; i++) {
      const char *name = graph->inputs[i].name;
      for (int at = 0; at < 3 * BATCH; at++)
        scene->data[i][at] = !strcmp(name, "x")   ? guarded[t].x[at % 3]
                             : !strcmp(name, "n") ? NAN
                                                  : 0;
      scene->inputs[i] = scene->data[i];
    }
    struct lj_evaluation with = scene_data(scene);
    const double *one = lj_evaluate(&scene->s.arena, &with, first, NULL);
    const double *two =
        second ? lj_evaluate(&scene->s.arena, &with, second, NULL) : NULL;
    for (int at = 0; at < 3; at++) {
      if (!(fabs(one[at] - guarded[t].first[at]) < 1e-12))
        fail_msg("%s\nat %g: %g", guarded[t].text, guarded[t].x[at], one[at]);
      if (!(fabs((two ? two[at] : 0) - guarded[t].second[at]) < 1e-11))
        fail_msg("%s\nat %g, second: %g", guarded[t].text, guarded[t].x[at],
                 two ? two[at] : 0);
    }
    scene_close(scene);
  }
}

/* A guard that is reduced on the way: rows in which no element counts, with
 * something under the sum that would make NaN of a zero. x is (batch, 2); z is 0;
 * rows of x are (0, 0). */
static void guards_survive_sums(void **state)
{
  static const char *const texts[] = {
      "where(x > 0, log(sum(x, axis=1, keepdims=True)), 0)",
      "where(x > 0, sqrt(sum(x, axis=1))[:, None], x)",
      "where(x > 0, x/sum(x, axis=1, keepdims=True), 0)",
      "where(x > 0, log_softmax(log(x), axis=1), 0)",
      "where(x > 0, softmax(1/x, axis=1), 0)",
      "where(x > 0, logsumexp(log(x), axis=1)[:, None], 0)",
      "where(x > 0, max(1/x, axis=1)[:, None]*x, 0)",
      "sum(where(x > 0, 1/mean(x, axis=1)[:, None], 0)*where(x > 0, x, 1), axis=1)",
      "where(x > 0, log(x*x[:, 0:1]), 0)",
      "where(x > 0, exp(1/sum(x, axis=1, keepdims=True)), 0)[:, 0]",
  };

  (void)state;
  for (size_t t = 0; t < LJ_COUNT(texts); t++) {
    struct scene *scene = scene_open(texts[t], "x:f64:B,2");
    struct lj_checked *checked = &scene->s.checked;
    struct lj_graph *graph = &checked->graph;
    if (setjmp(scene->s.trap.escape))
      fail_msg("%s\n%s", texts[t], scene->s.trap.message);
    lj_simplify(graph, &checked->value, 1);
    lj_id first = scene_derive(scene, checked->value, lj_integer(graph, 1), "x");
    lj_id second = scene_derive(scene, first, lj_integer(graph, 1), "x");
    scene->inputs[0] = scene->data[0]; /* zeros */
    struct lj_evaluation with = scene_data(scene);
    const double *one = lj_evaluate(&scene->s.arena, &with, first, NULL);
    const double *two = lj_evaluate(&scene->s.arena, &with, second, NULL);
    for (int at = 0; at < 2 * BATCH; at++)
      if (!isfinite(one[at]) || !isfinite(two[at]))
        fail_msg("%s\nelement %d: %g, second %g", texts[t], at, one[at], two[at]);
    scene_close(scene);
  }
}

/* ---- conventions ----------------------------------------------------------------- */

static void ties_and_kinks(void **state)
{
  static const struct {
    const char *text;
    double x[3], expected[3];
  } rows[] = {
      {"abs(x)", {0, 1, -1}, {0, 1, -1}},
      {"maximum(x, 0)", {0, 1, -1}, {0.5, 1, 0}},
      {"minimum(x, x[:, ::-1])", {1, 5, 1}, {1, 1, 1}},
      {"maximum(x, x)", {0, 1, 2}, {1, 1, 1}},
      {"clip(x, 0, 1)", {0, 1, 2}, {1, 1, 0}},
      {"max(x, axis=1)", {2, 2, 1}, {0.5, 0.5, 0}},
      {"min(x, axis=1)", {2, 2, 2}, {1.0 / 3, 1.0 / 3, 1.0 / 3}},
      {"round(x) + x", {0.4, 0.5, 1}, {1, 1, 1}},
      {"stop_gradient(x)*x", {3, 4, 5}, {3, 4, 5}},
      {"sqrt(sum(square(x), axis=1))", {0, 0, 0}, {0, 0, 0}},
      {"x*log(x)", {0, 1, 2}, {0, 1, 1.6931471805599453}},
  };

  (void)state;
  for (volatile size_t t = 0; t < LJ_COUNT(rows); t++) {
    struct scene *scene = scene_open(rows[t].text, "x:f64:B,3");
    struct lj_checked *checked = &scene->s.checked;
    if (setjmp(scene->s.trap.escape))
      fail_msg("%s\n%s", rows[t].text, scene->s.trap.message);
    lj_simplify(&checked->graph, &checked->value, 1);
    lj_id adjoint =
        scene_derive(scene, checked->value, lj_integer(&checked->graph, 1), "x");
    for (int at = 0; at < 3 * BATCH; at++)
      scene->data[0][at] = rows[t].x[at % 3];
    scene->inputs[0] = scene->data[0];
    struct lj_evaluation with = scene_data(scene);
    const double *found = lj_evaluate(&scene->s.arena, &with, adjoint, NULL);
    for (int at = 0; at < 3; at++)
      if (!(fabs(found[at] - rows[t].expected[at]) < 1e-12))
        fail_msg("%s\nat %g: %g, expected %g", rows[t].text, rows[t].x[at], found[at],
                 rows[t].expected[at]);
    scene_close(scene);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_nan_out_of_the_branch_not_taken),
      cmocka_unit_test(guards_survive_sums),
      cmocka_unit_test(ties_and_kinks),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
