/*
 * The network at work: buffers for a batch, forward, backward, one step.
 *
 * Buffers are made once, for the largest batch; after that nothing allocates. Shapes
 * stand beside the buffers as (rows, columns), row-major.
 */
#ifndef LJ_TRAIN_NETWORK_H
#define LJ_TRAIN_NETWORK_H

#include "runtime/train/model.h"

struct lj_layer_buffers {
  float *primal;    /* (rows, units): x @ kernel + bias; after backward its adjoint */
  float *activated; /* (rows, units): the layer's output; `primal` itself if linear */
};

/* Zeroed is valid and empty. */
struct lj_buffers {
  int64_t rows;
  struct lj_layer_buffers *layers; /* [layer_count] */
  float *adjoint[2];               /* (rows, widest layer): taken in turns */
  float *x, *y;                    /* gathered samples, if they are not used in place */
  int64_t *labels;
  int32_t *labels4;
};

/* Give a layer its block of weights and fill it in. */
lossjit_status lj_dense_create(lossjit_model *model, struct lj_dense *layer,
                               const lossjit_dense *how);
void lj_dense_release(lossjit_model *model, struct lj_dense *layer);
/* Gradient and slots, zeroed; earlier ones are given back. */
lossjit_status lj_dense_prepare(lossjit_model *model, struct lj_dense *layer,
                                size_t slot_count);

/* Buffers for batches of up to `rows`. `data` says what has to be gathered; NULL if
 * batches are read in place. */
lossjit_status lj_buffers_create(lossjit_model *model, int64_t rows,
                                 const lossjit_data *data, bool training,
                                 struct lj_buffers *buffers);
void lj_buffers_release(lossjit_model *model, struct lj_buffers *buffers);

/* Rows order[0 .. rows-1] of the data or, if `order` is NULL, the rows from `start`. */
struct lj_batch lj_batch_load(const lossjit_model *model, const lossjit_data *data,
                              const size_t *order, size_t start, int64_t rows,
                              struct lj_buffers *buffers);

/* x (rows, input_size) -> y_pred (rows, output_size), which lies in the buffers. */
lossjit_status lj_forward(lossjit_model *model, int64_t rows, const float *x,
                          struct lj_buffers *buffers, const float **y_pred);

/* The layers' gradients from buffers->adjoint[0], the adjoint of the y_pred that the
 * last forward gave for the same x. */
lossjit_status lj_backward(lossjit_model *model, int64_t rows, const float *x,
                           struct lj_buffers *buffers);

/* Every layer's weights along its gradient. */
void lj_optimizer_apply(lossjit_model *model);

#endif
