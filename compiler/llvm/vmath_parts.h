/*
 * What the files vmath_*.c share: terse names for building formulas, polynomials, and
 * the parts of one function that another one needs.
 *
 * Formulas are built in an exact section (ir.h): nothing is fused but what `madd`
 * fuses, because error terms like x - (u - 1) would not survive it. A public function
 * opens the section, builds, and restores the caller's flags; EXACTLY does that around
 * a static function.
 */
#ifndef LJ_LLVM_VMATH_PARTS_H
#define LJ_LLVM_VMATH_PARTS_H

#include "compiler/llvm/vmath.h"

#define EXACTLY(name)                                                                  \
  LLVMValueRef lj_vmath_##name(struct lj_ir *ir, LLVMValueRef x)                       \
  {                                                                                    \
    LLVMFastMathFlags flags = lj_ir_exact(ir);                                         \
    LLVMValueRef y = build_##name(ir, x);                                              \
    ir->flags = flags;                                                                 \
    return y;                                                                          \
  }

#define EXACTLY2(name)                                                                 \
  LLVMValueRef lj_vmath_##name(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)       \
  {                                                                                    \
    LLVMFastMathFlags flags = lj_ir_exact(ir);                                         \
    LLVMValueRef y = build_##name(ir, a, b);                                           \
    ir->flags = flags;                                                                 \
    return y;                                                                          \
  }

/* ---- short names ----------------------------------------------------------------- */

#define add lj_ir_fadd
#define sub lj_ir_fsub
#define mul lj_ir_fmul
#define divide lj_ir_fdiv
#define madd lj_ir_fma /* a*b + c, one rounding where the target has FMA */
#define choose lj_ir_select

static inline bool is_f64(LLVMValueRef x)
{
  return lj_ir_is_f64(LLVMTypeOf(x));
}

/* A constant in the shape of `like`. */
static inline LLVMValueRef number(struct lj_ir *ir, LLVMValueRef like, double value)
{
  return lj_ir_number(ir, LLVMTypeOf(like), value);
}

/* One of two constants, by the type of `like`. */
static inline LLVMValueRef either(struct lj_ir *ir, LLVMValueRef like, double in_f32,
                                  double in_f64)
{
  return number(ir, like, is_f64(like) ? in_f64 : in_f32);
}

static inline LLVMValueRef less(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  return lj_ir_fcmp(ir, LLVMRealOLT, a, b);
}

/* x with its lowest `bits` bits cleared. */
static inline LLVMValueRef cut(struct lj_ir *ir, LLVMValueRef x, uint32_t bits)
{
  LLVMValueRef integer = lj_ir_bits(ir, x);
  LLVMValueRef mask = lj_ir_integer(ir, LLVMTypeOf(integer), -(INT64_C(1) << bits));
  return lj_ir_from_bits(ir, lj_ir_and(ir, integer, mask), LLVMTypeOf(x));
}

/* ---- f32 by way of f64 ----------------------------------------------------------- */

/* Where f32 would need compensated arithmetic, computing in f64 with short polynomials
 * costs less and gives a correctly rounded result nearly always. `brief` in an argument
 * list says that f64 values stand for f32 ones. */
static inline LLVMValueRef widened(struct lj_ir *ir, LLVMValueRef x)
{
  return lj_ir_convert(ir, x, lj_ir_shaped(ir, ir->f64, LLVMTypeOf(x)));
}

/* `build`, which takes and gives f64, for x of either type. */
static inline LLVMValueRef by_way_of_f64(struct lj_ir *ir, LLVMValueRef x,
                                         LLVMValueRef (*build)(struct lj_ir *,
                                                               LLVMValueRef, bool))
{
  if (is_f64(x))
    return build(ir, x, false);
  return lj_ir_convert(ir, build(ir, widened(ir, x), true), LLVMTypeOf(x));
}

/* ---- polynomials ----------------------------------------------------------------- */

/* Coefficients from the highest degree down. */
struct polynomial {
  const double *coefficients;
  uint32_t count;
};

#define POLYNOMIAL(array) ((struct polynomial){(array), LJ_COUNT(array)})
/* name_f32 or name_f64 by the type of `like`. */
#define TABLE(like, name)                                                              \
  (is_f64(like) ? POLYNOMIAL(name##_f64) : POLYNOMIAL(name##_f32))

static inline LLVMValueRef horner(struct lj_ir *ir, LLVMValueRef x, struct polynomial p)
{
  LLVMValueRef y = number(ir, x, p.coefficients[0]);
  for (uint32_t i = 1; i < p.count; i++)
    y = madd(ir, y, x, number(ir, x, p.coefficients[i]));
  return y;
}

/* ---- parts of functions ---------------------------------------------------------- */

/* e^x from vmath_exp.c, with less work where the operand is known to be in range. */
enum lj_exp_range {
  LJ_EXP_ANY,         /* any x */
  LJ_EXP_NONPOSITIVE, /* x <= 0 or NaN */
  LJ_EXP_NORMAL       /* the result is finite and normal: nothing is clamped */
};

/* e^(x + low), low a correction far smaller than 1, or NULL. */
LLVMValueRef lj_vmath_exp_ranged(struct lj_ir *ir, LLVMValueRef x, LLVMValueRef low,
                                 enum lj_exp_range range);

/* e^x in f64 for the accuracy of f32, for -600 < x < 600. */
LLVMValueRef lj_vmath_exp_brief(struct lj_ir *ir, LLVMValueRef x);

/* x = 2^n * m with m around 1, of a positive finite x; see vmath_log.c. */
struct lj_vmath_parts {
  LLVMValueRef n;        /* an integral float */
  LLVMValueRef m;        /* in [2/3, 4/3) in f32, in [sqrt(1/2), sqrt(2)) in f64 */
  LLVMValueRef exponent; /* n in the exponent's place, as an integer */
};
struct lj_vmath_parts lj_vmath_take_apart(struct lj_ir *ir, LLVMValueRef x,
                                          bool may_be_subnormal);

/* y * 2^n for n in the range of y's type and far beyond, rounded once; `n` is integral
 * and `bits`, made by lj_vmath_to_integer, holds it. */
struct lj_vmath_integer {
  LLVMValueRef n;    /* an integral float */
  LLVMValueRef bits; /* low bits hold n + twice the exponent's bias */
};
struct lj_vmath_integer lj_vmath_to_integer(struct lj_ir *ir, LLVMValueRef x);
LLVMValueRef lj_vmath_scale(struct lj_ir *ir, LLVMValueRef y,
                            struct lj_vmath_integer by);

/* n*ln(2) + log(1 + f) for abs(f) < 1/3 in f32, f in [sqrt(1/2) - 1, sqrt(2) - 1] in
 * f64. */
LLVMValueRef lj_vmath_log_sum(struct lj_ir *ir, LLVMValueRef n, LLVMValueRef f);

/* log(1 + e) for e in [0, 1] or NaN, from vmath_log.c. */
LLVMValueRef lj_vmath_log1p_unit(struct lj_ir *ir, LLVMValueRef e);

#endif
