/*
 * A stranger's program: it knows the installed header and library and nothing else. The
 * mean of (y_pred - y_true)^2 over one column, and its gradient, for two samples.
 */
#include <lossjit.h>

#include <stdio.h>

static int fail(const char *what, lossjit_status status)
{
  fprintf(stderr, "%s: %s\n", what, lossjit_status_text(status));
  return 1;
}

int main(void)
{
  float y_pred[2] = {1.5f, -1.0f}, y_true[2] = {1.0f, 1.0f};
  float loss_out[2], gradient_out[2];
  lossjit_engine *engine;
  lossjit_loss *loss;
  lossjit_kernel *kernel;
  lossjit_input column = {"y_pred", LOSSJIT_F32, 2, {LOSSJIT_BATCH, 1}};
  lossjit_specialization how = {.inputs = &column, .input_count = 1};
  lossjit_array inputs[2] = {{y_pred, 0}, {y_true, 0}}, gradient = {gradient_out, 0};
  lossjit_call call = {
      .batch = 2, .inputs = inputs, .loss = {loss_out, 0}, .gradients = &gradient};

  lossjit_status status = lossjit_engine_create(NULL, &engine);
  if (status != LOSSJIT_OK)
    return fail("engine", status);
  status = lossjit_compile(engine, "mean(square(y_pred - y_true), axis=-1)", NULL,
                           &loss, NULL);
  if (status != LOSSJIT_OK)
    return fail("compile", status);
  status = lossjit_loss_specialize(loss, &how, &kernel, NULL);
  if (status != LOSSJIT_OK)
    return fail("specialize", status);
  status = lossjit_kernel_call(kernel, &call);
  if (status != LOSSJIT_OK)
    return fail("call", status);
  lossjit_kernel_release(kernel);
  lossjit_loss_release(loss);
  lossjit_engine_release(engine);

  printf("%g %g, %g %g\n", loss_out[0], loss_out[1], gradient_out[0], gradient_out[1]);
  return 0;
}
