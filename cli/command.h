/*
 * What the commands that compile expressions have in common (engine.c, names.c,
 * shape.c).
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli/evaluate.h"

/* An engine for --target (host if there is no such option); NULL after a mistake, which
 * was reported. */
lossjit_engine *cli_engine(const struct cli *cli);

/* Is --no-gradient given? Then the value may have any shape and no gradient is made. */
void cli_no_gradient_option(const struct cli *cli, struct cli_request *request);
/* Point at --no-gradient if there is no other error than a missing derivative. */
void cli_hint_no_gradient(const lossjit_diagnostics *diagnostics);

/* Compile or make the kernel, printing diagnostics; the exit status. */
int cli_compile_or_report(struct cli *cli, const struct cli_request *request,
                          struct cli_reading *reading);
/* Report every name that was given (sample_weight aside) and that the compiled loss
 * does not take; the exit status. */
int cli_check_names(struct cli *cli, const struct cli_request *request,
                    const struct cli_reading *reading);
/* The same where compiling failed: the names that the text never mentions. */
void cli_report_unmentioned(struct cli *cli, const struct cli_request *request);
/* Are the names to differentiate by arrays that the text mentions? The exit status. */
int cli_check_gradient_names(struct cli *cli, const struct cli_request *request);
int cli_specialize_or_report(struct cli_evaluation *evaluation);

/* NAME=VALUE in two; false if `argument` has another form. */
bool cli_split_name(struct cli *cli, const char *argument, char **name,
                    const char **value);

/* All --shape options as inputs without data. The leading size may be the word `batch`,
 * which stands for LOSSJIT_BATCH there. False after a mistake, which was reported. */
bool cli_shapes(struct cli *cli, lossjit_dtype dtype, struct cli_input **inputs,
                size_t *count);

/* Options that several commands take, word for word the same. */
#define CLI_OPTION_DTYPE                                                               \
  {"dtype", 0, CLI_VALUE, "f32|f64",                                                   \
   "type of the inputs that the text does not declare\n"                               \
   "(f32)"}
#define CLI_OPTION_NO_GRADIENT                                                         \
  {"no-gradient", 0, CLI_FLAG, NULL,                                                   \
   "for metrics and printed gradients: the value may have\n"                           \
   "any shape and needs no derivative"}
#define CLI_OPTION_TARGET                                                              \
  {"target", 0, CLI_VALUE, "CPU", "host, avx512, avx2 or baseline (host)"}
#define CLI_OPTION_SHAPE                                                               \
  {"shape", 0, CLI_VALUE, "NAME=B,n",                                                  \
   "shape of an input, the batch first; once per input"}

#endif
