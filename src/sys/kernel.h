/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System calls that a libc may not wrap, with -errno as the error. All may be used between clone and
 * exec: they allocate nothing and take no lock.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* How a path that someone else may have shaped is resolved: see openat2(2). */
enum lookup {
	LOOKUP_IN_ROOT, /* links and ".." stay below dirfd; no magic links */
	LOOKUP_PLAIN,	/* below dirfd, and no link of any kind on the way */
	LOOKUP_USUAL,	/* as open(2), but for magic links */
	LOOKUP_HERE,	/* as LOOKUP_PLAIN, and nothing that is mounted */
};

int kernel_openat2(int dirfd, const char *path, int flags, enum lookup how);

/* Time that only passes: CLOCK_MONOTONIC. */
int64_t kernel_now_ns(void);
static inline int64_t kernel_now_ms(void)
{
	return kernel_now_ns() / 1000000;
}
static inline struct timespec kernel_timespec(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

/* The same as LOOKUP_IN_ROOT, for flags and modes that a program has given for open(2). */
int kernel_open_in_root(int root, const char *path, int flags, mode_t mode);

/*
 * clone3(2) of a child that runs fn(arg) on a stack of its own and exits with its result. With
 * CLONE_VM it must not return from fn with anything but an exit status, must not use stdio, and needs
 * CLONE_VFORK: its stack is another child's once this has returned.
 */
struct clone_request {
	uint64_t flags;
	int exit_signal;
	int cgroup; /* an O_PATH or directory fd, or -1 */
	int *ret_pidfd;
	pid_t *ret_pid; /* as well, and before the child runs; NULL */
};
pid_t kernel_clone(const struct clone_request *req, int (*fn)(void *arg), void *arg);

/*
 * As fork(2), in a child of that: one more of the same parent, the first process of a new pid namespace, which
 * belongs to the user namespace that the caller is in. What the libc knows of the calling thread is kept
 * right where that can be found out.
 */
pid_t kernel_fork_pid_ns(void);

int kernel_pidfd_open(pid_t pid);
int kernel_pidfd_send_signal(int pidfd, int sig);

/* Whether the process has not ended: one that waits to be reaped has. */
bool kernel_pidfd_is_alive(int pidfd);

/* Whether it still is one of the caller's threads. */
bool kernel_has_thread(pid_t tid);

/*
 * How a process has ended, as waitpid(2) tells, once it was reaped and if the pidfd was opened before that
 * (Linux 6.15). But of an init that reboots waitpid(2) tells SIGHUP or SIGINT, and this 0 or SIGKILL (6.18).
 * -ENOTTY, -EINVAL: not with this kernel. -ESRCH: not yet.
 */
int kernel_pidfd_exit_status(int pidfd, int *ret_status);

int kernel_close_range(unsigned int first, unsigned int last);
int kernel_close_from(unsigned int first);

/* All fds but these, 0 to 2 too; negative ones are none. */
int kernel_close_but(const int *keep, size_t count);

/* The mount API. Returned fds are close-on-exec. */
int kernel_open_tree(int dirfd, const char *path, unsigned int flags);
int kernel_make_slave(int mnt); /* and all that is mounted below it */
int kernel_move_mount(int from, int to_dirfd, const char *to_path);
int kernel_fsopen(const char *fsname);
int kernel_fsconfig_set(int fs, const char *key, const char *value); /* value NULL: a flag */
int kernel_fsconfig_fd(int fs, const char *key, int fd);
int kernel_fsmount(int fs, unsigned int attributes); /* creates the superblock first */
int kernel_pivot_root_here(void);		     /* the working directory becomes "/" */

/* A file of a known small size, read whole into buf with a NUL; returns its length. -E2BIG. */
ssize_t kernel_read_file(int dirfd, const char *path, char *buf, size_t size);

/* One write(2) to an existing file. */
int kernel_write_file(int dirfd, const char *path, const char *text);

/* The target of a symbolic link with a NUL; returns its length. -ENAMETOOLONG. */
ssize_t kernel_readlink(int dirfd, const char *path, char *buf, size_t size);

/* What an open fd is of, as /proc names it: the kernel's own answer. */
ssize_t kernel_fd_path(int fd, char *buf, size_t size);

/* rename(2) to a name that must not be there: -EEXIST. */
int kernel_rename_new(int from_dir, const char *from, int to_dir, const char *to);

/* Two entries of a directory, which both must be there, change places. */
int kernel_exchange(int dirfd, const char *a, const char *b);

/* Whether an open directory that has not been read yet has no entries: 1, 0; -errno. */
int kernel_dir_is_empty(int dir);

/*
 * Put a symbolic link in place of what is there, in one step that all see whole. Who is killed meanwhile may
 * leave an entry of dirfd, "@new." before the last component of the path.
 */
int kernel_replace_link(int dirfd, const char *path, const char *target);

/* All signals blocked; the caller restores *ret_old. Only the kernel's own sigprocmask is used. */
void kernel_block_signals(sigset_t *ret_old);
void kernel_restore_signals(const sigset_t *old);

bool kernel_is_nsfs(int fd);

bool kernel_is_same_file(int a, int b);

/* Whether both are of the same file, seen through the same mount: 1, 0; -errno. */
int kernel_same_place(int a, int b);

/* Keys: a serial number, or -errno. */
int kernel_add_key(const char *type, const char *description, const void *payload, size_t len,
		   int keyring);
long kernel_keyctl(int operation, unsigned long a, unsigned long b, unsigned long c);
