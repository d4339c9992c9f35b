/*
 * Diagnostics: the table itself, which reports are kept, how they are rendered (carets
 * under the right characters, whatever the line holds), and the public list.
 */
#include "compiler/diag.h"
#include "tests/text_session.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- the table ------------------------------------------------------------------- */

enum severity { ERROR = LOSSJIT_ERROR, WARNING = LOSSJIT_WARNING };

static const struct row {
  const char *code, *name;
  enum severity severity;
  const char *format, *explanation;
} rows[] = {
#define DIAGNOSTIC(id, code, name, severity, format, explanation)                      \
  {code, name, severity, format, explanation},
#include "grammar/diagnostics.def"
#undef DIAGNOSTIC
};

static void test_codes_ascend_and_names_differ(void **state)
{
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(rows); i++) {
    assert_int_equal(strlen(rows[i].code), 6);
    assert_int_equal(strncmp(rows[i].code, "LJ0", 3), 0);
    assert_true(rows[i].code[3] >= '1' && rows[i].code[3] <= '5');
    if (i > 0)
      assert_true(strcmp(rows[i - 1].code, rows[i].code) < 0);
    for (size_t k = 0; k < i; k++)
      assert_string_not_equal(rows[i].name, rows[k].name);
    for (const char *at = rows[i].name; *at != '\0'; at++)
      assert_true(islower((unsigned char)*at) || *at == '-');
  }
}

static void test_formats_take_strings_only(void **state)
{
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(rows); i++) {
    for (const char *at = rows[i].format; (at = strchr(at, '%')) != NULL; at++)
      assert_int_equal(at[1], 's');
    assert_true(strlen(rows[i].format) < 80);
    assert_true(rows[i].format[strlen(rows[i].format) - 1] != '.');
  }
}

static void test_every_row_explains_itself(void **state)
{
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(rows); i++) {
    assert_true(strlen(rows[i].explanation) > 60);
    for (const char *line = rows[i].explanation; line != NULL;) {
      const char *end = strchr(line, '\n');
      size_t length = end != NULL ? (size_t)(end - line) : strlen(line);
      assert_true(length <= 84);
      line = end != NULL ? end + 1 : NULL;
    }
  }
}

/* ---- collecting ------------------------------------------------------------------ */

static void begin(struct lj_text_session *s, const char *text)
{
  lj_text_session_begin(s, text, strlen(text));
  lj_diags_init(&s->diags, &s->arena, &s->source, 1);
}

static struct lj_span span(uint32_t from, uint32_t to)
{
  return (struct lj_span){from, to, 0};
}

static const struct lj_span nowhere = {0, 0, 0};

static void test_nothing_to_say_is_null(void **state)
{
  struct lj_text_session s;
  (void)state;
  begin(&s, "x");
  assert_null(lj_text_session_seal(&s));
  assert_int_equal(lossjit_diagnostics_count(NULL), 0);
  assert_null(lossjit_diagnostics_get(NULL, 0));
  assert_string_equal(lossjit_diagnostics_text(NULL), "");
  lossjit_diagnostics_release(NULL);
  assert_true(lj_text_session_end(&s));
}

static void test_the_same_is_said_once(void **state)
{
  struct lj_text_session s;
  struct lj_report *again;
  (void)state;
  begin(&s, "a + b");
  lj_report(&s.diags, LJ_D_UNKNOWN_NAME, span(0, 1), "a");
  again = lj_report(&s.diags, LJ_D_UNKNOWN_NAME, span(0, 1), "a");
  lj_note(&s.diags, again, nowhere, "not seen");
  lj_fix(&s.diags, again, nowhere, NULL, "not seen");
  lj_report(&s.diags, LJ_D_UNKNOWN_NAME, span(4, 5), "b");
  lj_report(&s.diags, LJ_D_UNKNOWN_FUNCTION, span(0, 1), "a");
  assert_int_equal(lossjit_diagnostics_count(lj_text_session_seal(&s)), 3);
  assert_int_equal(s.diags.error_count, 3);
  assert_null(strstr(lossjit_diagnostics_text(s.list), "not seen"));
  assert_true(lj_text_session_end(&s));
}

static void test_after_twenty_errors_the_rest_is_counted(void **state)
{
  struct lj_text_session s;
  (void)state;
  begin(&s, "12345678901234567890123456789012345678901234567890");
  for (uint32_t i = 0; i < 50; i++) {
    lj_report(&s.diags, LJ_D_UNUSED_BINDING, span(i, i + 1), "w");
    lj_report(&s.diags, LJ_D_UNKNOWN_NAME, span(i, i + 1), "e");
  }
  assert_int_equal(s.diags.error_count, 50);
  assert_int_equal(lossjit_diagnostics_count(lj_text_session_seal(&s)), 40);
  assert_non_null(
      strstr(lossjit_diagnostics_text(s.list), "\n30 more errors are not shown\n"));
  assert_true(lj_text_session_end(&s));
}

static void test_the_list_is_sorted_by_place(void **state)
{
  struct lj_text_session s;
  const lossjit_diagnostics *list;
  (void)state;
  begin(&s, "abcdef");
  lj_report(&s.diags, LJ_D_UNKNOWN_NAME, span(4, 5), "e");
  lj_report(&s.diags, LJ_D_UNKNOWN_NAME, span(1, 3), "first");
  lj_report(&s.diags, LJ_D_UNKNOWN_FUNCTION, span(1, 2), "second");
  lj_report(&s.diags, LJ_D_UNKNOWN_NAME, span(0, 6), "all");
  list = lj_text_session_seal(&s);
  assert_string_equal(lossjit_diagnostics_get(list, 0)->message, "unknown name 'all'");
  assert_string_equal(lossjit_diagnostics_get(list, 1)->message,
                      "unknown name 'first'");
  assert_string_equal(lossjit_diagnostics_get(list, 2)->message,
                      "unknown function 'second'");
  assert_string_equal(lossjit_diagnostics_get(list, 3)->message, "unknown name 'e'");
  assert_null(lossjit_diagnostics_get(list, 4));
  assert_true(lj_text_session_end(&s));
}

/* ---- the public list ------------------------------------------------------------- */

static void test_a_diagnostic_has_all_its_parts(void **state)
{
  struct lj_text_session s;
  const lossjit_diagnostic *d;
  struct lj_report *report;
  (void)state;
  begin(&s, "# \xC3\xA9\na*bb");
  report = lj_report(&s.diags, LJ_D_SHAPE_MISMATCH, span(6, 7), "(2,)", "(3,)");
  lj_note(&s.diags, report, span(5, 6), "this is %s", "a");
  lj_note(&s.diags, report, nowhere, "100%% sure");
  lj_fix(&s.diags, report, span(7, 9), "b", "write %s", "b");
  d = lossjit_diagnostics_get(lj_text_session_seal(&s), 0);
  assert_string_equal(d->code, "LJ0304");
  assert_string_equal(d->name, "shape-mismatch");
  assert_int_equal(d->severity, LOSSJIT_ERROR);
  assert_string_equal(d->message, "shapes (2,) and (3,) do not fit together");
  assert_int_equal(d->span.begin, 6);
  assert_int_equal(d->span.end, 7);
  assert_int_equal(d->span.line, 2);
  assert_int_equal(d->span.column, 2);
  assert_int_equal(d->note_count, 2);
  assert_string_equal(d->notes[0], "this is a");
  assert_int_equal(d->note_spans[0].column, 1);
  assert_string_equal(d->notes[1], "100% sure");
  assert_int_equal(d->note_spans[1].begin, d->note_spans[1].end);
  assert_string_equal(d->fix, "write b");
  assert_string_equal(d->replacement, "b");
  assert_int_equal(d->fix_span.begin, 7);
  assert_int_equal(d->fix_span.end, 9);
  assert_true(lj_text_session_end(&s));
}

static void test_the_list_outlives_the_compile(void **state)
{
  struct lj_text_session s;
  lossjit_diagnostics *list;
  (void)state;
  begin(&s, "abc");
  lj_report(&s.diags, LJ_D_UNKNOWN_NAME, span(0, 3), "abc");
  list = lj_diags_seal(&s.diags, &s.hook.allocator);
  lj_arena_free(&s.arena);
  assert_string_equal(lossjit_diagnostics_get(list, 0)->message, "unknown name 'abc'");
  assert_int_equal(strncmp(lossjit_diagnostics_text(list), "expression:1:1", 14), 0);
  lossjit_diagnostics_release(list);
  assert_int_equal(s.hook.live, 0);
}

static void test_sealing_without_memory_leaks_nothing(void **state)
{
  struct lj_text_session s;
  (void)state;
  for (volatile long allowed = 0; allowed < 2; allowed++) {
    begin(&s, "abc");
    lj_report(&s.diags, LJ_D_UNKNOWN_NAME, span(0, 3), "abc");
    s.hook.allow = allowed;
    if (setjmp(s.trap.escape) == 0) {
      lj_text_session_seal(&s);
      fail();
    }
    assert_int_equal(s.trap.status, LOSSJIT_NO_MEMORY);
    s.hook.allow = -1;
    assert_true(lj_text_session_end(&s));
  }
}

static void test_notes_in_the_prelude_name_it(void **state)
{
  struct lj_text_session s;
  const lossjit_diagnostic *d;
  struct lj_report *report;
  struct lj_source sources[2] = {{"loss.txt", "huber(a)", 8},
                                 {"prelude", "x;\ndef huber(a) = b;\n", 21}};
  struct lj_span inside = {18, 21, 1};
  (void)state;
  begin(&s, "");
  lj_diags_init(&s.diags, &s.arena, sources, 2);
  report = lj_report(&s.diags, LJ_D_UNKNOWN_NAME, span(6, 7), "a");
  lj_note(&s.diags, report, inside, "used here");
  lj_report(&s.diags, LJ_D_UNKNOWN_NAME, inside, "b");
  d = lossjit_diagnostics_get(lj_text_session_seal(&s), 0);
  assert_string_equal(d->notes[0], "used here (prelude, line 2)");
  assert_int_equal(d->note_spans[0].end, 0);
  assert_int_equal(lossjit_diagnostics_get(s.list, 1)->span.end, 0);
  assert_string_equal(lossjit_diagnostics_text(s.list),
                      "loss.txt:1:7: error[LJ0201]: unknown name 'a'\n"
                      "  1 | huber(a)\n"
                      "    |       ^\n"
                      "prelude:2:16: note: used here\n"
                      "  2 | def huber(a) = b;\n"
                      "    |                ^~\n"
                      "prelude:2:16: error[LJ0201]: unknown name 'b'\n"
                      "  2 | def huber(a) = b;\n"
                      "    |                ^~\n");
  assert_true(lj_text_session_end(&s));
}

/* ---- rendering ------------------------------------------------------------------- */

/* The rendering of one UNUSED_VALUE at [from, to) of `text`, without its first line. */
static const char *excerpt(struct lj_text_session *s, const char *text, size_t length,
                           uint32_t from, uint32_t to)
{
  lj_text_session_begin(s, text, length);
  lj_diags_init(&s->diags, &s->arena, &s->source, 1);
  lj_report(&s->diags, LJ_D_UNUSED_VALUE, span(from, to));
  return strchr(lossjit_diagnostics_text(lj_text_session_seal(s)), '\n') + 1;
}

static void test_carets_stand_under_characters(void **state)
{
  static const struct {
    const char *text;
    uint32_t from, to;
    const char *expected;
  } cases[] = {
      {"a + b", 4, 5, "  1 | a + b\n    |     ^\n"},
      {"a + bcd", 4, 7, "  1 | a + bcd\n    |     ^~~\n"},
      {"\ta\t+ b", 5, 6, "  1 | \ta\t+ b\n    | \t \t  ^\n"},
      {"\xC3\xA9\xE2\x88\x92\xF0\x9F\x98\x80 b", 10, 11,
       "  1 | \xC3\xA9\xE2\x88\x92\xF0\x9F\x98\x80 b\n    |     ^\n"},
      {"a\nbc\nd", 3, 4, "  2 | bc\n    |  ^\n"},
      {"a\r\nbc\r\nd", 4, 5, "  2 | bc\n    |  ^\n"},
      {"abc\ndef", 1, 6, "  1 | abc\n    |  ^~\n"}, /* cut at the end of its line */
      {"abc", 3, 3, "  1 | abc\n    |    ^\n"},     /* behind the end */
      {"abc\n", 3, 4, "  1 | abc\n    |    ^\n"},   /* at the newline */
      {"abc\n", 4, 4, "  2 | \n    | ^\n"},         /* on the empty last line */
      {"a\x01\xFF\x80z", 4, 5,
       "  1 | a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\n    |     ^\n"},
      {"a\xE2\x80\xAE z", 5, 6, "  1 | a\xEF\xBF\xBD z\n    |    ^\n"}, /* U+202E */
  };
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(cases); i++) {
    struct lj_text_session s;
    assert_string_equal(
        excerpt(&s, cases[i].text, strlen(cases[i].text), cases[i].from, cases[i].to),
        cases[i].expected);
    assert_true(lj_text_session_end(&s));
  }
}

static void test_line_numbers_are_as_wide_as_needed(void **state)
{
  struct lj_text_session s;
  char text[12346];
  (void)state;
  memset(text, '\n', sizeof text);
  text[12345] = 'x';
  assert_string_equal(excerpt(&s, text, sizeof text, 12345, 12346),
                      "12346 | x\n      | ^\n");
  assert_true(lj_text_session_end(&s));
}

/* The caret of a cut line stands under the character it is about. */
static void check_cut_line(const char *text, size_t length, uint32_t at, char expected)
{
  struct lj_text_session s;
  const char *line = excerpt(&s, text, length, at, at + 1);
  const char *carets = strchr(line, '\n') + 1;
  size_t column = (size_t)(strchr(carets, '^') - carets);
  assert_true(strlen(line) < 400);
  assert_int_equal(line[column], expected);
  assert_true(lj_text_session_end(&s));
}

static void test_long_lines_are_cut_around_the_caret(void **state)
{
  static char text[1 << 20];
  static const uint32_t places[] = {
      0, 1, 30, 39, 40, 41, 5000, (1 << 20) - 61, (1 << 20) - 60, (1 << 20) - 1};
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(places); i++) {
    memset(text, '+', sizeof text);
    text[places[i]] = 'X';
    check_cut_line(text, sizeof text, places[i], 'X');
  }
  memset(text, (char)0x80, sizeof text); /* bytes that can never be cut rightly */
  for (size_t i = 0; i < LJ_COUNT(places); i++) {
    struct lj_text_session s;
    assert_true(strlen(excerpt(&s, text, sizeof text, places[i], places[i] + 1)) < 800);
    assert_true(lj_text_session_end(&s));
  }
}

static void test_a_report_without_a_place(void **state)
{
  struct lj_text_session s;
  struct lj_report *report;
  (void)state;
  begin(&s, "x");
  report = lj_report(&s.diags, LJ_D_NO_BATCH, nowhere);
  lj_note(&s.diags, report, nowhere, "nor a sample");
  lj_fix(&s.diags, report, nowhere, NULL, "declare one");
  lj_text_session_seal(&s);
  assert_string_equal(lossjit_diagnostics_text(s.list),
                      "expression: error[LJ0405]: no input has a batch dimension\n"
                      "  note: nor a sample\n"
                      "  fix: declare one\n");
  assert_int_equal(lossjit_diagnostics_get(s.list, 0)->span.line, 1);
  assert_true(lj_text_session_end(&s));
}

static void test_long_names_are_clipped(void **state)
{
  static char name[100001];
  struct lj_text_session s;
  struct lj_report *report;
  const lossjit_diagnostic *d;
  (void)state;
  for (size_t i = 0; i + 2 < sizeof name; i += 2)
    memcpy(name + i, "\xC3\xA9", 2);
  begin(&s, "x");
  report = lj_report(&s.diags, LJ_D_SHAPE_MISMATCH, span(0, 1), name, "(2,)");
  lj_note(&s.diags, report, nowhere, "%s", name);
  lj_fix(&s.diags, report, span(0, 1), name, "%s", name);
  d = lossjit_diagnostics_get(lj_text_session_seal(&s), 0);
  assert_true(strlen(d->message) < 250 &&
              strstr(d->message, "\xA9... and (2,)") != NULL);
  assert_int_equal(strlen(d->notes[0]), 503);
  assert_int_equal(strlen(d->fix), 503);
  assert_int_equal(strlen(d->replacement), strlen(name)); /* for programs: never cut */
  assert_true(lj_text_session_end(&s));
}

/* ---- the nearest name ------------------------------------------------------------ */

static void test_the_nearest_name(void **state)
{
  static const char *const known[] = {"y_pred", "y_true",      "mean",  "square",
                                      "sum",    "log_softmax", "delta", "x"};
  static const struct {
    const char *name, *expected;
  } cases[] = {
      {"y_pred", "y_pred"},
      {"ypred", "y_pred"},
      {"y_prde", "y_pred"},
      {"Y_Pred", "y_pred"},
      {"yture", "y_true"},
      {"maen", "mean"},
      {"meann", "mean"},
      {"squared", "square"},
      {"logsoftmax", "log_softmax"},
      {"Delta", "delta"},
      {"weights", NULL},
      {"q", NULL},
      {"", NULL},
      {"xy", "x"},
      {"som", "sum"},
      {"a_name_that_is_longer_than_anything_one_could_mistype", NULL},
  };
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(cases); i++) {
    const char *nearest = lj_nearest(cases[i].name, known, LJ_COUNT(known));
    if (cases[i].expected == NULL)
      assert_null(nearest);
    else
      assert_string_equal(nearest != NULL ? nearest : "", cases[i].expected);
  }
  assert_null(lj_nearest("x", NULL, 0));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_codes_ascend_and_names_differ),
      cmocka_unit_test(test_formats_take_strings_only),
      cmocka_unit_test(test_every_row_explains_itself),
      cmocka_unit_test(test_nothing_to_say_is_null),
      cmocka_unit_test(test_the_same_is_said_once),
      cmocka_unit_test(test_after_twenty_errors_the_rest_is_counted),
      cmocka_unit_test(test_the_list_is_sorted_by_place),
      cmocka_unit_test(test_a_diagnostic_has_all_its_parts),
      cmocka_unit_test(test_the_list_outlives_the_compile),
      cmocka_unit_test(test_sealing_without_memory_leaks_nothing),
      cmocka_unit_test(test_notes_in_the_prelude_name_it),
      cmocka_unit_test(test_carets_stand_under_characters),
      cmocka_unit_test(test_line_numbers_are_as_wide_as_needed),
      cmocka_unit_test(test_long_lines_are_cut_around_the_caret),
      cmocka_unit_test(test_a_report_without_a_place),
      cmocka_unit_test(test_long_names_are_clipped),
      cmocka_unit_test(test_the_nearest_name),
  };
  return cmocka_run_group_tests_name("diag", tests, NULL, NULL);
}
