/*
 * Running a kernel; see kernel.h.
 *
 * A block is handed to the code directly when all its arrays allow it, but for the samples
 * that do not fill a chunk; those, and blocks that do not allow it, are copied to staging
 * memory, run there, and their outputs copied back. Padding samples repeat the first staged
 * one, so that they hold valid labels.
 */
#include "runtime/kernel.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define ALIGNMENT 64
/* Staging memory that still leaves room in a small first-level cache. */
#define STAGE_BYTES 16384

/* ---- memory ---------------------------------------------------------------------- */

static size_t padded(size_t bytes)
{
  return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Rows of inputs are staged only for kernels that ask for it: those that take samples by
 * the chunk, and those that may read an input again after writing over it. */
static bool may_stage(const struct lj_abi_kernel *abi)
{
  for (uint32_t i = 0; i < abi->output_count; i++)
    if (abi->outputs[i].alias_unsafe)
      return true;
  return abi->chunk > 1;
}

static uint32_t stage_rows(const struct lj_abi_kernel *abi)
{
  uint64_t row = 1;

  for (uint32_t i = 0; i < abi->input_count; i++)
    row += abi->inputs[i].batched ? (uint64_t)abi->inputs[i].sample_bytes : 0;
  for (uint32_t i = 0; i < abi->output_count; i++)
    row += abi->outputs[i].batched ? (uint64_t)abi->outputs[i].sample_bytes : 0;
  uint64_t rows = STAGE_BYTES / row / abi->chunk * abi->chunk;
  return (uint32_t)(rows < abi->chunk ? abi->chunk : rows);
}

/* Take `bytes` from memory at *at; with no memory yet only the total grows. */
static void *take(unsigned char *memory, size_t *at, size_t bytes)
{
  void *result = memory ? memory + *at : NULL;

  *at += padded(bytes);
  return result;
}

static void stage_arrays(unsigned char *memory, size_t *at, uint32_t rows, uint32_t count,
                         const struct lj_abi_shape *shapes, struct lj_abi_array *staged)
{
  for (uint32_t i = 0; i < count; i++) {
    /* One vector more than the rows: the last load of a row may be a whole one. */
    size_t bytes = (size_t)shapes[i].sample_bytes * (shapes[i].batched ? rows : 1);
    void *data = take(memory, at, bytes + ALIGNMENT);
    if (memory)
      staged[i] = (struct lj_abi_array){data, shapes[i].sample_bytes};
  }
}

/* Lay everything out; the size is what counts while `memory` is NULL. */
static size_t lay_out(const struct lj_abi_kernel *abi, unsigned char *memory,
                      struct lj_workspace *w)
{
  size_t at = 0, array = sizeof(struct lj_abi_array);

  w->totals = take(memory, &at, (abi->slot_count + 16) * sizeof(double));
  w->partials = take(memory, &at, (abi->slot_count + 16) * sizeof(double));
  w->parameters = take(memory, &at, (abi->parameter_count + 1) * sizeof(double));
  w->inputs = take(memory, &at, abi->input_count * array);
  w->outputs = take(memory, &at, abi->output_count * array);
  w->staged_inputs = take(memory, &at, abi->input_count * array);
  w->staged_outputs = take(memory, &at, abi->output_count * array);
  w->scratch = take(memory, &at, abi->scratch_bytes + ALIGNMENT);
  if (may_stage(abi))
    stage_arrays(memory, &at, w->stage_rows, abi->input_count, abi->inputs,
                 w->staged_inputs);
  stage_arrays(memory, &at, w->stage_rows, abi->output_count, abi->outputs,
               w->staged_outputs);
  return at;
}

lossjit_status lj_workspace_create(const struct lj_abi_kernel *abi,
                                   const lossjit_allocator *allocator,
                                   struct lj_workspace *workspace)
{
  struct lj_workspace w = {.stage_rows = stage_rows(abi)};
  size_t size = lay_out(abi, NULL, &w) + ALIGNMENT;
  unsigned char *memory = allocator->resize(allocator->user, NULL, size);

  memset(workspace, 0, sizeof *workspace);
  if (!memory)
    return LOSSJIT_NO_MEMORY;
  w.memory = memory;
  lay_out(abi, memory + (ALIGNMENT - (uintptr_t)memory % ALIGNMENT) % ALIGNMENT, &w);
  *workspace = w;
  return LOSSJIT_OK;
}

void lj_workspace_release(struct lj_workspace *workspace, const lossjit_allocator *allocator)
{
  if (workspace->memory)
    allocator->resize(allocator->user, workspace->memory, 0);
  memset(workspace, 0, sizeof *workspace);
}

/* ---- results over the batch ------------------------------------------------------ */

static double identity(enum lj_abi_fold fold)
{
  switch (fold) {
  case LJ_ABI_SUM: return 0;
  case LJ_ABI_PROD: return 1;
  case LJ_ABI_MAX: return -HUGE_VAL;
  case LJ_ABI_MIN: case LJ_ABI_FIRST: return HUGE_VAL;
  }
  return 0;
}

static double combine(enum lj_abi_fold fold, double a, double b)
{
  switch (fold) {
  case LJ_ABI_SUM: return a + b;
  case LJ_ABI_PROD: return a * b;
  case LJ_ABI_MAX: return isnan(a) || a > b ? a : b;
  case LJ_ABI_MIN: return isnan(a) || a < b ? a : b;
  case LJ_ABI_FIRST: return a < b ? a : b;
  }
  return 0;
}

static void reset(const struct lj_abi_kernel *abi, double *slots)
{
  for (uint32_t i = 0; i < abi->slot_count; i++)
    slots[i] = identity((enum lj_abi_fold)abi->slots[i].fold);
}

/* Add a block's part to the totals; `base` is the number of its first sample. */
static void merge(const struct lj_abi_kernel *abi, struct lj_workspace *w, uint32_t phase,
                  int64_t base)
{
  for (uint32_t i = 0; i < abi->slot_count; i++) {
    enum lj_abi_fold fold = (enum lj_abi_fold)abi->slots[i].fold;
    double part = w->partials[i];
    if (abi->slots[i].phase != (int32_t)phase)
      continue;
    if (fold == LJ_ABI_FIRST)
      part += (double)base;
    w->totals[i] = combine(fold, w->totals[i], part);
  }
}

/* ---- one block ------------------------------------------------------------------- */

struct run {
  const struct lj_kernel_code *code;
  struct lj_workspace *w;
  int64_t batch;
  uint32_t phase;
  bool writes; /* the last phase */
  bool staged; /* arrays are not fit to be used as they are */
};

static void call_phase(const struct run *run, const struct lj_abi_array *inputs,
                       const struct lj_abi_array *outputs, int64_t begin, int64_t end,
                       int64_t active, int64_t base)
{
  struct lj_workspace *w = run->w;
  const struct lj_abi_call call = {inputs,      outputs,    w->parameters, w->totals,
                                   w->partials, w->scratch, active,        run->batch};

  reset(run->code->abi, w->partials);
  run->code->phases[run->phase](&call, begin, end);
  merge(run->code->abi, w, run->phase, base);
}

static void copy_rows(const struct lj_abi_shape *shape, struct lj_abi_array to,
                      struct lj_abi_array from, int64_t count)
{
  for (int64_t i = 0; i < count; i++)
    memcpy((char *)to.data + i * to.stride, (const char *)from.data + i * from.stride,
           (size_t)shape->sample_bytes);
}

static struct lj_abi_array from_sample(struct lj_abi_array array, int64_t sample)
{
  array.data = (char *)array.data + sample * array.stride;
  return array;
}

static void stage_inputs(const struct run *run, int64_t begin, int64_t count,
                         int64_t padded_count)
{
  const struct lj_abi_kernel *abi = run->code->abi;

  for (uint32_t i = 0; i < abi->input_count; i++) {
    struct lj_abi_array staged = run->w->staged_inputs[i];
    if (!abi->inputs[i].batched || abi->inputs[i].sample_bytes == 0)
      continue;
    copy_rows(&abi->inputs[i], staged, from_sample(run->w->inputs[i], begin), count);
    for (int64_t k = count; k < padded_count; k++)
      copy_rows(&abi->inputs[i], from_sample(staged, k), staged, 1);
  }
}

/* Samples [begin, begin + count) through staging memory. */
static void run_staged(const struct run *run, int64_t begin, int64_t count)
{
  const struct lj_abi_kernel *abi = run->code->abi;
  int64_t padded_count = (count + abi->chunk - 1) / abi->chunk * abi->chunk;

  stage_inputs(run, begin, count, padded_count);
  call_phase(run, run->w->staged_inputs, run->w->staged_outputs, 0, padded_count, count,
             begin);
  for (uint32_t i = 0; run->writes && i < abi->output_count; i++)
    if (abi->outputs[i].batched && run->w->outputs[i].stride != 0)
      copy_rows(&abi->outputs[i], from_sample(run->w->outputs[i], begin),
                run->w->staged_outputs[i], count);
}

static void run_block(const struct run *run, int64_t begin, int64_t end)
{
  const struct lj_abi_kernel *abi = run->code->abi;
  int64_t whole = run->staged ? 0 : (end - begin) / abi->chunk * abi->chunk;

  if (whole > 0)
    call_phase(run, run->w->inputs, run->w->outputs, begin, begin + whole, whole, 0);
  for (int64_t at = begin + whole; at < end; at += run->w->stage_rows) {
    int64_t rest = end - at;
    run_staged(run, at, rest < run->w->stage_rows ? rest : run->w->stage_rows);
  }
}

/* ---- a run ----------------------------------------------------------------------- */

/* An output in the memory of an input that the code reads again after writing. */
static bool shares_unsafely(const struct lj_abi_kernel *abi, const struct lj_workspace *w)
{
  for (uint32_t i = 0; i < abi->output_count; i++) {
    const struct lj_abi_shape *shape = &abi->outputs[i];
    if (shape->alias_unsafe && shape->alias >= 0 &&
        w->outputs[i].data == w->inputs[shape->alias].data)
      return true;
  }
  return false;
}

/* Arrays without a batch axis are the same in staging; outputs that nobody wants are
 * written to staging memory again and again (stride 0). */
static void prepare_arrays(const struct lj_abi_kernel *abi, struct lj_workspace *w)
{
  for (uint32_t i = 0; i < abi->input_count; i++)
    if (!abi->inputs[i].batched)
      w->staged_inputs[i] = w->inputs[i];
  for (uint32_t i = 0; i < abi->output_count; i++)
    if (!w->outputs[i].data)
      w->outputs[i] = (struct lj_abi_array){w->staged_outputs[i].data, 0};
}

/* Rows that the code needs without gaps and that have some. */
static bool has_gaps(const struct lj_abi_kernel *abi, const struct lj_workspace *w)
{
  for (uint32_t i = 0; i < abi->input_count; i++)
    if (abi->inputs[i].dense && w->inputs[i].stride != abi->inputs[i].sample_bytes)
      return true;
  for (uint32_t i = 0; i < abi->output_count; i++)
    if (abi->outputs[i].dense && w->outputs[i].stride != 0 &&
        w->outputs[i].stride != abi->outputs[i].sample_bytes)
      return true;
  return false;
}

/* Outputs without a batch axis are written to staging memory and copied: they may share
 * memory with inputs that are still read. */
static void finish(const struct run *run)
{
  const struct lj_abi_kernel *abi = run->code->abi;
  struct lj_workspace *w = run->w;
  const struct lj_abi_call call = {w->inputs,   w->staged_outputs, w->parameters, w->totals,
                                   w->partials, w->scratch,        run->batch,    run->batch};

  run->code->finish(&call);
  for (uint32_t i = 0; i < abi->output_count; i++)
    if (!abi->outputs[i].batched && w->outputs[i].data != w->staged_outputs[i].data)
      memcpy(w->outputs[i].data, w->staged_outputs[i].data,
             (size_t)abi->outputs[i].sample_bytes);
}

lossjit_status lj_kernel_run(const struct lj_kernel_code *code,
                             struct lj_workspace *workspace, int64_t batch,
                             int64_t *bad_sample)
{
  const struct lj_abi_kernel *abi = code->abi;
  struct run run = {.code = code, .w = workspace, .batch = batch};

  *bad_sample = 0;
  prepare_arrays(abi, workspace);
  reset(abi, workspace->totals);
  run.staged = has_gaps(abi, workspace) || shares_unsafely(abi, workspace);
  for (run.phase = 0; run.phase < abi->phase_count; run.phase++) {
    run.writes = run.phase + 1 == abi->phase_count;
    for (int64_t begin = 0; begin < batch; begin += abi->block)
      run_block(&run, begin, batch - begin < abi->block ? batch : begin + abi->block);
    if (run.phase == 0 && abi->check_phase && workspace->totals[0] < HUGE_VAL) {
      *bad_sample = (int64_t)workspace->totals[0];
      return LOSSJIT_LABEL_RANGE;
    }
  }
  if (code->finish)
    finish(&run);
  return LOSSJIT_OK;
}
