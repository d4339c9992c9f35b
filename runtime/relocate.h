/*
 * Relocations: making one instruction or table entry point at its target.
 *
 * A kernel holds no absolute address, so the only kinds are those that a compiler of
 * position-independent code uses between the sections of one file: distances. They are
 * pure functions of three numbers and work for every machine on every machine, which is
 * how one host tests them all.
 */
#ifndef LJ_RELOCATE_H
#define LJ_RELOCATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that a relocation of this type changes; 0 for a type that changes nothing, -1
 * for one that is not supported. `machine` is EM_X86_64 or EM_AARCH64. */
int lj_relocation_width(uint16_t machine, uint32_t type);

/* Relocate the bytes at `place`, which will run at `address`, to point at `target`
 * (S + A in the words of the ABI). The type must be a supported one. False if the
 * distance does not fit or the target is not aligned as the instruction needs. */
bool lj_relocate(uint16_t machine, uint32_t type, uint8_t *place, uint64_t address,
                 uint64_t target);

#endif
