/*
 * What the files of the differentiator share: guarded adjoints and what is done with
 * them.
 *
 *   grad.c           the sweep over the graph, the rules of the tables
 *   grad_adjoint.c   guards, sums of contributions, broadcast operands
 *   grad_view.c      adjoints of views, pads and gathers
 *   grad_reach.c     which nodes carry a derivative, and which need their guards kept
 */
#ifndef LJ_GRAD_H
#define LJ_GRAD_H

#include "compiler/passes.h"

/* The adjoint of a node is where(guard, value, 0), or just value if there is no
 * guard (0). Where the guard is false the value may be anything, infinities and NaN
 * included.
 *
 * Both may have fewer axes than the node and sizes of 1 where the node has more:
 * what repeats is not repeated before somebody needs it.
 *
 * A guard that came from a gather is true for exactly one index along one axis.
 * `chosen` is that axis, counted from the last as 1; 0 for every other guard. */
struct lj_adjoint {
  lj_id value, guard;
  uint32_t chosen;
};

struct lj_contribution {
  struct lj_adjoint adjoint;
  struct lj_contribution *next; /* of a later user */
};

struct lj_gradient {
  struct lj_graph *graph;
  struct lj_diags *diags;
  struct lj_rules *rules;
  const char *wanted; /* name of an input, for diagnostics */
  const bool *active; /* [id]: the adjoint is needed on the way to an input */
  const bool
      *touchy; /* [id]: rules further down make NaN of a zero adjoint: keep guards */
  struct lj_contribution **contributions; /* [id] */
  bool failed;
};

/* ---- grad_adjoint.c -------------------------------------------------------------- */

/* Move where(c, v, 0) and where(c, 0, v) at the root of the value into the guard. */
void lj_adjoint_split(struct lj_graph *graph, struct lj_adjoint *adjoint);
/* where(guard, value, 0) in `dtype`. */
lj_id lj_adjoint_apply(struct lj_graph *graph, struct lj_adjoint adjoint,
                       enum lj_dtype dtype);
/* Sum over `axes` of an array of this rank and shape, keeping them as size 1. A
 * guard that varies along them is applied before; `keep` asks for its any() as the
 * new guard. */
struct lj_adjoint lj_adjoint_sum(struct lj_graph *graph, struct lj_adjoint adjoint,
                                 enum lj_dtype dtype, uint32_t rank,
                                 const struct lj_size *shape, uint32_t axes, bool keep);
/* Add to the adjoint of operand i of `node` what has the shape of the node: the one
 * place where broadcast operands are reduced. */
void lj_adjoint_add(struct lj_gradient *gradient, const struct lj_node *node, int i,
                    struct lj_adjoint adjoint);
/* The same for what already has the operand's shape. */
void lj_adjoint_add_shaped(struct lj_gradient *gradient, lj_id operand,
                           struct lj_adjoint adjoint);
/* All contributions to `id` in one. */
struct lj_adjoint lj_adjoint_collect(struct lj_gradient *gradient, lj_id id);
/* Put an axis of size 1 into `id`, `after` axes from the end; an array with so few axes
 * repeats there anyway. */
lj_id lj_insert_axis(struct lj_graph *graph, lj_id id, uint32_t after);
/* Without leading axes of size 1: they repeat anyway, and a 1 should not meet the
 * batch. */
lj_id lj_without_leading_ones(struct lj_graph *graph, lj_id id);

/* ---- grad_view.c ----------------------------------------------------------------- */

void lj_grad_view(struct lj_gradient *gradient, const struct lj_node *node,
                  struct lj_adjoint adjoint);
void lj_grad_pad(struct lj_gradient *gradient, const struct lj_node *node,
                 struct lj_adjoint adjoint);
void lj_grad_gather(struct lj_gradient *gradient, const struct lj_node *node,
                    struct lj_adjoint adjoint);

/* ---- grad_reach.c ---------------------------------------------------------------- */

/* Does a derivative pass from the node to its operand i? */
bool lj_carries(const struct lj_graph *graph, const struct lj_node *node, int i);
bool *lj_active_nodes(const struct lj_graph *graph, lj_id value, const lj_id *wrt,
                      uint32_t count);
bool *lj_touchy_nodes(const struct lj_graph *graph, lj_id value, const bool *active);

#endif
