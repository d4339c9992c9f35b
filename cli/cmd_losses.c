/*
 * lossjit losses: the prelude, each loss with its definition.
 *
 * What is printed is text of the language, so a definition can be copied and changed.
 */
#include "cli/command.h"
#include "cli/terminal.h"

#include <string.h>

static void print_entry(const lossjit_prelude_entry *entry)
{
  for (const char *line = entry->summary ? entry->summary : ""; *line;) {
    size_t length = strcspn(line, "\n");
    printf("%s# %.*s%s\n", cli_style(stdout, CLI_CYAN), (int)length, line,
           cli_style(stdout, CLI_PLAIN));
    line += length + (line[length] == '\n');
  }
  printf("%s\n", entry->definition);
}

static int unknown_loss(struct cli *cli, const lossjit_engine *engine, const char *name)
{
  size_t count = 0;
  while (lossjit_prelude(engine, count))
    count++;
  const char **names = CLI_NEW_ARRAY(&cli->pool, const char *, count);
  for (size_t i = 0; i < count; i++)
    names[i] = lossjit_prelude(engine, i)->name;
  const char *nearest = cli_nearest(name, names, count);
  if (nearest)
    return cli_usage(cli, "there is no loss '%s'; did you mean '%s'?", name, nearest);
  return cli_usage(cli, "there is no loss '%s'", name);
}

static int print_losses(struct cli *cli, const lossjit_engine *engine)
{
  const char *name = cli->positional_count ? cli->positional[0] : NULL;
  bool found = !name;
  const lossjit_prelude_entry *entry;
  for (size_t i = 0; (entry = lossjit_prelude(engine, i)); i++) {
    if (name && strcmp(name, entry->name) != 0)
      continue;
    if (i > 0 && !name)
      putchar('\n');
    print_entry(entry);
    found = true;
  }
  return found ? CLI_DONE : unknown_loss(cli, engine, name);
}

static int run(struct cli *cli)
{
  lossjit_engine *engine = cli_engine(cli);
  if (!engine)
    return CLI_WRONG;
  int status = print_losses(cli, engine);
  lossjit_engine_release(engine);
  return status;
}

const struct cli_command cli_losses = {
    .name = "losses",
    .summary = "the named losses, each with its definition",
    .usage = "[NAME]",
    .details =
        "Each definition is one line in the language itself: copy and change it, or\n"
        "use the name in an expression.\n"
        "\n"
        "Examples:\n"
        "  lossjit losses\n"
        "  lossjit losses huber\n"
        "  lossjit show 'huber(y_true, y_pred, delta=0.5)' --stage gradient\n",
    .most = 1,
    .run = run,
};
