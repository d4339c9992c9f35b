/*
 * Reading and writing memory at places.
 *
 * A place over several axes becomes one place over the row-major row; from there a load is
 * a scalar, a run of lanes, or a gather. Samples are found by their stride; everything
 * inside a sample is dense, as the ABI says.
 */
#include "compiler/llvm/emit.h"

LLVMTypeRef lj_emit_type(struct lj_emitter *emit, enum lj_dtype dtype)
{
  switch (dtype) {
  case LJ_F32: return emit->ir->f32;
  case LJ_F64: case LJ_WEAK_FLOAT: return emit->ir->f64;
  case LJ_I32: return emit->ir->i32;
  case LJ_I64: case LJ_WEAK_INT: return emit->ir->i64;
  case LJ_BOOL: return emit->ir->i1;
  default: break;
  }
  LJ_CHECK(emit->trap, !"a dtype");
  return NULL;
}

LLVMTypeRef lj_emit_memory_type(struct lj_emitter *emit, enum lj_dtype dtype)
{
  return dtype == LJ_BOOL ? emit->ir->i8 : lj_emit_type(emit, dtype);
}

LLVMValueRef lj_emit_field(struct lj_emitter *emit, LLVMValueRef pointer, int64_t index,
                           LLVMTypeRef type)
{
  LLVMValueRef at =
      lj_ir_offset(emit->ir, emit->ir->i64, pointer, lj_ir_index(emit->ir, index));

  return lj_ir_load(emit->ir, type, at);
}

/* ---- places ---------------------------------------------------------------------- */

/* dynamic += index*stride, for scalars. */
static void add_dynamic(struct lj_emitter *emit, struct lj_place *to, LLVMValueRef index,
                        int64_t stride)
{
  if (stride != 1)
    index = lj_ir_mul(emit->ir, index, lj_ir_index(emit->ir, stride));
  to->dynamic = to->dynamic ? lj_ir_add(emit->ir, to->dynamic, index) : index;
}

static void add_each(struct lj_emitter *emit, struct lj_place *to, LLVMValueRef each,
                     int64_t stride)
{
  if (stride != 1)
    each = lj_ir_mul(emit->ir, each, lj_ir_integer(emit->ir, LLVMTypeOf(each), stride));
  to->each = to->each ? lj_ir_add(emit->ir, to->each, each) : each;
}

/* Bring the affine part of a place with `each` into it. */
static void merge_each(struct lj_emitter *emit, struct lj_place *place)
{
  struct lj_ir *ir = emit->ir;
  LLVMTypeRef type = LLVMTypeOf(place->each);
  uint32_t lanes = lj_ir_lanes(type);

  if (place->constant)
    place->each = lj_ir_add(ir, place->each, lj_ir_integer(ir, type, place->constant));
  if (place->dynamic)
    place->each = lj_ir_add(ir, place->each, lj_ir_splat(ir, place->dynamic, lanes));
  if (place->lane_step)
    place->each = lj_ir_add(ir, place->each,
                            lj_ir_mul(ir, lj_ir_iota(ir, type),
                                      lj_ir_integer(ir, type, place->lane_step)));
  place->constant = 0;
  place->dynamic = NULL;
  place->lane_step = 0;
}

struct lj_place lj_emit_flatten(struct lj_emitter *emit, const struct lj_node *node,
                                const struct lj_place *places)
{
  struct lj_place flat = {0};
  uint32_t first = lj_is_batched(node) ? 1 : 0;
  int64_t stride = 1;

  for (uint32_t axis = first; axis < node->rank; axis++)
    flat.depth = places[axis].depth > flat.depth ? places[axis].depth : flat.depth;
  LLVMBasicBlockRef here = lj_emit_hoist(emit, flat.depth);
  for (uint32_t axis = node->rank; axis-- > first;) {
    const struct lj_place *place = &places[axis];
    if (place->each && lj_ir_lanes(LLVMTypeOf(place->each)) > 1)
      add_each(emit, &flat, place->each, stride);
    else if (place->each)
      add_dynamic(emit, &flat, place->each, stride);
    else {
      flat.constant += place->constant * stride;
      flat.lane_step += place->lane_step * stride;
      if (place->dynamic)
        add_dynamic(emit, &flat, place->dynamic, stride);
    }
    stride *= node->shape[axis].offset;
  }
  if (flat.each)
    merge_each(emit, &flat);
  lj_emit_return(emit, here);
  return flat;
}

/* ---- dense memory ---------------------------------------------------------------- */

/* Address of the place's first lane. */
static LLVMValueRef address(struct lj_emitter *emit, LLVMValueRef base, LLVMTypeRef element,
                            const struct lj_place *index)
{
  struct lj_ir *ir = emit->ir;
  LLVMValueRef at = base;

  if (index->dynamic)
    at = lj_ir_offset(ir, element, at, index->dynamic);
  if (index->constant)
    at = lj_ir_offset(ir, element, at, lj_ir_index(ir, index->constant));
  return at;
}

static LLVMValueRef all_lanes(struct lj_emitter *emit)
{
  LLVMTypeRef type = lj_ir_vector(emit->ir, emit->ir->i1, emit->plan->lanes);

  return emit->mask ? emit->mask : LLVMConstAllOnes(type);
}

static LLVMValueRef gather(struct lj_emitter *emit, LLVMValueRef base, LLVMTypeRef element,
                           struct lj_place index)
{
  struct lj_ir *ir = emit->ir;
  LLVMTypeRef type = lj_ir_vector(ir, element, emit->plan->lanes);

  if (!index.each) {
    LLVMTypeRef wide = lj_ir_vector(ir, ir->i64, emit->plan->lanes);
    index.each = lj_ir_integer(ir, wide, 0);
    merge_each(emit, &index);
  }
  return lj_ir_gather(ir, type, lj_ir_offset(ir, element, base, index.each),
                      all_lanes(emit), LLVMConstNull(type));
}

static LLVMValueRef load_run(struct lj_emitter *emit, LLVMValueRef at, LLVMTypeRef element)
{
  struct lj_ir *ir = emit->ir;
  LLVMTypeRef type = lj_ir_vector(ir, element, emit->plan->lanes);

  if (!emit->mask)
    return lj_ir_load(ir, type, at);
  return lj_ir_masked_load(ir, type, at, emit->mask, LLVMConstNull(type));
}

static LLVMValueRef to_truth(struct lj_emitter *emit, LLVMValueRef bytes)
{
  return lj_ir_icmp(emit->ir, LLVMIntNE, bytes, LLVMConstNull(LLVMTypeOf(bytes)));
}

struct lj_value lj_emit_load(struct lj_emitter *emit, LLVMValueRef base, uint32_t base_depth,
                             enum lj_dtype dtype, struct lj_place index)
{
  LLVMTypeRef element = lj_emit_memory_type(emit, dtype);
  uint32_t depth = index.depth > base_depth ? index.depth : base_depth;
  LLVMBasicBlockRef here = lj_emit_hoist(emit, depth);
  LLVMValueRef value;

  if (index.each || (index.lane_step != 0 && index.lane_step != 1))
    value = gather(emit, base, element, index);
  else if (index.lane_step == 1)
    value = load_run(emit, address(emit, base, element, &index), element);
  else
    value = lj_ir_load(emit->ir, element, address(emit, base, element, &index));
  if (dtype == LJ_BOOL)
    value = to_truth(emit, value);
  lj_emit_return(emit, here);
  return (struct lj_value){value, depth};
}

void lj_emit_store(struct lj_emitter *emit, LLVMValueRef base, enum lj_dtype dtype,
                   struct lj_place index, LLVMValueRef value)
{
  struct lj_ir *ir = emit->ir;
  LLVMTypeRef element = lj_emit_memory_type(emit, dtype);
  LLVMValueRef at = address(emit, base, element, &index);

  if (dtype == LJ_BOOL)
    value = lj_ir_convert(ir, value, lj_ir_shaped(ir, element, LLVMTypeOf(value)));
  LJ_CHECK(emit->trap, !index.each && (index.lane_step == 0 || index.lane_step == 1));
  LJ_CHECK(emit->trap, (index.lane_step == 1) == (lj_ir_lanes(LLVMTypeOf(value)) > 1) ||
                           emit->plan->lanes == 1);
  if (index.lane_step == 1 && emit->mask)
    lj_ir_masked_store(ir, value, at, emit->mask);
  else
    lj_ir_store(ir, value, at);
}

/* ---- arrays of the call ---------------------------------------------------------- */

static void open_stream(struct lj_emitter *emit, struct lj_stream *stream, int64_t list,
                        uint32_t number)
{
  LLVMBasicBlockRef here;

  if (stream->data)
    return;
  here = lj_emit_hoist(emit, 0);
  LLVMValueRef array = lj_emit_field(emit, emit->call, list, emit->ir->pointer);
  stream->data = lj_emit_field(emit, array, 2 * number, emit->ir->pointer);
  stream->stride = lj_emit_field(emit, array, 2 * number + 1, emit->ir->i64);
  lj_emit_return(emit, here);
}

/* The first byte of the current sample's row (across samples: of lane 0's). */
static LLVMValueRef row_of(struct lj_emitter *emit, struct lj_stream *stream)
{
  struct lj_ir *ir = emit->ir;

  if (!stream->row) {
    LLVMBasicBlockRef here = lj_emit_hoist(emit, emit->sample.depth);
    LLVMValueRef bytes = lj_ir_mul(ir, emit->sample.dynamic, stream->stride);
    stream->row = lj_ir_offset(ir, ir->i8, stream->data, bytes);
    lj_emit_return(emit, here);
  }
  return stream->row;
}

/* Across samples, an element chosen by data: each lane reads in its own row. */
static struct lj_value gather_across(struct lj_emitter *emit, const struct lj_node *node,
                                     LLVMValueRef row, struct lj_place flat)
{
  struct lj_ir *ir = emit->ir;
  LLVMTypeRef type = lj_ir_vector(ir, ir->i64, emit->plan->lanes);

  LLVMBasicBlockRef here = lj_emit_hoist(emit, flat.depth > emit->sample.depth
                                                   ? flat.depth
                                                   : emit->sample.depth);
  if (!flat.each)
    flat.each = lj_ir_integer(ir, type, 0);
  flat.lane_step += lj_inner_count(node);
  merge_each(emit, &flat);
  lj_emit_return(emit, here);
  return lj_emit_load(emit, row, emit->sample.depth, node->dtype, flat);
}

struct lj_value lj_emit_input(struct lj_emitter *emit, const struct lj_node *node,
                              const struct lj_place *places)
{
  struct lj_stream *stream = &emit->inputs[node->index];
  struct lj_place flat = lj_emit_flatten(emit, node, places);
  bool fixed = !flat.each && !flat.dynamic && !flat.lane_step;

  open_stream(emit, stream, LJ_ABI_INPUTS, node->index);
  if (!lj_is_batched(node))
    return lj_emit_load(emit, stream->data, 0, node->dtype, flat);
  LJ_CHECK(emit->trap, places[0].dynamic == emit->sample.dynamic && !places[0].each &&
                           places[0].constant == 0);
  if (!emit->across)
    return lj_emit_load(emit, row_of(emit, stream), emit->sample.depth, node->dtype, flat);
  if (!fixed)
    return gather_across(emit, node, row_of(emit, stream), flat);
  return (struct lj_value){lj_emit_column(emit, node, node->index, flat.constant),
                           emit->sample.depth};
}

LLVMValueRef lj_emit_output_row(struct lj_emitter *emit, uint32_t output)
{
  struct lj_stream *stream = &emit->outputs[output];
  const struct lj_node *node = lj_node_at(emit->graph, emit->plan->outputs[output].node);

  open_stream(emit, stream, LJ_ABI_OUTPUTS, output);
  return lj_is_batched(node) ? row_of(emit, stream) : stream->data;
}
