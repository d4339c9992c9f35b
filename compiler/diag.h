/*
 * Diagnostics: what a person is told about a wrong text.
 *
 * A stage reports by the id of a row in grammar/diagnostics.def, which holds code, name,
 * severity, the message's format and the explanation at length. Notes and one fix may be
 * added to the diagnostic that lj_report returned. Each row is reported at most once for
 * the same span; a stage that has reported goes on with whatever is independent of the
 * mistake. Rendering (line, caret, notes, fix) happens once, when the list is sealed.
 */
#ifndef LJ_DIAG_H
#define LJ_DIAG_H

#include "compiler/base.h"

enum lj_diag {
#define DIAGNOSTIC(id, code, name, severity, format, explanation) LJ_D_##id,
#include "grammar/diagnostics.def"
#undef DIAGNOSTIC
  LJ_D_COUNT
};

struct lj_report;

struct lj_diags {
  struct lj_arena *arena;
  const struct lj_source *sources; /* [source_count], 0 is the user's */
  uint32_t source_count;
  uint32_t error_count;
  struct lj_report *first, *last;
  struct lj_report *muted; /* takes notes and fixes of what is not kept */
  uint32_t count, capacity_limit; /* after 20 errors further ones are only counted */
};

void lj_diags_init(struct lj_diags *diags, struct lj_arena *arena,
                   const struct lj_source *sources, uint32_t source_count);

/* Report row `id` at `span`; the arguments are those of the row's format. Never NULL. */
struct lj_report *lj_report(struct lj_diags *diags, enum lj_diag id, struct lj_span span,
                            ...);
/* Add a note; `span` with begin == end has no place. */
void lj_note(struct lj_diags *diags, struct lj_report *report, struct lj_span span,
             const char *format, ...) LJ_PRINTF(4, 5);
/* Say what to do. `replacement` goes in place of `span`; NULL if words are all there is. */
void lj_fix(struct lj_diags *diags, struct lj_report *report, struct lj_span span,
            const char *replacement, const char *format, ...) LJ_PRINTF(5, 6);

/* The public list, in memory of `allocator` (it outlives the compile's arena); NULL when
 * there is nothing to say. Sorted by place. */
lossjit_diagnostics *lj_diags_seal(struct lj_diags *diags,
                                   const lossjit_allocator *allocator);

/* The candidate nearest to `name` by edit distance (swaps count one), or NULL if none is
 * near enough to be meant. */
const char *lj_nearest(const char *name, const char *const *candidates, size_t count);

#endif
