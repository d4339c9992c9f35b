/*
 * The table of foreign spellings, and the rewriting of trees by it.
 *
 * A rewritten call that is more than a call of another name (dot(a, b) is sum(a*b,
 * axis=-1)) stands in the new tree as a name with that text: the tree is only made to be
 * printed. Texts that are not a primary have their parentheses in the table.
 */
#include "compiler/parse_foreign.h"

#include <string.h>

/* clang-format off */
static const struct foreign {
  uint8_t use;
  const char *spelling, *ours;
} table[] = {
#define FUNCTION(spelling, ours) {LJ_FOREIGN_FUNCTION, spelling, ours},
#define KEYWORD(spelling, ours) {LJ_FOREIGN_KEYWORD, spelling, ours},
#define VALUE(spelling, ours) {LJ_FOREIGN_VALUE, spelling, ours},
    /* losses */
    FUNCTION("MSE", "mean_squared_error")
    FUNCTION("MAE", "mean_absolute_error")
    FUNCTION("rmse", "sqrt(mean_squared_error(%1, %2))")
    FUNCTION("quantile_loss", "pinball")
    FUNCTION("kullback_leibler_divergence", "kl_divergence")
    FUNCTION("bce", "binary_crossentropy")
    FUNCTION("log_loss", "binary_crossentropy")
    /* reductions */
    FUNCTION("amax", "max")
    FUNCTION("amin", "min")
    FUNCTION("average", "mean")
    FUNCTION("reduce_sum", "sum")
    FUNCTION("reduce_mean", "mean")
    FUNCTION("reduce_max", "max")
    FUNCTION("reduce_min", "min")
    FUNCTION("reduce_prod", "prod")
    FUNCTION("reduce_any", "any")
    FUNCTION("reduce_all", "all")
    FUNCTION("reduce_logsumexp", "logsumexp")
    FUNCTION("reduce_std", "std")
    FUNCTION("reduce_variance", "var")
    FUNCTION("len", "shape(%1)[0]")
    FUNCTION("dot", "sum($1*$2, axis=-1)")
    FUNCTION("vdot", "sum($1*$2, axis=-1)")
    FUNCTION("inner", "sum($1*$2, axis=-1)")
    /* element by element */
    FUNCTION("pow", "power")
    FUNCTION("clamp", "clip")
    FUNCTION("clip_by_value", "clip")
    FUNCTION("absolute", "abs")
    FUNCTION("fabs", "abs")
    FUNCTION("fmax", "maximum")
    FUNCTION("fmin", "minimum")
    FUNCTION("sgn", "sign")
    FUNCTION("ln", "log")
    FUNCTION("sqr", "square")
    FUNCTION("rsqrt", "(1/sqrt(%1))")
    FUNCTION("reciprocal", "(1/$1)")
    FUNCTION("sub", "subtract")
    FUNCTION("mul", "multiply")
    FUNCTION("div", "divide")
    FUNCTION("true_divide", "divide")
    FUNCTION("truediv", "divide")
    FUNCTION("floor_divide", "floor($1/$2)")
    FUNCTION("neg", "negative")
    FUNCTION("squared_difference", "square($1 - $2)")
    FUNCTION("logsoftmax", "log_softmax")
    FUNCTION("expit", "sigmoid")
    FUNCTION("logit", "log($1/(1 - $1))")
    FUNCTION("gammaln", "lgamma")
    FUNCTION("select", "where")
    FUNCTION("is_nan", "isnan")
    FUNCTION("unsqueeze", "expand_dims")
    FUNCTION("detach", "stop_gradient")
    FUNCTION("float", "cast(%1)")
    FUNCTION("double", "cast(%1, f64)")
    FUNCTION("long", "cast(%1, i64)")
    FUNCTION("epsilon", "1e-7")
    /* arguments by name */
    KEYWORD("dim", "axis")
    KEYWORD("reduction_indices", "axis")
    KEYWORD("keepdim", "keepdims")
    KEYWORD("keep_dims", "keepdims")
    /* types and values */
    VALUE("float32", "f32")
    VALUE("float64", "f64")
    VALUE("double", "f64")
    VALUE("int32", "i32")
    VALUE("int64", "i64")
    VALUE("int", "i64")
    VALUE("long", "i64")
    VALUE("boolean", "bool")
    VALUE("bool_", "bool")
    VALUE("newaxis", "None")
    VALUE("infty", "inf")
#undef FUNCTION
#undef KEYWORD
#undef VALUE
};
/* clang-format on */

const char *lj_foreign(enum lj_foreign_use use, const char *spelling)
{
  for (size_t i = 0; i < LJ_COUNT(table); i++)
    if (table[i].use == use && !strcmp(table[i].spelling, spelling))
      return table[i].ours;
  return NULL;
}

bool lj_foreign_is_text(const char *ours)
{
  return strpbrk(ours, "(%") != NULL || *ours == '1';
}

/* ---- what a call needs ----------------------------------------------------------- */

/* The bounds of clip, by the names that clamp has for them. */
static const char *clip_keyword(const struct lj_syntax *call, const char *keyword)
{
  if (strcmp(call->name, "clamp") != 0 && strcmp(call->name, "clip") != 0 &&
      strcmp(call->name, "clip_by_value") != 0)
    return NULL;
  if (!strcmp(keyword, "min") || !strcmp(keyword, "clip_value_min"))
    return "a_min";
  return !strcmp(keyword, "max") || !strcmp(keyword, "clip_value_max") ? "a_max" : NULL;
}

/* What this keyword is called here; "" if it has to go, NULL if it is ours. A function
 * with PyTorch's name in front has PyTorch's arguments. */
static const char *keyword_of(const struct lj_syntax *call, uint32_t i)
{
  const char *keyword = call->keywords ? call->keywords[i] : NULL;
  const char *bound;

  if (!keyword || !strncmp(call->name, "torch_", 6))
    return NULL;
  if (!strcmp(keyword, "reduction"))
    return ""; /* the caller chooses it, call by call */
  bound = clip_keyword(call, keyword);
  return bound ? bound : lj_foreign(LJ_FOREIGN_KEYWORD, keyword);
}

static bool has_foreign_keyword(const struct lj_syntax *call)
{
  for (uint32_t i = 0; i < call->child_count; i++)
    if (keyword_of(call, i))
      return true;
  return false;
}

bool lj_foreign_changes(const struct lj_syntax *node)
{
  if (node->kind == LJ_S_NAME)
    return lj_foreign(LJ_FOREIGN_VALUE, node->name) != NULL;
  return node->kind == LJ_S_CALL &&
         (lj_foreign(LJ_FOREIGN_FUNCTION, node->name) || has_foreign_keyword(node));
}

const char *lj_foreign_name(const struct lj_syntax *node)
{
  const char *ours;

  if (node->kind != LJ_S_CALL || has_foreign_keyword(node))
    return NULL;
  ours = lj_foreign(LJ_FOREIGN_FUNCTION, node->name);
  return ours && !lj_foreign_is_text(ours) ? ours : NULL;
}

/* ---- trees ----------------------------------------------------------------------- */

static struct lj_syntax *copy_node(struct lj_arena *arena, const struct lj_syntax *node)
{
  struct lj_syntax *copy = LJ_NEW(arena, struct lj_syntax);

  *copy = *node;
  if (!node->child_count)
    return copy;
  copy->children = LJ_NEW_ARRAY(arena, struct lj_syntax *, node->child_count);
  for (uint32_t i = 0; i < node->child_count; i++)
    if (node->children[i])
      copy->children[i] = lj_foreign_rewrite(arena, node->children[i]);
  if (node->keywords) {
    copy->keywords = LJ_NEW_ARRAY(arena, const char *, node->child_count);
    memcpy(copy->keywords, node->keywords, node->child_count * sizeof *copy->keywords);
  }
  return copy;
}

static void drop_child(struct lj_syntax *call, uint32_t i)
{
  uint32_t rest = --call->child_count - i;

  memmove(&call->children[i], &call->children[i + 1], rest * sizeof *call->children);
  memmove(&call->keywords[i], &call->keywords[i + 1], rest * sizeof *call->keywords);
}

static void rewrite_keywords(struct lj_syntax *call)
{
  for (uint32_t i = call->child_count; call->keywords && i-- > 0;) {
    const char *ours = keyword_of(call, i);
    if (ours && !*ours)
      drop_child(call, i);
    else if (ours)
      call->keywords[i] = ours;
  }
}

/* clamp(x, min=0) has one bound, clip(x, a_min, a_max) two. */
static void rewrite_one_bound(struct lj_syntax *call)
{
  const char *keyword;

  if (strcmp(call->name, "clip") != 0 || call->child_count != 2 || !call->keywords)
    return;
  keyword = call->keywords[1];
  if (!keyword || (strcmp(keyword, "a_min") != 0 && strcmp(keyword, "a_max") != 0))
    return;
  call->name = !strcmp(keyword, "a_min") ? "maximum" : "minimum";
  call->keywords[1] = NULL;
}

static void add_argument(struct lj_text *to, const struct lj_syntax *argument,
                         bool as_operand)
{
  bool loose =
      as_operand && (argument->kind == LJ_S_BINARY || argument->kind == LJ_S_UNARY);

  lj_text_add(to, "%s", loose ? "(" : "");
  lj_expression_print(to, argument);
  lj_text_add(to, "%s", loose ? ")" : "");
}

/* The call as the table's text says; NULL if it has other arguments than that needs. */
static const char *filled(struct lj_arena *arena, const struct lj_syntax *call,
                          const char *ours)
{
  struct lj_text to = {.arena = arena};
  uint32_t needed =
      strstr(ours, "%2") || strstr(ours, "$2") ? 2 : strpbrk(ours, "%$") != NULL;

  if (call->child_count != needed)
    return NULL;
  for (uint32_t i = 0; i < needed; i++)
    if (call->keywords && call->keywords[i])
      return NULL;
  for (const char *at = ours; *at; at++) {
    if (*at != '%' && *at != '$') {
      lj_text_bytes(&to, at, 1);
      continue;
    }
    uint32_t which = (uint32_t)(at[1] - '1');
    add_argument(&to, call->children[which], *at == '$');
    at++;
  }
  return to.text;
}

static void rewrite_call(struct lj_arena *arena, struct lj_syntax *call)
{
  const char *ours = lj_foreign(LJ_FOREIGN_FUNCTION, call->name), *text;

  rewrite_keywords(call);
  if (ours && !lj_foreign_is_text(ours))
    call->name = ours;
  rewrite_one_bound(call);
  if (!ours || !lj_foreign_is_text(ours))
    return;
  text = filled(arena, call, ours);
  if (!text)
    return;
  call->kind = LJ_S_NAME;
  call->name = text;
  call->child_count = 0;
}

struct lj_syntax *lj_foreign_rewrite(struct lj_arena *arena,
                                     const struct lj_syntax *node)
{
  struct lj_syntax *copy = copy_node(arena, node);
  const char *ours;

  if (node->kind == LJ_S_CALL)
    rewrite_call(arena, copy);
  ours = node->kind == LJ_S_NAME ? lj_foreign(LJ_FOREIGN_VALUE, node->name) : NULL;
  if (ours)
    copy->name = ours;
  return copy;
}

const char *lj_foreign_text(struct lj_arena *arena, const struct lj_syntax *node)
{
  struct lj_text to = {.arena = arena};

  lj_expression_print(&to, lj_foreign_rewrite(arena, node));
  return to.text;
}
