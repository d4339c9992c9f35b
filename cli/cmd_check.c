/*
 * lossjit check: what is wrong with an expression, and nothing else.
 *
 * With --json the diagnostics are objects of the Language Server Protocol 3.17
 * (Diagnostic, DiagnosticRelatedInformation), so that an editor can show them as they
 * are. Its positions count lines from 0 and characters in UTF-16 units.
 */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>

/* ---- positions ------------------------------------------------------------------- */

struct position {
  size_t line, character;
};

/* The place of byte `offset`. Bytes that are no UTF-8 count one each. */
static struct position find_position(const struct cli_text *text, size_t offset)
{
  struct position at = {0, 0};
  for (size_t i = 0; i < offset && i < text->length; i++) {
    unsigned char c = (unsigned char)text->text[i];
    bool crlf = c == '\r' && i + 1 < text->length && text->text[i + 1] == '\n';
    if (c == '\n' || (c == '\r' && !crlf))
      at = (struct position){at.line + 1, 0};
    else if ((c & 0xc0) != 0x80) /* the first byte of a character; 4 bytes are a pair */
      at.character += c >= 0xf0 ? 2 : 1;
  }
  return at;
}

static void write_range(const struct cli_text *text, lossjit_span span)
{
  struct position begin = find_position(text, span.begin);
  struct position end = find_position(text, span.end);
  printf("{\"start\": {\"line\": %zu, \"character\": %zu}, "
         "\"end\": {\"line\": %zu, \"character\": %zu}}",
         begin.line, begin.character, end.line, end.character);
}

/* ---- LSP objects ----------------------------------------------------------------- */

/* A URI for the text: of its file, or one that stands for the command line. */
static char *make_uri(struct cli *cli, const struct cli_text *text)
{
  char *path = text->name ? realpath(text->name, NULL) : NULL;
  if (!path)
    return cli_format(&cli->pool, "lossjit:%s", text->name ? "stdin" : "expression");
  char *uri = cli_alloc(&cli->pool, 3 * strlen(path) + sizeof "file://"), *to = uri;
  to += sprintf(to, "file://");
  for (const char *from = path; *from; from++) {
    unsigned char c = (unsigned char)*from;
    bool plain = c > ' ' && c < 0x7f && !strchr("\"#%<>?[\\]^`{|}", c);
    to += sprintf(to, plain ? "%c" : "%%%02X", c);
  }
  free(path);
  return uri;
}

static void write_related(const struct cli_text *text, const char *uri,
                          const lossjit_diagnostic *diagnostic)
{
  fputs(", \"relatedInformation\": [", stdout);
  for (size_t i = 0; i < diagnostic->note_count; i++) {
    lossjit_span span = diagnostic->note_spans[i];
    if (span.begin == span.end) /* the protocol wants a place for each note */
      span = diagnostic->span;
    printf("%s{\"location\": {\"uri\": ", i ? ", " : "");
    cli_json_write_string(stdout, uri);
    fputs(", \"range\": ", stdout);
    write_range(text, span);
    fputs("}, \"message\": ", stdout);
    cli_json_write_string(stdout, diagnostic->notes[i]);
    putchar('}');
  }
  putchar(']');
}

static void write_fix(const struct cli_text *text, const lossjit_diagnostic *diagnostic)
{
  fputs(", \"data\": {\"fix\": {\"title\": ", stdout);
  cli_json_write_string(stdout, diagnostic->fix);
  if (diagnostic->replacement) {
    fputs(", \"range\": ", stdout);
    write_range(text, diagnostic->fix_span);
    fputs(", \"newText\": ", stdout);
    cli_json_write_string(stdout, diagnostic->replacement);
  }
  fputs("}}", stdout);
}

static void write_diagnostic(const struct cli_text *text, const char *uri,
                             const lossjit_diagnostic *diagnostic)
{
  fputs("{\"range\": ", stdout);
  write_range(text, diagnostic->span);
  printf(", \"severity\": %d, \"code\": ",
         diagnostic->severity == LOSSJIT_ERROR ? 1 : 2);
  cli_json_write_string(stdout, diagnostic->code);
  fputs(", \"source\": \"lossjit\", \"message\": ", stdout);
  cli_json_write_string(stdout, diagnostic->message);
  if (diagnostic->note_count)
    write_related(text, uri, diagnostic);
  if (diagnostic->fix)
    write_fix(text, diagnostic);
  putchar('}');
}

static void write_all(struct cli *cli, const struct cli_text *text,
                      const lossjit_diagnostics *diagnostics)
{
  size_t count = diagnostics ? lossjit_diagnostics_count(diagnostics) : 0;
  const char *uri = make_uri(cli, text);
  putchar('[');
  for (size_t i = 0; i < count; i++) {
    fputs(i ? ",\n " : "", stdout);
    write_diagnostic(text, uri, lossjit_diagnostics_get(diagnostics, i));
  }
  fputs("]\n", stdout);
}

/* ---- the command ----------------------------------------------------------------- */

/* "ok: y_pred f32(batch, 2), y_true f32(batch, 2) -> f32(batch,)" */
static void print_signature(struct cli *cli, const lossjit_loss *loss)
{
  fputs("ok:", stdout);
  for (size_t i = 0; i < lossjit_loss_input_count(loss); i++)
    printf("%s %s", i ? "," : "",
           cli_input_text(&cli->pool, lossjit_loss_input(loss, i)));
  for (size_t i = 0; i < lossjit_loss_parameter_count(loss); i++) {
    double value;
    const char *name = lossjit_loss_parameter(loss, i, &value);
    char text[CLI_NUMBER_SIZE];
    printf(", %s = %s", name, cli_number_text(LOSSJIT_F64, value, text));
  }
  const lossjit_input *result = lossjit_loss_output(loss);
  printf(" -> %s%s\n", lossjit_dtype_name(result->dtype),
         cli_shape_text(&cli->pool, result->rank, result->sizes));
}

static int check(struct cli *cli, const struct cli_text *text, lossjit_engine *engine)
{
  struct cli_request request = {.engine = engine, .text = text, .dtype = LOSSJIT_F32};
  struct cli_reading reading;
  cli_no_gradient_option(cli, &request);
  bool ok = cli_compile(&cli->pool, &request, &reading);
  int status = ok ? CLI_DONE : CLI_WRONG;
  if (!ok && reading.status != LOSSJIT_INVALID) {
    status = cli_report_status(engine, reading.status, "checking");
  } else if (cli_value(cli, "json")) {
    write_all(cli, text, reading.diagnostics);
  } else {
    cli_print_diagnostics(reading.diagnostics);
    cli_hint_no_gradient(reading.diagnostics);
    if (ok)
      print_signature(cli, reading.loss);
  }
  cli_reading_release(&reading);
  return status;
}

static int run(struct cli *cli)
{
  struct cli_text text;
  if (!cli_read_expression(cli, cli->positional[0], &text))
    return CLI_WRONG;
  lossjit_engine *engine = cli_engine(cli);
  if (!engine)
    return CLI_USAGE;
  int status = check(cli, &text, engine);
  lossjit_engine_release(engine);
  return status;
}

static const struct cli_option options[] = {
    {"json", 0, CLI_FLAG, NULL,
     "an array of Diagnostic objects as editors read them (LSP)"},
    CLI_OPTION_NO_GRADIENT,
};

const struct cli_command cli_check = {
    .name = "check",
    .summary = "what is wrong with an expression, if anything",
    .usage = "EXPR [--json] [--no-gradient]",
    .details =
        "EXPR is the expression, @FILE, or - for standard input. Diagnostics go to standard\n"
        "error, with --json to standard output; without any, the inputs and the result are\n"
        "printed. The exit status is 1 if there is an error, 0 with warnings only.\n"
        "\n"
        "Examples:\n"
        "  lossjit check 'mean(square(y_pred - y_true))'\n"
        "  lossjit check @my.loss --json\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .least = 1,
    .most = 1,
    .run = run,
};
