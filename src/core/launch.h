/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a program that a container has made is executed. Until then /proc/self/exe of the child is the
 * file of whoever calls this library; and if the program is a link to /proc/self/exe, or a script of
 * "#!/proc/self/exe", that file would run in the container, whose root could write to it (CVE-2019-5736).
 *
 * Mostly the program is a file that no link leads to, and no script. The kernel can be told to execute
 * only such: what it finds in a directory that is open, without following a link (AT_SYMLINK_NOFOLLOW);
 * and since the directory will be closed by then, nothing that an interpreter would have to open. Only
 * the loader that the file names may still be our caller's file: it is mapped then and runs, but it is not
 * /proc/PID/exe, and what else leads to it needs capabilities of the host.
 *
 * For all else the child first executes the launcher, a few instructions in a file in memory made for
 * this one start, which then executes the program. It takes 0.05 to 0.1 ms. That file is close-on-exec for
 * the same reason as the directory: root of a user namespace may have binfmt_misc(5) of his own.
 *
 * How it went on is told by the report, another file in memory. The child holds a record lock (fcntl(2))
 * on it, which goes when that is closed: at the moment the program is executed, or at the end of the
 * launcher, which has then written why. Unlike the end of a pipe such a lock cannot be held by somebody
 * else who has got hold of the file, be it a task of the container or a child that another thread forks.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct launch {
	int report;	   /* -EBADF: none; the program is executed as it is */
	int alive;	   /* kept open until a program is executed; -EBADF: none */
	const char **argv; /* the launcher's */
};

void launch_init(struct launch *l);

/* paths and argv are referred to until launch_close(). */
int launch_prepare(struct launch *l, const char *const *paths, const char *const *argv);

/* In the child; everything but fds 0 to 2 and those of l is closed. */
int launch_close_fds(const struct launch *l);

/*
 * In the child, after that: the first of paths that can be is executed, as by execvp(3). Returns only if
 * none can, with the error set. *ret_launched is set before: the launcher is executed, and tells the rest.
 */
int launch_exec(const struct launch *l, const char *const *paths, const char *const *argv,
		const char *const *envp, bool *ret_launched);

/* By the caller, if it is: until the program is executed, or could not be. */
int launch_wait(const struct launch *l, pid_t pid);

void launch_close(struct launch *l);
