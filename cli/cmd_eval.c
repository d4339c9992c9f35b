/*
 * lossjit eval: loss and gradient of an expression on given data.
 */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/terminal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct eval {
  struct cli *cli;
  struct cli_text text;
  struct cli_request request;
  struct cli_reading reading;
  struct cli_evaluation evaluation;
  struct cli_outcome outcome;
  const struct cli_array *weights; /* sample_weight=..., if the text does not use it */
};

/* ---- arguments ------------------------------------------------------------------- */

/* "y_pred,w" as it stands behind --grad= */
static bool is_name_list(const char *text)
{
  return *text &&
         text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                           "0123456789_,")] == '\0';
}

/* An argument that is no NAME=DATA; what follows "--grad" and a space is one. */
static int no_data(struct cli *cli, const char *argument)
{
  const char *grad = cli_value(cli, "grad");
  const char *names = is_name_list(argument) ? argument : cli->positional[0];
  if (grad && !*grad && is_name_list(names))
    return cli_usage(cli,
                     "'%s': expected NAME=DATA; names of gradients follow an equals "
                     "sign: --grad=%s",
                     argument, names);
  return cli_usage(cli, "'%s': expected NAME=DATA", argument);
}

static int read_inputs(struct eval *eval)
{
  struct cli *cli = eval->cli;
  struct cli_request *request = &eval->request;
  struct cli_input *inputs =
      CLI_NEW_ARRAY(&cli->pool, struct cli_input, cli->positional_count);
  request->inputs = inputs;
  for (size_t i = 1; i < cli->positional_count; i++) {
    char *name;
    const char *data;
    struct cli_array array;
    struct cli_error error;
    if (!cli_split_name(cli, cli->positional[i], &name, &data))
      return no_data(cli, cli->positional[i]);
    if (cli_find_input(request, name))
      return cli_usage(cli, "%s is given twice", name);
    if (!cli_read_data(&cli->pool, data, &array, &error)) {
      cli_report("%s: %s", name, error.text);
      return CLI_WRONG;
    }
    if (array.count == 0) {
      cli_report("%s: the array is empty: its shape is %s", name,
                 cli_shape_text(&cli->pool, array.rank, array.sizes));
      return CLI_WRONG;
    }
    cli_input_from_array(&inputs[request->input_count++], name, &array, request->dtype);
  }
  return CLI_DONE;
}

/* "a,b" as names; nothing gives y_pred. */
static void read_gradient_names(struct eval *eval, const char *names)
{
  size_t count = 0;
  const char **list = CLI_NEW_ARRAY(&eval->cli->pool, const char *, strlen(names) + 1);
  while (*names) {
    size_t length = strcspn(names, ",");
    if (length)
      list[count++] = cli_copy(&eval->cli->pool, names, length);
    names += length + (names[length] == ',');
  }
  eval->request.gradients = count ? list : NULL;
  eval->request.gradient_count = count;
}

static int read_arguments(struct eval *eval)
{
  static const char *const reductions[] = {"none", "sum", "mean"};
  struct cli *cli = eval->cli;
  int reduction = cli_choice(cli, "reduction", reductions, CLI_COUNT(reductions), 0);
  eval->request.dtype = cli_dtype_option(cli);
  if (reduction < 0 || !eval->request.dtype)
    return CLI_USAGE;
  /* The gradient of `none` is that of the sum, and so is the value. */
  eval->evaluation.reduction = reduction == 2 ? LOSSJIT_MEAN : LOSSJIT_SUM;
  const char *names = cli_value(cli, "grad");
  eval->evaluation.want_gradients = names != NULL;
  cli_no_gradient_option(cli, &eval->request);
  if (names && eval->request.no_gradient)
    return cli_usage(cli, "--grad and --no-gradient exclude each other");
  read_gradient_names(eval, names ? names : "");
  int status = read_inputs(eval);
  if (status != CLI_DONE)
    return status;
  return cli_read_expression(cli, cli->positional[0], &eval->text) ? CLI_DONE
                                                                   : CLI_WRONG;
}

/* sample_weight means the weights, if the text does not use that name itself. */
static void find_weights(struct eval *eval)
{
  const struct cli_input *input = cli_find_input(&eval->request, "sample_weight");
  if (input && !cli_text_mentions(&eval->text, input->name))
    eval->weights = &input->array;
}

/* ---- results --------------------------------------------------------------------- */

static void print_json(const struct cli_outcome *outcome)
{
  fputs("{\"value\": ", stdout);
  cli_json_write_number(stdout, LOSSJIT_F64, outcome->value);
  fputs(", \"loss\": ", stdout);
  cli_json_write_array(stdout, &outcome->loss);
  for (size_t i = 0; i < outcome->gradient_count; i++) {
    fputs(i ? ", " : ", \"grad\": {", stdout);
    cli_json_write_string(stdout, outcome->gradient_names[i]);
    fputs(": ", stdout);
    cli_json_write_array(stdout, &outcome->gradients[i]);
  }
  fputs(outcome->gradient_count ? "}}\n" : "}\n", stdout);
}

static void print_one(struct cli *cli, const char *title, const struct cli_array *array)
{
  printf("%s%s%s  %s%s\n", cli_style(stdout, CLI_BOLD), title,
         cli_style(stdout, CLI_PLAIN), lossjit_dtype_name(array->dtype),
         cli_shape_text(&cli->pool, array->rank, array->sizes));
  cli_print_array(stdout, array);
}

static void print_people(struct eval *eval)
{
  const struct cli_outcome *outcome = &eval->outcome;
  char text[CLI_NUMBER_SIZE];
  print_one(eval->cli, "loss", &outcome->loss);
  printf("%s%s%s  %s\n", cli_style(stdout, CLI_BOLD),
         eval->evaluation.reduction == LOSSJIT_MEAN ? "mean" : "sum",
         cli_style(stdout, CLI_PLAIN),
         cli_number_text(LOSSJIT_F64, outcome->value, text));
  for (size_t i = 0; i < outcome->gradient_count; i++)
    print_one(eval->cli,
              cli_format(&eval->cli->pool, "grad %s", outcome->gradient_names[i]),
              &outcome->gradients[i]);
}

static int write_files(struct eval *eval, const char *folder)
{
  struct cli_pool *pool = &eval->cli->pool;
  const struct cli_outcome *outcome = &eval->outcome;
  struct cli_error error;
  if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
    cli_report("%s: %s", folder, strerror(errno));
    return CLI_WRONG;
  }
  bool ok =
      cli_write_npy(cli_format(pool, "%s/loss.npy", folder), &outcome->loss, &error);
  for (size_t i = 0; ok && i < outcome->gradient_count; i++)
    ok = cli_write_npy(
        cli_format(pool, "%s/grad_%s.npy", folder, outcome->gradient_names[i]),
        &outcome->gradients[i], &error);
  if (!ok)
    cli_report("%s", error.text);
  return ok ? CLI_DONE : CLI_WRONG;
}

static int show_results(struct eval *eval)
{
  const char *folder = cli_value(eval->cli, "output");
  if (folder && write_files(eval, folder) != CLI_DONE)
    return CLI_WRONG;
  if (cli_value(eval->cli, "json"))
    print_json(&eval->outcome);
  else
    print_people(eval);
  return CLI_DONE;
}

/* ---- the command ----------------------------------------------------------------- */

static int bind(struct eval *eval)
{
  struct cli_pool *pool = &eval->cli->pool;
  struct cli_error error;
  bool ok = cli_bind(pool, &eval->request, true, &eval->reading, &error);
  if (ok && eval->weights)
    ok = cli_expand_weights(pool, &eval->evaluation, eval->weights, &error);
  if (!ok)
    cli_report("%s", error.text);
  return ok ? CLI_DONE : CLI_WRONG;
}

static int call(struct eval *eval)
{
  bool interpreter = cli_value(eval->cli, "interpreter") != NULL;
  lossjit_status status =
      cli_evaluate(&eval->cli->pool, &eval->evaluation, interpreter, &eval->outcome);
  if (status == LOSSJIT_OK)
    return CLI_DONE;
  if (status != LOSSJIT_LABEL_RANGE)
    return cli_report_status(eval->request.engine, status, "calling the kernel");
  cli_report("%s (sample %.0f)", lossjit_status_text(status), eval->outcome.value);
  return CLI_WRONG;
}

static int evaluate(struct eval *eval)
{
  int status = cli_check_gradient_names(eval->cli, &eval->request);
  if (status != CLI_DONE)
    return status;
  status = cli_compile_or_report(eval->cli, &eval->request, &eval->reading);
  if (status == CLI_DONE)
    status = cli_check_names(eval->cli, &eval->request, &eval->reading);
  if (status == CLI_DONE)
    status = bind(eval);
  if (status == CLI_DONE)
    status = cli_specialize_or_report(&eval->evaluation);
  if (status == CLI_DONE)
    status = call(eval);
  if (status == CLI_DONE)
    status = show_results(eval);
  lossjit_kernel_release(eval->evaluation.kernel);
  cli_reading_release(&eval->reading);
  return status;
}

static int run(struct cli *cli)
{
  struct eval eval = {.cli = cli};
  int status = read_arguments(&eval);
  if (status != CLI_DONE)
    return status;
  find_weights(&eval);
  eval.request.engine = cli_engine(cli);
  if (!eval.request.engine)
    return CLI_USAGE;
  eval.request.text = &eval.text;
  eval.evaluation.engine = eval.request.engine;
  eval.evaluation.reading = &eval.reading;
  status = evaluate(&eval);
  lossjit_engine_release(eval.request.engine);
  return status;
}

static const struct cli_option options[] = {
    {"grad", 0, CLI_OPTIONAL, "NAMES", "also the gradient, by these inputs (y_pred)"},
    {"reduction", 0, CLI_VALUE, "WORD",
     "none, sum or mean: what the value, and the\n"
     "gradient, are of (none: the gradient of the sum)"},
    CLI_OPTION_NO_GRADIENT,
    CLI_OPTION_DTYPE,
    {"interpreter", 0, CLI_FLAG, NULL,
     "the f64 reference interpreter instead of the kernel"},
    {"json", 0, CLI_FLAG, NULL, "one JSON object: value, loss, grad"},
    {"output", 'o', CLI_VALUE, "DIR", "also write DIR/loss.npy and DIR/grad_NAME.npy"},
    CLI_OPTION_TARGET,
};

const struct cli_command cli_eval = {
    .name = "eval",
    .summary = "loss and gradient of an expression on given data",
    .usage =
        "EXPR NAME=DATA... [--grad[=NAMES]] [--reduction none|sum|mean]\n"
        "       [--no-gradient] [--dtype f32|f64] [--interpreter] [--json] [-o DIR]",
    .details =
        "EXPR is the expression, @FILE, or - for standard input. DATA is a number, a JSON\n"
        "array, @FILE.npy, @FILE.csv or @FILE.json; non-finite numbers in JSON are \"inf\",\n"
        "\"-inf\" and \"nan\". A CSV file of one column has shape (rows,), of several\n"
        "(rows, columns).\n"
        "\n"
        "The data declares what the text does not; for a name that the expression does not\n"
        "take it is an error. The batch is the leading size of y_pred; other arrays of that\n"
        "leading size belong to the batch too if the expression compiles so. A plain number\n"
        "sets a parameter. sample_weight=DATA weights the samples, unless the expression uses\n"
        "that name itself.\n"
        "\n"
        "Examples:\n"
        "  lossjit eval 'sum(square(y_pred - y_true) * [0.3, 0.7], axis=1)' \\\n"
        "      'y_pred=[[1, 2], [3, 4]]' 'y_true=[[0, 2], [3, 1]]' --grad\n"
        "  lossjit eval '-gather(log_softmax(y_pred, axis=-1), y_true)' \\\n"
        "      y_pred=@logits.npy y_true=@labels.csv --reduction mean --grad --json\n"
        "  lossjit eval 'maximum(tau*(y_true - y_pred), (tau - 1)*(y_true - y_pred))' \\\n"
        "      'y_pred=[1, 2, 3]' 'y_true=[2, 2, 2]' tau=0.9\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .least = 1,
    .most = SIZE_MAX,
    .run = run,
};
