/* What a kernel looks like to the loader: functions that call each other, a table of
 * constants, unwind information that nobody needs. Compiled with -fPIC. */
float sample_weight(long index);
float sample_dot(const float *x, long n);

static const float weights[4] = {0.25f, 0.5f, 1.0f, 2.0f};

__attribute__((noinline, visibility("hidden"))) float sample_weight(long index)
{
  return weights[index & 3];
}

float sample_dot(const float *x, long n)
{
  float sum = 0;
  for (long i = 0; i < n; i++)
    sum += x[i] * sample_weight(i);
  return sum;
}
