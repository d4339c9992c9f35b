/*
 * The machine code is made for, and the way from a module to an object or to assembly.
 *
 * A target is named: "host" (or NULL) is the processor we run on; "avx512" (x86-64-v4),
 * "avx2" (x86-64-v3) and "baseline" (x86-64-v1, or generic AArch64) are levels for
 * tests and for looking at code. A level that the host cannot run may still be made and
 * printed; `runs_here` says so. On AArch64 only "host" and "baseline" exist.
 *
 * A target is immutable as far as its users can see and may be shared by threads: it
 * keeps a small pool of LLVM target machines behind a mutex, one for each compile that
 * runs.
 *
 * Objects are ELF, position independent, in the small code model. Emitted code calls
 * nothing outside itself: the loader refuses an object with an undefined symbol.
 *
 * Everything that depends on the version of LLVM is in target.c.
 */
#ifndef LJ_LLVM_TARGET_H
#define LJ_LLVM_TARGET_H

#include "compiler/base.h"

#include <llvm-c/Types.h>

struct lj_ir;
struct lj_machine_pool;

struct lj_target {
  const char *name;     /* "host", "avx512", "avx2", "baseline" */
  const char *triple;   /* "x86_64-pc-linux-gnu" */
  const char *cpu;      /* "znver4", "x86-64-v3" */
  const char *features; /* "+avx2,+fma,...": part of a kernel's cache key */
  const char *version;  /* "LLVM 19.1.7": likewise */
  uint32_t vector_bits; /* 512, 256 or 128: the widest register to use */
  bool is_x86_64, is_aarch64;
  bool has_fma;    /* fused multiply-add in hardware */
  bool has_sse41;  /* x86: roundps, blendvps */
  bool has_avx2;   /* x86: AVX2 and FMA */
  bool has_avx512; /* x86: F, DQ, VL and BW; prefers 512-bit registers */
  bool runs_here;  /* this process can execute the code */
  struct lj_machine_pool *pool;
};

/* Make the target called `name`; NULL is "host". An unknown name leaves through the
 * trap with LOSSJIT_ARGUMENT. `allocator` may be NULL (malloc) and must outlive the
 * target. */
struct lj_target *lj_target_create(const char *name, const lossjit_allocator *allocator,
                                   struct lj_trap *trap);
void lj_target_release(struct lj_target *target); /* NULL: nothing */

/* Lanes of `bytes` bytes each in one vector register. */
static inline uint32_t lj_target_lanes(const struct lj_target *target, uint32_t bytes)
{
  return target->vector_bits / 8 / bytes;
}

/* Machine code for the whole module: the bytes of an ELF object, or assembly text. The
 * caller gives the buffer back with LLVMDisposeMemoryBuffer. A failure inside LLVM (our
 * bug) leaves through the trap of `ir` with LOSSJIT_INTERNAL and LLVM's own words.
 * Either changes the module, so it is called once per module; print the IR before. */
LLVMMemoryBufferRef lj_target_object(struct lj_ir *ir);
LLVMMemoryBufferRef lj_target_assembly(struct lj_ir *ir);

/* For ir.c: give a module the target's triple and data layout, and a function the
 * attributes that make LLVM use the target's registers. */
void lj_target_describe_module(const struct lj_target *target, struct lj_trap *trap,
                               LLVMModuleRef module);
void lj_target_describe_function(const struct lj_target *target, LLVMValueRef function);

#endif
