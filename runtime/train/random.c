/*
 * Random numbers that are the same on every machine.
 *
 * Generator: xoshiro256** 1.0 by D. Blackman and S. Vigna, https://prng.di.unimi.it
 * ("Scrambled Linear Pseudorandom Number Generators", ACM TOMS 47(4), 2021), its state
 * filled by splitmix64 as the authors advise. Bounded integers: D. Lemire, "Fast Random
 * Integer Generation in an Interval", ACM TOMACS 29(1), 2019. Both are written here
 * after their papers.
 */
#include "runtime/train/support.h"

static uint64_t splitmix64(uint64_t *state)
{
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

void lj_random_seed(struct lj_random *random, uint64_t seed,
                    enum lj_random_stream stream)
{
  /* The stream goes through the mixer, so that seed 1 of one stream is not seed 2 of
   * another. */
  uint64_t key = (uint64_t)stream;
  uint64_t state = seed ^ splitmix64(&key);
  for (int i = 0; i < 4; i++)
    random->state[i] = splitmix64(&state);
}

static uint64_t rotate(uint64_t x, int by)
{
  return x << by | x >> (64 - by);
}

uint64_t lj_random_next(struct lj_random *random)
{
  uint64_t *s = random->state;
  uint64_t result = rotate(s[1] * 5, 7) * 9;
  uint64_t shifted = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = rotate(s[3], 45);
  return result;
}

double lj_random_uniform(struct lj_random *random)
{
  return (double)(lj_random_next(random) >> 11) * 0x1p-53;
}

/* Only 32 bits of the generator are multiplied, so that no 128-bit type is needed;
 * samples are counted in less than that. */
static uint32_t below_32_bits(struct lj_random *random, uint32_t bound)
{
  uint64_t product = (lj_random_next(random) >> 32) * bound;
  if ((uint32_t)product < bound) {
    uint32_t threshold = -bound % bound;
    while ((uint32_t)product < threshold)
      product = (lj_random_next(random) >> 32) * bound;
  }
  return (uint32_t)(product >> 32);
}

uint64_t lj_random_below(struct lj_random *random, uint64_t bound)
{
  if (bound <= UINT32_MAX)
    return below_32_bits(random, (uint32_t)bound);
  uint64_t threshold = -bound % bound, number;
  do {
    number = lj_random_next(random);
  } while (number < threshold);
  return number % bound;
}

/* Fisher and Yates, from the end. */
void lj_random_shuffle(struct lj_random *random, size_t *items, size_t count)
{
  for (size_t i = count; i > 1; i--) {
    size_t j = (size_t)lj_random_below(random, i);
    size_t moved = items[i - 1];
    items[i - 1] = items[j];
    items[j] = moved;
  }
}
