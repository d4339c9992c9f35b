/*
 * Words for the checker's diagnostics: places, shapes and values as text.
 *
 * A mistake inside a prelude definition was made by whoever called it: it is reported
 * at the outermost call in the user's text, with a note that shows the inner place.
 */
#include "compiler/check_internal.h"

#include <inttypes.h>

struct lj_span lj_place(const struct lj_checker *c, struct lj_span span)
{
  return span.source && c->anchored ? c->anchor : span;
}

void lj_trace(struct lj_checker *c, struct lj_report *report, struct lj_span span)
{
  if (!span.source || !c->anchored || !c->frame)
    return;
  lj_note(c->diags, report, span, "in the definition of %s",
          c->frame->definition->statement->name);
}

const char *lj_shape_text(const struct lj_checker *c, lj_id node)
{
  struct lj_text to = {.arena = c->arena};

  lj_shape_print(&to, c->graph, lj_at(c, node)->rank, lj_at(c, node)->shape);
  return to.text;
}

const char *lj_size_text(const struct lj_checker *c, struct lj_size size)
{
  struct lj_text to = {.arena = c->arena};

  lj_size_print(&to, c->graph, size);
  return to.text;
}

const char *lj_integer_text(const struct lj_checker *c, int64_t value)
{
  return lj_format(c->arena, "%" PRId64, value);
}

static const char *kind_text(enum lj_dtype dtype)
{
  if (dtype == LJ_WEAK_INT)
    return "an integer";
  if (dtype == LJ_WEAK_FLOAT)
    return "a number";
  return lj_dtype_name(dtype);
}

const char *lj_value_text(const struct lj_checker *c, const struct lj_value *value)
{
  switch ((enum lj_value_kind)value->kind) {
  case LJ_V_NONE:
    return "None";
  case LJ_V_TRUTH:
    return value->truth ? "True" : "False";
  case LJ_V_LIST:
    return value->count ? "a list" : "an empty list";
  case LJ_V_NODE:
    break;
  default:
    return "this";
  }
  enum lj_dtype dtype = (enum lj_dtype)lj_at(c, value->node)->dtype;
  if (!lj_at(c, value->node)->rank)
    return kind_text(dtype);
  return lj_format(c->arena, "%s%s%s",
                   lj_dtype_is_weak(dtype) ? "numbers" : kind_text(dtype), " of shape ",
                   lj_shape_text(c, value->node));
}

const char *lj_source_text(const struct lj_checker *c, const struct lj_syntax *syntax)
{
  struct lj_span span = syntax->span;
  const struct lj_source *source = &c->diags->sources[0];

  if (c->trusted || span.source || span.begin >= span.end || span.end > source->length)
    return NULL;
  return lj_copy_text(c->arena, source->text + span.begin, span.end - span.begin);
}

/* The span of what stands in parentheses includes them. */
static bool is_loose(const struct lj_syntax *syntax)
{
  if (syntax->kind == LJ_S_UNARY)
    return syntax->span.begin == syntax->name_span.begin;
  return syntax->kind == LJ_S_BINARY &&
         syntax->span.begin == syntax->children[0]->span.begin;
}

const char *lj_primary_text(const struct lj_checker *c, const struct lj_syntax *syntax)
{
  const char *text = lj_source_text(c, syntax);

  return text && is_loose(syntax) ? lj_format(c->arena, "(%s)", text) : text;
}

struct lj_report *lj_refuse(struct lj_checker *c, struct lj_span span, const char *what,
                            const char *advice)
{
  struct lj_report *report =
      lj_report(c->diags, LJ_D_UNSUPPORTED, lj_place(c, span), what);
  struct lj_span nowhere = {0, 0, 0};

  if (advice)
    lj_note(c->diags, report, nowhere, "%s", advice);
  lj_trace(c, report, span);
  return report;
}
