/*
 * Functions that are neither operators nor about axes: sizes, counting, labels,
 * constant arrays, conversion of types.
 */
#include "compiler/check_internal.h"
#include "compiler/parse_foreign.h"

#include <string.h>

/* ---- sizes ----------------------------------------------------------------------- */

/* shape(x): a list of sizes, to be indexed or given to broadcast_to. */
static struct lj_value call_shape(struct lj_checker *c,
                                  const struct lj_function *function,
                                  const struct lj_value *arguments,
                                  const struct lj_syntax *at)
{
  lj_id x = lj_as_node(c, &arguments[0], "shape()");
  struct lj_value *items;
  uint32_t rank;

  (void)function;
  if (!x)
    return lj_error_value;
  rank = lj_at(c, x)->rank;
  items = LJ_NEW_ARRAY(c->arena, struct lj_value, rank);
  for (uint32_t axis = 0; axis < rank; axis++)
    items[axis] = lj_node_value(lj_size_node(c->graph, lj_at(c, x)->shape[axis]), at);
  return (struct lj_value){
      .kind = LJ_V_LIST, .count = rank, .items = items, .syntax = at};
}

/* size(x, axis=None): how many elements there are along these axes. */
static struct lj_value call_size(struct lj_checker *c,
                                 const struct lj_function *function,
                                 const struct lj_value *arguments,
                                 const struct lj_syntax *at)
{
  lj_id x = lj_as_node(c, &arguments[0], "size()"), rest = 0;
  struct lj_size product = lj_size_number(1), more;
  uint32_t axes;

  (void)function;
  if (!x || !lj_as_axes(c, &arguments[1], x, lj_at(c, x)->rank, &axes))
    return lj_error_value;
  for (uint32_t axis = 0; axis < lj_at(c, x)->rank; axis++) {
    struct lj_size size = lj_at(c, x)->shape[axis];
    if (!(axes >> axis & 1))
      continue;
    if ((lj_size_is_number(product) && lj_size_times(size, product.offset, &more)) ||
        (lj_size_is_number(size) && lj_size_times(product, size.offset, &more))) {
      product = more;
      continue;
    }
    lj_id factor =
        lj_size_node(c->graph, size); /* n*m is no size: a product of nodes */
    rest = rest ? lj_apply2(c->graph, LJ_OP_MULTIPLY, rest, factor) : factor;
  }
  x = lj_size_node(c->graph, product);
  if (rest)
    x = lj_apply2(c->graph, LJ_OP_MULTIPLY, x, rest);
  return lj_node_value(x, at);
}

/* ---- counting and labels --------------------------------------------------------- */

static bool counts_inner(struct lj_checker *c, const struct lj_value *value,
                         struct lj_size *size, const struct lj_syntax *at)
{
  if (!lj_as_size(c, value, "a size", size))
    return false;
  if (size->symbol == LJ_SYMBOL_BATCH && !c->trusted) {
    lj_refuse(c, at->span, "counting along the batch", "samples have no order");
    return false;
  }
  if (lj_size_is_number(*size) && size->offset < 1) {
    lj_bad_argument(c, at, value, "the size has to be at least 1");
    return false;
  }
  return true;
}

static struct lj_value call_arange(struct lj_checker *c,
                                   const struct lj_function *function,
                                   const struct lj_value *arguments,
                                   const struct lj_syntax *at)
{
  struct lj_size size;

  (void)function;
  if (!counts_inner(c, &arguments[0], &size, at))
    return lj_error_value;
  return lj_node_value(lj_iota(c->graph, size), at);
}

/* Labels of shape (batch, 1), as they come out of a table: take the column. */
static bool fix_column(struct lj_checker *c, struct lj_report *report, lj_id node,
                       const struct lj_value *value)
{
  uint32_t rank = lj_at(c, node)->rank;
  const char *text = value->syntax ? lj_primary_text(c, value->syntax) : NULL;
  const char *column;

  if (rank < 2 || !lj_size_is(lj_at(c, node)->shape[rank - 1], 1) || !text)
    return false;
  column = lj_format(c->arena, "%s[%s0]", text, rank == 2 ? ":, " : "..., ");
  if (lj_dtype_is_integer((enum lj_dtype)lj_at(c, node)->dtype))
    lj_fix(c->diags, report, value->syntax->span, column, "take the column: %s",
           column);
  else
    lj_fix(c->diags, report, value->syntax->span,
           lj_format(c->arena, "cast(%s, i64)", column),
           "take the column %s, as integers", column);
  return true;
}

/* Integers, as labels and positions have to be. A y_true that nobody declared becomes a
 * label by being used as one. */
static bool is_index(struct lj_checker *c, lj_id node, const struct lj_value *value,
                     const struct lj_syntax *at)
{
  struct lj_value shown = lj_node_value(node, value->syntax);
  struct lj_span span = value->syntax ? value->syntax->span : at->span;
  struct lj_report *report;

  if (lj_dtype_is_integer((enum lj_dtype)lj_at(c, node)->dtype))
    return true;
  if (c->label_input && !c->learned.label && lj_fact_of(c, node)->label) {
    c->learned.label = c->learning = true;
    return false;
  }
  report = lj_report(c->diags, LJ_D_NOT_INTEGER, lj_place(c, span),
                     lj_format(c->arena, "%s()", at->name), lj_value_text(c, &shown));
  if (fix_column(c, report, node, value))
    ;
  else if (lj_at(c, node)->op == LJ_OP_INPUT)
    lj_fix(c->diags, report, lj_place(c, span), NULL,
           "declare it as labels: %s: i64[batch];",
           c->graph->inputs[lj_at(c, node)->index].name);
  else
    lj_fix(c->diags, report, lj_place(c, span), NULL, "convert it: cast(x, i64)");
  lj_trace(c, report, span);
  return false;
}

/* one_hot(i, n): 1 where a new last axis counts to i, else 0. */
static struct lj_value call_one_hot(struct lj_checker *c,
                                    const struct lj_function *function,
                                    const struct lj_value *arguments,
                                    const struct lj_syntax *at)
{
  lj_id index = lj_as_node(c, &arguments[0], "one_hot()"), hit;
  struct lj_size size;
  uint32_t rank;

  (void)function;
  if (!index || !is_index(c, index, &arguments[0], at))
    return lj_error_value;
  if (!counts_inner(c, &arguments[1], &size, at))
    return lj_error_value;
  rank = lj_at(c, index)->rank;
  if (rank >= LOSSJIT_MAX_RANK) {
    lj_report(c->diags, LJ_D_RANK_LIMIT, lj_place(c, at->span),
              lj_integer_text(c, rank + 1), lj_integer_text(c, LOSSJIT_MAX_RANK));
    return lj_error_value;
  }
  index = lj_expand_dims(c->graph, index, 1u << rank);
  hit = lj_apply2(c->graph, LJ_OP_EQUAL, index, lj_iota(c->graph, size));
  return lj_node_value(lj_cast(c->graph, c->float_dtype, hit), at);
}

static bool refuse_gather(struct lj_checker *c, lj_id x, lj_id index, uint32_t axis,
                          const struct lj_value *value, const struct lj_syntax *at)
{
  struct lj_report *report =
      lj_report(c->diags, LJ_D_SHAPE_MISMATCH, lj_place(c, at->span),
                lj_shape_text(c, x), lj_shape_text(c, index));
  struct lj_text wanted = {.arena = c->arena};
  struct lj_size shape[LOSSJIT_MAX_RANK];
  struct lj_span nowhere = {0, 0, 0};
  uint32_t rank = 0;

  for (uint32_t k = 0; k < lj_at(c, x)->rank; k++)
    if (k != axis)
      shape[rank++] = lj_at(c, x)->shape[k];
  lj_shape_print(&wanted, c->graph, rank, shape);
  lj_note(c->diags, report, nowhere,
          "gather() picks one value along axis %u: the indices need shape %s", axis,
          wanted.text);
  if (lj_at(c, index)->rank == lj_at(c, x)->rank)
    fix_column(c, report, index, value);
  lj_trace(c, report, at->span);
  return false;
}

static bool index_fits(struct lj_checker *c, lj_id x, lj_id index, uint32_t axis,
                       const struct lj_value *value, const struct lj_syntax *at)
{
  const struct lj_node *from = lj_at(c, x), *places = lj_at(c, index);
  bool pending = false;

  if (places->rank + 1 != from->rank)
    return refuse_gather(c, x, index, axis, value, at);
  for (uint32_t k = 0; k < places->rank; k++) {
    struct lj_size a = from->shape[k < axis ? k : k + 1], b = places->shape[k];
    bool later = false;
    if (lj_size_is(a, 1) != lj_size_is(b, 1) ||
        !lj_sizes_agree(c, a, b, at->span, &later))
      return refuse_gather(c, x, index, axis, value, at);
    pending |= later;
  }
  return !pending;
}

/* gather(x, index, axis=-1): along one axis, the element that the index of each
 * remaining element names. */
static struct lj_value call_gather(struct lj_checker *c,
                                   const struct lj_function *function,
                                   const struct lj_value *arguments,
                                   const struct lj_syntax *at)
{
  lj_id x = lj_as_node(c, &arguments[0], "gather()");
  lj_id index = x ? lj_as_node(c, &arguments[1], "gather()") : 0;
  uint32_t rank, axis;

  (void)function;
  if (!index || !is_index(c, index, &arguments[1], at))
    return lj_error_value;
  rank = lj_at(c, x)->rank;
  axis = rank - 1;
  if (!rank)
    return lj_bad_argument(c, at, &arguments[0], "a single number has no axis");
  if (arguments[2].kind != LJ_V_ABSENT && !lj_as_axis(c, &arguments[2], x, rank, &axis))
    return lj_error_value;
  if (lj_batch_axes(c, x) >> axis & 1 && !c->trusted) {
    lj_refuse(c, at->span, "gathering samples of the batch",
              "gather() works along an inner axis");
    return lj_error_value;
  }
  if (!c->trusted && !index_fits(c, x, index, axis, &arguments[1], at))
    return lj_error_value;
  return lj_node_value(lj_gather(c->graph, x, index, axis), at);
}

/* ---- constant arrays ------------------------------------------------------------- */

static struct lj_value fill_like(struct lj_checker *c, lj_id x, lj_id value,
                                 const struct lj_syntax *at)
{
  const struct lj_node *like = lj_at(c, x);

  value = lj_cast(c->graph, (enum lj_dtype)like->dtype, value);
  return lj_node_value(lj_broadcast_to(c->graph, value, like->rank, like->shape), at);
}

static struct lj_value call_full_like(struct lj_checker *c,
                                      const struct lj_function *function,
                                      const struct lj_value *arguments,
                                      const struct lj_syntax *at)
{
  lj_id x = lj_as_node(c, &arguments[0], "full_like()");
  lj_id value = x ? lj_as_node(c, &arguments[1], "full_like()") : 0;

  (void)function;
  if (!value)
    return lj_error_value;
  if (lj_at(c, value)->rank)
    return lj_bad_argument(c, at, &arguments[1], "the value is a single number");
  return fill_like(c, x, value, at);
}

static struct lj_value call_zeros_like(struct lj_checker *c,
                                       const struct lj_function *function,
                                       const struct lj_value *arguments,
                                       const struct lj_syntax *at)
{
  lj_id x = lj_as_node(c, &arguments[0], "zeros_like()");

  (void)function;
  return x ? fill_like(c, x, lj_integer(c->graph, 0), at) : lj_error_value;
}

static struct lj_value call_ones_like(struct lj_checker *c,
                                      const struct lj_function *function,
                                      const struct lj_value *arguments,
                                      const struct lj_syntax *at)
{
  lj_id x = lj_as_node(c, &arguments[0], "ones_like()");

  (void)function;
  return x ? fill_like(c, x, lj_integer(c->graph, 1), at) : lj_error_value;
}

/* ---- types ----------------------------------------------------------------------- */

static const struct {
  const char *name;
  enum lj_dtype dtype; /* LJ_NO_DTYPE: the text's float type */
} dtypes[] = {
    {"f32", LJ_F32}, {"f64", LJ_F64},   {"i32", LJ_I32},
    {"i64", LJ_I64}, {"bool", LJ_BOOL}, {"float", LJ_NO_DTYPE},
};

enum lj_dtype lj_dtype_of_name(struct lj_checker *c, const char *name,
                               struct lj_span span)
{
  const char *names[LJ_COUNT(dtypes)], *near;
  struct lj_report *report;

  for (size_t i = 0; i < LJ_COUNT(dtypes); i++) {
    names[i] = dtypes[i].name;
    if (strcmp(name, dtypes[i].name))
      continue;
    return dtypes[i].dtype ? dtypes[i].dtype : c->float_dtype;
  }
  report = lj_report(c->diags, LJ_D_BAD_DTYPE, lj_place(c, span), name);
  near = lj_foreign(LJ_FOREIGN_VALUE, name);
  if (!near)
    near = lj_nearest(name, names, LJ_COUNT(names));
  lj_fix(c->diags, report, lj_place(c, span), span.source ? NULL : near,
         "the types are f32, f64, i32, i64 and bool");
  lj_trace(c, report, span);
  return LJ_NO_DTYPE;
}

static struct lj_value call_cast(struct lj_checker *c,
                                 const struct lj_function *function,
                                 const struct lj_value *arguments,
                                 const struct lj_syntax *at)
{
  lj_id x = lj_as_node(c, &arguments[0], "cast()");
  const struct lj_syntax *name = arguments[1].syntax;
  enum lj_dtype dtype = c->float_dtype;

  (void)function;
  if (!x)
    return lj_error_value;
  if (arguments[1].kind != LJ_V_ABSENT) {
    if (name->kind != LJ_S_NAME)
      return lj_bad_argument(c, at, &arguments[1],
                             "the type is one of f32 f64 i32 i64 bool");
    dtype = lj_dtype_of_name(c, name->name, name->span);
    if (dtype == LJ_NO_DTYPE)
      return lj_error_value;
  }
  return lj_node_value(lj_cast(c->graph, dtype, x), at);
}

/* ---- the table ------------------------------------------------------------------- */

const struct lj_function lj_other_functions[] = {
    {.name = "shape", .call = call_shape, .parameters = {"x"}, .required = 1},
    {.name = "size", .call = call_size, .parameters = {"x", "axis"}, .required = 1},
    {.name = "arange", .call = call_arange, .parameters = {"n"}, .required = 1},
    {.name = "one_hot", .call = call_one_hot, .parameters = {"x", "n"}, .required = 2},
    {.name = "gather",
     .call = call_gather,
     .parameters = {"x", "index", "axis"},
     .required = 2},
    {.name = "full_like",
     .call = call_full_like,
     .parameters = {"x", "value"},
     .required = 2},
    {.name = "zeros_like", .call = call_zeros_like, .parameters = {"x"}, .required = 1},
    {.name = "ones_like", .call = call_ones_like, .parameters = {"x"}, .required = 1},
    {.name = "cast",
     .call = call_cast,
     .parameters = {"x", "dtype"},
     .required = 1,
     .as_written = 2},
};
const size_t lj_other_function_count = LJ_COUNT(lj_other_functions);
