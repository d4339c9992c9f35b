/*
 * Values by pull: a node at a place gives an LLVM value, emitted once per place.
 *
 * Literals and elementwise operators (through lower.c) are here; views and gathers in
 * emit_view.c, folds in emit_fold.c, inputs in emit_memory.c. A value is put as far out as its operands allow, and
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

/* ---- memory of what was emitted -------------------------------------------------- */

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

/* ---- leaves ---------------------------------------------------------------------- */

struct lj_value lj_emit_literal(struct lj_emitter *emit, enum lj_dtype dtype, double number)
{
  LLVMTypeRef type = lj_emit_type(emit, dtype);
  LLVMValueRef value = lj_ir_is_float(type) ? lj_ir_number(emit->ir, type, number)
                                            : lj_ir_integer(emit->ir, type, (int64_t)number);

  return (struct lj_value){value, 0};
}

/* The number at a place, as i64: a scalar, or one per lane. */
struct lj_value lj_emit_place(struct lj_emitter *emit, const struct lj_place *place)
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
    return lj_emit_literal(emit, LJ_WEAK_INT, (double)place->constant);
  return lj_emit_place(emit, place);
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
    return lj_emit_literal(emit, LJ_WEAK_INT, (double)node->size.offset);
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
    return lj_emit_literal(emit, dtype, node->table[flat.constant]);
  return lj_emit_load(emit, table_global(emit, node, id, dtype), 0, dtype, flat);
}

/* ---- elementwise operators ------------------------------------------------------- */

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

/* ---- everything ------------------------------------------------------------------ */

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
  case LJ_OP_CONSTANT: return lj_emit_literal(emit, dtype, node->number);
  case LJ_OP_TABLE: return emit_table(emit, id, node, places, dtype);
  case LJ_OP_IOTA: return emit_iota(emit, &places[0]);
  case LJ_OP_SIZE: return emit_size(emit, node);
  case LJ_OP_VIEW: return lj_emit_view(emit, node, places);
  case LJ_OP_PAD: return lj_emit_pad(emit, node, places);
  case LJ_OP_GATHER: return lj_emit_gather(emit, node, places);
  default:
    if (lj_op_is_row(node->op))
      return lj_emit_fold(emit, id, node, places);
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
