/*
 * Running the `lossjit` command as a black box; see command.h.
 */
#include "tests/support/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/lossjit-test-XXXXXX";
static char *texts[2]; /* what the last run wrote */

static char *read_text(const char *name)
{
  char path[sizeof folder + 16];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  size_t capacity = 1 << 20, length = 0, got;
  char *text = malloc(capacity + 1);
  assert_non_null(text);
  while (length < capacity &&
         (got = fread(text + length, 1, capacity - length, file)) > 0)
    length += got;
  text[length] = '\0';
  fclose(file);
  return text;
}

struct command_result command_run(const char *script)
{
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    char path[4096];
    const char *command = LOSSJIT_TEST_COMMAND;
    int length = (int)(strrchr(command, '/') - command);
    snprintf(path, sizeof path, "%.*s:%s", length, command, getenv("PATH"));
    setenv("PATH", path, 1);
    unsetenv("NO_COLOR");
    if (chdir(folder) != 0 || !freopen(".out", "wb", stdout) ||
        !freopen(".err", "wb", stderr) || !freopen("/dev/null", "rb", stdin))
      _exit(126);
    execl("/bin/sh", "sh", "-c", script, (char *)NULL);
    _exit(127);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  free(texts[0]);
  free(texts[1]);
  texts[0] = read_text(".out");
  texts[1] = read_text(".err");
  return (struct command_result){WIFEXITED(status) ? WEXITSTATUS(status)
                                                   : 128 + WTERMSIG(status),
                                 texts[0], texts[1]};
}

static int holds(const char *text, const char *wanted)
{
  return !wanted || (*wanted ? strstr(text, wanted) != NULL : *text == '\0');
}

void command_check(const struct command_row *rows, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    struct command_result got = command_run(rows[i].script);
    if (got.status == rows[i].status && holds(got.out, rows[i].out) &&
        holds(got.err, rows[i].err))
      continue;
    fail_msg("%s\n-- ended with %d, expected %d\n-- output: %s\n-- expected in it: %s\n"
             "-- errors: %s\n-- expected in them: %s",
             rows[i].script, got.status, rows[i].status, got.out,
             rows[i].out ? rows[i].out : "anything", got.err,
             rows[i].err ? rows[i].err : "anything");
  }
}

int command_setup(void **state)
{
  (void)state;
  return mkdtemp(folder) ? 0 : -1;
}

int command_teardown(void **state)
{
  char remove[sizeof folder + 16];
  (void)state;
  free(texts[0]);
  free(texts[1]);
  snprintf(remove, sizeof remove, "rm -rf %s", folder);
  return system(remove) == 0 ? 0 : -1;
}
