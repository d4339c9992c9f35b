/*
 * The network in memory: layers, loss, metrics, optimizer, history.
 *
 * The weights of a layer are one block: the kernel, then the bias, each padded to whole
 * cache lines with zeros. Gradients and optimizer slots are blocks of the same layout,
 * so that an optimizer is one loop over a block and never knows what it adjusts.
 * Padding has gradient zero and stays zero.
 */
#ifndef LJ_TRAIN_MODEL_H
#define LJ_TRAIN_MODEL_H

#include "runtime/train/expression.h"

/* Sizes that a 32-bit BLAS can multiply without overflow; rows of a batch too. */
#define LJ_LARGEST_SIZE ((int64_t)1 << 24)

struct lj_dense {
  int64_t inputs, units;
  char *activation_name; /* as it was given */
  bool linear;
  struct lj_expression activation; /* unless linear */
  size_t block_size;               /* floats in a block */
  float *weights;                  /* block */
  float *gradient;      /* block; from lossjit_model_compile on, as the slots */
  float *slots;         /* slot_count blocks */
  float *kernel, *bias; /* in `weights`: (inputs, units), (units,) or NULL */
  float *kernel_gradient, *bias_gradient; /* in `gradient` */
};

struct lj_optimizer_row;

struct lj_metric {
  char *name;
  bool accuracy; /* else the expression's mean */
  struct lj_expression expression;
};

/* The history's own memory; lossjit_history points into it. */
struct lj_record {
  lossjit_history history;
  lossjit_epoch *epochs;
  double *metrics; /* (capacity, 2, metric count): training, then validation */
  size_t capacity; /* epochs that there is room for */
};

struct lossjit_model {
  lossjit_allocator allocator;
  lossjit_engine *engine;
  struct lj_random random; /* of the initial weights */
  int64_t input_size;
  struct lj_dense *layers;
  size_t layer_count, layer_capacity;

  bool compiled;
  struct lj_expression loss;
  struct lj_metric *metrics;
  size_t metric_count;
  lossjit_optimizer optimizer;
  const struct lj_optimizer_row *optimizer_row;
  uint64_t steps; /* that the optimizer has taken */

  struct lj_record record;
  lossjit_train_error error;
};

static inline int64_t lj_output_size(const lossjit_model *model)
{
  return model->layer_count ? model->layers[model->layer_count - 1].units
                            : model->input_size;
}

static inline int64_t lj_target_size(const lossjit_model *model,
                                     const lossjit_data *data)
{
  return data->target_size ? data->target_size : lj_output_size(model);
}

/* Forget the last fit (model.c). */
void lj_record_release(lossjit_model *model);

/* ---- metrics (metric.c) ---------------------------------------------------------- */

/* Compile the metrics' texts; on failure the caller releases what there is. */
lossjit_status lj_metrics_compile(lossjit_model *model, const char *const *texts,
                                  size_t count);
void lj_metrics_release(lossjit_model *model);

/* A mini-batch, or any run of rows, as the kernels see it. */
struct lj_batch {
  int64_t rows;
  const float *x;         /* (rows, input_size) */
  const float *y;         /* (rows, target_size) or NULL */
  const int64_t *labels;  /* (rows,) or NULL */
  const int32_t *labels4; /* the same for a loss or metric over i32 */
};

/* What an expression wants as y_true. */
const void *lj_batch_true(const struct lj_batch *batch,
                          const struct lj_expression *expression);

/* Add rows * mean of each metric to sums[metric count]. */
lossjit_status lj_metrics_add(lossjit_model *model, const struct lj_batch *batch,
                              const float *y_pred, double *sums, size_t *bad_row);

/* ---- optimizers (optimizer.c) ---------------------------------------------------- */

/* A block of weights with its gradient and slots. */
struct lj_block {
  size_t size;
  float *restrict weights;
  const float *restrict gradient;
  float *restrict slots; /* (slot_count, size) */
};

typedef void lj_optimizer_step(const lossjit_optimizer *settings, uint64_t step,
                               const struct lj_block *block);

struct lj_optimizer_row {
  const char *name;
  size_t slot_count;
  lj_optimizer_step *step; /* steps count from 1 */
  lossjit_optimizer defaults;
};

const struct lj_optimizer_row *lj_optimizer_find(const char *name);

/* The settings as a table, for model files: name, place, and what is allowed. */
struct lj_optimizer_setting {
  const char *name;
  size_t offset;    /* of a double in lossjit_optimizer; of an int if is_flag */
  unsigned flags;   /* below */
  double low, high; /* low <= value <= high, or the open interval's ends */
};
enum { LJ_SETTING_IS_FLAG = 1, LJ_SETTING_ABOVE_LOW = 2, LJ_SETTING_BELOW_HIGH = 4 };

/* `index` from 0 until NULL is returned. */
const struct lj_optimizer_setting *lj_optimizer_setting(size_t index);
/* Whether the optimizer reads the setting. */
bool lj_optimizer_reads(const char *optimizer, const char *setting);
/* LOSSJIT_ARGUMENT, with the setting named, if one is outside its interval. */
lossjit_status lj_optimizer_check(const lossjit_optimizer *optimizer,
                                  lossjit_train_error *error);

#endif
