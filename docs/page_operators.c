/*
 * docs/operators.md: every function of the language that is not written in it, one
 * section each, and the stability rewrites.
 *
 * Signatures, types, derivatives and examples are those the compiler reads; what a
 * function computes and what happens at its kinks is said by operator_notes.def. The
 * symbol of an operator is found by parsing its example.
 */
#include "compiler/check_internal.h"
#include "compiler/fold.h"
#include "docs/pages.h"

#include <stdlib.h>
#include <string.h>

struct note {
  const char *name, *value, *kink, *example;
};

static const struct note notes[] = {
#define NOTE(name, value, kink, example) {name, value, kink, example},
#include "docs/operator_notes.def"
};

static const struct note *note_on(const char *name)
{
  for (size_t i = 0; i < LJ_COUNT(notes); i++)
    if (!strcmp(notes[i].name, name))
      return &notes[i];
  fprintf(stderr, "lossjit-docs: '%s' has no row in docs/operator_notes.def\n", name);
  return NULL;
}

/* ---- what the tables say --------------------------------------------------------- */

static const char *const type_words[] = {
    [LJ_TYPE_NUMBER] = "Numbers of any type, promoted; the result is of the same type.",
    [LJ_TYPE_FLOAT] = "Numbers of any type, made floating; the result is floating.",
    [LJ_TYPE_COMPARE] = "Numbers or truth values, promoted; the result is `bool`.",
    [LJ_TYPE_LOGICAL] = "Truth values; the result is `bool`.",
    [LJ_TYPE_TEST] = "Floating numbers; the result is `bool`.",
    [LJ_TYPE_CHOICE] = "A truth value, two numbers promoted; the result is theirs.",
    [LJ_TYPE_CAST] = "Any type; the result is of the type asked for.",
};

/* huber(x[, axis]): parameters that may be left out in brackets. */
static void write_signature(FILE *page, const struct lj_function *function)
{
  uint32_t count = 0;

  fprintf(page, "%s(", function->name);
  for (; count < LJ_MAX_PARAMETERS && function->parameters[count]; count++)
    fprintf(page, "%s%s%s", count == function->required ? "[" : "", count ? ", " : "",
            function->parameters[count]);
  fprintf(page, "%s)", count > function->required ? "]" : "");
}

static void *resize(void *user, void *memory, size_t size)
{
  (void)user;
  if (size)
    return realloc(memory, size);
  free(memory);
  return NULL;
}

/* Print the symbol with which the row's example writes the operator, if it does. */
static void write_symbol(FILE *page, const struct lj_op_info *info)
{
  const lossjit_allocator allocator = {resize, NULL};
  struct lj_trap trap;
  struct lj_arena arena;
  struct lj_source source = {"example", info->example, strlen(info->example)};
  struct lj_diags diags;

  lj_arena_init(&arena, &allocator, &trap);
  if (setjmp(trap.escape)) {
    fprintf(stderr, "lossjit-docs: %s\n", trap.message);
    exit(1);
  }
  lj_diags_init(&diags, &arena, &source, 1);
  const struct lj_program *program = lj_parse(&arena, &diags, &source, 0, 64, false);
  const struct lj_syntax *value = program->value;
  if (value && (value->kind == LJ_S_UNARY || value->kind == LJ_S_BINARY) &&
      !strcmp(value->name, info->name))
    fprintf(page, "- Symbol: `%.*s`\n",
            (int)(value->name_span.end - value->name_span.begin),
            info->example + value->name_span.begin);
  lj_arena_free(&arena);
}

/* ---- one section ----------------------------------------------------------------- */

static void write_derivatives(FILE *page, const struct lj_op_info *info)
{
  static const char *const operands[] = {"a", "b", "c"};
  bool some = false;

  for (int i = 0; i < info->arity; i++) {
    const char *text = info->derivative[i];
    if (!text)
      continue;
    fprintf(page, "- Derivative by %s: ", operands[i]);
    fprintf(page, strcmp(text, LJ_NO_RULE) ? "`%s`\n" : "not known; refused\n", text);
    some = true;
  }
  if (!some)
    fputs("- Derivative: none\n", page);
}

static void write_facts(FILE *page, const struct lj_op_info *info)
{
  write_symbol(page, info);
  fprintf(page, "- Types: %s\n", type_words[info->type]);
  write_derivatives(page, info);
  if (info->expansion)
    fprintf(page, "- Definition: `%s`\n", info->expansion);
}

static bool write_section(FILE *page, const char *name, const struct lj_op_info *info)
{
  const struct note *note = note_on(name);
  struct lj_function function;

  if (!note)
    return false;
  if (!lj_function_named(name, &function)) {
    fprintf(stderr, "lossjit-docs: the checker knows no '%s'\n", name);
    return false;
  }
  fprintf(page, "\n### %s\n\n    ", name);
  write_signature(page, &function);
  fputs("\n\n", page);
  write_paragraph(page, "", note->value);
  putc('\n', page);
  if (info)
    write_facts(page, info);
  if (note->kink)
    write_paragraph(page, "- At the kink:", note->kink);
  fprintf(page, "- Example: `%s`\n", note->example ? note->example : info->example);
  return true;
}

/* ---- the page -------------------------------------------------------------------- */

static bool write_operators_between(FILE *page, int from, int to)
{
  bool good = true;
  size_t column = 0;

  putc('\n', page);
  for (int op = from; op < to; op++)
    write_link(page, lj_op_table[op].name, op > from ? "," : "", &column);
  putc('\n', page);
  for (int op = from; op < to; op++)
    good &= write_section(page, lj_op_table[op].name, &lj_op_table[op]);
  return good;
}

static bool is_written_above(const char *name)
{
  return lj_op_named(name) != LJ_OP_NONE;
}

static void link_functions(FILE *page, const struct lj_function *table, size_t count,
                           size_t *column)
{
  for (size_t i = 0; i < count; i++)
    if (!is_written_above(table[i].name))
      write_link(page, table[i].name, *column ? "," : "", column);
}

static bool write_functions(FILE *page, const struct lj_function *table, size_t count)
{
  bool good = true;

  for (size_t i = 0; i < count; i++)
    if (!is_written_above(table[i].name))
      good &= write_section(page, table[i].name, NULL);
  return good;
}

/* A vertical bar would end the cell of a table. */
static void write_rewrites(FILE *page)
{
  fputs(
      "\n## Stability rewrites\n\n"
      "What is written on the left is computed as on the right, which means the same\n"
      "and neither overflows nor cancels.\n\n"
      "| name | written | computed |\n|---|---|---|\n",
      page);
  for (const struct lj_stable_rewrite *rule = lj_stable_rewrites; rule->name; rule++)
    fprintf(page, "| %s | `%s` | `%s` |\n", rule->name, rule->from, rule->to);
}

static bool notes_are_used(void)
{
  struct lj_function function;
  bool good = true;

  for (size_t i = 0; i < LJ_COUNT(notes); i++)
    if (!lj_function_named(notes[i].name, &function)) {
      fprintf(stderr,
              "lossjit-docs: docs/operator_notes.def names '%s', which is no "
              "function\n",
              notes[i].name);
      good = false;
    }
  return good;
}

bool write_operators(FILE *page)
{
  bool good = notes_are_used();
  size_t column = 0;

  fputs(
      "# Operators\n\n"
      "<!-- Written by lossjit-docs from grammar/operators.def,\n"
      "     grammar/row_operators.def and docs/operator_notes.def. -->\n\n"
      "Everything that the language does not define in itself;\n"
      "[losses.md](losses.md) has what it does. What is in brackets may be left out.\n"
      "Derivatives are given as the compiler has them, in the language: over the\n"
      "operands a, b, c in their order, the result y and its adjoint g. By an operand\n"
      "that is not listed there is none.\n\n"
      "## Element by element\n\n"
      "Operands of different shapes are broadcast\n"
      "([language](language.md#broadcasting)).\n",
      page);
  good &= write_operators_between(page, LJ_OP_FIRST_ELEMENTWISE, LJ_OP_FIRST_ROW);
  fputs("\n## Along axes\n\n"
        "`axis` is a number, a list of numbers or None, which means all. Reductions\n"
        "remove the axes, with `keepdims=True` they keep them with size 1; in the\n"
        "derivative they are kept. There, s is the sum of g along the axes.\n",
        page);
  good &= write_operators_between(page, LJ_OP_FIRST_ROW, LJ_OP_COUNT);
  fputs("\n## Shapes, sizes and labels\n\n"
        "What moves elements without computing passes each adjoint back to where the\n"
        "element came from.\n\n",
        page);
  link_functions(page, lj_axis_functions, lj_axis_function_count, &column);
  link_functions(page, lj_other_functions, lj_other_function_count, &column);
  putc('\n', page);
  good &= write_functions(page, lj_axis_functions, lj_axis_function_count);
  good &= write_functions(page, lj_other_functions, lj_other_function_count);
  write_rewrites(page);
  return good;
}
