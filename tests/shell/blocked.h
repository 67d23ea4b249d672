/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls of blocked.c: what has to be there before, the call, and the event that it waits for, which
 * comes from a child of the process.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT 1500 /* ms */
#define EVENT 2000
#define LATE 500 /* more where TESTS_SLOW says so */

struct shared {
	int word;
	pid_t tid;
};

static struct shared *shared;
static bool limited;
static int in[2], pair[2], id, other = -1, ring;
static pid_t child;
static volatile sig_atomic_t handled;
/* Set by main(): what is in memory that is a file's, as constants are, is not looked at. */
static struct timespec whole;

static void need(bool is, const char *what)
{
	if (is)
		return;
	printf("%s: %s\n", what, strerror(errno));
	_exit(errno == ENOSYS || errno == EPERM ? 77 : 1);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static const struct timespec *limit(void)
{
	return limited ? &whole : NULL;
}

static int limit_ms(void)
{
	return limited ? LIMIT : -1;
}

/* A memory that cannot be written to. */
static const void *read_only(const void *from, size_t size)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(p != MAP_FAILED, "mmap");
	memcpy(p, from, size);
	mprotect(p, 4096, PROT_READ);
	return p;
}

/* --- pipes --- */

static void write_in(void)
{
	need(write(in[1], "x", 1) == 1, "write");
}

static void make_epoll(void)
{
	struct epoll_event event = {.events = EPOLLIN};

	other = epoll_create1(EPOLL_CLOEXEC);
	need(other >= 0 && epoll_ctl(other, EPOLL_CTL_ADD, in[0], &event) == 0, "epoll");
}

static long do_epoll_wait(void)
{
	struct epoll_event event;

	return epoll_wait(other, &event, 1, limit_ms());
}

static long do_epoll_pwait(void)
{
	struct epoll_event event;
	sigset_t none;

	sigemptyset(&none);
	return epoll_pwait(other, &event, 1, limit_ms(), &none);
}

static long do_epoll_pwait2(void)
{
	struct epoll_event event;
	uint64_t none = 0;

	return syscall(SYS_epoll_pwait2, other, &event, 1, limit(), &none, sizeof(none));
}

static long do_poll(void)
{
	struct pollfd p = {.fd = in[0], .events = POLLIN};

	return poll(&p, 1, limit_ms());
}

static long do_ppoll(void)
{
	struct pollfd p = {.fd = in[0], .events = POLLIN};

	return ppoll(&p, 1, limit(), NULL);
}

static long do_ppoll_const(void)
{
	struct pollfd p = {.fd = in[0], .events = POLLIN};

	return syscall(SYS_ppoll, &p, 1, limited ? read_only(&whole, sizeof(whole)) : NULL, NULL,
		       8L);
}

static long do_select(void)
{
	struct timeval tv = {.tv_sec = LIMIT / 1000, .tv_usec = LIMIT % 1000 * 1000};
	fd_set set;

	FD_ZERO(&set);
	FD_SET(in[0], &set);
	return select(in[0] + 1, &set, NULL, NULL, limited ? &tv : NULL);
}

static long do_select_const(void)
{
	const struct timeval tv = {.tv_sec = LIMIT / 1000, .tv_usec = LIMIT % 1000 * 1000};
	fd_set set;

	FD_ZERO(&set);
	FD_SET(in[0], &set);
	return syscall(SYS_select, in[0] + 1, &set, NULL, NULL,
		       limited ? read_only(&tv, sizeof(tv)) : NULL);
}

static long do_pselect(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(in[0], &set);
	return pselect(in[0] + 1, &set, NULL, NULL, limit(), NULL);
}

static long do_read(void)
{
	char c;

	return read(in[0], &c, 1);
}

static void fill(void)
{
	char buf[4096] = "";

	fcntl(in[1], F_SETFL, O_NONBLOCK);
	while (write(in[1], buf, sizeof(buf)) > 0)
		continue;
	fcntl(in[1], F_SETFL, 0);
}

static long do_write(void)
{
	return write(in[1], "x", 1);
}

static void drain(void)
{
	char buf[65536];

	need(read(in[0], buf, sizeof(buf)) > 0, "read");
}

static void make_inotify(void)
{
	char path[64];

	snprintf(path, sizeof(path), "watched.%d", (int)getpid());
	other = inotify_init1(IN_CLOEXEC);
	need(close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) == 0, "open");
	need(other >= 0 && inotify_add_watch(other, path, IN_ATTRIB) >= 0, "inotify");
}

static long do_inotify(void)
{
	char buf[512];

	return read(other, buf, sizeof(buf)) > 0 ? 1 : -1;
}

static void touch(void)
{
	char path[64];

	snprintf(path, sizeof(path), "watched.%d", (int)getppid());
	need(chmod(path, 0400) == 0, "chmod");
}

/* --- sockets --- */

static void make_pair(void)
{
	need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
}

static void set_limit(int fd, int option)
{
	const struct timeval tv = {.tv_sec = LIMIT / 1000, .tv_usec = LIMIT % 1000 * 1000};

	if (limited)
		need(setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv)) == 0, "setsockopt");
}

static long do_recv(void)
{
	char c;

	set_limit(pair[0], SO_RCVTIMEO);
	return recv(pair[0], &c, 1, 0);
}

static long do_recvmsg(void)
{
	char c;
	struct iovec iov = {&c, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	set_limit(pair[0], SO_RCVTIMEO);
	return recvmsg(pair[0], &msg, 0);
}

static long do_read_socket(void)
{
	char c;

	set_limit(pair[0], SO_RCVTIMEO);
	return read(pair[0], &c, 1);
}

static void write_pair(void)
{
	need(write(pair[1], "x", 1) == 1, "write");
}

static void fill_pair(void)
{
	char buf[4096] = "";

	make_pair();
	while (send(pair[0], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		continue;
}

static long do_send(void)
{
	set_limit(pair[0], SO_SNDTIMEO);
	return send(pair[0], "x", 1, 0);
}

static void drain_pair(void)
{
	char buf[65536];

	while (recv(pair[1], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		continue;
}

static socklen_t address(struct sockaddr_un *sa, pid_t pid)
{
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(sa->sun_path, sizeof(sa->sun_path), "socket.%d", (int)pid);
	return sizeof(*sa);
}

static void make_listener(void)
{
	struct sockaddr_un sa;
	socklen_t len = address(&sa, getpid());

	other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	need(bind(other, (const struct sockaddr *)&sa, len) == 0 && listen(other, 0) == 0, "bind");
}

static long do_accept(void)
{
	set_limit(other, SO_RCVTIMEO);
	return accept(other, NULL, NULL) >= 0 ? 1 : -1;
}

static long do_connect(void)
{
	struct sockaddr_un sa;
	socklen_t len = address(&sa, getpid());
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	set_limit(fd, SO_SNDTIMEO);
	return connect(fd, (const struct sockaddr *)&sa, len) == 0 ? 1 : -1;
}

static void connect_it(void)
{
	struct sockaddr_un sa;
	socklen_t len = address(&sa, getppid());
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need(connect(fd, (const struct sockaddr *)&sa, len) == 0, "connect");
}

static void make_full_listener(void)
{
	struct sockaddr_un sa;
	socklen_t len;

	make_listener();
	len = address(&sa, getpid());
	need(connect(socket(AF_UNIX, SOCK_STREAM, 0), (const struct sockaddr *)&sa, len) == 0,
	     "connect");
}

static void accept_it(void)
{
	need(accept(other, NULL, NULL) >= 0, "accept");
}

/* --- System V IPC, message queues --- */

static void make_sem(void)
{
	id = semget(IPC_PRIVATE, 1, 0600);
	need(id >= 0, "semget");
}

static long do_semop(void)
{
	struct sembuf op = {.sem_op = -1};
	long r = semop(id, &op, 1);

	return r == 0 ? 1 : r;
}

static long do_semtimedop(void)
{
	struct sembuf op = {.sem_op = -1};
	long r = syscall(SYS_semtimedop, id, &op, 1L, limit());

	return r == 0 ? 1 : r;
}

static void post_sem(void)
{
	struct sembuf op = {.sem_op = 1};

	need(semop(id, &op, 1) == 0, "semop");
}

static void end_sem(void)
{
	semctl(id, 0, IPC_RMID);
}

struct message {
	long type;
	char text[1024];
};

static void make_msg(void)
{
	id = msgget(IPC_PRIVATE, 0600);
	need(id >= 0, "msgget");
}

static long do_msgrcv(void)
{
	struct message m;

	return msgrcv(id, &m, sizeof(m.text), 0, 0);
}

static void send_msg(void)
{
	const struct message m = {.type = 1};

	need(msgsnd(id, &m, 1, 0) == 0, "msgsnd");
}

static void make_full_msg(void)
{
	const struct message m = {.type = 1};

	make_msg();
	while (msgsnd(id, &m, sizeof(m.text), IPC_NOWAIT) == 0)
		continue;
}

static long do_msgsnd(void)
{
	const struct message m = {.type = 1};

	return msgsnd(id, &m, sizeof(m.text), 0) == 0 ? 1 : -1;
}

static void take_msg(void)
{
	struct message m;

	need(msgrcv(id, &m, sizeof(m.text), 0, 0) > 0, "msgrcv");
}

static void end_msg(void)
{
	msgctl(id, IPC_RMID, NULL);
}

static void make_mq(void)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};
	char name[64];

	snprintf(name, sizeof(name), "/blocked.%d", (int)getpid());
	other = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);
	need(other >= 0, "mq_open");
	mq_unlink(name);
}

static long do_mq_receive(void)
{
	struct timespec until;
	char text[8];

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += whole.tv_sec;
	until.tv_nsec += whole.tv_nsec;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return limited ? mq_timedreceive(other, text, sizeof(text), NULL, &until)
		       : mq_receive(other, text, sizeof(text), NULL);
}

static void send_mq(void)
{
	need(mq_send(other, "x", 1, 0) == 0, "mq_send");
}

/* --- asynchronous input --- */

static aio_context_t aio;

static void make_aio(void)
{
	static struct iocb iocb;
	struct iocb *list[] = {&iocb};

	iocb = (struct iocb){
		.aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = (uint32_t)in[0], .aio_buf = POLLIN};
	need(syscall(SYS_io_setup, 1L, &aio) == 0, "io_setup");
	need(syscall(SYS_io_submit, aio, 1L, list) == 1, "io_submit");
}

static long do_io_getevents(void)
{
	struct io_event event;

	return syscall(SYS_io_getevents, aio, 1L, 1L, &event, limit());
}

static long do_io_pgetevents(void)
{
	struct io_event event;

	return syscall(SYS_io_pgetevents, aio, 1L, 1L, &event, limit(), NULL);
}

static void make_ring(void)
{
	struct io_uring_params params = {0};
	struct io_uring_sqe *entries;
	unsigned char *queue;

	ring = (int)syscall(SYS_io_uring_setup, 4L, &params);
	need(ring >= 0, "io_uring_setup");
	queue = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	entries = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	need(queue != MAP_FAILED && entries != MAP_FAILED, "mmap");
	entries[0] = (struct io_uring_sqe){
		.opcode = IORING_OP_POLL_ADD, .fd = in[0], .poll32_events = POLLIN};
	((unsigned int *)(void *)(queue + params.sq_off.array))[0] = 0;
	((unsigned int *)(void *)(queue + params.sq_off.tail))[0] = 1;
	need(syscall(SYS_io_uring_enter, ring, 1L, 0L, 0L, NULL, 0L) == 1, "io_uring_enter");
}

static long do_io_uring_enter(void)
{
	const struct {
		uint64_t mask;
		uint32_t mask_size, pad;
		uint64_t limit;
	} arg = {.limit = (uint64_t)(uintptr_t)&whole};
	long r = limited ? syscall(SYS_io_uring_enter, ring, 0L, 1L, IORING_ENTER_GETEVENTS | 8L,
				   &arg, sizeof(arg))
			 : syscall(SYS_io_uring_enter, ring, 0L, 1L, (long)IORING_ENTER_GETEVENTS,
				   NULL, 0L);

	return r == 0 ? 1 : r;
}

/* --- signals, time, processes, locks --- */

static void block(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static long do_sigtimedwait(void)
{
	uint64_t set = UINT64_C(1) << (SIGUSR2 - 1);
	long r = syscall(SYS_rt_sigtimedwait, &set, NULL, limit(), sizeof(set));

	return r == SIGUSR2 ? 1 : r;
}

static void send_signal(void)
{
	need(kill(getppid(), SIGUSR2) == 0, "kill");
}

static long do_nanosleep(void)
{
	return nanosleep(&whole, NULL);
}

static long do_clock_nanosleep(void)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += 1;
	until.tv_nsec += 500000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	return errno ? -1 : 0;
}

static long do_futex(void)
{
	long r = syscall(SYS_futex, &shared->word, FUTEX_WAIT, 0, limit());

	return r == 0 ? 1 : r;
}

static void wake(void)
{
	__atomic_store_n(&shared->word, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &shared->word, FUTEX_WAKE, 1);
}

static long do_waitid(void)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0 ? 1 : -1;
}

static long do_wait4(void)
{
	return wait4(child, NULL, 0, NULL) == child ? 1 : -1;
}

static void end(void)
{
	_exit(0);
}

static void take_lock(void)
{
	char path[64];

	snprintf(path, sizeof(path), "lock.%d", (int)getpid());
	other = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	need(other >= 0 && flock(other, LOCK_EX) == 0, "flock");
}

static long do_flock(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "lock.%d", (int)getpid());
	fd = open(path, O_RDWR | O_CLOEXEC);
	close(other);
	return flock(fd, LOCK_EX) == 0 ? 1 : -1;
}

static void give_lock(void)
{
	flock(other, LOCK_UN);
}

/*
 * goes_on: after a handler too, by SA_RESTART, always or without a limit. socket: the limit is the socket's, of which
 * nothing can be taken off.
 */
static const struct call {
	const char *name;
	void (*make)(void);
	long (*call)(void);
	void (*event)(void);
	void (*end)(void);
	int by_limit; /* what it says then: 0, or an errno; -1: it can have none; -2: it has one always */
	enum { NEVER, UNLIMITED, ALWAYS } goes_on;
	bool socket;
} calls[] = {
	{"epoll_wait", make_epoll, do_epoll_wait, write_in, NULL, 0, NEVER, false},
	{"epoll_pwait", make_epoll, do_epoll_pwait, write_in, NULL, 0, NEVER, false},
	{"epoll_pwait2", make_epoll, do_epoll_pwait2, write_in, NULL, 0, NEVER, false},
	{"poll", NULL, do_poll, write_in, NULL, 0, NEVER, false},
	{"ppoll", NULL, do_ppoll, write_in, NULL, 0, NEVER, false},
	{"ppoll_const", NULL, do_ppoll_const, write_in, NULL, 0, NEVER, false},
	{"select", NULL, do_select, write_in, NULL, 0, NEVER, false},
	{"select_const", NULL, do_select_const, write_in, NULL, 0, NEVER, false},
	{"pselect", NULL, do_pselect, write_in, NULL, 0, NEVER, false},
	{"read", NULL, do_read, write_in, NULL, -1, ALWAYS, false},
	{"write", fill, do_write, drain, NULL, -1, ALWAYS, false},
	{"inotify", make_inotify, do_inotify, touch, NULL, -1, ALWAYS, false},
	{"recv", make_pair, do_recv, write_pair, NULL, EAGAIN, UNLIMITED, true},
	{"recvmsg", make_pair, do_recvmsg, write_pair, NULL, EAGAIN, UNLIMITED, true},
	{"read_socket", make_pair, do_read_socket, write_pair, NULL, EAGAIN, UNLIMITED, true},
	{"send", fill_pair, do_send, drain_pair, NULL, EAGAIN, UNLIMITED, true},
	{"accept", make_listener, do_accept, connect_it, NULL, EAGAIN, UNLIMITED, true},
	{"connect", make_full_listener, do_connect, accept_it, NULL, EAGAIN, UNLIMITED, true},
	{"semop", make_sem, do_semop, post_sem, end_sem, -1, NEVER, false},
	{"semtimedop", make_sem, do_semtimedop, post_sem, end_sem, EAGAIN, NEVER, false},
	{"msgrcv", make_msg, do_msgrcv, send_msg, end_msg, -1, NEVER, false},
	{"msgsnd", make_full_msg, do_msgsnd, take_msg, end_msg, -1, NEVER, false},
	{"mq_receive", make_mq, do_mq_receive, send_mq, NULL, ETIMEDOUT, ALWAYS, false},
	{"io_getevents", make_aio, do_io_getevents, write_in, NULL, 0, NEVER, false},
	{"io_pgetevents", make_aio, do_io_pgetevents, write_in, NULL, 0, NEVER, false},
	{"io_uring_enter", make_ring, do_io_uring_enter, write_in, NULL, ETIME, NEVER, false},
	{"sigtimedwait", block, do_sigtimedwait, send_signal, NULL, EAGAIN, NEVER, false},
	{"nanosleep", NULL, do_nanosleep, NULL, NULL, -2, NEVER, false},
	{"clock_nanosleep", NULL, do_clock_nanosleep, NULL, NULL, -2, NEVER, false},
	{"futex", NULL, do_futex, wake, NULL, ETIMEDOUT, UNLIMITED, false},
	{"waitid", NULL, do_waitid, end, NULL, -1, ALWAYS, false},
	{"wait4", NULL, do_wait4, end, NULL, -1, ALWAYS, false},
	{"flock", take_lock, do_flock, give_lock, NULL, -1, ALWAYS, false},
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))
