/*
 * The kernel loader: an object file in memory becomes callable code, without LLVM.
 *
 * It takes what compiler/llvm emits, fresh or from a cache: a relocatable ELF64 file
 * for the host's machine whose code refers to nothing outside itself and holds no
 * absolute address. Its read-only sections are mapped, relocated in private memory that
 * is writable, and only then made executable (code) or read-only (constants): no page
 * is ever both writable and executable. Anything else in a file (writable data,
 * undefined symbols, relocations of other kinds, numbers that point outside) is refused
 * with a reason, and a file may be damaged in any way without harm to the process that
 * loads it. Whether the instructions themselves are the right ones no loader can see:
 * files that left the process need a content hash.
 */
#ifndef LJ_LOADER_H
#define LJ_LOADER_H

#include "lossjit.h"

#include <stddef.h>

/* Loaded code. Immutable, reference-counted, safe to use from any number of threads. */
struct lj_code;

/* Load an object file. The bytes need no alignment and may be freed afterwards; the
 * code starts with one reference. `allocator` must not be NULL and outlives the code.
 * On failure *code is NULL and `error` (NULL if `error_size` is 0) holds the reason:
 * LOSSJIT_INTERNAL for a file that is refused, LOSSJIT_NO_MEMORY, LOSSJIT_ARGUMENT. */
lossjit_status lj_code_load(const void *object, size_t size,
                            const lossjit_allocator *allocator, struct lj_code **code,
                            char *error, size_t error_size);

/* The address of a global function or constant of the file; NULL if it has none of that
 * name. Valid as long as a reference is held. */
void *lj_code_symbol(const struct lj_code *code, const char *name);

/* Bytes of address space that the code occupies, whole pages. */
size_t lj_code_size(const struct lj_code *code);

struct lj_code *lj_code_retain(struct lj_code *code);
void lj_code_release(struct lj_code *code); /* NULL: nothing happens */

#endif
