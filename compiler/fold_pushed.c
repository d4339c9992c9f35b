/*
 * What became of views: a hash table from a view, as it was asked for, to the node that
 * took its place.
 *
 * Pushing a view through x*x asks for the same view of x twice, and so on down: without
 * this table that is exponential in the depth of the expression. Views that stay are
 * found by the graph's own table and are not in here.
 */
#include "compiler/fold.h"

#include <string.h>

struct entry {
  struct lj_node view; /* operand, shape and reads; op 0: empty */
  uint32_t read_count;
  lj_id result;
};

struct lj_pushed {
  struct entry *entries; /* [capacity], a power of two */
  uint32_t count, capacity;
};

static uint32_t mix(uint32_t hash, uint64_t word)
{
  word = (word ^ hash) * 0x9e3779b97f4a7c15u;
  return (uint32_t)(word >> 32);
}

static uint32_t hash_size(uint32_t hash, struct lj_size size)
{
  return mix(mix(hash, (uint64_t)size.offset),
             (uint64_t)(uint32_t)size.scale << 32 | size.symbol);
}

static uint32_t hash_view(const struct lj_node *view, uint32_t read_count)
{
  uint32_t hash = mix(view->rank, view->operand[0]);

  for (uint32_t k = 0; k < view->rank; k++)
    hash = hash_size(hash, view->shape[k]);
  for (uint32_t k = 0; k < read_count; k++) {
    hash = hash_size(hash, view->reads[k].start);
    hash = mix(mix(hash, (uint64_t)view->reads[k].step), (uint64_t)view->reads[k].axis);
  }
  return hash;
}

static bool is_same(const struct lj_node *a, const struct lj_node *b,
                    uint32_t read_count)
{
  if (a->operand[0] != b->operand[0] ||
      !lj_shape_equal(a->rank, a->shape, b->rank, b->shape))
    return false;
  for (uint32_t k = 0; k < read_count; k++)
    if (!lj_size_equal(a->reads[k].start, b->reads[k].start) ||
        a->reads[k].step != b->reads[k].step || a->reads[k].axis != b->reads[k].axis)
      return false;
  return true;
}

/* The entry of this view, or the empty one where it belongs. */
static struct entry *find(const struct lj_pushed *pushed, const struct lj_node *view,
                          uint32_t read_count)
{
  uint32_t mask = pushed->capacity - 1, at = hash_view(view, read_count) & mask;

  while (pushed->entries[at].view.op &&
         !is_same(&pushed->entries[at].view, view, read_count))
    at = (at + 1) & mask;
  return &pushed->entries[at];
}

lj_id lj_pushed_find(const struct lj_graph *graph, const struct lj_node *view)
{
  if (!graph->pushed)
    return 0;
  return find(graph->pushed, view, lj_operand(graph, view, 0)->rank)->result;
}

static void widen(struct lj_arena *arena, struct lj_pushed *pushed)
{
  struct lj_pushed wider = {.count = pushed->count, .capacity = 2 * pushed->capacity};

  wider.entries = LJ_NEW_ARRAY(arena, struct entry, wider.capacity);
  for (uint32_t i = 0; i < pushed->capacity; i++) {
    const struct entry *old = &pushed->entries[i];
    if (old->view.op)
      *find(&wider, &old->view, old->read_count) = *old;
  }
  *pushed = wider;
}

static const void *copy(struct lj_arena *arena, const void *items, size_t size,
                        size_t count)
{
  return count ? memcpy(lj_alloc_array(arena, size, count), items, size * count) : NULL;
}

void lj_pushed_note(struct lj_graph *graph, const struct lj_node *view, lj_id result)
{
  struct lj_arena *arena = graph->arena;
  uint32_t read_count = lj_operand(graph, view, 0)->rank;

  if (!graph->pushed) {
    graph->pushed = LJ_NEW(arena, struct lj_pushed);
    graph->pushed->capacity = 64;
    graph->pushed->entries = LJ_NEW_ARRAY(arena, struct entry, 64);
  }
  if (2 * graph->pushed->count >= graph->pushed->capacity)
    widen(arena, graph->pushed);
  struct entry *entry = find(graph->pushed, view, read_count);
  if (entry->view.op)
    return;
  entry->view = *view;
  entry->view.shape = copy(arena, view->shape, sizeof *view->shape, view->rank);
  entry->view.reads = copy(arena, view->reads, sizeof *view->reads, read_count);
  entry->read_count = read_count;
  entry->result = result;
  graph->pushed->count++;
}
