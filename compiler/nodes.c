/*
 * Making operators, views, pads and gathers: dtype and shape follow from the operands.
 *
 * What must hold of the arguments is held by LJ_CHECK: a wrong text never gets here,
 * the checker has refused it. Nodes are added by lj_graph_make (graph.c), so the same
 * call twice gives the same id.
 */
#include "compiler/graph.h"

#include <string.h>

/* ---- operators ------------------------------------------------------------------- */

/* The dtype arithmetic has on values of `dtype`: truth values count as 0 and 1. */
static enum lj_dtype number_dtype(enum lj_dtype dtype)
{
  return dtype == LJ_BOOL ? LJ_I32 : dtype;
}

static enum lj_dtype float_dtype(enum lj_dtype dtype)
{
  if (lj_dtype_is_float(dtype))
    return dtype;
  return dtype == LJ_WEAK_INT ? LJ_WEAK_FLOAT : LJ_F32;
}

static enum lj_dtype meet_operands(const struct lj_graph *graph,
                                   const struct lj_node *node, int first)
{
  enum lj_dtype meet = LJ_BOOL;

  for (int i = first; i < node->operand_count; i++)
    meet = lj_promote(meet, lj_node_at(graph, node->operand[i])->dtype);
  return meet;
}

static void check_truth(const struct lj_graph *graph, const struct lj_node *node,
                        int count)
{
  for (int i = 0; i < count; i++)
    LJ_CHECK(graph->trap, lj_node_at(graph, node->operand[i])->dtype == LJ_BOOL);
}

/* The dtype of an elementwise or row operator over its operands. */
static enum lj_dtype result_dtype(const struct lj_graph *graph,
                                  const struct lj_node *node)
{
  switch ((enum lj_op_type)lj_op_table[node->op].type) {
  case LJ_TYPE_NUMBER:
    if (node->op == LJ_OP_STOP_GRADIENT)
      return meet_operands(graph, node, 0);
    return number_dtype(meet_operands(graph, node, 0));
  case LJ_TYPE_FLOAT:
    return float_dtype(meet_operands(graph, node, 0));
  case LJ_TYPE_COMPARE:
  case LJ_TYPE_TEST:
    return LJ_BOOL;
  case LJ_TYPE_LOGICAL:
    check_truth(graph, node, node->operand_count);
    return LJ_BOOL;
  case LJ_TYPE_CHOICE:
    check_truth(graph, node, 1);
    return meet_operands(graph, node, 1);
  case LJ_TYPE_CAST:
    break;
  }
  return (enum lj_dtype)node->dtype;
}

/* Broadcast the operands' shapes into `shape`, which has room for LOSSJIT_MAX_RANK. */
static void broadcast_operands(const struct lj_graph *graph, struct lj_node *node,
                               struct lj_size *shape)
{
  uint32_t rank = 0, axis;

  for (int i = 0; i < node->operand_count; i++) {
    const struct lj_node *operand = lj_node_at(graph, node->operand[i]);
    struct lj_size so_far[LOSSJIT_MAX_RANK];
    memcpy(so_far, shape, sizeof so_far);
    LJ_CHECK(graph->trap, lj_broadcast(rank, so_far, operand->rank, operand->shape,
                                       &rank, shape, &axis));
  }
  node->rank = (uint8_t)rank;
  node->shape = shape;
}

static lj_id apply(struct lj_graph *graph, enum lj_op op, enum lj_dtype dtype, lj_id a,
                   lj_id b, lj_id c)
{
  struct lj_size shape[LOSSJIT_MAX_RANK] = {{0}};
  struct lj_node node = {.op = (uint8_t)op,
                         .dtype = (uint8_t)dtype,
                         .operand_count = lj_op_table[op].arity,
                         .operand = {a, b, c}};

  LJ_CHECK(graph->trap, lj_op_is_elementwise(op));
  for (int i = 0; i < 3; i++)
    LJ_CHECK(graph->trap, node.operand[i] <= graph->node_count &&
                              (node.operand[i] != 0) == (i < node.operand_count));
  node.dtype = (uint8_t)result_dtype(graph, &node);
  broadcast_operands(graph, &node, shape);
  return lj_graph_make(graph, &node);
}

lj_id lj_apply(struct lj_graph *graph, enum lj_op op, lj_id a, lj_id b, lj_id c)
{
  LJ_CHECK(graph->trap, op != LJ_OP_CAST);
  return apply(graph, op, LJ_NO_DTYPE, a, b, c);
}

lj_id lj_cast(struct lj_graph *graph, enum lj_dtype dtype, lj_id a)
{
  LJ_CHECK(graph->trap, dtype != LJ_NO_DTYPE);
  if (lj_node_at(graph, a)->dtype == dtype)
    return a;
  return apply(graph, LJ_OP_CAST, dtype, a, 0, 0);
}

lj_id lj_row(struct lj_graph *graph, enum lj_op op, lj_id a, uint32_t axes)
{
  const struct lj_node *operand = lj_node_at(graph, a);
  struct lj_size shape[LOSSJIT_MAX_RANK] = {{0}};
  struct lj_node node = {.op = (uint8_t)op,
                         .operand_count = 1,
                         .operand = {a},
                         .axes = axes,
                         .shape = shape};
  bool keeps = !lj_op_is_reduction(op);

  LJ_CHECK(graph->trap, lj_op_is_row(op) && a && a <= graph->node_count);
  LJ_CHECK(graph->trap, axes >> operand->rank == 0);
  node.dtype = (uint8_t)result_dtype(graph, &node);
  if (!axes && !keeps)
    return lj_cast(graph, (enum lj_dtype)node.dtype, a);
  for (uint32_t axis = 0; axis < operand->rank; axis++)
    if (keeps || !(axes >> axis & 1))
      shape[node.rank++] = operand->shape[axis];
  return lj_graph_make(graph, &node);
}

/* ---- views, pads, gathers -------------------------------------------------------- */

/* Does the view read every element of its operand in place? */
static bool is_identity(const struct lj_node *operand, const struct lj_node *view)
{
  if (operand->rank != view->rank)
    return false;
  for (uint32_t k = 0; k < view->rank; k++) {
    const struct lj_read *read = &view->reads[k];
    bool in_place =
        read->axis == (int32_t)k && read->step == 1 && lj_size_is(read->start, 0);
    bool only_one = read->axis < 0 && lj_size_is(read->start, 0) &&
                    lj_size_is(operand->shape[k], 1);
    if (!in_place && !only_one)
      return false;
    if (!lj_size_equal(operand->shape[k], view->shape[k]))
      return false;
  }
  return true;
}

lj_id lj_view(struct lj_graph *graph, lj_id a, uint32_t rank,
              const struct lj_size *shape, const struct lj_read *reads)
{
  const struct lj_node *operand = lj_node_at(graph, a);
  struct lj_read clean[LOSSJIT_MAX_RANK];
  struct lj_node node = {.op = LJ_OP_VIEW,
                         .dtype = operand->dtype,
                         .rank = (uint8_t)rank,
                         .operand_count = 1,
                         .operand = {a},
                         .shape = shape,
                         .reads = clean};
  uint32_t named = 0;

  LJ_CHECK(graph->trap, a && a <= graph->node_count && rank <= LOSSJIT_MAX_RANK);
  for (uint32_t k = 0; k < operand->rank; k++) {
    clean[k] = reads[k];
    if (reads[k].axis < 0) { /* one form for what has no meaning */
      clean[k].axis = -1;
      clean[k].step = 0;
      continue;
    }
    LJ_CHECK(graph->trap, (uint32_t)reads[k].axis < rank && reads[k].step != 0);
    LJ_CHECK(graph->trap, !(named >> reads[k].axis & 1)); /* no diagonals */
    named |= 1u << reads[k].axis;
  }
  return is_identity(operand, &node) ? a : lj_graph_make(graph, &node);
}

lj_id lj_pad(struct lj_graph *graph, lj_id a, const struct lj_size *shape,
             const struct lj_read *reads)
{
  const struct lj_node *operand = lj_node_at(graph, a);
  struct lj_node node = {.op = LJ_OP_PAD,
                         .dtype = operand->dtype,
                         .rank = operand->rank,
                         .operand_count = 1,
                         .operand = {a},
                         .shape = shape,
                         .reads = operand->rank ? reads : NULL};

  LJ_CHECK(graph->trap, a && a <= graph->node_count);
  for (uint32_t k = 0; k < operand->rank; k++)
    LJ_CHECK(graph->trap, reads[k].axis == (int32_t)k && reads[k].step != 0);
  if (is_identity(operand, &node))
    return a;
  return lj_graph_make(graph, &node);
}

lj_id lj_gather(struct lj_graph *graph, lj_id a, lj_id index, uint32_t axis)
{
  const struct lj_node *operand = lj_node_at(graph, a);
  const struct lj_node *places = lj_node_at(graph, index);
  struct lj_node node = {.op = LJ_OP_GATHER,
                         .dtype = operand->dtype,
                         .rank = places->rank,
                         .operand_count = 2,
                         .operand = {a, index},
                         .axes = axis,
                         .shape = places->shape};

  LJ_CHECK(graph->trap,
           a && index && a <= graph->node_count && index <= graph->node_count);
  LJ_CHECK(graph->trap, axis < operand->rank && places->rank + 1u == operand->rank);
  LJ_CHECK(graph->trap, lj_dtype_is_integer((enum lj_dtype)places->dtype));
  for (uint32_t k = 0; k < places->rank; k++)
    LJ_CHECK(graph->trap,
             lj_size_equal(places->shape[k], operand->shape[k < axis ? k : k + 1]));
  return lj_graph_make(graph, &node);
}

lj_id lj_expand_dims(struct lj_graph *graph, lj_id a, uint32_t axes)
{
  const struct lj_node *operand = lj_node_at(graph, a);
  struct lj_size shape[LOSSJIT_MAX_RANK];
  struct lj_read reads[LOSSJIT_MAX_RANK];
  uint32_t rank = operand->rank + (uint32_t)__builtin_popcount(axes);

  LJ_CHECK(graph->trap, rank <= LOSSJIT_MAX_RANK && axes >> rank == 0);
  for (uint32_t axis = 0, k = 0; axis < rank; axis++) {
    if (axes >> axis & 1) {
      shape[axis] = lj_size_number(1);
      continue;
    }
    shape[axis] = operand->shape[k];
    reads[k++] = (struct lj_read){lj_size_number(0), 1, (int32_t)axis};
  }
  return lj_view(graph, a, rank, shape, reads);
}

lj_id lj_squeeze(struct lj_graph *graph, lj_id a, uint32_t axes)
{
  const struct lj_node *operand = lj_node_at(graph, a);
  struct lj_size shape[LOSSJIT_MAX_RANK];
  struct lj_read reads[LOSSJIT_MAX_RANK];
  uint32_t rank = 0;

  LJ_CHECK(graph->trap, axes >> operand->rank == 0);
  for (uint32_t k = 0; k < operand->rank; k++) {
    reads[k] = (struct lj_read){lj_size_number(0), 1, -1};
    if (axes >> k & 1) {
      LJ_CHECK(graph->trap, lj_size_is(operand->shape[k], 1));
      continue;
    }
    reads[k].axis = (int32_t)rank;
    shape[rank++] = operand->shape[k];
  }
  return lj_view(graph, a, rank, shape, reads);
}

lj_id lj_broadcast_to(struct lj_graph *graph, lj_id a, uint32_t rank,
                      const struct lj_size *shape)
{
  const struct lj_node *operand = lj_node_at(graph, a);
  struct lj_read reads[LOSSJIT_MAX_RANK];
  uint32_t skip = rank - operand->rank;

  LJ_CHECK(graph->trap, operand->rank <= rank && rank <= LOSSJIT_MAX_RANK);
  for (uint32_t k = 0; k < operand->rank; k++) {
    bool same = lj_size_equal(operand->shape[k], shape[skip + k]);
    LJ_CHECK(graph->trap, same || lj_size_is(operand->shape[k], 1));
    reads[k] = (struct lj_read){lj_size_number(0), 1, same ? (int32_t)(skip + k) : -1};
  }
  return lj_view(graph, a, rank, shape, reads);
}

/* ---- passes ---------------------------------------------------------------------- */

lj_id lj_rebuild(struct lj_graph *graph, const struct lj_node *like,
                 const lj_id operand[3])
{
  enum lj_op op = (enum lj_op)like->op;

  if (op == LJ_OP_CAST)
    return lj_cast(graph, (enum lj_dtype)like->dtype, operand[0]);
  if (lj_op_is_elementwise(op))
    return lj_apply(graph, op, operand[0], operand[1], operand[2]);
  if (lj_op_is_row(op))
    return lj_row(graph, op, operand[0], like->axes);
  if (op == LJ_OP_VIEW)
    return lj_view(graph, operand[0], like->rank, like->shape, like->reads);
  if (op == LJ_OP_PAD)
    return lj_pad(graph, operand[0], like->shape, like->reads);
  if (op == LJ_OP_GATHER)
    return lj_gather(graph, operand[0], operand[1], like->axes);
  return lj_graph_make(graph, like); /* a leaf */
}

bool lj_is_constant(const struct lj_graph *graph, lj_id id, double *value)
{
  const struct lj_node *node = lj_node_at(graph, id);

  if (!id || node->op != LJ_OP_CONSTANT)
    return false;
  *value = node->number;
  return true;
}
