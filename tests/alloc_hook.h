/*
 * An allocator for tests: it counts what is live and fails when told to.
 *
 * struct lj_alloc_hook hook; lj_alloc_hook_init(&hook); ... pass &hook.allocator ...
 * hook.allow = 3; three more allocations, then none assert_int_equal(hook.live, 0); all
 * was given back
 *
 * Growing and shrinking a block counts as an allocation, giving back never fails. It
 * may be used from several threads; `allow` is set while nothing is under way.
 */
#ifndef LJ_ALLOC_HOOK_H
#define LJ_ALLOC_HOOK_H

#include "lossjit.h"

#include <stdatomic.h>

struct lj_alloc_hook {
  lossjit_allocator allocator;
  atomic_long allow; /* allocations that may still succeed; negative: any number */
  atomic_long live;  /* blocks that were not given back */
  atomic_long live_bytes;
  atomic_long allocations; /* successful ones, ever */
};

void lj_alloc_hook_init(struct lj_alloc_hook *hook);

#endif
