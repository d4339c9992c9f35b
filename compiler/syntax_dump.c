/*
 * Tokens and trees for people: one line per token with its place, and the tree with one
 * node per line, children indented. What `show --stage tokens` and `--stage tree`
 * print.
 */
#include "compiler/syntax.h"

#include <inttypes.h>
#include <string.h>

/* ---- tokens ---------------------------------------------------------------------- */

/* Line and column are carried along, because tokens come in the order of the text. */
struct place {
  uint32_t at, line, column;
};

static void move_to(struct place *place, const struct lj_source *source, uint32_t to)
{
  for (; place->at < to; place->at++) {
    unsigned char c = (unsigned char)source->text[place->at];
    if (c == '\n') {
      place->line++;
      place->column = 1;
    } else if ((c & 0xC0) != 0x80) {
      place->column++;
    }
  }
}

void lj_tokens_dump(struct lj_text *to, const struct lj_tokens *tokens,
                    const struct lj_source *source)
{
  static const char *const kinds[] = {[LJ_T_END] = "end",
                                      [LJ_T_NAME] = "name",
                                      [LJ_T_INTEGER] = "integer",
                                      [LJ_T_FLOAT] = "float",
                                      [LJ_T_SYMBOL] = "symbol"};
  struct place place = {0, 1, 1};
  for (uint32_t i = 0; i < tokens->count; i++) {
    const struct lj_token *token = &tokens->items[i];
    move_to(&place, source, token->span.begin);
    lj_text_add(to, "%u:%u\t%s", (unsigned)place.line, (unsigned)place.column,
                kinds[token->kind]);
    if (token->kind != LJ_T_END) {
      lj_text_add(to, "\t");
      lj_text_bytes(to, source->text + token->span.begin,
                    token->span.end - token->span.begin);
    }
    lj_text_add(to, "\n");
  }
}

/* ---- the tree -------------------------------------------------------------------- */

static void indent(struct lj_text *to, int depth)
{
  lj_text_add(to, "%*s", 2 * depth, "");
}

static void dump_head(struct lj_text *to, const struct lj_syntax *node)
{
  static const char *const kinds[] = {
      [LJ_S_ERROR] = "error",   [LJ_S_NUMBER] = "number",     [LJ_S_NAME] = "name",
      [LJ_S_TRUTH] = "truth",   [LJ_S_NONE] = "None",         [LJ_S_UNARY] = "unary",
      [LJ_S_BINARY] = "binary", [LJ_S_CALL] = "call",         [LJ_S_INDEX] = "index",
      [LJ_S_SLICE] = "slice",   [LJ_S_ELLIPSIS] = "ellipsis", [LJ_S_LIST] = "list"};
  lj_text_add(to, "%s", kinds[node->kind]);
  if (node->name != NULL)
    lj_text_add(to, " %s", node->name);
  if (node->kind == LJ_S_TRUTH)
    lj_text_add(to, " %s", node->number != 0 ? "True" : "False");
  if (node->kind == LJ_S_NUMBER && node->is_integer)
    lj_text_add(to, " %" PRId64, node->integer);
  if (node->kind == LJ_S_NUMBER && !node->is_integer) {
    lj_text_add(to, " ");
    lj_number_print(to, node->number);
  }
  lj_text_add(to, "\n");
}

/* `label` stands before the node: a keyword and '=', or nothing. */
static void dump(struct lj_text *to, const struct lj_syntax *node, int depth,
                 const char *label)
{
  indent(to, depth);
  lj_text_add(to, "%s%s", label != NULL ? label : "", label != NULL ? "= " : "");
  if (node == NULL) {
    lj_text_add(to, "-\n");
    return;
  }
  dump_head(to, node);
  for (uint32_t i = 0; i < node->child_count; i++)
    dump(to, node->children[i], depth + 1,
         node->kind == LJ_S_CALL ? node->keywords[i] : NULL);
}

static void dump_declaration(struct lj_text *to, const struct lj_statement *statement)
{
  lj_text_add(to, "declare %s %s", statement->name,
              statement->dtype_name != NULL ? statement->dtype_name : "?");
  for (uint32_t i = 0; i < statement->size_count; i++) {
    const struct lj_syntax_size *size = &statement->sizes[i];
    lj_text_add(to, "%s", i == 0 ? " [" : ", ");
    if (size->name != NULL)
      lj_text_add(to, "%s", size->name);
    else
      lj_text_add(to, "%" PRId64, size->number);
  }
  lj_text_add(to, "%s\n",
              statement->size_count > 0 ? "]"
              : statement->has_sizes    ? " []"
                                        : "");
}

static void dump_statement(struct lj_text *to, const struct lj_statement *statement,
                           int depth)
{
  indent(to, depth);
  switch ((enum lj_statement_kind)statement->kind) {
  case LJ_STATEMENT_DECLARE:
    dump_declaration(to, statement);
    break;
  case LJ_STATEMENT_BIND:
    lj_text_add(to, "bind %s\n", statement->name);
    break;
  case LJ_STATEMENT_DEFINE:
    lj_text_add(to, "define %s\n", statement->name);
    break;
  case LJ_STATEMENT_RESULT:
    lj_text_add(to, "result %s\n", statement->name);
    break;
  }
  for (uint32_t i = 0; i < statement->parameter_count; i++) {
    indent(to, depth + 1);
    lj_text_add(to, "parameter %s\n", statement->parameters[i]);
    if (statement->defaults[i] != NULL)
      dump(to, statement->defaults[i], depth + 2, NULL);
  }
  for (uint32_t i = 0; i < statement->body_count; i++)
    dump_statement(to, &statement->body[i], depth + 1);
  if (statement->value != NULL)
    dump(to, statement->value, depth + 1, NULL);
}

void lj_syntax_dump(struct lj_text *to, const struct lj_program *program)
{
  lj_text_add(to, "%s", "");
  for (uint32_t i = 0; i < program->statement_count; i++)
    dump_statement(to, &program->statements[i], 0);
  if (program->value != NULL) {
    lj_text_add(to, "value\n");
    dump(to, program->value, 1, NULL);
  }
}
