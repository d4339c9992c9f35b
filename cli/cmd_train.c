/*
 * lossjit train: a network from a model file, with the training runtime.
 *
 * One line per epoch. On a terminal the line is rewritten in place and only the last
 * one stays; into a file or a pipe every epoch is a line of its own, at once.
 */
#include "cli/history.h"
#include "cli/terminal.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct progress {
  bool rewrite;
  bool open_line; /* a line was begun that the next one replaces */
  struct cli_history history;
};

/* ---- options --------------------------------------------------------------------- */

/* The whole number that was given for an option, from `least` to `most`; `*number`
 * stays as it is if none was. */
static bool whole_option(const struct cli *cli, const char *name, uint64_t least,
                         uint64_t most, uint64_t *number)
{
  const char *value = cli_value(cli, name);
  char *behind;
  if (!value)
    return true;
  errno = 0;
  uint64_t given = strtoull(value, &behind, 10);
  if (isdigit((unsigned char)*value) && !*behind && !errno && given >= least &&
      given <= most) {
    *number = given;
    return true;
  }
  cli_usage(cli, "--%s %s: expected a whole number from %llu to %llu", name, value,
            (unsigned long long)least, (unsigned long long)most);
  return false;
}

static bool rate_option(const struct cli *cli, double *rate)
{
  const char *value = cli_value(cli, "learning-rate");
  char *behind;
  if (!value)
    return true;
  *rate = strtod(value, &behind);
  if (behind != value && !*behind && isfinite(*rate) && *rate > 0)
    return true;
  cli_usage(cli, "--learning-rate %s: expected a number above 0", value);
  return false;
}

static bool read_options(const struct cli *cli, lossjit_train_overrides *overrides,
                         uint64_t *seed)
{
  uint64_t epochs = 0, batch_size = 0;
  bool ok = whole_option(cli, "epochs", 1, 1000000000, &epochs) &&
            whole_option(cli, "batch-size", 1, 1 << 24, &batch_size) &&
            whole_option(cli, "seed", 0, INT64_MAX, seed) &&
            rate_option(cli, &overrides->learning_rate);
  overrides->epochs = (size_t)epochs;
  overrides->batch_size = (size_t)batch_size;
  overrides->seed = cli_value(cli, "seed") ? seed : NULL;
  return ok;
}

/* ---- what is told ---------------------------------------------------------------- */

static void started(void *user, const lossjit_model *model, size_t training_rows,
                    size_t validation_rows)
{
  char summary[4096];
  (void)user;
  lossjit_model_summary(model, summary, sizeof summary);
  size_t length = strlen(summary);
  printf("%s%s%zu rows for training, %zu for validation\n", summary,
         length && summary[length - 1] != '\n' ? "\n" : "", training_rows,
         validation_rows);
  fflush(stdout);
}

static void show_warning(void *user, const char *line)
{
  (void)user;
  cli_warn("%s", line);
}

/* Ends the training when nobody can read its progress any more. */
static int show_progress(void *user, const lossjit_progress *progress)
{
  struct progress *state = user;
  if (state->history.rows)
    cli_history_add(&state->history, progress->model, progress->epoch);
  if (state->rewrite)
    printf("\r%.*s\x1b[K", cli_terminal_width(stdout) - 1, progress->line);
  else
    puts(progress->line);
  state->open_line = state->rewrite;
  return fflush(stdout) != 0;
}

/* ---- the command ----------------------------------------------------------------- */

static int train(const char *path, lossjit_engine *engine,
                 const lossjit_train_overrides *overrides, struct progress *state)
{
  lossjit_train_hooks hooks = {.overrides = overrides,
                               .warning = show_warning,
                               .started = started,
                               .progress = show_progress,
                               .user = state};
  lossjit_model *model = NULL;
  lossjit_train_error error;
  lossjit_status status = lossjit_train_file(engine, path, &hooks, &model, &error);
  if (state->open_line)
    putchar('\n');
  if (status != LOSSJIT_OK) {
    cli_report("%s", *error.text ? error.text : lossjit_status_text(status));
    return status == LOSSJIT_INTERNAL ? CLI_BUG : CLI_WRONG;
  }
  const lossjit_history *history = lossjit_model_history(model);
  if (history->seconds > 0)
    printf("%zu steps in %.2f s, %.0f steps/s\n", history->steps, history->seconds,
           (double)history->steps / history->seconds);
  lossjit_model_release(model);
  return CLI_DONE;
}

/* Train with the history, if one is wanted: also of a training that failed. */
static int train_with_history(struct cli *cli, lossjit_engine *engine,
                              const lossjit_train_overrides *overrides)
{
  struct progress state = {.rewrite = cli_is_terminal(stdout)};
  const char *path = cli_value(cli, "history");
  struct cli_error error;
  if (path && !cli_history_begin(&cli->pool, &state.history, path, &error)) {
    cli_report("%s", error.text);
    return CLI_WRONG;
  }
  int status = train(cli->positional[0], engine, overrides, &state);
  if (cli_history_end(&cli->pool, &state.history, &error))
    return status;
  cli_report("%s", error.text);
  return status == CLI_DONE ? CLI_WRONG : status;
}

static int run(struct cli *cli)
{
  lossjit_train_overrides overrides = {0};
  lossjit_engine *engine;
  uint64_t seed = 0;
  if (!read_options(cli, &overrides, &seed))
    return CLI_USAGE;
  lossjit_status status = lossjit_engine_create(NULL, &engine);
  if (status != LOSSJIT_OK)
    return cli_report_status(NULL, status, "starting");
  int result = train_with_history(cli, engine, &overrides);
  lossjit_engine_release(engine);
  return result;
}

static const struct cli_option options[] = {
    {"epochs", 0, CLI_VALUE, "N", "instead of what the file says, as the next three"},
    {"batch-size", 0, CLI_VALUE, "N", "samples of a mini-batch"},
    {"learning-rate", 0, CLI_VALUE, "X", "of the optimizer"},
    {"seed", 0, CLI_VALUE, "N", "of the weights and the order of samples"},
    {"history", 0, CLI_VALUE, "FILE.csv",
     "loss and metrics of every finished epoch; written\n"
     "as a whole at the end"},
};

const struct cli_command cli_train = {
    .name = "train",
    .summary = "train a network that a file describes",
    .usage = "MODEL.json [--epochs N] [--batch-size N] [--learning-rate X] [--seed N]\n"
             "       [--history FILE.csv]",
    .details =
        "MODEL.json names a CSV file, its columns, the layers, the loss (any expression),\n"
        "the optimizer and how long to train; paths are relative to it. Names are those of\n"
        "Keras.\n"
        "\n"
        "  {\"data\": \"auto_mpg.csv\", \"targets\": [\"mpg\", \"acceleration\"],\n"
        "   \"standardize\": true, \"validation_split\": 0.2,\n"
        "   \"layers\": [{\"units\": 50, \"activation\": \"relu\"}, {\"units\": 2}],\n"
        "   \"loss\": \"sum(square(y_pred - y_true) * [0.3, 0.7], axis=1)\",\n"
        "   \"optimizer\": {\"name\": \"adam\", \"learning_rate\": 0.001},\n"
        "   \"epochs\": 100, \"batch_size\": 32}\n"
        "\n"
        "Examples:\n"
        "  lossjit train examples/auto_mpg.json\n"
        "  lossjit train examples/digits.json --epochs 5 --history digits.csv\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .least = 1,
    .most = 1,
    .run = run,
};
