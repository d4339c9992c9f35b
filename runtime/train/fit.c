/*
 * Training: epochs of shuffled mini-batches, validation, history.
 *
 *     for each epoch:  shuffle the order of the training rows
 *                      for each batch: load, forward, loss and gradient, backward, step
 *                      measure the validation rows
 *                      record, report
 *
 * All memory of a step is there before the first one. Order comes from two streams of
 * the seed, one for the split and one for the epochs, so that the same rows validate
 * whatever the number of epochs. Losses and metrics of the training rows come from the
 * forward passes that were made anyway, each before its step, as Keras reports them.
 */
#include "runtime/train/measure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct fit {
  lossjit_model *model;
  const lossjit_data *data;
  lossjit_fit_options options; /* defaults filled in */
  struct lj_buffers buffers;
  struct lj_random random; /* of the epochs' order */
  size_t *order;           /* training rows, then validation rows */
  size_t training_rows;
  struct lj_rows validation; /* rows 0: none */
};

/* ---- before the first step ------------------------------------------------------- */

static lossjit_status refuse(lossjit_model *model, const char *why)
{
  return lj_train_fail(&model->error, LOSSJIT_ARGUMENT, "fit: %s", why);
}

static lossjit_status check_options(struct fit *fit)
{
  lossjit_fit_options *options = &fit->options;
  if (!options->epochs)
    options->epochs = 1;
  if (!options->batch_size)
    options->batch_size = LJ_DEFAULT_BATCH;
  if (!(options->validation_split >= 0 && options->validation_split < 1))
    return refuse(fit->model, "validation_split must be at least 0 and below 1");
  if (options->validation_split > 0 && options->validation_data)
    return refuse(fit->model,
                  "validation_split and validation_data exclude each other");
  return LOSSJIT_OK;
}

/* As Keras splits: the first floor(rows * (1 - split)) rows train. */
size_t lj_training_rows(size_t rows, double validation_split)
{
  return (size_t)floor((double)rows * (1 - validation_split));
}

static lossjit_status split(struct fit *fit)
{
  lossjit_model *model = fit->model;
  size_t rows = fit->data->rows;
  fit->order = lj_train_new(&model->allocator, rows, sizeof *fit->order);
  if (!fit->order)
    return lj_train_no_memory(&model->error);
  for (size_t i = 0; i < rows; i++)
    fit->order[i] = i;
  if (fit->options.shuffle_before_split) {
    struct lj_random random;
    lj_random_seed(&random, fit->options.seed, LJ_RANDOM_SPLIT);
    lj_random_shuffle(&random, fit->order, rows);
  }
  fit->training_rows = lj_training_rows(rows, fit->options.validation_split);
  fit->validation = (struct lj_rows){fit->data, fit->order + fit->training_rows,
                                     rows - fit->training_rows};
  if (fit->options.validation_data)
    fit->validation = (struct lj_rows){fit->options.validation_data, NULL,
                                       fit->options.validation_data->rows};
  if (!fit->training_rows)
    return refuse(model, "validation_split leaves no rows to train on");
  return LOSSJIT_OK;
}

/* Room for more epochs: doubles; who means to stop early may ask for billions. */
static lossjit_status grow_record(lossjit_model *model, size_t epochs)
{
  struct lj_record *record = &model->record;
  size_t count = record->history.epoch_count, metric_count = model->metric_count;
  if (count < record->capacity)
    return LOSSJIT_OK;
  size_t capacity = record->capacity ? 2 * record->capacity : 64;
  capacity = capacity < epochs ? capacity : epochs;
  lossjit_epoch *grown = lj_train_grow(&model->allocator, record->epochs, capacity,
                                       sizeof *record->epochs);
  if (!grown)
    return lj_train_no_memory(&model->error);
  record->epochs = grown;
  record->history.epochs = grown;
  double *metrics = lj_train_grow(&model->allocator, record->metrics, capacity,
                                  (2 * metric_count + 1) * sizeof *metrics);
  if (!metrics)
    return lj_train_no_memory(&model->error);
  record->metrics = metrics;
  for (size_t i = 0; i < count; i++) {
    grown[i].metrics = metrics + i * 2 * metric_count;
    grown[i].val_metrics = grown[i].metrics + metric_count;
  }
  record->capacity = capacity;
  return LOSSJIT_OK;
}

static lossjit_status prepare(struct fit *fit)
{
  lossjit_model *model = fit->model;
  const lossjit_data *validation = fit->options.validation_data;
  LJ_TRAIN_TRY(check_options(fit));
  LJ_TRAIN_TRY(lj_prepare_data(model, fit->data));
  if (validation &&
      lj_target_size(model, validation) != lj_target_size(model, fit->data))
    return refuse(model, "validation_data has another target_size than the data");
  if (validation)
    LJ_TRAIN_TRY(lj_prepare_data(model, validation));
  LJ_TRAIN_TRY(split(fit));
  size_t batch = fit->options.batch_size;
  if (batch > fit->data->rows)
    batch = fit->data->rows;
  if (batch > (size_t)LJ_LARGEST_SIZE)
    return refuse(model, "batch_size is too large");
  fit->options.batch_size = batch;
  LJ_TRAIN_TRY(
      lj_buffers_create(model, (int64_t)batch, fit->data, true, &fit->buffers));
  model->record.history.training_rows = fit->training_rows;
  model->record.history.validation_rows = fit->validation.count;
  lj_random_seed(&fit->random, fit->options.seed, LJ_RANDOM_ORDER);
  return LOSSJIT_OK;
}

/* ---- a step ---------------------------------------------------------------------- */

/* The gradient of the mean loss over the batch, in the layers' gradient blocks. */
static lossjit_status find_gradient(lossjit_model *model, const struct lj_batch *batch,
                                    struct lj_buffers *buffers, const float **y_pred,
                                    double *loss, size_t *bad_row)
{
  LJ_TRAIN_TRY(lj_forward(model, batch->rows, batch->x, buffers, y_pred));
  LJ_TRAIN_TRY(lj_mean_loss(&model->loss, batch->rows, *y_pred,
                            lj_batch_true(batch, &model->loss), buffers->adjoint[0],
                            loss, bad_row, &model->error));
  return lj_backward(model, batch->rows, batch->x, buffers);
}

static lossjit_status stop_not_finite(struct fit *fit, double loss, size_t step)
{
  lossjit_history *history = &fit->model->record.history;
  history->ending = LOSSJIT_NOT_FINITE;
  return lj_train_fail(&fit->model->error, LOSSJIT_INVALID,
                       "the loss became %s in epoch %zu, step %zu: a smaller "
                       "learning_rate or standardized inputs may help",
                       isnan(loss) ? "nan" : "infinite", history->epoch_count + 1,
                       step + 1);
}

static lossjit_status take_step(struct fit *fit, size_t start, size_t step,
                                struct lj_sums *sums)
{
  lossjit_model *model = fit->model;
  size_t left = fit->training_rows - start, size = fit->options.batch_size;
  const size_t *order = fit->order + start;
  struct lj_batch batch = lj_batch_load(
      model, fit->data, order, 0, (int64_t)(left < size ? left : size), &fit->buffers);
  const float *y_pred = NULL;
  double loss = 0;
  size_t bad_row = 0;
  lossjit_status status =
      find_gradient(model, &batch, &fit->buffers, &y_pred, &loss, &bad_row);
  if (status == LOSSJIT_OK && !isfinite(loss) && !fit->options.allow_not_finite)
    return stop_not_finite(fit, loss, step);
  if (status == LOSSJIT_OK)
    status = lj_metrics_add(model, &batch, y_pred, sums->metrics, &bad_row);
  if (status != LOSSJIT_OK)
    return lj_explain_row(model, status, &batch, order, 0, bad_row);
  sums->loss += loss * (double)batch.rows;
  lj_optimizer_apply(model);
  return LOSSJIT_OK;
}

/* ---- an epoch -------------------------------------------------------------------- */

static double seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static lossjit_status train_epoch(struct fit *fit, lossjit_epoch *epoch,
                                  double *metrics)
{
  struct lj_sums sums = {0, metrics};
  double began = seconds_now();
  if (!fit->options.no_shuffle)
    lj_random_shuffle(&fit->random, fit->order, fit->training_rows);
  for (size_t start = 0; start < fit->training_rows; start += fit->options.batch_size)
    LJ_TRAIN_TRY(take_step(fit, start, epoch->steps++, &sums));
  epoch->loss = lj_mean_of(fit->model, &sums, fit->training_rows);
  epoch->seconds = seconds_now() - began;
  return LOSSJIT_OK;
}

static lossjit_status validate(struct fit *fit, lossjit_epoch *epoch, double *metrics)
{
  if (fit->validation.count)
    return lj_measure(fit->model, &fit->validation, &fit->buffers, &epoch->val_loss,
                      metrics);
  epoch->val_loss = NAN;
  for (size_t i = 0; i < fit->model->metric_count; i++)
    metrics[i] = NAN;
  return LOSSJIT_OK;
}

static bool wants_to_stop(const struct fit *fit, const lossjit_epoch *epoch)
{
  if (!fit->options.progress)
    return false;
  char line[1024];
  lj_progress_line(fit->model, epoch, fit->options.epochs, line, sizeof line);
  lossjit_progress progress = {fit->model, epoch, fit->options.epochs, line};
  return fit->options.progress(fit->options.user, &progress) != 0;
}

static lossjit_status run_epochs(struct fit *fit)
{
  struct lj_record *record = &fit->model->record;
  lossjit_history *history = &record->history;
  size_t metric_count = fit->model->metric_count;
  for (size_t i = 0; i < fit->options.epochs; i++) {
    LJ_TRAIN_TRY(grow_record(fit->model, fit->options.epochs));
    lossjit_epoch *epoch = &record->epochs[i];
    double *metrics = record->metrics + i * 2 * metric_count;
    memset(metrics, 0, 2 * metric_count * sizeof *metrics);
    *epoch = (lossjit_epoch){.epoch = i + 1, .metrics = metrics};
    epoch->val_metrics = metrics + metric_count;
    LJ_TRAIN_TRY(train_epoch(fit, epoch, metrics));
    LJ_TRAIN_TRY(validate(fit, epoch, metrics + metric_count));
    history->epoch_count++;
    history->steps += epoch->steps;
    history->seconds += epoch->seconds;
    if (wants_to_stop(fit, epoch)) {
      history->ending = LOSSJIT_STOPPED;
      return LOSSJIT_OK;
    }
  }
  history->ending = LOSSJIT_FINISHED;
  return LOSSJIT_OK;
}

lossjit_status lossjit_model_fit(lossjit_model *model, const lossjit_data *data,
                                 const lossjit_fit_options *options)
{
  if (!model)
    return LOSSJIT_ARGUMENT;
  lj_train_clear(&model->error);
  lj_record_release(model);
  struct fit fit = {.model = model, .data = data};
  if (options)
    fit.options = *options;
  lossjit_status status = prepare(&fit);
  if (status == LOSSJIT_OK)
    status = run_epochs(&fit);
  if (status != LOSSJIT_OK && !model->record.history.ending)
    model->record.history.ending = LOSSJIT_FAILED;
  lj_buffers_release(model, &fit.buffers);
  lj_train_free(&model->allocator, fit.order);
  return status;
}

/* ---- the gradient alone ---------------------------------------------------------- */

static void copy_gradients(const lossjit_model *model, const lossjit_weights *gradients)
{
  for (size_t i = 0; i < model->layer_count; i++) {
    const struct lj_dense *layer = &model->layers[i];
    size_t units = (size_t)layer->units, inputs = (size_t)layer->inputs;
    if (gradients[i].kernel)
      memcpy(gradients[i].kernel, layer->kernel_gradient,
             units * inputs * sizeof(float));
    if (gradients[i].bias && layer->bias)
      memcpy(gradients[i].bias, layer->bias_gradient, units * sizeof(float));
  }
}

lossjit_status lossjit_model_gradient(lossjit_model *model, const lossjit_data *data,
                                      double *loss, const lossjit_weights *gradients)
{
  double unused;
  if (!loss)
    loss = &unused;
  *loss = 0;
  if (!model)
    return LOSSJIT_ARGUMENT;
  lj_train_clear(&model->error);
  LJ_TRAIN_TRY(lj_prepare_data(model, data));
  if (data->rows > (size_t)LJ_LARGEST_SIZE)
    return lj_train_fail(&model->error, LOSSJIT_ARGUMENT,
                         "too many rows for one batch");

  struct lj_buffers buffers = {0};
  size_t bad_row = 0;
  const float *y_pred;
  double mean = 0;
  lossjit_status status =
      lj_buffers_create(model, (int64_t)data->rows, NULL, true, &buffers);
  if (status == LOSSJIT_OK) {
    struct lj_batch batch =
        lj_batch_load(model, data, NULL, 0, (int64_t)data->rows, &buffers);
    status = find_gradient(model, &batch, &buffers, &y_pred, &mean, &bad_row);
    if (status != LOSSJIT_OK)
      status = lj_explain_row(model, status, &batch, NULL, 0, bad_row);
  }
  if (status == LOSSJIT_OK) {
    *loss = mean;
    if (gradients)
      copy_gradients(model, gradients);
  }
  lj_buffers_release(model, &buffers);
  return status;
}
