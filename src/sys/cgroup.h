/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup v2 directories: membership, kill, freeze. All by directory fd.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Where cgroup v2 is mounted, from /proc/self/mountinfo. -EOPNOTSUPP: nowhere. */
int cgroup_find_mount(char *buf, size_t size);

/* cgroup.events: -ENODEV once the directory is removed. */
struct cgroup_events {
	bool populated, frozen;
};
int cgroup_read_events(int cgroup, struct cgroup_events *ret_events);

/* The same of the cgroup at path, in fewer calls; -ENODEV also if there is none. */
int cgroup_read_events_of(int parent, const char *path, struct cgroup_events *ret_events);

/*
 * Pids of the tasks in this cgroup itself, and with nested in those below it. Written to pids up to
 * n; returns how many there are.
 */
ssize_t cgroup_pids(int cgroup, bool nested, pid_t *pids, size_t n);

/* The same with those below it, but for cgroups that are somebody else's by their name. */
ssize_t cgroup_pids_but(int cgroup, bool (*is_others)(const char *name), pid_t *pids, size_t n);

/*
 * The same of threads, in this cgroup and those below it. A process whose first thread has ended is listed as
 * one where that thread was at its end, which need not be where the others are.
 */
ssize_t cgroup_threads(int cgroup, pid_t *tids, size_t n);

/*
 * A directory that all may look into, whatever the caller's umask is: who may list containers asks the cgroup
 * for their state. One that is there is no error.
 */
int cgroup_make(int parent, const char *path);

/*
 * Whoever walks cgroups holds fds for each level, and tasks with a cgroup namespace nest them as deep as they
 * like: this deep below the one at path, best effort.
 */
#define CGROUP_DEPTH 128
void cgroup_limit_depth(const char *path);

/* By cgroup.kill, which says nothing of processes whose first thread has ended, and does not wait. */
int cgroup_kill(int cgroup);
int cgroup_freeze(int cgroup, bool frozen);

/*
 * Wait until populated (or frozen, if of_frozen) is value. timeout in milliseconds, -1: no limit.
 * -ETIMEDOUT. A cgroup that is removed counts as not populated.
 */
int cgroup_wait(int cgroup, bool of_frozen, bool value, int timeout);

/* An fd of cgroup.events; poll(2) reports POLLPRI on it after each change. */
int cgroup_open_events(int cgroup);

/* Remove path and the empty cgroups below it. -EBUSY: there are tasks. A missing one is no error. */
int cgroup_remove(int parent, const char *path);
