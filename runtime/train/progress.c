/*
 * An epoch as one line for people, numbers under numbers.
 */
#include "runtime/train/measure.h"

#include <stdio.h>

struct line {
  char *text;
  size_t size, length;
};

static void add(struct line *line, const char *format, ...) LJ_TRAIN_PRINTF(2, 3);

static void add(struct line *line, const char *format, ...)
{
  size_t left = line->size - line->length;
  va_list arguments;
  va_start(arguments, format);
  int written = vsnprintf(line->text + line->length, left, format, arguments);
  va_end(arguments);
  if (written > 0)
    line->length += (size_t)written < left ? (size_t)written : left - 1;
}

static int digits(size_t number)
{
  int count = 1;
  while (number /= 10)
    count++;
  return count;
}

static void add_values(struct line *line, const lossjit_model *model,
                       const char *prefix, double loss, const double *metrics)
{
  add(line, "  %sloss %-9.4g", prefix, loss);
  for (size_t i = 0; i < model->metric_count; i++)
    add(line, "  %s%s %-8.4g", prefix, model->metrics[i].name, metrics[i]);
}

void lj_progress_line(const lossjit_model *model, const lossjit_epoch *epoch,
                      size_t epochs, char *text, size_t size)
{
  struct line line = {text, size, 0};
  add(&line, "epoch %*zu/%zu", digits(epochs), epoch->epoch, epochs);
  add_values(&line, model, "", epoch->loss, epoch->metrics);
  if (model->record.history.validation_rows)
    add_values(&line, model, "val_", epoch->val_loss, epoch->val_metrics);
  if (epoch->seconds > 0)
    add(&line, "  %.0f steps/s", (double)epoch->steps / epoch->seconds);
}
