/*
 * `lossjit train` from outside: options over the file's keys, the history, warnings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/command.h"

#define CHECK(rows) command_check((rows), sizeof(rows) / sizeof *(rows))

/* m.json in the folder, with these keys added. */
#define MODEL(keys)                                                                        \
  "printf 'a,b,t,u\\n1,2,3,1\\n2,1,0,0\\n4,3,2,1\\n0,1,1,0\\n' > d.csv;"                   \
  "echo '{\"data\": \"d.csv\", \"inputs\": [\"a\", \"b\"], \"layers\": [{\"units\": 1}], " \
  "" keys "}' > m.json;"
#define LINE MODEL("\"targets\": [\"t\"], \"loss\": \"mean_squared_error\"")

static void options_come_before_the_file(void **state)
{
  static const struct command_row rows[] = {
      {LINE "lossjit train m.json", 0, "epoch 1/1  loss ", ""},
      {"lossjit train m.json --epochs 12 --batch-size 3", 0, "epoch 12/12  loss ", ""},
      {"lossjit train m.json --epochs 12 --batch-size 3", 0, "24 steps in ", ""},
      {"f() { lossjit train m.json --epochs 2 $1 | grep -o 'loss [^ ]*' | tail -1; }\n"
       "test \"$(f)\" = \"$(f '--seed 0 --learning-rate 0.001')\" &&\n"
       "test \"$(f)\" != \"$(f --seed=5)\" && test \"$(f)\" != \"$(f --learning-rate=1)\"",
       0, "", ""},
      {"lossjit train m.json --epochs 0", 2, "", "a whole number from 1 to"},
      {"lossjit train m.json --epochs 2x", 2, "", "a whole number from 1 to"},
      {"lossjit train m.json --batch-size 99999999999999999999", 2, "",
       "from 1 to 16777216"},
      {"lossjit train m.json --seed -1", 2, "", "a whole number from 0"},
      {"lossjit train m.json --learning-rate 0", 2, "", "a number above 0"},
      {"lossjit train m.json --learning-rate nan", 2, "", "a number above 0"},
      {"lossjit train m.json --epoch 3", 2, "", "did you mean '--epochs'?"},
  };
  (void)state;
  CHECK(rows);
}

#define SPLIT                                                                          \
  MODEL("\"targets\": [\"t\"], \"loss\": \"mean_squared_error\", "                     \
        "\"validation_split\": 0.25, \"metrics\": [\"mean(abs(y_pred - y_true), "      \
        "axis=-1)\"]")

static void the_history_is_a_csv_file(void **state)
{
  static const struct command_row rows[] = {
      {LINE
       "lossjit train m.json --epochs 3 --history h.csv > /dev/null; cut -d, -f1 h.csv",
       0, "epoch\n1\n2\n3\n", ""},
      {"head -1 h.csv", 0, "epoch,loss,steps,seconds\n", ""},
      {SPLIT "lossjit train m.json --history h.csv > /dev/null; head -1 h.csv", 0,
       "epoch,loss,\"mean(abs(y_pred - y_true), axis=-1)\",val_loss,\"val_mean(abs(y_pred "
       "- y_true), axis=-1)\",steps,seconds\n",
       ""},
      {"umask 027; rm h.csv; lossjit train m.json --history h.csv > /dev/null; "
       "stat -c %a h.csv; ls h.csv*",
       0, "640\nh.csv\n", ""},
      {"lossjit train m.json --history no/h.csv", 1, "", "no/h.csv: No such file"},
      /* a training that fails before its first epoch keeps the old file */
      {LINE "lossjit train m.json --epochs 3 --history h.csv > /dev/null;"
            "lossjit train missing.json --history h.csv",
       1, "", "missing.json"},
      {"wc -l < h.csv; ls h.csv*", 0, "4\nh.csv\n", ""},
  };
  (void)state;
  CHECK(rows);
}

static void mistakes_and_warnings_name_the_file(void **state)
{
  static const struct command_row rows[] = {
      {MODEL(
           "\"targets\": [\"t\", \"u\"], \"loss\": \"mean_squared_error\"") "lossjit train m.json",
       1, "",
       "error: m.json: loss or metrics: loss 'mean_squared_error(y_true, y_pred)'"},
      {MODEL("\"targets\": [\"t\"], \"loss\": \"mean_squared_error\", \"metrics\": "
             "[\"accuracy\"]") "lossjit train m.json",
       1, "", "for numbers take a metric such as mean_absolute_error"},
      {MODEL(
           "\"label\": \"u\", \"loss\": \"binary_crossentropy\"") "lossjit train m.json",
       0, "epoch 1/1",
       "warning: m.json: the last layer is linear; binary_crossentropy"},
      {MODEL(
           "\"targets\": [\"t\"], \"loss\": \"huber\", \"optimizer\": \"Adam\"") "lossjit train m.json",
       0, "epoch 1/1", ""},
  };
  (void)state;
  CHECK(rows);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(options_come_before_the_file),
      cmocka_unit_test(the_history_is_a_csv_file),
      cmocka_unit_test(mistakes_and_warnings_name_the_file),
  };
  return cmocka_run_group_tests(tests, command_setup, command_teardown);
}
