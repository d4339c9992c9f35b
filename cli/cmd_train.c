/*
 * lossjit train: a network from a model file, with the training runtime.
 *
 * One line per epoch. On a terminal the line is rewritten in place and only the last
 * one stays; into a file or a pipe every epoch is a line of its own, at once.
 */
#include "cli/cli.h"
#include "cli/terminal.h"

#include "lossjit_train.h"

#include <string.h>

struct progress {
  bool rewrite;
  bool open_line; /* a line was begun that the next one replaces */
};

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

/* Ends the training when nobody can read its progress any more. */
static int show_progress(void *user, const lossjit_progress *progress)
{
  struct progress *state = user;
  if (state->rewrite)
    printf("\r%.*s\x1b[K", cli_terminal_width(stdout) - 1, progress->line);
  else
    puts(progress->line);
  state->open_line = state->rewrite;
  return fflush(stdout) != 0;
}

static int train(const char *path, lossjit_engine *engine)
{
  struct progress state = {.rewrite = cli_is_terminal(stdout)};
  lossjit_train_hooks hooks = {
      .started = started, .progress = show_progress, .user = &state};
  lossjit_model *model = NULL;
  lossjit_train_error error;
  lossjit_status status = lossjit_train_file(engine, path, &hooks, &model, &error);
  if (state.open_line)
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

static int run(struct cli *cli)
{
  lossjit_engine *engine;
  lossjit_status status = lossjit_engine_create(NULL, &engine);
  if (status != LOSSJIT_OK)
    return cli_report_status(NULL, status, "starting");
  int result = train(cli->positional[0], engine);
  lossjit_engine_release(engine);
  return result;
}

const struct cli_command cli_train = {
    .name = "train",
    .summary = "train a network that a file describes",
    .usage = "MODEL.json",
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
        "  lossjit train examples/auto_mpg.json\n",
    .least = 1,
    .most = 1,
    .run = run,
};
