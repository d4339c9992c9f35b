/*
 * Emitting a kernel: from the plan to LLVM IR. See compiler/llvm/README.md for the ideas.
 *
 * Values are pulled: lj_emit_value(node, places) gives the value of a node at a place along
 * each of its axes, emitting what it needs and remembering it. A place may be a constant, a
 * loop's index, spread over lanes, or a different data-dependent index in each lane; views
 * only rewrite places. A value is emitted as far out as its places allow: what does not
 * change with a loop stands before it.
 *
 * A scalar LLVM value stands for the same number in every lane; it is splatted where it
 * meets a vector.
 */
#ifndef LJ_LLVM_EMIT_H
#define LJ_LLVM_EMIT_H

#include "compiler/llvm/ir.h"
#include "compiler/plan.h"

#define LJ_EMIT_MAX_DEPTH 12

/* An index along one axis: constant + dynamic + lane*lane_step, or `each` (i64 per lane or
 * one i64) when it comes from data. */
struct lj_place {
  int64_t constant;
  LLVMValueRef dynamic; /* i64; NULL: none */
  int64_t lane_step;    /* 0: the same in every lane */
  LLVMValueRef each;    /* excludes the others */
  uint32_t depth;       /* of the innermost loop it changes with */
};

struct lj_value {
  LLVMValueRef value;
  uint32_t depth; /* loops around the block it is in */
};

struct lj_memo_entry {
  lj_id id;
  uint8_t dtype;
  bool splatted, live;
  uint32_t depth;
  LLVMValueRef mask;
  struct lj_place *places;
  uint32_t place_count;
  struct lj_value value;
  uint32_t next; /* in its bucket, 1 + index; 0 ends */
};

struct lj_memo {
  struct lj_memo_entry *entries;
  uint32_t count, capacity;
  uint32_t buckets[4096];
};

/* An array of the call, its fields loaded once. */
struct lj_stream {
  LLVMValueRef data, stride;
  LLVMValueRef row; /* along the row: of the current sample, NULL until first used */
  LLVMValueRef *columns; /* across samples: [inner count], NULL until loaded */
};

struct lj_emitter {
  struct lj_ir *ir;
  const struct lj_plan *plan;
  const struct lj_graph *graph;
  struct lj_arena *arena;
  struct lj_trap *trap;
  bool across; /* the template: lanes across samples */

  /* the function under construction */
  const struct lj_phase *phase;
  uint32_t pass;     /* index into phase->passes while one is open */
  bool in_pass;
  LLVMValueRef call; /* const struct lj_abi_call * */
  LLVMValueRef totals, partials, scratch;
  struct lj_stream *inputs, *outputs;
  LLVMValueRef *parameters;     /* f64, NULL until first used */
  struct lj_value *fold_values; /* along the row: [fold_count], folds with one element */
  struct lj_place sample;       /* place along the batch axis */
  LLVMValueRef mask; /* lanes that exist in a tail; NULL: all */

  bool hoisted; /* the builder stands before an open loop */
  uint32_t depth;
  struct lj_ir_loop *open[LJ_EMIT_MAX_DEPTH]; /* [depth]: the loop that made it */
  struct lj_memo memo;
};

/* The whole module: one function per phase, and finish. */
void lj_emit_kernel(struct lj_ir *ir, const struct lj_plan *plan);

/* ---- emit_value.c ---------------------------------------------------------------- */

/* The value of a node at `places[rank]`, in its own dtype or converted to `dtype`. */
struct lj_value lj_emit_value(struct lj_emitter *emit, lj_id id,
                              const struct lj_place *places);
struct lj_value lj_emit_as(struct lj_emitter *emit, lj_id id, const struct lj_place *places,
                           enum lj_dtype dtype);
/* The same as a vector of all lanes. */
struct lj_value lj_emit_vector(struct lj_emitter *emit, lj_id id,
                               const struct lj_place *places, enum lj_dtype dtype);
struct lj_place lj_place_constant(int64_t constant);
/* A number in a dtype; the index that a place stands for, as i64. */
struct lj_value lj_emit_literal(struct lj_emitter *emit, enum lj_dtype dtype, double number);
struct lj_value lj_emit_place(struct lj_emitter *emit, const struct lj_place *place);

/* ---- emit_view.c, emit_fold.c ---------------------------------------------------- */

struct lj_value lj_emit_view(struct lj_emitter *emit, const struct lj_node *node,
                             const struct lj_place *places);
struct lj_value lj_emit_pad(struct lj_emitter *emit, const struct lj_node *node,
                            const struct lj_place *places);
struct lj_value lj_emit_gather(struct lj_emitter *emit, const struct lj_node *node,
                               const struct lj_place *places);
struct lj_value lj_emit_fold(struct lj_emitter *emit, lj_id id, const struct lj_node *node,
                             const struct lj_place *places);
/* start + step*place */
struct lj_place lj_move_place(struct lj_emitter *emit, const struct lj_place *place,
                              int64_t start, int64_t step);

/* ---- emit.c: blocks -------------------------------------------------------------- */

/* Move the builder before the loop that encloses what lies deeper than `depth`; returns
 * where it was, for lj_emit_return. */
LLVMBasicBlockRef lj_emit_hoist(struct lj_emitter *emit, uint32_t depth);
void lj_emit_return(struct lj_emitter *emit, LLVMBasicBlockRef block);
void lj_emit_loop_begin(struct lj_emitter *emit, struct lj_ir_loop *loop, LLVMValueRef from,
                        LLVMValueRef to, int64_t step, const LLVMValueRef *initial,
                        uint32_t count);
void lj_emit_loop_end(struct lj_emitter *emit, struct lj_ir_loop *loop,
                      const LLVMValueRef *next);
LLVMTypeRef lj_emit_type(struct lj_emitter *emit, enum lj_dtype dtype); /* one element */
LLVMTypeRef lj_emit_memory_type(struct lj_emitter *emit, enum lj_dtype dtype);
LLVMValueRef lj_emit_field(struct lj_emitter *emit, LLVMValueRef pointer, int64_t index,
                           LLVMTypeRef type);
/* The identity of a fold, and one step of it, in the fold's dtype. */
LLVMValueRef lj_emit_identity(struct lj_emitter *emit, enum lj_op op, LLVMTypeRef type);
LLVMValueRef lj_emit_combine(struct lj_emitter *emit, enum lj_op op, LLVMValueRef a,
                             LLVMValueRef b);
/* All lanes of a vector combined. */
LLVMValueRef lj_emit_across_lanes(struct lj_emitter *emit, enum lj_op op,
                                  LLVMValueRef vector);

/* ---- emit_memory.c --------------------------------------------------------------- */

struct lj_value lj_emit_input(struct lj_emitter *emit, const struct lj_node *node,
                              const struct lj_place *places);
/* Element `index` (a place over the flattened row) of dense memory at `base`. */
struct lj_value lj_emit_load(struct lj_emitter *emit, LLVMValueRef base, uint32_t base_depth,
                             enum lj_dtype dtype, struct lj_place index);
void lj_emit_store(struct lj_emitter *emit, LLVMValueRef base, enum lj_dtype dtype,
                   struct lj_place index, LLVMValueRef value);
/* Row-major position of `places` in a shape without its batch axis. */
struct lj_place lj_emit_flatten(struct lj_emitter *emit, const struct lj_node *node,
                                const struct lj_place *places);
LLVMValueRef lj_emit_output_row(struct lj_emitter *emit, uint32_t output);

/* ---- emit_columns.c: lanes across samples ---------------------------------------- */

/* Column `index` of an input's rows: lane l holds sample l. */
LLVMValueRef lj_emit_column(struct lj_emitter *emit, const struct lj_node *node,
                            uint32_t input, int64_t index);
/* Write an output's columns as rows. */
void lj_emit_store_columns(struct lj_emitter *emit, uint32_t output, LLVMValueRef *columns,
                           int64_t count);

/* ---- emit_row.c: lanes along the row --------------------------------------------- */

void lj_emit_pass(struct lj_emitter *emit, const struct lj_pass *pass);

/* ---- lower.c --------------------------------------------------------------------- */

/* The operator on operands that were all converted to `operand_dtype` and have one shape. */
LLVMValueRef lj_lower(struct lj_ir *ir, enum lj_op op, enum lj_dtype operand_dtype,
                      LLVMValueRef a, LLVMValueRef b, LLVMValueRef c);

#endif
