/*
 * Numbers and arrays as text, for people and as JSON.
 *
 * Numbers are the shortest that read back as the same f32 or f64. JSON has no
 * infinities: they are the strings "inf", "-inf" and "nan".
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "cli/data.h"

/* The shortest text for `number` as a value of `dtype`. */
#define CLI_NUMBER_SIZE 40
const char *cli_number_text(lossjit_dtype dtype, double number,
                            char text[CLI_NUMBER_SIZE]);

/* Nested brackets, columns aligned, long arrays cut in the middle. */
void cli_print_array(FILE *file, const struct cli_array *array);

void cli_json_write_number(FILE *file, lossjit_dtype dtype, double number);
void cli_json_write_array(FILE *file, const struct cli_array *array);
/* A string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void cli_json_write_string(FILE *file, const char *text);

#endif
