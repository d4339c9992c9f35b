/*
 * Error messages, nearest names and memory of the training runtime.
 *
 * The allocator hook follows realloc and promises no more alignment than malloc does,
 * so an aligned block is a larger one that keeps the address it came from just before
 * the first float.
 */
#include "runtime/train/support.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- errors ---------------------------------------------------------------------- */

lossjit_status lj_train_fail(lossjit_train_error *error, lossjit_status status,
                             const char *format, ...)
{
  if (!error)
    return status;
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(error->text, sizeof error->text, format, arguments);
  va_end(arguments);
  if (length >= (int)sizeof error->text)
    memcpy(error->text + sizeof error->text - 4, "...", 4);
  else if (length > 0 && error->text[length - 1] == '\n')
    error->text[length - 1] =
        0; /* diagnostics end in one; whoever shows this does too */
  return status;
}

lossjit_status lj_train_no_memory(lossjit_train_error *error)
{
  return lj_train_fail(error, LOSSJIT_NO_MEMORY, "out of memory");
}

void lj_train_clear(lossjit_train_error *error)
{
  if (error)
    error->text[0] = 0;
}

enum { LONGEST_NAME = 40 };

static size_t smaller(size_t a, size_t b)
{
  return a < b ? a : b;
}

/* Optimal string alignment distance: R. Lowrance and R. Wagner, "An Extension of the
 * String-to-String Correction Problem", JACM 22(2), 1975, in its restricted form. */
static size_t distance(const char *a, size_t rows, const char *b, size_t columns)
{
  size_t d[LONGEST_NAME + 1][LONGEST_NAME + 1];
  for (size_t i = 0; i <= rows; i++)
    d[i][0] = i;
  for (size_t j = 0; j <= columns; j++)
    d[0][j] = j;
  for (size_t i = 1; i <= rows; i++) {
    for (size_t j = 1; j <= columns; j++) {
      size_t changed = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
      d[i][j] = smaller(changed, smaller(d[i - 1][j], d[i][j - 1]) + 1);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = smaller(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[rows][columns];
}

const char *lj_train_nearest(const char *name, const char *const *candidates,
                             size_t count)
{
  size_t length = strlen(name);
  if (length > LONGEST_NAME)
    return NULL;
  const char *nearest = NULL;
  size_t best = length / 3 + 2; /* one mistake in a short name, more in a longer one */
  for (size_t i = 0; i < count; i++) {
    size_t other = strlen(candidates[i]);
    if (other > LONGEST_NAME)
      continue;
    size_t found = distance(name, length, candidates[i], other);
    if (found < best && found < other) {
      best = found;
      nearest = candidates[i];
    }
  }
  return nearest;
}

/* ---- memory ---------------------------------------------------------------------- */

static void *resize_with_malloc(void *user, void *memory, size_t size)
{
  (void)user;
  if (size)
    return realloc(memory, size);
  free(memory);
  return NULL;
}

lossjit_allocator lj_train_allocator(const lossjit_allocator *given)
{
  return given ? *given : (lossjit_allocator){resize_with_malloc, NULL};
}

void *lj_train_grow(const lossjit_allocator *allocator, void *memory, size_t count,
                    size_t size)
{
  if (count > SIZE_MAX / size)
    return NULL;
  size_t bytes = count * size;
  return allocator->resize(allocator->user, memory, bytes ? bytes : 1);
}

void *lj_train_new(const lossjit_allocator *allocator, size_t count, size_t size)
{
  void *memory = lj_train_grow(allocator, NULL, count, size);
  if (memory)
    memset(memory, 0, count * size);
  return memory;
}

void lj_train_free(const lossjit_allocator *allocator, void *memory)
{
  if (memory)
    allocator->resize(allocator->user, memory, 0);
}

char *lj_train_copy(const lossjit_allocator *allocator, const char *text, size_t length)
{
  char *copy = lj_train_new(allocator, length + 1, 1);
  if (copy)
    memcpy(copy, text, length);
  return copy;
}

enum { ALIGNMENT = 64, ROOM = ALIGNMENT + sizeof(void *) };

float *lj_train_floats(const lossjit_allocator *allocator, size_t count)
{
  if (count > (SIZE_MAX - ROOM) / sizeof(float))
    return NULL;
  char *block = lj_train_new(allocator, count * sizeof(float) + ROOM, 1);
  if (!block)
    return NULL;
  uintptr_t first = (uintptr_t)block + sizeof(void *);
  char *aligned = block + sizeof(void *) + (-first & (ALIGNMENT - 1));
  memcpy(aligned - sizeof(void *), &block, sizeof block);
  return (float *)(void *)aligned;
}

void lj_train_floats_free(const lossjit_allocator *allocator, float *floats)
{
  if (!floats)
    return;
  char *block;
  memcpy(&block, (char *)floats - sizeof(void *), sizeof block);
  lj_train_free(allocator, block);
}
