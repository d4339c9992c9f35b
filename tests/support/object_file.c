/*
 * Object files for tests of the kernel loader: see object_file.h.
 */
#include "tests/support/object_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct test_object test_object_read(const char *name)
{
  char path[4096];
  snprintf(path, sizeof path, "%s/%s.o", LOSSJIT_TEST_OBJECTS, name);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  assert_int_equal(fseek(file, 0, SEEK_END), 0);
  struct test_object object = {.size = (size_t)ftell(file)};
  rewind(file);
  object.bytes = malloc(object.size);
  assert_non_null(object.bytes);
  assert_int_equal(fread(object.bytes, 1, object.size, file), object.size);
  fclose(file);
  return object;
}

Elf64_Ehdr *test_object_header(struct test_object object)
{
  return (Elf64_Ehdr *)object.bytes;
}

Elf64_Shdr *test_object_section(struct test_object object, unsigned index)
{
  return (Elf64_Shdr *)(object.bytes + test_object_header(object)->e_shoff) + index;
}

Elf64_Shdr *test_object_find(struct test_object object, uint32_t type,
                             const char *prefix)
{
  const char *names =
      (const char *)object.bytes +
      test_object_section(object, test_object_header(object)->e_shstrndx)->sh_offset;
  for (unsigned i = 1; i < test_object_header(object)->e_shnum; i++) {
    Elf64_Shdr *section = test_object_section(object, i);
    if (type != 0 ? section->sh_type == type
                  : strncmp(names + section->sh_name, prefix, strlen(prefix)) == 0)
      return section;
  }
  fail_msg("the test object has no section %s of type %u", prefix, type);
  return NULL;
}
