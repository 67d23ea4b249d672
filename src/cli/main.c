/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * container(1): a table of verbs. A small static program, since most verbs take less time than the
 * loading of shared libraries would; the verbs that print tables are in container-report.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli.h"
#include "plain.h"
#include "verbs.h"

/* clang-format off */
static const struct action {
	const char *verb;
	int (*run)(int argc, char **argv); /* NULL, or if it returns -1: in container-report */
} actions[] = {
	{"create", verb_create}, {"run", verb_run}, {"enter", verb_enter}, {"ls", plain_ls},
	{"show", NULL}, {"ps", NULL}, {"stats", NULL}, {"of", verb_of}, {"set", verb_set},
	{"kill", verb_kill}, {"freeze", verb_freeze}, {"thaw", verb_thaw}, {"wait", verb_wait},
	{"stop", verb_stop}, {"reboot", verb_reboot}, {"events", verb_events}, {"key", verb_key},
	{"rename", verb_rename}, {"rm", verb_rm}, {"mount", verb_mount}, {"umount", verb_umount},
	{"mounts", NULL}, {"holders", NULL}, {"cp", verb_cp},
	{"check", verb_check},
};
/* clang-format on */

static void overview(FILE *to)
{
	fprintf(to, "Usage: container VERB [OPTION]... [ARG]...\n"
		    "Containers as objects: named, nested, with or without processes.\n\n");
	for (const struct verb *v = verbs; v->name; v++)
		fprintf(to, "  %-8s %s\n", v->name, v->summary);
	fprintf(to,
		"\n\"container VERB --help\" tells more; so do container(1) and containerfs(7).\n");
}

#define REPORT_MEMORY (4 << 20)

/* Beside this program, or else where "make install" puts it. */
int cli_report(char **argv)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("container-report"));
	struct rlimit limit;
	char *slash;

	/* The kernel kills a program that it cannot load, once it has begun to. */
	if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur < REPORT_MEMORY) {
		cli_message(
			NULL,
			"the limit of address space is too low for what prints tables (ulimit -v)");
		return EXIT_FAILED;
	}
	if (n > 0) {
		path[n] = '\0';
		slash = strrchr(path, '/');
		memcpy(slash ? slash + 1 : path, "container-report", sizeof("container-report"));
		execv(path, argv);
	}
	execv(REPORT_PATH, argv);
	cli_message(NULL, "%s: %s", REPORT_PATH, strerror(errno));
	return EXIT_FAILED;
}

/* The verb that begins most like what was typed, for the message. */
static int unknown(const char *name)
{
	const char *like = NULL;
	size_t most = 1;

	for (const struct verb *v = verbs; v->name; v++) {
		size_t len = 0;

		while (name[len] && name[len] == v->name[len])
			len++;
		if (len > most) {
			most = len;
			like = v->name;
		}
	}
	return like ? cli_usage(NULL, "no such verb: %s; did you mean %s", name, like)
		    : cli_usage(NULL, "no such verb: %s", name);
}

static int run(int argc, char **argv)
{
	const struct verb *verb;
	int status = -1;

	if (argc < 2) {
		overview(stderr);
		return EXIT_FAILED;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		overview(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("container " VERSION);
		return 0;
	}
	verb = verb_find(argv[1]);
	if (!verb)
		return unknown(argv[1]);
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(actions[i].verb, verb->name) == 0 && actions[i].run)
			status = actions[i].run(argc - 1, argv + 1);
	return status >= 0 ? status : cli_report(argv);
}

int main(int argc, char **argv)
{
	return cli_main(run, argc, argv);
}
