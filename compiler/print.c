/*
 * Printing: a graph as text of the language, which reads back to the same values.
 *
 * The graph is made into a syntax tree, and that is printed by syntax_print.c, which
 * knows about parentheses. A node that is used several times and is long enough becomes
 * a binding; leaves and short forms are repeated, as a person would write them. Nesting
 * is bounded by bindings too, so that what is printed can be parsed under any depth
 * limit.
 *
 * The text reads back to equal values, not to an equal graph: with a power of two,
 * (2*x)*y is printed for 2*(x*y), which is exact (see fold.c), and -x*y for -(x*y).
 */
#include "compiler/print.h"
#include "compiler/syntax.h"
#include "compiler/walk.h"

#include <string.h>

/* A repeated part is bound when repeating it would cost more characters than this. */
#define REPEAT_LIMIT 24
/* No part is nested deeper than this without a name. */
#define NESTING_LIMIT 24

/* ---- what is bound --------------------------------------------------------------- */

static bool is_leaf(const struct lj_node *node)
{
  return node->operand_count == 0 && node->op != LJ_OP_TABLE;
}

/* Characters of the form itself, roughly. */
static uint32_t own_length(const struct lj_printer *p, const struct lj_node *node)
{
  enum lj_op op = (enum lj_op)node->op;
  uint32_t length = (uint32_t)strlen(lj_op_table[op].name) + 2;

  if (op == LJ_OP_INPUT)
    return (uint32_t)strlen(p->graph->inputs[node->index].name);
  if (op == LJ_OP_TABLE) {
    uint32_t count = 1;
    for (uint32_t k = 0; k < node->rank && count < 1000; k++)
      count *= (uint32_t)node->shape[k].offset;
    return 5 * count;
  }
  if (op == LJ_OP_SIZE)
    return 16;
  if (op >= LJ_OP_NEGATIVE && op <= LJ_OP_DIVIDE)
    return 3;
  return lj_op_is_row(op) ? length + 8 : length;
}

static void choose_name(struct lj_printer *p, lj_id id, uint32_t *number)
{
  const struct lj_graph *graph = p->graph;
  const char *name;
  bool taken;

  do {
    name = lj_format(p->arena, "t%u", ++*number);
    taken = false;
    for (uint32_t i = 0; i < graph->input_count; i++)
      taken |= !strcmp(graph->inputs[i].name, name);
    for (uint32_t i = 0; i < graph->parameter_count; i++)
      taken |= !strcmp(graph->parameters[i].name, name);
    for (uint32_t i = LJ_SYMBOL_BATCH; i < graph->symbol_count; i++)
      taken |= !strcmp(graph->symbols[i], name);
  } while (taken);
  p->names[id] = name;
}

static uint32_t *count_uses(const struct lj_printer *p, lj_id root)
{
  uint32_t *uses = LJ_NEW_ARRAY(p->arena, uint32_t, (size_t)root + 1);

  for (lj_id id = 1; id <= root; id++)
    for (int i = 0; p->needed[id] && i < lj_node_at(p->graph, id)->operand_count; i++)
      uses[lj_node_at(p->graph, id)->operand[i]]++;
  return uses;
}

/* Operands first: the length of a form counts bound operands as short. So a part
 * that is repeated and not bound is never long, and the text is linear in the graph. */
static void choose_bindings(struct lj_printer *p, lj_id root)
{
  const uint32_t *uses = count_uses(p, root);
  uint32_t *length = LJ_NEW_ARRAY(p->arena, uint32_t, (size_t)root + 1);
  uint32_t *depth = LJ_NEW_ARRAY(p->arena, uint32_t, (size_t)root + 1);
  uint32_t number = 0;

  for (lj_id id = 1; id <= root; id++) {
    const struct lj_node *node = lj_node_at(p->graph, id);
    if (!p->needed[id])
      continue;
    length[id] = own_length(p, node);
    for (int i = 0; i < node->operand_count; i++) {
      lj_id operand = node->operand[i];
      length[id] += p->names[operand] ? 2 : length[operand];
      if (!p->names[operand] && depth[operand] >= depth[id])
        depth[id] = depth[operand] + 1;
    }
    bool of_leaf = node->operand_count == 1 &&
                   is_leaf(lj_node_at(p->graph, node->operand[0])) &&
                   (node->op == LJ_OP_VIEW || node->op == LJ_OP_NEGATIVE);
    bool repeated = uses[id] > 1 && (uses[id] - 1) * length[id] > REPEAT_LIMIT;
    if (id == root || is_leaf(node) || of_leaf)
      continue;
    if (repeated || depth[id] >= NESTING_LIMIT)
      choose_name(p, id, &number);
  }
}

/* ---- declarations ---------------------------------------------------------------- */

static struct lj_statement declare_input(struct lj_printer *p,
                                         const struct lj_input *input)
{
  struct lj_statement statement = {.kind = LJ_STATEMENT_DECLARE, .name = input->name};

  statement.dtype_name = lj_dtype_name((enum lj_dtype)input->dtype);
  statement.has_sizes = true;
  statement.size_count = input->rank;
  statement.sizes = LJ_NEW_ARRAY(p->arena, struct lj_syntax_size, input->rank);
  for (uint32_t k = 0; k < input->rank; k++) {
    struct lj_size size = input->shape[k];
    statement.sizes[k].number = size.offset;
    if (size.symbol)
      statement.sizes[k].name = p->graph->symbols[size.symbol];
  }
  return statement;
}

static struct lj_statement declare_parameter(struct lj_printer *p,
                                             const struct lj_parameter *parameter)
{
  return (struct lj_statement){.kind = LJ_STATEMENT_DECLARE,
                               .name = parameter->name,
                               .dtype_name = lj_dtype_name(LJ_F32),
                               .value = lj_print_float(p, parameter->value)};
}

static void add_declarations(struct lj_printer *p, struct lj_program *program)
{
  const struct lj_graph *graph = p->graph;

  for (uint32_t i = 0; i < graph->input_count; i++)
    if (p->declared[i] || p->needed[graph->inputs[i].node])
      program->statements[program->statement_count++] =
          declare_input(p, &graph->inputs[i]);
  for (uint32_t i = 0; i < graph->parameter_count; i++)
    if (p->needed[graph->parameters[i].node])
      program->statements[program->statement_count++] =
          declare_parameter(p, &graph->parameters[i]);
}

/* ---- the program ----------------------------------------------------------------- */

static void add_bindings(struct lj_printer *p, lj_id root, struct lj_program *program)
{
  for (lj_id id = 1; id < root; id++)
    if (p->needed[id] && p->names[id])
      program->statements[program->statement_count++] =
          (struct lj_statement){.kind = LJ_STATEMENT_BIND,
                                .name = p->names[id],
                                .value = lj_print_form(p, id)};
}

void lj_graph_print(struct lj_text *to, const struct lj_graph *graph, lj_id root,
                    bool with_declarations)
{
  size_t size = (size_t)graph->node_count + 1;
  struct lj_printer p = {.graph = graph, .arena = graph->arena};
  struct lj_program program = {0}, declarations = {0};

  p.needed = lj_needed(graph, &root, 1);
  p.names = LJ_NEW_ARRAY(p.arena, const char *, size);
  p.firm = LJ_NEW_ARRAY(p.arena, bool, size);
  p.declared = LJ_NEW_ARRAY(p.arena, bool, graph->input_count + 1);
  p.context = LJ_NEW_ARRAY(p.arena, enum lj_dtype, size);
  choose_bindings(&p, root);
  lj_print_settle(&p, root);
  program.statements = LJ_NEW_ARRAY(p.arena, struct lj_statement, size);
  add_bindings(&p, root, &program);
  program.value = lj_print_form(&p, root);
  if (with_declarations) { /* printing decided which inputs give their sizes */
    declarations.statements = LJ_NEW_ARRAY(
        p.arena, struct lj_statement, graph->input_count + graph->parameter_count + 1);
    add_declarations(&p, &declarations);
    lj_syntax_print(to, &declarations);
  }
  lj_syntax_print(to, &program);
}
