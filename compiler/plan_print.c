/*
 * The plan as text: what the kernel does, in the order in which it does it.
 */
#include "compiler/plan.h"

static const struct lj_node *node_of(const struct lj_plan *plan, lj_id id)
{
  return lj_node_at(plan->graph, id);
}

static void print_fold(struct lj_text *to, const struct lj_plan *plan, uint32_t index)
{
  const struct lj_fold_info *fold = &plan->folds[index];
  const struct lj_node *node = node_of(plan, fold->node);

  lj_text_add(to, "%%%u = %s(%%%u)", fold->node, lj_op_table[node->op].name,
              node->operand[0]);
}

static void print_space(struct lj_text *to, const struct lj_plan *plan,
                        const struct lj_pass *pass)
{
  lj_text_add(to, "over (");
  for (uint32_t axis = 0; axis < pass->rank; axis++)
    lj_text_add(to, "%s%lld", axis ? ", " : "", (long long)pass->extent[axis]);
  lj_text_add(to, "), %u lanes", plan->lanes);
  if (pass->reduced) {
    lj_text_add(to, ", reduces axis");
    for (uint32_t axis = 0; axis < pass->rank; axis++)
      if (pass->reduced >> axis & 1u)
        lj_text_add(to, " %u", axis + 1);
  }
  lj_text_add(to, pass->once ? ", once\n" : "\n");
}

static void print_pass(struct lj_text *to, const struct lj_plan *plan,
                       const struct lj_phase *phase, uint32_t number)
{
  const struct lj_pass *pass = &phase->passes[number];

  lj_text_add(to, "  pass %u ", number);
  print_space(to, plan, pass);
  for (uint32_t i = 0; i < pass->fold_count; i++) {
    lj_text_add(to, "    fold   ");
    print_fold(to, plan, pass->folds[i]);
    lj_text_add(to, "\n");
  }
  for (uint32_t i = 0; i < pass->sum_count; i++) {
    lj_text_add(to, "    gather over the batch   ");
    print_fold(to, plan, pass->sums[i]);
    lj_text_add(to, "\n");
  }
  for (uint32_t i = 0; i < phase->kept_count; i++)
    if (phase->kept[i].first_pass == number)
      lj_text_add(to, "    keep   %%%u = %s in scratch, a later pass loads it\n",
                  phase->kept[i].node,
                  lj_op_table[node_of(plan, phase->kept[i].node)->op].name);
  for (uint32_t i = 0; i < pass->store_count; i++)
    lj_text_add(to, "    store  %s\n", plan->outputs[pass->stores[i]].name);
}

static void print_phase(struct lj_text *to, const struct lj_plan *plan,
                        const struct lj_phase *phase)
{
  for (uint32_t i = 0; i < phase->pass_count; i++)
    print_pass(to, plan, phase, i);
  for (uint32_t i = 0; i < phase->batch_fold_count; i++) {
    if (plan->form == LJ_LANES_ALONG_ROW && plan->folds[phase->batch_folds[i]].count != 1)
      continue;
    lj_text_add(to, "  sum up over the batch, in f64:  ");
    print_fold(to, plan, phase->batch_folds[i]);
    lj_text_add(to, "\n");
  }
  if (phase->checks)
    lj_text_add(to, "  find the first sample with an index out of range\n");
  for (uint32_t i = 0; i < plan->output_count; i++) {
    const struct lj_node *node = node_of(plan, plan->outputs[i].node);
    bool row = plan->form == LJ_LANES_ALONG_ROW && lj_inner_count(node) != 1;
    bool here = phase == &plan->finish ? !lj_is_batched(node)
                                       : phase->writes && lj_is_batched(node);
    if (here && !row)
      lj_text_add(to, "  store  %s\n", plan->outputs[i].name);
  }
}

void lj_plan_print(struct lj_text *to, const struct lj_plan *plan)
{
  lj_id roots[40];
  uint32_t count = 0;

  lj_text_add(to, "lanes %s, %u of %s: %s\n",
              plan->form == LJ_LANES_ACROSS_SAMPLES ? "across samples" : "along the row",
              plan->lanes, lj_dtype_name(plan->lane_dtype), plan->reason);
  lj_text_add(to, "per sample: %.0f bytes read, %.0f written, about %.0f operations\n",
              plan->bytes_read, plan->bytes_written, plan->operations);
  lj_text_add(to, "scratch: %llu bytes; blocks of %u samples\n",
              (unsigned long long)plan->abi.scratch_bytes, plan->abi.block);
  for (uint32_t i = 0; i < plan->phase_count; i++) {
    lj_text_add(to, "phase %u: for each %s of the batch\n", i,
                plan->form == LJ_LANES_ACROSS_SAMPLES ? "chunk of samples" : "sample");
    print_phase(to, plan, &plan->phases[i]);
  }
  if (plan->has_finish) {
    lj_text_add(to, "finish: once, after the last phase\n");
    print_phase(to, plan, &plan->finish);
  }
  for (uint32_t i = 0; i < plan->output_count && count < LJ_COUNT(roots); i++)
    roots[count++] = plan->outputs[i].node;
  lj_text_add(to, "values:\n");
  lj_graph_dump(to, plan->graph, roots, count);
}
