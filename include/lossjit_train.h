/*
 * lossjit_train: small dense networks, trained in C with losses, activations and
 * metrics that are written in the language of lossjit.h and compiled by the same
 * compiler.
 *
 *     lossjit_model *model;
 *     lossjit_optimizer adam;
 *
 *     lossjit_optimizer_init("adam", &adam);
 *     lossjit_model_create(engine, 5, NULL, &model);
 *     lossjit_model_add_dense(model, 50, "relu");
 *     lossjit_model_add_dense(model, 2, "linear");
 *     lossjit_model_compile(model, "sum(square(y_pred - y_true) * [0.3, 0.7], axis=1)",
 *                           &adam, NULL, 0);
 *     lossjit_model_fit(model, &(lossjit_data){.rows = 392, .x = x, .y = y,
 *         .target_size = 2}, &(lossjit_fit_options){.epochs = 100, .batch_size = 32,
 *         .validation_split = 0.2});
 *     lossjit_model_predict(model, rows, x, y_pred);
 *     lossjit_model_release(model);
 *
 * Or everything from a file: lossjit_train_file(engine, "digits.json", ...).
 *
 * Names and defaults are those of Keras. The rules of lossjit.h hold here too:
 *
 *   - Status. LOSSJIT_INVALID means that a text is wrong or does not go with the data
 *     (an expression, a model file, a CSV file), or that the loss stopped being finite;
 *     LOSSJIT_ARGUMENT that the call is wrong. lossjit_model_error, or the
 *     lossjit_train_error that was passed, says what and where.
 *   - Ownership. The caller releases what it created. The engine must live longer than
 *     the models made with it. Data stays the caller's, and is only read during the
 *     call.
 *   - Threads. A model serves one thread at a time. Matrix products may run on the
 *     threads of the BLAS; its settings are left alone.
 *   - Silence. Nothing is printed; progress goes to the caller's function.
 */
#ifndef LOSSJIT_TRAIN_H
#define LOSSJIT_TRAIN_H

#include "lossjit.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lossjit_model lossjit_model;
typedef struct lossjit_table lossjit_table;

/* What went wrong, for people: one line, or diagnostics with source line and caret.
 * Always terminated; empty after LOSSJIT_OK. A long text is cut, ending in "...". */
typedef struct lossjit_train_error {
  char text[2048];
} lossjit_train_error;

/* ---- the network ----------------------------------------------------------------- */

typedef struct lossjit_model_options {
  const lossjit_allocator *allocator; /* NULL: malloc; copied */
  uint64_t seed;                      /* of the initial weights */
} lossjit_model_options;

/* An empty network for inputs of `input_size` numbers. `options` may be NULL. */
LOSSJIT_API lossjit_status lossjit_model_create(lossjit_engine *engine,
                                                int64_t input_size,
                                                const lossjit_model_options *options,
                                                lossjit_model **model);
LOSSJIT_API void lossjit_model_release(lossjit_model *model);

/* What the last failing call on this model was about; "" if it did not fail. Never
 * NULL; valid until the next call on the model. */
LOSSJIT_API const char *lossjit_model_error(const lossjit_model *model);

typedef enum lossjit_initializer {
  LOSSJIT_GLOROT_UNIFORM = 0, /* uniform within sqrt(6 / (inputs + units)) */
  LOSSJIT_HE_UNIFORM,         /* uniform within sqrt(6 / inputs) */
  LOSSJIT_ZEROS
} lossjit_initializer;

/* A dense layer: activation(x @ kernel + bias). */
typedef struct lossjit_dense {
  int64_t units;
  const char *activation; /* see below */
  lossjit_initializer kernel_initializer;
  int no_bias; /* the bias starts at zero and is there unless this is set */
} lossjit_dense;

/* Add a layer behind those that are there. `activation` is NULL or "linear" for none;
 * the name of a function of the language that takes one array ("relu", "tanh",
 * "softmax", the last along the last axis); or any expression in y_pred of y_pred's own
 * shape: "where(y_pred > 0, y_pred, 0.01*y_pred)". It is compiled here, for this many
 * units, so a wrong one fails here with its diagnostics. No layer may follow
 * lossjit_model_compile. */
LOSSJIT_API lossjit_status lossjit_model_add_dense(lossjit_model *model, int64_t units,
                                                   const char *activation);
/* The same with every setting. */
LOSSJIT_API lossjit_status lossjit_model_add_layer(lossjit_model *model,
                                                   const lossjit_dense *dense);

LOSSJIT_API int64_t lossjit_model_input_size(const lossjit_model *model);
LOSSJIT_API int64_t lossjit_model_output_size(const lossjit_model *model);
LOSSJIT_API size_t lossjit_model_layer_count(const lossjit_model *model);

/* The weights of one layer: to look at, to set, to keep. The pointers are good until
 * the next layer is added or the model is released. */
typedef struct lossjit_weights {
  int64_t inputs, units;
  const char *activation; /* as it was given; "linear" for none */
  float *kernel;          /* (inputs, units) */
  float *bias;            /* (units,); NULL if the layer has none */
} lossjit_weights;

LOSSJIT_API lossjit_status lossjit_model_layer(const lossjit_model *model, size_t index,
                                               lossjit_weights *weights);

/* Number of weights that training adjusts. */
LOSSJIT_API size_t lossjit_model_parameter_count(const lossjit_model *model);

/* A table of the layers, their shapes and sizes, one line each, as plain text: copies
 * at most `size` bytes, always terminated. */
LOSSJIT_API void lossjit_model_summary(const lossjit_model *model, char *text,
                                       size_t size);

/* ---- loss, optimizer, metrics ---------------------------------------------------- */

/* How a gradient changes the weights. lossjit_optimizer_init fills in the defaults,
 * then the fields are free to change; each optimizer reads those that it knows. */
typedef struct lossjit_optimizer {
  const char *name;     /* "sgd", "adam"; static memory after lossjit_optimizer_init */
  double learning_rate; /* sgd 0.01, adam 0.001 */
  double momentum;      /* sgd: 0 */
  int nesterov;         /* sgd: look ahead along the momentum */
  double beta_1, beta_2, epsilon; /* adam: 0.9, 0.999, 1e-7 */
} lossjit_optimizer;

/* LOSSJIT_ARGUMENT if there is no optimizer of that name. Keras' classes are names too:
 * "Adam", "SGD". */
LOSSJIT_API lossjit_status lossjit_optimizer_init(const char *name,
                                                  lossjit_optimizer *optimizer);
/* The names there are, `index` from 0 until NULL is returned. */
LOSSJIT_API const char *lossjit_optimizer_name(size_t index);

/* Settle what to train for.
 *
 * `loss` is an expression in y_true and y_pred, or the name of a loss of the prelude
 * ("categorical_crossentropy", called as NAME(y_true, y_pred)). What y_true is follows
 * from it: numbers (batch, n), or integer labels (batch,) where it only selects
 * ("sparse_categorical_crossentropy"). The batch's loss is the mean over its samples.
 *
 * `optimizer` may be NULL for Adam with its defaults. A `metric` is "accuracy" (share
 * of samples whose largest output is the label; with one output, whether it lies on the
 * right side of 0.5, which targets must be 0 or 1 for), the name of a loss, or an
 * expression; the mean over all samples is reported. The arrays and texts are copied.
 * Compiling again starts the optimizer anew and keeps the weights. */
LOSSJIT_API lossjit_status lossjit_model_compile(lossjit_model *model, const char *loss,
                                                 const lossjit_optimizer *optimizer,
                                                 const char *const *metrics,
                                                 size_t metric_count);

LOSSJIT_API size_t lossjit_model_metric_count(const lossjit_model *model);
LOSSJIT_API const char *lossjit_model_metric_name(const lossjit_model *model,
                                                  size_t index);

/* ---- training -------------------------------------------------------------------- */

/* Samples, dense and row-major. A loss or metric over numbers reads `y`, one over
 * integer labels `labels`; either may be NULL if nobody reads it. "accuracy" takes the
 * labels if they are there and else the largest of `y`.
 *
 * LOSSJIT_INVALID if the network has another number of outputs than `y` has columns and
 * a named loss compares them, or an expression would repeat a single column in silence.
 * An expression that declares the size (y_true: f32[batch, 1];) means it. */
typedef struct lossjit_data {
  size_t rows;
  const float *x;        /* (rows, input_size) */
  const float *y;        /* (rows, target_size) */
  int64_t target_size;   /* 0: the network's output size */
  const int64_t *labels; /* (rows,) */
} lossjit_data;

/* One finished epoch. */
typedef struct lossjit_epoch {
  size_t epoch;          /* from 1 */
  double loss;           /* mean over the epoch's samples, each taken before its step */
  double val_loss;       /* NaN without validation data */
  const double *metrics; /* [metric count] */
  const double *val_metrics; /* [metric count], NaN without validation data */
  size_t steps;              /* mini-batches of this epoch */
  double seconds;            /* spent in them, validation not counted */
} lossjit_epoch;

/* What a caller is told after each epoch. `line` is ready to print, without a newline:
 * "epoch  3/20  loss 0.1523  accuracy 0.9521  val_loss 0.1817  ...  4210 steps/s". */
typedef struct lossjit_progress {
  const lossjit_model *model;
  const lossjit_epoch *epoch;
  size_t epochs; /* that were asked for */
  const char *line;
} lossjit_progress;

/* Return nonzero to end the training after this epoch. */
typedef int lossjit_progress_function(void *user, const lossjit_progress *progress);

typedef struct lossjit_fit_options {
  size_t epochs;            /* 0: 1 */
  size_t batch_size;        /* 0: 32; the last batch of an epoch may be smaller */
  uint64_t seed;            /* of the order of samples */
  int no_shuffle;           /* take the samples in the order given */
  double validation_split;  /* 0 <= s < 1: this last part of the rows validates */
  int shuffle_before_split; /* a random part instead (data sorted by time, say) */
  const lossjit_data *validation_data; /* instead of a split; NULL: none */
  int allow_not_finite; /* go on when the loss is infinite or NaN instead of failing */
  lossjit_progress_function *progress; /* may be NULL */
  void *user;
} lossjit_fit_options;

/* Train. Same data, options, seeds and BLAS threads give the same bits. `options` may
 * be NULL. A second call goes on from the weights and the optimizer state there are. */
LOSSJIT_API lossjit_status lossjit_model_fit(lossjit_model *model,
                                             const lossjit_data *data,
                                             const lossjit_fit_options *options);

typedef enum lossjit_ending {
  LOSSJIT_NOT_FITTED = 0,
  LOSSJIT_FINISHED,   /* all epochs */
  LOSSJIT_STOPPED,    /* the progress function said so */
  LOSSJIT_NOT_FINITE, /* the loss became infinite or NaN; LOSSJIT_INVALID */
  LOSSJIT_FAILED      /* another error */
} lossjit_ending;

/* The last fit, also when it failed on the way: the epochs that were finished. Belongs
 * to the model; good until the next fit, compile or release. */
typedef struct lossjit_history {
  lossjit_ending ending;
  size_t epoch_count;
  const lossjit_epoch *epochs;
  size_t steps;   /* of all epochs */
  double seconds; /* spent in them: steps / seconds is the speed of training */
  size_t training_rows, validation_rows;
} lossjit_history;

LOSSJIT_API const lossjit_history *lossjit_model_history(const lossjit_model *model);

/* Mean loss and metrics over `data`. `batch_size` 0: 32. `metrics` has one place per
 * metric and may be NULL. */
LOSSJIT_API lossjit_status lossjit_model_evaluate(lossjit_model *model,
                                                  const lossjit_data *data,
                                                  size_t batch_size, double *loss,
                                                  double *metrics);

/* The network's outputs for `rows` inputs: y_pred (rows, output_size). */
LOSSJIT_API lossjit_status lossjit_model_predict(lossjit_model *model, size_t rows,
                                                 const float *x, float *y_pred);

/* Mean loss over `data` as one batch, and its gradient by the weights, which are not
 * changed: for optimizers and checks of one's own. `gradients` has one entry per layer
 * whose `kernel` and `bias` point to memory of the layer's shapes, all else ignored. */
LOSSJIT_API lossjit_status lossjit_model_gradient(lossjit_model *model,
                                                  const lossjit_data *data,
                                                  double *loss,
                                                  const lossjit_weights *gradients);

/* ---- data ------------------------------------------------------------------------ */

typedef struct lossjit_csv_options {
  const lossjit_allocator *allocator; /* NULL: malloc; copied */
  const char *const *columns; /* numeric columns, in the order wanted; NULL: every
                                 column but `label` */
  size_t column_count;
  const char *label;    /* column of classes, numbers or words; NULL: none */
  char separator;       /* 0: ',' */
  int allow_not_finite; /* accept nan, inf and empty fields (as NaN) */
  size_t memory_limit;  /* bytes that the table may take; 0: 1 GiB */
} lossjit_csv_options;

/* Read a CSV file with a header line (RFC 4180: quoted fields, "" inside them, CRLF or
 * LF; blank lines are skipped). Columns that are not asked for may hold anything.
 * Mistakes are reported as "FILE:LINE:COLUMN: what", columns counted in bytes from 1.
 * `options` and `error` may be NULL. */
LOSSJIT_API lossjit_status lossjit_table_read(const char *path,
                                              const lossjit_csv_options *options,
                                              lossjit_table **table,
                                              lossjit_train_error *error);
/* The same from memory; `name` is the file name in messages. */
LOSSJIT_API lossjit_status lossjit_table_parse(const char *text, size_t length,
                                               const char *name,
                                               const lossjit_csv_options *options,
                                               lossjit_table **table,
                                               lossjit_train_error *error);
LOSSJIT_API void lossjit_table_release(lossjit_table *table);

LOSSJIT_API size_t lossjit_table_row_count(const lossjit_table *table);
LOSSJIT_API size_t lossjit_table_column_count(const lossjit_table *table);
LOSSJIT_API const char *lossjit_table_column_name(const lossjit_table *table,
                                                  size_t column);
/* The numbers, row-major (rows, columns); lives as long as the table. */
LOSSJIT_API const double *lossjit_table_values(const lossjit_table *table);

/* The label column as class numbers (rows,); NULL if there is none. Classes are
 * numbered in ascending order, by value if all are numbers, else as bytes compare. */
LOSSJIT_API const int64_t *lossjit_table_labels(const lossjit_table *table);
LOSSJIT_API size_t lossjit_table_class_count(const lossjit_table *table);
LOSSJIT_API const char *lossjit_table_class_name(const lossjit_table *table,
                                                 size_t index);

/* one_hot (rows, classes): 1 in the label's column, else 0. LOSSJIT_LABEL_RANGE if a
 * label is not in 0 .. classes-1; nothing is written then. */
LOSSJIT_API lossjit_status lossjit_one_hot(const int64_t *labels, size_t rows,
                                           size_t classes, float *one_hot);

/* Mean and standard deviation (divided by the number of rows) of each column of
 * x (rows, columns), in f64; a constant column gets deviation 1. */
LOSSJIT_API lossjit_status lossjit_standardize_fit(const float *x, size_t rows,
                                                   size_t columns, double *mean,
                                                   double *deviation);
/* x = (x - mean) / deviation, in place. */
LOSSJIT_API void lossjit_standardize_apply(float *x, size_t rows, size_t columns,
                                           const double *mean, const double *deviation);

/* ---- a model in a file ----------------------------------------------------------- */

/* What to do otherwise than the file says; 0 and NULL: as it says. */
typedef struct lossjit_train_overrides {
  size_t epochs, batch_size;
  double learning_rate;
  const uint64_t *seed;
} lossjit_train_overrides;

/* Things to know while a file is trained; every field may be left out. `started` is
 * called once, when the data is loaded and everything is compiled; `warning` before it,
 * with one line about a network and a loss that hardly go together. */
typedef struct lossjit_train_hooks {
  const lossjit_allocator *allocator;
  const lossjit_train_overrides *overrides;
  void (*warning)(void *user, const char *line);
  void (*started)(void *user, const lossjit_model *model, size_t training_rows,
                  size_t validation_rows);
  lossjit_progress_function *progress;
  void *user;
} lossjit_train_hooks;

/* Read a model file and train it. The file is one JSON object; keys other than these
 * are errors, paths are relative to the file:
 *
 *     data                  CSV file; required
 *     inputs                list of input columns; else all but targets and label
 *     targets               list of target columns: either these
 *     label                 column of classes: or this
 *     standardize           list of "inputs", "targets": to mean 0 and deviation 1 of
 *                           the training rows; true: whatever is numbers; else false
 *     validation_split      share of the rows, the last ones; else 0
 *     shuffle_before_split  true: take that share at random; else false
 *     layers                list of {units, activation, kernel_initializer, use_bias};
 *                           the initializer is "glorot_uniform", "he_uniform" or
 *                           "zeros"; required
 *     loss                  expression, name, or "@FILE" that holds the text; required
 *     optimizer             name, or {name, learning_rate, ...}; else "adam"
 *     metrics               list of metrics; else none
 *     epochs, batch_size    else 1 and 32
 *     shuffle               false: keep the order of samples; else true
 *     seed                  of weights and order; else 0
 *
 * With a label, y_true is what the loss asks for: the class number, or the one-hot row.
 * On success the trained model, with its history, is the caller's. `hooks` and `error`
 * may be NULL. */
LOSSJIT_API lossjit_status lossjit_train_file(lossjit_engine *engine, const char *path,
                                              const lossjit_train_hooks *hooks,
                                              lossjit_model **model,
                                              lossjit_train_error *error);

#ifdef __cplusplus
}
#endif

#endif
