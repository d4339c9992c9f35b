/*
 * pow: abs(a)^b = 2^(b*log2(abs(a))), then the sign and the special cases of C99
 * F.9.4.4.
 *
 * The product multiplies the logarithm's relative error by up to 1100, so the logarithm
 * needs about eleven bits more than the result. In f32 they come from computing in f64.
 * In f64 logarithm and product are sums of a high and a low part, the high ones cut to
 * 21 bits so that their products are exact without FMA too: the way of fdlibm's
 * e_pow.c, with a longer series in place of its two-entry table.
 */
#include "compiler/llvm/coefficients/exp.h"
#include "compiler/llvm/coefficients/pow.h"
#include "compiler/llvm/vmath_parts.h"

#include <math.h>

/* ---- the magnitude in f32 -------------------------------------------------------- */

static LLVMValueRef clamp(struct lj_ir *ir, LLVMValueRef x, double limit)
{
  x = lj_ir_max_second(ir, number(ir, x, -limit), x);
  return lj_ir_min_second(ir, number(ir, x, limit), x);
}

/* log2 of a positive normal f64, to about 37 bits. */
static LLVMValueRef log2_short(struct lj_ir *ir, LLVMValueRef size)
{
  struct lj_vmath_parts of = lj_vmath_take_apart(ir, size, false);
  LLVMValueRef f = sub(ir, of.m, number(ir, of.m, 1));
  LLVMValueRef s = divide(ir, f, add(ir, f, number(ir, f, 2)));
  LLVMValueRef p = horner(ir, mul(ir, s, s), POLYNOMIAL(pow_log2_f32));
  return madd(ir, p, s, of.n);
}

/* The exponent is clamped because infinity times log2(1) must be 0, not NaN. */
static LLVMValueRef magnitude_f32(struct lj_ir *ir, LLVMValueRef size, LLVMValueRef b)
{
  LLVMTypeRef narrow = LLVMTypeOf(size), wide = lj_ir_shaped(ir, ir->f64, narrow);
  LLVMValueRef l = log2_short(ir, lj_ir_convert(ir, size, wide));
  b = clamp(ir, lj_ir_convert(ir, b, wide), 0x1p60);
  LLVMValueRef t = clamp(ir, mul(ir, b, l), 200);
  struct lj_vmath_integer to = lj_vmath_to_integer(ir, t);
  LLVMValueRef y = horner(ir, sub(ir, t, to.n), POLYNOMIAL(pow_exp2_f32));
  return lj_ir_convert(ir, lj_vmath_scale(ir, y, to), narrow);
}

/* ---- the magnitude in f64 -------------------------------------------------------- */

struct sum {
  LLVMValueRef high, low; /* low is what high lacks */
};

/* s = f/(2 + f): a quotient cut short, and the rest from the remainder. */
static struct sum quotient(struct lj_ir *ir, LLVMValueRef f, LLVMValueRef *whole)
{
  struct sum s;
  LLVMValueRef two = number(ir, f, 2);
  LLVMValueRef below = add(ir, f, two);
  LLVMValueRef inverse = divide(ir, number(ir, f, 1), below);
  *whole = mul(ir, f, inverse);
  s.high = cut(ir, *whole, 32);
  LLVMValueRef t_high = cut(ir, below, 32);
  LLVMValueRef t_low = sub(ir, f, sub(ir, t_high, two));
  LLVMValueRef rest = sub(ir, f, mul(ir, s.high, t_high));
  s.low = mul(ir, sub(ir, rest, mul(ir, s.high, t_low)), inverse);
  return s;
}

/* log(1 + f) * 3/2 = s*(3 + s^2 + s^4*q(s^2)). */
static struct sum log1p_times_3_2(struct lj_ir *ir, LLVMValueRef f)
{
  LLVMValueRef whole, three = number(ir, f, 3);
  struct sum s = quotient(ir, f, &whole);
  LLVMValueRef w = mul(ir, whole, whole);
  LLVMValueRef q = horner(ir, w, POLYNOMIAL(pow_log_f64));
  LLVMValueRef square = mul(ir, s.high, s.high);
  LLVMValueRef square_rest = mul(ir, s.low, add(ir, s.high, whole));
  LLVMValueRef r = add(ir, mul(ir, mul(ir, w, w), q), square_rest);

  LLVMValueRef t_high = cut(ir, add(ir, add(ir, three, square), r), 32);
  LLVMValueRef t_low = sub(ir, r, sub(ir, sub(ir, t_high, three), square));
  LLVMValueRef u = mul(ir, s.high, t_high);
  LLVMValueRef v = add(ir, mul(ir, s.low, t_high), mul(ir, t_low, whole));
  struct sum p;
  p.high = cut(ir, add(ir, u, v), 32);
  p.low = sub(ir, v, sub(ir, p.high, u));
  return p;
}

static struct sum log2_long(struct lj_ir *ir, LLVMValueRef size)
{
  struct lj_vmath_parts of = lj_vmath_take_apart(ir, size, true);
  LLVMValueRef f = sub(ir, of.m, number(ir, of.m, 1));
  struct sum p = log1p_times_3_2(ir, f), l;
  /* 2/(3*ln(2)), whole and in two parts */
  LLVMValueRef c = number(ir, f, 0x1.ec709dc3a03fdp-1);
  LLVMValueRef c_high = number(ir, f, 0x1.ec709p-1);
  LLVMValueRef c_low = number(ir, f, 0x1.b87407fae93f8p-22);
  LLVMValueRef high = mul(ir, p.high, c_high);
  LLVMValueRef low = add(ir, mul(ir, p.high, c_low), mul(ir, p.low, c));
  l.high = cut(ir, add(ir, of.n, add(ir, high, low)), 32);
  l.low = sub(ir, low, sub(ir, sub(ir, l.high, of.n), high));
  return l;
}

/* The exponent is clamped where the result is 0, 1 or infinite whatever it is, and so
 * is the product. */
static LLVMValueRef magnitude_f64(struct lj_ir *ir, LLVMValueRef size, LLVMValueRef b)
{
  struct sum l = log2_long(ir, size);
  b = clamp(ir, b, 0x1p65);
  LLVMValueRef b_high = cut(ir, b, 32);
  LLVMValueRef high = mul(ir, b_high, l.high);
  LLVMValueRef low = add(ir, mul(ir, sub(ir, b, b_high), l.high), mul(ir, b, l.low));

  LLVMValueRef limit = number(ir, b, 1200);
  LLVMValueRef inside = less(ir, lj_ir_fabs(ir, high), limit);
  high = choose(ir, inside, high, lj_ir_copysign(ir, limit, high));
  low = choose(ir, inside, low, number(ir, b, 0));
  struct lj_vmath_integer to = lj_vmath_to_integer(ir, add(ir, high, low));
  LLVMValueRef r = add(ir, sub(ir, high, to.n), low);
  LLVMValueRef p = horner(ir, r, POLYNOMIAL(exp2_f64));
  return lj_vmath_scale(ir, madd(ir, p, r, number(ir, b, 1)), to);
}

/* ---- signs and special cases ----------------------------------------------------- */

struct integrality {
  LLVMValueRef is_integer, is_odd; /* masks; infinities are even */
};

static struct integrality examine(struct lj_ir *ir, LLVMValueRef b)
{
  struct integrality of;
  LLVMValueRef half = mul(ir, b, number(ir, b, 0.5));
  of.is_integer = lj_ir_fcmp(ir, LLVMRealOEQ, lj_ir_round(ir, b), b);
  LLVMValueRef half_is_not = lj_ir_fcmp(ir, LLVMRealUNE, lj_ir_round(ir, half), half);
  of.is_odd = lj_ir_and(ir, of.is_integer, half_is_not);
  return of;
}

/* 0^b and infinity^b: 0 or infinity, whichever b's sign makes of it. */
static LLVMValueRef at_the_ends(struct lj_ir *ir, LLVMValueRef size, LLVMValueRef b,
                                LLVMValueRef y)
{
  LLVMValueRef zero = number(ir, b, 0), infinity = number(ir, b, INFINITY);
  LLVMValueRef is_zero = lj_ir_fcmp(ir, LLVMRealOEQ, size, zero);
  LLVMValueRef is_infinite = lj_ir_fcmp(ir, LLVMRealOEQ, size, infinity);
  LLVMValueRef turned = lj_ir_xor(ir, is_zero, less(ir, b, zero));
  LLVMValueRef end = choose(ir, turned, zero, infinity);
  return choose(ir, lj_ir_or(ir, is_zero, is_infinite), end, y);
}

/* Odd powers take the sign of a. */
static LLVMValueRef with_sign(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef is_odd,
                              LLVMValueRef y)
{
  LLVMValueRef sign = choose(ir, is_odd, a, number(ir, a, 0));
  return lj_ir_copysign(ir, y, sign);
}

static LLVMValueRef build_pow(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  LLVMValueRef zero = number(ir, a, 0), one = number(ir, a, 1);
  LLVMValueRef size = lj_ir_fabs(ir, a);
  struct integrality is = examine(ir, b);

  LLVMValueRef y = is_f64(a) ? magnitude_f64(ir, size, b) : magnitude_f32(ir, size, b);
  y = with_sign(ir, a, is.is_odd, at_the_ends(ir, size, b, y));

  LLVMValueRef negative = less(ir, a, zero);
  LLVMValueRef finite = less(ir, size, number(ir, a, INFINITY));
  LLVMValueRef broken = lj_ir_and(ir, negative, finite);
  broken = lj_ir_and(ir, broken, lj_ir_not(ir, is.is_integer));
  broken = lj_ir_or(ir, broken, lj_ir_fcmp(ir, LLVMRealUNO, a, b));
  y = choose(ir, broken, number(ir, a, NAN), y);

  LLVMValueRef is_one = lj_ir_fcmp(ir, LLVMRealOEQ, a, one);
  LLVMValueRef no_b = lj_ir_fcmp(ir, LLVMRealOEQ, b, zero);
  return choose(ir, lj_ir_or(ir, is_one, no_b), one, y);
}

EXACTLY2(pow)
