/*
 * The reference interpreter on graphs built by hand: what each family of nodes means,
 * with the values worked out on paper or by NumPy, and the edges: no samples, empty
 * axes, NaN and infinities, reading backwards, labels out of range.
 *
 * Graphs are made through graph.h with folding off, so that what is evaluated is what
 * was written. Values are compared to the last bit or so, zeros with their signs.
 */
#include "compiler/passes.h"
#include "tests/alloc_hook.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MAX_INPUTS 4

struct bench {
  struct lj_alloc_hook hook;
  struct lj_trap trap;
  struct lj_arena arena;
  struct lj_graph graph;
  const double *inputs[MAX_INPUTS];
  int64_t batch;
  int64_t bad_sample;
};

static int setup(void **state)
{
  struct bench *bench = calloc(1, sizeof *bench);
  lj_alloc_hook_init(&bench->hook);
  lj_arena_init(&bench->arena, &bench->hook.allocator, &bench->trap);
  if (setjmp(bench->trap.escape))
    return -1;
  lj_graph_init(&bench->graph, &bench->arena, 1000);
  bench->bad_sample = -1;
  *state = bench;
  return 0;
}

static int teardown(void **state)
{
  struct bench *bench = *state;
  lj_arena_free(&bench->arena);
  assert_int_equal(bench->hook.live, 0);
  free(bench);
  return 0;
}

/* ---- building -------------------------------------------------------------------- */

/* An input of `rank` of these sizes (-1: the batch). */
static lj_id input(struct bench *bench, const char *name, enum lj_dtype dtype,
                   uint32_t rank, int64_t size0, int64_t size1, const double *data)
{
  int64_t sizes[] = {size0, size1};
  struct lj_input input = {.name = name, .dtype = dtype, .rank = rank};
  for (uint32_t k = 0; k < rank; k++)
    input.shape[k] =
        sizes[k] < 0 ? lj_size_symbol(LJ_SYMBOL_BATCH) : lj_size_number(sizes[k]);
  bench->inputs[bench->graph.input_count] = data;
  return lj_graph_input(&bench->graph, &input);
}

/* A table of plain numbers as f64: (n,) or (m, n). */
static lj_id vector(struct bench *bench, int64_t n, const double *values)
{
  struct lj_size shape[] = {lj_size_number(n)};
  return lj_table(&bench->graph, LJ_F64, 1, shape, values);
}

static lj_id matrix(struct bench *bench, int64_t m, int64_t n, const double *values)
{
  struct lj_size shape[] = {lj_size_number(m), lj_size_number(n)};
  return lj_table(&bench->graph, LJ_F64, 2, shape, values);
}

#define VECTOR(bench, ...)                                                             \
  vector((bench), sizeof((double[]){__VA_ARGS__}) / sizeof(double),                    \
         (double[]){__VA_ARGS__})
#define MATRIX(bench, m, n, ...) matrix((bench), (m), (n), (double[]){__VA_ARGS__})

/* ---- comparing ------------------------------------------------------------------- */

static const double *evaluate(struct bench *bench, lj_id root)
{
  int64_t symbols[] = {0, bench->batch};
  struct lj_evaluation with = {.graph = &bench->graph,
                               .batch = bench->batch,
                               .inputs = bench->inputs,
                               .parameters = (double[]){2.5},
                               .symbol_values = symbols};
  return lj_evaluate(&bench->arena, &with, root, &bench->bad_sample);
}

static int same(double a, double b)
{
  if (isnan(a) || isnan(b))
    return isnan(a) && isnan(b);
  if (isinf(a) || isinf(b) || a == 0 || b == 0)
    return a == b && (a != 0 || signbit(a) == signbit(b));
  return fabs(a - b) <= 4e-16 * fabs(b);
}

static void expect(struct bench *bench, lj_id root, int64_t count,
                   const double *expected)
{
  int64_t symbols[] = {0, bench->batch};
  struct lj_evaluation with = {.graph = &bench->graph, .symbol_values = symbols};
  const struct lj_node *node = lj_node_at(&bench->graph, root);
  assert_int_equal(lj_element_count(&with, node->rank, node->shape), count);
  const double *values = evaluate(bench, root);
  assert_non_null(values);
  for (int64_t i = 0; i < count; i++)
    if (!same(values[i], expected[i]))
      fail_msg("element %d is %.17g, not %.17g", (int)i, values[i], expected[i]);
}

#define EXPECT(bench, root, ...)                                                       \
  expect((bench), (root), sizeof((double[]){__VA_ARGS__}) / sizeof(double),            \
         (double[]){__VA_ARGS__})

/* ---- leaves and elementwise operators -------------------------------------------- */

static void leaves_are_what_they_say(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *graph = &bench->graph;
  bench->batch = 3;
  lj_id rate = lj_graph_parameter(graph, "rate", 1.0, LJ_ROLE_USER);
  EXPECT(bench, rate, 2.5); /* the value of the call, not the default */
  EXPECT(bench, lj_number(graph, 0.1), 0.1);
  EXPECT(bench, lj_constant(graph, LJ_F32, 0.1), 0.1); /* not rounded to f32 */
  EXPECT(bench, lj_iota(graph, lj_size_symbol(LJ_SYMBOL_BATCH)), 0, 1, 2);
  struct lj_size odd = {.scale = 2, .symbol = LJ_SYMBOL_BATCH, .offset = 1};
  EXPECT(bench, lj_size_node(graph, odd), 7);
  EXPECT(bench, VECTOR(bench, 0.3, 0.7), 0.3, 0.7);
}

static void operands_broadcast_at_the_last_axis(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *graph = &bench->graph;
  lj_id a = MATRIX(bench, 2, 3, 1, 2, 3, 4, 5, 6);
  lj_id row = VECTOR(bench, 10, 20, 30);
  lj_id column = MATRIX(bench, 2, 1, 100, 200);
  EXPECT(bench, lj_apply2(graph, LJ_OP_ADD, a, row), 11, 22, 33, 14, 25, 36);
  EXPECT(bench, lj_apply2(graph, LJ_OP_SUBTRACT, row, column), -90, -80, -70, -190,
         -180, -170);
  EXPECT(bench, lj_apply2(graph, LJ_OP_MULTIPLY, lj_number(graph, 2), column), 200,
         400);
}

static void the_batch_may_be_one_or_none(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *graph = &bench->graph;
  lj_id x = input(bench, "x", LJ_F64, 2, -1, 2, (double[]){1, 2});
  lj_apply1(graph, LJ_OP_EXP, input(bench, "unused", LJ_F64, 1, -1, 0, NULL));
  lj_id y = lj_apply2(graph, LJ_OP_ADD, x, VECTOR(bench, 10, 20));
  lj_id per_sample = lj_row(graph, LJ_OP_SUM, y, 1u << 1);
  lj_id total = lj_row(graph, LJ_OP_SUM, per_sample, 1u << 0);
  bench->batch = 1;
  EXPECT(bench, y, 11, 22);
  EXPECT(bench, total, 33);
  bench->batch = 0;
  bench->inputs[0] = NULL; /* nothing to read, so nothing is asked for */
  expect(bench, y, 0, NULL);
  expect(bench, per_sample, 0, NULL);
  EXPECT(bench, total, 0);
}

static void choices_do_not_look_at_the_other_branch(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *graph = &bench->graph;
  lj_id x = VECTOR(bench, -1, 0, 4, NAN);
  lj_id positive = lj_apply2(graph, LJ_OP_GREATER, x, lj_number(graph, 0));
  lj_id root = lj_apply1(graph, LJ_OP_SQRT, x);
  EXPECT(bench, positive, 0, 0, 1, 0);
  EXPECT(bench, root, NAN, 0, 2, NAN);
  EXPECT(bench, lj_apply(graph, LJ_OP_WHERE, positive, root, lj_number(graph, 7)), 7, 7,
         2, 7);
}

static void casts_truncate_and_saturate(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *graph = &bench->graph;
  lj_id x = VECTOR(bench, -1.9, -0.5, 0.0, 1.9, 1e300, -INFINITY, NAN);
  EXPECT(bench, lj_cast(graph, LJ_I32, x), -1, 0, 0, 1, INT32_MAX, INT32_MIN, 0);
  EXPECT(bench, lj_cast(graph, LJ_BOOL, x), 1, 1, 0, 1, 1, 1, 1);
  lj_id truth = lj_apply1(graph, LJ_OP_ISNAN, x);
  EXPECT(bench, lj_cast(graph, LJ_F32, truth), 0, 0, 0, 0, 0, 0, 1);
  EXPECT(bench, lj_cast(graph, LJ_F32, VECTOR(bench, 0.1, 1e300)), 0.1, 1e300);
}

/* ---- row operators --------------------------------------------------------------- */

static void reductions_lose_their_axes(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *graph = &bench->graph;
  lj_id a = MATRIX(bench, 2, 3, 1, 5, 3, 4, 2, 6);
  EXPECT(bench, lj_row(graph, LJ_OP_SUM, a, 1u << 0), 5, 7, 9);
  EXPECT(bench, lj_row(graph, LJ_OP_SUM, a, 1u << 1), 9, 12);
  EXPECT(bench, lj_row(graph, LJ_OP_SUM, a, 3), 21);
  EXPECT(bench, lj_row(graph, LJ_OP_PROD, a, 1u << 1), 15, 48);
  EXPECT(bench, lj_row(graph, LJ_OP_MAX, a, 1u << 1), 5, 6);
  EXPECT(bench, lj_row(graph, LJ_OP_MIN, a, 1u << 0), 1, 2, 3);
  EXPECT(bench, lj_row(graph, LJ_OP_MEAN, a, 1u << 0), 2.5, 3.5, 4.5);
  lj_id big = lj_apply2(graph, LJ_OP_GREATER, a, lj_number(graph, 2.5));
  EXPECT(bench, lj_row(graph, LJ_OP_ANY, big, 1u << 0), 1, 1, 1);
  EXPECT(bench, lj_row(graph, LJ_OP_ALL, big, 1u << 1), 0, 0);
  EXPECT(bench, lj_row(graph, LJ_OP_ALL, big, 1u << 0), 0, 0, 1);
}

/* The middle axis of three: neighbours in a row are not neighbours in memory. */
static void a_row_may_lie_across_memory(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *graph = &bench->graph;
  double values[12];
  for (int i = 0; i < 12; i++)
    values[i] = i;
  struct lj_size shape[] = {lj_size_number(2), lj_size_number(3), lj_size_number(2)};
  lj_id a = lj_table(graph, LJ_F64, 3, shape, values);
  EXPECT(bench, lj_row(graph, LJ_OP_SUM, a, 1u << 1), 6, 9, 24, 27);
  EXPECT(bench, lj_row(graph, LJ_OP_SUM, a, 5), 1 + 6 + 7, 2 + 3 + 8 + 9,
         4 + 5 + 10 + 11);
  double e = exp(-2), f = exp(-4), s = 1 + e + f;
  EXPECT(bench, lj_row(graph, LJ_OP_SOFTMAX, a, 1u << 1), f / s, f / s, e / s, e / s,
         1 / s, 1 / s, f / s, f / s, e / s, e / s, 1 / s, 1 / s);
}

static void an_empty_axis_gives_the_identity(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *graph = &bench->graph;
  lj_id a = input(bench, "a", LJ_F64, 2, 2, 0, NULL);
  lj_id truth = lj_apply1(graph, LJ_OP_ISNAN, a);
  EXPECT(bench, lj_row(graph, LJ_OP_SUM, a, 2), 0, 0);
  EXPECT(bench, lj_row(graph, LJ_OP_PROD, a, 2), 1, 1);
  EXPECT(bench, lj_row(graph, LJ_OP_MAX, a, 2), -INFINITY, -INFINITY);
  EXPECT(bench, lj_row(graph, LJ_OP_MIN, a, 2), INFINITY, INFINITY);
  EXPECT(bench, lj_row(graph, LJ_OP_ANY, truth, 2), 0, 0);
  EXPECT(bench, lj_row(graph, LJ_OP_ALL, truth, 2), 1, 1);
  EXPECT(bench, lj_row(graph, LJ_OP_MEAN, a, 2), NAN, NAN);
  EXPECT(bench, lj_row(graph, LJ_OP_LOGSUMEXP, a, 2), -INFINITY, -INFINITY);
  expect(bench, lj_row(graph, LJ_OP_SUM, a, 1), 0, NULL);
  expect(bench, lj_row(graph, LJ_OP_SOFTMAX, a, 2), 0, NULL);
}

static void reductions_carry_nan_and_infinity(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *graph = &bench->graph;
  lj_id a = MATRIX(bench, 3, 2, NAN, 1, INFINITY, 1, INFINITY, -INFINITY);
  EXPECT(bench, lj_row(graph, LJ_OP_SUM, a, 2), NAN, INFINITY, NAN);
  EXPECT(bench, lj_row(graph, LJ_OP_MAX, a, 2), NAN, INFINITY, INFINITY);
  EXPECT(bench, lj_row(graph, LJ_OP_MIN, a, 2), NAN, 1, -INFINITY);
  lj_id flipped = MATRIX(bench, 1, 2, 1, NAN); /* wherever it stands */
  EXPECT(bench, lj_row(graph, LJ_OP_MAX, flipped, 2), NAN);
}

static void sums_keep_what_f64_would_lose(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *graph = &bench->graph;
  static double many[100000];
  for (size_t i = 0; i < LJ_COUNT(many); i++)
    many[i] = 0.1;
  EXPECT(bench, lj_row(graph, LJ_OP_SUM, vector(bench, LJ_COUNT(many), many), 1), 1e4);
  EXPECT(bench, lj_row(graph, LJ_OP_SUM, VECTOR(bench, 1e16, 1, 1, -1e16), 1), 2);
}

static void softmax_and_logsumexp_at_the_edges(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *graph = &bench->graph;
  lj_id far = VECTOR(bench, 1000, 1000, 0, -1000);
  EXPECT(bench, lj_row(graph, LJ_OP_LOGSUMEXP, far, 1), 1000 + log(2));
  EXPECT(bench, lj_row(graph, LJ_OP_LOG_SOFTMAX, far, 1), -log(2), -log(2),
         -1000 - log(2), -2000 - log(2));
  EXPECT(bench, lj_row(graph, LJ_OP_SOFTMAX, far, 1), 0.5, 0.5, 0, 0);

  lj_id a = MATRIX(bench, 4, 2, -INFINITY, -INFINITY, -INFINITY, 3, INFINITY, -INFINITY,
                   NAN, INFINITY);
  EXPECT(bench, lj_row(graph, LJ_OP_LOGSUMEXP, a, 2), -INFINITY, 3, INFINITY, NAN);
  EXPECT(bench, lj_row(graph, LJ_OP_SOFTMAX, a, 2), NAN, NAN, 0, 1, NAN, NAN, NAN, NAN);
  EXPECT(bench, lj_row(graph, LJ_OP_LOG_SOFTMAX, a, 2), NAN, NAN, -INFINITY, 0, NAN,
         NAN, NAN, NAN);
}

/* ---- views, pads, gather --------------------------------------------------------- */

static struct lj_read along(int64_t start, int64_t step, int32_t axis)
{
  return (struct lj_read){lj_size_number(start), step, axis};
}

static lj_id view(struct bench *bench, lj_id a, int64_t size0, int64_t size1,
                  struct lj_read read0, struct lj_read read1)
{
  struct lj_size shape[] = {lj_size_number(size0), lj_size_number(size1)};
  struct lj_read reads[] = {read0, read1};
  return lj_view(&bench->graph, a, size1 < 0 ? 1 : 2, shape, reads);
}

static void views_read_in_any_direction(void **state)
{
  struct bench *bench = *state;
  lj_id a = MATRIX(bench, 2, 3, 1, 2, 3, 4, 5, 6);
  lj_id transposed = view(bench, a, 3, 2, along(0, 1, 1), along(0, 1, 0));
  EXPECT(bench, transposed, 1, 4, 2, 5, 3, 6);
  lj_id flipped = view(bench, a, 2, 3, along(1, -1, 0), along(2, -1, 1));
  EXPECT(bench, flipped, 6, 5, 4, 3, 2, 1);
  lj_id every_other = view(bench, a, 2, 2, along(0, 1, 0), along(0, 2, 1));
  EXPECT(bench, every_other, 1, 3, 4, 6);
  lj_id column = view(bench, a, 2, -1, along(0, 1, 0), along(1, 0, -1));
  EXPECT(bench, column, 2, 5);
  lj_id backwards_column = view(bench, a, 2, -1, along(1, -1, 0), along(2, 0, -1));
  EXPECT(bench, backwards_column, 6, 3);
  lj_id nothing = view(bench, a, 2, 0, along(0, 1, 0), along(3, 1, 1)); /* a[:, 3:] */
  expect(bench, nothing, 0, NULL);
}

static void an_axis_nobody_reads_repeats(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *graph = &bench->graph;
  lj_id a = VECTOR(bench, 7, 8);
  struct lj_size shape[] = {lj_size_number(2), lj_size_number(3)};
  lj_id down = lj_view(graph, a, 2, shape, (struct lj_read[]){along(0, 1, 0)});
  EXPECT(bench, down, 7, 7, 7, 8, 8, 8);
  EXPECT(bench, lj_expand_dims(graph, a, 1), 7, 8);
  lj_id scalar = lj_number(graph, 5);
  EXPECT(bench, lj_broadcast_to(graph, scalar, 2, shape), 5, 5, 5, 5, 5, 5);
}

static void a_view_may_start_at_the_batch_end(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *graph = &bench->graph;
  bench->batch = 3;
  lj_id x = input(bench, "x", LJ_F64, 1, -1, 0, (double[]){1, 2, 3});
  struct lj_size last = {.scale = 1, .symbol = LJ_SYMBOL_BATCH, .offset = -1};
  struct lj_size shape[] = {lj_size_symbol(LJ_SYMBOL_BATCH)};
  struct lj_read reads[] = {{last, -1, 0}};
  lj_id flipped = lj_view(graph, x, 1, shape, reads);
  EXPECT(bench, flipped, 3, 2, 1);
  bench->batch = 1;
  EXPECT(bench, flipped, 1);
  bench->batch = 0;
  expect(bench, flipped, 0, NULL);
}

static void pads_put_zeros_around_and_between(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *graph = &bench->graph;
  lj_id a = MATRIX(bench, 1, 2, 5, 6);
  struct lj_size shape[] = {lj_size_number(2), lj_size_number(4)};
  lj_id spread =
      lj_pad(graph, a, shape, (struct lj_read[]){along(1, 1, 0), along(1, 2, 1)});
  EXPECT(bench, spread, 0, 0, 0, 0, 0, 5, 0, 6);
  lj_id flipped =
      lj_pad(graph, a, shape, (struct lj_read[]){along(0, 1, 0), along(3, -1, 1)});
  EXPECT(bench, flipped, 0, 0, 6, 5, 0, 0, 0, 0);
}

static void gather_takes_one_element_per_index(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *graph = &bench->graph;
  bench->batch = 2;
  lj_id x = input(bench, "x", LJ_F64, 2, -1, 3, (double[]){1, 2, 3, 4, 5, 6});
  lj_id label = input(bench, "label", LJ_I64, 1, -1, 0, (double[]){2, 0});
  EXPECT(bench, lj_gather(graph, x, label, 1), 3, 4);
  lj_id row = input(bench, "row", LJ_I32, 1, 3, 0, (double[]){1, 0, 1});
  EXPECT(bench, lj_gather(graph, MATRIX(bench, 2, 3, 1, 2, 3, 4, 5, 6), row, 0), 4, 2,
         6);
}

static void gather_refuses_labels_out_of_range(void **state)
{
  struct bench *bench = *state;
  struct lj_graph *graph = &bench->graph;
  bench->batch = 3;
  lj_id x = input(bench, "x", LJ_F64, 2, -1, 2, (double[]){1, 2, 3, 4, 5, 6});
  lj_id label = input(bench, "label", LJ_I64, 1, -1, 0, NULL);
  lj_id y = lj_apply1(graph, LJ_OP_EXP, lj_gather(graph, x, label, 1));
  bench->inputs[1] = (double[]){0, 1, 2};
  assert_null(evaluate(bench, y));
  assert_int_equal(bench->bad_sample, 2);
  bench->inputs[1] = (double[]){0, -1, 2}; /* not the last class; the first is named */
  assert_null(evaluate(bench, y));
  assert_int_equal(bench->bad_sample, 1);
  bench->inputs[1] = (double[]){0, 1, 1};
  EXPECT(bench, y, exp(1), exp(4), exp(6));
}

/* ---- the whole ------------------------------------------------------------------- */

static void a_view_past_the_end_is_our_bug(void **state)
{
  struct bench *bench = *state;
  bench->batch = 2;
  lj_id x = input(bench, "x", LJ_F64, 1, -1, 0, (double[]){1, 2});
  struct lj_size shape[] = {lj_size_symbol(LJ_SYMBOL_BATCH)};
  lj_id shifted =
      lj_view(&bench->graph, x, 1, shape, (struct lj_read[]){along(1, 1, 0)});
  if (setjmp(bench->trap.escape) == 0) {
    evaluate(bench, shifted);
    fail_msg("read past the end");
  }
  assert_int_equal(bench->trap.status, LOSSJIT_INTERNAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(leaves_are_what_they_say),
      TEST(operands_broadcast_at_the_last_axis),
      TEST(the_batch_may_be_one_or_none),
      TEST(choices_do_not_look_at_the_other_branch),
      TEST(casts_truncate_and_saturate),
      TEST(reductions_lose_their_axes),
      TEST(a_row_may_lie_across_memory),
      TEST(an_empty_axis_gives_the_identity),
      TEST(reductions_carry_nan_and_infinity),
      TEST(sums_keep_what_f64_would_lose),
      TEST(softmax_and_logsumexp_at_the_edges),
      TEST(views_read_in_any_direction),
      TEST(an_axis_nobody_reads_repeats),
      TEST(a_view_may_start_at_the_batch_end),
      TEST(pads_put_zeros_around_and_between),
      TEST(gather_takes_one_element_per_index),
      TEST(gather_refuses_labels_out_of_range),
      TEST(a_view_past_the_end_is_our_bug),
  };
  return cmocka_run_group_tests_name("evaluate", tests, NULL, NULL);
}
