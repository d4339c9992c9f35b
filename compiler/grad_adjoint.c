/*
 * Guarded adjoints: how they split, add up, and shrink to operands that were broadcast.
 *
 * The one idea: where(c, v, 0) is kept as the pair (v, c) while v passes through the
 * rules, and put together again wherever values at different places meet: in a sum of
 * contributions, in a sum over axes, at the end. So the branch of a where that is not
 * taken never multiplies its infinities with a zero.
 */
#include "compiler/grad.h"

static bool is_zero(const struct lj_graph *graph, lj_id id)
{
  double value;

  return lj_is_constant(graph, id, &value) && value == 0;
}

/* cast(c), which is what where(c, 1, 0) folds to. */
static bool is_cast_of_truth(const struct lj_graph *graph, const struct lj_node *node)
{
  return node->op == LJ_OP_CAST &&
         lj_node_at(graph, node->operand[0])->dtype == LJ_BOOL;
}

static lj_id both(struct lj_graph *graph, lj_id guard, lj_id condition)
{
  return guard ? lj_apply2(graph, LJ_OP_AND, guard, condition) : condition;
}

void lj_adjoint_split(struct lj_graph *graph, struct lj_adjoint *adjoint)
{
  for (;;) {
    const struct lj_node *node = lj_node_at(graph, adjoint->value);
    bool counts = is_cast_of_truth(graph, node);
    if (node->op != LJ_OP_WHERE && !counts)
      return;
    lj_id condition = node->operand[0], taken = node->operand[1];
    if (counts) {
      taken = lj_constant(graph, (enum lj_dtype)node->dtype, 1);
    } else if (is_zero(graph, taken)) {
      condition = lj_apply1(graph, LJ_OP_NOT, condition);
      taken = node->operand[2];
    } else if (!is_zero(graph, node->operand[2])) {
      return;
    }
    adjoint->guard = both(graph, adjoint->guard, condition);
    adjoint->chosen = 0;
    adjoint->value = taken;
  }
}

/* Arrays are made of values of one dtype, so a weak value takes the adjoint's. */
lj_id lj_adjoint_apply(struct lj_graph *graph, struct lj_adjoint adjoint,
                       enum lj_dtype dtype)
{
  if (!adjoint.guard)
    return adjoint.value;
  return lj_apply(graph, LJ_OP_WHERE, adjoint.guard,
                  lj_cast(graph, dtype, adjoint.value), lj_integer(graph, 0));
}

/* ---- axes ------------------------------------------------------------------------ */

lj_id lj_insert_axis(struct lj_graph *graph, lj_id id, uint32_t after)
{
  uint32_t rank = lj_node_at(graph, id)->rank;

  return rank <= after ? id : lj_expand_dims(graph, id, 1u << (rank - after));
}

/* Of `axes` of an array of `rank` axes, those that `id` has and varies along, as
 * bits of its own axes. */
static uint32_t own_axes(const struct lj_graph *graph, lj_id id, uint32_t rank,
                         uint32_t axes)
{
  const struct lj_node *node = lj_node_at(graph, id);
  uint32_t skip = rank - node->rank, own = 0;

  for (uint32_t k = 0; k < node->rank; k++)
    if ((axes >> (skip + k) & 1) && !lj_size_is(node->shape[k], 1))
      own |= 1u << k;
  return own;
}

static lj_id reduce(struct lj_graph *graph, enum lj_op op, lj_id id, uint32_t own)
{
  return own ? lj_expand_dims(graph, lj_row(graph, op, id, own), own) : id;
}

struct lj_adjoint lj_adjoint_sum(struct lj_graph *graph, struct lj_adjoint adjoint,
                                 enum lj_dtype dtype, uint32_t rank,
                                 const struct lj_size *shape, uint32_t axes, bool keep)
{
  uint32_t chosen = adjoint.chosen ? 1u << (rank - adjoint.chosen) : 0;

  /* Exactly one index along the chosen axis counts; the value is the same for all. */
  if ((chosen & axes) && !own_axes(graph, adjoint.value, rank, chosen)) {
    adjoint = (struct lj_adjoint){adjoint.value, 0, 0};
    axes &= ~chosen;
  }
  uint32_t guarded = adjoint.guard ? own_axes(graph, adjoint.guard, rank, axes) : 0;
  if (guarded) {
    lj_id guard = keep ? reduce(graph, LJ_OP_ANY, adjoint.guard, guarded) : 0;
    adjoint = (struct lj_adjoint){lj_adjoint_apply(graph, adjoint, dtype), guard, 0};
  }
  uint32_t own = own_axes(graph, adjoint.value, rank, axes);
  uint32_t skip = rank - lj_node_at(graph, adjoint.value)->rank;
  adjoint.value = reduce(graph, LJ_OP_SUM, adjoint.value, own);
  for (uint32_t k = 0; k < rank; k++) { /* what is the same all along, times the size */
    bool repeats = (axes >> k & 1) && !(k >= skip && (own >> (k - skip) & 1));
    if (!repeats || lj_size_is(shape[k], 1))
      continue;
    adjoint.value =
        lj_apply2(graph, LJ_OP_MULTIPLY, lj_size_node(graph, shape[k]), adjoint.value);
  }
  return adjoint;
}

lj_id lj_without_leading_ones(struct lj_graph *graph, lj_id id)
{
  const struct lj_node *node = lj_node_at(graph, id);
  uint32_t ones = 0;

  while (ones < node->rank && lj_size_is(node->shape[ones], 1))
    ones++;
  return ones ? lj_squeeze(graph, id, (1u << ones) - 1) : id;
}

/* ---- contributions --------------------------------------------------------------- */

void lj_adjoint_add_shaped(struct lj_gradient *gradient, lj_id operand,
                           struct lj_adjoint adjoint)
{
  struct lj_graph *graph = gradient->graph;
  enum lj_dtype dtype = (enum lj_dtype)lj_node_at(graph, operand)->dtype;
  struct lj_contribution *first = LJ_NEW(graph->arena, struct lj_contribution);

  adjoint.value = lj_without_leading_ones(graph, adjoint.value);
  if (adjoint.guard)
    adjoint.guard = lj_without_leading_ones(graph, adjoint.guard);
  const struct lj_node *value = lj_node_at(graph, adjoint.value);
  /* Scalars may stay weak, and exact; arrays are made of values of one dtype. */
  if (!lj_dtype_is_weak((enum lj_dtype)value->dtype) || value->rank)
    adjoint.value = lj_cast(graph, dtype, adjoint.value);
  first->adjoint = adjoint;
  first->next = gradient->contributions[operand]; /* users come in descending order */
  gradient->contributions[operand] = first;
}

void lj_adjoint_add(struct lj_gradient *gradient, const struct lj_node *node, int i,
                    struct lj_adjoint adjoint)
{
  struct lj_graph *graph = gradient->graph;
  const struct lj_node *operand = lj_node_at(graph, node->operand[i]);
  uint32_t rank = operand->rank, skip = node->rank - rank, axes = 0;

  for (uint32_t k = 0; k < node->rank; k++)
    if (k < skip || !lj_size_equal(operand->shape[k - skip], node->shape[k]))
      axes |= 1u << k;
  if (axes)
    adjoint = lj_adjoint_sum(graph, adjoint, (enum lj_dtype)operand->dtype, node->rank,
                             node->shape, axes, gradient->touchy[node->operand[i]]);
  lj_adjoint_add_shaped(gradient, node->operand[i], adjoint);
}

/* ---- collecting ------------------------------------------------------------------ */

static bool is_negation(const struct lj_graph *graph, lj_id a, lj_id b)
{
  const struct lj_node *first = lj_node_at(graph, a), *second = lj_node_at(graph, b);

  if (second->op == LJ_OP_NOT)
    return second->operand[0] == a;
  return first->op == LJ_OP_EQUAL && second->op == LJ_OP_NOT_EQUAL &&
         first->operand[0] == second->operand[0] &&
         first->operand[1] == second->operand[1];
}

/* Do the guards a and b together hold everywhere, unless there is a NaN? */
static bool is_complement(const struct lj_graph *graph, lj_id a, lj_id b)
{
  const struct lj_node *first = lj_node_at(graph, a), *second = lj_node_at(graph, b);

  return first->op == second->op &&
         (first->op == LJ_OP_GREATER_EQUAL || first->op == LJ_OP_LESS_EQUAL) &&
         first->operand[0] == second->operand[1] &&
         first->operand[1] == second->operand[0];
}

/* Are the guards g & c and g & d, for some g (0: none) and related c and d? */
static bool related(const struct lj_graph *graph, lj_id a, lj_id b,
                    bool (*relation)(const struct lj_graph *, lj_id, lj_id),
                    lj_id pair[2], lj_id *common)
{
  const struct lj_node *first = lj_node_at(graph, a), *second = lj_node_at(graph, b);

  pair[0] = a, pair[1] = b, *common = 0;
  if (relation(graph, a, b))
    return true;
  if (first->op != LJ_OP_AND || second->op != LJ_OP_AND)
    return false;
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 2; j++) {
      if (first->operand[i] != second->operand[j])
        continue;
      *common = first->operand[i];
      pair[0] = first->operand[1 - i], pair[1] = second->operand[1 - j];
      if (relation(graph, pair[0], pair[1]))
        return true;
    }
  return false;
}

/* Put two contributions into one where that needs no further guard: both have the
 * same; exactly one of them counts; or at least one does, as with the operands of a
 * maximum (a NaN there is a NaN in the value, too). Values without a guard just wait
 * for the sum. */
static bool merge(struct lj_graph *graph, struct lj_adjoint *a, struct lj_adjoint b,
                  enum lj_dtype dtype)
{
  struct lj_adjoint yes = *a, no = b;
  lj_id pair[2], common, value;

  if (!a->guard || !b.guard)
    return false;
  if (a->guard == b.guard) {
    a->value = lj_apply2(graph, LJ_OP_ADD, a->value, b.value);
    return true;
  }
  if (related(graph, a->guard, b.guard, is_complement, pair, &common)) {
    yes.guard = pair[0], no.guard = pair[1];
    value = lj_apply2(graph, LJ_OP_ADD, lj_adjoint_apply(graph, yes, dtype),
                      lj_adjoint_apply(graph, no, dtype));
    *a = (struct lj_adjoint){value, common, 0};
    return true;
  }
  if (!related(graph, yes.guard, no.guard, is_negation, pair, &common)) {
    yes = b, no = *a;
    if (!related(graph, yes.guard, no.guard, is_negation, pair, &common))
      return false;
  }
  value = lj_cast(graph, dtype, yes.value);
  value = lj_apply(graph, LJ_OP_WHERE, pair[0], value, no.value);
  *a = (struct lj_adjoint){value, common, 0};
  return true;
}

/* A node with very many users is not compared pair by pair, nor summed in one chain. */
#define MERGE_LIMIT 32
#define CHAIN_LIMIT 8

/* Merge what can be; what is left keeps its order. */
static void merge_all(struct lj_graph *graph, struct lj_contribution *list,
                      enum lj_dtype dtype)
{
  for (struct lj_contribution *a = list; a; a = a->next) {
    struct lj_contribution *before = a;
    for (int tries = 0; a->adjoint.guard && before->next && tries < MERGE_LIMIT;
         tries++) {
      if (!merge(graph, &a->adjoint, before->next->adjoint, dtype)) {
        before = before->next;
        continue;
      }
      before->next = before->next->next;
      before = a; /* the new guard may fit one that was passed by */
    }
  }
}

/* One after the other; many of them as a tree, whose depth stays small. */
static lj_id join(struct lj_graph *graph, enum lj_op op, lj_id *terms, uint32_t count)
{
  while (count > CHAIN_LIMIT) {
    uint32_t half = 0;
    for (uint32_t i = 0; i + 1 < count; i += 2)
      terms[half++] = lj_apply2(graph, op, terms[i], terms[i + 1]);
    if (count % 2)
      terms[half++] = terms[count - 1];
    count = half;
  }
  for (uint32_t i = 1; i < count; i++)
    terms[0] = lj_apply2(graph, op, terms[0], terms[i]);
  return terms[0];
}

struct lj_adjoint lj_adjoint_collect(struct lj_gradient *gradient, lj_id id)
{
  struct lj_graph *graph = gradient->graph;
  struct lj_contribution *list = gradient->contributions[id];
  enum lj_dtype dtype = (enum lj_dtype)lj_node_at(graph, id)->dtype;
  bool guarded = gradient->touchy[id];
  struct lj_adjoint sum = {0};
  uint32_t count = 0;

  merge_all(graph, list, dtype);
  if (!list->next)
    return list->adjoint;
  for (struct lj_contribution *at = list; at; at = at->next, count++)
    guarded = guarded && at->adjoint.guard;
  lj_id *values = LJ_NEW_ARRAY(graph->arena, lj_id, count);
  lj_id *guards = LJ_NEW_ARRAY(graph->arena, lj_id, count);
  count = 0;
  for (struct lj_contribution *at = list; at; at = at->next, count++) {
    values[count] = lj_adjoint_apply(graph, at->adjoint, dtype);
    guards[count] = at->adjoint.guard;
  }
  sum.value = join(graph, LJ_OP_ADD, values, count);
  if (guarded)
    sum.guard = join(graph, LJ_OP_OR, guards, count);
  return sum;
}
