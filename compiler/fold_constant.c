/*
 * Folding of operators whose operands are all written down: constants and tables.
 *
 * Values are those of the operator table's reference in f64, and stay in f64 whatever
 * their dtype: a constant is rounded to f32 once, when a kernel is made, as the
 * reference interpreter and the weak constants of the language have it. Integers fold
 * as long as f64 holds them exactly. Tables are folded up to a size at which they are
 * still something one would write down; so are pads of one value, the masks of what a
 * view reads.
 */
#include "compiler/fold.h"

#include <math.h>

#define TABLE_LIMIT 4096 /* elements: 32 KiB of constants, one L1 cache */

/* Integers beyond these do not fold: a kernel's would wrap, or f64 not be exact. */
static bool holds(enum lj_dtype dtype, double value)
{
  double limit = dtype == LJ_I32 ? 0x1p31 - 1 : 0x1p53;

  return !lj_dtype_is_integer(dtype) || fabs(value) <= limit;
}

static double cast_value(enum lj_dtype to, double value)
{
  if (to == LJ_BOOL)
    return value != 0;
  return lj_dtype_is_integer(to) ? trunc(value) + 0.0 : value;
}

/* One element; false if it must stay for run time. */
static bool evaluate(const struct lj_node *node, const double value[3], double *result)
{
  if (node->op == LJ_OP_CAST)
    *result = cast_value((enum lj_dtype)node->dtype, value[0]);
  else
    *result = lj_op_table[node->op].reference(value[0], value[1], value[2]);
  return holds((enum lj_dtype)node->dtype, *result);
}

/* The element of operand `i` that belongs to element `at` (row-major) of the node. */
static double operand_element(const struct lj_graph *graph, const struct lj_node *node,
                              int i, int64_t at)
{
  const struct lj_node *operand = lj_operand(graph, node, i);
  int64_t index = 0, stride = 1;

  if (operand->op == LJ_OP_CONSTANT)
    return operand->number;
  for (uint32_t back = 1; back <= operand->rank; back++) { /* axes from the last */
    int64_t size = node->shape[node->rank - back].offset;
    int64_t own = operand->shape[operand->rank - back].offset;
    if (own > 1)
      index += at % size * stride;
    at /= size;
    stride *= own;
  }
  return operand->table[index];
}

static lj_id fold_scalar(struct lj_graph *graph, const struct lj_node *node)
{
  double value[3] = {0}, result;

  for (int i = 0; i < node->operand_count; i++)
    value[i] = lj_operand(graph, node, i)->number;
  if (!evaluate(node, value, &result))
    return 0;
  return lj_constant(graph, (enum lj_dtype)node->dtype, result);
}

static lj_id fold_table(struct lj_graph *graph, const struct lj_node *node)
{
  int64_t count = 1;

  for (uint32_t k = 0; k < node->rank; k++) {
    int64_t size = node->shape[k].offset;
    if (size <= 0 || size > TABLE_LIMIT || (count *= size) > TABLE_LIMIT)
      return 0;
  }
  double *results = LJ_NEW_ARRAY(graph->arena, double, (size_t)count);
  for (int64_t at = 0; at < count; at++) {
    double value[3] = {0};
    for (int i = 0; i < node->operand_count; i++)
      value[i] = operand_element(graph, node, i, at);
    if (!evaluate(node, value, &results[at]))
      return 0;
  }
  return lj_table(graph, (enum lj_dtype)node->dtype, node->rank, node->shape, results);
}

lj_id lj_fold_constant(struct lj_graph *graph, const struct lj_node *node)
{
  bool table = false;

  for (int i = 0; i < node->operand_count; i++) {
    enum lj_op op = (enum lj_op)lj_operand(graph, node, i)->op;
    if (op != LJ_OP_CONSTANT && op != LJ_OP_TABLE)
      return 0;
    table |= op == LJ_OP_TABLE;
  }
  if (node->op == LJ_OP_STOP_GRADIENT)
    return node->operand[0];
  return table ? fold_table(graph, node) : fold_scalar(graph, node);
}

/* ---- pads ------------------------------------------------------------------------ */

/* The one value of a constant, or of a constant that is repeated. */
static bool single_value(const struct lj_graph *graph, lj_id id, double *value)
{
  const struct lj_node *node = lj_node_at(graph, id);

  return lj_is_constant(graph, node->op == LJ_OP_VIEW ? node->operand[0] : id, value);
}

/* The position in the pad of element `at` of its operand. */
static int64_t padded_place(const struct lj_node *pad, const struct lj_node *operand,
                            int64_t at)
{
  int64_t place = 0, stride = 1;

  for (uint32_t k = pad->rank; k-- > 0;) {
    int64_t size = operand->shape[k].offset;
    place += (pad->reads[k].start.offset + pad->reads[k].step * (at % size)) * stride;
    at /= size;
    stride *= pad->shape[k].offset;
  }
  return place;
}

lj_id lj_fold_pad(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *operand = lj_operand(graph, node, 0);
  int64_t count = 1, inner = 1;
  double single = 0;

  if (operand->op != LJ_OP_TABLE && !single_value(graph, node->operand[0], &single))
    return 0;
  for (uint32_t k = 0; k < node->rank; k++) {
    if (!lj_size_is_number(node->shape[k]) || !lj_size_is_number(operand->shape[k]) ||
        !lj_size_is_number(node->reads[k].start))
      return 0;
    int64_t size = node->shape[k].offset;
    if (size <= 0 || size > TABLE_LIMIT || (count *= size) > TABLE_LIMIT)
      return 0;
    inner *= operand->shape[k].offset;
  }
  double *results = LJ_NEW_ARRAY(graph->arena, double, (size_t)count);
  for (int64_t at = 0; at < inner; at++)
    results[padded_place(node, operand, at)] =
        operand->op == LJ_OP_TABLE ? operand->table[at] : single;
  return lj_table(graph, (enum lj_dtype)node->dtype, node->rank, node->shape, results);
}
