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

void cli_no_gradient_option(const struct cli *cli, struct cli_request *request)
{
  request->no_gradient = cli_value(cli, "no-gradient") != NULL;
  request->result = request->no_gradient ? LOSSJIT_ELEMENTWISE : LOSSJIT_PER_SAMPLE;
}

void cli_hint_no_gradient(const lossjit_diagnostics *diagnostics)
{
  size_t count = diagnostics ? lossjit_diagnostics_count(diagnostics) : 0, missing = 0;
  for (size_t i = 0; i < count; i++) {
    const char *name = lossjit_diagnostics_get(diagnostics, i)->name;
    missing += strcmp(name, "ignores-prediction") == 0;
    missing += strcmp(name, "dead-gradient") == 0;
  }
  if (missing && missing == cli_error_count(diagnostics))
    fputs("lossjit: hint: --no-gradient takes an expression without a derivative, such "
          "as a metric\n",
          stderr);
}

int cli_compile_or_report(struct cli *cli, const struct cli_request *request,
                          struct cli_reading *reading)
{
  bool ok = cli_compile(&cli->pool, request, reading);
  cli_print_diagnostics(reading->diagnostics);
  if (ok)
    return CLI_DONE;
  if (reading->status != LOSSJIT_INVALID)
    return cli_report_status(request->engine, reading->status, "compiling");
  cli_report_unmentioned(cli, request);
  cli_hint_no_gradient(reading->diagnostics);
  return CLI_WRONG;
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
