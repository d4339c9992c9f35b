/*
 * What the files of the checker share.
 *
 *   check.c           rounds, statements, scopes
 *   check_input.c     inputs and parameters, declared by the text, the caller or nobody
 *   check_value.c     expressions: numbers, names, operators
 *   check_list.c      lists: tables, and values side by side
 *   check_call.c      calls: arguments to parameters, definitions expanded in place
 *   check_advice.c    what to write instead of what is said elsewhere
 *   check_function.c  functions that are neither operators nor definitions
 *   check_axes.c      reductions along axes and functions that move axes
 *   check_index.c     indexing
 *   check_shape.c     broadcasting, the batch rule, sizes that are learned
 *   check_fact.c      what is known about a node: constants, sizes, meant dimensions
 *   check_contract.c  what makes an expression a loss
 *   rule.c            the same evaluator over the rules of the operator tables
 *
 * Evaluating an expression gives a struct lj_value. LJ_V_ERROR says that the mistake
 * (or a size that has just been learned) was dealt with; it passes through everything
 * without another word.
 */
#ifndef LJ_CHECK_INTERNAL_H
#define LJ_CHECK_INTERNAL_H

#include "compiler/check.h"

/* Definitions within definitions, and nesting altogether as a multiple of the parser's
 * limit: together they bound the stack. */
#define LJ_CALL_LIMIT 64u
#define LJ_DEPTH_FACTOR 4u
#define LJ_ROUND_LIMIT 1000u

/* What nobody needs more of; they bound the time that lookups by name can take. */
#define LJ_STATEMENT_LIMIT 10000u
#define LJ_INPUT_LIMIT 256u

/* Advice costs a search through all names; diagnostics beyond this are not kept. */
#define LJ_ADVICE_LIMIT 20u

/* ---- values and scopes ----------------------------------------------------------- */

enum lj_value_kind {
  LJ_V_ERROR = 0, /* dealt with; say nothing more */
  LJ_V_ABSENT,    /* an argument that was not given */
  LJ_V_NODE,
  LJ_V_LIST, /* a list not yet made into an array: axes, shapes, vectors */
  LJ_V_NONE,
  LJ_V_TRUTH,
  LJ_V_SYNTAX /* an argument that is taken as written: the name of a dtype */
};

struct lj_value {
  uint8_t kind;
  bool truth;
  lj_id node;
  uint32_t count; /* items of a list */
  const struct lj_value *items;
  const struct lj_syntax *syntax; /* as written; NULL in rules' bindings */
};

struct lj_definition {
  const struct lj_statement *statement;
  struct lj_scope *scope; /* what stood before it */
};

/* One name; the list goes back in the text. Later entries shadow earlier ones;
 * values and definitions are looked up apart, so that `mean = mean(x)` works. */
struct lj_scope {
  const char *name;
  uint32_t hash; /* of the name */
  struct lj_value value;
  const struct lj_definition *definition; /* NULL: a value */
  const struct lj_statement *declared;    /* the declaration; NULL: bound */
  struct lj_span span;
  bool used;
  bool is_binding; /* a binding of the user's top level: worth a warning */
  struct lj_scope *next;
};

/* Definitions being expanded, innermost first. */
struct lj_frame {
  const struct lj_definition *definition;
  const struct lj_frame *outer;
};

/* ---- what is learned from round to round ----------------------------------------- */

/* What a size's name stands for: scale*same_as + offset, or just offset. */
struct lj_known_size {
  const char *name;
  const char *same_as; /* NULL: a number */
  int32_t scale;
  int64_t offset;
  struct lj_span span; /* where it was learned; empty: the caller said so */
};

struct lj_learned {
  struct lj_known_size *sizes;
  uint32_t size_count, size_capacity;
  bool label; /* the undeclared y_true is an index */
};

/* ---- facts and records ----------------------------------------------------------- */

struct lj_fact {
  bool is_constant; /* a scalar known when compiling */
  bool has_size;    /* an integer scalar of the form of a size */
  bool label;       /* depends on the undeclared y_true */
  uint8_t meant;    /* axes of size 1 that the text made on purpose, as bits */
  double constant;
  struct lj_size size;
};

/* A reduction as the text has it, for the contract's advice. */
struct lj_reduction {
  lj_id node, operand;
  const struct lj_syntax *syntax;
  bool has_axis;
  /* Within a prelude definition: the user's call of it, and the definition. */
  const struct lj_syntax *call;
  const struct lj_statement *of;
};

struct lj_checker {
  struct lj_arena *arena;
  struct lj_trap *trap;
  struct lj_diags *diags;
  struct lj_graph *graph;
  const struct lj_request *request; /* NULL in rules */
  const struct lj_program *program;
  enum lj_dtype float_dtype; /* of cast(x), one_hot(x, n) */
  bool trusted;              /* evaluating our own rule: no batch rule, no spans */

  struct lj_scope *scope;
  const struct lj_frame *frame;
  struct lj_span anchor; /* the user's call while a prelude definition is expanded */
  bool anchored;
  const struct lj_syntax *anchor_call;
  const struct lj_statement *anchor_of; /* that definition */

  struct lj_learned learned;
  bool learning;     /* something was learned in this round */
  bool conflict;     /* two numbers for one size: the last round */
  bool exhausted;    /* a limit was reached and reported */
  lj_id label_input; /* y_true if nobody declared it; 0 */

  uint32_t depth, depth_limit, calls;
  uint64_t steps, step_limit, hops; /* hops: entries of scopes looked at */
  uint32_t reductions_around;       /* reductions whose arguments are being evaluated */

  struct lj_fact *facts; /* [1 .. fact_count] */
  uint32_t fact_count, fact_capacity;
  struct lj_reduction *reductions;
  uint32_t reduction_count, reduction_capacity;
  lossjit_result result;
  struct lj_span result_span; /* of `result:`; empty if there is none */
};

static const struct lj_value lj_error_value = {.kind = LJ_V_ERROR};

static inline struct lj_value lj_node_value(lj_id node, const struct lj_syntax *syntax)
{
  return (struct lj_value){
      .kind = node ? LJ_V_NODE : LJ_V_ERROR, .node = node, .syntax = syntax};
}

static inline const struct lj_node *lj_at(const struct lj_checker *c, lj_id id)
{
  return lj_node_at(c->graph, id);
}

/* ---- reporting ------------------------------------------------------------------- */

/* Where to report what is wrong at `span`: there, or at the user's call if it lies
 * in the prelude; lj_trace then adds a note with the inner place. */
struct lj_span lj_place(const struct lj_checker *c, struct lj_span span);
void lj_trace(struct lj_checker *c, struct lj_report *report, struct lj_span span);

const char *lj_shape_text(const struct lj_checker *c, lj_id node);
const char *lj_size_text(const struct lj_checker *c, struct lj_size size);
const char *lj_integer_text(const struct lj_checker *c, int64_t value);
/* "f32 of shape (batch, 2)", "None", "a list" */
const char *lj_value_text(const struct lj_checker *c, const struct lj_value *value);
/* What the user wrote there; NULL for the prelude and for rules. */
const char *lj_source_text(const struct lj_checker *c, const struct lj_syntax *syntax);
/* The same, in parentheses where an index could not follow it. */
const char *lj_primary_text(const struct lj_checker *c, const struct lj_syntax *syntax);
struct lj_report *lj_refuse(struct lj_checker *c, struct lj_span span, const char *what,
                            const char *advice);

/* ---- check.c --------------------------------------------------------------------- */

/* The latest value, or definition, of this name; NULL if there is none. */
struct lj_scope *lj_find(struct lj_checker *c, const char *name, bool definition);
struct lj_scope *lj_bind(struct lj_checker *c, const char *name, struct lj_value value,
                         struct lj_span span);
/* The statements in order, then the value; ERROR if there is none. */
struct lj_value lj_run(struct lj_checker *c, const struct lj_statement *statements,
                       uint32_t count, const struct lj_syntax *value);
/* ---- check_input.c --------------------------------------------------------------- */

const lossjit_input *lj_requested_input(const struct lj_checker *c, const char *name);
void lj_declare(struct lj_checker *c, const struct lj_statement *statement);
/* The input or parameter with this name that the caller declared, or the undeclared
 * y_pred or y_true; made on first use. */
bool lj_outer_name(struct lj_checker *c, const char *name,
                   const struct lj_syntax *syntax, struct lj_value *value);

/* ---- check_value.c --------------------------------------------------------------- */

struct lj_value lj_eval(struct lj_checker *c, const struct lj_syntax *syntax);
/* Nodes that are made from now on belong to this part of the text. */
void lj_stand_at(struct lj_checker *c, const struct lj_syntax *at);
/* A value as a node: lists become tables. 0 after an error. */
lj_id lj_as_node(struct lj_checker *c, const struct lj_value *value, const char *what);
/* An elementwise operator over values, checked. */
struct lj_value lj_operate(struct lj_checker *c, enum lj_op op,
                           const struct lj_value *operands, const struct lj_syntax *at);
/* A whole number known when compiling; reports and returns false otherwise. */
bool lj_as_integer(struct lj_checker *c, const struct lj_value *value, const char *what,
                   int64_t *integer);
/* A size: a whole number or an expression of sizes. */
bool lj_as_size(struct lj_checker *c, const struct lj_value *value, const char *what,
                struct lj_size *size);

/* ---- check_list.c ---------------------------------------------------------------- */

/* More run-time values than this in one list were never meant. */
#define LJ_STACK_LIMIT 256

struct lj_value lj_eval_list(struct lj_checker *c, const struct lj_syntax *at);
/* A list with elements as a node; 0 after an error. */
lj_id lj_list_node(struct lj_checker *c, const struct lj_value *list);

/* ---- check_call.c ---------------------------------------------------------------- */

#define LJ_MAX_PARAMETERS 6

struct lj_function {
  const char *name;
  struct lj_value (*call)(struct lj_checker *c, const struct lj_function *function,
                          const struct lj_value *arguments, const struct lj_syntax *at);
  const char *parameters[LJ_MAX_PARAMETERS];
  uint8_t required;   /* the first ones */
  uint8_t as_written; /* bits: parameters that are not evaluated */
  uint8_t op;         /* enum lj_op, for operators */
};

struct lj_value lj_call(struct lj_checker *c, const struct lj_syntax *syntax);
/* The function with this name among operators and built-in ones; false if none. */
bool lj_function_named(const char *name, struct lj_function *function);
/* Names of all functions for the nearest-name advice; *count of them. */
const char *const *lj_function_names(struct lj_checker *c, size_t *count);
struct lj_value lj_bad_argument(struct lj_checker *c, const struct lj_syntax *at,
                                const struct lj_value *argument, const char *why);

/* ---- check_advice.c -------------------------------------------------------------- */

/* What to write for a function, keyword or name of another library; false: nothing. */
bool lj_advise_function(struct lj_checker *c, struct lj_report *report,
                        const struct lj_syntax *call);
/* A function that everybody knows and that this version has no way to compute. */
bool lj_refuse_known(struct lj_checker *c, const struct lj_syntax *at);
bool lj_advise_keyword(struct lj_checker *c, struct lj_report *report,
                       const struct lj_syntax *call, uint32_t argument,
                       const char *const *parameters, uint32_t count);
/* max(a, b) where maximum(a, b) is meant: reported, and true. */
bool lj_confuses_maximum(struct lj_checker *c, const struct lj_syntax *at,
                         const struct lj_value *arguments, lj_id x);
/* Warn of a statement of the user's that gives the name of a function to something
 * else. */
void lj_warn_shadowing(struct lj_checker *c, const struct lj_statement *statement);

/* ---- check_axes.c, check_function.c ---------------------------------------------- */

extern const struct lj_function lj_axis_functions[];
extern const size_t lj_axis_function_count;
extern const struct lj_function lj_other_functions[];
extern const size_t lj_other_function_count;

/* The dtype a name stands for; LJ_NO_DTYPE after a report. */
enum lj_dtype lj_dtype_of_name(struct lj_checker *c, const char *name,
                               struct lj_span span);
/* One axis of an array of `rank`, negative ones counted from the end. */
bool lj_as_axis(struct lj_checker *c, const struct lj_value *value, lj_id of,
                uint32_t rank, uint32_t *axis);
/* A number, a list, None (all axes): a bit set. */
bool lj_as_axes(struct lj_checker *c, const struct lj_value *value, lj_id of,
                uint32_t rank, uint32_t *axes);

/* ---- check_index.c --------------------------------------------------------------- */

struct lj_value lj_index(struct lj_checker *c, const struct lj_syntax *syntax);

/* ---- check_shape.c --------------------------------------------------------------- */

/* Do these operands broadcast by NumPy's rule and ours? Reports, or learns a size (then
 * the round will be repeated), and returns false otherwise. */
bool lj_broadcasts(struct lj_checker *c, const struct lj_value *operands,
                   uint32_t count, const struct lj_syntax *at);
/* Can `a` and `b` be the same size? If they only will be in the next round (or their
 * conflict was reported), *pending is set: give the value up without a word. */
bool lj_sizes_agree(struct lj_checker *c, struct lj_size a, struct lj_size b,
                    struct lj_span span, bool *pending);
/* A node whose batch axis, if any, is axis 0; otherwise refused and 0. */
lj_id lj_batch_first(struct lj_checker *c, lj_id node, const struct lj_syntax *at);
/* The axis that is the batch as a bit; 0 if there is none. */
uint32_t lj_batch_axes(const struct lj_checker *c, lj_id node);
/* What is known about the size called `name`, for this round. */
struct lj_size lj_named_size(struct lj_checker *c, const char *name);
/* Note that the size called `name` is this number or that other name. */
bool lj_learn_number(struct lj_checker *c, const char *name, int64_t number,
                     struct lj_span span);

/* ---- check_fact.c ---------------------------------------------------------------- */

const struct lj_fact *lj_fact_of(struct lj_checker *c, lj_id node);
bool lj_constant_value(struct lj_checker *c, lj_id node, double *value);

/* ---- check_contract.c ------------------------------------------------------------ */

void lj_contract(struct lj_checker *c, struct lj_value value,
                 struct lj_checked *checked);

#endif
