/*
 * References for the elementary functions of compiler/llvm/vmath.h, in long double
 * where the C library has the function and by textbook formulas where it has not, and
 * the distance between a result and its reference in units in the last place.
 */
#ifndef LJ_TESTS_VMATH_REFERENCE_H
#define LJ_TESTS_VMATH_REFERENCE_H

#include <stdbool.h>

typedef long double lj_reference(long double a, long double b);

/* One per function of vmath.h, under its name; unary ones ignore b. */
lj_reference lj_ref_exp, lj_ref_exp2, lj_ref_expm1, lj_ref_exp_nonpositive;
lj_reference lj_ref_log, lj_ref_log_positive, lj_ref_log2, lj_ref_log10, lj_ref_log1p;
lj_reference lj_ref_tanh, lj_ref_sigmoid, lj_ref_softplus, lj_ref_log_sigmoid;
lj_reference lj_ref_sqrt, lj_ref_rsqrt, lj_ref_pow, lj_ref_xlogy, lj_ref_logaddexp;
lj_reference lj_ref_erf, lj_ref_erfc, lj_ref_norm_cdf, lj_ref_log_ndtr;
lj_reference lj_ref_lgamma, lj_ref_digamma, lj_ref_trigamma;
lj_reference lj_ref_sin, lj_ref_cos, lj_ref_tan, lj_ref_arcsin, lj_ref_arccos;
lj_reference lj_ref_arctan, lj_ref_sinh, lj_ref_cosh;
lj_reference lj_ref_floor, lj_ref_ceil, lj_ref_round, lj_ref_trunc;

/* Distance of `result` from the exact `reference` in units in the last place of f32 or
 * f64 at the reference, or at `floor` where the reference is smaller; subnormal numbers
 * have the unit of the smallest normal one. Infinity counts as the first power of two
 * that overflows, so a result that should have been the largest finite number is one
 * unit off. INFINITY: one is NaN and the other is not, or a zero has the wrong sign. */
double lj_ulps(double result, long double reference, double floor, bool is_f64);

#endif
