/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Orderly ends: stop with and without init, nested containers first, reboot.
 */
#include <containerfs/container.h>

#include <linux/reboot.h>
#include <time.h>

#include "library.h"

static int make(const char *name, unsigned int flags)
{
	return ok(container_create(name, flags | CONTAINER_FD_CLOEXEC));
}

static long ms_since(const struct timespec *begin)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (t.tv_sec - begin->tv_sec) * 1000 + (t.tv_nsec - begin->tv_nsec) / 1000000;
}

/* A shell that says on the pipe that it is ready, and later that it ends. */
static pid_t start(int c, const char *script, int *ret_out)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct container_spawn how = CONTAINER_SPAWN_INIT;
	char byte;
	int out[2];
	pid_t pid;

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	how.argv = argv;
	how.stdio[1] = out[1];
	pid = (pid_t)ok(container_spawn(c, &how));
	close(out[1]);
	assert_int_equal(read(out[0], &byte, 1), 1);
	*ret_out = out[0];
	return pid;
}

#define ENDS_BY(sig) "trap 'exit 7' " sig "; echo; while :; do sleep 0.01; done"
#define STAYS "trap '' TERM; echo; while :; do sleep 1; done"

static void test_stop(void **state)
{
	static const unsigned int flags[] = {0, CONTAINER_NEW_PID_NS};
	struct timespec begin;
	pid_t pid;
	int c, out;

	(void)state;
	need_private_tree();
	for (size_t i = 0; i < COUNT(flags); i++) {
		c = make("c", flags[i]);
		assert_int_equal(ok(container_stop(c, 1000)), 0);
		pid = start(c, ENDS_BY("TERM"), &out);
		assert_int_equal(ok(container_stop(c, -1)), 0);
		assert_int_equal(status_of(pid), 7);
		close(out);
		pid = start(c, STAYS, &out);
		clock_gettime(CLOCK_MONOTONIC, &begin);
		assert_int_equal(ok(container_stop(c, 200)), 1);
		assert_in_range(ms_since(&begin), 190, 3000);
		assert_int_equal(status_of(pid), 128 + SIGKILL);
		close(out);
		ok(container_set_stop(c, SIGUSR1, 100));
		pid = start(c, ENDS_BY("USR1"), &out);
		ok(container_freeze(c, 1));
		assert_int_equal(ok(container_stop(c, 5000)), 0);
		assert_int_equal(status_of(pid), 7);
		close(out);
		pid = start(c, STAYS, &out);
		ok(container_set_stop(c, SIGTERM, 100));
		assert_int_equal(ok(container_stop(c, -1)), 1);
		assert_int_equal(status_of(pid), 128 + SIGKILL);
		close(out);
		ok(container_remove(c, 0));
		close(c);
	}
}

/* The nested one is told first, and the other while that is gone. */
static void test_stop_nested(void **state)
{
	pid_t pid[2];
	int c, nested, out[2];
	char text[8] = "";

	(void)state;
	need_private_tree();
	c = make("c", 0);
	nested = make("c/nested", CONTAINER_NEW_PID_NS);
	pid[0] = start(c, ENDS_BY("TERM"), &out[0]);
	pid[1] = start(nested, "trap 'sleep 0.2; exit 7' TERM; echo; while :; do sleep 0.01; done",
		       &out[1]);
	assert_int_equal(ok(container_stop(c, 5000)), 0);
	assert_int_equal(status_of(pid[0]), 7);
	assert_int_equal(status_of(pid[1]), 7);
	assert_int_equal(read(out[0], text, 1), 0);
	close(out[0]);
	close(out[1]);
	close(nested);
	close(c);
}

static void test_stop_errors(void **state)
{
	int c, root;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_PID_NS);
	root = ok(container_open("/"));
	fails(EPERM, container_stop(root, 0));
	fails(EPERM, container_set_stop(root, SIGTERM, 0));
	fails(EINVAL, container_set_stop(c, 0, 0));
	fails(EINVAL, container_set_stop(c, 1000, 0));
	fails(EINVAL, container_set_stop(c, SIGTERM, -1));
	fails(ESRCH, container_reboot(c, (int)LINUX_REBOOT_CMD_RESTART));
	fails(EPERM, container_reboot(root, (int)LINUX_REBOOT_CMD_RESTART));
	fails(EINVAL, container_reboot(c, (int)LINUX_REBOOT_CMD_CAD_ON));
	close(root);
	close(c);
}

static void test_reboot(void **state)
{
	static const struct {
		int cmd, status;
	} cases[] = {
		{(int)LINUX_REBOOT_CMD_RESTART, 128 + SIGHUP},
		{(int)LINUX_REBOOT_CMD_HALT, 128 + SIGINT},
		{(int)LINUX_REBOOT_CMD_POWER_OFF, 128 + SIGINT},
	};
	pid_t pid;
	int c, out;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_PID_NS);
	for (size_t i = 0; i < COUNT(cases); i++) {
		pid = start(c, STAYS, &out);
		ok(container_reboot(c, cases[i].cmd));
		assert_int_equal(status_of(pid), cases[i].status);
		close(out);
	}
	close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_stop),
		library_test(test_stop_nested),
		library_test(test_stop_errors),
		library_test(test_reboot),
	};

	return private_tree_run(tests);
}
