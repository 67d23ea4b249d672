/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * call: calls of the library that no verb of container(1) makes.
 *
 *	call fork CONTAINER
 *	call reach CONTAINER		sockets, files, mounts and events of it, one after another
 *	call attach CONTAINER PID
 *	call attach-for CONTAINER PID	for somebody who may leave all limits behind
 *	call set-access CONTAINER UID GID MODE
 *	call rm-elsewhere CONTAINER	from another mount namespace
 *	call get-access CONTAINER
 */
#include <containerfs/container.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

static int close_it(int fd)
{
	return fd < 0 ? -1 : close(fd);
}

static int reach_files(int container)
{
	struct stat st;
	char buf[8];

	if (close_it(container_openat(container, "/tmp/file", O_WRONLY | O_CREAT, 0600)) < 0 ||
	    container_mkdirat(container, "/tmp/dir", 0700) < 0 ||
	    container_symlinkat("file", container, "/tmp/link") < 0 ||
	    container_readlinkat(container, "/tmp/link", buf, sizeof(buf)) != 4 ||
	    container_renameat(container, "/tmp/file", "/tmp/dir/file", 0) < 0 ||
	    container_fstatat(container, "/tmp/dir/file", &st, 0) < 0)
		return -1;
	return container_unlinkat(container, "/tmp/dir/file", 0);
}

static int reach_mounts(int container)
{
	int fs = container_fsopen(container, "tmpfs", 0);
	int mnt = -1, r = -1;

	if (fs >= 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (mnt >= 0)
		r = container_move_mount(container, mnt, "/mnt", 0);
	r = r ? r : container_umount(container, "/mnt", MNT_DETACH);
	close(mnt);
	close(fs);
	return r;
}

static int reach(int container, char **argv)
{
	struct container_event event = {.size = sizeof(event)};
	struct container_events *events = container_events_open(container);
	int r = events ? container_events_next(events, &event) : -1;

	(void)argv;
	container_events_close(events);
	if (r < 0 || close_it(container_socket(container, AF_INET, SOCK_DGRAM, 0)) < 0 ||
	    reach_files(container) < 0)
		return -1;
	return reach_mounts(container);
}

static int attach(int container, char **argv)
{
	return container_attach(container, (pid_t)strtol(argv[0], NULL, 10), 0);
}

static int may_leave(void *arg, int procs, unsigned int depth)
{
	(void)arg;
	(void)procs;
	(void)depth;
	return 0;
}

/* Once more, when it stands still. */
static int guard(const struct container_guarded *what, void *arg)
{
	int *asked = arg;

	if (!what->threads)
		return 1;
	*asked += (int)what->thread_count;
	return 0;
}

static int attach_for(int container, char **argv)
{
	struct container_attach_for how = {.size = sizeof(how), .may_leave = may_leave};
	int r, asked = 0;

	container_set_guard(guard, &asked);
	how.pidfd = (int)syscall(SYS_pidfd_open, (pid_t)strtol(argv[0], NULL, 10), 0);
	r = how.pidfd < 0 ? -1 : container_attach_for(container, &how);
	close(how.pidfd);
	if (r == 0 && asked == 0) {
		errno = EPERM;
		return -1;
	}
	return r;
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

/* Where the cradle is not mounted, by an fd from where it is. */
static int rm_elsewhere(int container, char **argv)
{
	(void)argv;
	return unshare(CLONE_NEWNS) < 0 ? -1 : container_remove(container, 0);
}

static const struct {
	const char *name;
	int args; /* after the container */
	int (*call)(int container, char **argv);
} calls[] = {
	{"fork", 0, fork_and_wait},
	{"reach", 0, reach},
	{"attach", 1, attach},
	{"set-access", 3, set_access},
	{"get-access", 0, get_access},
	{"attach-for", 1, attach_for},
	{"rm-elsewhere", 0, rm_elsewhere},
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
	fputs("usage: call fork NAME | reach NAME | attach NAME PID | attach-for NAME PID | "
	      "set-access NAME UID GID MODE | get-access NAME | rm-elsewhere NAME\n",
	      stderr);
	return 2;
}
