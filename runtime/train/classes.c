/*
 * Classes of a label column, and numbers as text.
 *
 * A class gets its number when all rows are read, because the order must not depend on
 * which row came first: by value if all names are numbers, else as bytes compare. Names
 * that are the same number ("1" and "1.0") are one class.
 */
#include "runtime/train/table.h"

#include <ctype.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

/* More classes than this are a column of numbers, not of classes. */
enum { MOST_CLASSES = 65536 };

/* ---- numbers --------------------------------------------------------------------- */

/* strtod reads hexadecimal too, and words; a column of numbers holds neither. */
static bool is_decimal(const char *text)
{
  return strspn(text, "0123456789+-.eE") == strlen(text);
}

static bool is_not_finite(const char *text, double *number)
{
  static const struct {
    const char *name;
    const char *value;
  } words[] = {{"nan", "nan"}, {"inf", "inf"}, {"infinity", "inf"}};
  const char *word = text + (*text == '-' || *text == '+');
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strcasecmp(word, words[i].name))
      continue;
    double value = strtod(words[i].value, NULL); /* alike in every locale */
    *number = *text == '-' ? -value : value;
    return true;
  }
  return false;
}

bool lj_read_number(const char *text, double *number)
{
  *number = 0;
  if (!is_decimal(text))
    return is_not_finite(text, number);
  locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* static in glibc */
  if (!plain)
    return false;
  char *end;
  *number = strtod_l(text, &end, plain);
  freelocale(plain);
  return end != text && *end == 0;
}

/* ---- finding --------------------------------------------------------------------- */

/* FNV-1a, 32 bits: G. Fowler, L. Noll and K.-P. Vo, IETF draft-eastlake-fnv. */
static uint32_t hash_of(const char *name)
{
  uint32_t hash = 2166136261u;
  for (; *name; name++)
    hash = (hash ^ (unsigned char)*name) * 16777619u;
  return hash;
}

/* The slot that holds `name`, or the empty one where it belongs. */
static uint32_t *slot_of(const struct lj_classes *classes, const char *name)
{
  size_t at = hash_of(name) & (classes->slot_count - 1);
  while (classes->slots[at] &&
         strcmp(classes->items[classes->slots[at] - 1].name, name))
    at = (at + 1) & (classes->slot_count - 1);
  return &classes->slots[at];
}

/* Twice the room: as many items as half the slots, so that a search always ends. */
static lossjit_status grow(struct lj_classes *classes,
                           const lossjit_allocator *allocator)
{
  size_t slot_count = classes->slot_count ? 2 * classes->slot_count : 32;
  struct lj_class *items =
      lj_train_grow(allocator, classes->items, slot_count / 2, sizeof *items);
  if (!items)
    return LOSSJIT_NO_MEMORY;
  classes->items = items;
  uint32_t *slots = lj_train_new(allocator, slot_count, sizeof *slots);
  if (!slots)
    return LOSSJIT_NO_MEMORY;
  lj_train_free(allocator, classes->slots);
  classes->slots = slots;
  classes->slot_count = slot_count;
  for (size_t i = 0; i < classes->count; i++)
    *slot_of(classes, items[i].name) = (uint32_t)i + 1;
  return LOSSJIT_OK;
}

static lossjit_status add(struct lj_classes *classes,
                          const lossjit_allocator *allocator, const char *name)
{
  if (classes->count == MOST_CLASSES)
    return LOSSJIT_INVALID;
  struct lj_class *class = &classes->items[classes->count];
  *class = (struct lj_class){.seen = (int64_t)classes->count};
  class->name = lj_train_copy(allocator, name, strlen(name));
  if (!class->name)
    return LOSSJIT_NO_MEMORY;
  class->is_number =
      lj_read_number(name, &class->number) && class->number == class->number;
  classes->count++;
  return LOSSJIT_OK;
}

lossjit_status lj_classes_find(struct lj_classes *classes,
                               const lossjit_allocator *allocator, const char *name,
                               int64_t *seen)
{
  if (classes->count == classes->slot_count / 2)
    LJ_TRAIN_TRY(grow(classes, allocator));
  uint32_t *slot = slot_of(classes, name);
  if (!*slot) {
    LJ_TRAIN_TRY(add(classes, allocator, name));
    *slot = (uint32_t)classes->count;
  }
  *seen = *slot - 1;
  return LOSSJIT_OK;
}

/* ---- numbering ------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
  const struct lj_class *x = a, *y = b;
  if (x->number != y->number)
    return x->number < y->number ? -1 : 1;
  return x->seen < y->seen ? -1 : 1;
}

static int by_name(const void *a, const void *b)
{
  const struct lj_class *x = a, *y = b;
  return strcmp(x->name, y->name);
}

static bool all_numbers(const struct lj_classes *classes)
{
  for (size_t i = 0; i < classes->count; i++)
    if (!classes->items[i].is_number)
      return false;
  return true;
}

lossjit_status lj_classes_number(struct lj_classes *classes,
                                 const lossjit_allocator *allocator, int64_t *labels,
                                 size_t rows)
{
  int64_t *numbers = lj_train_new(allocator, classes->count, sizeof *numbers);
  if (!numbers)
    return LOSSJIT_NO_MEMORY;
  struct lj_class *items = classes->items;
  bool numeric = all_numbers(classes);
  if (classes->count)
    qsort(items, classes->count, sizeof *items, numeric ? by_number : by_name);
  size_t kept = 0;
  for (size_t i = 0; i < classes->count; i++) {
    bool same = numeric && kept && items[kept - 1].number == items[i].number;
    numbers[items[i].seen] = (int64_t)(same ? kept - 1 : kept);
    if (same)
      lj_train_free(allocator, items[i].name);
    else
      items[kept++] = items[i];
  }
  classes->count = kept;
  for (size_t i = 0; i < rows; i++)
    labels[i] = numbers[labels[i]];
  lj_train_free(allocator, numbers);
  return LOSSJIT_OK;
}

void lj_classes_release(struct lj_classes *classes, const lossjit_allocator *allocator)
{
  for (size_t i = 0; i < classes->count; i++)
    lj_train_free(allocator, classes->items[i].name);
  lj_train_free(allocator, classes->items);
  lj_train_free(allocator, classes->slots);
  *classes = (struct lj_classes){0};
}
