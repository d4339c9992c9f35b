/*
 * NumPy's .npy files, versions 1 to 3.
 *
 * A file is "\x93NUMPY", two version bytes, the header's length (two bytes in version
 * 1, four in later ones), the header - a Python dict with `descr`, `fortran_order` and
 * `shape` - and the elements (numpy.lib.format). The header is read by a small reader
 * of just that dict; nothing in it is believed before the file is known to be long
 * enough.
 */
#include "cli/data.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "elements are stored in the byte order of the file, which is little-endian"
#endif

struct npy {
  const char *at, *end; /* the header's text */
  const struct element *element;
  bool big_endian;
  char descr[16];
  bool fortran_order;
  int32_t rank;
  int64_t sizes[LOSSJIT_MAX_RANK];
  bool has_descr, has_order, has_shape;
  struct cli_error *error;
};

/* Element types: NumPy's code, bytes in the file, and what they become. Those that the
 * library does not have become the next larger one. The codes of our own types are what
 * is written. */
struct element {
  char code[3];
  size_t width;
  lossjit_dtype dtype;
  bool converted;
};

static const struct element elements[] = {
    {"f4", 4, LOSSJIT_F32, false},  {"f8", 8, LOSSJIT_F64, false},
    {"i4", 4, LOSSJIT_I32, false},  {"i8", 8, LOSSJIT_I64, false},
    {"b1", 1, LOSSJIT_BOOL, false}, {"f2", 2, LOSSJIT_F32, true},
    {"i1", 1, LOSSJIT_I32, true},   {"i2", 2, LOSSJIT_I32, true},
    {"u1", 1, LOSSJIT_I32, true},   {"u2", 2, LOSSJIT_I32, true},
    {"u4", 4, LOSSJIT_I64, true},
};

/* ---- the header ------------------------------------------------------------------ */

static void skip_space(struct npy *npy)
{
  while (npy->at < npy->end && isspace((unsigned char)*npy->at))
    npy->at++;
}

static bool accept(struct npy *npy, const char *word)
{
  size_t length = strlen(word);
  skip_space(npy);
  if ((size_t)(npy->end - npy->at) < length || memcmp(npy->at, word, length) != 0)
    return false;
  npy->at += length;
  return true;
}

/* 'text' or "text" of at most size - 1 characters. */
static bool read_string(struct npy *npy, char *text, size_t size)
{
  skip_space(npy);
  if (npy->at == npy->end || (*npy->at != '\'' && *npy->at != '"'))
    return false;
  char quote = *npy->at++;
  size_t length = 0;
  while (npy->at < npy->end && *npy->at != quote && length + 1 < size)
    text[length++] = *npy->at++;
  text[length] = '\0';
  if (npy->at == npy->end || *npy->at != quote)
    return false;
  npy->at++;
  return true;
}

static bool read_size(struct npy *npy, int64_t *size)
{
  skip_space(npy);
  if (npy->at == npy->end || !isdigit((unsigned char)*npy->at))
    return false;
  *size = 0;
  while (npy->at < npy->end && isdigit((unsigned char)*npy->at))
    if (__builtin_mul_overflow(*size, 10, size) ||
        __builtin_add_overflow(*size, *npy->at++ - '0', size))
      return false;
  return true;
}

static bool read_shape(struct npy *npy)
{
  if (!accept(npy, "("))
    return cli_fail(npy->error, "not a valid .npy header: shape is no tuple");
  while (!accept(npy, ")")) {
    if (npy->rank == LOSSJIT_MAX_RANK)
      return cli_fail(npy->error, "more than %d dimensions", LOSSJIT_MAX_RANK);
    if (!read_size(npy, &npy->sizes[npy->rank++]))
      return cli_fail(npy->error, "not a valid .npy header: bad size in shape");
    if (!accept(npy, ",") && !(accept(npy, ")") && npy->at--))
      return cli_fail(npy->error, "not a valid .npy header: bad shape");
  }
  return npy->has_shape = true;
}

static bool read_descr(struct npy *npy)
{
  if (!read_string(npy, npy->descr, sizeof npy->descr))
    return cli_fail(npy->error,
                    "records and other structured elements are not supported");
  npy->element = NULL;
  for (size_t i = 0; *npy->descr && i < CLI_COUNT(elements); i++)
    if (strcmp(npy->descr + 1, elements[i].code) == 0)
      npy->element = &elements[i];
  if (!npy->element || !strchr("<>|=", *npy->descr))
    return cli_fail(
        npy->error,
        "elements of type '%s': only f2, f4, f8, i1, i2, i4, i8, u1, u2, u4 "
        "and b1 are supported",
        npy->descr);
  npy->big_endian = *npy->descr == '>';
  return npy->has_descr = true;
}

static bool read_entry(struct npy *npy)
{
  char key[24];
  if (!read_string(npy, key, sizeof key) || !accept(npy, ":"))
    return cli_fail(npy->error, "not a valid .npy header");
  if (strcmp(key, "descr") == 0)
    return read_descr(npy);
  if (strcmp(key, "shape") == 0)
    return read_shape(npy);
  if (strcmp(key, "fortran_order") != 0)
    return cli_fail(npy->error, "not a valid .npy header: unknown entry '%s'", key);
  npy->fortran_order = accept(npy, "True");
  if (!npy->fortran_order && !accept(npy, "False"))
    return cli_fail(npy->error, "not a valid .npy header: bad fortran_order");
  return npy->has_order = true;
}

static bool read_header(struct npy *npy)
{
  if (!accept(npy, "{"))
    return cli_fail(npy->error, "not a valid .npy header");
  while (!accept(npy, "}")) {
    if (npy->has_descr + npy->has_order + npy->has_shape >= 3 || !read_entry(npy))
      return npy->error->text[0] ? false
                                 : cli_fail(npy->error, "not a valid .npy header");
    accept(npy, ",");
  }
  if (!npy->has_descr || !npy->has_order || !npy->has_shape)
    return cli_fail(npy->error, "not a valid .npy header: an entry is missing");
  return true;
}

/* ---- the elements ---------------------------------------------------------------- */

/* IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction. */
static float half(uint16_t bits)
{
  float magnitude = (float)(bits & 0x3ff) * 0x1p-24f;
  int exponent = bits >> 10 & 31;
  if (exponent == 31)
    magnitude = bits & 0x3ff ? NAN : INFINITY;
  else if (exponent)
    magnitude = ldexpf((float)(0x400 | (bits & 0x3ff)), exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

/* Element `i` from its bytes in the file. */
static void take_element(const struct npy *npy, const char *from,
                         struct cli_array *array, size_t i)
{
  const struct element *element = npy->element;
  size_t width = element->width;
  char bytes[8];
  for (size_t k = 0; k < width; k++)
    bytes[k] = from[npy->big_endian ? width - 1 - k : k];
  if (!element->converted) {
    memcpy((char *)array->data + i * width, bytes, width);
    return;
  }
  uint32_t bits = 0;
  memcpy(&bits, bytes, width);
  if (element->code[0] == 'f')
    ((float *)array->data)[i] = half((uint16_t)bits);
  else if (element->dtype == LOSSJIT_I64)
    ((int64_t *)array->data)[i] = bits;
  else if (element->code[0] == 'u')
    ((int32_t *)array->data)[i] = (int32_t)bits;
  else
    ((int32_t *)array->data)[i] = width == 1 ? (int8_t)bits : (int16_t)bits;
}

/* All elements into row-major order: count up the row-major index and follow the
 * position in the file. */
static void take_elements(const struct npy *npy, const char *from,
                          struct cli_array *array)
{
  int32_t rank = array->rank;
  size_t position = 0, stride[LOSSJIT_MAX_RANK], step = 1;
  int64_t index[LOSSJIT_MAX_RANK] = {0};
  for (int32_t k = 0; k < rank; k++) {
    int32_t axis = npy->fortran_order ? k : rank - 1 - k;
    stride[axis] = step;
    step *= (size_t)array->sizes[axis];
  }
  for (size_t i = 0; i < array->count; i++) {
    take_element(npy, from + position * npy->element->width, array, i);
    for (int32_t k = rank - 1; k >= 0; k--) {
      position += stride[k];
      if (++index[k] < array->sizes[k])
        break;
      position -= stride[k] * (size_t)array->sizes[k];
      index[k] = 0;
    }
  }
}

static bool read_elements(struct cli_pool *pool, const struct npy *npy,
                          const char *bytes, size_t available, struct cli_array *array)
{
  size_t needed = npy->element->width;
  bool fits = true;
  for (int32_t i = 0; i < npy->rank; i++)
    fits &= !__builtin_mul_overflow(needed, (size_t)npy->sizes[i], &needed);
  for (int32_t i = 0; i < npy->rank; i++)
    if (npy->sizes[i] == 0) {
      fits = true;
      needed = 0;
    }
  if (!fits || needed > available)
    return cli_fail(npy->error,
                    "truncated: shape %s needs more than the %zu bytes there "
                    "are",
                    cli_shape_text(pool, npy->rank, npy->sizes), available);
  if (!cli_array_make(pool, array, npy->element->dtype, npy->rank, npy->sizes,
                      npy->error))
    return false;
  bool plain = !npy->big_endian && !npy->element->converted;
  if (plain && needed && (!npy->fortran_order || npy->rank < 2))
    memcpy(array->data, bytes, needed);
  else
    take_elements(npy, bytes, array);
  if (array->dtype == LOSSJIT_BOOL) /* any byte but 0 is true, and true is 1 */
    for (size_t i = 0; i < array->count; i++)
      ((uint8_t *)array->data)[i] = ((uint8_t *)array->data)[i] != 0;
  return true;
}

bool cli_parse_npy(struct cli_pool *pool, const char *bytes, size_t length,
                   struct cli_array *array, struct cli_error *error)
{
  const unsigned char *head = (const unsigned char *)bytes;
  struct npy npy = {.error = error};
  error->text[0] = '\0';
  if (length < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0)
    return cli_fail(error, "not an .npy file (.npy, .csv and .json can be read)");
  if (head[6] < 1 || head[6] > 3)
    return cli_fail(error, ".npy version %d is not supported", head[6]);
  size_t begin = head[6] == 1 ? 10 : 12, header = head[8] | (size_t)head[9] << 8;
  if (head[6] > 1 && length >= 12)
    header |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
  if (length < begin || header > length - begin)
    return cli_fail(error, "truncated: the header is cut off");
  npy.at = bytes + begin;
  npy.end = npy.at + header;
  return read_header(&npy) && read_elements(pool, &npy, bytes + begin + header,
                                            length - begin - header, array);
}

/* ---- writing --------------------------------------------------------------------- */

#define ALIGNMENT 64 /* of the elements in the file, as NumPy writes them */

bool cli_write_npy(const char *path, const struct cli_array *array,
                   struct cli_error *error)
{
  char header[512], shape[256] = "";
  const char *code = "";
  for (size_t i = 0; i < CLI_COUNT(elements); i++)
    if (elements[i].dtype == array->dtype && !elements[i].converted)
      code = elements[i].code;
  for (int32_t i = 0; i < array->rank; i++)
    snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%lld,%s",
             (long long)array->sizes[i], i + 1 < array->rank ? " " : "");
  int used = snprintf(header, sizeof header,
                      "{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }",
                      array->dtype == LOSSJIT_BOOL ? "|" : "<", code, shape);
  int padded = (10 + used + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT - 10;
  memset(header + used, ' ', (size_t)(padded - used));
  header[padded - 1] = '\n';
  unsigned char head[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  head[8] = (unsigned char)(padded & 255);
  head[9] = (unsigned char)(padded >> 8);
  FILE *file = fopen(path, "wb");
  if (!file)
    return cli_fail(error, "%s: %s", path, strerror(errno));
  errno = 0;
  fwrite(head, 1, sizeof head, file);
  fwrite(header, 1, (size_t)padded, file);
  fwrite(array->data, lossjit_dtype_size(array->dtype), array->count, file);
  bool failed = ferror(file) != 0;
  failed |= fclose(file) != 0;
  return !failed || cli_fail(error, "%s: %s", path, strerror(errno ? errno : EIO));
}
