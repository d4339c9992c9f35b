/*
 * Reading the command line after the command's own table of options.
 *
 * This is not getopt because many losses begin with a minus: in
 *
 *     lossjit eval '-sum(y_true*log(y_pred), axis=-1)' ...
 *
 * the first argument is an expression. Options are therefore `--word`, `--word=value`
 * and a minus with one letter, nothing else; a longer argument that begins with one
 * minus is the expression if none was given yet. Options may stand anywhere; `--` ends
 * them.
 */
#include "cli/cli.h"
#include "cli/terminal.h"

#include <ctype.h>
#include <string.h>

/* ---- the nearest word ------------------------------------------------------------ */

#define WORD_LIMIT 48 /* longer words are no options, commands or losses of ours */

static size_t least(size_t a, size_t b)
{
  return a < b ? a : b;
}

/* Edits from a to b; a swap of neighbours is one edit (optimal string alignment). */
static size_t edit_distance(const char *a, const char *b)
{
  size_t length_a = strlen(a), length_b = strlen(b);
  size_t cost[WORD_LIMIT + 1][WORD_LIMIT + 1];
  if (length_a > WORD_LIMIT || length_b > WORD_LIMIT)
    return SIZE_MAX;
  for (size_t i = 0; i <= length_a; i++)
    cost[i][0] = i;
  for (size_t j = 0; j <= length_b; j++)
    cost[0][j] = j;
  for (size_t i = 1; i <= length_a; i++) {
    for (size_t j = 1; j <= length_b; j++) {
      size_t best = least(cost[i - 1][j], cost[i][j - 1]) + 1;
      best = least(best, cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        best = least(best, cost[i - 2][j - 2] + 1);
      cost[i][j] = best;
    }
  }
  return cost[length_a][length_b];
}

const char *cli_nearest(const char *name, const char *const *words, size_t count)
{
  const char *nearest = NULL;
  size_t limit = strlen(name) / 3 + 1, best = limit + 1;
  for (size_t i = 0; i < count; i++) {
    size_t distance = edit_distance(name, words[i]);
    if (distance < best) {
      best = distance;
      nearest = words[i];
    }
  }
  return nearest;
}

/* ---- options --------------------------------------------------------------------- */

/* Does `argument` have the form of an option? `*length` is that of its name. */
static bool looks_like_option(const char *argument, bool has_expression, size_t *length)
{
  if (argument[0] != '-' || argument[1] == '\0')
    return false;
  if (argument[1] != '-') {
    *length = strlen(argument + 1);
    return isalpha((unsigned char)argument[1]) && (*length == 1 || has_expression);
  }
  size_t n = 0;
  while (islower((unsigned char)argument[2 + n]) || argument[2 + n] == '-')
    n++;
  *length = n;
  return n > 0 && (argument[2 + n] == '\0' || argument[2 + n] == '=');
}

static const struct cli_option *find_option(const struct cli_command *command,
                                            const char *argument, size_t length)
{
  for (size_t i = 0; i < command->option_count; i++) {
    const struct cli_option *option = &command->options[i];
    bool is_word = argument[1] == '-';
    if (is_word && strlen(option->name) == length &&
        strncmp(option->name, argument + 2, length) == 0)
      return option;
    if (!is_word && length == 1 && option->letter == argument[1])
      return option;
  }
  return NULL;
}

static bool unknown_option(const struct cli *cli, const char *argument, size_t length)
{
  const char *words[32];
  size_t count = 0;
  words[count++] = "help";
  for (size_t i = 0; i < cli->command->option_count && count < CLI_COUNT(words); i++)
    words[count++] = cli->command->options[i].name;
  char name[WORD_LIMIT + 1] = "";
  size_t dashes = argument[1] == '-' ? 2 : 1;
  if (length <= WORD_LIMIT)
    memcpy(name, argument + dashes, length);
  const char *nearest = length > 1 ? cli_nearest(name, words, count) : NULL;
  if (nearest)
    cli_usage(cli, "unknown option '%.*s'; did you mean '--%s'?",
              (int)(dashes + length), argument, nearest);
  else
    cli_usage(cli, "unknown option '%.*s' (an expression can follow '--')",
              (int)(dashes + length), argument);
  return false;
}

/* Take the option in argv[*at], with the argument behind it if it needs one. */
static bool take_option(struct cli *cli, char **argv, size_t count, size_t *at,
                        size_t length)
{
  const char *argument = argv[*at];
  const struct cli_option *option = find_option(cli->command, argument, length);
  if (!option)
    return unknown_option(cli, argument, length);
  const char *equals = argument[1] == '-' ? argument + 2 + length : "";
  const char *value = *equals == '=' ? equals + 1 : NULL;
  if (option->kind == CLI_FLAG && value) {
    cli_usage(cli, "--%s takes no value", option->name);
    return false;
  }
  if (option->kind == CLI_VALUE && !value) {
    if (*at + 1 >= count) {
      cli_usage(cli, "--%s needs a value: %s", option->name, option->value_name);
      return false;
    }
    value = argv[++*at];
  }
  cli->given[cli->given_count++] = (struct cli_given){option, value};
  return true;
}

static bool check_positional_count(const struct cli *cli)
{
  const struct cli_command *command = cli->command;
  if (cli->positional_count < command->least)
    cli_usage(cli, "an argument is missing\nusage: lossjit %s %s", command->name,
              command->usage);
  else if (cli->positional_count > command->most)
    cli_usage(cli, "unexpected argument '%s'", cli->positional[command->most]);
  else
    return true;
  return false;
}

bool cli_arguments(struct cli *cli, char **argv, size_t count, bool *wants_help)
{
  bool options_ended = false;
  *wants_help = false;
  cli->given = CLI_NEW_ARRAY(&cli->pool, struct cli_given, count);
  cli->positional = CLI_NEW_ARRAY(&cli->pool, const char *, count);
  for (size_t i = 0; i < count; i++) {
    size_t length = 0;
    bool has_expression = cli->positional_count > 0;
    if (!options_ended && strcmp(argv[i], "--") == 0) {
      options_ended = true;
    } else if (options_ended || !looks_like_option(argv[i], has_expression, &length)) {
      cli->positional[cli->positional_count++] = argv[i];
    } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
      *wants_help = true;
      return true;
    } else if (!take_option(cli, argv, count, &i, length)) {
      return false;
    }
  }
  return check_positional_count(cli);
}

const char *cli_value(const struct cli *cli, const char *name)
{
  for (size_t i = cli->given_count; i-- > 0;)
    if (strcmp(cli->given[i].option->name, name) == 0)
      return cli->given[i].value ? cli->given[i].value : "";
  return NULL;
}

int cli_choice(const struct cli *cli, const char *name, const char *const *words,
               size_t count, int fallback)
{
  const char *value = cli_value(cli, name);
  if (!value)
    return fallback;
  for (size_t i = 0; i < count; i++)
    if (strcmp(value, words[i]) == 0)
      return (int)i;
  char list[160] = "";
  for (size_t i = 0; i < count; i++)
    snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "",
             words[i]);
  cli_usage(cli, "--%s %s: expected one of %s", name, value, list);
  return -1;
}

lossjit_dtype cli_dtype_option(const struct cli *cli)
{
  static const char *const words[] = {"f32", "f64"};
  int choice = cli_choice(cli, "dtype", words, CLI_COUNT(words), 0);
  return choice < 0 ? (lossjit_dtype)0 : choice == 0 ? LOSSJIT_F32 : LOSSJIT_F64;
}
