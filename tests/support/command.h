/*
 * Running the `lossjit` command as a black box.
 *
 * A test gives a shell script; it runs in an empty folder of its own, with `lossjit` on
 * the path, and what it wrote and how it ended is kept. Rows of such scripts with what
 * they must print make most of the tests of the command.
 */
#ifndef TESTS_SUPPORT_COMMAND_H
#define TESTS_SUPPORT_COMMAND_H

#include <stddef.h>

struct command_result {
  int status; /* exit status; 128 + signal after a crash */
  char *out;  /* standard output and standard error, terminated; */
  char *err;  /* valid until the next run */
};

/* Run `script` with /bin/sh in the tests' folder. */
struct command_result command_run(const char *script);

/* One behaviour: the script, how it ends, and what must be in its outputs (NULL:
 * anything; "": nothing at all). */
struct command_row {
  const char *script;
  int status;
  const char *out, *err;
};

/* Run every row; fails with the script and its outputs at the first that differs. */
void command_check(const struct command_row *rows, size_t count);

/* Make the folder before the first test and remove it after the last. */
int command_setup(void **state);
int command_teardown(void **state);

#endif
