/*
 * Stability rewrites: forms that lose accuracy or overflow, replaced by operators made
 * for them.
 *
 * These change values, for the better: what is written on the left is what is meant,
 * and the operator on the right computes it without cancellation and without overflow.
 * They are kept in one table, apart from the exact rules, so that they can be listed
 * and reasoned about one by one. A rewrite must hold as an identity over the reals
 * wherever the left side is defined, and its right side must not be worse anywhere.
 *
 * The expansions of logsumexp and log_softmax contain log(sum(exp(z))) themselves, with
 * z shifted by its maximum; shifted_by_max tells them from what a person wrote.
 */
#include "compiler/fold.h"

static bool is_one(const struct lj_graph *graph, lj_id id)
{
  return lj_is_number(graph, id, 1);
}

/* log(softmax(x)), also of a part of it: log(gather(softmax(x), i)). */
static lj_id log_of_softmax(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id inner = node->operand[0], operand[3] = {0};
  struct lj_node part = *lj_node_at(graph, inner);
  bool whole = part.op == LJ_OP_SOFTMAX;

  if (!whole && part.op != LJ_OP_GATHER && part.op != LJ_OP_VIEW)
    return 0;
  if (!whole)
    inner = part.operand[0];
  const struct lj_node *softmax = lj_node_at(graph, inner);
  if (softmax->op != LJ_OP_SOFTMAX || softmax->dtype != node->dtype)
    return 0;
  operand[0] = lj_row(graph, LJ_OP_LOG_SOFTMAX, softmax->operand[0], softmax->axes);
  operand[1] = part.operand[1];
  return whole ? operand[0] : lj_rebuild(graph, &part, operand);
}

/* f(g(x)) is h(x), for the pairs below. */
static lj_id composed(struct lj_graph *graph, const struct lj_node *node)
{
  static const uint8_t pairs[][3] = {
      {LJ_OP_LOG, LJ_OP_SIGMOID, LJ_OP_LOG_SIGMOID},
      {LJ_OP_EXP, LJ_OP_LOG_SIGMOID, LJ_OP_SIGMOID},
      {LJ_OP_LOG1P, LJ_OP_EXP, LJ_OP_SOFTPLUS},
      {LJ_OP_LOG, LJ_OP_NORM_CDF, LJ_OP_LOG_NDTR},
  };
  const struct lj_node *a = lj_operand(graph, node, 0);

  if (a->dtype != node->dtype)
    return 0;
  for (size_t i = 0; i < LJ_COUNT(pairs); i++)
    if (pairs[i][0] == node->op && pairs[i][1] == a->op)
      return lj_apply1(graph, (enum lj_op)pairs[i][2], a->operand[0]);
  return 0;
}

static lj_id log_of_exp(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *a = lj_operand(graph, node, 0);

  return a->op == LJ_OP_EXP ? lj_in_shape_of(graph, node, a->operand[0]) : 0;
}

static lj_id exp_of_log_softmax(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *a = lj_operand(graph, node, 0);

  if (a->op != LJ_OP_LOG_SOFTMAX || a->dtype != node->dtype)
    return 0;
  return lj_row(graph, LJ_OP_SOFTMAX, a->operand[0], a->axes);
}

/* log(1 + x), log(x + 1), log(1 - x). */
static lj_id log_of_one_plus(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *a = lj_operand(graph, node, 0);
  lj_id x = 0;

  if (a->dtype != node->dtype)
    return 0;
  if (a->op == LJ_OP_ADD && is_one(graph, a->operand[0]))
    x = a->operand[1];
  if (a->op == LJ_OP_ADD && is_one(graph, a->operand[1]))
    x = a->operand[0];
  if (a->op == LJ_OP_SUBTRACT && is_one(graph, a->operand[0]))
    x = lj_apply1(graph, LJ_OP_NEGATIVE, a->operand[1]);
  if (!x || lj_node_at(graph, x)->dtype != node->dtype)
    return 0;
  return lj_apply1(graph, LJ_OP_LOG1P, x);
}

/* log1p(-sigmoid(x)) */
static lj_id log1p_of_minus_sigmoid(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *a = lj_operand(graph, node, 0);

  if (a->op != LJ_OP_NEGATIVE || !lj_is_op(graph, a->operand[0], LJ_OP_SIGMOID))
    return 0;
  lj_id x = lj_operand(graph, a, 0)->operand[0];
  if (lj_node_at(graph, x)->dtype != node->dtype)
    return 0;
  return lj_apply1(graph, LJ_OP_LOG_SIGMOID, lj_apply1(graph, LJ_OP_NEGATIVE, x));
}

static bool shifted_by_max(const struct lj_graph *graph, lj_id id)
{
  const struct lj_node *z = lj_node_at(graph, id);

  if (z->op != LJ_OP_SUBTRACT)
    return false;
  const struct lj_node *shift = lj_operand(graph, z, 1);
  if (shift->op == LJ_OP_VIEW)
    shift = lj_operand(graph, shift, 0);
  return shift->op == LJ_OP_MAX;
}

static lj_id log_of_sum_of_exp(struct lj_graph *graph, const struct lj_node *node)
{
  struct lj_node view = *lj_operand(graph, node, 0), sum = view;
  bool kept = view.op == LJ_OP_VIEW; /* keepdims=True */

  if (kept)
    sum = *lj_operand(graph, &view, 0);
  if (sum.op != LJ_OP_SUM || sum.dtype != node->dtype)
    return 0;
  const struct lj_node *exponential = lj_operand(graph, &sum, 0);
  if (exponential->op != LJ_OP_EXP || exponential->dtype != node->dtype)
    return 0;
  if (shifted_by_max(graph, exponential->operand[0]))
    return 0;
  lj_id operand[3] = {
      lj_row(graph, LJ_OP_LOGSUMEXP, exponential->operand[0], sum.axes)};
  return kept ? lj_rebuild(graph, &view, operand) : operand[0];
}

/* exp(x) - 1 and 1 - exp(x); 1 - sigmoid(x); 1 - erf(x). */
static lj_id difference_to_one(struct lj_graph *graph, const struct lj_node *node)
{
  bool one_first = is_one(graph, node->operand[0]);

  if (!one_first && !is_one(graph, node->operand[1]))
    return 0;
  const struct lj_node *f = lj_operand(graph, node, one_first ? 1 : 0);
  if (f->dtype != node->dtype || f->operand_count != 1)
    return 0;
  lj_id x = f->operand[0];
  if (f->op == LJ_OP_EXP) {
    lj_id difference = lj_apply1(graph, LJ_OP_EXPM1, x);
    return one_first ? lj_apply1(graph, LJ_OP_NEGATIVE, difference) : difference;
  }
  if (one_first && f->op == LJ_OP_SIGMOID)
    return lj_apply1(graph, LJ_OP_SIGMOID, lj_apply1(graph, LJ_OP_NEGATIVE, x));
  return one_first && f->op == LJ_OP_ERF ? lj_apply1(graph, LJ_OP_ERFC, x) : 0;
}

/* (1/a)*b is b/a, one rounding and one operation less, unless 1/a is computed once for
 * many b: then the product is cheaper. Also (2/a)*b. */
static lj_id product_with_inverse(struct lj_graph *graph, const struct lj_node *node)
{
  for (int i = 0; i < 2; i++) {
    const struct lj_node *inverse = lj_operand(graph, node, i);
    lj_id b = node->operand[1 - i];
    double factor;
    if (inverse->op != LJ_OP_DIVIDE || inverse->dtype != node->dtype)
      continue;
    if (!lj_is_power_of_two(graph, inverse->operand[0], &factor))
      continue;
    if (!lj_shape_equal(inverse->rank, inverse->shape, node->rank, node->shape))
      continue;
    if (lj_node_at(graph, b)->op == LJ_OP_CONSTANT)
      continue;
    lj_id c = inverse->operand[0];
    lj_id quotient = lj_apply2(graph, LJ_OP_DIVIDE, b, inverse->operand[1]);
    return lj_apply2(graph, LJ_OP_MULTIPLY, c, quotient);
  }
  return 0;
}

/* 1/(a/b) is b/a. */
static lj_id inverse_of_quotient(struct lj_graph *graph, const struct lj_node *node)
{
  const struct lj_node *b = lj_operand(graph, node, 1);

  if (!is_one(graph, node->operand[0]) || b->op != LJ_OP_DIVIDE)
    return 0;
  if (b->dtype != node->dtype)
    return 0;
  return lj_apply2(graph, LJ_OP_DIVIDE, b->operand[1], b->operand[0]);
}

static lj_id x_times_log_x(struct lj_graph *graph, const struct lj_node *node)
{
  for (int i = 0; i < 2; i++) {
    const struct lj_node *log = lj_operand(graph, node, i);
    lj_id x = node->operand[1 - i];
    if (log->op == LJ_OP_LOG && log->operand[0] == x && log->dtype == node->dtype)
      return lj_apply2(graph, LJ_OP_XLOGY, x, x);
  }
  return 0;
}

/* ---- the table ------------------------------------------------------------------- */

const struct lj_stable_rewrite lj_stable_rewrites[] = {
    {LJ_OP_LOG, log_of_softmax, "log-softmax", "log(softmax(x))", "log_softmax(x)"},
    {LJ_OP_LOG, log_of_exp, "log-exp", "log(exp(x))", "x"},
    {LJ_OP_LOG, composed, "log-composed", "log(sigmoid(x)), log(norm_cdf(x))",
     "log_sigmoid(x), log_ndtr(x)"},
    {LJ_OP_LOG, log_of_one_plus, "log1p", "log(1 + x), log(1 - x)",
     "log1p(x), log1p(-x)"},
    {LJ_OP_LOG, log_of_sum_of_exp, "logsumexp", "log(sum(exp(x)))", "logsumexp(x)"},
    {LJ_OP_LOG1P, composed, "softplus", "log1p(exp(x))", "softplus(x)"},
    {LJ_OP_LOG1P, log1p_of_minus_sigmoid, "log-sigmoid", "log1p(-sigmoid(x))",
     "log_sigmoid(-x)"},
    {LJ_OP_EXP, exp_of_log_softmax, "softmax", "exp(log_softmax(x))", "softmax(x)"},
    {LJ_OP_EXP, composed, "sigmoid", "exp(log_sigmoid(x))", "sigmoid(x)"},
    {LJ_OP_SUBTRACT, difference_to_one, "one-minus",
     "exp(x) - 1, 1 - sigmoid(x), 1 - erf(x)", "expm1(x), sigmoid(-x), erfc(x)"},
    {LJ_OP_MULTIPLY, x_times_log_x, "xlogy", "x*log(x)", "xlogy(x, x)"},
    {LJ_OP_MULTIPLY, product_with_inverse, "quotient", "1/x*y", "y/x"},
    {LJ_OP_DIVIDE, inverse_of_quotient, "inverse", "1/(x/y)", "y/x"},
    {LJ_OP_NONE, NULL, NULL, NULL, NULL},
};

lj_id lj_fold_stable(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id found = 0;

  for (const struct lj_stable_rewrite *rule = lj_stable_rewrites; !found && rule->name;
       rule++)
    if (rule->op == node->op)
      found = rule->apply(graph, node);
  return found;
}
