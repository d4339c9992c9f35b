/*
 * Adjoints of views, pads and gathers.
 *
 * A view reads some elements of its operand, in another order, perhaps several times.
 * Its adjoint sums over what was repeated, turns the axes back, and puts the rest in
 * its place among zeros (PAD). Elements that the view does not read have a zero
 * adjoint, which counts as a guard: log(x)[:, 0] must not fail at x[:, 1] = 0. The
 * adjoint of a gather is a guard and nothing else: arange(n) == index.
 */
#include "compiler/grad.h"

static struct lj_size size_add(struct lj_graph *graph, struct lj_size a,
                               struct lj_size b)
{
  struct lj_size sum;

  LJ_CHECK(graph->trap, lj_size_add(a, b, &sum));
  return sum;
}

static struct lj_size size_times(struct lj_graph *graph, struct lj_size a,
                                 int64_t factor)
{
  struct lj_size product;

  LJ_CHECK(graph->trap, lj_size_times(a, factor, &product));
  return product;
}

/* ---- views ----------------------------------------------------------------------- */

/* The operand's axis that reads along `axis` of the view; -1 if none does. */
static int32_t reader_of(const struct lj_node *view, uint32_t operand_rank,
                         uint32_t axis)
{
  for (uint32_t k = 0; k < operand_rank; k++)
    if (view->reads[k].axis == (int32_t)axis)
      return (int32_t)k;
  return -1;
}

/* Does the view read axis k of its operand from end to end, in either direction? */
static bool covers(const struct lj_node *view, const struct lj_node *operand,
                   uint32_t k)
{
  const struct lj_read *read = &view->reads[k];

  if (read->axis < 0)
    return lj_size_is(operand->shape[k], 1);
  return (read->step == 1 || read->step == -1) &&
         lj_size_equal(view->shape[read->axis], operand->shape[k]);
}

/* An array over the view's axes (size 1 where it repeats) over the operand's axes. */
static lj_id turned_back(struct lj_graph *graph, const struct lj_node *view,
                         uint32_t rank, lj_id id)
{
  const struct lj_node *node = lj_node_at(graph, id);
  struct lj_size shape[LOSSJIT_MAX_RANK];
  struct lj_read reads[LOSSJIT_MAX_RANK];
  uint32_t skip = view->rank - node->rank;

  if (!node->rank)
    return id;
  for (uint32_t k = 0; k < rank; k++)
    shape[k] = lj_size_number(1);
  for (uint32_t q = 0; q < node->rank; q++) {
    int32_t k = reader_of(view, rank, skip + q);
    bool turned = k >= 0 && view->reads[k].step < 0 && !lj_size_is(node->shape[q], 1);
    reads[q] = (struct lj_read){lj_size_number(0), 1, k};
    if (turned) {
      reads[q].start = size_add(graph, node->shape[q], lj_size_number(-1));
      reads[q].step = -1;
    }
    if (k >= 0)
      shape[k] = node->shape[q];
  }
  return lj_view(graph, id, rank, shape, reads);
}

/* Where the elements that the view read stand along axis k; steps made positive, as
 * turned_back has turned the elements. */
static struct lj_read place_of(struct lj_graph *graph, const struct lj_node *view,
                               uint32_t k)
{
  const struct lj_read *read = &view->reads[k];
  struct lj_read place = {read->start, 1, (int32_t)k};

  if (read->axis < 0)
    return place;
  place.step = read->step < 0 ? -read->step : read->step;
  if (read->step < 0) {
    struct lj_size last = size_add(graph, view->shape[read->axis], lj_size_number(-1));
    place.start = size_add(graph, read->start, size_times(graph, last, read->step));
  }
  return place;
}

/* `id`, over the operand's axes, among zeros. Axes that the view covers stay as they
 * are, also where they only repeat; leading ones that do are left out. */
static lj_id placed(struct lj_graph *graph, const struct lj_node *view,
                    const struct lj_node *operand, lj_id id)
{
  struct lj_size from[LOSSJIT_MAX_RANK], to[LOSSJIT_MAX_RANK];
  struct lj_read reads[LOSSJIT_MAX_RANK];
  uint32_t first = 0, rank;

  id = lj_without_leading_ones(graph, id);
  const struct lj_node *node = lj_node_at(graph, id);
  uint32_t skip = operand->rank - node->rank;
  while (first < skip && covers(view, operand, first))
    first++;
  rank = operand->rank - first;
  for (uint32_t at = 0; at < rank; at++) {
    uint32_t k = first + at;
    int32_t axis = view->reads[k].axis;
    from[at] = k < skip ? lj_size_number(1) : node->shape[k - skip];
    to[at] = from[at];
    reads[at] = (struct lj_read){lj_size_number(0), 1, (int32_t)at};
    if (covers(view, operand, k))
      continue;
    from[at] = axis < 0 ? lj_size_number(1) : view->shape[axis];
    to[at] = operand->shape[k];
    reads[at] = place_of(graph, view, k);
    reads[at].axis = (int32_t)at;
  }
  return lj_pad(graph, lj_broadcast_to(graph, id, rank, from), to, reads);
}

void lj_grad_view(struct lj_gradient *gradient, const struct lj_node *node,
                  struct lj_adjoint adjoint)
{
  struct lj_graph *graph = gradient->graph;
  struct lj_node operand = *lj_node_at(graph, node->operand[0]);
  enum lj_dtype dtype = (enum lj_dtype)operand.dtype;
  bool keep = gradient->touchy[node->operand[0]], all = true;
  uint32_t repeated = 0;

  for (uint32_t axis = 0; axis < node->rank; axis++)
    if (reader_of(node, operand.rank, axis) < 0)
      repeated |= 1u << axis;
  for (uint32_t k = 0; k < operand.rank; k++)
    all &= covers(node, &operand, k);
  if (repeated)
    adjoint =
        lj_adjoint_sum(graph, adjoint, dtype, node->rank, node->shape, repeated, keep);
  if (!all) {
    lj_id guard = adjoint.guard ? adjoint.guard : lj_truth(graph, true);
    adjoint.value = lj_cast(graph, dtype, lj_adjoint_apply(graph, adjoint, dtype));
    adjoint.value = turned_back(graph, node, operand.rank, adjoint.value);
    adjoint.value = placed(graph, node, &operand, adjoint.value);
    adjoint.guard = 0;
    if (keep)
      adjoint.guard =
          placed(graph, node, &operand, turned_back(graph, node, operand.rank, guard));
  } else {
    adjoint.value = turned_back(graph, node, operand.rank, adjoint.value);
    if (adjoint.guard)
      adjoint.guard = turned_back(graph, node, operand.rank, adjoint.guard);
  }
  adjoint.chosen = 0;
  lj_adjoint_add_shaped(gradient, node->operand[0], adjoint);
}

/* ---- pads ------------------------------------------------------------------------ */

/* What stands at the places of the pad's operand. */
static lj_id read_back(struct lj_graph *graph, const struct lj_node *pad,
                       const struct lj_node *operand, lj_id id)
{
  const struct lj_node *node = lj_node_at(graph, id);
  struct lj_size shape[LOSSJIT_MAX_RANK];
  struct lj_read reads[LOSSJIT_MAX_RANK];
  uint32_t skip = pad->rank - node->rank;

  for (uint32_t q = 0; q < node->rank; q++) {
    uint32_t k = skip + q;
    bool repeats = !lj_size_equal(node->shape[q], pad->shape[k]);
    reads[q] = repeats ? (struct lj_read){lj_size_number(0), 1, 0} : pad->reads[k];
    reads[q].axis = (int32_t)q;
    shape[q] = repeats ? lj_size_number(1) : operand->shape[k];
  }
  return node->rank ? lj_view(graph, id, node->rank, shape, reads) : id;
}

void lj_grad_pad(struct lj_gradient *gradient, const struct lj_node *node,
                 struct lj_adjoint adjoint)
{
  struct lj_graph *graph = gradient->graph;
  struct lj_node operand = *lj_node_at(graph, node->operand[0]);

  adjoint.value = read_back(graph, node, &operand, adjoint.value);
  if (adjoint.guard)
    adjoint.guard = read_back(graph, node, &operand, adjoint.guard);
  adjoint.chosen = 0;
  lj_adjoint_add_shaped(gradient, node->operand[0], adjoint);
}

/* ---- gathers --------------------------------------------------------------------- */

void lj_grad_gather(struct lj_gradient *gradient, const struct lj_node *node,
                    struct lj_adjoint adjoint)
{
  struct lj_graph *graph = gradient->graph;
  const struct lj_node *operand = lj_node_at(graph, node->operand[0]);
  uint32_t after = operand->rank - 1u - node->axes;
  lj_id places = lj_iota(graph, operand->shape[node->axes]);
  lj_id index = lj_insert_axis(graph, node->operand[1], after);
  lj_id guard = adjoint.guard ? lj_insert_axis(graph, adjoint.guard, after) : 0;

  if (after)
    places = lj_expand_dims(graph, places, ((1u << after) - 1) << 1);
  lj_id chosen = lj_apply2(graph, LJ_OP_EQUAL, index, places); /* as one_hot has it */
  adjoint.value = lj_insert_axis(graph, adjoint.value, after);
  adjoint.guard = guard ? lj_apply2(graph, LJ_OP_AND, guard, chosen) : chosen;
  adjoint.chosen = guard ? 0 : after + 1;
  lj_adjoint_add_shaped(gradient, node->operand[0], adjoint);
}
