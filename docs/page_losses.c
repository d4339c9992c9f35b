/*
 * docs/losses.md: the prelude, each definition with its signature and summary, under
 * the headings of grammar/prelude.loss.
 *
 * The entries come from the library, as `lossjit losses` shows them; the text itself is
 * read only for the headings, lines of the form `# ---- regression ----`.
 */
#include "compiler/prelude.h"
#include "docs/pages.h"
#include "lossjit.h"

#include <ctype.h>
#include <string.h>

#define HEADING "\n# ---- "

/* A heading of the prelude's text; `title` is NULL behind the last one. */
struct heading {
  const char *title;
  size_t length;
};

/* The last heading before `place`. */
static struct heading heading_before(const char *place)
{
  struct heading found = {NULL, 0};
  const char *at = lj_prelude_text;

  while ((at = strstr(at, HEADING)) && at < place) {
    at += strlen(HEADING);
    found.title = at;
    found.length = strcspn(at, "\n");
    while (found.length && strchr("- ", at[found.length - 1]))
      found.length--;
  }
  return found;
}

static struct heading heading_of(const lossjit_prelude_entry *entry)
{
  const char *place = strstr(lj_prelude_text, entry->definition);

  return place ? heading_before(place) : (struct heading){NULL, 0};
}

/* "huber(y_true, y_pred, delta=1.0)": from behind `def` to the matching parenthesis, on
 * one line. */
static void write_signature(FILE *page, const char *definition)
{
  const char *at = definition + strlen("def ");
  int depth = 0;

  for (; *at; at++) {
    if (*at == '\n') {
      while (isspace((unsigned char)at[1]))
        at++;
      putc(' ', page);
      continue;
    }
    putc(*at, page);
    depth += (*at == '(') - (*at == ')');
    if (*at == ')' && depth == 0)
      break;
  }
}

/* Does the text begin with a word, rather than with a formula? */
static bool is_word(const char *text)
{
  size_t length = 0;

  while (isalpha((unsigned char)text[length]))
    length++;
  return length > 1 && (!text[length] || strchr(" -,;:", text[length]));
}

static void write_sentence(FILE *page, const char *words)
{
  if (!*words)
    return;
  if (is_word(words))
    putc(toupper((unsigned char)*words++), page);
  write_words(page, words, strlen(words));
  fputs(words[strlen(words) - 1] == '.' ? "\n\n" : ".\n\n", page);
}

static void write_entry(FILE *page, const lossjit_prelude_entry *entry)
{
  fprintf(page, "\n### %s\n\n    ", entry->name);
  write_signature(page, entry->definition);
  fputs("\n\n", page);
  write_sentence(page, entry->summary);
  fprintf(page, "```\n%s\n```\n", entry->definition);
}

static void write_heading(FILE *page, const lossjit_engine *engine, size_t first)
{
  const lossjit_prelude_entry *entry = lossjit_prelude(engine, first);
  struct heading heading = heading_of(entry);
  size_t column = 0;

  fprintf(page, "\n## %c%.*s\n\n", toupper((unsigned char)heading.title[0]),
          (int)heading.length - 1, heading.title + 1);
  for (size_t i = first; (entry = lossjit_prelude(engine, i)); i++) {
    if (heading_of(entry).title != heading.title)
      break;
    write_link(page, entry->name, i > first ? "," : "", &column);
  }
  putc('\n', page);
}

static bool write_entries(FILE *page, const lossjit_engine *engine)
{
  const lossjit_prelude_entry *entry;
  const char *current = NULL;

  for (size_t i = 0; (entry = lossjit_prelude(engine, i)); i++) {
    struct heading heading = heading_of(entry);
    if (!heading.title) {
      fprintf(stderr, "lossjit-docs: %s stands under no heading\n", entry->name);
      return false;
    }
    if (heading.title != current)
      write_heading(page, engine, i);
    current = heading.title;
    write_entry(page, entry);
  }
  return true;
}

bool write_losses(FILE *page)
{
  lossjit_engine *engine;
  bool good;

  if (lossjit_engine_create(NULL, &engine) != LOSSJIT_OK) {
    fputs("lossjit-docs: cannot make an engine\n", stderr);
    return false;
  }
  fputs(
      "# Named losses and functions\n\n"
      "<!-- Written by lossjit-docs from grammar/prelude.loss. -->\n\n"
      "Each is written in the language itself and can be called by name, alone or in\n"
      "a larger expression; copy a definition into a text to change it.\n"
      "`lossjit losses NAME` shows one, and\n"
      "`lossjit show 'NAME(y_true, y_pred)' --stage gradient` its derivative. What a\n"
      "loss with `axis=-1` leaves is one value per sample; how samples are weighted\n"
      "and averaged is a matter of the call ([language](language.md#the-call)).\n",
      page);
  good = write_entries(page, engine);
  lossjit_engine_release(engine);
  return good;
}
