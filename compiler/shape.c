/*
 * Sizes, shapes and dtypes: how they meet and how they print.
 *
 * A size is scale*symbol + offset. Two sizes are equal when they are the same form;
 * nothing here guesses that two different symbols might be equal. The batch rule (which
 * broadcasts are refused) is the checker's; lj_broadcast is plain NumPy.
 */
#include "compiler/graph.h"

#include <inttypes.h>

/* ---- dtypes ---------------------------------------------------------------------- */

/* One chain: each dtype yields to those after it. A weak float stands above the
 * integers, so that labels times 0.5 take the float dtype they meet next. */
static const uint8_t promotion_rank[] = {
    [LJ_BOOL] = 1,       [LJ_WEAK_INT] = 2, [LJ_I32] = 3, [LJ_I64] = 4,
    [LJ_WEAK_FLOAT] = 5, [LJ_F32] = 6,      [LJ_F64] = 7,
};

enum lj_dtype lj_promote(enum lj_dtype a, enum lj_dtype b)
{
  return promotion_rank[a] >= promotion_rank[b] ? a : b;
}

const char *lj_dtype_name(enum lj_dtype dtype)
{
  static const char *const names[] = {
      [LJ_NO_DTYPE] = "none",     [LJ_F32] = "f32",
      [LJ_F64] = "f64",           [LJ_I32] = "i32",
      [LJ_I64] = "i64",           [LJ_BOOL] = "bool",
      [LJ_WEAK_INT] = "weak int", [LJ_WEAK_FLOAT] = "weak float",
  };

  return names[dtype];
}

/* ---- sizes ----------------------------------------------------------------------- */

bool lj_size_add(struct lj_size a, struct lj_size b, struct lj_size *sum)
{
  *sum = lj_size_number(0);
  if (a.symbol && b.symbol && a.symbol != b.symbol)
    return false;
  if (__builtin_add_overflow(a.offset, b.offset, &sum->offset))
    return false;
  if (__builtin_add_overflow(a.scale, b.scale, &sum->scale))
    return false;
  if (sum->scale)
    sum->symbol = a.symbol ? a.symbol : b.symbol;
  return true;
}

bool lj_size_times(struct lj_size a, int64_t factor, struct lj_size *product)
{
  *product = lj_size_number(0);
  if (__builtin_mul_overflow(a.offset, factor, &product->offset))
    return false;
  if (__builtin_mul_overflow((int64_t)a.scale, factor, &product->scale))
    return false;
  if (product->scale)
    product->symbol = a.symbol;
  return true;
}

void lj_size_print(struct lj_text *to, const struct lj_graph *graph,
                   struct lj_size size)
{
  if (lj_size_is_number(size)) {
    lj_text_add(to, "%" PRId64, size.offset);
    return;
  }
  if (size.scale == -1)
    lj_text_add(to, "-");
  else if (size.scale != 1)
    lj_text_add(to, "%" PRId32 "*", size.scale);
  lj_text_add(to, "%s", graph->symbols[size.symbol]);
  if (size.offset)
    lj_text_add(to, "%+" PRId64, size.offset);
}

void lj_shape_print(struct lj_text *to, const struct lj_graph *graph, uint32_t rank,
                    const struct lj_size *shape)
{
  lj_text_add(to, "(");
  for (uint32_t axis = 0; axis < rank; axis++) {
    if (axis)
      lj_text_add(to, ", ");
    lj_size_print(to, graph, shape[axis]);
  }
  lj_text_add(to, rank == 1 ? ",)" : ")");
}

/* ---- broadcasting ---------------------------------------------------------------- */

bool lj_broadcast(uint32_t rank_a, const struct lj_size *a, uint32_t rank_b,
                  const struct lj_size *b, uint32_t *rank, struct lj_size *shape,
                  uint32_t *axis)
{
  uint32_t most = rank_a > rank_b ? rank_a : rank_b;

  *rank = most;
  for (uint32_t k = 0; k < most; k++) { /* k counts from the last axis */
    struct lj_size one = lj_size_number(1);
    struct lj_size in_a = k < rank_a ? a[rank_a - 1 - k] : one;
    struct lj_size in_b = k < rank_b ? b[rank_b - 1 - k] : one;
    if (!lj_size_equal(in_a, in_b) && !lj_size_is(in_a, 1) && !lj_size_is(in_b, 1)) {
      *axis = k;
      return false;
    }
    shape[most - 1 - k] = lj_size_is(in_a, 1) ? in_b : in_a;
  }
  return true;
}
