/*
 * One step through text that is probably UTF-8. The language itself is ASCII, but
 * people paste other characters, and columns and carets count characters, not bytes.
 */
#ifndef LJ_UTF8_H
#define LJ_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Stands for a byte that belongs to no character. */
#define LJ_UTF8_BAD ((uint32_t)0xFFFFFFFF)

/* The character at text[0..length), length > 0, and its bytes. A byte that begins no
 * valid shortest-form sequence counts as one bad character. */
static inline uint32_t lj_utf8_read(const char *text, size_t length, size_t *bytes)
{
  static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
  const unsigned char *at = (const unsigned char *)text;
  size_t size = at[0] < 0x80   ? 1
                : at[0] < 0xC2 ? 0
                : at[0] < 0xE0 ? 2
                : at[0] < 0xF0 ? 3
                : at[0] < 0xF5 ? 4
                               : 0;
  uint32_t code = size < 2 ? at[0] : (uint32_t)(at[0] & (0x7F >> size));
  *bytes = 1;
  if (size == 0 || size > length)
    return LJ_UTF8_BAD;
  for (size_t i = 1; i < size; i++) {
    if ((at[i] & 0xC0) != 0x80)
      return LJ_UTF8_BAD;
    code = code << 6 | (at[i] & 0x3F);
  }
  if (code < smallest[size] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
    return LJ_UTF8_BAD;
  *bytes = size;
  return code;
}

/* Whether a terminal shows the character and nothing else happens: no control
 * characters, and none of those that change the direction of the text after them. */
static inline int lj_utf8_is_printable(uint32_t code)
{
  return code >= 0x20 && code != 0x7F && !(code >= 0x80 && code < 0xA0) &&
         !(code >= 0x202A && code <= 0x202E) && !(code >= 0x2066 && code <= 0x2069) &&
         code != LJ_UTF8_BAD;
}

#endif
