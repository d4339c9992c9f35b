/*
 * The checker: rounds over a program, its statements, its inputs.
 *
 * A round evaluates the whole text into a fresh graph. Where a round learns what a size
 * is, or that y_true is a label, another round starts with that knowledge; what the
 * earlier ones reported is forgotten. The text is judged (check_contract.c) in every
 * round, so that the last one has everything to say.
 *
 * Names are found in this order: what the text binds and declares, from its end; the
 * caller's declarations; y_pred and y_true; pi, inf, nan; names of sizes.
 */
#include "compiler/check_internal.h"

#include <string.h>

/* ---- scopes --------------------------------------------------------------------------------- */

struct lj_scope *lj_bind(struct lj_checker *c, const char *name, struct lj_value value,
                         struct lj_span span)
{
  struct lj_scope *entry = LJ_NEW(c->arena, struct lj_scope);

  entry->name = name;
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
  lj_bind(c, statement->name, lj_error_value, statement->name_span)->definition =
      definition;
}

/* ---- inputs ----------------------------------------------------------------------------------- */

static const lossjit_input *requested_input(const struct lj_checker *c, const char *name)
{
  for (uint32_t i = 0; c->request && i < c->request->input_count; i++)
    if (!strcmp(c->request->inputs[i].name, name)) return &c->request->inputs[i];
  return NULL;
}

static bool requested_parameter(const struct lj_checker *c, const char *name, double *value)
{
  for (uint32_t i = 0; c->request && i < c->request->parameter_count; i++)
    if (!strcmp(c->request->parameter_names[i], name)) {
      *value = c->request->parameter_defaults[i];
      return true;
    }
  return false;
}

static bool find_input(const struct lj_checker *c, const char *name, uint32_t *index)
{
  for (*index = 0; *index < c->graph->input_count; ++*index)
    if (!strcmp(c->graph->inputs[*index].name, name)) return true;
  return false;
}

/* A size the caller left open: n for y_pred, else a name made from the input's. */
static struct lj_size open_size(struct lj_checker *c, const char *name, uint32_t axis,
                                uint32_t rank)
{
  if (!strcmp(name, "y_pred") && axis + 1 == rank) return lj_named_size(c, "n");
  return lj_named_size(c, lj_format(c->arena, "%s_%u", name, axis));
}

static struct lj_input caller_input(struct lj_checker *c, const lossjit_input *from)
{
  struct lj_input input = {.name = from->name, .dtype = (uint8_t)from->dtype};

  LJ_CHECK(c->trap, from->rank >= 0 && from->rank <= LOSSJIT_MAX_RANK);
  input.rank = (uint8_t)from->rank;
  for (uint32_t axis = 0; axis < input.rank; axis++) {
    int64_t size = from->sizes[axis];
    input.shape[axis] = size == LOSSJIT_BATCH ? lj_size_symbol(LJ_SYMBOL_BATCH)
                        : size == LOSSJIT_ANY
                            ? open_size(c, from->name, axis, input.rank)
                            : lj_size_number(size);
  }
  return input;
}

/* y_pred is (batch, n); y_true has the shape and dtype of y_pred, or is its label. */
static struct lj_input usual_input(struct lj_checker *c, const char *name)
{
  const lossjit_input *pred = requested_input(c, "y_pred");
  struct lj_input input = {.name = name, .dtype = (uint8_t)c->float_dtype, .rank = 2};
  uint32_t declared;

  input.shape[0] = lj_size_symbol(LJ_SYMBOL_BATCH);
  input.shape[1] = lj_named_size(c, "n");
  if (strcmp(name, "y_true") != 0) return input;
  if (find_input(c, "y_pred", &declared)) {
    input = c->graph->inputs[declared];
  } else if (pred) {
    input = caller_input(c, pred);
  }
  input.name = name;
  if (c->learned.label) {
    input.dtype = LJ_I64;
    if (input.rank > 1) input.rank--;
  }
  return input;
}

static lj_id add_input(struct lj_checker *c, struct lj_input *input, struct lj_span span)
{
  input->span = span;
  c->graph->here = span;
  return lj_graph_input(c->graph, input);
}

static struct lj_value existing(struct lj_checker *c, lj_id node,
                                const struct lj_syntax *syntax)
{
  return lj_node_value(lj_batch_first(c, node, syntax), syntax);
}

/* A parameter of the caller's, made once. */
static lj_id caller_parameter(struct lj_checker *c, const char *name, double value)
{
  for (uint32_t i = 0; i < c->graph->parameter_count; i++)
    if (!strcmp(c->graph->parameters[i].name, name)) return c->graph->parameters[i].node;
  return lj_graph_parameter(c->graph, name, value, LJ_ROLE_USER);
}

static bool is_size_name(const struct lj_checker *c, const char *name)
{
  if (!strcmp(name, "batch")) return true;
  for (uint32_t i = 0; i < c->program->statement_count; i++) {
    const struct lj_statement *statement = &c->program->statements[i];
    for (uint32_t k = 0; k < statement->size_count; k++)
      if (statement->sizes[k].name && !strcmp(statement->sizes[k].name, name)) return true;
  }
  return false;
}

bool lj_outer_name(struct lj_checker *c, const char *name, const struct lj_syntax *syntax,
                   struct lj_value *value)
{
  const lossjit_input *requested = requested_input(c, name);
  bool usual = !strcmp(name, "y_pred") || !strcmp(name, "y_true");
  struct lj_span span = lj_place(c, syntax->span);
  struct lj_input input;
  uint32_t index;
  double number;

  if ((requested || usual) && find_input(c, name, &index)) {
    *value = existing(c, c->graph->inputs[index].node, syntax);
  } else if (requested) {
    input = caller_input(c, requested);
    *value = existing(c, add_input(c, &input, span), syntax);
  } else if (requested_parameter(c, name, &number)) {
    *value = lj_node_value(caller_parameter(c, name, number), syntax);
  } else if (usual) {
    input = usual_input(c, name);
    *value = existing(c, add_input(c, &input, span), syntax);
    if (!strcmp(name, "y_true")) c->label_input = value->node;
  } else if (is_size_name(c, name)) {
    *value = lj_node_value(lj_size_node(c->graph, lj_named_size(c, name)), syntax);
  } else {
    return false;
  }
  return true;
}

/* ---- declarations ---------------------------------------------------------------------------- */

static struct lj_report *redeclared(struct lj_checker *c, const struct lj_statement *at)
{
  return lj_report(c->diags, LJ_D_REDECLARED, at->name_span, at->name);
}

static bool declared_before(struct lj_checker *c, const struct lj_statement *statement)
{
  for (const struct lj_scope *scope = c->scope; scope; scope = scope->next)
    if (scope->declared && !strcmp(scope->name, statement->name)) {
      lj_note(c->diags, redeclared(c, statement), scope->span, "it was declared here");
      return true;
    }
  return false;
}

static bool read_size(struct lj_checker *c, const struct lj_syntax_size *from,
                      uint32_t axis, struct lj_size *size)
{
  const int64_t most = (int64_t)1 << 31; /* see check_fact.c */
  const char *why = NULL;

  if (from->name && !strcmp(from->name, "batch")) {
    *size = lj_size_symbol(LJ_SYMBOL_BATCH);
    if (axis) why = "the batch is the first dimension";
  } else if (from->name) {
    *size = lj_named_size(c, from->name);
  } else {
    *size = lj_size_number(from->number);
    if (from->number < 1) why = "sizes are at least 1";
    if (from->number > most) why = "it is too large";
  }
  if (why)
    lj_report(c->diags, LJ_D_BAD_SIZE, from->span,
              from->name ? from->name : lj_integer_text(c, from->number), why);
  return !why;
}

static const char *declaration_text(struct lj_checker *c, const struct lj_input *input)
{
  struct lj_text to = {.arena = c->arena};

  lj_text_add(&to, "%s%s", lj_dtype_name((enum lj_dtype)input->dtype),
              input->rank ? "" : "[]");
  for (uint32_t axis = 0; axis < input->rank; axis++) {
    lj_text_add(&to, axis ? ", " : "[");
    lj_size_print(&to, c->graph, input->shape[axis]);
  }
  if (input->rank) lj_text_add(&to, "]");
  return to.text;
}

/* The text and the caller declare the same input: they must agree, and may know more
 * together than apart. */
static bool merge_caller(struct lj_checker *c, const struct lj_statement *statement,
                         const lossjit_input *from, struct lj_input *input)
{
  struct lj_input theirs = caller_input(c, from);
  struct lj_span nowhere = {0, 0, 0};
  bool agree = theirs.dtype == input->dtype && theirs.rank == input->rank;

  for (uint32_t axis = 0; agree && axis < input->rank; axis++) {
    struct lj_size *ours = &input->shape[axis], other = theirs.shape[axis];
    const char *name = statement->sizes[axis].name;
    if (from->sizes[axis] == LOSSJIT_ANY || lj_size_equal(*ours, other)) continue;
    if (lj_size_is_batch(*ours) || lj_size_is_batch(other) || !name) {
      agree = false;
    } else {
      if (!lj_learn_number(c, name, other.offset, statement->sizes[axis].span))
        return false;
      *ours = other;
    }
  }
  if (!agree)
    lj_note(c->diags, redeclared(c, statement), nowhere, "the caller declares it as %s",
            declaration_text(c, &theirs));
  return agree;
}

static struct lj_value declare_input(struct lj_checker *c,
                                     const struct lj_statement *statement)
{
  struct lj_input input = {.name = statement->name, .dtype = (uint8_t)c->float_dtype};
  const lossjit_input *requested = requested_input(c, statement->name);
  bool good = true;
  double unused;

  if (statement->dtype_name)
    input.dtype =
        (uint8_t)lj_dtype_of_name(c, statement->dtype_name, statement->dtype_span);
  if (statement->size_count > LOSSJIT_MAX_RANK) {
    lj_report(c->diags, LJ_D_RANK_LIMIT, statement->span,
              lj_integer_text(c, statement->size_count),
              lj_integer_text(c, LOSSJIT_MAX_RANK));
    return lj_error_value;
  }
  input.rank = (uint8_t)statement->size_count;
  for (uint32_t axis = 0; axis < input.rank; axis++)
    good &= read_size(c, &statement->sizes[axis], axis, &input.shape[axis]);
  if (!good || input.dtype == LJ_NO_DTYPE) return lj_error_value;
  if (requested_parameter(c, statement->name, &unused)) {
    redeclared(c, statement);
    return lj_error_value;
  }
  if (requested && !merge_caller(c, statement, requested, &input)) return lj_error_value;
  return lj_node_value(add_input(c, &input, statement->name_span), NULL);
}

static struct lj_value declare_parameter(struct lj_checker *c,
                                         const struct lj_statement *statement)
{
  struct lj_value value = lj_eval(c, statement->value);
  double number = 0;
  bool is_number = value.kind == LJ_V_NODE && !lj_at(c, value.node)->rank &&
                   lj_constant_value(c, value.node, &number);

  if (statement->dtype_name &&
      lj_dtype_of_name(c, statement->dtype_name, statement->dtype_span) == LJ_NO_DTYPE)
    return lj_error_value;
  if (value.kind == LJ_V_ERROR) return lj_error_value;
  if (!is_number) {
    lj_report(c->diags, LJ_D_BAD_DEFAULT, statement->value->span, statement->name,
              "a number known when compiling");
    return lj_error_value;
  }
  if (requested_input(c, statement->name)) {
    struct lj_span nowhere = {0, 0, 0};
    lj_note(c->diags, redeclared(c, statement), nowhere,
            "the caller declares it as an input");
    return lj_error_value;
  }
  requested_parameter(c, statement->name, &number); /* the caller's default wins */
  c->graph->here = statement->name_span;
  return lj_node_value(lj_graph_parameter(c->graph, statement->name, number, LJ_ROLE_USER),
                       NULL);
}

static void declare(struct lj_checker *c, const struct lj_statement *statement)
{
  struct lj_scope *entry;
  struct lj_value value;

  if (declared_before(c, statement)) return;
  value = statement->value ? declare_parameter(c, statement) : declare_input(c, statement);
  entry = lj_bind(c, statement->name, value, statement->name_span);
  entry->declared = statement;
}

/* ---- statements ------------------------------------------------------------------------------ */

static void bind(struct lj_checker *c, const struct lj_statement *statement)
{
  struct lj_value value = lj_eval(c, statement->value);
  struct lj_scope *entry = lj_bind(c, statement->name, value, statement->name_span);

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
    if (strcmp(statement->name, kinds[i].word)) continue;
    c->result = kinds[i].result;
    return;
  }
  report = lj_report(c->diags, LJ_D_BAD_RESULT, statement->name_span, statement->name);
  near = lj_nearest(statement->name, words, LJ_COUNT(words));
  lj_fix(c->diags, report, statement->name_span, near, "it is one of sample, scalar, any");
}

struct lj_value lj_run(struct lj_checker *c, const struct lj_statement *statements,
                       uint32_t count, const struct lj_syntax *value)
{
  for (uint32_t i = 0; i < count; i++) {
    switch ((enum lj_statement_kind)statements[i].kind) {
    case LJ_STATEMENT_DECLARE: declare(c, &statements[i]); break;
    case LJ_STATEMENT_BIND: bind(c, &statements[i]); break;
    case LJ_STATEMENT_DEFINE: define(c, &statements[i]); break;
    case LJ_STATEMENT_RESULT: state_result(c, &statements[i]); break;
    }
  }
  return value ? lj_eval(c, value) : lj_error_value;
}

/* What the text has but does not use. The contract speaks of y_pred. */
static void warn_unused(struct lj_checker *c)
{
  for (const struct lj_scope *scope = c->scope; scope; scope = scope->next) {
    if (scope->used || scope->definition || scope->span.source) continue;
    if (scope->declared && strcmp(scope->name, "y_pred") != 0)
      lj_report(c->diags, LJ_D_UNUSED_DECLARATION, scope->span, scope->name);
    else if (scope->is_binding)
      lj_report(c->diags, LJ_D_UNUSED_BINDING, scope->span, scope->name);
  }
}

/* ---- rounds ------------------------------------------------------------------------------------ */

static enum lj_dtype text_float_dtype(const struct lj_checker *c)
{
  const lossjit_input *pred = requested_input(c, "y_pred");
  enum lj_dtype dtype = pred ? (enum lj_dtype)pred->dtype : LJ_NO_DTYPE;

  for (uint32_t i = 0; i < c->program->statement_count; i++) {
    const struct lj_statement *statement = &c->program->statements[i];
    if (statement->kind != LJ_STATEMENT_DECLARE || strcmp(statement->name, "y_pred") ||
        !statement->dtype_name)
      continue;
    if (!strcmp(statement->dtype_name, "f32")) dtype = LJ_F32;
    if (!strcmp(statement->dtype_name, "f64")) dtype = LJ_F64;
  }
  if (dtype == LJ_F32 || dtype == LJ_F64) return dtype;
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
  c->learning = c->conflict = c->exhausted = false;
  c->label_input = 0;
  c->fact_count = c->reduction_count = 0;
  c->result = c->request->result;
  c->result_span = (struct lj_span){0, 0, 0};
  if (prelude) lj_run(c, prelude->statements, prelude->statement_count, NULL);
  value = lj_run(c, c->program->statements, c->program->statement_count,
                 c->program->value);
  lj_contract(c, value, checked);
  if (diags->error_count == errors_before) warn_unused(c);
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
                         .step_limit = 2000000};
  uint32_t depth = request->depth_limit ? request->depth_limit : 256;

  c.depth_limit = depth * LJ_DEPTH_FACTOR;
  c.float_dtype = text_float_dtype(&c);
  for (uint32_t round = 0;; round++) {
    struct lj_learned before = copy_learned(&c);
    struct lj_diags scratch;
    lj_diags_init(&scratch, arena, diags->sources, diags->source_count);
    run_round(&c, &scratch, prelude, checked);
    if (c.learning && !c.conflict && !c.exhausted && round < LJ_ROUND_LIMIT) continue;
    if (scratch.count) { /* the same once more, for everybody to hear */
      c.learned = before;
      c.steps = 0;
      run_round(&c, diags, prelude, checked);
    }
    break;
  }
  if (!diags->error_count && program->value && !checked->value)
    lj_report(diags, LJ_D_TOO_LARGE, program->value->span,
              "too many sizes to find out one by one", lj_integer_text(&c, LJ_ROUND_LIMIT));
  if (diags->error_count) checked->value = 0;
  return diags->error_count == 0;
}
