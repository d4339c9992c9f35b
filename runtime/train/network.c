/*
 * Dense layers: forward and backward on the BLAS.
 *
 *     forward   primal = x @ kernel + bias         activated = f(primal)
 *     backward  g = adjoint * f'(primal)           by the activation's own kernel
 *               kernel gradient = x^T @ g          bias gradient = sum of g over rows
 *               adjoint of x = g @ kernel^T        not for the first layer
 *
 * The bias is laid into the output before the product is added to it, which saves a
 * pass. g takes the place of primal, which nobody reads after it.
 */
#include "runtime/train/network.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

/* ---- weights --------------------------------------------------------------------- */

static size_t padded(int64_t count)
{
  return ((size_t)count + 15) / 16 * 16; /* floats in whole cache lines */
}

/* X. Glorot and Y. Bengio, AISTATS 2010; K. He et al., ICCV 2015; the uniform forms. */
static double initial_limit(lossjit_initializer initializer, int64_t inputs,
                            int64_t units)
{
  switch (initializer) {
  case LOSSJIT_HE_UNIFORM:
    return sqrt(6.0 / (double)inputs);
  case LOSSJIT_ZEROS:
    return 0;
  default:
    return sqrt(6.0 / (double)(inputs + units));
  }
}

lossjit_status lj_dense_create(lossjit_model *model, struct lj_dense *layer,
                               const lossjit_dense *how)
{
  size_t kernel_size = padded(layer->inputs * layer->units);
  layer->block_size = kernel_size + (how->no_bias ? 0 : padded(layer->units));
  layer->weights = lj_train_floats(&model->allocator, layer->block_size);
  if (!layer->weights)
    return lj_train_no_memory(&model->error);
  layer->kernel = layer->weights;
  layer->bias = how->no_bias ? NULL : layer->weights + kernel_size;

  double limit = initial_limit(how->kernel_initializer, layer->inputs, layer->units);
  for (int64_t i = 0; i < layer->inputs * layer->units; i++)
    layer->kernel[i] = (float)(limit * (2 * lj_random_uniform(&model->random) - 1));
  return LOSSJIT_OK;
}

static void release_training(lossjit_model *model, struct lj_dense *layer)
{
  lj_train_floats_free(&model->allocator, layer->gradient);
  lj_train_floats_free(&model->allocator, layer->slots);
  layer->gradient = layer->slots = NULL;
}

void lj_dense_release(lossjit_model *model, struct lj_dense *layer)
{
  release_training(model, layer);
  lj_train_floats_free(&model->allocator, layer->weights);
  lj_train_free(&model->allocator, layer->activation_name);
  lj_expression_release(&layer->activation, &model->allocator);
}

lossjit_status lj_dense_prepare(lossjit_model *model, struct lj_dense *layer,
                                size_t slot_count)
{
  release_training(model, layer);
  layer->gradient = lj_train_floats(&model->allocator, layer->block_size);
  layer->slots = lj_train_floats(&model->allocator, layer->block_size * slot_count);
  if (!layer->gradient || !layer->slots)
    return lj_train_no_memory(&model->error);
  layer->kernel_gradient = layer->gradient;
  layer->bias_gradient =
      layer->bias ? layer->gradient + (layer->bias - layer->weights) : NULL;
  return LOSSJIT_OK;
}

/* ---- buffers --------------------------------------------------------------------- */

static lossjit_status create_layer_buffers(lossjit_model *model, int64_t rows,
                                           struct lj_buffers *buffers)
{
  const lossjit_allocator *allocator = &model->allocator;
  buffers->layers =
      lj_train_new(allocator, model->layer_count, sizeof *buffers->layers);
  if (!buffers->layers)
    return lj_train_no_memory(&model->error);
  for (size_t i = 0; i < model->layer_count; i++) {
    struct lj_layer_buffers *own = &buffers->layers[i];
    size_t size = (size_t)(rows * model->layers[i].units);
    own->primal = lj_train_floats(allocator, size);
    own->activated =
        model->layers[i].linear ? own->primal : lj_train_floats(allocator, size);
    if (!own->primal || !own->activated)
      return lj_train_no_memory(&model->error);
  }
  return LOSSJIT_OK;
}

static lossjit_status create_adjoints(lossjit_model *model, int64_t rows,
                                      struct lj_buffers *buffers)
{
  int64_t widest = 0;
  for (size_t i = 0; i < model->layer_count; i++)
    if (model->layers[i].units > widest)
      widest = model->layers[i].units;
  for (int i = 0; i < 2; i++) {
    buffers->adjoint[i] = lj_train_floats(&model->allocator, (size_t)(rows * widest));
    if (!buffers->adjoint[i])
      return lj_train_no_memory(&model->error);
  }
  return LOSSJIT_OK;
}

static lossjit_status create_samples(lossjit_model *model, int64_t rows,
                                     const lossjit_data *data,
                                     struct lj_buffers *buffers)
{
  const lossjit_allocator *allocator = &model->allocator;
  size_t count = (size_t)rows, columns = (size_t)lj_target_size(model, data);
  buffers->x = lj_train_floats(allocator, count * (size_t)model->input_size);
  buffers->y = data->y ? lj_train_floats(allocator, count * columns) : NULL;
  if (!buffers->x || (data->y && !buffers->y))
    return lj_train_no_memory(&model->error);
  return LOSSJIT_OK;
}

lossjit_status lj_buffers_create(lossjit_model *model, int64_t rows,
                                 const lossjit_data *data, bool training,
                                 struct lj_buffers *buffers)
{
  const lossjit_allocator *allocator = &model->allocator;
  buffers->rows = rows;
  LJ_TRAIN_TRY(create_layer_buffers(model, rows, buffers));
  if (training)
    LJ_TRAIN_TRY(create_adjoints(model, rows, buffers));
  if (data)
    LJ_TRAIN_TRY(create_samples(model, rows, data, buffers));
  buffers->labels = lj_train_new(allocator, (size_t)rows, sizeof *buffers->labels);
  buffers->labels4 = lj_train_new(allocator, (size_t)rows, sizeof *buffers->labels4);
  if (!buffers->labels || !buffers->labels4)
    return lj_train_no_memory(&model->error);
  return LOSSJIT_OK;
}

void lj_buffers_release(lossjit_model *model, struct lj_buffers *buffers)
{
  const lossjit_allocator *allocator = &model->allocator;
  for (size_t i = 0; buffers->layers && i < model->layer_count; i++) {
    struct lj_layer_buffers *own = &buffers->layers[i];
    if (own->activated != own->primal)
      lj_train_floats_free(allocator, own->activated);
    lj_train_floats_free(allocator, own->primal);
  }
  lj_train_free(allocator, buffers->layers);
  lj_train_floats_free(allocator, buffers->adjoint[0]);
  lj_train_floats_free(allocator, buffers->adjoint[1]);
  lj_train_floats_free(allocator, buffers->x);
  lj_train_floats_free(allocator, buffers->y);
  lj_train_free(allocator, buffers->labels);
  lj_train_free(allocator, buffers->labels4);
  *buffers = (struct lj_buffers){0};
}

/* ---- samples --------------------------------------------------------------------- */

static void gather(const float *from, size_t columns, const size_t *order, int64_t rows,
                   float *to)
{
  for (int64_t i = 0; i < rows; i++)
    memcpy(to + (size_t)i * columns, from + order[i] * columns, columns * sizeof *to);
}

/* A label that 32 bits cannot hold must stay wrong, not become another one. */
static int32_t narrow(int64_t label)
{
  return label < INT32_MIN ? INT32_MIN : label > INT32_MAX ? INT32_MAX : (int32_t)label;
}

struct lj_batch lj_batch_load(const lossjit_model *model, const lossjit_data *data,
                              const size_t *order, size_t start, int64_t rows,
                              struct lj_buffers *buffers)
{
  size_t inputs = (size_t)model->input_size;
  size_t targets = (size_t)lj_target_size(model, data);
  struct lj_batch batch = {.rows = rows};
  if (order) {
    gather(data->x, inputs, order, rows, buffers->x);
    if (data->y)
      gather(data->y, targets, order, rows, buffers->y);
    batch.x = buffers->x;
    batch.y = data->y ? buffers->y : NULL;
  } else {
    batch.x = data->x + start * inputs;
    batch.y = data->y ? data->y + start * targets : NULL;
  }
  for (int64_t i = 0; data->labels && i < rows; i++) {
    buffers->labels[i] = data->labels[order ? order[i] : start + (size_t)i];
    buffers->labels4[i] = narrow(buffers->labels[i]);
  }
  batch.labels = data->labels ? buffers->labels : NULL;
  batch.labels4 = data->labels ? buffers->labels4 : NULL;
  return batch;
}

/* ---- forward --------------------------------------------------------------------- */

/* out (rows, units) = x (rows, inputs) @ kernel (inputs, units) + bias (units,) */
static void multiply(const struct lj_dense *layer, int64_t rows, const float *x,
                     float *out)
{
  int units = (int)layer->units, inputs = (int)layer->inputs;
  for (int64_t i = 0; layer->bias && i < rows; i++)
    memcpy(out + i * units, layer->bias, (size_t)units * sizeof *out);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, units, inputs, 1, x,
              inputs, layer->kernel, units, layer->bias ? 1 : 0, out, units);
}

lossjit_status lj_forward(lossjit_model *model, int64_t rows, const float *x,
                          struct lj_buffers *buffers, const float **y_pred)
{
  for (size_t i = 0; i < model->layer_count; i++) {
    const struct lj_dense *layer = &model->layers[i];
    struct lj_layer_buffers *own = &buffers->layers[i];
    multiply(layer, rows, x, own->primal);
    if (!layer->linear)
      LJ_TRAIN_TRY(lj_activate(&layer->activation, rows, own->primal, own->activated,
                               &model->error));
    x = own->activated;
  }
  *y_pred = x;
  return LOSSJIT_OK;
}

/* ---- backward -------------------------------------------------------------------- */

static void sum_rows(const float *restrict g, int64_t rows, int64_t units,
                     float *restrict sums)
{
  memset(sums, 0, (size_t)units * sizeof *sums);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < units; j++)
      sums[j] += g[i * units + j];
}

/* `x_adjoint` is NULL where nobody asks for it. */
static void multiply_back(struct lj_dense *layer, int64_t rows, const float *x,
                          const float *g, float *x_adjoint)
{
  int units = (int)layer->units, inputs = (int)layer->inputs;
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, inputs, units, (int)rows, 1, x,
              inputs, g, units, 0, layer->kernel_gradient, units);
  if (layer->bias)
    sum_rows(g, rows, units, layer->bias_gradient);
  if (x_adjoint)
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, inputs, units, 1, g,
                units, layer->kernel, units, 0, x_adjoint, inputs);
}

lossjit_status lj_backward(lossjit_model *model, int64_t rows, const float *x,
                           struct lj_buffers *buffers)
{
  float *adjoint = buffers->adjoint[0], *next = buffers->adjoint[1];
  for (size_t i = model->layer_count; i-- > 0;) {
    struct lj_dense *layer = &model->layers[i];
    float *g = adjoint;
    if (!layer->linear) {
      g = buffers->layers[i].primal;
      LJ_TRAIN_TRY(
          lj_activate_back(&layer->activation, rows, adjoint, g, &model->error));
    }
    const float *layer_x = i ? buffers->layers[i - 1].activated : x;
    multiply_back(layer, rows, layer_x, g, i ? next : NULL);
    float *taken = adjoint;
    adjoint = next;
    next = taken;
  }
  return LOSSJIT_OK;
}

void lj_optimizer_apply(lossjit_model *model)
{
  model->steps++;
  for (size_t i = 0; i < model->layer_count; i++) {
    const struct lj_dense *layer = &model->layers[i];
    struct lj_block block = {layer->block_size, layer->weights, layer->gradient,
                             layer->slots};
    model->optimizer_row->step(&model->optimizer, model->steps, &block);
  }
}
