/*
 * Diagnostics: collecting reports, and sealing them into the public list.
 *
 * A report is kept if it says something new (another row or another place) and if fewer
 * than 20 of its severity are kept already; errors beyond that are only counted.
 * Callers always get a report to add notes and fixes to; what is not kept goes to a
 * muted one.
 *
 * The sealed list has an arena of its own, because it outlives the compile. Its spans
 * are those of the user's text; a note that lies in another source (the prelude) says
 * so in words instead. How diagnostics look is in diag_render.c.
 */
#include "compiler/diag_report.h"

#include <stdlib.h>
#include <string.h>

#define ERROR LOSSJIT_ERROR
#define WARNING LOSSJIT_WARNING
const struct lj_diag_row lj_diag_rows[LJ_D_COUNT] = {
#define DIAGNOSTIC(id, code, name, severity, format, explanation)                      \
  {code, name, severity, format},
#include "grammar/diagnostics.def"
#undef DIAGNOSTIC
};
#undef ERROR
#undef WARNING

enum {
  MOST_KEPT = 20,
  LONGEST_ARGUMENT = 120, /* bytes of a name or a shape in a message */
  LONGEST_WORDS = 500     /* bytes of a note or a fix */
};

struct lossjit_diagnostics {
  lossjit_allocator allocator;
  struct lj_arena arena;
  size_t count;
  lossjit_diagnostic *items;
  const char *text;
};

/* ---- collecting ------------------------------------------------------------------ */

void lj_diags_init(struct lj_diags *diags, struct lj_arena *arena,
                   const struct lj_source *sources, uint32_t source_count)
{
  *diags = (struct lj_diags){.arena = arena,
                             .sources = sources,
                             .source_count = source_count,
                             .muted = LJ_NEW(arena, struct lj_report),
                             .capacity_limit = MOST_KEPT};
}

static bool same_span(struct lj_span a, struct lj_span b)
{
  return a.begin == b.begin && a.end == b.end && a.source == b.source;
}

static bool is_known(const struct lj_diags *diags, enum lj_diag id, struct lj_span span)
{
  for (const struct lj_report *report = diags->first; report; report = report->next)
    if (report->id == id && same_span(report->span, span))
      return true;
  return false;
}

/* Errors and warnings are limited apart, so that warnings never crowd out an error. */
static bool has_room(const struct lj_diags *diags, lossjit_severity severity)
{
  uint32_t limit = diags->capacity_limit;
  uint32_t errors = diags->error_count < limit ? diags->error_count : limit;
  return severity == LOSSJIT_ERROR ? diags->error_count < limit
                                   : diags->count - errors < limit;
}

/* Add at most `longest` bytes, whole characters: names can be megabytes long. */
static void add_clipped(struct lj_text *to, const char *text, size_t longest)
{
  size_t length = strlen(text);
  bool is_long = length > longest;
  if (is_long)
    length = longest;
  while (is_long && length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
    length--;
  lj_text_bytes(to, text, length);
  lj_text_bytes(to, "...", is_long ? 3 : 0);
}

static const char *format_words(struct lj_arena *arena, const char *format,
                                va_list arguments)
{
  struct lj_text words = {.arena = arena}, clipped = {.arena = arena};
  lj_text_list(&words, format, arguments);
  if (words.length <= LONGEST_WORDS)
    return words.text;
  add_clipped(&clipped, words.text, LONGEST_WORDS);
  return clipped.text;
}

static char *format_message(struct lj_arena *arena, const char *format,
                            va_list arguments)
{
  struct lj_text text = {.arena = arena};
  for (const char *at = format; *at != '\0'; at++) {
    const char *piece;
    if (at[0] == '%' && at[1] == 's') {
      piece = va_arg(arguments, const char *);
      LJ_CHECK(arena->trap, piece != NULL);
      add_clipped(&text, piece, LONGEST_ARGUMENT);
      at++;
    } else {
      lj_text_bytes(&text, at, 1);
    }
  }
  return text.text;
}

struct lj_report *lj_report(struct lj_diags *diags, enum lj_diag id,
                            struct lj_span span, ...)
{
  const struct lj_diag_row *row;
  struct lj_report *report;
  va_list arguments;
  bool keep;
  LJ_CHECK(diags->arena->trap, (unsigned)id < LJ_D_COUNT);
  row = &lj_diag_rows[id];
  if (is_known(diags, id, span))
    return diags->muted;
  keep = has_room(diags, row->severity);
  if (row->severity == LOSSJIT_ERROR)
    diags->error_count++;
  if (!keep)
    return diags->muted;
  report = LJ_NEW(diags->arena, struct lj_report);
  report->id = id;
  report->span = span;
  va_start(arguments, span);
  report->message = format_message(diags->arena, row->format, arguments);
  va_end(arguments);
  if (diags->last != NULL)
    diags->last->next = report;
  else
    diags->first = report;
  diags->last = report;
  diags->count++;
  return report;
}

void lj_note(struct lj_diags *diags, struct lj_report *report, struct lj_span span,
             const char *format, ...)
{
  struct lj_note *note;
  va_list arguments;
  if (report == diags->muted)
    return;
  va_start(arguments, format);
  note = LJ_NEW(diags->arena, struct lj_note);
  note->span = span;
  note->text = format_words(diags->arena, format, arguments);
  va_end(arguments);
  if (report->last_note != NULL)
    report->last_note->next = note;
  else
    report->first_note = note;
  report->last_note = note;
  report->note_count++;
}

void lj_fix(struct lj_diags *diags, struct lj_report *report, struct lj_span span,
            const char *replacement, const char *format, ...)
{
  va_list arguments;
  if (report == diags->muted)
    return;
  va_start(arguments, format);
  report->fix = format_words(diags->arena, format, arguments);
  va_end(arguments);
  report->fix_span = span;
  report->replacement = replacement == NULL ? NULL
                                            : lj_copy_text(diags->arena, replacement,
                                                           strlen(replacement));
}

/* ---- sealing --------------------------------------------------------------------- */

struct ordered {
  struct lj_report *report;
  uint32_t order;
};

static int compare_place(const void *left, const void *right)
{
  const struct ordered *a = left, *b = right;
  if (a->report->span.source != b->report->span.source)
    return a->report->span.source < b->report->span.source ? -1 : 1;
  if (a->report->span.begin != b->report->span.begin)
    return a->report->span.begin < b->report->span.begin ? -1 : 1;
  return a->order < b->order ? -1 : 1;
}

static struct lj_report **sorted_reports(struct lj_diags *diags)
{
  struct ordered *all = LJ_NEW_ARRAY(diags->arena, struct ordered, diags->count);
  struct lj_report **reports =
      LJ_NEW_ARRAY(diags->arena, struct lj_report *, diags->count);
  uint32_t count = 0;
  for (struct lj_report *report = diags->first; report; report = report->next) {
    all[count].report = report;
    all[count].order = count;
    count++;
  }
  qsort(all, count, sizeof *all, compare_place);
  for (uint32_t i = 0; i < count; i++)
    reports[i] = all[i].report;
  return reports;
}

static lossjit_span public_span(const struct lj_diags *diags, struct lj_span span)
{
  struct lj_place place;
  lossjit_span nowhere = {0, 0, 1, 1};
  if (span.source != 0 || !lj_place_of(diags, span, &place))
    return nowhere;
  return (lossjit_span){span.begin, span.end, place.line, place.column};
}

/* A note that lies outside the user's text has no public span and names its place. */
static const char *public_note(struct lj_arena *arena, const struct lj_diags *diags,
                               const struct lj_note *note)
{
  struct lj_place place;
  if (note->span.source == 0 || !lj_place_of(diags, note->span, &place))
    return lj_copy_text(arena, note->text, strlen(note->text));
  return lj_format(arena, "%s (%s, line %u)", note->text,
                   diags->sources[note->span.source].name, (unsigned)place.line);
}

static void seal_notes(struct lj_arena *arena, const struct lj_diags *diags,
                       const struct lj_report *report, lossjit_diagnostic *item)
{
  const char **texts = LJ_NEW_ARRAY(arena, const char *, report->note_count);
  lossjit_span *spans = LJ_NEW_ARRAY(arena, lossjit_span, report->note_count);
  size_t count = 0;
  for (const struct lj_note *note = report->first_note; note; note = note->next) {
    texts[count] = public_note(arena, diags, note);
    spans[count] = public_span(diags, note->span);
    count++;
  }
  item->note_count = count;
  item->notes = texts;
  item->note_spans = spans;
}

static void seal_report(struct lj_arena *arena, const struct lj_diags *diags,
                        const struct lj_report *report, lossjit_diagnostic *item)
{
  const struct lj_diag_row *row = &lj_diag_rows[report->id];
  item->code = row->code;
  item->name = row->name;
  item->severity = row->severity;
  item->span = public_span(diags, report->span);
  item->message = lj_copy_text(arena, report->message, strlen(report->message));
  seal_notes(arena, diags, report, item);
  item->fix_span = public_span(diags, report->fix_span);
  if (report->fix != NULL)
    item->fix = lj_copy_text(arena, report->fix, strlen(report->fix));
  if (report->replacement != NULL && report->fix_span.source == 0)
    item->replacement =
        lj_copy_text(arena, report->replacement, strlen(report->replacement));
}

static void seal_all(lossjit_diagnostics *list, const struct lj_diags *diags,
                     struct lj_report *const *reports, const struct lj_text *rendered)
{
  list->items = LJ_NEW_ARRAY(&list->arena, lossjit_diagnostic, diags->count);
  for (uint32_t i = 0; i < diags->count; i++)
    seal_report(&list->arena, diags, reports[i], &list->items[i]);
  list->count = diags->count;
  list->text = lj_copy_text(&list->arena, rendered->text, rendered->length);
}

lossjit_diagnostics *lj_diags_seal(struct lj_diags *diags,
                                   const lossjit_allocator *allocator)
{
  struct lj_text rendered = {.arena = diags->arena};
  struct lj_trap trap;
  struct lj_report **reports;
  lossjit_diagnostics *list;
  if (diags->count == 0)
    return NULL;
  reports = sorted_reports(diags);
  lj_diags_render(&rendered, diags, reports, diags->count);
  list = allocator->resize(allocator->user, NULL, sizeof *list);
  if (list == NULL)
    lj_trap_fail(diags->arena->trap, LOSSJIT_NO_MEMORY, "no memory for diagnostics");
  list->allocator = *allocator;
  lj_arena_init(&list->arena, allocator, &trap);
  if (setjmp(trap.escape) != 0) {
    lossjit_diagnostics_release(list);
    lj_trap_fail(diags->arena->trap, LOSSJIT_NO_MEMORY, "no memory for diagnostics");
  }
  seal_all(list, diags, reports, &rendered);
  list->arena.trap = NULL; /* it was this function's; nothing is added any more */
  return list;
}

/* ---- the public list ------------------------------------------------------------- */

size_t lossjit_diagnostics_count(const lossjit_diagnostics *diagnostics)
{
  return diagnostics == NULL ? 0 : diagnostics->count;
}

const lossjit_diagnostic *lossjit_diagnostics_get(
    const lossjit_diagnostics *diagnostics, size_t index)
{
  if (diagnostics == NULL || index >= diagnostics->count)
    return NULL;
  return &diagnostics->items[index];
}

const char *lossjit_diagnostics_text(const lossjit_diagnostics *diagnostics)
{
  return diagnostics == NULL ? "" : diagnostics->text;
}

void lossjit_diagnostics_release(lossjit_diagnostics *diagnostics)
{
  lossjit_allocator allocator;
  if (diagnostics == NULL)
    return;
  allocator = diagnostics->allocator;
  lj_arena_free(&diagnostics->arena);
  allocator.resize(allocator.user, diagnostics, 0);
}

/* ---- the nearest name ------------------------------------------------------------ */

enum { LONGEST_COMPARED = 40 }; /* beyond this nobody is a typing error away */

/* tolower would depend on the host's locale. */
static int folded(char letter)
{
  return letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter;
}

static bool same_letter(char a, char b)
{
  return folded(a) == folded(b);
}

static unsigned smaller(unsigned a, unsigned b)
{
  return a < b ? a : b;
}

/* Optimal string alignment (Damerau, without edits inside a swap); case is free. */
static unsigned edit_distance(const char *a, size_t a_length, const char *b,
                              size_t b_length)
{
  unsigned rows[3][LONGEST_COMPARED + 1];
  unsigned *two_up = rows[0], *up = rows[1], *row = rows[2];
  for (size_t j = 0; j <= b_length; j++)
    up[j] = two_up[j] = (unsigned)j;
  for (size_t i = 1; i <= a_length; i++) {
    unsigned *unused = two_up;
    row[0] = (unsigned)i;
    for (size_t j = 1; j <= b_length; j++) {
      unsigned replaced = up[j - 1] + !same_letter(a[i - 1], b[j - 1]);
      row[j] = smaller(replaced, 1 + smaller(up[j], row[j - 1]));
      if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
          same_letter(a[i - 2], b[j - 1]))
        row[j] = smaller(row[j], two_up[j - 2] + 1);
    }
    two_up = up;
    up = row;
    row = unused;
  }
  return up[b_length];
}

/* Near enough: one slip, two in names of six letters or more, and never all of a short
 * one. People get the first letter right: another one counts as a slip of its own. */
const char *lj_nearest(const char *name, const char *const *candidates, size_t count)
{
  size_t length = strlen(name);
  const char *best = NULL;
  unsigned best_distance = LONGEST_COMPARED;
  if (length > LONGEST_COMPARED)
    return NULL;
  for (size_t i = 0; i < count; i++) {
    size_t other = strlen(candidates[i]);
    size_t longer = other > length ? other : length;
    unsigned distance, allowed = longer < 6 ? 1 : 2;
    if (other > LONGEST_COMPARED ||
        longer - smaller((unsigned)other, (unsigned)length) > allowed)
      continue;
    distance = edit_distance(name, length, candidates[i], other);
    distance += !same_letter(*name, *candidates[i]);
    if (distance <= allowed && distance < length && distance < best_distance) {
      best = candidates[i];
      best_distance = distance;
    }
  }
  return best;
}
