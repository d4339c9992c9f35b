/*
 * Loss and metrics over many rows, and how they are told.
 */
#ifndef LJ_TRAIN_MEASURE_H
#define LJ_TRAIN_MEASURE_H

#include "runtime/train/network.h"

enum { LJ_DEFAULT_BATCH = 32 };

/* Rows of some data: order[0 .. count-1], or the first `count` if `order` is NULL. */
struct lj_rows {
  const lossjit_data *data;
  const size_t *order;
  size_t count;
};

/* Sums over rows on the way to means. */
struct lj_sums {
  double loss;
  double *metrics; /* [metric count], zeroed by whoever begins */
};

/* Divide all by `rows`; returns the loss. */
double lj_mean_of(const lossjit_model *model, struct lj_sums *sums, size_t rows);

/* Check that the data has what loss and metrics read, and make their kernels. */
lossjit_status lj_prepare_data(lossjit_model *model, const lossjit_data *data);

/* Mean loss and metrics[metric count] over the rows, in batches of the buffers's
 * size. */
lossjit_status lj_measure(lossjit_model *model, const struct lj_rows *rows,
                          struct lj_buffers *buffers, double *loss, double *metrics);

/* One line, or "", about a loss of the prelude (named `loss`) that takes probabilities
 * and a network whose outputs are none (advice.c): looks at the first of the rows. */
lossjit_status lj_probability_advice(lossjit_model *model, const char *loss,
                                     size_t rows, const float *x, char *text,
                                     size_t size);

/* Say in the model's error which row of the data a label error was about; returns
 * `status`. The batch was loaded with `order` and `start`. */
lossjit_status lj_explain_row(lossjit_model *model, lossjit_status status,
                              const struct lj_batch *batch, const size_t *order,
                              size_t start, size_t bad_row);

/* How many of the rows train and how many are left for validation (fit.c). */
size_t lj_training_rows(size_t rows, double validation_split);

/* One epoch as a line (progress.c). */
void lj_progress_line(const lossjit_model *model, const lossjit_epoch *epoch,
                      size_t epochs, char *line, size_t size);

#endif
