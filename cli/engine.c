/*
 * What the commands do alike: an engine from --target, compiling with diagnostics
 * printed.
 */
#include "cli/command.h"
#include "cli/terminal.h"

#include <string.h>

lossjit_engine *cli_engine(const struct cli *cli)
{
  static const char *const targets[] = {"host", "avx512", "avx2", "baseline"};
  int target = cli_choice(cli, "target", targets, CLI_COUNT(targets), 0);
  if (target < 0)
    return NULL;
  lossjit_engine *engine;
  lossjit_engine_options options = {.target = targets[target]};
  lossjit_status status = lossjit_engine_create(&options, &engine);
  if (status == LOSSJIT_OK)
    return engine;
  cli_report("--target %s: %s", targets[target], lossjit_status_text(status));
  return NULL;
}

int cli_compile_or_report(struct cli *cli, const struct cli_request *request,
                          struct cli_reading *reading)
{
  bool ok = cli_compile(&cli->pool, request, reading);
  cli_print_diagnostics(reading->diagnostics);
  if (ok)
    return CLI_DONE;
  return reading->status == LOSSJIT_INVALID
             ? CLI_WRONG
             : cli_report_status(request->engine, reading->status, "compiling");
}

void cli_warn_unused(const struct cli_request *request)
{
  for (size_t i = 0; i < request->input_count; i++)
    if (!request->inputs[i].mentioned &&
        strcmp(request->inputs[i].name, "sample_weight") != 0)
      cli_warn("the expression does not use '%s'", request->inputs[i].name);
}

int cli_specialize_or_report(struct cli_evaluation *evaluation)
{
  lossjit_status status = cli_specialize(evaluation);
  if (status == LOSSJIT_OK)
    return CLI_DONE;
  if (status == LOSSJIT_INVALID && evaluation->reading->diagnostics) {
    cli_print_diagnostics(evaluation->reading->diagnostics);
    return CLI_WRONG;
  }
  return cli_report_status(evaluation->engine, status, "making the kernel");
}

bool cli_split_name(struct cli *cli, const char *argument, char **name,
                    const char **value)
{
  size_t length =
      strspn(argument, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                       "0123456789_");
  if (length == 0 || argument[length] != '=' || (*argument >= '0' && *argument <= '9'))
    return false;
  *name = cli_copy(&cli->pool, argument, length);
  *value = argument + length + 1;
  return true;
}
