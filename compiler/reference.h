/*
 * Reference values that C's <math.h> does not have: what the rows of
 * grammar/operators.def call. All are in f64, total, and follow C99 Annex F in spirit:
 * NaN in, NaN out; limits at the infinities; no errno, no global state.
 */
#ifndef LJ_REFERENCE_H
#define LJ_REFERENCE_H

double lj_reference_mod(double a, double b); /* sign of b, as in Python */
double lj_reference_max(double a, double b); /* NaN if either is */
double lj_reference_min(double a, double b);
double lj_reference_sign(double a); /* -1, 0, 1, NaN */
double lj_reference_sigmoid(double a);
double lj_reference_softplus(double a); /* log(1 + exp(a)) */
double lj_reference_logaddexp(double a, double b);
double lj_reference_xlogy(double a, double b); /* 0 where a is 0 and b a number */
double lj_reference_norm_cdf(double a); /* the normal distribution function */
double lj_reference_log_ndtr(double a); /* its logarithm */
double lj_reference_lgamma(double a);   /* lgamma without the global signgam */
double lj_reference_digamma(double a);
double lj_reference_trigamma(double a);

#endif
