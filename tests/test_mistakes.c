/*
 * What the parser says about mistakes: each of the ones people make is named once, with
 * a replacement that makes the text better wherever one can be given, and mistakes that
 * have nothing to do with each other are all found in one run.
 */
#include "compiler/syntax.h"
#include "tests/text_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void parse(struct lj_text_session *s, const char *text)
{
  assert_int_equal(lj_text_session_parse(s, text, strlen(text), 256, false),
                   LOSSJIT_OK);
}

struct mistake {
  const char *text;
  const char *codes;   /* of all diagnostics, in the order of their places */
  const char *message; /* of the first */
  const char *fixed; /* the text after the first replacement; NULL if there is none. It
                          has fewer mistakes, unless '?' stands before it here */
};

static char *codes_of(struct lj_text_session *s)
{
  struct lj_text text = {.arena = &s->arena};
  const lossjit_diagnostics *list = lj_text_session_seal(s);
  lj_text_add(&text, "%s", "");
  for (size_t i = 0; i < lossjit_diagnostics_count(list); i++)
    lj_text_add(&text, "%s%s", i > 0 ? " " : "",
                lossjit_diagnostics_get(list, i)->code);
  return text.text;
}

/* The text with the first replacement that a diagnostic offers; NULL if none does. */
static char *repaired(struct lj_text_session *s)
{
  const lossjit_diagnostics *list = lj_text_session_seal(s);
  for (size_t i = 0; i < lossjit_diagnostics_count(list); i++) {
    const lossjit_diagnostic *d = lossjit_diagnostics_get(list, i);
    if (d->replacement != NULL)
      return lj_format(&s->arena, "%.*s%s%s", (int)d->fix_span.begin, s->source.text,
                       d->replacement, s->source.text + d->fix_span.end);
  }
  return NULL;
}

static void check_mistake(const struct mistake *m)
{
  struct lj_text_session s, again;
  const char *fixed;
  parse(&s, m->text);
  assert_string_equal(codes_of(&s), m->codes);
  assert_string_equal(lossjit_diagnostics_get(s.list, 0)->message, m->message);
  fixed = repaired(&s);
  if (m->fixed == NULL) {
    assert_null(fixed);
  } else {
    assert_string_equal(fixed, m->fixed + (*m->fixed == '?'));
    parse(&again, fixed);
    if (*m->fixed != '?')
      assert_true(again.diags.error_count < s.diags.error_count);
    assert_true(lj_text_session_end(&again));
  }
  assert_true(lj_text_session_end(&s));
}

static void check_mistakes(const struct mistake *mistakes, size_t count)
{
  for (size_t i = 0; i < count; i++)
    check_mistake(&mistakes[i]);
}

static void test_brackets(void **state)
{
  static const struct mistake cases[] = {
      {"mean(square(a - b, axis=-1)", "LJ0104",
       "expected ')' before the end of the text", "mean(square(a - b, axis=-1))"},
      {"mean(square(a - b)), axis=-1)", "LJ0105",
       "')' closes a bracket that was never opened", "mean(square(a - b), axis=-1)"},
      {"x[0", "LJ0104", "expected ']' before the end of the text", "x[0]"},
      {"e = (a; e", "LJ0104", "expected ')' before ';'", "e = (a); e"},
      {"(a]", "LJ0104", "expected ')' before ']'", "(a)"},
      {"f(x[1), 2)", "LJ0104 LJ0105", "expected ']' before ')'", "f(x[1]), 2)"},
      {"sum(a], axis=1)", "LJ0105", "']' closes a bracket that was never opened",
       "sum(a, axis=1)"},
      {"[1, 2", "LJ0104", "expected ']' before the end of the text", "[1, 2]"},
      {"a)", "LJ0105", "')' closes a bracket that was never opened", "a"},
      {"a } ", "LJ0105", "'}' closes a bracket that was never opened", "a  "},
      {")", "LJ0105", "')' closes a bracket that was never opened", "?"},
      {"sum(", "LJ0103", "expected an expression, found the end of the text", NULL},
      {"def f(a) = { a; f(1)", "LJ0104", "expected '}' before 'f'",
       "?def f(a) = { a;} f(1)"},
  };
  (void)state;
  check_mistakes(cases, LJ_COUNT(cases));
}

static void test_comparisons(void **state)
{
  static const struct mistake cases[] = {
      {"0 < a < 1", "LJ0106", "comparisons cannot be chained", "(0 < a) & (a < 1)"},
      {"where(0 < a + 1 <= b, x, y)", "LJ0106", "comparisons cannot be chained",
       "where((0 < a + 1) & (a + 1 <= b), x, y)"},
      {"a < b < c < d", "LJ0106", "comparisons cannot be chained",
       "(a < b) & (b < c) & (c < d)"},
      {"y == 0 | y == 1", "LJ0106", "comparisons cannot be chained",
       "(y == 0) | (y == 1)"},
      {"a > 0 & b > 0 & c > 0", "LJ0106", "comparisons cannot be chained",
       "(a > 0) & (b > 0) & (c > 0)"},
      {"where(x[0] = 1, a, b)", "LJ0109",
       "'=' gives a value a name; it does not compare", "where(x[0] == 1, a, b)"},
      {"a = b = c; a", "LJ0109", "'=' gives a value a name; it does not compare",
       "a = b == c; a"},
  };
  (void)state;
  check_mistakes(cases, LJ_COUNT(cases));
}

static void test_operators_of_other_languages(void **state)
{
  static const struct mistake cases[] = {
      {"x^2", "LJ0110", "there is no operator '^'; it is written '**'", "x**2"},
      {"a // b", "LJ0110", "there is no operator '//'; it is written 'floor(a/b)'",
       "floor(a/b)"},
      {"2*a // (b + 1)**2", "LJ0110",
       "there is no operator '//'; it is written 'floor(a/b)'",
       "floor(2*a/(b + 1)**2)"},
      {"sum(|a - b|, axis=1)", "LJ0110",
       "there is no operator '|x|'; it is written abs(x)", "sum(abs(a - b), axis=1)"},
      {"2*|a| + 1", "LJ0110", "there is no operator '|x|'; it is written abs(x)",
       "2*abs(a) + 1"},
      {"|where(a | b, x, y)| | c", "LJ0110",
       "there is no operator '|x|'; it is written abs(x)",
       "abs(where(a | b, x, y)) | c"},
      {"|a, b|", "LJ0103", "expected an expression, found '|'", NULL},
      {"|a", "LJ0103", "expected an expression, found '|'", NULL},
      {"a > 0 && b", "LJ0110", "there is no operator '&&'; it is written '&'",
       "(a > 0) & b"},
      {"a || b < 1", "LJ0110", "there is no operator '||'; it is written '|'",
       "a | (b < 1)"},
      {"a > 0 and b > 0", "LJ0110", "there is no operator 'and'; it is written '&'",
       "(a > 0) & (b > 0)"},
      {"a or (b > 0)", "LJ0110", "there is no operator 'or'; it is written '|'",
       "a | (b > 0)"},
      {"!a", "LJ0110", "there is no operator '!'; it is written '~'", "~a"},
      {"not a", "LJ0110", "there is no operator 'not'; it is written '~'", "~ a"},
      {"a += 1; a", "LJ0110",
       "there is no operator '+='; it is written with the name on both sides", NULL},
  };
  (void)state;
  check_mistakes(cases, LJ_COUNT(cases));
}

static void test_missing_operators(void **state)
{
  static const struct mistake cases[] = {
      {"2 x", "LJ0108", "missing operator between '2' and 'x'", "2*x"},
      {"2x", "LJ0108", "missing operator between '2' and 'x'", "2*x"},
      {"2(x)", "LJ0108", "missing operator between '2' and '('", "2*(x)"},
      {"(a)(b)", "LJ0108", "missing operator between ')' and '('", "(a)*(b)"},
      {"f(2 x)", "LJ0108", "missing operator between '2' and 'x'", "f(2*x)"},
      {"a b", "LJ0108", "missing operator between 'a' and 'b'", "a*b"},
      {"maximum(a b)", "LJ0108", "missing operator between 'a' and 'b'", NULL},
      {"[0.3 0.7]", "LJ0108", "missing operator between '0.3' and '0.7'", "[0.3, 0.7]"},
      {"a - b\nc", "LJ0103", "expected ';', found 'c'", "?a - b;\nc"},
      {"e = a - b\nsum(e)", "LJ0103", "expected ';', found 'sum'",
       "e = a - b;\nsum(e)"},
      {"e = a f = b; f", "LJ0103", "expected ';', found 'f'", "e = a; f = b; f"},
  };
  (void)state;
  check_mistakes(cases, LJ_COUNT(cases));
}

static void test_python(void **state)
{
  static const struct mistake cases[] = {
      {"a if c else b", "LJ0111", "'if' has no meaning in an expression",
       "where(c, a, b)"},
      {"f(1 + a if c > 0 else b)", "LJ0111", "'if' has no meaning in an expression",
       "f(where(c > 0, 1 + a, b))"},
      {"c ? a : b", "LJ0111", "'?' has no meaning in an expression", "where(c, a, b)"},
      {"a if c", "LJ0111", "'if' has no meaning in an expression", NULL},
      {"lambda x: x", "LJ0111", "'lambda' has no meaning in an expression", NULL},
      {"return a", "LJ0111", "'return' has no meaning in an expression", NULL},
      {"for i in x: i", "LJ0111", "'for' has no meaning in an expression", NULL},
      {"a is b", "LJ0111", "'is' has no meaning in an expression", NULL},
      {"lambda*x", "LJ0112", "'lambda' is a reserved word and cannot be a name",
       "lambda_*x"},
      {"in = 1; 2", "LJ0112", "'in' is a reserved word and cannot be a name",
       "in_ = 1; 2"},
      {"b = 1; def f(x): return x*x", "LJ0116",
       "this is Python: a function with a Python body",
       "b = 1; def f(x) = x*x;\nf(y_pred)"},
      {"K.sum(x, axis=1)", "LJ0115", "'K.' has no meaning here", "sum(x, axis=1)"},
      {"tf.math.exp(x)", "LJ0115", "'tf.math.' has no meaning here", "exp(x)"},
      {"2*np.pi", "LJ0115", "'np.' has no meaning here", "2*pi"},
      {"x.sum(axis=1)", "LJ0115", "'.sum' has no meaning here", "sum(x, axis=1)"},
      {"(a - b).abs()", "LJ0115", "'.abs' has no meaning here", "abs((a - b))"},
      {"x.sum(dim=1)", "LJ0115", "'.sum' has no meaning here", "sum(x, axis=1)"},
      {"tf.reduce_mean(x)", "LJ0115", "'tf.' has no meaning here", "mean(x)"},
      {"torch.mean(x, dim=-1, keepdim=True)", "LJ0115", "'torch.' has no meaning here",
       "mean(x, axis=-1, keepdims=True)"},
      {"torch.clamp(x, min=0.5)", "LJ0115", "'torch.' has no meaning here",
       "maximum(x, 0.5)"},
      {"np.dot(a - b, c)", "LJ0115", "'np.' has no meaning here",
       "sum((a - b)*c, axis=-1)"},
      {"x[:, np.newaxis]", "LJ0115", "'np.' has no meaning here", "x[:, None]"},
      {"cast(x, tf.float32)", "LJ0115", "'tf.' has no meaning here", "cast(x, f32)"},
      {"keras.ops.absolute(x)", "LJ0115", "'keras.ops.' has no meaning here", "abs(x)"},
      {"F.mse_loss(a, b, reduction='none')", "LJ0115 LJ0114",
       "'F.' has no meaning here", "?mse_loss(a, b)"},
      {"x.pow(2)", "LJ0115", "'.pow' has no meaning here", "power(x, 2)"},
      {"sum(x, reduction='mean')", "LJ0114", "text in quotes has no meaning here",
       "sum(x)"},
      {"x.T", "LJ0115", "'.T' has no meaning here", NULL},
      {"sum(x, axis='a')", "LJ0114", "text in quotes has no meaning here", NULL},
  };
  (void)state;
  check_mistakes(cases, LJ_COUNT(cases));
}

/* A construct of Python is refused once and as a whole, with the text to write instead
 * where its body is bindings and a return. */
static void test_pasted_python(void **state)
{
  static const struct mistake cases[] = {
      {"import numpy as np\nsum(x)", "LJ0116", "this is Python: an import", "\nsum(x)"},
      {"import numpy as np; sum(x)", "LJ0116", "this is Python: an import", " sum(x)"},
      {"from keras import backend as K\n\nx", "LJ0116", "this is Python: an import",
       "\n\nx"},
      {"\"\"\"A loss;\nof mine.\"\"\"\nx", "LJ0116", "this is Python: a docstring",
       "\nx"},
      {"class Loss(keras.losses.Loss):\n    def call(self, a, b):\n        return a\n",
       "LJ0116", "this is Python: a class", NULL},
      {"def f(a):\n    return a*a\n", "LJ0116",
       "this is Python: a function with a Python body", "def f(a) = a*a;\nf(y_pred)\n"},
      {"def custom_mse(y_true, y_pred):\n"
       "    \"\"\"Weighted.\"\"\"\n"
       "    loss = K.square(y_pred - y_true)   # (batch_size, 2)\n"
       "\n"
       "    # weights\n"
       "    loss = loss * [0.3,\n"
       "        0.7]\n"
       "    return K.sum(loss, axis=1)\n",
       "LJ0116", "this is Python: a function with a Python body",
       "def custom_mse(y_true, y_pred) = { loss = square(y_pred - y_true); "
       "loss = loss*[0.3, 0.7]; sum(loss, axis=1) };\ncustom_mse(y_true, y_pred)\n"},
      {"@tf.function\ndef f(input, target: Tensor, d: float = 1.0) -> Tensor:\n"
       "  return ((input - target).pow(2) * d).mean(dim=1)",
       "LJ0116", "this is Python: a function with a Python body",
       "def f(input, target, d=1.0) = mean(power(input - target, 2)*d, axis=1);\n"
       "f(y_pred, y_true)"},
      {"def f(a): b = a + 1; return b\nf(x)", "LJ0116",
       "this is Python: a function with a Python body",
       "def f(a) = { b = a + 1; b };\nf(x)"},
      {"def f(a):\n    if a > 0:\n        return a\n    return -a\nf(x)", "LJ0116",
       "this is Python: a function with a Python body", NULL},
      {"def f(a):\n    a += 1\n    return a\nf(x)", "LJ0116",
       "this is Python: a function with a Python body", NULL},
      {"def f(a):\n", "LJ0116", "this is Python: a function with a Python body", NULL},
      {"import a\nimport b; from c import d\nx", "LJ0116", "this is Python: an import",
       "\nx"},
      {"def f(a):\n  return a\n2 y", "LJ0116 LJ0108",
       "this is Python: a function with a Python body", "def f(a) = a;\n2 y"},
  };
  (void)state;
  check_mistakes(cases, LJ_COUNT(cases));
}

/* What only looks like the beginning of one. */
static void test_what_is_no_python(void **state)
{
  static const char *const texts[] = {
      "import_rate = 1; classy = 2; defer = import_rate; classy*defer",
      "def f(a) = a*a; f(2)",
      "def f(a) = { b = a; b }; f(2)",
      "x\n@w",
      "# import numpy as np\n# x; import y\nx",
      "definition",
  };
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(texts); i++) {
    struct lj_text_session s;
    parse(&s, texts[i]);
    assert_int_equal(s.diags.count, 0);
    assert_true(lj_text_session_end(&s));
  }
}

static void test_letters(void **state)
{
  static const struct mistake cases[] = {
      {"\xCE\xB1*x", "LJ0101", "unexpected character '\xCE\xB1'", "alpha*x"},
      {"\xCE\xBB_1*x", "LJ0101", "unexpected character '\xCE\xBB'", "lambda__1*x"},
      {"\xE2\x88\x91(x)", "LJ0101", "unexpected character '\xE2\x88\x91'", "sum(x)"},
      {"\xD0\xB6", "LJ0101", "unexpected character '\xD0\xB6'", NULL},
  };
  struct lj_text_session s;
  (void)state;
  check_mistakes(cases, LJ_COUNT(cases));
  parse(&s, "\xD0\xB6"); /* a letter of another alphabet is named */
  assert_non_null(
      strstr(lossjit_diagnostics_text(lj_text_session_seal(&s)), "it is U+0436"));
  assert_true(lj_text_session_end(&s));
}

static void test_statements_that_are_none(void **state)
{
  static const struct mistake cases[] = {
      {"", "LJ0107", "the text ends without the expression that is the loss", NULL},
      {" # nothing\n", "LJ0107",
       "the text ends without the expression that is the loss", NULL},
      {"a = b", "LJ0107", "the text ends without the expression that is the loss",
       NULL},
      {"w: f32[n];", "LJ0107", "the text ends without the expression that is the loss",
       NULL},
      {"a; b", "LJ0113", "the value of this expression is not used", NULL},
      {";", "LJ0103", "expected an expression, found ';'", NULL},
      {"a;;", "LJ0113 LJ0103", "the value of this expression is not used", NULL},
      {"a, b", "LJ0103", "expected ';', found ','", NULL},
      {"w: f32; w", "LJ0103", "expected a shape or a default after the type, found ';'",
       NULL},
      {"w: [n]; w", "LJ0103", "expected a type, found '['", NULL},
      {"w: f32[-1]; w", "LJ0103", "expected a size (a number or a name), found '-'",
       NULL},
      {"w: f32[1.5]; w", "LJ0103", "expected a size (a number or a name), found '1.5'",
       NULL},
      {"def (a) = a; 1", "LJ0103", "expected the name of the function, found '('",
       NULL},
      {"def f = 2; 1", "LJ0103", "expected '(', found '='", NULL},
      {"def f(1) = 2; 1", "LJ0103", "expected the name of a parameter, found '1'",
       NULL},
      {"f(a=1, b, c=2)", "LJ0217", "an argument without a name follows one with a name",
       NULL},
      {"x[]", "LJ0103", "expected an expression, found ']'", NULL},
      {"f(,)", "LJ0103", "expected an expression, found ','", NULL},
      {"a +", "LJ0103", "expected an expression, found the end of the text", NULL},
  };
  (void)state;
  check_mistakes(cases, LJ_COUNT(cases));
}

/* Mistakes that have nothing to do with each other are all found in one run, and
 * nothing else is. */
static void test_independent_mistakes(void **state)
{
  static const struct mistake cases[] = {
      {"sum(a +, b) + max(c d, e f)", "LJ0103 LJ0108 LJ0108",
       "expected an expression, found ','", NULL},
      {"a = 2 b; c = d^2; [e f, g h]", "LJ0108 LJ0110 LJ0108 LJ0108",
       "missing operator between '2' and 'b'", "a = 2*b; c = d^2; [e f, g h]"},
      {"f(a $ b, c % , d)", "LJ0101 LJ0103", "unexpected character '$'", NULL},
      {"w: f32[1, -, n]; def f(1, b) = ; x[1 2, :]", "LJ0103 LJ0103 LJ0103 LJ0108",
       "expected a size (a number or a name), found '-'",
       "w: f32[1, -, n]; def f(1, b) = ; x[1, 2, :]"},
      {"a = (b; c = d]; e(", "LJ0104 LJ0105 LJ0103", "expected ')' before ';'",
       "a = (b); c = d]; e("},
  };
  (void)state;
  check_mistakes(cases, LJ_COUNT(cases));
}

static void test_an_unclosed_bracket_in_full(void **state)
{
  struct lj_text_session s;
  (void)state;
  parse(&s, "e = y_pred - y_true;\nmean(square(e, axis=-1)\n");
  assert_string_equal(
      lossjit_diagnostics_text(lj_text_session_seal(&s)),
      "expression:2:24: error[LJ0104]: expected ')' before the end of the "
      "text\n"
      "  2 | mean(square(e, axis=-1)\n"
      "    |                        ^\n"
      "expression:2:5: note: it would close this one\n"
      "  2 | mean(square(e, axis=-1)\n"
      "    |     ^\n"
      "  fix: add ')'\n");
  assert_true(lj_text_session_end(&s));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_brackets),
      cmocka_unit_test(test_comparisons),
      cmocka_unit_test(test_operators_of_other_languages),
      cmocka_unit_test(test_missing_operators),
      cmocka_unit_test(test_python),
      cmocka_unit_test(test_pasted_python),
      cmocka_unit_test(test_what_is_no_python),
      cmocka_unit_test(test_letters),
      cmocka_unit_test(test_statements_that_are_none),
      cmocka_unit_test(test_independent_mistakes),
      cmocka_unit_test(test_an_unclosed_bracket_in_full),
  };
  return cmocka_run_group_tests_name("mistakes", tests, NULL, NULL);
}
