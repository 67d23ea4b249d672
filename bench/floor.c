/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor: the bare system calls of what containerfs and its peers do, and nothing else. No state
 * is kept, no configuration read, no error repaired; whoever is faster than this does less.
 *
 *   floor run [--network] [--cgroup DIR] [--vault NSFILE] [--loop N] [--pid-file FILE] ROOT CMD...
 *	pid, ipc, uts, mount and cgroup namespaces, ROOT as root with fresh /proc, /dev and /sys
 *   floor enter [--cgroup DIR] PID CMD...
 *	all namespaces of PID, and its root
 *   floor spawn [--cgroup DIR] [--loop N] PID CMD...
 *	the same by a thread that stays where it is: its child goes there, as a task of PID's container
 *   floor pin [--cgroup DIR] [--loop N]
 *	uts, network, ipc and mount namespaces, held by a bind mount each in a private mount
 *	namespace and let go again: a container with no task (without one no pid namespace lives)
 *
 * With --loop everything is done N times in this process and the mean time of one, in microseconds,
 * is printed; else once, and the exit status is the command's. --cgroup DIR makes a cgroup in DIR
 * for each run and starts the command in it; for enter and spawn, DIR is the cgroup to start it in.
 *
 * The child shares our memory until it executes (CLONE_VM | CLONE_VFORK), on a stack of its own: we
 * wait meanwhile, so one static stack and one static place for its error are enough.
 *
 * System calls are made by number where libc headers (musl's lag behind) and kernel headers clash.
 */
#include "ns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MNT_DETACH_FLAG 2 /* <sys/mount.h> and <linux/mount.h> cannot be included together */
#define FAILURE 125

struct job {
	const char *root;
	const char *pid_file;
	char *const *argv;
	bool network;
	int cgroup_parent; /* where to make a cgroup, or the one to enter; -EBADF: none */
	int vault;	   /* the mount namespace to start from; -EBADF: the caller's */
	int proc;	   /* /proc, seen from where there is none */
	unsigned long loop;
	unsigned long serial;
	/* during one run */
	int cgroup;
	int tree;
	int ns[4];
	int target, own; /* pidfds, for spawn */
};

extern char **environ;

/* The call that failed in the child, which shares our memory. */
static const char *volatile child_step;
static volatile int child_errno;

static void die(const char *step)
{
	fprintf(stderr, "floor: %s: %s\n", step, strerror(errno));
	exit(FAILURE);
}

static void child_die(const char *step)
{
	child_errno = errno;
	child_step = step;
	_exit(FAILURE);
}

static void child_try(long ret, const char *step)
{
	if (ret < 0)
		child_die(step);
}

static int sys_mount(const char *what, const char *where, const char *type, unsigned long flags,
		     const char *data)
{
	return (int)syscall(SYS_mount, what, where, type, flags, data);
}

static int sys_open_tree(int dir, const char *path)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;

	return (int)syscall(SYS_open_tree, dir, path, flags);
}

static int sys_move_mount(int tree, int dir, const char *path)
{
	return (int)syscall(SYS_move_mount, tree, "", dir, path, MOVE_MOUNT_F_EMPTY_PATH);
}

/* clone3, whose child calls fn(arg) on its own stack and must not return from it. */
static long clone3_call(struct clone_args *args, void (*fn)(void *), void *arg)
{
#if defined(__x86_64__)
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test	%%rax, %%rax\n\t"
			 "jnz	1f\n\t"
			 "mov	%[arg], %%rdi\n\t"
			 "call	*%[fn]\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(ret)
			 : "a"((long)SYS_clone3), "D"(args),
			   "S"(sizeof(*args)), [fn] "r"(fn), [arg] "r"(arg)
			 : "rcx", "r11", "memory", "cc");
	return ret;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = SYS_clone3;
	register long x0 __asm__("x0") = (long)args;
	register long x1 __asm__("x1") = sizeof(*args);

	__asm__ volatile("svc	#0\n\t"
			 "cbnz	x0, 1f\n\t"
			 "mov	x0, %[arg]\n\t"
			 "blr	%[fn]\n\t"
			 "brk	#1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x1), "r"(x8), [fn] "r"(fn), [arg] "r"(arg)
			 : "memory", "cc");
	return x0;
#else
#error "floor.c: add this architecture"
#endif
}

/* Returns when the child has executed or ended. */
static pid_t start(uint64_t flags, int cgroup, void (*fn)(void *), struct job *job)
{
	static char stack[32768] __attribute__((aligned(16)));
	struct clone_args args = {
		.flags = flags | CLONE_VM | CLONE_VFORK,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = sizeof(stack),
	};
	long ret;

	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	child_step = NULL;
	ret = clone3_call(&args, fn, job);
	if (ret < 0) {
		errno = (int)-ret;
		die("clone3");
	}
	return (pid_t)ret;
}

static int reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	if (child_step) {
		errno = child_errno;
		die(child_step);
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void cgroup_name(const struct job *job, char *name, size_t size)
{
	snprintf(name, size, "floor-%d-%lu", (int)getpid(), job->serial);
}

static void make_cgroup(struct job *job)
{
	char name[64];

	job->cgroup = -EBADF;
	if (job->cgroup_parent < 0)
		return;
	job->serial++;
	cgroup_name(job, name, sizeof(name));
	if (mkdirat(job->cgroup_parent, name, 0755) < 0)
		die("make cgroup");
	job->cgroup = openat(job->cgroup_parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (job->cgroup < 0)
		die("open cgroup");
}

static void remove_cgroup(struct job *job)
{
	char name[64];

	if (job->cgroup < 0)
		return;
	cgroup_name(job, name, sizeof(name));
	close(job->cgroup);
	if (unlinkat(job->cgroup_parent, name, AT_REMOVEDIR) < 0)
		die("remove cgroup");
}

/* Relative to the new root, which is the working directory. */
static void set_up_dev(void)
{
	static const struct {
		const char *path;
		unsigned int minor; /* of major 1, but for tty: 5 */
	} nodes[] = {
		{"dev/null", 3},   {"dev/zero", 5},    {"dev/full", 7},
		{"dev/random", 8}, {"dev/urandom", 9}, {"dev/tty", 0},
	};
	static const char *const links[][2] = {
		{"/proc/self/fd", "dev/fd"},	   {"/proc/self/fd/0", "dev/stdin"},
		{"/proc/self/fd/1", "dev/stdout"}, {"/proc/self/fd/2", "dev/stderr"},
		{"pts/ptmx", "dev/ptmx"},
	};

	child_try(sys_mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755"),
		  "mount /dev");
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		dev_t dev = makedev(nodes[i].minor ? 1 : 5, nodes[i].minor);

		child_try(mknod(nodes[i].path, S_IFCHR | 0666, dev), nodes[i].path);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		child_try(symlink(links[i][0], links[i][1]), links[i][1]);
	child_try(mkdir("dev/pts", 0755), "make /dev/pts");
	child_try(mkdir("dev/shm", 01777), "make /dev/shm");
	child_try(sys_mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
			    "newinstance,ptmxmode=0666,mode=0620"),
		  "mount /dev/pts");
}

static void set_up_root(const struct job *job)
{
	unsigned long safe = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (job->vault >= 0) {
		child_try(syscall(SYS_setns, job->vault, CLONE_NEWNS), "enter vault");
		child_try(syscall(SYS_unshare, CLONE_NEWNS), "new mount namespace");
		child_try(sys_move_mount(job->tree, AT_FDCWD, "/"), "mount root");
		child_try(fchdir(job->tree), "enter root");
	} else {
		child_try(sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
		child_try(sys_mount(job->root, job->root, NULL, MS_BIND, NULL), "mount root");
		child_try(chdir(job->root), "enter root");
	}
	child_try(sys_mount("proc", "proc", "proc", safe, NULL), "mount /proc");
	child_try(sys_mount("sysfs", "sys", "sysfs", safe, NULL), "mount /sys");
	set_up_dev();
	/* The old root is now mounted over the new one: what umount finds at "." */
	child_try(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	child_try(syscall(SYS_umount2, ".", MNT_DETACH_FLAG), "umount old root");
	child_try(chdir("/"), "chdir /");
}

static void run_child(void *data)
{
	const struct job *job = data;

	/* Not by clone3: its root would be the cgroup of the caller. */
	child_try(syscall(SYS_unshare, CLONE_NEWCGROUP), "new cgroup namespace");
	set_up_root(job);
	execve(job->argv[0], job->argv, environ);
	child_die(job->argv[0]);
}

static void write_pid(const char *file, pid_t pid)
{
	FILE *f = fopen(file, "we");

	if (!f || fprintf(f, "%d\n", (int)pid) < 0 || fclose(f) != 0)
		die(file);
}

static int run_once(struct job *job)
{
	uint64_t flags = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
	pid_t pid;
	int ret;

	if (job->network)
		flags |= CLONE_NEWNET;
	if (job->vault >= 0) {
		job->tree = sys_open_tree(AT_FDCWD, job->root);
		if (job->tree < 0)
			die("open_tree");
	} else {
		flags |= CLONE_NEWNS;
	}
	make_cgroup(job);
	pid = start(flags, job->cgroup, run_child, job);
	if (job->vault >= 0)
		close(job->tree);
	if (job->pid_file)
		write_pid(job->pid_file, pid);
	ret = reap(pid);
	remove_cgroup(job);
	return ret;
}

static void enter_child(void *data)
{
	const struct job *job = data;

	execve(job->argv[0], job->argv, environ);
	child_die(job->argv[0]);
}

static int enter_once(struct job *job, const char *pid)
{
	int types = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP |
		    CLONE_NEWNET;
	long fd = syscall(SYS_pidfd_open, atoi(pid), 0);

	if (fd < 0)
		die("pidfd_open");
	if (syscall(SYS_setns, (int)fd, types) < 0)
		die("setns");
	close((int)fd);
	return reap(start(0, job->cgroup_parent, enter_child, job));
}

static void spawn_child(void *data)
{
	const struct job *job = data;
	int types = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNET;

	child_try(syscall(SYS_setns, job->target, types), "setns");
	execve(job->argv[0], job->argv, environ);
	child_die(job->argv[0]);
}

/* Only the pid namespace must be joined before the clone, by the thread itself. */
static int spawn_once(struct job *job)
{
	pid_t pid;

	if (syscall(SYS_setns, job->target, CLONE_NEWPID) < 0)
		die("setns");
	pid = start(0, job->cgroup_parent, spawn_child, job);
	if (syscall(SYS_setns, job->own, CLONE_NEWPID) < 0)
		die("setns back");
	return reap(pid);
}

static void spawn_prepare(struct job *job, const char *pid)
{
	job->target = (int)syscall(SYS_pidfd_open, atoi(pid), 0);
	job->own = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (job->target < 0 || job->own < 0)
		die("pidfd_open");
}

/* Shares our file descriptors too: what it opens stays open with us. */
static void pin_child(void *data)
{
	static const char *const files[] = {"self/ns/uts", "self/ns/net", "self/ns/ipc",
					    "self/ns/mnt"};
	struct job *job = data;

	for (size_t i = 0; i < 4; i++) {
		job->ns[i] = openat(job->proc, files[i], O_RDONLY | O_CLOEXEC);
		child_try(job->ns[i], files[i]);
	}
	_exit(0);
}

static int pin_once(struct job *job)
{
	static const char *const pins[] = {"/pin/uts", "/pin/network", "/pin/ipc", "/pin/mount"};
	uint64_t flags = CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS;

	make_cgroup(job);
	reap(start(flags | CLONE_FILES, -EBADF, pin_child, job));
	if (mkdir("/pin", 0700) < 0)
		die("mkdir");
	for (size_t i = 0; i < 4; i++) {
		int tree = sys_open_tree(job->ns[i], "");

		if (tree < 0 || mknod(pins[i], S_IFREG | 0600, 0) < 0 ||
		    sys_move_mount(tree, AT_FDCWD, pins[i]) < 0)
			die(pins[i]);
		close(tree);
		close(job->ns[i]);
	}
	for (size_t i = 0; i < 4; i++)
		if (syscall(SYS_umount2, pins[i], MNT_DETACH_FLAG) < 0 || unlink(pins[i]) < 0)
			die(pins[i]);
	rmdir("/pin");
	remove_cgroup(job);
	return 0;
}

static void pin_prepare(struct job *job)
{
	const char *step;

	job->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (job->proc < 0)
		die("/proc");
	step = ns_vault();
	if (step)
		die(step);
}

/* Once, or job->loop times and once more before the clock starts. */
static int repeat(struct job *job, int (*once)(struct job *job))
{
	struct timespec a, b;
	int ret = once(job);

	if (!job->loop)
		return ret;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (unsigned long i = 0; ret == 0 && i < job->loop; i++)
		ret = once(job);
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%.2f\n",
	       ((double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3) /
		       (double)job->loop);
	return ret;
}

static int open_option(const char *path, int flags)
{
	int fd = open(path, flags | O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(path);
	return fd;
}

/* Returns the index of the first operand. */
static int options(int argc, char **argv, struct job *job)
{
	int i = 2;

	while (i < argc && strncmp(argv[i], "--", 2) == 0) {
		const char *opt = argv[i++];

		if (strcmp(opt, "--network") == 0) {
			job->network = true;
			continue;
		}
		if (i == argc)
			break;
		if (strcmp(opt, "--cgroup") == 0)
			job->cgroup_parent = open_option(argv[i++], O_DIRECTORY);
		else if (strcmp(opt, "--vault") == 0)
			job->vault = open_option(argv[i++], 0);
		else if (strcmp(opt, "--loop") == 0)
			job->loop = strtoul(argv[i++], NULL, 10);
		else if (strcmp(opt, "--pid-file") == 0)
			job->pid_file = argv[i++];
		else
			break;
	}
	return i;
}

int main(int argc, char **argv)
{
	struct job job = {.cgroup_parent = -EBADF, .vault = -EBADF};
	const char *verb = argc > 1 ? argv[1] : "";
	int i = options(argc, argv, &job);
	int left = argc - i;

	umask(0);
	if (strcmp(verb, "run") == 0 && left >= 2) {
		job.root = argv[i];
		job.argv = argv + i + 1;
		return repeat(&job, run_once);
	}
	if (strcmp(verb, "enter") == 0 && left >= 2) {
		job.argv = argv + i + 1;
		return enter_once(&job, argv[i]);
	}
	if (strcmp(verb, "spawn") == 0 && left >= 2) {
		job.argv = argv + i + 1;
		spawn_prepare(&job, argv[i]);
		return repeat(&job, spawn_once);
	}
	if (strcmp(verb, "pin") == 0 && left == 0) {
		pin_prepare(&job);
		return repeat(&job, pin_once);
	}
	fputs("usage: floor run|enter|spawn|pin ...: see the head of floor.c\n", stderr);
	return FAILURE;
}
