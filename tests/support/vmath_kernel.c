/* See vmath_kernel.h. */
#include "tests/support/vmath_kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *resize(void *user, void *memory, size_t size)
{
  (void)user;
  if (size)
    return realloc(memory, size);
  free(memory);
  return NULL;
}

const lossjit_allocator lj_test_allocator = {resize, NULL};

static void build_kernel(struct lj_ir *ir, lj_vmath_unary *unary,
                         lj_vmath_binary *binary, bool is_f64, uint32_t lanes)
{
  char name[16];
  snprintf(name, sizeof name, "f%u", lanes);
  LLVMTypeRef parameters[] = {ir->pointer, ir->pointer, ir->pointer, ir->i64};
  LLVMValueRef function = lj_ir_function(ir, name, ir->none, parameters, 4);
  LLVMTypeRef element = is_f64 ? ir->f64 : ir->f32;
  LLVMTypeRef type = lj_ir_vector(ir, element, lanes);
  struct lj_ir_loop loop;
  lj_ir_loop_begin(ir, &loop, lj_ir_index(ir, 0), LLVMGetParam(function, 3), lanes,
                   NULL, 0);
  LLVMValueRef at[3], y;
  for (unsigned i = 0; i < 3; i++)
    at[i] = lj_ir_offset(ir, element, LLVMGetParam(function, i), loop.index);
  LLVMValueRef a = lj_ir_load(ir, type, at[0]);
  y = unary ? unary(ir, a) : binary(ir, a, lj_ir_load(ir, type, at[1]));
  lj_ir_store(ir, y, at[2]);
  lj_ir_loop_end(ir, &loop, NULL);
  LLVMBuildRetVoid(ir->builder);
}

static void load(struct lj_ir *ir, struct lj_vmath_code *code)
{
  char error[200] = "";
  LLVMMemoryBufferRef object = lj_target_object(ir);
  lossjit_status status =
      lj_code_load(LLVMGetBufferStart(object), LLVMGetBufferSize(object),
                   &lj_test_allocator, &code->code, error, sizeof error);
  LLVMDisposeMemoryBuffer(object);
  if (status)
    lj_trap_fail(ir->trap, status, "loader: %s", error);
  for (int i = 0; i < LJ_VMATH_WIDTHS; i++) {
    char name[16];
    snprintf(name, sizeof name, "f%u", code->widths[i]);
    void *address = lj_code_symbol(code->code, name);
    memcpy(&code->kernels[i], &address, sizeof address);
  }
}

void lj_vmath_compile(const struct lj_target *target, lj_vmath_unary *unary,
                      lj_vmath_binary *binary, bool is_f64, struct lj_trap *trap,
                      struct lj_vmath_code *code)
{
  static const uint32_t widths[2][LJ_VMATH_WIDTHS] = {{1, 4, 8, 16}, {1, 2, 4, 8}};
  uint32_t before = 0;
  struct lj_ir ir;
  struct lj_trap inner;
  memset(&ir, 0, sizeof ir);
  if (setjmp(inner.escape)) {
    lj_ir_close(&ir);
    lj_trap_fail(trap, inner.status, "%s", inner.message);
  }
  lj_ir_open(&ir, target, "vmath", &inner);
  memcpy(code->widths, widths[is_f64], sizeof code->widths);
  for (int i = 0; i < LJ_VMATH_WIDTHS; i++) {
    before = lj_ir_instruction_count(&ir);
    build_kernel(&ir, unary, binary, is_f64, code->widths[i]);
  }
  /* phi, compare, branch, two addresses, load, store, add, branch, branch, return */
  code->instructions = lj_ir_instruction_count(&ir) - before - (unary ? 12 : 13);
  load(&ir, code);
  lj_ir_close(&ir);
}

char *lj_vmath_assembly(const struct lj_target *target, lj_vmath_unary *unary,
                        lj_vmath_binary *binary, bool is_f64, uint32_t lanes,
                        struct lj_trap *trap)
{
  struct lj_ir ir;
  lj_ir_open(&ir, target, "vmath", trap);
  build_kernel(&ir, unary, binary, is_f64, lanes);
  LLVMMemoryBufferRef buffer = lj_target_assembly(&ir);
  char *text = strndup(LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer));
  LLVMDisposeMemoryBuffer(buffer);
  lj_ir_close(&ir);
  return text;
}
