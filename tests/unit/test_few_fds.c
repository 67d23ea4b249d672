/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A caller that has hardly any fds left, from none to as many as a call needs: each call says EMFILE, in
 * words, leaves no fd behind and changes nothing, and does its work once there are enough.
 */
#include <containerfs/container.h>

#include <sys/mount.h>
#include <sys/socket.h>

#include "library.h"
#include "task.h"

#define MOST_FDS 64 /* more than any call needs */
#define ENOUGH_NOT 77

static int c; /* a container with a task */

/* The result of a call that returns an fd, which is closed. */
static int closed(int fd)
{
	return fd < 0 ? fd : close(fd);
}

static int call_create(void)
{
	int fd = container_create("new", NEW_ALL_BUT_USER);

	return fd < 0 ? fd : container_remove(fd, 0) < 0 ? -1 : close(fd);
}

static int call_create_user(void)
{
	int fd = container_create("new", NEW_ALL_BUT_USER | CONTAINER_NEW_USER_NS);

	return fd < 0 ? fd : container_remove(fd, 0) < 0 ? -1 : close(fd);
}

static int call_open(void)
{
	return closed(container_open("c"));
}

static int call_namespace(void)
{
	return closed(container_namespace(c, CLONE_NEWUTS));
}

static int call_root(void)
{
	return closed(container_root(c));
}

static int call_cgroup(void)
{
	return closed(container_cgroup(c));
}

static int call_spawn(void)
{
	const char *const argv[] = {"true", NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	pid_t pid;

	how.argv = argv;
	pid = container_spawn(c, &how);
	return pid < 0 ? pid : status_of(pid);
}

static int call_fork(void)
{
	pid_t pid = container_fork(c);

	if (pid == 0)
		_exit(0);
	return pid < 0 ? pid : status_of(pid);
}

static int call_enter(void)
{
	return container_enter(c, 0);
}

static int call_attach(void)
{
	struct task task = task_begin(task_pause, NULL);
	int r = container_attach(c, task.pid, CLONE_NEWUTS), code = errno;

	task_kill(&task);
	errno = code;
	return r;
}

static int call_rename(void)
{
	return container_rename(c, "d") < 0 ? -1 : container_rename(c, "c");
}

static int call_set_hostname(void)
{
	return container_set_hostname(c, "few");
}

static int call_set_namespace(void)
{
	return container_set_namespace(c, CLONE_NEWIPC, CONTAINER_NS_INHERIT, -1);
}

static int call_kill(void)
{
	return container_kill(c, SIGCONT);
}

static int call_freeze(void)
{
	return container_freeze(c, 0);
}

static int call_wait(void)
{
	return closed(container_wait_fd(c));
}

static int call_tasks(void)
{
	return container_tasks(c, NULL, 0) < 0 ? -1 : 0;
}

static int call_socket(void)
{
	return closed(container_socket(c, AF_UNIX, SOCK_STREAM, 0));
}

static int call_openat(void)
{
	return closed(container_openat(c, "/etc/passwd", O_RDONLY, 0));
}

static int call_mkdirat(void)
{
	return container_mkdirat(c, "/few", 0700) < 0 ? -1
						      : container_unlinkat(c, "/few", AT_REMOVEDIR);
}

static int call_fsopen(void)
{
	return closed(container_fsopen(c, "proc", 0));
}

static int no_mount(const struct container_mount *mount, void *arg)
{
	(void)mount;
	(void)arg;
	return 0;
}

static int call_mounts(void)
{
	return container_mounts(c, no_mount, NULL);
}

static int call_add_key(void)
{
	return container_add_key(c, "user", "few", "x", 1) < 0 ? -1 : 0;
}

static int call_set_stop(void)
{
	return container_set_stop(c, SIGTERM, 1000);
}

static int call_events(void)
{
	struct container_events *events = container_events_open(c);

	if (events)
		container_events_close(events);
	return events ? 0 : -1;
}

static int no_info(const struct container_info *info, void *arg)
{
	(void)info;
	(void)arg;
	return 0;
}

static int call_walk(void)
{
	return container_walk(c, CONTAINER_WALK_SELF | CONTAINER_WALK_TASKS, no_info, NULL);
}

static const struct call {
	const char *name;
	int (*fn)(void);
} calls[] = {
#define CALL(name)                                                                                 \
	{                                                                                          \
#name, call_##name                                                                 \
	}
	CALL(create), CALL(create_user),  CALL(open),	       CALL(namespace), CALL(root),
	CALL(cgroup), CALL(spawn),	  CALL(fork),	       CALL(enter),	CALL(attach),
	CALL(rename), CALL(set_hostname), CALL(set_namespace), CALL(kill),	CALL(freeze),
	CALL(wait),   CALL(tasks),	  CALL(socket),	       CALL(openat),	CALL(mkdirat),
	CALL(fsopen), CALL(mounts),	  CALL(add_key),       CALL(set_stop),	CALL(events),
	CALL(walk),
#undef CALL
};

/* Not by /proc, which may be another container's. */
static int count_open(void)
{
	int n = 0;

	for (int fd = 0; fd < 2 * MOST_FDS; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void limit_fds(rlim_t n)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = n;
	setrlimit(RLIMIT_NOFILE, &limit);
}

struct few {
	const struct call *call;
	unsigned int free;
};

/* In a child: 0 if it could be done; ENOUGH_NOT if there were not enough, and it said so. */
static void try_with(void *arg)
{
	const struct few *few = arg;
	const struct container_error *error = container_error_last();
	int open_fds = count_open(), first = dup(0), r, code;

	close(first);
	limit_fds((rlim_t)(unsigned int)first + few->free);
	errno = 0;
	r = few->call->fn();
	code = errno;
	limit_fds(2 * MOST_FDS);
	if (count_open() != open_fds) {
		dprintf(2, "# %s with %u fds: it leaves %d\n", few->call->name, few->free,
			count_open() - open_fds);
		_exit(1);
	}
	if (r == 0)
		_exit(0);
	if (r == -1 && code == EMFILE && error->code == EMFILE && error->step[0])
		_exit(ENOUGH_NOT);
	dprintf(2, "# %s with %u fds: %d, %s; %s: %s, %s\n", few->call->name, few->free, r,
		strerrorname_np(code), error->step, error->object, strerrorname_np(error->code));
	_exit(1);
}

/* With none at all it fails, and with enough it does not; returns whether all between was right. */
static bool try_all(const struct call *call)
{
	struct few few = {.call = call};
	int status = in_child(try_with, &few);

	if (status != ENOUGH_NOT)
		fail_msg("%s with no fd: %d", call->name, status);
	while (status && few.free < MOST_FDS) {
		few.free++;
		status = in_child(try_with, &few);
		if (status && status != ENOUGH_NOT)
			return false;
	}
	return status == 0;
}

static void test_calls(void **state)
{
	bool right = true;
	pid_t init, nested_task;
	int nested;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_FS_NS | CONTAINER_NEW_UTS_NS | CONTAINER_NEW_NET_NS |
			      CONTAINER_NEW_PID_NS);
	nested = make("c/d", 0);
	init = task_pause_in(c);
	nested_task = task_pause_in(nested);
	for (size_t i = 0; i < COUNT(calls); i++)
		right &= try_all(&calls[i]);
	assert_true(right);
	task_ends(nested_task);
	task_ends(init);
	ok(container_remove(c, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE));
	close(nested);
	close(c);
}

/* These can be done once; what has begun is gone on with by whoever comes next. */

static int call_stop(void)
{
	return container_stop(c, 0) < 0 ? -1 : 0;
}

static int call_remove(void)
{
	return container_remove(c, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE);
}

static const struct call ends[] = {{"stop", call_stop}, {"remove", call_remove}};

static int try_end(const struct call *call, unsigned int free)
{
	struct few few = {call, free};
	int status, nested, again;
	pid_t pids[2];

	c = make("c", CONTAINER_NEW_PID_NS | CONTAINER_NEW_UTS_NS);
	nested = make("c/d", CONTAINER_NEW_IPC_NS);
	pids[0] = task_pause_in(c);
	pids[1] = task_pause_in(nested);
	status = in_child(try_with, &few);
	again = container_open("c");
	if (again >= 0) {
		ok(container_remove(again, CONTAINER_REMOVE_KILL | CONTAINER_REMOVE_RECURSIVE));
		close(again);
	}
	/* It sweeps. */
	again = make("e", 0);
	ok(container_remove(again, 0));
	close(again);
	/* The kernel lets an init go last. */
	assert_true(status_of(pids[1]) > 128);
	assert_true(status_of(pids[0]) > 128);
	close(nested);
	close(c);
	return status;
}

static void test_ends(void **state)
{
	(void)state;
	need_private_tree();
	for (size_t i = 0; i < COUNT(ends); i++) {
		unsigned int free = 0;
		int status = try_end(&ends[i], free);

		assert_int_equal(status, ENOUGH_NOT);
		while (status == ENOUGH_NOT && free < MOST_FDS)
			status = try_end(&ends[i], ++free);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_calls),
		library_test(test_ends),
	};

	return private_tree_run(tests);
}
