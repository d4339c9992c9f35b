/*
 * The parser's state and the steps its files share: parse.c reads statements,
 * parse_expression.c and parse_postfix.c expressions; parse_mistakes.c knows what
 * people write by mistake, parse_python.c what they paste, parse_foreign.c how other
 * libraries spell things.
 *
 * After a mistake the parser is in a panic: nothing more is reported until it has found
 * a place to go on from, a comma or closing bracket of the list it is in or the ';'
 * that ends the statement. A mistake that can be read as what was meant (^ for **) is
 * reported without panic. Reaching the depth limit stops the parser: it then sees only
 * LJ_T_END.
 */
#ifndef LJ_PARSE_H
#define LJ_PARSE_H

#include "compiler/syntax.h"

struct lj_parser {
  struct lj_arena *arena;
  struct lj_diags *diags;
  const struct lj_source *source;
  const struct lj_token *tokens;
  uint32_t token_count, at;
  uint32_t depth, depth_limit;
  uint32_t open_round, open_square; /* brackets around the current token */
  bool panic, stopped;
  uint32_t bars; /* within |x|, whose next '|' ends it: 1 + the brackets around it */
};

/* ---- tokens (parse_steps.c) ------------------------------------------------------ */

const struct lj_token *lj_peek(const struct lj_parser *p, uint32_t ahead);
const struct lj_token *lj_advance(struct lj_parser *p); /* the token stepped over */
struct lj_span lj_previous_span(const struct lj_parser *p);
bool lj_at(const struct lj_parser *p, uint16_t symbol);
bool lj_at_word(const struct lj_parser *p, const char *word);
bool lj_accept(struct lj_parser *p, uint16_t symbol);
bool lj_is_reserved(const char *name);

/* The token in words for a message, and the text of a span. */
const char *lj_token_words(struct lj_parser *p, const struct lj_token *token);
char *lj_span_text(const struct lj_parser *p, struct lj_span span);
/* Short enough to appear in a fix; longer parts would make messages as long as the
 * text. */
bool lj_is_quotable(struct lj_span span);

/* ---- panic and depth (parse_steps.c) --------------------------------------------- */

/* Begin a panic. True if the mistake at the current token is to be reported. */
bool lj_panic(struct lj_parser *p);
/* A place to go on from was found. */
void lj_calm(struct lj_parser *p);
/* Skip to a ',' or a closing bracket on this level, or ';' or the end. */
void lj_recover(struct lj_parser *p);

/* Looking for a bracket far ahead is for the mistakes that will be shown: text that is
 * nothing but mistakes would be scanned over and over. */
bool lj_may_look_ahead(const struct lj_parser *p);

/* Go down one level; false (and reported, and stopped) at the limit. */
bool lj_enter(struct lj_parser *p);
void lj_leave(struct lj_parser *p);

/* ---- nodes and lists (parse_steps.c) --------------------------------------------- */

struct lj_items {
  struct lj_syntax **items;
  uint32_t count, capacity;
};

struct lj_syntax *lj_new_node(struct lj_parser *p, enum lj_syntax_kind kind,
                              struct lj_span span);
struct lj_syntax *lj_error_node(struct lj_parser *p, struct lj_span span);
void lj_add_item(struct lj_parser *p, struct lj_items *list, struct lj_syntax *item);
/* The node with the list as its children; an error node if the tree becomes too
 * high. */
struct lj_syntax *lj_with_children(struct lj_parser *p, struct lj_syntax *node,
                                   const struct lj_items *list);

/* Step over an opening bracket; its span is for lj_close. */
struct lj_span lj_open(struct lj_parser *p);
/* After an element of a bracketed list: is there another one? */
bool lj_more(struct lj_parser *p, char close);
void lj_close(struct lj_parser *p, struct lj_span open, char close);

/* ---- mistakes (parse_mistakes.c) ------------------------------------------------- */

/* Something else stands where `what` was expected. */
void lj_expected(struct lj_parser *p, const char *what);
/* Something follows a complete expression that cannot follow it. */
void lj_mistake_after(struct lj_parser *p, const char *expected);
/* 2 x: report it and return true if it is to be read as a product. */
bool lj_mistake_product(struct lj_parser *p);
/* The closing bracket at the current token has no partner. */
void lj_mistake_unopened(struct lj_parser *p);
/* A reserved word stands where a name was expected. */
void lj_mistake_reserved(struct lj_parser *p);
/* A choice in the manner of Python or C, with `if` or `?` at `word`. */
void lj_mistake_choice(struct lj_parser *p, struct lj_span word,
                       const struct lj_syntax *condition, const struct lj_syntax *value,
                       const struct lj_syntax *other);
/* Something stands where an expression was expected. */
void lj_mistake_operand(struct lj_parser *p);
/* The bracket at `open` is not closed by `close` at the current token. */
void lj_mistake_unclosed(struct lj_parser *p, struct lj_span open, char close);
/* a < b < c: `operands[0..count)` with the comparisons at `symbols[0..count - 1)`. */
void lj_mistake_chain(struct lj_parser *p, struct lj_syntax *const *operands,
                      const struct lj_span *symbols, uint32_t count);
/* left && right, with the operator at `symbol`; `ours` is '&' or '|'. */
void lj_mistake_logic(struct lj_parser *p, const struct lj_syntax *left,
                      struct lj_span symbol, const struct lj_syntax *right,
                      const char *ours);
/* An operator of another language; `words` is how we write it. */
void lj_mistake_operator(struct lj_parser *p, struct lj_span symbol, const char *words,
                         const char *replacement);
/* Report the limit, once, and stop the parser. */
void lj_mistake_depth(struct lj_parser *p, struct lj_span span, uint32_t limit);

/* a // b: no operator of ours; `left` and `right` are its operands. */
void lj_mistake_floor(struct lj_parser *p, const struct lj_syntax *left,
                      struct lj_span symbol, const struct lj_syntax *right);

/* ---- Python (parse_python.c, parse_python_def.c) --------------------------------- */

/* Report functions, classes, imports and docstrings of Python, each once and as a
 * whole, and give the text with spaces in their place, or as it is if there are none.
 * Spans of one are spans of the other. */
struct lj_source lj_without_python(struct lj_arena *arena, struct lj_diags *diags,
                                   const struct lj_source *source,
                                   uint32_t source_number);

/* One Python function: bytes of the text. */
struct lj_python_function {
  struct lj_span name, parameters; /* these with their parentheses */
  struct lj_span body;             /* behind the colon */
  bool is_alone;                   /* nothing follows it: it is to be called */
};
/* The same as a definition; NULL unless its body is bindings and a return. */
const char *lj_python_as_definition(struct lj_arena *arena,
                                    const struct lj_source *source,
                                    const struct lj_python_function *function);
/* Behind the line of Python that begins at `at`, which may be several lines in
 * brackets or quotes; with `statement`, a ';' ends it too. */
size_t lj_python_line_end(const struct lj_source *source, size_t at, bool statement);

/* ---- expressions ----------------------------------------------------------------- */

/* The grammar's `expression` and `postfix`. Never NULL. */
struct lj_syntax *lj_parse_expression(struct lj_parser *p); /* parse_expression.c */
struct lj_syntax *lj_parse_postfix(struct lj_parser *p);    /* parse_postfix.c */

#endif
