/*
 * lossjit: training losses written as one line of mathematics, compiled to native code.
 *
 *     lossjit_engine *engine;
 *     lossjit_loss *loss;
 *     lossjit_kernel *kernel;
 *     lossjit_diagnostics *diagnostics;
 *
 *     lossjit_engine_create(NULL, &engine);
 *     lossjit_compile(engine, "mean(square(y_pred - y_true), axis=-1)", NULL, &loss,
 *                     &diagnostics);
 *     lossjit_loss_specialize(loss, &(lossjit_specialization){
 *         .inputs = (lossjit_input[]){{"y_pred", LOSSJIT_F32, 2, {LOSSJIT_BATCH, 10}}},
 *         .input_count = 1, .outputs = LOSSJIT_LOSS | LOSSJIT_GRADIENT}, &kernel,
 *         &diagnostics);
 *     lossjit_kernel_call(kernel, &(lossjit_call){
 *         .batch = 64, .inputs = (lossjit_array[]){{y_pred}, {y_true}},
 *         .loss = {loss_out}, .gradients = (lossjit_array[]){{gradient_out}}});
 *
 * Three handles, from general to particular:
 *
 *   engine   the settings: allocator, limits, target, and the back end once it is loaded
 *   loss     one checked expression: its inputs, parameters, gradient as text
 *   kernel   native code for one loss at fixed inner sizes; the batch size stays free
 *
 * Rules that hold for every function:
 *
 *   - Status. Functions return a lossjit_status. Outputs come last and are set to NULL or
 *     zero when the status is not LOSSJIT_OK. A wrong *text* gives LOSSJIT_INVALID and
 *     diagnostics; a wrong *call* gives another status and changes nothing.
 *   - Ownership. Every `_create`, `_compile`, `_specialize` and `_text` result belongs to
 *     the caller and is given back with the matching `_release`. A loss keeps its engine
 *     alive, a kernel its loss. `_release(NULL)` does nothing.
 *   - Threads. Engines and losses are immutable after creation as far as a caller can see
 *     and may be used from any number of threads. A kernel owns scratch memory, so one
 *     handle serves one call at a time (LOSSJIT_BUSY otherwise): give each thread its own
 *     handle from lossjit_kernel_share, which shares the code.
 *   - Silence. The library never prints, exits or installs signal handlers. The back end,
 *     once loaded, sets two process-wide options of the LLVM library it uses: a handler that
 *     turns LLVM's fatal errors into LOSSJIT_INTERNAL, and no loop strength reduction.
 */
#ifndef LOSSJIT_H
#define LOSSJIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LOSSJIT_API __attribute__((visibility("default")))
#else
#define LOSSJIT_API
#endif

#define LOSSJIT_VERSION "0.1.0"

/* Most dimensions an array can have, the batch included. */
#define LOSSJIT_MAX_RANK 8

typedef struct lossjit_engine lossjit_engine;
typedef struct lossjit_loss lossjit_loss;
typedef struct lossjit_kernel lossjit_kernel;
typedef struct lossjit_diagnostics lossjit_diagnostics;

typedef enum lossjit_status {
  LOSSJIT_OK = 0,
  LOSSJIT_INVALID,     /* the expression is wrong: see the diagnostics */
  LOSSJIT_ARGUMENT,    /* the call is wrong: a null pointer, a bad size, an unknown name */
  LOSSJIT_LABEL_RANGE, /* an index or label points outside its axis; nothing was written */
  LOSSJIT_BUSY,        /* the kernel handle is in use by another thread */
  LOSSJIT_NO_MEMORY,
  LOSSJIT_NO_BACKEND, /* liblossjit-llvm could not be loaded */
  LOSSJIT_INTERNAL    /* our own bug; lossjit_engine_error says where */
} lossjit_status;

/* One line about a status, for people. Never NULL. */
LOSSJIT_API const char *lossjit_status_text(lossjit_status status);

/* ---- types ----------------------------------------------------------------------- */

typedef enum lossjit_dtype {
  LOSSJIT_F32 = 1,
  LOSSJIT_F64,
  LOSSJIT_I32,
  LOSSJIT_I64,
  LOSSJIT_BOOL /* one byte, 0 or 1 */
} lossjit_dtype;

LOSSJIT_API size_t lossjit_dtype_size(lossjit_dtype dtype);    /* bytes */
LOSSJIT_API const char *lossjit_dtype_name(lossjit_dtype dtype); /* "f32" */

/* Sizes that are not numbers, wherever a size is asked for. */
#define LOSSJIT_BATCH ((int64_t)-1) /* the batch: known at each call only */
#define LOSSJIT_ANY ((int64_t)-2)   /* not known yet: from the text or the first kernel */

/* The shape and type of one input of a loss. As a declaration it counts like
 * `name: dtype[sizes];` in the text. Names are copied. */
typedef struct lossjit_input {
  const char *name;
  lossjit_dtype dtype;
  int32_t rank; /* 0 .. LOSSJIT_MAX_RANK */
  int64_t sizes[LOSSJIT_MAX_RANK];
} lossjit_input;

/* ---- engine ---------------------------------------------------------------------- */

/* Memory for handles, graphs and results; never used during a call. `resize` follows
 * realloc: (NULL, n) allocates, (p, 0) frees and returns NULL. It must be thread-safe. */
typedef struct lossjit_allocator {
  void *(*resize)(void *user, void *memory, size_t size);
  void *user;
} lossjit_allocator;

typedef struct lossjit_engine_options {
  const lossjit_allocator *allocator; /* NULL: malloc */
  const char *target;       /* NULL or "host"; "avx512", "avx2", "baseline" for tests */
  const char *backend_path; /* NULL: liblossjit-llvm beside liblossjit, then the loader's path */
  uint32_t max_depth;       /* nesting of an expression; 0: 256 */
  uint32_t max_nodes;       /* nodes of a graph, gradient included; 0: 100000 */
} lossjit_engine_options;

/* Make an engine. `options` may be NULL. The back end is loaded when the first kernel is
 * made, so an engine that only checks expressions never loads LLVM. */
LOSSJIT_API lossjit_status lossjit_engine_create(const lossjit_engine_options *options,
                                                 lossjit_engine **engine);
LOSSJIT_API void lossjit_engine_release(lossjit_engine *engine);

/* What the last LOSSJIT_NO_BACKEND or LOSSJIT_INTERNAL on this engine was about: copies at
 * most `size` bytes, always terminated, into `text`. */
LOSSJIT_API void lossjit_engine_error(lossjit_engine *engine, char *text, size_t size);

/* ---- compiling a text ------------------------------------------------------------ */

/* What the value of the expression has to be. */
typedef enum lossjit_result {
  LOSSJIT_PER_SAMPLE = 0, /* (batch,): a loss */
  LOSSJIT_SCALAR,         /* one number for the whole batch; `result: scalar;` */
  LOSSJIT_ELEMENTWISE     /* any shape; `result: any;`: reduction='none', activations */
} lossjit_result;

typedef struct lossjit_compile_options {
  size_t text_length;          /* bytes of text; 0: up to its terminating zero */
  const char *file_name;       /* shown in diagnostics; NULL: "expression" */
  const lossjit_input *inputs; /* declarations beside those in the text */
  size_t input_count;
  const char *const *parameter_names; /* run-time parameters beside those in the text */
  const double *parameter_defaults;
  size_t parameter_count;
  const char *const *gradients; /* inputs to differentiate by; NULL: {"y_pred"} */
  size_t gradient_count;
  lossjit_result result;
  lossjit_dtype default_dtype; /* of undeclared y_pred and y_true; 0: LOSSJIT_F32 */
  int no_gradient; /* accept an expression without a useful derivative (a metric); no
                      gradients are made */
} lossjit_compile_options;

/* Parse, check and differentiate `text`. On LOSSJIT_INVALID the diagnostics say why.
 * `diagnostics` may be NULL when nobody asks; it is also set on success when there are
 * warnings, else to NULL. `options` may be NULL. */
LOSSJIT_API lossjit_status lossjit_compile(lossjit_engine *engine, const char *text,
                                           const lossjit_compile_options *options,
                                           lossjit_loss **loss,
                                           lossjit_diagnostics **diagnostics);
LOSSJIT_API lossjit_loss *lossjit_loss_retain(lossjit_loss *loss);
LOSSJIT_API void lossjit_loss_release(lossjit_loss *loss);

/* ---- looking at a loss ----------------------------------------------------------- */

/* Inputs in the order in which a call passes them: that of first appearance in the text,
 * declarations included. The description lives as long as the loss; NULL out of range. */
LOSSJIT_API size_t lossjit_loss_input_count(const lossjit_loss *loss);
LOSSJIT_API const lossjit_input *lossjit_loss_input(const lossjit_loss *loss, size_t index);

/* Run-time parameters: names and defaults, in the order in which a call passes them. */
LOSSJIT_API size_t lossjit_loss_parameter_count(const lossjit_loss *loss);
LOSSJIT_API const char *lossjit_loss_parameter(const lossjit_loss *loss, size_t index,
                                               double *default_value);

/* The value's shape as `name` "result" and its kind; sizes may be LOSSJIT_BATCH or _ANY. */
LOSSJIT_API const lossjit_input *lossjit_loss_output(const lossjit_loss *loss);
LOSSJIT_API lossjit_result lossjit_loss_result(const lossjit_loss *loss);

/* Gradients in output order, each the index of the input it belongs to. */
LOSSJIT_API size_t lossjit_loss_gradient_count(const lossjit_loss *loss);
LOSSJIT_API size_t lossjit_loss_gradient_input(const lossjit_loss *loss, size_t index);

/* The stages, in the order in which the compiler takes them. */
typedef enum lossjit_stage {
  LOSSJIT_STAGE_TOKENS = 0,
  LOSSJIT_STAGE_TREE,
  LOSSJIT_STAGE_GRAPH,
  LOSSJIT_STAGE_SIMPLIFIED,
  LOSSJIT_STAGE_GRADIENT, /* the derivative, in the language itself */
  LOSSJIT_STAGE_PLAN,     /* this one and those after it belong to a kernel */
  LOSSJIT_STAGE_LLVM,
  LOSSJIT_STAGE_ASM,
  LOSSJIT_STAGE_COUNT
} lossjit_stage;

LOSSJIT_API const char *lossjit_stage_name(lossjit_stage stage); /* "tokens" */

/* A stage as text, to be given back with lossjit_text_release. */
LOSSJIT_API lossjit_status lossjit_loss_text(lossjit_loss *loss, lossjit_stage stage,
                                             char **text);
LOSSJIT_API lossjit_status lossjit_kernel_text(lossjit_kernel *kernel, lossjit_stage stage,
                                               char **text);
LOSSJIT_API void lossjit_text_release(lossjit_engine *engine, char *text);

/* ---- kernels --------------------------------------------------------------------- */

/* Outputs a kernel writes. The reduced value comes with each call that asks for it. */
#define LOSSJIT_LOSS 1u     /* the per-sample loss */
#define LOSSJIT_GRADIENT 2u /* all gradients of the loss */
#define LOSSJIT_NO_VALUE 4u /* leave out the reduced value: calls pass value NULL */

typedef enum lossjit_weighting {
  LOSSJIT_UNWEIGHTED = 0,
  LOSSJIT_SAMPLE_WEIGHT, /* one weight per sample, (batch,) */
  LOSSJIT_ELEMENT_WEIGHT /* one weight per element of the result; with elementwise results */
} lossjit_weighting;

typedef struct lossjit_specialization {
  const lossjit_input *inputs; /* sizes that are still open; may name any subset of inputs */
  size_t input_count;
  uint32_t outputs;            /* LOSSJIT_LOSS | LOSSJIT_GRADIENT; 0: both */
  lossjit_weighting weighting;
  int adjoint; /* nonzero: calls pass an incoming adjoint of the result's shape */
} lossjit_specialization;

/* Native code for these sizes, as a handle with scratch memory of its own. The loss keeps
 * the code: the same specialization again compiles nothing. Sizes that contradict the text
 * are diagnostics. For a target that this machine cannot run, the kernel can be looked at
 * but not called (LOSSJIT_ARGUMENT). */
LOSSJIT_API lossjit_status lossjit_loss_specialize(lossjit_loss *loss,
                                                   const lossjit_specialization *how,
                                                   lossjit_kernel **kernel,
                                                   lossjit_diagnostics **diagnostics);
/* A second handle on the same code with scratch memory of its own. */
LOSSJIT_API lossjit_status lossjit_kernel_share(lossjit_kernel *kernel,
                                                lossjit_kernel **shared);
LOSSJIT_API void lossjit_kernel_release(lossjit_kernel *kernel);

/* Milliseconds that making this kernel took, by phase. */
typedef struct lossjit_compile_times {
  double check; /* text to checked graph with gradient, at the kernel's sizes */
  double plan;
  double emit;   /* building LLVM IR */
  double object; /* instruction selection to machine code */
  double load;
  double total;
} lossjit_compile_times;

LOSSJIT_API void lossjit_kernel_times(const lossjit_kernel *kernel,
                                      lossjit_compile_times *times);

/* ---- calling --------------------------------------------------------------------- */

/* How per-sample values become one number, and what the gradient is the gradient of. */
typedef enum lossjit_reduction {
  LOSSJIT_NONE = 0,          /* gradient of the sum, nothing reduced */
  LOSSJIT_SUM,
  LOSSJIT_MEAN,              /* divided by the number of values of the result */
  LOSSJIT_MEAN_BY_WEIGHT,    /* divided by the sum of the weights; 0, and gradients of 0,
                                when that is 0 */
  LOSSJIT_MEAN_OVER_WEIGHTED, /* divided by the number of non-zero weights; likewise */
  LOSSJIT_BY_DENOMINATOR     /* divided by `denominator` */
} lossjit_reduction;

/* Memory of the host. Elements of one sample are dense in row-major order; samples are
 * `row_stride` bytes apart (0: dense). No alignment beyond the element's own is needed. */
typedef struct lossjit_array {
  void *data;
  int64_t row_stride;
} lossjit_array;

typedef struct lossjit_call {
  int64_t batch;
  const lossjit_array *inputs; /* one per input of the loss; read only */
  const double *parameters;    /* one per parameter; NULL: the defaults */
  lossjit_reduction reduction;
  double denominator;          /* LOSSJIT_BY_DENOMINATOR only; not 0 */
  lossjit_array weights;       /* in the result's dtype, if the kernel is weighted */
  lossjit_array adjoint;       /* in the result's dtype, if the kernel takes one */
  lossjit_array loss;          /* out, result's shape, times weights; data NULL: skip */
  const lossjit_array *gradients; /* out, one per gradient in its input's shape; each may
                                     alias the input it belongs to, exactly, not in part */
  double *value;               /* out: the reduced loss; NULL: skip */
} lossjit_call;

/* Run the kernel. Nothing is allocated. When a label is out of range nothing is written
 * and, if `value` is given, it receives the first offending sample's number. */
LOSSJIT_API lossjit_status lossjit_kernel_call(lossjit_kernel *kernel,
                                               const lossjit_call *call);

/* The same call by the f64 reference interpreter: slow, for checking. Inputs, outputs and
 * shapes as for the kernel; results are rounded to the result's dtype once, at the end. */
LOSSJIT_API lossjit_status lossjit_kernel_interpret(lossjit_kernel *kernel,
                                                    const lossjit_call *call);

/* ---- diagnostics ----------------------------------------------------------------- */

typedef enum lossjit_severity { LOSSJIT_ERROR = 1, LOSSJIT_WARNING } lossjit_severity;

/* Where in the text: bytes [begin, end); line and column count from 1, column in
 * characters. */
typedef struct lossjit_span {
  size_t begin, end;
  uint32_t line, column;
} lossjit_span;

typedef struct lossjit_diagnostic {
  const char *code; /* "LJ0301" */
  const char *name; /* "shape-mismatch" */
  lossjit_severity severity;
  lossjit_span span;
  const char *message;
  size_t note_count;
  const char *const *notes;
  const lossjit_span *note_spans; /* begin == end: the note has no place */
  const char *fix;                /* what to do; NULL if there is none */
  const char *replacement;        /* text for the fix's span; NULL if fix is words only */
  lossjit_span fix_span;
} lossjit_diagnostic;

LOSSJIT_API size_t lossjit_diagnostics_count(const lossjit_diagnostics *diagnostics);
/* Lives as long as the list; NULL out of range. */
LOSSJIT_API const lossjit_diagnostic *
lossjit_diagnostics_get(const lossjit_diagnostics *diagnostics, size_t index);
/* All of them as clang would print them, with source line and caret; lives as long as the
 * list. */
LOSSJIT_API const char *lossjit_diagnostics_text(const lossjit_diagnostics *diagnostics);
LOSSJIT_API void lossjit_diagnostics_release(lossjit_diagnostics *diagnostics);

/* ---- the prelude of named losses ------------------------------------------------- */

typedef struct lossjit_prelude_entry {
  const char *name;
  const char *definition; /* "def mean_squared_error(y_true, y_pred) = ...;" */
  const char *summary;    /* the comment above it */
} lossjit_prelude_entry;

/* The definition with this number, in the prelude's order; NULL from the first number that
 * is too great. Lives as long as the engine. */
LOSSJIT_API const lossjit_prelude_entry *lossjit_prelude(const lossjit_engine *engine,
                                                         size_t index);

#ifdef __cplusplus
}
#endif

#endif
