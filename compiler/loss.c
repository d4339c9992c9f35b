/*
 * The loss handle: compile a text, and look at what was found.
 *
 * lossjit_compile copies what the caller said, runs the front end once (gradient included,
 * so that a loss that compiles has one), and keeps the description of inputs, parameters
 * and result. Kernels and stage texts run the front end again with what they know more.
 */
#include "compiler/handles.h"
#include "compiler/passes.h"

#include <string.h>

/* ---- the caller's words ---------------------------------------------------------- */

static bool valid_input(const lossjit_input *input)
{
  if (!input->name || input->rank < 0 || input->rank > LOSSJIT_MAX_RANK ||
      lossjit_dtype_size(input->dtype) == 0)
    return false;
  for (int32_t i = 0; i < input->rank; i++)
    if (input->sizes[i] < LOSSJIT_ANY)
      return false;
  return true;
}

static bool valid_options(const lossjit_compile_options *o)
{
  if ((o->input_count && !o->inputs) || o->input_count > 32 || o->parameter_count > 1000 ||
      (o->parameter_count && (!o->parameter_names || !o->parameter_defaults)) ||
      (o->gradient_count && !o->gradients) || o->gradient_count > 32)
    return false;
  for (size_t i = 0; i < o->input_count; i++)
    if (!valid_input(&o->inputs[i]))
      return false;
  for (size_t i = 0; i < o->parameter_count; i++)
    if (!o->parameter_names[i])
      return false;
  for (size_t i = 0; i < o->gradient_count; i++)
    if (!o->gradients[i])
      return false;
  return (unsigned)o->result <= LOSSJIT_ELEMENTWISE &&
         (o->default_dtype == 0 || o->default_dtype == LOSSJIT_F32 ||
          o->default_dtype == LOSSJIT_F64);
}

static const char *copy_name(struct lj_arena *arena, const char *name)
{
  return lj_copy_text(arena, name, strlen(name));
}

static const char **copy_names(struct lj_arena *arena, const char *const *names,
                               size_t count)
{
  const char **copies = LJ_NEW_ARRAY(arena, const char *, count + 1);

  for (size_t i = 0; i < count; i++)
    copies[i] = copy_name(arena, names[i]);
  return copies;
}

static void copy_request(lossjit_loss *loss, const lossjit_compile_options *o)
{
  struct lj_arena *arena = &loss->arena;
  struct lj_request *request = &loss->request;
  lossjit_input *inputs = LJ_NEW_ARRAY(arena, lossjit_input, o->input_count + 1);
  double *defaults = LJ_NEW_ARRAY(arena, double, o->parameter_count + 1);

  for (size_t i = 0; i < o->input_count; i++) {
    inputs[i] = o->inputs[i];
    inputs[i].name = copy_name(arena, o->inputs[i].name);
  }
  for (size_t i = 0; i < o->parameter_count; i++)
    defaults[i] = o->parameter_defaults[i];
  request->inputs = inputs;
  request->input_count = (uint32_t)o->input_count;
  request->parameter_names = copy_names(arena, o->parameter_names, o->parameter_count);
  request->parameter_defaults = defaults;
  request->parameter_count = (uint32_t)o->parameter_count;
  if (o->gradient_count) {
    request->gradients = copy_names(arena, o->gradients, o->gradient_count);
    request->gradient_count = (uint32_t)o->gradient_count;
  }
  request->result = o->result;
  request->default_dtype = o->default_dtype ? (enum lj_dtype)o->default_dtype : LJ_F32;
  request->no_gradient = o->no_gradient != 0;
  request->depth_limit = loss->engine->depth_limit;
  request->node_limit = loss->engine->node_limit;
}

static void copy_source(lossjit_loss *loss, const char *text,
                        const lossjit_compile_options *o)
{
  size_t length = o->text_length ? o->text_length : strlen(text);
  const char *name = o->file_name ? o->file_name : "expression";

  loss->source.text = lj_copy_text(&loss->arena, text, length);
  loss->source.length = length;
  loss->source.name = copy_name(&loss->arena, name);
}

/* ---- what was found -------------------------------------------------------------- */

static int64_t public_size(struct lj_size size)
{
  if (lj_size_is_number(size))
    return size.offset;
  return lj_size_is_batch(size) ? LOSSJIT_BATCH : LOSSJIT_ANY;
}

static lossjit_dtype public_dtype(enum lj_dtype dtype)
{
  return dtype == LJ_WEAK_FLOAT ? LOSSJIT_F64
         : dtype == LJ_WEAK_INT ? LOSSJIT_I64
                                : (lossjit_dtype)dtype;
}

static void describe_inputs(lossjit_loss *loss, const struct lj_graph *graph)
{
  loss->inputs = LJ_NEW_ARRAY(&loss->arena, lossjit_input, graph->input_count + 1);
  loss->input_count = graph->input_count;
  for (uint32_t i = 0; i < graph->input_count; i++) {
    const struct lj_input *input = &graph->inputs[i];
    loss->inputs[i].name = copy_name(&loss->arena, input->name);
    loss->inputs[i].dtype = public_dtype(input->dtype);
    loss->inputs[i].rank = input->rank;
    for (uint32_t axis = 0; axis < input->rank; axis++)
      loss->inputs[i].sizes[axis] = public_size(input->shape[axis]);
  }
}

static void describe(lossjit_loss *loss, const struct lj_checked *checked)
{
  const struct lj_graph *graph = &checked->graph;
  const struct lj_node *value = lj_node_at(graph, checked->value);

  describe_inputs(loss, graph);
  loss->parameter_count = graph->parameter_count;
  loss->parameter_names =
      LJ_NEW_ARRAY(&loss->arena, const char *, graph->parameter_count + 1);
  loss->parameter_defaults =
      LJ_NEW_ARRAY(&loss->arena, double, graph->parameter_count + 1);
  for (uint32_t i = 0; i < graph->parameter_count; i++) {
    loss->parameter_names[i] = copy_name(&loss->arena, graph->parameters[i].name);
    loss->parameter_defaults[i] = graph->parameters[i].value;
  }
  loss->gradient_count = checked->wrt_count;
  loss->gradients = LJ_NEW_ARRAY(&loss->arena, uint32_t, checked->wrt_count + 1);
  for (uint32_t i = 0; i < checked->wrt_count; i++)
    loss->gradients[i] = lj_node_at(graph, checked->wrt[i])->index;
  loss->output.name = "result";
  loss->output.dtype = public_dtype(value->dtype);
  loss->output.rank = value->rank;
  for (uint32_t axis = 0; axis < value->rank; axis++)
    loss->output.sizes[axis] = public_size(value->shape[axis]);
  loss->result = checked->result;
}

/* The text must have a gradient that can be built, whatever the sizes will be. */
static bool try_gradient(struct lj_build *build)
{
  struct lj_checked *checked = &build->checked;
  lj_id *adjoints = LJ_NEW_ARRAY(&build->arena, lj_id, checked->wrt_count + 1);

  if (checked->wrt_count == 0)
    return true;
  checked->graph.fold = true;
  lj_id value = checked->value;
  lj_simplify(&checked->graph, &value, 1);
  lj_id one = lj_constant(&checked->graph, lj_node_at(&checked->graph, value)->dtype, 1);
  return lj_grad(&checked->graph, &build->diags, &build->rules, value, one, checked->wrt,
                 checked->wrt_count, adjoints);
}

/* ---- compiling ------------------------------------------------------------------- */

static lossjit_status compile(lossjit_loss *loss, struct lj_build *build, const char *text,
                              const lossjit_compile_options *options,
                              lossjit_diagnostics **diagnostics)
{
  volatile lossjit_status status = LOSSJIT_INVALID;

  loss->arena.trap = &build->trap;
  if (setjmp(build->trap.escape) == 0) {
    copy_request(loss, options);
    copy_source(loss, text, options);
    lj_build_open(build, loss);
    if (lj_build_check(build, loss, NULL)) {
      describe(loss, &build->checked);
      if (try_gradient(build))
        status = LOSSJIT_OK;
    }
    if (diagnostics)
      *diagnostics = lj_diags_seal(&build->diags, &loss->engine->allocator);
  } else {
    status = build->trap.status;
    lj_engine_fail(loss->engine, build->trap.message);
  }
  lj_build_close(build);
  loss->arena.trap = NULL;
  return status;
}

static lossjit_loss *create(lossjit_engine *engine)
{
  lossjit_loss *loss = engine->allocator.resize(engine->allocator.user, NULL, sizeof *loss);

  if (!loss)
    return NULL;
  memset(loss, 0, sizeof *loss);
  atomic_init(&loss->references, 1);
  loss->engine = engine;
  atomic_fetch_add(&engine->references, 1);
  pthread_mutex_init(&loss->lock, NULL);
  lj_arena_init(&loss->arena, &engine->allocator, NULL);
  return loss;
}

lossjit_status lossjit_compile(lossjit_engine *engine, const char *text,
                               const lossjit_compile_options *options,
                               lossjit_loss **result, lossjit_diagnostics **diagnostics)
{
  static const lossjit_compile_options defaults;
  const lossjit_compile_options *o = options ? options : &defaults;
  lossjit_status status = LOSSJIT_NO_MEMORY;
  struct lj_build *build;
  lossjit_loss *loss;

  if (result)
    *result = NULL;
  if (diagnostics)
    *diagnostics = NULL;
  if (!engine || !text || !result || !valid_options(o))
    return LOSSJIT_ARGUMENT;
  loss = create(engine);
  build = engine->allocator.resize(engine->allocator.user, NULL, sizeof *build);
  if (loss && build) {
    memset(build, 0, sizeof *build);
    status = compile(loss, build, text, o, diagnostics);
  }
  if (build)
    engine->allocator.resize(engine->allocator.user, build, 0);
  if (status == LOSSJIT_OK)
    *result = loss;
  else
    lossjit_loss_release(loss);
  return status;
}

lossjit_loss *lossjit_loss_retain(lossjit_loss *loss)
{
  if (loss)
    atomic_fetch_add(&loss->references, 1);
  return loss;
}

void lossjit_loss_release(lossjit_loss *loss)
{
  lossjit_engine *engine;

  if (!loss || atomic_fetch_sub(&loss->references, 1) != 1)
    return;
  engine = loss->engine;
  lj_code_entries_release(loss);
  lj_arena_free(&loss->arena);
  pthread_mutex_destroy(&loss->lock);
  engine->allocator.resize(engine->allocator.user, loss, 0);
  lossjit_engine_release(engine);
}

/* ---- looking --------------------------------------------------------------------- */

size_t lossjit_loss_input_count(const lossjit_loss *loss)
{
  return loss ? loss->input_count : 0;
}

const lossjit_input *lossjit_loss_input(const lossjit_loss *loss, size_t index)
{
  return loss && index < loss->input_count ? &loss->inputs[index] : NULL;
}

size_t lossjit_loss_parameter_count(const lossjit_loss *loss)
{
  return loss ? loss->parameter_count : 0;
}

const char *lossjit_loss_parameter(const lossjit_loss *loss, size_t index,
                                   double *default_value)
{
  bool found = loss && index < loss->parameter_count;

  if (default_value)
    *default_value = found ? loss->parameter_defaults[index] : 0;
  return found ? loss->parameter_names[index] : NULL;
}

const lossjit_input *lossjit_loss_output(const lossjit_loss *loss)
{
  return loss ? &loss->output : NULL;
}

lossjit_result lossjit_loss_result(const lossjit_loss *loss)
{
  return loss ? loss->result : LOSSJIT_PER_SAMPLE;
}

size_t lossjit_loss_gradient_count(const lossjit_loss *loss)
{
  return loss ? loss->gradient_count : 0;
}

size_t lossjit_loss_gradient_input(const lossjit_loss *loss, size_t index)
{
  return loss && index < loss->gradient_count ? loss->gradients[index] : 0;
}
