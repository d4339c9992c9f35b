/*
 * The kernel loader and files that are no kernels: each is refused with its reason, and
 * no damage to a file, planned or random, harms the process that tries to load it.
 */
#include "runtime/loader.h"
#include "tests/alloc_hook.h"
#include "tests/support/object_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Loading must fail with a reason that contains `reason`, and leave nothing behind. */
static void assert_refused(struct test_object object, const char *reason)
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

/* ---- what is refused
 * ----------------------------------------------------------------- */

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
    struct test_object object = test_object_read(rows[i].object);
    assert_refused(object, rows[i].reason);
    free(object.bytes);
  }
}

static void other_files_are_refused(void **state)
{
  (void)state;
  struct test_object object = test_object_read("kernel");
  Elf64_Ehdr saved = *test_object_header(object);

  assert_refused((struct test_object){object.bytes, 0}, "0 bytes are no ELF file");
  assert_refused((struct test_object){object.bytes, 63}, "63 bytes are no ELF file");
  test_object_header(object)->e_ident[1] = 'X';
  assert_refused(object, "not an ELF file");
  *test_object_header(object) = saved;
  test_object_header(object)->e_type = ET_DYN;
  assert_refused(object, "not a relocatable");
  *test_object_header(object) = saved;
  test_object_header(object)->e_machine = EM_RISCV;
  assert_refused(object, "another machine");
  *test_object_header(object) = saved;
  test_object_header(object)->e_shoff = UINT64_MAX - 8;
  assert_refused(object, "outside the file");
  *test_object_header(object) = saved;
  assert_refused((struct test_object){object.bytes, object.size - 1},
                 "outside the file");
  free(object.bytes);
}

static void damaged_sections_are_refused(void **state)
{
  (void)state;
  struct test_object object = test_object_read("kernel");
  Elf64_Shdr *text = test_object_find(object, 0, ".text");
  Elf64_Shdr *constants = test_object_find(object, 0, ".rodata");
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
  struct test_object object = test_object_read("kernel");
  Elf64_Shdr *table = test_object_find(object, 0, ".rela.text");
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
  struct test_object object = test_object_read("kernel");
  Elf64_Shdr *table = test_object_find(object, SHT_SYMTAB, "");
  Elf64_Shdr *names = test_object_section(object, table->sh_link);
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
  struct test_object object = test_object_read("kernel");
  /* 4096 sections over the same 32 KiB of code: 128 MiB once they are copied. */
  enum { COUNT = 4096, BYTES = 32768 };
  size_t table_size = (COUNT + 1) * sizeof(Elf64_Shdr);
  struct test_object many = {.size = sizeof(Elf64_Ehdr) + table_size + BYTES};
  many.bytes = calloc(1, many.size);
  memcpy(many.bytes, object.bytes, sizeof(Elf64_Ehdr));
  test_object_header(many)->e_shoff = sizeof(Elf64_Ehdr);
  test_object_header(many)->e_shnum = COUNT + 1;
  test_object_header(many)->e_shstrndx = 0;
  for (unsigned i = 1; i <= COUNT; i++)
    *test_object_section(many, i) =
        (Elf64_Shdr){.sh_type = SHT_PROGBITS,
                     .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
                     .sh_offset = sizeof(Elf64_Ehdr) + table_size,
                     .sh_size = BYTES};
  assert_refused(many, "larger than any kernel");
  free(many.bytes);
  free(object.bytes);
}

/* ---- damage at random
 * ---------------------------------------------------------------- */

static uint32_t next_random(uint64_t *seed)
{
  *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(*seed >> 33);
}

/* One change: to the ELF header, the section table or any byte, by a bit, a byte or a
 * number at which comparisons tend to go wrong. */
static void damage(struct test_object object, uint64_t table, uint64_t *seed)
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
  struct test_object object = test_object_read("kernel");
  uint64_t table = test_object_header(object)->e_shoff;
  uint64_t seed = 3;
  int loaded = 0, refused = 0;
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  for (int round = 0; round < 20000; round++) {
    struct test_object copy = {.size = object.size};
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
      cmocka_unit_test(what_no_kernel_contains_is_refused),
      cmocka_unit_test(other_files_are_refused),
      cmocka_unit_test(damaged_sections_are_refused),
      cmocka_unit_test(damaged_relocations_are_refused),
      cmocka_unit_test(damaged_symbols_are_refused),
      cmocka_unit_test(an_image_has_a_largest_size),
      cmocka_unit_test(no_damage_harms_the_process),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
