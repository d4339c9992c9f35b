/*
 * Plain C losses, one pass over each row (three for the softmax), nothing clever,
 * nothing wasteful. run.sh compiles this file, and only this one, with
 *
 *     clang -O3 -march=native -ffast-math
 *
 * so that the compiler may vectorise, reassociate and contract as it likes.
 */
#include "bench/plain.h"

#include <math.h>

void plain_stream(long rows, long columns, const float *restrict y_true,
                  const float *restrict y_pred, float *restrict gradient,
                  float *restrict loss)
{
  (void)loss;
  for (long i = 0; i < rows * columns; i++)
    gradient[i] = y_true[i] + y_pred[i];
}

void plain_weighted_mse(long rows, long columns, const float *restrict y_true,
                        const float *restrict y_pred, float *restrict gradient,
                        float *restrict loss)
{
  static const float weight[2] = {0.3f, 0.7f};
  float scale = 2.0f / (float)rows;
  for (long b = 0; b < rows; b++) {
    float sum = 0;
    for (long j = 0; j < 2; j++) {
      float e = y_pred[b * columns + j] - y_true[b * columns + j];
      sum += weight[j] * e * e;
      gradient[b * columns + j] = scale * weight[j] * e;
    }
    loss[b] = sum;
  }
}

void plain_mse(long rows, long columns, const float *restrict y_true,
               const float *restrict y_pred, float *restrict gradient,
               float *restrict loss)
{
  float scale = 2.0f / (float)columns / (float)rows;
  for (long b = 0; b < rows; b++) {
    float sum = 0;
    for (long j = 0; j < columns; j++) {
      float e = y_pred[b * columns + j] - y_true[b * columns + j];
      sum += e * e;
      gradient[b * columns + j] = scale * e;
    }
    loss[b] = sum / (float)columns;
  }
}

void plain_cross_entropy(long rows, long columns, const float *restrict y_true,
                         const float *restrict y_pred, float *restrict gradient,
                         float *restrict loss)
{
  for (long b = 0; b < rows; b++) {
    const float *x = y_pred + b * columns, *t = y_true + b * columns;
    float *g = gradient + b * columns;
    float most = x[0], sum = 0, dot = 0, total = 0;
    for (long j = 1; j < columns; j++)
      most = x[j] > most ? x[j] : most;
    for (long j = 0; j < columns; j++) {
      float e = expf(x[j] - most);
      g[j] = e;
      sum += e;
      dot += t[j] * (x[j] - most);
      total += t[j];
    }
    loss[b] = total * logf(sum) - dot;
    float scale = total / sum / (float)rows;
    for (long j = 0; j < columns; j++)
      g[j] = g[j] * scale - t[j] / (float)rows;
  }
}

void plain_bce(long rows, long columns, const float *restrict y_true,
               const float *restrict y_pred, float *restrict gradient,
               float *restrict loss)
{
  float scale = 1.0f / ((float)columns * (float)rows);
  for (long b = 0; b < rows; b++) {
    float sum = 0;
    for (long j = 0; j < columns; j++) {
      float x = y_pred[b * columns + j], t = y_true[b * columns + j];
      float e = expf(-fabsf(x));
      sum += (x > 0 ? x : 0) - x * t + log1pf(e);
      gradient[b * columns + j] = ((x >= 0 ? 1 / (1 + e) : e / (1 + e)) - t) * scale;
    }
    loss[b] = sum / (float)columns;
  }
}
