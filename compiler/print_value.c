/*
 * Leaves, operators and reductions as syntax.
 *
 * Operators with a symbol print with it, all others as calls by the name in the table.
 */
#include "compiler/fold.h"
#include "compiler/print.h"
#include "compiler/syntax.h"

static lj_syntax *table_part(struct lj_printer *p, const struct lj_node *node,
                             enum lj_dtype context, uint32_t axis,
                             const double **values)
{
  lj_syntax *list = lj_print_list(p);

  for (int64_t i = 0; i < node->shape[axis].offset; i++) {
    lj_syntax *item;
    if (axis + 1u < node->rank)
      item = table_part(p, node, context, axis + 1, values);
    else
      item = lj_print_number(p, (enum lj_dtype)node->dtype, context, *(*values)++);
    lj_print_add(p, list, NULL, item);
  }
  return list;
}

/* ---- operators ------------------------------------------------------------------- */

static bool has_symbol(enum lj_op op)
{
  return (op >= LJ_OP_NEGATIVE && op <= LJ_OP_MOD) ||
         (op >= LJ_OP_EQUAL && op <= LJ_OP_NOT);
}

static bool is_product(const struct lj_node *node)
{
  return (node->op == LJ_OP_MULTIPLY || node->op == LJ_OP_DIVIDE) &&
         lj_dtype_is_float((enum lj_dtype)node->dtype);
}

static lj_syntax *print_operand(struct lj_printer *p, const struct lj_node *node, int i)
{
  return lj_print_node(p, node->operand[i]);
}

/* factor*(a*b) as factor*a*b, for factors that are powers of two, and signs. A constant
 * that the product begins with takes the factor in. */
static lj_syntax *spread(struct lj_printer *p, double factor, lj_id id)
{
  const struct lj_node *node = lj_node_at(p->graph, id);
  lj_syntax *left;

  if (!p->names[id] && is_product(node)) {
    left = spread(p, factor, node->operand[0]);
    return lj_print_binary(p, lj_op_table[node->op].name, left,
                           print_operand(p, node, 1));
  }
  if (node->op == LJ_OP_CONSTANT && lj_dtype_is_weak((enum lj_dtype)node->dtype))
    return lj_print_number(p, LJ_WEAK_FLOAT, LJ_F64, factor * node->number);
  if (factor == -1)
    return lj_print_unary(p, "negative", lj_print_node(p, id));
  return lj_print_binary(p, "multiply",
                         lj_print_number(p, LJ_WEAK_FLOAT, LJ_F64, factor),
                         lj_print_node(p, id));
}

static lj_syntax *print_symbol(struct lj_printer *p, const struct lj_node *node)
{
  const char *name = lj_op_table[node->op].name;
  double factor;

  if (node->op == LJ_OP_NEGATIVE)
    return spread(p, -1, node->operand[0]);
  if (node->op == LJ_OP_NOT)
    return lj_print_unary(p, name, print_operand(p, node, 0));
  if (node->op == LJ_OP_MULTIPLY && lj_dtype_is_float((enum lj_dtype)node->dtype) &&
      lj_is_power_of_two(p->graph, node->operand[0], &factor) &&
      is_product(lj_operand(p->graph, node, 1)))
    return spread(p, factor, node->operand[1]);
  return lj_print_binary(p, name, print_operand(p, node, 0), print_operand(p, node, 1));
}

/* cast(arange(n) == i[..., None]) is one_hot(i, n). */
static lj_syntax *as_one_hot(struct lj_printer *p, const struct lj_node *node)
{
  const struct lj_graph *graph = p->graph;
  const struct lj_node *equal = lj_operand(graph, node, 0);

  if (equal->op != LJ_OP_EQUAL || p->names[node->operand[0]])
    return NULL;
  for (int i = 0; i < 2; i++) {
    const struct lj_node *places = lj_operand(graph, equal, i);
    lj_id view = equal->operand[1 - i];
    const struct lj_node *index = lj_node_at(graph, view);
    if (places->op != LJ_OP_IOTA || index->op != LJ_OP_VIEW || p->names[view])
      continue;
    const struct lj_node *label = lj_operand(graph, index, 0);
    bool last = index->rank == label->rank + 1u &&
                lj_dtype_is_integer((enum lj_dtype)label->dtype) &&
                places->shape[0].symbol != LJ_SYMBOL_BATCH;
    for (uint32_t k = 0; last && k < label->rank; k++)
      last = index->reads[k].axis == (int32_t)k && index->reads[k].step == 1 &&
             lj_size_is(index->reads[k].start, 0) &&
             lj_size_equal(index->shape[k], label->shape[k]);
    if (!last || !lj_size_is(index->shape[index->rank - 1], 1))
      continue;
    lj_syntax *call = lj_print_call(p, "one_hot");
    lj_print_add(p, call, NULL, lj_print_node(p, index->operand[0]));
    lj_print_add(p, call, NULL, lj_print_size(p, places->shape[0]));
    return call;
  }
  return NULL;
}

/* Where f32 is what the value will be anyway, the dtype need not be written. */
static lj_syntax *print_cast(struct lj_printer *p, const struct lj_node *node,
                             enum lj_dtype context)
{
  enum lj_dtype dtype = (enum lj_dtype)node->dtype;
  enum lj_dtype from = (enum lj_dtype)lj_operand(p->graph, node, 0)->dtype;
  bool settled = dtype == LJ_F32 && lj_dtype_is_float(context);
  lj_syntax *call = settled ? as_one_hot(p, node) : NULL;

  if (call)
    return call;
  if (lj_dtype_is_weak(dtype) ||
      (lj_dtype_is_weak(from) && lj_print_settles(context, dtype)))
    return print_operand(p, node, 0);
  call = lj_print_call(p, "cast");
  lj_print_add(p, call, NULL, print_operand(p, node, 0));
  if (!settled || from != LJ_BOOL)
    lj_print_add(p, call, NULL, lj_print_name(p, lj_dtype_name(dtype)));
  return call;
}

static lj_syntax *print_elementwise(struct lj_printer *p, const struct lj_node *node,
                                    enum lj_dtype context)
{
  enum lj_op op = (enum lj_op)node->op;
  lj_syntax *call;

  if (has_symbol(op))
    return print_symbol(p, node);
  if (op == LJ_OP_CAST)
    return print_cast(p, node, context);
  call = lj_print_call(p, lj_op_table[op].name);
  for (int i = 0; i < node->operand_count; i++)
    lj_print_add(p, call, NULL, print_operand(p, node, i));
  return call;
}

/* ---- along axes ------------------------------------------------------------------ */

void lj_print_axes(struct lj_printer *p, lj_syntax *call, uint32_t axes, uint32_t rank)
{
  lj_syntax *list;

  if (axes == 1u << (rank - 1) && rank > 1) {
    lj_print_add(p, call, "axis", lj_print_integer(p, -1));
    return;
  }
  if (axes && !(axes & (axes - 1))) {
    lj_print_add(p, call, "axis", lj_print_integer(p, __builtin_ctz(axes)));
    return;
  }
  list = lj_print_list(p);
  for (uint32_t k = 0; k < rank; k++)
    if (axes >> k & 1)
      lj_print_add(p, list, NULL, lj_print_integer(p, k));
  lj_print_add(p, call, "axis", list);
}

static lj_syntax *print_row(struct lj_printer *p, const struct lj_node *node)
{
  uint32_t rank = lj_operand(p->graph, node, 0)->rank;
  bool all = node->axes == (1u << rank) - 1;
  lj_syntax *call = lj_print_call(p, lj_op_table[node->op].name);

  lj_print_add(p, call, NULL, lj_print_node(p, node->operand[0]));
  if (!all || !lj_op_is_reduction((enum lj_op)node->op))
    lj_print_axes(p, call, node->axes, rank);
  return call;
}

static lj_syntax *print_gather(struct lj_printer *p, const struct lj_node *node)
{
  lj_syntax *call = lj_print_call(p, "gather");

  lj_print_add(p, call, NULL, lj_print_node(p, node->operand[0]));
  lj_print_add(p, call, NULL, lj_print_node(p, node->operand[1]));
  if (node->axes + 1u != lj_operand(p->graph, node, 0)->rank)
    lj_print_add(p, call, "axis", lj_print_integer(p, node->axes));
  return call;
}

/* ---- nodes ----------------------------------------------------------------------- */

static lj_syntax *print_leaf(struct lj_printer *p, const struct lj_node *node,
                             enum lj_dtype context)
{
  enum lj_dtype dtype = (enum lj_dtype)node->dtype;
  const double *values = node->table;
  lj_syntax *call;

  switch ((enum lj_op)node->op) {
  case LJ_OP_INPUT:
    return lj_print_name(p, p->graph->inputs[node->index].name);
  case LJ_OP_PARAMETER:
    return lj_print_name(p, p->graph->parameters[node->index].name);
  case LJ_OP_CONSTANT:
    return lj_print_typed(p, dtype, context,
                          lj_print_number(p, dtype, context, node->number));
  case LJ_OP_TABLE:
    return lj_print_typed(p, dtype, context, table_part(p, node, context, 0, &values));
  case LJ_OP_SIZE:
    return lj_print_size(p, node->size);
  default:
    break;
  }
  LJ_CHECK(p->graph->trap, node->op == LJ_OP_IOTA);
  call = lj_print_call(p, "arange");
  lj_print_add(p, call, NULL, lj_print_size(p, node->shape[0]));
  return call;
}

lj_syntax *lj_print_form(struct lj_printer *p, lj_id id)
{
  const struct lj_node *node = lj_node_at(p->graph, id);
  enum lj_op op = (enum lj_op)node->op;

  if (op == LJ_OP_VIEW)
    return lj_print_view(p, node);
  if (op == LJ_OP_PAD)
    return lj_print_pad(p, node);
  if (op == LJ_OP_GATHER)
    return print_gather(p, node);
  if (lj_op_is_row(op))
    return print_row(p, node);
  return lj_op_is_elementwise(op) ? print_elementwise(p, node, p->context[id])
                                  : print_leaf(p, node, p->context[id]);
}

lj_syntax *lj_print_node(struct lj_printer *p, lj_id id)
{
  return p->names[id] ? lj_print_name(p, p->names[id]) : lj_print_form(p, id);
}

/* Does the node print in its own dtype, without help from the context? Constants do
 * not: that is what contexts are for. */
static bool is_firm(const struct lj_printer *p, const struct lj_node *node)
{
  enum lj_op op = (enum lj_op)node->op;
  int first = op == LJ_OP_WHERE;

  if (op == LJ_OP_INPUT)
    return true;
  if (op == LJ_OP_CAST)
    return !lj_dtype_is_weak((enum lj_dtype)lj_operand(p->graph, node, 0)->dtype);
  if (node->dtype == LJ_BOOL)
    return true;
  for (int i = first; i < node->operand_count; i++) {
    const struct lj_node *operand = lj_operand(p->graph, node, i);
    bool settles = operand->dtype == node->dtype ||
                   (lj_op_table[op].type == LJ_TYPE_FLOAT &&
                    !lj_dtype_is_weak((enum lj_dtype)operand->dtype));
    if (p->firm[node->operand[i]] && settles)
      return true;
  }
  return false;
}

/* The dtype that operand i takes because of the others, or of the node's context. */
static enum lj_dtype operand_context(const struct lj_printer *p,
                                     const struct lj_node *node, int i,
                                     enum lj_dtype context)
{
  enum lj_op op = (enum lj_op)node->op;
  enum lj_op_type type = (enum lj_op_type)lj_op_table[op].type;
  int first = type == LJ_TYPE_CHOICE;

  if (op == LJ_OP_VIEW || op == LJ_OP_PAD || op == LJ_OP_GATHER)
    return i == 0 ? context : LJ_NO_DTYPE;
  if (!lj_op_is_elementwise(op) || i < first)
    return LJ_NO_DTYPE;
  if (type == LJ_TYPE_LOGICAL || type == LJ_TYPE_TEST)
    return LJ_NO_DTYPE;
  if (type == LJ_TYPE_CAST)
    return lj_dtype_is_weak((enum lj_dtype)lj_operand(p->graph, node, i)->dtype)
               ? context
               : LJ_NO_DTYPE;
  for (int j = first; j < node->operand_count; j++) {
    enum lj_dtype other = (enum lj_dtype)lj_operand(p->graph, node, j)->dtype;
    if (j != i && p->firm[node->operand[j]] && !lj_dtype_is_weak(other))
      return other;
  }
  return type == LJ_TYPE_COMPARE ? LJ_NO_DTYPE : context;
}

/* Firmness goes from operands to users, contexts from users to operands. A node that is
 * used in different contexts has none. The result has to be floating, no more. */
void lj_print_settle(struct lj_printer *p, lj_id root)
{
  bool *met = LJ_NEW_ARRAY(p->arena, bool, (size_t)root + 1);

  for (lj_id id = 1; id <= root; id++)
    if (p->needed[id])
      p->firm[id] = is_firm(p, lj_node_at(p->graph, id));
  if (lj_dtype_is_float((enum lj_dtype)lj_node_at(p->graph, root)->dtype))
    p->context[root] = LJ_WEAK_FLOAT;
  for (lj_id id = root; id > 0; id--) {
    const struct lj_node *node = lj_node_at(p->graph, id);
    for (int i = 0; p->needed[id] && i < node->operand_count; i++) {
      lj_id operand = node->operand[i];
      enum lj_dtype context = operand_context(p, node, i, p->context[id]);
      bool differs = met[operand] && p->context[operand] != context;
      p->context[operand] = differs ? LJ_NO_DTYPE : context;
      met[operand] = true;
    }
  }
}
