/*
 * Relocations: see relocate.h.
 *
 * Sources: System V ABI for x86-64, table 4.9; ELF for the Arm 64-bit Architecture (IHI
 * 0056), section 5.7. The names S, A and P are theirs: S + A is `target`, P is
 * `address`. Differences are taken in unsigned arithmetic and read as signed, so that
 * no number from a file can overflow.
 */
#include "runtime/relocate.h"

#include <elf.h>
#include <string.h>

int lj_relocation_width(uint16_t machine, uint32_t type)
{
  if (type == 0) /* R_X86_64_NONE and R_AARCH64_NONE */
    return 0;
  if (machine == EM_X86_64)
    return type == R_X86_64_PC32 || type == R_X86_64_PLT32 ? 4 : -1;
  if (machine != EM_AARCH64)
    return -1;
  switch (type) {
  case R_AARCH64_PREL32:
  case R_AARCH64_ADR_PREL_PG_HI21:
  case R_AARCH64_ADD_ABS_LO12_NC:
  case R_AARCH64_LDST8_ABS_LO12_NC:
  case R_AARCH64_LDST16_ABS_LO12_NC:
  case R_AARCH64_LDST32_ABS_LO12_NC:
  case R_AARCH64_LDST64_ABS_LO12_NC:
  case R_AARCH64_LDST128_ABS_LO12_NC:
  case R_AARCH64_JUMP26:
  case R_AARCH64_CALL26:
    return 4;
  default:
    return -1;
  }
}

static bool fits(int64_t value, int bits)
{
  int64_t limit = (int64_t)1 << (bits - 1);
  return value >= -limit && value < limit;
}

/* Replace the bits of the 32-bit word at `place` that are set in `mask`. */
static void replace_bits(uint8_t *place, uint32_t mask, uint32_t bits)
{
  uint32_t word;
  memcpy(&word, place, sizeof word);
  word = (word & ~mask) | (bits & mask);
  memcpy(place, &word, sizeof word);
}

static bool put_distance(uint8_t *place, int64_t distance)
{
  replace_bits(place, UINT32_MAX, (uint32_t)distance);
  return fits(distance, 32);
}

/* ---- AArch64 --------------------------------------------------------------------- */

/* adrp: a distance in pages of 4 KiB, its low two bits at 29 and the other 19 at 5. */
static bool put_page_distance(uint8_t *place, uint64_t address, uint64_t target)
{
  int64_t distance =
      (int64_t)((target & ~UINT64_C(4095)) - (address & ~UINT64_C(4095)));
  uint32_t pages = (uint32_t)(distance / 4096);
  replace_bits(place, 0x60ffffe0u, (pages & 3) << 29 | (pages >> 2 & 0x7ffff) << 5);
  return fits(distance, 33);
}

/* add, ldr, str: the offset inside the page in units of 2^shift bytes, 12 bits at 10.
 * */
static bool put_page_offset(uint8_t *place, uint64_t target, int shift)
{
  uint32_t offset = target & 4095;
  replace_bits(place, 0x003ffc00u, offset >> shift << 10);
  return (offset & ((1u << shift) - 1)) == 0;
}

/* b, bl: a distance in instructions, 26 bits at 0. */
static bool put_branch(uint8_t *place, int64_t distance)
{
  replace_bits(place, 0x03ffffffu, (uint32_t)(distance / 4));
  return fits(distance, 28) && distance % 4 == 0;
}

static bool relocate_aarch64(uint32_t type, uint8_t *place, uint64_t address,
                             uint64_t target)
{
  int64_t distance = (int64_t)(target - address);
  switch (type) {
  case R_AARCH64_PREL32:
    return put_distance(place, distance);
  case R_AARCH64_ADR_PREL_PG_HI21:
    return put_page_distance(place, address, target);
  case R_AARCH64_ADD_ABS_LO12_NC:
  case R_AARCH64_LDST8_ABS_LO12_NC:
    return put_page_offset(place, target, 0);
  case R_AARCH64_LDST16_ABS_LO12_NC:
    return put_page_offset(place, target, 1);
  case R_AARCH64_LDST32_ABS_LO12_NC:
    return put_page_offset(place, target, 2);
  case R_AARCH64_LDST64_ABS_LO12_NC:
    return put_page_offset(place, target, 3);
  case R_AARCH64_LDST128_ABS_LO12_NC:
    return put_page_offset(place, target, 4);
  case R_AARCH64_JUMP26:
  case R_AARCH64_CALL26:
    return put_branch(place, distance);
  default:
    return type == R_AARCH64_NONE;
  }
}

bool lj_relocate(uint16_t machine, uint32_t type, uint8_t *place, uint64_t address,
                 uint64_t target)
{
  if (machine == EM_AARCH64)
    return relocate_aarch64(type, place, address, target);
  return type == R_X86_64_NONE || put_distance(place, (int64_t)(target - address));
}
