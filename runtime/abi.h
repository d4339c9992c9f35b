/*
 * The kernel ABI: what native code gets, and what it promises.
 *
 * A kernel is a few functions, one per *phase* over the batch, and perhaps a *finish*. The
 * runtime (runtime/kernel.c) runs every phase over fixed blocks of samples, in order, and
 * combines the partial results of the blocks in order, so that results do not depend on how
 * the blocks were spread. Emitted code holds no address and calls nothing.
 *
 * The layout is fixed: 8-byte fields in this order; compiler/llvm/emit.c reads them by
 * number (static asserts below).
 */
#ifndef LJ_RUNTIME_ABI_H
#define LJ_RUNTIME_ABI_H

#include <stddef.h>
#include <stdint.h>

/* Elements of a sample are dense; samples are `stride` bytes apart. Arrays without a batch
 * axis have stride 0. */
struct lj_abi_array {
  void *data;
  int64_t stride;
};

struct lj_abi_call {
  const struct lj_abi_array *inputs;  /* graph's inputs, in its order */
  const struct lj_abi_array *outputs; /* plan's outputs, in its order; data may be NULL */
  const double *parameters;           /* graph's parameters, in its order */
  const double *totals;  /* in: results of the batch folds of earlier phases */
  double *partials;      /* in/out: this block's part of this phase's batch folds, set to
                            their identities before */
  unsigned char *scratch; /* 64-byte aligned, the plan's scratch_bytes */
  int64_t active; /* of the samples [begin, end) only the first `active` count in batch
                     folds; the rest are padding that may be read and written */
  int64_t batch;  /* number of samples of the whole call */
};

enum lj_abi_field {
  LJ_ABI_INPUTS,
  LJ_ABI_OUTPUTS,
  LJ_ABI_PARAMETERS,
  LJ_ABI_TOTALS,
  LJ_ABI_PARTIALS,
  LJ_ABI_SCRATCH,
  LJ_ABI_ACTIVE,
  LJ_ABI_BATCH
};

_Static_assert(offsetof(struct lj_abi_call, scratch) == 8 * LJ_ABI_SCRATCH, "layout");
_Static_assert(offsetof(struct lj_abi_call, batch) == 8 * LJ_ABI_BATCH, "layout");
_Static_assert(sizeof(struct lj_abi_array) == 16, "layout");

/* Process samples [begin, end). A kernel whose plan has chunk c needs end - begin to be a
 * multiple of c. Inputs marked dense must have stride = bytes of one sample. */
typedef void lj_abi_phase(const struct lj_abi_call *call, int64_t begin, int64_t end);
/* Write the outputs that have no batch axis, after the last phase. */
typedef void lj_abi_finish(const struct lj_abi_call *call);

/* How two blocks' partial results become one. */
enum lj_abi_fold {
  LJ_ABI_SUM, /* identity 0 */
  LJ_ABI_PROD, /* 1 */
  LJ_ABI_MAX, /* -inf; NaN wins */
  LJ_ABI_MIN, /* +inf; NaN wins */
  LJ_ABI_FIRST /* +inf: number of the first sample, within the call, that failed a check */
};

struct lj_abi_slot {
  int32_t fold;  /* enum lj_abi_fold */
  int32_t phase; /* in which it is computed */
};

/* Facts the runtime needs about one array. */
struct lj_abi_shape {
  int64_t sample_bytes; /* bytes of one sample's elements; of the whole without a batch */
  int32_t batched;
  int32_t alignment; /* bytes of one element: strides are multiples of it */
  int32_t dense; /* samples must follow each other without a gap */
  int32_t alias; /* outputs: the input it may share memory with; -1: none */
  int32_t alias_unsafe; /* outputs: the kernel may read that input again after writing */
};

/* Everything the runtime needs to know about a kernel; plain data, fit for a cache. */
struct lj_abi_kernel {
  uint32_t phase_count;
  uint32_t has_finish;
  uint32_t check_phase; /* phase 0 only checks; its first slot is LJ_ABI_FIRST */
  uint32_t chunk;       /* samples processed together */
  uint32_t block;       /* samples per block, a multiple of chunk */
  uint32_t slot_count;
  uint32_t input_count, output_count, parameter_count;
  int32_t value_slot; /* where the sum of the weighted results is; -1: not computed */
  uint64_t scratch_bytes;
  const struct lj_abi_slot *slots;    /* [slot_count] */
  const struct lj_abi_shape *inputs;  /* [input_count] */
  const struct lj_abi_shape *outputs; /* [output_count] */
};

#define LJ_ABI_PHASE_NAME "lossjit_phase_%u"
#define LJ_ABI_FINISH_NAME "lossjit_finish"

#endif
