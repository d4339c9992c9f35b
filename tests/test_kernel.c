/*
 * Calling kernels: whatever the memory looks like, the numbers are the same; whatever the
 * call gets wrong, nothing is written.
 *
 * Every behaviour is shown for losses that take either template: short rows (lanes across
 * samples) and long ones (lanes along the row).
 */
#include "lossjit.h"
#include "tests/alloc_hook.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a loss with memory for its call --------------------------------------------- */

#define MAX_BATCH 200
#define MAX_N 130
#define ROOM (MAX_BATCH * MAX_N + 64)

struct subject {
  lossjit_engine *engine;
  lossjit_loss *loss;
  lossjit_kernel *kernel;
  int64_t n;
  bool labels; /* y_true holds i64 labels instead of rows */
  size_t pred; /* index of y_pred among the inputs */
  float *y_pred, *y_true, *result, *gradient;
  int64_t *label;
};

static float *room(void)
{
  float *memory = test_malloc(ROOM * sizeof(float));

  for (size_t i = 0; i < ROOM; i++)
    memory[i] = NAN;
  return memory;
}

static void fill(struct subject *s)
{
  unsigned state = 12345;

  for (size_t i = 0; i < MAX_BATCH * MAX_N; i++) {
    state = state * 1664525u + 1013904223u;
    s->y_pred[i] = (float)(state >> 8) / 4e6f - 2;
    state = state * 1664525u + 1013904223u;
    s->y_true[i] = (float)(state >> 8) / 2e7f;
  }
  for (size_t i = 0; i < MAX_BATCH; i++)
    s->label[i] = (int64_t)(i * 7) % s->n;
}

static lossjit_engine *new_engine(const lossjit_allocator *allocator)
{
  lossjit_engine *engine;
  const lossjit_engine_options options = {.allocator = allocator,
                                          .backend_path = LOSSJIT_TEST_BACKEND};

  assert_int_equal(lossjit_engine_create(&options, &engine), LOSSJIT_OK);
  return engine;
}

static struct subject open_subject(const char *text, int64_t n,
                                   const lossjit_specialization *how)
{
  struct subject s = {.n = n};
  lossjit_specialization specialization = how ? *how : (lossjit_specialization){0};
  const lossjit_compile_options options = {.result = LOSSJIT_ELEMENTWISE};
  const lossjit_input shape = {"y_pred", LOSSJIT_F32, 2, {LOSSJIT_BATCH, n}};
  lossjit_diagnostics *diagnostics;

  s.engine = new_engine(NULL);
  if (lossjit_compile(s.engine, text, &options, &s.loss, &diagnostics) != LOSSJIT_OK)
    fail_msg("%s", lossjit_diagnostics_text(diagnostics));
  specialization.inputs = &shape;
  specialization.input_count = 1;
  if (lossjit_loss_specialize(s.loss, &specialization, &s.kernel, &diagnostics) !=
      LOSSJIT_OK)
    fail_msg("%s: %s", text, diagnostics ? lossjit_diagnostics_text(diagnostics) : "");
  s.pred = lossjit_loss_gradient_input(s.loss, 0);
  for (size_t i = 0; i < lossjit_loss_input_count(s.loss); i++)
    s.labels |= lossjit_loss_input(s.loss, i)->dtype == LOSSJIT_I64;
  s.y_pred = room();
  s.y_true = room();
  s.result = room();
  s.gradient = room();
  s.label = test_malloc(MAX_BATCH * sizeof(int64_t));
  fill(&s);
  return s;
}

static void close_subject(struct subject *s)
{
  lossjit_kernel_release(s->kernel);
  lossjit_loss_release(s->loss);
  lossjit_engine_release(s->engine);
  test_free(s->y_pred);
  test_free(s->y_true);
  test_free(s->result);
  test_free(s->gradient);
  test_free(s->label);
}

/* Strides in bytes; 0: dense. Inputs stand in the order of the loss. */
struct layout {
  float *y_pred, *y_true, *result, *gradient;
  int64_t pred_stride, true_stride, result_stride, gradient_stride;
};

static struct layout dense(const struct subject *s)
{
  return (struct layout){s->y_pred, s->y_true, s->result, s->gradient, 0, 0, 0, 0};
}

static lossjit_status call(struct subject *s, const struct layout *at, int64_t batch,
                           double *value)
{
  lossjit_array inputs[2], gradient = {at->gradient, at->gradient_stride};

  inputs[s->pred] = (lossjit_array){at->y_pred, at->pred_stride};
  inputs[1 - s->pred] = s->labels ? (lossjit_array){s->label, 0}
                                  : (lossjit_array){at->y_true, at->true_stride};
  return lossjit_kernel_call(
      s->kernel, &(lossjit_call){.batch = batch,
                                 .inputs = inputs,
                                 .reduction = LOSSJIT_SUM,
                                 .loss = {at->result, at->result_stride},
                                 .gradients = &gradient,
                                 .value = value});
}

static void assert_same(const float *a, const float *b, size_t count)
{
  for (size_t i = 0; i < count; i++)
    if (memcmp(&a[i], &b[i], sizeof *a) != 0)
      fail_msg("element %zu: %.9g is not %.9g", i, (double)a[i], (double)b[i]);
}

/* Losses whose kernels differ in kind; each is tried at each n. */
static const struct {
  const char *text;
  int64_t result_count; /* per sample; -1: n */
} losses[] = {
    {"sum(square(y_pred - y_true), axis=1)", 1},
    {"-sum(y_true*log_softmax(y_pred, axis=-1), axis=-1)", 1},
    {"-gather(log_softmax(y_pred, axis=-1), y_true)", 1},
    {"tanh(y_pred)*y_true", -1},
    {"sum(abs(y_pred[:, 1:] - y_pred[:, :-1]), axis=1)*y_true[:, 0]", 1},
    {"max(y_pred, axis=-1) + y_true[:, -1]*y_pred[:, 0]", 1},
    {"d = y_pred - y_true; sum(square(d), axis=1)/sum(square(d))", 1},
};
static const int64_t widths[] = {2, 3, 4, 10, 33, 130};

#define EACH_SUBJECT(s, count)                                                           \
  for (size_t l = 0; l < sizeof losses / sizeof *losses; l++)                            \
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)                          \
      for (struct subject s = open_subject(losses[l].text, widths[w], NULL), *once = &s; \
           once; close_subject(&s), once = NULL)                                         \
        for (size_t count = losses[l].result_count < 0 ? (size_t)s.n : 1, again = 1;     \
             again; again = 0)

/* ---- memory ---------------------------------------------------------------------- */

static void copy_with_gaps(float *to, const float *from, int64_t rows, int64_t n,
                           int64_t stride)
{
  for (int64_t r = 0; r < rows; r++)
    memcpy(to + r * stride, from + r * n, (size_t)n * sizeof(float));
}

static void rows_with_gaps_give_the_same_bits(void **state)
{
  (void)state;
  EACH_SUBJECT(s, count)
  {
    const int64_t batch = 37, stride = s.n + 3;
    float *p = room(), *t = room(), *r = room(), *g = room();
    struct layout at = dense(&s);
    struct layout gaps = {p, t, r, g, stride * 4, stride * 4, (int64_t)(count + 1) * 4,
                          stride * 4};
    if (stride * batch > (int64_t)ROOM)
      continue;
    copy_with_gaps(p, s.y_pred, batch, s.n, stride);
    copy_with_gaps(t, s.y_true, batch, s.n, stride);
    assert_int_equal(call(&s, &at, batch, NULL), LOSSJIT_OK);
    assert_int_equal(call(&s, &gaps, batch, NULL), LOSSJIT_OK);
    for (int64_t i = 0; i < batch; i++) {
      assert_same(g + i * stride, s.gradient + i * s.n, (size_t)s.n);
      assert_same(r + i * (int64_t)(count + 1), s.result + i * (int64_t)count, count);
      assert_true(isnan(g[i * stride + s.n])); /* the gap was not touched */
    }
    test_free(p);
    test_free(t);
    test_free(r);
    test_free(g);
  }
}

static void any_alignment_gives_the_same_bits(void **state)
{
  (void)state;
  EACH_SUBJECT(s, count)
  {
    const int64_t batch = 50;
    float *p = room(), *t = room(), *r = room(), *g = room();
    struct layout at = dense(&s), odd = {p + 1, t + 3, r + 5, g + 7, 0, 0, 0, 0};
    memcpy(p + 1, s.y_pred, (size_t)(batch * s.n) * 4);
    memcpy(t + 3, s.y_true, (size_t)(batch * s.n) * 4);
    assert_int_equal(call(&s, &at, batch, NULL), LOSSJIT_OK);
    assert_int_equal(call(&s, &odd, batch, NULL), LOSSJIT_OK);
    assert_same(r + 5, s.result, count * (size_t)batch);
    assert_same(g + 7, s.gradient, (size_t)(batch * s.n));
    test_free(p);
    test_free(t);
    test_free(r);
    test_free(g);
  }
}

static void the_gradient_may_take_the_place_of_its_input(void **state)
{
  (void)state;
  EACH_SUBJECT(s, count)
  {
    const int64_t batch = 45;
    float *p = room(), *r = room();
    struct layout at = dense(&s), alias = {p, s.y_true, r, p, 0, 0, 0, 0};
    memcpy(p, s.y_pred, (size_t)(batch * s.n) * 4);
    assert_int_equal(call(&s, &at, batch, NULL), LOSSJIT_OK);
    assert_int_equal(call(&s, &alias, batch, NULL), LOSSJIT_OK);
    assert_same(r, s.result, count * (size_t)batch);
    assert_same(p, s.gradient, (size_t)(batch * s.n));
    test_free(p);
    test_free(r);
  }
}

static void every_batch_size_writes_its_rows_and_no_more(void **state)
{
  static const int64_t batches[] = {1, 2, 3, 15, 16, 17, 64, 100, 200};

  (void)state;
  EACH_SUBJECT(s, count)
  {
    if (strstr(losses[l].text, "sum(square(d))"))
      continue; /* depends on the whole batch */
    struct layout at = dense(&s);
    float *r = room(), *g = room();
    assert_int_equal(call(&s, &at, MAX_BATCH, NULL), LOSSJIT_OK);
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
      struct layout part = {s.y_pred, s.y_true, r, g, 0, 0, 0, 0};
      for (size_t i = 0; i < ROOM; i++)
        r[i] = g[i] = NAN;
      assert_int_equal(call(&s, &part, batches[b], NULL), LOSSJIT_OK);
      assert_same(r, s.result, count * (size_t)batches[b]);
      assert_same(g, s.gradient, (size_t)(batches[b] * s.n));
      assert_true(isnan(r[count * (size_t)batches[b]]));
      assert_true(isnan(g[batches[b] * s.n]));
    }
    test_free(r);
    test_free(g);
  }
}

static void an_empty_batch_is_fine(void **state)
{
  (void)state;
  EACH_SUBJECT(s, count)
  {
    struct layout nothing = {0};
    double value = -1;
    (void)count;
    assert_int_equal(call(&s, &nothing, 0, &value), LOSSJIT_OK);
    assert_true(value == 0);
  }
}

static void outputs_that_nobody_wants_are_left_out(void **state)
{
  (void)state;
  EACH_SUBJECT(s, count)
  {
    struct layout at = dense(&s), less = at;
    double all, value;
    (void)count;
    assert_int_equal(call(&s, &at, 40, &all), LOSSJIT_OK);
    less.result = less.gradient = NULL;
    assert_int_equal(call(&s, &less, 40, &value), LOSSJIT_OK);
    assert_true(value == all);
  }
}

/* ---- labels ---------------------------------------------------------------------- */

static void a_label_out_of_range_writes_nothing(void **state)
{
  static const int64_t wrong[] = {-1, 1000000, INT64_MIN, INT64_MAX};

  (void)state;
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
    for (size_t i = 0; i < 4; i++) {
      struct subject s = open_subject("-gather(log_softmax(y_pred, axis=-1), y_true)",
                                      widths[w], NULL);
      struct layout at = dense(&s);
      double value;
      s.label[23] = i == 1 ? s.n : wrong[i];
      s.label[31] = wrong[i];
      assert_int_equal(call(&s, &at, 35, &value), LOSSJIT_LABEL_RANGE);
      assert_true(value == 23);
      for (size_t k = 0; k < ROOM; k++)
        assert_true(isnan(s.result[k]) && isnan(s.gradient[k]));
      assert_int_equal(call(&s, &at, 23, &value), LOSSJIT_OK);
      close_subject(&s);
    }
}

/* ---- the reduced value ----------------------------------------------------------- */

static void reductions_scale_value_and_gradient(void **state)
{
  (void)state;
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
    const lossjit_specialization weighted = {.weighting = LOSSJIT_SAMPLE_WEIGHT};
    struct subject s = open_subject(losses[0].text, widths[w], &weighted);
    const int64_t batch = 21;
    float weights[21], *g = room();
    double sum = 0, total = 0, value;
    lossjit_array inputs[2] = {{s.y_pred, 0}, {s.y_true, 0}}, gradient = {g, 0};
    for (int i = 0; i < 21; i++)
      weights[i] = i % 3 ? 0.5f * (float)i : 0;
    lossjit_call c = {.batch = batch, .inputs = inputs, .reduction = LOSSJIT_NONE,
                      .weights = {weights, 0}, .loss = {s.result, 0},
                      .gradients = &gradient, .value = &value};
    assert_int_equal(lossjit_kernel_call(s.kernel, &c), LOSSJIT_OK);
    for (int i = 0; i < 21; i++) {
      double loss = 0;
      for (int64_t k = 0; k < s.n; k++) {
        double e = (double)s.y_pred[i * s.n + k] - (double)s.y_true[i * s.n + k];
        loss += e * e;
        assert_true(fabs(g[i * s.n + k] - 2 * e * weights[i]) <= 1e-5 * (1 + fabs(e)) * 40);
      }
      assert_true(fabs(s.result[i] - loss * weights[i]) <= 1e-5 * loss * 40);
      sum += weights[i];
      total += loss * weights[i];
    }
    const struct {
      lossjit_reduction reduction;
      double denominator;
    } rows[] = {{LOSSJIT_SUM, 1}, {LOSSJIT_MEAN, 21}, {LOSSJIT_MEAN_BY_WEIGHT, sum},
                {LOSSJIT_MEAN_OVER_WEIGHTED, 14}, {LOSSJIT_BY_DENOMINATOR, 7}};
    float first = g[s.n];
    for (size_t i = 0; i < 5; i++) {
      c.reduction = rows[i].reduction;
      c.denominator = 7;
      assert_int_equal(lossjit_kernel_call(s.kernel, &c), LOSSJIT_OK);
      assert_true(fabs(value - total / rows[i].denominator) <= 1e-5 * fabs(value));
      assert_true(fabs(g[s.n] - first / rows[i].denominator) <= 1e-6 * fabs((double)first));
    }
    test_free(g);
    close_subject(&s);
  }
}

static void the_sum_of_many_values_loses_nothing(void **state)
{
  const int64_t batch = 3000000;
  float *ones = test_malloc((size_t)batch * sizeof(float));
  lossjit_engine *engine = new_engine(NULL);
  lossjit_loss *loss;
  lossjit_kernel *kernel;
  double value;
  const lossjit_input input = {"y_pred", LOSSJIT_F32, 1, {LOSSJIT_BATCH}};
  const lossjit_compile_options options = {.inputs = &input, .input_count = 1};
  lossjit_array array = {ones, 0};

  (void)state;
  for (int64_t i = 0; i < batch; i++)
    ones[i] = 0.1f;
  assert_int_equal(lossjit_compile(engine, "y_pred*1.0", &options, &loss, NULL), LOSSJIT_OK);
  assert_int_equal(lossjit_loss_specialize(loss, NULL, &kernel, NULL), LOSSJIT_OK);
  assert_int_equal(
      lossjit_kernel_call(kernel, &(lossjit_call){.batch = batch, .inputs = &array,
                                                  .reduction = LOSSJIT_SUM,
                                                  .value = &value}),
      LOSSJIT_OK);
  assert_true(fabs(value - (double)batch * (double)0.1f) < 1e-7);
  lossjit_kernel_release(kernel);
  lossjit_loss_release(loss);
  lossjit_engine_release(engine);
  test_free(ones);
}

static void a_parameter_changes_without_a_new_kernel(void **state)
{
  struct subject s = open_subject("q: f32 = 2.0; y_true*0 + power(abs(y_pred), q)", 3, NULL);
  lossjit_array inputs[2] = {{s.y_pred, 0}, {s.y_true, 0}};
  double q = 3;

  (void)state;
  inputs[s.pred].data = s.y_pred;
  inputs[1 - s.pred].data = s.y_true;
  for (int given = 0; given < 2; given++) {
    assert_int_equal(
        lossjit_kernel_call(s.kernel, &(lossjit_call){.batch = 5, .inputs = inputs,
                                                      .parameters = given ? &q : NULL,
                                                      .loss = {s.result, 0}}),
        LOSSJIT_OK);
    for (int i = 0; i < 15; i++) {
      double expected = pow(fabs((double)s.y_pred[i]), given ? 3 : 2);
      assert_true(fabs(s.result[i] - expected) <= 1e-6 * expected);
    }
  }
  close_subject(&s);
}

/* ---- wrong calls ----------------------------------------------------------------- */

static void a_wrong_call_changes_nothing(void **state)
{
  struct subject s = open_subject(losses[0].text, 10, NULL);
  lossjit_array inputs[2] = {{s.y_pred, 0}, {s.y_true, 0}}, gradient = {s.gradient, 0};
  const lossjit_call good = {.batch = 4, .inputs = inputs, .loss = {s.result, 0},
                             .gradients = &gradient};
  lossjit_array missing[2] = {{s.y_pred, 0}, {NULL, 0}};
  lossjit_array overlapping[2] = {{s.y_pred, 20}, {s.y_true, 0}};
  lossjit_call calls[6] = {good, good, good, good, good, good};

  (void)state;
  calls[0].inputs = NULL;
  calls[1].inputs = missing;
  calls[2].inputs = overlapping;
  calls[3].batch = -1;
  calls[4].reduction = LOSSJIT_BY_DENOMINATOR;
  calls[5].reduction = LOSSJIT_MEAN_BY_WEIGHT;
  for (int i = 0; i < 6; i++)
    assert_int_equal(lossjit_kernel_call(s.kernel, &calls[i]), LOSSJIT_ARGUMENT);
  assert_int_equal(lossjit_kernel_call(NULL, &good), LOSSJIT_ARGUMENT);
  assert_int_equal(lossjit_kernel_call(s.kernel, NULL), LOSSJIT_ARGUMENT);
  assert_true(isnan(s.result[0]) && isnan(s.gradient[0]));
  close_subject(&s);
}

static void wrong_specializations_are_refused(void **state)
{
  lossjit_engine *engine = new_engine(NULL);
  lossjit_loss *loss;
  lossjit_kernel *kernel;
  lossjit_diagnostics *diagnostics;
  const lossjit_input unknown = {"y", LOSSJIT_F32, 2, {LOSSJIT_BATCH, 2}};
  const lossjit_input rank = {"y_pred", LOSSJIT_F32, 1, {LOSSJIT_BATCH}};
  const lossjit_input size = {"y_pred", LOSSJIT_F32, 2, {LOSSJIT_BATCH, 3}};

  (void)state;
  assert_int_equal(lossjit_compile(engine, "sum(square(y_pred - y_true)*[1, 2], axis=1)",
                                   NULL, &loss, NULL),
                   LOSSJIT_OK);
  lossjit_specialization how = {.inputs = &unknown, .input_count = 1};
  assert_int_equal(lossjit_loss_specialize(loss, &how, &kernel, NULL), LOSSJIT_ARGUMENT);
  how.inputs = &rank;
  assert_int_equal(lossjit_loss_specialize(loss, &how, &kernel, NULL), LOSSJIT_ARGUMENT);
  how.inputs = &size;
  assert_int_equal(lossjit_loss_specialize(loss, &how, &kernel, &diagnostics),
                   LOSSJIT_INVALID);
  assert_non_null(diagnostics);
  assert_null(kernel);
  lossjit_diagnostics_release(diagnostics);
  lossjit_loss_release(loss);
  assert_int_equal(
      lossjit_compile(engine, "sum(square(y_pred - y_true), axis=1)", NULL, &loss, NULL),
      LOSSJIT_OK);
  assert_int_equal(lossjit_loss_specialize(loss, NULL, &kernel, &diagnostics),
                   LOSSJIT_INVALID); /* how many columns? */
  assert_string_equal(lossjit_diagnostics_get(diagnostics, 0)->name, "unknown-size");
  lossjit_diagnostics_release(diagnostics);
  lossjit_loss_release(loss);
  lossjit_engine_release(engine);
}

static void a_missing_back_end_is_a_status(void **state)
{
  const lossjit_engine_options options = {.backend_path = "/nowhere/liblossjit-llvm.so"};
  lossjit_engine *engine;
  lossjit_loss *loss;
  lossjit_kernel *kernel;
  char error[200];

  (void)state;
  assert_int_equal(lossjit_engine_create(&options, &engine), LOSSJIT_OK);
  assert_int_equal(lossjit_compile(engine, losses[0].text, NULL, &loss, NULL), LOSSJIT_OK);
  assert_int_equal(lossjit_loss_specialize(loss, NULL, &kernel, NULL), LOSSJIT_NO_BACKEND);
  lossjit_engine_error(engine, error, sizeof error);
  assert_non_null(strstr(error, "/nowhere/liblossjit-llvm.so"));
  lossjit_loss_release(loss);
  lossjit_engine_release(engine);
}

/* ---- threads --------------------------------------------------------------------- */

struct worker {
  struct subject *s;
  lossjit_kernel *kernel;
  float *result, *gradient;
  lossjit_status status;
};

static void *work(void *argument)
{
  struct worker *w = argument;
  lossjit_array inputs[2], gradient = {w->gradient, 0};

  inputs[w->s->pred] = (lossjit_array){w->s->y_pred, 0};
  inputs[1 - w->s->pred] = (lossjit_array){w->s->y_true, 0};
  for (int i = 0; i < 20 && w->status == LOSSJIT_OK; i++)
    w->status = lossjit_kernel_call(
        w->kernel, &(lossjit_call){.batch = 60, .inputs = inputs,
                                   .loss = {w->result, 0}, .gradients = &gradient});
  return NULL;
}

static void threads_with_handles_of_their_own_do_not_meet(void **state)
{
  (void)state;
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
    struct subject s = open_subject(losses[1].text, widths[w], NULL);
    struct layout at = dense(&s);
    struct worker workers[4];
    pthread_t threads[4];
    assert_int_equal(call(&s, &at, 60, NULL), LOSSJIT_OK);
    for (int i = 0; i < 4; i++) {
      workers[i] = (struct worker){&s, NULL, room(), room(), LOSSJIT_OK};
      assert_int_equal(lossjit_kernel_share(s.kernel, &workers[i].kernel), LOSSJIT_OK);
    }
    for (int i = 0; i < 4; i++)
      pthread_create(&threads[i], NULL, work, &workers[i]);
    for (int i = 0; i < 4; i++) {
      pthread_join(threads[i], NULL);
      assert_int_equal(workers[i].status, LOSSJIT_OK);
      assert_same(workers[i].result, s.result, 60);
      assert_same(workers[i].gradient, s.gradient, (size_t)(60 * s.n));
      lossjit_kernel_release(workers[i].kernel);
      test_free(workers[i].result);
      test_free(workers[i].gradient);
    }
    close_subject(&s);
  }
}

static void *compile_some(void *argument)
{
  lossjit_engine *engine = argument;

  for (int i = 0; i < 3; i++) {
    const lossjit_input shape = {"y_pred", LOSSJIT_F32, 2, {LOSSJIT_BATCH, 2 + i}};
    lossjit_loss *loss;
    lossjit_kernel *kernel;
    lossjit_compile(engine, losses[1].text, NULL, &loss, NULL);
    lossjit_loss_specialize(loss, &(lossjit_specialization){&shape, 1, 0, 0, 0}, &kernel,
                            NULL);
    lossjit_kernel_release(kernel);
    lossjit_loss_release(loss);
  }
  return NULL;
}

static void threads_may_compile_on_one_engine(void **state)
{
  lossjit_engine *engine = new_engine(NULL);
  pthread_t threads[3];

  (void)state;
  for (int i = 0; i < 3; i++)
    pthread_create(&threads[i], NULL, compile_some, engine);
  for (int i = 0; i < 3; i++)
    pthread_join(threads[i], NULL);
  lossjit_engine_release(engine);
}

/* ---- memory that runs out -------------------------------------------------------- */

/* Everything from engine to call; the status of the first step that fails. */
static lossjit_status whole_way(const lossjit_allocator *allocator, const char *text)
{
  const lossjit_engine_options options = {.allocator = allocator,
                                          .backend_path = LOSSJIT_TEST_BACKEND};
  const lossjit_input shape = {"y_pred", LOSSJIT_F32, 2, {LOSSJIT_BATCH, 3}};
  const lossjit_specialization how = {.inputs = &shape, .input_count = 1};
  float memory[5 * 3] = {0}, gradient[5 * 3], result[5 * 3];
  lossjit_array inputs[2] = {{memory, 0}, {memory, 0}}, gradients = {gradient, 0};
  const lossjit_call c = {.batch = 5, .inputs = inputs, .loss = {result, 0},
                          .gradients = &gradients};
  lossjit_engine *engine = NULL;
  lossjit_loss *loss = NULL;
  lossjit_kernel *kernel = NULL;
  lossjit_diagnostics *diagnostics = NULL, *more = NULL;
  char *stage = NULL;
  lossjit_status status = lossjit_engine_create(&options, &engine);

  if (status == LOSSJIT_OK)
    status = lossjit_compile(engine, text, NULL, &loss, &diagnostics);
  if (status == LOSSJIT_OK)
    status = lossjit_loss_specialize(loss, &how, &kernel, &more);
  if (status == LOSSJIT_OK)
    status = lossjit_kernel_call(kernel, &c);
  if (status == LOSSJIT_OK)
    status = lossjit_kernel_interpret(kernel, &c);
  if (status == LOSSJIT_OK)
    status = lossjit_loss_text(loss, LOSSJIT_STAGE_GRADIENT, &stage);
  lossjit_text_release(engine, stage);
  lossjit_diagnostics_release(diagnostics);
  lossjit_diagnostics_release(more);
  lossjit_kernel_release(kernel);
  lossjit_loss_release(loss);
  lossjit_engine_release(engine);
  return status;
}

static void running_out_of_memory_is_a_status_and_leaks_nothing(void **state)
{
  static const char *const texts[] = {
      "-sum(y_true*log_softmax(y_pred, axis=-1), axis=-1)",
      "sum(square(y_pred - y_tru), axis=1)", /* with a diagnostic */
  };

  (void)state;
  for (size_t t = 0; t < 2; t++) {
    struct lj_alloc_hook hook;
    lossjit_status wanted;
    lj_alloc_hook_init(&hook);
    wanted = whole_way(&hook.allocator, texts[t]);
    assert_int_equal(wanted, t == 0 ? LOSSJIT_OK : LOSSJIT_INVALID);
    assert_int_equal(hook.live, 0);
    for (long allow = 0; allow < hook.allocations + 10; allow++) {
      struct lj_alloc_hook small;
      lj_alloc_hook_init(&small);
      small.allow = allow;
      lossjit_status status = whole_way(&small.allocator, texts[t]);
      assert_int_equal(small.live, 0);
      assert_true(status == LOSSJIT_NO_MEMORY || status == wanted);
      if (status == wanted)
        break;
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_with_gaps_give_the_same_bits),
      cmocka_unit_test(any_alignment_gives_the_same_bits),
      cmocka_unit_test(the_gradient_may_take_the_place_of_its_input),
      cmocka_unit_test(every_batch_size_writes_its_rows_and_no_more),
      cmocka_unit_test(an_empty_batch_is_fine),
      cmocka_unit_test(outputs_that_nobody_wants_are_left_out),
      cmocka_unit_test(a_label_out_of_range_writes_nothing),
      cmocka_unit_test(reductions_scale_value_and_gradient),
      cmocka_unit_test(the_sum_of_many_values_loses_nothing),
      cmocka_unit_test(a_parameter_changes_without_a_new_kernel),
      cmocka_unit_test(a_wrong_call_changes_nothing),
      cmocka_unit_test(wrong_specializations_are_refused),
      cmocka_unit_test(a_missing_back_end_is_a_status),
      cmocka_unit_test(threads_with_handles_of_their_own_do_not_meet),
      cmocka_unit_test(threads_may_compile_on_one_engine),
      cmocka_unit_test(running_out_of_memory_is_a_status_and_leaks_nothing),
  };

  return cmocka_run_group_tests_name("kernel", tests, NULL, NULL);
}
