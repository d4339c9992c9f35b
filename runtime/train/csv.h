/*
 * CSV text as fields.
 *
 * RFC 4180 with what people really write: LF, CRLF or CR ends a line, blank lines and a
 * byte order mark are skipped. One field is in memory at a time, of bounded size, so a
 * file of any length passes through.
 */
#ifndef LJ_TRAIN_CSV_H
#define LJ_TRAIN_CSV_H

#include "runtime/train/support.h"

#include <stdio.h>

/* Longer fields are refused: a quote that is never closed would take the whole file. */
enum { LJ_CSV_LONGEST_FIELD = 64 * 1024, LJ_CSV_BLOCK = 32 * 1024 };

struct lj_csv {
  const char *name; /* of the file, in messages */
  char separator;
  FILE *file;             /* NULL: from memory */
  const char *next, *end; /* what is read and not yet taken */
  size_t line, column;    /* of the next byte, from 1; columns in bytes */
  bool in_row;            /* a field of this line was given */

  /* The last field: */
  size_t field_line, field_column; /* where it began */
  size_t length;
  bool quoted;
  char field[LJ_CSV_LONGEST_FIELD + 1]; /* terminated; blanks around it taken off */
  char block[LJ_CSV_BLOCK];
};

enum lj_csv_event { LJ_CSV_FIELD, LJ_CSV_ROW_END, LJ_CSV_END };

/* From `file`, or from memory if it is NULL. The struct is large: allocate it. */
void lj_csv_open(struct lj_csv *csv, const char *name, char separator, FILE *file,
                 const char *text, size_t length);

/* The next field, or that the row or the file is over. Every row that had a field ends
 * with LJ_CSV_ROW_END, the last one too. */
lossjit_status lj_csv_next(struct lj_csv *csv, enum lj_csv_event *event,
                           lossjit_train_error *error);

/* "FILE:LINE:COLUMN: ..." at the last field; LOSSJIT_INVALID. */
lossjit_status lj_csv_fail(const struct lj_csv *csv, lossjit_train_error *error,
                           const char *format, ...) LJ_TRAIN_PRINTF(3, 4);

#endif
