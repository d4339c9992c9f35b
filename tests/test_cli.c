/*
 * The `lossjit` command from outside: usage, help, exit statuses, where output goes.
 *
 * Results go to standard output and diagnostics to standard error; the command ends
 * with 0 when it did what was asked, 1 when the expression or the data is wrong, 2 when
 * the command line is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include <string.h>

#include "tests/support/command.h"

#define CHECK(rows) command_check((rows), sizeof(rows) / sizeof *(rows))
#define MSE "'mean(square(y_pred - y_true), axis=-1)'"

/* ---- usage and help -------------------------------------------------------------- */

static void mistakes_on_the_command_line_are_usage(void **state)
{
  static const struct command_row rows[] = {
      {"lossjit", 2, "", "usage: lossjit COMMAND"},
      {"lossjit evl", 2, "", "did you mean 'eval'?"},
      {"lossjit frobnicate", 2, "", "unknown command 'frobnicate'"},
      {"lossjit eval", 2, "", "an argument is missing"},
      {"lossjit eval x --gard", 2, "", "did you mean '--grad'?"},
      {"lossjit eval x --json=1", 2, "", "--json takes no value"},
      {"lossjit eval x --dtype", 2, "", "--dtype needs a value"},
      {"lossjit eval x --dtype f16", 2, "", "expected one of f32, f64"},
      {"lossjit eval x --reduction avg", 2, "", "expected one of none, sum, mean"},
      {"lossjit eval x -q", 2, "", "unknown option '-q'"},
      {"lossjit eval x y", 2, "", "expected NAME=DATA"},
      {"lossjit eval x a=1 a=2", 2, "", "a is given twice"},
      {"lossjit check x y", 2, "", "unexpected argument 'y'"},
      {"lossjit show x --stage asn", 2, "", "gradient, plan, llvm, asm"},
      {"lossjit show x --shape y_pred=1,x", 2, "", "expected NAME=B,n"},
      {"lossjit show x --shape y_pred=batch,99999999999999", 2, "", "is too large"},
      {"lossjit bench x --shape y_pred=4194304,4194304", 2, "", "is too large"},
      {"lossjit show x --target z80", 2, "", "host, avx512, avx2, baseline"},
      {"lossjit bench x --shape y_pred=8,2 --threads 4", 2, "", "one thread"},
      {"lossjit bench y_pred", 2, "", "sizes are missing"},
      {"lossjit bench " MSE " --shape y_pred=0,2", 2, "", "above 0"},
      {"lossjit losses hubr", 2, "", "did you mean 'huber'?"},
      {"lossjit help evl", 2, "", "did you mean 'eval'?"},
  };
  (void)state;
  CHECK(rows);
}

static void help_is_there_for_every_command(void **state)
{
  static const char *const commands[] = {"eval",  "check",  "show",  "test",
                                         "bench", "losses", "train", "help"};
  char script[64];
  (void)state;
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    struct command_row row = {script, 0, "Examples:\n  lossjit ", ""};
    snprintf(script, sizeof script, "lossjit help %s", commands[i]);
    command_check(&row, 1);
    snprintf(script, sizeof script, "lossjit %s --help", commands[i]);
    command_check(&row, 1);
    snprintf(script, sizeof script, "lossjit --help | grep '^  %s '", commands[i]);
    row.out = NULL;
    command_check(&row, 1);
  }
}

static void only_commands_that_exist_are_listed(void **state)
{
  static const struct command_row rows[] = {
      {"lossjit --help | grep -E '^  (explain|build|cache|plot)'", 1, "", ""},
      {"lossjit --version", 0, "lossjit 0.1.0\n", ""},
  };
  (void)state;
  CHECK(rows);
}

/* ---- expressions ----------------------------------------------------------------- */

static void an_expression_may_begin_with_a_minus(void **state)
{
  static const struct command_row rows[] = {
      {"lossjit eval -y_pred 'y_pred=[1, 2]' --json", 0, "[-1.0, -2.0]", ""},
      {"lossjit eval --y_pred 'y_pred=[1, 2]' --json", 0, "[1.0, 2.0]", ""},
      {"lossjit eval '-(y_pred)' 'y_pred=[1, 2]' --json", 0, "[-1.0, -2.0]", ""},
      {"lossjit eval 'y_pred=[1, 2]' --json -- -y_pred", 2, "", NULL},
      {"lossjit eval --json -- -y_pred 'y_pred=[1, 2]'", 0, "[-1.0, -2.0]", ""},
  };
  (void)state;
  CHECK(rows);
}

static void expressions_come_from_text_file_or_standard_input(void **state)
{
  static const struct command_row rows[] = {
      {"echo '2*y_pred' > a.loss; lossjit eval @a.loss 'y_pred=[3]' --json", 0, "[6.0]",
       ""},
      {"echo '3*y_pred' | lossjit eval - 'y_pred=[3]' --json", 0, "[9.0]", ""},
      {"lossjit eval @missing.loss 'y_pred=[3]'", 1, "", "missing.loss: No such file"},
      {"lossjit eval @. 'y_pred=[3]'", 1, "", "Is a directory"},
      {"lossjit check - <&-", 1, "", "standard input: "},
      {"lossjit check ''", 1, "", "error"},
      {"echo 'y_pred +' > b.loss; lossjit check @b.loss", 1, "", "b.loss:1:"},
      {"lossjit check " MSE, 0, "-> f32(batch,)", ""},
  };
  (void)state;
  CHECK(rows);
}

/* ---- diagnostics as an editor reads them ----------------------------------------- */

static json_t *check_as_json(const char *script)
{
  struct command_result got = command_run(script);
  json_t *list = json_loads(got.out, 0, NULL);
  assert_true(json_is_array(list));
  assert_string_equal(got.err, "");
  return list;
}

static json_int_t number_at(const json_t *object, const char *edge, const char *key)
{
  const json_t *position = json_object_get(json_object_get(object, "range"), edge);
  return json_integer_value(json_object_get(position, key));
}

/* Characters count in UTF-16 units: a letter with an accent is one, an emoji two. */
static void check_prints_diagnostics_of_the_language_server_protocol(void **state)
{
  (void)state;
  json_t *list = check_as_json("printf '# \\303\\251\\ny_pred # \\360\\237\\230\\200\\n"
                               " + y_tru' > c.loss; lossjit check @c.loss --json");
  assert_int_equal(json_array_size(list), 1);
  const json_t *one = json_array_get(list, 0);
  assert_int_equal(number_at(one, "start", "line"), 2);
  assert_int_equal(number_at(one, "start", "character"), 3);
  assert_int_equal(number_at(one, "end", "character"), 8);
  assert_int_equal(json_integer_value(json_object_get(one, "severity")), 1);
  assert_string_equal(json_string_value(json_object_get(one, "code")), "LJ0201");
  assert_string_equal(json_string_value(json_object_get(one, "source")), "lossjit");
  assert_non_null(json_string_value(json_object_get(one, "message")));
  const json_t *fix = json_object_get(json_object_get(one, "data"), "fix");
  assert_string_equal(json_string_value(json_object_get(fix, "newText")), "y_true");
  json_decref(list);
}

static void columns_count_utf16_units(void **state)
{
  (void)state;
  /* The mistake stands behind an emoji in its own line. */
  json_t *list = check_as_json("printf 'y_pred + \\342\\210\\222 y_true # x' > d.loss;"
                               "lossjit check @d.loss --json");
  assert_true(json_array_size(list) >= 1);
  const json_t *one = json_array_get(list, 0);
  assert_int_equal(number_at(one, "start", "character"), 9);
  assert_int_equal(number_at(one, "end", "character"), 10);
  json_decref(list);
  list = check_as_json("lossjit check " MSE " --json");
  assert_int_equal(json_array_size(list), 0);
  json_decref(list);
}

/* ---- stages, losses -------------------------------------------------------------- */

#define WEIGHTED "'sum(square(y_pred - y_true) * [0.3, 0.7], axis=1)'"

static void show_prints_the_stages(void **state)
{
  static const struct command_row rows[] = {
      {"lossjit show " WEIGHTED, 0, "# ---- gradient ----", ""},
      {"lossjit show " WEIGHTED, 0, "# ---- plan ----", ""},
      {"lossjit show " MSE, 0, "# the plan needs the sizes", ""},
      {"lossjit show " MSE " --stage gradient,tree | grep '^# ----' | tr -d '\\n'", 0,
       "# ---- tree ----# ---- gradient ----", ""},
      {"lossjit show " MSE " --stage tree --stage tokens | grep -c '^# ----'", 0, "2\n",
       ""},
      {"lossjit show " MSE " --stage plan", 2, "", "give --shape y_"},
      {"lossjit show " MSE " --stage plan --shape y_pred=batch,3", 0, NULL, ""},
      {"lossjit show " WEIGHTED " --stage llvm", 0, "define", ""},
      {"lossjit show " WEIGHTED " --stage asm --target baseline", 0, "mulps", ""},
      {"lossjit show " WEIGHTED " --stage asm --target baseline --dtype f64", 0,
       "mulpd", ""},
      {"lossjit show nonsense", 1, "", "LJ0201"},
  };
  (void)state;
  CHECK(rows);
}

/* The gradient is text of the language: it compiles again. */
static void the_printed_gradient_is_an_expression(void **state)
{
  static const struct command_row rows[] = {
      {"lossjit show " WEIGHTED " --stage gradient > g.loss\n"
       "(echo 'result: any;'; cat g.loss) > h.loss\n"
       "lossjit eval @h.loss 'y_pred=[[1, 2]]' 'y_true=[[0, 0]]' --json",
       0, "[[0.6, 2.8]]", NULL},
  };
  (void)state;
  CHECK(rows);
}

/* The phases, "rest" among them, are those of one compile. */
static void phases_of_bench_sum_to_the_total(void **state)
{
  double sum = 0;
  const char *name;
  json_t *value;
  (void)state;
  struct command_result got =
      command_run("lossjit bench " MSE " --shape y_pred=8,2 --json");
  json_t *bench = json_loads(got.out, 0, NULL);
  json_t *times = json_object_get(bench, "compile_ms");
  assert_non_null(json_object_get(times, "rest"));
  json_object_foreach(times, name, value)
  {
    sum += strcmp(name, "total") ? json_number_value(value) : 0;
    assert_true(json_number_value(value) >= 0);
  }
  double total = json_number_value(json_object_get(times, "total"));
  assert_true(sum > total - 0.01 && sum < total + 0.01); /* each has three decimals */
  json_decref(bench);
}

static void losses_print_their_definitions(void **state)
{
  static const struct command_row rows[] = {
      {"lossjit losses", 0, "def mean_squared_error(y_true, y_pred", ""},
      {"lossjit losses huber", 0, "def huber(y_true, y_pred", ""},
      {"lossjit losses huber | grep -c '^def'", 0, "1\n", ""},
  };
  (void)state;
  CHECK(rows);
}

/* ---- where results cannot go ----------------------------------------------------- */

static void results_that_do_not_arrive_are_a_failure(void **state)
{
  static const struct command_row rows[] = {
      {"lossjit losses > /dev/full", 1, "", "cannot write the results: No space left"},
      {"lossjit --version > /dev/full", 1, "", "No space left"},
      {"lossjit eval y_pred 'y_pred=[1]' > /dev/full", 1, "", "No space left"},
      {"lossjit losses >&-", 1, "", "cannot write the results"},
      {"lossjit eval y_pred 'y_pred=[1]' -o x >&-; s=$?; test -s x/loss.npy; exit $s",
       1, "", "cannot write the results"},
      {"{ sleep 0.3; lossjit losses; echo $? > status; } | true; cat status", 0, "1\n",
       "cannot write the results: Broken pipe"},
      {"lossjit eval y_pred 'y_pred=[1]' -o no/such", 1, "", "no/such: No such file"},
      {"touch f; lossjit eval y_pred 'y_pred=[1]' -o f", 1, "", "Not a directory"},
  };
  (void)state;
  CHECK(rows);
}

static void no_colours_outside_of_a_terminal(void **state)
{
  static const struct command_row rows[] = {
      {"TERM=xterm lossjit check nonsense 2>&1 | grep -c \"$(printf '\\033')\"", 1,
       "0\n", ""},
      {"TERM=xterm lossjit losses | grep -c \"$(printf '\\033')\"", 1, "0\n", ""},
  };
  (void)state;
  CHECK(rows);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(mistakes_on_the_command_line_are_usage),
      cmocka_unit_test(help_is_there_for_every_command),
      cmocka_unit_test(only_commands_that_exist_are_listed),
      cmocka_unit_test(an_expression_may_begin_with_a_minus),
      cmocka_unit_test(expressions_come_from_text_file_or_standard_input),
      cmocka_unit_test(check_prints_diagnostics_of_the_language_server_protocol),
      cmocka_unit_test(columns_count_utf16_units),
      cmocka_unit_test(show_prints_the_stages),
      cmocka_unit_test(the_printed_gradient_is_an_expression),
      cmocka_unit_test(phases_of_bench_sum_to_the_total),
      cmocka_unit_test(losses_print_their_definitions),
      cmocka_unit_test(results_that_do_not_arrive_are_a_failure),
      cmocka_unit_test(no_colours_outside_of_a_terminal),
  };
  return cmocka_run_group_tests(tests, command_setup, command_teardown);
}
