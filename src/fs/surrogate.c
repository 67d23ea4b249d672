/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "surrogate.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/securebits.h>

#include "cleanup.h"

#define STACK_SIZE 65536
#define TIME_LIMIT 1 /* s */

struct surrogate {
	const struct caller *as;
	int (*fn)(void *arg);
	void *arg;
	int mount_ns, root; /* -EBADF: ours */
	int result;
};

/* libc's own calls would change all threads that share the memory, not this process. */
static int take_ids(const struct caller *as)
{
	const unsigned long keep = SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS;

	if (prctl(PR_SET_SECUREBITS, keep) < 0 ||
	    syscall(SYS_setgroups, as->group_count, as->groups) < 0 ||
	    syscall(SYS_setresgid, as->gids[0], as->gids[1], as->gids[2]) < 0 ||
	    syscall(SYS_setresuid, as->uids[0], as->uids[1], as->uids[2]) < 0)
		return -EPERM;
	syscall(SYS_setfsgid, as->gid);
	syscall(SYS_setfsuid, as->uid);
	return 0;
}

static int take_capabilities(const struct caller *as)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{.permitted = (uint32_t)as->permitted, .effective = (uint32_t)as->effective},
		{.permitted = (uint32_t)(as->permitted >> 32),
		 .effective = (uint32_t)(as->effective >> 32)},
	};

	return syscall(SYS_capset, &header, data) < 0 ? -EPERM : 0;
}

static bool is_ours(int user_ns)
{
	struct stat st, own;

	return fstat(user_ns, &st) == 0 && stat("/proc/self/ns/user", &own) == 0 &&
	       st.st_ino == own.st_ino;
}

static int become(const struct surrogate *s)
{
	int r;

	if (s->mount_ns >= 0 && setns(s->mount_ns, CLONE_NEWNS) < 0)
		return -EPERM;
	if (s->root >= 0 && (fchdir(s->root) < 0 || chroot(".") < 0))
		return -EPERM;
	r = take_ids(s->as);
	/* With all capabilities still, which setns(2) then gives in the new namespace. */
	if (r == 0 && !is_ours(s->as->user_ns) && setns(s->as->user_ns, CLONE_NEWUSER) < 0)
		return -EPERM;
	return r ? r : take_capabilities(s->as);
}

static int surrogate_main(void *arg)
{
	struct surrogate *s = arg;
	const struct itimerval limit = {.it_value = {.tv_sec = TIME_LIMIT}};
	sigset_t alarm_only;
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGALRM, SIG_DFL);
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &alarm_only, NULL, 8);
	setitimer(ITIMER_REAL, &limit, NULL);
	r = become(s);
	s->result = r ? r : s->fn(s->arg);
	return 0;
}

static int open_of(pid_t tid, const char *entry, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, entry);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Without CLONE_FS and CLONE_SIGHAND: its root, directory and signal handlers are its own. */
static int run(struct surrogate *s)
{
	char stack[STACK_SIZE] __attribute__((aligned(16)));
	sigset_t all, old;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = clone(surrogate_main, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_FILES, s);
	if (pid < 0)
		s->result = -errno;
	else
		while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return s->result;
}

int surrogate_run(const struct caller *as, bool in_its_place, int (*fn)(void *arg), void *arg)
{
	autoclose int mount_ns = -EBADF;
	autoclose int root = -EBADF;
	struct surrogate s = {as, fn, arg, -EBADF, -EBADF, -ETIMEDOUT};

	if (in_its_place) {
		mount_ns = open_of(as->tid, "ns/mnt", O_RDONLY);
		root = open_of(as->tid, "root", O_PATH | O_DIRECTORY);
		if (mount_ns < 0 || root < 0)
			return -EPERM;
		s.mount_ns = mount_ns;
		s.root = root;
	}
	return run(&s);
}
