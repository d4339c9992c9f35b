/*
 * Views, pads and gathers: the same values at other places.
 *
 * A view rewrites the places and asks its operand; nothing is emitted for it but index
 * arithmetic. A pad asks at a place that is safe everywhere and selects zero outside. A
 * gather turns an index that was computed into a place.
 */
#include "compiler/llvm/emit.h"

/* ---- views ----------------------------------------------------------------------- */

/* start + step*place */
struct lj_place lj_move_place(struct lj_emitter *emit, const struct lj_place *place,
                              int64_t start, int64_t step)
{
  struct lj_ir *ir = emit->ir;
  struct lj_place moved = *place;
  LLVMBasicBlockRef here;

  if (start == 0 && step == 1)
    return moved;
  here = lj_emit_hoist(emit, place->depth);
  moved.constant = place->each ? 0 : start + step * place->constant;
  moved.lane_step = step * place->lane_step;
  if (place->dynamic && step != 1)
    moved.dynamic = lj_ir_mul(ir, place->dynamic, lj_ir_index(ir, step));
  if (place->each) {
    LLVMTypeRef type = LLVMTypeOf(place->each);
    moved.each = lj_ir_add(
        ir, lj_ir_mul(ir, place->each, lj_ir_integer(ir, type, step)),
        lj_ir_integer(ir, type, start));
  }
  lj_emit_return(emit, here);
  return moved;
}

struct lj_value lj_emit_view(struct lj_emitter *emit, const struct lj_node *node,
                                 const struct lj_place *places)
{
  const struct lj_node *operand = lj_node_at(emit->graph, node->operand[0]);
  struct lj_place under[LOSSJIT_MAX_RANK] = {{0}};

  for (uint32_t axis = 0; axis < operand->rank; axis++) {
    const struct lj_read *read = &node->reads[axis];
    LJ_CHECK(emit->trap, lj_size_is_number(read->start));
    under[axis] = read->axis < 0 ? lj_place_constant(read->start.offset)
                                 : lj_move_place(emit, &places[read->axis],
                                              read->start.offset, read->step);
  }
  return lj_emit_value(emit, node->operand[0], under);
}

/* ---- pads: a value inside, zero around ------------------------------------------- */

struct pad {
  LLVMValueRef inside; /* i1 or a mask; NULL: everywhere */
  bool never;
  uint32_t depth;
};

static void pad_and(struct lj_emitter *emit, struct pad *pad, LLVMValueRef inside,
                    uint32_t depth)
{
  if (pad->inside) {
    uint32_t lanes = lj_ir_lanes(LLVMTypeOf(inside));
    uint32_t before = lj_ir_lanes(LLVMTypeOf(pad->inside));
    if (lanes < before)
      inside = lj_ir_splat(emit->ir, inside, before);
    if (before < lanes)
      pad->inside = lj_ir_splat(emit->ir, pad->inside, lanes);
    inside = lj_ir_and(emit->ir, pad->inside, inside);
  }
  pad->inside = inside;
  pad->depth = depth > pad->depth ? depth : pad->depth;
}

/* Where a place along the pad lies along its operand, safe to read even outside. */
static struct lj_place pad_place(struct lj_emitter *emit, struct pad *pad,
                                 const struct lj_place *place, const struct lj_read *read,
                                 int64_t extent)
{
  struct lj_ir *ir = emit->ir;
  int64_t start = read->start.offset, step = read->step;
  bool fixed = !place->each && !place->dynamic && !place->lane_step;

  if (fixed) {
    int64_t offset = place->constant - start;
    int64_t index = offset / step;
    pad->never |= offset % step != 0 || index < 0 || index >= extent;
    return lj_place_constant(pad->never ? 0 : index);
  }
  if (start == 0 && step == 1 && !place->each && extent < 0)
    return *place;
  struct lj_value at = lj_emit_place(emit, place);
  LLVMBasicBlockRef here = lj_emit_hoist(emit, place->depth);
  LLVMTypeRef type = LLVMTypeOf(at.value);
  LLVMValueRef zero = lj_ir_integer(ir, type, 0), by = lj_ir_integer(ir, type, step);
  LLVMValueRef offset = lj_ir_sub(ir, at.value, lj_ir_integer(ir, type, start));
  LLVMValueRef index = step == 1 ? offset : LLVMBuildSDiv(ir->builder, offset, by, "");
  LLVMValueRef inside =
      lj_ir_icmp(ir, LLVMIntULT, index, lj_ir_integer(ir, type, extent));
  if (step != 1)
    inside = lj_ir_and(ir, inside,
                       lj_ir_icmp(ir, LLVMIntEQ, lj_ir_mul(ir, index, by), offset));
  index = lj_ir_select(ir, inside, index, zero);
  pad_and(emit, pad, inside, place->depth);
  lj_emit_return(emit, here);
  return (struct lj_place){.each = index, .depth = place->depth};
}

static struct lj_value select_pad(struct lj_emitter *emit, const struct pad *pad,
                                  struct lj_value value)
{
  struct lj_ir *ir = emit->ir;
  uint32_t depth = pad->depth > value.depth ? pad->depth : value.depth;
  LLVMBasicBlockRef here = lj_emit_hoist(emit, depth);
  LLVMValueRef inside = pad->inside;
  uint32_t lanes = lj_ir_lanes(LLVMTypeOf(value.value));
  uint32_t mask_lanes = lj_ir_lanes(LLVMTypeOf(inside));

  if (lanes < mask_lanes)
    value.value = lj_ir_splat(ir, value.value, mask_lanes);
  if (mask_lanes < lanes)
    inside = lj_ir_splat(ir, inside, lanes);
  value.value =
      lj_ir_select(ir, inside, value.value, LLVMConstNull(LLVMTypeOf(value.value)));
  lj_emit_return(emit, here);
  return (struct lj_value){value.value, depth};
}

struct lj_value lj_emit_pad(struct lj_emitter *emit, const struct lj_node *node,
                                const struct lj_place *places)
{
  const struct lj_node *operand = lj_node_at(emit->graph, node->operand[0]);
  struct lj_place under[LOSSJIT_MAX_RANK] = {{0}};
  struct pad pad = {0};

  for (uint32_t axis = 0; axis < operand->rank; axis++) {
    const struct lj_read *read = &node->reads[axis];
    bool whole = lj_size_equal(operand->shape[axis], node->shape[axis]) &&
                 lj_size_is(read->start, 0) && read->step == 1;
    under[axis] = whole ? places[axis]
                        : pad_place(emit, &pad, &places[axis], read,
                                    operand->shape[axis].offset);
  }
  if (pad.never)
    return lj_emit_literal(emit, node->dtype, 0);
  struct lj_value value = lj_emit_value(emit, node->operand[0], under);
  return pad.inside ? select_pad(emit, &pad, value) : value;
}

/* ---- gather ---------------------------------------------------------------------- */

/* The check phase itself may meet an index that was not checked yet. */
static LLVMValueRef clamp_index(struct lj_emitter *emit, LLVMValueRef index, int64_t limit)
{
  struct lj_ir *ir = emit->ir;
  LLVMTypeRef type = LLVMTypeOf(index);
  LLVMValueRef good = lj_ir_icmp(ir, LLVMIntULT, index, lj_ir_integer(ir, type, limit));

  return lj_ir_select(ir, good, index, lj_ir_integer(ir, type, 0));
}

struct lj_value lj_emit_gather(struct lj_emitter *emit, const struct lj_node *node,
                                   const struct lj_place *places)
{
  const struct lj_node *operand = lj_node_at(emit->graph, node->operand[0]);
  struct lj_value index = lj_emit_as(emit, node->operand[1], places, LJ_I64);
  struct lj_place under[LOSSJIT_MAX_RANK] = {{0}};
  uint32_t from = 0;

  if (emit->phase && emit->phase->checks) {
    LLVMBasicBlockRef here = lj_emit_hoist(emit, index.depth);
    index.value = clamp_index(emit, index.value, operand->shape[node->axes].offset);
    lj_emit_return(emit, here);
  }
  for (uint32_t axis = 0; axis < operand->rank; axis++)
    under[axis] = axis == node->axes
                      ? (struct lj_place){.each = index.value, .depth = index.depth}
                      : places[from++];
  return lj_emit_value(emit, node->operand[0], under);
}

