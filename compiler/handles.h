/*
 * What is behind the public handles, and the way from a text to a kernel's graph.
 *
 *   engine   settings, the parsed prelude, the back end once it is loaded
 *   loss     the text and what the caller declared; every further stage is made from them
 *            again when it is asked for, which takes less than the cache that would save it
 *   code     one specialization: native code and its description, shared by handles
 *   kernel   code and a workspace
 */
#ifndef LJ_HANDLES_H
#define LJ_HANDLES_H

#include "compiler/backend.h"
#include "compiler/check.h"
#include "runtime/kernel.h"
#include "runtime/loader.h"

#include <pthread.h>
#include <stdatomic.h>

struct lj_provider {
  void *library; /* from dlopen */
  const struct lj_backend *backend;
  struct lj_backend_target *target;
  struct lj_target_facts facts;
};

struct lossjit_engine {
  atomic_uint references;
  lossjit_allocator allocator;
  char *target_name, *backend_path; /* NULL: the default */
  uint32_t depth_limit, node_limit;
  struct lj_arena arena; /* the prelude's tree */
  struct lj_program *prelude;
  lossjit_prelude_entry *prelude_entries; /* [prelude->statement_count] */
  struct lj_source sources[2]; /* [1] is the prelude; [0] is set per compile */
  pthread_mutex_t lock;        /* for what follows */
  struct lj_provider provider;
  char error[240];
};

/* What was asked of lossjit_compile, copied into the loss's arena. */
struct lossjit_loss {
  atomic_uint references;
  lossjit_engine *engine;
  struct lj_arena arena;
  struct lj_source source;
  struct lj_request request;
  /* what the check found */
  lossjit_input *inputs;
  uint32_t input_count;
  const char **parameter_names;
  double *parameter_defaults;
  uint32_t parameter_count;
  uint32_t *gradients; /* indices of inputs */
  uint32_t gradient_count;
  lossjit_input output;
  lossjit_result result;
  pthread_mutex_t lock;    /* for the list */
  struct lj_code_entry *codes; /* specializations made so far */
};

/* A specialization with everything filled in: how codes are found again. */
struct lj_variant {
  lossjit_input inputs[32];
  uint32_t input_count;
  uint32_t outputs;
  lossjit_weighting weighting;
  bool adjoint;
};

struct lj_code_entry {
  struct lj_code_entry *next;
  struct lj_arena arena; /* the description below */
  struct lj_variant variant;
  struct lj_abi_kernel abi;
  struct lj_code *code;
  lj_abi_phase **phases;
  lj_abi_finish *finish;
  lossjit_compile_times times;
  /* indices into abi outputs; -1: not an output */
  int32_t loss_output;
  int32_t first_gradient;
  int32_t weight_input, adjoint_input; /* into abi inputs; -1: none */
  uint32_t seed_parameter;
  int64_t result_count;  /* elements of one sample's result (of all, without a batch) */
  enum lj_dtype result_dtype;
  bool result_batched;
};

struct lossjit_kernel {
  lossjit_loss *loss;
  struct lj_code_entry *entry; /* belongs to the loss */
  struct lj_workspace workspace;
  atomic_flag busy;
};

/* ---- build.c: from a text to the graph of a kernel ------------------------------- */

/* One run of the front end. Everything lives in `arena`. */
struct lj_build {
  struct lj_trap trap;
  struct lj_arena arena;
  struct lj_source sources[2];
  struct lj_diags diags;
  struct lj_rules rules;
  struct lj_program *program;
  struct lj_checked checked;
  /* lj_build_kernel: */
  lj_id loss;       /* the result times its weights */
  lj_id *gradients; /* [checked.wrt_count] */
  lj_id check;      /* (batch,) of bool: an index is out of range; 0: none needed */
};

/* Open and close; between them failures leave through build->trap, which the caller sets. */
void lj_build_open(struct lj_build *build, const lossjit_loss *loss);
void lj_build_close(struct lj_build *build);
/* Parse and check the text, with `variant`'s sizes if it is given. False: diagnostics. */
bool lj_build_check(struct lj_build *build, const lossjit_loss *loss,
                    const struct lj_variant *variant);
/* Add weights, adjoints, gradients and checks for a variant. False: diagnostics. */
bool lj_build_kernel(struct lj_build *build, const struct lj_variant *variant);
/* Bring everything into the form a plan wants. */
void lj_build_expand(struct lj_build *build);
/* The plan of an expanded build. */
struct lj_plan *lj_build_plan(struct lj_build *build, const struct lj_variant *variant,
                              uint32_t vector_bits);

/* True where a gather below the roots reads outside its axis, as (batch,) of bool; 0 when
 * there is no gather. */
lj_id lj_index_check(struct lj_graph *graph, const lj_id *roots, uint32_t root_count);

/* ---- provider.c ------------------------------------------------------------------ */

/* Load the back end and make its target if that has not happened yet. */
lossjit_status lj_engine_provide(lossjit_engine *engine);
void lj_provider_release(struct lj_provider *provider);
void lj_engine_fail(lossjit_engine *engine, const char *message);

/* ---- code.c ---------------------------------------------------------------------- */

/* The code of a variant from the loss's list, or made now. */
lossjit_status lj_code_find(lossjit_loss *loss, const struct lj_variant *variant,
                            struct lj_code_entry **entry,
                            lossjit_diagnostics **diagnostics);
void lj_code_entries_release(lossjit_loss *loss);

#endif
