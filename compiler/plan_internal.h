/* Shared by plan.c and plan_pass.c only. */
#ifndef LJ_PLAN_INTERNAL_H
#define LJ_PLAN_INTERNAL_H

#include "compiler/plan.h"

struct lj_planner {
  struct lj_plan *plan;
  struct lj_graph *graph;
  struct lj_arena *arena;
  uint32_t *phase_of; /* [node]: the first phase in which the node can be computed */
  uint32_t *level_of; /* [node]: greatest level of the inner folds at or under it */
  uint64_t scratch;   /* bytes taken so far */
};

/* The phase's passes, kept rows and scratch. `roots` are the nodes whose values the phase
 * needs: operands of its batch folds, outputs, indices to check. */
void lj_plan_passes(struct lj_planner *planner, struct lj_phase *phase, const lj_id *roots,
                    uint32_t root_count);

/* Inner shape of a node as numbers; returns its rank (without the batch axis). */
uint32_t lj_inner_shape(const struct lj_node *node, int64_t *extent);

static inline bool lj_is_fold(const struct lj_node *node)
{
  return lj_op_is_row(node->op) && lj_op_table[node->op].row_kind == LJ_ROW_FOLD;
}

#endif
