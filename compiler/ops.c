/*
 * The operator tables as data: one struct lj_op_info per operator.
 *
 * grammar/operators.def and grammar/row_operators.def are read here once for facts
 * (names, types, derivatives, reference values); every other stage asks lj_op_table.
 * The order of the table is that of enum lj_op, by designated index.
 */
#include "compiler/graph.h"
#include "compiler/reference.h"

#include <math.h>
#include <string.h>

#define OP(id, name, arity, type, reference, ...)                                      \
  static double reference_##id(double a, double b, double c)                           \
  {                                                                                    \
    (void)a, (void)b, (void)c;                                                         \
    return reference;                                                                  \
  }
#include "grammar/operators.def"

const struct lj_op_info lj_op_table[LJ_OP_COUNT] = {
    [LJ_OP_NONE] = {.name = "none"},
    [LJ_OP_INPUT] = {.name = "input"},
    [LJ_OP_PARAMETER] = {.name = "parameter"},
    [LJ_OP_CONSTANT] = {.name = "constant"},
    [LJ_OP_TABLE] = {.name = "table"},
    [LJ_OP_IOTA] = {.name = "arange"},
    [LJ_OP_SIZE] = {.name = "size"},
    [LJ_OP_VIEW] = {.name = "view", .arity = 1},
    [LJ_OP_PAD] = {.name = "pad", .arity = 1},
    [LJ_OP_GATHER] = {.name = "gather", .arity = 2},
#define OP(id, text, n, kind, value, lowering, where, flag, da, db, dc, show)          \
  [LJ_OP_##id] = {.name = text,                                                        \
                  .arity = n,                                                          \
                  .type = LJ_TYPE_##kind,                                              \
                  .domain = LJ_DOMAIN_##where,                                         \
                  .flags = LJ_FLAG_##flag,                                             \
                  .derivative = {da, db, dc},                                          \
                  .example = show,                                                     \
                  .reference = reference_##id},
#include "grammar/operators.def"
#define ROW_OP(id, text, row, kind, da, definition, show)                              \
  [LJ_OP_##id] = {.name = text,                                                        \
                  .arity = 1,                                                          \
                  .type = LJ_TYPE_##kind,                                              \
                  .row_kind = LJ_ROW_##row,                                            \
                  .derivative = {da, NULL, NULL},                                      \
                  .expansion = definition,                                             \
                  .example = show},
#include "grammar/row_operators.def"
};

enum lj_op lj_op_named(const char *name)
{
  for (int op = LJ_OP_FIRST_ELEMENTWISE; op < LJ_OP_COUNT; op++)
    if (!strcmp(lj_op_table[op].name, name))
      return (enum lj_op)op;
  return LJ_OP_NONE;
}
