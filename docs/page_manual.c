/*
 * docs/lossjit.1: the manual page, from the command's own table and overview.
 *
 * Help texts are plain: paragraphs are filled, indented lines are shown as they are.
 */
#include "cli/cli.h"
#include "docs/pages.h"

#include <stdlib.h>
#include <string.h>

/* One line of running text: a hyphen of the command line stays one, and nothing at the
 * beginning of a line is taken for a request. */
static void write_line(FILE *page, const char *line, size_t length)
{
  if (length && strchr(".'", line[0]))
    fputs("\\&", page);
  for (size_t i = 0; i < length; i++) {
    if (line[i] == '\\')
      fputs("\\e", page);
    else if (line[i] == '-')
      fputs("\\-", page);
    else
      putc(line[i], page);
  }
}

static void write_text(FILE *page, const char *text)
{
  bool shown = false; /* inside lines that are shown as they are */

  for (const char *line = text; *line;) {
    size_t length = strcspn(line, "\n");
    bool indented = line[0] == ' ';
    if (indented != shown)
      fputs(indented ? ".nf\n" : ".fi\n", page);
    shown = indented;
    if (!length) {
      fputs(".PP\n", page);
    } else {
      write_line(page, line, length);
      putc('\n', page);
    }
    line += length + (line[length] == '\n');
  }
  if (shown)
    fputs(".fi\n", page);
}

static void write_option(FILE *page, const struct cli_option *option)
{
  fputs(".TP\n", page);
  if (option->letter)
    fprintf(page, "\\fB\\-%c\\fR, ", option->letter);
  fprintf(page, "\\fB\\-\\-%s\\fR", option->name);
  if (option->kind == CLI_OPTIONAL)
    fprintf(page, "[=\\fI%s\\fR]", option->value_name);
  if (option->kind == CLI_VALUE)
    fprintf(page, " \\fI%s\\fR", option->value_name);
  putc('\n', page);
  write_text(page, option->help);
}

static void write_command(FILE *page, const struct cli_command *command)
{
  fprintf(page, ".SS lossjit %s\n", command->name);
  write_line(page, command->summary, strlen(command->summary));
  fprintf(page, "\n.PP\n.nf\n\\fBlossjit %s\\fR ", command->name);
  for (const char *line = command->usage; *line;) {
    size_t length = strcspn(line, "\n");
    write_line(page, line, length);
    putc('\n', page);
    line += length + (line[length] == '\n');
  }
  fputs(".fi\n", page);
  for (size_t i = 0; i < command->option_count; i++)
    write_option(page, &command->options[i]);
  fputs(".PP\n", page);
  write_text(page, command->details);
}

/* The overview that `lossjit --help` prints; NULL if memory runs out. */
static char *overview(void)
{
  char *text = NULL;
  size_t size;
  FILE *file = open_memstream(&text, &size);

  if (!file)
    return NULL;
  cli_print_overview(file);
  fclose(file);
  return text;
}

/* The text behind the next empty line; "" if there is none. */
static const char *next_paragraph(const char *text)
{
  const char *end = strstr(text, "\n\n");

  return end ? end + 2 : "";
}

bool write_manual(FILE *page)
{
  char *text = overview();
  const char *about = text ? strstr(text, ": ") : NULL;

  if (!about) {
    fputs("lossjit-docs: there is no overview to begin the manual with\n", stderr);
    free(text);
    return false;
  }
  fprintf(page,
          ".\\\" Written by lossjit-docs from the table of commands in cli/.\n"
          ".TH LOSSJIT 1 \"\" \"lossjit %s\"\n"
          ".SH NAME\nlossjit \\- ",
          LOSSJIT_VERSION);
  write_line(page, about + 2, strcspn(about + 2, "\n"));
  fputs("\n.SH SYNOPSIS\n\\fBlossjit\\fR \\fICOMMAND\\fR ...\n.SH COMMANDS\n", page);
  for (size_t i = 0; i < cli_command_count; i++)
    write_command(page, cli_commands[i]);
  /* The title, the usage and the list of commands stand above already. */
  fputs(".SH NOTES\n", page);
  write_text(page, next_paragraph(next_paragraph(next_paragraph(text))));
  free(text);
  return true;
}
