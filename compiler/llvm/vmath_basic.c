/* Functions that are an instruction or two on most targets: roots and rounding. */
#include "compiler/llvm/vmath_parts.h"

LLVMValueRef lj_vmath_sqrt(struct lj_ir *ir, LLVMValueRef x)
{
  return lj_ir_sqrt(ir, x);
}

/* A division, not the hardware's estimate: that differs between processors. */
LLVMValueRef lj_vmath_rsqrt(struct lj_ir *ir, LLVMValueRef x)
{
  return divide(ir, number(ir, x, 1), lj_ir_sqrt(ir, x));
}

LLVMValueRef lj_vmath_floor(struct lj_ir *ir, LLVMValueRef x)
{
  return lj_ir_floor(ir, x);
}

LLVMValueRef lj_vmath_ceil(struct lj_ir *ir, LLVMValueRef x)
{
  return lj_ir_ceil(ir, x);
}

LLVMValueRef lj_vmath_round(struct lj_ir *ir, LLVMValueRef x)
{
  return lj_ir_round(ir, x);
}

LLVMValueRef lj_vmath_trunc(struct lj_ir *ir, LLVMValueRef x)
{
  return lj_ir_trunc(ir, x);
}
