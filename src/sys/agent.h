/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Agents: short-lived children that share the caller's memory and file descriptors while the
 * calling thread waits, but have namespaces, root and working directory of their own. What an agent
 * opens is open in the caller, and nothing it joins is seen by the caller.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Run fn(arg) in an agent; returns what fn returned, 0 or -errno. cgroup: the agent is in it from
 * the start (-1: the caller's). Signals are blocked meanwhile.
 */
int agent_run(int cgroup, int (*fn)(void *arg), void *arg);

/*
 * The same as a thread of the caller's process, in its cgroup: a third cheaper. It has namespaces, root and
 * working directory of its own nevertheless, but cannot join a user namespace.
 */
int agent_run_thread(int (*fn)(void *arg), void *arg);

/*
 * The same in an agent with a copy of the caller's memory, for what may not be done while memory is
 * shared, or is not safe to do where somebody could trace the agent: no unprivileged process may look
 * into it. All that joins a user namespace is of that kind. Only what it writes to arg[0..size) comes
 * back, and its last error.
 */
int agent_run_apart(int cgroup, int (*fn)(void *arg), void *arg, size_t size);

/*
 * agent_run() for a look at another process in /proc. The kernel makes who looks wait while that one executes a
 * program, which may take as long as the server of a file likes that is closed then, and no signal but SIGKILL ends
 * the wait: after a second the agent is killed, and the result is -EBUSY. It has a copy of the caller's fds, so that
 * nothing it has opened is left; with shares_fds it shares them, and may open only what it returns.
 */
int agent_look(bool shares_fds, int (*fn)(void *arg), void *arg);

/* proc_open_ns() of another process, in such an agent. */
int agent_open_ns(pid_t pid, const char *entry);

/* A child that others see may be stopped by them. If it is, it goes on. */
void agent_wake(pid_t pid);

/*
 * Until a child executes a program or ends; in: a pipe whose other end is close-on-exec, and its alone. It may
 * have another made that does, whose number is then in *second: a child of the caller, too.
 */
void agent_wait_exec(pid_t pid, const volatile pid_t *second, int in);

/* read(2) of what a child writes; it, too, is woken. */
ssize_t agent_read(pid_t pid, int in, void *buf, size_t size);

/*
 * fn(arg) in a process that goes on beside the caller, with a copy of its memory and fds; it is invisible to the
 * program's wait(2), too. agent_wait() returns what fn did, 0 or an errno that becomes -errno; -ECANCELED: it
 * was killed. agent_holder_end() ends one that does nothing but wait.
 */
int agent_start(int (*fn)(void *arg), void *arg, int *ret_pid);
int agent_wait(int pid);
void agent_holder_end(int pid);
