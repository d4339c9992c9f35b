/*
 * Targets, the pool of LLVM target machines, and everything that depends on LLVM's
 * version (tested: 19.1).
 *
 * State of the whole process is LLVM's own and is set once, when the first target is
 * made:
 *
 * - The native target is registered.
 * - A handler for LLVM's fatal errors ("Cannot select", "no libcall available"), which
 *   would abort the process. The handler jumps back into the compile of the thread that
 *   failed, and does nothing in threads that are not inside a compile. What LLVM held
 *   then is lost on purpose: the module and the machine are abandoned, never freed and
 *   never used again.
 * - Loop strength reduction is switched off, for which LLVM has no other way than its
 *   global options. Kernels address arrays as base + index*size already, so the pass
 *   finds nothing and takes a fifth of the compile time. Others who share this copy of
 *   libLLVM get the same, correct code without that pass.
 *
 * Code is generated at level 1 without any IR pass. For a row-wise softmax (125
 * instructions in four loops) that takes 3.0 ms, with loop strength reduction 3.9, at
 * level 2 3.4. Loops over one function of vmath.h run within 5 % at levels 1 and 2; at
 * level 0 they compile in half the time and run 5 to 50 % slower.
 */
#include "compiler/llvm/ir.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/ErrorHandling.h>
#include <llvm-c/Support.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_MACHINES 8

struct lj_machine_pool {
  struct lj_target target; /* what the pool's users see; points back here */
  lossjit_allocator allocator;
  LLVMTargetRef llvm;
  char *layout;
  pthread_mutex_t lock; /* of what follows */
  uint32_t idle_count;
  LLVMTargetMachineRef idle[IDLE_MACHINES];
};

/* ---- once per process ------------------------------------------------------------ */

struct escape {
  jmp_buf jump;
  char reason[160];
};

static _Thread_local struct escape *escape_of_thread;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void on_fatal_error(const char *reason)
{
  struct escape *escape = escape_of_thread;
  if (!escape)
    return;
  snprintf(escape->reason, sizeof escape->reason, "%s", reason);
  longjmp(escape->jump, 1);
}

static void prepare_llvm(void)
{
  LLVMInitializeNativeTarget();
  LLVMInitializeNativeAsmPrinter();
  LLVMInstallFatalErrorHandler(on_fatal_error);
  static const char *const options[] = {"lossjit", "-disable-lsr"};
  LLVMParseCommandLineOptions(LJ_COUNT(options), options, "");
}

/* ---- describing the target ------------------------------------------------------- */

/* Is `+name` in LLVM's list of features? */
static bool has_feature(const char *features, const char *name)
{
  size_t length = strlen(name);
  for (const char *at = features; (at = strstr(at, name)); at++)
    if (at > features && at[-1] == '+' && (at[length] == ',' || !at[length]))
      return true;
  return false;
}

static bool has_all(const char *features, const char *const *names)
{
  for (; *names; names++)
    if (!has_feature(features, *names))
      return false;
  return true;
}

static const char *const level_3[] = {"avx2", "fma",   "bmi",   "bmi2",
                                      "f16c", "lzcnt", "movbe", NULL};
static const char *const level_4[] = {"avx512f",  "avx512dq", "avx512vl",
                                      "avx512bw", "avx512cd", NULL};

/* A level of x86-64 by name: what it implies, and whether the host has it. */
static bool describe_level(struct lj_target *target, const char *name, const char *host)
{
  bool is_4 = strcmp(name, "avx512") == 0;
  bool is_3 = is_4 || strcmp(name, "avx2") == 0;
  if (!is_3 && strcmp(name, "baseline") != 0)
    return false;
  target->name = is_4 ? "avx512" : is_3 ? "avx2" : "baseline";
  target->cpu = is_4 ? "x86-64-v4" : is_3 ? "x86-64-v3" : "x86-64";
  target->features = "";
  target->has_fma = target->has_avx2 = target->has_sse41 = is_3;
  target->has_avx512 = is_4;
  target->runs_here =
      (!is_3 || has_all(host, level_3)) && (!is_4 || has_all(host, level_4));
  return true;
}

static bool describe_x86(struct lj_target *target, const char *name, const char *host)
{
  target->is_x86_64 = true;
  if (name) {
    if (!describe_level(target, name, host))
      return false;
  } else {
    target->has_sse41 = has_feature(host, "sse4.1");
    target->has_fma = has_feature(host, "fma");
    target->has_avx2 = target->has_fma && has_feature(host, "avx2");
    target->has_avx512 = target->has_avx2 && has_all(host, level_4);
  }
  target->vector_bits = target->has_avx512 ? 512 : target->has_avx2 ? 256 : 128;
  return true;
}

static bool describe_aarch64(struct lj_target *target, const char *name)
{
  if (name && strcmp(name, "baseline") != 0)
    return false;
  if (name) {
    target->name = "baseline";
    target->cpu = "generic";
    target->features = "+neon";
  }
  target->is_aarch64 = true;
  target->has_fma = true;
  target->vector_bits = 128;
  return true;
}

/* Fill in the flags. For "host" `target` has the host's cpu and features already. */
static bool describe(struct lj_target *target, const char *name)
{
  const char *host = target->features;
  target->runs_here = true;
  if (strncmp(target->triple, "x86_64", 6) == 0)
    return describe_x86(target, name, host);
  if (strncmp(target->triple, "aarch64", 7) == 0)
    return describe_aarch64(target, name);
  return false;
}

/* ---- making and releasing -------------------------------------------------------- */

static void *resize_default(void *user, void *memory, size_t size)
{
  (void)user;
  if (size)
    return realloc(memory, size);
  free(memory);
  return NULL;
}

/* What the target's strings come from; all of it is freed again. */
struct host_facts {
  char *triple, *cpu, *features;
};

static char *append(char **at, const char *text)
{
  char *start = *at;
  size_t size = strlen(text) + 1;
  memcpy(start, text, size);
  *at += size;
  return start;
}

/* The pool and its strings are one block of memory. NULL: no memory. */
static struct lj_machine_pool *allocate_pool(const lossjit_allocator *allocator,
                                             const struct host_facts *facts)
{
  static const lossjit_allocator plain = {resize_default, NULL};
  unsigned major, minor, patch;
  char version[40];
  LLVMGetVersion(&major, &minor, &patch);
  snprintf(version, sizeof version, "LLVM %u.%u.%u", major, minor, patch);

  if (!allocator)
    allocator = &plain;
  size_t size = sizeof(struct lj_machine_pool) + strlen(facts->triple) +
                strlen(facts->cpu) + strlen(facts->features) + sizeof version + 4;
  struct lj_machine_pool *pool = allocator->resize(allocator->user, NULL, size);
  if (!pool)
    return NULL;
  memset(pool, 0, size);
  char *at = (char *)(pool + 1);
  pool->allocator = *allocator;
  pool->target.pool = pool;
  pool->target.name = "host";
  pool->target.triple = append(&at, facts->triple);
  pool->target.cpu = append(&at, facts->cpu);
  pool->target.features = append(&at, facts->features);
  pool->target.version = append(&at, version);
  pthread_mutex_init(&pool->lock, NULL);
  return pool;
}

static LLVMTargetMachineRef create_machine(const struct lj_machine_pool *pool)
{
  return LLVMCreateTargetMachine(pool->llvm, pool->target.triple, pool->target.cpu,
                                 pool->target.features, LLVMCodeGenLevelLess,
                                 LLVMRelocPIC, LLVMCodeModelSmall);
}

/* The first machine is made at once: it tells the data layout. */
static bool start_pool(struct lj_machine_pool *pool)
{
  char *error = NULL;
  if (LLVMGetTargetFromTriple(pool->target.triple, &pool->llvm, &error)) {
    LLVMDisposeMessage(error);
    return false;
  }
  LLVMTargetMachineRef machine = create_machine(pool);
  if (!machine)
    return false;
  pool->idle[pool->idle_count++] = machine;
  LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
  pool->layout = LLVMCopyStringRepOfTargetData(layout);
  LLVMDisposeTargetData(layout);
  return true;
}

void lj_target_release(struct lj_target *target)
{
  if (!target)
    return;
  struct lj_machine_pool *pool = target->pool;
  for (uint32_t i = 0; i < pool->idle_count; i++)
    LLVMDisposeTargetMachine(pool->idle[i]);
  if (pool->layout)
    LLVMDisposeMessage(pool->layout);
  pthread_mutex_destroy(&pool->lock);
  pool->allocator.resize(pool->allocator.user, pool, 0);
}

struct lj_target *lj_target_create(const char *name, const lossjit_allocator *allocator,
                                   struct lj_trap *trap)
{
  pthread_once(&once, prepare_llvm);
  if (name && strcmp(name, "host") == 0)
    name = NULL;
  struct host_facts facts = {LLVMGetDefaultTargetTriple(), LLVMGetHostCPUName(),
                             LLVMGetHostCPUFeatures()};
  struct lj_machine_pool *pool = allocate_pool(allocator, &facts);
  LLVMDisposeMessage(facts.triple);
  LLVMDisposeMessage(facts.cpu);
  LLVMDisposeMessage(facts.features);
  if (!pool)
    lj_trap_fail(trap, LOSSJIT_NO_MEMORY, "out of memory");
  if (!describe(&pool->target, name)) {
    lj_target_release(&pool->target);
    lj_trap_fail(trap, LOSSJIT_ARGUMENT, "unknown target '%s'", name ? name : "host");
  }
  if (!start_pool(pool)) {
    lj_target_release(&pool->target);
    lj_trap_fail(trap, LOSSJIT_INTERNAL, "LLVM has no code generator for this machine");
  }
  return &pool->target;
}

/* ---- modules and functions ------------------------------------------------------- */

void lj_target_describe_module(const struct lj_target *target, struct lj_trap *trap,
                               LLVMModuleRef module)
{
  LJ_CHECK(trap, target->pool->layout != NULL);
  LLVMSetTarget(module, target->triple);
  LLVMSetDataLayout(module, target->pool->layout);
}

void lj_target_describe_function(const struct lj_target *target, LLVMValueRef function)
{
  LLVMAddTargetDependentFunctionAttr(function, "target-cpu", target->cpu);
  if (target->features[0])
    LLVMAddTargetDependentFunctionAttr(function, "target-features", target->features);
  /* Some processors prefer 256 bits by default; lossjit chooses the width itself. */
  if (target->has_avx512)
    LLVMAddTargetDependentFunctionAttr(function, "prefer-vector-width", "512");
}

/* ---- code ------------------------------------------------------------------------ */

static LLVMTargetMachineRef take_machine(struct lj_machine_pool *pool)
{
  LLVMTargetMachineRef machine = NULL;
  pthread_mutex_lock(&pool->lock);
  if (pool->idle_count)
    machine = pool->idle[--pool->idle_count];
  pthread_mutex_unlock(&pool->lock);
  return machine ? machine : create_machine(pool);
}

static void give_machine_back(struct lj_machine_pool *pool,
                              LLVMTargetMachineRef machine)
{
  pthread_mutex_lock(&pool->lock);
  if (pool->idle_count < IDLE_MACHINES) {
    pool->idle[pool->idle_count++] = machine;
    machine = NULL;
  }
  pthread_mutex_unlock(&pool->lock);
  if (machine)
    LLVMDisposeTargetMachine(machine);
}

/* Run LLVM's code generator where a fatal error comes back as false with a reason. */
static bool emit_guarded(struct lj_ir *ir, LLVMTargetMachineRef machine,
                         LLVMCodeGenFileType kind, struct escape *escape,
                         LLVMMemoryBufferRef *buffer)
{
  char *error = NULL;
  struct escape *outer = escape_of_thread;
  escape_of_thread = escape;
  if (setjmp(escape->jump)) {
    escape_of_thread = outer;
    ir->abandoned = true;
    return false;
  }
  bool failed =
      LLVMTargetMachineEmitToMemoryBuffer(machine, ir->module, kind, &error, buffer);
  escape_of_thread = outer;
  if (failed) {
    snprintf(escape->reason, sizeof escape->reason, "%s", error ? error : "no reason");
    LLVMDisposeMessage(error);
  }
  return !failed;
}

static LLVMMemoryBufferRef emit(struct lj_ir *ir, LLVMCodeGenFileType kind)
{
  struct lj_machine_pool *pool = ir->target->pool;
  LLVMMemoryBufferRef buffer = NULL;
  struct escape escape;
  escape.reason[0] = 0;
#ifndef NDEBUG
  lj_ir_verify(ir);
#endif
  LLVMTargetMachineRef machine = take_machine(pool);
  LJ_CHECK(ir->trap, machine != NULL);
  bool done = emit_guarded(ir, machine, kind, &escape, &buffer);
  if (!ir->abandoned)
    give_machine_back(pool, machine);
  if (done && ir->diagnostic[0]) {
    LLVMDisposeMemoryBuffer(buffer);
    lj_trap_fail(ir->trap, LOSSJIT_INTERNAL, "LLVM: %s", ir->diagnostic);
  }
  if (!done)
    lj_trap_fail(ir->trap, LOSSJIT_INTERNAL, "LLVM: %s", escape.reason);
  return buffer;
}

LLVMMemoryBufferRef lj_target_object(struct lj_ir *ir)
{
  return emit(ir, LLVMObjectFile);
}

LLVMMemoryBufferRef lj_target_assembly(struct lj_ir *ir)
{
  return emit(ir, LLVMAssemblyFile);
}
