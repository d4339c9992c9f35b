/*
 * Parsing: statements and the final expression, after grammar/lossjit.ebnf. Recursive
 * descent, one function per symbol of the grammar under the symbol's name; expressions
 * are in parse_expression.c and parse_postfix.c, the mistakes people make in
 * parse_mistakes.c.
 *
 * The parser takes the text as it stands: it does not know which names exist or what
 * fits together. It never fails. After a mistake the tree holds LJ_S_ERROR, and reading
 * goes on at the next ';', so that one run reports every independent mistake.
 */
#include "compiler/parse.h"

#include <string.h>

/* About ten frames of C, under 2 KB together, are used per level; even the thread of a
 * host with a small stack survives this many. */
enum { MOST_DEPTH = 1000 };

/* ---- between statements ---------------------------------------------------------- */

/* Whether the current token begins a new line: a ';' was probably forgotten before
 * it. */
static bool is_on_new_line(const struct lj_parser *p)
{
  uint32_t from = lj_previous_span(p).end, to = lj_peek(p, 0)->span.begin;
  return p->at > 0 && to > from &&
         memchr(p->source->text + from, '\n', to - from) != NULL;
}

static bool is_followed_by(const struct lj_parser *p, uint32_t ahead, uint16_t symbol)
{
  const struct lj_token *token = lj_peek(p, ahead);
  return token->kind == LJ_T_SYMBOL && token->symbol == symbol;
}

static bool begins_statement(const struct lj_parser *p)
{
  return lj_at_word(p, "def") ||
         (lj_peek(p, 0)->kind == LJ_T_NAME &&
          (is_followed_by(p, 1, '=') || is_followed_by(p, 1, ':')));
}

static void missing_semicolon(struct lj_parser *p)
{
  struct lj_span span = lj_previous_span(p);
  struct lj_report *report;
  span.begin = span.end;
  if (p->panic)
    return;
  report =
      lj_report(p->diags, LJ_D_EXPECTED, span, "';'", lj_token_words(p, lj_peek(p, 0)));
  lj_fix(p->diags, report, span, ";", "end the statement with ';'");
}

/* Step over the ';' behind a statement or expression, or over what stands in its place.
 * A '}' ends a definition's body and is left to it. */
static void end_statement(struct lj_parser *p, bool is_in_body)
{
  bool is_at_end = lj_peek(p, 0)->kind == LJ_T_END || (is_in_body && lj_at(p, '}'));
  if (!lj_at(p, ';') && !is_at_end && !p->panic &&
      (is_on_new_line(p) || begins_statement(p))) {
    missing_semicolon(p);
    return;
  }
  if (!lj_at(p, ';') && !is_at_end)
    lj_mistake_after(p, is_in_body ? "';' or '}'" : "';'");
  while (!lj_at(p, ';') && lj_peek(p, 0)->kind != LJ_T_END &&
         !(is_in_body && lj_at(p, '}')))
    lj_advance(p);
  lj_accept(p, ';');
  lj_calm(p);
}

/* ---- statements ------------------------------------------------------------------ */

static struct lj_statement new_statement(enum lj_statement_kind kind,
                                         const struct lj_token *name)
{
  struct lj_statement statement = {.kind = (uint8_t)kind, .name = name->name};
  statement.span = statement.name_span = name->span;
  return statement;
}

static struct lj_statement finished(const struct lj_parser *p,
                                    struct lj_statement statement)
{
  statement.span = lj_span_join(statement.span, lj_previous_span(p));
  return statement;
}

/* A name that is being given; a reserved word is reported and used all the same. */
static const struct lj_token *new_name(struct lj_parser *p)
{
  if (lj_is_reserved(lj_peek(p, 0)->name) && !p->panic)
    lj_mistake_reserved(p);
  return lj_advance(p);
}

static struct lj_syntax_size size(struct lj_parser *p)
{
  const struct lj_token *token = lj_peek(p, 0);
  struct lj_syntax_size size = {.span = token->span};
  if (token->kind == LJ_T_NAME && !lj_is_reserved(token->name)) {
    size.name = token->name;
  } else if (token->kind == LJ_T_INTEGER) {
    size.number = token->integer;
  } else {
    lj_expected(p, "a size (a number or a name)");
    return size;
  }
  lj_advance(p);
  return size;
}

static void sizes(struct lj_parser *p, struct lj_statement *statement)
{
  struct lj_span open = lj_open(p);
  uint32_t capacity = 0;
  bool more = !lj_at(p, ']');
  statement->has_sizes = true;
  while (more) {
    LJ_GROW(p->arena, statement->sizes, statement->size_count, capacity);
    statement->sizes[statement->size_count++] = size(p);
    more = lj_more(p, ']');
  }
  lj_close(p, open, ']');
}

static void neither_shape_nor_default(struct lj_parser *p, const char *name,
                                      const char *dtype)
{
  struct lj_span span = lj_previous_span(p);
  struct lj_report *report;
  if (!lj_panic(p))
    return;
  report =
      lj_report(p->diags, LJ_D_EXPECTED, span, "a shape or a default after the type",
                lj_token_words(p, lj_peek(p, 0)));
  lj_fix(p->diags, report, span, NULL,
         "write '%.40s: %.40s[batch, n];' for an array or '%.40s: %.40s = 1.0;' for a "
         "parameter",
         name, dtype, name, dtype);
}

static struct lj_statement declaration(struct lj_parser *p)
{
  struct lj_statement statement = new_statement(LJ_STATEMENT_DECLARE, new_name(p));
  lj_advance(p); /* the colon */
  if (lj_peek(p, 0)->kind != LJ_T_NAME || lj_is_reserved(lj_peek(p, 0)->name)) {
    lj_expected(p, "a type");
    return finished(p, statement);
  }
  statement.dtype_name = lj_peek(p, 0)->name;
  statement.dtype_span = lj_advance(p)->span;
  if (lj_at(p, '['))
    sizes(p, &statement);
  else if (lj_accept(p, '='))
    statement.value = lj_parse_expression(p);
  else
    neither_shape_nor_default(p, statement.name, statement.dtype_name);
  return finished(p, statement);
}

/* result: scalar;  but  result: f32[batch];  declares an input of that name. */
static bool begins_result(const struct lj_parser *p)
{
  return lj_at_word(p, "result") && is_followed_by(p, 1, ':') &&
         lj_peek(p, 2)->kind == LJ_T_NAME && !is_followed_by(p, 3, '[') &&
         !is_followed_by(p, 3, '=');
}

static struct lj_statement result(struct lj_parser *p)
{
  struct lj_statement statement;
  struct lj_span begin = lj_advance(p)->span;
  lj_advance(p); /* the colon */
  statement = new_statement(LJ_STATEMENT_RESULT, new_name(p));
  statement.span = begin;
  return finished(p, statement);
}

static struct lj_statement binding(struct lj_parser *p)
{
  struct lj_statement statement = new_statement(LJ_STATEMENT_BIND, new_name(p));
  lj_advance(p); /* the equals sign */
  statement.value = lj_parse_expression(p);
  return finished(p, statement);
}

/* ---- definitions ----------------------------------------------------------------- */

static void parameter(struct lj_parser *p, struct lj_statement *to,
                      uint32_t *capacities)
{
  uint32_t i = to->parameter_count;
  LJ_GROW(p->arena, to->parameters, i, capacities[0]);
  LJ_GROW(p->arena, to->parameter_spans, i, capacities[1]);
  LJ_GROW(p->arena, to->defaults, i, capacities[2]);
  if (lj_peek(p, 0)->kind != LJ_T_NAME) {
    lj_expected(p, "the name of a parameter");
    return;
  }
  to->parameter_spans[i] = lj_peek(p, 0)->span;
  to->parameters[i] = new_name(p)->name;
  to->defaults[i] = lj_accept(p, '=') ? lj_parse_expression(p) : NULL;
  to->parameter_count++;
}

static void parameters(struct lj_parser *p, struct lj_statement *to)
{
  struct lj_span open = lj_open(p);
  uint32_t capacities[3] = {0};
  bool more = !lj_at(p, ')');
  while (more) {
    parameter(p, to, capacities);
    more = lj_more(p, ')');
  }
  lj_close(p, open, ')');
}

static void body(struct lj_parser *p, struct lj_statement *to)
{
  uint32_t capacity = 0;
  struct lj_span open = lj_advance(p)->span;
  while (lj_peek(p, 0)->kind == LJ_T_NAME && is_followed_by(p, 1, '=')) {
    LJ_GROW(p->arena, to->body, to->body_count, capacity);
    to->body[to->body_count++] = binding(p);
    end_statement(p, true);
  }
  to->value = lj_parse_expression(p);
  if (!lj_at(p, '}'))
    end_statement(p, true);
  if (!lj_accept(p, '}'))
    lj_mistake_unclosed(p, open, '}');
}

/* The comment lines directly above byte `at`, without their '#'; NULL if there are
 * none. */
static const char *comment_above(const struct lj_parser *p, uint32_t at)
{
  const char *text = p->source->text;
  size_t line = at, first = at;
  struct lj_text comment = {.arena = p->arena};
  while (line > 0 && text[line - 1] != '\n')
    line--;
  first = line;
  while (first > 0) {
    size_t above = first - 1, begin;
    while (above > 0 && text[above - 1] != '\n')
      above--;
    begin = above + strspn(text + above, " \t");
    if (text[begin] != '#')
      break;
    first = above;
  }
  while (first < line) {
    size_t end = first, begin;
    while (text[end] != '\n')
      end++;
    begin = first + strspn(text + first, " \t") + 1;
    begin += begin < end && text[begin] == ' ';
    lj_text_add(&comment, "%s", comment.length > 0 ? "\n" : "");
    lj_text_bytes(&comment, text + begin, end - begin);
    first = end + 1;
  }
  return comment.text;
}

static void python_definition(struct lj_parser *p)
{
  struct lj_span span = lj_peek(p, 0)->span;
  struct lj_report *report;
  if (!lj_panic(p))
    return;
  report = lj_report(p->diags, LJ_D_EXPECTED, span, "'=' after the parameters",
                     lj_token_words(p, lj_peek(p, 0)));
  lj_fix(p->diags, report, span, NULL,
         "write 'def f(a) = a*a;' or 'def f(a) = { b = a + 1; b*b };'");
}

/* Never without a name and a value, even after mistakes. */
static struct lj_statement definition(struct lj_parser *p)
{
  struct lj_span begin = lj_advance(p)->span;
  struct lj_statement statement = {.kind = LJ_STATEMENT_DEFINE, .span = begin};
  if (lj_peek(p, 0)->kind != LJ_T_NAME) {
    lj_expected(p, "the name of the function");
    statement.name = "";
    statement.name_span = begin;
    statement.value = lj_error_node(p, begin);
    return finished(p, statement);
  }
  statement = new_statement(LJ_STATEMENT_DEFINE, new_name(p));
  statement.span = begin;
  statement.comment = comment_above(p, begin.begin);
  if (lj_at(p, '('))
    parameters(p, &statement);
  else
    lj_expected(p, "'('");
  statement.value = lj_error_node(p, lj_peek(p, 0)->span);
  if (!lj_accept(p, '='))
    python_definition(p);
  else if (lj_at(p, '{'))
    body(p, &statement);
  else
    statement.value = lj_parse_expression(p);
  return finished(p, statement);
}

/* ---- programs -------------------------------------------------------------------- */

static struct lj_statement statement(struct lj_parser *p)
{
  if (lj_at_word(p, "def"))
    return definition(p);
  if (begins_result(p))
    return result(p);
  return is_followed_by(p, 1, ':') ? declaration(p) : binding(p);
}

static void unused_value(struct lj_parser *p, const struct lj_syntax *value)
{
  struct lj_report *report = lj_report(p->diags, LJ_D_UNUSED_VALUE, value->span);
  lj_fix(p->diags, report, value->span, NULL, "bind it to a name, or remove it");
}

static void missing_value(struct lj_parser *p)
{
  struct lj_span span = lj_previous_span(p);
  struct lj_report *report;
  span.begin = span.end;
  report = lj_report(p->diags, LJ_D_MISSING_VALUE, span);
  lj_fix(p->diags, report, span, NULL,
         "end with the loss, for example mean(square(y_pred - y_true), axis=-1)");
}

static struct lj_program *program(struct lj_parser *p)
{
  struct lj_program *program = LJ_NEW(p->arena, struct lj_program);
  uint32_t capacity = 0, errors_before = 0;
  while (lj_peek(p, 0)->kind != LJ_T_END) {
    if (program->value != NULL && p->diags->error_count == errors_before)
      unused_value(p, program->value);
    errors_before = p->diags->error_count;
    program->value = NULL;
    if (begins_statement(p)) {
      LJ_GROW(p->arena, program->statements, program->statement_count, capacity);
      program->statements[program->statement_count++] = statement(p);
    } else {
      program->value = lj_parse_expression(p);
    }
    end_statement(p, false);
  }
  return program;
}

struct lj_program *lj_parse(struct lj_arena *arena, struct lj_diags *diags,
                            const struct lj_source *source, uint32_t source_number,
                            uint32_t depth_limit, bool is_library)
{
  uint32_t errors_before = diags->error_count;
  struct lj_source ours = lj_without_python(arena, diags, source, source_number);
  struct lj_tokens tokens = lj_lex(arena, diags, &ours, source_number);
  struct lj_parser p = {.arena = arena,
                        .diags = diags,
                        .source = source,
                        .tokens = tokens.items,
                        .token_count = tokens.count,
                        .depth_limit =
                            depth_limit < MOST_DEPTH ? depth_limit : MOST_DEPTH};
  struct lj_program *parsed = program(&p);
  if (is_library && parsed->value != NULL)
    unused_value(&p, parsed->value);
  if (!is_library && parsed->value == NULL) {
    if (diags->error_count == errors_before)
      missing_value(&p);
    parsed->value = lj_error_node(&p, lj_previous_span(&p));
  }
  return parsed;
}
