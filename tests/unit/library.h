/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of the library share: calls are made through kept(), which sees that the calling
 * thread's namespaces and CPUs are the same before and after; and quiet_begin() and quiet_end() around each
 * test see that nothing of the caller has changed: fds, children, signal mask, umask, directory.
 */
#pragma once

#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "private_tree.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct ns_kind {
	const char *name, *proc;
	int clone_flag;
	unsigned int create_flag;
} kinds[] = {
	{"network", "net", CLONE_NEWNET, CONTAINER_NEW_NET_NS},
	{"uts", "uts", CLONE_NEWUTS, CONTAINER_NEW_UTS_NS},
	{"ipc", "ipc", CLONE_NEWIPC, CONTAINER_NEW_IPC_NS},
	{"cgroup", "cgroup", CLONE_NEWCGROUP, CONTAINER_NEW_CGROUP_NS},
	{"time", "time", CLONE_NEWTIME, CONTAINER_NEW_TIME_NS},
	{"pid", "pid", CLONE_NEWPID, CONTAINER_NEW_PID_NS},
	{"mount", "mnt", CLONE_NEWNS, CONTAINER_NEW_FS_NS},
	{"user", "user", CLONE_NEWUSER, CONTAINER_NEW_USER_NS},
};
#define KINDS COUNT(kinds)

#define NEW_ALL_BUT_USER                                                                           \
	(CONTAINER_NEW_FS_NS | CONTAINER_NEW_CGROUP_NS | CONTAINER_NEW_UTS_NS |                    \
	 CONTAINER_NEW_IPC_NS | CONTAINER_NEW_PID_NS | CONTAINER_NEW_NET_NS |                      \
	 CONTAINER_NEW_TIME_NS)

struct ns_links {
	char text[10][48];
	cpu_set_t cpus;
};

static inline void read_links(struct ns_links *links)
{
	static const char *const entries[] = {
		"cgroup", "ipc",
		"mnt",	  "net",
		"pid",	  "pid_for_children",
		"time",	  "time_for_children",
		"user",	  "uts",
	};

	memset(links, 0, sizeof(*links));
	for (size_t i = 0; i < COUNT(entries); i++) {
		char path[64], text[sizeof(links->text[i])] = "";

		snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", entries[i]);
		if (readlink(path, text, sizeof(text) - 1) < 0)
			strcpy(text, "none");
		memcpy(links->text[i], text, sizeof(text));
	}
	sched_getaffinity(0, sizeof(links->cpus), &links->cpus);
}

static inline bool same_links(const struct ns_links *before)
{
	struct ns_links after;

	read_links(&after);
	return memcmp(before, &after, sizeof(after)) == 0;
}

#define kept(call)                                                                                 \
	({                                                                                         \
		struct ns_links kept_before;                                                       \
		long kept_result;                                                                  \
		int kept_errno;                                                                    \
                                                                                                   \
		read_links(&kept_before);                                                          \
		kept_result = (call);                                                              \
		kept_errno = errno;                                                                \
		if (!same_links(&kept_before))                                                     \
			fail_msg("%s changed the thread's namespaces or CPUs", #call);             \
		errno = kept_errno;                                                                \
		kept_result;                                                                       \
	})

/* A call that must succeed; the result is its value. */
#define ok(call)                                                                                   \
	({                                                                                         \
		long ok_result = kept(call);                                                       \
                                                                                                   \
		if (ok_result < 0)                                                                 \
			fail_msg("%s: %s: %s: %s", #call, strerror(errno),                         \
				 container_error_last()->step, container_error_last()->object);    \
		(int)ok_result;                                                                    \
	})

static inline int make(const char *name, unsigned int flags)
{
	return ok(container_create(name, flags | CONTAINER_FD_CLOEXEC));
}

/* The caller is root in its user namespace too, if it has an own one. */
static inline int make_with_host_ids(const char *name, unsigned int flags)
{
	int c = make(name, flags);

	if (flags & CONTAINER_NEW_USER_NS)
		ok(container_set_ids(c, "host"));
	return c;
}

/* container_fork() returns in the child too, where the namespaces are others: that is the point. */
static inline pid_t forked(int c)
{
	struct ns_links before;
	pid_t pid;

	read_links(&before);
	pid = container_fork(c);
	if (pid < 0)
		fail_msg("container_fork: %s: %s: %s", strerror(errno),
			 container_error_last()->step, container_error_last()->object);
	if (pid > 0 && !same_links(&before))
		fail_msg("container_fork changed the thread's namespaces");
	return pid;
}

/* A call that must fail with this errno, and with a record that says so. */
#define fails(wanted, call)                                                                        \
	do {                                                                                       \
		long fails_result = (errno = 0, kept(call));                                       \
		int fails_errno = errno;                                                           \
                                                                                                   \
		if (fails_result >= 0)                                                             \
			fail_msg("%s: returned %ld, wanted %s", #call, fails_result, #wanted);     \
		if (fails_result != -1 || fails_errno != (wanted))                                 \
			fail_msg("%s: %ld, %s, wanted %s (%s: %s)", #call, fails_result,           \
				 strerrorname_np(fails_errno), #wanted,                            \
				 container_error_last()->step, container_error_last()->object);    \
		if (container_error_last()->code != (wanted) || !container_error_last()->step[0])  \
			fail_msg("%s: the record says \"%s\", %d", #call,                          \
				 container_error_last()->step, container_error_last()->code);      \
	} while (0)

/* In a child: say what does not hold, and end. */
#define child_holds(what)                                                                          \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			int child_errno = errno;                                                   \
                                                                                                   \
			dprintf(2, "# %s:%d: in a child: %s (%s; %s: %s)\n", __FILE__, __LINE__,   \
				#what, strerror(child_errno), container_error_last()->step,        \
				container_error_last()->object);                                   \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* The exit status of a child, 128 + N for a signal. */
static inline int status_of(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fail_msg("waitpid %d: %s", (int)pid, strerror(errno));
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Run a function in an ordinary child, at most half a minute: what hangs or crashes is only that. */
static inline int in_child(void (*fn)(void *arg), void *arg)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(30);
		fn(arg);
		_exit(0);
	}
	return status_of(pid);
}

static inline pid_t spawn_sh(int c, const char *script, int *ret_pidfd)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;

	how.argv = argv;
	how.pidfd = ret_pidfd;
	return (pid_t)ok(container_spawn(c, &how));
}

/* Run how in c, its output into buf; the exit status. */
static inline int run_output(int c, struct container_spawn *how, char *buf, size_t size)
{
	size_t len = 0;
	int pipes[2];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	how->stdio[1] = pipes[1];
	pid = (pid_t)ok(container_spawn(c, how));
	close(pipes[1]);
	while ((n = read(pipes[0], buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	close(pipes[0]);
	how->stdio[1] = -1;
	buf[len] = '\0';
	return status_of(pid);
}

static inline int run_sh(int c, const char *script, char *buf, size_t size)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;

	how.argv = argv;
	return run_output(c, &how, buf, size);
}

static inline ino_t ino_of_fd(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

/* pid 0: the caller */
static inline ino_t ino_of_task(pid_t pid, const char *entry)
{
	char path[64];
	struct stat st;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, entry);
	else
		snprintf(path, sizeof(path), "/proc/self/ns/%s", entry);
	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

static inline ino_t ino_of_container(int c, int clone_flag)
{
	int fd = ok(container_namespace(c, clone_flag));
	ino_t ino = ino_of_fd(fd);

	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	return ino;
}

static inline int copy_info(const struct container_info *info, void *arg)
{
	*(struct container_info *)arg = *info;
	return 1;
}

/* name, path and root are gone when this returns. */
static inline struct container_info info_of(int c)
{
	struct container_info info = {0};

	assert_int_equal(kept(container_walk(c, CONTAINER_WALK_SELF | CONTAINER_WALK_TASKS,
					     copy_info, &info)),
			 1);
	return info;
}

static inline bool is_gone(const char *name)
{
	int fd = (int)kept(container_open(name));

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == ENOENT;
}

/* Numbers up to this one can be those of fds. */
static inline void allow_fds(rlim_t n)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur > n)
		return;
	limit.rlim_cur = n + 1;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		skip();
}

/* Around each test. */

struct quiet {
	struct ns_links links;
	sigset_t mask;
	mode_t umask;
	char cwd[4096];
	int fds;
};

static inline void quiet_read(struct quiet *q)
{
	memset(q, 0, sizeof(*q));
	read_links(&q->links);
	sigprocmask(SIG_BLOCK, NULL, &q->mask);
	q->umask = umask(0);
	umask(q->umask);
	if (!getcwd(q->cwd, sizeof(q->cwd)))
		q->cwd[0] = '\0';
	q->fds = count_fds();
}

static inline int quiet_begin(void **state)
{
	static struct quiet before;

	if (private_tree.usable)
		quiet_read(&before);
	*state = &before;
	return 0;
}

#define unchanged(what, differs)                                                                   \
	do {                                                                                       \
		if (differs) {                                                                     \
			print_error("# changed by the test: %s\n", what);                          \
			result = -1;                                                               \
		}                                                                                  \
	} while (0)

static inline int quiet_end(void **state)
{
	struct quiet *before = *state, after;
	int result = 0;

	if (!private_tree.usable)
		return 0;
	unchanged("child processes", has_children());
	private_tree_clear();
	quiet_read(&after);
	unchanged("namespaces", memcmp(&before->links, &after.links, sizeof(after.links)) != 0);
	unchanged("signal mask", memcmp(&before->mask, &after.mask, sizeof(after.mask)) != 0);
	unchanged("umask", before->umask != after.umask);
	unchanged("working directory", strcmp(before->cwd, after.cwd) != 0);
	unchanged("number of fds", before->fds != after.fds);
	if (before->fds != after.fds)
		tell_fds();
	return result;
}

#define library_test(fn) cmocka_unit_test_setup_teardown(fn, quiet_begin, quiet_end)
