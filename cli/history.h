/*
 * The history of a training as a CSV file: one line per epoch.
 *
 * Rows are kept in memory and written at the end into a file of another name that then
 * takes the place of the old one: whoever reads it finds a whole history, old or new.
 */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include "cli/cli.h"

#include "lossjit_train.h"

struct cli_history {
  const char *path;
  FILE *rows; /* into `text` */
  char *text;
  size_t length;
};

/* Begin; false (with the error) if no file can be made beside `path`. */
bool cli_history_begin(struct cli_pool *pool, struct cli_history *history,
                       const char *path, struct cli_error *error);

/* Add an epoch, with the header before the first. */
void cli_history_add(struct cli_history *history, const lossjit_model *model,
                     const lossjit_epoch *epoch);

/* Write the file, if there was an epoch, and let go of the memory. */
bool cli_history_end(struct cli_pool *pool, struct cli_history *history,
                     struct cli_error *error);

#endif
