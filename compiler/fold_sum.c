/*
 * Folding of signs, sums and differences.
 *
 * Signs move outwards: out of products (fold_product.c), into a leading constant, and
 * from there into the sum, where + and - take them up.
 */
#include "compiler/fold.h"

static lj_id negative_of_negative(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *a = lj_operand(graph, node, 0);

  return a->op == LJ_OP_NEGATIVE ? lj_in_shape_of(graph, node, a->operand[0]) : 0;
}

/* x + -0; for integers also x + 0, in either order. */
static lj_id add_zero(struct lj_graph *graph, const struct lj_node *node)
{
  for (int i = 0; i < 2; i++) {
    bool neutral = lj_is_number(graph, node->operand[i], -0.0) ||
                   (lj_dtype_is_integer((enum lj_dtype)node->dtype) &&
                    lj_is_number(graph, node->operand[i], 0));
    if (neutral)
      return lj_in_shape_of(graph, node, node->operand[1 - i]);
  }
  return 0;
}

static lj_id subtract_zero(struct lj_graph *graph, const struct lj_node *node)
{
  if (!lj_is_number(graph, node->operand[1], 0))
    return 0;
  return lj_in_shape_of(graph, node, node->operand[0]);
}

/* The negation of `id` if it is at hand: of -x it is x, of -2*x it is 2*x. At hand
 * means that it costs no array operation that `id` itself does not. */
static lj_id without_sign(struct lj_graph *graph, lj_id id, int depth)
{
  struct lj_node node = *lj_node_at(graph, id);
  lj_id left;

  if (depth > LJ_SPINE_LIMIT)
    return 0;
  switch ((enum lj_op)node.op) {
  case LJ_OP_NEGATIVE:
    return lj_moves_freely(graph, &node, 0) ? node.operand[0] : 0;
  case LJ_OP_CONSTANT:
    return node.number < 0 ? lj_scaled(graph, id, -1) : 0;
  case LJ_OP_MULTIPLY:
  case LJ_OP_DIVIDE:
    if (node.rank && lj_node_at(graph, node.operand[0])->rank)
      return 0;
    if (node.rank && node.op == LJ_OP_DIVIDE)
      return 0;
    if (!lj_is_op(graph, node.operand[0], LJ_OP_CONSTANT) &&
        !lj_moves_freely(graph, &node, 0))
      return 0;
    left = without_sign(graph, node.operand[0], depth + 1);
    return left ? lj_apply2(graph, (enum lj_op)node.op, left, node.operand[1]) : 0;
  case LJ_OP_VIEW:
    left = without_sign(graph, node.operand[0], depth + 1);
    return left ? lj_rebuild(graph, &node, (lj_id[3]){left}) : 0;
  default:
    return 0;
  }
}

/* -(2*x) is -2*x, -(2/x) is -2/x. */
static lj_id negative_into_constant(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id a = node->operand[0];

  return lj_leading_constant(graph, a) ? lj_lead_scaled(graph, a, -1) : 0;
}

/* where(c, -2, 0) + x is x - where(c, 2, 0), unless x is -0. */
static lj_id add_negative_where(struct lj_graph *graph, const struct lj_node *node)
{
  for (int i = 0; i < 2; i++) {
    struct lj_node where = *lj_operand(graph, node, i);
    lj_id x = node->operand[1 - i], positive;
    if (where.op != LJ_OP_WHERE || !lj_is_number(graph, where.operand[2], 0))
      continue;
    if (!lj_is_nonnegative(graph, x, 0))
      continue;
    positive = without_sign(graph, where.operand[1], 0);
    if (!positive)
      continue;
    return lj_apply2(
        graph, LJ_OP_SUBTRACT, x,
        lj_apply(graph, LJ_OP_WHERE, where.operand[0], positive, where.operand[2]));
  }
  return 0;
}

static lj_id add_negative(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id a = node->operand[0], b = node->operand[1], positive;

  if ((positive = without_sign(graph, b, 0)))
    return lj_apply2(graph, LJ_OP_SUBTRACT, a, positive);
  if ((positive = without_sign(graph, a, 0)))
    return lj_apply2(graph, LJ_OP_SUBTRACT, b, positive);
  return 0;
}

static lj_id subtract_negative(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id a = node->operand[0], positive = without_sign(graph, node->operand[1], 0);

  return positive ? lj_apply2(graph, LJ_OP_ADD, a, positive) : 0;
}

static lj_id add_same(struct lj_graph *graph, const struct lj_node *node)
{
  if (node->operand[0] != node->operand[1] || !lj_operand_agrees(graph, node, 0))
    return 0;
  return lj_apply2(graph, LJ_OP_MULTIPLY, lj_integer(graph, 2), node->operand[0]);
}

/* ---- the table ------------------------------------------------------------------- */

static const struct rule {
  enum lj_op op;
  lj_id (*apply)(struct lj_graph *graph, const struct lj_node *node);
} rules[] = {
    {LJ_OP_NEGATIVE, negative_of_negative},
    {LJ_OP_NEGATIVE, negative_into_constant},
    {LJ_OP_ADD, add_zero},
    {LJ_OP_ADD, add_negative},
    {LJ_OP_ADD, add_same},
    {LJ_OP_ADD, add_negative_where},
    {LJ_OP_SUBTRACT, subtract_zero},
    {LJ_OP_SUBTRACT, subtract_negative},
};

lj_id lj_fold_sum(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id found = 0;

  for (size_t i = 0; !found && i < LJ_COUNT(rules); i++)
    if (rules[i].op == node->op)
      found = rules[i].apply(graph, node);
  return found;
}
