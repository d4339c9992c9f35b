/*
 * The state of one `lossjit bench`, and its parts (cmd_bench.c, bench_inputs.c).
 */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "cli/command.h"
#include "cli/stopwatch.h"

struct bench {
  struct cli *cli;
  struct cli_text text;
  struct cli_request request;
  struct cli_reading reading;
  struct cli_evaluation evaluation;
  lossjit_compile_times compile; /* medians, in ms */
  struct cli_timing timing, copy;
  struct cli_outcome outcome; /* the memory that is written while timing */
  size_t elements, bytes;
  bool checked;
};

/* Give every input of the loss a shape, so that the next compile knows all sizes: one
 * that nobody gave is that of y_pred along the same axis. The exit status. */
int cli_bench_complete_shapes(struct bench *bench);

/* Memory for the inputs; the exit status. */
int cli_bench_make_inputs(struct bench *bench);

/* Fill the inputs and call the kernel once, into bench->outcome. */
lossjit_status cli_bench_choose_inputs(struct bench *bench);

/* Compare kernel and interpreter; sets bench->checked. */
lossjit_status cli_bench_check(struct bench *bench);

#endif
