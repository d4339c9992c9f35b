/*
 * Operands for tests: draws from the domain that an operator's row names, and the
 * special values that no draw ever hits. Both are reproducible: the state is the
 * caller's.
 */
#ifndef TESTS_DOMAIN_H
#define TESTS_DOMAIN_H

#include "compiler/graph.h"

/* Uniform in [low, high); `state` may start as anything. */
double test_uniform(uint64_t *state, double low, double high);

/* A value for operand 0, 1 or 2 of an operator with this domain. */
double test_draw(enum lj_domain domain, int operand, uint64_t *state);

/* Zeros, ones, infinities, NaN, subnormals, the largest numbers of `dtype`, and values
 * where functions change their mind (exp's overflow, halves for rounding). */
size_t test_special_count(void);
double test_special(enum lj_dtype dtype, size_t index);

#endif
