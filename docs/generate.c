/*
 * Writes the generated pages of the reference into a folder: `lossjit-docs docs`, or
 * `cmake --build build/release --target docs`. The test check_docs fails while a page
 * in docs/ differs from what this program writes.
 *
 * One file per page, docs/page_*.c; see pages.h.
 */
#include "docs/pages.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum { WIDTH = 88 };

static const struct {
  const char *file_name;
  bool (*write)(FILE *page);
} pages[] = {
    {"operators.md", write_operators},
    {"losses.md", write_losses},
    {"diagnostics.md", write_diagnostics},
    {"lossjit.1", write_manual},
};

/* Would Markdown take this character for more than itself? An underscore inside a word
 * is one. */
static bool is_special(const char *words, size_t i, size_t length)
{
  if (words[i] != '_')
    return words[i] && strchr("*<[\\", words[i]);
  return i == 0 || i + 1 == length || !isalnum((unsigned char)words[i - 1]) ||
         !isalnum((unsigned char)words[i + 1]);
}

void write_words(FILE *page, const char *words, size_t length)
{
  bool code = false;

  for (size_t i = 0; i < length; i++) {
    code ^= words[i] == '`';
    if (!code && is_special(words, i, length))
      putc('\\', page);
    putc(words[i], page);
  }
}

void write_paragraph(FILE *page, const char *begin, const char *markdown)
{
  size_t column = strlen(begin);

  fputs(begin, page);
  while (*markdown) {
    size_t length = strcspn(markdown, " ");
    const char *space = column ? " " : "";
    if (column + 1 + length > WIDTH) {
      space = *begin ? "\n  " : "\n";
      column = 1;
    }
    column += (size_t)fprintf(page, "%s%.*s", space, (int)length, markdown);
    markdown += length + strspn(markdown + length, " ");
  }
  putc('\n', page);
}

void write_link(FILE *page, const char *name, const char *separator, size_t *column)
{
  size_t length = 2 * strlen(name) + strlen("[](#)") + 1;

  fputs(separator, page);
  *column += strlen(separator) + length;
  if (*column > WIDTH) {
    putc('\n', page);
    *column = length;
  } else if (*separator) {
    putc(' ', page);
  }
  fprintf(page, "[%s](#%s)", name, name);
}

static bool complain(const char *path)
{
  fprintf(stderr, "lossjit-docs: %s: %s\n", path, strerror(errno));
  return false;
}

static bool write_page(const char *folder, size_t i)
{
  char path[4096];
  FILE *page;
  bool good;

  if (snprintf(path, sizeof path, "%s/%s", folder, pages[i].file_name) >=
      (int)sizeof path) {
    errno = ENAMETOOLONG;
    return complain(folder);
  }
  page = fopen(path, "w");
  if (!page)
    return complain(path);
  good = pages[i].write(page);
  good &= !ferror(page);
  if (fclose(page) != 0)
    return complain(path);
  return good;
}

int main(int argc, char **argv)
{
  bool good = true;

  if (argc != 2) {
    fputs("usage: lossjit-docs FOLDER\n", stderr);
    return 2;
  }
  for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
    good &= write_page(argv[1], i);
  return good ? 0 : 1;
}
