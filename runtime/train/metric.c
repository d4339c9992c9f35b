/*
 * Metrics: what is reported beside the loss.
 *
 * "accuracy" is counted here; every other metric is an expression compiled without its
 * gradient. All are sums over rows until the end, so that a partial batch weighs what
 * it holds.
 */
#include "runtime/train/model.h"

#include <math.h>
#include <string.h>

/* ---- compiling ------------------------------------------------------------------- */

lossjit_status lj_metrics_compile(lossjit_model *model, const char *const *texts,
                                  size_t count)
{
  const lossjit_allocator *allocator = &model->allocator;
  model->metrics = lj_train_new(allocator, count, sizeof *model->metrics);
  if (!model->metrics)
    return lj_train_no_memory(&model->error);
  for (size_t i = 0; i < count; i++) {
    struct lj_metric *metric = &model->metrics[i];
    if (!texts[i])
      return lj_train_fail(&model->error, LOSSJIT_ARGUMENT, "metric %zu is null", i);
    model->metric_count = i + 1;
    metric->name = lj_train_copy(allocator, texts[i], strlen(texts[i]));
    if (!metric->name)
      return lj_train_no_memory(&model->error);
    metric->accuracy = !strcmp(texts[i], "accuracy");
    if (!metric->accuracy)
      LJ_TRAIN_TRY(lj_expression_compile(&metric->expression, allocator, model->engine,
                                         LJ_ROLE_METRIC, texts[i],
                                         lj_output_size(model), &model->error));
  }
  return LOSSJIT_OK;
}

void lj_metrics_release(lossjit_model *model)
{
  for (size_t i = 0; i < model->metric_count; i++) {
    lj_train_free(&model->allocator, model->metrics[i].name);
    lj_expression_release(&model->metrics[i].expression, &model->allocator);
  }
  lj_train_free(&model->allocator, model->metrics);
  model->metrics = NULL;
  model->metric_count = 0;
}

/* ---- measuring ------------------------------------------------------------------- */

const void *lj_batch_true(const struct lj_batch *batch,
                          const struct lj_expression *expression)
{
  switch (expression->true_type) {
  case LOSSJIT_I32:
    return batch->labels4;
  case LOSSJIT_I64:
    return batch->labels;
  default:
    return batch->y;
  }
}

/* The first of the largest; -1 if all are NaN. */
static int64_t argmax(const float *row, int64_t size)
{
  int64_t best = -1;
  for (int64_t i = 0; i < size; i++)
    if (!isnan(row[i]) && (best < 0 || row[i] > row[best]))
      best = i;
  return best;
}

/* One output says yes above one half, as Keras' binary_accuracy has it. */
static size_t right_answers_of_one(const struct lj_batch *batch, const float *y_pred)
{
  size_t right = 0;
  for (int64_t i = 0; i < batch->rows; i++) {
    bool yes = y_pred[i] > 0.5f;
    if (isnan(y_pred[i]))
      continue;
    right += batch->labels ? batch->labels[i] == yes : batch->y[i] == (float)yes;
  }
  return right;
}

static size_t right_answers(const struct lj_batch *batch, const float *y_pred,
                            int64_t size)
{
  if (size == 1)
    return right_answers_of_one(batch, y_pred);
  size_t right = 0;
  for (int64_t i = 0; i < batch->rows; i++) {
    int64_t said = argmax(y_pred + i * size, size);
    int64_t meant =
        batch->labels ? batch->labels[i] : argmax(batch->y + i * size, size);
    right += said >= 0 && said == meant;
  }
  return right;
}

lossjit_status lj_metrics_add(lossjit_model *model, const struct lj_batch *batch,
                              const float *y_pred, double *sums, size_t *bad_row)
{
  for (size_t i = 0; i < model->metric_count; i++) {
    const struct lj_metric *metric = &model->metrics[i];
    if (metric->accuracy) {
      sums[i] += (double)right_answers(batch, y_pred, lj_output_size(model));
      continue;
    }
    double mean = 0;
    LJ_TRAIN_TRY(lj_mean_loss(&metric->expression, batch->rows, y_pred,
                              lj_batch_true(batch, &metric->expression), NULL, &mean,
                              bad_row, &model->error));
    sums[i] += mean * (double)batch->rows;
  }
  return LOSSJIT_OK;
}
