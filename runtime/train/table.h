/*
 * A CSV file as a table of numbers and a column of classes.
 */
#ifndef LJ_TRAIN_TABLE_H
#define LJ_TRAIN_TABLE_H

#include "runtime/train/csv.h"

/* One class of the label column. */
struct lj_class {
  char *name;
  bool is_number;
  double number;
  int64_t seen; /* how many classes were seen before it: what rows hold at first */
};

/* In the order seen while reading, found by hash; in their final order after it. */
struct lj_classes {
  struct lj_class *items; /* [count], with room for slot_count / 2 */
  size_t count;
  uint32_t *slots; /* [slot_count], a power of two: place in items + 1, 0 if empty */
  size_t slot_count;
};

struct lossjit_table {
  lossjit_allocator allocator;
  char **names; /* [column_count] */
  size_t column_count, row_count;
  double *values;  /* (row_count, column_count) */
  int64_t *labels; /* (row_count,) or NULL */
  struct lj_classes classes;
};

/* The class called `name`, added if it is new (classes.c). */
lossjit_status lj_classes_find(struct lj_classes *classes,
                               const lossjit_allocator *allocator, const char *name,
                               int64_t *seen);
/* Put the classes into their final order and renumber the labels. */
lossjit_status lj_classes_number(struct lj_classes *classes,
                                 const lossjit_allocator *allocator, int64_t *labels,
                                 size_t rows);
void lj_classes_release(struct lj_classes *classes, const lossjit_allocator *allocator);

/* A decimal number, whatever the process's locale; false if `text` is something else.
 * Also nan and inf by their names. */
bool lj_read_number(const char *text, double *number);

#endif
