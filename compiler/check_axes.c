/*
 * Functions with axes: the row operators, and those that add, remove, move or repeat
 * axes.
 *
 * The batch stays axis 0 of whatever has it. Reducing over it is allowed, and recorded
 * for the contract's advice; moving or reversing it is refused.
 */
#include "compiler/check_internal.h"

/* ---- axes as arguments ----------------------------------------------------------- */

static bool axis_range(struct lj_checker *c, const struct lj_value *value, lj_id of,
                       int64_t axis)
{
  struct lj_span span = value->syntax ? value->syntax->span : (struct lj_span){0, 0, 0};

  lj_trace(c,
           lj_report(c->diags, LJ_D_AXIS_RANGE, lj_place(c, span),
                     lj_integer_text(c, axis), lj_shape_text(c, of)),
           span);
  return false;
}

bool lj_as_axis(struct lj_checker *c, const struct lj_value *value, lj_id of,
                uint32_t rank, uint32_t *axis)
{
  int64_t number;

  if (!lj_as_integer(c, value, "an axis", &number))
    return false;
  if (number < -(int64_t)rank || number >= (int64_t)rank)
    return axis_range(c, value, of, number);
  *axis = (uint32_t)(number < 0 ? number + rank : number);
  return true;
}

bool lj_as_axes(struct lj_checker *c, const struct lj_value *value, lj_id of,
                uint32_t rank, uint32_t *axes)
{
  uint32_t axis;

  *axes = 0;
  if (value->kind == LJ_V_ABSENT || value->kind == LJ_V_NONE) {
    *axes = (1u << rank) - 1;
    return true;
  }
  if (value->kind != LJ_V_LIST) {
    if (!lj_as_axis(c, value, of, rank, &axis))
      return false;
    *axes = 1u << axis;
    return true;
  }
  for (uint32_t i = 0; i < value->count; i++) {
    const struct lj_value *item = &value->items[i];
    if (!lj_as_axis(c, item, of, rank, &axis))
      return false;
    if (*axes >> axis & 1) {
      lj_report(c->diags, LJ_D_REPEATED_AXIS, lj_place(c, item->syntax->span),
                lj_integer_text(c, axis));
      return false;
    }
    *axes |= 1u << axis;
  }
  return true;
}

static bool as_flag(struct lj_checker *c, const struct lj_syntax *at, const char *name,
                    const struct lj_value *value, bool *flag)
{
  *flag = false;
  if (value->kind == LJ_V_ABSENT)
    return true;
  if (value->kind == LJ_V_TRUTH) {
    *flag = value->truth;
    return true;
  }
  lj_bad_argument(c, at, value, lj_format(c->arena, "%s is True or False", name));
  return false;
}

/* ---- row operators --------------------------------------------------------------- */

static lj_id row_operand(struct lj_checker *c, enum lj_op op,
                         const struct lj_value *value, const struct lj_syntax *at)
{
  lj_id x = lj_as_node(c, value, lj_format(c->arena, "%s()", at->name));
  enum lj_dtype dtype;

  if (!x)
    return 0;
  dtype = (enum lj_dtype)lj_at(c, x)->dtype;
  if (lj_op_table[op].type == LJ_TYPE_LOGICAL && dtype != LJ_BOOL) {
    struct lj_value node = lj_node_value(x, value->syntax);
    struct lj_span span = value->syntax ? value->syntax->span : at->span;
    lj_trace(c,
             lj_report(c->diags, LJ_D_NOT_BOOLEAN, lj_place(c, span),
                       lj_format(c->arena, "%s()", at->name), lj_value_text(c, &node)),
             span);
    return 0;
  }
  if (lj_op_table[op].type == LJ_TYPE_FLOAT && c->float_dtype != LJ_F32 &&
      !lj_dtype_is_float(dtype) && dtype != LJ_WEAK_INT)
    x = lj_cast(c->graph, c->float_dtype, x); /* as in lj_operate */
  return x;
}

static void record(struct lj_checker *c, lj_id node, lj_id operand,
                   const struct lj_syntax *at, bool has_axis)
{
  if (c->trusted)
    return;
  LJ_GROW(c->arena, c->reductions, c->reduction_count, c->reduction_capacity);
  c->reductions[c->reduction_count++] =
      (struct lj_reduction){node,
                            operand,
                            at,
                            has_axis,
                            c->anchored ? c->anchor_call : NULL,
                            c->anchored ? c->anchor_of : NULL};
}

/* sum(x, axis=None, keepdims=False) and its like. */
static struct lj_value call_reduction(struct lj_checker *c,
                                      const struct lj_function *function,
                                      const struct lj_value *arguments,
                                      const struct lj_syntax *at)
{
  enum lj_op op = (enum lj_op)function->op;
  lj_id x = row_operand(c, op, &arguments[0], at), y;
  bool has_axis = arguments[1].kind != LJ_V_ABSENT && arguments[1].kind != LJ_V_NONE;
  uint32_t axes;
  bool keep;

  if (!x || lj_confuses_maximum(c, at, arguments, x))
    return lj_error_value;
  if (!as_flag(c, at, "keepdims", &arguments[2], &keep))
    return lj_error_value;
  if (!lj_as_axes(c, &arguments[1], x, lj_at(c, x)->rank, &axes))
    return lj_error_value;
  y = lj_row(c->graph, op, x, axes);
  record(c, y, x, at, has_axis);
  if (keep && axes)
    y = lj_expand_dims(c->graph, y, axes);
  return lj_node_value(y, at);
}

/* softmax(x, axis=-1) and log_softmax. */
static struct lj_value call_along(struct lj_checker *c,
                                  const struct lj_function *function,
                                  const struct lj_value *arguments,
                                  const struct lj_syntax *at)
{
  enum lj_op op = (enum lj_op)function->op;
  lj_id x = row_operand(c, op, &arguments[0], at);
  uint32_t rank, axes;

  if (!x)
    return lj_error_value;
  rank = lj_at(c, x)->rank;
  axes = rank ? 1u << (rank - 1) : 0;
  if (!rank && arguments[1].kind == LJ_V_ABSENT)
    return lj_bad_argument(c, at, &arguments[0], "a single number has no axis");
  if (arguments[1].kind != LJ_V_ABSENT && !lj_as_axes(c, &arguments[1], x, rank, &axes))
    return lj_error_value;
  return lj_node_value(lj_row(c->graph, op, x, axes), at);
}

/* ---- new axes, fewer axes -------------------------------------------------------- */

static bool rank_fits(struct lj_checker *c, uint32_t rank, const struct lj_syntax *at)
{
  if (rank <= LOSSJIT_MAX_RANK)
    return true;
  lj_trace(c,
           lj_report(c->diags, LJ_D_RANK_LIMIT, lj_place(c, at->span),
                     lj_integer_text(c, rank), lj_integer_text(c, LOSSJIT_MAX_RANK)),
           at->span);
  return false;
}

static struct lj_value call_expand_dims(struct lj_checker *c,
                                        const struct lj_function *function,
                                        const struct lj_value *arguments,
                                        const struct lj_syntax *at)
{
  lj_id x = lj_as_node(c, &arguments[0], "expand_dims()");
  uint32_t more = arguments[1].kind == LJ_V_LIST ? arguments[1].count : 1, axes;

  (void)function;
  if (!x || !rank_fits(c, lj_at(c, x)->rank + more, at))
    return lj_error_value;
  if (arguments[1].kind == LJ_V_NONE)
    return lj_bad_argument(c, at, &arguments[1], "axis is a number or a list");
  if (!lj_as_axes(c, &arguments[1], x, lj_at(c, x)->rank + more, &axes))
    return lj_error_value;
  return lj_node_value(lj_batch_first(c, lj_expand_dims(c->graph, x, axes), at), at);
}

static struct lj_value call_squeeze(struct lj_checker *c,
                                    const struct lj_function *function,
                                    const struct lj_value *arguments,
                                    const struct lj_syntax *at)
{
  lj_id x = lj_as_node(c, &arguments[0], "squeeze()");
  bool all = arguments[1].kind == LJ_V_ABSENT || arguments[1].kind == LJ_V_NONE;
  uint32_t axes = 0, ones = 0;

  (void)function;
  if (!x)
    return lj_error_value;
  for (uint32_t axis = 0; axis < lj_at(c, x)->rank; axis++)
    if (lj_size_is(lj_at(c, x)->shape[axis], 1))
      ones |= 1u << axis;
  if (!all && !lj_as_axes(c, &arguments[1], x, lj_at(c, x)->rank, &axes))
    return lj_error_value;
  if (axes & ~ones)
    return lj_bad_argument(c, at, &arguments[1],
                           lj_format(c->arena, "shape %s has another size than 1 there",
                                     lj_shape_text(c, x)));
  return lj_node_value(lj_squeeze(c->graph, x, all ? ones : axes), at);
}

static struct lj_value call_broadcast_to(struct lj_checker *c,
                                         const struct lj_function *function,
                                         const struct lj_value *arguments,
                                         const struct lj_syntax *at)
{
  lj_id x = lj_as_node(c, &arguments[0], "broadcast_to()");
  struct lj_size shape[LOSSJIT_MAX_RANK];
  const struct lj_value *list = &arguments[1];
  const struct lj_node *node;
  bool pending = false;

  (void)function;
  if (!x)
    return lj_error_value;
  if (list->kind != LJ_V_LIST)
    return lj_bad_argument(c, at, list, "the shape is a list of sizes");
  if (!rank_fits(c, list->count, at))
    return lj_error_value;
  for (uint32_t k = 0; k < list->count; k++)
    if (!lj_as_size(c, &list->items[k], "a size", &shape[k]))
      return lj_error_value;
  node = lj_at(c, x);
  if (node->rank > list->count)
    return lj_bad_argument(c, at, list,
                           "the shape has fewer dimensions than the array");
  for (uint32_t k = 0; k < node->rank; k++) {
    struct lj_size has = node->shape[k], gets = shape[list->count - node->rank + k];
    bool later = false;
    if (lj_size_is(has, 1))
      continue;
    if (!lj_sizes_agree(c, has, gets, at->span, &later))
      return lj_bad_argument(c, at, list,
                             lj_format(c->arena,
                                       "an array of shape %s does not repeat to this",
                                       lj_shape_text(c, x)));
    pending |= later;
  }
  if (pending)
    return lj_error_value;
  x = lj_broadcast_to(c->graph, x, list->count, shape);
  return lj_node_value(lj_batch_first(c, x, at), at);
}

/* ---- axes in another order or direction ------------------------------------------ */

static struct lj_value call_transpose(struct lj_checker *c,
                                      const struct lj_function *function,
                                      const struct lj_value *arguments,
                                      const struct lj_syntax *at)
{
  lj_id x = lj_as_node(c, &arguments[0], "transpose()");
  struct lj_size shape[LOSSJIT_MAX_RANK];
  struct lj_read reads[LOSSJIT_MAX_RANK];
  const struct lj_value *list = &arguments[1];
  uint32_t rank, seen = 0;

  (void)function;
  if (!x)
    return lj_error_value;
  rank = lj_at(c, x)->rank;
  if (list->kind != LJ_V_ABSENT && list->kind != LJ_V_NONE &&
      (list->kind != LJ_V_LIST || list->count != rank))
    return lj_bad_argument(c, at, list, "axes is a list with each axis once");
  for (uint32_t i = 0; i < rank; i++) {
    uint32_t from = rank - 1 - i;
    if (list->kind == LJ_V_LIST && !lj_as_axis(c, &list->items[i], x, rank, &from))
      return lj_error_value;
    if (seen >> from & 1)
      return lj_bad_argument(c, at, list, "axes is a list with each axis once");
    seen |= 1u << from;
    shape[i] = lj_at(c, x)->shape[from];
    reads[from] = (struct lj_read){lj_size_number(0), 1, (int32_t)i};
  }
  x = lj_view(c->graph, x, rank, shape, reads);
  return lj_node_value(lj_batch_first(c, x, at), at);
}

static struct lj_value call_flip(struct lj_checker *c,
                                 const struct lj_function *function,
                                 const struct lj_value *arguments,
                                 const struct lj_syntax *at)
{
  lj_id x = lj_as_node(c, &arguments[0], "flip()");
  struct lj_read reads[LOSSJIT_MAX_RANK];
  const struct lj_node *node;
  uint32_t axes;

  (void)function;
  if (!x || !lj_as_axes(c, &arguments[1], x, lj_at(c, x)->rank, &axes))
    return lj_error_value;
  if (axes & lj_batch_axes(c, x)) {
    lj_refuse(c, at->span, "reversing the batch", "samples have no order");
    return lj_error_value;
  }
  node = lj_at(c, x);
  for (uint32_t axis = 0; axis < node->rank; axis++) {
    reads[axis] = (struct lj_read){lj_size_number(0), 1, (int32_t)axis};
    if (!(axes >> axis & 1))
      continue;
    reads[axis].step = -1;
    if (!lj_size_add(node->shape[axis], lj_size_number(-1), &reads[axis].start))
      return lj_bad_argument(c, at, &arguments[0], "this size cannot be computed with");
  }
  return lj_node_value(lj_view(c->graph, x, node->rank, node->shape, reads), at);
}

/* Is every place of a padded element inside? As far as numbers tell. */
static bool pad_fits(const struct lj_read *read, struct lj_size n, struct lj_size after,
                     struct lj_size *all)
{
  struct lj_size last, beyond;

  /* the last element stands at start + step*(n - 1); `after` zeros follow it */
  if (!lj_size_times(n, read->step, &last) ||
      !lj_size_add(last, lj_size_number(-read->step), &last) ||
      !lj_size_add(last, read->start, &last) ||
      !lj_size_add(last, lj_size_number(1), &beyond) ||
      !lj_size_add(beyond, after, all))
    return false;
  if (lj_size_is_number(last) && last.offset < 0)
    return false;
  if (lj_size_is_number(*all) && lj_size_is_number(read->start) &&
      read->start.offset >= all->offset)
    return false;
  return !lj_size_is_number(read->start) || read->start.offset >= 0;
}

/* pad(x, before, after, axis=-1, step=1): zeros around x, and step - 1 between its
 * elements; a negative step goes backwards from `before`. The adjoint of slices. */
static struct lj_value call_pad(struct lj_checker *c,
                                const struct lj_function *function,
                                const struct lj_value *arguments,
                                const struct lj_syntax *at)
{
  lj_id x = lj_as_node(c, &arguments[0], "pad()");
  struct lj_size after, shape[LOSSJIT_MAX_RANK];
  struct lj_read reads[LOSSJIT_MAX_RANK], *read;
  uint32_t rank, axis;
  int64_t step = 1;

  (void)function;
  if (!x)
    return lj_error_value;
  rank = lj_at(c, x)->rank;
  axis = rank - 1;
  if (!rank)
    return lj_bad_argument(c, at, &arguments[0], "a single number has no axis");
  if (arguments[3].kind != LJ_V_ABSENT && !lj_as_axis(c, &arguments[3], x, rank, &axis))
    return lj_error_value;
  for (uint32_t k = 0; k < rank; k++) {
    shape[k] = lj_at(c, x)->shape[k];
    reads[k] = (struct lj_read){lj_size_number(0), 1, (int32_t)k};
  }
  read = &reads[axis];
  if (!lj_as_size(c, &arguments[1], "padding", &read->start) ||
      !lj_as_size(c, &arguments[2], "padding", &after) ||
      (arguments[4].kind != LJ_V_ABSENT &&
       !lj_as_integer(c, &arguments[4], "a step", &step)))
    return lj_error_value;
  if (lj_batch_axes(c, x) >> axis & 1) {
    lj_refuse(c, at->span, "padding the batch", NULL);
    return lj_error_value;
  }
  read->step = step;
  if (!step || (lj_size_is_number(after) && after.offset < 0) ||
      !pad_fits(read, shape[axis], after, &shape[axis]))
    return lj_bad_argument(c, at, NULL, "padding is 0 or more, the step is not 0");
  return lj_node_value(lj_pad(c->graph, x, shape, reads), at);
}

/* ---- the table ------------------------------------------------------------------- */

#define REDUCTION(text, id)                                                            \
  {.name = text,                                                                       \
   .call = call_reduction,                                                             \
   .parameters = {"x", "axis", "keepdims"},                                            \
   .required = 1,                                                                      \
   .op = LJ_OP_##id}
#define ALONG(text, id)                                                                \
  {.name = text,                                                                       \
   .call = call_along,                                                                 \
   .parameters = {"x", "axis"},                                                        \
   .required = 1,                                                                      \
   .op = LJ_OP_##id}

const struct lj_function lj_axis_functions[] = {
    REDUCTION("sum", SUM),
    REDUCTION("mean", MEAN),
    REDUCTION("max", MAX),
    REDUCTION("min", MIN),
    REDUCTION("prod", PROD),
    REDUCTION("any", ANY),
    REDUCTION("all", ALL),
    REDUCTION("logsumexp", LOGSUMEXP),
    ALONG("softmax", SOFTMAX),
    ALONG("log_softmax", LOG_SOFTMAX),
    {.name = "expand_dims",
     .call = call_expand_dims,
     .parameters = {"x", "axis"},
     .required = 2},
    {.name = "squeeze",
     .call = call_squeeze,
     .parameters = {"x", "axis"},
     .required = 1},
    {.name = "broadcast_to",
     .call = call_broadcast_to,
     .parameters = {"x", "shape"},
     .required = 2},
    {.name = "transpose",
     .call = call_transpose,
     .parameters = {"x", "axes"},
     .required = 1},
    {.name = "flip", .call = call_flip, .parameters = {"x", "axis"}, .required = 1},
    {.name = "pad",
     .call = call_pad,
     .parameters = {"x", "before", "after", "axis", "step"},
     .required = 3},
};
const size_t lj_axis_function_count = LJ_COUNT(lj_axis_functions);
