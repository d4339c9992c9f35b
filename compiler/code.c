/*
 * Specializations: native code for one loss at fixed inner sizes.
 *
 * A loss keeps the codes it has made in a list and finds them again by their variant; the
 * list is searched and extended under the loss's lock, so that two threads that ask for the
 * same code compile it once. Entries live as long as their loss.
 */
#include "compiler/handles.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static double milliseconds(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

/* ---- finding --------------------------------------------------------------------- */

static bool same_input(const lossjit_input *a, const lossjit_input *b)
{
  return strcmp(a->name, b->name) == 0 && a->dtype == b->dtype && a->rank == b->rank &&
         memcmp(a->sizes, b->sizes, (size_t)a->rank * sizeof a->sizes[0]) == 0;
}

static bool same_variant(const struct lj_variant *a, const struct lj_variant *b)
{
  if (a->input_count != b->input_count || a->outputs != b->outputs ||
      a->weighting != b->weighting || a->adjoint != b->adjoint)
    return false;
  for (uint32_t i = 0; i < a->input_count; i++)
    if (!same_input(&a->inputs[i], &b->inputs[i]))
      return false;
  return true;
}

/* ---- making ---------------------------------------------------------------------- */

static void *copy(struct lj_arena *arena, const void *items, size_t size)
{
  void *to = lj_alloc(arena, size + 1);

  if (size)
    memcpy(to, items, size);
  return to;
}

static void copy_description(struct lj_code_entry *entry, const struct lj_plan *plan)
{
  entry->abi = plan->abi;
  entry->abi.slots = copy(&entry->arena, plan->abi.slots,
                          plan->abi.slot_count * sizeof *plan->abi.slots);
  entry->abi.inputs = copy(&entry->arena, plan->abi.inputs,
                           plan->abi.input_count * sizeof *plan->abi.inputs);
  entry->abi.outputs = copy(&entry->arena, plan->abi.outputs,
                            plan->abi.output_count * sizeof *plan->abi.outputs);
}

static void note_roles(struct lj_code_entry *entry, const struct lj_build *build)
{
  const struct lj_graph *graph = &build->checked.graph;
  const struct lj_node *value = lj_node_at(graph, build->loss);

  entry->weight_input = entry->adjoint_input = -1;
  for (uint32_t i = 0; i < graph->input_count; i++) {
    if (graph->inputs[i].role == LJ_ROLE_WEIGHT)
      entry->weight_input = (int32_t)i;
    if (graph->inputs[i].role == LJ_ROLE_ADJOINT)
      entry->adjoint_input = (int32_t)i;
  }
  entry->seed_parameter = UINT32_MAX;
  for (uint32_t i = 0; i < graph->parameter_count; i++)
    if (graph->parameters[i].role == LJ_ROLE_SEED)
      entry->seed_parameter = i;
  entry->loss_output = entry->variant.outputs & LOSSJIT_LOSS ? 0 : -1;
  entry->first_gradient = build->gradients ? entry->loss_output + 1 : -1;
  entry->result_count = lj_inner_count(value);
  entry->result_dtype = value->dtype;
  entry->result_batched = lj_is_batched(value);
}

static lossjit_status load_code(lossjit_engine *engine, struct lj_code_entry *entry,
                                const struct lj_code_bytes *bytes)
{
  char error[200], name[40];
  double start = milliseconds();
  lossjit_status status = lj_code_load(bytes->bytes, bytes->size, &engine->allocator,
                                       &entry->code, error, sizeof error);

  if (status != LOSSJIT_OK) {
    lj_engine_fail(engine, error);
    return status;
  }
  entry->phases = LJ_NEW_ARRAY(&entry->arena, lj_abi_phase *, entry->abi.phase_count + 1);
  for (uint32_t i = 0; i < entry->abi.phase_count; i++) {
    snprintf(name, sizeof name, LJ_ABI_PHASE_NAME, i);
    entry->phases[i] = (lj_abi_phase *)(uintptr_t)lj_code_symbol(entry->code, name);
    LJ_CHECK(entry->arena.trap, entry->phases[i] != NULL);
  }
  if (entry->abi.has_finish)
    entry->finish = (lj_abi_finish *)(uintptr_t)lj_code_symbol(entry->code,
                                                              LJ_ABI_FINISH_NAME);
  LJ_CHECK(entry->arena.trap, !entry->abi.has_finish || entry->finish != NULL);
  entry->times.load = milliseconds() - start;
  return LOSSJIT_OK;
}

/* Everything from text to callable; failures that are not diagnostics leave through the
 * trap of `build`. */
static lossjit_status make_code(lossjit_loss *loss, struct lj_build *build,
                                struct lj_code_entry *entry, struct lj_code_bytes *bytes)
{
  lossjit_engine *engine = loss->engine;
  struct lj_provider *provider = &engine->provider;
  double start = milliseconds();
  char error[200] = "";
  lossjit_status status;

  if (!lj_build_check(build, loss, &entry->variant) ||
      !lj_build_kernel(build, &entry->variant))
    return LOSSJIT_INVALID;
  entry->times.check = milliseconds() - start;
  start = milliseconds();
  lj_build_expand(build);
  struct lj_plan *plan =
      lj_build_plan(build, &entry->variant, provider->facts.vector_bits);
  copy_description(entry, plan);
  note_roles(entry, build);
  entry->times.plan = milliseconds() - start;
  status = provider->backend->compile(provider->target, plan, LJ_FORM_OBJECT,
                                      &engine->allocator, bytes, error, sizeof error);
  if (status != LOSSJIT_OK) {
    lj_engine_fail(engine, error);
    return status;
  }
  entry->times.emit = bytes->emit_ms;
  entry->times.object = bytes->object_ms;
  return provider->facts.runs_here ? load_code(engine, entry, bytes) : LOSSJIT_OK;
}

static void release_entry(const lossjit_allocator *allocator, struct lj_code_entry *entry)
{
  lj_code_release(entry->code);
  lj_arena_free(&entry->arena);
  allocator->resize(allocator->user, entry, 0);
}

static lossjit_status create_entry(lossjit_loss *loss, const struct lj_variant *variant,
                                   struct lj_code_entry **result,
                                   lossjit_diagnostics **diagnostics)
{
  const lossjit_allocator *allocator = &loss->engine->allocator;
  struct lj_code_entry *entry = allocator->resize(allocator->user, NULL, sizeof *entry);
  struct lj_build *build = allocator->resize(allocator->user, NULL, sizeof *build);
  struct lj_code_bytes bytes = {0};
  double start = milliseconds();
  volatile lossjit_status status = LOSSJIT_NO_MEMORY;

  if (entry)
    memset(entry, 0, sizeof *entry);
  if (entry && build) {
    memset(build, 0, sizeof *build);
    entry->variant = *variant;
    lj_arena_init(&entry->arena, allocator, &build->trap);
    if (setjmp(build->trap.escape) == 0) {
      lj_build_open(build, loss);
      status = make_code(loss, build, entry, &bytes);
      if (diagnostics)
        *diagnostics = lj_diags_seal(&build->diags, allocator);
    } else {
      status = build->trap.status;
      lj_engine_fail(loss->engine, build->trap.message);
    }
    lj_build_close(build);
    entry->arena.trap = NULL;
    entry->times.total = milliseconds() - start;
  }
  if (bytes.bytes)
    allocator->resize(allocator->user, bytes.bytes, 0);
  if (build)
    allocator->resize(allocator->user, build, 0);
  if (entry && status != LOSSJIT_OK)
    release_entry(allocator, entry);
  else if (!entry)
    status = LOSSJIT_NO_MEMORY;
  *result = status == LOSSJIT_OK ? entry : NULL;
  return status;
}

lossjit_status lj_code_find(lossjit_loss *loss, const struct lj_variant *variant,
                            struct lj_code_entry **entry, lossjit_diagnostics **diagnostics)
{
  lossjit_status status = lj_engine_provide(loss->engine);

  *entry = NULL;
  if (status != LOSSJIT_OK)
    return status;
  pthread_mutex_lock(&loss->lock);
  for (*entry = loss->codes; *entry; *entry = (*entry)->next)
    if (same_variant(&(*entry)->variant, variant))
      break;
  if (!*entry) {
    status = create_entry(loss, variant, entry, diagnostics);
    if (*entry) {
      (*entry)->next = loss->codes;
      loss->codes = *entry;
    }
  }
  pthread_mutex_unlock(&loss->lock);
  return status;
}

void lj_code_entries_release(lossjit_loss *loss)
{
  while (loss->codes) {
    struct lj_code_entry *entry = loss->codes;
    loss->codes = entry->next;
    release_entry(&loss->engine->allocator, entry);
  }
}
