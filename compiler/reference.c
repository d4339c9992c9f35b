/*
 * The reference values behind grammar/operators.def that <math.h> lacks.
 *
 * They are written for accuracy and plainness, not speed: the interpreter calls them,
 * the folder evaluates constants with them, and the tests hold kernels against them.
 * Formulas for digamma and trigamma are those of Abramowitz and Stegun, chapter 6.
 */
#include "compiler/reference.h"

#include <math.h>

#define PI 3.14159265358979323846
#define SQRT_HALF 0.70710678118654752440
#define LOG_SQRT_2PI 0.91893853320467274178

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

double lj_reference_log_ndtr(double a)
{
  if (a > -1)
    return log1p(-0.5 * erfc(a * SQRT_HALF));
  if (a > -30)
    return log(0.5 * erfc(-a * SQRT_HALF));
  if (isnan(a) || isinf(a))
    return a;
  /* A&S 26.2.12: the tail as a series in 1/a^2; six terms leave less than 1e-14
   * here. */
  double z = 1 / (a * a);
  double series = z * (-1 + z * (3 + z * (-15 + z * (105 + z * (-945 + z * 10395)))));
  return -0.5 * a * a - log(-a) - LOG_SQRT_2PI + log1p(series);
}

double lj_reference_lgamma(double a)
{
  int sign;

  return lgamma_r(a, &sign);
}

/* psi(a) for a >= 10 by A&S 6.3.18, Bernoulli numbers up to B14. */
static double digamma_large(double a)
{
  double z = 1 / (a * a);
  double series =
      z *
      (1.0 / 12 -
       z * (1.0 / 120 -
            z * (1.0 / 252 -
                 z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760 - z / 12))))));

  return log(a) - 0.5 / a - series;
}

double lj_reference_digamma(double a)
{
  double below = 0;

  if (isnan(a) || a == INFINITY)
    return a;
  if (a == 0)
    return copysign(INFINITY, -a);
  if (a < 0) {
    if (a == floor(a))
      return NAN; /* a pole, and -inf */
    return lj_reference_digamma(1 - a) - PI / tan(PI * (a - floor(a))); /* A&S 6.3.7 */
  }
  for (; a < 10; a += 1)
    below += 1 / a; /* A&S 6.3.5 */
  return digamma_large(a) - below;
}

/* psi'(a) for a >= 10 by A&S 6.4.12. */
static double trigamma_large(double a)
{
  double z = 1 / (a * a);
  double series =
      z *
      (1.0 / 6 -
       z * (1.0 / 30 -
            z * (1.0 / 42 -
                 z * (1.0 / 30 - z * (5.0 / 66 - z * (691.0 / 2730 - z * 7 / 6))))));

  return (1 + 0.5 / a + series) / a;
}

double lj_reference_trigamma(double a)
{
  double below = 0;

  if (isnan(a))
    return a;
  if (a == INFINITY)
    return 0;
  if (a <= 0) {
    if (a == floor(a))
      return INFINITY;
    double s = sin(PI * (a - floor(a)));
    return PI / s * (PI / s) - lj_reference_trigamma(1 - a); /* A&S 6.4.7 */
  }
  for (; a < 10; a += 1)
    below += 1 / (a * a); /* A&S 6.4.6 */
  return trigamma_large(a) + below;
}
