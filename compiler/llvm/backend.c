/*
 * The back end as a table of functions: what liblossjit finds in liblossjit-llvm.
 *
 * Each compile has an LLVM context of its own and leaves nothing behind. A failure inside
 * comes out as a status and a sentence.
 */
#include "compiler/backend.h"
#include "compiler/llvm/emit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>


static double milliseconds(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static lossjit_status failed(const struct lj_trap *trap, char *error, size_t size)
{
  snprintf(error, size, "%s", trap->message);
  return trap->status;
}

static lossjit_status target_create(const char *name, const lossjit_allocator *allocator,
                                    struct lj_backend_target **result,
                                    struct lj_target_facts *facts, char *error,
                                    size_t error_size)
{
  struct lj_trap trap;
  struct lj_target *target;

  *result = NULL;
  if (setjmp(trap.escape))
    return failed(&trap, error, error_size);
  target = lj_target_create(name, allocator, &trap);
  *facts = (struct lj_target_facts){target->name, target->cpu, target->vector_bits,
                                    target->runs_here};
  *result = (struct lj_backend_target *)target;
  return LOSSJIT_OK;
}

static void target_release(struct lj_backend_target *target)
{
  lj_target_release((struct lj_target *)target);
}

/* ---- compiling ------------------------------------------------------------------- */

static lossjit_status copy_out(const char *bytes, size_t size,
                               const lossjit_allocator *allocator,
                               struct lj_code_bytes *code)
{
  char *copy = allocator->resize(allocator->user, NULL, size + 1);

  if (!copy)
    return LOSSJIT_NO_MEMORY;
  memcpy(copy, bytes, size);
  copy[size] = '\0';
  code->bytes = copy;
  code->size = size;
  return LOSSJIT_OK;
}

static lossjit_status copy_text(struct lj_ir *ir, const lossjit_allocator *allocator,
                                struct lj_code_bytes *code)
{
  char *text = lj_ir_text(ir);
  lossjit_status status = copy_out(text, strlen(text), allocator, code);

  LLVMDisposeMessage(text);
  return status;
}

static lossjit_status copy_code(struct lj_ir *ir, enum lj_form form,
                                const lossjit_allocator *allocator,
                                struct lj_code_bytes *code)
{
  LLVMMemoryBufferRef buffer =
      form == LJ_FORM_OBJECT ? lj_target_object(ir) : lj_target_assembly(ir);
  lossjit_status status = copy_out(LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer),
                                   allocator, code);

  LLVMDisposeMemoryBuffer(buffer);
  return status;
}

/* Emit and translate; failures leave through the trap of `ir`. */
static lossjit_status make(struct lj_ir *ir, const struct lj_target *target,
                           const struct lj_plan *plan, enum lj_form form,
                           const lossjit_allocator *allocator, struct lj_code_bytes *code,
                           struct lj_trap *trap)
{
  double start = milliseconds(), emitted;
  lossjit_status status;

  lj_ir_open(ir, target, "lossjit", trap);
  lj_emit_kernel(ir, plan);
  emitted = milliseconds();
  status = form == LJ_FORM_LLVM ? copy_text(ir, allocator, code)
                                : copy_code(ir, form, allocator, code);
  code->emit_ms = emitted - start;
  code->object_ms = milliseconds() - emitted;
  return status;
}

/* The arena's trap is ours meanwhile: nothing may leave past the LLVM context. */
static lossjit_status compile(struct lj_backend_target *target, const struct lj_plan *plan,
                              enum lj_form form, const lossjit_allocator *allocator,
                              struct lj_code_bytes *code, char *error, size_t error_size)
{
  struct lj_arena *const arena = plan->graph->arena;
  struct lj_trap *const outer = arena->trap;
  struct lj_trap *const outer_graph = plan->graph->trap;
  struct lj_trap trap;
  struct lj_ir ir;
  volatile lossjit_status status;

  memset(code, 0, sizeof *code);
  memset(&ir, 0, sizeof ir);
  arena->trap = plan->graph->trap = &trap;
  if (setjmp(trap.escape) == 0)
    status = make(&ir, (const struct lj_target *)target, plan, form, allocator, code, &trap);
  else
    status = failed(&trap, error, error_size);
  lj_ir_close(&ir);
  arena->trap = outer;
  plan->graph->trap = outer_graph;
  return status;
}

static const struct lj_backend backend = {LJ_BACKEND_VERSION, target_create, target_release,
                                          compile};

LOSSJIT_API lj_backend_entry lossjit_backend;

const struct lj_backend *lossjit_backend(uint32_t version)
{
  return version == LJ_BACKEND_VERSION ? &backend : NULL;
}
