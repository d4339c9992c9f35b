/*
 * Printing a syntax tree as text that parses to an equal tree, and comparing trees.
 *
 * Parentheses appear only where the tree needs them. Comparisons, + - & | % and @ stand
 * between blanks; * / and ** do not. One statement per line, the value on the last.
 */
#include "compiler/syntax.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* How tightly a form binds, after grammar/lossjit.ebnf. */
enum level {
  COMPARISON = 0,
  DISJUNCTION,
  CONJUNCTION,
  SUM,
  PRODUCT,
  UNARY,
  POWER,
  POSTFIX
};

struct form {
  const char *name, *text;
  enum level level, left, right; /* of the form, and what its operands must have */
};

static const struct form binaries[] = {
    {"equal", " == ", COMPARISON, DISJUNCTION, DISJUNCTION},
    {"not_equal", " != ", COMPARISON, DISJUNCTION, DISJUNCTION},
    {"less", " < ", COMPARISON, DISJUNCTION, DISJUNCTION},
    {"less_equal", " <= ", COMPARISON, DISJUNCTION, DISJUNCTION},
    {"greater", " > ", COMPARISON, DISJUNCTION, DISJUNCTION},
    {"greater_equal", " >= ", COMPARISON, DISJUNCTION, DISJUNCTION},
    {"logical_or", " | ", DISJUNCTION, DISJUNCTION, CONJUNCTION},
    {"logical_and", " & ", CONJUNCTION, CONJUNCTION, SUM},
    {"add", " + ", SUM, SUM, PRODUCT},
    {"subtract", " - ", SUM, SUM, PRODUCT},
    {"multiply", "*", PRODUCT, PRODUCT, UNARY},
    {"divide", "/", PRODUCT, PRODUCT, UNARY},
    {"mod", " % ", PRODUCT, PRODUCT, UNARY},
    {"matmul", " @ ", PRODUCT, PRODUCT, UNARY},
    {"power", "**", POWER, POSTFIX, UNARY},
};

static const struct form unaries[] = {
    {"negative", "-", UNARY, UNARY, UNARY},
    {"positive", "+", UNARY, UNARY, UNARY},
    {"logical_not", "~", UNARY, UNARY, UNARY},
};

static const struct form *find(const struct form *forms, size_t count, const char *name)
{
  for (size_t i = 0; i < count; i++)
    if (strcmp(forms[i].name, name) == 0)
      return &forms[i];
  return NULL;
}

static const struct form *form_of(const struct lj_syntax *node)
{
  if (node->kind == LJ_S_BINARY)
    return find(binaries, LJ_COUNT(binaries), node->name);
  if (node->kind == LJ_S_UNARY)
    return find(unaries, LJ_COUNT(unaries), node->name);
  return NULL;
}

/* A number that is negative is written with a minus, which binds as one. */
static enum level level_of(const struct lj_syntax *node)
{
  const struct form *form = form_of(node);
  if (form != NULL)
    return form->level;
  return node->kind == LJ_S_NUMBER && signbit(node->number) ? UNARY : POSTFIX;
}

static void print(struct lj_text *to, const struct lj_syntax *node, enum level least);

static void print_list(struct lj_text *to, struct lj_syntax *const *items,
                       uint32_t count, const char *const *keywords)
{
  for (uint32_t i = 0; i < count; i++) {
    lj_text_add(to, "%s", i > 0 ? ", " : "");
    if (keywords != NULL && keywords[i] != NULL)
      lj_text_add(to, "%s=", keywords[i]);
    print(to, items[i], COMPARISON);
  }
}

static void print_slice(struct lj_text *to, const struct lj_syntax *node)
{
  for (uint32_t i = 0; i < 3; i++) {
    if (i == 1 || (i == 2 && node->children[2] != NULL))
      lj_text_add(to, ":");
    if (node->children[i] != NULL)
      print(to, node->children[i], COMPARISON);
  }
}

static void print_operation(struct lj_text *to, const struct lj_syntax *node)
{
  const struct form *form = form_of(node);
  LJ_CHECK(to->arena->trap, form != NULL);
  if (node->kind == LJ_S_UNARY) {
    lj_text_add(to, "%s", form->text);
    print(to, node->children[0], form->right);
    return;
  }
  print(to, node->children[0], form->left);
  lj_text_add(to, "%s", form->text);
  print(to, node->children[1], form->right);
}

static void print_number(struct lj_text *to, const struct lj_syntax *node)
{
  if (node->is_integer)
    lj_text_add(to, "%" PRId64, node->integer);
  else
    lj_number_print(to, node->number);
}

static void print_bare(struct lj_text *to, const struct lj_syntax *node)
{
  switch ((enum lj_syntax_kind)node->kind) {
  case LJ_S_ERROR:
    lj_text_add(to, "<error>");
    break;
  case LJ_S_NUMBER:
    print_number(to, node);
    break;
  case LJ_S_NAME:
    lj_text_add(to, "%s", node->name);
    break;
  case LJ_S_TRUTH:
    lj_text_add(to, "%s", node->number != 0 ? "True" : "False");
    break;
  case LJ_S_NONE:
    lj_text_add(to, "None");
    break;
  case LJ_S_UNARY:
  case LJ_S_BINARY:
    print_operation(to, node);
    break;
  case LJ_S_CALL:
    lj_text_add(to, "%s(", node->name);
    print_list(to, node->children, node->child_count, node->keywords);
    lj_text_add(to, ")");
    break;
  case LJ_S_INDEX:
    print(to, node->children[0], POSTFIX);
    lj_text_add(to, "[");
    print_list(to, node->children + 1, node->child_count - 1, NULL);
    lj_text_add(to, "]");
    break;
  case LJ_S_SLICE:
    print_slice(to, node);
    break;
  case LJ_S_ELLIPSIS:
    lj_text_add(to, "...");
    break;
  case LJ_S_LIST:
    lj_text_add(to, "[");
    print_list(to, node->children, node->child_count, NULL);
    lj_text_add(to, "]");
    break;
  }
}

/* In parentheses if the node binds less tightly than `least`. */
static void print(struct lj_text *to, const struct lj_syntax *node, enum level least)
{
  bool needs_parentheses = level_of(node) < least;
  lj_text_add(to, "%s", needs_parentheses ? "(" : "");
  print_bare(to, node);
  lj_text_add(to, "%s", needs_parentheses ? ")" : "");
}

void lj_expression_print(struct lj_text *to, const struct lj_syntax *expression)
{
  print(to, expression, COMPARISON);
}

/* ---- statements ------------------------------------------------------------------ */

static void print_declaration(struct lj_text *to, const struct lj_statement *statement)
{
  lj_text_add(to, "%s: %s", statement->name,
              statement->dtype_name != NULL ? statement->dtype_name : "<error>");
  if (statement->has_sizes) {
    lj_text_add(to, "[");
    for (uint32_t i = 0; i < statement->size_count; i++) {
      const struct lj_syntax_size *size = &statement->sizes[i];
      lj_text_add(to, "%s", i > 0 ? ", " : "");
      if (size->name != NULL)
        lj_text_add(to, "%s", size->name);
      else
        lj_text_add(to, "%" PRId64, size->number);
    }
    lj_text_add(to, "]");
  }
  if (statement->value != NULL) {
    lj_text_add(to, " = ");
    print(to, statement->value, COMPARISON);
  }
}

static void print_comment(struct lj_text *to, const char *comment)
{
  while (comment != NULL) {
    const char *newline = strchr(comment, '\n');
    size_t length = newline != NULL ? (size_t)(newline - comment) : strlen(comment);
    lj_text_add(to, "# ");
    lj_text_bytes(to, comment, length);
    lj_text_add(to, "\n");
    comment = newline != NULL ? newline + 1 : NULL;
  }
}

static void print_value(struct lj_text *to, const struct lj_syntax *value)
{
  if (value != NULL)
    print(to, value, COMPARISON);
}

static void print_definition(struct lj_text *to, const struct lj_statement *statement)
{
  print_comment(to, statement->comment);
  lj_text_add(to, "def %s(", statement->name);
  for (uint32_t i = 0; i < statement->parameter_count; i++) {
    lj_text_add(to, "%s%s", i > 0 ? ", " : "", statement->parameters[i]);
    lj_text_add(to, "%s", statement->defaults[i] != NULL ? "=" : "");
    print_value(to, statement->defaults[i]);
  }
  lj_text_add(to, "%s", statement->body_count > 0 ? ") = { " : ") = ");
  for (uint32_t i = 0; i < statement->body_count; i++) {
    lj_text_add(to, "%s = ", statement->body[i].name);
    print_value(to, statement->body[i].value);
    lj_text_add(to, "; ");
  }
  print_value(to, statement->value);
  lj_text_add(to, "%s", statement->body_count > 0 ? " }" : "");
}

static void print_statement(struct lj_text *to, const struct lj_statement *statement)
{
  switch ((enum lj_statement_kind)statement->kind) {
  case LJ_STATEMENT_DECLARE:
    print_declaration(to, statement);
    break;
  case LJ_STATEMENT_BIND:
    lj_text_add(to, "%s = ", statement->name);
    print_value(to, statement->value);
    break;
  case LJ_STATEMENT_DEFINE:
    print_definition(to, statement);
    break;
  case LJ_STATEMENT_RESULT:
    lj_text_add(to, "result: %s", statement->name);
    break;
  }
  lj_text_add(to, ";\n");
}

void lj_syntax_print(struct lj_text *to, const struct lj_program *program)
{
  lj_text_add(to, "%s", "");
  for (uint32_t i = 0; i < program->statement_count; i++)
    print_statement(to, &program->statements[i]);
  print_value(to, program->value);
}

/* ---- equality -------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_keywords(const struct lj_syntax *a, const struct lj_syntax *b)
{
  for (uint32_t i = 0; i < a->child_count && a->kind == LJ_S_CALL; i++)
    if (!same_text(a->keywords[i], b->keywords[i]))
      return false;
  return true;
}

bool lj_syntax_equal(const struct lj_syntax *a, const struct lj_syntax *b)
{
  if (a == NULL || b == NULL)
    return a == b;
  if (a->kind != b->kind || a->is_integer != b->is_integer ||
      a->integer != b->integer || a->number != b->number ||
      a->child_count != b->child_count || !same_text(a->name, b->name) ||
      !same_keywords(a, b))
    return false;
  for (uint32_t i = 0; i < a->child_count; i++)
    if (!lj_syntax_equal(a->children[i], b->children[i]))
      return false;
  return true;
}

static bool same_sizes(const struct lj_statement *a, const struct lj_statement *b)
{
  if (a->has_sizes != b->has_sizes || a->size_count != b->size_count)
    return false;
  for (uint32_t i = 0; i < a->size_count; i++)
    if (!same_text(a->sizes[i].name, b->sizes[i].name) ||
        a->sizes[i].number != b->sizes[i].number)
      return false;
  return true;
}

static bool same_parameters(const struct lj_statement *a, const struct lj_statement *b)
{
  if (a->parameter_count != b->parameter_count)
    return false;
  for (uint32_t i = 0; i < a->parameter_count; i++)
    if (!same_text(a->parameters[i], b->parameters[i]) ||
        !lj_syntax_equal(a->defaults[i], b->defaults[i]))
      return false;
  return true;
}

static bool same_statements(const struct lj_statement *a, const struct lj_statement *b,
                            uint32_t count)
{
  for (uint32_t i = 0; i < count; i++) {
    if (a[i].kind != b[i].kind || !same_text(a[i].name, b[i].name) ||
        !same_text(a[i].dtype_name, b[i].dtype_name) ||
        !same_text(a[i].comment, b[i].comment) || !same_sizes(&a[i], &b[i]) ||
        !same_parameters(&a[i], &b[i]) || !lj_syntax_equal(a[i].value, b[i].value) ||
        a[i].body_count != b[i].body_count ||
        !same_statements(a[i].body, b[i].body, a[i].body_count))
      return false;
  }
  return true;
}

bool lj_program_equal(const struct lj_program *a, const struct lj_program *b)
{
  return a->statement_count == b->statement_count &&
         same_statements(a->statements, b->statements, a->statement_count) &&
         lj_syntax_equal(a->value, b->value);
}
