/*
 * `lossjit test`, `bench` and `train` from outside.
 *
 * The cases are written here, one per rule of what counts as passed, failed and
 * skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include <stdio.h>
#include <string.h>

#include "tests/support/command.h"

#define CHECK(rows) command_check((rows), sizeof(rows) / sizeof *(rows))

/* ---- test ------------------------------------------------------------------------ */

/* A case over y_pred = [1, 2] and y_true = [0, 4], and the script that runs it. */
#define CASE(expression, more)                                                            \
  "{\"id\": \"c1\", \"loss\": \"it\", \"expr\": \"" expression "\", \"inputs\": "         \
  "{\"y_pred\": [1, 2], \"y_true\": [0, 4]}, \"params\": {}, \"tol\": {\"atol\": 1e-9}, " \
  "\"compute_dtype\": \"float64\", " more "}"
#define RUN(cases)                                                                     \
  "rm -f losses.json; cat > cases.json <<'END'\n[" cases "]\nEND\n"                    \
  "lossjit test cases.json"
#define RUN_WITH_CLASS(class, cases)                                                   \
  "echo '[{\"id\": \"it\", \"fit\": \"" class "\"}]' > losses.json; cat > cases.json " \
                                              "<<'END'\n[" cases                       \
                                              "]\nEND\nlossjit test cases.json"
#define SQUARE "square(y_pred - y_true)"

static void cases_pass_when_loss_and_gradient_are_near(void **state)
{
  static const struct command_row rows[] = {
      {RUN(CASE(SQUARE, "\"reduction\": \"none\", \"expected_loss\": [1, 4]")), 0,
       "1 passed, 0 failed, 0 skipped\n", ""},
      {RUN(CASE(SQUARE, "\"reduction\": \"sum\", \"expected_loss\": 5, "
                        "\"expected_grad\": [2, -4]")),
       0, "1 passed, 0 failed, 0 skipped\n", ""},
      {RUN(CASE(SQUARE, "\"reduction\": \"mean\", \"expected_loss\": 2.5, "
                        "\"expected_grad\": [1, -2]")),
       0, "1 passed, 0 failed, 0 skipped\n", ""},
      {RUN(CASE(SQUARE, "\"reduction\": \"none\", \"expected_grad\": [2, -4]")), 0,
       "1 passed, 0 failed, 0 skipped\n", ""},
      {RUN(CASE(SQUARE, "\"reduction\": \"none\", \"expected_loss\": [1, 4.1]")), 1,
       "FAIL c1 it: kernel: loss: element 1 is 4, expected 4.1\n"
       "0 passed, 1 failed, 0 skipped\n",
       ""},
      {RUN(CASE(SQUARE, "\"reduction\": \"sum\", \"expected_grad\": [2, 4]")), 1,
       "kernel: gradient: element 1 is -4, expected 4", ""},
      {RUN(CASE(SQUARE, "\"reduction\": \"none\", \"expected_loss\": 5")), 1,
       "kernel: loss has shape (2,), expected ()", ""},
      {RUN(CASE("log(y_true)",
                "\"reduction\": \"none\", \"expected_loss\": [\"-inf\", 1]")),
       1, "FAIL", ""},
      {RUN(CASE("log(y_pred - 1)",
                "\"reduction\": \"none\", \"expected_loss\": [\"-inf\", 0]")),
       0, "1 passed", ""},
      {RUN(CASE("sum(" SQUARE ")", "\"reduction\": \"none\", \"expected_loss\": 5, "
                                   "\"expected_grad\": [2, -4]")),
       0, "1 passed", ""},
  };
  (void)state;
  CHECK(rows);
}

/* Kinks: what a source takes for the derivative there is its own choice. */
static void what_a_source_means_otherwise_is_left_out(void **state)
{
  static const struct command_row rows[] = {
      {RUN(CASE(SQUARE, "\"reduction\": \"none\", \"expected_grad\": [2, 9], "
                        "\"skip_grad\": [1]")),
       0, "1 passed", ""},
      {RUN(CASE(SQUARE, "\"reduction\": \"none\", \"expected_grad\": [2, 9], "
                        "\"kink_indices\": [1], \"grad_kind\": \"sign(0) is 1\"")),
       0, "note c1 it: 1 element at a kink not compared: sign(0) is 1\n1 passed", ""},
      {RUN(CASE(SQUARE, "\"reduction\": \"none\", \"expected_grad\": [1.5, -3], "
                        "\"grad_kind\": \"exact, then clip to [-3,1.5]\"")),
       0, "1 passed", ""},
      {RUN(CASE(SQUARE, "\"reduction\": \"none\", \"expected_loss\": [1, 4], "
                        "\"expected_hess\": [2, 2]")),
       0, "note: 1 of these cases also state a Hessian", ""},
      {RUN(CASE(SQUARE, "\"reduction\": \"none\", \"expected_grad\": [2, 9], "
                        "\"skip_grad\": [7]")),
       1, "index 7 is outside", ""},
  };
  (void)state;
  CHECK(rows);
}

/* The same with sample weights [3, 0.5]. */
#define WEIGHTED(reduction, expected)                                                     \
  "{\"id\": \"c1\", \"loss\": \"it\", \"expr\": \"" SQUARE                                \
  "\", \"inputs\": {\"y_pred\": "                                                         \
  "[1, 2], \"y_true\": [0, 4], \"sample_weight\": [3, 0.5]}, \"tol\": {\"atol\": 1e-9}, " \
  "\"reduction\": \"" reduction "\", \"expected_loss\": " expected "}"

static void every_reduction(void **state)
{
  static const struct command_row rows[] = {
      {RUN(WEIGHTED("none", "[3, 2]") "," WEIGHTED("sum", "5") "," WEIGHTED("sum_over_batch_size", "2.5") "," WEIGHTED(
           "mean_with_sample_weight",
           "1.428571428571428") "," WEIGHTED("batchmean",
                                             "2.5") "," WEIGHTED("mean_over_nonzero",
                                                                 "2.5") "," WEIGHTED("weighted_mean_over_nonzero",
                                                                                     "1.428571428571428")),
       0, "7 passed, 0 failed, 0 skipped\n", ""},
      {RUN(WEIGHTED("median", "1")), 1, "unknown reduction 'median'", ""},
  };
  (void)state;
  CHECK(rows);
}

static void only_what_the_language_lacks_is_skipped(void **state)
{
  static const struct command_row rows[] = {
      {RUN_WITH_CLASS("C", CASE("frobnicate(y_pred)", "\"expected_loss\": [1, 4]")), 0,
       "skip c1 it: LJ0202", ""},
      {RUN_WITH_CLASS("C", CASE("frobnicate(y_pred)", "\"expected_loss\": [1, 4]")), 0,
       "\n0 passed, 0 failed, 1 skipped\n", ""},
      {RUN_WITH_CLASS("A", CASE("frobnicate(y_pred)", "\"expected_loss\": [1, 4]")), 1,
       "\n0 passed, 1 failed, 0 skipped\n", ""},
      {RUN_WITH_CLASS("C", CASE("square(y_pred", "\"expected_loss\": [1, 4]")), 1,
       "\n0 passed, 1 failed, 0 skipped\n", ""},
      {RUN_WITH_CLASS("C", CASE(SQUARE, "\"expected_loss\": [1, 5]")), 1,
       "\n0 passed, 1 failed, 0 skipped\n", ""},
  };
  (void)state;
  CHECK(rows);
}

static void case_files_that_are_none(void **state)
{
  static const struct command_row rows[] = {
      {"lossjit test missing.json", 1, "0 passed, 0 failed, 0 skipped\n",
       "missing.json: No such file"},
      {"echo '{' > a.json; lossjit test a.json", 1, NULL, "a.json: not JSON"},
      {"echo '{}' > a.json; lossjit test a.json", 1, NULL, "not a JSON array"},
      {"echo '[]' > a.json; lossjit test a.json", 0, "0 passed, 0 failed, 0 skipped\n",
       ""},
      {"echo '[1, {}]' > a.json; lossjit test a.json", 1, "there is no expr", ""},
      {"lossjit test", 2, "", "an argument is missing"},
  };
  (void)state;
  CHECK(rows);
}

/* ---- bench ----------------------------------------------------------------------- */

static void bench_prints_one_object(void **state)
{
  static const char *const numbers[] = {"call_ns",  "ns_per_element", "bytes",
                                        "gb_per_s", "copy_gb_per_s",  "of_copy"};
  (void)state;
  struct command_result got =
      command_run("lossjit bench 'sum(square(y_pred - y_true) * [0.3, 0.7], axis=1)' "
                  "--shape y_pred=100,2 --json");
  json_t *figures = json_loads(got.out, 0, NULL);
  assert_int_equal(got.status, 0);
  assert_true(json_is_object(figures));
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    assert_true(json_number_value(json_object_get(figures, numbers[i])) > 0);
  assert_int_equal(json_integer_value(json_object_get(figures, "bytes")),
                   4 * (200 + 200 + 100 + 200));
  assert_int_equal(json_integer_value(json_object_get(figures, "threads")), 1);
  assert_true(json_is_true(json_object_get(figures, "checked")));
  const json_t *compile = json_object_get(figures, "compile_ms");
  assert_true(json_number_value(json_object_get(compile, "total")) > 0);
  assert_int_equal(
      json_array_size(json_object_get(json_object_get(figures, "shape"), "y_true")), 2);
  json_decref(figures);
}

static void bench_finds_inputs_that_suit(void **state)
{
  static const struct command_row rows[] = {
      {"lossjit bench '-gather(log_softmax(y_pred, axis=-1), y_true)' "
       "--shape y_pred=64,3",
       0, "checked   against the interpreter", ""},
      {"lossjit bench '-sum(y_true*log(y_pred), axis=-1)' --shape y_pred=64,3 "
       "--dtype f64",
       0, "checked   against the interpreter", ""},
      {"lossjit bench 'w*sum(y_pred, axis=-1)' --shape y_pred=64,3 --shape w=64", 0,
       "checked   against the interpreter", ""},
      {"lossjit bench 'nonsense' --shape y_pred=64,3", 1, "", "LJ0201"},
  };
  (void)state;
  CHECK(rows);
}

/* ---- train ----------------------------------------------------------------------- */

#define MODEL                                                                                 \
  "i=0; { echo a,b,c; while [ $i -lt 40 ]; do echo $((i % 7)),$((i % 5)),$((i % 7 + i % 5));" \
  " i=$((i + 1)); done; } > data.csv; cat > model.json <<'END'\n"                             \
  "{\"data\": \"data.csv\", \"targets\": [\"c\"], \"standardize\": true, "                    \
  "\"validation_split\": 0.25, \"layers\": [{\"units\": 1}], \"epochs\": 3, \"loss\": "       \
  "\"mean(square(y_pred - y_true), axis=-1)\"}\nEND\n"

static void train_prints_a_line_per_epoch(void **state)
{
  static const struct command_row rows[] = {
      {MODEL "lossjit train model.json", 0, "30 rows for training, 10 for validation\n",
       ""},
      {"lossjit train model.json | grep -c val_loss", 0, "3\n", ""},
      {"lossjit train model.json | tail -1", 0, "steps/s", ""},
      {"lossjit train model.json > /dev/full", 1, "", "cannot write the results"},
      {"lossjit train missing.json", 1, "", "missing.json"},
      {"echo '{' > bad.json; lossjit train bad.json", 1, "", "bad.json"},
  };
  (void)state;
  CHECK(rows);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cases_pass_when_loss_and_gradient_are_near),
      cmocka_unit_test(what_a_source_means_otherwise_is_left_out),
      cmocka_unit_test(every_reduction),
      cmocka_unit_test(only_what_the_language_lacks_is_skipped),
      cmocka_unit_test(case_files_that_are_none),
      cmocka_unit_test(bench_prints_one_object),
      cmocka_unit_test(bench_finds_inputs_that_suit),
      cmocka_unit_test(train_prints_a_line_per_epoch),
  };
  return cmocka_run_group_tests(tests, command_setup, command_teardown);
}
