/*
 * The history of a training as a CSV file; see history.h.
 */
#include "cli/history.h"
#include "cli/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A new file beside `path`, with the rights that any new file gets. */
static FILE *make_beside(struct cli_pool *pool, const char *path, char **name)
{
  *name = cli_format(pool, "%s.XXXXXX", path);
  int fd = mkstemp(*name);
  if (fd < 0)
    return NULL;
  mode_t mask = umask(0);
  umask(mask);
  FILE *file = fchmod(fd, 0666 & ~mask) == 0 ? fdopen(fd, "wb") : NULL;
  if (!file) {
    close(fd);
    unlink(*name);
  }
  return file;
}

bool cli_history_begin(struct cli_pool *pool, struct cli_history *history,
                       const char *path, struct cli_error *error)
{
  char *name;
  FILE *file = make_beside(pool, path, &name);
  if (!file)
    return cli_fail(error, "%s: %s", path, strerror(errno));
  fclose(file);
  unlink(name);
  *history = (struct cli_history){.path = path};
  history->rows = open_memstream(&history->text, &history->length);
  return history->rows || cli_fail(error, "%s: %s", path, strerror(errno));
}

/* ---- rows ------------------------------------------------------------------------ */

/* A metric may be any expression: commas and quotes are quoted (RFC 4180). */
static void write_name(FILE *file, const char *prefix, const char *name)
{
  bool quote = strpbrk(name, ",\"\r\n") != NULL;
  fprintf(file, ",%s%s", quote ? "\"" : "", prefix);
  for (; *name; name++)
    fprintf(file, *name == '"' ? "\"%c" : "%c", *name);
  fputs(quote ? "\"" : "", file);
}

static void write_names(FILE *file, const lossjit_model *model, const char *prefix)
{
  write_name(file, prefix, "loss");
  for (size_t i = 0; i < lossjit_model_metric_count(model); i++)
    write_name(file, prefix, lossjit_model_metric_name(model, i));
}

static void write_numbers(FILE *file, const lossjit_model *model, double loss,
                          const double *metrics)
{
  char text[CLI_NUMBER_SIZE];
  fprintf(file, ",%s", cli_number_text(LOSSJIT_F64, loss, text));
  for (size_t i = 0; i < lossjit_model_metric_count(model); i++)
    fprintf(file, ",%s", cli_number_text(LOSSJIT_F64, metrics[i], text));
}

void cli_history_add(struct cli_history *history, const lossjit_model *model,
                     const lossjit_epoch *epoch)
{
  FILE *file = history->rows;
  bool validated = lossjit_model_history(model)->validation_rows > 0;
  if (epoch->epoch == 1) {
    fputs("epoch", file);
    write_names(file, model, "");
    if (validated)
      write_names(file, model, "val_");
    fputs(",steps,seconds\n", file);
  }
  fprintf(file, "%zu", epoch->epoch);
  write_numbers(file, model, epoch->loss, epoch->metrics);
  if (validated)
    write_numbers(file, model, epoch->val_loss, epoch->val_metrics);
  fprintf(file, ",%zu,%.6f\n", epoch->steps, epoch->seconds);
}

/* ---- the file -------------------------------------------------------------------- */

static bool write_file(struct cli_pool *pool, const struct cli_history *history,
                       struct cli_error *error)
{
  char *name;
  FILE *file = make_beside(pool, history->path, &name);
  if (!file)
    return cli_fail(error, "%s: %s", history->path, strerror(errno));
  errno = 0;
  fwrite(history->text, 1, history->length, file);
  bool failed = ferror(file) != 0;
  failed |= fclose(file) != 0;
  failed = failed || rename(name, history->path) != 0;
  if (!failed)
    return true;
  cli_fail(error, "%s: %s", history->path, strerror(errno ? errno : EIO));
  unlink(name);
  return false;
}

bool cli_history_end(struct cli_pool *pool, struct cli_history *history,
                     struct cli_error *error)
{
  if (!history->rows)
    return true;
  bool failed = ferror(history->rows) != 0;
  failed |= fclose(history->rows) != 0;
  bool ok = failed            ? cli_fail(error, "%s: out of memory", history->path)
            : history->length ? write_file(pool, history, error)
                              : true;
  free(history->text);
  *history = (struct cli_history){0};
  return ok;
}
