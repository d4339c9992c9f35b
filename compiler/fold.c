/*
 * Folding: an existing or simpler node in place of one that is about to be made.
 *
 * Requirements for a rule:
 *   1. Same value in every case that IEEE 754 distinguishes: infinities, NaN, both zeros.
 *      x*0 is not 0, x + 0 is not x (at -0), x - x is not 0. The sign of a NaN is not
 *      distinguished, nor is that of a sum over an axis that is zero.
 *   2. Same dtype and same shape. A rule that moves an operation to other operands must see
 *      that it still happens in the same dtype.
 *   3. Factors are only re-associated where one is a power of two: that is exact as long as
 *      nothing overflows or becomes subnormal on the way, and lj_is_power_of_two bounds it.
 *   4. Commuting is exact. The order is: scalar constants to the left of a product, tables
 *      to its right; signs outside products; nothing else is reordered.
 *   5. It ends: a rule makes nodes that are fewer, smaller, or nearer to the order of 4.
 *      Nodes made by a rule are folded in turn.
 *   6. Never more work: an operation that happened once per row must not happen once per
 *      element afterwards.
 *   7. What gains accuracy but changes values is not a rule of this file; see stable.c.
 */
#include "compiler/fold.h"

#include <math.h>
#include <stdlib.h>

/* ---- patterns ---------------------------------------------------------------------------- */

bool lj_is_power_of_two(const struct lj_graph *graph, lj_id id, double *value)
{
  int exponent;

  if (!lj_is_constant(graph, id, value) || !isfinite(*value)) return false;
  return fabs(frexp(*value, &exponent)) == 0.5 && abs(exponent) <= 16;
}

bool lj_shape_equal(uint32_t rank_a, const struct lj_size *a, uint32_t rank_b,
                    const struct lj_size *b)
{
  if (rank_a != rank_b) return false;
  for (uint32_t k = 0; k < rank_a; k++)
    if (!lj_size_equal(a[k], b[k])) return false;
  return true;
}

lj_id lj_in_shape_of(struct lj_graph *graph, const struct lj_node *node, lj_id id)
{
  const struct lj_node *found = lj_node_at(graph, id);

  if (found->dtype != node->dtype) return 0;
  if (lj_shape_equal(found->rank, found->shape, node->rank, node->shape)) return id;
  return lj_broadcast_to(graph, id, node->rank, node->shape);
}

static bool is_constant(const struct lj_graph *graph, lj_id id)
{
  return lj_is_op(graph, id, LJ_OP_CONSTANT);
}

/* A value written down in the text or made from such: it goes to one side of a product. */
static bool is_literal(const struct lj_graph *graph, lj_id id)
{
  return is_constant(graph, id) || lj_is_op(graph, id, LJ_OP_TABLE);
}

/* Rules may keep pointers to operands across calls that make nodes: nodes never change,
 * and memory that the graph has outgrown stays in the arena. */
static lj_id scaled(struct lj_graph *graph, lj_id constant, double factor)
{
  const struct lj_node *node = lj_node_at(graph, constant);
  enum lj_dtype dtype = (enum lj_dtype)node->dtype;
  double value = node->number * factor;

  if (dtype == LJ_WEAK_INT && value != trunc(value)) dtype = LJ_WEAK_FLOAT;
  return lj_constant(graph, dtype, value);
}

/* Signs and powers of two commute with every rounding, so it does not matter in which of
 * two floating dtypes they are applied; otherwise the dtypes must be the same. */
static bool moves_freely(const struct lj_graph *graph, const struct lj_node *node, int i)
{
  enum lj_dtype inner = (enum lj_dtype)lj_operand(graph, node, i)->dtype;

  return inner == node->dtype ||
         (lj_dtype_is_float(inner) && lj_dtype_is_float((enum lj_dtype)node->dtype));
}

static bool operand_has_dtype(const struct lj_graph *graph, const struct lj_node *node, int i)
{
  return lj_operand(graph, node, i)->dtype == node->dtype;
}

/* ---- negative, add, subtract ------------------------------------------------------------- */

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
    if (neutral) return lj_in_shape_of(graph, node, node->operand[1 - i]);
  }
  return 0;
}

static lj_id subtract_zero(struct lj_graph *graph, const struct lj_node *node)
{
  if (!lj_is_number(graph, node->operand[1], 0)) return 0;
  return lj_in_shape_of(graph, node, node->operand[0]);
}

/* Products are looked into this deep: long ones are left alone. */
#define SPINE_LIMIT 8

/* The constant that a product or quotient begins with: 2 in 2*x/y; 0 if there is none. */
static lj_id leading_constant(const struct lj_graph *graph, lj_id id)
{
  for (int depth = 0; depth < SPINE_LIMIT; depth++) {
    const struct lj_node *node = lj_node_at(graph, id);
    if (node->op == LJ_OP_CONSTANT) return depth ? id : 0;
    if (node->op != LJ_OP_MULTIPLY && node->op != LJ_OP_DIVIDE) return 0;
    if (!moves_freely(graph, node, 0)) return 0;
    id = node->operand[0];
  }
  return 0;
}

/* `id` with its leading constant times `factor`, a sign or a power of two. */
static lj_id lead_scaled(struct lj_graph *graph, lj_id id, double factor)
{
  struct lj_node node = *lj_node_at(graph, id);

  if (node.op == LJ_OP_CONSTANT) return scaled(graph, id, factor);
  lj_id left = lead_scaled(graph, node.operand[0], factor);
  return lj_apply2(graph, (enum lj_op)node.op, left, node.operand[1]);
}

/* The negation of `id` if it is at hand: of -x it is x, of -2*x it is 2*x. */
static lj_id without_sign(struct lj_graph *graph, lj_id id)
{
  const struct lj_node *node = lj_node_at(graph, id);
  lj_id constant;

  if (node->op == LJ_OP_NEGATIVE && operand_has_dtype(graph, node, 0))
    return node->operand[0];
  constant = leading_constant(graph, id);
  if (!constant || !(lj_node_at(graph, constant)->number < 0)) return 0;
  return lead_scaled(graph, id, -1);
}

/* -(2*x) is -2*x, -(2/x) is -2/x. */
static lj_id negative_into_constant(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id a = node->operand[0];

  return leading_constant(graph, a) ? lead_scaled(graph, a, -1) : 0;
}

/* Values that are never -0. */
static bool has_no_minus_zero(const struct lj_graph *graph, lj_id id)
{
  const struct lj_node *node = lj_node_at(graph, id);

  switch ((enum lj_op)node->op) {
  case LJ_OP_SOFTMAX:
  case LJ_OP_SIGMOID:
  case LJ_OP_EXP:
  case LJ_OP_EXP2:
  case LJ_OP_SOFTPLUS:
  case LJ_OP_SQUARE:
  case LJ_OP_ABS:
  case LJ_OP_NORM_CDF: return true;
  case LJ_OP_CONSTANT: return node->number > 0;
  case LJ_OP_MULTIPLY:
    return has_no_minus_zero(graph, node->operand[0]) &&
           has_no_minus_zero(graph, node->operand[1]);
  default: return false;
  }
}

/* where(c, -2, 0) + x is x - where(c, 2, 0), unless x is -0. */
static lj_id add_negative_where(struct lj_graph *graph, const struct lj_node *node)
{
  for (int i = 0; i < 2; i++) {
    const struct lj_node *where = lj_operand(graph, node, i);
    lj_id x = node->operand[1 - i], positive;
    if (where->op != LJ_OP_WHERE || !has_no_minus_zero(graph, x)) continue;
    if (!lj_is_number(graph, where->operand[2], 0)) continue;
    lj_id condition = where->operand[0], zero = where->operand[2];
    double value;
    if (lj_is_constant(graph, where->operand[1], &value) && value < 0)
      positive = scaled(graph, where->operand[1], -1);
    else
      positive = without_sign(graph, where->operand[1]);
    if (!positive) continue;
    return lj_apply2(graph, LJ_OP_SUBTRACT, x,
                     lj_apply(graph, LJ_OP_WHERE, condition, positive, zero));
  }
  return 0;
}

static lj_id add_negative(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id a = node->operand[0], b = node->operand[1], positive;

  if ((positive = without_sign(graph, b)))
    return lj_apply2(graph, LJ_OP_SUBTRACT, a, positive);
  if ((positive = without_sign(graph, a)))
    return lj_apply2(graph, LJ_OP_SUBTRACT, b, positive);
  return 0;
}

static lj_id subtract_negative(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id a = node->operand[0], positive = without_sign(graph, node->operand[1]);

  return positive ? lj_apply2(graph, LJ_OP_ADD, a, positive) : 0;
}

static lj_id add_same(struct lj_graph *graph, const struct lj_node *node)
{
  if (node->operand[0] != node->operand[1] || !operand_has_dtype(graph, node, 0)) return 0;
  return lj_apply2(graph, LJ_OP_MULTIPLY, lj_integer(graph, 2), node->operand[0]);
}

/* ---- multiply, divide, power ------------------------------------------------------------- */

static lj_id multiply_one(struct lj_graph *graph, const struct lj_node *node)
{
  for (int i = 0; i < 2; i++) {
    lj_id other = node->operand[1 - i];
    if (lj_is_number(graph, node->operand[i], 1)) return lj_in_shape_of(graph, node, other);
    if (lj_is_number(graph, node->operand[i], -1) && operand_has_dtype(graph, node, 1 - i))
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
    if (operand->op != LJ_OP_NEGATIVE || !moves_freely(graph, node, i)) continue;
    lj_id x = operand->operand[0];
    if (is_constant(graph, other))
      return lj_apply2(graph, LJ_OP_MULTIPLY, scaled(graph, other, -1), x);
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
  lj_id b = node->operand[1], lead = leading_constant(graph, b);
  const struct lj_node *product = lj_node_at(graph, b);
  double outer, value;

  if (!lj_is_constant(graph, node->operand[0], &outer) || !isfinite(outer)) return 0;
  if (!moves_freely(graph, node, 1)) return 0;
  bool exact = lj_is_power_of_two(graph, node->operand[0], &value);
  if (lead && isfinite(lj_node_at(graph, lead)->number)) {
    bool inner_exact = product->op == LJ_OP_MULTIPLY && product->operand[0] == lead &&
                       lj_is_power_of_two(graph, lead, &value);
    return exact || inner_exact ? lead_scaled(graph, b, outer) : 0;
  }
  if (!exact || product->op != LJ_OP_MULTIPLY) return 0;
  lj_id x = product->operand[0], table = product->operand[1];
  if (!lj_is_op(graph, table, LJ_OP_TABLE)) return 0;
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
    if (inner->op != LJ_OP_MULTIPLY || is_constant(graph, other)) continue;
    if (!lj_is_power_of_two(graph, inner->operand[0], &value)) continue;
    if (!moves_freely(graph, node, i)) continue;
    lj_id c = inner->operand[0], x = inner->operand[1];
    lj_id product = i == 0 ? lj_apply2(graph, LJ_OP_MULTIPLY, x, other)
                           : lj_apply2(graph, LJ_OP_MULTIPLY, other, x);
    return lj_apply2(graph, LJ_OP_MULTIPLY, c, product);
  }
  return 0;
}

static lj_id multiply_same(struct lj_graph *graph, const struct lj_node *node)
{
  return node->operand[0] == node->operand[1] && operand_has_dtype(graph, node, 0)
             ? lj_apply1(graph, LJ_OP_SQUARE, node->operand[0])
             : 0;
}

/* x/1, x/-1, x/4. */
static lj_id divide_power_of_two(struct lj_graph *graph, const struct lj_node *node)
{
  double value;

  if (!lj_is_power_of_two(graph, node->operand[1], &value)) return 0;
  if (!operand_has_dtype(graph, node, 0)) return 0;
  return lj_apply2(graph, LJ_OP_MULTIPLY, lj_number(graph, 1 / value), node->operand[0]);
}

static lj_id divide_negative(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *a = lj_operand(graph, node, 0), *b = lj_operand(graph, node, 1);
  lj_id quotient;

  if (a->op == LJ_OP_NEGATIVE && moves_freely(graph, node, 0)) {
    quotient = lj_apply2(graph, LJ_OP_DIVIDE, a->operand[0], node->operand[1]);
    return lj_apply1(graph, LJ_OP_NEGATIVE, quotient);
  }
  if (b->op == LJ_OP_NEGATIVE && moves_freely(graph, node, 1)) {
    quotient = lj_apply2(graph, LJ_OP_DIVIDE, node->operand[0], b->operand[0]);
    return lj_apply1(graph, LJ_OP_NEGATIVE, quotient);
  }
  return 0;
}

/* (2*x)/y is 2*(x/y), unless x/y would be made of constants and sizes alone: 2/n is what
 * one writes for 2*(1/n). */
static lj_id divide_pull(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *a = lj_operand(graph, node, 0);
  double value;

  if (a->op != LJ_OP_MULTIPLY || !moves_freely(graph, node, 0)) return 0;
  if (!lj_is_power_of_two(graph, a->operand[0], &value)) return 0;
  lj_id c = a->operand[0];
  lj_id quotient = lj_apply2(graph, LJ_OP_DIVIDE, a->operand[1], node->operand[1]);
  return lj_apply2(graph, LJ_OP_MULTIPLY, c, quotient);
}

/* x**0 is 1 even for NaN (C99 F.9.4.4); x**1, x**2 and x**-1 are exact to write otherwise. */
static lj_id power_small(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id a = node->operand[0];
  double exponent;

  if (!lj_is_constant(graph, node->operand[1], &exponent)) return 0;
  if (!operand_has_dtype(graph, node, 0)) return 0;
  if (exponent == 0)
    return lj_in_shape_of(graph, node, lj_constant(graph, (enum lj_dtype)node->dtype, 1));
  if (exponent == 1) return lj_in_shape_of(graph, node, a);
  if (exponent == 2) return lj_apply1(graph, LJ_OP_SQUARE, a);
  if (exponent == -1) return lj_apply2(graph, LJ_OP_DIVIDE, lj_integer(graph, 1), a);
  return 0;
}

/* square(-x), square(abs(x)), abs(-x), abs(abs(x)), abs(square(x)). */
static lj_id even_of_sign(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *a = lj_operand(graph, node, 0);

  if (!operand_has_dtype(graph, node, 0)) return 0;
  if (node->op == LJ_OP_ABS && a->op == LJ_OP_SQUARE) return node->operand[0];
  if (a->op != LJ_OP_NEGATIVE && a->op != LJ_OP_ABS) return 0;
  if (lj_node_at(graph, a->operand[0])->dtype != node->dtype) return 0;
  return lj_apply1(graph, (enum lj_op)node->op, a->operand[0]);
}

static lj_id extreme_of_same(struct lj_graph *graph, const struct lj_node *node)
{
  return node->operand[0] == node->operand[1]
             ? lj_in_shape_of(graph, node, node->operand[0])
             : 0;
}

/* ---- the table --------------------------------------------------------------------------- */

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
    {LJ_OP_MULTIPLY, multiply_one},
    {LJ_OP_MULTIPLY, multiply_order},
    {LJ_OP_MULTIPLY, multiply_negative},
    {LJ_OP_MULTIPLY, multiply_constants},
    {LJ_OP_MULTIPLY, multiply_pull},
    {LJ_OP_MULTIPLY, multiply_same},
    {LJ_OP_DIVIDE, divide_power_of_two},
    {LJ_OP_DIVIDE, divide_negative},
    {LJ_OP_DIVIDE, divide_pull},
    {LJ_OP_POWER, power_small},
    {LJ_OP_SQUARE, even_of_sign},
    {LJ_OP_ABS, even_of_sign},
    {LJ_OP_MAXIMUM, extreme_of_same},
    {LJ_OP_MINIMUM, extreme_of_same},
};

static lj_id fold_elementwise(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id found = lj_fold_constant(graph, node);

  if (!found) found = lj_fold_repeats(graph, node);
  for (size_t i = 0; !found && i < LJ_COUNT(rules); i++)
    if (rules[i].op == node->op) found = rules[i].apply(graph, node);
  if (!found) found = lj_fold_truth(graph, node);
  return found ? found : lj_fold_stable(graph, node);
}

lj_id lj_fold(struct lj_graph *graph, const struct lj_node *node)
{
  enum lj_op op = (enum lj_op)node->op;

  if (lj_op_is_elementwise(op)) return fold_elementwise(graph, node);
  if (lj_op_is_row(op)) return lj_fold_row(graph, node);
  return op == LJ_OP_VIEW ? lj_fold_view(graph, node) : 0;
}
