/*
 * The module under construction: opening and closing it, types, constants, conversions.
 *
 * The helpers of ir.h live in three files: this one, ir_math.c (arithmetic and what
 * goes across lanes) and ir_flow.c (functions, loops, memory). All of them are thin:
 * one LLVM instruction where possible, and the builder folds constants by itself.
 *
 * A module has a context of its own, with a diagnostic handler: without one LLVM writes
 * complaints to standard error and calls exit for some of them.
 */
#include "compiler/llvm/ir.h"

#include <llvm-c/Analysis.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

static void keep_diagnostic(LLVMDiagnosticInfoRef info, void *user)
{
  struct lj_ir *ir = user;
  if (LLVMGetDiagInfoSeverity(info) != LLVMDSError || ir->diagnostic[0])
    return;
  char *text = LLVMGetDiagInfoDescription(info);
  snprintf(ir->diagnostic, sizeof ir->diagnostic, "%s", text);
  LLVMDisposeMessage(text);
}

static void cache_types(struct lj_ir *ir)
{
  ir->i1 = LLVMInt1TypeInContext(ir->context);
  ir->i8 = LLVMInt8TypeInContext(ir->context);
  ir->i16 = LLVMInt16TypeInContext(ir->context);
  ir->i32 = LLVMInt32TypeInContext(ir->context);
  ir->i64 = LLVMInt64TypeInContext(ir->context);
  ir->f32 = LLVMFloatTypeInContext(ir->context);
  ir->f64 = LLVMDoubleTypeInContext(ir->context);
  ir->pointer = LLVMPointerTypeInContext(ir->context, 0);
  ir->none = LLVMVoidTypeInContext(ir->context);
}

void lj_ir_open(struct lj_ir *ir, const struct lj_target *target, const char *name,
                struct lj_trap *trap)
{
  memset(ir, 0, sizeof *ir);
  ir->target = target;
  ir->trap = trap;
  ir->flags = LLVMFastMathAllowContract;
  ir->context = LLVMContextCreate();
  LLVMContextSetDiagnosticHandler(ir->context, keep_diagnostic, ir);
  ir->module = LLVMModuleCreateWithNameInContext(name, ir->context);
  ir->builder = LLVMCreateBuilderInContext(ir->context);
  cache_types(ir);
  lj_target_describe_module(target, trap, ir->module);
}

void lj_ir_close(struct lj_ir *ir)
{
  if (ir->context && !ir->abandoned) {
    LLVMDisposeBuilder(ir->builder);
    LLVMDisposeModule(ir->module);
    LLVMContextDispose(ir->context);
  }
  memset(ir, 0, sizeof *ir);
}

void lj_ir_verify(struct lj_ir *ir)
{
  char *text = NULL;
  char kept[200];
  bool broken = LLVMVerifyModule(ir->module, LLVMReturnStatusAction, &text);
  snprintf(kept, sizeof kept, "%s", text ? text : "");
  LLVMDisposeMessage(text);
  if (broken)
    lj_trap_fail(ir->trap, LOSSJIT_INTERNAL, "broken IR: %s", kept);
}

char *lj_ir_text(struct lj_ir *ir)
{
  return LLVMPrintModuleToString(ir->module);
}

uint32_t lj_ir_instruction_count(const struct lj_ir *ir)
{
  uint32_t count = 0;
  for (LLVMValueRef f = LLVMGetFirstFunction(ir->module); f; f = LLVMGetNextFunction(f))
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b;
         b = LLVMGetNextBasicBlock(b))
      for (LLVMValueRef i = LLVMGetFirstInstruction(b); i;
           i = LLVMGetNextInstruction(i))
        count++;
  return count;
}

LLVMFastMathFlags lj_ir_exact(struct lj_ir *ir)
{
  LLVMFastMathFlags before = ir->flags;
  ir->flags = LLVMFastMathNone;
  return before;
}

LLVMValueRef lj_ir_intrinsic(struct lj_ir *ir, const char *name, LLVMTypeRef *types,
                             uint32_t type_count, LLVMValueRef *arguments,
                             uint32_t argument_count)
{
  unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
  LJ_CHECK(ir->trap, id != 0);
  LLVMValueRef function =
      LLVMGetIntrinsicDeclaration(ir->module, id, types, type_count);
  LLVMTypeRef type = LLVMIntrinsicGetType(ir->context, id, types, type_count);
  LLVMValueRef call =
      LLVMBuildCall2(ir->builder, type, function, arguments, argument_count, "");
  if (ir->flags && LLVMCanValueUseFastMathFlags(call))
    LLVMSetFastMathFlags(call, ir->flags);
  return call;
}

/* ---- types ----------------------------------------------------------------------- */

static bool is_vector(LLVMTypeRef type)
{
  return LLVMGetTypeKind(type) == LLVMVectorTypeKind;
}

LLVMTypeRef lj_ir_vector(struct lj_ir *ir, LLVMTypeRef element, uint32_t lanes)
{
  LJ_CHECK(ir->trap, lanes >= 1 && lanes <= LJ_IR_MAX_LANES);
  return lanes == 1 ? element : LLVMVectorType(element, lanes);
}

uint32_t lj_ir_lanes(LLVMTypeRef type)
{
  return is_vector(type) ? LLVMGetVectorSize(type) : 1;
}

LLVMTypeRef lj_ir_element(LLVMTypeRef type)
{
  return is_vector(type) ? LLVMGetElementType(type) : type;
}

/* A one-lane vector stays a vector, so shapes are compared by kind, not by lanes. */
LLVMTypeRef lj_ir_shaped(struct lj_ir *ir, LLVMTypeRef element, LLVMTypeRef like)
{
  (void)ir;
  return is_vector(like) ? LLVMVectorType(element, LLVMGetVectorSize(like)) : element;
}

bool lj_ir_is_f64(LLVMTypeRef type)
{
  return LLVMGetTypeKind(lj_ir_element(type)) == LLVMDoubleTypeKind;
}

bool lj_ir_is_float(LLVMTypeRef type)
{
  LLVMTypeKind kind = LLVMGetTypeKind(lj_ir_element(type));
  return kind == LLVMFloatTypeKind || kind == LLVMDoubleTypeKind;
}

uint32_t lj_ir_element_bits(LLVMTypeRef type)
{
  LLVMTypeRef element = lj_ir_element(type);
  switch (LLVMGetTypeKind(element)) {
  case LLVMFloatTypeKind:
    return 32;
  case LLVMDoubleTypeKind:
  case LLVMPointerTypeKind:
    return 64;
  default:
    return LLVMGetIntTypeWidth(element);
  }
}

LLVMTypeRef lj_ir_bits_type(struct lj_ir *ir, LLVMTypeRef type)
{
  return lj_ir_shaped(ir, lj_ir_is_f64(type) ? ir->i64 : ir->i32, type);
}

/* ---- constants ------------------------------------------------------------------- */

/* The constant `scalar` in every lane of `type`. */
static LLVMValueRef splat_constant(struct lj_ir *ir, LLVMTypeRef type,
                                   LLVMValueRef scalar)
{
  LLVMValueRef lanes[LJ_IR_MAX_LANES];
  if (!is_vector(type))
    return scalar;
  uint32_t count = LLVMGetVectorSize(type);
  LJ_CHECK(ir->trap, count <= LJ_IR_MAX_LANES);
  for (uint32_t i = 0; i < count; i++)
    lanes[i] = scalar;
  return LLVMConstVector(lanes, count);
}

LLVMValueRef lj_ir_number(struct lj_ir *ir, LLVMTypeRef type, double number)
{
  return splat_constant(ir, type, LLVMConstReal(lj_ir_element(type), number));
}

LLVMValueRef lj_ir_integer(struct lj_ir *ir, LLVMTypeRef type, int64_t number)
{
  LLVMTypeRef element = lj_ir_element(type);
  return splat_constant(ir, type, LLVMConstInt(element, (uint64_t)number, true));
}

LLVMValueRef lj_ir_index(struct lj_ir *ir, int64_t number)
{
  return LLVMConstInt(ir->i64, (uint64_t)number, true);
}

LLVMValueRef lj_ir_numbers(struct lj_ir *ir, LLVMTypeRef type, const double *numbers)
{
  LLVMValueRef lanes[LJ_IR_MAX_LANES];
  uint32_t count = lj_ir_lanes(type);
  LJ_CHECK(ir->trap, count <= LJ_IR_MAX_LANES);
  for (uint32_t i = 0; i < count; i++)
    lanes[i] = LLVMConstReal(lj_ir_element(type), numbers[i]);
  return is_vector(type) ? LLVMConstVector(lanes, count) : lanes[0];
}

LLVMValueRef lj_ir_integers(struct lj_ir *ir, LLVMTypeRef type, const int64_t *numbers)
{
  LLVMValueRef lanes[LJ_IR_MAX_LANES];
  uint32_t count = lj_ir_lanes(type);
  LJ_CHECK(ir->trap, count <= LJ_IR_MAX_LANES);
  for (uint32_t i = 0; i < count; i++)
    lanes[i] = LLVMConstInt(lj_ir_element(type), (uint64_t)numbers[i], true);
  return is_vector(type) ? LLVMConstVector(lanes, count) : lanes[0];
}

LLVMValueRef lj_ir_iota(struct lj_ir *ir, LLVMTypeRef type)
{
  double numbers[LJ_IR_MAX_LANES];
  int64_t integers[LJ_IR_MAX_LANES];
  for (int32_t i = 0; i < LJ_IR_MAX_LANES; i++) {
    numbers[i] = i;
    integers[i] = i;
  }
  return lj_ir_is_float(type) ? lj_ir_numbers(ir, type, numbers)
                              : lj_ir_integers(ir, type, integers);
}

/* ---- conversions ----------------------------------------------------------------- */

LLVMValueRef lj_ir_bits(struct lj_ir *ir, LLVMValueRef a)
{
  return LLVMBuildBitCast(ir->builder, a, lj_ir_bits_type(ir, LLVMTypeOf(a)), "");
}

LLVMValueRef lj_ir_from_bits(struct lj_ir *ir, LLVMValueRef a, LLVMTypeRef type)
{
  return LLVMBuildBitCast(ir->builder, a, type, "");
}

static LLVMValueRef convert_float(struct lj_ir *ir, LLVMValueRef a, LLVMTypeRef type)
{
  LLVMTypeRef from = LLVMTypeOf(a);
  if (!lj_ir_is_float(from))
    return lj_ir_element_bits(from) == 1 ? LLVMBuildUIToFP(ir->builder, a, type, "")
                                         : LLVMBuildSIToFP(ir->builder, a, type, "");
  return lj_ir_is_f64(type) ? LLVMBuildFPExt(ir->builder, a, type, "")
                            : LLVMBuildFPTrunc(ir->builder, a, type, "");
}

LLVMValueRef lj_ir_convert(struct lj_ir *ir, LLVMValueRef a, LLVMTypeRef type)
{
  LLVMTypeRef from = LLVMTypeOf(a);
  if (from == type)
    return a;
  if (lj_ir_is_float(type))
    return convert_float(ir, a, type);
  bool to_mask = lj_ir_element_bits(type) == 1;
  if (lj_ir_is_float(from)) {
    if (to_mask)
      return lj_ir_fcmp(ir, LLVMRealUNE, a, LLVMConstNull(from));
    /* Out of range is poison in LLVM; frozen it is only an unknown number. */
    LLVMValueRef integer = LLVMBuildFPToSI(ir->builder, a, type, "");
    return LLVMBuildFreeze(ir->builder, integer, "");
  }
  if (to_mask)
    return lj_ir_icmp(ir, LLVMIntNE, a, LLVMConstNull(from));
  if (lj_ir_element_bits(from) == 1)
    return LLVMBuildZExt(ir->builder, a, type, "");
  return lj_ir_element_bits(from) < lj_ir_element_bits(type)
             ? LLVMBuildSExt(ir->builder, a, type, "")
             : LLVMBuildTrunc(ir->builder, a, type, "");
}
