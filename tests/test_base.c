/*
 * The ground every stage stands on: arena, growing arrays, text builder, numbers as
 * text, and the way out when memory ends or a check fails.
 */
#include "compiler/base.h"
#include "tests/alloc_hook.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
  struct lj_alloc_hook hook;
  struct lj_trap trap;
  struct lj_arena arena;
};

static int set_up(void **state)
{
  static struct fixture f;
  lj_alloc_hook_init(&f.hook);
  lj_arena_init(&f.arena, &f.hook.allocator, &f.trap);
  *state = &f;
  return 0;
}

static int tear_down(void **state)
{
  struct fixture *f = *state;
  lj_arena_free(&f->arena);
  assert_int_equal(f->hook.live, 0);
  return 0;
}

/* ---- arena ----------------------------------------------------------------------- */

static void test_memory_is_zeroed_and_aligned(void **state)
{
  struct fixture *f = *state;
  for (size_t size = 0; size < 200; size++) {
    unsigned char *memory = lj_alloc(&f->arena, size);
    assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
    for (size_t i = 0; i < size; i++)
      assert_int_equal(memory[i], 0);
    memset(memory, 0xFF, size);
  }
}

static void test_pieces_do_not_overlap(void **state)
{
  struct fixture *f = *state;
  unsigned char *pieces[500];
  for (size_t i = 0; i < LJ_COUNT(pieces); i++) {
    pieces[i] = lj_alloc(&f->arena, i);
    memset(pieces[i], (int)(i & 0xFF), i);
  }
  for (size_t i = 0; i < LJ_COUNT(pieces); i++)
    for (size_t k = 0; k < i; k++)
      assert_int_equal(pieces[i][k], i & 0xFF);
}

static void test_few_chunks_serve_many_pieces(void **state)
{
  struct fixture *f = *state;
  for (int i = 0; i < 100000; i++)
    lj_alloc(&f->arena, 40);
  assert_true(f->hook.allocations < 20);
}

static void test_a_piece_larger_than_any_chunk(void **state)
{
  struct fixture *f = *state;
  char *large = lj_alloc(&f->arena, 5 << 20);
  large[0] = large[(5 << 20) - 1] = 'x';
  assert_non_null(lj_alloc(&f->arena, 1));
}

static void test_absurd_sizes_leave_through_the_trap(void **state)
{
  struct fixture *f = *state;
  static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 7, SIZE_MAX / 2, PTRDIFF_MAX};
  volatile size_t caught = 0;
  for (volatile size_t i = 0; i < LJ_COUNT(sizes); i++) {
    if (setjmp(f->trap.escape) == 0)
      lj_alloc(&f->arena, sizes[i]);
    else
      caught += f->trap.status == LOSSJIT_NO_MEMORY;
    if (setjmp(f->trap.escape) == 0)
      lj_alloc_array(&f->arena, sizes[i], 3);
    else
      caught += f->trap.status == LOSSJIT_NO_MEMORY;
  }
  assert_int_equal(caught, 2 * LJ_COUNT(sizes));
}

static void test_no_memory_leaves_through_the_trap(void **state)
{
  struct fixture *f = *state;
  f->hook.allow = 0;
  if (setjmp(f->trap.escape) == 0) {
    lj_alloc(&f->arena, 1);
    fail();
  }
  assert_int_equal(f->trap.status, LOSSJIT_NO_MEMORY);
}

static void test_growing_keeps_what_is_there(void **state)
{
  struct fixture *f = *state;
  int *items = NULL;
  uint32_t count = 0, capacity = 0;
  for (int i = 0; i < 10000; i++) {
    LJ_GROW(&f->arena, items, count, capacity);
    items[count++] = i;
  }
  for (int i = 0; i < 10000; i++)
    assert_int_equal(items[i], i);
  assert_true(capacity >= count && capacity < 4 * count);
}

/* ---- the way out ----------------------------------------------------------------- */

static void test_a_failed_check_names_itself(void **state)
{
  struct fixture *f = *state;
  if (setjmp(f->trap.escape) == 0) {
    LJ_CHECK(&f->trap, 1 + 1 == 2);
    LJ_CHECK(&f->trap, 1 + 1 == 3);
    fail();
  }
  assert_int_equal(f->trap.status, LOSSJIT_INTERNAL);
  assert_non_null(strstr(f->trap.message, "test_base.c"));
  assert_non_null(strstr(f->trap.message, "1 + 1 == 3"));
}

static void test_long_messages_are_cut(void **state)
{
  struct fixture *f = *state;
  char words[1000];
  memset(words, 'w', sizeof words - 1);
  words[sizeof words - 1] = '\0';
  if (setjmp(f->trap.escape) == 0)
    lj_trap_fail(&f->trap, LOSSJIT_ARGUMENT, "%s", words);
  assert_int_equal(strlen(f->trap.message), sizeof f->trap.message - 1);
}

/* ---- text ------------------------------------------------------------------------ */

static void test_text_is_built_piece_by_piece(void **state)
{
  struct fixture *f = *state;
  struct lj_text text = {.arena = &f->arena};
  assert_null(text.text);
  lj_text_add(&text, "%s", "");
  assert_string_equal(text.text, "");
  lj_text_add(&text, "%d-%s", 12, "ab");
  lj_text_bytes(&text, "\0!", 2);
  lj_text_add(&text, "%c", 'z');
  assert_int_equal(text.length, 8);
  assert_memory_equal(text.text, "12-ab\0!z", 9);
}

static void test_text_of_any_length(void **state)
{
  struct fixture *f = *state;
  struct lj_text text = {.arena = &f->arena};
  for (int i = 0; i < 3000; i++) {
    size_t before = text.length;
    lj_text_add(&text, "%*d|", i % 190 + 1, 7);
    assert_int_equal(text.length - before, i % 190 + 2);
    assert_int_equal(strlen(text.text), text.length);
  }
}

static void test_copies_and_formats(void **state)
{
  struct fixture *f = *state;
  assert_string_equal(lj_copy_text(&f->arena, "abcdef", 3), "abc");
  assert_string_equal(lj_copy_text(&f->arena, NULL, 0), "");
  assert_string_equal(lj_format(&f->arena, "%s has %d", "it", 3), "it has 3");
}

/* ---- numbers --------------------------------------------------------------------- */

static const char *printed(struct fixture *f, double number)
{
  struct lj_text text = {.arena = &f->arena};
  lj_number_print(&text, number);
  return text.text;
}

static void test_numbers_print_short(void **state)
{
  static const struct {
    double number;
    const char *text;
  } cases[] = {
      {0.3, "0.3"},
      {1e-7, "1e-7"},
      {2, "2.0"},
      {-1.5, "-1.5"},
      {1e22, "1e22"},
      {1e-300, "1e-300"},
      {100000, "100000.0"},
      {0, "0.0"},
      {-0.0, "-0.0"},
      {1e15, "1e15"},
      {INFINITY, "inf"},
      {-INFINITY, "-inf"},
      {NAN, "nan"},
      {5e-324, "4.94065645841247e-324"},
      {DBL_MAX, "1.7976931348623157e308"},
      {1.0 / 3, "0.3333333333333333"},
      {0.1 + 0.2, "0.30000000000000004"},
  };
  for (size_t i = 0; i < LJ_COUNT(cases); i++)
    assert_string_equal(printed(*state, cases[i].number), cases[i].text);
}

/* xorshift64*, so that every run tests the same numbers. */
static uint64_t next_random(uint64_t *seed)
{
  *seed ^= *seed >> 12;
  *seed ^= *seed << 25;
  *seed ^= *seed >> 27;
  return *seed * UINT64_C(2685821657736338717);
}

static void test_numbers_read_back_to_the_bit(void **state)
{
  uint64_t seed = 1;
  for (int i = 0; i < 20000; i++) {
    uint64_t bits = next_random(&seed);
    double number, again;
    memcpy(&number, &bits, sizeof number);
    if (!isfinite(number))
      continue;
    again = lj_number_read(printed(*state, number));
    assert_memory_equal(&again, &number, sizeof number);
  }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(test_memory_is_zeroed_and_aligned),
      TEST(test_pieces_do_not_overlap),
      TEST(test_few_chunks_serve_many_pieces),
      TEST(test_a_piece_larger_than_any_chunk),
      TEST(test_absurd_sizes_leave_through_the_trap),
      TEST(test_no_memory_leaves_through_the_trap),
      TEST(test_growing_keeps_what_is_there),
      TEST(test_a_failed_check_names_itself),
      TEST(test_long_messages_are_cut),
      TEST(test_text_is_built_piece_by_piece),
      TEST(test_text_of_any_length),
      TEST(test_copies_and_formats),
      TEST(test_numbers_print_short),
      TEST(test_numbers_read_back_to_the_bit),
  };
  return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
