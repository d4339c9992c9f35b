/*
 * lossjit test: numeric cases against the kernel and against the interpreter.
 *
 * The tolerance is the case's own. A case is skipped only when the language has no word
 * yet for something in its expression and the catalogue of losses (losses.json beside
 * the cases, if it is there) does not count it to class A, which everything must
 * compile.
 */
#include "cli/cases.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/terminal.h"

#include <math.h>
#include <string.h>

enum verdict { PASSED, FAILED, SKIPPED };

struct tester {
  lossjit_engine *engine;
  const struct cli_case *one; /* the case at hand */
  struct cli_pool *pool;      /* its memory */
  struct cli_error reason;
  struct cli_error note;
  size_t counts[3];
  size_t hessians;
};

/* ---- comparing ------------------------------------------------------------------- */

static bool near(double actual, double expected, const struct cli_case *one)
{
  if (isnan(expected) || isnan(actual))
    return isnan(expected) && isnan(actual);
  if (isinf(expected) || isinf(actual))
    return expected == actual;
  return fabs(actual - expected) <= one->atol + one->rtol * fabs(expected);
}

/* A single value may be given as a number or as a list of one. */
static bool same_shape(const struct cli_array *a, const struct cli_array *b)
{
  if (a->count == 1 && b->count == 1)
    return true;
  return a->rank == b->rank &&
         memcmp(a->sizes, b->sizes, (size_t)a->rank * sizeof *a->sizes) == 0;
}

/* Compare `actual` with what is expected; `what` names both. Elements at kinks that
 * differ are noted, because there sources choose one of several right answers. */
static bool compare(struct tester *tester, const char *what,
                    const struct cli_expected *expected, const struct cli_array *actual)
{
  size_t kinks = 0;
  char is[CLI_NUMBER_SIZE], should_be[CLI_NUMBER_SIZE];
  if (!same_shape(&expected->array, actual))
    return cli_fail(
        &tester->reason, "%s has shape %s, expected %s", what,
        cli_shape_text(tester->pool, actual->rank, actual->sizes),
        cli_shape_text(tester->pool, expected->array.rank, expected->array.sizes));
  for (size_t i = 0; i < actual->count; i++) {
    double value = cli_array_number(actual, i);
    double wanted = cli_array_number(&expected->array, i);
    if (expected->clipped)
      value = value < expected->low    ? expected->low
              : value > expected->high ? expected->high
                                       : value;
    if (expected->left_out[i] || near(value, wanted, tester->one))
      continue;
    if (!expected->kink[i])
      return cli_fail(&tester->reason, "%s: element %zu is %s, expected %s", what, i,
                      cli_number_text(LOSSJIT_F64, value, is),
                      cli_number_text(LOSSJIT_F64, wanted, should_be));
    kinks++;
  }
  if (kinks)
    cli_fail(&tester->note, "%zu element%s at a kink not compared: %s", kinks,
             kinks > 1 ? "s" : "",
             expected->remark ? expected->remark
                              : "the source takes another subgradient");
  return true;
}

/* ---- refusals -------------------------------------------------------------------- */

/* Is this about a word or a construct that the language does not have, rather than
 * about a mistake in the text? */
static bool is_missing_feature(const lossjit_diagnostic *diagnostic)
{
  static const char *const names[] = {"unsupported", "unknown-function",
                                      "unknown-keyword", "not-differentiable"};
  for (size_t i = 0; i < CLI_COUNT(names); i++)
    if (strcmp(diagnostic->name, names[i]) == 0)
      return true;
  return false;
}

static enum verdict refused(struct tester *tester, const struct cli_reading *reading)
{
  size_t count =
      reading->diagnostics ? lossjit_diagnostics_count(reading->diagnostics) : 0;
  const lossjit_diagnostic *shown = NULL;
  for (size_t i = 0; i < count; i++) {
    const lossjit_diagnostic *one = lossjit_diagnostics_get(reading->diagnostics, i);
    if (one->severity == LOSSJIT_ERROR && (!shown || is_missing_feature(one)))
      shown = one;
  }
  if (!shown) {
    cli_fail(&tester->reason, "refused without a diagnostic");
    return FAILED;
  }
  cli_fail(&tester->reason, "%s %s", shown->code, shown->message);
  return tester->one->fit != 'A' && is_missing_feature(shown) ? SKIPPED : FAILED;
}

static enum verdict not_ok(struct tester *tester, lossjit_status status,
                           const char *doing, const struct cli_reading *reading)
{
  char details[240] = "";
  if (status == LOSSJIT_INVALID)
    return refused(tester, reading);
  if (status == LOSSJIT_NO_BACKEND || status == LOSSJIT_INTERNAL)
    lossjit_engine_error(tester->engine, details, sizeof details);
  cli_fail(&tester->reason, "%s: %s%s%s", doing, lossjit_status_text(status),
           *details ? ": " : "", details);
  return FAILED;
}

/* ---- one case -------------------------------------------------------------------- */

/* Values (times weights) that are not zero, or the sum of their weights. */
static double count_nonzero(const struct cli_array *loss,
                            const struct cli_array *weights)
{
  double count = 0;
  for (size_t i = 0; i < loss->count; i++)
    if (cli_array_number(loss, i) != 0)
      count += weights ? cli_array_number(weights, i) : 1;
  return count > 0 ? count : 1;
}

/* Set the reduction; those over non-zero losses need a call first, to count them. */
static lossjit_status set_reduction(struct tester *tester,
                                    struct cli_evaluation *evaluation)
{
  static const lossjit_reduction plain[] = {LOSSJIT_NONE, LOSSJIT_SUM, LOSSJIT_MEAN,
                                            LOSSJIT_MEAN_BY_WEIGHT};
  enum cli_case_reduction reduction = tester->one->reduction;
  if (reduction < CLI_COUNT(plain)) {
    evaluation->reduction = plain[reduction];
    return LOSSJIT_OK;
  }
  struct cli_outcome outcome;
  lossjit_status status = LOSSJIT_OK;
  evaluation->reduction = LOSSJIT_SUM;
  if (reduction == CLI_CASE_BATCH_MEAN) {
    evaluation->denominator = (double)evaluation->reading->batch;
  } else {
    bool weighted = reduction == CLI_CASE_WEIGHTED_MEAN_OVER_NONZERO;
    status = cli_evaluate(tester->pool, evaluation, true, &outcome);
    if (status == LOSSJIT_OK)
      evaluation->denominator =
          count_nonzero(&outcome.loss, weighted ? &evaluation->weights : NULL);
  }
  evaluation->reduction = LOSSJIT_BY_DENOMINATOR;
  return status;
}

static bool check_outcome(struct tester *tester, const char *who,
                          const struct cli_outcome *outcome)
{
  const struct cli_case *one = tester->one;
  char what[40];
  double value = outcome->value;
  struct cli_array reduced = {.dtype = LOSSJIT_F64, .count = 1, .data = &value};
  snprintf(what, sizeof what, "%s: loss", who);
  if (one->expected_loss.array.data &&
      !compare(tester, what, &one->expected_loss,
               one->reduction == CLI_CASE_NONE ? &outcome->loss : &reduced))
    return false;
  snprintf(what, sizeof what, "%s: gradient", who);
  return !outcome->gradient_count ||
         compare(tester, what, &one->expected_gradient, &outcome->gradients[0]);
}

static enum verdict run_kernel(struct tester *tester, struct cli_evaluation *evaluation)
{
  static const char *const names[] = {"kernel", "interpreter"};
  lossjit_status status = cli_specialize(evaluation);
  if (status != LOSSJIT_OK)
    return not_ok(tester, status, "making the kernel", evaluation->reading);
  status = set_reduction(tester, evaluation);
  for (int interpreter = 0; interpreter < 2; interpreter++) {
    struct cli_outcome outcome;
    if (status == LOSSJIT_OK)
      status = cli_evaluate(tester->pool, evaluation, interpreter != 0, &outcome);
    if (status != LOSSJIT_OK)
      return not_ok(tester, status, names[interpreter], evaluation->reading);
    if (check_outcome(tester, names[interpreter], &outcome))
      continue;
    /* Where the source's own rounding to f32 is expected, f64 may miss it. */
    if (!interpreter || tester->one->dtype != LOSSJIT_F32)
      return FAILED;
    cli_fail(&tester->note, "%s, as the source computed it in f32",
             tester->reason.text);
  }
  return PASSED;
}

static enum verdict run_compiled(struct tester *tester,
                                 const struct cli_request *request,
                                 struct cli_reading *reading)
{
  struct cli_evaluation evaluation = {
      .engine = tester->engine,
      .reading = reading,
      .want_gradients = tester->one->expected_gradient.array.data != NULL,
  };
  const struct cli_array *weights = &tester->one->weights;
  if (!cli_bind(tester->pool, request, true, reading, &tester->reason) ||
      (weights->data &&
       !cli_expand_weights(tester->pool, &evaluation, weights, &tester->reason)))
    return FAILED;
  enum verdict verdict = run_kernel(tester, &evaluation);
  lossjit_kernel_release(evaluation.kernel);
  return verdict;
}

static enum verdict run_case(struct tester *tester)
{
  const struct cli_case *one = tester->one;
  struct cli_request request = {
      .engine = tester->engine,
      .text = &one->text,
      .inputs = one->inputs,
      .input_count = one->input_count,
      .result = LOSSJIT_ELEMENTWISE,
      .dtype = one->dtype,
  };
  request.no_gradient = cli_find_input(&request, "y_pred") == NULL;
  struct cli_reading reading;
  enum verdict verdict = cli_compile(tester->pool, &request, &reading)
                             ? run_compiled(tester, &request, &reading)
                             : not_ok(tester, reading.status, "compiling", &reading);
  cli_reading_release(&reading);
  return verdict;
}

/* ---- files ----------------------------------------------------------------------- */

static void test_case(struct tester *tester, const json_t *from,
                      const json_t *catalogue)
{
  static const char *const words[] = {"ok", "FAIL", "skip"};
  static const enum cli_style styles[] = {CLI_GREEN, CLI_RED, CLI_YELLOW};
  struct cli_pool pool = {0};
  struct cli_case one;
  enum verdict verdict = FAILED;
  tester->note.text[0] = '\0';
  tester->pool = &pool;
  tester->one = &one;
  if (cli_read_case(&pool, from, catalogue, &one, &tester->reason))
    verdict = run_case(tester);
  tester->counts[verdict]++;
  tester->hessians += verdict == PASSED && one.has_hessian;
  if (verdict != PASSED)
    printf("%s%s%s %s %s: %s\n", cli_style(stdout, styles[verdict]), words[verdict],
           cli_style(stdout, CLI_PLAIN), one.id, one.loss, tester->reason.text);
  else if (*tester->note.text)
    printf("note %s %s: %s\n", one.id, one.loss, tester->note.text);
  cli_pool_free(&pool);
}

/* The JSON array in a file; NULL after a mistake. */
static json_t *read_list(struct cli_pool *pool, const char *path,
                         struct cli_error *error)
{
  char *bytes;
  size_t length;
  struct cli_error inner;
  if (!cli_read_file(pool, path, CLI_DATA_LIMIT, &bytes, &length, error))
    return NULL;
  json_t *list = cli_read_json(bytes, length, &inner);
  if (list && json_is_array(list))
    return list;
  cli_fail(error, "%s: %s", path, list ? "not a JSON array" : inner.text);
  json_decref(list);
  return NULL;
}

/* losses.json in the folder of the cases; NULL if there is none. */
static json_t *read_catalogue(struct cli_pool *pool, const char *path)
{
  struct cli_error error;
  const char *slash = strrchr(path, '/');
  int folder = slash ? (int)(slash - path) + 1 : 0;
  return read_list(pool, cli_format(pool, "%.*slosses.json", folder, path), &error);
}

static bool test_file(struct tester *tester, const char *path)
{
  struct cli_pool pool = {0};
  struct cli_error error;
  json_t *cases = read_list(&pool, path, &error);
  json_t *catalogue = cases ? read_catalogue(&pool, path) : NULL;
  if (!cases)
    cli_report("%s", error.text);
  for (size_t i = 0; i < json_array_size(cases) && !ferror(stdout); i++)
    test_case(tester, json_array_get(cases, i), catalogue);
  bool ok = cases != NULL;
  json_decref(catalogue);
  json_decref(cases);
  cli_pool_free(&pool);
  return ok;
}

static int run(struct cli *cli)
{
  struct tester tester = {.engine = cli_engine(cli)};
  bool ok = true;
  if (!tester.engine)
    return CLI_USAGE;
  for (size_t i = 0; i < cli->positional_count; i++)
    ok &= test_file(&tester, cli->positional[i]);
  lossjit_engine_release(tester.engine);
  if (tester.hessians)
    printf("note: %zu of these cases also state a Hessian, which is not compared\n",
           tester.hessians);
  printf("%zu passed, %zu failed, %zu skipped\n", tester.counts[PASSED],
         tester.counts[FAILED], tester.counts[SKIPPED]);
  return ok && !tester.counts[FAILED] ? CLI_DONE : CLI_WRONG;
}

static const struct cli_option options[] = {CLI_OPTION_TARGET};

const struct cli_command cli_test = {
    .name = "test",
    .summary = "numeric cases against the kernel and the interpreter",
    .usage = "CASES.json...",
    .details =
        "Each case states an expression, inputs, a reduction, the expected loss and maybe\n"
        "the expected gradient, and a tolerance; the fields are described with the cases.\n"
        "Failed and skipped cases are listed with the reason; the last line counts. The\n"
        "exit status is 1 if a case failed.\n"
        "\n"
        "Examples:\n"
        "  lossjit test cases.json\n"
        "  lossjit test cases.json --target baseline\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .least = 1,
    .most = SIZE_MAX,
    .run = run,
};
