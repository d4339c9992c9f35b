/*
 * Memory of the command: blocks in a list, freed together, and the one-line error.
 *
 * Running out of memory ends the command with a message: nothing it does is worth going
 * on with then, and no caller has to think about it.
 */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct cli_block {
  struct cli_block *next;
  _Alignas(max_align_t) char bytes[];
};

static _Noreturn void out_of_memory(void)
{
  fputs("lossjit: error: out of memory\n", stderr);
  exit(CLI_WRONG);
}

void *cli_alloc(struct cli_pool *pool, size_t size)
{
  size_t total;
  if (__builtin_add_overflow(size, sizeof(struct cli_block), &total))
    out_of_memory();
  struct cli_block *block = calloc(1, total);
  if (!block)
    out_of_memory();
  block->next = pool->blocks;
  pool->blocks = block;
  return block->bytes;
}

void *cli_alloc_array(struct cli_pool *pool, size_t size, size_t count)
{
  size_t total;
  if (__builtin_mul_overflow(size, count, &total))
    out_of_memory();
  return cli_alloc(pool, total);
}

char *cli_copy(struct cli_pool *pool, const char *text, size_t length)
{
  char *copy = cli_alloc(pool, length + 1);
  if (length)
    memcpy(copy, text, length);
  return copy;
}

char *cli_format(struct cli_pool *pool, const char *format, ...)
{
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  char *text = cli_alloc(pool, length < 0 ? 1 : (size_t)length + 1);
  if (length > 0)
    vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  return text;
}

void cli_pool_free(struct cli_pool *pool)
{
  while (pool->blocks) {
    struct cli_block *block = pool->blocks;
    pool->blocks = block->next;
    free(block);
  }
}

bool cli_fail(struct cli_error *error, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->text, sizeof error->text, format, arguments);
  va_end(arguments);
  return false;
}
