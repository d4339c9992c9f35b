/*
 * Nanoseconds per element of y_pred, loss and gradient in one call on one thread: our
 * kernel, plain C under clang -O3 -march=native -ffast-math, and a stream that only
 * reads both inputs and writes one output of that size.
 *
 *     kernels [--json]
 *
 * The three take turns in one run, because the machine's speed drifts: trust the
 * ratios. Each figure is the best and the median over the rounds; ratios are of the
 * best. Before anything is timed, kernel and plain C are compared with the f64
 * interpreter. Exit status 1 if they differ, or if a ratio that has a bound misses it.
 */
#include "bench/measure.h"
#include "bench/plain.h"

#include <math.h>

#define ROUNDS 41
#define ROUND_SECONDS 0.004 /* a call is repeated until a round takes about this long */

enum { OURS, PLAIN, STREAM, CONTESTANTS };

struct contest {
  const char *name;
  int64_t rows, columns;
  const char *text;
  plain_function *plain;
  double most_streams; /* bound on ours/stream; 0: none */
  double least_gain;   /* bound on plain/ours; 0: none */
};

#define WEIGHTED_MSE "sum(square(y_pred - y_true)*[0.3, 0.7], axis=1)"
#define MSE "mean(square(y_pred - y_true), axis=-1)"
#define BCE                                                                            \
  "mean(maximum(y_pred, 0) - y_pred*y_true + log1p(exp(-abs(y_pred))), axis=-1)"
#define CROSS_ENTROPY "-sum(y_true*log_softmax(y_pred, axis=-1), axis=-1)"

static const struct contest contests[] = {
    {"weighted_mse", 65536, 2, WEIGHTED_MSE, plain_weighted_mse, 1.6, 0},
    {"mse", 64, 10, MSE, plain_mse, 0, 0},
    {"mse", 65536, 2, MSE, plain_mse, 0, 0},
    {"mse", 65536, 10, MSE, plain_mse, 0, 0},
    {"mse", 1024, 1000, MSE, plain_mse, 0, 0},
    {"bce_with_logits", 64, 10, BCE, plain_bce, 0, 0},
    {"bce_with_logits", 65536, 2, BCE, plain_bce, 0, 0},
    {"bce_with_logits", 65536, 10, BCE, plain_bce, 0, 0},
    {"bce_with_logits", 1024, 1000, BCE, plain_bce, 0, 0},
    {"softmax_cross_entropy", 64, 10, CROSS_ENTROPY, plain_cross_entropy, 0, 0},
    {"softmax_cross_entropy", 65536, 2, CROSS_ENTROPY, plain_cross_entropy, 0, 0},
    {"softmax_cross_entropy", 65536, 10, CROSS_ENTROPY, plain_cross_entropy, 0, 4},
    {"softmax_cross_entropy", 1024, 1000, CROSS_ENTROPY, plain_cross_entropy, 0, 0},
};

/* ---- the arrays ------------------------------------------------------------------ */

struct arrays {
  float *y_true, *y_pred, *gradient, *loss; /* what is timed */
  float *expected_gradient, *expected_loss; /* the interpreter's */
};

static float *floats(int64_t count)
{
  size_t bytes = ((size_t)count * sizeof(float) + 63) / 64 * 64;
  float *values = aligned_alloc(64, bytes);
  must("memory", values ? LOSSJIT_OK : LOSSJIT_NO_MEMORY, NULL);
  memset(values, 0, bytes);
  return values;
}

/* Logits in (-2, 2); targets positive, each row's sum 1. */
static struct arrays arrays_make(const struct contest *contest)
{
  int64_t count = contest->rows * contest->columns;
  struct arrays arrays = {floats(count),         floats(count), floats(count),
                          floats(contest->rows), floats(count), floats(contest->rows)};
  uint32_t state = 1;
  for (int64_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    arrays.y_pred[i] = (float)(state >> 8) / (1 << 22) - 2;
    state = state * 1664525u + 1013904223u;
    arrays.y_true[i] = (float)((state >> 8) + 1) / (1 << 24);
  }
  for (int64_t b = 0; b < contest->rows; b++) {
    float sum = 0, *row = arrays.y_true + b * contest->columns;
    for (int64_t j = 0; j < contest->columns; j++)
      sum += row[j];
    for (int64_t j = 0; j < contest->columns; j++)
      row[j] /= sum;
  }
  return arrays;
}

static void arrays_free(struct arrays *arrays)
{
  float *all[] = {arrays->y_true,
                  arrays->y_pred,
                  arrays->gradient,
                  arrays->loss,
                  arrays->expected_gradient,
                  arrays->expected_loss};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    free(all[i]);
}

/* ---- the contestants ------------------------------------------------------------- */

/* Everything one call needs, whoever makes it. */
struct run {
  const struct contest *contest;
  const struct arrays *arrays;
  lossjit_kernel *kernel;
  int y_true_first; /* inputs are passed in the order of the text */
};

static struct run run_make(lossjit_engine *engine, const struct contest *contest,
                           const struct arrays *arrays)
{
  struct run run = {.contest = contest, .arrays = arrays};
  lossjit_input inputs[] = {
      {"y_true", LOSSJIT_F32, 2, {LOSSJIT_BATCH, contest->columns}},
      {"y_pred", LOSSJIT_F32, 2, {LOSSJIT_BATCH, contest->columns}}};
  lossjit_compile_options options = {.inputs = inputs, .input_count = 2};
  lossjit_loss *loss;
  lossjit_diagnostics *diagnostics;
  must(contest->name,
       lossjit_compile(engine, contest->text, &options, &loss, &diagnostics),
       &diagnostics);
  lossjit_diagnostics_release(diagnostics);
  must(contest->name,
       lossjit_loss_specialize(loss, &(lossjit_specialization){0}, &run.kernel,
                               &diagnostics),
       &diagnostics);
  lossjit_diagnostics_release(diagnostics);
  run.y_true_first = !strcmp(lossjit_loss_input(loss, 0)->name, "y_true");
  lossjit_loss_release(loss); /* the kernel keeps it */
  return run;
}

static void call_ours(const struct run *run, float *gradient, float *loss,
                      int interpret)
{
  lossjit_array y_true = {run->arrays->y_true, 0}, y_pred = {run->arrays->y_pred, 0};
  lossjit_call call = {.batch = run->contest->rows,
                       .inputs = run->y_true_first ? (lossjit_array[]){y_true, y_pred}
                                                   : (lossjit_array[]){y_pred, y_true},
                       .reduction = LOSSJIT_MEAN,
                       .loss = {loss, 0},
                       .gradients = &(lossjit_array){gradient, 0}};
  must(run->contest->name,
       interpret ? lossjit_kernel_interpret(run->kernel, &call)
                 : lossjit_kernel_call(run->kernel, &call),
       NULL);
}

static void call_any(const struct run *run, int who)
{
  const struct arrays *arrays = run->arrays;
  if (who == OURS)
    call_ours(run, arrays->gradient, arrays->loss, 0);
  else
    (who == PLAIN ? run->contest->plain : plain_stream)(
        run->contest->rows, run->contest->columns, arrays->y_true, arrays->y_pred,
        arrays->gradient, arrays->loss);
}

/* ---- checking -------------------------------------------------------------------- */

/* Largest error as a share of the largest value. */
static double difference(const float *got, const float *expected, int64_t count)
{
  double error = 0, most = 0;
  for (int64_t i = 0; i < count; i++) {
    error =
        fmax(error, isfinite(got[i]) ? fabs(got[i] - (double)expected[i]) : INFINITY);
    most = fmax(most, fabs(expected[i]));
  }
  return error / most;
}

/* Roundings of f32 that the largest value may be off: plain C under -ffast-math sums
 * long rows in f32. */
static int agrees(const struct run *run, int who)
{
  const struct contest *contest = run->contest;
  const struct arrays *arrays = run->arrays;
  double allowed = (who == OURS ? 16 : 256) * 0x1p-24;
  call_any(run, who);
  double loss = difference(arrays->loss, arrays->expected_loss, contest->rows);
  double gradient = difference(arrays->gradient, arrays->expected_gradient,
                               contest->rows * contest->columns);
  if (loss <= allowed && gradient <= allowed)
    return 1;
  fprintf(stderr,
          "%s (%ld, %ld): %s is off by %.2g in the loss, %.2g in the gradient\n",
          contest->name, (long)contest->rows, (long)contest->columns,
          who == OURS ? "the kernel" : "plain C", loss, gradient);
  return 0;
}

/* ---- timing ---------------------------------------------------------------------- */

struct figures {
  double best[CONTESTANTS], median[CONTESTANTS]; /* ns per element */
  double streams, gain;                          /* ours/stream, plain/ours */
};

static double time_calls(const struct run *run, int who, long calls)
{
  double start = seconds();
  for (long i = 0; i < calls; i++)
    call_any(run, who);
  return (seconds() - start) / (double)calls;
}

static struct figures race(const struct run *run)
{
  static double taken[CONTESTANTS][ROUNDS];
  struct figures figures;
  long calls[CONTESTANTS];
  double elements = (double)run->contest->rows * (double)run->contest->columns;
  for (int who = 0; who < CONTESTANTS; who++)
    calls[who] = 1 + (long)(ROUND_SECONDS / time_calls(run, who, 3));
  for (int round = 0; round < ROUNDS; round++)
    for (int who = 0; who < CONTESTANTS; who++)
      taken[who][round] = 1e9 * time_calls(run, who, calls[who]) / elements;
  for (int who = 0; who < CONTESTANTS; who++) {
    figures.median[who] = median(taken[who], ROUNDS); /* leaves them sorted */
    figures.best[who] = taken[who][0];
  }
  figures.streams = figures.best[OURS] / figures.best[STREAM];
  figures.gain = figures.best[PLAIN] / figures.best[OURS];
  return figures;
}

/* ---- saying ---------------------------------------------------------------------- */

static int misses(const struct contest *contest, const struct figures *figures)
{
  return (contest->most_streams && figures->streams > contest->most_streams) ||
         (contest->least_gain && figures->gain < contest->least_gain);
}

static void print_table_row(const struct contest *contest,
                            const struct figures *figures)
{
  printf("%-22s %6ld %5ld  %7.4f %7.4f  %7.4f %7.4f  %7.4f %7.4f  %6.2f %6.2f",
         contest->name, (long)contest->rows, (long)contest->columns,
         figures->best[OURS], figures->median[OURS], figures->best[PLAIN],
         figures->median[PLAIN], figures->best[STREAM], figures->median[STREAM],
         figures->streams, figures->gain);
  if (contest->most_streams)
    printf("  ours/stream <= %.1f", contest->most_streams);
  if (contest->least_gain)
    printf("  plain/ours >= %.0f", contest->least_gain);
  puts(misses(contest, figures) ? ": MISSED" : "");
}

static void print_json_row(const struct contest *contest, const struct figures *figures,
                           int checked, int last)
{
  static const char *const names[CONTESTANTS] = {"ours", "plain", "stream"};
  printf("  {\"loss\": \"%s\", \"shape\": [%ld, %ld]", contest->name,
         (long)contest->rows, (long)contest->columns);
  for (int who = 0; who < CONTESTANTS; who++)
    printf(", \"%s_ns\": %.5f, \"%s_median_ns\": %.5f", names[who], figures->best[who],
           names[who], figures->median[who]);
  printf(", \"ours_by_stream\": %.4f, \"plain_by_ours\": %.4f, \"checked\": %s}%s\n",
         figures->streams, figures->gain, checked ? "true" : "false", last ? "" : ",");
}

int main(int argc, char **argv)
{
  size_t count = sizeof contests / sizeof *contests;
  int json = argc > 1 && !strcmp(argv[1], "--json"), failed = 0;
  lossjit_engine *engine = warm_engine();
  puts(json ? "["
            : "ns per element, best and median       lossjit          plain C         "
              " stream         ours/  plain/\n"
              "                         shape     best  median     best  median     "
              "best  median  stream   ours");
  for (size_t i = 0; i < count; i++) {
    struct arrays arrays = arrays_make(&contests[i]);
    struct run run = run_make(engine, &contests[i], &arrays);
    call_ours(&run, arrays.expected_gradient, arrays.expected_loss, 1);
    int checked = agrees(&run, OURS) & agrees(&run, PLAIN);
    struct figures figures = race(&run);
    failed |= !checked || misses(&contests[i], &figures);
    if (json)
      print_json_row(&contests[i], &figures, checked, i + 1 == count);
    else
      print_table_row(&contests[i], &figures);
    lossjit_kernel_release(run.kernel);
    arrays_free(&arrays);
  }
  if (json)
    puts("]");
  lossjit_engine_release(engine);
  return failed;
}
