/*
 * Building syntax for the printer: forms, lists, numbers.
 *
 * Constants are written as a person would: 2/3 rather than 0.6666666666666666, pi,
 * log(2). Each form is checked to give exactly the same f64 when it is read and folded.
 */
#include "compiler/print.h"
#include "compiler/syntax.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

lj_syntax *lj_print_new(struct lj_printer *p, enum lj_syntax_kind kind,
                        const char *name)
{
  lj_syntax *made = LJ_NEW(p->arena, lj_syntax);

  made->kind = (uint8_t)kind;
  made->name = name;
  return made;
}

/* Arrays of children have room for the next power of two. */
void lj_print_add(struct lj_printer *p, lj_syntax *to, const char *keyword,
                  lj_syntax *child)
{
  uint32_t count = to->child_count, room = count ? 2 * count : 1;

  if (!(count & (count - 1))) {
    lj_syntax **children = LJ_NEW_ARRAY(p->arena, lj_syntax *, room);
    const char **keywords = LJ_NEW_ARRAY(p->arena, const char *, room);
    for (uint32_t i = 0; i < count; i++) {
      children[i] = to->children[i];
      keywords[i] = to->keywords[i];
    }
    to->children = children;
    to->keywords = keywords;
  }
  to->children[count] = child;
  to->keywords[count] = keyword;
  to->child_count++;
}

lj_syntax *lj_print_name(struct lj_printer *p, const char *name)
{
  return lj_print_new(p, LJ_S_NAME, name);
}

lj_syntax *lj_print_call(struct lj_printer *p, const char *function)
{
  return lj_print_new(p, LJ_S_CALL, function);
}

lj_syntax *lj_print_list(struct lj_printer *p)
{
  return lj_print_new(p, LJ_S_LIST, NULL);
}

lj_syntax *lj_print_binary(struct lj_printer *p, const char *op, lj_syntax *a,
                           lj_syntax *b)
{
  lj_syntax *made = lj_print_new(p, LJ_S_BINARY, op);

  lj_print_add(p, made, NULL, a);
  lj_print_add(p, made, NULL, b);
  return made;
}

lj_syntax *lj_print_unary(struct lj_printer *p, const char *op, lj_syntax *a)
{
  lj_syntax *made = lj_print_new(p, LJ_S_UNARY, op);

  lj_print_add(p, made, NULL, a);
  return made;
}

/* ---- numbers --------------------------------------------------------------------- */

lj_syntax *lj_print_integer(struct lj_printer *p, int64_t value)
{
  lj_syntax *made = lj_print_new(p, LJ_S_NUMBER, NULL);

  if (value < 0)
    return lj_print_unary(p, "negative", lj_print_integer(p, -value));
  made->is_integer = true;
  made->integer = value;
  made->number = (double)value;
  return made;
}

static lj_syntax *plain_float(struct lj_printer *p, double value)
{
  lj_syntax *made = lj_print_new(p, LJ_S_NUMBER, NULL);

  made->number = value;
  return made;
}

/* Does `value` need many digits, so that another form reads better? */
static bool is_long(double value)
{
  char digits[40];

  snprintf(digits, sizeof digits, "%.9g", value);
  return strtod(digits, NULL) != value;
}

/* p/q with a small q, if that is the same f64; NULL if there is none. */
static lj_syntax *as_fraction(struct lj_printer *p, double value)
{
  for (int64_t q = 2; q <= 1000; q++) {
    double top = round(value * (double)q);
    if (fabs(top) > 1000 || top == 0)
      continue;
    if (top / (double)q == value)
      return lj_print_binary(p, "divide", lj_print_integer(p, (int64_t)top),
                             lj_print_integer(p, q));
  }
  return NULL;
}

static bool is_taken(const struct lj_printer *p, const char *name)
{
  for (uint32_t i = 0; i < p->graph->input_count; i++)
    if (!strcmp(p->graph->inputs[i].name, name))
      return true;
  for (uint32_t i = 0; i < p->graph->parameter_count; i++)
    if (!strcmp(p->graph->parameters[i].name, name))
      return true;
  return false;
}

/* Values that have a name: pi, 2*pi, log(2), log(10), sqrt(2*pi). */
static lj_syntax *as_named(struct lj_printer *p, double value)
{
  const double pi = 3.14159265358979323846;
  lj_syntax *name = lj_print_name(p, "pi"), *call;
  lj_syntax *two_pi = lj_print_binary(p, "multiply", lj_print_integer(p, 2), name);

  if (value == log(2) || value == log(10)) {
    call = lj_print_call(p, "log");
    lj_print_add(p, call, NULL, lj_print_integer(p, value < 1 ? 2 : 10));
    return call;
  }
  if (is_taken(p, "pi"))
    return NULL;
  if (value == pi)
    return name;
  if (value == 2 * pi)
    return two_pi;
  if (value != sqrt(2 * pi))
    return NULL;
  call = lj_print_call(p, "sqrt");
  lj_print_add(p, call, NULL, two_pi);
  return call;
}

static lj_syntax *not_finite(struct lj_printer *p, double value)
{
  lj_syntax *huge = lj_print_name(p, isnan(value) ? "nan" : "inf");

  return value < 0 ? lj_print_unary(p, "negative", huge) : huge;
}

lj_syntax *lj_print_float(struct lj_printer *p, double value)
{
  lj_syntax *form = NULL;

  if (!isfinite(value))
    return not_finite(p, value);
  if (signbit(value))
    return lj_print_unary(p, "negative", lj_print_float(p, -value));
  if (is_long(value))
    form = as_named(p, value);
  if (is_long(value) && !form)
    form = as_fraction(p, value);
  return form ? form : plain_float(p, value);
}

static bool is_whole(double value)
{
  return value == trunc(value) && fabs(value) < 1e9 && !(value == 0 && signbit(value));
}

lj_syntax *lj_print_number(struct lj_printer *p, enum lj_dtype dtype,
                           enum lj_dtype context, double value)
{
  bool floating = context == LJ_F32 || context == LJ_F64;

  if (dtype == LJ_BOOL) {
    lj_syntax *truth = lj_print_new(p, LJ_S_TRUTH, NULL);
    truth->number = value != 0;
    return truth;
  }
  if (lj_dtype_is_integer(dtype) && fabs(value) < 0x1p53)
    return lj_print_integer(p, (int64_t)value);
  if (floating && is_whole(value))
    return lj_print_integer(p, (int64_t)value);
  return lj_print_float(p, value);
}

bool lj_print_settles(enum lj_dtype context, enum lj_dtype dtype)
{
  if (context == LJ_WEAK_FLOAT)
    return lj_dtype_is_float(dtype);
  return context && lj_promote(dtype, context) == context;
}

lj_syntax *lj_print_typed(struct lj_printer *p, enum lj_dtype dtype,
                          enum lj_dtype context, lj_syntax *value)
{
  bool settled =
      lj_dtype_is_weak(dtype) || dtype == LJ_BOOL || lj_print_settles(context, dtype);
  lj_syntax *call;

  if (settled)
    return value;
  call = lj_print_call(p, "cast");
  lj_print_add(p, call, NULL, value);
  lj_print_add(p, call, NULL, lj_print_name(p, lj_dtype_name(dtype)));
  return call;
}
