/*
 * The optimizer of a model file: its name, or an object with its settings.
 *
 * The settings that there are, and which optimizer reads them, stand in the tables of
 * optimizer.c. What a caller wants otherwise is put over them at the end.
 */
#include "runtime/train/spec_place.h"

#include <stdio.h>
#include <string.h>

static lossjit_status optimizer_named(const struct lj_spec_place *place, json_t *value)
{
  struct lj_spec *spec = place->spec;
  const char *name = json_string_value(value);
  if (name && lossjit_optimizer_init(name, &spec->optimizer) == LOSSJIT_OK)
    return LOSSJIT_OK;
  char what[128] = "the name of an optimizer:";
  for (size_t i = 0; lossjit_optimizer_name(i); i++) {
    size_t length = strlen(what);
    snprintf(what + length, sizeof what - length, "%s%s", i ? ", " : " ",
             lossjit_optimizer_name(i));
  }
  return lj_spec_must_be(place, what);
}

static lossjit_status read_setting(const struct lj_spec_place *place,
                                   const struct lj_optimizer_setting *setting,
                                   json_t *value)
{
  char *into = (char *)&place->spec->optimizer + setting->offset;
  if (setting->flags & LJ_SETTING_IS_FLAG) {
    bool flag = false;
    LJ_TRAIN_TRY(lj_spec_truth(place, value, &flag));
    memcpy(into, &(int){flag}, sizeof(int));
    return LOSSJIT_OK;
  }
  if (!json_is_number(value))
    return lj_spec_must_be(place, "a number");
  memcpy(into, &(double){json_number_value(value)}, sizeof(double));
  return LOSSJIT_OK;
}

static lossjit_status unknown_setting(const struct lj_spec_place *place,
                                      const char *name)
{
  struct lj_spec_key keys[16] = {{"name", NULL}};
  size_t count = 1;
  const struct lj_optimizer_setting *setting;
  for (size_t i = 0; (setting = lj_optimizer_setting(i)) && count < 16; i++)
    if (lj_optimizer_reads(place->spec->optimizer.name, setting->name))
      keys[count++].name = setting->name;
  return lj_spec_unknown_key(place, name, keys, count);
}

static lossjit_status read_settings(struct lj_spec_place place, json_t *object)
{
  const char *name;
  json_t *value;
  place.object = "optimizer.";
  json_object_foreach(object, name, value)
  {
    const struct lj_optimizer_setting *setting;
    size_t i = 0;
    if (!strcmp(name, "name"))
      continue;
    while ((setting = lj_optimizer_setting(i)) && strcmp(setting->name, name))
      i++;
    if (!setting || !lj_optimizer_reads(place.spec->optimizer.name, name))
      return unknown_setting(&place, name);
    place.key = name;
    LJ_TRAIN_TRY(read_setting(&place, setting, value));
  }
  return LOSSJIT_OK;
}

lossjit_status lj_spec_optimizer(const struct lj_spec_place *place, json_t *value)
{
  if (!json_is_object(value))
    return optimizer_named(place, value);
  struct lj_spec_place named = *place;
  named.object = "optimizer.";
  named.key = "name";
  LJ_TRAIN_TRY(optimizer_named(&named, json_object_get(value, "name")));
  LJ_TRAIN_TRY(read_settings(*place, value));
  lossjit_train_error why;
  if (lj_optimizer_check(&place->spec->optimizer, &why) != LOSSJIT_OK)
    return lj_train_fail(place->error, LOSSJIT_INVALID, "%s: %s", place->spec->path,
                         why.text);
  return LOSSJIT_OK;
}

lossjit_status lj_spec_override(struct lj_spec *spec,
                                const lossjit_train_overrides *overrides,
                                lossjit_train_error *error)
{
  if (!overrides)
    return LOSSJIT_OK;
  if (overrides->epochs)
    spec->epochs = overrides->epochs;
  if (overrides->batch_size)
    spec->batch_size = overrides->batch_size;
  if (overrides->seed)
    spec->seed = *overrides->seed;
  if (overrides->learning_rate == 0)
    return LOSSJIT_OK;
  spec->optimizer.learning_rate = overrides->learning_rate;
  return lj_optimizer_check(&spec->optimizer, error);
}
