/*
 * The engine handle: settings, the parsed prelude, statuses and dtypes by name.
 */
#include "compiler/handles.h"
#include "compiler/prelude.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_DEPTH 256
#define DEFAULT_NODES 100000

static const struct {
  const char *text;
} statuses[] = {
    [LOSSJIT_OK] = {"done"},
    [LOSSJIT_INVALID] = {"the expression is wrong"},
    [LOSSJIT_ARGUMENT] = {"the call is wrong"},
    [LOSSJIT_LABEL_RANGE] = {"a label or index is out of range"},
    [LOSSJIT_BUSY] = {"the kernel is in use by another thread"},
    [LOSSJIT_NO_MEMORY] = {"out of memory"},
    [LOSSJIT_NO_BACKEND] = {"the back end could not be loaded"},
    [LOSSJIT_INTERNAL] = {"a defect of lossjit itself"},
};

const char *lossjit_status_text(lossjit_status status)
{
  if ((size_t)status >= LJ_COUNT(statuses))
    return "an unknown status";
  return statuses[status].text;
}

static const struct {
  const char *name;
  size_t size;
} dtypes[] = {
    [LOSSJIT_F32] = {"f32", 4}, [LOSSJIT_F64] = {"f64", 8},   [LOSSJIT_I32] = {"i32", 4},
    [LOSSJIT_I64] = {"i64", 8}, [LOSSJIT_BOOL] = {"bool", 1},
};

size_t lossjit_dtype_size(lossjit_dtype dtype)
{
  return (size_t)dtype < LJ_COUNT(dtypes) ? dtypes[dtype].size : 0;
}

const char *lossjit_dtype_name(lossjit_dtype dtype)
{
  bool known = (size_t)dtype < LJ_COUNT(dtypes) && dtypes[dtype].name;

  return known ? dtypes[dtype].name : "unknown";
}

static void *default_resize(void *user, void *memory, size_t size)
{
  (void)user;
  if (size == 0) {
    free(memory);
    return NULL;
  }
  return realloc(memory, size);
}

/* ---- making ---------------------------------------------------------------------- */

static void copy_options(lossjit_engine *engine, const lossjit_engine_options *options)
{
  static const lossjit_engine_options defaults;
  const lossjit_engine_options *o = options ? options : &defaults;

  engine->depth_limit = o->max_depth ? o->max_depth : DEFAULT_DEPTH;
  engine->node_limit = o->max_nodes ? o->max_nodes : DEFAULT_NODES;
  if (o->target)
    engine->target_name = lj_copy_text(&engine->arena, o->target, strlen(o->target));
  if (o->backend_path)
    engine->backend_path =
        lj_copy_text(&engine->arena, o->backend_path, strlen(o->backend_path));
}

/* The prelude is our own text: a mistake in it is a defect. */
static void parse_prelude(lossjit_engine *engine)
{
  struct lj_diags diags;

  engine->sources[0] = (struct lj_source){"expression", "", 0};
  engine->sources[1] = (struct lj_source){"prelude", lj_prelude_text, lj_prelude_length};
  lj_diags_init(&diags, &engine->arena, engine->sources, 2);
  engine->prelude = lj_parse(&engine->arena, &diags, &engine->sources[1], 1,
                             DEFAULT_DEPTH, true);
  LJ_CHECK(engine->arena.trap, diags.error_count == 0);
}

static void list_prelude(lossjit_engine *engine)
{
  uint32_t count = engine->prelude->statement_count;

  engine->prelude_entries =
      LJ_NEW_ARRAY(&engine->arena, lossjit_prelude_entry, count + 1);
  for (uint32_t i = 0; i < count; i++) {
    const struct lj_statement *statement = &engine->prelude->statements[i];
    engine->prelude_entries[i] = (lossjit_prelude_entry){
        statement->name,
        lj_copy_text(&engine->arena, lj_prelude_text + statement->span.begin,
                     statement->span.end - statement->span.begin),
        statement->comment ? statement->comment : ""};
  }
}

const lossjit_prelude_entry *lossjit_prelude(const lossjit_engine *engine, size_t index)
{
  if (!engine || index >= engine->prelude->statement_count)
    return NULL;
  return &engine->prelude_entries[index];
}

lossjit_status lossjit_engine_create(const lossjit_engine_options *options,
                                     lossjit_engine **result)
{
  lossjit_allocator allocator = {default_resize, NULL};
  struct lj_trap trap;
  lossjit_engine *engine;

  if (!result)
    return LOSSJIT_ARGUMENT;
  *result = NULL;
  if (options && options->allocator)
    allocator = *options->allocator;
  if (!allocator.resize)
    return LOSSJIT_ARGUMENT;
  engine = allocator.resize(allocator.user, NULL, sizeof *engine);
  if (!engine)
    return LOSSJIT_NO_MEMORY;
  memset(engine, 0, sizeof *engine);
  engine->allocator = allocator;
  atomic_init(&engine->references, 1);
  pthread_mutex_init(&engine->lock, NULL);
  lj_arena_init(&engine->arena, &engine->allocator, &trap);
  if (setjmp(trap.escape)) {
    lossjit_engine_release(engine);
    return trap.status;
  }
  copy_options(engine, options);
  parse_prelude(engine);
  list_prelude(engine);
  engine->arena.trap = NULL;
  *result = engine;
  return LOSSJIT_OK;
}

void lossjit_engine_release(lossjit_engine *engine)
{
  lossjit_allocator allocator;

  if (!engine || atomic_fetch_sub(&engine->references, 1) != 1)
    return;
  allocator = engine->allocator;
  lj_provider_release(&engine->provider);
  lj_arena_free(&engine->arena);
  pthread_mutex_destroy(&engine->lock);
  allocator.resize(allocator.user, engine, 0);
}

void lossjit_engine_error(lossjit_engine *engine, char *text, size_t size)
{
  if (!text || size == 0)
    return;
  text[0] = '\0';
  if (!engine)
    return;
  pthread_mutex_lock(&engine->lock);
  snprintf(text, size, "%s", engine->error);
  pthread_mutex_unlock(&engine->lock);
}

void lossjit_text_release(lossjit_engine *engine, char *text)
{
  if (engine && text)
    engine->allocator.resize(engine->allocator.user, text, 0);
}
