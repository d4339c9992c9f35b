/*
 * Python that was pasted whole: functions with an indented body, classes, imports,
 * decorators, docstrings.
 *
 * Read word by word such a text gives a dozen diagnostics that all mean one thing. So
 * before the text is read, each of these is found where a statement could begin, refused
 * once with what to write instead, and taken out. What is left is read as always.
 * Nothing is looked for in the middle of a line, and looking ahead is bounded.
 */
#include "compiler/parse.h"

#include <string.h>

struct scan {
  struct lj_arena *arena;
  struct lj_diags *diags;
  const struct lj_source *source;
  uint32_t number;
  char *masked; /* NULL: nothing was found */
};

enum {
  MOST_HEAD =
      1000, /* bytes of a function's parameters: looked through again and again */
  MOST_QUOTED = 4000, /* of a function for which a replacement is offered */
  MOST_DECORATORS = 8,
  MOST_BYTES = 1 << 24 /* longer texts are refused by the lexer */
};

/* ---- characters ------------------------------------------------------------------ */

static char at(const struct lj_source *s, size_t i)
{
  return i < s->length ? s->text[i] : '\0';
}

static bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

static bool is_name_part(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (c >= '0' && c <= '9');
}

static size_t skip_blanks(const struct lj_source *s, size_t i)
{
  while (is_blank(at(s, i)))
    i++;
  return i;
}

static size_t skip_name(const struct lj_source *s, size_t i)
{
  while (is_name_part(at(s, i)))
    i++;
  return i;
}

static size_t skip_line(const struct lj_source *s, size_t i)
{
  const char *newline = i < s->length ? memchr(s->text + i, '\n', s->length - i) : NULL;
  return newline ? (size_t)(newline - s->text) : s->length;
}

/* Behind the word and the blanks after it; 0 if it does not stand at `i`. */
static size_t after_word(const struct lj_source *s, size_t i, const char *word)
{
  size_t length = strlen(word);
  if (s->length - i <= length || memcmp(s->text + i, word, length) != 0 ||
      !is_blank(s->text[i + length]))
    return 0;
  i = skip_blanks(s, i + length);
  return is_name_part(at(s, i)) ? i : 0;
}

/* ---- quotes and lines ------------------------------------------------------------ */

static bool is_triple(const struct lj_source *s, size_t i)
{
  return (at(s, i) == '"' || at(s, i) == '\'') && at(s, i + 1) == at(s, i) &&
         at(s, i + 2) == at(s, i);
}

/* Behind the text in quotes at `i`. */
static size_t skip_quoted(const struct lj_source *s, size_t i)
{
  char quote = at(s, i);
  bool triple = is_triple(s, i);
  for (i += triple ? 3 : 1; i < s->length; i++) {
    if (at(s, i) == '\\')
      i++;
    else if (at(s, i) == quote && (!triple || is_triple(s, i)))
      return i + (triple ? 3 : 1);
    else if (at(s, i) == '\n' && !triple)
      return i;
  }
  return s->length;
}

size_t lj_python_line_end(const struct lj_source *s, size_t i, bool statement)
{
  int depth = 0;
  while (i < s->length) {
    char c = at(s, i);
    if (c == '"' || c == '\'') {
      i = skip_quoted(s, i);
      continue;
    }
    if (c == '#') {
      i = skip_line(s, i);
      continue;
    }
    if (c == '\\' && at(s, i + 1) == '\n')
      i++;
    else if (depth <= 0 && (c == '\n' || (statement && c == ';')))
      return i;
    depth += c == '(' || c == '[' || c == '{';
    depth -= c == ')' || c == ']' || c == '}';
    i++;
  }
  return s->length;
}

/* ---- blocks ---------------------------------------------------------------------- */

static size_t indent_of(const struct lj_source *s, size_t i)
{
  size_t line = i;
  while (line > 0 && s->text[line - 1] != '\n')
    line--;
  return skip_blanks(s, line) - line;
}

/* The end of what the header at `begin` is followed by, its ':' being before `body`:
 * the rest of its line, or the lines that are indented more. */
static size_t block_end(const struct lj_source *s, size_t begin, size_t body)
{
  size_t indent = indent_of(s, begin), end, next;
  char first = at(s, skip_blanks(s, body));
  end = lj_python_line_end(s, body, false);
  if (first != '\n' && first != '#' && first != '\0')
    return end;
  for (next = end; next < s->length;) {
    size_t text = skip_blanks(s, next + 1);
    if (at(s, text) == '\n') {
      next = text;
      continue;
    }
    if (text >= s->length || text - (next + 1) <= indent)
      return end;
    end = next = lj_python_line_end(s, text, false);
  }
  return end;
}

/* Behind the bracket that closes the one at `i`; 0 if it is not near. */
static size_t skip_brackets(const struct lj_source *s, size_t i)
{
  size_t last = i + MOST_HEAD < s->length ? i + MOST_HEAD : s->length;
  int depth = 0;
  for (; i < last; i++) {
    char c = s->text[i];
    depth += c == '(' || c == '[';
    depth -= c == ')' || c == ']';
    if (depth == 0)
      return i + 1;
    if (c == ';')
      return 0;
  }
  return 0;
}

/* ---- what there is --------------------------------------------------------------- */

static struct lj_span span_of(const struct scan *scan, size_t begin, size_t end)
{
  return (struct lj_span){(uint32_t)begin, (uint32_t)end, scan->number};
}

/* Refuse bytes [begin, end), and put spaces there. */
static struct lj_report *refuse(struct scan *scan, size_t begin, size_t end,
                                const char *what)
{
  const struct lj_source *s = scan->source;
  if (!scan->masked)
    scan->masked = lj_copy_text(scan->arena, s->text, s->length);
  for (size_t i = begin; i < end; i++)
    if (scan->masked[i] != '\n')
      scan->masked[i] = ' ';
  return lj_report(scan->diags, LJ_D_PYTHON, span_of(scan, begin, end), what);
}

static void remove_it(struct scan *scan, struct lj_report *report, size_t begin,
                      size_t end, const char *why)
{
  lj_fix(scan->diags, report, span_of(scan, begin, end), "", "remove it: %s", why);
}

/* Behind import a.b as c; or from a import b; 0 if neither stands at `i`. */
static size_t skip_import(const struct lj_source *s, size_t i)
{
  size_t end = after_word(s, i, "import"), name = after_word(s, i, "from");
  if (name) {
    while (is_name_part(at(s, name)) || at(s, name) == '.')
      name++;
    end = after_word(s, skip_blanks(s, name), "import");
  }
  if (!end)
    return 0;
  end = lj_python_line_end(s, end, true);
  return end + (at(s, end) == ';');
}

/* One import, or several that follow each other. */
static size_t import_at(struct scan *scan, size_t begin)
{
  const struct lj_source *s = scan->source;
  size_t end = skip_import(s, begin), next = end;
  if (!end)
    return 0;
  while (next) {
    end = next;
    next = skip_blanks(s, end);
    next = skip_import(s, next + (at(s, next) == '\n'));
  }
  remove_it(scan, refuse(scan, begin, end, "an import"), begin, end,
            "functions are called by their bare names");
  return end;
}

static size_t docstring_at(struct scan *scan, size_t begin)
{
  size_t end;
  if (!is_triple(scan->source, begin))
    return 0;
  end = skip_quoted(scan->source, begin);
  remove_it(scan, refuse(scan, begin, end, "a docstring"), begin, end,
            "comments begin with #");
  return end;
}

static size_t class_at(struct scan *scan, size_t from, size_t begin)
{
  const struct lj_source *s = scan->source;
  size_t head = after_word(s, begin, "class"), end;
  if (!head)
    return 0;
  head = skip_blanks(s, skip_name(s, head));
  if (at(s, head) == '(' && (head = skip_brackets(s, head)) == 0)
    return 0;
  head = skip_blanks(s, head);
  if (at(s, head) != ':')
    return 0;
  end = block_end(s, begin, head + 1);
  lj_fix(scan->diags, refuse(scan, from, end, "a class"), span_of(scan, from, end),
         NULL,
         "write the loss alone, for example mean(square(y_pred - y_true), "
         "axis=-1)");
  return end;
}

/* Is there nothing but comments behind `i`? */
static bool is_last(const struct lj_source *s, size_t i)
{
  while (i < s->length) {
    char c = at(s, i);
    if (c == '#')
      i = skip_line(s, i);
    else if (!is_blank(c) && c != '\n' && c != ';')
      return false;
    else
      i++;
  }
  return true;
}

static void fix_function(struct scan *scan, struct lj_report *report, size_t from,
                         size_t end, const struct lj_python_function *function)
{
  const char *ours = NULL;
  if (scan->diags->error_count < scan->diags->capacity_limit &&
      end - from <= MOST_QUOTED)
    ours = lj_python_as_definition(scan->arena, scan->source, function);
  lj_fix(scan->diags, report, span_of(scan, from, end), ours, "write %s",
         ours ? ours : "'def f(a) = a*a;' or 'def f(a) = { b = a + 1; b*b };'");
}

/* def name(parameters): with what belongs to it, and the decorators from `from` on. */
static size_t function_at(struct scan *scan, size_t from, size_t begin)
{
  const struct lj_source *s = scan->source;
  struct lj_python_function function;
  size_t name = after_word(s, begin, "def"), open, close, colon, end;
  if (!name)
    return 0;
  open = skip_blanks(s, skip_name(s, name));
  close = at(s, open) == '(' ? skip_brackets(s, open) : 0;
  if (!close)
    return 0;
  colon = skip_blanks(s, close);
  if (at(s, colon) == '-' && at(s, colon + 1) == '>')
    while (colon < s->length && at(s, colon) != ':' && at(s, colon) != '\n')
      colon++;
  if (at(s, colon) != ':')
    return 0;
  end = block_end(s, begin, colon + 1);
  function =
      (struct lj_python_function){.name = span_of(scan, name, skip_name(s, name)),
                                  .parameters = span_of(scan, open, close),
                                  .body = span_of(scan, colon + 1, end),
                                  .is_alone = is_last(s, end)};
  fix_function(scan, refuse(scan, from, end, "a function with a Python body"), from,
               end, &function);
  return end;
}

/* @a lines, then a function or class. */
static size_t decorated_at(struct scan *scan, size_t begin)
{
  const struct lj_source *s = scan->source;
  size_t i = begin, end;
  for (int count = 0; at(s, i) == '@'; count++) {
    if (count == MOST_DECORATORS || !is_name_part(at(s, i + 1)))
      return 0;
    i = skip_line(s, i);
    while (at(s, i) == '\n')
      i = skip_blanks(s, i + 1);
  }
  end = function_at(scan, begin, i);
  return end ? end : class_at(scan, begin, i);
}

/* The end of the construct that begins at `i`; 0 if none does. */
static size_t construct_at(struct scan *scan, size_t i)
{
  switch (at(scan->source, i)) {
  case 'd':
    return function_at(scan, i, i);
  case 'c':
    return class_at(scan, i, i);
  case 'i':
  case 'f':
    return import_at(scan, i);
  case '@':
    return decorated_at(scan, i);
  case '"':
  case '\'':
    return docstring_at(scan, i);
  default:
    return 0;
  }
}

struct lj_source lj_without_python(struct lj_arena *arena, struct lj_diags *diags,
                                   const struct lj_source *source,
                                   uint32_t source_number)
{
  struct scan scan = {arena, diags, source, source_number, NULL};
  struct lj_source left = *source;
  size_t i = 0;
  while (i < source->length && source->length <= MOST_BYTES) {
    size_t begin = skip_blanks(source, i), end = construct_at(&scan, begin);
    i = end ? end : begin;
    while (i < source->length && !memchr("\n;#", source->text[i], 3))
      i++;
    i = at(source, i) == '#' ? skip_line(source, i) : i;
    i++;
  }
  if (scan.masked)
    left.text = scan.masked;
  return left;
}
