/*
 * The passes between a checked graph and a plan. Each takes nodes of a graph and adds nodes
 * to the same graph (or fills another); none changes a node.
 *
 *   simplify   rules that keep every value: folding, identities, views of views
 *   grad       reverse-mode differentiation
 *   expand     composite row operators (mean, softmax, ...) by their definitions
 *   print      a graph as text of the language, which reads back to the same values
 *   evaluate   the f64 reference interpreter
 */
#ifndef LJ_PASSES_H
#define LJ_PASSES_H

#include "compiler/check.h"

/* ---- fold.c, simplify.c ---------------------------------------------------------- */

/* Called by graph.c for a node about to be made when graph->fold is set: an existing or new
 * node with the same value in every case IEEE distinguishes (x*0 is not 0), or 0 to go on.
 * The rules and the requirements for a new one open fold.c. */
lj_id lj_fold(struct lj_graph *graph, const struct lj_node *node);

/* Rebuild everything the roots need with folding on; roots are replaced. */
void lj_simplify(struct lj_graph *graph, lj_id *roots, uint32_t root_count);

/* ---- grad.c ---------------------------------------------------------------------- */

/* The adjoints of `wrt[0..count)` when the adjoint of `value` is `seed` (broadcastable to the
 * value's shape). adjoint[i] has exactly the shape and dtype of wrt[i]; 0 where no
 * differentiable path leads from wrt[i] to value. A rule that is missing is reported at the
 * node's span (LJ_D_NOT_DIFFERENTIABLE) and false returned. Guards of where() are applied
 * after products, so that the branch not taken gives neither NaN nor infinity. */
bool lj_grad(struct lj_graph *graph, struct lj_diags *diags, struct lj_rules *rules,
             lj_id value, lj_id seed, const lj_id *wrt, uint32_t count, lj_id *adjoint);

/* For the contract: does a differentiable path lead from `wrt` to `value`? If not, and wrt is
 * used at all, *killer is the node that ends the last path (round, a comparison, ...). */
bool lj_grad_reaches(const struct lj_graph *graph, lj_id value, lj_id wrt, bool *used,
                     lj_id *killer);

/* ---- expand.c -------------------------------------------------------------------- */

/* Replace composite and along-axis row operators under the roots by their expansions; split
 * reductions over the batch and inner axes into an inner and a batch reduction. */
void lj_expand(struct lj_graph *graph, struct lj_rules *rules, lj_id *roots,
               uint32_t root_count);

/* ---- print.c --------------------------------------------------------------------- */

/* Text of the language for `root`: declarations of its inputs and parameters (if asked for),
 * shared parts as bindings, the value last. Reading it again gives the same values. */
void lj_graph_print(struct lj_text *to, const struct lj_graph *graph, lj_id root,
                    bool with_declarations);

/* ---- evaluate.c ------------------------------------------------------------------ */

/* The reference interpreter: every node as a whole array of f64 (integers and bools too;
 * exact up to 2^53), straight from the rows' reference values. Slow and plain on purpose. */
struct lj_evaluation {
  const struct lj_graph *graph;
  int64_t batch;
  const double *const *inputs;     /* [graph->input_count], dense row-major; NULL if unused */
  const double *parameters;        /* [graph->parameter_count] */
  const int64_t *symbol_values;    /* [graph->symbol_count]; [LJ_SYMBOL_BATCH] = batch */
};

/* Values of `root`, dense row-major, in arena memory. An index out of range gives NULL and
 * sets *bad_sample to the flat position of the first bad index. */
const double *lj_evaluate(struct lj_arena *arena, const struct lj_evaluation *with,
                          lj_id root, int64_t *bad_sample);

/* Number of elements of a shape with these symbol values. */
int64_t lj_element_count(const struct lj_evaluation *with, uint32_t rank,
                         const struct lj_size *shape);

#endif
