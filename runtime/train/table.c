/*
 * Reading a CSV file into a table.
 *
 * The header decides once what becomes of each column of the file: a column of the
 * table, the label, or nothing. After it, rows go straight into the table, whose arrays
 * double up to the memory limit.
 */
#include "runtime/train/table.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { SKIPPED = -1, LABEL = -2 };
#define LIMIT_BY_DEFAULT ((size_t)1 << 30)

struct reader {
  const lossjit_csv_options *options;
  lossjit_train_error *error;
  lossjit_allocator allocator;
  size_t memory_limit;
  struct lj_csv *csv;
  lossjit_table *table;
  size_t row_capacity;
  char **header; /* [header_count]: names in the file */
  size_t header_count, header_capacity, header_bytes;
  int64_t *places; /* [header_count]: column of the table, or SKIPPED, or LABEL */
};

static lossjit_status no_memory(struct reader *reader)
{
  return lj_train_no_memory(reader->error);
}

static lossjit_status exceeds_limit(struct reader *reader)
{
  return lj_csv_fail(reader->csv, reader->error,
                     "the table would take more than the limit of %zu bytes",
                     reader->memory_limit);
}

/* ---- the header ------------------------------------------------------------------ */

static lossjit_status add_name(struct reader *reader)
{
  reader->header_bytes += reader->csv->length + 1 + sizeof *reader->header;
  if (reader->header_bytes > reader->memory_limit)
    return exceeds_limit(reader);
  if (reader->header_count == reader->header_capacity) {
    size_t capacity = reader->header_capacity ? 2 * reader->header_capacity : 64;
    char **header =
        lj_train_grow(&reader->allocator, reader->header, capacity, sizeof *header);
    if (!header)
      return no_memory(reader);
    reader->header = header;
    reader->header_capacity = capacity;
  }
  char *name =
      lj_train_copy(&reader->allocator, reader->csv->field, reader->csv->length);
  if (!name)
    return no_memory(reader);
  reader->header[reader->header_count++] = name;
  return LOSSJIT_OK;
}

static lossjit_status read_header(struct reader *reader)
{
  for (;;) {
    enum lj_csv_event event;
    LJ_TRAIN_TRY(lj_csv_next(reader->csv, &event, reader->error));
    if (event == LJ_CSV_END)
      return lj_csv_fail(reader->csv, reader->error,
                         "the file is empty: it needs a header line");
    if (event == LJ_CSV_ROW_END)
      return LOSSJIT_OK;
    LJ_TRAIN_TRY(add_name(reader));
  }
}

/* Give the file's column of that name its place in the table. */
static lossjit_status place_column(struct reader *reader, const char *name,
                                   int64_t place)
{
  size_t found = 0, count = 0;
  for (size_t i = 0; i < reader->header_count; i++) {
    if (strcmp(reader->header[i], name))
      continue;
    found = i;
    count++;
  }
  const char *file = reader->csv->name;
  if (count > 1)
    return lj_train_fail(reader->error, LOSSJIT_INVALID,
                         "%s:1:1: there are %zu columns '%s'", file, count, name);
  if (!count) {
    const char *nearest = lj_train_nearest(name, (const char *const *)reader->header,
                                           reader->header_count);
    return lj_train_fail(reader->error, LOSSJIT_INVALID, "%s:1:1: no column '%s'%s%s%s",
                         file, name, nearest ? "; did you mean '" : "",
                         nearest ? nearest : "", nearest ? "'?" : "");
  }
  if (reader->places[found] != SKIPPED)
    return lj_train_fail(reader->error, LOSSJIT_INVALID,
                         "%s:1:1: column '%s' is asked for twice", file, name);
  reader->places[found] = place;
  return LOSSJIT_OK;
}

static lossjit_status name_column(struct reader *reader, const char *name)
{
  lossjit_table *table = reader->table;
  LJ_TRAIN_TRY(place_column(reader, name, (int64_t)table->column_count));
  char *copy = lj_train_copy(&table->allocator, name, strlen(name));
  if (!copy)
    return no_memory(reader);
  table->names[table->column_count++] = copy;
  return LOSSJIT_OK;
}

static lossjit_status choose_columns(struct reader *reader)
{
  const lossjit_csv_options *options = reader->options;
  lossjit_table *table = reader->table;
  size_t most = options->columns ? options->column_count : reader->header_count;
  table->names = lj_train_new(&table->allocator, most, sizeof *table->names);
  reader->places =
      lj_train_new(&reader->allocator, reader->header_count, sizeof *reader->places);
  if (!table->names || !reader->places)
    return no_memory(reader);
  for (size_t i = 0; i < reader->header_count; i++)
    reader->places[i] = SKIPPED;

  if (options->label)
    LJ_TRAIN_TRY(place_column(reader, options->label, LABEL));
  for (size_t i = 0; i < most; i++) {
    if (!options->columns && reader->places[i] == LABEL)
      continue;
    LJ_TRAIN_TRY(name_column(reader, options->columns ? options->columns[i]
                                                      : reader->header[i]));
  }
  return LOSSJIT_OK;
}

/* ---- rows ------------------------------------------------------------------------ */

static lossjit_status grow_table(struct reader *reader)
{
  lossjit_table *table = reader->table;
  if (table->row_count < reader->row_capacity)
    return LOSSJIT_OK;
  size_t row_size = (table->column_count + 1) * sizeof(double);
  size_t most = reader->memory_limit / row_size;
  size_t capacity = reader->row_capacity ? 2 * reader->row_capacity : 256;
  capacity = capacity < most ? capacity : most;
  if (capacity <= table->row_count)
    return exceeds_limit(reader);
  double *values =
      lj_train_grow(&table->allocator, table->values, capacity,
                    (table->column_count ? table->column_count : 1) * sizeof *values);
  if (!values)
    return no_memory(reader);
  table->values = values;
  if (reader->options->label) {
    int64_t *labels =
        lj_train_grow(&table->allocator, table->labels, capacity, sizeof *labels);
    if (!labels)
      return no_memory(reader);
    table->labels = labels;
  }
  reader->row_capacity = capacity;
  return LOSSJIT_OK;
}

static lossjit_status refuse_number(struct reader *reader, const char *column,
                                    const char *why)
{
  return lj_csv_fail(reader->csv, reader->error, "column '%.100s': '%.100s' %s", column,
                     reader->csv->field, why);
}

static lossjit_status read_value(struct reader *reader, const char *column,
                                 double *value)
{
  bool any = reader->options->allow_not_finite;
  if (!reader->csv->length && !reader->csv->quoted) {
    *value = NAN;
    return any ? LOSSJIT_OK
               : lj_csv_fail(reader->csv, reader->error,
                             "column '%.100s': there is no value", column);
  }
  if (!lj_read_number(reader->csv->field, value))
    return refuse_number(reader, column, "is not a number");
  if (any || isfinite(*value))
    return LOSSJIT_OK;
  bool word = strpbrk(reader->csv->field, "nN") != NULL;
  return refuse_number(reader, column,
                       word ? "is not a finite number" : "is too large for a number");
}

static lossjit_status read_label(struct reader *reader)
{
  lossjit_table *table = reader->table;
  if (!reader->csv->length)
    return lj_csv_fail(reader->csv, reader->error, "column '%.100s': there is no class",
                       reader->options->label);
  lossjit_status status =
      lj_classes_find(&table->classes, &table->allocator, reader->csv->field,
                      &table->labels[table->row_count]);
  if (status == LOSSJIT_NO_MEMORY)
    return no_memory(reader);
  if (status != LOSSJIT_OK)
    return lj_csv_fail(reader->csv, reader->error,
                       "column '%.100s' has more than %zu different values: is it a "
                       "column of classes?",
                       reader->options->label, table->classes.count);
  return LOSSJIT_OK;
}

static lossjit_status read_cell(struct reader *reader, size_t at)
{
  lossjit_table *table = reader->table;
  if (at >= reader->header_count)
    return lj_csv_fail(reader->csv, reader->error,
                       "more fields than the %zu columns of the header",
                       reader->header_count);
  int64_t place = reader->places[at];
  if (place == SKIPPED)
    return LOSSJIT_OK;
  if (place == LABEL)
    return read_label(reader);
  double *row = table->values + table->row_count * table->column_count;
  return read_value(reader, table->names[place], &row[place]);
}

static lossjit_status read_rows(struct reader *reader)
{
  for (size_t at = 0;;) {
    enum lj_csv_event event;
    LJ_TRAIN_TRY(lj_csv_next(reader->csv, &event, reader->error));
    if (event == LJ_CSV_END)
      break;
    if (event == LJ_CSV_FIELD) {
      if (!at)
        LJ_TRAIN_TRY(grow_table(reader));
      LJ_TRAIN_TRY(read_cell(reader, at++));
      continue;
    }
    if (at < reader->header_count)
      return lj_csv_fail(reader->csv, reader->error,
                         "the row ends after %zu of %zu fields", at,
                         reader->header_count);
    reader->table->row_count++;
    at = 0;
  }
  if (!reader->table->row_count)
    return lj_csv_fail(reader->csv, reader->error, "there is no row after the header");
  return LOSSJIT_OK;
}

/* ---- the whole ------------------------------------------------------------------- */

static lossjit_status read_all(struct reader *reader)
{
  LJ_TRAIN_TRY(read_header(reader));
  LJ_TRAIN_TRY(choose_columns(reader));
  LJ_TRAIN_TRY(read_rows(reader));
  lossjit_table *table = reader->table;
  lossjit_status status = LOSSJIT_OK;
  if (table->labels)
    status = lj_classes_number(&table->classes, &table->allocator, table->labels,
                               table->row_count);
  return status == LOSSJIT_OK ? status : no_memory(reader);
}

static void release_reader(struct reader *reader)
{
  for (size_t i = 0; i < reader->header_count; i++)
    lj_train_free(&reader->allocator, reader->header[i]);
  lj_train_free(&reader->allocator, reader->header);
  lj_train_free(&reader->allocator, reader->places);
  lj_train_free(&reader->allocator, reader->csv);
}

/* From `file`, or from memory if it is NULL. */
static lossjit_status read_table(FILE *file, const char *text, size_t length,
                                 const char *name, const lossjit_csv_options *options,
                                 lossjit_table **table, lossjit_train_error *error)
{
  static const lossjit_csv_options no_options;
  options = options ? options : &no_options;
  struct reader reader = {.options = options, .error = error};
  reader.allocator = lj_train_allocator(options->allocator);
  reader.memory_limit =
      options->memory_limit ? options->memory_limit : LIMIT_BY_DEFAULT;
  reader.csv = lj_train_new(&reader.allocator, 1, sizeof *reader.csv);
  reader.table = lj_train_new(&reader.allocator, 1, sizeof *reader.table);
  lossjit_status status = LOSSJIT_NO_MEMORY;
  if (!reader.csv || !reader.table) {
    no_memory(&reader);
    lj_train_free(&reader.allocator, reader.table);
  } else {
    reader.table->allocator = reader.allocator;
    lj_csv_open(reader.csv, name, options->separator ? options->separator : ',', file,
                text, length);
    status = read_all(&reader);
    if (status == LOSSJIT_OK)
      *table = reader.table;
    else
      lossjit_table_release(reader.table);
  }
  release_reader(&reader);
  return status;
}

lossjit_status lossjit_table_read(const char *path, const lossjit_csv_options *options,
                                  lossjit_table **table, lossjit_train_error *error)
{
  lj_train_clear(error);
  if (!table)
    return LOSSJIT_ARGUMENT;
  *table = NULL;
  if (!path)
    return LOSSJIT_ARGUMENT;
  FILE *file = fopen(path, "rb");
  if (!file)
    return lj_train_fail(error, LOSSJIT_INVALID, "%s: %s", path, strerror(errno));
  lossjit_status status = read_table(file, NULL, 0, path, options, table, error);
  fclose(file);
  return status;
}

lossjit_status lossjit_table_parse(const char *text, size_t length, const char *name,
                                   const lossjit_csv_options *options,
                                   lossjit_table **table, lossjit_train_error *error)
{
  lj_train_clear(error);
  if (!table)
    return LOSSJIT_ARGUMENT;
  *table = NULL;
  if (!text && length)
    return LOSSJIT_ARGUMENT;
  return read_table(NULL, text ? text : "", length, name ? name : "table", options,
                    table, error);
}

void lossjit_table_release(lossjit_table *table)
{
  if (!table)
    return;
  lossjit_allocator allocator = table->allocator;
  for (size_t i = 0; i < table->column_count; i++)
    lj_train_free(&allocator, table->names[i]);
  lj_train_free(&allocator, table->names);
  lj_train_free(&allocator, table->values);
  lj_train_free(&allocator, table->labels);
  lj_classes_release(&table->classes, &allocator);
  lj_train_free(&allocator, table);
}

/* ---- looking at it --------------------------------------------------------------- */

size_t lossjit_table_row_count(const lossjit_table *table)
{
  return table ? table->row_count : 0;
}

size_t lossjit_table_column_count(const lossjit_table *table)
{
  return table ? table->column_count : 0;
}

const char *lossjit_table_column_name(const lossjit_table *table, size_t column)
{
  return table && column < table->column_count ? table->names[column] : NULL;
}

const double *lossjit_table_values(const lossjit_table *table)
{
  return table ? table->values : NULL;
}

const int64_t *lossjit_table_labels(const lossjit_table *table)
{
  return table ? table->labels : NULL;
}

size_t lossjit_table_class_count(const lossjit_table *table)
{
  return table ? table->classes.count : 0;
}

const char *lossjit_table_class_name(const lossjit_table *table, size_t index)
{
  return table && index < table->classes.count ? table->classes.items[index].name
                                               : NULL;
}
