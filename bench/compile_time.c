/*
 * How long from text to callable kernel: every class A loss of the catalogue, loss and
 * gradient in one kernel, in a process that has made kernels before.
 *
 *     compile_time [--json]
 *
 * Two columns: all inner sizes 4, and all 10. The batch is never compiled in, so it
 * has no place here. Each loss gets an engine of its own, so that nothing is found in
 * a table; what is timed is lossjit_compile and lossjit_loss_specialize, best of a few
 * rounds. A loss that does not compile is named and counted, and makes the exit status
 * 1.
 */
#include "bench/measure.h"

#define ROUNDS 3
#define MAX_INPUTS 6

/* Sizes that stand for the column's; any distinct numbers below LOSSJIT_ANY. */
enum { BATCH = LOSSJIT_BATCH, C = -10, D = -11, H = -12, W = -13, N = -14, T = -15 };

struct row {
  const char *id, *text;
  lossjit_result result;
  lossjit_input inputs[MAX_INPUTS];
};

static const struct row rows[] = {
#define F32(name, rank, ...)                                                           \
  {                                                                                    \
    name, LOSSJIT_F32, rank,                                                           \
    {                                                                                  \
      __VA_ARGS__                                                                      \
    }                                                                                  \
  }
#define LOSS(id, result, text, ...) {id, text, result, {__VA_ARGS__}},
#include "bench/catalogue_a.def"
#undef LOSS
#undef F32
};

#define ROW_COUNT (sizeof rows / sizeof *rows)

static size_t inputs_at(const struct row *row, int64_t inner, lossjit_input *inputs)
{
  size_t count = 0;
  for (; count < MAX_INPUTS && row->inputs[count].name; count++) {
    inputs[count] = row->inputs[count];
    for (int32_t k = 0; k < inputs[count].rank; k++)
      if (inputs[count].sizes[k] < LOSSJIT_ANY)
        inputs[count].sizes[k] = inner;
  }
  return count;
}

/* Milliseconds for one compile; negative if the loss is refused. */
static double compile(const struct row *row, int64_t inner)
{
  lossjit_input inputs[MAX_INPUTS];
  lossjit_compile_options options = {.inputs = inputs,
                                     .input_count = inputs_at(row, inner, inputs),
                                     .result = row->result};
  lossjit_engine *engine = warm_engine();
  lossjit_loss *loss = NULL;
  lossjit_kernel *kernel = NULL;
  lossjit_diagnostics *diagnostics = NULL;

  double start = seconds();
  lossjit_status status =
      lossjit_compile(engine, row->text, &options, &loss, &diagnostics);
  if (status == LOSSJIT_OK) {
    lossjit_diagnostics_release(diagnostics);
    status = lossjit_loss_specialize(loss, &(lossjit_specialization){0}, &kernel,
                                     &diagnostics);
  }
  double taken = 1e3 * (seconds() - start);

  if (status != LOSSJIT_OK) {
    fprintf(stderr, "%s: %s\n", row->id, lossjit_status_text(status));
    fputs(diagnostics ? lossjit_diagnostics_text(diagnostics) : "", stderr);
  }
  lossjit_diagnostics_release(diagnostics);
  lossjit_kernel_release(kernel);
  lossjit_loss_release(loss);
  lossjit_engine_release(engine);
  return status == LOSSJIT_OK ? taken : -1;
}

static double best(const struct row *row, int64_t inner)
{
  double least = compile(row, inner);
  for (int round = 1; round < ROUNDS && least >= 0; round++) {
    double again = compile(row, inner);
    least = again < least ? again : least;
  }
  return least;
}

static void print_row(const char *id, const double ms[2], int json, int last)
{
  if (json)
    printf("  {\"loss\": \"%s\", \"ms_at_4\": %.3f, \"ms_at_10\": %.3f}%s\n", id, ms[0],
           ms[1], last ? "" : ",");
  else
    printf("%-24s %8.2f %8.2f\n", id, ms[0], ms[1]);
}

int main(int argc, char **argv)
{
  static double measured[2][ROW_COUNT];
  int json = argc > 1 && !strcmp(argv[1], "--json");
  size_t compiled = 0;
  lossjit_engine *held = warm_engine(); /* keeps the back end loaded */

  puts(json ? "{\"losses\": [" : "ms from text to kernel    inner 4 inner 10");
  for (size_t i = 0; i < ROW_COUNT; i++) {
    double ms[2] = {best(&rows[i], 4), best(&rows[i], 10)};
    print_row(rows[i].id, ms, json, i + 1 == ROW_COUNT);
    if (ms[0] < 0 || ms[1] < 0)
      continue;
    measured[0][compiled] = ms[0];
    measured[1][compiled++] = ms[1];
  }
  double medians[2] = {0, 0};
  for (int column = 0; compiled && column < 2; column++)
    medians[column] = median(measured[column], compiled);
  if (json)
    printf("], \"median_at_4\": %.3f, \"median_at_10\": %.3f, \"compiled\": %zu, "
           "\"of\": %zu}\n",
           medians[0], medians[1], compiled, ROW_COUNT);
  else
    printf("%-24s %8.2f %8.2f   %zu of %zu compiled; at most 25 wanted\n", "median",
           medians[0], medians[1], compiled, ROW_COUNT);
  lossjit_engine_release(held);
  return compiled == ROW_COUNT ? 0 : 1;
}
