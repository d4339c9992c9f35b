/*
 * The seam to the back end. liblossjit knows this table of functions only; it comes from
 * liblossjit-llvm, which is loaded when the first kernel is made.
 */
#ifndef LJ_BACKEND_H
#define LJ_BACKEND_H

#include "compiler/plan.h"

#define LJ_BACKEND_VERSION 1u
#define LJ_BACKEND_SYMBOL "lossjit_backend"

struct lj_backend_target; /* the back end's own */

/* What front end and runtime need to know of a target. */
struct lj_target_facts {
  const char *name;     /* "host" */
  const char *cpu;      /* "znver4" */
  uint32_t vector_bits;
  bool runs_here;
};

enum lj_form { LJ_FORM_OBJECT, LJ_FORM_LLVM, LJ_FORM_ASSEMBLY };

struct lj_code_bytes {
  void *bytes; /* from the allocator given; text is terminated */
  size_t size;
  double emit_ms, object_ms;
};

struct lj_backend {
  uint32_t version;
  /* Targets may be used by several threads at once. An unknown name is LOSSJIT_ARGUMENT. */
  lossjit_status (*target_create)(const char *name, const lossjit_allocator *allocator,
                                  struct lj_backend_target **target,
                                  struct lj_target_facts *facts, char *error,
                                  size_t error_size);
  void (*target_release)(struct lj_backend_target *target);
  lossjit_status (*compile)(struct lj_backend_target *target, const struct lj_plan *plan,
                            enum lj_form form, const lossjit_allocator *allocator,
                            struct lj_code_bytes *code, char *error, size_t error_size);
};

/* The one symbol of liblossjit-llvm; NULL when `version` is not its own. */
typedef const struct lj_backend *lj_backend_entry(uint32_t version);

#endif
