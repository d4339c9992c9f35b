/*
 * Names given on the command line that the expression does not know.
 *
 * Data for a name that nobody reads is a mistake, most often a misspelt parameter that
 * would leave the default in force without a word. So is a gradient by such a name.
 * What the compiled loss lists as inputs and parameters is what it takes; a name that
 * stands in the text all the same gets its value there.
 */
#include "cli/command.h"
#include "cli/terminal.h"

#include <string.h>

/* What the loss takes: inputs, then parameters. */
static const char *taken_name(const lossjit_loss *loss, size_t i)
{
  size_t inputs = lossjit_loss_input_count(loss);
  double unused;
  if (i < inputs)
    return lossjit_loss_input(loss, i)->name;
  return i - inputs < lossjit_loss_parameter_count(loss)
             ? lossjit_loss_parameter(loss, i - inputs, &unused)
             : NULL;
}

static bool takes(const lossjit_loss *loss, const char *name)
{
  const char *taken;
  for (size_t i = 0; (taken = taken_name(loss, i)); i++)
    if (strcmp(taken, name) == 0)
      return true;
  return false;
}

/* The name that was meant: one that the loss takes and that nobody has given. */
static const char *meant_name(struct cli *cli, const struct cli_request *request,
                              const lossjit_loss *loss, const char *name)
{
  size_t count = 0, most = 0;
  while (taken_name(loss, most))
    most++;
  const char **free_names = CLI_NEW_ARRAY(&cli->pool, const char *, most);
  for (size_t i = 0; i < most; i++)
    if (!cli_find_input(request, taken_name(loss, i)))
      free_names[count++] = taken_name(loss, i);
  return cli_nearest(name, free_names, count);
}

static void report_unknown(const char *name, const char *nearest)
{
  cli_report("the expression does not take '%s'%s%s%s", name,
             nearest ? "; did you mean '" : "", nearest ? nearest : "",
             nearest ? "'?" : "");
}

static bool is_weight(const struct cli_input *input)
{
  return !input->mentioned && strcmp(input->name, "sample_weight") == 0;
}

int cli_check_names(struct cli *cli, const struct cli_request *request,
                    const struct cli_reading *reading)
{
  int status = CLI_DONE;
  for (size_t i = 0; i < request->input_count; i++) {
    const struct cli_input *input = &request->inputs[i];
    if (is_weight(input) || takes(reading->loss, input->name))
      continue;
    status = CLI_WRONG;
    if (input->mentioned)
      cli_report("'%s' gets its value in the expression and takes none from outside "
                 "(a parameter is declared: %s: f32 = 1.0;)",
                 input->name, input->name);
    else
      report_unknown(input->name, meant_name(cli, request, reading->loss, input->name));
  }
  return status;
}

void cli_report_unmentioned(struct cli *cli, const struct cli_request *request)
{
  for (size_t i = 0; i < request->input_count; i++) {
    const struct cli_input *input = &request->inputs[i];
    if (!input->mentioned && !is_weight(input))
      report_unknown(input->name,
                     cli_text_nearest(&cli->pool, request->text, input->name));
  }
}

int cli_check_gradient_names(struct cli *cli, const struct cli_request *request)
{
  size_t count = 0;
  const char **names = CLI_NEW_ARRAY(&cli->pool, const char *, request->input_count);
  for (size_t i = 0; i < request->input_count; i++)
    if (cli_text_mentions(request->text, request->inputs[i].name))
      names[count++] = request->inputs[i].name;
  for (size_t i = 0; i < request->gradient_count; i++) {
    const char *name = request->gradients[i];
    const struct cli_input *input = cli_find_input(request, name);
    const char *nearest = cli_nearest(name, names, count);
    if (!cli_text_mentions(request->text, name)) {
      cli_report("--grad=%s: the expression has no input '%s'%s%s%s", name, name,
                 nearest ? "; did you mean '" : "", nearest ? nearest : "",
                 nearest ? "'?" : "");
      return CLI_WRONG;
    }
    if (input && input->array.rank == 0 && strcmp(name, "y_pred") != 0 &&
        cli_text_declares(request->text, name) != CLI_DECLARED_ARRAY) {
      cli_report("--grad=%s: '%s' is one number, a parameter; gradients are by arrays",
                 name, name);
      return CLI_WRONG;
    }
  }
  return CLI_DONE;
}
