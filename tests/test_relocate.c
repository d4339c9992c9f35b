/*
 * Relocations of both machines, on whatever machine this runs: the words are what
 * `llvm-mc` assembles for the same distance, and the limits are those of the ABIs.
 */
#include "runtime/relocate.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct row {
  uint32_t type;
  uint64_t address, target;
  uint32_t before, after;
};

static void assert_rows(uint16_t machine, const struct row *rows, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    uint32_t word = rows[i].before;
    assert_int_equal(lj_relocation_width(machine, rows[i].type), 4);
    assert_true(lj_relocate(machine, rows[i].type, (uint8_t *)&word, rows[i].address,
                            rows[i].target));
    assert_int_equal(word, rows[i].after);
  }
}

static bool reaches(uint16_t machine, uint32_t type, uint64_t address, uint64_t target)
{
  uint32_t word = 0;
  return lj_relocate(machine, type, (uint8_t *)&word, address, target);
}

static void x86_64_words(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {R_X86_64_PC32, 0x1000, 0x1234, 0, 0x234},
      {R_X86_64_PC32, 0x1234, 0x1000, 0, (uint32_t)-0x234},
      {R_X86_64_PLT32, 0x7f0000001000, 0x7f0000001000, 0xffffffff, 0},
      {R_X86_64_PC32, 0, 0x7fffffff, 0, 0x7fffffff},
      {R_X86_64_PC32, 0x80000000, 0, 0, 0x80000000},
  };
  assert_rows(EM_X86_64, rows, sizeof rows / sizeof *rows);
}

static void x86_64_limits(void **state)
{
  (void)state;
  assert_false(reaches(EM_X86_64, R_X86_64_PC32, 0, 0x80000000));
  assert_false(reaches(EM_X86_64, R_X86_64_PC32, 0x80000001, 0));
  assert_false(reaches(EM_X86_64, R_X86_64_PC32, 1, UINT64_C(1) << 63));
  assert_int_equal(lj_relocation_width(EM_X86_64, R_X86_64_NONE), 0);
  assert_int_equal(lj_relocation_width(EM_X86_64, R_X86_64_64), -1);
  assert_int_equal(lj_relocation_width(EM_X86_64, R_X86_64_GOTPCRELX), -1);
  assert_int_equal(lj_relocation_width(EM_RISCV, 1), -1);
}

static void aarch64_words(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {R_AARCH64_PREL32, 0x1000, 0x0ff8, 0, 0xfffffff8},
      /* adrp x1, . + 0x3000; 0x1234 and 0x4fff lie three pages apart */
      {R_AARCH64_ADR_PREL_PG_HI21, 0x1234, 0x4fff, 0x90000001, 0xf0000001},
      /* adrp x0, . - 0x1000 */
      {R_AARCH64_ADR_PREL_PG_HI21, 0x5000, 0x4ffc, 0x90000000, 0xf0ffffe0},
      /* adrp x2, . + 0x12345000 */
      {R_AARCH64_ADR_PREL_PG_HI21, 0x10, 0x12345678, 0x90000002, 0xb0091a22},
      /* add x1, x1, #0xabc */
      {R_AARCH64_ADD_ABS_LO12_NC, 0, 0x7abc, 0x91000021, 0x912af021},
      /* ldrb w0, [x1, #0x345] */
      {R_AARCH64_LDST8_ABS_LO12_NC, 0, 0x1345, 0x39400020, 0x394d1420},
      /* ldrh w0, [x1, #0x346] */
      {R_AARCH64_LDST16_ABS_LO12_NC, 0, 0x1346, 0x79400020, 0x79468c20},
      /* ldr s0, [x1, #0x344] */
      {R_AARCH64_LDST32_ABS_LO12_NC, 0, 0x1344, 0xbd400020, 0xbd434420},
      /* ldr d0, [x1, #0x348] */
      {R_AARCH64_LDST64_ABS_LO12_NC, 0, 0x1348, 0xfd400020, 0xfd41a420},
      /* ldr q0, [x1, #0x340] */
      {R_AARCH64_LDST128_ABS_LO12_NC, 0, 0x1340, 0x3dc00020, 0x3dc0d020},
      /* bl . + 0x1000; b . - 8 */
      {R_AARCH64_CALL26, 0x1000, 0x2000, 0x94000000, 0x94000400},
      {R_AARCH64_JUMP26, 0x1000, 0x0ff8, 0x14000000, 0x17fffffe},
  };
  assert_rows(EM_AARCH64, rows, sizeof rows / sizeof *rows);
}

static void aarch64_limits(void **state)
{
  (void)state;
  assert_true(reaches(EM_AARCH64, R_AARCH64_CALL26, 0, 0x7fffffc));
  assert_false(reaches(EM_AARCH64, R_AARCH64_CALL26, 0, 0x8000000));
  assert_true(reaches(EM_AARCH64, R_AARCH64_CALL26, 0x8000000, 0));
  assert_false(reaches(EM_AARCH64, R_AARCH64_CALL26, 0x8000004, 0));
  assert_false(reaches(EM_AARCH64, R_AARCH64_JUMP26, 0, 2)); /* not an instruction */
  assert_true(reaches(EM_AARCH64, R_AARCH64_ADR_PREL_PG_HI21, 0, 0xffffffff));
  assert_false(reaches(EM_AARCH64, R_AARCH64_ADR_PREL_PG_HI21, 0, 0x100000000));
  assert_false(reaches(EM_AARCH64, R_AARCH64_LDST128_ABS_LO12_NC, 0, 0x1348));
  assert_int_equal(lj_relocation_width(EM_AARCH64, R_AARCH64_ABS64), -1);
  assert_int_equal(lj_relocation_width(EM_AARCH64, R_AARCH64_ADR_GOT_PAGE), -1);
  assert_int_equal(lj_relocation_width(EM_AARCH64, R_AARCH64_NONE), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(x86_64_words),
      cmocka_unit_test(x86_64_limits),
      cmocka_unit_test(aarch64_words),
      cmocka_unit_test(aarch64_limits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
