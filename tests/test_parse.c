/*
 * Parsing: what binds how tightly, what a statement holds, where nodes lie, and that no
 * text can nest deeply enough to hurt. What is said of mistakes is in test_mistakes.c.
 */
#include "compiler/syntax.h"
#include "tests/text_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void parse(struct lj_text_session *s, const char *text)
{
  assert_int_equal(lj_text_session_parse(s, text, strlen(text), 256, false),
                   LOSSJIT_OK);
}

/* Parse a text that has no mistakes. */
static void parse_good(struct lj_text_session *s, const char *text)
{
  parse(s, text);
  if (s->diags.error_count > 0)
    fail_msg("%s", lossjit_diagnostics_text(lj_text_session_seal(s)));
}

static const char *tree(struct lj_text_session *s)
{
  struct lj_text text = {.arena = &s->arena};
  lj_syntax_dump(&text, s->program);
  return text.text;
}

/* ---- expressions ----------------------------------------------------------------- */

/* How a text is grouped: every operation in parentheses. */
static void group(struct lj_text *to, const struct lj_syntax *node)
{
  lj_text_add(to, "%s", node->child_count > 0 ? "(" : "");
  if (node->child_count == 0)
    lj_expression_print(to, node);
  for (uint32_t i = 0; i < node->child_count; i++) {
    if (i == node->child_count - 1)
      lj_text_add(to, "%s%s%s", i > 0 ? " " : "", node->name != NULL ? node->name : "",
                  node->name != NULL ? " " : "");
    group(to, node->children[i]);
  }
  lj_text_add(to, "%s", node->child_count > 0 ? ")" : "");
}

static void test_what_binds_how_tightly(void **state)
{
  static const struct {
    const char *text, *grouped;
  } cases[] = {
      {"a + b + c", "((a add b) add c)"},
      {"a - b - c", "((a subtract b) subtract c)"},
      {"a + b*c", "(a add (b multiply c))"},
      {"a*b/c", "((a multiply b) divide c)"},
      {"a @ b % c", "((a matmul b) mod c)"},
      {"-a**2", "(negative (a power 2))"},
      {"a**-b", "(a power (negative b))"},
      {"a**b**c", "(a power (b power c))"},
      {"2**-x**2", "(2 power (negative (x power 2)))"},
      {"-a*b", "((negative a) multiply b)"},
      {"a*-b", "(a multiply (negative b))"},
      {"- - a", "(negative (negative a))"},
      {"+a - +b", "((positive a) subtract (positive b))"},
      {"~a & b", "((logical_not a) logical_and b)"},
      {"a | b & c", "(a logical_or (b logical_and c))"},
      {"a & b + c", "(a logical_and (b add c))"},
      {"a < b + 1", "(a less (b add 1))"},
      {"a == b | c", "(a equal (b logical_or c))"}, /* as in Python */
      {"(a == b) | (c != d)", "((a equal b) logical_or (c not_equal d))"},
      {"(a < b) < c", "((a less b) less c)"},
      {"a <= b", "(a less_equal b)"},
      {"a >= b", "(a greater_equal b)"},
      {"a > b", "(a greater b)"},
      {"(((a)))", "a"},
  };
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(cases); i++) {
    struct lj_text_session s;
    struct lj_text text;
    parse_good(&s, cases[i].text);
    text = (struct lj_text){.arena = &s.arena};
    group(&text, s.program->value);
    assert_string_equal(text.text, cases[i].grouped);
    assert_true(lj_text_session_end(&s));
  }
}

static void test_printing_is_canonical(void **state)
{
  static const struct {
    const char *text, *printed; /* NULL: as it was */
  } cases[] = {
      {"sum(square(y_pred - y_true)*[0.3, 0.7], axis=1)", NULL},
      {"sum( square(y_pred-y_true) * [0.3,.7],axis = 1 ) ;",
       "sum(square(y_pred - y_true)*[0.3, 0.7], axis=1)"},
      {"((a + b)) - (c)", "a + b - c"},
      {"a - (b - c) + (d + e)", "a - (b - c) + (d + e)"},
      {"a/(b*c)*(d/e)", "a/(b*c)*(d/e)"},
      {"(a*b)*c", "a*b*c"},
      {"(-a)**2", NULL},
      {"-(a**2)", "-a**2"},
      {"-(-a)", "--a"},
      {"(a**b)**c", NULL},
      {"a**(b**c)", "a**b**c"},
      {"2**(-x)", "2**-x"},
      {"(a < b) == (c < d)", NULL},
      {"(a == 0) | (b == 1) & ~c", NULL},
      {"(a | b) & c", NULL},
      {"(a+b)[:, None]", "(a + b)[:, None]"},
      {"[1, 2][0]", NULL},
      {"f(x)[..., 0:3, ::2, 1:, :-1, a:b:c, :, :a:]",
       "f(x)[..., 0:3, ::2, 1:, :-1, a:b:c, :, :a]"},
      {"(1, 2)", "[1, 2]"},
      {"(1,)", "[1]"},
      {"[]", NULL},
      {"[[1, 2], [3, 4]]", NULL},
      {"f()", NULL},
      {"f(a,)", "f(a)"},
      {"f(a, axis=(0, 1), keepdims=True, b=None, c=False)",
       "f(a, axis=[0, 1], keepdims=True, b=None, c=False)"},
      {"0.10 + 2. + 1E-07 + 1e22 + 1_000 + 007", "0.1 + 2.0 + 1e-7 + 1e22 + 1000 + 7"},
      {"9223372036854775807", NULL},
      {"y_true*-log(p)", NULL},
      {"a % b @ c", NULL},
      {"x # end\n + 1", "x + 1"},
      {"e = a - b; e*e", "e = a - b;\ne*e"},
  };
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(cases); i++) {
    struct lj_text_session s;
    parse_good(&s, cases[i].text);
    assert_string_equal(lj_text_session_print(&s),
                        cases[i].printed != NULL ? cases[i].printed : cases[i].text);
    assert_true(lj_text_session_end(&s));
  }
}

/* A tree made by another stage may hold negative numbers, which no text gives. */
static void test_negative_numbers_print_as_they_bind(void **state)
{
  struct lj_text_session s;
  struct lj_text text;
  (void)state;
  parse_good(&s, "x**2 - 3");
  text = (struct lj_text){.arena = &s.arena};
  s.program->value->children[1]->integer = -3;
  s.program->value->children[1]->number = -3;
  s.program->value->children[0]->children[0] = s.program->value->children[1];
  lj_expression_print(&text, s.program->value);
  assert_string_equal(text.text, "(-3)**2 - -3");
  assert_true(lj_text_session_end(&s));
}

static void test_equality_ignores_places_only(void **state)
{
  static const char *const different[] = {"a + b",
                                          "a - b",
                                          "b + a",
                                          "f(a, b)",
                                          "f(a, b=b)",
                                          "f(a, c=b)",
                                          "a[b]",
                                          "a[b:]",
                                          "a[:b]",
                                          "a[...]",
                                          "[a, b]",
                                          "[a]",
                                          "1",
                                          "1.0",
                                          "2",
                                          "True",
                                          "False",
                                          "None",
                                          "-a",
                                          "~a",
                                          "a[None]",
                                          "a = b; a",
                                          "a: f32[b]; a",
                                          "a: f32[1]; a",
                                          "a: f32 = 1; a",
                                          "result: any; a",
                                          "def f(a) = b; a",
                                          "def f(a=1) = b; a",
                                          "def f(a) = { b = 1; b }; a",
                                          "def f(a) = { b = 2; b }; a"};
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(different); i++)
    for (size_t k = 0; k < LJ_COUNT(different); k++) {
      struct lj_text_session s, t;
      char spaced[200];
      snprintf(spaced, sizeof spaced, " \n %s ;", different[k]);
      parse_good(&s, different[i]);
      parse_good(&t, spaced);
      assert_int_equal(lj_program_equal(s.program, t.program), i == k);
      assert_true(lj_text_session_end(&s));
      assert_true(lj_text_session_end(&t));
    }
}

/* ---- places ---------------------------------------------------------------------- */

static void check_span(const struct lj_text_session *s, struct lj_span span,
                       const char *expected)
{
  assert_int_equal(span.end - span.begin, strlen(expected));
  assert_memory_equal(s->source.text + span.begin, expected, strlen(expected));
}

static void test_nodes_keep_their_places(void **state)
{
  struct lj_text_session s;
  const struct lj_syntax *sum, *product, *call;
  (void)state;
  parse_good(&s, " x = 1;  (a + b) * f(c, axis = -1)[:, 0:2] ");
  product = s.program->value;
  sum = product->children[0];
  call = product->children[1]->children[0];
  check_span(&s, s.program->statements[0].span, "x = 1");
  check_span(&s, product->span, "(a + b) * f(c, axis = -1)[:, 0:2]");
  check_span(&s, product->name_span, "*");
  check_span(&s, sum->span, "(a + b)");
  check_span(&s, sum->name_span, "+");
  check_span(&s, product->children[1]->span, "f(c, axis = -1)[:, 0:2]");
  check_span(&s, product->children[1]->children[1]->span, ":");
  check_span(&s, product->children[1]->children[2]->span, "0:2");
  check_span(&s, call->span, "f(c, axis = -1)");
  check_span(&s, call->name_span, "f");
  check_span(&s, call->keyword_spans[1], "axis");
  check_span(&s, call->children[1]->span, "-1");
  assert_true(lj_text_session_end(&s));
}

/* ---- statements ------------------------------------------------------------------ */

static void test_declarations(void **state)
{
  struct lj_text_session s;
  const struct lj_statement *d;
  (void)state;
  parse_good(&s, "w: f32[batch, n, 3]; z: f64[]; delta: f32 = 1.5; result: scalar;"
                 "result: i64[batch]; w");
  d = s.program->statements;
  assert_int_equal(s.program->statement_count, 5);
  assert_int_equal(d[0].kind, LJ_STATEMENT_DECLARE);
  assert_string_equal(d[0].name, "w");
  assert_string_equal(d[0].dtype_name, "f32");
  check_span(&s, d[0].dtype_span, "f32");
  assert_int_equal(d[0].size_count, 3);
  assert_string_equal(d[0].sizes[0].name, "batch");
  assert_string_equal(d[0].sizes[1].name, "n");
  assert_null(d[0].sizes[2].name);
  assert_int_equal(d[0].sizes[2].number, 3);
  assert_true(d[1].has_sizes && d[1].size_count == 0 && d[1].value == NULL);
  assert_true(!d[2].has_sizes && d[2].value->number == 1.5);
  assert_int_equal(d[3].kind, LJ_STATEMENT_RESULT);
  assert_string_equal(d[3].name, "scalar");
  assert_int_equal(d[4].kind, LJ_STATEMENT_DECLARE); /* an input named result */
  assert_string_equal(d[4].name, "result");
  assert_true(lj_text_session_end(&s));
}

static void test_definitions(void **state)
{
  struct lj_text_session s;
  const struct lj_statement *d;
  (void)state;
  parse_good(&s, "# not above\n\n# Squares a\n#  twice.\n"
                 "def f(a, b=2,) = { c = a*a; d = c*b; c + d; };\n"
                 "def g() = 1; g()");
  d = s.program->statements;
  assert_int_equal(d[0].kind, LJ_STATEMENT_DEFINE);
  assert_string_equal(d[0].name, "f");
  assert_string_equal(d[0].comment, "Squares a\n twice.");
  assert_int_equal(d[0].parameter_count, 2);
  assert_string_equal(d[0].parameters[1], "b");
  check_span(&s, d[0].parameter_spans[1], "b");
  assert_null(d[0].defaults[0]);
  assert_int_equal(d[0].defaults[1]->integer, 2);
  assert_int_equal(d[0].body_count, 2);
  assert_string_equal(d[0].body[1].name, "d");
  assert_int_equal(d[0].value->kind, LJ_S_BINARY);
  assert_int_equal(d[1].parameter_count, 0);
  assert_null(d[1].comment);
  assert_string_equal(lj_text_session_print(&s),
                      "# Squares a\n#  twice.\n"
                      "def f(a, b=2) = { c = a*a; d = c*b; c + d };\n"
                      "def g() = 1;\ng()");
  assert_true(lj_text_session_end(&s));
}

static void test_a_library_has_no_value(void **state)
{
  static const char library[] =
      "# A\ndef f(a) = a;\n# B\n# C\ndef g(a) = f(a);\n# end\n";
  struct lj_text_session s;
  (void)state;
  lj_text_session_parse(&s, library, strlen(library), 256, true);
  assert_int_equal(s.diags.error_count, 0);
  assert_null(s.program->value);
  assert_string_equal(s.program->statements[1].comment, "B\nC");
  assert_string_equal(lj_text_session_print(&s),
                      "# A\ndef f(a) = a;\n# B\n# C\ndef g(a) = f(a);\n");
  assert_true(lj_text_session_end(&s));
  lj_text_session_parse(&s, "x", 1, 256, true);
  assert_int_equal(s.diags.error_count, 1);
  assert_true(lj_text_session_end(&s));
}

static void test_the_tree_dumps(void **state)
{
  struct lj_text_session s;
  (void)state;
  parse_good(&s, "x: f32[batch, 2]; z: f32[]; p: f32 = 0.5; result: any;"
                 "def f(a, b=1) = { c = a; c };"
                 "-sum(x[:, None, ...], axis=-1) + [True, None][0]");
  assert_string_equal(tree(&s), "declare x f32 [batch, 2]\n"
                                "declare z f32 []\n"
                                "declare p f32\n"
                                "  number 0.5\n"
                                "result any\n"
                                "define f\n"
                                "  parameter a\n"
                                "  parameter b\n"
                                "    number 1\n"
                                "  bind c\n"
                                "    name a\n"
                                "  name c\n"
                                "value\n"
                                "  binary add\n"
                                "    unary negative\n"
                                "      call sum\n"
                                "        index\n"
                                "          name x\n"
                                "          slice\n"
                                "            -\n"
                                "            -\n"
                                "            -\n"
                                "          None\n"
                                "          ellipsis\n"
                                "        axis= unary negative\n"
                                "          number 1\n"
                                "    index\n"
                                "      list\n"
                                "        truth True\n"
                                "        None\n"
                                "      number 0\n");
  assert_true(lj_text_session_end(&s));
}

/* ---- limits ---------------------------------------------------------------------- */

/* `open` n times, x, `close` n times. */
static char *nested(const char *open, size_t n, const char *close)
{
  size_t room = n * (strlen(open) + strlen(close)) + 2;
  char *text = malloc(room), *to = text;
  for (size_t i = 0; i < n; i++)
    to = stpcpy(to, open);
  to = stpcpy(to, "x");
  for (size_t i = 0; i < n; i++)
    to = stpcpy(to, close);
  return text;
}

static uint32_t errors_of(const char *open, size_t n, const char *close,
                          const char *code)
{
  struct lj_text_session s;
  char *text = nested(open, n, close);
  uint32_t errors;
  parse(&s, text);
  errors = s.diags.error_count;
  if (errors > 0)
    assert_string_equal(lossjit_diagnostics_get(lj_text_session_seal(&s), 0)->code,
                        code);
  assert_true(lj_text_session_end(&s));
  free(text);
  return errors;
}

static void test_nesting_is_bounded(void **state)
{
  static const struct {
    const char *open, *close;
    size_t most; /* under a limit of 256 */
  } cases[] = {
      {"(", ")", 255},    {"[", "]", 255},    {"f(", ")", 255},   {"x[", "]", 255},
      {"f(a=", ")", 255}, {"-", "", 255},     {"~", "", 255},     {"x**", "", 255},
      {"-(", ")", 127},   {"x[:", "]", 255},  {"x + ", "", 1023}, {"x*", "", 1023},
      {"", "[0]", 1023},  {"x | ", "", 1023},
  };
  (void)state;
  for (size_t i = 0; i < LJ_COUNT(cases); i++) {
    size_t most = cases[i].most;
    assert_int_equal(errors_of(cases[i].open, most, cases[i].close, ""), 0);
    assert_int_equal(errors_of(cases[i].open, most + 1, cases[i].close, "LJ0501"), 1);
    assert_int_equal(errors_of(cases[i].open, 20000, cases[i].close, "LJ0501"), 1);
    assert_int_equal(errors_of(cases[i].open, 1 << 20, cases[i].close, "LJ0502"), 1);
  }
}

static void test_the_limit_is_an_option_within_reason(void **state)
{
  struct lj_text_session s;
  char *text = nested("(", 900, ")");
  (void)state;
  lj_text_session_parse(&s, text, strlen(text), 1000, false);
  assert_int_equal(s.diags.error_count, 0);
  assert_true(lj_text_session_end(&s));
  free(text);
  text = nested("(", 50000, ")");
  lj_text_session_parse(&s, text, strlen(text), UINT32_MAX, false);
  assert_int_equal(s.diags.error_count, 1);
  assert_true(lj_text_session_end(&s));
  free(text);
  lj_text_session_parse(&s, "x", 1, 0, false);
  assert_int_equal(s.diags.error_count, 1);
  assert_true(lj_text_session_end(&s));
}

/* ---- memory ---------------------------------------------------------------------- */

static void test_running_out_of_memory_anywhere(void **state)
{
  struct lj_text_session s;
  char *long_text = nested("x + f(a, b) $ ", 900, "");
  long allowed = 0;
  lossjit_status status;
  (void)state;
  do {
    status = lj_text_session_starve(&s, long_text, allowed++);
    s.hook.allow = -1;
    assert_true(status == LOSSJIT_OK || status == LOSSJIT_NO_MEMORY);
    assert_true(lj_text_session_end(&s));
  } while (status != LOSSJIT_OK);
  assert_true(allowed > 4);
  free(long_text);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_binds_how_tightly),
      cmocka_unit_test(test_printing_is_canonical),
      cmocka_unit_test(test_negative_numbers_print_as_they_bind),
      cmocka_unit_test(test_equality_ignores_places_only),
      cmocka_unit_test(test_nodes_keep_their_places),
      cmocka_unit_test(test_declarations),
      cmocka_unit_test(test_definitions),
      cmocka_unit_test(test_a_library_has_no_value),
      cmocka_unit_test(test_the_tree_dumps),
      cmocka_unit_test(test_nesting_is_bounded),
      cmocka_unit_test(test_the_limit_is_an_option_within_reason),
      cmocka_unit_test(test_running_out_of_memory_anywhere),
  };
  return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
