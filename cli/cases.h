/*
 * Numeric cases: an expression, its inputs, and what another project's test suite
 * expects.
 *
 * A case is one JSON object: `id`, `loss`, `expr`, `inputs`, `dtypes`, `params`,
 * `reduction`, `expected_loss`, `expected_grad` (of the reduced loss; of the sum if
 * nothing is reduced), `compute_dtype`, `tol`, and remarks on where the source means
 * something else than the derivative. `sample_weight` among the inputs weights the
 * result.
 */
#ifndef CLI_CASES_H
#define CLI_CASES_H

#include "cli/reading.h"

enum cli_case_reduction {
  CLI_CASE_NONE,
  CLI_CASE_SUM,
  CLI_CASE_MEAN,
  CLI_CASE_MEAN_BY_WEIGHT,
  CLI_CASE_BATCH_MEAN,
  CLI_CASE_MEAN_OVER_NONZERO,
  CLI_CASE_WEIGHTED_MEAN_OVER_NONZERO
};

/* An expected array; data NULL: nothing is expected. */
struct cli_expected {
  struct cli_array array;
  bool *left_out;     /* [count] elements that the case itself leaves out */
  bool *kink;         /* [count] elements at a kink, where sources choose differently */
  bool clipped;       /* the source clips what it returns ... */
  double low, high;   /* ... to this interval */
  const char *remark; /* what the source means instead of the derivative; or NULL */
};

struct cli_case {
  const char *id, *loss;
  char fit; /* class in the catalogue, 'A' to 'C'; 0: not known */
  struct cli_text text;
  struct cli_input *inputs;
  size_t input_count;
  struct cli_array weights; /* data NULL: none */
  lossjit_dtype dtype;      /* of the arithmetic */
  enum cli_case_reduction reduction;
  double atol, rtol;
  struct cli_expected expected_loss, expected_gradient;
  bool has_hessian;
};

/* Read one case. The texts in `from` must outlive the case. `catalogue` (may be NULL)
 * is the array of losses whose `fit` is the class. */
bool cli_read_case(struct cli_pool *pool, const json_t *from, const json_t *catalogue,
                   struct cli_case *to, struct cli_error *error);

#endif
