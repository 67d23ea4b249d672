/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library takes without the start of a program around it; it uses the public header alone.
 *
 *   libloop run [--network] [--rounds R] [--loop N] ROOT CMD...
 *	a container that ends with its fd (pid, ipc, uts, mount and cgroup namespaces, ROOT as
 *	root), CMD spawned in it, waited for, the container removed
 *   libloop empty [--view] [--rounds R] [--loop N]
 *	a container with five own namespaces (uts, network, ipc, mount, pid) and no task, made and
 *	removed; its mount namespace is empty, with --view it has the view of the parent's root
 *   libloop none [--rounds R] [--loop N]
 *	a container that inherits everything, made and removed: what mkdir and rmdir do in the tree
 *   libloop fill N
 *	N containers c1 ... cN that stay, with own uts namespaces
 *
 * Prints the mean time of one in microseconds, for each round; the first one of all is not counted.
 */
#include <containerfs/container.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct work {
	unsigned int flags;
	int root;
	const char *const *argv;
	unsigned long rounds, loop;
};

static void die(const char *call)
{
	const struct container_error *e = container_error_last();

	fprintf(stderr, "libloop: %s: %s: %s: %s\n", call, e->step, e->object, strerror(errno));
	exit(1);
}

static void run_once(const struct work *w)
{
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	int status, c = container_create(NULL, w->flags);
	pid_t pid;

	if (c < 0)
		die("container_create");
	how.argv = w->argv;
	how.root = w->root;
	pid = container_spawn(c, &how);
	if (pid < 0)
		die("container_spawn");
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		die("waitpid");
	if (container_remove(c, 0) < 0)
		die("container_remove");
	close(c);
}

static void empty_once(const struct work *w)
{
	int c = container_create(NULL, w->flags);

	if (c < 0)
		die("container_create");
	if (container_remove(c, 0) < 0)
		die("container_remove");
	close(c);
}

static void repeat(const struct work *w, void (*once)(const struct work *w))
{
	once(w);
	for (unsigned long r = 0; r < w->rounds; r++) {
		struct timespec a, b;

		clock_gettime(CLOCK_MONOTONIC, &a);
		for (unsigned long i = 0; i < w->loop; i++)
			once(w);
		clock_gettime(CLOCK_MONOTONIC, &b);
		printf("%.2f\n", ((double)(b.tv_sec - a.tv_sec) * 1e6 +
				  (double)(b.tv_nsec - a.tv_nsec) / 1e3) /
					 (double)w->loop);
	}
}

static void fill(unsigned long n)
{
	char name[32];

	for (unsigned long i = 1; i <= n; i++) {
		int c;

		snprintf(name, sizeof(name), "c%lu", i);
		c = container_create(name, CONTAINER_NEW_UTS_NS | CONTAINER_FD_CLOEXEC);
		if (c < 0)
			die("container_create");
		close(c);
	}
}

/* Returns the index of the first operand. */
static int options(int argc, char **argv, struct work *w, bool *view)
{
	int i = 2;

	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--network") == 0)
			w->flags |= CONTAINER_NEW_NET_NS;
		else if (strcmp(argv[i], "--view") == 0)
			*view = true;
		else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
			w->rounds = strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--loop") == 0 && i + 1 < argc)
			w->loop = strtoul(argv[++i], NULL, 10);
		else
			break;
	}
	return i;
}

int main(int argc, char **argv)
{
	struct work w = {.root = -1, .rounds = 1, .loop = 100, .flags = CONTAINER_FD_CLOEXEC};
	const char *verb = argc > 1 ? argv[1] : "";
	bool view = false;
	int i = options(argc, argv, &w, &view);

	if (strcmp(verb, "none") == 0 && argc == i) {
		repeat(&w, empty_once);
		return 0;
	}
	w.flags |= CONTAINER_NEW_UTS_NS | CONTAINER_NEW_IPC_NS | CONTAINER_NEW_PID_NS;
	if (strcmp(verb, "run") == 0 && argc - i >= 2) {
		w.flags |= CONTAINER_NEW_FS_NS | CONTAINER_NEW_CGROUP_NS | CONTAINER_KILL_ON_CLOSE |
			   CONTAINER_KILL_LAZILY;
		w.root = open(argv[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (w.root < 0)
			die(argv[i]);
		w.argv = (const char *const *)(argv + i + 1);
		repeat(&w, run_once);
	} else if (strcmp(verb, "empty") == 0 && argc == i) {
		w.flags |= CONTAINER_NEW_NET_NS;
		w.flags |= view ? CONTAINER_NEW_FS_NS : CONTAINER_NEW_EMPTY_FS_NS;
		repeat(&w, empty_once);
	} else if (strcmp(verb, "fill") == 0 && argc - i == 1) {
		fill(strtoul(argv[i], NULL, 10));
	} else {
		fputs("usage: libloop run|empty|none|fill ...: see the head of libloop.c\n",
		      stderr);
		return 2;
	}
	return 0;
}
