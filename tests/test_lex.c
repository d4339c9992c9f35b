/*
 * Lexing: which tokens a text has, where they lie, what numbers are worth, and what is
 * said of characters that belong to no token.
 */
#include "compiler/syntax.h"
#include "tests/text_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct lj_tokens lex_bytes(struct lj_text_session *s, const char *text,
                                  size_t length)
{
  lj_text_session_begin(s, text, length);
  lj_diags_init(&s->diags, &s->arena, &s->source, 1);
  return lj_lex(&s->arena, &s->diags, &s->source, 0);
}

static struct lj_tokens lex(struct lj_text_session *s, const char *text)
{
  return lex_bytes(s, text, strlen(text));
}

/* The tokens between bars, each by its letter: n name, i integer, f float, s symbol. */
static const char *shown(struct lj_text_session *s, const struct lj_tokens *tokens)
{
  struct lj_text text = {.arena = &s->arena};
  for (uint32_t i = 0; i < tokens->count; i++) {
    const struct lj_token *token = &tokens->items[i];
    lj_text_add(&text, "%c%.*s|", "enifs"[token->kind],
                (int)(token->span.end - token->span.begin),
                s -> source.text + token->span.begin);
  }
  return text.text;
}

static void test_tokens(void **state)
{
  static const struct {
    const char *text, *tokens;
  } cases[] = {
      {"", "e|"},
      {" \t\r\n\f\v", "e|"},
      {"# only a comment", "e|"},
      {"a # b\nc", "na|nc|e|"},
      {"#\n#\na", "na|e|"},
      {"sum(x,axis=-1)", "nsum|s(|nx|s,|naxis|s=|s-|i1|s)|e|"},
      {"a**b*c", "na|s**|nb|s*|nc|e|"},
      {"a***b", "na|s**|s*|nb|e|"},
      {"a<=b<c==d=e!=f>=g>h", "na|s<=|nb|s<|nc|s==|nd|s=|ne|s!=|nf|s>=|ng|s>|nh|e|"},
      {"a===b", "na|s==|s=|nb|e|"},
      {"a&b&&c|d||e", "na|s&|nb|s&&|nc|s||nd|s|||ne|e|"},
      {"~a@b%c//d", "s~|na|s@|nb|s%|nc|s//|nd|e|"},
      {"x[...,:]", "nx|s[|s...|s,|s:|s]|e|"},
      {"x[..]", "nx|s[|s.|s.|s]|e|"},
      {"{;}^!?", "s{|s;|s}|s^|s!|s?|e|"},
      {"_ _1 a_b A9", "n_|n_1|na_b|nA9|e|"},
      {"1 1. .5 0.5 1e5 1E-5 1.e+5 .5e2", "i1|f1.|f.5|f0.5|f1e5|f1E-5|f1.e+5|f.5e2|e|"},
      {"1_000 1_0.2_5", "i1_000|f1_0.2_5|e|"},
      {"2x 2exp(x) 2e_x", "i2|nx|i2|nexp|s(|nx|s)|i2|ne_x|e|"},
      {"x.y 2.5.", "nx|s.|ny|f2.5.|e|"},
      {"\xEF\xBB\xBF"
       "a",
       "na|e|"}, /* a byte order mark */
  };
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(cases); i++) {
    struct lj_text_session s;
    struct lj_tokens tokens = lex(&s, cases[i].text);
    assert_string_equal(shown(&s, &tokens), cases[i].tokens);
    assert_true(lj_text_session_end(&s));
  }
}

static void test_values_of_numbers(void **state)
{
  struct lj_text_session s;
  struct lj_tokens tokens =
      lex(&s, "9_223_372_036_854_775_807 0.1 1e-7 007 .5 2. 1_0.5 1e-400 0");
  (void)state;
  assert_true(tokens.items[0].integer == INT64_MAX);
  assert_true(tokens.items[0].number == 9223372036854775807.0);
  assert_true(tokens.items[1].number == 0.1);
  assert_true(tokens.items[2].number == 1e-7);
  assert_int_equal(tokens.items[3].integer, 7);
  assert_true(tokens.items[4].number == 0.5);
  assert_true(tokens.items[5].number == 2.0);
  assert_true(tokens.items[6].number == 10.5);
  assert_true(tokens.items[7].number == 0.0);
  assert_true(tokens.items[8].integer == 0);
  assert_int_equal(s.diags.error_count, 0);
  assert_true(lj_text_session_end(&s));
}

static void test_equal_names_are_one_string(void **state)
{
  struct lj_text_session s;
  char text[4000] = "";
  struct lj_tokens tokens;
  (void)state;
  for (int i = 0; i < 300; i++)
    sprintf(text + strlen(text), "n%d ", i % 150);
  tokens = lex(&s, text);
  assert_int_equal(tokens.count, 301);
  for (int i = 0; i < 150; i++) {
    assert_ptr_equal(tokens.items[i].name, tokens.items[i + 150].name);
    assert_true(i == 0 || tokens.items[i].name != tokens.items[i - 1].name);
  }
  assert_true(lj_text_session_end(&s));
}

/* ---- what is no token ------------------------------------------------------------ */

struct refusal {
  const char *text;
  const char *codes; /* of the diagnostics, in order */
  const char *first; /* the first message */
  const char *fixed; /* the text after the first fix; NULL if it is words */
};

static void check_refusal(const struct refusal *c)
{
  struct lj_text_session s;
  const lossjit_diagnostic *first;
  char codes[200] = "", fixed[200];
  lex(&s, c->text);
  lj_text_session_seal(&s);
  for (size_t i = 0; i < lossjit_diagnostics_count(s.list); i++)
    sprintf(codes + strlen(codes), "%s%s", i > 0 ? " " : "",
            lossjit_diagnostics_get(s.list, i)->code);
  assert_string_equal(codes, c->codes);
  first = lossjit_diagnostics_get(s.list, 0);
  assert_string_equal(first->message, c->first);
  if (c->fixed != NULL) {
    snprintf(fixed, sizeof fixed, "%.*s%s%s", (int)first->fix_span.begin, c->text,
             first->replacement, c->text + first->fix_span.end);
    assert_string_equal(fixed, c->fixed);
  } else {
    assert_null(first->replacement);
  }
  assert_true(lj_text_session_end(&s));
}

static void test_refusals(void **state)
{
  static const struct refusal cases[] = {
      {"a $ b", "LJ0101", "unexpected character '$'", NULL},
      {"a $$`\\ b", "LJ0101", "unexpected character '$'", NULL}, /* one for the run */
      {"a \xE2\x88\x92 b", "LJ0101", "unexpected character '\xE2\x88\x92'", "a - b"},
      {"2\xC3\x97x", "LJ0101", "unexpected character '\xC3\x97'", "2*x"},
      {"x\xC2\xB2", "LJ0101", "unexpected character '\xC2\xB2'", "x**2"},
      {"a\xC2\xA0+ b", "LJ0101", "unexpected character '\xC2\xA0'", "a + b"},
      {"\xCE\xB4", "LJ0101", "unexpected character '\xCE\xB4'", "delta"},
      {"a \xFF\xFE b", "LJ0101", "unexpected character (the byte 0xFF)", NULL},
      {"a \x01 b", "LJ0101", "unexpected character U+0001", NULL},
      {"sum(x, axis='a)')", "LJ0114", "text in quotes has no meaning here", NULL},
      {"\"open", "LJ0114", "text in quotes has no meaning here", NULL},
      {"1.0f*x", "LJ0102", "bad number '1.0f': numbers have no suffix", "1.0*x"},
      {"1__0", "LJ0102", "bad number '1__0': '_' stands between two digits", NULL},
      {"1_", "LJ0102", "bad number '1_': '_' stands between two digits", NULL},
      {"1_.5", "LJ0102", "bad number '1_.5': '_' stands between two digits", NULL},
      {"2e", "LJ0102", "bad number '2e': its exponent has no digits", NULL},
      {"2e+ x", "LJ0102", "bad number '2e+': its exponent has no digits", NULL},
      {"0x1F", "LJ0102", "bad number '0x1F': numbers are decimal", NULL},
      {"1.2.3", "LJ0102", "bad number '1.2.3': it has more than one decimal point",
       NULL},
      {"1..2", "LJ0102", "bad number '1..2': it has more than one decimal point", NULL},
      {"1e999", "LJ0102", "bad number '1e999': it is beyond the range of f64", "inf"},
      {"9223372036854775808", "LJ0102",
       "bad number '9223372036854775808': integers have 64 bits",
       "9223372036854775808.0"},
      {"1e2e $ 1__2", "LJ0101 LJ0102", "unexpected character '$'", NULL},
  };
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(cases); i++)
    check_refusal(&cases[i]);
}

static void test_a_zero_byte_is_no_end(void **state)
{
  struct lj_text_session s;
  struct lj_tokens tokens = lex_bytes(&s, "a\0b", 3);
  (void)state;
  assert_int_equal(tokens.count, 4); /* a, the unexpected character, b, the end */
  assert_int_equal(tokens.items[1].symbol, 0);
  assert_int_equal(s.diags.error_count, 1);
  assert_true(lj_text_session_end(&s));
}

static void test_look_alikes_are_read_as_what_they_stand_for(void **state)
{
  struct lj_text_session s;
  struct lj_tokens tokens = lex(&s, "x\xC2\xB2\xE2\x89\xA4\xCF\x80");
  (void)state;
  assert_int_equal(tokens.count, 6);
  assert_int_equal(tokens.items[1].symbol, LJ_SYMBOL('*', '*'));
  assert_int_equal(tokens.items[2].integer, 2);
  assert_int_equal(tokens.items[2].span.begin, 1);
  assert_int_equal(tokens.items[2].span.end, 3);
  assert_int_equal(tokens.items[3].symbol, LJ_SYMBOL('<', '='));
  assert_string_equal(tokens.items[4].name, "pi");
  assert_int_equal(s.diags.error_count, 3);
  assert_true(lj_text_session_end(&s));
}

static void test_texts_beyond_any_measure(void **state)
{
  static char text[(1 << 24) + 1];
  struct lj_text_session s;
  (void)state;
  memset(text, ' ', sizeof text);
  assert_int_equal(lex_bytes(&s, text, sizeof text - 1).count, 1);
  assert_int_equal(s.diags.error_count, 0);
  assert_true(lj_text_session_end(&s));
  assert_int_equal(lex_bytes(&s, text, sizeof text).count, 1);
  assert_int_equal(s.diags.error_count, 1);
  assert_true(lj_text_session_end(&s));
  memset(text, '(', 200000);
  assert_int_equal(lex_bytes(&s, text, 200000).count, 200001);
  assert_int_equal(s.diags.error_count, 0);
  assert_true(lj_text_session_end(&s));
  assert_int_equal(lex_bytes(&s, text, 1 << 20).count, 200001); /* blanks behind them */
  assert_true(lj_text_session_end(&s));
  memset(text, '(', 1 << 20);
  assert_int_equal(lex_bytes(&s, text, 1 << 20).count, 1);
  assert_string_equal(lossjit_diagnostics_get(lj_text_session_seal(&s), 0)->message,
                      "the text has too many tokens: the most is 200000");
  assert_true(lj_text_session_end(&s));
}

static void test_dump(void **state)
{
  struct lj_text_session s;
  struct lj_tokens tokens = lex(&s, "a = \xC2\xB2.5;\n b");
  struct lj_text text = {.arena = &s.arena};
  (void)state;
  lj_tokens_dump(&text, &tokens, &s.source);
  assert_string_equal(text.text, "1:1\tname\ta\n"
                                 "1:3\tsymbol\t=\n"
                                 "1:5\tsymbol\t\xC2\xB2\n"
                                 "1:5\tinteger\t\xC2\xB2\n"
                                 "1:6\tfloat\t.5\n"
                                 "1:8\tsymbol\t;\n"
                                 "2:2\tname\tb\n"
                                 "2:3\tend\n");
  assert_true(lj_text_session_end(&s));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tokens),
      cmocka_unit_test(test_values_of_numbers),
      cmocka_unit_test(test_equal_names_are_one_string),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_a_zero_byte_is_no_end),
      cmocka_unit_test(test_look_alikes_are_read_as_what_they_stand_for),
      cmocka_unit_test(test_texts_beyond_any_measure),
      cmocka_unit_test(test_dump),
  };
  return cmocka_run_group_tests_name("lex", tests, NULL, NULL);
}
