/*
 * The table of commands, in the order in which help and the manual page show them.
 */
#include "cli/cli.h"

const struct cli_command *const cli_commands[] = {
    &cli_eval,  &cli_check,  &cli_show,  &cli_test,
    &cli_bench, &cli_losses, &cli_train, &cli_help,
};
const size_t cli_command_count = CLI_COUNT(cli_commands);
