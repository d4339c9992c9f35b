/*
 * The graph: typed, hash-consed nodes with sizes that may be names.
 *
 * A node is a 32-bit id; operands have smaller ids than their users, so the order of ids is
 * topological. Making the same node twice gives the same id. Nodes never change. A graph
 * lives in its compile's arena.
 *
 * Six families of nodes:
 *   leaves     INPUT PARAMETER CONSTANT TABLE IOTA SIZE
 *   elementwise operators  rows of grammar/operators.def; operands broadcast as in NumPy,
 *              aligned at the last axis; a size of 1 (or a missing axis) repeats
 *   row operators          rows of grammar/row_operators.def, with a set of axes
 *   VIEW       an affine reading of its operand: newaxis, slice, integer index, transpose,
 *              flip, broadcast_to and their compositions, in one form (struct lj_view)
 *   PAD        the adjoint of VIEW's slices: zeros around and between
 *   GATHER     x[..., index, ...] along one axis, one index per remaining element
 *
 * Values of integer and float literals, of parameters and of sizes are *weak*: they take
 * the dtype of what they meet, and are computed among themselves in f64 (i64).
 *
 * Conversions between dtypes are not nodes. An elementwise node's operands may have other
 * dtypes than its own; whoever computes it first converts each operand to the node's dtype
 * (for COMPARE rows, to lj_promote of the operands; for TEST rows, not at all; the first
 * operand of where is bool). Row operators convert their operand to the node's dtype.
 */
#ifndef LJ_GRAPH_H
#define LJ_GRAPH_H

#include "compiler/base.h"

/* ---- sizes ----------------------------------------------------------------------- */

/* A size is scale*symbol + offset; symbol 0 stands for a plain number (scale 0). */
struct lj_size {
  int64_t offset;
  int32_t scale;
  uint32_t symbol;
};

#define LJ_SYMBOL_NONE 0u
#define LJ_SYMBOL_BATCH 1u

static inline struct lj_size lj_size_number(int64_t n)
{
  return (struct lj_size){n, 0, LJ_SYMBOL_NONE};
}
static inline struct lj_size lj_size_symbol(uint32_t symbol)
{
  return (struct lj_size){0, 1, symbol};
}
static inline bool lj_size_is_number(struct lj_size s) { return s.symbol == 0; }
static inline bool lj_size_is(struct lj_size s, int64_t n)
{
  return s.symbol == 0 && s.offset == n;
}
static inline bool lj_size_equal(struct lj_size a, struct lj_size b)
{
  return a.offset == b.offset && a.scale == b.scale && a.symbol == b.symbol;
}
static inline bool lj_size_is_batch(struct lj_size s)
{
  return s.symbol == LJ_SYMBOL_BATCH && s.scale == 1 && s.offset == 0;
}

/* False if the sum or product is not of this form (two symbols, overflow). */
bool lj_size_add(struct lj_size a, struct lj_size b, struct lj_size *sum);
bool lj_size_times(struct lj_size a, int64_t factor, struct lj_size *product);

/* ---- dtypes ---------------------------------------------------------------------- */

enum lj_dtype {
  LJ_NO_DTYPE = 0,
  LJ_F32 = LOSSJIT_F32,
  LJ_F64 = LOSSJIT_F64,
  LJ_I32 = LOSSJIT_I32,
  LJ_I64 = LOSSJIT_I64,
  LJ_BOOL = LOSSJIT_BOOL,
  LJ_WEAK_INT,  /* literals without a point, sizes */
  LJ_WEAK_FLOAT /* literals with one, parameters, pi */
};

/* "f32", "weak int", ... */
const char *lj_dtype_name(enum lj_dtype dtype);
static inline bool lj_dtype_is_float(enum lj_dtype d)
{
  return d == LJ_F32 || d == LJ_F64 || d == LJ_WEAK_FLOAT;
}
static inline bool lj_dtype_is_integer(enum lj_dtype d)
{
  return d == LJ_I32 || d == LJ_I64 || d == LJ_WEAK_INT;
}
static inline bool lj_dtype_is_weak(enum lj_dtype d)
{
  return d == LJ_WEAK_INT || d == LJ_WEAK_FLOAT;
}
/* The dtype in which two values meet. Weak yields to strong of its kind or above; an
 * integer yields to a float, whatever their widths; bool yields to everything. */
enum lj_dtype lj_promote(enum lj_dtype a, enum lj_dtype b);

/* ---- operators ------------------------------------------------------------------- */

enum lj_op {
  LJ_OP_NONE = 0,
  LJ_OP_INPUT,
  LJ_OP_PARAMETER,
  LJ_OP_CONSTANT,
  LJ_OP_TABLE,
  LJ_OP_IOTA,
  LJ_OP_SIZE,
  LJ_OP_VIEW,
  LJ_OP_PAD,
  LJ_OP_GATHER,
  LJ_OP_FIRST_ELEMENTWISE, /* rows follow in the table's order */
  LJ_OP_ELEMENTWISE_BASE = LJ_OP_FIRST_ELEMENTWISE - 1,
#define OP(id, ...) LJ_OP_##id,
#include "grammar/operators.def"
  LJ_OP_FIRST_ROW,
  LJ_OP_ROW_BASE = LJ_OP_FIRST_ROW - 1,
#define ROW_OP(id, ...) LJ_OP_##id,
#include "grammar/row_operators.def"
  LJ_OP_COUNT
};

enum lj_op_type {
  LJ_TYPE_NUMBER,
  LJ_TYPE_FLOAT,
  LJ_TYPE_COMPARE,
  LJ_TYPE_LOGICAL,
  LJ_TYPE_TEST,
  LJ_TYPE_CHOICE,
  LJ_TYPE_CAST
};

enum lj_row_kind { LJ_ROW_NONE = 0, LJ_ROW_FOLD, LJ_ROW_COMPOSITE, LJ_ROW_ALONG };

enum lj_domain {
  LJ_DOMAIN_REAL,
  LJ_DOMAIN_POSITIVE,
  LJ_DOMAIN_UNIT,
  LJ_DOMAIN_ABOVE_MINUS_ONE,
  LJ_DOMAIN_NONZERO,
  LJ_DOMAIN_TRUTH,
  LJ_DOMAIN_BASE,
  LJ_DOMAIN_CHOOSE,
  LJ_DOMAIN_RANGE,
  LJ_DOMAIN_SHARE
};

#define LJ_FLAG_NONE 0u
#define LJ_FLAG_SINGULAR 1u
#define LJ_FLAG_COMMUTES 2u

/* A derivative that exists but has no rule yet: refused by name. */
#define LJ_NO_RULE "?"

/* The facts of a row, for stages that work on any operator. */
struct lj_op_info {
  const char *name;   /* "add"; structural operators have a name too ("input") */
  uint8_t arity;      /* operands of an elementwise or row operator */
  uint8_t type;       /* enum lj_op_type */
  uint8_t row_kind;   /* enum lj_row_kind; 0 for everything else */
  uint8_t domain;     /* enum lj_domain */
  uint8_t flags;
  const char *derivative[3]; /* NULL: none */
  const char *expansion;     /* row operators */
  const char *example;
  double (*reference)(double a, double b, double c); /* elementwise */
};

extern const struct lj_op_info lj_op_table[LJ_OP_COUNT];

static inline bool lj_op_is_elementwise(enum lj_op op)
{
  return op >= LJ_OP_FIRST_ELEMENTWISE && op < LJ_OP_FIRST_ROW;
}
static inline bool lj_op_is_row(enum lj_op op) { return op >= LJ_OP_FIRST_ROW; }
/* Row operators that lose their axes. */
static inline bool lj_op_is_reduction(enum lj_op op)
{
  return lj_op_is_row(op) && lj_op_table[op].row_kind != LJ_ROW_ALONG;
}
/* The elementwise or row operator with this name; LJ_OP_NONE if there is none. */
enum lj_op lj_op_named(const char *name);

/* ---- nodes ----------------------------------------------------------------------- */

typedef uint32_t lj_id; /* index of a node; 0 is no node */

/* How a VIEW reads axis k of its operand: index = start + step*(index along `axis` of the
 * view), or just start where axis < 0. Axes of the view that no operand axis names repeat
 * the values. A PAD is the converse: element i along axis k of its operand stands at
 * start + step*i along axis k of the PAD, every other element is zero (axis is k). */
struct lj_read {
  struct lj_size start;
  int64_t step;
  int32_t axis;
};

struct lj_node {
  uint8_t op;    /* enum lj_op */
  uint8_t dtype; /* enum lj_dtype */
  uint8_t rank;
  uint8_t operand_count;
  lj_id operand[3];
  const struct lj_size *shape; /* [rank] */
  struct lj_span span;         /* of the text it was first made for */
  /* by op: */
  uint32_t index;    /* INPUT, PARAMETER: number in the graph's list */
  uint32_t axes;     /* row operators: bit set of operand axes;  GATHER: the axis of
                        operand 0 (a number);  IOTA: 0 */
  double number;     /* CONSTANT */
  struct lj_size size;         /* SIZE */
  const double *table;         /* TABLE: row-major values */
  const struct lj_read *reads; /* VIEW, PAD: [rank of operand 0] */
};

enum lj_role {
  LJ_ROLE_USER = 0, /* declared or used in the text */
  LJ_ROLE_SEED,     /* parameter: factor on every adjoint (1/denominator) */
  LJ_ROLE_WEIGHT,   /* input: sample or element weights */
  LJ_ROLE_ADJOINT   /* input: incoming adjoint of the result */
};

struct lj_input {
  const char *name;
  uint8_t dtype, rank, role;
  struct lj_size shape[LOSSJIT_MAX_RANK];
  lj_id node;
  struct lj_span span; /* declaration or first use */
};

struct lj_parameter {
  const char *name;
  double value; /* default */
  uint8_t role;
  lj_id node;
};

struct lj_graph {
  struct lj_arena *arena;
  struct lj_trap *trap;
  struct lj_node *nodes; /* [1 .. node_count] */
  uint32_t node_count, node_capacity, node_limit;
  uint32_t *buckets; /* hash table of ids */
  uint32_t bucket_count;
  bool fold; /* apply the rules of fold.c to every node that is made */
  struct lj_input *inputs;
  uint32_t input_count, input_capacity;
  struct lj_parameter *parameters;
  uint32_t parameter_count, parameter_capacity;
  const char **symbols; /* names of sizes; [0] unused, [1] "batch" */
  uint32_t symbol_count, symbol_capacity;
  struct lj_span here; /* given to nodes that are made */
  struct lj_pushed *pushed; /* fold_pushed.c: where views have been moved to */
  uint32_t push_depth;
};

void lj_graph_init(struct lj_graph *graph, struct lj_arena *arena, uint32_t node_limit);

static inline const struct lj_node *lj_node_at(const struct lj_graph *graph, lj_id id)
{
  return &graph->nodes[id];
}

/* The one door: the node equal to `node` in everything but its span, folded if the graph
 * folds, added if it is new. Its arrays are copied. Called by the constructors below. */
lj_id lj_graph_make(struct lj_graph *graph, const struct lj_node *node);

/* ---- making nodes: all arguments are already checked; LJ_CHECK guards the invariants  */

uint32_t lj_graph_symbol(struct lj_graph *graph, const char *name); /* finds or adds */
lj_id lj_graph_input(struct lj_graph *graph, const struct lj_input *input);
lj_id lj_graph_parameter(struct lj_graph *graph, const char *name, double value,
                         enum lj_role role);
lj_id lj_number(struct lj_graph *graph, double value);    /* weak float */
lj_id lj_integer(struct lj_graph *graph, int64_t value);  /* weak int */
lj_id lj_truth(struct lj_graph *graph, bool value);       /* bool */
/* A constant of a given dtype. */
lj_id lj_constant(struct lj_graph *graph, enum lj_dtype dtype, double value);
lj_id lj_table(struct lj_graph *graph, enum lj_dtype dtype, uint32_t rank,
               const struct lj_size *shape, const double *values);
lj_id lj_iota(struct lj_graph *graph, struct lj_size size);     /* 0, 1, ... weak int */
lj_id lj_size_node(struct lj_graph *graph, struct lj_size size); /* weak int scalar */

lj_id lj_apply(struct lj_graph *graph, enum lj_op op, lj_id a, lj_id b, lj_id c);
#define lj_apply1(graph, op, a) lj_apply((graph), (op), (a), 0, 0)
#define lj_apply2(graph, op, a, b) lj_apply((graph), (op), (a), (b), 0)
lj_id lj_cast(struct lj_graph *graph, enum lj_dtype dtype, lj_id a);
/* `axes` is a bit set over the operand's axes; an empty set gives the operand itself for
 * FOLD and COMPOSITE rows. */
lj_id lj_row(struct lj_graph *graph, enum lj_op op, lj_id a, uint32_t axes);
lj_id lj_view(struct lj_graph *graph, lj_id a, uint32_t rank, const struct lj_size *shape,
              const struct lj_read *reads);
lj_id lj_pad(struct lj_graph *graph, lj_id a, const struct lj_size *shape,
             const struct lj_read *reads);
lj_id lj_gather(struct lj_graph *graph, lj_id a, lj_id index, uint32_t axis);

/* Common views. */
lj_id lj_expand_dims(struct lj_graph *graph, lj_id a, uint32_t axes); /* bits in the result */
lj_id lj_squeeze(struct lj_graph *graph, lj_id a, uint32_t axes);     /* sizes must be 1 */
lj_id lj_broadcast_to(struct lj_graph *graph, lj_id a, uint32_t rank,
                      const struct lj_size *shape);

/* The same node over other operands (same dtypes and shapes up to broadcasting): how
 * passes rebuild a graph. */
lj_id lj_rebuild(struct lj_graph *graph, const struct lj_node *like, const lj_id operand[3]);

/* The shape two shapes broadcast to; false if they do not (then *axis is the offending
 * axis counted from the end, 0 the last). A size of exactly 1 repeats. */
bool lj_broadcast(uint32_t rank_a, const struct lj_size *a, uint32_t rank_b,
                  const struct lj_size *b, uint32_t *rank, struct lj_size *shape,
                  uint32_t *axis);

/* The value of a node that is a constant scalar of any dtype. */
bool lj_is_constant(const struct lj_graph *graph, lj_id id, double *value);

/* ---- text ------------------------------------------------------------------------ */

void lj_size_print(struct lj_text *to, const struct lj_graph *graph, struct lj_size size);
/* "(batch, 2)", "(batch,)", "()" */
void lj_shape_print(struct lj_text *to, const struct lj_graph *graph, uint32_t rank,
                    const struct lj_size *shape);
/* One node per line, with type, shape and operands. */
void lj_graph_dump(struct lj_text *to, const struct lj_graph *graph, const lj_id *roots,
                   uint32_t root_count);

#endif
