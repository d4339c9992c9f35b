/*
 * `lossjit eval` from outside: data in every form, and what is made of it.
 *
 * The data declares what the text leaves open: which inputs belong to the batch, which
 * are labels, which numbers are parameters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/support/command.h"

#define CHECK(rows) command_check((rows), sizeof(rows) / sizeof *(rows))
#define WEIGHTED "'sum(square(y_pred - y_true) * [0.25, 0.5], axis=1)'"
#define DATA " 'y_pred=[[1, 2], [3, 4]]' 'y_true=[[0, 2], [3, 1]]' "
/* Any array, back as it was read. */
#define ECHO "lossjit eval 'result: any; 1*y_pred' --dtype f64 --json "

static void loss_value_and_gradient(void **state)
{
  static const struct command_row rows[] = {
      {"lossjit eval " WEIGHTED DATA "--grad --json", 0,
       "{\"value\": 4.75, \"loss\": [0.25, 4.5], \"grad\": ", ""},
      {"lossjit eval " WEIGHTED DATA "--grad --json --dtype f64", 0,
       "\"loss\": [0.25, 4.5], \"grad\": {\"y_pred\": [[0.5, 0.0], [0.0, 3.0]]}}\n",
       ""},
      {"lossjit eval " WEIGHTED DATA "--json", 0, "\"loss\": [0.25, 4.5]}\n", ""},
      {"lossjit eval " WEIGHTED DATA "--grad --json --reduction mean --dtype f64", 0,
       "\"grad\": {\"y_pred\": [[0.25, 0.0], [0.0, 1.5]]}}\n", ""},
      {"lossjit eval " WEIGHTED DATA "--grad=y_true,y_pred --json --dtype f64", 0,
       "{\"y_true\": [[-0.5, -0.0], [-0.0, -3.0]], \"y_pred\": [[0.5, 0.0], [0.0, 3.0]]}",
       ""},
      {"lossjit eval " WEIGHTED DATA "--grad --json --dtype f64 --interpreter", 0,
       "[[0.5, 0.0], [0.0, 3.0]]", ""},
      {"lossjit eval " WEIGHTED DATA "--grad", 0,
       "loss  f32(2,)\n[0.25,  4.5]\nsum  4.75\n", ""},
      {"lossjit eval " WEIGHTED DATA "--reduction mean", 0, "\nmean  2.375", ""},
      {"lossjit eval y_pred y_pred=3 --json", 0, "{\"value\": 3.0, \"loss\": [3.0]}",
       ""},
  };
  (void)state;
  CHECK(rows);
}

static void the_data_settles_what_the_text_leaves_open(void **state)
{
  static const struct command_row rows[] = {
      /* labels or numbers */
      {"lossjit eval 'gather(y_pred, y_true)' 'y_pred=[[1, 2], [3, 4]]' 'y_true=[1, 0]' "
       "--json",
       0, "[2.0, 3.0]", ""},
      {"lossjit eval 'y_pred - y_true' 'y_pred=[1.5, 2]' 'y_true=[1, 0]' --json", 0,
       "[0.5, 2.0]", ""},
      {"lossjit eval 'gather(y_pred, y_true)' 'y_pred=[[1, 2], [3, 4]]' "
       "'y_true=[1.5, 0]'",
       1, "", "error"},
      {"lossjit eval 'gather(y_pred, y_true)' 'y_pred=[[1, 2], [3, 4]]' 'y_true=[1, 2]'",
       1, "", "(sample 1)"},
      /* one weight per sample or per column */
      {"lossjit eval 'sum(w*y_pred, axis=1)' 'y_pred=[[1, 2], [3, 4]]' 'w=[10, 1]' --json",
       0, "[12.0, 34.0]", ""},
      {"lossjit eval 'w*sum(y_pred, axis=1)' 'y_pred=[[1, 2], [3, 4]]' 'w=[10, 1]' --json",
       0, "[30.0, 7.0]", ""},
      /* but the batch never meets a dimension by accident */
      {"lossjit eval 'mean(square(y_pred - y_true), axis=-1)' 'y_pred=[[1], [2]]' "
       "'y_true=[1, 2]'",
       1, "", "error[LJ0305]"},
      {"lossjit eval 'mean(w*y_pred, axis=-1)' 'y_pred=[[1], [2]]' 'w=[1, 2]'", 1, "",
       "error[LJ0305]"},
      {"lossjit eval 'mean(y_pred - y_true, axis=-1)' 'y_pred=[[1, 2], [3, 4]]' "
       "'y_true=[1, 2]'",
       1, "", "error[LJ0305]"},
      /* the text comes first */
      {"lossjit eval 'w: f32[batch]; w*sum(y_pred, axis=1)' 'y_pred=[[1, 2], [3, 4]]' "
       "'w=[10, 1]' --json",
       0, "[30.0, 7.0]", ""},
      {"lossjit eval 'y_true: i64[batch]; y_pred*(y_true + 1)' 'y_pred=[1, 2]' "
       "'y_true=[0.5, 1]'",
       1, "", "not a whole number"},
      {"lossjit eval 'y_pred: f32[batch, 3]; sum(y_pred, axis=1)' 'y_pred=[[1, 2]]'", 1,
       "", "the data has shape (1, 2), the expression takes (batch, 3)"},
      {"lossjit eval 'y_pred: f32[batch, n]; w: f32[n]; result: any; w*y_pred' "
       "'y_pred=[[1, 2]]' 'w=[3, 4]' --json",
       0, "[[3.0, 8.0]]", ""},
      /* parameters */
      {"lossjit eval 'tau*y_pred' 'y_pred=[1, 2]' tau=0.5 --json", 0, "[0.5, 1.0]", ""},
      {"lossjit eval 'tau: f32 = 3; tau*y_pred' 'y_pred=[1, 2]' --json", 0,
       "[3.0, 6.0]", ""},
      {"lossjit eval 'tau: f32 = 3; tau*y_pred' 'y_pred=[1, 2]' tau=2 --json", 0,
       "[2.0, 4.0]", ""},
      {"lossjit eval 'tau: f32 = 3; tau*y_pred' 'y_pred=[1, 2]' 'tau=[2]'", 1, "",
       "tau is one number"},
      {"lossjit eval 'square(y_pred - y_true)' y_pred=3 y_true=1 --json", 0, "[4.0]",
       ""},
      /* what does not fit */
      {"lossjit eval 'y_pred - y_true' 'y_pred=[1, 2]'", 1, "", "no data for y_true"},
      {"lossjit eval 'y_pred - y_true' 'y_pred=[1, 2]' 'y_true=[1, 2, 3]'", 1, "",
       "y_true has 3 samples, inputs before it have 2"},
      {"lossjit eval 'mean(y_pred - y_true, axis=-1)' 'y_pred=[[1], [2]]' "
       "'y_true=[[1], [2], [3]]'",
       1, "", "y_true has 3 samples, inputs before it have 2"},
      {"lossjit eval 'w*y_pred' 'y_pred=[1, 2]' 'w=[1, 2, 3]'", 1, "", "error[LJ0305]"},
  };
  (void)state;
  CHECK(rows);
}

static void sample_weights_multiply_the_losses(void **state)
{
  static const struct command_row rows[] = {
      {"lossjit eval 'y_pred' 'y_pred=[1, 2]' 'sample_weight=[3, 4]' --grad --json", 0,
       "{\"value\": 11.0, \"loss\": [3.0, 8.0], \"grad\": {\"y_pred\": [3.0, 4.0]}}",
       ""},
      {"lossjit eval 'y_pred' 'y_pred=[1, 2]' 'sample_weight=[[3], [4]]' --json", 0,
       "[3.0, 8.0]", ""},
      {"lossjit eval 'y_pred' 'y_pred=[1, 2]' 'sample_weight=2' --json", 0,
       "[2.0, 4.0]", ""},
      {"lossjit eval 'y_pred' 'y_pred=[1, 2]' 'sample_weight=[1, 2, 3]'", 1, "",
       "does not go with a result of shape (2,)"},
      {"lossjit eval 'y_pred + sample_weight' 'y_pred=[1, 2]' 'sample_weight=[3, 4]' "
       "--json",
       0, "[4.0, 6.0]", ""},
  };
  (void)state;
  CHECK(rows);
}

static void numbers_and_json(void **state)
{
  static const struct command_row rows[] = {
      {ECHO "'y_pred=[\"nan\", \"inf\", \"-inf\"]'", 0, "[\"nan\", \"inf\", \"-inf\"]",
       ""},
      {ECHO "y_pred=nan", 0, "[\"nan\"]", ""},
      {ECHO "'y_pred=[1e-320, 0.1, -0.0]'", 0, "[1e-320, 0.1, -0.0]", NULL},
      {ECHO "'y_pred=[[[1], [2]], [[3], [4]]]'", 0, "[[[1.0], [2.0]], [[3.0], [4.0]]]",
       ""},
      {ECHO "'y_pred=[123456789012345678901234567890]'", 0, "[1.2345678901234568e+29]",
       ""},
      {"lossjit eval y_pred 'y_pred=[0.1, 16777217, 1e-45]' --json", 0,
       "[0.1, 16777216.0, 1e-45]", ""},
      {ECHO "'y_pred=[]'", 1, "", "y_pred: the array is empty: its shape is (0,)"},
      {ECHO "'y_pred=[[]]'", 1, "", "y_pred: the array is empty: its shape is (1, 0)"},
      {ECHO "'y_pred=[[1, 2], [3]]'", 1, "", "ragged: [1] has 1 elements"},
      {ECHO "'y_pred=[[1, 2], 3]'", 1, "", "ragged: [1] is no list"},
      {ECHO "'y_pred=[1, [3]]'", 1, "", "ragged: [1] is a list"},
      {ECHO "'y_pred=[1, \"NaN\"]'", 1, "", "[1] is not a number"},
      {ECHO "'y_pred=[null]'", 1, "", "[0] is not a number"},
      {ECHO "'y_pred=[NaN]'", 1, "", "non-finite numbers are"},
      {ECHO "'y_pred=[true, 1]'", 1, "", "mixed"},
      {ECHO "'y_pred=[1e999]'", 1, "", "overflow"},
      {ECHO "'y_pred=1e999'", 1, "", "too large"},
      {ECHO "'y_pred=[1'", 1, "", "not JSON"},
      {ECHO "'y_pred={}'", 1, "", "expected a number, a JSON array"},
      {ECHO "y_pred=", 1, "", "expected a number, a JSON array"},
      {ECHO "'y_pred=[[[[[[[[[1]]]]]]]]]'", 1, "", "more than 8 deep"},
      {"lossjit eval y_pred 'y_pred=[1e300]'", 1, "", "too large for f32"},
  };
  (void)state;
  CHECK(rows);
}

static void csv_files(void **state)
{
  static const struct command_row rows[] = {
      {"printf 'a,b\\n1,2\\n3,4.5\\n' > a.csv;" ECHO "y_pred=@a.csv", 0,
       "[[1.0, 2.0], [3.0, 4.5]]", ""},
      {"printf '1\\r\\n2\\r\\n\\r\\n3' > b.csv;" ECHO "y_pred=@b.csv", 0,
       "[1.0, 2.0, 3.0]", ""},
      {"printf ' 1 , nan\\n\\t2,-inf\\n' > c.csv;" ECHO "y_pred=@c.csv", 0,
       "[[1.0, \"nan\"], [2.0, \"-inf\"]]", ""},
      {"printf '\\357\\273\\2771,2\\n' > d.csv;" ECHO "y_pred=@d.csv", 0,
       "[[1.0, 2.0]]", ""},
      {"printf 'y\\n1\\n0\\n' > e.csv; lossjit eval 'gather(y_pred, y_true)' "
       "'y_pred=[[1, 2], [3, 4]]' y_true=@e.csv --json",
       0, "[2.0, 3.0]", ""},
      {"printf 'x,\"y,\"\"z\"\\n\"1\", \"-2.5\" \\n' > j.csv;" ECHO "y_pred=@j.csv", 0,
       "[[1.0, -2.5]]", ""},
      {"printf 'nan,inf\\n' > k.csv;" ECHO "y_pred=@k.csv", 0, "[[\"nan\", \"inf\"]]",
       ""},
      {ECHO "y_pred=@missing.csv", 1, "", "missing.csv: No such file"},
      {ECHO "y_pred=@.", 1, "", "Is a directory"},
      {"echo '[1, 2]' > a.json;" ECHO "y_pred=@a.json", 0, "[1.0, 2.0]", ""},
  };
  (void)state;
  CHECK(rows);
}

/* What -o writes is read back as the same numbers. */
/* A file of one column or more, and what is wrong with it, after "y_pred: em.csv". */
#define EM(text) "printf '" text "' > em.csv;" ECHO "y_pred=@em.csv"

static void mistakes_in_csv_files_have_a_place(void **state)
{
  static const struct command_row rows[] = {
      {EM("1O\\n2\\n"), 1, "", "y_pred: em.csv:1:1: '1O' is not a number\n"},
      {EM("a,.5x\\n1,2\\n"), 1, "", "em.csv:1:1: 'a' is not a number"},
      {EM("1, \"b\"\\n"), 1, "", "em.csv:1:5: 'b' is not a number"},
      {EM("a,b\\n3,x\\n"), 1, "", "em.csv:2:3: 'x' is not a number"},
      {EM("a\\n0x10\\n"), 1, "", "em.csv:2:1: '0x10' is not a number"},
      {EM("1;2\\n"), 1, "", "em.csv:1:1: '1;2' is not a number: the separator"},
      {EM("a;b\\n1;2\\n"), 1, "", "em.csv:2:1: '1;2' is not a number: the separator"},
      {EM("1 2\\n"), 1, "", "the separator of columns is a comma"},
      {EM("1e999\\n"), 1, "", "em.csv:1:1: '1e999' is too large for a number"},
      {EM("1,\\n"), 1, "", "em.csv:1:3: there is no value"},
      {EM("1,2\\n3\\n"), 1, "", "em.csv:2:1: the row has 1 column, those before it"},
      {EM("\"1\\n"), 1, "", "em.csv:1:1: this quote is not closed"},
      {EM("\"a\"b\\n1\\n"), 1, "", "em.csv:1:4: text after the closing quote"},
      {EM(""), 1, "", "em.csv is empty"},
      {EM(" \\n\\n"), 1, "", "em.csv is empty"},
      {EM("a,b\\n"), 1, "", "em.csv: there is no row after the header"},
  };
  (void)state;
  CHECK(rows);
}

/* Endless devices and files that nobody means are not read to their end. */
static void what_is_too_large_is_refused(void **state)
{
  static const struct command_row rows[] = {
      {"lossjit eval @/dev/zero y_pred=1", 1, "",
       "/dev/zero: larger than the limit of 1 MiB"},
      {"lossjit check - < /dev/zero", 1, "", "standard input: larger than the limit"},
      {"truncate -s 1073741825 g.npy; lossjit eval y_pred y_pred=@g.npy", 1, "",
       "y_pred: g.npy: larger than the limit of 1 GiB"},
      {"lossjit eval y_pred y_pred=@/dev/null", 1, "", "not an .npy file"},
  };
  (void)state;
  CHECK(rows);
}

/* Data that nobody reads would leave a default in force in silence. */
static void data_for_an_unknown_name_is_an_error(void **state)
{
  static const struct command_row rows[] = {
      {"lossjit eval 'gamma=2.0; gamma*y_pred' 'y_pred=[1]' gamma=7", 1, "",
       "'gamma' gets its value in the expression"},
      {"lossjit eval 'def f(a) = 2*a; f(y_pred)' 'y_pred=[1]' a=7", 1, "",
       "'a' gets its value in the expression"},
      {"lossjit eval 'gamma: f32 = 2; gamma*y_pred' 'y_pred=[1]' gama=3", 1, "",
       "the expression does not take 'gama'; did you mean 'gamma'?"},
      {"lossjit eval 'gamma*y_pred' 'y_pred=[1]' gama=3", 1, "",
       "the expression does not take 'gama'; did you mean 'gamma'?"},
      {"lossjit eval y_pred 'y_pred=[1]' 'y_true=[1]'", 1, "",
       "the expression does not take 'y_true'\n"},
      {"lossjit show y_pred --shape z=batch,2", 1, "", "does not take 'z'"},
      {"lossjit bench y_pred --shape y_prd=8", 1, "", "did you mean 'y_pred'?"},
      {"lossjit eval y_pred 'y_pred=[1]' 'sample_weight=[2]' --json", 0, "[2.0]", ""},
      /* gradients by unknown names */
      {"lossjit eval y_pred 'y_pred=[1]' --grad=y_prd", 1, "",
       "no input 'y_prd'; did you mean 'y_pred'?"},
      {"lossjit eval 'a*y_pred' 'y_pred=[1]' a=2 --grad=a", 1, "", "a parameter"},
      {"lossjit eval 'y_pred - y_true' y_pred=1 --grad y_true y_true=2", 2, "",
       "--grad=y_true"},
      {"lossjit eval --grad y_true 'y_pred - y_true' y_pred=1 y_true=2", 2, "",
       "--grad=y_true"},
  };
  (void)state;
  CHECK(rows);
}

#define RIGHT "'mean(cast(round(y_pred) == y_true), axis=-1)'"

static void a_metric_needs_no_gradient(void **state)
{
  static const struct command_row rows[] = {
      {"lossjit eval " RIGHT " 'y_pred=[[1, 2]]' 'y_true=[[1, 1]]'", 1, "",
       "hint: --no-gradient"},
      {"lossjit check " RIGHT, 1, "", "hint: --no-gradient"},
      {"lossjit check 'mean(square(y_pred)'", 1, "", NULL},
      {"lossjit check 'mean(square(y_pred)' 2>&1 | grep -c hint", 1, "0\n", ""},
      {"lossjit eval " RIGHT
       " 'y_pred=[[1, 2]]' 'y_true=[[1, 1]]' --no-gradient --json",
       0, "\"loss\": [0.5]}", ""},
      {"lossjit eval '2*(y_pred - y_true)' 'y_pred=[[1, 2]]' 'y_true=[[0, 0]]' "
       "--no-gradient --json",
       0, "[[2.0, 4.0]]", ""},
      {"lossjit eval y_pred y_pred=1 --grad --no-gradient", 2, "",
       "exclude each other"},
      {"lossjit check " RIGHT " --no-gradient", 0, "-> f32(batch,)", ""},
      {"lossjit show " RIGHT " --no-gradient | grep '^# ----' | tr -d '\n'", 0,
       "# ---- tokens ----# ---- tree ----# ---- graph ----# ---- simplified ----", ""},
      {"lossjit show " RIGHT " --no-gradient --stage plan --shape y_pred=batch,2 "
       "--shape y_true=batch,2",
       0, "sum", ""},
      {"lossjit show " RIGHT " --no-gradient --stage gradient", 2, "", "no gradient"},
  };
  (void)state;
  CHECK(rows);
}

static void npy_files_round_trip(void **state)
{
  static const struct command_row rows[] = {
      {"lossjit eval " WEIGHTED DATA "--grad --dtype f64 -o out > /dev/null;" ECHO
       "y_pred=@out/grad_y_pred.npy",
       0, "[[0.5, 0.0], [0.0, 3.0]]", ""},
      {ECHO "y_pred=@out/loss.npy", 0, "[0.25, 4.5]", ""},
      {"lossjit eval 'y_pred' 'y_pred=[1.5, -2]' --output out > /dev/null;" ECHO
       "y_pred=@out/loss.npy",
       0, "[1.5, -2.0]", ""},
      {"wc -c < out/loss.npy", 0, "136\n", ""},
  };
  (void)state;
  CHECK(rows);
}

/* A file with this header, then these bytes. The second length byte is 0, so a header
 * has less than 256 bytes. */
#define NPY_OF(header, bytes)                                                          \
  "h=\"" header                                                                        \
  "\"; { printf '\\223NUMPY\\001\\000'; printf \"\\\\$(printf %o ${#h})\";"            \
  "printf '\\000'; printf %s \"$h\"; printf '" bytes "'; } > h.npy;" ECHO              \
  "y_pred=@h.npy"
/* The same with eight bytes: the numbers 1 and 2 of four bytes. */
#define NPY(header) NPY_OF(header, "\\001\\000\\000\\000\\002\\000\\000\\000")
#define F4 "'descr': '<f4', 'fortran_order': False, "

static void npy_elements_of_other_types_are_converted(void **state)
{
  static const struct command_row rows[] = {
      {NPY("{'descr': '>i4', 'fortran_order': False, 'shape': (2,), }"), 0,
       "[16777216.0, 33554432.0]", ""},
      {NPY("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 2), }"), 0,
       "[[256.0, 512.0], [0.0, 0.0]]", ""},
      {NPY("{'descr': '<u2', 'fortran_order': False, 'shape': (4,), }"), 0,
       "[1.0, 0.0, 2.0, 0.0]", ""},
      {NPY("{'descr': '|u1', 'fortran_order': False, 'shape': (8,), }"), 0,
       "[1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0]", ""},
      {NPY("{'descr': '<u4', 'fortran_order': False, 'shape': (2,), }"), 0,
       "[1.0, 2.0]", ""},
      {NPY_OF("{'descr': '|i1', 'fortran_order': False, 'shape': (3,), }",
              "\\377\\200\\177"),
       0, "[-1.0, -128.0, 127.0]", ""},
      {NPY_OF("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }",
              "\\377\\200\\177"),
       0, "[255.0, 128.0, 127.0]", ""},
      {NPY_OF("{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }",
              "\\376\\377\\000\\200"),
       0, "[-2.0, -32768.0]", ""},
      {NPY_OF("{'descr': '<f2', 'fortran_order': False, 'shape': (4,), }",
              "\\000\\300\\001\\000\\377\\173\\000\\374"),
       0, "e-08, 65504.0, \"-inf\"]", ""},
      {NPY_OF("{'descr': '>f8', 'fortran_order': False, 'shape': (1,), }",
              "\\100\\011\\041\\373\\124\\104\\055\\030"),
       0, "[3.141592653589793]", ""},
  };
  (void)state;
  CHECK(rows);
}

static void hostile_npy_headers_are_refused(void **state)
{
  static const struct command_row rows[] = {
      {NPY("{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }"), 0,
       "[1.0, 2.0]", ""},
      {NPY("{'descr': '<i8', 'fortran_order': False, 'shape': (), }"), 0,
       "[8589934593.0]", ""},
      {NPY("{'shape': (1, 2), 'fortran_order': True, 'descr': '<i4'}"), 0,
       "[[1.0, 2.0]]", ""},
      {NPY("{'descr': '|b1', 'fortran_order': False, 'shape': (5,), }"), 0,
       "[1.0, 0.0, 0.0, 0.0, 1.0]", ""},
      {NPY("{'descr': '|b1', 'fortran_order': True, 'shape': (2, 4), }"), 0,
       "[[1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]", ""},
      {NPY("{" F4 "'shape': (3,), }"), 1, "", "truncated: shape (3,)"},
      {NPY("{" F4 "'shape': (1000000000000, 1000000000000), }"), 1, "", "truncated"},
      {NPY("{" F4 "'shape': (4611686018427387904, 4), }"), 1, "", "truncated"},
      {NPY("{" F4 "'shape': (99999999999999999999,), }"), 1, "", "bad size"},
      {NPY("{" F4 "'shape': (-1,), }"), 1, "", "bad size"},
      {NPY("{" F4 "'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1), }"), 1, "", "more than 8"},
      {NPY("{" F4 "'shape': (2 1), }"), 1, "", "bad shape"},
      {NPY("{" F4 "'shape': 2, }"), 1, "", "no tuple"},
      {NPY("{" F4 "}"), 1, "", "an entry is missing"},
      {NPY("{" F4), 1, "", "not a valid .npy header"},
      {NPY(""), 1, "", "not a valid .npy header"},
      {NPY("{'x': 1}"), 1, "", "unknown entry 'x'"},
      {NPY("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }"), 1, "",
       "elements of type '<c8'"},
      {NPY("{'descr': '', 'fortran_order': False, 'shape': (1,), }"), 1, "",
       "elements of type ''"},
      {NPY("{'descr': '<f4', 'descr': '<u8', 'shape': (1,), }"), 1, "",
       "elements of type '<u8'"},
      {NPY("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }"), 1, "",
       "records"},
      {"printf '\\223NUMPY\\001\\000\\377' > h.npy;" ECHO "y_pred=@h.npy", 1, "",
       "not an .npy file"},
      {"printf '\\223NUMPY\\001\\000\\377\\377{}' > h.npy;" ECHO "y_pred=@h.npy", 1, "",
       "truncated"},
      {"printf '\\223NUMPY\\002\\000\\377\\377\\377\\377{}' > h.npy;" ECHO
       "y_pred=@h.npy",
       1, "", "truncated"},
      {"printf '\\223NUMPY\\011\\000\\001\\000{}' > h.npy;" ECHO "y_pred=@h.npy", 1, "",
       "version 9"},
      {"echo hello world > h.npy;" ECHO "y_pred=@h.npy", 1, "", "not an .npy file"},
      {": > h.npy;" ECHO "y_pred=@h.npy", 1, "", "not an .npy file"},
  };
  (void)state;
  CHECK(rows);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(loss_value_and_gradient),
      cmocka_unit_test(the_data_settles_what_the_text_leaves_open),
      cmocka_unit_test(sample_weights_multiply_the_losses),
      cmocka_unit_test(numbers_and_json),
      cmocka_unit_test(csv_files),
      cmocka_unit_test(mistakes_in_csv_files_have_a_place),
      cmocka_unit_test(what_is_too_large_is_refused),
      cmocka_unit_test(data_for_an_unknown_name_is_an_error),
      cmocka_unit_test(a_metric_needs_no_gradient),
      cmocka_unit_test(npy_files_round_trip),
      cmocka_unit_test(npy_elements_of_other_types_are_converted),
      cmocka_unit_test(hostile_npy_headers_are_refused),
  };
  return cmocka_run_group_tests(tests, command_setup, command_teardown);
}
