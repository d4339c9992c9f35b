/*
 * Lists: axes and shapes as they are, vectors and matrices as arrays.
 *
 * A list stays a list of values until somebody needs an array. Of constants that is a
 * table; values known only at run time are put side by side with where().
 */
#include "compiler/check_internal.h"

struct lj_value lj_eval_list(struct lj_checker *c, const struct lj_syntax *at)
{
  struct lj_value *items = LJ_NEW_ARRAY(c->arena, struct lj_value, at->child_count);
  bool failed = false;

  for (uint32_t i = 0; i < at->child_count; i++) {
    items[i] = lj_eval(c, at->children[i]);
    failed |= items[i].kind == LJ_V_ERROR;
  }
  if (failed)
    return lj_error_value;
  return (struct lj_value){
      .kind = LJ_V_LIST, .count = at->child_count, .items = items, .syntax = at};
}

/* A list on its way to a table: values row by row, sizes by depth. */
struct table {
  double *values;
  uint32_t count, capacity, rank;
  struct lj_size shape[LOSSJIT_MAX_RANK];
  enum lj_dtype dtype;
  bool failed; /* reported */
};

static void ragged(struct lj_checker *c, const struct lj_value *list, int64_t first,
                   int64_t here)
{
  struct lj_span span = list->syntax ? list->syntax->span : (struct lj_span){0, 0, 0};

  lj_report(c->diags, LJ_D_RAGGED_LIST, lj_place(c, span), lj_integer_text(c, first),
            lj_integer_text(c, here));
}

static bool collect_leaf(struct lj_checker *c, struct table *to,
                         const struct lj_value *item)
{
  double value = item->truth;
  enum lj_dtype dtype = LJ_BOOL;

  if (item->kind == LJ_V_NODE) {
    if (!lj_constant_value(c, item->node, &value))
      return false;
    dtype = (enum lj_dtype)lj_at(c, item->node)->dtype;
  } else if (item->kind != LJ_V_TRUTH) {
    return false;
  }
  LJ_GROW(c->arena, to->values, to->count, to->capacity);
  to->values[to->count++] = value;
  to->dtype = lj_promote(to->dtype, dtype);
  return true;
}

/* False if a part of the list is not a constant: the caller then builds it
 * otherwise. */
static bool collect(struct lj_checker *c, struct table *to, const struct lj_value *list,
                    uint32_t depth)
{
  if (depth >= LOSSJIT_MAX_RANK) {
    lj_report(c->diags, LJ_D_RANK_LIMIT, lj_place(c, list->syntax->span), "9 or more",
              lj_integer_text(c, LOSSJIT_MAX_RANK));
    to->failed = true;
    return false;
  }
  if (depth == to->rank)
    to->shape[to->rank++] = lj_size_number(list->count);
  if (!lj_size_is(to->shape[depth], list->count)) {
    ragged(c, list, to->shape[depth].offset, list->count);
    to->failed = true;
    return false;
  }
  for (uint32_t i = 0; i < list->count; i++) {
    const struct lj_value *item = &list->items[i];
    bool is_list = item->kind == LJ_V_LIST;
    if (is_list ? !collect(c, to, item, depth + 1) : !collect_leaf(c, to, item))
      return false;
    if (!is_list && to->rank != depth + 1) { /* [[1], 2] */
      ragged(c, list, to->shape[depth + 1].offset, 1);
      to->failed = true;
      return false;
    }
  }
  return true;
}

/* Elements of a list are alike: all numbers, or all arrays of one shape. */
static bool same_shapes(struct lj_checker *c, const struct lj_value *items,
                        const struct lj_value *list)
{
  for (uint32_t i = 1; i < list->count; i++) {
    const struct lj_node *first = lj_at(c, items[0].node),
                         *here = lj_at(c, items[i].node);
    bool pending = false, same = first->rank == here->rank;
    for (uint32_t axis = 0; same && axis < first->rank; axis++) {
      bool later = false;
      same = lj_sizes_agree(c, first->shape[axis], here->shape[axis],
                            list->syntax->span, &later);
      pending |= later;
    }
    if (!same)
      lj_report(c->diags, LJ_D_SHAPE_MISMATCH, lj_place(c, list->syntax->span),
                lj_shape_text(c, items[0].node), lj_shape_text(c, items[i].node));
    if (!same || pending)
      return false;
  }
  return true;
}

/* Values that are known only at run time, side by side along a new first axis:
 * where(arange(n) == 0, first, where(arange(n) == 1, second, ...)). */
static lj_id stack_list(struct lj_checker *c, const struct lj_value *list)
{
  struct lj_value *items = LJ_NEW_ARRAY(c->arena, struct lj_value, list->count);
  uint32_t rank;
  lj_id place, result;

  for (uint32_t i = 0; i < list->count; i++) {
    items[i] = list->items[i];
    items[i].node = lj_as_node(c, &list->items[i], "a list");
    if (!items[i].node)
      return 0;
    items[i].kind = LJ_V_NODE;
    if (lj_batch_axes(c, items[i].node)) {
      lj_refuse(c, list->syntax->span, "stacking arrays of the batch in a list",
                "the batch has to stay the first dimension");
      return 0;
    }
  }
  rank = lj_at(c, items[0].node)->rank;
  if (rank >= LOSSJIT_MAX_RANK || !same_shapes(c, items, list))
    return 0;
  place = lj_iota(c->graph, lj_size_number(list->count));
  if (rank)
    place = lj_expand_dims(c->graph, place, ((1u << rank) - 1) << 1);
  result = items[list->count - 1].node;
  for (uint32_t i = list->count - 1; i-- > 0;)
    result = lj_apply(c->graph, LJ_OP_WHERE,
                      lj_apply2(c->graph, LJ_OP_EQUAL, place, lj_integer(c->graph, i)),
                      items[i].node, result);
  return result;
}

lj_id lj_list_node(struct lj_checker *c, const struct lj_value *list)
{
  struct table table = {.dtype = LJ_BOOL};

  if (list->syntax)
    lj_stand_at(c, list->syntax);
  if (collect(c, &table, list, 0))
    return lj_table(c->graph, table.dtype, table.rank, table.shape, table.values);
  if (table.failed)
    return 0;
  if (list->count == 1) { /* where() has nothing to choose */
    lj_id only = lj_as_node(c, &list->items[0], "a list");
    if (!only || lj_batch_axes(c, only) || lj_at(c, only)->rank >= LOSSJIT_MAX_RANK)
      return only ? stack_list(c, list) : 0;
    return lj_expand_dims(c->graph, only, 1);
  }
  if (list->count <= LJ_STACK_LIMIT)
    return stack_list(c, list);
  lj_report(c->diags, LJ_D_TOO_LARGE, lj_place(c, list->syntax->span),
            "too many run-time values in one list", lj_integer_text(c, LJ_STACK_LIMIT));
  return 0;
}
