/*
 * Passes for lanes along the row: which loops there are and what shares one.
 *
 * The inner folds that a phase needs are grouped by level and by the index space they run
 * over; each group is one pass. Row outputs, and batch folds that keep inner axes, are
 * attached to the last pass when it runs over their space and late enough, else they get a
 * pass of their own at the end: nothing is written before everything is read. A dear value
 * (an exp, say) that two passes need is kept in scratch by the first.
 */
#include "compiler/plan_internal.h"

#include <string.h>

/* From this cost on a value is worth a store and a load: about four instructions each. */
#define KEEP_COST 12u
/* Reductions that one loop nest carries; more would only spill. */
#define PASS_FOLDS 16u

static uint64_t take_scratch(struct lj_planner *planner, const struct lj_node *row)
{
  bool wide = row->dtype == LJ_F64 || row->dtype == LJ_I64 || lj_dtype_is_weak(row->dtype);
  uint64_t bytes = (uint64_t)lj_inner_count(row) * (wide ? 8 : 4);
  uint64_t offset = planner->scratch;

  planner->scratch += (bytes + 63) / 64 * 64;
  return offset;
}

/* Nodes the roots need within the phase: folds of the batch are results, not looked into;
 * `through_folds` says whether inner folds are. */
static void reach(const struct lj_planner *planner, const lj_id *roots, uint32_t root_count,
                  bool through_folds, bool *reached)
{
  lj_id top = 0;

  for (uint32_t i = 0; i < root_count; i++) {
    reached[roots[i]] = true;
    top = roots[i] > top ? roots[i] : top;
  }
  for (lj_id id = top; id > 0; id--) {
    const struct lj_node *node = lj_node_at(planner->graph, id);
    uint32_t fold = planner->plan->fold_of[id];
    if (!reached[id])
      continue;
    if (fold && (planner->plan->folds[fold - 1].batch || !through_folds))
      continue;
    for (uint32_t i = 0; i < node->operand_count; i++)
      reached[node->operand[i]] = true;
  }
}

static bool same_space(const struct lj_pass *pass, uint32_t rank, const int64_t *extent)
{
  return pass->rank == rank &&
         memcmp(pass->extent, extent, rank * sizeof *extent) == 0;
}

static struct lj_pass *add_pass(struct lj_planner *planner, struct lj_phase *phase,
                                uint32_t level, bool once, uint32_t rank,
                                const int64_t *extent)
{
  struct lj_pass *pass = &phase->passes[phase->pass_count++];

  pass->level = level;
  pass->once = once;
  pass->rank = rank;
  memcpy(pass->extent, extent, rank * sizeof *extent);
  pass->folds = LJ_NEW_ARRAY(planner->arena, uint32_t, planner->plan->fold_count + 1);
  pass->stores = LJ_NEW_ARRAY(planner->arena, uint32_t, planner->plan->output_count + 1);
  pass->sums = LJ_NEW_ARRAY(planner->arena, uint32_t, planner->plan->fold_count + 1);
  return pass;
}

static void place_fold(struct lj_planner *planner, struct lj_phase *phase, uint32_t index)
{
  struct lj_fold_info *fold = &planner->plan->folds[index];
  const struct lj_node *node = lj_node_at(planner->graph, fold->node);
  const struct lj_node *operand = lj_node_at(planner->graph, node->operand[0]);
  int64_t extent[LOSSJIT_MAX_RANK];
  uint32_t rank = lj_inner_shape(operand, extent);
  uint32_t reduced = lj_is_batched(operand) ? node->axes >> 1 : node->axes;
  struct lj_pass *pass = NULL;

  for (uint32_t i = 0; i < phase->pass_count && !pass; i++) {
    struct lj_pass *p = &phase->passes[i];
    if (p->level == fold->level && p->once == fold->once && p->reduced == reduced &&
        p->fold_count < PASS_FOLDS && same_space(p, rank, extent))
      pass = p;
  }
  if (!pass) {
    pass = add_pass(planner, phase, fold->level, fold->once, rank, extent);
    pass->reduced = reduced;
  }
  pass->folds[pass->fold_count++] = index;
  if (fold->count != 1 && !fold->placed)
    fold->offset = take_scratch(planner, node);
  fold->placed = true;
}

/* Once-only passes first, then by level; folds were placed in level order per kind, so a
 * stable insertion sort is short work. */
static void sort_passes(struct lj_phase *phase)
{
  for (uint32_t i = 1; i < phase->pass_count; i++) {
    struct lj_pass pass = phase->passes[i];
    uint32_t at = i;
    while (at > 0) {
      const struct lj_pass *before = &phase->passes[at - 1];
      bool in_order = before->once != pass.once ? before->once
                                                : before->level <= pass.level;
      if (in_order)
        break;
      phase->passes[at] = *before;
      at--;
    }
    phase->passes[at] = pass;
  }
}

/* The pass in which a row over this space can be written: the last, if it fits. */
static struct lj_pass *writing_pass(struct lj_planner *planner, struct lj_phase *phase,
                                    const struct lj_node *row, uint32_t level)
{
  int64_t extent[LOSSJIT_MAX_RANK];
  uint32_t rank = lj_inner_shape(row, extent);
  bool once = !lj_is_batched(row);
  uint32_t last_level = 0;

  for (uint32_t i = 0; i < phase->pass_count; i++)
    if (phase->passes[i].level > last_level)
      last_level = phase->passes[i].level;
  if (phase->pass_count > 0) {
    struct lj_pass *last = &phase->passes[phase->pass_count - 1];
    if (last->once == once && last->level > level && same_space(last, rank, extent))
      return last;
  }
  return add_pass(planner, phase, last_level + 1, once, rank, extent);
}

static bool is_root(const lj_id *roots, uint32_t count, lj_id id)
{
  for (uint32_t i = 0; i < count; i++)
    if (roots[i] == id)
      return true;
  return false;
}

static void place_rows(struct lj_planner *planner, struct lj_phase *phase,
                       const lj_id *roots, uint32_t root_count)
{
  struct lj_plan *plan = planner->plan;

  for (uint32_t i = 0; i < phase->batch_fold_count; i++) {
    uint32_t index = phase->batch_folds[i];
    lj_id row = lj_node_at(planner->graph, plan->folds[index].node)->operand[0];
    const struct lj_node *node = lj_node_at(planner->graph, row);
    if (plan->folds[index].count == 1)
      continue;
    struct lj_pass *pass = writing_pass(planner, phase, node, planner->level_of[row]);
    pass->sums[pass->sum_count++] = index;
  }
  bool writes = phase->writes || phase == &plan->finish;
  for (uint32_t i = 0; writes && i < plan->output_count; i++) {
    lj_id row = plan->outputs[i].node;
    const struct lj_node *node = lj_node_at(planner->graph, row);
    if (lj_inner_count(node) == 1 || !is_root(roots, root_count, row))
      continue;
    struct lj_pass *pass = writing_pass(planner, phase, node, planner->level_of[row]);
    pass->stores[pass->store_count++] = i;
  }
}

/* ---- kept rows ------------------------------------------------------------------- */

static void pass_roots(const struct lj_planner *planner, const struct lj_pass *pass,
                       lj_id *roots, uint32_t *count)
{
  const struct lj_plan *plan = planner->plan;

  *count = 0;
  for (uint32_t i = 0; i < pass->fold_count; i++)
    roots[(*count)++] =
        lj_node_at(planner->graph, plan->folds[pass->folds[i]].node)->operand[0];
  for (uint32_t i = 0; i < pass->sum_count; i++)
    roots[(*count)++] =
        lj_node_at(planner->graph, plan->folds[pass->sums[i]].node)->operand[0];
  for (uint32_t i = 0; i < pass->store_count; i++)
    roots[(*count)++] = plan->outputs[pass->stores[i]].node;
}

static void keep_rows(struct lj_planner *planner, struct lj_phase *phase)
{
  uint32_t nodes = planner->graph->node_count, capacity = 0;
  uint32_t *first = LJ_NEW_ARRAY(planner->arena, uint32_t, nodes + 1); /* pass + 1 */
  bool *kept = LJ_NEW_ARRAY(planner->arena, bool, nodes + 1);
  lj_id *roots = LJ_NEW_ARRAY(planner->arena, lj_id,
                              2 * planner->plan->fold_count + planner->plan->output_count + 1);

  for (uint32_t p = 0; p < phase->pass_count; p++) {
    const struct lj_pass *pass = &phase->passes[p];
    bool *reached = LJ_NEW_ARRAY(planner->arena, bool, nodes + 1);
    uint32_t count;
    pass_roots(planner, pass, roots, &count);
    reach(planner, roots, count, false, reached);
    for (lj_id id = 1; id <= nodes && !pass->once; id++) {
      const struct lj_node *node = lj_node_at(planner->graph, id);
      int64_t extent[LOSSJIT_MAX_RANK];
      if (!reached[id] || kept[id] || lj_op_cost(node->op) < KEEP_COST ||
          !lj_op_is_elementwise(node->op) || !lj_is_batched(node) ||
          !same_space(pass, lj_inner_shape(node, extent), extent))
        continue;
      if (first[id] == 0) {
        first[id] = p + 1;
        continue;
      }
      LJ_GROW(planner->arena, phase->kept, phase->kept_count, capacity);
      phase->kept[phase->kept_count++] = (struct lj_kept){
          id, first[id] - 1, take_scratch(planner, node)};
      kept[id] = true;
    }
  }
}

void lj_plan_passes(struct lj_planner *planner, struct lj_phase *phase, const lj_id *roots,
                    uint32_t root_count)
{
  struct lj_plan *plan = planner->plan;
  bool *reached = LJ_NEW_ARRAY(planner->arena, bool, planner->graph->node_count + 1);

  reach(planner, roots, root_count, true, reached);
  phase->passes = LJ_NEW_ARRAY(planner->arena, struct lj_pass,
                               2 * plan->fold_count + plan->output_count + 1);
  for (uint32_t i = 0; i < plan->fold_count; i++)
    if (reached[plan->folds[i].node] && !plan->folds[i].batch)
      place_fold(planner, phase, i);
  sort_passes(phase);
  place_rows(planner, phase, roots, root_count);
  keep_rows(planner, phase);
}
