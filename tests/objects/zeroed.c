/* Data that starts as zeros (.bss). */
int sample_buffer(int index);

static volatile int buffer[64];

int sample_buffer(int index)
{
  return buffer[index & 63]++;
}
