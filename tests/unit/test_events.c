/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of a subtree, as they are told to who polls for them.
 */
#include <containerfs/container.h>

#include <sys/ioctl.h>

#include "library.h"

/* The next event, which comes within a second, is this one; returns the exit status it has. */
static int expect(struct container_events *events, enum container_event_type type, const char *path)
{
	struct container_event event = {.size = sizeof(event)};
	struct pollfd poll_fd = {.fd = container_events_fd(events), .events = POLLIN};
	int r = ok(container_events_next(events, &event));

	for (int i = 0; r == 0 && i < 10; i++) {
		poll(&poll_fd, 1, 100);
		r = ok(container_events_next(events, &event));
	}
	if (r != 1)
		fail_msg("no event %d of %s", type, path);
	if (event.type != type || strcmp(event.path, path) != 0)
		fail_msg("event %d of %s, wanted %d of %s", event.type, event.path, type, path);
	return event.exit_status;
}

static void expect_none(struct container_events *events)
{
	struct container_event event = {.size = sizeof(event)};

	assert_int_equal(ok(container_events_next(events, &event)), 0);
}

static void test_events(void **state)
{
	struct container_events *events;
	int top, a, b, other;
	pid_t pid;

	(void)state;
	need_private_tree();
	top = make("top", 0);
	events = container_events_open(top);
	assert_non_null(events);
	expect_none(events);
	a = make("top/a", 0);
	other = make("other", 0);
	expect(events, CONTAINER_EVENT_CREATED, "/top/a");
	b = make("top/a/b", 0);
	expect(events, CONTAINER_EVENT_CREATED, "/top/a/b");
	ok(container_rename(a, "c"));
	expect(events, CONTAINER_EVENT_RENAMED, "/top/c");
	expect_none(events);
	pid = spawn_sh(b, "exec sleep 1000", NULL);
	/* Who has a nested container with tasks runs, too. */
	expect(events, CONTAINER_EVENT_STARTED, "/top");
	expect(events, CONTAINER_EVENT_STARTED, "/top/c");
	expect(events, CONTAINER_EVENT_STARTED, "/top/c/b");
	ok(container_freeze(b, 1));
	expect(events, CONTAINER_EVENT_FROZEN, "/top/c/b");
	ok(container_freeze(b, 0));
	expect(events, CONTAINER_EVENT_THAWED, "/top/c/b");
	ok(container_kill(b, SIGKILL));
	assert_int_equal(status_of(pid), 128 + SIGKILL);
	ok(container_wait(top, 1000));
	expect(events, CONTAINER_EVENT_STOPPED, "/top");
	expect(events, CONTAINER_EVENT_STOPPED, "/top/c");
	expect(events, CONTAINER_EVENT_STOPPED, "/top/c/b");
	/* Between two looks. */
	assert_int_equal(status_of(spawn_sh(a, "exit 3", NULL)), 3);
	ok(container_wait(a, 1000));
	expect(events, CONTAINER_EVENT_STARTED, "/top/c");
	expect(events, CONTAINER_EVENT_STOPPED, "/top/c");
	ok(container_remove(a, CONTAINER_REMOVE_RECURSIVE));
	expect(events, CONTAINER_EVENT_REMOVED, "/top/c/b");
	expect(events, CONTAINER_EVENT_REMOVED, "/top/c");
	ok(container_remove(other, 0));
	expect_none(events);
	ok(container_rename(top, "last"));
	expect(events, CONTAINER_EVENT_RENAMED, "/last");
	ok(container_remove(top, 0));
	expect(events, CONTAINER_EVENT_REMOVED, "/last");
	expect_none(events);
	container_events_close(events);
	close(top);
	close(a);
	close(b);
	close(other);
}

/* Nothing starts or stops in a container without tasks. */
static void test_frozen_without_tasks(void **state)
{
	struct container_events *events;
	pid_t pid;
	int c;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	events = container_events_open(c);
	expect_none(events);
	ok(container_freeze(c, 1));
	expect(events, CONTAINER_EVENT_FROZEN, "/c");
	ok(container_freeze(c, 0));
	expect(events, CONTAINER_EVENT_THAWED, "/c");
	pid = spawn_sh(c, "exec sleep 1000", NULL);
	expect(events, CONTAINER_EVENT_STARTED, "/c");
	ok(container_freeze(c, 1));
	expect(events, CONTAINER_EVENT_FROZEN, "/c");
	ok(container_kill(c, SIGKILL));
	assert_int_equal(status_of(pid), 128 + SIGKILL);
	ok(container_wait(c, 1000));
	expect(events, CONTAINER_EVENT_STOPPED, "/c");
	expect_none(events);
	ok(container_freeze(c, 0));
	expect(events, CONTAINER_EVENT_THAWED, "/c");
	container_events_close(events);
	ok(container_remove(c, 0));
	close(c);
}

static int wait_status(int code)
{
	return code > 128 ? code - 128 : code << 8;
}

/* Let one look see that it runs, then end it; how: by whom the end is seen. */
enum how { TOLD, REAPED, UNREAPED };

static int end_of(struct container_events *events, int c, const char *script, int code,
		  enum how how)
{
	int pidfd, status, in[2];
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct container_spawn spawn = CONTAINER_SPAWN_INIT;
	pid_t pid;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	spawn.argv = argv;
	spawn.stdio[0] = in[0];
	spawn.pidfd = &pidfd;
	pid = (pid_t)ok(container_spawn(c, &spawn));
	close(in[0]);
	expect(events, CONTAINER_EVENT_STARTED, "/c");
	/* Its record has been seen as well. */
	expect_none(events);
	fails(EBUSY, container_ended(c, pidfd));
	close(in[1]);
	assert_int_equal(poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, 5000), 1);
	if (how == TOLD)
		assert_int_equal(ok(container_ended(c, pidfd)), CONTAINER_STOPPED);
	if (how != UNREAPED)
		assert_int_equal(status_of(pid), code);
	/* Of one who is not its parent. */
	status = expect(events, CONTAINER_EVENT_STOPPED, "/c");
	if (how == UNREAPED)
		assert_int_equal(status_of(pid), code);
	close(pidfd);
	return status;
}

static bool tells_reaped(void)
{
	pid_t pid = fork();
	uint64_t info[8] = {8};
	int pidfd, status, r;

	if (pid == 0)
		_exit(0);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	r = ioctl(pidfd, _IOC(_IOC_READ | _IOC_WRITE, 0xff, 11, 64), info);
	close(pidfd);
	return r == 0 && (info[0] & 8);
}

static void test_events_status(void **state)
{
	static const struct {
		const char *script;
		int code;
	} cases[] = {
		{"read x; exit 0", 0},
		{"read x; exit 7", 7},
		{"read x; kill -TERM $$", 128 + SIGTERM},
	};
	static const unsigned int flags[] = {0, CONTAINER_NEW_PID_NS};

	(void)state;
	need_private_tree();
	for (size_t f = 0; f < COUNT(flags); f++) {
		int c = make("c", flags[f]);
		struct container_events *events = container_events_open(c);

		assert_non_null(events);
		/* An init does not feel its own signals. */
		for (size_t i = 0; i < COUNT(cases) - f; i++) {
			int wanted = wait_status(cases[i].code), got;

			got = end_of(events, c, cases[i].script, cases[i].code, TOLD);
			assert_int_equal(got, wanted);
			assert_int_equal(info_of(c).exit_status, wanted);
			got = end_of(events, c, cases[i].script, cases[i].code, UNREAPED);
			assert_int_equal(got, wanted);
			/* The record is of another init. */
			assert_int_equal(info_of(c).exit_status, -1);
			got = end_of(events, c, cases[i].script, cases[i].code, REAPED);
			assert_int_equal(got, tells_reaped() ? wanted : -1);
		}
		container_events_close(events);
		ok(container_remove(c, 0));
		close(c);
	}
}

/* Between two looks an init has been followed by another. */
static void test_events_again(void **state)
{
	struct container_events *events;
	pid_t pid[2];
	int c, pidfd;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_PID_NS);
	events = container_events_open(c);
	assert_non_null(events);
	pid[0] = spawn_sh(c, "exec sleep 1000", &pidfd);
	expect(events, CONTAINER_EVENT_STARTED, "/c");
	expect_none(events);
	ok(container_kill(c, SIGKILL));
	assert_int_equal(poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, 5000), 1);
	assert_int_equal(ok(container_ended(c, pidfd)), CONTAINER_STOPPED);
	assert_int_equal(status_of(pid[0]), 128 + SIGKILL);
	close(pidfd);
	pid[1] = spawn_sh(c, "exec sleep 1000", NULL);
	assert_int_equal(expect(events, CONTAINER_EVENT_STOPPED, "/c"), SIGKILL);
	expect(events, CONTAINER_EVENT_STARTED, "/c");
	expect_none(events);
	ok(container_kill(c, SIGKILL));
	assert_int_equal(status_of(pid[1]), 128 + SIGKILL);
	expect(events, CONTAINER_EVENT_STOPPED, "/c");
	container_events_close(events);
	close(c);
}

/* Without an own pid namespace another first task is no other run, while there are tasks. */
static void test_events_others(void **state)
{
	struct container_events *events;
	pid_t pid[3];
	int c;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	events = container_events_open(c);
	assert_non_null(events);
	pid[0] = spawn_sh(c, "exec sleep 1000", NULL);
	pid[1] = spawn_sh(c, "exec sleep 1000", NULL);
	expect(events, CONTAINER_EVENT_STARTED, "/c");
	assert_int_equal(kill(pid[0], SIGKILL), 0);
	assert_int_equal(status_of(pid[0]), 128 + SIGKILL);
	pid[2] = spawn_sh(c, "exec sleep 1000", NULL);
	expect_none(events);
	ok(container_kill(c, SIGKILL));
	for (int i = 1; i < 3; i++)
		assert_int_equal(status_of(pid[i]), 128 + SIGKILL);
	expect(events, CONTAINER_EVENT_STOPPED, "/c");
	expect_none(events);
	container_events_close(events);
	close(c);
}

static void test_events_errors(void **state)
{
	(void)state;
	need_private_tree();
	errno = 0;
	assert_null(container_events_open(-1));
	assert_int_equal(errno, EBADF);
	assert_null(container_events_open(0));
	container_events_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_events),	  library_test(test_events_status),
		library_test(test_events_again),  library_test(test_events_others),
		library_test(test_events_errors), library_test(test_frozen_without_tasks),
	};

	return private_tree_run(tests);
}
