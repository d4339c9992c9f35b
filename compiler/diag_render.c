/*
 * How diagnostics look, after clang and rustc:
 *
 *     expression:1:21: error[LJ0304]: shapes (batch, 2) and (3,) do not fit together
 *       1 | sum(square(y_pred)*[0.3, 0.3, 0.4], axis=1)
 *         |                    ^~~~~~~~~~~~~~~
 *     expression:1:5: note: this has shape (batch, 2)
 *       1 | sum(square(y_pred)*[0.3, 0.3, 0.4], axis=1)
 *         |     ^~~~~~~~~~~~~~
 *       fix: give one weight per column
 *
 * A column is one character, whatever its bytes; tabs stay tabs in both lines, so that
 * the caret stands right at any tab width. A line too long for a terminal is cut around
 * the caret. Bytes that a terminal should not be sent show as U+FFFD.
 */
#include "compiler/diag_report.h"
#include "compiler/utf8.h"

#include <stdio.h>
#include <string.h>

enum {
  LONGEST_LINE = 120, /* bytes that are shown whole */
  BEFORE_CARET = 40,  /* characters around the caret of a longer line */
  AFTER_CARET = 60
};

/* ---- places ---------------------------------------------------------------------- */

static uint32_t count_lines(const char *text, size_t length, size_t *line_begin)
{
  const char *at = text;
  const char *end = text + length;
  uint32_t line = 1;
  const char *newline;
  while (at < end && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
    at = newline + 1;
    line++;
  }
  *line_begin = (size_t)(at - text);
  return line;
}

static uint32_t count_characters(const char *text, size_t length)
{
  uint32_t count = 0;
  size_t bytes;
  for (size_t at = 0; at < length; at += bytes, count++)
    lj_utf8_read(text + at, length - at, &bytes);
  return count;
}

bool lj_place_of(const struct lj_diags *diags, struct lj_span span,
                 struct lj_place *place)
{
  const struct lj_source *source;
  const char *newline;
  if (span.source >= diags->source_count || (span.begin == 0 && span.end == 0))
    return false;
  source = &diags->sources[span.source];
  if (source->text == NULL || span.begin > source->length)
    return false;
  place->line = count_lines(source->text, span.begin, &place->line_begin);
  place->column = 1 + count_characters(source->text + place->line_begin,
                                       span.begin - place->line_begin);
  newline = memchr(source->text + span.begin, '\n', source->length - span.begin);
  place->line_end = newline != NULL ? (size_t)(newline - source->text) : source->length;
  if (place->line_end > span.begin && source->text[place->line_end - 1] == '\r')
    place->line_end--;
  return true;
}

/* ---- source lines ---------------------------------------------------------------- */

/* Bytes [begin, end) of a source that are shown, and whether the line goes on. */
struct window {
  size_t begin, end;
  bool cut_before, cut_after;
};

/* Where the character before byte `at` begins. */
static size_t step_back(const char *text, size_t at, size_t lowest)
{
  size_t bytes;
  for (size_t before = at - 1; at - before <= 4; before--) {
    if (lj_utf8_read(text + before, at - before, &bytes) != LJ_UTF8_BAD &&
        before + bytes == at)
      return before;
    if (before == lowest)
      break;
  }
  return at - 1;
}

static struct window window_around(const char *text, const struct lj_place *place,
                                   size_t caret)
{
  struct window window = {place->line_begin, place->line_end, false, false};
  size_t begin = caret, end = caret, bytes;
  if (place->line_end - place->line_begin <= LONGEST_LINE)
    return window;
  for (int i = 0; i < BEFORE_CARET && begin > place->line_begin; i++)
    begin = step_back(text, begin, place->line_begin);
  for (int i = 0; i < AFTER_CARET && end < place->line_end; i++, end += bytes)
    lj_utf8_read(text + end, place->line_end - end, &bytes);
  window.cut_before = begin > place->line_begin;
  window.cut_after = end < place->line_end;
  window.begin = begin;
  window.end = end;
  return window;
}

static void add_line(struct lj_text *to, const char *text, struct window window)
{
  size_t bytes;
  lj_text_add(to, "%s", window.cut_before ? "..." : "");
  for (size_t at = window.begin; at < window.end; at += bytes) {
    uint32_t code = lj_utf8_read(text + at, window.end - at, &bytes);
    if (code == '\t' || lj_utf8_is_printable(code))
      lj_text_bytes(to, text + at, bytes);
    else
      lj_text_bytes(to, "\xEF\xBF\xBD", 3);
  }
  lj_text_add(to, "%s\n", window.cut_after ? "..." : "");
}

/* Blanks up to the span, a caret under its first character, tildes under the others. */
static void add_caret(struct lj_text *to, const char *text, struct window window,
                      struct lj_span span)
{
  size_t bytes;
  bool pointed = false;
  lj_text_add(to, "%s", window.cut_before ? "   " : "");
  for (size_t at = window.begin; at < window.end && (!pointed || at < span.end);
       at += bytes) {
    lj_utf8_read(text + at, window.end - at, &bytes);
    if (at >= span.begin)
      lj_text_bytes(to, pointed ? "~" : "^", 1);
    else
      lj_text_bytes(to, text[at] == '\t' ? "\t" : " ", 1);
    pointed = at >= span.begin;
  }
  lj_text_add(to, "%s\n", pointed ? "" : "^");
}

static void add_excerpt(struct lj_text *to, const struct lj_diags *diags,
                        struct lj_span span, const struct lj_place *place)
{
  const char *text = diags->sources[span.source].text;
  size_t caret = span.begin < place->line_end ? span.begin : place->line_end;
  struct window window = window_around(text, place, caret);
  char number[16];
  int width = snprintf(number, sizeof number, "%u", (unsigned)place->line);
  if (width < 3)
    width = 3;
  lj_text_add(to, "%*s | ", width, number);
  add_line(to, text, window);
  lj_text_add(to, "%*s | ", width, "");
  add_caret(to, text, window, span);
}

/* ---- reports --------------------------------------------------------------------- */

/* "NAME:LINE:COLUMN: KIND: WORDS" and the line it is about. */
static void add_statement(struct lj_text *to, const struct lj_diags *diags,
                          struct lj_span span, const char *kind, const char *words)
{
  struct lj_place place;
  if (!lj_place_of(diags, span, &place)) {
    lj_text_add(to, "%s: %s: %s\n", diags->sources[0].name, kind, words);
    return;
  }
  lj_text_add(to, "%s:%u:%u: %s: %s\n", diags->sources[span.source].name,
              (unsigned)place.line, (unsigned)place.column, kind, words);
  add_excerpt(to, diags, span, &place);
}

static void add_report(struct lj_text *to, const struct lj_diags *diags,
                       const struct lj_report *report)
{
  const struct lj_diag_row *row = &lj_diag_rows[report->id];
  char kind[32];
  snprintf(kind, sizeof kind, "%s[%s]",
           row->severity == LOSSJIT_ERROR ? "error" : "warning", row->code);
  add_statement(to, diags, report->span, kind, report->message);
  for (const struct lj_note *note = report->first_note; note; note = note->next) {
    if (note->span.begin == note->span.end)
      lj_text_add(to, "  note: %s\n", note->text);
    else
      add_statement(to, diags, note->span, "note", note->text);
  }
  if (report->fix != NULL)
    lj_text_add(to, "  fix: %s\n", report->fix);
}

void lj_diags_render(struct lj_text *to, const struct lj_diags *diags,
                     struct lj_report *const *reports, size_t count)
{
  uint32_t kept_errors = 0;
  for (size_t i = 0; i < count; i++) {
    add_report(to, diags, reports[i]);
    kept_errors += lj_diag_rows[reports[i]->id].severity == LOSSJIT_ERROR;
  }
  if (diags->error_count > kept_errors)
    lj_text_add(to, "%u more error%s not shown\n",
                (unsigned)(diags->error_count - kept_errors),
                diags->error_count - kept_errors == 1 ? " is" : "s are");
}
