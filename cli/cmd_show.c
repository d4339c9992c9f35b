/*
 * lossjit show: the stages an expression goes through, as text.
 *
 * The stages up to the gradient belong to the expression alone; plan, LLVM IR and
 * assembly belong to a kernel and need the inner sizes, from the text or from --shape.
 */
#include "cli/command.h"
#include "cli/terminal.h"

#include <string.h>

struct show {
  struct cli *cli;
  struct cli_text text;
  struct cli_request request;
  struct cli_reading reading;
  struct cli_evaluation evaluation;
  bool wanted[LOSSJIT_STAGE_COUNT];
  bool by_default; /* no --stage: kernel stages only if they come for free */
  int stage_count;
};

static bool is_kernel_stage(int stage)
{
  return stage >= LOSSJIT_STAGE_PLAN;
}

static int unknown_stage(struct cli *cli, const char *word)
{
  char list[160] = "";
  for (int i = 0; i < LOSSJIT_STAGE_COUNT; i++)
    snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "",
             lossjit_stage_name((lossjit_stage)i));
  return cli_usage(cli, "--stage %s: expected one or more of %s", word, list);
}

/* --stage tree,gradient; repeated options add up. */
static int read_stages(struct show *show)
{
  struct cli *cli = show->cli;
  for (size_t i = 0; i < cli->given_count; i++) {
    const char *rest = cli->given[i].value;
    if (strcmp(cli->given[i].option->name, "stage") != 0)
      continue;
    do {
      size_t length = strcspn(rest, ",");
      int stage = 0;
      while (stage < LOSSJIT_STAGE_COUNT &&
             (strlen(lossjit_stage_name((lossjit_stage)stage)) != length ||
              strncmp(lossjit_stage_name((lossjit_stage)stage), rest, length) != 0))
        stage++;
      if (stage == LOSSJIT_STAGE_COUNT)
        return unknown_stage(cli, cli->given[i].value);
      show->stage_count += !show->wanted[stage];
      show->wanted[stage] = true;
      rest += length;
    } while (*rest++ == ',');
  }
  bool has_gradient = !show->request.no_gradient;
  show->by_default = show->stage_count == 0;
  for (int stage = 0; show->by_default && stage <= LOSSJIT_STAGE_PLAN; stage++) {
    show->wanted[stage] = stage != LOSSJIT_STAGE_GRADIENT || has_gradient;
    show->stage_count += show->wanted[stage];
  }
  return show->wanted[LOSSJIT_STAGE_GRADIENT] && !has_gradient
             ? cli_usage(cli, "--no-gradient leaves no gradient to show")
             : CLI_DONE;
}

/* The first input with a size that nobody has given; NULL if there is none. */
static const lossjit_input *open_input(const struct cli_reading *reading)
{
  for (size_t i = 0; i < reading->input_count; i++)
    for (int32_t k = 0; k < reading->shapes[i].rank; k++)
      if (reading->shapes[i].sizes[k] == LOSSJIT_ANY)
        return &reading->shapes[i];
  return NULL;
}

static int make_kernel(struct show *show)
{
  bool needed = false;
  for (int stage = LOSSJIT_STAGE_PLAN; stage < LOSSJIT_STAGE_COUNT; stage++)
    needed |= show->wanted[stage];
  const lossjit_input *open = open_input(&show->reading);
  if (!needed)
    return CLI_DONE;
  if (!open)
    return cli_specialize_or_report(&show->evaluation);
  if (show->by_default) {
    show->wanted[LOSSJIT_STAGE_PLAN] = false;
    return CLI_DONE;
  }
  return cli_usage(show->cli,
                   "the sizes of %s are not all known: give --shape %s=batch,...",
                   cli_input_text(&show->cli->pool, open), open->name);
}

static int print_stage(struct show *show, lossjit_stage stage)
{
  char *text;
  lossjit_status status =
      is_kernel_stage(stage)
          ? lossjit_kernel_text(show->evaluation.kernel, stage, &text)
          : lossjit_loss_text(show->reading.loss, stage, &text);
  if (status != LOSSJIT_OK)
    return cli_report_status(show->request.engine, status, lossjit_stage_name(stage));
  if (show->stage_count > 1)
    printf("%s# ---- %s ----%s\n", cli_style(stdout, CLI_BOLD),
           lossjit_stage_name(stage), cli_style(stdout, CLI_PLAIN));
  size_t length = strlen(text);
  fwrite(text, 1, length, stdout);
  if (length && text[length - 1] != '\n')
    putchar('\n');
  lossjit_text_release(show->request.engine, text);
  return CLI_DONE;
}

static int show_stages(struct show *show)
{
  struct cli_error error;
  int status = cli_compile_or_report(show->cli, &show->request, &show->reading);
  if (status != CLI_DONE)
    return status;
  status = cli_check_names(show->cli, &show->request, &show->reading);
  if (status != CLI_DONE)
    return status;
  if (!cli_bind(&show->cli->pool, &show->request, false, &show->reading, &error)) {
    cli_report("%s", error.text);
    return CLI_WRONG;
  }
  status = make_kernel(show);
  for (int stage = 0; status == CLI_DONE && stage < LOSSJIT_STAGE_COUNT; stage++)
    if (show->wanted[stage])
      status = print_stage(show, (lossjit_stage)stage);
  if (status == CLI_DONE && show->by_default && !show->evaluation.kernel)
    fputs("# the plan needs the sizes: --shape y_pred=batch,...\n", stdout);
  return status;
}

static int run(struct cli *cli)
{
  struct show show = {.cli = cli};
  cli_no_gradient_option(cli, &show.request);
  show.request.dtype = cli_dtype_option(cli);
  if (!show.request.dtype || read_stages(&show) != CLI_DONE ||
      !cli_shapes(cli, show.request.dtype, &show.request.inputs,
                  &show.request.input_count))
    return CLI_USAGE;
  if (!cli_read_expression(cli, cli->positional[0], &show.text))
    return CLI_WRONG;
  show.request.engine = cli_engine(cli);
  if (!show.request.engine)
    return CLI_USAGE;
  show.request.text = &show.text;
  show.evaluation =
      (struct cli_evaluation){.engine = show.request.engine,
                              .reading = &show.reading,
                              .want_gradients = !show.request.no_gradient};
  int status = show_stages(&show);
  lossjit_kernel_release(show.evaluation.kernel);
  cli_reading_release(&show.reading);
  lossjit_engine_release(show.request.engine);
  return status;
}

static const struct cli_option options[] = {
    {"stage", 0, CLI_VALUE, "STAGES",
     "tokens, tree, graph, simplified, gradient, plan, llvm,\n"
     "asm; several with commas (tokens to gradient, and the\n"
     "plan where all sizes are known)"},
    CLI_OPTION_SHAPE,
    CLI_OPTION_NO_GRADIENT,
    CLI_OPTION_DTYPE,
    CLI_OPTION_TARGET,
};

const struct cli_command cli_show = {
    .name = "show",
    .summary = "the stages from the text to machine code",
    .usage = "EXPR [--stage tokens|tree|graph|simplified|gradient|plan|llvm|asm]\n"
             "       [--shape NAME=B,n]... [--no-gradient] [--dtype f32|f64]\n"
             "       [--target CPU]",
    .details =
        "EXPR is the expression, @FILE, or - for standard input. The gradient is printed in\n"
        "the language itself. The batch size does not matter here: write the word `batch`.\n"
        "\n"
        "Examples:\n"
        "  lossjit show 'sum(square(y_pred - y_true) * [0.3, 0.7], axis=1)'\n"
        "  lossjit show 'sum(square(y_pred - y_true) * [0.3, 0.7], axis=1)' --stage asm\n"
        "  lossjit show 'categorical_crossentropy(y_true, y_pred)' --stage plan \\\n"
        "      --shape y_pred=batch,10\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .least = 1,
    .most = 1,
    .run = run,
};
