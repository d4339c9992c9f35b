/*
 * Elementary functions as inline IR: no call into a maths library is left in the code.
 *
 * Every function takes a float or double, or a fixed vector of them (the lanes a power
 * of two), and gives a value of the same type. Code is branch-free: special cases are
 * selects, so lanes do not wait for each other and nothing depends on the other lanes.
 *
 * Special values are those of C99 Annex F: NaN gives NaN, infinities and signed zeros
 * have their limits, results overflow to infinity and underflow gradually.
 * Floating-point exception flags and errno are not part of the promise. The rounding
 * mode is to nearest.
 *
 * Bounds in ulp, over all inputs, with FMA and without, as tests/test_vmath.c checks
 * them (its table is the authority): at most 2 in f32, and in f64 for all but these:
 * erfc, norm_cdf, log_ndtr and trigamma 6; lgamma 6 and digamma 16 of the
 * larger of the result and 1, because their irrational zeros have no relative accuracy.
 * Where the operands of logaddexp cancel, the error is relative to the operands.
 *
 * The method of each function stands above it in vmath_*.c; its polynomial comes from
 * the Sollya scripts in coefficients/.
 */
#ifndef LJ_LLVM_VMATH_H
#define LJ_LLVM_VMATH_H

#include "compiler/llvm/ir.h"

/* Functions of one operand: lj_vmath_exp(ir, x) and so on. */
#define LJ_VMATH_UNARY(F)                                                              \
  F(exp)   /* e^x */                                                                   \
  F(exp2)  /* 2^x */                                                                   \
  F(expm1) /* e^x - 1 */                                                               \
  F(log)   /* natural; log(-0) and log(+0) are -inf */                                 \
  F(log2)                                                                              \
  F(log10)                                                                             \
  F(log1p) /* log(1 + x) */                                                            \
  F(tanh)                                                                              \
  F(sigmoid)     /* 1 / (1 + e^-x) */                                                  \
  F(softplus)    /* log(1 + e^x) */                                                    \
  F(log_sigmoid) /* -softplus(-x) */                                                   \
  F(sqrt)                                                                              \
  F(rsqrt) /* 1 / sqrt(x) */                                                           \
  F(erf)                                                                               \
  F(erfc)                                                                              \
  F(norm_cdf) /* erfc(-x / sqrt(2)) / 2 */                                             \
  F(log_ndtr) /* log(norm_cdf(x)), also far in the left tail */                        \
  F(lgamma)   /* log(abs(gamma(x))) */                                                 \
  F(digamma)  /* derivative of lgamma */                                               \
  F(trigamma) /* derivative of digamma */                                              \
  F(floor)                                                                             \
  F(ceil)                                                                              \
  F(round) /* to nearest, ties to even */                                              \
  F(trunc)

/* Functions of two operands. */
#define LJ_VMATH_BINARY(F)                                                             \
  F(pow)       /* a^b with every special case of C99 */                                \
  F(xlogy)     /* a * log(b), and 0 where a is 0 and b is not NaN */                   \
  F(logaddexp) /* log(e^a + e^b) */

#define LJ_VMATH_DECLARE_UNARY(name)                                                   \
  LLVMValueRef lj_vmath_##name(struct lj_ir *ir, LLVMValueRef x);
LJ_VMATH_UNARY(LJ_VMATH_DECLARE_UNARY)
#undef LJ_VMATH_DECLARE_UNARY

#define LJ_VMATH_DECLARE_BINARY(name)                                                  \
  LLVMValueRef lj_vmath_##name(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b);
LJ_VMATH_BINARY(LJ_VMATH_DECLARE_BINARY)
#undef LJ_VMATH_DECLARE_BINARY

/* e^x for x <= 0 or NaN, as softmax and log-sum-exp need it: results below the smallest
 * normal number become 0. Cheaper than exp; for x > 0 the result means nothing. */
LLVMValueRef lj_vmath_exp_nonpositive(struct lj_ir *ir, LLVMValueRef x);
/* log(x) where x is known to be normal, positive and finite. */
LLVMValueRef lj_vmath_log_positive(struct lj_ir *ir, LLVMValueRef x);

#endif
