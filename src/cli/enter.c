/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <string.h>

#include "cleanup.h"
#include "cli.h"
#include "verbs.h"

enum { OPTION_ONLY = 1000 };

static int enter_option(struct cli_program *p, int c)
{
	unsigned int types = 0;
	int r = cli_program_option(p, c, optarg);

	if (r >= 0)
		return r;
	if (cli_types("enter", optarg, true, &types) < 0)
		return EXIT_FAILED;
	p->spawn.nstypes |= (int)types;
	return 0;
}

int verb_enter(int argc, char **argv)
{
	static const struct option longs[] = {
		{"only", required_argument, NULL, OPTION_ONLY},
		CLI_PROGRAM_LONG_OPTIONS,
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	autoclose int container = -EBADF;
	autoprogram struct cli_program p = {0};
	const char *name;
	int c;

	if (cli_program_init(&p))
		return EXIT_FAILED;
	while ((c = cli_option("enter", argc, argv, "+:h" CLI_PROGRAM_OPTIONS, longs)) != -1) {
		if (c < 0)
			return c == -2 ? 0 : EXIT_FAILED;
		if (enter_option(&p, c))
			return EXIT_FAILED;
	}
	if (optind >= argc)
		return cli_usage("enter", "which container?");
	name = argv[optind++];
	if (optind < argc && strcmp(argv[optind], "--") == 0)
		optind++;
	container = cli_open(name);
	if (container < 0)
		return EXIT_FAILED;
	cli_program_argv(&p, argc - optind, argv + optind);
	return cli_program_run(&p, container, name);
}
