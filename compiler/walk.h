/*
 * Walking the part of a graph that some roots need.
 */
#ifndef LJ_WALK_H
#define LJ_WALK_H

#include "compiler/graph.h"

/* needed[id] for every node: do the roots (0 is skipped) use it? [node_count + 1] */
bool *lj_needed(const struct lj_graph *graph, const lj_id *roots, uint32_t root_count);

/* Rebuild what the roots need, operands first: `make` gets each old node with its
 * operands already replaced, and returns the new one. New nodes take the span of the
 * old one. Roots are replaced. */
typedef lj_id lj_remake(struct lj_graph *graph, void *context,
                        const struct lj_node *node, const lj_id operand[3]);
void lj_walk(struct lj_graph *graph, lj_id *roots, uint32_t root_count, lj_remake *make,
             void *context);

#endif
