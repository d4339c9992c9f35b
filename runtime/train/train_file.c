/*
 * From a model file to a trained model.
 *
 *     spec (spec.c)  ->  table (table.c)  ->  samples: rows in their final order,
 *     numbers as f32, standardized  ->  model, compiled  ->  one-hot rows if the
 *     loss or a metric asks for them  ->  fit
 *
 * A random validation part is made by putting the rows in random order here rather than
 * in fit, so that the means come from the rows that train and from no others.
 */
#include "runtime/train/measure.h"
#include "runtime/train/spec.h"
#include "runtime/train/table.h"

#include <errno.h>
#include <string.h>

struct job {
  lossjit_allocator allocator;
  lossjit_train_error *error;
  struct lj_spec spec;
  lossjit_table *table;
  size_t *order; /* of the table's rows */
  size_t rows, training_rows;
  size_t *input_columns, *target_columns; /* places in the table */
  size_t inputs, targets;
  float *x, *y; /* (rows, inputs), (rows, targets) */
  int64_t *labels;
  char *loss_text; /* of "@FILE" */
  lossjit_model *model;
};

static lossjit_status no_memory(struct job *job)
{
  return lj_train_no_memory(job->error);
}

/* ---- the table ------------------------------------------------------------------- */

/* Inputs, then targets; all columns if inputs are not named. */
static lossjit_status read_table(struct job *job)
{
  const struct lj_spec *spec = &job->spec;
  size_t count = spec->inputs.count + spec->targets.count;
  const char **columns = lj_train_new(&job->allocator, count, sizeof *columns);
  char *path = lj_spec_path(spec, spec->data);
  lossjit_status status = LOSSJIT_NO_MEMORY;
  if (columns && path) {
    for (size_t i = 0; i < count; i++)
      columns[i] = i < spec->inputs.count ? spec->inputs.items[i]
                                          : spec->targets.items[i - spec->inputs.count];
    lossjit_csv_options options = {.allocator = &job->allocator, .label = spec->label};
    options.columns = spec->inputs.count ? columns : NULL;
    options.column_count = count;
    status = lossjit_table_read(path, &options, &job->table, job->error);
  } else {
    no_memory(job);
  }
  lj_train_free(&job->allocator, columns);
  lj_train_free(&job->allocator, path);
  return status;
}

static lossjit_status find_target(struct job *job, const char *name, size_t *place)
{
  for (size_t i = 0; i < job->table->column_count; i++) {
    if (strcmp(job->table->names[i], name))
      continue;
    *place = i;
    return LOSSJIT_OK;
  }
  const char *nearest = lj_train_nearest(name, (const char *const *)job->table->names,
                                         job->table->column_count);
  return lj_train_fail(job->error, LOSSJIT_INVALID,
                       "%s: targets: there is no column '%s'%s%s%s", job->spec.path,
                       name, nearest ? "; did you mean '" : "", nearest ? nearest : "",
                       nearest ? "'?" : "");
}

static bool is_target(const struct job *job, size_t column)
{
  for (size_t i = 0; i < job->targets; i++)
    if (job->target_columns[i] == column)
      return true;
  return false;
}

/* Which columns of the table are inputs, which targets. */
static lossjit_status sort_columns(struct job *job)
{
  size_t columns = job->table->column_count;
  job->input_columns =
      lj_train_new(&job->allocator, columns, sizeof *job->input_columns);
  job->target_columns = lj_train_new(&job->allocator, job->spec.targets.count,
                                     sizeof *job->target_columns);
  if (!job->input_columns || !job->target_columns)
    return no_memory(job);
  for (size_t i = 0; i < job->spec.targets.count; i++) {
    LJ_TRAIN_TRY(find_target(job, job->spec.targets.items[i], &job->target_columns[i]));
    job->targets = i + 1;
  }
  for (size_t i = 0; i < columns; i++)
    if (!is_target(job, i))
      job->input_columns[job->inputs++] = i;
  if (!job->inputs)
    return lj_train_fail(job->error, LOSSJIT_INVALID, "%s: no input column is left",
                         job->spec.path);
  return LOSSJIT_OK;
}

/* ---- samples --------------------------------------------------------------------- */

static lossjit_status order_rows(struct job *job)
{
  job->rows = job->table->row_count;
  job->order = lj_train_new(&job->allocator, job->rows, sizeof *job->order);
  if (!job->order)
    return no_memory(job);
  for (size_t i = 0; i < job->rows; i++)
    job->order[i] = i;
  if (job->spec.shuffle_before_split) {
    struct lj_random random;
    lj_random_seed(&random, job->spec.seed, LJ_RANDOM_SPLIT);
    lj_random_shuffle(&random, job->order, job->rows);
  }
  job->training_rows = lj_training_rows(job->rows, job->spec.validation_split);
  if (!job->training_rows)
    return lj_train_fail(job->error, LOSSJIT_INVALID,
                         "%s: validation_split leaves no rows to train on",
                         job->spec.path);
  return LOSSJIT_OK;
}

static float *pick(const struct job *job, const size_t *columns, size_t count)
{
  float *to = lj_train_floats(&job->allocator, job->rows * count);
  for (size_t i = 0; to && i < job->rows; i++) {
    const double *row = job->table->values + job->order[i] * job->table->column_count;
    for (size_t j = 0; j < count; j++)
      to[i * count + j] = (float)row[columns[j]];
  }
  return to;
}

static lossjit_status standardize(struct job *job, float *x, size_t columns)
{
  double *moments = lj_train_new(&job->allocator, 2 * columns, sizeof *moments);
  if (!moments)
    return no_memory(job);
  lossjit_standardize_fit(x, job->training_rows, columns, moments, moments + columns);
  lossjit_standardize_apply(x, job->rows, columns, moments, moments + columns);
  lj_train_free(&job->allocator, moments);
  return LOSSJIT_OK;
}

static lossjit_status pick_samples(struct job *job)
{
  job->x = pick(job, job->input_columns, job->inputs);
  if (!job->x)
    return no_memory(job);
  if (job->spec.standardize_inputs)
    LJ_TRAIN_TRY(standardize(job, job->x, job->inputs));
  if (job->spec.label) {
    job->labels = lj_train_new(&job->allocator, job->rows, sizeof *job->labels);
    if (!job->labels)
      return no_memory(job);
    for (size_t i = 0; i < job->rows; i++)
      job->labels[i] = job->table->labels[job->order[i]];
    return LOSSJIT_OK;
  }
  job->y = pick(job, job->target_columns, job->targets);
  if (!job->y)
    return no_memory(job);
  return job->spec.standardize_targets ? standardize(job, job->y, job->targets)
                                       : LOSSJIT_OK;
}

static lossjit_status load(struct job *job)
{
  LJ_TRAIN_TRY(read_table(job));
  LJ_TRAIN_TRY(sort_columns(job));
  LJ_TRAIN_TRY(order_rows(job));
  return pick_samples(job);
}

/* ---- the model ------------------------------------------------------------------- */

/* What the model says, with the place in the file in front. */
static lossjit_status from_model(struct job *job, lossjit_status status,
                                 const char *place)
{
  if (status == LOSSJIT_OK)
    return status;
  const char *text = lossjit_model_error(job->model);
  return lj_train_fail(job->error, status, "%s: %s:%s%s", job->spec.path, place,
                       strchr(text, '\n') ? "\n" : " ", text);
}

static lossjit_status cannot_read(struct job *job, const char *path, const char *why)
{
  return lj_train_fail(job->error, LOSSJIT_INVALID, "%s: loss: %s: %s", job->spec.path,
                       path, why);
}

static lossjit_status read_loss_file(struct job *job, const char *path)
{
  enum { LONGEST = 1 << 20 }; /* bytes: a loss is a line, or a page */
  FILE *file = fopen(path, "rb");
  if (!file)
    return cannot_read(job, path, strerror(errno));
  job->loss_text = lj_train_new(&job->allocator, LONGEST + 1, 1);
  size_t length = job->loss_text ? fread(job->loss_text, 1, LONGEST + 1, file) : 0;
  bool failed = ferror(file) != 0;
  fclose(file);
  if (!job->loss_text)
    return no_memory(job);
  if (failed || length > LONGEST)
    return cannot_read(job, path, failed ? "cannot be read" : "is longer than 1 MiB");
  if (memchr(job->loss_text, 0, length))
    return cannot_read(job, path, "is not a text");
  return LOSSJIT_OK;
}

static lossjit_status find_loss_text(struct job *job)
{
  if (job->spec.loss[0] != '@')
    return LOSSJIT_OK;
  char *path = lj_spec_path(&job->spec, job->spec.loss + 1);
  if (!path)
    return no_memory(job);
  lossjit_status status = read_loss_file(job, path);
  lj_train_free(&job->allocator, path);
  return status;
}

static lossjit_status build(struct job *job, lossjit_engine *engine)
{
  const struct lj_spec *spec = &job->spec;
  lossjit_model_options options = {&job->allocator, spec->seed};
  LJ_TRAIN_TRY(find_loss_text(job));
  lossjit_status status =
      lossjit_model_create(engine, (int64_t)job->inputs, &options, &job->model);
  if (status != LOSSJIT_OK)
    return lj_train_fail(job->error, status, "%s: %s", spec->path,
                         lossjit_status_text(status));
  for (size_t i = 0; i < spec->layer_count; i++) {
    char place[48];
    snprintf(place, sizeof place, "layers[%zu]", i);
    LJ_TRAIN_TRY(
        from_model(job, lossjit_model_add_layer(job->model, &spec->layers[i]), place));
  }
  status =
      lossjit_model_compile(job->model, job->loss_text ? job->loss_text : spec->loss,
                            &spec->optimizer, spec->metrics.items, spec->metrics.count);
  return from_model(job, status, "loss or metrics");
}

/* ---- classes --------------------------------------------------------------------- */

static bool compares_numbers(const struct lj_expression *expression)
{
  return expression->y_true >= 0 && expression->true_type == LOSSJIT_F32;
}

static bool wants_one_hot(const lossjit_model *model)
{
  bool wants = compares_numbers(&model->loss);
  for (size_t i = 0; i < model->metric_count; i++)
    wants |=
        !model->metrics[i].accuracy && compares_numbers(&model->metrics[i].expression);
  return wants;
}

/* Two classes may also be one output, 0 or 1: then y is the label itself. */
static lossjit_status make_classes(struct job *job)
{
  size_t classes = job->table->classes.count;
  int64_t units = lj_output_size(job->model);
  bool single = units == 1 && classes == 2;
  if (!single && units != (int64_t)classes)
    return lj_train_fail(job->error, LOSSJIT_INVALID,
                         "%s: layers: the last layer has %lld units, but column '%s' "
                         "holds %zu classes",
                         job->spec.path, (long long)units, job->spec.label, classes);
  job->targets = single ? 1 : classes;
  if (!wants_one_hot(job->model))
    return LOSSJIT_OK;
  if (classes && job->rows > SIZE_MAX / classes / sizeof(float))
    return no_memory(job);
  job->y = lj_train_floats(&job->allocator, job->rows * job->targets);
  if (!job->y)
    return no_memory(job);
  if (!single)
    return lossjit_one_hot(job->labels, job->rows, classes, job->y);
  for (size_t i = 0; i < job->rows; i++)
    job->y[i] = (float)job->labels[i];
  return LOSSJIT_OK;
}

/* ---- the whole ------------------------------------------------------------------- */

static lossjit_status warn(struct job *job, const lossjit_train_hooks *hooks)
{
  char advice[256];
  if (!hooks->warning)
    return LOSSJIT_OK;
  LJ_TRAIN_TRY(
      from_model(job,
                 lj_probability_advice(job->model, job->spec.loss, job->training_rows,
                                       job->x, advice, sizeof advice),
                 "layers"));
  if (!*advice)
    return LOSSJIT_OK;
  lossjit_train_error line;
  lj_train_fail(&line, LOSSJIT_OK, "%s: %s", job->spec.path, advice);
  hooks->warning(hooks->user, line.text);
  return LOSSJIT_OK;
}

static lossjit_status train(struct job *job, const lossjit_train_hooks *hooks)
{
  const struct lj_spec *spec = &job->spec;
  if (spec->label)
    LJ_TRAIN_TRY(make_classes(job));
  lossjit_data data = {.rows = job->rows, .x = job->x, .y = job->y};
  data.target_size = (int64_t)job->targets;
  data.labels = job->labels;
  lossjit_fit_options options = {.epochs = spec->epochs,
                                 .batch_size = spec->batch_size,
                                 .seed = spec->seed,
                                 .no_shuffle = !spec->shuffle,
                                 .validation_split = spec->validation_split};
  options.progress = hooks->progress;
  options.user = hooks->user;
  lossjit_status status = lj_prepare_data(job->model, &data);
  if (status == LOSSJIT_ARGUMENT)
    status = LOSSJIT_INVALID; /* it is the file that asked for what is not there */
  LJ_TRAIN_TRY(from_model(job, status, "loss or metrics"));
  LJ_TRAIN_TRY(warn(job, hooks));
  if (hooks->started)
    hooks->started(hooks->user, job->model, job->training_rows,
                   job->rows - job->training_rows);
  return from_model(job, lossjit_model_fit(job->model, &data, &options), "training");
}

static void release(struct job *job)
{
  const lossjit_allocator *allocator = &job->allocator;
  lj_train_floats_free(allocator, job->x);
  lj_train_floats_free(allocator, job->y);
  lj_train_free(allocator, job->labels);
  lj_train_free(allocator, job->order);
  lj_train_free(allocator, job->input_columns);
  lj_train_free(allocator, job->target_columns);
  lj_train_free(allocator, job->loss_text);
  lossjit_table_release(job->table);
  lossjit_model_release(job->model);
  lj_spec_release(&job->spec);
}

lossjit_status lossjit_train_file(lossjit_engine *engine, const char *path,
                                  const lossjit_train_hooks *hooks,
                                  lossjit_model **model, lossjit_train_error *error)
{
  static const lossjit_train_hooks no_hooks;
  lj_train_clear(error);
  if (!model)
    return LOSSJIT_ARGUMENT;
  *model = NULL;
  if (!engine || !path)
    return LOSSJIT_ARGUMENT;
  hooks = hooks ? hooks : &no_hooks;
  struct job job = {.error = error};
  job.allocator = lj_train_allocator(hooks->allocator);
  lossjit_status status = lj_spec_read(&job.spec, &job.allocator, path, error);
  if (status == LOSSJIT_OK)
    status = lj_spec_override(&job.spec, hooks->overrides, error);
  if (status == LOSSJIT_OK)
    status = load(&job);
  if (status == LOSSJIT_OK)
    status = build(&job, engine);
  if (status == LOSSJIT_OK)
    status = train(&job, hooks);
  if (status == LOSSJIT_OK) {
    *model = job.model;
    job.model = NULL;
  }
  release(&job);
  return status;
}
