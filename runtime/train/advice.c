/*
 * A network and a loss that are not made for each other.
 *
 * A loss over probabilities clips what lies outside of 0..1, and its gradient is zero
 * there: the network trains slowly or not at all, and nothing says why. Whether outputs
 * lie there is seen by looking, so that any activation may be written.
 */
#include "runtime/train/measure.h"

#include <stdio.h>
#include <string.h>

enum { LOOK_AT = 256 }; /* rows: enough to see what a fresh network gives */

static const struct row {
  const char *loss, *activation;
  bool from_logits; /* there is LOSS_from_logits */
} table[] = {
    {"binary_crossentropy", "sigmoid", true},
    {"binary_focal_crossentropy", "sigmoid", false},
    {"categorical_crossentropy", "softmax", true},
    {"categorical_focal_crossentropy", "softmax", false},
    {"sparse_categorical_crossentropy", "softmax", true},
    {"kl_divergence", "softmax", false},
};

static const struct row *find(const char *loss)
{
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (!strcmp(loss, table[i].loss))
      return &table[i];
  return NULL;
}

static void write_advice(const lossjit_model *model, const struct row *row, char *text,
                         size_t size)
{
  const char *activation = model->layers[model->layer_count - 1].activation_name;
  snprintf(text, size,
           "the last layer is %.60s; %s takes probabilities: use activation %s%s%s%s",
           activation, row->loss, row->activation, row->from_logits ? " or " : "",
           row->from_logits ? row->loss : "", row->from_logits ? "_from_logits" : "");
}

lossjit_status lj_probability_advice(lossjit_model *model, const char *loss,
                                     size_t rows, const float *x, char *text,
                                     size_t size)
{
  const struct row *row = find(loss);
  *text = 0;
  if (!row)
    return LOSSJIT_OK;
  rows = rows < LOOK_AT ? rows : LOOK_AT;
  size_t count = rows * (size_t)lj_output_size(model), outside = 0;
  float *y_pred = lj_train_floats(&model->allocator, count);
  if (!y_pred)
    return lj_train_no_memory(&model->error);
  lossjit_status status = lossjit_model_predict(model, rows, x, y_pred);
  for (size_t i = 0; status == LOSSJIT_OK && i < count; i++)
    outside += y_pred[i] < 0 || y_pred[i] > 1;
  if (outside)
    write_advice(model, row, text, size);
  lj_train_floats_free(&model->allocator, y_pred);
  return status;
}
