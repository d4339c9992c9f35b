/*
 * Folding of what has to do with truth values: ~ & |, where, and casts.
 *
 * A comparison is never turned around: ~(a < b) is not a >= b when one of them is NaN.
 */
#include "compiler/fold.h"

static lj_id not_of_test(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *a = lj_operand(graph, node, 0);

  if (a->op == LJ_OP_NOT)
    return a->operand[0];
  if (a->op == LJ_OP_EQUAL)
    return lj_apply2(graph, LJ_OP_NOT_EQUAL, a->operand[0], a->operand[1]);
  if (a->op == LJ_OP_NOT_EQUAL)
    return lj_apply2(graph, LJ_OP_EQUAL, a->operand[0], a->operand[1]);
  return 0;
}

/* x == 0 and x != 0 where x is surely not 0: NaN is not 0 either. */
static lj_id equal_zero(struct lj_graph *graph, const struct lj_node *node)
{
  double value;

  for (int i = 0; i < 2; i++)
    if (lj_is_constant(graph, node->operand[i], &value) && value == 0 &&
        lj_is_never_zero(graph, node->operand[1 - i], 0))
      return lj_in_shape_of(graph, node, lj_truth(graph, node->op == LJ_OP_NOT_EQUAL));
  return 0;
}

static bool is_opposite(const struct lj_graph *graph, lj_id a, lj_id b)
{
  const struct lj_node *first = lj_node_at(graph, a), *second = lj_node_at(graph, b);

  return (first->op == LJ_OP_NOT && first->operand[0] == b) ||
         (second->op == LJ_OP_NOT && second->operand[0] == a);
}

/* c & c, c & True, c & False, c & ~c, c & (c & d), c & (c | d), and the same of |. */
static lj_id and_or(struct lj_graph *graph, const struct lj_node *node)
{
  bool neutral = node->op == LJ_OP_AND;

  if (is_opposite(graph, node->operand[0], node->operand[1]))
    return lj_in_shape_of(graph, node, lj_truth(graph, !neutral));
  for (int i = 0; i < 2; i++) {
    lj_id a = node->operand[i], b = node->operand[1 - i];
    const struct lj_node *other = lj_node_at(graph, b);
    double value;
    if (a == b)
      return lj_in_shape_of(graph, node, a);
    if (lj_is_constant(graph, a, &value))
      return lj_in_shape_of(graph, node, (value != 0) == neutral ? b : a);
    if (other->op != LJ_OP_AND && other->op != LJ_OP_OR)
      continue;
    if (other->operand[0] == a || other->operand[1] == a)
      return lj_in_shape_of(graph, node, other->op == node->op ? b : a);
  }
  return 0;
}

/* ---- where ----------------------------------------------------------------------- */

static lj_id where_constant(struct lj_graph *graph, const struct lj_node *node)
{
  double truth, value;

  if (node->operand[1] == node->operand[2])
    return lj_in_shape_of(graph, node, node->operand[1]);
  if (lj_is_constant(graph, node->operand[1], &value) &&
      lj_is_number(graph, node->operand[2], value)) /* 0 and 0.0 */
    return lj_in_shape_of(graph, node,
                          lj_constant(graph, (enum lj_dtype)node->dtype, value));
  if (!lj_is_constant(graph, node->operand[0], &truth))
    return 0;
  return lj_in_shape_of(graph, node, node->operand[truth != 0 ? 1 : 2]);
}

static lj_id where_not(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *condition = lj_operand(graph, node, 0);

  if (condition->op != LJ_OP_NOT)
    return 0;
  return lj_apply(graph, LJ_OP_WHERE, condition->operand[0], node->operand[2],
                  node->operand[1]);
}

/* where(c, where(c, x, _), z) and where(c, x, where(c, _, z)). */
static lj_id where_same_condition(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id taken[3] = {node->operand[0], node->operand[1], node->operand[2]};

  for (int i = 1; i < 3; i++) {
    const struct lj_node *branch = lj_operand(graph, node, i);
    if (branch->op != LJ_OP_WHERE || branch->operand[0] != taken[0])
      continue;
    if (branch->dtype != node->dtype)
      continue;
    taken[i] = branch->operand[i];
    return lj_in_shape_of(graph, node,
                          lj_apply(graph, LJ_OP_WHERE, taken[0], taken[1], taken[2]));
  }
  return 0;
}

/* where(c, where(d, x, z), z) is where(c & d, x, z). */
static lj_id where_nested(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *branch = lj_operand(graph, node, 1);

  if (branch->op != LJ_OP_WHERE || branch->operand[2] != node->operand[2])
    return 0;
  if (branch->dtype != node->dtype)
    return 0;
  lj_id x = branch->operand[1], inner = branch->operand[0];
  lj_id both = lj_apply2(graph, LJ_OP_AND, node->operand[0], inner);
  return lj_in_shape_of(graph, node,
                        lj_apply(graph, LJ_OP_WHERE, both, x, node->operand[2]));
}

/* where(c, 1, 0) is cast(c), where(c, 0, 1) is cast(~c). */
static lj_id where_counts(struct lj_graph *graph, const struct lj_node *node)
{
  enum lj_dtype dtype = (enum lj_dtype)node->dtype;
  lj_id condition = node->operand[0];
  bool yes = lj_is_number(graph, node->operand[1], 1) &&
             lj_is_number(graph, node->operand[2], 0);
  bool no = lj_is_number(graph, node->operand[1], 0) &&
            lj_is_number(graph, node->operand[2], 1);

  if ((!yes && !no) || lj_dtype_is_weak(dtype))
    return 0;
  if (no)
    condition = lj_apply1(graph, LJ_OP_NOT, condition);
  return lj_cast(graph, dtype, condition);
}

/* A choice between weak values becomes one between values of the dtype: arrays are
 * better not weak. */
static lj_id cast_of_choice(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *a = lj_operand(graph, node, 0);
  enum lj_dtype dtype = (enum lj_dtype)node->dtype;

  if (a->op != LJ_OP_WHERE || !lj_dtype_is_float(dtype))
    return 0;
  if (!lj_dtype_is_weak((enum lj_dtype)a->dtype))
    return 0;
  lj_id b = lj_cast(graph, dtype, a->operand[1]),
        c = lj_cast(graph, dtype, a->operand[2]);
  return lj_apply(graph, LJ_OP_WHERE, a->operand[0], b, c);
}

/* A cast of a truth value that went through another number on the way, and a number
 * that was widened and narrowed back. */
static lj_id cast_of_cast(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *a = lj_operand(graph, node, 0);

  if (a->op != LJ_OP_CAST)
    return 0;
  enum lj_dtype from = (enum lj_dtype)lj_operand(graph, a, 0)->dtype;
  bool back = from == node->dtype && ((from == LJ_F32 && a->dtype == LJ_F64) ||
                                      (from == LJ_I32 && a->dtype == LJ_I64));
  if (!back && from != LJ_BOOL)
    return 0;
  return lj_cast(graph, (enum lj_dtype)node->dtype, a->operand[0]);
}

/* ---- the table ------------------------------------------------------------------- */

static const struct rule {
  enum lj_op op;
  lj_id (*apply)(struct lj_graph *graph, const struct lj_node *node);
} rules[] = {
    {LJ_OP_EQUAL, equal_zero},    {LJ_OP_NOT_EQUAL, equal_zero},
    {LJ_OP_NOT, not_of_test},     {LJ_OP_AND, and_or},
    {LJ_OP_OR, and_or},           {LJ_OP_WHERE, where_constant},
    {LJ_OP_WHERE, where_not},     {LJ_OP_WHERE, where_same_condition},
    {LJ_OP_WHERE, where_nested},  {LJ_OP_WHERE, where_counts},
    {LJ_OP_CAST, cast_of_choice}, {LJ_OP_CAST, cast_of_cast},
};

lj_id lj_fold_truth(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id found = 0;

  for (size_t i = 0; !found && i < LJ_COUNT(rules); i++)
    if (rules[i].op == node->op)
      found = rules[i].apply(graph, node);
  return found;
}
