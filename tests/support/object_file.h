/*
 * Object files for tests of the kernel loader: what the build made of tests/objects, as
 * bytes that may be changed, and the ELF structures in them. The files are well-formed
 * when read; the accessors trust them.
 */
#ifndef TEST_OBJECT_FILE_H
#define TEST_OBJECT_FILE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

struct test_object {
  uint8_t *bytes; /* from malloc */
  size_t size;
};

/* tests/objects/<name>.c, compiled. */
struct test_object test_object_read(const char *name);

Elf64_Ehdr *test_object_header(struct test_object object);
Elf64_Shdr *test_object_section(struct test_object object, unsigned index);
/* The first section of `type`, or with a name that starts with `prefix` if type is 0.
 * */
Elf64_Shdr *test_object_find(struct test_object object, uint32_t type,
                             const char *prefix);

#endif
