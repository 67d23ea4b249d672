/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options of verbs, by getopt_long(3) of several libcs.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"

/* One libc is behind the end of the words if a value is wanting. */
static const char *last_word(char **argv)
{
	return argv[optind - 1] ? argv[optind - 1] : argv[optind - 2];
}

/* In the midst of a word of several letters getopt_long(3) has not gone on, or is back at the first word. */
static const char *unknown_word(int argc, char **argv)
{
	for (int i = optind - 1; optopt && i < argc; i++)
		if (argv[i][0] == '-' && argv[i][1] != '-' && strchr(argv[i], optopt))
			return argv[i];
	return last_word(argv);
}

/* "--all=x" */
static bool has_unwanted_value(char **argv, const struct option *longs)
{
	const char *word = last_word(argv);

	if (strncmp(word, "--", 2) != 0 || !strchr(word, '='))
		return false;
	while (longs->name && (longs->val != optopt || longs->has_arg != no_argument))
		longs++;
	return longs->name;
}

int cli_option(const char *verb, int argc, char **argv, const char *shorts,
	       const struct option *longs)
{
	int c;

	opterr = 0;
	c = getopt_long(argc, argv, shorts, longs, NULL);
	if (c == 'h') {
		printf("Usage: container %s", verb_find(verb)->help);
		return -2;
	}
	if (c == ':')
		cli_usage(verb, "option needs a value: %s", last_word(argv));
	else if (c == '?' && has_unwanted_value(argv, longs))
		cli_usage(verb, "option takes no value: %s", last_word(argv));
	else if (c == '?')
		cli_usage(verb, "unknown option: %s", unknown_word(argc, argv));
	return c == ':' || c == '?' ? -3 : c;
}

int cli_json(const char *verb, int argc, char **argv, bool *ret_json)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	int c;

	while ((c = cli_option(verb, argc, argv, ":h", longs)) != -1) {
		if (c < 0)
			return c == -2 ? 0 : EXIT_FAILED;
		*ret_json = true;
	}
	return -1;
}
