/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * container_set_guard: each call that changes a container asks, under its lock, before it changes anything; and a process
 * that is to be moved is asked about once more, with all of its threads, when they stand still.
 */
#include <containerfs/container.h>

#include <pthread.h>
#include <string.h>

#include "library.h"
#include "task.h"

#define THREADS 300 /* more than are asked about at once */

struct asked {
	int times, answer;
	uint64_t locked; /* the id of a container whose lock must be held then */
	bool was_locked;
	pid_t pid;
	size_t threads;
	bool ran; /* a thread did not stand still */
};

/* Not through an fd that has a lock: such locks exclude each other by the file that was opened. */
static bool is_locked(uint64_t id)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/lock", getenv("CONTAINERFS_STATE"));
	fd = open(path, O_RDWR | O_CLOEXEC);
	lock.l_start = (off_t)id;
	assert_true(fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0);
	close(fd);
	return lock.l_type != F_UNLCK;
}

static bool stands_still(pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	return file_has(path, "State:\tt");
}

static int guard(const struct container_guarded *what, void *arg)
{
	struct asked *a = arg;

	assert_int_equal(what->size, sizeof(*what));
	a->times++;
	a->pid = what->pid;
	a->threads += what->thread_count;
	for (size_t i = 0; i < what->thread_count; i++)
		a->ran |= !stands_still(what->threads[i]);
	if (a->locked)
		a->was_locked = is_locked(a->locked);
	return a->answer;
}

static uint64_t id_of(int c)
{
	uint64_t id;

	ok(container_id(c, &id));
	return id;
}

/* The call is refused; it had the lock of c then; without a guard it succeeds. */
#define guarded(c, call)                                                                           \
	do {                                                                                       \
		struct asked asked = {.answer = -EXDEV, .locked = id_of(c)};                       \
                                                                                                   \
		container_set_guard(guard, &asked);                                                \
		fails(EXDEV, call);                                                                \
		container_set_guard(NULL, NULL);                                                   \
		assert_true(asked.times > 0);                                                      \
		if (!asked.was_locked)                                                             \
			fail_msg("%s asked without a lock", #call);                                \
		ok(call);                                                                          \
	} while (0)

static void test_calls(void **state)
{
	const struct container_access access = {
		.size = sizeof(access), .uid = 1, .gid = 1, .mode = 0700};
	const char *const argv[] = {"/bin/true", NULL};
	const struct container_spawn how = {
		.size = sizeof(how), .argv = argv, .stdio = {-1, -1, -1}, .root = -1};
	int a, b = -1, status;
	pid_t pid;

	(void)state;
	need_private_tree();
	a = make("a", CONTAINER_NEW_UTS_NS);
	guarded(a, (b = container_create_at(a, "b", CONTAINER_FD_CLOEXEC)));
	guarded(a, container_set_hostname(a, "name"));
	guarded(a, container_set_access(a, &access));
	guarded(a, container_set_namespace(a, CLONE_NEWIPC, CONTAINER_NS_OWN, -1));
	guarded(a, container_set_namespace(a, CLONE_NEWIPC, CONTAINER_NS_INHERIT, -1));
	guarded(a, container_set_stop(a, SIGINT, 1));
	guarded(a, container_add_key(a, "user", "key", "x", 1));
	guarded(a, container_rename(a, "c"));
	guarded(a, container_rename(b, "d"));
	guarded(b, container_freeze(b, 1));
	guarded(b, container_freeze(b, 0));
	pid = task_pause_in(b);
	guarded(b, container_kill(b, SIGKILL));
	assert_int_equal(status_of(pid), 128 + SIGKILL);
	guarded(b, container_remove(b, 0));
	pid = 0;
	guarded(a, (pid = container_spawn(a, &how)));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(b);
	guarded(a, container_remove(a, CONTAINER_REMOVE_KILL));
	close(a);
}

/* A name is decided about with the parent's lock held. */
static void test_names(void **state)
{
	int a, b;

	(void)state;
	need_private_tree();
	a = make("a", 0);
	b = make("a/b", 0);
	guarded(a, container_rename(b, "c"));
	guarded(a, container_remove(b, 0));
	close(b);
	ok(container_remove(a, 0));
	close(a);
}

static void *wait_in_thread(void *arg)
{
	task_pause(arg);
	return NULL;
}

static void threads_pause(void *arg)
{
	const int *ready = arg;
	pthread_t thread;

	for (int i = 1; i < THREADS; i++)
		if (pthread_create(&thread, NULL, wait_in_thread, NULL) != 0)
			_exit(1);
	if (write(ready[1], "", 1) == 1)
		task_pause(NULL);
	_exit(1);
}

/* container_attach() for each kind of container, plain and with something to join. */
static void moves_stopped(unsigned int flags)
{
	struct asked asked = {.answer = 1};
	char byte;
	struct task task;
	int c = make("a", flags), ready[2];
	pid_t pid[1];

	assert_int_equal(pipe(ready), 0);
	task = task_begin(threads_pause, ready);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	asked.locked = id_of(c);

	asked.answer = -EXDEV;
	container_set_guard(guard, &asked);
	fails(EXDEV, container_attach(c, task.pid, 0));
	assert_int_equal(asked.pid, task.pid);
	assert_int_equal(asked.threads, 0);
	assert_true(asked.was_locked);
	assert_int_equal(ok(container_tasks(c, pid, 1)), 0);

	asked.answer = 1;
	ok(container_attach(c, task.pid, 0));
	assert_int_equal(asked.threads, THREADS);
	assert_false(asked.ran);
	assert_true(asked.was_locked);
	assert_int_equal(ok(container_tasks(c, pid, 1)), 1);
	container_set_guard(NULL, NULL);
	task_kill(&task);
	close(ready[0]);
	close(ready[1]);
	ok(container_remove(c, CONTAINER_REMOVE_KILL));
	close(c);
}

static void test_threads(void **state)
{
	(void)state;
	need_private_tree();
	moves_stopped(0);
	moves_stopped(CONTAINER_NEW_UTS_NS | CONTAINER_NEW_NET_NS);
}

static int refuse_threads(const struct container_guarded *what, void *arg)
{
	(void)arg;
	return what->threads ? -EXDEV : 1;
}

/* Refused when it stands still: it has nothing of the container, and goes on. */
static void test_refused_late(void **state)
{
	int ready[2], c;
	struct task task;
	pid_t pid[1];
	ino_t uts;
	char byte;

	(void)state;
	need_private_tree();
	c = make("a", CONTAINER_NEW_UTS_NS);
	assert_int_equal(pipe(ready), 0);
	task = task_begin(threads_pause, ready);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	uts = ino_of_task(task.pid, "uts");
	container_set_guard(refuse_threads, NULL);
	fails(EXDEV, container_attach(c, task.pid, 0));
	container_set_guard(NULL, NULL);
	assert_int_equal(ino_of_task(task.pid, "uts"), uts);
	assert_int_equal(ok(container_tasks(c, pid, 1)), 0);
	for (int i = 0; i < 1000 && stands_still(task.pid); i++)
		usleep(1000);
	assert_false(stands_still(task.pid));
	task_kill(&task);
	close(ready[0]);
	close(ready[1]);
	ok(container_remove(c, 0));
	close(c);
}

/* What ends meanwhile by itself is swept by the call, and is not what the guard is asked about. */
static void test_sweep(void **state)
{
	struct asked asked = {.answer = -EXDEV};
	int a, held;

	(void)state;
	need_private_tree();
	a = make("a", 0);
	held = make("held", CONTAINER_KILL_ON_CLOSE | CONTAINER_KILL_LAZILY);
	close(held);
	container_set_guard(guard, &asked);
	fails(EXDEV, container_rename(a, "b"));
	container_set_guard(NULL, NULL);
	assert_int_equal(asked.times, 1);
	fails(ENOENT, container_open("held"));
	ok(container_remove(a, 0));
	close(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_calls),   library_test(test_names),
		library_test(test_threads), library_test(test_refused_late),
		library_test(test_sweep),
	};

	return private_tree_run(tests);
}
