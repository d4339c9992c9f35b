/*
 * Advice: what people write who know another library, and what it is here.
 *
 * The functions are asked where the checker refuses something anyway, or (maximum, names
 * that are hidden) where a text would pass and mean something else than it seems to.
 * The spellings themselves are in parse_foreign.c.
 */
#include "compiler/check_internal.h"
#include "compiler/parse_foreign.h"

#include <string.h>

/* ---- functions ------------------------------------------------------------------- */

static bool is_there(struct lj_checker *c, const char *name)
{
  struct lj_function function;

  return lj_find(c, name, true) || lj_function_named(name, &function);
}

bool lj_advise_function(struct lj_checker *c, struct lj_report *report,
                        const struct lj_syntax *call)
{
  const char *ours = lj_foreign(LJ_FOREIGN_FUNCTION, call->name), *text;

  if (!ours || call->span.source)
    return false;
  if (!lj_foreign_is_text(ours) && !is_there(c, ours))
    return false;
  if (lj_foreign_name(call)) {
    lj_fix(c->diags, report, call->name_span, ours, "it is called %s here", ours);
    return true;
  }
  text = lj_foreign_text(c->arena, call);
  lj_fix(c->diags, report, call->span, text, "write %s", text);
  return true;
}

/* ---- functions that are not there ------------------------------------------------ */

/* Functions people know that the language has no way to compute. Making one work is
 * adding it to a table of functions and deleting its row here. */
static const struct {
  const char *names; /* separated by spaces, with one at each end */
  const char *what, *advice;
} not_yet[] = {
    {" sort argsort top_k ", "sorting", NULL},
    {" cumsum cumprod cummax ", "a cumulative sum or product", NULL},
    {" argmax argmin ", "the position of an extreme value",
     "compare with max(x, axis=-1, keepdims=True) to mark it"},
    {" concat concatenate stack hstack vstack tile repeat ", "joining arrays",
     "compute with the parts one by one"},
    {" take take_along take_along_axis ", "picking by an array of positions",
     "gather(x, index) picks one value per remaining element"},
    {" eye identity diag diagonal trace ", "a diagonal", NULL},
    {" reshape flatten ravel ", "reshaping",
     "reductions take several axes at once: sum(x, axis=[1, 2])"},
    {" matmul einsum tensordot outer ", "a matrix product",
     "a product with a vector can be written sum(x*w, axis=-1)"},
    {" cosh ", "the hyperbolic cosine",
     "the loss log(cosh(error)) is log_cosh(y_true, y_pred); "
     "elsewhere write 0.5*(exp(x) + exp(-x))"},
    {" sinh ", "the hyperbolic sine", "write 0.5*(exp(x) - exp(-x))"},
    {" cos sin tan arccos arcsin arctan acos asin atan ", "a trigonometric function",
     NULL},
};

bool lj_refuse_known(struct lj_checker *c, const struct lj_syntax *at)
{
  const char *padded = lj_format(c->arena, " %s ", at->name);

  for (size_t i = 0; i < LJ_COUNT(not_yet); i++)
    if (strstr(not_yet[i].names, padded)) {
      lj_refuse(c, at->name_span,
                lj_format(c->arena, "%s() (%s)", at->name, not_yet[i].what),
                not_yet[i].advice);
      return true;
    }
  return false;
}

/* ---- keywords -------------------------------------------------------------------- */

static const char *source_between(struct lj_checker *c, uint32_t begin, uint32_t end)
{
  return lj_copy_text(c->arena, c->diags->sources[0].text + begin, end - begin);
}

/* The argument with the comma before or after it. */
static struct lj_span argument_span(const struct lj_syntax *call, uint32_t i)
{
  struct lj_span span = lj_span_join(call->keyword_spans[i], call->children[i]->span);

  if (i > 0)
    span.begin = call->children[i - 1]->span.end;
  else if (call->child_count > 1)
    span.end = call->keywords[1] ? call->keyword_spans[1].begin
                                 : call->children[1]->span.begin;
  return span;
}

/* f(a, b, from_logits=True) is f_from_logits(a, b) where there is such a loss. */
static bool advise_logits(struct lj_checker *c, struct lj_report *report,
                          const struct lj_syntax *call, uint32_t i)
{
  const char *name = lj_format(c->arena, "%s_from_logits", call->name);
  const struct lj_syntax *value = call->children[i];
  struct lj_span out = argument_span(call, i), named = call->name_span;

  if (!lj_find(c, name, true))
    return false;
  if (value->kind != LJ_S_TRUTH || !value->number)
    name = call->name;
  lj_fix(c->diags, report, call->span,
         lj_format(c->arena, "%s%s%s", name, source_between(c, named.end, out.begin),
                   source_between(c, out.end, call->span.end)),
         name == call->name ? "leave it out: %s() takes probabilities"
                            : "%s() takes logits",
         name);
  return true;
}

bool lj_advise_keyword(struct lj_checker *c, struct lj_report *report,
                       const struct lj_syntax *call, uint32_t argument,
                       const char *const *parameters, uint32_t count)
{
  const char *keyword = call->keywords[argument];
  const char *ours = lj_foreign(LJ_FOREIGN_KEYWORD, keyword);

  if (call->span.source)
    return false;
  if (!strcmp(keyword, "reduction")) {
    lj_fix(c->diags, report, argument_span(call, argument), "",
           "leave it out: whoever calls the loss chooses the reduction");
    return true;
  }
  if (!strcmp(keyword, "from_logits"))
    return advise_logits(c, report, call, argument);
  for (uint32_t k = 0; k < count && ours; k++)
    if (!strcmp(parameters[k], ours)) {
      lj_fix(c->diags, report, call->keyword_spans[argument], ours,
             "it is called %s here", ours);
      return true;
    }
  return false;
}

/* ---- max and maximum ------------------------------------------------------------- */

/* A second argument by position that cannot be meant as an axis: something that is not
 * a whole number, one that is out of range, or the batch. */
static bool is_operand(struct lj_checker *c, const struct lj_value *value, lj_id x)
{
  double number;
  uint32_t rank = lj_at(c, x)->rank;

  if (value->kind != LJ_V_NODE)
    return false;
  if (!lj_is_constant(c->graph, value->node, &number))
    return !lj_fact_of(c, value->node)->has_size;
  if (!lj_dtype_is_integer((enum lj_dtype)lj_at(c, value->node)->dtype) ||
      number < -(double)rank || number >= rank)
    return true;
  return lj_batch_axes(c, x) & 1 && (number == 0 || number == -(double)rank);
}

bool lj_confuses_maximum(struct lj_checker *c, const struct lj_syntax *at,
                         const struct lj_value *arguments, lj_id x)
{
  bool is_max = !strcmp(at->name, "max");
  struct lj_report *report;
  const char *meant;

  if (c->trusted || at->span.source || (!is_max && strcmp(at->name, "min") != 0) ||
      at->child_count < 2 || at->child_count > 3 || at->keywords[0] ||
      at->keywords[1] || !is_operand(c, &arguments[1], x))
    return false;
  meant =
      lj_format(c->arena, "%s(%s, %s)", is_max ? "maximum" : "minimum",
                lj_source_text(c, at->children[0]), lj_source_text(c, at->children[1]));
  if (at->child_count == 3 && !at->keywords[2])
    meant = lj_format(c->arena, "%s(%s, %s)", is_max ? "maximum" : "minimum", meant,
                      lj_source_text(c, at->children[2]));
  report = lj_report(c->diags, LJ_D_BAD_ARGUMENT, lj_place(c, at->children[1]->span),
                     at->name,
                     "the second argument is an axis, not a value to compare with");
  lj_fix(c->diags, report, at->span, meant, "write %s", meant);
  return true;
}

/* ---- names that are hidden ------------------------------------------------------- */

static bool is_call_of(const struct lj_syntax *value, const char *name)
{
  return value && value->kind == LJ_S_CALL && !strcmp(value->name, name);
}

void lj_warn_shadowing(struct lj_checker *c, const struct lj_statement *statement)
{
  bool defines = statement->kind == LJ_STATEMENT_DEFINE;
  const char *name = statement->name;
  const struct lj_scope *earlier;
  struct lj_function function;

  if (c->trusted || c->frame || statement->span.source)
    return;
  if (lj_function_named(name, &function) &&
      (defines || !is_call_of(statement->value, name)))
    lj_report(c->diags, LJ_D_SHADOWED, statement->name_span, name,
              "a built-in function");
  earlier = defines ? lj_find(c, name, true) : NULL;
  if (!earlier || earlier->span.source)
    return; /* one's own in place of the prelude's is what definitions are for */
  lj_note(c->diags,
          lj_report(c->diags, LJ_D_SHADOWED, statement->name_span, name,
                    "a definition before it"),
          earlier->span, "it was defined here");
}
