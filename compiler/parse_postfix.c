/*
 * The tight end of expressions: `postfix`, `subscript`, `slice`, `primary`, `call`,
 * `arguments`, `keyword` and `list` of grammar/lossjit.ebnf.
 *
 * Prefixes and methods of Python libraries (K.sum(x), x.sum()) are refused here with
 * the text to write instead, and read as what they mean, so that the mistakes behind
 * them are found as well.
 */
#include "compiler/parse.h"
#include "compiler/parse_foreign.h"

#include <string.h>

static struct lj_syntax *primary(struct lj_parser *p);

/* a:b:c behind its first part, which may be NULL. */
static struct lj_syntax *slice(struct lj_parser *p, struct lj_syntax *first,
                               struct lj_span begin)
{
  struct lj_items parts = {0};
  struct lj_syntax *node = lj_new_node(p, LJ_S_SLICE, begin);
  lj_add_item(p, &parts, first);
  for (int i = 0; i < 2; i++) {
    bool is_left_out =
        !lj_accept(p, ':') || lj_at(p, ':') || lj_at(p, ',') || lj_at(p, ']');
    lj_add_item(p, &parts, is_left_out ? NULL : lj_parse_expression(p));
  }
  node->span = node->name_span = lj_span_join(begin, lj_previous_span(p));
  return lj_with_children(p, node, &parts);
}

static struct lj_syntax *subscript(struct lj_parser *p)
{
  struct lj_span begin = lj_peek(p, 0)->span;
  struct lj_syntax *first = NULL;
  if (lj_accept(p, LJ_SYMBOL('.', '.')))
    return lj_new_node(p, LJ_S_ELLIPSIS, begin);
  if (!lj_at(p, ':'))
    first = lj_parse_expression(p);
  return lj_at(p, ':') ? slice(p, first, begin) : first;
}

static struct lj_syntax *indexed(struct lj_parser *p, struct lj_syntax *base)
{
  struct lj_items children = {0};
  struct lj_syntax *node = lj_new_node(p, LJ_S_INDEX, base->span);
  struct lj_span open = lj_open(p);
  node->name_span = open;
  lj_add_item(p, &children, base);
  do
    lj_add_item(p, &children, subscript(p));
  while (lj_more(p, ']'));
  lj_close(p, open, ']');
  node->span = lj_span_join(base->span, lj_previous_span(p));
  return lj_with_children(p, node, &children);
}

static struct lj_syntax *member(struct lj_parser *p, struct lj_syntax *base);

struct lj_syntax *lj_parse_postfix(struct lj_parser *p)
{
  struct lj_syntax *value = primary(p);
  for (;;) {
    if (lj_at(p, '[') && !p->panic)
      value = indexed(p, value);
    else if (lj_at(p, '.') && lj_peek(p, 1)->kind == LJ_T_NAME && !p->panic)
      value = member(p, value);
    else
      return value;
  }
}

/* The arguments of a call, each with its keyword or NULL. */
struct argument_list {
  struct lj_items values;
  const char **keywords;
  struct lj_span *keyword_spans;
  uint32_t keyword_capacity, span_capacity;
};

static void add_argument(struct lj_parser *p, struct argument_list *list,
                         const char *keyword, struct lj_span keyword_span,
                         struct lj_syntax *value)
{
  uint32_t i = list->values.count;
  LJ_GROW(p->arena, list->keywords, i, list->keyword_capacity);
  LJ_GROW(p->arena, list->keyword_spans, i, list->span_capacity);
  list->keywords[i] = keyword;
  list->keyword_spans[i] = keyword_span;
  lj_add_item(p, &list->values, value);
}

static bool begins_keyword(const struct lj_parser *p)
{
  const struct lj_token *first = lj_peek(p, 0), *second = lj_peek(p, 1);
  return first->kind == LJ_T_NAME && !lj_is_reserved(first->name) &&
         second->kind == LJ_T_SYMBOL && second->symbol == '=';
}

static void keyword(struct lj_parser *p, struct argument_list *list)
{
  const struct lj_token *name = lj_advance(p);
  lj_advance(p); /* the equals sign */
  add_argument(p, list, name->name, name->span, lj_parse_expression(p));
}

static void positional_after_keyword(struct lj_parser *p, struct lj_span span)
{
  struct lj_report *report;
  if (p->panic)
    return;
  report = lj_report(p->diags, LJ_D_POSITIONAL_AFTER_KEYWORD, span);
  lj_fix(p->diags, report, span, NULL,
         "name it as well, or move it before the arguments with names");
}

static void arguments(struct lj_parser *p, struct argument_list *list)
{
  bool had_keyword = false;
  do {
    struct lj_span begin = lj_peek(p, 0)->span;
    if (begins_keyword(p)) {
      keyword(p, list);
      had_keyword = true;
      continue;
    }
    add_argument(p, list, NULL, begin, lj_parse_expression(p));
    if (had_keyword)
      positional_after_keyword(p, list->values.items[list->values.count - 1]->span);
  } while (lj_more(p, ')'));
}

/* `receiver` is x in x.f(a): the first argument, or NULL. */
static struct lj_syntax *call_on(struct lj_parser *p, struct lj_syntax *receiver)
{
  const struct lj_token *name = lj_advance(p);
  struct lj_syntax *node = lj_new_node(p, LJ_S_CALL, name->span);
  struct lj_span open = lj_open(p);
  struct argument_list list = {0};
  if (receiver != NULL)
    add_argument(p, &list, NULL, receiver->span, receiver);
  if (!lj_at(p, ')'))
    arguments(p, &list);
  lj_close(p, open, ')');
  node->name = name->name;
  node->span = lj_span_join(name->span, lj_previous_span(p));
  node->keywords = list.keywords;
  node->keyword_spans = list.keyword_spans;
  return lj_with_children(p, node, &list.values);
}

static struct lj_syntax *call(struct lj_parser *p)
{
  return call_on(p, NULL);
}

/* The rest of a list behind its first element. */
static struct lj_syntax *list(struct lj_parser *p, struct lj_span open, char close,
                              struct lj_items *items, bool more)
{
  struct lj_syntax *node = lj_new_node(p, LJ_S_LIST, open);
  while (more) {
    lj_add_item(p, items, lj_parse_expression(p));
    more = lj_more(p, close);
  }
  lj_close(p, open, close);
  node->span = lj_span_join(open, lj_previous_span(p));
  return lj_with_children(p, node, items);
}

/* "(" , expression , ")" or the second form of `list`. */
static struct lj_syntax *parenthesis(struct lj_parser *p)
{
  struct lj_span open = lj_open(p);
  struct lj_syntax *first = lj_parse_expression(p);
  struct lj_items items = {0};
  bool is_list = lj_at(p, ',') && !p->panic;
  bool more = lj_more(p, ')');
  if (is_list || more) {
    lj_add_item(p, &items, first);
    return list(p, open, ')', &items, more);
  }
  lj_close(p, open, ')');
  first->span = lj_span_join(open, lj_previous_span(p));
  return first;
}

static struct lj_syntax *number(struct lj_parser *p)
{
  const struct lj_token *token = lj_advance(p);
  struct lj_syntax *node = lj_new_node(p, LJ_S_NUMBER, token->span);
  node->number = token->number;
  node->integer = token->integer;
  node->is_integer = token->kind == LJ_T_INTEGER;
  return node;
}

/* NAME, call, or one of the words that are values. */
static struct lj_syntax *named(struct lj_parser *p)
{
  const struct lj_token *token = lj_peek(p, 0);
  bool is_true = lj_at_word(p, "True");
  struct lj_syntax *node;
  if (!lj_is_reserved(token->name)) {
    if (lj_peek(p, 1)->kind == LJ_T_SYMBOL && lj_peek(p, 1)->symbol == '(')
      return call(p);
    node = lj_new_node(p, LJ_S_NAME, token->span);
    node->name = token->name;
  } else if (is_true || lj_at_word(p, "False")) {
    node = lj_new_node(p, LJ_S_TRUTH, token->span);
    node->number = is_true;
  } else if (lj_at_word(p, "None")) {
    node = lj_new_node(p, LJ_S_NONE, token->span);
  } else {
    lj_mistake_operand(p);
    return lj_error_node(p, token->span);
  }
  lj_advance(p);
  return node;
}

/* Behind a prefix the name may be another library's as well: the replacement is what
 * works here. */
static void fix_prefix(struct lj_parser *p, struct lj_report *report,
                       struct lj_span prefix, const struct lj_syntax *node)
{
  struct lj_span named = prefix;
  const char *ours = lj_foreign_name(node);
  named.end = node->span.begin + (uint32_t)(node->name ? strlen(node->name) : 0);
  if (ours)
    lj_fix(p->diags, report, named, ours, "write %s", ours);
  else if (lj_foreign_changes(node) && !p->panic && lj_is_quotable(node->span))
    lj_fix(p->diags, report, lj_span_join(prefix, node->span),
           lj_foreign_text(p->arena, node), "write %s",
           lj_foreign_text(p->arena, node));
  else
    lj_fix(p->diags, report, prefix, "", "write %s without it",
           node->name ? lj_format(p->arena, "'%.40s'", node->name) : "it");
}

/* K.sum(x): step over the prefix, however long, and read on at the bare name. */
static struct lj_syntax *prefixed(struct lj_parser *p, const struct lj_syntax *base)
{
  struct lj_syntax *node;
  struct lj_span prefix;
  struct lj_report *report;
  lj_advance(p);
  while (lj_peek(p, 1)->symbol == '.' && lj_peek(p, 2)->kind == LJ_T_NAME) {
    lj_advance(p);
    lj_advance(p);
  }
  prefix = lj_span_join(base->span, lj_previous_span(p));
  report = lj_report(p->diags, LJ_D_FOREIGN_PREFIX, prefix,
                     lj_is_quotable(prefix) ? lj_span_text(p, prefix) : "the prefix");
  node = named(p);
  fix_prefix(p, report, prefix, node);
  return node;
}

/* x.sum(axis=1), read as the call `node`, whose arguments begin behind `open`. */
static void fix_method(struct lj_parser *p, struct lj_report *report,
                       const struct lj_syntax *node, struct lj_span open)
{
  struct lj_span inner = {open.end, node->span.end, open.source};
  const char *ours = lj_foreign_name(node);
  if (p->panic || !lj_is_quotable(node->span) || node->kind == LJ_S_ERROR)
    return;
  if (!ours && lj_foreign_changes(node)) {
    lj_fix(p->diags, report, node->span, lj_foreign_text(p->arena, node), "write %s",
           lj_foreign_text(p->arena, node));
    return;
  }
  ours = ours ? ours : node->name;
  lj_fix(p->diags, report, node->span,
         lj_format(p->arena, "%s(%s%s%s", ours,
                   lj_span_text(p, node->children[0]->span),
                   inner.end - inner.begin > 1 ? ", " : "", lj_span_text(p, inner)),
         "write %s(x, ...)", ours);
}

/* x.sum(axis=1) is read as sum(x, axis=1). */
static struct lj_syntax *method(struct lj_parser *p, struct lj_syntax *base)
{
  struct lj_span dot = lj_advance(p)->span, open;
  const struct lj_token *name = lj_peek(p, 0);
  struct lj_span span = lj_span_join(dot, name->span);
  struct lj_report *report =
      lj_report(p->diags, LJ_D_FOREIGN_PREFIX, span,
                lj_is_quotable(span) ? lj_span_text(p, span) : "the method");
  struct lj_syntax *node;
  if (lj_peek(p, 1)->symbol != '(') {
    lj_fix(p->diags, report, span, NULL, "write %s(x)",
           strcmp(name->name, "T") == 0 ? "transpose" : name->name);
    lj_advance(p);
    return lj_error_node(p, lj_span_join(base->span, span));
  }
  open = lj_peek(p, 1)->span;
  node = call_on(p, base);
  node->span = lj_span_join(base->span, node->span);
  fix_method(p, report, node, open);
  return node;
}

static struct lj_syntax *member(struct lj_parser *p, struct lj_syntax *base)
{
  static const char *const prefixes[] = {
      "K",  "backend", "keras", "ops",        "tf",     "math",
      "nn", "np",      "jnp",   "numpy",      "jax",    "torch",
      "F",  "optax",   "scipy", "functional", "losses", "metrics"};
  if (base->kind == LJ_S_NAME)
    for (size_t i = 0; i < LJ_COUNT(prefixes); i++)
      if (strcmp(base->name, prefixes[i]) == 0)
        return prefixed(p, base);
  return method(p, base);
}

/* |x|: is there a second bar, before anything that ends the operand? */
static bool bars_close(const struct lj_parser *p)
{
  enum { FARTHEST = 200 };
  int depth = 0;
  for (uint32_t ahead = 1; ahead < FARTHEST; ahead++) {
    const struct lj_token *token = lj_peek(p, ahead);
    if (token->kind == LJ_T_END)
      return false;
    if (token->kind != LJ_T_SYMBOL)
      continue;
    if (depth == 0 && token->symbol == '|')
      return ahead > 1;
    depth += token->symbol == '(' || token->symbol == '[';
    depth -= token->symbol == ')' || token->symbol == ']';
    if (depth < 0 || token->symbol == ';' || (depth == 0 && token->symbol == ','))
      return false;
  }
  return false;
}

/* The bars of mathematics are refused with abs(x), and read as that. */
static struct lj_syntax *absolute(struct lj_parser *p)
{
  struct lj_span first = lj_advance(p)->span, whole;
  struct lj_syntax *node = lj_new_node(p, LJ_S_CALL, first), *inner;
  struct lj_items items = {0};
  struct lj_report *report;
  uint32_t outer = p->bars;
  p->bars = 1 + p->open_round + p->open_square;
  inner = lj_parse_expression(p);
  p->bars = outer;
  if (p->panic || !lj_accept(p, '|'))
    return inner;
  whole = lj_span_join(first, lj_previous_span(p));
  report = lj_report(p->diags, LJ_D_FOREIGN_OPERATOR, whole, "|x|", "abs(x)");
  if (lj_is_quotable(whole))
    lj_fix(p->diags, report, whole,
           lj_format(p->arena, "abs(%s)", lj_span_text(p, inner->span)),
           "write abs(%s)", lj_span_text(p, inner->span));
  node->name = "abs";
  node->span = whole;
  node->keywords = LJ_NEW(p->arena, const char *);
  node->keyword_spans = LJ_NEW(p->arena, struct lj_span);
  lj_add_item(p, &items, inner);
  return lj_with_children(p, node, &items);
}

static struct lj_syntax *primary(struct lj_parser *p)
{
  const struct lj_token *token = lj_peek(p, 0);
  struct lj_items items = {0};
  if (token->kind == LJ_T_INTEGER || token->kind == LJ_T_FLOAT)
    return number(p);
  if (token->kind == LJ_T_NAME)
    return named(p);
  if (lj_at(p, '('))
    return parenthesis(p);
  if (lj_at(p, '[')) {
    struct lj_span open = lj_open(p);
    return list(p, open, ']', &items, !lj_at(p, ']'));
  }
  if (lj_at(p, '|') && !p->panic && lj_may_look_ahead(p) && bars_close(p))
    return absolute(p);
  lj_mistake_operand(p);
  return lj_error_node(p, token->span);
}
