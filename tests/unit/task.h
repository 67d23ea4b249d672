/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tasks for tests that move them: ordinary children of the test, that run a function and end with its
 * checks, or after half a minute.
 */
#pragma once

#include "library.h"

struct task {
	pid_t pid;
	unsigned int delay; /* for who acts on it from another thread */
};

static inline struct task task_begin(void (*fn)(void *arg), void *arg)
{
	struct task task = {.pid = fork()};

	assert_true(task.pid >= 0);
	if (task.pid == 0) {
		alarm(30);
		fn(arg);
		_exit(0);
	}
	return task;
}

static inline int task_end(struct task *task)
{
	return status_of(task->pid);
}

static inline void task_kill(struct task *task)
{
	assert_int_equal(waitpid(task->pid, NULL, WNOHANG), 0);
	kill(task->pid, SIGKILL);
	assert_int_equal(status_of(task->pid), 128 + SIGKILL);
}

static inline void task_pause(void *arg)
{
	(void)arg;
	for (;;)
		pause();
}

/* A task of the container, by container_fork(). */
static inline pid_t task_pause_in(int c)
{
	pid_t pid = forked(c);

	if (pid == 0)
		task_pause(NULL);
	return pid;
}

/* Killed, unless it has ended: its exit status. */
static inline int task_ends(pid_t pid)
{
	kill(pid, SIGKILL);
	return status_of(pid);
}

static inline void task_exec(void *arg)
{
	(void)arg;
	execlp("sh", "sh", "-c", "exec sh -c 'exec sleep 0.1'", (char *)NULL);
	_exit(1);
}

static inline char task_state(pid_t pid)
{
	char path[64], text[512], *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = '\0';
	end = strrchr(text, ')');
	return end ? end[2] : '?';
}

static inline void task_wait_state(pid_t pid, char state)
{
	for (int i = 0; i < 5000 && task_state(pid) != state; i++)
		usleep(1000);
	assert_int_equal(task_state(pid), state);
}

/* Whether the last component of a task's cgroup is this container's id. */
static inline bool in_cgroup_of(pid_t pid, uint64_t id)
{
	char path[64], end[32];

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	snprintf(end, sizeof(end), "/%016" PRIx64 "\n", id);
	return file_has(path, end);
}
