/*
 * The generated pages of the reference: what each file of the generator writes.
 *
 * The tables that the compiler reads are the only source, so a page cannot say anything
 * else than the compiler does. Functions return false after a message on stderr, when a
 * page would be incomplete.
 */
#ifndef LOSSJIT_DOCS_PAGES_H
#define LOSSJIT_DOCS_PAGES_H

#include <stdbool.h>
#include <stdio.h>

/* page_operators.c: from grammar/operators.def and row_operators.def, the checker's
 * table of functions, and operator_notes.def. */
bool write_operators(FILE *page);

/* page_losses.c: from grammar/prelude.loss, as the library holds it. */
bool write_losses(FILE *page);

/* page_diagnostics.c: from grammar/diagnostics.def. */
bool write_diagnostics(FILE *page);

/* page_manual.c: from the command's own table. */
bool write_manual(FILE *page);

/* Words as Markdown that shows them as they are. What stands between backquotes stays
 * code. */
void write_words(FILE *page, const char *words, size_t length);

/* A paragraph of Markdown, broken into lines between words. `begin` stands in front of
 * the first line; the others are indented if it is not empty. */
void write_paragraph(FILE *page, const char *begin, const char *markdown);

/* A link to the section of this name, behind `separator`; `column` is where the line
 * stands, and is kept up to date. */
void write_link(FILE *page, const char *name, const char *separator, size_t *column);

#endif
