/*
 * The grammar file against the parser. Sentences are derived at random from
 * grammar/lossjit.ebnf itself; the parser accepts each, prints it, and reading that
 * again gives the same tree. Every alternative of every rule takes part, and every
 * symbol of the grammar is a function of the parser.
 */
#include "compiler/syntax.h"
#include "tests/ebnf.h"
#include "tests/text_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifndef LOSSJIT_TEST_SOURCE_DIR
#define LOSSJIT_TEST_SOURCE_DIR "."
#endif

enum { SENTENCES = 30000, LONGEST = 8192 };

static char *read_source(const char *path)
{
  static char full[1024];
  FILE *file;
  char *text = NULL;
  size_t size = 0;
  snprintf(full, sizeof full, "%s/%s", LOSSJIT_TEST_SOURCE_DIR, path);
  file = fopen(full, "rb");
  if (file == NULL)
    fail_msg("cannot read %s", full);
  if (getdelim(&text, &size, '\0', file) < 0)
    fail_msg("%s is empty", full);
  fclose(file);
  return text;
}

static struct lj_ebnf *read_grammar(void)
{
  char *text = read_source("grammar/lossjit.ebnf");
  const char *problem;
  struct lj_ebnf *grammar = lj_ebnf_read(text, &problem);
  free(text);
  if (grammar == NULL)
    fail_msg("grammar/lossjit.ebnf: %s", problem);
  return grammar;
}

/* ---- sentences ------------------------------------------------------------------- */

struct sentence {
  char text[LONGEST];
  size_t length;
  uint64_t seed;
};

static unsigned pick(struct sentence *s, unsigned limit)
{
  s->seed = s->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (unsigned)(s->seed >> 33) % limit;
}

static void append(struct sentence *s, const char *text)
{
  size_t length = strlen(text);
  assert_true(s->length + length + 1 < sizeof s->text);
  memcpy(s->text + s->length, text, length + 1);
  s->length += length;
}

/* Blanks of all kinds between tokens; none where the tokens stay apart without. */
static void separate(struct sentence *s, const char *next)
{
  static const char *const blanks[] = {
      " ", " ", " ", "\n", "\t", "\r\n", "  ", " # a comment; not (a statement\n"};
  static const char brackets[] = "()[]{},;";
  bool stays_apart =
      s->length > 0 && (strchr(brackets, s->text[s->length - 1]) != NULL ||
                        strchr(brackets, *next) != NULL);
  if (!stays_apart || pick(s, 3) == 0)
    append(s, blanks[pick(s, LJ_COUNT(blanks))]);
}

static const char *token_text(struct sentence *s, const char *class)
{
  static const char *const names[] = {"a",      "b1",  "_",      "y_pred",
                                      "y_true", "sum", "result", "scalar",
                                      "batch",  "f32", "inf",    "Def"};
  static const char *const integers[] = {"0",     "1",   "12",
                                         "1_000", "007", "9223372036854775807"};
  static const char *const floats[] = {"0.5", ".5",  "2.",    "1e-7",   "1_0.2_5e+1",
                                       "3E2", "0.0", "1e308", "5e-324", "0.1"};
  if (strcmp(class, "NAME") == 0)
    return names[pick(s, LJ_COUNT(names))];
  if (strcmp(class, "INTEGER") == 0)
    return integers[pick(s, LJ_COUNT(integers))];
  if (strcmp(class, "FLOAT") == 0)
    return floats[pick(s, LJ_COUNT(floats))];
  fail_msg("the grammar has a token %s that this test does not know", class);
  return NULL;
}

static void emit(void *user, const char *text, bool is_token)
{
  struct sentence *s = user;
  const char *written = is_token ? token_text(s, text) : text;
  separate(s, written);
  append(s, written);
}

/* ---- the parser against them ----------------------------------------------------- */

static void check_sentence(const char *text)
{
  struct lj_text_session first, second;
  const char *printed;
  lj_text_session_parse(&first, text, strlen(text), 256, false);
  if (first.diags.error_count > 0)
    fail_msg("refused:\n%s\n%s", text,
             lossjit_diagnostics_text(lj_text_session_seal(&first)));
  printed = lj_text_session_print(&first);
  lj_text_session_parse(&second, printed, strlen(printed), 256, false);
  if (second.diags.error_count > 0)
    fail_msg("printed:\n%s\n%s", printed,
             lossjit_diagnostics_text(lj_text_session_seal(&second)));
  if (!lj_program_equal(first.program, second.program))
    fail_msg("not the same tree:\n%s\n\n%s", text, printed);
  assert_string_equal(lj_text_session_print(&second), printed);
  assert_true(lj_text_session_end(&first));
  assert_true(lj_text_session_end(&second));
}

static void test_every_sentence_is_read_and_printed(void **state)
{
  struct lj_ebnf *grammar = read_grammar();
  static struct sentence s;
  uint64_t seed = 20240229;
  s.seed = 1;
  (void)state;
  for (int i = 0; i < SENTENCES; i++) {
    s.length = 0;
    s.text[0] = '\0';
    lj_ebnf_derive(grammar, "program", 20 + i % 80, 5 + i % 150, &seed, emit, &s);
    check_sentence(s.text);
  }
  if (lj_ebnf_unused(grammar) != NULL)
    fail_msg("no sentence used %s", lj_ebnf_unused(grammar));
  lj_ebnf_free(grammar);
}

/* ---- the parser's functions ------------------------------------------------------ */

static bool has_function(const char *sources, const char *symbol)
{
  static const char *const forms[] = {" %s(struct lj_parser *p",
                                      "*%s(struct lj_parser *p",
                                      "*lj_parse_%s(struct lj_parser *p"};
  for (size_t i = 0; i < LJ_COUNT(forms); i++) {
    char form[100];
    snprintf(form, sizeof form, forms[i], symbol);
    if (strstr(sources, form) != NULL)
      return true;
  }
  return false;
}

static void test_every_symbol_is_a_function(void **state)
{
  static const char *const files[] = {"compiler/parse.c", "compiler/parse_expression.c",
                                      "compiler/parse_postfix.c"};
  struct lj_ebnf *grammar = read_grammar();
  const char *symbol;
  char *sources[LJ_COUNT(files)];
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(files); i++)
    sources[i] = read_source(files[i]);
  for (size_t k = 0; (symbol = lj_ebnf_symbol(grammar, k)) != NULL; k++) {
    bool found = false;
    for (size_t i = 0; i < LJ_COUNT(files); i++)
      found = found || has_function(sources[i], symbol);
    if (!found)
      fail_msg("the parser has no function for the symbol %s", symbol);
  }
  for (size_t i = 0; i < LJ_COUNT(files); i++)
    free(sources[i]);
  lj_ebnf_free(grammar);
}

/* ---- the reader of the grammar itself -------------------------------------------- */

static void join(void *user, const char *text, bool is_token)
{
  strcat(user, is_token ? "<" : "");
  strcat(user, text);
  strcat(user, is_token ? ">" : " ");
}

static void test_the_reader_notices_broken_grammars(void **state)
{
  static const char *const broken[] = {
      "a = ;",         "a = b ;",       "a = \"x\"",      "a \"x\" ;",
      "a = ( \"x\" ;", "a = a ;",       "(* a = \"x\" ;", "= \"x\" ;",
      "a = \"x\" , ;", "a = \"x\" | ;", "a = \"x\" , a ;"};
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(broken); i++) {
    const char *problem = NULL;
    assert_null(lj_ebnf_read(broken[i], &problem));
    assert_non_null(problem);
  }
}

static void test_the_reader_derives_what_the_rules_say(void **state)
{
  static const char text[] = "(* two rules *) a = \"x\" , [ b ] , { NAME } ;\n"
                             "b = ( \"y\" | \"z\" , a ) ;";
  const char *problem;
  struct lj_ebnf *grammar = lj_ebnf_read(text, &problem);
  uint64_t seed = 1;
  (void)state;
  assert_non_null(grammar);
  assert_string_equal(lj_ebnf_symbol(grammar, 1), "b");
  assert_null(lj_ebnf_symbol(grammar, 2));
  assert_non_null(lj_ebnf_unused(grammar));
  for (int i = 0; i < 500; i++) {
    char sentence[4096] = "";
    lj_ebnf_derive(grammar, "a", 10, 30, &seed, join, sentence);
    assert_int_equal(sentence[0], 'x');
    for (const char *at = sentence; *at != '\0'; at++)
      assert_true(strchr("xyz <>NAME", *at) != NULL);
  }
  assert_null(lj_ebnf_unused(grammar));
  lj_ebnf_free(grammar);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_sentence_is_read_and_printed),
      cmocka_unit_test(test_every_symbol_is_a_function),
      cmocka_unit_test(test_the_reader_notices_broken_grammars),
      cmocka_unit_test(test_the_reader_derives_what_the_rules_say),
  };
  return cmocka_run_group_tests_name("grammar", tests, NULL, NULL);
}
