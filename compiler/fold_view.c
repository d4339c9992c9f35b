/*
 * Folding of views.
 *
 * Views move towards the leaves, so that every load becomes one affine access: a view
 * of a view is one view, a view of an operator is the operator over views, a view of a
 * table is a table. Views that repeat values are not moved: repeats go the other way
 * (fold_repeats.c), and so the two cannot chase each other.
 */
#include "compiler/fold.h"

/* Shape and reads of a view under construction. */
struct sketch {
  uint32_t rank;
  struct lj_size shape[LOSSJIT_MAX_RANK];
  struct lj_read reads[LOSSJIT_MAX_RANK];
};

static lj_id make(struct lj_graph *graph, lj_id a, const struct sketch *sketch)
{
  return lj_view(graph, a, sketch->rank, sketch->shape, sketch->reads);
}

/* Bit set of the view's axes that some axis of its operand names. */
static uint32_t named_axes(const struct lj_graph *graph, const struct lj_node *view)
{
  uint32_t named = 0;

  for (uint32_t k = 0; k < lj_operand(graph, view, 0)->rank; k++)
    if (view->reads[k].axis >= 0)
      named |= 1u << view->reads[k].axis;
  return named;
}

uint32_t lj_repeated_axes(const struct lj_graph *graph, const struct lj_node *view)
{
  uint32_t named = named_axes(graph, view), repeated = 0;

  for (uint32_t k = 0; k < view->rank; k++)
    if (!(named >> k & 1) && !lj_size_is(view->shape[k], 1))
      repeated |= 1u << k;
  return repeated;
}

static bool reads_all(const struct lj_read *read, struct lj_size from,
                      struct lj_size to)
{
  return read->axis >= 0 && read->step == 1 && lj_size_is(read->start, 0) &&
         lj_size_equal(from, to);
}

/* Axis k of `a` is read from end to end, or has nothing to choose from. */
static bool whole_or_one(const struct lj_node *a, uint32_t k,
                         const struct lj_read *read, const struct lj_node *view)
{
  return lj_size_is(a->shape[k], 1) ||
         (read->axis >= 0 && reads_all(read, a->shape[k], view->shape[read->axis]));
}

/* ---- a view of a view ------------------------------------------------------------ */

/* Axis k of the innermost operand, read through `inner` and then `outer`. */
static bool compose_read(const struct lj_read *inner, const struct lj_read *outer,
                         struct lj_read *both)
{
  struct lj_size moved;

  *both = *inner;
  if (inner->axis < 0)
    return true;
  const struct lj_read *next = &outer[inner->axis];
  if (!lj_size_times(next->start, inner->step, &moved))
    return false;
  if (!lj_size_add(inner->start, moved, &both->start))
    return false;
  both->axis = next->axis;
  both->step = inner->step * next->step;
  return true;
}

static lj_id view_of_view(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *inner = lj_operand(graph, node, 0);
  struct sketch both = {.rank = node->rank};

  for (uint32_t k = 0; k < node->rank; k++)
    both.shape[k] = node->shape[k];
  for (uint32_t k = 0; k < lj_operand(graph, inner, 0)->rank; k++)
    if (!compose_read(&inner->reads[k], node->reads, &both.reads[k]))
      return 0;
  return make(graph, inner->operand[0], &both);
}

/* ---- a view of a table ----------------------------------------------------------- */

/* A part, a turn or an unrepeated copy of a table is a table. */
static lj_id view_of_table(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *table = lj_operand(graph, node, 0);
  int64_t count = 1;

  if (lj_repeated_axes(graph, node))
    return 0;
  for (uint32_t k = 0; k < node->rank; k++) {
    if (!lj_size_is_number(node->shape[k]))
      return 0;
    count *= node->shape[k].offset;
  }
  for (uint32_t k = 0; k < table->rank; k++)
    if (!lj_size_is_number(node->reads[k].start))
      return 0;
  if (count <= 0)
    return 0;
  double *values = LJ_NEW_ARRAY(graph->arena, double, (size_t)count);
  for (int64_t at = 0; at < count; at++) {
    int64_t index[LOSSJIT_MAX_RANK], rest = at, from = 0;
    for (uint32_t k = node->rank; k-- > 0; rest /= node->shape[k].offset)
      index[k] = rest % node->shape[k].offset;
    for (uint32_t k = 0; k < table->rank; k++) {
      const struct lj_read *read = &node->reads[k];
      int64_t along = read->axis < 0 ? 0 : read->step * index[read->axis];
      from = from * table->shape[k].offset + read->start.offset + along;
    }
    values[at] = table->table[from];
  }
  if (!node->rank)
    return lj_constant(graph, (enum lj_dtype)node->dtype, values[0]);
  return lj_table(graph, (enum lj_dtype)node->dtype, node->rank, node->shape, values);
}

/* ---- a view of an elementwise operator ------------------------------------------- */

/* What of `operand` the view of the whole operator `over` reads. */
static lj_id view_operand(struct lj_graph *graph, const struct lj_node *view,
                          const struct lj_node *over, lj_id operand)
{
  const struct lj_node *node = lj_node_at(graph, operand);
  uint32_t skip = over->rank - node->rank;
  struct sketch sketch = {.rank = view->rank};

  if (!node->rank)
    return operand;
  for (uint32_t k = 0; k < view->rank; k++)
    sketch.shape[k] = lj_size_number(1);
  for (uint32_t k = 0; k < node->rank; k++) {
    bool repeats = !lj_size_equal(node->shape[k], over->shape[skip + k]);
    sketch.reads[k] = view->reads[skip + k];
    int32_t axis = sketch.reads[k].axis;
    if (repeats)
      sketch.reads[k] = (struct lj_read){lj_size_number(0), 0, axis};
    if (repeats && axis >= 0)
      sketch.reads[k].step = 1;
    if (axis >= 0)
      sketch.shape[axis] = repeats ? lj_size_number(1) : view->shape[axis];
  }
  return make(graph, operand, &sketch);
}

/* Does the view do more than add and drop axes of size 1? */
static bool selects(const struct lj_graph *graph, const struct lj_node *view)
{
  const struct lj_node *a = lj_operand(graph, view, 0);
  int32_t last = -1;

  for (uint32_t k = 0; k < a->rank; k++) {
    const struct lj_read *read = &view->reads[k];
    if (!whole_or_one(a, k, read, view))
      return true;
    if (read->axis >= 0 && read->axis < last)
      return true;
    if (read->axis >= 0)
      last = read->axis;
  }
  return false;
}

/* The view without its new axes, which are `*fresh`; those are put back around what
 * the rest of the view is pushed into. So x[:, 0] and x[:, None, 0] share their
 * computation. */
static struct lj_node without_fresh(struct lj_graph *graph, const struct lj_node *view,
                                    struct sketch *sketch, uint32_t *fresh)
{
  struct lj_node bare = *view;
  uint32_t named = named_axes(graph, view);
  int32_t place[LOSSJIT_MAX_RANK];

  *fresh = ~named & ((1u << view->rank) - 1);
  sketch->rank = 0;
  for (uint32_t k = 0; k < view->rank; k++) {
    place[k] = (int32_t)sketch->rank;
    if (named >> k & 1)
      sketch->shape[sketch->rank++] = view->shape[k];
  }
  for (uint32_t k = 0; k < lj_operand(graph, view, 0)->rank; k++) {
    sketch->reads[k] = view->reads[k];
    if (sketch->reads[k].axis >= 0)
      sketch->reads[k].axis = place[sketch->reads[k].axis];
  }
  bare.rank = (uint8_t)sketch->rank;
  bare.shape = sketch->shape;
  bare.reads = sketch->reads;
  return bare;
}

/* A view that only drops or adds axes of size 1, of an operator whose operands are
 * views that did the opposite: neither is needed. */
static lj_id view_undone(struct lj_graph *graph, const struct lj_node *node)
{
  struct lj_node over = *lj_operand(graph, node, 0);
  lj_id operand[3] = {0};

  for (int i = 0; i < over.operand_count; i++) {
    struct lj_node inner = *lj_operand(graph, &over, i);
    operand[i] = over.operand[i];
    if (!inner.rank)
      continue;
    if (inner.op != LJ_OP_VIEW || inner.rank != over.rank)
      return 0;
    operand[i] = view_operand(graph, node, &over, over.operand[i]);
    if (operand[i] != inner.operand[0])
      return 0;
  }
  lj_id result = lj_rebuild(graph, &over, operand);
  const struct lj_node *found = lj_node_at(graph, result);
  bool same = lj_shape_equal(found->rank, found->shape, node->rank, node->shape);
  return same ? result : 0;
}

/* The operator over views of its operands. What was shared between several views is
 * computed once for each, on as many elements in all as they read. */
static lj_id view_of_elementwise(struct lj_graph *graph, const struct lj_node *node)
{
  struct lj_node over = *lj_operand(graph, node, 0), bare;
  struct sketch sketch;
  lj_id operand[3] = {0}, result;
  uint32_t fresh;

  if (lj_repeated_axes(graph, node))
    return 0;
  if (!selects(graph, node))
    return view_undone(graph, node);
  bare = without_fresh(graph, node, &sketch, &fresh);
  for (int i = 0; i < over.operand_count; i++)
    operand[i] = view_operand(graph, &bare, &over, over.operand[i]);
  result = lj_rebuild(graph, &over, operand);
  return fresh ? lj_expand_dims(graph, result, fresh) : result;
}

/* ---- a view of a row operator ---------------------------------------------------- */

/* The axes of a row operator's operand, with those it reduces as they are. */
struct through {
  struct sketch sketch;
  uint32_t axes; /* of the new operand */
};

/* A view of a reduction reads the same of the operand's other axes. The reduced axes go
 * behind those, or in front if the batch is among them: it stays the first axis. */
static bool through_reduction(const struct lj_graph *graph, const struct lj_node *view,
                              const struct lj_node *row, struct through *to)
{
  const struct lj_node *a = lj_operand(graph, row, 0);
  uint32_t reduced = (uint32_t)__builtin_popcount(row->axes), kept = 0;
  bool in_front = (row->axes & 1) && a->shape[0].symbol == LJ_SYMBOL_BATCH;
  uint32_t shift = in_front ? reduced : 0, place = in_front ? 0 : view->rank;

  if (view->rank + reduced > LOSSJIT_MAX_RANK)
    return false;
  to->sketch.rank = view->rank + reduced;
  for (uint32_t k = 0; k < view->rank; k++)
    to->sketch.shape[shift + k] = view->shape[k];
  for (uint32_t k = 0; k < a->rank; k++) {
    struct lj_read *read = &to->sketch.reads[k];
    if (row->axes >> k & 1) {
      *read = (struct lj_read){lj_size_number(0), 1, (int32_t)place};
      to->axes |= 1u << place;
      to->sketch.shape[place++] = a->shape[k];
      continue;
    }
    *read = view->reads[kept++];
    if (read->axis >= 0)
      read->axis += (int32_t)shift;
  }
  return true;
}

/* An operator along axes keeps them: the view must read those whole. */
static bool through_along(const struct lj_graph *graph, const struct lj_node *view,
                          const struct lj_node *row, struct through *to)
{
  const struct lj_node *a = lj_operand(graph, row, 0);

  to->sketch.rank = view->rank;
  for (uint32_t k = 0; k < view->rank; k++)
    to->sketch.shape[k] = view->shape[k];
  for (uint32_t k = 0; k < a->rank; k++) {
    const struct lj_read *read = &view->reads[k];
    to->sketch.reads[k] = *read;
    bool along = row->axes >> k & 1;
    if (along && (read->axis < 0 || !whole_or_one(a, k, read, view)))
      return false;
    if (along)
      to->axes |= 1u << read->axis;
  }
  return true;
}

static lj_id view_of_row(struct lj_graph *graph, const struct lj_node *node)
{
  struct lj_node row = *lj_operand(graph, node, 0), bare;
  enum lj_op op = (enum lj_op)row.op;
  struct through to = {0};
  struct sketch sketch;
  uint32_t fresh;

  if (lj_repeated_axes(graph, node) || !selects(graph, node))
    return 0;
  bare = without_fresh(graph, node, &sketch, &fresh);
  bool possible = lj_op_is_reduction(op) ? through_reduction(graph, &bare, &row, &to)
                                         : through_along(graph, &bare, &row, &to);
  if (!possible)
    return 0;
  lj_id result = lj_row(graph, op, make(graph, row.operand[0], &to.sketch), to.axes);
  return fresh ? lj_expand_dims(graph, result, fresh) : result;
}

/* A view of an operator, moved through it. */
static lj_id push(struct lj_graph *graph, const struct lj_node *node)
{
  struct lj_node over = *lj_operand(graph, node, 0);

  if (over.op == LJ_OP_NEGATIVE &&
      !lj_repeated_axes(graph, node)) /* signs go outwards */
    return lj_apply1(graph, LJ_OP_NEGATIVE, lj_rebuild(graph, node, over.operand));
  if (lj_op_is_elementwise((enum lj_op)over.op))
    return view_of_elementwise(graph, node);
  return lj_op_is_row((enum lj_op)over.op) ? view_of_row(graph, node) : 0;
}

lj_id lj_fold_view(struct lj_graph *graph, const struct lj_node *node)
{
  enum lj_op op = (enum lj_op)lj_operand(graph, node, 0)->op;
  lj_id result;

  if (op == LJ_OP_VIEW)
    return view_of_view(graph, node);
  if (op == LJ_OP_TABLE)
    return view_of_table(graph, node);
  if (graph->push_depth >= LJ_PUSH_LIMIT)
    return 0;
  result = lj_pushed_find(graph, node);
  if (result)
    return result;
  graph->push_depth++;
  result = push(graph, node);
  graph->push_depth--;
  if (result)
    lj_pushed_note(graph, node, result);
  return result;
}
