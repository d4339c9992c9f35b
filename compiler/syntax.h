/*
 * Tokens and the syntax tree: what lexing and parsing make of a text.
 *
 * The grammar is grammar/lossjit.ebnf; parse.c is written after it, its functions named
 * after its symbols. Every token and node keeps its span, so that any later stage can
 * point at the source. The tree is printed back by lj_syntax_print: reading that text
 * again gives an equal tree. Parentheses are not nodes; they show in the tree's shape.
 */
#ifndef LJ_SYNTAX_H
#define LJ_SYNTAX_H

#include "compiler/base.h"
#include "compiler/diag.h"

enum lj_token_kind {
  LJ_T_END = 0,
  LJ_T_NAME,    /* also the keywords; the parser knows them by spelling */
  LJ_T_INTEGER, /* 12, 1_000 */
  LJ_T_FLOAT,   /* 0.5, 1e-7, .5, 2. */
  LJ_T_SYMBOL,  /* operators and brackets, `symbol` says which; 0: no token, reported */
};

/* A one- or two-character symbol packed as first + 256*second; `...` counts as `..`. */
#define LJ_SYMBOL(first, second) ((uint16_t)((first) | (second) << 8))

struct lj_token {
  uint8_t kind;
  uint16_t symbol;
  struct lj_span span;
  double number;   /* LJ_T_INTEGER, LJ_T_FLOAT */
  int64_t integer; /* LJ_T_INTEGER: exact */
  const char *name; /* LJ_T_NAME: interned text, terminated */
};

struct lj_tokens {
  struct lj_token *items; /* ends with LJ_T_END */
  uint32_t count;
};

/* The whole text as tokens; characters that belong to no token are reported. */
struct lj_tokens lj_lex(struct lj_arena *arena, struct lj_diags *diags,
                        const struct lj_source *source, uint32_t source_number);

/* ---- expressions ----------------------------------------------------------------- */

enum lj_syntax_kind {
  LJ_S_ERROR = 0, /* stands where a part could not be read; already reported */
  LJ_S_NUMBER,    /* number, integer, is_integer */
  LJ_S_NAME,      /* name */
  LJ_S_TRUTH,     /* True (number 1) or False (number 0) */
  LJ_S_NONE,      /* None, as in x[:, None] and axis=None */
  LJ_S_UNARY,     /* name is the operator's canonical name, children[0] */
  LJ_S_BINARY,    /* name is the operator's canonical name ("add"), children[0..1] */
  LJ_S_CALL,      /* name(children...); child i has keyword keywords[i] or NULL */
  LJ_S_INDEX,     /* children[0][children[1..]] */
  LJ_S_SLICE,     /* a:b:c inside an index; children[0..2], each may be NULL */
  LJ_S_ELLIPSIS,  /* ... inside an index */
  LJ_S_LIST       /* [a, b] or (a, b): vector literals, lists of axes */
};

struct lj_syntax {
  uint8_t kind;
  bool is_integer;
  uint16_t height; /* levels, this one included; bounded, so that stages may recurse */
  uint32_t child_count;
  struct lj_span span;      /* of the whole part */
  struct lj_span name_span; /* of the operator symbol or the name */
  const char *name;
  double number;
  int64_t integer;
  struct lj_syntax **children;
  const char **keywords;          /* LJ_S_CALL: [child_count] */
  struct lj_span *keyword_spans;  /* LJ_S_CALL: [child_count] */
};

/* ---- programs -------------------------------------------------------------------- */

/* A size in a declaration: a number or a name (then name is set). */
struct lj_syntax_size {
  const char *name;
  int64_t number;
  struct lj_span span;
};

enum lj_statement_kind {
  LJ_STATEMENT_DECLARE, /* name: dtype[sizes];  or  name: dtype = value; */
  LJ_STATEMENT_BIND,    /* name = value; */
  LJ_STATEMENT_DEFINE,  /* def name(parameters) = value;  value may follow bindings */
  LJ_STATEMENT_RESULT   /* result: scalar; (name is the kind's word) */
};

struct lj_statement {
  uint8_t kind;
  struct lj_span span, name_span;
  const char *name;
  /* declare */
  const char *dtype_name; /* "f32", as written; NULL when left out */
  struct lj_span dtype_span;
  struct lj_syntax_size *sizes;
  uint32_t size_count;
  bool has_sizes; /* x: f32[] is an array of rank 0, x: f32 = 1 a parameter */
  /* declare (default; NULL if none), bind, define */
  struct lj_syntax *value;
  /* define */
  const char **parameters;           /* [parameter_count] */
  struct lj_span *parameter_spans;
  struct lj_syntax **defaults;       /* [parameter_count], NULL where there is none */
  uint32_t parameter_count;
  struct lj_statement *body; /* bindings before the value: def f(a) = { b = a + 1; b*b }; */
  uint32_t body_count;
  const char *comment; /* the comment lines directly above, without '#'; NULL if none */
};

struct lj_program {
  struct lj_statement *statements;
  uint32_t statement_count;
  struct lj_syntax *value; /* the final expression; NULL if missing (only the prelude's) */
};

/* Read tokens as a program. Mistakes are reported; the result is never NULL and holds
 * LJ_S_ERROR where something could not be read. `depth_limit` bounds nesting. A program
 * without a final expression is an error unless `is_library` (the prelude). */
struct lj_program *lj_parse(struct lj_arena *arena, struct lj_diags *diags,
                            const struct lj_source *source, uint32_t source_number,
                            uint32_t depth_limit, bool is_library);

/* The program as text that parses to an equal tree. */
void lj_syntax_print(struct lj_text *to, const struct lj_program *program);
void lj_expression_print(struct lj_text *to, const struct lj_syntax *expression);

/* One line per token; an indented tree. For `show --stage tokens|tree`. */
void lj_tokens_dump(struct lj_text *to, const struct lj_tokens *tokens,
                    const struct lj_source *source);
void lj_syntax_dump(struct lj_text *to, const struct lj_program *program);

/* Equal but for spans. */
bool lj_syntax_equal(const struct lj_syntax *a, const struct lj_syntax *b);
bool lj_program_equal(const struct lj_program *a, const struct lj_program *b);

#endif
