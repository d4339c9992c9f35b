/*
 * The trap, the arena and the text builder that every stage stands on.
 *
 * The arena hands out memory from chunks that grow with use, so that a one-line loss
 * costs one or two calls of the allocator and a large graph a few dozen. Nothing is
 * freed before the arena is; what a growing array leaves behind is at most as large as
 * the array.
 *
 * Numbers are read and written here as well, because both must not depend on the locale
 * of the host process: a trainer that runs under a German locale still writes 0.5.
 */
#include "compiler/base.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lj_trap_fail(struct lj_trap *trap, lossjit_status status, const char *format, ...)
{
  va_list arguments;
  trap->status = status;
  va_start(arguments, format);
  vsnprintf(trap->message, sizeof trap->message, format, arguments);
  va_end(arguments);
  longjmp(trap->escape, 1);
}

/* ---- arena ----------------------------------------------------------------------- */

enum {
  SMALLEST_CHUNK = 16 * 1024, /* a typical loss with its diagnostics fits into one */
  LARGEST_CHUNK = 1024 * 1024 /* beyond this, growing chunks would only waste memory */
};

struct lj_chunk {
  struct lj_chunk *next;
  size_t size, used; /* bytes of memory */
  _Alignas(max_align_t) unsigned char memory[];
};

void lj_arena_init(struct lj_arena *arena, const lossjit_allocator *allocator,
                   struct lj_trap *trap)
{
  arena->allocator = *allocator;
  arena->trap = trap;
  arena->chunks = NULL;
}

void lj_arena_free(struct lj_arena *arena)
{
  while (arena->chunks != NULL) {
    struct lj_chunk *chunk = arena->chunks;
    arena->chunks = chunk->next;
    arena->allocator.resize(arena->allocator.user, chunk, 0);
  }
}

_Noreturn static void out_of_memory(struct lj_arena *arena, size_t size)
{
  lj_trap_fail(arena->trap, LOSSJIT_NO_MEMORY, "no memory for %zu bytes", size);
}

/* A chunk with room for `size` bytes, in front of the others. */
static struct lj_chunk *add_chunk(struct lj_arena *arena, size_t size)
{
  size_t wanted = arena->chunks != NULL ? 2 * arena->chunks->size : SMALLEST_CHUNK;
  struct lj_chunk *chunk;
  if (wanted > LARGEST_CHUNK)
    wanted = LARGEST_CHUNK;
  if (wanted < size)
    wanted = size;
  chunk = arena->allocator.resize(arena->allocator.user, NULL, sizeof *chunk + wanted);
  if (chunk == NULL)
    out_of_memory(arena, wanted);
  chunk->next = arena->chunks;
  chunk->size = wanted;
  chunk->used = 0;
  arena->chunks = chunk;
  return chunk;
}

void *lj_alloc(struct lj_arena *arena, size_t size)
{
  struct lj_chunk *chunk = arena->chunks;
  const size_t alignment = _Alignof(max_align_t);
  void *memory;
  if (size > PTRDIFF_MAX / 2)
    out_of_memory(arena, size);
  size = (size + (size == 0) + alignment - 1) / alignment * alignment;
  if (chunk == NULL || chunk->size - chunk->used < size)
    chunk = add_chunk(arena, size);
  memory = chunk->memory + chunk->used;
  chunk->used += size;
  return memset(memory, 0, size);
}

void *lj_alloc_array(struct lj_arena *arena, size_t size, size_t count)
{
  if (size != 0 && count > PTRDIFF_MAX / 2 / size)
    out_of_memory(arena, SIZE_MAX);
  return lj_alloc(arena, size * count);
}

void *lj_grow(struct lj_arena *arena, const void *items, size_t size, size_t count,
              uint32_t *capacity)
{
  uint32_t larger = *capacity == 0 ? 8 : *capacity * 2;
  void *moved;
  if (larger <= *capacity)
    out_of_memory(arena, SIZE_MAX);
  moved = lj_alloc_array(arena, size, larger);
  if (count != 0)
    memcpy(moved, items, size * count);
  *capacity = larger;
  return moved;
}

/* ---- text ------------------------------------------------------------------------ */

char *lj_copy_text(struct lj_arena *arena, const char *text, size_t length)
{
  char *copy = lj_alloc_array(arena, 1, length + 1);
  if (length != 0)
    memcpy(copy, text, length);
  return copy;
}

char *lj_format(struct lj_arena *arena, const char *format, ...)
{
  struct lj_text text = {.arena = arena};
  va_list arguments;
  va_start(arguments, format);
  lj_text_list(&text, format, arguments);
  va_end(arguments);
  return text.text;
}

/* Room for `more` bytes and the terminating zero. */
static void reserve(struct lj_text *to, size_t more)
{
  size_t needed = to->length + more + 1;
  char *moved;
  if (needed <= to->capacity)
    return;
  to->capacity = needed < 64 ? 64 : needed * 2;
  moved = lj_alloc_array(to->arena, 1, to->capacity);
  if (to->length != 0)
    memcpy(moved, to->text, to->length);
  to->text = moved;
}

void lj_text_bytes(struct lj_text *to, const char *bytes, size_t length)
{
  reserve(to, length);
  if (length != 0)
    memcpy(to->text + to->length, bytes, length);
  to->length += length;
  to->text[to->length] = '\0';
}

/* Formats into what room is left; only a piece that does not fit is formatted twice. */
void lj_text_list(struct lj_text *to, const char *format, va_list arguments)
{
  va_list again;
  size_t room;
  int needed;
  reserve(to, 0);
  room = to->capacity - to->length;
  va_copy(again, arguments);
  needed = vsnprintf(to->text + to->length, room, format, arguments);
  LJ_CHECK(to->arena->trap, needed >= 0);
  if ((size_t)needed >= room) {
    reserve(to, (size_t)needed);
    vsnprintf(to->text + to->length, (size_t)needed + 1, format, again);
  }
  va_end(again);
  to->length += (size_t)needed;
}

void lj_text_add(struct lj_text *to, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  lj_text_list(to, format, arguments);
  va_end(arguments);
}

/* ---- numbers --------------------------------------------------------------------- */

/* The C locale, which glibc, musl and macOS hand out without allocating. */
static locale_t c_locale(void)
{
  return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

double lj_number_read(const char *text)
{
  locale_t plain = c_locale();
  locale_t before = uselocale(plain);
  double number = strtod(text, NULL);
  uselocale(before);
  freelocale(plain);
  return number;
}

/* "1e-07" as "1e-7" and "1e+22" as "1e22". */
static void shorten_exponent(char *digits)
{
  char *from = strchr(digits, 'e');
  char *to;
  if (from == NULL)
    return;
  to = ++from;
  if (*from == '-')
    to++;
  if (*from == '-' || *from == '+')
    from++;
  while (*from == '0' && from[1] != '\0')
    from++;
  memmove(to, from, strlen(from) + 1);
}

void lj_number_print(struct lj_text *to, double number)
{
  char digits[40];
  locale_t plain, before;
  if (!isfinite(number)) {
    lj_text_add(to, "%s", isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
    return;
  }
  plain = c_locale();
  before = uselocale(plain);
  for (int precision = 15; precision <= 17; precision++) {
    snprintf(digits, sizeof digits, "%.*g", precision, number);
    if (strtod(digits, NULL) == number)
      break;
  }
  uselocale(before);
  freelocale(plain);
  shorten_exponent(digits);
  if (strpbrk(digits, ".e") == NULL)
    strcat(digits, ".0");
  lj_text_bytes(to, digits, strlen(digits));
}
