/*
 * Reading a numeric case; see cases.h.
 */
#include "cli/cases.h"

#include <string.h>

/* The value of a key; NULL if it is missing or null. */
static const json_t *get(const json_t *from, const char *key)
{
  const json_t *value = json_object_get(from, key);
  return json_is_null(value) ? NULL : value;
}

static const char *get_text(const json_t *from, const char *key)
{
  return json_string_value(get(from, key));
}

/* ---- inputs ---------------------------------------------------------------------- */

/* "float32", "int64", ...; floats take the dtype of the arithmetic. 0 if not known. */
static lossjit_dtype named_dtype(const char *name, lossjit_dtype arithmetic)
{
  static const struct {
    const char *name;
    lossjit_dtype dtype;
  } names[] = {{"int32", LOSSJIT_I32}, {"int64", LOSSJIT_I64}, {"bool", LOSSJIT_BOOL}};
  if (strncmp(name, "float", 5) == 0)
    return arithmetic;
  for (size_t i = 0; i < CLI_COUNT(names); i++)
    if (strcmp(name, names[i].name) == 0)
      return names[i].dtype;
  return (lossjit_dtype)0;
}

static bool read_input(struct cli_pool *pool, const json_t *from, const char *name,
                       const json_t *value, struct cli_case *to,
                       struct cli_error *error)
{
  struct cli_array array;
  struct cli_error inner;
  if (!cli_json_array(pool, value, &array, &inner))
    return cli_fail(error, "%s: %s", name, inner.text);
  if (strcmp(name, "sample_weight") == 0 && !cli_text_mentions(&to->text, name)) {
    to->weights = array;
    return true;
  }
  struct cli_input *input = &to->inputs[to->input_count++];
  cli_input_from_array(input, name, &array, to->dtype);
  const char *word = get_text(get(from, "dtypes"), name);
  if (word) {
    input->dtype_count = 1;
    input->dtypes[0] = named_dtype(word, to->dtype);
    if (!input->dtypes[0])
      return cli_fail(error, "%s: unknown dtype '%s'", name, word);
  }
  return true;
}

/* Parameters: numbers, or lists, which are inputs that have nothing to do with the
 * batch. */
static bool read_parameter(struct cli_pool *pool, const char *name, const json_t *value,
                           struct cli_case *to, struct cli_error *error)
{
  struct cli_array array;
  struct cli_error inner;
  if (!cli_json_array(pool, value, &array, &inner))
    return cli_fail(error, "%s: %s", name, inner.text);
  struct cli_input *input = &to->inputs[to->input_count++];
  cli_input_from_array(input, name, &array, to->dtype);
  input->never_batch = true;
  return true;
}

static bool read_inputs(struct cli_pool *pool, const json_t *from, struct cli_case *to,
                        struct cli_error *error)
{
  json_t *inputs = json_object_get(from, "inputs"), *value;
  json_t *params = json_object_get(from, "params");
  const char *name;
  if (!json_is_object(inputs))
    return cli_fail(error, "there are no inputs");
  to->inputs = CLI_NEW_ARRAY(pool, struct cli_input,
                             json_object_size(inputs) + json_object_size(params));
  json_object_foreach(inputs, name, value) if (!read_input(pool, from, name, value, to,
                                                           error)) return false;
  json_object_foreach(params, name, value) if (!read_parameter(pool, name, value, to,
                                                               error)) return false;
  return true;
}

/* ---- what is expected ------------------------------------------------------------ */

static bool read_indices(const json_t *list, size_t count, bool *marks,
                         struct cli_error *error)
{
  for (size_t i = 0; i < json_array_size(list); i++) {
    json_int_t index = json_integer_value(json_array_get(list, i));
    if (index < 0 || (size_t)index >= count)
      return cli_fail(error, "index %lld is outside of what is expected",
                      (long long)index);
    marks[index] = true;
  }
  return true;
}

static bool read_expected(struct cli_pool *pool, const json_t *from, const char *key,
                          struct cli_expected *to, struct cli_error *error)
{
  struct cli_error inner;
  const json_t *value = get(from, key);
  if (!value)
    return true;
  if (!cli_json_array(pool, value, &to->array, &inner))
    return cli_fail(error, "%s: %s", key, inner.text);
  to->left_out = CLI_NEW_ARRAY(pool, bool, to->array.count);
  to->kink = CLI_NEW_ARRAY(pool, bool, to->array.count);
  return true;
}

static bool read_gradient(struct cli_pool *pool, const json_t *from,
                          struct cli_expected *to, struct cli_error *error)
{
  if (!read_expected(pool, from, "expected_grad", to, error))
    return false;
  if (!to->array.data)
    return true;
  const char *kind = get_text(from, "grad_kind");
  if (kind && strncmp(kind, "exact", 5) != 0)
    to->remark = kind;
  if (kind && sscanf(kind, "exact, then clip to [%lf,%lf]", &to->low, &to->high) == 2)
    to->clipped = true;
  return read_indices(get(from, "skip_grad"), to->array.count, to->left_out, error) &&
         read_indices(get(from, "kink_indices"), to->array.count, to->kink, error);
}

static bool read_reduction(const char *word, enum cli_case_reduction *reduction)
{
  static const struct {
    const char *word;
    enum cli_case_reduction reduction;
  } words[] = {
      {"none", CLI_CASE_NONE},
      {"sum", CLI_CASE_SUM},
      {"mean", CLI_CASE_MEAN},
      {"sum_over_batch_size", CLI_CASE_MEAN},
      {"mean_with_sample_weight", CLI_CASE_MEAN_BY_WEIGHT},
      {"batchmean", CLI_CASE_BATCH_MEAN},
      {"mean_over_nonzero", CLI_CASE_MEAN_OVER_NONZERO},
      {"weighted_mean_over_nonzero", CLI_CASE_WEIGHTED_MEAN_OVER_NONZERO},
  };
  for (size_t i = 0; i < CLI_COUNT(words); i++) {
    if (strcmp(word, words[i].word) == 0) {
      *reduction = words[i].reduction;
      return true;
    }
  }
  return false;
}

/* ---- the case -------------------------------------------------------------------- */

static char find_fit(const json_t *catalogue, const char *loss)
{
  for (size_t i = 0; i < json_array_size(catalogue); i++) {
    const json_t *entry = json_array_get(catalogue, i);
    const char *id = get_text(entry, "id"), *fit = get_text(entry, "fit");
    if (id && fit && strcmp(id, loss) == 0)
      return *fit;
  }
  return 0;
}

static bool read_numbers(const json_t *from, struct cli_case *to,
                         struct cli_error *error)
{
  const char *dtype = get_text(from, "compute_dtype");
  const char *reduction = get_text(from, "reduction");
  const json_t *tolerance = get(from, "tol");
  to->dtype = dtype && strcmp(dtype, "float32") == 0 ? LOSSJIT_F32 : LOSSJIT_F64;
  to->atol = json_number_value(get(tolerance, "atol"));
  to->rtol = json_number_value(get(tolerance, "rtol"));
  if (dtype && strcmp(dtype, "float32") != 0 && strcmp(dtype, "float64") != 0)
    return cli_fail(error, "unknown compute_dtype '%s'", dtype);
  if (reduction && !read_reduction(reduction, &to->reduction))
    return cli_fail(error, "unknown reduction '%s'", reduction);
  return true;
}

bool cli_read_case(struct cli_pool *pool, const json_t *from, const json_t *catalogue,
                   struct cli_case *to, struct cli_error *error)
{
  const char *expression = get_text(from, "expr");
  *to = (struct cli_case){.id = get_text(from, "id"), .loss = get_text(from, "loss")};
  if (!to->id)
    to->id = "(no id)";
  if (!to->loss)
    to->loss = "(no name)";
  if (!expression)
    return cli_fail(error, "there is no expr");
  to->text = (struct cli_text){expression, strlen(expression), to->id};
  to->fit = find_fit(catalogue, to->loss);
  to->has_hessian = get(from, "expected_hess") != NULL;
  return read_numbers(from, to, error) && read_inputs(pool, from, to, error) &&
         read_expected(pool, from, "expected_loss", &to->expected_loss, error) &&
         read_gradient(pool, from, &to->expected_gradient, error);
}
