/*
 * One text on its way through parser and checker: see check_session.h.
 */
#include "tests/check_session.h"

#include "compiler/prelude.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- the caller's declarations --------------------------------------------------- */

static lossjit_dtype dtype_named(const char *name)
{
  for (int dtype = LOSSJIT_F32; dtype <= LOSSJIT_BOOL; dtype++)
    if (!strcmp(name, lj_dtype_name((enum lj_dtype)dtype)))
      return (lossjit_dtype)dtype;
  fail_msg("no such dtype: %s", name);
  return LOSSJIT_F32;
}

static void declare_input(struct lj_check_session *s, const char *name, char *rest)
{
  lossjit_input *input = &s->inputs[s->request.input_count++];
  char *sizes = strchr(rest, ':'), *place = NULL;

  if (sizes)
    *sizes++ = 0;
  *input = (lossjit_input){.name = name, .dtype = dtype_named(rest)};
  for (char *size = sizes ? strtok_r(sizes, ",", &place) : NULL; size;
       size = strtok_r(NULL, ",", &place))
    input->sizes[input->rank++] = *size == 'B'   ? LOSSJIT_BATCH
                                  : *size == '?' ? LOSSJIT_ANY
                                                 : atoll(size);
}

static void declare(struct lj_check_session *s, const char *declared)
{
  char *text = lj_copy_text(&s->arena, declared, strlen(declared)), *place = NULL;

  for (char *word = strtok_r(text, " ", &place); word;
       word = strtok_r(NULL, " ", &place)) {
    char *end = word + strcspn(word, ":=");
    bool is_parameter = *end == '=';
    *end++ = 0;
    if (is_parameter) {
      s->parameter_names[s->request.parameter_count] = word;
      s->parameter_defaults[s->request.parameter_count++] = atof(end);
    } else {
      declare_input(s, word, end);
    }
  }
}

/* ---- the stages ------------------------------------------------------------------ */

void lj_check_session_begin(struct lj_check_session *s, const char *text,
                            const char *declared)
{
  memset(s, 0, sizeof *s);
  lj_alloc_hook_init(&s->hook);
  s->sources[0] = (struct lj_source){"expression", text, strlen(text)};
  s->sources[1] = (struct lj_source){"prelude", lj_prelude_text, lj_prelude_length};
  lj_arena_init(&s->arena, &s->hook.allocator, &s->trap);
  s->request = (struct lj_request){.inputs = s->inputs,
                                   .parameter_names = s->parameter_names,
                                   .parameter_defaults = s->parameter_defaults,
                                   .default_dtype = LJ_F32,
                                   .depth_limit = 256,
                                   .node_limit = 100000};
  if (declared)
    declare(s, declared);
}

bool lj_check_session_check(struct lj_check_session *s)
{
  struct lj_program *prelude, *program;

  if (setjmp(s->trap.escape)) {
    s->trapped = s->trap.status;
    return false;
  }
  lj_diags_init(&s->diags, &s->arena, s->sources, 2);
  prelude = lj_parse(&s->arena, &s->diags, &s->sources[1], 1, 256, true);
  program =
      lj_parse(&s->arena, &s->diags, &s->sources[0], 0, s->request.depth_limit, false);
  s->good = lj_check(&s->arena, &s->diags, program, prelude, &s->request, &s->checked);
  s->list = lj_diags_seal(&s->diags, &s->hook.allocator);
  return s->good;
}

bool lj_check_session_run(struct lj_check_session *s, const char *text,
                          const char *declared)
{
  lj_check_session_begin(s, text, declared);
  return lj_check_session_check(s);
}

/* ---- looking at it --------------------------------------------------------------- */

const char *lj_check_session_result(struct lj_check_session *s)
{
  const struct lj_graph *graph = &s->checked.graph;
  struct lj_text text = {.arena = &s->arena};

  if (!s->good)
    return "refused";
  const struct lj_node *node = lj_node_at(graph, s->checked.value);
  lj_text_add(&text, "%s", lj_dtype_name((enum lj_dtype)node->dtype));
  lj_shape_print(&text, graph, node->rank, node->shape);
  return text.text;
}

const char *lj_check_session_inputs(struct lj_check_session *s)
{
  const struct lj_graph *graph = &s->checked.graph;
  struct lj_text text = {.arena = &s->arena};

  lj_text_add(&text, "%s", "");
  for (uint32_t i = 0; i < graph->input_count; i++) {
    const struct lj_input *input = &graph->inputs[i];
    lj_text_add(&text, "%s%s %s", i ? "; " : "", input->name,
                lj_dtype_name((enum lj_dtype)input->dtype));
    lj_shape_print(&text, graph, input->rank, input->shape);
  }
  return text.text;
}

const char *lj_check_session_dump(struct lj_check_session *s)
{
  struct lj_text text = {.arena = &s->arena};

  lj_graph_dump(&text, &s->checked.graph, &s->checked.value, 1);
  return text.text;
}

const char *lj_check_session_text(const struct lj_check_session *s)
{
  return s->list ? lossjit_diagnostics_text(s->list) : "";
}

void lj_check_rows(const struct lj_check_row *rows, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    struct lj_check_session s;
    lj_check_session_begin(&s, rows[i].text, rows[i].declared);
    s.request.result = (lossjit_result)rows[i].result;
    lj_check_session_check(&s);
    if (s.list)
      fail_msg("%s\n%s", rows[i].text, lj_check_session_text(&s));
    if (strcmp(lj_check_session_result(&s), rows[i].value) != 0)
      fail_msg("%s\ngives %s, not %s", rows[i].text, lj_check_session_result(&s),
               rows[i].value);
    lj_check_session_end(&s);
  }
}

void lj_check_session_end(struct lj_check_session *s)
{
  lossjit_diagnostics_release(s->list);
  lj_arena_free(&s->arena);
  assert_int_equal(s->hook.live, 0);
}
