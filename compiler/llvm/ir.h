/*
 * Building LLVM IR: one module under construction, and small helpers that hide LLVM's.
 *
 * Helpers are polymorphic in shape: wherever a value may be a scalar it may be a fixed
 * vector, and constants are splatted to the type they are asked for. A *mask* is i1 in
 * the shape of the values it selects from. Helpers append at the builder's position.
 *
 * Floating point is IEEE. Additions and products made here carry `contract` (a product
 * that is added may be fused into it), no other fast-math flag, unless the exact
 * section of lj_ir_exact is open. Reductions combine lanes as a balanced tree in a
 * fixed order, so that results do not depend on what LLVM prefers. NaN and signed zero
 * mean what IEEE says, except where a helper's comment says otherwise.
 *
 * Do not use llvm.maxnum, llvm.exp, llvm.log, llvm.pow, llvm.ldexp and the like: they
 * are several instructions or calls into libm. lj_ir_max_second and vmath.h are there
 * instead.
 */
#ifndef LJ_LLVM_IR_H
#define LJ_LLVM_IR_H

#include "compiler/base.h"
#include "compiler/llvm/target.h"

#include <llvm-c/Core.h>

#define LJ_IR_MAX_LANES 64
#define LJ_IR_MAX_CARRIED 32

struct lj_ir {
  LLVMContextRef context;
  LLVMModuleRef module;
  LLVMBuilderRef builder;
  const struct lj_target *target;
  struct lj_trap *trap;
  LLVMTypeRef i1, i8, i16, i32, i64, f32, f64, pointer, none;
  LLVMFastMathFlags flags; /* of the next floating-point operation */
  bool abandoned;       /* LLVM failed inside: the module is not safe to dispose of */
  char diagnostic[200]; /* what LLVM complained about; empty if nothing */
};

/* Open a module in a context of its own; lj_ir_close frees both. `ir` must not move
 * while it is open. What `trap` catches, its catcher closes. */
void lj_ir_open(struct lj_ir *ir, const struct lj_target *target, const char *name,
                struct lj_trap *trap);
void lj_ir_close(struct lj_ir *ir); /* an all-zero ir: nothing */

/* Broken IR is our bug: LLVM's verifier's words leave through the trap. */
void lj_ir_verify(struct lj_ir *ir);
/* The module as text, to be freed with LLVMDisposeMessage. */
char *lj_ir_text(struct lj_ir *ir);
/* Instructions in the module: what compile time is proportional to. */
uint32_t lj_ir_instruction_count(const struct lj_ir *ir);

/* ---- functions and control flow -------------------------------------------------- */

/* A function with external linkage, nounwind, in the target's features; the builder is
 * positioned in its entry block. Parameters are read with LLVMGetParam. */
LLVMValueRef lj_ir_function(struct lj_ir *ir, const char *name, LLVMTypeRef result,
                            const LLVMTypeRef *parameters, uint32_t count);
/* Say of a pointer parameter that nothing else points where it does. */
void lj_ir_noalias(struct lj_ir *ir, LLVMValueRef function, uint32_t parameter);
LLVMBasicBlockRef lj_ir_block(struct lj_ir *ir, const char *name);

/* for (index = from; index < to; index += step), signed i64. Between begin and end the
 * builder is in the body; `carried[i]` starts as `initial[i]` and becomes `next[i]`,
 * and after the end `result[i]` is its last value (`initial[i]` if the body never ran).
 * A body may hold further blocks and loops. */
struct lj_ir_loop {
  LLVMBasicBlockRef before, head, after;
  LLVMValueRef index;
  int64_t step;
  uint32_t count;
  LLVMValueRef carried[LJ_IR_MAX_CARRIED];
  LLVMValueRef result[LJ_IR_MAX_CARRIED];
};
void lj_ir_loop_begin(struct lj_ir *ir, struct lj_ir_loop *loop, LLVMValueRef from,
                      LLVMValueRef to, int64_t step, const LLVMValueRef *initial,
                      uint32_t count);
void lj_ir_loop_end(struct lj_ir *ir, struct lj_ir_loop *loop,
                    const LLVMValueRef *next);

/* if (condition) { begin } else { otherwise } end; the second part may be left out.
 * lj_ir_if_value after the end joins a value of each part (`no` is a value from before
 * the if when there is no second part). */
struct lj_ir_if {
  LLVMBasicBlockRef yes_end, no_begin, no_end, after;
  bool has_otherwise;
};
void lj_ir_if_begin(struct lj_ir *ir, struct lj_ir_if *branch, LLVMValueRef condition);
void lj_ir_if_otherwise(struct lj_ir *ir, struct lj_ir_if *branch);
void lj_ir_if_end(struct lj_ir *ir, struct lj_ir_if *branch);
LLVMValueRef lj_ir_if_value(struct lj_ir *ir, const struct lj_ir_if *branch,
                            LLVMValueRef yes, LLVMValueRef no);

/* ---- types and constants --------------------------------------------------------- */

/* `lanes` of `element`; with 1 lane the element itself. */
LLVMTypeRef lj_ir_vector(struct lj_ir *ir, LLVMTypeRef element, uint32_t lanes);
uint32_t lj_ir_lanes(LLVMTypeRef type); /* 1 for a scalar */
LLVMTypeRef lj_ir_element(LLVMTypeRef type);
/* `element` in the shape of `like`. */
LLVMTypeRef lj_ir_shaped(struct lj_ir *ir, LLVMTypeRef element, LLVMTypeRef like);
/* The integer type of the same shape and width as a float type. */
LLVMTypeRef lj_ir_bits_type(struct lj_ir *ir, LLVMTypeRef type);
bool lj_ir_is_f64(LLVMTypeRef type);
bool lj_ir_is_float(LLVMTypeRef type);
uint32_t lj_ir_element_bits(LLVMTypeRef type);

LLVMValueRef lj_ir_number(struct lj_ir *ir, LLVMTypeRef type, double number);
LLVMValueRef lj_ir_integer(struct lj_ir *ir, LLVMTypeRef type, int64_t number);
LLVMValueRef lj_ir_index(struct lj_ir *ir, int64_t number); /* i64 */
/* A vector constant from one number (or integer) per lane. */
LLVMValueRef lj_ir_numbers(struct lj_ir *ir, LLVMTypeRef type, const double *numbers);
LLVMValueRef lj_ir_integers(struct lj_ir *ir, LLVMTypeRef type, const int64_t *numbers);
/* 0, 1, 2, ... of an integer or float vector type. */
LLVMValueRef lj_ir_iota(struct lj_ir *ir, LLVMTypeRef type);
LLVMValueRef lj_ir_splat(struct lj_ir *ir, LLVMValueRef scalar, uint32_t lanes);
LLVMValueRef lj_ir_lane(struct lj_ir *ir, LLVMValueRef vector, uint32_t lane);
LLVMValueRef lj_ir_set_lane(struct lj_ir *ir, LLVMValueRef vector, uint32_t lane,
                            LLVMValueRef value);
/* `count` lanes picked from the concatenation of a and b (b may be NULL). */
LLVMValueRef lj_ir_shuffle(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b,
                           const int32_t *lanes, uint32_t count);

/* ---- arithmetic ------------------------------------------------------------------ */

LLVMValueRef lj_ir_fadd(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef lj_ir_fsub(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef lj_ir_fmul(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef lj_ir_fdiv(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef lj_ir_fneg(struct lj_ir *ir, LLVMValueRef a);
/* a*b + c: one rounding where the target has FMA, two where it has not. */
LLVMValueRef lj_ir_fma(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b,
                       LLVMValueRef c);
LLVMValueRef lj_ir_sqrt(struct lj_ir *ir, LLVMValueRef a);
LLVMValueRef lj_ir_fabs(struct lj_ir *ir, LLVMValueRef a);
LLVMValueRef lj_ir_copysign(struct lj_ir *ir, LLVMValueRef size, LLVMValueRef sign);
/* To an integral value of the same type. `round` is to nearest, ties to even. */
LLVMValueRef lj_ir_floor(struct lj_ir *ir, LLVMValueRef a);
LLVMValueRef lj_ir_ceil(struct lj_ir *ir, LLVMValueRef a);
LLVMValueRef lj_ir_trunc(struct lj_ir *ir, LLVMValueRef a);
LLVMValueRef lj_ir_round(struct lj_ir *ir, LLVMValueRef a);

/* One instruction each (vmaxps, vminps): `x` when either is NaN, so a clamp written as
 * max_second(low, x) keeps NaN. Equal zeros: x. */
LLVMValueRef lj_ir_max_second(struct lj_ir *ir, LLVMValueRef c, LLVMValueRef x);
LLVMValueRef lj_ir_min_second(struct lj_ir *ir, LLVMValueRef c, LLVMValueRef x);
/* NumPy's maximum and minimum: NaN when either is NaN. */
LLVMValueRef lj_ir_maximum(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef lj_ir_minimum(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b);

LLVMValueRef lj_ir_add(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef lj_ir_sub(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef lj_ir_mul(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef lj_ir_and(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef lj_ir_or(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef lj_ir_xor(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef lj_ir_not(struct lj_ir *ir, LLVMValueRef a);
LLVMValueRef lj_ir_shl(struct lj_ir *ir, LLVMValueRef a, uint32_t bits);
LLVMValueRef lj_ir_lshr(struct lj_ir *ir, LLVMValueRef a, uint32_t bits);
LLVMValueRef lj_ir_ashr(struct lj_ir *ir, LLVMValueRef a, uint32_t bits);

LLVMValueRef lj_ir_fcmp(struct lj_ir *ir, LLVMRealPredicate how, LLVMValueRef a,
                        LLVMValueRef b);
LLVMValueRef lj_ir_icmp(struct lj_ir *ir, LLVMIntPredicate how, LLVMValueRef a,
                        LLVMValueRef b);
LLVMValueRef lj_ir_is_nan(struct lj_ir *ir, LLVMValueRef a);
LLVMValueRef lj_ir_select(struct lj_ir *ir, LLVMValueRef mask, LLVMValueRef yes,
                          LLVMValueRef no);

/* ---- conversions ----------------------------------------------------------------- */

LLVMValueRef lj_ir_bits(struct lj_ir *ir,
                        LLVMValueRef a); /* float to same-shape integer */
LLVMValueRef lj_ir_from_bits(struct lj_ir *ir, LLVMValueRef a, LLVMTypeRef type);
/* Between any two arithmetic types of one shape by C's rules: float to float, signed
 * integer to float, float to signed integer toward zero, integers by sign extension or
 * cutting, mask to 0 or 1, and to mask by comparing with 0. */
LLVMValueRef lj_ir_convert(struct lj_ir *ir, LLVMValueRef a, LLVMTypeRef type);

/* ---- memory ---------------------------------------------------------------------- */

/* The address of element `index` (i64, or a vector of i64) of an array of `element`. */
LLVMValueRef lj_ir_offset(struct lj_ir *ir, LLVMTypeRef element, LLVMValueRef pointer,
                          LLVMValueRef index);
/* Loads and stores assume no more alignment than the element's own. */
LLVMValueRef lj_ir_load(struct lj_ir *ir, LLVMTypeRef type, LLVMValueRef pointer);
void lj_ir_store(struct lj_ir *ir, LLVMValueRef value, LLVMValueRef pointer);
/* Do not read or write the cache: the vector's full alignment is assumed. */
void lj_ir_store_streaming(struct lj_ir *ir, LLVMValueRef value, LLVMValueRef pointer);
/* Lanes whose mask is false are not touched in memory; a load gives `other` there. Slow
 * on targets without masked moves (baseline, AArch64): one branch per lane. */
LLVMValueRef lj_ir_masked_load(struct lj_ir *ir, LLVMTypeRef type, LLVMValueRef pointer,
                               LLVMValueRef mask, LLVMValueRef other);
void lj_ir_masked_store(struct lj_ir *ir, LLVMValueRef value, LLVMValueRef pointer,
                        LLVMValueRef mask);
LLVMValueRef lj_ir_gather(struct lj_ir *ir, LLVMTypeRef type, LLVMValueRef pointers,
                          LLVMValueRef mask, LLVMValueRef other);
/* True in the lanes below `remaining` (i64, any value). */
LLVMValueRef lj_ir_tail_mask(struct lj_ir *ir, uint32_t lanes, LLVMValueRef remaining);

/* ---- across lanes ---------------------------------------------------------------- */

/* All lanes combined as a balanced tree: lane i with lane i + half, and so on. */
typedef LLVMValueRef lj_ir_combine(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef lj_ir_reduce(struct lj_ir *ir, LLVMValueRef vector,
                          lj_ir_combine *combine);
LLVMValueRef lj_ir_sum(struct lj_ir *ir, LLVMValueRef vector);
LLVMValueRef lj_ir_reduce_maximum(struct lj_ir *ir, LLVMValueRef vector);
LLVMValueRef lj_ir_reduce_minimum(struct lj_ir *ir, LLVMValueRef vector);
LLVMValueRef lj_ir_any(struct lj_ir *ir, LLVMValueRef mask); /* i1 */
LLVMValueRef lj_ir_all(struct lj_ir *ir, LLVMValueRef mask);

/* ---- the rest -------------------------------------------------------------------- */

/* Call an intrinsic by name ("llvm.ctpop"), overloaded by `types`. An unknown name is
 * our bug. */
LLVMValueRef lj_ir_intrinsic(struct lj_ir *ir, const char *name, LLVMTypeRef *types,
                             uint32_t type_count, LLVMValueRef *arguments,
                             uint32_t argument_count);

/* Open an exact section: operations carry no flag at all, so nothing is fused that was
 * written apart. Returns the flags to restore by assigning them to ir->flags. */
LLVMFastMathFlags lj_ir_exact(struct lj_ir *ir);

#endif
