/* See vmath_reference.h. */
#include "tests/support/vmath_reference.h"

#include <math.h>

#define FROM_LIBM(name, formula)                                                       \
  long double lj_ref_##name(long double a, long double b)                              \
  {                                                                                    \
    (void)b;                                                                           \
    return formula;                                                                    \
  }

#define PI 3.14159265358979323846264338327950288L
#define SQRT_HALF 0.70710678118654752440084436210484904L
#define SQRT_HALF_REST 0x1.65f626cdd52b0p-66L /* what an 80-bit SQRT_HALF lacks */

FROM_LIBM(exp, expl(a))
FROM_LIBM(exp_nonpositive, expl(a))
FROM_LIBM(exp2, exp2l(a))
FROM_LIBM(expm1, expm1l(a))
FROM_LIBM(log, logl(a))
FROM_LIBM(log_positive, logl(a))
FROM_LIBM(log2, log2l(a))
FROM_LIBM(log10, log10l(a))
FROM_LIBM(log1p, log1pl(a))
FROM_LIBM(tanh, tanhl(a))
FROM_LIBM(sigmoid, 1 / (1 + expl(-a)))
FROM_LIBM(softplus, a > 100 ? a : log1pl(expl(a)))
FROM_LIBM(log_sigmoid, a < -100 ? a : -log1pl(expl(-a)))
FROM_LIBM(sqrt, sqrtl(a))
FROM_LIBM(rsqrt, 1 / sqrtl(a))
FROM_LIBM(erf, erfl(a))
FROM_LIBM(erfc, erfcl(a))
FROM_LIBM(lgamma, lgammal(a))
FROM_LIBM(sin, sinl(a))
FROM_LIBM(cos, cosl(a))
FROM_LIBM(tan, tanl(a))
FROM_LIBM(arcsin, asinl(a))
FROM_LIBM(arccos, acosl(a))
FROM_LIBM(arctan, atanl(a))
FROM_LIBM(sinh, sinhl(a))
FROM_LIBM(cosh, coshl(a))
FROM_LIBM(floor, floorl(a))
FROM_LIBM(ceil, ceill(a))
FROM_LIBM(round, rintl(a))
FROM_LIBM(trunc, truncl(a))
FROM_LIBM(pow, powl(a, b))

long double lj_ref_xlogy(long double a, long double b)
{
  return a == 0 && !isnan(b) ? 0 : a * logl(b);
}

long double lj_ref_logaddexp(long double a, long double b)
{
  long double high = a > b ? a : b, low = a > b ? b : a;
  if (isnan(a) || isnan(b))
    return NAN;
  return a == b ? a + logl(2) : high + log1pl(expl(low - high));
}

/* ---- the normal distribution ----------------------------------------------------- */

/* erfc(-a/sqrt(2))/2. The quotient's rounding error would be multiplied by a^2, so what
 * it lost is put back to first order. */
long double lj_ref_norm_cdf(long double a, long double b)
{
  (void)b;
  long double t = -a * SQRT_HALF;
  long double lost = fmal(-a, SQRT_HALF, -t) - a * SQRT_HALF_REST;
  long double y = erfcl(t) / 2;
  if (t < 1 || y == 0 || isnan(t))
    return y;
  return y * (1 - 2 * t * lost);
}

/* In the left tail the asymptotic series, elsewhere the logarithm of the above. */
long double lj_ref_log_ndtr(long double a, long double b)
{
  if (a > -1)
    return log1pl(-lj_ref_norm_cdf(-a, b));
  if (a > -40 || isnan(a))
    return logl(lj_ref_norm_cdf(a, b));
  long double w = 1 / (a * a);
  long double series =
      w *
      (-1 + w * (3 + w * (-15 + w * (105 + w * (-945 + w * (10395 - w * 135135))))));
  return -a * a / 2 - logl(-a) - logl(2 * PI) / 2 + log1pl(series);
}

/* ---- derivatives of lgamma ------------------------------------------------------- */

/* Asymptotic series in 1/x^2 at x >= 24, reached by the recurrence. */
static long double digamma_positive(long double x)
{
  static const long double c[] = {-1.0L / 12, 1.0L / 120,    -1.0L / 252,
                                  1.0L / 240, -1.0L / 132,   691.0L / 32760,
                                  -1.0L / 12, 3617.0L / 8160};
  long double sum = 0, series = 0;
  while (x < 24) {
    sum -= 1 / x;
    x += 1;
  }
  if (isinf(x))
    return x;
  for (int i = 7; i >= 0; i--)
    series = (series + c[i]) / (x * x);
  return sum + logl(x) - 0.5L / x + series;
}

static long double trigamma_positive(long double x)
{
  static const long double c[] = {1.0L / 6,  -1.0L / 30,     1.0L / 42, -1.0L / 30,
                                  5.0L / 66, -691.0L / 2730, 7.0L / 6,  -3617.0L / 510};
  long double sum = 0, series = 0;
  while (x < 24) {
    sum += 1 / (x * x);
    x += 1;
  }
  if (isinf(x))
    return 0;
  for (int i = 7; i >= 0; i--)
    series = (series + c[i]) / (x * x);
  return sum + 1 / x + 0.5L / (x * x) + series / x;
}

/* The fraction of x in (-1/2, 1/2]: exact, which pi*x would not be. */
static long double fraction(long double x)
{
  return x - rintl(x);
}

long double lj_ref_digamma(long double a, long double b)
{
  (void)b;
  if (a == 0)
    return copysignl(INFINITY, -a);
  if (a > 0 || isnan(a))
    return digamma_positive(a);
  long double t = fraction(a);
  return t == 0 || isinf(a) ? NAN : digamma_positive(1 - a) - PI / tanl(PI * t);
}

long double lj_ref_trigamma(long double a, long double b)
{
  (void)b;
  if (a == 0)
    return INFINITY;
  if (a > 0 || isnan(a))
    return trigamma_positive(a);
  long double t = fraction(a), s = sinl(PI * t);
  return t == 0 || isinf(a) ? INFINITY : PI * PI / (s * s) - trigamma_positive(1 - a);
}

/* ---- distance -------------------------------------------------------------------- */

double lj_ulps(double result, long double reference, double floor, bool is_f64)
{
  int digits = is_f64 ? 53 : 24, highest = is_f64 ? 1024 : 128;
  int lowest = is_f64 ? -1021 : -125;
  if (isnan(result) || isnan(reference))
    return isnan(result) && isnan(reference) ? 0 : INFINITY;
  if (result == 0 && signbit(result) != (signbit(reference) != 0))
    return INFINITY;
  long double limit = ldexpl(1, highest);
  long double y = isinf(result) ? copysignl(limit, result) : result;
  if (fabsl(reference) > limit)
    reference = copysignl(limit, reference);
  long double size = fmaxl(fabsl(reference), floor);
  int exponent;
  frexpl(size, &exponent);
  if (size == 0 || exponent < lowest)
    exponent = lowest;
  if (exponent > highest)
    exponent = highest;
  return (double)ldexpl(fabsl(y - reference), digits - exponent);
}
