/*
 * A text as a checked graph with data, for tests of the passes: what it evaluates to,
 * and its derivatives, all through the interpreter.
 *
 *     struct scene *scene = scene_open("square(x)*y", "x:f64:B,3 y:f64:B,3");
 *     if (setjmp(scene->s.trap.escape)) fail();
 *     lj_id dx = scene_derive(scene, value, seed, "x");
 *     scene_fill(scene, 1);
 *     struct lj_evaluation with = scene_data(scene);
 *     ... lj_evaluate(&scene->s.arena, &with, dx, NULL) ...
 *     scene_close(scene);
 */
#ifndef TESTS_SCENE_H
#define TESTS_SCENE_H

#include "compiler/passes.h"
#include "tests/check_session.h"

#define BATCH 4
#define SCENE_INPUTS 16
#define SCENE_MOST 512 /* elements of an input */

struct scene {
  struct lj_check_session s;
  struct lj_rules rules;
  double data[SCENE_INPUTS][SCENE_MOST]; /* by input number */
  const double *inputs[SCENE_INPUTS];
};

/* Any shape of result is accepted and a gradient is not asked for; fails the test if
 * the text is refused. Declarations as in check_session.h. */
struct scene *scene_open(const char *text, const char *declared);
void scene_close(struct scene *scene);

/* The node of an input; 0 if the text does not use it. */
lj_id scene_input(const struct lj_graph *graph, const char *name);
/* The adjoint of an input; the test fails if it is refused. */
lj_id scene_derive(struct scene *scene, lj_id value, lj_id seed, const char *by);

/* Integers count 0, 1, 2, 0, ...; everything else is drawn from (0.2, 0.9) or, with
 * the number `negative` out of 10, its like below 0. An input's data depend on its
 * name alone. */
void scene_fill(struct scene *scene, int negative);
struct lj_evaluation scene_data(struct scene *scene);
int64_t scene_count(struct scene *scene, lj_id id);

#endif
