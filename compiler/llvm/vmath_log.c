/*
 * log, log1p, log2, log10, xlogy, and log(1 + e) for e in [0, 1].
 *
 * x = 2^n * (1 + f) with 1 + f around 1, taken from the bits of x; log(x) = n*ln(2) +
 * log(1 + f). In f32 log(1 + f) is a polynomial in f. In f64 that would be of degree
 * 22, so there s = f/(2 + f) and log(1 + f) = 2*atanh(s) is a short series in s^2 (the
 * way of fdlibm's e_log.c): one division for 13 multiplications. Either form gives
 * log(1 + f) as f plus a smaller part, which is what keeps the last step accurate.
 */
#include "compiler/llvm/coefficients/log.h"
#include "compiler/llvm/vmath_parts.h"

#include <math.h>

/* ---- taking x apart -------------------------------------------------------------- */

/* An exponent field as a number. Without AVX-512 x86 has no conversion from vectors of
 * i64; there the integer is made the low bits of 2^52, which is subtracted again. */
static LLVMValueRef exponent_number(struct lj_ir *ir, LLVMValueRef exponent,
                                    LLVMTypeRef type)
{
  bool wide = lj_ir_is_f64(type);
  bool is_vector = LLVMGetTypeKind(type) == LLVMVectorTypeKind;
  bool converts =
      !wide || !is_vector || ir->target->has_avx512 || !ir->target->is_x86_64;
  if (converts) {
    LLVMValueRef as_float = LLVMBuildSIToFP(ir->builder, exponent, type, "");
    return mul(ir, as_float, lj_ir_number(ir, type, wide ? 0x1p-52 : 0x1p-23));
  }
  LLVMTypeRef bits = LLVMTypeOf(exponent);
  LLVMValueRef positive = lj_ir_integer(ir, bits, INT64_C(1024) << 52);
  LLVMValueRef low = lj_ir_lshr(ir, lj_ir_add(ir, exponent, positive), 52);
  LLVMValueRef large = lj_ir_integer(ir, bits, 0x4330000000000000);
  LLVMValueRef sum = lj_ir_from_bits(ir, lj_ir_or(ir, low, large), type);
  return sub(ir, sum, lj_ir_number(ir, type, 0x1p52 + 1024));
}

/* Of a positive normal x; of anything else nonsense, which the caller replaces. */
static struct lj_vmath_parts take_apart(struct lj_ir *ir, LLVMValueRef x)
{
  struct lj_vmath_parts of;
  bool wide = is_f64(x);
  LLVMValueRef bits = lj_ir_bits(ir, x);
  LLVMTypeRef type = LLVMTypeOf(bits);
  LLVMValueRef lowest = lj_ir_integer(ir, type, wide ? 0x3fe6a09e667f3bcd : 0x3f2aaaab);
  LLVMValueRef field = lj_ir_integer(ir, type, wide ? -0x10000000000000 : -0x800000);
  of.exponent = lj_ir_and(ir, lj_ir_sub(ir, bits, lowest), field);
  of.m = lj_ir_from_bits(ir, lj_ir_sub(ir, bits, of.exponent), LLVMTypeOf(x));
  of.n = exponent_number(ir, of.exponent, LLVMTypeOf(x));
  return of;
}

struct lj_vmath_parts lj_vmath_take_apart(struct lj_ir *ir, LLVMValueRef x,
                                          bool may_be_subnormal)
{
  if (!may_be_subnormal)
    return take_apart(ir, x);
  LLVMValueRef tiny = less(ir, x, either(ir, x, 0x1p-126, 0x1p-1022));
  LLVMValueRef raised = mul(ir, x, either(ir, x, 0x1p24, 0x1p54));
  LLVMValueRef less_n = either(ir, x, -24, -54);
  struct lj_vmath_parts of = take_apart(ir, choose(ir, tiny, raised, x));
  of.n = add(ir, of.n, choose(ir, tiny, less_n, number(ir, x, 0)));
  return of;
}

/* ---- log(1 + f) ------------------------------------------------------------------ */

/* log(1 + f) - f; `table` is the f32 polynomial for the range of f. */
static LLVMValueRef log1p_rest(struct lj_ir *ir, LLVMValueRef f,
                               struct polynomial table)
{
  LLVMValueRef square = mul(ir, f, f);
  if (!is_f64(f)) {
    LLVMValueRef q = horner(ir, f, table);
    return mul(ir, madd(ir, q, f, number(ir, f, -0.5)), square);
  }
  LLVMValueRef s = divide(ir, f, add(ir, f, number(ir, f, 2)));
  LLVMValueRef w = mul(ir, s, s);
  LLVMValueRef q = horner(ir, w, POLYNOMIAL(log_f64));
  LLVMValueRef half_square = mul(ir, square, number(ir, f, 0.5));
  LLVMValueRef bracket = madd(ir, q, w, half_square);
  return sub(ir, mul(ir, s, bracket), half_square);
}

/* For f in the ranges of struct lj_vmath_parts. */
static LLVMValueRef log1p_less_f(struct lj_ir *ir, LLVMValueRef f)
{
  return log1p_rest(ir, f, POLYNOMIAL(log_f32));
}

/* n*ln(2) + f + rest, the small parts first. ln(2) is split so that n times the first
 * part is exact. */
static LLVMValueRef add_exponent(struct lj_ir *ir, LLVMValueRef n, LLVMValueRef f,
                                 LLVMValueRef rest)
{
  LLVMValueRef high = either(ir, n, 0x1.62e4p-1, 0x1.62e42fefa38p-1);
  LLVMValueRef low = either(ir, n, 0x1.7f7d1cp-20, 0x1.ef35793c7673p-45);
  return madd(ir, n, high, add(ir, f, madd(ir, n, low, rest)));
}

LLVMValueRef lj_vmath_log_sum(struct lj_ir *ir, LLVMValueRef n, LLVMValueRef f)
{
  return add_exponent(ir, n, f, log1p_less_f(ir, f));
}

/* ---- log ------------------------------------------------------------------------- */

/* y, and where x is not positive and finite what every logarithm has there. */
static LLVMValueRef with_special(struct lj_ir *ir, LLVMValueRef x, LLVMValueRef y)
{
  LLVMValueRef zero = number(ir, x, 0);
  LLVMValueRef at_zero = lj_ir_fcmp(ir, LLVMRealOEQ, x, zero);
  LLVMValueRef not_positive =
      choose(ir, at_zero, number(ir, x, -INFINITY), number(ir, x, NAN));
  LLVMValueRef finite = less(ir, x, number(ir, x, INFINITY));
  LLVMValueRef positive = lj_ir_fcmp(ir, LLVMRealOGT, x, zero);
  return choose(ir, positive, choose(ir, finite, y, x), not_positive);
}

static LLVMValueRef log_of_parts(struct lj_ir *ir, struct lj_vmath_parts of)
{
  LLVMValueRef f = sub(ir, of.m, number(ir, of.m, 1));
  return lj_vmath_log_sum(ir, of.n, f);
}

static LLVMValueRef build_log(struct lj_ir *ir, LLVMValueRef x)
{
  return with_special(ir, x, log_of_parts(ir, lj_vmath_take_apart(ir, x, true)));
}

static LLVMValueRef build_log_positive(struct lj_ir *ir, LLVMValueRef x)
{
  return log_of_parts(ir, take_apart(ir, x));
}

static LLVMValueRef build_xlogy(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  LLVMValueRef zero = number(ir, a, 0);
  LLVMValueRef product = mul(ir, a, build_log(ir, b));
  LLVMValueRef no_a = lj_ir_fcmp(ir, LLVMRealOEQ, a, zero);
  LLVMValueRef b_is_number = lj_ir_fcmp(ir, LLVMRealORD, b, b);
  return choose(ir, lj_ir_and(ir, no_a, b_is_number), zero, product);
}

/* ---- log2, log10 ----------------------------------------------------------------- */

/* log(1 + f) as high + low, high with so few digits that products with constants of as
 * few digits are exact (after FreeBSD's e_log2.c). */
struct split_log {
  LLVMValueRef high, low;
};

static struct split_log split_log1p(struct lj_ir *ir, LLVMValueRef f)
{
  struct split_log of;
  LLVMValueRef rest = log1p_less_f(ir, f);
  of.high = cut(ir, add(ir, f, rest), is_f64(f) ? 32 : 12);
  of.low = add(ir, sub(ir, f, of.high), rest);
  return of;
}

/* n*scale + log(1 + f)*factor, both constants given as an exact start and the rest. */
static LLVMValueRef log_to_base(struct lj_ir *ir, LLVMValueRef x,
                                LLVMValueRef factor[2], LLVMValueRef scale[2])
{
  struct lj_vmath_parts of = lj_vmath_take_apart(ir, x, true);
  LLVMValueRef f = sub(ir, of.m, number(ir, x, 1));
  struct split_log l = split_log1p(ir, f);
  LLVMValueRef high = mul(ir, l.high, factor[0]);
  LLVMValueRef low =
      madd(ir, add(ir, l.low, l.high), factor[1], mul(ir, l.low, factor[0]));
  LLVMValueRef n = of.n;
  if (scale[0]) {
    low = madd(ir, of.n, scale[1], low);
    n = mul(ir, of.n, scale[0]);
  }
  LLVMValueRef sum = add(ir, n, high);
  LLVMValueRef lost = add(ir, sub(ir, n, sum), high);
  return with_special(ir, x, add(ir, sum, add(ir, low, lost)));
}

static LLVMValueRef build_log2(struct lj_ir *ir, LLVMValueRef x)
{
  LLVMValueRef factor[] = {either(ir, x, 0x1.714p0, 0x1.715470p0),
                           either(ir, x, 0x1.47652cp-12, 0x1.94ae0bf85ddf4p-22)};
  LLVMValueRef none[2] = {NULL, NULL};
  return log_to_base(ir, x, factor, none);
}

static LLVMValueRef build_log10(struct lj_ir *ir, LLVMValueRef x)
{
  LLVMValueRef factor[] = {either(ir, x, 0x1.bcap-2, 0x1.bcb7bp-2),
                           either(ir, x, 0x1.7b1526p-14, 0x1.526e50e32a6abp-26)};
  LLVMValueRef scale[] = {either(ir, x, 0x1.344p-2, 0x1.34413509f78p-2),
                          either(ir, x, 0x1.3509f8p-18, 0x1.fef311f12b358p-46)};
  return log_to_base(ir, x, factor, scale);
}

/* ---- log1p ----------------------------------------------------------------------- */

/* u = 1 + x rounded, and what rounding lost (Knuth's two-sum), brought to the scale of
 * 1 + f: log(u + lost) = n*ln(2) + log(1 + f + lost*2^-n). For n = 0 that sum is x
 * itself. Where x is so large that 2^-n would leave the exponent's range nothing is
 * lost. */
static LLVMValueRef build_log1p(struct lj_ir *ir, LLVMValueRef x)
{
  LLVMValueRef one = number(ir, x, 1);
  LLVMValueRef u = add(ir, x, one);
  LLVMValueRef of_x = sub(ir, u, one);
  LLVMValueRef of_one = sub(ir, u, of_x);
  LLVMValueRef lost = add(ir, sub(ir, x, of_x), sub(ir, one, of_one));

  struct lj_vmath_parts of = take_apart(ir, u);
  LLVMValueRef f = sub(ir, of.m, one);
  LLVMValueRef turned = lj_ir_sub(ir, lj_ir_bits(ir, one), of.exponent);
  LLVMValueRef inverse = lj_ir_from_bits(ir, turned, LLVMTypeOf(x));
  LLVMValueRef moderate = less(ir, x, either(ir, x, 0x1p60, 0x1p120));
  f = choose(ir, moderate, madd(ir, lost, inverse, f), f);
  LLVMValueRef y = lj_vmath_log_sum(ir, of.n, f);
  return lj_ir_copysign(ir, with_special(ir, u, y), x);
}

/* A large e is halved, so that one polynomial serves both: log(1 + e) = log(2) +
 * log(1 + (e - 1)/2). In f32 that is from 1/2 on, where e - 1 is exact; in f64 from
 * sqrt(2) - 1, where the range of the f64 series ends. */
LLVMValueRef lj_vmath_log1p_unit(struct lj_ir *ir, LLVMValueRef e)
{
  LLVMValueRef zero = number(ir, e, 0), one = number(ir, e, 1);
  LLVMValueRef large = less(ir, either(ir, e, 0.5, 0.41421356237), e);
  LLVMValueRef halved = mul(ir, sub(ir, e, one), number(ir, e, 0.5));
  LLVMValueRef f = choose(ir, large, halved, e);
  LLVMValueRef n = choose(ir, large, one, zero);
  return add_exponent(ir, n, f, log1p_rest(ir, f, POLYNOMIAL(log_unit_f32)));
}

EXACTLY(log)
EXACTLY(log_positive)
EXACTLY(log2)
EXACTLY(log10)
EXACTLY(log1p)
EXACTLY2(xlogy)
