/*
 * Shapes that meet: NumPy's broadcasting, the batch rule, and sizes learned on the way.
 *
 * The batch is a dimension of its own. It meets only itself, a missing dimension, or a
 * 1 that the text made on purpose (None, keepdims); anything else would pair samples by
 * accident. A size that is a name may meet a number or another name: then that is what
 * it stands for from now on. The value being checked is given up without a word, the
 * rest of the text goes on (and may teach more), and the next round starts with what
 * was learned.
 */
#include "compiler/check_internal.h"

#include <string.h>

/* ---- what names of sizes stand for ----------------------------------------------- */

static struct lj_known_size *known_size(struct lj_checker *c, const char *name)
{
  for (uint32_t i = 0; i < c->learned.size_count; i++)
    if (!strcmp(c->learned.sizes[i].name, name))
      return &c->learned.sizes[i];
  return NULL;
}

/* `size` with everything known put in. Each step removes a name for good: a name is
 * only ever learned in terms of names that are not known yet. */
static struct lj_size settle(struct lj_checker *c, struct lj_size size)
{
  while (size.symbol) {
    const struct lj_known_size *known = known_size(c, c->graph->symbols[size.symbol]);
    struct lj_size inner = {0, 0, 0}, product;
    if (!known)
      break;
    inner = lj_size_number(known->offset);
    if (known->same_as) {
      inner.symbol = lj_graph_symbol(c->graph, known->same_as);
      inner.scale = known->scale;
    }
    if (!lj_size_times(inner, size.scale, &product))
      break;
    if (!lj_size_add(product, lj_size_number(size.offset), &size))
      break;
  }
  return size;
}

struct lj_size lj_named_size(struct lj_checker *c, const char *name)
{
  return settle(c, lj_size_symbol(lj_graph_symbol(c->graph, name)));
}

static void learn(struct lj_checker *c, struct lj_known_size known)
{
  LJ_GROW(c->arena, c->learned.sizes, c->learned.size_count, c->learned.size_capacity);
  c->learned.sizes[c->learned.size_count++] = known;
  c->learning = true;
}

static void report_conflict(struct lj_checker *c, const char *name, int64_t number,
                            struct lj_span span)
{
  const struct lj_known_size *known = known_size(c, name);
  struct lj_report *report =
      lj_report(c->diags, LJ_D_SIZE_CONFLICT, lj_place(c, span), name,
                lj_integer_text(c, known->offset), lj_integer_text(c, number));

  lj_note(c->diags, report, lj_place(c, known->span), "'%s' is %s because of this",
          name, lj_integer_text(c, known->offset));
  lj_trace(c, report, span);
  c->conflict = true;
}

bool lj_learn_number(struct lj_checker *c, const char *name, int64_t number,
                     struct lj_span span)
{
  struct lj_size now = lj_named_size(c, name);

  if (lj_size_is(now, number))
    return true;
  if (lj_size_is_number(now)) {
    report_conflict(c, name, number, span);
    return false;
  }
  if (now.scale != 1)
    return true; /* said in terms of another name: left to the shapes */
  learn(c, (struct lj_known_size){.name = c->graph->symbols[now.symbol],
                                  .offset = number - now.offset,
                                  .span = span});
  return true;
}

/* symbol*scale + offset = number, solved for the symbol. */
static bool learn_from_number(struct lj_checker *c, struct lj_size size, int64_t number,
                              struct lj_span span)
{
  int64_t rest;

  if (__builtin_sub_overflow(number, size.offset, &rest))
    return false;
  if (rest % size.scale || rest / size.scale < 1)
    return false;
  learn(c, (struct lj_known_size){.name = c->graph->symbols[size.symbol],
                                  .offset = rest / size.scale,
                                  .span = span});
  return true;
}

/* Two names meet: the later one is said in terms of the earlier one where that is
 * possible with whole numbers. */
static bool learn_from_name(struct lj_checker *c, struct lj_size a, struct lj_size b,
                            struct lj_span span)
{
  struct lj_size is, stands;
  int64_t apart;

  if (a.symbol == b.symbol)
    return false;
  is = a.symbol > b.symbol ? a : b;
  stands = a.symbol > b.symbol ? b : a;
  if (is.scale != 1) {
    struct lj_size swap = is;
    is = stands;
    stands = swap;
  }
  if (is.scale != 1)
    return false;
  if (__builtin_sub_overflow(stands.offset, is.offset, &apart))
    return false;
  learn(c, (struct lj_known_size){.name = c->graph->symbols[is.symbol],
                                  .same_as = c->graph->symbols[stands.symbol],
                                  .scale = stands.scale,
                                  .offset = apart,
                                  .span = span});
  return true;
}

bool lj_sizes_agree(struct lj_checker *c, struct lj_size a, struct lj_size b,
                    struct lj_span span, bool *pending)
{
  struct lj_size now_a = settle(c, a), now_b = settle(c, b);

  if (lj_size_equal(a, b))
    return true;
  *pending = false;
  if (lj_size_equal(now_a, now_b))
    return *pending = true; /* known since this round */
  if (lj_size_is_batch(now_a) || lj_size_is_batch(now_b))
    return false;
  if (lj_size_is_number(now_a) && lj_size_is_number(now_b)) {
    struct lj_size name = a.symbol ? a : b;
    if (!name.symbol)
      return false;
    int64_t other = a.symbol ? now_b.offset : now_a.offset;
    report_conflict(c, c->graph->symbols[name.symbol],
                    (other - name.offset) / (name.scale ? name.scale : 1), span);
    return *pending = true;
  }
  if (lj_size_is_number(now_b))
    *pending = learn_from_number(c, now_a, now_b.offset, span);
  else if (lj_size_is_number(now_a))
    *pending = learn_from_number(c, now_b, now_a.offset, span);
  else
    *pending = learn_from_name(c, now_a, now_b, span);
  return *pending;
}

/* ---- the batch ------------------------------------------------------------------- */

uint32_t lj_batch_axes(const struct lj_checker *c, lj_id node)
{
  uint32_t axes = 0;

  for (uint32_t axis = 0; axis < lj_at(c, node)->rank; axis++)
    if (lj_at(c, node)->shape[axis].symbol == LJ_SYMBOL_BATCH)
      axes |= 1u << axis;
  return axes;
}

lj_id lj_batch_first(struct lj_checker *c, lj_id node, const struct lj_syntax *at)
{
  if (c->trusted || !(lj_batch_axes(c, node) & ~1u))
    return node;
  lj_refuse(c, at->span, "pairing the samples of the batch with each other",
            "the batch has to stay the first dimension, and the only one of its kind");
  return 0;
}

static void note_operand(struct lj_checker *c, struct lj_report *report,
                         const struct lj_value *operand)
{
  const char *text = operand->syntax ? lj_source_text(c, operand->syntax) : NULL;

  if (!text || strlen(text) > 40)
    text = NULL;
  if (text)
    lj_note(c->diags, report, operand->syntax->span, "'%s' has shape %s", text,
            lj_shape_text(c, operand->node));
}

static uint32_t rank_of(struct lj_checker *c, const struct lj_value *value)
{
  return lj_at(c, value->node)->rank;
}

static struct lj_size last_size(struct lj_checker *c, const struct lj_value *value)
{
  const struct lj_node *node = lj_at(c, value->node);

  return node->rank ? node->shape[node->rank - 1] : lj_size_number(1);
}

/* Suggest `text` in place of `operand`, if it is the user's own text. */
static void fix_operand(struct lj_checker *c, struct lj_report *report,
                        const struct lj_value *operand, const char *index)
{
  const char *text = operand->syntax ? lj_primary_text(c, operand->syntax) : NULL;

  if (!text)
    return;
  lj_fix(c->diags, report, operand->syntax->span,
         lj_format(c->arena, "%s%s", text, index), "write %s%s", text, index);
}

/* w (2,) against (batch,): one weight per column where one per sample is needed. */
static bool fix_input(struct lj_checker *c, struct lj_report *report,
                      const struct lj_value *input)
{
  const char *text = input->syntax ? lj_source_text(c, input->syntax) : NULL;
  const char *size;

  if (lj_at(c, input->node)->op != LJ_OP_INPUT || !text)
    return false;
  size = lj_size_text(c, last_size(c, input));
  lj_fix(c->diags, report, input->syntax->span, NULL,
         "%s has %s elements and one per sample is needed: declare it [batch], or use "
         "it before the reduction, where there are %s columns",
         text, size, size);
  return true;
}

/* (batch,) against (batch, 1) or (batch, n): give the one without it a dimension,
 * or, where no reduction would take it away again, remove the 1. */
static void fix_batch(struct lj_checker *c, struct lj_report *report,
                      const struct lj_value *a, const struct lj_value *b)
{
  static const char *const widen[] = {"", "[:, None]", "[:, None, None]",
                                      "[:, None, None, None]"};
  const struct lj_value *low = rank_of(c, a) <= rank_of(c, b) ? a : b;
  const struct lj_value *high = low == a ? b : a;
  uint32_t missing = rank_of(c, high) - rank_of(c, low);

  if (rank_of(c, high) == 2 && missing == 1 && lj_size_is(last_size(c, high), 1) &&
      !c->reductions_around)
    fix_operand(c, report, high, "[:, 0]");
  else if (rank_of(c, low) == 1 && missing > 0 && missing < LJ_COUNT(widen))
    fix_operand(c, report, low, widen[missing]);
  else if (missing == 0 && rank_of(c, low) == 1 &&
           fix_input(c, report, lj_batch_axes(c, a->node) ? b : a))
    ;
  else if (missing == 0 && rank_of(c, low) == 1)
    fix_operand(c, report, lj_batch_axes(c, a->node) ? a : b, widen[1]);
  else if (missing == 0)
    fix_operand(c, report, lj_batch_axes(c, a->node) ? b : a, "[0]");
}

static bool refuse_batch(struct lj_checker *c, const struct lj_value *a,
                         const struct lj_value *b, struct lj_size met,
                         struct lj_span span)
{
  const char *what =
      lj_format(c->arena, "a dimension of size %s", lj_size_text(c, met));
  struct lj_report *report =
      lj_report(c->diags, LJ_D_BATCH_BROADCAST, lj_place(c, span),
                lj_shape_text(c, a->node), lj_shape_text(c, b->node), what);

  note_operand(c, report, a);
  note_operand(c, report, b);
  fix_batch(c, report, a, b);
  lj_trace(c, report, span);
  return false;
}

/* ---- broadcasting ---------------------------------------------------------------- */

/* Where a number in a shape comes from when it was not written there. */
static void note_learned(struct lj_checker *c, struct lj_report *report, int64_t number)
{
  for (uint32_t i = 0; i < c->learned.size_count; i++) {
    const struct lj_known_size *known = &c->learned.sizes[i];
    if (!known->same_as && known->offset == number && known->span.end)
      lj_note(c->diags, report, lj_place(c, known->span), "'%s' is %s because of this",
              known->name, lj_integer_text(c, number));
  }
}

static bool refuse_shapes(struct lj_checker *c, const struct lj_value *a,
                          const struct lj_value *b, struct lj_size in_a,
                          struct lj_size in_b, struct lj_span span)
{
  struct lj_report *report =
      lj_report(c->diags, LJ_D_SHAPE_MISMATCH, lj_place(c, span),
                lj_shape_text(c, a->node), lj_shape_text(c, b->node));
  const struct lj_value *list = lj_at(c, b->node)->op == LJ_OP_TABLE ? b : a;
  struct lj_size needed = list == b ? in_a : in_b, has = list == b ? in_b : in_a;

  note_operand(c, report, a);
  note_operand(c, report, b);
  if (lj_size_is_number(needed))
    note_learned(c, report, needed.offset);
  if (lj_at(c, list->node)->op == LJ_OP_TABLE && list->syntax)
    lj_fix(c->diags, report, lj_place(c, list->syntax->span), NULL,
           "the list has %s elements; %s are needed", lj_size_text(c, has),
           lj_size_text(c, needed));
  lj_trace(c, report, span);
  return false;
}

/* One aligned pair of sizes. *pending: fits, but only in the next round. */
static bool meet(struct lj_checker *c, const struct lj_value *a, uint32_t axis_a,
                 const struct lj_value *b, uint32_t axis_b, struct lj_span span,
                 bool *pending)
{
  struct lj_size in_a = lj_at(c, a->node)->shape[axis_a];
  struct lj_size in_b = lj_at(c, b->node)->shape[axis_b];
  bool batch_a = in_a.symbol == LJ_SYMBOL_BATCH,
       batch_b = in_b.symbol == LJ_SYMBOL_BATCH;
  bool later = false;

  if (lj_size_equal(in_a, in_b))
    return true;
  if (lj_size_is(in_a, 1) && (!batch_b || lj_fact_of(c, a->node)->meant >> axis_a & 1))
    return true;
  if (lj_size_is(in_b, 1) && (!batch_a || lj_fact_of(c, b->node)->meant >> axis_b & 1))
    return true;
  if (batch_a || batch_b)
    return refuse_batch(c, a, b, batch_a ? in_b : in_a, span);
  if (!lj_sizes_agree(c, in_a, in_b, span, &later))
    return refuse_shapes(c, a, b, in_a, in_b, span);
  *pending |= later;
  return true;
}

static bool pair_broadcasts(struct lj_checker *c, const struct lj_value *a,
                            const struct lj_value *b, struct lj_span span,
                            bool *pending)
{
  uint32_t rank_a = rank_of(c, a), rank_b = rank_of(c, b);
  uint32_t common = rank_a < rank_b ? rank_a : rank_b;

  for (uint32_t k = 1; k <= common; k++)
    if (!meet(c, a, rank_a - k, b, rank_b - k, span, pending))
      return false;
  return true;
}

bool lj_broadcasts(struct lj_checker *c, const struct lj_value *operands,
                   uint32_t count, const struct lj_syntax *at)
{
  bool pending = false;

  if (c->trusted)
    return true;
  for (uint32_t j = 1; j < count; j++)
    for (uint32_t i = 0; i < j; i++)
      if (!pair_broadcasts(c, &operands[i], &operands[j], at->span, &pending))
        return false;
  return !pending;
}
