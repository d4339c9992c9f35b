/*
 * Folding of products, quotients, powers, and of what does not depend on a sign.
 *
 * In canonical order a product is sign, scalar constant, factors, table. Constants meet
 * by powers of two only (requirement 3 in fold.c).
 */
#include "compiler/fold.h"

#include <math.h>

static bool is_constant(const struct lj_graph *graph, lj_id id)
{
  return lj_is_op(graph, id, LJ_OP_CONSTANT);
}

/* A value written down in the text, or made from such: one side of a product. */
static bool is_literal(const struct lj_graph *graph, lj_id id)
{
  return is_constant(graph, id) || lj_is_op(graph, id, LJ_OP_TABLE);
}

static lj_id multiply_one(struct lj_graph *graph, const struct lj_node *node)
{
  for (int i = 0; i < 2; i++) {
    lj_id other = node->operand[1 - i];
    if (lj_is_number(graph, node->operand[i], 1))
      return lj_in_shape_of(graph, node, other);
    if (lj_is_number(graph, node->operand[i], -1) &&
        lj_operand_agrees(graph, node, 1 - i))
      return lj_apply1(graph, LJ_OP_NEGATIVE, other);
  }
  return 0;
}

/* Constants to the left, tables to the right. */
static lj_id multiply_order(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id a = node->operand[0], b = node->operand[1];
  bool constant_right = is_constant(graph, b) && !is_constant(graph, a);
  bool table_left = lj_is_op(graph, a, LJ_OP_TABLE) && !is_literal(graph, b);

  return constant_right || table_left ? lj_apply2(graph, LJ_OP_MULTIPLY, b, a) : 0;
}

static lj_id multiply_negative(struct lj_graph *graph, const struct lj_node *node)
{
  for (int i = 0; i < 2; i++) {
    const struct lj_node *operand = lj_operand(graph, node, i);
    lj_id other = node->operand[1 - i];
    if (operand->op != LJ_OP_NEGATIVE || !lj_moves_freely(graph, node, i))
      continue;
    lj_id x = operand->operand[0];
    if (is_constant(graph, other))
      return lj_apply2(graph, LJ_OP_MULTIPLY, lj_scaled(graph, other, -1), x);
    lj_id product = i == 0 ? lj_apply2(graph, LJ_OP_MULTIPLY, x, other)
                           : lj_apply2(graph, LJ_OP_MULTIPLY, other, x);
    return lj_apply1(graph, LJ_OP_NEGATIVE, product);
  }
  return 0;
}

/* 2*(3*x) is 6*x; 2*(3/x*y) is 6/x*y; 2*(x*[a, b]) is x*[2a, 2b]: one of the two is a
 * power of two. */
static lj_id multiply_constants(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id b = node->operand[1], lead = lj_leading_constant(graph, b);
  const struct lj_node *product = lj_node_at(graph, b);
  double outer, value;

  if (!lj_is_constant(graph, node->operand[0], &outer) || !isfinite(outer))
    return 0;
  if (!lj_moves_freely(graph, node, 1))
    return 0;
  bool exact = lj_is_power_of_two(graph, node->operand[0], &value);
  if (lead && isfinite(lj_node_at(graph, lead)->number)) {
    bool inner_exact = product->op == LJ_OP_MULTIPLY && product->operand[0] == lead &&
                       lj_is_power_of_two(graph, lead, &value);
    return exact || inner_exact ? lj_lead_scaled(graph, b, outer) : 0;
  }
  if (!exact || product->op != LJ_OP_MULTIPLY)
    return 0;
  lj_id x = product->operand[0], table = product->operand[1];
  if (!lj_is_op(graph, table, LJ_OP_TABLE))
    return 0;
  return lj_apply2(graph, LJ_OP_MULTIPLY, x,
                   lj_apply2(graph, LJ_OP_MULTIPLY, node->operand[0], table));
}

/* x*(2*y) is 2*(x*y). */
static lj_id multiply_pull(struct lj_graph *graph, const struct lj_node *node)
{
  for (int i = 0; i < 2; i++) {
    const struct lj_node *inner = lj_operand(graph, node, i);
    lj_id other = node->operand[1 - i];
    double value;
    if (inner->op != LJ_OP_MULTIPLY || is_constant(graph, other))
      continue;
    if (!lj_is_power_of_two(graph, inner->operand[0], &value))
      continue;
    if (!lj_moves_freely(graph, node, i))
      continue;
    lj_id c = inner->operand[0], x = inner->operand[1];
    lj_id product = i == 0 ? lj_apply2(graph, LJ_OP_MULTIPLY, x, other)
                           : lj_apply2(graph, LJ_OP_MULTIPLY, other, x);
    return lj_apply2(graph, LJ_OP_MULTIPLY, c, product);
  }
  return 0;
}

static lj_id multiply_same(struct lj_graph *graph, const struct lj_node *node)
{
  return node->operand[0] == node->operand[1] && lj_operand_agrees(graph, node, 0)
             ? lj_apply1(graph, LJ_OP_SQUARE, node->operand[0])
             : 0;
}

/* x/1, x/-1, x/4. */
static lj_id divide_power_of_two(struct lj_graph *graph, const struct lj_node *node)
{
  double value;

  if (!lj_is_power_of_two(graph, node->operand[1], &value))
    return 0;
  if (!lj_operand_agrees(graph, node, 0))
    return 0;
  return lj_apply2(graph, LJ_OP_MULTIPLY, lj_number(graph, 1 / value),
                   node->operand[0]);
}

static lj_id divide_negative(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *a = lj_operand(graph, node, 0), *b = lj_operand(graph, node, 1);
  lj_id quotient;

  if (a->op == LJ_OP_NEGATIVE && lj_moves_freely(graph, node, 0)) {
    quotient = lj_apply2(graph, LJ_OP_DIVIDE, a->operand[0], node->operand[1]);
    return lj_apply1(graph, LJ_OP_NEGATIVE, quotient);
  }
  if (b->op == LJ_OP_NEGATIVE && lj_moves_freely(graph, node, 1)) {
    quotient = lj_apply2(graph, LJ_OP_DIVIDE, node->operand[0], b->operand[0]);
    return lj_apply1(graph, LJ_OP_NEGATIVE, quotient);
  }
  return 0;
}

/* -2/x is -(2/x), for arrays: the sign is worth more outside. */
static lj_id divide_negative_constant(struct lj_graph *graph,
                                      const struct lj_node *node)
{
  double value;

  if (!node->rank || !lj_is_constant(graph, node->operand[0], &value) || !(value < 0))
    return 0;
  lj_id quotient = lj_apply2(graph, LJ_OP_DIVIDE,
                             lj_scaled(graph, node->operand[0], -1), node->operand[1]);
  return lj_apply1(graph, LJ_OP_NEGATIVE, quotient);
}

/* (2*x)/y is 2*(x/y), unless x/y would be made of constants and sizes alone: 2/n is
 * what one writes for 2*(1/n). */
static lj_id divide_pull(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *a = lj_operand(graph, node, 0);
  double value;

  if (a->op != LJ_OP_MULTIPLY || !lj_moves_freely(graph, node, 0))
    return 0;
  if (!lj_is_power_of_two(graph, a->operand[0], &value))
    return 0;
  lj_id c = a->operand[0];
  lj_id quotient = lj_apply2(graph, LJ_OP_DIVIDE, a->operand[1], node->operand[1]);
  return lj_apply2(graph, LJ_OP_MULTIPLY, c, quotient);
}

/* x**0 is 1 even for NaN (C99 F.9.4.4); x**1, x**2 and x**-1 are exact to write
 * otherwise. */
static lj_id power_small(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id a = node->operand[0];
  double exponent;

  if (!lj_is_constant(graph, node->operand[1], &exponent))
    return 0;
  if (!lj_operand_agrees(graph, node, 0))
    return 0;
  if (exponent == 0)
    return lj_in_shape_of(graph, node,
                          lj_constant(graph, (enum lj_dtype)node->dtype, 1));
  if (exponent == 1)
    return lj_in_shape_of(graph, node, a);
  if (exponent == 2)
    return lj_apply1(graph, LJ_OP_SQUARE, a);
  if (exponent == -1)
    return lj_apply2(graph, LJ_OP_DIVIDE, lj_integer(graph, 1), a);
  return 0;
}

/* square(-x), square(abs(x)), abs(-x), abs(abs(x)), abs(square(x)). */
static lj_id even_of_sign(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *a = lj_operand(graph, node, 0);

  if (!lj_operand_agrees(graph, node, 0))
    return 0;
  if (node->op == LJ_OP_ABS && a->op == LJ_OP_SQUARE)
    return node->operand[0];
  if (a->op != LJ_OP_NEGATIVE && a->op != LJ_OP_ABS)
    return 0;
  if (lj_node_at(graph, a->operand[0])->dtype != node->dtype)
    return 0;
  return lj_apply1(graph, (enum lj_op)node->op, a->operand[0]);
}

static lj_id extreme_of_same(struct lj_graph *graph, const struct lj_node *node)
{
  return node->operand[0] == node->operand[1]
             ? lj_in_shape_of(graph, node, node->operand[0])
             : 0;
}

/* ---- the table ------------------------------------------------------------------- */

static const struct rule {
  enum lj_op op;
  lj_id (*apply)(struct lj_graph *graph, const struct lj_node *node);
} rules[] = {
    {LJ_OP_MULTIPLY, multiply_one},
    {LJ_OP_MULTIPLY, multiply_order},
    {LJ_OP_MULTIPLY, multiply_negative},
    {LJ_OP_MULTIPLY, multiply_constants},
    {LJ_OP_MULTIPLY, multiply_pull},
    {LJ_OP_MULTIPLY, multiply_same},
    {LJ_OP_DIVIDE, divide_power_of_two},
    {LJ_OP_DIVIDE, divide_negative},
    {LJ_OP_DIVIDE, divide_negative_constant},
    {LJ_OP_DIVIDE, divide_pull},
    {LJ_OP_POWER, power_small},
    {LJ_OP_SQUARE, even_of_sign},
    {LJ_OP_ABS, even_of_sign},
    {LJ_OP_MAXIMUM, extreme_of_same},
    {LJ_OP_MINIMUM, extreme_of_same},
};

lj_id lj_fold_product(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id found = 0;

  for (size_t i = 0; !found && i < LJ_COUNT(rules); i++)
    if (rules[i].op == node->op)
      found = rules[i].apply(graph, node);
  return found;
}
