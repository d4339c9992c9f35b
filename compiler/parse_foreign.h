/*
 * Spellings of other libraries, and ours in their place.
 *
 * One table serves whoever meets such a spelling: the parser behind a prefix (tf.), in a
 * method call or in pasted Python, the checker at a function, keyword or type that it
 * does not know. Nothing here reports: it only says what to write, so that every
 * replacement that is offered is itself valid.
 */
#ifndef LJ_PARSE_FOREIGN_H
#define LJ_PARSE_FOREIGN_H

#include "compiler/syntax.h"

enum lj_foreign_use {
  LJ_FOREIGN_FUNCTION,
  LJ_FOREIGN_KEYWORD,
  LJ_FOREIGN_VALUE, /* a name that is not called; types too */
};

/* What is written here for `spelling`: a name; or, for functions, a text over the
 * arguments, %1 and %2 as they stand and $1 and $2 in parentheses where they need them.
 * NULL if the table does not have it. */
const char *lj_foreign(enum lj_foreign_use use, const char *spelling);
bool lj_foreign_is_text(const char *ours);

/* Does this call or name (itself, not its arguments) need to be written otherwise? */
bool lj_foreign_changes(const struct lj_syntax *node);
/* A call whose name is all that has to change: to what; NULL otherwise. */
const char *lj_foreign_name(const struct lj_syntax *node);
/* The whole expression as it is written here. */
const char *lj_foreign_text(struct lj_arena *arena, const struct lj_syntax *node);
/* The same as a tree, in the arena; the original is left alone. */
struct lj_syntax *lj_foreign_rewrite(struct lj_arena *arena,
                                     const struct lj_syntax *node);

#endif
