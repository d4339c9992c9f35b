/*
 * A graph as text, one node per line, for `show --stage graph` and for debug
 * information:
 *
 *   %4 = input y_pred                                 f32(batch, 2)
 *   %7 = square %6                                    f32(batch, 2)
 *   %9 = sum %8 axis=[1]                              f32(batch,)
 *   %3 = view %2 [:, 0]  ->  reads by operand axis    f32(batch,)
 *
 * Only what the roots need is shown, in the order of ids, which is topological.
 */
#include "compiler/graph.h"

#include <inttypes.h>
#include <math.h>

static void mark(const struct lj_graph *graph, bool *needed, const lj_id *roots,
                 uint32_t root_count)
{
  for (uint32_t i = 0; i < root_count; i++)
    if (roots[i])
      needed[roots[i]] = true;
  for (lj_id id = graph->node_count; id > 0; id--) {
    if (!needed[id])
      continue;
    for (int i = 0; i < graph->nodes[id].operand_count; i++)
      needed[graph->nodes[id].operand[i]] = true;
  }
}

static void print_number(struct lj_text *to, double value)
{
  if (isnan(value))
    lj_text_add(to, "nan");
  else if (isinf(value))
    lj_text_add(to, value < 0 ? "-inf" : "inf");
  else
    lj_number_print(to, value);
}

static void print_table(struct lj_text *to, const struct lj_node *node)
{
  int64_t count = 1;

  for (uint32_t axis = 0; axis < node->rank; axis++)
    count *= node->shape[axis].offset;
  lj_text_add(to, " {");
  for (int64_t i = 0; i < count && i < 8; i++) {
    if (i)
      lj_text_add(to, ", ");
    print_number(to, node->table[i]);
  }
  lj_text_add(to, count > 8 ? ", ...}" : "}");
}

/* One read per operand axis: start, then "+step*axis" of the view or pad. */
static void print_reads(struct lj_text *to, const struct lj_graph *graph,
                        const struct lj_node *node)
{
  uint32_t count = lj_node_at(graph, node->operand[0])->rank;

  lj_text_add(to, " [");
  for (uint32_t k = 0; k < count; k++) {
    const struct lj_read *read = &node->reads[k];
    if (k)
      lj_text_add(to, ", ");
    lj_size_print(to, graph, read->start);
    if (read->axis >= 0)
      lj_text_add(to, " + %" PRId64 "*i%" PRId32, read->step, read->axis);
  }
  lj_text_add(to, "]");
}

static void print_axes(struct lj_text *to, uint32_t axes)
{
  const char *before = " axis=[";

  for (uint32_t axis = 0; axis < LOSSJIT_MAX_RANK; axis++) {
    if (!(axes >> axis & 1))
      continue;
    lj_text_add(to, "%s%" PRIu32, before, axis);
    before = ", ";
  }
  lj_text_add(to, *before == ' ' ? " axis=[]" : "]");
}

static void print_payload(struct lj_text *to, const struct lj_graph *graph,
                          const struct lj_node *node)
{
  switch (node->op) {
  case LJ_OP_INPUT:
    lj_text_add(to, " %s", graph->inputs[node->index].name);
    break;
  case LJ_OP_PARAMETER:
    lj_text_add(to, " %s", graph->parameters[node->index].name);
    break;
  case LJ_OP_CONSTANT:
    lj_text_add(to, " ");
    print_number(to, node->number);
    break;
  case LJ_OP_TABLE:
    print_table(to, node);
    break;
  case LJ_OP_SIZE:
    lj_text_add(to, " ");
    lj_size_print(to, graph, node->size);
    break;
  case LJ_OP_VIEW:
  case LJ_OP_PAD:
    print_reads(to, graph, node);
    break;
  case LJ_OP_GATHER:
    lj_text_add(to, " axis=%" PRIu32, node->axes);
    break;
  default:
    if (lj_op_is_row((enum lj_op)node->op))
      print_axes(to, node->axes);
  }
}

static void print_node(struct lj_text *to, const struct lj_graph *graph, lj_id id)
{
  const struct lj_node *node = lj_node_at(graph, id);
  size_t begin = to->length;

  lj_text_add(to, "%%%" PRIu32 " = %s", id, lj_op_table[node->op].name);
  for (int i = 0; i < node->operand_count; i++)
    lj_text_add(to, " %%%" PRIu32, node->operand[i]);
  print_payload(to, graph, node);
  size_t width = to->length - begin;
  lj_text_add(to, "%*s", width < 48 ? (int)(48 - width) + 2 : 2, "");
  lj_text_add(to, "%s", lj_dtype_name((enum lj_dtype)node->dtype));
  lj_shape_print(to, graph, node->rank, node->shape);
  lj_text_add(to, "\n");
}

void lj_graph_dump(struct lj_text *to, const struct lj_graph *graph, const lj_id *roots,
                   uint32_t root_count)
{
  bool *needed = LJ_NEW_ARRAY(graph->arena, bool, (size_t)graph->node_count + 1);

  mark(graph, needed, roots, root_count);
  for (lj_id id = 1; id <= graph->node_count; id++)
    if (needed[id])
      print_node(to, graph, id);
}
