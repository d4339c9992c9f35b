/*
 * The contract of a loss: what an expression must be, beyond being well formed.
 *
 *   - an input has the batch as its first dimension
 *   - the value depends on the inputs to differentiate by (y_pred), through something
 *     that carries a derivative
 *   - it is one value per sample; one number, or any array, only where asked for
 *   - it is a floating-point number
 *
 * Every refusal says what to write instead, in the user's own words where it can.
 */
#include "compiler/check_internal.h"
#include "compiler/grad.h"
#include "compiler/passes.h"

#include <string.h>

static struct lj_span value_span(const struct lj_checker *c)
{
  return c->program->value->span;
}

/* ---- the gradient ---------------------------------------------------------------- */

static const struct lj_input *input_named(const struct lj_checker *c, const char *name)
{
  for (uint32_t i = 0; i < c->graph->input_count; i++)
    if (!strcmp(c->graph->inputs[i].name, name))
      return &c->graph->inputs[i];
  return NULL;
}

/* y_pred = 3; ... */
static void hides(struct lj_checker *c, const char *name, struct lj_span binding)
{
  struct lj_report *report =
      lj_report(c->diags, LJ_D_HIDES_PREDICTION, binding, name, name);

  lj_fix(c->diags, report, binding, NULL,
         "give it another name; '%s' is there without being bound", name);
}

/* The caller asks for the gradient of something that is no input. */
static bool is_no_input(struct lj_checker *c, const char *name)
{
  struct lj_text inputs = {.arena = c->arena};
  struct lj_span nowhere = {0, 0, 0};
  uint32_t count = c->graph->input_count;
  const char **names, *near;
  struct lj_report *report;

  if (!c->request->gradients || !strcmp(name, "y_pred") || !strcmp(name, "y_true") ||
      lj_requested_input(c, name) || !count)
    return false;
  names = LJ_NEW_ARRAY(c->arena, const char *, count);
  for (uint32_t i = 0; i < count; i++) {
    names[i] = c->graph->inputs[i].name;
    lj_text_add(&inputs, "%s%s", i ? ", " : "", names[i]);
  }
  report = lj_report(c->diags, LJ_D_NOT_DIFFERENTIABLE, value_span(c), name,
                     "it is not an input");
  lj_note(c->diags, report, nowhere, "the inputs are %s", inputs.text);
  near = lj_nearest(name, names, count);
  if (near)
    lj_fix(c->diags, report, value_span(c), NULL, "did you mean '%s'?", near);
  return true;
}

static void ignores(struct lj_checker *c, const char *name)
{
  const struct lj_scope *binding = lj_find(c, name, false);
  const struct lj_input *input = input_named(c, name);
  struct lj_span nowhere = {0, 0, 0};
  struct lj_report *report;

  if (binding && binding->is_binding) {
    hides(c, name, binding->span);
    return;
  }
  report = lj_report(c->diags, LJ_D_IGNORES_PREDICTION, value_span(c), name);
  if (input && input->span.end)
    lj_note(c->diags, report, input->span, "'%s' appears here, but not in the result",
            name);
  else
    lj_note(c->diags, report, nowhere, "the text never mentions '%s'", name);
  lj_fix(c->diags, report, value_span(c), NULL, "use '%s' in the result", name);
}

static void dead(struct lj_checker *c, const char *name, lj_id killer)
{
  const struct lj_node *node = killer ? lj_at(c, killer) : NULL;
  const char *operator= node ? lj_op_table[node->op].name : "the expression";
  struct lj_report *report = lj_report(c->diags, LJ_D_DEAD_GRADIENT, value_span(c),
                                       name, lj_format(c->arena, "%s", operator));

  if (!node)
    return;
  lj_note(c->diags, report, node->span,
          "the derivative of %s is zero wherever it exists", operator);
  lj_fix(
      c->diags, report, node->span, NULL,
      "use a smooth function in place of %s, or let '%s' reach the result another way",
      operator, name);
}

static bool is_zero(const struct lj_checker *c, lj_id node)
{
  double number;

  return lj_is_constant(c->graph, node, &number) && number == 0;
}

/* x*0, 0*x, x**0: whatever x is, the derivative is 0. */
static bool is_zero_product(const struct lj_checker *c, const struct lj_node *node)
{
  if (node->op == LJ_OP_POWER)
    return is_zero(c, node->operand[1]);
  return node->op == LJ_OP_MULTIPLY &&
         (is_zero(c, node->operand[0]) || is_zero(c, node->operand[1]));
}

/* The product with 0 that ends the last path from `wrt` to `value`; 0 if there is one
 * that is not ended so. */
static lj_id last_zero(struct lj_checker *c, lj_id value, lj_id wrt)
{
  bool *active;
  lj_id last = 0;

  for (lj_id id = 1; id <= value && !last; id++)
    last = is_zero_product(c, lj_at(c, id)) ? id : 0;
  if (!last)
    return 0;
  active = LJ_NEW_ARRAY(c->arena, bool, (size_t)value + 1);
  active[wrt] = true;
  for (lj_id id = 1; id <= value; id++) {
    const struct lj_node *node = lj_at(c, id);
    bool reached = active[id];
    for (int i = 0; i < node->operand_count; i++)
      reached |= active[node->operand[i]] && lj_carries(c->graph, node, i);
    active[id] = reached && !is_zero_product(c, node);
    if (reached && !active[id])
      last = id;
  }
  return active[value] ? 0 : last;
}

static void dead_by_zero(struct lj_checker *c, const char *name, lj_id killer)
{
  const struct lj_node *node = lj_at(c, killer);
  bool is_power = node->op == LJ_OP_POWER;
  struct lj_report *report = lj_report(c->diags, LJ_D_DEAD_GRADIENT, value_span(c),
                                       name, is_power ? "the power 0" : "the factor 0");

  lj_note(c->diags, report, node->span, "the derivative of this %s is 0",
          is_power ? "power" : "product");
  lj_fix(c->diags, report, node->span, NULL,
         "use another %s, or let '%s' reach the result another way",
         is_power ? "exponent" : "factor", name);
}

/* False if the result has nothing to do with the input: then nothing else is said. */
static bool depends(struct lj_checker *c, lj_id value, const char *name,
                    struct lj_checked *checked)
{
  const struct lj_input *input = input_named(c, name);
  lj_id killer = 0;
  bool used = false;

  if (!input) {
    if (!is_no_input(c, name))
      ignores(c, name);
    return false;
  }
  checked->wrt[checked->wrt_count++] = input->node;
  if (!lj_dtype_is_float((enum lj_dtype)input->dtype)) {
    lj_report(
        c->diags, LJ_D_NOT_DIFFERENTIABLE, input->span, name,
        lj_format(c->arena, "it is %s", lj_dtype_name((enum lj_dtype)input->dtype)));
    return true;
  }
  if (lj_grad_reaches(c->graph, value, input->node, &used, &killer)) {
    killer = last_zero(c, value, input->node);
    if (killer)
      dead_by_zero(c, name, killer);
    return !killer;
  }
  if (used)
    dead(c, name, killer);
  else
    ignores(c, name);
  return used;
}

static bool has_gradient(struct lj_checker *c, lj_id value, struct lj_checked *checked)
{
  static const char *const usual[] = {"y_pred"};
  const char *const *names = c->request->gradients ? c->request->gradients : usual;
  uint32_t count = c->request->gradients ? c->request->gradient_count : 1;
  bool good = true;

  if (c->request->no_gradient)
    return true;
  checked->wrt = LJ_NEW_ARRAY(c->arena, lj_id, count);
  for (uint32_t i = 0; i < count; i++)
    good &= depends(c, value, names[i], checked);
  return good;
}

/* ---- the result's shape ---------------------------------------------------------- */

/* "axis=-1", "axis=[1, 2]": all axes but the batch. */
static const char *inner_axes(const struct lj_checker *c, uint32_t rank)
{
  struct lj_text to = {.arena = c->arena};

  if (rank <= 2)
    return "axis=-1";
  lj_text_add(&to, "axis=[1");
  for (uint32_t axis = 2; axis < rank; axis++)
    lj_text_add(&to, ", %u", axis);
  lj_text_add(&to, "]");
  return to.text;
}

/* The reduction over the batch nearest to the result, as the text has it. */
static const struct lj_reduction *batch_reduction(struct lj_checker *c, lj_id value)
{
  const struct lj_reduction *found = NULL;
  bool *under = LJ_NEW_ARRAY(c->arena, bool, (size_t)value + 1);

  under[value] = true;
  for (lj_id id = value; id > 0 && !found; id--) {
    const struct lj_node *node = lj_at(c, id);
    if (!under[id])
      continue;
    for (int i = 0; i < node->operand_count; i++)
      under[node->operand[i]] = true;
    if (!lj_op_is_reduction((enum lj_op)node->op) ||
        !(node->axes & lj_batch_axes(c, node->operand[0])))
      continue;
    for (uint32_t i = 0; i < c->reduction_count && !found; i++)
      if (c->reductions[i].node == id)
        found = &c->reductions[i];
  }
  return found;
}

static void fix_reduction(struct lj_checker *c, struct lj_report *report,
                          const struct lj_reduction *reduction)
{
  const struct lj_syntax *call = reduction->syntax;
  uint32_t rank = lj_at(c, reduction->operand)->rank;
  struct lj_span close = call->span;
  const char *axes = inner_axes(c, rank);

  close.begin = close.end - 1; /* the call's closing parenthesis */
  if (rank < 2 && !call->span.source && call->child_count == 1)
    lj_fix(c->diags, report, call->span, lj_primary_text(c, call->children[0]),
           "its argument has one value per sample already: leave out %s()", call->name);
  else if (rank < 2)
    lj_fix(c->diags, report, lj_place(c, call->span), NULL,
           "its argument has one value per sample already: leave out %s()", call->name);
  else if (call->span.source || reduction->has_axis || call->child_count != 1)
    lj_fix(c->diags, report, lj_place(c, call->span), NULL,
           "reduce the inner dimensions only: %s", axes);
  else
    lj_fix(c->diags, report, close, lj_format(c->arena, ", %s)", axes),
           "reduce the inner dimensions only: %s", axes);
}

/* A reduction in the prelude: the user wrote the call of a loss, not this. */
static void fix_loss(struct lj_checker *c, struct lj_report *report,
                     const struct lj_reduction *reduction)
{
  const struct lj_syntax *call = reduction->call;
  uint32_t rank = lj_at(c, reduction->operand)->rank;
  struct lj_span close = call->span;
  bool takes_axis = false;

  for (uint32_t k = 0; k < reduction->of->parameter_count; k++)
    takes_axis |= !strcmp(reduction->of->parameters[k], "axis");
  for (uint32_t i = 0; i < call->child_count; i++)
    takes_axis &= !call->keywords[i] || strcmp(call->keywords[i], "axis") != 0;
  close.begin = close.end - 1; /* the call's closing parenthesis */
  if (rank > 1 && takes_axis)
    lj_fix(c->diags, report, close, lj_format(c->arena, ", %s)", inner_axes(c, rank)),
           "let it reduce the inner dimensions only: %s", inner_axes(c, rank));
  else if (rank == 1)
    lj_fix(c->diags, report, call->span, NULL,
           "declare the inputs of %s() with shape [batch, 1]; or begin the text with "
           "'result: scalar;'",
           call->name);
}

static void missing_axis(struct lj_checker *c, const struct lj_reduction *reduction)
{
  struct lj_span nowhere = {0, 0, 0};
  const struct lj_syntax *user = reduction->call ? reduction->call : reduction->syntax;
  struct lj_report *report = lj_report(c->diags, LJ_D_MISSING_AXIS,
                                       user->span.source ? value_span(c) : user->span);

  lj_note(
      c->diags, report, nowhere,
      "%s() reduces shape %s over the batch; 'result: scalar;' says that this is meant",
      user->name, lj_shape_text(c, reduction->operand));
  if (reduction->call)
    fix_loss(c, report, reduction);
  else if (!user->span.source)
    fix_reduction(c, report, reduction);
}

static void fix_result(struct lj_checker *c, struct lj_report *report, lj_id value,
                       bool to_scalar)
{
  const struct lj_node *node = lj_at(c, value);
  const char *text = lj_source_text(c, c->program->value);
  const char *axes = to_scalar ? NULL : inner_axes(c, node->rank);

  if (!text || (!to_scalar && (node->rank < 2 || !lj_size_is_batch(node->shape[0])))) {
    lj_fix(c->diags, report, value_span(c), NULL,
           "reduce or index until one value per sample is left");
    return;
  }
  lj_fix(c->diags, report, value_span(c),
         axes ? lj_format(c->arena, "mean(%s, %s)", text, axes)
              : lj_format(c->arena, "mean(%s)", text),
         axes ? "reduce what is left: %s%s" : "reduce it: %s%s",
         axes ? "mean or sum with " : "mean(...) or sum(...)", axes ? axes : "");
}

static bool shape_fits(struct lj_checker *c, lj_id value)
{
  const struct lj_node *node = lj_at(c, value);
  const struct lj_reduction *reduction;
  struct lj_report *report;

  if (c->result == LOSSJIT_ELEMENTWISE)
    return true;
  if (c->result == LOSSJIT_SCALAR) {
    if (!node->rank)
      return true;
    report =
        lj_report(c->diags, LJ_D_NOT_SCALAR, value_span(c), lj_shape_text(c, value));
    fix_result(c, report, value, true);
    return false;
  }
  if (node->rank == 1 && lj_size_is_batch(node->shape[0]))
    return true;
  reduction = lj_batch_axes(c, value) ? NULL : batch_reduction(c, value);
  if (!node->rank && reduction) {
    missing_axis(c, reduction);
    return false;
  }
  report =
      lj_report(c->diags, LJ_D_NOT_PER_SAMPLE, value_span(c), lj_shape_text(c, value));
  if (reduction)
    lj_note(c->diags, report,
            reduction->call ? reduction->call->span : reduction->syntax->span,
            "the batch is reduced here");
  fix_result(c, report, value, false);
  return false;
}

static bool type_fits(struct lj_checker *c, lj_id value)
{
  enum lj_dtype dtype = (enum lj_dtype)lj_at(c, value)->dtype;
  const char *text = lj_source_text(c, c->program->value);
  struct lj_report *report;

  if (lj_dtype_is_float(dtype))
    return true;
  report = lj_report(c->diags, LJ_D_RESULT_TYPE, value_span(c),
                     dtype == LJ_BOOL ? "true or false values" : "integers");
  if (text)
    lj_fix(c->diags, report, value_span(c), lj_format(c->arena, "cast(%s)", text),
           "make it a number");
  return false;
}

/* ---- the batch ------------------------------------------------------------------- */

static bool has_batch(struct lj_checker *c)
{
  struct lj_report *report;
  struct lj_span place = value_span(c);

  for (uint32_t i = 0; i < c->graph->input_count; i++)
    if (lj_batch_axes(c, c->graph->inputs[i].node) & 1)
      return true;
  if (!c->graph->input_count)
    return true; /* the missing y_pred says it */
  if (c->graph->inputs[0].span.end)
    place = c->graph->inputs[0].span;
  report = lj_report(c->diags, LJ_D_NO_BATCH, place);
  lj_fix(c->diags, report, place, NULL, "declare the batch first: %s: f32[batch, n];",
         c->graph->inputs[0].name);
  return false;
}

void lj_contract(struct lj_checker *c, struct lj_value value,
                 struct lj_checked *checked)
{
  lj_id node;
  bool good;

  checked->result = c->result;
  if (value.kind == LJ_V_ERROR || !c->program->value)
    return;
  node = lj_as_node(c, &value, "the result");
  if (!node)
    return;
  if (!has_batch(c) || !has_gradient(c, node, checked))
    return;
  good = type_fits(c, node);
  if (!shape_fits(c, node) || !good)
    return;
  if (lj_dtype_is_weak((enum lj_dtype)lj_at(c, node)->dtype))
    node = lj_cast(c->graph, c->float_dtype, node);
  checked->value = node;
  checked->scalar_over_batch =
      !lj_at(c, node)->rank || !lj_size_is_batch(lj_at(c, node)->shape[0]);
}
