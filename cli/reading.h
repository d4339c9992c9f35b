/*
 * Compiling a text together with what is known of its inputs.
 *
 * Somebody who writes `y_true=[0, 2]` does not say whether these are labels or numbers,
 * nor whether [0.3, 0.7] beside a batch of two samples with two columns is one weight
 * per sample or per column. Each such question gives the input several *readings*. They
 * are tried in order of plausibility; the first that compiles is meant. If none does,
 * the one with the fewest errors speaks.
 */
#ifndef CLI_READING_H
#define CLI_READING_H

#include "cli/data.h"
#include "cli/expression.h"

/* What is known of one name. */
struct cli_input {
  const char *name;
  struct cli_array array;  /* data NULL: only the shape is known */
  lossjit_dtype dtypes[2]; /* possible types, the more plausible first */
  int dtype_count;
  bool never_batch; /* its leading size is not the batch, whatever it is */
  bool mentioned;   /* the text uses the name */
  enum cli_declared declared;
};

struct cli_request {
  lossjit_engine *engine;
  const struct cli_text *text;
  struct cli_input *inputs;
  size_t input_count;
  const char *const *gradients;
  size_t gradient_count;
  lossjit_result result;
  lossjit_dtype dtype; /* of floats */
  bool no_gradient;
};

/* A compiled text with the data that goes to it. */
struct cli_reading {
  lossjit_loss *loss; /* NULL: see status and diagnostics */
  lossjit_status status;
  lossjit_diagnostics *diagnostics;
  int64_t batch;
  size_t input_count;
  lossjit_input *shapes;    /* [input_count], as a specialization takes them */
  struct cli_array *arrays; /* [input_count], in the dtype the loss takes */
  double *parameters;       /* [parameter count] */
};

/* Fill in what follows from the array: the possible dtypes. */
void cli_input_from_array(struct cli_input *input, const char *name,
                          const struct cli_array *array, lossjit_dtype float_dtype);

/* Compile. False if the status is not LOSSJIT_OK. */
bool cli_compile(struct cli_pool *pool, const struct cli_request *request,
                 struct cli_reading *reading);

/* Match the inputs of the loss with the data: shapes, batch, conversion, parameters.
 * `need_data`: an input without data is an error; otherwise it keeps open sizes. */
bool cli_bind(struct cli_pool *pool, const struct cli_request *request, bool need_data,
              struct cli_reading *reading, struct cli_error *error);

void cli_reading_release(struct cli_reading *reading);

/* How many diagnostics are errors. */
size_t cli_error_count(const lossjit_diagnostics *diagnostics);

/* The input with this name; NULL if there is none. */
struct cli_input *cli_find_input(const struct cli_request *request, const char *name);

/* "y_pred f32(batch, 2)" */
char *cli_input_text(struct cli_pool *pool, const lossjit_input *input);

#endif
