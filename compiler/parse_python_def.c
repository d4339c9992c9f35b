/*
 * A Python function as a definition of ours.
 *
 * The lines of the body are put behind each other with ';' between them and read by the
 * parser, which takes prefixes and methods for what they mean; the spellings of other
 * libraries are replaced in the tree, and the tree is printed. Anything that is more
 * than bindings and one return, or that the parser could not read, gives nothing.
 */
#include "compiler/diag_report.h"
#include "compiler/parse.h"
#include "compiler/parse_foreign.h"

#include <string.h>

struct piece {
  const char *text;
  size_t length;
};

static struct piece trimmed(struct piece piece)
{
  while (piece.length && strchr(" \t\r\n", *piece.text))
    piece.text++, piece.length--;
  while (piece.length && strchr(" \t\r\n", piece.text[piece.length - 1]))
    piece.length--;
  return piece;
}

static bool is_name_part(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (c >= '0' && c <= '9');
}

/* The value behind 'return'; an empty piece if the line is none. */
static struct piece returned(struct piece line)
{
  const size_t length = strlen("return");
  if (line.length <= length || memcmp(line.text, "return", length) != 0 ||
      is_name_part(line.text[length]))
    return (struct piece){NULL, 0};
  return trimmed((struct piece){line.text + length, line.length - length});
}

/* name = value, and not name == value. */
static bool is_binding(struct piece line)
{
  size_t i = 0;
  while (i < line.length && is_name_part(line.text[i]))
    i++;
  if (i == 0 || (*line.text >= '0' && *line.text <= '9'))
    return false;
  while (i < line.length && strchr(" \t", line.text[i]))
    i++;
  return i + 1 < line.length && line.text[i] == '=' && line.text[i + 1] != '=';
}

/* Lines end where ours do, without the '\' that continues them in Python. */
static void add_piece(struct lj_text *to, struct piece piece)
{
  for (size_t i = 0; i < piece.length; i++)
    if (piece.text[i] != '\\' || i + 1 == piece.length || piece.text[i + 1] != '\n')
      lj_text_bytes(to, piece.text + i, 1);
}

/* ---- parameters ------------------------------------------------------------------ */

/* (a, b: float = 1.0) without the types. */
static void add_parameters(struct lj_text *to, struct piece piece)
{
  int depth = 0;
  bool in_type = false;
  for (size_t i = 0; i < piece.length; i++) {
    char c = piece.text[i];
    bool ends = (depth == 1 && (c == ',' || c == '=')) || (depth == 1 && c == ')');
    if (ends)
      in_type = false;
    else if (depth == 1 && c == ':')
      in_type = true;
    depth += c == '(' || c == '[';
    depth -= c == ')' || c == ']';
    if (!in_type)
      lj_text_bytes(to, &c, 1);
  }
}

/* ---- the body -------------------------------------------------------------------- */

/* The statements as our body; false if they are anything else. */
static bool add_body(struct lj_text *to, const struct lj_source *source,
                     struct lj_span body)
{
  bool done = false;
  for (size_t i = body.begin; i < body.end;) {
    size_t end = lj_python_line_end(source, i, true);
    struct piece line = trimmed((struct piece){source->text + i, end - i});
    i = end + 1;
    if (!line.length || strchr("#\"'", *line.text))
      continue; /* a comment or a docstring */
    if (done)
      return false;
    if (returned(line).length) {
      add_piece(to, returned(line));
      done = true;
    } else if (is_binding(line)) {
      add_piece(to, line);
      lj_text_add(to, "\n;");
    } else {
      return false;
    }
  }
  return done;
}

/* ---- the tree -------------------------------------------------------------------- */

static bool has_error(const struct lj_syntax *node)
{
  if (node == NULL)
    return false;
  if (node->kind == LJ_S_ERROR)
    return true;
  for (uint32_t i = 0; i < node->child_count; i++)
    if (has_error(node->children[i]))
      return true;
  return false;
}

/* Was everything read as what was meant? */
static bool was_understood(const struct lj_diags *diags)
{
  if (diags->error_count >= diags->capacity_limit)
    return false;
  for (const struct lj_report *r = diags->first; r; r = r->next)
    if (r->id != LJ_D_FOREIGN_PREFIX && r->id != LJ_D_FOREIGN_OPERATOR)
      return false;
  return true;
}

static bool rewrite(struct lj_arena *arena, struct lj_statement *definition)
{
  for (uint32_t i = 0; i < definition->body_count; i++) {
    if (has_error(definition->body[i].value))
      return false;
    definition->body[i].value = lj_foreign_rewrite(arena, definition->body[i].value);
  }
  if (has_error(definition->value))
    return false;
  definition->value = lj_foreign_rewrite(arena, definition->value);
  return true;
}

/* ---- the call -------------------------------------------------------------------- */

static bool contains(const char *name, const char *part)
{
  return strstr(name, part) != NULL;
}

static bool is_prediction(const char *name)
{
  return contains(name, "pred") || contains(name, "input") || contains(name, "logit") ||
         contains(name, "out") || contains(name, "hat");
}

/* f(y_true, y_pred) by what the parameters without a default are called. */
static void add_call(struct lj_text *to, const struct lj_statement *definition)
{
  uint32_t required = 0;
  bool swapped;
  while (required < definition->parameter_count && !definition->defaults[required])
    required++;
  if (required != 1 && required != 2)
    return;
  swapped = required == 2 && is_prediction(definition->parameters[0]) &&
            !is_prediction(definition->parameters[1]);
  lj_text_add(to, "%s(%s)", definition->name,
              required == 1 ? "y_pred"
              : swapped     ? "y_pred, y_true"
                            : "y_true, y_pred");
}

const char *lj_python_as_definition(struct lj_arena *arena,
                                    const struct lj_source *source,
                                    const struct lj_python_function *function)
{
  struct lj_text raw = {.arena = arena}, ours = {.arena = arena};
  struct lj_span name = function->name, parameters = function->parameters;
  struct lj_program *program;
  struct lj_source text;
  struct lj_diags diags;

  lj_text_add(&raw, "def ");
  lj_text_bytes(&raw, source->text + name.begin, name.end - name.begin);
  add_parameters(&raw, (struct piece){source->text + parameters.begin,
                                      parameters.end - parameters.begin});
  lj_text_add(&raw, " = {");
  if (!add_body(&raw, source, function->body))
    return NULL;
  lj_text_add(&raw, "\n};");
  text = (struct lj_source){"python", raw.text, raw.length};
  lj_diags_init(&diags, arena, &text, 1);
  program = lj_parse(arena, &diags, &text, 0, 64, true);
  if (!was_understood(&diags) || program->statement_count != 1 || program->value ||
      program->statements[0].kind != LJ_STATEMENT_DEFINE ||
      !rewrite(arena, &program->statements[0]))
    return NULL;
  lj_syntax_print(&ours, program);
  if (function->is_alone)
    add_call(&ours, &program->statements[0]);
  else
    ours.text[ours.length - 1] = '\0'; /* the line goes on where the function ended */
  return ours.text;
}
