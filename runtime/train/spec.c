/*
 * Reading a model file: JSON by jansson, keys by tables.
 *
 * Each kind of object has a table of keys, each key a reader. A key that is in no table
 * is an error that names the nearest one, because a misspelt "epoch" would otherwise
 * train with the default in silence. jansson allocates by malloc; its hook is global to
 * the process and so not ours to set.
 */
#include "runtime/train/spec_place.h"

#include <math.h>
#include <string.h>

/* ---- errors ---------------------------------------------------------------------- */

lossjit_status lj_spec_must_be(const struct lj_spec_place *place, const char *what)
{
  return lj_train_fail(place->error, LOSSJIT_INVALID, "%s: %s%s must be %s",
                       place->spec->path, place->object, place->key, what);
}

/* Names from elsewhere that are spelt too differently to be found near. */
static const char *from_elsewhere(const char *name, const struct lj_spec_key *keys,
                                  size_t count)
{
  static const struct {
    const char *name, *ours;
  } rows[] = {
      {"lr", "learning_rate"},      {"eta", "learning_rate"}, {"eps", "epsilon"},
      {"batch", "batch_size"},      {"x", "inputs"},          {"y", "targets"},
      {"split", "validation_split"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (size_t k = 0; k < count; k++)
      if (!strcmp(name, rows[i].name) && !strcmp(keys[k].name, rows[i].ours))
        return rows[i].ours;
  return NULL;
}

lossjit_status lj_spec_unknown_key(const struct lj_spec_place *place, const char *name,
                                   const struct lj_spec_key *keys, size_t count)
{
  const char *names[32];
  for (size_t i = 0; i < count; i++)
    names[i] = keys[i].name;
  const char *nearest = from_elsewhere(name, keys, count);
  if (!nearest)
    nearest = lj_train_nearest(name, names, count);
  return lj_train_fail(place->error, LOSSJIT_INVALID, "%s: %s%.60s: unknown key%s%s%s",
                       place->spec->path, place->object, name,
                       nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                       nearest ? "\"?" : "");
}

/* ---- values ---------------------------------------------------------------------- */

static lossjit_status read_object(struct lj_spec_place place, json_t *object,
                                  const struct lj_spec_key *keys, size_t count)
{
  const char *name;
  json_t *value;
  json_object_foreach(object, name, value)
  {
    size_t i = 0;
    while (i < count && strcmp(keys[i].name, name))
      i++;
    if (i == count)
      return lj_spec_unknown_key(&place, name, keys, count);
    place.key = name;
    LJ_TRAIN_TRY(keys[i].read(&place, value));
  }
  return LOSSJIT_OK;
}

static lossjit_status read_text(const struct lj_spec_place *place, json_t *value,
                                const char **text)
{
  if (!json_is_string(value) || !json_string_length(value) ||
      strlen(json_string_value(value)) != json_string_length(value))
    return lj_spec_must_be(place, "a text that is not empty");
  *text = json_string_value(value);
  return LOSSJIT_OK;
}

lossjit_status lj_spec_truth(const struct lj_spec_place *place, json_t *value,
                             bool *truth)
{
  if (!json_is_boolean(value))
    return lj_spec_must_be(place, "true or false");
  *truth = json_is_true(value);
  return LOSSJIT_OK;
}

static lossjit_status read_count(const struct lj_spec_place *place, json_t *value,
                                 int64_t most, int64_t *count)
{
  json_int_t number = json_integer_value(value);
  if (!json_is_integer(value) || number < 1 || number > most) {
    char what[64];
    snprintf(what, sizeof what, "a whole number from 1 to %lld", (long long)most);
    return lj_spec_must_be(place, what);
  }
  *count = number;
  return LOSSJIT_OK;
}

static lossjit_status read_names(const struct lj_spec_place *place, json_t *value,
                                 struct lj_names *names)
{
  size_t count = json_array_size(value), i;
  json_t *item;
  if (!json_is_array(value) || !count)
    return lj_spec_must_be(place, "a list of texts that is not empty");
  names->items = lj_train_new(&place->spec->allocator, count, sizeof *names->items);
  if (!names->items)
    return lj_train_no_memory(place->error);
  names->count = count;
  json_array_foreach(value, i, item)
      LJ_TRAIN_TRY(read_text(place, item, &names->items[i]));
  return LOSSJIT_OK;
}

/* ---- layers ---------------------------------------------------------------------- */

static lossjit_status layer_units(const struct lj_spec_place *place, json_t *value)
{
  return read_count(place, value, LJ_LARGEST_SIZE,
                    &((lossjit_dense *)place->into)->units);
}

static lossjit_status layer_activation(const struct lj_spec_place *place, json_t *value)
{
  return read_text(place, value, &((lossjit_dense *)place->into)->activation);
}

static lossjit_status layer_initializer(const struct lj_spec_place *place,
                                        json_t *value)
{
  static const char *const names[] = {"glorot_uniform", "he_uniform", "zeros"};
  lossjit_dense *layer = place->into;
  const char *name = json_string_value(value);
  for (int i = 0; name && i < 3; i++) {
    if (strcmp(name, names[i]))
      continue;
    layer->kernel_initializer = (lossjit_initializer)i;
    return LOSSJIT_OK;
  }
  return lj_spec_must_be(place, "\"glorot_uniform\", \"he_uniform\" or \"zeros\"");
}

static lossjit_status layer_bias(const struct lj_spec_place *place, json_t *value)
{
  bool use = true;
  LJ_TRAIN_TRY(lj_spec_truth(place, value, &use));
  ((lossjit_dense *)place->into)->no_bias = !use;
  return LOSSJIT_OK;
}

static lossjit_status read_layer(struct lj_spec_place place, json_t *value,
                                 size_t index)
{
  static const struct lj_spec_key keys[] = {
      {"units", layer_units},
      {"activation", layer_activation},
      {"kernel_initializer", layer_initializer},
      {"use_bias", layer_bias},
  };
  lossjit_dense *layer = &place.spec->layers[index];
  char object[64], name[48];
  snprintf(name, sizeof name, "layers[%zu]", index);
  snprintf(object, sizeof object, "%s.", name);
  place.key = name;
  if (!json_is_object(value))
    return lj_spec_must_be(&place,
                           "an object like {\"units\": 10, \"activation\": \"relu\"}");
  place.object = object;
  place.into = layer;
  LJ_TRAIN_TRY(read_object(place, value, keys, sizeof keys / sizeof *keys));
  place.key = "units";
  return layer->units ? LOSSJIT_OK : lj_spec_must_be(&place, "given");
}

static lossjit_status read_layers(const struct lj_spec_place *place, json_t *value)
{
  struct lj_spec *spec = place->spec;
  size_t count = json_array_size(value), i;
  json_t *item;
  if (!json_is_array(value) || !count)
    return lj_spec_must_be(place, "a list of layers that is not empty");
  spec->layers = lj_train_new(&spec->allocator, count, sizeof *spec->layers);
  if (!spec->layers)
    return lj_train_no_memory(place->error);
  spec->layer_count = count;
  json_array_foreach(value, i, item) LJ_TRAIN_TRY(read_layer(*place, item, i));
  return LOSSJIT_OK;
}

/* ---- the file's own keys --------------------------------------------------------- */

/* Keys that are one value for one field of the spec. */
#define FIELD(field, read)                                                             \
  static lossjit_status field_##field(const struct lj_spec_place *place,               \
                                      json_t *value)                                   \
  {                                                                                    \
    return read(place, value, &place->spec->field);                                    \
  }
FIELD(data, read_text)
FIELD(inputs, read_names)
FIELD(targets, read_names)
FIELD(label, read_text)
FIELD(shuffle_before_split, lj_spec_truth)
FIELD(loss, read_text)
FIELD(shuffle, lj_spec_truth)
#undef FIELD

static lossjit_status read_standardize(const struct lj_spec_place *place, json_t *value)
{
  struct lj_spec *spec = place->spec;
  static const char wanted[] = "true, false, or a list of \"inputs\" and \"targets\"";
  size_t i;
  json_t *item;
  if (json_is_boolean(value)) {
    spec->standardize_inputs = spec->standardize_targets = json_is_true(value);
    return LOSSJIT_OK;
  }
  if (!json_is_array(value))
    return lj_spec_must_be(place, wanted);
  json_array_foreach(value, i, item)
  {
    const char *name = json_is_string(item) ? json_string_value(item) : "";
    if (strcmp(name, "inputs") && strcmp(name, "targets"))
      return lj_spec_must_be(place, wanted);
    *(*name == 'i' ? &spec->standardize_inputs : &spec->standardize_targets) = true;
  }
  return LOSSJIT_OK;
}

static lossjit_status read_split(const struct lj_spec_place *place, json_t *value)
{
  double split = json_number_value(value);
  if (!json_is_number(value) || !(split >= 0 && split < 1))
    return lj_spec_must_be(place, "a number of at least 0 and below 1");
  place->spec->validation_split = split;
  return LOSSJIT_OK;
}

static lossjit_status read_metrics(const struct lj_spec_place *place, json_t *value)
{
  if (json_is_array(value) && !json_array_size(value))
    return LOSSJIT_OK;
  return read_names(place, value, &place->spec->metrics);
}

static lossjit_status read_epochs(const struct lj_spec_place *place, json_t *value)
{
  int64_t epochs = 1;
  LJ_TRAIN_TRY(read_count(place, value, 1000000000, &epochs));
  place->spec->epochs = (size_t)epochs;
  return LOSSJIT_OK;
}

static lossjit_status read_batch_size(const struct lj_spec_place *place, json_t *value)
{
  int64_t size = 32;
  LJ_TRAIN_TRY(read_count(place, value, LJ_LARGEST_SIZE, &size));
  place->spec->batch_size = (size_t)size;
  return LOSSJIT_OK;
}

static lossjit_status read_seed(const struct lj_spec_place *place, json_t *value)
{
  if (!json_is_integer(value) || json_integer_value(value) < 0)
    return lj_spec_must_be(place, "a whole number that is not negative");
  place->spec->seed = (uint64_t)json_integer_value(value);
  return LOSSJIT_OK;
}

static const struct lj_spec_key file_keys[] = {
    {"data", field_data},
    {"inputs", field_inputs},
    {"targets", field_targets},
    {"label", field_label},
    {"standardize", read_standardize},
    {"validation_split", read_split},
    {"shuffle_before_split", field_shuffle_before_split},
    {"layers", read_layers},
    {"loss", field_loss},
    {"optimizer", lj_spec_optimizer},
    {"metrics", read_metrics},
    {"epochs", read_epochs},
    {"batch_size", read_batch_size},
    {"shuffle", field_shuffle},
    {"seed", read_seed},
};

/* ---- the whole ------------------------------------------------------------------- */

static lossjit_status check_complete(const struct lj_spec *spec,
                                     lossjit_train_error *error)
{
  const char *missing = !spec->data          ? "data"
                        : !spec->layer_count ? "layers"
                        : !spec->loss        ? "loss"
                                             : NULL;
  if (missing)
    return lj_train_fail(error, LOSSJIT_INVALID, "%s: the key \"%s\" is missing",
                         spec->path, missing);
  if (!spec->targets.count == !spec->label)
    return lj_train_fail(error, LOSSJIT_INVALID, "%s: give \"targets\" or \"label\"%s",
                         spec->path, spec->label ? ", not both" : "");
  return LOSSJIT_OK;
}

static lossjit_status read_root(struct lj_spec *spec, lossjit_train_error *error)
{
  json_error_t where;
  spec->root = json_load_file(spec->path, JSON_REJECT_DUPLICATES, &where);
  if (!spec->root && where.line < 1)
    return lj_train_fail(error, LOSSJIT_INVALID, "%s: %s", spec->path, where.text);
  if (!spec->root)
    return lj_train_fail(error, LOSSJIT_INVALID, "%s:%d:%d: %s", spec->path, where.line,
                         where.column, where.text);
  if (!json_is_object(spec->root))
    return lj_train_fail(error, LOSSJIT_INVALID, "%s: the file must be a JSON object",
                         spec->path);
  struct lj_spec_place place = {spec, error, "", "", spec};
  LJ_TRAIN_TRY(
      read_object(place, spec->root, file_keys, sizeof file_keys / sizeof *file_keys));
  return check_complete(spec, error);
}

lossjit_status lj_spec_read(struct lj_spec *spec, const lossjit_allocator *allocator,
                            const char *path, lossjit_train_error *error)
{
  *spec = (struct lj_spec){
      .allocator = *allocator, .path = path, .epochs = 1, .batch_size = 32};
  spec->shuffle = true;
  lossjit_optimizer_init("adam", &spec->optimizer);
  lossjit_status status = read_root(spec, error);
  if (status != LOSSJIT_OK)
    lj_spec_release(spec);
  return status;
}

void lj_spec_release(struct lj_spec *spec)
{
  if (!spec->allocator.resize)
    return;
  lossjit_allocator allocator = spec->allocator;
  lj_train_free(&allocator, spec->inputs.items);
  lj_train_free(&allocator, spec->targets.items);
  lj_train_free(&allocator, spec->metrics.items);
  lj_train_free(&allocator, spec->layers);
  json_decref(spec->root);
  *spec = (struct lj_spec){0};
}

char *lj_spec_path(const struct lj_spec *spec, const char *name)
{
  const char *slash = strrchr(spec->path, '/');
  size_t directory = *name != '/' && slash ? (size_t)(slash - spec->path) + 1 : 0;
  size_t length = strlen(name);
  char *path = lj_train_new(&spec->allocator, directory + length + 1, 1);
  if (path) {
    memcpy(path, spec->path, directory);
    memcpy(path + directory, name, length);
  }
  return path;
}
