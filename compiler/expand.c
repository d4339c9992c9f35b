/*
 * Expansion: the last pass before planning, after which only primitive reductions are
 * left.
 *
 * Takes: a differentiated graph. Gives: the same values without mean, softmax and their
 * like, which are replaced by the definitions in grammar/row_operators.def; without
 * stop_gradient, which has nothing more to stop; and with reductions over the batch
 * split from those over other axes. Definitions are written so that softmax,
 * log_softmax and logsumexp of the same operand share their maximum, exponentials and
 * sum.
 */
#include "compiler/passes.h"
#include "compiler/walk.h"

/* The definition keeps the reduced axes as size 1. */
static lj_id by_definition(struct lj_graph *graph, struct lj_rules *rules,
                           const struct lj_node *node, lj_id a)
{
  const char *text = lj_op_table[node->op].expansion;
  struct lj_rule_binding binding = {"a", a};

  if (lj_op_is_reduction((enum lj_op)node->op)) /* a mean of integers is a float */
    binding.node = lj_cast(graph, (enum lj_dtype)node->dtype, a);
  lj_id value = lj_rule_apply(rules, graph, text, &binding, 1, node->axes);
  if (lj_op_is_reduction((enum lj_op)node->op))
    value = lj_squeeze(graph, value, node->axes);
  return lj_cast(graph, (enum lj_dtype)node->dtype, value);
}

/* Axes of `a` whose size depends on the batch, among `axes`. */
static uint32_t batch_axes(const struct lj_node *a, uint32_t axes)
{
  uint32_t found = 0;

  for (uint32_t k = 0; k < a->rank; k++)
    if ((axes >> k & 1) && a->shape[k].symbol == LJ_SYMBOL_BATCH)
      found |= 1u << k;
  return found;
}

/* Inner axes first, then the batch: within a sample, then over samples. */
static lj_id split(struct lj_graph *graph, const struct lj_node *node, lj_id a)
{
  enum lj_op op = (enum lj_op)node->op;
  uint32_t batch = batch_axes(lj_node_at(graph, a), node->axes);
  uint32_t inner = node->axes & ~batch, outer = 0;

  if (!batch || !inner)
    return lj_row(graph, op, a, node->axes);
  for (uint32_t k = 0, kept = 0; k < lj_node_at(graph, a)->rank; k++) {
    if (inner >> k & 1)
      continue;
    if (batch >> k & 1)
      outer |= 1u << kept;
    kept++;
  }
  return lj_row(graph, op, lj_row(graph, op, a, inner), outer);
}

static lj_id expand(struct lj_graph *graph, void *context, const struct lj_node *node,
                    const lj_id operand[3])
{
  if (node->op == LJ_OP_STOP_GRADIENT)
    return operand[0];
  if (!lj_op_is_row((enum lj_op)node->op))
    return lj_rebuild(graph, node, operand);
  if (lj_op_table[node->op].expansion)
    return by_definition(graph, context, node, operand[0]);
  return split(graph, node, operand[0]);
}

/* A definition may contain reductions over the batch: split them in a second walk. */
static lj_id split_only(struct lj_graph *graph, void *context,
                        const struct lj_node *node, const lj_id operand[3])
{
  (void)context;
  bool fold = lj_op_table[node->op].row_kind == LJ_ROW_FOLD;
  return fold ? split(graph, node, operand[0]) : lj_rebuild(graph, node, operand);
}

void lj_expand(struct lj_graph *graph, struct lj_rules *rules, lj_id *roots,
               uint32_t root_count)
{
  lj_walk(graph, roots, root_count, expand, rules);
  lj_walk(graph, roots, root_count, split_only, NULL);
}
