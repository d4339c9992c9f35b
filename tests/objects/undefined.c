/* A call of something that the file does not define. */
double sample_outside(double x);
double sample_caller(double x);

double sample_caller(double x)
{
  return sample_outside(x) + 1;
}
