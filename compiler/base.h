/*
 * What every stage of the compiler stands on: the way out on failure, the arena, spans.
 *
 * One compile owns one arena; everything a stage makes lives there and is freed at once.
 * Failures that are nobody's text (no memory, our own bug, a limit that has no place in
 * the text) leave through a trap: a longjmp to the API function that set it up. Wrong
 * *texts* never take this way; they become diagnostics (diag.h).
 */
#ifndef LJ_BASE_H
#define LJ_BASE_H

#include "lossjit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define LJ_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define LJ_PRINTF(at, first)
#endif

#define LJ_COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- the way out ----------------------------------------------------------------- */

struct lj_trap {
  jmp_buf escape;
  lossjit_status status;
  char message[240];
};

/* Fill in the trap and leave through it. */
_Noreturn void lj_trap_fail(struct lj_trap *trap, lossjit_status status,
                            const char *format, ...) LJ_PRINTF(3, 4);

/* A statement about our own code that stays on in release builds and names itself. */
#define LJ_CHECK(trap, condition)                                                       \
  ((condition) ? (void)0                                                                \
               : lj_trap_fail((trap), LOSSJIT_INTERNAL, "%s:%d: %s", __FILE__, __LINE__, \
                              #condition))

/* ---- arena ----------------------------------------------------------------------- */

struct lj_chunk;

struct lj_arena {
  lossjit_allocator allocator;
  struct lj_trap *trap; /* taken when memory runs out */
  struct lj_chunk *chunks;
};

void lj_arena_init(struct lj_arena *arena, const lossjit_allocator *allocator,
                   struct lj_trap *trap);
void lj_arena_free(struct lj_arena *arena);

/* Zeroed, aligned for any type, never NULL; lives until the arena is freed. */
void *lj_alloc(struct lj_arena *arena, size_t size);
#define LJ_NEW(arena, type) ((type *)lj_alloc((arena), sizeof(type)))
#define LJ_NEW_ARRAY(arena, type, count)                                                \
  ((type *)lj_alloc_array((arena), sizeof(type), (count)))
void *lj_alloc_array(struct lj_arena *arena, size_t size, size_t count);

/* Make room for one more element behind `count` in a growing array: doubles, copying into
 * new arena memory. `items` is a pointer variable, `capacity` its size. */
#define LJ_GROW(arena, items, count, capacity)                                          \
  ((count) < (capacity)                                                                 \
       ? (void)0                                                                        \
       : (void)((items) = lj_grow((arena), (items), sizeof *(items), (count),           \
                                  &(capacity))))
void *lj_grow(struct lj_arena *arena, const void *items, size_t size, size_t count,
              uint32_t *capacity);

char *lj_copy_text(struct lj_arena *arena, const char *text, size_t length);
char *lj_format(struct lj_arena *arena, const char *format, ...) LJ_PRINTF(2, 3);

/* Text that is built piece by piece; `text` is always terminated once something was added
 * (and NULL before). */
struct lj_text {
  struct lj_arena *arena;
  char *text;
  size_t length, capacity;
};
void lj_text_add(struct lj_text *to, const char *format, ...) LJ_PRINTF(2, 3);
void lj_text_list(struct lj_text *to, const char *format, va_list arguments);
void lj_text_bytes(struct lj_text *to, const char *bytes, size_t length);

/* Numbers, independent of the host's locale: strtod, and the shortest decimal that reads
 * back as the same f64 and as a FLOAT token: 0.1, 1e-7, 2.0 (or inf, -inf, nan). */
double lj_number_read(const char *text);
void lj_number_print(struct lj_text *to, double number);

/* ---- places in the text ---------------------------------------------------------- */

/* Bytes [begin, end) of a source. Empty at 0: no place. Sources are numbered, because a
 * span may lie in the user's text, in the prelude or in an operator's row. */
struct lj_span {
  uint32_t begin, end;
  uint32_t source; /* 0: the user's text; see struct lj_source */
};

struct lj_source {
  const char *name; /* "expression", "loss.txt", "prelude" */
  const char *text;
  size_t length;
};

static inline struct lj_span lj_span_join(struct lj_span a, struct lj_span b)
{
  struct lj_span both = {a.begin < b.begin ? a.begin : b.begin,
                         a.end > b.end ? a.end : b.end, a.source};
  return both;
}

#endif
