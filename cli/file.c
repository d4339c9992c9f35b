/*
 * Reading a whole file, also one whose size nobody knows beforehand (a pipe).
 */
#include "cli/data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct buffer {
  char *bytes;
  size_t used, capacity;
};

static bool too_large(const char *name, size_t limit, struct cli_error *error)
{
  bool gibi = limit >= (size_t)1 << 30;
  return cli_fail(error, "%s: larger than the limit of %zu %s", name,
                  limit >> (gibi ? 30 : 20), gibi ? "GiB" : "MiB");
}

/* Read until the end or until there is one byte more than the limit. */
static bool fill(FILE *file, const char *name, size_t limit, struct buffer *buffer,
                 struct cli_error *error)
{
  for (;;) {
    if (buffer->used == buffer->capacity) {
      size_t capacity = buffer->capacity ? 2 * buffer->capacity : 1 << 16;
      char *larger = realloc(buffer->bytes, capacity);
      if (!larger)
        return cli_fail(error, "%s: out of memory", name);
      buffer->bytes = larger;
      buffer->capacity = capacity;
    }
    size_t room = buffer->capacity - buffer->used, most = limit + 1 - buffer->used;
    size_t got =
        fread(buffer->bytes + buffer->used, 1, room < most ? room : most, file);
    buffer->used += got;
    if (buffer->used > limit)
      return too_large(name, limit, error);
    if (got == 0)
      return !ferror(file) || cli_fail(error, "%s: %s", name, strerror(errno));
  }
}

static bool read_stream(struct cli_pool *pool, FILE *file, const char *name,
                        size_t limit, char **bytes, size_t *length,
                        struct cli_error *error)
{
  struct buffer buffer = {0};
  struct stat about;
  if (fstat(fileno(file), &about) == 0 && S_ISREG(about.st_mode) &&
      (uintmax_t)about.st_size > limit)
    return too_large(name, limit, error);
  bool ok = fill(file, name, limit, &buffer, error);
  if (ok) {
    *bytes = cli_copy(pool, buffer.bytes, buffer.used);
    *length = buffer.used;
  }
  free(buffer.bytes);
  return ok;
}

bool cli_read_file(struct cli_pool *pool, const char *path, size_t limit, char **bytes,
                   size_t *length, struct cli_error *error)
{
  if (strcmp(path, "-") == 0)
    return read_stream(pool, stdin, "standard input", limit, bytes, length, error);
  FILE *file = fopen(path, "rb");
  if (!file)
    return cli_fail(error, "%s: %s", path, strerror(errno));
  bool ok = read_stream(pool, file, path, limit, bytes, length, error);
  fclose(file);
  return ok;
}
