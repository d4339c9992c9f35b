/*
 * What the parser says about mistakes, and how it goes on after them.
 *
 * Most wrong texts are not random: they are Python, C or mathematics as people know it.
 * Each function here is called where the parser is stuck, looks at the tokens around
 * that place, and picks the row of grammar/diagnostics.def that teaches most.
 */
#include "compiler/parse.h"

#include <string.h>

/* Where a message about the current token points; at the end, behind the last token. */
static struct lj_span here(const struct lj_parser *p)
{
  struct lj_span span = lj_peek(p, 0)->span;
  if (lj_peek(p, 0)->kind == LJ_T_END && p->at > 0)
    span.begin = span.end = lj_previous_span(p).end;
  return span;
}

/* The empty place behind the previous token, where something can be inserted. */
static struct lj_span behind_previous(const struct lj_parser *p)
{
  struct lj_span span = lj_previous_span(p);
  span.begin = span.end;
  return span;
}

/* ---- what was expected ----------------------------------------------------------- */

void lj_expected(struct lj_parser *p, const char *what)
{
  if (lj_panic(p))
    lj_report(p->diags, LJ_D_EXPECTED, here(p), what, lj_token_words(p, lj_peek(p, 0)));
}

void lj_mistake_unclosed(struct lj_parser *p, struct lj_span open, char close)
{
  struct lj_span span = here(p);
  char text[2] = {close, '\0'};
  char other = close == ')' ? ']' : ')';
  uint32_t other_open = close == ')' ? p->open_square : p->open_round;
  struct lj_report *report;
  if (!lj_panic(p))
    return;
  report = lj_report(p->diags, LJ_D_UNCLOSED_BRACKET, span, text,
                     lj_token_words(p, lj_peek(p, 0)));
  lj_note(p->diags, report, open, "it would close this one");
  if (lj_at(p, (uint16_t)other) && other_open == 0)
    lj_fix(p->diags, report, span, text, "write '%s' instead of '%c'", text, other);
  else
    lj_fix(p->diags, report, behind_previous(p), text, "add '%s'", text);
}

static bool is_unopened(const struct lj_parser *p)
{
  return (lj_at(p, ')') && p->open_round == 0) ||
         (lj_at(p, ']') && p->open_square == 0) || lj_at(p, '}');
}

void lj_mistake_unopened(struct lj_parser *p)
{
  struct lj_span span = here(p);
  struct lj_report *report =
      lj_report(p->diags, LJ_D_UNOPENED_BRACKET, span, lj_span_text(p, span));
  lj_fix(p->diags, report, span, "", "remove it");
}

/* ---- words and signs of other languages ------------------------------------------ */

/* What to write instead of a construct that begins with this word. */
static const struct {
  const char *word, *instead;
} foreign_words[] = {
    {"if", "write where(condition, value, other)"},
    {"else", "write where(condition, value, other)"},
    {"?", "write where(condition, value, other)"},
    {"lambda", "define a function before the expression: def f(a) = a*a;"},
    {"for", "operators work on whole arrays; there are no loops"},
    {"while", "operators work on whole arrays; there are no loops"},
    {"in", "compare with ==, <, > and join with & and |"},
    {"is", "write == to compare"},
    {"return", "the last expression of the text is its value; write it alone"},
    {"def", "definitions stand before the expression, each ended by ';'"},
};

static bool foreign_word(struct lj_parser *p)
{
  struct lj_span span = here(p);
  for (size_t i = 0; i < LJ_COUNT(foreign_words); i++) {
    const char *word = foreign_words[i].word;
    struct lj_report *report;
    if (!lj_at_word(p, word) && !(*word == '?' && lj_at(p, '?')))
      continue;
    report = lj_report(p->diags, LJ_D_FOREIGN_SYNTAX, span, word);
    lj_fix(p->diags, report, span, NULL, "%s", foreign_words[i].instead);
    return true;
  }
  return false;
}

void lj_mistake_reserved(struct lj_parser *p)
{
  const struct lj_token *token = lj_peek(p, 0);
  struct lj_report *report =
      lj_report(p->diags, LJ_D_RESERVED_WORD, token->span, token->name);
  lj_fix(p->diags, report, token->span, lj_format(p->arena, "%s_", token->name),
         "choose another name, %s_ for example", token->name);
}

/* value if condition else other, and condition ? value : other. */
void lj_mistake_choice(struct lj_parser *p, struct lj_span word,
                       const struct lj_syntax *condition, const struct lj_syntax *value,
                       const struct lj_syntax *other)
{
  struct lj_span whole =
      lj_span_join(lj_span_join(condition->span, value->span), other->span);
  struct lj_report *report;
  const char *meant;
  if (p->panic)
    return;
  report = lj_report(p->diags, LJ_D_FOREIGN_SYNTAX, word, lj_span_text(p, word));
  if (!lj_is_quotable(whole)) {
    lj_fix(p->diags, report, word, NULL, "write where(condition, value, other)");
    return;
  }
  meant = lj_format(p->arena, "where(%s, %s, %s)", lj_span_text(p, condition->span),
                    lj_span_text(p, value->span), lj_span_text(p, other->span));
  lj_fix(p->diags, report, whole, meant, "write %s", meant);
}

/* a += b, stuck at the '='. */
static bool compound_assignment(struct lj_parser *p)
{
  struct lj_span symbol = lj_previous_span(p), span;
  struct lj_report *report;
  char sign = p->source->text[symbol.begin];
  if (!lj_at(p, '=') || p->at < 2 || symbol.end != here(p).begin ||
      strchr("+-*/", sign) == NULL)
    return false;
  span = lj_span_join(symbol, here(p));
  report = lj_report(p->diags, LJ_D_FOREIGN_OPERATOR, span, lj_span_text(p, span),
                     "with the name on both sides");
  lj_fix(p->diags, report, span, NULL, "write 'a = a %c b;'", sign);
  return true;
}

/* `lambda` used like a name, as in lambda*x. */
static bool reserved_name(struct lj_parser *p)
{
  const struct lj_token *next = lj_peek(p, 1);
  if (!lj_at_word(p, "lambda") || next->kind == LJ_T_NAME ||
      (next->kind == LJ_T_SYMBOL && next->symbol == ':'))
    return false;
  lj_mistake_reserved(p);
  return true;
}

void lj_mistake_operand(struct lj_parser *p)
{
  if (!lj_panic(p) || reserved_name(p) || foreign_word(p) || compound_assignment(p))
    return;
  if (is_unopened(p)) {
    lj_mistake_unopened(p);
    return;
  }
  lj_report(p->diags, LJ_D_EXPECTED, here(p), "an expression",
            lj_token_words(p, lj_peek(p, 0)));
}

void lj_mistake_operator(struct lj_parser *p, struct lj_span symbol, const char *words,
                         const char *replacement)
{
  struct lj_report *report;
  if (p->panic)
    return;
  report = lj_report(p->diags, LJ_D_FOREIGN_OPERATOR, symbol, lj_span_text(p, symbol),
                     lj_format(p->arena, "'%s'", words));
  lj_fix(p->diags, report, symbol, replacement, "write '%s'", words);
}

void lj_mistake_floor(struct lj_parser *p, const struct lj_syntax *left,
                      struct lj_span symbol, const struct lj_syntax *right)
{
  struct lj_span whole = lj_span_join(left->span, right->span);
  struct lj_report *report;
  const char *meant;
  if (p->panic)
    return;
  report = lj_report(p->diags, LJ_D_FOREIGN_OPERATOR, symbol, "//", "'floor(a/b)'");
  if (!lj_is_quotable(whole)) {
    lj_fix(p->diags, report, symbol, NULL, "write 'floor(a/b)'");
    return;
  }
  meant = lj_format(p->arena, "floor(%s/%s)", lj_span_text(p, left->span),
                    lj_span_text(p, right->span));
  lj_fix(p->diags, report, whole, meant, "write %s", meant);
}

/* ---- operands that follow each other --------------------------------------------- */

static bool begins_operand(const struct lj_token *token)
{
  return token->kind == LJ_T_INTEGER || token->kind == LJ_T_FLOAT ||
         (token->kind == LJ_T_NAME && !lj_is_reserved(token->name)) ||
         (token->kind == LJ_T_SYMBOL && (token->symbol == '(' || token->symbol == '~'));
}

static bool is_number(const struct lj_token *token)
{
  return token->kind == LJ_T_INTEGER || token->kind == LJ_T_FLOAT;
}

/* What to put between two operands: '*', ',' or, where both could be meant, NULL. */
static const char *missing_symbol(const struct lj_parser *p,
                                  const struct lj_token *before,
                                  const struct lj_token *after)
{
  bool in_brackets = p->open_round + p->open_square > 0;
  if (in_brackets && is_number(after))
    return is_number(before) ? "," : NULL;
  if (is_number(before) || before->span.end == after->span.begin || !in_brackets)
    return "*";
  return NULL;
}

static void missing_operator(struct lj_parser *p)
{
  const struct lj_token *before = &p->tokens[p->at - 1], *after = lj_peek(p, 0);
  const char *symbol = missing_symbol(p, before, after);
  struct lj_span gap = {before->span.end, after->span.begin, after->span.source};
  struct lj_report *report =
      lj_report(p->diags, LJ_D_MISSING_OPERATOR, here(p), lj_token_words(p, before),
                lj_token_words(p, after));
  if (symbol == NULL)
    lj_fix(p->diags, report, gap, NULL,
           "write ',' between arguments or '*' to multiply");
  else if (*symbol == '*')
    lj_fix(p->diags, report, gap, "*", "write '*' to multiply");
  else
    lj_fix(p->diags, report, gap, ", ", "write ',' between elements");
}

/* Whether the current token is the name in front of a forgotten ';': e = a  f = b; f */
static bool begins_statement(const struct lj_parser *p)
{
  const struct lj_token *second = lj_peek(p, 1);
  return p->open_round + p->open_square == 0 && second->kind == LJ_T_SYMBOL &&
         (second->symbol == '=' || second->symbol == ':');
}

/* 2 x, 2(x), (a)(b): on one line, and nothing else could be meant. */
bool lj_mistake_product(struct lj_parser *p)
{
  const struct lj_token *after = lj_peek(p, 0), *before;
  const char *symbol;
  if (p->panic || p->at == 0 || !begins_operand(after) || begins_statement(p) ||
      (after->kind == LJ_T_SYMBOL && after->symbol == '~'))
    return false;
  before = &p->tokens[p->at - 1];
  if (after->span.begin < before->span.end ||
      memchr(p->source->text + before->span.end, '\n',
             after->span.begin - before->span.end) != NULL)
    return false;
  symbol = missing_symbol(p, before, after);
  if (symbol == NULL || *symbol != '*')
    return false;
  missing_operator(p);
  return true;
}

/* mean(square(x)), axis=-1): the bracket that has no partner is further on, but one of
 * those before the comma is the one too many. */
static bool closed_too_early(struct lj_parser *p)
{
  uint32_t begin = p->at;
  struct lj_span previous = lj_previous_span(p), comma = here(p), unopened;
  struct lj_report *report;
  if (!lj_at(p, ',') || p->at == 0 || p->open_round + p->open_square > 0 ||
      !lj_may_look_ahead(p))
    return false;
  do {
    lj_advance(p);
    lj_recover(p);
  } while (lj_at(p, ','));
  unopened = here(p);
  if (!lj_at(p, ')') && !lj_at(p, ']')) {
    p->at = begin;
    return false;
  }
  report =
      lj_report(p->diags, LJ_D_UNOPENED_BRACKET, unopened, lj_span_text(p, unopened));
  lj_note(p->diags, report, comma, "all brackets are closed before this comma");
  lj_advance(p);
  if (strcmp(lj_span_text(p, previous), ")") == 0)
    lj_fix(p->diags, report, previous, "", "remove a ')' before the comma");
  return true;
}

void lj_mistake_after(struct lj_parser *p, const char *expected)
{
  if (!lj_panic(p))
    return;
  if (closed_too_early(p))
    return;
  if (p->at > 0 && begins_operand(lj_peek(p, 0)))
    missing_operator(p);
  else if (is_unopened(p))
    lj_mistake_unopened(p);
  else if (!foreign_word(p))
    lj_report(p->diags, LJ_D_EXPECTED, here(p), expected,
              lj_token_words(p, lj_peek(p, 0)));
}

/* ---- comparisons ----------------------------------------------------------------- */

static bool is_named(const struct lj_syntax *node, const char *a, const char *b)
{
  return node->kind == LJ_S_BINARY &&
         (!strcmp(node->name, a) || !strcmp(node->name, b));
}

/* a | b without parentheses of its own. */
static bool is_bare_logic(const struct lj_syntax *node)
{
  return is_named(node, "logical_and", "logical_or") &&
         node->span.begin == node->children[0]->span.begin;
}

/* The comparisons that were probably meant, each in parentheses: a < b < c as (a < b) &
 * (b < c), and a == 0 | b == 1, which reads as a == (0 | b) == 1, as (a == 0) | (b ==
 * 1). */
static const char *chain_as_meant(struct lj_parser *p,
                                  struct lj_syntax *const *operands,
                                  const struct lj_span *symbols, uint32_t count)
{
  struct lj_text text = {.arena = p->arena};
  lj_text_add(&text, "(%s", lj_span_text(p, operands[0]->span));
  for (uint32_t i = 1; i < count; i++) {
    const struct lj_syntax *next = operands[i];
    bool is_logic = is_bare_logic(next) && i + 1 < count;
    const struct lj_syntax *right = is_logic ? next->children[0] : next;
    lj_text_add(&text, " %s %s", lj_span_text(p, symbols[i - 1]),
                lj_span_text(p, right->span));
    if (i + 1 == count)
      break;
    lj_text_add(&text, ") %s (%s", is_logic ? lj_span_text(p, next->name_span) : "&",
                lj_span_text(p, is_logic ? next->children[1]->span : next->span));
  }
  lj_text_add(&text, ")");
  return text.text;
}

void lj_mistake_chain(struct lj_parser *p, struct lj_syntax *const *operands,
                      const struct lj_span *symbols, uint32_t count)
{
  struct lj_span whole = lj_span_join(operands[0]->span, operands[count - 1]->span);
  struct lj_span nowhere = {0, 0, 0};
  struct lj_report *report;
  const char *meant;
  if (!lj_panic(p))
    return;
  lj_calm(p); /* the chain has been read to its end */
  report = lj_report(p->diags, LJ_D_CHAINED_COMPARISON, symbols[1]);
  lj_note(p->diags, report, symbols[0], "the comparison before it");
  if (is_bare_logic(operands[1]))
    lj_note(p->diags, report, nowhere, "'%s' binds more tightly than comparisons",
            lj_span_text(p, operands[1]->name_span));
  if (!lj_is_quotable(whole) || count > 8) {
    lj_fix(p->diags, report, whole, NULL, "put each comparison in parentheses");
    return;
  }
  meant = chain_as_meant(p, operands, symbols, count);
  lj_fix(p->diags, report, whole, meant, "write %s", meant);
}

static bool is_bare_comparison(const struct lj_syntax *node)
{
  static const char *const names[] = {"equal",      "not_equal", "less",
                                      "less_equal", "greater",   "greater_equal"};
  if (node->kind != LJ_S_BINARY || node->span.begin != node->children[0]->span.begin)
    return false;
  for (size_t i = 0; i < LJ_COUNT(names); i++)
    if (strcmp(node->name, names[i]) == 0)
      return true;
  return false;
}

/* a && b or not a, which a replacement cannot quote. */
static bool is_foreign_logic(const struct lj_parser *p, const struct lj_syntax *node)
{
  const char *symbol = p->source->text + node->name_span.begin;
  return (is_named(node, "logical_and", "logical_or") || node->kind == LJ_S_UNARY) &&
         (node->name_span.end - node->name_span.begin > 1 || *symbol == '!');
}

static const char *logic_operand(struct lj_parser *p, const struct lj_syntax *node)
{
  const char *text = lj_span_text(p, node->span);
  return is_bare_comparison(node) ? lj_format(p->arena, "(%s)", text) : text;
}

void lj_mistake_logic(struct lj_parser *p, const struct lj_syntax *left,
                      struct lj_span symbol, const struct lj_syntax *right,
                      const char *ours)
{
  struct lj_span whole = lj_span_join(left->span, right->span);
  struct lj_report *report;
  const char *meant;
  if (p->panic)
    return;
  report = lj_report(p->diags, LJ_D_FOREIGN_OPERATOR, symbol, lj_span_text(p, symbol),
                     lj_format(p->arena, "'%s'", ours));
  if (!lj_is_quotable(whole) || is_foreign_logic(p, left) ||
      is_foreign_logic(p, right)) {
    lj_fix(p->diags, report, symbol, NULL,
           "write '%s', with comparisons in parentheses", ours);
    return;
  }
  meant = lj_format(p->arena, "%s %s %s", logic_operand(p, left), ours,
                    logic_operand(p, right));
  lj_fix(p->diags, report, whole, meant, "write %s", meant);
}
