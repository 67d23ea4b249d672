/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What /proc says of processes, and who a process is for good: a pid is reused, so a task is
 * remembered as its pid with an identity number that no other process shares.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The identity of the process behind a pidfd: its inode in pidfs (Linux 6.9 and newer), else the
 * time it was started, read from /proc/PID/stat. -ESRCH.
 */
int proc_identity(int pidfd, pid_t pid, uint64_t *ret_identity);

/* Whether the pidfd is of the process that had this number and identity; it may have ended. */
bool proc_has_identity(int pidfd, pid_t pid, uint64_t identity);

/* The number of the process that a pidfd is of. -EBADF, -EINVAL: it is none. -ESRCH: it has ended. */
int proc_pid_of(int pidfd, pid_t *ret_pid);

/* A pidfd of pid if it still is the process with this identity; ended: or a zombie. -ESRCH. */
int proc_open_identified(pid_t pid, uint64_t identity, bool ended);

/*
 * How the process of a pidfd has ended, as waitpid(2) tells, until it is reaped, which this does not do. It
 * must be a child, or one that could be ptraced. -EBUSY: it has not ended. -ESRCH: not to be known.
 */
int proc_exit_status(int pidfd, int *ret_status);

/* The cgroup v2 path of a process (0: the calling thread), relative to the hierarchy's root: "/a/b". */
int proc_cgroup(pid_t pid, char *buf, size_t size);

/*
 * A thread of a process, as an fd of its directory in /proc: what is read there is of this thread, or -ESRCH. It
 * is of the process that has the number pid when it is opened.
 */
int proc_open_thread(pid_t pid, pid_t tid);
int proc_thread_cgroup(int thread, char *buf, size_t size);

/*
 * Its state, a letter, and the kernel's function in which it waits; "" if that is not known, or if it
 * does not wait.
 */
int proc_thread_waits(int thread, char *ret_state, char *where, size_t size);

/* The process that has the thread of this number. -ESRCH. */
int proc_process_of(pid_t tid, pid_t *ret_pid);

/* Whether the thread is one that the kernel has made for the process, for io_uring for example: it has no user mode. */
bool proc_is_worker(pid_t tid);

/* The nsfs fd of entry, "net" for example, of a process (0: the calling thread). */
int proc_open_ns(pid_t pid, const char *entry);

/*
 * Whether /proc shows the caller's own pid namespace. It does not in a task with an own pid namespace
 * and the mount namespace of others; then /proc/N is not the process that the caller calls N.
 */
bool proc_is_own_pid_ns(void);

/*
 * If a process is number 1 of a pid namespace below the caller's: how many numbers it has, one for each
 * namespace from the caller's on; else 0. -errno.
 */
int proc_nested_init_depth(pid_t pid);

/*
 * The arguments that the process was started with, which /proc/PID/cmdline shows to everybody, become zeros. For
 * one that has memory of its own, of which no other is a copy.
 */
int proc_wipe_args(void);

/* Whether the calling thread has unshared its pid namespace, and has had no child since. */
bool proc_children_begin_pid_ns(void);

/* Whether a child, which is not reaped yet, has executed a program. */
bool proc_has_executed(pid_t pid);

#define PROC_DEPTH 33 /* pid namespaces nest 32 deep below the first */

/* With what rights a thread acts, as far as executing a file can change it. */
struct proc_ids {
	uint32_t uid[4], gid[4]; /* real, effective, saved, of files */
	uint64_t permitted;	 /* capabilities */
};

/* Some of /proc/PID/status. A thread has one, and what it says of its process. */
struct proc_status {
	pid_t process;
	pid_t tracer;
	bool ended;    /* a zombie, or about to be one */
	bool filtered; /* has seccomp filters */
	int threads;   /* of its process; a first one that has ended counts */
	int depth;     /* how many pid namespaces have a number for it, from /proc's on */
	pid_t number[PROC_DEPTH]; /* of the thread, in each; its own is the last */
	struct proc_ids ids;
};

/* -ESRCH: not there, or a thread of the kernel's. */
int proc_status(pid_t pid, struct proc_status *ret_status);

/* /proc/PID/ns of a process or thread (0: the calling thread), for proc_ns_inode(). */
int proc_open_ns_dir(pid_t pid);

/* The inode of a namespace in such a directory; 0: a pid namespace that has no process yet. -ESRCH. */
int proc_ns_inode(int ns_dir, const char *entry, uint64_t *ret_inode);
