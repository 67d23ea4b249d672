/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A shell with a mount tree of its own: what it mounts, writes and removes nobody else sees, and with
 * it all that goes. The test of the patch of 2001, and Plan 9's rfork(RFNAMEG). To build and, as root,
 * run it: cc rfork.c -o rfork $(pkg-config --cflags --libs libcontainerfs) && ./rfork
 */
#include <containerfs/container.h>
#include <stdio.h>
#include <sys/wait.h>

int main(void)
{
	const char *const argv[] = {"sh", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	int status, c = container_create(NULL, CONTAINER_NEW_FS_NS | CONTAINER_KILL_ON_CLOSE |
						       CONTAINER_FD_CLOEXEC);

	how.argv = argv;
	if (c < 0 || container_spawn(c, &how) < 0 || wait(&status) < 0)
		return perror(container_error_last()->step), 1;
	return WEXITSTATUS(status);
}
