/*
 * Walking the part of a graph that some roots need, and rebuilding it.
 *
 * Ids are a topological order, so one sweep down marks and one sweep up rebuilds; there
 * is no recursion, whatever the depth of the expression.
 */
#include "compiler/walk.h"

bool *lj_needed(const struct lj_graph *graph, const lj_id *roots, uint32_t root_count)
{
  bool *needed = LJ_NEW_ARRAY(graph->arena, bool, (size_t)graph->node_count + 1);

  for (uint32_t i = 0; i < root_count; i++)
    needed[roots[i]] = true;
  needed[0] = false;
  for (lj_id id = graph->node_count; id > 0; id--) {
    const struct lj_node *node = lj_node_at(graph, id);
    for (int i = 0; needed[id] && i < node->operand_count; i++)
      needed[node->operand[i]] = true;
  }
  return needed;
}

void lj_walk(struct lj_graph *graph, lj_id *roots, uint32_t root_count, lj_remake *make,
             void *context)
{
  const bool *needed = lj_needed(graph, roots, root_count);
  lj_id last = graph->node_count;
  lj_id *made = LJ_NEW_ARRAY(graph->arena, lj_id, (size_t)last + 1);
  struct lj_span here = graph->here;

  for (lj_id id = 1; id <= last; id++) {
    if (!needed[id])
      continue;
    struct lj_node node = *lj_node_at(graph, id);
    lj_id operand[3] = {0};
    for (int i = 0; i < node.operand_count; i++)
      operand[i] = made[node.operand[i]];
    graph->here = node.span;
    made[id] = make(graph, context, &node, operand);
  }
  graph->here = here;
  for (uint32_t i = 0; i < root_count; i++)
    roots[i] = made[roots[i]];
}
