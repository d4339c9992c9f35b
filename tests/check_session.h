/*
 * One text through parser and checker, for tests: what lossjit_compile sets up around
 * them, with the prelude, and with a counting allocator, so that every test also is a
 * leak test.
 *
 *     struct lj_check_session s;
 *     lj_check_session_run(&s, "mean(abs(y_pred - w), axis=-1)",
 *                          "y_pred:f32:B,3 w:f32:3 delta=0.5");
 *     ... s.good, s.checked, lj_check_session_text(&s) ...
 *     lj_check_session_end(&s);
 *
 * The second text declares what a caller would: name:dtype:sizes, where B is the batch
 * and ? a size left open, and name=value for parameters; "" or NULL for nothing.
 */
#ifndef LJ_CHECK_SESSION_H
#define LJ_CHECK_SESSION_H

#include "compiler/check.h"
#include "tests/alloc_hook.h"

#define LJ_CHECK_SESSION_MOST 32

struct lj_check_session {
  struct lj_alloc_hook hook;
  struct lj_trap trap;
  struct lj_arena arena;
  struct lj_diags diags;
  struct lj_source sources[2];
  lossjit_input inputs[LJ_CHECK_SESSION_MOST];
  const char *parameter_names[LJ_CHECK_SESSION_MOST];
  double parameter_defaults[LJ_CHECK_SESSION_MOST];
  struct lj_request request; /* may be changed between begin and check */
  struct lj_checked checked;
  bool good;
  lossjit_status trapped;    /* LOSSJIT_OK: nothing left through the trap */
  lossjit_diagnostics *list; /* NULL: nothing to say */
};

void lj_check_session_begin(struct lj_check_session *s, const char *text,
                            const char *declared);
bool lj_check_session_check(struct lj_check_session *s);
/* Both. */
bool lj_check_session_run(struct lj_check_session *s, const char *text,
                          const char *declared);

/* "f32(batch,)": the result; "refused" if there is none. In its memory. */
const char *lj_check_session_result(struct lj_check_session *s);
/* "y_pred f32(batch, 2); y_true i64(batch,)": the inputs in their order. */
const char *lj_check_session_inputs(struct lj_check_session *s);
/* The graph under the result, as text. */
const char *lj_check_session_dump(struct lj_check_session *s);
/* All diagnostics as people see them; "" if there are none. */
const char *lj_check_session_text(const struct lj_check_session *s);

/* A text that is accepted without a word, and the dtype and shape of its value. */
struct lj_check_row {
  const char *text, *declared;
  int result; /* lossjit_result of the request */
  const char *value;
};
void lj_check_rows(const struct lj_check_row *rows, size_t count);

/* Free everything and fail the test if the allocator did not get all of it back. */
void lj_check_session_end(struct lj_check_session *s);

#endif
