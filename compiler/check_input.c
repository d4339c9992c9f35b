/*
 * Inputs and parameters: declared in the text, declared by the caller, or taken for
 * granted.
 *
 * A name that the text does not bind or declare is looked for in this order: the
 * caller's declarations; y_pred and y_true; names of sizes (and pi, inf, nan, in
 * check_value.c). An input is made at its first appearance, which gives the order in
 * which calls pass them. Where text and caller declare the same name, they have to
 * agree.
 */
#include "compiler/check_internal.h"

#include <string.h>

/* ---- inputs ---------------------------------------------------------------------- */

const lossjit_input *lj_requested_input(const struct lj_checker *c, const char *name)
{
  for (uint32_t i = 0; c->request && i < c->request->input_count; i++)
    if (!strcmp(c->request->inputs[i].name, name))
      return &c->request->inputs[i];
  return NULL;
}

static bool requested_parameter(const struct lj_checker *c, const char *name,
                                double *value)
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
    if (!strcmp(c->graph->inputs[*index].name, name))
      return true;
  return false;
}

/* A size the caller left open: n for y_pred, else a name made from the input's. */
static struct lj_size open_size(struct lj_checker *c, const char *name, uint32_t axis,
                                uint32_t rank)
{
  if (!strcmp(name, "y_pred") && axis + 1 == rank)
    return lj_named_size(c, "n");
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
  const lossjit_input *pred = lj_requested_input(c, "y_pred");
  struct lj_input input = {.name = name, .dtype = (uint8_t)c->float_dtype, .rank = 2};
  uint32_t declared;

  input.shape[0] = lj_size_symbol(LJ_SYMBOL_BATCH);
  input.shape[1] = lj_named_size(c, "n");
  if (strcmp(name, "y_true") != 0)
    return input;
  if (find_input(c, "y_pred", &declared)) {
    input = c->graph->inputs[declared];
  } else if (pred) {
    input = caller_input(c, pred);
  }
  input.name = name;
  if (c->learned.label) {
    input.dtype = LJ_I64;
    if (input.rank > 1)
      input.rank--;
  }
  return input;
}

static lj_id add_input(struct lj_checker *c, struct lj_input *input,
                       struct lj_span span)
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
    if (!strcmp(c->graph->parameters[i].name, name))
      return c->graph->parameters[i].node;
  return lj_graph_parameter(c->graph, name, value, LJ_ROLE_USER);
}

static bool is_size_name(const struct lj_checker *c, const char *name)
{
  if (!strcmp(name, "batch"))
    return true;
  for (uint32_t i = 0; i < c->program->statement_count; i++) {
    const struct lj_statement *statement = &c->program->statements[i];
    for (uint32_t k = 0; k < statement->size_count; k++)
      if (statement->sizes[k].name && !strcmp(statement->sizes[k].name, name))
        return true;
  }
  return false;
}

bool lj_outer_name(struct lj_checker *c, const char *name,
                   const struct lj_syntax *syntax, struct lj_value *value)
{
  const lossjit_input *requested = lj_requested_input(c, name);
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
    if (!strcmp(name, "y_true"))
      c->label_input = value->node;
  } else if (is_size_name(c, name)) {
    *value = lj_node_value(lj_size_node(c->graph, lj_named_size(c, name)), syntax);
  } else {
    return false;
  }
  return true;
}

/* ---- declarations ---------------------------------------------------------------- */

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
    if (axis)
      why = "the batch is the first dimension";
  } else if (from->name) {
    *size = lj_named_size(c, from->name);
  } else {
    *size = lj_size_number(from->number);
    if (from->number < 1)
      why = "sizes are at least 1";
    if (from->number > most)
      why = "it is too large";
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
  if (input->rank)
    lj_text_add(&to, "]");
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
    if (from->sizes[axis] == LOSSJIT_ANY || lj_size_equal(*ours, other))
      continue;
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

static bool has_room(struct lj_checker *c, const struct lj_statement *statement)
{
  if (c->graph->input_count < LJ_INPUT_LIMIT)
    return true;
  lj_report(c->diags, LJ_D_TOO_LARGE, statement->name_span, "too many inputs",
            lj_integer_text(c, LJ_INPUT_LIMIT));
  return false;
}

static struct lj_value declare_input(struct lj_checker *c,
                                     const struct lj_statement *statement)
{
  struct lj_input input = {.name = statement->name, .dtype = (uint8_t)c->float_dtype};
  const lossjit_input *requested = lj_requested_input(c, statement->name);
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
  if (!good || input.dtype == LJ_NO_DTYPE)
    return lj_error_value;
  if (requested_parameter(c, statement->name, &unused)) {
    redeclared(c, statement);
    return lj_error_value;
  }
  if (requested && !merge_caller(c, statement, requested, &input))
    return lj_error_value;
  if (!has_room(c, statement))
    return lj_error_value;
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
  if (value.kind == LJ_V_ERROR)
    return lj_error_value;
  if (!is_number) {
    lj_report(c->diags, LJ_D_BAD_DEFAULT, statement->value->span, statement->name,
              "a number known when compiling");
    return lj_error_value;
  }
  if (lj_requested_input(c, statement->name)) {
    struct lj_span nowhere = {0, 0, 0};
    lj_note(c->diags, redeclared(c, statement), nowhere,
            "the caller declares it as an input");
    return lj_error_value;
  }
  requested_parameter(c, statement->name, &number); /* the caller's default wins */
  c->graph->here = statement->name_span;
  return lj_node_value(
      lj_graph_parameter(c->graph, statement->name, number, LJ_ROLE_USER), NULL);
}

void lj_declare(struct lj_checker *c, const struct lj_statement *statement)
{
  struct lj_scope *entry;
  struct lj_value value;

  if (declared_before(c, statement))
    return;
  value =
      statement->value ? declare_parameter(c, statement) : declare_input(c, statement);
  entry = lj_bind(c, statement->name, value, statement->name_span);
  entry->declared = statement;
}
