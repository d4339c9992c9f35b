/*
 * An allocator for tests: see alloc_hook.h. A header in front of each block holds its
 * size and a mark, so that a block of another allocator, or one given back twice, is
 * noticed.
 */
#include "tests/alloc_hook.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define MARK UINT64_C(0x6c6f73736a69742e)

struct header {
  _Alignas(max_align_t) uint64_t mark;
  size_t size;
};

static void give_back(struct lj_alloc_hook *hook, struct header *header)
{
  hook->live--;
  hook->live_bytes -= (long)header->size;
  header->mark = 0;
  free(header);
}

/* Take one from the allowance; false if it is used up. */
static int is_allowed(struct lj_alloc_hook *hook)
{
  long allow = hook->allow;
  while (allow > 0 && !atomic_compare_exchange_weak(&hook->allow, &allow, allow - 1)) {
  }
  return allow != 0;
}

static void *resize(void *user, void *memory, size_t size)
{
  struct lj_alloc_hook *hook = user;
  struct header *header = memory != NULL ? (struct header *)memory - 1 : NULL;
  if (header != NULL && header->mark != MARK)
    abort();
  if (size == 0) {
    if (header != NULL)
      give_back(hook, header);
    return NULL;
  }
  if (size > SIZE_MAX - sizeof *header || !is_allowed(hook))
    return NULL;
  size_t old_size = header != NULL ? header->size : 0;
  struct header *resized = realloc(header, sizeof *header + size);
  if (resized == NULL)
    return NULL;
  *resized = (struct header){MARK, size};
  hook->live += header == NULL;
  hook->live_bytes += (long)size - (long)old_size;
  hook->allocations++;
  return resized + 1;
}

void lj_alloc_hook_init(struct lj_alloc_hook *hook)
{
  hook->allocator = (lossjit_allocator){resize, hook};
  hook->allow = -1;
  hook->live = 0;
  hook->live_bytes = 0;
  hook->allocations = 0;
}
