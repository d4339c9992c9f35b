/*
 * What every part of the `lossjit` command shares: exit statuses, memory, errors, and
 * the table row that describes a command.
 *
 * The command stands on the public headers alone, so it is also a worked example of
 * them. Parts that can go wrong return false and leave one line in a struct cli_error;
 * only the commands print. Memory comes from a pool that is freed as a whole, which
 * leaves no path through the program with anything to tidy up.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "lossjit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CLI_COUNT(array) (sizeof(array) / sizeof *(array))
#define CLI_PRINTF(text, first) __attribute__((format(printf, text, first)))

/* Exit statuses. */
enum cli_status {
  CLI_DONE = 0,
  CLI_WRONG, /* the expression or the data is wrong, or writing the results failed */
  CLI_USAGE, /* the command line is wrong */
  CLI_BUG    /* our own mistake */
};

/* ---- memory (pool.c) ------------------------------------------------------------- */

struct cli_pool {
  struct cli_block *blocks;
};

/* Zeroed, aligned for any type, never NULL: the command ends when memory runs out. */
void *cli_alloc(struct cli_pool *pool, size_t size);
#define CLI_NEW_ARRAY(pool, type, count)                                               \
  ((type *)cli_alloc_array((pool), sizeof(type), (count)))
void *cli_alloc_array(struct cli_pool *pool, size_t size, size_t count);
char *cli_copy(struct cli_pool *pool, const char *text, size_t length);
char *cli_format(struct cli_pool *pool, const char *format, ...) CLI_PRINTF(2, 3);
void cli_pool_free(struct cli_pool *pool);

/* ---- errors ---------------------------------------------------------------------- */

struct cli_error {
  char text[480];
};

/* Fill in the line; always false, so that `return cli_fail(error, ...)` reads well. */
bool cli_fail(struct cli_error *error, const char *format, ...) CLI_PRINTF(2, 3);

/* ---- commands -------------------------------------------------------------------- */

enum cli_option_kind {
  CLI_FLAG,    /* --json */
  CLI_VALUE,   /* --dtype f64, --dtype=f64 */
  CLI_OPTIONAL /* --grad, --grad=NAMES */
};

struct cli_option {
  const char *name;
  char letter; /* 'o' for -o; 0: none */
  enum cli_option_kind kind;
  const char *value_name; /* NULL for a flag */
  const char *help;
};

/* One option or positional argument, as given. */
struct cli_given {
  const struct cli_option *option; /* NULL: positional */
  const char *value;               /* NULL: an option without its value */
};

struct cli {
  const struct cli_command *command;
  struct cli_pool pool;
  struct cli_given *given; /* options, in their order */
  size_t given_count;
  const char **positional;
  size_t positional_count;
};

struct cli_command {
  const char *name;
  const char *summary;
  const char *usage;   /* what follows the name */
  const char *details; /* paragraphs and examples for the help page */
  const struct cli_option *options;
  size_t option_count;
  size_t least, most; /* positional arguments */
  int (*run)(struct cli *cli);
};

extern const struct cli_command *const cli_commands[];
extern const size_t cli_command_count;

extern const struct cli_command cli_eval, cli_check, cli_show, cli_test, cli_bench,
    cli_losses, cli_train, cli_help;

/* ---- arguments (arguments.c) ----------------------------------------------------- */

/* Sort argv[0..count), what follows the command's name, into `cli`. On a mistake it is
 * reported and false returned. `*wants_help` is set by --help. */
bool cli_arguments(struct cli *cli, char **argv, size_t count, bool *wants_help);

/* The last value given for an option ("" if it came without one); NULL if it was not
 * given. */
const char *cli_value(const struct cli *cli, const char *name);

/* The value of an option as the index of one of `words`; `fallback` if it was not
 * given. Any other value is reported as usage and gives -1. */
int cli_choice(const struct cli *cli, const char *name, const char *const *words,
               size_t count, int fallback);

/* --dtype f32|f64; 0 after a mistake. */
lossjit_dtype cli_dtype_option(const struct cli *cli);

/* The word nearest to `name`, or NULL if none is near enough to be meant. */
const char *cli_nearest(const char *name, const char *const *words, size_t count);

/* ---- help (help.c) --------------------------------------------------------------- */

void cli_print_overview(FILE *file);
void cli_print_help(FILE *file, const struct cli_command *command);
const struct cli_command *cli_find_command(const char *name);
/* "unknown command 'evl'; did you mean 'eval'?" on stderr; CLI_USAGE. */
int cli_unknown_command(const char *name);

#endif
