/*
 * Measuring; see stopwatch.h.
 *
 * "As many bytes" are read and written once: a copy of n bytes moves 2n, a stream that
 * reads two arrays and writes one (the pattern of most losses) moves 3n. Stores past
 * the cache win when the data is larger than it, plain ones when it is not; the best of
 * the three is what the call is held against.
 */
#include "cli/stopwatch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define ROUNDS 15
#define ROUND_NS 2e6 /* a round lasts about this long, far above the clock's own time */
#define BUDGET_NS 1.5e9 /* fewer rounds, but at least three, for long calls */

double cli_now_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double cli_median(double *values, size_t count)
{
  qsort(values, count, sizeof *values, compare_doubles);
  return count % 2 ? values[count / 2]
                   : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* ---- copies ---------------------------------------------------------------------- */

struct buffers {
  char *from, *second, *to; /* each of `size` bytes, aligned to 64 */
  size_t size;              /* bytes to be moved, in all */
};

static void copy_plain(void *user)
{
  struct buffers *buffers = user;
  memcpy(buffers->to, buffers->from, buffers->size / 2);
  __asm__ volatile("" ::"r"(buffers->to) : "memory");
}

/* Copy with stores that go around the cache. */
static void copy_past_cache(void *user)
{
#if defined(__SSE2__)
  struct buffers *buffers = user;
  const __m128i *from = (const __m128i *)buffers->from;
  __m128i *to = (__m128i *)buffers->to;
  size_t count = buffers->size / 2 / sizeof *from;
  for (size_t i = 0; i < count; i++)
    _mm_stream_si128(to + i, _mm_load_si128(from + i));
  _mm_sfence();
#else
  copy_plain(user);
#endif
}

/* Read two arrays, write one. */
static void stream(void *user)
{
  struct buffers *buffers = user;
  typedef float lanes __attribute__((vector_size(32), may_alias));
  const lanes *a = (const lanes *)buffers->from, *b = (const lanes *)buffers->second;
  lanes *to = (lanes *)buffers->to;
  size_t count = buffers->size / 3 / sizeof *to;
  for (size_t i = 0; i < count; i++)
    to[i] = a[i] + b[i];
  __asm__ volatile("" ::"r"(to) : "memory");
}

/* ---- rounds ---------------------------------------------------------------------- */

struct contender {
  void (*call)(void *user);
  void *user;
  size_t repeats; /* calls per round */
  double ns[ROUNDS];
};

static double time_calls(struct contender *contender)
{
  double begin = cli_now_ns();
  for (size_t i = 0; i < contender->repeats; i++)
    contender->call(contender->user);
  return (cli_now_ns() - begin) / (double)contender->repeats;
}

/* Find how many calls fill a round; this also warms up. */
static void calibrate(struct contender *contender)
{
  contender->repeats = 1;
  for (;;) {
    double ns = time_calls(contender) * (double)contender->repeats;
    if (ns >= ROUND_NS || contender->repeats > (size_t)1 << 24)
      return;
    contender->repeats *= ns * 8 < ROUND_NS ? 8 : 2;
  }
}

static struct cli_timing summarize(struct contender *contender, size_t rounds)
{
  double median = cli_median(contender->ns, rounds); /* sorts */
  return (struct cli_timing){contender->ns[0], median};
}

static char *make_buffer(struct cli_pool *pool, size_t size)
{
  char *memory = cli_alloc(pool, size + 64);
  memset(memory, 1, size + 64); /* pages of their own, not all the zero page */
  return memory + (64 - (uintptr_t)memory % 64) % 64;
}

void cli_time_beside_copy(struct cli_pool *pool, void (*call)(void *user), void *user,
                          size_t bytes, struct cli_timing *timing,
                          struct cli_timing *copy)
{
  struct buffers buffers = {make_buffer(pool, bytes), make_buffer(pool, bytes),
                            make_buffer(pool, bytes), bytes};
  struct contender contenders[] = {{.call = call, .user = user},
                                   {.call = copy_plain, .user = &buffers},
                                   {.call = copy_past_cache, .user = &buffers},
                                   {.call = stream, .user = &buffers}};
  for (size_t i = 0; i < CLI_COUNT(contenders); i++)
    calibrate(&contenders[i]);
  double begin = cli_now_ns();
  size_t rounds = 0;
  while (rounds < ROUNDS && (rounds < 3 || cli_now_ns() - begin < BUDGET_NS)) {
    for (size_t i = 0; i < CLI_COUNT(contenders); i++)
      contenders[i].ns[rounds] = time_calls(&contenders[i]);
    rounds++;
  }
  *timing = summarize(&contenders[0], rounds);
  *copy = summarize(&contenders[1], rounds);
  for (size_t i = 2; i < CLI_COUNT(contenders); i++) {
    struct cli_timing other = summarize(&contenders[i], rounds);
    if (other.best_ns < copy->best_ns)
      *copy = other;
  }
}
