/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * call: calls of the library that no verb of container(1) makes.
 *
 *	call fork CONTAINER
 *	call attach CONTAINER PID
 *	call set-access CONTAINER UID GID MODE
 *	call get-access CONTAINER
 */
#include <containerfs/container.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(const char *name)
{
	const struct container_error *e = container_error_last();

	fprintf(stderr, "call: %s: %s: %s%s%s\n", name, e->step, e->object,
		e->object[0] ? ": " : "", strerror(errno));
	return 1;
}

static int fork_and_wait(int container, char **argv)
{
	pid_t pid = container_fork(container);
	int status = 0;

	(void)argv;
	if (pid == 0)
		_exit(0);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
		return 0;
	return -1;
}

static int attach(int container, char **argv)
{
	return container_attach(container, (pid_t)strtol(argv[0], NULL, 10), 0);
}

static int set_access(int container, char **argv)
{
	const struct container_access access = {
		.size = sizeof(access),
		.uid = (uid_t)strtoul(argv[0], NULL, 10),
		.gid = (gid_t)strtoul(argv[1], NULL, 10),
		.mode = (mode_t)strtoul(argv[2], NULL, 8),
	};

	return container_set_access(container, &access);
}

static int get_access(int container, char **argv)
{
	struct container_access access = {.size = sizeof(access)};
	int r = container_get_access(container, &access);

	(void)argv;
	if (r == 0)
		printf("%u %u %o\n", access.uid, access.gid, access.mode);
	return r;
}

static const struct {
	const char *name;
	int args; /* after the container */
	int (*call)(int container, char **argv);
} calls[] = {
	{"fork", 0, fork_and_wait},
	{"attach", 1, attach},
	{"set-access", 3, set_access},
	{"get-access", 0, get_access},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 2 && i < sizeof(calls) / sizeof(*calls); i++) {
		int container;

		if (strcmp(argv[1], calls[i].name) != 0 || argc != calls[i].args + 3)
			continue;
		container = container_open(argv[2]);
		if (container < 0 || calls[i].call(container, argv + 3) < 0)
			return fail(argv[2]);
		return 0;
	}
	fputs("usage: call fork NAME | attach NAME PID | set-access NAME UID GID MODE | get-access NAME\n",
	      stderr);
	return 2;
}
