/*
 * Views, pads and sizes as syntax.
 *
 * A view is taken apart into what the language has words for, in this order: an index
 * (and slices), transpose, None, broadcast_to. A reduction whose axes are put back at
 * once is printed with keepdims=True. Sizes that are not numbers are said by
 * shape(x)[k] of an input that has them.
 */
#include "compiler/fold.h"
#include "compiler/print.h"
#include "compiler/syntax.h"

/* ---- sizes ----------------------------------------------------------------------- */

/* scale*value + offset */
static lj_syntax *linear(struct lj_printer *p, int64_t scale, lj_syntax *value,
                         int64_t offset)
{
  if (scale != 1)
    value = lj_print_binary(p, "multiply", lj_print_integer(p, scale), value);
  if (offset > 0)
    return lj_print_binary(p, "add", value, lj_print_integer(p, offset));
  if (offset < 0)
    return lj_print_binary(p, "subtract", value, lj_print_integer(p, -offset));
  return value;
}

static lj_syntax *shape_of(struct lj_printer *p, uint32_t input)
{
  lj_syntax *call = lj_print_call(p, "shape");

  p->declared[input] = true;
  lj_print_add(p, call, NULL, lj_print_name(p, p->graph->inputs[input].name));
  return call;
}

static lj_syntax *shape_axis(struct lj_printer *p, uint32_t input, uint32_t axis)
{
  lj_syntax *index = LJ_NEW(p->arena, lj_syntax);

  index->kind = LJ_S_INDEX;
  lj_print_add(p, index, NULL, shape_of(p, input));
  lj_print_add(p, index, NULL, lj_print_integer(p, axis));
  return index;
}

/* An axis with this size (exactly), or of its symbol alone; inputs that the text uses
 * anyway come first. */
static bool find_axis(const struct lj_printer *p, struct lj_size size, bool exact,
                      uint32_t *input, uint32_t *axis)
{
  for (int round = 0; round < 2; round++)
    for (uint32_t i = 0; i < p->graph->input_count; i++) {
      const struct lj_input *candidate = &p->graph->inputs[i];
      if (p->needed[candidate->node] != (round == 0))
        continue;
      for (uint32_t k = 0; k < candidate->rank; k++) {
        struct lj_size has = candidate->shape[k];
        bool fits = exact ? lj_size_equal(has, size)
                          : has.symbol == size.symbol && has.scale == 1;
        if (!fits)
          continue;
        *input = i;
        *axis = k;
        return true;
      }
    }
  return false;
}

lj_syntax *lj_print_size(struct lj_printer *p, struct lj_size size)
{
  uint32_t input, axis;

  if (lj_size_is_number(size))
    return lj_print_integer(p, size.offset);
  if (find_axis(p, size, true, &input, &axis))
    return shape_axis(p, input, axis);
  if (find_axis(p, size, false, &input, &axis)) {
    int64_t has = p->graph->inputs[input].shape[axis].offset;
    return linear(p, size.scale, shape_axis(p, input, axis),
                  size.offset - size.scale * has);
  }
  return linear(p, size.scale, lj_print_name(p, p->graph->symbols[size.symbol]),
                size.offset);
}

/* shape(x) if an input has just this shape, else the sizes one by one. */
static lj_syntax *print_shape(struct lj_printer *p, uint32_t rank,
                              const struct lj_size *shape)
{
  lj_syntax *list;

  for (uint32_t i = 0; i < p->graph->input_count; i++) {
    const struct lj_input *input = &p->graph->inputs[i];
    if (lj_shape_equal(rank, shape, input->rank, input->shape))
      return shape_of(p, i);
  }
  list = lj_print_list(p);
  for (uint32_t k = 0; k < rank; k++)
    lj_print_add(p, list, NULL, lj_print_size(p, shape[k]));
  return list;
}

/* ---- slices ---------------------------------------------------------------------- */

static struct lj_size plus(struct lj_printer *p, struct lj_size a, struct lj_size b,
                           int64_t factor)
{
  struct lj_size sum, scaled;

  LJ_CHECK(p->graph->trap, lj_size_times(b, factor, &scaled));
  LJ_CHECK(p->graph->trap, lj_size_add(a, scaled, &sum));
  return sum;
}

/* A bound inside 0 .. n; from the end where that is a number and the bound is not. */
static lj_syntax *bound(struct lj_printer *p, struct lj_size at, struct lj_size n)
{
  struct lj_size minus, from_end;

  if (!lj_size_is_number(at) && lj_size_times(n, -1, &minus) &&
      lj_size_add(at, minus, &from_end) && lj_size_is_number(from_end))
    return lj_print_integer(p, from_end.offset);
  return lj_print_size(p, at);
}

static lj_syntax *whole_slice(struct lj_printer *p)
{
  lj_syntax *slice = LJ_NEW(p->arena, lj_syntax);

  slice->kind = LJ_S_SLICE;
  slice->child_count = 3;
  slice->children = LJ_NEW_ARRAY(p->arena, lj_syntax *, 3);
  return slice;
}

static bool is_whole(const struct lj_syntax *item)
{
  return item->kind == LJ_S_SLICE && !item->children[0] && !item->children[1] &&
         !item->children[2];
}

/* start:stop:step for `length` elements of an axis of size n. */
static lj_syntax *print_slice(struct lj_printer *p, const struct lj_read *read,
                              struct lj_size length, struct lj_size n)
{
  struct lj_size last = plus(p, n, lj_size_number(1), -1);
  struct lj_size end = plus(p, read->start, plus(p, length, lj_size_number(1), -1),
                            read->step); /* the last element that is read */
  struct lj_size beyond = plus(p, end, last, -1), next = plus(p, end, last, -1);
  lj_syntax *slice = whole_slice(p);
  bool forward = read->step > 0;

  if (forward) {
    next.offset += read->step; /* how far past the last element the next one would be */
    if (!lj_size_is(read->start, 0))
      slice->children[0] = bound(p, read->start, n);
    if (!lj_size_is_number(beyond) || next.offset <= 0)
      slice->children[1] = bound(p, plus(p, end, lj_size_number(1), 1), n);
  } else {
    if (!lj_size_equal(read->start, last))
      slice->children[0] = bound(p, read->start, n);
    if (!lj_size_is_number(end) || end.offset + read->step >= 0)
      slice->children[1] = bound(p, plus(p, end, lj_size_number(1), -1), n);
  }
  if (read->step != 1)
    slice->children[2] = lj_print_integer(p, read->step);
  return slice;
}

/* ---- views ----------------------------------------------------------------------- */

static lj_syntax *indexed(struct lj_printer *p, lj_syntax *base, lj_syntax **items,
                          uint32_t count)
{
  lj_syntax *index;

  while (count && is_whole(items[count - 1]))
    count--;
  if (!count)
    return base;
  index = LJ_NEW(p->arena, lj_syntax);
  index->kind = LJ_S_INDEX;
  lj_print_add(p, index, NULL, base);
  for (uint32_t i = 0; i < count; i++)
    lj_print_add(p, index, NULL, items[i]);
  return index;
}

static lj_syntax *none(struct lj_printer *p)
{
  lj_syntax *made = LJ_NEW(p->arena, lj_syntax);

  made->kind = LJ_S_NONE;
  return made;
}

static lj_syntax *index_item(struct lj_printer *p, const struct lj_node *view,
                             const struct lj_node *base, uint32_t k)
{
  const struct lj_read *read = &view->reads[k];

  if (read->axis < 0)
    return bound(p, read->start, base->shape[k]);
  if (read->step == 1 && lj_size_is(read->start, 0) &&
      lj_size_equal(view->shape[read->axis], base->shape[k]))
    return whole_slice(p);
  return print_slice(p, read, view->shape[read->axis], base->shape[k]);
}

/* Axes of the view in the order in which the operand names them: a permutation of those
 * that are named. False if they are in order already. */
static bool permutation(const struct lj_node *view, uint32_t rank, int32_t *order,
                        uint32_t *count)
{
  int32_t last = -1;
  bool permuted = false;

  *count = 0;
  for (uint32_t k = 0; k < rank; k++) {
    if (view->reads[k].axis < 0)
      continue;
    permuted |= view->reads[k].axis < last;
    last = view->reads[k].axis;
    order[(*count)++] = last;
  }
  return permuted;
}

/* x[...] of what is picked and cut, without new axes. */
static lj_syntax *cut(struct lj_printer *p, const struct lj_node *view,
                      const struct lj_node *base, lj_syntax *x)
{
  lj_syntax *items[LOSSJIT_MAX_RANK];

  for (uint32_t k = 0; k < base->rank; k++)
    items[k] = index_item(p, view, base, k);
  return indexed(p, x, items, base->rank);
}

/* transpose(x) turns all axes around; otherwise the axes are listed. */
static lj_syntax *transposed(struct lj_printer *p, lj_syntax *x, const int32_t *order,
                             uint32_t count)
{
  lj_syntax *call = lj_print_call(p, "transpose"), *list = lj_print_list(p);
  bool reversed = true;

  lj_print_add(p, call, NULL, x);
  for (uint32_t i = 1; i < count; i++)
    reversed &= order[i] < order[i - 1];
  if (reversed)
    return call;
  for (int32_t axis = 0; axis < LOSSJIT_MAX_RANK; axis++)
    for (uint32_t i = 0; i < count; i++)
      if (order[i] == axis)
        lj_print_add(p, list, NULL, lj_print_integer(p, i));
  lj_print_add(p, call, NULL, list);
  return call;
}

static lj_syntax *one_element(struct lj_printer *p, int64_t at)
{
  lj_syntax *slice = whole_slice(p);

  slice->children[0] = lj_print_integer(p, at);
  slice->children[1] = lj_print_integer(p, at + 1);
  return slice;
}

/* The index that both cuts and makes new axes, or only makes them after a transpose.
 * Leading new axes are left out if the shape is given afterwards anyway. */
static lj_syntax *with_new_axes(struct lj_printer *p, const struct lj_node *view,
                                const struct lj_node *base, lj_syntax *x, bool cuts,
                                bool repeats)
{
  lj_syntax *items[2 * LOSSJIT_MAX_RANK];
  uint32_t count = 0, next = 0;

  for (uint32_t axis = 0; axis < view->rank; axis++) {
    uint32_t k = 0;
    while (k < base->rank && view->reads[k].axis != (int32_t)axis)
      k++;
    bool named = k < base->rank;
    bool picks = cuts && next < base->rank && view->reads[next].axis < 0 &&
                 lj_size_is_number(view->reads[next].start);
    if (!named && picks) { /* x[:, 2:3] rather than x[:, None, 2] */
      items[count++] = lj_size_is(base->shape[next], 1)
                           ? whole_slice(p)
                           : one_element(p, view->reads[next].start.offset);
      next++;
      continue;
    }
    if (!named) {
      if (!repeats || count)
        items[count++] = none(p);
      continue;
    }
    while (cuts && next < k)
      items[count++] = index_item(p, view, base, next++);
    items[count++] = cuts ? index_item(p, view, base, next++) : whole_slice(p);
  }
  while (cuts && next < base->rank)
    items[count++] = index_item(p, view, base, next++);
  return indexed(p, x, items, count);
}

/* sum(x, axis=1, keepdims=True) */
static lj_syntax *keepdims(struct lj_printer *p, const struct lj_node *view)
{
  lj_id operand = view->operand[0];
  const struct lj_node *row = lj_node_at(p->graph, operand);
  uint32_t rank, kept = 0;
  lj_syntax *call;

  if (!lj_op_is_reduction((enum lj_op)row->op) || p->names[operand])
    return NULL;
  rank = lj_operand(p->graph, row, 0)->rank;
  if (view->rank != rank)
    return NULL;
  for (uint32_t axis = 0; axis < rank; axis++) {
    if (row->axes >> axis & 1) {
      if (!lj_size_is(view->shape[axis], 1))
        return NULL;
      continue;
    }
    const struct lj_read *read = &view->reads[kept];
    bool whole = read->axis == (int32_t)axis && read->step == 1 &&
                 lj_size_is(read->start, 0) &&
                 lj_size_equal(view->shape[axis], row->shape[kept]);
    bool only = read->axis < 0 && lj_size_is(row->shape[kept], 1) &&
                lj_size_is(view->shape[axis], 1);
    if (!whole && !only)
      return NULL;
    kept++;
  }
  call = lj_print_form(p, operand);
  lj_syntax *truth = LJ_NEW(p->arena, lj_syntax);
  truth->kind = LJ_S_TRUTH;
  truth->number = 1;
  lj_print_add(p, call, "keepdims", truth);
  return call;
}

lj_syntax *lj_print_view(struct lj_printer *p, const struct lj_node *node)
{
  const struct lj_node *base = lj_operand(p->graph, node, 0);
  lj_syntax *x = keepdims(p, node), *call;
  int32_t order[LOSSJIT_MAX_RANK];
  uint32_t named = 0, count;
  bool repeats = false;

  if (x)
    return x;
  x = lj_print_node(p, node->operand[0]);
  for (uint32_t k = 0; k < base->rank; k++)
    if (node->reads[k].axis >= 0)
      named |= 1u << node->reads[k].axis;
  for (uint32_t axis = 0; axis < node->rank; axis++)
    repeats |= !(named >> axis & 1) && !lj_size_is(node->shape[axis], 1);
  if (permutation(node, base->rank, order, &count)) {
    x = transposed(p, cut(p, node, base, x), order, count);
    x = with_new_axes(p, node, base, x, false, repeats);
  } else {
    x = with_new_axes(p, node, base, x, true, repeats);
  }
  if (!repeats)
    return x;
  call = lj_print_call(p, "broadcast_to");
  lj_print_add(p, call, NULL, x);
  lj_print_add(p, call, NULL, print_shape(p, node->rank, node->shape));
  return call;
}

/* ---- pads ------------------------------------------------------------------------ */

/* pad(x, before, after, axis=k, step=s), one axis at a time. */
lj_syntax *lj_print_pad(struct lj_printer *p, const struct lj_node *node)
{
  const struct lj_node *operand = lj_operand(p->graph, node, 0);
  lj_syntax *x = lj_print_node(p, node->operand[0]);

  for (uint32_t k = 0; k < node->rank; k++) {
    const struct lj_read *read = &node->reads[k];
    bool in_place = read->step == 1 && lj_size_is(read->start, 0) &&
                    lj_size_equal(operand->shape[k], node->shape[k]);
    if (in_place)
      continue;
    struct lj_size past = plus(p, operand->shape[k], lj_size_number(1), -1);
    past = plus(p, read->start, past, read->step); /* the last element's place */
    past = plus(p, past, lj_size_number(1), 1);
    struct lj_size after = plus(p, node->shape[k], past, -1);
    lj_syntax *call = lj_print_call(p, "pad");
    lj_print_add(p, call, NULL, x);
    lj_print_add(p, call, NULL, lj_print_size(p, read->start));
    lj_print_add(p, call, NULL, lj_print_size(p, after));
    if (k + 1u != node->rank)
      lj_print_add(p, call, "axis", lj_print_integer(p, k));
    if (read->step != 1)
      lj_print_add(p, call, "step", lj_print_integer(p, read->step));
    x = call;
  }
  return x;
}
