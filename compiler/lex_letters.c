/*
 * The table of look-alikes: what copied documents and formulas have where a text has
 * ASCII. Letters stand for the names that people give them in programs; lambda is a
 * reserved word.
 */
#include "compiler/lex_letters.h"

#include "compiler/base.h"

static const struct look_alike {
  uint32_t code;
  const char *meant;
} look_alikes[] = {
    {0xA0, " "},       {0x2009, " "},    {0x202F, " "},    {0x200B, ""},
    {0xFEFF, ""},      {0x2212, "-"},    {0x2013, "-"},    {0x2014, "-"},
    {0xD7, "*"},       {0xB7, "*"},      {0x22C5, "*"},    {0x2217, "*"},
    {0xF7, "/"},       {0x2215, "/"},    {0x2264, "<="},   {0x2265, ">="},
    {0x2260, "!="},    {0xB2, "**2"},    {0xB3, "**3"},    {0x2026, "..."},
    {0x221E, "inf"},   {0xFF08, "("},    {0xFF09, ")"},    {0xFF0C, ","},
    {0xFF1B, ";"},     {0xFF1D, "="},    {0xAC, "~"},      {0x2227, "&"},
    {0x2228, "|"},     {0x2211, "sum"},  {0x3A3, "sum"},   {0x221A, "sqrt"},
    {0x177, "y_pred"}, {0x3B1, "alpha"}, {0x3B2, "beta"},  {0x3B3, "gamma"},
    {0x3B4, "delta"},  {0x3B5, "eps"},   {0x3F5, "eps"},   {0x3B6, "zeta"},
    {0x3B7, "eta"},    {0x3B8, "theta"}, {0x3BA, "kappa"}, {0x3BB, "lambda_"},
    {0x3BC, "mu"},     {0xB5, "mu"},     {0x3BD, "nu"},    {0x3BE, "xi"},
    {0x3C0, "pi"},     {0x3C1, "rho"},   {0x3C3, "sigma"}, {0x3C4, "tau"},
    {0x3C6, "phi"},    {0x3D5, "phi"},   {0x3C7, "chi"},   {0x3C8, "psi"},
    {0x3C9, "omega"},  {0x394, "Delta"},
};

const char *lj_look_alike(uint32_t code)
{
  for (size_t i = 0; i < LJ_COUNT(look_alikes); i++)
    if (look_alikes[i].code == code)
      return look_alikes[i].meant;
  return NULL;
}
