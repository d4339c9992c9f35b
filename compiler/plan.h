/*
 * The plan: the schedule of one kernel, made visible.
 *
 * Takes an expanded graph with numbers for all inner sizes and decides what the back end
 * then only carries out: the phases over the batch, which axis is spread over vector lanes,
 * which loops there are, what runs in one loop, what is kept in scratch memory.
 *
 * Words. A *fold* is a primitive reduction node (sum, max, ...). A *batch fold* reduces the
 * batch axis: its result is known only after a phase over all samples and is read from
 * `totals` by later phases. An *inner fold* reduces other axes, within one sample (or, when
 * nothing under it has a batch axis, once per phase). Its *level* is 1 more than that of the
 * folds under it.
 *
 * Two templates:
 *   lanes across samples   every lane is a sample; one straight-line body for `lanes`
 *                          samples, inner axes unrolled, short rows transposed in registers.
 *                          Needs no passes: values are computed where they are first used.
 *   lanes along the row    one sample at a time; each *pass* is a loop nest over an inner
 *                          index space with lanes along its last axis; inner folds of one
 *                          level over one index space share a pass, the stores of row
 *                          outputs run in the last.
 */
#ifndef LJ_PLAN_H
#define LJ_PLAN_H

#include "compiler/graph.h"
#include "runtime/abi.h"

enum lj_template { LJ_LANES_ACROSS_SAMPLES, LJ_LANES_ALONG_ROW };

/* What is computed from the graph. */
struct lj_output {
  lj_id node;
  const char *name; /* "loss", "gradient of y_pred" */
  lj_id alias;      /* input whose memory the output may share; 0: none */
};

struct lj_plan_request {
  struct lj_graph *graph;          /* expanded and simplified */
  const struct lj_output *outputs; /* loss first if wanted, then the gradients */
  uint32_t output_count;
  lj_id total;          /* batch fold whose value the caller wants back; 0: none */
  lj_id check;          /* (batch,) of bool: samples with an index out of range; 0: none */
  uint32_t vector_bits; /* of the target */
};

/* A fold and where its result is. */
struct lj_fold_info {
  lj_id node;
  bool batch;      /* batch fold: result in totals[slot ...] */
  bool once;       /* inner fold without a batch axis under it */
  uint32_t phase;  /* batch folds: the phase that computes it */
  uint32_t level;  /* inner folds */
  uint32_t slot;   /* batch folds: first slot */
  uint32_t count;  /* elements of the result per sample (or in all, without a batch axis) */
  bool placed;     /* inner folds: `offset` is taken */
  uint64_t offset; /* inner folds with count > 1, lanes along the row: bytes into scratch */
};

/* A loop nest over an inner index space (the batch axis left out). */
struct lj_pass {
  uint32_t rank;
  int64_t extent[LOSSJIT_MAX_RANK];
  uint32_t reduced; /* bit set of axes that its folds reduce */
  bool once;        /* before the samples, not for each */
  uint32_t level;
  uint32_t *folds; /* indices into plan->folds */
  uint32_t fold_count;
  uint32_t *stores; /* indices into plan->outputs: row outputs written here */
  uint32_t store_count;
  uint32_t *sums; /* indices into plan->folds: batch folds whose operand's rows are added
                     to the partial results here */
  uint32_t sum_count;
};

/* A row of values that more than one pass needs and that is dear to compute again: stored
 * by the first pass that meets it, loaded by the others. */
struct lj_kept {
  lj_id node;
  uint32_t first_pass; /* index into its phase's passes */
  uint64_t offset;     /* bytes into scratch */
};

struct lj_phase {
  struct lj_pass *passes; /* lanes along the row only */
  uint32_t pass_count;
  uint32_t *batch_folds; /* indices into plan->folds, computed by this phase */
  uint32_t batch_fold_count;
  bool writes; /* the last phase: per-sample outputs are written */
  bool checks; /* the check phase */
  struct lj_kept *kept;
  uint32_t kept_count;
};

struct lj_plan {
  struct lj_graph *graph;
  enum lj_template form;
  uint32_t lanes;           /* samples, or elements of a row, per vector */
  enum lj_dtype lane_dtype; /* whose register holds that many */
  struct lj_output *outputs;
  uint32_t output_count;
  struct lj_fold_info *folds;
  uint32_t fold_count;
  uint32_t *fold_of; /* [node_count + 1]: 1 + index into folds, or 0 */
  bool *needed;      /* [node_count + 1] */
  struct lj_phase *phases;
  uint32_t phase_count;
  struct lj_phase finish; /* outputs without a batch axis; passes as in a phase, all once */
  bool has_finish;
  lj_id check; /* see the request */
  struct lj_abi_kernel abi; /* with its arrays in the same arena */
  /* per sample, for people and for bench */
  double bytes_read, bytes_written, operations;
  const char *reason; /* why this template */
};

/* A plan in the graph's arena. The graph is only read. */
struct lj_plan *lj_plan_make(const struct lj_plan_request *request);
void lj_plan_print(struct lj_text *to, const struct lj_plan *plan);

/* Facts of a node that the plan and the emitter both need. */
static inline bool lj_is_batched(const struct lj_node *node)
{
  return node->rank > 0 && lj_size_is_batch(node->shape[0]);
}
/* Number of elements without the batch axis. */
int64_t lj_inner_count(const struct lj_node *node);
/* Instructions that one element of this operator takes, roughly. */
uint32_t lj_op_cost(enum lj_op op);

#endif
