/* A table of addresses: compiled without -fPIC it needs absolute relocations. */
int sample_pick(int index);

static int one(void)
{
  return 1;
}

static int two(void)
{
  return 2;
}

static int (*const table[2])(void) = {one, two};

int sample_pick(int index)
{
  return table[index & 1]();
}
