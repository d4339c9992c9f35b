/*
 * Texts of the language as parts of a network.
 *
 * Everything that a text may do wrong in its place is found here, before a buffer is
 * sized by it: inputs other than y_pred and y_true, types that the runtime does not
 * hold, an activation of another shape than its input. What the compiler finds arrives
 * as its diagnostics, passed on as text.
 */
#include "runtime/train/expression.h"

#include <ctype.h>
#include <string.h>

/* ---- from name to call ----------------------------------------------------------- */

static bool is_name(const char *text)
{
  if (!isalpha((unsigned char)*text) && *text != '_')
    return false;
  while (isalnum((unsigned char)*text) || *text == '_')
    text++;
  return *text == 0;
}

/* Functions of a whole row need to be told so; Keras' activations of that name are. */
static const char *along_rows(const char *name)
{
  static const char *const names[] = {"softmax", "log_softmax"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!strcmp(name, names[i]))
      return ", axis=-1";
  return "";
}

static char *join(const lossjit_allocator *allocator, const char *a, const char *b,
                  const char *c, const char *d)
{
  size_t length = strlen(a) + strlen(b) + strlen(c) + strlen(d);
  char *text = lj_train_new(allocator, length + 1, 1);
  if (text)
    strcat(strcat(strcat(strcpy(text, a), b), c), d);
  return text;
}

static char *as_program(const lossjit_allocator *allocator, enum lj_role role,
                        const char *text)
{
  if (!is_name(text) || !strcmp(text, "y_pred"))
    return join(allocator, text, "", "", "");
  if (role == LJ_ROLE_ACTIVATION)
    return join(allocator, text, "(y_pred", along_rows(text), ")");
  return join(allocator, text, "(y_true, y_pred)", "", "");
}

/* ---- compiling ------------------------------------------------------------------- */

static const char *role_name(enum lj_role role)
{
  static const char *const names[] = {"activation", "loss", "metric"};
  return names[role];
}

/* Turn the compiler's answer into ours; takes the diagnostics. */
static lossjit_status pass_on(const struct lj_expression *expression,
                              lossjit_status status, lossjit_diagnostics *diagnostics,
                              lossjit_train_error *error)
{
  char reason[256] = "";
  if (status == LOSSJIT_INVALID)
    lj_train_fail(error, status, "%s", lossjit_diagnostics_text(diagnostics));
  else if (status != LOSSJIT_OK) {
    if (status == LOSSJIT_NO_BACKEND || status == LOSSJIT_INTERNAL)
      lossjit_engine_error(expression->engine, reason, sizeof reason);
    lj_train_fail(error, status, "%s '%s': %s%s%s", role_name(expression->role),
                  expression->text, lossjit_status_text(status), *reason ? ": " : "",
                  reason);
  }
  lossjit_diagnostics_release(diagnostics);
  return status;
}

static lossjit_status refuse_input(const struct lj_expression *expression,
                                   const lossjit_input *input, const char *why,
                                   lossjit_train_error *error)
{
  return lj_train_fail(error, LOSSJIT_INVALID, "%s '%s': input '%s' %s",
                       role_name(expression->role), expression->text, input->name, why);
}

static bool is_label_type(lossjit_dtype dtype)
{
  return dtype == LOSSJIT_I32 || dtype == LOSSJIT_I64;
}

/* Why the runtime cannot feed this input, or NULL if it can. */
static const char *cannot_feed(const lossjit_input *input, bool is_true)
{
  if (input->rank < 1 || input->sizes[0] != LOSSJIT_BATCH)
    return "must have the batch as its first dimension";
  if (is_true && is_label_type(input->dtype))
    return input->rank == 1 ? NULL : "holds integers: it must be (batch,)";
  if (input->dtype != LOSSJIT_F32)
    return is_true ? "must be f32, i32 or i64" : "must be f32";
  return input->rank <= 2 ? NULL : "must be (batch, n) or (batch,)";
}

static lossjit_status find_inputs(struct lj_expression *expression,
                                  lossjit_train_error *error)
{
  expression->y_pred = expression->y_true = -1;
  size_t count = lossjit_loss_input_count(expression->loss);
  for (size_t i = 0; i < count; i++) {
    const lossjit_input *input = lossjit_loss_input(expression->loss, i);
    bool is_true = !strcmp(input->name, "y_true");
    if (expression->role == LJ_ROLE_ACTIVATION && is_true)
      return refuse_input(expression, input, "is not known to a layer", error);
    if (!is_true && strcmp(input->name, "y_pred"))
      return refuse_input(expression, input, "is neither y_pred nor y_true", error);
    const char *why = cannot_feed(input, is_true);
    if (why)
      return refuse_input(expression, input, why, error);
    if (is_true) {
      expression->y_true = (int)i;
      expression->true_type = input->dtype;
    } else {
      expression->y_pred = (int)i;
    }
  }
  return LOSSJIT_OK;
}

/* An activation of another shape would write past its buffer. */
static lossjit_status check_shape(const struct lj_expression *expression, int64_t units,
                                  lossjit_train_error *error)
{
  const lossjit_input *output = lossjit_loss_output(expression->loss);
  if (expression->y_pred < 0)
    return lj_train_fail(error, LOSSJIT_INVALID, "activation '%s' does not use y_pred",
                         expression->text);
  if (output->rank != 2 || output->sizes[0] != LOSSJIT_BATCH ||
      output->sizes[1] != units || output->dtype != LOSSJIT_F32)
    return lj_train_fail(error, LOSSJIT_INVALID,
                         "activation '%s': the result must have the shape and type of "
                         "y_pred, f32 (batch, %lld)",
                         expression->text, (long long)units);
  return LOSSJIT_OK;
}

lossjit_status lj_expression_compile(struct lj_expression *expression,
                                     const lossjit_allocator *allocator,
                                     lossjit_engine *engine, enum lj_role role,
                                     const char *text, int64_t units,
                                     lossjit_train_error *error)
{
  *expression = (struct lj_expression){
      .role = role, .engine = engine, .y_pred = -1, .y_true = -1};
  expression->text = as_program(allocator, role, text);
  expression->is_name = is_name(text);
  if (!expression->text)
    return lj_train_no_memory(error);

  lossjit_input y_pred = {"y_pred", LOSSJIT_F32, 2, {LOSSJIT_BATCH, units}};
  lossjit_compile_options options = {.file_name = role_name(role)};
  options.no_gradient = role == LJ_ROLE_METRIC;
  if (role == LJ_ROLE_ACTIVATION) {
    options.result = LOSSJIT_ELEMENTWISE;
    options.inputs = &y_pred; /* so that the result's size is a number */
    options.input_count = 1;
  }
  lossjit_diagnostics *diagnostics = NULL;
  lossjit_status status = lossjit_compile(engine, expression->text, &options,
                                          &expression->loss, &diagnostics);
  LJ_TRAIN_TRY(pass_on(expression, status, diagnostics, error));
  LJ_TRAIN_TRY(find_inputs(expression, error));
  return role == LJ_ROLE_ACTIVATION ? check_shape(expression, units, error)
                                    : LOSSJIT_OK;
}

/* ---- kernels --------------------------------------------------------------------- */

static void release_kernels(struct lj_expression *expression)
{
  lossjit_kernel_release(expression->value);
  lossjit_kernel_release(expression->train);
  expression->value = expression->train = NULL;
  expression->true_size = 0;
}

void lj_expression_release(struct lj_expression *expression,
                           const lossjit_allocator *allocator)
{
  release_kernels(expression);
  lossjit_loss_release(expression->loss);
  lj_train_free(allocator, expression->text);
  *expression = (struct lj_expression){0};
}

/* The sizes of input number `index`, of `columns` columns. One column may also be
 * declared as (batch,). */
static lossjit_status describe(const struct lj_expression *expression, int index,
                               int64_t columns, lossjit_input *described,
                               lossjit_train_error *error)
{
  const lossjit_input *input = lossjit_loss_input(expression->loss, (size_t)index);
  *described = *input;
  described->sizes[0] = LOSSJIT_BATCH;
  if (input->rank == 2)
    described->sizes[1] = columns;
  else if (input->dtype == LOSSJIT_F32 && columns != 1)
    return lj_train_fail(error, LOSSJIT_INVALID,
                         "%s '%s': input '%s' is declared as (batch,), but there are "
                         "%lld columns",
                         role_name(expression->role), expression->text, input->name,
                         (long long)columns);
  return LOSSJIT_OK;
}

static lossjit_status make_kernel(const struct lj_expression *expression,
                                  const lossjit_specialization *how,
                                  lossjit_kernel **kernel, lossjit_train_error *error)
{
  lossjit_diagnostics *diagnostics = NULL;
  lossjit_status status =
      lossjit_loss_specialize(expression->loss, how, kernel, &diagnostics);
  return pass_on(expression, status, diagnostics, error);
}

lossjit_status lj_expression_specialize(struct lj_expression *expression, int64_t units,
                                        int64_t true_size, lossjit_train_error *error)
{
  if (expression->value && expression->true_size == true_size)
    return LOSSJIT_OK;
  release_kernels(expression);

  lossjit_input inputs[2];
  size_t count = 0;
  if (expression->y_pred >= 0)
    LJ_TRAIN_TRY(
        describe(expression, expression->y_pred, units, &inputs[count++], error));
  if (expression->y_true >= 0)
    LJ_TRAIN_TRY(
        describe(expression, expression->y_true, true_size, &inputs[count++], error));

  lossjit_specialization how = {.inputs = inputs, .input_count = count};
  how.outputs = LOSSJIT_LOSS;
  LJ_TRAIN_TRY(make_kernel(expression, &how, &expression->value, error));
  if (expression->role != LJ_ROLE_METRIC) {
    how.adjoint = expression->role == LJ_ROLE_ACTIVATION;
    how.outputs = how.adjoint ? LOSSJIT_GRADIENT : LOSSJIT_LOSS | LOSSJIT_GRADIENT;
    LJ_TRAIN_TRY(make_kernel(expression, &how, &expression->train, error));
  }
  expression->true_size = true_size;
  return LOSSJIT_OK;
}

/* ---- sizes that must agree ------------------------------------------------------- */

/* Does the compiler take these sizes? */
static lossjit_status takes_sizes(const struct lj_expression *expression, int64_t units,
                                  int64_t true_size, bool *takes)
{
  lossjit_input inputs[2] = {
      *lossjit_loss_input(expression->loss, (size_t)expression->y_pred),
      *lossjit_loss_input(expression->loss, (size_t)expression->y_true)};
  lossjit_compile_options options = {.inputs = inputs, .input_count = 2};
  lossjit_loss *loss = NULL;
  inputs[0].sizes[1] = units;
  inputs[1].sizes[1] = true_size;
  options.no_gradient = 1;
  lossjit_status status =
      lossjit_compile(expression->engine, expression->text, &options, &loss, NULL);
  lossjit_loss_release(loss);
  *takes = status == LOSSJIT_OK;
  return status == LOSSJIT_INVALID ? LOSSJIT_OK : status;
}

/* Does the text leave it to the data that this input has one column? */
static bool has_open_columns(const struct lj_expression *expression, int index)
{
  const lossjit_input *input = lossjit_loss_input(expression->loss, (size_t)index);
  return input->rank == 2 && input->sizes[1] != 1;
}

/* Is the one column of y_pred or y_true repeated along the other? Then the text goes
 * with as many columns as the other has, and with no other number of them. Who declares
 * a size, or takes columns one by one, means what he says. */
static lossjit_status repeats_column(const struct lj_expression *expression,
                                     int64_t units, int64_t true_size, bool *repeats)
{
  bool one_unit = units == 1, as_many = false, one_more = false;
  int64_t other = one_unit ? true_size : units;
  *repeats = false;
  if (!has_open_columns(expression, one_unit ? expression->y_pred : expression->y_true))
    return LOSSJIT_OK;
  LJ_TRAIN_TRY(takes_sizes(expression, other, other, &as_many));
  LJ_TRAIN_TRY(takes_sizes(expression, other + one_unit, other + !one_unit, &one_more));
  *repeats = as_many && !one_more;
  return LOSSJIT_OK;
}

lossjit_status lj_expression_check_sizes(const struct lj_expression *expression,
                                         int64_t units, int64_t true_size,
                                         lossjit_train_error *error)
{
  bool refused = expression->is_name;
  if (expression->y_pred < 0 || expression->y_true < 0 || units == true_size ||
      expression->true_type != LOSSJIT_F32)
    return LOSSJIT_OK;
  if (!refused && (units == 1 || true_size == 1)) {
    lossjit_status status = repeats_column(expression, units, true_size, &refused);
    if (status != LOSSJIT_OK)
      return pass_on(expression, status, NULL, error);
  }
  if (!refused)
    return LOSSJIT_OK;
  return lj_train_fail(
      error, LOSSJIT_INVALID,
      "%s '%s': the last layer has %lld output%s, but there %s %lld target%s%s",
      role_name(expression->role), expression->text, (long long)units,
      units == 1 ? "" : "s", true_size == 1 ? "is" : "are", (long long)true_size,
      true_size == 1 ? "" : "s",
      expression->is_name ? ""
      : units == 1
          ? "; if the output is to be repeated, declare it: y_pred: f32[batch, 1];"
          : "; if the target is to be repeated, declare it: y_true: f32[batch, 1];");
}

/* ---- calls ----------------------------------------------------------------------- */

static lossjit_status explain(const struct lj_expression *expression,
                              lossjit_status status, lossjit_train_error *error)
{
  if (status == LOSSJIT_OK)
    return status;
  return lj_train_fail(error, status, "%s '%s': %s", role_name(expression->role),
                       expression->text, lossjit_status_text(status));
}

/* The ABI's arrays hold pointers to non-const; inputs are only read. */
static lossjit_array array_of(const void *data)
{
  return (lossjit_array){.data = (void *)(uintptr_t)data};
}

lossjit_status lj_activate(const struct lj_expression *expression, int64_t rows,
                           const float *primal, float *activated,
                           lossjit_train_error *error)
{
  lossjit_array input = array_of(primal);
  lossjit_call call = {.batch = rows, .inputs = &input, .loss = {.data = activated}};
  return explain(expression, lossjit_kernel_call(expression->value, &call), error);
}

lossjit_status lj_activate_back(const struct lj_expression *expression, int64_t rows,
                                const float *adjoint, float *primal,
                                lossjit_train_error *error)
{
  lossjit_array input = array_of(primal);
  lossjit_call call = {.batch = rows, .inputs = &input, .gradients = &input};
  call.adjoint = array_of(adjoint);
  return explain(expression, lossjit_kernel_call(expression->train, &call), error);
}

lossjit_status lj_mean_loss(const struct lj_expression *expression, int64_t rows,
                            const float *y_pred, const void *y_true, float *gradient,
                            double *mean, size_t *bad_row, lossjit_train_error *error)
{
  lossjit_array inputs[2] = {{0}}, out = array_of(gradient);
  if (expression->y_pred >= 0)
    inputs[expression->y_pred] = array_of(y_pred);
  if (expression->y_true >= 0)
    inputs[expression->y_true] = array_of(y_true);
  lossjit_call call = {.batch = rows, .inputs = inputs, .reduction = LOSSJIT_MEAN};
  call.value = mean;
  call.gradients = gradient ? &out : NULL;
  lossjit_status status =
      lossjit_kernel_call(gradient ? expression->train : expression->value, &call);
  if (status == LOSSJIT_LABEL_RANGE)
    *bad_row = *mean >= 0 ? (size_t)*mean : 0;
  return explain(expression, status, error);
}
