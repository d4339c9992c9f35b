/*
 * Reverse-mode differentiation: a value and inputs in, the adjoints of the inputs out.
 *
 * One sweep over the nodes in descending order of ids, users before operands. Only
 * nodes on a path from a wanted input to the value get an adjoint, and only operands on
 * such a path get a contribution. The derivative of an operator is the rule in its row,
 * text of the language over a, b, c, the result y and its adjoint g, read by
 * lj_rule_apply; here is only what rules cannot say: shapes, guards, views.
 *
 * Guards. The derivative of where(x > 0, log(x), 0) is where(x > 0, 1/x, 0), not
 * where(x > 0, 1, 0)/x, which is NaN at 0. So an adjoint where(c, v, 0) travels as the
 * value v with the guard c: rules see v alone, and c is applied after the product. A
 * known zero is never a factor. Where contributions or elements are summed, each is
 * guarded first, and the sum's guard is that one of them counts (| and any()); that
 * guard is only kept if something further down could make NaN of a zero (touchy). The
 * rules of the table may introduce guards themselves: maximum, clip, max over an axis.
 *
 * What comes out is a graph like any other: lj_grad takes its own output.
 */
#include "compiler/grad.h"

/* ---- rules ----------------------------------------------------------------------- */

/* Operand i of `node` has no rule, though it has a derivative. */
static void refuse(struct lj_gradient *gradient, const struct lj_node *node)
{
  const char *reason =
      lj_format(gradient->graph->arena, "the derivative of %s() is not known",
                lj_op_table[node->op].name);

  lj_report(gradient->diags, LJ_D_NOT_DIFFERENTIABLE, node->span, gradient->wanted,
            reason);
  gradient->failed = true;
}

static lj_id apply_rule(struct lj_gradient *gradient, const struct lj_node *node, int i,
                        const struct lj_rule_binding *bindings, uint32_t count)
{
  const char *text = lj_op_table[node->op].derivative[i];

  if (text[0] == LJ_NO_RULE[0]) {
    refuse(gradient, node);
    return lj_number(gradient->graph, 0);
  }
  return lj_rule_apply(gradient->rules, gradient->graph, text, bindings, count,
                       node->axes);
}

static void pass_elementwise(struct lj_gradient *gradient, const struct lj_node *node,
                             lj_id id, struct lj_adjoint adjoint)
{
  struct lj_graph *graph = gradient->graph;
  const struct lj_rule_binding bindings[] = {{"y", id},
                                             {"g", adjoint.value},
                                             {"a", node->operand[0]},
                                             {"b", node->operand[1]},
                                             {"c", node->operand[2]}};

  for (int i = 0; i < node->operand_count; i++) {
    if (!gradient->active[node->operand[i]] || !lj_carries(graph, node, i))
      continue;
    struct lj_adjoint to = adjoint;
    to.value = apply_rule(gradient, node, i, bindings, 2u + node->operand_count);
    lj_adjoint_split(graph, &to);
    lj_adjoint_add(gradient, node, i, to);
  }
}

/* ---- along axes ------------------------------------------------------------------ */

/* The reduced axes put back as size 1, last first. */
static lj_id with_axes(struct lj_graph *graph, lj_id id, uint32_t rank, uint32_t axes)
{
  for (uint32_t k = rank; id && k-- > 0;)
    if (axes >> k & 1)
      id = lj_insert_axis(graph, id, rank - 1 - k);
  return id;
}

static void pass_reduction(struct lj_gradient *gradient, const struct lj_node *node,
                           lj_id id, struct lj_adjoint adjoint)
{
  struct lj_graph *graph = gradient->graph;
  uint32_t rank = lj_node_at(graph, node->operand[0])->rank;
  struct lj_adjoint to = {with_axes(graph, adjoint.value, rank, node->axes),
                          with_axes(graph, adjoint.guard, rank, node->axes), 0};
  const struct lj_rule_binding bindings[] = {
      {"a", node->operand[0]},
      {"y", with_axes(graph, id, rank, node->axes)},
      {"g", to.value}};

  to.value = apply_rule(gradient, node, 0, bindings, 3);
  lj_adjoint_split(graph, &to);
  lj_adjoint_add_shaped(gradient, node->operand[0], to);
}

/* Rules along axes sum the adjoint, so a guard that varies along them is applied
 * before. The sum itself is known here, and better than a rule could: s. */
static void pass_along(struct lj_gradient *gradient, const struct lj_node *node,
                       lj_id id, struct lj_adjoint adjoint)
{
  struct lj_graph *graph = gradient->graph;
  enum lj_dtype dtype = (enum lj_dtype)node->dtype;
  struct lj_adjoint sum =
      lj_adjoint_sum(graph, adjoint, dtype, node->rank, node->shape, node->axes, true);
  struct lj_adjoint to = {adjoint.value, sum.guard, 0};

  if (sum.guard != adjoint.guard)
    to.value = lj_adjoint_apply(graph, adjoint, dtype);
  const struct lj_rule_binding bindings[] = {
      {"a", node->operand[0]}, {"y", id}, {"g", to.value}, {"s", sum.value}};
  to.value = apply_rule(gradient, node, 0, bindings, 4);
  lj_adjoint_split(graph, &to);
  lj_adjoint_add_shaped(gradient, node->operand[0], to);
}

/* ---- the sweep ------------------------------------------------------------------- */

static void pass_on(struct lj_gradient *gradient, lj_id id, struct lj_adjoint adjoint)
{
  struct lj_node node = *lj_node_at(gradient->graph, id);
  enum lj_op op = (enum lj_op)node.op;
  bool leads_on = false;

  for (int i = 0; i < node.operand_count; i++)
    leads_on |=
        gradient->active[node.operand[i]] && lj_carries(gradient->graph, &node, i);
  if (!leads_on)
    return;
  gradient->graph->here = node.span;
  if (op == LJ_OP_VIEW)
    lj_grad_view(gradient, &node, adjoint);
  else if (op == LJ_OP_PAD)
    lj_grad_pad(gradient, &node, adjoint);
  else if (op == LJ_OP_GATHER)
    lj_grad_gather(gradient, &node, adjoint);
  else if (lj_op_is_reduction(op))
    pass_reduction(gradient, &node, id, adjoint);
  else if (lj_op_is_row(op))
    pass_along(gradient, &node, id, adjoint);
  else
    pass_elementwise(gradient, &node, id, adjoint);
}

/* For people: the name of the first input that is on a path. */
static const char *wanted_name(const struct lj_graph *graph, const bool *active,
                               lj_id value, const lj_id *wrt, uint32_t count)
{
  for (uint32_t i = 0; i < count; i++) {
    const struct lj_node *node = lj_node_at(graph, wrt[i]);
    if (wrt[i] <= value && active[wrt[i]] && node->op == LJ_OP_INPUT)
      return graph->inputs[node->index].name;
  }
  return "y_pred";
}

/* An adjoint in exactly the shape and dtype of its node. */
static lj_id finished(struct lj_graph *graph, lj_id id, struct lj_adjoint adjoint)
{
  struct lj_node node = *lj_node_at(graph, id);
  enum lj_dtype dtype = (enum lj_dtype)node.dtype;
  lj_id value = lj_cast(graph, dtype, lj_adjoint_apply(graph, adjoint, dtype));

  return lj_broadcast_to(graph, value, node.rank, node.shape);
}

bool lj_grad(struct lj_graph *graph, struct lj_diags *diags, struct lj_rules *rules,
             lj_id value, lj_id seed, const lj_id *wrt, uint32_t count, lj_id *adjoint)
{
  struct lj_gradient gradient = {.graph = graph, .diags = diags, .rules = rules};
  struct lj_span here = graph->here;

  gradient.active = lj_active_nodes(graph, value, wrt, count);
  gradient.wanted = wanted_name(graph, gradient.active, value, wrt, count);
  gradient.touchy = lj_touchy_nodes(graph, value, gradient.active);
  gradient.contributions =
      LJ_NEW_ARRAY(graph->arena, struct lj_contribution *, (size_t)value + 1);
  for (uint32_t i = 0; i < count; i++)
    adjoint[i] = 0;
  if (!gradient.active[value])
    return true;
  lj_adjoint_add_shaped(&gradient, value, (struct lj_adjoint){seed, 0, 0});
  for (lj_id id = value; id > 0; id--) {
    if (!gradient.contributions[id])
      continue;
    struct lj_adjoint whole = lj_adjoint_collect(&gradient, id);
    for (uint32_t i = 0; i < count; i++)
      if (wrt[i] == id)
        adjoint[i] = finished(graph, id, whole);
    pass_on(&gradient, id, whole);
  }
  graph->here = here;
  return !gradient.failed;
}
