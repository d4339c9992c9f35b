/*
 * Loss, metrics and outputs over rows, without changing the weights.
 *
 * Rows pass through in batches, the last as small as it comes out. Means are sums in
 * f64 divided once, so that they do not depend on how the rows fell into batches beyond
 * the rounding of a batch's own mean.
 */
#include "runtime/train/measure.h"

#include <string.h>

/* ---- what the data must have ----------------------------------------------------- */

static lossjit_status refuse(lossjit_model *model, lossjit_status status,
                             const char *format, const char *name)
{
  return lj_train_fail(&model->error, status, format, name);
}

static lossjit_status check_targets(lossjit_model *model, const lossjit_data *data,
                                    const struct lj_expression *expression,
                                    const char *name)
{
  if (expression->y_true < 0)
    return LOSSJIT_OK;
  if (expression->true_type == LOSSJIT_F32)
    return data->y ? LOSSJIT_OK
                   : refuse(model, LOSSJIT_ARGUMENT,
                            "'%s' compares with numbers: the data needs y", name);
  return data->labels ? LOSSJIT_OK
                      : refuse(model, LOSSJIT_ARGUMENT,
                               "'%s' takes class numbers: the data needs labels", name);
}

static lossjit_status check_accuracy(lossjit_model *model, const lossjit_data *data)
{
  if (data->labels)
    return LOSSJIT_OK;
  if (!data->y)
    return refuse(model, LOSSJIT_ARGUMENT, "'%s' needs labels or y", "accuracy");
  if (lj_target_size(model, data) != lj_output_size(model))
    return refuse(model, LOSSJIT_ARGUMENT,
                  "'%s': y must have as many columns as the network has outputs",
                  "accuracy");
  for (size_t i = 0; lj_output_size(model) == 1 && i < data->rows; i++)
    if (data->y[i] != 0 && data->y[i] != 1)
      return lj_train_fail(&model->error, LOSSJIT_INVALID,
                           "'accuracy' counts right classes, 0 or 1, but y holds %.6g: "
                           "for numbers take a metric such as mean_absolute_error",
                           (double)data->y[i]);
  return LOSSJIT_OK;
}

static lossjit_status check_data(lossjit_model *model, const lossjit_data *data)
{
  if (!model->compiled)
    return refuse(model, LOSSJIT_ARGUMENT, "%s: call lossjit_model_compile first",
                  "the model is not compiled");
  if (!data || !data->x || !data->rows)
    return refuse(model, LOSSJIT_ARGUMENT, "the data has no %s",
                  data && data->x ? "rows" : "x");
  if (data->target_size < 0 || data->target_size > LJ_LARGEST_SIZE)
    return refuse(model, LOSSJIT_ARGUMENT, "%s is out of range", "target_size");
  return check_targets(model, data, &model->loss, model->loss.text);
}

static lossjit_status prepare(lossjit_model *model, struct lj_expression *expression,
                              int64_t targets)
{
  int64_t units = lj_output_size(model);
  LJ_TRAIN_TRY(lj_expression_check_sizes(expression, units, targets, &model->error));
  return lj_expression_specialize(expression, units, targets, &model->error);
}

lossjit_status lj_prepare_data(lossjit_model *model, const lossjit_data *data)
{
  LJ_TRAIN_TRY(check_data(model, data));
  int64_t targets = lj_target_size(model, data);
  LJ_TRAIN_TRY(prepare(model, &model->loss, targets));
  for (size_t i = 0; i < model->metric_count; i++) {
    struct lj_metric *metric = &model->metrics[i];
    if (metric->accuracy) {
      LJ_TRAIN_TRY(check_accuracy(model, data));
      continue;
    }
    LJ_TRAIN_TRY(check_targets(model, data, &metric->expression, metric->name));
    LJ_TRAIN_TRY(prepare(model, &metric->expression, targets));
  }
  return LOSSJIT_OK;
}

lossjit_status lj_explain_row(lossjit_model *model, lossjit_status status,
                              const struct lj_batch *batch, const size_t *order,
                              size_t start, size_t bad_row)
{
  if (status != LOSSJIT_LABEL_RANGE || !batch->labels || bad_row >= (size_t)batch->rows)
    return status;
  size_t row = order ? order[start + bad_row] : start + bad_row;
  return lj_train_fail(
      &model->error, status, "row %zu (counted from 0): label %lld is outside 0..%lld",
      row, (long long)batch->labels[bad_row], (long long)lj_output_size(model) - 1);
}

/* ---- measuring ------------------------------------------------------------------- */

double lj_mean_of(const lossjit_model *model, struct lj_sums *sums, size_t rows)
{
  for (size_t i = 0; i < model->metric_count; i++)
    sums->metrics[i] /= (double)rows;
  return sums->loss / (double)rows;
}

static lossjit_status measure_batch(lossjit_model *model, const struct lj_batch *batch,
                                    struct lj_buffers *buffers, struct lj_sums *sums,
                                    size_t *bad_row)
{
  const float *y_pred;
  double mean = 0;
  LJ_TRAIN_TRY(lj_forward(model, batch->rows, batch->x, buffers, &y_pred));
  LJ_TRAIN_TRY(lj_mean_loss(&model->loss, batch->rows, y_pred,
                            lj_batch_true(batch, &model->loss), NULL, &mean, bad_row,
                            &model->error));
  sums->loss += mean * (double)batch->rows;
  return lj_metrics_add(model, batch, y_pred, sums->metrics, bad_row);
}

lossjit_status lj_measure(lossjit_model *model, const struct lj_rows *rows,
                          struct lj_buffers *buffers, double *loss, double *metrics)
{
  struct lj_sums sums = {0, metrics};
  memset(metrics, 0, model->metric_count * sizeof *metrics);
  for (size_t start = 0; start < rows->count; start += (size_t)buffers->rows) {
    size_t left = rows->count - start, most = (size_t)buffers->rows, bad_row = 0;
    const size_t *order = rows->order ? rows->order + start : NULL;
    struct lj_batch batch = lj_batch_load(
        model, rows->data, order, start, (int64_t)(left < most ? left : most), buffers);
    lossjit_status status = measure_batch(model, &batch, buffers, &sums, &bad_row);
    if (status != LOSSJIT_OK)
      return lj_explain_row(model, status, &batch, order, order ? 0 : start, bad_row);
  }
  *loss = lj_mean_of(model, &sums, rows->count);
  return LOSSJIT_OK;
}

/* ---- for callers ----------------------------------------------------------------- */

static int64_t batch_rows(size_t batch_size, size_t rows)
{
  size_t batch = batch_size ? batch_size : LJ_DEFAULT_BATCH;
  batch = batch < rows ? batch : rows;
  return batch < (size_t)LJ_LARGEST_SIZE ? (int64_t)batch : LJ_LARGEST_SIZE;
}

lossjit_status lossjit_model_evaluate(lossjit_model *model, const lossjit_data *data,
                                      size_t batch_size, double *loss, double *metrics)
{
  double unused;
  if (!loss)
    loss = &unused;
  *loss = 0;
  if (!model)
    return LOSSJIT_ARGUMENT;
  lj_train_clear(&model->error);
  LJ_TRAIN_TRY(lj_prepare_data(model, data));
  struct lj_rows rows = {data, NULL, data->rows};
  struct lj_buffers buffers = {0};
  double *sums = lj_train_new(&model->allocator, model->metric_count, sizeof *sums);
  lossjit_status status =
      sums ? lj_buffers_create(model, batch_rows(batch_size, data->rows), NULL, false,
                               &buffers)
           : lj_train_no_memory(&model->error);
  if (status == LOSSJIT_OK)
    status = lj_measure(model, &rows, &buffers, loss, sums);
  if (metrics && status == LOSSJIT_OK)
    memcpy(metrics, sums, model->metric_count * sizeof *metrics);
  lj_buffers_release(model, &buffers);
  lj_train_free(&model->allocator, sums);
  return status;
}

static lossjit_status predict_all(lossjit_model *model, size_t rows, const float *x,
                                  struct lj_buffers *buffers, float *y_pred)
{
  size_t inputs = (size_t)model->input_size, outputs = (size_t)lj_output_size(model);
  for (size_t start = 0; start < rows; start += (size_t)buffers->rows) {
    int64_t count = batch_rows((size_t)buffers->rows, rows - start);
    const float *out;
    LJ_TRAIN_TRY(lj_forward(model, count, x + start * inputs, buffers, &out));
    memcpy(y_pred + start * outputs, out, (size_t)count * outputs * sizeof *out);
  }
  return LOSSJIT_OK;
}

lossjit_status lossjit_model_predict(lossjit_model *model, size_t rows, const float *x,
                                     float *y_pred)
{
  if (!model)
    return LOSSJIT_ARGUMENT;
  lj_train_clear(&model->error);
  if (!model->layer_count || (rows && (!x || !y_pred)))
    return refuse(model, LOSSJIT_ARGUMENT, "predict: %s is missing",
                  !model->layer_count ? "a layer"
                  : x                 ? "y_pred"
                                      : "x");
  if (!rows)
    return LOSSJIT_OK;
  struct lj_buffers buffers = {0};
  lossjit_status status = lj_buffers_create(model, batch_rows(LJ_DEFAULT_BATCH, rows),
                                            NULL, false, &buffers);
  if (status == LOSSJIT_OK)
    status = predict_all(model, rows, x, &buffers, y_pred);
  lj_buffers_release(model, &buffers);
  return status;
}
