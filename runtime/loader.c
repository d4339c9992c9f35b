/*
 * The kernel loader: see loader.h.
 *
 * The image of a kernel is one mapping in two parts: read-only sections from its first
 * page on, executable ones from `code_begin`, the next page boundary. Loading goes in
 * one direction: place the sections, map, copy, relocate, protect, note the symbols.
 * The code goes live in lj_code_load and ends in destroy; whoever wants to know of
 * every kernel in the process (a debugger, a profiler) is to be told in these two
 * functions.
 */
#include "runtime/loader.h"

#include "runtime/object.h"
#include "runtime/relocate.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__x86_64__)
#define HOST_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define HOST_MACHINE EM_AARCH64
#else
#error "the kernel loader knows x86-64 and AArch64"
#endif

/* Real kernels take a few pages. The bound keeps every distance inside an image within
 * the reach of all relocation types, a branch on AArch64 (128 MiB) included, and keeps
 * a file with a thousand sections over the same bytes from filling the memory. */
#define IMAGE_LIMIT (UINT64_C(64) << 20)

struct symbol {
  const char *name; /* in the memory behind the symbols */
  void *address;
};

struct lj_code {
  atomic_size_t references;
  lossjit_allocator allocator;
  uint8_t *image;
  size_t image_size;
  size_t symbol_count;
  struct symbol symbols[];
};

/* Where a section goes. */
struct place {
  uint32_t offset, size;
  bool loaded;
};

/* One load while it is under way. */
struct load {
  struct lj_object object;
  struct lj_reason reason;
  const lossjit_allocator *allocator;
  struct place *places; /* [object.section_count] */
  uint64_t code_begin, image_size;
  uint64_t page;
  uint8_t *image;
};

static void *allocate(const lossjit_allocator *allocator, size_t size)
{
  return allocator->resize(allocator->user, NULL, size);
}

static void give_back(const lossjit_allocator *allocator, void *memory)
{
  if (memory != NULL)
    allocator->resize(allocator->user, memory, 0);
}

/* ---- placing --------------------------------------------------------------------- */

/* Sections that occupy memory in a program, without those that only describe code to
 * debuggers and unwinders: a kernel neither throws nor is thrown through. */
static bool is_wanted(const struct lj_object *object, const Elf64_Shdr *section)
{
  return (section->sh_flags & SHF_ALLOC) != 0 && section->sh_size > 0 &&
         section->sh_type != SHT_NOTE && section->sh_type != SHT_X86_64_UNWIND &&
         strcmp(lj_object_section_name(object, section), ".eh_frame") != 0;
}

static lossjit_status check_wanted(const struct load *load, const Elf64_Shdr *section)
{
  const char *name = lj_object_section_name(&load->object, section);
  uint64_t alignment = section->sh_addralign;
  if ((section->sh_flags & (SHF_WRITE | SHF_TLS)) != 0)
    return lj_object_refuse(load->reason, "object: section '%.80s' is writable data",
                            name);
  if (section->sh_type != SHT_PROGBITS || (section->sh_flags & SHF_COMPRESSED) != 0)
    return lj_object_refuse(load->reason,
                            "object: section '%.80s' is of an unknown kind", name);
  if ((alignment & (alignment - 1)) != 0 || alignment > load->page)
    return lj_object_refuse(load->reason,
                            "object: section '%.80s' has a wrong alignment", name);
  return LOSSJIT_OK;
}

static uint64_t round_up(uint64_t value, uint64_t alignment)
{
  return alignment > 1 ? (value + alignment - 1) & ~(alignment - 1) : value;
}

/* Append the wanted sections that are executable, or those that are not. */
static lossjit_status place_sections(struct load *load, bool executable)
{
  for (uint32_t i = 0; i < load->object.section_count; i++) {
    Elf64_Shdr section = lj_object_section(&load->object, i);
    bool is_executable = (section.sh_flags & SHF_EXECINSTR) != 0;
    if (is_executable != executable || !is_wanted(&load->object, &section))
      continue;
    lossjit_status status = check_wanted(load, &section);
    if (status != LOSSJIT_OK)
      return status;
    uint64_t offset = round_up(load->image_size, section.sh_addralign);
    if (section.sh_size > IMAGE_LIMIT || offset > IMAGE_LIMIT - section.sh_size)
      return lj_object_refuse(load->reason, "object: larger than any kernel");
    load->places[i] = (struct place){(uint32_t)offset, (uint32_t)section.sh_size, true};
    load->image_size = offset + section.sh_size;
  }
  load->image_size = round_up(load->image_size, load->page);
  return LOSSJIT_OK;
}

static lossjit_status place_all(struct load *load)
{
  size_t size = load->object.section_count * sizeof *load->places;
  load->places = allocate(load->allocator, size);
  if (load->places == NULL)
    return LOSSJIT_NO_MEMORY;
  memset(load->places, 0, size);
  lossjit_status status = place_sections(load, false);
  load->code_begin = load->image_size;
  if (status == LOSSJIT_OK)
    status = place_sections(load, true);
  if (status == LOSSJIT_OK && load->image_size == load->code_begin)
    return lj_object_refuse(load->reason, "object: there is no code in it");
  return status;
}

/* ---- mapping --------------------------------------------------------------------- */

static lossjit_status map_image(struct load *load)
{
  void *image = mmap(NULL, load->image_size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (image == MAP_FAILED)
    return LOSSJIT_NO_MEMORY;
  load->image = image;
  for (uint32_t i = 0; i < load->object.section_count; i++) {
    Elf64_Shdr section = lj_object_section(&load->object, i);
    if (load->places[i].loaded)
      memcpy(load->image + load->places[i].offset,
             load->object.bytes + section.sh_offset, load->places[i].size);
  }
  return LOSSJIT_OK;
}

static lossjit_status protect(const struct load *load)
{
  uint8_t *code = load->image + load->code_begin;
  size_t code_size = load->image_size - load->code_begin;
  if (load->code_begin > 0 && mprotect(load->image, load->code_begin, PROT_READ) != 0)
    return lj_object_refuse(load->reason, "mprotect: %s", strerror(errno));
  if (mprotect(code, code_size, PROT_READ | PROT_EXEC) != 0)
    return lj_object_refuse(load->reason, "no executable memory: %s", strerror(errno));
  __builtin___clear_cache((char *)code, (char *)code + code_size);
  return LOSSJIT_OK;
}

/* ---- relocating ------------------------------------------------------------------ */

/* A symbol's address in the image, NULL if it has none there. */
static uint8_t *address_of(const struct load *load, const Elf64_Sym *symbol)
{
  int type = ELF64_ST_TYPE(symbol->st_info);
  if (symbol->st_shndx >= load->object.section_count ||
      !load->places[symbol->st_shndx].loaded ||
      symbol->st_value > load->places[symbol->st_shndx].size || type == STT_TLS ||
      type == STT_GNU_IFUNC)
    return NULL;
  return load->image + load->places[symbol->st_shndx].offset + symbol->st_value;
}

static lossjit_status refuse_symbol(const struct load *load, uint64_t index)
{
  Elf64_Sym symbol;
  if (!lj_object_symbol(&load->object, index, &symbol))
    return lj_object_refuse(load->reason,
                            "object: a relocation by a symbol that is not there");
  const char *name = lj_object_symbol_name(&load->object, &symbol);
  if (symbol.st_shndx == SHN_UNDEF)
    return lj_object_refuse(load->reason, "object: '%.80s' is undefined", name);
  return lj_object_refuse(load->reason, "object: '%.80s' is not in the loaded sections",
                          name);
}

static lossjit_status relocate(const struct load *load, const struct place *place,
                               const Elf64_Rela *entry)
{
  uint32_t type = (uint32_t)ELF64_R_TYPE(entry->r_info);
  int width = lj_relocation_width(HOST_MACHINE, type);
  if (width < 0)
    return lj_object_refuse(load->reason,
                            "object: relocation type %u is not one of ours", type);
  if (width == 0)
    return LOSSJIT_OK;
  if (entry->r_offset > place->size || place->size - entry->r_offset < (uint64_t)width)
    return lj_object_refuse(load->reason, "object: a relocation outside its section");

  Elf64_Sym symbol;
  uint64_t symbol_index = ELF64_R_SYM(entry->r_info);
  uint8_t *address = NULL;
  if (lj_object_symbol(&load->object, symbol_index, &symbol))
    address = address_of(load, &symbol);
  if (address == NULL)
    return refuse_symbol(load, symbol_index);

  uint8_t *at = load->image + place->offset + entry->r_offset;
  uint64_t target = (uint64_t)(uintptr_t)address + (uint64_t)entry->r_addend;
  if (!lj_relocate(HOST_MACHINE, type, at, (uint64_t)(uintptr_t)at, target))
    return lj_object_refuse(load->reason, "object: a relocation out of reach");
  return LOSSJIT_OK;
}

static lossjit_status relocate_section(const struct load *load, const Elf64_Shdr *table,
                                       const struct place *place)
{
  uint64_t count;
  if (table->sh_type != SHT_RELA || table->sh_link != load->object.symbol_section ||
      !lj_object_entries(table, sizeof(Elf64_Rela), &count))
    return lj_object_refuse(load->reason, "object: a damaged relocation table");
  for (uint64_t i = 0; i < count; i++) {
    Elf64_Rela entry;
    memcpy(&entry, load->object.bytes + table->sh_offset + i * sizeof entry,
           sizeof entry);
    lossjit_status status = relocate(load, place, &entry);
    if (status != LOSSJIT_OK)
      return status;
  }
  return LOSSJIT_OK;
}

static lossjit_status relocate_all(const struct load *load)
{
  for (uint32_t i = 0; i < load->object.section_count; i++) {
    Elf64_Shdr table = lj_object_section(&load->object, i);
    if (table.sh_type != SHT_RELA && table.sh_type != SHT_REL)
      continue;
    if (table.sh_info >= load->object.section_count)
      return lj_object_refuse(load->reason, "object: a damaged relocation table");
    if (!load->places[table.sh_info].loaded)
      continue;
    lossjit_status status =
        relocate_section(load, &table, &load->places[table.sh_info]);
    if (status != LOSSJIT_OK)
      return status;
  }
  return LOSSJIT_OK;
}

/* ---- symbols --------------------------------------------------------------------- */

/* Symbol `index` if callers may ask for it by name; NULL if not. */
static uint8_t *exported(const struct load *load, uint32_t index, const char **name)
{
  Elf64_Sym symbol;
  if (!lj_object_symbol(&load->object, index, &symbol) ||
      ELF64_ST_BIND(symbol.st_info) != STB_GLOBAL)
    return NULL;
  *name = lj_object_symbol_name(&load->object, &symbol);
  return **name != 0 ? address_of(load, &symbol) : NULL;
}

/* The handle, with the exported symbols and behind them their names in one allocation.
 * */
static struct lj_code *make_code(const struct load *load)
{
  size_t count = 0, name_bytes = 0;
  const char *name;
  for (uint32_t i = 0; i < load->object.symbol_count; i++)
    if (exported(load, i, &name) != NULL) {
      count++;
      name_bytes += strlen(name) + 1;
    }

  struct lj_code *code = allocate(
      load->allocator, sizeof *code + count * sizeof *code->symbols + name_bytes);
  if (code == NULL)
    return NULL;
  atomic_init(&code->references, 1);
  code->allocator = *load->allocator;
  code->image = load->image;
  code->image_size = load->image_size;
  code->symbol_count = 0;

  char *names = (char *)(code->symbols + count);
  for (uint32_t i = 0; i < load->object.symbol_count; i++) {
    uint8_t *address = exported(load, i, &name);
    if (address == NULL)
      continue;
    size_t length = strlen(name) + 1;
    code->symbols[code->symbol_count++] = (struct symbol){names, address};
    memcpy(names, name, length);
    names += length;
  }
  return code;
}

void *lj_code_symbol(const struct lj_code *code, const char *name)
{
  for (size_t i = 0; i < code->symbol_count; i++)
    if (strcmp(code->symbols[i].name, name) == 0)
      return code->symbols[i].address;
  return NULL;
}

/* ---- the handle ------------------------------------------------------------------ */

static lossjit_status run_load(struct load *load, const void *object, size_t size)
{
  lossjit_status status = lj_object_open(object, size, load->reason, &load->object);
  if (status == LOSSJIT_OK && load->object.machine != HOST_MACHINE)
    return lj_object_refuse(load->reason, "object: for another machine (%u)",
                            load->object.machine);
  if (status == LOSSJIT_OK)
    status = place_all(load);
  if (status == LOSSJIT_OK)
    status = map_image(load);
  if (status == LOSSJIT_OK)
    status = relocate_all(load);
  if (status == LOSSJIT_OK)
    status = protect(load);
  return status;
}

lossjit_status lj_code_load(const void *object, size_t size,
                            const lossjit_allocator *allocator, struct lj_code **code,
                            char *error, size_t error_size)
{
  if (code != NULL)
    *code = NULL;
  if (error_size > 0 && error != NULL)
    error[0] = 0;
  if (code == NULL || object == NULL || allocator == NULL ||
      (error == NULL && error_size > 0))
    return LOSSJIT_ARGUMENT;

  struct load load = {.reason = {error, error_size},
                      .allocator = allocator,
                      .page = (uint64_t)sysconf(_SC_PAGESIZE)};
  lossjit_status status = run_load(&load, object, size);
  if (status == LOSSJIT_OK) {
    *code = make_code(&load);
    status = *code != NULL ? LOSSJIT_OK : LOSSJIT_NO_MEMORY;
  }
  if (status == LOSSJIT_NO_MEMORY)
    (void)lj_object_refuse(load.reason, "no memory for a kernel of %zu bytes", size);
  if (status != LOSSJIT_OK && load.image != NULL)
    munmap(load.image, load.image_size);
  give_back(allocator, load.places);
  return status;
}

static void destroy(struct lj_code *code)
{
  lossjit_allocator allocator = code->allocator;
  munmap(code->image, code->image_size);
  give_back(&allocator, code);
}

size_t lj_code_size(const struct lj_code *code)
{
  return code->image_size;
}

struct lj_code *lj_code_retain(struct lj_code *code)
{
  atomic_fetch_add_explicit(&code->references, 1, memory_order_relaxed);
  return code;
}

void lj_code_release(struct lj_code *code)
{
  if (code == NULL)
    return;
  if (atomic_fetch_sub_explicit(&code->references, 1, memory_order_acq_rel) == 1)
    destroy(code);
}
