/*
 * What the checker must accept: losses that people use, each with the dtype and shape
 * of its value, and the named losses of the prelude. Nothing is said about any of them.
 *
 * The losses are expressions of the field's own libraries, as they stand there.
 */
#include "tests/check_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
  SAMPLE = LOSSJIT_PER_SAMPLE,
  SCALAR = LOSSJIT_SCALAR,
  ANY = LOSSJIT_ELEMENTWISE
};

/* ---- losses of the field --------------------------------------------------------- */

static void test_losses_of_the_field(void **state)
{
  static const struct lj_check_row rows[] = {
      /* Element by element and along axes. */
      {"sum(square(y_pred - y_true)*[0.3, 0.7], axis=1)",
       "y_pred:f32:B,2 y_true:f32:B,2", SAMPLE, "f32(batch,)"},
      {"r = y_pred - y_true; d = stop_gradient(square(sum(w*sqrt(abs(r)))/sum(w))); "
       "w*d*(sqrt(square(d) + square(r)) - d)",
       "y_pred:f32:B y_true:f32:B w:f32:B", SAMPLE, "f32(batch,)"},
      {"100*mean(abs((y_true - y_pred)/maximum(abs(y_true), 1e-7)), axis=-1)",
       "y_pred:f32:B,3 y_true:f32:B,3", SAMPLE, "f32(batch,)"},
      {"mean(square(y_true - y_pred))/(mean(square(y_true - y_bench)) + 1e-8)",
       "y_pred:f32:B,4 y_true:f32:B,4 y_bench:f32:B,4", SCALAR, "f32()"},
      {"e = y_pred - y_true; mean(where(abs(e) <= delta, 0.5*square(e), delta*(abs(e) "
       "- 0.5*delta)), axis=-1)",
       "y_pred:f32:B,3 y_true:f32:B,3 delta=1.0", SAMPLE, "f32(batch,)"},
      {"square(slope)*(sqrt(1 + square((y_pred - y_true)/slope)) - 1)",
       "y_pred:f32:B y_true:f32:B slope=1.0", SAMPLE, "f32(batch,)"},
      {"e = y_pred - y_true; mean(e + softplus(-2*e) - log(2), axis=-1)",
       "y_pred:f32:B,3 y_true:f32:B,3", SAMPLE, "f32(batch,)"},
      {"d = y_true - y_pred; mean(maximum(tau*d, (tau - 1)*d), axis=-1)",
       "y_pred:f32:B,3 y_true:f32:B,3 tau=0.5", SAMPLE, "f32(batch,)"},
      {"taus = [0.1, 0.5, 0.9]; d = y_true[:, None] - y_pred; sum(maximum(taus*d, "
       "(taus - 1)*d), axis=1)",
       "y_pred:f32:B,3 y_true:f32:B", SAMPLE, "f32(batch,)"},
      {"alpha = [0.2, 0.8]; r = y_pred - y_true[:, None]; s = "
       "stop_gradient(square(sum(w[:, None]*sqrt(abs(r)), axis=0)/sum(w))); x = "
       "r/(0.04*s); w*sum(0.5*s*(0.04*s*(abs(x) + softplus(-2*abs(x)) - log(2)) + (1 "
       "- 2*alpha)*r), axis=1)",
       "y_pred:f32:B,2 y_true:f32:B w:f32:B", SAMPLE, "f32(batch,)"},
      {"d = y_pred - y_true; where(d >= 0, 1 - alpha, alpha)*square(d)",
       "y_pred:f32:B y_true:f32:B alpha=0.8", SAMPLE, "f32(batch,)"},
      {"mean(y_pred - y_true*log(y_pred + 1e-7), axis=-1)",
       "y_pred:f32:B,3 y_true:f32:B,3", SAMPLE, "f32(batch,)"},
      {"power(y_true, 2 - rho)/((1 - rho)*(2 - rho)) - y_true*power(y_pred, 1 - "
       "rho)/(1 - rho) + power(y_pred, 2 - rho)/(2 - rho)",
       "y_pred:f32:B y_true:f32:B rho=1.5", SAMPLE, "f32(batch,)"},
      {"r = softplus(y_pred) + 1e-6; -(lgamma(y_true + r) - lgamma(r) - lgamma(y_true "
       "+ 1) + r*log_sigmoid(-logits) + y_true*log_sigmoid(logits))",
       "y_pred:f32:B y_true:f32:B logits:f32:B", SAMPLE, "f32(batch,)"},
      {"v = maximum(var, eps); 0.5*(log(v) + square(y_true - y_pred)/v)",
       "y_pred:f32:B y_true:f32:B var:f32:B eps=1e-06", SAMPLE, "f32(batch,)"},
      {"z = (y_true - y_pred)/sigma; sigma*(z*(2*norm_cdf(z) - 1) + 2*norm_pdf(z) - "
       "1/sqrt(pi))",
       "y_pred:f32:B sigma:f32:B y_true:f32:B", SAMPLE, "f32(batch,)"},
      {"-sum(y_true*y_pred, axis=-1)/(sqrt(maximum(sum(square(y_true), axis=-1), "
       "1e-12))*sqrt(maximum(sum(square(y_pred), axis=-1), 1e-12)))",
       "y_pred:f32:B,3 y_true:f32:B,3", SAMPLE, "f32(batch,)"},
      {"v = ~isnan(y_true); sqrt(sum(where(v, square(y_pred - where(v, y_true, 0)), "
       "0))/maximum(sum(cast(v)), 1))",
       "y_pred:f32:B,3 y_true:f32:B,3", SCALAR, "f32()"},
      {"sum(square(y_pred - y_true))/sum(square(y_true - mean(y_true)))",
       "y_pred:f32:B y_true:f32:B", SCALAR, "f32()"},
      {"maximum(y_pred, 0) - y_pred*y_true + log1p(exp(-abs(y_pred)))",
       "y_pred:f32:B,3 y_true:f32:B,3", ANY, "f32(batch, 3)"},
      {"(1 - y_true)*y_pred + (1 + (w - 1)*y_true)*softplus(-y_pred)",
       "y_pred:f32:B,3 y_true:f32:B,3 w:f32:3", ANY, "f32(batch, 3)"},
      {"p = clip(y_pred, 1e-7, 1 - 1e-7); -mean(y_true*log(p) + (1 - y_true)*log(1 - "
       "p), axis=-1)",
       "y_pred:f32:B,3 y_true:f32:B,3", SAMPLE, "f32(batch,)"},
      {"t = where(all((y_true == 0) | (y_true == 1)), 2*y_true - 1, y_true); "
       "mean(maximum(1 - t*y_pred, 0), axis=-1)",
       "y_pred:f32:B,3 y_true:f32:B,3", SAMPLE, "f32(batch,)"},
      {"softplus(-y_true*y_pred)", "y_pred:f32:B y_true:f32:B", SAMPLE, "f32(batch,)"},
      {"maximum(max((1 - y_true)*y_pred, axis=-1) - sum(y_true*y_pred, axis=-1) + 1, "
       "0)",
       "y_pred:f32:B,3 y_true:f32:B,3", SAMPLE, "f32(batch,)"},
      {"-sum(where(y_true != 0, y_true*log_softmax(y_pred, axis=-1), 0), axis=-1)",
       "y_pred:f32:B,3 y_true:f32:B,3", SAMPLE, "f32(batch,)"},
      {"p = clip(y_pred/sum(y_pred, axis=-1, keepdims=True), 1e-7, 1 - 1e-7); "
       "-sum(y_true*log(p), axis=-1)",
       "y_pred:f32:B,3 y_true:f32:B,3", SAMPLE, "f32(batch,)"},
      {"-sum(((1 - alpha)*y_true + alpha/shape(y_true)[-1])*log(y_pred), axis=-1)",
       "y_pred:f32:B,3 y_true:f32:B,3 alpha=0.1", SAMPLE, "f32(batch,)"},
      {"ce = softplus(y_pred) - y_true*y_pred; m = "
       "exp(gamma*log_sigmoid(-y_pred*(2*y_true - 1))); (alpha*y_true + (1 - "
       "alpha)*(1 - y_true))*m*ce",
       "y_pred:f32:B,3 y_true:f32:B,3 alpha=0.25 gamma=2.0", ANY, "f32(batch, 3)"},
      {"q = clip(y_pred, 1e-7, 1 - 1e-7); pt = y_true*y_pred + (1 - y_true)*(1 - "
       "y_pred); mean(power(1 - pt, gamma)*-(y_true*log(q) + (1 - y_true)*log(1 - "
       "q)), axis=-1)",
       "y_pred:f32:B,3 y_true:f32:B,3 gamma=2.0", SAMPLE, "f32(batch,)"},
      {"l = softplus(y_pred) - y_true*y_pred; f = power(1 - exp(-l), gamma); "
       "f*l/maximum(sum(f), 1e-6)",
       "y_pred:f32:B,3 y_true:f32:B,3 gamma=2.0", ANY, "f32(batch, 3)"},
      {"p = sigmoid(y_pred); q = minimum(1 - p + m, 1); pt = p*y_true + q*(1 - "
       "y_true); -sum(power(1 - pt, gp*y_true + gn*(1 - "
       "y_true))*(y_true*log(maximum(p, 1e-8)) + (1 - y_true)*log(maximum(q, 1e-8))), "
       "axis=-1)",
       "y_pred:f32:B,3 y_true:f32:B,3 gn=4.0 gp=1.0 m=0.05", SAMPLE, "f32(batch,)"},
      {"t = clip(y_true, 1e-7, 1); sum(t*log(t/clip(y_pred, 1e-7, 1)), axis=-1)",
       "y_pred:f32:B,3 y_true:f32:B,3", SAMPLE, "f32(batch,)"},
      {"t = log_softmax(teacher/T, axis=-1); square(T)*sum(exp(t)*(t - "
       "log_softmax(y_pred/T, axis=-1)), axis=-1)",
       "y_pred:f32:B,3 teacher:f32:B,3 T=4.0", SAMPLE, "f32(batch,)"},
      {"tp = sum(y_pred*y_true) + 1e-5; tn = sum((1 - y_pred)*(1 - y_true)) + 1e-5; "
       "fp = sum(y_pred*(1 - y_true)) + 1e-5; fn = sum((1 - y_pred)*y_true) + 1e-5; 1 "
       "- (tp*tn - fp*fn)/sqrt((tp + fp)*(tp + fn)*(tn + fp)*(tn + fn))",
       "y_pred:f32:B,3 y_true:f32:B,3", SCALAR, "f32()"},
      {"1 - 2*sum(y_true*y_pred, axis=[1, 2])/(sum(y_true, axis=[1, 2]) + sum(y_pred, "
       "axis=[1, 2]) + 1e-7)",
       "y_pred:f32:B,4,4 y_true:f32:B,4,4", SAMPLE, "f32(batch,)"},
      {"w = 1/(square(sum(y_true, axis=0)) + 1e-7); 1 - 2*sum(w*sum(y_pred*y_true, "
       "axis=0))/sum(w*sum(y_pred + y_true, axis=0))",
       "y_pred:f32:B,3 y_true:f32:B,3", SCALAR, "f32()"},
      {"p = sigmoid(y_pred); 1 - (2*sum(p*y_true, axis=[1, 2]) + 1)/(sum(p + y_true, "
       "axis=[1, 2]) + 1) + mean(softplus(y_pred) - y_true*y_pred, axis=[1, 2])",
       "y_pred:f32:B,4,4 y_true:f32:B,4,4", SAMPLE, "f32(batch,)"},
      {"p = clip(y_pred, 1e-7, 1 - 1e-7); ce = -y_true*log(p); f = mean((1 - "
       "delta)*power(1 - p[:, 0], gamma)*ce[:, 0] + delta*ce[:, 1], axis=-1); tp = "
       "sum(y_true*p, axis=2); t = (tp + 1e-7)/(tp + delta*sum(y_true*(1 - p), "
       "axis=2) + (1 - delta)*sum((1 - y_true)*p, axis=2) + 1e-7); w*(0.5*(1 - t[:, "
       "0] + power(1 - t[:, 1] + 1e-7, 1 - gamma))) + (1 - w)*f",
       "y_pred:f32:B,2,5 y_true:f32:B,2,5 w=0.5 delta=0.7 gamma=0.5", SAMPLE,
       "f32(batch,)"},
      {"maximum(0, -y_true*(y_pred - y_pred2) + margin)",
       "y_pred:f32:B y_pred2:f32:B y_true:f32:B margin=0.0", SAMPLE, "f32(batch,)"},
      {"t = stop_gradient(target); 2 - 2*sum(y_pred*t, "
       "axis=1)/(sqrt(sum(square(y_pred), axis=1) + 1e-12)*sqrt(sum(square(t), "
       "axis=1) + 1e-12))",
       "y_pred:f32:B,3 target:f32:B,3", SAMPLE, "f32(batch,)"},
      {"m = mask != 0; z = where(m, y_pred, -1e30); sum(where(m, "
       "-y_true*log_softmax(z, axis=-1), 0), axis=-1)",
       "y_pred:f32:B,5 y_true:f32:B,5 mask:f32:B,5", SAMPLE, "f32(batch,)"},
      {"zu = (log(y_upper) - y_pred)/sigma; zl = (log(y_lower) - y_pred)/sigma; "
       "-log(maximum(norm_cdf(zu) - norm_cdf(zl), 1e-12))",
       "y_pred:f32:B y_lower:f32:B y_upper:f32:B sigma=1.0", SAMPLE, "f32(batch,)"},
      {"-0.5*sum(1 + logvar - square(y_pred) - exp(logvar), axis=1)",
       "y_pred:f32:B,3 logvar:f32:B,3", SAMPLE, "f32(batch,)"},
      {"mean(square(y_pred - y_true), axis=1) + l1*sum(abs(w)) + l2*sum(square(w))",
       "y_pred:f32:B,3 y_true:f32:B,3 w:f32:3 l1=0.01 l2=0.01", SAMPLE, "f32(batch,)"},
      {"r = exp(y_pred - old_logp); -minimum(adv*r, adv*clip(r, 1 - eps, 1 + eps))",
       "y_pred:f32:B old_logp:f32:B adv:f32:B eps=0.2", SAMPLE, "f32(batch,)"},
      {"relu(1 - beta*(y_pred - rejected - (ref_chosen - ref_rejected)))",
       "y_pred:f32:B rejected:f32:B ref_chosen:f32:B ref_rejected:f32:B beta=0.1",
       SAMPLE, "f32(batch,)"},
      /* Slices, columns, labels. */
      {"y_pred[:, 1] + 0.5*exp(-2*y_pred[:, 1])*square(y_true - y_pred[:, 0]) + "
       "0.5*log(2*pi)",
       "y_pred:f32:B,2 y_true:f32:B", SAMPLE, "f32(batch,)"},
      {"m = y_pred[:, 0:3]; s = y_pred[:, 3:6]; l = log_softmax(y_pred[:, 6:9], "
       "axis=1); -logsumexp(l - s - 0.5*square((y_true[:, None] - m)*exp(-s)) - "
       "0.5*log(2*pi), axis=1)",
       "y_pred:f32:B,9 y_true:f32:B K=3", SAMPLE, "f32(batch,)"},
      {"max(y_pred + 1 - one_hot(y_true, shape(y_pred)[-1]), axis=-1) - "
       "gather(y_pred, y_true)",
       "y_pred:f32:B,3 y_true:i64:B", SAMPLE, "f32(batch,)"},
      {"-gather(log_softmax(y_pred, axis=-1), y_true)", "y_pred:f32:B,3 y_true:i64:B",
       SAMPLE, "f32(batch,)"},
      {"l = log_softmax(y_pred, axis=-1); -(1 - ls)*gather(l, y_true) - ls*mean(l, "
       "axis=-1)",
       "y_pred:f32:B,3 y_true:i64:B ls=0.1", SAMPLE, "f32(batch,)"},
      {"n = shape(y_pred)[-1]; t = one_hot(y_true, n); l = log_softmax(y_pred, "
       "axis=-1); p = exp(l); w = power(maximum(1 - p*t - (1 - p)*(1 - t), 0), gp*t + "
       "gn*(1 - t)); -sum((t*(1 - ls) + ls/n)*l*w, axis=-1)",
       "y_pred:f32:B,3 y_true:i64:B gn=4.0 gp=1.0 ls=0.1", SAMPLE, "f32(batch,)"},
      {"t = one_hot(y_true, shape(y_pred)[-1]); p = clip(softmax(y_pred, axis=-1), "
       "1e-7, 1); -alpha*gather(log_softmax(y_pred, axis=-1), y_true) - "
       "beta*sum(p*log(clip(t, 1e-4, 1)), axis=-1)",
       "y_pred:f32:B,3 y_true:i64:B alpha=0.1 beta=1.0", SAMPLE, "f32(batch,)"},
      {"p = clip(softmax(y_pred, axis=-1), 1e-7, 1); (1 - power(gather(p, y_true), "
       "q))/(shape(y_pred)[-1] - sum(power(p, q), axis=-1))",
       "y_pred:f32:B,3 y_true:i64:B q=0.7", SAMPLE, "f32(batch,)"},
      {"n = shape(y_pred)[-1]; t = cast(y_true[:, None] > arange(n)[None, :]); "
       "sum(softplus(y_pred) - t*y_pred, axis=-1)",
       "y_pred:f32:B,3 y_true:i64:B", SAMPLE, "f32(batch,)"},
      {"n = shape(y_pred)[1]; p = softmax(y_pred, axis=1); t = cast(y_true[:, None, "
       ":, :] == arange(n)[None, :, None, None]); d = 1 - 2*sum(p*t, axis=[0, 2, "
       "3])/maximum(sum(p + t, axis=[0, 2, 3]), 1e-7); mean(d*cast(sum(t, axis=[0, 2, "
       "3]) > 0))",
       "y_pred:f32:B,3,4,4 y_true:i64:B,4,4", SCALAR, "f32()"},
      {"a = y_true; b = y_pred; iw = maximum(0, minimum(a[:, 2], b[:, 2]) - "
       "maximum(a[:, 0], b[:, 0])); ih = maximum(0, minimum(a[:, 3], b[:, 3]) - "
       "maximum(a[:, 1], b[:, 1])); i = iw*ih; u = (a[:, 2] - a[:, 0])*(a[:, 3] - "
       "a[:, 1]) + (b[:, 2] - b[:, 0])*(b[:, 3] - b[:, 1]) - i; c = (maximum(a[:, 2], "
       "b[:, 2]) - minimum(a[:, 0], b[:, 0]))*(maximum(a[:, 3], b[:, 3]) - "
       "minimum(a[:, 1], b[:, 1])); 1 - i/(u + 1e-7) + (c - u)/(c + 1e-7)",
       "y_pred:f32:B,4 y_true:f32:B,4", SAMPLE, "f32(batch,)"},
      {"e = y_pred[:, :, 0]; r = y_pred[:, :, 1]; q = stop_gradient(where(y_true == "
       "1, 1, sigmoid(e)*(1 - sigmoid(r))/(1 - sigmoid(e)*sigmoid(r)))); k = "
       "stop_gradient(where(y_true == 1, 1, (1 - sigmoid(e))*sigmoid(r)/(1 - "
       "sigmoid(e)*sigmoid(r)))); sum(softplus(e) - q*e + softplus(r) - k*r, axis=1)",
       "y_pred:f32:B,5,2 y_true:f32:B,5", SAMPLE, "f32(batch,)"},
      {"sum(abs(y_pred[:, 1:, :] - y_pred[:, :-1, :]), axis=[1, 2]) + "
       "sum(abs(y_pred[:, :, 1:] - y_pred[:, :, :-1]), axis=[1, 2])",
       "y_pred:f32:B,4,4", SAMPLE, "f32(batch,)"},
      {"xx = y_pred[:, :, 2:, 1:-1] - 2*y_pred[:, :, 1:-1, 1:-1] + y_pred[:, :, :-2, "
       "1:-1]; yy = y_pred[:, :, 1:-1, 2:] - 2*y_pred[:, :, 1:-1, 1:-1] + y_pred[:, "
       ":, 1:-1, :-2]; xy = (y_pred[:, :, 2:, 2:] - y_pred[:, :, 2:, :-2] - y_pred[:, "
       ":, :-2, 2:] + y_pred[:, :, :-2, :-2])/4; mean(square(xx) + square(yy) + "
       "2*square(xy), axis=[1, 2, 3])",
       "y_pred:f32:B,2,5,5", SAMPLE, "f32(batch,)"},
      {"-stop_gradient(adv)*gather(log_softmax(y_pred, axis=-1), action)",
       "y_pred:f32:B,3 action:i64:B adv:f32:B", SAMPLE, "f32(batch,)"},
  };

  (void)state;
  lj_check_rows(rows, LJ_COUNT(rows));
}

/* ---- the prelude ----------------------------------------------------------------- */

/* Every named loss on (batch, n), and with its parameters. */
static void test_named_losses(void **state)
{
  static const char *const dense[] = {
      "mean_squared_error",
      "mean_absolute_error",
      "mean_absolute_percentage_error",
      "mean_squared_logarithmic_error",
      "huber",
      "smooth_l1_loss",
      "log_cosh",
      "pinball",
      "poisson",
      "cosine_similarity",
      "hinge",
      "squared_hinge",
      "categorical_hinge",
      "soft_margin_loss",
      "binary_crossentropy",
      "binary_crossentropy_from_logits",
      "categorical_crossentropy",
      "categorical_crossentropy_from_logits",
      "binary_focal_crossentropy",
      "categorical_focal_crossentropy",
      "kl_divergence",
  };

  (void)state;
  for (size_t i = 0; i < LJ_COUNT(dense); i++) {
    char text[100];
    snprintf(text, sizeof text, "%s(y_true, y_pred)", dense[i]);
    lj_check_rows(&(struct lj_check_row){text, "", SAMPLE, "f32(batch,)"}, 1);
    lj_check_rows(&(struct lj_check_row){text, "y_pred:f64:B,3 y_true:f64:B,3", SAMPLE,
                                         "f64(batch,)"},
                  1);
  }
}

static void test_named_losses_with_arguments(void **state)
{
  static const struct lj_check_row rows[] = {
      {"huber(y_true, y_pred, delta=0.5) + 0.1*mean(abs(y_pred), axis=-1)", "", SAMPLE,
       "f32(batch,)"},
      {"sparse_categorical_crossentropy(y_true, y_pred)", "", SAMPLE, "f32(batch,)"},
      {"sparse_categorical_crossentropy_from_logits(y_true, y_pred, axis=1)",
       "y_pred:f32:B,3,4 y_true:i64:B,4", ANY, "f32(batch, 4)"},
      {"categorical_crossentropy(y_true, y_pred, label_smoothing=0.1, axis=1)",
       "y_pred:f32:B,3,2 y_true:f32:B,3,2", ANY, "f32(batch, 2)"},
      {"gaussian_nll_loss(y_true, y_pred, v, eps=1e-3)",
       "y_pred:f32:B,3 y_true:f32:B,3 v:f32:B,3", SAMPLE, "f32(batch,)"},
      {"dice(y_true, y_pred)", "", SCALAR, "f32()"},
      {"dice(y_true, y_pred, axis=[1, 2])", "y_pred:f32:B,3,2 y_true:f32:B,3,2", SAMPLE,
       "f32(batch,)"},
      {"tversky(y_true, y_pred, alpha=0.3, beta=0.7, axis=-1)", "", SAMPLE,
       "f32(batch,)"},
      {"norm(y_pred - y_true, axis=-1)", "", SAMPLE, "f32(batch,)"},
      {"std(y_pred, axis=-1, ddof=1) + var(y_true, axis=-1)", "", SAMPLE,
       "f32(batch,)"},
      {"sum(relu(y_pred)*norm_pdf(y_true), axis=-1)", "", SAMPLE, "f32(batch,)"},
  };

  (void)state;
  lj_check_rows(rows, LJ_COUNT(rows));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_losses_of_the_field),
      cmocka_unit_test(test_named_losses),
      cmocka_unit_test(test_named_losses_with_arguments),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
