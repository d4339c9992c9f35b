/*
 * The kernel loader: an object file becomes code that runs, page by page protected, and
 * every file that is no kernel is refused with its reason. The objects are compiled from
 * tests/objects when the tests are built.
 */
#include "runtime/loader.h"
#include "tests/alloc_hook.h"

#include <elf.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef float dot_function(const float *x, long n);

struct object {
  uint8_t *bytes;
  size_t size;
};

/* ---- helpers ------------------------------------------------------------------------- */

static struct object read_object(const char *name)
{
  char path[4096];
  snprintf(path, sizeof path, "%s/%s.o", LOSSJIT_TEST_OBJECTS, name);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  assert_int_equal(fseek(file, 0, SEEK_END), 0);
  struct object object = {.size = (size_t)ftell(file)};
  rewind(file);
  object.bytes = malloc(object.size);
  assert_non_null(object.bytes);
  assert_int_equal(fread(object.bytes, 1, object.size, file), object.size);
  fclose(file);
  return object;
}

static Elf64_Ehdr *header_of(struct object object)
{
  return (Elf64_Ehdr *)object.bytes;
}

static Elf64_Shdr *section_of(struct object object, unsigned index)
{
  return (Elf64_Shdr *)(object.bytes + header_of(object)->e_shoff) + index;
}

/* The first section of `type`, or with a name that starts with `prefix` if type is 0. */
static Elf64_Shdr *find_section(struct object object, uint32_t type, const char *prefix)
{
  const char *names = (const char *)object.bytes +
                      section_of(object, header_of(object)->e_shstrndx)->sh_offset;
  for (unsigned i = 1; i < header_of(object)->e_shnum; i++) {
    Elf64_Shdr *section = section_of(object, i);
    if (type != 0 ? section->sh_type == type
                  : strncmp(names + section->sh_name, prefix, strlen(prefix)) == 0)
      return section;
  }
  fail_msg("the test object has no section %s of type %u", prefix, type);
  return NULL;
}

static struct lj_code *load_kernel(struct lj_alloc_hook *hook)
{
  struct object object = read_object("kernel");
  struct lj_code *code;
  char error[200];
  lossjit_status status = lj_code_load(object.bytes, object.size, &hook->allocator,
                                       &code, error, sizeof error);
  assert_string_equal(error, "");
  assert_int_equal(status, LOSSJIT_OK);
  free(object.bytes);
  return code;
}

/* Loading must fail with a reason that contains `reason`, and leave nothing behind. */
static void assert_refused(struct object object, const char *reason)
{
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  struct lj_code *code = (struct lj_code *)&hook;
  char error[200];
  lossjit_status status = lj_code_load(object.bytes, object.size, &hook.allocator,
                                       &code, error, sizeof error);
  assert_int_equal(status, LOSSJIT_INTERNAL);
  assert_null(code);
  assert_int_equal(hook.live, 0);
  if (strstr(error, reason) == NULL)
    fail_msg("'%s' does not say '%s'", error, reason);
}

/* Permissions of the page at `address`, such as "r-xp"; "" if it is not mapped. */
static void permissions_at(const void *address, char permissions[5])
{
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[512];
  permissions[0] = 0;
  assert_non_null(maps);
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long begin, end;
    char flags[5];
    if (sscanf(line, "%lx-%lx %4s", &begin, &end, flags) == 3 &&
        (uintptr_t)address >= begin && (uintptr_t)address < end)
      memcpy(permissions, flags, 5);
  }
  fclose(maps);
}

/* ---- what loads ---------------------------------------------------------------------- */

static void loaded_code_runs(void **state)
{
  (void)state;
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  struct lj_code *code = load_kernel(&hook);
  dot_function *dot = (dot_function *)lj_code_symbol(code, "sample_dot");
  assert_non_null(dot);
  const float x[5] = {4, 2, 1, 0.5f, 8};
  assert_true(dot(x, 5) == 6.0f); /* 4/4 + 2/2 + 1 + 0.5*2 + 8/4 */
  assert_true(dot(x, 0) == 0.0f);
  lj_code_release(code);
  assert_int_equal(hook.live, 0);
}

static void unknown_symbols_are_null(void **state)
{
  (void)state;
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  struct lj_code *code = load_kernel(&hook);
  assert_non_null(lj_code_symbol(code, "sample_weight"));
  assert_null(lj_code_symbol(code, "sample"));
  assert_null(lj_code_symbol(code, "weights")); /* local to its file */
  assert_null(lj_code_symbol(code, ""));
  lj_code_release(code);
}

static void no_page_is_writable_and_executable(void **state)
{
  (void)state;
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  struct lj_code *code = load_kernel(&hook);
  char permissions[5];
  uint8_t *function = lj_code_symbol(code, "sample_dot");
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  permissions_at(function, permissions);
  assert_string_equal(permissions, "r-xp");
  /* The constants lie on a page of their own in front of the code. */
  assert_int_equal(lj_code_size(code), 2 * page);
  permissions_at(function - page, permissions);
  assert_string_equal(permissions, "r--p");
  lj_code_release(code);
}

static void release_unmaps_with_the_last_reference(void **state)
{
  (void)state;
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  struct lj_code *code = load_kernel(&hook);
  assert_ptr_equal(lj_code_retain(code), code);
  lj_code_release(code);
  const float x[1] = {4};
  dot_function *dot = (dot_function *)lj_code_symbol(code, "sample_dot");
  assert_true(dot(x, 1) == 1.0f);
  lj_code_release(code);
  assert_int_equal(hook.live, 0);
  lj_code_release(NULL);
}

static void *use_from_thread(void *argument)
{
  struct lj_code *code = argument;
  const float x[2] = {4, 2};
  for (int i = 0; i < 1000; i++) {
    lj_code_retain(code);
    dot_function *dot = (dot_function *)lj_code_symbol(code, "sample_dot");
    if (dot(x, 2) != 2.0f)
      abort();
    lj_code_release(code);
  }
  lj_code_release(code);
  return NULL;
}

static void references_are_counted_across_threads(void **state)
{
  (void)state;
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  struct lj_code *code = load_kernel(&hook);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    assert_int_equal(
        pthread_create(&threads[i], NULL, use_from_thread, lj_code_retain(code)), 0);
  lj_code_release(code);
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(hook.live, 0);
}

static void bytes_need_no_alignment(void **state)
{
  (void)state;
  struct object object = read_object("kernel");
  uint8_t *shifted = malloc(object.size + 1);
  memcpy(shifted + 1, object.bytes, object.size);
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  struct lj_code *code;
  assert_int_equal(
      lj_code_load(shifted + 1, object.size, &hook.allocator, &code, NULL, 0),
      LOSSJIT_OK);
  lj_code_release(code);
  free(shifted);
  free(object.bytes);
}

/* ---- what is refused ----------------------------------------------------------------- */

static void what_no_kernel_contains_is_refused(void **state)
{
  (void)state;
  static const struct {
    const char *object, *reason;
  } rows[] = {
      {"undefined", "'sample_outside' is undefined"},
      {"writable", "section '.data' is writable data"},
      {"zeroed", "section '.bss' is writable data"},
      {"absolute", "relocation type"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct object object = read_object(rows[i].object);
    assert_refused(object, rows[i].reason);
    free(object.bytes);
  }
}

static void other_files_are_refused(void **state)
{
  (void)state;
  struct object object = read_object("kernel");
  Elf64_Ehdr saved = *header_of(object);

  assert_refused((struct object){object.bytes, 0}, "0 bytes are no ELF file");
  assert_refused((struct object){object.bytes, 63}, "63 bytes are no ELF file");
  header_of(object)->e_ident[1] = 'X';
  assert_refused(object, "not an ELF file");
  *header_of(object) = saved;
  header_of(object)->e_type = ET_DYN;
  assert_refused(object, "not a relocatable");
  *header_of(object) = saved;
  header_of(object)->e_machine = EM_RISCV;
  assert_refused(object, "another machine");
  *header_of(object) = saved;
  header_of(object)->e_shoff = UINT64_MAX - 8;
  assert_refused(object, "outside the file");
  *header_of(object) = saved;
  assert_refused((struct object){object.bytes, object.size - 1}, "outside the file");
  free(object.bytes);
}

static void damaged_sections_are_refused(void **state)
{
  (void)state;
  struct object object = read_object("kernel");
  Elf64_Shdr *text = find_section(object, 0, ".text");
  Elf64_Shdr *constants = find_section(object, 0, ".rodata");
  Elf64_Shdr saved = *text, saved_constants = *constants;

  text->sh_offset = UINT64_MAX - 4; /* a sum with the size would wrap */
  assert_refused(object, "outside the file");
  *text = saved;
  text->sh_addralign = 48;
  assert_refused(object, "wrong alignment");
  text->sh_addralign = UINT64_C(1) << 40;
  assert_refused(object, "wrong alignment");
  *text = saved;
  text->sh_flags |= SHF_WRITE;
  assert_refused(object, "'.text' is writable data");
  *text = saved;
  text->sh_type = SHT_NOBITS;
  assert_refused(object, "unknown kind");
  *text = saved;
  text->sh_flags &= ~(uint64_t)SHF_EXECINSTR;
  assert_refused(object, "no code");
  *text = saved;
  constants->sh_flags &= ~(uint64_t)SHF_ALLOC;
  assert_refused(object, "not in the loaded sections");
  *constants = saved_constants;
  free(object.bytes);
}

static void damaged_relocations_are_refused(void **state)
{
  (void)state;
  struct object object = read_object("kernel");
  Elf64_Shdr *table = find_section(object, 0, ".rela.text");
  Elf64_Rela *entry = (Elf64_Rela *)(object.bytes + table->sh_offset);
  Elf64_Shdr saved_table = *table;
  Elf64_Rela saved = *entry;

  entry->r_offset = UINT64_MAX - 1;
  assert_refused(object, "outside its section");
  *entry = saved;
  entry->r_addend = INT64_MAX;
  assert_refused(object, "out of reach");
  *entry = saved;
  entry->r_info = ELF64_R_INFO(UINT32_MAX, ELF64_R_TYPE(saved.r_info));
  assert_refused(object, "symbol that is not there");
  *entry = saved;
  entry->r_info = ELF64_R_INFO(ELF64_R_SYM(saved.r_info), 0xffff);
  assert_refused(object, "relocation type 65535");
  *entry = saved;
  table->sh_entsize = 1;
  assert_refused(object, "damaged relocation table");
  *table = saved_table;
  table->sh_info = 0xffffff;
  assert_refused(object, "damaged relocation table");
  *table = saved_table;
  free(object.bytes);
}

static void damaged_symbols_are_refused(void **state)
{
  (void)state;
  struct object object = read_object("kernel");
  Elf64_Shdr *table = find_section(object, SHT_SYMTAB, "");
  Elf64_Shdr *names = section_of(object, table->sh_link);
  Elf64_Shdr saved = *table;

  table->sh_entsize = 8;
  assert_refused(object, "damaged symbol table");
  *table = saved;
  table->sh_link = 0xffff;
  assert_refused(object, "no section 65535");
  *table = saved;
  object.bytes[names->sh_offset + names->sh_size - 1] = 'x';
  assert_refused(object, "no table of names");
  free(object.bytes);
}

static void an_image_has_a_largest_size(void **state)
{
  (void)state;
  struct object object = read_object("kernel");
  /* 4096 sections over the same 32 KiB of code: 128 MiB once they are copied. */
  enum { COUNT = 4096, BYTES = 32768 };
  size_t table_size = (COUNT + 1) * sizeof(Elf64_Shdr);
  struct object many = {.size = sizeof(Elf64_Ehdr) + table_size + BYTES};
  many.bytes = calloc(1, many.size);
  memcpy(many.bytes, object.bytes, sizeof(Elf64_Ehdr));
  header_of(many)->e_shoff = sizeof(Elf64_Ehdr);
  header_of(many)->e_shnum = COUNT + 1;
  header_of(many)->e_shstrndx = 0;
  for (unsigned i = 1; i <= COUNT; i++)
    *section_of(many, i) = (Elf64_Shdr){.sh_type = SHT_PROGBITS,
                                        .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
                                        .sh_offset = sizeof(Elf64_Ehdr) + table_size,
                                        .sh_size = BYTES};
  assert_refused(many, "larger than any kernel");
  free(many.bytes);
  free(object.bytes);
}

static void wrong_calls_change_nothing(void **state)
{
  (void)state;
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  struct lj_code *code = (struct lj_code *)&hook;
  char error[8] = "before";
  const lossjit_allocator *allocator = &hook.allocator;
  assert_int_equal(lj_code_load(NULL, 9, allocator, &code, error, sizeof error),
                   LOSSJIT_ARGUMENT);
  assert_null(code);
  assert_string_equal(error, "");
  assert_int_equal(lj_code_load("", 0, NULL, &code, NULL, 0), LOSSJIT_ARGUMENT);
  assert_int_equal(lj_code_load("", 0, allocator, NULL, NULL, 0), LOSSJIT_ARGUMENT);
  assert_int_equal(lj_code_load("", 0, allocator, &code, NULL, 5), LOSSJIT_ARGUMENT);
  /* A reason is cut to the room there is. */
  assert_int_equal(lj_code_load("", 0, allocator, &code, error, sizeof error),
                   LOSSJIT_INTERNAL);
  assert_string_equal(error, "object:");
}

static void running_out_of_memory_is_reported(void **state)
{
  (void)state;
  struct object object = read_object("kernel");
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  lossjit_status status = LOSSJIT_NO_MEMORY;
  for (int allow = 0; status != LOSSJIT_OK; allow++) {
    struct lj_code *code;
    hook.allow = allow;
    status = lj_code_load(object.bytes, object.size, &hook.allocator, &code, NULL, 0);
    assert_true(status == LOSSJIT_NO_MEMORY || status == LOSSJIT_OK);
    assert_true((status == LOSSJIT_OK) == (code != NULL));
    lj_code_release(code);
    assert_int_equal(hook.live, 0);
    assert_true(allow < 10);
  }
  free(object.bytes);
}

/* ---- damage at random ---------------------------------------------------------------- */

static uint32_t next_random(uint64_t *seed)
{
  *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(*seed >> 33);
}

/* One change: to the ELF header, the section table or any byte, by a bit, a byte or a
 * number at which comparisons tend to go wrong. */
static void damage(struct object object, uint64_t table, uint64_t *seed)
{
  static const uint64_t numbers[] = {0,         1,          0xff,
                                     0xffff,    0x7fffffff, 0xffffffff,
                                     INT64_MAX, UINT64_MAX, UINT64_C(1) << 63};
  uint32_t choice = next_random(seed) % 4;
  uint64_t begin = choice == 1 ? table : 0;
  uint64_t end = choice == 0 ? sizeof(Elf64_Ehdr) : object.size;
  uint64_t position = begin + next_random(seed) % (end - begin);
  uint64_t number = numbers[next_random(seed) % (sizeof numbers / sizeof *numbers)];
  size_t left = object.size - position;
  switch (next_random(seed) % 4) {
  case 0:
    object.bytes[position] ^= (uint8_t)(1u << next_random(seed) % 8);
    break;
  case 1:
    object.bytes[position] = (uint8_t)next_random(seed);
    break;
  case 2:
    memcpy(object.bytes + position, &number, left < 4 ? left : 4);
    break;
  default:
    memcpy(object.bytes + position, &number, left < 8 ? left : 8);
  }
}

static void no_damage_harms_the_process(void **state)
{
  (void)state;
  struct object object = read_object("kernel");
  uint64_t table = header_of(object)->e_shoff;
  uint64_t seed = 3;
  int loaded = 0, refused = 0;
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  for (int round = 0; round < 20000; round++) {
    struct object copy = {.size = object.size};
    if (next_random(&seed) % 8 == 0)
      copy.size = next_random(&seed) % object.size;
    copy.bytes = malloc(copy.size > 0 ? copy.size : 1);
    memcpy(copy.bytes, object.bytes, copy.size);
    for (uint32_t n = copy.size > table ? 1 + next_random(&seed) % 3 : 0; n > 0; n--)
      damage(copy, table, &seed);
    struct lj_code *code;
    lossjit_status status =
        lj_code_load(copy.bytes, copy.size, &hook.allocator, &code, NULL, 0);
    free(copy.bytes);
    assert_true(status == LOSSJIT_OK || status == LOSSJIT_INTERNAL);
    if (status == LOSSJIT_OK)
      (void)lj_code_symbol(code, "sample_dot");
    *(status == LOSSJIT_OK ? &loaded : &refused) += 1;
    lj_code_release(code);
  }
  assert_int_equal(hook.live, 0);
  /* Both ends are reached: names and notes may be damaged, headers may not. */
  assert_true(loaded > 1000 && refused > 1000);
  free(object.bytes);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(loaded_code_runs),
      cmocka_unit_test(unknown_symbols_are_null),
      cmocka_unit_test(no_page_is_writable_and_executable),
      cmocka_unit_test(release_unmaps_with_the_last_reference),
      cmocka_unit_test(references_are_counted_across_threads),
      cmocka_unit_test(bytes_need_no_alignment),
      cmocka_unit_test(what_no_kernel_contains_is_refused),
      cmocka_unit_test(other_files_are_refused),
      cmocka_unit_test(damaged_sections_are_refused),
      cmocka_unit_test(damaged_relocations_are_refused),
      cmocka_unit_test(damaged_symbols_are_refused),
      cmocka_unit_test(an_image_has_a_largest_size),
      cmocka_unit_test(wrong_calls_change_nothing),
      cmocka_unit_test(running_out_of_memory_is_reported),
      cmocka_unit_test(no_damage_harms_the_process),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
