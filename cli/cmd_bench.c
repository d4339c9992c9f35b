/*
 * lossjit bench: how long compiling and calling a loss takes.
 *
 * Compiling is measured in fresh engines of a warm process, which is what a program
 * meets that compiles its second loss. A call computes loss and gradient, and is
 * compared with moving as many bytes (stopwatch.h). What was measured is then checked
 * against the interpreter: a fast wrong answer is no result.
 */
#include "cli/bench.h"
#include "cli/output.h"
#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>

#define COMPILES 9 /* fresh compiles; the one of median length is reported */

/* ---- measuring ------------------------------------------------------------------- */

/* One compile from the text to a kernel, in an engine of its own. */
static int compile_once(struct bench *bench, lossjit_compile_times *times)
{
  struct cli_pool pool = {0};
  struct cli_request request = bench->request;
  struct cli_reading reading = {0};
  struct cli_error error;
  request.engine = cli_engine(bench->cli);
  if (!request.engine)
    return CLI_USAGE;
  struct cli_evaluation evaluation = bench->evaluation;
  evaluation.engine = request.engine;
  evaluation.reading = &reading;
  evaluation.kernel = NULL;
  double begin = cli_now_ns();
  bool ok = cli_compile(&pool, &request, &reading) &&
            cli_bind(&pool, &request, false, &reading, &error) &&
            cli_specialize(&evaluation) == LOSSJIT_OK;
  double total = (cli_now_ns() - begin) / 1e6;
  if (ok)
    lossjit_kernel_times(evaluation.kernel, times);
  times->total = total;
  lossjit_kernel_release(evaluation.kernel);
  cli_reading_release(&reading);
  lossjit_engine_release(request.engine);
  cli_pool_free(&pool);
  return ok ? CLI_DONE : CLI_BUG;
}

static int compare_totals(const void *a, const void *b)
{
  double x = ((const lossjit_compile_times *)a)->total;
  double y = ((const lossjit_compile_times *)b)->total;
  return (x > y) - (x < y);
}

/* All phases are of one compile, the one in the middle, so that they sum up. */
static int time_compile(struct bench *bench)
{
  lossjit_compile_times runs[COMPILES] = {{0}};
  for (size_t i = 0; i < COMPILES; i++) {
    int status = compile_once(bench, &runs[i]);
    if (status != CLI_DONE)
      return status;
  }
  qsort(runs, COMPILES, sizeof *runs, compare_totals);
  bench->compile = runs[COMPILES / 2];
  return CLI_DONE;
}

struct timed_call {
  lossjit_kernel *kernel;
  lossjit_call call;
};

static void call_kernel(void *user)
{
  struct timed_call *timed = user;
  lossjit_kernel_call(timed->kernel, &timed->call);
}

static void time_call(struct bench *bench)
{
  struct cli_pool *pool = &bench->cli->pool;
  struct cli_reading *reading = &bench->reading;
  struct cli_outcome *outcome = &bench->outcome;
  lossjit_array *inputs = CLI_NEW_ARRAY(pool, lossjit_array, reading->input_count);
  lossjit_array *gradients =
      CLI_NEW_ARRAY(pool, lossjit_array, outcome->gradient_count);
  for (size_t i = 0; i < reading->input_count; i++)
    inputs[i].data = reading->arrays[i].data;
  for (size_t i = 0; i < outcome->gradient_count; i++)
    gradients[i].data = outcome->gradients[i].data;
  struct timed_call timed = {bench->evaluation.kernel,
                             {.batch = reading->batch,
                              .inputs = inputs,
                              .parameters = reading->parameters,
                              .reduction = LOSSJIT_SUM,
                              .loss = {.data = outcome->loss.data},
                              .gradients = gradients}};
  cli_time_beside_copy(pool, call_kernel, &timed, bench->bytes, &bench->timing,
                       &bench->copy);
}

static size_t array_bytes(const struct cli_array *array)
{
  return array->count * lossjit_dtype_size(array->dtype);
}

static void count_bytes(struct bench *bench)
{
  bench->bytes = array_bytes(&bench->outcome.loss);
  for (size_t i = 0; i < bench->reading.input_count; i++)
    bench->bytes += array_bytes(&bench->reading.arrays[i]);
  for (size_t i = 0; i < bench->outcome.gradient_count; i++)
    bench->bytes += array_bytes(&bench->outcome.gradients[i]);
  bench->elements = bench->outcome.gradients[0].count;
}

/* ---- results --------------------------------------------------------------------- */

static double per(double a, double b)
{
  return b > 0 ? a / b : 0;
}

struct phase {
  const char *name;
  double ms;
};
enum { PHASES = 7 };

/* What a kernel's times tell, what is left of the total (checking the text before the
 * sizes are known, mostly), and the total. */
static void list_phases(const struct bench *bench, struct phase phases[PHASES])
{
  const lossjit_compile_times *times = &bench->compile;
  const struct phase all[PHASES] = {{"check", times->check}, {"plan", times->plan},
                                    {"emit", times->emit},   {"object", times->object},
                                    {"load", times->load},   {"rest", times->total},
                                    {"total", times->total}};
  memcpy(phases, all, sizeof all);
  for (size_t i = 0; i + 2 < PHASES; i++)
    phases[PHASES - 2].ms -= phases[i].ms;
}

static void print_json(const struct bench *bench)
{
  const struct cli_reading *reading = &bench->reading;
  double speed = per((double)bench->bytes, bench->timing.best_ns);
  double copy = per((double)bench->bytes, bench->copy.best_ns);
  struct phase phases[PHASES];
  list_phases(bench, phases);
  fputs("{\"expr\": ", stdout);
  cli_json_write_string(stdout, bench->text.text);
  fputs(", \"shape\": {", stdout);
  for (size_t i = 0; i < reading->input_count; i++) {
    const struct cli_array *array = &reading->arrays[i];
    printf("%s\"%s\": [", i ? ", " : "", reading->shapes[i].name);
    for (int32_t k = 0; k < array->rank; k++)
      printf("%s%lld", k ? ", " : "", (long long)array->sizes[k]);
    putchar(']');
  }
  printf("}, \"dtype\": \"%s\", \"threads\": 1, \"compile_ms\": {",
         lossjit_dtype_name(bench->request.dtype));
  for (size_t i = 0; i < PHASES; i++)
    printf("%s\"%s\": %.3f", i ? ", " : "", phases[i].name, phases[i].ms);
  printf(
      "}, \"call_ns\": %.1f, \"ns_per_element\": %.4f, \"bytes\": %zu, "
      "\"gb_per_s\": %.3f, \"copy_gb_per_s\": %.3f, \"of_copy\": %.3f, \"checked\": %s}\n",
      bench->timing.best_ns, per(bench->timing.best_ns, (double)bench->elements),
      bench->bytes, speed, copy, per(speed, copy), bench->checked ? "true" : "false");
}

static void print_people(const struct bench *bench)
{
  double elements = (double)bench->elements, bytes = (double)bench->bytes;
  struct phase phases[PHASES];
  list_phases(bench, phases);
  printf("compile   %8.2f ms  (", phases[PHASES - 1].ms);
  for (size_t i = 0; i + 1 < PHASES; i++)
    printf("%s%s %.2f", i ? ", " : "", phases[i].name, phases[i].ms);
  printf(")\ncall      %8.3f us  (median %.3f us), %.4f ns per element\n",
         bench->timing.best_ns / 1e3, bench->timing.median_ns / 1e3,
         per(bench->timing.best_ns, elements));
  printf("memory    %8.2f GB/s over %zu bytes, read and written once\n",
         per(bytes, bench->timing.best_ns), bench->bytes);
  printf("copy      %8.2f GB/s (median %.2f GB/s): the call runs at %.0f %% of it\n",
         per(bytes, bench->copy.best_ns), per(bytes, bench->copy.median_ns),
         100 * per(bench->copy.best_ns, bench->timing.best_ns));
  printf("checked   %s\n", bench->checked ? "against the interpreter" : "FAILED");
}

/* ---- the command ----------------------------------------------------------------- */

static int compile_and_bind(struct bench *bench)
{
  struct cli_error error;
  cli_reading_release(&bench->reading);
  int status = cli_compile_or_report(bench->cli, &bench->request, &bench->reading);
  if (status != CLI_DONE)
    return status;
  if (cli_bind(&bench->cli->pool, &bench->request, false, &bench->reading, &error))
    return CLI_DONE;
  cli_report("%s", error.text);
  return CLI_WRONG;
}

static int measure(struct bench *bench)
{
  lossjit_status status = cli_bench_choose_inputs(bench);
  if (status != LOSSJIT_OK)
    return cli_report_status(bench->request.engine, status, "calling the kernel");
  count_bytes(bench);
  status = cli_bench_check(bench);
  if (status != LOSSJIT_OK)
    return cli_report_status(bench->request.engine, status, "checking the kernel");
  int compiled = time_compile(bench);
  if (compiled != CLI_DONE)
    return compiled;
  time_call(bench);
  if (cli_value(bench->cli, "json"))
    print_json(bench);
  else
    print_people(bench);
  if (!bench->checked)
    cli_report("kernel and interpreter disagree");
  return bench->checked ? CLI_DONE : CLI_BUG;
}

static int run_bench(struct bench *bench)
{
  int status = compile_and_bind(bench);
  if (status == CLI_DONE)
    status = cli_check_names(bench->cli, &bench->request, &bench->reading);
  if (status == CLI_DONE)
    status = cli_bench_complete_shapes(bench);
  if (status == CLI_DONE)
    status = compile_and_bind(bench);
  if (status == CLI_DONE)
    status = cli_bench_make_inputs(bench);
  if (status == CLI_DONE)
    status = cli_specialize_or_report(&bench->evaluation);
  return status == CLI_DONE ? measure(bench) : status;
}

static int run(struct cli *cli)
{
  struct bench bench = {.cli = cli};
  const char *threads = cli_value(cli, "threads");
  if (threads && strcmp(threads, "1") != 0)
    return cli_usage(cli, "--threads %s: a call runs on one thread: 1", threads);
  bench.request.dtype = cli_dtype_option(cli);
  if (!bench.request.dtype ||
      !cli_shapes(cli, bench.request.dtype, &bench.request.inputs,
                  &bench.request.input_count))
    return CLI_USAGE;
  if (bench.request.input_count == 0)
    return cli_usage(cli, "sizes are missing: give --shape y_pred=65536,2");
  if (!cli_read_expression(cli, cli->positional[0], &bench.text))
    return CLI_WRONG;
  bench.request.engine = cli_engine(cli);
  if (!bench.request.engine)
    return CLI_USAGE;
  bench.request.text = &bench.text;
  bench.evaluation = (struct cli_evaluation){.engine = bench.request.engine,
                                             .reading = &bench.reading,
                                             .want_gradients = true,
                                             .no_value = true,
                                             .reduction = LOSSJIT_SUM};
  int status = run_bench(&bench);
  lossjit_kernel_release(bench.evaluation.kernel);
  cli_reading_release(&bench.reading);
  lossjit_engine_release(bench.request.engine);
  return status;
}

static const struct cli_option options[] = {
    CLI_OPTION_SHAPE,
    {"threads", 0, CLI_VALUE, "1", "threads of a call: one, so far the only choice"},
    CLI_OPTION_DTYPE,
    CLI_OPTION_TARGET,
    {"json", 0, CLI_FLAG, NULL, "one JSON object with the figures"},
};

const struct cli_command cli_bench = {
    .name = "bench",
    .summary = "how long compiling and calling a loss takes",
    .usage = "EXPR --shape NAME=B,n [--shape ...] [--threads 1] [--dtype f32|f64]\n"
             "       [--target CPU] [--json]",
    .details =
        "EXPR is the expression, @FILE, or - for standard input. Shapes that are not given\n"
        "are like that of y_pred. A call computes loss and gradient on one thread. Times are\n"
        "the best of interleaved rounds, those of compiling the median of fresh compiles.\n"
        "\n"
        "Examples:\n"
        "  lossjit bench 'sum(square(y_pred - y_true) * [0.3, 0.7], axis=1)' \\\n"
        "      --shape y_pred=65536,2\n"
        "  lossjit bench 'categorical_crossentropy(y_true, softmax(y_pred, axis=-1))' \\\n"
        "      --shape y_pred=65536,10 --json\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .least = 1,
    .most = 1,
    .run = run,
};
