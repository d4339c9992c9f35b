/*
 * Rules of the operator tables as macros over nodes: names and axes are bound, shapes
 * are trusted, equal applications give equal nodes, and every rule that the tables hold
 * can be read and applied.
 */
#include "compiler/check.h"
#include "tests/alloc_hook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define UNBOUND UINT32_MAX

struct bench {
  struct lj_alloc_hook hook;
  struct lj_trap trap;
  struct lj_arena arena;
  struct lj_graph graph;
  struct lj_rules rules;
  lj_id x, row; /* (batch, 3) and (batch, 1), f64 */
};

static int setup(void **state)
{
  struct bench *bench = calloc(1, sizeof *bench);
  struct lj_input input = {.name = "x", .dtype = LJ_F64, .rank = 2};

  lj_alloc_hook_init(&bench->hook);
  lj_arena_init(&bench->arena, &bench->hook.allocator, &bench->trap);
  if (setjmp(bench->trap.escape))
    return -1;
  lj_graph_init(&bench->graph, &bench->arena, 1000);
  bench->rules.arena = &bench->arena;
  input.shape[0] = lj_size_symbol(LJ_SYMBOL_BATCH);
  input.shape[1] = lj_size_number(3);
  bench->x = lj_graph_input(&bench->graph, &input);
  bench->row =
      lj_expand_dims(&bench->graph, lj_row(&bench->graph, LJ_OP_SUM, bench->x, 2), 2);
  *state = bench;
  return 0;
}

static int teardown(void **state)
{
  struct bench *bench = *state;
  int left;

  lj_arena_free(&bench->arena);
  left = (int)bench->hook.live;
  free(bench);
  return left;
}

static lj_id apply(struct bench *bench, const char *text, uint32_t axes)
{
  struct lj_rule_binding bindings[] = {
      {"a", bench->x}, {"y", bench->row}, {"g", bench->row}};

  return lj_rule_apply(&bench->rules, &bench->graph, text, bindings, 3, axes);
}

/* False if it left through the trap. */
static bool applies(struct bench *bench, const char *text,
                    const struct lj_rule_binding *bindings, uint32_t axes)
{
  if (setjmp(bench->trap.escape))
    return false;
  return lj_rule_apply(&bench->rules, &bench->graph, text, bindings, 6, axes) != 0;
}

static void test_names_and_axes(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *g = &bench->graph;

  assert_int_equal(apply(bench, "g*a", UNBOUND),
                   lj_apply2(g, LJ_OP_MULTIPLY, bench->row, bench->x));
  assert_int_equal(apply(bench, "g", 2), bench->row);
  assert_int_equal(apply(bench, "sum(a, axis=axis, keepdims=True)", 2), bench->row);
  assert_int_equal(apply(bench, "size(a, axis=axis)", 2), lj_integer(g, 3));
  assert_int_equal(apply(bench, "e = exp(a); e", UNBOUND),
                   lj_apply1(g, LJ_OP_EXP, bench->x));
  assert_int_equal(apply(bench, "2", UNBOUND), lj_integer(g, 2));
}

/* Inside a rule the batch may meet a 1, and cast() means the operands' own float
 * type. */
static void test_rules_are_trusted(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *g = &bench->graph;
  struct lj_size one = lj_size_number(1), all[] = {one, one};
  double zero = 0;
  struct lj_rule_binding bindings[] = {{"a", bench->x},
                                       {"b", lj_table(g, LJ_F64, 2, all, &zero)}};
  lj_id sum = lj_rule_apply(&bench->rules, g, "a + cast(b > 0)", bindings, 2, UNBOUND);

  assert_int_equal(lj_node_at(g, sum)->dtype, LJ_F64);
}

/* Every derivative and expansion of the tables, over operands of a fitting type. */
static void test_every_rule_of_the_tables(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *g = &bench->graph;

  for (int op = LJ_OP_FIRST_ELEMENTWISE; op < LJ_OP_COUNT; op++) {
    const struct lj_op_info *info = &lj_op_table[op];
    lj_id truth = lj_apply2(g, LJ_OP_GREATER, bench->x, bench->row);
    bool chooses = info->type == LJ_TYPE_CHOICE;
    struct lj_rule_binding bindings[] = {{"a", chooses ? truth : bench->x},
                                         {"b", bench->x},
                                         {"c", bench->row},
                                         {"y", bench->row},
                                         {"g", bench->row},
                                         {"s", bench->row}};
    for (int i = 0; i < 4; i++) {
      const char *text = i < 3 ? info->derivative[i] : info->expansion;
      if (!text || !strcmp(text, LJ_NO_RULE))
        continue;
      if (!applies(bench, text, bindings, lj_op_is_row((enum lj_op)op) ? 2 : UNBOUND))
        fail_msg("%s: %s", info->name, bench->trap.message);
    }
  }
}

/* A mistake in a rule is our own bug, and says which rule it was. */
static void test_bad_rules(void **state)
{
  static const char *const bad[] = {"g*", "g*zz", "g + f(a)", "sum(a, axis=7)",
                                    "sum(a, axis=axis)"};
  struct bench *bench = *state;
  struct lj_rule_binding bindings[] = {{"a", bench->x},   {"b", bench->x},
                                       {"c", bench->x},   {"y", bench->row},
                                       {"g", bench->row}, {"s", bench->row}};

  for (size_t i = 0; i < LJ_COUNT(bad); i++) {
    assert_false(applies(bench, bad[i], bindings, UNBOUND));
    assert_int_equal(bench->trap.status, LOSSJIT_INTERNAL);
    assert_non_null(strstr(bench->trap.message, bad[i]));
  }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_names_and_axes),
      TEST(test_rules_are_trusted),
      TEST(test_every_rule_of_the_tables),
      TEST(test_bad_rules),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
