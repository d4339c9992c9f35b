/*
 * Every derivative in the operator tables against finite differences, in f64, through
 * the differentiator and the interpreter only; once more for the derivative of the
 * derivative; and the stated conventions at kinks and ties, which sampling never hits.
 *
 * The estimate is Richardson's from central differences at h and h/2, and knows when
 * it is noise or when a kink lies within reach: such points are left out, and most
 * points of a row must not be.
 */
#include "compiler/passes.h"
#include "tests/alloc_hook.h"
#include "tests/support/domain.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ELEMENTS 60
#define MAX_VALUES 64 /* of an operand or a result */

struct scene {
  struct lj_alloc_hook hook;
  struct lj_trap trap;
  struct lj_arena arena;
  struct lj_graph graph;
  struct lj_source source;
  struct lj_diags diags;
  struct lj_rules rules;
  uint64_t random;
  double data[3][MAX_VALUES]; /* of the inputs, in order */
};

/* ---- building -------------------------------------------------------------------- */

static struct scene *scene_new(void)
{
  struct scene *scene = calloc(1, sizeof *scene);
  assert_non_null(scene);
  lj_alloc_hook_init(&scene->hook);
  lj_arena_init(&scene->arena, &scene->hook.allocator, &scene->trap);
  lj_graph_init(&scene->graph, &scene->arena, 100000);
  scene->source = (struct lj_source){"expression", "", 0};
  lj_diags_init(&scene->diags, &scene->arena, &scene->source, 1);
  scene->rules.arena = &scene->arena;
  scene->random = 1;
  return scene;
}

static void scene_free(struct scene *scene)
{
  lj_arena_free(&scene->arena);
  assert_int_equal(scene->hook.live, 0);
  free(scene);
}

static lj_id input(struct scene *scene, const char *name, enum lj_dtype dtype,
                   uint32_t rank, const struct lj_size *shape)
{
  struct lj_input input = {
      .name = name, .dtype = (uint8_t)dtype, .rank = (uint8_t)rank};
  for (uint32_t k = 0; k < rank; k++)
    input.shape[k] = shape[k];
  return lj_graph_input(&scene->graph, &input);
}

static int64_t count_of(const struct scene *scene, lj_id id)
{
  const struct lj_node *node = lj_node_at(&scene->graph, id);
  int64_t count = 1;
  for (uint32_t k = 0; k < node->rank; k++)
    count *= node->shape[k].offset;
  return count;
}

/* Weights for the elements of `value`, as a table: they make one number of it, and the
 * adjoint is the gradient of that number. */
static lj_id weights_for(struct scene *scene, lj_id value)
{
  const struct lj_node *node = lj_node_at(&scene->graph, value);
  double weights[MAX_VALUES];
  for (int64_t i = 0; i < count_of(scene, value); i++)
    weights[i] = test_uniform(&scene->random, 0.5, 2) * (i % 3 ? 1 : -1);
  return lj_table(&scene->graph, LJ_F64, node->rank, node->shape, weights);
}

/* ---- evaluating ------------------------------------------------------------------ */

static const double *values_of(struct scene *scene, lj_id id)
{
  const double *inputs[] = {scene->data[0], scene->data[1], scene->data[2]};
  int64_t symbols[] = {0, 0};
  struct lj_evaluation with = {
      .graph = &scene->graph, .inputs = inputs, .symbol_values = symbols};
  const double *values = lj_evaluate(&scene->arena, &with, id, NULL);
  assert_non_null(values);
  return values;
}

/* sum(weights*(value at x+h - value at x-h))/(2h): differences first, so that what does
 * not change cancels exactly. */
static double difference(struct scene *scene, lj_id value, lj_id weights, double *x,
                         double h)
{
  double at = *x, sum = 0;
  *x = at + h;
  const double *above = values_of(scene, value);
  *x = at - h;
  const double *below = values_of(scene, value);
  *x = at;
  const double *weight = values_of(scene, weights);
  for (int64_t i = 0; i < count_of(scene, value); i++)
    if (above[i] != below[i]) /* equal infinities do not change either */
      sum += weight[i] * (above[i] - below[i]);
  return sum / (2 * h);
}

/* Is `adjoint` the derivative by *x? False in *known if the estimate cannot tell. */
static double estimate(struct scene *scene, lj_id value, lj_id weights, double *x,
                       bool *known)
{
  double h = 1e-4 * fmax(fabs(*x), 1e-2);
  double coarse = difference(scene, value, weights, x, h);
  double fine = difference(scene, value, weights, x, h / 2);
  double best = (4 * fine - coarse) / 3;
  *known = fabs(fine - coarse) <= 1e-5 * (1e-3 + fabs(best));
  return best;
}

/* Compare the adjoint of input `index` with finite differences, element by element. */
static void check_adjoint(struct scene *scene, const char *what, lj_id value,
                          lj_id weights, int index, lj_id adjoint)
{
  int64_t count = count_of(scene, scene->graph.inputs[index].node), known_count = 0;
  const double *adjoints = values_of(scene, adjoint);
  for (int64_t i = 0; i < count; i++) {
    double *x = &scene->data[index][i];
    bool known;
    double expected = estimate(scene, value, weights, x, &known);
    known_count += known;
    if (known && !(fabs(adjoints[i] - expected) <= 1e-6 * (1e-3 + fabs(expected))))
      fail_msg("%s: by operand %d at %.17g it is %.12g, differences say %.12g", what,
               index, *x, adjoints[i], expected);
  }
  if (known_count * 10 < count * 8)
    fail_msg("%s: only %d of %d points could be judged", what, (int)known_count,
             (int)count);
}

/* ---- a row of the tables --------------------------------------------------------- */

static bool has_rule(const char *derivative)
{
  return derivative && derivative[0] != LJ_NO_RULE[0];
}

static lj_id elementwise(struct scene *scene, enum lj_op op)
{
  const struct lj_op_info *info = &lj_op_table[op];
  static const char *const names[] = {"a", "b", "c"};
  struct lj_size shape = lj_size_number(ELEMENTS);
  lj_id operand[3] = {0};
  for (int o = 0; o < info->arity; o++) {
    bool truth = info->type == LJ_TYPE_CHOICE && o == 0;
    operand[o] = input(scene, names[o], truth ? LJ_BOOL : LJ_F64, 1, &shape);
    for (int i = 0; i < ELEMENTS; i++)
      scene->data[o][i] = test_draw(info->domain, o, &scene->random);
  }
  if (op == LJ_OP_CAST)
    return lj_cast(&scene->graph, LJ_F32, operand[0]);
  return lj_apply(&scene->graph, op, operand[0], operand[1], operand[2]);
}

static lj_id row(struct scene *scene, enum lj_op op, uint32_t axes)
{
  struct lj_size shape[] = {lj_size_number(2), lj_size_number(3), lj_size_number(4)};
  lj_id a = input(scene, "a", LJ_F64, 3, shape);
  for (int i = 0; i < 24; i++)
    scene->data[0][i] = test_draw(LJ_DOMAIN_REAL, 0, &scene->random);
  return lj_row(&scene->graph, op, a, axes);
}

/* Differentiate `value` by the inputs in `by`, compare, and if `again` do the same with
 * each adjoint. A second derivative may have no rule; then that is what is reported. */
static void check_value(struct scene *scene, const char *what, lj_id value, uint32_t by,
                        bool again)
{
  lj_id weights = weights_for(scene, value), wrt[3], adjoint[3];
  int index[3];
  uint32_t count = 0;
  for (int i = 0; i < (int)scene->graph.input_count; i++) {
    if (by >> i & 1) {
      index[count] = i;
      wrt[count++] = scene->graph.inputs[i].node;
    }
  }
  bool known = lj_grad(&scene->graph, &scene->diags, &scene->rules, value, weights, wrt,
                       count, adjoint);
  assert_int_equal(known, scene->diags.error_count == 0);
  assert_true(known || !again); /* first derivatives have rules where this is called */
  for (uint32_t k = 0; known && k < count; k++) {
    if (!adjoint[k])
      continue; /* no path: the first derivative is constant */
    check_adjoint(scene, what, value, weights, index[k], adjoint[k]);
    if (again)
      check_value(scene, what, adjoint[k], by, false);
  }
}

/* Run `check` on a scene of its own with the trap set: our own bugs become failures
 * that name themselves. */
typedef void check_function(struct scene *scene, enum lj_op op, uint32_t which);

static void run(check_function *check, enum lj_op op, uint32_t which)
{
  struct scene *scene = scene_new();
  if (setjmp(scene->trap.escape) == 0)
    check(scene, op, which);
  else
    fail_msg("%s: %s", lj_op_table[op].name, scene->trap.message);
  scene_free(scene);
}

static void check_row_of_table(struct scene *scene, enum lj_op op, uint32_t axes)
{
  const struct lj_op_info *info = &lj_op_table[op];
  lj_id value = lj_op_is_row(op) ? row(scene, op, axes) : elementwise(scene, op);
  uint32_t by = 0;
  for (int o = 0; o < info->arity; o++)
    by |= (uint32_t)has_rule(info->derivative[o]) << o;
  check_value(scene, info->name, value, by, true);
}

static void derivative_matches_differences(void **state)
{
  enum lj_op op = (enum lj_op)(uintptr_t)*state;
  for (uint32_t axes = 1; axes < (lj_op_is_row(op) ? 8 : 2); axes++)
    run(check_row_of_table, op, axes);
}

/* ---- kinks and ties -------------------------------------------------------------- */

struct kink {
  enum lj_op op;
  double at[3], adjoint[3]; /* operands; expected adjoints for g = 1, NAN: any */
};

static const struct kink kinks[] = {
    {LJ_OP_ABS, {0}, {0}},
    {LJ_OP_ABS, {-0.0}, {0}},
    {LJ_OP_MAXIMUM, {1, 1}, {0.5, 0.5}},
    {LJ_OP_MAXIMUM, {0.0, -0.0}, {0.5, 0.5}},
    {LJ_OP_MINIMUM, {-2, -2}, {0.5, 0.5}},
    {LJ_OP_CLIP, {0, 0, 1}, {1, 0, 0}}, /* the closed interval passes it */
    {LJ_OP_CLIP, {1, 0, 1}, {1, 0, 0}},
    {LJ_OP_CLIP, {-1, 0, 1}, {0, 1, 0}},
    {LJ_OP_CLIP, {2, 0, 1}, {0, 0, 1}},
    {LJ_OP_POWER, {0, 2}, {0, 0}},
    {LJ_OP_POWER, {0, 1}, {1, 0}},
    {LJ_OP_POWER, {0, 0}, {0, 0}},
    {LJ_OP_POWER, {-2, 3}, {12, 0}},
    {LJ_OP_XLOGY, {0, 0}, {0, 0}},
    {LJ_OP_XLOGY, {0, 2}, {0.69314718055994530942, 0}},
    {LJ_OP_SQRT, {0}, {0}},
    {LJ_OP_LOG, {0}, {INFINITY}},
    {LJ_OP_TANH, {INFINITY}, {0}},
    {LJ_OP_SIGMOID, {-INFINITY}, {0}},
    {LJ_OP_SOFTPLUS, {0}, {0.5}},
    {LJ_OP_LOG_SIGMOID, {-1000}, {1}},
    {LJ_OP_LOGADDEXP, {5, 5}, {0.5, 0.5}},
    {LJ_OP_WHERE, {1, 7, NAN}, {NAN, 1, 0}}, /* never 0*NaN */
    {LJ_OP_WHERE, {0, INFINITY, 7}, {NAN, 0, 1}},
};

static void check_kink(struct scene *scene, enum lj_op op, uint32_t which)
{
  const struct kink *kink = &kinks[which];
  const struct lj_op_info *info = &lj_op_table[op];
  lj_id operand[3] = {0}, adjoint;
  struct lj_size shape = lj_size_number(1);
  for (int o = 0; o < info->arity; o++) {
    bool truth = info->type == LJ_TYPE_CHOICE && o == 0;
    operand[o] = input(scene, (const char *[]){"a", "b", "c"}[o],
                       truth ? LJ_BOOL : LJ_F64, 1, &shape);
    scene->data[o][0] = kink->at[o];
  }
  lj_id value = lj_apply(&scene->graph, op, operand[0], operand[1], operand[2]);
  for (int o = 0; o < info->arity; o++) {
    if (isnan(kink->adjoint[o]))
      continue;
    assert_true(lj_grad(&scene->graph, &scene->diags, &scene->rules, value,
                        lj_number(&scene->graph, 1), &operand[o], 1, &adjoint));
    double got = adjoint ? values_of(scene, adjoint)[0] : 0;
    if (got != kink->adjoint[o])
      fail_msg("%s(%g, %g, %g): the adjoint of operand %d is %g, not %g", info->name,
               kink->at[0], kink->at[1], kink->at[2], o, got, kink->adjoint[o]);
  }
}

static void kinks_follow_the_conventions(void **state)
{
  (void)state;
  for (uint32_t i = 0; i < LJ_COUNT(kinks); i++)
    run(check_kink, kinks[i].op, i);
}

static void check_row_ties(struct scene *scene, enum lj_op op, uint32_t which)
{
  struct lj_size shape[] = {lj_size_number(2), lj_size_number(3)};
  static const double data[] = {3, 1, 3, -1, -1, -1};
  static const double expected[2][6] = {{0.5, 0, 0.5, 1. / 3, 1. / 3, 1. / 3},
                                        {0, 1, 0, 1. / 3, 1. / 3, 1. / 3}};
  lj_id a = input(scene, "a", LJ_F64, 2, shape), adjoint;
  (void)which;
  for (int i = 0; i < 6; i++)
    scene->data[0][i] = data[i];
  assert_true(lj_grad(&scene->graph, &scene->diags, &scene->rules,
                      lj_row(&scene->graph, op, a, 1u << 1),
                      lj_number(&scene->graph, 1), &a, 1, &adjoint));
  for (int i = 0; i < 6; i++)
    assert_true(values_of(scene, adjoint)[i] == expected[op == LJ_OP_MIN][i]);
}

static void ties_along_an_axis_share_the_adjoint(void **state)
{
  (void)state;
  run(check_row_ties, LJ_OP_MAX, 0);
  run(check_row_ties, LJ_OP_MIN, 0);
}

/* A rule that is missing is said, not guessed. */
static void check_missing_rule(struct scene *scene, enum lj_op op, uint32_t axes)
{
  lj_id value = lj_op_is_row(op) ? row(scene, op, axes) : elementwise(scene, op);
  lj_id adjoint, wrt = scene->graph.inputs[0].node;
  assert_false(lj_grad(&scene->graph, &scene->diags, &scene->rules, value,
                       lj_number(&scene->graph, 1), &wrt, 1, &adjoint));
  assert_int_equal(scene->diags.error_count, 1);
}

static void missing_rules_are_reported(void **state)
{
  (void)state;
  for (enum lj_op op = LJ_OP_FIRST_ELEMENTWISE; op < LJ_OP_COUNT; op++)
    if (lj_op_table[op].derivative[0] && !has_rule(lj_op_table[op].derivative[0]))
      run(check_missing_rule, op, 4);
}

/* ---- guards ---------------------------------------------------------------------- */

static void expect_zeros(struct scene *scene, const char *what, lj_id adjoint)
{
  const double *values = values_of(scene, adjoint);
  for (int64_t i = 0; i < count_of(scene, adjoint); i++)
    if (values[i] != 0)
      fail_msg("%s: element %d is %g", what, (int)i, values[i]);
}

/* where(no, NAME(specials), 0): zero in the first derivative and in the second. The
 * interpreter computes both branches, so only guards in the right place help. */
static void check_guard(struct scene *scene, enum lj_op op, uint32_t turn)
{
  struct lj_graph *graph = &scene->graph;
  const char *what = lj_op_table[op].name;
  lj_id value = elementwise(scene, op);
  uint32_t count = graph->input_count;
  for (uint32_t o = 0; o < count; o++)
    for (size_t i = 0; i < ELEMENTS; i++)
      scene->data[o][i] =
          test_special(LJ_F64, (i * (o + 1) + turn * o) % test_special_count());
  value =
      lj_apply(graph, LJ_OP_WHERE, lj_truth(graph, false), value, lj_number(graph, 0));
  for (uint32_t o = 0; o < count; o++) {
    lj_id wrt = graph->inputs[o].node, first = 0, second = 0;
    if (!has_rule(lj_op_table[op].derivative[o]))
      continue;
    assert_true(lj_grad(graph, &scene->diags, &scene->rules, value, lj_number(graph, 1),
                        &wrt, 1, &first));
    if (first)
      expect_zeros(scene, what, first);
    if (first &&
        lj_grad(graph, &scene->diags, &scene->rules, first, lj_number(graph, 1), &wrt,
                1, &second) &&
        second)
      expect_zeros(scene, what, second);
  }
}

static void guards_hold_in_both_derivatives(void **state)
{
  (void)state;
  for (enum lj_op op = LJ_OP_FIRST_ELEMENTWISE; op < LJ_OP_FIRST_ROW; op++)
    for (uint32_t turn = 0; turn < 5; turn++)
      if (has_rule(lj_op_table[op].derivative[0]) && op != LJ_OP_CAST)
        run(check_guard, op, turn);
}

/* ---- the tests: one per row that has a rule -------------------------------------- */

int main(void)
{
  static struct CMUnitTest tests[LJ_OP_COUNT + 4];
  size_t count = 0;
  tests[count++] = (struct CMUnitTest)cmocka_unit_test(kinks_follow_the_conventions);
  tests[count++] =
      (struct CMUnitTest)cmocka_unit_test(ties_along_an_axis_share_the_adjoint);
  tests[count++] = (struct CMUnitTest)cmocka_unit_test(missing_rules_are_reported);
  tests[count++] = (struct CMUnitTest)cmocka_unit_test(guards_hold_in_both_derivatives);
  for (enum lj_op op = LJ_OP_FIRST_ELEMENTWISE; op < LJ_OP_COUNT; op++) {
    const struct lj_op_info *info = &lj_op_table[op];
    if (has_rule(info->derivative[0]) || has_rule(info->derivative[1]))
      tests[count++] = (struct CMUnitTest){info->name, derivative_matches_differences,
                                           NULL, NULL, (void *)(uintptr_t)op};
  }
  return _cmocka_run_group_tests("derivatives", tests, count, NULL, NULL);
}
