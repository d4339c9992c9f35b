/*
 * Calling a bound loss: kernel or interpreter, weights, memory for the results.
 */
#ifndef CLI_EVALUATE_H
#define CLI_EVALUATE_H

#include "cli/reading.h"

struct cli_outcome {
  double value;
  struct cli_array loss;
  struct cli_array *gradients; /* [gradient_count] */
  const char **gradient_names; /* names of the inputs they belong to */
  size_t gradient_count;
};

struct cli_evaluation {
  lossjit_engine *engine;
  struct cli_reading *reading;
  bool want_gradients;
  bool no_value;            /* leave out the reduced value */
  struct cli_array weights; /* data NULL: none; see cli_expand_weights */
  lossjit_weighting weighting;
  lossjit_reduction reduction;
  double denominator;
  lossjit_kernel *kernel;
};

/* The shape of the result, the batch put in. */
void cli_result_shape(const struct cli_reading *reading, int32_t *rank, int64_t *sizes);

/* Sample weights in any of the forms that trainers take, for this result: a number, one
 * per sample, or anything that repeats to the shape of the result. */
bool cli_expand_weights(struct cli_pool *pool, struct cli_evaluation *evaluation,
                        const struct cli_array *given, struct cli_error *error);

/* Make the kernel. On LOSSJIT_INVALID the reading has the diagnostics. */
lossjit_status cli_specialize(struct cli_evaluation *evaluation);

/* Call it. When a label is out of range outcome->value is the sample's number. */
lossjit_status cli_evaluate(struct cli_pool *pool,
                            const struct cli_evaluation *evaluation, bool interpreter,
                            struct cli_outcome *outcome);

#endif
