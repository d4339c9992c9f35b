/*
 * Kernels that apply one function of compiler/llvm/vmath.h to an array, compiled for a
 * given target, element type and number of lanes.
 */
#ifndef LJ_TESTS_VMATH_KERNEL_H
#define LJ_TESTS_VMATH_KERNEL_H

#include "compiler/llvm/vmath.h"
#include "runtime/loader.h"

typedef LLVMValueRef lj_vmath_unary(struct lj_ir *ir, LLVMValueRef x);
typedef LLVMValueRef lj_vmath_binary(struct lj_ir *ir, LLVMValueRef a, LLVMValueRef b);

/* y[i] = f(a[i], b[i]) for i < count, a multiple of the lanes; arrays of float or
 * double. */
typedef void lj_vmath_kernel(const void *a, const void *b, void *y, int64_t count);

#define LJ_VMATH_WIDTHS 4

/* The same function at several widths; widths[i] lanes is kernels[i]. */
struct lj_vmath_code {
  struct lj_code *code;
  uint32_t widths[LJ_VMATH_WIDTHS];
  lj_vmath_kernel *kernels[LJ_VMATH_WIDTHS];
  uint32_t instructions; /* of IR, at the last width, without the loop around them */
};

/* Build, compile and load; exactly one of `unary` and `binary` is set. A failure is put
 * into `trap` and jumps. f32: 1, 4, 8, 16 lanes; f64: 1, 2, 4, 8. */
void lj_vmath_compile(const struct lj_target *target, lj_vmath_unary *unary,
                      lj_vmath_binary *binary, bool is_f64, struct lj_trap *trap,
                      struct lj_vmath_code *code);

/* The functions as assembly, to be looked at; freed with free. */
char *lj_vmath_assembly(const struct lj_target *target, lj_vmath_unary *unary,
                        lj_vmath_binary *binary, bool is_f64, uint32_t lanes,
                        struct lj_trap *trap);

/* malloc, realloc and free, as an allocator. */
extern const lossjit_allocator lj_test_allocator;

#endif
