/*
 * What all of the training runtime stands on: memory through the allocator hook, error
 * messages, random numbers.
 *
 * Nothing here is larger than it needs to be, because this library sees the compiler
 * through the public header only and so brings its own few helpers. Functions that can
 * fail take a lossjit_train_error, write one message into it and return the status;
 * callers pass both on unchanged.
 */
#ifndef LJ_TRAIN_SUPPORT_H
#define LJ_TRAIN_SUPPORT_H

#include "lossjit_train.h"

#include <stdarg.h>
#include <stdbool.h>

#if defined(__GNUC__)
#define LJ_TRAIN_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define LJ_TRAIN_PRINTF(text, first)
#endif

/* Leave the function with the status that `expression` gives, unless LOSSJIT_OK. */
#define LJ_TRAIN_TRY(expression)                                                       \
  do {                                                                                 \
    lossjit_status status_of_try = (expression);                                       \
    if (status_of_try != LOSSJIT_OK)                                                   \
      return status_of_try;                                                            \
  } while (0)

/* ---- errors ---------------------------------------------------------------------- */

/* Write the message (cut with "..." if it is too long; `error` may be NULL) and return
 * `status`. */
lossjit_status lj_train_fail(lossjit_train_error *error, lossjit_status status,
                             const char *format, ...) LJ_TRAIN_PRINTF(3, 4);
lossjit_status lj_train_no_memory(lossjit_train_error *error);
void lj_train_clear(lossjit_train_error *error);

/* The candidate nearest to `name` (a swap, a missing, added or changed letter count one
 * each), or NULL if none is near enough to be meant. */
const char *lj_train_nearest(const char *name, const char *const *candidates,
                             size_t count);

/* ---- memory ---------------------------------------------------------------------- */

/* The caller's allocator, or malloc for NULL. */
lossjit_allocator lj_train_allocator(const lossjit_allocator *given);

/* Zeroed memory for `count` items; NULL if there is none or the product overflows. Zero
 * items give a pointer too, so that NULL always means failure. */
void *lj_train_new(const lossjit_allocator *allocator, size_t count, size_t size);
/* realloc to `count` items; the old block stays when NULL is returned. */
void *lj_train_grow(const lossjit_allocator *allocator, void *memory, size_t count,
                    size_t size);
void lj_train_free(const lossjit_allocator *allocator, void *memory);
char *lj_train_copy(const lossjit_allocator *allocator, const char *text,
                    size_t length);

/* Zeroed floats at a multiple of 64 bytes: a cache line and the widest vector. */
float *lj_train_floats(const lossjit_allocator *allocator, size_t count);
void lj_train_floats_free(const lossjit_allocator *allocator, float *floats);

/* ---- random numbers -------------------------------------------------------------- */

struct lj_random {
  uint64_t state[4];
};

/* Streams of one seed: weights and orders must not depend on each other's length. */
enum lj_random_stream { LJ_RANDOM_WEIGHTS = 1, LJ_RANDOM_SPLIT, LJ_RANDOM_ORDER };

void lj_random_seed(struct lj_random *random, uint64_t seed,
                    enum lj_random_stream stream);
uint64_t lj_random_next(struct lj_random *random);
double lj_random_uniform(struct lj_random *random);                 /* [0, 1) */
uint64_t lj_random_below(struct lj_random *random, uint64_t bound); /* [0, bound) */
void lj_random_shuffle(struct lj_random *random, size_t *items, size_t count);

#endif
