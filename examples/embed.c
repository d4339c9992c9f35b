/*
 * lossjit in any C program: compile a loss, specialize it, call it.
 *
 * Computes a weighted mean squared error and its gradient for four samples with two
 * outputs each, and prints them. Every way out gives back what it took.
 */
#include <lossjit.h>

#include <stdio.h>

static const char text[] = "sum(square(y_pred - y_true)*[0.3, 0.7], axis=1)";

static int fail(const char *what, lossjit_status status, lossjit_diagnostics *diagnostics)
{
  fprintf(stderr, "%s: %s\n", what, lossjit_status_text(status));
  if (diagnostics)
    fputs(lossjit_diagnostics_text(diagnostics), stderr);
  lossjit_diagnostics_release(diagnostics);
  return 1;
}

static int call(lossjit_kernel *kernel)
{
  const float y_pred[4][2] = {{1, 2}, {3, 4}, {0, 0}, {-1, 1}};
  const float y_true[4][2] = {{0, 0}, {3, 5}, {1, 1}, {-1, 1}};
  float loss[4], gradient[4][2];
  double mean;
  lossjit_status status = lossjit_kernel_call(
      kernel, &(lossjit_call){.batch = 4,
                              .inputs = (lossjit_array[]){{(void *)y_pred, 0},
                                                          {(void *)y_true, 0}},
                              .reduction = LOSSJIT_MEAN,
                              .loss = {loss, 0},
                              .gradients = (lossjit_array[]){{gradient, 0}},
                              .value = &mean});

  if (status != LOSSJIT_OK)
    return fail("call", status, NULL);
  printf("mean loss %g\n", mean);
  for (int i = 0; i < 4; i++)
    printf("sample %d: loss %5.2f  gradient of the mean %6.3f %6.3f\n", i, loss[i],
           gradient[i][0], gradient[i][1]);
  return 0;
}

int main(void)
{
  lossjit_engine *engine;
  lossjit_loss *loss = NULL;
  lossjit_kernel *kernel = NULL;
  lossjit_diagnostics *diagnostics;
  lossjit_status status = lossjit_engine_create(NULL, &engine);
  int result;

  if (status != LOSSJIT_OK)
    return fail("engine", status, NULL);
  status = lossjit_compile(engine, text, NULL, &loss, &diagnostics);
  if (status == LOSSJIT_OK)
    status = lossjit_loss_specialize(loss, NULL, &kernel, &diagnostics);
  result = status == LOSSJIT_OK ? call(kernel) : fail(text, status, diagnostics);
  lossjit_kernel_release(kernel);
  lossjit_loss_release(loss);
  lossjit_engine_release(engine);
  return result;
}
