/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What run.sh needs to set up its measurements and no shell tool does as it must be done here.
 *
 *   setup private CMD...	run CMD in a private mount namespace (ns.c: why not unshare(1))
 *   setup vault FILE		a mount namespace that holds one tmpfs, pinned on FILE
 *   setup many FILE DIR N	a copy of ours with N tmpfs more, below DIR, pinned on FILE
 */
#include "ns.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(const char *failed_step)
{
	if (!failed_step)
		return;
	fprintf(stderr, "setup: %s: %s\n", failed_step, strerror(errno));
	exit(1);
}

static void mount_many(const char *dir, unsigned long n)
{
	char path[4096];

	for (unsigned long i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%lu", dir, i);
		if (mkdir(path, 0755) < 0 || mount("many", path, "tmpfs", 0, NULL) < 0)
			check(path);
	}
}

/* A child makes the namespace and stops; we pin it and let the child go. */
static void pin_of_child(const char *file, const char *many, unsigned long n)
{
	pid_t pid = fork();

	if (pid < 0)
		check("fork");
	if (pid == 0) {
		check(many ? ns_private() : ns_vault());
		if (many)
			mount_many(many, n);
		raise(SIGSTOP);
		_exit(0);
	}
	if (waitpid(pid, NULL, WUNTRACED) < 0)
		check("waitpid");
	check(ns_pin(file, pid));
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) < 0)
		check("waitpid");
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "private") == 0 && argc > 2) {
		check(ns_private());
		execvp(argv[2], argv + 2);
		check(argv[2]);
	} else if (strcmp(verb, "vault") == 0 && argc == 3) {
		pin_of_child(argv[2], NULL, 0);
	} else if (strcmp(verb, "many") == 0 && argc == 5) {
		pin_of_child(argv[2], argv[3], strtoul(argv[4], NULL, 10));
	} else {
		fputs("usage: setup private|vault|many ...: see the head of setup.c\n", stderr);
		return 2;
	}
	return 0;
}
