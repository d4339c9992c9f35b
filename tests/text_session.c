/*
 * One text on its way through lexer and parser: see text_session.h.
 */
#include "tests/text_session.h"

#include <string.h>

void lj_text_session_begin(struct lj_text_session *s, const char *text, size_t length)
{
  memset(s, 0, sizeof *s);
  lj_alloc_hook_init(&s->hook);
  s->source = (struct lj_source){"expression", text, length};
  lj_arena_init(&s->arena, &s->hook.allocator, &s->trap);
}

static lossjit_status parse(struct lj_text_session *s, uint32_t depth_limit,
                            bool is_library, bool seal)
{
  if (setjmp(s->trap.escape) != 0) {
    s->program = NULL;
    return s->trap.status;
  }
  lj_diags_init(&s->diags, &s->arena, &s->source, 1);
  s->program = lj_parse(&s->arena, &s->diags, &s->source, 0, depth_limit, is_library);
  if (seal)
    s->list = lj_diags_seal(&s->diags, &s->hook.allocator);
  return LOSSJIT_OK;
}

lossjit_status lj_text_session_parse(struct lj_text_session *s, const char *text,
                                     size_t length, uint32_t depth_limit,
                                     bool is_library)
{
  lj_text_session_begin(s, text, length);
  return parse(s, depth_limit, is_library, false);
}

lossjit_status lj_text_session_starve(struct lj_text_session *s, const char *text,
                                      long allowed)
{
  lj_text_session_begin(s, text, strlen(text));
  s->hook.allow = allowed;
  return parse(s, 256, false, true);
}

const lossjit_diagnostics *lj_text_session_seal(struct lj_text_session *s)
{
  if (s->list == NULL)
    s->list = lj_diags_seal(&s->diags, &s->hook.allocator);
  return s->list;
}

const char *lj_text_session_print(struct lj_text_session *s)
{
  struct lj_text text = {.arena = &s->arena};
  lj_syntax_print(&text, s->program);
  return text.text;
}

bool lj_text_session_end(struct lj_text_session *s)
{
  lossjit_diagnostics_release(s->list);
  lj_arena_free(&s->arena);
  return s->hook.live == 0;
}
