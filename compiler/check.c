/*
 * The checker: rounds over a program, its statements, its inputs.
 *
 * A round evaluates the whole text into a fresh graph. Where a round learns what a size
 * is, or that y_true is a label, another round starts with that knowledge; what the
 * earlier ones reported is forgotten. The text is judged (check_contract.c) in every
 * round, so that the last one has everything to say.
 */
#include "compiler/check_internal.h"

#include <string.h>

/* ---- scopes ---------------------------------------------------------------------- */

static uint32_t hash_name(const char *name)
{
  uint32_t hash = 2166136261u; /* FNV-1a */

  for (; *name; name++)
    hash = (hash ^ (unsigned char)*name) * 16777619u;
  return hash;
}

/* Looking far is work as well: long scopes count as steps. */
#define HOPS_PER_STEP 128u

struct lj_scope *lj_find(struct lj_checker *c, const char *name, bool definition)
{
  uint32_t hash = hash_name(name);

  for (struct lj_scope *scope = c->scope; scope; scope = scope->next) {
    if (++c->hops % HOPS_PER_STEP == 0)
      c->steps++;
    if (scope->hash == hash && !scope->definition == !definition &&
        !strcmp(scope->name, name))
      return scope;
  }
  return NULL;
}

struct lj_scope *lj_bind(struct lj_checker *c, const char *name, struct lj_value value,
                         struct lj_span span)
{
  struct lj_scope *entry = LJ_NEW(c->arena, struct lj_scope);

  entry->name = name;
  entry->hash = hash_name(name);
  entry->value = value;
  entry->span = span;
  entry->next = c->scope;
  return c->scope = entry;
}

static void define(struct lj_checker *c, const struct lj_statement *statement)
{
  struct lj_definition *definition = LJ_NEW(c->arena, struct lj_definition);

  definition->statement = statement;
  definition->scope = c->scope;
  for (uint32_t i = 0; i < statement->parameter_count; i++)
    for (uint32_t j = 0; j < i; j++)
      if (!strcmp(statement->parameters[i], statement->parameters[j]))
        lj_report(c->diags, LJ_D_REPEATED_PARAMETER, statement->parameter_spans[i],
                  statement->parameters[i]);
  lj_warn_shadowing(c, statement);
  lj_bind(c, statement->name, lj_error_value, statement->name_span)->definition =
      definition;
}

/* ---- statements ------------------------------------------------------------------ */

static void bind(struct lj_checker *c, const struct lj_statement *statement)
{
  struct lj_value value = lj_eval(c, statement->value);
  struct lj_scope *entry;

  lj_warn_shadowing(c, statement);
  entry = lj_bind(c, statement->name, value, statement->name_span);
  entry->is_binding = !c->frame && !c->trusted;
}

static void state_result(struct lj_checker *c, const struct lj_statement *statement)
{
  static const struct {
    const char *word;
    lossjit_result result;
  } kinds[] = {{"sample", LOSSJIT_PER_SAMPLE},
               {"scalar", LOSSJIT_SCALAR},
               {"any", LOSSJIT_ELEMENTWISE}};
  const char *words[LJ_COUNT(kinds)], *near;
  struct lj_report *report;

  if (c->result_span.end) {
    report = lj_report(c->diags, LJ_D_REPEATED_RESULT, statement->span);
    lj_note(c->diags, report, c->result_span, "it was stated here");
    return;
  }
  c->result_span = statement->span;
  for (size_t i = 0; i < LJ_COUNT(kinds); i++) {
    words[i] = kinds[i].word;
    if (strcmp(statement->name, kinds[i].word))
      continue;
    c->result = kinds[i].result;
    return;
  }
  report = lj_report(c->diags, LJ_D_BAD_RESULT, statement->name_span, statement->name);
  near = lj_nearest(statement->name, words, LJ_COUNT(words));
  lj_fix(c->diags, report, statement->name_span, near,
         "it is one of sample, scalar, any");
}

struct lj_value lj_run(struct lj_checker *c, const struct lj_statement *statements,
                       uint32_t count, const struct lj_syntax *value)
{
  if (count > LJ_STATEMENT_LIMIT) {
    if (!c->exhausted)
      lj_report(c->diags, LJ_D_TOO_LARGE,
                lj_place(c, statements[LJ_STATEMENT_LIMIT].span), "too many statements",
                lj_integer_text(c, LJ_STATEMENT_LIMIT));
    c->exhausted = true;
    return lj_error_value;
  }
  for (uint32_t i = 0; i < count; i++) {
    switch ((enum lj_statement_kind)statements[i].kind) {
    case LJ_STATEMENT_DECLARE:
      lj_declare(c, &statements[i]);
      break;
    case LJ_STATEMENT_BIND:
      bind(c, &statements[i]);
      break;
    case LJ_STATEMENT_DEFINE:
      define(c, &statements[i]);
      break;
    case LJ_STATEMENT_RESULT:
      state_result(c, &statements[i]);
      break;
    }
  }
  return value ? lj_eval(c, value) : lj_error_value;
}

/* What the text has but does not use. The contract speaks of y_pred. */
static void warn_unused(struct lj_checker *c)
{
  for (const struct lj_scope *scope = c->scope; scope; scope = scope->next) {
    if (scope->used || scope->definition || scope->span.source)
      continue;
    if (scope->declared && strcmp(scope->name, "y_pred") != 0)
      lj_report(c->diags, LJ_D_UNUSED_DECLARATION, scope->span, scope->name);
    else if (scope->is_binding)
      lj_report(c->diags, LJ_D_UNUSED_BINDING, scope->span, scope->name);
  }
}

/* ---- rounds ---------------------------------------------------------------------- */

static enum lj_dtype text_float_dtype(const struct lj_checker *c)
{
  const lossjit_input *pred = lj_requested_input(c, "y_pred");
  enum lj_dtype dtype = pred ? (enum lj_dtype)pred->dtype : LJ_NO_DTYPE;

  for (uint32_t i = 0; i < c->program->statement_count; i++) {
    const struct lj_statement *statement = &c->program->statements[i];
    if (statement->kind != LJ_STATEMENT_DECLARE || strcmp(statement->name, "y_pred") ||
        !statement->dtype_name)
      continue;
    if (!strcmp(statement->dtype_name, "f32"))
      dtype = LJ_F32;
    if (!strcmp(statement->dtype_name, "f64"))
      dtype = LJ_F64;
  }
  if (dtype == LJ_F32 || dtype == LJ_F64)
    return dtype;
  return c->request->default_dtype == LJ_F64 ? LJ_F64 : LJ_F32;
}

static void run_round(struct lj_checker *c, struct lj_diags *diags,
                      const struct lj_program *prelude, struct lj_checked *checked)
{
  uint32_t errors_before = diags->error_count;
  struct lj_value value;

  memset(checked, 0, sizeof *checked);
  lj_graph_init(&checked->graph, c->arena,
                c->request->node_limit ? c->request->node_limit : 100000);
  c->graph = &checked->graph;
  c->diags = diags;
  c->scope = NULL;
  c->steps = 0;
  c->learning = c->conflict = c->exhausted = false;
  c->label_input = 0;
  c->fact_count = c->reduction_count = 0;
  c->result = c->request->result;
  c->result_span = (struct lj_span){0, 0, 0};
  if (prelude)
    lj_run(c, prelude->statements, prelude->statement_count, NULL);
  value =
      lj_run(c, c->program->statements, c->program->statement_count, c->program->value);
  lj_contract(c, value, checked);
  if (diags->error_count == errors_before)
    warn_unused(c);
}

static struct lj_learned copy_learned(struct lj_checker *c)
{
  struct lj_learned copy = c->learned;

  copy.size_capacity = copy.size_count; /* an addition moves it to memory of its own */
  return copy;
}

bool lj_check(struct lj_arena *arena, struct lj_diags *diags,
              const struct lj_program *program, const struct lj_program *prelude,
              const struct lj_request *request, struct lj_checked *checked)
{
  struct lj_checker c = {.arena = arena,
                         .trap = arena->trap,
                         .request = request,
                         .program = program,
                         .step_limit = 1000000};
  uint32_t depth = request->depth_limit ? request->depth_limit : 256;
  uint64_t steps = 0; /* of all rounds */

  c.depth_limit = depth * LJ_DEPTH_FACTOR;
  c.float_dtype = text_float_dtype(&c);
  for (uint32_t round = 0;; round++) {
    struct lj_learned before = copy_learned(&c);
    struct lj_diags scratch;
    lj_diags_init(&scratch, arena, diags->sources, diags->source_count);
    run_round(&c, &scratch, prelude, checked);
    steps += c.steps;
    if (c.learning && !c.conflict && !c.exhausted && round < LJ_ROUND_LIMIT &&
        steps < 4 * c.step_limit)
      continue;
    if (scratch.count) { /* the same once more, for everybody to hear */
      c.learned = before;
      run_round(&c, diags, prelude, checked);
    }
    break;
  }
  if (!diags->error_count && program->value && !checked->value)
    lj_report(diags, LJ_D_TOO_LARGE, program->value->span,
              "too many sizes to find out one by one",
              lj_integer_text(&c, LJ_ROUND_LIMIT));
  if (diags->error_count)
    checked->value = 0;
  return diags->error_count == 0;
}
