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
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "elements are stored in the byte order of the file, which is little-endian"
#endif

struct npy {
  const char *at, *end; /* the header's text */
  lossjit_dtype dtype;
  char descr[16];
  bool fortran_order;
  int32_t rank;
  int64_t sizes[LOSSJIT_MAX_RANK];
  bool has_descr, has_order, has_shape;
  struct cli_error *error;
};

static const struct {
  const char *descr;
  lossjit_dtype dtype;
} dtypes[] = {{"<f4", LOSSJIT_F32},
              {"<f8", LOSSJIT_F64},
              {"<i4", LOSSJIT_I32},
              {"<i8", LOSSJIT_I64},
              {"|b1", LOSSJIT_BOOL}};

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
  for (size_t i = 0; i < CLI_COUNT(dtypes); i++)
    if (strcmp(npy->descr, dtypes[i].descr) == 0)
      npy->dtype = dtypes[i].dtype;
  if (!npy->dtype)
    return cli_fail(npy->error,
                    "elements of type '%s': only little-endian f4, f8, i4, i8 "
                    "and b1 are supported",
                    npy->descr);
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

/* Column-major elements into row-major order: count up the row-major index and follow
 * the column-major position. */
static void transpose_into(struct cli_array *array, const char *from)
{
  size_t width = lossjit_dtype_size(array->dtype), position = 0;
  int64_t index[LOSSJIT_MAX_RANK] = {0};
  size_t stride[LOSSJIT_MAX_RANK];
  for (int32_t k = 0; k < array->rank; k++)
    stride[k] = k ? stride[k - 1] * (size_t)array->sizes[k - 1] : 1;
  for (size_t i = 0; i < array->count; i++) {
    memcpy((char *)array->data + i * width, from + position * width, width);
    for (int32_t k = array->rank - 1; k >= 0; k--) {
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
  size_t needed = lossjit_dtype_size(npy->dtype);
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
  if (!cli_array_make(pool, array, npy->dtype, npy->rank, npy->sizes, npy->error))
    return false;
  if (npy->fortran_order && npy->rank > 1)
    transpose_into(array, bytes);
  else if (needed)
    memcpy(array->data, bytes, needed);
  if (npy->dtype == LOSSJIT_BOOL) /* any byte but 0 is true, and true is 1 */
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
  const char *descr = "";
  for (size_t i = CLI_COUNT(dtypes); i-- > 0;)
    if (dtypes[i].dtype == array->dtype)
      descr = dtypes[i].descr;
  for (int32_t i = 0; i < array->rank; i++)
    snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%lld,%s",
             (long long)array->sizes[i], i + 1 < array->rank ? " " : "");
  int used = snprintf(header, sizeof header,
                      "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr,
                      shape);
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
