/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"
#include "cleanup.h"
#include "error.h"
#include "kernel.h"
#include "launcher.h"
#include "name.h"

#ifndef MFD_EXEC /* linux/memfd.h has it since Linux 6.3 */
#define MFD_EXEC 0x0010U
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static const unsigned char image[] = {
#include "launcher_image.inc"
};

void launch_init(struct launch *l)
{
	*l = (struct launch){.report = -EBADF, .alive = -EBADF};
}

void launch_close(struct launch *l)
{
	close_fd(&l->report);
	free(l->argv);
	l->argv = NULL;
}

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

static const char **make_argv(const char *const *paths, const char *const *argv)
{
	const char **list = calloc(count(paths) + count(argv) + 3, sizeof(*list));
	size_t n = 0;

	if (!list)
		return NULL;
	list[n++] = argv[0];
	while (*paths)
		list[n++] = *paths++;
	list[n++] = "";
	while (*argv)
		list[n++] = *argv++;
	return list;
}

/* flag: MFD_EXEC or MFD_NOEXEC_SEAL. Linux before 6.3 knows neither; all can be executed. */
static int open_file(unsigned int flag)
{
	int fd = memfd_create("containerfs", MFD_CLOEXEC | flag);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("containerfs", MFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int launch_prepare(struct launch *l, const char *const *paths, const char *const *argv)
{
	l->argv = make_argv(paths, argv);
	if (!l->argv)
		return -ENOMEM;
	l->report = open_file(MFD_NOEXEC_SEAL);
	return l->report < 0 ? error_set(l->report, "make the launcher's file", NULL) : 0;
}

/* First out of each other's way, then into place. */
int launch_close_fds(const struct launch *l)
{
	int alive = l->alive < 0 ? -EBADF : fcntl(l->alive, F_DUPFD_CLOEXEC, LAUNCHER_FD + 2);
	int end = LAUNCHER_FD;

	if (l->alive >= 0 && alive < 0)
		return -errno;
	if (l->report >= 0) {
		if (l->report != end && dup3(l->report, end, O_CLOEXEC) < 0)
			return -errno;
		end++;
	}
	if (alive >= 0 && dup3(alive, end++, O_CLOEXEC) < 0)
		return -errno;
	return kernel_close_from((unsigned int)end);
}

/* With "a/b" it is "a", with "b" nothing, and the name is "b". NULL: too long, or without a name. */
static const char *split(const char *path, char dir[PATH_MAX])
{
	size_t len = name_parent_len(path);

	if (!path[len] || len >= PATH_MAX)
		return NULL;
	memcpy(dir, path, len);
	dir[len] = '\0';
	return path + len;
}

/* What is not executed without the launcher. */
#define LAUNCH_NEEDED 1

static int exec_found(int dir, const char *name, const char *const *argv, const char *const *envp)
{
	int r;

	syscall(SYS_execveat, dir, name, argv, envp, AT_SYMLINK_NOFOLLOW);
	r = -errno;
	/* What is said of a script, or if it is not there. */
	if (r == -ENOENT && faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return LAUNCH_NEEDED;
	return r == -ELOOP ? LAUNCH_NEEDED : r;
}

static int exec_foreign(const char *path, const char *const *argv, const char *const *envp)
{
	char above[PATH_MAX];
	const char *name = split(path, above);
	autoclose int dir = -EBADF;

	if (!name)
		return LAUNCH_NEEDED;
	dir = kernel_openat2(AT_FDCWD, above[0] ? above : ".", O_PATH | O_DIRECTORY, LOOKUP_USUAL);
	if (dir < 0)
		return dir == -ELOOP ? LAUNCH_NEEDED : dir;
	return exec_found(dir, name, argv, envp);
}

static int exec_own(const char *path, const char *const *argv, const char *const *envp)
{
	execve(path, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)envp);
	return -errno;
}

static int exec_first(const struct launch *l, const char *const *paths, const char *const *argv,
		      const char *const *envp)
{
	int r = -ENOENT;

	for (; *paths; paths++) {
		int why = (l->report < 0 ? exec_own : exec_foreign)(*paths, argv, envp);

		/* As execvp(3): the next directory, but what is found and may not be run is told. */
		if (why == -EACCES)
			r = why;
		else if (why != -ENOENT && why != -ENOTDIR)
			return why;
	}
	return r;
}

static int make_image(void)
{
	int fd = open_file(MFD_EXEC);

	if (fd == -EACCES)
		return error_set(-EACCES, "make the launcher: programs in memory are forbidden",
				 "vm.memfd_noexec");
	if (fd < 0 || write(fd, image, sizeof(image)) != (ssize_t)sizeof(image))
		return error_set(fd < 0 ? fd : -EIO, "make the launcher", NULL);
	return fd;
}

static int exec_launcher(const struct launch *l, const char *const *envp)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = make_image(), r;

	if (fd < 0)
		return fd;
	r = fcntl(LAUNCHER_FD, F_SETFD, 0) < 0 ? -errno : 0;
	/* All others of the report are closed: to close one would end the lock. */
	if (r == 0 && fcntl(LAUNCHER_FD, F_SETLK, &all) < 0)
		r = -errno;
	if (r == 0) {
		/* It will be closed, so that the kernel asks no binfmt_misc(5) of root in there. */
		syscall(SYS_execveat, fd, "", l->argv, envp, AT_EMPTY_PATH);
		r = -errno;
	}
	return error_set(r, "execute the launcher", NULL);
}

int launch_exec(const struct launch *l, const char *const *paths, const char *const *argv,
		const char *const *envp, bool *ret_launched)
{
	int r = exec_first(l, paths, argv, envp);

	*ret_launched = r == LAUNCH_NEEDED;
	return *ret_launched ? exec_launcher(l, envp) : error_set(r, "exec", argv[0]);
}

/* 1, 0; -errno. A lock of somebody else's, who has got hold of the file, means nothing. */
static int has_lock(const struct launch *l, pid_t pid)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(l->report, F_GETLK, &all) < 0)
		return -errno;
	return all.l_type != F_UNLCK && all.l_pid == pid;
}

/* It takes 0.1 ms; and if a task of the container stops it, it is told to go on. */
int launch_wait(const struct launch *l, pid_t pid)
{
	int error = 0, r;

	for (int i = 0; (r = has_lock(l, pid)) > 0; i++) {
		nanosleep(&(struct timespec){.tv_nsec = i < 100 ? 20000 : 1000000}, NULL);
		if (i >= 100)
			agent_wake(pid);
	}
	if (r == 0 && pread(l->report, &error, sizeof(error), 0) < 0)
		r = -errno;
	return r ? r : error;
}
