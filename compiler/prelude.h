/*
 * The prelude of named losses as text: grammar/prelude.loss, embedded into the library
 * when it is built (cmake/embed_text.cmake writes the C file). It is a program of
 * definitions without a final expression; lj_parse reads it with `is_library` set.
 */
#ifndef LJ_PRELUDE_H
#define LJ_PRELUDE_H

#include <stddef.h>

extern const char lj_prelude_text[]; /* terminated */
extern const size_t lj_prelude_length; /* bytes before the terminating zero */

#endif
