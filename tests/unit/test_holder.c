/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Containers that end with their fd: its holder is killed, or has given a copy away.
 */
#include <containerfs/container.h>

#include <sys/socket.h>

#include "library.h"

static void send_fd(int to, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	child_holds(sendmsg(to, &message, 0) == 1);
}

static int receive_fd(int from)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = {&byte, 1};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	int fd;

	assert_int_equal(recvmsg(from, &message, MSG_CMSG_CLOEXEC), 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static bool gone_within(const char *name, int ms)
{
	for (; ms > 0; ms--) {
		if (is_gone(name))
			return true;
		usleep(1000);
	}
	return false;
}

struct holder {
	pid_t pid, task;
	char cgroup[4096];
};

/* A process that has the fd of a new container with a task, in the namespaces of all. */
static void start_holder(struct holder *h, unsigned int flags, int send_fd_to)
{
	int tell[2];

	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	h->pid = fork();
	if (h->pid == 0) {
		int c = container_create("c", flags | CONTAINER_KILL_ON_CLOSE);

		child_holds(c >= 0);
		h->task = spawn_sh(c, "exec sleep 1000", NULL);
		child_holds(write(tell[1], &h->task, sizeof(h->task)) == sizeof(h->task));
		if (send_fd_to >= 0)
			send_fd(send_fd_to, c);
		for (;;)
			pause();
	}
	assert_int_equal(read(tell[0], &h->task, sizeof(h->task)), sizeof(h->task));
	close(tell[0]);
	close(tell[1]);
}

static void end_holder(struct holder *h)
{
	assert_int_equal(kill(h->pid, SIGKILL), 0);
	assert_int_equal(status_of(h->pid), 128 + SIGKILL);
}

/* Nobody else does anything meanwhile, but look. */
static void test_holder_killed(void **state)
{
	struct holder h;

	(void)state;
	need_private_tree();
	for (int i = 0; i < 5; i++) {
		int pidfd;

		start_holder(&h, i % 2 ? CONTAINER_NEW_PID_NS : 0, -1);
		assert_false(is_gone("c"));
		pidfd = (int)syscall(SYS_pidfd_open, h.task, 0);
		end_holder(&h);
		assert_int_equal(poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, 100), 1);
		assert_true(gone_within("c", 100));
		close(pidfd);
	}
}

/* A copy in another process keeps it, until that is closed too. */
static void test_holder_copied(void **state)
{
	struct holder h;
	int pair[2], c, pidfd;

	(void)state;
	need_private_tree();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	start_holder(&h, 0, pair[1]);
	c = receive_fd(pair[0]);
	pidfd = (int)syscall(SYS_pidfd_open, h.task, 0);
	end_holder(&h);
	usleep(50000);
	assert_false(is_gone("c"));
	close(c);
	assert_int_equal(poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, 100), 1);
	assert_true(gone_within("c", 100));
	close(pidfd);
	close(pair[0]);
	close(pair[1]);
}

/* Of the holder's copies one is a dup(2), one a child's by fork(2): each of them is enough. */
static void test_holder_forked(void **state)
{
	int tell[2], order[2], pidfd;
	pid_t pid, pids[2]; /* of the task, of the child that has a copy */
	char byte;

	(void)state;
	need_private_tree();
	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	assert_int_equal(pipe2(order, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		int c = container_create("c", CONTAINER_KILL_ON_CLOSE), copy = dup(c);

		child_holds(c >= 0 && copy >= 0);
		pids[0] = spawn_sh(c, "exec sleep 1000", NULL);
		close(c);
		pids[1] = fork();
		for (;;) {
			if (pids[1] != 0)
				child_holds(write(tell[1], pids, sizeof(pids)) == sizeof(pids));
			/* The child stays until it is killed; so does this one, if nobody tells. */
			if (pids[1] != 0 && read(order[0], &byte, 1) == 1)
				close(copy);
			pause();
		}
	}
	assert_int_equal(read(tell[0], pids, sizeof(pids)), sizeof(pids));
	pidfd = (int)syscall(SYS_pidfd_open, pids[0], 0);
	/* The first fd is closed, two copies are left; then the child's alone; then none. */
	usleep(50000);
	assert_false(is_gone("c"));
	assert_int_equal(write(order[1], "x", 1), 1);
	usleep(50000);
	assert_false(is_gone("c"));
	assert_int_equal(kill(pids[1], SIGKILL), 0);
	assert_int_equal(poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, 100), 1);
	assert_true(gone_within("c", 100));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(status_of(pid), 128 + SIGKILL);
	close(pidfd);
	for (int i = 0; i < 2; i++) {
		close(tell[i]);
		close(order[i]);
	}
}

/* No name leads to it, and the next operation takes it apart. */
static void test_holder_lazy(void **state)
{
	struct holder h;
	int root, pidfd;

	(void)state;
	need_private_tree();
	fails(EINVAL, container_create("c", CONTAINER_KILL_LAZILY));
	start_holder(&h, CONTAINER_KILL_LAZILY, -1);
	pidfd = (int)syscall(SYS_pidfd_open, h.task, 0);
	end_holder(&h);
	assert_true(is_gone("c"));
	root = ok(container_open("/"));
	assert_int_equal(ok(container_walk(root, 0, copy_info, &(struct container_info){0})), 0);
	assert_int_equal(ok(container_walk(root, CONTAINER_WALK_NAMES, copy_info,
					   &(struct container_info){0})),
			 0);
	close(root);
	assert_int_equal(poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, 0), 0);
	close(ok(container_create("other", CONTAINER_FD_CLOEXEC)));
	assert_int_equal(poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, 100), 1);
	close(pidfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		library_test(test_holder_killed),
		library_test(test_holder_copied),
		library_test(test_holder_forked),
		library_test(test_holder_lazy),
	};

	return private_tree_run(tests);
}
