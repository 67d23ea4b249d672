/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state directory: another user locks all that can be opened in it, and is in nobody's way; what its modes
 * say; what a check finds in it.
 */
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

/* Whose it is, it is from the first moment on; and what has a lock is never another's. */
static void test_owned(void **state)
{
	struct container_access access = {sizeof(access), 1000, 1001, 0754},
				now = {sizeof(now), 0, 0, 0};
	int top, c, held;

	(void)state;
	need_private_tree();
	top = ok(container_open_init());
	c = ok(container_create_for(top, "c", CONTAINER_FD_CLOEXEC, &access));
	ok(container_get_access(c, &now));
	assert_int_equal(now.uid, 1000);
	assert_int_equal(now.gid, 1001);
	assert_int_equal(now.mode, 0754);
	/* With the list of an owner the group's bits are the mask of it. */
	assert_int_equal(mode_of(c) & 0707, 0704);
	ok(container_set_access(c, &(struct container_access){sizeof(access), 0, 0, 0710}));
	assert_int_equal(mode_of(c), 0710);
	fails(EOPNOTSUPP,
	      container_create_for(top, "held", CONTAINER_KILL_ON_CLOSE | CONTAINER_FD_CLOEXEC,
				   &access));
	access.size--;
	fails(EINVAL, container_create_for(top, "held", CONTAINER_FD_CLOEXEC, &access));
	access.size++;
	held = make("held", CONTAINER_KILL_ON_CLOSE);
	ok(container_get_access(held, &now));
	assert_int_equal(now.mode, 0700);
	fails(EOPNOTSUPP, container_set_access(held, &access));
	assert_int_equal(mode_of(held), 0700);
	ok(container_remove(held, 0));
	ok(container_remove(c, 0));
	close(held);
	close(c);
	close(top);
}

static int count_problems(const struct container_problem *problem, void *arg)
{
	(void)problem;
	++*(int *)arg;
	return 0;
}

static int end_check(const struct container_problem *problem, void *arg)
{
	(void)arg;
	return problem->mended ? 0 : 7;
}

static void test_check(void **state)
{
	char path[PATH_MAX];
	int count = 0, c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_UTS_NS);
	assert_int_equal(ok(container_check(0, count_problems, &count)), 0);
	assert_int_equal(count, 0);
	snprintf(path, sizeof(path), "%s/tree/c/@stop", getenv("CONTAINERFS_STATE"));
	assert_int_equal(symlink("nonsense", path), 0);
	fails(EUCLEAN, container_get_stop(c, &(int){0}, &(int){0}));
	assert_string_equal(container_error_last()->object, path);
	assert_int_equal(container_check(0, end_check, NULL), 7);
	assert_int_equal(ok(container_check(CONTAINER_CHECK_REPAIR, end_check, NULL)), 0);
	fails(EINVAL, container_check(~0u, end_check, NULL));
	ok(container_get_stop(c, &(int){0}, &(int){0}));
	ok(container_remove(c, 0));
	close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_closed_ones_end), library_test(test_made_and_removed),
		library_test(test_modes),	    library_test(test_owned),
		library_test(test_check),
	};

	return private_tree_run(tests);
}
