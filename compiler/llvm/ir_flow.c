/*
 * Functions, loops, branches and memory.
 *
 * Loops test at the top and keep their values in phi nodes of the head, so that a loop
 * that never runs needs no special case; LLVM's block placement turns them around.
 * Names of blocks say what they are, which is what makes the printed IR readable.
 */
#include "compiler/llvm/ir.h"

#include <string.h>

static LLVMAttributeRef attribute(struct lj_ir *ir, const char *name)
{
  unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
  LJ_CHECK(ir->trap, kind != 0);
  return LLVMCreateEnumAttribute(ir->context, kind, 0);
}

LLVMValueRef lj_ir_function(struct lj_ir *ir, const char *name, LLVMTypeRef result,
                            const LLVMTypeRef *parameters, uint32_t count)
{
  LLVMTypeRef type = LLVMFunctionType(result, (LLVMTypeRef *)parameters, count, false);
  LLVMValueRef function = LLVMAddFunction(ir->module, name, type);
  LLVMAddAttributeAtIndex(function, LLVMAttributeFunctionIndex,
                          attribute(ir, "nounwind"));
  lj_target_describe_function(ir->target, function);
  LLVMBasicBlockRef entry =
      LLVMAppendBasicBlockInContext(ir->context, function, "entry");
  LLVMPositionBuilderAtEnd(ir->builder, entry);
  return function;
}

void lj_ir_noalias(struct lj_ir *ir, LLVMValueRef function, uint32_t parameter)
{
  LLVMAddAttributeAtIndex(function, parameter + 1, attribute(ir, "noalias"));
}

LLVMBasicBlockRef lj_ir_block(struct lj_ir *ir, const char *name)
{
  LLVMValueRef function = LLVMGetBasicBlockParent(LLVMGetInsertBlock(ir->builder));
  return LLVMAppendBasicBlockInContext(ir->context, function, name);
}

/* ---- loops and branches ---------------------------------------------------------- */

static LLVMValueRef phi(struct lj_ir *ir, LLVMValueRef first, LLVMBasicBlockRef from,
                        const char *name)
{
  LLVMValueRef value = LLVMBuildPhi(ir->builder, LLVMTypeOf(first), name);
  LLVMAddIncoming(value, &first, &from, 1);
  return value;
}

void lj_ir_loop_begin(struct lj_ir *ir, struct lj_ir_loop *loop, LLVMValueRef from,
                      LLVMValueRef to, int64_t step, const LLVMValueRef *initial,
                      uint32_t count)
{
  LJ_CHECK(ir->trap, count <= LJ_IR_MAX_CARRIED && step > 0);
  LLVMBasicBlockRef body = NULL;
  loop->before = LLVMGetInsertBlock(ir->builder);
  loop->head = lj_ir_block(ir, "loop");
  body = lj_ir_block(ir, "body");
  loop->after = lj_ir_block(ir, "after");
  loop->step = step;
  loop->count = count;
  LLVMBuildBr(ir->builder, loop->head);
  LLVMPositionBuilderAtEnd(ir->builder, loop->head);
  loop->index = phi(ir, from, loop->before, "i");
  for (uint32_t i = 0; i < count; i++)
    loop->carried[i] = loop->result[i] = phi(ir, initial[i], loop->before, "carried");
  LLVMValueRef more = lj_ir_icmp(ir, LLVMIntSLT, loop->index, to);
  LLVMBuildCondBr(ir->builder, more, body, loop->after);
  LLVMPositionBuilderAtEnd(ir->builder, body);
}

void lj_ir_loop_end(struct lj_ir *ir, struct lj_ir_loop *loop, const LLVMValueRef *next)
{
  LLVMValueRef step = lj_ir_index(ir, loop->step);
  LLVMValueRef index = LLVMBuildNSWAdd(ir->builder, loop->index, step, "");
  LLVMBasicBlockRef from = LLVMGetInsertBlock(ir->builder);
  LLVMBuildBr(ir->builder, loop->head);
  LLVMAddIncoming(loop->index, &index, &from, 1);
  for (uint32_t i = 0; i < loop->count; i++) {
    LLVMValueRef value = next[i];
    LLVMAddIncoming(loop->result[i], &value, &from, 1);
  }
  LLVMMoveBasicBlockAfter(loop->after, from);
  LLVMPositionBuilderAtEnd(ir->builder, loop->after);
}

void lj_ir_if_begin(struct lj_ir *ir, struct lj_ir_if *branch, LLVMValueRef condition)
{
  LLVMBasicBlockRef yes = lj_ir_block(ir, "then");
  branch->no_begin = lj_ir_block(ir, "else");
  branch->after = lj_ir_block(ir, "endif");
  branch->has_otherwise = false;
  branch->no_end = branch->yes_end = NULL;
  LLVMBuildCondBr(ir->builder, condition, yes, branch->no_begin);
  LLVMPositionBuilderAtEnd(ir->builder, yes);
}

void lj_ir_if_otherwise(struct lj_ir *ir, struct lj_ir_if *branch)
{
  branch->yes_end = LLVMGetInsertBlock(ir->builder);
  branch->has_otherwise = true;
  LLVMBuildBr(ir->builder, branch->after);
  LLVMMoveBasicBlockAfter(branch->no_begin, branch->yes_end);
  LLVMPositionBuilderAtEnd(ir->builder, branch->no_begin);
}

void lj_ir_if_end(struct lj_ir *ir, struct lj_ir_if *branch)
{
  if (!branch->has_otherwise)
    lj_ir_if_otherwise(ir, branch); /* an empty block: codegen removes it */
  branch->no_end = LLVMGetInsertBlock(ir->builder);
  LLVMBuildBr(ir->builder, branch->after);
  LLVMMoveBasicBlockAfter(branch->after, branch->no_end);
  LLVMPositionBuilderAtEnd(ir->builder, branch->after);
}

LLVMValueRef lj_ir_if_value(struct lj_ir *ir, const struct lj_ir_if *branch,
                            LLVMValueRef yes, LLVMValueRef no)
{
  LLVMValueRef value = phi(ir, yes, branch->yes_end, "");
  LLVMBasicBlockRef from = branch->no_end;
  LLVMAddIncoming(value, &no, &from, 1);
  return value;
}

/* ---- memory ---------------------------------------------------------------------- */

LLVMValueRef lj_ir_offset(struct lj_ir *ir, LLVMTypeRef element, LLVMValueRef pointer,
                          LLVMValueRef index)
{
  return LLVMBuildInBoundsGEP2(ir->builder, element, pointer, &index, 1, "");
}

/* Bytes that an element in memory takes: masks are bytes there. */
static uint32_t element_bytes(LLVMTypeRef type)
{
  return (lj_ir_element_bits(type) + 7) / 8;
}

LLVMValueRef lj_ir_load(struct lj_ir *ir, LLVMTypeRef type, LLVMValueRef pointer)
{
  LLVMValueRef value = LLVMBuildLoad2(ir->builder, type, pointer, "");
  LLVMSetAlignment(value, element_bytes(type));
  return value;
}

void lj_ir_store(struct lj_ir *ir, LLVMValueRef value, LLVMValueRef pointer)
{
  LLVMValueRef store = LLVMBuildStore(ir->builder, value, pointer);
  LLVMSetAlignment(store, element_bytes(LLVMTypeOf(value)));
}

void lj_ir_store_streaming(struct lj_ir *ir, LLVMValueRef value, LLVMValueRef pointer)
{
  LLVMTypeRef type = LLVMTypeOf(value);
  LLVMValueRef store = LLVMBuildStore(ir->builder, value, pointer);
  LLVMSetAlignment(store, element_bytes(type) * lj_ir_lanes(type));
  LLVMValueRef one = lj_ir_integer(ir, ir->i32, 1);
  LLVMMetadataRef number = LLVMValueAsMetadata(one);
  LLVMMetadataRef node = LLVMMDNodeInContext2(ir->context, &number, 1);
  unsigned kind = LLVMGetMDKindIDInContext(ir->context, "nontemporal", 11);
  LLVMSetMetadata(store, kind, LLVMMetadataAsValue(ir->context, node));
}

LLVMValueRef lj_ir_masked_load(struct lj_ir *ir, LLVMTypeRef type, LLVMValueRef pointer,
                               LLVMValueRef mask, LLVMValueRef other)
{
  LLVMTypeRef types[] = {type, ir->pointer};
  LLVMValueRef alignment = lj_ir_integer(ir, ir->i32, element_bytes(type));
  LLVMValueRef arguments[] = {pointer, alignment, mask, other};
  return lj_ir_intrinsic(ir, "llvm.masked.load", types, 2, arguments, 4);
}

void lj_ir_masked_store(struct lj_ir *ir, LLVMValueRef value, LLVMValueRef pointer,
                        LLVMValueRef mask)
{
  LLVMTypeRef types[] = {LLVMTypeOf(value), ir->pointer};
  LLVMValueRef alignment = lj_ir_integer(ir, ir->i32, element_bytes(types[0]));
  LLVMValueRef arguments[] = {value, pointer, alignment, mask};
  lj_ir_intrinsic(ir, "llvm.masked.store", types, 2, arguments, 4);
}

LLVMValueRef lj_ir_gather(struct lj_ir *ir, LLVMTypeRef type, LLVMValueRef pointers,
                          LLVMValueRef mask, LLVMValueRef other)
{
  LLVMTypeRef types[] = {type, LLVMTypeOf(pointers)};
  LLVMValueRef alignment = lj_ir_integer(ir, ir->i32, element_bytes(type));
  LLVMValueRef arguments[] = {pointers, alignment, mask, other};
  return lj_ir_intrinsic(ir, "llvm.masked.gather", types, 2, arguments, 4);
}

LLVMValueRef lj_ir_tail_mask(struct lj_ir *ir, uint32_t lanes, LLVMValueRef remaining)
{
  /* Capped first, so that 32-bit lanes can hold it: those compare fastest. */
  LLVMValueRef full = lj_ir_index(ir, lanes);
  LLVMValueRef fits = lj_ir_icmp(ir, LLVMIntSLT, remaining, full);
  LLVMValueRef count = lj_ir_select(ir, fits, remaining, full);
  LLVMValueRef narrow = LLVMBuildTrunc(ir->builder, count, ir->i32, "");
  LLVMTypeRef type = LLVMVectorType(ir->i32, lanes);
  if (lanes == 1)
    return lj_ir_icmp(ir, LLVMIntSGT, narrow, LLVMConstNull(ir->i32));
  return lj_ir_icmp(ir, LLVMIntSLT, lj_ir_iota(ir, type),
                    lj_ir_splat(ir, narrow, lanes));
}
