/*
 * Help pages, made from the table of commands.
 */
#include "cli/cli.h"
#include "cli/terminal.h"

#include <string.h>

const struct cli_command *cli_find_command(const char *name)
{
  for (size_t i = 0; i < cli_command_count; i++)
    if (strcmp(cli_commands[i]->name, name) == 0)
      return cli_commands[i];
  return NULL;
}

int cli_unknown_command(const char *name)
{
  const char *words[16];
  size_t count = 0;
  for (; count < cli_command_count && count < CLI_COUNT(words); count++)
    words[count] = cli_commands[count]->name;
  const char *nearest = cli_nearest(name, words, count);
  if (nearest)
    cli_report("unknown command '%s'; did you mean '%s'?", name, nearest);
  else
    cli_report("unknown command '%s'", name);
  fputs("try 'lossjit --help'\n", stderr);
  return CLI_USAGE;
}

void cli_print_overview(FILE *file)
{
  fputs("lossjit " LOSSJIT_VERSION ": training losses written as one line, compiled to "
        "native code\n\n"
        "usage: lossjit COMMAND ...\n\n",
        file);
  for (size_t i = 0; i < cli_command_count; i++)
    fprintf(file, "  %s%-8s%s %s\n", cli_style(file, CLI_BOLD), cli_commands[i]->name,
            cli_style(file, CLI_PLAIN), cli_commands[i]->summary);
  fputs(
      "\n'lossjit help COMMAND' explains one, with examples; 'lossjit --version' prints "
      "the version.\n\n"
      "A first try:\n"
      "  lossjit eval 'sum(square(y_pred - y_true) * [0.3, 0.7], axis=1)' \\\n"
      "      'y_pred=[[1, 2], [3, 4]]' 'y_true=[[0, 2], [3, 1]]' --grad\n\n"
      "Exit status: 0 done, 1 the expression or the data is wrong, 2 usage, 3 a bug in "
      "lossjit.\n",
      file);
}

static void print_option(FILE *file, const struct cli_option *option)
{
  char left[48];
  snprintf(left, sizeof left, "%s--%s%s%s%s", option->letter ? "-x, " : "",
           option->name,
           option->kind == CLI_OPTIONAL ? "[="
           : option->kind == CLI_VALUE  ? " "
                                        : "",
           option->value_name ? option->value_name : "",
           option->kind == CLI_OPTIONAL ? "]" : "");
  if (option->letter)
    left[1] = option->letter;
  fprintf(file, "  %-24s ", left);
  for (const char *rest = option->help; *rest;) {
    size_t length = strcspn(rest, "\n");
    fprintf(file, "%.*s\n", (int)length, rest);
    rest += length + (rest[length] == '\n');
    if (*rest)
      fprintf(file, "%27s", "");
  }
}

void cli_print_help(FILE *file, const struct cli_command *command)
{
  fprintf(file, "usage: lossjit %s%s%s %s\n\n%s\n", cli_style(file, CLI_BOLD),
          command->name, cli_style(file, CLI_PLAIN), command->usage, command->summary);
  if (command->option_count)
    fputs("\nOptions:\n", file);
  for (size_t i = 0; i < command->option_count; i++)
    print_option(file, &command->options[i]);
  fprintf(file, "\n%s", command->details);
}

/* ---- lossjit help ---------------------------------------------------------------- */

static int run_help(struct cli *cli)
{
  if (cli->positional_count == 0) {
    cli_print_overview(stdout);
    return CLI_DONE;
  }
  const struct cli_command *command = cli_find_command(cli->positional[0]);
  if (!command)
    return cli_unknown_command(cli->positional[0]);
  cli_print_help(stdout, command);
  return CLI_DONE;
}

const struct cli_command cli_help = {
    .name = "help",
    .summary = "what a command does, with examples",
    .usage = "[COMMAND]",
    .details = "Examples:\n"
               "  lossjit help\n"
               "  lossjit help eval\n",
    .most = 1,
    .run = run_help,
};
