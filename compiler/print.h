/*
 * What the files of the printer share: making syntax from nodes.
 *
 *   print.c         declarations, bindings, the whole program
 *   print_syntax.c  forms, lists, numbers
 *   print_value.c   leaves, operators, reductions
 *   print_view.c    views, pads, gathers, sizes
 *
 * A node has a context: the dtype that its value will take anyway because of what it
 * meets, LJ_WEAK_FLOAT if it only has to be floating (the result), LJ_NO_DTYPE if
 * nothing settles it. In a context a constant needs no cast.
 */
#ifndef LJ_PRINT_H
#define LJ_PRINT_H

#include "compiler/passes.h"
#include "compiler/syntax.h"

struct lj_printer {
  const struct lj_graph *graph;
  struct lj_arena *arena;
  const bool *needed;     /* [id] */
  const char **names;     /* [id]: bound to this name; NULL: printed in place */
  bool *firm;             /* [id]: prints in its own dtype whatever the context is */
  enum lj_dtype *context; /* [id] */
  bool *declared;         /* [input]: has to be declared */
};

typedef struct lj_syntax lj_syntax;

/* ---- print_syntax.c -------------------------------------------------------------- */

lj_syntax *lj_print_new(struct lj_printer *p, enum lj_syntax_kind kind,
                        const char *name);
lj_syntax *lj_print_name(struct lj_printer *p, const char *name);
lj_syntax *lj_print_call(struct lj_printer *p, const char *function);
lj_syntax *lj_print_list(struct lj_printer *p);
lj_syntax *lj_print_unary(struct lj_printer *p, const char *op, lj_syntax *a);
lj_syntax *lj_print_binary(struct lj_printer *p, const char *op, lj_syntax *a,
                           lj_syntax *b);
/* One more child; `keyword` (or NULL) is that of an argument of a call. */
void lj_print_add(struct lj_printer *p, lj_syntax *to, const char *keyword,
                  lj_syntax *child);
lj_syntax *lj_print_integer(struct lj_printer *p, int64_t value);
lj_syntax *lj_print_float(struct lj_printer *p, double value);
/* A number of `dtype` among values of the context's. */
lj_syntax *lj_print_number(struct lj_printer *p, enum lj_dtype dtype,
                           enum lj_dtype context, double value);
/* Does a value of `dtype` need no cast in this context? */
bool lj_print_settles(enum lj_dtype context, enum lj_dtype dtype);
/* `value`, with a cast if nothing around it says that it is of this dtype. */
lj_syntax *lj_print_typed(struct lj_printer *p, enum lj_dtype dtype,
                          enum lj_dtype context, lj_syntax *value);

/* ---- print_value.c --------------------------------------------------------------- */

/* The node as syntax: its name if it is bound, else its form. */
lj_syntax *lj_print_node(struct lj_printer *p, lj_id id);
/* Its form, also if it is bound. */
lj_syntax *lj_print_form(struct lj_printer *p, lj_id id);
/* Fill in p->firm and p->context. */
void lj_print_settle(struct lj_printer *p, lj_id root);
/* axis=...: one axis, a list, or nothing for all of several. */
void lj_print_axes(struct lj_printer *p, lj_syntax *call, uint32_t axes, uint32_t rank);

/* ---- print_view.c ---------------------------------------------------------------- */

lj_syntax *lj_print_size(struct lj_printer *p, struct lj_size size);
lj_syntax *lj_print_view(struct lj_printer *p, const struct lj_node *node);
lj_syntax *lj_print_pad(struct lj_printer *p, const struct lj_node *node);

#endif
