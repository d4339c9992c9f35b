/*
 * Running a kernel: blocks, phases, padding, and the memory one handle owns.
 *
 * Takes native code and its description (abi.h) and runs it over a batch. Per-sample
 * results do not depend on how the batch is cut into blocks; sums over the batch are
 * combined block by block in order. Rows that the code cannot take as they are (the last
 * few of a batch, rows with gaps, outputs that share memory with an input the code reads
 * again) go through staging memory. Nothing is allocated in a run.
 */
#ifndef LJ_RUNTIME_KERNEL_H
#define LJ_RUNTIME_KERNEL_H

#include "lossjit.h"
#include "runtime/abi.h"

struct lj_kernel_code {
  const struct lj_abi_kernel *abi;
  lj_abi_phase *const *phases; /* [abi->phase_count] */
  lj_abi_finish *finish;       /* NULL without one */
};

/* The memory of one handle. */
struct lj_workspace {
  void *memory; /* everything below lies in it */
  double *totals, *partials;
  unsigned char *scratch;
  struct lj_abi_array *inputs, *outputs;               /* as the host passed them */
  struct lj_abi_array *staged_inputs, *staged_outputs; /* into staging memory */
  double *parameters;
  uint32_t stage_rows; /* samples that fit into staging memory, a multiple of the chunk */
};

lossjit_status lj_workspace_create(const struct lj_abi_kernel *abi,
                                   const lossjit_allocator *allocator,
                                   struct lj_workspace *workspace);
void lj_workspace_release(struct lj_workspace *workspace,
                          const lossjit_allocator *allocator);

/* Run all phases over `batch` samples. The caller has filled workspace->inputs, outputs
 * (data NULL: not wanted) and parameters; strides of batched arrays are in bytes and not 0
 * unless all samples share one row. Results of batch folds are in workspace->totals.
 * LOSSJIT_LABEL_RANGE: *bad_sample is the first sample whose check failed; no output was
 * written. */
lossjit_status lj_kernel_run(const struct lj_kernel_code *code,
                             struct lj_workspace *workspace, int64_t batch,
                             int64_t *bad_sample);

#endif
