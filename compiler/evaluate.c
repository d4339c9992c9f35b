/*
 * The reference interpreter: a graph and arrays in, the values of one node out.
 *
 * Every node the root needs becomes one whole dense array of f64, computed in the
 * order of ids from the table's reference values. Kernels, derivatives and rewrites
 * are judged by what comes out here, so this file prefers the obvious to the fast and
 * shares nothing with the stages it judges: the composite row operators are computed
 * from their definitions in extended precision, not from the table's expansions.
 *
 * All dtypes are held in f64 and nothing is rounded on the way, not even a cast to f32:
 * kernels are judged by their distance from the exact result. Integers are exact up to
 * 2^53.
 */
#include "compiler/passes.h"

#include <math.h>

/* ---- shapes ---------------------------------------------------------------------- */

static int64_t size_value(const struct lj_evaluation *with, struct lj_size size)
{
  return size.symbol == LJ_SYMBOL_NONE
             ? size.offset
             : size.scale * with->symbol_values[size.symbol] + size.offset;
}

int64_t lj_element_count(const struct lj_evaluation *with, uint32_t rank,
                         const struct lj_size *shape)
{
  struct lj_trap *trap = with->graph->trap;
  int64_t count = 1;
  for (uint32_t k = 0; k < rank; k++) {
    int64_t size = size_value(with, shape[k]);
    LJ_CHECK(trap, size >= 0);
    if (__builtin_mul_overflow(count, size, &count))
      lj_trap_fail(trap, LOSSJIT_NO_MEMORY, "an array of more than 2^63 elements");
  }
  return count;
}

/* A shape in numbers, with the distance between neighbours along each axis. */
struct layout {
  uint32_t rank;
  int64_t size[LOSSJIT_MAX_RANK], stride[LOSSJIT_MAX_RANK];
};

static struct layout layout_of(const struct lj_evaluation *with,
                               const struct lj_node *node)
{
  struct layout layout = {.rank = node->rank};
  int64_t stride = 1;
  for (uint32_t k = node->rank; k-- > 0;) {
    layout.size[k] = size_value(with, node->shape[k]);
    layout.stride[k] = stride;
    stride *= layout.size[k];
  }
  return layout;
}

/* ---- walking --------------------------------------------------------------------- */

/* Visits the elements of a shape in row-major order, and keeps up to three positions in
 * other arrays that move by a fixed stride along each axis. */
struct cursor {
  uint32_t rank;
  int64_t size[LOSSJIT_MAX_RANK], index[LOSSJIT_MAX_RANK];
  int64_t stride[3][LOSSJIT_MAX_RANK];
  int64_t at[3];
};

static void cursor_next(struct cursor *cursor)
{
  for (uint32_t k = cursor->rank; k-- > 0;) {
    for (int o = 0; o < 3; o++)
      cursor->at[o] += cursor->stride[o][k];
    if (++cursor->index[k] < cursor->size[k])
      return;
    for (int o = 0; o < 3; o++)
      cursor->at[o] -= cursor->stride[o][k] * cursor->size[k];
    cursor->index[k] = 0;
  }
}

static struct cursor cursor_over(const struct layout *layout)
{
  struct cursor cursor = {.rank = layout->rank};
  for (uint32_t k = 0; k < layout->rank; k++)
    cursor.size[k] = layout->size[k];
  return cursor;
}

/* Only the axes of `layout` in `axes`; position 0 moves in an array of that layout. */
static struct cursor cursor_along(const struct layout *layout, uint32_t axes)
{
  struct cursor cursor = {0};
  for (uint32_t k = 0; k < layout->rank; k++) {
    if (axes >> k & 1) {
      cursor.size[cursor.rank] = layout->size[k];
      cursor.stride[0][cursor.rank] = layout->stride[k];
      cursor.rank++;
    }
  }
  return cursor;
}

static int64_t cursor_count(const struct cursor *cursor)
{
  int64_t count = 1;
  for (uint32_t k = 0; k < cursor->rank; k++)
    count *= cursor->size[k];
  return count;
}

/* Let position o follow `operand`, broadcast: aligned at the last axis, a size of 1
 * stays where it is. */
static void cursor_broadcast(struct cursor *cursor, int o, const struct layout *operand,
                             struct lj_trap *trap)
{
  LJ_CHECK(trap, operand->rank <= cursor->rank);
  uint32_t missing = cursor->rank - operand->rank;
  for (uint32_t k = 0; k < operand->rank; k++) {
    if (operand->size[k] == cursor->size[missing + k])
      cursor->stride[o][missing + k] = operand->stride[k];
    else
      LJ_CHECK(trap, operand->size[k] == 1);
  }
}

/* ---- row operators --------------------------------------------------------------- */

static double fold(enum lj_op combine, double identity, const double *row, int64_t n)
{
  double value = identity;
  for (int64_t i = 0; i < n; i++)
    value = lj_op_table[combine].reference(value, row[i], 0);
  return value;
}

static long double sum(const double *row, int64_t n)
{
  long double total = 0;
  for (int64_t i = 0; i < n; i++)
    total += row[i];
  return total;
}

static double product(const double *row, int64_t n)
{
  long double total = 1;
  for (int64_t i = 0; i < n; i++)
    total *= row[i];
  return (double)total;
}

/* sum(exp(row - shift)) */
static long double sum_exp(const double *row, int64_t n, long double shift)
{
  long double total = 0;
  for (int64_t i = 0; i < n; i++)
    total += expl(row[i] - shift);
  return total;
}

static double logsumexp(const double *row, int64_t n)
{
  double shift = fold(LJ_OP_MAXIMUM, -INFINITY, row, n);
  if (isinf(shift)) /* all -inf, none at all, or some +inf: no shift helps */
    shift = 0;
  return (double)(shift + logl(sum_exp(row, n, shift)));
}

static double reduce(enum lj_op op, const double *row, int64_t n, struct lj_trap *trap)
{
  switch (op) {
  case LJ_OP_SUM:
    return (double)sum(row, n);
  case LJ_OP_PROD:
    return product(row, n);
  case LJ_OP_MAX:
    return fold(LJ_OP_MAXIMUM, -INFINITY, row, n);
  case LJ_OP_MIN:
    return fold(LJ_OP_MINIMUM, INFINITY, row, n);
  case LJ_OP_ANY:
    return fold(LJ_OP_OR, 0, row, n);
  case LJ_OP_ALL:
    return fold(LJ_OP_AND, 1, row, n);
  case LJ_OP_MEAN:
    return (double)(sum(row, n) / n);
  case LJ_OP_LOGSUMEXP:
    return logsumexp(row, n);
  default:
    lj_trap_fail(trap, LOSSJIT_INTERNAL, "no reference for %s", lj_op_table[op].name);
  }
}

/* In place. */
static void transform(enum lj_op op, double *row, int64_t n, struct lj_trap *trap)
{
  LJ_CHECK(trap, op == LJ_OP_SOFTMAX || op == LJ_OP_LOG_SOFTMAX);
  long double shift = fold(LJ_OP_MAXIMUM, -INFINITY, row, n),
              total = sum_exp(row, n, shift);
  for (int64_t i = 0; i < n; i++)
    row[i] = (double)(op == LJ_OP_SOFTMAX ? expl(row[i] - shift) / total
                                          : row[i] - shift - logl(total));
}

/* Each row is copied out, so that what is done with it reads as on paper. */
static void evaluate_row(struct lj_arena *arena, const struct lj_evaluation *with,
                         const struct lj_node *node, const double *a, double *y)
{
  struct lj_trap *trap = with->graph->trap;
  struct layout layout = layout_of(with, lj_node_at(with->graph, node->operand[0]));
  struct cursor rows = cursor_along(&layout, ~node->axes);
  struct cursor along = cursor_along(&layout, node->axes);
  int64_t row_count = cursor_count(&rows), n = cursor_count(&along);
  double *row = LJ_NEW_ARRAY(arena, double, (size_t)n + 1);
  for (int64_t r = 0; r < row_count; r++, cursor_next(&rows)) {
    for (int64_t i = 0; i < n; i++, cursor_next(&along))
      row[i] = a[rows.at[0] + along.at[0]];
    if (lj_op_is_reduction(node->op)) {
      y[r] = reduce(node->op, row, n, trap);
      continue;
    }
    transform(node->op, row, n, trap);
    for (int64_t i = 0; i < n; i++, cursor_next(&along))
      y[rows.at[0] + along.at[0]] = row[i];
  }
}

/* ---- elementwise operators ------------------------------------------------------- */

/* As the hardware's saturating conversions: towards zero, NaN is 0. */
static double to_integer(double a, double least, double most)
{
  if (isnan(a))
    return 0;
  double whole = trunc(a) + 0.0; /* no -0 among integers */
  return whole < least ? least : whole > most ? most : whole;
}

static double cast(enum lj_dtype to, double a)
{
  if (to == LJ_BOOL)
    return a != 0;
  if (to == LJ_I32)
    return to_integer(a, INT32_MIN, INT32_MAX);
  return lj_dtype_is_integer(to) ? to_integer(a, -0x1p63, 0x1p63) : a;
}

static void evaluate_elementwise(const struct lj_evaluation *with,
                                 const struct lj_node *node,
                                 const double *const values[3], int64_t count,
                                 double *y)
{
  double (*reference)(double, double, double) = lj_op_table[node->op].reference;
  struct layout result = layout_of(with, node);
  struct cursor cursor = cursor_over(&result);
  for (int o = 0; o < node->operand_count; o++) {
    struct layout operand = layout_of(with, lj_node_at(with->graph, node->operand[o]));
    cursor_broadcast(&cursor, o, &operand, with->graph->trap);
  }
  for (int64_t i = 0; i < count; i++, cursor_next(&cursor)) {
    double operand[3] = {0};
    for (int o = 0; o < node->operand_count; o++)
      operand[o] = values[o][cursor.at[o]];
    y[i] = node->op == LJ_OP_CAST ? cast(node->dtype, operand[0])
                                  : reference(operand[0], operand[1], operand[2]);
    if (lj_dtype_is_integer(node->dtype) && isnan(y[i]))
      y[i] = 0; /* a remainder by 0, as in NumPy */
  }
}

/* ---- structure ------------------------------------------------------------------- */

/* Does `read` stay inside `size` for indices 0 .. count-1? */
static bool read_inside(const struct lj_evaluation *with, const struct lj_read *read,
                        int64_t count, int64_t size)
{
  int64_t first = size_value(with, read->start),
          last = first + read->step * (count - 1);
  return first >= 0 && first < size && last >= 0 && last < size;
}

static void evaluate_view(const struct lj_evaluation *with, const struct lj_node *node,
                          const double *a, int64_t count, double *y)
{
  struct layout operand = layout_of(with, lj_node_at(with->graph, node->operand[0]));
  struct layout result = layout_of(with, node);
  struct cursor cursor = cursor_over(&result);
  if (count == 0)
    return;
  for (uint32_t k = 0; k < operand.rank; k++) {
    const struct lj_read *read = &node->reads[k];
    int64_t reach = read->axis < 0 ? 1 : result.size[read->axis];
    LJ_CHECK(with->graph->trap, read_inside(with, read, reach, operand.size[k]));
    cursor.at[0] += size_value(with, read->start) * operand.stride[k];
    if (read->axis >= 0)
      cursor.stride[0][read->axis] += read->step * operand.stride[k];
  }
  for (int64_t i = 0; i < count; i++, cursor_next(&cursor))
    y[i] = a[cursor.at[0]];
}

/* `y` holds zeros already. */
static void evaluate_pad(const struct lj_evaluation *with, const struct lj_node *node,
                         const double *a, double *y)
{
  struct layout operand = layout_of(with, lj_node_at(with->graph, node->operand[0]));
  struct layout result = layout_of(with, node);
  struct cursor cursor = cursor_over(&operand);
  int64_t count = cursor_count(&cursor);
  if (count == 0)
    return;
  for (uint32_t k = 0; k < operand.rank; k++) {
    const struct lj_read *read = &node->reads[k];
    LJ_CHECK(with->graph->trap,
             read_inside(with, read, operand.size[k], result.size[k]));
    cursor.at[0] += size_value(with, read->start) * result.stride[k];
    cursor.stride[0][k] = read->step * result.stride[k];
  }
  for (int64_t i = 0; i < count; i++, cursor_next(&cursor))
    y[cursor.at[0]] = a[i];
}

/* Position 0 walks x without the gathered axis, position 1 the indices. Returns the
 * flat position of the first index outside 0 .. size-1, or -1: negative ones do not
 * count from the end, since a label of -1 is a mistake far more often than the last
 * class. */
static int64_t evaluate_gather(const struct lj_evaluation *with,
                               const struct lj_node *node, const double *x,
                               const double *index, int64_t count, double *y)
{
  uint32_t axis = node->axes;
  struct layout operand = layout_of(with, lj_node_at(with->graph, node->operand[0]));
  struct layout indices = layout_of(with, lj_node_at(with->graph, node->operand[1]));
  struct cursor cursor = cursor_along(&operand, ~(1u << axis));
  LJ_CHECK(with->graph->trap, cursor_count(&cursor) == count);
  cursor_broadcast(&cursor, 1, &indices, with->graph->trap);
  for (int64_t i = 0; i < count; i++, cursor_next(&cursor)) {
    double at = index[cursor.at[1]];
    if (!(at >= 0 && at < (double)operand.size[axis]))
      return cursor.at[1];
    y[i] = x[cursor.at[0] + (int64_t)at * operand.stride[axis]];
  }
  return -1;
}

/* ---- nodes ----------------------------------------------------------------------- */

static double *iota(struct lj_arena *arena, int64_t count)
{
  double *y = LJ_NEW_ARRAY(arena, double, (size_t)count + 1);
  for (int64_t i = 0; i < count; i++)
    y[i] = (double)i;
  return y;
}

/* Values that exist already or need no operands; NULL for every other node. */
static const double *leaf(struct lj_arena *arena, const struct lj_evaluation *with,
                          const struct lj_node *node, int64_t count)
{
  double scalar;
  switch (node->op) {
  case LJ_OP_INPUT:
    LJ_CHECK(with->graph->trap, count == 0 || with->inputs[node->index]);
    return count ? with->inputs[node->index] : LJ_NEW(arena, double);
  case LJ_OP_TABLE:
    return node->table;
  case LJ_OP_IOTA:
    return iota(arena, count);
  case LJ_OP_PARAMETER:
    scalar = with->parameters[node->index];
    break;
  case LJ_OP_CONSTANT:
    scalar = node->number;
    break;
  case LJ_OP_SIZE:
    scalar = (double)size_value(with, node->size);
    break;
  default:
    return NULL;
  }
  double *y = LJ_NEW(arena, double);
  *y = scalar;
  return y;
}

/* One node from the values of its operands; NULL if an index is out of range. */
static const double *evaluate(struct lj_arena *arena, const struct lj_evaluation *with,
                              const struct lj_node *node,
                              const double *const operand[3], int64_t *bad_sample)
{
  int64_t count = lj_element_count(with, node->rank, node->shape), bad = -1;
  const double *known = leaf(arena, with, node, count);
  if (known)
    return known;
  double *y = LJ_NEW_ARRAY(arena, double, (size_t)count + 1);
  if (node->op == LJ_OP_VIEW)
    evaluate_view(with, node, operand[0], count, y);
  else if (node->op == LJ_OP_PAD)
    evaluate_pad(with, node, operand[0], y);
  else if (node->op == LJ_OP_GATHER)
    bad = evaluate_gather(with, node, operand[0], operand[1], count, y);
  else if (lj_op_is_row(node->op))
    evaluate_row(arena, with, node, operand[0], y);
  else
    evaluate_elementwise(with, node, operand, count, y);
  if (bad < 0)
    return y;
  if (bad_sample)
    *bad_sample = bad;
  return NULL;
}

/* Mark what `root` needs. Users come after their operands: one sweep down finds all. */
static bool *needed_by(struct lj_arena *arena, const struct lj_graph *graph, lj_id root)
{
  bool *needed = LJ_NEW_ARRAY(arena, bool, (size_t)root + 1);
  needed[root] = true;
  for (lj_id id = root; id > 0; id--) {
    const struct lj_node *node = lj_node_at(graph, id);
    for (int o = 0; needed[id] && o < node->operand_count; o++)
      needed[node->operand[o]] = true;
  }
  return needed;
}

const double *lj_evaluate(struct lj_arena *arena, const struct lj_evaluation *with,
                          lj_id root, int64_t *bad_sample)
{
  const struct lj_graph *graph = with->graph;
  LJ_CHECK(graph->trap, root > 0 && root <= graph->node_count);
  const bool *needed = needed_by(arena, graph, root);
  const double **values = LJ_NEW_ARRAY(arena, const double *, (size_t)root + 1);
  for (lj_id id = 1; id <= root; id++) {
    if (!needed[id])
      continue;
    const struct lj_node *node = lj_node_at(graph, id);
    const double *operand[3] = {NULL, NULL, NULL};
    for (int o = 0; o < node->operand_count; o++)
      operand[o] = values[node->operand[o]];
    values[id] = evaluate(arena, with, node, operand, bad_sample);
    if (!values[id])
      return NULL;
  }
  return values[root];
}
