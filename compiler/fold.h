/*
 * The parts of the folder, each a family of rules; lj_fold (fold.c) asks them in turn.
 *
 * Every function takes a node that is about to be made, its operands already in the
 * graph, and returns a node with the same value, or 0 if none of its rules applies. The
 * requirements that a rule must meet open fold.c.
 */
#ifndef LJ_FOLD_H
#define LJ_FOLD_H

#include "compiler/passes.h"

/* fold_constant.c: operators over constants and tables. */
lj_id lj_fold_constant(struct lj_graph *graph, const struct lj_node *node);
lj_id lj_fold_pad(struct lj_graph *graph, const struct lj_node *node);

/* fold_sum.c: signs, sums, differences. */
lj_id lj_fold_sum(struct lj_graph *graph, const struct lj_node *node);

/* fold_product.c: products, quotients, powers. */
lj_id lj_fold_product(struct lj_graph *graph, const struct lj_node *node);

/* fold_truth.c: logical operators, where, casts. */
lj_id lj_fold_truth(struct lj_graph *graph, const struct lj_node *node);

/* fold_view.c: views of views, of tables, of operators. */
lj_id lj_fold_view(struct lj_graph *graph, const struct lj_node *node);
/* Axes along which a view repeats values: neither named by a read nor of size 1. */
uint32_t lj_repeated_axes(const struct lj_graph *graph, const struct lj_node *view);

/* fold_repeats.c: operators over operands that repeat. */
lj_id lj_fold_repeats(struct lj_graph *graph, const struct lj_node *node);

/* fold_pushed.c: what became of views of this node before, so that a view of a graph
 * with shared parts is moved through each part once; and how far views are moved at
 * a time. */
lj_id lj_pushed_find(const struct lj_graph *graph, const struct lj_node *view);
void lj_pushed_note(struct lj_graph *graph, const struct lj_node *view, lj_id result);
#define LJ_PUSH_LIMIT 64

/* fold_row.c: reductions and operators along axes. */
lj_id lj_fold_row(struct lj_graph *graph, const struct lj_node *node);

/* stable.c: the stability rewrites; the only rules that change values, and for the
 * better. */
lj_id lj_fold_stable(struct lj_graph *graph, const struct lj_node *node);

/* One of them: where it starts, and what it does, for people. The list ends with a
 * NULL. */
struct lj_stable_rewrite {
  enum lj_op op;
  lj_id (*apply)(struct lj_graph *graph, const struct lj_node *node);
  const char *name, *from, *to;
};
extern const struct lj_stable_rewrite lj_stable_rewrites[];

/* ---- patterns -------------------------------------------------------------------- */

static inline const struct lj_node *lj_operand(const struct lj_graph *graph,
                                               const struct lj_node *node, int i)
{
  return lj_node_at(graph, node->operand[i]);
}
static inline bool lj_is_op(const struct lj_graph *graph, lj_id id, enum lj_op op)
{
  return lj_node_at(graph, id)->op == op;
}
/* A constant scalar of exactly this value; 0 means +0. */
static inline bool lj_is_number(const struct lj_graph *graph, lj_id id, double value)
{
  const struct lj_node *node = lj_node_at(graph, id);

  return node->op == LJ_OP_CONSTANT && node->number == value &&
         __builtin_signbit(node->number) == __builtin_signbit(value);
}
/* A constant power of two of either sign, small enough that multiplying by a few of
 * them neither overflows nor underflows what the rest of the expression would not. */
bool lj_is_power_of_two(const struct lj_graph *graph, lj_id id, double *value);

/* Patterns look this deep into an expression. */
#define LJ_SPINE_LIMIT 8

/* The constant that a product begins with, and in a scalar also a quotient or a
 * longer product: 2 in 2*x, in 2/n*m. Elsewhere it is no use: to scale it there
 * would be to compute again what other users share. 0 if there is none. */
lj_id lj_leading_constant(const struct lj_graph *graph, lj_id id);
/* `id`, a constant or begun by one, with that constant times `factor`: a sign, or a
 * power of two, or anything if the constant is a power of two. */
lj_id lj_lead_scaled(struct lj_graph *graph, lj_id id, double factor);
lj_id lj_scaled(struct lj_graph *graph, lj_id constant, double factor);

/* Operand i is computed in the node's dtype. */
bool lj_operand_agrees(const struct lj_graph *graph, const struct lj_node *node, int i);
/* Or both are floating: signs and powers of two commute with every rounding, so it does
 * not matter in which of two floating dtypes they are applied. */
bool lj_moves_freely(const struct lj_graph *graph, const struct lj_node *node, int i);

/* Surely not below 0 and not -0 (but perhaps NaN); surely not 0. `depth`: pass 0. */
bool lj_is_nonnegative(const struct lj_graph *graph, lj_id id, int depth);
bool lj_is_never_zero(const struct lj_graph *graph, lj_id id, int depth);

/* `id` in the shape of `node`; 0 if the dtypes differ. */
lj_id lj_in_shape_of(struct lj_graph *graph, const struct lj_node *node, lj_id id);

bool lj_shape_equal(uint32_t rank_a, const struct lj_size *a, uint32_t rank_b,
                    const struct lj_size *b);

#endif
