/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Agents: short-lived children that share the caller's memory and file descriptors while the
 * calling thread waits, but have namespaces, root and working directory of their own. What an agent
 * opens is open in the caller, and nothing it joins is seen by the caller.
 */
#pragma once

/*
 * Run fn(arg) in an agent; returns what fn returned, 0 or -errno. cgroup: the agent is in it from
 * the start (-1: the caller's). Signals are blocked meanwhile.
 */
int agent_run(int cgroup, int (*fn)(void *arg), void *arg);

/*
 * A process that only waits, in a new user namespace, to be asked about by its pidfd; ended by
 * agent_holder_end().
 */
int agent_holder_start(int clone_flags, int *ret_pid);
void agent_holder_end(int pid);
