/*
 * The small steps of the parser: looking at tokens, panic and recovery, nodes and their
 * height, brackets and the lists in them. parse.h says what each is for.
 */
#include "compiler/parse.h"

#include <string.h>

/* Chains such as a + b + c are loops in the parser but deep trees, walked by recursion
 * in later stages with small frames: they may be higher than brackets may nest. */
enum { HEIGHT_PER_DEPTH = 4 };

/* ---- tokens ---------------------------------------------------------------------- */

const struct lj_token *lj_peek(const struct lj_parser *p, uint32_t ahead)
{
  uint32_t last = p->token_count - 1;
  return &p->tokens[ahead < last - p->at ? p->at + ahead : last];
}

const struct lj_token *lj_advance(struct lj_parser *p)
{
  const struct lj_token *token = lj_peek(p, 0);
  if (p->at < p->token_count - 1)
    p->at++;
  return token;
}

struct lj_span lj_previous_span(const struct lj_parser *p)
{
  return p->tokens[p->at == 0 ? 0 : p->at - 1].span;
}

bool lj_at(const struct lj_parser *p, uint16_t symbol)
{
  const struct lj_token *token = lj_peek(p, 0);
  return token->kind == LJ_T_SYMBOL && token->symbol == symbol && symbol != 0;
}

bool lj_at_word(const struct lj_parser *p, const char *word)
{
  const struct lj_token *token = lj_peek(p, 0);
  return token->kind == LJ_T_NAME && strcmp(token->name, word) == 0;
}

bool lj_accept(struct lj_parser *p, uint16_t symbol)
{
  if (!lj_at(p, symbol))
    return false;
  lj_advance(p);
  return true;
}

bool lj_is_reserved(const char *name)
{
  static const char *const words[] = {"def", "True", "False", "None",   "and",
                                      "or",  "not",  "in",    "is",     "if",
                                      "for", "else", "while", "lambda", "return"};
  for (size_t i = 0; i < LJ_COUNT(words); i++)
    if (strcmp(name, words[i]) == 0)
      return true;
  return false;
}

char *lj_span_text(const struct lj_parser *p, struct lj_span span)
{
  return lj_copy_text(p->arena, p->source->text + span.begin, span.end - span.begin);
}

bool lj_is_quotable(struct lj_span span)
{
  return span.end - span.begin <= 200;
}

const char *lj_token_words(struct lj_parser *p, const struct lj_token *token)
{
  size_t length = token->span.end - token->span.begin;
  if (token->kind == LJ_T_END)
    return "the end of the text";
  return lj_format(p->arena, "'%.*s%s'", (int)(length < 40 ? length : 40),
                   p->source->text + token->span.begin, length < 40 ? "" : "...");
}

/* ---- panic and recovery ---------------------------------------------------------- */

bool lj_panic(struct lj_parser *p)
{
  const struct lj_token *token = lj_peek(p, 0);
  bool is_news = !p->panic && !(token->kind == LJ_T_SYMBOL && token->symbol == 0);
  p->panic = true;
  return is_news;
}

void lj_calm(struct lj_parser *p)
{
  p->panic = p->stopped;
}

bool lj_may_look_ahead(const struct lj_parser *p)
{
  return p->diags->error_count < p->diags->capacity_limit;
}

void lj_recover(struct lj_parser *p)
{
  uint32_t depth = 0;
  while (lj_peek(p, 0)->kind != LJ_T_END && !lj_at(p, ';')) {
    bool opens = lj_at(p, '(') || lj_at(p, '[') || lj_at(p, '{');
    bool closes = lj_at(p, ')') || lj_at(p, ']') || lj_at(p, '}');
    if (depth == 0 && (closes || lj_at(p, ',')))
      return;
    depth = depth + opens - closes;
    lj_advance(p);
  }
}

static void stop(struct lj_parser *p)
{
  p->at = p->token_count - 1;
  p->stopped = p->panic = true;
}

void lj_mistake_depth(struct lj_parser *p, struct lj_span span, uint32_t limit)
{
  struct lj_report *report;
  struct lj_span nowhere = {0, 0, 0};
  if (p->stopped)
    return;
  report = lj_report(p->diags, LJ_D_TOO_DEEP, span,
                     lj_format(p->arena, "%u", (unsigned)limit));
  lj_note(p->diags, report, nowhere,
          "each bracket and each operator of a chain counts one level");
  lj_fix(p->diags, report, span, NULL, "bind parts of the expression to names");
  stop(p);
}

bool lj_enter(struct lj_parser *p)
{
  if (p->depth >= p->depth_limit) {
    lj_mistake_depth(p, lj_peek(p, 0)->span, p->depth_limit);
    return false;
  }
  p->depth++;
  return true;
}

void lj_leave(struct lj_parser *p)
{
  p->depth--;
}

/* ---- nodes ----------------------------------------------------------------------- */

struct lj_syntax *lj_new_node(struct lj_parser *p, enum lj_syntax_kind kind,
                              struct lj_span span)
{
  struct lj_syntax *node = LJ_NEW(p->arena, struct lj_syntax);
  node->kind = (uint8_t)kind;
  node->span = node->name_span = span;
  node->height = 1;
  return node;
}

struct lj_syntax *lj_error_node(struct lj_parser *p, struct lj_span span)
{
  return lj_new_node(p, LJ_S_ERROR, span);
}

void lj_add_item(struct lj_parser *p, struct lj_items *list, struct lj_syntax *item)
{
  LJ_GROW(p->arena, list->items, list->count, list->capacity);
  list->items[list->count++] = item;
}

/* Take over the list; an error node if the tree has become too high. */
struct lj_syntax *lj_with_children(struct lj_parser *p, struct lj_syntax *node,
                                   const struct lj_items *list)
{
  uint32_t height = 0, limit = HEIGHT_PER_DEPTH * p->depth_limit;
  node->children = list->items;
  node->child_count = list->count;
  for (uint32_t i = 0; i < list->count; i++)
    if (list->items[i] != NULL && list->items[i]->height > height)
      height = list->items[i]->height;
  if (height >= limit) {
    lj_mistake_depth(p, node->name_span, limit);
    return lj_error_node(p, node->span);
  }
  node->height = (uint16_t)(height + 1);
  return node;
}

/* ---- brackets and lists ---------------------------------------------------------- */

static uint32_t *open_count(struct lj_parser *p, uint16_t symbol)
{
  return symbol == ')' || symbol == '(' ? &p->open_round : &p->open_square;
}

struct lj_span lj_open(struct lj_parser *p)
{
  const struct lj_token *bracket = lj_advance(p);
  ++*open_count(p, bracket->symbol);
  return bracket->span;
}

/* A closing bracket of the wrong kind is passed over if the right one is still to
 * come. */
static void skip_stray_bracket(struct lj_parser *p, char close)
{
  uint16_t other = close == ')' ? ']' : ')';
  uint32_t begin = p->at;
  bool is_stray;
  if (p->panic || !lj_at(p, other) || *open_count(p, other) > 0 ||
      !lj_may_look_ahead(p))
    return;
  do {
    lj_advance(p);
    lj_recover(p);
  } while (lj_at(p, ','));
  is_stray = lj_at(p, (uint16_t)close);
  p->at = begin;
  if (!is_stray)
    return;
  lj_mistake_unopened(p);
  lj_advance(p);
}

bool lj_more(struct lj_parser *p, char close)
{
  char expected[16] = "',' or '?'";
  skip_stray_bracket(p, close);
  if (!p->panic) {
    if (lj_accept(p, ','))
      return !lj_at(p, (uint16_t)close);
    if (lj_at(p, ')') || lj_at(p, ']') || lj_at(p, '}') || lj_at(p, ';') ||
        lj_peek(p, 0)->kind == LJ_T_END)
      return false;
    *strchr(expected, '?') = close;
    lj_mistake_after(p, expected);
  }
  lj_recover(p);
  if (!lj_accept(p, ','))
    return false;
  lj_calm(p);
  return !lj_at(p, (uint16_t)close);
}

/* A wrong closing bracket is taken for the right one unless it closes one further
 * out. */
void lj_close(struct lj_parser *p, struct lj_span open, char close)
{
  uint16_t other = close == ')' ? ']' : ')';
  --*open_count(p, (uint16_t)close);
  if (p->panic) {
    do
      lj_recover(p);
    while (lj_accept(p, ','));
  }
  if (lj_accept(p, (uint16_t)close)) {
    lj_calm(p);
    return;
  }
  lj_mistake_unclosed(p, open, close);
  if (lj_at(p, other) && *open_count(p, other) == 0)
    lj_advance(p);
  if (lj_at(p, ')') || lj_at(p, ']') || lj_at(p, ','))
    lj_calm(p);
}
