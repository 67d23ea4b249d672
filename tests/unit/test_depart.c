/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * container_attach_for: who is asked, about what and when, before a process leaves behind what limits it. A
 * limit is stood for by threads that may be limited each, since that needs no controller.
 */
#include <containerfs/container.h>

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "library.h"
#include "task.h"

/* A cgroup beside the hierarchy's, and below it one that makes it limited. */
static char top[PATH_MAX / 2], slice[PATH_MAX], threads[PATH_MAX + 8];

static void write_to(const char *dir, const char *file, const char *text)
{
	char path[PATH_MAX + 64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void slice_make(int c)
{
	char link[64];
	int fd = container_cgroup(c);
	ssize_t n;

	assert_true(fd >= 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, top, sizeof(top) - 1);
	assert_true(n > 0);
	close(fd);
	top[n] = '\0';
	for (int i = 0; i < 2; i++)
		*strrchr(top, '/') = '\0';
	snprintf(slice, sizeof(slice), "%s/containerfs-depart-%d", top, (int)getpid());
	snprintf(threads, sizeof(threads), "%s/t", slice);
	assert_int_equal(mkdir(slice, 0755), 0);
}

static void slice_limit(void)
{
	(void)!mkdir(threads, 0755);
	write_to(threads, "cgroup.type", "threaded");
}

static void slice_free(void)
{
	assert_int_equal(rmdir(threads), 0);
}

static bool is_in_slice(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	return file_has(path, strrchr(slice, '/'));
}

/* A process in the slice that waits for a byte, and which of both it shall get: the byte or an error. */
struct scene {
	int to_task[2], wanted_errno, answers, asked, says;
	unsigned int depth;
	pid_t tid;
	struct stat procs;
	bool limit_late;
};

static void wait_for_answer(void *arg)
{
	struct scene *s = arg;
	char byte;
	ssize_t n;

	s->tid = (pid_t)syscall(SYS_gettid);
	errno = 0;
	n = read(s->to_task[0], &byte, 1);
	child_holds(s->wanted_errno ? n < 0 && errno == s->wanted_errno : n == 1);
}

/* In the library's child: the process has been asked to stop, and nothing was done to it yet. */
static void answer(void *arg)
{
	struct scene *s = arg;

	s->answers++;
	if (s->limit_late)
		slice_limit();
	(void)!write(s->to_task[1], "y", 1);
}

static int may_leave(void *arg, int procs, unsigned int depth)
{
	struct scene *s = arg;

	s->asked++;
	s->depth = depth;
	fstat(procs, &s->procs);
	return s->says;
}

static struct scene *scene_new(void)
{
	struct scene *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(s != MAP_FAILED);
	assert_int_equal(pipe2(s->to_task, O_CLOEXEC), 0);
	return s;
}

static struct task scene_begin(struct scene *s)
{
	struct task task = task_begin(wait_for_answer, s);
	char number[16];

	while (!s->tid)
		usleep(1000);
	task_wait_state(s->tid, 'S');
	usleep(20000);
	snprintf(number, sizeof(number), "%d", (int)task.pid);
	write_to(slice, "cgroup.procs", number);
	assert_true(is_in_slice(task.pid));
	return task;
}

static void scene_end(struct scene *s, struct task *task)
{
	if (!s->answers)
		(void)!write(s->to_task[1], "n", 1);
	assert_int_equal(task_end(task), 0);
	close(s->to_task[0]);
	close(s->to_task[1]);
	munmap(s, sizeof(*s));
}

static struct container_attach_for request_of(struct scene *s)
{
	return (struct container_attach_for){
		.size = sizeof(struct container_attach_for),
		.pidfd = -EBADF,
		.writer = s->tid,
		.answer = answer,
		.may_leave = may_leave,
		.arg = s,
	};
}

static void test_not_limited(void **state)
{
	int c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_UTS_NS);
	slice_make(c);
	{
		struct scene *s = scene_new();
		struct task task = scene_begin(s);
		struct container_attach_for request = request_of(s);

		ok(container_attach_for(c, &request));
		assert_int_equal(s->asked, 0);
		assert_int_equal(s->answers, 1);
		assert_false(is_in_slice(task.pid));
		scene_end(s, &task);
	}
	assert_int_equal(rmdir(slice), 0);
	close(c);
}

/* Both ways to move, into a container with and without a namespace to join. */
static void move_limited(int c, bool writer, int says)
{
	struct scene *s = scene_new();
	struct task task = scene_begin(s);
	struct container_attach_for request = request_of(s);
	char path[PATH_MAX];
	struct stat st;
	int pidfd = (int)syscall(SYS_pidfd_open, task.pid, 0);

	s->says = says;
	if (!writer) {
		request.answer = NULL;
		request.pidfd = pidfd;
	}
	if (says)
		fails(EPERM, container_attach_for(c, &request));
	else
		ok(container_attach_for(c, &request));
	close(pidfd);
	assert_int_equal(s->asked, 1);
	assert_int_equal(s->depth, 1);
	snprintf(path, sizeof(path), "%s/cgroup.procs", top);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_ino == s->procs.st_ino && st.st_dev == s->procs.st_dev);
	assert_int_equal(s->answers, writer && !says);
	assert_int_equal(is_in_slice(task.pid), says != 0);
	scene_end(s, &task);
}

static void test_limited(void **state)
{
	int c, plain;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_UTS_NS);
	plain = make("plain", 0);
	slice_make(c);
	slice_limit();
	for (int i = 0; i < 8; i++)
		move_limited(i & 1 ? c : plain, i & 2, i & 4 ? -EACCES : 0);
	slice_free();
	assert_int_equal(rmdir(slice), 0);
	close(c);
	close(plain);
}

/* Nothing limits when it is asked; then something does, before the process stands still. */
static void test_limited_late(void **state)
{
	struct container_attach_for request;
	struct scene *s;
	struct task task;
	int c;

	(void)state;
	need_private_tree();
	c = make("c", CONTAINER_NEW_UTS_NS);
	slice_make(c);
	s = scene_new();
	s->wanted_errno = EPERM;
	s->limit_late = true;
	task = scene_begin(s);
	request = request_of(s);
	fails(EPERM, container_attach_for(c, &request));
	assert_int_equal(s->asked, 0);
	assert_int_equal(s->answers, 1);
	scene_end(s, &task);
	slice_free();
	assert_int_equal(rmdir(slice), 0);
	close(c);
}

static void test_arguments(void **state)
{
	struct scene s = {.tid = getppid()};
	struct container_attach_for request = request_of(&s);
	int c;

	(void)state;
	need_private_tree();
	c = make("c", 0);
	request.may_leave = NULL;
	fails(EINVAL, container_attach_for(c, &request));
	request = request_of(&s);
	request.size--;
	fails(EINVAL, container_attach_for(c, &request));
	request = request_of(&s);
	request.answer = NULL;
	fails(EBADF, container_attach_for(c, &request));
	request.pidfd = 0;
	fails(EBADF, container_attach_for(c, &request));
	close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_not_limited),
		library_test(test_limited),
		library_test(test_limited_late),
		library_test(test_arguments),
	};

	return private_tree_run(tests);
}
