/*
 * A text as a checked graph with data: see scene.h.
 */
#include "tests/support/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct scene *scene_open(const char *text, const char *declared)
{
  struct scene *scene = calloc(1, sizeof *scene);

  assert_non_null(scene);
  lj_check_session_begin(&scene->s, text, declared);
  scene->s.request.result = LOSSJIT_ELEMENTWISE;
  scene->s.request.no_gradient = true;
  lj_check_session_check(&scene->s);
  if (!scene->s.good)
    fail_msg("%s\n%s", text, lj_check_session_text(&scene->s));
  scene->rules.arena = &scene->s.arena;
  return scene;
}

void scene_close(struct scene *scene)
{
  lj_check_session_end(&scene->s);
  free(scene);
}

lj_id scene_input(const struct lj_graph *graph, const char *name)
{
  for (uint32_t i = 0; i < graph->input_count; i++)
    if (!strcmp(graph->inputs[i].name, name))
      return graph->inputs[i].node;
  return 0;
}

lj_id scene_derive(struct scene *scene, lj_id value, lj_id seed, const char *by)
{
  struct lj_graph *graph = &scene->s.checked.graph;
  lj_id wrt = scene_input(graph, by), adjoint;

  assert_int_not_equal(wrt, 0);
  assert_true(
      lj_grad(graph, &scene->s.diags, &scene->rules, value, seed, &wrt, 1, &adjoint));
  return adjoint;
}

/* ---- data ------------------------------------------------------------------------ */

static double random_between(uint64_t *state, double low, double high)
{
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return low + (high - low) * (double)(*state >> 11) * 0x1p-53;
}

struct lj_evaluation scene_data(struct scene *scene)
{
  /* every size that is a name, other than the batch, is 3 */
  static const int64_t symbols[] = {0, BATCH, 3, 3, 3, 3, 3, 3, 3, 3};
  static double parameters[8];
  const struct lj_graph *graph = &scene->s.checked.graph;

  for (uint32_t i = 0; i < graph->parameter_count; i++)
    parameters[i] = graph->parameters[i].value;
  return (struct lj_evaluation){.graph = graph,
                                .batch = BATCH,
                                .inputs = scene->inputs,
                                .parameters = parameters,
                                .symbol_values = symbols};
}

int64_t scene_count(struct scene *scene, lj_id id)
{
  struct lj_evaluation with = scene_data(scene);
  const struct lj_node *node = lj_node_at(with.graph, id);

  return lj_element_count(&with, node->rank, node->shape);
}

void scene_fill(struct scene *scene, int negative)
{
  const struct lj_graph *graph = &scene->s.checked.graph;

  for (uint32_t i = 0; i < graph->input_count; i++) {
    bool integer = lj_dtype_is_integer((enum lj_dtype)graph->inputs[i].dtype);
    int64_t count = scene_count(scene, graph->inputs[i].node);
    uint64_t random = 1;
    for (const char *letter = graph->inputs[i].name; *letter; letter++)
      random = random * 31 + (uint64_t)*letter;
    assert_true(count <= SCENE_MOST);
    for (int64_t at = 0; at < count; at++) {
      double sign = random_between(&random, 0, 10) < negative ? -1 : 1;
      double size = random_between(&random, 0.2, 0.9);
      scene->data[i][at] = integer ? (double)(at % 3) : sign * size;
    }
    scene->inputs[i] = scene->data[i];
  }
}
