/*
 * Lanes along the row: one pass of the plan as a loop nest.
 *
 * The lanes run along the last axis that has more than one element. Kept axes are the outer
 * loops, reduced axes the inner ones, with one accumulator per fold carried through them;
 * when the lane axis is itself reduced it is innermost and the accumulators are combined
 * across lanes at the end. What does not fill a vector is done once more under a mask. All
 * values of a body are computed before any is stored, so an output may share memory with
 * the input it belongs to.
 */
#include "compiler/llvm/emit.h"

#define MAX_FOLDS LJ_IR_MAX_CARRIED

/* From this many terms on f32 sums are accumulated in f64: a chain of 4096/16 roundings
 * loses less than the last bit of the result matters. */
#define LONG_SUM 4096

struct nest {
  const struct lj_pass *pass;
  uint32_t order[LOSSJIT_MAX_RANK]; /* axes, outermost first */
  uint32_t kept_count;
  int32_t lane_axis;                /* -1: every axis has one element */
  int64_t reduced_count;            /* terms per result */
  struct lj_place places[LOSSJIT_MAX_RANK + 1]; /* [0] the sample, then the axes */
  LLVMValueRef folded[MAX_FOLDS];
};

static const struct lj_fold_info *fold_at(struct lj_emitter *emit, const struct nest *nest,
                                          uint32_t i)
{
  return &emit->plan->folds[nest->pass->folds[i]];
}

static const struct lj_node *fold_node(struct lj_emitter *emit, const struct nest *nest,
                                       uint32_t i)
{
  return lj_node_at(emit->graph, fold_at(emit, nest, i)->node);
}

static const struct lj_place *places_of(const struct nest *nest, const struct lj_node *node)
{
  return lj_is_batched(node) ? nest->places : nest->places + 1;
}

/* ---- accumulators ---------------------------------------------------------------- */

static enum lj_dtype folding_dtype(const struct nest *nest, const struct lj_node *fold)
{
  bool is_long = fold->op == LJ_OP_SUM && fold->dtype == LJ_F32 &&
                 nest->reduced_count > LONG_SUM;

  return is_long ? LJ_F64 : (enum lj_dtype)fold->dtype;
}

static LLVMTypeRef folding_type(struct lj_emitter *emit, const struct nest *nest,
                                const struct lj_node *fold)
{
  LLVMTypeRef element = lj_emit_type(emit, folding_dtype(nest, fold));

  return lj_ir_vector(emit->ir, element, nest->lane_axis < 0 ? 1 : emit->plan->lanes);
}

static void begin_folds(struct lj_emitter *emit, struct nest *nest)
{
  for (uint32_t i = 0; i < nest->pass->fold_count; i++) {
    const struct lj_node *fold = fold_node(emit, nest, i);
    nest->folded[i] =
        lj_emit_identity(emit, fold->op, folding_type(emit, nest, fold));
  }
}

/* The places along the axes that the fold keeps, as its own places. */
static void kept_places(const struct nest *nest, bool batched, struct lj_place *places)
{
  uint32_t to = 0;

  if (batched)
    places[to++] = nest->places[0];
  for (uint32_t axis = 0; axis < nest->pass->rank; axis++)
    if (!(nest->pass->reduced >> axis & 1u))
      places[to++] = nest->places[axis + 1];
}

static void end_folds(struct lj_emitter *emit, struct nest *nest)
{
  struct lj_ir *ir = emit->ir;
  bool lanes_reduced =
      nest->lane_axis >= 0 && (nest->pass->reduced >> nest->lane_axis & 1u);

  for (uint32_t i = 0; i < nest->pass->fold_count; i++) {
    const struct lj_fold_info *info = fold_at(emit, nest, i);
    const struct lj_node *fold = fold_node(emit, nest, i);
    struct lj_place places[LOSSJIT_MAX_RANK + 1];
    LLVMValueRef value = nest->folded[i];
    if (lanes_reduced)
      value = lj_emit_across_lanes(emit, fold->op, value);
    value = lj_ir_convert(
        ir, value, lj_ir_shaped(ir, lj_emit_type(emit, fold->dtype), LLVMTypeOf(value)));
    if (info->count == 1) {
      emit->fold_values[nest->pass->folds[i]] = (struct lj_value){value, emit->depth};
      continue;
    }
    kept_places(nest, lj_is_batched(fold), places);
    LLVMValueRef base =
        lj_ir_offset(ir, ir->i8, emit->scratch, lj_ir_index(ir, info->offset));
    lj_emit_store(emit, base, fold->dtype, lj_emit_flatten(emit, fold, places), value);
  }
}

/* ---- the innermost body ---------------------------------------------------------- */

static LLVMValueRef value_here(struct lj_emitter *emit, const struct nest *nest, lj_id id,
                               enum lj_dtype dtype)
{
  const struct lj_place *places = places_of(nest, lj_node_at(emit->graph, id));

  return nest->lane_axis < 0 ? lj_emit_as(emit, id, places, dtype).value
                             : lj_emit_vector(emit, id, places, dtype).value;
}

static void step_folds(struct lj_emitter *emit, struct nest *nest)
{
  for (uint32_t i = 0; i < nest->pass->fold_count; i++) {
    const struct lj_node *fold = fold_node(emit, nest, i);
    LLVMValueRef term =
        value_here(emit, nest, fold->operand[0], folding_dtype(nest, fold));
    LLVMValueRef next = lj_emit_combine(emit, fold->op, nest->folded[i], term);
    nest->folded[i] =
        emit->mask ? lj_ir_select(emit->ir, emit->mask, next, nest->folded[i]) : next;
  }
}

/* Rows of batch folds that keep inner axes go into the partial results in memory. */
static void add_row_sums(struct lj_emitter *emit, const struct nest *nest)
{
  for (uint32_t i = 0; i < nest->pass->sum_count; i++) {
    const struct lj_fold_info *info = &emit->plan->folds[nest->pass->sums[i]];
    const struct lj_node *fold = lj_node_at(emit->graph, info->node);
    lj_id row = fold->operand[0];
    LLVMValueRef term = value_here(emit, nest, row, LJ_F64);
    struct lj_place flat = lj_emit_flatten(emit, lj_node_at(emit->graph, row),
                                           places_of(nest, lj_node_at(emit->graph, row)));
    flat.constant += info->slot;
    LLVMValueRef before = lj_emit_load(emit, emit->partials, 0, LJ_F64, flat).value;
    lj_emit_store(emit, emit->partials, LJ_F64, flat,
                  lj_emit_combine(emit, fold->op, before, term));
  }
}

static void store_kept(struct lj_emitter *emit, const struct nest *nest)
{
  for (uint32_t i = 0; i < emit->phase->kept_count; i++) {
    const struct lj_kept *kept = &emit->phase->kept[i];
    const struct lj_node *node = lj_node_at(emit->graph, kept->node);
    if (kept->first_pass != emit->pass)
      continue;
    LLVMValueRef value = value_here(emit, nest, kept->node, node->dtype);
    LLVMValueRef base = lj_ir_offset(emit->ir, emit->ir->i8, emit->scratch,
                                     lj_ir_index(emit->ir, kept->offset));
    lj_emit_store(emit, base, node->dtype,
                  lj_emit_flatten(emit, node, places_of(nest, node)), value);
  }
}

static void store_rows(struct lj_emitter *emit, const struct nest *nest)
{
  uint32_t count = nest->pass->store_count;
  LLVMValueRef *values = LJ_NEW_ARRAY(emit->arena, LLVMValueRef, count + 1);

  for (uint32_t i = 0; i < count; i++) {
    lj_id id = emit->plan->outputs[nest->pass->stores[i]].node;
    values[i] = value_here(emit, nest, id, lj_node_at(emit->graph, id)->dtype);
  }
  for (uint32_t i = 0; i < count; i++) {
    uint32_t output = nest->pass->stores[i];
    const struct lj_node *node = lj_node_at(emit->graph, emit->plan->outputs[output].node);
    lj_emit_store(emit, lj_emit_output_row(emit, output), node->dtype,
                  lj_emit_flatten(emit, node, places_of(nest, node)), values[i]);
  }
}

static void body(struct lj_emitter *emit, struct nest *nest)
{
  step_folds(emit, nest);
  store_kept(emit, nest);
  add_row_sums(emit, nest);
  store_rows(emit, nest);
}

/* ---- loops ----------------------------------------------------------------------- */

static void inside(struct lj_emitter *emit, struct nest *nest, uint32_t level);

/* One run through a loop over `axis` from..to in steps; accumulators are carried when they
 * are under way. */
static void run_loop(struct lj_emitter *emit, struct nest *nest, uint32_t level,
                     int64_t to, int64_t step)
{
  uint32_t axis = nest->order[level];
  bool carries = level >= nest->kept_count;
  uint32_t count = carries ? nest->pass->fold_count : 0;
  struct lj_ir_loop loop;

  lj_emit_loop_begin(emit, &loop, lj_ir_index(emit->ir, 0), lj_ir_index(emit->ir, to), step,
                     nest->folded, count);
  for (uint32_t i = 0; i < count; i++)
    nest->folded[i] = loop.carried[i];
  nest->places[axis + 1] = (struct lj_place){
      .dynamic = loop.index, .lane_step = step > 1 ? 1 : 0, .depth = emit->depth};
  if (nest->lane_axis == (int32_t)axis)
    nest->places[axis + 1].lane_step = 1;
  inside(emit, nest, level + 1);
  lj_emit_loop_end(emit, &loop, nest->folded);
  for (uint32_t i = 0; i < count; i++)
    nest->folded[i] = loop.result[i];
}

static void run_once(struct lj_emitter *emit, struct nest *nest, uint32_t level,
                     int64_t at, int64_t lane_step)
{
  nest->places[nest->order[level] + 1] =
      (struct lj_place){.constant = at, .lane_step = lane_step, .depth = emit->depth};
  inside(emit, nest, level + 1);
}

static LLVMValueRef tail_mask(struct lj_emitter *emit, int64_t rest)
{
  LLVMTypeRef type = lj_ir_vector(emit->ir, emit->ir->i1, emit->plan->lanes);
  int64_t lanes[LJ_IR_MAX_LANES];

  for (uint32_t lane = 0; lane < emit->plan->lanes; lane++)
    lanes[lane] = lane < rest;
  return lj_ir_integers(emit->ir, type, lanes);
}

static void run_lanes(struct lj_emitter *emit, struct nest *nest, uint32_t level,
                      int64_t extent)
{
  int64_t lanes = emit->plan->lanes, full = extent / lanes * lanes;

  if (full == lanes)
    run_once(emit, nest, level, 0, 1);
  else if (full > 0)
    run_loop(emit, nest, level, full, lanes);
  if (full < extent) {
    emit->mask = tail_mask(emit, extent - full);
    run_once(emit, nest, level, full, 1);
    emit->mask = NULL;
  }
}

static void inside(struct lj_emitter *emit, struct nest *nest, uint32_t level)
{
  if (level == nest->kept_count)
    begin_folds(emit, nest);
  if (level == nest->pass->rank) {
    body(emit, nest);
  } else {
    uint32_t axis = nest->order[level];
    int64_t extent = nest->pass->extent[axis];
    if (nest->lane_axis == (int32_t)axis)
      run_lanes(emit, nest, level, extent);
    else if (extent == 1)
      run_once(emit, nest, level, 0, 0);
    else
      run_loop(emit, nest, level, extent, 1);
  }
  if (level == nest->kept_count)
    end_folds(emit, nest);
}

/* ---- a pass ---------------------------------------------------------------------- */

static void order_axes(struct nest *nest)
{
  const struct lj_pass *pass = nest->pass;
  uint32_t to = 0;

  nest->lane_axis = -1;
  nest->reduced_count = 1;
  for (uint32_t axis = 0; axis < pass->rank; axis++) {
    if (pass->extent[axis] > 1)
      nest->lane_axis = (int32_t)axis;
    if (pass->reduced >> axis & 1u)
      nest->reduced_count *= pass->extent[axis];
  }
  for (uint32_t reduced = 0; reduced < 2; reduced++) {
    for (uint32_t axis = 0; axis < pass->rank; axis++)
      if ((pass->reduced >> axis & 1u) == reduced && (int32_t)axis != nest->lane_axis)
        nest->order[to++] = axis;
    if (nest->lane_axis >= 0 && (pass->reduced >> nest->lane_axis & 1u) == reduced)
      nest->order[to++] = (uint32_t)nest->lane_axis;
    if (!reduced)
      nest->kept_count = to;
  }
}

void lj_emit_pass(struct lj_emitter *emit, const struct lj_pass *pass)
{
  struct nest nest = {.pass = pass};

  LJ_CHECK(emit->trap, pass->fold_count <= MAX_FOLDS);
  order_axes(&nest);
  nest.places[0] = emit->sample;
  emit->in_pass = true;
  inside(emit, &nest, 0);
  emit->in_pass = false;
}
