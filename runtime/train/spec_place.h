/*
 * Reading values of a model file, for the files that do (spec.c, spec_optimizer.c).
 */
#ifndef LJ_TRAIN_SPEC_PLACE_H
#define LJ_TRAIN_SPEC_PLACE_H

#include "runtime/train/model.h"
#include "runtime/train/spec.h"

/* Where in the file a reader is: "layers[1]" and the object being filled in. */
struct lj_spec_place {
  struct lj_spec *spec;
  lossjit_train_error *error;
  const char *object; /* "" or "layers[1]." */
  const char *key;
  void *into; /* what the readers of this table fill in */
};

struct lj_spec_key {
  const char *name;
  lossjit_status (*read)(const struct lj_spec_place *place, json_t *value);
};

/* "digits.json: epochs must be ..." */
lossjit_status lj_spec_must_be(const struct lj_spec_place *place, const char *what);
/* With the nearest of the keys. */
lossjit_status lj_spec_unknown_key(const struct lj_spec_place *place, const char *name,
                                   const struct lj_spec_key *keys, size_t count);

lossjit_status lj_spec_truth(const struct lj_spec_place *place, json_t *value,
                             bool *truth);
lossjit_status lj_spec_optimizer(const struct lj_spec_place *place, json_t *value);

#endif
