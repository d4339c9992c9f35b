/*
 * erf, erfc, norm_cdf, log_ndtr.
 *
 * erf near 0 is an odd polynomial, elsewhere 1 minus a tail. All tails are e^-s * g(t)
 * with g the scaled complementary error function e^(t^2)*erfc(t), which is smooth and
 * nearly rational for t >= 0. The square in the exponent is taken with what its
 * rounding loses, since that error is multiplied by up to 745. In f32 everything but
 * erf is computed in f64.
 */
#include "compiler/llvm/coefficients/erf.h"
#include "compiler/llvm/vmath_parts.h"

#include <math.h>

/* ---- the tail -------------------------------------------------------------------- */

struct square {
  LLVMValueRef high, low;
};

/* x*y and what rounding lost, of f64 x and y = x or x/2; in brief the product is exact.
 * Without FMA both are cut to 26 bits, whose product is exact. */
static struct square product(struct lj_ir *ir, LLVMValueRef x, LLVMValueRef y,
                             bool brief)
{
  struct square s = {mul(ir, x, y), NULL};
  if (brief)
    return s;
  if (ir->target->has_fma) {
    s.low = madd(ir, x, y, lj_ir_fneg(ir, s.high));
    return s;
  }
  LLVMValueRef a = cut(ir, x, 27), b = cut(ir, y, 27);
  LLVMValueRef cross = mul(ir, sub(ir, x, a), add(ir, y, b));
  s.low = add(ir, sub(ir, mul(ir, a, b), s.high), cross);
  return s;
}

static struct square half_square(struct lj_ir *ir, LLVMValueRef x, bool brief)
{
  return product(ir, x, mul(ir, x, number(ir, x, 0.5)), brief);
}

/* e^(t^2) * erfc(t) for t >= 0: p((t - K)/(t + K)) / (1 + 2t). */
static LLVMValueRef scaled_erfc(struct lj_ir *ir, LLVMValueRef t, bool brief)
{
  LLVMValueRef k = number(ir, t, brief ? 2.5 : 3.5), one = number(ir, t, 1);
  t = lj_ir_min_second(ir, number(ir, t, 0x1p100), t);
  LLVMValueRef sum = add(ir, t, k), below = add(ir, add(ir, t, t), one);
  if (brief) {
    LLVMValueRef inverse = divide(ir, one, mul(ir, sum, below));
    LLVMValueRef q = mul(ir, mul(ir, sub(ir, t, k), below), inverse);
    LLVMValueRef p = horner(ir, q, POLYNOMIAL(erfcx_brief));
    return mul(ir, p, mul(ir, sum, inverse));
  }
  LLVMValueRef q = divide(ir, sub(ir, t, k), sum);
  return divide(ir, horner(ir, q, POLYNOMIAL(erfcx_f64)), below);
}

/* e^-s for a square s of a number in the range where the result matters. */
static LLVMValueRef gauss(struct lj_ir *ir, struct square s, bool brief)
{
  LLVMValueRef minus = lj_ir_fneg(ir, s.high);
  if (brief)
    return lj_vmath_exp_brief(ir, lj_ir_max_second(ir, number(ir, minus, -200), minus));
  return lj_vmath_exp_ranged(ir, minus, lj_ir_fneg(ir, s.low), LJ_EXP_NONPOSITIVE);
}

/* ---- erfc, norm_cdf -------------------------------------------------------------- */

/* The square of a number so large that the tail is 0 for certain may overflow, and its
 * low part would be NaN. */
static LLVMValueRef bounded_size(struct lj_ir *ir, LLVMValueRef x)
{
  return lj_ir_min_second(ir, number(ir, x, 64), lj_ir_fabs(ir, x));
}

static LLVMValueRef erfc_wide(struct lj_ir *ir, LLVMValueRef x, bool brief)
{
  LLVMValueRef t = bounded_size(ir, x);
  LLVMValueRef e = gauss(ir, product(ir, t, t, brief), brief);
  LLVMValueRef tail = mul(ir, e, scaled_erfc(ir, t, brief));
  LLVMValueRef rest = sub(ir, number(ir, x, 2), tail);
  return choose(ir, less(ir, x, number(ir, x, 0)), rest, tail);
}

static LLVMValueRef build_erfc(struct lj_ir *ir, LLVMValueRef x)
{
  return by_way_of_f64(ir, x, erfc_wide);
}

/* abs(x)/sqrt(2): its rounding does no harm, since g is flat. */
static LLVMValueRef over_root_2(struct lj_ir *ir, LLVMValueRef x)
{
  return mul(ir, lj_ir_fabs(ir, x), number(ir, x, 0x1.6a09e667f3bcdp-1));
}

/* erfc(abs(x)/sqrt(2))/2: the smaller side of the normal distribution. */
static LLVMValueRef smaller_side(struct lj_ir *ir, LLVMValueRef x, LLVMValueRef g,
                                 bool brief)
{
  struct square s = half_square(ir, bounded_size(ir, x), brief);
  LLVMValueRef half_g = mul(ir, g, number(ir, x, 0.5));
  return mul(ir, gauss(ir, s, brief), half_g);
}

static LLVMValueRef norm_cdf_wide(struct lj_ir *ir, LLVMValueRef x, bool brief)
{
  LLVMValueRef g = scaled_erfc(ir, over_root_2(ir, x), brief);
  LLVMValueRef tail = smaller_side(ir, x, g, brief);
  LLVMValueRef rest = sub(ir, number(ir, x, 1), tail);
  return choose(ir, lj_ir_fcmp(ir, LLVMRealOGT, x, number(ir, x, 0)), rest, tail);
}

static LLVMValueRef build_norm_cdf(struct lj_ir *ir, LLVMValueRef x)
{
  return by_way_of_f64(ir, x, norm_cdf_wide);
}

/* ---- log_ndtr -------------------------------------------------------------------- */

/* l - x^2/2. Where the square overflows its low part would be NaN. */
static LLVMValueRef less_half_square(struct lj_ir *ir, LLVMValueRef l, LLVMValueRef x,
                                     bool brief)
{
  struct square s = half_square(ir, x, brief);
  if (s.low) {
    LLVMValueRef finite = less(ir, s.high, number(ir, x, INFINITY));
    l = sub(ir, l, choose(ir, finite, s.low, number(ir, x, 0)));
  }
  return sub(ir, l, s.high);
}

/* For x < 0: log(g/2) - x^2/2, two terms of one sign. For x >= 0: log(1 - tail), with
 * the argument halved below 2/3 so that it is 1 + f again. One logarithm serves both.
 */
static LLVMValueRef log_ndtr_wide(struct lj_ir *ir, LLVMValueRef x, bool brief)
{
  LLVMValueRef zero = number(ir, x, 0), one = number(ir, x, 1);
  LLVMValueRef half = number(ir, x, 0.5), minus_one = number(ir, x, -1);
  LLVMValueRef g = scaled_erfc(ir, over_root_2(ir, x), brief);
  LLVMValueRef tail = smaller_side(ir, x, g, brief);

  LLVMValueRef near = less(ir, number(ir, x, 0.29), tail);
  LLVMValueRef f_right =
      choose(ir, near, sub(ir, one, add(ir, tail, tail)), lj_ir_fneg(ir, tail));
  LLVMValueRef n_right = choose(ir, near, minus_one, zero);

  struct lj_vmath_parts of = lj_vmath_take_apart(ir, mul(ir, g, half), false);
  LLVMValueRef left = less(ir, x, zero);
  LLVMValueRef f = choose(ir, left, sub(ir, of.m, one), f_right);
  LLVMValueRef n = choose(ir, left, of.n, n_right);
  LLVMValueRef l = lj_vmath_log_sum(ir, n, f);

  LLVMValueRef y = choose(ir, left, less_half_square(ir, l, x, brief), l);
  return lj_ir_fneg(ir, lj_ir_fabs(ir, y));
}

static LLVMValueRef build_log_ndtr(struct lj_ir *ir, LLVMValueRef x)
{
  return by_way_of_f64(ir, x, log_ndtr_wide);
}

/* ---- erf ------------------------------------------------------------------------- */

/* 1 - erf(a) for a where that is below 0.2, in f32: e^(p(a) - a). From 3.93 on it is
 * below half a unit of 1. */
static LLVMValueRef tail_f32(struct lj_ir *ir, LLVMValueRef a)
{
  a = lj_ir_min_second(ir, number(ir, a, 0x1.f70a3ep1), a);
  LLVMValueRef p = horner(ir, a, POLYNOMIAL(erf_tail_f32));
  return lj_vmath_exp_ranged(ir, sub(ir, p, a), NULL, LJ_EXP_NORMAL);
}

static LLVMValueRef tail_f64(struct lj_ir *ir, LLVMValueRef a)
{
  a = lj_ir_min_second(ir, number(ir, a, 6), a);
  LLVMValueRef minus = lj_ir_fneg(ir, mul(ir, a, a));
  LLVMValueRef e = lj_vmath_exp_ranged(ir, minus, NULL, LJ_EXP_NORMAL);
  return mul(ir, e, scaled_erfc(ir, a, false));
}

static LLVMValueRef build_erf(struct lj_ir *ir, LLVMValueRef x)
{
  LLVMValueRef q = horner(ir, mul(ir, x, x), TABLE(x, erf));
  LLVMValueRef small = madd(ir, q, x, x);
  LLVMValueRef a = lj_ir_fabs(ir, x);
  LLVMValueRef tail = is_f64(x) ? tail_f64(ir, a) : tail_f32(ir, a);
  LLVMValueRef large = sub(ir, number(ir, x, 1), tail);
  LLVMValueRef is_small = less(ir, a, either(ir, x, 0.9275, 1));
  return lj_ir_copysign(ir, choose(ir, is_small, small, large), x);
}

EXACTLY(erf)
EXACTLY(erfc)
EXACTLY(norm_cdf)
EXACTLY(log_ndtr)
