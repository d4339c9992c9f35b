/*
 * Characters that stand in texts in place of ours: typographic signs, Greek letters.
 */
#ifndef LJ_LEX_LETTERS_H
#define LJ_LEX_LETTERS_H

#include <stdint.h>

/* What was meant by the character: a sign, a name or nothing at all; NULL if nobody
 * knows. */
const char *lj_look_alike(uint32_t code);

#endif
