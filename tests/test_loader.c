/*
 * The kernel loader: an object file becomes code that runs, page by page protected,
 * counted by its references. test_loader_damage.c shows what it refuses.
 */
#include "runtime/loader.h"
#include "tests/alloc_hook.h"
#include "tests/support/object_file.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef float dot_function(const float *x, long n);

/* ---- helpers
 * ------------------------------------------------------------------------- */

static struct lj_code *load_kernel(struct lj_alloc_hook *hook)
{
  struct test_object object = test_object_read("kernel");
  struct lj_code *code;
  char error[200];
  lossjit_status status = lj_code_load(object.bytes, object.size, &hook->allocator,
                                       &code, error, sizeof error);
  assert_string_equal(error, "");
  assert_int_equal(status, LOSSJIT_OK);
  free(object.bytes);
  return code;
}

/* Permissions of the page at `address`, such as "r-xp"; "" if it is not mapped. */
static void permissions_at(const void *address, char permissions[5])
{
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[512];
  permissions[0] = 0;
  assert_non_null(maps);
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long begin, end;
    char flags[5];
    if (sscanf(line, "%lx-%lx %4s", &begin, &end, flags) == 3 &&
        (uintptr_t)address >= begin && (uintptr_t)address < end)
      memcpy(permissions, flags, 5);
  }
  fclose(maps);
}

/* ---- what loads
 * ---------------------------------------------------------------------- */

static void loaded_code_runs(void **state)
{
  (void)state;
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  struct lj_code *code = load_kernel(&hook);
  dot_function *dot = (dot_function *)lj_code_symbol(code, "sample_dot");
  assert_non_null(dot);
  const float x[5] = {4, 2, 1, 0.5f, 8};
  assert_true(dot(x, 5) == 6.0f); /* 4/4 + 2/2 + 1 + 0.5*2 + 8/4 */
  assert_true(dot(x, 0) == 0.0f);
  lj_code_release(code);
  assert_int_equal(hook.live, 0);
}

static void unknown_symbols_are_null(void **state)
{
  (void)state;
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  struct lj_code *code = load_kernel(&hook);
  assert_non_null(lj_code_symbol(code, "sample_weight"));
  assert_null(lj_code_symbol(code, "sample"));
  assert_null(lj_code_symbol(code, "weights")); /* local to its file */
  assert_null(lj_code_symbol(code, ""));
  lj_code_release(code);
}

static void no_page_is_writable_and_executable(void **state)
{
  (void)state;
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  struct lj_code *code = load_kernel(&hook);
  char permissions[5];
  uint8_t *function = lj_code_symbol(code, "sample_dot");
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  permissions_at(function, permissions);
  assert_string_equal(permissions, "r-xp");
  /* The constants lie on a page of their own in front of the code. */
  assert_int_equal(lj_code_size(code), 2 * page);
  permissions_at(function - page, permissions);
  assert_string_equal(permissions, "r--p");
  lj_code_release(code);
}

static void release_unmaps_with_the_last_reference(void **state)
{
  (void)state;
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  struct lj_code *code = load_kernel(&hook);
  assert_ptr_equal(lj_code_retain(code), code);
  lj_code_release(code);
  const float x[1] = {4};
  dot_function *dot = (dot_function *)lj_code_symbol(code, "sample_dot");
  assert_true(dot(x, 1) == 1.0f);
  lj_code_release(code);
  assert_int_equal(hook.live, 0);
  lj_code_release(NULL);
}

static void *use_from_thread(void *argument)
{
  struct lj_code *code = argument;
  const float x[2] = {4, 2};
  for (int i = 0; i < 1000; i++) {
    lj_code_retain(code);
    dot_function *dot = (dot_function *)lj_code_symbol(code, "sample_dot");
    if (dot(x, 2) != 2.0f)
      abort();
    lj_code_release(code);
  }
  lj_code_release(code);
  return NULL;
}

static void references_are_counted_across_threads(void **state)
{
  (void)state;
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  struct lj_code *code = load_kernel(&hook);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    assert_int_equal(
        pthread_create(&threads[i], NULL, use_from_thread, lj_code_retain(code)), 0);
  lj_code_release(code);
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(hook.live, 0);
}

static void bytes_need_no_alignment(void **state)
{
  (void)state;
  struct test_object object = test_object_read("kernel");
  uint8_t *shifted = malloc(object.size + 1);
  memcpy(shifted + 1, object.bytes, object.size);
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  struct lj_code *code;
  assert_int_equal(
      lj_code_load(shifted + 1, object.size, &hook.allocator, &code, NULL, 0),
      LOSSJIT_OK);
  lj_code_release(code);
  free(shifted);
  free(object.bytes);
}

/* ---- what goes wrong outside the file
 * ---------------------------------------------------- */

static void wrong_calls_change_nothing(void **state)
{
  (void)state;
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  struct lj_code *code = (struct lj_code *)&hook;
  char error[8] = "before";
  const lossjit_allocator *allocator = &hook.allocator;
  assert_int_equal(lj_code_load(NULL, 9, allocator, &code, error, sizeof error),
                   LOSSJIT_ARGUMENT);
  assert_null(code);
  assert_string_equal(error, "");
  assert_int_equal(lj_code_load("", 0, NULL, &code, NULL, 0), LOSSJIT_ARGUMENT);
  assert_int_equal(lj_code_load("", 0, allocator, NULL, NULL, 0), LOSSJIT_ARGUMENT);
  assert_int_equal(lj_code_load("", 0, allocator, &code, NULL, 5), LOSSJIT_ARGUMENT);
  /* A reason is cut to the room there is. */
  assert_int_equal(lj_code_load("", 0, allocator, &code, error, sizeof error),
                   LOSSJIT_INTERNAL);
  assert_string_equal(error, "object:");
}

static void running_out_of_memory_is_reported(void **state)
{
  (void)state;
  struct test_object object = test_object_read("kernel");
  struct lj_alloc_hook hook;
  lj_alloc_hook_init(&hook);
  lossjit_status status = LOSSJIT_NO_MEMORY;
  for (int allow = 0; status != LOSSJIT_OK; allow++) {
    struct lj_code *code;
    hook.allow = allow;
    status = lj_code_load(object.bytes, object.size, &hook.allocator, &code, NULL, 0);
    assert_true(status == LOSSJIT_NO_MEMORY || status == LOSSJIT_OK);
    assert_true((status == LOSSJIT_OK) == (code != NULL));
    lj_code_release(code);
    assert_int_equal(hook.live, 0);
    assert_true(allow < 10);
  }
  free(object.bytes);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(loaded_code_runs),
      cmocka_unit_test(unknown_symbols_are_null),
      cmocka_unit_test(no_page_is_writable_and_executable),
      cmocka_unit_test(release_unmaps_with_the_last_reference),
      cmocka_unit_test(references_are_counted_across_threads),
      cmocka_unit_test(bytes_need_no_alignment),
      cmocka_unit_test(wrong_calls_change_nothing),
      cmocka_unit_test(running_out_of_memory_is_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
