/*
 * A diagnostic while it is being collected, shared by diag.c, which collects, and
 * diag_render.c, which shows. Everything lives in the compile's arena.
 */
#ifndef LJ_DIAG_REPORT_H
#define LJ_DIAG_REPORT_H

#include "compiler/diag.h"

struct lj_diag_row {
  const char *code, *name;
  lossjit_severity severity;
  const char *format;
};

extern const struct lj_diag_row lj_diag_rows[LJ_D_COUNT];

struct lj_note {
  struct lj_note *next;
  struct lj_span span;
  const char *text;
};

struct lj_report {
  struct lj_report *next;
  enum lj_diag id;
  struct lj_span span;
  const char *message;
  struct lj_note *first_note, *last_note;
  uint32_t note_count;
  const char *fix, *replacement; /* fix: NULL if there is none */
  struct lj_span fix_span;
};

/* Where a span begins: line and column from 1, and the bytes of that line. */
struct lj_place {
  uint32_t line, column;
  size_t line_begin, line_end;
};

/* False if the span has no place: empty at 0, or in a source that does not exist. */
bool lj_place_of(const struct lj_diags *diags, struct lj_span span,
                 struct lj_place *place);

/* All `reports`, as clang would print them. */
void lj_diags_render(struct lj_text *to, const struct lj_diags *diags,
                     struct lj_report *const *reports, size_t count);

#endif
