/*
 * Finding the back end: liblossjit-llvm is loaded when the first kernel is made.
 *
 * It is looked for at the engine's backend_path, else beside liblossjit itself, else where
 * the system's loader looks. A program that links the back end statically is found too:
 * its lossjit_backend is taken before anything is loaded.
 */
#include "compiler/handles.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define LIBRARY_NAME "liblossjit-llvm.so"

/* Present in a static build of both libraries in one. */
extern lj_backend_entry lossjit_backend __attribute__((weak));

void lj_engine_fail(lossjit_engine *engine, const char *message)
{
  pthread_mutex_lock(&engine->lock);
  snprintf(engine->error, sizeof engine->error, "%s", message);
  pthread_mutex_unlock(&engine->lock);
}

/* LIBRARY_NAME in the folder of the library that this function is in. */
static void *open_beside(void)
{
  Dl_info info;
  char path[4096];
  const char *slash;

  if (!dladdr((void *)(uintptr_t)lj_engine_provide, &info) || !info.dli_fname)
    return NULL;
  slash = strrchr(info.dli_fname, '/');
  if (!slash)
    return NULL;
  int length = (int)(slash - info.dli_fname);
  if (snprintf(path, sizeof path, "%.*s/" LIBRARY_NAME, length, info.dli_fname) >=
      (int)sizeof path)
    return NULL;
  return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static lj_backend_entry *find_entry(lossjit_engine *engine)
{
  struct lj_provider *provider = &engine->provider;
  void *symbol;

  if (lossjit_backend && !engine->backend_path)
    return lossjit_backend;
  if (engine->backend_path)
    provider->library = dlopen(engine->backend_path, RTLD_NOW | RTLD_LOCAL);
  else if (!(provider->library = open_beside()))
    provider->library = dlopen(LIBRARY_NAME, RTLD_NOW | RTLD_LOCAL);
  if (!provider->library)
    return NULL;
  symbol = dlsym(provider->library, LJ_BACKEND_SYMBOL);
  return (lj_backend_entry *)(uintptr_t)symbol;
}

static lossjit_status provide(lossjit_engine *engine)
{
  struct lj_provider *provider = &engine->provider;
  lj_backend_entry *entry;

  if (!provider->backend) {
    entry = find_entry(engine);
    if (!entry) {
      const char *reason = dlerror();
      snprintf(engine->error, sizeof engine->error, "cannot load " LIBRARY_NAME ": %.180s",
               reason ? reason : "it has no " LJ_BACKEND_SYMBOL);
      return LOSSJIT_NO_BACKEND;
    }
    provider->backend = entry(LJ_BACKEND_VERSION);
    if (!provider->backend) {
      snprintf(engine->error, sizeof engine->error,
               LIBRARY_NAME " is of another version than liblossjit");
      return LOSSJIT_NO_BACKEND;
    }
  }
  return provider->backend->target_create(engine->target_name, &engine->allocator,
                                          &provider->target, &provider->facts,
                                          engine->error, sizeof engine->error);
}

lossjit_status lj_engine_provide(lossjit_engine *engine)
{
  lossjit_status status = LOSSJIT_OK;

  pthread_mutex_lock(&engine->lock);
  if (!engine->provider.target)
    status = provide(engine);
  pthread_mutex_unlock(&engine->lock);
  return status;
}

/* The library itself stays loaded: LLVM does not like to be unloaded. */
void lj_provider_release(struct lj_provider *provider)
{
  if (provider->target)
    provider->backend->target_release(provider->target);
  memset(provider, 0, sizeof *provider);
}
