/*
 * lgamma, digamma, trigamma.
 *
 * All three come from the asymptotic series of lgamma (Stirling's) for arguments from 8
 * on, from the recurrence that leads there, and from the reflection formulas below
 * -1/2:
 *
 *     lgamma(x)   = log(pi / abs(x*sin(pi*x))) - lgamma(-x)
 *     digamma(x)  = digamma(1 - x) - pi*cot(pi*x)
 *     trigamma(x) = (pi/sin(pi*x))^2 - trigamma(1 - x)
 *
 * (Abramowitz and Stegun 6.1, 6.3, 6.4.) lgamma has zeros at 1 and 2 that must keep
 * their relative accuracy: below 8 it is lgamma(2 + z), a polynomial times z, and a
 * logarithm of the product that the recurrence gives. The zeros of lgamma and digamma
 * at irrational points have an absolute accuracy of a few units of 1 in f64, so f32 is
 * computed in f64 with full-length polynomials; near those zeros f64 itself loses
 * relative accuracy.
 */
#include "compiler/llvm/coefficients/gamma.h"
#include "compiler/llvm/vmath_parts.h"

#include <math.h>

#define PI 0x1.921fb54442d18p1

/* ---- sin(pi*x) and cos(pi*x) ----------------------------------------------------- */

/* The distance of x to the nearest integer, signed: pi*x itself would be inexact. */
static LLVMValueRef fraction(struct lj_ir *ir, LLVMValueRef x)
{
  return sub(ir, x, lj_ir_round(ir, x));
}

/* sin(pi*t) for abs(t) <= 1/2. */
static LLVMValueRef sinpi(struct lj_ir *ir, LLVMValueRef t, bool brief)
{
  struct polynomial table = brief ? POLYNOMIAL(sinpi_brief) : POLYNOMIAL(sinpi_f64);
  return mul(ir, t, horner(ir, mul(ir, t, t), table));
}

static LLVMValueRef cospi(struct lj_ir *ir, LLVMValueRef t)
{
  return horner(ir, mul(ir, t, t), POLYNOMIAL(cospi_table));
}

static LLVMValueRef equals(struct lj_ir *ir, LLVMValueRef a, double b)
{
  return lj_ir_fcmp(ir, LLVMRealOEQ, a, number(ir, a, b));
}

static LLVMValueRef above(struct lj_ir *ir, LLVMValueRef a, double b)
{
  return lj_ir_fcmp(ir, LLVMRealOGT, a, number(ir, a, b));
}

/* ---- lgamma ---------------------------------------------------------------------- */

static LLVMValueRef log_of(struct lj_ir *ir, LLVMValueRef x)
{
  struct lj_vmath_parts of = lj_vmath_take_apart(ir, x, true);
  return lj_vmath_log_sum(ir, of.n, sub(ir, of.m, number(ir, x, 1)));
}

/* What the recurrence puts between x in [-1/2, 8) and 2 + z: the product (x-1)(x-2)...
 * of which lgamma(x) holds the logarithm, or for x < 3/2 the one that it lacks. */
static LLVMValueRef recurrence_product(struct lj_ir *ir, LLVMValueRef x,
                                       LLVMValueRef rounded)
{
  LLVMValueRef one = number(ir, x, 1), product = one;
  for (int j = 1; j <= 6; j++) {
    LLVMValueRef factor = sub(ir, x, number(ir, x, j));
    LLVMValueRef used = above(ir, rounded, j + 1.5);
    product = mul(ir, product, choose(ir, used, factor, one));
  }
  LLVMValueRef below_half = lj_ir_fcmp(ir, LLVMRealOEQ, rounded, number(ir, x, 0));
  LLVMValueRef first = choose(ir, below_half, mul(ir, x, add(ir, x, one)), x);
  LLVMValueRef lacks = less(ir, rounded, number(ir, x, 1.5));
  return lj_ir_fabs(ir, choose(ir, lacks, first, product));
}

/* lgamma(x) for x >= -1/2. */
static LLVMValueRef lgamma_core(struct lj_ir *ir, LLVMValueRef x)
{
  LLVMValueRef half = number(ir, x, 0.5), one = number(ir, x, 1);
  LLVMValueRef rounded = lj_ir_round(ir, x);
  LLVMValueRef large = above(ir, x, 8);
  LLVMValueRef product = recurrence_product(ir, x, rounded);
  LLVMValueRef l = log_of(ir, choose(ir, large, x, product));

  LLVMValueRef z = sub(ir, x, rounded);
  LLVMValueRef near_2 = mul(ir, z, horner(ir, z, POLYNOMIAL(lgamma_table)));
  LLVMValueRef lacks = less(ir, rounded, number(ir, x, 1.5));
  LLVMValueRef small = add(ir, near_2, choose(ir, lacks, lj_ir_fneg(ir, l), l));

  LLVMValueRef inverse = divide(ir, one, x);
  LLVMValueRef v = mul(ir, inverse, inverse);
  LLVMValueRef series = horner(ir, v, POLYNOMIAL(stirling_table));
  /* log(2*pi)/2 - 1/2 */
  LLVMValueRef rest = madd(ir, series, inverse, number(ir, x, 0x1.acfe390c97d69p-2));
  LLVMValueRef stirling = madd(ir, sub(ir, x, half), sub(ir, l, one), rest);
  return choose(ir, large, stirling, small);
}

static LLVMValueRef lgamma_wide(struct lj_ir *ir, LLVMValueRef x, bool brief)
{
  (void)brief;
  LLVMValueRef size = lj_ir_fabs(ir, x), infinity = number(ir, x, INFINITY);
  LLVMValueRef reflected = less(ir, x, number(ir, x, -0.5));
  LLVMValueRef core = lgamma_core(ir, choose(ir, reflected, size, x));
  LLVMValueRef t = fraction(ir, x);
  LLVMValueRef s = mul(ir, size, lj_ir_fabs(ir, sinpi(ir, t, false)));
  LLVMValueRef quotient = divide(ir, number(ir, x, PI), s);
  LLVMValueRef other = sub(ir, log_of(ir, quotient), core);
  LLVMValueRef y = choose(ir, reflected, other, core);
  /* poles: zero, the negative integers, both infinities */
  LLVMValueRef pole = lj_ir_and(ir, equals(ir, t, 0), less(ir, x, number(ir, x, 0.5)));
  pole = lj_ir_or(ir, pole, equals(ir, size, INFINITY));
  return choose(ir, lj_ir_is_nan(ir, x), x, choose(ir, pole, infinity, y));
}

static LLVMValueRef build_lgamma(struct lj_ir *ir, LLVMValueRef x)
{
  return by_way_of_f64(ir, x, lgamma_wide);
}

/* ---- digamma --------------------------------------------------------------------- */

/* 1/a + 1/(a+1) + ... + 1/(a+7) as one fraction. The first factor is a itself, not a +
 * 0, which would lose the sign of zero. */
static LLVMValueRef sum_of_inverses(struct lj_ir *ir, LLVMValueRef a)
{
  LLVMValueRef above_line = number(ir, a, 1), below = a;
  for (int j = 1; j < 8; j++) {
    LLVMValueRef d = add(ir, a, number(ir, a, j));
    above_line = madd(ir, above_line, d, below);
    below = mul(ir, below, d);
  }
  return divide(ir, above_line, below);
}

/* digamma(a) for a >= -1/2. */
static LLVMValueRef digamma_core(struct lj_ir *ir, LLVMValueRef a)
{
  LLVMValueRef zero = number(ir, a, 0), eight = number(ir, a, 8);
  LLVMValueRef small = less(ir, a, eight);
  LLVMValueRef sum = choose(ir, small, sum_of_inverses(ir, a), zero);
  LLVMValueRef x = add(ir, a, choose(ir, small, eight, zero));
  LLVMValueRef inverse = divide(ir, number(ir, a, 1), x);
  LLVMValueRef v = mul(ir, inverse, inverse);
  LLVMValueRef series = horner(ir, v, POLYNOMIAL(digamma_table));
  LLVMValueRef small_part = madd(ir, series, v, mul(ir, inverse, number(ir, a, 0.5)));
  return sub(ir, sub(ir, lj_vmath_log_positive(ir, x), small_part), sum);
}

static LLVMValueRef digamma_wide(struct lj_ir *ir, LLVMValueRef x, bool brief)
{
  (void)brief;
  LLVMValueRef nan = number(ir, x, NAN);
  LLVMValueRef reflected = less(ir, x, number(ir, x, -0.5));
  LLVMValueRef turned = sub(ir, number(ir, x, 1), x);
  LLVMValueRef core = digamma_core(ir, choose(ir, reflected, turned, x));
  LLVMValueRef t = fraction(ir, x);
  LLVMValueRef cotangent = divide(ir, cospi(ir, t), sinpi(ir, t, false));
  LLVMValueRef other = madd(ir, cotangent, number(ir, x, -PI), core);
  other = choose(ir, equals(ir, t, 0), nan, other);
  LLVMValueRef y = choose(ir, reflected, other, core);
  return choose(ir, equals(ir, x, INFINITY), x, choose(ir, lj_ir_is_nan(ir, x), x, y));
}

static LLVMValueRef build_digamma(struct lj_ir *ir, LLVMValueRef x)
{
  return by_way_of_f64(ir, x, digamma_wide);
}

/* ---- trigamma -------------------------------------------------------------------- */

/* The sum of 1/(a+j)^2 for j from 1 to count - 1 as one fraction. */
static LLVMValueRef sum_of_inverse_squares(struct lj_ir *ir, LLVMValueRef a, int count)
{
  LLVMValueRef d = add(ir, a, number(ir, a, 1));
  LLVMValueRef above_line = number(ir, a, 1), below = mul(ir, d, d);
  for (int j = 2; j < count; j++) {
    d = add(ir, a, number(ir, a, j));
    LLVMValueRef square = mul(ir, d, d);
    above_line = madd(ir, above_line, square, below);
    below = mul(ir, below, square);
  }
  return divide(ir, above_line, below);
}

/* trigamma(a) for a >= -1/2. The first term alone can overflow. */
static LLVMValueRef trigamma_core(struct lj_ir *ir, LLVMValueRef a, bool brief)
{
  int count = brief ? 4 : 8;
  LLVMValueRef zero = number(ir, a, 0), one = number(ir, a, 1);
  LLVMValueRef shift = number(ir, a, count);
  LLVMValueRef small = less(ir, a, shift);
  LLVMValueRef first = divide(ir, one, a);
  LLVMValueRef sum = madd(ir, first, first, sum_of_inverse_squares(ir, a, count));
  sum = choose(ir, small, sum, zero);
  LLVMValueRef x = add(ir, a, choose(ir, small, shift, zero));
  LLVMValueRef inverse = divide(ir, one, x);
  LLVMValueRef v = mul(ir, inverse, inverse);
  struct polynomial table =
      brief ? POLYNOMIAL(trigamma_brief) : POLYNOMIAL(trigamma_f64);
  LLVMValueRef series = mul(ir, horner(ir, v, table), inverse);
  LLVMValueRef rest = madd(ir, add(ir, series, number(ir, a, 0.5)), v, inverse);
  return add(ir, sum, rest);
}

static LLVMValueRef trigamma_wide(struct lj_ir *ir, LLVMValueRef x, bool brief)
{
  LLVMValueRef reflected = less(ir, x, number(ir, x, -0.5));
  LLVMValueRef turned = sub(ir, number(ir, x, 1), x);
  LLVMValueRef core = trigamma_core(ir, choose(ir, reflected, turned, x), brief);
  LLVMValueRef s = sinpi(ir, fraction(ir, x), brief);
  LLVMValueRef quotient = divide(ir, number(ir, x, PI), s);
  LLVMValueRef other = sub(ir, mul(ir, quotient, quotient), core);
  LLVMValueRef y = choose(ir, reflected, other, core);
  LLVMValueRef infinite = equals(ir, x, -INFINITY); /* counts as one more pole */
  return choose(ir, infinite, number(ir, x, INFINITY), y);
}

static LLVMValueRef build_trigamma(struct lj_ir *ir, LLVMValueRef x)
{
  return by_way_of_f64(ir, x, trigamma_wide);
}

EXACTLY(lgamma)
EXACTLY(digamma)
EXACTLY(trigamma)
