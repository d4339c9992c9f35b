/*
 * Getting numbers ready: one-hot rows, mean 0 and deviation 1.
 */
#include "runtime/train/support.h"

#include <math.h>
#include <string.h>

lossjit_status lossjit_one_hot(const int64_t *labels, size_t rows, size_t classes,
                               float *one_hot)
{
  if (rows && (!labels || !one_hot || !classes))
    return LOSSJIT_ARGUMENT;
  for (size_t i = 0; i < rows; i++)
    if (labels[i] < 0 || (uint64_t)labels[i] >= classes)
      return LOSSJIT_LABEL_RANGE;
  if (rows)
    memset(one_hot, 0, rows * classes * sizeof *one_hot);
  for (size_t i = 0; i < rows; i++)
    one_hot[i * classes + (size_t)labels[i]] = 1;
  return LOSSJIT_OK;
}

/* Two passes: the squares are taken of differences, which are small, so that a column
 * like the year 1970..1982 keeps its digits. */
lossjit_status lossjit_standardize_fit(const float *x, size_t rows, size_t columns,
                                       double *mean, double *deviation)
{
  if (!x || !rows || !mean || !deviation)
    return LOSSJIT_ARGUMENT;
  for (size_t j = 0; j < columns; j++) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < rows; i++)
      sum += x[i * columns + j];
    mean[j] = sum / (double)rows;
    for (size_t i = 0; i < rows; i++) {
      double off = x[i * columns + j] - mean[j];
      squares += off * off;
    }
    deviation[j] = squares > 0 ? sqrt(squares / (double)rows) : 1;
  }
  return LOSSJIT_OK;
}

void lossjit_standardize_apply(float *x, size_t rows, size_t columns,
                               const double *mean, const double *deviation)
{
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < columns; j++)
      x[i * columns + j] = (float)((x[i * columns + j] - mean[j]) / deviation[j]);
}
