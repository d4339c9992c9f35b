/*
 * Folds as values: where the result of a reduction comes from.
 *
 * A batch fold was computed by an earlier phase and is read from the totals. Across samples
 * an inner fold is written out, term by term, where it is first used. Along the row a pass
 * has computed it (emit_row.c): one element is a value at hand, more are in scratch memory.
 */
#include "compiler/llvm/emit.h"

#include <string.h>

/* ---- folds ----------------------------------------------------------------------- */

static struct lj_value emit_total(struct lj_emitter *emit, const struct lj_node *node,
                                  const struct lj_fold_info *fold,
                                  const struct lj_place *places)
{
  struct lj_place flat = lj_emit_flatten(emit, node, places);
  struct lj_value total;

  flat.constant += flat.each ? 0 : fold->slot;
  if (flat.each)
    flat = lj_move_place(emit, &flat, fold->slot, 1);
  total = lj_emit_load(emit, emit->totals, 0, LJ_F64, flat);
  LLVMBasicBlockRef here = lj_emit_hoist(emit, total.depth);
  total.value = lj_ir_convert(
      emit->ir, total.value,
      lj_ir_shaped(emit->ir, lj_emit_type(emit, node->dtype), LLVMTypeOf(total.value)));
  lj_emit_return(emit, here);
  return total;
}

/* Two accumulators by turns: half the latency, and half the error of one. */
struct chains {
  LLVMValueRef value[2];
  uint32_t depth, terms;
};

/* Bring two values to one shape. */
static void match_lanes(struct lj_emitter *emit, LLVMValueRef *a, LLVMValueRef *b)
{
  uint32_t lanes_a = lj_ir_lanes(LLVMTypeOf(*a)), lanes_b = lj_ir_lanes(LLVMTypeOf(*b));

  if (lanes_a < lanes_b)
    *a = lj_ir_splat(emit->ir, *a, lanes_b);
  if (lanes_b < lanes_a)
    *b = lj_ir_splat(emit->ir, *b, lanes_a);
}

static LLVMValueRef join(struct lj_emitter *emit, enum lj_op op, LLVMValueRef a,
                         LLVMValueRef b)
{
  match_lanes(emit, &a, &b);
  return lj_emit_combine(emit, op, a, b);
}

static void add_term(struct lj_emitter *emit, struct chains *chains, enum lj_op op,
                     struct lj_value term)
{
  LLVMValueRef *chain = &chains->value[chains->terms++ & 1u];
  LLVMBasicBlockRef here;

  if (term.depth > chains->depth)
    chains->depth = term.depth;
  here = lj_emit_hoist(emit, chains->depth);
  *chain = *chain ? join(emit, op, *chain, term.value) : term.value;
  lj_emit_return(emit, here);
}

/* Set the places along the reduced axes to those of term number `index`. */
static void term_places(const struct lj_node *fold, const struct lj_node *operand,
                        int64_t index, struct lj_place *places)
{
  for (uint32_t axis = operand->rank; axis-- > 0;)
    if (fold->axes >> axis & 1u) {
      places[axis] = lj_place_constant(index % operand->shape[axis].offset);
      index /= operand->shape[axis].offset;
    }
}

/* One term of a fold per inner element, in a body without loops. */
static struct lj_value unrolled_fold(struct lj_emitter *emit, const struct lj_node *node,
                                     const struct lj_place *places)
{
  const struct lj_node *operand = lj_node_at(emit->graph, node->operand[0]);
  struct lj_place under[LOSSJIT_MAX_RANK] = {{0}};
  struct chains chains = {{NULL, NULL}, 0, 0};
  int64_t count = 1;
  uint32_t from = 0;

  for (uint32_t axis = 0; axis < operand->rank; axis++)
    if (node->axes >> axis & 1u)
      count *= operand->shape[axis].offset;
    else
      under[axis] = places[from++];
  for (int64_t i = 0; i < count; i++) {
    term_places(node, operand, i, under);
    add_term(emit, &chains, node->op,
             lj_emit_as(emit, node->operand[0], under, node->dtype));
  }
  if (count == 0)
    return (struct lj_value){
        lj_emit_identity(emit, node->op, lj_emit_type(emit, node->dtype)), 0};
  if (chains.value[1]) {
    LLVMBasicBlockRef here = lj_emit_hoist(emit, chains.depth);
    chains.value[0] = join(emit, node->op, chains.value[0], chains.value[1]);
    lj_emit_return(emit, here);
  }
  return (struct lj_value){chains.value[0], chains.depth};
}

/* Across samples, a result along kept axes at an index that differs by lane: chosen from
 * all of them. */
static struct lj_value chosen_fold(struct lj_emitter *emit, lj_id id,
                                   const struct lj_node *node,
                                   const struct lj_place *places, uint32_t axis)
{
  struct lj_ir *ir = emit->ir;
  struct lj_place under[LOSSJIT_MAX_RANK] = {{0}};
  struct lj_value chosen = {NULL, places[axis].depth};

  memcpy(under, places, node->rank * sizeof *places);
  for (int64_t i = 0; i < node->shape[axis].offset; i++) {
    under[axis] = lj_place_constant(i);
    struct lj_value one = lj_emit_value(emit, id, under);
    uint32_t depth = one.depth > chosen.depth ? one.depth : chosen.depth;
    LLVMBasicBlockRef here = lj_emit_hoist(emit, depth);
    LLVMValueRef index = places[axis].each;
    uint32_t lanes = lj_ir_lanes(LLVMTypeOf(index));
    if (lanes > 1 && lj_ir_lanes(LLVMTypeOf(one.value)) == 1)
      one.value = lj_ir_splat(ir, one.value, lanes);
    LLVMValueRef here_too = lj_ir_icmp(ir, LLVMIntEQ, index,
                                       lj_ir_integer(ir, LLVMTypeOf(index), i));
    if (lanes == 1 && lj_ir_lanes(LLVMTypeOf(one.value)) > 1)
      here_too = lj_ir_splat(ir, here_too, lj_ir_lanes(LLVMTypeOf(one.value)));
    chosen.value = chosen.value
                       ? lj_ir_select(ir, here_too, one.value, chosen.value)
                       : one.value;
    chosen.depth = depth;
    lj_emit_return(emit, here);
  }
  if (!chosen.value)
    return lj_emit_literal(emit, node->dtype, 0);
  return chosen;
}

struct lj_value lj_emit_fold(struct lj_emitter *emit, lj_id id,
                                 const struct lj_node *node, const struct lj_place *places)
{
  uint32_t index = emit->plan->fold_of[id] - 1;
  const struct lj_fold_info *fold = &emit->plan->folds[index];

  if (fold->batch)
    return emit_total(emit, node, fold, places);
  if (emit->across) {
    for (uint32_t axis = lj_is_batched(node) ? 1 : 0; axis < node->rank; axis++)
      if (places[axis].each)
        return chosen_fold(emit, id, node, places, axis);
    return unrolled_fold(emit, node, places);
  }
  if (fold->count == 1) {
    LJ_CHECK(emit->trap, emit->fold_values[index].value != NULL);
    return emit->fold_values[index];
  }
  LLVMBasicBlockRef here = lj_emit_hoist(emit, 0);
  LLVMValueRef base =
      lj_ir_offset(emit->ir, emit->ir->i8, emit->scratch, lj_ir_index(emit->ir, fold->offset));
  lj_emit_return(emit, here);
  return lj_emit_load(emit, base, fold->once ? 0 : emit->sample.depth, node->dtype,
                      lj_emit_flatten(emit, node, places));
}

