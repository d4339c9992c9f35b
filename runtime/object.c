/*
 * Reading a relocatable ELF64 file: see object.h for what is checked and what is not.
 *
 * The one idea: every number of the file is compared with what is left of the file
 * before it is used, by subtraction, because sums of 64-bit numbers from a file can
 * wrap. Headers are copied out with memcpy; the file may lie at any address.
 */
#include "runtime/object.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

lossjit_status lj_object_refuse(struct lj_reason reason, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  if (reason.size > 0)
    vsnprintf(reason.text, reason.size, format, arguments);
  va_end(arguments);
  return LOSSJIT_INTERNAL;
}

static bool inside(uint64_t offset, uint64_t length, uint64_t size)
{
  return offset <= size && length <= size - offset;
}

/* ---- sections -------------------------------------------------------------------- */

Elf64_Shdr lj_object_section(const struct lj_object *object, uint32_t index)
{
  Elf64_Shdr section;
  memcpy(&section, object->bytes + object->section_table + index * sizeof section,
         sizeof section);
  return section;
}

/* A string in a table whose last byte is known to be zero. */
static const char *string_at(const struct lj_object *object, const Elf64_Shdr *table,
                             uint64_t offset)
{
  if (offset >= table->sh_size)
    return "";
  return (const char *)object->bytes + table->sh_offset + offset;
}

const char *lj_object_section_name(const struct lj_object *object,
                                   const Elf64_Shdr *section)
{
  return string_at(object, &object->section_names, section->sh_name);
}

bool lj_object_entries(const Elf64_Shdr *section, size_t entry_size, uint64_t *count)
{
  *count = section->sh_size / entry_size;
  return section->sh_entsize == entry_size && section->sh_size % entry_size == 0;
}

/* ---- symbols --------------------------------------------------------------------- */

bool lj_object_symbol(const struct lj_object *object, uint64_t index, Elf64_Sym *symbol)
{
  if (index >= object->symbol_count)
    return false;
  memcpy(symbol, object->bytes + object->symbols.sh_offset + index * sizeof *symbol,
         sizeof *symbol);
  return true;
}

const char *lj_object_symbol_name(const struct lj_object *object,
                                  const Elf64_Sym *symbol)
{
  return string_at(object, &object->symbol_names, symbol->st_name);
}

/* ---- opening --------------------------------------------------------------------- */

static lossjit_status check_header(struct lj_object *object, struct lj_reason reason,
                                   Elf64_Ehdr *header)
{
  if (object->size < sizeof *header)
    return lj_object_refuse(reason, "object: %zu bytes are no ELF file", object->size);
  memcpy(header, object->bytes, sizeof *header);
  if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
    return lj_object_refuse(reason, "object: not an ELF file");
  if (header->e_ident[EI_CLASS] != ELFCLASS64 ||
      header->e_ident[EI_DATA] != ELFDATA2LSB ||
      header->e_ident[EI_VERSION] != EV_CURRENT || header->e_type != ET_REL)
    return lj_object_refuse(reason,
                            "object: not a relocatable 64-bit little-endian file");
  if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shnum == 0 ||
      !inside(header->e_shoff, header->e_shnum * sizeof(Elf64_Shdr), object->size))
    return lj_object_refuse(reason, "object: the section table lies outside the file");
  object->machine = header->e_machine;
  object->section_count = header->e_shnum;
  object->section_table = header->e_shoff;
  return LOSSJIT_OK;
}

static lossjit_status check_sections(const struct lj_object *object,
                                     struct lj_reason reason)
{
  for (uint32_t i = 0; i < object->section_count; i++) {
    Elf64_Shdr section = lj_object_section(object, i);
    bool has_bytes = section.sh_type != SHT_NULL && section.sh_type != SHT_NOBITS;
    if (has_bytes && !inside(section.sh_offset, section.sh_size, object->size))
      return lj_object_refuse(reason, "object: section %u lies outside the file", i);
  }
  return LOSSJIT_OK;
}

/* Take section `index` as a table of names, which must end with a zero. */
static lossjit_status take_names(const struct lj_object *object, uint32_t index,
                                 struct lj_reason reason, Elf64_Shdr *names)
{
  if (index >= object->section_count)
    return lj_object_refuse(reason, "object: there is no section %u", index);
  *names = lj_object_section(object, index);
  if (names->sh_type != SHT_STRTAB || names->sh_size == 0 ||
      object->bytes[names->sh_offset + names->sh_size - 1] != 0)
    return lj_object_refuse(reason, "object: section %u is no table of names", index);
  return LOSSJIT_OK;
}

static lossjit_status take_symbols(struct lj_object *object, struct lj_reason reason)
{
  for (uint32_t i = 1; i < object->section_count; i++) {
    Elf64_Shdr section = lj_object_section(object, i);
    uint64_t count;
    if (section.sh_type != SHT_SYMTAB)
      continue;
    if (object->symbol_section != 0)
      return lj_object_refuse(reason, "object: two symbol tables");
    if (!lj_object_entries(&section, sizeof(Elf64_Sym), &count) || count > UINT32_MAX)
      return lj_object_refuse(reason, "object: a damaged symbol table");
    object->symbol_section = i;
    object->symbol_count = (uint32_t)count;
    object->symbols = section;
  }
  if (object->symbol_section == 0)
    return LOSSJIT_OK;
  return take_names(object, object->symbols.sh_link, reason, &object->symbol_names);
}

lossjit_status lj_object_open(const void *bytes, size_t size, struct lj_reason reason,
                              struct lj_object *object)
{
  Elf64_Ehdr header;
  *object = (struct lj_object){.bytes = bytes, .size = size};
  lossjit_status status = check_header(object, reason, &header);
  if (status == LOSSJIT_OK)
    status = check_sections(object, reason);
  if (status == LOSSJIT_OK && header.e_shstrndx != SHN_UNDEF)
    status = take_names(object, header.e_shstrndx, reason, &object->section_names);
  if (status == LOSSJIT_OK)
    status = take_symbols(object, reason);
  return status;
}
