/*
 * What people see: errors, diagnostics and headings, in colour where that is wanted.
 *
 * Colour goes to terminals only, and not when NO_COLOR is set (no-color.org) or TERM is
 * "dumb". Everything about failure goes to standard error.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include "cli/cli.h"

enum cli_style { CLI_PLAIN, CLI_BOLD, CLI_RED, CLI_YELLOW, CLI_GREEN, CLI_CYAN };

/* The escape sequence for a style on `file`; "" where colours are off. CLI_PLAIN ends
 * it. */
const char *cli_style(FILE *file, enum cli_style style);

/* Is there a person at `file`, able to watch a line being rewritten? */
bool cli_is_terminal(FILE *file);

/* Columns of the terminal at `file`; a line longer than that cannot be rewritten. */
int cli_terminal_width(FILE *file);

/* "lossjit: error: ..." and "lossjit: warning: ..." on standard error. */
void cli_report(const char *format, ...) CLI_PRINTF(1, 2);
void cli_warn(const char *format, ...) CLI_PRINTF(1, 2);
/* The same with a pointer to the command's help; returns CLI_USAGE. */
int cli_usage(const struct cli *cli, const char *format, ...) CLI_PRINTF(2, 3);

/* All diagnostics on standard error; NULL is none. */
void cli_print_diagnostics(const lossjit_diagnostics *diagnostics);

/* Report a status of the library that is not about the text; the exit status for it. */
int cli_report_status(lossjit_engine *engine, lossjit_status status, const char *doing);

#endif
