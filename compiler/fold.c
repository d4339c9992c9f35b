/*
 * Folding: an existing or simpler node in place of one that is about to be made.
 *
 * Requirements for a rule:
 *   1. Same value in every case that IEEE 754 distinguishes: infinities, NaN, both
 *      zeros. x*0 is not 0, x + 0 is not x (at -0), x - x is not 0. The sign of a NaN
 *      is not distinguished, nor is that of a sum over an axis that is zero.
 *   2. Same dtype and same shape. A rule that moves an operation to other operands must
 *      see that it still happens in the same dtype.
 *   3. Factors are only re-associated where one is a power of two: that is exact as
 *      long as nothing overflows or becomes subnormal on the way, and
 *      lj_is_power_of_two bounds it.
 *   4. Commuting is exact. The order is: scalar constants to the left of a product,
 *      tables to its right; signs outside products; nothing else is reordered.
 *   5. It ends: a rule makes nodes that are fewer, smaller, or nearer to the order of
 *      4. Nodes made by a rule are folded in turn.
 *   6. Never more work: an operation that happened once per row must not happen once
 *      per element afterwards, and what other users share must not be computed again.
 *   7. What gains accuracy but changes values is not a rule of this file; see stable.c.
 */
#include "compiler/fold.h"

#include <math.h>
#include <stdlib.h>

/* ---- patterns -------------------------------------------------------------------- */

bool lj_is_power_of_two(const struct lj_graph *graph, lj_id id, double *value)
{
  int exponent;

  if (!lj_is_constant(graph, id, value) || !isfinite(*value))
    return false;
  return fabs(frexp(*value, &exponent)) == 0.5 && abs(exponent) <= 16;
}

bool lj_shape_equal(uint32_t rank_a, const struct lj_size *a, uint32_t rank_b,
                    const struct lj_size *b)
{
  if (rank_a != rank_b)
    return false;
  for (uint32_t k = 0; k < rank_a; k++)
    if (!lj_size_equal(a[k], b[k]))
      return false;
  return true;
}

lj_id lj_in_shape_of(struct lj_graph *graph, const struct lj_node *node, lj_id id)
{
  const struct lj_node *found = lj_node_at(graph, id);

  if (found->dtype != node->dtype)
    return 0;
  if (lj_shape_equal(found->rank, found->shape, node->rank, node->shape))
    return id;
  return lj_broadcast_to(graph, id, node->rank, node->shape);
}

static bool is_constant(const struct lj_graph *graph, lj_id id)
{
  return lj_is_op(graph, id, LJ_OP_CONSTANT);
}

/* Rules may keep pointers to operands across calls that make nodes: nodes never change,
 * and memory that the graph has outgrown stays in the arena. */
lj_id lj_scaled(struct lj_graph *graph, lj_id constant, double factor)
{
  const struct lj_node *node = lj_node_at(graph, constant);
  enum lj_dtype dtype = (enum lj_dtype)node->dtype;
  double value = node->number * factor;

  if (dtype == LJ_WEAK_INT && value != trunc(value))
    dtype = LJ_WEAK_FLOAT;
  return lj_constant(graph, dtype, value);
}

bool lj_moves_freely(const struct lj_graph *graph, const struct lj_node *node, int i)
{
  enum lj_dtype inner = (enum lj_dtype)lj_operand(graph, node, i)->dtype;

  return inner == node->dtype ||
         (lj_dtype_is_float(inner) && lj_dtype_is_float((enum lj_dtype)node->dtype));
}

bool lj_operand_agrees(const struct lj_graph *graph, const struct lj_node *node, int i)
{
  return lj_operand(graph, node, i)->dtype == node->dtype;
}

lj_id lj_leading_constant(const struct lj_graph *graph, lj_id id)
{
  const struct lj_node *node = lj_node_at(graph, id);

  if (node->op == LJ_OP_MULTIPLY && is_constant(graph, node->operand[0]))
    return node->operand[0];
  for (int depth = 0; !node->rank && depth < LJ_SPINE_LIMIT; depth++) {
    if (node->op == LJ_OP_CONSTANT)
      return depth ? id : 0;
    if (node->op != LJ_OP_MULTIPLY && node->op != LJ_OP_DIVIDE)
      return 0;
    id = node->operand[0];
    if (!is_constant(graph, id) && !lj_moves_freely(graph, node, 0))
      return 0;
    node = lj_node_at(graph, id);
  }
  return 0;
}

lj_id lj_lead_scaled(struct lj_graph *graph, lj_id id, double factor)
{
  struct lj_node node = *lj_node_at(graph, id);

  if (node.op == LJ_OP_CONSTANT)
    return lj_scaled(graph, id, factor);
  lj_id left = lj_lead_scaled(graph, node.operand[0], factor);
  return lj_apply2(graph, (enum lj_op)node.op, left, node.operand[1]);
}

/* ---- what is known of a value ---------------------------------------------------- */

bool lj_is_nonnegative(const struct lj_graph *graph, lj_id id, int depth)
{
  const struct lj_node *node = lj_node_at(graph, id);

  if (depth > LJ_SPINE_LIMIT)
    return false;
  switch ((enum lj_op)node->op) {
  case LJ_OP_SOFTMAX:
  case LJ_OP_SIGMOID:
  case LJ_OP_EXP:
  case LJ_OP_EXP2:
  case LJ_OP_SOFTPLUS:
  case LJ_OP_SQUARE:
  case LJ_OP_ABS:
  case LJ_OP_NORM_CDF:
    return true;
  case LJ_OP_CONSTANT:
    return node->number >= 0 && !signbit(node->number);
  case LJ_OP_CAST:
    return lj_operand(graph, node, 0)->dtype == LJ_BOOL ||
           lj_is_nonnegative(graph, node->operand[0], depth + 1);
  case LJ_OP_VIEW:
  case LJ_OP_SQRT:
  case LJ_OP_SUM:
  case LJ_OP_MEAN:
  case LJ_OP_MAX:
    return lj_is_nonnegative(graph, node->operand[0], depth + 1);
  case LJ_OP_ADD:
  case LJ_OP_MULTIPLY:
  case LJ_OP_DIVIDE:
    return lj_is_nonnegative(graph, node->operand[0], depth + 1) &&
           lj_is_nonnegative(graph, node->operand[1], depth + 1);
  case LJ_OP_WHERE:
    return lj_is_nonnegative(graph, node->operand[1], depth + 1) &&
           lj_is_nonnegative(graph, node->operand[2], depth + 1);
  default:
    return false;
  }
}

/* Large enough to be a normal number in f32. */
static bool is_positive_constant(const struct lj_graph *graph, lj_id id)
{
  double value;

  return lj_is_constant(graph, id, &value) && value > 1e-30;
}

bool lj_is_never_zero(const struct lj_graph *graph, lj_id id, int depth)
{
  const struct lj_node *node = lj_node_at(graph, id);

  if (depth > LJ_SPINE_LIMIT)
    return false;
  if (is_positive_constant(graph, id))
    return true;
  switch ((enum lj_op)node->op) {
  case LJ_OP_VIEW:
  case LJ_OP_SQRT:
    return lj_is_never_zero(graph, node->operand[0], depth + 1);
  case LJ_OP_MAXIMUM:
    return is_positive_constant(graph, node->operand[0]) ||
           is_positive_constant(graph, node->operand[1]);
  case LJ_OP_ADD:
    for (int i = 0; i < 2; i++)
      if (lj_is_nonnegative(graph, node->operand[i], depth + 1) &&
          is_positive_constant(graph, node->operand[1 - i]))
        return true;
    return false;
  default:
    return false;
  }
}

/* ---- all rules ------------------------------------------------------------------- */

static lj_id fold_elementwise(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id found = lj_fold_constant(graph, node);

  if (!found)
    found = lj_fold_repeats(graph, node);
  if (!found)
    found = lj_fold_sum(graph, node);
  if (!found)
    found = lj_fold_product(graph, node);
  if (!found)
    found = lj_fold_truth(graph, node);
  return found ? found : lj_fold_stable(graph, node);
}

lj_id lj_fold(struct lj_graph *graph, const struct lj_node *node)
{
  enum lj_op op = (enum lj_op)node->op;

  if (lj_op_is_elementwise(op))
    return fold_elementwise(graph, node);
  if (lj_op_is_row(op))
    return lj_fold_row(graph, node);
  if (op == LJ_OP_PAD)
    return lj_fold_pad(graph, node);
  return op == LJ_OP_VIEW ? lj_fold_view(graph, node) : 0;
}
