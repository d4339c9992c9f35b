/*
 * lossjit, the command: finds the command's row in the table and runs it.
 *
 * Results go to standard output and are worth nothing when they do not arrive, so
 * writing is checked once more at the end: a full disk or a closed pipe is a failure
 * with a message.
 */
#include "cli/cli.h"
#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* A closed standard stream must not become the next file that is opened. */
static void keep_standard_streams(void)
{
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF)
      (void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

/* Flush the results; the status with which to end. */
static int finish(int status)
{
  errno = 0;
  bool failed = ferror(stdout) != 0;
  if (fflush(stdout) != 0)
    failed = true;
  if (!failed)
    return status;
  cli_report("cannot write the results: %s",
             errno ? strerror(errno) : "standard output failed");
  return status == CLI_DONE ? CLI_WRONG : status;
}

static int run_command(const struct cli_command *command, char **argv, size_t count)
{
  struct cli cli = {.command = command};
  bool wants_help;
  int status = CLI_USAGE;
  if (cli_arguments(&cli, argv, count, &wants_help)) {
    if (wants_help) {
      cli_print_help(stdout, command);
      status = CLI_DONE;
    } else {
      status = command->run(&cli);
    }
  }
  cli_pool_free(&cli.pool);
  return status;
}

static int run(int argc, char **argv)
{
  if (argc < 2) {
    cli_print_overview(stderr);
    return CLI_USAGE;
  }
  const char *word = argv[1];
  if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
    cli_print_overview(stdout);
    return CLI_DONE;
  }
  if (strcmp(word, "--version") == 0) {
    puts("lossjit " LOSSJIT_VERSION);
    return CLI_DONE;
  }
  const struct cli_command *command = cli_find_command(word);
  if (!command)
    return cli_unknown_command(word);
  return run_command(command, argv + 2, (size_t)argc - 2);
}

int main(int argc, char **argv)
{
  signal(SIGPIPE, SIG_IGN);
  keep_standard_streams();
  return finish(run(argc, argv));
}
