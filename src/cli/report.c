/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * container-report: the verbs of container(1) that print tables, trees and JSON, by libsmartcols.
 */
#include <errno.h>
#include <getopt.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli.h"
#include "report.h"
#include "verbs.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

int report_no_memory(void)
{
	cli_message(NULL, "out of memory");
	return EXIT_FAILED;
}

int report_sort(struct libscols_table *table, bool tree)
{
	struct libscols_column *first = scols_table_get_column(table, 0);
	int r = scols_column_set_cmpfunc(first, scols_cmpstr_cells, NULL);

	r = r ? r : scols_sort_table(table, first);
	r = r || !tree ? r : scols_sort_table_by_tree(table);
	return r ? report_no_memory() : 0;
}

/* How many bytes are the character of UTF-8 at s; less than 0: so many there are the beginning of none. */
static int character_length(const unsigned char *s)
{
	unsigned char low = 0x80, high = 0xbf;
	int len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (len == 0 || s[0] > 0xf4)
		return -1;
	/* No longer than it needs to be, no surrogate, none behind the last one. */
	if (s[0] == 0xe0 || s[0] == 0xf0)
		low = s[0] == 0xe0 ? 0xa0 : 0x90;
	else if (s[0] == 0xed || s[0] == 0xf4)
		high = s[0] == 0xed ? 0x9f : 0x8f;
	for (int i = 1; i < len; i++, low = 0x80, high = 0xbf)
		if (s[i] < low || s[i] > high)
			return -i;
	return len;
}

/* JSON is UTF-8, which paths and the like need not be. */
static void print_json(const char *text)
{
	while (*text) {
		int len = character_length((const unsigned char *)text);

		if (len < 0)
			fputs(REPLACEMENT, stdout);
		else
			(void)fwrite(text, 1, (size_t)len, stdout);
		text += len < 0 ? -len : len;
	}
	putchar('\n');
}

int report_print(struct libscols_table *table, bool json)
{
	autofree char *text = NULL;
	char *begin, *end;

	if (!json)
		return scols_print_table(table) < 0 ? report_no_memory() : 0;
	if (scols_table_get_nlines(table) == 0) {
		puts("[]");
		return 0;
	}
	/* The library wraps the array in an object of one member; the array alone is our form. */
	if (scols_print_table_to_string(table, &text) < 0)
		return report_no_memory();
	begin = strchr(text, '[');
	end = strrchr(text, ']');
	if (!begin || !end)
		return EXIT_FAILED;
	end[1] = '\0';
	print_json(begin);
	return 0;
}

struct libscols_table *report_table(const struct report_column *columns, size_t count, bool json,
				    bool tree)
{
	struct libscols_table *table = scols_new_table();

	if (!table) {
		report_no_memory();
		return NULL;
	}
	scols_table_enable_json(table, json);
	scols_table_set_name(table, "list");
	for (size_t i = 0; i < count; i++) {
		int flags = columns[i].flags | (tree && i == 0 ? SCOLS_FL_TREE : 0);
		struct libscols_column *column = scols_table_new_column(
			table, json ? columns[i].json : columns[i].name, 0, flags);

		if (!column) {
			scols_unref_table(table);
			report_no_memory();
			return NULL;
		}
		scols_column_set_json_type(column, columns[i].json_type);
	}
	return table;
}

static int run(int argc, char **argv)
{
	static const struct {
		const char *verb;
		int (*run)(int, char **);
	} actions[] = {{"ls", verb_ls},	      {"show", verb_show},     {"ps", verb_ps},
		       {"stats", verb_stats}, {"mounts", verb_mounts}, {"holders", verb_holders},
		       {"key", verb_key_ls}};
	const struct verb *verb = argc > 1 ? verb_find(argv[1]) : NULL;

	for (size_t i = 0; verb && i < ARRAY_SIZE(actions); i++)
		if (strcmp(actions[i].verb, verb->name) == 0)
			return actions[i].run(argc - 1, argv + 1);
	return cli_usage(NULL, "container-report is a part of container(1)");
}

int main(int argc, char **argv)
{
	return cli_main(run, argc, argv);
}
