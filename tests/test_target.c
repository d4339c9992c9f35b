/*
 * Targets: what each name stands for, code that runs, code that is only looked at, and
 * what becomes of failures inside LLVM: all of them come back through the trap.
 */
#include "compiler/llvm/ir.h"
#include "runtime/loader.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- help ------------------------------------------------------------------------ */

/* An allocator that counts what is alive and can refuse. */
struct hook {
  int alive;
  bool refuse;
};

static void *resize(void *user, void *memory, size_t size)
{
  struct hook *hook = user;
  if (!size) {
    hook->alive -= memory != NULL;
    free(memory);
    return NULL;
  }
  if (hook->refuse)
    return NULL;
  hook->alive += memory == NULL;
  return realloc(memory, size);
}

/* NULL where the name is none of this architecture's. */
static struct lj_target *target_or_null(const char *name)
{
  struct lj_trap trap;
  if (setjmp(trap.escape))
    return NULL;
  return lj_target_create(name, NULL, &trap);
}

static struct lj_target *target_named(const char *name)
{
  struct lj_target *target = target_or_null(name);
  assert_non_null(target);
  return target;
}

/* y[i] = a*y[i] + 1 for the first register's worth of floats. */
static void build_sample(struct lj_ir *ir)
{
  uint32_t lanes = lj_target_lanes(ir->target, 4);
  LLVMTypeRef parameters[] = {ir->pointer, ir->f32};
  LLVMValueRef f = lj_ir_function(ir, "sample", ir->none, parameters, 2);
  LLVMTypeRef type = lj_ir_vector(ir, ir->f32, lanes);
  LLVMValueRef y = lj_ir_load(ir, type, LLVMGetParam(f, 0));
  LLVMValueRef a = lj_ir_splat(ir, LLVMGetParam(f, 1), lanes);
  y = lj_ir_fma(ir, a, y, lj_ir_number(ir, type, 1));
  lj_ir_store(ir, y, LLVMGetParam(f, 0));
  LLVMBuildRetVoid(ir->builder);
}

static char *assembly_of(const struct lj_target *target)
{
  struct lj_ir ir;
  struct lj_trap trap;
  if (setjmp(trap.escape))
    fail_msg("%s", trap.message);
  lj_ir_open(&ir, target, "sample", &trap);
  build_sample(&ir);
  LLVMMemoryBufferRef buffer = lj_target_assembly(&ir);
  char *text = strndup(LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer));
  LLVMDisposeMemoryBuffer(buffer);
  lj_ir_close(&ir);
  return text;
}

/* Compile the sample, load it and run it: NULL, or what went wrong. */
static const char *run_sample(const struct lj_target *target)
{
  static const char wrong[] = "a wrong result", not_loaded[] = "not loaded";
  struct hook hook = {0};
  lossjit_allocator allocator = {resize, &hook};
  struct lj_code *code;
  struct lj_ir ir = {0};
  struct lj_trap trap;
  if (setjmp(trap.escape))
    return "a failure";
  lj_ir_open(&ir, target, "sample", &trap);
  build_sample(&ir);
  LLVMMemoryBufferRef object = lj_target_object(&ir);
  lossjit_status status =
      lj_code_load(LLVMGetBufferStart(object), LLVMGetBufferSize(object), &allocator,
                   &code, NULL, 0);
  LLVMDisposeMemoryBuffer(object);
  lj_ir_close(&ir);
  if (status)
    return not_loaded;
  void *address = lj_code_symbol(code, "sample");
  void (*sample)(float *, float);
  memcpy(&sample, &address, sizeof address);
  float y[16] = {0, 1, 2, 3};
  sample(y, 2);
  lj_code_release(code);
  return y[0] == 1 && y[1] == 3 && y[2] == 5 && y[3] == 7 ? NULL : wrong;
}

/* ---- names ----------------------------------------------------------------------- */

static void test_host(void **state)
{
  (void)state;
  struct lj_target *host = target_named(NULL), *named = target_named("host");
  assert_string_equal(host->name, "host");
  assert_string_equal(named->cpu, host->cpu);
  assert_true(host->runs_here);
  assert_true(host->is_x86_64 != host->is_aarch64);
  assert_true(strncmp(host->version, "LLVM ", 5) == 0);
  assert_true(host->vector_bits >= 128);
  assert_int_equal(lj_target_lanes(host, 4), host->vector_bits / 32);
  lj_target_release(host);
  lj_target_release(named);
}

static void test_levels(void **state)
{
  (void)state;
  struct lj_target *baseline = target_named("baseline");
  assert_int_equal(baseline->vector_bits, 128);
  assert_true(baseline->runs_here);
  if (baseline->is_x86_64) {
    struct lj_target *avx2 = target_named("avx2"), *avx512 = target_named("avx512");
    assert_false(baseline->has_fma);
    assert_int_equal(avx2->vector_bits, 256);
    assert_true(avx2->has_fma && avx2->has_avx2 && !avx2->has_avx512);
    assert_int_equal(avx512->vector_bits, 512);
    assert_true(avx512->has_avx512);
    lj_target_release(avx2);
    lj_target_release(avx512);
  }
  lj_target_release(baseline);
}

static void test_unknown_name(void **state)
{
  (void)state;
  struct lj_trap trap;
  if (!setjmp(trap.escape)) {
    lj_target_create("mmx", NULL, &trap);
    fail_msg("a target called mmx");
  }
  assert_int_equal(trap.status, LOSSJIT_ARGUMENT);
  assert_non_null(strstr(trap.message, "mmx"));
}

static void test_allocator(void **state)
{
  (void)state;
  struct hook hook = {0};
  lossjit_allocator allocator = {resize, &hook};
  struct lj_trap trap;
  if (setjmp(trap.escape))
    fail_msg("%s", trap.message);
  struct lj_target *target = lj_target_create("baseline", &allocator, &trap);
  assert_int_equal(hook.alive, 1);
  lj_target_release(target);
  assert_int_equal(hook.alive, 0);
  lj_target_release(NULL);
}

static void test_no_memory(void **state)
{
  (void)state;
  struct hook hook = {0, true};
  lossjit_allocator allocator = {resize, &hook};
  struct lj_trap trap;
  if (!setjmp(trap.escape)) {
    lj_target_create(NULL, &allocator, &trap);
    fail_msg("a target without memory");
  }
  assert_int_equal(trap.status, LOSSJIT_NO_MEMORY);
}

/* ---- code ------------------------------------------------------------------------ */

static void test_runs(void **state)
{
  (void)state;
  static const char *const names[] = {"host", "baseline", "avx2", "avx512"};
  for (size_t i = 0; i < LJ_COUNT(names); i++) {
    struct lj_target *target = target_or_null(names[i]);
    if (target && target->runs_here)
      assert_null(run_sample(target));
    lj_target_release(target);
  }
}

/* A level can be looked at on a machine that could not run it. */
static void test_assembly(void **state)
{
  (void)state;
  static const char *const names[] = {"baseline", "avx2", "avx512"};
  static const char *const registers[] = {"%xmm", "%ymm", "%zmm"};
  for (size_t i = 0; i < LJ_COUNT(names); i++) {
    struct lj_target *target = target_or_null(names[i]);
    if (!target || !target->is_x86_64) {
      lj_target_release(target);
      continue;
    }
    char *text = assembly_of(target);
    assert_non_null(strstr(text, registers[i]));
    assert_null(i < 2 ? strstr(text, registers[i + 1]) : NULL);
    assert_null(strstr(text, "call"));
    assert_true((strstr(text, "vfmadd") != NULL) == target->has_fma);
    free(text);
    lj_target_release(target);
  }
}

static void *compile_often(void *target)
{
  for (int i = 0; i < 10; i++) {
    const char *failure = run_sample(target);
    if (failure)
      return (void *)failure;
  }
  return NULL;
}

static void test_threads(void **state)
{
  (void)state;
  struct lj_target *target = target_named(NULL);
  pthread_t threads[4];
  for (size_t i = 0; i < LJ_COUNT(threads); i++)
    assert_int_equal(pthread_create(&threads[i], NULL, compile_often, target), 0);
  for (size_t i = 0; i < LJ_COUNT(threads); i++) {
    void *failure;
    pthread_join(threads[i], &failure);
    assert_null(failure);
  }
  lj_target_release(target);
}

/* ---- failures -------------------------------------------------------------------- */

/* What LLVM holds when it fails is lost on purpose. Leak checkers, where one is linked
 * in, are told to leave it alone. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static void expect_leaks(bool yes)
{
  if (__lsan_disable && __lsan_enable)
    yes ? __lsan_disable() : __lsan_enable();
}

/* A module whose one function does what `build` appends; the trap's message must hold
 * `words`, and the target must work afterwards. */
static void expect_failure(const char *name, void (*build)(struct lj_ir *ir),
                           const char *words)
{
  struct lj_target *target = target_named(name);
  struct lj_ir ir = {0};
  struct lj_trap trap;
  expect_leaks(true);
  if (!setjmp(trap.escape)) {
    lj_ir_open(&ir, target, "broken", &trap);
    lj_ir_function(&ir, "broken", ir.none, NULL, 0);
    build(&ir);
    lj_target_object(&ir);
    fail_msg("code for a broken module");
  }
  lj_ir_close(&ir);
  expect_leaks(false);
  assert_int_equal(trap.status, LOSSJIT_INTERNAL);
  if (!strstr(trap.message, words))
    fail_msg("'%s' in '%s'", words, trap.message);
  if (target->runs_here)
    assert_null(run_sample(target));
  lj_target_release(target);
}

static void build_without_terminator(struct lj_ir *ir)
{
  (void)ir;
}

static void test_broken_ir(void **state)
{
  (void)state;
  expect_failure(NULL, build_without_terminator, "terminator");
}

/* An instruction of AVX-512 where there is none: LLVM would abort the process. */
static void build_unselectable(struct lj_ir *ir)
{
  LLVMTypeRef type = lj_ir_vector(ir, ir->f32, 16);
  LLVMValueRef one = lj_ir_number(ir, type, 1);
  LLVMValueRef place = LLVMBuildAlloca(ir->builder, type, "");
  LLVMValueRef x = LLVMBuildLoad2(ir->builder, type, place, "");
  LLVMValueRef mask = LLVMConstAllOnes(ir->i16);
  LLVMValueRef arguments[] = {x, one, x, mask, lj_ir_integer(ir, ir->i32, 4)};
  LLVMValueRef y =
      lj_ir_intrinsic(ir, "llvm.x86.avx512.mask.scalef.ps.512", NULL, 0, arguments, 5);
  LLVMBuildStore(ir->builder, y, place);
  LLVMBuildRetVoid(ir->builder);
}

static void test_unselectable(void **state)
{
  (void)state;
  struct lj_target *baseline = target_named("baseline");
  bool is_x86_64 = baseline->is_x86_64;
  lj_target_release(baseline);
  if (is_x86_64)
    expect_failure("baseline", build_unselectable, "LLVM");
}

/* Inline assembly that no assembler knows: without a handler LLVM prints and exits. */
static void build_bad_assembly(struct lj_ir *ir)
{
  static const char text[] = "frobnicate";
  LLVMTypeRef type = LLVMFunctionType(ir->none, NULL, 0, false);
  LLVMValueRef assembly = LLVMGetInlineAsm(type, text, sizeof text - 1, "", 0, true,
                                           false, LLVMInlineAsmDialectATT, false);
  LLVMBuildCall2(ir->builder, type, assembly, NULL, 0, "");
  LLVMBuildRetVoid(ir->builder);
}

static void test_bad_assembly(void **state)
{
  (void)state;
  expect_failure(NULL, build_bad_assembly, "LLVM");
}

static void test_unknown_intrinsic(void **state)
{
  (void)state;
  struct lj_target *target = target_named(NULL);
  struct lj_ir ir = {0};
  struct lj_trap trap;
  if (!setjmp(trap.escape)) {
    lj_ir_open(&ir, target, "unknown", &trap);
    lj_ir_function(&ir, "unknown", ir.none, NULL, 0);
    lj_ir_intrinsic(&ir, "llvm.no.such.thing", NULL, 0, NULL, 0);
    fail_msg("an intrinsic that LLVM does not have");
  }
  lj_ir_close(&ir);
  assert_int_equal(trap.status, LOSSJIT_INTERNAL);
  lj_target_release(target);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_host),         cmocka_unit_test(test_levels),
      cmocka_unit_test(test_unknown_name), cmocka_unit_test(test_allocator),
      cmocka_unit_test(test_no_memory),    cmocka_unit_test(test_runs),
      cmocka_unit_test(test_assembly),     cmocka_unit_test(test_threads),
      cmocka_unit_test(test_broken_ir),    cmocka_unit_test(test_unselectable),
      cmocka_unit_test(test_bad_assembly), cmocka_unit_test(test_unknown_intrinsic),
  };
  return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
