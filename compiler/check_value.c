/*
 * Expressions: from syntax to values.
 *
 * lj_eval goes down the tree once; what a name stands for was evaluated where it was
 * bound, so sharing in the text is sharing in the graph. Nesting and work are counted
 * here, for the whole text with everything it expands.
 */
#include "compiler/check_internal.h"
#include "compiler/parse_foreign.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

void lj_stand_at(struct lj_checker *c, const struct lj_syntax *at)
{
  if (!c->trusted)
    c->graph->here = lj_place(c, at->span);
}

/* ---- names ----------------------------------------------------------------------- */

static bool is_function(struct lj_checker *c, const char *name)
{
  struct lj_function function;

  return lj_find(c, name, true) || lj_function_named(name, &function);
}

static bool named_constant(struct lj_checker *c, const char *name, lj_id *node)
{
  static const struct {
    const char *name;
    double value;
  } constants[] = {{"pi", 3.14159265358979323846}, {"inf", INFINITY}, {"nan", NAN}};

  for (size_t i = 0; i < LJ_COUNT(constants); i++)
    if (!strcmp(constants[i].name, name)) {
      *node = lj_number(c->graph, constants[i].value);
      return true;
    }
  return false;
}

/* Everything a name could have been, for the advice. */
static const char *nearest_value(struct lj_checker *c, const char *name)
{
  static const char *const always[] = {"y_pred", "y_true", "pi", "inf", "nan", "batch"};
  size_t count = LJ_COUNT(always), at = 0;
  const char **names;

  for (const struct lj_scope *s = c->scope; s; s = s->next)
    count += !s->definition;
  if (c->request)
    count += c->request->input_count + c->request->parameter_count;
  names = LJ_NEW_ARRAY(c->arena, const char *, count);
  for (size_t i = 0; i < LJ_COUNT(always); i++)
    names[at++] = always[i];
  for (const struct lj_scope *s = c->scope; s; s = s->next)
    if (!s->definition)
      names[at++] = s->name;
  for (uint32_t i = 0; c->request && i < c->request->input_count; i++)
    names[at++] = c->request->inputs[i].name;
  for (uint32_t i = 0; c->request && i < c->request->parameter_count; i++)
    names[at++] = c->request->parameter_names[i];
  return lj_nearest(name, names, at);
}

static struct lj_value unknown_name(struct lj_checker *c, const struct lj_syntax *at)
{
  struct lj_report *report;
  const char *near;

  if (is_function(c, at->name)) {
    report = lj_report(c->diags, LJ_D_NOT_A_VALUE, lj_place(c, at->span), at->name);
    lj_fix(c->diags, report, lj_place(c, at->span), NULL, "call it: %s(...)", at->name);
    return lj_error_value;
  }
  report = lj_report(c->diags, LJ_D_UNKNOWN_NAME, lj_place(c, at->span), at->name);
  if (c->diags->error_count > LJ_ADVICE_LIMIT)
    return lj_error_value;
  near = lj_foreign(LJ_FOREIGN_VALUE, at->name);
  if (near && !at->span.source) {
    lj_fix(c->diags, report, at->span, near, "it is called %s here", near);
    return lj_error_value;
  }
  near = nearest_value(c, at->name);
  if (near)
    lj_fix(c->diags, report, lj_place(c, at->span), near, "did you mean '%s'?", near);
  else
    lj_fix(c->diags, report, lj_place(c, at->span), NULL,
           "declare it before its use: %s: f32[batch]; or %s: f32 = 1.0;", at->name,
           at->name);
  lj_trace(c, report, at->span);
  return lj_error_value;
}

static struct lj_value eval_name(struct lj_checker *c, const struct lj_syntax *at)
{
  struct lj_scope *found = lj_find(c, at->name, false);
  struct lj_value value;
  lj_id node;

  if (found) {
    found->used = true;
    value = found->value;
    /* Messages show the name, not what it stands for; but the prelude's names stand for
     * what the user passed. */
    if (!at->span.source || !value.syntax || value.syntax->span.source)
      value.syntax = at;
    return value;
  }
  if (!c->trusted && lj_outer_name(c, at->name, at, &value))
    return value;
  if (named_constant(c, at->name, &node))
    return lj_node_value(node, at);
  return unknown_name(c, at);
}

/* ---- values as what is needed ---------------------------------------------------- */

static struct lj_span span_of(const struct lj_value *value)
{
  return value->syntax ? value->syntax->span : (struct lj_span){0, 0, 0};
}

lj_id lj_as_node(struct lj_checker *c, const struct lj_value *value, const char *what)
{
  if (value->kind == LJ_V_NODE)
    return value->node;
  if (value->kind == LJ_V_TRUTH)
    return lj_truth(c->graph, value->truth);
  if (value->kind == LJ_V_LIST && value->count)
    return lj_list_node(c, value);
  if (value->kind == LJ_V_ERROR)
    return 0;
  lj_trace(c,
           lj_report(c->diags, LJ_D_TYPE_MISMATCH, lj_place(c, span_of(value)), what,
                     "a number or an array", lj_value_text(c, value)),
           span_of(value));
  return 0;
}

static bool not_constant(struct lj_checker *c, const struct lj_value *value,
                         const char *what)
{
  if (value->kind != LJ_V_ERROR)
    lj_trace(c,
             lj_report(c->diags, LJ_D_NOT_CONSTANT, lj_place(c, span_of(value)), what),
             span_of(value));
  return false;
}

bool lj_as_integer(struct lj_checker *c, const struct lj_value *value, const char *what,
                   int64_t *integer)
{
  struct lj_size size;

  if (!lj_as_size(c, value, what, &size))
    return false;
  *integer = size.offset;
  if (lj_size_is_number(size))
    return true;
  lj_trace(c,
           lj_report(c->diags, LJ_D_UNKNOWN_SIZE, lj_place(c, span_of(value)),
                     lj_size_text(c, size)),
           span_of(value));
  return false;
}

bool lj_as_size(struct lj_checker *c, const struct lj_value *value, const char *what,
                struct lj_size *size)
{
  double number;

  if (value->kind != LJ_V_NODE)
    return not_constant(c, value, what);
  if (lj_is_constant(c->graph, value->node, &number) && number == floor(number) &&
      fabs(number) < 0x1p31) {
    *size = lj_size_number((int64_t)number);
    return lj_dtype_is_integer((enum lj_dtype)lj_at(c, value->node)->dtype) ||
           not_constant(c, value, what);
  }
  if (!lj_fact_of(c, value->node)->has_size)
    return not_constant(c, value, what);
  *size = lj_fact_of(c, value->node)->size;
  return true;
}

/* ---- operators ------------------------------------------------------------------- */

/* "where()" or "'&'": how the text writes the operator at `at`. */
static const char *operator_text(struct lj_checker *c, enum lj_op op,
                                 const struct lj_syntax *at)
{
  struct lj_span span = at->name_span;

  if (at->kind == LJ_S_CALL || span.source || c->trusted || span.begin >= span.end)
    return lj_format(c->arena, "%s()", lj_op_table[op].name);
  return lj_format(c->arena, "'%.*s'", (int)(span.end - span.begin),
                   c->diags->sources[0].text + span.begin);
}

static bool refuse_number(struct lj_checker *c, enum lj_op op,
                          const struct lj_value *value, const struct lj_syntax *at)
{
  struct lj_span span = value->syntax ? value->syntax->span : at->span;
  struct lj_report *report =
      lj_report(c->diags, LJ_D_NOT_BOOLEAN, lj_place(c, span), operator_text(c, op, at),
                lj_value_text(c, value));
  const char *text = value->syntax ? lj_primary_text(c, value->syntax) : NULL;

  if (text)
    lj_fix(c->diags, report, span, lj_format(c->arena, "(%s != 0)", text),
           "compare it with 0");
  lj_trace(c, report, span);
  return false;
}

static bool is_truth(struct lj_checker *c, const struct lj_value *value)
{
  return lj_at(c, value->node)->dtype == LJ_BOOL;
}

/* As in NumPy, truth values can be added and multiplied but have no sign. */
static bool refuse_truth(struct lj_checker *c, enum lj_op op,
                         const struct lj_value *value, const struct lj_syntax *at)
{
  struct lj_span span = value->syntax ? value->syntax->span : at->span;
  struct lj_report *report =
      lj_report(c->diags, LJ_D_TYPE_MISMATCH, lj_place(c, span),
                operator_text(c, op, at), "numbers", "true or false values");
  const char *text = value->syntax ? lj_primary_text(c, value->syntax) : NULL;

  if (text)
    lj_fix(c->diags, report, span,
           lj_format(c->arena, *text == '(' ? "cast%s" : "cast(%s)", text),
           "make them numbers");
  lj_trace(c, report, span);
  return false;
}

static bool types_fit(struct lj_checker *c, enum lj_op op,
                      const struct lj_value *operands, const struct lj_syntax *at)
{
  uint32_t arity = lj_op_table[op].arity;
  uint32_t truths = 0;

  if (lj_op_table[op].type == LJ_TYPE_LOGICAL)
    truths = arity;
  if (lj_op_table[op].type == LJ_TYPE_CHOICE)
    truths = 1;
  for (uint32_t i = 0; i < truths; i++)
    if (!is_truth(c, &operands[i]))
      return refuse_number(c, op, &operands[i], at);
  if (op == LJ_OP_NEGATIVE && is_truth(c, &operands[0]))
    return refuse_truth(c, op, &operands[0], at);
  if (op == LJ_OP_SUBTRACT && is_truth(c, &operands[0]) && is_truth(c, &operands[1]))
    return refuse_truth(c, op, &operands[0], at);
  return true;
}

static bool is_counting(struct lj_checker *c, lj_id id)
{
  while (lj_at(c, id)->op == LJ_OP_VIEW)
    id = lj_at(c, id)->operand[0];
  return lj_at(c, id)->op == LJ_OP_IOTA;
}

/* y_true[:, None] == arange(n): an undeclared y_true turns out to be a label. */
static bool learns_label(struct lj_checker *c, enum lj_op op,
                         const struct lj_value *operands)
{
  if (lj_op_table[op].type != LJ_TYPE_COMPARE || c->learned.label || !c->label_input)
    return false;
  for (int i = 0; i < 2; i++)
    if (is_counting(c, operands[i].node) && lj_fact_of(c, operands[1 - i].node)->label)
      return c->learned.label = c->learning = true;
  return false;
}

/* Integers that meet a floating operator become the text's float type. The graph would
 * make them f32, which is the same unless the text computes in f64. */
static void make_float(struct lj_checker *c, enum lj_op op, lj_id *operand,
                       uint32_t count)
{
  enum lj_dtype meet = LJ_BOOL;

  if (lj_op_table[op].type != LJ_TYPE_FLOAT || c->float_dtype == LJ_F32)
    return;
  for (uint32_t i = 0; i < count; i++)
    meet = lj_promote(meet, (enum lj_dtype)lj_at(c, operand[i])->dtype);
  if (lj_dtype_is_float(meet) || meet == LJ_WEAK_INT)
    return;
  for (uint32_t i = 0; i < count; i++)
    operand[i] = lj_cast(c->graph, c->float_dtype, operand[i]);
}

struct lj_value lj_operate(struct lj_checker *c, enum lj_op op,
                           const struct lj_value *operands, const struct lj_syntax *at)
{
  uint32_t arity = lj_op_table[op].arity;
  struct lj_value values[3] = {{0}};
  lj_id node[3] = {0};

  for (uint32_t i = 0; i < arity; i++) {
    if (operands[i].kind == LJ_V_ERROR)
      return lj_error_value;
    values[i] = operands[i];
    values[i].node = node[i] = lj_as_node(c, &operands[i], operator_text(c, op, at));
    values[i].kind = LJ_V_NODE;
    if (!node[i])
      return lj_error_value;
  }
  if (!types_fit(c, op, values, at) || learns_label(c, op, values))
    return lj_error_value;
  if (!lj_broadcasts(c, values, arity, at))
    return lj_error_value;
  lj_stand_at(c, at);
  make_float(c, op, node, arity);
  return lj_node_value(
      lj_batch_first(c, lj_apply(c->graph, op, node[0], node[1], node[2]), at), at);
}

static struct lj_value eval_operator(struct lj_checker *c, const struct lj_syntax *at)
{
  enum lj_op op = lj_op_named(at->name);
  struct lj_value operands[2] = {{0}, {0}};

  for (uint32_t i = 0; i < at->child_count; i++)
    operands[i] = lj_eval(c, at->children[i]);
  if (op != LJ_OP_NONE && lj_op_table[op].arity == at->child_count)
    return lj_operate(c, op, operands, at);
  if (at->kind == LJ_S_UNARY)
    return operands[0]; /* +x */
  lj_refuse(c, at->name_span, "the matrix product '@'",
            "a product with a vector can be written sum(x*w, axis=-1)");
  return lj_error_value;
}

/* ---- the evaluator --------------------------------------------------------------- */

static struct lj_value eval_number(struct lj_checker *c, const struct lj_syntax *at)
{
  lj_stand_at(c, at);
  return lj_node_value(at->is_integer ? lj_integer(c->graph, at->integer)
                                      : lj_number(c->graph, at->number),
                       at);
}

static struct lj_value eval_kind(struct lj_checker *c, const struct lj_syntax *at)
{
  switch ((enum lj_syntax_kind)at->kind) {
  case LJ_S_NUMBER:
    return eval_number(c, at);
  case LJ_S_NAME:
    return eval_name(c, at);
  case LJ_S_TRUTH:
    return (struct lj_value){
        .kind = LJ_V_TRUTH, .truth = at->number != 0, .syntax = at};
  case LJ_S_NONE:
    return (struct lj_value){.kind = LJ_V_NONE, .syntax = at};
  case LJ_S_UNARY:
  case LJ_S_BINARY:
    return eval_operator(c, at);
  case LJ_S_CALL:
    return lj_call(c, at);
  case LJ_S_INDEX:
    return lj_index(c, at);
  case LJ_S_LIST:
    return lj_eval_list(c, at);
  case LJ_S_SLICE:
  case LJ_S_ELLIPSIS:
  case LJ_S_ERROR:
    break; /* the parser has reported what is wrong */
  }
  return lj_error_value;
}

/* Is there room for more work, nesting and nodes? Said once; then everything is an
 * error. */
static bool has_room(struct lj_checker *c, const struct lj_syntax *at)
{
  struct lj_span place = lj_place(c, at->span);
  uint32_t limit = c->graph->node_limit;
  /* Nodes that one step makes at most, so that the graph's own limit is not reached. */
  uint32_t reserve = limit / 4 < 4 * LJ_STACK_LIMIT ? limit / 4 : 4 * LJ_STACK_LIMIT;

  if (c->exhausted)
    return false;
  if (c->depth > c->depth_limit)
    lj_report(c->diags, LJ_D_TOO_DEEP, place, lj_integer_text(c, c->depth_limit));
  else if (++c->steps > c->step_limit)
    lj_report(c->diags, LJ_D_TOO_LARGE, place, "the text expands to too much",
              lj_format(c->arena, "%" PRIu64 " steps", c->step_limit));
  else if (!c->trusted && c->graph->node_count > limit - reserve)
    lj_report(c->diags, LJ_D_TOO_LARGE, place, "the expression needs too many nodes",
              lj_integer_text(c, limit));
  else
    return true;
  c->exhausted = true;
  return false;
}

struct lj_value lj_eval(struct lj_checker *c, const struct lj_syntax *syntax)
{
  struct lj_value value = lj_error_value;

  c->depth++;
  if (has_room(c, syntax))
    value = eval_kind(c, syntax);
  c->depth--;
  return value;
}
