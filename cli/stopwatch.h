/*
 * Timing a call beside copies of as many bytes, in the same minute on the same machine.
 *
 * Clock speed and neighbours change from second to second, so the two are measured in
 * turns, and what is reported of each is the best round and the median round.
 */
#ifndef CLI_STOPWATCH_H
#define CLI_STOPWATCH_H

#include "cli/cli.h"

struct cli_timing {
  double best_ns, median_ns;
};

double cli_now_ns(void);

/* The middle of `count` values, which are sorted. */
double cli_median(double *values, size_t count);

/* Time call(user) and the best way to read and write `bytes` bytes. */
void cli_time_beside_copy(struct cli_pool *pool, void (*call)(void *user), void *user,
                          size_t bytes, struct cli_timing *timing,
                          struct cli_timing *copy);

#endif
