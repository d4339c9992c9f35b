/*
 * tanh, sigmoid, softplus, log_sigmoid, logaddexp.
 *
 * All come from e^-a or e^2a of the absolute value a, so that nothing overflows before
 * the result does, and each is written so that the exponential's error is damped, not
 * grown.
 */
#include "compiler/llvm/coefficients/tanh.h"
#include "compiler/llvm/vmath_parts.h"

/* e^-abs(x), in (0, 1]; NaN stays. */
static LLVMValueRef exp_of_minus_size(struct lj_ir *ir, LLVMValueRef x)
{
  LLVMValueRef minus = lj_ir_fneg(ir, lj_ir_fabs(ir, x));
  return lj_vmath_exp_ranged(ir, minus, NULL, LJ_EXP_NONPOSITIVE);
}

/* Below 0.55 an odd polynomial; above, 1 - 2/(e^2a + 1), where the subtraction loses no
 * more than one bit. Beyond the clamp tanh rounds to 1. */
static LLVMValueRef build_tanh(struct lj_ir *ir, LLVMValueRef x)
{
  LLVMValueRef one = number(ir, x, 1);
  LLVMValueRef w = mul(ir, x, x);
  LLVMValueRef q = horner(ir, w, TABLE(x, tanh));
  LLVMValueRef small = madd(ir, mul(ir, q, w), x, x);

  LLVMValueRef a = lj_ir_fabs(ir, x);
  LLVMValueRef in = lj_ir_min_second(ir, either(ir, x, 10, 20), a);
  LLVMValueRef e = lj_vmath_exp_ranged(ir, add(ir, in, in), NULL, LJ_EXP_NORMAL);
  LLVMValueRef part = divide(ir, number(ir, x, 2), add(ir, e, one));
  LLVMValueRef large = sub(ir, one, part);
  LLVMValueRef is_small = less(ir, a, number(ir, x, 0.55));
  return lj_ir_copysign(ir, choose(ir, is_small, small, large), x);
}

/* With e = e^-abs(x) and q = e/(1 + e): 1 - q for positive x, e - e*q for negative. The
 * second is e/(1 + e) again, but q's rounding errors reach it multiplied by e. */
static LLVMValueRef build_sigmoid(struct lj_ir *ir, LLVMValueRef x)
{
  LLVMValueRef one = number(ir, x, 1);
  LLVMValueRef e = exp_of_minus_size(ir, x);
  LLVMValueRef q = divide(ir, e, add(ir, e, one));
  LLVMValueRef base = choose(ir, less(ir, x, number(ir, x, 0)), e, one);
  return madd(ir, lj_ir_fneg(ir, base), q, base);
}

static LLVMValueRef build_softplus(struct lj_ir *ir, LLVMValueRef x)
{
  LLVMValueRef rest = lj_vmath_log1p_unit(ir, exp_of_minus_size(ir, x));
  return add(ir, rest, lj_ir_max_second(ir, number(ir, x, 0), x));
}

static LLVMValueRef build_log_sigmoid(struct lj_ir *ir, LLVMValueRef x)
{
  return lj_ir_fneg(ir, build_softplus(ir, lj_ir_fneg(ir, x)));
}

/* The larger plus log(1 + e^-distance). Equal infinities have distance 0, not NaN.
 * Where the two parts cancel, near a result of 0, the error is relative to the
 * operands. */
static LLVMValueRef build_logaddexp(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  LLVMValueRef equal = lj_ir_fcmp(ir, LLVMRealOEQ, a, b);
  LLVMValueRef distance = choose(ir, equal, number(ir, a, 0), sub(ir, a, b));
  LLVMValueRef rest = lj_vmath_log1p_unit(ir, exp_of_minus_size(ir, distance));
  return add(ir, lj_ir_maximum(ir, a, b), rest);
}

EXACTLY(tanh)
EXACTLY(sigmoid)
EXACTLY(softplus)
EXACTLY(log_sigmoid)
EXACTLY2(logaddexp)
