/*
 * Messages and colours; see terminal.h.
 *
 * The library renders diagnostics as plain text. Here their lines are coloured by what
 * they begin with or consist of, so that nothing but looks depends on this file.
 */
#include "cli/terminal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool cli_is_terminal(FILE *file)
{
  const char *term = getenv("TERM");
  return isatty(fileno(file)) && term && strcmp(term, "dumb") != 0;
}

int cli_terminal_width(FILE *file)
{
  struct winsize size;
  if (ioctl(fileno(file), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return 80;
  return size.ws_col;
}

const char *cli_style(FILE *file, enum cli_style style)
{
  static const char *const escapes[] = {"\x1b[0m",  "\x1b[1m",  "\x1b[1;31m",
                                        "\x1b[33m", "\x1b[32m", "\x1b[36m"};
  const char *no_color = getenv("NO_COLOR");
  if ((no_color && *no_color) || !cli_is_terminal(file))
    return "";
  return escapes[style];
}

static void say(enum cli_style style, const char *kind, const char *format,
                va_list rest)
{
  fprintf(stderr, "lossjit: %s%s:%s ", cli_style(stderr, style), kind,
          cli_style(stderr, CLI_PLAIN));
  vfprintf(stderr, format, rest);
  fputc('\n', stderr);
}

void cli_report(const char *format, ...)
{
  va_list rest;
  va_start(rest, format);
  say(CLI_RED, "error", format, rest);
  va_end(rest);
}

void cli_warn(const char *format, ...)
{
  va_list rest;
  va_start(rest, format);
  say(CLI_YELLOW, "warning", format, rest);
  va_end(rest);
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
  va_list rest;
  va_start(rest, format);
  say(CLI_RED, "error", format, rest);
  va_end(rest);
  fprintf(stderr, "try 'lossjit help %s'\n", cli->command->name);
  return CLI_USAGE;
}

/* ---- diagnostics ----------------------------------------------------------------- */

static bool is_caret_line(const char *line, size_t length)
{
  bool marked = false;
  for (size_t i = 0; i < length; i++) {
    if (!strchr(" \t|~^", line[i]))
      return false;
    marked |= line[i] == '^' || line[i] == '~';
  }
  return marked;
}

/* The word that says what kind of line this is ("error", "note", ...), from *word to
 * the colon behind it. */
static bool find_kind(const char *line, size_t length, const char **word,
                      const char **colon, enum cli_style *style)
{
  static const struct {
    const char *word;
    enum cli_style style;
  } kinds[] = {{"error", CLI_RED},
               {"warning", CLI_YELLOW},
               {"note", CLI_CYAN},
               {"fix", CLI_GREEN}};
  for (size_t i = 0; i < CLI_COUNT(kinds); i++) {
    *word = memmem(line, length, kinds[i].word, strlen(kinds[i].word));
    *colon = *word ? memchr(*word, ':', length - (size_t)(*word - line)) : NULL;
    *style = kinds[i].style;
    if (*colon && *word > line && (*word)[-1] == ' ')
      return true;
  }
  return false;
}

static void print_line(const char *line, size_t length)
{
  const char *plain = cli_style(stderr, CLI_PLAIN), *word, *colon;
  enum cli_style style;
  bool is_source = memmem(line, length, " | ", 3) != NULL;
  if (is_caret_line(line, length))
    fprintf(stderr, "%s%.*s%s\n", cli_style(stderr, CLI_GREEN), (int)length, line,
            plain);
  else if (!is_source && find_kind(line, length, &word, &colon, &style))
    fprintf(stderr, "%.*s%s%.*s%s%.*s\n", (int)(word - line), line,
            cli_style(stderr, style), (int)(colon - word), word, plain,
            (int)(length - (size_t)(colon - line)), colon);
  else
    fprintf(stderr, "%.*s\n", (int)length, line);
}

void cli_print_diagnostics(const lossjit_diagnostics *diagnostics)
{
  if (!diagnostics)
    return;
  const char *text = lossjit_diagnostics_text(diagnostics);
  if (!*cli_style(stderr, CLI_PLAIN)) {
    size_t length = strlen(text);
    fputs(text, stderr);
    if (length && text[length - 1] != '\n')
      fputc('\n', stderr);
    return;
  }
  while (*text) {
    size_t length = strcspn(text, "\n");
    print_line(text, length);
    text += length + (text[length] == '\n');
  }
}

int cli_report_status(lossjit_engine *engine, lossjit_status status, const char *doing)
{
  char details[240] = "";
  if (engine && (status == LOSSJIT_NO_BACKEND || status == LOSSJIT_INTERNAL))
    lossjit_engine_error(engine, details, sizeof details);
  cli_report("%s: %s%s%s", doing, lossjit_status_text(status), *details ? ": " : "",
             details);
  return status == LOSSJIT_INTERNAL ? CLI_BUG : CLI_WRONG;
}
