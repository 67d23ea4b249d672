/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A container made, used and removed with the library. To build and, as root, run it:
 * cc hello.c -o hello $(pkg-config --cflags --libs libcontainerfs) && ./hello
 */
#include <containerfs/container.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed(void)
{
	const struct container_error *e = container_error_last();

	fprintf(stderr, "hello: %s %s: %s\n", e->step, e->object, strerror(e->code));
	return 1;
}

int main(void)
{
	const char *argv[] = {"sh", "-c", "echo hello from $(uname -n), process $$", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	int status = 0;
	int c = container_create("hello", CONTAINER_NEW_FS_NS | CONTAINER_NEW_PID_NS |
						  CONTAINER_NEW_UTS_NS | CONTAINER_FD_CLOEXEC);

	if (c < 0)
		return failed();
	how.argv = argv;
	if (container_set_hostname(c, "world") < 0 || container_spawn(c, &how) < 0)
		status = failed();
	while (wait(&status) > 0 || errno == EINTR)
		;
	if (container_remove(c, CONTAINER_REMOVE_KILL) < 0)
		status = failed();
	close(c);
	return status != 0;
}
