/*
 * Differentiation as a whole: what gradients look like, that no NaN comes out of a
 * branch not taken, that views, pads, gathers and broadcasts have the right adjoints,
 * and where derivatives pass. (The rules of the operator tables, one by one with their
 * kinks, are in test_derivatives.c.)
 *
 * Inputs are f64 where numbers are compared: first and second derivatives against
 * central differences through the interpreter, with a random adjoint for every element.
 */
#include "compiler/walk.h"
#include "tests/support/scene.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- what gradients look like ---------------------------------------------------- */

struct row {
  const char *text, *declared, *expected;
};

static void gradients_read_well(void **state)
{
  static const struct row rows[] = {
      {"sum(square(y_pred - y_true)*[0.3, 0.7], axis=1)", "",
       "(y_pred - y_true)*[0.6, 1.4]"},
      {"mean(square(y_pred - y_true), axis=-1)", "",
       "2/shape(y_pred)[1]*(y_pred - y_true)"},
      {"mean(square(y_pred - y_true), axis=-1)", "y_pred:f32:B,3",
       "2/3*(y_pred - y_true)"},
      {"mean(square(y_pred - y_true), axis=-1)", "y_pred:f32:B,2", "y_pred - y_true"},
      {"mean(abs(y_pred - y_true), axis=-1)", "y_pred:f32:B,10",
       "0.1*sign(y_pred - y_true)"},
      {"sum(y_pred, axis=-1)", "", "broadcast_to(1.0, shape(y_pred))"},
      {"-sum(y_true*log_softmax(y_pred), axis=-1)", "",
       "softmax(y_pred, axis=-1)*sum(y_true, axis=-1, keepdims=True) - y_true"},
      {"-gather(log_softmax(y_pred), y_true)", "",
       "softmax(y_pred, axis=-1) - one_hot(y_true, shape(y_pred)[1])"},
      {"sum(softplus(y_pred) - y_true*y_pred, axis=-1)", "",
       "sigmoid(y_pred) - y_true"},
      {"logsumexp(y_pred, axis=-1)", "", "softmax(y_pred, axis=-1)"},
      {"where(y_pred > 0, log(y_pred), 0)", "y_pred:f32:B",
       "where(y_pred > 0, 1/y_pred, 0)"},
      {"where(y_pred > 0, exp(y_pred), square(y_pred))", "y_pred:f32:B",
       "where(y_pred > 0, exp(y_pred), 2*y_pred)"},
      {"exp(y_pred) - y_true*y_pred", "y_pred:f32:B y_true:f32:B",
       "exp(y_pred) - y_true"},
      {"softplus(w - y_pred)", "w:f32:B y_pred:f32:B", "-sigmoid(w - y_pred)"},
      {"y_pred[:, 0]*y_true", "y_pred:f32:B,3 y_true:f32:B",
       "pad(y_true[:, None], 0, 2)"},
  };

  (void)state;
  for (size_t i = 0; i < LJ_COUNT(rows); i++) {
    struct scene *scene = scene_open(rows[i].text, rows[i].declared);
    struct lj_checked *checked = &scene->s.checked;
    struct lj_text text = {.arena = &scene->s.arena};
    if (setjmp(scene->s.trap.escape))
      fail_msg("%s\n%s", rows[i].text, scene->s.trap.message);
    lj_simplify(&checked->graph, &checked->value, 1);
    lj_id adjoint =
        scene_derive(scene, checked->value, lj_integer(&checked->graph, 1), "y_pred");
    lj_graph_print(&text, &checked->graph, adjoint, false);
    if (strcmp(text.text, rows[i].expected) != 0)
      fail_msg("%s\ngives    %s\nexpected %s", rows[i].text, text.text,
               rows[i].expected);
    scene_close(scene);
  }
}

/* ---- numbers --------------------------------------------------------------------- */

static lj_id add_seed(struct scene *scene, const char *name, lj_id like)
{
  struct lj_graph *graph = &scene->s.checked.graph;
  const struct lj_node *node = lj_node_at(graph, like);
  struct lj_input input = {
      .name = name, .dtype = LJ_F64, .rank = node->rank, .role = LJ_ROLE_ADJOINT};

  for (uint32_t k = 0; k < node->rank; k++)
    input.shape[k] = node->shape[k];
  return lj_graph_input(graph, &input);
}

static double weighted_sum(struct scene *scene, lj_id value, lj_id weights)
{
  struct lj_evaluation with = scene_data(scene);
  const double *values = lj_evaluate(&scene->s.arena, &with, value, NULL);
  const double *w = lj_evaluate(&scene->s.arena, &with, weights, NULL);
  double sum = 0;

  assert_non_null(values);
  for (int64_t at = 0; at < scene_count(scene, value); at++)
    sum += w[at] * values[at];
  return sum;
}

/* Is `adjoint` the derivative of sum(seed*value) by this input, element by element? */
static void compare(struct scene *scene, const char *text, lj_id value, lj_id seed,
                    lj_id adjoint, const char *by)
{
  struct lj_evaluation with = scene_data(scene);
  lj_id wrt = scene_input(with.graph, by);
  double *x = scene->data[lj_node_at(with.graph, wrt)->index];
  const double *found = lj_evaluate(&scene->s.arena, &with, adjoint, NULL);
  const double h = 1e-3;

  for (int64_t at = 0; at < scene_count(scene, wrt); at++) {
    double keep = x[at], f[4];
    static const double steps[] = {-2, -1, 1, 2};
    for (int i = 0; i < 4; i++) {
      x[at] = keep + h * steps[i];
      f[i] = weighted_sum(scene, value, seed);
    }
    x[at] = keep;
    double estimate = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h); /* O(h^4) */
    if (!(fabs(found[at] - estimate) <= 1e-7 * (1 + fabs(estimate))))
      fail_msg("%s\nby %s, element %d: %.12g, expected %.12g", text, by, (int)at,
               found[at], estimate);
  }
}

static void expect_derivatives(const char *text, const char *declared)
{
  struct scene *scene = scene_open(text, declared);
  struct lj_checked *checked = &scene->s.checked;

  if (setjmp(scene->s.trap.escape))
    fail_msg("%s\n%s", text, scene->s.trap.message);
  lj_simplify(&checked->graph, &checked->value, 1);
  lj_id seed = add_seed(scene, "seed1", checked->value);
  lj_id adjoint = scene_derive(scene, checked->value, seed, "x");
  lj_id seed2 = add_seed(scene, "seed2", adjoint);
  lj_id second = scene_derive(scene, adjoint, seed2, "x");
  scene_fill(scene, 3);
  compare(scene, text, checked->value, seed, adjoint, "x");
  if (second)
    compare(scene, text, adjoint, seed2, second, "x");
  scene_close(scene);
}

#define INPUTS "x:f64:B,3 y:f64:B,3 w:f64:3 i:i64:B u:f64:B z:f64:B,3,2 m:f64:2,3"

static void views_have_adjoints(void **state)
{
  static const char *const texts[] = {
      "square(x)[:, 0]*u",
      "x[:, 1:]*square(x)[:, :-1]",
      "exp(x)[:, ::-1]*x",
      "x[:, ::2]*square(x[:, 1])[:, None]",
      "x[:, 2::-2]*square(x)[:, 1::-1]",
      "softmax(x)[:, 0]*exp(x[:, 1])",
      "log_softmax(x)[:, ::-1]*y",
      "sum(x[:, None]*x[:, :, None], axis=2)",
      "sum(transpose(x[:, :, None]*z, [0, 2, 1])[:, 0]*x, axis=1)",
      "x[:, :, None]*square(z)",
      "squeeze(square(x[:, 1:2]))*u",
      "flip(x*w, axis=1)*square(x)",
      "broadcast_to(square(x)[:, :, None], [shape(x)[0], 3, 2])*z",
      "pad(square(x), 1, 2)*3",
      "pad(square(x), 1, 0, step=2)[:, 1::2]*x",
      "sum(pad(x*x, 1, 1)*pad(exp(x), 2, 0), axis=1)",
      "expand_dims(exp(x), 1)*x[:, None]",
      "max(x, axis=1)*x[:, 0]",
  };

  (void)state;
  for (size_t i = 0; i < LJ_COUNT(texts); i++)
    expect_derivatives(texts[i], INPUTS);
}

static void gathers_have_adjoints(void **state)
{
  static const char *const texts[] = {
      "gather(square(x), i)",
      "gather(log_softmax(x), i)*u",
      "exp(gather(softmax(x), i))",
      "gather(x, i)*gather(exp(x), i) + sum(x, axis=1)",
      "-gather(log_softmax(square(x)), i) + sum(softmax(x)*x, axis=1)",
      "gather(log_softmax(x)*y, i)",
      "sum(where(one_hot(i, 3) == 1, square(x), x), axis=1)",
      "gather(sum(x[:, None]*square(x)[:, :, None], axis=2), i)",
      "log(gather(softmax(x), i))",
      "gather(log_softmax(x, axis=1)[:, ::-1], i)",
  };

  (void)state;
  for (size_t i = 0; i < LJ_COUNT(texts); i++)
    expect_derivatives(texts[i], INPUTS);
}

static void broadcasts_are_summed(void **state)
{
  static const char *const texts[] = {
      "result: any; sum(x, axis=0)*square(x)",
      "square(sum(x, axis=1, keepdims=True))*y",
      "mean(square(x), axis=1)[:, None]*x",
      "x/sum(square(x), axis=1, keepdims=True)",
      "logsumexp(x*w, axis=1)*u + sum(log_softmax(x)*w, axis=1)",
      "result: any; (x - mean(x, axis=0))*x",
      "result: any; square(sum(x))*u",
      "result: any; logsumexp(x, axis=0)*w",
      "result: any; softmax(x, axis=0)*x",
      "result: any; mean(x)*exp(x)",
      "softmax(x, axis=[0, 1])*y",
      "where(x > 0, sum(square(x), axis=1, keepdims=True), w)",
      "sum(x, axis=1)[:, None, None]*z",
      "maximum(sum(x, axis=1, keepdims=True) + 0.1, x*y)",
      "clip(x, -0.5, sum(square(x), axis=1, keepdims=True))",
      "0.5*x - 0.25*x*y",
      "min(x*w, axis=1)*max(square(x), axis=1)",
      "sqrt(sum(square(x), axis=1))",
      "sum(power(square(x), 1 + u[:, None]), axis=1)",
      "xlogy(square(x), square(x)*2) + x*x*log(x*x)",
  };

  (void)state;
  for (size_t i = 0; i < LJ_COUNT(texts); i++)
    expect_derivatives(texts[i], INPUTS);
}

/* An input that is smaller than the value: by w, (3,), and by a scalar input. */
static void small_inputs_collect_from_everywhere(void **state)
{
  static const char *const texts[] = {
      "sum(square(y*x), axis=1)",
      "log_softmax(y + x)*y",
      "where(y > 0, exp(x)*y, x)",
      "gather(log_softmax(y*x), i)",
  };

  (void)state;
  for (size_t i = 0; i < LJ_COUNT(texts); i++) {
    expect_derivatives(texts[i], "x:f64:3 y:f64:B,3 i:i64:B");
    expect_derivatives(texts[i], "x:f64 y:f64:B,3 i:i64:B");
  }
}

/* ---- where derivatives pass ------------------------------------------------------ */

static void reaches_or_names_the_killer(void **state)
{
  static const struct {
    const char *text;
    bool reaches, used;
    const char *killer;
  } rows[] = {
      {"x*2", true, true, NULL},
      {"y*2", false, false, NULL},
      {"round(x)", false, true, "round"},
      {"y + square(floor(x))", false, true, "floor"},
      {"where(x > 0, y, 0)", false, true, "greater"},
      {"stop_gradient(x)*y", false, true, "stop_gradient"},
      {"round(x) + x", true, true, NULL},
      {"cast(cast(x, i32), f64)", false, true, "cast"},
      {"exp(round(exp(x)))", false, true, "round"},
      {"y*shape(x)[0]", false, false, NULL},
      {"prod(x[:, None], axis=1)", true, true, NULL},
  };

  (void)state;
  for (size_t t = 0; t < LJ_COUNT(rows); t++) {
    struct scene *scene = scene_open(rows[t].text, "x:f64:B y:f64:B");
    bool used;
    lj_id killer;
    struct lj_checked *checked = &scene->s.checked;
    lj_id x = scene_input(&checked->graph, "x");
    if (!x) { /* not in the text at all: nothing to ask */
      assert_false(rows[t].used);
    } else {
      assert_int_equal(
          lj_grad_reaches(&checked->graph, checked->value, x, &used, &killer),
          rows[t].reaches);
      assert_int_equal(used, rows[t].used);
      assert_int_equal(killer != 0, rows[t].killer != NULL);
      if (killer)
        assert_string_equal(lj_op_table[lj_node_at(&checked->graph, killer)->op].name,
                            rows[t].killer);
    }
    scene_close(scene);
  }
}

static void what_is_not_asked_for_is_not_made(void **state)
{
  struct scene *scene =
      scene_open("square(x)*exp(y) + round(u)", "x:f64:B y:f64:B u:f64:B");
  lj_id wrt[3], adjoint[3];

  (void)state;
  struct lj_checked *checked = &scene->s.checked;
  struct lj_graph *graph = &checked->graph;
  if (setjmp(scene->s.trap.escape))
    fail_msg("%s", scene->s.trap.message);
  wrt[0] = scene_input(graph, "x"), wrt[1] = scene_input(graph, "u");
  wrt[2] = scene_input(graph, "y");
  lj_id seed = lj_integer(graph, 1);
  assert_true(lj_grad(graph, &scene->s.diags, &scene->rules, checked->value, seed, wrt,
                      3, adjoint));
  assert_int_not_equal(adjoint[0], 0);
  assert_int_equal(adjoint[1], 0);
  assert_int_not_equal(adjoint[2], 0);
  /* exactly the shape and dtype of the input, also when the seed is a plain 1 */
  const struct lj_node *x = lj_node_at(graph, wrt[0]),
                       *dx = lj_node_at(graph, adjoint[0]);
  assert_true(dx->dtype == x->dtype && dx->rank == x->rank);
  assert_true(lj_size_equal(dx->shape[0], x->shape[0]));
  scene_close(scene);
}

/* An input that is used very often: its adjoint is a tree, not a chain, of sums. */
static void adjoints_of_many_uses_are_not_deep(void **state)
{
  struct scene *scene = scene_open("x*1.0", "x:f64:B");
  struct lj_graph *graph = &scene->s.checked.graph;
  lj_id x = scene_input(graph, "x"), terms[4096];

  (void)state;
  if (setjmp(scene->s.trap.escape))
    fail_msg("%s", scene->s.trap.message);
  for (int i = 0; i < 4096; i++)
    terms[i] =
        lj_apply1(graph, LJ_OP_TANH,
                  lj_apply2(graph, LJ_OP_MULTIPLY, lj_number(graph, i + 0.3), x));
  for (int count = 4096; count > 1; count /= 2)
    for (int i = 0; i < count / 2; i++)
      terms[i] = lj_apply2(graph, LJ_OP_ADD, terms[2 * i], terms[2 * i + 1]);
  lj_id adjoint = scene_derive(scene, terms[0], lj_integer(graph, 1), "x");
  uint32_t *depth = calloc(adjoint + 1, sizeof *depth);
  for (lj_id id = 1; id <= adjoint; id++)
    for (int i = 0; i < lj_node_at(graph, id)->operand_count; i++) {
      uint32_t under = depth[lj_node_at(graph, id)->operand[i]];
      depth[id] = under >= depth[id] ? under + 1 : depth[id];
    }
  assert_in_range(depth[adjoint], 12, 60);
  free(depth);
  scene_close(scene);
}

static bool is_written(const struct lj_node *node)
{
  return node->op == LJ_OP_TABLE;
}

/* Where the text has no arrays of weak values, its gradient makes none: they would
 * leave it to the back end what they are. */
static void gradients_hold_no_weak_arrays(void **state)
{
  static const char *const texts[] = {
      "mean(maximum(x, 0.5), axis=1)",
      "maximum(x, p*y)*p",
      "max(x, axis=1)*p",
      "where(x > 0, p*x, 2*x)",
      "sum(x, axis=1)",
      "gather(x, i)*p",
      "clip(x, -p, p)",
      "x[:, 0]*p",
      "minimum(x, 0)",
  };

  (void)state;
  for (size_t t = 0; t < LJ_COUNT(texts); t++) {
    struct scene *scene = scene_open(texts[t], "x:f32:B,3 y:f32:B,3 i:i64:B p=0.5");
    struct lj_checked *checked = &scene->s.checked;
    if (setjmp(scene->s.trap.escape))
      fail_msg("%s\n%s", texts[t], scene->s.trap.message);
    lj_simplify(&checked->graph, &checked->value, 1);
    lj_id adjoint =
        scene_derive(scene, checked->value, lj_integer(&checked->graph, 1), "x");
    const bool *needed = lj_needed(&checked->graph, &adjoint, 1);
    for (lj_id id = 1; id <= adjoint; id++) {
      const struct lj_node *node = lj_node_at(&checked->graph, id);
      if (needed[id] && node->rank && node->dtype == LJ_WEAK_FLOAT && !is_written(node))
        fail_msg("%s\nnode %u is a weak array", texts[t], id);
    }
    scene_close(scene);
  }
}

static void a_missing_rule_is_refused_by_name(void **state)
{
  struct scene *scene = scene_open("prod(x, axis=1)", "x:f64:B,3");
  lj_id wrt, adjoint;

  (void)state;
  struct lj_checked *checked = &scene->s.checked;
  lj_diags_init(&scene->s.diags, &scene->s.arena, scene->s.sources, 2);
  if (setjmp(scene->s.trap.escape))
    fail_msg("%s", scene->s.trap.message);
  wrt = scene_input(&checked->graph, "x");
  assert_false(lj_grad(&checked->graph, &scene->s.diags, &scene->rules, checked->value,
                       lj_integer(&checked->graph, 1), &wrt, 1, &adjoint));
  scene->s.list = lj_diags_seal(&scene->s.diags, &scene->s.hook.allocator);
  assert_non_null(strstr(lj_check_session_text(&scene->s), "prod()"));
  scene_close(scene);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gradients_read_well),
      cmocka_unit_test(views_have_adjoints),
      cmocka_unit_test(gathers_have_adjoints),
      cmocka_unit_test(broadcasts_are_summed),
      cmocka_unit_test(small_inputs_collect_from_everywhere),
      cmocka_unit_test(reaches_or_names_the_killer),
      cmocka_unit_test(what_is_not_asked_for_is_not_made),
      cmocka_unit_test(adjoints_of_many_uses_are_not_deep),
      cmocka_unit_test(gradients_hold_no_weak_arrays),
      cmocka_unit_test(a_missing_rule_is_refused_by_name),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
