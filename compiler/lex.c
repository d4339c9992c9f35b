/*
 * Lexing: the whole text as an array of tokens with their places.
 *
 * White space and comments (# to the end of the line) separate tokens and leave nothing
 * behind. A character that begins no token is reported here and leaves a symbol 0,
 * which the parser steps over without a second complaint; where it is a known
 * look-alike (the minus sign of a typesetter, say) the tokens that were meant take its
 * place, so that the rest of the text is still read. Operators of other languages (^,
 * &&, !) are tokens, for the parser to say what they are called here.
 */
#include "compiler/lex_letters.h"
#include "compiler/syntax.h"
#include "compiler/utf8.h"

#include <math.h>
#include <string.h>

enum {
  MOST_TOKENS = 200000, /* twice the default limit on graph nodes */
  MOST_BYTES = 1 << 24  /* spans are 32-bit; nobody writes a loss of 16 MB */
};

struct lexer {
  struct lj_arena *arena;
  struct lj_diags *diags;
  const char *text;
  size_t length, at;
  uint32_t source;
  bool borrowed; /* reading a replacement: every token lies at `borrowed_span` */
  struct lj_span borrowed_span;
  struct lj_token *items;
  uint32_t count, capacity;
  const char **names; /* open addressing, never more than half full */
  uint32_t name_count, name_slots;
};

/* ---- characters ------------------------------------------------------------------ */

/* The character `ahead` of the current one, 0 beyond the end. */
static char peek(const struct lexer *l, size_t ahead)
{
  return ahead < l->length - l->at ? l->text[l->at + ahead] : '\0';
}

static bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_part(char c)
{
  return is_letter(c) || is_digit(c);
}

static bool is_blank(char c)
{
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct lj_span span_from(const struct lexer *l, size_t begin)
{
  struct lj_span span = {(uint32_t)begin, (uint32_t)l->at, l->source};
  return l->borrowed ? l->borrowed_span : span;
}

static struct lj_token *add_token(struct lexer *l, enum lj_token_kind kind,
                                  size_t begin)
{
  struct lj_token *token;
  LJ_GROW(l->arena, l->items, l->count, l->capacity);
  token = &l->items[l->count++];
  memset(token, 0, sizeof *token);
  token->kind = (uint8_t)kind;
  token->span = span_from(l, begin);
  return token;
}

static char *text_from(const struct lexer *l, size_t begin)
{
  return lj_copy_text(l->arena, l->text + begin, l->at - begin);
}

/* The text since `begin` for a message, which nobody wants to be a megabyte long. */
static const char *quotation(const struct lexer *l, size_t begin)
{
  size_t length = l->at - begin;
  return lj_format(l->arena, "%.*s%s", (int)(length < 40 ? length : 40),
                   l->text + begin, length < 40 ? "" : "...");
}

/* ---- names ----------------------------------------------------------------------- */

/* FNV-1a: short keys, and nothing depends on its quality. */
static uint32_t hash_bytes(const char *bytes, size_t length)
{
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < length; i++)
    hash = (hash ^ (unsigned char)bytes[i]) * 16777619u;
  return hash;
}

static const char **name_slot(const char **names, uint32_t slots, const char *name,
                              size_t length)
{
  uint32_t at = hash_bytes(name, length) & (slots - 1);
  while (names[at] != NULL &&
         (strncmp(names[at], name, length) != 0 || names[at][length] != '\0'))
    at = (at + 1) & (slots - 1);
  return &names[at];
}

static void grow_names(struct lexer *l)
{
  uint32_t slots = l->name_slots == 0 ? 64 : 2 * l->name_slots;
  const char **names = LJ_NEW_ARRAY(l->arena, const char *, slots);
  for (uint32_t i = 0; i < l->name_slots; i++)
    if (l->names[i] != NULL)
      *name_slot(names, slots, l->names[i], strlen(l->names[i])) = l->names[i];
  l->names = names;
  l->name_slots = slots;
}

/* Equal names of one text are one string. */
static const char *intern(struct lexer *l, const char *name, size_t length)
{
  const char **slot;
  if (2 * l->name_count >= l->name_slots)
    grow_names(l);
  slot = name_slot(l->names, l->name_slots, name, length);
  if (*slot == NULL) {
    *slot = lj_copy_text(l->arena, name, length);
    l->name_count++;
  }
  return *slot;
}

static void name(struct lexer *l)
{
  size_t begin = l->at;
  while (is_name_part(peek(l, 0)))
    l->at++;
  add_token(l, LJ_T_NAME, begin)->name = intern(l, l->text + begin, l->at - begin);
}

/* ---- numbers --------------------------------------------------------------------- */

/* Digits with single _ between them; false if a _ stands elsewhere. */
static bool digits(struct lexer *l)
{
  bool good = true;
  while (is_digit(peek(l, 0)) || peek(l, 0) == '_') {
    if (peek(l, 0) == '_')
      good = good && l->at > 0 && is_digit(l->text[l->at - 1]) && is_digit(peek(l, 1));
    l->at++;
  }
  return good;
}

/* An exponent, if there is one; 2exp(x) and 2e_x are a number and a name. */
static const char *exponent(struct lexer *l, bool *is_float)
{
  size_t sign = peek(l, 1) == '+' || peek(l, 1) == '-';
  if ((peek(l, 0) | 0x20) != 'e')
    return NULL;
  if (!is_digit(peek(l, 1 + sign))) {
    if (is_name_part(peek(l, 1)))
      return NULL;
    l->at += 1 + sign;
    return "its exponent has no digits";
  }
  *is_float = true;
  l->at += 1 + sign;
  return digits(l) ? NULL : "'_' stands between two digits";
}

static bool has_radix_prefix(const struct lexer *l)
{
  char letter = (char)(peek(l, 1) | 0x20);
  char digit = (char)(peek(l, 2) | 0x20);
  if (peek(l, 0) != '0')
    return false;
  return (letter == 'x' && (is_digit(peek(l, 2)) || (digit >= 'a' && digit <= 'f'))) ||
         ((letter == 'b' || letter == 'o') && is_digit(peek(l, 2)));
}

/* Read the longest thing that wants to be a number. NULL, or what is wrong with it. */
static const char *number_extent(struct lexer *l, bool *is_float)
{
  const char *problem = NULL;
  if (has_radix_prefix(l)) {
    while (is_name_part(peek(l, 0)))
      l->at++;
    return "numbers are decimal";
  }
  if (!digits(l))
    problem = "'_' stands between two digits";
  if (peek(l, 0) == '.') {
    *is_float = true;
    l->at++;
    if (is_digit(peek(l, 0)) && !digits(l))
      problem = "'_' stands between two digits";
  }
  if (problem == NULL)
    problem = exponent(l, is_float);
  if (peek(l, 0) == '.' && *is_float) {
    while (is_name_part(peek(l, 0)) || peek(l, 0) == '.')
      l->at++;
    return "it has more than one decimal point";
  }
  return problem;
}

/* The suffix of a C number, 1.0f; without a point it could be a product with a name. */
static bool has_suffix(const struct lexer *l, bool is_float)
{
  char letter = (char)(peek(l, 0) | 0x20);
  return is_float && (letter == 'f' || letter == 'l' || letter == 'd') &&
         !is_name_part(peek(l, 1));
}

static void bad_number(struct lexer *l, size_t begin, const char *problem,
                       const char *replacement)
{
  struct lj_span span = span_from(l, begin);
  struct lj_report *report =
      lj_report(l->diags, LJ_D_BAD_NUMBER, span, quotation(l, begin), problem);
  if (replacement != NULL)
    lj_fix(l->diags, report, span, replacement, "write %s", replacement);
}

/* The value of good digits; out of range is reported as well. */
static void number_value(struct lexer *l, size_t begin, struct lj_token *token)
{
  char *plain = text_from(l, begin);
  char *to = plain;
  for (const char *from = plain; *from != '\0'; from++)
    if (*from != '_')
      *to++ = *from;
  *to = '\0';
  token->number = lj_number_read(plain);
  if (isinf(token->number)) {
    bad_number(l, begin, "it is beyond the range of f64", "inf");
    return;
  }
  if (token->kind == LJ_T_FLOAT)
    return;
  for (const char *at = plain; *at != '\0'; at++) {
    int64_t digit = *at - '0';
    if (token->integer > (INT64_MAX - digit) / 10) {
      bad_number(l, begin, "integers have 64 bits", lj_format(l->arena, "%s.0", plain));
      return;
    }
    token->integer = 10 * token->integer + digit;
  }
}

static void number(struct lexer *l)
{
  size_t begin = l->at;
  bool is_float = false;
  const char *problem = number_extent(l, &is_float);
  if (problem == NULL && has_suffix(l, is_float)) {
    const char *without = text_from(l, begin);
    l->at++;
    add_token(l, LJ_T_FLOAT, begin);
    bad_number(l, begin, "numbers have no suffix", without);
  } else if (problem != NULL) {
    add_token(l, LJ_T_FLOAT, begin);
    bad_number(l, begin, problem, NULL);
  } else {
    number_value(l, begin, add_token(l, is_float ? LJ_T_FLOAT : LJ_T_INTEGER, begin));
  }
}

/* ---- symbols --------------------------------------------------------------------- */

static const char symbols[] = "+-*/%@<>&|~=()[]{},;:.^!?";

static bool symbol(struct lexer *l)
{
  static const char pairs[][3] = {"**", "==", "!=", "<=", ">=", "&&", "||", "//"};
  char first = peek(l, 0);
  char second = peek(l, 1);
  size_t begin = l->at;
  if (first == '.' && second == '.' && peek(l, 2) == '.') {
    l->at += 3;
    add_token(l, LJ_T_SYMBOL, begin)->symbol = LJ_SYMBOL('.', '.');
    return true;
  }
  for (size_t i = 0; i < LJ_COUNT(pairs); i++)
    if (first == pairs[i][0] && second == pairs[i][1]) {
      l->at += 2;
      add_token(l, LJ_T_SYMBOL, begin)->symbol = LJ_SYMBOL(first, second);
      return true;
    }
  if (first == '\0' || strchr(symbols, first) == NULL)
    return false;
  l->at += 1;
  add_token(l, LJ_T_SYMBOL, begin)->symbol = LJ_SYMBOL(first, 0);
  return true;
}

/* ---- what belongs to no token ---------------------------------------------------- */

static void read_tokens(struct lexer *l);

/* A letter in front of a name: the whole name as it was meant. */
static const char *with_rest_of_name(struct lexer *l, const char *meant)
{
  size_t begin = l->at;
  while (is_name_part(peek(l, 0)))
    l->at++;
  return lj_format(l->arena, "%s%.*s", meant, (int)(l->at - begin), l->text + begin);
}

/* Report the look-alike at the current place and read what it stands for instead. */
static void read_look_alike(struct lexer *l, size_t bytes, const char *meant)
{
  struct lexer inner = *l;
  struct lj_report *report;
  size_t begin = l->at;
  const char *character;
  l->at += bytes;
  character = text_from(l, begin);
  if (is_letter(*meant))
    meant = with_rest_of_name(l, meant);
  inner.borrowed = true;
  inner.borrowed_span = span_from(l, begin);
  inner.text = meant;
  inner.length = strlen(meant);
  inner.at = 0;
  report = lj_report(l->diags, LJ_D_UNEXPECTED_CHARACTER, inner.borrowed_span,
                     lj_format(l->arena, "'%s'", character));
  if (is_blank(*meant) || *meant == '\0')
    lj_fix(l->diags, report, inner.borrowed_span, meant, "write an ordinary space");
  else
    lj_fix(l->diags, report, inner.borrowed_span, meant, "write '%s'", meant);
  read_tokens(&inner);
  inner.text = l->text;
  inner.length = l->length;
  inner.at = l->at;
  inner.borrowed = false;
  *l = inner;
}

static const char *character_words(struct lexer *l, size_t begin, uint32_t code)
{
  if (code == LJ_UTF8_BAD)
    return lj_format(l->arena, "(the byte 0x%02X)", (unsigned char)l->text[begin]);
  if (!lj_utf8_is_printable(code))
    return lj_format(l->arena, "U+%04X", (unsigned)code);
  return lj_format(l->arena, "'%s'", text_from(l, begin));
}

static bool begins_token(char c)
{
  return is_blank(c) || is_name_part(c) || c == '#' || c == '\'' || c == '"' ||
         (c != '\0' && strchr(symbols, c) != NULL);
}

/* Many signs look alike: say which one it is. */
static void name_character(struct lexer *l, struct lj_report *report, uint32_t code)
{
  struct lj_span nowhere = {0, 0, 0};
  if (code >= 0x80 && code != LJ_UTF8_BAD && lj_utf8_is_printable(code))
    lj_note(
        l->diags, report, nowhere,
        "it is U+%04X; names consist of the letters a to z and A to Z, digits and _",
        (unsigned)code);
}

/* One report and one symbol 0 for a run of such characters. */
static void unexpected(struct lexer *l)
{
  size_t begin = l->at, bytes;
  uint32_t code = lj_utf8_read(l->text + l->at, l->length - l->at, &bytes);
  if (lj_look_alike(code) != NULL) {
    read_look_alike(l, bytes, lj_look_alike(code));
    return;
  }
  l->at += bytes;
  name_character(l,
                 lj_report(l->diags, LJ_D_UNEXPECTED_CHARACTER, span_from(l, begin),
                           character_words(l, begin, code)),
                 code);
  while (l->at < l->length && !begins_token(peek(l, 0))) {
    code = lj_utf8_read(l->text + l->at, l->length - l->at, &bytes);
    if (lj_look_alike(code) != NULL)
      break;
    l->at += bytes;
  }
  add_token(l, LJ_T_SYMBOL, begin);
}

static bool is_symbol(const struct lj_token *token, char symbol)
{
  return token->kind == LJ_T_SYMBOL && token->symbol == (uint16_t)symbol;
}

/* f(x, reduction='mean'): the choice is the caller's, call by call. */
static bool quotes_reduction(struct lexer *l, struct lj_report *report, size_t begin)
{
  const struct lj_token *last = l->items + l->count; /* symbol 0 for the quotes */
  struct lj_span all = span_from(l, begin);
  if (l->count < 4 || !is_symbol(last - 2, '=') || last[-3].kind != LJ_T_NAME ||
      strcmp(last[-3].name, "reduction") != 0 || !is_symbol(last - 4, ','))
    return false;
  all.begin = last[-4].span.begin;
  lj_fix(l->diags, report, all, "",
         "leave out the reduction: whoever calls the loss chooses it");
  return true;
}

/* 'text' or "text", to the closing quote or the end of the line. */
static void quoted(struct lexer *l)
{
  char quote = peek(l, 0);
  size_t begin = l->at++;
  struct lj_report *report;
  while (l->at < l->length && peek(l, 0) != quote && peek(l, 0) != '\n')
    l->at++;
  if (peek(l, 0) == quote)
    l->at++;
  add_token(l, LJ_T_SYMBOL, begin);
  report = lj_report(l->diags, LJ_D_QUOTED_TEXT, span_from(l, begin));
  if (quotes_reduction(l, report, begin))
    return;
  lj_fix(l->diags, report, span_from(l, begin), NULL,
         "options are numbers, True or False; comments begin with #");
}

/* ---- the text -------------------------------------------------------------------- */

static void skip_comment(struct lexer *l)
{
  const char *from = l->text + l->at;
  const char *newline = memchr(from, '\n', l->length - l->at);
  l->at = newline == NULL ? l->length : (size_t)(newline - l->text);
}

static void read_tokens(struct lexer *l)
{
  while (l->at < l->length && l->count <= MOST_TOKENS) {
    char c = peek(l, 0);
    if (is_blank(c))
      l->at++;
    else if (c == '#')
      skip_comment(l);
    else if (is_letter(c))
      name(l);
    else if (is_digit(c) || (c == '.' && is_digit(peek(l, 1))))
      number(l);
    else if (c == '\'' || c == '"')
      quoted(l);
    else if (!symbol(l))
      unexpected(l);
  }
}

/* A text that is refused as a whole has no tokens, so that nothing else is said of
 * it. */
static void refuse(struct lexer *l, const char *what, unsigned limit)
{
  struct lj_span first = {0, l->length > 0, l->source};
  lj_report(l->diags, LJ_D_TOO_LARGE, first, what, lj_format(l->arena, "%u", limit));
  l->count = 0;
  l->at = l->length < MOST_BYTES ? l->length : MOST_BYTES;
}

static void skip_byte_order_mark(struct lexer *l)
{
  if (l->length >= 3 && memcmp(l->text, "\xEF\xBB\xBF", 3) == 0)
    l->at = 3;
}

struct lj_tokens lj_lex(struct lj_arena *arena, struct lj_diags *diags,
                        const struct lj_source *source, uint32_t source_number)
{
  struct lexer l = {.arena = arena,
                    .diags = diags,
                    .text = source->text,
                    .length = source->length,
                    .source = source_number};
  if (l.length > MOST_BYTES) {
    refuse(&l, "the text has too many bytes", MOST_BYTES);
  } else {
    skip_byte_order_mark(&l);
    read_tokens(&l);
    if (l.count > MOST_TOKENS)
      refuse(&l, "the text has too many tokens", MOST_TOKENS);
  }
  add_token(&l, LJ_T_END, l.at);
  return (struct lj_tokens){l.items, l.count};
}
