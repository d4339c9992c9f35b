/*
 * Checking: from the syntax tree to a typed graph, or to diagnostics that teach.
 *
 * The checker expands definitions and prelude losses in place, gives every node its dtype
 * and shape, and holds the text to the contract of a loss: it uses y_pred, something
 * differentiable carries it to the result, the batch is the first dimension, and the result
 * is one value per sample unless another form was asked for. Nothing after this stage can
 * find a mistake in the text.
 *
 * Broadcasting is NumPy's but for the batch: it never meets a size of 1 or another size
 * unless the text says so with None. Sizes that are names are learned on the way: where n
 * meets 2, n is 2, and the text is checked again with what was learned.
 */
#ifndef LJ_CHECK_H
#define LJ_CHECK_H

#include "compiler/diag.h"
#include "compiler/graph.h"
#include "compiler/syntax.h"

/* What the caller knows: the parts of lossjit_compile_options that matter here, and sizes
 * fixed for one kernel. */
struct lj_request {
  const lossjit_input *inputs; /* declarations from the caller; may be NULL */
  uint32_t input_count;
  const char *const *parameter_names;
  const double *parameter_defaults;
  uint32_t parameter_count;
  const char *const *gradients; /* NULL: {"y_pred"} */
  uint32_t gradient_count;
  lossjit_result result;
  enum lj_dtype default_dtype; /* LJ_F32 unless said otherwise */
  bool no_gradient;
  uint32_t depth_limit, node_limit;
};

struct lj_checked {
  struct lj_graph graph;
  lj_id value;          /* the result; 0 after errors */
  lossjit_result result; /* after `result:` in the text */
  lj_id *wrt;           /* nodes of the inputs to differentiate by */
  uint32_t wrt_count;
  bool scalar_over_batch; /* the value has no batch axis */
};

/* Check `program` (and `prelude` behind it) into `checked`. False after errors, which are
 * in `diags`. Inputs come in order of first appearance in the text. */
bool lj_check(struct lj_arena *arena, struct lj_diags *diags,
              const struct lj_program *program, const struct lj_program *prelude,
              const struct lj_request *request, struct lj_checked *checked);

/* ---- text as a macro over nodes -------------------------------------------------- */

/* How grad.c and expand.c read the rules of the operator tables: evaluate `text` with these
 * names bound to nodes and `axis` to a set of axes of operand a (bits; all ones: unbound).
 * The text is ours, so a mistake in it is LJ_INTERNAL through the trap. Parsed rules are
 * kept in `rules`, which starts zeroed and belongs to one arena. */
struct lj_rule_binding {
  const char *name;
  lj_id node;
};

struct lj_rules {
  struct lj_arena *arena;
  struct lj_rule *first;
};

lj_id lj_rule_apply(struct lj_rules *rules, struct lj_graph *graph, const char *text,
                    const struct lj_rule_binding *bindings, uint32_t binding_count,
                    uint32_t axes);

#endif
