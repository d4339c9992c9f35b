/*
 * Optimizers: how a gradient changes the weights.
 *
 * One row of the table per optimizer: its name, how many blocks of state it keeps
 * beside the weights, its step and its defaults. A step is one loop over a block. The
 * formulas are those of Keras 3 (keras/src/optimizers/sgd.py, adam.py), so that a run
 * there can be compared number by number; PyTorch's Adam adds epsilon after the bias
 * correction.
 *
 * To add one: a step function, a row, and a name in the `reads` of its settings.
 */
#include "runtime/train/model.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- steps ----------------------------------------------------------------------- */

static void sgd_plain(const struct lj_block *block, float rate)
{
  for (size_t i = 0; i < block->size; i++)
    block->weights[i] -= rate * block->gradient[i];
}

/* velocity = momentum * velocity - rate * g;  w += velocity, or with Nesterov
 * w += momentum * velocity - rate * g. */
static void sgd_step(const lossjit_optimizer *settings, uint64_t step,
                     const struct lj_block *block)
{
  (void)step;
  float rate = (float)settings->learning_rate, momentum = (float)settings->momentum;
  if (momentum == 0) {
    sgd_plain(block, rate);
    return;
  }
  float *restrict velocity = block->slots, *restrict w = block->weights;
  const float *restrict g = block->gradient;
  float ahead = settings->nesterov ? momentum : 1, own = settings->nesterov ? rate : 0;
  for (size_t i = 0; i < block->size; i++) {
    velocity[i] = momentum * velocity[i] - rate * g[i];
    w[i] += ahead * velocity[i] - own * g[i];
  }
}

/* D. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, with
 * the bias corrections folded into the rate as in the end of its section 2. */
static void adam_step(const lossjit_optimizer *settings, uint64_t step,
                      const struct lj_block *block)
{
  double t = (double)step;
  float rate = (float)(settings->learning_rate * sqrt(1 - pow(settings->beta_2, t)) /
                       (1 - pow(settings->beta_1, t)));
  float keep_1 = (float)(1 - settings->beta_1), keep_2 = (float)(1 - settings->beta_2);
  float epsilon = (float)settings->epsilon;
  float *restrict m = block->slots, *restrict v = block->slots + block->size;
  float *restrict w = block->weights;
  const float *restrict g = block->gradient;
  for (size_t i = 0; i < block->size; i++) {
    m[i] += (g[i] - m[i]) * keep_1;
    v[i] += (g[i] * g[i] - v[i]) * keep_2;
    w[i] -= rate * m[i] / (sqrtf(v[i]) + epsilon);
  }
}

/* ---- the table ------------------------------------------------------------------- */

static const struct lj_optimizer_row rows[] = {
    {"sgd", 1, sgd_step, {.name = "sgd", .learning_rate = 0.01}},
    {"adam",
     2,
     adam_step,
     {.name = "adam",
      .learning_rate = 0.001,
      .beta_1 = 0.9,
      .beta_2 = 0.999,
      .epsilon = 1e-7}},
};

const struct lj_optimizer_row *lj_optimizer_find(const char *name)
{
  for (size_t i = 0; name && i < sizeof rows / sizeof *rows; i++)
    if (!strcasecmp(rows[i].name, name)) /* Keras' classes: "Adam", "SGD" */
      return &rows[i];
  return NULL;
}

const char *lossjit_optimizer_name(size_t index)
{
  return index < sizeof rows / sizeof *rows ? rows[index].name : NULL;
}

lossjit_status lossjit_optimizer_init(const char *name, lossjit_optimizer *optimizer)
{
  const struct lj_optimizer_row *row = lj_optimizer_find(name);
  if (!optimizer)
    return LOSSJIT_ARGUMENT;
  *optimizer = row ? row->defaults : (lossjit_optimizer){0};
  return row ? LOSSJIT_OK : LOSSJIT_ARGUMENT;
}

/* ---- settings -------------------------------------------------------------------- */

#define PLACE(field) #field, offsetof(lossjit_optimizer, field)

static const struct {
  struct lj_optimizer_setting setting;
  const char *reads; /* the optimizers that read it, each between spaces */
} settings[] = {
    {{PLACE(learning_rate), LJ_SETTING_ABOVE_LOW, 0, INFINITY}, " sgd adam "},
    {{PLACE(momentum), LJ_SETTING_BELOW_HIGH, 0, 1}, " sgd "},
    {{PLACE(nesterov), LJ_SETTING_IS_FLAG, 0, 1}, " sgd "},
    {{PLACE(beta_1), LJ_SETTING_BELOW_HIGH, 0, 1}, " adam "},
    {{PLACE(beta_2), LJ_SETTING_BELOW_HIGH, 0, 1}, " adam "},
    {{PLACE(epsilon), LJ_SETTING_ABOVE_LOW, 0, INFINITY}, " adam "},
};
enum { SETTING_COUNT = sizeof settings / sizeof *settings };

const struct lj_optimizer_setting *lj_optimizer_setting(size_t index)
{
  return index < SETTING_COUNT ? &settings[index].setting : NULL;
}

bool lj_optimizer_reads(const char *optimizer, const char *setting)
{
  for (size_t i = 0; i < SETTING_COUNT; i++) {
    if (strcmp(settings[i].setting.name, setting))
      continue;
    const char *found = strstr(settings[i].reads, optimizer);
    return found && found[-1] == ' ' && found[strlen(optimizer)] == ' ';
  }
  return false;
}

static bool is_within(double value, const struct lj_optimizer_setting *setting)
{
  if (!isfinite(value) || value < setting->low || value > setting->high)
    return false;
  if (setting->flags & LJ_SETTING_ABOVE_LOW && value == setting->low)
    return false;
  return !(setting->flags & LJ_SETTING_BELOW_HIGH && value == setting->high);
}

/* "it must be at least 0 and below 1", "it must be above 0 and finite" */
static lossjit_status refuse_setting(const lossjit_optimizer *optimizer,
                                     const struct lj_optimizer_setting *setting,
                                     double value, lossjit_train_error *error)
{
  char high[32] = "finite";
  if (isfinite(setting->high))
    snprintf(high, sizeof high, "%s %g",
             setting->flags & LJ_SETTING_BELOW_HIGH ? "below" : "at most",
             setting->high);
  return lj_train_fail(
      error, LOSSJIT_ARGUMENT, "optimizer %s: %s is %g, it must be %s %g and %s",
      optimizer->name, setting->name, value,
      setting->flags & LJ_SETTING_ABOVE_LOW ? "above" : "at least", setting->low, high);
}

lossjit_status lj_optimizer_check(const lossjit_optimizer *optimizer,
                                  lossjit_train_error *error)
{
  for (size_t i = 0; i < SETTING_COUNT; i++) {
    const struct lj_optimizer_setting *setting = &settings[i].setting;
    if (setting->flags & LJ_SETTING_IS_FLAG ||
        !lj_optimizer_reads(optimizer->name, setting->name))
      continue;
    double value;
    memcpy(&value, (const char *)optimizer + setting->offset, sizeof value);
    if (!is_within(value, setting))
      return refuse_setting(optimizer, setting, value, error);
  }
  return LOSSJIT_OK;
}
