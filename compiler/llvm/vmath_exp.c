/*
 * exp, exp2, expm1, and e^x for operands that are known to be in range.
 *
 * x = n*ln(2) + r with n an integer and abs(r) <= ln(2)/2; e^x = 2^n * e^r, e^r by a
 * polynomial. n comes from adding a number so large that no place is left for a
 * fraction (Dekker; in every libm since): the sum's low bits are then n itself, in
 * two's complement, and no conversion is needed. ln(2) is split in two so that n times
 * its first part is exact even without FMA.
 *
 * 2^n is not representable for the smallest and largest results, so the scale is a
 * product of two halves. AVX-512 has an instruction for all that (vscalefps).
 */
#include "compiler/llvm/coefficients/exp.h"
#include "compiler/llvm/vmath_parts.h"

#include <stdio.h>

struct reduced {
  struct lj_vmath_integer to; /* with the bias asked for */
  LLVMValueRef r;             /* what is left of x */
};

static uint32_t digits(LLVMValueRef x)
{
  return is_f64(x) ? 52 : 23;
}

static int64_t exponent_bias(LLVMValueRef x)
{
  return is_f64(x) ? 1023 : 127;
}

/* x*factor rounded to an integer; NULL stands for factor 1. */
static struct lj_vmath_integer to_integer(struct lj_ir *ir, LLVMValueRef x,
                                          LLVMValueRef factor, int64_t bias)
{
  struct lj_vmath_integer to;
  double b = (double)bias;
  LLVMValueRef shift = either(ir, x, 0x1.8p23 + b, 0x1.8p52 + b);
  LLVMValueRef sum = factor ? madd(ir, x, factor, shift) : add(ir, x, shift);
  to.n = sub(ir, sum, shift);
  to.bits = lj_ir_bits(ir, sum);
  return to;
}

struct lj_vmath_integer lj_vmath_to_integer(struct lj_ir *ir, LLVMValueRef x)
{
  return to_integer(ir, x, NULL, 2 * exponent_bias(x));
}

static struct reduced reduce(struct lj_ir *ir, LLVMValueRef x, int64_t bias)
{
  struct reduced by;
  LLVMValueRef log2e = either(ir, x, 0x1.715476p0, 0x1.71547652b82fep0);
  LLVMValueRef high = either(ir, x, -0x1.62e4p-1, -0x1.62e42fefa38p-1);
  LLVMValueRef low = either(ir, x, -0x1.7f7d1cp-20, -0x1.ef35793c7673p-45);
  by.to = to_integer(ir, x, log2e, bias);
  by.r = madd(ir, by.to.n, low, madd(ir, by.to.n, high, x));
  return by;
}

/* ---- scaling by a power of two --------------------------------------------------- */

/* vscalefps and vscalefpd exist for the three register widths. */
static bool has_scalef(struct lj_ir *ir, LLVMValueRef x)
{
  LLVMTypeRef type = LLVMTypeOf(x);
  uint32_t width = lj_ir_lanes(type) * lj_ir_element_bits(type);
  return ir->target->has_avx512 && (width == 512 || width == 256 || width == 128);
}

static LLVMValueRef scalef(struct lj_ir *ir, LLVMValueRef x, LLVMValueRef n)
{
  char name[48];
  LLVMTypeRef type = LLVMTypeOf(x);
  uint32_t lanes = lj_ir_lanes(type);
  uint32_t width = lanes * lj_ir_element_bits(type);
  snprintf(name, sizeof name, "llvm.x86.avx512.mask.scalef.p%c.%u",
           is_f64(x) ? 'd' : 's', width);
  LLVMValueRef mask = LLVMConstAllOnes(lanes == 16 ? ir->i16 : ir->i8);
  LLVMValueRef rounding = lj_ir_integer(ir, ir->i32, 4); /* MXCSR's; 512 bits only */
  LLVMValueRef arguments[] = {x, n, x, mask, rounding};
  return lj_ir_intrinsic(ir, name, NULL, 0, arguments, width == 512 ? 5 : 4);
}

/* The low bits of an integer, moved into the exponent of a float of x's type. */
static LLVMValueRef power_of_two(struct lj_ir *ir, LLVMValueRef exponent,
                                 LLVMValueRef x)
{
  LLVMValueRef moved = lj_ir_shl(ir, exponent, digits(x));
  return lj_ir_from_bits(ir, moved, LLVMTypeOf(x));
}

struct halves {
  LLVMValueRef first, second; /* first * second = 2^n */
};

/* Of bits that hold n + twice the exponent bias: each half takes one bias. */
static struct halves halve(struct lj_ir *ir, LLVMValueRef bits, LLVMValueRef x)
{
  LLVMValueRef half = lj_ir_lshr(ir, bits, 1);
  LLVMValueRef rest = lj_ir_sub(ir, bits, half);
  return (struct halves){power_of_two(ir, half, x), power_of_two(ir, rest, x)};
}

LLVMValueRef lj_vmath_scale(struct lj_ir *ir, LLVMValueRef y,
                            struct lj_vmath_integer by)
{
  if (has_scalef(ir, y))
    return scalef(ir, y, by.n);
  struct halves of = halve(ir, by.bits, y);
  return mul(ir, mul(ir, y, of.first), of.second);
}

/* ---- exp, exp2 ------------------------------------------------------------------- */

/* Beyond these bounds the result is 0 or infinite whatever the operand; within them n
 * stays in the range of the scaling. NaN passes. */
static LLVMValueRef clamp(struct lj_ir *ir, LLVMValueRef x, LLVMValueRef low,
                          LLVMValueRef high)
{
  if (high)
    x = lj_ir_min_second(ir, high, x);
  return low ? lj_ir_max_second(ir, low, x) : x;
}

/* e^r for a reduced r. Without FMA the rounding of 1 + r*p would cost a third of a
 * unit; 1 + (r + r*r*p) is one multiplication more. */
static LLVMValueRef exp_of_rest(struct lj_ir *ir, LLVMValueRef r)
{
  LLVMValueRef one = number(ir, r, 1);
  LLVMValueRef p = horner(ir, r, TABLE(r, exp));
  if (ir->target->has_fma)
    return madd(ir, madd(ir, p, r, one), r, one);
  return add(ir, add(ir, mul(ir, mul(ir, r, r), p), r), one);
}

LLVMValueRef lj_vmath_exp_ranged(struct lj_ir *ir, LLVMValueRef x, LLVMValueRef low,
                                 enum lj_exp_range range)
{
  int64_t bias = exponent_bias(x);
  if (range != LJ_EXP_NORMAL) {
    bias *= 2;
    LLVMValueRef top = range == LJ_EXP_ANY ? either(ir, x, 89, 710) : NULL;
    x = clamp(ir, x, either(ir, x, -104, -746), top);
  }
  struct reduced by = reduce(ir, x, bias);
  if (low)
    by.r = add(ir, by.r, low);
  LLVMValueRef y = exp_of_rest(ir, by.r);
  if (range != LJ_EXP_NORMAL)
    return lj_vmath_scale(ir, y, by.to);
  return mul(ir, y, power_of_two(ir, by.to.bits, x));
}

LLVMValueRef lj_vmath_exp_brief(struct lj_ir *ir, LLVMValueRef x)
{
  struct lj_vmath_integer to =
      to_integer(ir, x, number(ir, x, 0x1.71547652b82fep0), exponent_bias(x));
  LLVMValueRef r = madd(ir, to.n, number(ir, x, -0x1.62e42fefa39efp-1), x);
  LLVMValueRef one = number(ir, x, 1);
  LLVMValueRef p = horner(ir, r, POLYNOMIAL(exp_brief));
  LLVMValueRef y = madd(ir, madd(ir, p, r, one), r, one);
  return mul(ir, y, power_of_two(ir, to.bits, x));
}

static LLVMValueRef build_exp(struct lj_ir *ir, LLVMValueRef x)
{
  return lj_vmath_exp_ranged(ir, x, NULL, LJ_EXP_ANY);
}

/* One multiplication scales a normal result; what would be subnormal is made 0. */
static LLVMValueRef build_exp_nonpositive(struct lj_ir *ir, LLVMValueRef x)
{
  if (has_scalef(ir, x))
    return lj_vmath_exp_ranged(ir, x, NULL, LJ_EXP_NONPOSITIVE);
  LLVMValueRef bottom = either(ir, x, -0x1.5d589ep6, -0x1.6232bdd7abcd2p9);
  LLVMValueRef y =
      lj_vmath_exp_ranged(ir, lj_ir_max_second(ir, bottom, x), NULL, LJ_EXP_NORMAL);
  return choose(ir, less(ir, x, bottom), number(ir, x, 0), y);
}

static LLVMValueRef build_exp2(struct lj_ir *ir, LLVMValueRef x)
{
  x = clamp(ir, x, either(ir, x, -151, -1076), either(ir, x, 129, 1025));
  struct lj_vmath_integer to = lj_vmath_to_integer(ir, x);
  LLVMValueRef r = sub(ir, x, to.n);
  LLVMValueRef p = horner(ir, r, TABLE(x, exp2));
  return lj_vmath_scale(ir, madd(ir, p, r, number(ir, x, 1)), to);
}

/* ---- expm1 ----------------------------------------------------------------------- */

/* e^x - 1 = 2^n * (p + (1 - 2^-n)) with p = e^r - 1: the bracket is exact or far from
 * p. Without vscalefps 2^n is first*second, and 2^-n would not be representable for the
 * largest n: (first*p + (first - 1/second)) * second does the same. */
static LLVMValueRef scale_and_subtract(struct lj_ir *ir, LLVMValueRef p,
                                       struct lj_vmath_integer by)
{
  LLVMValueRef one = number(ir, p, 1);
  if (has_scalef(ir, p)) {
    LLVMValueRef inverse = scalef(ir, one, lj_ir_fneg(ir, by.n));
    return scalef(ir, add(ir, p, sub(ir, one, inverse)), by.n);
  }
  struct halves of = halve(ir, by.bits, p);
  LLVMValueRef second = lj_ir_bits(ir, of.second);
  LLVMTypeRef type = LLVMTypeOf(second);
  int64_t two_biases = 2 * exponent_bias(p);
  LLVMValueRef turn = lj_ir_integer(ir, type, two_biases << digits(p));
  LLVMValueRef inverse =
      lj_ir_from_bits(ir, lj_ir_sub(ir, turn, second), LLVMTypeOf(p));
  LLVMValueRef rest = sub(ir, of.first, inverse);
  return mul(ir, add(ir, mul(ir, of.first, p), rest), of.second);
}

static LLVMValueRef build_expm1(struct lj_ir *ir, LLVMValueRef x)
{
  LLVMValueRef in = clamp(ir, x, either(ir, x, -18, -40), either(ir, x, 89, 710));
  struct reduced by = reduce(ir, in, 2 * exponent_bias(x));
  LLVMValueRef q = horner(ir, by.r, TABLE(x, expm1));
  LLVMValueRef p = madd(ir, mul(ir, q, by.r), by.r, by.r);
  return lj_ir_copysign(ir, scale_and_subtract(ir, p, by.to), x);
}

EXACTLY(exp)
EXACTLY(exp_nonpositive)
EXACTLY(exp2)
EXACTLY(expm1)
