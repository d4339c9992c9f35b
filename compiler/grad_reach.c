/*
 * Where a derivative passes: from an operator to which operand, from an input to which
 * nodes, and where the last path from an input to the result ends.
 *
 * A path passes through floating nodes only, and through an operand that has a rule in
 * its operator's row. A rule that is still missing (LJ_NO_RULE) counts as a path: the
 * derivative exists, and asking for it is refused by name rather than taken for zero.
 */
#include "compiler/grad.h"
#include "compiler/walk.h"

static bool is_float(const struct lj_graph *graph, lj_id id)
{
  return lj_dtype_is_float((enum lj_dtype)lj_node_at(graph, id)->dtype);
}

bool lj_carries(const struct lj_graph *graph, const struct lj_node *node, int i)
{
  enum lj_op op = (enum lj_op)node->op;

  if (!lj_dtype_is_float((enum lj_dtype)node->dtype))
    return false;
  if (!is_float(graph, node->operand[i]))
    return false;
  if (op == LJ_OP_VIEW || op == LJ_OP_PAD || op == LJ_OP_GATHER)
    return i == 0;
  return lj_op_table[op].derivative[i] != NULL;
}

bool *lj_active_nodes(const struct lj_graph *graph, lj_id value, const lj_id *wrt,
                      uint32_t count)
{
  bool *active = LJ_NEW_ARRAY(graph->arena, bool, (size_t)value + 1);

  for (uint32_t i = 0; i < count; i++)
    if (wrt[i] && wrt[i] <= value)
      active[wrt[i]] = is_float(graph, wrt[i]);
  for (lj_id id = 1; id <= value; id++) {
    const struct lj_node *node = lj_node_at(graph, id);
    for (int i = 0; i < node->operand_count && !active[id]; i++)
      active[id] = active[node->operand[i]] && lj_carries(graph, node, i);
  }
  return active;
}

/* ---- zero adjoints --------------------------------------------------------------- */

/* A factor that is finite whatever the data are. */
static bool is_finite_factor(const struct lj_graph *graph, lj_id id)
{
  const struct lj_node *node = lj_node_at(graph, id);

  return node->op == LJ_OP_PARAMETER || node->op == LJ_OP_SIZE ||
         node->op == LJ_OP_TABLE ||
         (node->op == LJ_OP_CONSTANT && __builtin_isfinite(node->number));
}

/* Does the rule of this operand give zero for a zero adjoint, whatever the data are? */
static bool keeps_zero(const struct lj_graph *graph, const struct lj_node *node, int i)
{
  switch ((enum lj_op)node->op) {
  case LJ_OP_VIEW:
  case LJ_OP_PAD:
  case LJ_OP_GATHER:
  case LJ_OP_NEGATIVE:
  case LJ_OP_ADD:
  case LJ_OP_SUBTRACT:
  case LJ_OP_MAXIMUM:
  case LJ_OP_MINIMUM:
  case LJ_OP_CLIP:
  case LJ_OP_WHERE:
  case LJ_OP_CAST:
  case LJ_OP_SUM:
  case LJ_OP_MEAN:
    return true;
  case LJ_OP_MULTIPLY:
    return is_finite_factor(graph, node->operand[1 - i]);
  case LJ_OP_DIVIDE: {
    double divisor;
    return i == 0 && lj_is_constant(graph, node->operand[1], &divisor) && divisor != 0;
  }
  default:
    return false;
  }
}

bool *lj_touchy_nodes(const struct lj_graph *graph, lj_id value, const bool *active)
{
  bool *touchy = LJ_NEW_ARRAY(graph->arena, bool, (size_t)value + 1);

  for (lj_id id = 1; id <= value; id++) {
    const struct lj_node *node = lj_node_at(graph, id);
    for (int i = 0; active[id] && i < node->operand_count; i++) {
      lj_id operand = node->operand[i];
      if (active[operand] && lj_carries(graph, node, i))
        touchy[id] |= touchy[operand] || !keeps_zero(graph, node, i);
    }
  }
  return touchy;
}

/* ---- the contract ---------------------------------------------------------------- */

/* The last node under `value` that uses something active and is not active itself. */
static lj_id last_killer(const struct lj_graph *graph, lj_id value, const bool *needed,
                         const bool *active)
{
  for (lj_id id = value; id > 0; id--) {
    const struct lj_node *node = lj_node_at(graph, id);
    for (int i = 0; needed[id] && !active[id] && i < node->operand_count; i++)
      if (active[node->operand[i]])
        return id;
  }
  return 0;
}

bool lj_grad_reaches(const struct lj_graph *graph, lj_id value, lj_id wrt, bool *used,
                     lj_id *killer)
{
  const bool *needed = lj_needed(graph, &value, 1);
  const bool *active = lj_active_nodes(graph, value, &wrt, 1);
  bool reaches = wrt <= value && active[value];

  *used = needed[wrt];
  *killer = *used && !reaches ? last_killer(graph, value, needed, active) : 0;
  if (*used && !reaches && !*killer)
    *killer = wrt; /* not floating to begin with */
  return reaches;
}
