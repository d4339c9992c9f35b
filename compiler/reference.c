/*
 * The reference values behind grammar/operators.def that <math.h> lacks.
 *
 * They are written for accuracy and plainness, not speed: the interpreter calls them,
 * the folder evaluates constants with them, and the tests hold kernels against them.
 * Where a formula loses digits on the way it is computed in long double, so that the
 * result is good to the last place of f64. Formulas for digamma and trigamma are those
 * of Abramowitz and Stegun, chapter 6.
 */
#include "compiler/reference.h"

#include <math.h>

#define PI 3.14159265358979323846264338327950288L
#define SQRT_HALF 0.707106781186547524400844362104849039L
#define LOG_SQRT_2PI 0.918938533204672741780329736405617640L

double lj_reference_mod(double a, double b)
{
  double rest = fmod(a, b);

  if (rest != 0 && (rest < 0) != (b < 0))
    return rest + b;
  return rest == 0 ? copysign(0, b) : rest;
}

double lj_reference_max(double a, double b)
{
  if (isnan(a))
    return a;
  return a > b ? a : b; /* b when b is NaN */
}

double lj_reference_min(double a, double b)
{
  if (isnan(a))
    return a;
  return a < b ? a : b;
}

double lj_reference_sign(double a)
{
  if (isnan(a))
    return a;
  return (a > 0) - (a < 0);
}

double lj_reference_sigmoid(double a)
{
  double e = exp(-fabs(a)); /* never overflows */

  return a >= 0 ? 1 / (1 + e) : e / (1 + e);
}

double lj_reference_softplus(double a)
{
  return lj_reference_max(a, 0) + log1p(exp(-fabs(a)));
}

double lj_reference_logaddexp(double a, double b)
{
  if (a == b)
    return a + log(2); /* equal infinities have no difference */
  return lj_reference_max(a, b) + log1p(exp(-fabs(a - b)));
}

double lj_reference_xlogy(double a, double b)
{
  return a == 0 && !isnan(b) ? 0 : a * log(b);
}

double lj_reference_norm_cdf(double a)
{
  return (double)(0.5L * erfcl(-a * SQRT_HALF));
}

double lj_reference_log_ndtr(double a)
{
  if (a > -1)
    return (double)log1pl(-0.5L * erfcl(a * SQRT_HALF));
  if (a > -30)
    return (double)logl(0.5L * erfcl(-a * SQRT_HALF));
  if (isnan(a) || isinf(a))
    return a;
  /* A&S 26.2.12: the tail as a series in 1/a^2; six terms leave less than 1e-14
   * here. */
  long double x = a, z = 1 / (x * x);
  long double series =
      z * (-1 + z * (3 + z * (-15 + z * (105 + z * (-945 + z * 10395)))));
  return (double)(-0.5L * x * x - logl(-x) - LOG_SQRT_2PI + log1pl(series));
}

double lj_reference_lgamma(double a)
{
  int sign;

  return lgamma_r(a, &sign);
}

/* psi(a) for a > 0: from 20 on by A&S 6.3.18, Bernoulli numbers up to B14, of which the
 * first one left out is below 1e-20 there; below by the recurrence 6.3.5. */
static long double digamma(long double a)
{
  long double below = 0;

  for (; a < 20; a += 1)
    below += 1 / a;
  long double z = 1 / (a * a);
  long double series =
      z *
      (1.0L / 12 -
       z * (1.0L / 120 -
            z * (1.0L / 252 -
                 z * (1.0L / 240 - z * (1.0L / 132 - z * (691.0L / 32760 - z / 12))))));
  return logl(a) - 0.5L / a - series - below;
}

/* How far a negative number is from the nearest integer: exact, and all that functions
 * of period 1 need to know. */
static double from_integer(double a)
{
  return a - nearbyint(a);
}

double lj_reference_digamma(double a)
{
  if (isnan(a) || a == INFINITY)
    return a;
  if (a == 0)
    return copysign(INFINITY, -a);
  if (a > 0)
    return (double)digamma(a);
  double r = from_integer(a);
  if (isnan(r) || r == 0)
    return NAN;                                           /* -inf, or a pole */
  return (double)(digamma(1.0L - a) - PI / tanl(PI * r)); /* A&S 6.3.7 */
}

/* psi'(a) for a > 0, as digamma: A&S 6.4.12 and 6.4.6. */
static long double trigamma(long double a)
{
  long double below = 0;

  for (; a < 20; a += 1)
    below += 1 / (a * a);
  long double z = 1 / (a * a);
  long double series =
      z *
      (1.0L / 6 -
       z * (1.0L / 30 -
            z * (1.0L / 42 -
                 z * (1.0L / 30 - z * (5.0L / 66 - z * (691.0L / 2730 - z * 7 / 6))))));
  return (1 + 0.5L / a + series) / a + below;
}

double lj_reference_trigamma(double a)
{
  if (isnan(a))
    return a;
  if (a > 0)
    return a == INFINITY ? 0 : (double)trigamma(a);
  double r = from_integer(a);
  if (isnan(r) || r == 0)
    return INFINITY; /* -inf, or a pole */
  long double s = sinl(PI * r);
  return (double)(PI / s * (PI / s) - trigamma(1.0L - a)); /* A&S 6.4.7 */
}
