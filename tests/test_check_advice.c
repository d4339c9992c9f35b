/*
 * What the checker advises: each row has a text as people write it, the code and the
 * part it points at, words that have to be there, and the whole text after the fix. A
 * text that was fixed is accepted, or has one diagnostic less.
 */
#include "tests/check_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct row {
  const char *text, *declared;
  const char *code, *at, *says;
  const char *fixed; /* NULL: the advice is words only */
};

static char *applied(struct lj_check_session *s, const char *text)
{
  const lossjit_diagnostic *said = lossjit_diagnostics_get(s->list, 0);

  if (!said->replacement)
    return NULL;
  return lj_format(&s->arena, "%.*s%s%s", (int)said->fix_span.begin, text,
                   said->replacement, text + said->fix_span.end);
}

static void check_fixed(struct lj_check_session *s, const struct row *row)
{
  struct lj_check_session again;
  const char *fixed = applied(s, row->text);

  if (!row->fixed != !fixed || (fixed && strcmp(fixed, row->fixed) != 0))
    fail_msg("%s\nbecomes %s\n%s", row->text, fixed ? fixed : "nothing",
             lj_check_session_text(s));
  if (!fixed)
    return;
  lj_check_session_run(&again, fixed, row->declared);
  if (again.diags.error_count >= s->diags.error_count)
    fail_msg("%s\n%s", fixed, lj_check_session_text(&again));
  lj_check_session_end(&again);
}

static void check_row(const struct row *row)
{
  struct lj_check_session s;
  const lossjit_diagnostic *said;
  size_t length = strlen(row->at);

  lj_check_session_run(&s, row->text, row->declared);
  said = lossjit_diagnostics_get(s.list, 0);
  if (!said || lossjit_diagnostics_count(s.list) != 1)
    fail_msg("%s\nnot one diagnostic:\n%s", row->text, lj_check_session_text(&s));
  assert_string_equal(said->code, row->code);
  if (said->span.end - said->span.begin != length ||
      strncmp(row->text + said->span.begin, row->at, length) != 0)
    fail_msg("%s\nanother place:\n%s", row->text, lj_check_session_text(&s));
  if (!strstr(lj_check_session_text(&s), row->says))
    fail_msg("%s\ndoes not say '%s':\n%s", row->text, row->says,
             lj_check_session_text(&s));
  check_fixed(&s, row);
  lj_check_session_end(&s);
}

static void check_all(const struct row *rows, size_t count)
{
  for (size_t i = 0; i < count; i++)
    check_row(&rows[i]);
}

#define CHECK_ALL(rows) check_all(rows, LJ_COUNT(rows))

/* ---- functions and their arguments ----------------------------------------------- */

static void test_maximum(void **state)
{
  static const struct row rows[] = {
      {"mean(max(0, y_pred - y_true), axis=-1)", "", "LJ0210", "y_pred - y_true",
       "the second argument is an axis", "mean(maximum(0, y_pred - y_true), axis=-1)"},
      {"mean(max(y_pred - y_true, 0), axis=-1)", "", "LJ0210", "0",
       "write maximum(y_pred - y_true, 0)",
       "mean(maximum(y_pred - y_true, 0), axis=-1)"},
      {"mean(min(y_pred, 1.0), axis=-1)", "", "LJ0210", "1.0", "minimum",
       "mean(minimum(y_pred, 1.0), axis=-1)"},
      {"min(y_pred, 1)", "y_pred:f32:B", "LJ0210", "1", "minimum",
       "minimum(y_pred, 1)"},
      {"mean(max(y_pred, d), axis=-1)", "d=1", "LJ0210", "d", "maximum",
       "mean(maximum(y_pred, d), axis=-1)"},
      {"mean(max(0, y_pred, y_true), axis=-1)", "", "LJ0210", "y_pred", "maximum",
       "mean(maximum(maximum(0, y_pred), y_true), axis=-1)"},
  };
  static const struct lj_check_row meant[] = {
      {"max(y_pred, 1)", "", LOSSJIT_PER_SAMPLE, "f32(batch,)"},
      {"max(y_pred, -1)", "", LOSSJIT_PER_SAMPLE, "f32(batch,)"},
      {"y_pred - max(y_pred, axis=0)", "", LOSSJIT_ELEMENTWISE, "f32(batch, n)"},
      {"y_pred - max(w, 0)", "w:f32:3", LOSSJIT_ELEMENTWISE, "f32(batch, n)"},
  };

  (void)state;
  CHECK_ALL(rows);
  lj_check_rows(meant, LJ_COUNT(meant));
}

static void test_functions_of_other_libraries(void **state)
{
  static const struct row rows[] = {
      {"bce(y_true, y_pred)", "", "LJ0202", "bce", "it is called binary_crossentropy",
       "binary_crossentropy(y_true, y_pred)"},
      {"log_loss(y_true, y_pred)", "", "LJ0202", "log_loss", "called",
       "binary_crossentropy(y_true, y_pred)"},
      {"reduce_sum(y_pred, axis=-1)", "", "LJ0202", "reduce_sum", "sum",
       "sum(y_pred, axis=-1)"},
      {"reduce_mean(y_pred, dim=1)", "", "LJ0202", "reduce_mean", "mean",
       "mean(y_pred, axis=1)"},
      {"amax(y_pred, 1)", "", "LJ0202", "amax", "max", "max(y_pred, 1)"},
      {"sum(pow(y_pred, 2), axis=-1)", "", "LJ0202", "pow", "power",
       "sum(power(y_pred, 2), axis=-1)"},
      {"sum(clamp(y_pred, min=0), axis=-1)", "", "LJ0202", "clamp", "maximum",
       "sum(maximum(y_pred, 0), axis=-1)"},
      {"sum(clamp(y_pred, 0, 1), axis=-1)", "", "LJ0202", "clamp", "clip",
       "sum(clip(y_pred, 0, 1), axis=-1)"},
      {"sum(fabs(y_pred), axis=-1)", "", "LJ0202", "fabs", "abs",
       "sum(abs(y_pred), axis=-1)"},
      {"sum(absolute(y_pred), axis=-1)", "", "LJ0202", "absolute", "abs",
       "sum(abs(y_pred), axis=-1)"},
      {"sum(logsoftmax(y_pred), axis=-1)", "", "LJ0202", "logsoftmax", "log_softmax",
       "sum(log_softmax(y_pred), axis=-1)"},
      {"dot(y_true, y_pred - 1)", "", "LJ0202", "dot", "sum(y_true*(y_pred - 1)",
       "sum(y_true*(y_pred - 1), axis=-1)"},
      {"sum(y_pred, axis=-1)/len(y_pred)", "", "LJ0202", "len", "shape(y_pred)[0]",
       "sum(y_pred, axis=-1)/shape(y_pred)[0]"},
      {"sum(cast(y_pred, float32), axis=-1)", "", "LJ0301", "float32", "f32",
       "sum(cast(y_pred, f32), axis=-1)"},
      {"y_true: int64[batch]; gather(y_pred, y_true)", "", "LJ0301", "int64", "i64",
       "y_true: i64[batch]; gather(y_pred, y_true)"},
      {"sum(concatenate(y_pred, y_true), axis=-1)", "", "LJ0504", "concatenate",
       "compute with the parts", NULL},
      {"mean(log(cosh(y_pred - y_true)), axis=-1)", "", "LJ0504", "cosh",
       "log_cosh(y_true, y_pred)", NULL},
  };

  (void)state;
  CHECK_ALL(rows);
}

static void test_keywords_of_other_libraries(void **state)
{
  static const struct row rows[] = {
      {"sum(y_pred, dim=1)", "", "LJ0213", "dim", "it is called axis",
       "sum(y_pred, axis=1)"},
      {"sum(sum(y_pred, axis=1, keepdim=True), axis=-1)", "", "LJ0213", "keepdim",
       "keepdims", "sum(sum(y_pred, axis=1, keepdims=True), axis=-1)"},
      {"sum(y_pred, axis=1, reduction=None)", "", "LJ0213", "reduction",
       "chooses the reduction", "sum(y_pred, axis=1)"},
      {"sum(reduction=None, x=y_pred, axis=1)", "", "LJ0213", "reduction",
       "chooses the reduction", "sum(x=y_pred, axis=1)"},
  };

  (void)state;
  CHECK_ALL(rows);
}

/* The prelude's own crossentropies know from_logits; one without it may have a loss of
 * that name beside it. */
static void test_from_logits(void **state)
{
  static const struct row rows[] = {
      {"def f(t, p) = -sum(t*log(p), axis=-1);"
       "def f_from_logits(t, p) = -sum(t*log_softmax(p), axis=-1);"
       "f(y_true, y_pred, from_logits=True)",
       "", "LJ0213", "from_logits", "f_from_logits() takes logits",
       "def f(t, p) = -sum(t*log(p), axis=-1);"
       "def f_from_logits(t, p) = -sum(t*log_softmax(p), axis=-1);"
       "f_from_logits(y_true, y_pred)"},
      {"def f(t, p) = -sum(t*log(p), axis=-1);"
       "def f_from_logits(t, p) = -sum(t*log_softmax(p), axis=-1);"
       "f(y_true, y_pred, from_logits=False)",
       "", "LJ0213", "from_logits", "takes probabilities",
       "def f(t, p) = -sum(t*log(p), axis=-1);"
       "def f_from_logits(t, p) = -sum(t*log_softmax(p), axis=-1);"
       "f(y_true, y_pred)"},
  };

  (void)state;
  CHECK_ALL(rows);
}

/* ---- names ----------------------------------------------------------------------- */

static void test_nearest_names(void **state)
{
  static const struct row rows[] = {
      {"zelu(sum(y_pred, axis=-1))", "", "LJ0202", "zelu", "unknown function", NULL},
      {"maq(y_pred, axis=-1)", "", "LJ0202", "maq", "did you mean 'max'?",
       "max(y_pred, axis=-1)"},
      {"tum(y_pred, axis=-1)", "", "LJ0202", "tum", "unknown function", NULL},
      {"sum(y_pred, axis=-1)*delt", "delta=1", "LJ0201", "delt", "did you mean",
       "sum(y_pred, axis=-1)*delta"},
  };

  (void)state;
  CHECK_ALL(rows);
}

static void test_shadowing_is_a_warning(void **state)
{
  static const struct row rows[] = {
      {"sum = 3; mean(y_pred, axis=-1)*sum", "", "LJ0218", "sum",
       "warning[LJ0218]: 'sum' is also the name of a built-in function", NULL},
      {"def f(x) = x; def f(x) = 2*x; f(mean(y_pred, axis=-1))", "", "LJ0218", "f",
       "it was defined here", NULL},
      {"def f(x) = x + 1; def f(x) = f(x)*2; f(mean(y_pred, axis=-1))", "", "LJ0218",
       "f", "a definition before it", NULL},
      {"def abs(x) = x; mean(abs(y_pred), axis=-1)", "", "LJ0218", "abs", "built-in",
       NULL},
  };
  struct lj_check_session s;

  (void)state;
  CHECK_ALL(rows);
  assert_true(lj_check_session_run(&s, rows[0].text, ""));
  lj_check_session_end(&s);
  /* A value bound again or named after its function, one's own relu in place of the
   * prelude's, and what stands inside a definition are nobody's business. */
  assert_true(lj_check_session_run(
      &s,
      "def f(sum) = { max = sum; max }; e = y_pred; e = e*e; def relu(x) = x;"
      "mean = mean(f(relu(e)), axis=-1); mean",
      ""));
  assert_int_equal(lossjit_diagnostics_count(s.list), 0);
  lj_check_session_end(&s);
}

/* ---- shapes ---------------------------------------------------------------------- */

static void test_shapes(void **state)
{
  static const struct row rows[] = {
      {"gather(y_pred, y_true)", "y_pred:f32:B,3 y_true:f32:B,1", "LJ0316", "y_true",
       "take the column y_true[:, 0]", "gather(y_pred, cast(y_true[:, 0], i64))"},
      {"gather(y_pred, y_true)", "y_pred:f32:B,3 y_true:i64:B,1", "LJ0304",
       "gather(y_pred, y_true)", "take the column", "gather(y_pred, y_true[:, 0])"},
      {"w*sum(square(y_pred), axis=-1)", "w:f32:2 y_pred:f32:B,2", "LJ0305",
       "w*sum(square(y_pred), axis=-1)",
       "w has 2 elements and one per sample is needed", NULL},
      {"y_pred[0]", "", "LJ0504", "0", "a column is [:, 0]", NULL},
  };

  (void)state;
  check_all(rows, LJ_COUNT(rows) - 1);
  check_row(&(struct row){"y_pred[1]", "y_pred:f32:B,2", "LJ0504", "1",
                          "the first index is the batch", "y_pred[:, 1]"});
}

/* A loss of the prelude on inputs without inner dimensions: the message speaks of the
 * call that is there. */
static void test_losses_on_vectors(void **state)
{
  static const struct row rows[] = {
      {"huber(y_true, y_pred)", "y_pred:f32:B y_true:f32:B", "LJ0403",
       "huber(y_true, y_pred)", "huber() reduces shape (batch,) over the batch", NULL},
      {"2*huber(y_true, y_pred)", "y_pred:f32:B y_true:f32:B", "LJ0403",
       "huber(y_true, y_pred)", "with shape [batch, 1]", NULL},
      {"dice(y_true, y_pred)", "", "LJ0403", "dice(y_true, y_pred)", "dice() reduces",
       "dice(y_true, y_pred, axis=-1)"},
  };

  (void)state;
  CHECK_ALL(rows);
}

/* ---- gradients ------------------------------------------------------------------- */

static void test_products_with_zero(void **state)
{
  static const struct row rows[] = {
      {"mean(y_pred*0 + y_true, axis=-1)", "", "LJ0402",
       "mean(y_pred*0 + y_true, axis=-1)", "the factor 0", NULL},
      {"mean(0.0*square(y_pred), axis=-1)", "", "LJ0402",
       "mean(0.0*square(y_pred), axis=-1)", "the derivative of this product is 0",
       NULL},
      {"mean(y_pred**0, axis=-1)", "", "LJ0402", "mean(y_pred**0, axis=-1)",
       "the power 0", NULL},
  };
  static const struct lj_check_row alive[] = {
      {"mean(y_pred*0 + y_pred, axis=-1)", "", LOSSJIT_PER_SAMPLE, "f32(batch,)"},
      {"mean(y_true*0 + y_pred, axis=-1)", "", LOSSJIT_PER_SAMPLE, "f32(batch,)"},
  };

  (void)state;
  CHECK_ALL(rows);
  lj_check_rows(alive, LJ_COUNT(alive));
}

static void test_hidden_inputs(void **state)
{
  static const struct row rows[] = {
      {"y_pred = 3; mean(y_pred - y_true, axis=-1)", "", "LJ0409", "y_pred",
       "the text binds 'y_pred' itself", NULL},
  };
  static const struct lj_check_row fine[] = {
      {"y_pred = sigmoid(y_pred); mean(y_pred - y_true, axis=-1)", "",
       LOSSJIT_PER_SAMPLE, "f32(batch,)"},
  };

  (void)state;
  CHECK_ALL(rows);
  lj_check_rows(fine, LJ_COUNT(fine));
}

static void test_gradients_of_unknown_names(void **state)
{
  static const char *const asked[] = {"y_prde"};
  struct lj_check_session s;

  (void)state;
  lj_check_session_begin(&s, "mean(y_pred - y_true, axis=-1)", "");
  s.request.gradients = asked;
  s.request.gradient_count = 1;
  assert_false(lj_check_session_check(&s));
  assert_string_equal(lossjit_diagnostics_get(s.list, 0)->code, "LJ0406");
  assert_non_null(strstr(lj_check_session_text(&s), "'y_prde': it is not an input"));
  assert_non_null(strstr(lj_check_session_text(&s), "the inputs are y_pred, y_true"));
  assert_non_null(strstr(lj_check_session_text(&s), "did you mean 'y_pred'?"));
  lj_check_session_end(&s);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_maximum),
      cmocka_unit_test(test_functions_of_other_libraries),
      cmocka_unit_test(test_keywords_of_other_libraries),
      cmocka_unit_test(test_from_logits),
      cmocka_unit_test(test_nearest_names),
      cmocka_unit_test(test_shadowing_is_a_warning),
      cmocka_unit_test(test_shapes),
      cmocka_unit_test(test_losses_on_vectors),
      cmocka_unit_test(test_products_with_zero),
      cmocka_unit_test(test_hidden_inputs),
      cmocka_unit_test(test_gradients_of_unknown_names),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
