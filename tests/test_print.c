/*
 * Printing graphs as text: how it looks, and that it reads back to the same values, for
 * losses that people use and for their gradients.
 *
 * Reading back: the text with its declarations is parsed, checked and evaluated on the
 * same data as the graph it was printed from. Some spellings (2*x*y for 2*(x*y)) round
 * the same but are another graph, so numbers are compared, not nodes.
 */
#include "tests/support/scene.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INPUTS                                                                         \
  "x:f64:B,3 y:f64:B,3 u:f64:B v:f64:B w:f64:3 z:f64:B,2,3 f:f32:B,3 i:i64:B p=0.5 q=2"

/* ---- how it looks ---------------------------------------------------------------- */

static const char *printed(struct scene *scene, lj_id id, bool with_declarations)
{
  struct lj_text text = {.arena = &scene->s.arena};

  lj_graph_print(&text, &scene->s.checked.graph, id, with_declarations);
  return text.text;
}

/* Texts in canonical form: the graph as written prints as the text. */
static void canonical_text_prints_as_it_stands(void **state)
{
  static const char *const texts[] = {
      "sum(square(x - y)*[0.3, 0.7, 1.5], axis=-1)",
      "x - (y - x)",
      "x - y - x",
      "(x + y)*x",
      "x + y*x",
      "x/(y*x)",
      "x/y*x",
      "-(x + y)",
      "(-x)[:, 0]",
      "power(x, p)",
      "-square(x)",
      "where(x > y, x, 0)",
      "where(~(x > y), x, 0)",
      "where((x > 0) & (y > 0) | (x < -1), x, y)",
      "where((x == y) == (y == x), x, 0)",
      "x % y",
      "maximum(x, 0)",
      "clip(x, 1e-7, 0.9999999)",
      "mean(x, axis=0)",
      "sum(x)",
      "sum(z, axis=[0, 2])",
      "sum(z, axis=[1, 2])",
      "max(x, axis=-1, keepdims=True)*x",
      "softmax(x, axis=-1)",
      "log_softmax(z, axis=1)",
      "x[:, 0]",
      "x[:, 1:]",
      "x[:, :2]",
      "x[:, ::2]",
      "x[:, ::-1]",
      "x[:, 1::-1]",
      "x[:, None]*z",
      "u[:, None]*x",
      "x[:, 1:2]*x",
      "z[:, 0, 1]",
      "z[:, :, 1]",
      "w[None]*x",
      "transpose(z, [0, 2, 1])",
      "transpose(z, [0, 2, 1])[:, None]",
      "broadcast_to(u[:, None], shape(x))",
      "broadcast_to(1.5, shape(x))*x",
      "broadcast_to(u[:, None, None], shape(z))",
      "pad(x, 1, 2)",
      "pad(z, 0, 1, axis=1)",
      "pad(x, 0, 0, step=2)",
      "gather(x, i)",
      "gather(z, cast(x, i64), axis=1)",
      "one_hot(i, 3)*f",
      "arange(3)*x",
      "shape(u)[0]*u",
      "stop_gradient(x)*x",
      "cast(i, f32)",
      "cast(x > 0, f64)",
      "cast(f, f64)",
      "cast(x > 0)*f",
      "where(x > 0, x, inf)",
      "where(x > 0, x, -inf)",
      "where(x > 0, x, nan)",
      "2*pi*x",
      "x*[[1, 2, 3]]",
      "xlogy(x, y)",
      "where(any(x > 0, axis=-1), u, 0)",
  };

  (void)state;
  for (size_t t = 0; t < LJ_COUNT(texts); t++) {
    struct scene *scene = scene_open(texts[t], INPUTS);
    if (setjmp(scene->s.trap.escape))
      fail_msg("%s\n%s", texts[t], scene->s.trap.message);
    const char *found = printed(scene, scene->s.checked.value, false);
    if (strcmp(found, texts[t]) != 0)
      fail_msg("%s\nprints as %s", texts[t], found);
    scene_close(scene);
  }
}

static void other_text_prints_in_canonical_form(void **state)
{
  static const struct {
    const char *text, *expected;
  } rows[] = {
      {"((x))+(y)", "x + y"},
      {"x + -2", "x + -2"},
      {"x + 2.0", "x + 2"},
      {"-x*y", "-x*y"},
      {"-(x*y)", "-x*y"},
      {"2*(x*y)", "2*x*y"},
      {"2*(x/y)", "2*x/y"},
      {"3*(x*y)", "3*(x*y)"},
      {"sum(x, axis=1)", "sum(x, axis=-1)"},
      {"sum(x, axis=[0, 1])", "sum(x)"},
      {"sum(x, axis=1, keepdims=True)", "sum(x, axis=-1, keepdims=True)"},
      {"x[:, -1]", "x[:, 2]"},
      {"x[..., 0]", "x[:, 0]"},
      {"x[:, 0:3]", "x"},
      {"x*0.6666666666666666", "x*(2/3)"},
      {"x*3.141592653589793", "x*pi"},
      {"x*1e-7", "x*1e-7"},
      {"flip(x, axis=1)", "x[:, ::-1]"},
      {"squeeze(x[:, 1:2])", "x[:, 1:2][:, 0]"},
      {"transpose(x[:, None, :], [0, 2, 1])", "transpose(x[:, None], [0, 2, 1])"},
      {"x**2", "power(x, 2)"},
      {"where(True, x, y)", "where(True, x, y)"},
  };

  (void)state;
  for (size_t t = 0; t < LJ_COUNT(rows); t++) {
    struct scene *scene = scene_open(rows[t].text, INPUTS);
    if (setjmp(scene->s.trap.escape))
      fail_msg("%s\n%s", rows[t].text, scene->s.trap.message);
    const char *found = printed(scene, scene->s.checked.value, false);
    if (strcmp(found, rows[t].expected) != 0)
      fail_msg("%s\nprints as %s\nexpected  %s", rows[t].text, found, rows[t].expected);
    scene_close(scene);
  }
}

static void declarations_say_what_is_needed(void **state)
{
  struct scene *scene =
      scene_open("a: f32[batch, n]; b: i64[batch]; c: f64[]; d: f32 = 0.5;"
                 "gather(a, b)*c*d/shape(a)[1]",
                 "");

  (void)state;
  assert_string_equal(printed(scene, scene->s.checked.value, true),
                      "a: f32[batch, n];\n"
                      "b: i64[batch];\n"
                      "c: f64[];\n"
                      "d: f32 = 0.5;\n"
                      "gather(a, b)*c*d/shape(a)[1]");
  scene_close(scene);
}

/* A size that the text uses only through shape() needs its input declared. */
static void an_input_may_be_needed_for_its_size_only(void **state)
{
  struct scene *scene = scene_open("y_pred*shape(a)[1]", "y_pred:f32:B a:f32:B,?");

  (void)state;
  const char *text = printed(scene, scene->s.checked.value, true);
  assert_non_null(strstr(text, "a: f32[batch, "));
  assert_non_null(strstr(text, "shape(a)[1]"));
  scene_close(scene);
}

/* t1 is taken, so bindings begin with t2; what is short is repeated. */
static void repeated_parts_get_names(void **state)
{
  struct scene *scene =
      scene_open("e = exp(t1)*log1p(t1) + 3; e*square(e)/(u - v) - (u - v)",
                 "t1:f64:B u:f64:B v:f64:B");

  (void)state;
  assert_string_equal(printed(scene, scene->s.checked.value, false),
                      "t2 = exp(t1)*log1p(t1) + 3;\n"
                      "t2*square(t2)/(u - v) - (u - v)");
  scene_close(scene);
}

/* ---- reading back ---------------------------------------------------------------- */

/* The inputs of both graphs have the same names, and scene_fill goes by names. */
static void expect_equal(struct scene *scene, lj_id id, const char *what)
{
  const char *text = printed(scene, id, true);
  struct scene *again = scene_open(text, "");
  struct lj_evaluation with = scene_data(scene), with_again;
  lj_id value = again->s.checked.value;

  scene_fill(scene, 0);
  if (setjmp(again->s.trap.escape))
    fail_msg("%s\n%s", text, again->s.trap.message);
  scene_fill(again, 0);
  with = scene_data(scene), with_again = scene_data(again);
  assert_int_equal(lj_node_at(with.graph, id)->rank,
                   lj_node_at(with_again.graph, value)->rank);
  assert_int_equal(scene_count(scene, id), scene_count(again, value));
  with = scene_data(scene);
  const double *a = lj_evaluate(&scene->s.arena, &with, id, NULL);
  with_again = scene_data(again);
  const double *b = lj_evaluate(&again->s.arena, &with_again, value, NULL);
  for (int64_t at = 0; at < scene_count(scene, id); at++)
    if (!(fabs(a[at] - b[at]) <= 1e-15 * fabs(a[at])) && a[at] != b[at] &&
        !(isnan(a[at]) && isnan(b[at])))
      fail_msg("%s of\n%.*s\nprints as\n%s\nelement %d: %.17g and %.17g", what, 400,
               scene->s.sources[0].text, text, (int)at, a[at], b[at]);
  scene_close(again);
}

static void round_trip(const char *text, const char *declared, const char *by)
{
  struct scene *scene = scene_open(text, declared);
  struct lj_checked *checked = &scene->s.checked;

  if (setjmp(scene->s.trap.escape))
    fail_msg("%s\n%s", text, scene->s.trap.message);
  expect_equal(scene, checked->value, "the text");
  lj_simplify(&checked->graph, &checked->value, 1);
  expect_equal(scene, checked->value, "the simplified form");
  lj_id seed = lj_integer(&checked->graph, 1);
  lj_id first = scene_derive(scene, checked->value, seed, by);
  if (first)
    expect_equal(scene, first, "the gradient");
  lj_id second = first ? scene_derive(scene, first, seed, by) : 0;
  if (second)
    expect_equal(scene, second, "the second derivative");
  lj_expand(&checked->graph, &scene->rules, &checked->value, 1);
  expect_equal(scene, checked->value, "the expanded form");
  scene_close(scene);
}

static void losses_read_back(void **state)
{
#define LOSS(text) text,
  static const char *const texts[] = {
#include "tests/data/print_losses.inc"
  };
#undef LOSS

  (void)state;
  for (size_t t = 0; t < LJ_COUNT(texts); t++) {
    /* sizes as names, as numbers, and in the other floating type */
    round_trip(texts[t],
               "y_pred:f64:B,? y_true:f64:B,? w:f64:B,? i:i64:B p=0.25 q=2 d=1",
               "y_pred");
    round_trip(texts[t],
               "y_pred:f64:B,3 y_true:f64:B,3 w:f64:B,3 i:i64:B p=0.25 q=2 d=1",
               "y_pred");
    round_trip(texts[t],
               "y_pred:f32:B,3 y_true:f32:B,3 w:f64:B,3 i:i64:B p=0.25 q=2 d=1",
               "y_pred");
  }
}

static void shapes_read_back(void **state)
{
  static const char *const texts[] = {
      "sum(x[:, 1:]*x[:, :-1], axis=1)",
      "x[:, ::2]*3",
      "softmax(x, axis=1)[:, 2::-2]",
      "sum(transpose(z, [0, 2, 1])*x[:, :, None], axis=2)",
      "z[:, 1]*x[:, ::-1]",
      "z*x[:, None]*u[:, None, None]",
      "pad(pad(x, 1, 2)[:, None], 1, 0, axis=1)*1",
      "sum(pad(x, 1, 1, step=2), axis=1)",
      "sum(x*x[:, 0:1], axis=0)*x",
      "broadcast_to(x[:, None], shape(z))*z",
      "max(z, axis=[1, 2])*x[:, 0]",
      "x*[[0.1, 1/3, 2e-9]]",
      "where(one_hot(i, 3) == 1, x, -inf) + 1",
      "sum(square(z), axis=1, keepdims=True)*x[:, None]",
      "logsumexp(z, axis=1)*x",
      "-x*-y/-(x*y) - -x - (y - (x - y))",
      "(x > y) + x",
      "cast(x > y, i32)*x",
  };

  (void)state;
  for (size_t t = 0; t < LJ_COUNT(texts); t++)
    round_trip(texts[t], INPUTS, "x");
}

/* Sharing must not make text exponential, nor nesting exceed what a parser takes. */
static void deep_and_shared_graphs_print_short(void **state)
{
  struct scene *scene = scene_open("x*1.5", "x:f64:B");
  struct lj_graph *graph = &scene->s.checked.graph;
  lj_id id = scene->s.checked.value;

  (void)state;
  if (setjmp(scene->s.trap.escape))
    fail_msg("%s", scene->s.trap.message);
  for (int i = 0; i < 200; i++)
    id = lj_apply2(graph, LJ_OP_ADD, id, lj_apply1(graph, LJ_OP_SIGMOID, id));
  for (int i = 0; i < 400; i++)
    id = lj_apply1(graph, LJ_OP_SIGMOID, id);
  const char *text = printed(scene, id, true);
  assert_true(strlen(text) < 20000);
  scene->s.checked.value = id;
  expect_equal(scene, id, "a deep graph");
  scene_close(scene);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(canonical_text_prints_as_it_stands),
      cmocka_unit_test(other_text_prints_in_canonical_form),
      cmocka_unit_test(declarations_say_what_is_needed),
      cmocka_unit_test(an_input_may_be_needed_for_its_size_only),
      cmocka_unit_test(repeated_parts_get_names),
      cmocka_unit_test(losses_read_back),
      cmocka_unit_test(shapes_read_back),
      cmocka_unit_test(deep_and_shared_graphs_print_short),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
