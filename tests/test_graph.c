/*
 * The graph: each node once, dtypes and shapes that follow from operands, views in one
 * form, and the facts of the operator tables. Folding is off, so that what is made is
 * what was asked for.
 */
#include "compiler/graph.h"
#include "compiler/reference.h"
#include "tests/alloc_hook.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bench {
  struct lj_alloc_hook hook;
  struct lj_trap trap;
  struct lj_arena arena;
  struct lj_graph graph;
};

static int setup(void **state)
{
  struct bench *bench = calloc(1, sizeof *bench);

  lj_alloc_hook_init(&bench->hook);
  lj_arena_init(&bench->arena, &bench->hook.allocator, &bench->trap);
  if (setjmp(bench->trap.escape))
    return -1;
  lj_graph_init(&bench->graph, &bench->arena, 5000);
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

#define BATCH lj_size_symbol(LJ_SYMBOL_BATCH)
#define SIZE(n) lj_size_number(n)
#define SHAPE(...) ((struct lj_size[]){__VA_ARGS__})

static lj_id input(struct lj_graph *graph, const char *name, enum lj_dtype dtype,
                   uint32_t rank, const struct lj_size *shape)
{
  struct lj_input made = {.name = name, .dtype = (uint8_t)dtype, .rank = (uint8_t)rank};

  memcpy(made.shape, shape, rank * sizeof *shape);
  return lj_graph_input(graph, &made);
}

static const char *shape_text(struct bench *bench, lj_id id)
{
  struct lj_text text = {.arena = &bench->arena};
  const struct lj_node *node = lj_node_at(&bench->graph, id);

  lj_text_add(&text, "%s", lj_dtype_name((enum lj_dtype)node->dtype));
  lj_shape_print(&text, &bench->graph, node->rank, node->shape);
  return text.text;
}

/* True if making the node by `statement` is refused as our own bug. */
#define REFUSED(bench, statement)                                                      \
  (setjmp((bench)->trap.escape) ? (bench)->trap.status == LOSSJIT_INTERNAL             \
                                : ((void)(statement), false))

/* ---- once each ------------------------------------------------------------------- */

static void test_equal_nodes_are_one(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *g = &bench->graph;
  lj_id x = input(g, "x", LJ_F32, 2, SHAPE(BATCH, SIZE(3)));
  struct lj_read column[] = {{SIZE(0), 1, 0}, {SIZE(1), 0, -1}};
  double table[] = {1, 2, 3}, other[] = {1, 2, 4};
  lj_id before;

  assert_int_equal(lj_apply2(g, LJ_OP_ADD, x, x), lj_apply2(g, LJ_OP_ADD, x, x));
  assert_int_not_equal(lj_apply2(g, LJ_OP_ADD, x, lj_integer(g, 1)),
                       lj_apply2(g, LJ_OP_ADD, lj_integer(g, 1), x));
  assert_int_equal(lj_row(g, LJ_OP_SUM, x, 2), lj_row(g, LJ_OP_SUM, x, 2));
  assert_int_not_equal(lj_row(g, LJ_OP_SUM, x, 2), lj_row(g, LJ_OP_SUM, x, 1));
  assert_int_equal(lj_view(g, x, 1, SHAPE(BATCH), column),
                   lj_view(g, x, 1, SHAPE(BATCH), column));
  before = g->node_count;
  column[1].start = SIZE(2);
  assert_int_equal(lj_view(g, x, 1, SHAPE(BATCH), column), before + 1);
  assert_int_equal(lj_table(g, LJ_WEAK_INT, 1, SHAPE(SIZE(3)), table),
                   lj_table(g, LJ_WEAK_INT, 1, SHAPE(SIZE(3)), table));
  assert_int_not_equal(lj_table(g, LJ_WEAK_INT, 1, SHAPE(SIZE(3)), table),
                       lj_table(g, LJ_WEAK_INT, 1, SHAPE(SIZE(3)), other));
}

/* By their bits: -0 is not 0, and a NaN is itself. Dtypes tell numbers apart. */
static void test_constants(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *g = &bench->graph;
  double value;

  assert_int_not_equal(lj_number(g, 0.0), lj_number(g, -0.0));
  assert_int_equal(lj_number(g, NAN), lj_number(g, NAN));
  assert_int_not_equal(lj_number(g, 2), lj_integer(g, 2));
  assert_int_equal(lj_size_node(g, SIZE(7)), lj_integer(g, 7));
  assert_true(lj_is_constant(g, lj_number(g, 2.5), &value));
  assert_true(value == 2.5);
  assert_false(lj_is_constant(g, lj_size_node(g, BATCH), &value));
  assert_false(lj_is_constant(g, 0, &value));
}

/* The table of nodes grows; every node stays findable under its first id. */
static void test_many_nodes(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *g = &bench->graph;

  for (int i = 0; i < 4000; i++)
    assert_int_equal(lj_integer(g, i), i + 1);
  for (int i = 0; i < 4000; i++)
    assert_int_equal(lj_integer(g, i), i + 1);
  assert_int_equal(g->node_count, 4000);
}

static void test_node_limit(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *g = &bench->graph;

  if (!setjmp(bench->trap.escape)) {
    for (int i = 0; i < 6000; i++)
      lj_integer(g, i);
    fail();
  }
  assert_int_equal(bench->trap.status, LOSSJIT_INVALID);
  assert_int_equal(g->node_count, 5000);
}

/* A node keeps the place it was first made for. */
static void test_spans(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *g = &bench->graph;
  lj_id one;

  g->here = (struct lj_span){3, 4, 0};
  one = lj_integer(g, 1);
  g->here = (struct lj_span){8, 9, 0};
  assert_int_equal(lj_integer(g, 1), one);
  assert_int_equal(lj_node_at(g, one)->span.begin, 3);
}

/* ---- dtypes ---------------------------------------------------------------------- */

static void test_promotion(void **state)
{
  (void)state;
  assert_int_equal(lj_promote(LJ_F32, LJ_F64), LJ_F64);
  assert_int_equal(lj_promote(LJ_F32, LJ_WEAK_FLOAT), LJ_F32);
  assert_int_equal(lj_promote(LJ_I64, LJ_F32), LJ_F32);
  assert_int_equal(lj_promote(LJ_I64, LJ_WEAK_INT), LJ_I64);
  assert_int_equal(lj_promote(LJ_I32, LJ_WEAK_FLOAT), LJ_WEAK_FLOAT);
  assert_int_equal(lj_promote(LJ_BOOL, LJ_WEAK_INT), LJ_WEAK_INT);
}

static void test_result_dtypes(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *g = &bench->graph;
  lj_id f = input(g, "f", LJ_F32, 1, SHAPE(BATCH));
  lj_id i = input(g, "i", LJ_I64, 1, SHAPE(BATCH));
  lj_id t = lj_apply2(g, LJ_OP_LESS, f, i);
  lj_id two = lj_integer(g, 2);

#define DTYPE(id) lj_node_at(g, (id))->dtype
  assert_int_equal(DTYPE(t), LJ_BOOL);
  assert_int_equal(DTYPE(lj_apply2(g, LJ_OP_MULTIPLY, t, f)), LJ_F32);
  assert_int_equal(DTYPE(lj_apply2(g, LJ_OP_ADD, t, t)), LJ_I32);
  assert_int_equal(DTYPE(lj_apply2(g, LJ_OP_DIVIDE, two, two)), LJ_WEAK_FLOAT);
  assert_int_equal(DTYPE(lj_apply2(g, LJ_OP_DIVIDE, i, two)), LJ_F32);
  assert_int_equal(DTYPE(lj_apply1(g, LJ_OP_EXP, t)), LJ_F32);
  assert_int_equal(DTYPE(lj_apply(g, LJ_OP_WHERE, t, t, t)), LJ_BOOL);
  assert_int_equal(DTYPE(lj_apply(g, LJ_OP_WHERE, t, i, f)), LJ_F32);
  assert_int_equal(DTYPE(lj_apply1(g, LJ_OP_STOP_GRADIENT, t)), LJ_BOOL);
  assert_int_equal(DTYPE(lj_row(g, LJ_OP_SUM, t, 1)), LJ_I32);
  assert_int_equal(DTYPE(lj_row(g, LJ_OP_MEAN, i, 1)), LJ_F32);
  assert_int_equal(DTYPE(lj_row(g, LJ_OP_ANY, t, 1)), LJ_BOOL);
  assert_int_equal(lj_cast(g, LJ_F32, f), f);
  assert_int_equal(DTYPE(lj_cast(g, LJ_F64, f)), LJ_F64);
#undef DTYPE
}

/* ---- shapes ---------------------------------------------------------------------- */

static void test_broadcasting(void **state)
{
  struct bench *bench = *state;
  struct lj_size n = lj_size_symbol(lj_graph_symbol(&bench->graph, "n"));
  struct lj_size shape[LOSSJIT_MAX_RANK];
  uint32_t rank, axis;

  assert_true(lj_broadcast(2, SHAPE(BATCH, n), 1, SHAPE(n), &rank, shape, &axis));
  assert_int_equal(rank, 2);
  assert_true(lj_size_is_batch(shape[0]) && lj_size_equal(shape[1], n));
  assert_true(lj_broadcast(0, NULL, 1, SHAPE(n), &rank, shape, &axis));
  assert_true(lj_broadcast(2, SHAPE(SIZE(1), n), 2, SHAPE(BATCH, SIZE(1)), &rank, shape,
                           &axis));
  assert_true(lj_size_is_batch(shape[0]) && lj_size_equal(shape[1], n));
  assert_false(
      lj_broadcast(2, SHAPE(BATCH, n), 1, SHAPE(SIZE(2)), &rank, shape, &axis));
  assert_int_equal(axis, 0);
  assert_false(
      lj_broadcast(2, SHAPE(SIZE(2), n), 2, SHAPE(SIZE(3), n), &rank, shape, &axis));
  assert_int_equal(axis, 1);
}

static void test_sizes(void **state)
{
  struct bench *bench = *state;
  struct lj_size n = lj_size_symbol(lj_graph_symbol(&bench->graph, "n")), sum, twice;
  struct lj_text text = {.arena = &bench->arena};

  assert_int_equal(lj_graph_symbol(&bench->graph, "n"), n.symbol);
  assert_int_equal(lj_graph_symbol(&bench->graph, "batch"), LJ_SYMBOL_BATCH);
  assert_true(lj_size_times(n, 2, &twice));
  assert_true(lj_size_add(twice, SIZE(-1), &sum));
  lj_size_print(&text, &bench->graph, sum);
  assert_string_equal(text.text, "2*n-1");
  assert_true(lj_size_times(n, -2, &sum) && lj_size_add(sum, twice, &sum));
  assert_true(lj_size_is(sum, 0));
  assert_false(lj_size_add(n, BATCH, &sum));
  assert_false(lj_size_times(SIZE(INT64_MAX), 2, &sum));
}

static void test_shapes(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *g = &bench->graph;
  lj_id x = input(g, "x", LJ_F32, 3, SHAPE(BATCH, SIZE(2), SIZE(3)));

  assert_string_equal(shape_text(bench, lj_row(g, LJ_OP_SUM, x, 5)), "f32(2,)");
  assert_string_equal(shape_text(bench, lj_row(g, LJ_OP_SUM, x, 7)), "f32()");
  assert_string_equal(shape_text(bench, lj_row(g, LJ_OP_SOFTMAX, x, 4)),
                      "f32(batch, 2, 3)");
  assert_int_equal(lj_row(g, LJ_OP_SUM, x, 0), x);
  assert_string_equal(shape_text(bench, lj_expand_dims(g, x, 2 | 16)),
                      "f32(batch, 1, 2, 3, 1)");
  assert_int_equal(lj_expand_dims(g, x, 0), x);
  assert_string_equal(shape_text(bench, lj_squeeze(g, lj_expand_dims(g, x, 2), 2)),
                      "f32(batch, 2, 3)");
  assert_string_equal(
      shape_text(bench, lj_broadcast_to(g, lj_number(g, 1), 2, SHAPE(BATCH, SIZE(2)))),
      "weak float(batch, 2)");
  assert_string_equal(shape_text(bench, lj_iota(g, SIZE(4))), "weak int(4,)");
}

/* What a view does not move along has no step; reading everything in place is no
 * view. */
static void test_views_have_one_form(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *g = &bench->graph;
  lj_id x = input(g, "x", LJ_F32, 2, SHAPE(BATCH, SIZE(3)));
  struct lj_read zero[] = {{SIZE(0), 1, 0}, {SIZE(1), 0, -1}};
  struct lj_read one[] = {{SIZE(0), 1, 0}, {SIZE(1), 1, -7}};
  struct lj_read whole[] = {{SIZE(0), 1, 0}, {SIZE(0), 1, 1}};

  assert_int_equal(lj_view(g, x, 1, SHAPE(BATCH), zero),
                   lj_view(g, x, 1, SHAPE(BATCH), one));
  assert_int_equal(lj_view(g, x, 2, SHAPE(BATCH, SIZE(3)), whole), x);
  assert_int_equal(lj_pad(g, x, SHAPE(BATCH, SIZE(3)), whole), x);
  assert_int_not_equal(lj_view(g, x, 2, SHAPE(BATCH, SIZE(2)), whole), x);
}

static void test_gather(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *g = &bench->graph;
  lj_id x = input(g, "x", LJ_F32, 3, SHAPE(BATCH, SIZE(2), SIZE(3)));
  lj_id inner = input(g, "i", LJ_I64, 2, SHAPE(BATCH, SIZE(3)));

  assert_string_equal(shape_text(bench, lj_gather(g, x, inner, 1)), "f32(batch, 3)");
  assert_true(REFUSED(bench, lj_gather(g, x, inner, 2)));
  assert_true(REFUSED(bench, lj_gather(g, x, x, 1)));
}

/* Arguments that no checked text can lead to are our own bugs. */
static void test_invariants(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *g = &bench->graph;
  lj_id x = input(g, "x", LJ_F32, 1, SHAPE(SIZE(2)));
  lj_id y = input(g, "y", LJ_F32, 1, SHAPE(SIZE(3)));

  assert_true(REFUSED(bench, lj_apply2(g, LJ_OP_ADD, x, y)));
  assert_true(REFUSED(bench, lj_apply1(g, LJ_OP_ADD, x)));
  assert_true(REFUSED(bench, lj_apply1(g, LJ_OP_NOT, x)));
  assert_true(REFUSED(bench, lj_apply1(g, LJ_OP_EXP, 99)));
  assert_true(REFUSED(bench, lj_row(g, LJ_OP_SUM, x, 2)));
  assert_true(REFUSED(bench, lj_squeeze(g, x, 1)));
}

static void test_rebuild(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *g = &bench->graph;
  lj_id x = input(g, "x", LJ_F32, 2, SHAPE(BATCH, SIZE(3)));

  lj_apply2(g, LJ_OP_POWER, x, lj_number(g, 2));
  lj_cast(g, LJ_F64, lj_row(g, LJ_OP_MEAN, x, 2));
  lj_expand_dims(g, lj_size_node(g, BATCH), 1);
  lj_graph_parameter(g, "p", 1, LJ_ROLE_USER);
  for (lj_id id = 1, last = g->node_count; id <= last; id++)
    assert_int_equal(lj_rebuild(g, lj_node_at(g, id), lj_node_at(g, id)->operand), id);
}

static void test_dump(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *g = &bench->graph;
  lj_id x = input(g, "x", LJ_F32, 2, SHAPE(BATCH, SIZE(3)));
  lj_id sum = lj_row(g, LJ_OP_SUM, lj_apply1(g, LJ_OP_EXP, x), 2);
  struct lj_text text = {.arena = &bench->arena};

  lj_number(g, 1); /* not needed by the root, not shown */
  lj_graph_dump(&text, g, &sum, 1);
  assert_string_equal(
      text.text, "%1 = input x                                      f32(batch, 3)\n"
                 "%2 = exp %1                                       f32(batch, 3)\n"
                 "%3 = sum %2 axis=[1]                              f32(batch,)\n");
}

/* ---- the tables ------------------------------------------------------------------ */

static void test_operator_table(void **state)
{
  (void)state;
  assert_int_equal(lj_op_named("logaddexp"), LJ_OP_LOGADDEXP);
  assert_int_equal(lj_op_named("softmax"), LJ_OP_SOFTMAX);
  assert_int_equal(lj_op_named("input"), LJ_OP_NONE);
  for (int op = 1; op < LJ_OP_COUNT; op++) {
    const struct lj_op_info *info = &lj_op_table[op];
    assert_non_null(info->name);
    if (op < LJ_OP_FIRST_ELEMENTWISE)
      continue;
    assert_int_equal(lj_op_named(info->name), op);
    assert_true(lj_op_is_row(op) == (info->reference == NULL));
    assert_true((info->expansion != NULL) == (info->row_kind > LJ_ROW_FOLD));
    for (int i = info->arity; i < 3; i++)
      assert_null(info->derivative[i]);
  }
}

static void test_reference_values(void **state)
{
  static const struct {
    double (*f)(double);
    double at, value;
  } rows[] = {
      {lj_reference_sign, -0.0, 0},
      {lj_reference_sigmoid, -800, 0},
      {lj_reference_sigmoid, 800, 1},
      {lj_reference_softplus, -40, 4.248354255291589e-18},
      {lj_reference_softplus, 1000, 1000},
      {lj_reference_log_ndtr, 0, -0.69314718055994531},
      {lj_reference_log_ndtr, -5, -15.064998393988726},
      {lj_reference_log_ndtr, -29.5, -439.42947460915023},
      {lj_reference_log_ndtr, -30.5, -469.46273732291211},
      {lj_reference_log_ndtr, 8, -6.2209605742717861e-16},
      {lj_reference_digamma, 1, -0.57721566490153286},
      {lj_reference_digamma, 0.5, -1.9635100260214235},
      {lj_reference_digamma, -1.5, 0.70315664064524319},
      {lj_reference_digamma, 1e8, 18.420680738952365},
      {lj_reference_trigamma, 1, 1.6449340668482264},
      {lj_reference_trigamma, -0.5, 8.9348022005446793},
      {lj_reference_trigamma, 20, 0.05127082293520312},
      {lj_reference_lgamma, 0.5, 0.57236494292470008},
  };

  (void)state;
  for (size_t i = 0; i < LJ_COUNT(rows); i++) {
    double got = rows[i].f(rows[i].at), tolerance = fabs(rows[i].value) * 1e-14;
    if (!(fabs(got - rows[i].value) <= tolerance))
      fail_msg("row %zu: %.17g, not %.17g", i, got, rows[i].value);
  }
}

static void test_reference_edges(void **state)
{
  (void)state;
  assert_true(lj_reference_mod(-1, 3) == 2 && lj_reference_mod(1, -3) == -2);
  assert_true(lj_reference_mod(5, 2.5) == 0);
  assert_true(isnan(lj_reference_max(NAN, 1)) && isnan(lj_reference_max(1, NAN)));
  assert_true(isnan(lj_reference_min(NAN, 1)) && isnan(lj_reference_min(1, NAN)));
  assert_true(isnan(lj_reference_sign(NAN)) && isnan(lj_reference_sigmoid(NAN)));
  assert_true(isnan(lj_reference_softplus(NAN)));
  assert_true(lj_reference_softplus(-INFINITY) == 0);
  assert_true(lj_reference_logaddexp(-INFINITY, -INFINITY) == -INFINITY);
  assert_true(lj_reference_logaddexp(INFINITY, 1) == INFINITY);
  assert_true(lj_reference_xlogy(0, 0) == 0 && lj_reference_xlogy(0, -1) == 0);
  assert_true(isnan(lj_reference_xlogy(0, NAN)));
  assert_true(lj_reference_log_ndtr(-INFINITY) == -INFINITY);
  assert_true(lj_reference_log_ndtr(INFINITY) == 0);
  assert_true(lj_reference_digamma(0) == -INFINITY);
  assert_true(isnan(lj_reference_digamma(-3)) &&
              isnan(lj_reference_digamma(-INFINITY)));
  assert_true(lj_reference_trigamma(-2) == INFINITY);
  assert_true(lj_reference_trigamma(INFINITY) == 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_equal_nodes_are_one),
      TEST(test_constants),
      TEST(test_many_nodes),
      TEST(test_node_limit),
      TEST(test_spans),
      cmocka_unit_test(test_promotion),
      TEST(test_result_dtypes),
      TEST(test_broadcasting),
      TEST(test_sizes),
      TEST(test_shapes),
      TEST(test_views_have_one_form),
      TEST(test_gather),
      TEST(test_invariants),
      TEST(test_rebuild),
      TEST(test_dump),
      cmocka_unit_test(test_operator_table),
      cmocka_unit_test(test_reference_values),
      cmocka_unit_test(test_reference_edges),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
