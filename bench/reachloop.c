/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reaching into a container that runs, by the library and by the bare system calls for the same.
 *
 *   reachloop socket|mount|open|spawn library|bare|child [N] CONTAINER PATH
 *	socket	an inet socket in its network namespace, made and closed. child: by a child, over SCM_RIGHTS,
 *		as it is done where the thread must not change its own namespace
 *	mount	the caller's directory PATH, attached at /mnt of the container; umount is not timed.
 *		child: by a child, since a program with threads cannot leave its mount namespace
 *	open	the file PATH of its root, opened and closed. bare: with an fd of the root, as who trusts it does
 *	spawn	the program PATH as one of its tasks, waited for
 *
 * What is bare is done with namespaces that are open already, by a thread that goes there and back.
 * Prints the median time of one of N (100) in microseconds; the first one is not counted.
 */
#include "timing.h"

#include <containerfs/container.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/openat2.h>

#define MOUNT_POINT "/mnt"

struct reach {
	int container, root;
	int net, own_net, mnt, own_mnt;
	const char *path;
};

static void die(const char *what)
{
	const struct container_error *e = container_error_last();

	fprintf(stderr, "reachloop: %s: %s (%s)\n", what, strerror(errno), e->step);
	exit(1);
}

static int check(int r, const char *what)
{
	if (r < 0)
		die(what);
	return r;
}

static void go(int ns, int type)
{
	check(setns(ns, type), "setns");
}

static double socket_library(void *arg)
{
	const struct reach *r = arg;

	close(check(container_socket(r->container, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
		    "socket"));
	return 0;
}

static double socket_bare(void *arg)
{
	const struct reach *r = arg;
	int fd;

	go(r->net, CLONE_NEWNET);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	go(r->own_net, CLONE_NEWNET);
	close(check(fd, "socket"));
	return 0;
}

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static void send_fd(int to, int fd)
{
	union control control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
					    .cmsg_level = SOL_SOCKET,
					    .cmsg_type = SCM_RIGHTS}};
	struct iovec iov = {(char[1]){0}, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	check((int)sendmsg(to, &msg, 0), "sendmsg");
}

static int receive_fd(int from)
{
	union control control = {0};
	struct iovec iov = {(char[1]){0}, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	int fd;

	check((int)recvmsg(from, &msg, MSG_CMSG_CLOEXEC), "recvmsg");
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

static void reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0 || status != 0)
		die("child");
}

static double socket_child(void *arg)
{
	const struct reach *r = arg;
	int pair[2];
	pid_t pid;

	check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), "socketpair");
	pid = check(fork(), "fork");
	if (pid == 0) {
		go(r->net, CLONE_NEWNET);
		send_fd(pair[1], check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
		_exit(0);
	}
	close(receive_fd(pair[0]));
	reap(pid);
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static int clone_source(const struct reach *r)
{
	return check(
		(int)syscall(SYS_open_tree, AT_FDCWD, r->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC),
		r->path);
}

static double mount_library(void *arg)
{
	const struct reach *r = arg;
	int tree = clone_source(r);
	double begin;

	check(container_move_mount(r->container, tree, MOUNT_POINT, 0), "move_mount");
	close(tree);
	begin = timing_now();
	check(container_umount(r->container, MOUNT_POINT, MNT_DETACH), "umount");
	return timing_now() - begin;
}

static void attach(int tree)
{
	check((int)syscall(SYS_move_mount, tree, "", AT_FDCWD, MOUNT_POINT,
			   MOVE_MOUNT_F_EMPTY_PATH),
	      "move_mount");
}

static double mount_bare(void *arg)
{
	const struct reach *r = arg;
	int tree = clone_source(r);
	double begin, took;

	go(r->mnt, CLONE_NEWNS);
	attach(tree);
	close(tree);
	begin = timing_now();
	check(umount2(MOUNT_POINT, MNT_DETACH), "umount");
	took = timing_now() - begin;
	go(r->own_mnt, CLONE_NEWNS);
	return took;
}

/* By a program with threads, none of which can leave its mount namespace. */
static double mount_child(void *arg)
{
	const struct reach *r = arg;
	int tree = clone_source(r);
	pid_t pid = vfork();
	double begin;

	if (pid == 0) {
		go(r->mnt, CLONE_NEWNS);
		attach(tree);
		_exit(0);
	}
	check(pid, "vfork");
	close(tree);
	reap(pid);
	begin = timing_now();
	check(container_umount(r->container, MOUNT_POINT, MNT_DETACH), "umount");
	return timing_now() - begin;
}

static double open_library(void *arg)
{
	const struct reach *r = arg;

	close(check(container_openat(r->container, r->path, O_RDONLY | O_CLOEXEC, 0), r->path));
	return 0;
}

static double open_bare(void *arg)
{
	const struct reach *r = arg;
	const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};

	close(check((int)syscall(SYS_openat2, r->root, r->path, &how, sizeof(how)), r->path));
	return 0;
}

static double spawn_library(void *arg)
{
	const struct reach *r = arg;
	const char *const argv[] = {r->path, NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;

	how.argv = argv;
	reap(check(container_spawn(r->container, &how), "spawn"));
	return 0;
}

static const struct {
	const char *name, *way;
	double (*once)(void *arg);
} ops[] = {
	{"socket", "library", socket_library}, {"socket", "bare", socket_bare},
	{"socket", "child", socket_child},     {"mount", "library", mount_library},
	{"mount", "bare", mount_bare},	       {"open", "library", open_library},
	{"mount", "child", mount_child},       {"open", "bare", open_bare},
	{"spawn", "library", spawn_library},
};

static int open_ns(const char *of, const char *type)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", of, type);
	return check(open(path, O_RDONLY | O_CLOEXEC), path);
}

static void prepare(struct reach *r, const char *name, const char *path)
{
	char init[16];
	pid_t pid;

	r->container = check(container_open(name), name);
	if (container_tasks(r->container, &pid, 1) < 1)
		die("a container without tasks");
	snprintf(init, sizeof(init), "%d", (int)pid);
	r->root = check(container_root(r->container), "root");
	r->net = open_ns(init, "net");
	r->own_net = open_ns("self", "net");
	r->mnt = open_ns(init, "mnt");
	r->own_mnt = open_ns("self", "mnt");
	r->path = path;
}

int main(int argc, char **argv)
{
	bool counted = argc > 3 && strspn(argv[3], "0123456789") == strlen(argv[3]);
	unsigned long times = counted ? strtoul(argv[3], NULL, 10) : 100;
	int at = counted ? 4 : 3;
	struct reach r;

	for (size_t i = 0; at + 2 == argc && times && i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(argv[1], ops[i].name) != 0 || strcmp(argv[2], ops[i].way) != 0)
			continue;
		prepare(&r, argv[at], argv[at + 1]);
		printf("%.3f\n", timing_median(ops[i].once, &r, times, true));
		return 0;
	}
	fputs("usage: reachloop socket|mount|open|spawn library|bare|child [N] CONTAINER PATH\n",
	      stderr);
	return 2;
}
