/*
 * Arithmetic on values of any shape, and operations across the lanes of a vector.
 *
 * What keeps this file from being a list of wrappers is the plain x86-64 target: it has
 * neither fused multiply-add nor rounding instructions, and LLVM would call fmaf and
 * rintf for each lane. Both are spelled out here instead.
 */
#include "compiler/llvm/ir.h"

/* Constants that the builder folded are no instructions and take no flags. */
static LLVMValueRef flagged(struct lj_ir *ir, LLVMValueRef value)
{
  if (ir->flags && LLVMIsAInstruction(value))
    LLVMSetFastMathFlags(value, ir->flags);
  return value;
}

LLVMValueRef lj_ir_fadd(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  return flagged(ir, LLVMBuildFAdd(ir->builder, a, b, ""));
}

LLVMValueRef lj_ir_fsub(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  return flagged(ir, LLVMBuildFSub(ir->builder, a, b, ""));
}

LLVMValueRef lj_ir_fmul(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  return flagged(ir, LLVMBuildFMul(ir->builder, a, b, ""));
}

LLVMValueRef lj_ir_fdiv(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  return flagged(ir, LLVMBuildFDiv(ir->builder, a, b, ""));
}

LLVMValueRef lj_ir_fneg(struct lj_ir *ir, LLVMValueRef a)
{
  return flagged(ir, LLVMBuildFNeg(ir->builder, a, ""));
}

static LLVMValueRef unary_intrinsic(struct lj_ir *ir, const char *name, LLVMValueRef a)
{
  LLVMTypeRef type = LLVMTypeOf(a);
  return lj_ir_intrinsic(ir, name, &type, 1, &a, 1);
}

LLVMValueRef lj_ir_fma(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
  if (!ir->target->has_fma)
    return lj_ir_fadd(ir, lj_ir_fmul(ir, a, b), c);
  LLVMTypeRef type = LLVMTypeOf(a);
  LLVMValueRef arguments[] = {a, b, c};
  return lj_ir_intrinsic(ir, "llvm.fma", &type, 1, arguments, 3);
}

LLVMValueRef lj_ir_sqrt(struct lj_ir *ir, LLVMValueRef a)
{
  return unary_intrinsic(ir, "llvm.sqrt", a);
}

LLVMValueRef lj_ir_fabs(struct lj_ir *ir, LLVMValueRef a)
{
  return unary_intrinsic(ir, "llvm.fabs", a);
}

LLVMValueRef lj_ir_copysign(struct lj_ir *ir, LLVMValueRef size, LLVMValueRef sign)
{
  LLVMTypeRef type = LLVMTypeOf(size);
  LLVMValueRef arguments[] = {size, sign};
  return lj_ir_intrinsic(ir, "llvm.copysign", &type, 1, arguments, 2);
}

/* ---- rounding -------------------------------------------------------------------- */

static bool has_rounding(const struct lj_ir *ir)
{
  return !ir->target->is_x86_64 || ir->target->has_sse41;
}

/* Adding and subtracting 2^(digits - 1) leaves no room for a fraction. Larger values,
 * and NaN, are integral already and pass through. */
static LLVMValueRef emulate_round(struct lj_ir *ir, LLVMValueRef a)
{
  LLVMTypeRef type = LLVMTypeOf(a);
  LLVMValueRef big = lj_ir_number(ir, type, lj_ir_is_f64(type) ? 0x1p52 : 0x1p23);
  LLVMValueRef size = lj_ir_fabs(ir, a);
  LLVMValueRef rounded = lj_ir_fsub(ir, lj_ir_fadd(ir, size, big), big);
  LLVMValueRef small = lj_ir_fcmp(ir, LLVMRealOLT, size, big);
  return lj_ir_select(ir, small, lj_ir_copysign(ir, rounded, a), a);
}

/* floor for step 1 with OGT, ceil for step -1 with OLT. */
static LLVMValueRef emulate_toward(struct lj_ir *ir, LLVMValueRef a,
                                   LLVMRealPredicate beyond, double step)
{
  LLVMValueRef near = emulate_round(ir, a);
  LLVMValueRef back = lj_ir_fsub(ir, near, lj_ir_number(ir, LLVMTypeOf(a), step));
  LLVMValueRef passed = lj_ir_fcmp(ir, beyond, near, a);
  return lj_ir_copysign(ir, lj_ir_select(ir, passed, back, near), a);
}

LLVMValueRef lj_ir_round(struct lj_ir *ir, LLVMValueRef a)
{
  return has_rounding(ir) ? unary_intrinsic(ir, "llvm.roundeven", a)
                          : emulate_round(ir, a);
}

LLVMValueRef lj_ir_floor(struct lj_ir *ir, LLVMValueRef a)
{
  return has_rounding(ir) ? unary_intrinsic(ir, "llvm.floor", a)
                          : emulate_toward(ir, a, LLVMRealOGT, 1);
}

LLVMValueRef lj_ir_ceil(struct lj_ir *ir, LLVMValueRef a)
{
  return has_rounding(ir) ? unary_intrinsic(ir, "llvm.ceil", a)
                          : emulate_toward(ir, a, LLVMRealOLT, -1);
}

LLVMValueRef lj_ir_trunc(struct lj_ir *ir, LLVMValueRef a)
{
  if (has_rounding(ir))
    return unary_intrinsic(ir, "llvm.trunc", a);
  LLVMValueRef size = emulate_toward(ir, lj_ir_fabs(ir, a), LLVMRealOGT, 1);
  return lj_ir_copysign(ir, size, a);
}

/* ---- smaller and larger ---------------------------------------------------------- */

LLVMValueRef lj_ir_max_second(struct lj_ir *ir, LLVMValueRef c, LLVMValueRef x)
{
  return lj_ir_select(ir, lj_ir_fcmp(ir, LLVMRealOGT, c, x), c, x);
}

LLVMValueRef lj_ir_min_second(struct lj_ir *ir, LLVMValueRef c, LLVMValueRef x)
{
  return lj_ir_select(ir, lj_ir_fcmp(ir, LLVMRealOLT, c, x), c, x);
}

LLVMValueRef lj_ir_maximum(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  if (!lj_ir_is_float(LLVMTypeOf(a)))
    return lj_ir_select(ir, lj_ir_icmp(ir, LLVMIntSGT, a, b), a, b);
  return lj_ir_select(ir, lj_ir_is_nan(ir, a), a, lj_ir_max_second(ir, a, b));
}

LLVMValueRef lj_ir_minimum(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  if (!lj_ir_is_float(LLVMTypeOf(a)))
    return lj_ir_select(ir, lj_ir_icmp(ir, LLVMIntSLT, a, b), a, b);
  return lj_ir_select(ir, lj_ir_is_nan(ir, a), a, lj_ir_min_second(ir, a, b));
}

LLVMValueRef lj_ir_fcmp(struct lj_ir *ir, LLVMRealPredicate how, LLVMValueRef a,
                        LLVMValueRef b)
{
  return LLVMBuildFCmp(ir->builder, how, a, b, "");
}

LLVMValueRef lj_ir_icmp(struct lj_ir *ir, LLVMIntPredicate how, LLVMValueRef a,
                        LLVMValueRef b)
{
  return LLVMBuildICmp(ir->builder, how, a, b, "");
}

LLVMValueRef lj_ir_is_nan(struct lj_ir *ir, LLVMValueRef a)
{
  return lj_ir_fcmp(ir, LLVMRealUNO, a, a);
}

LLVMValueRef lj_ir_select(struct lj_ir *ir, LLVMValueRef mask, LLVMValueRef yes,
                          LLVMValueRef no)
{
  return LLVMBuildSelect(ir->builder, mask, yes, no, "");
}

/* ---- integers -------------------------------------------------------------------- */

LLVMValueRef lj_ir_add(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  return LLVMBuildAdd(ir->builder, a, b, "");
}

LLVMValueRef lj_ir_sub(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  return LLVMBuildSub(ir->builder, a, b, "");
}

LLVMValueRef lj_ir_mul(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  return LLVMBuildMul(ir->builder, a, b, "");
}

LLVMValueRef lj_ir_and(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  return LLVMBuildAnd(ir->builder, a, b, "");
}

LLVMValueRef lj_ir_or(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  return LLVMBuildOr(ir->builder, a, b, "");
}

LLVMValueRef lj_ir_xor(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  return LLVMBuildXor(ir->builder, a, b, "");
}

LLVMValueRef lj_ir_not(struct lj_ir *ir, LLVMValueRef a)
{
  return LLVMBuildNot(ir->builder, a, "");
}

LLVMValueRef lj_ir_shl(struct lj_ir *ir, LLVMValueRef a, uint32_t bits)
{
  return LLVMBuildShl(ir->builder, a, lj_ir_integer(ir, LLVMTypeOf(a), bits), "");
}

LLVMValueRef lj_ir_lshr(struct lj_ir *ir, LLVMValueRef a, uint32_t bits)
{
  return LLVMBuildLShr(ir->builder, a, lj_ir_integer(ir, LLVMTypeOf(a), bits), "");
}

LLVMValueRef lj_ir_ashr(struct lj_ir *ir, LLVMValueRef a, uint32_t bits)
{
  return LLVMBuildAShr(ir->builder, a, lj_ir_integer(ir, LLVMTypeOf(a), bits), "");
}

/* ---- lanes ----------------------------------------------------------------------- */

LLVMValueRef lj_ir_splat(struct lj_ir *ir, LLVMValueRef scalar, uint32_t lanes)
{
  if (lanes == 1)
    return scalar;
  LLVMTypeRef type = lj_ir_vector(ir, LLVMTypeOf(scalar), lanes);
  LLVMValueRef one = LLVMBuildInsertElement(ir->builder, LLVMGetPoison(type), scalar,
                                            LLVMConstNull(ir->i32), "");
  LLVMValueRef zeros = LLVMConstNull(lj_ir_vector(ir, ir->i32, lanes));
  return LLVMBuildShuffleVector(ir->builder, one, LLVMGetPoison(type), zeros, "");
}

LLVMValueRef lj_ir_lane(struct lj_ir *ir, LLVMValueRef vector, uint32_t lane)
{
  LLVMValueRef index = lj_ir_integer(ir, ir->i32, lane);
  return LLVMBuildExtractElement(ir->builder, vector, index, "");
}

LLVMValueRef lj_ir_set_lane(struct lj_ir *ir, LLVMValueRef vector, uint32_t lane,
                            LLVMValueRef value)
{
  LLVMValueRef index = lj_ir_integer(ir, ir->i32, lane);
  return LLVMBuildInsertElement(ir->builder, vector, value, index, "");
}

LLVMValueRef lj_ir_shuffle(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b,
                           const int32_t *lanes, uint32_t count)
{
  LLVMValueRef picks[LJ_IR_MAX_LANES];
  LJ_CHECK(ir->trap, count <= LJ_IR_MAX_LANES);
  for (uint32_t i = 0; i < count; i++)
    picks[i] = lj_ir_integer(ir, ir->i32, lanes[i]);
  if (!b)
    b = LLVMGetPoison(LLVMTypeOf(a));
  return LLVMBuildShuffleVector(ir->builder, a, b, LLVMConstVector(picks, count), "");
}

LLVMValueRef lj_ir_reduce(struct lj_ir *ir, LLVMValueRef vector, lj_ir_combine *combine)
{
  int32_t low[LJ_IR_MAX_LANES], high[LJ_IR_MAX_LANES];
  uint32_t lanes = lj_ir_lanes(LLVMTypeOf(vector));
  LJ_CHECK(ir->trap, (lanes & (lanes - 1)) == 0);
  if (LLVMGetTypeKind(LLVMTypeOf(vector)) != LLVMVectorTypeKind)
    return vector;
  while (lanes > 1) {
    lanes /= 2;
    for (uint32_t i = 0; i < lanes; i++) {
      low[i] = (int32_t)i;
      high[i] = (int32_t)(i + lanes);
    }
    LLVMValueRef a = lj_ir_shuffle(ir, vector, NULL, low, lanes);
    LLVMValueRef b = lj_ir_shuffle(ir, vector, NULL, high, lanes);
    vector = combine(ir, a, b);
  }
  return lj_ir_lane(ir, vector, 0);
}

LLVMValueRef lj_ir_sum(struct lj_ir *ir, LLVMValueRef vector)
{
  bool is_float = lj_ir_is_float(LLVMTypeOf(vector));
  return lj_ir_reduce(ir, vector, is_float ? lj_ir_fadd : lj_ir_add);
}

LLVMValueRef lj_ir_reduce_maximum(struct lj_ir *ir, LLVMValueRef vector)
{
  return lj_ir_reduce(ir, vector, lj_ir_maximum);
}

LLVMValueRef lj_ir_reduce_minimum(struct lj_ir *ir, LLVMValueRef vector)
{
  return lj_ir_reduce(ir, vector, lj_ir_minimum);
}

/* A mask as one integer with a bit for each lane. */
static LLVMValueRef packed_mask(struct lj_ir *ir, LLVMValueRef mask)
{
  uint32_t lanes = lj_ir_lanes(LLVMTypeOf(mask));
  LLVMTypeRef bits = LLVMIntTypeInContext(ir->context, lanes);
  return LLVMBuildBitCast(ir->builder, mask, bits, "");
}

LLVMValueRef lj_ir_any(struct lj_ir *ir, LLVMValueRef mask)
{
  LLVMValueRef bits = packed_mask(ir, mask);
  return lj_ir_icmp(ir, LLVMIntNE, bits, LLVMConstNull(LLVMTypeOf(bits)));
}

LLVMValueRef lj_ir_all(struct lj_ir *ir, LLVMValueRef mask)
{
  LLVMValueRef bits = packed_mask(ir, mask);
  return lj_ir_icmp(ir, LLVMIntEQ, bits, LLVMConstAllOnes(LLVMTypeOf(bits)));
}
