/*
 * Folding of reductions and operators along axes.
 *
 * The sign of a sum that is zero is not distinguished (a sum may start from its first
 * element or from 0), so a sign may leave a sum. Nothing here merges nested reductions:
 * lj_expand makes them on purpose.
 */
#include "compiler/fold.h"

static bool is_extreme(enum lj_op op)
{
  return op == LJ_OP_MAX || op == LJ_OP_MIN || op == LJ_OP_ANY || op == LJ_OP_ALL;
}

/* Axes of size 1 have nothing to reduce. */
static lj_id row_of_one(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *a = lj_operand(graph, node, 0);
  uint32_t ones = 0, left = 0;

  for (uint32_t k = 0, kept = 0; k < a->rank; k++) {
    bool one = lj_size_is(a->shape[k], 1) && (node->axes >> k & 1);
    if (one)
      ones |= 1u << k;
    if (!one && (node->axes >> k & 1))
      left |= 1u << kept;
    if (!one)
      kept++;
  }
  if (!ones || !lj_op_is_reduction((enum lj_op)node->op))
    return 0;
  if (a->dtype != node->dtype && node->op != LJ_OP_MEAN)
    return 0;
  lj_id squeezed = lj_squeeze(graph, node->operand[0], ones);
  return lj_row(graph, (enum lj_op)node->op, squeezed, left);
}

/* sum(-x), mean(-x), and sum(2*x) with a power of two, which costs one factor per
 * element. */
static lj_id row_of_scaled(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *a = lj_operand(graph, node, 0);
  enum lj_op op = (enum lj_op)node->op;
  double factor;

  if ((op != LJ_OP_SUM && op != LJ_OP_MEAN) || a->dtype != node->dtype)
    return 0;
  if (a->op == LJ_OP_NEGATIVE && lj_operand(graph, a, 0)->dtype == node->dtype)
    return lj_apply1(graph, LJ_OP_NEGATIVE,
                     lj_row(graph, op, a->operand[0], node->axes));
  if (a->op != LJ_OP_MULTIPLY || !lj_is_power_of_two(graph, a->operand[0], &factor))
    return 0;
  if (lj_operand(graph, a, 1)->dtype != node->dtype)
    return 0;
  lj_id c = a->operand[0];
  lj_id sum = lj_row(graph, op, a->operand[1], node->axes);
  return lj_apply2(graph, LJ_OP_MULTIPLY, c, sum);
}

/* The view without the axes in `drop`, which it only repeats. */
static lj_id without_axes(struct lj_graph *graph, const struct lj_node *view,
                          uint32_t drop)
{
  const struct lj_node *base = lj_operand(graph, view, 0);
  struct lj_size shape[LOSSJIT_MAX_RANK];
  struct lj_read reads[LOSSJIT_MAX_RANK];
  int32_t place[LOSSJIT_MAX_RANK];
  uint32_t rank = 0;

  for (uint32_t k = 0; k < view->rank; k++) {
    place[k] = (int32_t)rank;
    if (!(drop >> k & 1))
      shape[rank++] = view->shape[k];
  }
  for (uint32_t k = 0; k < base->rank; k++) {
    reads[k] = view->reads[k];
    if (reads[k].axis >= 0)
      reads[k].axis = place[reads[k].axis];
  }
  return lj_view(graph, view->operand[0], rank, shape, reads);
}

/* Along axes that only repeat, a sum is a product with their size, and the mean and the
 * extremes are the value itself (of at least one element: sizes that are numbers). */
static lj_id row_of_repeated(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *a = lj_operand(graph, node, 0);
  enum lj_op op = (enum lj_op)node->op;
  uint32_t drop = node->axes, left = 0;

  if (a->op != LJ_OP_VIEW || a->dtype != node->dtype)
    return 0;
  if (op != LJ_OP_SUM && op != LJ_OP_MEAN && !is_extreme(op))
    return 0;
  for (uint32_t k = 0; k < lj_operand(graph, a, 0)->rank; k++)
    if (a->reads[k].axis >= 0)
      drop &= ~(1u << a->reads[k].axis);
  for (uint32_t k = 0; k < a->rank; k++)
    if (op != LJ_OP_SUM && !lj_size_is_number(a->shape[k]))
      drop &= ~(1u << k);
  if (!drop)
    return 0;
  for (uint32_t k = 0, kept = 0; k < a->rank; k++) {
    if (drop >> k & 1)
      continue;
    if (node->axes >> k & 1)
      left |= 1u << kept;
    kept++;
  }
  lj_id value = lj_row(graph, op, without_axes(graph, a, drop), left);
  for (uint32_t k = 0; op == LJ_OP_SUM && k < a->rank; k++)
    if (drop >> k & 1)
      value = lj_apply2(graph, LJ_OP_MULTIPLY, lj_size_node(graph, a->shape[k]), value);
  return value;
}

lj_id lj_fold_row(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id found = row_of_one(graph, node);

  if (!found)
    found = row_of_repeated(graph, node);
  return found ? found : row_of_scaled(graph, node);
}
