/*
 * Draws and special values: see domain.h.
 */
#include "tests/support/domain.h"

#include <float.h>
#include <math.h>

double test_uniform(uint64_t *state, double low, double high)
{
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return low + (high - low) * (double)(*state >> 11) * 0x1p-53;
}

static double draw_sign(uint64_t *state)
{
  return test_uniform(state, -1, 1) < 0 ? -1 : 1;
}

/* The domains whose operands differ, as single ones. */
static enum lj_domain domain_of_operand(enum lj_domain domain, int operand)
{
  switch (domain) {
  case LJ_DOMAIN_BASE:
    return operand == 0 ? LJ_DOMAIN_POSITIVE : LJ_DOMAIN_REAL;
  case LJ_DOMAIN_CHOOSE:
    return operand == 0 ? LJ_DOMAIN_TRUTH : LJ_DOMAIN_REAL;
  default:
    return domain;
  }
}

double test_draw(enum lj_domain domain, int operand, uint64_t *state)
{
  static const double range[3][2] = {{-4, 4}, {-3, -1}, {1, 3}};
  static const double share[2][2] = {{1e-3, 1}, {1e-3, 8}};
  switch (domain_of_operand(domain, operand)) {
  case LJ_DOMAIN_POSITIVE:
    return test_uniform(state, 1e-3, 8);
  case LJ_DOMAIN_UNIT:
    return test_uniform(state, -1, 1);
  case LJ_DOMAIN_ABOVE_MINUS_ONE:
    return test_uniform(state, -1 + 1e-3, 8);
  case LJ_DOMAIN_NONZERO:
    return draw_sign(state) * test_uniform(state, 1e-3, 4);
  case LJ_DOMAIN_TRUTH:
    return test_uniform(state, -1, 1) < 0;
  case LJ_DOMAIN_RANGE:
    return test_uniform(state, range[operand][0], range[operand][1]);
  case LJ_DOMAIN_SHARE:
    return test_uniform(state, share[operand][0], share[operand][1]);
  default:
    return test_uniform(state, -4, 4);
  }
}

size_t test_special_count(void)
{
  return 24;
}

double test_special(enum lj_dtype dtype, size_t index)
{
  bool wide = dtype == LJ_F64;
  const double specials[] = {
      0.0,
      -0.0,
      1,
      -1,
      NAN,
      INFINITY,
      -INFINITY,
      0.5,
      -0.5,
      2,
      2.5,
      -1.5,
      -3,
      wide ? DBL_TRUE_MIN : FLT_TRUE_MIN,
      wide ? -DBL_TRUE_MIN : -FLT_TRUE_MIN,
      wide ? DBL_MIN : FLT_MIN,
      wide ? DBL_MAX : FLT_MAX,
      wide ? -DBL_MAX : -FLT_MAX,
      wide ? 709.5 : 88.5,  /* exp is just finite */
      wide ? -744.0 : -103, /* exp is the least number */
      1e-5,
      -1e-5,
      50,
      -50,
  };
  _Static_assert(LJ_COUNT(specials) == 24, "test_special_count tells their number");
  return specials[index];
}
