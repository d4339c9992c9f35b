/*
 * docs/diagnostics.md: every message of the compiler, with its explanation.
 *
 * An explanation is paragraphs and, indented, texts with the wrong and the right; the
 * latter become code blocks. What a message fills in is shown as an ellipsis.
 */
#include "docs/pages.h"

#include <string.h>

static const struct row {
  const char *code, *name, *severity, *format, *explanation;
} rows[] = {
#define DIAGNOSTIC(id, code, name, severity, format, explanation)                      \
  {code, name, #severity, format, explanation},
#include "grammar/diagnostics.def"
#undef DIAGNOSTIC
};

/* The groups of the table, by the first four characters of their codes. */
static const struct {
  const char *prefix, *title;
} groups[] = {
    {"LJ01", "Reading the text"}, {"LJ02", "Names and calls"},
    {"LJ03", "Shapes and types"}, {"LJ04", "The contract of a loss"},
    {"LJ05", "Limits"},
};

static const char *title_of(const char *code)
{
  for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
    if (!strncmp(code, groups[i].prefix, 4))
      return groups[i].title;
  return NULL;
}

static bool begins_group(size_t i)
{
  return i == 0 || strncmp(rows[i].code, rows[i - 1].code, 4) != 0;
}

/* The length of what comes before the next "%s", or of the rest. */
static size_t up_to_argument(const char *format)
{
  const char *argument = strstr(format, "%s");

  return argument ? (size_t)(argument - format) : strlen(format);
}

static void write_message(FILE *page, const struct row *row)
{
  const char *rest = row->format;

  fprintf(page, "%s: `", strcmp(row->severity, "ERROR") ? "Warning" : "Error");
  while (*rest) {
    size_t length = up_to_argument(rest);
    fprintf(page, "%.*s", (int)length, rest);
    rest += length;
    if (*rest) {
      fputs("…", page);
      rest += 2;
    }
  }
  fputs("`\n\n", page);
}

static bool is_code(const char *line)
{
  return line[0] == ' ' && line[1] == ' ';
}

static void write_explanation(FILE *page, const char *text)
{
  bool code = false;

  for (const char *line = text; *line;) {
    size_t length = strcspn(line, "\n");
    if (is_code(line) != code)
      fputs("```\n", page);
    code = is_code(line);
    if (code)
      fprintf(page, "%.*s", (int)length - 2, line + 2);
    else
      write_words(page, line, length);
    putc('\n', page);
    line += length + (line[length] == '\n');
  }
  if (code)
    fputs("```\n", page);
}

bool write_diagnostics(FILE *page)
{
  fputs(
      "# Diagnostics\n\n"
      "<!-- Written by lossjit-docs from grammar/diagnostics.def. -->\n\n"
      "Everything the compiler says about a text. A diagnostic has a code that never\n"
      "changes its meaning, the place in the text, notes on both sides of the\n"
      "conflict, and what to write instead. An ellipsis in a message stands for the\n"
      "facts of the case. `lossjit check --json` gives diagnostics as editors read\n"
      "them.\n",
      page);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (begins_group(i)) {
      const char *title = title_of(rows[i].code);
      if (!title) {
        fprintf(stderr, "lossjit-docs: %s belongs to no group\n", rows[i].code);
        return false;
      }
      fprintf(page, "\n## %s\n", title);
    }
    fprintf(page, "\n### %s %s\n\n", rows[i].code, rows[i].name);
    write_message(page, &rows[i]);
    write_explanation(page, rows[i].explanation);
  }
  return true;
}
