/*
 * The rules of the operator tables, applied: text as a macro over nodes.
 *
 * A rule is a program of the language ("g*sign(a)", "e = exp(a); e/sum(e, ...)"). It is
 * parsed once per `struct lj_rules` and evaluated by the checker's evaluator with its
 * names bound to nodes, trusting its shapes: the batch rule is for people. Any mistake
 * in a rule is ours and leaves through the trap.
 */
#include "compiler/check_internal.h"

#include <string.h>

struct lj_rule {
  const char *text;
  struct lj_source source;
  struct lj_program *program;
  struct lj_rule *next;
};

static struct lj_rule *parse_rule(struct lj_rules *rules, const char *text)
{
  struct lj_rule *rule = LJ_NEW(rules->arena, struct lj_rule);
  struct lj_diags diags;

  rule->text = text;
  rule->source = (struct lj_source){"rule", text, strlen(text)};
  lj_diags_init(&diags, rules->arena, &rule->source, 1);
  rule->program = lj_parse(rules->arena, &diags, &rule->source, 0, 256, false);
  if (diags.error_count)
    lj_trap_fail(rules->arena->trap, LOSSJIT_INTERNAL, "cannot read the rule: %s",
                 text);
  rule->next = rules->first;
  return rules->first = rule;
}

static struct lj_rule *find_rule(struct lj_rules *rules, const char *text)
{
  for (struct lj_rule *rule = rules->first; rule; rule = rule->next)
    if (rule->text == text || !strcmp(rule->text, text))
      return rule;
  return parse_rule(rules, text);
}

static struct lj_value axes_value(struct lj_checker *c, uint32_t axes)
{
  struct lj_value *items = LJ_NEW_ARRAY(c->arena, struct lj_value, LOSSJIT_MAX_RANK);
  uint32_t count = 0;

  for (uint32_t axis = 0; axis < LOSSJIT_MAX_RANK; axis++)
    if (axes >> axis & 1)
      items[count++] = lj_node_value(lj_integer(c->graph, axis), NULL);
  return (struct lj_value){.kind = LJ_V_LIST, .count = count, .items = items};
}

/* What cast(x) means in a rule: the float type the operands meet in. */
static enum lj_dtype rule_float(const struct lj_graph *graph,
                                const struct lj_rule_binding *bindings, uint32_t count)
{
  enum lj_dtype meet = LJ_WEAK_FLOAT;

  for (uint32_t i = 0; i < count; i++) {
    enum lj_dtype dtype = (enum lj_dtype)lj_node_at(graph, bindings[i].node)->dtype;
    if (lj_dtype_is_float(dtype))
      meet = lj_promote(meet, dtype);
  }
  return meet;
}

lj_id lj_rule_apply(struct lj_rules *rules, struct lj_graph *graph, const char *text,
                    const struct lj_rule_binding *bindings, uint32_t binding_count,
                    uint32_t axes)
{
  struct lj_rule *rule = find_rule(rules, text);
  struct lj_span nowhere = {0, 0, 0};
  struct lj_diags diags;
  struct lj_checker c = {.arena = graph->arena,
                         .trap = graph->trap,
                         .diags = &diags,
                         .graph = graph,
                         .trusted = true,
                         .depth_limit = 256,
                         .step_limit = 10000};
  struct lj_value value;
  lj_id node;

  lj_diags_init(&diags, graph->arena, &rule->source, 1);
  c.float_dtype = rule_float(graph, bindings, binding_count);
  for (uint32_t i = 0; i < binding_count; i++)
    lj_bind(&c, bindings[i].name, lj_node_value(bindings[i].node, NULL), nowhere);
  if (axes != UINT32_MAX)
    lj_bind(&c, "axis", axes_value(&c, axes), nowhere);
  value = lj_run(&c, rule->program->statements, rule->program->statement_count,
                 rule->program->value);
  node = lj_as_node(&c, &value, "a rule");
  if (!node || diags.error_count)
    lj_trap_fail(graph->trap, LOSSJIT_INTERNAL, "the rule does not apply: %s", text);
  return node;
}
