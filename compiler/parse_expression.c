/*
 * Expressions: one function per symbol of grammar/lossjit.ebnf, from `expression` down
 * to `power`; what binds more tightly is in parse_postfix.c.
 *
 * Every recursion goes through lj_enter, and every node's height is bounded, so that
 * neither this parser nor a stage that walks the tree can run out of stack. Operators
 * of other languages (^, &&, not) are refused with ours, and read as ours.
 */
#include "compiler/parse.h"

#include <string.h>

static struct lj_syntax *operation(struct lj_parser *p, enum lj_syntax_kind kind,
                                   const char *name, struct lj_span symbol,
                                   struct lj_syntax *left, struct lj_syntax *right)
{
  struct lj_items operands = {0};
  struct lj_span first = left != NULL ? left->span : symbol;
  struct lj_syntax *node = lj_new_node(p, kind, lj_span_join(first, right->span));
  node->name = name;
  node->name_span = symbol;
  if (left != NULL)
    lj_add_item(p, &operands, left);
  lj_add_item(p, &operands, right);
  return lj_with_children(p, node, &operands);
}

/* ---- operators ------------------------------------------------------------------- */

struct operator
{
  uint16_t symbol;
  const char *name;    /* canonical, as in grammar/operators.def */
  const char *instead; /* how we write it, if the operator is not ours */
};

static const struct operator comparisons[] = {
  {LJ_SYMBOL('=', '='), "equal", NULL},
  {LJ_SYMBOL('!', '='), "not_equal", NULL},
  {LJ_SYMBOL('<', 0), "less", NULL},
  {LJ_SYMBOL('<', '='), "less_equal", NULL},
  {LJ_SYMBOL('>', 0), "greater", NULL},
  {LJ_SYMBOL('>', '='), "greater_equal", NULL}
};
static const struct operator disjunctions[] = { {'|', "logical_or", NULL} };
static const struct operator conjunctions[] = { {'&', "logical_and", NULL} };
static const struct operator sums[] = { {'+', "add", NULL}, {'-', "subtract", NULL} };
static const struct operator products[] = {
  {'*', "multiply", NULL},
  {'/', "divide", NULL},
  {'%', "mod", NULL},
  {'@', "matmul", NULL},
  {LJ_SYMBOL('/', '/'), "divide", "floor(a/b)"}
};
static const struct operator signs[] = {
  {'-', "negative", NULL},
  {'+', "positive", NULL},
  {'~', "logical_not", NULL},
  {'!', "logical_not", "~"}
};
static const struct operator powers[] = {
  {LJ_SYMBOL('*', '*'), "power", NULL},
  {'^', "power", "**"}
};

/* The operator of the table at the current token, or NULL. */
static const struct operator*
    find(const struct lj_parser *p, const struct operator* table, size_t count)
{
  if (lj_peek(p, 0)->kind != LJ_T_SYMBOL)
    return NULL;
  for (size_t i = 0; i < count; i++)
    if (lj_at(p, table[i].symbol))
      return &table[i];
  return NULL;
}

/* Step over the operator, and say so if it is another language's. */
static struct lj_span take(struct lj_parser *p, const struct operator* operator)
{
  struct lj_span symbol = lj_advance(p)->span;
  if (operator->instead != NULL)
    lj_mistake_operator(p, symbol, operator->instead,
                        strlen(operator->instead) <= 2 ? operator->instead : NULL);
  return symbol;
}

/* { operator , operand }, grouped from the left. */
static struct lj_syntax *chain(struct lj_parser *p,
                               struct lj_syntax *(*operand)(struct lj_parser *),
                               const struct operator* table, size_t count)
{
  struct lj_syntax *left = operand(p);
  const struct operator* operator;
  while ((operator= find(p, table, count)) != NULL) {
    bool is_floor = operator->symbol == LJ_SYMBOL('/', '/');
    struct lj_span symbol = is_floor ? lj_advance(p)->span : take(p, operator);
    struct lj_syntax *right = operand(p);
    if (is_floor)
      lj_mistake_floor(p, left, symbol, right);
    left = operation(p, LJ_S_BINARY, operator->name, symbol, left, right);
  }
  return left;
}

static struct lj_syntax *comparison(struct lj_parser *p);

/* a && b, a and b: not ours, but read as what they mean. */
static struct lj_syntax *foreign_logic(struct lj_parser *p, struct lj_syntax *left)
{
  for (;;) {
    bool is_and = lj_at(p, LJ_SYMBOL('&', '&')) || lj_at_word(p, "and");
    bool is_or = lj_at(p, LJ_SYMBOL('|', '|')) || lj_at_word(p, "or");
    struct lj_syntax *right;
    struct lj_span symbol;
    if (!is_and && !is_or)
      return left;
    symbol = lj_advance(p)->span;
    right = comparison(p);
    lj_mistake_logic(p, left, symbol, right, is_and ? "&" : "|");
    left = operation(p, LJ_S_BINARY, is_and ? "logical_and" : "logical_or", symbol,
                     left, right);
  }
}

/* value if condition else other, condition ? value : other: read as where(...). */
static struct lj_syntax *foreign_choice(struct lj_parser *p, struct lj_syntax *first)
{
  bool is_python = lj_at_word(p, "if");
  uint32_t begin = p->at;
  struct lj_syntax *second, *third, *node;
  struct lj_items arguments = {0};
  struct lj_span word;
  if (p->panic || (!is_python && !lj_at(p, '?')))
    return first;
  word = lj_advance(p)->span;
  second = lj_parse_expression(p);
  if (!(is_python ? lj_at_word(p, "else") : lj_at(p, ':')) || p->panic) {
    p->at = p->panic ? p->at : begin;
    return first;
  }
  lj_advance(p);
  third = lj_parse_expression(p);
  lj_mistake_choice(p, word, is_python ? second : first, is_python ? first : second,
                    third);
  node = lj_new_node(p, LJ_S_CALL, lj_span_join(first->span, third->span));
  node->name = "where";
  node->name_span = word;
  node->keywords = LJ_NEW_ARRAY(p->arena, const char *, 3);
  node->keyword_spans = LJ_NEW_ARRAY(p->arena, struct lj_span, 3);
  lj_add_item(p, &arguments, is_python ? second : first);
  lj_add_item(p, &arguments, is_python ? first : second);
  lj_add_item(p, &arguments, third);
  return lj_with_children(p, node, &arguments);
}

/* ---- the grammar ----------------------------------------------------------------- */

struct lj_syntax *lj_parse_expression(struct lj_parser *p)
{
  struct lj_syntax *value;
  if (!lj_enter(p))
    return lj_error_node(p, lj_peek(p, 0)->span);
  value = foreign_choice(p, foreign_logic(p, comparison(p)));
  lj_leave(p);
  return value;
}

static struct lj_syntax *disjunction(struct lj_parser *p);

/* The rest of a < b < c, only to be refused as a whole. */
static struct lj_syntax *refused_chain(struct lj_parser *p, struct lj_syntax *first,
                                       struct lj_span symbol, struct lj_syntax *second)
{
  struct lj_items operands = {0};
  struct lj_span *symbols = NULL;
  uint32_t count = 0, capacity = 0;
  lj_add_item(p, &operands, first);
  lj_add_item(p, &operands, second);
  LJ_GROW(p->arena, symbols, count, capacity);
  symbols[count++] = symbol;
  while (find(p, comparisons, LJ_COUNT(comparisons)) != NULL) {
    LJ_GROW(p->arena, symbols, count, capacity);
    symbols[count++] = lj_advance(p)->span;
    lj_add_item(p, &operands, disjunction(p));
  }
  lj_mistake_chain(p, operands.items, symbols, operands.count);
  return lj_error_node(
      p, lj_span_join(first->span, operands.items[operands.count - 1]->span));
}

static struct lj_syntax *comparison(struct lj_parser *p)
{
  static const struct operator assignment = { '=', "equal", NULL };
  struct lj_syntax *left = disjunction(p), *right;
  const struct operator* operator= find(p, comparisons, LJ_COUNT(comparisons));
  struct lj_span symbol;
  if (lj_at(p, '=') && !p->panic) {
    struct lj_report *report =
        lj_report(p->diags, LJ_D_ASSIGNMENT_IN_EXPRESSION, lj_peek(p, 0)->span);
    lj_fix(p->diags, report, lj_peek(p, 0)->span, "==", "write '==' to compare");
    operator= & assignment;
  }
  if (operator== NULL)
    return left;
  symbol = take(p, operator);
  right = disjunction(p);
  if (!p->panic && find(p, comparisons, LJ_COUNT(comparisons)) != NULL)
    return refused_chain(p, left, symbol, right);
  return operation(p, LJ_S_BINARY, operator->name, symbol, left, right);
}

static struct lj_syntax *conjunction(struct lj_parser *p);
static struct lj_syntax *sum(struct lj_parser *p);
static struct lj_syntax *product(struct lj_parser *p);
static struct lj_syntax *unary(struct lj_parser *p);
static struct lj_syntax *power(struct lj_parser *p);

static struct lj_syntax *disjunction(struct lj_parser *p)
{
  if (p->bars == 1 + p->open_round + p->open_square)
    return conjunction(p);
  return chain(p, conjunction, disjunctions, LJ_COUNT(disjunctions));
}

static struct lj_syntax *conjunction(struct lj_parser *p)
{
  return chain(p, sum, conjunctions, LJ_COUNT(conjunctions));
}

static struct lj_syntax *sum(struct lj_parser *p)
{
  return chain(p, product, sums, LJ_COUNT(sums));
}

static struct lj_syntax *product(struct lj_parser *p)
{
  struct lj_syntax *left = chain(p, unary, products, LJ_COUNT(products));
  while (lj_mistake_product(p))
    left = operation(p, LJ_S_BINARY, "multiply", lj_peek(p, 0)->span, left,
                     chain(p, unary, products, LJ_COUNT(products)));
  return left;
}

/* The operand on the right of a sign or a **, one level down. */
static struct lj_syntax *right_operand(struct lj_parser *p)
{
  struct lj_syntax *operand;
  if (!lj_enter(p))
    return lj_error_node(p, lj_peek(p, 0)->span);
  operand = unary(p);
  lj_leave(p);
  return operand;
}

static struct lj_syntax *unary(struct lj_parser *p)
{
  static const struct operator word_not = { 0, "logical_not", "~" };
  const struct operator* sign = find(p, signs, LJ_COUNT(signs));
  struct lj_span symbol;
  if (lj_at_word(p, "not"))
    sign = &word_not;
  if (sign == NULL)
    return power(p);
  symbol = take(p, sign);
  return operation(p, LJ_S_UNARY, sign->name, symbol, NULL, right_operand(p));
}

static struct lj_syntax *power(struct lj_parser *p)
{
  struct lj_syntax *base = lj_parse_postfix(p);
  const struct operator* operator= find(p, powers, LJ_COUNT(powers));
  struct lj_span symbol;
  if (operator== NULL)
    return base;
  symbol = take(p, operator);
  return operation(p, LJ_S_BINARY, operator->name, symbol, base, right_operand(p));
}
