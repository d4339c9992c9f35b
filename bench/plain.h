/*
 * The other side of the comparison: the losses as a careful person writes them in
 * plain C, loss per sample and gradient of their mean in one function, and the
 * two-reads-one-write stream that bounds every one of them. Arrays are dense: y_true,
 * y_pred and gradient (rows, columns), loss (rows,).
 */
#ifndef BENCH_PLAIN_H
#define BENCH_PLAIN_H

typedef void plain_function(long rows, long columns, const float *restrict y_true,
                            const float *restrict y_pred, float *restrict gradient,
                            float *restrict loss);

plain_function plain_stream;       /* gradient = y_true + y_pred; loss is not touched */
plain_function plain_weighted_mse; /* 2 columns, weights 0.3 and 0.7 */
plain_function plain_mse;
plain_function plain_cross_entropy; /* of softmax(y_pred); y_true probabilities */
plain_function plain_bce;           /* y_pred logits; mean over columns */

#endif
