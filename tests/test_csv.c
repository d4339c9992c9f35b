/*
 * Tables from CSV text: what is read, what is refused and with which words.
 *
 * Most cases are rows of a table: the text, and the table or the message that must come
 * of it.
 */
#include "lossjit_train.h"
#include "tests/alloc_hook.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static lossjit_status parse(const char *text, const lossjit_csv_options *options,
                            lossjit_table **table, lossjit_train_error *error)
{
  return lossjit_table_parse(text, strlen(text), "t.csv", options, table, error);
}

static lossjit_table *parsed(const char *text, const lossjit_csv_options *options)
{
  lossjit_table *table;
  lossjit_train_error error;
  if (parse(text, options, &table, &error) != LOSSJIT_OK)
    fail_msg("%s\n%s", text, error.text);
  assert_string_equal(error.text, "");
  return table;
}

static double value(const lossjit_table *table, size_t row, size_t column)
{
  return lossjit_table_values(table)[row * lossjit_table_column_count(table) + column];
}

/* ---- what is read ---------------------------------------------------------------- */

/* Every spelling of the same two rows of a = 1, -2.5 and b = 30, 4. */
static void test_spellings(void **state)
{
  (void)state;
  static const char *const texts[] = {
      "a,b\n1,30\n-2.5,4\n",
      "a,b\n1,30\n-2.5,4",                  /* no end of the last line */
      "a,b\r\n1,30\r\n-2.5,4\r\n",          /* Windows */
      "a,b\r1,30\r-2.5,4\r",                /* old Macs */
      "\xef\xbb\xbf\x61,b\n1,30\n-2.5,4\n", /* a byte order mark */
      "\n\na,b\n\n1,30\n  \n-2.5,4\n\n\n",  /* blank lines */
      "\"a\",\"b\"\n\"1\",\"30\"\n-2.5,\"4\"\n",
      " a , b\n 1,\t30 \n-2.5 , 4\n",
      "a,b\n+1,3e1\n-25e-1,4.\n",
      "a,b\n1.0,30\n-2.50,\"4\"  \n",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    lossjit_table *table = parsed(texts[i], NULL);
    assert_int_equal(lossjit_table_row_count(table), 2);
    assert_int_equal(lossjit_table_column_count(table), 2);
    assert_string_equal(lossjit_table_column_name(table, 0), "a");
    assert_string_equal(lossjit_table_column_name(table, 1), "b");
    assert_true(value(table, 0, 0) == 1 && value(table, 0, 1) == 30);
    assert_true(value(table, 1, 0) == -2.5 && value(table, 1, 1) == 4);
    lossjit_table_release(table);
  }
}

static void test_quotes_in_names(void **state)
{
  (void)state;
  lossjit_table *table = parsed("\"say \"\"x\"\"\",\"a,b\nc\"\n1,2\n", NULL);
  assert_string_equal(lossjit_table_column_name(table, 0), "say \"x\"");
  assert_string_equal(lossjit_table_column_name(table, 1), "a,b\nc");
  assert_null(lossjit_table_column_name(table, 2));
  lossjit_table_release(table);
}

static void test_separators(void **state)
{
  (void)state;
  lossjit_table *table = parsed("a;b\n1;2\n", &(lossjit_csv_options){.separator = ';'});
  assert_true(value(table, 0, 1) == 2);
  lossjit_table_release(table);
  table = parsed("a\tb\n1\t2\n", &(lossjit_csv_options){.separator = '\t'});
  assert_true(value(table, 0, 1) == 2);
  lossjit_table_release(table);
}

/* Columns come in the order asked for; the others may hold anything. */
static void test_chosen_columns(void **state)
{
  (void)state;
  const char *const names[] = {"c", "a"};
  lossjit_csv_options options = {.columns = names, .column_count = 2};
  lossjit_table *table = parsed("a,name,c\n1,\"Ford, T\",3\n4,,6\n", &options);
  assert_string_equal(lossjit_table_column_name(table, 0), "c");
  assert_true(value(table, 0, 0) == 3 && value(table, 0, 1) == 1);
  assert_true(value(table, 1, 0) == 6 && value(table, 1, 1) == 4);
  lossjit_table_release(table);
}

static void test_not_finite(void **state)
{
  (void)state;
  lossjit_csv_options any = {.allow_not_finite = 1};
  lossjit_table *table = parsed("a,b\nNaN,\n-inf,Infinity\n", &any);
  assert_true(isnan(value(table, 0, 0)) && isnan(value(table, 0, 1)));
  assert_true(value(table, 1, 0) == -INFINITY && value(table, 1, 1) == INFINITY);
  lossjit_table_release(table);
}

/* ---- classes --------------------------------------------------------------------- */

static void check_classes(const char *text, const char *const *names, size_t count,
                          const int64_t *labels)
{
  lossjit_table *table = parsed(text, &(lossjit_csv_options){.label = "y"});
  assert_int_equal(lossjit_table_class_count(table), count);
  for (size_t i = 0; i < count; i++)
    assert_string_equal(lossjit_table_class_name(table, i), names[i]);
  assert_null(lossjit_table_class_name(table, count));
  for (size_t i = 0; i < lossjit_table_row_count(table); i++)
    assert_int_equal(lossjit_table_labels(table)[i], labels[i]);
  lossjit_table_release(table);
}

static void test_classes_by_value(void **state)
{
  (void)state;
  check_classes("x,y\n0,10\n0,9\n0,-1\n0,9\n", (const char *[]){"-1", "9", "10"}, 3,
                (int64_t[]){2, 1, 0, 1});
}

static void test_same_number_is_one_class(void **state)
{
  (void)state;
  check_classes("y\n1.0\n2\n1\n", (const char *[]){"1.0", "2"}, 2,
                (int64_t[]){0, 1, 0});
}

static void test_classes_by_bytes(void **state)
{
  (void)state;
  check_classes("y,x\nsetosa,1\n10,1\nVirginica,1\nsetosa,1\n9,1\n",
                (const char *[]){"10", "9", "Virginica", "setosa"}, 4,
                (int64_t[]){3, 0, 2, 3, 1});
}

static void test_many_classes(void **state)
{
  (void)state;
  char *text = malloc(1000000), *at = text + sprintf(text, "y\n");
  for (int i = 0; i < 70000; i++)
    at += sprintf(at, "c%d\n", i);
  lossjit_table *table;
  lossjit_train_error error;
  lossjit_csv_options options = {.label = "y"};
  assert_int_equal(parse(text, &options, &table, &error), LOSSJIT_INVALID);
  assert_non_null(strstr(error.text, "is it a column of classes?"));
  free(text);
}

/* ---- what is refused ------------------------------------------------------------- */

static const struct {
  const char *text, *message;
} wrong[] = {
    {"", "t.csv:1:1: the file is empty: it needs a header line"},
    {" \n\n", "t.csv:1:1: the file is empty: it needs a header line"},
    {"a,b\n", "t.csv:1:3: there is no row after the header"},
    {"a,b\n1,2\n3\n", "t.csv:3:1: the row ends after 1 of 2 fields"},
    {"a,b\n1,2,3\n", "t.csv:2:5: more fields than the 2 columns of the header"},
    {"a,b\n1,2,\n", "t.csv:2:5: more fields than the 2 columns of the header"},
    {"a,b\n1,x2\n", "t.csv:2:3: column 'b': 'x2' is not a number"},
    {"a,b\n1,2 3\n", "t.csv:2:3: column 'b': '2 3' is not a number"},
    {"a,b\n1,0x10\n", "t.csv:2:3: column 'b': '0x10' is not a number"},
    {"a,b\n1,1e\n", "t.csv:2:3: column 'b': '1e' is not a number"},
    {"a,b\n1,--1\n", "t.csv:2:3: column 'b': '--1' is not a number"},
    {"a,b\n1,\n", "t.csv:2:3: column 'b': there is no value"},
    {"a,b\n,1\n", "t.csv:2:1: column 'a': there is no value"},
    {"a,b\n1,\"\"\n", "t.csv:2:3: column 'b': '' is not a number"},
    {"a,b\n1,nan\n", "t.csv:2:3: column 'b': 'nan' is not a finite number"},
    {"a,b\n1,-Inf\n", "t.csv:2:3: column 'b': '-Inf' is not a finite number"},
    {"a,b\n1,1e999\n", "t.csv:2:3: column 'b': '1e999' is too large for a number"},
    {"a,b\r\n1,2\r\n\r\n3,x\r\n", "t.csv:4:3: column 'b': 'x' is not a number"},
    {"a,\"b\nc\"\n1,x\n", "t.csv:3:3: column 'b\nc': 'x' is not a number"},
    {"a,b\n1,\"2\n3,4\n", "t.csv:2:3: this quote is never closed"},
    {"a,b\n1,\"2\"3\n", "t.csv:2:6: text after the closing quote of a field"},
    {"a,b\n1,2\"3\"\n",
     "t.csv:2:4: a quote inside a field that does not begin with one"},
    {"a,a\n1,2\n", "t.csv:1:1: there are 2 columns 'a'"},
};

static void test_wrong_texts(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    lossjit_table *table = (void *)1;
    lossjit_train_error error;
    assert_int_equal(parse(wrong[i].text, NULL, &table, &error), LOSSJIT_INVALID);
    assert_null(table);
    assert_string_equal(error.text, wrong[i].message);
    assert_int_equal(parse(wrong[i].text, NULL, &table, NULL), LOSSJIT_INVALID);
  }
}

static void check_options(const char *text, const lossjit_csv_options *options,
                          const char *message)
{
  lossjit_table *table;
  lossjit_train_error error;
  assert_int_equal(parse(text, options, &table, &error), LOSSJIT_INVALID);
  assert_string_equal(error.text, message);
}

static void test_wrong_columns(void **state)
{
  (void)state;
  const char *const misspelt[] = {"wieght"}, *const far[] = {"zz"};
  const char *const twice[] = {"year", "year"};
  const char *text = "year,weight,kind\n70,1,a\n";
  lossjit_csv_options options = {.columns = misspelt, .column_count = 1};
  check_options(text, &options,
                "t.csv:1:1: no column 'wieght'; did you mean 'weight'?");
  options.columns = far;
  check_options(text, &options, "t.csv:1:1: no column 'zz'");
  options = (lossjit_csv_options){.columns = twice, .column_count = 2};
  check_options(text, &options, "t.csv:1:1: column 'year' is asked for twice");
  options = (lossjit_csv_options){.columns = twice, .column_count = 1, .label = "year"};
  check_options(text, &options, "t.csv:1:1: column 'year' is asked for twice");
  check_options("x,y\n1,\n", &(lossjit_csv_options){.label = "y"},
                "t.csv:2:3: column 'y': there is no class");
}

static void test_bytes_that_are_no_text(void **state)
{
  (void)state;
  lossjit_table *table;
  lossjit_train_error error;
  assert_int_equal(lossjit_table_parse("a\n1\0\n", 5, "t.csv", NULL, &table, &error),
                   LOSSJIT_INVALID);
  assert_string_equal(error.text, "t.csv:2:2: a zero byte: this is not a text file");
}

static void test_long_field(void **state)
{
  (void)state;
  size_t size = 70000;
  char *text = malloc(size + 1);
  memset(text, '1', size);
  text[size] = 0;
  memcpy(text, "a\n", 2);
  lossjit_table *table;
  lossjit_train_error error;
  assert_int_equal(parse(text, NULL, &table, &error), LOSSJIT_INVALID);
  assert_string_equal(error.text, "t.csv:2:1: a field of more than 65536 bytes");
  free(text);
}

static void test_memory_limit(void **state)
{
  (void)state;
  char text[4000], *at = text + sprintf(text, "a\n");
  for (int i = 0; i < 1000; i++)
    at += sprintf(at, "%d\n", i % 10);
  lossjit_csv_options options = {.memory_limit = 1000 * 16};
  lossjit_table *table = parsed(text, &options);
  assert_int_equal(lossjit_table_row_count(table), 1000);
  lossjit_table_release(table);
  options.memory_limit--;
  check_options(
      text, &options,
      "t.csv:1001:1: the table would take more than the limit of 15999 bytes");
}

static void test_wrong_calls(void **state)
{
  (void)state;
  lossjit_table *table = (void *)1;
  lossjit_train_error error;
  assert_int_equal(lossjit_table_read(NULL, NULL, &table, &error), LOSSJIT_ARGUMENT);
  assert_null(table);
  assert_int_equal(lossjit_table_read("x", NULL, NULL, NULL), LOSSJIT_ARGUMENT);
  assert_int_equal(lossjit_table_parse(NULL, 1, "t", NULL, &table, NULL),
                   LOSSJIT_ARGUMENT);
  assert_int_equal(lossjit_table_read("/nowhere/t.csv", NULL, &table, &error),
                   LOSSJIT_INVALID);
  assert_string_equal(error.text, "/nowhere/t.csv: No such file or directory");
  assert_int_equal(lossjit_table_read("/", NULL, &table, &error), LOSSJIT_INVALID);
  assert_non_null(strstr(error.text, "cannot be read"));
  lossjit_table_release(NULL);
  assert_int_equal(lossjit_table_row_count(NULL), 0);
  assert_null(lossjit_table_values(NULL));
}

/* ---- files, memory, noise -------------------------------------------------------- */

static void test_example_data(void **state)
{
  (void)state;
  lossjit_train_error error;
  lossjit_table *table;
  lossjit_csv_options options = {.label = "label"};
  assert_int_equal(lossjit_table_read(LOSSJIT_TEST_SOURCE_DIR
                                      "/examples/data/digits.csv",
                                      &options, &table, &error),
                   LOSSJIT_OK);
  assert_int_equal(lossjit_table_row_count(table), 1797);
  assert_int_equal(lossjit_table_column_count(table), 64);
  assert_int_equal(lossjit_table_class_count(table), 10);
  lossjit_table_release(table);
  assert_int_equal(lossjit_table_read(LOSSJIT_TEST_SOURCE_DIR
                                      "/examples/data/auto_mpg.csv",
                                      NULL, &table, &error),
                   LOSSJIT_OK);
  assert_int_equal(lossjit_table_row_count(table), 392);
  assert_true(value(table, 0, 3) == 3504);
  lossjit_table_release(table);
}

/* A line end and a quote must survive being cut by the block that the file is read in:
 * 32 KiB blocks, and the header's length shifts what stands at the cut. */
static void test_block_boundaries(void **state)
{
  (void)state;
  const char *path = LOSSJIT_TEST_BINARY_DIR "/test_csv_blocks.csv";
  for (int shift = 0; shift < 12; shift++) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(file, "%.*s,b\r\n", shift + 1, "aaaaaaaaaaaa");
    for (int i = 0; i < 6000; i++)
      fprintf(file, "\"%d\",%d\r\n", 1000 + i % 9000, i);
    fclose(file);
    lossjit_table *table;
    lossjit_train_error error;
    assert_int_equal(lossjit_table_read(path, NULL, &table, &error), LOSSJIT_OK);
    assert_int_equal(lossjit_table_row_count(table), 6000);
    for (size_t i = 0; i < 6000; i++)
      assert_true(value(table, i, 0) == 1000 + (double)i && value(table, i, 1) == i);
    lossjit_table_release(table);
  }
  remove(path);
}

static void test_out_of_memory(void **state)
{
  (void)state;
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  lossjit_csv_options options = {.allocator = &hook.allocator, .label = "y"};
  lossjit_status status = LOSSJIT_NO_MEMORY;
  long allowed = 0;
  for (; status != LOSSJIT_OK; allowed++) {
    lossjit_table *table;
    lossjit_train_error error;
    hook.allow = allowed;
    status = parse("a,b,y\n1,2,u\n3,4,v\n5,6,u\n", &options, &table, &error);
    assert_string_equal(error.text, status == LOSSJIT_OK ? "" : "out of memory");
    lossjit_table_release(table);
    assert_int_equal(hook.live, 0);
  }
  assert_true(allowed > 8);
}

/* Whatever the bytes: a table or a message, nothing else. */
static void test_noise(void **state)
{
  (void)state;
  static const char bytes[] = "ab,,\"\"\n\r 1.-e\t";
  unsigned random = 1;
  for (int i = 0; i < 20000; i++) {
    char text[40];
    size_t length = (random = random * 1664525u + 1013904223u) >> 27;
    for (size_t k = 0; k < length; k++)
      text[k] = bytes[((random = random * 1664525u + 1013904223u) >> 16) %
                      (sizeof bytes - 1)];
    lossjit_table *table;
    lossjit_train_error error;
    lossjit_csv_options options = {.label = i % 2 ? "a" : NULL};
    lossjit_status status =
        lossjit_table_parse(text, length, "t", &options, &table, &error);
    assert_true((status == LOSSJIT_OK && table && !*error.text) ||
                (status == LOSSJIT_INVALID && !table && *error.text));
    lossjit_table_release(table);
  }
}

/* ---- numbers ready for training -------------------------------------------------- */

static void test_one_hot(void **state)
{
  (void)state;
  float out[6] = {9, 9, 9, 9, 9, 9};
  int64_t labels[] = {2, 0};
  assert_int_equal(lossjit_one_hot(labels, 2, 3, out), LOSSJIT_OK);
  assert_memory_equal(out, ((float[]){0, 0, 1, 1, 0, 0}), sizeof out);
  labels[1] = 3;
  assert_int_equal(lossjit_one_hot(labels, 2, 3, out), LOSSJIT_LABEL_RANGE);
  labels[1] = -1;
  assert_int_equal(lossjit_one_hot(labels, 2, 3, out), LOSSJIT_LABEL_RANGE);
  assert_memory_equal(out, ((float[]){0, 0, 1, 1, 0, 0}), sizeof out);
  assert_int_equal(lossjit_one_hot(NULL, 0, 3, NULL), LOSSJIT_OK);
}

static void test_standardize(void **state)
{
  (void)state;
  float x[] = {1970, 5, 1971, 5, 1975, 5}; /* the second column is constant */
  double mean[2], deviation[2];
  assert_int_equal(lossjit_standardize_fit(x, 3, 2, mean, deviation), LOSSJIT_OK);
  assert_true(mean[0] == 1972 && mean[1] == 5 && deviation[1] == 1);
  assert_true(fabs(deviation[0] - sqrt(14.0 / 3)) < 1e-12);
  lossjit_standardize_apply(x, 3, 2, mean, deviation);
  assert_true(fabs(x[4] - 3 / sqrt(14.0 / 3)) < 1e-6 && x[1] == 0 && x[5] == 0);
  assert_int_equal(lossjit_standardize_fit(x, 0, 2, mean, deviation), LOSSJIT_ARGUMENT);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_spellings),
      cmocka_unit_test(test_quotes_in_names),
      cmocka_unit_test(test_separators),
      cmocka_unit_test(test_chosen_columns),
      cmocka_unit_test(test_not_finite),
      cmocka_unit_test(test_classes_by_value),
      cmocka_unit_test(test_same_number_is_one_class),
      cmocka_unit_test(test_classes_by_bytes),
      cmocka_unit_test(test_many_classes),
      cmocka_unit_test(test_wrong_texts),
      cmocka_unit_test(test_wrong_columns),
      cmocka_unit_test(test_bytes_that_are_no_text),
      cmocka_unit_test(test_long_field),
      cmocka_unit_test(test_memory_limit),
      cmocka_unit_test(test_wrong_calls),
      cmocka_unit_test(test_example_data),
      cmocka_unit_test(test_block_boundaries),
      cmocka_unit_test(test_out_of_memory),
      cmocka_unit_test(test_noise),
      cmocka_unit_test(test_one_hot),
      cmocka_unit_test(test_standardize),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
