/*
 * The pipeline on one screen: from a text to the graph of a kernel.
 *
 *   text -> tokens -> tree -> checked graph -> simplified -> + gradient -> expanded -> plan
 *
 * Each function here runs some of the passes and keeps what they made. A kernel's graph
 * holds, beside the loss: its weights (an input), the adjoint of every value (a factor, and
 * an input if the caller brings one), the gradients, the sum over the batch, and a truth
 * value per sample that says whether an index is out of range.
 */
#include "compiler/handles.h"
#include "compiler/passes.h"

#include <string.h>

void lj_build_open(struct lj_build *build, const lossjit_loss *loss)
{
  lj_arena_init(&build->arena, &loss->engine->allocator, &build->trap);
  build->sources[0] = loss->source;
  build->sources[1] = loss->engine->sources[1];
  build->rules.arena = &build->arena;
  lj_diags_init(&build->diags, &build->arena, build->sources, 2);
}

void lj_build_close(struct lj_build *build)
{
  lj_arena_free(&build->arena);
}

/* ---- checking -------------------------------------------------------------------- */

/* The loss's declarations with the variant's sizes in place of open ones, and declarations
 * for inputs that only the variant speaks of. */
static void merge_inputs(struct lj_build *build, const struct lj_variant *variant,
                         struct lj_request *request)
{
  uint32_t count = request->input_count;
  lossjit_input *inputs =
      LJ_NEW_ARRAY(&build->arena, lossjit_input, count + variant->input_count + 1);

  for (uint32_t i = 0; i < count; i++)
    inputs[i] = request->inputs[i];
  for (uint32_t i = 0; i < variant->input_count; i++) {
    uint32_t at = 0;
    while (at < count && strcmp(inputs[at].name, variant->inputs[i].name) != 0)
      at++;
    inputs[at] = variant->inputs[i];
    count += at == count;
  }
  request->inputs = inputs;
  request->input_count = count;
}

bool lj_build_check(struct lj_build *build, const lossjit_loss *loss,
                    const struct lj_variant *variant)
{
  struct lj_request request = loss->request;

  if (variant)
    merge_inputs(build, variant, &request);
  build->program = lj_parse(&build->arena, &build->diags, &build->sources[0], 0,
                            request.depth_limit, false);
  if (build->diags.error_count > 0)
    return false;
  return lj_check(&build->arena, &build->diags, build->program, loss->engine->prelude,
                  &request, &build->checked);
}

/* ---- the kernel's graph ---------------------------------------------------------- */

static bool all_sizes_known(struct lj_build *build)
{
  struct lj_graph *graph = &build->checked.graph;

  for (uint32_t i = 0; i < graph->input_count; i++)
    for (uint32_t axis = 0; axis < graph->inputs[i].rank; axis++) {
      struct lj_size size = graph->inputs[i].shape[axis];
      if (lj_size_is_number(size) || (axis == 0 && lj_size_is_batch(size)))
        continue;
      struct lj_text text = {.arena = &build->arena};
      lj_size_print(&text, graph, size);
      struct lj_report *report =
          lj_report(&build->diags, LJ_D_UNKNOWN_SIZE, graph->inputs[i].span, text.text);
      lj_fix(&build->diags, report, graph->inputs[i].span, NULL,
             "declare %s with its sizes, or give its shape", graph->inputs[i].name);
      return false;
    }
  return true;
}

/* Elements of one sample of any value: what fits into 32-bit counts with room to spare. */
#define ROW_LIMIT (1 << 28)

static bool is_too_large(const struct lj_node *node)
{
  int64_t count = 1;

  for (uint32_t axis = lj_is_batched(node) ? 1 : 0; axis < node->rank; axis++) {
    int64_t size = node->shape[axis].offset;
    if (size > ROW_LIMIT || (size > 0 && count > ROW_LIMIT / size))
      return true;
    count *= size;
  }
  return false;
}

static bool all_sizes_fit(struct lj_build *build)
{
  const struct lj_graph *graph = &build->checked.graph;

  for (lj_id id = 1; id <= graph->node_count; id++)
    if (is_too_large(lj_node_at(graph, id))) {
      lj_report(&build->diags, LJ_D_TOO_LARGE, lj_node_at(graph, id)->span,
                "a value with too many elements for each sample", "268435456");
      return false;
    }
  return true;
}

/* Longest chain of values that depend on each other: the emitter follows it by recursion. */
#define CHAIN_LIMIT 1200u

static bool chains_fit(struct lj_build *build)
{
  const struct lj_graph *graph = &build->checked.graph;
  uint32_t *depth = LJ_NEW_ARRAY(&build->arena, uint32_t, graph->node_count + 1);

  for (lj_id id = 1; id <= graph->node_count; id++) {
    const struct lj_node *node = lj_node_at(graph, id);
    for (uint32_t i = 0; i < node->operand_count; i++)
      if (depth[node->operand[i]] >= depth[id])
        depth[id] = depth[node->operand[i]] + 1;
    if (depth[id] > CHAIN_LIMIT) {
      lj_report(&build->diags, LJ_D_TOO_LARGE, node->span,
                "a chain of values that depend on each other", "1200");
      return false;
    }
  }
  return true;
}

static lj_id add_input(struct lj_graph *graph, const char *name, enum lj_role role,
                       enum lj_dtype dtype, uint32_t rank, const struct lj_size *shape)
{
  struct lj_input input = {.name = name,
                           .dtype = (uint8_t)dtype,
                           .rank = (uint8_t)rank,
                           .role = (uint8_t)role};

  for (uint32_t axis = 0; axis < rank; axis++)
    input.shape[axis] = shape[axis];
  return lj_graph_input(graph, &input);
}

/* A (batch,) value in the rank of the result, so that it repeats along the other axes. */
static lj_id per_sample(struct lj_graph *graph, lj_id value, uint32_t rank)
{
  return rank < 2 ? value : lj_expand_dims(graph, value, ((1u << rank) - 1) & ~1u);
}

static lj_id add_weights(struct lj_graph *graph, lj_id value, lossjit_weighting weighting)
{
  const struct lj_node node = *lj_node_at(graph, value);

  if (weighting == LOSSJIT_UNWEIGHTED)
    return 0;
  if (weighting == LOSSJIT_ELEMENT_WEIGHT)
    return add_input(graph, "weights", LJ_ROLE_WEIGHT, node.dtype, node.rank, node.shape);
  return per_sample(graph,
                    add_input(graph, "weights", LJ_ROLE_WEIGHT, node.dtype, 1, node.shape),
                    node.rank);
}

/* The adjoint of every element of the result: factor * weight * incoming adjoint. */
static lj_id add_seed(struct lj_graph *graph, lj_id value, lj_id weights, bool adjoint)
{
  const struct lj_node node = *lj_node_at(graph, value);
  lj_id seed = lj_cast(graph, node.dtype,
                       lj_graph_parameter(graph, "seed", 1.0, LJ_ROLE_SEED));

  if (weights)
    seed = lj_apply2(graph, LJ_OP_MULTIPLY, seed, weights);
  if (adjoint)
    seed = lj_apply2(graph, LJ_OP_MULTIPLY, seed,
                     add_input(graph, "adjoint", LJ_ROLE_ADJOINT, node.dtype, node.rank,
                               node.shape));
  return seed;
}

static uint32_t collect_roots(const struct lj_build *build, lj_id *roots)
{
  uint32_t count = 0;

  roots[count++] = build->loss;
  for (uint32_t i = 0; i < build->checked.wrt_count; i++)
    if (build->gradients && build->gradients[i])
      roots[count++] = build->gradients[i];
  if (build->check)
    roots[count++] = build->check;
  return count;
}

static void put_roots(struct lj_build *build, const lj_id *roots)
{
  uint32_t count = 0;

  build->loss = roots[count++];
  for (uint32_t i = 0; i < build->checked.wrt_count; i++)
    if (build->gradients && build->gradients[i])
      build->gradients[i] = roots[count++];
  if (build->check)
    build->check = roots[count++];
}

static bool add_gradients(struct lj_build *build, const struct lj_variant *variant,
                          lj_id weights)
{
  struct lj_checked *checked = &build->checked;
  lj_id seed;

  if (!(variant->outputs & LOSSJIT_GRADIENT) || checked->wrt_count == 0)
    return true;
  seed = add_seed(&checked->graph, checked->value, weights, variant->adjoint);
  build->gradients = LJ_NEW_ARRAY(&build->arena, lj_id, checked->wrt_count);
  return lj_grad(&checked->graph, &build->diags, &build->rules, checked->value, seed,
                 checked->wrt, checked->wrt_count, build->gradients);
}

/* Inputs that the value does not depend on have a gradient of zeros. */
static void fill_zero_gradients(struct lj_build *build)
{
  struct lj_graph *graph = &build->checked.graph;

  for (uint32_t i = 0; build->gradients && i < build->checked.wrt_count; i++) {
    const struct lj_node node = *lj_node_at(graph, build->checked.wrt[i]);
    if (build->gradients[i] == 0)
      build->gradients[i] = lj_broadcast_to(graph, lj_constant(graph, node.dtype, 0),
                                            node.rank, node.shape);
  }
}

bool lj_build_kernel(struct lj_build *build, const struct lj_variant *variant)
{
  struct lj_checked *checked = &build->checked;
  struct lj_graph *graph = &checked->graph;
  lj_id weights, roots[40];

  LJ_CHECK(&build->trap, checked->wrt_count <= 32);
  if (!all_sizes_known(build) || !all_sizes_fit(build) || !chains_fit(build))
    return false;
  graph->fold = true;
  lj_simplify(graph, &checked->value, 1);
  weights = add_weights(graph, checked->value, variant->weighting);
  if (!add_gradients(build, variant, weights))
    return false;
  fill_zero_gradients(build);
  build->loss = weights ? lj_apply2(graph, LJ_OP_MULTIPLY, checked->value, weights)
                        : checked->value;
  lj_simplify(graph, roots, collect_roots(build, roots));
  put_roots(build, roots);
  build->check = lj_index_check(graph, roots, collect_roots(build, roots));
  return chains_fit(build);
}

void lj_build_expand(struct lj_build *build)
{
  lj_id roots[40];
  uint32_t count = collect_roots(build, roots);

  lj_expand(&build->checked.graph, &build->rules, roots, count);
  lj_simplify(&build->checked.graph, roots, count);
  put_roots(build, roots);
}

/* The sum of the loss over inner axes, then over the batch, exactly so: no rule may move
 * anything out of it. 0 when the loss has no batch axis (its value is the sum). */
static lj_id add_total(struct lj_build *build)
{
  struct lj_graph *graph = &build->checked.graph;
  const struct lj_node node = *lj_node_at(graph, build->loss);
  lj_id value = build->loss;

  if (!lj_is_batched(&node))
    return 0;
  graph->fold = false;
  if (!lj_dtype_is_float(node.dtype))
    value = lj_cast(graph, LJ_F64, value);
  if (node.rank > 1)
    value = lj_row(graph, LJ_OP_SUM, value, ((1u << node.rank) - 1) & ~1u);
  return lj_row(graph, LJ_OP_SUM, value, 1u);
}

struct lj_plan *lj_build_plan(struct lj_build *build, const struct lj_variant *variant,
                              uint32_t vector_bits)
{
  struct lj_checked *checked = &build->checked;
  struct lj_output *outputs =
      LJ_NEW_ARRAY(&build->arena, struct lj_output, checked->wrt_count + 1);
  struct lj_plan_request request = {.graph = &checked->graph,
                                    .outputs = outputs,
                                    .check = build->check,
                                    .vector_bits = vector_bits};

  if (!(variant->outputs & LOSSJIT_NO_VALUE))
    request.total = add_total(build);
  if (variant->outputs & LOSSJIT_LOSS)
    outputs[request.output_count++] = (struct lj_output){build->loss, "loss", 0};
  for (uint32_t i = 0; build->gradients && i < checked->wrt_count; i++)
    outputs[request.output_count++] = (struct lj_output){
        build->gradients[i],
        lj_format(&build->arena, "gradient of %s",
                  checked->graph.inputs[lj_node_at(&checked->graph, checked->wrt[i])->index]
                      .name),
        checked->wrt[i]};
  return lj_plan_make(&request);
}

/* ---- indices from data ----------------------------------------------------------- */

static lj_id out_of_range(struct lj_graph *graph, const struct lj_node *gather)
{
  const struct lj_node operand = *lj_node_at(graph, gather->operand[0]);
  lj_id index = gather->operand[1];
  const struct lj_node node = *lj_node_at(graph, index);
  lj_id low = lj_apply2(graph, LJ_OP_LESS, index, lj_integer(graph, 0));
  lj_id high = lj_apply2(graph, LJ_OP_GREATER_EQUAL, index,
                         lj_size_node(graph, operand.shape[gather->axes]));
  lj_id bad = lj_apply2(graph, LJ_OP_OR, low, high);
  struct lj_size batch = lj_size_symbol(LJ_SYMBOL_BATCH);

  if (node.rank > 0 && lj_size_is_batch(node.shape[0]))
    return lj_row(graph, LJ_OP_ANY, bad, ((1u << node.rank) - 1) & ~1u);
  bad = lj_row(graph, LJ_OP_ANY, bad, (1u << node.rank) - 1);
  return lj_broadcast_to(graph, bad, 1, &batch);
}

lj_id lj_index_check(struct lj_graph *graph, const lj_id *roots, uint32_t root_count)
{
  lj_id top = graph->node_count, bad = 0;
  bool *needed = LJ_NEW_ARRAY(graph->arena, bool, top + 1);

  for (uint32_t i = 0; i < root_count; i++)
    needed[roots[i]] = true;
  for (lj_id id = top; id > 0; id--) {
    const struct lj_node node = *lj_node_at(graph, id);
    for (uint32_t i = 0; needed[id] && i < node.operand_count; i++)
      needed[node.operand[i]] = true;
  }
  for (lj_id id = 1; id <= top; id++) {
    const struct lj_node node = *lj_node_at(graph, id);
    if (!needed[id] || node.op != LJ_OP_GATHER)
      continue;
    lj_id one = out_of_range(graph, &node);
    bad = bad ? lj_apply2(graph, LJ_OP_OR, bad, one) : one;
  }
  return bad;
}
