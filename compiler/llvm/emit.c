/*
 * From the plan to a module: one function per phase over the batch, and finish.
 *
 * A phase function loops over its samples, `lanes` at a time or one by one as the template
 * says, carries the batch folds that fit in registers, and leaves them in `partials`. This
 * file is the skeleton; values are in emit_value.c, loops along the row in emit_row.c.
 */
#include "compiler/llvm/emit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- blocks ---------------------------------------------------------------------- */

LLVMBasicBlockRef lj_emit_hoist(struct lj_emitter *emit, uint32_t depth)
{
  LLVMBasicBlockRef here;

  LJ_CHECK(emit->trap, depth <= emit->depth);
  if (depth == emit->depth)
    return NULL;
  LJ_CHECK(emit->trap, !emit->hoisted);
  emit->hoisted = true;
  here = LLVMGetInsertBlock(emit->ir->builder);
  LLVMPositionBuilderBefore(emit->ir->builder,
                            LLVMGetBasicBlockTerminator(emit->open[depth + 1]->before));
  return here;
}

void lj_emit_return(struct lj_emitter *emit, LLVMBasicBlockRef block)
{
  if (!block)
    return;
  emit->hoisted = false;
  LLVMPositionBuilderAtEnd(emit->ir->builder, block);
}

void lj_emit_loop_begin(struct lj_emitter *emit, struct lj_ir_loop *loop, LLVMValueRef from,
                        LLVMValueRef to, int64_t step, const LLVMValueRef *initial,
                        uint32_t count)
{
  LJ_CHECK(emit->trap, emit->depth + 1 < LJ_EMIT_MAX_DEPTH);
  lj_ir_loop_begin(emit->ir, loop, from, to, step, initial, count);
  emit->open[++emit->depth] = loop;
}

/* What was emitted inside the loop is not known to be computed after it. */
void lj_emit_loop_end(struct lj_emitter *emit, struct lj_ir_loop *loop,
                      const LLVMValueRef *next)
{
  lj_ir_loop_end(emit->ir, loop, next);
  for (uint32_t i = 0; i < emit->memo.count; i++)
    if (emit->memo.entries[i].depth >= emit->depth)
      emit->memo.entries[i].live = false;
  emit->depth--;
}

/* ---- folds ----------------------------------------------------------------------- */

static LLVMValueRef integer_maximum(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  return lj_ir_select(ir, lj_ir_icmp(ir, LLVMIntSGT, a, b), a, b);
}

static LLVMValueRef integer_minimum(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  return lj_ir_select(ir, lj_ir_icmp(ir, LLVMIntSLT, a, b), a, b);
}

static const struct {
  lj_ir_combine *on_float, *on_integer;
  double identity;
  int64_t integer_identity;
} fold_rows[] = {
    [LJ_OP_SUM - LJ_OP_FIRST_ROW] = {lj_ir_fadd, lj_ir_add, 0, 0},
    [LJ_OP_PROD - LJ_OP_FIRST_ROW] = {lj_ir_fmul, lj_ir_mul, 1, 1},
    [LJ_OP_MAX - LJ_OP_FIRST_ROW] = {lj_ir_maximum, integer_maximum, -HUGE_VAL, INT64_MIN},
    [LJ_OP_MIN - LJ_OP_FIRST_ROW] = {lj_ir_minimum, integer_minimum, HUGE_VAL, INT64_MAX},
    /* truth values: as masks, or as 0.0 and 1.0 across the batch */
    [LJ_OP_ANY - LJ_OP_FIRST_ROW] = {lj_ir_maximum, lj_ir_or, 0, 0},
    [LJ_OP_ALL - LJ_OP_FIRST_ROW] = {lj_ir_minimum, lj_ir_and, 1, -1},
};

static lj_ir_combine *combiner(enum lj_op op, LLVMValueRef value)
{
  return lj_ir_is_float(lj_ir_element(LLVMTypeOf(value)))
             ? fold_rows[op - LJ_OP_FIRST_ROW].on_float
             : fold_rows[op - LJ_OP_FIRST_ROW].on_integer;
}

LLVMValueRef lj_emit_identity(struct lj_emitter *emit, enum lj_op op, LLVMTypeRef type)
{
  int64_t integer = fold_rows[op - LJ_OP_FIRST_ROW].integer_identity;

  if (lj_ir_is_float(lj_ir_element(type)))
    return lj_ir_number(emit->ir, type, fold_rows[op - LJ_OP_FIRST_ROW].identity);
  if (lj_ir_element(type) == emit->ir->i32 && (op == LJ_OP_MAX || op == LJ_OP_MIN))
    integer = op == LJ_OP_MAX ? INT32_MIN : INT32_MAX;
  return lj_ir_integer(emit->ir, type, integer);
}

LLVMValueRef lj_emit_combine(struct lj_emitter *emit, enum lj_op op, LLVMValueRef a,
                             LLVMValueRef b)
{
  return combiner(op, a)(emit->ir, a, b);
}

LLVMValueRef lj_emit_across_lanes(struct lj_emitter *emit, enum lj_op op,
                                  LLVMValueRef vector)
{
  return lj_ir_reduce(emit->ir, vector, combiner(op, vector));
}

/* ---- batch folds carried through the samples ------------------------------------- */

/* One element of a batch fold that the sample loop carries as f64. */
struct carried {
  const struct lj_fold_info *fold; /* NULL: the first sample that fails the check */
  int64_t element;
};

struct carries {
  struct carried items[LJ_IR_MAX_CARRIED];
  LLVMValueRef values[LJ_IR_MAX_CARRIED];
  uint32_t count;
  struct carried *more; /* along the row: what no register is left for; kept in memory */
  uint32_t more_count;
};

static enum lj_op carried_op(const struct lj_emitter *emit, const struct carried *item)
{
  return item->fold ? (enum lj_op)lj_node_at(emit->graph, item->fold->node)->op
                    : LJ_OP_MIN;
}

static void begin_carries(struct lj_emitter *emit, struct carries *carries)
{
  LLVMTypeRef type =
      lj_ir_vector(emit->ir, emit->ir->f64, emit->across ? emit->plan->lanes : 1);

  carries->count = carries->more_count = 0;
  carries->more = LJ_NEW_ARRAY(emit->arena, struct carried, emit->plan->fold_count + 1);
  if (emit->phase->checks)
    carries->items[carries->count++] = (struct carried){NULL, 0};
  for (uint32_t i = 0; i < emit->phase->batch_fold_count; i++) {
    const struct lj_fold_info *fold = &emit->plan->folds[emit->phase->batch_folds[i]];
    if (!emit->across && fold->count != 1)
      continue; /* added row by row in a pass */
    for (uint32_t k = 0; k < fold->count; k++)
      if (carries->count < LJ_IR_MAX_CARRIED)
        carries->items[carries->count++] = (struct carried){fold, k};
      else
        carries->more[carries->more_count++] = (struct carried){fold, k};
  }
  for (uint32_t i = 0; i < carries->count; i++)
    carries->values[i] =
        lj_emit_identity(emit, carried_op(emit, &carries->items[i]), type);
}

static void element_places(struct lj_emitter *emit, const struct lj_node *node,
                           int64_t element, struct lj_place *places)
{
  uint32_t first = lj_is_batched(node) ? 1 : 0;

  if (first)
    places[0] = emit->sample;
  for (uint32_t axis = node->rank; axis-- > first;) {
    places[axis] = lj_place_constant(element % node->shape[axis].offset);
    element /= node->shape[axis].offset;
  }
}

static LLVMValueRef element_value(struct lj_emitter *emit, lj_id id, int64_t element,
                                  enum lj_dtype dtype)
{
  struct lj_place places[LOSSJIT_MAX_RANK];

  element_places(emit, lj_node_at(emit->graph, id), element, places);
  return emit->across && emit->depth > 0 ? lj_emit_vector(emit, id, places, dtype).value
                                         : lj_emit_as(emit, id, places, dtype).value;
}

/* The number of the sample in each lane where the check fails, +inf elsewhere. */
static LLVMValueRef failing_sample(struct lj_emitter *emit)
{
  struct lj_ir *ir = emit->ir;
  LLVMValueRef bad = element_value(emit, emit->plan->check, 0, LJ_BOOL);
  LLVMTypeRef wide = lj_ir_shaped(ir, ir->i64, LLVMTypeOf(bad));
  LLVMTypeRef number = lj_ir_shaped(ir, ir->f64, LLVMTypeOf(bad));
  LLVMValueRef sample = emit->sample.dynamic;

  if (emit->across)
    sample = lj_ir_add(ir, lj_ir_splat(ir, sample, emit->plan->lanes),
                       lj_ir_iota(ir, wide));
  return lj_ir_select(ir, bad, lj_ir_convert(ir, sample, number),
                      lj_ir_number(ir, number, HUGE_VAL));
}

static LLVMValueRef carried_term(struct lj_emitter *emit, const struct carried *item)
{
  lj_id row;

  if (!item->fold)
    return failing_sample(emit);
  row = lj_node_at(emit->graph, item->fold->node)->operand[0];
  return element_value(emit, row, item->element, LJ_F64);
}

static void step_carries(struct lj_emitter *emit, struct carries *carries,
                         LLVMValueRef begin)
{
  struct lj_ir *ir = emit->ir;
  LLVMValueRef mask = NULL;

  if (emit->across && carries->count > 0) {
    LLVMBasicBlockRef here = lj_emit_hoist(emit, 0);
    LLVMValueRef active = lj_emit_field(emit, emit->call, LJ_ABI_ACTIVE, ir->i64);
    LLVMValueRef end = lj_ir_add(ir, begin, active);
    lj_emit_return(emit, here);
    mask = lj_ir_tail_mask(ir, emit->plan->lanes,
                           lj_ir_sub(ir, end, emit->sample.dynamic));
  }
  for (uint32_t i = 0; i < carries->count; i++) {
    enum lj_op op = carried_op(emit, &carries->items[i]);
    LLVMValueRef term = carried_term(emit, &carries->items[i]);
    LLVMValueRef next = lj_emit_combine(emit, op, carries->values[i], term);
    carries->values[i] = mask ? lj_ir_select(ir, mask, next, carries->values[i]) : next;
  }
}

/* One sample's part of the sums that are kept in memory. */
static void step_more(struct lj_emitter *emit, const struct carries *carries)
{
  struct lj_ir *ir = emit->ir;

  LJ_CHECK(emit->trap, carries->more_count == 0 || !emit->across);
  for (uint32_t i = 0; i < carries->more_count; i++) {
    const struct carried *item = &carries->more[i];
    LLVMValueRef at = lj_ir_offset(ir, ir->f64, emit->partials,
                                   lj_ir_index(ir, item->fold->slot + item->element));
    LLVMValueRef term = carried_term(emit, item);
    lj_ir_store(ir,
                lj_emit_combine(emit, carried_op(emit, item), lj_ir_load(ir, ir->f64, at),
                                term),
                at);
  }
}

static void end_carries(struct lj_emitter *emit, const struct carries *carries)
{
  struct lj_ir *ir = emit->ir;

  for (uint32_t i = 0; i < carries->count; i++) {
    const struct carried *item = &carries->items[i];
    enum lj_op op = carried_op(emit, item);
    LLVMValueRef value = carries->values[i];
    int64_t slot = item->fold ? item->fold->slot + item->element : 0;
    LLVMValueRef at = lj_ir_offset(ir, ir->f64, emit->partials, lj_ir_index(ir, slot));
    if (emit->across)
      value = lj_emit_across_lanes(emit, op, value);
    lj_ir_store(ir, lj_emit_combine(emit, op, lj_ir_load(ir, ir->f64, at), value), at);
  }
}

/* ---- outputs --------------------------------------------------------------------- */

static const struct lj_node *output_node(const struct lj_emitter *emit, uint32_t i)
{
  return lj_node_at(emit->graph, emit->plan->outputs[i].node);
}

/* Across samples: all values of the chunk first, then all stores. */
static void write_columns(struct lj_emitter *emit)
{
  const struct lj_plan *plan = emit->plan;
  LLVMValueRef **columns = LJ_NEW_ARRAY(emit->arena, LLVMValueRef *, plan->output_count + 1);

  for (uint32_t i = 0; i < plan->output_count; i++) {
    const struct lj_node *node = output_node(emit, i);
    int64_t count = lj_inner_count(node);
    if (!lj_is_batched(node))
      continue;
    columns[i] = LJ_NEW_ARRAY(emit->arena, LLVMValueRef, (size_t)count + 1);
    for (int64_t k = 0; k < count; k++)
      columns[i][k] = element_value(emit, plan->outputs[i].node, k, node->dtype);
  }
  for (uint32_t i = 0; i < plan->output_count; i++)
    if (columns[i])
      lj_emit_store_columns(emit, i, columns[i], lj_inner_count(output_node(emit, i)));
}

/* Outputs with one element per sample (or one in all, in finish). Rows were written by
 * passes. */
static void write_scalars(struct lj_emitter *emit, bool batched)
{
  const struct lj_plan *plan = emit->plan;
  LLVMValueRef *values = LJ_NEW_ARRAY(emit->arena, LLVMValueRef, plan->output_count + 1);

  for (uint32_t i = 0; i < plan->output_count; i++)
    if (lj_is_batched(output_node(emit, i)) == batched &&
        lj_inner_count(output_node(emit, i)) == 1)
      values[i] = element_value(emit, plan->outputs[i].node, 0, output_node(emit, i)->dtype);
  for (uint32_t i = 0; i < plan->output_count; i++)
    if (values[i])
      lj_emit_store(emit, lj_emit_output_row(emit, i), output_node(emit, i)->dtype,
                    lj_place_constant(0), values[i]);
}

static void write_unbatched_columns(struct lj_emitter *emit)
{
  for (uint32_t i = 0; i < emit->plan->output_count; i++) {
    const struct lj_node *node = output_node(emit, i);
    int64_t count = lj_inner_count(node);
    if (lj_is_batched(node))
      continue;
    for (int64_t k = 0; k < count; k++)
      lj_emit_store(emit, lj_emit_output_row(emit, i), node->dtype, lj_place_constant(k),
                    element_value(emit, emit->plan->outputs[i].node, k, node->dtype));
  }
}

/* ---- functions ------------------------------------------------------------------- */

static void begin_function(struct lj_emitter *emit, const struct lj_phase *phase,
                           const char *name, uint32_t parameter_count)
{
  struct lj_ir *ir = emit->ir;
  LLVMTypeRef types[3] = {ir->pointer, ir->i64, ir->i64};
  LLVMValueRef function = lj_ir_function(ir, name, ir->none, types, parameter_count);

  emit->phase = phase;
  emit->depth = 0;
  emit->mask = NULL;
  emit->memo.count = 0;
  memset(emit->memo.buckets, 0, sizeof emit->memo.buckets);
  emit->sample = (struct lj_place){0};
  emit->inputs =
      LJ_NEW_ARRAY(emit->arena, struct lj_stream, emit->graph->input_count + 1);
  emit->outputs =
      LJ_NEW_ARRAY(emit->arena, struct lj_stream, emit->plan->output_count + 1);
  emit->parameters =
      LJ_NEW_ARRAY(emit->arena, LLVMValueRef, emit->graph->parameter_count + 1);
  emit->fold_values =
      LJ_NEW_ARRAY(emit->arena, struct lj_value, emit->plan->fold_count + 1);
  emit->call = LLVMGetParam(function, 0);
  emit->totals = lj_emit_field(emit, emit->call, LJ_ABI_TOTALS, ir->pointer);
  emit->partials = lj_emit_field(emit, emit->call, LJ_ABI_PARTIALS, ir->pointer);
  emit->scratch = lj_emit_field(emit, emit->call, LJ_ABI_SCRATCH, ir->pointer);
}

static void run_passes(struct lj_emitter *emit, bool once)
{
  for (uint32_t i = 0; i < emit->phase->pass_count; i++)
    if (emit->phase->passes[i].once == once) {
      emit->pass = i;
      lj_emit_pass(emit, &emit->phase->passes[i]);
    }
}

static void emit_phase(struct lj_emitter *emit, uint32_t number)
{
  struct lj_ir *ir = emit->ir;
  struct carries carries;
  struct lj_ir_loop loop;
  char name[40];

  snprintf(name, sizeof name, LJ_ABI_PHASE_NAME, number);
  begin_function(emit, &emit->plan->phases[number], name, 3);
  LLVMValueRef function = LLVMGetBasicBlockParent(LLVMGetInsertBlock(ir->builder));
  LLVMValueRef begin = LLVMGetParam(function, 1), end = LLVMGetParam(function, 2);
  run_passes(emit, true);
  begin_carries(emit, &carries);
  lj_emit_loop_begin(emit, &loop, begin, end, emit->across ? emit->plan->lanes : 1,
                     carries.values, carries.count);
  memcpy(carries.values, loop.carried, carries.count * sizeof carries.values[0]);
  emit->sample = (struct lj_place){
      .dynamic = loop.index, .lane_step = emit->across ? 1 : 0, .depth = emit->depth};
  run_passes(emit, false);
  step_carries(emit, &carries, begin);
  step_more(emit, &carries);
  if (emit->phase->writes && emit->across)
    write_columns(emit);
  else if (emit->phase->writes)
    write_scalars(emit, true);
  lj_emit_loop_end(emit, &loop, carries.values);
  memcpy(carries.values, loop.result, carries.count * sizeof carries.values[0]);
  end_carries(emit, &carries);
  LLVMBuildRetVoid(ir->builder);
}

static void emit_finish(struct lj_emitter *emit)
{
  begin_function(emit, &emit->plan->finish, LJ_ABI_FINISH_NAME, 1);
  if (emit->across) {
    write_unbatched_columns(emit);
  } else {
    run_passes(emit, true);
    write_scalars(emit, false);
  }
  LLVMBuildRetVoid(emit->ir->builder);
}

void lj_emit_kernel(struct lj_ir *ir, const struct lj_plan *plan)
{
  struct lj_arena *arena = plan->graph->arena;
  struct lj_emitter *emit = LJ_NEW(arena, struct lj_emitter);

  emit->ir = ir;
  emit->plan = plan;
  emit->graph = plan->graph;
  emit->arena = arena;
  emit->trap = ir->trap;
  emit->across = plan->form == LJ_LANES_ACROSS_SAMPLES;
  for (uint32_t i = 0; i < plan->phase_count; i++)
    emit_phase(emit, i);
  if (plan->has_finish)
    emit_finish(emit);
  lj_ir_verify(ir);
}
