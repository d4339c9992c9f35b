/*
 * A reader of grammar/lossjit.ebnf (the part of ISO 14977 that it uses) that derives
 * random sentences from it. The grammar file is the only source: a rule that is changed
 * there is a rule that is tested.
 *
 *     struct lj_ebnf *grammar = lj_ebnf_read(text, &problem);
 *     lj_ebnf_derive(grammar, "program", 60, 200, random, emit, user);
 *     lj_ebnf_unused(grammar);      what no derivation has taken so far
 *     lj_ebnf_free(grammar);
 */
#ifndef LJ_EBNF_H
#define LJ_EBNF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lj_ebnf;

/* NULL and a `problem` in words if the text is no grammar or names an unknown
 * symbol. */
struct lj_ebnf *lj_ebnf_read(const char *text, const char **problem);
void lj_ebnf_free(struct lj_ebnf *grammar);

/* Symbols in the order of the file; NULL out of range. */
const char *lj_ebnf_symbol(const struct lj_ebnf *grammar, size_t index);

/* What becomes of a sentence: `text` is a quoted terminal or, if `is_token`, the name
 * of a token class in capitals. */
typedef void lj_ebnf_emit(void *user, const char *text, bool is_token);

/* Derive one sentence. Beyond `depth` nested symbols, or after `length` tokens, only
 * the shortest way out is taken. `seed` is advanced. */
void lj_ebnf_derive(struct lj_ebnf *grammar, const char *symbol, int depth, int length,
                    uint64_t *seed, lj_ebnf_emit *emit, void *user);

/* The first alternative, option or repetition that no derivation has taken, as
 * "symbol: text"; NULL if all were taken. Valid until the next call. */
const char *lj_ebnf_unused(const struct lj_ebnf *grammar);

#endif
