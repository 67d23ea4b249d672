/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of a subtree, as they are told to who polls for them.
 */
#include <containerfs/container.h>

#include "library.h"

static int make(const char *name, unsigned int flags)
{
	return ok(container_create(name, flags | CONTAINER_FD_CLOEXEC));
}

/* The next event, which comes within a second, is this one. */
static void expect(struct container_events *events, enum container_event_type type,
		   const char *path)
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
	ok(container_remove(top, 0));
	expect(events, CONTAINER_EVENT_REMOVED, "/top");
	expect_none(events);
	container_events_close(events);
	close(top);
	close(a);
	close(b);
	close(other);
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
		library_test(test_events),
		library_test(test_events_errors),
	};

	return private_tree_run(tests);
}
