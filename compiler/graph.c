/*
 * The graph: every node once, and the leaves.
 *
 * Constructors (the leaves here, operators and views in nodes.c) fill a struct lj_node
 * on the stack and hand it to lj_graph_make, which asks the folder (when the graph
 * folds), then the hash table, and only then adds a node, copying its arrays into the
 * arena.
 *
 * Operand order is kept as the text has it. Canonical order of commuting operands is
 * the folder's affair, so that what a person wrote prints as it was written.
 */
#include "compiler/passes.h"

#include <string.h>

void lj_graph_init(struct lj_graph *graph, struct lj_arena *arena, uint32_t node_limit)
{
  memset(graph, 0, sizeof *graph);
  graph->arena = arena;
  graph->trap = arena->trap;
  graph->node_limit = node_limit;
  graph->node_capacity = 256;
  graph->nodes = LJ_NEW_ARRAY(arena, struct lj_node, graph->node_capacity);
  graph->bucket_count = 512;
  graph->buckets = LJ_NEW_ARRAY(arena, uint32_t, graph->bucket_count);
  graph->symbol_capacity = 8;
  graph->symbols = LJ_NEW_ARRAY(arena, const char *, graph->symbol_capacity);
  graph->symbols[LJ_SYMBOL_BATCH] = "batch";
  graph->symbol_count = 2;
}

uint32_t lj_graph_symbol(struct lj_graph *graph, const char *name)
{
  for (uint32_t i = LJ_SYMBOL_BATCH; i < graph->symbol_count; i++)
    if (!strcmp(graph->symbols[i], name))
      return i;
  LJ_GROW(graph->arena, graph->symbols, graph->symbol_count, graph->symbol_capacity);
  graph->symbols[graph->symbol_count] = lj_copy_text(graph->arena, name, strlen(name));
  return graph->symbol_count++;
}

/* ---- hash-consing ---------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
  hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
  return hash ^ hash >> 29;
}

static uint64_t bits_of(double value)
{
  uint64_t bits;

  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static uint64_t mix_size(uint64_t hash, struct lj_size size)
{
  return mix(mix(hash, (uint64_t)size.offset),
             (uint64_t)(uint32_t)size.scale << 32 | size.symbol);
}

static size_t table_length(const struct lj_node *node)
{
  size_t count = 1;

  for (uint32_t axis = 0; axis < node->rank; axis++)
    count *= (size_t)node->shape[axis].offset;
  return count;
}

static uint32_t read_count(const struct lj_graph *graph, const struct lj_node *node)
{
  return node->reads ? lj_node_at(graph, node->operand[0])->rank : 0;
}

static uint64_t hash_node(const struct lj_graph *graph, const struct lj_node *node)
{
  uint64_t hash = node->op | (uint64_t)node->dtype << 8 | (uint64_t)node->rank << 16;

  for (int i = 0; i < 3; i++)
    hash = mix(hash, node->operand[i]);
  hash = mix(hash, (uint64_t)node->index << 32 | node->axes);
  hash = mix_size(mix(hash, bits_of(node->number)), node->size);
  for (uint32_t axis = 0; axis < node->rank; axis++)
    hash = mix_size(hash, node->shape[axis]);
  for (uint32_t k = 0; k < read_count(graph, node); k++) {
    hash = mix_size(hash, node->reads[k].start);
    hash = mix(mix(hash, (uint64_t)node->reads[k].step), (uint64_t)node->reads[k].axis);
  }
  if (node->table)
    for (size_t i = 0; i < table_length(node); i++)
      hash = mix(hash, bits_of(node->table[i]));
  return hash ^ hash >> 32;
}

static bool same_reads(const struct lj_read *a, const struct lj_read *b, uint32_t count)
{
  for (uint32_t k = 0; k < count; k++)
    if (!lj_size_equal(a[k].start, b[k].start) || a[k].step != b[k].step ||
        a[k].axis != b[k].axis)
      return false;
  return true;
}

/* Equal in everything but the span. Numbers by their bits: -0 is not 0, a NaN is
 * itself. */
static bool same_node(const struct lj_graph *graph, const struct lj_node *a,
                      const struct lj_node *b)
{
  if (a->op != b->op || a->dtype != b->dtype || a->rank != b->rank)
    return false;
  if (memcmp(a->operand, b->operand, sizeof a->operand) != 0)
    return false;
  if (a->index != b->index || a->axes != b->axes)
    return false;
  if (bits_of(a->number) != bits_of(b->number))
    return false;
  if (!lj_size_equal(a->size, b->size))
    return false;
  for (uint32_t axis = 0; axis < a->rank; axis++)
    if (!lj_size_equal(a->shape[axis], b->shape[axis]))
      return false;
  if (a->table && memcmp(a->table, b->table, table_length(a) * sizeof *a->table) != 0)
    return false;
  return !a->reads || same_reads(a->reads, b->reads, read_count(graph, a));
}

static uint32_t *bucket_of(struct lj_graph *graph, const struct lj_node *node)
{
  uint32_t mask = graph->bucket_count - 1;
  uint32_t at = (uint32_t)hash_node(graph, node) & mask;

  while (graph->buckets[at] &&
         !same_node(graph, &graph->nodes[graph->buckets[at]], node))
    at = (at + 1) & mask;
  return &graph->buckets[at];
}

static void widen_buckets(struct lj_graph *graph)
{
  graph->bucket_count *= 2;
  graph->buckets = LJ_NEW_ARRAY(graph->arena, uint32_t, graph->bucket_count);
  for (lj_id id = 1; id <= graph->node_count; id++)
    *bucket_of(graph, &graph->nodes[id]) = id;
}

static const void *copy_items(struct lj_graph *graph, const void *items, size_t size,
                              size_t count)
{
  if (!count)
    return NULL;
  return memcpy(lj_alloc_array(graph->arena, size, count), items, size * count);
}

/* Add a node that is not there yet; its arrays are copied into the arena. */
static lj_id add_node(struct lj_graph *graph, struct lj_node node)
{
  if (graph->node_count >= graph->node_limit)
    lj_trap_fail(graph->trap, LOSSJIT_INVALID,
                 "the expression needs more than %u nodes", graph->node_limit);
  if (node.reads)
    node.reads =
        copy_items(graph, node.reads, sizeof *node.reads, read_count(graph, &node));
  if (node.table)
    node.table = copy_items(graph, node.table, sizeof *node.table, table_length(&node));
  node.shape = copy_items(graph, node.shape, sizeof *node.shape, node.rank);
  node.span = graph->here;

  uint32_t used = graph->node_count + 1; /* id 0 is no node */
  LJ_GROW(graph->arena, graph->nodes, used, graph->node_capacity);
  graph->nodes[used] = node;
  return graph->node_count = used;
}

lj_id lj_graph_make(struct lj_graph *graph, const struct lj_node *node)
{
  lj_id folded = graph->fold ? lj_fold(graph, node) : 0;

  if (folded)
    return folded;
  if (graph->node_count * 2 >= graph->bucket_count)
    widen_buckets(graph);
  uint32_t *bucket = bucket_of(graph, node);
  if (!*bucket)
    *bucket = add_node(graph, *node);
  return *bucket;
}

/* ---- leaves ---------------------------------------------------------------------- */

lj_id lj_graph_input(struct lj_graph *graph, const struct lj_input *input)
{
  struct lj_node node = {.op = LJ_OP_INPUT,
                         .dtype = input->dtype,
                         .rank = input->rank,
                         .shape = input->shape,
                         .index = graph->input_count};

  LJ_CHECK(graph->trap, input->rank <= LOSSJIT_MAX_RANK);
  LJ_GROW(graph->arena, graph->inputs, graph->input_count, graph->input_capacity);
  struct lj_input *kept = &graph->inputs[graph->input_count++];
  *kept = *input;
  kept->name = lj_copy_text(graph->arena, input->name, strlen(input->name));
  return kept->node = lj_graph_make(graph, &node);
}

lj_id lj_graph_parameter(struct lj_graph *graph, const char *name, double value,
                         enum lj_role role)
{
  struct lj_node node = {
      .op = LJ_OP_PARAMETER, .dtype = LJ_WEAK_FLOAT, .index = graph->parameter_count};

  LJ_GROW(graph->arena, graph->parameters, graph->parameter_count,
          graph->parameter_capacity);
  struct lj_parameter *kept = &graph->parameters[graph->parameter_count++];
  kept->name = lj_copy_text(graph->arena, name, strlen(name));
  kept->value = value;
  kept->role = (uint8_t)role;
  return kept->node = lj_graph_make(graph, &node);
}

lj_id lj_constant(struct lj_graph *graph, enum lj_dtype dtype, double value)
{
  struct lj_node node = {
      .op = LJ_OP_CONSTANT, .dtype = (uint8_t)dtype, .number = value};

  return lj_graph_make(graph, &node);
}

lj_id lj_number(struct lj_graph *graph, double value)
{
  return lj_constant(graph, LJ_WEAK_FLOAT, value);
}

lj_id lj_integer(struct lj_graph *graph, int64_t value)
{
  return lj_constant(graph, LJ_WEAK_INT, (double)value);
}

lj_id lj_truth(struct lj_graph *graph, bool value)
{
  return lj_constant(graph, LJ_BOOL, value);
}

lj_id lj_table(struct lj_graph *graph, enum lj_dtype dtype, uint32_t rank,
               const struct lj_size *shape, const double *values)
{
  struct lj_node node = {.op = LJ_OP_TABLE,
                         .dtype = (uint8_t)dtype,
                         .rank = (uint8_t)rank,
                         .shape = shape,
                         .table = values};

  for (uint32_t axis = 0; axis < rank; axis++)
    LJ_CHECK(graph->trap, lj_size_is_number(shape[axis]) && shape[axis].offset > 0);
  return lj_graph_make(graph, &node);
}

lj_id lj_iota(struct lj_graph *graph, struct lj_size size)
{
  struct lj_node node = {
      .op = LJ_OP_IOTA, .dtype = LJ_WEAK_INT, .rank = 1, .shape = &size};

  return lj_graph_make(graph, &node);
}

lj_id lj_size_node(struct lj_graph *graph, struct lj_size size)
{
  struct lj_node node = {.op = LJ_OP_SIZE, .dtype = LJ_WEAK_INT, .size = size};

  if (lj_size_is_number(size))
    return lj_integer(graph, size.offset);
  return lj_graph_make(graph, &node);
}
