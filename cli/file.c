/*
 * Reading a whole file, also one whose size nobody knows beforehand (a pipe).
 */
#include "cli/data.h"

#include <errno.h>
#include <string.h>

#define FILE_LIMIT                                                                     \
  ((size_t)8 << 30) /* an endless device is refused, not read forever */

static bool read_stream(struct cli_pool *pool, FILE *file, const char *name,
                        char **bytes, size_t *length, struct cli_error *error)
{
  size_t capacity = 1 << 16, used = 0;
  char *buffer = cli_alloc(pool, capacity);
  for (;;) {
    size_t got = fread(buffer + used, 1, capacity - 1 - used, file);
    used += got;
    if (got == 0)
      break;
    if (used < capacity - 1)
      continue;
    if (capacity >= FILE_LIMIT)
      return cli_fail(error, "%s: larger than 8 GiB", name);
    char *larger = cli_alloc(pool, capacity * 2);
    memcpy(larger, buffer, used);
    buffer = larger;
    capacity *= 2;
  }
  if (ferror(file))
    return cli_fail(error, "%s: %s", name, strerror(errno));
  buffer[used] = '\0';
  *bytes = buffer;
  *length = used;
  return true;
}

bool cli_read_file(struct cli_pool *pool, const char *path, char **bytes,
                   size_t *length, struct cli_error *error)
{
  if (strcmp(path, "-") == 0)
    return read_stream(pool, stdin, "standard input", bytes, length, error);
  FILE *file = fopen(path, "rb");
  if (!file)
    return cli_fail(error, "%s: %s", path, strerror(errno));
  bool ok = read_stream(pool, file, path, bytes, length, error);
  fclose(file);
  return ok;
}
