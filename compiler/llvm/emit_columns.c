/*
 * Lanes across samples: rows in memory become columns in registers, and back.
 *
 * `lanes` rows of m elements follow each other. For m = 1 a column is one load. For m = 2, 3
 * whole vectors are loaded and taken apart by permutations. From m = 4 on each row gives
 * pieces of 16 bytes (p elements); the pieces of lanes/p rows fill a vector, and p such
 * vectors are transposed p x p within each 16 bytes, which leaves the lanes in the order of
 * the samples. The last piece overlaps the one before it when p does not divide m. All
 * addresses are constants away from the chunk's first row. Booleans, one byte each, are
 * gathered.
 */
#include "compiler/llvm/emit.h"

/* ---- shared ---------------------------------------------------------------------- */

static uint32_t element_bytes(enum lj_dtype dtype)
{
  return dtype == LJ_BOOL ? 1 : dtype == LJ_F64 || dtype == LJ_I64 ? 8 : 4;
}

/* Elements of a piece; 1 where rows are taken apart in another way. */
static uint32_t piece_of(const struct lj_emitter *emit, enum lj_dtype dtype, int64_t m)
{
  uint32_t p = 16 / element_bytes(dtype);

  if (m < 4 || dtype == LJ_BOOL)
    return 1;
  return p > emit->plan->lanes ? emit->plan->lanes : p;
}

static LLVMValueRef element_at(struct lj_emitter *emit, LLVMTypeRef element,
                               LLVMValueRef row, int64_t index)
{
  if (index == 0)
    return row;
  return lj_ir_offset(emit->ir, element, row, lj_ir_index(emit->ir, index));
}

/* One stage of a transposition: lanes of a and b taken in pairs within each group of 4
 * (or 2), from the group's lower or upper half. */
static LLVMValueRef interleave(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b,
                               uint32_t group, uint32_t run, bool upper)
{
  uint32_t lanes = lj_ir_lanes(LLVMTypeOf(a));
  int32_t from[LJ_IR_MAX_LANES];

  for (uint32_t lane = 0; lane < lanes; lane++) {
    uint32_t base = lane / group * group, at = lane % group;
    uint32_t source = base + (upper ? group / 2 : 0) + at / (2 * run) * run + at % run;
    from[lane] = (int32_t)(at / run % 2 ? lanes + source : source);
  }
  return lj_ir_shuffle(ir, a, b, from, lanes);
}

/* p vectors, transposed p x p within each group of p lanes; its own inverse. */
static void transpose(struct lj_ir *ir, LLVMValueRef *v, uint32_t p)
{
  if (p == 2) {
    LLVMValueRef low = interleave(ir, v[0], v[1], 2, 1, false);
    LLVMValueRef high = interleave(ir, v[0], v[1], 2, 1, true);
    v[0] = low;
    v[1] = high;
  }
  if (p == 4) {
    LLVMValueRef t0 = interleave(ir, v[0], v[1], 4, 1, false);
    LLVMValueRef t1 = interleave(ir, v[0], v[1], 4, 1, true);
    LLVMValueRef t2 = interleave(ir, v[2], v[3], 4, 1, false);
    LLVMValueRef t3 = interleave(ir, v[2], v[3], 4, 1, true);
    v[0] = interleave(ir, t0, t2, 4, 2, false);
    v[1] = interleave(ir, t0, t2, 4, 2, true);
    v[2] = interleave(ir, t1, t3, 4, 2, false);
    v[3] = interleave(ir, t1, t3, 4, 2, true);
  }
}

/* ---- loading --------------------------------------------------------------------- */

/* Columns of m = 1, 2, 3 elements: m loads, each column picked from them. */
static void load_short(struct lj_emitter *emit, LLVMTypeRef element, LLVMValueRef row,
                       int64_t m, LLVMValueRef *columns)
{
  struct lj_ir *ir = emit->ir;
  uint32_t lanes = emit->plan->lanes;
  LLVMTypeRef type = lj_ir_vector(ir, element, lanes);
  LLVMValueRef run[3];

  for (int64_t i = 0; i < m; i++)
    run[i] = lj_ir_load(ir, type, element_at(emit, element, row, i * lanes));
  for (int64_t c = 0; c < m; c++) {
    int32_t first[LJ_IR_MAX_LANES], second[LJ_IR_MAX_LANES];
    for (uint32_t lane = 0; lane < lanes; lane++) {
      uint32_t flat = lane * (uint32_t)m + (uint32_t)c;
      first[lane] = (int32_t)(flat < 2 * lanes ? flat : 0);
      second[lane] = (int32_t)(flat < 2 * lanes ? lane : flat - lanes);
    }
    columns[c] = m == 1 ? run[0] : lj_ir_shuffle(ir, run[0], run[1], first, lanes);
    if (m == 3)
      columns[c] = lj_ir_shuffle(ir, columns[c], run[2], second, lanes);
  }
}

/* Pieces of rows i, i + p, i + 2p, ... side by side. */
static LLVMValueRef join_pieces(struct lj_emitter *emit, LLVMTypeRef element,
                                LLVMValueRef row, int64_t m, int64_t at, uint32_t i,
                                uint32_t p)
{
  struct lj_ir *ir = emit->ir;
  LLVMTypeRef type = lj_ir_vector(ir, element, p);
  uint32_t count = emit->plan->lanes / p, width = p;
  LLVMValueRef parts[LJ_IR_MAX_LANES];
  int32_t both[LJ_IR_MAX_LANES];

  for (uint32_t lane = 0; lane < emit->plan->lanes; lane++)
    both[lane] = (int32_t)lane;
  for (uint32_t k = 0; k < count; k++)
    parts[k] = lj_ir_load(ir, type,
                          element_at(emit, element, row, (int64_t)(k * p + i) * m + at));
  for (; count > 1; count /= 2, width *= 2)
    for (uint32_t k = 0; k < count / 2; k++)
      parts[k] = lj_ir_shuffle(ir, parts[2 * k], parts[2 * k + 1], both, 2 * width);
  return parts[0];
}

static int64_t piece_start(int64_t column, int64_t m, uint32_t p)
{
  int64_t at = column / p * p;

  return at + p > m ? m - p : at;
}

static void load_piece(struct lj_emitter *emit, LLVMTypeRef element, LLVMValueRef row,
                       int64_t m, int64_t column, uint32_t p, LLVMValueRef *columns)
{
  int64_t at = piece_start(column, m, p);
  LLVMValueRef v[4];

  for (uint32_t i = 0; i < p; i++)
    v[i] = join_pieces(emit, element, row, m, at, i, p);
  transpose(emit->ir, v, p);
  for (uint32_t i = 0; i < p; i++)
    if (!columns[at + i])
      columns[at + i] = v[i];
}

/* Any element size and row length, one load for each lane. */
static void load_slow(struct lj_emitter *emit, LLVMTypeRef element, LLVMValueRef row,
                      int64_t m, int64_t column, LLVMValueRef *columns)
{
  struct lj_ir *ir = emit->ir;
  LLVMValueRef value = LLVMGetPoison(lj_ir_vector(ir, element, emit->plan->lanes));

  for (uint32_t lane = 0; lane < emit->plan->lanes; lane++)
    value = lj_ir_set_lane(
        ir, value, lane,
        lj_ir_load(ir, element, element_at(emit, element, row, lane * m + column)));
  columns[column] = value;
}

LLVMValueRef lj_emit_column(struct lj_emitter *emit, const struct lj_node *node,
                            uint32_t input, int64_t index)
{
  struct lj_stream *stream = &emit->inputs[input];
  enum lj_dtype dtype = node->dtype;
  LLVMTypeRef element = lj_emit_memory_type(emit, dtype);
  int64_t m = lj_inner_count(node);
  uint32_t p = piece_of(emit, dtype, m);

  LJ_CHECK(emit->trap, index >= 0 && index < m);
  if (!stream->columns)
    stream->columns = LJ_NEW_ARRAY(emit->arena, LLVMValueRef, (size_t)m + 1);
  if (stream->columns[index])
    return stream->columns[index];
  LLVMBasicBlockRef here = lj_emit_hoist(emit, emit->sample.depth);
  if (!stream->row)
    stream->row = lj_ir_offset(emit->ir, emit->ir->i8, stream->data,
                               lj_ir_mul(emit->ir, emit->sample.dynamic,
                                         lj_ir_index(emit->ir, m * element_bytes(dtype))));
  if (p > 1)
    load_piece(emit, element, stream->row, m, index, p, stream->columns);
  else if (m < 4 && (dtype != LJ_BOOL || m == 1))
    load_short(emit, element, stream->row, m, stream->columns);
  else
    load_slow(emit, element, stream->row, m, index, stream->columns);
  if (dtype == LJ_BOOL)
    stream->columns[index] =
        lj_ir_icmp(emit->ir, LLVMIntNE, stream->columns[index],
                   LLVMConstNull(LLVMTypeOf(stream->columns[index])));
  lj_emit_return(emit, here);
  return stream->columns[index];
}

/* ---- storing --------------------------------------------------------------------- */

static void store_short(struct lj_emitter *emit, LLVMTypeRef element, LLVMValueRef row,
                        int64_t m, LLVMValueRef *columns)
{
  struct lj_ir *ir = emit->ir;
  uint32_t lanes = emit->plan->lanes;

  for (int64_t i = 0; i < m; i++) {
    int32_t first[LJ_IR_MAX_LANES], second[LJ_IR_MAX_LANES];
    for (uint32_t lane = 0; lane < lanes; lane++) {
      uint32_t flat = (uint32_t)i * lanes + lane;
      uint32_t from = flat / (uint32_t)m, column = flat % (uint32_t)m;
      first[lane] = (int32_t)(column == 1 ? lanes + from : from);
      second[lane] = (int32_t)(column == 2 ? lanes + from : lane);
    }
    LLVMValueRef run = columns[0];
    if (m > 1)
      run = lj_ir_shuffle(ir, columns[0], columns[1], first, lanes);
    if (m == 3)
      run = lj_ir_shuffle(ir, run, columns[2], second, lanes);
    lj_ir_store(ir, run, element_at(emit, element, row, i * lanes));
  }
}

static void store_piece(struct lj_emitter *emit, LLVMTypeRef element, LLVMValueRef row,
                        int64_t m, int64_t at, uint32_t p, LLVMValueRef *columns)
{
  struct lj_ir *ir = emit->ir;
  LLVMValueRef v[4];

  for (uint32_t i = 0; i < p; i++)
    v[i] = columns[at + i];
  transpose(ir, v, p);
  for (uint32_t i = 0; i < p; i++)
    for (uint32_t k = 0; k < emit->plan->lanes / p; k++) {
      int32_t lanes[4];
      for (uint32_t l = 0; l < p; l++)
        lanes[l] = (int32_t)(k * p + l);
      lj_ir_store(ir, lj_ir_shuffle(ir, v[i], NULL, lanes, p),
                  element_at(emit, element, row, (int64_t)(k * p + i) * m + at));
    }
}

static void store_slow(struct lj_emitter *emit, LLVMTypeRef element, LLVMValueRef row,
                       int64_t m, LLVMValueRef *columns)
{
  for (int64_t c = 0; c < m; c++)
    for (uint32_t lane = 0; lane < emit->plan->lanes; lane++)
      lj_ir_store(emit->ir, lj_ir_lane(emit->ir, columns[c], lane),
                  element_at(emit, element, row, lane * m + c));
}

void lj_emit_store_columns(struct lj_emitter *emit, uint32_t output, LLVMValueRef *columns,
                           int64_t count)
{
  const struct lj_node *node = lj_node_at(emit->graph, emit->plan->outputs[output].node);
  enum lj_dtype dtype = node->dtype;
  LLVMTypeRef element = lj_emit_memory_type(emit, dtype);
  LLVMValueRef row = lj_emit_output_row(emit, output);
  uint32_t p = piece_of(emit, dtype, count);

  for (int64_t c = 0; dtype == LJ_BOOL && c < count; c++)
    columns[c] = lj_ir_convert(emit->ir, columns[c],
                               lj_ir_vector(emit->ir, element, emit->plan->lanes));
  if (p > 1)
    for (int64_t c = 0; c < count; c += p)
      store_piece(emit, element, row, count, piece_start(c, count, p), p, columns);
  else if (count < 4)
    store_short(emit, element, row, count, columns);
  else
    store_slow(emit, element, row, count, columns);
}
