/*
 * What both benchmarks share: a clock, order statistics, and a way out when a call
 * that must work does not. Programs, not the library, so printing and exiting is
 * theirs to do.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "lossjit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double seconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline int by_size(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Sorts `values`. */
static inline double median(double *values, size_t count)
{
  qsort(values, count, sizeof *values, by_size);
  return count % 2 ? values[count / 2]
                   : 0.5 * (values[count / 2 - 1] + values[count / 2]);
}

/* `diagnostics` points at what the call has written by then; NULL if it writes none. */
static inline void must(const char *what, lossjit_status status,
                        lossjit_diagnostics **diagnostics)
{
  if (status == LOSSJIT_OK)
    return;
  fprintf(stderr, "%s: %s\n", what, lossjit_status_text(status));
  if (diagnostics && *diagnostics)
    fputs(lossjit_diagnostics_text(*diagnostics), stderr);
  exit(1);
}

/* An engine whose back end is loaded and has made a kernel: the process is warm. */
static inline lossjit_engine *warm_engine(void)
{
  lossjit_engine *engine;
  lossjit_loss *loss;
  lossjit_kernel *kernel;
  lossjit_diagnostics *diagnostics;
  must("engine", lossjit_engine_create(NULL, &engine), NULL);
  must("warm-up",
       lossjit_compile(engine, "square(y_pred[:, 0])", NULL, &loss, &diagnostics),
       &diagnostics);
  lossjit_specialization how = {
      .inputs = &(lossjit_input){"y_pred", LOSSJIT_F32, 2, {LOSSJIT_BATCH, 2}},
      .input_count = 1};
  must("warm-up", lossjit_loss_specialize(loss, &how, &kernel, &diagnostics),
       &diagnostics);
  lossjit_kernel_release(kernel);
  lossjit_loss_release(loss);
  return engine;
}

#endif
