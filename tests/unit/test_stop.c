/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Orderly ends: stop with and without init, nested containers first, reboot.
 */
#include <containerfs/container.h>

#include <linux/reboot.h>
#include <sys/reboot.h>
#include <time.h>

#include "library.h"

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

/* A nested one whose record is damaged is not left running. */
static void test_stop_damaged(void **state)
{
	char path[PATH_MAX];
	int c, nested, out, sig, grace;
	pid_t pid;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	nested = make("c/nested", 0);
	pid = start(nested, STAYS, &out);
	snprintf(path, sizeof(path), "%s/tree/c/nested/@spec", getenv("CONTAINERFS_STATE"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("damaged", path), 0);
	assert_int_equal(ok(container_stop(c, 100)), 1);
	assert_int_equal(status_of(pid), 128 + SIGKILL);
	ok(container_remove(nested, CONTAINER_REMOVE_KILL));
	snprintf(path, sizeof(path), "%s/tree/c/@stop", getenv("CONTAINERFS_STATE"));
	assert_int_equal(symlink("0 100", path), 0);
	fails(EUCLEAN, container_get_stop(c, &sig, &grace));
	close(out);
	close(nested);
	close(c);
}

static void test_stop_errors(void **state)
{
	int c, root, sig, grace;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_PID_NS);
	root = ok(container_open("/"));
	fails(EPERM, container_stop(root, 0));
	fails(EPERM, container_set_stop(root, SIGTERM, 0));
	assert_int_equal(ok(container_get_stop(c, &sig, &grace)), 0);
	assert_int_equal(sig, SIGTERM);
	assert_int_equal(grace, 10000);
	ok(container_set_stop(c, SIGUSR2, 70));
	assert_int_equal(ok(container_get_stop(c, &sig, &grace)), 0);
	assert_int_equal(sig, SIGUSR2);
	assert_int_equal(grace, 70);
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
		assert_int_equal(info_of(c).state, CONTAINER_RUNNING);
		assert_int_equal(info_of(c).exit_status, -1);
		ok(container_reboot(c, cases[i].cmd));
		assert_int_equal(status_of(pid), cases[i].status);
		ok(container_wait(c, 1000));
		assert_int_equal(info_of(c).exit_status, cases[i].status - 128);
		assert_int_equal(info_of(c).state, i == 0 ? CONTAINER_REBOOTING : CONTAINER_HALTED);
		close(out);
	}
	close(c);
}

/* Init itself does it, in the container or on being told to stop; and those who cannot have done it. */
struct inside {
	int cmd; /* 0: exit */
	bool waits;
};

/* Of its own pid namespace, and of nothing else. */
static void reboot_own(int cmd)
{
	if (getpid() == 1)
		reboot(cmd);
}

static void reboots(int sig)
{
	(void)sig;
	reboot_own(RB_AUTOBOOT);
}

static pid_t fork_init(int c, const struct inside *inside)
{
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	if (inside->waits) {
		sigprocmask(SIG_BLOCK, &set, NULL);
		signal(SIGTERM, reboots);
	}
	pid = forked(c);
	if (pid == 0) {
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		while (inside->waits)
			pause();
		if (inside->cmd)
			reboot_own(inside->cmd);
		raise(SIGHUP);
		_exit(3);
	}
	signal(SIGTERM, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return pid;
}

static int ended(int c, pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), r;
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	r = ok(container_ended(c, pidfd));
	status_of(pid);
	close(pidfd);
	ok(container_wait(c, 1000));
	return r;
}

static void test_reboot_inside(void **state)
{
	static const struct {
		unsigned int flags;
		struct inside inside;
		int state;
	} cases[] = {
		{CONTAINER_NEW_PID_NS, {RB_AUTOBOOT, false}, CONTAINER_REBOOTING},
		{CONTAINER_NEW_PID_NS, {RB_HALT_SYSTEM, false}, CONTAINER_HALTED},
		{CONTAINER_NEW_PID_NS, {RB_POWER_OFF, false}, CONTAINER_HALTED},
		{CONTAINER_NEW_PID_NS, {0, false}, CONTAINER_STOPPED},
		{CONTAINER_NEW_PID_NS, {0, true}, CONTAINER_STOPPED},
		/* Ended by SIGHUP, too, and nothing but stopped. */
		{0, {0, false}, CONTAINER_STOPPED},
	};

	(void)state;
	need_private_tree();
	for (size_t i = 0; i < COUNT(cases); i++) {
		int c = make("c", cases[i].flags);
		pid_t pid = fork_init(c, &cases[i].inside);

		if (cases[i].inside.waits)
			assert_int_equal(ok(container_stop(c, 5000)), 0);
		assert_int_equal(ended(c, pid), cases[i].state);
		assert_int_equal(info_of(c).state, cases[i].state);
		/* Nothing of it is left for the next run. */
		pid = fork_init(c, &(struct inside){0, true});
		assert_int_equal(info_of(c).state, CONTAINER_RUNNING);
		ok(container_kill(c, SIGKILL));
		assert_int_equal(status_of(pid), 128 + SIGKILL);
		ok(container_wait(c, 1000));
		assert_int_equal(info_of(c).state, CONTAINER_STOPPED);
		assert_int_equal(info_of(c).exit_status, -1);
		ok(container_remove(c, 0));
		fails(ENOENT, container_ended(c, 0));
		close(c);
	}
}

/* Who tells of it late, or of another, changes nothing. */
static void test_ended_late(void **state)
{
	pid_t pid[2];
	int c, pidfd[2], other, transient;
	siginfo_t info;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_PID_NS);
	other = make("other", CONTAINER_NEW_PID_NS);
	transient = make("transient", CONTAINER_NEW_PID_NS | CONTAINER_KILL_ON_CLOSE);
	for (int i = 0; i < 2; i++) {
		pid[i] = spawn_sh(c, i ? "exit 4" : "exit 3", &pidfd[i]);
		assert_int_equal(waitid(P_PID, (id_t)pid[i], &info, WEXITED | WNOWAIT), 0);
		ok(container_wait(c, 1000));
	}
	assert_int_equal(ok(container_ended(c, pidfd[1])), CONTAINER_STOPPED);
	assert_int_equal(ok(container_ended(c, pidfd[0])), 0);
	assert_int_equal(info_of(c).exit_status, 4 << 8);
	assert_int_equal(ok(container_ended(other, pidfd[1])), 0);
	fails(EBADF, container_ended(c, -1));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(status_of(pid[i]), 3 + i);
		close(pidfd[i]);
	}
	pid[0] = spawn_sh(transient, "exit 3", &pidfd[0]);
	assert_int_equal(waitid(P_PID, (id_t)pid[0], &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(ok(container_ended(transient, pidfd[0])), CONTAINER_STOPPED);
	assert_int_equal(status_of(pid[0]), 3);
	close(pidfd[0]);
	close(transient);
	close(other);
	close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_stop),	 library_test(test_stop_nested),
		library_test(test_stop_damaged), library_test(test_stop_errors),
		library_test(test_reboot),	 library_test(test_reboot_inside),
		library_test(test_ended_late),
	};

	return private_tree_run(tests);
}
