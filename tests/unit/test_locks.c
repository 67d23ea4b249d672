/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Another user locks all that can be opened in the state directory, and is in nobody's way. */
#include <containerfs/container.h>

#include <time.h>

#include "library.h"
#include "locker.h"
#include "task.h"

#define ROUNDS 30
#define END_MS 3000

static void locks(void *arg)
{
	FILE *none = fopen("/dev/null", "we");

	(void)arg;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	locker_run(getenv("CONTAINERFS_STATE"), none);
}

static struct task locker_begin(void)
{
	/* So that it exists. */
	close(make("first", 0));
	assert_int_equal(chmod(private_tree.dir, 0711), 0);
	return task_begin(locks, NULL);
}

static void locker_end(struct task *task)
{
	int first = ok(container_open("first"));

	task_kill(task);
	ok(container_remove(first, 0));
	close(first);
}

/* The watcher is there, and sees that they are closed: no other operation follows that would sweep. */
static void test_closed_ones_end(void **state)
{
	struct task locker;

	(void)state;
	need_private_tree();
	locker = locker_begin();
	for (int i = 0; i < ROUNDS; i++) {
		int pidfd, c = make("held", CONTAINER_KILL_ON_CLOSE);
		pid_t pid = spawn_sh(c, "exec sleep 1000", &pidfd);

		close(c);
		if (poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, END_MS) != 1)
			fail_msg("round %d: its task lives on", i);
		assert_int_equal(status_of(pid), 128 + SIGKILL);
		close(pidfd);
	}
	locker_end(&locker);
}

/* What `container run` does: no watcher, it is removed by who has made it. */
static void test_made_and_removed(void **state)
{
	struct task locker;

	(void)state;
	need_private_tree();
	locker = locker_begin();
	for (int i = 0; i < 10 * ROUNDS; i++) {
		int c = make("held", CONTAINER_KILL_ON_CLOSE | CONTAINER_KILL_LAZILY);

		ok(container_remove(c, CONTAINER_REMOVE_KILL));
		close(c);
	}
	locker_end(&locker);
}

static int mode_of(int c)
{
	struct stat st;

	assert_int_equal(fstat(c, &st), 0);
	assert_int_equal(st.st_uid, 0);
	return st.st_mode & 07777;
}

/* What has a lock is root's alone, under any umask. */
static void test_modes(void **state)
{
	static const mode_t masks[] = {0, 022, 077};

	(void)state;
	need_private_tree();
	for (size_t i = 0; i < COUNT(masks); i++) {
		mode_t before = umask(masks[i]);
		int held = make("held", CONTAINER_KILL_ON_CLOSE), c = make("c", 0);

		umask(before);
		assert_int_equal(mode_of(held), 0700);
		assert_int_equal(mode_of(c), 0755);
		ok(container_remove(c, 0));
		ok(container_remove(held, 0));
		close(c);
		close(held);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_closed_ones_end),
		library_test(test_made_and_removed),
		library_test(test_modes),
	};

	return private_tree_run(tests);
}
