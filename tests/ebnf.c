/*
 * A reader of the grammar file and a generator of sentences: see ebnf.h.
 *
 * A node knows the least number of nested symbols that an end of its derivation needs,
 * computed as a fixed point; with it a derivation always finds a way out.
 */
#include "tests/ebnf.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { TERMINAL, TOKEN, SYMBOL, SEQUENCE, CHOICE, OPTION, REPETITION };

enum { MOST_CHILDREN = 16, MOST_RULES = 64, ENDLESS = 1 << 20 };

struct node {
  enum kind kind;
  char text[32]; /* TERMINAL, TOKEN, SYMBOL */
  struct node *children[MOST_CHILDREN];
  size_t child_count;
  size_t rule; /* SYMBOL: index of its rule */
  int least;
  long uses;
  struct node *next; /* of all nodes, for freeing and for coverage */
  size_t owner;      /* the rule this node belongs to */
};

struct rule {
  char name[32];
  struct node *body;
};

struct lj_ebnf {
  struct rule rules[MOST_RULES];
  size_t rule_count;
  struct node *nodes;
  const char *at;
  const char *problem;
  jmp_buf escape;
};

/* ---- reading --------------------------------------------------------------------- */

_Noreturn static void give_up(struct lj_ebnf *g, const char *problem)
{
  g->problem = problem;
  longjmp(g->escape, 1);
}

static void skip_blanks(struct lj_ebnf *g)
{
  for (;;) {
    while (isspace((unsigned char)*g->at))
      g->at++;
    if (strncmp(g->at, "(*", 2) != 0)
      return;
    g->at = strstr(g->at, "*)");
    if (g->at == NULL)
      give_up(g, "a comment does not end");
    g->at += 2;
  }
}

static bool accept(struct lj_ebnf *g, char c)
{
  skip_blanks(g);
  if (*g->at != c)
    return false;
  g->at++;
  return true;
}

static struct node *new_node(struct lj_ebnf *g, enum kind kind)
{
  struct node *node = calloc(1, sizeof *node);
  if (node == NULL)
    give_up(g, "no memory");
  node->kind = kind;
  node->least = ENDLESS;
  node->owner = g->rule_count;
  node->next = g->nodes;
  g->nodes = node;
  return node;
}

static void add_child(struct lj_ebnf *g, struct node *node, struct node *child)
{
  if (node->child_count == MOST_CHILDREN)
    give_up(g, "too many parts in one rule");
  node->children[node->child_count++] = child;
}

static void copy_text(struct lj_ebnf *g, char to[32], const char *from, size_t length)
{
  if (length == 0 || length >= 32)
    give_up(g, "a name is missing or too long");
  memcpy(to, from, length);
  to[length] = '\0';
}

static size_t name_length(const char *at)
{
  size_t length = 0;
  while (isalnum((unsigned char)at[length]) || at[length] == '_')
    length++;
  return length;
}

static struct node *choice(struct lj_ebnf *g);

static struct node *bracketed(struct lj_ebnf *g, enum kind kind, char close)
{
  struct node *node = new_node(g, kind);
  add_child(g, node, choice(g));
  if (!accept(g, close))
    give_up(g, "a bracket is not closed");
  return kind == SEQUENCE ? node->children[0] : node;
}

static struct node *part(struct lj_ebnf *g)
{
  struct node *node;
  size_t length;
  if (accept(g, '['))
    return bracketed(g, OPTION, ']');
  if (accept(g, '{'))
    return bracketed(g, REPETITION, '}');
  if (accept(g, '('))
    return bracketed(g, SEQUENCE, ')');
  if (accept(g, '"')) {
    node = new_node(g, TERMINAL);
    length = strcspn(g->at, "\"\n");
    copy_text(g, node->text, g->at, length);
    g->at += length + 1;
    return node;
  }
  length = name_length(g->at);
  node = new_node(g, isupper((unsigned char)*g->at) ? TOKEN : SYMBOL);
  copy_text(g, node->text, g->at, length);
  g->at += length;
  return node;
}

static struct node *sequence(struct lj_ebnf *g)
{
  struct node *node = new_node(g, SEQUENCE);
  do
    add_child(g, node, part(g));
  while (accept(g, ','));
  return node;
}

static struct node *choice(struct lj_ebnf *g)
{
  struct node *node = new_node(g, CHOICE);
  do
    add_child(g, node, sequence(g));
  while (accept(g, '|'));
  return node;
}

static void rule(struct lj_ebnf *g)
{
  struct rule *rule = &g->rules[g->rule_count];
  size_t length = name_length(g->at);
  if (g->rule_count == MOST_RULES)
    give_up(g, "too many rules");
  copy_text(g, rule->name, g->at, length);
  g->at += length;
  if (!accept(g, '='))
    give_up(g, "a rule has no '='");
  rule->body = choice(g);
  if (!accept(g, ';'))
    give_up(g, "a rule does not end with ';'");
  g->rule_count++;
}

static size_t find_rule(struct lj_ebnf *g, const char *name)
{
  for (size_t i = 0; i < g->rule_count; i++)
    if (strcmp(g->rules[i].name, name) == 0)
      return i;
  give_up(g, "a symbol has no rule");
}

/* ---- the way out ----------------------------------------------------------------- */

static int least_of(const struct lj_ebnf *g, const struct node *node)
{
  int least = node->kind == CHOICE ? ENDLESS : 0;
  if (node->kind == SYMBOL)
    return 1 + g->rules[node->rule].body->least;
  if (node->kind == OPTION || node->kind == REPETITION)
    return 0;
  for (size_t i = 0; i < node->child_count; i++) {
    int child = node->children[i]->least;
    if (node->kind == CHOICE ? child < least : child > least)
      least = child;
  }
  return least;
}

static void find_ways_out(struct lj_ebnf *g)
{
  bool changed = true;
  while (changed) {
    changed = false;
    for (struct node *node = g->nodes; node != NULL; node = node->next) {
      int least = least_of(g, node);
      if (least < node->least) {
        node->least = least;
        changed = true;
      }
    }
  }
  for (struct node *node = g->nodes; node != NULL; node = node->next)
    if (node->least >= ENDLESS)
      give_up(g, "a rule derives no finite sentence");
}

/* True, or a problem. */
static bool read_rules(struct lj_ebnf *g)
{
  if (setjmp(g->escape) != 0)
    return false;
  for (skip_blanks(g); *g->at != '\0'; skip_blanks(g))
    rule(g);
  for (struct node *node = g->nodes; node != NULL; node = node->next)
    if (node->kind == SYMBOL)
      node->rule = find_rule(g, node->text);
  find_ways_out(g);
  return true;
}

struct lj_ebnf *lj_ebnf_read(const char *text, const char **problem)
{
  struct lj_ebnf *g = calloc(1, sizeof *g);
  *problem = "no memory";
  if (g == NULL)
    return NULL;
  g->at = text;
  if (read_rules(g)) {
    *problem = NULL;
    return g;
  }
  *problem = g->problem;
  lj_ebnf_free(g);
  return NULL;
}

void lj_ebnf_free(struct lj_ebnf *g)
{
  while (g->nodes != NULL) {
    struct node *node = g->nodes;
    g->nodes = node->next;
    free(node);
  }
  free(g);
}

const char *lj_ebnf_symbol(const struct lj_ebnf *g, size_t index)
{
  return index < g->rule_count ? g->rules[index].name : NULL;
}

/* ---- deriving -------------------------------------------------------------------- */

struct derivation {
  struct lj_ebnf *grammar;
  int tokens_left;
  uint64_t *seed;
  lj_ebnf_emit *emit;
  void *user;
};

/* xorshift64*; below `limit`. */
static unsigned pick(struct derivation *d, unsigned limit)
{
  *d->seed ^= *d->seed >> 12;
  *d->seed ^= *d->seed << 25;
  *d->seed ^= *d->seed >> 27;
  return (unsigned)((*d->seed * UINT64_C(2685821657736338717)) >> 33) % limit;
}

static struct node *pick_alternative(struct derivation *d, struct node *node, int depth)
{
  struct node *shortest = node->children[0], *chosen;
  for (size_t i = 1; i < node->child_count; i++)
    if (node->children[i]->least < shortest->least)
      shortest = node->children[i];
  chosen = node->children[pick(d, (unsigned)node->child_count)];
  return d->tokens_left > 0 && chosen->least < depth ? chosen : shortest;
}

static void derive(struct derivation *d, struct node *node, int depth)
{
  node->uses++;
  switch (node->kind) {
  case TERMINAL:
  case TOKEN:
    d->tokens_left--;
    d->emit(d->user, node->text, node->kind == TOKEN);
    break;
  case SYMBOL:
    derive(d, d->grammar->rules[node->rule].body, depth - 1);
    break;
  case SEQUENCE:
    for (size_t i = 0; i < node->child_count; i++)
      derive(d, node->children[i], depth);
    break;
  case CHOICE:
    derive(d, pick_alternative(d, node, depth), depth);
    break;
  case OPTION:
    if (d->tokens_left > 0 && node->children[0]->least < depth && pick(d, 4) == 0)
      derive(d, node->children[0], depth);
    break;
  case REPETITION:
    while (d->tokens_left > 0 && node->children[0]->least < depth && pick(d, 4) == 0)
      derive(d, node->children[0], depth);
    break;
  }
}

void lj_ebnf_derive(struct lj_ebnf *g, const char *symbol, int depth, int length,
                    uint64_t *seed, lj_ebnf_emit *emit, void *user)
{
  struct derivation d = {g, length, seed, emit, user};
  for (size_t i = 0; i < g->rule_count; i++)
    if (strcmp(g->rules[i].name, symbol) == 0)
      derive(&d, g->rules[i].body, depth);
}

const char *lj_ebnf_unused(const struct lj_ebnf *g)
{
  static char words[100];
  static const char *const kinds[] = {"terminal", "token",  "symbol",    "sequence",
                                      "choice",   "option", "repetition"};
  for (const struct node *node = g->nodes; node != NULL; node = node->next)
    if (node->uses == 0 && node->child_count != 1) {
      snprintf(words, sizeof words, "%s: a %s %s", g->rules[node->owner].name,
               kinds[node->kind], node->text);
      return words;
    }
  return NULL;
}
