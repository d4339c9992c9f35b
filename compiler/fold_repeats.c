/*
 * Folding of operators over values that repeat.
 *
 * What is computed from values that repeat along an axis is computed once and repeated
 * afterwards, and an operand is not repeated where the other operands already give the
 * shape: operators broadcast by themselves.
 */
#include "compiler/fold.h"

/* The view with its repeated axes at size 1. */
static lj_id unrepeated(struct lj_graph *graph, lj_id id)
{
  const struct lj_node *view = lj_node_at(graph, id);
  struct lj_size shape[LOSSJIT_MAX_RANK];

  if (view->op != LJ_OP_VIEW)
    return id;
  uint32_t repeated = lj_repeated_axes(graph, view);
  for (uint32_t k = 0; k < view->rank; k++)
    shape[k] = repeated >> k & 1 ? lj_size_number(1) : view->shape[k];
  return lj_view(graph, view->operand[0], view->rank, shape, view->reads);
}

/* Without leading axes of size 1, as far as the batch axis would not lose its place
 * by it: (batch,) against (n, batch) is what the text may not say. */
static lj_id stripped(struct lj_graph *graph, lj_id id)
{
  const struct lj_node *node = lj_node_at(graph, id);
  uint32_t ones = 0;

  while (ones < node->rank && lj_size_is(node->shape[ones], 1))
    ones++;
  if (ones && ones < node->rank && node->shape[ones].symbol == LJ_SYMBOL_BATCH)
    return id;
  return ones && node->op == LJ_OP_VIEW ? lj_squeeze(graph, id, (1u << ones) - 1) : id;
}

/* Do these operands still broadcast to `rank`, `shape`? */
static bool give_shape(const struct lj_graph *graph, int count, const lj_id *operand,
                       uint32_t rank, const struct lj_size *shape)
{
  struct lj_size joined[LOSSJIT_MAX_RANK], next[LOSSJIT_MAX_RANK];
  uint32_t so_far = 0, axis;

  for (int i = 0; i < count; i++) {
    const struct lj_node *node = lj_node_at(graph, operand[i]);
    if (!lj_broadcast(so_far, joined, node->rank, node->shape, &so_far, next, &axis))
      return false;
    for (uint32_t k = 0; k < so_far; k++)
      joined[k] = next[k];
  }
  return lj_shape_equal(so_far, joined, rank, shape);
}

/* Put the thinnest form of each operand that leaves the shape as it is. */
static bool thin_operands(struct lj_graph *graph, const struct lj_node *node,
                          lj_id operand[3])
{
  bool changed = false;

  for (int i = 0; i < node->operand_count; i++) {
    lj_id whole = operand[i];
    if (!lj_is_op(graph, whole, LJ_OP_VIEW))
      continue;
    lj_id thin[2] = {stripped(graph, unrepeated(graph, whole)),
                     unrepeated(graph, whole)};
    for (int form = 0; form < 2; form++) {
      operand[i] = thin[form];
      if (give_shape(graph, node->operand_count, operand, node->rank, node->shape))
        break;
      operand[i] = whole;
    }
    changed |= operand[i] != whole;
  }
  return changed;
}

lj_id lj_fold_repeats(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id operand[3] = {node->operand[0], node->operand[1], node->operand[2]};
  bool views = false;

  for (int i = 0; i < node->operand_count; i++)
    views |= lj_is_op(graph, operand[i], LJ_OP_VIEW);
  if (!views)
    return 0;
  if (thin_operands(graph, node, operand))
    return lj_rebuild(graph, node, operand);
  bool changed = false;
  for (int i = 0; i < node->operand_count; i++) {
    lj_id once = unrepeated(graph, operand[i]);
    changed |= once != operand[i];
    operand[i] = once;
  }
  if (!changed)
    return 0;
  /* All operands repeat along some axis: compute once, repeat the result. */
  return lj_broadcast_to(graph, lj_rebuild(graph, node, operand), node->rank,
                         node->shape);
}
