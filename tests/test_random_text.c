/*
 * Texts that nobody would write: random tokens, random bytes, valid losses with pieces
 * torn out and put in, brackets nested without end, megabytes of one thing. Whatever
 * the text, there is an answer in bounded time: a tree without mistakes, which printed
 * and read again is the same tree, or a refusal that says why. Nothing is leaked on
 * either way.
 */
#include "tests/alloc_hook.h"
#include "tests/text_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LONGEST = 8192, MEGABYTE = 1 << 20 };

/* ---- chance ---------------------------------------------------------------------- */

static uint64_t seed;

/* Below `limit`; xorshift64*, so that a failure can be repeated. */
static unsigned pick(unsigned limit)
{
  seed ^= seed >> 12;
  seed ^= seed << 25;
  seed ^= seed >> 27;
  return (unsigned)((seed * UINT64_C(2685821657736338717)) >> 33) % limit;
}

struct buffer {
  char text[LONGEST];
  size_t length;
};

static void append(struct buffer *b, const char *bytes, size_t length)
{
  if (length > sizeof b->text - b->length)
    length = sizeof b->text - b->length;
  memcpy(b->text + b->length, bytes, length);
  b->length += length;
}

static void append_text(struct buffer *b, const char *text)
{
  append(b, text, strlen(text));
}

/* ---- the code under test --------------------------------------------------------- */

static void check_diagnostics(const lossjit_diagnostics *list, size_t length)
{
  size_t count = lossjit_diagnostics_count(list);
  assert_true(count >= 1);
  assert_true(strlen(lossjit_diagnostics_text(list)) > 20);
  for (size_t i = 0; i < count; i++) {
    const lossjit_diagnostic *d = lossjit_diagnostics_get(list, i);
    assert_true(d->span.begin <= d->span.end && d->span.end <= length);
    assert_true(d->fix_span.begin <= d->fix_span.end && d->fix_span.end <= length);
    assert_true(d->span.line >= 1 && d->span.column >= 1);
    assert_true(strlen(d->message) > 0 && strlen(d->message) < 1000);
  }
}

static void check_print(struct lj_text_session *s)
{
  const char *printed = lj_text_session_print(s);
  struct lj_text_session again;
  lj_text_session_parse(&again, printed, strlen(printed), 256, false);
  assert_int_equal(again.diags.error_count, 0);
  assert_true(lj_program_equal(s->program, again.program));
  assert_true(lj_text_session_end(&again));
}

static void feed_parser(const char *text, size_t length)
{
  struct lj_text_session s;
  assert_int_equal(lj_text_session_parse(&s, text, length, 256, false), LOSSJIT_OK);
  assert_non_null(s.program->value);
  if (s.diags.error_count > 0)
    check_diagnostics(lj_text_session_seal(&s), length);
  else
    check_print(&s);
  assert_true(lj_text_session_end(&s));
}

static lossjit_engine *engine;
static struct lj_alloc_hook engine_memory;

static void feed_compiler(const char *text, size_t length)
{
  lossjit_compile_options options = {.text_length = length};
  lossjit_loss *loss;
  lossjit_diagnostics *diagnostics;
  long live = engine_memory.live;
  lossjit_status status = lossjit_compile(engine, text, &options, &loss, &diagnostics);
  if (status == LOSSJIT_INVALID)
    check_diagnostics(diagnostics, length);
  else
    assert_int_equal(status, LOSSJIT_OK);
  assert_true((loss != NULL) == (status == LOSSJIT_OK));
  lossjit_diagnostics_release(diagnostics);
  lossjit_loss_release(loss);
  assert_int_equal(engine_memory.live, live);
}

/* One text through the parser, then from end to end. It lies in memory of its own size,
 * so that a sanitizer sees a byte read behind it; it is not terminated. */
static void feed(const char *text, size_t length)
{
  char *exact = calloc(1, length > 0 ? length : 1);
  memcpy(exact, text, length);
  feed_parser(exact, length);
  if (length > 0) /* a length of 0 asks for a terminated text */
    feed_compiler(exact, length);
  free(exact);
}

static int set_up_engine(void **state)
{
  (void)state;
  lj_alloc_hook_init(&engine_memory);
  return lossjit_engine_create(
             &(lossjit_engine_options){.allocator = &engine_memory.allocator},
             &engine) != LOSSJIT_OK;
}

static int tear_down_engine(void **state)
{
  (void)state;
  lossjit_engine_release(engine);
  return engine_memory.live != 0;
}

/* ---- material -------------------------------------------------------------------- */

static const char *const losses[] = {
    "mean(square(y_pred - y_true), axis=-1)",
    "sum(square(y_pred - y_true)*[0.3, 0.7], axis=1)",
    "e = y_pred - y_true; mean(where(abs(e) <= delta, 0.5*square(e), "
    "delta*(abs(e) - 0.5*delta)), axis=-1)",
    "delta: f32 = 1.0; y_pred: f32[batch, n]; y_true: f32[batch, n];\n"
    "e = abs(y_pred - y_true);  # the residual\n"
    "mean(where(e < delta, 0.5*e**2/delta, e - 0.5*delta), axis=-1)",
    "p = clip(y_pred, 1e-7, 1 - 1e-7); "
    "-mean(y_true*log(p) + (1 - y_true)*log(1 - p), axis=-1)",
    "-sum(y_true*log_softmax(y_pred, axis=-1), axis=-1)",
    "l = log_softmax(y_pred, axis=-1); "
    "-(1 - ls)*gather(l, y_true) - ls*mean(l, axis=-1)",
    "v = ~isnan(y_true); sum(where(v, square(y_pred - where(v, y_true, 0)), 0))",
    "d = y_true[:, None] - y_pred; sum(maximum(taus*d, (taus - 1)*d), axis=1)",
    "t = where(all((y_true == 0) | (y_true == 1)), 2*y_true - 1, y_true); t",
    "1 - 2*sum(y_true*y_pred, axis=[1, 2])/(sum(y_true + y_pred, axis=(1, 2)) + 1e-7)",
    "sum(abs(y_pred[:, 1:, :] - y_pred[:, :-1, :]), axis=[1, 2])",
    "m = cast(y_true[:, None] == y_true[None, :]); "
    "-sum(m/sum(m, axis=1, keepdims=True))",
    "result: scalar; s = y_pred @ transpose(y_pred); mean(s[..., ::2] % 3)",
    "# Huber.\ndef f(a, b=1.0) = { e = abs(a); where(e < b, e*e, e) };\nf(y_pred, b=2)",
    "def g(x) = x**2**-x; g(y_pred) + huber(y_true, y_pred, delta=0.5)",
    "w: f32[n]; mean(w*square(y_pred - y_true) & mask | ~(a >= b), axis=-1)",
    "log(exp(zl - zu) != True, None, [[1, 2], [3, 4]][0], x[a:b:c])",
};

/* clang-format off */
static const char *const words[] = {
    "a", "y_pred", "y_true", "sum", "axis", "batch", "f32", "result", "scalar", "any",
    "1", "0.5", "1e-7", ".5", "2.", "1_000", "9999999999999999999", "1e999", "+", "-",
    "*", "/", "%", "@", "**", "==", "!=", "<", "<=", ">", ">=", "&", "|", "~", "=", "(",
    ")", "[", "]", "{", "}", ",", ";", ":", "...", ".", "^", "&&", "||", "!", "?", "//",
    "True", "False", "None", "def", "if", "else", "lambda", "and", "or", "not", "for",
    "in", "is", "while", "return", "#", "\n", "'", "\"", "$", "K.", ".sum(",
    "\xE2\x88\x92", "\xC2\xB2", "\xC3\xA9", "\x80", "def f(a) = ", "x: f32[",
    "x[:, None]", "f(a=1)", "0x1F", "1.2.3", "a if b else c", "(a, b)", "\t", " "};
/* clang-format on */

/* ---- inputs ---------------------------------------------------------------------- */

static void test_random_tokens(void **state)
{
  static struct buffer b;
  (void)state;
  seed = 11;
  for (int i = 0; i < 40000; i++) {
    unsigned count = pick(pick(4) == 0 ? 60 : 12);
    b.length = 0;
    for (unsigned k = 0; k < count; k++) {
      append_text(&b, words[pick(LJ_COUNT(words))]);
      append_text(&b, pick(3) > 0 ? " " : "");
    }
    feed(b.text, b.length);
  }
}

static void test_random_bytes(void **state)
{
  static struct buffer b;
  (void)state;
  seed = 12;
  for (int i = 0; i < 15000; i++) {
    b.length = pick(pick(8) == 0 ? 300 : 40);
    for (size_t k = 0; k < b.length; k++)
      b.text[k] = (char)(i % 3 == 0 ? pick(256) : ' ' + pick(95));
    feed(b.text, b.length);
  }
}

/* Replace [at, at + gone) by `bytes`. */
static void splice(struct buffer *b, size_t at, size_t gone, const char *bytes,
                   size_t length)
{
  static struct buffer tail;
  tail.length = 0;
  append(&tail, b->text + at + gone, b->length - at - gone);
  b->length = at;
  append(b, bytes, length);
  append(b, tail.text, tail.length);
}

static void mutate(struct buffer *b)
{
  size_t at = pick((unsigned)b->length + 1);
  size_t left = b->length - at;
  size_t some = left == 0 ? 0 : pick((unsigned)(left < 12 ? left : 12) + 1);
  const char *word = words[pick(LJ_COUNT(words))];
  const char *other = losses[pick(LJ_COUNT(losses))];
  char piece[16], byte = (char)pick(256);
  memcpy(piece, b->text + at, some);
  switch (pick(7)) {
  case 0:
    splice(b, at, some, "", 0);
    break; /* tear out */
  case 1:
    splice(b, at, 0, piece, some);
    break; /* say twice */
  case 2:
    splice(b, at, 0, word, strlen(word));
    break; /* put in a word */
  case 3:
    splice(b, at, some, word, strlen(word));
    break; /* replace by a word */
  case 4:
    splice(b, at, left > 0, &byte, 1);
    break; /* replace a byte */
  case 5:
    b->length = at;
    break; /* break off */
  case 6:
    other += pick((unsigned)strlen(other)); /* go on with another one */
    splice(b, at, left, other, strlen(other));
    break;
  }
}

static void test_mutated_losses(void **state)
{
  static struct buffer b;
  (void)state;
  seed = 13;
  for (int i = 0; i < 45000; i++) {
    unsigned mutations = pick(6);
    b.length = 0;
    append_text(&b, losses[pick(LJ_COUNT(losses))]);
    for (unsigned k = 0; k < mutations; k++)
      mutate(&b);
    feed(b.text, b.length);
  }
}

static void test_the_losses_themselves(void **state)
{
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(losses); i++) {
    struct lj_text_session s;
    lj_text_session_parse(&s, losses[i], strlen(losses[i]), 256, false);
    if (s.diags.error_count > 0)
      fail_msg("%s", lossjit_diagnostics_text(lj_text_session_seal(&s)));
    assert_true(lj_text_session_end(&s));
    for (size_t cut = 0; cut <= strlen(losses[i]); cut++) /* every beginning of it */
      feed(losses[i], cut);
  }
}

static void test_random_nesting(void **state)
{
  /* clang-format off */
  static const char *const opening[] = {
      "(", "[", "f(", "x[", "-", "~", "2**", "f(a=", "x[:", "a + (", "not ", "{",
      "a if ", "a, ("};
  /* clang-format on */
  /* clang-format off */
  static const char *const closing[] = {
      ")", "]", ")", "]", "", "", "", ")", "]", ")", "", "}", " else b", ")"};
  /* clang-format on */
  static struct buffer b;
  (void)state;
  seed = 14;
  for (int i = 0; i < 4000; i++) {
    unsigned kinds[600];
    unsigned depth = pick(i % 4 == 0 ? 600 : 20);
    b.length = 0;
    for (unsigned k = 0; k < depth; k++) {
      kinds[k] = pick(LJ_COUNT(opening));
      append_text(&b, opening[kinds[k]]);
    }
    append_text(&b, "x");
    for (unsigned k = depth; k-- > 0;)
      append_text(&b, pick(40) == 0 ? words[pick(LJ_COUNT(words))] : closing[kinds[k]]);
    feed(b.text, b.length);
  }
}

/* One piece over and over: as many bytes as a token limit lets through, and a
 * megabyte. */
static void test_megabytes(void **state)
{
  /* clang-format off */
  static const char *const pieces[] = {
      "(", ")", "[", "]", "{", "}", "(]", "[)", "()", "[]", "(a],", "[a),", "a],", "f(",
      "f(a=", "x[", "x[:", "[0]", "-", "~", "!", "not ", "+", "a+", "*", "**", "x**",
      "^", "a^", "a<", "a<b&", "a=", "a==", "a&&", "a and ", "a if ", "a if b else ",
      "a?b:", "a?", ",", "a,", "a b ", "2 a", "(a)", "1 ", ";", "a;", "a=b;",
      "x:f32[n];", "x:", "x:f32[", "result:any;", "def ", "def f(", "def f(a)=a;",
      "def f(a)={", "lambda ", "return ", ".", "...", "x.", "x.a()", "x.a(", "K.",
      "K.a(", "np.np.", "1.", "1_", "0x1", "1e", "9", "1.0f ", "a", "_", "\"", "'a'",
      "#", "#\n", "\n", " ", "\\", "$", "$ ", "\x80", "\xE2\x88\x92", "\xC2\xB2",
      "\xF0\x9F", "\x01"};
  /* clang-format on */
  static const char *const before[] = {"", "(", "f(x[", "a = "};
  char *text = malloc(MEGABYTE);
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(pieces); i++) {
    const char *first = before[i % LJ_COUNT(before)];
    size_t length = strlen(pieces[i]);
    for (size_t at = 0; at < MEGABYTE; at++)
      text[at] = pieces[i][at % length];
    feed(text, MEGABYTE);
    feed(text, 150000);
    memcpy(text, first, strlen(first));
    feed(text, 150000);
  }
  free(text);
}

static void test_zero_bytes(void **state)
{
  static char zeros[MEGABYTE];
  (void)state;
  feed(zeros, 0);
  feed(zeros, 1);
  feed(zeros, 150000);
  feed(zeros, sizeof zeros);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_losses_themselves),
      cmocka_unit_test(test_random_tokens),
      cmocka_unit_test(test_random_bytes),
      cmocka_unit_test(test_mutated_losses),
      cmocka_unit_test(test_random_nesting),
      cmocka_unit_test(test_megabytes),
      cmocka_unit_test(test_zero_bytes),
  };
  return cmocka_run_group_tests_name("random_text", tests, set_up_engine,
                                     tear_down_engine);
}
