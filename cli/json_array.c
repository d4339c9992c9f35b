/*
 * Arrays out of JSON: nested lists of numbers, all rows of one length.
 *
 * The shape is read off the first elements, then every element is held to it. Numbers
 * that JSON cannot write are the strings "inf", "-inf" and "nan".
 */
#include "cli/data.h"

#include <math.h>
#include <string.h>

json_t *cli_read_json(const char *text, size_t length, struct cli_error *error)
{
  json_error_t problem;
  size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES;
  json_t *value = json_loadb(text, length, flags, &problem);
  if (!value && json_error_code(&problem) == json_error_numeric_overflow)
    value = json_loadb(text, length, flags | JSON_DECODE_INT_AS_REAL, &problem);
  if (!value)
    cli_fail(error,
             "not JSON: %s (line %d, column %d); non-finite numbers are \"inf\", "
             "\"-inf\" and \"nan\"",
             problem.text, problem.line, problem.column);
  return value;
}

static bool word_number(const char *word, double *number)
{
  static const struct {
    const char *word;
    double value;
  } words[] = {{"inf", INFINITY}, {"-inf", -INFINITY}, {"nan", NAN}};
  for (size_t i = 0; i < CLI_COUNT(words); i++) {
    if (strcmp(word, words[i].word) == 0) {
      *number = words[i].value;
      return true;
    }
  }
  return false;
}

bool cli_json_number(const json_t *value, double *number)
{
  if (json_is_string(value))
    return word_number(json_string_value(value), number);
  *number = json_number_value(value);
  return json_is_number(value);
}

/* What is being read: where values go, and the indices of the list that is at hand. */
struct walk {
  struct cli_array *array;
  size_t filled;
  size_t integers, truths, reals; /* kinds of element that were seen */
  size_t index[LOSSJIT_MAX_RANK];
  struct cli_error *error;
};

/* "[1][0]", the place of the element at `depth`. */
static const char *place(const struct walk *walk, int32_t depth, char text[160])
{
  size_t used = 0;
  text[0] = '\0';
  for (int32_t i = 0; i < depth && used < 130; i++)
    used += (size_t)snprintf(text + used, 160 - used, "[%zu]", walk->index[i]);
  return depth ? text : "the whole";
}

static bool find_shape(const json_t *value, int64_t *sizes, int32_t *rank,
                       struct cli_error *error)
{
  *rank = 0;
  while (json_is_array(value)) {
    if (*rank == LOSSJIT_MAX_RANK)
      return cli_fail(error, "lists are nested more than %d deep", LOSSJIT_MAX_RANK);
    sizes[(*rank)++] = (int64_t)json_array_size(value);
    value = json_array_get(value, 0);
  }
  return true;
}

static bool take_element(struct walk *walk, const json_t *value)
{
  size_t i = walk->filled++;
  double number;
  char text[160];
  if (json_is_boolean(value)) {
    walk->truths++;
    number = json_is_true(value);
  } else if (json_is_integer(value)) {
    walk->integers++;
    number = (double)json_integer_value(value);
  } else if (cli_json_number(value, &number)) {
    walk->reals++;
  } else {
    return cli_fail(walk->error, "%s is not a number (or \"inf\", \"-inf\", \"nan\")",
                    place(walk, walk->array->rank, text));
  }
  ((double *)walk->array->data)[i] = number;
  return true;
}

static bool take_list(struct walk *walk, const json_t *value, int32_t depth)
{
  char text[160];
  if (depth == walk->array->rank && !json_is_array(value))
    return take_element(walk, value);
  if (depth == walk->array->rank || !json_is_array(value))
    return cli_fail(walk->error, "ragged: %s is %s, unlike its neighbours",
                    place(walk, depth, text),
                    json_is_array(value) ? "a list" : "no list");
  size_t size = (size_t)walk->array->sizes[depth];
  if (json_array_size(value) != size)
    return cli_fail(walk->error,
                    "ragged: %s has %zu elements, those before it have %zu",
                    place(walk, depth, text), json_array_size(value), size);
  for (size_t i = 0; i < size; i++) {
    walk->index[depth] = i;
    if (!take_list(walk, json_array_get(value, i), depth + 1))
      return false;
  }
  return true;
}

/* The integers again, exactly: doubles hold them only up to 2^53. */
static void take_integers(int64_t *to, size_t *filled, const json_t *value)
{
  if (!json_is_array(value)) {
    to[(*filled)++] = json_integer_value(value);
    return;
  }
  for (size_t i = 0; i < json_array_size(value); i++)
    take_integers(to, filled, json_array_get(value, i));
}

bool cli_json_array(struct cli_pool *pool, const json_t *value, struct cli_array *array,
                    struct cli_error *error)
{
  int64_t sizes[LOSSJIT_MAX_RANK];
  int32_t rank;
  if (!find_shape(value, sizes, &rank, error) ||
      !cli_array_make(pool, array, LOSSJIT_F64, rank, sizes, error))
    return false;
  struct walk walk = {.array = array, .error = error};
  if (!take_list(&walk, value, 0))
    return false;
  if (walk.truths && walk.truths < walk.filled)
    return cli_fail(error, "numbers and true/false are mixed");
  struct cli_array reals = *array;
  if (walk.truths)
    return cli_array_convert(pool, &reals, LOSSJIT_BOOL, "data", array, error);
  if (walk.reals || !walk.filled)
    return true;
  size_t filled = 0;
  cli_array_make(pool, array, LOSSJIT_I64, rank, sizes, error);
  take_integers(array->data, &filled, value);
  array->loose = true;
  return true;
}
