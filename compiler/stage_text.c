/*
 * The stages as text: run the pipeline up to a stage and print what it made.
 */
#include "compiler/handles.h"
#include "compiler/passes.h"

#include <string.h>

static const char *const names[LOSSJIT_STAGE_COUNT] = {
    "tokens", "tree", "graph", "simplified", "gradient", "plan", "llvm", "asm"};

const char *lossjit_stage_name(lossjit_stage stage)
{
  return (unsigned)stage < LOSSJIT_STAGE_COUNT ? names[stage] : "unknown";
}

/* ---- stages of the front end ----------------------------------------------------- */

static void print_tokens(struct lj_build *build, struct lj_text *text)
{
  struct lj_diags diags;

  lj_diags_init(&diags, &build->arena, build->sources, 2);
  struct lj_tokens tokens = lj_lex(&build->arena, &diags, &build->sources[0], 0);
  lj_tokens_dump(text, &tokens, &build->sources[0]);
}

static void print_graph(struct lj_build *build, struct lj_text *text, bool simplified)
{
  struct lj_checked *checked = &build->checked;

  if (simplified) {
    checked->graph.fold = true;
    lj_simplify(&checked->graph, &checked->value, 1);
  }
  lj_graph_dump(text, &checked->graph, &checked->value, 1);
}

/* The derivative of the sum over the batch: each gradient as a text of its own. */
static void print_gradient(struct lj_build *build, struct lj_text *text)
{
  struct lj_checked *checked = &build->checked;
  struct lj_graph *graph = &checked->graph;
  lj_id *adjoints = LJ_NEW_ARRAY(&build->arena, lj_id, checked->wrt_count + 1);

  if (checked->wrt_count == 0)
    return;
  graph->fold = true;
  lj_simplify(graph, &checked->value, 1);
  lj_id one = lj_constant(graph, lj_node_at(graph, checked->value)->dtype, 1);
  if (!lj_grad(graph, &build->diags, &build->rules, checked->value, one, checked->wrt,
               checked->wrt_count, adjoints))
    return;
  for (uint32_t i = 0; i < checked->wrt_count; i++) {
    const struct lj_node node = *lj_node_at(graph, checked->wrt[i]);
    if (adjoints[i] == 0)
      adjoints[i] =
          lj_broadcast_to(graph, lj_constant(graph, node.dtype, 0), node.rank, node.shape);
    lj_simplify(graph, &adjoints[i], 1);
    if (checked->wrt_count > 1)
      lj_text_add(text, "# gradient of %s\n", graph->inputs[node.index].name);
    lj_graph_print(text, graph, adjoints[i], false);
    if (text->length == 0 || text->text[text->length - 1] != '\n')
      lj_text_add(text, "\n");
  }
}

static void print_stage(struct lj_build *build, lossjit_stage stage, struct lj_text *text)
{
  switch (stage) {
  case LOSSJIT_STAGE_TOKENS: print_tokens(build, text); break;
  case LOSSJIT_STAGE_TREE: lj_syntax_dump(text, build->program); break;
  case LOSSJIT_STAGE_GRAPH: print_graph(build, text, false); break;
  case LOSSJIT_STAGE_SIMPLIFIED: print_graph(build, text, true); break;
  default: print_gradient(build, text); break;
  }
}

/* ---- stages of a kernel ---------------------------------------------------------- */

static lossjit_status print_kernel(struct lj_build *build, lossjit_engine *engine,
                                   const struct lj_variant *variant, lossjit_stage stage,
                                   struct lj_text *text)
{
  struct lj_provider *provider = &engine->provider;
  struct lj_code_bytes bytes;
  char error[200];
  lossjit_status status;

  if (!lj_build_kernel(build, variant))
    return LOSSJIT_INTERNAL;
  lj_build_expand(build);
  struct lj_plan *plan = lj_build_plan(build, variant, provider->facts.vector_bits);
  if (stage == LOSSJIT_STAGE_PLAN) {
    lj_plan_print(text, plan);
    return LOSSJIT_OK;
  }
  status = provider->backend->compile(
      provider->target, plan,
      stage == LOSSJIT_STAGE_LLVM ? LJ_FORM_LLVM : LJ_FORM_ASSEMBLY, &engine->allocator,
      &bytes, error, sizeof error);
  if (status != LOSSJIT_OK) {
    lj_engine_fail(engine, error);
    return status;
  }
  lj_text_bytes(text, bytes.bytes, bytes.size);
  engine->allocator.resize(engine->allocator.user, bytes.bytes, 0);
  return LOSSJIT_OK;
}

/* ---- both ------------------------------------------------------------------------ */

static char *copy_out(const lossjit_allocator *allocator, const struct lj_text *text)
{
  char *copy = allocator->resize(allocator->user, NULL, text->length + 1);

  if (!copy)
    return NULL;
  if (text->length)
    memcpy(copy, text->text, text->length);
  copy[text->length] = '\0';
  return copy;
}

static lossjit_status make_text(lossjit_loss *loss, const struct lj_variant *variant,
                                lossjit_stage stage, char **result)
{
  lossjit_engine *engine = loss->engine;
  const lossjit_allocator *allocator = &engine->allocator;
  struct lj_build *build = allocator->resize(allocator->user, NULL, sizeof *build);
  volatile lossjit_status status = LOSSJIT_OK;

  if (!build)
    return LOSSJIT_NO_MEMORY;
  memset(build, 0, sizeof *build);
  if (setjmp(build->trap.escape) == 0) {
    lj_build_open(build, loss);
    struct lj_text text = {.arena = &build->arena};
    LJ_CHECK(&build->trap, lj_build_check(build, loss, variant));
    if (stage < LOSSJIT_STAGE_PLAN)
      print_stage(build, stage, &text);
    else
      status = print_kernel(build, engine, variant, stage, &text);
    if (status == LOSSJIT_OK && !(*result = copy_out(allocator, &text)))
      status = LOSSJIT_NO_MEMORY;
  } else {
    status = build->trap.status;
    lj_engine_fail(engine, build->trap.message);
  }
  lj_build_close(build);
  allocator->resize(allocator->user, build, 0);
  return status;
}

lossjit_status lossjit_loss_text(lossjit_loss *loss, lossjit_stage stage, char **text)
{
  if (text)
    *text = NULL;
  if (!loss || !text || (unsigned)stage >= LOSSJIT_STAGE_PLAN)
    return LOSSJIT_ARGUMENT;
  return make_text(loss, NULL, stage, text);
}

lossjit_status lossjit_kernel_text(lossjit_kernel *kernel, lossjit_stage stage, char **text)
{
  if (text)
    *text = NULL;
  if (!kernel || !text || (unsigned)stage >= LOSSJIT_STAGE_COUNT)
    return LOSSJIT_ARGUMENT;
  return make_text(kernel->loss, &kernel->entry->variant, stage, text);
}
