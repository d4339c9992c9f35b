/*
 * What the checker knows about nodes beyond dtype and shape.
 *
 *   constant  a scalar computed from literals alone, as axes, sizes and indices must be
 *   size      an integer scalar of the form scale*symbol + offset: shape(x)[1] - 1
 *   meant     axes of size 1 that the text made on purpose, with None or keepdims: the
 *             batch may meet these
 *   label     depends on the y_true that nobody declared
 *
 * Facts follow from those of the operands, so they are filled in the order of ids, up
 * to the node that is asked for: no recursion, each node once.
 */
#include "compiler/check_internal.h"

#include <math.h>

/* Sizes, bounds and steps beyond this are not taken as such: their sums stay far
 * from the ends of int64_t. */
#define MOST ((int64_t)1 << 31)

static struct lj_fact *fact(struct lj_checker *c, lj_id id)
{
  return &c->facts[id];
}

static void constant_fact(struct lj_checker *c, const struct lj_node *node,
                          struct lj_fact *to)
{
  double value[3] = {0};

  if (node->op == LJ_OP_CONSTANT) {
    to->is_constant = true;
    to->constant = node->number;
    return;
  }
  if (!lj_op_is_elementwise((enum lj_op)node->op) || node->rank)
    return;
  for (int i = 0; i < node->operand_count; i++) {
    if (!fact(c, node->operand[i])->is_constant)
      return;
    value[i] = fact(c, node->operand[i])->constant;
  }
  to->is_constant = true;
  to->constant = lj_op_table[node->op].reference(value[0], value[1], value[2]);
}

static bool size_of_operator(struct lj_checker *c, const struct lj_node *node,
                             struct lj_size *size)
{
  const struct lj_fact *a = node->operand_count > 0 ? fact(c, node->operand[0]) : NULL;
  const struct lj_fact *b = node->operand_count > 1 ? fact(c, node->operand[1]) : NULL;
  struct lj_size negated;

  if (!a || !a->has_size || (b && !b->has_size))
    return false;
  switch (node->op) {
  case LJ_OP_NEGATIVE:
    return lj_size_times(a->size, -1, size);
  case LJ_OP_ADD:
    return lj_size_add(a->size, b->size, size);
  case LJ_OP_SUBTRACT:
    return lj_size_times(b->size, -1, &negated) && lj_size_add(a->size, negated, size);
  case LJ_OP_MULTIPLY:
    if (lj_size_is_number(a->size))
      return lj_size_times(b->size, a->size.offset, size);
    return lj_size_is_number(b->size) && lj_size_times(a->size, b->size.offset, size);
  default:
    return false;
  }
}

static void size_fact(struct lj_checker *c, const struct lj_node *node,
                      struct lj_fact *to)
{
  if (node->op == LJ_OP_SIZE) {
    to->has_size = true;
    to->size = node->size;
    return;
  }
  if (node->rank || !lj_dtype_is_integer((enum lj_dtype)node->dtype))
    return;
  if (to->is_constant) {
    to->has_size =
        to->constant == floor(to->constant) && fabs(to->constant) <= (double)MOST;
    if (to->has_size)
      to->size = lj_size_number((int64_t)to->constant);
    return;
  }
  to->has_size = size_of_operator(c, node, &to->size) && to->size.offset <= MOST &&
                 to->size.offset >= -MOST;
}

/* Axes of the view that no axis of the operand moves along were made by the view;
 * one that reads a whole axis keeps that axis's fact. */
static uint8_t meant_by_view(struct lj_checker *c, const struct lj_node *node)
{
  uint8_t inherited = fact(c, node->operand[0])->meant;
  uint32_t rank = lj_at(c, node->operand[0])->rank;
  uint8_t meant = 0, read = 0;

  for (uint32_t k = 0; k < rank; k++) {
    if (node->reads[k].axis < 0)
      continue;
    read |= (uint8_t)(1u << node->reads[k].axis);
    if (inherited >> k & 1)
      meant |= (uint8_t)(1u << node->reads[k].axis);
  }
  for (uint32_t axis = 0; axis < node->rank; axis++)
    if (!(read >> axis & 1) && lj_size_is(node->shape[axis], 1))
      meant |= (uint8_t)(1u << axis);
  return meant;
}

/* A 1 in the result of an operator is meant if any operand's 1 there was. */
static uint8_t meant_by_operands(struct lj_checker *c, const struct lj_node *node)
{
  uint8_t meant = 0;

  for (int i = 0; i < node->operand_count; i++) {
    uint32_t skip = node->rank - (uint32_t)lj_at(c, node->operand[i])->rank;
    meant |= (uint8_t)(fact(c, node->operand[i])->meant << skip);
  }
  for (uint32_t axis = 0; axis < node->rank; axis++)
    if (!lj_size_is(node->shape[axis], 1))
      meant &= (uint8_t)~(1u << axis);
  return meant;
}

static uint8_t meant_axes(struct lj_checker *c, const struct lj_node *node)
{
  if (node->op == LJ_OP_TABLE)
    return 0xff; /* a literal stands for itself */
  if (node->op == LJ_OP_VIEW)
    return meant_by_view(c, node);
  if (lj_op_is_elementwise((enum lj_op)node->op))
    return meant_by_operands(c, node);
  if (lj_op_is_row((enum lj_op)node->op) && !lj_op_is_reduction((enum lj_op)node->op))
    return fact(c, node->operand[0])->meant;
  return 0;
}

static void fill(struct lj_checker *c, lj_id id)
{
  const struct lj_node *node = lj_at(c, id);
  struct lj_fact *to = fact(c, id);

  *to = (struct lj_fact){.label = id == c->label_input};
  constant_fact(c, node, to);
  size_fact(c, node, to);
  to->meant = meant_axes(c, node);
  for (int i = 0; i < node->operand_count; i++)
    to->label |= fact(c, node->operand[i])->label;
}

const struct lj_fact *lj_fact_of(struct lj_checker *c, lj_id node)
{
  if (!c->facts) { /* index 0 is no node */
    c->fact_capacity = 64;
    c->facts = LJ_NEW_ARRAY(c->arena, struct lj_fact, c->fact_capacity);
  }
  while (c->fact_count < node) {
    uint32_t next = c->fact_count + 1;
    LJ_GROW(c->arena, c->facts, next, c->fact_capacity);
    fill(c, next);
    c->fact_count = next;
  }
  return fact(c, node);
}

bool lj_constant_value(struct lj_checker *c, lj_id node, double *value)
{
  if (lj_is_constant(c->graph, node, value))
    return true; /* the usual case, for rules */
  if (c->trusted && lj_at(c, node)->rank)
    return false;
  if (!lj_fact_of(c, node)->is_constant)
    return false;
  *value = fact(c, node)->constant;
  return true;
}
