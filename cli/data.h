/*
 * DATA: arrays as people give them, and the files they come from.
 *
 *     3.5    [[1, 2], [3, 4]]    @file.npy    @file.csv    @file.json
 *
 * JSON and CSV do not say whether 3 is a label or a float. Such arrays are kept as I64
 * with `loose` set: what the expression wants decides. Arrays live in the pool they
 * were made in.
 */
#ifndef CLI_DATA_H
#define CLI_DATA_H

#include "cli/cli.h"

#include <jansson.h>

struct cli_array {
  lossjit_dtype dtype;
  bool loose; /* whole numbers from a text: could be meant as floats */
  int32_t rank;
  int64_t sizes[LOSSJIT_MAX_RANK];
  size_t count; /* elements */
  void *data;   /* dense, row-major */
};

/* More elements than any machine can hold. */
#define CLI_SIZE_LIMIT ((int64_t)1 << 40)

/* Set rank, sizes and dtype of `array` and make its zeroed memory. False (with the
 * error) when the sizes overflow. */
bool cli_array_make(struct cli_pool *pool, struct cli_array *array, lossjit_dtype dtype,
                    int32_t rank, const int64_t *sizes, struct cli_error *error);

/* Element `i` as a number; integers are exact up to 2^53. */
double cli_array_number(const struct cli_array *array, size_t i);
/* Set element `i`; the value must be of the dtype's range. */
void cli_array_set(struct cli_array *array, size_t i, double value);

/* The same values in another dtype. Refused when a value cannot be held: 0.5 as an
 * integer, 1e300 as f32. `name` is for the error. */
bool cli_array_convert(struct cli_pool *pool, const struct cli_array *from,
                       lossjit_dtype dtype, const char *name, struct cli_array *to,
                       struct cli_error *error);

/* "(2, 3)", "(2,)", "()" */
char *cli_shape_text(struct cli_pool *pool, int32_t rank, const int64_t *sizes);

/* ---- reading --------------------------------------------------------------------- */

/* What is read at most: an endless device is refused, not read forever. */
#define CLI_DATA_LIMIT ((size_t)1 << 30)
#define CLI_TEXT_LIMIT ((size_t)1 << 20) /* of an expression: a line, or some pages */

/* The whole file of at most `limit` bytes, terminated by a zero that `length` does not
 * count. "-" is standard input. */
bool cli_read_file(struct cli_pool *pool, const char *path, size_t limit, char **bytes,
                   size_t *length, struct cli_error *error);

/* DATA, as above. A plain number gives rank 0. */
bool cli_read_data(struct cli_pool *pool, const char *text, struct cli_array *array,
                   struct cli_error *error);

/* JSON text; integers too large for 64 bits become reals. Free with json_decref. */
json_t *cli_read_json(const char *text, size_t length, struct cli_error *error);
/* A number, or a nested array of numbers, "inf", "-inf", "nan", true, false. */
bool cli_json_array(struct cli_pool *pool, const json_t *value, struct cli_array *array,
                    struct cli_error *error);
/* A number or one of those three words. */
bool cli_json_number(const json_t *value, double *number);

/* `name` is the file's; errors begin with it, line and column: "em.csv:2:3: ...". */
bool cli_parse_csv(struct cli_pool *pool, const char *name, const char *text,
                   size_t length, struct cli_array *array, struct cli_error *error);
bool cli_parse_npy(struct cli_pool *pool, const char *bytes, size_t length,
                   struct cli_array *array, struct cli_error *error);

/* ---- writing --------------------------------------------------------------------- */

bool cli_write_npy(const char *path, const struct cli_array *array,
                   struct cli_error *error);

#endif
