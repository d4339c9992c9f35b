/*
 * Indexing: whole numbers, slices with steps, None and ..., all in one view.
 *
 * Bounds are sizes, so x[:, 1:] of a dimension n has size n-1, and clamping as in NumPy
 * happens where sizes are numbers. (A kernel is always checked again with numbers, so
 * that nothing can be read outside its array.) The batch can only be kept whole.
 */
#include "compiler/check_internal.h"

struct indexing {
  lj_id of;
  const struct lj_syntax *at;
  uint32_t axis; /* next axis of the operand */
  uint32_t rank; /* of the view so far */
  struct lj_size shape[LOSSJIT_MAX_RANK];
  struct lj_read reads[LOSSJIT_MAX_RANK];
};

static bool refuse_index(struct lj_checker *c, const struct lj_syntax *item,
                         const char *what, const char *fix)
{
  struct lj_report *report =
      lj_report(c->diags, LJ_D_BAD_INDEX, lj_place(c, item->span), what);

  if (fix)
    lj_fix(c->diags, report, lj_place(c, item->span), NULL, "%s", fix);
  lj_trace(c, report, item->span);
  return false;
}

static bool refuse_range(struct lj_checker *c, const struct lj_syntax *item,
                         int64_t index, struct lj_size size)
{
  lj_trace(c,
           lj_report(c->diags, LJ_D_INDEX_RANGE, lj_place(c, item->span),
                     lj_integer_text(c, index), lj_size_text(c, size)),
           item->span);
  return false;
}

static bool unknown_size(struct lj_checker *c, const struct lj_syntax *item,
                         struct lj_size size)
{
  struct lj_report *report = lj_report(c->diags, LJ_D_UNKNOWN_SIZE,
                                       lj_place(c, item->span), lj_size_text(c, size));

  lj_fix(c->diags, report, lj_place(c, item->span), NULL,
         "declare the input with a number there");
  lj_trace(c, report, item->span);
  return false;
}

/* A bound or index counted from the end if it is negative. */
static bool from_end(struct lj_size n, struct lj_size *bound)
{
  bool negative = lj_size_is_number(*bound) ? bound->offset < 0 : bound->scale < 0;

  return !negative || lj_size_add(n, *bound, bound);
}

static bool evaluate_index(struct lj_checker *c, const struct lj_syntax *syntax,
                           struct lj_size *size)
{
  struct lj_value value = lj_eval(c, syntax);
  const struct lj_node *node;

  if (value.kind == LJ_V_ERROR)
    return false;
  if (value.kind == LJ_V_LIST)
    return refuse_index(c, syntax, "a list",
                        "pick elements one by one, or with a slice");
  if (value.kind != LJ_V_NODE)
    return refuse_index(c, syntax, "a truth value", NULL);
  node = lj_at(c, value.node);
  if (node->dtype == LJ_BOOL)
    return refuse_index(c, syntax, "an array of truth values",
                        "where(condition, x, 0) keeps the shape");
  if (node->rank)
    return refuse_index(c, syntax, "an array", "gather(x, index) picks by labels");
  return lj_as_size(c, &value, "an index", size);
}

/* ---- one item -------------------------------------------------------------------- */

static bool pick(struct lj_checker *c, struct indexing *to,
                 const struct lj_syntax *item)
{
  struct lj_size n = lj_at(c, to->of)->shape[to->axis], index;
  struct lj_size as_written;

  if (!evaluate_index(c, item, &index))
    return false;
  if (n.symbol == LJ_SYMBOL_BATCH) {
    struct lj_report *report =
        lj_refuse(c, item->span, "picking one sample of the batch",
                  "every sample has a loss of its own");
    if (!item->span.source && item == to->at->children[1] && to->at->child_count == 2 &&
        lj_at(c, to->of)->rank > 1)
      lj_fix(c->diags, report, item->span,
             lj_format(c->arena, ":, %s", lj_source_text(c, item)),
             "the first index is the batch, a column is [:, %s]",
             lj_source_text(c, item));
    return false;
  }
  as_written = index;
  if (!from_end(n, &index))
    return unknown_size(c, item, n);
  if (lj_size_is_number(index) &&
      (index.offset < 0 || (lj_size_is_number(n) && index.offset >= n.offset)))
    return refuse_range(c, item, as_written.offset, n);
  to->reads[to->axis++] = (struct lj_read){index, 0, -1};
  return true;
}

struct slice {
  struct lj_size start, stop;
  int64_t step;
};

static void clamp(struct lj_size *bound, int64_t low, int64_t high)
{
  if (bound->offset < low)
    bound->offset = low;
  if (bound->offset > high)
    bound->offset = high;
}

/* Start and stop as NumPy means them: defaults by the direction, ends clamped. */
static bool bounds(struct lj_checker *c, const struct lj_syntax *item, struct lj_size n,
                   struct slice *slice)
{
  struct lj_size last;
  const struct lj_syntax *const *part = (const struct lj_syntax *const *)item->children;
  bool forward = slice->step > 0;

  if (!lj_size_add(n, lj_size_number(-1), &last))
    return unknown_size(c, item, n);
  slice->start = forward ? lj_size_number(0) : last;
  slice->stop = forward ? n : lj_size_number(-1);
  if (part[0] && (!evaluate_index(c, part[0], &slice->start) ||
                  !(from_end(n, &slice->start) || unknown_size(c, item, n))))
    return false;
  if (part[1] && (!evaluate_index(c, part[1], &slice->stop) ||
                  !(from_end(n, &slice->stop) || unknown_size(c, item, n))))
    return false;
  if (!lj_size_is_number(n))
    return true;
  if (lj_size_is_number(slice->start))
    clamp(&slice->start, forward ? 0 : -1, forward ? n.offset : n.offset - 1);
  if (lj_size_is_number(slice->stop))
    clamp(&slice->stop, forward ? 0 : -1, forward ? n.offset : n.offset - 1);
  return true;
}

static bool slice_length(const struct slice *slice, struct lj_size *length)
{
  struct lj_size low = slice->step > 0 ? slice->start : slice->stop;
  struct lj_size high = slice->step > 0 ? slice->stop : slice->start, minus;
  int64_t step = slice->step > 0 ? slice->step : -slice->step;

  if (!lj_size_times(low, -1, &minus) || !lj_size_add(high, minus, length))
    return false;
  if (!lj_size_is_number(*length))
    return step == 1;
  length->offset = length->offset <= 0 ? 0 : (length->offset - 1) / step + 1;
  return true;
}

static bool is_whole(const struct lj_syntax *item)
{
  return !item->children[0] && !item->children[1] && !item->children[2];
}

static void keep_axis(struct lj_checker *c, struct indexing *to)
{
  to->shape[to->rank] = lj_at(c, to->of)->shape[to->axis];
  to->reads[to->axis++] = (struct lj_read){lj_size_number(0), 1, (int32_t)to->rank++};
}

static bool cut(struct lj_checker *c, struct indexing *to, const struct lj_syntax *item)
{
  struct lj_size n = lj_at(c, to->of)->shape[to->axis], length;
  struct slice slice = {.step = 1};

  if (is_whole(item)) {
    keep_axis(c, to);
    return true;
  }
  if (n.symbol == LJ_SYMBOL_BATCH) {
    lj_refuse(c, item->span, "slicing the batch", "every sample has a loss of its own");
    return false;
  }
  if (item->children[2]) {
    struct lj_value step = lj_eval(c, item->children[2]);
    if (!lj_as_integer(c, &step, "a step", &slice.step))
      return false;
    if (!slice.step)
      return refuse_index(c, item->children[2], "a step of 0", NULL);
  }
  if (!bounds(c, item, n, &slice))
    return false;
  if (!slice_length(&slice, &length))
    return unknown_size(c, item, n);
  if (lj_size_is(length, 0))
    slice.start = lj_size_number(0);
  to->shape[to->rank] = length;
  to->reads[to->axis++] =
      (struct lj_read){slice.start, slice.step, (int32_t)to->rank++};
  return true;
}

/* ---- the whole index ------------------------------------------------------------- */

static uint32_t count_items(const struct lj_syntax *at, enum lj_syntax_kind kind)
{
  uint32_t count = 0;

  for (uint32_t i = 1; i < at->child_count; i++)
    count += at->children[i]->kind == kind;
  return count;
}

static bool apply_item(struct lj_checker *c, struct indexing *to,
                       const struct lj_syntax *item, uint32_t hidden)
{
  if (item->kind == LJ_S_NONE) {
    to->shape[to->rank++] = lj_size_number(1);
    return true;
  }
  if (item->kind == LJ_S_ELLIPSIS) {
    for (uint32_t i = 0; i < hidden; i++)
      keep_axis(c, to);
    return true;
  }
  return item->kind == LJ_S_SLICE ? cut(c, to, item) : pick(c, to, item);
}

static bool counts_fit(struct lj_checker *c, lj_id of, const struct lj_syntax *at,
                       uint32_t named, uint32_t made)
{
  uint32_t rank = lj_at(c, of)->rank;

  if (count_items(at, LJ_S_ELLIPSIS) > 1)
    return refuse_index(c, at->children[at->child_count - 1], "a second ...", NULL);
  if (named > rank) {
    lj_trace(c,
             lj_report(c->diags, LJ_D_TOO_MANY_INDICES, lj_place(c, at->span),
                       lj_integer_text(c, named), lj_shape_text(c, of)),
             at->span);
    return false;
  }
  if (rank + made > LOSSJIT_MAX_RANK) {
    lj_report(c->diags, LJ_D_RANK_LIMIT, lj_place(c, at->span),
              lj_integer_text(c, rank + made), lj_integer_text(c, LOSSJIT_MAX_RANK));
    return false;
  }
  return true;
}

static struct lj_value index_node(struct lj_checker *c, lj_id of,
                                  const struct lj_syntax *at)
{
  struct indexing to = {.of = of, .at = at};
  uint32_t made = count_items(at, LJ_S_NONE);
  uint32_t named = at->child_count - 1 - made - count_items(at, LJ_S_ELLIPSIS);
  uint32_t rank = lj_at(c, of)->rank;
  lj_id view;

  if (!counts_fit(c, of, at, named, made))
    return lj_error_value;
  for (uint32_t i = 1; i < at->child_count; i++)
    if (!apply_item(c, &to, at->children[i], rank - named))
      return lj_error_value;
  while (to.axis < rank)
    keep_axis(c, &to);
  if (!c->trusted)
    c->graph->here = lj_place(c, at->span);
  view = lj_view(c->graph, of, to.rank, to.shape, to.reads);
  return lj_node_value(lj_batch_first(c, view, at), at);
}

/* shape(x)[-1], or one element of a list; anything more makes the list an array. */
static bool index_list(struct lj_checker *c, const struct lj_value *list,
                       const struct lj_syntax *at, struct lj_value *value)
{
  const struct lj_syntax *item = at->children[1];
  struct lj_size index;

  *value = lj_error_value;
  if (at->child_count != 2 || item->kind == LJ_S_SLICE || item->kind == LJ_S_NONE ||
      item->kind == LJ_S_ELLIPSIS)
    return false;
  if (!evaluate_index(c, item, &index))
    return true;
  if (!lj_size_is_number(index)) {
    unknown_size(c, item, index);
  } else if (index.offset < -(int64_t)list->count ||
             index.offset >= (int64_t)list->count) {
    refuse_range(c, item, index.offset, lj_size_number(list->count));
  } else {
    *value = list->items[index.offset < 0 ? index.offset + list->count : index.offset];
    value->syntax = at;
  }
  return true;
}

struct lj_value lj_index(struct lj_checker *c, const struct lj_syntax *syntax)
{
  struct lj_value base = lj_eval(c, syntax->children[0]), value;
  lj_id node;

  if (base.kind == LJ_V_ERROR)
    return lj_error_value;
  if (base.kind == LJ_V_LIST && index_list(c, &base, syntax, &value))
    return value;
  node = lj_as_node(c, &base, "an index");
  return node ? index_node(c, node, syntax) : lj_error_value;
}
