/* Data that changes: a kernel has none. */
int sample_count(void);

static volatile int count = 7;

int sample_count(void)
{
  return ++count;
}
