/*
 * The IR helpers, each by running what it builds: control flow, memory, the arithmetic
 * that plain x86-64 lacks instructions for, and the meaning of NaN and signed zero.
 *
 * Every test runs for all targets of this machine. A kernel has the signature
 * void f(const float *in, float *out, i64 n) over arrays of SIZE elements.
 */
#include "compiler/llvm/ir.h"
#include "runtime/loader.h"
#include "tests/support/vmath_kernel.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 16, LANES = 8 };

struct frame {
  struct lj_ir *ir;
  LLVMValueRef in, out, n;
};

typedef void build_kernel(struct frame *f);
typedef void kernel(const float *in, float *out, int64_t n);

static struct lj_target *targets[4];

static int open_targets(void **state)
{
  (void)state;
  static const char *const names[] = {"host", "baseline", "avx2", "avx512"};
  for (size_t i = 0; i < LJ_COUNT(names); i++) {
    struct lj_trap trap;
    targets[i] = NULL;
    if (setjmp(trap.escape))
      continue;
    targets[i] = lj_target_create(names[i], NULL, &trap);
    if (!targets[i]->runs_here) {
      lj_target_release(targets[i]);
      targets[i] = NULL;
    }
  }
  return 0;
}

static int close_targets(void **state)
{
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(targets); i++)
    lj_target_release(targets[i]);
  return 0;
}

static struct lj_code *compile(const struct lj_target *target, build_kernel *build)
{
  struct lj_code *code = NULL;
  struct lj_ir ir = {0};
  struct lj_trap trap;
  if (setjmp(trap.escape))
    fail_msg("%s: %s", target->name, trap.message);
  lj_ir_open(&ir, target, "test", &trap);
  LLVMTypeRef parameters[] = {ir.pointer, ir.pointer, ir.i64};
  LLVMValueRef f = lj_ir_function(&ir, "f", ir.none, parameters, 3);
  lj_ir_noalias(&ir, f, 1);
  struct frame frame = {&ir, LLVMGetParam(f, 0), LLVMGetParam(f, 1),
                        LLVMGetParam(f, 2)};
  build(&frame);
  LLVMBuildRetVoid(ir.builder);
  LLVMMemoryBufferRef object = lj_target_object(&ir);
  lossjit_status status =
      lj_code_load(LLVMGetBufferStart(object), LLVMGetBufferSize(object),
                   &lj_test_allocator, &code, NULL, 0);
  LLVMDisposeMemoryBuffer(object);
  lj_ir_close(&ir);
  assert_int_equal(status, LOSSJIT_OK);
  return code;
}

/* Run what `build` builds on every target and compare bit for bit; `out` starts as -1.
 */
static void expect(build_kernel *build, const float *in, int64_t n, const float *wanted)
{
  for (size_t i = 0; i < LJ_COUNT(targets); i++) {
    if (!targets[i])
      continue;
    float out[SIZE];
    for (int j = 0; j < SIZE; j++)
      out[j] = -1;
    struct lj_code *code = compile(targets[i], build);
    void *address = lj_code_symbol(code, "f");
    kernel *f;
    memcpy(&f, &address, sizeof address);
    f(in, out, n);
    for (int j = 0; j < SIZE; j++)
      if (memcmp(&out[j], &wanted[j], sizeof *out) &&
          !(isnan(out[j]) && isnan(wanted[j])))
        fail_msg("%s: element %d is %a, not %a", targets[i]->name, j, (double)out[j],
                 (double)wanted[j]);
    lj_code_release(code);
  }
}

static LLVMValueRef at(struct frame *f, LLVMValueRef array, LLVMValueRef index)
{
  return lj_ir_offset(f->ir, f->ir->f32, array, index);
}

static LLVMValueRef load_lanes(struct frame *f, int64_t index)
{
  LLVMTypeRef type = lj_ir_vector(f->ir, f->ir->f32, LANES);
  return lj_ir_load(f->ir, type, at(f, f->in, lj_ir_index(f->ir, index)));
}

static void store_at(struct frame *f, LLVMValueRef value, int64_t index)
{
  lj_ir_store(f->ir, value, at(f, f->out, lj_ir_index(f->ir, index)));
}

/* ---- control flow ---------------------------------------------------------------- */

/* out[0] = in[0] + ... + in[n-1], out[1] = how many. */
static void build_sum(struct frame *f)
{
  struct lj_ir *ir = f->ir;
  LLVMValueRef zero = lj_ir_number(ir, ir->f32, 0);
  LLVMValueRef initial[] = {zero, zero}, next[2];
  struct lj_ir_loop loop;
  lj_ir_loop_begin(ir, &loop, lj_ir_index(ir, 0), f->n, 1, initial, 2);
  LLVMValueRef x = lj_ir_load(ir, ir->f32, at(f, f->in, loop.index));
  next[0] = lj_ir_fadd(ir, loop.carried[0], x);
  next[1] = lj_ir_fadd(ir, loop.carried[1], lj_ir_number(ir, ir->f32, 1));
  lj_ir_loop_end(ir, &loop, next);
  store_at(f, loop.result[0], 0);
  store_at(f, loop.result[1], 1);
}

static void test_loop(void **state)
{
  (void)state;
  float in[SIZE] = {1, 2, 3, 4};
  float wanted[SIZE] = {10, 4, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
  expect(build_sum, in, 4, wanted);
  wanted[0] = wanted[1] = 0;
  expect(build_sum, in, 0, wanted); /* the body never runs */
  expect(build_sum, in, -5, wanted);
}

/* A loop in a loop with a branch inside: out[i] = number of j < 3 with in[j] > i. */
static void build_nest(struct frame *f)
{
  struct lj_ir *ir = f->ir;
  struct lj_ir_loop outer, inner;
  struct lj_ir_if branch;
  lj_ir_loop_begin(ir, &outer, lj_ir_index(ir, 0), f->n, 1, NULL, 0);
  LLVMValueRef i = lj_ir_convert(ir, outer.index, ir->f32);
  LLVMValueRef count = lj_ir_number(ir, ir->f32, 0);
  lj_ir_loop_begin(ir, &inner, lj_ir_index(ir, 0), lj_ir_index(ir, 3), 1, &count, 1);
  LLVMValueRef x = lj_ir_load(ir, ir->f32, at(f, f->in, inner.index));
  lj_ir_if_begin(ir, &branch, lj_ir_fcmp(ir, LLVMRealOGT, x, i));
  LLVMValueRef more = lj_ir_fadd(ir, inner.carried[0], lj_ir_number(ir, ir->f32, 1));
  lj_ir_if_end(ir, &branch);
  LLVMValueRef next = lj_ir_if_value(ir, &branch, more, inner.carried[0]);
  lj_ir_loop_end(ir, &inner, &next);
  lj_ir_store(ir, inner.result[0], at(f, f->out, outer.index));
  lj_ir_loop_end(ir, &outer, NULL);
}

static void test_nest(void **state)
{
  (void)state;
  float in[SIZE] = {0.5f, 1.5f, 3.5f};
  float wanted[SIZE] = {3, 2, 1, 1, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
  expect(build_nest, in, 5, wanted);
}

static void build_if(struct frame *f)
{
  struct lj_ir *ir = f->ir;
  struct lj_ir_if branch;
  lj_ir_if_begin(ir, &branch, lj_ir_icmp(ir, LLVMIntSGT, f->n, lj_ir_index(ir, 2)));
  LLVMValueRef yes = lj_ir_load(ir, ir->f32, f->in);
  lj_ir_if_otherwise(ir, &branch);
  LLVMValueRef no = lj_ir_number(ir, ir->f32, 7);
  lj_ir_if_end(ir, &branch);
  store_at(f, lj_ir_if_value(ir, &branch, yes, no), 0);
}

static void test_if(void **state)
{
  (void)state;
  float in[SIZE] = {5};
  float wanted[SIZE] = {5, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
  expect(build_if, in, 3, wanted);
  wanted[0] = 7;
  expect(build_if, in, 2, wanted);
}

/* ---- memory ---------------------------------------------------------------------- */

/* The first n lanes, with 9 for the others in the second half of out. */
static void build_masked(struct frame *f)
{
  struct lj_ir *ir = f->ir;
  LLVMTypeRef type = lj_ir_vector(ir, ir->f32, LANES);
  LLVMValueRef mask = lj_ir_tail_mask(ir, LANES, f->n);
  LLVMValueRef nine = lj_ir_number(ir, type, 9);
  LLVMValueRef x = lj_ir_masked_load(ir, type, f->in, mask, nine);
  lj_ir_masked_store(ir, x, f->out, mask);
  store_at(f, x, LANES);
}

static void test_masked(void **state)
{
  (void)state;
  float in[SIZE] = {1, 2, 3, 4, 5, 6, 7, 8};
  for (int64_t n = -1; n <= LANES + 1; n++) {
    float wanted[SIZE];
    for (int i = 0; i < LANES; i++) {
      wanted[i] = i < n ? in[i] : -1;
      wanted[LANES + i] = i < n ? in[i] : 9;
    }
    expect(build_masked, in, n, wanted);
  }
}

/* out[i] = in[7 - i] where in[7 - i] is not negative, else 0. */
static void build_gather(struct frame *f)
{
  struct lj_ir *ir = f->ir;
  LLVMTypeRef type = lj_ir_vector(ir, ir->f32, LANES);
  LLVMTypeRef indices = lj_ir_vector(ir, ir->i64, LANES);
  LLVMValueRef back =
      lj_ir_sub(ir, lj_ir_integer(ir, indices, 7), lj_ir_iota(ir, indices));
  LLVMValueRef zero = lj_ir_number(ir, type, 0);
  int32_t turned[] = {7, 6, 5, 4, 3, 2, 1, 0};
  LLVMValueRef x = lj_ir_shuffle(ir, load_lanes(f, 0), NULL, turned, LANES);
  LLVMValueRef mask = lj_ir_fcmp(ir, LLVMRealOGE, x, zero);
  store_at(f, lj_ir_gather(ir, type, at(f, f->in, back), mask, zero), 0);
}

static void test_gather(void **state)
{
  (void)state;
  float in[SIZE] = {1, -2, 3, -4, 5, -6, 7, -8};
  float wanted[SIZE] = {0, 7, 0, 5, 0, 3, 0, 1, -1, -1, -1, -1, -1, -1, -1, -1};
  expect(build_gather, in, 0, wanted);
}

static void build_streaming(struct frame *f)
{
  LLVMTypeRef type = lj_ir_vector(f->ir, f->ir->f32, 4);
  lj_ir_store_streaming(f->ir, lj_ir_load(f->ir, type, f->in), f->out);
  lj_ir_store(f->ir, lj_ir_load(f->ir, type, f->in),
              at(f, f->out, lj_ir_index(f->ir, 5)));
}

static void build_streaming_aligned(struct frame *f)
{
  /* out may start anywhere: take the next address of 16 bytes */
  struct lj_ir *ir = f->ir;
  LLVMValueRef address = LLVMBuildPtrToInt(ir->builder, f->out, ir->i64, "");
  address =
      lj_ir_and(ir, lj_ir_add(ir, address, lj_ir_index(ir, 15)), lj_ir_index(ir, -16));
  struct frame moved = *f;
  moved.out = LLVMBuildIntToPtr(ir->builder, address, ir->pointer, "");
  build_streaming(&moved);
}

/* Only that both kinds of store arrive: somewhere in out there is 1 2 3 4 twice. */
static void test_streaming(void **state)
{
  (void)state;
  const float in[SIZE] = {1, 2, 3, 4};
  for (size_t i = 0; i < LJ_COUNT(targets); i++) {
    if (!targets[i])
      continue;
    float out[SIZE] = {0}, sum = 0;
    struct lj_code *code = compile(targets[i], build_streaming_aligned);
    void *address = lj_code_symbol(code, "f");
    kernel *f;
    memcpy(&f, &address, sizeof address);
    f(in, out, 0);
    for (int j = 0; j < SIZE; j++)
      sum += out[j];
    assert_true(sum == 20);
    lj_code_release(code);
  }
}

/* ---- arithmetic ------------------------------------------------------------------ */

static void build_floor(struct frame *f)
{
  store_at(f, lj_ir_floor(f->ir, load_lanes(f, 0)), 0);
  store_at(f, lj_ir_floor(f->ir, load_lanes(f, 8)), 8);
}

static void build_ceil(struct frame *f)
{
  store_at(f, lj_ir_ceil(f->ir, load_lanes(f, 0)), 0);
  store_at(f, lj_ir_ceil(f->ir, load_lanes(f, 8)), 8);
}

static void build_round(struct frame *f)
{
  store_at(f, lj_ir_round(f->ir, load_lanes(f, 0)), 0);
  store_at(f, lj_ir_round(f->ir, load_lanes(f, 8)), 8);
}

static void build_trunc(struct frame *f)
{
  store_at(f, lj_ir_trunc(f->ir, load_lanes(f, 0)), 0);
  store_at(f, lj_ir_trunc(f->ir, load_lanes(f, 8)), 8);
}

/* Ties to even, signed zeros kept, numbers without a fraction left alone. */
static void test_rounding(void **state)
{
  (void)state;
  static const float in[SIZE] = {0.5f,   -0.5f,      1.5f,       2.5f,  -2.5f, 0.f,
                                 -0.f,   0.3f,       -0.3f,      1e30f, NAN,   INFINITY,
                                 -1e30f, 8388607.5f, -8388608.f, -0.7f};
  float wanted[SIZE];
  static const struct {
    build_kernel *build;
    float (*reference)(float);
  } pairs[] = {{build_floor, floorf},
               {build_ceil, ceilf},
               {build_round, rintf},
               {build_trunc, truncf}};
  for (size_t i = 0; i < LJ_COUNT(pairs); i++) {
    for (int j = 0; j < SIZE; j++)
      wanted[j] = pairs[i].reference(in[j]);
    expect(pairs[i].build, in, 0, wanted);
  }
}

/* in holds four pairs; out their four results by each of the four functions. */
static void build_extremes(struct frame *f)
{
  struct lj_ir *ir = f->ir;
  LLVMTypeRef type = lj_ir_vector(ir, ir->f32, 4);
  LLVMValueRef a = lj_ir_load(ir, type, f->in);
  LLVMValueRef b = lj_ir_load(ir, type, at(f, f->in, lj_ir_index(ir, 4)));
  store_at(f, lj_ir_maximum(ir, a, b), 0);
  store_at(f, lj_ir_minimum(ir, a, b), 4);
  store_at(f, lj_ir_max_second(ir, a, b), 8);
  store_at(f, lj_ir_min_second(ir, a, b), 12);
}

static void test_extremes(void **state)
{
  (void)state;
  float in[SIZE] = {1, NAN, 2, NAN, 2, 1, NAN, NAN};
  float wanted[SIZE] = {2, NAN, NAN, NAN, 1, NAN, NAN, NAN,
                        2, 1,   NAN, NAN, 1, 1,   NAN, NAN};
  expect(build_extremes, in, 0, wanted);
}

static void build_reductions(struct frame *f)
{
  struct lj_ir *ir = f->ir;
  LLVMValueRef x = load_lanes(f, 0);
  LLVMValueRef zero = LLVMConstNull(LLVMTypeOf(x));
  LLVMValueRef positive = lj_ir_fcmp(ir, LLVMRealOGT, x, zero);
  store_at(f, lj_ir_sum(ir, x), 0);
  store_at(f, lj_ir_reduce_maximum(ir, x), 1);
  store_at(f, lj_ir_reduce_minimum(ir, x), 2);
  store_at(f, lj_ir_convert(ir, lj_ir_any(ir, positive), ir->f32), 3);
  store_at(f, lj_ir_convert(ir, lj_ir_all(ir, positive), ir->f32), 4);
}

static void test_reductions(void **state)
{
  (void)state;
  float in[SIZE] = {1, 2, 3, 4, 5, 6, 7, -8};
  float wanted[SIZE] = {20, 7, -8, 1, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
  expect(build_reductions, in, 0, wanted);
  for (int i = 0; i < LANES; i++)
    in[i] = -1;
  float none[SIZE] = {-8, -1, -1, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
  expect(build_reductions, in, 0, none);
  in[3] = NAN;
  float with_nan[SIZE] = {NAN, NAN, NAN, 0,  0,  -1, -1, -1,
                          -1,  -1,  -1,  -1, -1, -1, -1, -1};
  expect(build_reductions, in, 0, with_nan);
}

/* To i32 and back, to f64 and back, and to a mask and back. */
static void build_conversions(struct frame *f)
{
  struct lj_ir *ir = f->ir;
  LLVMTypeRef type = lj_ir_vector(ir, ir->f32, 4);
  LLVMValueRef x = lj_ir_load(ir, type, f->in);
  LLVMTypeRef through[] = {ir->i32, ir->f64, ir->i1, ir->i64};
  for (int i = 0; i < 4; i++) {
    LLVMTypeRef between = lj_ir_shaped(ir, through[i], type);
    LLVMValueRef y = lj_ir_convert(ir, x, between);
    if (i == 2) /* a mask counts as 1 in integers too */
      y = lj_ir_convert(ir, y, lj_ir_shaped(ir, ir->i32, type));
    store_at(f, lj_ir_convert(ir, y, type), 4 * i);
  }
}

static void test_conversions(void **state)
{
  (void)state;
  float in[SIZE] = {1.75f, -2.5f, 0, 100000};
  float wanted[SIZE] = {1, -2, 0, 100000, 1.75f, -2.5f, 0, 100000,
                        1, 1,  0, 1,      1,     -2,    0, 100000};
  expect(build_conversions, in, 0, wanted);
}

/* x*y - z with the product's rounding error: 0 unless something fused it. */
static void build_unfused(struct frame *f)
{
  struct lj_ir *ir = f->ir;
  LLVMFastMathFlags before = lj_ir_exact(ir);
  LLVMValueRef x = load_lanes(f, 0);
  LLVMValueRef product = lj_ir_fmul(ir, x, x);
  store_at(f, lj_ir_fsub(ir, lj_ir_fmul(ir, x, x), product), 0);
  ir->flags = before;
}

static void test_exact_section(void **state)
{
  (void)state;
  float in[SIZE], wanted[SIZE];
  for (int i = 0; i < SIZE; i++) {
    in[i] = 1 + (float)i * 0x1p-20f;
    wanted[i] = i < LANES ? 0 : -1;
  }
  expect(build_unfused, in, 0, wanted);
}

static void test_text_and_count(void **state)
{
  (void)state;
  struct lj_ir ir = {0};
  struct lj_trap trap;
  if (setjmp(trap.escape))
    fail_msg("%s", trap.message);
  lj_ir_open(&ir, targets[0], "empty", &trap);
  assert_int_equal(lj_ir_instruction_count(&ir), 0);
  lj_ir_function(&ir, "nothing", ir.none, NULL, 0);
  LLVMBuildRetVoid(ir.builder);
  assert_int_equal(lj_ir_instruction_count(&ir), 1);
  lj_ir_verify(&ir);
  char *text = lj_ir_text(&ir);
  assert_non_null(strstr(text, "define void @nothing()"));
  LLVMDisposeMessage(text);
  lj_ir_close(&ir);
  lj_ir_close(&ir); /* closed already: nothing happens */
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_loop),
      cmocka_unit_test(test_nest),
      cmocka_unit_test(test_if),
      cmocka_unit_test(test_masked),
      cmocka_unit_test(test_gather),
      cmocka_unit_test(test_streaming),
      cmocka_unit_test(test_rounding),
      cmocka_unit_test(test_extremes),
      cmocka_unit_test(test_reductions),
      cmocka_unit_test(test_conversions),
      cmocka_unit_test(test_exact_section),
      cmocka_unit_test(test_text_and_count),
  };
  return cmocka_run_group_tests_name("ir", tests, open_targets, close_targets);
}
