/*
 * EXPR: where the text comes from, and the little that the command itself reads in it.
 */
#ifndef CLI_EXPRESSION_H
#define CLI_EXPRESSION_H

#include "cli/cli.h"

struct cli_text {
  const char *text;
  size_t length;
  const char *name; /* the file's, "<stdin>", or NULL: from the command line */
};

/* The text itself, `@file`, or `-` for standard input. A mistake is reported. */
bool cli_read_expression(struct cli *cli, const char *argument, struct cli_text *text);

enum cli_declared { CLI_UNDECLARED = 0, CLI_DECLARED_ARRAY, CLI_DECLARED_PARAMETER };

/* Does the text declare `name` (`name: f32[batch];` or `name: f32 = 1;`)? */
enum cli_declared cli_text_declares(const struct cli_text *text, const char *name);

/* Does `name` stand anywhere in the text, comments aside? */
bool cli_text_mentions(const struct cli_text *text, const char *name);

/* The word of the text nearest to `name`; NULL if none is near enough to be meant. */
const char *cli_text_nearest(struct cli_pool *pool, const struct cli_text *text,
                             const char *name);

#endif
