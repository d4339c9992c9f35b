/*
 * Simplification: the same values by fewer and plainer nodes.
 *
 * Everything the roots need is rebuilt, operands first, with the graph folding; the
 * rules are those of fold.c. The checker builds its graph without folding, so that the
 * stage before this one shows what was written. Afterwards the graph keeps folding, so
 * that what later passes add comes out simplified too.
 */
#include "compiler/passes.h"
#include "compiler/walk.h"

static lj_id rebuild(struct lj_graph *graph, void *context, const struct lj_node *node,
                     const lj_id operand[3])
{
  (void)context;
  return lj_rebuild(graph, node, operand);
}

void lj_simplify(struct lj_graph *graph, lj_id *roots, uint32_t root_count)
{
  graph->fold = true;
  lj_walk(graph, roots, root_count, rebuild, NULL);
}
