/*
 * Making the plan: what the kernel computes in which phase, and by which template.
 *
 * Takes an expanded graph whose inner sizes are numbers, and the nodes that are wanted.
 * First it finds the folds and orders them: batch folds by phase, inner folds by level.
 * Then it chooses the template by the number of instructions a straight-line body would
 * take. Passes for the row template are in plan_pass.c. Nothing here knows LLVM, and
 * nothing in the graph is changed.
 */
#include "compiler/plan_internal.h"

/* A straight-line body of more instructions than this costs more compile time than its
 * speed is worth: about 25 us each. */
#define STRAIGHT_LIMIT 1200u
/* Columns that are loaded at once; beyond, rows no longer fit in registers. */
#define COLUMN_LIMIT 32
/* Instructions to bring one element of a row into a column or back: rows of less than
 * four elements are whole vectors and permutations, longer ones are transposed. */
#define COLUMN_COST 9u
#define SHORT_COLUMN_COST 3u
/* Sums over the batch that a straight-line body carries in registers. */
#define CARRIED_LIMIT 12u
/* Elements between two writes of partial results: small enough that a block's f32 lanes
 * lose nothing and its rows stay in cache, large enough that a block costs nothing. */
#define BLOCK_ELEMENTS 65536

uint32_t lj_op_cost(enum lj_op op)
{
  switch (op) {
  case LJ_OP_EXP: case LJ_OP_EXP2: return 16;
  case LJ_OP_EXPM1: case LJ_OP_LOG: case LJ_OP_LOG2: case LJ_OP_LOG10: return 26;
  case LJ_OP_TANH: case LJ_OP_SIGMOID: case LJ_OP_LOG1P: case LJ_OP_XLOGY: return 34;
  case LJ_OP_SOFTPLUS: case LJ_OP_LOG_SIGMOID: case LJ_OP_LOGADDEXP: return 50;
  case LJ_OP_ERF: case LJ_OP_ERFC: case LJ_OP_NORM_CDF: return 60;
  case LJ_OP_POWER: return 90;
  case LJ_OP_LOG_NDTR: case LJ_OP_LGAMMA: case LJ_OP_DIGAMMA: case LJ_OP_TRIGAMMA:
    return 160;
  case LJ_OP_MAXIMUM: case LJ_OP_MINIMUM: case LJ_OP_CLIP: case LJ_OP_MAX: case LJ_OP_MIN:
  case LJ_OP_SIGN: case LJ_OP_GATHER: return 4;
  case LJ_OP_CONSTANT: case LJ_OP_TABLE: case LJ_OP_IOTA: case LJ_OP_SIZE:
  case LJ_OP_PARAMETER: case LJ_OP_VIEW: case LJ_OP_CAST: case LJ_OP_STOP_GRADIENT:
    return 0;
  default: return 1;
  }
}

uint32_t lj_inner_shape(const struct lj_node *node, int64_t *extent)
{
  uint32_t first = lj_is_batched(node) ? 1 : 0;

  for (uint32_t axis = first; axis < node->rank; axis++)
    extent[axis - first] = node->shape[axis].offset;
  return node->rank - first;
}

int64_t lj_inner_count(const struct lj_node *node)
{
  int64_t extent[LOSSJIT_MAX_RANK], count = 1;
  uint32_t rank = lj_inner_shape(node, extent);

  for (uint32_t axis = 0; axis < rank; axis++)
    count *= extent[axis];
  return count;
}

/* ---- what is needed -------------------------------------------------------------- */

static void mark_needed(struct lj_plan *plan, lj_id root)
{
  plan->needed[root] = true;
}

/* Operands have smaller ids: one sweep downwards reaches everything. */
static void spread_needed(struct lj_plan *plan)
{
  for (lj_id id = plan->graph->node_count; id > 0; id--) {
    const struct lj_node *node = lj_node_at(plan->graph, id);
    for (uint32_t i = 0; plan->needed[id] && i < node->operand_count; i++)
      plan->needed[node->operand[i]] = true;
  }
}

static void check_shapes(struct lj_planner *planner)
{
  for (lj_id id = 1; id <= planner->graph->node_count; id++) {
    const struct lj_node *node = lj_node_at(planner->graph, id);
    if (!planner->plan->needed[id])
      continue;
    for (uint32_t axis = 0; axis < node->rank; axis++)
      LJ_CHECK(planner->graph->trap, lj_size_is_number(node->shape[axis]) ||
                                         (axis == 0 && lj_is_batched(node)));
  }
}

/* ---- folds ----------------------------------------------------------------------- */

static void add_fold(struct lj_planner *planner, lj_id id, uint32_t *capacity)
{
  struct lj_plan *plan = planner->plan;
  const struct lj_node *node = lj_node_at(planner->graph, id);
  const struct lj_node *operand = lj_node_at(planner->graph, node->operand[0]);
  struct lj_fold_info fold = {.node = id, .count = (uint32_t)lj_inner_count(node)};

  fold.batch = lj_is_batched(operand) && (node->axes & 1u);
  fold.once = !lj_is_batched(operand);
  LJ_CHECK(planner->graph->trap, !fold.batch || node->axes == 1u);
  if (fold.batch) {
    fold.phase = planner->phase_of[node->operand[0]];
    planner->phase_of[id] = fold.phase + 1;
    planner->level_of[id] = 0;
  } else {
    fold.level = planner->level_of[node->operand[0]] + 1;
    planner->level_of[id] = fold.level;
  }
  LJ_GROW(planner->arena, plan->folds, plan->fold_count, *capacity);
  plan->folds[plan->fold_count] = fold;
  plan->fold_of[id] = ++plan->fold_count;
}

static void order_folds(struct lj_planner *planner)
{
  uint32_t capacity = 0;

  for (lj_id id = 1; id <= planner->graph->node_count; id++) {
    const struct lj_node *node = lj_node_at(planner->graph, id);
    if (!planner->plan->needed[id])
      continue;
    for (uint32_t i = 0; i < node->operand_count; i++) {
      uint32_t phase = planner->phase_of[node->operand[i]];
      uint32_t level = planner->level_of[node->operand[i]];
      if (phase > planner->phase_of[id])
        planner->phase_of[id] = phase;
      if (level > planner->level_of[id])
        planner->level_of[id] = level;
    }
    LJ_CHECK(planner->graph->trap,
             !lj_op_is_row(node->op) || lj_op_table[node->op].row_kind == LJ_ROW_FOLD);
    if (lj_is_fold(node))
      add_fold(planner, id, &capacity);
  }
}

/* ---- the template ---------------------------------------------------------------- */

static uint64_t column_cost(int64_t count)
{
  return (uint64_t)count * (count < 4 ? SHORT_COLUMN_COST : COLUMN_COST);
}

/* Instructions of a straight-line body, and the widest row it would hold in registers. */
static uint32_t straight_cost(const struct lj_planner *planner, int64_t *widest)
{
  uint64_t cost = 0;

  *widest = 1;
  for (lj_id id = 1; id <= planner->graph->node_count; id++) {
    const struct lj_node *node = lj_node_at(planner->graph, id);
    if (!planner->plan->needed[id])
      continue;
    int64_t count = lj_inner_count(node);
    if (lj_is_fold(node))
      count = lj_inner_count(lj_node_at(planner->graph, node->operand[0]));
    if (count > *widest)
      *widest = count;
    if (count > 100000)
      return UINT32_MAX;
    cost += (uint64_t)count * lj_op_cost(node->op);
    if (node->op == LJ_OP_INPUT && lj_is_batched(node))
      cost += column_cost(count);
    if (cost > 1000000)
      return UINT32_MAX;
  }
  for (uint32_t i = 0; i < planner->plan->output_count; i++)
    cost += column_cost(
        lj_inner_count(lj_node_at(planner->graph, planner->plan->outputs[i].node)));
  return (uint32_t)cost;
}

static uint32_t carried_count(const struct lj_plan *plan)
{
  uint32_t count = 0;

  for (uint32_t i = 0; i < plan->fold_count; i++)
    if (plan->folds[i].batch)
      count += plan->folds[i].count;
  return count;
}

static enum lj_dtype widest_float(const struct lj_planner *planner)
{
  for (lj_id id = 1; id <= planner->graph->node_count; id++)
    if (planner->plan->needed[id] && lj_node_at(planner->graph, id)->dtype == LJ_F64)
      return LJ_F64;
  return LJ_F32;
}

static void choose_template(struct lj_planner *planner, uint32_t vector_bits)
{
  struct lj_plan *plan = planner->plan;
  int64_t widest;
  uint32_t cost = straight_cost(planner, &widest);

  plan->lane_dtype = widest_float(planner);
  plan->lanes = vector_bits / 8 / (plan->lane_dtype == LJ_F64 ? 8 : 4);
  plan->form = LJ_LANES_ALONG_ROW;
  if (widest > COLUMN_LIMIT)
    plan->reason = lj_format(planner->arena, "a row of %lld does not fit in registers",
                             (long long)widest);
  else if (cost > STRAIGHT_LIMIT)
    plan->reason = lj_format(planner->arena,
                             "a straight-line body would take about %u instructions", cost);
  else if (carried_count(plan) > CARRIED_LIMIT)
    plan->reason = "too many sums over the batch to carry in registers";
  else {
    plan->form = LJ_LANES_ACROSS_SAMPLES;
    plan->reason = lj_format(planner->arena,
                             "rows of at most %lld fit in registers, about %u instructions",
                             (long long)widest, cost);
  }
}

/* ---- phases ---------------------------------------------------------------------- */

static bool is_batched_output(const struct lj_planner *planner, uint32_t i)
{
  return lj_is_batched(lj_node_at(planner->graph, planner->plan->outputs[i].node));
}

/* Phases the values need; the check phase not counted. */
static uint32_t count_phases(const struct lj_planner *planner)
{
  const struct lj_plan *plan = planner->plan;
  uint32_t count = 0;

  for (uint32_t i = 0; i < plan->output_count; i++) {
    uint32_t phase = planner->phase_of[plan->outputs[i].node];
    uint32_t end = is_batched_output(planner, i) ? phase + 1 : phase;
    if (end > count)
      count = end;
  }
  for (uint32_t i = 0; i < plan->fold_count; i++)
    if (plan->folds[i].batch && plan->folds[i].phase + 1 > count)
      count = plan->folds[i].phase + 1;
  return count;
}

static void assign_slots(struct lj_planner *planner, uint32_t first_phase)
{
  struct lj_plan *plan = planner->plan;
  uint32_t slot = plan->check != 0 ? 1 : 0;

  for (uint32_t i = 0; i < plan->fold_count; i++)
    if (plan->folds[i].batch) {
      plan->folds[i].phase += first_phase;
      plan->folds[i].slot = slot;
      slot += plan->folds[i].count;
    }
  plan->abi.slot_count = slot;
}

static void describe_slots(struct lj_planner *planner)
{
  struct lj_plan *plan = planner->plan;
  struct lj_abi_slot *slots =
      LJ_NEW_ARRAY(planner->arena, struct lj_abi_slot, plan->abi.slot_count);

  if (plan->check != 0)
    slots[0] = (struct lj_abi_slot){LJ_ABI_FIRST, 0};
  for (uint32_t i = 0; i < plan->fold_count; i++) {
    const struct lj_fold_info *fold = &plan->folds[i];
    enum lj_op op = lj_node_at(planner->graph, fold->node)->op;
    /* any() is 0 or 1 per block and 0 of none: their sum is as good a truth value. */
    enum lj_abi_fold how = op == LJ_OP_SUM || op == LJ_OP_ANY ? LJ_ABI_SUM
                           : op == LJ_OP_PROD                 ? LJ_ABI_PROD
                           : op == LJ_OP_MAX                  ? LJ_ABI_MAX
                                                              : LJ_ABI_MIN;
    for (uint32_t k = 0; fold->batch && k < fold->count; k++)
      slots[fold->slot + k] = (struct lj_abi_slot){how, (int32_t)fold->phase};
  }
  plan->abi.slots = slots;
}

/* Roots of phase `number`: outputs if it writes, operands of its batch folds, checks. */
static void fill_phase(struct lj_planner *planner, uint32_t number)
{
  struct lj_plan *plan = planner->plan;
  struct lj_phase *phase = &plan->phases[number];
  uint32_t count = 0, capacity = plan->output_count + plan->fold_count;
  lj_id *roots = LJ_NEW_ARRAY(planner->arena, lj_id, capacity + 1);

  phase->batch_folds = LJ_NEW_ARRAY(planner->arena, uint32_t, plan->fold_count + 1);
  if (phase->checks)
    roots[count++] = plan->check;
  for (uint32_t i = 0; !phase->checks && i < plan->fold_count; i++)
    if (plan->folds[i].batch && plan->folds[i].phase == number) {
      phase->batch_folds[phase->batch_fold_count++] = i;
      roots[count++] = lj_node_at(planner->graph, plan->folds[i].node)->operand[0];
    }
  for (uint32_t i = 0; phase->writes && i < plan->output_count; i++)
    if (is_batched_output(planner, i))
      roots[count++] = plan->outputs[i].node;
  if (plan->form == LJ_LANES_ALONG_ROW)
    lj_plan_passes(planner, phase, roots, count);
}

static void fill_finish(struct lj_planner *planner)
{
  struct lj_plan *plan = planner->plan;
  uint32_t count = 0;
  lj_id *roots = LJ_NEW_ARRAY(planner->arena, lj_id, plan->output_count + 1);

  for (uint32_t i = 0; i < plan->output_count; i++)
    if (!is_batched_output(planner, i))
      roots[count++] = plan->outputs[i].node;
  plan->has_finish = count > 0;
  if (plan->has_finish && plan->form == LJ_LANES_ALONG_ROW)
    lj_plan_passes(planner, &plan->finish, roots, count);
}

static void make_phases(struct lj_planner *planner)
{
  struct lj_plan *plan = planner->plan;
  uint32_t first = plan->check != 0 ? 1 : 0;

  plan->phase_count = count_phases(planner) + first;
  plan->phases = LJ_NEW_ARRAY(planner->arena, struct lj_phase, plan->phase_count + 1);
  assign_slots(planner, first);
  describe_slots(planner);
  for (uint32_t i = 0; i < plan->phase_count; i++) {
    plan->phases[i].checks = first && i == 0;
    plan->phases[i].writes = i + 1 == plan->phase_count && !plan->phases[i].checks;
    fill_phase(planner, i);
  }
  fill_finish(planner);
}

/* ---- facts for the runtime ------------------------------------------------------- */

static int64_t element_bytes(const struct lj_node *node)
{
  return (int64_t)lossjit_dtype_size((lossjit_dtype)node->dtype);
}

/* Rows that are transposed in registers are addressed by constants: they must follow each
 * other. The runtime brings others into that form. */
static bool needs_dense(const struct lj_plan *plan, const struct lj_node *node)
{
  return plan->form == LJ_LANES_ACROSS_SAMPLES && lj_is_batched(node);
}

static struct lj_abi_shape shape_of(const struct lj_planner *planner, lj_id id)
{
  const struct lj_node *node = lj_node_at(planner->graph, id);
  struct lj_abi_shape shape = {.sample_bytes = lj_inner_count(node) * element_bytes(node),
                               .batched = lj_is_batched(node),
                               .alignment = (int32_t)element_bytes(node),
                               .dense = needs_dense(planner->plan, node),
                               .alias = -1};
  return shape;
}

/* Does a VIEW, PAD or GATHER stand above the input, so that one element of the row is read
 * when another is written? What is behind a fold was read before. */
static bool reads_apart(const struct lj_planner *planner, lj_id input)
{
  bool *over = LJ_NEW_ARRAY(planner->arena, bool, planner->graph->node_count + 1);

  over[input] = true;
  for (lj_id id = input + 1; id <= planner->graph->node_count; id++) {
    const struct lj_node *node = lj_node_at(planner->graph, id);
    for (uint32_t i = 0; planner->plan->needed[id] && i < node->operand_count; i++)
      over[id] |= over[node->operand[i]];
    bool moves = node->op == LJ_OP_VIEW || node->op == LJ_OP_PAD || node->op == LJ_OP_GATHER;
    if (over[id] && moves)
      return true;
    if (lj_is_fold(node))
      over[id] = false;
  }
  return false;
}

static uint32_t store_pass_count(const struct lj_plan *plan)
{
  uint32_t count = 0;

  for (uint32_t i = 0; i < plan->phase_count; i++)
    for (uint32_t k = 0; k < plan->phases[i].pass_count; k++)
      count += plan->phases[i].passes[k].store_count > 0;
  return count;
}

static void describe_arrays(struct lj_planner *planner)
{
  struct lj_plan *plan = planner->plan;
  struct lj_graph *graph = planner->graph;
  struct lj_abi_shape *inputs =
      LJ_NEW_ARRAY(planner->arena, struct lj_abi_shape, graph->input_count + 1);
  struct lj_abi_shape *outputs =
      LJ_NEW_ARRAY(planner->arena, struct lj_abi_shape, plan->output_count + 1);
  bool many = store_pass_count(plan) > 1;

  for (uint32_t i = 0; i < graph->input_count; i++)
    inputs[i] = shape_of(planner, graph->inputs[i].node);
  for (uint32_t i = 0; i < plan->output_count; i++) {
    lj_id alias = plan->outputs[i].alias;
    outputs[i] = shape_of(planner, plan->outputs[i].node);
    if (alias == 0)
      continue;
    outputs[i].alias = (int32_t)lj_node_at(graph, alias)->index;
    outputs[i].alias_unsafe = plan->form == LJ_LANES_ALONG_ROW &&
                              (many || reads_apart(planner, alias));
  }
  plan->abi.inputs = inputs;
  plan->abi.outputs = outputs;
}

/* Bytes and operations per sample, for people and for comparison with a copy. */
static void count_traffic(struct lj_planner *planner)
{
  struct lj_plan *plan = planner->plan;

  for (lj_id id = 1; id <= planner->graph->node_count; id++) {
    const struct lj_node *node = lj_node_at(planner->graph, id);
    if (!plan->needed[id] || !(lj_is_batched(node) || lj_is_fold(node)))
      continue;
    if (node->op == LJ_OP_INPUT)
      plan->bytes_read += (double)(lj_inner_count(node) * element_bytes(node));
    const struct lj_node *over =
        lj_is_fold(node) ? lj_node_at(planner->graph, node->operand[0]) : node;
    if (lj_is_batched(over))
      plan->operations += (double)lj_inner_count(over) * lj_op_cost(node->op);
  }
  for (uint32_t i = 0; i < plan->output_count; i++)
    if (is_batched_output(planner, i))
      plan->bytes_written += (double)plan->abi.outputs[i].sample_bytes;
}

static void describe_kernel(struct lj_planner *planner, lj_id total)
{
  struct lj_plan *plan = planner->plan;
  struct lj_abi_kernel *abi = &plan->abi;
  int64_t row = 1;

  describe_arrays(planner);
  count_traffic(planner);
  for (uint32_t i = 0; i < planner->graph->input_count; i++) {
    const struct lj_node *node = lj_node_at(planner->graph, planner->graph->inputs[i].node);
    if (lj_is_batched(node) && lj_inner_count(node) > row)
      row = lj_inner_count(node);
  }
  abi->phase_count = plan->phase_count;
  abi->has_finish = plan->has_finish;
  abi->check_phase = plan->check != 0;
  abi->chunk = plan->form == LJ_LANES_ACROSS_SAMPLES ? plan->lanes : 1;
  int64_t block = BLOCK_ELEMENTS / row;
  abi->block = (uint32_t)(block < 64 ? 64 : block / 64 * 64);
  abi->input_count = planner->graph->input_count;
  abi->output_count = plan->output_count;
  abi->parameter_count = planner->graph->parameter_count;
  abi->value_slot = total ? (int32_t)plan->folds[plan->fold_of[total] - 1].slot : -1;
  abi->scratch_bytes = planner->scratch;
}

struct lj_plan *lj_plan_make(const struct lj_plan_request *request)
{
  struct lj_graph *graph = request->graph;
  struct lj_arena *arena = graph->arena;
  struct lj_plan *plan = LJ_NEW(arena, struct lj_plan);
  struct lj_planner planner = {plan, graph, arena, NULL, NULL, 0};

  planner.phase_of = LJ_NEW_ARRAY(arena, uint32_t, graph->node_count + 1);
  planner.level_of = LJ_NEW_ARRAY(arena, uint32_t, graph->node_count + 1);
  plan->graph = graph;
  plan->needed = LJ_NEW_ARRAY(arena, bool, graph->node_count + 1);
  plan->fold_of = LJ_NEW_ARRAY(arena, uint32_t, graph->node_count + 1);
  plan->output_count = request->output_count;
  plan->outputs = LJ_NEW_ARRAY(arena, struct lj_output, request->output_count + 1);
  for (uint32_t i = 0; i < request->output_count; i++) {
    plan->outputs[i] = request->outputs[i];
    mark_needed(plan, request->outputs[i].node);
  }
  if (request->total)
    mark_needed(plan, request->total);
  plan->check = request->check;
  if (request->check)
    mark_needed(plan, request->check);
  spread_needed(plan);
  check_shapes(&planner);
  order_folds(&planner);
  choose_template(&planner, request->vector_bits);
  make_phases(&planner);
  describe_kernel(&planner, request->total);
  return plan;
}
