/*
 * Reading a relocatable ELF64 file that may be damaged or hostile.
 *
 * lj_object_open checks everything that has to hold of the file as a whole: the header,
 * the section table, that each section's bytes lie inside the file, that names end.
 * What the accessors return afterwards is therefore safe to follow; what a section or
 * symbol *means* (flags, types, values) is the reader's to judge. Nothing is copied or
 * allocated: the bytes must outlive the view. They need no alignment.
 */
#ifndef LJ_OBJECT_H
#define LJ_OBJECT_H

#include "lossjit.h"

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lj_object {
  const uint8_t *bytes;
  size_t size;
  uint16_t machine; /* EM_X86_64, EM_AARCH64, ... */
  uint32_t section_count;
  uint64_t section_table;
  uint32_t symbol_section; /* number of the symbol table; 0: the file has none */
  uint32_t symbol_count;
  Elf64_Shdr symbols, symbol_names, section_names; /* empty if there is none */
};

/* Where a reason goes; `text` may be NULL when `size` is 0. */
struct lj_reason {
  char *text;
  size_t size;
};

/* Write the reason, cut to fit, and return LOSSJIT_INTERNAL: objects come from our own
 * back end, so one that does not load is our own bug or a damaged copy. */
lossjit_status lj_object_refuse(struct lj_reason reason, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

lossjit_status lj_object_open(const void *bytes, size_t size, struct lj_reason reason,
                              struct lj_object *object);

/* `index` below section_count. */
Elf64_Shdr lj_object_section(const struct lj_object *object, uint32_t index);
/* Terminated, "" if it has none. */
const char *lj_object_section_name(const struct lj_object *object,
                                   const Elf64_Shdr *section);

/* False if there is no symbol of that number. */
bool lj_object_symbol(const struct lj_object *object, uint64_t index,
                      Elf64_Sym *symbol);
const char *lj_object_symbol_name(const struct lj_object *object,
                                  const Elf64_Sym *symbol);

/* How many entries of `entry_size` bytes a section holds; false unless it says so
 * itself. */
bool lj_object_entries(const Elf64_Shdr *section, size_t entry_size, uint64_t *count);

#endif
