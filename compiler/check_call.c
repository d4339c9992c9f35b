/*
 * Calls: which function a name means, which argument goes to which parameter, and the
 * expansion of definitions in place.
 *
 * A definition sees its parameters and what stood before it, nothing of its caller. It
 * is evaluated anew for each call; equal calls give equal nodes, so nothing is computed
 * twice.
 */
#include "compiler/check_internal.h"

#include <string.h>

/* ---- which function -------------------------------------------------------------- */

static struct lj_value call_operator(struct lj_checker *c,
                                     const struct lj_function *function,
                                     const struct lj_value *arguments,
                                     const struct lj_syntax *at)
{
  return lj_operate(c, (enum lj_op)function->op, arguments, at);
}

static void name_parameters(enum lj_op op, struct lj_function *function)
{
  static const char *const usual[] = {"x", "y"};
  static const char *const choice[] = {"condition", "x", "y"};
  static const char *const clip[] = {"x", "a_min", "a_max"};
  const char *const *names = op == LJ_OP_WHERE  ? choice
                             : op == LJ_OP_CLIP ? clip
                                                : usual;

  for (uint32_t i = 0; i < lj_op_table[op].arity; i++)
    function->parameters[i] = names[i];
}

bool lj_function_named(const char *name, struct lj_function *function)
{
  enum lj_op op;

  for (size_t i = 0; i < lj_axis_function_count; i++)
    if (!strcmp(lj_axis_functions[i].name, name)) {
      *function = lj_axis_functions[i];
      return true;
    }
  for (size_t i = 0; i < lj_other_function_count; i++)
    if (!strcmp(lj_other_functions[i].name, name)) {
      *function = lj_other_functions[i];
      return true;
    }
  op = lj_op_named(name);
  if (!lj_op_is_elementwise(op))
    return false;
  *function = (struct lj_function){.name = lj_op_table[op].name,
                                   .call = call_operator,
                                   .required = lj_op_table[op].arity,
                                   .op = (uint8_t)op};
  name_parameters(op, function);
  return true;
}

const char *const *lj_function_names(struct lj_checker *c, size_t *count)
{
  size_t most = lj_axis_function_count + lj_other_function_count + LJ_OP_COUNT, at = 0;
  const char **names;

  for (const struct lj_scope *s = c->scope; s; s = s->next)
    most += s->definition != NULL;
  names = LJ_NEW_ARRAY(c->arena, const char *, most);
  for (size_t i = 0; i < lj_axis_function_count; i++)
    names[at++] = lj_axis_functions[i].name;
  for (size_t i = 0; i < lj_other_function_count; i++)
    names[at++] = lj_other_functions[i].name;
  for (int op = LJ_OP_FIRST_ELEMENTWISE; op < LJ_OP_FIRST_ROW; op++)
    names[at++] = lj_op_table[op].name;
  for (const struct lj_scope *s = c->scope; s; s = s->next)
    if (s->definition)
      names[at++] = s->name;
  *count = at;
  return names;
}

/* ---- arguments to parameters ----------------------------------------------------- */

struct signature {
  const char *name;
  const char *const *parameters;
  uint32_t count;
  uint32_t as_written; /* bits */
};

static bool report_call(struct lj_checker *c, struct lj_report *report,
                        struct lj_span span)
{
  lj_trace(c, report, span);
  return false;
}

/* "one argument (x)", "at most 3 arguments (x, axis, keepdims)" */
static const char *parameters_text(struct lj_checker *c, const struct signature *to)
{
  struct lj_text text = {.arena = c->arena};

  if (to->count == 0)
    return "no arguments";
  lj_text_add(&text, to->count == 1 ? "one argument (" : "at most %u arguments (",
              to->count);
  for (uint32_t k = 0; k < to->count; k++)
    lj_text_add(&text, "%s%s", k ? ", " : "", to->parameters[k]);
  lj_text_add(&text, ")");
  return text.text;
}

static bool too_many(struct lj_checker *c, const struct signature *to,
                     const struct lj_syntax *at, uint32_t first)
{
  struct lj_span span =
      lj_span_join(at->children[first]->span, at->children[at->child_count - 1]->span);
  struct lj_report *report =
      lj_report(c->diags, LJ_D_TOO_MANY_ARGUMENTS, lj_place(c, span), to->name,
                parameters_text(c, to), lj_integer_text(c, at->child_count));
  bool of_error = !strcmp(to->name, "square") || !strcmp(to->name, "abs");

  if (of_error && at->child_count == 2 && !span.source)
    lj_fix(c->diags, report, at->span,
           lj_format(c->arena, "%s(%s - %s)", to->name,
                     lj_source_text(c, at->children[0]),
                     lj_primary_text(c, at->children[1])),
           "%s() of the difference", to->name);
  return report_call(c, report, span);
}

static bool unknown_keyword(struct lj_checker *c, const struct signature *to,
                            const struct lj_syntax *at, uint32_t i)
{
  struct lj_span span = at->keyword_spans[i];
  struct lj_report *report = lj_report(c->diags, LJ_D_UNKNOWN_KEYWORD,
                                       lj_place(c, span), to->name, at->keywords[i]);
  const char *near;

  if (lj_advise_keyword(c, report, at, i, to->parameters, to->count))
    return report_call(c, report, span);
  near = lj_nearest(at->keywords[i], to->parameters, to->count);
  if (near && !span.source)
    lj_fix(c->diags, report, span, near, "did you mean '%s'?", near);
  return report_call(c, report, span);
}

/* The parameter that argument `i` goes to; to->count after a mistake. */
static uint32_t parameter_of(struct lj_checker *c, const struct signature *to,
                             const struct lj_syntax *at, uint32_t i)
{
  if (!at->keywords || !at->keywords[i]) {
    if (i < to->count)
      return i;
    too_many(c, to, at, i);
    return to->count;
  }
  for (uint32_t k = 0; k < to->count; k++)
    if (!strcmp(to->parameters[k], at->keywords[i]))
      return k;
  unknown_keyword(c, to, at, i);
  return to->count;
}

/* Evaluate the arguments in the order of the text. Parameters without one are
 * ABSENT. */
static bool bind_arguments(struct lj_checker *c, const struct signature *to,
                           const struct lj_syntax *at, struct lj_value *arguments)
{
  bool good = true;

  for (uint32_t k = 0; k < to->count; k++)
    arguments[k] = (struct lj_value){.kind = LJ_V_ABSENT};
  for (uint32_t i = 0; i < at->child_count; i++) {
    uint32_t k = parameter_of(c, to, at, i);
    const struct lj_syntax *child = at->children[i];
    if (k == to->count) {
      good = false;
      if (!at->keywords || !at->keywords[i])
        break; /* those after it are too many as well */
      continue;
    }
    if (arguments[k].kind != LJ_V_ABSENT) {
      good =
          report_call(c,
                      lj_report(c->diags, LJ_D_REPEATED_ARGUMENT,
                                lj_place(c, child->span), to->parameters[k], to->name),
                      child->span);
      continue;
    }
    arguments[k] = to->as_written >> k & 1
                       ? (struct lj_value){.kind = LJ_V_SYNTAX, .syntax = child}
                       : lj_eval(c, child);
    good &= arguments[k].kind != LJ_V_ERROR;
  }
  return good;
}

static bool missing(struct lj_checker *c, const struct signature *to, uint32_t k,
                    const struct lj_syntax *at)
{
  return report_call(c,
                     lj_report(c->diags, LJ_D_MISSING_ARGUMENT, lj_place(c, at->span),
                               to->name, to->parameters[k]),
                     at->span);
}

struct lj_value lj_bad_argument(struct lj_checker *c, const struct lj_syntax *at,
                                const struct lj_value *argument, const char *why)
{
  struct lj_span span =
      argument && argument->syntax ? argument->syntax->span : at->span;

  report_call(c,
              lj_report(c->diags, LJ_D_BAD_ARGUMENT, lj_place(c, span), at->name, why),
              span);
  return lj_error_value;
}

/* ---- functions of the language --------------------------------------------------- */

static struct lj_value call_function(struct lj_checker *c,
                                     const struct lj_function *function,
                                     const struct lj_syntax *at)
{
  struct lj_value arguments[LJ_MAX_PARAMETERS];
  struct signature to = {function->name, function->parameters, 0, function->as_written};
  bool reduces = function->op && lj_op_is_reduction((enum lj_op)function->op);
  bool good;

  while (to.count < LJ_MAX_PARAMETERS && function->parameters[to.count])
    to.count++;
  c->reductions_around += reduces;
  good = bind_arguments(c, &to, at, arguments);
  c->reductions_around -= reduces;
  if (!good)
    return lj_error_value;
  for (uint32_t k = 0; k < function->required; k++)
    if (arguments[k].kind == LJ_V_ABSENT) {
      missing(c, &to, k, at);
      return lj_error_value;
    }
  if (!c->trusted)
    c->graph->here = lj_place(c, at->span);
  return function->call(c, function, arguments, at);
}

/* ---- definitions ----------------------------------------------------------------- */

/* Fill in defaults, which see what stood before the definition. */
static bool fill_defaults(struct lj_checker *c, const struct lj_definition *definition,
                          const struct signature *to, const struct lj_syntax *at,
                          struct lj_value *arguments)
{
  const struct lj_statement *statement = definition->statement;
  struct lj_scope *caller = c->scope;
  bool good = true;

  c->scope = definition->scope;
  for (uint32_t k = 0; k < to->count && good; k++) {
    if (arguments[k].kind != LJ_V_ABSENT)
      continue;
    if (statement->defaults && statement->defaults[k]) {
      arguments[k] = lj_eval(c, statement->defaults[k]);
      good = arguments[k].kind != LJ_V_ERROR;
    } else {
      good = missing(c, to, k, at);
    }
  }
  c->scope = caller;
  return good;
}

static struct lj_value expand(struct lj_checker *c,
                              const struct lj_definition *definition,
                              const struct lj_value *arguments)
{
  const struct lj_statement *statement = definition->statement;
  struct lj_frame frame = {definition, c->frame};
  struct lj_scope *caller = c->scope;
  struct lj_value value;

  c->scope = definition->scope;
  for (uint32_t k = 0; k < statement->parameter_count; k++)
    lj_bind(c, statement->parameters[k], arguments[k], statement->span);
  c->frame = &frame;
  value = lj_run(c, statement->body, statement->body_count, statement->value);
  c->frame = frame.outer;
  c->scope = caller;
  return value;
}

static void anchor(struct lj_checker *c, const struct lj_statement *definition,
                   const struct lj_syntax *call)
{
  c->anchor = call->span;
  c->anchor_call = call;
  c->anchor_of = definition;
  c->anchored = true;
}

static struct lj_value call_definition(struct lj_checker *c,
                                       const struct lj_definition *definition,
                                       const struct lj_syntax *at)
{
  const struct lj_statement *statement = definition->statement;
  struct signature to = {statement->name, statement->parameters,
                         statement->parameter_count, 0};
  struct lj_value *arguments = LJ_NEW_ARRAY(c->arena, struct lj_value, to.count + 1);
  uint32_t reductions = c->reductions_around;
  bool anchors = statement->span.source && !c->anchored && !c->trusted;
  struct lj_value value = lj_error_value;

  if (c->calls >= LJ_CALL_LIMIT) {
    lj_report(c->diags, LJ_D_NESTING, lj_place(c, at->span),
              lj_integer_text(c, LJ_CALL_LIMIT));
    return lj_error_value;
  }
  c->reductions_around = 0;
  if (bind_arguments(c, &to, at, arguments)) {
    if (anchors)
      anchor(c, statement, at);
    c->calls++;
    if (fill_defaults(c, definition, &to, at, arguments))
      value = expand(c, definition, arguments);
    c->calls--;
    if (anchors)
      c->anchored = false;
  }
  c->reductions_around = reductions;
  if (value.kind == LJ_V_NODE || value.kind == LJ_V_LIST)
    value.syntax = at;
  return value;
}

/* ---- names that mean nothing here ------------------------------------------------ */

static bool is_being_expanded(struct lj_checker *c, const char *name)
{
  for (const struct lj_frame *frame = c->frame; frame; frame = frame->outer)
    if (!strcmp(frame->definition->statement->name, name))
      return true;
  return false;
}

static const struct lj_statement *defined_later(struct lj_checker *c, const char *name)
{
  for (uint32_t i = 0; c->program && i < c->program->statement_count; i++) {
    const struct lj_statement *statement = &c->program->statements[i];
    if (statement->kind == LJ_STATEMENT_DEFINE && !strcmp(statement->name, name))
      return statement;
  }
  return NULL;
}

static void unknown_function(struct lj_checker *c, const struct lj_syntax *at)
{
  struct lj_span span = at->name_span;
  struct lj_report *report =
      lj_report(c->diags, LJ_D_UNKNOWN_FUNCTION, lj_place(c, span), at->name);
  const struct lj_statement *later;
  const char *const *names, *near;
  size_t count;

  if (c->diags->error_count > LJ_ADVICE_LIMIT)
    return;
  later = defined_later(c, at->name);
  names = lj_function_names(c, &count);
  near = lj_nearest(at->name, names, count);
  if (later)
    lj_note(c->diags, report, later->name_span,
            "it is defined only here, after its use");
  else if (lj_advise_function(c, report, at))
    ;
  else if (near)
    lj_fix(c->diags, report, lj_place(c, span), span.source ? NULL : near,
           "did you mean '%s'?", near);
  lj_trace(c, report, span);
}

static void not_a_function(struct lj_checker *c, const struct lj_syntax *at)
{
  struct lj_report *report =
      lj_report(c->diags, LJ_D_NOT_A_FUNCTION, lj_place(c, at->name_span), at->name);

  lj_fix(c->diags, report, lj_place(c, at->name_span),
         at->name_span.source ? NULL : lj_format(c->arena, "%s*", at->name),
         "a product is written %s*(...)", at->name);
}

static bool names_value(struct lj_checker *c, const char *name)
{
  if (lj_find(c, name, false))
    return true;
  for (uint32_t i = 0; c->request && i < c->request->input_count; i++)
    if (!strcmp(c->request->inputs[i].name, name))
      return true;
  for (uint32_t i = 0; c->request && i < c->request->parameter_count; i++)
    if (!strcmp(c->request->parameter_names[i], name))
      return true;
  return !strcmp(name, "y_pred") || !strcmp(name, "y_true");
}

/* Nothing to call: say so, and look at the arguments for mistakes of their own. */
static struct lj_value refuse_call(struct lj_checker *c, const struct lj_syntax *at)
{
  if (is_being_expanded(c, at->name))
    lj_report(c->diags, LJ_D_RECURSIVE_DEFINITION, lj_place(c, at->name_span),
              at->name);
  else if (names_value(c, at->name))
    not_a_function(c, at);
  else if (!lj_refuse_known(c, at))
    unknown_function(c, at);
  for (uint32_t i = 0; i < at->child_count; i++)
    lj_eval(c, at->children[i]);
  return lj_error_value;
}

struct lj_value lj_call(struct lj_checker *c, const struct lj_syntax *syntax)
{
  struct lj_scope *found = lj_find(c, syntax->name, true);
  struct lj_function function;

  if (found) {
    found->used = true;
    return call_definition(c, found->definition, syntax);
  }
  if (lj_function_named(syntax->name, &function))
    return call_function(c, &function, syntax);
  return refuse_call(c, syntax);
}
