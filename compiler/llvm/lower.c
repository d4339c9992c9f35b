/*
 * Lowering: one small function per operator row, from operands to LLVM values.
 *
 * Operands have been converted to one dtype and brought to one shape (scalar or vector);
 * the result has the operator's result type. Which function an operator takes is said by
 * the `lowering` column of grammar/operators.def. Nothing here branches or touches memory.
 */
#include "compiler/llvm/emit.h"
#include "compiler/llvm/vmath.h"

struct operands {
  struct lj_ir *ir;
  enum lj_dtype dtype;
  bool is_float;
  LLVMValueRef a, b, c;
};

typedef LLVMValueRef lowering(const struct operands *o);

/* ---- arithmetic ------------------------------------------------------------------ */

#define ARITHMETIC(name, on_float, on_integer)                                          \
  static LLVMValueRef lower_##name(const struct operands *o)                            \
  {                                                                                     \
    return o->is_float ? on_float(o->ir, o->a, o->b) : on_integer(o->ir, o->a, o->b);   \
  }

static LLVMValueRef integer_max(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  return lj_ir_select(ir, lj_ir_icmp(ir, LLVMIntSGT, a, b), a, b);
}

static LLVMValueRef integer_min(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b)
{
  return lj_ir_select(ir, lj_ir_icmp(ir, LLVMIntSLT, a, b), a, b);
}

ARITHMETIC(add, lj_ir_fadd, lj_ir_add)
ARITHMETIC(sub, lj_ir_fsub, lj_ir_sub)
ARITHMETIC(mul, lj_ir_fmul, lj_ir_mul)
ARITHMETIC(max, lj_ir_maximum, integer_max)
ARITHMETIC(min, lj_ir_minimum, integer_min)

static LLVMValueRef zero_like(const struct operands *o)
{
  LLVMTypeRef type = LLVMTypeOf(o->a);

  return o->is_float ? lj_ir_number(o->ir, type, 0) : lj_ir_integer(o->ir, type, 0);
}

static LLVMValueRef lower_neg(const struct operands *o)
{
  return o->is_float ? lj_ir_fneg(o->ir, o->a) : lj_ir_sub(o->ir, zero_like(o), o->a);
}

static LLVMValueRef lower_div(const struct operands *o)
{
  return lj_ir_fdiv(o->ir, o->a, o->b);
}

/* a - floor(a/b)*b, which has the sign of b, as in Python. The quotient's rounding can
 * leave the rest one divisor too low or too high; quotients beyond the mantissa have no
 * exact rest (frem would: it is a call into libm). */
static LLVMValueRef float_mod(const struct operands *o)
{
  struct lj_ir *ir = o->ir;
  LLVMValueRef zero = lj_ir_number(ir, LLVMTypeOf(o->a), 0);
  LLVMValueRef quotient = lj_ir_floor(ir, lj_ir_fdiv(ir, o->a, o->b));
  LLVMValueRef less = lj_ir_fcmp(ir, LLVMRealOEQ, quotient, zero); /* b may be infinite */
  LLVMValueRef rest = lj_ir_select(
      ir, less, o->a, lj_ir_fma(ir, lj_ir_fneg(ir, quotient), o->b, o->a));
  LLVMValueRef positive = lj_ir_fcmp(ir, LLVMRealOGT, o->b, zero);
  LLVMValueRef low = lj_ir_select(ir, positive, lj_ir_fcmp(ir, LLVMRealOLT, rest, zero),
                                  lj_ir_fcmp(ir, LLVMRealOGT, rest, zero));

  return lj_ir_select(ir, low, lj_ir_fadd(ir, rest, o->b), rest);
}

/* The remainder moved into b's sign. A zero divisor gives 0, as in NumPy. */
static LLVMValueRef integer_mod(const struct operands *o)
{
  struct lj_ir *ir = o->ir;
  LLVMTypeRef type = LLVMTypeOf(o->a);
  LLVMValueRef zero = lj_ir_integer(ir, type, 0), one = lj_ir_integer(ir, type, 1);
  LLVMValueRef none = lj_ir_icmp(ir, LLVMIntEQ, o->b, zero);
  /* INT_MIN % -1 traps: any number modulo -1 is its remainder by 1. */
  LLVMValueRef minus = lj_ir_icmp(ir, LLVMIntEQ, o->b, lj_ir_integer(ir, type, -1));
  LLVMValueRef by = lj_ir_select(ir, lj_ir_or(ir, none, minus), one, o->b);
  LLVMValueRef rest = LLVMBuildSRem(ir->builder, o->a, by, "");
  LLVMValueRef off = lj_ir_and(ir, lj_ir_icmp(ir, LLVMIntNE, rest, zero),
                               lj_ir_icmp(ir, LLVMIntSLT, lj_ir_xor(ir, rest, by), zero));

  return lj_ir_select(ir, off, lj_ir_add(ir, rest, by), rest);
}

static LLVMValueRef lower_mod(const struct operands *o)
{
  return o->is_float ? float_mod(o) : integer_mod(o);
}

static LLVMValueRef lower_square(const struct operands *o)
{
  struct operands twice = *o;

  twice.b = o->a;
  return lower_mul(&twice);
}

static LLVMValueRef lower_abs(const struct operands *o)
{
  if (o->is_float)
    return lj_ir_fabs(o->ir, o->a);
  return integer_max(o->ir, o->a, lower_neg(o));
}

/* -1, 0 or 1; NaN and the zeros stay what they are. */
static LLVMValueRef float_sign(const struct operands *o)
{
  struct lj_ir *ir = o->ir;
  LLVMTypeRef type = LLVMTypeOf(o->a);
  LLVMValueRef one = lj_ir_copysign(ir, lj_ir_number(ir, type, 1), o->a);

  return lj_ir_select(ir, lj_ir_fcmp(ir, LLVMRealONE, o->a, lj_ir_number(ir, type, 0)), one,
                      o->a);
}

static LLVMValueRef lower_sign(const struct operands *o)
{
  LLVMTypeRef type = LLVMTypeOf(o->a);

  if (o->is_float)
    return float_sign(o);
  return integer_max(o->ir, lj_ir_integer(o->ir, type, -1),
                     integer_min(o->ir, lj_ir_integer(o->ir, type, 1), o->a));
}

static LLVMValueRef lower_clip(const struct operands *o)
{
  struct operands low = {o->ir, o->dtype, o->is_float, o->a, o->b, NULL};
  struct operands high = {o->ir, o->dtype, o->is_float, lower_max(&low), o->c, NULL};

  return lower_min(&high);
}

static LLVMValueRef lower_copy(const struct operands *o) { return o->a; }

/* ---- functions ------------------------------------------------------------------- */

#define FUNCTION(name)                                                                  \
  static LLVMValueRef lower_##name(const struct operands *o)                            \
  {                                                                                     \
    return lj_vmath_##name(o->ir, o->a);                                                \
  }
#define FUNCTION_OF_TWO(name)                                                           \
  static LLVMValueRef lower_##name(const struct operands *o)                            \
  {                                                                                     \
    return lj_vmath_##name(o->ir, o->a, o->b);                                          \
  }

FUNCTION(floor)
FUNCTION(ceil)
FUNCTION(round)
FUNCTION(sqrt)
FUNCTION(exp)
FUNCTION(exp2)
FUNCTION(expm1)
FUNCTION(log)
FUNCTION(log2)
FUNCTION(log10)
FUNCTION(log1p)
FUNCTION(tanh)
FUNCTION(sigmoid)
FUNCTION(softplus)
FUNCTION(log_sigmoid)
FUNCTION(erf)
FUNCTION(erfc)
FUNCTION(norm_cdf)
FUNCTION(log_ndtr)
FUNCTION(lgamma)
FUNCTION(digamma)
FUNCTION(trigamma)
FUNCTION_OF_TWO(pow)
FUNCTION_OF_TWO(xlogy)
FUNCTION_OF_TWO(logaddexp)

/* ---- comparisons and truth values ------------------------------------------------ */

#define COMPARISON(name, on_float, on_integer)                                          \
  static LLVMValueRef lower_##name(const struct operands *o)                            \
  {                                                                                     \
    return o->is_float ? lj_ir_fcmp(o->ir, on_float, o->a, o->b)                        \
                       : lj_ir_icmp(o->ir, on_integer, o->a, o->b);                     \
  }

COMPARISON(eq, LLVMRealOEQ, LLVMIntEQ)
COMPARISON(ne, LLVMRealUNE, LLVMIntNE)
COMPARISON(lt, LLVMRealOLT, LLVMIntSLT)
COMPARISON(le, LLVMRealOLE, LLVMIntSLE)
COMPARISON(gt, LLVMRealOGT, LLVMIntSGT)
COMPARISON(ge, LLVMRealOGE, LLVMIntSGE)

static LLVMValueRef lower_and(const struct operands *o)
{
  return lj_ir_and(o->ir, o->a, o->b);
}

static LLVMValueRef lower_or(const struct operands *o)
{
  return lj_ir_or(o->ir, o->a, o->b);
}

static LLVMValueRef lower_not(const struct operands *o) { return lj_ir_not(o->ir, o->a); }

static LLVMValueRef lower_isnan(const struct operands *o)
{
  return lj_ir_is_nan(o->ir, o->a);
}

static LLVMValueRef infinity_like(const struct operands *o)
{
  return lj_ir_number(o->ir, LLVMTypeOf(o->a), __builtin_inf());
}

static LLVMValueRef lower_isinf(const struct operands *o)
{
  return lj_ir_fcmp(o->ir, LLVMRealOEQ, lj_ir_fabs(o->ir, o->a), infinity_like(o));
}

static LLVMValueRef lower_isfinite(const struct operands *o)
{
  return lj_ir_fcmp(o->ir, LLVMRealOLT, lj_ir_fabs(o->ir, o->a), infinity_like(o));
}

static LLVMValueRef lower_where(const struct operands *o)
{
  return lj_ir_select(o->ir, o->a, o->b, o->c);
}

static LLVMValueRef lower_cast(const struct operands *o) { return o->a; }

/* ---- the table ------------------------------------------------------------------- */

static lowering *const lowerings[LJ_OP_COUNT] = {
#define OP(id, name, arity, type, reference, how, ...) [LJ_OP_##id] = lower_##how,
#include "grammar/operators.def"
};

LLVMValueRef lj_lower(struct lj_ir *ir, enum lj_op op, enum lj_dtype operand_dtype,
                      LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
  struct operands operands = {ir, operand_dtype, lj_dtype_is_float(operand_dtype), a, b, c};

  LJ_CHECK(ir->trap, lowerings[op] != NULL);
  return lowerings[op](&operands);
}
