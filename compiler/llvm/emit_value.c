/*
 * Values by pull: a node at a place gives an LLVM value, emitted once per place.
 *
 * Each family of nodes has a function here; elementwise operators go through lower.c,
 * inputs through emit_memory.c. A value is put as far out as its operands allow, and
 * remembered under (node, places, mask, dtype) while the block it stands in is open.
 */
#include "compiler/llvm/emit.h"
#include "compiler/llvm/vmath.h"

#include <stdio.h>
#include <string.h>

struct lj_place lj_place_constant(int64_t constant)
{
  return (struct lj_place){.constant = constant};
}

static bool place_equal(const struct lj_place *a, const struct lj_place *b)
{
  return a->constant == b->constant && a->dynamic == b->dynamic &&
         a->lane_step == b->lane_step && a->each == b->each;
}

/* ---- memory of what was emitted ---------------------------------------------------------- */

static uint32_t memo_bucket(const struct lj_emitter *emit, lj_id id, enum lj_dtype dtype,
                            const struct lj_place *places, uint32_t count)
{
  uint64_t hash = id * 0x9E3779B97F4A7C15u + (uint64_t)dtype * 0x2545F491u;

  for (uint32_t i = 0; i < count; i++)
    hash = (hash ^ (uint64_t)places[i].constant ^ (uintptr_t)places[i].dynamic >> 3 ^
            (uintptr_t)places[i].each >> 2) *
           0x9E3779B97F4A7C15u;
  return (uint32_t)(hash >> 33) % LJ_COUNT(emit->memo.buckets);
}

static bool memo_find(const struct lj_emitter *emit, lj_id id, enum lj_dtype dtype,
                      bool splatted, const struct lj_place *places, uint32_t count,
                      struct lj_value *value)
{
  uint32_t at = emit->memo.buckets[memo_bucket(emit, id, dtype, places, count)];

  for (; at; at = emit->memo.entries[at - 1].next) {
    const struct lj_memo_entry *entry = &emit->memo.entries[at - 1];
    bool same = entry->live && entry->id == id && entry->dtype == dtype &&
                entry->splatted == splatted && entry->mask == emit->mask &&
                entry->place_count == count;
    for (uint32_t i = 0; same && i < count; i++)
      same = place_equal(&entry->places[i], &places[i]);
    if (same) {
      *value = entry->value;
      return true;
    }
  }
  return false;
}

static void memo_add(struct lj_emitter *emit, lj_id id, enum lj_dtype dtype, bool splatted,
                     const struct lj_place *places, uint32_t count, struct lj_value value)
{
  struct lj_memo *memo = &emit->memo;
  uint32_t bucket = memo_bucket(emit, id, dtype, places, count);
  struct lj_memo_entry entry = {.id = id,
                                .dtype = (uint8_t)dtype,
                                .splatted = splatted,
                                .live = true,
                                .depth = value.depth,
                                .mask = emit->mask,
                                .place_count = count,
                                .value = value,
                                .next = memo->buckets[bucket]};

  entry.places = LJ_NEW_ARRAY(emit->arena, struct lj_place, count + 1);
  if (count)
    memcpy(entry.places, places, count * sizeof *places);
  LJ_GROW(emit->arena, memo->entries, memo->count, memo->capacity);
  memo->entries[memo->count++] = entry;
  memo->buckets[bucket] = memo->count;
}

/* ---- leaves -------------------------------------------------------------------------------- */

static struct lj_value literal(struct lj_emitter *emit, enum lj_dtype dtype, double number)
{
  LLVMTypeRef type = lj_emit_type(emit, dtype);
  LLVMValueRef value = lj_ir_is_float(type) ? lj_ir_number(emit->ir, type, number)
                                            : lj_ir_integer(emit->ir, type, (int64_t)number);

  return (struct lj_value){value, 0};
}

/* The number at a place, as i64: a scalar, or one per lane. */
static struct lj_value place_number(struct lj_emitter *emit, const struct lj_place *place)
{
  struct lj_ir *ir = emit->ir;
  LLVMBasicBlockRef here = lj_emit_hoist(emit, place->depth);
  LLVMValueRef value = place->each;

  if (!value) {
    value = lj_ir_index(ir, place->constant);
    if (place->dynamic)
      value = lj_ir_add(ir, place->dynamic, value);
    if (place->lane_step) {
      LLVMTypeRef type = lj_ir_vector(ir, ir->i64, emit->plan->lanes);
      value = lj_ir_add(ir, lj_ir_splat(ir, value, emit->plan->lanes),
                        lj_ir_mul(ir, lj_ir_iota(ir, type),
                                  lj_ir_integer(ir, type, place->lane_step)));
    }
  }
  lj_emit_return(emit, here);
  return (struct lj_value){value, place->depth};
}

static struct lj_value emit_iota(struct lj_emitter *emit, const struct lj_place *place)
{
  if (!place->each && !place->dynamic && !place->lane_step)
    return literal(emit, LJ_WEAK_INT, (double)place->constant);
  return place_number(emit, place);
}

static struct lj_value emit_parameter(struct lj_emitter *emit, const struct lj_node *node)
{
  LLVMValueRef *slot = &emit->parameters[node->index];

  if (!*slot) {
    LLVMBasicBlockRef here = lj_emit_hoist(emit, 0);
    LLVMValueRef array =
        lj_emit_field(emit, emit->call, LJ_ABI_PARAMETERS, emit->ir->pointer);
    *slot = lj_emit_field(emit, array, node->index, emit->ir->f64);
    lj_emit_return(emit, here);
  }
  return (struct lj_value){*slot, 0};
}

static struct lj_value emit_size(struct lj_emitter *emit, const struct lj_node *node)
{
  struct lj_ir *ir = emit->ir;
  LLVMBasicBlockRef here;
  LLVMValueRef batch;

  if (lj_size_is_number(node->size))
    return literal(emit, LJ_WEAK_INT, (double)node->size.offset);
  LJ_CHECK(emit->trap, node->size.symbol == LJ_SYMBOL_BATCH);
  here = lj_emit_hoist(emit, 0);
  batch = lj_emit_field(emit, emit->call, LJ_ABI_BATCH, ir->i64);
  batch = lj_ir_add(ir, lj_ir_mul(ir, batch, lj_ir_index(ir, node->size.scale)),
                    lj_ir_index(ir, node->size.offset));
  lj_emit_return(emit, here);
  return (struct lj_value){batch, 0};
}

/* A table in read-only memory beside the code, in the dtype it is used in. */
static LLVMValueRef table_global(struct lj_emitter *emit, const struct lj_node *node,
                                 lj_id id, enum lj_dtype dtype)
{
  uint32_t count = (uint32_t)lj_inner_count(node);
  LLVMTypeRef element = lj_emit_memory_type(emit, dtype);
  LLVMTypeRef type = LLVMArrayType2(element, count);
  LLVMValueRef *values = LJ_NEW_ARRAY(emit->arena, LLVMValueRef, count + 1);
  char name[40];

  snprintf(name, sizeof name, "table_%u_%u", id, (unsigned)dtype);
  LLVMValueRef global = LLVMGetNamedGlobal(emit->ir->module, name);
  if (global)
    return global;
  for (uint32_t i = 0; i < count; i++)
    values[i] = lj_ir_is_float(element)
                    ? lj_ir_number(emit->ir, element, node->table[i])
                    : lj_ir_integer(emit->ir, element, (int64_t)node->table[i]);
  global = LLVMAddGlobal(emit->ir->module, type, name);
  LLVMSetInitializer(global, LLVMConstArray2(element, values, count));
  LLVMSetGlobalConstant(global, 1);
  LLVMSetLinkage(global, LLVMPrivateLinkage);
  LLVMSetUnnamedAddress(global, LLVMGlobalUnnamedAddr);
  return global;
}

static struct lj_value emit_table(struct lj_emitter *emit, lj_id id,
                                  const struct lj_node *node, const struct lj_place *places,
                                  enum lj_dtype dtype)
{
  struct lj_place flat = lj_emit_flatten(emit, node, places);

  if (!flat.each && !flat.dynamic && !flat.lane_step)
    return literal(emit, dtype, node->table[flat.constant]);
  return lj_emit_load(emit, table_global(emit, node, id, dtype), 0, dtype, flat);
}

/* ---- views ------------------------------------------------------------------------------------ */

/* start + step*place */
static struct lj_place move_place(struct lj_emitter *emit, const struct lj_place *place,
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

static struct lj_value emit_view(struct lj_emitter *emit, const struct lj_node *node,
                                 const struct lj_place *places)
{
  const struct lj_node *operand = lj_node_at(emit->graph, node->operand[0]);
  struct lj_place under[LOSSJIT_MAX_RANK] = {{0}};

  for (uint32_t axis = 0; axis < operand->rank; axis++) {
    const struct lj_read *read = &node->reads[axis];
    LJ_CHECK(emit->trap, lj_size_is_number(read->start));
    under[axis] = read->axis < 0 ? lj_place_constant(read->start.offset)
                                 : move_place(emit, &places[read->axis],
                                              read->start.offset, read->step);
  }
  return lj_emit_value(emit, node->operand[0], under);
}

/* ---- pads: a value inside, zero around ------------------------------------------------------- */

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
  struct lj_value at = place_number(emit, place);
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

static struct lj_value emit_pad(struct lj_emitter *emit, const struct lj_node *node,
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
    return literal(emit, node->dtype, 0);
  struct lj_value value = lj_emit_value(emit, node->operand[0], under);
  return pad.inside ? select_pad(emit, &pad, value) : value;
}

/* ---- gather ---------------------------------------------------------------------------------------- */

/* The check phase itself may meet an index that was not checked yet. */
static LLVMValueRef clamp_index(struct lj_emitter *emit, LLVMValueRef index, int64_t limit)
{
  struct lj_ir *ir = emit->ir;
  LLVMTypeRef type = LLVMTypeOf(index);
  LLVMValueRef good = lj_ir_icmp(ir, LLVMIntULT, index, lj_ir_integer(ir, type, limit));

  return lj_ir_select(ir, good, index, lj_ir_integer(ir, type, 0));
}

static struct lj_value emit_gather(struct lj_emitter *emit, const struct lj_node *node,
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

/* ---- folds --------------------------------------------------------------------------------------------- */

static struct lj_value emit_total(struct lj_emitter *emit, const struct lj_node *node,
                                  const struct lj_fold_info *fold,
                                  const struct lj_place *places)
{
  struct lj_place flat = lj_emit_flatten(emit, node, places);
  struct lj_value total;

  flat.constant += flat.each ? 0 : fold->slot;
  if (flat.each)
    flat = move_place(emit, &flat, fold->slot, 1);
  total = lj_emit_load(emit, emit->totals, 0, LJ_F64, flat);
  LLVMBasicBlockRef here = lj_emit_hoist(emit, total.depth);
  total.value = lj_ir_convert(
      emit->ir, total.value,
      lj_ir_shaped(emit->ir, lj_emit_type(emit, node->dtype), LLVMTypeOf(total.value)));
  lj_emit_return(emit, here);
  return total;
}

/* One term of a fold per inner element, in a body without loops. */
static struct lj_value unrolled_fold(struct lj_emitter *emit, const struct lj_node *node,
                                     const struct lj_place *places)
{
  const struct lj_node *operand = lj_node_at(emit->graph, node->operand[0]);
  struct lj_place under[LOSSJIT_MAX_RANK] = {{0}};
  int64_t count = 1;
  uint32_t from = 0, depth = 0, used = 0;
  LLVMValueRef chain[2] = {NULL, NULL};

  for (uint32_t axis = 0; axis < operand->rank; axis++)
    if (node->axes >> axis & 1u)
      count *= operand->shape[axis].offset;
    else
      under[axis] = places[from++];
  for (int64_t i = 0; i < count; i++) {
    int64_t rest = i;
    for (uint32_t axis = operand->rank; axis-- > 0;)
      if (node->axes >> axis & 1u) {
        under[axis] = lj_place_constant(rest % operand->shape[axis].offset);
        rest /= operand->shape[axis].offset;
      }
    struct lj_value term = lj_emit_as(emit, node->operand[0], under, node->dtype);
    LLVMBasicBlockRef here = lj_emit_hoist(emit, term.depth > depth ? term.depth : depth);
    depth = term.depth > depth ? term.depth : depth;
    /* Two chains: half the latency, and half the error of one. */
    uint32_t which = used++ & 1u;
    if (chain[which] && lj_ir_lanes(LLVMTypeOf(chain[which])) !=
                            lj_ir_lanes(LLVMTypeOf(term.value))) {
      if (lj_ir_lanes(LLVMTypeOf(term.value)) == 1)
        term.value = lj_ir_splat(emit->ir, term.value, emit->plan->lanes);
      else
        chain[which] = lj_ir_splat(emit->ir, chain[which], emit->plan->lanes);
    }
    chain[which] = chain[which]
                       ? lj_emit_combine(emit, node->op, chain[which], term.value)
                       : term.value;
    lj_emit_return(emit, here);
  }
  if (!chain[0])
    return (struct lj_value){
        lj_emit_identity(emit, node->op, lj_emit_type(emit, node->dtype)), 0};
  if (chain[1]) {
    LLVMBasicBlockRef here = lj_emit_hoist(emit, depth);
    uint32_t lanes = emit->plan->lanes;
    for (int i = 0; i < 2; i++)
      if (lj_ir_lanes(LLVMTypeOf(chain[i])) == 1 &&
          lj_ir_lanes(LLVMTypeOf(chain[1 - i])) != 1)
        chain[i] = lj_ir_splat(emit->ir, chain[i], lanes);
    chain[0] = lj_emit_combine(emit, node->op, chain[0], chain[1]);
    lj_emit_return(emit, here);
  }
  return (struct lj_value){chain[0], depth};
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
    return literal(emit, node->dtype, 0);
  return chosen;
}

static struct lj_value emit_fold(struct lj_emitter *emit, lj_id id,
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

/* ---- elementwise operators ---------------------------------------------------------------------------- */

/* The places of an operand that broadcasts against `node`. */
static void operand_places(const struct lj_node *node, const struct lj_node *operand,
                           const struct lj_place *places, struct lj_place *under)
{
  uint32_t skip = node->rank - operand->rank;

  for (uint32_t axis = 0; axis < operand->rank; axis++) {
    bool repeats = lj_size_is(operand->shape[axis], 1) &&
                   !lj_size_is(node->shape[axis + skip], 1);
    under[axis] = repeats ? lj_place_constant(0) : places[axis + skip];
  }
}

/* The dtype in which the row computes; where() reads its condition as bool. */
static enum lj_dtype operand_dtype(const struct lj_emitter *emit,
                                   const struct lj_node *node, uint32_t which)
{
  const struct lj_op_info *info = &lj_op_table[node->op];
  enum lj_dtype meet = lj_node_at(emit->graph, node->operand[0])->dtype;

  if (info->type == LJ_TYPE_LOGICAL || (info->type == LJ_TYPE_CHOICE && which == 0))
    return LJ_BOOL;
  if (info->type == LJ_TYPE_COMPARE) {
    for (uint32_t i = 1; i < node->operand_count; i++)
      meet = lj_promote(meet, lj_node_at(emit->graph, node->operand[i])->dtype);
    return meet == LJ_BOOL ? LJ_I32 : meet;
  }
  return info->type == LJ_TYPE_TEST ? meet : node->dtype;
}

/* x**k for a small whole k is a few products. */
static LLVMValueRef small_power(struct lj_ir *ir, LLVMValueRef a, double k)
{
  LLVMValueRef square;

  if (k == 1 || k == -1)
    square = a;
  else
    square = lj_ir_fmul(ir, a, a);
  if (k == 3)
    square = lj_ir_fmul(ir, square, a);
  if (k == 4)
    square = lj_ir_fmul(ir, square, square);
  return k > 0 ? square : lj_ir_fdiv(ir, lj_ir_number(ir, LLVMTypeOf(a), 1), square);
}

static bool is_small_power(const struct lj_emitter *emit, const struct lj_node *node,
                           double *k)
{
  return node->op == LJ_OP_POWER && lj_is_constant(emit->graph, node->operand[1], k) &&
         (*k == 1 || *k == 2 || *k == 3 || *k == 4 || *k == -1);
}

static struct lj_value emit_elementwise(struct lj_emitter *emit, const struct lj_node *node,
                                        const struct lj_place *places)
{
  struct lj_value operand[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
  uint32_t depth = 0, lanes = 1;
  double k;

  for (uint32_t i = 0; i < node->operand_count; i++) {
    struct lj_place under[LOSSJIT_MAX_RANK] = {{0}};
    operand_places(node, lj_node_at(emit->graph, node->operand[i]), places, under);
    enum lj_dtype dtype = operand_dtype(emit, node, i);
    operand[i] = lj_emit_as(emit, node->operand[i], under, dtype);
    if (lanes == 1 && lj_ir_lanes(LLVMTypeOf(operand[i].value)) > 1) {
      lanes = lj_ir_lanes(LLVMTypeOf(operand[i].value));
      for (uint32_t before = 0; before < i; before++) {
        operand_places(node, lj_node_at(emit->graph, node->operand[before]), places, under);
        operand[before] = lj_emit_vector(emit, node->operand[before], under,
                                         operand_dtype(emit, node, before));
      }
    } else if (lanes > 1) {
      operand[i] = lj_emit_vector(emit, node->operand[i], under, dtype);
    }
  }
  for (uint32_t i = 0; i < node->operand_count; i++)
    depth = operand[i].depth > depth ? operand[i].depth : depth;
  LLVMBasicBlockRef here = lj_emit_hoist(emit, depth);
  LLVMValueRef value =
      is_small_power(emit, node, &k)
          ? small_power(emit->ir, operand[0].value, k)
          : lj_lower(emit->ir, node->op,
                     operand_dtype(emit, node, node->operand_count - 1), operand[0].value,
                     operand[1].value, operand[2].value);
  lj_emit_return(emit, here);
  return (struct lj_value){value, depth};
}

/* ---- everything -------------------------------------------------------------------------------------------- */

/* A row that an earlier pass stored; false if the node is not kept here. */
static bool emit_kept(struct lj_emitter *emit, lj_id id, const struct lj_node *node,
                      const struct lj_place *places, struct lj_value *value)
{
  for (uint32_t i = 0; emit->in_pass && i < emit->phase->kept_count; i++) {
    const struct lj_kept *kept = &emit->phase->kept[i];
    if (kept->node != id || kept->first_pass >= emit->pass)
      continue;
    for (uint32_t axis = 1; axis < node->rank; axis++)
      if (places[axis].each)
        return false;
    LLVMBasicBlockRef here = lj_emit_hoist(emit, 0);
    LLVMValueRef base = lj_ir_offset(emit->ir, emit->ir->i8, emit->scratch,
                                     lj_ir_index(emit->ir, kept->offset));
    lj_emit_return(emit, here);
    *value = lj_emit_load(emit, base, emit->sample.depth, node->dtype,
                          lj_emit_flatten(emit, node, places));
    return true;
  }
  return false;
}

static struct lj_value emit_node(struct lj_emitter *emit, lj_id id,
                                 const struct lj_node *node, const struct lj_place *places,
                                 enum lj_dtype dtype)
{
  struct lj_value value;

  switch (node->op) {
  case LJ_OP_INPUT: return lj_emit_input(emit, node, places);
  case LJ_OP_PARAMETER: return emit_parameter(emit, node);
  case LJ_OP_CONSTANT: return literal(emit, dtype, node->number);
  case LJ_OP_TABLE: return emit_table(emit, id, node, places, dtype);
  case LJ_OP_IOTA: return emit_iota(emit, &places[0]);
  case LJ_OP_SIZE: return emit_size(emit, node);
  case LJ_OP_VIEW: return emit_view(emit, node, places);
  case LJ_OP_PAD: return emit_pad(emit, node, places);
  case LJ_OP_GATHER: return emit_gather(emit, node, places);
  default:
    if (lj_op_is_row(node->op))
      return emit_fold(emit, id, node, places);
    LJ_CHECK(emit->trap, lj_op_is_elementwise(node->op));
    if (emit_kept(emit, id, node, places, &value))
      return value;
    return emit_elementwise(emit, node, places);
  }
}

/* Literals take the dtype they are asked for without a conversion. */
static bool is_literal(const struct lj_node *node)
{
  return node->op == LJ_OP_CONSTANT || node->op == LJ_OP_TABLE;
}

static struct lj_value emit_memoized(struct lj_emitter *emit, lj_id id,
                                     const struct lj_place *places, enum lj_dtype dtype,
                                     bool splatted)
{
  const struct lj_node *node = lj_node_at(emit->graph, id);
  struct lj_value value;

  if (memo_find(emit, id, dtype, splatted, places, node->rank, &value))
    return value;
  if (splatted) {
    value = lj_emit_as(emit, id, places, dtype);
    if (lj_ir_lanes(LLVMTypeOf(value.value)) == 1) {
      LLVMBasicBlockRef here = lj_emit_hoist(emit, value.depth);
      value.value = lj_ir_splat(emit->ir, value.value, emit->plan->lanes);
      lj_emit_return(emit, here);
    }
  } else if (dtype == node->dtype || is_literal(node)) {
    value = emit_node(emit, id, node, places, dtype);
  } else {
    value = lj_emit_value(emit, id, places);
    LLVMBasicBlockRef here = lj_emit_hoist(emit, value.depth);
    LLVMTypeRef type =
        lj_ir_shaped(emit->ir, lj_emit_type(emit, dtype), LLVMTypeOf(value.value));
    value.value = lj_ir_convert(emit->ir, value.value, type);
    lj_emit_return(emit, here);
  }
  memo_add(emit, id, dtype, splatted, places, node->rank, value);
  return value;
}

struct lj_value lj_emit_value(struct lj_emitter *emit, lj_id id,
                              const struct lj_place *places)
{
  return emit_memoized(emit, id, places, lj_node_at(emit->graph, id)->dtype, false);
}

struct lj_value lj_emit_as(struct lj_emitter *emit, lj_id id, const struct lj_place *places,
                           enum lj_dtype dtype)
{
  return emit_memoized(emit, id, places, dtype, false);
}

struct lj_value lj_emit_vector(struct lj_emitter *emit, lj_id id,
                               const struct lj_place *places, enum lj_dtype dtype)
{
  return emit_memoized(emit, id, places, dtype, true);
}
