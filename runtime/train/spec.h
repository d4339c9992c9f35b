/*
 * A model file as it stands: what it says, not yet done.
 *
 * The keys are described at lossjit_train_file in lossjit_train.h. Texts belong to the
 * JSON tree, which the spec keeps.
 */
#ifndef LJ_TRAIN_SPEC_H
#define LJ_TRAIN_SPEC_H

#include "runtime/train/support.h"

#include <jansson.h>

struct lj_names {
  const char **items;
  size_t count;
};

struct lj_spec {
  lossjit_allocator allocator;
  const char *path; /* of the file; the caller's */
  json_t *root;

  const char *data;
  struct lj_names inputs; /* none: all columns but targets and label */
  struct lj_names targets;
  const char *label;
  bool standardize_inputs, standardize_targets;
  double validation_split;
  bool shuffle_before_split;

  lossjit_dense *layers;
  size_t layer_count;
  const char *loss;
  lossjit_optimizer optimizer;
  struct lj_names metrics;

  size_t epochs, batch_size;
  bool shuffle;
  uint64_t seed;
};

/* Read the file. On failure the spec is empty and `error` begins with the file's name,
 * then line and column, or the key: "digits.json: layers[1].units: ...". */
lossjit_status lj_spec_read(struct lj_spec *spec, const lossjit_allocator *allocator,
                            const char *path, lossjit_train_error *error);
void lj_spec_release(struct lj_spec *spec);

/* Put the overrides (NULL: none) in the place of what the file says. */
lossjit_status lj_spec_override(struct lj_spec *spec,
                                const lossjit_train_overrides *overrides,
                                lossjit_train_error *error);

/* `name` relative to the model file, given back with lj_train_free; NULL: no memory. */
char *lj_spec_path(const struct lj_spec *spec, const char *name);

#endif
