/*
 * Texts of the language as parts of a network: activations, losses, metrics.
 *
 * A text is compiled once and then specialised to the sizes of the network. Activations
 * become two kernels, value and gradient with an incoming adjoint; a loss becomes one
 * fused kernel for training and one without gradient for evaluation; a metric the
 * latter only. Calls allocate nothing.
 */
#ifndef LJ_TRAIN_EXPRESSION_H
#define LJ_TRAIN_EXPRESSION_H

#include "runtime/train/support.h"

enum lj_role { LJ_ROLE_ACTIVATION, LJ_ROLE_LOSS, LJ_ROLE_METRIC };

/* Zeroed is a valid, empty expression. */
struct lj_expression {
  enum lj_role role;
  lossjit_engine *engine;
  char *text;   /* what was compiled: "relu" has become "relu(y_pred)" */
  bool is_name; /* it has become so */
  lossjit_loss *loss;
  int y_pred, y_true;      /* places among the loss's inputs; -1: not used */
  lossjit_dtype true_type; /* LOSSJIT_F32 or an integer type */
  int64_t true_size;       /* columns that the value kernel was made for; 0: none yet */
  lossjit_kernel *value;   /* writes the value only */
  lossjit_kernel *train;   /* activation: the gradient; loss: value and gradient */
};

/* Compile `text` for `units` outputs of a layer. Names become calls, see
 * lossjit_model_add_dense and lossjit_model_compile. */
lossjit_status lj_expression_compile(struct lj_expression *expression,
                                     const lossjit_allocator *allocator,
                                     lossjit_engine *engine, enum lj_role role,
                                     const char *text, int64_t units,
                                     lossjit_train_error *error);

/* Make the kernels for `units` columns of y_pred and, if y_true is not labels,
 * `true_size` columns of y_true. Kernels that fit already are kept. */
lossjit_status lj_expression_specialize(struct lj_expression *expression, int64_t units,
                                        int64_t true_size, lossjit_train_error *error);

/* Check that a loss or metric may see `units` columns of y_pred beside `true_size`
 * columns of y_true, which are numbers. A named one compares them one by one. In an
 * expression one column must not be repeated by accident: mean(square(y_pred - y_true),
 * axis=-1) would train two outputs towards one target in silence. */
lossjit_status lj_expression_check_sizes(const struct lj_expression *expression,
                                         int64_t units, int64_t true_size,
                                         lossjit_train_error *error);

void lj_expression_release(struct lj_expression *expression,
                           const lossjit_allocator *allocator);

/* activated = f(primal), both (rows, units). */
lossjit_status lj_activate(const struct lj_expression *expression, int64_t rows,
                           const float *primal, float *activated,
                           lossjit_train_error *error);

/* primal = adjoint * f'(primal), (rows, units): the gradient takes primal's place. */
lossjit_status lj_activate_back(const struct lj_expression *expression, int64_t rows,
                                const float *adjoint, float *primal,
                                lossjit_train_error *error);

/* Mean over the rows; `y_true` is floats (rows, true_size) or integers (rows,).
 * `gradient` (rows, units) may be NULL. On LOSSJIT_LABEL_RANGE `bad_row` receives the
 * first row whose label is wrong. */
lossjit_status lj_mean_loss(const struct lj_expression *expression, int64_t rows,
                            const float *y_pred, const void *y_true, float *gradient,
                            double *mean, size_t *bad_row, lossjit_train_error *error);

#endif
