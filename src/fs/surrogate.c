/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The child is cloned from a process with threads: between clone and its end it makes system calls
 * only, no libc call that locks or allocates, and none that would tell libc's other threads.
 */
#include "surrogate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/securebits.h>

#include "cleanup.h"
#include "fdpass.h"
#include "quota.h"

#define TIME_LIMIT 1000	   /* ms */
#define GIVEN_UP_MAX 256   /* that do not end, even killed */
#define GIVEN_UP_OF_USER 4 /* more of one user, and that one gets no other */
#define ANSWER_FD 64	   /* out of the way of what is kept */

static const int place_types =
	CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;

struct child {
	const struct caller *as;
	const struct surrogate_job *job;
	int place; /* pidfd of the caller */
	int root;  /* its root directory */
	int answer;
};

/* libc's own calls would change all threads of the process that is copied. */
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

static int become(const struct child *c)
{
	int r;

	if (c->job->in_its_place &&
	    (setns(c->place, place_types) < 0 || fchdir(c->root) < 0 || chroot(".") < 0))
		return -EPERM;
	r = take_ids(c->as);
	/* With all capabilities still, which setns(2) then gives in the new namespace. */
	if (r == 0 && !c->as->in_our_user_ns && setns(c->as->user_ns, CLONE_NEWUSER) < 0)
		return -EPERM;
	r = r ? r : take_capabilities(c->as);
	/* A change of credentials has undone both: nobody may look into what is a copy of our memory. */
	if (r == 0 && (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0))
		return -EPERM;
	return r;
}

/*
 * All fds but those of the job, which become 3, 4..., and the way to answer. All are copied above any
 * number that is given away before the first is: no copy may take the place of one still to be copied.
 */
static int keep_fds(const struct surrogate_job *job, int answer)
{
	int copies[SURROGATE_KEEP_MAX];
	int answer_copy = fcntl(answer, F_DUPFD, ANSWER_FD + 1);

	if (answer_copy < 0)
		return -errno;
	for (int i = 0; i < SURROGATE_KEEP_MAX; i++) {
		copies[i] = job->keep[i] < 0 ? -1 : fcntl(job->keep[i], F_DUPFD, ANSWER_FD + 1);
		if (job->keep[i] >= 0 && copies[i] < 0)
			return -errno;
	}
	if (dup2(answer_copy, ANSWER_FD) < 0)
		return -errno;
	for (int i = 0; i < SURROGATE_KEEP_MAX; i++)
		if (copies[i] >= 0 && dup2(copies[i], SURROGATE_KEPT + i) < 0)
			return -errno;
	syscall(SYS_close_range, 0, SURROGATE_KEPT - 1, 0);
	syscall(SYS_close_range, SURROGATE_KEPT + SURROGATE_KEEP_MAX, ANSWER_FD - 1, 0);
	syscall(SYS_close_range, ANSWER_FD + 1, ~0u, 0);
	return 0;
}

/* Until the other end is closed. */
static void answer_questions(surrogate_again_fn *again)
{
	char question[SURROGATE_QUESTION_MAX] __attribute__((aligned(16)));
	ssize_t n;

	while ((n = recv(ANSWER_FD, question, sizeof(question), 0)) > 0)
		fdpass_send(ANSWER_FD, again(question, (size_t)n), -1);
}

static int child_main(struct child *c)
{
	int r, fd = -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* What it is to become, before any fd is closed. */
	r = become(c);
	if (r < 0 || keep_fds(c->job, c->answer) < 0) {
		fdpass_send(c->answer, -EPERM, -1);
		return 0;
	}
	r = c->job->fn(c->job->arg);
	if (r >= 0 && c->job->gives_fd) {
		fd = r;
		r = 0;
	}
	fdpass_send(ANSWER_FD, r, fd);
	if (c->job->again && r == 0)
		answer_questions(c->job->again);
	return 0;
}

/* A fork that does not run the handlers of libc, with a pidfd. */
static pid_t fork_raw(int *ret_pidfd)
{
	struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)ret_pidfd};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
	pid_t pid;
	struct quota *user;
} given_up[GIVEN_UP_MAX];
static size_t given_up_count;

void surrogate_tidy(void)
{
	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < given_up_count;)
		if (waitpid(given_up[i].pid, NULL, __WCLONE | WNOHANG) != 0) {
			quota_put(&given_up[i].user);
			given_up[i] = given_up[--given_up_count];
		} else {
			i++;
		}
	pthread_mutex_unlock(&mutex);
}

/* A user is whom quota.h takes for one: a range of ids counts once. */
static bool too_many_given_up(const struct quota *user)
{
	size_t count = 0;
	bool full;

	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < given_up_count; i++)
		count += given_up[i].user == user;
	full = given_up_count == GIVEN_UP_MAX;
	pthread_mutex_unlock(&mutex);
	return full || count >= GIVEN_UP_OF_USER;
}

/* Killed, but it may wait for something that lets nobody go: that is not waited for. */
static void end(pid_t pid, int pidfd, struct quota *user)
{
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};

	syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	if (poll(&ended, 1, TIME_LIMIT / 10) > 0) {
		while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
			;
		return;
	}
	pthread_mutex_lock(&mutex);
	if (given_up_count < GIVEN_UP_MAX) {
		given_up[given_up_count].pid = pid;
		given_up[given_up_count++].user = quota_keep(user);
	}
	pthread_mutex_unlock(&mutex);
}

static int receive(int socket, bool gives_fd)
{
	struct pollfd answered = {.fd = socket, .events = POLLIN};
	int result, fd, r;

	if (poll(&answered, 1, TIME_LIMIT) <= 0)
		return -ETIMEDOUT;
	r = fdpass_receive(socket, &result, &fd);
	/* Nothing: it was killed. */
	if (r < 0)
		return r == -EMFILE ? r : -EPERM;
	if (result < 0 || !gives_fd)
		close_fd(&fd);
	return result < 0 || !gives_fd ? result : fd < 0 ? -EMFILE : fd;
}

static int start(struct child *c, struct surrogate *s)
{
	autoclose int theirs = -EBADF;
	sigset_t all, old;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	s->socket = pair[0];
	c->answer = theirs = pair[1];
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	s->pid = fork_raw(&s->pidfd);
	if (s->pid == 0)
		syscall(SYS_exit_group, child_main(c));
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (s->pid < 0) {
		s->pid = 0;
		return -errno;
	}
	close_fd(&theirs);
	return receive(s->socket, c->job->gives_fd);
}

static int start_as(const struct caller *as, const struct surrogate_job *job, struct surrogate *s)
{
	autoclose int place = -EBADF;
	autoclose int root = -EBADF;
	struct child c = {.as = as, .job = job, .place = -EBADF, .root = -EBADF};
	char path[32];

	*s = (struct surrogate){.pidfd = -EBADF, .socket = -EBADF};
	s->user = quota_open(as->tid, as->uid);
	if (!s->user)
		return -ENOMEM;
	if (too_many_given_up(s->user))
		return -EAGAIN;
	if (job->in_its_place) {
		c.place = place = (int)syscall(SYS_pidfd_open, as->pid, 0);
		snprintf(path, sizeof(path), "/proc/%d/root", as->tid);
		c.root = root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (place < 0 || root < 0)
			return -EPERM;
	}
	return start(&c, s);
}

int surrogate_run(const struct caller *as, const struct surrogate_job *job)
{
	autosurrogate struct surrogate s;

	return start_as(as, job, &s);
}

int surrogate_start(const struct caller *as, const struct surrogate_job *job,
		    struct surrogate *ret_surrogate)
{
	return start_as(as, job, ret_surrogate);
}

int surrogate_ask(const struct surrogate *s, const void *question, size_t size)
{
	if (s->pid == 0 || send(s->socket, question, size, MSG_NOSIGNAL) != (ssize_t)size)
		return -EPERM;
	return receive(s->socket, false);
}

void surrogate_end(struct surrogate *s)
{
	close_fd(&s->socket);
	if (s->pid > 0)
		end(s->pid, s->pidfd, s->user);
	quota_put(&s->user);
	close_fd(&s->pidfd);
	s->pid = 0;
}
