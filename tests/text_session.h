/*
 * One text on its way through lexer and parser, for tests: what lossjit_compile sets up
 * around these stages, with a counting allocator, so that every test also is a leak
 * test.
 *
 *     struct lj_text_session s;
 *     lj_text_session_parse(&s, "a + b", 5, 256, false);
 *     ... s.program, s.diags, lj_text_session_seal(&s) ...
 *     lj_text_session_end(&s);
 */
#ifndef LJ_TEXT_SESSION_H
#define LJ_TEXT_SESSION_H

#include "compiler/syntax.h"
#include "tests/alloc_hook.h"

struct lj_text_session {
  struct lj_alloc_hook hook;
  struct lj_trap trap;
  struct lj_arena arena;
  struct lj_diags diags;
  struct lj_source source;
  struct lj_program *program; /* NULL if the trap was taken */
  lossjit_diagnostics *list;
};

/* Set everything up for `text`, which must outlive it. */
void lj_text_session_begin(struct lj_text_session *s, const char *text, size_t length);

/* Begin and parse. The status of the trap, or LOSSJIT_OK, whatever the diagnostics. */
lossjit_status lj_text_session_parse(struct lj_text_session *s, const char *text,
                                     size_t length, uint32_t depth_limit,
                                     bool is_library);

/* Begin and parse with only `allowed` allocations succeeding; used to walk through
 * every way of running out of memory. Diagnostics are sealed as well. */
lossjit_status lj_text_session_starve(struct lj_text_session *s, const char *text,
                                      long allowed);

/* The sealed diagnostics; NULL if there are none. They belong to it. */
const lossjit_diagnostics *lj_text_session_seal(struct lj_text_session *s);

/* The program as text again. */
const char *lj_text_session_print(struct lj_text_session *s);

/* Free everything. True if the allocator got all of it back. */
bool lj_text_session_end(struct lj_text_session *s);

#endif
