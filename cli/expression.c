/*
 * EXPR, and a glance into it.
 *
 * Data on the command line declares what the text leaves open, so the command has to
 * know which names the text declares itself before it compiles it. That takes no
 * parser: a declaration is a name followed by a colon outside of all brackets, and
 * nothing else in the language is. Comments are skipped.
 */
#include "cli/expression.h"
#include "cli/data.h"
#include "cli/terminal.h"

#include <ctype.h>
#include <string.h>

bool cli_read_expression(struct cli *cli, const char *argument, struct cli_text *text)
{
  struct cli_error error;
  char *bytes;
  bool is_file = *argument == '@';
  if (!is_file && strcmp(argument, "-") != 0) {
    *text = (struct cli_text){argument, strlen(argument), NULL};
    return true;
  }
  const char *path = is_file ? argument + 1 : "-";
  if (!cli_read_file(&cli->pool, path, CLI_TEXT_LIMIT, &bytes, &text->length, &error)) {
    cli_report("%s", error.text);
    return false;
  }
  text->text = bytes;
  text->name = is_file ? path : "<stdin>";
  return true;
}

struct scan {
  const char *at, *end;
  int depth;        /* of brackets */
  const char *word; /* the name that was read last */
  size_t word_length;
};

static bool is_word(char c)
{
  return isalnum((unsigned char)c) || c == '_';
}

/* Skip white space and comments. */
static void skip_space(struct scan *scan)
{
  while (scan->at < scan->end) {
    if (*scan->at == '#')
      while (scan->at < scan->end && *scan->at != '\n')
        scan->at++;
    else if (isspace((unsigned char)*scan->at))
      scan->at++;
    else
      return;
  }
}

/* Go to the next name; false at the end. */
static bool next_word(struct scan *scan)
{
  for (;;) {
    skip_space(scan);
    if (scan->at == scan->end)
      return false;
    const char *begin = scan->at;
    char c = *begin;
    if (is_word(c)) {
      while (scan->at < scan->end && is_word(*scan->at))
        scan->at++;
      scan->word = begin;
      scan->word_length = (size_t)(scan->at - begin);
      if (!isdigit((unsigned char)c))
        return true;
      continue;
    }
    scan->depth += c == '(' || c == '[' || c == '{';
    scan->depth -= c == ')' || c == ']' || c == '}';
    scan->at++;
  }
}

static bool accept(struct scan *scan, char c)
{
  skip_space(scan);
  bool there = scan->at < scan->end && *scan->at == c;
  scan->at += there;
  return there;
}

static bool word_is(const struct scan *scan, const char *name)
{
  return strlen(name) == scan->word_length &&
         memcmp(scan->word, name, scan->word_length) == 0;
}

enum cli_declared cli_text_declares(const struct cli_text *text, const char *name)
{
  struct scan scan = {.at = text->text, .end = text->text + text->length};
  while (next_word(&scan)) {
    if (scan.depth != 0 || !word_is(&scan, name) || !accept(&scan, ':'))
      continue;
    next_word(&scan); /* the type */
    return accept(&scan, '=') ? CLI_DECLARED_PARAMETER : CLI_DECLARED_ARRAY;
  }
  return CLI_UNDECLARED;
}

bool cli_text_mentions(const struct cli_text *text, const char *name)
{
  struct scan scan = {.at = text->text, .end = text->text + text->length};
  while (next_word(&scan))
    if (word_is(&scan, name))
      return true;
  return false;
}

const char *cli_text_nearest(struct cli_pool *pool, const struct cli_text *text,
                             const char *name)
{
  struct scan scan = {.at = text->text, .end = text->text + text->length};
  const char *nearest = NULL;
  while (next_word(&scan)) {
    const char *words[] = {nearest, cli_copy(pool, scan.word, scan.word_length)};
    bool first = !nearest;
    nearest = cli_nearest(name, words + first, 2 - (size_t)first);
  }
  return nearest;
}
