/*
 * Building a network: layers, then loss, optimizer and metrics.
 *
 * A layer that cannot be made leaves the model as it was, so that a caller may correct
 * the text and go on; a compile that fails leaves it uncompiled. Kernels of layers are
 * made here, those of loss and metrics when the data is known, since it has y_true's
 * size.
 */
#include "runtime/train/network.h"

#include <stdio.h>
#include <string.h>

/* ---- creation -------------------------------------------------------------------- */

lossjit_status lossjit_model_create(lossjit_engine *engine, int64_t input_size,
                                    const lossjit_model_options *options,
                                    lossjit_model **model)
{
  if (!model)
    return LOSSJIT_ARGUMENT;
  *model = NULL;
  if (!engine || input_size < 1 || input_size > LJ_LARGEST_SIZE)
    return LOSSJIT_ARGUMENT;
  lossjit_allocator allocator = lj_train_allocator(options ? options->allocator : NULL);
  lossjit_model *made = lj_train_new(&allocator, 1, sizeof *made);
  if (!made)
    return LOSSJIT_NO_MEMORY;
  made->allocator = allocator;
  made->engine = engine;
  made->input_size = input_size;
  lj_random_seed(&made->random, options ? options->seed : 0, LJ_RANDOM_WEIGHTS);
  *model = made;
  return LOSSJIT_OK;
}

void lj_record_release(lossjit_model *model)
{
  lj_train_free(&model->allocator, model->record.epochs);
  lj_train_free(&model->allocator, model->record.metrics);
  model->record = (struct lj_record){.epochs = NULL};
}

void lossjit_model_release(lossjit_model *model)
{
  if (!model)
    return;
  lossjit_allocator allocator = model->allocator;
  lj_record_release(model);
  lj_metrics_release(model);
  lj_expression_release(&model->loss, &allocator);
  for (size_t i = 0; i < model->layer_count; i++)
    lj_dense_release(model, &model->layers[i]);
  lj_train_free(&allocator, model->layers);
  lj_train_free(&allocator, model);
}

const char *lossjit_model_error(const lossjit_model *model)
{
  return model ? model->error.text : "no model";
}

/* ---- layers ---------------------------------------------------------------------- */

static lossjit_status check_dense(lossjit_model *model, const lossjit_dense *dense)
{
  if (!dense)
    return lj_train_fail(&model->error, LOSSJIT_ARGUMENT, "no layer was given");
  if (model->compiled)
    return lj_train_fail(&model->error, LOSSJIT_ARGUMENT,
                         "the model is compiled: layers come before that");
  if (dense->units < 1 || dense->units > LJ_LARGEST_SIZE)
    return lj_train_fail(&model->error, LOSSJIT_ARGUMENT,
                         "a layer has 1 to %lld units, not %lld",
                         (long long)LJ_LARGEST_SIZE, (long long)dense->units);
  if ((unsigned)dense->kernel_initializer > LOSSJIT_ZEROS)
    return lj_train_fail(&model->error, LOSSJIT_ARGUMENT, "unknown initializer %d",
                         (int)dense->kernel_initializer);
  return LOSSJIT_OK;
}

static lossjit_status make_room(lossjit_model *model)
{
  if (model->layer_count < model->layer_capacity)
    return LOSSJIT_OK;
  size_t capacity = model->layer_capacity ? 2 * model->layer_capacity : 8;
  struct lj_dense *layers =
      lj_train_grow(&model->allocator, model->layers, capacity, sizeof *layers);
  if (!layers)
    return lj_train_no_memory(&model->error);
  model->layers = layers;
  model->layer_capacity = capacity;
  return LOSSJIT_OK;
}

static lossjit_status fill_layer(lossjit_model *model, const lossjit_dense *how,
                                 struct lj_dense *layer)
{
  const char *activation = how->activation ? how->activation : "linear";
  layer->inputs = lj_output_size(model);
  layer->units = how->units;
  layer->linear = !strcmp(activation, "linear");
  layer->activation_name =
      lj_train_copy(&model->allocator, activation, strlen(activation));
  if (!layer->activation_name)
    return lj_train_no_memory(&model->error);
  if (!layer->linear) {
    LJ_TRAIN_TRY(lj_expression_compile(&layer->activation, &model->allocator,
                                       model->engine, LJ_ROLE_ACTIVATION, activation,
                                       layer->units, &model->error));
    LJ_TRAIN_TRY(
        lj_expression_specialize(&layer->activation, layer->units, 0, &model->error));
  }
  return lj_dense_create(model, layer, how);
}

lossjit_status lossjit_model_add_layer(lossjit_model *model, const lossjit_dense *dense)
{
  if (!model)
    return LOSSJIT_ARGUMENT;
  lj_train_clear(&model->error);
  LJ_TRAIN_TRY(check_dense(model, dense));
  LJ_TRAIN_TRY(make_room(model));
  struct lj_dense layer = {0};
  struct lj_random before = model->random;
  lossjit_status status = fill_layer(model, dense, &layer);
  if (status == LOSSJIT_OK) {
    model->layers[model->layer_count++] = layer;
  } else {
    lj_dense_release(model, &layer);
    model->random = before;
  }
  return status;
}

lossjit_status lossjit_model_add_dense(lossjit_model *model, int64_t units,
                                       const char *activation)
{
  return lossjit_model_add_layer(
      model, &(lossjit_dense){.units = units, .activation = activation});
}

/* ---- looking at it --------------------------------------------------------------- */

int64_t lossjit_model_input_size(const lossjit_model *model)
{
  return model ? model->input_size : 0;
}

int64_t lossjit_model_output_size(const lossjit_model *model)
{
  return model ? lj_output_size(model) : 0;
}

size_t lossjit_model_layer_count(const lossjit_model *model)
{
  return model ? model->layer_count : 0;
}

lossjit_status lossjit_model_layer(const lossjit_model *model, size_t index,
                                   lossjit_weights *weights)
{
  if (!weights)
    return LOSSJIT_ARGUMENT;
  *weights = (lossjit_weights){0};
  if (!model || index >= model->layer_count)
    return LOSSJIT_ARGUMENT;
  const struct lj_dense *layer = &model->layers[index];
  *weights = (lossjit_weights){layer->inputs, layer->units, layer->activation_name,
                               layer->kernel, layer->bias};
  return LOSSJIT_OK;
}

static size_t layer_parameters(const struct lj_dense *layer)
{
  return (size_t)(layer->inputs * layer->units + (layer->bias ? layer->units : 0));
}

size_t lossjit_model_parameter_count(const lossjit_model *model)
{
  size_t count = 0;
  for (size_t i = 0; model && i < model->layer_count; i++)
    count += layer_parameters(&model->layers[i]);
  return count;
}

size_t lossjit_model_metric_count(const lossjit_model *model)
{
  return model ? model->metric_count : 0;
}

const char *lossjit_model_metric_name(const lossjit_model *model, size_t index)
{
  return model && index < model->metric_count ? model->metrics[index].name : NULL;
}

const lossjit_history *lossjit_model_history(const lossjit_model *model)
{
  return model ? &model->record.history : NULL;
}

/* snprintf behind what is there; stops quietly when the text is full. */
static void add_line(char *text, size_t size, size_t *length,
                     const struct lj_dense *layer)
{
  int written = snprintf(text + *length, size - *length,
                         "dense  (batch, %lld) -> (batch, %lld)  %s  %zu\n",
                         (long long)layer->inputs, (long long)layer->units,
                         layer->activation_name, layer_parameters(layer));
  *length = written < (int)(size - *length) ? *length + (size_t)written : size - 1;
}

void lossjit_model_summary(const lossjit_model *model, char *text, size_t size)
{
  if (!text || !size)
    return;
  *text = 0;
  size_t length = 0;
  for (size_t i = 0; model && i < model->layer_count; i++)
    add_line(text, size, &length, &model->layers[i]);
  if (model)
    snprintf(text + length, size - length, "%zu parameters\n",
             lossjit_model_parameter_count(model));
}

/* ---- loss, optimizer, metrics ---------------------------------------------------- */

static lossjit_status choose_optimizer(lossjit_model *model,
                                       const lossjit_optimizer *optimizer)
{
  const struct lj_optimizer_row *row =
      lj_optimizer_find(optimizer ? optimizer->name : "adam");
  if (!row)
    return lj_train_fail(&model->error, LOSSJIT_ARGUMENT, "there is no optimizer '%s'",
                         optimizer->name ? optimizer->name : "(null)");
  model->optimizer_row = row;
  model->optimizer = optimizer ? *optimizer : row->defaults;
  model->optimizer.name = row->name;
  return lj_optimizer_check(&model->optimizer, &model->error);
}

static lossjit_status fill_compiled(lossjit_model *model, const char *loss,
                                    const lossjit_optimizer *optimizer,
                                    const char *const *metrics, size_t metric_count)
{
  LJ_TRAIN_TRY(choose_optimizer(model, optimizer));
  LJ_TRAIN_TRY(lj_expression_compile(&model->loss, &model->allocator, model->engine,
                                     LJ_ROLE_LOSS, loss, lj_output_size(model),
                                     &model->error));
  if (model->loss.y_pred < 0)
    return lj_train_fail(&model->error, LOSSJIT_INVALID,
                         "loss '%s' does not use y_pred", model->loss.text);
  LJ_TRAIN_TRY(lj_metrics_compile(model, metrics, metric_count));
  for (size_t i = 0; i < model->layer_count; i++)
    LJ_TRAIN_TRY(
        lj_dense_prepare(model, &model->layers[i], model->optimizer_row->slot_count));
  return LOSSJIT_OK;
}

lossjit_status lossjit_model_compile(lossjit_model *model, const char *loss,
                                     const lossjit_optimizer *optimizer,
                                     const char *const *metrics, size_t metric_count)
{
  if (!model)
    return LOSSJIT_ARGUMENT;
  lj_train_clear(&model->error);
  if (!loss || (metric_count && !metrics))
    return lj_train_fail(&model->error, LOSSJIT_ARGUMENT, "no %s given",
                         loss ? "metrics were" : "loss was");
  if (!model->layer_count)
    return lj_train_fail(&model->error, LOSSJIT_ARGUMENT, "the model has no layers");
  model->compiled = false;
  model->steps = 0;
  lj_record_release(model);
  lj_metrics_release(model);
  lj_expression_release(&model->loss, &model->allocator);
  LJ_TRAIN_TRY(fill_compiled(model, loss, optimizer, metrics, metric_count));
  model->compiled = true;
  return LOSSJIT_OK;
}
