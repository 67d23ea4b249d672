/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check: what is damaged, and mending it. */
#include <containerfs/container.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "cleanup.h"
#include "cli.h"
#include "verbs.h"

#define EXIT_LEFT 1 /* something is wrong still */
#define OPTION_REPAIR 1000

/* One line for each: paths and names are of whoever made them. */
static int tell(const struct container_problem *problem, void *arg)
{
	autofree char *path = cli_printable(problem->path);
	size_t *left = arg;

	*left += !problem->mended;
	printf("%s: %s (%s)\n", path ? path : "", problem->text,
	       problem->mended ? "mended" : problem->remedy);
	return 0;
}

int verb_check(int argc, char **argv)
{
	static const struct option longs[] = {{"repair", no_argument, NULL, OPTION_REPAIR},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	unsigned int flags = 0;
	size_t left = 0;
	int option;

	while ((option = cli_option("check", argc, argv, ":h", longs)) >= 0)
		flags |= CONTAINER_CHECK_REPAIR;
	if (option < -1)
		return option == -2 ? 0 : EXIT_FAILED;
	if (optind < argc)
		return cli_usage("check", "it takes no name");
	if (container_check(flags, tell, &left) < 0) {
		/* Where there is nothing, nothing is damaged. */
		if (errno == ENOENT)
			return 0;
		return cli_failed(NULL);
	}
	return left ? EXIT_LEFT : 0;
}
